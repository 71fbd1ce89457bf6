//! PostgreSQL.

use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use futures_util::TryStreamExt;
use futures_util::future::join3;
use siphasher::sip::SipHasher13;
use step_core::poll::{Deadline, poll};
use step_core::{Exit, Fail, innermost, output};
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::journal::{self, Session};
use super::tables::{JOURNAL, Tables};
use super::{Access, Edit, Limits, PACE, Step, Stopped, connected, repeatable_row, row};
use crate::address::PostgresAddress;
use crate::checksum::Width;
use crate::files::Script;
use crate::plan::{History, Mark, REPEATABLES, Recorded, TABLE};
use crate::sql::{self, Dialect, Statement};
use crate::tls;

/// One connection to a PostgreSQL.
pub(crate) struct Postgres {
    client: Client,
    address: PostgresAddress,
    /// With their schema: a migration may set another search path.
    tables: Tables,
    schema: String,
    /// Brings the session back to how it began.
    reset: String,
}

impl Postgres {
    /// Connects; a server that does not answer yet is asked again until the deadline.
    pub(super) async fn connect(
        address: &PostgresAddress,
        access: Access,
        wait: &Deadline,
    ) -> anyhow::Result<Self> {
        let client = connected(wait, async || open(address).await).await?;
        if access == Access::Read {
            let read_only = "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY";
            client.batch_execute(read_only).await.context("set the session to read only")?;
        }
        // PostgreSQL before 14 does not know the setting; then a run that is killed keeps its lock
        // until its statement has ended.
        let notices_loss = client.batch_execute(NOTICE_LOSS).await.is_ok();
        let schema = client.query_one("SELECT current_schema()::text", &[]).await;
        let schema: Option<String> = schema.context("ask for the schema")?.get(0);
        let schema = schema.ok_or_else(|| {
            Fail::invalid("no schema of the search path exists")
                .help("create the schema, or set another search_path for the user")
        })?;
        let quoted = schema.replace('"', "\"\"");
        Ok(Self {
            client,
            address: address.clone(),
            tables: Tables::new(Dialect::Postgres, &format!("\"{quoted}\".")),
            schema,
            reset: if notices_loss { format!("{RESET}; {NOTICE_LOSS}") } else { RESET.to_owned() },
        })
    }

    /// Takes an advisory lock of the session. It is polled, with no transaction open in between:
    /// the call that blocks holds a snapshot, which `CREATE INDEX CONCURRENTLY` in another run
    /// would wait for, and the two would wait for each other.
    pub(super) async fn lock(&mut self, deadline: &Deadline) -> anyhow::Result<()> {
        self.refuse_pooler().await?;
        let key = lock_key(&self.schema);
        let client = &self.client;
        let mut told = false;
        let got = poll(deadline, PACE, async || {
            let row = client.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await;
            let got: bool = row.map_err(lost("take the lock"))?.get(0);
            if !got && !told {
                told = true;
                output::say("another run migrates this database; waiting for it");
            }
            Ok(got.then_some(()))
        });
        if got.await?.is_some() {
            return Ok(());
        }
        let (holder, pid) = self.holder(key).await.unwrap_or_else(|| (String::new(), "PID".into()));
        Err(Fail::new(Exit::Refused, format!("the lock was not free in time{holder}"))
            .help(format!(
                "wait for the other run, or end its session: SELECT pg_terminate_backend({pid})"
            ))
            .into())
    }

    /// A pooler that shares its connections between transactions would give the lock to one of them
    /// and the migrations to another. Such a pooler hands the idle connection of this session to the
    /// next that asks; or, when it takes turns, gives this session another.
    async fn refuse_pooler(&self) -> anyhow::Result<()> {
        const PID: &str = "SELECT pg_backend_pid()";
        let ours =
            pid(&self.client.simple_query(PID).await.map_err(lost("ask for the backend"))?);
        let other = open(&self.address).await?;
        let theirs = other.simple_query("BEGIN; SELECT pg_backend_pid()").await;
        let theirs = pid(&theirs.map_err(lost("ask for the backend"))?);
        let again =
            pid(&self.client.simple_query(PID).await.map_err(lost("ask for the backend"))?);
        drop(other);
        if ours == theirs || ours != again {
            return Err(Fail::new(
                Exit::Refused,
                "between this and the database is a pooler that shares connections (PgBouncer in \
                 transaction mode): a lock of the session does not hold through it",
            )
            .help("give the URL of the database itself, or of a pool in session mode")
            .into());
        }
        Ok(())
    }

