//! Applying, showing, refusing; on both databases where they could differ.

use step_testkit::Project;

use crate::support::{Database, Maria, WithMigration, run, sqlite, sqlite_texts};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name text);\n";
const TEAMS: &str = "CREATE TABLE teams (id int);\nINSERT INTO teams VALUES (1), (2);\n";

fn two(project: Project) -> Project {
    project.with("V1__users.sql", USERS).with("V2__teams.sql", TEAMS)
}

#[test]
fn migrations_are_applied_once_and_then_there_is_nothing_to_do() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [two(database.project()), two(maria.project()), two(sqlite())] {
        let json = run(&project, &["--output", "json"]).expect(0).json();
        assert_eq!(json["outcome"], "migrated");
        assert_eq!(json["report"]["applied"][1]["name"], "teams");
        let ran = run(&project, &[]).expect(0);
        assert!(ran.stdout.ends_with(": unchanged\n"), "{}", ran.stdout);
    }
    assert_eq!(database.history(), ["V1__users", "V2__teams"]);
    assert_eq!(maria.history(), ["V1__users", "V2__teams"]);
    assert_eq!(database.texts("SELECT count(*)::text FROM teams"), ["2"]);
}

#[test]
fn plan_and_dry_run_show_what_would_be_done_and_write_nothing() {
    let database = Database::new();
    let maria = Maria::new();
    for args in [&["plan"][..], &["--dry-run"]] {
        for (project, how) in [
            (two(database.project()), ""),
            (two(maria.project()), ", without a transaction"),
            (two(sqlite()), ""),
        ] {
            let ran = run(&project, args).expect(0);
            let planned = format!(
                ": planned\n  create the table refinery_schema_history\n  apply V1__users{how}\n  \
                 apply V2__teams{how}\n"
            );
            assert!(ran.stdout.ends_with(&planned), "{}", ran.stdout);
            assert!(!project.path("app.db").exists());
        }
    }
    assert_eq!(
        database.texts(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ),
        [] as [&str; 0]
    );
    assert_eq!(maria.texts("SHOW TABLES"), [] as [&str; 0]);
}

#[test]
fn status_shows_each_migration_and_check_is_a_verdict() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [two(database.project()), two(maria.project()), two(sqlite())] {
        run(&project, &["status", "--check"]).expect(3).says("2 migrations are pending");
        run(&project, &["--target", "1"]).expect(0);
        let json = run(&project, &["status", "--output", "json"]).expect(0).json();
        assert_eq!(json["report"]["migrations"][0]["state"], "applied");
        assert_eq!(json["report"]["migrations"][1]["state"], "pending");
        assert_eq!(json["report"]["pending"], 1);
        run(&project, &["up"]).expect(0);
        run(&project, &["status", "--check"]).expect(0);
    }
}

#[test]
fn a_history_that_does_not_fit_the_files_is_refused_and_repaired_on_demand() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [two(database.project()), two(maria.project()), two(sqlite())] {
        run(&project, &[]).expect(0);
        let project = project.with("V1__users.sql", "CREATE TABLE people (id int);\n");
        std::fs::remove_file(project.path("migrations/V2__teams.sql")).unwrap();
        let project = project.with("V3__more.sql", "CREATE TABLE more (id int);\n");
        let ran = run(&project, &[]).expect(8);
        let ran = ran.says(
            "migrations/V1__users.sql was changed after it was applied: V1__users was recorded on ",
        );
        ran.says("V2__teams was applied on ").says("its file is gone").says("migrate-db repair");
        run(&project, &["status", "--check"]).expect(8);
        run(&project, &["repair"]).expect(3).says("migrate-db repair --yes");
        run(&project, &["repair", "--dry-run"]).expect(0);
        run(&project, &[]).expect(8);
        let ran = run(&project, &["repair", "--yes"]).expect(0);
        assert!(ran.stdout.contains("forget V2__teams"), "{}", ran.stdout);
        run(&project, &[]).expect(0);
        run(&project, &["status", "--check"]).expect(0);
    }
    // Nothing of the changed file was run, and nothing of the deleted one was undone.
    assert_eq!(database.history(), ["V1__users", "V3__more"]);
    assert_eq!(maria.history(), ["V1__users", "V3__more"]);
    assert_eq!(
        database.texts("SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"),
        ["more", "refinery_schema_history", "teams", "users"]
    );
}

