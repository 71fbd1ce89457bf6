//! MySQL and MariaDB.
//!
//! A statement that defines something ends the transaction that it stands in, so most files cannot
//! be one transaction. Each statement is atomic by itself (MySQL 8, MariaDB 10.6), and a server that
//! has lost its client brings a statement to its end before it frees the lock: what the journal says
//! and what `SHOW CREATE` shows together tell the next run where to go on.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use anyhow::Context;
use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Error, Opts, ServerError, SslOpts};
use siphasher::sip::SipHasher13;
use step_core::poll::{Deadline, poll};
use step_core::{Exit, Fail, innermost, output};

use super::journal::{self, Session};
use super::tables::{JOURNAL, Tables};
use super::{Access, Edit, Limits, PACE, Step, Stopped, connected, repeatable_row, row};
use crate::address::{MysqlAddress, Tls};
use crate::checksum::Width;
use crate::files::Script;
use crate::plan::{History, Mark, REPEATABLES, Recorded, TABLE};
use crate::sql::{self, Dialect, Statement, Subject};
use crate::tls;

/// One connection to a MySQL or MariaDB.
pub(crate) struct Mysql {
    connection: Conn,
    address: MysqlAddress,
    tables: Tables,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a statement may wait for another session's lock, where no time is set.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

// Numbers of errors: "Server Error Message Reference" of MySQL, "MariaDB Error Codes".
const ACCESS_DENIED: u16 = 1045;
const UNKNOWN_DATABASE: u16 = 1049;
const UNKNOWN_COLUMN: u16 = 1054;
const LOCK_WAIT_TIMEOUT: u16 = 1205;
const DENIED: [u16; 7] = [1044, 1142, 1143, 1227, 1370, 1410, 1419];
const DISK_FULL: [u16; 2] = [1021, 1114];
/// What is made is there already: a database, table, column, index, routine, trigger, foreign key.
const THERE: [u16; 7] = [1007, 1050, 1060, 1061, 1304, 1359, 1826];
/// Starting up, shutting down, or as many connections as are allowed.
const BUSY: [u16; 5] = [1040, 1053, 1203, 1129, 1226];
const KILLED: [u16; 3] = [1053, 1927, 3169];
const INTERRUPTED: u16 = 1317;

impl Mysql {
    /// Connects; a server that does not answer yet is asked again until the deadline.
    pub(super) async fn connect(
        address: &MysqlAddress,
        access: Access,
        wait: &Deadline,
    ) -> anyhow::Result<Self> {
        let mut connection = connected(wait, async || open(address).await).await?;
        if access == Access::Read {
            let read_only = "SET SESSION TRANSACTION READ ONLY";
            connection.query_drop(read_only).await.context("set the session to read only")?;
        }
        let prefix = format!("{}.", quoted(&address.database));
        let tables = Tables::new(Dialect::Mysql, &prefix);
        Ok(Self { connection, address: address.clone(), tables })
    }

    /// Takes a lock of the session, which goes with the connection. A proxy that shares connections
    /// between sessions is found by asking whether it is still ours.
    pub(super) async fn lock(&mut self, deadline: &Deadline) -> anyhow::Result<()> {
        let name = lock_name(&self.address.database);
        let take = format!("SELECT GET_LOCK('{name}', 0)");
        let connection = &mut self.connection;
        let mut told = false;
        let got = poll(deadline, PACE, async || {
            let got: Option<Option<i64>> =
                connection.query_first(take.as_str()).await.map_err(lost("take the lock"))?;
            let got = got.flatten() == Some(1);
            if !got && !told {
                told = true;
                output::say("another run migrates this database; waiting for it");
            }
            Ok(got.then_some(()))
        });
        if got.await?.is_none() {
            let holder = self.holder(&name).await;
            let (holder, id) = holder.unwrap_or_else(|| (String::new(), "ID".into()));
            return Err(Fail::new(Exit::Refused, format!("the lock was not free in time{holder}"))
                .help(format!("wait for the other run, or end its session: KILL {id}"))
                .into());
        }
        let ours = format!("SELECT IS_USED_LOCK('{name}') = CONNECTION_ID()");
        for _ in 0..3 {
            let ours: Option<Option<i64>> =
                self.connection.query_first(ours.as_str()).await.map_err(lost("check the lock"))?;
            if ours.flatten() != Some(1) {
                return Err(Fail::new(
                    Exit::Refused,
                    "between this and the database is a proxy that shares connections: a lock of \
                     the session does not hold through it",
                )
                .help("give the URL of the database itself")
                .into());
            }
        }
        Ok(())
    }

