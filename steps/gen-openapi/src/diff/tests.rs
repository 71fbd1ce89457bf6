//! A row for each kind of change, in both directions; and what is no change.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use landfall_toml::ChangeLevel;

use super::change::Spot;
use super::kinds::{self, Direction, Role};
use super::*;
use crate::description::Access;

/// The day of all comparisons.
fn rules() -> Rules {
    Rules::new(&BTreeMap::new(), date(2026, 6, 1)).unwrap()
}

async fn description(text: &str) -> Description {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.yaml");
    std::fs::write(&path, text).unwrap();
    let access = Access { allowed: Vec::new(), root: folder.path().to_owned() };
    let read = read_usable(&Input::File(path), &access, &mut Sources::default()).await;
    read.unwrap_or_else(|err| panic!("{err:#}\n{text}"))
}

async fn changes(base: &str, head: &str) -> Vec<Change> {
    compare(&description(base).await, &description(head).await, &rules())
}

/// The ids of all changes, in their order.
async fn ids(base: &str, head: &str) -> Vec<&'static str> {
    let mut ids: Vec<_> = changes(base, head).await.iter().map(|it| it.id).collect();
    ids.sort_unstable();
    ids
}

/// A document in which a schema plays a role.
fn document(role: Role, schema: &str) -> String {
    let inside = format!("{{type: object, properties: {{p: {schema}}}}}");
    let is_inside = Role::PROPERTIES.contains(&role);
    let schema = if is_inside { inside.as_str() } else { schema };
    let content = format!("content: {{application/json: {{schema: {schema}}}}}");
    let operation = match role {
        Role::RequestBody | Role::RequestProperty => format!("requestBody: {{{content}}}"),
        Role::RequestParameter | Role::RequestParameterProperty => {
            format!("parameters: [{{name: q, in: query, schema: {schema}}}]")
        }
        Role::RequestHeader | Role::RequestHeaderProperty => {
            format!("parameters: [{{name: X-A, in: header, schema: {schema}}}]")
        }
        Role::ResponseBody | Role::ResponseProperty => {
            format!("responses: {{'200': {{description: a, {content}}}}}")
        }
        Role::ResponseHeader | Role::ResponseHeaderProperty => format!(
            "responses: {{'200': {{description: a, headers: {{X-A: {{schema: {schema}}}}}}}}}"
        ),
    };
    whole(&format!("paths: {{/a: {{post: {{{operation}}}}}}}"))
}

fn whole(rest: &str) -> String {
    format!("openapi: 3.1.0\ninfo: {{title: A, version: '1'}}\n{rest}\n")
}

/// In which direction a row holds.
#[derive(Clone, Copy, PartialEq)]
enum In {
    Both,
    Request,
    Response,
}

/// A schema before and after, and the names of the kinds that this is: with `>` in front, those of what
/// lies inside.
type Row = (In, &'static str, &'static str, &'static [&'static str]);

