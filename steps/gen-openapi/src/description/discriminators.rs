//! Keeps what a discriminator's value means when schemas get other names: without a mapping the value
//! is the name of the schema.

use std::collections::BTreeMap;

use crate::document::{Node, Object, Value};
use crate::spec::{Kind, Version};
use crate::walk::walk_mut;

const SCHEMAS: &str = "#/components/schemas/";

/// Adds to mappings what was meant without them. `renamed` has the names that schemas had by those that
/// they have now.
pub(crate) fn keep(root: &mut Node, version: Version, renamed: &BTreeMap<String, String>) {
    if renamed.is_empty() {
        return;
    }
    for (parent, new) in inherited(root, renamed) {
        let pointer = ["components", "schemas", parent.as_str()];
        let parent = pointer.iter().try_fold(&mut *root, |node, key| {
            node.as_object_mut().and_then(|object| object.get_mut(key))
        });
        if let Some(parent) = parent {
            add(parent, &new, &renamed[&new]);
        }
    }
    walk_mut(root, Kind::OpenApi, version, &mut |kind, node| {
        if kind == Kind::Schema && node.get("discriminator").is_some() {
            for new in chosen(node).filter(|it| renamed.contains_key(it)).collect::<Vec<_>>() {
                add(node, &new, &renamed[&new]);
            }
        }
    });
}

/// The parents of schemas with new names, by `allOf`: parent and child.
fn inherited(root: &Node, renamed: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let schemas = root.get("components").and_then(|it| it.get("schemas")).and_then(Node::as_object);
    let children = schemas.into_iter().flatten().filter(|it| renamed.contains_key(it.key.as_str()));
    let parents = children.flat_map(|child| {
        names(&child.value, "allOf").map(|parent| (parent, child.key.to_string()))
    });
    parents.collect()
}

/// The schemas that a schema with a discriminator chooses from.
fn chosen(schema: &Node) -> impl Iterator<Item = String> {
    names(schema, "oneOf").chain(names(schema, "anyOf"))
}

fn names(schema: &Node, keyword: &str) -> impl Iterator<Item = String> {
    let items = schema.get(keyword).and_then(Node::as_array).unwrap_or_default();
    items.iter().filter_map(|it| Some(it.text("$ref")?.strip_prefix(SCHEMAS)?.to_owned()))
}

fn add(schema: &mut Node, new: &str, old: &str) {
    let discriminator = schema.as_object_mut().and_then(|it| it.get_mut("discriminator"));
    let Some(discriminator) = discriminator.and_then(Node::as_object_mut) else { return };
    if !discriminator.contains("mapping") {
        discriminator.insert("mapping", Node::made(Value::Object(Object::default())));
    }
    let Some(mapping) = discriminator.get_mut("mapping").and_then(Node::as_object_mut) else {
        return;
    };
    let reference = format!("{SCHEMAS}{new}");
    let is_there = mapping.iter().any(|it| it.value.as_str() == Some(&reference));
    if !is_there && !mapping.contains(old) {
        mapping.insert(old, Node::string(reference));
    }
}
