//! ruff: Python.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text, told};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "ruff",
    about: "Python: mistakes and bad habits",
    files: FILES,
    wanted: Wanted::ByFiles,
    configs: CONFIGS,
    shared: SHARED,
    heeds: &[],
    programs: &["ruff"],
    // What has not changed is known here; its own cache is a folder in the repository.
    args: &["check", "--no-cache", "--output-format=json", "--force-exclude", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&["check", "--fix", "--no-cache", "--quiet", "--force-exclude", "--", "{files}"]),
    install: "pip install ruff",
    rules: Some("https://docs.astral.sh/ruff/rules/"),
};

pub(super) const FILES: &[&str] = &["*.py", "*.pyi", "#!python"];
pub(super) const CONFIGS: &[&str] = &["ruff.toml", ".ruff.toml"];
pub(super) const SHARED: &[(&str, &str)] = &[("pyproject.toml", "[tool.ruff")];

/// `json`: <https://docs.astral.sh/ruff/settings/#output-format>. It knows no levels; all that it is told to
/// look for makes it fail.
pub(super) fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let list = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    told(list.iter().map(hit).collect(), output)
}

fn hit(it: &Value) -> Hit {
    let rule = it["code"].as_str().unwrap_or("invalid-syntax");
    // E902: the file cannot be read.
    let is_blocker = matches!(rule, "invalid-syntax" | "E902");
    let severity = if is_blocker { Severity::Blocker } else { Severity::Major };
    let (start, end) = (&it["location"], &it["end_location"]);
    Hit {
        help: it["fix"]["message"].as_str().map(str::to_owned),
        ..Hit::new(text(&it["filename"]), rule, severity, text(&it["message"]))
            .at(size_of(&start["row"]).unwrap_or(0), size_of(&start["column"]))
            .to(size_of(&end["row"]).zip(size_of(&end["column"])))
    }
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of ruff 0.17.6.
    const FOUND: &str = r#"[
  {
    "cell": null, "code": "F401", "end_location": {"column": 10, "row": 1},
    "filename": "/tmp/repo/py/bad.py",
    "fix": {
      "applicability": "safe",
      "edits": [
        {"content": "", "end_location": {"column": 1, "row": 2}, "location": {"column": 1, "row": 1}}
      ],
      "message": "Remove unused import: `os`"
    },
    "location": {"column": 8, "row": 1}, "message": "`os` imported but unused",
    "name": "unused-import", "noqa_row": 1, "severity": "error",
    "url": "https://docs.astral.sh/ruff/rules/unused-import"
  },
  {
    "cell": null, "code": "invalid-syntax", "end_location": {"column": 8, "row": 1},
    "filename": "/tmp/repo/py/syntax.py", "fix": null, "location": {"column": 7, "row": 1},
    "message": "Expected a parameter or the end of the parameter list",
    "name": "invalid-syntax", "noqa_row": null, "severity": "error", "url": null
  }
]"#;

    #[test]
    fn its_output_is_read() {
        let unused =
            Hit::new("/tmp/repo/py/bad.py", "F401", Severity::Major, "`os` imported but unused");
        let unused = Hit { help: Some("Remove unused import: `os`".into()), ..unused };
        let message = "Expected a parameter or the end of the parameter list";
        let syntax =
            Hit::new("/tmp/repo/py/syntax.py", "invalid-syntax", Severity::Blocker, message);
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [unused.at(1, Some(8)).to(Some((1, 10))), syntax.at(1, Some(7)).to(Some((1, 8)))]
        );
        assert_eq!(parse(&printed(0, "[]", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "ruff failed\n  Cause: Failed to parse ruff.toml\n  Cause: TOML parse error at line 1\n";
        assert!(!ADAPTER.exits.contains(&2));
        assert!(parse(&printed(2, "", said)).is_err());
        assert!(parse(&printed(1, &FOUND[..200], "")).is_err());
    }
}
