//! Descriptions of HTTP APIs, as this project's own `gen-openapi lint` checks them.

use super::{Adapter, Step, Unit, Wanted, findings_of_steps};

/// All descriptions of a service at once, for references lead from one to the other, and entries of the
/// ignore file count for all.
pub(super) const ADAPTER: Adapter = Adapter {
    name: "gen-openapi",
    about: "OpenAPI: what is invalid or hurts those who use it (gen-openapi lint)",
    files: &["*.json", "*.yaml", "*.yml"],
    wanted: Wanted::ByContent(&[
        "openapi: 3",
        "openapi: \"3",
        "openapi: '3",
        "\"openapi\": \"3",
        "\"openapi\":\"3",
    ]),
    configs: &[],
    shared: &[],
    heeds: &["landfall.toml", ".openapi-lint-ignore"],
    programs: &["gen-openapi"],
    args: &["lint", "--output", "json", "--", "{files}"],
    bare: &[],
    unit: Unit::Service(Step::GenOpenapi),
    reads_others: false,
    hides_lines: false,
    exits: &[0, 3],
    parse: findings_of_steps::parse,
    fix: None,
    install: "gen-openapi is a step of landfall, as lint-check: put it beside it",
    rules: None,
};

#[cfg(test)]
mod tests {
    use findings::Severity;

    use super::super::{Hit, printed};
    use super::*;

    #[test]
    fn its_output_is_read() {
        let found = r##"{"outcome": "failed", "exit_code": 3, "report": {"files": ["api.yml"], "findings": [
            {"rule": "operation-summary", "severity": "minor",
             "message": "the operation has no summary", "help": "say in a few words what it does",
             "path": "api.yml", "line": 6, "column": 7, "within": "#/paths/~1a/get",
             "fingerprint": "a4335b7ee1d4c7c5d68d9896c9c45c84"}]}}"##;
        let message = "the operation has no summary";
        let hit = Hit::new("api.yml", "operation-summary", Severity::Minor, message);
        let hit = Hit {
            help: Some("say in a few words what it does".into()),
            within: Some("#/paths/~1a/get".into()),
            ..hit
        };
        let parse = ADAPTER.parse;
        assert_eq!(parse(&printed(3, found, "")).unwrap(), [hit.at(6, Some(7))]);
        let none = r#"{"outcome": "passed", "report": {"findings": []}}"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
        assert!(parse(&printed(3, &found[..120], "")).is_err());
    }
}
