//! What became of a run: for people, as JSON, as JUnit and as variables.

use anyhow::Context;
use std::fmt;
use std::path::Path;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;
use step_core::secret::redact;
use step_core::{Exit, Fail, Report, write_atomically};

use crate::failure::Failure;
use crate::plan::Change;
use crate::preflight::{self, Check};
use crate::settings::Settings;

/// What became of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It ran already.
    Unchanged,
    /// `--dry-run`: the changes that would be made.
    Planned,
    /// It runs.
    Deployed,
    /// A newer deployment took over.
    Superseded,
    /// The time is up, and it goes on.
    TimedOut,
    /// The old revision runs again.
    RolledBack,
    /// It failed, and nothing that ran before runs again.
    Failed,
}

impl Outcome {
    /// The word in reports.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
            Outcome::Deployed => "deployed",
            Outcome::Superseded => "superseded",
            Outcome::TimedOut => "timed_out",
            Outcome::RolledBack => "rolled_back",
            Outcome::Failed => "failed",
        }
    }

    fn exit(self) -> Exit {
        match self {
            Outcome::Unchanged | Outcome::Planned | Outcome::Deployed => Exit::Done,
            Outcome::Superseded => Exit::Superseded,
            Outcome::TimedOut => Exit::TimedOut,
            Outcome::RolledBack => Exit::RolledBack,
            Outcome::Failed => Exit::Failed,
        }
    }
}

/// The report of a deployment.
#[derive(Debug, Serialize)]
pub struct Deployed {
    pub(crate) outcome: Outcome,
    pub(crate) services: Vec<UnitReport>,
    /// A program that had to succeed after the deployment failed, and the deployment stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Failure>,
    /// Whether what would change is a failure.
    #[serde(skip)]
    pub(crate) check: bool,
}

/// What became of one service, or task on a schedule.
#[derive(Debug, Serialize)]
pub struct UnitReport {
    pub(crate) name: String,
    pub(crate) outcome: Outcome,
    pub(crate) cluster: String,
    /// ARN of the service, or name of the rule.
    pub(crate) service: String,
    #[serde(skip)]
    pub(crate) is_rule: bool,
    /// ARN of what runs now.
    pub(crate) task_definition: String,
    /// The image that runs now.
    pub(crate) image: Option<String>,
    /// Id of the deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deployment: Option<String>,
    pub(crate) changes: Vec<Change>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<Failure>,
    /// Why it could not be followed to its end.
    #[serde(skip)]
    pub(crate) error: Option<Fail>,
}

impl Deployed {
    pub(crate) fn new(services: Vec<UnitReport>, check: bool) -> Self {
        let outcome = services.iter().map(|unit| unit.outcome).max().unwrap_or(Outcome::Unchanged);
        Self { outcome, services, after: None, check }
    }

    /// What a later job asks for, where there are several: the first service, for a rule runs nothing
    /// by itself.
    fn first_service(&self) -> Option<&UnitReport> {
        let service = self.services.iter().find(|unit| !unit.is_rule);
        service.or(self.services.first())
    }
}

impl Report for Deployed {
    fn outcome(&self) -> &str {
        self.outcome.word()
    }

    fn verdict(&self) -> Result<(), Fail> {
        if self.check && self.outcome == Outcome::Planned {
            return Err(Fail::new(Exit::Negative, "something would change")
                .help("deploy without --check to change it"));
        }
        if let Some(failure) = &self.after {
            return Err(Fail::new(Exit::Negative, failure.to_string()).help(
                "the image runs all the same; mend the cause, or `deploy-fargate rollback` takes it back",
            ));
        }
        let worst = self.services.iter().filter(|unit| unit.outcome == self.outcome);
        // Of those that went back the one that is the cause: it has a reason.
        let worst = worst.max_by_key(|unit| (unit.error.is_some(), unit.failure.is_some()));
        let Some(unit) = worst.filter(|_| self.outcome.exit() != Exit::Done) else { return Ok(()) };
        let prefix =
            if self.services.len() > 1 { format!("{}: ", unit.name) } else { String::new() };
        let fail = unit.error.clone().unwrap_or_else(|| unit.fail());
        let message = format!("{prefix}{fail}");
        let help = fail.help_text().unwrap_or("run the step again").to_owned();
        Err(Fail::new(fail.exit(), message).help(help))
    }
}

