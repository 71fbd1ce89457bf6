//! What `make up` says when the machine is not as it should be.

use std::net::TcpListener;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use step_testkit::{repository, testbed_env};

fn script(name: &str) -> String {
    repository().join("shared/step-testkit/testbed").join(name).display().to_string()
}

/// Runs `command` with a testbed folder of its own, which is not to be filled.
#[track_caller]
fn fails_with_4(command: &mut Command, says: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    // A port that is free, unless the test is about one that is not.
    if !command.get_envs().any(|(name, _)| name == "LANDFALL_AWS_PORT") {
        command.env("LANDFALL_AWS_PORT", a_free_port());
    }
    command.env("LANDFALL_POSTGRES_PORT", a_free_port());
    let Output { status, stderr, .. } =
        command.env("LANDFALL_TESTBED", folder.path().join("bed")).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(4), "{stderr}");
    for text in says {
        assert!(stderr.contains(text), "no `{text}` in:\n{stderr}");
    }
    assert!(!folder.path().join("bed/venv").exists(), "it stopped before it installed anything");
}

fn a_free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn a_port_that_is_taken_is_named_with_its_owner_and_the_way_out() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    fails_with_4(
        Command::new(script("up")).env("LANDFALL_AWS_PORT", &port),
        &[&format!("error: port {port} is taken"), "LANDFALL_AWS_PORT=4577 make up"],
    );
}

/// Whoever runs this is, in a namespace of its own, an ordinary user of a machine where no engine
/// has its socket.
#[test]
fn without_docker_and_without_root_the_exact_command_is_shown() {
    let hide = "mount -t tmpfs none \"$(realpath /var/run)\" && exec \"$0\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-user=1000", "--keep-caps", "--mount", "sh", "-c", hide]);
    fails_with_4(
        command.arg(script("up")).env_remove("DOCKER_HOST"),
        &["error: no Docker Engine answers", "sudo apt-get install -y docker.io"],
    );
}

#[test]
fn an_engine_that_was_named_but_does_not_answer_is_not_replaced_by_another() {
    fails_with_4(
        Command::new(script("up")).env("DOCKER_HOST", "unix:///nowhere.sock"),
        &[
            "error: no Docker Engine answers at DOCKER_HOST=unix:///nowhere.sock",
            "unset DOCKER_HOST",
        ],
    );
}

#[test]
fn what_already_runs_is_used_at_once() {
    let env = testbed_env();
    let port = |variable: &str| {
        let (_, rest) = env[variable].split_once("127.0.0.1:").unwrap();
        rest.split('/').next().unwrap().to_owned()
    };
    let start = Instant::now();
    let up = Command::new(script("up"))
        .arg("databases")
        .env("LANDFALL_AWS_PORT", port("AWS_ENDPOINT_URL"))
        .env("LANDFALL_POSTGRES_PORT", port("LANDFALL_TEST_POSTGRES_URL"))
        .env("LANDFALL_MARIADB_PORT", port("LANDFALL_TEST_MARIADB_URL"))
        .env("LANDFALL_PGBOUNCER_PORT", port("LANDFALL_TEST_PGBOUNCER_URL"))
        .output()
        .unwrap();
    let said = String::from_utf8(up.stderr).unwrap();
    assert!(up.status.success(), "{said}");
    assert_eq!(said.matches("already").count(), 7, "{said}");
    assert!(start.elapsed() < Duration::from_secs(5));
}
