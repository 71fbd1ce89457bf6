//! A new step, written into a copy of what it needs of this repository, and put to work.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use repo::new_step::NewStep;
use step_testkit::{program, repository};

use crate::repo;

/// The copy lies below the target folder, at the same place each time, and keeps the times of the
/// files: what was built in an earlier run is still good. The lock is held until the test ends.
struct Copy {
    root: PathBuf,
    target: PathBuf,
    _lock: File,
}

impl Copy {
    fn new() -> Self {
        // TARGET/debug/repo
        let repo = program("repo");
        let folder = repo.ancestors().nth(2).expect("the target folder").join("new-step");
        fs::create_dir_all(&folder).expect("a folder");
        let lock = File::create(folder.join("lock")).expect("a lock");
        lock.lock().expect("the lock");
        let (root, target) = (folder.join("repository"), folder.join("target"));
        if root.exists() {
            fs::remove_dir_all(&root).expect("the old copy goes");
        }
        fs::create_dir_all(root.join("steps")).expect("a folder");
        for entry in ["Cargo.lock", "clippy.toml", "ci-templates", "shared"] {
            copy(&repository().join(entry), &root.join(entry));
        }
        // cargo takes no pattern of members that matches nothing.
        let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("a manifest");
        let members = ", \"examples/*\"";
        assert!(manifest.contains(members), "this test removes {members} from the members");
        fs::write(root.join("Cargo.toml"), manifest.replace(members, "")).expect("a manifest");
        Self { root, target, _lock: lock }
    }

    fn cargo(&self, args: &[&str]) -> String {
        let mut cargo = Command::new("cargo");
        cargo.args(args).arg("--offline").current_dir(&self.root);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        let output = cargo.output().expect("cargo starts");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {args:?}:\n{stdout}\n{stderr}");
        stdout
    }

    /// Runs the new step in a folder of its own.
    fn hello(&self, folder: &Path, args: &[&str]) -> String {
        let mut hello = Command::new(self.target.join("debug/hello"));
        let output = hello.args(args).current_dir(folder).env_clear().output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

#[test]
fn what_is_written_is_formatted_however_long_the_name_is() {
    for name in ["hello", "scan-the-dependencies-for-their-licences"] {
        let root = tempfile::tempdir().expect("a folder");
        for entry in ["Cargo.toml", "Cargo.lock", "rustfmt.toml"] {
            copy(&repository().join(entry), &root.path().join(entry));
        }
        fs::create_dir(root.path().join("steps")).expect("a folder");
        fs::create_dir(root.path().join("ci-templates")).expect("a folder");
        NewStep::plan(root.path(), name, None).and_then(|step| step.write()).expect("a step");
        let step = root.path().join("steps").join(name);
        let mut rustfmt = Command::new("rustfmt");
        rustfmt.args(["--check", "--edition", "2024", "src/main.rs", "src/lib.rs"]);
        let output = rustfmt.arg("tests/it/main.rs").current_dir(step).output().expect("rustfmt");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

/// Copies a file, or a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).expect("a folder");
        for entry in fs::read_dir(from).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            copy(&from.join(&name), &to.join(&name));
        }
        return;
    }
    fs::copy(from, to).expect("a copy");
    let modified = from.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    File::options()
        .write(true)
        .open(to)
        .and_then(|file| file.set_modified(modified))
        .expect("a time");
}

#[test]
fn a_new_step_builds_passes_its_tests_runs_and_is_in_every_list() {
    let copy = Copy::new();
    let new_step = ["new-step", "hello", "--describe", "greets somebody"];
    let said = repo(&copy.root, new_step);
    assert_eq!(
        (said.code, said.stdout.lines().next()),
        (0, Some("written: steps/hello and ci-templates/hello.yml")),
        "{}",
        said.stderr
    );

    copy.cargo(&["test", "--quiet", "--package", "hello"]);

    let help = copy.cargo(&["run", "--quiet", "--package", "hello", "--", "--help"]);
    assert!(help.contains("Usage: hello [OPTIONS]"), "{help}");
    assert!(help.contains("Exit codes:\n  0  done, or nothing to do\n"), "{help}");

    let project = tempfile::tempdir().expect("a folder");
    let planned = copy.hello(project.path(), &["--dry-run"]);
    assert_eq!(planned, "planned\n  greeting: (none) -> Hello, world!\n");
    assert_eq!(fs::read_dir(project.path()).expect("a folder").count(), 0);
    let written = copy.hello(project.path(), &[]);
    assert_eq!(written, "written\n  greeting: (none) -> Hello, world!\n");
    assert_eq!(copy.hello(project.path(), &[]), "unchanged\n");

    let programs = copy.target.join("debug");
    let programs = programs.to_str().expect("UTF-8");
    let generate = ["gen", "--programs", programs];
    let stale = "steps/hello/README.md\nwritten: ci-templates/landfall.yml\n";
    assert!(repo(&copy.root, generate).stdout.ends_with(stale));
    let fresh = repo(&copy.root, ["gen", "--check", "--programs", programs]);
    assert_eq!((fresh.code, fresh.stdout.as_str()), (0, ""), "{}", fresh.stderr);

    let again = repo(&copy.root, new_step);
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("the name hello is taken"), "{}", again.stderr);
}
