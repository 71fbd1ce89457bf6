//! SQLite, whose calls block and therefore run beside the runtime.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};
use step_core::poll::{Deadline, poll};
use step_core::{Exit, Fail, output};
use tokio::time::Instant;

use super::journal::{self, Session};
use super::tables::{JOURNAL, Tables};
use super::{Access, Edit, Limits, PACE, Ran, Step, Stopped, repeatable_row, row};
use crate::checksum::Width;
use crate::files::Script;
use crate::plan::{History, Mark, REPEATABLES, Recorded, RepeatableRow, TABLE};
use crate::sql::{self, Dialect, Statement, line_at};

/// One connection to a SQLite database. There is none when it is only read and does not exist.
pub(crate) struct Sqlite {
    connection: Option<Arc<Mutex<Connection>>>,
    path: PathBuf,
    /// Held while this value lives; the system frees it when the process dies.
    lock: Option<File>,
    tables: Tables,
    /// Whether each script has a transaction of its own: a common one has failed.
    is_single: bool,
}

/// How long scripts are collected in one transaction: each commit waits for the disk two or three
/// times, which is more than most migrations take.
const BATCH: Duration = Duration::from_millis(200);

/// How long a writer that is not migrate-db may keep the database busy, where no time is set.
const BUSY: Duration = Duration::from_secs(10);

