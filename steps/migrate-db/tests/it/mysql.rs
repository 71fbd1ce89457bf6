//! What is MariaDB's own: statements that commit by themselves, routines, time-outs.

use std::process::Stdio;
use std::time::Duration;

use mysql_async::prelude::Queryable as _;

use crate::support::{Maria, WithMigration, maria_admin, run, wait};

const JOURNAL: &str = "SELECT id FROM landfall_migration_journal";

#[test]
fn a_failed_file_goes_on_with_the_statement_that_failed() {
    let maria = Maria::new();
    let sql = "CREATE TABLE log (n int);\nCREATE TABLE more (n int);\nINSERT INTO log VALUES (1);\n\
               INSERT INTO nowhere\nVALUES (2);\nINSERT INTO log VALUES (3);\n";
    let project = maria.project().with("V1__log.sql", sql);
    let ran = run(&project, &[]).expect(1).says("migrations/V1__log.sql:4: Table ");
    // The insertions are one transaction, which is done or not.
    ran.says("the first 2 of its 5 statements were applied and stay")
        .says("it goes on after what was applied");
    maria.run("CREATE TABLE nowhere (n int)");
    run(&project, &[]).expect(0).says("V1__log: an earlier run applied 2 of 5 statements");
    assert_eq!(maria.texts("SELECT n FROM log ORDER BY n"), ["1", "3"]);
    assert_eq!(maria.history(), ["V1__log"]);
    assert_eq!(maria.texts(JOURNAL), [] as [&str; 0]);
}

#[test]
fn a_file_of_rows_alone_is_one_transaction() {
    let maria = Maria::new();
    let project = maria.project().with("V1__log.sql", "CREATE TABLE log (n int UNIQUE);\n");
    let rows = "INSERT INTO log VALUES (1);\nUPDATE log SET n = 2;\nINSERT INTO log VALUES (2);\n";
    let project = project.with("V2__rows.sql", rows);
    let plan = run(&project, &["plan"]).expect(0).stdout;
    assert!(plan.ends_with("apply V1__log, without a transaction\n  apply V2__rows\n"), "{plan}");
    let ran = run(&project, &[]).expect(1).says("migrations/V2__rows.sql:3: Duplicate entry");
    ran.says("it was rolled back (1 applied before it, up to V1__log)");
    assert_eq!(maria.texts("SELECT n FROM log"), [] as [&str; 0]);
}

#[test]
fn an_error_of_syntax_shows_the_line_within_its_statement() {
    let maria = Maria::new();
    let sql =
        "-- one\nCREATE TABLE a (id int);\n\nCREATE TABLE b (\n  id int,\n  name text oops\n);\n";
    let project = maria.project().with("V1__a.sql", sql);
    run(&project, &[])
        .expect(1)
        .says("migrations/V1__a.sql:7: You have an error in your SQL syntax");
}

#[test]
fn routines_and_triggers_are_written_with_delimiter_or_without() {
    let maria = Maria::new();
    let with = "CREATE TABLE log (n int);\nDELIMITER $$\n\
                CREATE PROCEDURE fill() BEGIN\n  INSERT INTO log VALUES (1); INSERT INTO log VALUES (2);\nEND$$\n\
                DELIMITER ;\nCALL fill();\n";
    let without = "CREATE TRIGGER twice BEFORE INSERT ON log FOR EACH ROW BEGIN\n  \
                   IF NEW.n > 2 THEN SET NEW.n = NEW.n * 2; END IF;\nEND;\n\
                   INSERT INTO log VALUES (4);\n";
    let project = maria.project().with("V1__with.sql", with).with("V2__without.sql", without);
    run(&project, &[]).expect(0);
    assert_eq!(maria.texts("SELECT n FROM log ORDER BY n"), ["1", "2", "8"]);
}

/// Kills the step while its ALTER waits for a reader, and lets the server bring it to its end or not.
fn kill_in_the_middle_of_an_alter(maria: &Maria, the_server_goes_on: bool) {
    maria.run("CREATE TABLE a (n int)");
    let waiting = "SELECT CAST(id AS char) FROM information_schema.processlist WHERE \
                   db = database() AND state LIKE 'Waiting for table metadata lock'";
    let project = maria.project().with(
        "V1__a.sql",
        "CREATE TABLE b (n int);\nALTER TABLE a ADD INDEX (n);\nINSERT INTO a VALUES (1);\n",
    );
    wait(async {
        let (mut reader, mut other) = (maria.connect().await, maria.connect().await);
        reader.query_drop("BEGIN; SELECT * FROM a").await.unwrap();
        let mut step = project.command("migrate-db").stderr(Stdio::null()).spawn().unwrap();
        let mut sessions: Vec<String> = Vec::new();
        while sessions.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            sessions = other.query(waiting).await.unwrap();
        }
        step.kill().unwrap();
        step.wait().unwrap();
        if !the_server_goes_on {
            other.query_drop(format!("KILL {}", sessions[0])).await.unwrap();
        }
        reader.query_drop("COMMIT").await.unwrap();
    });
    run(&project, &[]).expect(0).says("V1__a: an earlier run applied 1 of 3 statements; going on");
    // The index has no name: made twice, there would be two of it.
    let indexes = "SELECT count(*) FROM information_schema.statistics WHERE table_name = 'a' AND \
                   table_schema = database()";
    assert_eq!(maria.texts(indexes), ["1"]);
    assert_eq!(maria.texts("SELECT n FROM a"), ["1"]);
}

