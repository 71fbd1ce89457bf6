//! squawk's rules for migrations, as this project's own `migrate-db check` applies them.

use super::{Adapter, Step, Unit, Wanted, findings_of_steps};

/// All statements are checked, for what is told again depends on the files alone; of these only the ones
/// to check are told.
pub(super) const ADAPTER: Adapter = Adapter {
    name: "squawk",
    about: "migrations of databases: what locks or breaks (migrate-db check)",
    // The names that migrate-db takes; other programs have other ones.
    files: &["**/migrations/V*__*.sql", "**/migrations/R__*.sql"],
    wanted: Wanted::ByFiles,
    configs: &[],
    shared: &[("landfall.toml", "migrate-db")],
    heeds: &[],
    programs: &["migrate-db"],
    // What it compares with is told to it: it has no token to fetch that, and the result depends on it.
    args: &["check", "--all", "--output", "json", "--against={target}"],
    bare: &[],
    unit: Unit::Service(Step::MigrateDb),
    reads_others: false,
    hides_lines: false,
    exits: &[0, 3],
    parse: findings_of_steps::parse,
    fix: None,
    install: "migrate-db is a step of landfall, as lint-check: put it beside it",
    rules: Some("https://squawkhq.com/docs/{rule}"),
};

#[cfg(test)]
mod tests {
    use findings::Severity;

    use super::super::{Hit, printed};
    use super::*;

    const FOUND: &str = r##"{
  "step": "migrate-db", "version": "0.1.0", "env": null, "dry_run": false,
  "outcome": "failed", "exit_code": 3, "seconds": 0.038,
  "error": {"message": "1 finding is major or worse"},
  "report": {
    "engine": "postgres", "folders": ["migrations"], "files": 1, "checked": 1, "fail_on": "major",
    "findings": [
      {
        "rule": "adding-required-field", "severity": "major",
        "message": "Adding a new column that is `NOT NULL`",
        "help": "Make the field nullable",
        "path": "migrations/V1__a.sql", "line": 2, "column": 15, "end_line": 2, "end_column": 40,
        "fingerprint": "f1a8d816654e373e9dcf2c281bd2e536"
      }
    ]
  }
}"##;

    #[test]
    fn its_output_is_read() {
        let message = "Adding a new column that is `NOT NULL`";
        let path = "migrations/V1__a.sql";
        let hit = Hit::new(path, "adding-required-field", Severity::Major, message);
        let hit = Hit { help: Some("Make the field nullable".into()), ..hit };
        let parse = ADAPTER.parse;
        assert_eq!(parse(&printed(3, FOUND, "")).unwrap(), [hit.at(2, Some(15)).to(Some((2, 40)))]);
        let none = r#"{"outcome": "passed", "report": {"files": 1, "findings": []}}"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_run_that_failed_has_no_findings() {
        let failed =
            r#"{"outcome": "invalid", "error": {"message": "landfall.toml:1:1: unknown key"}}"#;
        let unreadable = (ADAPTER.parse)(&printed(3, failed, "")).unwrap_err();
        assert_eq!(unreadable.0, "its output has no `findings`");
    }
}