impl UnitReport {
    fn fail(&self) -> Fail {
        let why = || {
            self.failure
                .as_ref()
                .map_or_else(|| "ECS names no reason".to_owned(), ToString::to_string)
        };
        match self.outcome {
            Outcome::RolledBack => {
                Fail::new(Exit::RolledBack, format!("the deployment was rolled back: {}", why()))
                    .help("the old revision serves; mend the cause and deploy again")
            }
            Outcome::Superseded => {
                let message = format!("a newer deployment took over: {}", self.task_definition);
                Fail::new(Exit::Superseded, message)
                    .help("look at the newer pipeline; there is nothing to do for this one")
            }
            Outcome::TimedOut => {
                let id = self.deployment.as_deref().unwrap_or("ID");
                let seen = self
                    .failure
                    .as_ref()
                    .map_or_else(String::new, |failure| format!(": {failure}"));
                Fail::new(Exit::TimedOut, format!("the deployment {id} did not end in time{seen}")).help(format!(
                    "it goes on: the same command with `--wait-only {id}` waits for its end; --timeout allows more time"
                ))
            }
            _ => Fail::new(Exit::Failed, format!("the deployment failed: {}", why()))
                .help("no older revision serves in its place; mend the cause and deploy again"),
        }
    }
}

impl fmt::Display for Deployed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, unit) in self.services.iter().enumerate() {
            if nth > 0 {
                writeln!(f)?;
            }
            write!(f, "{unit}")?;
        }
        Ok(())
    }
}

impl fmt::Display for UnitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.outcome.word())?;
        if self.outcome == Outcome::Planned {
            return self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"));
        }
        if self.changes.contains(&Change::CircuitBreaker) && self.outcome == Outcome::Deployed {
            write!(f, "\n  {}", Change::CircuitBreaker)?;
        }
        write!(f, "\n  {}", self.task_definition)?;
        self.image.iter().try_for_each(|image| write!(f, "\n  {image}"))
    }
}

/// The report of `verify`.
#[derive(Debug, Serialize)]
pub struct Verified {
    pub(crate) checks: Vec<Check>,
}

impl Report for Verified {
    fn outcome(&self) -> &str {
        if preflight::verdict(&self.checks).is_ok() { "verified" } else { "missing" }
    }

    fn verdict(&self) -> Result<(), Fail> {
        preflight::verdict(&self.checks).map_err(|fail| {
            Fail::new(Exit::Negative, fail.to_string()).help("mend this before you deploy")
        })
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, check) in self.checks.iter().enumerate() {
            let gap = if nth > 0 { "\n" } else { "" };
            write!(f, "{gap}{check}")?;
        }
        Ok(())
    }
}

/// The report of `run-task`.
#[derive(Debug, Clone, Serialize)]
pub struct RanTask {
    /// ARN of the task.
    pub task: String,
    /// ARN of its task definition.
    pub task_definition: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How the program ended; none when it never started.
    pub exit_code: Option<i32>,
    /// Why it did not end with 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Report for RanTask {
    fn outcome(&self) -> &str {
        if self.failure.is_none() { "done" } else { "failed" }
    }

    fn verdict(&self) -> Result<(), Fail> {
        let Some(failure) = &self.failure else { return Ok(()) };
        // A code that means something here as well is passed on: the program may be a step.
        let known = |code: i32| {
            Exit::TABLE.iter().map(|(exit, _)| *exit).find(|exit| i32::from(exit.code()) == code)
        };
        let exit = self.exit_code.and_then(known).filter(|exit| *exit != Exit::Done);
        Err(Fail::new(
            exit.unwrap_or(Exit::Failed),
            format!("`{}` failed: {failure}", self.command.join(" ")),
        )
        .help("its log stands above; nothing else was changed"))
    }
}

