//! Schemas as trees: a type in a line, and below it what it is made of. A schema that has a name is
//! shown once, and others link to it, so circles end.

use std::collections::HashMap;

use super::html::{Anchor, Anchors, class, id, to};
use super::markdown::markdown;
use super::page::Page;
use crate::document::{Node, Object, Value, to_json};
use crate::references::References;

/// What is nested this deep is folded.
const FOLDED_FROM: usize = 1;

/// More values of an enumeration than this are folded.
const MANY_VALUES: usize = 24;

/// How long a value is shown, in bytes.
const MAX_VALUE: usize = 2000;

/// The schemas that have their own place on the page: those of `components`, and others that something
/// refers to.
#[derive(Debug, Default)]
pub(super) struct Schemas<'a> {
    by_address: HashMap<*const Node, usize>,
    all: Vec<Named<'a>>,
}

/// A schema with its name.
#[derive(Debug, Clone)]
pub(super) struct Named<'a> {
    pub(super) name: String,
    pub(super) node: &'a Node,
    pub(super) anchor: Anchor,
}

impl<'a> Schemas<'a> {
    /// Those of `components`.
    pub(super) fn new(root: &'a Node, anchors: &mut Anchors) -> Self {
        let mut schemas = Self::default();
        let section = root.pointer("/components/schemas").and_then(Node::as_object);
        for entry in section.into_iter().flat_map(Object::iter) {
            schemas.add(&entry.key, &entry.value, anchors);
        }
        schemas
    }

    /// What a reference leads to, with its place on the page.
    pub(super) fn of_reference(
        &mut self,
        reference: &str,
        references: &References<'a>,
        anchors: &mut Anchors,
    ) -> Option<&Named<'a>> {
        let node = references.find(reference)?;
        let index = match self.by_address.get(&std::ptr::from_ref(node)) {
            Some(index) => *index,
            None => self.add(reference.trim_start_matches("#/"), node, anchors),
        };
        self.all.get(index)
    }

    /// By their order on the page. Those that are found while others are written come last.
    pub(super) fn get(&self, index: usize) -> Option<&Named<'a>> {
        self.all.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    fn add(&mut self, name: &str, node: &'a Node, anchors: &mut Anchors) -> usize {
        let index = self.all.len();
        self.by_address.insert(std::ptr::from_ref(node), index);
        let anchor = anchors.claim("schema", name);
        self.all.push(Named { name: name.to_owned(), node, anchor });
        index
    }
}

impl<'a> Page<'a> {
    /// A schema that has a name, with its anchor.
    pub(super) fn named_schema(&mut self, named: &Named<'a>) {
        self.html.open("article", &[id(&named.anchor), class("schema")]);
        self.html.open("h3", &[]);
        self.html.open("a", &[to(&named.anchor), class("self")]);
        self.html.text(&named.name);
        self.html.close();
        self.html.close();
        if let Some(title) = named.node.text("title").filter(|title| *title != named.name) {
            self.html.leaf("p", &[class("muted")], title);
        }
        self.html.open("p", &[class("line")]);
        self.type_of(named.node);
        self.marks(named.node);
        self.html.close();
        self.schema(named.node, 0);
        self.html.close();
    }

    /// The type of a schema, in a line: `array of Order`.
    pub(super) fn type_of(&mut self, schema: &'a Node) {
        self.html.open("span", &[class("type")]);
        self.type_text(schema);
        self.html.close();
    }

    /// What a schema says beside its type: description, limits, and what it is made of.
    pub(super) fn schema(&mut self, schema: &'a Node, level: usize) {
        if let Some(description) = schema.text("description") {
            markdown(&mut self.html, description, 5);
        }
        self.facts(schema);
        self.structure(schema, level);
    }

    fn type_text(&mut self, schema: &'a Node) {
        if let Some(reference) = schema.text("$ref").or_else(|| schema.text("$dynamicRef")) {
            self.schema_link(reference);
            return;
        }
        if let Value::Bool(anything) = schema.value {
            self.html.constant(if anything { "anything" } else { "nothing" });
            return;
        }
        let types = types(schema);
        for (index, name) in types.iter().enumerate() {
            self.html.constant(if index > 0 { " or " } else { "" });
            match (*name, schema.get("items")) {
                ("array", Some(items)) => {
                    self.html.constant("array of ");
                    self.type_text(items);
                }
                (name, _) => self.html.text(name),
            }
        }
        if types.is_empty() {
            self.type_without_name(schema);
        }
        if let Some(format) = schema.text("format").or_else(|| schema.text("contentMediaType")) {
            self.html.constant(" <small>");
            self.html.text(format);
            self.html.constant("</small>");
        }
        if schema.get("nullable").and_then(Node::as_bool) == Some(true) {
            self.html.constant(" or null");
        }
    }

