//! Descriptions that others wrote, each as JSON and as YAML: nothing of them is lost.

use std::path::{Path, PathBuf};

use serde_json::Value;
use step_testkit::{Project, testbed_env};

use crate::run;

/// The documents of a form, by version and name: of JSON and of YAML there are the same.
fn documents(form: &str) -> Vec<PathBuf> {
    let env = testbed_env();
    let folder = env.get("LANDFALL_TEST_DESCRIPTIONS");
    let folder = folder.expect("the testbed has no descriptions: run `make up-pipeline`");
    let mut found = Vec::new();
    for version in ["3.0", "3.1"] {
        let folder = Path::new(folder).join(version).join(form);
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(entries.filter(|path| path.is_file()));
    }
    found.sort();
    assert!(found.len() > 50, "{} of {form}", found.len());
    found
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Writes a document as it is.
#[track_caller]
fn write(project: &Project, from: &str, to: &str) -> String {
    let args = ["--no-validate", "--from", from, "--to", to];
    run(project, &args).expect(0);
    project.read(to)
}

/// Some end in circles of references, which are not followed when a description is bundled.
fn is_bundled_as_it_is(document: &Value) -> bool {
    let text = document.to_string();
    let references = text.split("\"$ref\":\"").skip(1);
    references.into_iter().all(|reference| reference.starts_with('#'))
}

#[test]
fn json_and_yaml_are_written_with_all_that_they_hold_in_its_order() {
    let mut written = 0;
    for path in documents("json") {
        let document = json(&path);
        if !is_bundled_as_it_is(&document) {
            continue;
        }
        let project = Project::new();
        let first = write(&project, path.to_str().unwrap(), "a.json");
        let value: Value = serde_json::from_str(&first).unwrap();
        // As text: order counts, and how numbers are written.
        assert_eq!(value.to_string(), document.to_string(), "{}", path.display());
        assert_eq!(write(&project, "a.json", "b.json"), first, "{}", path.display());
        write(&project, "a.json", "a.yaml");
        assert_eq!(write(&project, "a.yaml", "c.json"), first, "{}", path.display());
        written += 1;
    }
    assert!(written > 50, "{written}");
}

#[test]
fn a_description_does_not_differ_from_itself_and_has_a_page() {
    let project = Project::new();
    for path in documents("yaml") {
        let text = path.to_str().unwrap();
        let ran = run(&project, &["diff", text, "--base", text]).expect(0);
        assert!(ran.stdout.contains(": no changes, compared with"), "{}", ran.stdout);
        run(&project, &["docs", text, "--to", "index.html"]).expect(0);
    }
}