impl Sqlite {
    /// Opens the file, and makes it if it is to be written.
    pub(super) async fn open(path: &Path, access: Access) -> anyhow::Result<Self> {
        if path.is_dir() {
            let message = format!("{} is a folder", path.display());
            return Err(Fail::invalid(message).help("a SQLite database is a file").into());
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
            let message = format!("open {}: there is no folder", path.display());
            return Err(Fail::new(Exit::Unreachable, format!("{message} {}", parent.display()))
                .help("make the folder, or name another in the database URL")
                .into());
        }
        let exists = path.exists();
        let this = |connection| Self {
            connection,
            path: path.to_owned(),
            lock: None,
            tables: Tables::new(Dialect::Sqlite, ""),
            is_single: false,
        };
        if !exists && access == Access::Read {
            return Ok(this(None));
        }
        let flags = match access {
            Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        let open = path.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let connection = Connection::open_with_flags(open, flags)?;
            connection.busy_timeout(BUSY)?;
            // SQLite's own recipe for changing a table drops the old one, and with foreign keys
            // enforced that deletes the rows that refer to it.
            connection.pragma_update(None, "foreign_keys", false)?;
            // Reading the schema tells whether it is a database at all.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok::<_, rusqlite::Error>(connection)
        });
        let opened = opened.await?.map_err(|err| {
            let why = message(&err);
            let fail = Fail::new(Exit::Unreachable, format!("open {}: {why}", path.display()));
            if err.sqlite_error_code() == Some(ErrorCode::NotADatabase) {
                fail.help("name another file in the database URL: this one is not SQLite's")
            } else {
                fail.help("check that file and folder may be read and written")
            }
        })?;
        Ok(this(Some(Arc::new(Mutex::new(opened)))))
    }

    /// Locks a file beside the database. The database itself cannot be locked over several
    /// transactions, and closing a second handle of it would free SQLite's own locks.
    pub(super) async fn lock(&mut self, deadline: &Deadline) -> anyhow::Result<()> {
        let mut name = self.path.clone().into_os_string();
        name.push("-landfall-lock");
        let path = PathBuf::from(name);
        let open = File::options().create(true).append(true).open(&path);
        let file = open.with_context(|| format!("open the lock {}", path.display()))?;
        let mut told = false;
        let got = poll(deadline, PACE, async || match file.try_lock() {
            Ok(()) => Ok(Some(())),
            Err(std::fs::TryLockError::WouldBlock) => {
                if !told {
                    told = true;
                    output::say("another run migrates this database; waiting for it");
                }
                Ok(None)
            }
            Err(std::fs::TryLockError::Error(err)) => {
                Err(err).with_context(|| format!("lock {}", path.display()))
            }
        });
        if got.await?.is_none() {
            let message = format!("the lock {} was not free in time", path.display());
            return Err(Fail::new(Exit::Refused, message)
                .help("wait for the other run; the lock goes with its process")
                .into());
        }
        self.lock = Some(file);
        Ok(())
    }

    /// See [`super::Database::recorded`].
    pub(super) async fn recorded(&self) -> anyhow::Result<Recorded> {
        if self.connection.is_none() {
            return Ok(Recorded::default());
        }
        let marks = self.tables.marks();
        self.call("read the history", move |connection| {
            // Both tables at one moment.
            let transaction = connection.transaction()?;
            let history = match read_history(&transaction)? {
                Ok(history) => history,
                Err(err) => return Ok(Err(err)),
            };
            let repeatables = read_repeatables(&transaction)?;
            let begun = read_begun(&transaction, &marks)?;
            Ok(repeatables.map(|repeatables| Recorded { history, repeatables, begun }))
        })
        .await?
    }

    /// See [`super::Database::create_history`].
    pub(super) async fn create_history(&self, width: Width) -> anyhow::Result<()> {
        self.own("create the table of the history", self.tables.create_history(width)).await
    }

    /// See [`super::Database::create_repeatables`].
    pub(super) async fn create_repeatables(&self) -> anyhow::Result<()> {
        let create = self.tables.create_repeatables();
        self.own("create the table of the repeatable migrations", create).await
    }

    /// See [`super::Database::edit`].
    pub(super) async fn edit(&self, edits: Vec<Edit>) -> anyhow::Result<()> {
        let edits: Vec<String> = edits.iter().map(|edit| self.tables.edit(edit)).collect();
        self.call("write the history", move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(&edits.join("; "))?;
            transaction.commit()
        })
        .await
    }

    /// Runs SQL of the step's own.
    async fn own(&self, what: &'static str, sql: String) -> anyhow::Result<()> {
        self.call(what, move |connection| connection.execute_batch(&sql)).await
    }

    /// See [`super::Database::apply`].
    pub(super) async fn apply(&mut self, steps: &[Step<'_>], limits: Limits) -> Ran {
        let Some(first) = steps.first() else { return Ran::default() };
        if !first.transaction {
            let start = Instant::now();
            return match journal::apply(self, first, limits).await {
                Ok(()) => Ran { times: vec![start.elapsed()], failure: None },
                Err(err) => Ran { times: Vec::new(), failure: Some(err) },
            };
        }
        let together = steps.iter().take_while(|step| step.transaction);
        let together = together.map(|step| (step.script.clone(), self.tables.edit(&step.record)));
        let mut together: Vec<(Script, String)> = together.collect();
        if !self.is_single && together.len() > 1 {
            let batch = together.clone();
            let ran = self.call("apply", move |connection| {
                connection.busy_timeout(limits.lock_timeout.unwrap_or(BUSY))?;
                Ok(run_together(connection, &batch))
            });
            if let Ok(Ok(times)) = ran.await {
                return Ran { times, failure: None };
            }
            // Which of them failed is found by giving each a transaction of its own: an error in one
            // may have undone the others.
            self.is_single = true;
        }
        together.truncate(1);
        let ran = self.call("apply", move |connection| {
            connection.busy_timeout(limits.lock_timeout.unwrap_or(BUSY))?;
            Ok(run_together(connection, &together))
        });
        match ran.await {
            Ok(Ok(times)) => Ran { times, failure: None },
            Ok(Err((err, line))) => {
                let fail = explain(&err, first.script, line, "it was rolled back");
                Ran { times: Vec::new(), failure: Some(fail.into()) }
            }
            Err(err) => Ran { times: Vec::new(), failure: Some(err) },
        }
    }

    /// Calls SQLite beside the runtime, so that a signal is heard.
    async fn call<T: Send + 'static>(
        &self,
        what: &'static str,
        call: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let connection = self.connection.clone().context("the database is not open")?;
        let called = tokio::task::spawn_blocking(move || {
            call(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
        });
        Ok(called.await?.map_err(|err| failed(what, &err))?)
    }

    /// The same with SQLite's own error.
    async fn query(
        &self,
        call: impl FnOnce(&mut Connection) -> Result<(), Placed> + Send + 'static,
    ) -> Result<(), Placed> {
        let called = self.call("call SQLite", move |connection| Ok(call(connection))).await;
        // The outer error is that of a connection that is not open: it is when something is applied.
        called.unwrap_or(Err(own(rusqlite::Error::InvalidQuery)))
    }
}

impl Session for Sqlite {
    type Error = Placed;

    const FAILURES_LEAVE_TRACES: bool = false;

    const SHARES: bool = false;

    fn tables(&self) -> &Tables {
        &self.tables
    }

    async fn execute(&mut self, sql: &str) -> Result<(), Self::Error> {
        let sql = sql.to_owned();
        self.query(move |connection| connection.execute_batch(&sql).map_err(own)).await
    }

