use super::*;

/// The rules that a description breaks, without its head: all that is not in `info`.
fn broken(version: &str, body: &str) -> Vec<&'static str> {
    let text = format!("openapi: {version}\ninfo: {{title: t, version: '1'}}\n{body}\n");
    problems(&text).iter().map(|it| it.rule).collect()
}

fn problems(text: &str) -> Vec<Problem> {
    let root = Sources::default().read("a.yaml", text.into()).map_err(|(_, why)| why).unwrap();
    let version = Version::of(root.text("openapi").unwrap()).unwrap();
    validate(&Description { root, version, name: "a.yaml".to_owned() })
}

/// A case: the rule, the version, what breaks it, and the nearest that does not.
type Case = (&'static str, &'static str, &'static str, &'static str);

fn assert_all(cases: &[Case], whole: impl Fn(&str) -> String) {
    for (rule, version, wrong, right) in cases {
        assert_eq!(broken(version, &whole(wrong)), [*rule], "{wrong}");
        assert_eq!(broken(version, &whole(right)), [""; 0], "{right}");
    }
}

#[test]
fn descriptions_are_told_what_they_break() {
    let cases: &[Case] = &[
        ("unknown-field", "3.0.4", "paths: {}\nservres: []", "paths: {}\nservers: []"),
        ("unknown-field", "3.0.4", "paths: {}\nwebhooks: {}", "paths: {}\nx-webhooks: {}"),
        ("missing-field", "3.0.4", "components: {}", "components: {}\npaths: {}"),
        ("missing-field", "3.1.1", "tags: []", "components: {}"),
        ("wrong-type", "3.0.4", "paths: []", "paths: {}"),
        ("path-without-slash", "3.0.4", "paths: {a: {}}", "paths: {/a: {}}"),
        (
            "tag-duplicate",
            "3.0.4",
            "paths: {}\ntags: [{name: a}, {name: a}]",
            "paths: {}\ntags: [{name: a}, {name: b}]",
        ),
        (
            "tag-parent",
            "3.2.0",
            "paths: {}\ntags: [{name: a, parent: b}]",
            "paths: {}\ntags: [{name: a, parent: b}, {name: b}]",
        ),
        (
            "component-name",
            "3.0.4",
            "paths: {}\ncomponents: {schemas: {a b: {}}}",
            "paths: {}\ncomponents: {schemas: {a_b: {}}}",
        ),
        (
            "security-unknown",
            "3.0.4",
            "paths: {}\nsecurity: [{a: []}]",
            "paths: {}\nsecurity: [{}]",
        ),
        (
            "url",
            "3.0.4",
            "paths: {}\nexternalDocs: {url: a b}",
            "paths: {}\nexternalDocs: {url: a%20b}",
        ),
        (
            "server-variable",
            "3.0.4",
            "paths: {}\nservers: [{url: 'http://{a}'}]",
            "paths: {}\nservers: [{url: 'http://{a}', variables: {a: {default: b}}}]",
        ),
        (
            "server-url",
            "3.0.4",
            "paths: {}\nservers: [{url: 'http://{a'}]",
            "paths: {}\nservers: [{url: 'http://a'}]",
        ),
        (
            "server-default",
            "3.1.1",
            "paths: {}\nservers: [{url: '{a}', variables: {a: {default: b, enum: [c]}}}]",
            "paths: {}\nservers: [{url: '{a}', variables: {a: {default: c, enum: [c]}}}]",
        ),
        (
            "empty-list",
            "3.1.1",
            "paths: {}\nservers: [{url: '{a}', variables: {a: {default: b, enum: []}}}]",
            "paths: {}\nservers: [{url: '{a}', variables: {a: {default: b}}}]",
        ),
        ("path-template", "3.0.4", "paths: {'/{a': {}}", "paths: {'/{a}': {}}"),
        ("path-template", "3.0.4", "paths: {'/{a}/{a}': {}}", "paths: {'/{a}/{b}': {}}"),
        (
            "path-duplicate",
            "3.0.4",
            "paths: {'/{a}': {}, '/{b}': {}}",
            "paths: {'/{a}': {}, '/{b}/c': {}}",
        ),
        (
            "method",
            "3.2.0",
            "paths: {/a: {additionalOperations: {GET: {}}}}",
            "paths: {/a: {additionalOperations: {COPY: {}}}}",
        ),
        (
            "method",
            "3.2.0",
            "paths: {/a: {additionalOperations: {a b: {}}}}",
            "paths: {/a: {additionalOperations: {a-b: {}}}}",
        ),
    ];
    assert_all(cases, str::to_owned);
}

