//! Rules that the table cannot say, by kind of object.

use std::collections::HashMap;

use findings::Severity;

use super::expression::{callback_error, is_token, variables};
use super::{Check, Declared, choice, declares, shown};
use crate::document::{Entry, Node, Object};
use crate::problem::Problem;
use crate::spec::{Kind, Version, is_component_letter};
use crate::walk::Pointer;

impl<'a> Check<'a> {
    pub(super) fn object_rules(
        &mut self,
        kind: Kind,
        node: &'a Node,
        object: &'a Object,
        pointer: &Pointer<'_>,
    ) {
        match kind {
            Kind::OpenApi => self.open_api(node, object, pointer),
            Kind::License => self.not_both(object, "identifier", "url", pointer),
            Kind::Server => self.server(node, object, pointer),
            Kind::ServerVariable => self.server_variable(object, pointer),
            Kind::Components => self.components(object, pointer),
            Kind::Paths => self.paths(object, pointer),
            Kind::PathItem => {
                self.parameter_list(object, pointer);
                self.additional_operations(object, pointer);
            }
            Kind::Operation => {
                self.operation_id(node);
                self.parameter_list(object, pointer);
            }
            Kind::Parameter => self.parameter(node, object, pointer),
            Kind::Header => self.schema_or_content(node, object, pointer),
            Kind::MediaType => self.media_type(object, pointer),
            Kind::Encoding => {
                self.style(
                    object,
                    &["form", "spaceDelimited", "pipeDelimited", "deepObject"],
                    pointer,
                );
                self.encodings(object, pointer);
            }
            Kind::Responses => self.responses(node, object, pointer),
            Kind::Callback => self.callback(object, pointer),
            Kind::Example => self.example(object, pointer),
            Kind::Link => self.link(node, object, pointer),
            Kind::Schema => self.schema(node, object, pointer),
            Kind::Xml => self.xml(object, pointer),
            Kind::SecurityScheme => self.security_scheme(node, object, pointer),
            Kind::OAuthFlow => self.oauth_flow(node, object, pointer),
            Kind::SecurityRequirement => self.security_requirement(object, pointer),
            _ => {}
        }
    }

    fn open_api(&mut self, node: &Node, object: &'a Object, pointer: &Pointer<'_>) {
        let has_any = ["paths", "webhooks", "components"].iter().any(|key| object.contains(key));
        if self.version > Version::V3_0 && !has_any {
            let message = "there is nothing in it: one of paths, webhooks and components is needed";
            self.major("missing-field", node.at, pointer, message, "");
        }
        let tags = object.get("tags").and_then(Node::as_array).unwrap_or_default();
        let list = pointer.key("tags");
        let mut names = HashMap::with_capacity(tags.len());
        for (index, tag) in tags.iter().enumerate() {
            let Some(name) = tag.text("name") else { continue };
            if names.insert(name, tag).is_some() {
                let message = format!("the tag `{}` is there already", shown(name));
                self.major("tag-duplicate", tag.at, &list.index(index), message, "take one out");
            }
        }
        if self.version >= Version::V3_2 {
            self.tag_parents(tags, &names, &list);
        }
    }

    fn tag_parents(
        &mut self,
        tags: &'a [Node],
        names: &HashMap<&str, &'a Node>,
        list: &Pointer<'_>,
    ) {
        for (index, tag) in tags.iter().enumerate() {
            let Some(parent) = tag.text("parent") else { continue };
            let item = list.index(index);
            let pointer = item.key("parent");
            if !names.contains_key(parent) {
                let message = format!("there is no tag `{}`", shown(parent));
                self.major("tag-parent", tag.at, &pointer, message, "add it to `tags`");
                continue;
            }
            let up = |tag: &&'a Node| names.get(tag.text("parent")?).copied();
            // Deeper than this nobody nests them.
            if std::iter::successors(Some(tag), up).nth(64).is_some() {
                let message = "the parents of this tag never end";
                self.major("tag-parent", tag.at, &pointer, message, "");
            }
        }
    }

    /// Of two fields one may be there.
    fn not_both(&mut self, object: &Object, one: &str, other: &str, pointer: &Pointer<'_>) {
        if let (Some(_), Some(entry)) = (object.entry(one), object.entry(other)) {
            let message = format!("`{one}` and `{other}` exclude each other");
            let pointer = pointer.key(other);
            self.major("exclusive-fields", entry.at, &pointer, message, "leave one out");
        }
    }

    fn server(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let Some(url) = object.entry("url") else { return };
        let Some(text) = url.value.as_str() else { return };
        let pointer = pointer.key("url");
        match variables(text) {
            Err(why) => {
                let message = format!("`{}` is no template: {why}", shown(text));
                self.major("server-url", url.value.at, &pointer, message, "");
            }
            Ok(names) => {
                let known = node.get("variables");
                for name in names.iter().filter(|name| known.and_then(|it| it.get(name)).is_none())
                {
                    let message = format!("`variables` does not say what `{{{}}}` is", shown(name));
                    let help = "add it to the `variables` of the server, with a default";
                    self.major("server-variable", url.value.at, &pointer, message, help);
                }
            }
        }
    }