    async fn find_mark(&mut self, id: &str) -> anyhow::Result<Option<Mark>> {
        let (sql, id) = (self.tables.find_mark(id), id.to_owned());
        self.call("read the journal", move |connection| {
            let mark = connection.query_row(&sql, [], |row| {
                let done = usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
                Ok(Mark { id, done, digest: row.get(1)?, state: row.get(2)? })
            });
            mark.optional()
        })
        .await
    }

    async fn limit(&mut self, limits: Limits) -> Result<(), Self::Error> {
        let time = limits.lock_timeout.unwrap_or(BUSY);
        self.query(move |connection| connection.busy_timeout(time).map_err(own)).await
    }

    async fn begin(&mut self, _: Limits) -> Result<(), Self::Error> {
        self.execute("BEGIN IMMEDIATE").await
    }

    async fn run(&mut self, one: &Statement, _: Limits) -> Result<(), Self::Error> {
        let sql = one.text.clone();
        self.query(move |connection| run(connection, &sql)).await
    }

    async fn state(&mut self, _: &Statement) -> anyhow::Result<String> {
        Ok("begun".to_owned())
    }

    // VACUUM and PRAGMA may be run twice.
    async fn was_done(&mut self, _: &Statement, _: &str) -> anyhow::Result<bool> {
        Ok(false)
    }

    async fn verify(&mut self, _: &Script, _: &Statement) -> anyhow::Result<()> {
        Ok(())
    }

    fn reset(&self) -> String {
        String::new()
    }

    fn failed(what: &'static str, err: Self::Error) -> Fail {
        failed(what, &err.0)
    }

    async fn explain(
        &mut self,
        err: Self::Error,
        script: &Script,
        one: &Statement,
        state: String,
    ) -> Stopped {
        let (err, line) = err;
        explain(&err, script, Some(one.line - 1 + line.unwrap_or(1)), &state)
    }
}

/// Runs scripts and records them in one transaction, as many as fit into [`BATCH`]. Returns how long
/// each took; or what failed, with the line in its file, and then nothing was done.
fn run_together(
    connection: &Connection,
    scripts: &[(Script, String)],
) -> Result<Vec<Duration>, Placed> {
    let start = Instant::now();
    let ran = || {
        connection.execute_batch("BEGIN IMMEDIATE").map_err(own)?;
        let mut times = Vec::new();
        for (script, record) in scripts {
            let began = Instant::now();
            run(connection, &script.sql)?;
            connection.execute_batch(record).map_err(own)?;
            times.push(began.elapsed());
            if start.elapsed() >= BATCH {
                break;
            }
        }
        connection.execute_batch("COMMIT").map_err(own)?;
        Ok(times)
    };
    let ran = ran();
    if ran.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(own)?;
    }
    ran
}

/// An error with its line in the file, where it comes from one.
type Placed = (rusqlite::Error, Option<usize>);

fn own(err: rusqlite::Error) -> Placed {
    (err, None)
}

/// An error of the step's own SQL.
fn failed(what: &str, err: &rusqlite::Error) -> Fail {
    let exit = if is_busy(err) || is_denied(err) { Exit::Unreachable } else { Exit::Failed };
    Fail::new(exit, format!("{what}: {}", message(err)))
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1";
    connection.query_row(sql, [name], |row| Ok(row.get::<_, i64>(0)? > 0))
}

fn read_begun(connection: &Connection, marks: &str) -> rusqlite::Result<Vec<Mark>> {
    if !has_table(connection, JOURNAL)? {
        return Ok(Vec::new());
    }
    let mut all = connection.prepare(marks)?;
    let marks = all.query_map([], |row| {
        let done = usize::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
        Ok(Mark { id: row.get(0)?, done, digest: row.get(2)?, state: row.get(3)? })
    })?;
    marks.collect()
}

fn read_repeatables(
    connection: &Connection,
) -> rusqlite::Result<anyhow::Result<Option<Vec<RepeatableRow>>>> {
    if !has_table(connection, REPEATABLES)? {
        return Ok(Ok(None));
    }
    let sql = format!("SELECT name, applied_on, checksum FROM {REPEATABLES} ORDER BY name");
    let mut all = connection.prepare(&sql)?;
    let rows = all.query_map([], |it| {
        let text = |at: usize| it.get::<_, String>(at).ok();
        Ok(repeatable_row(text(0), text(1), text(2)))
    })?;
    let rows: Vec<Result<RepeatableRow, Fail>> = rows.collect::<Result<_, _>>()?;
    Ok(rows.into_iter().collect::<Result<_, _>>().map(Some).map_err(Into::into))
}

