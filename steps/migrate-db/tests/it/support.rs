//! Databases that a test has to itself, and projects that use them.

use std::future::Future;
use std::io::Write;
use std::net::{TcpListener, TcpStream};

use mysql_async::prelude::Queryable as _;
use step_testkit::{Project, Ran, testbed_env};
use tokio_postgres::{Client, NoTls};

/// Waits for a future. The tests are no async functions, as they start processes.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(future)
}

/// A connection, whose other half runs on the runtime of the caller.
pub(crate) async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn variable(name: &str) -> String {
    let env = testbed_env();
    env.get(name).unwrap_or_else(|| panic!("the testbed has no {name}: run `make up`")).clone()
}

/// A fresh database of the testbed's PostgreSQL. It goes with this value.
pub(crate) struct Database {
    pub(crate) name: String,
}

impl Database {
    pub(crate) fn new() -> Self {
        let name = format!("t{:016x}", fastrand::u64(..));
        admin(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    /// Its URL for the testbed's superuser.
    pub(crate) fn url(&self) -> String {
        self.behind("LANDFALL_TEST_POSTGRES_URL")
    }

    /// Its URL through PgBouncer.
    pub(crate) fn pooled_url(&self) -> String {
        self.behind("LANDFALL_TEST_PGBOUNCER_URL")
    }

    fn behind(&self, name: &str) -> String {
        let url = variable(name);
        let (server, _) = url.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Its URL for another user.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (_, server) = url.rsplit_once('@').unwrap();
        format!("postgres://{user}:{password}@{server}")
    }

    pub(crate) fn run(&self, sql: &str) {
        let url = self.url();
        wait(async { connect(&url).await.batch_execute(sql).await }).unwrap();
    }

    /// The first column of a query, as texts.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        let url = self.url();
        wait(async {
            let rows = connect(&url).await.query(sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get(0)).collect()
        })
    }

    /// `V1__x` for each row of the history.
    pub(crate) fn history(&self) -> Vec<String> {
        self.texts(
            "SELECT 'V' || version || '__' || name FROM refinery_schema_history ORDER BY version",
        )
    }

    /// A project that finds this database.
    pub(crate) fn project(&self) -> Project {
        Project::new().with_env("LANDFALL_DATABASE_URL", &self.url())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        admin(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A fresh database of the testbed's MariaDB. It goes with this value.
pub(crate) struct Maria {
    pub(crate) name: String,
}

impl Maria {
    pub(crate) fn new() -> Self {
        let name = format!("t{:016x}", fastrand::u64(..));
        maria_admin(&format!("CREATE DATABASE {name}"));
        Self { name }
    }

    /// Its URL for the testbed's superuser.
    pub(crate) fn url(&self) -> String {
        let url = variable("LANDFALL_TEST_MARIADB_URL");
        let (server, _) = url.rsplit_once('/').unwrap();
        format!("{server}/{}", self.name)
    }

    /// Its URL for another user.
    pub(crate) fn url_of(&self, user: &str, password: &str) -> String {
        let url = self.url();
        let (_, server) = url.rsplit_once('@').unwrap();
        format!("mysql://{user}:{password}@{server}")
    }

    /// A connection, whose runtime is that of the caller.
    pub(crate) async fn connect(&self) -> mysql_async::Conn {
        mysql_async::Conn::from_url(self.url()).await.unwrap()
    }

    pub(crate) fn run(&self, sql: &str) {
        wait(async { self.connect().await.query_drop(sql).await }).unwrap();
    }

    /// The first column of a query, as texts.
    pub(crate) fn texts(&self, sql: &str) -> Vec<String> {
        wait(async { self.connect().await.query(sql).await }).unwrap()
    }

    /// `V1__x` for each row of the history.
    pub(crate) fn history(&self) -> Vec<String> {
        self.texts(
            "SELECT concat('V', version, '__', name) FROM refinery_schema_history ORDER BY version",
        )
    }

    /// A project that finds this database.
    pub(crate) fn project(&self) -> Project {
        Project::new().with_env("LANDFALL_DATABASE_URL", &self.url())
    }
}

impl Drop for Maria {
    fn drop(&mut self) {
        // One that is left open by a test keeps no lock on it.
        maria_admin(&format!("DROP DATABASE IF EXISTS {}", self.name));
    }
}

/// Runs a statement as the superuser of the testbed's MariaDB, in no database of a test.
pub(crate) fn maria_admin(sql: &str) {
    let url = variable("LANDFALL_TEST_MARIADB_URL");
    wait(async { mysql_async::Conn::from_url(url).await.unwrap().query_drop(sql).await }).unwrap();
}

/// Runs a statement as the testbed's superuser, in no database of a test.
pub(crate) fn admin(sql: &str) {
    let url = variable("LANDFALL_TEST_POSTGRES_URL");
    wait(async { connect(&url).await.batch_execute(sql).await }).unwrap();
}

/// A project with a SQLite database `app.db`.
pub(crate) fn sqlite() -> Project {
    Project::new().with_env("DATABASE_URL", "sqlite:app.db")
}

/// The first column of a query on `app.db`, as texts.
pub(crate) fn sqlite_texts(project: &Project, sql: &str) -> Vec<String> {
    let connection = rusqlite::Connection::open(project.path("app.db")).unwrap();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Adds a migration to a project.
pub(crate) trait WithMigration {
    fn with(self, file: &str, sql: &str) -> Self;
}

impl WithMigration for Project {
    fn with(self, file: &str, sql: &str) -> Self {
        self.with_file(&format!("migrations/{file}"), sql)
    }
}

pub(crate) fn run(project: &Project, args: &[&str]) -> Ran {
    project.run("migrate-db", args)
}

/// Passes on what comes in to a server, and back.
pub(crate) fn forward(listener: &TcpListener, server: &str) {
    for client in listener.incoming().flatten() {
        let upstream = TcpStream::connect(server).unwrap();
        let (mut a, mut b) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut a, &mut b));
        std::thread::spawn(move || {
            let (mut from, mut to) = (upstream, client);
            let _ended = std::io::copy(&mut from, &mut to);
            to.flush()
        });
    }
}