#[test]
fn operations_are_told_what_they_break() {
    let cases: &[Case] = &[
        ("missing-field", "3.0.4", "x: 1", "responses: {200: {description: d}}"),
        ("responses-empty", "3.0.4", "responses: {}", "responses: {default: {description: d}}"),
        (
            "status-code",
            "3.1.1",
            "responses: {ok: {description: d}}",
            "responses: {2XX: {description: d}}",
        ),
        ("missing-field", "3.1.1", "responses: {200: {}}", "responses: {200: {description: ''}}"),
        (
            "link-operation",
            "3.1.1",
            "responses: {200: {description: d, links: {a: {operationId: a}}}}",
            "operationId: a, responses: {200: {description: d, links: {a: {operationId: a}}}}",
        ),
        (
            "link-operation",
            "3.1.1",
            "responses: {200: {description: d, links: {a: {}}}}",
            "responses: {200: {description: d, links: {a: {operationRef: '#/paths/~1p/get'}}}}",
        ),
        (
            "link-operation",
            "3.1.1",
            "responses: {200: {description: d, links: {a: {operationRef: '#/paths/p'}}}}",
            "responses: {200: {description: d, links: {a: {operationRef: 'a.json#/a'}}}}",
        ),
        (
            "exclusive-fields",
            "3.1.1",
            "operationId: a, responses: {200: {description: d, links: {a: {operationId: a, operationRef: a.json}}}}",
            "operationId: a, responses: {200: {description: d, links: {a: {operationId: a}}}}",
        ),
        (
            "exclusive-fields",
            "3.1.1",
            "requestBody: {content: {a/b: {example: 1, examples: {}}}}",
            "requestBody: {content: {a/b: {example: 1}}}",
        ),
        (
            "exclusive-fields",
            "3.1.1",
            "requestBody: {content: {a/b: {examples: {a: {value: 1, externalValue: a}}}}}",
            "requestBody: {content: {a/b: {examples: {a: {value: 1}}}}}",
        ),
        (
            "exclusive-fields",
            "3.2.0",
            "requestBody: {content: {a/b: {examples: {a: {value: 1, dataValue: a}}}}}",
            "requestBody: {content: {a/b: {examples: {a: {dataValue: 1, serializedValue: a}}}}}",
        ),
        (
            "encoding-property",
            "3.1.1",
            "requestBody: {content: {a/b: {schema: {properties: {b: {}}}, encoding: {a: {}}}}}",
            "requestBody: {content: {a/b: {schema: {allOf: [{properties: {a: {}}}]}, encoding: {a: {}}}}}",
        ),
        (
            "callback-expression",
            "3.1.1",
            "callbacks: {a: {'{$request.bdy}': {}}}",
            "callbacks: {a: {'{$request.body}': {}}}",
        ),
        (
            "parameter-duplicate",
            "3.1.1",
            "parameters: [{name: a, in: query, schema: {}}, {name: a, in: query, schema: {}}]",
            "parameters: [{name: a, in: query, schema: {}}, {name: a, in: header, schema: {}}]",
        ),
        (
            "parameter-duplicate",
            "3.2.0",
            "parameters: [{name: a, in: query, schema: {}}, {name: b, in: querystring, content: {a/b: {}}}]",
            "parameters: [{name: b, in: querystring, content: {a/b: {}}}]",
        ),
        (
            "path-parameter-unknown",
            "3.1.1",
            "parameters: [{name: a, in: path, required: true, schema: {}}]",
            "parameters: [{name: a, in: query, required: true, schema: {}}]",
        ),
        ("security-scope", "3.1.1", "security: [{oauth: [a]}]", "security: [{oauth: [s]}]"),
        (
            "security-scope",
            "3.0.4",
            "responses: {default: {description: d}}, security: [{basic: [s]}]",
            "responses: {default: {description: d}}, security: [{basic: []}]",
        ),
    ];
    let schemes = "components: {securitySchemes: {basic: {type: http, scheme: basic}, oauth: {type: oauth2, flows: {implicit: {authorizationUrl: a, scopes: {s: d}}}}}}";
    assert_all(cases, |operation| {
        let operation = operation.replace("x: 1", "");
        format!("paths: {{/p: {{get: {{{operation}}}}}}}\n{schemes}")
    });
}