#[test]
fn a_late_file_is_refused_unless_it_is_allowed() {
    let (database, maria) = (Database::new(), Maria::new());
    for project in [database.project(), maria.project(), sqlite()] {
        let project = project.with("V1__users.sql", USERS).with("V3__last.sql", "SELECT 1;");
        run(&project, &[]).expect(0);
        let project = project.with("V2__teams.sql", TEAMS);
        run(&project, &[])
            .expect(8)
            .says("migrations/V2__teams.sql comes too late")
            .says("V3__last");
        run(&project, &["--out-of-order"]).expect(0);
        run(&project, &["status", "--check"]).expect(0);
    }
    assert_eq!(database.history(), ["V1__users", "V2__teams", "V3__last"]);
    assert_eq!(maria.history(), ["V1__users", "V2__teams", "V3__last"]);
}

#[test]
fn an_error_shows_file_and_line_and_leaves_nothing_of_its_migration() {
    let database = Database::new();
    let syntax = "CREATE TABLE half (id int);\n\n-- größer\nCREATE TABEL x (id int);\n";
    for (project, said) in [
        (database.project(), "migrations/V2__bad.sql:4: syntax error at or near \"TABEL\" (42601)"),
        (sqlite(), "migrations/V2__bad.sql:4: near \"TABEL\": syntax error"),
    ] {
        let project = project.with("V1__users.sql", USERS).with("V2__bad.sql", syntax);
        let ran = run(&project, &["--output", "json"]).expect(1).says(said);
        let ran = ran.says("it was rolled back").says("1 applied before it, up to V1__users");
        assert_eq!(ran.json()["report"]["applied"][0]["name"], "users");
        assert_eq!(ran.json()["report"]["pending"], 1);
        let project = project.with("V2__bad.sql", "CREATE TABLE half (id int);\n");
        run(&project, &[]).expect(0);
    }
    assert_eq!(database.history(), ["V1__users", "V2__bad"]);
}

#[test]
fn an_error_while_a_statement_runs_shows_the_line_of_the_statement() {
    let sql = "CREATE TABLE a (id int UNIQUE);;\nINSERT INTO a VALUES (1);\nSELECT 1;\n\n-- ;\n\
               INSERT INTO a\nVALUES (1);\nSELECT 1;\n";
    let project = sqlite().with("V1__a.sql", sql);
    run(&project, &[]).expect(1).says("migrations/V1__a.sql:6: UNIQUE constraint failed: a.id");
    let tables = sqlite_texts(&project, "SELECT name FROM sqlite_schema WHERE name = 'a'");
    assert_eq!(tables, [] as [&str; 0]);
    let database = Database::new();
    let project = database.project().with("V1__a.sql", sql);
    run(&project, &[]).expect(1).says("migrations/V1__a.sql:6: duplicate key value violates");
}

#[test]
fn files_that_refinery_would_skip_are_errors() {
    let project = sqlite().with("V1__a.sql", "SELECT 1;").with("V2_b.sql", "SELECT 1;");
    let ran = run(&project.with("V01__c.sql", "SELECT 1;"), &[]).expect(2);
    let ran = ran.says("V2_b.sql: two underscores");
    ran.says("migrations/V1__a.sql: has the same version 1 as migrations/V01__c.sql: give one");
    let project = sqlite().with("V1__a.sql", "-- landfall: lock-timeot=3s\nSELECT 1;");
    run(&project, &[]).expect(2).says("migrations/V1__a.sql:1: unknown directive `lock-timeot=3s`");
    let project = sqlite().with("README.md", "nothing yet");
    run(&project, &[]).expect(2).says("there is no migration in migrations");
    run(&project, &["--allow-empty"]).expect(0);
}

