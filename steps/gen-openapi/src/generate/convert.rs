//! Converts to OpenAPI 3.0, which API Gateway wants: what 3.1 took from JSON Schema is said in the words
//! of 3.0 where it has any, and told where it has not.

mod inline;
mod schema;

use std::collections::HashSet;

use findings::Severity;

use crate::description::Description;
use crate::document::{At, Entry, Node, Object, Value};
use crate::problem::Problem;
use crate::references::References;
use crate::spec::{Kind, Shape, Version};
use crate::walk::{Pointer, walk, walk_mut};

/// The rule that nothing is lost.
const LOST: &str = "not-in-3.0";

/// The version that is written. Tools that know 3.0 know this one.
const VERSION: &str = "3.0.3";

/// The dialect of schemas that a description of 3.1 has when it says nothing.
const DIALECT: &str = "https://spec.openapis.org/oas/3.1/dialect/base";

/// What 3.0 has no words for.
#[derive(Debug)]
struct Lost {
    at: At,
    what: String,
    why: &'static str,
    /// Nothing that a program goes by.
    is_documentation: bool,
}

impl Lost {
    fn new(entry: &Entry, why: &'static str) -> Self {
        let what = format!("`{}`", entry.key);
        Self { at: entry.at, what, why, is_documentation: false }
    }

    fn documentation(entry: &Entry, why: &'static str) -> Self {
        Self { is_documentation: true, ..Self::new(entry, why) }
    }
}

/// Converts a description. What is for people alone is left out with `allow_loss`; that is returned.
///
/// # Errors
/// What 3.0 has no words for; all of it.
pub(super) fn to_3_0(
    mut description: Description,
    allow_loss: bool,
) -> Result<(Description, Vec<Problem>), Vec<Problem>> {
    let version = description.version;
    if version == Version::V3_0 {
        return Ok((description, Vec::new()));
    }
    let mut lost = Vec::new();
    let mut told = HashSet::new();
    walk(&description.root, Kind::OpenApi, version, &Pointer::ROOT, &mut |visit| {
        let mut found = Vec::new();
        let _ = converted(visit.kind, visit.node, version, &mut found);
        for it in found.into_iter().filter(|it| told.insert((it.at, it.what.clone()))) {
            let message = format!("OpenAPI 3.0 has no {}: {}", it.what, it.why);
            let severity = match it.is_documentation {
                true => Severity::Minor,
                false => Severity::Blocker,
            };
            let problem = Problem::new(LOST, severity, it.at, visit.pointer, message);
            lost.push(match it.is_documentation {
                true => problem.help("leave it out with --allow-loss"),
                false => problem,
            });
        }
    });
    inline::check(&description.root, version, &mut lost);
    if lost.iter().any(|it| it.severity == Severity::Blocker || !allow_loss) {
        return Err(lost);
    }
    let moved = inline::lift_definitions(&mut description.root, version);
    inline::rewrite(&mut description.root, version, &moved);
    inline::expand(&mut description.root, version);
    walk_mut(&mut description.root, Kind::OpenApi, version, &mut |kind, node| {
        if let Some(new) = converted(kind, node, version, &mut Vec::new()) {
            node.value = Value::Object(new);
        }
    });
    description.version = Version::V3_0;
    let dangling = dangling(&description.root);
    if dangling.is_empty() { Ok((description, lost)) } else { Err(dangling) }
}

/// An object in the words of 3.0, when it changes; and what cannot be said in them.
fn converted(kind: Kind, node: &Node, version: Version, lost: &mut Vec<Lost>) -> Option<Object> {
    let object = node.as_object()?;
    if object.contains("$ref") && kind != Kind::Schema && kind != Kind::PathItem {
        return reference(object, lost);
    }
    let with_objects = booleans_as_objects(kind, object, version);
    let object = with_objects.as_ref().unwrap_or(object);
    let new = match kind {
        Kind::Schema => schema::converted(object, lost),
        _ => other_changes(kind, object, version).then(|| other(kind, object, version, lost)),
    };
    new.or(with_objects)
}

/// Whether a key is one that came after 3.0.
fn is_new(kind: Kind, key: &str, version: Version) -> bool {
    kind.field(key, version).is_some() && kind.field(key, Version::V3_0).is_none()
}

/// Whether an object that is no schema has something that came after 3.0, or misses what 3.0 requires.
fn other_changes(kind: Kind, object: &Object, version: Version) -> bool {
    let misses = match kind {
        Kind::OpenApi => true,
        Kind::Operation => !object.contains("responses"),
        Kind::Response => !object.contains("description"),
        _ => false,
    };
    misses || object.keys().any(|key| is_new(kind, key, version))
}

/// `$ref` alone: 3.0 has no texts beside it. What else stands there means nothing in any version.
fn reference(object: &Object, lost: &mut Vec<Lost>) -> Option<Object> {
    let mut siblings = object.iter().filter(|it| it.key != "$ref").peekable();
    siblings.peek()?;
    lost.extend(
        siblings
            .filter(|it| matches!(it.key.as_str(), "summary" | "description"))
            .map(|it| Lost::documentation(it, "a reference has no texts of its own")),
    );
    object.entry("$ref").map(|it| std::iter::once(it.clone()).collect())
}