#[test]
fn parameters_are_told_what_they_break() {
    let cases: &[Case] = &[
        ("missing-field", "3.0.4", "in: query, schema: {}", "name: a, in: query, schema: {}"),
        (
            "wrong-value",
            "3.0.4",
            "name: a, in: body, schema: {}",
            "name: a, in: cookie, schema: {}",
        ),
        (
            "wrong-value",
            "3.1.1",
            "name: a, in: querystring, content: {a/b: {}}",
            "name: a, in: query, content: {a/b: {}}",
        ),
        (
            "parameter-schema",
            "3.0.4",
            "name: a, in: query",
            "name: a, in: query, content: {a/b: {}}",
        ),
        (
            "parameter-schema",
            "3.0.4",
            "name: a, in: query, schema: {}, content: {a/b: {}}",
            "name: a, in: query, schema: {}",
        ),
        (
            "parameter-content",
            "3.0.4",
            "name: a, in: query, content: {a/b: {}, c/d: {}}",
            "name: a, in: query, content: {a/b: {}}",
        ),
        (
            "parameter-field",
            "3.0.4",
            "name: a, in: query, content: {a/b: {}}, explode: true",
            "name: a, in: query, schema: {}, explode: true",
        ),
        (
            "parameter-field",
            "3.0.4",
            "name: a, in: header, schema: {}, allowEmptyValue: true",
            "name: a, in: query, schema: {}, allowEmptyValue: true",
        ),
        (
            "path-parameter-optional",
            "3.0.4",
            "name: a, in: path, schema: {}",
            "name: a, in: path, required: true, schema: {}",
        ),
        (
            "style",
            "3.0.4",
            "name: a, in: path, required: true, schema: {}, style: form",
            "name: a, in: path, required: true, schema: {}, style: label",
        ),
        (
            "style",
            "3.1.1",
            "name: a, in: cookie, schema: {}, style: cookie",
            "name: a, in: cookie, schema: {}, style: form",
        ),
        (
            "parameter-name",
            "3.2.0",
            "name: a b, in: header, schema: {}",
            "name: a-b, in: header, schema: {}",
        ),
        (
            "exclusive-fields",
            "3.1.1",
            "name: a, in: query, schema: {}, example: 1, examples: {}",
            "name: a, in: query, schema: {}, examples: {}",
        ),
        (
            "wrong-type",
            "3.1.1",
            "name: a, in: query, schema: {}, required: 'true'",
            "name: a, in: query, schema: {}, required: true",
        ),
    ];
    assert_all(cases, |parameter| {
        format!("paths: {{}}\ncomponents: {{parameters: {{a: {{{parameter}}}}}}}")
    });
}