#[test]
fn a_statement_that_the_server_ended_after_the_run_was_killed_is_not_done_again() {
    kill_in_the_middle_of_an_alter(&Maria::new(), true);
}

#[test]
fn a_statement_that_was_killed_with_the_run_is_done_by_the_next() {
    kill_in_the_middle_of_an_alter(&Maria::new(), false);
}

#[test]
fn what_was_set_for_the_statements_that_follow_is_set_again_when_a_run_goes_on() {
    let maria = Maria::new();
    let sql = "CREATE TABLE a (id int PRIMARY KEY);\nSET foreign_key_checks = 0;\n\
               CREATE TABLE b (a_id int, FOREIGN KEY (a_id) REFERENCES a (id));\n\
               CREATE TABLE c (id nothing);\nINSERT INTO b VALUES (7);\n";
    let project = maria.project().with("V1__a.sql", sql);
    run(&project, &[]).expect(1).says("migrations/V1__a.sql:4");
    let project = project.with("V1__a.sql", &sql.replace("nothing", "int"));
    run(&project, &[]).expect(0);
    assert_eq!(maria.texts("SELECT a_id FROM b"), ["7"]);
    // And it does not reach the next file.
    let project = project.with("V2__b.sql", "INSERT INTO b VALUES (8);\n");
    run(&project, &[]).expect(1).says("foreign key constraint fails");
}

#[test]
fn a_lock_that_is_held_too_long_is_tried_again_and_then_told() {
    let maria = Maria::new();
    maria.run("CREATE TABLE users (id int)");
    let sql = "-- landfall: lock-timeout=1s\nALTER TABLE users ADD COLUMN age int;\n";
    let project = maria.project().with("V1__age.sql", sql);
    wait(async {
        let mut reader = maria.connect().await;
        reader.query_drop("BEGIN; SELECT * FROM users").await.unwrap();
        let step = project.command("migrate-db");
        let step = tokio::process::Command::from(step).stderr(Stdio::piped()).spawn();
        tokio::time::sleep(Duration::from_millis(2500)).await;
        reader.query_drop("COMMIT").await.unwrap();
        let output = step.unwrap().wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("no lock in time; attempt 2 of 6"), "{said}");
    });
    assert_eq!(maria.history(), ["V1__age"]);
}

#[test]
fn a_statement_that_runs_too_long_ends_with_5() {
    let maria = Maria::new();
    let sql = "-- landfall: statement-timeout=300ms\nSELECT SLEEP(20);\n";
    let project = maria.project().with("V1__slow.sql", sql);
    run(&project, &[]).expect(5).says("V1__slow.sql:2: Query execution was interrupted");
    assert_eq!(maria.history(), [] as [&str; 0]);
}

#[test]
fn a_lock_that_does_not_come_free_ends_with_8_and_names_its_holder() {
    let maria = Maria::new();
    let project = maria.project().with("V1__slow.sql", "SELECT SLEEP(4);");
    let mut first =
        project.command("migrate-db").stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let sleeps = "SELECT 'x' FROM information_schema.processlist WHERE db = database() AND info \
                  LIKE 'SELECT SLEEP%'";
    while maria.texts(sleeps).is_empty() {}
    let ran = run(&project, &["--wait-for-lock", "500ms"]).expect(8);
    ran.says("the lock was not free in time: session ").says("holds it, landfall from 127.0.0.1:");
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_database_that_denies_access_ends_with_4_and_what_to_do() {
    let maria = Maria::new();
    let user = format!("u{}", &maria.name[..12]);
    maria_admin(&format!("CREATE USER {user}@'%' IDENTIFIED BY 'hunter2hunter2'"));
    maria_admin(&format!("GRANT SELECT ON {}.* TO {user}@'%'", maria.name));
    for (url, said, help) in [
        (maria.url_of(&user, "hunter2wrong"), "Access denied for user", "check user and password"),
        (maria.url_of(&user, "hunter2hunter2"), "CREATE command denied", "grant the user CREATE"),
        (format!("{}_gone", maria.url()), "Unknown database", "create the database"),
    ] {
        let project = maria.project().with_env("LANDFALL_DATABASE_URL", &url);
        let ran = run(&project.with("V1__a.sql", "CREATE TABLE a (id int);"), &["-vv"]);
        let ran = ran.expect(4).says(said).says(help);
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
    maria_admin(&format!("DROP USER {user}@'%'"));
}

#[test]
fn rows_that_another_tool_wrote_are_told_and_do_not_crash_the_step() {
    let maria = Maria::new();
    let project = maria.project().with("V1__a.sql", "CREATE TABLE a (id int);");
    run(&project, &[]).expect(0);
    for (sql, said) in [
        ("UPDATE refinery_schema_history SET checksum = 'x'", "`x` is not a checksum"),
        ("UPDATE refinery_schema_history SET applied_on = NULL", "it has no time"),
        (
            "ALTER TABLE refinery_schema_history MODIFY name blob; \
             UPDATE refinery_schema_history SET name = x'ff', checksum = '1', applied_on = '2026-01-31T12:00:00Z'",
            "is not what was applied as version 1",
        ),
        (
            "DROP TABLE refinery_schema_history; CREATE TABLE refinery_schema_history (id int)",
            "has no column `version`",
        ),
        (
            "DROP TABLE refinery_schema_history; CREATE TABLE refinery_schema_history (version text)",
            "is of the type text",
        ),
    ] {
        maria.run(sql);
        run(&project, &[]).expect(8).says(said);
    }
}