#[test]
fn baseline_adopts_a_database_and_runs_nothing() {
    let database = Database::new();
    database.run(USERS);
    let project = two(database.project());
    run(&project, &["baseline", "1", "--dry-run"]).expect(0);
    run(&project, &["baseline", "1"]).expect(0);
    assert_eq!(database.history(), ["V1__users"]);
    run(&project, &["baseline", "1"]).expect(0);
    run(&project, &[]).expect(0);
    assert_eq!(database.history(), ["V1__users", "V2__teams"]);
    run(&project, &["baseline", "1"]).expect(8).says("has a history already, up to V2__teams");
}

#[test]
fn new_writes_the_next_migration() {
    let project = two(sqlite());
    let ran = run(&project, &["new", "Add an e-mail address"]).expect(0);
    assert_eq!(ran.stdout, "migrations/V3__add_an_e_mail_address.sql\n");
    assert_eq!(
        project.read("migrations/V3__add_an_e_mail_address.sql"),
        "-- Add an e-mail address\n"
    );
    run(&project, &[]).expect(0);
}

#[test]
fn what_a_migration_sets_for_the_session_does_not_reach_the_next_nor_the_history() {
    let database = Database::new();
    // As pg_dump writes it.
    let dump = "SELECT pg_catalog.set_config('search_path', '', false);\nSET lock_timeout = 1;\n\
                CREATE TABLE public.users (id int);\n";
    let project = database.project().with("V1__dump.sql", dump).with("V2__teams.sql", TEAMS);
    run(&project, &[]).expect(0);
    assert_eq!(database.history(), ["V1__dump", "V2__teams"]);
}