impl fmt::Display for RanTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self
            .exit_code
            .map_or_else(|| "did not start".to_owned(), |code| format!("ended with {code}"));
        write!(f, "{}: {code}\n  {}", self.command.join(" "), self.task)
    }
}

/// The report of any of the commands.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// A deployment, or the way back from one.
    Deployed(Deployed),
    /// `verify`
    Verified(Verified),
    /// `run-task`
    Ran(RanTask),
}

impl Report for Done {
    fn outcome(&self) -> &str {
        match self {
            Done::Deployed(report) => report.outcome(),
            Done::Verified(report) => report.outcome(),
            Done::Ran(report) => report.outcome(),
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        match self {
            Done::Deployed(report) => report.verdict(),
            Done::Verified(report) => report.verdict(),
            Done::Ran(report) => report.verdict(),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Done::Deployed(report) => report.fmt(f),
            Done::Verified(report) => report.fmt(f),
            Done::Ran(report) => report.fmt(f),
        }
    }
}

/// Removes what an earlier run wrote beside its report.
///
/// # Errors
/// Names the file.
pub(crate) fn remove_files(settings: &Settings) -> anyhow::Result<()> {
    for path in settings.junit.iter().chain(&settings.dotenv).filter(|path| path.is_file()) {
        std::fs::remove_file(path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

/// Writes what the settings ask for beside the report, of a run that ended or broke off.
///
/// # Errors
/// Names the file.
pub(crate) fn write_files(
    settings: &Settings,
    result: &anyhow::Result<Done>,
) -> anyhow::Result<()> {
    if let Some(path) = &settings.junit {
        write_atomically(path, junit(settings, result)?.as_bytes())?;
    }
    if let Some(path) = &settings.dotenv {
        write_dotenv(path, result)?;
    }
    Ok(())
}

fn junit(settings: &Settings, result: &anyhow::Result<Done>) -> anyhow::Result<String> {
    let class = match &settings.env {
        Some(env) => format!("deploy-fargate.{env}"),
        None => "deploy-fargate".to_owned(),
    };
    let cases: Vec<(String, Option<(NonSuccessKind, String)>)> = match result {
        Ok(Done::Deployed(report)) => report
            .services
            .iter()
            .map(|unit| {
                let is_bad = unit.outcome.exit() != Exit::Done;
                let fail = is_bad.then(|| unit.error.clone().unwrap_or_else(|| unit.fail()));
                (
                    unit.name.clone(),
                    fail.map(|fail| {
                        (NonSuccessKind::Failure, format!("{}: {fail}", unit.outcome.word()))
                    }),
                )
            })
            .chain(report.after.iter().map(|failure| {
                let text = failure.to_string();
                ("after the deployment".to_owned(), Some((NonSuccessKind::Failure, text)))
            }))
            .collect(),
        Ok(Done::Verified(report)) => report
            .checks
            .iter()
            .map(|check| match &check.found {
                preflight::Found::Bad(why) => {
                    (check.what.clone(), Some((NonSuccessKind::Failure, why.clone())))
                }
                _ => (check.what.clone(), None),
            })
            .collect(),
        Ok(Done::Ran(report)) => {
            let fail =
                report.verdict().err().map(|fail| (NonSuccessKind::Failure, fail.to_string()));
            vec![(report.command.join(" "), fail)]
        }
        Err(err) => settings
            .units
            .iter()
            .map(|unit| (unit.name.clone(), Some((NonSuccessKind::Error, format!("{err:#}")))))
            .collect(),
    };
    let mut suite = TestSuite::new(redact(&class));
    for (name, fail) in cases {
        let status = match fail {
            None => TestCaseStatus::success(),
            Some((kind, text)) => {
                let text = redact(&text);
                let mut status = TestCaseStatus::non_success(kind);
                status.set_message(text.lines().next().unwrap_or_default());
                status.set_description(text);
                status
            }
        };
        let mut case = TestCase::new(redact(&name), status);
        case.set_classname(redact(&class));
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::unnamed();
    report.add_test_suite(suite);
    Ok(report.to_string()?)
}

/// `KEY=VALUE` lines, as `artifacts:reports:dotenv` reads them.
fn write_dotenv(path: &Path, result: &anyhow::Result<Done>) -> anyhow::Result<()> {
    let (outcome, exit) = match result {
        Ok(done) => (done.outcome(), done.verdict().err().map_or(Exit::Done, |fail| fail.exit())),
        Err(err) => {
            let exit = Fail::of(err).map_or(Exit::Failed, Fail::exit);
            (exit.outcome(), exit)
        }
    };
    let mut text =
        format!("LANDFALL_DEPLOY_OUTCOME={outcome}\nLANDFALL_DEPLOY_EXIT_CODE={}\n", exit.code());
    if let Ok(Done::Deployed(report)) = result
        && let Some(unit) = report.first_service()
    {
        let image = unit.image.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "LANDFALL_DEPLOYED_IMAGE={image}\nLANDFALL_DEPLOYED_TASK_DEFINITION={}\n",
            unit.task_definition
        ));
    }
    write_atomically(path, redact(&text).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, outcome: Outcome, reason: Option<&str>) -> UnitReport {
        UnitReport {
            name: name.into(),
            outcome,
            cluster: "apps".into(),
            service: name.into(),
            is_rule: false,
            task_definition: "orders:7".into(),
            image: Some("a@sha256:1".into()),
            deployment: Some("ecs-svc/2".into()),
            changes: Vec::new(),
            failure: reason.map(Failure::of),
            error: None,
        }
    }

    #[test]
    fn each_outcome_has_its_exit_code() {
        for (outcome, code) in [
            (Outcome::Deployed, 0),
            (Outcome::Unchanged, 0),
            (Outcome::RolledBack, 6),
            (Outcome::Failed, 1),
            (Outcome::Superseded, 7),
            (Outcome::TimedOut, 5),
        ] {
            let report = Deployed::new(vec![unit("a", outcome, None)], false);
            let exit = report.verdict().err().map_or(0, |fail| fail.exit().code());
            assert_eq!(exit, code, "{outcome:?}");
        }
    }

    #[test]
    fn of_several_services_the_one_that_failed_is_named() {
        let units = vec![
            unit("web", Outcome::RolledBack, None),
            unit("worker", Outcome::RolledBack, Some("exit 3")),
        ];
        let report = Deployed::new(units, false);
        let fail = report.verdict().unwrap_err();
        assert_eq!(fail.to_string(), "worker: the deployment was rolled back: exit 3");
        let mixed =
            vec![unit("web", Outcome::Deployed, None), unit("worker", Outcome::Unchanged, None)];
        assert_eq!(Deployed::new(mixed, false).outcome, Outcome::Deployed);
    }

    #[test]
    fn what_would_change_is_a_failure_only_with_check() {
        let planned =
            |check| Deployed::new(vec![unit("a", Outcome::Planned, None)], check).verdict();
        assert!(planned(false).is_ok());
        assert_eq!(planned(true).unwrap_err().exit(), Exit::Negative);
    }

    #[test]
    fn the_exit_code_of_a_program_is_passed_on_when_it_means_something_here() {
        let exit = |exit_code| {
            let failure = Some(Failure::of("x"));
            let ran = RanTask {
                task: "t".into(),
                task_definition: "o:1".into(),
                command: vec!["p".into()],
                exit_code,
                failure,
            };
            ran.verdict().unwrap_err().exit()
        };
        assert_eq!(exit(Some(3)), Exit::Negative);
        assert_eq!(exit(Some(77)), Exit::Failed);
        assert_eq!(exit(None), Exit::Failed);
        // It ended well, and something else failed the task.
        assert_eq!(exit(Some(0)), Exit::Failed);
    }
}
