//! The fields of objects, as the table has them: known, there, and of the right type.

use std::collections::HashSet;

use findings::Severity;
use landfall_toml::nearest;

use super::{Check, choice, shown};
use crate::document::{Entry, Node, Object, Value};
use crate::spec::{Kind, Shape, Version};
use crate::walk::Pointer;

/// Dialects whose keywords are those of the table.
const DIALECTS: [&str; 3] = [
    "https://json-schema.org/draft/2020-12/schema",
    "https://spec.openapis.org/oas/3.1/dialect/",
    "https://spec.openapis.org/oas/3.2/dialect/",
];

impl<'a> Check<'a> {
    /// Checks an object of a kind and all that is in it.
    pub(super) fn object(&mut self, kind: Kind, node: &'a Node, pointer: &Pointer<'_>) {
        let Value::Object(object) = &node.value else {
            return self.wrong_type(node, pointer, &format!("an object ({})", kind.name()));
        };
        if let Some(seen) = &mut self.seen_outside
            && !seen.insert(std::ptr::from_ref(node))
        {
            return;
        }
        let is_resource = kind == Kind::Schema && self.version > Version::V3_0;
        if is_resource && object.get("$schema").and_then(Node::as_str).is_some_and(is_foreign) {
            return;
        }
        let is_resource = is_resource && object.contains("$id");
        if is_resource {
            self.resources.push(node);
        }
        for entry in object {
            self.entry(kind, entry, &pointer.key(&entry.key));
        }
        for field in kind.fields() {
            if field.is_required(self.version) && !object.contains(field.name) {
                let message = format!("`{}` is missing: the {} needs it", field.name, kind.name());
                self.major("missing-field", node.at, pointer, message, "");
            }
        }
        self.object_rules(kind, node, object, pointer);
        if is_resource {
            self.resources.pop();
        }
    }

    fn entry(&mut self, kind: Kind, entry: &'a Entry, pointer: &Pointer<'_>) {
        if let Some(shape) = kind.shape(&entry.key, self.version) {
            if kind == Kind::PathItem && entry.key == "$ref" {
                return self.reference_of(Kind::PathItem, &entry.value, pointer);
            }
            if kind == Kind::Schema && entry.key == "$ref" {
                return self.reference_of(Kind::Schema, &entry.value, pointer);
            }
            return self.value(&entry.value, shape, pointer);
        }
        let may_be_extended = kind != Kind::SecurityRequirement;
        let takes_any = kind == Kind::Schema && self.version > Version::V3_0;
        if takes_any || (may_be_extended && entry.key.starts_with("x-")) {
            return;
        }
        self.unknown(kind, entry, pointer);
    }

    fn unknown(&mut self, kind: Kind, entry: &Entry, pointer: &Pointer<'_>) {
        let (key, version) = (shown(&entry.key), self.version);
        let (rule, message, help) = match kind {
            Kind::Paths => (
                "path-without-slash",
                format!("the path `{key}` does not begin with a slash"),
                format!("write `/{key}`"),
            ),
            Kind::Responses => (
                "status-code",
                format!("`{key}` is no status code"),
                "write a code like 200, a range like 4XX, or default".to_owned(),
            ),
            _ => {
                let of_other = kind.fields().iter().find(|field| field.name == entry.key);
                match of_other {
                    Some(field) => (
                        "unknown-field",
                        unknown_in(&key, kind, field, version),
                        "leave it out, or write the version of OpenAPI that has it".to_owned(),
                    ),
                    None => (
                        "unknown-field",
                        format!("the {} has no field `{key}`", kind.name()),
                        self.meant(kind, &entry.key),
                    ),
                }
            }
        };
        self.major(rule, entry.at, pointer, message, help);
    }

    /// What was meant by a name, as help.
    fn meant(&self, kind: Kind, key: &str) -> String {
        let fields = kind.fields().iter().filter(|field| field.is_in(self.version));
        // Comparing takes longer with the length; no field has a name like that.
        let near = (key.len() <= 40).then(|| nearest(key, fields.map(|field| field.name)));
        match near.flatten() {
            Some(near) => format!("did you mean `{near}`?"),
            None => "leave it out, or begin the name of an extension with `x-`".to_owned(),
        }
    }

