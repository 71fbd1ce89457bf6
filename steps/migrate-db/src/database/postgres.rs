//! PostgreSQL.

use std::hash::{Hash, Hasher};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use futures_util::TryStreamExt;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use siphasher::sip::SipHasher13;
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, innermost, output};
use tokio_postgres::error::{DbError, ErrorPosition, SqlState};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{Access, Edit, Limits, create_table, literal, row, statement};
use crate::address::{PostgresAddress, Tls};
use crate::checksum::Width;
use crate::files::Migration;
use crate::plan::{History, Row, TABLE};
use crate::sql::{self, Statement};

/// One connection to a PostgreSQL.
pub(crate) struct Postgres {
    client: Client,
    address: PostgresAddress,
    /// Where the history lies, with its schema: a migration may set another search path.
    table: String,
    journal: String,
    schema: String,
    /// Brings the session back to how it began.
    reset: String,
}

const PACE: Pace = Pace { early: Duration::from_millis(50), late: Duration::from_secs(1) };

impl Postgres {
    /// Connects; a server that does not answer yet is asked again until the deadline.
    pub(super) async fn connect(
        address: &PostgresAddress,
        access: Access,
        wait: &Deadline,
    ) -> anyhow::Result<Self> {
        let mut last = None;
        let client = poll(wait, PACE, async || match open(address).await {
            Ok(client) => Ok(Some(client)),
            Err(err) if Fail::of(&err).is_some_and(Fail::is_transient) => {
                // Told once, at the end: a database that starts up refuses many times.
                last = Some(err);
                Ok(None)
            }
            Err(err) => Err(err),
        });
        let client = match client.await? {
            Some(client) => client,
            None => return Err(last.unwrap_or_else(|| wait.exceeded("no connection").into())),
        };
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
            table: format!("\"{quoted}\".{TABLE}"),
            journal: format!("\"{quoted}\".{JOURNAL}"),
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
        let holder = self.holder(key).await.unwrap_or_default();
        Err(Fail::new(Exit::Refused, format!("the lock was not free in time{holder}"))
            .help("wait for the other run, or end its session: SELECT pg_terminate_backend(PID)")
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

    /// Who holds the lock: ` (held by process 12, landfall migrate-db from 10.0.0.1 since ...)`.
    async fn holder(&self, key: i64) -> Option<String> {
        let sql = "SELECT a.pid, a.application_name, coalesce(host(a.client_addr), 'a socket'), \
                   to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') \
                   FROM pg_locks l JOIN pg_stat_activity a USING (pid) \
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 \
                   AND (l.classid::int8 << 32) | l.objid::int8 = $1 \
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let row = self.client.query_opt(sql, &[&key]).await.ok()??;
        let (pid, name): (i32, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
        let (from, since): (String, String) = (row.try_get(2).ok()?, row.try_get(3).ok()?);
        Some(format!(": process {pid} holds it, {name} from {from}, connected since {since}"))
    }

    /// See [`super::Database::history`].
    pub(super) async fn history(&self) -> anyhow::Result<Option<History>> {
        // One look at one snapshot: another run may make the table right now. `to_regclass` would see
        // it, and the rows of the catalogue not yet.
        let sql = "SELECT format_type(a.atttypid, NULL) FROM pg_class c \
                   JOIN pg_namespace n ON n.oid = c.relnamespace \
                   LEFT JOIN pg_attribute a \
                   ON a.attrelid = c.oid AND a.attname = 'version' AND NOT a.attisdropped \
                   WHERE n.nspname = $1 AND c.relname = $2";
        let found = self.client.query_opt(sql, &[&self.schema, &TABLE]).await;
        let Some(found) = found.map_err(lost("look for the history"))? else { return Ok(None) };
        let Some(kind) = found.get::<_, Option<String>>(0) else {
            return Err(Fail::new(Exit::Refused, format!("{TABLE} has no column `version`"))
                .help("another tool made the table; move it out of the way")
                .into());
        };
        let width = match kind.as_str() {
            "integer" => Width::Bits32,
            "bigint" => Width::Bits64,
            other => {
                let message = format!("the column `version` of {TABLE} is of the type {other}");
                return Err(Fail::new(Exit::Refused, message)
                    .help("refinery makes it int4 or int8: another tool made the table")
                    .into());
            }
        };
        let sql = format!(
            "SELECT version::int8, name::text, applied_on::text, checksum::text FROM {} ORDER BY 1",
            self.table
        );
        let rows = self.client.query(&sql, &[]).await.map_err(failed("read the history"))?;
        let rows = rows.iter().map(|it| row(it.get(0), it.get(1), it.get(2), it.get(3)));
        Ok(Some(History { width, rows: rows.collect::<Result<_, _>>()? }))
    }

    /// See [`super::Database::create_history`].
    pub(super) async fn create_history(&self, width: Width) -> anyhow::Result<()> {
        let made = self.client.batch_execute(&create_table(&self.table, width)).await;
        Ok(made.map_err(failed("create the table of the history"))?)
    }

    /// See [`super::Database::edit`].
    pub(super) async fn edit(&self, edits: &[Edit]) -> anyhow::Result<()> {
        let edits: Vec<String> = edits.iter().map(|edit| statement(&self.table, edit)).collect();
        let sql = format!("BEGIN; {}; COMMIT", edits.join("; "));
        let done = self.client.batch_execute(&sql).await;
        Ok(done.map_err(failed("write the history"))?)
    }

    /// See [`super::Database::apply`].
    pub(super) async fn apply(
        &mut self,
        migration: &Migration,
        row: &Row,
        limits: Limits,
    ) -> anyhow::Result<()> {
        if migration.directives.no_transaction {
            return self.apply_statements(migration, row, limits).await;
        }
        let mut attempt = 0;
        loop {
            let mut ended = 0;
            let err = match self.apply_whole(migration, row, limits, &mut ended).await {
                Ok(()) => return Ok(()),
                Err(err) => err,
            };
            // The transaction may be open still; without it nothing of the migration is left.
            let _already_lost =
                self.client.batch_execute(&format!("ROLLBACK; {}", self.reset)).await;
            let waited = err.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
            if !waited || attempt >= limits.retries {
                let at = sql::split(&migration.sql).get(ended).map(|one| one.line);
                let place = Place { sql: &migration.sql, first_line: 1, statement: at };
                return Err(explain(&err, migration, &place, "it was rolled back").into());
            }
            attempt += 1;
            let pause = Duration::from_secs(1 << attempt.min(4)).mul_f64(0.75 + fraction() / 2.0);
            output::warn(format!(
                "{}: no lock in time; attempt {} of {} in {:.1} s",
                migration.id(),
                attempt + 1,
                limits.retries + 1,
                pause.as_secs_f64()
            ));
            tokio::time::sleep(pause).await;
        }
    }

    /// The file and its row in one transaction. Counts the statements of the file that `ended`, for
    /// an error that has no position.
    async fn apply_whole(
        &self,
        migration: &Migration,
        row: &Row,
        limits: Limits,
        ended: &mut usize,
    ) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(&format!("BEGIN; {}", settings("LOCAL ", limits))).await?;
        let mut answers = pin!(self.client.simple_query_raw(&migration.sql).await?);
        while let Some(answer) = answers.try_next().await? {
            *ended += usize::from(matches!(answer, SimpleQueryMessage::CommandComplete(_)));
        }
        let record = statement(&self.table, &Edit::Insert(row.clone()));
        // What the file set for the session is taken back: the next one starts as this one did.
        self.client.batch_execute(&format!("{record}; COMMIT")).await?;
        self.client.batch_execute(&self.reset).await
    }

    /// Statement by statement, with a journal, so that another run goes on where this one stopped.
    ///
    /// A statement that may run in a transaction shares one with its mark in the journal. The others
    /// are marked before and after; one that was interrupted in between is mended and run again.
    async fn apply_statements(
        &mut self,
        migration: &Migration,
        row: &Row,
        limits: Limits,
    ) -> anyhow::Result<()> {
        let statements = sql::split(&migration.sql);
        let journal = self.journal(migration).await?;
        let done = journal.as_ref().map_or(0, |journal| journal.done);
        if let Some(journal) = &journal {
            journal.fits(migration, &statements)?;
            output::say(format!(
                "{}: an earlier run applied {done} of {} statements; going on",
                migration.id(),
                statements.len()
            ));
        }
        let mut interrupted = journal.is_some();
        self.client.batch_execute(&settings("", limits)).await.context("set the time-outs")?;
        for (at, one) in statements.iter().enumerate().skip(done) {
            let mark = self.mark(migration, &statements, at + 1);
            let ran = if let Some(kind) = runs_alone(one) {
                if interrupted && self.is_done(kind, one).await? {
                    Ok(())
                } else {
                    let before = self.mark(migration, &statements, at);
                    self.client.batch_execute(&before).await.context("write the journal")?;
                    self.client.batch_execute(&one.text).await
                }
            } else {
                self.client
                    .batch_execute(&format!("BEGIN; {}", settings("LOCAL ", limits)))
                    .await?;
                self.client.batch_execute(&one.text).await
            };
            interrupted = false;
            let marked = match ran {
                Ok(()) if runs_alone(one).is_some() => self.client.batch_execute(&mark).await,
                Ok(()) => self.client.batch_execute(&format!("{mark}; COMMIT")).await,
                Err(err) => Err(err),
            };
            if let Err(err) = marked {
                let _already_lost = self.client.batch_execute("ROLLBACK").await;
                return Err(self.stopped(&err, migration, &statements, at).await.into());
            }
            if let Some(index) = self.invalid(one).await? {
                let message = format!(
                    "{}:{}: the index {index} exists and is invalid, and IF NOT EXISTS hides it",
                    migration.path.display(),
                    one.line
                );
                return Err(Fail::new(Exit::Failed, message)
                    .help(format!("DROP INDEX CONCURRENTLY {index}; then run migrate-db again"))
                    .into());
            }
        }
        let record = statement(&self.table, &Edit::Insert(row.clone()));
        let forget = format!("DELETE FROM {} WHERE version = {}", self.journal, migration.version);
        let ended = format!("BEGIN; {record}; {forget}; COMMIT; {}", self.reset);
        Ok(self.client.batch_execute(&ended).await.map_err(failed("record the migration"))?)
    }

    /// The mark that the first `done` statements have been run.
    fn mark(&self, migration: &Migration, statements: &[Statement], done: usize) -> String {
        format!(
            "INSERT INTO {} (version, done, digest) VALUES ({}, {done}, {}) ON CONFLICT (version) \
             DO UPDATE SET done = EXCLUDED.done, digest = EXCLUDED.digest",
            self.journal,
            migration.version,
            literal(&digest(&statements[..done]))
        )
    }

    /// What an earlier run left behind. Makes the table.
    async fn journal(&self, migration: &Migration) -> anyhow::Result<Option<Journal>> {
        let make = format!(
            "CREATE TABLE IF NOT EXISTS {}(version int8 PRIMARY KEY, done int4 NOT NULL, digest \
             text NOT NULL)",
            self.journal
        );
        self.client.batch_execute(&make).await.map_err(failed("create the journal"))?;
        let sql = format!("SELECT done, digest FROM {} WHERE version = $1", self.journal);
        let row = self.client.query_opt(&sql, &[&migration.version]).await;
        let row = row.map_err(failed("read the journal"))?;
        Ok(row.map(|row| Journal {
            done: usize::try_from(row.get::<_, i32>(0)).unwrap_or_default(),
            digest: row.get(1),
        }))
    }

    /// Whether a statement that was interrupted has been done. What it left half-done is removed.
    async fn is_done(&self, kind: &str, one: &Statement) -> anyhow::Result<bool> {
        let Some(name) = one.index_name() else { return Ok(false) };
        let sql = "SELECT i.indisvalid, format('%I.%I', n.nspname, c.relname) FROM pg_index i \
                   JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE c.relname = $1 AND n.nspname = ANY (current_schemas(false))";
        let found =
            self.client.query_opt(sql, &[&name]).await.map_err(failed("look for the index"))?;
        match (kind, found) {
            ("CREATE INDEX CONCURRENTLY", Some(row)) if row.get::<_, bool>(0) => Ok(true),
            ("CREATE INDEX CONCURRENTLY", Some(row)) => {
                let index: String = row.get(1);
                output::say(format!(
                    "  dropping the invalid index {index}, which an earlier run left"
                ));
                let drop = format!("DROP INDEX CONCURRENTLY {index}");
                let dropped = self.client.batch_execute(&drop).await;
                dropped.map_err(failed("drop the invalid index"))?;
                Ok(false)
            }
            ("DROP INDEX CONCURRENTLY", None) => Ok(true),
            _ => Ok(false),
        }
    }

    /// The index that the statement was to create, if it is there and invalid.
    async fn invalid(&self, one: &Statement) -> anyhow::Result<Option<String>> {
        if one.needs_no_transaction() != Some("CREATE INDEX CONCURRENTLY") {
            return Ok(None);
        }
        let Some(name) = one.index_name() else { return Ok(None) };
        let sql = "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i \
                   JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE NOT i.indisvalid AND c.relname = $1 AND n.nspname = ANY (current_schemas(false))";
        let found =
            self.client.query_opt(sql, &[&name]).await.map_err(failed("look at the index"))?;
        Ok(found.map(|row| row.get(0)))
    }

    /// The error of a file without a transaction that stopped at a statement.
    async fn stopped(
        &self,
        err: &tokio_postgres::Error,
        migration: &Migration,
        statements: &[Statement],
        at: usize,
    ) -> Fail {
        let one = &statements[at];
        let mut state = match at {
            0 => "none of its statements was applied".to_owned(),
            1 => format!("the first of its {} statements was applied and stays", statements.len()),
            _ => format!(
                "the first {at} of its {} statements were applied and stay",
                statements.len()
            ),
        };
        if let Ok(Some(index)) = self.invalid(one).await {
            state.push_str(&format!("; the index {index} is invalid, and the next run drops it"));
        }
        let fail = explain(err, migration, &Place::of(one), &state);
        let help = "mend the cause and run migrate-db again: it goes on with this statement; the \
                    file may be changed from there on";
        fail.help(help)
    }
}

/// The journal of files without a transaction. Its rows go when their migration is recorded.
const JOURNAL: &str = "landfall_migration_journal";

const RESET: &str = "RESET ALL; RESET ROLE";

/// Has the server look, while a statement runs, whether this process still listens: a job that was
/// cancelled must not hold its locks until an hour's statement has ended.
const NOTICE_LOSS: &str = "SET client_connection_check_interval = '1s'";

/// How far an earlier run came with a file without a transaction.
struct Journal {
    done: usize,
    digest: String,
}

impl Journal {
    /// Makes sure that what was run is what the file begins with.
    fn fits(&self, migration: &Migration, statements: &[Statement]) -> Result<(), Fail> {
        if statements.get(..self.done).is_some_and(|run| digest(run) == self.digest) {
            return Ok(());
        }
        let message = format!(
            "{}: an earlier run applied the first {} of its statements, and these were changed since",
            migration.path.display(),
            self.done
        );
        Err(Fail::new(Exit::Refused, message).help(format!(
            "restore them; or undo by hand what they did and delete the row of version {} from \
             {JOURNAL}",
            migration.version
        )))
    }
}

fn digest(statements: &[Statement]) -> String {
    let mut hasher = SipHasher13::new();
    statements.iter().for_each(|one| one.text.replace("\r\n", "\n").hash(&mut hasher));
    hasher.finish().to_string()
}

/// What a statement is, if it has to run outside of any transaction block.
fn runs_alone(one: &Statement) -> Option<&'static str> {
    one.needs_no_transaction().or_else(|| one.may_commit_itself())
}

/// Refuses before anything runs what would fail or break out of its transaction half-way.
pub(super) fn check(migration: &Migration) -> Result<(), String> {
    match problems(migration).into_iter().next() {
        Some((line, why)) => Err(format!("{}:{line}: {why}", migration.path.display())),
        None => Ok(()),
    }
}

/// What would fail or break out of its transaction half-way, each with its line.
pub(super) fn problems(migration: &Migration) -> Vec<(usize, String)> {
    let problem = |one: &Statement| {
        if let Some(what) = one.controls_transaction() {
            let why = "in a migration: landfall begins and ends the transaction; remove it";
            return Some((one.line, format!("{what} {why}")));
        }
        let what = one.needs_no_transaction().filter(|_| !migration.directives.no_transaction)?;
        let why = "cannot run in a transaction; write `-- landfall: no-transaction` at the head of \
                   the file, best in a file of its own";
        Some((one.line, format!("{what} {why}")))
    };
    sql::split(&migration.sql).iter().filter_map(problem).collect()
}

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

/// Between 0 and 1, so that two runs that wait for a lock do not meet again.
fn fraction() -> f64 {
    let mut hasher = SipHasher13::new();
    (std::process::id(), tokio::time::Instant::now().elapsed()).hash(&mut hasher);
    f64::from(u32::try_from(hasher.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX)
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
            let connector = MakeRustlsConnect::new(tls_config(tls)?);
            config.connect(connector).await.map(|(client, connection)| {
                tokio::spawn(connection);
                client
            })
        }
    };
    Ok(connected.map_err(|err| refused(&err, address))?)
}