#[rustfmt::skip]
const SCHEMAS: &[Row] = &[
    (In::Both, "{type: object}", "{type: array}", &["type-changed"]),
    (In::Both, "{type: integer}", "{type: number}", &["type-generalized"]),
    (In::Both, "{type: number}", "{type: integer}", &["type-specialized"]),
    (In::Both, "{}", "{type: object}", &["type-specialized"]),
    (In::Both, "{type: object}", "{}", &["type-generalized"]),
    (In::Both, "{type: object}", "{type: [object, array]}", &["list-of-types-widened"]),
    (In::Both, "{type: [object, array]}", "{type: object}", &["list-of-types-narrowed"]),
    (In::Both, "{type: string}", "{type: [string, 'null']}", &["became-nullable"]),
    (In::Both, "{type: [string, 'null']}", "{type: string}", &["became-not-nullable"]),
    (In::Both, "{type: string}", "{oneOf: [{type: string}, {type: 'null'}]}", &["became-nullable"]),
    (In::Both, "{enum: [a, null]}", "{enum: [a]}", &["became-not-nullable"]),
    (In::Both, "{type: string}", "false", &["schema-became-false"]),
    (In::Both, "false", "true", &["schema-became-not-false"]),

    (In::Both, "{type: string}", "{type: string, format: uuid}", &["format-added"]),
    (In::Both, "{type: string, format: uuid}", "{type: string}", &["format-removed"]),
    (In::Both, "{type: string, format: uuid}", "{type: string, format: date}", &["format-changed"]),
    (In::Both, "{type: integer, format: int32}", "{type: integer, format: int64}", &["format-generalized"]),
    (In::Both, "{type: integer, format: int64}", "{type: integer, format: int32}", &["format-specialized"]),

    (In::Both, "{type: string}", "{type: string, enum: [a, b]}", &["became-enum"]),
    (In::Both, "{type: string, enum: [a, b]}", "{type: string}", &["became-not-enum"]),
    (In::Both, "{enum: [a, b]}", "{enum: [b, a, c]}", &["enum-value-added"]),
    (In::Both, "{enum: [a, b, c]}", "{enum: [a, b]}", &["enum-value-removed"]),
    (In::Both, "{enum: [a, b]}", "{const: a}", &["enum-value-removed"]),
    (In::Both, "{type: string}", "{type: string, const: a}", &["const-added"]),
    (In::Both, "{type: string, const: a}", "{type: string}", &["const-removed"]),
    (In::Both, "{const: a}", "{const: b}", &["const-changed"]),
    (In::Both, "{enum: [a]}", "{const: b}", &["const-changed"]),
    (In::Both, "{enum: [a, b], x-extensible-enum: true}", "{enum: [a, b, c], x-extensible-enum: true}", &["x-extensible-enum-value-added"]),
    (In::Both, "{type: string, x-extensible-enum: [a]}", "{type: string, x-extensible-enum: [a, b]}", &["x-extensible-enum-value-added"]),
    (In::Both, "{type: string, x-extensible-enum: [a, b]}", "{type: string, x-extensible-enum: [a]}", &["x-extensible-enum-value-removed"]),
    (In::Both, "{type: string}", "{type: string, default: a}", &["default-value-added"]),
    (In::Both, "{type: string, default: a}", "{type: string, default: b}", &["default-value-changed"]),
    (In::Both, "{type: string, default: a}", "{type: string}", &["default-value-removed"]),

    (In::Both, "{type: string}", "{type: string, pattern: a}", &["pattern-added"]),
    (In::Both, "{type: string, pattern: a}", "{type: string, pattern: b}", &["pattern-changed"]),
    (In::Both, "{type: string, pattern: a}", "{type: string, pattern: '.*'}", &["pattern-generalized"]),
    (In::Both, "{type: string, pattern: a}", "{type: string}", &["pattern-removed"]),

    (In::Both, "{type: number}", "{type: number, maximum: 5}", &["max-set"]),
    (In::Both, "{type: number, maximum: 5}", "{type: number}", &["max-unset"]),
    (In::Both, "{type: number, maximum: 5}", "{type: number, maximum: 6.5}", &["max-increased"]),
    (In::Both, "{type: number, maximum: 5}", "{type: number, maximum: 4}", &["max-decreased"]),
    (In::Both, "{type: number}", "{type: number, minimum: 5}", &["min-set"]),
    (In::Both, "{type: number, minimum: 5}", "{type: number}", &["min-unset"]),
    (In::Both, "{type: number, minimum: 5}", "{type: number, minimum: 6}", &["min-increased"]),
    (In::Both, "{type: number, minimum: 5}", "{type: number, minimum: -4}", &["min-decreased"]),
    (In::Both, "{type: number}", "{type: number, exclusiveMaximum: 5}", &["exclusive-max-set"]),
    (In::Both, "{type: number, exclusiveMaximum: 5}", "{type: number}", &["exclusive-max-unset"]),
    (In::Both, "{type: number, exclusiveMaximum: 5}", "{type: number, exclusiveMaximum: 6}", &["exclusive-max-increased"]),
    (In::Both, "{type: number, maximum: 5}", "{type: number, exclusiveMaximum: 5}", &["exclusive-max-decreased"]),
    (In::Both, "{type: number}", "{type: number, exclusiveMinimum: 5}", &["exclusive-min-set"]),
    (In::Both, "{type: number, exclusiveMinimum: 5}", "{type: number}", &["exclusive-min-unset"]),
    (In::Both, "{type: number, minimum: 5}", "{type: number, exclusiveMinimum: 5}", &["exclusive-min-increased"]),
    (In::Both, "{type: number, exclusiveMinimum: 5}", "{type: number, exclusiveMinimum: 4}", &["exclusive-min-decreased"]),
    (In::Both, "{type: number, exclusiveMinimum: 5}", "{type: number, minimum: 5}", &["min-decreased"]),
    (In::Both, "{type: string}", "{type: string, maxLength: 5}", &["max-length-set"]),
    (In::Both, "{type: string, maxLength: 5}", "{type: string}", &["max-length-unset"]),
    (In::Both, "{type: string, maxLength: 5}", "{type: string, maxLength: 6}", &["max-length-increased"]),
    (In::Both, "{type: string, maxLength: 5}", "{type: string, maxLength: 4}", &["max-length-decreased"]),
    (In::Both, "{type: string, minLength: 0}", "{type: string, minLength: 5}", &["min-length-set"]),
    (In::Both, "{type: string, minLength: 5}", "{type: string}", &["min-length-unset"]),
    (In::Both, "{type: string, minLength: 5}", "{type: string, minLength: 6}", &["min-length-increased"]),
    (In::Both, "{type: string, minLength: 5}", "{type: string, minLength: 4}", &["min-length-decreased"]),
    (In::Both, "{type: array}", "{type: array, maxItems: 5}", &["max-items-set"]),
    (In::Both, "{type: array, maxItems: 5}", "{type: array}", &["max-items-unset"]),
    (In::Both, "{type: array, maxItems: 5}", "{type: array, maxItems: 6}", &["max-items-increased"]),
    (In::Both, "{type: array, maxItems: 5}", "{type: array, maxItems: 4}", &["max-items-decreased"]),
    (In::Both, "{type: array}", "{type: array, minItems: 5}", &["min-items-set"]),
    (In::Both, "{type: array, minItems: 5}", "{type: array}", &["min-items-unset"]),
    (In::Both, "{type: array, minItems: 5}", "{type: array, minItems: 6}", &["min-items-increased"]),
    (In::Both, "{type: array, minItems: 5}", "{type: array, minItems: 4}", &["min-items-decreased"]),
    (In::Both, "{type: object}", "{type: object, maxProperties: 5}", &["max-properties-set"]),
    (In::Both, "{type: object, maxProperties: 5}", "{type: object}", &["max-properties-unset"]),
    (In::Both, "{type: object, maxProperties: 5}", "{type: object, maxProperties: 6}", &["max-properties-increased"]),
    (In::Both, "{type: object, maxProperties: 5}", "{type: object, maxProperties: 4}", &["max-properties-decreased"]),
    (In::Both, "{type: object}", "{type: object, minProperties: 5}", &["min-properties-set"]),
    (In::Both, "{type: object, minProperties: 5}", "{type: object}", &["min-properties-unset"]),
    (In::Both, "{type: object, minProperties: 5}", "{type: object, minProperties: 6}", &["min-properties-increased"]),
    (In::Both, "{type: object, minProperties: 5}", "{type: object, minProperties: 4}", &["min-properties-decreased"]),
    (In::Both, "{type: array, contains: {const: 1}}", "{type: array, contains: {const: 1}, maxContains: 5}", &["max-contains-set"]),
    (In::Both, "{type: array, maxContains: 5}", "{type: array}", &["max-contains-unset"]),
    (In::Both, "{type: array, maxContains: 5}", "{type: array, maxContains: 6}", &["max-contains-increased"]),
    (In::Both, "{type: array, maxContains: 5}", "{type: array, maxContains: 4}", &["max-contains-decreased"]),
    (In::Both, "{type: array, minContains: 1}", "{type: array, minContains: 5}", &["min-contains-set"]),
    (In::Both, "{type: array, minContains: 5}", "{type: array}", &["min-contains-unset"]),
    (In::Both, "{type: array, minContains: 5}", "{type: array, minContains: 6}", &["min-contains-increased"]),
    (In::Both, "{type: array, minContains: 5}", "{type: array, minContains: 4}", &["min-contains-decreased"]),
    (In::Both, "{type: number}", "{type: number, multipleOf: 5}", &["multiple-of-set"]),
    (In::Both, "{type: number, multipleOf: 5}", "{type: number}", &["multiple-of-unset"]),
    (In::Both, "{type: number, multipleOf: 5}", "{type: number, multipleOf: 3}", &["multiple-of-changed"]),
    (In::Both, "{type: number, multipleOf: 10}", "{type: number, multipleOf: 5}", &["multiple-of-generalized"]),
    (In::Both, "{type: number, multipleOf: 0.1}", "{type: number, multipleOf: 0.3}", &["multiple-of-specialized"]),
    (In::Both, "{type: array, uniqueItems: false}", "{type: array, uniqueItems: true}", &["unique-items-set"]),
    (In::Both, "{type: array, uniqueItems: true}", "{type: array}", &["unique-items-unset"]),

    (In::Both, "{oneOf: [{title: A}, {title: B}]}", "{oneOf: [{title: B}, {title: A}, {title: C}]}", &["one-of-added"]),
    (In::Both, "{oneOf: [{title: A}, {title: B}, {title: C}]}", "{oneOf: [{title: A}, {title: B}]}", &["one-of-removed"]),
    (In::Both, "{anyOf: [{title: A}, {title: B}]}", "{anyOf: [{title: A}, {title: B}, {title: C}]}", &["any-of-added"]),
    (In::Both, "{anyOf: [{title: A}, {title: B}, {title: C}]}", "{anyOf: [{title: A}, {title: B}]}", &["any-of-removed"]),
    (In::Both, "{allOf: [{pattern: a}, {pattern: b}]}", "{allOf: [{pattern: b}, {pattern: a}, {pattern: c}]}", &["all-of-added"]),
    (In::Both, "{allOf: [{pattern: a}, {pattern: b}, {pattern: c}]}", "{allOf: [{pattern: a}, {pattern: b}]}", &["all-of-removed"]),
    (In::Both, "{type: object, minProperties: 1}", "{type: object, minProperties: 1, oneOf: [{title: A}, {title: B}]}", &["one-of-constraint-added"]),
    (In::Both, "{type: object, minProperties: 1, oneOf: [{title: A}, {title: B}]}", "{type: object, minProperties: 1}", &["one-of-constraint-removed"]),
    (In::Both, "{type: object, minProperties: 1}", "{type: object, minProperties: 1, anyOf: [{title: A}, {title: B}]}", &["any-of-constraint-added"]),
    (In::Both, "{type: object, minProperties: 1, anyOf: [{title: A}, {title: B}]}", "{type: object, minProperties: 1}", &["any-of-constraint-removed"]),
    (In::Both, "{type: object, title: A}", "{oneOf: [{type: array}, {type: boolean}]}", &["wrapped-in-one-of"]),
    (In::Both, "{type: object, title: A}", "{oneOf: [{type: object, title: A}, {type: array}]}", &["wrapped-in-one-of-original-preserved"]),
    (In::Both, "{type: object, title: A}", "{anyOf: [{type: array}, {type: boolean}]}", &["wrapped-in-any-of"]),
    (In::Both, "{type: object, title: A}", "{anyOf: [{type: object, title: A}, {type: array}]}", &["wrapped-in-any-of-original-preserved"]),
    (In::Both, "{oneOf: [{type: array}, {type: boolean}]}", "{type: object}", &["unwrapped"]),
    (In::Both, "{oneOf: [{type: array}, {type: object}]}", "{type: object}", &["unwrapped-member-kept"]),
    (In::Both, "{oneOf: [{title: A}, {title: B}]}", "{anyOf: [{title: A}, {title: B}]}", &["one-of-became-any-of"]),
    (In::Both, "{anyOf: [{title: A}, {title: B}]}", "{oneOf: [{title: A}, {title: B}]}", &["any-of-became-one-of"]),
    (In::Both, "{oneOf: [{type: array}, {type: object}]}", "{oneOf: [{type: array, maxItems: 3}, {type: object}]}", &[">max-items-set"]),
    (In::Both, "{type: string}", "{type: string, not: {const: a}}", &["not-added"]),
    (In::Both, "{type: string, not: {const: a}}", "{type: string, not: {const: b}}", &["not-changed"]),
    (In::Both, "{type: string, not: {const: a}}", "{type: string}", &["not-removed"]),
    (In::Both, "{type: object}", "{type: object, discriminator: {propertyName: a}}", &["discriminator-added"]),
    (In::Both, "{type: object, discriminator: {propertyName: a}}", "{type: object}", &["discriminator-removed"]),
    (In::Both, "{type: object, discriminator: {propertyName: a}}", "{type: object, discriminator: {propertyName: b}}", &["discriminator-property-name-changed"]),
    (In::Both, "{type: object, discriminator: {propertyName: a}}", "{type: object, discriminator: {propertyName: a, mapping: {x: X}}}", &["discriminator-mapping-added"]),
    (In::Both, "{type: object, discriminator: {propertyName: a, mapping: {x: X}}}", "{type: object, discriminator: {propertyName: a, mapping: {x: Y}}}", &["discriminator-mapping-changed"]),
    (In::Both, "{type: object, discriminator: {propertyName: a, mapping: {x: X}}}", "{type: object, discriminator: {propertyName: a}}", &["discriminator-mapping-deleted"]),
    (In::Both, "{type: object, discriminator: {propertyName: a, defaultMapping: X}}", "{type: object, discriminator: {propertyName: a, defaultMapping: Y}}", &["discriminator-default-mapping-changed"]),

    (In::Both, "{type: object}", "{type: object, additionalProperties: false}", &["additional-properties-closed"]),
    (In::Both, "{type: object, additionalProperties: false}", "{type: object, additionalProperties: {}}", &["additional-properties-opened"]),
    (In::Both, "{type: object}", "{type: object, additionalProperties: {type: string}}", &["additional-properties-schema-added"]),
    (In::Both, "{type: object, additionalProperties: {type: string}}", "{type: object}", &["additional-properties-schema-removed"]),
    (In::Both, "{type: object, additionalProperties: {type: string}}", "{type: object, additionalProperties: {type: string, maxLength: 2}}", &[">max-length-set"]),
    (In::Both, "{type: object}", "{type: object, unevaluatedProperties: false}", &["unevaluated-properties-added"]),
    (In::Both, "{type: object, unevaluatedProperties: false}", "{type: object}", &["unevaluated-properties-removed"]),
    (In::Both, "{type: array}", "{type: array, unevaluatedItems: false}", &["unevaluated-items-added"]),
    (In::Both, "{type: array, unevaluatedItems: false}", "{type: array}", &["unevaluated-items-removed"]),
    (In::Both, "{type: object}", "{type: object, patternProperties: {^a: {type: string}}}", &["pattern-property-added"]),
    (In::Both, "{type: object, patternProperties: {^a: {type: string}}}", "{type: object}", &["pattern-property-removed"]),
    (In::Both, "{type: object}", "{type: object, propertyNames: {maxLength: 3}}", &["property-names-added"]),
    (In::Both, "{type: object, propertyNames: {maxLength: 3}}", "{type: object}", &["property-names-removed"]),
    (In::Both, "{type: object}", "{type: object, dependentRequired: {a: [b]}}", &["dependent-required-added"]),
    (In::Both, "{type: object, dependentRequired: {a: [b]}}", "{type: object, dependentRequired: {a: [c]}}", &["dependent-required-changed"]),
    (In::Both, "{type: object, dependentRequired: {a: [b]}}", "{type: object}", &["dependent-required-removed"]),
    (In::Both, "{type: object}", "{type: object, dependentSchemas: {a: {minProperties: 2}}}", &["dependent-schema-added"]),
    (In::Both, "{type: object, dependentSchemas: {a: {minProperties: 2}}}", "{type: object}", &["dependent-schema-removed"]),
    (In::Both, "{type: array}", "{type: array, items: {type: string}}", &["items-added"]),
    (In::Both, "{type: array, items: {type: string}}", "{type: array}", &["items-removed"]),
    (In::Both, "{type: array, items: {type: string}}", "{type: array, items: {type: string, minLength: 1}}", &[">min-length-set"]),
    (In::Both, "{type: array}", "{type: array, prefixItems: [{type: string}]}", &["prefix-items-added"]),
    (In::Both, "{type: array, prefixItems: [{type: string}]}", "{type: array}", &["prefix-items-removed"]),
    (In::Both, "{type: array}", "{type: array, contains: {const: 1}}", &["contains-added"]),
    (In::Both, "{type: array, contains: {const: 1}}", "{type: array}", &["contains-removed"]),
    (In::Both, "{type: object}", "{type: object, if: {minProperties: 1}, then: {maxProperties: 3}}", &["if-added"]),
    (In::Both, "{type: object, if: {minProperties: 1}}", "{type: object, if: {minProperties: 2}}", &["if-changed"]),
    (In::Both, "{type: object, if: {minProperties: 1}}", "{type: object}", &["if-removed"]),
    (In::Both, "{type: object, if: {minProperties: 1}}", "{type: object, if: {minProperties: 1}, then: {maxProperties: 3}}", &["then-added"]),
    (In::Both, "{type: object, if: {minProperties: 1}, then: {maxProperties: 3}}", "{type: object, if: {minProperties: 1}}", &["then-removed"]),
    (In::Both, "{type: object, if: {minProperties: 1}}", "{type: object, if: {minProperties: 1}, else: {maxProperties: 3}}", &["else-added"]),
    (In::Both, "{type: object, if: {minProperties: 1}, else: {maxProperties: 3}}", "{type: object, if: {minProperties: 1}}", &["else-removed"]),
    (In::Both, "{type: string}", "{type: string, contentEncoding: base64}", &["content-encoding-changed"]),
    (In::Both, "{type: string}", "{type: string, contentMediaType: image/png}", &["content-media-type-changed"]),
    (In::Both, "{type: string}", "{type: string, contentSchema: {type: object}}", &["content-schema-added"]),
    (In::Both, "{type: string, contentSchema: {type: object}}", "{type: string}", &["content-schema-removed"]),
    (In::Both, "{type: string}", "{type: string, xml: {attribute: true}}", &["xml-changed"]),

    // Properties
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {}, b: {}}, required: [b]}", &[">added-required"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {}, b: {default: 1}}, required: [b]}", &[">added-required-with-default"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {b: {}, a: {}}}", &[">added-optional"]),
    (In::Request, "{properties: {a: {}, b: {}}}", "{properties: {a: {}}}", &[">removed"]),
    (In::Request, "{properties: {a: {}, b: {}}, additionalProperties: false}", "{properties: {a: {}}, additionalProperties: false}", &[">removed-from-closed-object"]),
    (In::Response, "{properties: {a: {}, b: {}}, required: [b]}", "{properties: {a: {}}}", &[">removed-required"]),
    (In::Response, "{properties: {a: {}, b: {}}}", "{properties: {a: {}}}", &[">removed-optional"]),
    (In::Both, "{properties: {b: {deprecated: true, x-sunset: 2026-05-31}}}", "{properties: {}}", &[">removed-with-deprecation"]),
    (In::Both, "{properties: {b: {deprecated: true, x-sunset: 2026-06-02}}}", "{properties: {}}", &[">removed-before-sunset"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {}}, required: [a]}", &[">became-required"]),
    (In::Both, "{properties: {a: {default: 1}}}", "{properties: {a: {default: 1}}, required: [a]}", &[">became-required-with-default"]),
    (In::Both, "{properties: {a: {}}, required: [a]}", "{properties: {a: {}}}", &[">became-optional"]),
    (In::Both, "{type: object, required: [z]}", "{type: object}", &[">became-optional"]),
    (In::Both, "{properties: {a: {}}, required: [a]}", "{properties: {a: {readOnly: true}}, required: [a]}", &[">required-became-read-only"]),
    (In::Both, "{properties: {a: {readOnly: true}}, required: [a]}", "{properties: {a: {}}, required: [a]}", &[">required-became-not-read-only"]),
    (In::Both, "{properties: {a: {}}, required: [a]}", "{properties: {a: {writeOnly: true}}, required: [a]}", &[">required-became-write-only"]),
    (In::Both, "{properties: {a: {writeOnly: true}}, required: [a]}", "{properties: {a: {}}, required: [a]}", &[">required-became-not-write-only"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {readOnly: true}}}", &[">optional-became-read-only"]),
    (In::Both, "{properties: {a: {readOnly: true}}}", "{properties: {a: {}}}", &[">optional-became-not-read-only"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {writeOnly: true}}}", &[">optional-became-write-only"]),
    (In::Both, "{properties: {a: {writeOnly: true}}}", "{properties: {a: {}}}", &[">optional-became-not-write-only"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {deprecated: true, x-sunset: 2030-01-31}}}", &[">deprecated-with-sunset"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {deprecated: true}}}", &[">deprecated-sunset-missing"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {deprecated: true, x-sunset: soon}}}", &[">deprecated-sunset-invalid"]),
    (In::Both, "{properties: {a: {}}}", "{properties: {a: {deprecated: true, x-sunset: 2026-06-01}}}", &[">sunset-date-too-small"]),
    (In::Both, "{properties: {a: {deprecated: true, x-sunset: 2030-01-31}}}", "{properties: {a: {deprecated: true, x-sunset: 2030-01-30}}}", &[">sunset-date-changed-too-small"]),
    (In::Both, "{properties: {a: {deprecated: true, x-sunset: 2030-01-31}}}", "{properties: {a: {deprecated: true, x-sunset: 2030-02-01}}}", &[">sunset-date-postponed"]),
    (In::Both, "{properties: {a: {deprecated: true, x-sunset: 2030-01-31}}}", "{properties: {a: {deprecated: true}}}", &[">sunset-deleted"]),
    (In::Both, "{properties: {a: {deprecated: true}}}", "{properties: {a: {}}}", &[">reactivated"]),
    (In::Both, "{properties: {a: {x-stability-level: stable}}}", "{properties: {a: {x-stability-level: beta}}}", &[">stability-decreased"]),
    (In::Both, "{properties: {a: {x-stability-level: beta}}}", "{properties: {a: {}}}", &[">stability-increased"]),

    // What is not sent does not count.
    (In::Request, "{properties: {a: {readOnly: true, type: string}}}", "{properties: {a: {readOnly: true, type: object}}, required: [a]}", &[]),
    (In::Response, "{properties: {a: {writeOnly: true, type: string}}}", "{properties: {a: {writeOnly: true, type: object}}, required: [a]}", &[]),
    (In::Request, "{properties: {a: {readOnly: true}}}", "{properties: {}}", &[]),
    (In::Response, "{properties: {}}", "{properties: {a: {writeOnly: true}}, required: [a]}", &[]),

    // One alternative is none; what it becomes one of keeps it.
    (In::Both, "{oneOf: [{type: object, title: A}]}", "{oneOf: [{type: object, title: A}, {type: array}]}", &["wrapped-in-one-of-original-preserved"]),
    (In::Both, "{oneOf: [{type: object, title: A}, {type: array}]}", "{oneOf: [{type: object, title: A}]}", &["unwrapped-member-kept"]),
    (In::Both, "{anyOf: [{type: object, title: A}, {type: 'null'}]}", "{anyOf: [{type: object, title: A}, {type: array}, {type: 'null'}]}", &["wrapped-in-any-of-original-preserved"]),
    (In::Both, "{anyOf: [{type: object, title: A}, {type: array}, {type: 'null'}]}", "{anyOf: [{type: object, title: A}, {type: 'null'}]}", &["unwrapped-member-kept"]),
    (In::Both, "{anyOf: [{type: object, title: A}, {type: 'null'}]}", "{anyOf: [{type: object, title: A}, {type: array}]}", &["became-not-nullable", "wrapped-in-any-of-original-preserved"]),
    // Both kinds of alternatives count.
    (In::Both, "{oneOf: [{title: A}, {title: B}], anyOf: [{title: C}, {title: D}]}", "{oneOf: [{title: A}, {title: B}], anyOf: [{title: C}, {title: D}, {title: E}]}", &["any-of-added"]),
    (In::Both, "{anyOf: [{title: C}, {title: D}], oneOf: [{title: A}, {title: B}, {title: E}]}", "{anyOf: [{title: C}, {title: D}], oneOf: [{title: A}, {title: B}]}", &["one-of-removed"]),
    (In::Both, "{oneOf: [{title: A}, {title: B}]}", "{oneOf: [{title: A}, {title: B}], anyOf: [{title: C}, {title: D}]}", &["any-of-constraint-added"]),
    (In::Both, "{oneOf: [{title: A}, {title: B}], anyOf: [{title: C}, {title: D}]}", "{oneOf: [{title: A}, {title: B}]}", &["any-of-constraint-removed"]),
    // Nothing but null is a type.
    (In::Both, "{type: string}", "{type: 'null'}", &["type-changed"]),
    (In::Both, "{type: 'null'}", "{type: string}", &["type-changed"]),
    (In::Both, "{}", "{type: 'null'}", &["type-specialized"]),
    (In::Both, "{type: 'null'}", "{}", &["type-generalized"]),
    (In::Both, "{type: [string, 'null']}", "{type: 'null'}", &["list-of-types-narrowed"]),
    (In::Both, "{type: 'null'}", "{type: [string, 'null']}", &["list-of-types-widened"]),
    // What becomes hidden counts as it was.
    (In::Request, "{properties: {a: {}}, required: [a]}", "{properties: {a: {readOnly: true}}}", &[">required-became-read-only"]),
    (In::Request, "{properties: {a: {readOnly: true}}}", "{properties: {a: {}}, required: [a]}", &[">required-became-not-read-only"]),
    (In::Response, "{properties: {a: {}}, required: [a]}", "{properties: {a: {writeOnly: true}}}", &[">required-became-write-only"]),
    (In::Response, "{properties: {a: {writeOnly: true}}}", "{properties: {a: {}}, required: [a]}", &[">required-became-not-write-only"]),
    (In::Both, "{type: array, minContains: 0}", "{type: array}", &["min-contains-increased"]),
    (In::Both, "{type: array}", "{type: array, minContains: 0}", &["min-contains-decreased"]),
    (In::Both, "{type: array, minContains: 0}", "{type: array, minContains: 1}", &["min-contains-increased"]),
    (In::Both, "{type: string, pattern: '.*'}", "{type: string, pattern: a}", &["pattern-added"]),
    (In::Both, "{type: string}", "{type: string, pattern: '^.*$'}", &[]),
    (In::Both, "{type: string, pattern: '^.*$'}", "{type: string}", &[]),
    (In::Both, "{type: string, pattern: '^.*$'}", "{type: string, pattern: '.*'}", &[]),
    (In::Both, "{type: number, multipleOf: 1}", "{type: number, multipleOf: 100000000000}", &["multiple-of-specialized"]),
    (In::Both, "{type: number, multipleOf: 100000000000}", "{type: number, multipleOf: 1}", &["multiple-of-generalized"]),
    (In::Both, "{type: object}", "{type: object, unevaluatedProperties: {}}", &[]),
    (In::Both, "{type: object, unevaluatedProperties: {}}", "{type: object}", &[]),

    // What means the same is no change.
    (In::Both, "{enum: [a]}", "{const: a}", &[]),
    (In::Both, "{enum: [a, b]}", "{enum: [b, a]}", &[]),
    (In::Both, "{type: [string, 'null']}", "{type: ['null', string]}", &[]),
    (In::Both, "{type: [string, 'null']}", "{anyOf: [{type: string}, {type: 'null'}]}", &[]),
    (In::Both, "{type: string}", "{oneOf: [{type: string}]}", &[]),
    (In::Both, "{type: number, maximum: 1}", "{type: number, maximum: 1.0}", &[]),
    (In::Both, "{type: string, minLength: 0}", "{type: string}", &[]),
    (In::Both, "{type: array, items: {}}", "{type: array, items: true}", &[]),
    (In::Both, "{type: object, additionalProperties: true}", "{type: object}", &[]),
    (In::Both, "{type: string, example: a}", "{type: string, examples: [b], description: c}", &[]),
    (In::Both, "{type: object, properties: {a: {type: string}, b: {}}, required: [a, b]}",
        "{required: [b, a], allOf: [{type: object, properties: {b: {}}}, {properties: {a: {type: string}}}]}", &[]),
    (In::Both, "{allOf: [{type: number, maximum: 5}, {maximum: 3}]}", "{type: number, maximum: 3}", &[]),
    (In::Both, "{allOf: [{properties: {a: {type: string}}}, {properties: {a: {maxLength: 3}}}]}",
        "{properties: {a: {type: string, maxLength: 3}}}", &[]),
];

