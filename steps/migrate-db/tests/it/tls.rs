//! TLS to a real PostgreSQL and MariaDB, whose certificate an authority of the testbed made.

use step_testkit::{Project, Ran};

use crate::support::{Database, Maria, WithMigration, forward, run, variable};

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

#[test]
fn the_same_holds_for_mariadb() {
    let maria = Maria::new();
    let ca = variable("LANDFALL_TEST_CA");
    let at = |host: &str, parameters: &str| {
        let url = maria.url().replace("127.0.0.1", host);
        let seen = "CREATE TABLE seen AS SELECT variable_value AS ssl_version FROM \
                    information_schema.session_status WHERE variable_name = 'Ssl_version';";
        Project::new()
            .with_env("LANDFALL_DATABASE_URL", &format!("{url}?{parameters}"))
            .with("V1__seen.sql", seen)
    };
    for (mode, said) in [("VERIFY_IDENTITY", "UnknownIssuer"), ("REQUIRED", "UnknownIssuer")] {
        let project = at("localhost", &format!("ssl-mode={mode}"));
        let ran = run(&project, &["--wait-for-db", "30s"]).expect(4).says(said);
        ran.says("--database-ca FILE").says("global-bundle.pem");
    }
    // The same server at an address that its certificate does not name.
    let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    let there = listener.local_addr().unwrap().to_string();
    let url = maria.url();
    let here = url.split_once('@').unwrap().1.split_once('/').unwrap().0.to_owned();
    let wrong = at("127.0.0.1", "ssl-mode=VERIFY_IDENTITY");
    let wrong = wrong.with_env(
        "LANDFALL_DATABASE_URL",
        &format!("{}?ssl-mode=VERIFY_IDENTITY", url.replace(&here, &there)),
    );
    std::thread::spawn(move || forward(&listener, &here));
    run(&wrong, &["--database-ca", &ca]).expect(4).says("not valid for name");
    let project = at("localhost", &format!("ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}"));
    run(&project, &[]).expect(0);
    let version = maria.texts("SELECT ssl_version FROM seen");
    assert!(version[0].starts_with("TLSv1"), "{version:?}");
}
