//! `lint`: exit codes, levels, the ignore file, and input that is none.

use std::io::Write as _;
use std::process::Stdio;

use step_testkit::{Project, Ran};

const HURTS: &str = "openapi: 3.0.4\ninfo:\n  title: t\n  version: '1'\n  description: TODO\n  contact: {}\n  \
                     license: {name: MIT}\npaths: {}\ncomponents:\n  schemas:\n    A:\n      minimum: 2\n      \
                     maximum: 1\n      type: integer\n";

fn lint(project: &Project, args: &[&str]) -> Ran {
    project.run("gen-openapi", &[&["lint"], args].concat())
}

fn project() -> Project {
    Project::new().with_file("a.yaml", HURTS)
}

fn with_rules(rules: &str) -> Project {
    project().with_file("landfall.toml", &format!("[defaults.gen-openapi.lint.rules]\n{rules}\n"))
}

#[test]
fn findings_end_with_3_from_the_level_that_is_asked_for() {
    let ran = lint(&project(), &["a.yaml"]).expect(3);
    assert_eq!(
        ran.stdout,
        "a.yaml:5:16: info: `description` says TODO [todo]\n  at #/info/description\n  help: do it, or keep the \
         note elsewhere\na.yaml:12:16: major: `minimum` is more than `maximum` [contradiction]\n  at \
         #/components/schemas/A/minimum\n  help: mend one of them\na.yaml: 2 findings: 1 major, 1 info\n"
    );
    lint(&project(), &["a.yaml", "--fail-on", "critical"]).expect(0);
}

#[test]
fn levels_are_set_in_landfall_toml_and_unknown_rules_are_an_error() {
    let project = with_rules("contradiction = \"minor\"\ntodo = \"off\"");
    let ran = lint(&project, &["a.yaml"]).expect(0);
    assert!(ran.stdout.ends_with("a.yaml: 1 finding: 1 minor\n"), "{}", ran.stdout);
    let listed = lint(&project, &["--list"]).expect(0).stdout;
    let line = |rule: &str| listed.lines().find(|it| it.starts_with(rule)).unwrap().to_owned();
    assert!(line("contradiction ").contains(" minor "), "{listed}");
    assert!(line("todo ").contains(" off "), "{listed}");
    lint(&with_rules("contradicton = \"off\""), &["a.yaml"])
        .expect(2)
        .says("there is no rule `contradicton`; did you mean `contradiction`?");
}

#[test]
fn the_list_has_every_rule_with_its_level_and_reason() {
    let ran = lint(&Project::new(), &["--list", "--output", "json"]).expect(0);
    let json = ran.json();
    let rules = json["report"]["rules"].as_array().unwrap();
    assert!(rules.len() >= 40, "{}", rules.len());
    for rule in rules {
        let text = |key: &str| rule[key].as_str().unwrap_or_default().len();
        assert!(text("rule") > 0 && text("why") > 0 && text("help") > 0, "{rule}");
    }
}

#[test]
fn what_validate_finds_is_one_finding() {
    let project = Project::new();
    project.write(
        "a.yaml",
        &HURTS.replace("paths: {}", "path: {}\npat: {}").replace("minimum: 2", "minimum: 1"),
    );
    let ran = lint(&project, &["a.yaml"]).expect(3);
    assert_eq!(ran.stdout.matches("[invalid]").count(), 1);
    assert!(
        ran.stdout.contains("the specification does not allow 3 things in it"),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("[todo]"), "{}", ran.stdout);
}

#[test]
fn accepted_findings_are_not_told_and_lines_without_use_are() {
    let project = project().with_file(
        ".openapi-lint-ignore",
        "# the bounds are meant so\ncontradiction #/components/schemas/A/minimum\n\ntodo *\npath-query *\n",
    );
    let ran = lint(&project, &["a.yaml", "--codequality", "q.json"]).expect(0);
    assert_eq!(
        ran.stdout,
        ".openapi-lint-ignore:5: info: nothing of path-query is found at * [ignore-unused]\n  help: take the line \
         out\na.yaml: 1 finding: 1 info, 2 more accepted\n"
    );
    let quality = project.json("q.json");
    assert_eq!(quality.as_array().unwrap().len(), 1);
    assert_eq!(quality[0]["location"]["path"], ".openapi-lint-ignore");
}