    /// Of a schema that has no `type`: what it must have by its other keywords.
    fn type_without_name(&mut self, schema: &'a Node) {
        if let Some(variants) = choice(schema) {
            for (index, variant) in variants.iter().enumerate() {
                self.html.constant(if index > 0 { " or " } else { "" });
                self.type_text(variant);
            }
            return;
        }
        let all = schema.get("allOf").and_then(Node::as_array).unwrap_or_default();
        if let ([only], false) = (all, schema.get("properties").is_some()) {
            self.type_text(only);
            return;
        }
        let has = |keys: &[&str]| keys.iter().any(|key| schema.get(key).is_some());
        self.html.constant(if has(&["properties", "additionalProperties", "allOf"]) {
            "object"
        } else if has(&["items", "prefixItems"]) {
            "array"
        } else if has(&["oneOf"]) {
            "one of several"
        } else if has(&["anyOf"]) {
            "any of several"
        } else if has(&["enum", "const"]) {
            "value"
        } else {
            "anything"
        });
    }

    /// A link to what a reference leads to, or its text when that is not there.
    fn schema_link(&mut self, reference: &str) {
        let named =
            self.schemas.of_reference(reference, &self.references, &mut self.anchors).cloned();
        match named {
            Some(Named { name, anchor, .. }) => self.html.leaf("a", &[to(&anchor)], &name),
            None => self.html.leaf("code", &[], reference),
        }
    }

    /// Words that stand behind a type.
    pub(super) fn marks(&mut self, schema: &Node) {
        for (key, names, text) in [
            ("deprecated", "mark deprecated", "deprecated"),
            ("readOnly", "mark", "read only"),
            ("writeOnly", "mark", "write only"),
        ] {
            if schema.get(key).and_then(Node::as_bool) == Some(true) {
                self.html.constant(" ");
                self.html.leaf("span", &[class(names)], text);
            }
        }
    }

    /// The values that are allowed, and the limits of a schema.
    fn facts(&mut self, schema: &'a Node) {
        let limits = limits(schema);
        let has = |key| schema.get(key).is_some();
        if limits.is_empty() && !VALUES.iter().any(|(key, _)| has(key)) && !has("enum") {
            return;
        }
        self.html.open("ul", &[class("facts")]);
        for (key, title) in VALUES {
            if let Some(value) = schema.get(key) {
                self.html.open("li", &[]);
                self.html.constant(title);
                self.value(value);
                self.html.close();
            }
        }
        if let Some(values) = schema.get("enum").and_then(Node::as_array) {
            self.html.open("li", &[]);
            self.values(values);
            self.html.close();
        }
        for (title, value) in limits {
            self.html.open("li", &[]);
            self.html.text(title);
            if let Some(value) = value {
                self.html.leaf("code", &[], &value);
            }
            self.html.close();
        }
        self.html.close();
    }

    fn values(&mut self, values: &'a [Node]) {
        let is_many = values.len() > MANY_VALUES;
        if is_many {
            self.html.fold(false, "");
            self.html.leaf("summary", &[], &format!("one of {} values", values.len()));
        } else {
            self.html.constant("one of ");
        }
        for (index, value) in values.iter().enumerate() {
            self.html.constant(if index > 0 { " " } else { "" });
            self.value(value);
        }
        if is_many {
            self.html.close();
        }
    }

    /// A value in a line.
    pub(super) fn value(&mut self, value: &Node) {
        let json = to_json(value);
        let (shown, is_cut) = cut(json.trim_end(), MAX_VALUE);
        self.html.leaf("code", &[], shown);
        if is_cut {
            self.html.constant(" …");
            self.cut += 1;
        }
    }

    /// What a schema is made of.
    fn structure(&mut self, schema: &'a Node, level: usize) {
        self.properties(schema, level);
        for (key, title) in [("items", "Each item"), ("contains", "One item at least")] {
            if let Some(inner) = schema.get(key).filter(|inner| says_more(inner)) {
                self.part(title, inner, level);
            }
        }
        for (key, title) in LISTS {
            let variants = schema.get(key).and_then(Node::as_array).unwrap_or_default();
            // What the line with the type has told.
            let is_told = choice(schema).is_some() || (key == "allOf" && variants.len() == 1);
            if variants.is_empty() || (is_told && !variants.iter().any(says_more)) {
                continue;
            }
            self.html.leaf("p", &[class("label")], title);
            self.html.open("ul", &[class("tree")]);
            for variant in variants {
                self.variant(variant, level);
            }
            self.html.close();
        }
        for (key, title) in SINGLE {
            if let Some(inner) = schema.get(key) {
                self.html.leaf("p", &[class("label")], title);
                self.html.open("ul", &[class("tree")]);
                self.variant(inner, level);
                self.html.close();
            }
        }
        self.discriminator(schema);
    }

