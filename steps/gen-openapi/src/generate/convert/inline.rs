//! Puts things where OpenAPI 3.0 has them: definitions inside of schemas into `components`, and what
//! `components` of 3.0 has no place for where it is used.

use std::collections::{HashMap, HashSet};

use findings::Severity;

use super::LOST;
use crate::description::{MAX_COPIED, beside, decode, encode, measure, section_of};
use crate::document::{Entry, Node, Object, Value, escape};
use crate::problem::Problem;
use crate::spec::{Kind, Version, component_name};
use crate::walk::{Pointer, Visit, walk, walk_mut};

/// The sections of `components` that 3.0 does not have, and what they hold.
const SECTIONS: [(&str, Kind); 2] =
    [("pathItems", Kind::PathItem), ("mediaTypes", Kind::MediaType)];

const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// Tells references that cannot be replaced by what they lead to, for that would have no end, or be
/// too large.
pub(super) fn check(root: &Node, version: Version, problems: &mut Vec<Problem>) {
    let mut graph = Graph::of(root, version);
    let others = problems.len();
    for (pointer, node) in graph.nodes.clone() {
        let mut open = Vec::new();
        if graph.size(&pointer, &mut open).is_none_or(|size| size > MAX_COPIED) {
            let message = "OpenAPI 3.0 has no place for it in components, and what it refers to \
                           repeats itself without end";
            let pointer = format!("#{pointer}");
            problems.push(Problem::new(LOST, Severity::Blocker, node.at, &pointer, message));
        }
    }
    if problems.len() > others {
        return;
    }
    let mut total = 0_usize;
    walk(root, Kind::OpenApi, version, &Pointer::ROOT, &mut |visit| {
        let Some(target) = replaced(&visit).filter(|_| total <= MAX_COPIED) else { return };
        total = total.saturating_add(graph.size(&target, &mut Vec::new()).unwrap_or_default());
        if total > MAX_COPIED {
            let message = format!(
                "OpenAPI 3.0 has no place in components for what it leads to: with all of that in \
                 place there would be more than {MAX_COPIED} values"
            );
            let (at, pointer) = (visit.node.at, visit.pointer);
            problems.push(Problem::new(LOST, Severity::Blocker, at, pointer, message));
        }
    });
}

/// The pointer of what a reference has to be replaced by.
fn replaced(visit: &Visit<'_, '_>) -> Option<String> {
    let is_replaced = SECTIONS.iter().any(|(_, kind)| *kind == visit.kind);
    visit.reference.filter(|_| is_replaced).and_then(target)
}

/// What is to be replaced, and what it refers to of that.
struct Graph<'a> {
    nodes: Vec<(String, &'a Node)>,
    /// How many values each of them holds itself, and what it refers to.
    uses: HashMap<String, (usize, Vec<String>)>,
    sizes: HashMap<String, Option<usize>>,
}

impl<'a> Graph<'a> {
    fn of(root: &'a Node, version: Version) -> Self {
        let mut graph = Self { nodes: Vec::new(), uses: HashMap::new(), sizes: HashMap::new() };
        for (section, kind) in SECTIONS {
            let entries = root.get("components").and_then(|it| it.get(section)?.as_object());
            for entry in entries.into_iter().flatten() {
                let pointer = format!("/components/{section}/{}", escape(&entry.key));
                let mut uses = Vec::new();
                walk(&entry.value, kind, version, &Pointer::ROOT, &mut |visit| {
                    uses.extend(replaced(&visit));
                });
                let own = measure(&entry.value).0;
                graph.uses.insert(pointer.clone(), (own, uses));
                graph.nodes.push((pointer, &entry.value));
            }
        }
        graph
    }

    /// How many values a target holds when all in it is replaced; nothing when references go in a
    /// circle.
    fn size(&mut self, pointer: &str, open: &mut Vec<String>) -> Option<usize> {
        if let Some(known) = self.sizes.get(pointer) {
            return *known;
        }
        if open.len() > 64 || open.iter().any(|it| it == pointer) {
            return None;
        }
        open.push(pointer.to_owned());
        let (own, uses) = self.uses.get(pointer).cloned().unwrap_or_default();
        let size = uses.iter().try_fold(own, |sum: usize, used| {
            self.size(used, open).map(|size| sum.saturating_add(size))
        });
        open.pop();
        self.sizes.insert(pointer.to_owned(), size);
        size
    }
}

/// The pointer of a reference to something that 3.0 has no place for.
fn target(reference: &str) -> Option<String> {
    let pointer = decode(reference.strip_prefix('#')?)?.into_owned();
    let is_there = |section: &str| {
        pointer.strip_prefix("/components/")?.strip_prefix(section)?.strip_prefix('/')
    };
    SECTIONS.iter().any(|(section, _)| is_there(section).is_some()).then_some(pointer)
}