#[test]
fn a_baseline_accepts_all_that_is_found_and_nothing_new() {
    let project = project();
    let ran = lint(&project, &["a.yaml", "--write-ignore"]).expect(0);
    assert_eq!(
        ran.stdout,
        "a.yaml: no findings, 2 more accepted, written to .openapi-lint-ignore\n"
    );
    assert_eq!(
        project.read(".openapi-lint-ignore"),
        "# Findings of gen-openapi lint that are accepted: RULE POINTER, or RULE * for all.\n\
         contradiction #/components/schemas/A/minimum\ntodo #/info/description\n"
    );
    let ran = lint(&project, &["a.yaml"]).expect(0);
    assert_eq!(ran.stdout, "a.yaml: no findings, 2 more accepted\n");
    project
        .write("a.yaml", &format!("{HURTS}    B: {{minLength: 2, maxLength: 1, type: string}}\n"));
    let ran = lint(&project, &["a.yaml"]).expect(3);
    assert!(ran.stdout.contains("at #/components/schemas/B/minLength"), "{}", ran.stdout);
}

#[test]
fn a_baseline_keeps_what_people_wrote_and_is_left_alone_when_nothing_is_new() {
    let by_hand = "# the bounds are meant so\ncontradiction *\n";
    let project = project().with_file(".openapi-lint-ignore", &format!("{by_hand}path-query *\n"));
    let ran = lint(&project, &["a.yaml", "--write-ignore"]).expect(0);
    assert!(ran.stdout.ends_with("2 more accepted, written to .openapi-lint-ignore\n"));
    let expected = format!("{by_hand}todo #/info/description\n");
    assert_eq!(project.read(".openapi-lint-ignore"), expected);
    let ran = lint(&project, &["a.yaml", "--write-ignore"]).expect(0).says("unchanged");
    assert!(ran.stdout.ends_with(", all of it in .openapi-lint-ignore already\n"));
    assert_eq!(project.read(".openapi-lint-ignore"), expected);
    // Nothing is known of what cannot be read.
    project.write("a.yaml", "openapi: [");
    lint(&project, &["a.yaml", "--write-ignore"]).expect(3);
    assert_eq!(project.read(".openapi-lint-ignore"), expected);
}

#[test]
fn who_is_told_of_findings_is_told_what_to_do() {
    lint(&project(), &["a.yaml"]).expect(3).says("--write-ignore").says("gen-openapi.lint.rules");
}

#[test]
fn a_dry_run_writes_no_baseline() {
    let project = project();
    let ran = lint(&project, &["a.yaml", "--write-ignore", "--dry-run"]).expect(0);
    assert!(ran.stdout.ends_with(", would be written to .openapi-lint-ignore\n"), "{}", ran.stdout);
    assert!(!project.path(".openapi-lint-ignore").exists());
}

#[test]
fn a_wrong_line_of_the_ignore_file_is_told_with_its_number() {
    for (line, says) in [
        ("todo", ":2: `todo` has no place"),
        ("todos *", ":2: there is no rule `todos`; did you mean `todo`?"),
        ("todo /info", ":2: `/info` is no place"),
    ] {
        let project = project().with_file("accepted", &format!("# a\n{line}\n"));
        lint(&project, &["a.yaml", "--ignore-file", "accepted"]).expect(2).says(says);
    }
    lint(&project(), &["a.yaml", "--ignore-file", "nowhere"]).expect(2).says("cannot be read");
}

