//! `docs`: the page as it is written, and as a browser shows it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use step_testkit::Project;

use crate::run;

const ORDERS: &str = "\
openapi: 3.1.0
info: {title: Orders, version: 2.0.0}
paths:
  /orders:
    get: {operationId: listOrders, summary: List orders, responses: {'200': {description: All}}}
    post:
      operationId: placeOrder
      summary: Place an order
      callbacks: {shipped: {'{$request.body#/url}': {post: {responses: {'204': {description: Taken}}}}}}
      responses: {'201': {description: Placed, content: {application/json: {schema: {$ref: '#/components/schemas/Order'}}}}}
components:
  schemas:
    Order: {type: object, properties: {id: {type: integer}, next: {$ref: '#/components/schemas/Order'}}}
";

#[test]
fn the_page_is_written_once_and_then_left_alone() {
    let project = Project::new().with_file("openapi.yaml", ORDERS);
    let args = ["docs", "openapi.yaml", "--to", "public/index.html"];
    let planned = run(&project, &[args.as_slice(), &["--dry-run"]].concat()).expect(0);
    assert!(planned.stdout.starts_with("planned public/index.html\n"), "{}", planned.stdout);
    assert!(!project.path("public").exists());
    let ran = run(&project, &args).expect(0);
    assert_eq!(ran.stdout, "written public/index.html\n  2 operations, 1 schema, 19 KB\n");
    let page = project.read("public/index.html");
    let ran = run(&project, &args).expect(0);
    assert!(ran.stdout.starts_with("unchanged public/index.html\n"), "{}", ran.stdout);
    assert_eq!(project.read("public/index.html"), page);
}

#[test]
fn a_page_replaces_neither_its_description_nor_a_device() {
    let project = Project::new().with_file("openapi.yaml", ORDERS);
    run(&project, &["docs", "openapi.yaml", "--to", "./openapi.yaml"])
        .expect(2)
        .says("./openapi.yaml would replace what it is made of")
        .says("--to");
    for args in [
        &["openapi.yaml", "--description", "openapi.yaml"][..],
        &["openapi.yaml", "--base", "old.yaml", "--description", "./old.yaml"],
        &["openapi.yaml", "--base", "old.yaml", "--to", "old.yaml"],
    ] {
        project.write("old.yaml", ORDERS);
        run(&project, &[&["docs"], args].concat())
            .expect(2)
            .says("would replace what it is made of");
        assert_eq!(project.read("old.yaml"), ORDERS);
    }
    assert_eq!(project.read("openapi.yaml"), ORDERS);
    // It never ends.
    run(&project, &["docs", "openapi.yaml", "--to", "/dev/zero"]).expect(2).says("is no file");
}

#[test]
fn the_description_is_written_beside_the_page_and_linked_to() {
    let project = Project::new()
        .with_file("api.yaml", ORDERS)
        .with_file("landfall.toml", "[defaults.gen-openapi]\nfile = \"api.yaml\"\n");
    let args = ["docs", "--to", "public/index.html", "--description", "public/openapi.json"];
    run(&project, &args).expect(0);
    assert_eq!(project.json("public/openapi.json")["info"]["title"], "Orders");
    assert!(project.read("public/index.html").contains("<a href=\"./openapi.json\""));
    let ran = run(&project, &["docs", "--to", "public/index.html", "--description", "x.json"]);
    ran.expect(2).says("x.json does not lie beside public/index.html");
}

#[test]
fn what_changed_since_an_earlier_description_is_shown_and_leads_to_its_operation() {
    let before = ORDERS
        .replace("/orders:", "/orders:\n    delete: {responses: {'204': {description: Gone}}}");
    let project = Project::new().with_file("new.yaml", ORDERS).with_file("old.yaml", &before);
    run(&project, &["docs", "new.yaml", "--base", "old.yaml"]).expect(0);
    let page = project.read("openapi.html");
    let (_, changes) = page.split_once("<section id=\"section-changes\"").unwrap();
    let (changes, _) = changes.split_once("</section>").unwrap();
    assert!(changes.contains("<h3 class=\"level breaking\">"), "{changes}");
    // It is gone, so nothing is left to lead to.
    assert!(changes.contains("<span><code>DELETE /orders</code></span>"), "{changes}");
    run(&project, &["docs", "old.yaml", "--base", "new.yaml"]).expect(0);
    let page = project.read("openapi.html");
    assert!(page.contains("<a href=\"#operation-DELETE-orders\"><code>DELETE /orders</code></a>"));
}

