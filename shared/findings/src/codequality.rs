//! GitLab's Code Quality: what was found stands in the merge request, and in its diff.

use std::path::Path;

use serde_json::json;
use step_core::write_atomically;

use crate::Findings;

impl Findings {
    /// The report as GitLab reads it; an empty array when nothing was found.
    pub fn codequality(&self) -> String {
        let issues = self.iter().map(|it| {
            json!({
                "description": it.description(),
                "check_name": it.rule,
                "fingerprint": it.fingerprint,
                "severity": it.severity,
                "location": { "path": it.place.path, "lines": { "begin": it.place.line } },
            })
        });
        format!("{:#}\n", serde_json::Value::Array(issues.collect()))
    }

    /// Writes the report of GitLab's Code Quality.
    ///
    /// # Errors
    /// Names the path.
    pub fn write_codequality(&self, path: &Path) -> anyhow::Result<()> {
        write_atomically(path, self.codequality().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::drops;
    use crate::{Finding, Findings, Severity, Source};

    #[test]
    fn each_issue_holds_what_gitlab_reads_and_nothing_else() {
        let mut list = drops("db/a.sql", "SELECT 1;\nDROP x;\n");
        list[0] = list[0].clone().help("Keep it.");
        let findings = Findings::new(list);
        let issues: serde_json::Value = serde_json::from_str(&findings.codequality()).unwrap();
        assert_eq!(
            issues,
            serde_json::json!([{
                "description": "It is gone. Keep it.",
                "check_name": "no-drop",
                "fingerprint": findings.0[0].fingerprint,
                "severity": "major",
                "location": { "path": "db/a.sql", "lines": { "begin": 2 } },
            }])
        );
    }

    #[test]
    fn a_help_that_is_no_sentence_does_not_stand_behind_a_full_stop() {
        let mut list = drops("db/a.sql", "DROP x;\n");
        list[0] =
            Finding::new("r", Severity::Major, "it is gone", list[0].place.clone()).help("keep it");
        let issues: serde_json::Value =
            serde_json::from_str(&Findings::new(list).codequality()).unwrap();
        assert_eq!(issues[0]["description"], "it is gone; keep it");
    }

    #[test]
    fn severities_are_those_of_gitlab() {
        let names = ["info", "minor", "major", "critical", "blocker"];
        for (severity, name) in Severity::ALL.into_iter().zip(names) {
            let place = Source::new("a", "x").line(1);
            let findings = Findings::new(vec![Finding::new("r", severity, "m", place)]);
            let issues: serde_json::Value = serde_json::from_str(&findings.codequality()).unwrap();
            assert_eq!(issues[0]["severity"], name);
            assert_eq!(severity.to_string(), name);
        }
    }

    #[test]
    fn a_report_of_nothing_is_an_empty_array() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/report.json");
        Findings::default().write_codequality(&path).unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "[]\n");
    }
}
