//! Each keyword, as it becomes in 3.0, or is refused.

use super::*;
use crate::document::{Sources, to_json, to_yaml};

fn description(json: &str, version: Version) -> Description {
    let root = Sources::default()
        .read("a.json", json.into())
        .unwrap_or_else(|err| panic!("{json}: {err:?}"));
    Description { root, version, name: "a.json".into() }
}

/// A description of 3.1 with a schema, and others that it may refer to.
fn with_schema(schema: &str) -> Description {
    let json = format!(
        r##"{{"openapi": "3.1.0", "info": {{"title": "t", "version": "1"}}, "paths": {{}},
            "components": {{"schemas": {{"S": {schema}, "X": {{"type": "string"}}}}}}}}"##
    );
    description(&json, Version::V3_1)
}

/// The schema in 3.0, or the rules of what is lost: with `!` for what is not for people alone.
fn schema(schema: &str, allow_loss: bool) -> Result<String, Vec<String>> {
    match to_3_0(with_schema(schema), allow_loss) {
        Ok((description, _)) => {
            let node = description.root.pointer("/components/schemas/S").unwrap();
            let json: serde_json::Value = serde_json::from_str(&to_json(node)).unwrap();
            Ok(json.to_string())
        }
        Err(problems) => Err(problems
            .iter()
            .map(|it| {
                let mark = if it.severity == Severity::Blocker { "!" } else { "" };
                let what = it.message.split('`').nth(1).unwrap_or_default();
                format!("{mark}{what} {}", it.pointer)
            })
            .collect()),
    }
}

#[track_caller]
fn becomes(given: &str, expected: &str) {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap().to_string();
    assert_eq!(schema(given, false), Ok(parse(expected)), "{given}");
    // What was converted stays as it is.
    let again = to_3_0(with_schema(expected), false).unwrap().0.root;
    let node = again.pointer("/components/schemas/S").unwrap();
    assert_eq!(parse(&to_json(node)), parse(expected), "again");
}

