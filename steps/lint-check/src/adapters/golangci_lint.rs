//! golangci-lint: the linters of Go in one.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text};
use crate::generic::{json, size_of, word};

/// Version 2.1 or newer.
pub(super) const ADAPTER: Adapter = Adapter {
    name: "golangci-lint",
    about: "Go: mistakes and bad habits",
    files: &["*.go", "go.mod", "go.sum"],
    wanted: Wanted::ByFiles,
    configs: &[".golangci.yml", ".golangci.yaml", ".golangci.toml", ".golangci.json"],
    shared: &[],
    heeds: &["go.work"],
    programs: &["golangci-lint"],
    args: &[
        "run",
        "--output.json.path=stdout",
        "--show-stats=false",
        "--max-issues-per-linter=0",
        "--max-same-issues=0",
        "--path-mode=abs",
        "--color=never",
    ],
    bare: &[],
    unit: Unit::Project("go.mod"),
    // 5: a module without a file of Go. <https://golangci-lint.run/docs/welcome/faq/>
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1, 5],
    parse,
    fix: Some(&["run", "--fix", "--show-stats=false", "--color=never"]),
    install: "https://golangci-lint.run/docs/welcome/install/",
    rules: Some("https://golangci-lint.run/docs/linters/"),
};

/// The exit code for a module without a file of Go.
const NO_GO_FILES: i32 = 5;

/// `json`: <https://golangci-lint.run/docs/configuration/file/#output-configuration>. It could not be
/// installed where this was written: the output below is made after its documentation.
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    if output.exit == NO_GO_FILES && output.stderr.contains("no go files") {
        return Ok(Vec::new());
    }
    let report = json(&output.stdout)?;
    let hits: Vec<Hit> = match &report["Issues"] {
        Value::Array(issues) => issues.iter().map(hit).collect(),
        // As Go writes an empty list.
        Value::Null if report["Report"].is_object() => Vec::new(),
        _ => return Err(Unreadable("its output has no `Issues`".to_owned())),
    };
    super::told(hits, output)
}

fn hit(it: &Value) -> Hit {
    let rule = text(&it["FromLinter"]);
    let severity = match rule.as_str() {
        "typecheck" => Severity::Blocker,
        // It has no level of its own, but for what its configuration gives.
        _ => it["Severity"].as_str().and_then(word).unwrap_or(Severity::Major),
    };
    let place = &it["Pos"];
    Hit::new(text(&place["Filename"]), rule, severity, text(&it["Text"]))
        .at(size_of(&place["Line"]).unwrap_or(0), size_of(&place["Column"]))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const FOUND: &str = r#"{"Issues":[{"FromLinter":"errcheck","Text":"Error return value of `f.Close` is not checked","Severity":"","SourceLines":["\tf.Close()"],"Pos":{"Filename":"/tmp/repo/main.go","Offset":95,"Line":8,"Column":9},"ExpectNoLint":false,"ExpectedNoLintLinter":""}],"Report":{"Linters":[{"Name":"errcheck","Enabled":true}]}}"#;

    #[test]
    fn its_output_is_read() {
        let message = "Error return value of `f.Close` is not checked";
        let hit = Hit::new("/tmp/repo/main.go", "errcheck", Severity::Major, message);
        assert_eq!(parse(&printed(1, FOUND, "")).unwrap(), [hit.at(8, Some(9))]);
        for none in [r#"{"Issues":[],"Report":{}}"#, r#"{"Issues":null,"Report":{}}"#] {
            assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
        }
        let said =
            "level=error msg=\"Running error: context loading failed: no go files to analyze\"";
        assert_eq!(parse(&printed(5, "", said)).unwrap(), []);
    }

    #[test]
    fn a_report_that_is_cut_off_is_none() {
        assert!(parse(&printed(1, &FOUND[..100], "")).is_err());
        assert!(!ADAPTER.exits.contains(&3));
    }
}
