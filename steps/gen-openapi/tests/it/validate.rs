//! `validate`: exit codes, places, and input that is none.

use step_testkit::{Project, Ran};

const RIGHT: &str = "openapi: 3.0.4\ninfo: {title: t, version: '1'}\npaths: {}\n";
const WRONG: &str = "openapi: 3.0.4\ninfo:\n  title: t\n  version: 1\npaths: {}\n";

fn validate(project: &Project, args: &[&str]) -> Ran {
    project.run("gen-openapi", &[&["validate"], args].concat())
}

#[test]
fn a_right_description_passes_and_a_wrong_one_ends_with_3_and_its_place() {
    let project = Project::new().with_file("a.yaml", RIGHT).with_file("b.yaml", WRONG);
    let ran = validate(&project, &["a.yaml"]).expect(0);
    assert_eq!(ran.stdout, "a.yaml: no findings\n");
    let ran = validate(&project, &["a.yaml", "b.yaml"]).expect(3);
    assert_eq!(
        ran.stdout,
        "b.yaml:4:12: major: `version` has to be a string, not a number [wrong-type]\n  at #/info/version\n  \
         help: quote it: \"1\"\na.yaml, b.yaml: 1 finding: 1 major\n"
    );
    validate(&project, &["b.yaml", "--fail-on", "critical"]).expect(0);
}

#[test]
fn the_file_of_the_project_is_the_default() {
    let project =
        Project::new().with_file("landfall.toml", "[defaults.gen-openapi]\nfile = \"api.yaml\"\n");
    project.write("api.yaml", RIGHT);
    assert_eq!(validate(&project, &[]).expect(0).stdout, "api.yaml: no findings\n");
    let project = Project::new();
    validate(&project, &[]).expect(2).says("openapi.json cannot be read").says("landfall.toml");
    validate(&project, &["."]).expect(2).says(". cannot be read").says("name a file in it");
    validate(&project, &["-", "-"]).expect(2).says("standard input can be read only once");
}

#[test]
fn gitlab_gets_what_was_found_with_paths_and_lines() {
    let project = Project::new().with_file("api/b.yaml", WRONG);
    let absolute = project.path("api/b.yaml").canonicalize().unwrap();
    validate(&project, &[absolute.to_str().unwrap(), "--codequality", "q.json"]).expect(3);
    assert_eq!(project.json("q.json")[0]["location"]["path"], "api/b.yaml");
    let args =
        ["./api/b.yaml", "--codequality", "q.json", "--junit", "j.xml", "--sarif", "s.sarif"];
    validate(&project, &args).expect(3);
    let quality = project.json("q.json");
    assert_eq!(quality.as_array().unwrap().len(), 1);
    assert_eq!(quality[0]["check_name"], "wrong-type");
    assert_eq!(quality[0]["location"]["path"], "api/b.yaml");
    assert_eq!(quality[0]["location"]["lines"]["begin"], 4);
    assert!(project.read("j.xml").contains("failures=\"1\""));
    assert_eq!(project.json("s.sarif")["runs"][0]["results"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_cannot_be_written_loses_no_findings() {
    let project = Project::new().with_file("api/b.yaml", WRONG);
    let args = ["api/b.yaml", "--codequality", "api", "--junit", "j.xml"];
    let ran = validate(&project, &args).expect(2).says("api is no file");
    assert!(ran.stdout.contains("has to be a string"), "{}", ran.stdout);
    assert!(project.read("j.xml").contains("failures=\"1\""));
}

#[test]
fn text_that_is_no_description_is_a_finding_with_its_place() {
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let cases: &[(&str, &[u8], &str)] = &[
        ("truncated.json", b"{\"openapi\": \"3.0.4\",\n \"info\": {", "truncated.json:2:"),
        ("truncated.yaml", b"openapi: '3.0.4\n", "truncated.yaml:"),
        ("deep.json", deep.as_bytes(), "deep.json:1:"),
        ("latin1.yaml", b"openapi: 3.0.4\ninfo: {title: gr\xF6\xDFe}\n", "byte 0xF6 is not UTF-8"),
        ("twice.json", b"{\"openapi\": \"3.0.4\",\n\"openapi\": \"3.1.0\"}", "twice.json:2:1"),
        ("swagger.yaml", b"swagger: '2.0'\n", "openapi-version"),
        ("number.yaml", b"openapi: 3.1\n", "quote it"),
        ("empty.yaml", b"", "the document is empty"),
    ];
    for (name, text, says) in cases {
        let project = Project::new();
        std::fs::write(project.path(name), text).unwrap();
        let ran = validate(&project, &[name]).expect(3);
        assert!(ran.stdout.contains(says), "{name}: {}", ran.stdout);
        assert!(ran.stdout.ends_with(": 1 finding: 1 blocker\n"), "{name}: {}", ran.stdout);
    }
}

#[test]
fn circles_of_references_end() {
    let project = Project::new().with_file(
        "a.yaml",
        "openapi: 3.1.1\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    A: {$ref: \
         '#/components/schemas/B'}\n    B: {$ref: '#/components/schemas/A'}\n    C:\n      allOf: [{$ref: \
         '#/components/schemas/C'}]\n    D: {properties: {d: {$ref: '#/components/schemas/D'}}}\n",
    );
    let ran = validate(&project, &["a.yaml"]).expect(3);
    assert!(ran.stdout.ends_with("a.yaml: 3 findings: 3 critical\n"), "{}", ran.stdout);
}

#[test]
fn standard_input_is_read() {
    use std::io::Write as _;
    let project = Project::new();
    let mut command = project.command("gen-openapi");
    command.args(["validate", "-"]).stdin(std::process::Stdio::piped());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(WRONG.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("-:4:12: major:"));
}

#[test]
fn of_many_findings_of_one_rule_people_see_twenty_and_files_all() {
    let schemas: String = (0..50).map(|it| format!("    S{it}: {{typ: string}}\n")).collect();
    let project =
        Project::new().with_file("a.yaml", &format!("{RIGHT}components:\n  schemas:\n{schemas}"));
    let ran = validate(&project, &["a.yaml", "--codequality", "q.json"]).expect(3);
    assert_eq!(ran.stdout.matches("[unknown-field]").count(), 20);
    assert!(ran.stdout.contains("a.yaml: 30 more of unknown-field"), "{}", ran.stdout);
    assert_eq!(project.json("q.json").as_array().unwrap().len(), 50);
}
