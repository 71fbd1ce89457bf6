//! Several databases of one repository: a PostgreSQL and a SQLite.

use step_testkit::Project;

use crate::support::{Database, run, sqlite_texts};

const CONFIG: &str = "\
[defaults.migrate-db.databases.orders]
url_variable = \"ORDERS_URL\"

[defaults.migrate-db.databases.archive]
folder = \"old\"
url_variable = \"ARCHIVE_URL\"
";

fn project(database: &Database) -> Project {
    Project::new()
        .with_env("ORDERS_URL", &database.url())
        .with_env("ARCHIVE_URL", "sqlite:app.db")
        .with_file("landfall.toml", CONFIG)
        .with_file("migrations/orders/V1__orders.sql", "CREATE TABLE orders (id int);")
        .with_file("old/V1__archive.sql", "CREATE TABLE archive (id int);")
        .with_file("old/V2__more.sql", "CREATE TABLE more (id int);")
}

#[test]
fn all_are_migrated_in_the_order_of_the_file_and_then_are_unchanged() {
    let database = Database::new();
    let project = project(&database);
    let report = run(&project, &["--output", "json"]).expect(0).json();
    assert_eq!(report["outcome"], "migrated");
    let databases = &report["report"]["databases"];
    let of = |at: usize, key: &str| databases[at][key].clone();
    assert_eq!((of(0, "name"), of(1, "name")), ("orders".into(), "archive".into()));
    assert_eq!(databases[1]["applied"].as_array().unwrap().len(), 2);
    assert_eq!(database.history(), ["V1__orders"]);
    assert_eq!(sqlite_texts(&project, "SELECT name FROM refinery_schema_history").len(), 2);

    let again = run(&project, &["--output", "json"]).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    let ran = run(&project, &["status", "--check"]).expect(0);
    assert!(ran.stdout.contains("archive: sqlite:app.db: shown"), "{}", ran.stdout);
    let ran = run(&project, &["plan", "-vv"]).expect(0);
    assert!(!ran.stderr.contains("landfall-test-password"), "{}", ran.stderr);
}

#[test]
fn the_first_that_fails_stops_the_run_and_those_behind_it_are_told() {
    let database = Database::new();
    let project = project(&database);
    project.write("migrations/orders/V2__wrong.sql", "CREATE TABLE;");
    let ran = run(&project, &["--output", "json"]).expect(1);
    let report = ran.says("error: orders: ").says("V2__wrong.sql:1").json();
    assert_eq!((&report["outcome"], &report["exit_code"]), (&"failed".into(), &1.into()));
    assert_eq!(report["report"]["not_tried"], serde_json::json!(["archive"]));
    assert_eq!(database.history(), ["V1__orders"]);
    assert!(!project.path("app.db").exists());
    // Looking at them goes on: the one that cannot be reached does not hide the other.
    let project = project.with_env("ORDERS_URL", "postgres://app@127.0.0.1:1/x");
    let ran = run(&project, &["status"]).expect(4).says("error: orders: connect to");
    assert!(ran.stdout.starts_with("orders: unreachable\n  connect to"), "{}", ran.stdout);
    assert!(ran.stdout.contains("\narchive: sqlite:app.db: shown"), "{}", ran.stdout);
}

#[test]
fn one_is_chosen_by_name_and_the_url_for_the_run_is_then_its_own() {
    let database = Database::new();
    let project = project(&database);
    run(&project, &["--database", "archive"]).expect(0).says("old to sqlite:app.db");
    let ran = run(&project, &["--database", "archive", "--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["database"], "sqlite:app.db", "the report is that of one");
    assert_eq!(database.texts("SELECT 'x' WHERE to_regclass('orders') IS NOT NULL").len(), 0);

    let project = project.with_env("LANDFALL_DATABASE_URL", "sqlite:other.db");
    run(&project, &[]).expect(2).says("LANDFALL_DATABASE_URL means one").says("--database NAME");
    run(&project, &["--database", "archive"]).expect(0);
    assert!(project.path("other.db").exists());
    run(&project, &["--database", "archiv"]).expect(2).says("it has: orders, archive");
}

#[test]
fn what_is_done_to_one_database_asks_which() {
    let project = project(&Database::new());
    for args in [&["new", "x"][..], &["baseline", "1"], &["repair"], &["--target", "1"]] {
        run(&project, args).expect(2).says("several databases (orders, archive)");
    }
    let ran = run(&project, &["new", "add users", "--database", "archive"]).expect(0);
    assert_eq!(ran.stdout, "old/V3__add_users.sql\n");
}

#[test]
fn a_variable_that_is_missing_is_named_and_a_plain_one_is_not_taken_for_it() {
    let database = Database::new();
    let project = project(&database).with_env("ORDERS_URL", "");
    let project = project.with_env("DATABASE_URL", "sqlite:wrong.db");
    run(&project, &[]).expect(2).says("the variable ORDERS_URL, which landfall.toml names");
    assert!(!project.path("wrong.db").exists());
    let project = project.with_env("ORDERS_URL", "hunter2hunter2");
    let ran = run(&project, &["-vv"]).expect(2).says("the variable ORDERS_URL: ");
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
