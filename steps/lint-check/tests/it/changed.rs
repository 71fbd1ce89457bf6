//! Which files are checked, and which lines are told.

use std::process::Command;

use step_testkit::Ran;

use crate::{Repository, last};

/// What GitLab sets in the job of a merge request.
const MERGE_REQUEST: [&str; 4] = [
    "--gitlab-ci",
    "--ci-merge-request-iid=1",
    "--ci-merge-request-target-branch-name=main",
    "--quiet",
];

/// A branch that left main, which has gone on. Its remote is not there.
fn branch() -> (Repository, String) {
    let repository = Repository::with_words();
    repository.write("old.txt", "bad\n");
    repository.write("changed.txt", "bad\n");
    repository.write("gone.txt", "bad\n");
    let base = repository.commit();
    repository.git(&["checkout", "--quiet", "-b", "topic"]);
    repository.write("changed.txt", "bad\ngood\nbad\n");
    repository.write("new.txt", "bad\n");
    repository.git(&["rm", "--quiet", "gone.txt"]);
    repository.commit();
    (repository, base)
}

fn told(ran: &Ran) -> Vec<String> {
    let lines = ran.stdout.lines();
    lines.filter(|line| line.ends_with(".txt")).map(str::to_owned).collect()
}

#[test]
fn without_a_merge_request_all_files_are_checked() {
    let (repository, _) = branch();
    let ran = repository.lint(&[]).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt", "old.txt"]);
    assert!(last(&ran).starts_with("3 files (all: this is no merge request); linters: words"));
}

#[test]
fn a_merge_request_is_compared_with_the_commit_that_gitlab_names() {
    let (repository, base) = branch();
    let option = format!("--ci-merge-request-diff-base-sha={base}");
    let ran = repository.lint(&[&MERGE_REQUEST[..], &[&option]].concat()).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
    let said = format!("2 files (changed since origin/main at {})", &base[..12]);
    assert!(last(&ran).starts_with(&said), "{}", ran.stdout);
    let ran = repository.lint(&[&MERGE_REQUEST[..], &[&option, "--all"]].concat()).expect(3);
    assert_eq!(told(&ran).len(), 3);
}

#[test]
fn in_a_pipeline_of_merged_results_the_target_is_the_one_that_is_merged_in() {
    let (repository, base) = branch();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("main.txt", "bad\n");
    let target = repository.commit();
    repository.git(&["merge", "--quiet", "--no-ff", "topic", "--message", "m"]);
    let options = [
        format!("--ci-merge-request-diff-base-sha={base}"),
        format!("--ci-merge-request-target-branch-sha={target}"),
    ];
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let ran = repository.lint(&[&MERGE_REQUEST[..], &options].concat()).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
}

#[test]
fn what_the_job_itself_has_made_is_not_checked() {
    let (repository, base) = branch();
    repository.write("made.txt", "bad\n");
    let option = format!("--ci-merge-request-diff-base-sha={base}");
    let ran = repository.lint(&[&MERGE_REQUEST[..], &[&option]].concat()).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
    // At a prompt it is a file that is not added yet.
    let ran = repository.lint(&["--against", "main"]).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "made.txt", "new.txt"]);
}

#[test]
fn a_shallow_clone_fetches_the_one_commit_that_it_lacks() {
    let (origin, base) = branch();
    let clone = Repository::with_known();
    let url = format!("file://{}", origin.project.path(".").display());
    clone.git(&["remote", "add", "origin", &url]);
    clone.git(&["fetch", "--quiet", "--depth=1", "origin", "topic"]);
    clone.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
    let option = format!("--ci-merge-request-diff-base-sha={base}");
    let ran = clone.lint(&[&MERGE_REQUEST[..3], &[&option]].concat()).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
    let ran = ran.says(&format!("the clone is shallow: fetching {base}"));
    assert!(!ran.stderr.contains("fetching more"));
    assert_eq!(clone.git(&["rev-list", "--count", "HEAD"]), "1");
    // Without that commit it fetches all.
    clone.git(&["checkout", "--quiet", "--detach", "HEAD"]);
    let ran = clone.lint(&MERGE_REQUEST[..3]).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"], "{}", ran.stderr);
}

