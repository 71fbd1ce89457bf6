//! Examples: those that the description gives, else one that is made from the schema.

use std::cmp::Ordering;

use super::page::Page;
use super::schema::cut;
use crate::document::{Node, Number, Object, Value, to_json};
use crate::references::References;
use crate::spec::is_json;

/// How long an example is shown, in bytes.
const MAX_EXAMPLE: usize = 20_000;

/// How many values an example that is made has.
const MAX_VALUES: usize = 200;

/// How deep its objects and arrays lie in each other.
const MAX_DEPTH: usize = 6;

/// Who sends what an example shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sender {
    Caller,
    Service,
}

/// An example with what is said of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Example<'a> {
    pub(super) title: Option<&'a str>,
    pub(super) description: Option<&'a str>,
    pub(super) is_made: bool,
    pub(super) shown: Shown<'a>,
}

/// The content of an example.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown<'a> {
    Text(String),
    /// An address at which it is.
    Elsewhere(&'a str),
}

/// The examples of a media type, a parameter or a header.
pub(super) fn examples<'a>(
    holder: &'a Node,
    media_type: &str,
    references: &References<'a>,
    sender: Sender,
) -> Vec<Example<'a>> {
    let given = given(holder, media_type, references);
    if !given.is_empty() {
        return given;
    }
    let schema = holder.get("schema").or_else(|| holder.get("itemSchema"));
    let made = schema.and_then(|schema| made(schema, media_type, references, sender));
    made.map(|text| Example::of(Shown::Text(text), true)).into_iter().collect()
}

/// The examples that are written down.
fn given<'a>(holder: &'a Node, media_type: &str, references: &References<'a>) -> Vec<Example<'a>> {
    if let Some(value) = holder.get("example") {
        return vec![Example::of(Shown::Text(text_of(value, media_type)), false)];
    }
    let entries =
        holder.get("examples").and_then(Node::as_object).into_iter().flat_map(Object::iter);
    let read = |entry: &'a crate::document::Entry| {
        let example = references.resolve(&entry.value)?;
        let value = example.get("value").or_else(|| example.get("dataValue"));
        let shown = if let Some(text) = example.text("serializedValue") {
            Shown::Text(text.to_owned())
        } else if let Some(value) = value {
            Shown::Text(text_of(value, media_type))
        } else {
            Shown::Elsewhere(example.text("externalValue")?)
        };
        let title = example.text("summary").or(Some(entry.key.as_str()));
        Some(Example { title, description: example.text("description"), is_made: false, shown })
    };
    entries.filter_map(read).collect()
}

impl Example<'_> {
    fn of(shown: Shown<'_>, is_made: bool) -> Example<'_> {
        Example { title: None, description: None, is_made, shown }
    }
}

/// An example as a message of its media type has it.
fn text_of(value: &Node, media_type: &str) -> String {
    match value.as_str() {
        Some(text) if !is_json(media_type) => text.to_owned(),
        _ if is_form(media_type) => form(value),
        _ => to_json(value).trim_end().to_owned(),
    }
}

/// An example that fits a schema as far as that can be told; nothing for media types that have a
/// grammar of their own.
fn made<'a>(
    schema: &'a Node,
    media_type: &str,
    references: &References<'a>,
    sender: Sender,
) -> Option<String> {
    let is_text = media_type.starts_with("text/plain");
    if !is_json(media_type) && !is_form(media_type) && !is_text {
        return None;
    }
    let value = Maker::new(references, sender).value(schema)?;
    // A binary file, or anything.
    (value.as_object().is_none_or(|it| !it.is_empty())).then(|| text_of(&value, media_type))
}

fn is_form(media_type: &str) -> bool {
    media_type.starts_with("application/x-www-form-urlencoded")
}

fn form(value: &Node) -> String {
    let fields = value.as_object().into_iter().flat_map(Object::iter);
    let field = |entry: &crate::document::Entry| {
        format!("{}={}", encoded(&entry.key), encoded(&plain(&entry.value)))
    };
    fields.map(field).collect::<Vec<_>>().join("&")
}

/// A value as part of a URL, before it is encoded.
pub(super) fn plain(value: &Node) -> String {
    match &value.value {
        Value::String(text) => text.to_string(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        _ => to_json(value).trim_end().to_owned(),
    }
}

/// A text as part of a URL: <https://datatracker.ietf.org/doc/html/rfc3986#section-2.3>.
pub(super) fn encoded(text: &str) -> String {
    const KEPT: percent_encoding::AsciiSet = percent_encoding::NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b',');
    percent_encoding::utf8_percent_encode(text, &KEPT).to_string()
}

