//! shellcheck: scripts of the shell.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "shellcheck",
    about: "shell scripts: mistakes and traps",
    files: &["*.sh", "*.bash", "*.ksh", "#!sh"],
    wanted: Wanted::ByFiles,
    configs: &[".shellcheckrc", "shellcheckrc"],
    programs: &["shellcheck"],
    args: &["--format=json1", "--external-sources", "--", "{files}"],
    unit: Unit::Files,
    exits: &[0, 1],
    parse,
    fix: None,
    install: "apt-get install shellcheck",
    rules: Some("https://www.shellcheck.net/wiki/{rule}"),
};

/// `json1`: <https://github.com/koalaman/shellcheck/blob/master/shellcheck.1.md>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let comments = report["comments"].as_array();
    let comments = comments.ok_or_else(|| Unreadable("its output has no `comments`".to_owned()))?;
    Ok(comments
        .iter()
        .map(|it| Hit {
            path: it["file"].as_str().unwrap_or_default().to_owned(),
            line: size_of(&it["line"]).unwrap_or(0),
            column: size_of(&it["column"]),
            end: size_of(&it["endLine"]).zip(size_of(&it["endColumn"])),
            rule: format!("SC{}", it["code"]),
            severity: match it["level"].as_str() {
                Some("error") => Severity::Critical,
                Some("warning") => Severity::Major,
                Some("info") => Severity::Minor,
                _ => Severity::Info,
            },
            message: it["message"].as_str().unwrap_or_default().to_owned(),
            help: None,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of shellcheck 0.9.0.
    const OUTPUT: &str = r#"{"comments":[{"file":"a b.sh","line":2,"endLine":2,"column":6,"endColumn":8,"level":"info","code":2086,"message":"Double quote to prevent globbing and word splitting.","fix":null}]}"#;

    #[test]
    fn its_output_is_read() {
        let output = Output { exit: 1, stdout: OUTPUT.to_owned(), stderr: String::new() };
        assert_eq!(
            parse(&output).unwrap(),
            [Hit {
                path: "a b.sh".into(),
                line: 2,
                column: Some(6),
                end: Some((2, 8)),
                rule: "SC2086".into(),
                severity: Severity::Minor,
                message: "Double quote to prevent globbing and word splitting.".into(),
                help: None,
            }]
        );
        assert!(parse(&Output::default()).is_err());
    }
}