#[test]
fn where_the_target_cannot_be_found_all_is_checked_and_that_is_said() {
    let (origin, base) = branch();
    let clone = Repository::with_known();
    let url = format!("file://{}", origin.project.path(".").display());
    clone.git(&["fetch", "--quiet", "--depth=1", &url, "topic"]);
    clone.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
    let option = format!("--ci-merge-request-diff-base-sha={base}");
    let ran = clone.lint(&[&MERGE_REQUEST[..3], &[&option]].concat()).expect(3);
    assert_eq!(told(&ran).len(), 3);
    assert!(
        last(&ran).contains("all: the target of the merge request is not known"),
        "{}",
        ran.stdout
    );
    // What was named has to be there.
    clone.lint(&["--against", "nobody"]).expect(2).says("git knows no commit `nobody`");
}

#[test]
fn a_repository_without_commits_is_checked() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    assert_eq!(told(&repository.lint(&[]).expect(3)), ["a.txt"]);
    let ran = repository.lint(&["--staged"]).expect(0);
    assert!(last(&ran).starts_with("nothing to check: no files (staged)"), "{}", ran.stdout);
    repository.git(&["add", "a.txt"]);
    assert_eq!(told(&repository.lint(&["--staged"]).expect(3)), ["a.txt"]);
    assert_eq!(told(&repository.lint(&["--new-from"]).expect(3)), ["a.txt"]);
    repository.lint(&["--fix"]).expect(3);
}

#[test]
fn a_folder_without_git_is_checked_and_asks_for_no_comparison() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    std::fs::rename(repository.project.path(".git"), repository.project.path("git")).unwrap();
    repository.tool("words", "#!/bin/sh\necho a.txt:1:1: m\n");
    let ran = repository.lint(&[]).expect(3);
    assert!(last(&ran).starts_with("1 file (all: no repository of git)"), "{}", ran.stdout);
    repository.lint(&["--staged"]).expect(2).says("this is no repository of git");
    repository.lint(&["--against", "main"]).expect(2);
    repository.lint(&["--fix"]).expect(3);
    let ran = repository.lint(&["hook", "install"]).expect(2);
    assert_eq!(ran.stderr.matches("repository").count(), 1, "{}", ran.stderr);
}

#[test]
fn submodules_are_repositories_of_their_own() {
    let repository = Repository::with_words();
    let other = Repository::new();
    other.write("theirs.txt", "bad\n");
    other.commit();
    let path = other.project.path(".").display().to_string();
    let allow = ["-c", "protocol.file.allow=always"];
    repository.git(&[&allow[..], &["submodule", "--quiet", "add", &path, "sub"]].concat());
    repository.write("ours.txt", "bad\n");
    assert_eq!(told(&repository.lint(&[]).expect(3)), ["ours.txt"]);
    repository.git(&["add", "--all"]);
    assert_eq!(told(&repository.lint(&["--staged"]).expect(3)), ["ours.txt"]);
}