/// The value of a parameter in an example: given, or made.
pub(super) fn parameter_value<'a>(
    parameter: &'a Node,
    schema: Option<&'a Node>,
    references: &References<'a>,
) -> Option<String> {
    if let Some(value) = parameter.get("example") {
        return Some(plain(value));
    }
    let examples = parameter.get("examples").and_then(Node::as_object);
    let first = examples.into_iter().flat_map(Object::iter).next();
    let first = first.and_then(|entry| references.resolve(&entry.value)?.get("value"));
    if let Some(value) = first {
        return Some(plain(value));
    }
    let schema = references.resolve(schema?)?;
    said(schema).map(plain)
}

/// A value that a schema itself names.
fn said(schema: &Node) -> Option<&Node> {
    let first = |key: &str| schema.get(key).and_then(Node::as_array).and_then(<[Node]>::first);
    schema
        .get("example")
        .or_else(|| first("examples"))
        .or_else(|| schema.get("const"))
        .or_else(|| schema.get("default"))
        .or_else(|| first("enum"))
}

/// Makes a value, and ends at circles.
struct Maker<'a, 'r> {
    references: &'r References<'a>,
    sender: Sender,
    left: usize,
    /// The schemas that it is inside of.
    inside: Vec<*const Node>,
}

impl<'a, 'r> Maker<'a, 'r> {
    fn new(references: &'r References<'a>, sender: Sender) -> Self {
        Self { references, sender, left: MAX_VALUES, inside: Vec::new() }
    }

    /// Nothing in a circle, when it would become too large, and where nothing is allowed.
    fn value(&mut self, schema: &'a Node) -> Option<Node> {
        let schema = self.references.resolve(schema)?;
        let address = std::ptr::from_ref(schema);
        if schema.as_bool() == Some(false) || self.inside.contains(&address) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        if let Some(value) = said(schema) {
            return Some(value.clone());
        }
        // Each object or array takes one, and each reference or `allOf` on the way as well.
        if self.inside.len() > MAX_DEPTH * 2 {
            return None;
        }
        self.inside.push(address);
        let value = self.structure(schema);
        self.inside.pop();
        value
    }

    fn structure(&mut self, schema: &'a Node) -> Option<Node> {
        if schema.get("allOf").is_some() {
            return self.merged(schema);
        }
        for key in ["oneOf", "anyOf"] {
            let variants = schema.get(key).and_then(Node::as_array).unwrap_or_default();
            let is_null = |it: &&Node| it.text("type") == Some("null");
            if let Some(first) = variants.iter().find(|it| !is_null(it)) {
                let chosen = self.value(first)?;
                if schema.get("properties").is_none() || chosen.as_object().is_none() {
                    return Some(chosen);
                }
                let own = self.object(schema);
                return Some(merge(own, &chosen));
            }
        }
        match type_of(schema) {
            Some("object") => Some(self.object(schema)),
            Some("array") => {
                let items = schema.get("items").and_then(|items| self.value(items));
                Some(Node::array(items))
            }
            Some("string") => Some(Node::string(string(schema))),
            Some("integer") => number(schema, "1"),
            Some("number") => number(schema, "1.5"),
            Some("boolean") => Some(Node::made(Value::Bool(true))),
            Some("null") => Some(Node::made(Value::Null)),
            _ => None,
        }
    }

    fn merged(&mut self, schema: &'a Node) -> Option<Node> {
        let parts = schema.get("allOf").and_then(Node::as_array).unwrap_or_default();
        let own = schema.get("properties").is_some().then(|| self.object(schema));
        let mut all = None;
        for value in parts.iter().filter_map(|part| self.value(part)).collect::<Vec<_>>() {
            all = Some(match all {
                Some(before) => merge(before, &value),
                None => value,
            });
        }
        match (all, own) {
            (Some(all), Some(own)) => Some(merge(all, &own)),
            (all, own) => all.or(own),
        }
    }

    fn object(&mut self, schema: &'a Node) -> Node {
        let mut object = Object::default();
        let hidden = match self.sender {
            Sender::Caller => "readOnly",
            Sender::Service => "writeOnly",
        };
        let properties = schema.get("properties").and_then(Node::as_object);
        for entry in properties.into_iter().flat_map(Object::iter) {
            if entry.value.get(hidden).and_then(Node::as_bool) == Some(true) {
                continue;
            }
            if let Some(value) = self.value(&entry.value) {
                object.push(crate::document::Entry { key: entry.key.clone(), at: entry.at, value });
            }
        }
        let others = schema.get("additionalProperties").filter(|it| it.as_object().is_some());
        if let Some(value) = others.filter(|_| object.is_empty()).and_then(|it| self.value(it)) {
            object.insert("key", value);
        }
        Node::made(Value::Object(object))
    }
}

/// The entries of both, the later ones of one name.
fn merge(mut first: Node, second: &Node) -> Node {
    match (first.as_object_mut(), second.as_object()) {
        (Some(object), Some(others)) => {
            for entry in others {
                object.insert(entry.key.clone(), entry.value.clone());
            }
            first
        }
        _ => second.clone(),
    }
}

