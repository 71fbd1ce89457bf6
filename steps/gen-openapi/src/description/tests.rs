//! Descriptions of several documents, in real folders and behind a real server.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::bundle::MAX_PROBLEMS;
use super::*;
use crate::document::{to_json, to_yaml};

const HEAD_3_0: &str = "openapi: 3.0.3\ninfo: {title: t, version: '1'}\n";
const HEAD_3_1: &str = "openapi: 3.1.0\ninfo: {title: t, version: '1'}\n";

/// A folder that is a repository's root, and files in it.
struct Folder(TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            let path = folder.0.path().join("repository").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("repository")
    }

    async fn read(&self, path: &str, allowed: &[&str]) -> Read {
        read_all(&Input::File(self.root().join(path)), &self.root(), allowed).await
    }
}

#[derive(Debug)]
struct Read {
    root: Option<Node>,
    problems: Vec<Problem>,
    sources: Sources,
}

async fn read_all(input: &Input, root: &Path, allowed: &[&str]) -> Read {
    let allowed = allowed.iter().map(|it| (*it).to_owned()).collect();
    let access = Access { allowed, root: root.to_owned() };
    let (mut sources, mut problems) = (Sources::default(), Vec::new());
    let read = read(input, &access, &mut sources, &mut problems).await.unwrap();
    Read { root: read.map(|it| it.root), problems, sources }
}

impl Read {
    /// `file:line rule at pointer: message` of each problem; the file by its last part.
    fn problems(&self) -> Vec<String> {
        let shown = self.problems.iter().map(|it| {
            let place = self.sources.place(it.at);
            let file = place.path().rsplit('/').next().unwrap_or_default();
            format!("{file}:{} {} {}: {}", place.line(), it.rule, it.pointer, it.message)
        });
        shown.collect()
    }

    #[track_caller]
    fn expect(&self, expected: &str) {
        assert_eq!(self.problems(), [""; 0]);
        let yaml = to_yaml(self.root.as_ref().unwrap());
        let rest = yaml.split_once("version: \"1\"\n").map_or(yaml.as_str(), |it| it.1);
        assert_eq!(rest, expected);
    }

    #[track_caller]
    fn fails(&self, expected: &[&str]) {
        let problems = self.problems();
        assert_eq!(problems.len(), expected.len(), "{problems:#?}");
        for (problem, expected) in problems.iter().zip(expected) {
            assert!(problem.contains(expected), "no `{expected}` in {problem}");
        }
    }
}

/// A server that answers with texts, or redirects where a text begins with `->`.
fn serve(answers: &[(&str, &str)]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answers: HashMap<String, String> =
        answers.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|it| !it.is_empty())) {}
            let path = request.split(' ').nth(1).unwrap().to_owned();
            let answer = match answers.get(&path) {
                Some(text) => match text.strip_prefix("->") {
                    Some(target) => {
                        format!("302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n")
                    }
                    None => format!("200 OK\r\nContent-Length: {}\r\n\r\n{text}", text.len()),
                },
                None => "404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            log.lock().unwrap().push(path);
            write!(stream, "HTTP/1.1 {answer}").unwrap();
        }
    });
    (origin, asked)
}

