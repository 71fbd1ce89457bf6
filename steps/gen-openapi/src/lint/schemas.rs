//! Schemas.

use std::collections::HashSet;

use super::{Linter, Rule};
use crate::description::decode;
use crate::document::{At, Entry, Node, Number, Object, escape};
use crate::spec::Version;
use crate::validate::{circles, shown};
use crate::walk::Pointer;

/// Keywords that say something of values of one type alone.
const KEYWORDS: [(&str, &[&str]); 4] = [
    (
        "object",
        &["properties", "additionalProperties", "required", "minProperties", "maxProperties"],
    ),
    ("array", &["items", "minItems", "maxItems", "uniqueItems"]),
    ("string", &["minLength", "maxLength", "pattern"]),
    ("number", &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]),
];

/// Pairs of bounds that must not cross.
const BOUNDS: [(&str, &str); 6] = [
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
    ("exclusiveMinimum", "exclusiveMaximum"),
];

impl<'a> Linter<'a, '_> {
    pub(super) fn schema(&mut self, node: &'a Node, object: &'a Object, pointer: &Pointer<'_>) {
        let mut has_type = false;
        for entry in object {
            match entry.key.as_str() {
                "type" => has_type = true,
                "enum" => self.enumeration(node, entry, pointer),
                "default" if self.is_on(Rule::DefaultMismatch) => {
                    let pointer = pointer.key("default");
                    self.fits(Rule::DefaultMismatch, "the default", &entry.value, node, &pointer);
                }
                "example" => self.example(node, entry, pointer),
                "examples" if self.version > Version::V3_0 => self.examples(node, entry, pointer),
                "required" => self.required(object, entry, pointer),
                "nullable" => self.nullable(object, entry, pointer),
                "discriminator" => self.discriminator(object, entry, pointer),
                "format" => self.format(object, entry, pointer),
                "properties" if self.is_on(Rule::PropertyCase) => self.cases(entry, pointer),
                _ => {}
            }
        }
        if !has_type {
            self.type_missing(node, object, pointer);
        }
        self.bounds(object, pointer);
        self.limits(node, object, pointer);
        let is_property = pointer.parent().and_then(Pointer::last_key) == Some("properties");
        if is_property && !object.contains("description") && !object.contains("$ref") {
            let name = pointer.last_key().unwrap_or_default();
            let message = format!("the property `{}` has no description", shown(name));
            self.tell(Rule::PropertyDescription, node.at, pointer, message);
        }
    }

    fn type_missing(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let says_more = |entry: &Entry| {
            matches!(
                entry.key.as_str(),
                "$ref"
                    | "allOf"
                    | "anyOf"
                    | "oneOf"
                    | "not"
                    | "enum"
                    | "const"
                    | "if"
                    | "$dynamicRef"
            )
        };
        if object.is_empty() || object.iter().any(says_more) || is_part(pointer) {
            return;
        }
        let found = KEYWORDS.iter().find_map(|(of, keywords)| {
            let keyword = keywords.iter().find(|keyword| object.contains(keyword))?;
            Some((*of, *keyword))
        });
        if let Some((of, keyword)) = found {
            let message = format!("`{keyword}` is for the type {of}, and `type` is missing");
            self.tell(Rule::TypeMissing, node.at, pointer, message);
        }
    }

    fn enumeration(&mut self, node: &'a Node, entry: &'a Entry, pointer: &Pointer<'_>) {
        let Some(values) = entry.value.as_array() else { return };
        let list = pointer.key("enum");
        // In 3.0 it is not allowed.
        if values.is_empty() && self.version > Version::V3_0 {
            self.tell(Rule::EnumEmpty, entry.at, &list, "`enum` has no values");
        }
        let mut texts = HashSet::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            // Others than texts are few.
            let is_there = match value.as_str() {
                Some(text) => !texts.insert(text),
                None => index < 200 && values[..index].contains(value),
            };
            if is_there {
                let message = format!("{} is in `enum` twice", value_shown(value));
                self.tell(Rule::EnumDuplicate, value.at, &list.index(index), message);
            }
            if let Some(wanted) = self.wrong_type(node, value) {
                let message =
                    format!("{} is in `enum`, but the type is {wanted}", value_shown(value));
                self.tell(Rule::EnumType, value.at, &list.index(index), message);
            }
        }
    }

    fn example(&mut self, node: &'a Node, entry: &'a Entry, pointer: &Pointer<'_>) {
        let pointer = pointer.key("example");
        if self.version > Version::V3_0 {
            let message = "`example` of a schema is deprecated";
            self.tell(Rule::ExampleDeprecated, entry.at, &pointer, message);
        }
        if self.is_on(Rule::ExampleMismatch) {
            self.fits(Rule::ExampleMismatch, "the example", &entry.value, node, &pointer);
        }
    }

    fn examples(&mut self, node: &'a Node, entry: &'a Entry, pointer: &Pointer<'_>) {
        if !self.is_on(Rule::ExampleMismatch) {
            return;
        }
        let list = pointer.key("examples");
        for (index, value) in entry.value.as_array().into_iter().flatten().enumerate() {
            self.fits(Rule::ExampleMismatch, "the example", value, node, &list.index(index));
        }
    }

    fn required(&mut self, object: &'a Object, entry: &'a Entry, pointer: &Pointer<'_>) {
        let is_closed = object.get("additionalProperties").and_then(Node::as_bool) == Some(false)
            && !object.contains("patternProperties");
        if !is_closed && !self.is_on(Rule::ReadOnlyRequired) {
            return;
        }
        let properties = object.get("properties").and_then(Node::as_object);
        let list = pointer.key("required");
        for (index, item) in entry.value.as_array().into_iter().flatten().enumerate() {
            let Some(name) = item.as_str() else { continue };
            let property = properties.and_then(|it| it.get(name));
            if property.is_none() && is_closed {
                let message =
                    format!("`{}` is required, and additionalProperties forbids it", shown(name));
                self.tell(Rule::RequiredUndeclared, item.at, &list.index(index), message);
            }
            let is_read_only = |it: &Node| it.get("readOnly").and_then(Node::as_bool) == Some(true);
            if property.is_some_and(is_read_only) {
                let message = format!("`{}` is required, and readOnly", shown(name));
                self.tell(Rule::ReadOnlyRequired, item.at, &list.index(index), message);
            }
        }
    }

    fn nullable(&mut self, object: &Object, entry: &Entry, pointer: &Pointer<'_>) {
        if entry.value.as_bool() != Some(true) {
            return;
        }
        let pointer = pointer.key("nullable");
        if self.version > Version::V3_0 {
            let message = format!("`nullable` means nothing in OpenAPI {}", self.version);
            self.tell(Rule::NullableIgnored, entry.at, &pointer, message);
            return;
        }
        // Alone it excludes nothing, and null is allowed anyway.
        let excludes = ["allOf", "anyOf", "oneOf", "enum"].iter().any(|key| object.contains(key));
        if excludes && !object.contains("type") {
            self.tell(Rule::NullableWithoutType, entry.at, &pointer, "`nullable` has no `type`");
        }
    }

    fn discriminator(&mut self, object: &'a Object, entry: &'a Entry, pointer: &Pointer<'_>) {
        let Some(name) = entry.value.text("propertyName") else { return };
        let is_own = object.get("properties").is_some_and(|it| it.get(name).is_some());
        let required = object.get("required").and_then(Node::as_array).unwrap_or_default();
        if is_own && !required.iter().any(|it| it.as_str() == Some(name)) {
            let message =
                format!("the property `{}` tells the schema, and is not required", shown(name));
            let pointer = pointer.key("discriminator");
            self.tell(Rule::DiscriminatorOptional, entry.at, &pointer, message);
        }
    }

    fn format(&mut self, object: &'a Object, entry: &Entry, pointer: &Pointer<'_>) {
        let (least, most) = match entry.value.as_str() {
            Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            Some("int64") => (-9_223_372_036_854_775_808.0, 9_223_372_036_854_775_807.0),
            _ => return,
        };
        for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let Some(bound) = object.entry(key) else { continue };
            let Some(number) = bound.value.as_number() else { continue };
            // Programs that know only numbers of 64 bits write 9223372036854776000 for the most.
            let float = number.as_f64();
            let is_outside = float < least || float > most;
            if is_outside {
                let format = entry.value.as_str().unwrap_or_default();
                let message = format!("{} is outside of {format}", shown(number.as_str()));
                self.tell(Rule::IntegerFormatBounds, bound.value.at, &pointer.key(key), message);
            }
        }
    }

    fn bounds(&mut self, object: &Object, pointer: &Pointer<'_>) {
        let number = |key: &str| object.get(key).and_then(Node::as_number);
        for (low, high) in BOUNDS {
            let (Some(least), Some(most)) = (number(low), number(high)) else { continue };
            if is_more(least, most) {
                let message = format!("`{low}` is more than `{high}`");
                let at = object.get(low).map_or(self.root.at, |it| it.at);
                self.tell(Rule::Contradiction, at, &pointer.key(low), message);
            }
        }
        let is = |key: &str| object.get(key).and_then(Node::as_bool) == Some(true);
        // In 3.0 it is not allowed.
        if self.version > Version::V3_0
            && let Some(entry) = object.entry("writeOnly")
            && is("readOnly")
            && is("writeOnly")
        {
            let message = "`readOnly` and `writeOnly` are both true";
            self.tell(Rule::Contradiction, entry.at, &pointer.key("writeOnly"), message);
        }
    }

    fn limits(&mut self, node: &Node, object: &Object, pointer: &Pointer<'_>) {
        let has = |keys: &[&str]| keys.iter().any(|key| object.contains(key));
        match node.text("type") {
            Some("array") => {
                if self.version > Version::V3_0
                    && !has(&["items", "prefixItems"])
                    && !is_part(pointer)
                {
                    self.tell(Rule::ArrayItems, node.at, pointer, "the array has no `items`");
                }
                if !has(&["maxItems"]) {
                    self.tell(Rule::ArrayMaxItems, node.at, pointer, "the array has no `maxItems`");
                }
            }
            Some("integer" | "number") if !has(&["enum", "const"]) => {
                let has_low = has(&["minimum", "exclusiveMinimum"]);
                if !has_low || !has(&["maximum", "exclusiveMaximum"]) {
                    self.tell(Rule::NumberBounds, node.at, pointer, "the number has no bounds");
                }
            }
            Some("string") if !has(&["maxLength", "enum", "const", "format", "pattern"]) => {
                let message = "the string has no `maxLength`";
                self.tell(Rule::StringMaxLength, node.at, pointer, message);
            }
            _ => {}
        }
    }

    fn cases(&mut self, entry: &Entry, pointer: &Pointer<'_>) {
        let pointer = pointer.key("properties");
        let names = || entry.value.as_object().into_iter().flat_map(Object::iter);
        let is_snake = |name: &str| name.contains('_');
        let is_camel = |name: &str| !is_snake(name) && name.contains(|it: char| it.is_uppercase());
        let snakes = names().filter(|it| is_snake(&it.key)).count();
        let camels = names().filter(|it| is_camel(&it.key)).count();
        if snakes == 0 || camels == 0 {
            return;
        }
        for it in names() {
            if if snakes > camels { is_camel(&it.key) } else { is_snake(&it.key) } {
                let message = format!("`{}` is written in another way than most", shown(&it.key));
                self.tell(Rule::PropertyCase, it.at, &pointer.key(&it.key), message);
            }
        }
    }

    /// Schemas that are their own alternatives.
    pub(super) fn endless_schemas(&mut self) {
        if !self.is_on(Rule::SchemaEndless) {
            return;
        }
        let schemas = self.root.get("components").and_then(|it| it.get("schemas"));
        let schemas = schemas.and_then(Node::as_object).into_iter().flat_map(Object::iter);
        let names: Vec<(String, &Node)> = schemas
            .map(|it| (format!("#/components/schemas/{}", escape(&it.key)), &it.value))
            .collect();
        let starts = names.iter().map(|(name, node)| (name.as_str(), *node)).collect();
        let parts = |node| {
            let mut found = Vec::new();
            alternatives(node, self.version, &mut found);
            let targets =
                found.into_iter().filter_map(|text| Some((text, self.references.find(text)?)));
            targets.collect::<Vec<_>>()
        };
        let is_told_by_validate =
            |node: &Node| node.get("oneOf").is_none() && node.get("anyOf").is_none();
        let mut told: Vec<(String, At)> = Vec::new();
        let mut seen = HashSet::new();
        circles(starts, parts, |circle| {
            let Some((text, node)) = circle.first() else { return };
            let is_told = || circle.iter().all(|(_, node)| is_told_by_validate(node));
            if !seen.contains(&std::ptr::from_ref(*node)) && !is_told() {
                seen.insert(std::ptr::from_ref(*node));
                let text = decode(text).unwrap_or_else(|| (*text).into());
                told.push((text.into_owned(), node.at));
            }
        });
        for (pointer, at) in told {
            let message = format!("{} is one of its own alternatives", shown(&pointer));
            self.tell(Rule::SchemaEndless, at, &pointer, message);
        }
    }
}

