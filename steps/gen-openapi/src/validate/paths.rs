//! Paths, their parameters and operations.

use std::collections::{HashMap, HashSet};

use super::expression::{is_token, variables};
use super::{Check, shown};
use crate::document::{Entry, Node, Object};
use crate::spec::{METHODS, Version, operations};
use crate::walk::Pointer;

/// The path parameters in a list: position and name; and whether those are all.
struct InPath<'a> {
    parameters: Vec<(usize, &'a str)>,
    names: HashSet<&'a str>,
    is_complete: bool,
}

impl<'a> Check<'a> {
    pub(super) fn paths(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        let mut same: HashMap<String, &str> = HashMap::new();
        for entry in object.iter().filter(|entry| entry.key.starts_with('/')) {
            let pointer = pointer.key(&entry.key);
            self.template(entry, &pointer);
            if entry.key.contains('{')
                && let Some(earlier) = same.insert(without_names(&entry.key), &entry.key)
            {
                let message = format!(
                    "`{}` and `{}` are the same path: names of parameters tell no paths apart",
                    shown(&entry.key),
                    shown(earlier)
                );
                let help = "put the operations of both under one of them";
                self.major("path-duplicate", entry.at, &pointer, message, help);
            }
        }
    }

    fn template(&mut self, entry: &'a Entry, pointer: &Pointer<'_>) {
        let names = match variables(&entry.key) {
            Ok(names) => names,
            Err(why) => {
                let message = format!("`{}` is no template: {why}", shown(&entry.key));
                return self.major("path-template", entry.at, pointer, message, "");
            }
        };
        let mut known = HashSet::new();
        for name in &names {
            if !known.insert(*name) {
                let message = format!("`{{{}}}` stands in the path twice", shown(name));
                self.major("path-template", entry.at, pointer, message, "give them two names");
            }
        }
        let Some(item) = self.references.resolve(&entry.value) else { return };
        let shared = self.in_path(item);
        self.unknown_in_path(item, &shared, &known, pointer);
        for (method, operation) in operations(item) {
            let additional = pointer.key("additionalOperations");
            let parent = if METHODS.contains(&method) { pointer } else { &additional };
            let pointer = parent.key(method);
            let own = self.in_path(operation);
            self.unknown_in_path(operation, &own, &known, &pointer);
            if !own.is_complete || !shared.is_complete {
                continue;
            }
            for name in names
                .iter()
                .filter(|name| !own.names.contains(*name) && !shared.names.contains(*name))
            {
                let message = format!("no path parameter says what `{{{}}}` is", shown(name));
                let help = "add a parameter with `in: path` and this name, here or at the path";
                self.major("path-parameter-missing", operation.at, &pointer, message, help);
            }
        }
    }

    fn unknown_in_path(
        &mut self,
        owner: &'a Node,
        parameters: &InPath<'a>,
        names: &HashSet<&str>,
        pointer: &Pointer<'_>,
    ) {
        for (index, name) in parameters.parameters.iter().filter(|(_, name)| !names.contains(name))
        {
            let list = pointer.key("parameters");
            let item = owner.get("parameters").and_then(Node::as_array).map(|it| &it[*index]);
            let at = item.map_or(owner.at, |item| item.at);
            let message = format!("the path has no `{{{}}}`", shown(name));
            let help = "write it into the path, or take the parameter out";
            self.major("path-parameter-unknown", at, &list.index(*index), message, help);
        }
    }

    fn in_path(&self, owner: &'a Node) -> InPath<'a> {
        let mut found = InPath { parameters: Vec::new(), names: HashSet::new(), is_complete: true };
        let list = owner.get("parameters").and_then(Node::as_array).unwrap_or_default();
        for (index, parameter) in list.iter().enumerate() {
            match self.references.resolve(parameter) {
                Some(parameter) if parameter.text("in") == Some("path") => {
                    found.parameters.extend(parameter.text("name").map(|name| (index, name)));
                }
                Some(parameter) if parameter.get("in").is_some() => {}
                _ => found.is_complete = false,
            }
        }
        found.names = found.parameters.iter().map(|(_, name)| *name).collect();
        found
    }

    /// No two parameters of a list have the same name and place.
    pub(super) fn parameter_list(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        let list = object.get("parameters").and_then(Node::as_array).unwrap_or_default();
        if list.len() < 2 {
            return;
        }
        let mut seen = HashMap::with_capacity(list.len());
        let mut whole_query = None;
        let pointer = pointer.key("parameters");
        for (index, parameter) in list.iter().enumerate() {
            let at = parameter.at;
            let Some(parameter) = self.references.resolve(parameter) else { continue };
            let (Some(name), Some(place)) = (parameter.text("name"), parameter.text("in")) else {
                continue;
            };
            if let Some(earlier) = seen.insert((name, place), index) {
                let message = format!(
                    "the {} parameter `{}` is there already: number {} of the list",
                    shown(place),
                    shown(name),
                    earlier + 1
                );
                self.major(
                    "parameter-duplicate",
                    at,
                    &pointer.index(index),
                    message,
                    "take one out",
                );
            }
            if place == "querystring" && whole_query.replace(index).is_some() {
                let message = "a second parameter is the whole query string";
                self.major(
                    "parameter-duplicate",
                    at,
                    &pointer.index(index),
                    message,
                    "take one out",
                );
            }
        }
        let has_query = seen.keys().any(|(_, place)| *place == "query");
        if let Some(index) = whole_query.filter(|_| has_query) {
            let message =
                "beside a parameter that is the whole query string no other is in the query";
            let (at, pointer) = (list[index].at, pointer.index(index));
            self.major("parameter-duplicate", at, &pointer, message, "describe them in its schema");
        }
    }

    pub(super) fn additional_operations(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        let Some(additional) =
            object.get("additionalOperations").filter(|_| self.version >= Version::V3_2)
        else {
            return;
        };
        let pointer = pointer.key("additionalOperations");
        for entry in additional.as_object().into_iter().flat_map(Object::iter) {
            let is_token = !entry.key.is_empty() && entry.key.bytes().all(is_token);
            let pointer = pointer.key(&entry.key);
            if METHODS.iter().any(|method| method.to_ascii_uppercase() == *entry.key) {
                let message = format!("{} has a field of its own", entry.key);
                let help = format!("write it as `{}` of the path", entry.key.to_ascii_lowercase());
                self.major("method", entry.at, &pointer, message, help);
            } else if !is_token {
                let message = format!("`{}` is no method of HTTP", shown(&entry.key));
                self.major("method", entry.at, &pointer, message, "");
            }
        }
    }
}

/// `/a/{}` for `/a/{b}`.
fn without_names(template: &str) -> String {
    let mut text = String::with_capacity(template.len());
    let mut is_name = false;
    for it in template.chars() {
        match it {
            '}' => is_name = false,
            _ if is_name => continue,
            '{' => is_name = true,
            _ => {}
        }
        text.push(it);
    }
    text
}