/// A document before and after, and the ids of the changes.
type Whole = (&'static str, &'static str, &'static [&'static str]);

const OP: &str = "paths: {/a: {get: {OP}}}";

/// Rows of an operation, `OP` in [`OP`].
#[rustfmt::skip]
const OPERATIONS: &[Whole] = &[
    ("", "deprecated: true, x-sunset: 2030-01-31", &["endpoint-deprecated-with-sunset"]),
    ("", "deprecated: true", &["api-deprecated-sunset-missing"]),
    ("", "deprecated: true, x-sunset: soon", &["api-deprecated-sunset-parse"]),
    ("", "deprecated: true, sunset: 2026-05-01", &["api-sunset-date-too-small"]),
    ("deprecated: true, x-sunset: 2030-01-31", "deprecated: true, x-sunset: 2029-01-31", &["api-sunset-date-changed-too-small"]),
    ("deprecated: true, x-sunset: 2030-01-31", "deprecated: true, x-sunset: 2031-01-31", &["api-sunset-date-postponed"]),
    ("deprecated: true, x-sunset: 2030-01-31", "deprecated: true", &["sunset-deleted"]),
    ("deprecated: true, x-sunset: 2030-01-31", "", &["endpoint-reactivated"]),
    ("", "x-stability-level: beta", &["api-stability-decreased"]),
    ("x-stability-level: beta", "x-stability-level: stable", &["api-stability-increased"]),
    ("x-stability-level: beta", "x-stability-level: gamma", &["api-invalid-stability-level"]),
    ("", "operationId: a", &["api-operation-id-added"]),
    ("operationId: a", "operationId: b", &["api-operation-id-changed"]),
    ("operationId: a", "", &["api-operation-id-removed"]),
    ("tags: [a]", "tags: [a, b]", &["api-tag-added"]),
    ("tags: [a, b]", "tags: [b]", &["api-tag-removed"]),

    ("", "parameters: [{name: a, in: query, required: true}]", &["new-required-request-parameter"]),
    ("", "parameters: [{name: a, in: query}]", &["new-optional-request-parameter"]),
    ("", "parameters: [{name: a, in: path, required: true}]", &["new-request-path-parameter"]),
    ("parameters: [{name: a, in: query}]", "", &["request-parameter-removed"]),
    ("parameters: [{name: a, in: cookie, deprecated: true, x-sunset: 2026-05-31}]", "", &["request-parameter-removed-with-deprecation"]),
    ("parameters: [{name: a, in: query, deprecated: true, x-sunset: 2027-05-31}]", "", &["request-parameter-removed-before-sunset"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: header}]", &["request-parameter-in-changed"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, required: true}]", &["request-parameter-became-required"]),
    ("parameters: [{name: a, in: query, required: true}]", "parameters: [{name: a, in: query}]", &["request-parameter-became-optional"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, style: pipeDelimited, explode: true}]", &["request-parameter-style-changed"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, style: form, explode: false}]", &["request-parameter-explode-changed"]),
    ("parameters: [{name: a, in: query, schema: {type: string}}]", "parameters: [{name: a, in: query, explode: false, schema: {type: string}}]", &[]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, style: form, explode: true}]", &[]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, allowReserved: true}]", &["request-parameter-allow-reserved-added"]),
    ("parameters: [{name: a, in: query, allowReserved: true}]", "parameters: [{name: a, in: query}]", &["request-parameter-allow-reserved-removed"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, allowEmptyValue: true}]", &["request-parameter-allow-empty-value-added"]),
    ("parameters: [{name: a, in: query, allowEmptyValue: true}]", "parameters: [{name: a, in: query}]", &["request-parameter-allow-empty-value-removed"]),
    ("parameters: [{name: a, in: query, schema: {}}]", "parameters: [{name: a, in: query, content: {application/json: {schema: {}}}}]", &["request-parameter-content-changed"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, schema: {type: string}}]", &["request-parameter-schema-added"]),
    ("parameters: [{name: a, in: query, schema: {type: string}}]", "parameters: [{name: a, in: query}]", &["request-parameter-schema-removed"]),
    ("parameters: [{name: a, in: query, content: {application/json: {schema: {type: object}}}}]", "parameters: [{name: a, in: query, content: {application/json: {schema: {type: array}}}}]", &["request-parameter-type-changed"]),
    ("parameters: [{name: a, in: query, schema: {type: integer}}]", "parameters: [{name: a, in: query, schema: {type: string}}]", &["request-parameter-type-generalized"]),
    ("parameters: [{name: a, in: query, schema: {type: string}}]", "parameters: [{name: a, in: query, schema: {type: integer}}]", &["request-parameter-type-specialized"]),
    ("parameters: [{name: a, in: query, content: {application/json: {schema: {type: integer}}}}]", "parameters: [{name: a, in: query, content: {application/json: {schema: {type: string}}}}]", &["request-parameter-type-changed"]),
    ("parameters: [{name: a, in: query, content: {application/json: {schema: {type: string}}}}]", "parameters: [{name: a, in: query, content: {application/json: {schema: {type: integer}}}}]", &["request-parameter-type-changed"]),
    ("parameters: [{name: a, in: query, schema: {type: array, items: {type: integer}}}]", "parameters: [{name: a, in: query, schema: {type: array, items: {type: string}}}]", &["request-parameter-property-type-generalized"]),
    ("parameters: [{name: a, in: query, schema: {type: array, items: {type: string}}}]", "parameters: [{name: a, in: query, schema: {type: array, items: {type: integer}}}]", &["request-parameter-property-type-specialized"]),
    ("parameters: [{name: X-a, in: header}]", "parameters: [{name: x-A, in: header}]", &[]),
    ("parameters: [{name: Accept, in: header}]", "", &[]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, deprecated: true, x-sunset: 2030-01-31}]", &["request-parameter-deprecated"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, deprecated: true}]", &["request-parameter-deprecated-sunset-missing"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, deprecated: true, x-sunset: soon}]", &["request-parameter-sunset-parse"]),
    ("parameters: [{name: a, in: query}]", "parameters: [{name: a, in: query, deprecated: true, x-sunset: 2020-01-31}]", &["request-parameter-sunset-date-too-small"]),
    ("parameters: [{name: a, in: query, deprecated: true, x-sunset: 2030-01-31}]", "parameters: [{name: a, in: query, deprecated: true, x-sunset: 2029-01-31}]", &["request-parameter-sunset-date-changed-too-small"]),
    ("parameters: [{name: a, in: query, deprecated: true, x-sunset: 2030-01-31}]", "parameters: [{name: a, in: query, deprecated: true, x-sunset: 2031-01-31}]", &["request-parameter-sunset-date-postponed"]),
    ("parameters: [{name: a, in: query, deprecated: true, x-sunset: 2030-01-31}]", "parameters: [{name: a, in: query, deprecated: true}]", &["request-parameter-sunset-deleted"]),
    ("parameters: [{name: a, in: query, deprecated: true}]", "parameters: [{name: a, in: query}]", &["request-parameter-reactivated"]),

    ("", "requestBody: {required: true, content: {}}", &["request-body-added-required"]),
    ("", "requestBody: {content: {}}", &["request-body-added-optional"]),
    ("requestBody: {content: {}}", "", &["request-body-removed"]),
    ("requestBody: {content: {}}", "requestBody: {required: true, content: {}}", &["request-body-became-required"]),
    ("requestBody: {required: true, content: {}}", "requestBody: {content: {}}", &["request-body-became-optional"]),
    ("requestBody: {content: {}}", "requestBody: {content: {text/csv: {}}}", &["request-body-media-type-added"]),
    ("requestBody: {content: {text/csv: {}}}", "requestBody: {content: {}}", &["request-body-media-type-removed"]),
    ("requestBody: {content: {text/csv: {}}}", "requestBody: {content: {Text/CSV; charset=utf-8: {}}}", &["request-body-media-type-parameter-added"]),
    ("requestBody: {content: {text/csv; charset=utf-8: {}}}", "requestBody: {content: {text/csv: {}}}", &["request-body-media-type-parameter-removed"]),
    ("requestBody: {content: {text/csv; charset=utf-8: {}}}", "requestBody: {content: {text/csv; charset=utf-16: {}}}", &["request-body-media-type-parameter-changed"]),
    ("requestBody: {content: {application/json: {schema: {type: object}}}}", "requestBody: {content: {'application/*': {schema: {type: array}}}}", &["request-body-media-type-added", "request-body-type-changed"]),
    ("requestBody: {content: {application/json: {}}}", "requestBody: {content: {'*/*': {}}}", &["request-body-media-type-added"]),
    ("requestBody: {content: {'*/*': {}}}", "requestBody: {content: {application/json: {}}}", &["request-body-media-type-added", "request-body-media-type-removed"]),
    ("requestBody: {content: {text/csv: {}}}", "requestBody: {content: {text/csv: {schema: {}}}}", &["request-body-media-type-schema-added"]),
    ("requestBody: {content: {text/csv: {schema: {}}}}", "requestBody: {content: {text/csv: {}}}", &["request-body-media-type-schema-removed"]),
    ("requestBody: {content: {text/csv: {}}}", "requestBody: {content: {text/csv: {itemSchema: {}}}}", &["request-body-media-type-item-schema-added"]),
    ("requestBody: {content: {text/csv: {itemSchema: {}}}}", "requestBody: {content: {text/csv: {}}}", &["request-body-media-type-item-schema-removed"]),
    ("requestBody: {content: {text/csv: {itemSchema: {type: object}}}}", "requestBody: {content: {text/csv: {itemSchema: {type: array}}}}", &["request-property-type-changed"]),
    ("requestBody: {content: {multipart/form-data: {}}}", "requestBody: {content: {multipart/form-data: {encoding: {a: {contentType: image/png}}}}}", &["request-body-encoding-changed"]),

    ("responses: {}", "responses: {'201': {description: a}}", &["response-success-status-added"]),
    ("responses: {'201': {description: a}}", "responses: {}", &["response-success-status-removed"]),
    ("responses: {}", "responses: {'404': {description: a}, default: {description: b}}", &["response-non-success-status-added", "response-non-success-status-added"]),
    ("responses: {'404': {description: a}}", "responses: {}", &["response-non-success-status-removed"]),
    ("responses: {'200': {description: a}}", "responses: {'2XX': {description: a}}", &[]),
    ("responses: {'404': {description: a}, default: {description: b}}", "responses: {default: {description: b}}", &[]),
    ("responses: {default: {description: b}}", "responses: {'404': {description: a}, default: {description: b}}", &[]),
    ("responses: {'404': {content: {a/b: {}}}, default: {}}", "responses: {default: {}}", &["response-media-type-removed"]),
    ("responses: {'200': {content: {}}}", "responses: {'200': {content: {text/csv: {}}}}", &["response-media-type-added"]),
    ("responses: {'200': {content: {text/csv: {}}}}", "responses: {'200': {content: {}}}", &["response-media-type-removed"]),
    ("responses: {'200': {content: {application/a+json: {}}}}", "responses: {'200': {content: {application/b+json: {}}}}", &["response-media-type-name-changed"]),
    ("responses: {'200': {content: {application/a+json: {}}}}", "responses: {'200': {content: {application/json: {}}}}", &["response-media-type-name-generalized"]),
    ("responses: {'200': {content: {application/json: {}}}}", "responses: {'200': {content: {application/a+json: {}}}}", &["response-media-type-name-specialized"]),
    ("responses: {'200': {content: {text/csv: {}}}}", "responses: {'200': {content: {text/csv;charset=utf-8: {}}}}", &["response-media-type-parameter-added"]),
    ("responses: {'200': {content: {text/csv;charset=utf-8: {}}}}", "responses: {'200': {content: {text/csv;charset=utf-16: {}}}}", &["response-media-type-parameter-changed"]),
    ("responses: {'200': {content: {text/csv;charset=utf-8: {}}}}", "responses: {'200': {content: {text/csv: {}}}}", &["response-media-type-parameter-removed"]),
    ("responses: {'200': {content: {text/csv: {}}}}", "responses: {'200': {content: {text/csv: {schema: {}}}}}", &["response-body-media-type-schema-added"]),
    ("responses: {'200': {content: {text/csv: {schema: {}}}}}", "responses: {'200': {content: {text/csv: {}}}}", &["response-body-media-type-schema-removed"]),
    ("responses: {'200': {content: {text/csv: {}}}}", "responses: {'200': {content: {text/csv: {itemSchema: {}}}}}", &["response-body-media-type-item-schema-added"]),
    ("responses: {'200': {content: {text/csv: {schema: {}, itemSchema: {}}}}}", "responses: {'200': {content: {text/csv: {schema: {}}}}}", &["response-body-media-type-item-schema-removed"]),
    ("responses: {'200': {content: {text/csv: {itemSchema: {}}}}}", "responses: {'200': {content: {text/csv: {}}}}", &["response-body-media-type-item-schema-removed-untyped"]),
    ("responses: {'200': {}}", "responses: {'200': {headers: {A: {}}}}", &["response-header-added"]),
    ("responses: {'200': {headers: {A: {required: true}}}}", "responses: {'200': {}}", &["required-response-header-removed"]),
    ("responses: {'200': {headers: {A: {}}}}", "responses: {'200': {}}", &["optional-response-header-removed"]),
    ("responses: {'200': {headers: {A: {required: true}}}}", "responses: {'200': {headers: {a: {}}}}", &["response-header-became-optional"]),
    ("responses: {'200': {headers: {A: {}}}}", "responses: {'200': {headers: {A: {required: true}}}}", &["response-header-became-required"]),
    ("responses: {'200': {headers: {A: {}}}}", "responses: {'200': {headers: {A: {deprecated: true}}}}", &["response-header-deprecated"]),
    ("responses: {'200': {headers: {A: {deprecated: true}}}}", "responses: {'200': {headers: {A: {}}}}", &["response-header-reactivated"]),
    ("responses: {'200': {headers: {A: {}}}}", "responses: {'200': {headers: {A: {explode: true}}}}", &["response-header-explode-changed"]),
    ("responses: {'200': {headers: {A: {}}}}", "responses: {'200': {headers: {A: {schema: {}}}}}", &["response-header-schema-added"]),
    ("responses: {'200': {headers: {A: {schema: {}}}}}", "responses: {'200': {headers: {A: {}}}}", &["response-header-schema-removed"]),
    ("responses: {'200': {headers: {A: {schema: {}}}}}", "responses: {'200': {headers: {A: {content: {application/json: {schema: {}}}}}}}", &["response-header-content-changed"]),
    ("responses: {'200': {headers: {A: {content: {application/json: {schema: {}}}}}}}", "responses: {'200': {headers: {A: {content: {text/csv: {schema: {}}}}}}}", &["response-header-content-changed"]),
    ("responses: {'200': {headers: {Content-Type: {}}}}", "responses: {'200': {}}", &[]),
    ("responses: {'200': {}}", "responses: {'200': {links: {a: {operationId: b}}}}", &["response-link-added"]),
    ("responses: {'200': {links: {a: {operationId: b}}}}", "responses: {'200': {links: {a: {operationId: c}}}}", &["response-link-changed"]),
    ("responses: {'200': {links: {a: {operationId: b}}}}", "responses: {'200': {}}", &["response-link-removed"]),

    ("security: [{a: []}]", "security: [{a: []}, {b: []}]", &["api-security-added"]),
    ("security: [{a: []}, {b: []}]", "security: [{b: []}]", &["api-security-removed"]),
    ("", "security: [{a: []}]", &["api-security-became-required"]),
    ("security: [{a: []}]", "security: [{a: []}, {}]", &["api-security-became-optional"]),
    ("security: [{a: [x]}]", "security: [{a: [x, y]}]", &["api-security-scope-added"]),
    ("security: [{a: [x, y]}]", "security: [{a: [y]}]", &["api-security-scope-removed"]),
    ("security: [{a: []}, {b: [], c: []}]", "security: [{c: [], b: []}, {a: []}]", &[]),
    ("security: [{a: [x]}, {a: [y, z]}]", "security: [{a: [z, y]}, {a: [x]}]", &[]),
    ("security: [{a: [x]}]", "security: [{a: [y]}, {a: [x]}]", &["api-security-added"]),
    ("security: [{a: [x]}, {a: [y]}]", "security: [{a: [y]}]", &["api-security-removed"]),
    ("security: [{a: [], b: []}]", "security: [{a: []}]", &["api-security-added"]),
    ("security: [{a: []}]", "security: [{a: [], b: []}]", &["api-security-added", "api-security-removed"]),
    ("security: [{a: [x], b: []}]", "security: [{a: [x, y], b: []}, {a: [x]}]", &["api-security-added", "api-security-added"]),
    ("servers: [{url: /x}]", "servers: [{url: /x}, {url: /y}]", &["api-server-added"]),
    ("servers: [{url: /x}, {url: /y}]", "servers: [{url: /x/}]", &["api-server-removed"]),

    ("", "callbacks: {a: {'{$url}': {post: {}}}}", &["callback-added"]),
    ("callbacks: {a: {'{$url}': {post: {}}}}", "", &["callback-removed"]),
    ("callbacks: {a: {'{$url}': {post: {}}}}", "callbacks: {a: {'{$url}': {post: {}, put: {}}}}", &["callback-added"]),
    ("callbacks: {a: {'{$url}': {post: {}, put: {}}}}", "callbacks: {a: {'{$url}': {post: {}}}}", &["callback-removed"]),
];