#[tokio::test]
async fn what_is_referred_to_is_put_into_components_under_a_good_name() {
    let root = format!(
        "{HEAD_3_0}\
paths:
  /orders:
    get:
      parameters:
      - $ref: parts/parameters.yaml#/limit
      responses:
        '200':
          description: all
          content:
            application/json:
              schema: {{$ref: schemas/order.yaml}}
              example: {{$ref: none.yaml}}
        '404':
          $ref: 'parts/responses.json#/x~1y/Not%20Found'
"
    );
    let folder = Folder::new(&[
        ("api/openapi.yaml", &root),
        (
            "api/parts/parameters.yaml",
            "limit: {name: limit, in: query, schema: {$ref: '#/count'}}\ncount: {type: integer}\n",
        ),
        ("api/parts/responses.json", r##"{"x/y": {"Not Found": {"description": "gone"}}}"##),
        (
            "api/schemas/order.yaml",
            "type: object\nproperties:\n  items:\n    type: array\n    items: {$ref: ../schemas/item.yaml}\n",
        ),
        (
            "api/schemas/item.yaml",
            "type: object\nproperties: {order: {$ref: order.yaml}, other: {$ref: '#'}}\n",
        ),
    ]);
    let read = folder.read("api/openapi.yaml", &[]).await;
    read.expect(
        r##"paths:
  /orders:
    get:
      parameters:
        - $ref: "#/components/parameters/limit"
      responses:
        "200":
          description: all
          content:
            application/json:
              schema:
                $ref: "#/components/schemas/order"
              example:
                $ref: none.yaml
        "404":
          $ref: "#/components/responses/Not_Found"
components:
  parameters:
    limit:
      name: limit
      in: query
      schema:
        $ref: "#/components/schemas/count"
  schemas:
    order:
      type: object
      properties:
        items:
          type: array
          items:
            $ref: "#/components/schemas/item"
    count:
      type: integer
    item:
      type: object
      properties:
        order:
          $ref: "#/components/schemas/order"
        other:
          $ref: "#/components/schemas/item"
  responses:
    Not_Found:
      description: gone
"##,
    );
    // What came from another file has its place there.
    let count = read.root.as_ref().unwrap().pointer("/components/schemas/count/type").unwrap();
    let place = read.sources.place(count.at).to_string();
    assert!(place.ends_with("api/parts/parameters.yaml:2:15"), "{place}");
    assert_eq!(read.sources.names().count(), 5, "each file is read once");
}

#[tokio::test]
async fn names_that_are_taken_are_shared_by_equals_and_numbered_for_others() {
    let root = format!(
        "{HEAD_3_1}\
components:
  schemas:
    Error: {{type: object, properties: {{detail: {{$ref: '#/components/schemas/Detail'}}}}}}
    Detail: {{type: string}}
    Pet:
      oneOf: [{{$ref: a.yaml#/Error}}, {{$ref: b.yaml#/Error}}, {{$ref: c.yaml#/Error}}, {{$ref: d.yaml#/Error}}]
      discriminator: {{propertyName: kind}}
"
    );
    let error = |pointer: &str| {
        format!("Error: {{type: object, properties: {{detail: {{$ref: '{pointer}'}}}}}}\n")
    };
    let same = format!(
        "components: {{schemas: {{Detail: {{type: string}}}}}}\n{}",
        error("#/components/schemas/Detail")
    );
    let other = format!(
        "components: {{schemas: {{Detail: {{type: integer}}}}}}\n{}",
        error("#/components/schemas/Detail")
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("a.yaml", &same),
        ("b.yaml", &other),
        ("c.yaml", &other),
        ("d.yaml", &same),
    ]);
    folder.read("openapi.yaml", &[]).await.expect(
        r##"components:
  schemas:
    Error:
      type: object
      properties:
        detail:
          $ref: "#/components/schemas/Detail"
    Detail:
      type: string
    Pet:
      oneOf:
        - $ref: "#/components/schemas/Error"
        - $ref: "#/components/schemas/Error_2"
        - $ref: "#/components/schemas/Error_2"
        - $ref: "#/components/schemas/Error"
      discriminator:
        propertyName: kind
        mapping:
          Error: "#/components/schemas/Error_2"
    Error_2:
      type: object
      properties:
        detail:
          $ref: "#/components/schemas/Detail_2"
    Detail_2:
      type: integer
"##,
    );
}

#[tokio::test]
async fn a_component_that_is_only_a_reference_becomes_what_it_refers_to() {
    let root = format!(
        "{HEAD_3_0}\
components:
  schemas:
    Order: {{$ref: schemas/order.yaml}}
    Item: {{$ref: schemas/item.yaml}}
    Again: {{$ref: schemas/item.yaml}}
"
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("schemas/order.yaml", "type: array\nitems: {$ref: item.yaml}\n"),
        ("schemas/item.yaml", "{$ref: 'parts.yaml#/Part'}\n"),
        (
            "schemas/parts.yaml",
            "Part:\n  allOf:\n  - $ref: ../openapi.yaml#/components/schemas/Order\n",
        ),
    ]);
    folder.read("openapi.yaml", &[]).await.expect(
        r##"components:
  schemas:
    Order:
      type: array
      items:
        $ref: "#/components/schemas/Item"
    Item:
      allOf:
        - $ref: "#/components/schemas/Order"
    Again:
      $ref: "#/components/schemas/Item"
"##,
    );
}

#[tokio::test]
async fn what_components_have_no_place_for_replaces_its_reference() {
    let paths = "paths:\n  /a: {$ref: paths/a.yaml, summary: mine}\n  /b: {$ref: paths/a.yaml}\n";
    let item = "summary: theirs\nget:\n  callbacks:\n    done:\n      '{$url}': {$ref: b.yaml}\n";
    let files = [
        ("paths/a.yaml", item),
        ("paths/b.yaml", "post: {requestBody: {$ref: '#/body'}}\nbody: {content: {}}\n"),
    ];
    let root = format!("{HEAD_3_0}{paths}");
    let folder = Folder::new(&[&[("openapi.yaml", root.as_str())], &files[..]].concat());
    folder.read("openapi.yaml", &[]).await.expect(
        r##"paths:
  /a:
    summary: mine
    get:
      callbacks:
        done:
          "{$url}":
            post:
              requestBody:
                $ref: "#/components/requestBodies/body"
            body:
              content: {}
  /b:
    summary: theirs
    get:
      callbacks:
        done:
          "{$url}":
            post:
              requestBody:
                $ref: "#/components/requestBodies/body"
            body:
              content: {}
components:
  requestBodies:
    body:
      content: {}
"##,
    );
    // From 3.1 on there is one.
    let root = format!("{HEAD_3_1}{paths}");
    let folder = Folder::new(&[&[("openapi.yaml", root.as_str())], &files[..]].concat());
    folder.read("openapi.yaml", &[]).await.expect(
        r##"paths:
  /a:
    $ref: "#/components/pathItems/a"
    summary: mine
  /b:
    $ref: "#/components/pathItems/a"
components:
  pathItems:
    a:
      summary: theirs
      get:
        callbacks:
          done:
            "{$url}":
              $ref: "#/components/pathItems/b"
    b:
      post:
        requestBody:
          $ref: "#/components/requestBodies/body"
      body:
        content: {}
  requestBodies:
    body:
      content: {}
"##,
    );
}

#[tokio::test]
async fn what_would_be_replaced_without_end_is_told() {
    let root = format!("{HEAD_3_0}paths:\n  /a: {{$ref: a.yaml}}\n  /b: {{$ref: x0.yaml}}\n");
    let item = |next: &str| {
        format!(
            "get:\n  callbacks:\n    a:\n      x: {{$ref: {next}}}\n    b:\n      x: {{$ref: {next}}}\n"
        )
    };
    let bomb: Vec<(String, String)> =
        (0..30).map(|it| (format!("x{it}.yaml"), item(&format!("x{}.yaml", it + 1)))).collect();
    let (a, b) = (item("b.yaml"), item("a.yaml"));
    let mut files = vec![
        ("openapi.yaml", root.as_str()),
        ("a.yaml", &a),
        ("b.yaml", &b),
        ("x30.yaml", "get: {}\n"),
    ];
    files.extend(bomb.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let read = Folder::new(&files).read("openapi.yaml", &[]).await;
    let problems = read.problems();
    assert!(
        problems[0].starts_with("b.yaml:4 unresolved-reference #/get/callbacks/a/x: "),
        "{problems:?}"
    );
    assert!(problems[0].ends_with("it holds itself"), "{problems:?}");
    assert!(
        problems.iter().any(|it| it.contains("there would be more than 5000000 values")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn references_that_never_end_are_told() {
    let root = format!("{HEAD_3_0}components:\n  schemas:\n    A: {{$ref: a.yaml}}\n");
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("a.yaml", "$ref: b.yaml\n"),
        ("b.yaml", "$ref: a.yaml\n"),
    ]);
    folder.read("openapi.yaml", &[]).await.fails(&["openapi.yaml:5 unresolved-reference #/components/schemas/A: `a.yaml` leads to nothing: the references never end"]);
}

#[tokio::test]
async fn all_that_is_missing_is_told_at_its_reference() {
    let root = format!(
        "{HEAD_3_0}\
components:
  schemas:
    A: {{$ref: missing.yaml}}
    B: {{$ref: b.yaml#/Nobody}}
    C: {{$ref: b.yaml#/C}}
    D: {{$ref: broken.yaml}}
    E: {{$ref: broken.yaml#/E}}
    F: {{$ref: .}}
    G: {{$ref: 'urn:example:g'}}
"
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("b.yaml", "C:\n  properties:\n    x: {$ref: '#/Lost'}\n"),
        ("broken.yaml", "a: [\n"),
    ]);
    folder.read("openapi.yaml", &[]).await.fails(&[
        "openapi.yaml:5 unresolved-reference #/components/schemas/A: `missing.yaml` leads to nothing: there is no ",
        "openapi.yaml:6 unresolved-reference #/components/schemas/B: `b.yaml#/Nobody` leads to nothing: ",
        "broken.yaml:",
        "openapi.yaml:10 unresolved-reference #/components/schemas/F: `.` leads to nothing: ",
        "openapi.yaml:11 unresolved-reference #/components/schemas/G: `urn:example:g` leads to nothing: nothing is read by `urn:`",
        "b.yaml:3 unresolved-reference #/C/properties/x: `#/Lost` leads to nothing: ",
    ]);
}

#[tokio::test]
async fn nothing_outside_of_the_repository_is_read() {
    let root = format!(
        "{HEAD_3_0}\
components:
  schemas:
    A: {{$ref: ../outside.yaml}}
    B: {{$ref: /etc/hostname}}
    C: {{$ref: 'file:///etc/hostname'}}
    D: {{$ref: link.yaml}}
    E: {{$ref: 'http://169.254.169.254/latest/meta-data'}}
    F: {{$ref: 'x/%2e%2e/%2e%2e/outside.yaml'}}
    G: {{$ref: folder/third.yaml}}
"
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("../outside.yaml", "type: string\n"),
        ("../second.yaml", "type: string\n"),
        ("../third.yaml", "type: string\n"),
    ]);
    let outside = folder.0.path().join("second.yaml");
    std::os::unix::fs::symlink(&outside, folder.root().join("link.yaml")).unwrap();
    std::os::unix::fs::symlink(folder.0.path(), folder.root().join("folder")).unwrap();
    let read = folder.read("openapi.yaml", &[]).await;
    let refused: Vec<String> = (b'A'..=b'G')
        .map(|it| format!("reference-refused #/components/schemas/{}: ", it as char))
        .collect();
    read.fails(&refused.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(read.sources.names().count(), 1);
    // What is named may be read.
    let allowed = folder.0.path().to_str().unwrap();
    let read = folder.read("openapi.yaml", &[allowed]).await;
    read.fails(&["schemas/B: ", "schemas/C: ", "schemas/E: "]);
}

#[tokio::test]
async fn addresses_are_read_where_they_are_allowed() {
    let (origin, asked) = serve(&[
        ("/x/a.yaml", "A: {$ref: '../b.yaml#/B'}\nC: {$ref: '#/A'}\n"),
        ("/b.yaml", "B: {type: string}\n"),
    ]);
    let root = format!(
        "{HEAD_3_0}components:\n  schemas:\n    A: {{$ref: '{origin}/x/a.yaml#/A'}}\n    C: {{$ref: '{origin}/x/a.yaml#/C'}}\n"
    );
    let folder = Folder::new(&[("openapi.yaml", &root)]);
    folder
        .read("openapi.yaml", &[])
        .await
        .fails(&["not among those that are allowed", "not among those"]);
    assert!(asked.lock().unwrap().is_empty());
    let read = folder.read("openapi.yaml", &[&origin]).await;
    read.expect("components:\n  schemas:\n    A:\n      type: string\n    C:\n      $ref: \"#/components/schemas/A\"\n");
    assert_eq!(*asked.lock().unwrap(), ["/x/a.yaml", "/b.yaml"], "each is read once");
    // All hosts are allowed, but this one has no public address.
    folder
        .read("openapi.yaml", &["http://"])
        .await
        .fails(&["its address 127.0.0.1 is not a public one"; 2]);
    let named = root.replace("127.0.0.1", "localhost");
    let folder = Folder::new(&[("openapi.yaml", &named)]);
    folder.read("openapi.yaml", &["http://"]).await.fails(&["is not a public one"; 2]);
}

#[tokio::test]
async fn a_redirect_leads_only_where_references_may() {
    let (private, asked) = serve(&[("/secret", "type: string\n")]);
    let (origin, _) = serve(&[
        ("/a", &format!("->{private}/secret")),
        ("/b", "->http://169.254.169.254/latest/meta-data"),
        ("/c", "->d"),
        ("/d", "type: integer\n"),
        ("/e", "->/e"),
    ]);
    let root = format!(
        "{HEAD_3_0}components:\n  schemas:\n    A: {{$ref: '{origin}/a'}}\n    B: {{$ref: '{origin}/b'}}\n    C: {{$ref: '{origin}/c'}}\n    E: {{$ref: '{origin}/e'}}\n"
    );
    let folder = Folder::new(&[("openapi.yaml", &root)]);
    let read = folder.read("openapi.yaml", &[&origin]).await;
    read.fails(&["A: ", "B: ", "E: `"]);
    let problems = read.problems();
    assert!(
        problems[0].contains("the address is not among those that are allowed"),
        "{problems:?}"
    );
    assert!(problems[2].contains("the server redirects more than 5 times"), "{problems:?}");
    assert!(asked.lock().unwrap().is_empty());
    let c = read.root.as_ref().unwrap().pointer("/components/schemas/C/type").unwrap();
    assert_eq!(c.as_str(), Some("integer"));
}

#[tokio::test]
async fn a_description_from_an_address_refers_to_its_server_alone() {
    let (other, asked) = serve(&[("/c", "type: string\n")]);
    let root = format!(
        "{HEAD_3_0}components:\n  schemas:\n    A: {{$ref: parts/a.yaml}}\n    B: {{$ref: '{other}/c'}}\n    C: {{$ref: 'file:///etc/hostname'}}\n"
    );
    let (origin, _) =
        serve(&[("/api/openapi.yaml", &root), ("/api/parts/a.yaml", "type: string\n")]);
    let input = Input::Url(format!("{origin}/api/openapi.yaml").parse().unwrap());
    let read = read_all(&input, Path::new(""), &[]).await;
    read.fails(&["reference-refused #/components/schemas/B: ", "nothing is read by `file:`"]);
    assert!(asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn names_that_schemas_have_by_themselves_are_found() {
    let root = format!(
        "{HEAD_3_1}\
components:
  schemas:
    A: {{$anchor: here, type: string}}
    B: {{$ref: '#here'}}
    C: {{$ref: a.yaml#there, description: kept}}
    D: {{$ref: 'urn:example:d#/properties/x'}}
    E: {{$id: 'urn:example:d', properties: {{x: {{type: integer}}}}, $dynamicRef: '#node'}}
"
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("a.yaml", "$defs:\n  x: {$anchor: there, type: 'null'}\n"),
    ]);
    folder.read("openapi.yaml", &[]).await.expect(
        r##"components:
  schemas:
    A:
      $anchor: here
      type: string
    B:
      $ref: "#/components/schemas/A"
    C:
      $ref: "#/components/schemas/x"
      description: kept
    D:
      $ref: "#/components/schemas/E/properties/x"
    E:
      $id: urn:example:d
      properties:
        x:
          type: integer
      $dynamicRef: "#node"
    x:
      $anchor: there
      type: "null"
"##,
    );
}

#[tokio::test]
async fn mappings_and_extensions_are_followed_as_far_as_references_lead_there() {
    let root = format!(
        "{HEAD_3_0}\
x-shared:
  Cat: {{allOf: [{{$ref: cat.yaml}}]}}
components:
  schemas:
    Pet:
      oneOf: [{{$ref: '#/x-shared/Cat'}}, {{$ref: dog.yaml}}]
      discriminator: {{propertyName: kind, mapping: {{cat: cat.yaml, dog: 'dog.yaml', own: Pet}}}}
    Other: {{$ref: others.yaml#/components/schemas/Other}}
"
    );
    let folder = Folder::new(&[
        ("openapi.yaml", &root),
        ("cat.yaml", "type: object\n"),
        ("dog.yaml", "type: object\nx-more: {$ref: none.yaml}\n"),
        (
            "others.yaml",
            "components:\n  schemas:\n    Other:\n      discriminator: {propertyName: a, mapping: {x: Bird, y: Nobody}}\n    Bird: {type: string}\n",
        ),
    ]);
    folder.read("openapi.yaml", &[]).await.expect(
        r##"x-shared:
  Cat:
    allOf:
      - $ref: "#/components/schemas/cat"
components:
  schemas:
    Pet:
      oneOf:
        - $ref: "#/x-shared/Cat"
        - $ref: "#/components/schemas/dog"
      discriminator:
        propertyName: kind
        mapping:
          cat: "#/components/schemas/cat"
          dog: "#/components/schemas/dog"
          own: Pet
    Other:
      discriminator:
        propertyName: a
        mapping:
          x: "#/components/schemas/Bird"
          "y": Nobody
    dog:
      type: object
      x-more:
        $ref: none.yaml
    cat:
      type: object
    Bird:
      type: string
"##,
    );
}

#[tokio::test]
async fn what_a_description_refers_to_in_itself_is_not_looked_for_here() {
    let root = format!(
        "{HEAD_3_1}components:\n  schemas:\n    A: {{$ref: '#/definitions/A'}}\n    B: {{$ref: '#b'}}\n    C: {{$ref: '#/components/schemas/D'}}\n    D: {{$ref: d.yaml}}\n"
    );
    let folder = Folder::new(&[("openapi.yaml", &root), ("d.yaml", "type: string\n")]);
    folder.read("openapi.yaml", &[]).await.expect(
        "components:\n  schemas:\n    A:\n      $ref: \"#/definitions/A\"\n    B:\n      $ref: \"#b\"\n    C:\n      $ref: \"#/components/schemas/D\"\n    D:\n      type: string\n",
    );
}

#[tokio::test]
async fn many_references_below_a_long_key_take_no_endless_memory() {
    let key = "k".repeat(1 << 20);
    let properties: Vec<String> =
        (0..20_000).map(|it| format!("\"p{it}\": {{\"$ref\": \"lost.yaml#/p{it}\"}}")).collect();
    let root = format!(
        r#"{{"openapi": "3.0.3", "components": {{"schemas": {{"{key}": {{"properties": {{{}}}}}}}}}}}"#,
        properties.join(", ")
    );
    let folder = Folder::new(&[("openapi.json", &root), ("lost.yaml", "a: 1\n")]);
    let read = folder.read("openapi.json", &[]).await;
    assert_eq!(read.problems.len(), MAX_PROBLEMS);
    let size: usize = read.problems.iter().map(|it| it.pointer.len() + it.message.len()).sum();
    assert!(size < 20 << 20, "{size} bytes");
}

#[tokio::test]
async fn there_are_limits_to_what_is_read_and_put_together() {
    let references = |count: usize, reference: &dyn Fn(usize) -> String| {
        let schemas: String =
            (0..count).map(|it| format!("    S{it}: {{$ref: '{}'}}\n", reference(it))).collect();
        format!("{HEAD_3_0}components:\n  schemas:\n{schemas}")
    };
    let root = references(1001, &|it| format!("s/{it}.yaml"));
    let names: Vec<String> = (0..1001).map(|it| format!("s/{it}.yaml")).collect();
    let mut files = vec![("openapi.yaml", root.as_str())];
    files.extend(names.iter().map(|it| (it.as_str(), "type: string\n")));
    let refused = "is not read: the description is made of more than 1000 documents";
    Folder::new(&files).read("openapi.yaml", &[]).await.fails(&[refused; 2]);
    // Each is a part of the one before, so that together they are far larger than the file.
    let root = references(250, &|it| format!("deep.json#{}", "/a".repeat(it)));
    let values = vec!["0"; 200].join(", ");
    let deep = (0..250)
        .fold("{}".to_owned(), |inner, _| format!("{{\"x-v\": [{values}], \"a\": {inner}}}"));
    let folder = Folder::new(&[("openapi.yaml", &root), ("deep.json", &deep)]);
    let read = folder.read("openapi.yaml", &[]).await;
    read.fails(&["references bring in more than 5000000 values"]);
}

#[tokio::test]
async fn a_description_that_refers_to_nothing_else_stays_as_it_is() {
    let text = r##"{
  "openapi": "3.1.0",
  "info": {
    "version": "1",
    "title": "t"
  },
  "components": {
    "schemas": {
      "B": {
        "$ref": "#/components/schemas/A~1b",
        "maximum": 1.50
      },
      "A/b": {
        "$ref": "#/components/schemas/Lost"
      }
    }
  },
  "paths": {}
}
"##;
    let folder = Folder::new(&[("openapi.json", text)]);
    let read = folder.read("openapi.json", &[]).await;
    assert_eq!(read.problems(), [""; 0]);
    assert_eq!(to_json(&read.root.unwrap()), text);
}
