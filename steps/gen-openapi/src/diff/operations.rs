//! Compares paths, webhooks and callbacks, and the operations in them.

use std::collections::{HashMap, HashSet};

use crate::document::Text;
use crate::spec::METHODS;

use super::change::{Level, Operation};
use super::comparison::{Comparison, Of, Root};
use super::kinds::Role;
use super::lifecycle::{Life, Names, Removal};
use super::security::Whose;
use super::view::Side;
use super::ways::{Found, Named, Values, Ways};

/// An operation, and the path item that it lies in.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    item: Found<'a>,
    operation: Found<'a>,
}

/// What is true of a parameter wherever it is used.
#[derive(Debug, Clone, Copy)]
struct Parameter<'a> {
    location: &'a str,
    name: &'a str,
    found: Found<'a>,
    /// It stands in the path item, for all operations.
    is_shared: bool,
}

impl<'a> Comparison<'a> {
    /// Compares all paths. Two paths are one when they differ in the names of their parameters alone.
    pub(super) fn paths(&mut self) {
        let list = |side: &Side<'a>| -> Vec<(&'a str, Found<'a>)> {
            let paths = self.ways.get(self.ways.root(side.root), "paths");
            let entries = paths.into_iter().flat_map(|it| self.ways.entries(it));
            entries.filter(|(path, _)| path.starts_with('/')).collect()
        };
        let (olds, news) = (list(&self.base), list(&self.head));
        let place = |side: &Side<'a>| {
            let root = self.ways.root(side.root);
            self.ways.get(root, "paths").unwrap_or(root)
        };
        let (old_place, new_place) = (place(&self.base), place(&self.head));
        let mut left = Paths::new(&olds);
        // A path that is there as it was is no other one.
        let taken: Vec<bool> = news.iter().map(|(path, _)| left.take_exact(path)).collect();
        for ((path, head), is_known) in news.iter().zip(taken) {
            let index = if is_known { left.index(path) } else { left.take_like(path) };
            match index.map(|index| olds[index]) {
                None => {
                    for (method, operation) in self.placed(&self.head, *head) {
                        self.operation_added(path, &method, operation, old_place);
                    }
                }
                Some((old_path, base)) => self.path((old_path, base), (path, *head)),
            }
        }
        let gone: Vec<_> = left.left().map(|index| olds[index]).collect();
        for (path, base) in gone {
            for (method, operation) in self.placed(&self.base, base) {
                self.operation_removed(path, &method, operation, new_place, "api-path");
            }
        }
    }

    fn path(&mut self, (old_path, base): (&'a str, Found<'a>), (path, head): (&'a str, Found<'a>)) {
        let olds = self.placed(&self.base, base);
        let news = self.placed(&self.head, head);
        let renamed = renamed(old_path, path);
        for (method, new) in &news {
            match olds.iter().find(|(other, _)| other == method) {
                None => self.operation_added(path, method, *new, base),
                Some((_, old)) => {
                    let operation = Operation { method: method.clone(), path: path.into() };
                    let unstable = Life::of(old.operation.node).is_unstable();
                    self.operation(operation, unstable, |it| {
                        for (was, is) in &renamed {
                            let places = (Some(base), Some(head));
                            let quoted = (format!("`{was}`"), format!("`{is}`"));
                            it.other_changed("path-parameter-renamed", places, quoted.0, quoted.1);
                        }
                        it.operations(*old, *new, &renamed);
                    });
                }
            }
        }
        for (method, old) in &olds {
            if !news.iter().any(|(other, _)| other == method) {
                self.operation_removed(path, method, *old, head, "api");
            }
        }
    }

    fn operation_added(&mut self, path: &str, method: &Text, new: Placed<'a>, place: Found<'a>) {
        let operation = Operation { method: method.clone(), path: path.into() };
        self.operation(operation, false, |it| {
            it.other_changed("endpoint-added", (Some(place), Some(new.operation)), "", "");
        });
    }

    fn operation_removed(
        &mut self,
        path: &str,
        method: &Text,
        old: Placed<'a>,
        place: Found<'a>,
        name: &str,
    ) {
        let life = Life::of(old.operation.node);
        let operation = Operation { method: method.clone(), path: path.into() };
        let (id, date) = match life.removal(self.today) {
            Removal::NotDeprecated => {
                (format!("{name}-removed-without-deprecation"), String::new())
            }
            Removal::AfterSunset(date) => {
                (format!("{name}-removed-with-deprecation"), date.to_string())
            }
            Removal::BeforeSunset(date) => {
                (format!("{name}-removed-before-sunset"), date.to_string())
            }
            Removal::NoDate(text) => {
                let id = if name == "api" {
                    "api-removed-sunset-parse"
                } else {
                    "api-path-sunset-parse"
                };
                let text = text
                    .map_or_else(|| "missing".to_owned(), |it| format!("`{it}`, which is no date"));
                (id.to_owned(), text)
            }
        };
        self.operation(operation, life.is_unstable(), |it| {
            it.other_changed(&id, (Some(old.operation), Some(place)), date, "");
        });
    }

    /// The operations of a path item with their methods.
    fn placed(&self, side: &Side<'a>, item: Found<'a>) -> Vec<(Text, Placed<'a>)> {
        let mut all: Vec<(Text, Placed<'a>)> = Vec::new();
        // Other fields may stand beside the reference of a path item.
        let target = side.follow(item, &self.ways).filter(|it| it.address() != item.address());
        for item in std::iter::once(item).chain(target) {
            let additional = self.ways.get(item, "additionalOperations");
            let additional = additional.into_iter().flat_map(|it| self.ways.entries(it));
            let own = self.ways.entries(item).filter(|(key, _)| METHODS.contains(key));
            for (key, operation) in own.chain(additional) {
                let method = Text::from(key.to_ascii_uppercase());
                if !all.iter().any(|(other, _)| *other == method) {
                    all.push((method, Placed { item, operation }));
                }
            }
        }
        all
    }

    pub(super) fn webhooks(&mut self) {
        let list = |side: &Side<'a>| {
            let root = self.ways.root(side.root);
            let hooks = self.ways.get(root, "webhooks");
            self.ways.named(hooks.or_else(|| self.ways.get(root, "x-webhooks")))
        };
        let (olds, news) = (list(&self.base), list(&self.head));
        let (old_root, new_root) = (self.ways.root(self.base.root), self.ways.root(self.head.root));
        self.reversed = true;
        for (name, head) in &news {
            let base = olds.get(name).copied();
            let before = base.map(|it| self.placed(&self.base, it)).unwrap_or_default();
            let now = self.placed(&self.head, *head);
            for (method, new) in &now {
                let operation = webhook(name, method);
                let old = before.iter().find(|(other, _)| other == method).map(|it| it.1);
                let place = base.unwrap_or(old_root);
                let unstable = old.is_some_and(|it| Life::of(it.operation.node).is_unstable());
                let about = Root::Webhook(name);
                self.operation(operation, unstable, |it| match old {
                    Some(old) => it.operations(old, *new, &[]),
                    None => it.about(about, |it| {
                        it.other_changed(
                            "webhook-added",
                            (Some(place), Some(new.operation)),
                            "",
                            "",
                        );
                    }),
                });
            }
            let gone = before.iter().filter(|(method, _)| !now.iter().any(|(it, _)| it == method));
            for (method, old) in gone {
                self.webhook_removed(name, method, *old, *head);
            }
        }
        for (name, base) in &olds {
            if !news.has(name) {
                for (method, old) in self.placed(&self.base, *base) {
                    self.webhook_removed(name, &method, old, new_root);
                }
            }
        }
        self.reversed = false;
    }

    fn webhook_removed(&mut self, name: &'a str, method: &Text, old: Placed<'a>, place: Found<'a>) {
        let unstable = Life::of(old.operation.node).is_unstable();
        let about = Root::Webhook(name);
        self.operation(webhook(name, method), unstable, |it| {
            it.about(about, |it| {
                it.other_changed("webhook-removed", (Some(old.operation), Some(place)), "", "");
            });
        });
    }

    fn operations(&mut self, old: Placed<'a>, new: Placed<'a>, renamed: &[(&'a str, &'a str)]) {
        let (base, head) = (old.operation, new.operation);
        let lives = (Life::of(base.node), Life::of(head.node));
        self.lives(&Names::Operation, (base, head), lives);
        self.operation_ids(base, head);
        self.tags(base, head);
        self.own_servers((old.item, base), (new.item, head));
        self.own_security(base, head);
        self.parameters(old, new, renamed);
        self.request_bodies(base, head);
        self.responses(base, head);
        self.callbacks(base, head);
    }

    fn operation_ids(&mut self, base: Found<'a>, head: Found<'a>) {
        let key = "operationId";
        let (was, is) = (base.text(key), head.text(key));
        let id = match (was, is) {
            (None, Some(_)) => "api-operation-id-added",
            (Some(_), None) => "api-operation-id-removed",
            (Some(was), Some(is)) if was != is => "api-operation-id-changed",
            _ => return,
        };
        let quoted = |text: Option<&str>| format!("`{}`", text.unwrap_or_default());
        let places =
            (self.ways.get(base, key).or(Some(base)), self.ways.get(head, key).or(Some(head)));
        self.other_changed(id, places, quoted(was), quoted(is));
    }

    fn tags(&mut self, base: Found<'a>, head: Found<'a>) {
        let list = |found: Found<'a>| -> Vec<Found<'a>> {
            let tags = self.ways.get(found, "tags");
            tags.into_iter().flat_map(|it| self.ways.items(it)).collect()
        };
        let (was, is) = (list(base), list(head));
        let (known, now) = (Values::new(&was), Values::new(&is));
        for tag in was.iter().filter(|tag| !now.has(tag.node)) {
            let name = format!("`{}`", tag.node.as_str().unwrap_or_default());
            self.other_changed("api-tag-removed", (Some(*tag), Some(head)), name, "");
        }
        for tag in is.iter().filter(|tag| !known.has(tag.node)) {
            let name = format!("`{}`", tag.node.as_str().unwrap_or_default());
            self.other_changed("api-tag-added", (Some(base), Some(*tag)), "", name);
        }
    }

    fn own_security(&mut self, base: Found<'a>, head: Found<'a>) {
        let own = (self.ways.get(base, "security"), self.ways.get(head, "security"));
        if own.0.is_none() && own.1.is_none() {
            if !self.reversed {
                self.global_security();
            }
            return;
        }
        let all = |side: &Side<'a>| self.ways.get(self.ways.root(side.root), "security");
        let was = own.0.or_else(|| all(&self.base));
        let is = own.1.or_else(|| all(&self.head));
        self.security(Whose::Operation, (was, is), (base, head));
    }

    fn parameters(&mut self, old: Placed<'a>, new: Placed<'a>, renamed: &[(&'a str, &'a str)]) {
        let mut was = self.parameters_of(&self.base, old);
        let is = self.parameters_of(&self.head, new);
        for parameter in was.iter_mut().filter(|it| it.location == "path") {
            if let Some((_, name)) = renamed.iter().find(|(was, _)| *was == parameter.name) {
                parameter.name = name;
            }
        }
        let by_key = |list: &[Parameter<'a>]| -> HashMap<(&'a str, String), Parameter<'a>> {
            list.iter().map(|it| (it.key(), *it)).collect()
        };
        let (known, now) = (by_key(&was), by_key(&is));
        let mut removed: Vec<Parameter<'a>> =
            was.iter().filter(|it| !now.contains_key(&it.key())).copied().collect();
        for parameter in &is {
            let (location, name) = (parameter.location, parameter.name);
            let root = Root::Parameter { location, name };
            if let Some(before) = known.get(&parameter.key()) {
                let both = (before.found, parameter.found);
                self.once(Of::Parameter, root, both, |it| it.parameter(location, both));
                continue;
            }
            let moved = removed.iter().position(|it| it.name == name);
            if let Some(index) = moved {
                let before = removed.remove(index);
                let places = (Some(before.found), Some(parameter.found));
                self.about(root, |it| {
                    it.other_changed(
                        "request-parameter-in-changed",
                        places,
                        before.location,
                        location,
                    );
                });
                continue;
            }
            let places = (Some(old.operation), Some(parameter.found));
            let id = match (location, parameter.found.flag("required"), parameter.is_shared) {
                ("path", ..) => "new-request-path-parameter",
                (_, Some(true), false) => "new-required-request-parameter",
                (_, Some(true), true) => "new-required-request-default-parameter-to-existing-path",
                (_, _, false) => "new-optional-request-parameter",
                (_, _, true) => "new-optional-request-default-parameter-to-existing-path",
            };
            self.about(root, |it| it.other_changed(id, places, "", ""));
        }
        for parameter in removed {
            self.parameter_removed(&parameter, new.operation);
        }
    }

    fn parameter_removed(&mut self, parameter: &Parameter<'a>, place: Found<'a>) {
        let (id, date) = match Life::of(parameter.found.node).removal(self.today) {
            Removal::AfterSunset(date) => {
                ("request-parameter-removed-with-deprecation", date.to_string())
            }
            Removal::BeforeSunset(date) => {
                ("request-parameter-removed-before-sunset", date.to_string())
            }
            _ => ("request-parameter-removed", String::new()),
        };
        let root = Root::Parameter { location: parameter.location, name: parameter.name };
        let places = (Some(parameter.found), Some(place));
        // A webhook did not always send what was optional.
        let is_optional = parameter.found.flag("required") != Some(true);
        let most = if is_optional && id == "request-parameter-removed" {
            Level::Dangerous
        } else {
            Level::Breaking
        };
        self.about(root, |it| {
            it.at_most(most, |it| it.other_changed(id, places, date, ""));
        });
    }

    /// The parameters of an operation: its own, and those of the path that it does not replace.
    fn parameters_of(&self, side: &Side<'a>, placed: Placed<'a>) -> Vec<Parameter<'a>> {
        let mut all: Vec<Parameter<'a>> = Vec::new();
        let mut seen = HashSet::new();
        for (holder, is_shared) in [(placed.operation, false), (placed.item, true)] {
            let list = self.ways.get(holder, "parameters");
            for found in list.into_iter().flat_map(|it| self.ways.items(it)) {
                let Some(found) = side.follow(found, &self.ways) else { continue };
                let (Some(location), Some(name)) = (found.text("in"), found.text("name")) else {
                    continue;
                };
                let parameter = Parameter { location, name, found, is_shared };
                // https://spec.openapis.org/oas/v3.1.2#parameter-name
                let is_ignored = location == "header"
                    && ["accept", "content-type", "authorization"]
                        .contains(&name.to_ascii_lowercase().as_str());
                if !is_ignored && seen.insert(parameter.key()) {
                    all.push(parameter);
                }
            }
        }
        all
    }

    fn parameter(&mut self, location: &str, (base, head): (Found<'a>, Found<'a>)) {
        let places = (Some(base), Some(head));
        let is = |found: Found<'a>, key: &str| found.flag(key) == Some(true);
        let required = (is(base, "required"), is(head, "required"));
        if required.0 != required.1 && location != "path" {
            let id = if required.1 {
                "request-parameter-became-required"
            } else {
                "request-parameter-became-optional"
            };
            self.other_changed(id, places, "", "");
        }
        self.lives(&Names::Parameter, (base, head), (Life::of(base.node), Life::of(head.node)));
        let style = |found: Found<'a>| {
            found.text("style").unwrap_or(match location {
                "query" | "cookie" => "form",
                _ => "simple",
            })
        };
        let (was, now) = (style(base), style(head));
        if was != now {
            self.other_changed("request-parameter-style-changed", places, was, now);
        }
        let explode = |found: Found<'a>| {
            found.flag("explode").unwrap_or_else(|| matches!(style(found), "form" | "cookie"))
        };
        let (was_exploded, is_exploded) = (explode(base), explode(head));
        if was_exploded != is_exploded && was == now && self.has_parts(base, head) {
            self.other_changed(
                "request-parameter-explode-changed",
                places,
                was_exploded,
                is_exploded,
            );
        }
        for (key, added, removed) in [
            (
                "allowReserved",
                "request-parameter-allow-reserved-added",
                "request-parameter-allow-reserved-removed",
            ),
            (
                "allowEmptyValue",
                "request-parameter-allow-empty-value-added",
                "request-parameter-allow-empty-value-removed",
            ),
        ] {
            match (is(base, key), is(head, key)) {
                (false, true) => self.other_changed(added, places, "", ""),
                (true, false) => self.other_changed(removed, places, "", ""),
                _ => {}
            }
        }
        let role = if location == "header" { Role::RequestHeader } else { Role::RequestParameter };
        self.parameter_values(role, "request-parameter", (base, head));
    }

    /// Whether a value has parts, so that it matters how these are written.
    fn has_parts(&self, base: Found<'a>, head: Found<'a>) -> bool {
        let is_plain = |side: &Side<'a>, found: Found<'a>| {
            let schema = self.ways.get(found, "schema").and_then(|it| side.follow(it, &self.ways));
            schema
                .and_then(|it| it.text("type"))
                .is_some_and(|it| !matches!(it, "array" | "object"))
        };
        !is_plain(&self.base, base) || !is_plain(&self.head, head)
    }

    /// What a parameter or a header holds: a schema, or content of one media type.
    pub(super) fn parameter_values(
        &mut self,
        role: Role,
        name: &str,
        (base, head): (Found<'a>, Found<'a>),
    ) {
        let content = |found: Found<'a>| {
            let content = self.ways.get(found, "content")?;
            self.ways.entries(content).next()
        };
        let schema = |found: Found<'a>| self.ways.get(found, "schema");
        let (old_content, new_content) = (content(base), content(head));
        let (was, is) = match (old_content, new_content) {
            (None, None) => (schema(base), schema(head)),
            (Some((was, old)), Some((is, new))) if was == is => (schema(old), schema(new)),
            (was, is) => {
                let show = |it: Option<(&'a str, Found<'a>)>| it.map_or("plain text", |it| it.0);
                let id = format!("{name}-content-changed");
                return self.other_changed(&id, (Some(base), Some(head)), show(was), show(is));
            }
        };
        match (was, is) {
            (Some(was), Some(is)) => {
                self.as_text = old_content.is_none();
                self.schemas(was, is, role);
                self.as_text = false;
            }
            (None, Some(is)) => {
                self.other_changed(&format!("{name}-schema-added"), (Some(base), Some(is)), "", "");
            }
            (Some(was), None) => {
                self.other_changed(
                    &format!("{name}-schema-removed"),
                    (Some(was), Some(head)),
                    "",
                    "",
                );
            }
            (None, None) => {}
        }
    }

    /// Callbacks are operations that the service calls.
    fn callbacks(&mut self, base: Found<'a>, head: Found<'a>) {
        let list = |side: &Side<'a>, found: Found<'a>| -> Vec<(&'a str, &'a str, Found<'a>)> {
            let callbacks = self.ways.get(found, "callbacks");
            let callbacks = callbacks.into_iter().flat_map(|it| self.ways.entries(it));
            let mut all = Vec::new();
            for (name, callback) in callbacks {
                let Some(callback) = side.follow(callback, &self.ways) else { continue };
                let items = self.ways.entries(callback).filter(|(key, _)| !key.starts_with("x-"));
                all.extend(items.map(|(expression, item)| (name, expression, item)));
            }
            all
        };
        let (olds, news) = (list(&self.base, base), list(&self.head, head));
        let is_same = |one: &(&str, &str, Found<'a>), other: &(&str, &str, Found<'a>)| {
            one.0 == other.0 && one.1 == other.1
        };
        for new in &news {
            let root = Root::Callback(new.0);
            match olds.iter().find(|old| is_same(old, new)) {
                Some(old) => {
                    let reversed = std::mem::replace(&mut self.reversed, true);
                    self.later(Of::Callback, Some(root), (vec![old.2], vec![new.2]));
                    self.reversed = reversed;
                }
                None => self.about(root, |it| {
                    it.other_changed("callback-added", (Some(base), Some(new.2)), "", "");
                }),
            }
        }
        for old in olds.iter().filter(|old| !news.iter().any(|new| is_same(old, new))) {
            let root = Root::Callback(old.0);
            self.about(root, |it| {
                it.other_changed("callback-removed", (Some(old.2), Some(head)), "", "");
            });
        }
    }

    pub(super) fn callback_here(&mut self, base: Found<'a>, head: Found<'a>) {
        let (olds, news) = (self.placed(&self.base, base), self.placed(&self.head, head));
        for (method, new) in &news {
            match olds.iter().find(|(other, _)| other == method) {
                Some((_, old)) => self.operations(*old, *new, &[]),
                None => {
                    self.other_changed("callback-added", (Some(base), Some(new.operation)), "", "")
                }
            }
        }
        for (method, old) in &olds {
            if !news.iter().any(|(other, _)| other == method) {
                self.other_changed("callback-removed", (Some(old.operation), Some(head)), "", "");
            }
        }
    }
}

