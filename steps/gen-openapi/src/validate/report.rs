//! The report of `validate` and `lint`.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use findings::{Finding, Findings, Reports, Severity, Tool};
use serde::Serialize;
use step_core::{Fail, Report};

use crate::document::Sources;
use crate::problem::{Problem, findings};

/// How many findings of one rule in one file are shown to people.
const SHOWN: usize = 20;

/// What was found in descriptions.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// What was read.
    files: Vec<String>,
    fail_on: Severity,
    /// How many findings the ignore file accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<usize>,
    /// The ignore file, when it is to be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_file: Option<PathBuf>,
    /// What became of the ignore file.
    #[serde(skip)]
    outcome: Option<Outcome>,
    /// What to do about findings.
    #[serde(skip)]
    advice: &'static str,
    findings: Findings,
    /// All rules, when they are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rules: Vec<Listed>,
    /// Why a file could not be written.
    #[serde(skip)]
    not_written: Option<Fail>,
}

/// What became of the ignore file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Written,
    Unchanged,
    /// `--dry-run`: it would be written.
    Planned,
}

/// A rule of `lint`.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    pub(crate) rule: &'static str,
    /// Nothing when it is off.
    pub(crate) level: Option<Severity>,
    pub(crate) why: &'static str,
    pub(crate) help: &'static str,
}

impl Checked {
    pub(crate) fn new(problems: Vec<Problem>, sources: &Sources, fail_on: Severity) -> Self {
        let files = sources.names().map(str::to_owned).collect();
        let findings = findings(&problems, sources);
        Self {
            files,
            fail_on,
            accepted: None,
            ignore_file: None,
            outcome: None,
            advice: "",
            findings,
            rules: Vec::new(),
            not_written: None,
        }
    }

    /// A report that lists rules.
    pub(crate) fn listing(rules: Vec<Listed>, fail_on: Severity) -> Self {
        Self { rules, ..Self::new(Vec::new(), &Sources::default(), fail_on) }
    }

    /// So many findings are accepted by the ignore file.
    pub(crate) fn accepted(mut self, count: usize) -> Self {
        self.accepted = (count > 0).then_some(count);
        self
    }

    /// Adds findings that are in no description.
    pub(crate) fn with(mut self, more: Vec<Finding>) -> Self {
        if !more.is_empty() {
            let all = self.findings.iter().cloned().chain(more).collect();
            self.findings = Findings::new(all);
        }
        self
    }

    /// What to do about findings.
    pub(crate) fn advice(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    /// What became of the ignore file.
    pub(crate) fn ignore_file(mut self, path: PathBuf, outcome: Outcome) -> Self {
        (self.ignore_file, self.outcome) = (Some(path), Some(outcome));
        self
    }

    /// Writes the files that are asked for; `tool` is the command. That one cannot be written is in the
    /// verdict: what was found is told all the same.
    pub(crate) fn written(mut self, reports: &Reports, sources: &Sources, tool: &str) -> Self {
        let checked: Vec<String> = sources.names().map(str::to_owned).collect();
        let of = Tool { name: tool, version: env!("CARGO_PKG_VERSION") };
        let written = reports.write(&self.findings, &checked, tool, of);
        self.not_written = written.err().map(|err| Fail::whole(&err));
        self
    }
}

impl Report for Checked {
    fn outcome(&self) -> &str {
        match (self.outcome, self.verdict()) {
            _ if !self.rules.is_empty() => "listed",
            (Some(Outcome::Written), _) => "written",
            (Some(Outcome::Unchanged), _) => "unchanged",
            (Some(Outcome::Planned), _) => "planned",
            (None, Ok(())) => "passed",
            (None, Err(_)) => "failed",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        if let Some(fail) = &self.not_written {
            return Err(fail.clone());
        }
        self.findings.verdict(self.fail_on).map_err(|fail| fail.help(self.advice))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rules.is_empty() {
            return list(&self.rules, f);
        }
        let mut counts: HashMap<(&str, &str), usize> = HashMap::new();
        for finding in self.findings.iter() {
            let count = counts.entry((finding.place().path(), finding.rule())).or_default();
            *count += 1;
            if *count <= SHOWN {
                writeln!(f, "{finding}")?;
            }
        }
        let mut hidden: Vec<_> = counts.into_iter().filter(|(_, count)| *count > SHOWN).collect();
        hidden.sort_unstable();
        for ((path, rule), count) in hidden {
            writeln!(f, "{path}: {} more of {rule}: see --output json", count - SHOWN)?;
        }
        write!(f, "{}: {}", self.files.join(", "), self.findings.summary())?;
        if let Some(accepted) = self.accepted {
            write!(f, ", {accepted} more accepted")?;
        }
        let (Some(path), Some(outcome)) = (&self.ignore_file, self.outcome) else { return Ok(()) };
        let path = path.display();
        match outcome {
            Outcome::Written => write!(f, ", written to {path}"),
            Outcome::Unchanged => write!(f, ", all of it in {path} already"),
            Outcome::Planned => write!(f, ", would be written to {path}"),
        }
    }
}

/// Names and levels in columns, and below each its reason.
fn list(rules: &[Listed], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let width = rules.iter().map(|it| it.rule.len()).max().unwrap_or_default();
    for (number, it) in rules.iter().enumerate() {
        if number > 0 {
            f.write_str("\n")?;
        }
        let level = it.level.map_or("off", Severity::as_str);
        write!(f, "{:width$}  {level:8}  {}", it.rule, it.why)?;
    }
    Ok(())
}
