//! Rules of Schema Objects: <https://spec.openapis.org/oas/v3.0.4#schema-object>, and from 3.1 on those
//! of <https://json-schema.org/draft/2020-12/json-schema-validation>.

use findings::Severity;

use super::{Check, shown};
use crate::document::{Entry, Node, Object};
use crate::references::References;
use crate::spec::Version;
use crate::walk::Pointer;

/// Whether a schema has a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declared {
    Yes,
    No,
    /// It tells no properties, or allows others, or cannot be followed.
    Unknown,
}

impl<'a> Check<'a> {
    pub(super) fn schema(&mut self, node: &'a Node, object: &'a Object, pointer: &Pointer<'_>) {
        for entry in object {
            match entry.key.as_str() {
                "type" if self.version == Version::V3_0 => {
                    self.array_items(node, object, entry, pointer)
                }
                "required" => self.required(entry, pointer),
                "enum" => self.not_empty(entry, pointer, self.version == Version::V3_0),
                "allOf" | "anyOf" | "oneOf" => self.not_empty(entry, pointer, true),
                "prefixItems" => self.not_empty(entry, pointer, self.version > Version::V3_0),
                "multipleOf" => self.multiple_of(entry, pointer),
                "pattern" => self.pattern(entry, pointer),
                "patternProperties" => self.pattern_properties(entry, pointer),
                "readOnly" => self.read_and_write_only(object, entry, pointer),
                "discriminator" => self.discriminator(node, entry, pointer),
                "$anchor" | "$dynamicAnchor" => self.anchors.extend(entry.value.as_str()),
                _ => {}
            }
        }
    }

    fn array_items(&mut self, node: &Node, object: &Object, entry: &Entry, pointer: &Pointer<'_>) {
        if entry.value.as_str() == Some("array") && !object.contains("items") {
            let message = "an array needs `items` in OpenAPI 3.0";
            let help = "say what its items are; `items: {}` is anything";
            self.major("array-items-missing", node.at, pointer, message, help);
        }
    }

    fn required(&mut self, entry: &'a Entry, pointer: &Pointer<'_>) {
        self.not_empty(entry, pointer, self.version == Version::V3_0);
        let items = entry.value.as_array().unwrap_or_default();
        // Lists of required names are short.
        for (index, item) in items.iter().enumerate().take(1000) {
            if items[..index].contains(item) {
                let name = item.as_str().map(shown).unwrap_or_default();
                let list = pointer.key("required");
                let message = format!("`{name}` is named twice");
                self.major(
                    "required-duplicate",
                    item.at,
                    &list.index(index),
                    message,
                    "take one out",
                );
            }
        }
    }

    fn not_empty(&mut self, entry: &Entry, pointer: &Pointer<'_>, applies: bool) {
        if applies && entry.value.as_array().is_some_and(<[Node]>::is_empty) {
            let message = format!("`{}` is empty", entry.key);
            let help = "leave it out, or put in one at least";
            self.major("empty-list", entry.at, &pointer.key(&entry.key), message, help);
        }
    }

    fn multiple_of(&mut self, entry: &Entry, pointer: &Pointer<'_>) {
        if entry.value.as_number().is_some_and(|it| it.as_f64() <= 0.0) {
            let message = "`multipleOf` has to be more than 0";
            let pointer = pointer.key("multipleOf");
            self.major("wrong-value", entry.value.at, &pointer, message, "");
        }
    }

    fn pattern(&mut self, entry: &'a Entry, pointer: &Pointer<'_>) {
        if let Some(pattern) = entry.value.as_str()
            && !self.is_pattern(pattern)
        {
            self.no_pattern(entry.value.at, pattern, &pointer.key("pattern"));
        }
    }

    fn pattern_properties(&mut self, entry: &'a Entry, pointer: &Pointer<'_>) {
        let pointer = pointer.key("patternProperties");
        for entry in entry.value.as_object().into_iter().flat_map(Object::iter) {
            if !self.is_pattern(&entry.key) {
                self.no_pattern(entry.at, &entry.key, &pointer.key(&entry.key));
            }
        }
    }

    /// The specification says SHOULD.
    fn no_pattern(&mut self, at: crate::document::At, pattern: &str, pointer: &Pointer<'_>) {
        let message = format!("`{}` is no regular expression of JavaScript", shown(pattern));
        let help =
            "lookbehind and named groups are fine; inline flags like (?i) and \\A, \\z are not";
        self.tell("pattern", Severity::Minor, at, pointer, message, help);
    }