    fn properties(&mut self, schema: &'a Node, level: usize) {
        let object =
            |key: &str| schema.get(key).and_then(Node::as_object).filter(|it| !it.is_empty());
        let properties = object("properties");
        let patterns = object("patternProperties");
        let others =
            schema.get("additionalProperties").or_else(|| schema.get("unevaluatedProperties"));
        let is_closed = others.and_then(Node::as_bool) == Some(false);
        let others = others.filter(|it| it.as_object().is_some());
        if properties.is_none() && patterns.is_none() && others.is_none() && !is_closed {
            return;
        }
        let required = schema.get("required").and_then(Node::as_array).unwrap_or_default();
        self.html.open("ul", &[class("tree")]);
        for entry in properties.into_iter().flat_map(Object::iter) {
            let is_required = required.iter().any(|name| name.as_str() == Some(&entry.key));
            self.property(&entry.key, &entry.value, is_required, level);
        }
        for entry in patterns.into_iter().flat_map(Object::iter) {
            self.property(&format!("/{}/", entry.key), &entry.value, false, level);
        }
        if let Some(others) = others {
            self.property("*", others, false, level);
        }
        self.html.close();
        if is_closed {
            self.html.leaf("p", &[class("muted")], "No other properties.");
        }
    }

    fn property(&mut self, name: &str, schema: &'a Node, is_required: bool, level: usize) {
        self.html.open("li", &[]);
        self.html.open("p", &[class("line")]);
        self.html.leaf("code", &[class("name")], name);
        self.html.constant(" ");
        self.type_of(schema);
        if is_required {
            self.html.constant(" <span class=\"mark required\">required</span>");
        }
        self.marks(schema);
        self.html.close();
        self.below(schema, level);
        self.html.close();
    }

    fn variant(&mut self, schema: &'a Node, level: usize) {
        self.html.open("li", &[]);
        self.html.open("p", &[class("line")]);
        if let Some(title) = schema.text("title") {
            self.html.leaf("strong", &[], title);
            self.html.constant(" ");
        }
        self.type_of(schema);
        self.marks(schema);
        self.html.close();
        self.below(schema, level);
        self.html.close();
    }

    /// What a property says, and what it is made of, which is folded when it lies deep.
    fn below(&mut self, schema: &'a Node, level: usize) {
        if let Some(description) = schema.text("description") {
            markdown(&mut self.html, description, 5);
        }
        self.facts(schema);
        if !has_structure(schema) {
            return;
        }
        self.html.fold(level < FOLDED_FROM, "");
        self.html.leaf("summary", &[], "made of");
        self.structure(schema, level + 1);
        self.html.close();
    }

    fn part(&mut self, title: &'static str, schema: &'a Node, level: usize) {
        self.html.leaf("p", &[class("label")], title);
        self.html.open("div", &[class("nested")]);
        self.schema(schema, level);
        self.html.close();
    }

    fn discriminator(&mut self, schema: &'a Node) {
        let Some(property) = schema.get("discriminator").and_then(|it| it.text("propertyName"))
        else {
            return;
        };
        self.html.open("p", &[class("muted")]);
        self.html.constant("Which one it is says ");
        self.html.leaf("code", &[], property);
        let mapping = schema.get("discriminator").and_then(|it| it.get("mapping"));
        let entries = mapping.and_then(Node::as_object).into_iter().flat_map(Object::iter);
        for (index, entry) in entries.enumerate() {
            self.html.constant(if index > 0 { ", " } else { ": " });
            self.html.leaf("code", &[], &entry.key);
            self.html.constant(" is ");
            match entry.value.as_str() {
                Some(reference) if reference.starts_with('#') => self.schema_link(reference),
                Some(name) => self.schema_link(&format!("#/components/schemas/{name}")),
                None => {}
            }
        }
        self.html.close();
    }
}

const VALUES: [(&str, &str); 2] = [("default", "default "), ("const", "always ")];

