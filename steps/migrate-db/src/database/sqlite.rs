//! SQLite, whose calls block and therefore run beside the runtime.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, output};

use super::{Access, Edit, Limits, create_table, row, statement};
use crate::checksum::Width;
use crate::files::Migration;
use crate::plan::{History, Row, TABLE};
use crate::sql::{Statement, line_at, split};

/// One connection to a SQLite database. There is none when it is only read and does not exist.
pub(crate) struct Sqlite {
    connection: Option<Arc<Mutex<Connection>>>,
    path: PathBuf,
    /// Held while this value lives; the system frees it when the process dies.
    lock: Option<File>,
}

const PACE: Pace = Pace { early: Duration::from_millis(50), late: Duration::from_secs(1) };

/// How long a writer that is not migrate-db may keep the database busy, where no time is set.
const BUSY: Duration = Duration::from_secs(10);

impl Sqlite {
    /// Opens the file, and makes it if it is to be written.
    pub(super) async fn open(path: &Path, access: Access) -> anyhow::Result<Self> {
        let exists = path.exists();
        let this = |connection| Self { connection, path: path.to_owned(), lock: None };
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
            Fail::new(Exit::Unreachable, format!("open {}: {why}", path.display()))
                .help("check that the folder exists and that file and folder are writable")
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

    /// See [`super::Database::history`].
    pub(super) async fn history(&self) -> anyhow::Result<Option<History>> {
        if self.connection.is_none() {
            return Ok(None);
        }
        self.call("read the history", read_history).await?
    }

    /// See [`super::Database::create_history`].
    pub(super) async fn create_history(&self, width: Width) -> anyhow::Result<()> {
        self.call("create the table of the history", move |connection| {
            connection.execute_batch(&create_table(TABLE, width))
        })
        .await
    }

    /// See [`super::Database::edit`].
    pub(super) async fn edit(&self, edits: Vec<Edit>) -> anyhow::Result<()> {
        self.call("write the history", move |connection| {
            let edits: Vec<String> = edits.iter().map(|edit| statement(TABLE, edit)).collect();
            let transaction = connection.transaction()?;
            transaction.execute_batch(&edits.join("; "))?;
            transaction.commit()
        })
        .await
    }

    /// See [`super::Database::apply`].
    pub(super) async fn apply(
        &self,
        migration: &Migration,
        row: &Row,
        limits: Limits,
    ) -> anyhow::Result<()> {
        let (file, row) = (migration.clone(), row.clone());
        let stopped = self.call("apply", move |connection| {
            connection.busy_timeout(limits.lock_timeout.unwrap_or(BUSY))?;
            let record = statement(TABLE, &Edit::Insert(row));
            if file.directives.no_transaction {
                let ran = run(connection, &file.sql);
                let ran =
                    ran.and_then(|()| connection.execute_batch(&record).map_err(|err| (err, None)));
                if ran.is_err() && !connection.is_autocommit() {
                    connection.execute_batch("ROLLBACK")?;
                }
                return Ok(ran.err());
            }
            if let Err(err) = connection.execute_batch("BEGIN IMMEDIATE") {
                return Ok(Some((err, None)));
            }
            let ran = run(connection, &file.sql).and_then(|()| {
                connection.execute_batch(&format!("{record}; COMMIT")).map_err(|err| (err, None))
            });
            if ran.is_err() && !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            Ok(ran.err())
        });
        match stopped.await? {
            None => Ok(()),
            Some((err, line)) => Err(explain(&err, migration, line).into()),
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
        called.await?.map_err(|err| {
            let exit =
                if is_busy(&err) || is_denied(&err) { Exit::Unreachable } else { Exit::Failed };
            Fail::new(exit, format!("{what}: {}", message(&err))).into()
        })
    }
}

/// Refuses before anything runs what would break out of its transaction.
pub(super) fn check(migration: &Migration) -> Result<(), String> {
    match problems(migration).into_iter().next() {
        Some((line, why)) => Err(format!("{}:{line}: {why}", migration.path.display())),
        None => Ok(()),
    }
}

/// What would break out of its transaction, each with its line.
pub(super) fn problems(migration: &Migration) -> Vec<(usize, String)> {
    if migration.directives.no_transaction {
        return Vec::new();
    }
    let why = "in a migration: landfall begins and ends the transaction; remove it";
    let problem = |one: Statement| {
        // A trigger's body ends with END, which the splitter of PostgreSQL takes for a statement.
        let what = one.controls_transaction().filter(|what| *what != "END")?;
        Some((one.line, format!("{what} {why}")))
    };
    split(&migration.sql).into_iter().filter_map(problem).collect()
}

fn read_history(connection: &mut Connection) -> rusqlite::Result<anyhow::Result<Option<History>>> {
    let kind = "SELECT type FROM pragma_table_info(?1) WHERE name = 'version'";
    let mut kinds = connection.prepare(kind)?;
    let mut kinds = kinds.query([TABLE])?;
    let Some(kind) = kinds.next()? else { return Ok(Ok(None)) };
    let width = match kind.get::<_, String>(0)?.to_ascii_lowercase().as_str() {
        "int8" | "bigint" => Width::Bits64,
        _ => Width::Bits32,
    };
    let sql = format!("SELECT version, name, applied_on, checksum FROM {TABLE} ORDER BY version");
    let mut all = connection.prepare(&sql)?;
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
fn run(connection: &Connection, sql: &str) -> Result<(), (rusqlite::Error, Option<usize>)> {
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
                    _ => None,
                };
                return Err((err, place));
            }
        };
        let text = one.expanded_sql().unwrap_or_default();
        let start = at + sql[at..].find(text.trim()).unwrap_or_default();
        at = start + text.trim().len().min(sql.len() - start);
        // SQLite counts the comments before a statement as a part of it.
        let comments = split(text.trim()).first().map_or(0, |first| first.line - 1);
        let ran = one.query([]).and_then(|mut rows| {
            while rows.next()?.is_some() {}
            Ok(())
        });
        ran.map_err(|err| (err, Some(line_at(sql, start) + comments)))?;
    }
}

fn explain(err: &rusqlite::Error, migration: &Migration, line: Option<usize>) -> Fail {
    let file = migration.path.display();
    let place = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    let state = if migration.directives.no_transaction {
        "the statements before it were applied and stay"
    } else {
        "it was rolled back"
    };
    let message = format!("{place}: {}; {state}", message(err));
    if is_busy(err) {
        Fail::new(Exit::TimedOut, message).help(
            "another program writes to the database; run again, or allow more: --lock-timeout 1m",
        )
    } else if is_denied(err) {
        Fail::new(Exit::Unreachable, message).help("check that file and folder are writable")
    } else if err.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        Fail::new(Exit::Failed, message).help("free space and run migrate-db again")
    } else if migration.directives.no_transaction {
        Fail::new(Exit::Failed, message).help(
            "mend the file so that it can run again from its first statement, and run migrate-db",
        )
    } else {
        Fail::new(Exit::Failed, message).help("mend the file and run migrate-db again")
    }
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
