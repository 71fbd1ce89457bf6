//! What is told, in each form.

use crate::{Repository, last};

#[test]
fn findings_are_shown_by_file_with_line_and_mark() {
    let repository = Repository::new();
    let script = "#!/bin/sh
cat <<X
sub/a.txt:2:7: error: wrong word [W1]
sub/a.txt:1:1: note: odd
sub/a.txt:1:1: note: odd
./b.txt:3: warning: two\tparts
X
exit 1
";
    repository.tool("l", script);
    repository.configure(
        "[defaults.lint-check.linters.l]\ncommand = ['./tools/l', '{files}']\nfiles = ['*.txt']\n\
         pattern = '^(?P<path>[^:]+):(?P<line>\\d+):(?:(?P<column>\\d+):)? (?P<severity>\\w+): \
         (?P<message>.+?)(?: \\[(?P<rule>\\w+)\\])?$'",
    );
    repository.write("sub/a.txt", "\u{1b}[31mred\n\tab漢字 x\n");
    repository.write("b.txt", "one\n");
    let ran = repository.lint(&["--markdown", "m.md", "--codequality", "q.json"]).expect(3);
    let lines = [
        "b.txt",
        "  3: minor: two\tparts [l]",
        "sub/a.txt",
        "  1:1: info: odd [l]",
        "       1 | \u{fffd}[31mred",
        "         | ^",
        "  2:7: major: wrong word [l/W1]",
        "       2 | \tab漢字 x",
        "         | \t       ^",
        "2 files (all: this is no merge request); linters: l. 3 findings: 1 major, 1 minor, 1 info",
    ];
    assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), lines);
    let markdown = repository.project.read("m.md");
    assert!(
        markdown.starts_with("## Linters: 3 findings: 1 major, 1 minor, 1 info\n"),
        "{markdown}"
    );
    assert!(
        markdown.contains("(l)\n\n### sub/a.txt\n\n- line 1: **info** odd (l)\n"),
        "{markdown}"
    );
    let quality = repository.project.json("q.json");
    assert_eq!(quality[2]["location"]["path"], "sub/a.txt");
    assert_eq!(quality[2]["check_name"], "l/W1");
}

#[test]
fn all_forms_are_written_at_once() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    repository.write("b.txt", "good\n");
    let args =
        ["--junit", "j.xml", "--sarif", "s.json", "--report", "r.json", "--fail-on", "critical"];
    repository.lint(&args).expect(0);
    let junit = repository.project.read("j.xml");
    assert!(junit.contains("tests=\"2\"") && junit.contains("name=\"b.txt\""), "{junit}");
    let sarif = repository.project.json("s.json");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "words");
    let report = repository.project.json("r.json");
    assert_eq!(report["outcome"], "passed");
    let ran = repository.lint(&["--output", "json"]).expect(3);
    assert_eq!(ran.json()["outcome"], "failed");
    assert_eq!(report["report"]["linters"][0]["name"], "words");
    assert_eq!(report["report"]["scope"], "all: this is no merge request");
}

#[test]
fn of_one_rule_no_more_than_50_are_shown_in_a_file() {
    let repository = Repository::with_words();
    repository.write("a.txt", &"bad\n".repeat(73));
    let shown = |args: &[&str]| {
        let ran = repository.lint(args).expect(3);
        (ran.stdout.matches("a bad word").count(), ran.stdout)
    };
    let (count, text) = shown(&[]);
    assert_eq!(count, 50);
    assert!(text.contains("  and 23 more of words: -v shows them\n"), "{text}");
    assert_eq!(shown(&["-v"]).0, 73);
}

#[test]
fn what_is_accepted_is_not_told_until_there_is_more() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    repository.write("b.txt", "bad\n");
    repository.lint(&["--write-baseline"]).expect(0).says("2 findings: 2 major accepted in");
    let ran = repository.lint(&[]).expect(0);
    assert!(last(&ran).contains("2 findings in the baseline"), "{}", ran.stdout);
    repository.write("a.txt", "good\n  bad\n");
    repository.lint(&[]).expect(0);
    repository.write("a.txt", "bad\nbad\n");
    let ran = repository.lint(&[]).expect(3);
    assert!(last(&ran).ends_with("1 finding: 1 major"), "{}", ran.stdout);
    // Accepting a part keeps the rest.
    repository.lint(&["--write-baseline", "a.txt"]).expect(0);
    let ran = repository.lint(&[]).expect(0);
    assert!(last(&ran).contains("3 findings in the baseline"), "{}", ran.stdout);
    // What is gone is taken out.
    repository.write("a.txt", "good\n");
    repository.lint(&["--write-baseline"]).expect(0);
    assert_eq!(repository.project.read(".lint-baseline.json").matches("fingerprint").count(), 1);
}

