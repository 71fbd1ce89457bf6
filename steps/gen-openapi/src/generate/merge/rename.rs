//! Gives things other names, wherever they are named.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::description::{Description, decode, discriminators, encode};
use crate::document::{Entry, Node, Object, Text, Value, escape, unescape};
use crate::spec::{Kind, Version};
use crate::walk::walk_mut;

/// New names.
#[derive(Debug, Default)]
pub(super) struct Renames {
    /// Of components, by section and name.
    pub(super) components: HashMap<(Text, Text), String>,
    /// The new names of components, by section.
    pub(super) given: HashSet<(Text, Text)>,
    /// Of operations, by their id.
    pub(super) operations: HashMap<Text, String>,
}

const COMPONENTS: &str = "#/components/";
const PATHS: &str = "#/paths/";

/// Section and name of the component that a reference leads to, or into.
pub(super) fn component_of(reference: &str) -> Option<(Text, Text)> {
    let (section, rest) = reference.strip_prefix(COMPONENTS)?.split_once('/')?;
    let name = decode(rest.split('/').next().unwrap_or(rest))?;
    Some((section.into(), unescape(&name)))
}

/// Gives things their new names.
pub(super) fn apply(description: &mut Description, renames: &Renames) {
    if renames.components.is_empty() && renames.operations.is_empty() {
        return;
    }
    let Description { root, version, .. } = description;
    walk_mut(root, Kind::OpenApi, *version, &mut |kind, node| renames.rewrite(kind, node));
    let components = root.as_object_mut().and_then(|it| it.get_mut("components"));
    for section in components.and_then(Node::as_object_mut).into_iter().flat_map(Object::iter_mut) {
        let name = section.key.clone();
        let entries = section.value.as_object_mut().into_iter().flat_map(Object::iter_mut);
        for entry in entries {
            if let Some(new) = renames.components.get(&(name.clone(), entry.key.clone())) {
                entry.key = new.as_str().into();
            }
        }
    }
    let schemas = renames.components.iter().filter(|((section, _), _)| section == "schemas");
    let schemas: BTreeMap<String, String> =
        schemas.map(|((_, old), new)| (new.clone(), old.to_string())).collect();
    discriminators::keep(root, *version, &schemas);
}

impl Renames {
    fn rewrite(&self, kind: Kind, node: &mut Node) {
        let Some(object) = node.as_object_mut() else { return };
        if object.contains("$ref") {
            change(object, "$ref", |text| self.reference(text));
        }
        match kind {
            Kind::Discriminator => {
                let mapping = object.get_mut("mapping").and_then(Node::as_object_mut);
                for entry in mapping.into_iter().flat_map(Object::iter_mut) {
                    let new = entry.value.as_str().and_then(|text| self.mapping(text));
                    if let Some(new) = new {
                        entry.value.value = Value::String(new.into());
                    }
                }
            }
            Kind::Link => change(object, "operationId", |id| self.operations.get(id).cloned()),
            Kind::Operation => change(object, "operationId", |id| self.operations.get(id).cloned()),
            Kind::SecurityRequirement => {
                for Entry { key, .. } in object.iter_mut() {
                    if let Some(new) = self.components.get(&("securitySchemes".into(), key.clone()))
                    {
                        *key = new.as_str().into();
                    }
                }
            }
            _ => {}
        }
    }

    fn reference(&self, text: &str) -> Option<String> {
        let (section, name) = component_of(text)?;
        let rest = text.strip_prefix(COMPONENTS)?.splitn(3, '/').nth(2);
        let rest = rest.map(|rest| format!("/{rest}")).unwrap_or_default();
        let new = self.components.get(&(section.clone(), name))?;
        Some(format!("{COMPONENTS}{section}/{}{rest}", encode(&escape(new))))
    }

    fn mapping(&self, text: &str) -> Option<String> {
        self.reference(text)
            .or_else(|| self.components.get(&("schemas".into(), text.into())).cloned())
    }
}

/// Puts a prefix before each path, and into what refers to paths.
pub(super) fn prefix_paths(root: &mut Node, version: Version, prefix: &str) {
    let in_pointer = encode(&escape(prefix));
    let reference =
        |text: &str| text.strip_prefix(PATHS).map(|rest| format!("{PATHS}{in_pointer}{rest}"));
    walk_mut(root, Kind::OpenApi, version, &mut |kind, node| {
        let Some(object) = node.as_object_mut() else { return };
        if object.contains("$ref") {
            change(object, "$ref", reference);
        }
        if kind == Kind::Link {
            change(object, "operationRef", reference);
        }
    });
    let paths = root.as_object_mut().and_then(|it| it.get_mut("paths"));
    for Entry { key, .. } in
        paths.and_then(Node::as_object_mut).into_iter().flat_map(Object::iter_mut)
    {
        if key.starts_with('/') {
            *key = format!("{prefix}{key}").into();
        }
    }
}

/// Changes the text of a key, if there is one and it changes.
fn change(object: &mut Object, key: &str, new: impl Fn(&str) -> Option<String>) {
    let changed = object.get(key).and_then(Node::as_str).and_then(new);
    if let (Some(changed), Some(node)) = (changed, object.get_mut(key)) {
        node.value = Value::String(changed.into());
    }
}