    fn read_and_write_only(&mut self, object: &Object, entry: &Entry, pointer: &Pointer<'_>) {
        let is = |key: &str| object.get(key).and_then(Node::as_bool) == Some(true);
        if self.version == Version::V3_0 && is("readOnly") && is("writeOnly") {
            let message = "`readOnly` and `writeOnly` exclude each other";
            self.major("read-and-write-only", entry.at, pointer, message, "leave one out");
        }
    }

    fn discriminator(&mut self, node: &'a Node, entry: &'a Entry, pointer: &Pointer<'_>) {
        let pointer = pointer.key("discriminator");
        if let Some(property) = entry.value.get("propertyName")
            && let Some(name) = property.as_str()
            && declares(node, name, &self.references, true) == Declared::No
        {
            let message = format!("no schema here has the property `{}`", shown(name));
            let help = "describe it in each of them, and require it";
            let pointer = pointer.key("propertyName");
            self.tell(
                "discriminator-property",
                Severity::Minor,
                property.at,
                &pointer,
                message,
                help,
            );
        }
        let mapping = entry.value.get("mapping").and_then(Node::as_object);
        let mapping_pointer = pointer.key("mapping");
        for entry in mapping.into_iter().flat_map(Object::iter) {
            let Some(text) = entry.value.as_str() else { continue };
            if !self.leads_to_schema(text) {
                let message = format!("there is no schema `{}`", shown(text));
                let help = "write the reference of a schema, as in #/components/schemas/Cat";
                let pointer = mapping_pointer.key(&entry.key);
                self.major("discriminator-mapping", entry.value.at, &pointer, message, help);
            }
        }
    }

    /// Whether the value of a mapping is a reference, or the name of a schema. What leads to other
    /// files is not followed here.
    fn leads_to_schema(&self, text: &str) -> bool {
        if text.starts_with('#') {
            return self.references.find(text).is_some() || !text.starts_with("#/");
        }
        let is_name = !text.contains(['/', ':']);
        let has_ending = text.contains('.');
        !is_name
            || has_ending
            || self.references.find(&format!("#/components/schemas/{text}")).is_some()
    }
}

/// Whether a schema has a property. With `in_all` each alternative has to have it.
pub(super) fn declares(
    schema: &Node,
    name: &str,
    references: &References<'_>,
    in_all: bool,
) -> Declared {
    let mut search = Search { references, name, in_all, steps: 2000 };
    search.look(schema, 0)
}

struct Search<'r, 'n> {
    references: &'r References<'n>,
    name: &'r str,
    in_all: bool,
    /// How many schemas may still be looked at.
    steps: usize,
}

impl Search<'_, '_> {
    fn look(&mut self, schema: &Node, depth: usize) -> Declared {
        if self.steps == 0 || depth > 40 {
            return Declared::Unknown;
        }
        self.steps -= 1;
        let referred = match schema.text("$ref").map(|text| self.references.find(text)) {
            Some(Some(target)) => Some(self.look(target, depth + 1)),
            Some(None) => return Declared::Unknown,
            None => None,
        };
        let Some(object) = schema.as_object() else { return Declared::Unknown };
        let properties = object.get("properties");
        if properties.is_some_and(|it| it.get(self.name).is_some()) {
            return Declared::Yes;
        }
        let is_open = object.contains("patternProperties")
            || object.get("additionalProperties").is_some_and(|it| it.as_bool() != Some(false));
        let own = match (properties, is_open) {
            (Some(_), false) => Declared::No,
            (None, false) if object.contains("allOf") || object.contains("anyOf") => Declared::No,
            (None, false) if object.contains("oneOf") || referred.is_some() => Declared::No,
            _ => Declared::Unknown,
        };
        let mut all = vec![own];
        all.extend(referred);
        for part in object.get("allOf").and_then(Node::as_array).unwrap_or_default() {
            all.push(self.look(part, depth + 1));
        }
        for keyword in ["anyOf", "oneOf"] {
            let parts = object.get(keyword).and_then(Node::as_array).unwrap_or_default();
            if !parts.is_empty() {
                let found: Vec<_> = parts.iter().map(|part| self.look(part, depth + 1)).collect();
                all.push(self.of_alternatives(&found));
            }
        }
        if all.contains(&Declared::Yes) {
            Declared::Yes
        } else if all.contains(&Declared::Unknown) {
            Declared::Unknown
        } else {
            Declared::No
        }
    }

    fn of_alternatives(&self, found: &[Declared]) -> Declared {
        let wins = if self.in_all { Declared::No } else { Declared::Yes };
        if found.contains(&wins) {
            wins
        } else if found.contains(&Declared::Unknown) {
            Declared::Unknown
        } else {
            found[0]
        }
    }
}
