//! The files that a check writes besides its report, as options of its command line.

use std::path::PathBuf;

use step_core::output;

use crate::{Failure, Findings, Severity, Tool};

/// Where to write what was found, and when it fails the run.
#[derive(Debug, Clone, clap::Args)]
pub struct Reports {
    /// What makes the check fail (3): a finding as bad as this, or worse
    #[arg(
        long,
        env = "LANDFALL_CHECK_FAIL_ON",
        value_enum,
        value_name = "SEVERITY",
        default_value = "major"
    )]
    pub fail_on: Severity,

    /// The files.
    #[command(flatten)]
    pub files: Files,
}

/// Where to write what was found.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Files {
    /// Also write what was found for GitLab's Code Quality
    #[arg(long, value_name = "FILE")]
    pub codequality: Option<PathBuf>,

    /// Also write what was found as JUnit XML, a test for each file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Also write what was found as SARIF 2.1.0
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
}

impl Reports {
    /// Writes those that are asked for; `checked` are the paths of all files that were looked at, and
    /// `suite` is the name of the test suite.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write(
        &self,
        findings: &Findings,
        checked: &[String],
        suite: &str,
        tool: Tool<'_>,
    ) -> anyhow::Result<()> {
        self.write_with_failures(findings, checked, &[], suite, tool)
    }

    /// As [`write`](Self::write), of a check of which parts have failed themselves.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write_with_failures(
        &self,
        findings: &Findings,
        checked: &[String],
        failures: &[Failure],
        suite: &str,
        tool: Tool<'_>,
    ) -> anyhow::Result<()> {
        self.files.write_all(findings, (checked, failures), self.fail_on, suite, tool)
    }
}

impl Files {
    /// Writes those that are asked for; what is as bad as `fail_on` fails its test.
    ///
    /// # Errors
    /// Names the path that cannot be written.
    pub fn write(
        &self,
        findings: &Findings,
        checked: &[String],
        fail_on: Severity,
        suite: &str,
        tool: Tool<'_>,
    ) -> anyhow::Result<()> {
        self.write_all(findings, (checked, &[]), fail_on, suite, tool)
    }

    /// That one cannot be written does not keep the others from being.
    fn write_all(
        &self,
        findings: &Findings,
        (checked, failures): (&[String], &[Failure]),
        fail_on: Severity,
        suite: &str,
        tool: Tool<'_>,
    ) -> anyhow::Result<()> {
        let codequality = self.codequality.as_ref().map(|path| findings.write_codequality(path));
        let junit = self.junit.as_ref();
        let junit = junit.map(|path| findings.write_junit(path, suite, checked, failures, fail_on));
        let sarif = self.sarif.as_ref().map(|path| findings.write_sarif(path, tool, failures));
        let written = [codequality, junit, sarif].into_iter().flatten();
        let mut errors = written.filter_map(Result::err);
        let Some(first) = errors.next() else { return Ok(()) };
        errors.for_each(|err| output::warn(format!("{err:#}")));
        Err(first)
    }
}
