//! Descriptions of APIs that do not exist, as large as one wants: resources with operations, schemas with
//! properties, and texts, all from a seed, so that each run measures the same.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A description of at least `bytes` as JSON with indentation, and its resources numbered from `first`.
pub(super) fn description(bytes: usize, first: usize) -> Value {
    let mut words = Words(0x5EED ^ first as u64);
    let mut paths = Map::new();
    let mut schemas = problem();
    let mut tags = Vec::new();
    let mut length = 0;
    for number in first.. {
        if length >= bytes {
            break;
        }
        let (of_paths, of_schemas) = resource(number, &mut words);
        for (part, level) in [(&of_paths, 1), (&of_schemas, 2)] {
            let text = serde_json::to_string_pretty(part).unwrap_or_default();
            // With the indentation that it gets inside of the whole.
            length += text.len() + 2 * level * text.lines().count();
        }
        paths.extend(of_paths);
        schemas.extend(of_schemas);
        tags.push(
            json!({ "name": format!("resource-{number}"), "description": words.sentence(8) }),
        );
    }
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Measured", "version": "1.0.0", "description": words.sentence(40),
            "contact": { "name": "Team", "url": "https://team.measured.dev", "email": "team@measured.dev" },
            "license": { "name": "MIT", "url": "https://opensource.org/license/mit" },
        },
        "servers": [{ "url": "https://api.measured.dev/v1", "description": "The only one" }],
        "security": [{ "token": [] }],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": schemas,
        },
    })
}

/// The same with changes that hurt nobody: every tenth schema has a property more, and every twentieth
/// operation an optional parameter more.
pub(super) fn changed(description: &Value) -> Value {
    let mut changed = description.clone();
    let schemas = changed["components"]["schemas"].as_object_mut().into_iter().flatten();
    // The first is one that all descriptions share.
    for (_, schema) in schemas.skip(1).step_by(10) {
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties
                .insert("added".into(), json!({ "type": "string", "description": "It is new." }));
        }
    }
    let items = changed["paths"].as_object_mut().into_iter().flatten();
    for (_, item) in items.step_by(20) {
        if let Some(parameters) = item["get"]["parameters"].as_array_mut() {
            parameters.push(json!({
                "name": "added", "in": "query", "description": "It is new.", "schema": { "type": "string" },
            }));
        }
    }
    changed
}

/// Paths and schemas of a resource.
fn resource(number: usize, words: &mut Words) -> (Map<String, Value>, Map<String, Value>) {
    let (name, tag) = (format!("Resource{number}"), format!("resource-{number}"));
    let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let content = |schema: Value| json!({ "application/json": { "schema": schema } });
    let id = json!({
        "name": "id", "in": "path", "required": true, "description": words.sentence(6),
        "schema": { "type": "integer", "minimum": 1 },
    });
    let mut operation = |verb: &str, parameters: Value, body: Option<Value>, answer: Value| {
        let mut operation = json!({
            "operationId": format!("{verb}{name}"), "summary": words.sentence(5),
            "description": words.sentence(30), "tags": [tag], "parameters": parameters,
            "responses": {
                "200": { "description": words.sentence(5), "content": content(answer) },
                "404": { "description": words.sentence(5), "content": content(of("Problem")) },
            },
        });
        if let Some(body) = body {
            operation["requestBody"] = json!({ "required": true, "content": content(body) });
        }
        operation
    };
    let list = json!([
        { "name": "limit", "in": "query", "description": "How many at most.",
          "schema": { "type": "integer", "minimum": 1, "maximum": 100, "default": 20 } },
        { "name": "state", "in": "query", "description": "Only those.",
          "schema": { "type": "string", "enum": ["new", "open", "done"] } },
    ]);
    let all = json!({ "type": "array", "items": of(&name) });
    let input = format!("{name}Input");
    let paths = json!({
        format!("/resources-{number}"): {
            "get": operation("list", list, None, all),
            "post": operation("create", json!([]), Some(of(&input)), of(&name)),
        },
        format!("/resources-{number}/{{id}}"): {
            "get": operation("get", json!([id]), None, of(&name)),
            "put": operation("change", json!([id]), Some(of(&input)), of(&name)),
            "delete": operation("remove", json!([id]), None, of(&name)),
        },
    });
    let property = |words: &mut Words, schema: Value| {
        let mut schema = schema;
        schema["description"] = words.sentence(9).into();
        schema
    };
    let mut properties = Map::new();
    properties
        .insert("name".into(), property(words, json!({ "type": "string", "maxLength": 200 })));
    properties.insert(
        "state".into(),
        property(words, json!({ "type": "string", "enum": ["new", "open", "done"] })),
    );
    properties.insert(
        "count".into(),
        property(words, json!({ "type": "integer", "format": "int32", "minimum": 0 })),
    );
    properties.insert(
        "at".into(),
        property(words, json!({ "type": "string", "format": "date-time", "nullable": true })),
    );
    properties.insert(
        "labels".into(),
        property(words, json!({ "type": "object", "additionalProperties": { "type": "string" } })),
    );
    let written = json!({ "type": "object", "required": ["name"], "properties": properties });
    properties.insert(
        "id".into(),
        property(words, json!({ "type": "integer", "minimum": 1, "readOnly": true })),
    );
    properties.insert(
        "parts".into(),
        property(words, json!({ "type": "array", "maxItems": 50, "items": of(&input) })),
    );
    let read = json!({
        "type": "object", "description": words.sentence(15), "required": ["name"], "properties": properties,
    });
    let entries = |value: Value| if let Value::Object(map) = value { map } else { Map::new() };
    (entries(paths), entries(json!({ input: written, name: read })))
}