const LISTS: [(&str, &str); 4] = [
    ("allOf", "All of"),
    ("oneOf", "One of"),
    ("anyOf", "Any of"),
    ("prefixItems", "Items, in this order"),
];

const SINGLE: [(&str, &str); 6] = [
    ("not", "But not"),
    ("if", "If it is"),
    ("then", "Then also"),
    ("else", "Else also"),
    ("propertyNames", "Names of properties"),
    ("contentSchema", "Content"),
];

/// The types that a schema names.
fn types(schema: &Node) -> Vec<&str> {
    match schema.get("type").map(|it| &it.value) {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Node::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The variants of a schema that fit into a line: few, and each a name or a simple type.
fn choice(schema: &Node) -> Option<&[Node]> {
    let variants = schema.get("oneOf").or_else(|| schema.get("anyOf"))?.as_array()?;
    ((1..=4).contains(&variants.len()) && variants.iter().all(is_simple)).then_some(variants)
}

/// Whether a schema is a name, or a type that is made of no other; or an array of such.
fn is_simple(schema: &Node) -> bool {
    let has = |key: &str| schema.get(key).is_some();
    !["enum", "properties", "patternProperties", "additionalProperties", "contains"]
        .iter()
        .any(|key| has(key))
        && !LISTS.iter().any(|(key, _)| has(key))
        && !SINGLE.iter().any(|(key, _)| has(key))
        && schema.get("items").is_none_or(is_simple)
}

/// Whether a schema is made of others that have no name.
fn has_structure(schema: &Node) -> bool {
    let has = |key: &str| schema.get(key).is_some();
    let has_items =
        |key: &str| schema.get(key).and_then(Node::as_array).is_some_and(|it| !it.is_empty());
    let has_entries =
        |key: &str| schema.get(key).and_then(Node::as_object).is_some_and(|it| !it.is_empty());
    ["properties", "patternProperties", "additionalProperties"].iter().any(|key| has_entries(key))
        || ["items", "contains"].iter().any(|key| schema.get(key).is_some_and(says_more))
        || (LISTS.iter().any(|(key, _)| has_items(key)) && !is_in_line(schema))
        || SINGLE.iter().any(|(key, _)| has(key))
}

/// Whether the line with the type tells all variants.
fn is_in_line(schema: &Node) -> bool {
    let all = schema.get("allOf").and_then(Node::as_array).unwrap_or_default();
    let variants = match choice(schema) {
        Some(variants) => variants,
        None if all.len() == 1 && schema.get("prefixItems").is_none() => all,
        None => return false,
    };
    !variants.iter().any(says_more)
}

/// Whether a schema says more than its type.
fn says_more(schema: &Node) -> bool {
    schema.text("description").is_some()
        || schema.get("enum").is_some()
        || VALUES.iter().any(|(key, _)| schema.get(key).is_some())
        || !limits(schema).is_empty()
        || has_structure(schema)
}

/// What limits a value: a text, and a value behind it.
fn limits(schema: &Node) -> Vec<(&'static str, Option<String>)> {
    let mut limits = Vec::new();
    let number = |key: &str| schema.get(key).and_then(Node::as_number).map(ToString::to_string);
    let is = |key: &str| schema.get(key).and_then(Node::as_bool) == Some(true);
    // In OpenAPI 3.0 a boolean beside the limit, from 3.1 on a limit of its own.
    let sign = |exclusive, open, closed| if is(exclusive) { open } else { closed };
    for (title, value) in [
        (sign("exclusiveMinimum", "> ", "≥ "), number("minimum")),
        ("> ", number("exclusiveMinimum")),
        (sign("exclusiveMaximum", "< ", "≤ "), number("maximum")),
        ("< ", number("exclusiveMaximum")),
        ("multiple of ", number("multipleOf")),
        ("characters ≥ ", number("minLength")),
        ("characters ≤ ", number("maxLength")),
        ("pattern ", schema.text("pattern").map(str::to_owned)),
        ("items ≥ ", number("minItems")),
        ("items ≤ ", number("maxItems")),
        ("properties ≥ ", number("minProperties")),
        ("properties ≤ ", number("maxProperties")),
        ("encoded as ", schema.text("contentEncoding").map(str::to_owned)),
    ] {
        if value.is_some() {
            limits.push((title, value));
        }
    }
    if is("uniqueItems") {
        limits.push(("no item twice", None));
    }
    limits
}

/// The beginning of a text, and whether it is not all of it.
pub(super) fn cut(text: &str, most: usize) -> (&str, bool) {
    if text.len() <= most {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(most)], true)
}