/// Replaces references to what 3.0 has no place for. [`check`] has to find nothing before.
pub(super) fn expand(root: &mut Node, version: Version) {
    let components = root.get("components");
    let mut targets: HashMap<String, Node> = HashMap::new();
    for (section, _) in SECTIONS {
        let entries = components.and_then(|it| it.get(section)?.as_object());
        for entry in entries.into_iter().flatten() {
            let pointer = format!("/components/{section}/{}", escape(&entry.key));
            targets.insert(pointer, entry.value.clone());
        }
    }
    if targets.is_empty() {
        return;
    }
    walk_mut(root, Kind::OpenApi, version, &mut |kind, node| {
        if SECTIONS.iter().any(|(_, it)| *it == kind) {
            // One may lead to the next; none leads back.
            while let Some(found) =
                node.text("$ref").and_then(target).and_then(|it| targets.get(&it))
            {
                *node = match kind {
                    Kind::PathItem => beside(found.clone(), node),
                    _ => found.clone(),
                };
            }
        }
    });
}

/// Moves the definitions inside of schemas into `components`. Returns where each went: pointers, the
/// deepest first.
pub(super) fn lift_definitions(root: &mut Node, version: Version) -> Vec<(String, String)> {
    let mut lifted = Vec::new();
    let mut taken: HashSet<String> = HashSet::new();
    let schemas = root.get("components").and_then(|it| it.get("schemas")?.as_object());
    taken.extend(schemas.into_iter().flat_map(Object::keys).map(str::to_owned));
    let used = used_definitions(root, version);
    let mut next: HashMap<String, usize> = HashMap::new();
    walk(root, Kind::OpenApi, version, &Pointer::ROOT, &mut |visit| {
        for key in DEFINITIONS.iter().filter(|_| visit.kind == Kind::Schema) {
            for entry in visit.node.get(key).and_then(Node::as_object).into_iter().flatten() {
                let above = visit.pointer.to_string();
                let pointer = format!("{}/{key}/{}", &above[1..], escape(&entry.key));
                if !used.contains(&pointer) {
                    continue;
                }
                let wanted = component_name(&entry.key);
                let mut name = wanted.clone();
                while !taken.insert(name.clone()) {
                    let next = next.entry(wanted.clone()).or_insert(2);
                    name = format!("{wanted}_{next}");
                    *next += 1;
                }
                lifted.push((pointer, name, entry.value.clone()));
            }
        }
    });
    // The inner ones lie in the outer ones, too: they are taken out there.
    walk_mut(root, Kind::OpenApi, version, &mut |kind, node| take_definitions(kind, node));
    let mut moved = Vec::new();
    for (pointer, name, mut node) in lifted {
        walk_mut(&mut node, Kind::Schema, version, &mut |kind, node| take_definitions(kind, node));
        if let Some(schemas) = section_of(root, "schemas") {
            schemas.push(Entry { key: name.as_str().into(), at: node.at, value: node });
        }
        moved.push((pointer, format!("/components/schemas/{name}")));
    }
    moved.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    moved
}

/// The pointers of the definitions that something refers to.
fn used_definitions(root: &Node, version: Version) -> HashSet<String> {
    let mut used = HashSet::new();
    walk(root, Kind::OpenApi, version, &Pointer::ROOT, &mut |visit| {
        let fragment = visit.reference.and_then(|it| it.strip_prefix('#')).and_then(decode);
        let Some(pointer) = fragment else { return };
        let mut end = 0;
        let mut is_name = false;
        for part in pointer.split_inclusive('/') {
            end += part.len();
            let part = part.trim_end_matches('/');
            if is_name {
                used.insert(pointer[..end].trim_end_matches('/').to_owned());
            }
            is_name = DEFINITIONS.contains(&part);
        }
    });
    used
}

fn take_definitions(kind: Kind, node: &mut Node) {
    if kind == Kind::Schema && DEFINITIONS.iter().any(|key| node.get(key).is_some()) {
        let object = node.as_object_mut();
        object.into_iter().for_each(|it| DEFINITIONS.iter().for_each(|key| drop(it.remove(key))));
    }
}

/// Lets references lead to where things went.
pub(super) fn rewrite(root: &mut Node, version: Version, moved: &[(String, String)]) {
    if moved.is_empty() {
        return;
    }
    let new = |text: &str| {
        let pointer = decode(text.strip_prefix('#')?)?;
        moved.iter().find_map(|(from, to)| {
            let rest = pointer.strip_prefix(from.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("#{to}{}", encode(rest)))
        })
    };
    walk_mut(root, Kind::OpenApi, version, &mut |kind, node| {
        if kind == Kind::Discriminator {
            let mapping = node.as_object_mut().and_then(|it| it.get_mut("mapping"));
            let entries =
                mapping.and_then(Node::as_object_mut).into_iter().flat_map(Object::iter_mut);
            for entry in entries {
                if let Some(text) = entry.value.as_str().and_then(new) {
                    entry.value.value = Value::String(text.into());
                }
            }
        }
        let Some(text) = node.text("$ref").and_then(new) else { return };
        if let Some(reference) = node.as_object_mut().and_then(|it| it.get_mut("$ref")) {
            reference.value = Value::String(text.into());
        }
    });
}
