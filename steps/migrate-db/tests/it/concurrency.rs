//! Several runs at once, and runs that are killed.

use std::process::Stdio;
use std::time::Duration;

use step_testkit::Project;

use crate::support::{Database, Maria, WithMigration, connect, run, sqlite, sqlite_texts, wait};

/// Fifty migrations; a second application of any is an error, and leaves a second row.
fn fifty(project: Project) -> Project {
    (2..=50).fold(
        project.with("V1__log.sql", "CREATE TABLE log (n int);\nINSERT INTO log VALUES (1);\n"),
        |project, n| {
            let sql = format!("CREATE TABLE t{n} (id int);\nINSERT INTO log VALUES ({n});\n");
            project.with(&format!("V{n}__t{n}.sql"), &sql)
        },
    )
}

fn to_fifty() -> Vec<String> {
    (1..=50).map(|n| n.to_string()).collect()
}

fn all_at_once(project: &Project) {
    let start = |_| {
        let mut step = project.command("migrate-db");
        step.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let steps: Vec<_> = (0..8).map(start).collect();
    for step in steps {
        let output = step.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn eight_runs_at_once_apply_each_migration_once_and_all_succeed() {
    let database = Database::new();
    // An index that is built concurrently waits for every snapshot, also for those of the runs that
    // wait for the lock.
    let index = "-- landfall: no-transaction\nCREATE TABLE t50 (id int);\n\
                 CREATE INDEX CONCURRENTLY i50 ON t50 (id);\nINSERT INTO log VALUES (50);\n";
    all_at_once(&fifty(database.project()).with("V50__t50.sql", index));
    assert_eq!(database.texts("SELECT n::text FROM log ORDER BY log.n"), to_fifty());
    let project = fifty(sqlite());
    all_at_once(&project);
    assert_eq!(
        sqlite_texts(&project, "SELECT CAST(n AS text) FROM log ORDER BY log.n"),
        to_fifty()
    );
    let maria = Maria::new();
    all_at_once(&fifty(maria.project()));
    assert_eq!(maria.texts("SELECT n FROM log ORDER BY n"), to_fifty());
}

#[test]
fn a_lock_that_does_not_come_free_ends_with_8_and_names_its_holder() {
    let database = Database::new();
    let slow = database.project().with("V1__slow.sql", "SELECT pg_sleep(4);");
    let mut first =
        slow.command("migrate-db").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    wait(async {
        let client = connect(&database.url()).await;
        let held = "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                    WHERE locktype = 'advisory' AND datname = current_database()";
        while client.query(held, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let ran = run(&slow, &["--wait-for-lock", "500ms"]).expect(8);
    ran.says("the lock was not free in time: process ").says("landfall migrate-db from 127.0.0.1");
    assert!(first.wait().unwrap().success());
}

/// Kills runs at random moments: fifty times, spread over as many fresh databases as are used up by
/// runs that came to their end before.
fn killed_and_run_again<D>(fresh: impl Fn() -> (D, Project), assert_all: impl Fn(&D, &Project)) {
    let (mut kills, mut in_the_middle) = (0, 0);
    while kills < 50 {
        let (database, project) = fresh();
        let mut is_done = false;
        while !is_done && kills < 50 {
            let mut step = project.command("migrate-db");
            let mut step = step.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            wait(async { tokio::time::sleep(Duration::from_millis(fastrand::u64(5..250))).await });
            is_done = step.try_wait().unwrap().is_some_and(|status| status.success());
            step.kill().unwrap();
            step.wait().unwrap();
            kills += usize::from(!is_done);
        }
        in_the_middle += usize::from(!is_done);
        run(&project, &[]).expect(0);
        run(&project, &["status", "--check"]).expect(0);
        assert_all(&database, &project);
    }
    assert!(in_the_middle <= 1, "a run that is let go on comes to its end");
}

/// Fifty migrations, every other one without a transaction, and slow enough that kills hit
/// transactions, statements and what comes between.
fn slow_fifty(project: Project, alone: &str, pause: &str) -> Project {
    (2..=50).fold(fifty(project), |project, n| {
        let table = format!("CREATE TABLE t{n} (id int);\n");
        let log = format!("INSERT INTO log VALUES ({n});\n{pause}");
        let sql = if n % 2 == 0 {
            format!("{table}{log}")
        } else {
            let index = alone.replace('#', &n.to_string());
            format!("-- landfall: no-transaction\n{table}{index}{log}")
        };
        project.with(&format!("V{n}__t{n}.sql"), &sql)
    })
}

#[test]
fn a_run_that_is_killed_leaves_nothing_in_postgres_that_the_next_does_not_mend() {
    let fresh = || {
        let database = Database::new();
        let alone = "INSERT INTO t# SELECT generate_series(1, 9000);\n\
                     CREATE INDEX CONCURRENTLY i# ON t# (id);\n";
        let project = slow_fifty(database.project(), alone, "SELECT pg_sleep(0.02);\n");
        (database, project)
    };
    killed_and_run_again(fresh, |database, _| {
        assert_eq!(database.texts("SELECT n::text FROM log ORDER BY log.n"), to_fifty());
        let invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid";
        assert_eq!(database.texts(invalid), [] as [&str; 0]);
    });
}

#[test]
fn a_run_that_is_killed_leaves_nothing_in_mariadb_that_the_next_does_not_mend() {
    let fresh = || {
        let maria = Maria::new();
        let alone =
            "INSERT INTO t# SELECT seq FROM seq_1_to_9000;\nALTER TABLE t# ADD INDEX (id);\n";
        let project = slow_fifty(maria.project(), alone, "DO SLEEP(0.02);\n");
        (maria, project)
    };
    killed_and_run_again(fresh, |maria, _| {
        assert_eq!(maria.texts("SELECT n FROM log ORDER BY n"), to_fifty());
        let twice = "SELECT table_name FROM information_schema.statistics WHERE table_schema = \
                     database() AND table_name LIKE 't%' GROUP BY table_name HAVING count(*) > 1";
        assert_eq!(maria.texts(twice), [] as [&str; 0]);
    });
}

#[test]
fn a_run_that_is_killed_leaves_nothing_in_sqlite_that_the_next_does_not_mend() {
    let rows = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)\n\
                INSERT INTO t# SELECT n FROM c;\n";
    let fresh = || ((), slow_fifty(sqlite(), rows, ""));
    killed_and_run_again(fresh, |(), project| {
        assert_eq!(
            sqlite_texts(project, "SELECT CAST(n AS text) FROM log ORDER BY log.n"),
            to_fifty()
        );
    });
}

#[test]
fn a_server_that_drops_the_connection_is_told_and_the_next_run_goes_on() {
    let database = Database::new();
    let project = database.project().with("V1__a.sql", "CREATE TABLE a (id int);");
    let project = project.with("V2__slow.sql", "SELECT pg_sleep(3);");
    let step = project.command("migrate-db").stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
    wait(async {
        let client = connect(&database.url()).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()";
        while client.query(kill, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let output = step.unwrap().wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("V2__slow.sql:1: terminating connection"), "{said}");
    assert_eq!(database.history(), ["V1__a"]);
    run(&project, &[]).expect(0);
}

#[test]
fn a_run_that_is_cancelled_frees_its_locks_although_its_statement_is_long() {
    let database = Database::new();
    let project = database.project().with("V1__a.sql", "CREATE TABLE a (id int);");
    let project = project.with("V2__long.sql", "LOCK TABLE a;\nSELECT pg_sleep(120);\n");
    let step = project.command("migrate-db").stderr(Stdio::piped()).stdout(Stdio::null()).spawn();
    let step = step.unwrap();
    wait(async {
        let client = connect(&database.url()).await;
        let sleeps = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = \
                      current_database()";
        while client.query(sleeps, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let kill = std::process::Command::new("kill").arg(step.id().to_string()).status();
    assert!(kill.unwrap().success());
    let output = step.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(143), "{said}");
    assert!(said.contains("what was applied is recorded; run migrate-db again"), "{said}");
    let project = project.with("V2__long.sql", "INSERT INTO a VALUES (1);\n");
    run(&project, &["--wait-for-lock", "30s"]).expect(0);
    assert_eq!(database.history(), ["V1__a", "V2__long"]);
}
