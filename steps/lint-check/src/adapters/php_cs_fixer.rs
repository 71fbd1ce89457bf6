//! PHP CS Fixer: the style of PHP.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, diff, list, text, told};
use crate::generic::json;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "php-cs-fixer",
    about: "PHP: style",
    files: &["*.php"],
    wanted: Wanted::ByConfigWhereItRuns,
    configs: &[".php-cs-fixer.php", ".php-cs-fixer.dist.php"],
    shared: &[],
    heeds: &["composer.lock", "composer.json"],
    programs: &["php-cs-fixer"],
    args: &[
        "fix",
        "--dry-run",
        "--diff",
        "--format=json",
        "--show-progress=none",
        "--no-interaction",
        "--no-ansi",
    ],
    bare: &[],
    // What it looks at, its configuration says.
    unit: Unit::Repository,
    // The sum of 4 for files that cannot be parsed and 8 for those that would be mended; 1, 16, 32 and 64
    // are errors of its own.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 4, 8, 12],
    parse,
    fix: Some(&["fix", "--show-progress=none", "--no-interaction", "--no-ansi"]),
    install: "composer require --dev friendsofphp/php-cs-fixer",
    rules: Some("https://cs.symfony.com/doc/rules/index.html"),
};

/// `json`: <https://cs.symfony.com/doc/usage.html>, <https://cs.symfony.com/doc/schemas/fix/schema.json>. It
/// could not be installed where this was written: the output below is made after its documentation.
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let mut hits = Vec::new();
    for file in list(&report, "files")? {
        let rules: Vec<&str> = file["appliedFixers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|it| it.as_str())
            .collect();
        let line = diff::changes(file["diff"].as_str().unwrap_or_default());
        let line = line.first().map_or(0, |change| change.line);
        let message = format!("not as PHP CS Fixer writes it: {}", rules.join(", "));
        hits.push(Hit {
            help: Some("lint-check --fix, or php-cs-fixer fix".to_owned()),
            ..Hit::new(text(&file["name"]), "format", Severity::Major, message).at(line, None)
        });
    }
    // A file that it cannot parse stands on stderr alone: PHPStan tells more of it.
    told(hits, output)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    const FOUND: &str = r#"{"about":"PHP CS Fixer 3","files":[{"name":"src/A.php","appliedFixers":["no_unused_imports","indentation_type"],"diff":"--- src/A.php\n+++ src/A.php\n@@ -1,4 +1,3 @@\n <?php\n \n-use Foo;\n class A {}\n"}],"memory":5,"time":{"total":1.2}}"#;

    #[test]
    fn its_output_is_read() {
        let message = "not as PHP CS Fixer writes it: no_unused_imports, indentation_type";
        let hit = Hit::new("src/A.php", "format", Severity::Major, message).at(3, None);
        let help = Some("lint-check --fix, or php-cs-fixer fix".into());
        assert_eq!(parse(&printed(8, FOUND, "")).unwrap(), [Hit { help, ..hit }]);
        assert_eq!(parse(&printed(0, r#"{"files":[]}"#, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        assert!(!ADAPTER.exits.contains(&16));
        assert!(parse(&printed(8, &FOUND[..100], "")).is_err());
        // All that it has to say is that a file is broken, which it does not say as JSON.
        assert!(parse(&printed(4, r#"{"files":[]}"#, "Files that were not fixed")).is_err());
    }
}
