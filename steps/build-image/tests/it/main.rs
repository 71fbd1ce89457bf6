//! Against a real Docker Engine with BuildKit.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use step_testkit::{Project, testbed_env};

/// A project with an image name of its own, whose images are removed at the end.
struct Images {
    project: Project,
    name: String,
}

impl Images {
    fn new(dockerfile: &str) -> Self {
        testbed_env();
        let name = format!("landfall-test-{:08x}", fastrand::u32(..));
        let project = Project::new()
            .with_file("Dockerfile", dockerfile)
            .with_file("landfall.toml", &format!("[service]\nname = \"{name}\"\n"));
        Self { project, name }
    }

    fn docker(&self, args: &[&str]) -> String {
        let output = Command::new("docker").args(args).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        let images = self.docker(&["images", "-q", &self.name]);
        for image in images.lines() {
            self.docker(&["rmi", "-f", image]);
        }
    }
}

const PLAIN: &str =
    "FROM debian:bookworm-slim\nARG REVISION=none\nCOPY . /src/\nLABEL seen=$REVISION\n";

#[test]
fn an_image_is_built_tagged_and_handed_over_and_then_is_unchanged() {
    let images = Images::new(PLAIN);
    let args = ["--ci-commit-sha", "c0ffee", "--tag", "extra", "--output", "json"];
    let report = images.project.run("build-image", &args).expect(0).json();
    assert_eq!(report["outcome"], "built");
    assert_eq!(report["report"]["tags"], serde_json::json!(["c0ffee", "extra"]));
    let handed = images.project.json(".landfall/image.json");
    assert_eq!(handed["reference"], format!("{}:c0ffee", images.name));
    assert_eq!(handed["revision"], "c0ffee");
    let id = images.docker(&["inspect", "-f", "{{.Id}}", &format!("{}:extra", images.name)]);
    assert_eq!(handed["id"], id);
    let label =
        "{{index .Config.Labels \"org.opencontainers.image.revision\"}} {{.Config.Labels.seen}}";
    assert_eq!(images.docker(&["inspect", "-f", label, &id]), "c0ffee c0ffee");

    let again = images.project.run("build-image", &args).expect(0).json();
    assert_eq!(again["outcome"], "unchanged");
    assert_eq!(again["report"]["id"], handed["id"]);
}

#[test]
fn what_the_ignore_file_names_is_not_in_the_image() {
    let images = Images::new(PLAIN);
    images.project.write(".dockerignore", "secret\n*.log\n!keep.log\n");
    images.project.write("secret/key", "x");
    images.project.write("a.log", "x");
    images.project.write("keep.log", "x");
    images.project.run("build-image", &["--tag", "t"]).expect(0);
    let listed = images.docker(&["run", "--rm", &format!("{}:t", images.name), "ls", "/src"]);
    assert_eq!(listed, "Dockerfile\nkeep.log\nlandfall.toml");
}

#[test]
fn a_step_that_fails_shows_its_output_and_the_old_image_keeps_its_name() {
    let images = Images::new(PLAIN);
    images.project.run("build-image", &["--ci-commit-sha", "abc"]).expect(0);
    let before = images.docker(&["images", "-q", "--no-trunc", &images.name]);
    images
        .project
        .write("Dockerfile", "FROM debian:bookworm-slim\nRUN echo this is why >&2; exit 7\n");
    let ran = images.project.run("build-image", &["--ci-commit-sha", "abc"]).expect(1);
    assert!(
        ran.stderr.contains("this is why") && ran.stderr.contains("exit code: 7"),
        "{}",
        ran.stderr
    );
    assert_eq!(images.docker(&["images", "-q", "--no-trunc", &images.name]), before);
}

