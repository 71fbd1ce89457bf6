//! PHPStan: the types of PHP.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, list, text, told};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "phpstan",
    about: "PHP: types, and what is called without being there",
    files: &["*.php"],
    // It has to be told what to analyse, and how strictly.
    wanted: Wanted::ByConfigWhereItRuns,
    configs: &["phpstan.neon", "phpstan.neon.dist", "phpstan.dist.neon"],
    shared: &[],
    heeds: &["phpstan-baseline.neon", "phpstan-baseline.php", "composer.lock", "composer.json"],
    programs: &["phpstan"],
    args: &["analyse", "--error-format=json", "--no-progress", "--no-interaction", "--no-ansi"],
    bare: &[],
    unit: Unit::Repository,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: None,
    install: "composer require --dev phpstan/phpstan",
    rules: Some("https://phpstan.org/error-identifiers/{rule}"),
};

/// `json`: <https://phpstan.org/user-guide/output-format>. It could not be installed where this was written:
/// the output below is made after its documentation.
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    // What is in no file is wrong with the configuration, or with the program itself.
    if let Some(error) = list(&report, "errors")?.first() {
        return Err(Unreadable(text(error)));
    }
    let mut hits = Vec::new();
    // PHP writes an empty object as an empty list.
    for (path, file) in report["files"].as_object().into_iter().flatten() {
        // Behind the name of a trait stands in which class it is used.
        let path = path.split(" (in context of ").next().unwrap_or(path);
        for it in list(file, "messages")? {
            let rule = it["identifier"].as_str().unwrap_or("phpstan");
            let severity =
                if rule == "phpstan.parse" { Severity::Blocker } else { Severity::Major };
            hits.push(Hit {
                help: it["tip"].as_str().map(str::to_owned),
                ..Hit::new(path, rule, severity, text(&it["message"]))
                    .at(size_of(&it["line"]).unwrap_or(0), None)
            });
        }
    }
    told(hits, output)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const FOUND: &str = r#"{"totals":{"errors":0,"file_errors":1},"files":{"/tmp/repo/src/A.php":{"errors":1,"messages":[{"message":"Undefined variable: $x","line":5,"ignorable":true,"identifier":"variable.undefined","tip":"Say where it comes from."}]}},"errors":[]}"#;

    #[test]
    fn its_output_is_read() {
        let message = "Undefined variable: $x";
        let hit = Hit::new("/tmp/repo/src/A.php", "variable.undefined", Severity::Major, message);
        let hit = Hit { help: Some("Say where it comes from.".into()), ..hit };
        assert_eq!(parse(&printed(1, FOUND, "")).unwrap(), [hit.at(5, None)]);
        let none = r#"{"totals":{"errors":0,"file_errors":0},"files":[],"errors":[]}"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let wrong = r#"{"totals":{"errors":1,"file_errors":0},"files":[],"errors":["No rule with level 99"]}"#;
        assert_eq!(parse(&printed(1, wrong, "")).unwrap_err().0, "No rule with level 99");
        assert!(parse(&printed(1, &FOUND[..100], "")).is_err());
    }
}
