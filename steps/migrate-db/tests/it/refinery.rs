//! refinery's own crates read the history and go on with it, and the other way round: with versions
//! of 64 bits (its feature `int8-versions`) and of 32 bits (its default).

use step_testkit::Project;

use crate::support::{Database, WithMigration, connect, run, sqlite, sqlite_texts, wait};

const NAMES: [&str; 4] = ["V1__a", "V2__b", "V3__c", "V4__d"];
/// A version of 14 digits makes the history one of 64 bits.
const WIDE: [&str; 4] = ["V1__a", "V2__b", "V20260101000000__c", "V20260102000000__d"];

fn sql(name: &str) -> String {
    let (_, name) = name.split_once("__").unwrap();
    format!("CREATE TABLE {name} (id int);\n")
}

fn project(project: Project, names: &[&str]) -> Project {
    names.iter().fold(project, |project, name| project.with(&format!("{name}.sql"), &sql(name)))
}

fn wide(names: &[&str]) -> refinery_core::Runner {
    let all =
        names.iter().map(|name| refinery_core::Migration::unapplied(name, &sql(name)).unwrap());
    refinery_core::Runner::new(&all.collect::<Vec<_>>())
}

fn narrow(names: &[&str]) -> refinery_core_i32::Runner {
    let all =
        names.iter().map(|name| refinery_core_i32::Migration::unapplied(name, &sql(name)).unwrap());
    refinery_core_i32::Runner::new(&all.collect::<Vec<_>>())
}

#[test]
fn refinery_of_64_bits_and_landfall_take_turns_on_postgres() {
    let database = Database::new();
    let refinery = |names: &[&str]| {
        wait(async {
            let report = wide(names).run_async(&mut connect(&database.url()).await).await.unwrap();
            report.applied_migrations().len()
        })
    };
    assert_eq!(refinery(&WIDE[..1]), 1);
    run(&project(database.project(), &WIDE[..2]), &[]).expect(0);
    assert_eq!(refinery(&WIDE[..3]), 1);
    run(&project(database.project(), &WIDE), &[]).expect(0);
    assert_eq!(refinery(&WIDE), 0);
    assert_eq!(database.history(), WIDE);
}

#[test]
fn refinery_of_32_bits_and_landfall_take_turns_on_postgres() {
    let database = Database::new();
    let refinery = |names: &[&str]| {
        wait(async {
            let report =
                narrow(names).run_async(&mut connect(&database.url()).await).await.unwrap();
            report.applied_migrations().len()
        })
    };
    assert_eq!(refinery(&NAMES[..1]), 1);
    run(&project(database.project(), &NAMES[..2]), &[]).expect(0);
    assert_eq!(refinery(&NAMES[..3]), 1);
    run(&project(database.project(), &NAMES), &[]).expect(0);
    assert_eq!(refinery(&NAMES), 0);
    assert_eq!(database.history(), NAMES);
}

#[test]
fn a_history_that_landfall_began_is_read_by_refinery() {
    let database = Database::new();
    run(&project(database.project(), &NAMES), &[]).expect(0);
    let applied = wait(async {
        let mut client = connect(&database.url()).await;
        narrow(&NAMES).run_async(&mut client).await.unwrap();
        narrow(&NAMES).get_applied_migrations_async(&mut client).await.unwrap()
    });
    assert_eq!(applied.len(), NAMES.len());
    let database = Database::new();
    run(&project(database.project(), &WIDE), &[]).expect(0);
    let applied = wait(async {
        let mut client = connect(&database.url()).await;
        wide(&WIDE).run_async(&mut client).await.unwrap();
        wide(&WIDE).get_applied_migrations_async(&mut client).await.unwrap()
    });
    assert_eq!(applied.len(), WIDE.len());
}

#[test]
fn refinery_and_landfall_take_turns_on_sqlite() {
    let ours = project(sqlite(), &WIDE[..1]);
    let refinery = |ours: &Project, names: &[&str]| {
        let mut connection = rusqlite::Connection::open(ours.path("app.db")).unwrap();
        wide(names).run(&mut connection).unwrap().applied_migrations().len()
    };
    assert_eq!(refinery(&ours, &WIDE[..1]), 1);
    let ours = project(ours, &WIDE[..2]);
    run(&ours, &[]).expect(0);
    assert_eq!(refinery(&ours, &WIDE[..3]), 1);
    let ours = project(ours, &WIDE);
    run(&ours, &[]).expect(0);
    assert_eq!(refinery(&ours, &WIDE), 0);
    let rows =
        "SELECT 'V' || version || '__' || name FROM refinery_schema_history ORDER BY version";
    assert_eq!(sqlite_texts(&ours, rows), WIDE);
}

#[test]
fn a_checkout_with_other_line_endings_is_the_same_to_landfall() {
    let project = sqlite().with("V1__a.sql", "CREATE TABLE a (\n  id int\n);\n");
    run(&project, &[]).expect(0);
    let project = project.with("V1__a.sql", "CREATE TABLE a (\r\n  id int\r\n);\r\n");
    run(&project, &["status", "--check"]).expect(0);
}
