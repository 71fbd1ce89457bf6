use super::*;

/// What the command finds, without `--validate`.
fn linted(description: &Description, levels: &Levels) -> Vec<Problem> {
    invalid(Vec::new(), description, levels).into_iter().chain(lint(description, levels)).collect()
}

fn read(text: &str) -> Description {
    let root = Sources::default().read("a.yaml", text.into()).map_err(|(_, why)| why).unwrap();
    let version = Version::of(root.text("openapi").unwrap()).unwrap();
    Description { root, version, name: "a.yaml".to_owned() }
}

/// What a rule alone finds: messages and places.
fn found(rule: Rule, text: &str) -> Vec<String> {
    let problems = linted(&read(text), &Levels::only(rule));
    assert!(problems.iter().all(|it| it.rule == rule.id()));
    problems.iter().map(|it| format!("{} {}", it.pointer, it.message)).collect()
}

/// A rule, the version, what it finds once, and the nearest in which it finds nothing.
type Case = (Rule, &'static str, &'static str, &'static str);

fn assert_all(cases: &[Case], whole: impl Fn(&str) -> String) {
    for (rule, version, wrong, right) in cases {
        let whole = |it: &str| format!("openapi: {version}\n{}\n", whole(it));
        let of_wrong = found(*rule, &whole(wrong));
        assert_eq!(of_wrong.len(), 1, "{}: {wrong}: {of_wrong:?}", rule.id());
        assert_eq!(found(*rule, &whole(right)), [""; 0], "{}: {right}", rule.id());
    }
}

const DOCUMENTS: &[Case] = &[
    (Rule::Invalid, "3.0.4", "infos: {}", "info: {title: t, version: '1'}\npaths: {}"),
    (Rule::InfoDescription, "3.0.4", "info: {}", "info: {description: d}"),
    (Rule::InfoContact, "3.0.4", "info: {}", "info: {contact: {}}"),
    (Rule::InfoLicense, "3.0.4", "info: {}", "info: {license: {}}"),
    (Rule::ServersMissing, "3.0.4", "paths: {/a: {}}", "paths: {/a: {}}\nservers: [{url: /}]"),
    (Rule::ServersMissing, "3.0.4", "paths: {/a: {}}\nservers: []", "paths: {}"),
    (
        Rule::ServerInsecure,
        "3.0.4",
        "servers: [{url: 'http://a.b'}]",
        "servers: [{url: 'https://a.b'}, {url: /}]",
    ),
    (
        Rule::ServerInsecure,
        "3.0.4",
        "servers: [{url: 'HTTP://127.example'}]",
        "servers: [{url: 'http://localhost:80'}]",
    ),
    (
        Rule::ServerLocal,
        "3.0.4",
        "servers: [{url: 'https://u@LOCALHOST:80/a'}]",
        "servers: [{url: 'https://localhosts/localhost'}]",
    ),
    (
        Rule::ServerLocal,
        "3.0.4",
        "servers: [{url: 'http://[::1]:80/'}]",
        "servers: [{url: 'http://[::2]:80/'}]",
    ),
    (
        Rule::ServerTrailingSlash,
        "3.0.4",
        "servers: [{url: 'https://a/'}]",
        "servers: [{url: 'https://a'}, {url: /}]",
    ),
    (
        Rule::TagUndeclared,
        "3.0.4",
        "tags: [{name: a}]\npaths: {/a: {get: {tags: [b]}, put: {tags: [b]}}}",
        "tags: [{name: a}]\npaths: {/a: {get: {tags: [a]}}}",
    ),
    (Rule::TagDescription, "3.0.4", "tags: [{name: a}]", "tags: [{name: a, description: b}]"),
    (Rule::PathTrailingSlash, "3.0.4", "paths: {/a/: {}}", "paths: {/: {}, /a: {}}"),
    (Rule::PathQuery, "3.0.4", "paths: {'/a?b={c}': {}}", "paths: {'/a/{c}': {}}"),
    (Rule::PathKebabCase, "3.0.4", "paths: {/aB: {}}", "paths: {'/a-b1/{cD}.json': {}}"),
    (
        Rule::PathAmbiguous,
        "3.0.4",
        "paths: {'/a/{x}': {}, '/a/b': {}}",
        "paths: {'/a/{x}': {}, '/a/b/c': {}, '/b/b': {}}",
    ),
    (
        Rule::PathAmbiguous,
        "3.0.4",
        "paths: {'/{x}/b': {}, '/a/{y}': {}}",
        "paths: {'/{x}/b': {}, '/a/{y}/c': {}, '/{x}/c': {}}",
    ),
    (
        Rule::SecurityBasicHttp,
        "3.0.4",
        "servers: [{url: 'http://a'}]\ncomponents: {securitySchemes: {a: {type: http, scheme: Basic}}}",
        "servers: [{url: 'https://a'}]\ncomponents: {securitySchemes: {a: {type: http, scheme: Basic}}}",
    ),
    (
        Rule::SecurityKeyQuery,
        "3.0.4",
        "components: {securitySchemes: {a: {type: apiKey, in: query}}}",
        "components: {securitySchemes: {a: {type: apiKey, in: header}}}",
    ),
    (
        Rule::SecurityImplicit,
        "3.0.4",
        "components: {securitySchemes: {a: {type: oauth2, flows: {implicit: {}}}}}",
        "components: {securitySchemes: {a: {type: oauth2, flows: {authorizationCode: {}}}}}",
    ),
    (
        Rule::ComponentUnused,
        "3.0.4",
        "paths: {/a: {}}\ncomponents: {schemas: {A: {items: {$ref: '#/components/schemas/A'}}}}",
        "paths: {/a: {$ref: '#/components/schemas/A/x'}}\ncomponents: {schemas: {A: {items: {$ref: '#/components/schemas/B'}}, B: {}}}",
    ),
    (
        Rule::ComponentUnused,
        "3.0.4",
        "paths: {/a: {}}\ncomponents: {securitySchemes: {A: {}}}",
        "paths: {/a: {}}\nsecurity: [{A: []}]\ncomponents: {securitySchemes: {A: {}}}",
    ),
    (
        Rule::ComponentUnused,
        "3.0.4",
        "paths: {/a: {parameters: [{schema: {$ref: '#/components/schemas/A'}}]}}\ncomponents: {schemas: {A: {}, B: {allOf: [{$ref: '#/components/schemas/A'}]}}}",
        "paths: {/a: {parameters: [{schema: {$ref: '#/components/schemas/A'}}]}}\ncomponents: {schemas: {A: {discriminator: {}}, B: {allOf: [{$ref: '#/components/schemas/A'}]}}}",
    ),
    (
        Rule::ComponentUnused,
        "3.1.1",
        "paths: {/a: {parameters: [{schema: {$ref: '#a'}}]}}\ncomponents: {schemas: {A: {$anchor: b}}}",
        "paths: {/a: {parameters: [{schema: {$ref: '#b'}}]}}\ncomponents: {schemas: {A: {$anchor: b}}}",
    ),
    (
        Rule::ComponentUnused,
        "3.0.4",
        "paths: {/a: {parameters: [{schema: {discriminator: {mapping: {a: B}}}}]}}\ncomponents: {schemas: {A: {}}}",
        "paths: {/a: {parameters: [{schema: {discriminator: {mapping: {a: A}}}}]}}\ncomponents: {schemas: {A: {}}}",
    ),
];

const OPERATIONS: &[Case] = &[
    (Rule::OperationIdMissing, "3.0.4", "x-a: 1", "operationId: a"),
    (Rule::OperationIdFormat, "3.0.4", "operationId: a/b", "operationId: a-b_c.d1"),
    (Rule::OperationIdFormat, "3.0.4", "operationId: 1a", "operationId: a1"),
    (Rule::OperationSummary, "3.0.4", "x-a: 1", "summary: a"),
    (Rule::OperationDescription, "3.0.4", "x-a: 1", "description: a"),
    (Rule::OperationTags, "3.0.4", "tags: []", "tags: [a]"),
    (Rule::OperationSuccess, "3.0.4", "responses: {404: {}}", "responses: {2XX: {}}"),
    (
        Rule::OperationError,
        "3.0.4",
        "requestBody: {}, responses: {200: {}}",
        "requestBody: {}, responses: {200: {}, default: {}}",
    ),
    (
        Rule::OperationError,
        "3.0.4",
        "parameters: [{in: query, name: a}], responses: {200: {}}",
        "responses: {200: {}}",
    ),
    (
        Rule::OperationError,
        "3.0.4",
        "security: [{a: []}], responses: {200: {}}",
        "security: [{a: []}], responses: {200: {}, 401: {}}",
    ),
    (
        Rule::ParameterIgnored,
        "3.0.4",
        "parameters: [{in: header, name: accept}]",
        "parameters: [{in: query, name: accept}]",
    ),
    (
        Rule::ParameterDescription,
        "3.0.4",
        "parameters: [{in: query, name: a}]",
        "parameters: [{in: query, name: a, description: d}]",
    ),
    (
        Rule::ResponseExample,
        "3.0.4",
        "responses: {200: {content: {application/json: {schema: {}}}}}",
        "responses: {200: {content: {application/json: {example: 1}, text/plain: {}}}}",
    ),
    (Rule::Deprecated, "3.0.4", "deprecated: true", "deprecated: true, x-sunset: 2030-01-01"),
    (Rule::DescriptionEmpty, "3.0.4", "description: ' '", "description: a"),
    (
        Rule::MarkdownScript,
        "3.0.4",
        "description: 'a <SCRIPT src=x>'",
        "description: 'a <scr and retrieval(x)'",
    ),
    (Rule::MarkdownScript, "3.0.4", "summary: 'eval(1)'", "x-summary: 'eval(1)'"),
    (Rule::Todo, "3.0.4", "summary: 'TODO: say it'", "summary: 'TODOS'"),
    (
        Rule::ReferenceSiblings,
        "3.0.4",
        "parameters: [{$ref: '#/a', name: a}]",
        "parameters: [{$ref: '#/a'}]",
    ),
    (
        Rule::ExampleMismatch,
        "3.0.4",
        "parameters: [{schema: {type: integer}, example: a}]",
        "parameters: [{schema: {type: integer}, example: 1}]",
    ),
    (
        Rule::ExampleMismatch,
        "3.0.4",
        "responses: {200: {content: {a/b+json: {schema: {type: object}, examples: {a: {value: 1}}}}}}",
        "responses: {200: {content: {text/csv: {schema: {type: object}, examples: {a: {value: 1}}}}}}",
    ),
];

#[test]
fn documents_are_told_what_hurts() {
    assert_all(DOCUMENTS, str::to_owned);
}

#[test]
fn operations_are_told_what_hurts() {
    assert_all(OPERATIONS, |it| format!("paths: {{/a: {{get: {{{it}}}}}}}"));
}

const METHODS: &[Case] = &[
    (Rule::RequestBodyMethod, "3.0.4", "delete: {requestBody: {}}", "post: {requestBody: {}}"),
    (Rule::SecurityMissing, "3.0.4", "post: {}", "get: {}, put: {security: []}"),
    (
        Rule::OperationError,
        "3.0.4",
        "parameters: [{in: query, name: a}], get: {responses: {200: {}}}",
        "get: {responses: {200: {}}}",
    ),
];

#[test]
fn methods_are_told_what_hurts() {
    assert_all(METHODS, |it| format!("paths: {{/a: {{{it}}}}}"));
    let with = |security: &str| {
        format!("openapi: 3.0.4\nsecurity: [{security}]\npaths: {{/a: {{put: {{}}}}}}")
    };
    assert_eq!(found(Rule::SecurityMissing, &with("{a: []}")).len(), 0);
    assert_eq!(found(Rule::SecurityMissing, &with("{a: []}, {}")).len(), 1);
    let webhook = "openapi: 3.1.1\nwebhooks: {a: {post: {responses: {}}}}";
    assert_eq!(found(Rule::SecurityMissing, webhook).len(), 0);
}

const SCHEMAS: &[Case] = &[
    (Rule::TypeMissing, "3.0.4", "properties: {}", "type: object, properties: {}"),
    (Rule::TypeMissing, "3.0.4", "minLength: 1", "allOf: [{minLength: 1}]"),
    (
        Rule::EnumType,
        "3.0.4",
        "type: string, enum: [a, 1]",
        "type: string, enum: [a, null], nullable: true",
    ),
    (
        Rule::EnumType,
        "3.1.1",
        "type: [integer, 'null'], enum: [1, 1.5]",
        "type: [integer, 'null'], enum: [1.0, null]",
    ),
    (Rule::EnumDuplicate, "3.0.4", "enum: [a, b, a]", "enum: [a, b]"),
    (Rule::EnumDuplicate, "3.0.4", "enum: [1, 1.0]", "enum: [1, '1']"),
    (Rule::EnumEmpty, "3.1.1", "enum: []", "enum: [a]"),
    (Rule::DefaultMismatch, "3.0.4", "enum: [a], default: b", "enum: [a], default: a"),
    (
        Rule::ExampleMismatch,
        "3.1.1",
        "type: string, examples: [a, 1]",
        "type: string, examples: [a]",
    ),
    (
        Rule::ExampleMismatch,
        "3.0.4",
        "type: string, example: null",
        "type: string, nullable: true, example: null",
    ),
    (Rule::Contradiction, "3.0.4", "minimum: 2, maximum: 1.5", "minimum: 2, maximum: 2"),
    (Rule::Contradiction, "3.0.4", "minLength: 2, maxLength: 1", "minLength: 2, maxItems: 1"),
    (Rule::Contradiction, "3.1.1", "readOnly: true, writeOnly: true", "readOnly: true"),
    (
        Rule::RequiredUndeclared,
        "3.0.4",
        "additionalProperties: false, properties: {a: {}}, required: [b]",
        "properties: {a: {}}, required: [b]",
    ),
    (
        Rule::ReadOnlyRequired,
        "3.0.4",
        "properties: {a: {readOnly: true}}, required: [a]",
        "properties: {a: {readOnly: true}}, required: [b]",
    ),
    (
        Rule::ReferenceSiblings,
        "3.0.4",
        "$ref: '#/components/schemas/O', nullable: true",
        "allOf: [{$ref: '#/components/schemas/O'}], nullable: true",
    ),
    (
        Rule::NullableWithoutType,
        "3.0.4",
        "nullable: true, enum: [a]",
        "nullable: true, type: string, enum: [a]",
    ),
    (
        Rule::NullableIgnored,
        "3.1.1",
        "nullable: true, type: string",
        "nullable: false, type: string",
    ),
    (Rule::ExampleDeprecated, "3.1.1", "example: 1", "examples: [1]"),
    (Rule::ArrayItems, "3.1.1", "type: array", "type: array, prefixItems: [{}]"),
    (Rule::ArrayMaxItems, "3.0.4", "type: array", "type: array, maxItems: 1"),
    (
        Rule::NumberBounds,
        "3.0.4",
        "type: integer, minimum: 1",
        "type: integer, minimum: 1, maximum: 2",
    ),
    (Rule::StringMaxLength, "3.0.4", "type: string", "type: string, format: date"),
    (
        Rule::IntegerFormatBounds,
        "3.0.4",
        "format: int32, maximum: 2147483648",
        "format: int64, maximum: 2147483648",
    ),
    (
        Rule::IntegerFormatBounds,
        "3.0.4",
        "format: int64, minimum: -9223372036854785809",
        "format: int64, minimum: -9223372036854775808",
    ),
    (
        Rule::PropertyDescription,
        "3.0.4",
        "properties: {a: {}}",
        "properties: {a: {description: d}}, items: {}",
    ),
    (
        Rule::PropertyCase,
        "3.0.4",
        "properties: {a_b: {}, cD: {}, e_f: {}}",
        "properties: {a_b: {}, c: {}}",
    ),
    (
        Rule::SchemaEndless,
        "3.0.4",
        "oneOf: [{$ref: '#/components/schemas/A'}, {type: string}]",
        "oneOf: [{items: {$ref: '#/components/schemas/A'}}, {type: string}]",
    ),
    (
        Rule::DiscriminatorOptional,
        "3.0.4",
        "discriminator: {propertyName: a}, properties: {a: {}}",
        "discriminator: {propertyName: a}, properties: {a: {}}, required: [a]",
    ),
];

#[test]
fn schemas_are_told_what_hurts() {
    assert_all(SCHEMAS, |it| format!("components: {{schemas: {{A: {{{it}}}}}}}"));
}

#[test]
fn every_rule_has_a_case() {
    let cases = [DOCUMENTS, OPERATIONS, METHODS, SCHEMAS].concat();
    // The ignore file is tested with the binary.
    for rule in rules::all().filter(|it| *it != Rule::IgnoreUnused) {
        assert!(cases.iter().any(|case| case.0 == rule), "{}", rule.id());
    }
}

#[test]
fn examples_are_told_where_they_do_not_fit() {
    let of = |schema: &str, example: &str| {
        let text = format!(
            "openapi: 3.1.1\ncomponents:\n  schemas:\n    N: {{type: [number, 'null'], exclusiveMinimum: 0, maximum: 10, multipleOf: 2}}\n    \
             A: {{{schema}, examples: [{example}]}}"
        );
        let found = found(Rule::ExampleMismatch, &text);
        let text = found.into_iter().next().unwrap_or_default();
        text.replace("#/components/schemas/A/examples/0", "#")
            .replace(" the example does not fit its schema:", "")
    };
    let cases = [
        ("type: string", "1", "# it has to be string, not 1"),
        ("$ref: '#/components/schemas/N'", "2", ""),
        ("$ref: '#/components/schemas/N'", "2.0", ""),
        ("$ref: '#/components/schemas/N'", "null", ""),
        ("$ref: '#/components/schemas/N'", "0", "# 0 is not more than `exclusiveMinimum`"),
        ("$ref: '#/components/schemas/N'", "12", "# 12 is not within the maximum 10"),
        ("$ref: '#/components/schemas/N'", "3", "# 3 is no multiple of 2"),
        ("$ref: '#/components/schemas/N', maximum: 4", "6", "# 6 is not within the maximum 4"),
        ("maxLength: 2", "größe", "# it has 5 characters, and `maxLength` allows less"),
        ("maxLength: 5", "größe", ""),
        ("minItems: 2", "[1]", "# it has 1 items, and `minItems` wants more"),
        ("items: {type: string}", "[a, 1]", "#/1 it has to be string, not 1"),
        ("prefixItems: [{}], items: {type: string}", "[1, a]", ""),
        ("required: [a]", "{}", "# `a` is missing"),
        ("required: [a], properties: {a: {readOnly: true}}", "{}", ""),
        (
            "additionalProperties: false, properties: {a: {}}",
            "{a: 1, b/c: 1}",
            "#/b~1c `b/c` is no property of it",
        ),
        (
            "additionalProperties: {type: string}",
            "{a: {}}",
            "#/a it has to be string, not an object",
        ),
        ("allOf: [{type: string}]", "1", "# it has to be string, not 1"),
        (
            "oneOf: [{type: string}, {type: boolean}]",
            "1",
            "# it fits none of the 2 schemas of `oneOf`",
        ),
        ("oneOf: [{type: string}, {type: integer}]", "1", ""),
        ("const: a", "b", "# \"b\" is not the value of `const`"),
        ("enum: [a, 1]", "1.0", ""),
        ("not: {}", "1", ""),
        ("properties: {a: false}", "{a: 1}", "#/a nothing may stand here"),
    ];
    for (schema, example, expected) in cases {
        assert_eq!(of(schema, example), expected, "{schema}: {example}");
    }
}

#[test]
fn bounds_of_3_0_exclude_themselves_when_they_say_so() {
    let of = |bound: &str| {
        let text =
            format!("openapi: 3.0.4\ncomponents: {{schemas: {{A: {{{bound}, example: 5}}}}}}");
        found(Rule::ExampleMismatch, &text).len()
    };
    assert_eq!(of("minimum: 5"), 0);
    assert_eq!(of("minimum: 5, exclusiveMinimum: true"), 1);
    assert_eq!(of("maximum: 5, exclusiveMaximum: true"), 1);
    assert_eq!(of("maximum: 5, exclusiveMaximum: false"), 0);
}

#[test]
fn a_property_that_is_called_like_a_keyword_is_a_property() {
    let text = "openapi: 3.1.1\ncomponents: {schemas: {A: {type: object, properties: {if: {minLength: 1}}}}}";
    assert_eq!(found(Rule::TypeMissing, text).len(), 1);
    let text = text.replace("properties: {if: {minLength: 1}}", "if: {minLength: 1}");
    assert_eq!(found(Rule::TypeMissing, &text), [""; 0]);
}

#[test]
fn an_endless_schema_is_told_at_its_place() {
    let text = "openapi: 3.1.1\ncomponents: {schemas: {'a/b c': {oneOf: [{$ref: '#/components/schemas/a~1b%20c'}]}}}";
    let found = found(Rule::SchemaEndless, text);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("#/components/schemas/a~1b c "), "{found:?}");
}