    /// Who holds the lock: `: session 12 holds it, app from 10.0.0.1:4711, for 60 s`, and the number
    /// of that session.
    async fn holder(&mut self, name: &str) -> Option<(String, String)> {
        let sql = format!(
            "SELECT id, user, host, time FROM information_schema.processlist \
             WHERE id = IS_USED_LOCK('{name}')"
        );
        let row: Option<(u64, String, String, i64)> =
            self.connection.query_first(sql).await.ok().flatten();
        let (id, user, host, time) = row?;
        let holder = format!(": session {id} holds it, {user} from {host}, for {time} s");
        Some((holder, id.to_string()))
    }

    /// See [`super::Database::recorded`].
    pub(super) async fn recorded(&mut self) -> anyhow::Result<Recorded> {
        let sql = "SELECT t.table_name, c.data_type FROM information_schema.tables t \
                   LEFT JOIN information_schema.columns c ON c.table_schema = t.table_schema \
                   AND c.table_name = t.table_name AND c.column_name = 'version' \
                   WHERE t.table_schema = ? AND t.table_name IN (?, ?, ?)";
        let names = (&self.address.database, TABLE, REPEATABLES, JOURNAL);
        let found: Vec<(String, Option<String>)> =
            self.connection.exec(sql, names).await.map_err(failed("look for the history"))?;
        let mut recorded = Recorded::default();
        for (table, kind) in found {
            if table == TABLE {
                recorded.history = Some(self.history(kind).await?);
            } else if table == JOURNAL {
                let rows = self.connection.query(self.tables.marks()).await;
                let rows: Vec<(String, i64, String, String)> =
                    rows.map_err(failed("read the journal"))?;
                let marks = rows.into_iter().map(|(id, done, digest, state)| Mark {
                    id,
                    done: usize::try_from(done).unwrap_or_default(),
                    digest,
                    state,
                });
                recorded.begun = marks.collect();
            } else {
                let sql = format!(
                    "SELECT {} FROM {} ORDER BY name",
                    texts(&["name", "applied_on", "checksum"]),
                    self.tables.repeatables
                );
                let rows: Vec<(Text, Text, Text)> = self
                    .connection
                    .query(sql)
                    .await
                    .map_err(failed("read the repeatable migrations"))?;
                let rows =
                    rows.into_iter().map(|(name, on, checksum)| repeatable_row(name, on, checksum));
                recorded.repeatables = Some(rows.collect::<Result<_, _>>()?);
            }
        }
        Ok(recorded)
    }

    /// The history, whose column `version` is of this type.
    async fn history(&mut self, kind: Option<String>) -> anyhow::Result<History> {
        let width = super::width(kind.as_deref(), "int", "bigint")?;
        let sql = format!(
            "SELECT version, {} FROM {} ORDER BY version",
            texts(&["name", "applied_on", "checksum"]),
            self.tables.history
        );
        let rows: Vec<(Option<i64>, Text, Text, Text)> =
            self.connection.query(sql).await.map_err(|err| match code(&err) {
                Some(UNKNOWN_COLUMN) => super::foreign(&message(&err)),
                _ => failed("read the history")(err),
            })?;
        let rows =
            rows.into_iter().map(|(version, name, on, checksum)| row(version, name, on, checksum));
        Ok(History { width, rows: rows.collect::<Result<_, _>>()? })
    }

    /// See [`super::Database::create_history`].
    pub(super) async fn create_history(&mut self, width: Width) -> anyhow::Result<()> {
        let made = self.connection.query_drop(self.tables.create_history(width)).await;
        Ok(made.map_err(failed("create the table of the history"))?)
    }

    /// See [`super::Database::create_repeatables`].
    pub(super) async fn create_repeatables(&mut self) -> anyhow::Result<()> {
        let made = self.connection.query_drop(self.tables.create_repeatables()).await;
        Ok(made.map_err(failed("create the table of the repeatable migrations"))?)
    }

