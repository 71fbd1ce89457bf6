//! The templates: valid for GitLab, complete, and true to the steps.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::json;
use step_testkit::repository;

use crate::consumer::Consumer;
use crate::{done, steps, testbed};

#[test]
fn gitlab_takes_every_template_and_the_example() {
    let mut files = templates();
    files.insert("example".into(), example());
    let problems = problems(&files);
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn a_typing_error_in_a_template_is_found() {
    for (file, from, to) in [
        ("base", "interruptible:", "interuptible:"),
        ("base", "type: string", "type: strng"),
        ("smoke-test", "junit:", "jnuit:"),
        ("smoke-test", "verify", "verfy"),
        ("example", "stage:", "stag:"),
    ] {
        let mut files = templates();
        files.insert("example".into(), example());
        let text = files.get_mut(file).unwrap();
        assert!(text.contains(from), "no {from} in {file}");
        *text = text.replace(from, to);
        let problems = problems(&files);
        assert!(
            problems.contains(to.split(": ").last().unwrap().trim_end_matches(':')),
            "{to} in {file}: {problems}"
        );
    }
}

#[test]
fn the_script_of_each_job_of_a_template_is_the_step_alone() {
    let templates = templates();
    for step in steps() {
        let mut jobs = Vec::new();
        for job in format!("\n{}", templates[&step]).split("\n.").skip(1) {
            let (name, body) = job.split_once(":\n").expect("a job");
            let (_, script) = body.split_once("  script:\n").expect("a script");
            let commands: Vec<_> =
                script.lines().map_while(|line| line.strip_prefix("    - ")).collect();
            assert!(!commands.is_empty(), "{name}");
            // One after the other, each with a report of its own.
            let mut reports = BTreeSet::new();
            for command in &commands {
                let words: Vec<_> = command.split(' ').collect();
                assert_eq!(words[0], step, "{name}: leave what is to be decided to {step}");
                let report = words.windows(2).find(|pair| pair[0] == "--report").expect(command)[1];
                let own = report.strip_prefix(&format!(".landfall/reports/{name}")).expect(report);
                assert!(commands.len() > 1 || own == ".json", "{report}");
                assert!(reports.insert(report), "{report} twice");
            }
            jobs.push(name.to_owned());
        }
        assert_eq!(jobs[0], step);
        let line = format!("    - {step} --report .landfall/reports/{step}.json");
        assert!(templates[&step].contains(&line), "no {line} in {step}");
    }
}

#[test]
fn one_include_takes_every_input_and_passes_it_on() {
    let templates = templates();
    let header = |name: &str| {
        let (header, _) = templates[name].split_once("\n---\n").expect("a header");
        let (_, spec) = header.split_once("spec:\n").expect("inputs");
        let lines = spec.lines().filter(|line| !line.trim_start().starts_with('#'));
        lines.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(header("landfall"), header("base"));
    for line in header("base").lines() {
        let input = line.strip_prefix("    ").and_then(|line| line.strip_suffix(':'));
        if let Some(input) = input.filter(|input| !input.starts_with(' ')) {
            let passed = format!("      {input}: $[[ inputs.{input} ]]\n");
            assert!(templates["landfall"].contains(&passed), "add {passed}");
        }
    }
}

#[test]
fn templates_image_and_example_have_the_version_of_the_steps() {
    let version = env!("CARGO_PKG_VERSION");
    for name in ["base", "landfall"] {
        let image = format!("default: registry.example.com/platform/landfall:{version}\n");
        assert!(templates()[name].contains(&image), "ci-templates/{name}.yml: no {image}");
        let lint = image.replace("/landfall:", "/landfall-lint:");
        assert!(templates()[name].contains(&lint), "ci-templates/{name}.yml: no {lint}");
    }
    assert!(example().contains(&format!("ref: {version}\n")), "the example has another ref");
}

#[test]
fn the_example_is_shorter_than_40_lines() {
    let lines = example().lines().count();
    assert!(lines < 40, "{lines} lines");
}

#[test]
fn the_jobs_of_a_consumer_are_what_the_inputs_say() {
    let consumer = Consumer::new("{image: example.test/pinned:1, runner-tag-dev: team-dev}");
    let pipeline = consumer.expanded();
    for job in ["build-image", "stack-dev", "push-dev", "deploy-dev", "smoke-dev"] {
        assert_eq!(pipeline[job]["image"]["name"], "example.test/pinned:1", "{job}");
        assert_eq!(pipeline[job]["artifacts"]["paths"], json!([".landfall/"]), "{job}");
    }
    for (job, action) in [
        ("stack-dev", json!("prepare")),
        ("push-dev", json!("access")),
        // No action: this one is what GitLab counts as a deployment.
        ("deploy-dev", json!(null)),
        ("smoke-dev", json!("verify")),
    ] {
        assert_eq!(pipeline[job]["environment"]["action"], action, "{job}");
        assert_eq!(pipeline[job]["environment"]["name"], "dev", "{job}");
        assert_eq!(pipeline[job]["tags"], json!(["team-dev"]), "{job}");
        assert_eq!(pipeline[job]["resource_group"], "dev", "{job}");
    }
    let junit = &pipeline["smoke-dev"]["artifacts"]["reports"]["junit"];
    assert_eq!(junit, ".landfall/smoke-test.junit.xml");
    let token = &pipeline["deploy-dev"]["id_tokens"]["LANDFALL_ID_TOKEN"]["aud"];
    assert_eq!(token, "sts.amazonaws.com");
    assert_eq!(pipeline["deploy-dev"]["interruptible"], false);
}

#[test]
fn a_merge_request_builds_and_touches_no_environment() {
    let consumer = Consumer::new("{image: example.test/pinned:1}");
    let mut list = consumer.gitlab();
    list.args(["--list-csv", "--variable", "CI_PIPELINE_SOURCE=merge_request_event"]);
    let csv = done(list.args(["--unset-variable", "CI_COMMIT_BRANCH"]));
    let jobs = csv.lines().skip_while(|line| !line.starts_with("name;")).skip(1);
    let jobs: Vec<&str> = jobs.filter_map(|line| line.split(';').next()).collect();
    let expected =
        ["compile", "check-migrations", "describe", "lint-api", "diff-api", "build-image"];
    assert_eq!(jobs, expected, "{csv}");
}

/// Name to text, of each file in ci-templates/.
fn templates() -> BTreeMap<String, String> {
    let files = std::fs::read_dir(repository().join("ci-templates")).unwrap();
    let files = files.map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    files.map(read).collect()
}

fn example() -> String {
    std::fs::read_to_string(repository().join("examples/orders/.gitlab-ci.yml")).unwrap()
}

/// What the schema of GitLab's editor finds wrong in these files.
fn problems(files: &BTreeMap<String, String>) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        // The schema knows files of one document.
        for (number, document) in text.split("\n---\n").enumerate() {
            let path = folder.path().join(format!("{name}.{number}.yml"));
            std::fs::write(path, visible(document)).unwrap();
        }
    }
    let mut check = Command::new(testbed().join("venv/bin/check-jsonschema"));
    check.args(["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]);
    check.args(std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()));
    let output = check.output().expect("check-jsonschema is missing: run `make up-pipeline`");
    let said = String::from_utf8(output.stdout).unwrap();
    if output.status.success() { String::new() } else { said }
}

/// The schema lets everything pass in a hidden job: it is shown the jobs that others become by
/// extending it, which also have the name of an environment.
fn visible(document: &str) -> String {
    let lines = document.lines().map(|line| match line.strip_prefix('.') {
        Some(job) => job.to_owned(),
        None => line.replace("    action:", "    name: test\n    action:"),
    });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}
