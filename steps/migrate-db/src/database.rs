//! The databases: one connection each, on which lock, settings and history live.
//!
//! refinery's own runner is not used: it knows no lock, runs every file in a transaction, and tells
//! no place of an error. What is written is refinery's to the byte, and tests let refinery read it
//! and go on.

mod postgres;
mod sqlite;

use std::time::Duration;

use step_core::poll::Deadline;
use step_core::{Exit, Fail};

use crate::address::Address;
use crate::check::Engine;
use crate::checksum::Width;
use crate::files::Migration;
use crate::plan::{History, Row};
use postgres::Postgres;
use sqlite::Sqlite;

/// A connected database.
pub(crate) enum Database {
    Postgres(Box<Postgres>),
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
    /// What holds for a migration: its directives, then these.
    fn of(self, migration: &Migration) -> Limits {
        Limits {
            lock_timeout: migration.directives.lock_timeout.or(self.lock_timeout),
            statement_timeout: migration.directives.statement_timeout.or(self.statement_timeout),
            ..self
        }
    }
}

/// A change of the history that runs no migration.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Insert(Row),
    Update(Row),
    Delete(i64),
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
            Address::Sqlite(path) => Ok(Self::Sqlite(Sqlite::open(path, access).await?)),
        }
    }

    /// Takes the lock that keeps other runs out, or gives up at the deadline.
    pub(crate) async fn lock(&mut self, deadline: &Deadline) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.lock(deadline).await,
            Self::Sqlite(sqlite) => sqlite.lock(deadline).await,
        }
    }

    /// The history; `None` when there is no such table.
    pub(crate) async fn history(&self) -> anyhow::Result<Option<History>> {
        match self {
            Self::Postgres(postgres) => postgres.history().await,
            Self::Sqlite(sqlite) => sqlite.history().await,
        }
    }

    /// Makes the table of the history.
    pub(crate) async fn create_history(&self, width: Width) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.create_history(width).await,
            Self::Sqlite(sqlite) => sqlite.create_history(width).await,
        }
    }

    /// Runs a migration and records it.
    pub(crate) async fn apply(
        &mut self,
        migration: &Migration,
        row: &Row,
        limits: Limits,
    ) -> anyhow::Result<()> {
        let limits = limits.of(migration);
        match self {
            Self::Postgres(postgres) => postgres.apply(migration, row, limits).await,
            Self::Sqlite(sqlite) => sqlite.apply(migration, row, limits).await,
        }
    }

    /// Changes the history, all of it or nothing.
    pub(crate) async fn edit(&self, edits: Vec<Edit>) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => postgres.edit(&edits).await,
            Self::Sqlite(sqlite) => sqlite.edit(edits).await,
        }
    }

    /// What cannot work, found before anything runs.
    pub(crate) fn check(&self, migration: &Migration) -> Result<(), String> {
        match self {
            Self::Postgres(_) => postgres::check(migration),
            Self::Sqlite(_) => sqlite::check(migration),
        }
    }
}

/// What is wrong with the statements of a migration, each with its line, as far as it can be told
/// without a database.
pub(crate) fn problems(engine: Engine, migration: &Migration) -> Vec<(usize, String)> {
    match engine {
        Engine::Postgres => postgres::problems(migration),
        Engine::Sqlite => sqlite::problems(migration),
        // There is no transaction to break out of: what defines something ends it anyway.
        Engine::Mysql => Vec::new(),
    }
}

/// A row that refinery could not have written.
fn garbage(version: Option<i64>, why: &str) -> Fail {
    let which = version.map_or_else(|| "a row".to_owned(), |it| format!("the row of version {it}"));
    Fail::new(Exit::Refused, format!("{which} in {} is not refinery's: {why}", crate::plan::TABLE))
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

/// A text as a literal of SQL. Names of migrations are words, but rows may hold anything.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The statement that changes the history, as refinery writes it.
fn statement(table: &str, edit: &Edit) -> String {
    match edit {
        Edit::Insert(row) => format!(
            "INSERT INTO {table} (version, name, applied_on, checksum) VALUES ({}, {}, {}, {})",
            row.version,
            literal(&row.name),
            literal(&row.applied_on),
            literal(&row.checksum)
        ),
        Edit::Update(row) => format!(
            "UPDATE {table} SET name = {}, checksum = {} WHERE version = {}",
            literal(&row.name),
            literal(&row.checksum),
            row.version
        ),
        Edit::Delete(version) => format!("DELETE FROM {table} WHERE version = {version}"),
    }
}

/// The table of the history, as refinery makes it.
fn create_table(table: &str, width: Width) -> String {
    let version = match width {
        Width::Bits32 => "int4",
        Width::Bits64 => "int8",
    };
    format!(
        "CREATE TABLE IF NOT EXISTS {table}(version {version} PRIMARY KEY, name VARCHAR(255), \
         applied_on VARCHAR(255), checksum VARCHAR(255))"
    )
}