    /// Who holds the lock: `: process 12 holds it, landfall migrate-db from 10.0.0.1, ...`, and the
    /// number of that process.
    async fn holder(&self, key: i64) -> Option<(String, String)> {
        let sql = "SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'), \
                   to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') \
                   FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                   AND (l.classid::int8 << 32) | l.objid::int8 = $1 \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let row = self.client.query_opt(sql, &[&key]).await.ok()??;
        let (pid, name): (i32, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
        let (from, since): (String, String) = (row.try_get(2).ok()?, row.try_get(3).ok()?);
        let holder =
            format!(": process {pid} holds it, {name} from {from}, connected since {since}");
        Some((holder, pid.to_string()))
    }

    /// See [`super::Database::recorded`].
    pub(super) async fn recorded(&self) -> anyhow::Result<Recorded> {
        // One look at one snapshot: another run may make the table right now. `to_regclass` would see
        // it, and the rows of the catalogue not yet.
        let sql = "SELECT c.relname::text, format_type(a.atttypid, NULL) FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace \
                   LEFT JOIN pg_attribute a \
                   ON a.attrelid = c.oid AND a.attname = 'version' AND NOT a.attisdropped \
                   WHERE n.nspname = $1 AND c.relname IN ($2, $3, $4)";
        let found = self.client.query(sql, &[&self.schema, &TABLE, &REPEATABLES, &JOURNAL]).await;
        let found = found.map_err(lost("look for the history"))?;
        let mut recorded = Recorded::default();
        for table in found {
            let name: &str = table.get(0);
            if name == TABLE {
                recorded.history = Some(self.history(table.get(1)).await?);
            } else if name == JOURNAL {
                let rows = self.client.query(&self.tables.marks(), &[]).await;
                let rows = rows.map_err(failed("read the journal"))?;
                let marks = rows.iter().map(|row| Mark {
                    id: row.get(0),
                    done: usize::try_from(row.get::<_, i32>(1)).unwrap_or_default(),
                    digest: row.get(2),
                    state: row.get(3),
                });
                recorded.begun = marks.collect();
            } else {
                let sql = format!(
                    "SELECT name::text, applied_on::text, checksum::text FROM {} ORDER BY 1",
                    self.tables.repeatables
                );
                let rows = self.client.query(&sql, &[]).await;
                let rows = rows.map_err(failed("read the repeatable migrations"))?;
                let rows = rows.iter().map(|it| repeatable_row(it.get(0), it.get(1), it.get(2)));
                recorded.repeatables = Some(rows.collect::<Result<_, _>>()?);
            }
        }
        Ok(recorded)
    }

    /// The history, whose column `version` is of this type.
    async fn history(&self, kind: Option<String>) -> anyhow::Result<History> {
        let width = super::width(kind.as_deref(), "integer", "bigint")?;
        let sql = format!(
            "SELECT version::int8, name::text, applied_on::text, checksum::text FROM {} ORDER BY 1",
            self.tables.history
        );
        let rows = self.client.query(&sql, &[]).await.map_err(|err| match err.as_db_error() {
            Some(db) if *db.code() == SqlState::UNDEFINED_COLUMN => super::foreign(db.message()),
            _ => failed("read the history")(err),
        })?;
        let rows = rows.iter().map(|it| row(it.get(0), it.get(1), it.get(2), it.get(3)));
        Ok(History { width, rows: rows.collect::<Result<_, _>>()? })
    }

    /// See [`super::Database::create_history`].
    pub(super) async fn create_history(&self, width: Width) -> anyhow::Result<()> {
        let made = self.client.batch_execute(&self.tables.create_history(width)).await;
        Ok(made.map_err(failed("create the table of the history"))?)
    }

    /// See [`super::Database::create_repeatables`].
    pub(super) async fn create_repeatables(&self) -> anyhow::Result<()> {
        let made = self.client.batch_execute(&self.tables.create_repeatables()).await;
        Ok(made.map_err(failed("create the table of the repeatable migrations"))?)
    }

    /// See [`super::Database::edit`].
    pub(super) async fn edit(&self, edits: &[Edit]) -> anyhow::Result<()> {
        let edits: Vec<String> = edits.iter().map(|edit| self.tables.edit(edit)).collect();
        let sql = format!("BEGIN; {}; COMMIT", edits.join("; "));
        let done = self.client.batch_execute(&sql).await;
        Ok(done.map_err(failed("write the history"))?)
    }

    /// See [`super::Database::hurry`].
    ///
    /// The write-ahead log is flushed once, not with each migration. A server that crashes may lose
    /// the last migrations, but each with its record, and none before another: the log is written in
    /// the order of the commits.
    pub(super) async fn hurry(&mut self) -> anyhow::Result<()> {
        self.reset.push_str("; SET synchronous_commit = off");
        let set = self.client.batch_execute("SET synchronous_commit = off").await;
        Ok(set.map_err(failed("set how commits are flushed"))?)
    }

    /// See [`super::Database::flush`]. A commit waits until the log is on the disk up to its own
    /// place, so one that writes something into it brings all others there.
    pub(super) async fn flush(&self) -> anyhow::Result<()> {
        let write =
            "RESET synchronous_commit; SELECT pg_logical_emit_message(true, 'landfall', '')";
        Ok(self.client.batch_execute(write).await.map_err(failed("flush what was applied"))?)
    }

    /// See [`super::Database::apply`].
    pub(super) async fn apply(&mut self, step: &Step<'_>, limits: Limits) -> anyhow::Result<()> {
        let script = step.script;
        if !step.transaction {
            return journal::apply(self, step, limits).await;
        }
        let mut attempt = 0;
        loop {
            let mut ended = 0;
            let err = match self.apply_whole(step, limits, &mut ended).await {
                Ok(()) => return Ok(()),
                Err(err) => err,
            };
            // The transaction may be open still; without it nothing of the migration is left.
            let _already_lost =
                self.client.batch_execute(&format!("ROLLBACK; {}", self.reset)).await;
            let waited = err.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
            if !waited || attempt >= limits.retries {
                let statements = sql::split(&script.sql, Dialect::Postgres);
                let at = statements.get(ended).map(|one| one.line);
                let place = Place { sql: &script.sql, first_line: 1, statement: at };
                return Err(explain(&err, script, &place, "it was rolled back").into());
            }
            attempt += 1;
            super::pause(&script.id, attempt, limits.retries).await;
        }
    }

    /// The file and its row in one transaction and one round trip. Counts the statements of the file
    /// that `ended`, for an error that has no position.
    async fn apply_whole(
        &self,
        step: &Step<'_>,
        limits: Limits,
        ended: &mut usize,
    ) -> Result<(), tokio_postgres::Error> {
        let begin = format!("BEGIN; {}", settings("LOCAL ", limits));
        // What the file set for the session is taken back: the next one starts as this one did.
        // After an error in the file nothing of this runs, for the transaction takes no more.
        let end = format!("{}; COMMIT; {}", self.tables.edit(&step.record), self.reset);
        let run = async {
            let mut answers = pin!(self.client.simple_query_raw(&step.script.sql).await?);
            while let Some(answer) = answers.try_next().await? {
                *ended += usize::from(matches!(answer, SimpleQueryMessage::CommandComplete(_)));
            }
            Ok(())
        };
        // All three are sent at once, in this order.
        let (begun, ran, recorded) =
            join3(self.client.batch_execute(&begin), run, self.client.batch_execute(&end)).await;
        begun.and(ran).and(recorded)
    }

    /// Whether an index of this name is there, and valid; and its name with its schema.
    async fn index(&self, name: &str) -> anyhow::Result<Option<(bool, String)>> {
        let sql = "SELECT i.indisvalid, format('%I.%I', n.nspname, c.relname) FROM pg_index i \
                   JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relname = $1 AND n.nspname = ANY (current_schemas(false))";
        let found = self.client.query_opt(sql, &[&name]).await;
        let found = found.map_err(failed("look for the index"))?;
        Ok(found.map(|row| (row.get(0), row.get(1))))
    }

    /// The index that the statement was to create, if it is there and invalid.
    async fn invalid(&self, one: &Statement) -> anyhow::Result<Option<String>> {
        if one.needs_no_transaction() != Some("CREATE INDEX CONCURRENTLY") {
            return Ok(None);
        }
        let Some(name) = one.index_name() else { return Ok(None) };
        let found = self.index(&name).await?;
        Ok(found.filter(|(is_valid, _)| !is_valid).map(|(_, index)| index))
    }
}

impl Session for Postgres {
    type Error = tokio_postgres::Error;

