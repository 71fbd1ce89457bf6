//! The base image holds what a job needs, and nothing that surprises.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::{base_image, done, steps};

/// What GitLab's runner starts in a container to find the best shell; the job's script comes on
/// stdin (gitlab-runner, `shells/bash.go`: `BashDetectShellScript`).
const RUNNERS_PROBE: &str = "\
if [ -x /usr/local/bin/bash ]; then exec /usr/local/bin/bash
elif [ -x /usr/bin/bash ]; then exec /usr/bin/bash
elif [ -x /bin/bash ]; then exec /bin/bash
elif [ -x /usr/local/bin/sh ]; then exec /usr/local/bin/sh
elif [ -x /usr/bin/sh ]; then exec /usr/bin/sh
elif [ -x /bin/sh ]; then exec /bin/sh
elif [ -x /busybox/sh ]; then exec /busybox/sh
else echo shell not found; exit 1; fi";

#[test]
fn every_step_has_the_version_that_the_label_tells() {
    let label = inspect("{{index .Config.Labels \"org.opencontainers.image.version\"}}");
    assert_eq!(label, env!("CARGO_PKG_VERSION"));
    for step in steps() {
        assert_eq!(sh(&[], &format!("{step} --version")), format!("{step} {label}"));
    }
}

#[test]
fn every_step_explains_itself() {
    for step in steps() {
        let help = sh(&[], &format!("{step} --help"));
        assert!(help.contains(&format!("Usage: {step}")), "{help}");
        assert!(help.contains("Exit codes:"), "{help}");
    }
}

#[test]
fn the_shell_probe_of_the_runner_finds_bash() {
    let script = "echo \"${BASH_VERSION:+bash} in $PWD\"\n";
    assert_eq!(
        container(&["-w", "/builds"], &["sh", "-c", RUNNERS_PROBE], script),
        "bash in /builds"
    );
    assert_eq!(container(&[], &["bash"], "echo $((6 * 7))\n"), "42");
}

#[test]
fn a_command_is_run_as_it_is_given() {
    assert_eq!(inspect("{{json .Config.Entrypoint}} {{json .Config.Cmd}}"), r#"null ["bash"]"#);
}

#[test]
fn a_user_that_the_image_does_not_know_can_run_every_step() {
    for step in steps() {
        sh(&["-u", "12345:12345"], &format!("{step} --version"));
    }
}

#[test]
fn jobs_run_as_root_and_may_run_as_landfall() {
    assert_eq!(sh(&[], "id -u; id -u landfall"), "0\n1000");
    assert_eq!(sh(&["-u", "landfall"], "cd && touch x && pwd"), "/home/landfall");
}

#[test]
fn make_and_certificates_are_there() {
    assert!(sh(&[], "make --version").starts_with("GNU Make"));
    let certificates = sh(&[], "grep -c BEGIN /etc/ssl/certs/ca-certificates.crt");
    assert!(certificates.parse::<u32>().unwrap() > 100, "{certificates}");
}

#[test]
fn the_authorities_of_rds_are_where_migrate_db_looks_for_them() {
    let count = "grep -c 'BEGIN CERT' /usr/local/share/landfall/rds-ca.pem";
    let certificates = sh(&["-u", "12345:12345"], count);
    assert!(certificates.parse::<u32>().unwrap() > 100, "{certificates}");
}

#[test]
fn git_takes_a_checkout_that_belongs_to_someone_else() {
    let script =
        "git init -q /x && chown -R 4321:4321 /x && git -C /x status --porcelain && echo taken";
    assert_eq!(sh(&[], script), "taken");
}

#[test]
fn nothing_gets_more_rights_than_in_debian() {
    let find = "find / -xdev -type f -perm /6000 | sort";
    let debian = run("debian:bookworm-slim", &[], &["sh"], &format!("{find}\n"));
    assert!(debian.contains("/bin/su"), "the search finds nothing: {debian}");
    assert_eq!(sh(&[], find), debian);
}

#[test]
fn what_the_package_manager_needed_is_gone() {
    assert_eq!(
        sh(&[], "ls /var/lib/apt/lists /var/cache/apt"),
        "/var/cache/apt:\n\n/var/lib/apt/lists:"
    );
}

/// What a script says in a container of the image.
#[track_caller]
fn sh(options: &[&str], script: &str) -> String {
    container(options, &["sh"], &format!("{script}\n"))
}

#[track_caller]
fn container(options: &[&str], command: &[&str], stdin: &str) -> String {
    run(base_image(), options, command, stdin)
}

#[track_caller]
fn run(image: &str, options: &[&str], command: &[&str], stdin: &str) -> String {
    let mut docker = Command::new("docker");
    docker.args(["run", "--rm", "--interactive", "--network=none", "--pull=never"]);
    docker.args(options).arg(image).args(command);
    docker.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = docker.spawn().expect("the docker client is there: run `make up-pipeline`");
    // The program may end before it reads everything: its status tells.
    _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} < {stdin}: {}\n{stderr}", output.status);
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn inspect(format: &str) -> String {
    let docker = &mut Command::new("docker");
    done(docker.args(["image", "inspect", "--format", format, base_image()])).trim_end().to_owned()
}
