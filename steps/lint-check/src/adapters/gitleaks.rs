//! gitleaks: passwords and keys.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text, told};
use crate::generic::{json, size_of};

/// Version 8.19 or newer. It takes one folder and no files; of what it finds that is told which is in the
/// files to check. The secret itself it leaves out.
pub(super) const ADAPTER: Adapter = Adapter {
    name: "gitleaks",
    about: "secrets: passwords and keys",
    files: &["*"],
    wanted: Wanted::ByFiles,
    configs: &[".gitleaks.toml"],
    shared: &[],
    heeds: &[".gitleaksignore"],
    programs: &["gitleaks"],
    args: &[
        "dir",
        "--no-banner",
        "--log-level=error",
        "--redact=100",
        "--report-format=json",
        "--report-path=-",
        "--exit-code=3",
        ".",
    ],
    bare: &[],
    unit: Unit::Repository,
    reads_others: false,
    hides_lines: true,
    exits: &[0, 3],
    parse,
    fix: None,
    install: "https://github.com/gitleaks/gitleaks#installing",
    rules: Some("https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml"),
};

/// `json`: <https://github.com/gitleaks/gitleaks#reporting>. It could not be installed where this was
/// written: the output below is made after its documentation.
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let list = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    told(list.iter().map(hit).collect(), output)
}

fn hit(it: &Value) -> Hit {
    let rule = text(&it["RuleID"]);
    let line = size_of(&it["StartLine"]).unwrap_or(0);
    let hit = Hit::new(text(&it["File"]), rule, Severity::Critical, text(&it["Description"]));
    Hit {
        help: Some("take it out of the history, and have it replaced by a new one".to_owned()),
        ..hit
            .at(line, size_of(&it["StartColumn"]))
            .to(size_of(&it["EndLine"]).zip(size_of(&it["EndColumn"]).map(|last| last + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const FOUND: &str = r#"[{"RuleID":"generic-api-key","Description":"Detected a Generic API Key","StartLine":3,"EndLine":3,"StartColumn":7,"EndColumn":38,"Match":"REDACTED","Secret":"REDACTED","File":"config/app.env","SymlinkFile":"","Commit":"","Entropy":3.6,"Author":"","Email":"","Date":"","Message":"","Tags":[],"Fingerprint":"config/app.env:generic-api-key:3"}]"#;

    #[test]
    fn its_output_is_read() {
        let hits = parse(&printed(3, FOUND, "")).unwrap();
        let [hit] = hits.as_slice() else { panic!("{hits:?}") };
        assert_eq!((hit.path.as_str(), hit.line, hit.column), ("config/app.env", 3, Some(7)));
        assert_eq!(hit.end, Some((3, 39)));
        assert_eq!((hit.rule.as_str(), hit.severity), ("generic-api-key", Severity::Critical));
        assert_eq!(parse(&printed(0, "[]\n", "")).unwrap(), []);
    }

    #[test]
    fn a_run_that_failed_is_no_result() {
        assert!(!ADAPTER.exits.contains(&1));
        assert!(parse(&printed(3, &FOUND[..100], "")).is_err());
    }
}
