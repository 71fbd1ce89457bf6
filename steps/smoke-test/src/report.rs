//! What became of the checks: for people, for programs, and as the step's verdict.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use step_core::secret::redact;
use step_core::{Exit, Fail, Report};

use crate::Ctx;
use crate::attempt::Attempt;
use crate::checks::{Check, Kind, Method};
use crate::expect::Mismatch;

/// What stands among the checks when they passed, but not often enough in a row.
pub(crate) const IN_A_ROW: &str = "all checks in a row";

/// The report of this step.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<String>,
    /// Address of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// The revision that should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revision: Option<String>,
    /// Digest of the image that should run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// How often the checks were made.
    pub(crate) rounds: u32,
    /// How often they all passed, in a row, up to the end.
    pub(crate) passes: u32,
    /// How often they had to.
    pub(crate) passes_needed: u32,
    pub(crate) checks: Vec<Checked>,
    /// The checks whose answers the end of time cut off, after a round in which all passed.
    #[serde(skip)]
    unanswered: Vec<String>,
    #[serde(skip)]
    limit: Duration,
}

/// What became of a check: its last attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Checked {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) target: Target,
    state: State,
    /// Status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Until the last byte of the answer, or the end of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<u64>,
    /// How often it was made.
    pub(crate) attempts: u32,
    /// What was not as expected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) mismatches: Vec<Mismatch>,
    /// The beginning of the body, when the check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// The last lines that a program printed, when the check failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    said: Vec<String>,
    /// Whether the last attempt brought an answer, right or wrong.
    #[serde(skip)]
    answered: bool,
    /// Whether an attempt ever reached the service, or was a program that ran.
    #[serde(skip)]
    reached: bool,
    /// Whether it was for the certificate that there was none.
    #[serde(skip)]
    distrusted: bool,
}

/// What a check is made on.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Target {
    /// A request; its address as it is written, with gaps.
    Http { method: Method, url: String },
    /// A file of Hurl.
    Hurl { hurl: String },
    /// A program and its arguments.
    Command { command: Vec<String> },
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
            digest: ctx.digest.clone(),
            rounds: 0,
            passes: 0,
            passes_needed: ctx.passes,
            checks: ctx.checks.iter().map(|check| Checked::planned(check, ctx)).collect(),
            unanswered: Vec::new(),
            limit: ctx.deadline.limit(),
        }
    }

    /// Takes in the results of a round, in the order of the checks.
    pub(crate) fn add_round(&mut self, attempts: Vec<Attempt>) {
        self.rounds += 1;
        self.outcome = Outcome::Failed;
        let mut cut = Vec::new();
        for (at, attempt) in attempts.into_iter().enumerate() {
            let checked = &mut self.checks[at];
            checked.attempts += 1;
            checked.reached |= attempt.reached;
            // The end of the step's time says nothing about the service: the round before counts.
            if attempt.cut_off && checked.attempts > 1 {
                cut.push((at, attempt));
            } else {
                checked.take_in(attempt);
            }
        }
        if self.failed().next().is_some() {
            self.passes = 0;
        } else if cut.is_empty() {
            self.passes += 1;
        } else if self.passes > 0 {
            self.unanswered = cut.into_iter().map(|(at, _)| self.checks[at].name.clone()).collect();
        } else {
            // Nothing but this says why there was no round in which all passed.
            cut.into_iter().for_each(|(at, attempt)| self.checks[at].take_in(attempt));
        }
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
            let rest = match &self.unanswered[..] {
                [] => String::new(),
                names => format!("; then time was up before an answer to {}", names.join(", ")),
            };
            format!("all checks passed {passes} of {needed} times in a row within {limit}{rest}")
        })
    }

    /// The checks as a verdict lists them; that they did not pass often enough is a failed one.
    pub(crate) fn verdicts(&self) -> Vec<verdict::Check> {
        let made = self.checks.iter().map(|check| (&*check.name, check.state == State::Passed));
        let unsteady = self.unsteady().map(|_| (IN_A_ROW, false));
        let verdict = |(name, passed)| verdict::Check {
            name: redact(name).into_owned(),
            outcome: if passed { verdict::Outcome::Passed } else { verdict::Outcome::Failed },
        };
        made.chain(unsteady).map(verdict).collect()
    }

    /// The address at which nothing answered: that of the service, or of the check when it has one
    /// of its own.
    fn silent_address(&self) -> &str {
        let own = self.failed().find_map(|check| match &check.target {
            Target::Http { url, .. } => Some(url.as_str()),
            _ => None,
        });
        let own = own.unwrap_or_default();
        let base = self.url.as_deref();
        let is_below = |base: &&str| own.starts_with(&format!("{}/", base.trim_end_matches('/')));
        base.filter(is_below).unwrap_or(own)
    }

    fn failed(&self) -> impl Iterator<Item = &Checked> {
        self.checks.iter().filter(|check| check.has_failed())
    }
}