    // An index that could not be built stays as an invalid one.
    const FAILURES_LEAVE_TRACES: bool = true;

    const SHARES: bool = false;

    fn tables(&self) -> &Tables {
        &self.tables
    }

    async fn execute(&mut self, sql: &str) -> Result<(), Self::Error> {
        self.client.batch_execute(sql).await
    }

    async fn find_mark(&mut self, id: &str) -> anyhow::Result<Option<Mark>> {
        let row = self.client.query_opt(&self.tables.find_mark(id), &[]).await;
        let row = row.map_err(failed("read the journal"))?;
        Ok(row.map(|row| Mark {
            id: id.to_owned(),
            done: usize::try_from(row.get::<_, i32>(0)).unwrap_or_default(),
            digest: row.get(1),
            state: row.get(2),
        }))
    }

    async fn limit(&mut self, limits: Limits) -> Result<(), Self::Error> {
        self.client.batch_execute(&settings("", limits)).await
    }

    async fn begin(&mut self, limits: Limits) -> Result<(), Self::Error> {
        self.client.batch_execute(&format!("BEGIN; {}", settings("LOCAL ", limits))).await
    }

    async fn run(&mut self, one: &Statement, _: Limits) -> Result<(), Self::Error> {
        self.client.batch_execute(&one.text).await
    }