#[test]
fn several_files_and_standard_input_are_read() {
    let project = project().with_file("b.yaml", &HURTS.replace("TODO", "d"));
    let ran = lint(&project, &["a.yaml", "b.yaml"]).expect(3);
    assert!(
        ran.stdout.ends_with("a.yaml, b.yaml: 3 findings: 2 major, 1 info\n"),
        "{}",
        ran.stdout
    );
    let mut command = project.command("gen-openapi");
    command.args(["lint", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(HURTS.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("-: 2 findings: 1 major, 1 info\n"));
}

#[test]
fn input_that_is_none_is_a_finding_with_its_place() {
    let deep = format!("{}1{}", "{\"a\": ".repeat(10_000), "}".repeat(10_000));
    let cases: &[(&str, &[u8], &str)] = &[
        ("truncated.json", b"{\"openapi\": \"3.0.4\",\n \"info\": {", "truncated.json:2:"),
        ("deep.json", deep.as_bytes(), "deep.json:1:"),
        ("latin1.yaml", b"openapi: 3.0.4\ninfo: {title: gr\xF6\xDFe}\n", "is not UTF-8"),
    ];
    for (name, text, says) in cases {
        let project = Project::new();
        std::fs::write(project.path(name), text).unwrap();
        let ran = lint(&project, &[name]).expect(3);
        assert!(ran.stdout.contains(says), "{name}: {}", ran.stdout);
        // It cannot be accepted.
        lint(&project, &[name, "--write-ignore"]).expect(3);
    }
}

#[test]
fn a_baseline_of_what_validate_says_too_is_read_again() {
    let project = Project::new();
    project.write("a.yaml", &HURTS.replace("paths: {}", "pat: {}"));
    let ran = lint(&project, &["a.yaml", "--validate", "--write-ignore"]).expect(3);
    assert!(ran.stdout.contains("[missing-field]"), "what cannot be accepted: {}", ran.stdout);
    assert!(!project.read(".openapi-lint-ignore").contains("missing-field"));
    let ran = lint(&project, &["a.yaml", "--validate"]).expect(3);
    assert!(!ran.stdout.contains("[todo]"), "{}", ran.stdout);
}

#[test]
fn of_what_cannot_be_read_nothing_is_said_to_be_unused() {
    let project = project().with_file(".openapi-lint-ignore", "todo *\n");
    project.write("a.yaml", "{");
    let ran = lint(&project, &["a.yaml"]).expect(3);
    assert!(!ran.stdout.contains("ignore-unused"), "{}", ran.stdout);
}

#[test]
fn circles_end() {
    let project = Project::new().with_file(
        "a.yaml",
        "openapi: 3.1.1\ninfo: {title: t, version: '1'}\npaths: {}\ncomponents:\n  schemas:\n    A: {$ref: \
         '#/components/schemas/B', examples: [1]}\n    B: {$ref: '#/components/schemas/A'}\n    C: {allOf: [{$ref: \
         '#/components/schemas/C'}], default: 1}\n    D: {oneOf: [{$ref: '#/components/schemas/E'}]}\n    E: {anyOf: \
         [{$ref: '#/components/schemas/D'}], examples: [1]}\n",
    );
    let ran = lint(&project, &["a.yaml"]).expect(3);
    assert_eq!(ran.stdout.matches("[schema-endless]").count(), 1, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("[invalid]").count(), 1, "{}", ran.stdout);
}

#[test]
fn the_report_is_json_also_where_an_address_with_a_key_is_masked() {
    let project = Project::new();
    project.write("a.yaml", &HURTS.replace("paths: {}", "paths: {'/a?key=b': {}}"));
    let json = lint(&project, &["a.yaml", "--output", "json"]).expect(3).json();
    let findings = json["report"]["findings"].as_array().unwrap();
    let query = findings.iter().find(|it| it["rule"] == "path-query").unwrap();
    assert_eq!(query["within"], "#/paths/~1a?key=[MASKED]");
}