/// The first type that is not null, also when it only shows in other keywords.
fn type_of(schema: &Node) -> Option<&str> {
    let named = match schema.get("type").map(|it| &it.value) {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Node::as_str);
            names.clone().find(|name| *name != "null").or_else(|| names.next())
        }
        _ => None,
    };
    let has = |key: &str| schema.get(key).is_some();
    named
        .or_else(|| (has("properties") || has("additionalProperties")).then_some("object"))
        .or_else(|| has("items").then_some("array"))
}

/// A text of a format: <https://spec.openapis.org/registry/format/>.
fn string(schema: &Node) -> String {
    let text = match schema.text("format") {
        Some("date-time") => "2030-01-31T12:00:00Z",
        Some("date") => "2030-01-31",
        Some("time") => "12:00:00Z",
        Some("duration") => "PT1H",
        Some("email" | "idn-email") => "ada@example.com",
        Some("uuid") => "8c4b3f6a-2d0e-4f57-9b1a-6f0f5f3c2d1e",
        Some("uri" | "url" | "iri" | "uri-reference") => "https://example.com",
        Some("hostname" | "idn-hostname") => "example.com",
        Some("ipv4") => "192.0.2.1",
        Some("ipv6") => "2001:db8::1",
        Some("byte") => "ZXhhbXBsZQ==",
        _ => "string",
    };
    let limit = |key: &str| schema.get(key).and_then(Node::as_number).and_then(Number::as_integer);
    let most = limit("maxLength").and_then(|it| usize::try_from(it).ok()).unwrap_or(usize::MAX);
    let least = limit("minLength").and_then(|it| usize::try_from(it).ok()).unwrap_or_default();
    // Longer ones are for those who know what stands in them.
    text.chars()
        .chain(std::iter::repeat('x'))
        .take(text.len().max(least.min(64)).min(most))
        .collect()
}

/// A number between the limits: `otherwise`, or the one next to a limit. Nothing when none of these fits.
fn number(schema: &Node, otherwise: &str) -> Option<Node> {
    let (least, most) = (limit(schema, "minimum"), limit(schema, "maximum"));
    let most = most.or_else(|| limit(schema, "exclusiveMaximum"));
    let least = least.or_else(|| limit(schema, "exclusiveMinimum"));
    let beside = |number: &Number, step: i128| {
        Some(Number::new(number.as_integer()?.checked_add(step)?.to_string()))
    };
    let candidates = [
        Some(Number::new(otherwise)),
        least.cloned(),
        least.and_then(|it| beside(it, 1)),
        most.cloned(),
        most.and_then(|it| beside(it, -1)),
    ];
    let found = candidates.into_iter().flatten().find(|it| is_within(it, schema))?;
    Some(Node::made(Value::Number(found)))
}

fn limit<'a>(schema: &'a Node, key: &str) -> Option<&'a Number> {
    schema.get(key).and_then(Node::as_number)
}

/// Whether a number is between the limits. `exclusiveMinimum` is a limit itself, or in OpenAPI 3.0 says
/// of `minimum` that it is left out.
fn is_within(number: &Number, schema: &Node) -> bool {
    let order = |key: &str| limit(schema, key).map(|it| number.as_f64().total_cmp(&it.as_f64()));
    let is_left_out = |key: &str| schema.get(key).and_then(Node::as_bool) == Some(true);
    let fits = |key: &str, exclusive: &str, outside: Ordering| {
        let is_at_limit = order(key) == Some(Ordering::Equal);
        let is_inside = order(exclusive).is_none_or(|it| it == outside.reverse());
        is_inside && order(key) != Some(outside) && !(is_at_limit && is_left_out(exclusive))
    };
    fits("minimum", "exclusiveMinimum", Ordering::Less)
        && fits("maximum", "exclusiveMaximum", Ordering::Greater)
}