#[test]
fn keywords_become_those_of_3_0() {
    for (given, expected) in [
        // What 3.0 has as well stays, in its order.
        (
            r#"{"type": "object", "x-a": {"const": 1}, "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"], "additionalProperties": false}"#,
            r#"{"type": "object", "x-a": {"const": 1}, "properties": {"a": {"type": "integer", "minimum": 1}}, "required": ["a"], "additionalProperties": false}"#,
        ),
        // type
        (
            r#"{"type": ["string", "null"], "title": "t"}"#,
            r#"{"type": "string", "nullable": true, "title": "t"}"#,
        ),
        (r#"{"type": ["string"]}"#, r#"{"type": "string"}"#),
        (r#"{"type": "null"}"#, r#"{"nullable": true, "enum": [null]}"#),
        (r#"{"type": ["null"]}"#, r#"{"nullable": true, "enum": [null]}"#),
        (
            r#"{"type": ["string", "integer"], "maxLength": 3}"#,
            r#"{"maxLength": 3, "anyOf": [{"type": "string"}, {"type": "integer"}]}"#,
        ),
        (
            r#"{"type": ["null", "array", "string"], "items": {"type": ["integer", "null"]}}"#,
            r#"{"anyOf": [{"type": "array", "items": {"type": "integer", "nullable": true}, "nullable": true}, {"type": "string"}]}"#,
        ),
        (
            r#"{"type": ["string", "integer"], "anyOf": [{"minLength": 1}]}"#,
            r#"{"anyOf": [{"minLength": 1}], "allOf": [{"anyOf": [{"type": "string"}, {"type": "integer"}]}]}"#,
        ),
        (r#"{"type": "array"}"#, r#"{"type": "array", "items": {}}"#),
        (r#"{"type": ["array", "null"]}"#, r#"{"type": "array", "nullable": true, "items": {}}"#),
        // one or null
        (
            r#"{"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "title": "t"}"#,
            r#"{"type": "string", "maxLength": 5, "title": "t", "nullable": true}"#,
        ),
        (
            r#"{"oneOf": [{"type": "null"}, {"type": "string", "enum": ["a"]}]}"#,
            r#"{"type": "string", "enum": ["a", null], "nullable": true}"#,
        ),
        (
            r##"{"oneOf": [{"$ref": "#/components/schemas/X"}, {"type": "null"}]}"##,
            r##"{"oneOf": [{"$ref": "#/components/schemas/X"}, {"nullable": true, "enum": [null]}]}"##,
        ),
        (
            r#"{"anyOf": [{"type": "string", "title": "a"}, {"type": "null"}], "title": "t"}"#,
            r#"{"anyOf": [{"type": "string", "title": "a"}, {"nullable": true, "enum": [null]}], "title": "t"}"#,
        ),
        (
            r#"{"anyOf": [{"type": "string"}, {"type": "null"}], "not": {"enum": ["a", null]}}"#,
            r#"{"anyOf": [{"type": "string"}, {"nullable": true, "enum": [null]}], "not": {"enum": ["a", null]}}"#,
        ),
        // const
        (r#"{"type": "string", "const": "a"}"#, r#"{"type": "string", "enum": ["a"]}"#),
        (r#"{"const": null}"#, r#"{"enum": [null]}"#),
        (r#"{"const": 1, "enum": [1, 2]}"#, r#"{"enum": [1]}"#),
        // bounds
        (r#"{"exclusiveMinimum": 1.50}"#, r#"{"minimum": 1.50, "exclusiveMinimum": true}"#),
        (
            r#"{"exclusiveMaximum": 3, "type": "integer"}"#,
            r#"{"maximum": 3, "exclusiveMaximum": true, "type": "integer"}"#,
        ),
        (r#"{"minimum": 5, "exclusiveMinimum": 1}"#, r#"{"minimum": 5}"#),
        (r#"{"minimum": 5, "exclusiveMinimum": 5}"#, r#"{"minimum": 5, "exclusiveMinimum": true}"#),
        (r#"{"maximum": 5, "exclusiveMaximum": 4}"#, r#"{"maximum": 4, "exclusiveMaximum": true}"#),
        (r#"{"maximum": 5, "exclusiveMaximum": 6}"#, r#"{"maximum": 5}"#),
        // references
        (r##"{"$ref": "#/components/schemas/X"}"##, r##"{"$ref": "#/components/schemas/X"}"##),
        (
            r##"{"$ref": "#/components/schemas/X", "description": "d"}"##,
            r##"{"allOf": [{"$ref": "#/components/schemas/X"}], "description": "d"}"##,
        ),
        (
            r##"{"$ref": "#/components/schemas/X", "allOf": [{"minLength": 1}]}"##,
            r##"{"allOf": [{"minLength": 1}, {"$ref": "#/components/schemas/X"}]}"##,
        ),
        // booleans
        (
            r#"{"properties": {"a": true, "b": false}, "not": false, "allOf": [true]}"#,
            r#"{"properties": {"a": {}, "b": {"not": {}}}, "not": {"not": {}}, "allOf": [{}]}"#,
        ),
        (
            r#"{"items": true, "additionalProperties": true}"#,
            r#"{"items": {}, "additionalProperties": true}"#,
        ),
        // conditions
        (
            r#"{"if": {"const": 1}, "then": {"type": "null"}, "else": false}"#,
            r#"{"allOf": [{"anyOf": [{"not": {"enum": [1]}}, {"nullable": true, "enum": [null]}]}, {"anyOf": [{"enum": [1]}, {"not": {}}]}]}"#,
        ),
        (r#"{"if": {"type": "string"}}"#, r#"{}"#),
        (r#"{"then": {"type": "string"}, "type": "string"}"#, r#"{"type": "string"}"#),
        (
            r#"{"dependentRequired": {"a": ["b"], "c": []}}"#,
            r#"{"allOf": [{"anyOf": [{"not": {"type": "object", "required": ["a"]}}, {"required": ["b"]}]}]}"#,
        ),
        (
            r#"{"dependentSchemas": {"a": {"maxProperties": 1}}}"#,
            r#"{"allOf": [{"anyOf": [{"not": {"type": "object", "required": ["a"]}}, {"maxProperties": 1}]}]}"#,
        ),
        (
            r#"{"contains": {"const": 1}}"#,
            r#"{"allOf": [{"not": {"type": "array", "items": {"not": {"enum": [1]}}}}]}"#,
        ),
        (r#"{"contains": {"const": 1}, "minContains": 0}"#, r#"{}"#),
        (r#"{"minContains": 2}"#, r#"{}"#),
        // properties
        (
            r#"{"patternProperties": {"^.*$": {"type": "string"}}}"#,
            r#"{"additionalProperties": {"type": "string"}}"#,
        ),
        (r#"{"patternProperties": {}}"#, r#"{}"#),
        (r#"{"propertyNames": {"type": "string"}}"#, r#"{}"#),
        (
            r#"{"properties": {"a": {}}, "unevaluatedProperties": false}"#,
            r#"{"properties": {"a": {}}, "additionalProperties": false}"#,
        ),
        (
            r##"{"$ref": "#/components/schemas/X", "unevaluatedProperties": true}"##,
            r##"{"allOf": [{"$ref": "#/components/schemas/X"}]}"##,
        ),
        (
            r#"{"additionalProperties": {"type": "string"}, "unevaluatedProperties": false}"#,
            r#"{"additionalProperties": {"type": "string"}}"#,
        ),
        (r#"{"required": []}"#, r#"{}"#),
        (r#"{"unevaluatedItems": false}"#, r#"{"items": {"not": {}}}"#),
        // content
        (
            r#"{"type": "string", "contentEncoding": "base64"}"#,
            r#"{"type": "string", "format": "byte"}"#,
        ),
        (
            r#"{"type": "string", "contentMediaType": "application/octet-stream"}"#,
            r#"{"type": "string", "format": "binary"}"#,
        ),
        // examples
        (
            r#"{"examples": [{"const": 1}], "type": "object"}"#,
            r#"{"example": {"const": 1}, "type": "object"}"#,
        ),
        (r#"{"examples": []}"#, r#"{}"#),
        (r#"{"examples": [1], "example": 1}"#, r#"{"example": 1}"#),
        // names and comments
        (
            r#"{"$id": "https://example.com/s", "$anchor": "a", "$comment": "c", "$schema": "https://json-schema.org/draft/2020-12/schema"}"#,
            r#"{}"#,
        ),
        // what looks like a keyword, but is the name of a property or a value
        (
            r#"{"properties": {"const": {"type": "string"}, "$defs": {"type": "string"}}, "default": {"const": 1}, "enum": [{"type": "null"}]}"#,
            r#"{"properties": {"const": {"type": "string"}, "$defs": {"type": "string"}}, "default": {"const": 1}, "enum": [{"type": "null"}]}"#,
        ),
    ] {
        becomes(given, expected);
    }
}

#[test]
fn what_3_0_has_no_words_for_is_refused_at_its_place() {
    for (given, expected) in [
        (
            r#"{"patternProperties": {"^x-": {}}}"#,
            &["!patternProperties #/components/schemas/S"][..],
        ),
        (
            r#"{"patternProperties": {".*": {}}, "properties": {"a": {}}}"#,
            &["!patternProperties #/components/schemas/S"],
        ),
        (r#"{"propertyNames": {"pattern": "a"}}"#, &["!propertyNames #/components/schemas/S"]),
        (r#"{"type": "array", "prefixItems": [{}]}"#, &["!prefixItems #/components/schemas/S"]),
        (r#"{"contains": {}, "maxContains": 2}"#, &["!maxContains #/components/schemas/S"]),
        (r#"{"contains": {}, "minContains": 2}"#, &["!minContains #/components/schemas/S"]),
        (
            r##"{"$ref": "#/components/schemas/X", "unevaluatedProperties": false}"##,
            &["!unevaluatedProperties #/components/schemas/S"],
        ),
        (
            r#"{"allOf": [{}], "unevaluatedItems": false}"#,
            &["!unevaluatedItems #/components/schemas/S"],
        ),
        (r##"{"$dynamicRef": "#x"}"##, &["!$dynamicRef #/components/schemas/S"]),
        (r#"{"$schema": "https://example.com/other"}"#, &["!$schema #/components/schemas/S"]),
        (r#"{"const": 3, "enum": [1]}"#, &["!const #/components/schemas/S"]),
        (r#"{"type": "null", "enum": [1]}"#, &["!type #/components/schemas/S"]),
        // For people alone.
        (r#"{"examples": [1, 2]}"#, &["examples #/components/schemas/S"]),
        (r#"{"contentEncoding": "base64url"}"#, &["contentEncoding #/components/schemas/S"]),
        (
            r#"{"contentEncoding": "base64", "contentMediaType": "image/png"}"#,
            &["contentMediaType #/components/schemas/S"],
        ),
        (
            r#"{"contentMediaType": "application/json", "contentSchema": {}}"#,
            &["contentMediaType #/components/schemas/S", "contentSchema #/components/schemas/S"],
        ),
        (r#"{"own": 1}"#, &["own #/components/schemas/S"]),
        // All at once, with their places.
        (
            r#"{"properties": {"a/b": {"prefixItems": []}, "c": {"if": {"propertyNames": false}, "then": {}}}}"#,
            &[
                "!prefixItems #/components/schemas/S/properties/a~1b",
                "!propertyNames #/components/schemas/S/properties/c/if",
            ],
        ),
    ] {
        let expected: Vec<String> = expected.iter().map(|it| (*it).to_owned()).collect();
        assert_eq!(schema(given, false), Err(expected.clone()), "{given}");
        let is_documentation = expected.iter().all(|it| !it.starts_with('!'));
        assert_eq!(schema(given, true).is_ok(), is_documentation, "{given}");
    }
}

fn yaml(text: &str, version: Version) -> Description {
    let root = Sources::default().read("a.yaml", text.into()).unwrap();
    Description { root, version, name: "a.yaml".into() }
}

#[test]
fn objects_become_those_of_3_0() {
    let given = r##"openapi: 3.1.1
info:
  title: t
  version: "1"
  license: {name: MIT, identifier: MIT}
jsonSchemaDialect: https://spec.openapis.org/oas/3.1/dialect/base
components:
  schemas:
    Order:
      $defs:
        Item: {type: [string, "null"], $defs: {Part: {const: 1}}}
        Unused: {prefixItems: []}
      items: {$ref: '#/components/schemas/Order/$defs/Item'}
      not: {$ref: '#/components/schemas/Order/$defs/Item/$defs/Part'}
  pathItems:
    orders:
      summary: theirs
      get: {callbacks: {done: {'{$url}': {$ref: '#/components/pathItems/done'}}}}
    done:
      post: {responses: {'200': {description: ok}}}
paths:
  /orders: {$ref: '#/components/pathItems/orders', summary: own}
"##;
    let problems = to_3_0(yaml(given, Version::V3_1), false).unwrap_err();
    assert_eq!(problems.len(), 1, "an unused definition is checked, too: {problems:?}");
    let given = given.replace("        Unused: {prefixItems: []}\n", "");
    let (converted, lost) = to_3_0(yaml(&given, Version::V3_1), false).unwrap();
    assert!(lost.is_empty());
    assert_eq!(
        to_yaml(&converted.root),
        r##"openapi: "3.0.3"
info:
  title: t
  version: "1"
  license:
    name: MIT
    url: https://spdx.org/licenses/MIT.html
components:
  schemas:
    Order:
      items:
        $ref: "#/components/schemas/Item"
      not:
        $ref: "#/components/schemas/Part"
    Item:
      type: string
      nullable: true
    Part:
      enum:
        - 1
paths:
  /orders:
    summary: own
    get:
      callbacks:
        done:
          "{$url}":
            post:
              responses:
                "200":
                  description: ok
      responses:
        default:
          description: ""
"##
    );
}

#[test]
fn what_is_for_people_alone_is_left_out_when_that_is_allowed() {
    let given = r##"openapi: 3.2.0
$self: https://example.com/a
info: {title: t, version: "1", summary: s}
webhooks: {done: {post: {}}}
tags: [{name: a, parent: b}]
servers: [{url: /, name: n}]
paths:
  /a: {get: {responses: {'200': {$ref: '#/components/responses/R', description: d}}}}
components:
  responses:
    R: {summary: s}
"##;
    let problems = to_3_0(yaml(given, Version::V3_2), false).unwrap_err();
    assert_eq!(problems.len(), 7, "{problems:#?}");
    assert!(problems.iter().all(|it| it.help.as_deref() == Some("leave it out with --allow-loss")));
    let (converted, lost) = to_3_0(yaml(given, Version::V3_2), true).unwrap();
    assert_eq!(lost.len(), 7);
    assert_eq!(
        to_yaml(&converted.root),
        r##"openapi: "3.0.3"
info:
  title: t
  version: "1"
tags:
  - name: a
servers:
  - url: /
paths:
  /a:
    get:
      responses:
        "200":
          $ref: "#/components/responses/R"
components:
  responses:
    R:
      description: ""
"##
    );
}

#[test]
fn what_a_program_goes_by_is_never_left_out() {
    for (given, what) in [
        ("paths: {/a: {query: {}}}", "`query`"),
        ("paths: {/a: {additionalOperations: {COPY: {}}}}", "`additionalOperations`"),
        ("jsonSchemaDialect: https://example.com/other", "`jsonSchemaDialect`"),
        ("paths: {/a: {get: {requestBody: {content: {a/b: {itemSchema: {}}}}}}}", "`itemSchema`"),
        ("components: {pathItems: {A: {$ref: '#/components/pathItems/A'}}}", "without end"),
        (
            "components: {pathItems: {A: {get: {callbacks: {c: {x: {$ref: '#/components/pathItems/A'}}}}}}}",
            "without end",
        ),
    ] {
        let given = format!("openapi: 3.2.0\ninfo: {{title: t, version: '1'}}\n{given}\n");
        let problems = to_3_0(yaml(&given, Version::V3_2), true).unwrap_err();
        assert!(problems[0].message.contains(what), "{given}: {problems:?}");
    }
}

#[test]
fn what_is_put_in_place_has_a_limit_for_the_whole_document() {
    // 2^12 of each, in a thousand paths; none of them is too much by itself.
    let items: String = (0..12)
        .map(|it| {
            let next = format!("{{x: {{$ref: '#/components/pathItems/I{}'}}}}", it + 1);
            format!("    I{it}: {{get: {{callbacks: {{a: {next}, b: {next}}}}}}}\n")
        })
        .collect();
    let paths: String =
        (0..1000).map(|it| format!("  /{it}: {{$ref: '#/components/pathItems/I0'}}\n")).collect();
    let of = |paths: &str| {
        let given = format!(
            "openapi: 3.1.0\ninfo: {{title: t, version: '1'}}\npaths:\n{paths}components:\n  pathItems:\n{items}    \
             I12: {{get: {{}}}}\n"
        );
        to_3_0(yaml(&given, Version::V3_1), true)
    };
    let problems = of(&paths).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.contains("more than"), "{problems:?}");
    assert!(problems[0].pointer.starts_with("#/paths/~1"), "{problems:?}");
    assert!(of("  /0: {$ref: '#/components/pathItems/I0'}\n").is_ok());
}

#[test]
fn a_reference_into_what_changed_is_told() {
    let given = r##"openapi: 3.1.0
info: {title: t, version: '1'}
components:
  schemas:
    A: {anyOf: [{type: string}, {type: 'null'}]}
    B: {$ref: '#/components/schemas/A/anyOf/0'}
"##;
    let problems = to_3_0(yaml(given, Version::V3_1), true).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].pointer, "#/components/schemas/B");
}

#[test]
fn a_description_of_3_0_stays_as_it_is() {
    let given = "openapi: 3.0.1\ninfo: {title: t, version: '1'}\npaths: {}\nx-a: {const: 1}\n";
    let (converted, _) = to_3_0(yaml(given, Version::V3_0), false).unwrap();
    assert_eq!(converted.root, yaml(given, Version::V3_0).root);
}