    /// In 3.0 both are a SHOULD.
    fn server_variable(&mut self, object: &Object, pointer: &Pointer<'_>) {
        let severity =
            if self.version == Version::V3_0 { Severity::Minor } else { Severity::Major };
        let Some(entry) = object.entry("enum") else { return };
        let Some(values) = entry.value.as_array() else { return };
        let default = object.entry("default").filter(|it| it.value.as_str().is_some());
        if values.is_empty() {
            let (message, pointer) = ("`enum` is empty", pointer.key("enum"));
            let help = "leave it out, or put in one at least";
            self.tell("empty-list", severity, entry.at, &pointer, message, help);
        } else if let Some(default) = default
            && !values.contains(&default.value)
        {
            let value = default.value.as_str().map(shown).unwrap_or_default();
            let message = format!("the default `{value}` is not in `enum`");
            let (at, pointer) = (default.value.at, pointer.key("default"));
            self.tell("server-default", severity, at, &pointer, message, "add it, or take another");
        }
    }

    fn components(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        for section in object.iter().filter(|section| !section.key.starts_with("x-")) {
            let pointer = pointer.key(&section.key);
            for entry in section.value.as_object().into_iter().flat_map(Object::iter) {
                if entry.key.is_empty() || !entry.key.chars().all(is_component_letter) {
                    let message = format!("`{}` is no name of a component", shown(&entry.key));
                    let help = "letters, digits, `.`, `-` and `_` are allowed";
                    self.major("component-name", entry.at, &pointer.key(&entry.key), message, help);
                }
            }
        }
    }

    fn parameter(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        self.schema_or_content(node, object, pointer);
        let Some(place) = node.text("in") else { return };
        let name = node.text("name").map(shown).unwrap_or_default();
        if place == "path" && object.get("required").and_then(Node::as_bool) != Some(true) {
            let message = format!("the path parameter `{name}` has to have `required: true`");
            self.major("path-parameter-optional", node.at, pointer, message, "");
        }
        let is_token = |name: &str| !name.is_empty() && name.bytes().all(is_token);
        if place == "header"
            && self.version >= Version::V3_2
            && !node.text("name").is_none_or(is_token)
        {
            let message = format!("`{name}` is no name of a header");
            self.major("parameter-name", node.at, &pointer.key("name"), message, "");
        }
        match (place, self.version) {
            ("path", _) => self.style(object, &["matrix", "label", "simple"], pointer),
            ("query", _) => {
                let styles = ["form", "spaceDelimited", "pipeDelimited", "deepObject"];
                self.style(object, &styles, pointer);
            }
            ("header", _) => self.style(object, &["simple"], pointer),
            ("cookie", Version::V3_2) => self.style(object, &["form", "cookie"], pointer),
            ("cookie", _) => self.style(object, &["form"], pointer),
            ("querystring", _) => self.whole_query(object, pointer),
            _ => {}
        }
        let only_in_query: &[&str] = match self.version {
            Version::V3_1 => &["allowEmptyValue", "allowReserved"],
            _ => &["allowEmptyValue"],
        };
        for key in only_in_query.iter().filter(|_| place != "query") {
            if let Some(entry) = object.entry(key) {
                let message =
                    format!("`{key}` is for query parameters; this is in {}", shown(place));
                self.major("parameter-field", entry.at, &pointer.key(key), message, "leave it out");
            }
        }
    }

    fn whole_query(&mut self, object: &Object, pointer: &Pointer<'_>) {
        if let Some(entry) = object.entry("schema") {
            let message = "a parameter that is the whole query string has `content`, not `schema`";
            let pointer = pointer.key("schema");
            self.major(
                "parameter-field",
                entry.at,
                &pointer,
                message,
                "write the schema into `content`",
            );
        }
    }

    fn style(&mut self, object: &Object, styles: &[&str], pointer: &Pointer<'_>) {
        let Some(entry) = object.entry("style") else { return };
        let Some(style) = entry.value.as_str().filter(|style| !styles.contains(style)) else {
            return;
        };
        let message = format!("`style` has to be {} here, not `{}`", choice(styles), shown(style));
        self.major("style", entry.value.at, &pointer.key("style"), message, "");
    }

