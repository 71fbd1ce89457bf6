//! Files without a transaction, locks and time-outs.

use crate::support::{Database, Maria, WithMigration, connect, run, sqlite, sqlite_texts, wait};

const INDEX: &str =
    "-- landfall: no-transaction\nCREATE INDEX CONCURRENTLY by_name ON users (name);\n";
const USERS: &str =
    "CREATE TABLE users (id int, name text);\nINSERT INTO users VALUES (1, 'a'), (2, 'a');\n";

#[test]
fn an_index_is_built_concurrently_with_the_directive_and_refused_without_it() {
    let database = Database::new();
    let bare = "CREATE INDEX CONCURRENTLY by_name ON users (name);\n";
    let project = database.project().with("V1__users.sql", USERS).with("V2__index.sql", bare);
    let ran = run(&project, &[]).expect(2);
    ran.says("migrations/V2__index.sql:1: CREATE INDEX CONCURRENTLY cannot run in a transaction");
    assert_eq!(
        database.texts("SELECT 'x' WHERE to_regclass('users') IS NOT NULL"),
        [] as [&str; 0]
    );
    let project = project.with("V2__index.sql", INDEX);
    run(&project, &[]).expect(0);
    assert_eq!(database.history(), ["V1__users", "V2__index"]);
}

#[test]
fn a_migration_that_ends_its_transaction_is_refused() {
    let database = Database::new();
    let project =
        database.project().with("V1__a.sql", "CREATE TABLE a (id int);\nCOMMIT;\nSELECT 1;");
    run(&project, &[]).expect(2).says("migrations/V1__a.sql:2: COMMIT in a migration");
}

#[test]
fn a_failed_file_says_how_far_it_came_and_the_next_run_goes_on_there() {
    let database = Database::new();
    let sql = "-- landfall: no-transaction\nCREATE TABLE log (n int);\nINSERT INTO log VALUES (1);\n\n\
               CREATE UNIQUE INDEX CONCURRENTLY by_name\n  ON users (name);\nINSERT INTO log VALUES (2);\n";
    let project = database.project().with("V1__users.sql", USERS).with("V2__index.sql", sql);
    let ran = run(&project, &[])
        .expect(1)
        .says("migrations/V2__index.sql:5: could not create unique index");
    let ran = ran.says("the first 2 of its 4 statements were applied and stay");
    ran.says("the index public.by_name is invalid, and the next run drops it");
    run(&project, &[]).expect(1).says("an earlier run applied 2 of 4 statements; going on");
    database.run("DELETE FROM users WHERE id = 2");
    run(&project, &[]).expect(0).says("dropping the invalid index public.by_name");
    assert_eq!(database.texts("SELECT n::text FROM log ORDER BY log.n"), ["1", "2"]);
    assert_eq!(database.history(), ["V1__users", "V2__index"]);
    let valid = "SELECT indisvalid::text FROM pg_index WHERE indexrelid = 'by_name'::regclass";
    assert_eq!(database.texts(valid), ["true"]);
    assert_eq!(database.texts("SELECT id::text FROM landfall_migration_journal"), [] as [&str; 0]);
}

#[test]
fn what_was_run_of_a_failed_file_must_stay_and_the_rest_may_change() {
    let database = Database::new();
    let file =
        |first: &str, second: &str| format!("-- landfall: no-transaction\n{first};\n{second};\n");
    let project =
        database.project().with("V1__a.sql", &file("CREATE TABLE a (n int)", "SELECT nonsense"));
    run(&project, &[]).expect(1).says("the first of its 2 statements was applied and stays");
    let project = project.with("V1__a.sql", &file("CREATE TABLE b (n int)", "SELECT 1"));
    run(&project, &[]).expect(8).says("that was changed since").says("restore them");
    let project = project.with("V1__a.sql", &file("CREATE TABLE a (n int)", "SELECT 1"));
    run(&project, &[]).expect(0);
}

#[test]
fn an_invalid_index_that_if_not_exists_hides_is_found() {
    let database = Database::new();
    database.run(USERS);
    let url = database.url();
    let left = wait(async {
        let client = connect(&url).await;
        client.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY by_name ON users (name)").await
    });
    assert!(left.is_err());
    let sql = "-- landfall: no-transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_name ON users (name);\n";
    let project = database.project().with("V1__index.sql", sql);
    let ran = run(&project, &[]).expect(1).says("the index public.by_name exists and is invalid");
    ran.says("DROP INDEX CONCURRENTLY public.by_name; then run migrate-db again");
}