#[test]
fn what_is_no_description_is_an_error_with_its_place() {
    let project =
        Project::new().with_file("openapi.json", "{\"openapi\": \"3.1.0\",\n  \"info\": }");
    run(&project, &["docs"]).expect(2).says("openapi.json:2:");
    assert!(!project.path("openapi.html").exists());
}

/// In each place that a document has for text.
fn hostile(port: u16) -> String {
    let runs = "document.documentElement.setAttribute('data-ran', '1')";
    let text = format!(
        "</script></style></title><script>{runs}</script>\
         <img src='http://127.0.0.1:{port}/image' onerror=\\\"{runs}\\\">\
         <link rel=stylesheet href='http://127.0.0.1:{port}/style'>\
         <iframe src='http://127.0.0.1:{port}/frame'></iframe>\
         <meta http-equiv=refresh content='0;url=http://127.0.0.1:{port}/refresh'>\
         ![image](http://127.0.0.1:{port}/markdown) [link](javascript:{runs}) \
         ' onmouseover='{runs} \\\" autofocus onfocus=\\\"{runs} \\u202e"
    );
    format!(
        r##"{{"openapi": "3.1.0",
  "info": {{"title": "{text}", "version": "{text}", "summary": "{text}", "description": "{text}",
    "termsOfService": "javascript:{runs}", "contact": {{"name": "{text}", "url": "javascript:{runs}"}}}},
  "servers": [{{"url": "{text}", "description": "{text}"}}],
  "tags": [{{"name": "{text}", "description": "{text}"}}],
  "security": [{{"{text}": ["{text}"]}}],
  "paths": {{
    "/orders": {{"get": {{"operationId": "listOrders", "responses": {{}}}}}},
    "/{text}": {{"post": {{"operationId": "{text}", "summary": "{text}", "tags": ["{text}"],
      "externalDocs": {{"url": "javascript:{runs}"}},
      "parameters": [{{"name": "{text}", "in": "query", "required": true, "example": "{text}"}}],
      "requestBody": {{"content": {{"{text}": {{"example": "{text}"}}}}}},
      "responses": {{"2{text}": {{"description": "{text}", "headers": {{"{text}": {{}}}}}}}}}}}}}},
  "components": {{
    "securitySchemes": {{"{text}": {{"type": "http", "scheme": "{text}", "description": "{text}"}}}},
    "schemas": {{"{text}": {{"type": "{text}", "format": "{text}", "title": "{text}", "enum": ["{text}"],
      "default": "{text}", "pattern": "{text}", "properties": {{"{text}": {{"$ref": "#/{text}"}}}}}}}}}}
}}"##
    )
}

#[test]
fn nothing_of_a_hostile_description_runs_or_is_loaded() {
    let server = Server::start();
    let project = Project::new().with_file("openapi.json", &hostile(server.port));
    run(&project, &["docs"]).expect(0);
    let dom = Browser::new().open(&project.path("openapi.html"), "");
    let (root, _) = dom.split_once("<head").unwrap();
    assert_eq!(root, "<!DOCTYPE html>\n<html lang=\"en\">");
    assert_eq!(dom.matches("<script").count(), 1);
    for element in ["<img", "<iframe", "<meta http-equiv=\"refresh", "<meta http-equiv=refresh"] {
        assert_eq!(dom.matches(element).count(), 0, "{element}");
    }
    assert_eq!(dom.matches("href=\"javascript:").count(), 0);
    assert!(!dom.contains('\u{202e}'));
    assert!(dom.contains("<article id=\"operation-listOrders\""));
    assert!(dom.contains("[U+202E]"));
    // The page's own script did run.
    assert!(!dom.contains("id=\"theme\" hidden"));
    assert_eq!(server.hits(), 0);
}

