//! References: they lead somewhere, to the right kind of object, and end.

use std::collections::{HashMap, HashSet};

use super::{Check, shown};
use crate::description::decode;
use crate::document::{Node, Object, Text, unescape};
use crate::problem::Problem;
use crate::references::MAX_HOPS;
use crate::spec::{Kind, Shape, Version};
use crate::walk::Pointer;
use findings::Severity;

/// What a reference leads to.
#[derive(Debug, Clone, Copy)]
pub(super) enum End<'a> {
    Fine(&'a Node),
    Nowhere,
    /// What is there, when it is an object of the specification.
    Other(Option<Kind>),
    /// References that lead on for ever.
    Circle,
}

/// What the specification says of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Object(Kind),
    /// A list, a text: no object that a reference could mean.
    NoObject,
    /// An extension, an example: anything.
    Unknown,
}

impl<'a> Check<'a> {
    /// Checks the value of a `$ref` that has to lead to an object of a kind.
    pub(super) fn reference_of(&mut self, kind: Kind, node: &'a Node, pointer: &Pointer<'_>) {
        let Some(text) = node.as_str() else {
            let message = format!("`$ref` has to be a string, not {}", node.kind());
            return self.major("reference-not-string", node.at, pointer, message, "");
        };
        // What leads elsewhere was followed, and told, when the description was read.
        let Some(fragment) = text.strip_prefix('#') else { return };
        let may_be_anchor = kind == Kind::Schema && self.version > Version::V3_0;
        if may_be_anchor && !fragment.is_empty() && !fragment.starts_with('/') {
            return self.to_anchors.push((text, node.at, pointer.to_string()));
        }
        let end = match self.followed.get(&(text, kind)) {
            Some(end) => *end,
            None => {
                let end = self.follow(text, kind);
                self.followed.insert((text, kind), end);
                end
            }
        };
        let text = shown(text);
        match end {
            End::Fine(_) => {}
            End::Nowhere if self.is_in_resource(fragment) => {}
            End::Nowhere => {
                let message = format!("the reference leads nowhere: there is no {text}");
                let rule = "unresolved-reference";
                self.tell(rule, Severity::Critical, node.at, pointer, message, self.near(fragment));
            }
            End::Other(found) => {
                let found = found.map_or("no object", Kind::name);
                let message = format!("{text} is {found}, where a {} is wanted", kind.name());
                self.major("reference-kind", node.at, pointer, message, "");
            }
            End::Circle => {
                let message = format!("the reference to {text} never ends: it leads to itself");
                let rule = "reference-circle";
                self.tell(rule, Severity::Critical, node.at, pointer, message, "");
            }
        }
    }