    async fn state(&mut self, _: &Statement) -> anyhow::Result<String> {
        Ok("begun".to_owned())
    }

    async fn was_done(&mut self, one: &Statement, _: &str) -> anyhow::Result<bool> {
        let Some(name) = one.index_name() else { return Ok(false) };
        match (one.needs_no_transaction(), self.index(&name).await?) {
            (Some("CREATE INDEX CONCURRENTLY"), Some((true, _))) => Ok(true),
            (Some("CREATE INDEX CONCURRENTLY"), Some((false, index))) => {
                output::say(format!(
                    "  dropping the invalid index {index}, which an earlier run left"
                ));
                let drop = format!("DROP INDEX CONCURRENTLY {index}");
                let dropped = self.client.batch_execute(&drop).await;
                dropped.map_err(failed("drop the invalid index"))?;
                Ok(false)
            }
            (Some("DROP INDEX CONCURRENTLY"), None) => Ok(true),
            _ => Ok(false),
        }
    }

    async fn verify(&mut self, script: &Script, one: &Statement) -> anyhow::Result<()> {
        let Some(index) = self.invalid(one).await? else { return Ok(()) };
        let message = format!(
            "{}:{}: the index {index} exists and is invalid, and IF NOT EXISTS hides it",
            script.path.display(),
            one.line
        );
        Err(Fail::new(Exit::Failed, message)
            .help(format!("DROP INDEX CONCURRENTLY {index}; then run migrate-db again"))
            .into())
    }

    fn reset(&self) -> String {
        self.reset.clone()
    }

    fn failed(what: &'static str, err: Self::Error) -> Fail {
        failed(what)(err)
    }

