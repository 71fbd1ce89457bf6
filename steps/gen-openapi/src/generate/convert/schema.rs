//! Schemas of JSON Schema 2020-12 in the words of OpenAPI 3.0:
//! <https://spec.openapis.org/oas/v3.0.4#schema-object>.
//!
//! `nullable` adds null to a `type` that stands beside it, and to nothing else; null passes `enum` only
//! when it is listed there. So a schema of null alone is `enum: [null]`.

use super::{Lost, is_known_dialect};
use crate::document::{Entry, Node, Number, Object, Text, Value};
use crate::spec::{Kind, Version};

/// A schema in the words of 3.0, when it changes; and what cannot be said in them.
pub(super) fn converted(object: &Object, lost: &mut Vec<Lost>) -> Option<Object> {
    if !object.iter().any(|it| changes(it, object)) {
        return None;
    }
    let mut schema = Schema { object: object.clone(), all_of: Vec::new(), lost };
    schema.null_beside_one();
    schema.reference();
    schema.enumeration();
    schema.types();
    schema.bounds();
    schema.conditions();
    schema.dependencies();
    schema.containing();
    schema.properties();
    schema.items();
    schema.content();
    schema.examples();
    schema.rest();
    schema.finish();
    Some(schema.object)
}

/// Whether a keyword is none of 3.0, or means something else there.
fn changes(entry: &Entry, object: &Object) -> bool {
    let key = entry.key.as_str();
    let value = &entry.value;
    match key {
        "$ref" => object.len() > 1,
        "type" => {
            value.as_str().is_none()
                || value.as_str() == Some("null")
                || value.as_str() == Some("array") && !object.contains("items")
        }
        "exclusiveMinimum" | "exclusiveMaximum" => value.as_number().is_some(),
        "required" => value.as_array().is_some_and(<[Node]>::is_empty),
        "anyOf" | "oneOf" => value.as_array().is_some_and(|it| it.iter().any(is_null)),
        // What was converted before.
        "nullable" => false,
        _ => Kind::Schema.field(key, Version::V3_0).is_none() && !key.starts_with("x-"),
    }
}

/// `{type: null}` and nothing else that counts.
fn is_null(node: &Node) -> bool {
    node.text("type") == Some("null") && node.as_object().is_some_and(|it| it.len() == 1)
}

struct Schema<'a> {
    object: Object,
    /// What has to hold besides.
    all_of: Vec<Node>,
    lost: &'a mut Vec<Lost>,
}

const NOTHING_ALIKE: &str = "there is nothing that means the same";