#[test]
fn schemas_are_told_what_they_break() {
    let cases: &[Case] = &[
        ("unknown-field", "3.0.4", "const: 1", "enum: [1]"),
        ("unknown-field", "3.0.4", "typ: string", "type: string"),
        (
            "wrong-type",
            "3.0.4",
            "additionalProperties: {type: string, not: true}",
            "additionalProperties: {not: {}}",
        ),
        ("wrong-type", "3.1.1", "description: 1", "description: '1', anything: 1, not: true"),
        ("wrong-type", "3.1.1", "description:", "description: ''"),
        ("wrong-type", "3.0.4", "type: [string]", "type: string"),
        ("wrong-type", "3.0.4", "minLength: -1", "minLength: 0"),
        ("wrong-type", "3.0.4", "minLength: 1.5", "minLength: 1.0"),
        ("wrong-type", "3.1.1", "exclusiveMinimum: true", "exclusiveMinimum: 1"),
        ("wrong-type", "3.0.4", "exclusiveMinimum: 1", "exclusiveMinimum: true"),
        (
            "wrong-type",
            "3.0.4",
            "properties: {a: {required: true}}",
            "properties: {a: {}}, required: [a]",
        ),
        ("wrong-value", "3.0.4", "type: 'null'", "nullable: true"),
        ("wrong-value", "3.1.1", "type: [string, string]", "type: [string, 'null']"),
        ("wrong-value", "3.1.1", "type: []", "type: ['null']"),
        ("wrong-value", "3.0.4", "multipleOf: 0", "multipleOf: 0.1"),
        ("array-items-missing", "3.0.4", "type: array", "type: array, items: {}"),
        ("required-duplicate", "3.0.4", "required: [a, a]", "required: [a, b]"),
        ("empty-list", "3.0.4", "required: []", "required: [a]"),
        ("empty-list", "3.0.4", "enum: []", "enum: [a]"),
        ("empty-list", "3.1.1", "oneOf: []", "oneOf: [true], enum: [], required: []"),
        ("pattern", "3.0.4", "pattern: '(?i)a'", "pattern: '^(?<a>x)[\\w\\-]$'"),
        ("pattern", "3.1.1", "patternProperties: {'[': {}}", "patternProperties: {'\\p{L}': {}}"),
        (
            "read-and-write-only",
            "3.0.4",
            "readOnly: true, writeOnly: true",
            "readOnly: true, writeOnly: false",
        ),
        (
            "discriminator-property",
            "3.0.4",
            "oneOf: [{properties: {b: {}}}], discriminator: {propertyName: a}",
            "oneOf: [{properties: {a: {}}}], discriminator: {propertyName: a}",
        ),
        (
            "discriminator-mapping",
            "3.0.4",
            "discriminator: {propertyName: a, mapping: {a: B}}",
            "discriminator: {propertyName: a, mapping: {a: A, b: '#/components/schemas/A', c: b.json}}",
        ),
        (
            "unknown-field",
            "3.1.1",
            "xml: {nam: a}",
            "xml: {name: a}, readOnly: true, writeOnly: true",
        ),
        (
            "unresolved-reference",
            "3.0.4",
            "items: {$ref: '#/components/schemas/B'}",
            "items: {$ref: '#/components/schemas/A'}",
        ),
        ("unresolved-reference", "3.1.1", "items: {$ref: '#b'}", "items: {$ref: '#a', $anchor: a}"),
        ("reference-not-string", "3.1.1", "$ref: 1", "$ref: '#/components/schemas/O'"),
        (
            "reference-kind",
            "3.1.1",
            "$ref: '#/components/examples/E'",
            "$ref: '#/components/schemas/O'",
        ),
        (
            "reference-kind",
            "3.1.1",
            "$ref: '#/components/schemas'",
            "$ref: '#/components/schemas/O/properties/o'",
        ),
        (
            "reference-siblings",
            "3.0.4",
            "$ref: '#/components/schemas/O', description: d",
            "$ref: '#/components/schemas/O'",
        ),
        (
            "reference-circle",
            "3.1.1",
            "$ref: '#/components/schemas/A'",
            "items: {$ref: '#/components/schemas/A'}",
        ),
        (
            "schema-circle",
            "3.1.1",
            "allOf: [{$ref: '#/components/schemas/A'}]",
            "properties: {a: {$ref: '#/components/schemas/A'}}",
        ),
        ("wrong-type", "3.1.1", "$ref: '#/x-schemas/wrong'", "$ref: '#/x-schemas/right'"),
    ];
    assert_all(cases, |schema| {
        format!(
            "paths: {{}}\ncomponents:\n  examples: {{E: {{}}}}\n  schemas:\n    O: {{properties: {{o: {{}}}}}}\n    \
             A: {{{schema}}}\nx-schemas: {{right: {{type: string}}, wrong: {{type: 1}}}}"
        )
    });
}