    /// See [`super::Database::edit`].
    pub(super) async fn edit(&mut self, edits: &[Edit]) -> anyhow::Result<()> {
        let edits: Vec<String> = edits.iter().map(|edit| self.tables.edit(edit)).collect();
        let sql = format!("BEGIN; {}; COMMIT", edits.join("; "));
        let done = self.connection.query_drop(sql).await;
        Ok(done.map_err(failed("write the history"))?)
    }

    /// See [`super::Database::apply`].
    pub(super) async fn apply(&mut self, step: &Step<'_>, limits: Limits) -> anyhow::Result<()> {
        if !step.transaction {
            return journal::apply(self, step, limits).await;
        }
        let statements = sql::split(&step.script.sql, Dialect::Mysql);
        self.limit(limits).await.map_err(failed("set the time-outs"))?;
        self.begin(limits).await.map_err(failed("begin a transaction"))?;
        for one in &statements {
            if let Err(err) = self.run(one, limits).await {
                let _already_lost = self.execute("ROLLBACK").await;
                return Err(explain(&err, step.script, one, "it was rolled back").into());
            }
        }
        let record = format!("{}; COMMIT; {}", self.tables.edit(&step.record), self.reset());
        Ok(self.execute(&record).await.map_err(failed("record the migration"))?)
    }

    /// Runs a statement for at most so long. The server of MySQL has no such limit for most
    /// statements, so another connection ends it.
    async fn run_for(&mut self, sql: &str, limit: Option<Duration>) -> Result<(), Error> {
        let Some(limit) = limit else { return self.connection.query_drop(sql).await };
        let kill = format!("KILL QUERY {}", self.connection.id());
        let mut running = std::pin::pin!(self.connection.query_drop(sql));
        tokio::select! {
            ran = &mut running => ran,
            () = tokio::time::sleep(limit) => {
                if let Ok(mut other) = open(&self.address).await {
                    let _it_may_have_ended = other.query_drop(kill).await;
                }
                running.await
            }
        }
    }

    /// What `SHOW CREATE` shows, in short; `none` where there is no such thing.
    async fn definition(&mut self, subject: &Subject) -> anyhow::Result<String> {
        let sql = format!("SHOW CREATE {} {}", subject.kind, subject.name);
        let row: Result<Option<mysql_async::Row>, Error> = self.connection.query_first(sql).await;
        let row = match row {
            Ok(row) => row,
            // What is missing has a number for each kind; whatever it is, it is not there to see.
            Err(Error::Server(_)) => return Ok("none".to_owned()),
            Err(err) => return Err(failed("look at what is defined")(err).into()),
        };
        let mut hasher = SipHasher13::new();
        for value in row.map(mysql_async::Row::unwrap).unwrap_or_default() {
            let text = value.as_sql(true);
            // The next number of a table changes with its rows.
            text.split_whitespace()
                .filter(|word| !word.starts_with("AUTO_INCREMENT="))
                .for_each(|word| word.hash(&mut hasher));
        }
        Ok(hasher.finish().to_string())
    }
}

impl Session for Mysql {
    type Error = Error;

    const FAILURES_LEAVE_TRACES: bool = false;

    const SHARES: bool = true;

    fn tables(&self) -> &Tables {
        &self.tables
    }

    async fn execute(&mut self, sql: &str) -> Result<(), Error> {
        self.connection.query_drop(sql).await
    }

    async fn find_mark(&mut self, id: &str) -> anyhow::Result<Option<Mark>> {
        let sql = self.tables.find_mark(id);
        let row: Option<(u64, String, String)> =
            self.connection.query_first(sql).await.map_err(failed("read the journal"))?;
        Ok(row.map(|(done, digest, state)| Mark {
            id: id.to_owned(),
            done: usize::try_from(done).unwrap_or_default(),
            digest,
            state,
        }))
    }

    async fn limit(&mut self, limits: Limits) -> Result<(), Error> {
        // Of a table's definition, and of a row. Both count in seconds.
        let seconds = limits.lock_timeout.unwrap_or(LOCK_TIMEOUT).as_millis().div_ceil(1000).max(1);
        let set =
            format!("SET lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}");
        self.execute(&set).await
    }