impl Checked {
    pub(crate) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    pub(crate) fn has_answer(&self) -> bool {
        self.answered
    }

    pub(crate) fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.unwrap_or_default())
    }

    /// `200 in 12 ms`, if there was an answer.
    pub(crate) fn last_answer(&self) -> Option<String> {
        let took = format!("{} ms", self.latency_ms?);
        Some(self.status.map_or_else(|| took.clone(), |status| format!("{status} in {took}")))
    }

    /// What was wrong, each on a line of its own, the body last.
    pub(crate) fn complaint(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.mismatches.iter().map(ToString::to_string).collect();
        lines.extend(self.body.as_ref().map(|body| format!("body: {body}")));
        lines.extend(self.said.iter().map(|line| format!("| {line}")));
        lines
    }

    fn planned(check: &Check, ctx: &Ctx) -> Self {
        let target = match &check.kind {
            Kind::Http(http) => {
                Target::Http { method: http.method, url: http.shown_address(ctx.base.as_ref()) }
            }
            Kind::Hurl(hurl) => Target::Hurl { hurl: hurl.file.display().to_string() },
            Kind::Command(command) => Target::Command { command: command.words.clone() },
        };
        Self {
            name: check.name.clone(),
            target,
            state: State::Planned,
            status: None,
            latency_ms: None,
            attempts: 0,
            mismatches: Vec::new(),
            body: None,
            said: Vec::new(),
            answered: false,
            reached: false,
            distrusted: false,
        }
    }

    /// Takes in the result of an attempt.
    fn take_in(&mut self, attempt: Attempt) {
        self.state = if attempt.passed() { State::Passed } else { State::Failed };
        self.status = attempt.status;
        self.latency_ms = attempt.latency.and_then(|latency| latency.as_millis().try_into().ok());
        self.mismatches = attempt.mismatches;
        self.body = attempt.body;
        self.said = attempt.said;
        self.answered = attempt.answered;
        self.distrusted = attempt.distrusted;
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Http { method, url } => write!(f, "{method} {url}"),
            Target::Hurl { hurl } => write!(f, "hurl {hurl}"),
            Target::Command { command } => f.write_str(&command.join(" ")),
        }
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
        if self.failed().all(|check| !check.reached) {
            let url = self.silent_address();
            let message = format!("nothing answered at {url} within {limit}: {reason}");
            let help = if self.failed().any(|check| check.distrusted) {
                "renew the certificate, or name the authority that issued it with \
                 SSL_CERT_FILE=FILE; compare the clock of this machine as well (`date`)"
            } else {
                "check that the service runs and that its address can be reached from here"
            };
            return Err(Fail::new(Exit::Unreachable, message).help(help));
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
        let Self { name, target, .. } = self;
        let width = f.width().unwrap_or(0);
        match self.state {
            State::Planned => write!(f, "planned  {name:width$}  {target}"),
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