/// Rows of whole documents.
#[rustfmt::skip]
const DOCUMENTS: &[Whole] = &[
    ("paths: {/a: {get: {}}}", "paths: {/a: {get: {}, put: {}}, /b: {get: {}}}", &["endpoint-added", "endpoint-added"]),
    ("paths: {/a: {get: {}, put: {}}}", "paths: {/a: {get: {}}}", &["api-removed-without-deprecation"]),
    ("paths: {/a: {get: {}, put: {deprecated: true, x-sunset: 2026-05-31}}}", "paths: {/a: {get: {}}}", &["api-removed-with-deprecation"]),
    ("paths: {/a: {get: {}, put: {deprecated: true, x-sunset: 2026-06-01}}}", "paths: {/a: {get: {}}}", &["api-removed-before-sunset"]),
    ("paths: {/a: {get: {}, put: {deprecated: true}}}", "paths: {/a: {get: {}}}", &["api-removed-sunset-parse"]),
    ("paths: {/a: {get: {}}}", "paths: {}", &["api-path-removed-without-deprecation"]),
    ("paths: {/a: {get: {deprecated: true, x-sunset: 2026-05-31}}}", "paths: {}", &["api-path-removed-with-deprecation"]),
    ("paths: {/a: {get: {deprecated: true, x-sunset: 2026-07-31}}}", "paths: {}", &["api-path-removed-before-sunset"]),
    ("paths: {/a: {get: {deprecated: true, x-sunset: soon}}}", "paths: {}", &["api-path-sunset-parse"]),
    ("paths: {'/a/{id}': {get: {parameters: [{name: id, in: path, required: true, schema: {type: string}}]}}}",
        "paths: {'/a/{key}': {get: {parameters: [{name: key, in: path, required: true, schema: {type: string}}]}}}", &["path-parameter-renamed"]),
    ("paths: {/a: {get: {}}}", "paths: {/a: {get: {}, parameters: [{name: a, in: query, required: true}]}}", &["new-required-request-default-parameter-to-existing-path"]),
    ("paths: {/a: {get: {}}}", "paths: {/a: {get: {}, parameters: [{name: a, in: query}]}}", &["new-optional-request-default-parameter-to-existing-path"]),
    ("paths: {/a: {get: {}, parameters: [{name: a, in: query}]}}", "paths: {/a: {get: {parameters: [{name: a, in: query}]}}}", &[]),
    // What is in effect for an operation counts, wherever it is written.
    ("paths: {/a: {get: {security: [{a: []}]}}}", "security: [{a: []}]\npaths: {/a: {get: {}}}", &[]),
    ("security: [{a: []}]\npaths: {/a: {get: {}}}", "paths: {/a: {get: {security: [{a: []}]}}}", &[]),
    ("paths: {/a: {get: {security: [{a: []}]}}}", "security: [{b: []}]\npaths: {/a: {get: {security: [{a: []}]}}}", &[]),
    ("paths: {/a: {get: {servers: [{url: /x}]}}}", "servers: [{url: /x}]\npaths: {/a: {get: {}}}", &[]),
    ("servers: [{url: /x}]\npaths: {/a: {get: {}}}", "paths: {/a: {get: {servers: [{url: /x}]}}}", &[]),
    ("paths: {/a: {get: {servers: [{url: /x}]}}}", "servers: [{url: /y}]\npaths: {/a: {get: {servers: [{url: /x}]}}}", &[]),

    ("webhooks: {a: {post: {}}}", "webhooks: {a: {post: {}, put: {}}, b: {post: {}}}", &["webhook-added", "webhook-added"]),
    ("webhooks: {a: {post: {}, put: {}}, b: {post: {}}}", "webhooks: {a: {post: {}}}", &["webhook-removed", "webhook-removed"]),

    ("security: [{a: []}]\npaths: {/a: {get: {}}}", "security: [{a: []}, {b: []}]\npaths: {/a: {get: {}}}", &["api-global-security-added"]),
    ("security: [{a: []}, {b: []}]\npaths: {/a: {get: {}}}", "security: [{b: []}]\npaths: {/a: {get: {}}}", &["api-global-security-removed"]),
    ("security: []\npaths: {/a: {get: {}}}", "security: [{a: []}]\npaths: {/a: {get: {}}}", &["api-global-security-became-required"]),
    ("security: [{a: []}]\npaths: {/a: {get: {}}}", "paths: {/a: {get: {}}}", &["api-global-security-became-optional"]),
    ("security: [{a: [x]}]\npaths: {/a: {get: {}}}", "security: [{a: [x, y]}]\npaths: {/a: {get: {}}}", &["api-global-security-scope-added"]),
    ("security: [{a: [x, y]}]\npaths: {/a: {get: {}}}", "security: [{a: [y]}]\npaths: {/a: {get: {}}}", &["api-global-security-scope-removed"]),
    ("{}", "components: {securitySchemes: {a: {type: http}}}", &["api-security-component-added"]),
    ("components: {securitySchemes: {a: {type: http}}}", "{}", &["api-security-component-removed"]),
    ("components: {securitySchemes: {a: {type: http, scheme: basic}}}", "components: {securitySchemes: {a: {type: apiKey, in: header, name: a}}}", &["api-security-component-type-changed"]),
    ("components: {securitySchemes: {a: {type: http, scheme: basic}}}", "components: {securitySchemes: {a: {type: http, scheme: bearer}}}", &["api-security-component-scheme-changed"]),
    ("components: {securitySchemes: {a: {type: http, scheme: Bearer}}}", "components: {securitySchemes: {a: {type: http, scheme: bearer}}}", &[]),
    ("components: {securitySchemes: {a: {type: apiKey, in: header, name: X-A}}}", "components: {securitySchemes: {a: {type: apiKey, in: header, name: x-a}}}", &[]),
    ("components: {securitySchemes: {a: {type: apiKey, in: query, name: A}}}", "components: {securitySchemes: {a: {type: apiKey, in: query, name: a}}}", &["api-security-component-name-changed"]),
    ("components: {securitySchemes: {a: {type: apiKey, in: header, name: a}}}", "components: {securitySchemes: {a: {type: apiKey, in: header, name: b}}}", &["api-security-component-name-changed"]),
    ("components: {securitySchemes: {a: {type: apiKey, in: header, name: a}}}", "components: {securitySchemes: {a: {type: apiKey, in: query, name: a}}}", &["api-security-component-in-changed"]),
    ("components: {securitySchemes: {a: {type: http, scheme: bearer}}}", "components: {securitySchemes: {a: {type: http, scheme: bearer, bearerFormat: JWT}}}", &["api-security-component-bearer-format-changed"]),
    ("components: {securitySchemes: {a: {type: openIdConnect, openIdConnectUrl: /a}}}", "components: {securitySchemes: {a: {type: openIdConnect, openIdConnectUrl: /b}}}", &["api-security-component-open-id-connect-url-changed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {implicit: {}}}}}", &["api-security-component-oauth-flow-added"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {implicit: {}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {}}}}", &["api-security-component-oauth-flow-removed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {implicit: {authorizationUrl: a}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {implicit: {authorizationUrl: b}}}}}", &["api-security-component-oauth-url-changed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {password: {tokenUrl: a}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {password: {tokenUrl: b}}}}}", &["api-security-component-oauth-token-url-changed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {password: {refreshUrl: a}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {password: {refreshUrl: b}}}}}", &["api-security-component-oauth-refresh-url-changed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {}}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {x: X}}}}}}", &["api-security-component-oauth-scope-added"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {x: X}}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {x: Y}}}}}}", &["api-security-component-oauth-scope-changed"]),
    ("components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {x: X}}}}}}", "components: {securitySchemes: {a: {type: oauth2, flows: {password: {scopes: {}}}}}}", &["api-security-component-oauth-scope-removed"]),

    ("servers: [{url: /x}]\npaths: {/a: {get: {}}}", "servers: [{url: /x}, {url: /y}]\npaths: {/a: {get: {}}}", &["server-added"]),
    ("servers: [{url: /x}, {url: /y}]\npaths: {/a: {get: {}}}", "servers: [{url: /y}]\npaths: {/a: {get: {}}}", &["server-removed"]),
    ("paths: {/a: {get: {}}}", "servers: [{url: /}]\npaths: {/a: {get: {}}}", &[]),
    ("servers: [{url: '{a}'}]\npaths: {/a: {get: {}}}", "servers: [{url: '{a}', variables: {a: {default: b}}}]\npaths: {/a: {get: {}}}", &["server-variable-added"]),
    ("servers: [{url: '{a}', variables: {a: {default: b}}}]\npaths: {/a: {get: {}}}", "servers: [{url: '{a}'}]\npaths: {/a: {get: {}}}", &["server-variable-removed"]),
    ("servers: [{url: '{a}', variables: {a: {default: b}}}]\npaths: {/a: {get: {}}}", "servers: [{url: '{a}', variables: {a: {default: c}}}]\npaths: {/a: {get: {}}}", &["server-variable-default-changed"]),
    ("servers: [{url: '{a}', variables: {a: {enum: [b]}}}]\npaths: {/a: {get: {}}}", "servers: [{url: '{a}', variables: {a: {enum: [b, c]}}}]\npaths: {/a: {get: {}}}", &["server-variable-enum-value-added"]),
    ("servers: [{url: '{a}', variables: {a: {enum: [b, c]}}}]\npaths: {/a: {get: {}}}", "servers: [{url: '{a}', variables: {a: {enum: [b]}}}]\npaths: {/a: {get: {}}}", &["server-variable-enum-value-removed"]),

    ("components: {schemas: {A: {}}}", "components: {schemas: {}}", &["api-schema-removed"]),
    ("components: {responses: {A: {}}}", "{}", &["api-component-removed"]),
    ("tags: [{name: a}]", "tags: [{name: a}, {name: b}]", &["tag-added"]),
    ("tags: [{name: a}]", "tags: [{name: a, description: b}]", &["tag-changed"]),
    ("tags: [{name: a}, {name: b}]", "tags: [{name: b}]", &["tag-removed"]),
];

