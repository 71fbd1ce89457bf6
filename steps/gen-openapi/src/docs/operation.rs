//! Operations: what to send, and what comes back.

use super::curl::{Call, curl};
use super::example::{Example, Sender, Shown, examples};
use super::html::{Anchor, Link, class, href, id, label, set, to};
use super::markdown::markdown;
use super::page::Page;
use crate::document::{Node, Object};
use crate::spec::operations;

/// An operation, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Operation<'a> {
    pub(super) anchor: Anchor,
    /// In capitals, as it is sent.
    pub(super) method: String,
    /// The path, or the name of a webhook.
    pub(super) path: &'a str,
    /// The Path Item that it is in.
    pub(super) item: &'a Node,
    pub(super) node: &'a Node,
    /// A call that the service makes.
    pub(super) is_webhook: bool,
}

impl Operation<'_> {
    /// Its name in the navigation.
    pub(super) fn title(&self) -> &str {
        self.node.text("summary").filter(|it| !it.trim().is_empty()).unwrap_or(self.path)
    }

    pub(super) fn is_deprecated(&self) -> bool {
        self.node.get("deprecated").and_then(Node::as_bool) == Some(true)
    }

    /// Who sends the request.
    fn sender(&self) -> Sender {
        if self.is_webhook { Sender::Service } else { Sender::Caller }
    }
}

/// A method as it is sent: those that are fields are in small letters.
pub(super) fn method_name(field: &str) -> String {
    if crate::spec::METHODS.contains(&field) {
        field.to_ascii_uppercase()
    } else {
        field.to_owned()
    }
}

/// The class of a badge.
fn method_class(method: &str) -> &'static str {
    match method {
        "GET" | "HEAD" | "OPTIONS" | "QUERY" | "TRACE" => "method reads",
        "POST" => "method creates",
        "PUT" | "PATCH" => "method changes",
        "DELETE" => "method removes",
        _ => "method",
    }
}

impl<'a> Page<'a> {
    /// A badge with the method.
    pub(super) fn method(&mut self, method: &str) {
        self.html.leaf("span", &[class(method_class(method))], method);
    }

    /// All of an operation.
    pub(super) fn operation(&mut self, operation: &Operation<'a>) {
        self.html.open("article", &[id(&operation.anchor), class("operation")]);
        self.head(operation);
        self.html.open("div", &[class("columns")]);
        self.html.open("div", &[class("text")]);
        self.text(operation, 4);
        self.callbacks(operation.node);
        self.html.close();
        self.html.open("div", &[class("side")]);
        self.side(operation);
        self.html.close();
        self.html.close();
        self.html.close();
    }

    fn head(&mut self, operation: &Operation<'a>) {
        self.html.open("header", &[]);
        self.html.open("h3", &[]);
        self.html.leaf("a", &[to(&operation.anchor), class("self")], operation.title());
        self.html.close();
        self.route(operation);
        self.html.close();
    }

    /// Method and path.
    fn route(&mut self, operation: &Operation<'a>) {
        self.html.open("p", &[class("route")]);
        self.method(&operation.method);
        self.html.constant(" ");
        self.html.open("code", &[class("path")]);
        self.html.path(operation.path);
        self.html.close();
        if operation.is_deprecated() {
            self.html.constant(" <span class=\"mark deprecated\">deprecated</span>");
        }
        if let Some(name) = operation.node.text("operationId") {
            self.html.constant(" ");
            self.html.leaf("span", &[class("muted name")], name);
        }
        self.html.close();
    }

    /// Descriptions, authentication, parameters, body and responses.
    fn text(&mut self, operation: &Operation<'a>, level: usize) {
        for holder in [operation.item, operation.node] {
            if let Some(description) = holder.text("description") {
                markdown(&mut self.html, description, level + 1);
            }
        }
        self.external_docs(operation.node);
        if !operation.is_webhook {
            self.security(operation.node);
            self.own_servers(operation);
        }
        self.parameters(&self.all_parameters(operation));
        self.request_body(operation.node);
        self.responses(operation.node);
    }

    fn own_servers(&mut self, operation: &Operation<'a>) {
        let servers = operation.node.get("servers").or_else(|| operation.item.get("servers"));
        if let Some(servers) = servers.and_then(Node::as_array).filter(|it| !it.is_empty()) {
            self.html.leaf("h4", &[], "Servers of this operation");
            self.servers(servers);
        }
    }

