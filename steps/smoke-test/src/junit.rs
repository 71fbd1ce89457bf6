//! The report as JUnit XML, which GitLab shows in the merge request and in the pipeline.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use step_core::secret::redact;
use step_core::write_atomically;

use crate::report::{Checked, IN_A_ROW, Tested};

/// Writes the report of a test that took `time`, of the checks in `file`.
///
/// # Errors
/// Names the path.
pub(crate) fn write(
    path: &Path,
    tested: &Tested,
    file: &Path,
    time: Duration,
) -> anyhow::Result<()> {
    write_atomically(path, xml(tested, file, time)?.as_bytes())
}

fn xml(tested: &Tested, file: &Path, time: Duration) -> anyhow::Result<String> {
    let class = match &tested.env {
        Some(env) => format!("smoke-test.{env}"),
        None => "smoke-test".to_owned(),
    };
    let mut suite = TestSuite::new(class.as_str());
    suite.set_time(time);
    for check in &tested.checks {
        let mut case = case(&class, &check.name, status(check));
        case.set_time(check.latency());
        case.extra.insert("file".into(), file.display().to_string().into());
        suite.add_test_case(case);
    }
    if let Some(unsteady) = tested.unsteady() {
        let status = non_success(NonSuccessKind::Failure, &[unsteady]);
        suite.add_test_case(case(&class, IN_A_ROW, status));
    }
    let mut report = Report::unnamed();
    report.set_time(time).add_test_suite(suite);
    Ok(report.to_string()?)
}

/// Text is redacted before it is escaped: a secret with a quote in it would not be found in XML.
fn case(class: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(redact(name), status);
    case.set_classname(redact(class));
    case
}

fn status(check: &Checked) -> TestCaseStatus {
    match (check.has_failed(), check.has_answer()) {
        (false, _) => TestCaseStatus::success(),
        (true, true) => non_success(NonSuccessKind::Failure, &check.complaint()),
        (true, false) => non_success(NonSuccessKind::Error, &check.complaint()),
    }
}

/// GitLab shows the text of the element, other readers show the attribute.
fn non_success(kind: NonSuccessKind, complaint: &[String]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(redact(complaint.first().map(String::as_str).unwrap_or_default()));
    status.set_description(redact(&complaint.join("\n")));
    status
}