/// Were the browser unable to run scripts, or to reach the server, the test above would say nothing.
#[test]
fn what_a_page_without_protection_does_is_seen() {
    let server = Server::start();
    let page = format!(
        "<!DOCTYPE html><body><img src=http://127.0.0.1:{}/image>\
         <script>document.documentElement.setAttribute('data-ran', '1')</script>",
        server.port
    );
    let project = Project::new().with_file("page.html", &page);
    let dom = Browser::new().open(&project.path("page.html"), "");
    assert!(dom.contains("data-ran=\"1\""), "{dom}");
    assert_eq!(server.hits(), 1);
}

#[test]
fn the_filter_hides_what_does_not_match() {
    let tags = format!("{ORDERS}tags: [{{name: none, description: Nothing yet}}]\n");
    let project = Project::new().with_file("openapi.yaml", &tags);
    run(&project, &["docs", "openapi.yaml"]).expect(0);
    let page = project.path("openapi.html");
    let browser = Browser::new();
    let hidden = |dom: &str, id: &str| {
        let (_, rest) = dom.split_once(&format!(" id=\"{id}\"")).expect(id);
        rest.split('>').next().unwrap().contains("hidden")
    };
    let dom = browser.open(&page, "?q=PLACE+order");
    assert!(hidden(&dom, "operation-listOrders") && !hidden(&dom, "operation-placeOrder"));
    assert!(hidden(&dom, "schema-Order") && hidden(&dom, "tag-none"));
    assert!(dom.contains("1 of 3"), "{dom}");
    let dom = browser.open(&page, "");
    assert!(!hidden(&dom, "operation-listOrders") && !hidden(&dom, "schema-Order"));
    // What an address leads to is shown, whatever the filter says.
    let dom = browser.open(&page, "?q=place#operation-listOrders");
    assert!(!hidden(&dom, "operation-listOrders") && !hidden(&dom, "tag-none"));
}

#[test]
fn an_address_unfolds_what_it_leads_to() {
    let project = Project::new().with_file("openapi.yaml", ORDERS);
    run(&project, &["docs", "openapi.yaml"]).expect(0);
    let browser = Browser::new();
    let page = project.path("openapi.html");
    let dom = browser.open(&page, "");
    assert!(dom.contains("<details class=\"callback\">"), "{dom}");
    let dom = browser.open(&page, "#callback-shipped");
    assert!(dom.contains("<details class=\"callback\" open=\"\">"), "{dom}");
    let dom = browser.open(&page, "?theme=dark#operation-placeOrder");
    assert!(dom.contains("<html lang=\"en\" data-theme=\"dark\">"), "{dom}");
    assert!(dom.contains("href=\"#operation-placeOrder\" aria-current=\"true\""), "{dom}");
}

/// A browser with a profile of its own.
struct Browser {
    program: &'static str,
    profile: tempfile::TempDir,
}

impl Browser {
    fn new() -> Self {
        let is_there = |name: &&str| {
            let folders = std::env::vars_os().find(|(name, _)| name == "PATH").unwrap().1;
            std::env::split_paths(&folders).any(|folder| folder.join(name).is_file())
        };
        let names = ["chromium", "chromium-browser", "google-chrome"];
        let program = names.into_iter().find(is_there);
        let program = program.expect("there is no browser: run `make up-pipeline`");
        Self { program, profile: tempfile::tempdir().unwrap() }
    }

    /// The document that a page has become, with its scripts run. No name is resolved; this machine is
    /// reached.
    fn open(&self, page: &Path, rest: &str) -> String {
        let output = Command::new("timeout")
            .args(["60", self.program, "--headless", "--no-sandbox", "--disable-gpu"])
            .args(["--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"])
            .arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1")
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(["--virtual-time-budget=5000", "--dump-dom"])
            .arg(format!("file://{}{rest}", page.display()))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {}\n{said}", self.program, output.status);
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Counts who calls.
struct Server {
    port: u16,
    hits: Arc<AtomicUsize>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&hits);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 1024];
                // A browser also connects ahead, without a request.
                if stream.read(&mut request).is_ok_and(|length| length > 0) {
                    count.fetch_add(1, Ordering::SeqCst);
                }
                let _gone = stream.write_all(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                );
            }
        });
        Self { port, hits }
    }

    fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}
