//! Components that nothing leads to.

use std::collections::HashMap;

use super::{Linter, Rule};
use crate::description::decode;
use crate::document::{Entry, Node, Object, unescape};
use crate::spec::Kind;
use crate::validate::shown;
use crate::walk::{Pointer, Visit};

/// Which components point to which.
#[derive(Default)]
pub(super) struct Usage<'a> {
    components: Vec<Component<'a>>,
    by_name: HashMap<(&'a str, &'a str), usize>,
    /// The components that the rest of the document points to.
    roots: Vec<usize>,
    /// Where anchors are, and who points to them.
    anchors: HashMap<&'a str, Option<usize>>,
    to_anchors: Vec<(Option<usize>, &'a str)>,
}

struct Component<'a> {
    section: &'a str,
    entry: &'a Entry,
    points_to: Vec<usize>,
    /// Those that are a kind of this one, by `allOf`.
    heirs: Vec<usize>,
}

impl<'a> Usage<'a> {
    pub(super) fn new(root: &'a Node) -> Self {
        let sections = root.get("components").and_then(Node::as_object);
        let sections = sections.into_iter().flat_map(Object::iter);
        let of = |section: &'a Entry| {
            let entries = section.value.as_object().into_iter().flat_map(Object::iter);
            entries.map(|entry| (section.key.as_str(), entry))
        };
        let sections = sections.filter(|section| !section.key.starts_with("x-"));
        let components: Vec<_> = sections
            .flat_map(of)
            .map(|(section, entry)| Component {
                section,
                entry,
                points_to: Vec::new(),
                heirs: Vec::new(),
            })
            .collect();
        let names = components.iter().enumerate();
        let by_name =
            names.map(|(index, it)| ((it.section, it.entry.key.as_str()), index)).collect();
        Self {
            components,
            by_name,
            roots: Vec::new(),
            anchors: HashMap::new(),
            to_anchors: Vec::new(),
        }
    }

    /// Notes what an object points to.
    pub(super) fn note(&mut self, visit: &Visit<'a, '_>) {
        if let Some(reference) = visit.reference {
            self.reference(reference, visit.pointer);
        }
        match visit.kind {
            Kind::Schema => {
                for key in ["$anchor", "$dynamicAnchor"] {
                    if let Some(anchor) = visit.node.text(key) {
                        let owner = self.owner(visit.pointer);
                        self.anchors.insert(anchor, owner);
                    }
                }
                if let Some(reference) = visit.node.text("$dynamicRef") {
                    self.reference(reference, visit.pointer);
                }
            }
            Kind::Discriminator => {
                let mapping = visit.node.get("mapping").and_then(Node::as_object);
                let texts = mapping.into_iter().flat_map(Object::iter).map(|entry| &entry.value);
                for text in texts.chain(visit.node.get("defaultMapping")).filter_map(Node::as_str) {
                    match self.by_name.get(&("schemas", text)).copied() {
                        Some(target) => self.add(visit.pointer, target),
                        None => self.reference(text, visit.pointer),
                    }
                }
            }
            Kind::SecurityRequirement => {
                for name in visit.node.as_object().into_iter().flat_map(Object::keys) {
                    if let Some(target) = self.by_name.get(&("securitySchemes", name)).copied() {
                        self.add(visit.pointer, target);
                    }
                }
            }
            _ => {}
        }
    }

    fn reference(&mut self, reference: &'a str, pointer: &Pointer<'_>) {
        let Some(fragment) = reference.strip_prefix('#') else { return };
        if !fragment.starts_with('/') {
            return self.to_anchors.push((self.owner(pointer), fragment));
        }
        let Some(target) = self.component(fragment) else { return };
        let is_part = pointer.parent().and_then(Pointer::last_key) == Some("allOf");
        if is_part && let Some(owner) = self.owner(pointer) {
            self.components[target].heirs.push(owner);
        }
        self.add(pointer, target);
    }

    fn add(&mut self, pointer: &Pointer<'_>, target: usize) {
        match self.owner(pointer) {
            Some(owner) => self.components[owner].points_to.push(target),
            None => self.roots.push(target),
        }
    }

    /// The component that a fragment leads to, or into.
    fn component(&self, fragment: &str) -> Option<usize> {
        let rest = fragment.strip_prefix("/components/")?;
        let (section, rest) = rest.split_once('/')?;
        let name = rest.split('/').next().unwrap_or(rest);
        if !name.contains(['%', '~']) {
            return self.by_name.get(&(section, name)).copied();
        }
        let name = unescape(&decode(name)?);
        self.by_name.get(&(section, name.as_str())).copied()
    }

    /// The component in which something lies.
    fn owner(&self, pointer: &Pointer<'_>) -> Option<usize> {
        let mut first: [Option<&str>; 3] = [None; 3];
        let mut next = Some(pointer);
        while let Some(part) = next {
            // The root comes last; it is no key.
            if part.parent().is_some() {
                first = [part.last_key(), first[0], first[1]];
            }
            next = part.parent();
        }
        let [Some("components"), Some(section), Some(name)] = first else { return None };
        self.by_name.get(&(section, name)).copied()
    }

    /// The components that are not reached from the rest of the document.
    fn unused(mut self) -> Vec<(&'a str, &'a Entry)> {
        for (owner, anchor) in std::mem::take(&mut self.to_anchors) {
            if let Some(Some(target)) = self.anchors.get(anchor).copied() {
                match owner {
                    Some(owner) => self.components[owner].points_to.push(target),
                    None => self.roots.push(target),
                }
            }
        }
        let mut is_used = vec![false; self.components.len()];
        let mut open = self.roots;
        while let Some(index) = open.pop() {
            if std::mem::replace(&mut is_used[index], true) {
                continue;
            }
            let component = &self.components[index];
            open.extend(&component.points_to);
            // A discriminator leads to all that are made of its schema.
            if component.entry.value.get("discriminator").is_some() {
                open.extend(&component.heirs);
            }
        }
        let unused = self.components.iter().zip(is_used).filter(|(_, is_used)| !is_used);
        unused.map(|(component, _)| (component.section, component.entry)).collect()
    }
}

impl Linter<'_, '_> {
    pub(super) fn unused_components(&mut self) {
        let usage = std::mem::take(&mut self.usage);
        // A description without operations is a library for others.
        let is_library = ["paths", "webhooks"]
            .iter()
            .all(|key| self.root.get(key).and_then(Node::as_object).is_none_or(Object::is_empty));
        if is_library || !self.is_on(Rule::ComponentUnused) {
            return;
        }
        let components = Pointer::ROOT.key("components");
        for (section, entry) in usage.unused() {
            let message = format!("nothing points to `{}`", shown(&entry.key));
            let section = components.key(section);
            self.tell(Rule::ComponentUnused, entry.at, &section.key(&entry.key), message);
        }
    }
}
