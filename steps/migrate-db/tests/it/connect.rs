//! Reaching the database, or saying why not; and never the password.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use step_testkit::Project;

use crate::support::{Database, WithMigration, admin, forward, run};

fn project(url: &str) -> Project {
    Project::new().with_env("DATABASE_URL", url).with("V1__a.sql", "CREATE TABLE a (id int);")
}

#[test]
fn a_database_that_cannot_be_reached_ends_with_4_and_what_to_do() {
    let database = Database::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, said) in [
        (format!("postgres://app:hunter2@{closed}/x"), "Connection refused"),
        (database.url_of("landfall", "hunter2"), "password authentication failed"),
        (database.url_of("nobody", "hunter2"), "authentication failed"),
        (format!("{}_gone", database.url()), "does not exist"),
    ] {
        let ran = run(&project(&url), &["-vv"]).expect(4).says(said).says("help:");
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}

#[test]
fn urls_that_are_none_end_with_2_and_are_not_shown() {
    for url in
        ["oracle://u:hunter2@h/d", "hunter2", "postgres://u:hunter2@h:x/d", "mysql://u:hunter2@h"]
    {
        let ran = run(&project(url), &["-vv", "--output", "json"]).expect(2);
        assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("hunter2"), "{}", ran.stderr);
    }
    run(&Project::new().with("V1__a.sql", "SELECT 1"), &[]).expect(2).says("no database is named");
}

#[test]
fn an_address_without_a_password_is_shown() {
    let project = project("sqlite:app.db");
    let ran = run(&project, &[]).expect(0).says("migrations to sqlite:app.db\n");
    assert_eq!(ran.stdout, "sqlite:app.db: migrated\n  applied V1__a\n");
}

#[test]
fn a_url_on_the_command_line_is_refused() {
    for flag in ["--database-url", "--landfall-database-url"] {
        let url = "postgres://u:hunter2@h/d";
        let ran = run(&Project::new(), &[flag, url]).expect(2).says("--database-url-file");
        assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}

#[test]
fn a_file_with_the_url_wins_over_the_variable() {
    let database = Database::new();
    let project = project("postgres://nobody@127.0.0.1:1/x")
        .with_file("url", &format!("{}\n", database.url()));
    run(&project, &["--database-url-file", "url"]).expect(0);
    assert_eq!(database.history(), ["V1__a"]);
}

#[test]
fn a_database_that_starts_is_waited_for_and_only_as_long_as_asked() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = Instant::now();
    let url = format!("postgres://app@{closed}/x");
    run(&project(&url), &["--wait-for-db", "1s"]).expect(4).says("Connection refused");
    assert!(start.elapsed() >= Duration::from_secs(1));
    // A wrong password is not waited out.
    let database = Database::new();
    let start = Instant::now();
    run(&project(&database.url_of("landfall", "hunter2")), &["--wait-for-db", "30s"]).expect(4);
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_database_that_comes_up_while_the_step_waits_is_migrated() {
    let database = Database::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = database.url();
    let (head, tail) = (url.rsplit_once('@').unwrap().0, url.rsplit_once('@').unwrap().1);
    let (server, name) = tail.split_once('/').unwrap();
    let project = project(&format!("{head}@{free}/{name}"));
    let mut step = project.command("migrate-db").args(["--wait-for-db", "20s"]).spawn().unwrap();
    std::thread::spawn({
        let server = server.to_owned();
        move || {
            #[expect(clippy::disallowed_methods, reason = "a test without a runtime")]
            std::thread::sleep(Duration::from_millis(700));
            forward(&TcpListener::bind(free).unwrap(), &server);
        }
    });
    assert!(step.wait().unwrap().success());
    assert_eq!(database.history(), ["V1__a"]);
}

#[test]
fn a_user_without_rights_is_told_what_to_grant() {
    let database = Database::new();
    let user = format!("u{}", database.name);
    admin(&format!("CREATE ROLE {user} LOGIN PASSWORD 'hunter2hunter2'"));
    database.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let ran = run(&project(&database.url_of(&user, "hunter2hunter2")), &[]);
    admin(&format!("DROP ROLE {user}"));
    ran.expect(4).says("create the table of the history: permission denied").says("grant the user");
}

#[test]
fn a_pooler_that_shares_connections_is_refused_before_anything_is_written() {
    let database = Database::new();
    let ran = run(&project(&database.pooled_url()), &[]).expect(8);
    ran.says("PgBouncer in transaction mode").says("give the URL of the database itself");
    assert_eq!(database.texts("SELECT 'x' WHERE to_regclass('a') IS NOT NULL"), [] as [&str; 0]);
}
