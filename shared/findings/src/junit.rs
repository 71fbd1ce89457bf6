//! JUnit: a test for each file that was checked. It fails when what was found in the file fails the
//! run; what does not is its output. What could not be checked is an error.

use std::collections::BTreeMap;
use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use step_core::secret::redact;
use step_core::write_atomically;

use crate::{Failure, Finding, Findings, Severity};

impl Findings {
    /// The report of a suite of this name over the files `checked`, in which what is as bad as
    /// `fail_on` is a failure, and a test for each part of the check that failed itself.
    ///
    /// # Errors
    /// None in practice: all is text.
    pub fn junit(
        &self,
        suite_name: &str,
        checked: &[String],
        failures: &[Failure],
        fail_on: Severity,
    ) -> anyhow::Result<String> {
        let mut by_file: BTreeMap<String, Vec<&Finding>> =
            checked.iter().map(|path| (redact(path).into_owned(), Vec::new())).collect();
        for finding in self.iter() {
            by_file.entry(finding.place.path.clone()).or_default().push(finding);
        }
        let mut suite = TestSuite::new(suite_name);
        for (path, findings) in by_file {
            suite.add_test_case(case(suite_name, &path, &findings, fail_on));
        }
        suite.add_test_cases(failures.iter().map(|it| error(suite_name, it)));
        let mut report = Report::unnamed();
        report.add_test_suite(suite);
        Ok(report.to_string()?)
    }

    /// Writes the report of [`junit`](Self::junit).
    ///
    /// # Errors
    /// Names the path.
    pub fn write_junit(
        &self,
        path: &Path,
        suite_name: &str,
        checked: &[String],
        failures: &[Failure],
        fail_on: Severity,
    ) -> anyhow::Result<()> {
        write_atomically(path, self.junit(suite_name, checked, failures, fail_on)?.as_bytes())
    }
}

fn case(suite_name: &str, path: &str, findings: &[&Finding], fail_on: Severity) -> TestCase {
    let (failures, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|it| it.severity >= fail_on);
    let status = match failures.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(first.message.as_str()).set_type(first.rule.as_str());
            // GitLab shows the text of the element, other readers show the attribute.
            status.set_description(lines(&failures));
            status
        }
    };
    let mut case = TestCase::new(path, status);
    case.set_classname(suite_name);
    case.extra.insert("file".into(), path.into());
    if !others.is_empty() {
        case.set_system_out(lines(&others));
    }
    case
}

fn error(suite_name: &str, failure: &Failure) -> TestCase {
    let message = redact(&failure.message).into_owned();
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status
        .set_message(message.lines().next().unwrap_or_default())
        .set_description(message.as_str());
    let mut case = TestCase::new(redact(&failure.name).into_owned(), status);
    case.set_classname(suite_name);
    case
}

fn lines(findings: &[&Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::drops;

    #[test]
    fn a_file_fails_when_something_in_it_fails_the_run() {
        let findings = Findings::new(drops("b.sql", "DROP \"x\" <y>;\nDROP z;\n"));
        let checked = ["a.sql".to_owned(), "b.sql".to_owned()];
        let xml = findings.junit("migrate-db check", &checked, &[], Severity::Major).unwrap();
        assert_eq!(
            xml,
            r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="2" skipped="0" failures="1" errors="0">
    <testsuite name="migrate-db check" tests="2" skipped="0" errors="0" failures="1">
        <testcase name="a.sql" classname="migrate-db check" file="a.sql"/>
        <testcase name="b.sql" classname="migrate-db check" file="b.sql">
            <failure message="It is gone." type="no-drop">b.sql:1:1: major: It is gone. [no-drop]
b.sql:2:1: major: It is gone. [no-drop]</failure>
        </testcase>
    </testsuite>
</testsuites>
"#
        );
    }

    #[test]
    fn what_could_not_be_checked_is_an_error() {
        let failure =
            Failure { name: "linter".to_owned(), message: "it crashed:\nhere".to_owned() };
        let xml = Findings::default().junit("check", &[], &[failure], Severity::Major).unwrap();
        assert!(xml.contains("tests=\"1\" skipped=\"0\" failures=\"0\" errors=\"1\""), "{xml}");
        assert!(xml.contains("<testcase name=\"linter\" classname=\"check\">"), "{xml}");
        assert!(xml.contains("<error message=\"it crashed:\">it crashed:\nhere</error>"), "{xml}");
    }

    #[test]
    fn what_does_not_fail_the_run_is_output() {
        let findings = Findings::new(drops("b.sql", "DROP x;\n"));
        let xml = findings.junit("check", &[], &[], Severity::Critical).unwrap();
        assert!(xml.contains("failures=\"0\""), "{xml}");
        assert!(xml.contains("<system-out>b.sql:1:1: major: It is gone. [no-drop]"), "{xml}");
    }
}