impl Schema<'_> {
    /// One schema or null becomes that schema with `nullable`, when it has a type and nothing that
    /// null would not pass.
    fn null_beside_one(&mut self) {
        for key in ["anyOf", "oneOf"] {
            let Some([a, b]) = self.object.get(key).and_then(Node::as_array) else { continue };
            let one = match (is_null(a), is_null(b)) {
                (false, true) => a,
                (true, false) => b,
                _ => continue,
            };
            let Some(one) = one.as_object().filter(|it| takes_null(it)).cloned() else { continue };
            let is_strict = |it: &str| it != key && (STRICT.contains(&it) || it == "enum");
            let is_taken = one.keys().any(|it| self.object.contains(it));
            if is_taken || self.object.keys().any(is_strict) {
                continue;
            }
            let mut merged = Object::default();
            for entry in &self.object {
                if entry.key == key {
                    one.iter().cloned().for_each(|it| merged.push(it));
                } else {
                    merged.push(entry.clone());
                }
            }
            merged.insert("nullable", Node::made(Value::Bool(true)));
            let values = merged.get_mut("enum").and_then(Node::as_array_mut);
            let is_null = |it: &Node| matches!(it.value, Value::Null);
            if let Some(values) = values.filter(|it| !it.iter().any(is_null)) {
                values.push(Node::made(Value::Null));
            }
            self.object = merged;
            return;
        }
    }

    /// Keywords beside a reference are ignored in 3.0.
    fn reference(&mut self) {
        if self.object.len() == 1 {
            return;
        }
        if let Some(reference) = self.object.remove("$ref") {
            let at = reference.value.at;
            let value = Value::Object(std::iter::once(reference).collect());
            self.all_of.push(Node { value, at });
        }
    }

    fn enumeration(&mut self) {
        let Some(entry) = self.object.entry("const").cloned() else { return };
        let listed = self.object.get("enum").and_then(Node::as_array);
        if listed.is_some_and(|it| !it.contains(&entry.value)) {
            self.lost.push(Lost::new(&entry, "it is not among `enum`, so that no value is valid"));
        }
        let only = Node { at: entry.value.at, ..Node::array([entry.value.clone()]) };
        if listed.is_some() {
            self.object.insert("enum", only);
            self.object.remove("const");
        } else {
            self.replace("const", "enum", only);
        }
    }

    fn types(&mut self) {
        let Some(entry) = self.object.entry("type").cloned() else { return };
        let names: Vec<&str> = match &entry.value.value {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Node::as_str).collect(),
            _ => return,
        };
        let has_null = names.contains(&"null");
        let others: Vec<&str> = names.into_iter().filter(|it| *it != "null").collect();
        let at = entry.value.at;
        match others[..] {
            [] => {
                let null = Node::array([Node::made(Value::Null)]);
                if self.object.get("enum").is_some_and(|it| *it != null) {
                    let why = "null alone is an `enum` of it, and there is another `enum`";
                    self.lost.push(Lost::new(&entry, why));
                }
                self.object.insert("enum", null);
                self.replace("type", "nullable", Node::made(Value::Bool(true)));
            }
            [one] => {
                self.object.insert("type", Node { at, ..Node::string(one) });
                if has_null {
                    self.insert_after("type", "nullable", Node::made(Value::Bool(true)));
                }
            }
            _ => {
                let items = self.object.get("items").cloned();
                let alternatives = others.iter().enumerate().map(|(index, name)| {
                    let mut one = Object::default();
                    one.insert("type", Node { at, ..Node::string(*name) });
                    if *name == "array" {
                        one.insert("items", items.clone().unwrap_or_else(anything));
                    }
                    if has_null && index == 0 {
                        one.insert("nullable", Node::made(Value::Bool(true)));
                    }
                    Node { value: Value::Object(one), at }
                });
                let alternatives = Node::array(alternatives);
                self.object.remove("type");
                if others.contains(&"array") {
                    self.object.remove("items");
                }
                if self.object.contains("anyOf") {
                    self.all_of.push(Node::object([("anyOf", alternatives)]));
                } else {
                    self.object.insert("anyOf", alternatives);
                }
            }
        }
        if self.object.get("type").and_then(Node::as_str) == Some("array")
            && !self.object.contains("items")
            && !self.object.contains("prefixItems")
        {
            self.object.insert("items", anything());
        }
    }

    /// Bounds that are excluded are numbers of their own; in 3.0 they say so of the other bound.
    fn bounds(&mut self) {
        for (exclusive, inclusive, sign) in
            [("exclusiveMinimum", "minimum", 1.0), ("exclusiveMaximum", "maximum", -1.0)]
        {
            let Some(bound) = self.object.get(exclusive).filter(|it| it.as_number().is_some())
            else {
                continue;
            };
            let bound = bound.clone();
            let value = bound.as_number().map_or(f64::NAN, Number::as_f64);
            let other = self.object.get(inclusive).and_then(Node::as_number).map(Number::as_f64);
            if other.is_some_and(|other| value * sign < other * sign) {
                self.object.remove(exclusive);
                continue;
            }
            let excluded = Node { at: bound.at, ..Node::made(Value::Bool(true)) };
            if other.is_some() {
                self.object.insert(inclusive, bound);
            } else {
                self.replace(exclusive, inclusive, bound);
            }
            self.object.remove(exclusive);
            self.insert_after(inclusive, exclusive, excluded);
        }
    }

    /// `if A then B else C` is (not A, or B) and (A, or C).
    fn conditions(&mut self) {
        let condition = self.object.remove("if");
        let (then, otherwise) = (self.object.remove("then"), self.object.remove("else"));
        let Some(condition) = condition.map(|it| it.value) else { return };
        if let Some(then) = then {
            self.all_of.push(any_of([not(condition.clone()), then.value]));
        }
        if let Some(otherwise) = otherwise {
            self.all_of.push(any_of([condition, otherwise.value]));
        }
    }

    /// What has to hold when there is a property.
    fn dependencies(&mut self) {
        let required = self.object.remove("dependentRequired").map(|it| it.value);
        let schemas = self.object.remove("dependentSchemas").map(|it| it.value);
        for entry in required.iter().filter_map(Node::as_object).flatten() {
            if entry.value.as_array().is_some_and(|it| !it.is_empty()) {
                let needs = Node::object([("required", entry.value.clone())]);
                self.all_of.push(any_of([not(has(&entry.key)), needs]));
            }
        }
        for entry in schemas.iter().filter_map(Node::as_object).flatten() {
            let needs = as_object(&entry.value);
            self.all_of.push(any_of([not(has(&entry.key)), needs]));
        }
    }

    /// `contains` is: not an array in which no item is like that.
    fn containing(&mut self) {
        let contains = self.object.remove("contains");
        let (least, most) = (self.object.remove("minContains"), self.object.remove("maxContains"));
        let Some(contains) = contains else { return };
        let least_number =
            least.as_ref().map_or(Some(1), |it| it.value.as_number().and_then(Number::as_integer));
        match (least_number, most) {
            (Some(0), None) => {}
            (Some(1), None) => {
                let none = Node::object([
                    ("type", Node::string("array")),
                    ("items", not(as_object(&contains.value))),
                ]);
                self.all_of.push(not(none));
            }
            (_, Some(most)) => self.lost.push(Lost::new(&most, NOTHING_ALIKE)),
            _ => self.lost.extend(least.map(|it| Lost::new(&it, NOTHING_ALIKE))),
        }
    }

    fn properties(&mut self) {
        if let Some(entry) = self.object.remove("propertyNames") {
            let is_string = entry.value.as_object().is_some_and(|it| {
                it.is_empty() || it.len() == 1 && entry.value.text("type") == Some("string")
            });
            if !is_string {
                self.lost.push(Lost::new(&entry, NOTHING_ALIKE));
            }
        }
        if let Some(entry) = self.object.remove("patternProperties") {
            let patterns = entry.value.as_object().map(Object::iter).into_iter().flatten();
            let patterns: Vec<&Entry> = patterns.collect();
            let is_alone = !self.object.contains("properties")
                && !self.object.contains("additionalProperties");
            match patterns[..] {
                [] => {}
                [one] if is_alone && fits_all(&one.key) => {
                    self.object.insert("additionalProperties", one.value.clone());
                }
                _ => {
                    let why = "properties are told by their whole names, or not at all";
                    self.lost.push(Lost::new(&entry, why));
                }
            }
        }
        self.unevaluated("unevaluatedProperties", "additionalProperties");
        if self.object.get("required").and_then(Node::as_array).is_some_and(<[Node]>::is_empty) {
            self.object.remove("required");
        }
    }

    fn items(&mut self) {
        if let Some(entry) = self.object.remove("prefixItems") {
            let why = "all items of an array have one schema";
            self.lost.push(Lost::new(&entry, why));
        }
        self.unevaluated("unevaluatedItems", "items");
    }

    /// What nothing has looked at is what nothing beside it has, when nothing else looks.
    fn unevaluated(&mut self, keyword: &str, beside: &str) {
        let Some(entry) = self.object.remove(keyword) else { return };
        let is_any = entry.value.as_bool() == Some(true)
            || entry.value.as_object().is_some_and(Object::is_empty);
        if is_any || self.object.contains(beside) {
            return;
        }
        let looks = ["allOf", "anyOf", "oneOf", "not", "$ref"];
        if looks.iter().any(|it| self.object.contains(it)) || !self.all_of.is_empty() {
            let why = "what other schemas have looked at is not known";
            self.lost.push(Lost::new(&entry, why));
        } else if keyword == "unevaluatedItems" {
            self.object.insert(beside, as_object(&entry.value));
        } else {
            self.object.insert(beside, entry.value);
        }
    }

    /// <https://spec.openapis.org/oas/v3.0.4#data-type-format>
    fn content(&mut self) {
        let encoding = self.object.remove("contentEncoding");
        let media_type = self.object.remove("contentMediaType");
        let schema = self.object.remove("contentSchema");
        let is_octets = media_type
            .as_ref()
            .is_some_and(|it| it.value.as_str() == Some("application/octet-stream"));
        let format = match encoding.as_ref().map(|it| it.value.as_str().unwrap_or_default()) {
            Some("base64") => Some("byte"),
            Some("binary") => Some("binary"),
            None if is_octets => Some("binary"),
            _ => None,
        };
        let own = self.object.get("format").and_then(Node::as_str);
        let fits = format.filter(|format| own.is_none_or(|own| own == *format));
        if let Some(format) = fits {
            self.object.insert("format", Node::string(format));
        }
        let why = "how a text is encoded is said by `format`, and only base64 is known";
        if fits.is_none() {
            self.lost.extend(encoding.map(|it| Lost::documentation(&it, why)));
        }
        let media_type = media_type.filter(|_| !(is_octets && fits.is_some()));
        for entry in media_type.into_iter().chain(schema) {
            self.lost.push(Lost::documentation(&entry, "what a text holds is not told"));
        }
    }

    fn examples(&mut self) {
        let Some(entry) = self.object.entry("examples").cloned() else { return };
        let own = self.object.get("example").cloned();
        let examples = entry.value.as_array().unwrap_or_default();
        if examples.iter().any(|it| Some(it) != own.as_ref().or(examples.first())) {
            self.lost.push(Lost::documentation(&entry, "a schema has one `example`"));
        }
        match examples.first().filter(|_| own.is_none()) {
            Some(first) => self.replace("examples", "example", first.clone()),
            None => drop(self.object.remove("examples")),
        }
    }

    /// Keywords that nothing was said of yet.
    fn rest(&mut self) {
        // Without meaning of their own, as everything that refers to them leads to a component.
        const EMPTY: [&str; 6] =
            ["$comment", "$id", "$anchor", "$dynamicAnchor", "$defs", "definitions"];
        let entries: Vec<Entry> =
            self.object.iter().filter(|it| is_foreign(&it.key)).cloned().collect();
        for entry in entries {
            self.object.remove(&entry.key);
            match entry.key.as_str() {
                key if EMPTY.contains(&key) => {}
                "$schema" if entry.value.as_str().is_some_and(is_known_dialect) => {}
                key if Kind::Schema.field(key, Version::V3_2).is_some() => {
                    self.lost.push(Lost::new(&entry, NOTHING_ALIKE));
                }
                _ => self.lost.push(Lost::documentation(&entry, "no tool knows it")),
            }
        }
    }

    fn finish(&mut self) {
        if self.all_of.is_empty() {
            return;
        }
        let mut all_of = std::mem::take(&mut self.all_of);
        match self.object.get_mut("allOf").and_then(Node::as_array_mut) {
            Some(own) => all_of.into_iter().for_each(|it| own.push(it)),
            None => {
                // A reference comes first, as it stood there.
                let first = all_of.first().is_some_and(|it| it.get("$ref").is_some());
                let entry = Entry {
                    key: "allOf".into(),
                    at: all_of[0].at,
                    value: Node::array(all_of.drain(..)),
                };
                if first {
                    let rest = self.object.iter().cloned();
                    self.object = std::iter::once(entry).chain(rest).collect();
                } else {
                    self.object.push(entry);
                }
            }
        }
    }

    /// Puts another key in the place of one.
    fn replace(&mut self, key: &str, new: &str, value: Node) {
        let is_taken = self.object.contains(new);
        if is_taken {
            self.object.insert(new, value);
            self.object.remove(key);
            return;
        }
        let entries = self.object.iter().map(|it| match it.key == key {
            true => Entry { key: Text::from(new), at: it.at, value: value.clone() },
            false => it.clone(),
        });
        self.object = entries.collect();
    }

    /// Puts a key behind another one.
    fn insert_after(&mut self, key: &str, new: &str, value: Node) {
        if self.object.contains(new) {
            self.object.insert(new, value);
            return;
        }
        let entry = Entry { key: Text::from(new), at: value.at, value };
        let entries = self.object.iter().flat_map(|it| {
            let after = (it.key == key).then(|| entry.clone());
            std::iter::once(it.clone()).chain(after)
        });
        self.object = entries.collect();
    }
}