/// Rows of what stands before the paths.
#[rustfmt::skip]
const INFOS: &[Whole] = &[
    ("openapi: 3.1.0\ninfo: {title: A}", "openapi: 3.1.0\ninfo: {title: B}", &["api-title-changed"]),
    ("openapi: 3.1.0\ninfo: {version: A}", "openapi: 3.1.0\ninfo: {version: B}", &["api-version-changed"]),
    ("openapi: 3.1.0\ninfo: {description: A}", "openapi: 3.1.0\ninfo: {description: B}", &["api-description-changed"]),
    ("openapi: 3.1.0\ninfo: {contact: {name: A}}", "openapi: 3.1.0\ninfo: {contact: {name: B}}", &["api-contact-changed"]),
    ("openapi: 3.1.0\ninfo: {license: {name: A}}", "openapi: 3.1.0\ninfo: {}", &["api-license-changed"]),
    ("openapi: 3.1.0\ninfo: {termsOfService: A}", "openapi: 3.1.0\ninfo: {termsOfService: B}", &["api-terms-of-service-changed"]),
    ("openapi: 3.0.3\ninfo: {}", "openapi: 3.1.0\ninfo: {}", &["openapi-version-changed"]),
];

/// The ids that a row of [`SCHEMAS`] stands for when its schema plays a role.
fn expected(role: Role, names: &[&str]) -> Vec<&'static str> {
    let id = |name: &&str| match name.strip_prefix('>') {
        Some(name) => kinds::of_schema(role.inside(), name).map(|kind| kind.id.as_str()),
        None => kinds::of_schema(role, name).map(|kind| kind.id.as_str()),
    };
    let mut ids: Vec<_> = names.iter().map(|name| id(name).unwrap_or("none")).collect();
    ids.sort_unstable();
    ids
}

