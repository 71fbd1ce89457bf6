//! Operations, their parameters, bodies and responses.

use super::{Linter, Rule};
use crate::document::{Node, Object};
use crate::spec::{Kind, is_component_letter, is_json};
use crate::validate::shown;
use crate::walk::Pointer;

/// The methods that change data, by their definition.
const WRITING: [&str; 4] = ["post", "put", "patch", "delete"];

impl<'a> Linter<'a, '_> {
    pub(super) fn operation(&mut self, node: &'a Node, object: &'a Object, pointer: &Pointer<'_>) {
        self.identifier(node, pointer);
        if !object.contains("summary") {
            self.tell(Rule::OperationSummary, node.at, pointer, "the operation has no summary");
        }
        if !object.contains("description") {
            let message = "the operation has no description";
            self.tell(Rule::OperationDescription, node.at, pointer, message);
        }
        let method = pointer.last_key().unwrap_or_default();
        if matches!(method, "get" | "head" | "delete")
            && let Some(body) = object.entry("requestBody")
        {
            let message = format!("{} has a body", method.to_ascii_uppercase());
            let pointer = pointer.key("requestBody");
            self.tell(Rule::RequestBodyMethod, body.at, &pointer, message);
        }
        // Webhooks and callbacks are called by the service, and answered by others.
        if !is_offered(pointer) {
            return;
        }
        self.tags_of(node, object, pointer);
        self.responses(node, object, pointer);
        if WRITING.contains(&method) && !self.is_secured(object) {
            let message = format!("{} needs no authorization", method.to_ascii_uppercase());
            self.tell(Rule::SecurityMissing, node.at, pointer, message);
        }
    }

    fn identifier(&mut self, node: &Node, pointer: &Pointer<'_>) {
        let Some(id) = node.get("operationId") else {
            let message = "the operation has no operationId";
            return self.tell(Rule::OperationIdMissing, node.at, pointer, message);
        };
        let Some(text) = id.as_str() else { return };
        let is_identifier = text.starts_with(|it: char| it.is_ascii_alphabetic())
            && text.chars().all(is_component_letter);
        if !is_identifier {
            let message = format!("the operationId `{}` is no identifier", shown(text));
            let pointer = pointer.key("operationId");
            self.tell(Rule::OperationIdFormat, id.at, &pointer, message);
        }
    }

    fn tags_of(&mut self, node: &'a Node, object: &'a Object, pointer: &Pointer<'_>) {
        let tags = object.get("tags").and_then(Node::as_array).unwrap_or_default();
        if tags.is_empty() {
            self.tell(Rule::OperationTags, node.at, pointer, "the operation has no tags");
        }
        let list = pointer.key("tags");
        for (index, tag) in tags.iter().enumerate() {
            let Some(name) = tag.as_str() else { continue };
            if !self.tags.contains(name) && self.told_tags.insert(name) {
                let message = format!("the tag `{}` is not declared", shown(name));
                self.tell(Rule::TagUndeclared, tag.at, &list.index(index), message);
            }
        }
    }

    fn responses(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let Some(responses) = object.get("responses").and_then(Node::as_object) else { return };
        let any = |first: &[char]| responses.keys().any(|key| key.starts_with(first));
        if !any(&['1', '2', '3']) && !responses.contains("default") {
            let message = "no response says what is got when it works";
            self.tell(Rule::OperationSuccess, node.at, pointer, message);
        }
        if !any(&['4'])
            && !responses.contains("default")
            && (self.takes_something(object, pointer) || self.is_secured(object))
        {
            let message = "no response says what is got when the request is wrong";
            self.tell(Rule::OperationError, node.at, pointer, message);
        }
    }

    /// Whether a request to it can be wrong: a parameter, of the operation or of its path, or a body.
    fn takes_something(&self, operation: &Object, pointer: &Pointer<'_>) -> bool {
        let is_any = |list: Option<&Node>| {
            list.and_then(Node::as_array).is_some_and(|parameters| !parameters.is_empty())
        };
        let item = || pointer.parent().and_then(|item| self.root.pointer(&item.to_string()));
        operation.contains("requestBody")
            || is_any(operation.get("parameters"))
            || item().is_some_and(|item| is_any(item.get("parameters")))
    }

    /// What the operation says, else what the description says for all. An operation that says that
    /// it needs nothing is meant so.
    fn is_secured(&self, operation: &Object) -> bool {
        if operation.contains("security") {
            return true;
        }
        let all = self.root.get("security").and_then(Node::as_array).unwrap_or_default();
        !all.is_empty() && all.iter().all(|it| it.as_object().is_none_or(|it| !it.is_empty()))
    }

    pub(super) fn parameter(&mut self, node: &'a Node, object: &'a Object, pointer: &Pointer<'_>) {
        let name = node.text("name").unwrap_or_default();
        if node.text("in") == Some("header")
            && ["accept", "content-type", "authorization"]
                .iter()
                .any(|ignored| ignored.eq_ignore_ascii_case(name))
        {
            let message = format!("the header parameter {} is ignored", shown(name));
            self.tell(Rule::ParameterIgnored, node.at, pointer, message);
        }
        if !object.contains("description") {
            let message = format!("the parameter `{}` has no description", shown(name));
            self.tell(Rule::ParameterDescription, node.at, pointer, message);
        }
        self.examples_of(node, true, pointer);
    }

    pub(super) fn content(&mut self, kind: Kind, object: &'a Object, pointer: &Pointer<'_>) {
        let Some(content) = object.get("content").and_then(Node::as_object) else { return };
        let pointer = pointer.key("content");
        for entry in content {
            let pointer = pointer.key(&entry.key);
            let is_json = is_json(&entry.key);
            self.examples_of(&entry.value, is_json, &pointer);
            if kind == Kind::Response && is_json && self.is_on(Rule::ResponseExample) {
                self.response_example(&entry.value, &pointer);
            }
        }
    }

    fn response_example(&mut self, media_type: &'a Node, pointer: &Pointer<'_>) {
        let schema = media_type.get("schema").and_then(|it| self.references.resolve(it));
        let has = |node: &Node| node.get("example").is_some() || node.get("examples").is_some();
        if !has(media_type) && !schema.is_some_and(has) {
            let message = "the response has no example";
            self.tell(Rule::ResponseExample, media_type.at, pointer, message);
        }
    }

    /// Checks `example` and `examples` beside a `schema`. Examples of other media types than JSON are
    /// written as those are.
    pub(super) fn examples_of(&mut self, node: &'a Node, is_json: bool, pointer: &Pointer<'_>) {
        if !is_json || !self.is_on(Rule::ExampleMismatch) {
            return;
        }
        let Some(schema) = node.get("schema") else { return };
        if let Some(example) = node.get("example") {
            self.fits(
                Rule::ExampleMismatch,
                "the example",
                example,
                schema,
                &pointer.key("example"),
            );
        }
        let examples = node.get("examples").and_then(Node::as_object);
        let pointer = pointer.key("examples");
        for entry in examples.into_iter().flat_map(Object::iter) {
            // One that is referred to is told where it is used.
            let Some(example) = self.references.resolve(&entry.value) else { continue };
            let (pointer, key) = (pointer.key(&entry.key), "value");
            if let Some(value) = example.get(key) {
                self.fits(Rule::ExampleMismatch, "the example", value, schema, &pointer.key(key));
            }
        }
    }
}

/// Whether others call it: it lies in `paths`, or among the path items of the components.
fn is_offered(pointer: &Pointer<'_>) -> bool {
    let item = pointer.parent().filter(|it| it.last_key() != Some("additionalOperations"));
    let item = item.or_else(|| pointer.parent()?.parent());
    let parent = item.and_then(Pointer::parent);
    matches!(parent.and_then(Pointer::last_key), Some("paths" | "pathItems"))
}