    async fn explain(
        &mut self,
        err: Self::Error,
        script: &Script,
        one: &Statement,
        mut state: String,
    ) -> Stopped {
        if let Ok(Some(index)) = self.invalid(one).await {
            state.push_str(&format!("; the index {index} is invalid, and the next run drops it"));
        }
        explain(&err, script, &Place::of(one), &state)
    }
}

const RESET: &str = "RESET ALL; RESET ROLE";

/// Has the server look, while a statement runs, whether this process still listens: a job that was
/// cancelled must not hold its locks until an hour's statement has ended.
const NOTICE_LOSS: &str = "SET client_connection_check_interval = '1s'";

/// The settings of a session or transaction.
fn settings(scope: &str, limits: Limits) -> String {
    let set = |name: &str, time: Option<Duration>| {
        time.map(|time| format!("SET {scope}{name} = {}", time.as_millis()))
    };
    let lock = set("lock_timeout", limits.lock_timeout);
    let statement = set("statement_timeout", limits.statement_timeout);
    lock.into_iter().chain(statement).collect::<Vec<_>>().join("; ")
}

/// The key of the lock. Locks are of one database; schemas in it do not disturb each other.
fn lock_key(schema: &str) -> i64 {
    let mut hasher = SipHasher13::new();
    ("landfall migrate-db", schema).hash(&mut hasher);
    hasher.finish().cast_signed()
}

fn pid(messages: &[SimpleQueryMessage]) -> Option<String> {
    messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    })
}

/// Opens a connection, or says why not.
async fn open(address: &PostgresAddress) -> anyhow::Result<Client> {
    let mut config = address.config.clone();
    if let Some(token) = address.token().await? {
        config.password(token.expose());
    }
    let connected = match &address.tls {
        None => {
            config.ssl_mode(tokio_postgres::config::SslMode::Disable);
            config.connect(NoTls).await.map(|(client, connection)| {
                tokio::spawn(connection);
                client
            })
        }
        Some(tls) => {
            config.ssl_mode(tokio_postgres::config::SslMode::Require);
            // Of several hosts, one of RDS needs the authorities of RDS.
            let host = address.hosts().max_by_key(|host| tls::is_rds(host)).unwrap_or_default();
            let connector = MakeRustlsConnect::new(tls::client_config(host, tls.ca.as_deref())?);
            config.connect(connector).await.map(|(client, connection)| {
                tokio::spawn(connection);
                client
            })
        }
    };
    Ok(connected.map_err(|err| refused(&err, address))?)
}

/// Why there is no connection.
fn refused(err: &tokio_postgres::Error, address: &PostgresAddress) -> Fail {
    let why = err.as_db_error().map_or_else(|| innermost(err), |err| err.message().to_owned());
    let fail = Fail::new(Exit::Unreachable, format!("connect to {address:?}: {why}"));
    match err.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            if address.iam.is_some() {
                fail.help(
                    "allow rds-db:connect on the database user to the role, grant rds_iam to that \
                     user, and use the host name that RDS gave; the region has to be the database's",
                )
            } else if why_is(err, "no encryption") {
                fail.help("the server wants TLS: write sslmode=verify-full in the database URL")
            } else {
                fail.help("check user and password in the database URL")
            }
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            fail.help("create the database, or name another in the database URL")
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            fail.help("grant CONNECT on the database to the user")
        }
        Some(code)
            if *code == SqlState::CANNOT_CONNECT_NOW
                || *code == SqlState::TOO_MANY_CONNECTIONS
                || code.code().starts_with("08") =>
        {
            fail.help("wait for it with --wait-for-db 30s").transient()
        }
        Some(_) => fail,
        None if let Some(help) = tls::help(&why) => fail.help(help),
        None if why.contains("server does not support TLS") => {
            fail.help("write sslmode=disable in the database URL if no TLS is wanted")
        }
        None if why.contains("password missing") => fail.help("the database URL holds no password"),
        None => fail
            .help("check host and port in the database URL; wait for one that starts with --wait-for-db 30s")
            .transient(),
    }
}

fn why_is(err: &tokio_postgres::Error, text: &str) -> bool {
    err.as_db_error().is_some_and(|err| err.message().contains(text))
}

