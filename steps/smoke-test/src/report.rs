//! What became of the checks: for people, for programs, and as the step's verdict.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use step_core::{Exit, Fail, Report};

use crate::Ctx;
use crate::checks::Method;
use crate::expect::{Answer, Mismatch, excerpt, mismatches};
use crate::probe::{NoAnswer, Probe};

/// The report of this step.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// Address of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The revision that should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    /// How often the checks were made.
    pub(crate) rounds: u32,
    /// How often they all passed, in a row, up to the end.
    pub(crate) passes: u32,
    /// How often they had to.
    pub(crate) passes_needed: u32,
    pub(crate) checks: Vec<Checked>,
    #[serde(skip)]
    limit: Duration,
    /// Whether anything ever answered.
    #[serde(skip)]
    answered: bool,
}

/// What became of a check: its last attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    pub(crate) name: String,
    method: Method,
    pub(crate) url: String,
    state: State,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Until the last byte of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    /// How many requests were sent.
    attempts: u32,
    /// What was not as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mismatches: Vec<Mismatch>,
    /// The beginning of the body, when the check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// What became of all checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Passed,
    Failed,
    Planned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Passed,
    Failed,
    Planned,
}

impl Tested {
    /// Nothing was sent yet.
    pub(crate) fn planned(ctx: &Ctx) -> Self {
        Self {
            outcome: Outcome::Planned,
            env: ctx.env.clone(),
            url: ctx.base.as_ref().map(ToString::to_string),
            revision: ctx.revision.clone(),
            rounds: 0,
            passes: 0,
            passes_needed: ctx.passes,
            checks: ctx.probes.iter().map(Checked::planned).collect(),
            limit: ctx.deadline.limit(),
            answered: false,
        }
    }

    /// Takes in the results of a round, in the order of the checks.
    pub(crate) fn add_round(&mut self, probes: &[Probe], results: Vec<Result<Answer, NoAnswer>>) {
        self.rounds += 1;
        self.outcome = Outcome::Failed;
        self.answered |= results.iter().any(|result| match result {
            Ok(_) => true,
            Err(none) => none.spoke,
        });
        let revision = self.revision.as_deref();
        let mut all_passed = true;
        for ((checked, probe), result) in self.checks.iter_mut().zip(probes).zip(results) {
            all_passed &= checked.add(probe, result, revision);
        }
        self.passes = if all_passed { self.passes + 1 } else { 0 };
        if self.passes >= self.passes_needed {
            self.outcome = Outcome::Passed;
        }
    }

    /// Whether the checks passed often enough in a row.
    pub(crate) fn has_passed(&self) -> bool {
        self.outcome == Outcome::Passed
    }

    /// Where the test stands, for a line of progress.
    pub(crate) fn standing(&self) -> String {
        let waits: Vec<String> = self
            .failed()
            .filter_map(|check| {
                Some(format!("{} ({})", check.name, check.mismatches.first()?.brief()))
            })
            .collect();
        if waits.is_empty() {
            return format!("passed {} of {} times", self.passes, self.passes_needed);
        }
        format!("waiting for {}", waits.join(", "))
    }

    /// All checks passed, but not often enough in a row before time was up.
    pub(crate) fn unsteady(&self) -> Option<String> {
        let unsteady = self.outcome == Outcome::Failed && self.failed().next().is_none();
        let limit = humantime::format_duration(self.limit);
        unsteady.then(|| {
            let (passes, needed) = (self.passes, self.passes_needed);
            format!("all checks passed {passes} of {needed} times in a row within {limit}")
        })
    }

    fn failed(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|check| check.has_failed())
    }
}