fn read_history(connection: &Connection) -> rusqlite::Result<anyhow::Result<Option<History>>> {
    let kind = "SELECT type FROM pragma_table_info(?1) WHERE name = 'version'";
    let mut kinds = connection.prepare(kind)?;
    let mut kinds = kinds.query([TABLE])?;
    let Some(kind) = kinds.next()? else {
        let is_there = has_table(connection, TABLE)?;
        let foreign = || Err(super::foreign("it has no column `version`").into());
        return Ok(if is_there { foreign() } else { Ok(None) });
    };
    let width = match kind.get::<_, String>(0)?.to_ascii_lowercase().as_str() {
        "int8" | "bigint" => Width::Bits64,
        _ => Width::Bits32,
    };
    let sql = format!("SELECT version, name, applied_on, checksum FROM {TABLE} ORDER BY version");
    let mut all = match connection.prepare(&sql) {
        Err(rusqlite::Error::SqlInputError { msg, .. }) => {
            return Ok(Err(super::foreign(&msg).into()));
        }
        prepared => prepared?,
    };
    let mut all = all.query([])?;
    let mut rows = Vec::new();
    while let Some(it) = all.next()? {
        // A value of another type is as wrong as a missing one.
        let text = |at: usize| it.get::<_, String>(at).ok();
        match row(it.get(0).ok(), text(1), text(2), text(3)) {
            Ok(row) => rows.push(row),
            Err(fail) => return Ok(Err(fail.into())),
        }
    }
    Ok(Ok(Some(History { width, rows })))
}

/// Runs all statements of a file. The error comes with the line of the statement, or of the very
/// place if SQLite knows it.
fn run(connection: &Connection, sql: &str) -> Result<(), Placed> {
    let mut batch = rusqlite::Batch::new(connection, sql);
    let mut at = 0;
    loop {
        let mut one = match batch.next() {
            Ok(Some(one)) => one,
            Ok(None) => return Ok(()),
            Err(err) => {
                let place = match &err {
                    rusqlite::Error::SqlInputError { sql: tail, offset, .. } => {
                        let offset = usize::try_from(*offset).unwrap_or_default();
                        Some(line_at(sql, sql.len() - tail.len() + offset))
                    }
                    // It does not know the place: the statement after the last one is meant.
                    _ => sql::split(&sql[at..], Dialect::Sqlite)
                        .first()
                        .map(|next| line_at(sql, at) + next.line - 1),
                };
                return Err((err, place));
            }
        };
        let text = one.expanded_sql().unwrap_or_default();
        let text = text.trim();
        let start = at + sql[at..].find(text).unwrap_or_default();
        at = start + text.len().min(sql.len() - start);
        let ran = one.query([]).and_then(|mut rows| {
            while rows.next()?.is_some() {}
            Ok(())
        });
        ran.map_err(|err| {
            // SQLite counts the comments before a statement as a part of it.
            let first = sql::split(text, Dialect::Sqlite);
            let comments = first.first().map_or(0, |first| first.line - 1);
            (err, Some(line_at(sql, start) + comments))
        })?;
    }
}

fn explain(err: &rusqlite::Error, script: &Script, line: Option<usize>, state: &str) -> Stopped {
    let file = script.path.display();
    let place = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    let said = message(err);
    // It has no code for it.
    let is_there = said.ends_with(" already exists");
    let message = format!("{place}: {}; {state}", super::first_line(&said));
    let fail = if is_busy(err) {
        Fail::new(Exit::TimedOut, message).help(
            "another program writes to the database; run again, or allow more: --lock-timeout 1m",
        )
    } else if is_denied(err) {
        Fail::new(Exit::Unreachable, message).help("check that file and folder are writable")
    } else if err.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        Fail::new(Exit::Failed, message).help("free space and run migrate-db again")
    } else {
        Fail::new(Exit::Failed, message).help("mend the file and run migrate-db again")
    };
    Stopped { fail, is_there }
}

fn is_busy(err: &rusqlite::Error) -> bool {
    matches!(err.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_denied(err: &rusqlite::Error) -> bool {
    matches!(
        err.sqlite_error_code(),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen)
    )
}

/// What SQLite says, without the statement that rusqlite adds.
fn message(err: &rusqlite::Error) -> String {
    match err {
        rusqlite::Error::SqliteFailure(code, text) => {
            text.clone().unwrap_or_else(|| code.to_string())
        }
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
