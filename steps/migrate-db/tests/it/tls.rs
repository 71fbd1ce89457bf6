//! TLS to a real PostgreSQL, whose certificate an authority of the testbed made.

use step_testkit::{Project, Ran};

use crate::support::{Database, WithMigration, run, variable};

/// The URL of the database at another host name, which leads to the same server.
fn at(database: &Database, host: &str, parameters: &str) -> String {
    let url = database.url().replace("127.0.0.1", host);
    assert!(url.contains(host), "{url}");
    format!("{url}?hostaddr=127.0.0.1&{parameters}")
}

/// Runs a migration that keeps what the server says of its connection.
fn migrate(url: &str, args: &[&str]) -> Ran {
    let seen = "CREATE TABLE seen AS SELECT ssl::text AS ssl FROM pg_stat_ssl \
                WHERE pid = pg_backend_pid();";
    let project = Project::new().with_env("LANDFALL_DATABASE_URL", url).with("V1__seen.sql", seen);
    run(&project, args)
}

#[test]
fn with_the_authority_the_connection_is_encrypted_and_verified() {
    let ca = variable("LANDFALL_TEST_CA");
    for (host, parameters, args) in [
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), vec![]),
        ("localhost", "sslmode=verify-full".to_owned(), vec!["--database-ca", &ca]),
        ("localhost", "sslmode=require".to_owned(), vec!["--database-ca", &ca]),
        // A named authority is reason enough for TLS, also on this machine.
        ("127.0.0.1", String::new(), vec!["--database-ca", &ca]),
    ] {
        let database = Database::new();
        migrate(&at(&database, host, &parameters), &args).expect(0);
        assert_eq!(database.texts("SELECT ssl FROM seen"), ["true"], "{host} {parameters}");
    }
}

#[test]
fn an_authority_that_is_not_known_is_refused_with_the_way_to_name_it() {
    let database = Database::new();
    for mode in ["verify-full", "require"] {
        migrate(&at(&database, "localhost", &format!("sslmode={mode}")), &["--wait-for-db", "30s"])
            .expect(4)
            .says("UnknownIssuer")
            .says("--database-ca FILE")
            .says("https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem")
            .says("/usr/local/share/landfall/rds-ca.pem");
    }
    assert_eq!(database.texts("SELECT 'x' WHERE to_regclass('seen') IS NOT NULL"), [] as [&str; 0]);
}

#[test]
fn a_server_with_the_certificate_of_another_host_is_refused() {
    let database = Database::new();
    let url = at(&database, "db.example.com", "sslmode=verify-full");
    migrate(&url, &["--database-ca", &variable("LANDFALL_TEST_CA")])
        .expect(4)
        .says("not valid for name")
        .says("use a host name that stands in the certificate");
}

#[test]
fn a_file_that_holds_no_certificates_ends_with_2() {
    let project = Project::new()
        .with_env("DATABASE_URL", "postgres://app@localhost/x")
        .with("V1__a.sql", "SELECT 1")
        .with_file("ca.pem", "none\n");
    run(&project, &["--database-ca", "ca.pem"]).expect(2).says("ca.pem: there is none");
    run(&project, &["--database-ca", "gone.pem"]).expect(2).says("gone.pem");
}