#[test]
fn a_lock_that_is_held_too_long_is_tried_again_and_then_told() {
    let database = Database::new();
    database.run(USERS);
    let sql = "-- landfall: lock-timeout=200ms\nALTER TABLE users ADD COLUMN age int;\n";
    let project = database.project().with("V1__age.sql", sql);
    let url = database.url();
    wait(async {
        let holder = connect(&url).await;
        holder.batch_execute("BEGIN; LOCK TABLE users").await.unwrap();
        let step = project.command("migrate-db");
        let step = tokio::process::Command::from(step).stderr(std::process::Stdio::piped()).spawn();
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        holder.batch_execute("COMMIT").await.unwrap();
        let output = step.unwrap().wait_with_output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        assert!(said.contains("V1__age: no lock in time; attempt 2 of 6"), "{said}");
    });
    assert_eq!(database.history(), ["V1__age"]);
}

#[test]
fn a_statement_that_runs_too_long_ends_with_5() {
    let database = Database::new();
    let sql = "-- landfall: statement-timeout=200ms\nSELECT pg_sleep(20);\n";
    let project = database.project().with("V1__slow.sql", sql);
    run(&project, &[]).expect(5).says("canceling statement due to statement timeout");
    assert_eq!(database.history(), [] as [&str; 0]);
}

#[test]
fn a_file_that_was_begun_is_not_run_again_from_its_start_when_it_becomes_one_transaction() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [database.project(), maria.project(), sqlite()] {
        let project = project.with("V1__log.sql", "CREATE TABLE log (n int);\n");
        // Each is a transaction of its own here, also in MySQL: there a table comes in between.
        let begun = "-- landfall: no-transaction\nINSERT INTO log VALUES (1);\n\
                     CREATE TABLE between_them (n int);\nINSERT INTO nowhere VALUES (2);\n";
        let project = project.with("V2__rows.sql", begun);
        run(&project, &[]).expect(1).says("the first 2 of its 3 statements were applied");
        // Nothing but the directive is taken away and the last statement mended.
        let whole = begun.replace("-- landfall: no-transaction\n", "").replace("nowhere", "log");
        let project = project.with("V2__rows.sql", &whole);
        let plan = run(&project, &["plan"]).expect(0).stdout;
        let rest = "apply V2__rows, without a transaction, from its statement 3 on\n";
        assert!(plan.ends_with(rest), "{plan}");
        run(&project, &[]).expect(0).says("an earlier run applied 2 of 3 statements; going on");
        if project.path("app.db").exists() {
            let rows = "SELECT CAST(n AS text) FROM log ORDER BY log.n";
            assert_eq!(sqlite_texts(&project, rows), ["1", "2"]);
        }
    }
    assert_eq!(database.texts("SELECT n::text FROM log ORDER BY log.n"), ["1", "2"]);
    assert_eq!(maria.texts("SELECT n FROM log ORDER BY n"), ["1", "2"]);
}

#[test]
fn a_file_of_mysql_whose_beginning_was_changed_to_rows_alone_is_refused_like_any_other() {
    let maria = Maria::new();
    let project = maria.project().with("V1__a.sql", "CREATE TABLE a (n int);\nSELECT nonsense;\n");
    run(&project, &[]).expect(1).says("the first of its 2 statements was applied");
    let project = project.with("V1__a.sql", "INSERT INTO a VALUES (1);\n");
    run(&project, &[]).expect(8).says("that was changed since").says("restore them");
    assert_eq!(maria.texts("SELECT n FROM a"), [] as [&str; 0]);
}

#[test]
fn a_file_that_was_applied_in_part_is_shown_and_missed_when_it_is_gone() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [database.project(), maria.project(), sqlite()] {
        let sql = "-- landfall: no-transaction\nCREATE TABLE a (n int);\nINSERT INTO nowhere VALUES (1);\n";
        let project = project.with("V1__a.sql", sql).with("V2__b.sql", "CREATE TABLE b (n int);\n");
        run(&project, &[]).expect(1);
        let status = run(&project, &["status"]).expect(0).stdout;
        assert!(status.contains("\n  half applied V1__a  1 statement was done\n"), "{status}");
        let json = run(&project, &["status", "--output", "json"]).expect(0).json();
        assert_eq!(json["report"]["migrations"][0]["state"], "half_applied");
        assert_eq!(json["report"]["pending"], 2);
        run(&project, &["status", "--check"]).expect(3).says("2 migrations are pending");
        // As one does it that wants to give it another number.
        let (first, third) =
            (project.path("migrations/V1__a.sql"), project.path("migrations/V3__a.sql"));
        std::fs::rename(&first, &third).unwrap();
        let gone =
            "the first statement of V1__a was applied by an earlier run, and its file is gone";
        for args in [&[][..], &["plan"], &["status", "--check"]] {
            run(&project, args).expect(8).says(gone).says("restore the file, under its name");
        }
        // Or puts its work aside, and undoes what was done.
        std::fs::remove_file(&third).unwrap();
        let repair = run(&project, &["repair"]).expect(3).stdout;
        assert!(repair.ends_with("forget that the first statement of V1__a was applied\n"));
        run(&project, &["repair", "--yes"]).expect(0);
        run(&project, &["status", "--check"]).expect(3).says("1 migration is pending");
        run(&project, &[]).expect(0);
    }
}