#[test]
fn rows_that_another_tool_wrote_are_told_and_do_not_crash_the_step() {
    let database = Database::new();
    let project = two(database.project());
    run(&project, &[]).expect(0);
    for (sql, said) in [
        (
            "UPDATE refinery_schema_history SET checksum = 'x' WHERE version = 2",
            "the row of version 2 in refinery_schema_history is not refinery's: `x` is not a checksum",
        ),
        (
            "UPDATE refinery_schema_history SET applied_on = NULL WHERE version = 2",
            "it has no time",
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
        database.run(sql);
        run(&project, &[]).expect(8).says(said);
    }
}

#[test]
fn the_settings_of_the_environment_hold() {
    let project = sqlite()
        .with_file("landfall.toml", "[env.dev.migrate-db]\nfolder = \"db\"\n")
        .with_file("db/V1__a.sql", "CREATE TABLE a (id int);");
    run(&project, &["--env", "dev"]).expect(0);
    run(&project, &["status", "--env", "dev", "--check"]).expect(0);
}

#[test]
fn a_repeatable_migration_is_run_last_and_again_when_it_was_changed() {
    let (database, maria) = (Database::new(), Maria::new());
    let view = |column: &str| format!("CREATE VIEW names AS SELECT {column} AS it FROM users;\n");
    for project in [database.project(), maria.project(), sqlite()] {
        let drop = "DROP VIEW IF EXISTS names;\n";
        let project = two(project).with("R__names.sql", &format!("{drop}{}", view("name")));
        let json = run(&project, &["--output", "json"]).expect(0).json();
        assert_eq!(json["report"]["applied"][2]["id"], "R__names");
        let ran = run(&project, &[]).expect(0);
        assert!(ran.stdout.ends_with(": unchanged\n"), "{}", ran.stdout);
        // Line endings are no change.
        let crlf = format!("{drop}{}", view("name")).replace('\n', "\r\n");
        let project = project.with("R__names.sql", &crlf);
        run(&project, &["status", "--check"]).expect(0);
        let project = project.with("R__names.sql", &format!("{drop}{}", view("id")));
        run(&project, &["status", "--check"]).expect(3).says("1 migration is pending");
        let ran = run(&project, &[]).expect(0);
        assert!(ran.stdout.ends_with(": migrated\n  applied R__names\n"), "{}", ran.stdout);
        // One that fails leaves what was there, and is tried again.
        let project = project.with("R__names.sql", "SELECT nothing FROM nowhere;\n");
        run(&project, &[]).expect(1).says("migrations/R__names.sql:1");
        std::fs::remove_file(project.path("migrations/R__names.sql")).unwrap();
        let ran = run(&project, &["status", "--check"]).expect(0);
        assert!(ran.stdout.contains("deleted      R__names"), "{}", ran.stdout);
        run(&project, &["repair", "--yes"]).expect(0);
        let ran = run(&project, &["status"]).expect(0);
        assert!(!ran.stdout.contains("R__names"), "{}", ran.stdout);
    }
    assert_eq!(database.history(), ["V1__users", "V2__teams"]);
    let definition =
        "SELECT column_name FROM information_schema.view_column_usage WHERE view_name = 'names'";
    assert_eq!(
        database.texts(&format!("SELECT t.column_name::text FROM ({definition}) t")),
        ["id"]
    );
}

#[test]
fn many_small_migrations_share_transactions_in_sqlite_and_a_failing_one_takes_no_other_with_it() {
    let project = (1..=30).fold(sqlite(), |project, n| {
        project.with(&format!("V{n}__t{n}.sql"), &format!("CREATE TABLE t{n} (id int);\n"))
    });
    // ROLLBACK as the answer to a conflict undoes the whole transaction, whatever else is in it.
    let bad = "CREATE TABLE u (id int UNIQUE);\nINSERT INTO u VALUES (1);\n\
               INSERT OR ROLLBACK INTO u VALUES (1);\n";
    let project = project.with("V20__t20.sql", bad);
    let ran = run(&project, &["--output", "json"]).expect(1);
    let ran = ran.says("migrations/V20__t20.sql:3: UNIQUE constraint failed: u.id");
    let ran = ran.says("it was rolled back (19 applied before it, up to V19__t19)");
    assert_eq!(ran.json()["report"]["applied"].as_array().unwrap().len(), 19);
    let count = "SELECT CAST(count(*) AS text) FROM sqlite_schema WHERE name LIKE 't%'";
    assert_eq!(sqlite_texts(&project, count), ["19"]);
    let project = project.with("V20__t20.sql", "CREATE TABLE t20 (id int);\n");
    run(&project, &[]).expect(0);
    assert_eq!(sqlite_texts(&project, count), ["30"]);
}

#[test]
fn a_full_disk_is_told_with_what_to_do_and_the_next_run_goes_on() {
    let (database, maria) = (Database::new(), Maria::new());
    // SQLite's limit of pages is its own; of the servers the errors are raised, for their disks are
    // those of the machine.
    let raise = "DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = '53100'; END $$;\n";
    let signal = "CREATE PROCEDURE full() SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, \
                  MESSAGE_TEXT = 'Disk full';\nCALL full();\n";
    let pages = "PRAGMA max_page_count = 9;\nCREATE TABLE big (text);\n\
                 INSERT INTO big VALUES (hex(randomblob(100000)));\n";
    for (project, sql, said, line) in [
        (database.project(), raise, "could not extend file", 1),
        (maria.project(), signal, "Disk full (1021)", 2),
        (sqlite(), pages, "database or disk is full", 3),
    ] {
        let project = two(project).with("V3__full.sql", sql);
        let ran = run(&project, &[]).expect(1).says(&format!("migrations/V3__full.sql:{line}: "));
        ran.says(said).says("2 applied before it, up to V2__teams");
        // The servers are told to have more, so to say; what was applied of the file stays applied.
        let mended =
            sql.replace("CALL full()", "SELECT 1").replace("PRAGMA max_page_count = 9", "");
        let mended = mended.replace("RAISE 'could not", "RAISE NOTICE 'could not");
        let mended = mended.replace(" USING ERRCODE = '53100'", "");
        run(&project.with("V3__full.sql", &mended), &[]).expect(0);
    }
}

#[test]
fn a_nul_byte_does_not_end_a_file_before_its_time() {
    let project =
        sqlite().with("V1__a.sql", "CREATE TABLE a (n int);\n\0CREATE TABLE b (n int);\n");
    run(&project, &[]).expect(2).says("migrations/V1__a.sql:2: holds a NUL byte");
}

#[test]
fn an_error_that_sqlite_cannot_place_has_the_line_of_its_statement() {
    for head in ["", "-- landfall: no-transaction\n"] {
        let sql = format!(
            "{head}CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);\n\n-- Too many.\nINSERT INTO a\n  \
             VALUES (1, 2);\n"
        );
        let line = 5 + head.lines().count();
        let project = sqlite().with("V1__a.sql", &sql);
        run(&project, &[])
            .expect(1)
            .says(&format!("migrations/V1__a.sql:{line}: table a has 1 columns"));
    }
}

#[test]
fn a_database_that_is_older_than_its_history_is_told_of_baseline() {
    let (database, maria) = (Database::new(), Maria::new());
    database.run(USERS);
    maria.run(USERS);
    for project in [two(database.project()), two(maria.project())] {
        run(&project, &[])
            .expect(1)
            .says("`migrate-db baseline 1` records the files up to version 1");
        run(&project, &["baseline", "1"]).expect(0);
        run(&project, &[]).expect(0);
        // Now it has a history, and the cause is another.
        let project = project.with("V3__users.sql", USERS);
        let ran = run(&project, &[]).expect(1);
        assert!(!ran.stderr.contains("baseline"), "{}", ran.stderr);
    }
    // Of a row that is there twice the server says nearly the same.
    let database = Database::new();
    let rows = "CREATE TABLE once (id int PRIMARY KEY);\nINSERT INTO once VALUES (1), (1);\n";
    let ran = run(&database.project().with("V1__once.sql", rows), &[]).expect(1);
    let ran = ran.says("already exists");
    assert!(!ran.stderr.contains("baseline"), "{}", ran.stderr);
    let lite = two(sqlite());
    rusqlite::Connection::open(lite.path("app.db")).unwrap().execute_batch(USERS).unwrap();
    run(&lite, &[]).expect(1).says("`migrate-db baseline 1` records the files up to version 1");
}

#[test]
fn a_history_that_lacks_a_column_is_not_refinerys() {
    let (database, maria) = (Database::new(), Maria::new());
    for table in ["version int4 PRIMARY KEY, name varchar(255)", "id int4 PRIMARY KEY"] {
        let sql = format!(
            "DROP TABLE IF EXISTS refinery_schema_history; CREATE TABLE refinery_schema_history ({table})"
        );
        database.run(&sql);
        maria.run(&sql);
        let lite = two(sqlite());
        rusqlite::Connection::open(lite.path("app.db")).unwrap().execute_batch(&sql).unwrap();
        for project in [two(database.project()), two(maria.project()), lite] {
            run(&project, &[]).expect(8).says("refinery_schema_history is not refinery's: ");
        }
    }
}

#[test]
fn a_migration_that_was_not_written_yet_is_told_of() {
    let project = two(sqlite());
    let ran = run(&project, &["new", "later", "--dry-run"]).expect(0);
    assert_eq!(ran.stdout, "migrations/V3__later.sql\n");
    assert!(!project.path("migrations/V3__later.sql").exists());
    assert!(ran.stderr.contains("migrate-db: planned"), "{}", ran.stderr);
    run(&project, &["new", "later"]).expect(0);
    run(&project, &["plan"]).expect(0).says("V3__later.sql holds no statement");
    // A repeatable one can be filled later.
    let project = sqlite()
        .with("V1__later.sql", "/* what is to come\n */\n-- soon\n")
        .with("R__views.sql", "-- soon\n");
    let ran = run(&project, &["plan"]).expect(0).says("V1__later.sql holds no statement");
    assert!(!ran.stderr.contains("R__views.sql holds"), "{}", ran.stderr);
}