/// The references that a value of a schema is checked against at once.
fn alternatives<'a>(node: &'a Node, version: Version, references: &mut Vec<&'a str>) {
    if let Some(text) = node.text("$ref") {
        references.push(text);
        if version == Version::V3_0 {
            return;
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf"] {
        for part in node.get(keyword).and_then(Node::as_array).into_iter().flatten() {
            alternatives(part, version, references);
        }
    }
}

/// Whether a schema adds to another, which may have the type.
fn is_part(pointer: &Pointer<'_>) -> bool {
    let parent = pointer.parent().and_then(Pointer::last_key);
    match pointer.last_key() {
        None => matches!(parent, Some("allOf" | "anyOf" | "oneOf")),
        // A property may have such a name.
        Some("not" | "if" | "then" | "else") => parent != Some("properties"),
        Some(_) => parent == Some("dependentSchemas"),
    }
}

pub(super) fn is_more(a: &Number, b: &Number) -> bool {
    match (a.as_integer(), b.as_integer()) {
        (Some(a), Some(b)) => a > b,
        _ => a.as_f64() > b.as_f64(),
    }
}

/// A value in a message.
pub(super) fn value_shown(value: &Node) -> String {
    match value.as_str() {
        Some(text) => format!("\"{}\"", shown(text)),
        None => match value.as_number() {
            Some(number) => shown(number.as_str()).into_owned(),
            None => match value.as_bool() {
                Some(it) => it.to_string(),
                None => value.kind().to_owned(),
            },
        },
    }
}
