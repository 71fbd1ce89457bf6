//! shellcheck: scripts of the shell.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, list, text};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "shellcheck",
    about: "shell scripts: mistakes and traps",
    files: &["*.sh", "*.bash", "*.ksh", "#!sh"],
    wanted: Wanted::ByFiles,
    configs: &[".shellcheckrc", "shellcheckrc"],
    shared: &[],
    heeds: &[],
    programs: &["shellcheck"],
    // A script that sources another names it as it lies beside it.
    args: &["--format=json1", "--external-sources", "--source-path=SCRIPTDIR", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: true,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: None,
    install: "apt-get install shellcheck",
    rules: Some("https://www.shellcheck.net/wiki/{rule}"),
};

/// `json1`: <https://github.com/koalaman/shellcheck/blob/master/shellcheck.1.md>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    Ok(list(&report, "comments")?.iter().map(hit).collect())
}

fn hit(it: &Value) -> Hit {
    let rule = format!("SC{}", it["code"]);
    Hit::new(text(&it["file"]), rule, severity(&it["level"]), text(&it["message"]))
        .at(size_of(&it["line"]).unwrap_or(0), size_of(&it["column"]))
        .to(size_of(&it["endLine"]).zip(size_of(&it["endColumn"])))
}

/// An error breaks the script; a warning is what does so with some file name or other.
pub(super) fn severity(level: &Value) -> Severity {
    match level.as_str() {
        Some("error") => Severity::Critical,
        Some("warning") => Severity::Major,
        Some("info") => Severity::Minor,
        _ => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of shellcheck 0.9.0.
    const FOUND: &str = r#"{"comments":[{"file":"a b.sh","line":2,"endLine":2,"column":6,"endColumn":8,"level":"info","code":2086,"message":"Double quote to prevent globbing and word splitting.","fix":null}]}"#;

    #[test]
    fn its_output_is_read() {
        let message = "Double quote to prevent globbing and word splitting.";
        let hit = Hit::new("a b.sh", "SC2086", Severity::Minor, message);
        assert_eq!(parse(&printed(1, FOUND, "")).unwrap(), [hit.at(2, Some(6)).to(Some((2, 8)))]);
        assert_eq!(parse(&printed(0, r#"{"comments":[]}"#, "")).unwrap(), []);
    }

    #[test]
    fn a_report_that_is_cut_off_is_none() {
        assert!(parse(&printed(1, &FOUND[..90], "")).unwrap_err().0.contains("no JSON"));
    }
}
