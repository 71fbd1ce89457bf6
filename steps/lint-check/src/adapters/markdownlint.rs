//! markdownlint: Markdown.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, place, told};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "markdownlint",
    about: "Markdown: structure and style",
    files: &["*.md", "*.markdown"],
    wanted: Wanted::ByConfig,
    configs: &[
        ".markdownlint-cli2.jsonc",
        ".markdownlint-cli2.yaml",
        ".markdownlint-cli2.cjs",
        ".markdownlint-cli2.mjs",
        ".markdownlint.jsonc",
        ".markdownlint.json",
        ".markdownlint.yaml",
        ".markdownlint.yml",
        ".markdownlint.cjs",
        ".markdownlint.mjs",
    ],
    shared: &[("package.json", "\"markdownlint-cli2\"")],
    heeds: &[],
    programs: &["markdownlint-cli2"],
    args: &["--no-globs", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&["--fix", "--no-globs", "--", "{files}"]),
    install: "npm install --save-dev markdownlint-cli2",
    rules: Some("https://github.com/DavidAnson/markdownlint/blob/main/doc/Rules.md"),
};

/// `path:line:column level RULE/name description`, on stderr; the level since version 0.19:
/// <https://github.com/DavidAnson/markdownlint-cli2/tree/main/formatter-default>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    told(output.stderr.lines().filter_map(hit).collect(), output)
}

/// It is a matter of taste that no reader stumbles over.
fn hit(line: &str) -> Option<Hit> {
    let (path, number, column, rest) = place(line)?;
    let (severity, rest) = match rest.strip_prefix("warning ") {
        Some(rest) => (Severity::Info, rest),
        None => (Severity::Minor, rest.strip_prefix("error ").unwrap_or(rest)),
    };
    let (rule, message) = rest.split_once(' ')?;
    let rule = rule.split('/').next()?;
    Some(Hit::new(path, rule, severity, message).at(number, column))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of markdownlint-cli2 0.22.1, and as versions before 0.19 wrote it.
    const FOUND: &str = "\
md/bad.md:2:1 error MD018/no-missing-space-atx No space after hash on atx style heading [Context: \"#B\"]
md/bad.md:5 MD012/no-multiple-blanks Multiple consecutive blank lines [Expected: 1; Actual: 2]
";

    #[test]
    fn its_output_is_read() {
        let space = "No space after hash on atx style heading [Context: \"#B\"]";
        let blank = "Multiple consecutive blank lines [Expected: 1; Actual: 2]";
        assert_eq!(
            parse(&printed(1, "Summary: 2 error(s)\n", FOUND)).unwrap(),
            [
                Hit::new("md/bad.md", "MD018", Severity::Minor, space).at(2, Some(1)),
                Hit::new("md/bad.md", "MD012", Severity::Minor, blank).at(5, None),
            ]
        );
        assert_eq!(parse(&printed(0, "Summary: 0 error(s)\n", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "Error: Unable to use configuration file '.markdownlint-cli2.jsonc'; Unable to parse \
                    JSONC content\n    at throwForConfigurationFile (file:///x.mjs:48:9)\n";
        let output = printed(2, "markdownlint-cli2 v0.22.1\n", said);
        assert!(!ADAPTER.exits.contains(&output.exit));
        assert!(output.sentence().unwrap().ends_with("Unable to parse JSONC content"));
        assert!(parse(&printed(1, "", "")).is_err());
    }
}