    async fn begin(&mut self, _: Limits) -> Result<(), Error> {
        self.execute("BEGIN").await
    }

    /// A statement that waited too long for a lock did nothing, and is tried again.
    async fn run(&mut self, one: &Statement, limits: Limits) -> Result<(), Error> {
        let mut attempt = 0;
        loop {
            let ran = self.run_for(&one.text, limits.statement_timeout).await;
            let waited = ran.as_ref().err().and_then(code) == Some(LOCK_WAIT_TIMEOUT);
            if !waited || attempt >= limits.retries {
                return ran;
            }
            attempt += 1;
            super::pause(&format!("line {}", one.line), attempt, limits.retries).await;
        }
    }

    async fn state(&mut self, one: &Statement) -> anyhow::Result<String> {
        match one.subject() {
            Some(subject) => self.definition(&subject).await,
            None => Ok("begun".to_owned()),
        }
    }

    /// A statement is atomic: it was done if what it defines is not as it was before.
    async fn was_done(&mut self, one: &Statement, state: &str) -> anyhow::Result<bool> {
        let Some(subject) = one.subject() else { return Ok(false) };
        Ok(self.definition(&subject).await? != state)
    }

    async fn verify(&mut self, _: &Script, _: &Statement) -> anyhow::Result<()> {
        Ok(())
    }

    /// `RESET CONNECTION` would free the lock: what files are known to set is taken back by name.
    fn reset(&self) -> String {
        format!(
            "UNLOCK TABLES; USE {}; SET NAMES utf8mb4; SET sql_mode = DEFAULT, autocommit = DEFAULT, \
             foreign_key_checks = DEFAULT, unique_checks = DEFAULT, time_zone = DEFAULT, \
             lock_wait_timeout = DEFAULT, innodb_lock_wait_timeout = DEFAULT",
            quoted(&self.address.database)
        )
    }

    fn failed(what: &'static str, err: Error) -> Fail {
        failed(what)(err)
    }

    async fn explain(
        &mut self,
        err: Error,
        script: &Script,
        one: &Statement,
        state: String,
    ) -> Stopped {
        explain(&err, script, one, &state)
    }
}

type Text = Option<String>;

/// Columns as texts, whatever their type: mysql_async panics over a value of another.
fn texts(columns: &[&str]) -> String {
    let cast = |column: &&str| format!("CAST({column} AS CHAR)");
    columns.iter().map(cast).collect::<Vec<_>>().join(", ")
}

/// A name as MySQL quotes it.
fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The name of the lock. Locks are of the whole server and have 64 characters.
fn lock_name(database: &str) -> String {
    let mut hasher = SipHasher13::new();
    database.hash(&mut hasher);
    format!("landfall migrate-db {:016x}", hasher.finish())
}

/// Opens a connection, or says why not.
async fn open(address: &MysqlAddress) -> anyhow::Result<Conn> {
    let mut options = address.options.clone();
    if let Some(tls) = &address.tls {
        options = options.ssl_opts(verified(&address.host, tls)?);
    }
    if let Some(token) = address.token().await? {
        // AWS wants it as it is, which TLS hides.
        options = options.pass(Some(token.expose())).enable_cleartext_plugin(true);
    }
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, Conn::new(Opts::from(options))).await;
    match connected {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(err)) => Err(refused(&err, address).into()),
        Err(_) => Err(Fail::new(
            Exit::Unreachable,
            format!("connect to {address}: no answer in {} s", CONNECT_TIMEOUT.as_secs()),
        )
        .help("check host and port in the database URL, and what is between")
        .transient()
        .into()),
    }
}

/// TLS to a server that is verified.
fn verified(host: &str, tls: &Tls) -> anyhow::Result<SslOpts> {
    // mysql_async takes the provider of the process.
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut usable = rustls::RootCertStore::empty();
    let mut roots = tls::roots(host, tls.ca.as_deref())?;
    // It stops at a certificate that it does not understand, and machines trust odd ones.
    roots.retain(|root| usable.add(root.clone()).is_ok());
    let roots = roots.iter().map(|root| root.to_vec().into()).collect();
    Ok(SslOpts::default().with_disable_built_in_roots(true).with_root_certs(roots))
}