#[test]
fn what_is_staged_is_checked_as_it_lies_on_the_disk_and_that_is_said() {
    let repository = Repository::with_words();
    repository.commit();
    repository.write("staged.txt", "good\n");
    repository.write("half.txt", "bad\n");
    repository.git(&["add", "staged.txt", "half.txt"]);
    repository.write("half.txt", "good\n");
    repository.write("other.txt", "bad\n");
    let ran = repository.lint(&["--staged"]).expect(0);
    assert_eq!(repository.starts(), ["2: half.txt staged.txt"]);
    let said = "half.txt: what is staged differs from what was checked, which is on the disk\n";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    let ran = repository.lint(&["--staged", "--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["differing"], serde_json::json!(["half.txt"]));
}

#[test]
fn a_changed_configuration_has_all_files_of_its_linter_checked() {
    let (repository, _) = branch();
    let head = repository.git(&["rev-parse", "HEAD"]);
    repository.write("words.cfg", "strict");
    assert_eq!(told(&repository.lint(&["--against", &head]).expect(3)).len(), 3);
    repository.commit();
    let head = repository.git(&["rev-parse", "HEAD"]);
    assert_eq!(
        last(&repository.lint(&["--against", &head]).expect(0)).split(" (").next().unwrap(),
        "nothing to check: no files"
    );
    // One that is gone is a changed one.
    repository.git(&["rm", "--quiet", "words.cfg"]);
    assert_eq!(told(&repository.lint(&["--against", &head]).expect(3)).len(), 3);
}

#[test]
fn a_linter_of_the_whole_repository_runs_when_a_file_of_its_kind_is_gone() {
    let (repository, _) = branch();
    repository.tool("all", "#!/bin/sh\necho old.txt:1:1: it misses new.txt\n");
    repository.configure(
        "[defaults.lint-check.linters.all]\ncommand = ['./tools/all']\nfiles = ['*.txt']\n\
         severity = 'blocker'",
    );
    let head = repository.commit();
    repository.lint(&["--against", &head]).expect(0);
    repository.git(&["rm", "--quiet", "new.txt"]);
    let ran = repository.lint(&["--against", &head]).expect(3);
    assert!(ran.stdout.contains("it misses new.txt [all]"), "{}", ran.stdout);
}

#[test]
fn of_a_whole_project_that_is_told_which_was_to_be_checked_and_what_breaks_all_of_it() {
    let (repository, base) = branch();
    repository.tool("all", "#!/bin/sh\nprintf 'old.txt:1:1: old\\nnew.txt:1:1: new\\n'\n");
    repository.configure("[defaults.lint-check.linters.all]\ncommand = ['./tools/all']");
    repository.git(&["add", "--all"]);
    let args = ["--against", &base, "--only", "all"];
    for _known in [false, true] {
        let ran = repository.lint(&args).expect(3);
        assert_eq!(told(&ran), ["new.txt"]);
        let said = "1 finding in files that were not to be checked (--all tells them)";
        assert!(last(&ran).contains(said), "{}", ran.stdout);
    }
    assert_eq!(told(&repository.lint(&["--only", "all"]).expect(3)), ["new.txt", "old.txt"]);
    assert_eq!(told(&repository.lint(&["--only", "all", "old.txt"]).expect(3)), ["old.txt"]);
    repository.configure("severity = 'blocker'");
    assert_eq!(told(&repository.lint(&args).expect(3)), ["new.txt", "old.txt"]);
}

#[test]
fn only_what_is_on_new_lines_is_told() {
    let (repository, base) = branch();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.git(&["checkout", "--quiet", "topic"]);
    repository.write("ä\t.txt", "bad\n");
    let ran = repository.lint(&["--new-from=main"]).expect(3);
    let found: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("a bad word")).collect();
    assert_eq!(found.len(), 3, "{}", ran.stdout);
    assert!(ran.stdout.contains("changed.txt\n  3:3:"), "{}", ran.stdout);
    assert!(last(&ran).contains("1 finding not on new lines"), "{}", ran.stdout);
    // All files, and of them only new lines.
    let ran = repository.lint(&["--all", &format!("--new-from={base}")]).expect(3);
    assert!(last(&ran).contains("2 findings not on new lines"), "{}", ran.stdout);
    repository.lint(&["--new-from=nobody"]).expect(2);
}

#[test]
fn settings_of_git_do_not_change_what_a_new_line_is() {
    let (repository, _) = branch();
    // An old line between two new ones.
    repository.write("changed.txt", "new\nbad\nbad, and new\n");
    repository.commit();
    for (name, value) in [
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.interHunkContext", "9"),
        ("diff.relative", "true"),
        ("color.ui", "always"),
        ("core.quotePath", "true"),
        ("diff.external", "false"),
    ] {
        repository.git(&["config", name, value]);
    }
    let ran = repository.lint(&["--new-from=main"]).expect(3);
    assert!(last(&ran).contains("1 finding not on new lines"), "{}", ran.stdout);
    assert!(ran.stdout.contains("changed.txt\n  3:3:"), "{}", ran.stdout);
}

#[test]
fn a_finding_about_a_whole_file_is_new_when_a_line_of_it_is() {
    let (repository, _) = branch();
    repository.configure(
        "[defaults.lint-check.linters.whole]\ncommand = ['./tools/whole', '{files}']\n\
         files = ['*.txt']\npattern = '(?P<path>\\S+) is long'",
    );
    repository.tool("whole", "#!/bin/sh\nfor f; do echo $f is long; done\n");
    repository.commit();
    let ran = repository.lint(&["--new-from=main", "--only", "whole"]).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
}

#[test]
fn paths_and_exclusions_limit_what_is_checked() {
    let repository = Repository::with_words();
    for path in ["a/one.txt", "a/made/two.txt", "b/three.txt"] {
        repository.write(path, "bad\n");
    }
    repository.configure("[defaults.lint-check]\nexclude = ['made/']");
    let ran = repository.lint(&["a"]).expect(3);
    assert_eq!(told(&ran), ["a/one.txt"]);
    assert!(last(&ran).starts_with("1 file ("), "{}", ran.stdout);
    assert_eq!(told(&repository.lint(&[]).expect(3)), ["a/one.txt", "b/three.txt"]);
    let ran = repository.lint(&["--skip", "words"]).expect(0);
    assert!(last(&ran).starts_with("nothing to check: no linter for "), "{}", ran.stdout);
    // From a folder below, with the configuration of the whole repository.
    let mut command = repository.project.command("lint-check");
    let output = command.current_dir(repository.project.path("b")).arg(".").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("b/three.txt\n"), "{text}");
}