#[test]
fn alternatives_in_alternatives_end_in_time() {
    // Two alternatives on each of 40 levels are 2^40 ways.
    let schemas: String = (0..40)
        .map(|it| {
            let next = format!("{{$ref: '#/components/schemas/S{}'}}", it + 1);
            format!("    S{it}: {{anyOf: [{next}, {next}]}}\n")
        })
        .collect();
    let text = format!(
        "openapi: 3.1.1\ncomponents:\n  schemas:\n{schemas}    S40: {{type: string}}\n    A: {{$ref: '#/components/schemas/S0', examples: [1]}}\n"
    );
    assert_eq!(found(Rule::ExampleMismatch, &text).len(), 0);
}

#[test]
fn a_description_of_all_versions_is_gone_through_with_all_rules() {
    for version in ["3.0.4", "3.1.1", "3.2.0"] {
        let text = format!(
            "openapi: {version}\ninfo: {{title: t, version: '1'}}\npaths:\n  /a: {{get: {{responses: {{200: {{description: \
             d}}}}}}}}\n"
        );
        let problems = linted(&read(&text), &Levels::new(&Default::default()).unwrap());
        let rules: Vec<_> = problems.iter().map(|it| it.rule).collect();
        assert_eq!(
            rules,
            [
                "servers-missing",
                "info-description",
                "info-contact",
                "info-license",
                "operation-id-missing",
                "operation-summary",
                "operation-tags"
            ]
        );
    }
}
