//! `gen-openapi diff`: what it compares with, how it ends, and what it writes.

use std::process::Command;

use step_testkit::{Project, Ran};

/// A description with one operation, whose answer has the properties that are given.
fn api(properties: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{title: Orders, version: '1'}}\npaths:\n  /orders:\n    get:\n      \
         operationId: listOrders\n      responses:\n        '200':\n          description: All\n          \
         content:\n            application/json:\n              schema:\n                type: object\n                \
         required: [id]\n                properties:\n{}",
        properties.lines().map(|line| format!("                  {line}\n")).collect::<String>()
    )
}

fn diff(project: &Project, args: &[&str]) -> Ran {
    project.run("gen-openapi", &[&["diff"], args].concat())
}

/// A folder with a description as it was, and one from which something is gone.
fn two_files() -> Project {
    Project::new()
        .with_file("old.yaml", &api("id: {type: string}\nnote: {type: string}"))
        .with_file("new.yaml", &api("note: {type: string}"))
}

fn git(project: &Project, args: &[&str]) {
    let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    let mut command = Command::new("git");
    command.arg("-C").arg(project.path(".")).args(identity).args(args);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A repository whose main branch has a description, with a new branch that changed it.
fn repository() -> Project {
    let project = Project::new()
        .with_file("landfall.toml", "[defaults.gen-openapi]\nfile = \"api/openapi.yaml\"\n")
        .with_file("api/openapi.yaml", &api("id: {type: string}"));
    git(&project, &["init", "--quiet", "--initial-branch", "main"]);
    git(&project, &["add", "."]);
    git(&project, &["commit", "--quiet", "--message", "old"]);
    git(&project, &["checkout", "--quiet", "-b", "new"]);
    project.write("api/openapi.yaml", &api("id: {type: integer}"));
    project
}

#[test]
fn a_breaking_change_ends_with_3_and_says_what_to_do() {
    let ran = diff(&two_files(), &["new.yaml", "--base", "old.yaml"]).expect(3);
    assert_eq!(
        ran.stdout,
        "GET /orders\n  breaking: property `id` of response 200 (application/json) is gone; it was \
         always there [response-required-property-removed]\n    new.yaml:15:17\n    help: callers that need \
         it fail: mark it as deprecated first, with a date in `x-sunset`\n\
         new.yaml: 1 breaking, 0 dangerous and 0 safe changes, compared with old.yaml\n"
    );
    assert!(ran.stderr.contains("1 change is breaking"), "{}", ran.stderr);
}

#[test]
fn what_makes_it_fail_is_chosen() {
    let project = two_files();
    let args = |fail_on| ["new.yaml", "--base", "old.yaml", "--fail-on", fail_on];
    diff(&project, &args("never")).expect(0);
    diff(&project, &args("breaking")).expect(3);
    let added = ["old.yaml", "--base", "new.yaml"];
    diff(&project, &[&added[..], &["--fail-on", "dangerous"]].concat()).expect(0);
    project.write("old.yaml", &api("id: {type: string}"));
    project.write("new.yaml", &api("id: {type: string, enum: [a]}"));
    project.write("more.yaml", &api("id: {type: string, enum: [a, b]}"));
    let more = ["more.yaml", "--base", "new.yaml"];
    diff(&project, &more).expect(0);
    diff(&project, &[&more[..], &["--fail-on", "dangerous"]].concat()).expect(3);
    diff(&project, &args("sometimes")).expect(2);
}

#[test]
fn safe_changes_are_counted_and_shown_when_asked_for() {
    let project = two_files();
    let args = ["old.yaml", "--base", "new.yaml"];
    let ran = diff(&project, &args).expect(0);
    assert!(ran.stdout.contains("; 1 not shown: --include-safe shows all"), "{}", ran.stdout);
    let ran = diff(&project, &[&args[..], &["--include-safe"]].concat()).expect(0);
    assert!(ran.stdout.contains("safe: property `id` of"), "{}", ran.stdout);
    let same = diff(&project, &["old.yaml", "--base", "old.yaml"]).expect(0);
    assert_eq!(same.stdout, "old.yaml: no changes, compared with old.yaml\n");
}

#[test]
fn json_holds_every_change_with_its_places() {
    let args = ["new.yaml", "--base", "old.yaml", "--output", "json"];
    let json = diff(&two_files(), &args).expect(3).json();
    let report = &json["report"];
    assert_eq!(report["breaking"], 1);
    let change = &report["changes"][0];
    assert_eq!(change["id"], "response-required-property-removed");
    assert_eq!(change["level"], "breaking");
    assert_eq!(change["operations"][0], serde_json::json!({"method": "GET", "path": "/orders"}));
    let schema = "#/paths/~1orders/get/responses/200/content/application~1json/schema/properties";
    assert_eq!(change["base"]["pointer"], format!("{schema}/id"));
    assert_eq!(change["base"]["path"], "old.yaml");
    assert_eq!(change["head"]["pointer"], schema);
    assert_eq!(change["head"]["line"], 15);
}

#[test]
fn a_branch_is_compared_with_where_it_left_its_target() {
    let project = repository();
    let ran = diff(&project, &[]).expect(3);
    assert!(ran.stdout.contains("is integer, no longer string"), "{}", ran.stdout);
    // What main changes meanwhile is none of the branch's business.
    git(&project, &["commit", "--quiet", "--all", "--message", "new"]);
    git(&project, &["checkout", "--quiet", "main"]);
    project.write("api/openapi.yaml", &api("id: {type: string}\nmore: {}"));
    git(&project, &["commit", "--quiet", "--all", "--message", "more"]);
    git(&project, &["checkout", "--quiet", "new"]);
    let ran = diff(&project, &[]).expect(3);
    assert!(ran.stdout.contains("1 breaking, 0 dangerous and 0 safe changes"), "{}", ran.stdout);
    let ran = diff(&project, &["--base", "git:main:api/openapi.yaml"]).expect(3);
    assert!(ran.stdout.contains("1 breaking, 1 dangerous and 0 safe changes"), "{}", ran.stdout);
}

#[test]
fn the_target_of_the_merge_request_is_what_is_compared_with() {
    let project = repository();
    git(&project, &["commit", "--quiet", "--all", "--message", "new"]);
    git(&project, &["update-ref", "refs/remotes/origin/release", "HEAD"]);
    let ran = diff(&project, &["--ci-merge-request-target-branch-name", "release"]).expect(0);
    assert!(ran.stdout.contains("no changes"), "{}", ran.stdout);
    diff(&project, &["--ci-merge-request-target-branch-name", "nobody"]).expect(2).says("--base");
}

#[test]
fn a_file_of_another_repository_is_compared_with_what_that_has() {
    let project = repository();
    project.write("other/api.yaml", &api("id: {type: string}"));
    let other = |args: &[&str]| git(&project, &[&["-C", "other"], args].concat());
    other(&["init", "--quiet", "--initial-branch", "main"]);
    other(&["add", "."]);
    other(&["commit", "--quiet", "--message", "old"]);
    project.write("other/api.yaml", &api("id: {type: integer}"));
    let ran = diff(&project, &["other/api.yaml"]).expect(3);
    assert!(ran.stdout.contains("is integer, no longer string"), "{}", ran.stdout);
}

#[test]
fn a_file_that_is_new_breaks_nobody() {
    let project = repository();
    project.write("api/second.yaml", &api("id: {type: string}"));
    let ran = diff(&project, &["api/second.yaml", "--include-safe"]).expect(0);
    let ran = ran.says("warning: api/second.yaml is compared with nothing").says("commit it");
    assert!(ran.stdout.contains("safe: the operation is new [endpoint-added]"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("compared with nothing, as api/second.yaml is not in"),
        "{}",
        ran.stdout
    );
}

#[test]
fn outside_of_git_something_has_to_be_named() {
    diff(&two_files(), &["new.yaml"]).expect(2).says("this is no git repository").says("--base");
    let project = two_files();
    project.write("landfall.toml", "[defaults.gen-openapi.diff]\nbase = \"old.yaml\"\n");
    diff(&project, &["new.yaml"]).expect(3);
    diff(&project, &["gone.yaml"]).expect(2).says("gone.yaml cannot be read");
}

#[test]
fn where_the_folder_of_the_file_is_not_there_something_has_to_be_named() {
    let project = repository();
    project.write("landfall.toml", "[defaults.gen-openapi]\nfile = \"dist/openapi.json\"\n");
    let ran = diff(&project, &["git:HEAD:api/openapi.yaml"]).expect(2);
    ran.says("nothing to compare dist/openapi.json with").says("--base");
}

#[test]
fn levels_come_from_landfall_toml() {
    let project = two_files();
    let levels = |id: &str, level: &str| {
        let text = format!("[defaults.gen-openapi.diff.changes]\n{id} = \"{level}\"\n");
        project.write("landfall.toml", &text);
        diff(&project, &["new.yaml", "--base", "old.yaml"])
    };
    levels("response-required-property-removed", "dangerous").expect(0);
    let off = levels("response-required-property-removed", "off").expect(0);
    assert!(off.stdout.contains("no changes"), "{}", off.stdout);
    levels("response-required-property-remove", "off")
        .expect(2)
        .says("did you mean response-required-property-removed?");
}

#[test]
fn accepted_changes_are_taken_out() {
    let project = two_files();
    let accept = |text: &str| {
        project.write(".openapi-diff-ignore", text);
        diff(&project, &["new.yaml", "--base", "old.yaml"])
    };
    let ran =
        accept("# agreed with web\n\nresponse-required-property-removed GET /orders\n").expect(0);
    assert!(ran.stdout.contains(": no changes, 1 more accepted, compared"), "{}", ran.stdout);
    accept("response-required-property-removed #/paths/~1orders/get until 2999-01-31\n").expect(0);
    accept("response-required-property-removed GET /orders until 2020-01-31\n").expect(3).says(
        ".openapi-diff-ignore:1: response-required-property-removed is not accepted any more",
    );
    accept("response-required-property-removed POST /orders\n").expect(3).says("delete the line");
    accept("\n\nresponse-required-property-remove GET /orders\n")
        .expect(2)
        .says(".openapi-diff-ignore:3: there is no kind of change")
        .says("did you mean response-required-property-removed?");
    project.write("landfall.toml", "[defaults.gen-openapi.diff]\nignore_file = \"gone\"\n");
    accept("").expect(2).says("gone cannot be read");
    project.write("other", "response-required-property-removed GET /orders\n");
    diff(&project, &["new.yaml", "--base", "old.yaml", "--ignore-file", "other"]).expect(0);
}

#[test]
fn a_file_that_cannot_be_written_loses_no_changes() {
    let project = two_files().with_file("out/a.txt", "");
    let ran = diff(
        &project,
        &["new.yaml", "--base", "old.yaml", "--markdown", "out", "--junit", "j.xml"],
    );
    let ran = ran.expect(2).says("out is no file");
    assert!(ran.stdout.contains("response-required-property-removed"), "{}", ran.stdout);
    assert!(project.read("j.xml").contains("response-required-property-removed"));
}

#[test]
fn reports_are_written_for_people_and_for_gitlab() {
    let project = two_files();
    let files = [
        "--markdown",
        "out/a.md",
        "--codequality",
        "cq.json",
        "--junit",
        "j.xml",
        "--sarif",
        "s.json",
    ];
    diff(&project, &[&["new.yaml", "--base", "old.yaml"], &files[..]].concat()).expect(3);
    assert_eq!(
        project.read("out/a.md"),
        "## Changes of the API\n\n1 breaking, 0 dangerous and 0 safe changes, compared with \
         `old.yaml`.\n\n### Breaking: callers stop working\n\n**`GET /orders`**\n\n- property `id` of \
         response 200 (application/json) is gone; it was always there \
         (`response-required-property-removed`)<br>callers that need it fail: mark it as deprecated \
         first, with a date in `x-sunset`\n"
    );
    let issue = &project.json("cq.json")[0];
    assert_eq!(issue["severity"], "critical");
    assert_eq!(issue["location"], serde_json::json!({"path": "new.yaml", "lines": {"begin": 15}}));
    assert!(issue["description"].as_str().unwrap().starts_with("GET /orders: property `id`"));
    assert!(project.read("j.xml").contains("<failure"));
    assert_eq!(
        project.json("s.json")["runs"][0]["results"][0]["ruleId"],
        "response-required-property-removed"
    );
}

#[test]
fn all_kinds_are_listed_with_their_levels() {
    let project = Project::new();
    let ran = diff(&project, &["--list"]).expect(0);
    let line = ran.stdout.lines().find(|line| line.starts_with("request-property-removed "));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!(words[1], "dangerous");
    let json = diff(&project, &["--list", "--output", "json"]).expect(0).json();
    let kinds = json["report"]["kinds"].as_array().unwrap();
    assert!(kinds.len() >= 200);
    assert!(kinds.iter().any(|kind| kind["id"] == "endpoint-added" && kind["level"] == "safe"));
}

#[test]
fn a_broken_document_is_told_with_its_place() {
    let project = two_files().with_file("broken.json", "{\"openapi\": \"3.1.0\",");
    diff(&project, &["broken.json", "--base", "old.yaml"]).expect(2).says("broken.json:1:");
    diff(&project, &["old.yaml", "--base", "broken.json"]).expect(2).says("broken.json:1:");
}