#[test]
fn a_baseline_is_not_written_when_a_linter_fails() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    repository.lint(&["--write-baseline"]).expect(0);
    let before = repository.project.read(".lint-baseline.json");
    repository.tool("words", "#!/bin/sh\nexit 3\n");
    repository.lint(&["--write-baseline"]).expect(1).says("the baseline is not written");
    assert_eq!(repository.project.read(".lint-baseline.json"), before);
}

#[test]
fn a_linter_that_is_detected_and_missing_is_a_visible_skip() {
    let repository = Repository::with_known();
    repository.write("a.sh", "#!/bin/sh\necho hello\n");
    let mut command = repository.project.command("lint-check");
    let folder = only_git();
    command.env("PATH", folder.path());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text.contains("not installed: gitleaks, shellcheck, typos\n"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt-get install shellcheck"));
    // Once, in the report, where nothing else is to be said.
    let output = command.arg("--quiet").output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn linters_are_listed_with_why_and_rules_are_explained() {
    let repository = Repository::with_words();
    repository.write("a.txt", "x");
    repository.configure("[defaults.lint-check.linters.none]\ncommand = ['x']\nfiles = ['*.none']");
    let text = repository.lint(&["list"]).expect(0).stdout;
    assert!(
        text.contains(
            "words          ./tools/words {files} (1 file): landfall.toml has its command\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("none           does not run: there are no files of its patterns\n"),
        "{text}"
    );
    let known = Repository::with_known();
    known.write("a.yml", "a: 1\n");
    let list = known.lint(&["list"]).expect(0).stdout;
    assert!(
        list.contains("cfn-lint       does not run: no file holds AWSTemplateFormatVersion"),
        "{list}"
    );
    assert!(list.contains("eslint         does not run: there are no files like *.js"), "{list}");
    let list = repository.lint(&["list", "--output", "json"]).expect(0).json();
    let names: Vec<&str> = list["report"]["linters"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["name"].as_str())
        .collect();
    assert!(names.contains(&"words"), "{list}");
    let list = known.lint(&["list"]).expect(0).stdout;
    assert!(list.contains("(1 file): it looks at every file\n"), "{list}");
    let text = repository.lint(&["explain", "shellcheck/SC2086"]).expect(0).stdout;
    assert!(text.contains("https://www.shellcheck.net/wiki/SC2086"), "{text}");
    // Where its rules have no pages of their own, it is not said that there is one of this name.
    let text = repository.lint(&["explain", "ruff/NOPE"]).expect(0).stdout;
    assert!(text.starts_with("look for NOPE in what ruff "), "{text}");
    let text = repository.lint(&["explain", "words"]).expect(0).stdout;
    assert!(text.contains("landfall.toml runs `./tools/words {files}`"), "{text}");
}

#[test]
fn completions_know_the_commands() {
    let repository = Repository::new();
    let text = repository.lint(&["--completions", "bash"]).expect(0).stdout;
    for word in ["explain", "hook", "--staged", "uninstall"] {
        assert!(text.contains(word), "{word}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_accepted() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    let args = ["--write-baseline", "--dry-run", "--output", "json"];
    let ran = repository.lint(&args).expect(0).says("1 finding: 1 major would be accepted in");
    assert_eq!(ran.json()["outcome"], "planned");
    assert!(!repository.project.path(".lint-baseline.json").exists());
    let write = ["--write-baseline", "--output", "json"];
    assert_eq!(repository.lint(&write).expect(0).json()["outcome"], "written");
    assert_eq!(repository.lint(&write).expect(0).json()["outcome"], "unchanged");
    assert_eq!(repository.lint(&args).expect(0).json()["outcome"], "unchanged");
}

#[test]
fn a_baseline_that_cannot_be_written_loses_no_findings() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    let ran = repository.lint(&["--baseline", "/proc/b.json", "--write-baseline"]).expect(1);
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
}

/// A repository with something in the place of gitleaks that prints a report, and no other programs
/// than git.
fn with_gitleaks(report: &str) -> (Repository, tempfile::TempDir) {
    let mut repository = Repository::with_known();
    repository.tool("gitleaks", &format!("#!/bin/sh\necho '{report}'\nexit 3\n"));
    std::fs::create_dir_all(repository.project.path("node_modules/.bin")).expect("a folder");
    let installed = repository.project.path("node_modules/.bin/gitleaks");
    std::fs::rename(repository.project.path("tools/gitleaks"), installed).expect("moved");
    repository.write(".gitignore", "node_modules/\nignored.txt\n");
    let programs = only_git();
    repository.project.set_env("PATH", &programs.path().display().to_string());
    (repository, programs)
}

/// A folder with git alone.
fn only_git() -> tempfile::TempDir {
    let path = std::env::vars().find(|(name, _)| name == "PATH").expect("PATH").1;
    let git =
        std::env::split_paths(&path).map(|it| it.join("git")).find(|it| it.is_file()).expect("git");
    let folder = tempfile::tempdir().expect("a folder");
    std::os::unix::fs::symlink(git, folder.path().join("git")).expect("a link");
    folder
}

const LEAKED: &str = r#"[{"RuleID":"r","Description":"a key","StartLine":2,"StartColumn":5,"EndLine":3,"EndColumn":4,"File":"a.txt"}]"#;

#[test]
fn a_line_with_a_secret_is_not_shown_whoever_finds_something_there() {
    let (repository, _programs) = with_gitleaks(LEAKED);
    repository.tool("odd", "#!/bin/sh\nfor line in 1 2 3; do echo a.txt:$line:1: odd; done\n");
    repository.configure("[defaults.lint-check.linters.odd]\ncommand = ['./tools/odd', '{files}']");
    repository.write("a.txt", "plain\nbad swordfish\nandtunny\n");
    let ran = repository.lint(&["--only", "gitleaks,odd"]).expect(3);
    assert!(ran.stdout.contains("  2:5: critical: a key [gitleaks/r]\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("3:1: major: odd"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 | plain\n"), "{}", ran.stdout);
    for secret in ["swordfish", "tunny"] {
        assert!(!ran.stdout.contains(secret), "{}", ran.stdout);
    }
}

#[test]
fn what_a_linter_found_that_is_not_installed_any_more_stays_accepted() {
    let (repository, _programs) = with_gitleaks(LEAKED);
    repository.write("a.txt", "one\ntwo\nthree\n");
    let args = ["--only", "gitleaks", "--write-baseline"];
    repository.lint(&args).expect(0).says("1 finding");
    let accepted = repository.project.read(".lint-baseline.json");
    assert!(accepted.contains("gitleaks/r"), "{accepted}");
    std::fs::remove_file(repository.project.path("node_modules/.bin/gitleaks")).unwrap();
    repository.lint(&args).expect(4).says("gitleaks is not installed, and --only asks for it");
    assert_eq!(repository.project.read(".lint-baseline.json"), accepted);
}

#[test]
fn what_lies_in_files_that_git_ignores_is_not_counted() {
    let (repository, _programs) = with_gitleaks(&LEAKED.replace("a.txt", "ignored.txt"));
    repository.write("ignored.txt", "one\ntwo\nthree\n");
    let ran = repository.lint(&["--only", "gitleaks"]).expect(0);
    assert!(!ran.stdout.contains("--all tells them"), "{}", ran.stdout);
}

#[test]
fn nothing_is_shown_of_what_is_no_file_of_the_repository() {
    let repository = Repository::with_words();
    let script = "#!/bin/sh\nfor file in .env link a.txt; do echo \"$file:1:1: odd\"; done\n";
    repository.tool("words", script);
    repository.write(".gitignore", ".env\n");
    repository.write(".env", "private\n");
    std::os::unix::fs::symlink(".env", repository.project.path("link")).unwrap();
    repository.write("a.txt", "public\n");
    let ran = repository.lint(&[]).expect(3);
    assert_eq!(ran.stdout.matches("1:1: major: odd").count(), 3, "{}", ran.stdout);
    assert_eq!(ran.stdout.matches("1 | public").count(), 1, "{}", ran.stdout);
    assert!(!ran.stdout.contains("private"), "{}", ran.stdout);
}

/// One that finds something, and one that fails.
fn with_one_that_fails() -> Repository {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    repository.tool("other", "#!/bin/sh\necho error: no memory >&2; exit 9\n");
    repository.configure(
        "[defaults.lint-check.linters.other]\ncommand = ['./tools/other', '{files}']\n\
         files = ['*.txt']",
    );
    repository
}

#[test]
fn a_linter_that_failed_stands_in_junit_and_sarif() {
    let repository = with_one_that_fails();
    repository.lint(&["--junit", "j.xml", "--sarif", "s.json"]).expect(1);
    let junit = repository.project.read("j.xml");
    assert!(junit.contains("tests=\"2\" skipped=\"0\" failures=\"1\" errors=\"1\""), "{junit}");
    assert!(junit.contains("<testcase name=\"other\""), "{junit}");
    assert!(junit.contains("<error message=\"other: it ended with 9"), "{junit}");
    let sarif = repository.project.json("s.json");
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let told = invocation["toolExecutionNotifications"][0]["message"]["text"].as_str().unwrap();
    assert!(told.starts_with("other: it ended with 9"), "{told}");
    repository.lint(&["--sarif", "s.json", "--only", "words"]).expect(3);
    let sarif = repository.project.json("s.json");
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn a_file_that_cannot_be_written_loses_no_findings() {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    let args = ["--codequality", "tools", "--junit", "j.xml", "--markdown", "tools/words/m.md"];
    let ran = repository.lint(&args).expect(2).says("tools is no file");
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
    assert!(repository.project.read("j.xml").contains("a bad word"));
}

#[test]
fn one_that_is_asked_for_by_name_and_is_missing_ends_with_4() {
    let repository = Repository::with_known();
    repository.write("a.sh", "#!/bin/sh\necho hello\n");
    let folder = only_git();
    let mut command = repository.project.command("lint-check");
    command.env("PATH", folder.path()).args(["--only", "shellcheck"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("apt-get install shellcheck"));
    // In a job that has no linter at all, nothing was checked.
    repository.git(&["add", "a.sh"]);
    let mut command = repository.project.command("lint-check");
    command.env("PATH", folder.path()).arg("--gitlab-ci");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("none of the linters for this repository is installed"), "{said}");
}

#[test]
fn with_v_the_command_line_of_each_start_is_shown() {
    let repository = Repository::with_words();
    repository.write("a.txt", "good\n");
    let ran = repository.lint(&["-v"]).expect(0);
    assert!(ran.stderr.contains("tools/words a.txt"), "{}", ran.stderr);
    assert!(!repository.lint(&["--no-cache"]).expect(0).stderr.contains("tools/words a.txt"));
}

#[test]
fn what_is_found_outside_of_the_repository_is_counted_and_not_told() {
    let repository = Repository::with_words();
    let script = "#!/bin/sh\nprintf '%s:1:1: odd\\n' /etc/hostname ../x.txt a.txt\n";
    repository.tool("words", script);
    repository.write("a.txt", "x\n");
    let ran = repository.lint(&[]).expect(3);
    assert_eq!(ran.stdout.matches("major: odd").count(), 1, "{}", ran.stdout);
    assert!(last(&ran).contains("2 findings outside of the repository"), "{}", ran.stdout);
}

#[test]
fn a_name_is_shown_in_one_line() {
    let repository = Repository::with_words();
    let script = "#!/bin/sh\nfor f; do printf '%s:1:1: found\\n' \"$f\"; done\n";
    repository.tool("words", script);
    repository.write("a\nb.txt", "bad\n");
    let ran = repository.lint(&["a\nb.txt"]).expect(3).says("1 file to check");
    assert!(ran.stdout.starts_with("a\\nb.txt\n  1:1: major"), "{}", ran.stdout);
}

#[test]
fn where_nothing_was_checked_it_is_not_said_that_nothing_was_found() {
    let repository = Repository::with_words();
    let ran = repository.lint(&["--staged"]).expect(0);
    assert_eq!(ran.stdout, "nothing to check: no files (staged)\n");
}
