//! sqlfluff: the style of SQL.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, list, text};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "sqlfluff",
    about: "SQL: style",
    files: &["*.sql"],
    // It has to be told the dialect.
    wanted: Wanted::ByConfig,
    configs: &[".sqlfluff"],
    shared: &[
        ("pyproject.toml", "[tool.sqlfluff"),
        ("setup.cfg", "[sqlfluff"),
        ("tox.ini", "[sqlfluff"),
        ("pep8.ini", "[sqlfluff"),
    ],
    heeds: &[".sqlfluffignore"],
    programs: &["sqlfluff"],
    args: &["lint", "--format", "json", "--disable-progress-bar", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&["fix", "--disable-progress-bar", "--", "{files}"]),
    install: "pip install sqlfluff",
    rules: Some("https://docs.sqlfluff.com/en/stable/reference/rules.html"),
};

/// `json`: <https://docs.sqlfluff.com/en/stable/reference/cli.html>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let files = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    let mut hits = Vec::new();
    for file in files {
        hits.extend(list(file, "violations")?.iter().map(|it| hit(&file["filepath"], it)));
    }
    Ok(hits)
}

fn hit(path: &Value, it: &Value) -> Hit {
    let rule = text(&it["code"]);
    let severity = match rule.as_str() {
        // What its parser does not know may still be SQL of the database.
        "PRS" | "LXR" | "TMP" => Severity::Critical,
        _ if it["warning"] == true => Severity::Minor,
        _ => Severity::Major,
    };
    // Before version 3 the names were other ones.
    let number = |name: &str, before: &str| size_of(&it[name]).or_else(|| size_of(&it[before]));
    Hit::new(text(path), rule, severity, text(&it["description"]))
        .at(number("start_line_no", "line_no").unwrap_or(0), number("start_line_pos", "line_pos"))
        .to(size_of(&it["end_line_no"]).zip(size_of(&it["end_line_pos"])))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of sqlfluff 4.5.0, without its timings.
    const FOUND: &str = r#"[{"filepath": "sql/bad.sql", "violations": [{"start_line_no": 1, "start_line_pos": 12, "code": "CP01", "description": "Keywords must be consistently upper case.", "name": "capitalisation.keywords", "warning": false, "fixes": [{"type": "replace", "edit": "FROM", "start_line_no": 1, "start_line_pos": 12, "start_file_pos": 11, "end_line_no": 1, "end_line_pos": 16, "end_file_pos": 15}], "start_file_pos": 11, "end_line_no": 1, "end_line_pos": 16, "end_file_pos": 15}], "statistics": {"source_chars": 28}}, {"filepath": "sql/syntax.sql", "violations": [{"start_line_no": 1, "start_line_pos": 1, "code": "PRS", "description": "Line 1, Position 1: Found unparsable section", "name": "", "warning": false, "start_file_pos": 0, "end_line_no": 1, "end_line_pos": 19, "end_file_pos": 18}]}]"#;

    #[test]
    fn its_output_is_read() {
        let upper = "Keywords must be consistently upper case.";
        let syntax = "Line 1, Position 1: Found unparsable section";
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new("sql/bad.sql", "CP01", Severity::Major, upper)
                    .at(1, Some(12))
                    .to(Some((1, 16))),
                Hit::new("sql/syntax.sql", "PRS", Severity::Critical, syntax)
                    .at(1, Some(1))
                    .to(Some((1, 19))),
            ]
        );
        let none = r#"[{"filepath": "sql/good.sql", "violations": []}]"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        // Without a dialect it ends with 2; with one that it does not know it breaks.
        assert!(!ADAPTER.exits.contains(&2));
        let said =
            "Traceback (most recent call last):\n  File \"x\"\nKeyError: 'Unknown dialect'\n";
        assert!(parse(&printed(1, "", said)).is_err());
        assert!(parse(&printed(1, &FOUND[..300], "")).is_err());
    }
}