    fn value(&mut self, node: &'a Node, shape: Shape, pointer: &Pointer<'_>) {
        match shape {
            Shape::Any => {}
            Shape::String => _ = self.text(node, pointer, "a string"),
            Shape::Boolean => {
                if node.as_bool().is_none() {
                    self.wrong_type(node, pointer, "true or false");
                }
            }
            Shape::Number => {
                if node.as_number().is_none() {
                    self.wrong_type(node, pointer, "a number");
                }
            }
            Shape::Count => self.count(node, pointer),
            Shape::Url => {
                if let Some(text) = self.text(node, pointer, "a URL, as a string")
                    && !is_url_reference(text)
                {
                    let message = format!("{} is no URL: `{}`", subject(pointer), shown(text));
                    self.major("url", node.at, pointer, message, "encode what no URL may have");
                }
            }
            Shape::Email => {
                if let Some(text) = self.text(node, pointer, "an email address, as a string")
                    && !is_email(text)
                {
                    let message = format!("`{}` is no email address", shown(text));
                    self.major("email", node.at, pointer, message, "");
                }
            }
            Shape::Words(words) => self.word(node, words, pointer),
            Shape::WordOrWords(words) => self.word_or_words(node, words, pointer),
            Shape::Is(kind) => self.object(kind, node, pointer),
            Shape::OrReference(kind) => self.object_or_reference(kind, node, pointer),
            Shape::Schema | Shape::SchemaOrBoolean => self.schema_or_boolean(node, shape, pointer),
            Shape::List(inner) => self.list(node, *inner, pointer),
            Shape::Map(inner) => self.map(node, *inner, pointer),
        }
    }

