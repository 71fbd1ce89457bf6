//! The hook of git.

use std::os::unix::fs::PermissionsExt;

use step_testkit::program;

use crate::Repository;

#[test]
fn a_commit_with_findings_is_refused() {
    let repository = Repository::with_words();
    repository.commit();
    let ran = repository.lint(&["hook", "install"]).expect(0);
    assert!(ran.stdout.starts_with("installed: "), "{}", ran.stdout);
    assert!(repository.lint(&["hook", "install"]).expect(0).stdout.starts_with("unchanged: "));
    let commit = |args: &[&str]| {
        let folder = program("lint-check").parent().unwrap().to_owned();
        let before = std::env::vars().find(|(name, _)| name == "PATH").unwrap().1;
        let mut git = repository.git_command(&[&["commit", "--message", "m"], args].concat());
        git.env("PATH", format!("{}:{before}", folder.display())).output().unwrap()
    };
    repository.write("a.txt", "bad\n");
    repository.git(&["add", "a.txt"]);
    let refused = commit(&[]);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned()
        + &String::from_utf8_lossy(&refused.stdout);
    assert!(said.contains("a bad word"), "{said}");
    repository.write("a.txt", "good\n");
    // With `--all` git has an index of its own for the commit.
    let taken = commit(&["--all"]);
    assert!(taken.status.success(), "{taken:?}");
    assert!(!String::from_utf8_lossy(&taken.stderr).contains("linters: "), "{taken:?}");
    assert!(!String::from_utf8_lossy(&taken.stdout).contains("linters: "), "{taken:?}");
    // What is staged is not what was checked: the hook passes, and says so.
    repository.write("a.txt", "staged\n");
    repository.git(&["add", "a.txt"]);
    repository.write("a.txt", "good\n");
    let told = commit(&[]);
    assert!(told.status.success(), "{told:?}");
    let said =
        String::from_utf8_lossy(&told.stderr).into_owned() + &String::from_utf8_lossy(&told.stdout);
    assert!(said.contains("a.txt: what is staged differs"), "{said}");
    assert!(repository.lint(&["hook", "uninstall"]).expect(0).stdout.starts_with("removed: "));
    assert!(repository.lint(&["hook", "uninstall"]).expect(0).stdout.starts_with("unchanged: "));
}

#[test]
fn a_hook_of_another_kind_is_left_alone() {
    let repository = Repository::with_words();
    for content in [&b"#!/bin/sh\nmake test\n"[..], b"\x7FELF\xFF\xFE"] {
        let path = repository.project.path(".git/hooks/pre-commit");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        repository.lint(&["hook", "install"]).expect(8).says("is a hook of another kind");
        repository.lint(&["hook", "uninstall"]).expect(8);
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn hooks_are_where_git_looks_for_them() {
    let repository = Repository::with_words();
    repository.git(&["config", "core.hooksPath", ".hooks"]);
    repository.lint(&["hook", "install"]).expect(0);
    let mode =
        repository.project.path(".hooks/pre-commit").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    // A folder that is for all repositories of somebody.
    let all = tempfile::tempdir().unwrap();
    repository.git(&["config", "core.hooksPath", &all.path().display().to_string()]);
    repository.lint(&["hook", "install"]).expect(8).says("core.hooksPath");
    assert_eq!(std::fs::read_dir(all.path()).unwrap().count(), 0);
}

#[test]
fn a_worktree_shares_the_hook() {
    let repository = Repository::with_words();
    repository.commit();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("tree").display().to_string();
    repository.git(&["worktree", "add", "--quiet", "--detach", &path]);
    let mut command = repository.project.command("lint-check");
    let output = command.current_dir(&path).args(["hook", "install"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(repository.project.path(".git/hooks/pre-commit").exists());
}

#[test]
fn a_dry_run_says_what_would_become_of_the_hook() {
    let repository = Repository::with_words();
    let hook = repository.project.path(".git/hooks/pre-commit");
    let ran = repository.lint(&["hook", "install", "--dry-run"]).expect(0);
    assert!(ran.stdout.starts_with("planned: ") && !hook.exists(), "{}", ran.stdout);
    repository.lint(&["hook", "install"]).expect(0);
    let ran = repository.lint(&["hook", "install", "--dry-run"]).expect(0);
    assert!(ran.stdout.starts_with("unchanged: "), "{}", ran.stdout);
    let ran = repository.lint(&["hook", "uninstall", "--dry-run"]).expect(0);
    assert!(ran.stdout.starts_with("planned: ") && hook.exists(), "{}", ran.stdout);
}

#[test]
fn a_hook_whose_program_is_gone_says_what_to_do() {
    let repository = Repository::with_words();
    repository.lint(&["hook", "install"]).expect(0);
    repository.write("a.txt", "good\n");
    repository.git(&["add", "a.txt"]);
    let refused = repository.git_command(&["commit", "--message", "m"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("lint-check is not in PATH"), "{said}");
    assert!(said.contains("git commit --no-verify"), "{said}");
}

#[test]
fn a_hook_that_was_changed_by_hand_is_left_alone() {
    let repository = Repository::with_words();
    repository.lint(&["hook", "install"]).expect(0);
    let path = repository.project.path(".git/hooks/pre-commit");
    let own = std::fs::read_to_string(&path).unwrap() + "make test\n";
    std::fs::write(&path, &own).unwrap();
    repository.lint(&["hook", "install"]).expect(8).says("changed by hand");
    repository.lint(&["hook", "uninstall"]).expect(8).says("rm ");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), own);
}