#[test]
fn security_schemes_are_told_what_they_break() {
    let cases: &[Case] = &[
        ("missing-field", "3.0.4", "type: apiKey, name: a", "type: apiKey, name: a, in: header"),
        ("missing-field", "3.0.4", "type: http", "type: http, scheme: basic"),
        ("missing-field", "3.0.4", "type: oauth2", "type: oauth2, flows: {}"),
        (
            "missing-field",
            "3.0.4",
            "type: openIdConnect",
            "type: openIdConnect, openIdConnectUrl: a",
        ),
        ("wrong-value", "3.0.4", "type: mutualTLS", "type: http, scheme: mutual"),
        (
            "security-field",
            "3.0.4",
            "type: http, scheme: basic, bearerFormat: a",
            "type: http, scheme: Bearer, bearerFormat: a",
        ),
        (
            "security-field",
            "3.0.4",
            "type: http, scheme: basic, name: a",
            "type: http, scheme: basic",
        ),
        (
            "missing-field",
            "3.0.4",
            "type: oauth2, flows: {implicit: {scopes: {}}}",
            "type: oauth2, flows: {implicit: {authorizationUrl: a, scopes: {}}}",
        ),
        (
            "missing-field",
            "3.0.4",
            "type: oauth2, flows: {password: {tokenUrl: a}}",
            "type: oauth2, flows: {password: {tokenUrl: a, scopes: {}}}",
        ),
        (
            "security-field",
            "3.0.4",
            "type: oauth2, flows: {password: {tokenUrl: a, authorizationUrl: a, scopes: {}}}",
            "type: oauth2, flows: {authorizationCode: {tokenUrl: a, authorizationUrl: a, scopes: {}}}",
        ),
    ];
    assert_all(cases, |scheme| {
        format!("paths: {{}}\ncomponents: {{securitySchemes: {{a: {{{scheme}}}}}}}")
    });
}

#[test]
fn info_is_told_what_it_breaks() {
    let of = |version: &str, info: &str| {
        let text =
            format!("openapi: {version}\ninfo: {{title: t, version: '1', {info}}}\npaths: {{}}\n");
        problems(&text).iter().map(|it| it.rule).collect::<Vec<_>>()
    };
    assert_eq!(of("3.0.4", "contact: {email: nobody}"), ["email"]);
    assert_eq!(of("3.0.4", "contact: {email: a@b}"), [""; 0]);
    assert_eq!(of("3.1.1", "license: {name: a, identifier: MIT, url: u}"), ["exclusive-fields"]);
    assert_eq!(of("3.1.1", "license: {name: a, identifier: MIT}"), [""; 0]);
    assert_eq!(of("3.0.4", "license: {name: a, identifier: MIT}"), ["unknown-field"]);
}

