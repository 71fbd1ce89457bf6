//! Goes through a document by what its objects are. An example or an extension is not searched: what
//! looks like a reference in there is none.

use std::fmt;

use crate::document::{Entry, Node, Object, Value, escape};
use crate::spec::{Kind, Shape, Version};

/// The way from the root of a document to a value, from its end. Shown as the fragment of a URL that
/// holds a JSON Pointer (RFC 6901, 6): `#/paths/~1orders/get`, without percent-encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointer<'a> {
    parent: Option<&'a Pointer<'a>>,
    part: Part<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Pointer<'a> {
    pub(crate) const ROOT: Pointer<'static> = Pointer { parent: None, part: Part::Root };

    /// The value of a key.
    pub(crate) fn key(&'a self, key: &'a str) -> Pointer<'a> {
        Pointer { parent: Some(self), part: Part::Key(key) }
    }

    /// An item of an array.
    pub(crate) fn index(&'a self, index: usize) -> Pointer<'a> {
        Pointer { parent: Some(self), part: Part::Index(index) }
    }

    /// The way without its last part.
    pub(crate) fn parent(&self) -> Option<&'a Pointer<'a>> {
        self.parent
    }

    /// The last part, when it is a key.
    pub(crate) fn last_key(&self) -> Option<&'a str> {
        if let Part::Key(key) = self.part { Some(key) } else { None }
    }
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            write!(f, "{parent}")?;
        }
        match self.part {
            Part::Root => f.write_str("#"),
            Part::Key(key) => write!(f, "/{}", escape(key)),
            Part::Index(index) => write!(f, "/{index}"),
        }
    }
}

/// An object of a kind that the specification knows, or a reference to one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit<'a, 'p> {
    pub(crate) kind: Kind,
    pub(crate) node: &'a Node,
    pub(crate) pointer: &'p Pointer<'p>,
    /// The text of `$ref`. In a schema from 3.1 on, and in a Path Item, other keywords stand beside it;
    /// elsewhere they mean nothing.
    pub(crate) reference: Option<&'a str>,
}

/// Calls `visit` for each object below `node`, itself first. What does not have the shape that the
/// specification wants is left out.
pub(crate) fn walk<'a>(
    node: &'a Node,
    kind: Kind,
    version: Version,
    pointer: &Pointer<'_>,
    visit: &mut dyn FnMut(Visit<'a, '_>),
) {
    let reference = node.text("$ref");
    visit(Visit { kind, node, pointer, reference });
    let Some(object) = node.as_object() else { return };
    if reference.is_some() && is_all(kind, version) {
        return;
    }
    for entry in object {
        if let Some(shape) = kind.shape(&entry.key, version) {
            inside(&entry.value, shape, version, &pointer.key(&entry.key), visit);
        }
    }
}

fn inside<'a>(
    node: &'a Node,
    shape: Shape,
    version: Version,
    pointer: &Pointer<'_>,
    visit: &mut dyn FnMut(Visit<'a, '_>),
) {
    match (shape, &node.value) {
        (shape, Value::Object(object)) => {
            if let Some(kind) = kind_of(shape) {
                walk(node, kind, version, pointer, visit);
            } else if let Shape::Map(inner) = shape {
                for entry in object {
                    inside(&entry.value, *inner, version, &pointer.key(&entry.key), visit);
                }
            }
        }
        (Shape::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                inside(item, *inner, version, &pointer.index(index), visit);
            }
        }
        // A schema that is a boolean.
        (Shape::Schema | Shape::SchemaOrBoolean, Value::Bool(_)) => {
            visit(Visit { kind: Kind::Schema, node, pointer, reference: None });
        }
        _ => {}
    }
}

/// Like [`walk`], to change what is visited; `change` may replace the node, and then goes on inside the
/// new one.
pub(crate) fn walk_mut(
    node: &mut Node,
    kind: Kind,
    version: Version,
    change: &mut dyn FnMut(Kind, &mut Node),
) {
    change(kind, node);
    if node.text("$ref").is_some() && is_all(kind, version) {
        return;
    }
    let Some(object) = node.as_object_mut() else { return };
    for Entry { key, value, .. } in object.iter_mut() {
        if let Some(shape) = kind.shape(key, version) {
            inside_mut(value, shape, version, change);
        }
    }
}

fn inside_mut(
    node: &mut Node,
    shape: Shape,
    version: Version,
    change: &mut dyn FnMut(Kind, &mut Node),
) {
    match shape {
        Shape::List(inner) => {
            // Texts are not copied for nothing.
            if kind_inside(*inner) {
                let items = node.as_array_mut().map(|items| items.make_mut()).unwrap_or_default();
                items.iter_mut().for_each(|item| inside_mut(item, *inner, version, change));
            }
        }
        Shape::Map(inner) => {
            if kind_inside(*inner) {
                let entries = node.as_object_mut().map(Object::iter_mut).into_iter().flatten();
                entries.for_each(|entry| inside_mut(&mut entry.value, *inner, version, change));
            }
        }
        shape => {
            let is_schema = kind_of(shape) == Some(Kind::Schema) && node.as_bool().is_some();
            if let Some(kind) = kind_of(shape).filter(|_| node.as_object().is_some() || is_schema) {
                walk_mut(node, kind, version, change);
            }
        }
    }
}

/// Whether a reference of this kind is all that counts of its object.
fn is_all(kind: Kind, version: Version) -> bool {
    match kind {
        Kind::Schema => version == Version::V3_0,
        Kind::PathItem => false,
        _ => true,
    }
}

fn kind_of(shape: Shape) -> Option<Kind> {
    match shape {
        Shape::Is(kind) | Shape::OrReference(kind) => Some(kind),
        Shape::Schema | Shape::SchemaOrBoolean => Some(Kind::Schema),
        _ => None,
    }
}

fn kind_inside(shape: Shape) -> bool {
    match shape {
        Shape::List(inner) | Shape::Map(inner) => kind_inside(*inner),
        shape => kind_of(shape).is_some(),
    }
}
