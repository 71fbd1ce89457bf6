//! Executes a plan. The only place that writes.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use step_core::{Exit, Fail, on_interrupt, output};

use crate::checksum::{self, Width};
use crate::database::{Database, Edit, Limits, Step, Stopped};
use crate::files::{Files, Migration, Repeatable, Script};
use crate::plan::{Change, RepeatableRow, Row};

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Applied {
    /// `V2__add_users` or `R__views`.
    pub(crate) id: String,
    /// None: it is repeatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i64>,
    pub(crate) name: String,
    pub(crate) seconds: f64,
}

/// How far a plan came.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) applied: Vec<Applied>,
    /// Why it did not come to its end.
    pub(crate) failure: Option<Fail>,
    /// It did not, for what a file makes was there already.
    pub(crate) is_there: bool,
}

/// How many scripts are handed over at once; their time of application is taken then.
const WINDOW: usize = 64;

/// Executes the changes in their order, up to the first that fails.
pub(crate) async fn apply(
    database: &mut Database,
    files: &Files,
    width: Width,
    changes: &[Change],
    limits: Limits,
) -> anyhow::Result<Done> {
    on_interrupt("what was applied is recorded; run migrate-db again to go on");
    let migrations: HashMap<i64, &Migration> =
        files.migrations.iter().map(|file| (file.version, file)).collect();
    let repeatables: HashMap<&str, &Repeatable> =
        files.repeatables.iter().map(|file| (file.name.as_str(), file)).collect();
    let find = |version: &i64| migrations.get(version).copied().context("the file of a change");
    let mut edits = Vec::new();
    let mut pending = Vec::new();
    for change in changes {
        match change {
            Change::CreateHistory { width } => database.create_history(*width).await?,
            Change::CreateRepeatables => database.create_repeatables().await?,
            Change::Apply { version, transaction, .. } => {
                pending.push((Pending::Once(find(version)?), *transaction));
            }
            Change::Repeat { name, transaction, .. } => {
                let file = repeatables.get(name.as_str()).context("the file of a change")?;
                pending.push((Pending::Again(file), *transaction));
            }
            Change::Record { version, .. } => edits.push(Edit::Insert(row(find(version)?, width))),
            Change::Restate { version, .. } => edits.push(Edit::Update(row(find(version)?, width))),
            Change::Forget { version, .. } => edits.push(Edit::Delete(*version)),
            Change::ForgetBegun { mark } => edits.push(Edit::ForgetMark(mark.id.clone())),
            Change::ForgetRepeatable { name } => {
                edits.push(Edit::ForgetRepeatable(name.clone()));
            }
        }
    }
    if !edits.is_empty() {
        database.edit(edits).await?;
    }
    if pending.is_empty() {
        Ok(Done::default())
    } else {
        run(database, &pending, width, limits).await
    }
}

/// A file that waits to be run.
#[derive(Clone, Copy)]
enum Pending<'a> {
    Once(&'a Migration),
    Again(&'a Repeatable),
}

impl<'a> Pending<'a> {
    fn script(self) -> &'a Script {
        match self {
            Pending::Once(file) => &file.script,
            Pending::Again(file) => &file.script,
        }
    }

    fn step(self, width: Width, transaction: bool) -> Step<'a> {
        let record = match self {
            Pending::Once(file) => Edit::Insert(row(file, width)),
            Pending::Again(file) => Edit::Repeat(RepeatableRow {
                name: file.name.clone(),
                applied_on: now(),
                checksum: checksum::repeatable(file),
            }),
        };
        Step { script: self.script(), transaction, record }
    }

    fn applied(self, time: Duration) -> Applied {
        let (version, name) = match self {
            Pending::Once(file) => (Some(file.version), &file.name),
            Pending::Again(file) => (None, &file.name),
        };
        let seconds = (time.as_secs_f64() * 1000.0).round() / 1000.0;
        Applied { id: self.script().id.clone(), version, name: name.clone(), seconds }
    }
}

/// Runs files, as one transaction or not, and records each.
async fn run(
    database: &mut Database,
    mut pending: &[(Pending<'_>, bool)],
    width: Width,
    limits: Limits,
) -> anyhow::Result<Done> {
    let mut done = Done::default();
    database.hurry().await?;
    while !pending.is_empty() && done.failure.is_none() {
        let window = &pending[..pending.len().min(WINDOW)];
        let steps: Vec<Step<'_>> =
            window.iter().map(|(one, transaction)| one.step(width, *transaction)).collect();
        let id = &steps[0].script.id;
        let ran = output::alive(id, database.apply(&steps, limits)).await;
        for ((one, _), time) in pending.iter().zip(&ran.times) {
            let applied = one.applied(*time);
            output::say(format!("  applied {} ({:.1} s)", applied.id, applied.seconds));
            done.applied.push(applied);
        }
        pending = &pending[ran.times.len()..];
        let stopped = ran.failure.as_ref().and_then(|err| err.downcast_ref::<Stopped>());
        done.is_there = stopped.is_some_and(|it| it.is_there);
        done.failure = ran.failure.map(|err| as_fail(&err, &done.applied));
    }
    match (database.flush().await, &done.failure) {
        // The failure is the news; the server flushes by itself a moment later.
        (Err(_), Some(_)) | (Ok(()), _) => Ok(done),
        (Err(err), None) => Err(err),
    }
}

/// The row of a migration that is applied now.
fn row(file: &Migration, width: Width) -> Row {
    Row {
        version: file.version,
        name: file.name.clone(),
        applied_on: now(),
        checksum: checksum::canonical(file, width),
    }
}

/// As refinery writes it: RFC 3339.
fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// The error with what was applied before it.
fn as_fail(err: &anyhow::Error, applied: &[Applied]) -> Fail {
    let stopped = err.downcast_ref::<Stopped>().map(|it| &it.fail);
    let fail = stopped.or_else(|| Fail::of(err));
    let before = match applied {
        [] => "no migration was applied before it".to_owned(),
        [.., last] => format!("{} applied before it, up to {}", applied.len(), last.id),
    };
    let message = format!("{err:#} ({before})");
    let help = fail.and_then(Fail::help_text).unwrap_or("mend the cause and run migrate-db again");
    Fail::new(fail.map_or(Exit::Failed, Fail::exit), message).help(help)
}
