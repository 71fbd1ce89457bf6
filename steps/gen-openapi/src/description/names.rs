//! The names that schemas have by themselves.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::document::{Node, Text, Value, escape};

/// Pointers to the schemas of a document by their `$anchor`, and by their `$id`:
/// <https://json-schema.org/draft/2020-12/json-schema-core#section-8.2>
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) anchors: HashMap<Text, String>,
    pub(super) ids: HashMap<Text, String>,
}

impl Names {
    /// All of a document, whatever its objects are. Of two equal ones the first counts.
    pub(super) fn of(root: &Node) -> Self {
        let mut names = Names::default();
        names.collect(root, &mut String::new());
        names
    }

    fn collect(&mut self, node: &Node, pointer: &mut String) {
        let length = pointer.len();
        match &node.value {
            Value::Object(object) => {
                for entry in object {
                    match (entry.key.as_str(), &entry.value.value) {
                        ("$anchor" | "$dynamicAnchor", Value::String(name)) => {
                            self.anchors.entry(name.clone()).or_insert_with(|| pointer.clone());
                        }
                        ("$id", Value::String(id)) => {
                            let id = Text::from(id.trim_end_matches('#'));
                            self.ids.entry(id).or_insert_with(|| pointer.clone());
                        }
                        (key, Value::Object(_) | Value::Array(_)) => {
                            pointer.push('/');
                            pointer.push_str(&escape(key));
                            self.collect(&entry.value, pointer);
                            pointer.truncate(length);
                        }
                        _ => {}
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let _always_fits = write!(pointer, "/{index}");
                    self.collect(item, pointer);
                    pointer.truncate(length);
                }
            }
            _ => {}
        }
    }
}