    fn schema_or_content(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        self.not_both(object, "example", "examples", pointer);
        let content = object.entry("content");
        match (object.contains("schema"), content) {
            (false, None) => {
                let message = "it has neither `schema` nor `content`: one of them is needed";
                let help = "write `schema`, as in `schema: {type: string}`";
                self.major("parameter-schema", node.at, pointer, message, help);
            }
            (true, Some(content)) => {
                let message = "`schema` and `content` exclude each other";
                let pointer = pointer.key("content");
                self.major("parameter-schema", content.at, &pointer, message, "leave one out");
            }
            _ => {}
        }
        let Some(content) = content else { return };
        let count = content.value.as_object().map_or(1, Object::len);
        if count != 1 {
            let message = format!("`content` has to have one media type, not {count}");
            self.major("parameter-content", content.at, &pointer.key("content"), message, "");
        }
        if object.contains("schema") {
            return;
        }
        let of_schema: &[&str] = match self.version {
            Version::V3_2 => &["style", "explode", "allowReserved"],
            _ => &["style", "explode", "allowReserved", "example", "examples"],
        };
        for key in of_schema {
            if let Some(entry) = object.entry(key) {
                let message = format!("`{key}` goes with `schema`, not with `content`");
                let help = match *key {
                    "example" | "examples" => "write it into the media type",
                    _ => "leave it out",
                };
                self.major("parameter-field", entry.at, &pointer.key(key), message, help);
            }
        }
    }

    fn media_type(&mut self, object: &'a Object, pointer: &Pointer<'_>) {
        self.not_both(object, "example", "examples", pointer);
        self.encodings(object, pointer);
        let Some(encoding) = object.get("encoding").and_then(Node::as_object) else { return };
        let pointer = pointer.key("encoding");
        for entry in encoding {
            let declared = match object.get("schema") {
                Some(schema) => declares(schema, &entry.key, &self.references, false),
                None => Declared::Unknown,
            };
            if declared == Declared::No {
                let message = format!("the schema has no property `{}`", shown(&entry.key));
                let help = "each key of `encoding` is the name of a property";
                self.major("encoding-property", entry.at, &pointer.key(&entry.key), message, help);
            }
        }
    }

    /// By name or by position.
    fn encodings(&mut self, object: &Object, pointer: &Pointer<'_>) {
        if self.version >= Version::V3_2 {
            self.not_both(object, "encoding", "prefixEncoding", pointer);
            self.not_both(object, "encoding", "itemEncoding", pointer);
        }
    }

    fn responses(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        if object.keys().all(|key| key.starts_with("x-")) {
            let message = "there is no response: one at least is needed";
            self.major(
                "responses-empty",
                node.at,
                pointer,
                message,
                "add a status code, or default",
            );
        }
    }

    fn callback(&mut self, object: &Object, pointer: &Pointer<'_>) {
        for entry in object.iter().filter(|entry| !entry.key.starts_with("x-")) {
            if let Some(why) = callback_error(&entry.key) {
                let message = format!("`{}` is no key of a callback: {why}", shown(&entry.key));
                let help = "write an expression like {$request.body#/callbackUrl}";
                self.major(
                    "callback-expression",
                    entry.at,
                    &pointer.key(&entry.key),
                    message,
                    help,
                );
            }
        }
    }

    fn example(&mut self, object: &Object, pointer: &Pointer<'_>) {
        self.not_both(object, "value", "externalValue", pointer);
        if self.version >= Version::V3_2 {
            self.not_both(object, "value", "dataValue", pointer);
            self.not_both(object, "value", "serializedValue", pointer);
            self.not_both(object, "serializedValue", "externalValue", pointer);
        }
    }

    fn xml(&mut self, object: &Object, pointer: &Pointer<'_>) {
        if self.version >= Version::V3_2 {
            self.not_both(object, "nodeType", "attribute", pointer);
            self.not_both(object, "nodeType", "wrapped", pointer);
        }
    }

    fn link(&mut self, node: &Node, object: &'a Object, pointer: &Pointer<'_>) {
        self.not_both(object, "operationRef", "operationId", pointer);
        let (by_reference, by_id) = (object.entry("operationRef"), object.entry("operationId"));
        if by_reference.is_none() && by_id.is_none() {
            let message = "it leads to no operation: it has neither operationId nor operationRef";
            self.major("link-operation", node.at, pointer, message, "write `operationId`");
        }
        if let Some(entry) = by_id
            && let Some(id) = entry.value.as_str()
        {
            let pointer = pointer.key("operationId").to_string();
            self.to_operations.push((id, entry.value.at, pointer));
        }
        if let Some(entry) = by_reference {
            self.operation_reference(entry, &pointer.key("operationRef"));
        }
    }

    fn operation_reference(&mut self, entry: &'a Entry, pointer: &Pointer<'_>) {
        let Some(text) = entry.value.as_str().filter(|text| text.starts_with('#')) else { return };
        if self.references.find(text).is_none() {
            let message = format!("the link leads nowhere: there is no {}", shown(text));
            self.major("link-operation", entry.value.at, pointer, message, "");
        }
    }

    pub(super) fn links_lead_to_operations(&mut self) {
        for (id, at, pointer) in std::mem::take(&mut self.to_operations) {
            if !self.operation_ids.contains_key(id) {
                let message = format!("no operation has the operationId `{}`", shown(id));
                let (rule, severity) = ("link-operation", Severity::Major);
                self.found.add(Problem::new(rule, severity, at, &pointer, message));
            }
        }
    }
}
