//! The URL from Secrets Manager and the Parameter Store of the local AWS; and no AWS without need.

use serde_json::{Value, json};
use step_testkit::{AwsProxy, Fault, Project, aws_call, fresh_account};

use crate::support::{Database, WithMigration, admin, run};

/// A password with everything that a URL escapes and JSON quotes.
const PASSWORD: &str = "s3cr\"t/p@ss:w%rd?#";
/// The same in a URL.
const ENCODED: &str = "s3cr%22t%2Fp%40ss%3Aw%25rd%3F%23";

/// A database with a user of its own, and an account of AWS.
struct Place {
    database: Database,
    user: String,
    account: String,
}

impl Place {
    fn new() -> Self {
        let database = Database::new();
        let user = format!("u{}", database.name);
        admin(&format!("CREATE ROLE {user} LOGIN PASSWORD '{PASSWORD}'"));
        admin(&format!("ALTER DATABASE {} OWNER TO {user}", database.name));
        Self { database, user, account: fresh_account() }
    }

    fn project(&self, settings: &str) -> Project {
        let config = format!("[env.dev]\naccount = \"{}\"\n{settings}", self.account);
        Project::new()
            .with_aws(&self.account)
            .with_env("LANDFALL_ENV", "dev")
            .with_file("landfall.toml", &config)
            .with("V1__a.sql", "CREATE TABLE a (id int);")
    }

    fn url(&self) -> String {
        self.database.url_of(&self.user, ENCODED)
    }

    /// What RDS writes into a secret.
    fn rds(&self) -> Value {
        let url = self.database.url();
        let port = url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
        json!({
            "engine": "postgres", "host": "127.0.0.1", "port": port.parse::<u16>().unwrap(),
            "username": self.user, "password": PASSWORD, "dbname": self.database.name,
            "dbInstanceIdentifier": "orders",
        })
    }

    fn with_secret(&self, name: &str, value: &str) {
        let body = json!({ "Name": name, "SecretString": value });
        let answer = aws_call(&self.account, "secretsmanager.CreateSecret", &body);
        assert!(answer["ARN"].is_string(), "{answer}");
    }

    fn with_parameter(&self, name: &str, value: &str) {
        let body = json!({ "Name": name, "Value": value, "Type": "SecureString" });
        let answer = aws_call(&self.account, "AmazonSSM.PutParameter", &body);
        assert!(answer["Version"].is_number(), "{answer}");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (name, user) = (&self.database.name, &self.user);
        admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        admin(&format!("DROP ROLE {user}"));
    }
}

/// Runs it with everything that may be said, and makes sure that the password is not.
#[track_caller]
fn migrates(project: &Project, proxy: &AwsProxy, args: &[&str]) -> Value {
    let args = [args, &["-vv", "--output", "json", "--report", "report.json"]].concat();
    let ran = project.run_through(proxy, "migrate-db", &args).expect(0);
    for text in [&ran.stdout, &ran.stderr, &project.read("report.json")] {
        for form in [PASSWORD, ENCODED, "s3cr\\\"t", "s3cr\"t", "s3cr%22t"] {
            assert!(!text.contains(form), "{form} is in: {text}");
        }
    }
    ran.json()
}

#[test]
fn a_url_in_a_secret_is_used_after_the_account_was_looked_at_and_never_shown() {
    let place = Place::new();
    place.with_secret("orders/db", &place.url());
    let project = place.project("");
    let proxy = AwsProxy::start();
    let report = migrates(&project, &proxy, &["--database-secret", "orders/db"]);
    assert_eq!(report["outcome"], "migrated");
    assert_eq!(proxy.calls(), ["GetCallerIdentity", "GetSecretValue"]);
    assert_eq!(place.database.history(), ["V1__a"]);
    let again = migrates(&project, &proxy, &["--database-secret", "orders/db"]);
    assert_eq!(again["outcome"], "unchanged");
}

#[test]
fn the_json_of_rds_is_understood_in_a_secret_that_the_project_names() {
    let place = Place::new();
    place.with_secret("orders/rds", &place.rds().to_string());
    let project = place.project("[env.dev.migrate-db]\ndatabase_secret = \"orders/rds\"\n");
    assert_eq!(migrates(&project, &AwsProxy::start(), &[])["outcome"], "migrated");
    assert_eq!(place.database.history(), ["V1__a"]);
}

#[test]
fn a_parameter_is_decrypted_and_used() {
    let place = Place::new();
    place.with_parameter("/orders/url", &place.url());
    place.with_parameter("/orders/rds", &place.rds().to_string());
    let project = place.project("[env.dev.migrate-db]\ndatabase_parameter = \"/orders/url\"\n");
    let proxy = AwsProxy::start();
    assert_eq!(migrates(&project, &proxy, &["status"])["outcome"], "shown");
    assert_eq!(proxy.calls(), ["GetCallerIdentity", "GetParameter"]);
    let args = ["--database-parameter", "/orders/rds"];
    assert_eq!(migrates(&project, &proxy, &args)["outcome"], "migrated");
}