#[test]
fn secrets_of_the_environment_are_masked_in_the_output_of_the_build() {
    let mut images = Images::new("FROM debian:bookworm-slim\nARG VALUE\nRUN echo \"got $VALUE\"\n");
    let secret = "correct-horse-battery";
    images.project.set_env("DEPLOY_PASSWORD", secret);
    let value = format!("VALUE={secret}");
    let ran = images.project.run("build-image", &["--no-cache", "--build-arg", &value]).expect(0);
    assert!(ran.stderr.contains("got [MASKED]"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(secret));
}

#[test]
fn in_gitlab_the_build_is_a_section_that_can_be_folded() {
    let mut images = Images::new(PLAIN);
    images.project.set_env("GITLAB_CI", "true");
    let ran = images.project.run("build-image", &[]).expect(0);
    let name = format!("Build_{}", images.name.replace('-', "_"));
    for mark in ["section_start:", "section_end:"] {
        let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(mark)).collect();
        assert!(matches!(lines[..], [line] if line.contains(&name)), "{}", ran.stderr);
    }
}

#[test]
fn an_interrupted_build_ends_at_once_and_names_nothing() {
    let images = Images::new("FROM debian:bookworm-slim\nRUN echo begun; sleep 60\n");
    let mut building = images.project.start("build-image", &["--no-cache", "--tag", "t"]);
    building.wait_for("begun\n");
    let interrupted = Instant::now();
    building.signal("INT").expect(130).says("error: interrupted by SIGINT");
    assert!(interrupted.elapsed() < Duration::from_secs(3));
    assert_eq!(images.docker(&["images", "-q", &images.name]), "");
}

#[test]
fn a_flag_beats_a_variable_beats_the_file_beats_gitlab() {
    let mut images = Images::new(PLAIN);
    let name = |images: &Images, args: &[&str]| {
        let args = [&["--dry-run", "--output", "json", "--ci-commit-sha", "abc"], args].concat();
        let report = images.project.run("build-image", &args).expect(0).json();
        report["report"]["reference"].as_str().unwrap().to_owned()
    };
    images.project.set_env("CI_PROJECT_NAME", "from-gitlab");
    assert_eq!(name(&images, &[]), format!("{}:abc", images.name));
    images.project.set_env("LANDFALL_IMAGE_NAME", "from-variable");
    assert_eq!(name(&images, &[]), "from-variable:abc");
    assert_eq!(name(&images, &["--name", "from-flag"]), "from-flag:abc");
    // GitLab passes a variable without a value as an empty one.
    images.project.set_env("LANDFALL_IMAGE_NAME", "");
    images.project.write("landfall.toml", "");
    assert_eq!(name(&images, &[]), "from-gitlab:abc");
}

#[test]
fn wrong_input_ends_with_2_and_says_what_to_do() {
    let images = Images::new(PLAIN);
    let project = &images.project;
    project.run("build-image", &["--file", "none"]).expect(2).says("there is no none");
    project.run("build-image", &["nowhere"]).expect(2).says("nowhere is not a folder");
    project.run("build-image", &["--build-arg", "x"]).expect(2).says("write it as KEY=VALUE");
    let unnamed = Project::new().with_file("Dockerfile", PLAIN);
    unnamed.run("build-image", &[]).expect(2).says("the image has no name");
}

#[test]
fn without_an_engine_it_says_how_to_get_one() {
    let project = Project::new().with_file("Dockerfile", PLAIN);
    for host in ["unix:///nowhere.sock", "tcp://127.0.0.1:9"] {
        project
            .run("build-image", &["--name", "x", "--docker-host", host])
            .expect(4)
            .says(&format!("error: no Docker Engine answers at {host}"))
            .says("help: start Docker, or set DOCKER_HOST");
    }
}

/// A mock, for an engine without BuildKit cannot be had from Debian: one that answers as Podman.
#[test]
fn an_engine_without_buildkit_is_refused_before_anything_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            while reader.read_line(&mut head).unwrap() > 2 {}
            let body = if head.contains("/version") {
                r#"{"ApiVersion":"1.41","MinAPIVersion":"1.24","Components":[{"Name":"Podman Engine","Version":"4.3.1"}]}"#
            } else {
                assert!(head.contains("/_ping"), "nothing else is asked: {head}");
                "OK"
            };
            let length = body.len();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
            write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        }
    });
    let project = Project::new().with_file("Dockerfile", PLAIN);
    project
        .run("build-image", &["--name", "x", "--docker-host", &host])
        .expect(4)
        .says("error: Podman (API 1.41) has no BuildKit")
        .says("help: use Docker Engine 18.09 or later");
}