/// Keywords that may refuse null, whatever `nullable` says.
const STRICT: [&str; 7] = ["allOf", "anyOf", "oneOf", "not", "$ref", "const", "if"];

/// Whether a schema is one of a type, which null passes with `nullable`, when null is in its `enum`.
fn takes_null(object: &Object) -> bool {
    let is_typed = object.get("type").and_then(Node::as_str).is_some_and(|it| it != "null");
    is_typed && !STRICT.iter().any(|key| object.contains(key))
}

/// Whether 3.0 does not know a keyword.
fn is_foreign(key: &str) -> bool {
    Kind::Schema.field(key, Version::V3_0).is_none() && !key.starts_with("x-") && key != "$ref"
}

/// Whether a pattern fits every name.
fn fits_all(pattern: &str) -> bool {
    matches!(pattern, "" | ".*" | "^.*" | ".*$" | "^.*$" | "^" | "$")
}

fn anything() -> Node {
    Node::object::<&str>([])
}

fn not(schema: Node) -> Node {
    Node { at: schema.at, ..Node::object([("not", as_object(&schema))]) }
}

fn any_of(schemas: [Node; 2]) -> Node {
    Node::object([("anyOf", Node::array(schemas.map(|it| as_object(&it))))])
}

/// An object that has a property.
fn has(name: &Text) -> Node {
    let names = Node::array([Node::string(name.clone())]);
    Node::object([("type", Node::string("object")), ("required", names)])
}

/// A schema that is a boolean as an object.
fn as_object(schema: &Node) -> Node {
    match schema.value {
        Value::Bool(true) => anything(),
        Value::Bool(false) => Node::object([("not", anything())]),
        _ => schema.clone(),
    }
}
