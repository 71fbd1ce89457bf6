//! `migrate-db` beside refinery_cli, sqlx-cli and dbmate, on PostgreSQL and SQLite: 1,000 migrations
//! on an empty database, and a run that finds them all applied.
//!
//! All get the same SQL, in files named as each wants them, the URL in the same variable, and run as
//! their manuals say it, a transaction for each migration; only that dbmate is kept from dumping the
//! schema, which the others do not do. The PostgreSQL is one that `up bench` started for this, with
//! the settings it comes with, `fsync` among them; each run has a database of its own, after a
//! checkpoint. SQLite's file lies on the disk that the testbed is on. Runs alternate between the
//! programs, and each round begins with another. That 1,000 were applied is asked of the database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::comparison::{Comparison, Goal, in_turns};
use super::measure::{Sample, least_memory, sample};
use crate::workspace::Programs;

const MIGRATIONS: usize = 1000;
const ROUNDS: usize = 3;
const ROUNDS_OF_NOTHING: usize = 21;

/// The part of the best peer's time that applying them may take.
const APPLY_BUDGET: f64 = 0.5;
/// In milliseconds.
const NOTHING_BUDGET: f64 = 30.0;
/// In megabytes.
const MEMORY_BUDGET: f64 = 30.0;

/// Measures all of them; needs what `up bench` made.
pub(super) fn compare(programs: &Programs, testbed: &Path) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("migrate-db").context(
        "there is no release build of migrate-db: run `cargo build --release -p migrate-db`",
    )?;
    let all: Vec<Contender> = [
        Contender::new(ours, &[], |number| format!("V{number}__m.sql"), ("", ""))?,
        Contender::new(
            testbed.join("peers/bin/refinery"),
            &["migrate", "-e", URL, "-p", "migrations"],
            |number| format!("V{number}__m.sql"),
            ("", ""),
        )?,
        Contender::new(
            testbed.join("peers/bin/sqlx"),
            &["migrate", "run", "--no-dotenv", "--source", "migrations"],
            |number| format!("{number:04}_m.sql"),
            ("", ""),
        )?,
        Contender::new(
            testbed.join("venv/bin/dbmate"),
            &["--no-dump-schema", "--migrations-dir", "migrations", "up"],
            |number| format!("{number:04}_m.sql"),
            ("-- migrate:up\n", "-- migrate:down\n"),
        )?,
    ]
    .into();
    let scratch = tempfile::tempdir_in(testbed).context("make a scratch folder in the testbed")?;
    let postgres = Postgres::find(testbed)?;
    let mut comparisons = Vec::new();
    for engine in [Engine::Postgres(postgres), Engine::Sqlite(testbed.join("venv/bin/python"))] {
        let folders = all.iter().enumerate().map(|(at, one)| {
            let folder = scratch.path().join(format!("{}_{at}", engine.name()));
            one.write_files(&folder).map(|()| folder)
        });
        let folders = folders.collect::<anyhow::Result<Vec<_>>>()?;
        comparisons.push(applying(&engine, &all, &folders)?);
        comparisons.push(nothing(&engine, &all, &folders)?);
    }
    Ok(comparisons)
}

/// The databases of the last round stay.
fn applying(engine: &Engine, all: &[Contender], folders: &[PathBuf]) -> anyhow::Result<Comparison> {
    let run = |at: usize| {
        engine.make_empty(&folders[at])?;
        let sample = all[at].run(engine, &folders[at])?;
        let applied = engine.count(&folders[at])?;
        if applied != MIGRATIONS {
            bail!("{} applied {applied} of {MIGRATIONS} to {}", all[at].name, engine.name());
        }
        Ok(sample)
    };
    let what = format!("{MIGRATIONS} migrations on {}", engine.name());
    comparison(what, Goal::OfBestPeer(APPLY_BUDGET), all, ROUNDS, run)
}

fn nothing(engine: &Engine, all: &[Contender], folders: &[PathBuf]) -> anyhow::Result<Comparison> {
    let run = |at: usize| all[at].run(engine, &folders[at]);
    let what = format!("{MIGRATIONS} applied on {}", engine.name());
    comparison(what, Goal::Milliseconds(NOTHING_BUDGET), all, ROUNDS_OF_NOTHING, run)
}

/// Runs all contenders, the first of which is ours, in alternation.
fn comparison(
    what: String,
    goal: Goal,
    all: &[Contender],
    rounds: usize,
    run: impl Fn(usize) -> anyhow::Result<Sample>,
) -> anyhow::Result<Comparison> {
    let names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
    let mut measured = in_turns(&what, &names, rounds, run)?.into_iter();
    let ours = measured.next().context("no contender")?;
    Ok(Comparison {
        what,
        goal,
        memory: MEMORY_BUDGET,
        least_memory: least_memory()?,
        ours,
        peers: measured.collect(),
    })
}

/// The variable that each of them takes the database's URL from.
const URL: &str = "DATABASE_URL";

/// A program that applies migrations.
struct Contender {
    /// With its version, as it says it.
    name: String,
    program: PathBuf,
    args: &'static [&'static str],
    file: fn(usize) -> String,
    /// What stands before and after the SQL in its files.
    frame: (&'static str, &'static str),
}

