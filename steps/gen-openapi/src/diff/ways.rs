//! Values of a document with the ways to them.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use crate::document::{At, Entry, Node, Object, escape};

/// The way from the root of a document to a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way(u32);

/// A step of a way.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Root,
    /// What a reference points to, by its text.
    Reference(&'a str),
    Key(&'a str),
    Index(usize),
}

/// The ways that were gone so far. They are not written out before something is found at their ends.
#[derive(Debug)]
pub(super) struct Ways<'a>(RefCell<Vec<(Way, Part<'a>)>>);

/// A value and the way to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) node: &'a Node,
    /// Where it stands: its key, or itself.
    pub(super) at: At,
    /// The way to what holds it, and the last step.
    way: Way,
    part: Part<'a>,
}

impl<'a> Found<'a> {
    /// What tells it from all others.
    pub(super) fn address(self) -> usize {
        std::ptr::from_ref(self.node).addr()
    }

    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        self.node.text(key)
    }

    pub(super) fn flag(self, key: &str) -> Option<bool> {
        self.node.get(key)?.as_bool()
    }

    /// A value in the object to which a way leads.
    pub(super) fn inside(way: Way, entry: &'a Entry) -> Self {
        Self { node: &entry.value, at: entry.at, way, part: Part::Key(&entry.key) }
    }
}

impl<'a> Ways<'a> {
    pub(super) fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    pub(super) fn root(&self, node: &'a Node) -> Found<'a> {
        Found { node, at: node.at, way: Way(0), part: Part::Root }
    }

    /// What a reference points to.
    pub(super) fn reference(&self, reference: &'a str, node: &'a Node) -> Found<'a> {
        Found { node, at: node.at, way: Way(0), part: Part::Reference(reference) }
    }

    /// The value of a key, if there is one.
    pub(super) fn get(&self, found: Found<'a>, key: &str) -> Option<Found<'a>> {
        let entry = found.node.as_object()?.entry(key)?;
        Some(Found::inside(self.enter(found), entry))
    }

    /// The keys and values of an object.
    pub(super) fn entries(&self, found: Found<'a>) -> impl Iterator<Item = (&'a str, Found<'a>)> {
        let way = self.enter(found);
        let entries = found.node.as_object().into_iter().flat_map(Object::iter);
        entries.map(move |entry| (entry.key.as_str(), Found::inside(way, entry)))
    }

    /// The items of an array.
    pub(super) fn items(&self, found: Found<'a>) -> impl Iterator<Item = Found<'a>> {
        let way = self.enter(found);
        let items = found.node.as_array().unwrap_or_default().iter().enumerate();
        items.map(move |(index, node)| Found { node, at: node.at, way, part: Part::Index(index) })
    }

    /// The way to a value.
    pub(super) fn enter(&self, found: Found<'a>) -> Way {
        let mut ways = self.0.borrow_mut();
        ways.push((found.way, found.part));
        Way(u32::try_from(ways.len() - 1).unwrap_or(u32::MAX))
    }

    /// A way as the fragment of a URL that holds a JSON Pointer: `#/paths/~1orders/get`.
    pub(super) fn text(&self, found: Found<'a>) -> String {
        let ways = self.0.borrow();
        let mut parts = vec![found.part];
        let mut way = found.way;
        while !matches!(parts.last(), Some(Part::Root | Part::Reference(_))) {
            let Some((before, part)) = ways.get(way.0 as usize) else { break };
            parts.push(*part);
            way = *before;
        }
        let mut text = String::new();
        for part in parts.into_iter().rev() {
            match part {
                Part::Root => text.push('#'),
                Part::Reference(reference) => text.push_str(reference),
                Part::Key(key) => {
                    text.push('/');
                    text.push_str(&escape(key));
                }
                Part::Index(index) => {
                    text.push('/');
                    text.push_str(&index.to_string());
                }
            }
        }
        text
    }
}

/// Things by their names, in their order. Mostly two lists that are compared have the same order.
#[derive(Debug)]
pub(super) struct Named<'a, T> {
    list: Vec<(&'a str, T)>,
    /// Empty when there are few: these are compared faster than they are hashed.
    by_name: HashMap<&'a str, usize>,
}

impl<'a, T> Named<'a, T> {
    pub(super) fn new(list: Vec<(&'a str, T)>) -> Self {
        let mut by_name = HashMap::new();
        if list.len() > 16 {
            for (index, (name, _)) in list.iter().enumerate() {
                by_name.entry(*name).or_insert(index);
            }
        }
        Self { list, by_name }
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.get_near(name, 0)
    }

    /// Like [`Self::get`], with a guess where it is.
    pub(super) fn get_near(&self, name: &str, guess: usize) -> Option<&T> {
        if let Some((_, value)) = self.list.get(guess).filter(|(known, _)| *known == name) {
            return Some(value);
        }
        if self.by_name.is_empty() {
            return self.list.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
        }
        self.by_name.get(name).map(|index| &self.list[*index].1)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (&'a str, T)> {
        self.list.iter()
    }

    pub(super) fn into_list(self) -> Vec<(&'a str, T)> {
        self.list
    }
}

impl<'n, 'a, T> IntoIterator for &'n Named<'a, T> {
    type Item = &'n (&'a str, T);
    type IntoIter = std::slice::Iter<'n, (&'a str, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Values to look up by what they are.
#[derive(Debug)]
pub(super) struct Values<'a> {
    texts: HashSet<&'a str>,
    others: Vec<&'a Node>,
}

impl<'a> Values<'a> {
    pub(super) fn new(list: &[Found<'a>]) -> Self {
        let texts = list.iter().filter_map(|it| it.node.as_str()).collect();
        let others = list.iter().map(|it| it.node).filter(|it| it.as_str().is_none()).collect();
        Self { texts, others }
    }

    pub(super) fn has(&self, node: &Node) -> bool {
        match node.as_str() {
            Some(text) => self.texts.contains(text),
            None => self.others.contains(&node),
        }
    }
}

impl<'a> Ways<'a> {
    /// The keys and values of an object, if there is one.
    pub(super) fn named(&self, found: Option<Found<'a>>) -> Named<'a, Found<'a>> {
        Named::new(found.into_iter().flat_map(|it| self.entries(it)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Ways;
    use crate::document::Sources;

    #[test]
    fn a_way_is_written_as_a_pointer() {
        let text = r#"{"paths": {"/a": {"tags": [1, 2]}}}"#;
        let root = Sources::default().read("a.json", text.into()).unwrap();
        let ways = Ways::new();
        let item = ways.get(ways.get(ways.root(&root), "paths").unwrap(), "/a").unwrap();
        let tag = ways.items(ways.get(item, "tags").unwrap()).last().unwrap();
        assert_eq!(ways.text(tag), "#/paths/~1a/tags/1");
        let elsewhere = ways.reference("#/components/schemas/A", item.node);
        let inside = ways.get(elsewhere, "tags").unwrap();
        assert_eq!(ways.text(inside), "#/components/schemas/A/tags");
    }
}