/// An error of our own SQL.
fn failed(what: &str) -> impl FnOnce(tokio_postgres::Error) -> Fail {
    move |err| {
        let Some(db) = err.as_db_error() else { return lost(what)(err) };
        let fail = |exit| Fail::new(exit, format!("{what}: {}", db.message()));
        if *db.code() == SqlState::INSUFFICIENT_PRIVILEGE {
            fail(Exit::Unreachable).help(
                "grant the user USAGE and CREATE on the schema, and SELECT, INSERT, UPDATE and \
                 DELETE on refinery_schema_history",
            )
        } else {
            fail(Exit::Failed)
        }
    }
}

/// An error of the connection.
fn lost(what: &str) -> impl FnOnce(tokio_postgres::Error) -> Fail {
    move |err| {
        let why = err.as_db_error().map_or_else(|| innermost(&err), |err| err.message().to_owned());
        Fail::new(Exit::Unreachable, format!("{what}: {why}"))
            .help("run migrate-db again when the database answers")
    }
}

/// Where in a file an error is looked for.
struct Place<'a> {
    /// What was sent; positions count in it.
    sql: &'a str,
    /// The line of the file on which it begins.
    first_line: usize,
    /// The line of the statement, for an error without a position.
    statement: Option<usize>,
}

impl<'a> Place<'a> {
    fn of(one: &'a Statement) -> Self {
        Self { sql: &one.text, first_line: one.line, statement: Some(one.line) }
    }
}

/// The error of a migration: place, cause, what became of it and what to do.
fn explain(
    err: &tokio_postgres::Error,
    script: &Script,
    place: &Place<'_>,
    state: &str,
) -> Stopped {
    let file = script.path.display();
    let Some(db) = err.as_db_error() else {
        let why = innermost(err);
        let message = format!("{file}: the connection was lost while it was applied: {why}");
        let fail = Fail::new(Exit::Unreachable, message).help(
            "run migrate-db again: what was not committed is gone, and the history says what was",
        );
        return Stopped { fail, is_there: false };
    };
    let line = position(db).map(|at| place.first_line - 1 + line_of_char(place.sql, at));
    let line = line.or(place.statement);
    let place = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    let said = super::first_line(db.message());
    let mut message = format!("{place}: {said} ({})", db.code().code());
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        message.push_str(&format!("; {}", more.trim_end_matches('.')));
    }
    message.push_str(&format!("; {state}"));
    let code = db.code();
    let is_there = THERE.contains(code);
    let fail = if *code == SqlState::LOCK_NOT_AVAILABLE {
        Fail::new(Exit::TimedOut, message)
            .help("run again when less goes on, or allow more: -- landfall: lock-timeout=30s")
    } else if *code == SqlState::QUERY_CANCELED {
        Fail::new(Exit::TimedOut, message)
            .help("allow more time: -- landfall: statement-timeout=30m at the head of the file")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        Fail::new(Exit::Unreachable, message).help("grant the user what the statement needs")
    } else if *code == SqlState::DISK_FULL {
        Fail::new(Exit::Failed, message).help("free space on the server and run migrate-db again")
    } else if *code == SqlState::ADMIN_SHUTDOWN || *code == SqlState::CRASH_SHUTDOWN {
        Fail::new(Exit::Unreachable, message).help("run migrate-db again when the server is back")
    } else {
        Fail::new(Exit::Failed, message).help("mend the file and run migrate-db again")
    };
    Stopped { fail, is_there }
}

/// What is made is there already: <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const THERE: [SqlState; 5] = [
    SqlState::DUPLICATE_COLUMN,
    SqlState::DUPLICATE_FUNCTION,
    SqlState::DUPLICATE_OBJECT,
    SqlState::DUPLICATE_SCHEMA,
    SqlState::DUPLICATE_TABLE,
];

fn position(db: &DbError) -> Option<usize> {
    match db.position()? {
        ErrorPosition::Original(at) => usize::try_from(*at).ok(),
        // Inside of a function: the place is not in the file.
        ErrorPosition::Internal { .. } => None,
    }
}

/// The line of a character, both counted from one.
fn line_of_char(sql: &str, at: usize) -> usize {
    1 + sql.chars().take(at.saturating_sub(1)).filter(|c| *c == '\n').count()
}