impl Contender {
    fn new(
        program: PathBuf,
        args: &'static [&'static str],
        file: fn(usize) -> String,
        frame: (&'static str, &'static str),
    ) -> anyhow::Result<Self> {
        let asked = Command::new(&program).arg("--version").output();
        let asked = asked.with_context(|| {
            format!("{} does not start: run `make bench STEP=migrate-db`", program.display())
        })?;
        let name = String::from_utf8_lossy(&asked.stdout).trim().replace(" version ", " ");
        Ok(Self { name, program, args, file, frame })
    }

    fn write_files(&self, folder: &Path) -> anyhow::Result<()> {
        let migrations = folder.join("migrations");
        std::fs::create_dir_all(&migrations)?;
        let (before, after) = self.frame;
        for number in 1..=MIGRATIONS {
            let path = migrations.join((self.file)(number));
            std::fs::write(path, format!("{before}{}{after}", sql(number)))?;
        }
        Ok(())
    }

    fn run(&self, engine: &Engine, folder: &Path) -> anyhow::Result<Sample> {
        let mut command = Command::new(&self.program);
        command.args(self.args).current_dir(folder).env_clear().env(URL, engine.url(folder));
        let run = sample(&mut command, &folder.join("log"));
        run.with_context(|| format!("{} on {}", self.name, engine.name()))
    }
}

/// A migration as teams write them: a table with an index and its first rows, and in the next one a
/// column more, with an index and a change of the rows. Each makes one index.
fn sql(number: usize) -> String {
    if number % 2 == 1 {
        return format!(
            "CREATE TABLE orders_{number} (
    id integer PRIMARY KEY,
    customer varchar(100) NOT NULL,
    amount numeric(12, 2) NOT NULL,
    created_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Customers look for their own.
CREATE INDEX orders_by_{number} ON orders_{number} (customer);

INSERT INTO orders_{number} (id, customer, amount) VALUES
    (1, 'Ada; and others', 10.50),
    (2, 'Grace', 99.00);
"
        );
    }
    let table = number - 1;
    format!(
        "ALTER TABLE orders_{table} ADD COLUMN state varchar(20) NOT NULL DEFAULT 'new';

CREATE INDEX orders_by_{number} ON orders_{table} (state, created_on);

UPDATE orders_{table} SET state = 'paid' WHERE amount > 50;

INSERT INTO orders_{table} (id, customer, amount, state) VALUES (3, 'Edsger', 7.25, 'new');
"
    )
}

/// Where they are applied.
enum Engine {
    Postgres(Postgres),
    /// With a Python, which has SQLite in it.
    Sqlite(PathBuf),
}

impl Engine {
    fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "PostgreSQL",
            Self::Sqlite(_) => "SQLite",
        }
    }

    fn url(&self, folder: &Path) -> String {
        match self {
            Self::Postgres(postgres) => postgres.url(&database(folder)),
            Self::Sqlite(_) => "sqlite:app.db".to_owned(),
        }
    }

    /// An empty database, in place of the one of an earlier round.
    fn make_empty(&self, folder: &Path) -> anyhow::Result<()> {
        match self {
            Self::Postgres(postgres) => {
                let name = database(folder);
                postgres.ask("postgres", &format!("DROP DATABASE IF EXISTS {name}"))?;
                postgres.ask("postgres", &format!("CREATE DATABASE {name}"))?;
                postgres.ask("postgres", "CHECKPOINT")?;
            }
            Self::Sqlite(_) => std::fs::write(folder.join("app.db"), "")?,
        }
        Ok(())
    }

    /// How many migrations were applied: how many of their indexes there are.
    fn count(&self, folder: &Path) -> anyhow::Result<usize> {
        let said = match self {
            Self::Postgres(postgres) => {
                let sql = "SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'orders_by_%'";
                postgres.ask(&database(folder), sql)?
            }
            Self::Sqlite(python) => {
                let script = "import sqlite3; print(sqlite3.connect('app.db').execute(\
                    \"SELECT count(*) FROM sqlite_master WHERE name LIKE 'orders_by_%'\"\
                    ).fetchone()[0])";
                said(Command::new(python).args(["-c", script]).current_dir(folder))?
            }
        };
        said.trim().parse().with_context(|| format!("`{said}` is no number"))
    }
}

/// The name of the database that belongs to a folder.
fn database(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().to_lowercase()
}

/// The server that `up bench` started: its psql, and what that takes from its environment.
struct Postgres(HashMap<String, String>);

impl Postgres {
    fn find(testbed: &Path) -> anyhow::Result<Self> {
        let path = testbed.join("bench.env");
        let env = std::fs::read_to_string(&path).with_context(|| {
            format!("read {}: run `make bench STEP=migrate-db`", path.display())
        })?;
        let pairs = env.lines().filter_map(|line| line.split_once('='));
        Ok(Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    fn url(&self, database: &str) -> String {
        let [user, password, host, port] =
            ["PGUSER", "PGPASSWORD", "PGHOST", "PGPORT"].map(|name| self.0[name].as_str());
        format!("postgres://{user}:{password}@{host}:{port}/{database}?sslmode=disable")
    }

    fn ask(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        let mut psql = Command::new(&self.0["PSQL"]);
        psql.envs(&self.0).args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        said(&mut psql)
    }
}

/// What a program prints to stdout.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("start {name}"))?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