#[test]
fn a_worktree_is_a_repository() {
    let (repository, _) = branch();
    let other = tempfile::tempdir().unwrap();
    let path = other.path().join("tree").display().to_string();
    repository.git(&["worktree", "add", "--quiet", "--detach", &path, "main"]);
    let mut command: Command = repository.project.command("lint-check");
    let output = command.current_dir(&path).args(["--against", "main", "--only", "words"]);
    let output = output.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("nothing to check: no files (changed since main"), "{output:?}");
}

#[test]
fn a_finding_about_a_whole_file_makes_no_old_line_new() {
    let repository = Repository::with_words();
    repository.configure("pattern = '^(?P<path>[^:]+):(?:(?P<line>\\d+):)? (?P<message>.+)'");
    repository.tool("words", "#!/bin/sh\nprintf 'a.txt: long\\na.txt:2: old\\na.txt:3: new\\n'\n");
    repository.write("a.txt", "x\nx\n");
    repository.commit();
    repository.git(&["checkout", "--quiet", "-b", "topic"]);
    repository.write("a.txt", "x\nx\nx\n");
    repository.commit();
    let ran = repository.lint(&["--new-from=main"]).expect(3);
    assert!(ran.stdout.contains(": long ") && ran.stdout.contains(": new "), "{}", ran.stdout);
    assert!(!ran.stdout.contains(": old "), "{}", ran.stdout);
}

#[test]
fn a_flag_counts_for_more_than_a_variable() {
    let mut repository = Repository::with_words();
    repository.write("old.txt", "bad\n");
    repository.commit();
    repository.write("new.txt", "bad\n");
    repository.git(&["add", "new.txt"]);
    repository.write("newer.txt", "bad\n");
    for two in [
        &["--all", "--staged"][..],
        &["--all", "--against", "main"],
        &["--staged", "--against=main"],
    ] {
        repository.lint(two).expect(2).says("cannot be used");
    }
    repository.project.set_env("LANDFALL_CHECK_AGAINST", "main");
    assert_eq!(told(&repository.lint(&[]).expect(3)), ["new.txt", "newer.txt"]);
    assert_eq!(told(&repository.lint(&["--staged"]).expect(3)), ["new.txt"]);
    assert_eq!(told(&repository.lint(&["--all"]).expect(3)).len(), 3);
}

#[test]
fn a_shallow_clone_finds_where_it_left_the_branch_that_is_named() {
    let (origin, _) = branch();
    let clone = Repository::with_known();
    let url = format!("file://{}", origin.project.path(".").display());
    clone.git(&["remote", "add", "origin", &url]);
    clone.git(&[
        "fetch",
        "--quiet",
        "--depth=1",
        "origin",
        "main:refs/remotes/origin/main",
        "topic",
    ]);
    clone.git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
    clone.git(&["checkout", "--quiet", "--detach", &origin.git(&["rev-parse", "topic"])]);
    let ran = clone.lint(&["--against", "origin/main"]).expect(3);
    assert_eq!(told(&ran), ["changed.txt", "new.txt"]);
    ran.says("the clone is shallow: fetching more");
}