    fn text(&mut self, node: &'a Node, pointer: &Pointer<'_>, wanted: &str) -> Option<&'a str> {
        let text = node.as_str();
        if text.is_none() {
            self.wrong_type(node, pointer, wanted);
        }
        text
    }

    fn count(&mut self, node: &'a Node, pointer: &Pointer<'_>) {
        match node.as_number() {
            None => self.wrong_type(node, pointer, "a whole number"),
            Some(number) => {
                let is_whole = number.as_integer().is_some() || number.as_f64() > 9e15;
                if !is_whole || number.as_f64() < 0.0 {
                    let subject = subject(pointer);
                    let message = format!(
                        "{subject} has to be a whole number from 0 on, not {}",
                        shown(number.as_str())
                    );
                    self.major("wrong-type", node.at, pointer, message, "");
                }
            }
        }
    }

    fn word(&mut self, node: &'a Node, words: &'static [&'static str], pointer: &Pointer<'_>) {
        let wanted = choice(words);
        let Some(text) = self.text(node, pointer, &wanted) else { return };
        if words.contains(&text) {
            return;
        }
        let message = format!("{} has to be {wanted}, not `{}`", subject(pointer), shown(text));
        let near = (text.len() <= 40).then(|| nearest(text, words.iter().copied())).flatten();
        let help = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        self.major("wrong-value", node.at, pointer, message, help);
    }

    fn word_or_words(
        &mut self,
        node: &'a Node,
        words: &'static [&'static str],
        pointer: &Pointer<'_>,
    ) {
        let Some(items) = node.as_array() else {
            if node.as_str().is_none() {
                let wanted = format!("{}, or an array of these", choice(words));
                return self.wrong_type(node, pointer, &wanted);
            }
            return self.word(node, words, pointer);
        };
        if items.is_empty() {
            let message = format!("{} is empty: nothing fits", subject(pointer));
            self.major("wrong-value", node.at, pointer, message, "name one type at least");
        }
        let mut seen = HashSet::new();
        for (index, item) in items.iter().enumerate() {
            self.word(item, words, &pointer.index(index));
            if item.as_str().is_some_and(|word| !seen.insert(word)) {
                let message = format!("{} names a type twice", subject(pointer));
                self.major("wrong-value", item.at, &pointer.index(index), message, "");
            }
        }
    }

    fn schema_or_boolean(&mut self, node: &'a Node, shape: Shape, pointer: &Pointer<'_>) {
        let allows_boolean = shape == Shape::SchemaOrBoolean || self.version > Version::V3_0;
        match &node.value {
            Value::Bool(_) if allows_boolean => {}
            Value::Object(_) if self.version == Version::V3_0 => {
                self.object_or_reference(Kind::Schema, node, pointer);
            }
            Value::Object(_) => self.object(Kind::Schema, node, pointer),
            Value::Bool(_) => {
                let wanted =
                    "an object (Schema Object); from OpenAPI 3.1 on a boolean may stand here";
                self.wrong_type(node, pointer, wanted);
            }
            _ => self.wrong_type(node, pointer, "an object (Schema Object)"),
        }
    }

    fn object_or_reference(&mut self, kind: Kind, node: &'a Node, pointer: &Pointer<'_>) {
        // A Path Item has `$ref` as one of its fields.
        if kind == Kind::PathItem {
            return self.object(kind, node, pointer);
        }
        let Some(reference) = node.get("$ref") else {
            return self.object(kind, node, pointer);
        };
        self.reference_of(kind, reference, &pointer.key("$ref"));
        for entry in node.as_object().into_iter().flat_map(Object::iter) {
            let is_known = self.version > Version::V3_0
                && matches!(entry.key.as_str(), "summary" | "description");
            if entry.key == "$ref" {
                continue;
            }
            if is_known {
                self.value(&entry.value, Shape::String, &pointer.key(&entry.key));
                continue;
            }
            let message = format!("`{}` beside `$ref` is ignored", shown(&entry.key));
            let help = match kind {
                Kind::Schema => "put both into an `allOf`, or leave it out",
                _ => "leave it out",
            };
            let (rule, pointer) = ("reference-siblings", pointer.key(&entry.key));
            self.tell(rule, Severity::Info, entry.at, &pointer, message, help);
        }
    }

    fn list(&mut self, node: &'a Node, inner: Shape, pointer: &Pointer<'_>) {
        let Some(items) = node.as_array() else {
            return self.wrong_type(node, pointer, "an array");
        };
        if inner == Shape::Any {
            return;
        }
        for (index, item) in items.iter().enumerate() {
            self.value(item, inner, &pointer.index(index));
        }
    }

    fn map(&mut self, node: &'a Node, inner: Shape, pointer: &Pointer<'_>) {
        let Some(object) = node.as_object() else {
            return self.wrong_type(node, pointer, "an object");
        };
        for entry in object {
            self.value(&entry.value, inner, &pointer.key(&entry.key));
        }
    }

    fn wrong_type(&mut self, node: &Node, pointer: &Pointer<'_>, wanted: &str) {
        let message = format!("{} has to be {wanted}, not {}", subject(pointer), node.kind());
        let help = match (&node.value, wanted) {
            (Value::Number(number), "a string") => {
                format!("quote it: \"{}\"", shown(number.as_str()))
            }
            (Value::Bool(it), "a string") => format!("quote it: \"{it}\""),
            (Value::Null, "a string") => {
                "write a text, or leave it out; quote it: \"null\"".to_owned()
            }
            (Value::Null, _) => "write a value, or leave it out".to_owned(),
            (Value::String(text), "true or false") if text == "true" || text == "false" => {
                format!("write {text} without quotes")
            }
            (Value::String(text), "a number" | "a whole number") if text.parse::<f64>().is_ok() => {
                format!("write {} without quotes", shown(text))
            }
            _ => String::new(),
        };
        self.major("wrong-type", node.at, pointer, message, help);
    }
}

fn unknown_in(key: &str, kind: Kind, field: &crate::spec::Field, version: Version) -> String {
    let versions = [Version::V3_0, Version::V3_1, Version::V3_2];
    let later = versions.into_iter().find(|it| *it > version && field.is_in(*it));
    let name = kind.name();
    match later {
        Some(later) => {
            format!("`{key}` is a field of the {name} from OpenAPI {later} on; this is {version}")
        }
        None => format!("the {name} of OpenAPI {version} has no field `{key}` any more"),
    }
}

/// What a message is about: the key, or an item.
pub(super) fn subject(pointer: &Pointer<'_>) -> String {
    match pointer.last_key() {
        Some(key) => format!("`{}`", shown(key)),
        None => "the item".to_owned(),
    }
}

/// Whether a dialect of JSON Schema has other keywords than the table.
pub(super) fn is_foreign(dialect: &str) -> bool {
    !DIALECTS.iter().any(|known| dialect.trim_end_matches('#').starts_with(known))
}

/// The characters of RFC 3986, and those beyond ASCII, which RFC 3987 adds.
fn is_url_reference(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => bytes.get(at + 1..at + 3).is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit)),
        0x00..=0x20 | 0x7F | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        _ => true,
    })
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    !name.is_empty()
        && !host.is_empty()
        && !text.contains(|it: char| it.is_whitespace() || it == ',')
}
