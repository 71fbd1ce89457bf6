//! What people pull and include: the base image, the pipeline templates, and the two together on
//! real containers.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod consumer;
mod image;
mod pipeline;
mod templates;
mod testbed;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use step_testkit::repository;

/// The names of all steps.
fn steps() -> Vec<String> {
    let folders = std::fs::read_dir(repository().join("steps")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path());
    let steps = folders.filter(|folder| folder.join("Cargo.toml").is_file());
    let mut steps: Vec<String> =
        steps.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    steps.sort();
    assert!(!steps.is_empty());
    steps
}

/// Where `make up-pipeline` puts everything.
fn testbed() -> PathBuf {
    variable("LANDFALL_TESTBED").map_or_else(|| repository().join(".testbed"), PathBuf::from)
}

fn variable(name: &str) -> Option<String> {
    std::env::vars().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The base image with the steps as they are now, on the engine.
fn base_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let root = repository();
        let before = built_reference();
        done(Command::new(root.join("images/build")).arg("dev").current_dir(root));
        let now = built_reference().expect("build-image hands over what it built");
        // A changed tree has an image of its own each time: only the last one is kept.
        if let Some(old) = before.filter(|old| *old != now) {
            _ = Command::new("docker").args(["image", "rm", &old]).output();
        }
        now
    })
}

fn built_reference() -> Option<String> {
    let file = repository().join("dist/image/dev/.landfall/image.json");
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(file).ok()?).unwrap();
    Some(json["reference"].as_str().unwrap().to_owned())
}

/// Runs a command that has to succeed; its stdout.
#[track_caller]
fn done(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout
}