/// All rows of documents.
fn rows() -> Vec<(String, String, Vec<&'static str>)> {
    let mut rows = Vec::new();
    for (base, head, ids) in OPERATIONS {
        let whole = |operation: &str| {
            whole(&OP.replace("OP}", &format!("{operation}}}")).replace("{get: {OP", "{get: {"))
        };
        rows.push((whole(base), whole(head), ids.to_vec()));
    }
    for (base, head, ids) in DOCUMENTS {
        let whole = |rest: &str| whole(if rest == "{}" { "" } else { rest });
        rows.push((whole(base), whole(head), ids.to_vec()));
    }
    for (base, head, ids) in INFOS {
        rows.push(((*base).to_owned(), (*head).to_owned(), ids.to_vec()));
    }
    for row in &mut rows {
        row.2.sort_unstable();
    }
    rows
}

#[tokio::test]
async fn each_change_of_a_schema_is_told_as_what_it_is_and_nothing_else() {
    let mut wrong = Vec::new();
    for (direction, base, head, names) in SCHEMAS {
        for role in Role::ALL {
            let is_meant = match direction {
                In::Both => true,
                In::Request => role.direction() == Direction::Request,
                In::Response => role.direction() == Direction::Response,
            };
            if !is_meant {
                continue;
            }
            let found = ids(&document(role, base), &document(role, head)).await;
            let expected = expected(role, names);
            if found != expected {
                wrong.push(format!("{role:?}: {base} -> {head}:\n  {found:?}\n  not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn each_change_of_anything_else_is_told_as_what_it_is_and_nothing_else() {
    let mut wrong = Vec::new();
    for (base, head, expected) in rows() {
        let found = ids(&base, &head).await;
        if found != expected {
            wrong.push(format!("{base} -> {head}:\n  {found:?}\n  not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_kind_is_found_by_a_row() {
    let mut found: BTreeSet<&str> = rows().into_iter().flat_map(|row| row.2).collect();
    // Its tests are those of what is too much to compare.
    found.insert("schema-not-compared");
    for (direction, _, _, names) in SCHEMAS {
        for role in Role::ALL {
            let is_meant = match direction {
                In::Both => true,
                In::Request => role.direction() == Direction::Request,
                In::Response => role.direction() == Direction::Response,
            };
            // What lies inside of a body is what lies inside of a property.
            if is_meant {
                found.extend(expected(role, names));
            }
        }
    }
    let missing: Vec<_> =
        kinds::all().iter().map(|kind| kind.id.as_str()).filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[tokio::test]
async fn a_document_compared_with_itself_has_no_changes() {
    for (base, head, _) in rows() {
        for text in [base, head] {
            assert_eq!(ids(&text, &text).await, [""; 0], "{text}");
        }
    }
    for (_, base, head, _) in SCHEMAS {
        for schema in [base, head] {
            let text = document(Role::ResponseBody, schema);
            assert_eq!(ids(&text, &text).await, [""; 0], "{text}");
        }
    }
}

/// A document of a version, whose schema `A` is used in a request and a response.
fn used(version: &str, schemas: &str) -> String {
    format!(
        "openapi: {version}\ninfo: {{title: A, version: '1'}}\n\
         paths: {{/a: {{post: {{\n\
         requestBody: {{content: {{application/json: {{schema: {{$ref: '#/components/schemas/A'}}}}}}}},\n\
         responses: {{'200': {{description: a, content: {{application/json: {{schema: {{$ref: '#/components/schemas/A'}}}}}}}}}}}}}}}}\n\
         components: {{schemas: {{{schemas}}}}}\n"
    )
}

#[tokio::test]
async fn what_3_0_and_3_1_write_otherwise_is_no_change() {
    for (old, new) in [
        ("A: {type: string, nullable: true}", "A: {type: [string, 'null']}"),
        (
            "A: {type: number, minimum: 1, exclusiveMinimum: true}",
            "A: {type: number, exclusiveMinimum: 1}",
        ),
        (
            "A: {type: number, maximum: 1, exclusiveMaximum: true}",
            "A: {type: number, exclusiveMaximum: 1}",
        ),
        ("A: {type: number, maximum: 1, exclusiveMaximum: false}", "A: {type: number, maximum: 1}"),
        ("A: {type: string, enum: [a]}", "A: {const: a, type: string}"),
        (
            "A: {type: string, enum: [a, null], nullable: true}",
            "A: {type: [string, 'null'], enum: [a, null]}",
        ),
        ("A: {type: string, example: a}", "A: {type: string, examples: [a]}"),
        (
            "A: {nullable: true, allOf: [{$ref: '#/components/schemas/B'}]}, B: {type: object}",
            "A: {oneOf: [{$ref: '#/components/schemas/B'}, {type: 'null'}]}, B: {type: object}",
        ),
        ("A: {type: string, format: byte}", "A: {type: string, contentEncoding: base64}"),
        (
            "A: {type: string, format: binary}",
            "A: {type: string, contentMediaType: application/octet-stream}",
        ),
        (
            "A: {properties: {b: {$ref: '#/components/schemas/B'}}}, B: {type: object}",
            "A: {properties: {b: {$ref: '#/components/schemas/B', description: x}}}, B: {type: object}",
        ),
    ] {
        let (old, new) = (used("3.0.3", old), used("3.1.0", new));
        assert_eq!(ids(&old, &new).await, ["openapi-version-changed"], "{old}\n{new}");
        assert_eq!(ids(&new, &old).await, ["openapi-version-changed"], "{old}\n{new}");
    }
}

#[tokio::test]
async fn circles_end() {
    let node =
        "A: {type: object, properties: {next: {$ref: '#/components/schemas/A'}, v: {type: VALUE}}}";
    let mutual = "A: {properties: {b: {$ref: '#/components/schemas/B'}}}, \
                  B: {properties: {a: {$ref: '#/components/schemas/A'}, v: {type: VALUE}}}";
    let all_of = "A: {allOf: [{$ref: '#/components/schemas/B'}], properties: {v: {type: VALUE}}}, \
                  B: {allOf: [{$ref: '#/components/schemas/A'}]}";
    let both = "A: {allOf: [{$ref: '#/components/schemas/B'}, {properties: {c: {$ref: '#/components/schemas/A'}}}]}, \
                B: {properties: {c: {$ref: '#/components/schemas/B'}, v: {type: VALUE}}}";
    let alternatives = "A: {oneOf: [{$ref: '#/components/schemas/A'}, {$ref: '#/components/schemas/B'}]}, B: {properties: {v: {type: VALUE}}}";
    let wrapped = "A: {properties: {next: {allOf: [{$ref: '#/components/schemas/A'}, {description: d}]}, v: {type: VALUE}}}";
    let nullable = "A: {properties: {next: {anyOf: [{$ref: '#/components/schemas/A'}, {enum: [null]}]}, v: {type: VALUE}}}";
    let list = "A: {properties: {all: {items: {oneOf: [{$ref: '#/components/schemas/A'}]}}, v: {type: VALUE}}}";
    for version in ["3.0.3", "3.1.0"] {
        for text in [node, mutual, all_of, both, alternatives, wrapped, nullable, list] {
            let text = used(version, text);
            let (old, new) = (text.replace("VALUE", "string"), text.replace("VALUE", "object"));
            assert_eq!(ids(&old, &old).await, [""; 0], "{old}");
            let found = ids(&old, &new).await;
            assert_eq!(
                found,
                ["request-property-type-changed", "response-property-type-changed"],
                "{new}"
            );
        }
        for nothing in [
            "A: {$ref: '#/components/schemas/A'}",
            "A: {$ref: '#/components/schemas/B'}, B: {$ref: '#/components/schemas/A'}",
        ] {
            let (old, new) = (used(version, nothing), used(version, "A: {type: string}"));
            for (old, new) in [(&old, &old), (&old, &new), (&new, &old)] {
                let _it_ends = ids(old, new).await;
            }
        }
    }
}

#[tokio::test]
async fn schemas_that_are_made_of_each_other_are_compared_once_and_not_on_every_way() {
    let count = 400;
    let schema = |number: usize| {
        let next =
            |step| format!("{{allOf: [{{$ref: '#/components/schemas/S{}'}}]}}", number + step);
        format!("S{number}: {{properties: {{a: {}, b: {}}}}}, ", next(1), next(2))
    };
    let schemas: String = (0..count).map(schema).collect();
    let rest = format!("S{count}: {{properties: {{v: {{type: VALUE}}}}}}, S{}: {{}}", count + 1);
    let text = used("3.1.0", &format!("A: {{$ref: '#/components/schemas/S0'}}, {schemas}{rest}"));
    let (old, new) = (text.replace("VALUE", "string"), text.replace("VALUE", "object"));
    assert_eq!(ids(&old, &old).await, [""; 0]);
    let found = ids(&old, &new).await;
    assert_eq!(found, ["request-property-type-changed", "response-property-type-changed"]);
}

#[tokio::test]
async fn what_operations_share_changes_once_and_names_them_all() {
    let text = "openapi: 3.1.0\ninfo: {title: A, version: '1'}\npaths:\n  \
        /a: {get: {responses: {'200': {$ref: '#/components/responses/R'}}}}\n  \
        /b: {get: {responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/S'}}}}}}}\n  \
        /c: {get: {responses: {'200': {content: {application/json: {schema: {type: array, items: {$ref: '#/components/schemas/S'}}}}}}}}\n\
        components:\n  responses: {R: {description: r, content: {application/json: {schema: {$ref: '#/components/schemas/S'}}}}}\n  \
        schemas: {S: {properties: {p: {type: VALUE}}}}\n";
    let found = changes(&text.replace("VALUE", "string"), &text.replace("VALUE", "object")).await;
    let [change] = &found[..] else { panic!("{found:#?}") };
    let operations: Vec<_> = change.operations.iter().map(ToString::to_string).collect();
    assert_eq!(operations, ["GET /a", "GET /b", "GET /c"]);
    assert_eq!(
        change.message,
        "the type of property `p` of schema `S` is object, no longer string"
    );
    let pointer = |spot: &Option<Spot>| spot.as_ref().unwrap().pointer.clone();
    assert_eq!(pointer(&change.head), "#/components/schemas/S/properties/p/type");
    assert_eq!(change.operations.first().unwrap().path, "/a");
}

#[tokio::test]
async fn a_webhook_is_a_request_that_the_caller_gets() {
    let hook = |schema: &str| {
        whole(&format!(
            "webhooks: {{a: {{post: {{requestBody: {{content: {{application/json: {{schema: {schema}}}}}}}}}}}}}"
        ))
    };
    let (few, many) = (hook("{enum: [a, b]}"), hook("{enum: [a, b, c]}"));
    let level = |found: &[Change]| found.iter().map(|it| (it.id, it.level)).collect::<Vec<_>>();
    let added = changes(&few, &many).await;
    assert_eq!(level(&added), [("request-body-enum-value-added", Level::Dangerous)]);
    assert_eq!(added[0].operations.first().unwrap().to_string(), "WEBHOOK POST a");
    let removed = changes(&many, &few).await;
    assert_eq!(level(&removed), [("request-body-enum-value-removed", Level::Safe)]);
    let required = hook("{properties: {a: {}}, required: [a]}");
    let gone = changes(&required, &hook("{properties: {}}")).await;
    assert_eq!(level(&gone), [("request-property-removed", Level::Breaking)]);
    let gone = changes(&hook("{properties: {a: {}}}"), &hook("{properties: {}}")).await;
    assert_eq!(level(&gone), [("request-property-removed", Level::Dangerous)]);
    let closed =
        |properties| hook(&format!("{{additionalProperties: false, properties: {properties}}}"));
    let gone = changes(&closed("{a: {}}"), &closed("{}")).await;
    assert_eq!(level(&gone), [("request-property-removed", Level::Dangerous)]);
}

#[tokio::test]
async fn one_alternative_that_becomes_several_hides_no_change_of_what_it_was() {
    let text = |members: &str, kind: &str| {
        used(
            "3.1.0",
            &format!(
                "A: {{oneOf: [{members}]}}, B: {{properties: {{v: {{type: {kind}}}}}}}, C: {{type: array}}"
            ),
        )
    };
    let (b, c) = ("{$ref: '#/components/schemas/B'}", "{$ref: '#/components/schemas/C'}");
    let both = format!("{b}, {c}");
    assert_eq!(
        ids(&text(b, "string"), &text(&both, "object")).await,
        [
            "request-body-wrapped-in-one-of-original-preserved",
            "request-property-type-changed",
            "response-body-wrapped-in-one-of-original-preserved",
            "response-property-type-changed",
        ]
    );
    assert_eq!(
        ids(&text(&both, "string"), &text(b, "object")).await,
        [
            "request-body-unwrapped-member-kept",
            "request-property-type-changed",
            "response-body-unwrapped-member-kept",
            "response-property-type-changed",
        ]
    );
}

#[tokio::test]
async fn of_more_schemas_than_make_one_each_is_compared_by_itself() {
    let text = |end: &str| {
        let part = |it: usize| {
            format!(
                "S{it}: {{properties: {{p{it}: {{type: {}}}}}}}",
                if it == 0 { end } else { "string" }
            )
        };
        let parts: Vec<String> = (0..600).map(part).collect();
        let members: Vec<String> =
            (0..600).map(|it| format!("{{$ref: '#/components/schemas/S{it}'}}")).collect();
        used("3.1.0", &format!("A: {{allOf: [{}]}}, {}", members.join(", "), parts.join(", ")))
    };
    let found = ids(&text("string"), &text("object")).await;
    assert_eq!(found, ["request-property-type-changed", "response-property-type-changed"]);
}

#[tokio::test]
async fn what_is_too_much_to_compare_is_told_once() {
    let text = |end: &str| {
        let parts = |base: &str| {
            (0..5).map(|it| format!("p{it}: {{{base}: {it}}}")).collect::<Vec<_>>().join(", ")
        };
        used(
            "3.1.0",
            &format!(
                "A: {{allOf: [{{properties: {{{}}}}}, {{properties: {{{}}}}}, {{properties: {{v: {{type: {end}}}}}}}]}}",
                parts("minimum"),
                parts("minLength")
            ),
        )
    };
    let (base, head) = (description(&text("string")).await, description(&text("object")).await);
    let found = |most: Option<usize>| {
        let mut comparison = Comparison::new(&base, &head, date(2026, 6, 1));
        comparison.most_together = most.unwrap_or(comparison.most_together);
        comparison.whole();
        comparison.paths();
        comparison.work();
        let changes = comparison.finish(&rules());
        let mut ids: Vec<_> = changes.iter().map(|it| it.id).collect();
        ids.sort_unstable();
        ids
    };
    let both = ["request-property-type-changed", "response-property-type-changed"];
    assert_eq!(found(None), both);
    assert_eq!(found(Some(3)), [&both[..], &["schema-not-compared"]].concat());
}

#[tokio::test]
async fn what_several_schemas_say_of_a_property_is_told_of_the_property() {
    let text = |length: u32| {
        let parts = format!(
            "{{properties: {{a: {{type: string}}}}}}, {{properties: {{a: {{maxLength: {length}}}}}}}"
        );
        used("3.1.0", &format!("A: {{allOf: [{parts}]}}"))
    };
    let found = changes(&text(3), &text(5)).await;
    let messages: Vec<_> = found.iter().map(|it| it.message.as_str()).collect();
    let message = "the longest length of property `a` of schema `A` is 5 instead of 3";
    assert_eq!(messages, [message; 2]);
}

#[tokio::test]
async fn a_schema_that_callers_send_and_get_changes_as_is_bad_for_each() {
    let text = |values: &str| {
        let body = "requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/A'}}}}";
        whole(&format!(
            "paths: {{/a: {{post: {{{body}}}}}}}\nwebhooks: {{w: {{post: {{{body}}}}}}}\n\
             components: {{schemas: {{A: {{enum: [{values}]}}}}}}"
        ))
    };
    let found = changes(&text("a, b, c"), &text("a, b")).await;
    let found: Vec<_> = found
        .iter()
        .map(|it| (it.level, it.operations[0].to_string(), it.operations.len()))
        .collect();
    assert_eq!(
        found,
        [(Level::Breaking, "POST /a".to_owned(), 1), (Level::Safe, "WEBHOOK POST w".to_owned(), 1)]
    );
}

#[tokio::test]
async fn what_is_a_draft_or_alpha_may_change() {
    for (stability, level) in
        [("alpha", Level::Safe), ("draft", Level::Safe), ("beta", Level::Breaking)]
    {
        let text = format!("paths: {{/a: {{get: {{x-stability-level: {stability}}}, put: {{}}}}}}");
        let found = changes(&whole(&text), &whole("paths: {/a: {put: {}}}")).await;
        assert_eq!(found[0].level, level, "{stability}");
    }
}

#[tokio::test]
async fn levels_are_those_of_landfall_toml() {
    let (old, new) = (whole("paths: {/a: {get: {}, put: {}}}"), whole("paths: {/a: {put: {}}}"));
    let (old, new) = (description(&old).await, description(&new).await);
    let id = "api-removed-without-deprecation";
    for (level, expected) in [
        (ChangeLevel::Off, None),
        (ChangeLevel::Safe, Some(Level::Safe)),
        (ChangeLevel::Dangerous, Some(Level::Dangerous)),
    ] {
        let levels = BTreeMap::from([(id.to_owned(), level)]);
        let found = compare(&old, &new, &Rules::new(&levels, date(2026, 6, 1)).unwrap());
        assert_eq!(found.first().map(|it| it.level), expected);
    }
    let levels = BTreeMap::from([("api-removed-without-deprecatio".to_owned(), ChangeLevel::Off)]);
    let err = Rules::new(&levels, date(2026, 6, 1)).unwrap_err().to_string();
    assert!(err.ends_with("(did you mean api-removed-without-deprecation?)"), "{err}");
}

#[tokio::test]
async fn a_change_says_where_it_is_and_what_to_do() {
    let found = changes(
        &whole("paths: {/a: {get: {responses: {'200': {content: {application/json: {schema: {required: [p], properties: {p: {}}}}}}}}}}"),
        &whole("paths: {/a: {get: {responses: {'200': {content: {application/json: {schema: {properties: {}}}}}}}}}"),
    )
    .await;
    let [change] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(change.id, "response-required-property-removed");
    assert_eq!(
        change.message,
        "property `p` of response 200 (application/json) is gone; it was always there"
    );
    assert!(change.advice.contains("x-sunset"));
    let schema = "#/paths/~1a/get/responses/200/content/application~1json/schema/properties";
    assert_eq!(change.base.as_ref().unwrap().pointer, format!("{schema}/p"));
    assert_eq!(change.head.as_ref().unwrap().pointer, schema);
}

#[tokio::test]
async fn members_are_matched_whatever_their_order() {
    let schemas = |members: &str, cat: &str| {
        used(
            "3.1.0",
            &format!(
                "A: {{oneOf: [{members}]}}, Cat: {{properties: {{kind: {{const: cat}}{cat}}}}}, Dog: {{properties: {{kind: {{const: dog}}}}}}"
            ),
        )
    };
    let cat = "{$ref: '#/components/schemas/Cat'}";
    let dog = "{$ref: '#/components/schemas/Dog'}";
    let old = schemas(&format!("{cat}, {dog}"), "");
    assert_eq!(ids(&old, &schemas(&format!("{dog}, {cat}"), "")).await, [""; 0]);
    // Written out, it is still a cat.
    let inline = "{properties: {kind: {const: cat}}}";
    assert_eq!(ids(&old, &schemas(&format!("{dog}, {inline}"), "")).await, [""; 0]);
    let more = ids(&old, &schemas(&format!("{dog}, {cat}"), ", age: {}")).await;
    assert_eq!(more, ["new-optional-request-property", "response-optional-property-added"]);
}

#[tokio::test]
async fn schemas_that_point_to_each_other_in_every_way_are_all_compared() {
    // Each is made of all others, and each property leads to all of them again.
    let count = 12;
    let all: Vec<String> =
        (0..count).map(|it| format!("{{$ref: '#/components/schemas/S{it}'}}")).collect();
    let schema = |number: usize, end: &str| {
        let one = |index: usize| {
            format!("{{properties: {{p{index}: {}}}}}", all[(index + number) % count])
        };
        let own: Vec<String> = (0..count).map(one).collect();
        format!(
            "S{number}: {{allOf: [{}, {}, {{properties: {{v: {end}}}}}]}}",
            own.join(", "),
            all[(number + 1) % count]
        )
    };
    let text = |end: &str| {
        let schemas: Vec<String> = (0..count).map(|number| schema(number, end)).collect();
        used("3.1.0", &format!("A: {}, {}", all[0], schemas.join(", ")))
    };
    let found = ids(&text("{type: string}"), &text("{type: object}")).await;
    assert!(found.contains(&"request-property-type-changed"), "{found:?}");
    assert!(!found.contains(&"schema-not-compared"), "{found:?}");
}

#[tokio::test]
async fn the_deepest_document_is_compared() {
    let deep = |end: &str| {
        let depth = 70;
        let open = "{properties: {p: ".repeat(depth);
        document(Role::ResponseBody, &format!("{open}{end}{}", "}}".repeat(depth)))
    };
    let found = ids(&deep("{type: string}"), &deep("{type: object}")).await;
    assert_eq!(found, ["response-property-type-changed"]);
}

#[tokio::test]
async fn a_long_chain_of_components_is_compared() {
    let chain = |end: &str| {
        let count = 3000;
        let link = |it: usize| {
            format!("S{it}: {{properties: {{p: {{$ref: '#/components/schemas/S{}'}}}}}}", it + 1)
        };
        let links: Vec<String> = (0..count).map(link).collect();
        used(
            "3.1.0",
            &format!(
                "A: {{$ref: '#/components/schemas/S0'}}, {}, S{count}: {end}",
                links.join(", ")
            ),
        )
    };
    let found = ids(&chain("{type: string}"), &chain("{type: object}")).await;
    assert_eq!(found, ["request-property-type-changed", "response-property-type-changed"]);
}

/// Kinds by how their names begin and end.
type Names = (&'static [&'static str], &'static [&'static str]);

const IN_REQUESTS: &[&str] = &["request-body", "request-property", "request-parameter"];
const IN_BODIES: &[&str] = &["request-body", "request-property"];
const IN_RESPONSES: &[&str] = &["response-body", "response-property", "response-header"];
const IN_ANSWERS: &[&str] = &["response-body", "response-property"];

/// What people who know oasdiff expect to fail.
#[rustfmt::skip]
const BREAKING: &[Names] = &[
    (IN_REQUESTS, &["max-set", "max-decreased", "min-set", "min-increased", "exclusive-max-set",
        "exclusive-max-decreased", "exclusive-min-set", "exclusive-min-increased", "max-length-set",
        "max-length-decreased", "min-length-set", "min-length-increased", "max-items-set",
        "max-items-decreased", "min-items-set", "min-items-increased", "max-properties-set",
        "max-properties-decreased", "min-properties-set", "min-properties-increased",
        "max-contains-set", "max-contains-decreased", "min-contains-set", "min-contains-increased",
        "multiple-of-set", "list-of-types-narrowed", "became-not-nullable", "became-enum",
        "enum-value-removed", "type-changed", "schema-became-false", "pattern-added",
        "x-extensible-enum-value-removed"]),
    (IN_BODIES, &["all-of-added", "any-of-removed", "one-of-removed", "const-added", "const-changed",
        "multiple-of-changed", "unique-items-set", "contains-added", "content-encoding-changed",
        "content-media-type-changed", "content-schema-added", "dependent-required-added",
        "dependent-required-changed", "dependent-schema-added", "if-added", "then-added", "else-added",
        "pattern-property-added", "property-names-added", "unevaluated-items-added",
        "unevaluated-properties-added"]),
    (IN_RESPONSES, &["max-unset", "max-increased", "min-unset", "min-decreased", "exclusive-max-unset",
        "exclusive-max-increased", "exclusive-min-unset", "exclusive-min-decreased",
        "max-length-unset", "max-length-increased", "min-length-unset", "min-length-decreased",
        "max-items-unset", "max-items-increased", "min-items-unset", "min-items-decreased",
        "max-properties-unset", "max-properties-increased", "min-properties-unset",
        "min-properties-decreased", "max-contains-unset", "max-contains-increased",
        "min-contains-unset", "min-contains-decreased", "multiple-of-unset", "became-nullable",
        "type-changed", "type-generalized", "schema-became-not-false"]),
    (IN_ANSWERS, &["all-of-removed", "any-of-added", "one-of-added", "const-removed", "const-changed",
        "multiple-of-changed", "unique-items-unset", "list-of-types-widened", "contains-removed",
        "content-encoding-changed", "content-media-type-changed", "content-schema-removed",
        "dependent-required-removed", "dependent-required-changed", "dependent-schema-removed",
        "if-removed", "then-removed", "else-removed", "pattern-property-removed",
        "property-names-removed", "unevaluated-items-removed", "unevaluated-properties-removed"]),
    (&["request-parameter-property"], &["became-not-nullable", "enum-value-removed",
        "list-of-types-narrowed", "type-specialized", "schema-became-false"]),
    (&["request-header-property"], &["became-enum", "became-required"]),
    (&["request-body"], &["added-required", "became-required", "removed", "wrapped-in-one-of",
        "media-type-removed", "media-type-schema-added", "media-type-item-schema-added"]),
    (&["request-property"], &["became-required", "became-required-with-default",
        "deprecated-sunset-invalid", "sunset-date-too-small", "stability-decreased"]),
    (&["request-parameter"], &["became-required", "removed-before-sunset", "sunset-parse",
        "sunset-date-too-small", "sunset-date-changed-too-small", "sunset-deleted"]),
    (&["new-required-request"], &["parameter", "property", "property-with-default", "header-property",
        "default-parameter-to-existing-path"]),
    (&["response-body"], &["schema-became-false", "wrapped-in-one-of", "media-type-schema-removed",
        "media-type-item-schema-removed", "media-type-item-schema-removed-untyped"]),
    (&["response-property"], &["became-optional", "pattern-removed", "deprecated-sunset-invalid",
        "sunset-date-too-small", "stability-decreased"]),
    (&["response"], &["header-became-optional", "media-type-removed", "media-type-name-generalized",
        "media-type-parameter-changed", "media-type-parameter-removed", "required-property-removed",
        "success-status-removed"]),
    (&["api"], &["removed-without-deprecation", "removed-before-sunset", "path-removed-without-deprecation",
        "path-removed-before-sunset", "path-sunset-parse", "deprecated-sunset-parse",
        "sunset-date-too-small", "sunset-date-changed-too-small", "stability-decreased",
        "invalid-stability-level", "security-removed", "security-scope-added",
        "global-security-removed", "global-security-scope-added"]),
    (&["new"], &["request-path-parameter"]),
    (&["required"], &["response-header-removed"]),
    (&["sunset"], &["deleted"]),
    (&["webhook"], &["removed"]),
];

/// What these people know as something to look at.
const DANGEROUS: &[Names] = &[
    (&["request-parameter", "request-property", "response-property"], &["pattern-changed"]),
    (&["request-parameter", "request-property"], &["removed"]),
    (&["request-body", "request-property"], &["prefix-items-added", "prefix-items-removed"]),
    (&["response-body", "response-property"], &["prefix-items-added", "prefix-items-removed"]),
    // It depends on whether the caller can do with a value that it does not know.
    (&["response-property"], &["enum-value-added"]),
    (&["response-media-type"], &["name-changed"]),
    (&["optional-response-header"], &["removed"]),
];

/// What nobody is hurt by.
#[rustfmt::skip]
const SAFE: &[Names] = &[
    (IN_REQUESTS, &["max-unset", "max-increased", "min-unset", "enum-value-added", "became-nullable",
        "type-generalized", "pattern-removed", "list-of-types-widened"]),
    (IN_ANSWERS, &["max-set", "max-decreased", "enum-value-removed", "became-not-nullable",
        "type-specialized", "one-of-removed", "default-value-changed", "x-extensible-enum-value-added"]),
    (&["endpoint"], &["added", "deprecated-with-sunset", "reactivated"]),
    (&["api"], &["removed-with-deprecation", "path-removed-with-deprecation", "security-added",
        "security-scope-removed", "schema-removed", "tag-added", "operation-id-added",
        "security-component-added", "security-component-removed", "deprecated-sunset-missing"]),
    (&["response-property", "request-property", "request-parameter"], &["deprecated-sunset-missing"]),
    (&["new-optional-request"], &["parameter", "property", "default-parameter-to-existing-path"]),
    (&["response"], &["optional-property-added", "required-property-added", "header-added",
        "media-type-added", "non-success-status-added", "property-became-required"]),
    (&["webhook"], &["added"]),
];

#[test]
fn levels_are_what_callers_suffer() {
    let mut wrong = Vec::new();
    let all = [(Level::Breaking, BREAKING), (Level::Dangerous, DANGEROUS), (Level::Safe, SAFE)];
    let mut known = BTreeSet::new();
    for (level, names) in all {
        for (begins, ends) in names {
            for id in begins.iter().flat_map(|it| ends.iter().map(move |end| format!("{it}-{end}")))
            {
                let found = kinds::of_id(&id).map(|kind| kind.level);
                if found != Some(level) {
                    wrong.push(format!("{id} is {found:?}, not {level}"));
                }
                assert!(known.insert(id.clone()), "{id} is there twice");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(known.len() > 300, "{}", known.len());
}
