//! The databases: one connection each, on which lock, settings and history live.
//!
//! refinery's own runner is not used: it knows no lock, runs every file in a transaction, and tells
//! no place of an error. What is written is refinery's to the byte, and tests let refinery read it
//! and go on.

mod journal;
mod mysql;
mod postgres;
mod sqlite;
mod tables;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use siphasher::sip::SipHasher13;
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, output};
use tokio::time::Instant;

use crate::address::Address;
use crate::checksum::Width;
use crate::files::Script;
use crate::plan::{REPEATABLES, Recorded, RepeatableRow, Row, TABLE};
use crate::sql::{self, Dialect};
use mysql::Mysql;
use postgres::Postgres;
use sqlite::Sqlite;

/// A connected database.
pub(crate) enum Database {
    Postgres(Box<Postgres>),
    Mysql(Box<Mysql>),
    Sqlite(Sqlite),
}

/// Whether the connection may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
}

/// How long statements may wait and run where the file does not say it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    /// How often a migration that waited too long for a lock is tried again.
    pub(crate) retries: u32,
}

impl Limits {
    /// What holds for a script: its directives, then these.
    fn of(self, script: &Script) -> Limits {
        Limits {
            lock_timeout: script.directives.lock_timeout.or(self.lock_timeout),
            statement_timeout: script.directives.statement_timeout.or(self.statement_timeout),
            ..self
        }
    }
}

/// A change of what is recorded.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// A migration was applied.
    Insert(Row),
    /// The row of a migration gets another name and checksum.
    Update(Row),
    /// The row of a version goes.
    Delete(i64),
    /// A repeatable migration was applied, once more or for the first time.
    Repeat(RepeatableRow),
    /// The row of a repeatable migration goes.
    ForgetRepeatable(String),
    /// The row in the journal of a file that was applied in part goes.
    ForgetMark(String),
}

/// A script to be run, and how it is recorded.
#[derive(Debug, Clone)]
pub(crate) struct Step<'a> {
    pub(crate) script: &'a Script,
    /// Whether script and record are one transaction; else the journal is kept.
    pub(crate) transaction: bool,
    pub(crate) record: Edit,
}

/// The error of a statement of a file.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) fail: Fail,
    /// What the statement makes is there already.
    pub(crate) is_there: bool,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fail.fmt(f)
    }
}

impl std::error::Error for Stopped {}

/// How far some steps came.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// How long each took of those that were applied and recorded.
    pub(crate) times: Vec<Duration>,
    /// Why the next was not.
    pub(crate) failure: Option<anyhow::Error>,
}

impl Database {
    /// Connects. A database that does not answer is asked again until the deadline.
    pub(crate) async fn connect(
        address: &Address,
        access: Access,
        wait: &Deadline,
    ) -> anyhow::Result<Self> {
        match address {
            Address::Postgres(address) => {
                let postgres = Postgres::connect(address, access, wait).await?;
                Ok(Self::Postgres(Box::new(postgres)))
            }
            Address::Mysql(address) => {
                Ok(Self::Mysql(Box::new(Mysql::connect(address, access, wait).await?)))
            }
            Address::Sqlite(path) => Ok(Self::Sqlite(Sqlite::open(path, access).await?)),
        }
    }

    /// Whose SQL it takes.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Postgres(_) => Dialect::Postgres,
            Self::Mysql(_) => Dialect::Mysql,
            Self::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// Takes the lock that keeps other runs out, or gives up at the deadline.
    pub(crate) async fn lock(&mut self, deadline: &Deadline) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.lock(deadline).await,
            Self::Mysql(mysql) => mysql.lock(deadline).await,
            Self::Sqlite(sqlite) => sqlite.lock(deadline).await,
        }
    }

    /// What is recorded.
    pub(crate) async fn recorded(&mut self) -> anyhow::Result<Recorded> {
        match self {
            Self::Postgres(postgres) => postgres.recorded().await,
            Self::Mysql(mysql) => mysql.recorded().await,
            Self::Sqlite(sqlite) => sqlite.recorded().await,
        }
    }

    /// Makes the table of the history.
    pub(crate) async fn create_history(&mut self, width: Width) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.create_history(width).await,
            Self::Mysql(mysql) => mysql.create_history(width).await,
            Self::Sqlite(sqlite) => sqlite.create_history(width).await,
        }
    }

    /// Makes the table of the repeatable migrations.
    pub(crate) async fn create_repeatables(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.create_repeatables().await,
            Self::Mysql(mysql) => mysql.create_repeatables().await,
            Self::Sqlite(sqlite) => sqlite.create_repeatables().await,
        }
    }

    /// From here on many migrations are applied, and [`Self::flush`] comes at the end.
    pub(crate) async fn hurry(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.hurry().await,
            Self::Mysql(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// Makes sure that what was applied would survive a crash of the server.
    pub(crate) async fn flush(&mut self) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.flush().await,
            Self::Mysql(_) | Self::Sqlite(_) => Ok(()),
        }
    }

    /// Runs and records the first of these steps, or as many as one transaction takes.
    pub(crate) async fn apply(&mut self, steps: &[Step<'_>], limits: Limits) -> Ran {
        let Some(first) = steps.first() else { return Ran::default() };
        let start = Instant::now();
        let limits = limits.of(first.script);
        let applied = match self {
            Self::Postgres(postgres) => postgres.apply(first, limits).await,
            Self::Mysql(mysql) => mysql.apply(first, limits).await,
            Self::Sqlite(sqlite) => return sqlite.apply(steps, limits).await,
        };
        match applied {
            Ok(()) => Ran { times: vec![start.elapsed()], failure: None },
            Err(err) => Ran { times: Vec::new(), failure: Some(err) },
        }
    }

    /// Changes what is recorded, all of it or nothing.
    pub(crate) async fn edit(&mut self, edits: Vec<Edit>) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.edit(&edits).await,
            Self::Mysql(mysql) => mysql.edit(&edits).await,
            Self::Sqlite(sqlite) => sqlite.edit(edits).await,
        }
    }
}

