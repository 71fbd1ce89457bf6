//! The files that a check writes besides its report, as options of its command line.

use std::path::PathBuf;

use crate::{Findings, Severity, Tool};

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
        self.files.write(findings, checked, self.fail_on, suite, tool)
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
        if let Some(path) = &self.codequality {
            findings.write_codequality(path)?;
        }
        if let Some(path) = &self.junit {
            findings.write_junit(path, suite, checked, fail_on)?;
        }
        if let Some(path) = &self.sarif {
            findings.write_sarif(path, tool)?;
        }
        Ok(())
    }
}