impl<'a> Parameter<'a> {
    /// What tells it from others. Names of headers are the same in upper and lower case.
    fn key(&self) -> (&'a str, String) {
        let name = match self.location {
            "header" => self.name.to_ascii_lowercase(),
            _ => self.name.to_owned(),
        };
        (self.location, name)
    }
}

fn webhook(name: &str, method: &str) -> Operation {
    Operation { method: format!("WEBHOOK {method}").into(), path: name.into() }
}

/// Paths that were not matched yet.
struct Paths<'a> {
    exact: HashMap<&'a str, usize>,
    /// By the path without the names of its parameters.
    alike: HashMap<String, Vec<usize>>,
    taken: Vec<bool>,
}

impl<'a> Paths<'a> {
    fn new(paths: &[(&'a str, Found<'a>)]) -> Self {
        let mut alike: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, (path, _)) in paths.iter().enumerate() {
            alike.entry(without_names(path)).or_default().push(index);
        }
        let exact = paths.iter().enumerate().map(|(index, (path, _))| (*path, index)).collect();
        Self { exact, alike, taken: vec![false; paths.len()] }
    }

    fn index(&self, path: &str) -> Option<usize> {
        self.exact.get(path).copied()
    }

    /// Whether the path is there as it is.
    fn take_exact(&mut self, path: &str) -> bool {
        let index = self.index(path);
        if let Some(index) = index {
            self.taken[index] = true;
        }
        index.is_some()
    }

    /// A path with other names of parameters.
    fn take_like(&mut self, path: &str) -> Option<usize> {
        let all = self.alike.get(&without_names(path))?;
        let index = all.iter().copied().find(|index| !self.taken[*index])?;
        self.taken[index] = true;
        Some(index)
    }

    fn left(&self) -> impl Iterator<Item = usize> {
        self.taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(index, _)| index)
    }
}

/// `/a/{}` of `/a/{id}`
pub(super) fn without_names(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        text.push_str("{}");
        rest = after.split_once('}').map_or("", |it| it.1);
    }
    text.push_str(rest);
    text
}

/// The names in braces of a path.
fn names(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|it| it.0)
}

/// The parameters of a path that have other names: what they were, what they are.
fn renamed<'a>(base: &'a str, head: &'a str) -> Vec<(&'a str, &'a str)> {
    names(base).zip(names(head)).filter(|(was, is)| was != is).collect()
}

/// The values of an object below a key, by their names.
pub(super) fn named<'a>(ways: &Ways<'a>, found: Found<'a>, key: &str) -> Named<'a, Found<'a>> {
    ways.named(ways.get(found, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_parameters_are_no_part_of_a_path() {
        assert_eq!(without_names("/a/{id}/b.{format}"), "/a/{}/b.{}");
        assert_eq!(without_names("/a/{id"), "/a/{}");
        assert_eq!(renamed("/a/{id}/{x}", "/a/{key}/{x}"), [("id", "key")]);
    }
}