#[test]
fn with_a_url_at_hand_aws_is_not_called() {
    let place = Place::new();
    let settings = "[env.dev.migrate-db]\ndatabase_secret = \"orders/db\"\n";
    let project = place.project(settings).with_env("LANDFALL_DATABASE_URL", &place.url());
    let proxy = AwsProxy::start();
    assert_eq!(migrates(&project, &proxy, &[])["outcome"], "migrated");
    assert_eq!(proxy.calls(), [] as [&str; 0]);
}

#[test]
fn a_plain_variable_does_not_lead_elsewhere_than_the_project() {
    let place = Place::new();
    place.with_secret("orders/db", &place.url());
    let settings = "[env.dev.migrate-db]\ndatabase_secret = \"orders/db\"\n";
    let project = place.project(settings).with_env("DATABASE_URL", "sqlite:elsewhere.db");
    run(&project, &[]).expect(0);
    assert_eq!(place.database.history(), ["V1__a"]);
    assert!(!project.path("elsewhere.db").exists());
}

#[test]
fn another_account_is_refused_before_the_secret_is_asked_for() {
    let place = Place::new();
    let project = place.project("").with_env("AWS_ACCESS_KEY_ID", "222222222222");
    let proxy = AwsProxy::start();
    project
        .run_through(&proxy, "migrate-db", &["--database-secret", "orders/db"])
        .expect(8)
        .says("belong to 222222222222");
    assert_eq!(proxy.calls(), ["GetCallerIdentity"]);
}

#[test]
fn an_environment_has_to_be_named_before_aws_is_asked() {
    let place = Place::new();
    let project = place.project("").with_env("LANDFALL_ENV", "");
    run(&project, &["--database-secret", "x"]).expect(2).says("choose one with --env NAME");
}

#[test]
fn what_aws_does_not_give_is_named_with_what_to_do() {
    let place = Place::new();
    let project = place.project("").with_env("LANDFALL_DATABASE_SECRET", "orders/database");
    run(&project, &[])
        .expect(2)
        .says("the secret orders/database: secretsmanager:GetSecretValue: ResourceNotFound")
        .says("check its name, the region and --env");
    project_with_parameter(&place)
        .expect(2)
        .says("the parameter /orders/url: ssm:GetParameter: ParameterNotFound")
        .says("check its name, the region and --env");

    let denied = |operation, code| Fault { operation, after: 0, times: 9, status: 400, code };
    let run_denied = |fault: Fault, flag: &str| {
        let proxy = AwsProxy::failing(&[fault]);
        place.project("").run_through(&proxy, "migrate-db", &[flag, "orders/db"])
    };
    run_denied(denied("GetSecretValue", "AccessDeniedException"), "--database-secret")
        .expect(4)
        .says("the secret orders/db: ")
        .says("allow secretsmanager:GetSecretValue to the role");
    run_denied(denied("GetSecretValue", "DecryptionFailure"), "--database-secret")
        .expect(4)
        .says("allow kms:Decrypt on the key of the secret orders/db");
    run_denied(denied("GetParameter", "AccessDeniedException"), "--database-parameter")
        .expect(4)
        .says("allow ssm:GetParameter to the role");
    run_denied(denied("GetParameter", "InvalidKeyId"), "--database-parameter")
        .expect(4)
        .says("allow kms:Decrypt on the key of the parameter orders/db");
}

fn project_with_parameter(place: &Place) -> step_testkit::Ran {
    run(&place.project(""), &["--database-parameter", "/orders/url"])
}

#[test]
fn a_secret_that_is_none_of_a_database_is_told_apart_without_being_shown() {
    let place = Place::new();
    let managed = json!({ "username": "postgres", "password": PASSWORD }).to_string();
    for (name, value, said) in [
        ("managed", managed.as_str(), "the JSON has no `engine`, `host`, `dbname`"),
        ("broken", "{\"password\": s3cr\"t", "the JSON is not well-formed (line 1, column 14)"),
        ("word", "s3cr\"t-and-more", "the database URL has no scheme"),
    ] {
        place.with_secret(name, value);
        let ran = run(&place.project(""), &["--database-secret", name, "-vv"]).expect(2);
        let ran = ran.says(&format!("the secret {name}: {said}"));
        assert!(!ran.stderr.contains("s3cr"), "{}", ran.stderr);
    }
}

#[test]
fn two_places_for_the_url_end_with_2() {
    let place = Place::new();
    let project = place.project("").with_env("LANDFALL_DATABASE_SECRET", "orders/db");
    run(&project, &["--database-url-file", "x"])
        .expect(2)
        .says("--database-url-file and --database-secret both say");
}