/// Schemas that are `true` or `false` as objects, but for `additionalProperties`, which may be booleans.
fn booleans_as_objects(kind: Kind, object: &Object, version: Version) -> Option<Object> {
    fn replace(node: &Node, shape: Shape) -> Option<Node> {
        let value = match (shape, &node.value) {
            (Shape::Schema, Value::Bool(true)) => Value::Object(Object::default()),
            (Shape::Schema, Value::Bool(false)) => {
                Node::object([("not", Node::object::<&str>([]))]).value
            }
            (Shape::List(Shape::Schema), Value::Array(items)) => {
                let is_boolean = |it: &Node| it.as_bool().is_some();
                items.iter().find(|it| is_boolean(it))?;
                let objects =
                    items.iter().map(|it| replace(it, Shape::Schema).unwrap_or(it.clone()));
                Value::Array(objects.collect())
            }
            (Shape::Map(Shape::Schema), Value::Object(object)) => {
                object.iter().find(|it| it.value.as_bool().is_some())?;
                let objects = object.iter().map(|it| Entry {
                    value: replace(&it.value, Shape::Schema).unwrap_or(it.value.clone()),
                    ..it.clone()
                });
                Value::Object(objects.collect())
            }
            _ => return None,
        };
        Some(Node { value, at: node.at })
    }
    let mut new = None;
    for entry in object {
        let keeps = matches!(entry.key.as_str(), "unevaluatedProperties" | "unevaluatedItems");
        let shape = kind.shape(&entry.key, version).filter(|_| !keeps);
        if let Some(value) = shape.and_then(|shape| replace(&entry.value, shape)) {
            new.get_or_insert_with(|| object.clone()).insert(entry.key.clone(), value);
        }
    }
    new
}

/// An object that is no schema.
fn other(kind: Kind, object: &Object, version: Version, lost: &mut Vec<Lost>) -> Object {
    let mut new = Object::default();
    for entry in object {
        let key = entry.key.as_str();
        match (kind, key) {
            (Kind::OpenApi, "openapi") => {
                let openapi = Node { at: entry.value.at, ..Node::string(VERSION) };
                new.push(Entry { value: openapi, ..entry.clone() });
            }
            (Kind::OpenApi, "jsonSchemaDialect") => {
                if entry.value.as_str().is_none_or(|it| !is_known_dialect(it)) {
                    lost.push(Lost::new(entry, "schemas of another dialect are not known"));
                }
            }
            (Kind::OpenApi, "webhooks") => {
                if entry.value.as_object().is_none_or(|it| !it.is_empty()) {
                    let why =
                        "requests that the service sends have no place, other than in callbacks";
                    lost.push(Lost::documentation(entry, why));
                }
            }
            (Kind::License, "identifier") => license(entry, object, &mut new),
            (Kind::Example, "dataValue") if !object.contains("value") => {
                new.push(Entry { key: "value".into(), ..entry.clone() });
            }
            (Kind::Components, "pathItems" | "mediaTypes") => {}
            _ if !is_new(kind, key, version) => new.push(entry.clone()),
            _ if is_documentation(kind, key) => {
                lost.push(Lost::documentation(entry, "it is for people alone"));
            }
            _ => lost.push(Lost::new(entry, "there is nothing that means the same")),
        }
    }
    complete(kind, &mut new);
    new
}

fn is_known_dialect(dialect: &str) -> bool {
    matches!(
        dialect.trim_end_matches('#'),
        DIALECT
            | "https://json-schema.org/draft/2020-12/schema"
            | "https://spec.openapis.org/oas/3.1/dialect/2024-11-10"
            | "https://spec.openapis.org/oas/3.2/dialect/2025-09-17"
    )
}

fn is_documentation(kind: Kind, key: &str) -> bool {
    matches!(
        (kind, key),
        (Kind::OpenApi, "$self")
            | (Kind::Info | Kind::Tag | Kind::Response, "summary")
            | (Kind::Tag, "parent" | "kind")
            | (Kind::Server, "name")
            | (Kind::Example, "dataValue" | "serializedValue")
            | (Kind::SecurityScheme, "deprecated" | "oauth2MetadataUrl")
    )
}

/// The page of a license that 3.1 names by its identifier: <https://spdx.org/licenses/>
fn license(entry: &Entry, object: &Object, new: &mut Object) {
    let identifier = entry.value.as_str().filter(|_| !object.contains("url"));
    // An expression of several has no page; the name says what it is.
    let identifier = identifier.filter(|it| !it.contains(' ')).unwrap_or_default();
    if !identifier.is_empty() {
        let url = Node::string(format!("https://spdx.org/licenses/{identifier}.html"));
        new.push(Entry {
            key: "url".into(),
            at: entry.at,
            value: Node { at: entry.value.at, ..url },
        });
    }
}

/// Adds what 3.0 requires and 3.1 does not, so that it says nothing.
fn complete(kind: Kind, object: &mut Object) {
    let empty = || Node::object::<&str>([]);
    match kind {
        Kind::OpenApi if !object.contains("paths") => object.insert("paths", empty()),
        Kind::Operation if !object.contains("responses") => {
            let any = Node::object([("description", Node::string(""))]);
            object.insert("responses", Node::object([("default", any)]));
        }
        Kind::Response if !object.contains("description") => {
            object.insert("description", Node::string(""));
        }
        _ => {}
    }
}

/// References into what has another form now.
fn dangling(root: &Node) -> Vec<Problem> {
    let references = References::new(root);
    let mut dangling = Vec::new();
    walk(root, Kind::OpenApi, Version::V3_0, &Pointer::ROOT, &mut |visit| {
        let text = visit.reference.filter(|it| it.starts_with("#/"));
        if let Some(text) = text.filter(|it| references.find(it).is_none()) {
            let at = visit.node.get("$ref").map_or(visit.node.at, |it| it.at);
            let message = format!("`{text}` leads to nothing in OpenAPI 3.0");
            let problem = Problem::new(LOST, Severity::Blocker, at, visit.pointer, message);
            dangling.push(problem.help("let it lead to a component of its own"));
        }
    });
    dangling
}

#[cfg(test)]
mod tests;
