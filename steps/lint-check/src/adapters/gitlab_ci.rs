//! `.gitlab-ci.yml`, by GitLab's own JSON Schema, which check-jsonschema brings along.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, list, text};
use crate::generic::json;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "gitlab-ci",
    about: "GitLab CI: what is not in GitLab's schema (check-jsonschema)",
    files: &[".gitlab-ci.yml", "*.gitlab-ci.yml"],
    wanted: Wanted::ByFiles,
    configs: &[],
    shared: &[],
    heeds: &[],
    programs: &["check-jsonschema"],
    args: &[
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
        "--output-format",
        "json",
        "--",
        "{files}",
    ],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: None,
    install: "pip install check-jsonschema",
    rules: Some("https://docs.gitlab.com/ci/yaml/"),
};

/// `json`: <https://check-jsonschema.readthedocs.io/en/stable/usage.html>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let errors = list(&report, "errors")?.iter().map(|it| {
        // Of several alternatives the one that fits best says what is meant.
        let best = if it["best_deep_match"].is_object() { &it["best_deep_match"] } else { it };
        let path = text(&it["filename"]);
        let hit = Hit::new(path, "schema", Severity::Critical, text(&best["message"]));
        Hit { within: Some(pointer(best["path"].as_str().unwrap_or("$"))), ..hit }
    });
    // There are none in a report that is good.
    let unread = report["parse_errors"].as_array().into_iter().flatten().map(|it| {
        let message = "it cannot be read: no YAML, or more than one document";
        // Syntax is yamllint's; a file for `include` may begin with a document of `spec`.
        Hit::new(text(&it["filename"]), "unread", Severity::Minor, message)
    });
    Ok(errors.chain(unread).collect())
}

/// A JSON Pointer out of a JSONPath: `$.build.rules[0]` or `$['a b']`.
fn pointer(path: &str) -> String {
    let mut pointer = "#".to_owned();
    let mut rest = path.strip_prefix('$').unwrap_or(path);
    loop {
        let (key, behind) = if let Some(quoted) = rest.strip_prefix("['") {
            quoted.split_once("']").unwrap_or((quoted, ""))
        } else if let Some(index) = rest.strip_prefix('[') {
            index.split_once(']').unwrap_or((index, ""))
        } else if let Some(name) = rest.strip_prefix('.') {
            name.split_at(name.find(['.', '[']).unwrap_or(name.len()))
        } else {
            return pointer;
        };
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of check-jsonschema 0.39.0.
    const FOUND: &str = r#"{
  "status": "fail",
  "errors": [
    {
      "filename": ".gitlab-ci.yml", "path": "$.build",
      "message": "Additional properties are not allowed ('stag' was unexpected)",
      "has_sub_errors": false
    },
    {
      "filename": ".gitlab-ci.yml", "path": "$.build.retry",
      "message": "9 is not valid under any of the given schemas", "has_sub_errors": true,
      "best_match": {"path": "$.build.retry", "message": "9 is not of type 'object'"},
      "best_deep_match": {"path": "$.build.retry", "message": "9 is greater than the maximum of 2"},
      "num_sub_errors": 1
    }
  ],
  "parse_errors": [
    {"filename": "broken.gitlab-ci.yml", "message": "Failed to parse broken.gitlab-ci.yml"}
  ]
}"#;

    #[test]
    fn its_output_is_read() {
        let hits = parse(&printed(1, FOUND, "")).unwrap();
        let told: Vec<(&str, &str, Option<&str>)> = hits
            .iter()
            .map(|it| (it.path.as_str(), it.message.as_str(), it.within.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    ".gitlab-ci.yml",
                    "Additional properties are not allowed ('stag' was unexpected)",
                    Some("#/build")
                ),
                (".gitlab-ci.yml", "9 is greater than the maximum of 2", Some("#/build/retry")),
                (
                    "broken.gitlab-ci.yml",
                    "it cannot be read: no YAML, or more than one document",
                    None
                ),
            ]
        );
        assert_eq!(parse(&printed(0, r#"{"status": "ok", "errors": []}"#, "")).unwrap(), []);
    }

    #[test]
    fn a_report_that_is_cut_off_is_none() {
        assert!(parse(&printed(1, &FOUND[..200], "")).is_err());
        // A schema that it does not have.
        assert!(!ADAPTER.exits.contains(&2));
    }

    #[test]
    fn a_path_becomes_a_pointer() {
        assert_eq!(pointer("$"), "#");
        assert_eq!(pointer("$.build.rules[0].if"), "#/build/rules/0/if");
        assert_eq!(pointer("$['a/b c'].x"), "#/a~1b c/x");
    }
}