impl Checked {
    pub(crate) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// Whether the last attempt brought an answer, right or wrong.
    pub(crate) fn has_answer(&self) -> bool {
        self.status.is_some()
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.unwrap_or_default())
    }

    /// `200 in 12 ms`, if there was an answer.
    fn last_answer(&self) -> Option<String> {
        Some(format!("{} in {} ms", self.status?, self.latency_ms?))
    }

    /// What was wrong, each on a line of its own, the body last.
    pub(crate) fn complaint(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.mismatches.iter().map(ToString::to_string).collect();
        lines.extend(self.body.as_ref().map(|body| format!("body: {body}")));
        lines
    }

    fn planned(probe: &Probe) -> Self {
        Self {
            name: probe.check.name.clone(),
            method: probe.check.method,
            url: probe.url.to_string(),
            state: State::Planned,
            status: None,
            latency_ms: None,
            attempts: 0,
            mismatches: Vec::new(),
            body: None,
        }
    }

    /// Takes in the result of an attempt; whether it passed.
    fn add(
        &mut self,
        probe: &Probe,
        result: Result<Answer, NoAnswer>,
        revision: Option<&str>,
    ) -> bool {
        self.attempts += 1;
        match result {
            // The end of the step's time says nothing about the service: the round before counts.
            Err(none) if none.cut_off && self.attempts > 1 => return false,
            Err(none) => {
                self.mismatches = vec![Mismatch::no_answer(&none.reason)];
                (self.status, self.latency_ms, self.body) = (None, None, None);
                self.state = State::Failed;
            }
            Ok(answer) => {
                self.mismatches = mismatches(&probe.check, &answer, revision);
                let failed = !self.mismatches.is_empty();
                let is_shown = self.mismatches.iter().any(Mismatch::shows_the_body);
                let body = (failed && !is_shown).then(|| excerpt(&answer.body));
                self.body = body.filter(|body| !body.is_empty());
                self.status = Some(answer.status.as_u16());
                self.latency_ms = u64::try_from(answer.latency.as_millis()).ok();
                self.state = if failed { State::Failed } else { State::Passed };
            }
        }
        self.state == State::Passed
    }
}

impl Report for Tested {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "failed",
            Outcome::Planned => "planned",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        if self.outcome != Outcome::Failed {
            return Ok(());
        }
        let limit = humantime::format_duration(self.limit);
        if let Some(unsteady) = self.unsteady() {
            return Err(Fail::new(Exit::Negative, unsteady).help(
                "raise --timeout if there was no time for more, or look into the service's log",
            ));
        }
        let first = self.failed().find_map(|check| check.mismatches.first());
        let reason = first.map_or("no answer", Mismatch::actual);
        if !self.answered {
            let url = self.url.as_ref().or(self.checks.first().map(|check| &check.url));
            let url = url.map(String::as_str).unwrap_or_default();
            let message = format!("nothing answered at {url} within {limit}: {reason}");
            return Err(Fail::new(Exit::Unreachable, message).help(
                "check that the service runs and that its address can be reached from here",
            ));
        }
        let names: Vec<&str> = self.failed().map(|check| check.name.as_str()).collect();
        let (failed, all, names) = (names.len(), self.checks.len(), names.join(", "));
        let message = format!("{failed} of {all} {} failed within {limit}: {names}", checks(all));
        Err(Fail::new(Exit::Negative, message).help(
            "look into the service's log; if it only needs more time to start, raise --timeout",
        ))
    }
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.checks.len();
        match self.outcome {
            Outcome::Planned => write!(f, "{all} {} planned", checks(all))?,
            _ => write!(f, "{} of {all} {} passed", all - self.failed().count(), checks(all))?,
        }
        if let Some(url) = &self.url {
            write!(f, " at {url}")?;
        }
        if let Some(revision) = &self.revision {
            write!(f, ", revision {revision}")?;
        }
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        self.checks.iter().try_for_each(|check| write!(f, "\n  {check:width$}"))
    }
}

/// One line, names as wide as the width of the format; more lines when it failed.
impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, method, url, .. } = self;
        let width = f.width().unwrap_or(0);
        match self.state {
            State::Planned => write!(f, "planned  {name:width$}  {method} {url}"),
            State::Passed => {
                write!(f, "ok       {name:width$}  {}", self.last_answer().unwrap_or_default())
            }
            State::Failed => {
                let times = if self.attempts == 1 { "attempt" } else { "attempts" };
                let last = self.last_answer().map_or_else(String::new, |last| last + ", ");
                let mut complaint = self.complaint().into_iter();
                let first = complaint.next().unwrap_or_default();
                write!(f, "FAILED   {name:width$}  {first} ({last}{} {times})", self.attempts)?;
                complaint.try_for_each(|line| write!(f, "\n           {:width$}  {line}", ""))
            }
        }
    }
}

fn checks(count: usize) -> &'static str {
    if count == 1 { "check" } else { "checks" }
}