/// What cannot work in a database of this kind, each with its line; found before anything runs.
pub(crate) fn problems(dialect: Dialect, script: &Script) -> Vec<(usize, String)> {
    let problem = |one: &sql::Statement| {
        if let Some(what) = one.controls_transaction() {
            let why = "in a migration: landfall begins and ends the transaction; remove it";
            return Some((one.line, format!("{what} {why}")));
        }
        let what = one.needs_no_transaction().filter(|_| !script.directives.no_transaction)?;
        let why = "cannot run in a transaction; write `-- landfall: no-transaction` at the head of \
                   the file, best in a file of its own";
        Some((one.line, format!("{what} {why}")))
    };
    sql::split(&script.sql, dialect).iter().filter_map(problem).collect()
}

/// Opens a connection; a server that does not answer yet is asked again until the deadline.
async fn connected<T>(
    wait: &Deadline,
    open: impl AsyncFn() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut last = None;
    let connection = poll(wait, PACE, async || match open().await {
        Ok(connection) => Ok(Some(connection)),
        Err(err) if Fail::of(&err).is_some_and(Fail::is_transient) => {
            // Told once, at the end: a database that starts up refuses many times.
            last = Some(err);
            Ok(None)
        }
        Err(err) => Err(err),
    });
    match connection.await? {
        Some(connection) => Ok(connection),
        None => Err(last.unwrap_or_else(|| wait.exceeded("no connection").into())),
    }
}

/// How often a database that starts, or a lock that is held, is asked for.
const PACE: Pace = Pace { early: Duration::from_millis(50), late: Duration::from_secs(1) };

/// The width of the history, by the type of its column `version`.
fn width(kind: Option<&str>, bits32: &str, bits64: &str) -> Result<Width, Fail> {
    match kind {
        Some(kind) if kind == bits32 => Ok(Width::Bits32),
        Some(kind) if kind == bits64 => Ok(Width::Bits64),
        Some(other) => Err(Fail::new(
            Exit::Refused,
            format!("the column `version` of {TABLE} is of the type {other}"),
        )
        .help("refinery makes it int4 or int8: another tool made the table")),
        None => Err(foreign("it has no column `version`")),
    }
}

/// A table with refinery's name that refinery did not make.
fn foreign(why: &str) -> Fail {
    Fail::new(Exit::Refused, format!("{TABLE} is not refinery's: {why}"))
        .help("another tool made the table; move it out of the way")
}

/// The first line of what a server says: it quotes an unclosed string up to the end of the file.
fn first_line(said: &str) -> String {
    match said.trim_end().split_once('\n') {
        Some((first, _)) => format!("{} ...", first.trim_end()),
        None => said.to_owned(),
    }
}

/// A row that refinery could not have written.
fn garbage(version: Option<i64>, why: &str) -> Fail {
    let which = version.map_or_else(|| "a row".to_owned(), |it| format!("the row of version {it}"));
    Fail::new(Exit::Refused, format!("{which} in {TABLE} is not refinery's: {why}"))
        .help("another tool wrote into the table; mend or remove the row by hand")
}

/// A row, if it is one that refinery could read: it panics over others.
fn row(
    version: Option<i64>,
    name: Option<String>,
    applied_on: Option<String>,
    checksum: Option<String>,
) -> Result<Row, Fail> {
    let bad = |why: &str| garbage(version, why);
    let version = version.ok_or_else(|| bad("it has no version"))?;
    let name = name.ok_or_else(|| bad("it has no name"))?;
    let applied_on = applied_on.ok_or_else(|| bad("it has no time"))?;
    let checksum = checksum.ok_or_else(|| bad("it has no checksum"))?;
    if applied_on.parse::<jiff::Timestamp>().is_err() {
        return Err(bad(&format!("`{applied_on}` is not a time")));
    }
    if checksum.parse::<u64>().is_err() {
        return Err(bad(&format!("`{checksum}` is not a checksum")));
    }
    Ok(Row { version, name, applied_on, checksum })
}

/// A row of the repeatable migrations.
fn repeatable_row(
    name: Option<String>,
    applied_on: Option<String>,
    checksum: Option<String>,
) -> Result<RepeatableRow, Fail> {
    let row = || Some(RepeatableRow { name: name?, applied_on: applied_on?, checksum: checksum? });
    row().ok_or_else(|| {
        Fail::new(Exit::Refused, format!("a row in {REPEATABLES} is not complete"))
            .help("something else wrote into the table; remove the row by hand")
    })
}

/// Waits before a migration is tried again that got no lock in time.
async fn pause(id: &str, attempt: u32, retries: u32) {
    let pause = Duration::from_secs(1 << attempt.min(4)).mul_f64(0.75 + fraction() / 2.0);
    output::warn(format!(
        "{id}: no lock in time; attempt {} of {} in {:.1} s",
        attempt + 1,
        retries + 1,
        pause.as_secs_f64()
    ));
    tokio::time::sleep(pause).await;
}

/// Between 0 and 1, so that two runs that wait for a lock do not meet again.
fn fraction() -> f64 {
    let mut hasher = SipHasher13::new();
    (std::process::id(), Instant::now().elapsed()).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_of_the_rest_of_a_file_is_cut() {
        assert_eq!(first_line("near \"'open);\r\ncreate table b\n\""), "near \"'open); ...");
        assert_eq!(first_line("no such column: x"), "no such column: x");
    }
}
