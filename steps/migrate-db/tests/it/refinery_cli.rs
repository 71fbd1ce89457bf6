//! refinery_cli, the program, and landfall take turns on one database.

use std::process::Command;

use step_testkit::{Project, testbed_env};

use crate::support::{Database, WithMigration, run, sqlite};

/// Runs `refinery migrate` on the database of the project, as its manual says, and says which
/// migrations it applied.
#[track_caller]
fn refinery(project: &Project, url: &str) -> Vec<String> {
    let env = testbed_env();
    let program = env.get("LANDFALL_TEST_REFINERY");
    let program = program.expect("the testbed has no refinery_cli: run `make up-pipeline`");
    let mut command = Command::new(program);
    command.args(["migrate", "-e", "DATABASE_URL", "-p", "migrations", "-d", "-m"]);
    let output = command.current_dir(project.path(".")).env("DATABASE_URL", url).output().unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    let applied = said.lines().filter_map(|line| line.split_once("applying migration: "));
    applied.map(|(_, name)| name.split_whitespace().next().unwrap().to_owned()).collect()
}

/// Each begins, goes on with what the other did, and finds nothing to do when the other is done.
/// Aborting on divergent and missing migrations is on: refinery_cli compares every checksum.
#[track_caller]
fn take_turns(project: Project, url: &str) {
    let project = project.with("V1__users.sql", "CREATE TABLE users (id int PRIMARY KEY);\n");
    assert_eq!(refinery(&project, url), ["V1__users"]);
    run(&project, &["status", "--check"]).expect(0);

    let project = project.with("V2__names.sql", "ALTER TABLE users ADD COLUMN name varchar(9);\n");
    run(&project, &[]).expect(0);
    assert_eq!(refinery(&project, url), [""; 0]);

    let project = project.with("V3__rows.sql", "INSERT INTO users (id, name) VALUES (1, 'Ada');\n");
    assert_eq!(refinery(&project, url), ["V3__rows"]);

    let ran = run(&project, &["--output", "json"]).expect(0);
    assert_eq!(ran.json()["outcome"], "unchanged");
}

/// landfall makes the table of the history.
#[track_caller]
fn goes_on_after_landfall(project: Project, url: &str) {
    let project = project.with("V1__users.sql", "CREATE TABLE users (id int PRIMARY KEY);\n");
    run(&project, &[]).expect(0);
    assert_eq!(refinery(&project, url), [""; 0]);
    let project = project.with("V2__names.sql", "ALTER TABLE users ADD COLUMN name varchar(9);\n");
    assert_eq!(refinery(&project, url), ["V2__names"]);
    run(&project, &["status", "--check"]).expect(0);
}

#[test]
fn refinery_cli_and_landfall_take_turns_on_postgres() {
    let database = Database::new();
    take_turns(database.project(), &database.url());
    assert_eq!(database.history(), ["V1__users", "V2__names", "V3__rows"]);
}

#[test]
fn refinery_cli_and_landfall_take_turns_on_sqlite() {
    // refinery_cli makes no file.
    take_turns(sqlite().with_file("app.db", ""), "sqlite:app.db");
}

#[test]
fn refinery_cli_goes_on_with_a_history_that_landfall_began_on_postgres() {
    let database = Database::new();
    goes_on_after_landfall(database.project(), &database.url());
}

#[test]
fn refinery_cli_goes_on_with_a_history_that_landfall_began_on_sqlite() {
    goes_on_after_landfall(sqlite(), "sqlite:app.db");
}