fn tls_config(tls: &Tls) -> anyhow::Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    match &tls.ca {
        Some(path) => {
            let wrong = |err: &dyn std::fmt::Display| {
                Fail::invalid(format!("read the certificates in {}: {err}", path.display()))
            };
            for one in CertificateDer::pem_file_iter(path).map_err(|err| wrong(&err))? {
                roots.add(one.map_err(|err| wrong(&err))?).map_err(|err| wrong(&err))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().context("TLS")?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// Why there is no connection.
fn refused(err: &tokio_postgres::Error, address: &PostgresAddress) -> Fail {
    let why = err.as_db_error().map_or_else(|| innermost(err), |err| err.message().to_owned());
    let fail = Fail::new(Exit::Unreachable, format!("connect to {address:?}: {why}"));
    match err.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            if why_is(err, "no encryption") {
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
        None if why.contains("certificate") => fail.help(
            "name the certificates of its authority: sslrootcert=FILE in the URL or --database-ca FILE",
        ),
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
    migration: &Migration,
    place: &Place<'_>,
    state: &str,
) -> Fail {
    let file = migration.path.display();
    let Some(db) = err.as_db_error() else {
        let why = innermost(err);
        let message = format!("{file}: the connection was lost while it was applied: {why}");
        return Fail::new(Exit::Unreachable, message).help(
            "run migrate-db again: what was not committed is gone, and the history says what was",
        );
    };
    let line = position(db).map(|at| place.first_line - 1 + line_of_char(place.sql, at));
    let line = line.or(place.statement);
    let place = line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"));
    let mut message = format!("{place}: {} ({})", db.message(), db.code().code());
    for more in [db.detail(), db.hint()].into_iter().flatten() {
        message.push_str(&format!("; {more}"));
    }
    message.push_str(&format!("; {state}"));
    let code = db.code();
    if *code == SqlState::LOCK_NOT_AVAILABLE {
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
    }
}

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