#[test]
fn path_parameters_are_those_of_operation_and_path_through_references() {
    let of = |item: &str| {
        let parameters =
            "components: {parameters: {a: {name: a, in: path, required: true, schema: {}}}}";
        broken("3.1.1", &format!("paths: {{'/{{a}}': {{{item}}}}}\n{parameters}"))
    };
    assert_eq!(of("get: {}"), ["path-parameter-missing"]);
    assert_eq!(of("get: {parameters: [{$ref: '#/components/parameters/a'}]}"), [""; 0]);
    assert_eq!(of("parameters: [{$ref: '#/components/parameters/a'}], get: {}"), [""; 0]);
    assert_eq!(
        of("get: {parameters: [{$ref: '#/components/parameters/b'}]}"),
        ["unresolved-reference"]
    );
    assert_eq!(of("summary: nobody calls it"), [""; 0]);
}

#[test]
fn messages_say_what_to_do_and_where() {
    let found = problems(
        "openapi: 3.0.4\ninfo: {title: t, version: 1.0, licence: {name: MIT}}\npaths:\n  /a:\n    get: {operationId: a, \
         responses: {200: {description: d}}}\n    put: {operationId: a, responses: {200: {description: d}}}\nwebhooks: {}\n",
    );
    let shown: Vec<String> = found
        .iter()
        .map(|it| {
            format!("{} {} {}", it.pointer, it.message, it.help.as_deref().unwrap_or_default())
        })
        .collect();
    assert_eq!(
        shown,
        [
            "#/info/version `version` has to be a string, not a number quote it: \"1.0\"",
            "#/info/licence the Info Object has no field `licence` did you mean `license`?",
            "#/webhooks `webhooks` is a field of the OpenAPI Object from OpenAPI 3.1 on; this is 3.0 leave it out, or \
             write the version of OpenAPI that has it",
            "#/paths/~1a/put/operationId operationId `a` is that of #/paths/~1a/get too give each operation an \
             identifier of its own",
        ]
    );
}

#[test]
fn a_long_way_of_references_neither_ends_the_process_nor_takes_long() {
    use std::fmt::Write as _;
    let mut text =
        String::from("openapi: 3.1.1\ninfo: {title: t, version: '1'}\ncomponents:\n  schemas:\n");
    for number in 0..20_000 {
        let next = (number + 1) % 20_000;
        writeln!(text, "    S{number}: {{allOf: [{{$ref: '#/components/schemas/S{next}'}}]}}")
            .unwrap();
    }
    let found = problems(&text);
    assert_eq!(found.iter().map(|it| it.rule).collect::<Vec<_>>(), ["schema-circle"]);
}

#[test]
fn each_schema_of_a_dense_net_is_told_once() {
    let schemas = |count: usize| {
        let all = |from: usize| {
            let parts = (from..count).map(|it| format!("{{$ref: '#/components/schemas/S{it}'}}"));
            parts.collect::<Vec<_>>().join(", ")
        };
        let all = all(0);
        let schemas: String =
            (0..count).map(|it| format!("    S{it}: {{allOf: [{all}]}}\n")).collect();
        format!(
            "openapi: 3.1.1\ninfo: {{title: t, version: '1'}}\npaths: {{}}\ncomponents:\n  schemas:\n{schemas}"
        )
    };
    let found = problems(&schemas(100));
    assert!(found.iter().all(|it| it.rule == "schema-circle"));
    let places: HashSet<&str> = found.iter().map(|it| it.pointer.as_str()).collect();
    assert_eq!((found.len(), places.len()), (100, 100));
}

#[test]
fn a_document_that_is_wrong_everywhere_has_an_end_of_its_problems() {
    let text = format!(
        "openapi: 3.1.1\ninfo: {{title: t, version: '1'}}\npaths: {{}}\ntags: [{}]\n",
        "1,".repeat(MAX_PROBLEMS + 10)
    );
    let found = problems(&text);
    assert_eq!(found.len(), MAX_PROBLEMS + 1);
    assert_eq!(found.last().unwrap().rule, "more");
}