impl Page<'_> {
    /// The text of an example, not all of it when it is long.
    pub(super) fn example_text(&mut self, text: &str) {
        let (shown, is_cut) = cut(text, MAX_EXAMPLE);
        self.html.open("pre", &[]);
        self.html.leaf("code", &[], shown);
        self.html.close();
        if is_cut {
            self.cut += 1;
            let rest = text.len() - shown.len();
            self.html.leaf("p", &[super::html::class("muted")], &format!("cut: {rest} bytes more"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Sources;

    const SCHEMAS: &str = r##"{"components": {"schemas": {
        "Order": {"type": "object", "properties": {
            "id": {"type": "integer", "readOnly": true},
            "key": {"type": "string", "writeOnly": true},
            "state": {"enum": ["new", "paid"]},
            "at": {"type": ["null", "string"], "format": "date-time"},
            "next": {"$ref": "#/components/schemas/Order"},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}},
            "count": {"type": "integer", "minimum": 5},
            "rate": {"type": "number"},
            "more": {"type": "object", "additionalProperties": {"type": "boolean"}}}},
        "Paid": {"allOf": [{"$ref": "#/components/schemas/Order"}, {"properties": {"by": {"const": "card"}}}]},
        "Either": {"oneOf": [{"type": "null"}, {"type": "string", "format": "uuid"}]},
        "Circle": {"allOf": [{"$ref": "#/components/schemas/Circle"}]},
        "Deep": {"type": "array", "items": {"$ref": "#/components/schemas/Paid"}}
    }}}"##;

    fn example(name: &str, media_type: &str, sender: Sender) -> Option<String> {
        let root = Sources::default().read("a.json", SCHEMAS.into()).unwrap();
        let references = References::new(&root);
        let schema = root.pointer(&format!("/components/schemas/{name}")).unwrap();
        let made = made(schema, media_type, &references, sender);
        made.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn an_example_is_made_from_the_schema_for_the_one_who_sends_it() {
        let json = |name| example(name, "application/json", Sender::Caller).unwrap();
        assert_eq!(
            json("Order"),
            r#"{ "key": "string", "state": "new", "at": "2030-01-31T12:00:00Z", "tags": [ "str" ], "count": 5, "rate": 1.5, "more": { "key": true } }"#
        );
        assert!(json("Paid").ends_with(r#""by": "card" }"#), "{}", json("Paid"));
        assert_eq!(json("Either"), "\"8c4b3f6a-2d0e-4f57-9b1a-6f0f5f3c2d1e\"");
        assert!(json("Deep").starts_with("[ { \"key\""), "{}", json("Deep"));
        let answer = example("Order", "application/json", Sender::Service).unwrap();
        assert!(
            answer.contains("\"id\": 1") && !answer.contains("\"key\": \"string\""),
            "{answer}"
        );
    }

    #[test]
    fn a_number_that_is_made_lies_between_the_limits_of_both_versions() {
        for (kind, limits, expected) in [
            ("integer", "", Some("1")),
            ("integer", r#", "minimum": 5"#, Some("5")),
            ("integer", r#", "maximum": 0"#, Some("0")),
            ("integer", r#", "exclusiveMinimum": 5"#, Some("6")),
            ("integer", r#", "exclusiveMaximum": 1"#, Some("0")),
            ("integer", r#", "minimum": 5, "exclusiveMinimum": true"#, Some("6")),
            ("integer", r#", "maximum": 1, "exclusiveMaximum": true"#, Some("0")),
            ("integer", r#", "minimum": 5, "exclusiveMinimum": false"#, Some("5")),
            ("integer", r#", "exclusiveMinimum": 5, "exclusiveMaximum": 6"#, None),
            ("number", r#", "exclusiveMinimum": 2"#, Some("3")),
            ("number", r#", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2"#, None),
            ("number", r#", "minimum": 0.1, "maximum": 0.2"#, Some("0.1")),
        ] {
            let schema = format!(r#"{{"type": "{kind}"{limits}}}"#);
            let root = Sources::default().read("a.json", schema.clone().into_bytes()).unwrap();
            let text = made(&root, "application/json", &References::new(&root), Sender::Caller);
            assert_eq!(text.as_deref(), expected, "{schema}");
        }
    }

    #[test]
    fn circles_and_other_grammars_have_no_example() {
        assert_eq!(example("Circle", "application/json", Sender::Caller), None);
        assert_eq!(example("Order", "application/xml", Sender::Caller), None);
        let form = example("Paid", "application/x-www-form-urlencoded", Sender::Caller).unwrap();
        assert!(form.starts_with("key=string&state=new&at=2030-01-31T12%3A00%3A00Z&"), "{form}");
    }

    #[test]
    fn what_branches_without_end_stays_small() {
        let fields = |to: usize| {
            let field =
                |name: char| format!("\"{name}\": {{\"$ref\": \"#/components/schemas/S{to}\"}}");
            "abcdefgh".chars().map(field).collect::<Vec<_>>().join(", ")
        };
        let schemas =
            (0..40).map(|at| format!("\"S{at}\": {{\"properties\": {{{}}}}}", fields(at + 1)));
        let schemas = schemas.collect::<Vec<_>>().join(", ");
        let text = format!("{{\"components\": {{\"schemas\": {{{schemas}}}}}}}");
        let root = Sources::default().read("a.json", text.into_bytes()).unwrap();
        let references = References::new(&root);
        let schema = root.pointer("/components/schemas/S0").unwrap();
        let made = made(schema, "application/json", &references, Sender::Caller).unwrap();
        assert!(made.len() < 20_000, "{}", made.len());
    }
}