    /// What is needed to be let in.
    fn security(&mut self, node: &'a Node) {
        let Some(choices) = self.requirements(node) else { return };
        self.html.open("p", &[class("security")]);
        self.html.constant("<span class=\"label\">Authentication</span> ");
        if choices.is_empty() {
            self.html.constant("none");
        }
        for (index, choice) in choices.iter().enumerate() {
            self.html.constant(if index > 0 { " or " } else { "" });
            let schemes = choice.as_object().map(Object::iter).unwrap_or_default();
            if schemes.len() == 0 {
                self.html.constant("none");
            }
            for (index, entry) in schemes.enumerate() {
                self.html.constant(if index > 0 { " and " } else { "" });
                self.scheme_link(&entry.key);
                let scopes = entry.value.as_array().unwrap_or_default();
                for (index, scope) in scopes.iter().filter_map(Node::as_str).enumerate() {
                    self.html.constant(if index > 0 { ", " } else { " with " });
                    self.html.leaf("code", &[], scope);
                }
            }
        }
        self.html.close();
    }

    /// The alternatives of an operation, or of the whole description.
    fn requirements(&self, node: &'a Node) -> Option<&'a [Node]> {
        node.get("security").or_else(|| self.root.get("security"))?.as_array()
    }

    /// Those of the path, and those of the operation, which replace the path's of the same name and
    /// place; without references.
    fn all_parameters(&self, operation: &Operation<'a>) -> Vec<&'a Node> {
        let of = |holder: &'a Node| {
            let all = holder.get("parameters").and_then(Node::as_array).unwrap_or_default();
            all.iter().filter_map(|it| self.references.resolve(it)).collect::<Vec<_>>()
        };
        let own = of(operation.node);
        let key = |it: &'a Node| (it.text("in"), it.text("name"));
        let keys: std::collections::HashSet<_> = own.iter().map(|it| key(it)).collect();
        let mut all: Vec<_> =
            of(operation.item).into_iter().filter(|it| !keys.contains(&key(it))).collect();
        all.extend(own);
        all
    }

    fn parameters(&mut self, parameters: &[&'a Node]) {
        if parameters.is_empty() {
            return;
        }
        self.html.leaf("h4", &[], "Parameters");
        self.html.constant(
            "<table class=\"parameters\"><thead><tr><th>Name</th><th>In</th><th>Type</th>\
             <th>Description</th></tr></thead><tbody>",
        );
        for parameter in parameters {
            self.html.open("tr", &[]);
            self.html.open("td", &[]);
            self.html.leaf("code", &[class("name")], parameter.text("name").unwrap_or_default());
            if parameter.get("required").and_then(Node::as_bool) == Some(true) {
                self.html.constant(" <span class=\"mark required\">required</span>");
            }
            self.marks(parameter);
            self.html.close();
            self.html.leaf("td", &[], parameter.text("in").unwrap_or_default());
            self.value_cells(parameter);
            self.html.close();
        }
        self.html.constant("</tbody></table>");
    }

    /// Type and description of a parameter or header.
    fn value_cells(&mut self, holder: &'a Node) {
        let content = holder.get("content").and_then(Node::as_object);
        let content = content.into_iter().flat_map(Object::iter).next();
        let inside = content.and_then(|entry| self.references.resolve(&entry.value));
        let schema = holder.get("schema").or_else(|| inside?.get("schema"));
        self.html.open("td", &[]);
        if let Some(schema) = schema {
            self.type_of(schema);
        }
        if let Some(entry) = content {
            self.html.constant(" as ");
            self.html.leaf("code", &[], &entry.key);
        }
        self.html.close();
        self.html.open("td", &[]);
        if let Some(description) = holder.text("description") {
            markdown(&mut self.html, description, 5);
        }
        if let Some(schema) = schema.filter(|it| it.text("$ref").is_none()) {
            self.schema(schema, 1);
        }
        if let Some(example) = holder.get("example") {
            self.html.constant("<p class=\"muted\">Example ");
            self.value(example);
            self.html.constant("</p>");
        }
        self.html.close();
    }

    fn request_body(&mut self, node: &'a Node) {
        let Some(body) = node.get("requestBody").and_then(|it| self.references.resolve(it)) else {
            return;
        };
        self.html.open("h4", &[]);
        self.html.constant("Request body");
        if body.get("required").and_then(Node::as_bool) == Some(true) {
            self.html.constant(" <span class=\"mark required\">required</span>");
        }
        self.html.close();
        if let Some(description) = body.text("description") {
            markdown(&mut self.html, description, 5);
        }
        self.content(body);
    }

    /// Media types and their schemas.
    fn content(&mut self, holder: &'a Node) {
        let content = holder.get("content").and_then(Node::as_object);
        for entry in content.into_iter().flat_map(Object::iter) {
            let Some(media_type) = self.references.resolve(&entry.value) else { continue };
            let items = media_type.get("itemSchema");
            self.html.open("div", &[class("media")]);
            self.html.open("p", &[class("line")]);
            self.html.leaf("code", &[class("media-type")], &entry.key);
            if let Some(schema) = media_type.get("schema").or(items) {
                self.html.constant(if items.is_some() { " a sequence of " } else { " " });
                self.type_of(schema);
                self.html.close();
                if schema.text("$ref").is_none() {
                    self.schema(schema, 0);
                }
            } else {
                self.html.close();
            }
            self.encoding(media_type);
            self.html.close();
        }
    }

    /// How the parts of a form are written.
    fn encoding(&mut self, media_type: &'a Node) {
        let parts = media_type.get("encoding").and_then(Node::as_object);
        for entry in parts.into_iter().flat_map(Object::iter) {
            if let Some(content_type) = entry.value.text("contentType") {
                self.html.constant("<p class=\"muted\">");
                self.html.leaf("code", &[], &entry.key);
                self.html.constant(" is sent as ");
                self.html.leaf("code", &[], content_type);
                self.html.constant("</p>");
            }
        }
    }

    fn responses(&mut self, node: &'a Node) {
        let Some(responses) = node.get("responses").and_then(Node::as_object) else { return };
        self.html.leaf("h4", &[], "Responses");
        for entry in responses.iter().filter(|entry| !entry.key.starts_with("x-")) {
            let Some(response) = self.references.resolve(&entry.value) else { continue };
            self.response(&entry.key, response);
        }
    }

    fn response(&mut self, status: &str, response: &'a Node) {
        let names = match status.as_bytes().first() {
            Some(b'2') => "status good",
            Some(b'4' | b'5') => "status bad",
            _ => "status",
        };
        self.html.fold(status.starts_with('2'), "response");
        self.html.open("summary", &[]);
        self.html.leaf("span", &[class(names)], status);
        self.html.constant(" ");
        let description = response.text("description").unwrap_or_default();
        let mut lines = description.trim().lines();
        let first = lines.next().unwrap_or_default();
        // One line as it is; what is longer is Markdown, and below.
        let is_short = lines.next().is_none() && !first.contains(['`', '*', '[', '<']);
        self.html.text(if is_short { first } else { response.text("summary").unwrap_or_default() });
        self.html.close();
        if !is_short {
            markdown(&mut self.html, description, 5);
        }
        self.headers(response);
        self.content(response);
        self.links(response);
        self.html.close();
    }

    fn headers(&mut self, response: &'a Node) {
        let headers = response.get("headers").and_then(Node::as_object);
        let Some(headers) = headers.filter(|it| !it.is_empty()) else { return };
        self.html.constant(
            "<table class=\"parameters headers\"><thead><tr><th>Header</th><th>Type</th>\
             <th>Description</th></tr></thead><tbody>",
        );
        for entry in headers {
            let Some(header) = self.references.resolve(&entry.value) else { continue };
            self.html.open("tr", &[]);
            self.html.open("td", &[]);
            self.html.leaf("code", &[class("name")], &entry.key);
            self.marks(header);
            self.html.close();
            self.value_cells(header);
            self.html.close();
        }
        self.html.constant("</tbody></table>");
    }

    /// What may be called with what came back.
    fn links(&mut self, response: &'a Node) {
        let links = response.get("links").and_then(Node::as_object);
        for entry in links.into_iter().flat_map(Object::iter) {
            let Some(link) = self.references.resolve(&entry.value) else { continue };
            self.html.constant("<p class=\"muted\">Leads to ");
            let target = link.text("operationId").or_else(|| link.text("operationRef"));
            let anchor = target.and_then(|it| self.by_id.get(it)).cloned();
            match anchor {
                Some(anchor) => self.html.leaf("a", &[to(&anchor)], &entry.key),
                None => self.html.leaf("code", &[], target.unwrap_or(&entry.key)),
            }
            if let Some(description) = link.text("description") {
                self.html.constant(": ");
                self.html.text(description);
            }
            self.html.constant("</p>");
        }
    }

    /// Calls that the service makes because of this one. Callbacks of callbacks are left out.
    fn callbacks(&mut self, node: &'a Node) {
        let callbacks = node.get("callbacks").and_then(Node::as_object);
        for entry in callbacks.into_iter().flat_map(Object::iter) {
            let Some(callback) = self.references.resolve(&entry.value) else { continue };
            self.html.fold(false, "callback");
            self.html.open("summary", &[]);
            self.html.constant("Callback ");
            self.html.leaf("code", &[], &entry.key);
            self.html.close();
            let expressions = callback.as_object().into_iter().flat_map(Object::iter);
            for expression in expressions.filter(|entry| !entry.key.starts_with("x-")) {
                let Some(item) = self.references.resolve(&expression.value) else { continue };
                for (method, node) in operations(item) {
                    let operation = Operation {
                        anchor: self.anchors.claim("callback", &entry.key),
                        method: method_name(method),
                        path: &expression.key,
                        item,
                        node,
                        is_webhook: true,
                    };
                    self.html.open("div", &[id(&operation.anchor), class("called")]);
                    self.route(&operation);
                    self.text(&operation, 5);
                    self.html.close();
                }
            }
            self.html.close();
        }
    }

    /// The command, and examples of what is sent and comes back.
    fn side(&mut self, operation: &Operation<'a>) {
        let sent = self.sent(operation);
        if !operation.is_webhook {
            let command = self.command(operation, &sent);
            self.html.fold(true, "example");
            self.html.leaf("summary", &[], "curl");
            self.html.open("pre", &[label("A command that calls this operation")]);
            self.html.leaf("code", &[], &command);
            self.html.close();
            self.html.close();
        }
        for (media_type, examples) in &sent {
            examples.iter().for_each(|example| self.example("Request", media_type, example, false));
        }
        let responses = operation.node.get("responses").and_then(Node::as_object);
        let mut is_first = true;
        for entry in responses.into_iter().flat_map(Object::iter) {
            let Some(response) = self.references.resolve(&entry.value) else { continue };
            let other = match operation.sender() {
                Sender::Caller => Sender::Service,
                Sender::Service => Sender::Caller,
            };
            for (media_type, examples) in self.examples_of(response, other) {
                for example in &examples {
                    let is_open = std::mem::take(&mut is_first);
                    self.example(&format!("Response {}", entry.key), media_type, example, is_open);
                }
            }
        }
    }

    /// The media types of the request body with their examples.
    fn sent(&self, operation: &Operation<'a>) -> Vec<(&'a str, Vec<Example<'a>>)> {
        let body = operation.node.get("requestBody").and_then(|it| self.references.resolve(it));
        body.map(|body| self.examples_of(body, operation.sender())).unwrap_or_default()
    }

    fn examples_of(&self, holder: &'a Node, sender: Sender) -> Vec<(&'a str, Vec<Example<'a>>)> {
        let content = holder.get("content").and_then(Node::as_object);
        let read = |entry: &'a crate::document::Entry| {
            let media_type = self.references.resolve(&entry.value)?;
            let key = entry.key.as_str();
            Some((key, examples(media_type, key, &self.references, sender)))
        };
        content.into_iter().flat_map(Object::iter).filter_map(read).collect()
    }

    fn example(&mut self, what: &str, media_type: &str, example: &Example<'a>, is_open: bool) {
        self.html.fold(is_open, "example");
        self.html.open("summary", &[]);
        self.html.text(what);
        self.html.constant(" ");
        self.html.leaf("small", &[], media_type);
        if let Some(title) = example.title {
            self.html.constant(" ");
            self.html.leaf("small", &[], title);
        }
        if example.is_made {
            self.html.constant(" <small class=\"muted\">made from the schema</small>");
        }
        self.html.close();
        if let Some(description) = example.description {
            markdown(&mut self.html, description, 5);
        }
        match &example.shown {
            Shown::Text(text) => self.example_text(text),
            Shown::Elsewhere(address) => match Link::new(address) {
                Some(link) => {
                    self.html.leaf("a", &[href(&link), set("rel", "noopener nofollow")], address);
                }
                None => self.html.leaf("code", &[], address),
            },
        }
        self.html.close();
    }

    fn command(&self, operation: &Operation<'a>, sent: &[(&'a str, Vec<Example<'a>>)]) -> String {
        let servers = [operation.node, operation.item, self.root]
            .into_iter()
            .find_map(|holder| holder.get("servers")?.as_array());
        let body = sent.first().map(|(media_type, examples)| {
            let text = examples.first().and_then(|example| match &example.shown {
                Shown::Text(text) => Some(text.as_str()),
                Shown::Elsewhere(_) => None,
            });
            (*media_type, text)
        });
        let first = self.requirements(operation.node).and_then(<[Node]>::first);
        let schemes = first.and_then(Node::as_object).into_iter().flat_map(Object::iter);
        let schemes: Vec<_> = schemes.filter_map(|entry| self.scheme(&entry.key)).collect();
        let call = Call {
            method: &operation.method,
            path: operation.path,
            parameters: &self.all_parameters(operation),
            servers: servers.unwrap_or_default(),
            body,
            accept: self.accepted(operation.node),
            schemes: &schemes,
        };
        curl(&call, &self.references)
    }

    /// The first media type of the first response that is a success.
    fn accepted(&self, node: &'a Node) -> Option<&'a str> {
        let responses = node.get("responses").and_then(Node::as_object)?;
        let success = responses.iter().find(|entry| entry.key.starts_with('2'))?;
        let content = self.references.resolve(&success.value)?.get("content")?.as_object()?;
        content.iter().next().map(|entry| entry.key.as_str())
    }
}