    fn follow(&mut self, text: &'a str, kind: Kind) -> End<'a> {
        let Some(target) = self.references.find(text) else { return End::Nowhere };
        match place(text, self.version) {
            Place::Object(found) if found == kind => {}
            Place::Object(found) => return End::Other(Some(found)),
            Place::NoObject => return End::Other(None),
            Place::Unknown => self.outside.push((text, kind, target)),
        }
        let mut node = target;
        for _ in 0..MAX_HOPS {
            // One that leads nowhere is told where it stands.
            match node.text("$ref").and_then(|next| self.references.find(next)) {
                Some(next) => node = next,
                None => return End::Fine(target),
            }
        }
        End::Circle
    }

    /// Whether a schema with an `$id` around the reference has what it points to.
    fn is_in_resource(&self, fragment: &str) -> bool {
        let Some(pointer) = decode(fragment) else { return false };
        self.resources.iter().any(|resource| resource.pointer(&pointer).is_some())
    }

    /// The component that was probably meant, as help.
    fn near(&self, fragment: &str) -> String {
        let parts: Vec<&str> = fragment.split('/').collect();
        let [_, "components", section, name] = parts[..] else { return String::new() };
        let names = self.root.get("components").and_then(|it| it.get(section));
        let Some(names) = names.and_then(Node::as_object) else { return String::new() };
        // Only the first references that lead nowhere are worth the time.
        if name.len() > 60 || names.len() > 2000 || self.found.problems.len() > 1000 {
            return String::new();
        }
        match landfall_toml::nearest(name, names.keys()) {
            Some(near) => format!("did you mean #/components/{section}/{near}?"),
            None => String::new(),
        }
    }

    /// Checks what references lead to where the specification tells no kind.
    pub(super) fn targets_outside(&mut self) {
        self.seen_outside = Some(Default::default());
        while let Some((text, kind, node)) = self.outside.pop() {
            let parts = decode(text).unwrap_or_default();
            let parts: Vec<Text> = parts.split('/').skip(1).map(unescape).collect();
            self.at_parts(&parts, &Pointer::ROOT, kind, node);
        }
        self.seen_outside = None;
    }

    fn at_parts(&mut self, parts: &[Text], pointer: &Pointer<'_>, kind: Kind, node: &'a Node) {
        match parts {
            [part, rest @ ..] => self.at_parts(rest, &pointer.key(part), kind, node),
            [] if kind == Kind::Schema => self.target_schema(node, pointer),
            [] if node.get("$ref").is_some() => {}
            [] => self.object(kind, node, pointer),
        }
    }

    fn target_schema(&mut self, node: &'a Node, pointer: &Pointer<'_>) {
        let is_boolean = node.as_bool().is_some() && self.version > Version::V3_0;
        let is_reference = node.get("$ref").is_some() && self.version == Version::V3_0;
        if !is_boolean && !is_reference {
            self.object(Kind::Schema, node, pointer);
        }
    }

    pub(super) fn anchors_exist(&mut self) {
        for (text, at, pointer) in std::mem::take(&mut self.to_anchors) {
            if !self.anchors.contains(&text[1..]) {
                let message =
                    format!("the reference leads nowhere: no schema has the anchor {text}");
                let rule = "unresolved-reference";
                self.found.add(Problem::new(rule, Severity::Critical, at, &pointer, message));
            }
        }
    }

    /// No schema is made of itself: what `allOf` and references lead to ends.
    pub(super) fn schemas_end(&mut self) {
        let mut starts: Vec<(&'a str, &'a Node)> = self
            .followed
            .iter()
            .filter(|((_, kind), _)| *kind == Kind::Schema)
            .filter_map(|((text, _), end)| match end {
                End::Fine(node) => Some((*text, *node)),
                _ => None,
            })
            .collect();
        // The map has no order; what is told has.
        starts.sort_unstable_by_key(|(text, _)| *text);
        let parts = |node| {
            let mut parts = Vec::new();
            all_of(node, self.version, &mut parts);
            let targets =
                parts.into_iter().filter_map(|text| Some((text, self.references.find(text)?)));
            targets.collect::<Vec<_>>()
        };
        let mut told = HashSet::new();
        circles(starts, parts, |circle| {
            let Some((text, node)) = circle.first() else { return };
            // A circle of mere references is told at the references.
            let is_mere = || circle.iter().all(|(_, node)| node.as_object().is_some_and(is_mere));
            if told.contains(text) || is_mere() {
                return;
            }
            told.insert(*text);
            let message = format!("{} is made of itself: its `allOf` never ends", shown(text));
            let (rule, pointer) = ("schema-circle", decode(text).unwrap_or_default());
            let problem = Problem::new(rule, Severity::Critical, node.at, &pointer, message);
            self.found.add(problem.help("take the reference out of the `allOf`"));
        });
    }
}

/// The references that a schema is made of: its own, and those in its `allOf`.
fn all_of<'a>(node: &'a Node, version: Version, references: &mut Vec<&'a str>) {
    if let Some(text) = node.text("$ref") {
        references.push(text);
        if version == Version::V3_0 {
            return;
        }
    }
    for part in node.get("allOf").and_then(Node::as_array).into_iter().flatten() {
        all_of(part, version, references);
    }
}

/// Tells the ways that lead back to where they began. Of those that have a node in common not all are
/// found.
pub(crate) fn circles<'a>(
    starts: Vec<(&'a str, &'a Node)>,
    parts: impl Fn(&'a Node) -> Vec<(&'a str, &'a Node)>,
    mut tell: impl FnMut(&[(&'a str, &'a Node)]),
) {
    /// Its place on the way, or that all behind it was seen.
    enum Seen {
        OnTheWay(usize),
        Whole,
    }
    let mut seen: HashMap<*const Node, Seen> = HashMap::new();
    for start in starts {
        // Not a recursive function: the way may be as long as there are schemas.
        let mut way = Vec::new();
        let mut rests = vec![vec![start].into_iter()];
        while let Some(rest) = rests.last_mut() {
            let Some(next) = rest.next() else {
                rests.pop();
                if let Some((_, node)) = way.pop() {
                    seen.insert(std::ptr::from_ref(node), Seen::Whole);
                }
                continue;
            };
            let node = std::ptr::from_ref(next.1);
            match seen.get(&node) {
                Some(Seen::Whole) => {}
                Some(Seen::OnTheWay(place)) => tell(&way[*place..]),
                None => {
                    seen.insert(node, Seen::OnTheWay(way.len()));
                    way.push(next);
                    rests.push(parts(next.1).into_iter());
                }
            }
        }
    }
}

fn is_mere(object: &Object) -> bool {
    object.contains("$ref") && !object.contains("allOf")
}

/// What the specification says of the place that `#/…` names.
fn place(reference: &str, version: Version) -> Place {
    let Some(pointer) = decode(&reference[1..]) else { return Place::Unknown };
    let mut shape = Shape::Is(Kind::OpenApi);
    for part in pointer.split('/').skip(1) {
        let part = unescape(part);
        let inside = match shape {
            Shape::Is(kind) | Shape::OrReference(kind) => kind.shape(&part, version),
            Shape::Schema | Shape::SchemaOrBoolean => Kind::Schema.shape(&part, version),
            Shape::List(inner) | Shape::Map(inner) => Some(*inner),
            _ => None,
        };
        match inside {
            Some(inside) => shape = inside,
            None => return Place::Unknown,
        }
    }
    match shape {
        Shape::Is(kind) | Shape::OrReference(kind) => Place::Object(kind),
        Shape::Schema | Shape::SchemaOrBoolean => Place::Object(Kind::Schema),
        Shape::Any => Place::Unknown,
        _ => Place::NoObject,
    }
}