fn problem() -> Map<String, Value> {
    let mut schemas = Map::new();
    schemas.insert(
        "Problem".into(),
        json!({
            "type": "object", "description": "What went wrong.", "required": ["title"],
            "properties": { "title": { "type": "string" }, "status": { "type": "integer" } },
        }),
    );
    schemas
}

/// Words from a seed: a linear congruential generator, with the numbers of Knuth's MMIX.
struct Words(u64);

impl Words {
    fn sentence(&mut self, length: usize) -> String {
        const WORDS: [&str; 24] = [
            "order", "the", "of", "customer", "returns", "all", "with", "state", "a", "new",
            "list", "each", "when", "value", "that", "was", "created", "by", "its", "owner", "in",
            "this", "account", "page",
        ];
        let mut text = String::from("It");
        for _ in 0..length {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(' ');
            text.push_str(WORDS[(self.0 >> 33) as usize % WORDS.len()]);
        }
        text + "."
    }
}

/// A description as YAML, as people write it: blocks, and no quotes where none are needed.
pub(super) fn yaml(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

fn block(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Object(map) => {
            for (at, (key, inner)) in map.iter().enumerate() {
                indent(out, level, at);
                out.push_str(&text(key));
                out.push(':');
                inside(out, inner, level + 1);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                indent(out, level, at);
                out.push('-');
                if is_block(item) {
                    out.push(' ');
                    block(out, item, level + 1);
                } else {
                    inside(out, item, level + 1);
                }
            }
        }
        _ => {}
    }
}

fn inside(out: &mut String, value: &Value, level: usize) {
    if is_block(value) {
        out.push('\n');
        block(out, value, level);
        return;
    }
    let scalar = value.as_str().map_or_else(|| value.to_string(), text);
    let _into_memory = writeln!(out, " {scalar}");
}

/// What comes first behind a dash stands on its line.
fn indent(out: &mut String, level: usize, at: usize) {
    if at > 0 || !out.ends_with("- ") {
        out.extend(std::iter::repeat_n("  ", level));
    }
}

fn is_block(value: &Value) -> bool {
    value.as_object().is_some_and(|it| !it.is_empty())
        || value.as_array().is_some_and(|it| !it.is_empty())
}

fn text(text: &str) -> String {
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic() || it == '/')
        && text.chars().all(|it| it.is_ascii_alphanumeric() || " ./-_".contains(it))
        && !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if is_plain { text.to_owned() } else { Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_the_size_that_was_wanted_and_is_the_same_each_time() {
        for bytes in [50_000, 150_000] {
            let text = serde_json::to_string_pretty(&description(bytes, 0)).unwrap();
            assert!((bytes..bytes * 5 / 4).contains(&text.len()), "{bytes}: {}", text.len());
            assert_eq!(text, serde_json::to_string_pretty(&description(bytes, 0)).unwrap());
        }
    }

    #[test]
    fn what_changed_is_more_than_nothing_and_less_than_all() {
        let before = description(80_000, 0);
        let after = changed(&before);
        let added = |value: &Value| value.to_string().matches("It is new.").count();
        assert_eq!(added(&before), 0);
        let problem = "/components/schemas/Problem";
        assert_eq!(before.pointer(problem), after.pointer(problem));
        assert!((2..20).contains(&added(&after)), "{}", added(&after));
    }

    #[test]
    fn yaml_is_written_in_blocks() {
        let value = json!({
            "a": { "b c": [1, { "x": true, "y": [] }, "no", "1"], "200": null }, "/p/{id}": "It is: so",
        });
        assert_eq!(
            yaml(&value),
            "a:\n  b c:\n    - 1\n    - x: true\n      y: []\n    - \"no\"\n    - \"1\"\n  \"200\": null\n\
             \"/p/{id}\": \"It is: so\"\n"
        );
    }
}
