//! Sources that become one description.

use super::*;
use crate::document::to_yaml;
use crate::spec::Version;

struct Given<'a> {
    name: &'a str,
    text: &'a str,
    prefix: Option<&'a str>,
}

fn source<'a>(name: &'a str, text: &'a str) -> Given<'a> {
    Given { name, text, prefix: None }
}

/// What they become, or `file:line message` of what is wrong.
fn merged(given: &[Given<'_>], collisions: Collisions) -> Result<String, Vec<String>> {
    let mut sources = Sources::default();
    let parts = given.iter().map(|it| {
        let text = if it.text.starts_with("openapi") {
            it.text.to_owned()
        } else {
            format!("openapi: 3.0.3\n{}", it.text)
        };
        let root = sources.read(&format!("{}.yaml", it.name), text.into()).unwrap();
        let version = Version::of(root.text("openapi").unwrap()).unwrap();
        let description = Description { root, version, name: it.name.into() };
        Part { name: it.name.into(), description, path_prefix: it.prefix.map(str::to_owned) }
    });
    let parts: Vec<Part> = parts.collect();
    let rules = Rules { collisions, ignores_servers: false };
    match merge(parts, rules, &sources) {
        Ok(merged) => {
            let yaml = to_yaml(&merged.unwrap().root);
            Ok(yaml.strip_prefix("openapi: \"3.0.3\"\n").unwrap_or(&yaml).to_owned())
        }
        Err(problems) => Err(problems
            .iter()
            .map(|it| {
                let place = sources.place(it.at);
                format!("{}:{} {} {}", place.path(), place.line(), it.pointer, it.message)
            })
            .collect()),
    }
}

#[track_caller]
fn becomes(given: &[Given<'_>], collisions: Collisions, expected: &str) {
    assert_eq!(merged(given, collisions).as_deref(), Ok(expected));
}

#[track_caller]
fn fails(given: &[Given<'_>], expected: &[&str]) {
    assert_eq!(merged(given, Collisions::Error).unwrap_err(), expected);
}

#[test]
fn the_first_source_gives_the_frame_and_the_others_follow() {
    let orders = "info: {title: Orders, version: '1'}\ntags: [{name: orders}, {name: shared, description: first}]\n\
        paths:\n  /orders: {get: {operationId: list, responses: {}}}\n\
        components: {schemas: {Error: {type: object}}}\nx-same: 1\n";
    let users = "info: {title: Users, version: '2'}\nx-same: 1\nx-new: 2\ntags: [{name: shared}, {name: users}]\n\
        paths:\n  /orders: {post: {operationId: add}}\n  /users: {get: {operationId: users}}\n\
        components: {responses: {Gone: {description: gone}}, schemas: {User: {type: string}, Error: {type: object}}}\n";
    becomes(
        &[source("orders", orders), source("users", users)],
        Collisions::Error,
        "info:
  title: Orders
  version: \"1\"
tags:
  - name: orders
  - name: shared
    description: first
  - name: users
paths:
  /orders:
    get:
      operationId: list
      responses: {}
    post:
      operationId: add
  /users:
    get:
      operationId: users
components:
  schemas:
    Error:
      type: object
    User:
      type: string
  responses:
    Gone:
      description: gone
x-same: 1
x-new: 2
",
    );
}

#[test]
fn one_source_stays_as_it_is_and_several_are_the_same_every_time() {
    let one = "x-first: 1\ninfo: {version: '1', title: t}\ncomponents: {schemas: {}}\nsecurity: []\npaths: {}\n";
    becomes(
        &[source("a", one)],
        Collisions::Error,
        "x-first: 1\ninfo:\n  version: \"1\"\n  title: t\ncomponents:\n  schemas: {}\nsecurity: []\npaths: {}\n",
    );
    let schemas: String = (0..50)
        .map(|it| {
            format!(
                "    S{it}: {{properties: {{a: {{$ref: '#/components/schemas/S{}'}}}}}}\n",
                (it + 1) % 50
            )
        })
        .collect();
    let a = format!("components:\n  schemas:\n{schemas}");
    let b = a.replace("{a:", "{b:");
    let all = || merged(&[source("a", &a), source("b", &b)], Collisions::Rename).unwrap();
    assert_eq!(all(), all());
}

#[test]
fn what_cannot_be_one_is_told_with_both_places() {
    let a = "paths:\n  /a:\n    get: {operationId: x}\ncomponents:\n  schemas:\n    Error: {type: object}\nx-a: 1\n";
    let b = "paths:\n  /a:\n    get: {operationId: y}\n  /b:\n    get: {operationId: x}\ncomponents:\n  schemas:\n    Error: {type: string}\nx-a: 2\n";
    fails(
        &[source("a", a), source("b", b)],
        &[
            "b.yaml:6 #/paths/~1b/get/operationId the operationId `x` is in a.yaml:4:24 already",
            "b.yaml:9 #/components/schemas/Error another `Error` of schemas is in a.yaml:7:12 already",
            "b.yaml:4 #/paths/~1a/get GET /a is in a.yaml:4:5 already",
            "b.yaml:10 #/x-a another `x-a` is in a.yaml:8:1 already",
        ],
    );
    fails(
        &[source("a", "info: {}\n"), source("b", "openapi: 3.1.0\ninfo: {}\n")],
        &["b.yaml:1 #/openapi the source b has OpenAPI 3.1, the first one 3.0"],
    );
}

const ONE: &str = "paths:
  /one: {get: {operationId: get, responses: {'200': {$ref: '#/components/responses/R'}}}}
components:
  responses:
    R: {description: r, content: {a/b: {schema: {$ref: '#/components/schemas/Pet'}}}}
  schemas:
    Same: {type: string}
    Pet: {oneOf: [{$ref: '#/components/schemas/Dog'}]}
    Dog: {type: object}
  securitySchemes:
    key: {type: http, scheme: basic}
";

/// The same, but for the dog, and so for what leads to it.
const TWO: &str = "paths:
  /two:
    get:
      operationId: get
      security: [{key: []}]
      responses: {'200': {$ref: '#/components/responses/R', links: {}}}
components:
  responses:
    R: {description: r, content: {a/b: {schema: {$ref: '#/components/schemas/Pet'}}}, links: {l: {operationId: get}}}
  schemas:
    Same: {type: string}
    Pet: {oneOf: [{$ref: '#/components/schemas/Dog'}], discriminator: {propertyName: kind}}
    Dog: {type: string}
    Own: {$ref: '#/components/schemas/Dog/x~1y'}
  securitySchemes:
    key: {type: http, scheme: bearer}
";

#[test]
fn colliding_names_get_a_number() {
    becomes(
        &[source("one", ONE), source("two", TWO)],
        Collisions::Rename,
        r##"paths:
  /one:
    get:
      operationId: get
      responses:
        "200":
          $ref: "#/components/responses/R"
  /two:
    get:
      operationId: get_2
      security:
        - key_2: []
      responses:
        "200":
          $ref: "#/components/responses/R_2"
          links: {}
components:
  responses:
    R:
      description: r
      content:
        a/b:
          schema:
            $ref: "#/components/schemas/Pet"
    R_2:
      description: r
      content:
        a/b:
          schema:
            $ref: "#/components/schemas/Pet_2"
      links:
        l:
          operationId: get_2
  schemas:
    Same:
      type: string
    Pet:
      oneOf:
        - $ref: "#/components/schemas/Dog"
    Dog:
      type: object
    Pet_2:
      oneOf:
        - $ref: "#/components/schemas/Dog_2"
      discriminator:
        propertyName: kind
        mapping:
          Dog: "#/components/schemas/Dog_2"
    Dog_2:
      type: string
    Own:
      $ref: "#/components/schemas/Dog_2/x~1y"
  securitySchemes:
    key:
      type: http
      scheme: basic
    key_2:
      type: http
      scheme: bearer
"##,
    );
}

#[test]
fn colliding_sources_get_their_names_in_front() {
    let yaml = merged(&[source("one", ONE), source("two!", TWO)], Collisions::Prefix).unwrap();
    for expected in [
        "    two__R:\n",
        "    two__Pet:\n",
        "    two__Dog:\n",
        "    two__Own:\n      $ref: \"#/components/schemas/two__Dog/x~1y\"\n",
        "    two__key:\n",
        "operationId: two__get\n",
        "        - two__key: []\n",
        "          Dog: \"#/components/schemas/two__Dog\"\n",
    ] {
        assert!(yaml.contains(expected), "no {expected} in\n{yaml}");
    }
    assert!(!yaml.contains("two__Same"), "what is equal is shared:\n{yaml}");
}

#[test]
fn what_is_equal_but_leads_to_another_is_not_the_same() {
    let text = |kind: &str| {
        format!(
            "components:\n  schemas:\n    A: {{items: {{$ref: '#/components/schemas/B'}}}}\n    B: {{items: {{$ref: '#/components/schemas/C'}}}}\n    C: {{type: {kind}}}\n    D: {{items: {{$ref: '#/components/schemas/D'}}}}\n"
        )
    };
    let yaml =
        merged(&[source("a", &text("string")), source("b", &text("integer"))], Collisions::Rename)
            .unwrap();
    assert!(
        yaml.contains(
            "    A_2:\n      items:\n        $ref: \"#/components/schemas/B_2\"\n    B_2:\n"
        ),
        "{yaml}"
    );
    assert!(!yaml.contains("D_2"), "{yaml}");
}

#[test]
fn paths_get_the_prefix_of_their_source_and_so_does_what_leads_to_them() {
    let text = "paths:\n  /a/{id}:\n    get: {responses: {'200': {description: d, links: {l: {operationRef: '#/paths/~1a~1{id}/get'}}}}}\n  x-a: 1\ncomponents:\n  schemas:\n    S: {$ref: '#/paths/~1a~1{id}/x-s'}\n";
    let given = [Given { prefix: Some("v1/"), ..source("a", text) }];
    becomes(
        &given,
        Collisions::Error,
        r##"paths:
  /v1/a/{id}:
    get:
      responses:
        "200":
          description: d
          links:
            l:
              operationRef: "#/paths/~1v1~1a~1{id}/get"
  x-a: 1
components:
  schemas:
    S:
      $ref: "#/paths/~1v1~1a~1{id}/x-s"
"##,
    );
}

#[test]
fn servers_and_security_that_differ_become_those_of_the_operations() {
    let a = "servers: [{url: /a}]\nsecurity: [{key: []}]\npaths: {/a: {get: {}}}\n";
    let b = "servers: [{url: /b}]\npaths: {/b: {get: {}, post: {security: [{own: []}], servers: [{url: /own}]}}, /c: {servers: [{url: /c}], get: {}}}\n";
    let c = "security: [{key: []}]\npaths: {/d: {get: {}}}\n";
    becomes(
        &[source("a", a), source("b", b), source("c", c)],
        Collisions::Error,
        "servers:
  - url: /a
security:
  - key: []
paths:
  /a:
    get: {}
  /b:
    get:
      security: []
      servers:
        - url: /b
    post:
      security:
        - own: []
      servers:
        - url: /own
  /c:
    servers:
      - url: /c
    get:
      security: []
  /d:
    get: {}
",
    );
}

#[test]
fn servers_are_kept_for_paths_that_lead_elsewhere() {
    let a = "openapi: 3.1.0\nservers: [{url: /a}]\npaths: {}\n";
    let b = "openapi: 3.1.0\nservers: [{url: /b}]\npaths:\n  /b: {$ref: '#/components/pathItems/b'}\n  \
        /own: {$ref: '#/components/pathItems/own'}\ncomponents:\n  pathItems:\n    b: {get: {}}\n    \
        own: {servers: [{url: /own}], get: {}}\n";
    let yaml = merged(&[source("a", a), source("b", b)], Collisions::Error).unwrap();
    let (_, paths) = yaml.split_once("paths:\n").unwrap();
    let (paths, _) = paths.split_once("components:").unwrap();
    assert_eq!(
        paths,
        "  /b:
    $ref: \"#/components/pathItems/b\"
    servers:
      - url: /b
  /own:
    $ref: \"#/components/pathItems/own\"
"
    );
}

#[test]
fn extensions_of_components_are_kept_when_the_first_has_no_components() {
    becomes(
        &[source("a", "paths: {}\n"), source("b", "components: {x-a: 1}\n")],
        Collisions::Error,
        "paths: {}\ncomponents:\n  x-a: 1\n",
    );
}

#[test]
fn new_names_are_given_once() {
    let all = |names: &[&str], value: i32| {
        let schemas = names.iter().map(|name| format!("{name}: {{maximum: {value}}}"));
        format!("components: {{schemas: {{{}}}}}\n", schemas.collect::<Vec<_>>().join(", "))
    };
    let names_of = |first: &[&str], collisions| {
        let (first, second) = (all(first, 1), all(&["A", "A_2"], 2));
        let yaml = merged(&[source("a", &first), source("b", &second)], collisions).unwrap();
        let names = yaml.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(':'));
        names.filter(|name| !name.starts_with(' ')).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        names_of(&["A", "A_2", "b_A"], Collisions::Prefix),
        ["A", "A_2", "b_A", "b_A_2", "b_A_2_2"]
    );
    assert_eq!(names_of(&["A", "A_2"], Collisions::Rename), ["A", "A_2", "A_3", "A_2_2"]);
}

#[test]
fn places_of_odd_names_are_pointers() {
    let webhook =
        |summary: &str| format!("webhooks: {{a/b: {{summary: {summary}}}}}\nx-a~b: {summary}\n");
    let (a, b) = (webhook("a"), webhook("b"));
    let problems = merged(&[source("a", &a), source("b", &b)], Collisions::Error).unwrap_err();
    let places: Vec<&str> = problems.iter().map(|it| it.split(' ').nth(1).unwrap()).collect();
    assert_eq!(places, ["#/webhooks/a~1b", "#/x-a~0b"]);
}

#[test]
fn what_a_path_says_for_its_operations_stays_with_them() {
    let a =
        "paths:\n  /a/{id}:\n    parameters: [{name: id, in: path, required: true}]\n    get: {}\n";
    let b = "paths:\n  /a/{id}:\n    summary: other\n    parameters: [{name: id, in: path, required: true, description: b}, {name: x, in: query}]\n    post: {parameters: [{name: x, in: query, required: true}]}\n";
    becomes(
        &[source("a", a), source("b", b)],
        Collisions::Error,
        "paths:
  /a/{id}:
    get:
      parameters:
        - name: id
          in: path
          required: true
    summary: other
    post:
      parameters:
        - name: id
          in: path
          required: true
          description: b
        - name: x
          in: query
          required: true
",
    );
}

#[test]
fn the_highest_patch_of_the_version_counts() {
    let yaml = merged(
        &[source("a", "openapi: 3.1.0\n"), source("b", "openapi: 3.1.1\n")],
        Collisions::Error,
    );
    assert_eq!(yaml.unwrap(), "openapi: \"3.1.1\"\n");
}