/// Why there is no connection.
fn refused(err: &Error, address: &MysqlAddress) -> Fail {
    let why = message(err);
    let fail = Fail::new(Exit::Unreachable, format!("connect to {address}: {why}"));
    match code(err) {
        Some(ACCESS_DENIED) => fail.help("check user and password in the database URL"),
        Some(UNKNOWN_DATABASE) => {
            fail.help("create the database, or name another in the database URL")
        }
        Some(code) if DENIED.contains(&code) => {
            fail.help("grant the user access to the database")
        }
        Some(code) if BUSY.contains(&code) => {
            fail.help("wait for it with --wait-for-db 30s").transient()
        }
        Some(_) => fail,
        None if matches!(err, Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer)) => {
            fail.help("write ssl-mode=DISABLED in the database URL if no TLS is wanted")
        }
        None => match tls::help(&why) {
            Some(help) => fail.help(help),
            None => fail
                .help("check host and port in the database URL; wait for one that starts with --wait-for-db 30s")
                .transient(),
        },
    }
}

fn code(err: &Error) -> Option<u16> {
    match err {
        Error::Server(ServerError { code, .. }) => Some(*code),
        _ => None,
    }
}

/// What the server says, or the innermost cause.
fn message(err: &Error) -> String {
    match err {
        Error::Server(ServerError { message, .. }) => message.clone(),
        other => innermost(other),
    }
}

/// An error of our own SQL.
fn failed(what: &str) -> impl FnOnce(Error) -> Fail {
    move |err| match code(&err) {
        None => lost(what)(err),
        Some(code) if DENIED.contains(&code) => {
            Fail::new(Exit::Unreachable, format!("{what}: {}", message(&err))).help(
                "grant the user CREATE on the database, and SELECT, INSERT, UPDATE and DELETE on \
                 refinery_schema_history and the tables landfall_*",
            )
        }
        Some(_) => Fail::new(Exit::Failed, format!("{what}: {}", message(&err))),
    }
}

/// An error of the connection.
fn lost(what: &str) -> impl FnOnce(Error) -> Fail {
    move |err| {
        Fail::new(Exit::Unreachable, format!("{what}: {}", message(&err)))
            .help("run migrate-db again when the database answers")
    }
}

/// The error of a statement of a file: place, cause, what became of it and what to do.
fn explain(err: &Error, script: &Script, one: &Statement, state: &str) -> Stopped {
    let file = script.path.display();
    let Error::Server(ServerError { code, message, .. }) = err else {
        let why = message(err);
        let message =
            format!("{file}:{}: the connection was lost while it was applied: {why}", one.line);
        let fail = Fail::new(Exit::Unreachable, message)
            .help("run migrate-db again: the journal and the history say what was done");
        return Stopped { fail, is_there: false };
    };
    let (said, line) = split_line(message);
    let line = one.line - 1 + line.unwrap_or(1);
    let said = super::first_line(said);
    let message = format!("{file}:{line}: {said} ({code}); {state}");
    let fail = match *code {
        LOCK_WAIT_TIMEOUT => Fail::new(Exit::TimedOut, message)
            .help("run again when less goes on, or allow more: -- landfall: lock-timeout=30s"),
        INTERRUPTED => Fail::new(Exit::TimedOut, message)
            .help("allow more time: -- landfall: statement-timeout=30m at the head of the file"),
        code if KILLED.contains(&code) => Fail::new(Exit::Unreachable, message)
            .help("run migrate-db again when the server is back"),
        code if DENIED.contains(&code) => {
            Fail::new(Exit::Unreachable, message).help("grant the user what the statement needs")
        }
        code if DISK_FULL.contains(&code) => Fail::new(Exit::Failed, message)
            .help("free space on the server and run migrate-db again"),
        _ => Fail::new(Exit::Failed, message).help("mend the file and run migrate-db again"),
    };
    Stopped { fail, is_there: THERE.contains(code) }
}

/// A message without the ` at line 2` of a syntax error, and that line, counted in the statement.
fn split_line(message: &str) -> (&str, Option<usize>) {
    let split = message
        .rsplit_once(" at line ")
        .and_then(|(said, line)| Some((said, Some(line.parse().ok()?))));
    split.unwrap_or((message, None))
}
