//! Follows the references of a description that points only into itself.

use std::collections::HashMap;

use crate::description::decode;
use crate::document::{Node, Object};

/// How many references may lead from one to the next.
pub(crate) const MAX_HOPS: usize = 64;

/// A description, ready to look things up in.
#[derive(Debug)]
pub(crate) struct References<'a> {
    root: &'a Node,
    /// Of `components`, which nearly all references point to: by section and name.
    components: HashMap<(&'a str, &'a str), &'a Node>,
}

impl<'a> References<'a> {
    pub(crate) fn new(root: &'a Node) -> Self {
        let sections = root.get("components").and_then(Node::as_object);
        let components = sections.into_iter().flat_map(Object::iter).flat_map(|section| {
            let entries = section.value.as_object().into_iter().flat_map(Object::iter);
            entries.map(|entry| ((section.key.as_str(), entry.key.as_str()), &entry.value))
        });
        Self { root, components: components.collect() }
    }

    /// What `#/…` points to.
    pub(crate) fn find(&self, reference: &str) -> Option<&'a Node> {
        let pointer = decode(reference.strip_prefix('#')?)?;
        if let Some((section, name)) = component(&pointer)
            && !name.contains('~')
        {
            return self.components.get(&(section, name)).copied();
        }
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return None;
        }
        self.root.pointer(&pointer)
    }

    /// What stands for a node: itself, or what its reference leads to in the end. Nothing when that is
    /// not there, or never ends.
    pub(crate) fn resolve(&self, node: &'a Node) -> Option<&'a Node> {
        let mut node = node;
        for _ in 0..MAX_HOPS {
            match node.text("$ref") {
                Some(reference) => node = self.find(reference)?,
                None => return Some(node),
            }
        }
        None
    }
}

/// Section and name of a pointer into `components`.
fn component(pointer: &str) -> Option<(&str, &str)> {
    let (section, name) = pointer.strip_prefix("/components/")?.split_once('/')?;
    (!name.contains('/')).then_some((section, name))
}

#[cfg(test)]
mod tests {
    use super::References;
    use crate::document::Sources;

    #[test]
    fn references_are_followed_to_their_end() {
        let text = r##"{"components": {"schemas": {
            "A": {"$ref": "#/components/schemas/B"},
            "B": {"type": "string"},
            "a/b~c": {"type": "integer", "properties": {"x y": true}},
            "Circle": {"$ref": "#/components/schemas/Circle"},
            "Lost": {"$ref": "#/components/schemas/Nobody"}
        }}}"##;
        let root = Sources::default().read("a.json", text.into()).unwrap();
        let references = References::new(&root);
        let schema = |name: &str| root.pointer(&format!("/components/schemas/{name}")).unwrap();
        assert_eq!(references.resolve(schema("A")).unwrap().text("type"), Some("string"));
        assert_eq!(references.resolve(schema("B")).unwrap().text("type"), Some("string"));
        assert!(references.resolve(schema("Circle")).is_none());
        assert!(references.resolve(schema("Lost")).is_none());
        let found = references.find("#/components/schemas/a~1b~0c").unwrap();
        assert_eq!(found.text("type"), Some("integer"));
        let inside = "#/components/schemas/a~1b~0c/properties/x%20y";
        assert_eq!(references.find(inside).unwrap().as_bool(), Some(true));
        assert_eq!(references.find("#").unwrap(), &root);
        assert!(references.find("other.yaml#/A").is_none());
        assert!(references.find("#A").is_none());
    }
}
