use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use step_testkit::{Project, repository};

use crate::{Said, repo, workspace};

/// Stands in for a release binary: it starts at once and has a size.
fn binary(path: &Path, size: u64) {
    let mut file = File::create(path).expect("a file");
    file.write_all(b"#!/bin/sh\nexit 0\n").expect("a script");
    file.set_len(size).expect("a size");
    file.set_permissions(Permissions::from_mode(0o755)).expect("a mode");
}

fn bench(folder: &Path) -> Said {
    let args = ["bench".as_ref(), "--no-demo".as_ref(), "--programs".as_ref(), folder.as_os_str()];
    repo(&repository(), args)
}

#[test]
fn a_step_that_is_too_large_is_marked_and_ends_the_bench_with_3() {
    let folder = tempfile::tempdir().expect("a folder");
    for step in workspace().steps() {
        binary(&folder.path().join(&step.name), 1_000_000);
    }
    binary(&folder.path().join("push-ecr"), 12_100_000);
    let said = bench(folder.path());
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    let line = |start: &str| said.stdout.lines().find(|line| line.starts_with(start));
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(line("push-ecr").map(words).expect("a line"), ["push-ecr", "OVER", "12.1", "12"]);
    assert_eq!(line("build-image").map(words).expect("a line"), ["build-image", "1.0", "12"]);
}

#[test]
fn without_release_builds_it_says_how_to_make_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let said = bench(folder.path());
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("build-image, deploy-fargate"), "{}", said.stderr);
    assert!(said.stderr.contains("run `make build`"), "{}", said.stderr);
}

/// A repository with one step, whose `make demo` runs a script, and a testbed that answers.
fn bench_with_demo(script: &str) -> (Project, Said) {
    let aws = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = aws.local_addr().expect("an address");
    let project = Project::new()
        .with_file("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"steps/*\"]\n")
        .with_file("steps/do-it/Cargo.toml", "[package]\nname = \"do-it\"\nedition = \"2024\"\n")
        .with_file("steps/do-it/src/lib.rs", "")
        .with_file("Makefile", &format!("demo:\n\t@{script}\n"))
        .with_file(".testbed/env", &format!("AWS_ENDPOINT_URL=http://{address}\n"));
    binary(&project.path("do-it"), 1_000_000);
    let said = repo(&project.path("."), ["bench", "--programs", "."]);
    (project, said)
}

#[test]
fn the_demo_is_run_twice_and_the_second_run_is_timed() {
    let (project, said) = bench_with_demo("echo ran >> runs");
    assert_eq!(said.code, 0, "{}", said.stderr);
    let last = said.stdout.lines().rfind(|line| !line.is_empty()).expect("a line");
    assert_eq!(last.split_whitespace().collect::<Vec<_>>(), ["make", "demo", "0.0", "60"]);
    assert_eq!(project.read("runs"), "ran\nran\n");
}

#[test]
fn a_demo_that_fails_is_shown() {
    let (_, said) = bench_with_demo("echo no room; exit 1");
    assert_eq!(said.code, 1);
    assert!(said.stderr.contains("make demo failed"), "{}", said.stderr);
    assert!(said.stderr.contains("no room"), "{}", said.stderr);
}

#[test]
fn a_step_without_a_comparison_is_told_which_have_one() {
    let said = repo(&repository(), ["bench", "--step", "smoke-test"]);
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(
        said.stderr.contains("those that are: deploy-fargate, gen-openapi, lint-check, migrate-db"),
        "{}",
        said.stderr
    );
}

#[test]
fn without_the_peers_a_comparison_says_how_to_get_them() {
    let folder = tempfile::tempdir().expect("a folder");
    binary(&folder.path().join("migrate-db"), 1_000_000);
    let programs = folder.path().as_os_str();
    let args = ["bench".as_ref(), "--step".as_ref(), "migrate-db".as_ref(), "--programs".as_ref()];
    let args = args.into_iter().chain([programs, "--testbed".as_ref(), programs]);
    let said = repo(&repository(), args.collect::<Vec<_>>());
    assert_eq!((said.code, said.stdout.as_str()), (1, ""));
    assert!(said.stderr.contains("run `make bench STEP=migrate-db`"), "{}", said.stderr);
}
