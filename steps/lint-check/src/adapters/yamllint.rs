//! yamllint: YAML.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, place, told};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "yamllint",
    about: "YAML: syntax, keys that are there twice, layout",
    files: &["*.yaml", "*.yml"],
    wanted: Wanted::ByFiles,
    configs: &[".yamllint", ".yamllint.yaml", ".yamllint.yml"],
    shared: &[],
    heeds: &[],
    programs: &["yamllint"],
    args: &["--format", "parsable", "--", "{files}"],
    // Its own default objects to most files that there are: to lines of more than 80 characters, and to
    // those that do not begin with `---`.
    bare: &["-d", "{extends: relaxed, rules: {line-length: disable}}"],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1, 2],
    parse,
    fix: None,
    install: "pip install yamllint",
    rules: Some("https://yamllint.readthedocs.io/en/stable/rules.html"),
};

/// `path:line:column: [level] message (rule)`:
/// <https://yamllint.readthedocs.io/en/stable/quickstart.html>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    told(output.stdout.lines().filter_map(hit).collect(), output)
}

fn hit(line: &str) -> Option<Hit> {
    let (path, number, column, rest) = place(line)?;
    let (level, rest) = rest.strip_prefix('[')?.split_once("] ")?;
    let (message, rule) = rest.strip_suffix(')')?.rsplit_once(" (")?;
    let severity = match (rule, level) {
        ("syntax", _) => Severity::Blocker,
        (_, "error") => Severity::Major,
        _ => Severity::Minor,
    };
    Some(Hit::new(path, rule, severity, message).at(number, column))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of yamllint 1.38.0.
    const FOUND: &str = "\
yaml/warn er.yml:1:1: [warning] missing document start \"---\" (document-start)
yaml/bad.yml:2:1: [error] duplication of key \"a\" in mapping (key-duplicates)
yaml/bad.yml:4:1: [error] syntax error: expected ',' or ']', but got '<stream end>' (syntax)
";

    #[test]
    fn its_output_is_read() {
        let start = "missing document start \"---\"";
        let twice = "duplication of key \"a\" in mapping";
        let syntax = "syntax error: expected ',' or ']', but got '<stream end>'";
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new("yaml/warn er.yml", "document-start", Severity::Minor, start)
                    .at(1, Some(1)),
                Hit::new("yaml/bad.yml", "key-duplicates", Severity::Major, twice).at(2, Some(1)),
                Hit::new("yaml/bad.yml", "syntax", Severity::Blocker, syntax).at(4, Some(1)),
            ]
        );
        assert_eq!(parse(&printed(0, "", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let output = printed(255, "", "invalid config: no such rule: \"foo\"\n");
        assert!(!ADAPTER.exits.contains(&output.exit));
        assert_eq!(output.sentence().unwrap(), "invalid config: no such rule: \"foo\"");
        assert!(parse(&printed(1, "", "")).is_err());
    }
}
