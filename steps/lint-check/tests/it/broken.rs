//! Linters that do not do their work: told apart, and nothing of the others is lost.

use std::time::{Duration, Instant};

use crate::{Repository, last};

/// One that finds something, and another with this script.
fn beside(script: &str, more: &str) -> Repository {
    let repository = Repository::with_words();
    repository.write("a.txt", "bad\n");
    repository.tool("other", script);
    repository.configure(&format!(
        "[defaults.lint-check.linters.other]\ncommand = ['./tools/other', '{{files}}']\n\
         files = ['*.txt']\n{more}"
    ));
    repository
}

#[test]
fn one_that_crashes_is_told_and_the_others_findings_are_kept() {
    for (script, more, told) in [
        ("echo no such rule >&2; exit 2", "", "it ended with 2 and told no finding: no such rule"),
        ("exit 127", "", "it ended with exit status: 127"),
        ("kill -9 $$", "", "it ended with signal: 9 (SIGKILL)"),
        ("echo '{\"runs\": [{\"results\"'", "format = 'sarif'", "its output is no JSON: EOF"),
        ("echo '{}'", "format = 'sarif'", "its output has no `runs`"),
        ("true", "format = 'codequality'", "it printed nothing"),
        (
            "echo '<checkstyle><file name=\"a.txt\"><error line=\"1\" message=\"m\"/>'",
            "format = 'checkstyle'",
            "its output is no XML of Checkstyle: it is cut off",
        ),
    ] {
        let repository = beside(&format!("#!/bin/sh\n{script}\n"), more);
        let ran = repository.lint(&["--report", "r.json"]).expect(1).says("linters did not do");
        assert!(ran.stdout.contains("1:3: major: a bad word [words]"), "{}", ran.stdout);
        let told = format!("did not do its work: other: {told}");
        assert!(ran.stdout.contains(&told), "no `{told}` in\n{}", ran.stdout);
        let report = repository.project.json("r.json");
        assert_eq!(report["outcome"], "crashed");
        assert_eq!(report["report"]["linters"][1]["crash"]["kind"], "crashed");
    }
}

#[test]
fn one_that_hangs_is_ended_with_all_that_it_started() {
    let script = "#!/bin/sh\n(sleep 60; sleep 60) & echo $! > .git/child; wait\n";
    let repository = beside(script, "timeout = '1s'");
    let start = Instant::now();
    let ran = repository.lint(&["--report", "r.json"]).expect(5).says("ran longer than 1s");
    let report = repository.project.json("r.json");
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["report"]["linters"][1]["crash"]["kind"], "timed_out");
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
    let child = repository.project.read(".git/child");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(stat.is_err() || stat.is_ok_and(|it| it.contains(") Z ")), "it runs on");
}

#[test]
fn a_time_limit_for_all_holds_for_each() {
    let repository = beside("#!/bin/sh\nsleep 60\n", "");
    repository.configure("[defaults.lint-check]\ntimeout = '1s'");
    repository.lint(&[]).expect(5).says("other: ");
}

#[test]
fn one_that_prints_without_end_is_ended() {
    let repository = beside("#!/bin/sh\nyes a.txt:1:1: m\n", "");
    let ran = repository.lint(&[]).expect(1).says("printed more than 32 MB");
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
}

#[test]
fn one_that_tells_millions_of_findings_is_no_linter() {
    let repository = beside("#!/bin/sh\nyes a.txt:1:1: m | head -n 200000\n", "");
    repository.lint(&[]).expect(1).says("it told more than 100000 findings");
}

#[test]
fn what_one_leaves_running_is_not_waited_for() {
    let script = "#!/bin/sh\nsleep 50 &\nsetsid sleep 40 &\necho 'a.txt:1:1: told'\n";
    let repository = beside(script, "");
    let start = Instant::now();
    let ran = repository.lint(&[]).expect(3);
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(ran.stdout.contains("told [other]"), "{}", ran.stdout);
}

#[test]
fn one_that_is_demanded_and_missing_ends_with_4_after_the_others() {
    let repository = beside("#!/bin/sh\n", "");
    std::fs::remove_file(repository.project.path("tools/other")).unwrap();
    let ran = repository.lint(&[]).expect(4).says("install ./tools/other");
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
    assert!(ran.stdout.contains("other is not installed, and landfall.toml demands it"));
}

#[test]
fn one_of_another_version_ends_with_2_after_the_others() {
    let repository = beside("#!/bin/sh\necho other 2.0\n", "version = '3'");
    let ran = repository.lint(&["--report", "r.json"]);
    let ran = ran.expect(2).says("version 3 is wanted, and this is `other 2.0`");
    let report = repository.project.json("r.json");
    assert_eq!(report["outcome"], "failed");
    assert_eq!(report["report"]["linters"][1]["crash"]["kind"], "wrong_version");
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
}

#[test]
fn two_that_fail_in_different_ways_end_with_1() {
    let script = "#!/bin/sh\nprintf 'no such rule\\nerror: the second line\\n' >&2; exit 9\n";
    let script = script.replace("no such rule", "error: no such rule");
    let repository = beside(&script, "");
    repository.configure("[defaults.lint-check.linters.gone]\ncommand = ['no-such-program']");
    let ran = repository.lint(&[]).expect(1);
    assert!(ran.stdout.contains("gone is not installed"), "{}", ran.stdout);
    // Of each a line; the rest of it stands in the report.
    let error = ran.stderr.lines().find(|line| line.contains("linters did not do")).unwrap();
    assert!(
        error.contains("other: it ended with 9 and told no finding: error: no such rule; gone"),
        "{error}"
    );
    assert!(ran.stdout.contains("the second line") && !ran.stderr.contains("the second line"));
    assert!(last(&ran).ends_with("1 finding: 1 major"), "{}", ran.stdout);
}

#[test]
fn a_configuration_that_cannot_be_meant_ends_with_2() {
    for (toml, told) in [
        (
            "[defaults.lint-check.linters.shellchek]\nenabled = true",
            "landfall.toml:1:30: there is no linter `shellchek`",
        ),
        ("[defaults.lint-check.linters.'a/b']\ncommand = ['x']", "`a/b` is no name for a linter"),
        ("[defaults.lint-check.linters.a]\ncommand = []", "`command` is empty"),
        ("[defaults.lint-check.linters.a]\ncommand = ['x']\nfix = []", "`fix` is empty"),
        (
            "[defaults.lint-check.linters.a]\ncommand = ['x']\npattern = '('",
            ":3:1: the linter `a`: `pattern`",
        ),
        ("[defaults.lint-check.linters.a]\ncommand = ['x']\npattern = 'x'", "no group `path`"),
        ("[defaults.lint-check.linters.a]\ncommand = ['x']\nfiles = ['[']", ":3:1: no pattern"),
        ("[defaults.lint-check]\nexclude = ['{']", "landfall.toml:2:1: no pattern"),
        (
            "[defaults.lint-check.linters.a]\ncommand = ['x']\nafter = ['z']",
            "landfall.toml:3:1: `a` runs after `z`, which is no linter",
        ),
        (
            "[defaults.lint-check.linters.a]\ncommand = ['x']\nafter = ['b']\n\
             [defaults.lint-check.linters.b]\ncommand = ['x']\nafter = ['a']",
            "landfall.toml:3:1: linters wait for each other: a after b after a",
        ),
        ("[defaults.lint-check.linters.a]\ncommand = ['x']\nafter = ['a']", "a after a"),
        ("[defaults.lint-check]\nlinters = 3", "landfall.toml"),
    ] {
        let repository = Repository::new();
        repository.write("landfall.toml", toml);
        repository.lint(&[]).expect(2).says(told);
    }
    let repository = Repository::with_words();
    repository.lint(&["--only", "wordss"]).expect(2).says("write `words`");
    repository.lint(&["no-such-file"]).expect(2).says("there is no no-such-file");
    repository.lint(&["/"]).expect(2).says("is not in");
    repository.lint(&["--baseline", "none.json"]).expect(2).says("--write-baseline");
    repository.write("words.txt", "x");
    repository.lint(&["--baseline", "words.txt"]).expect(2).says("is no baseline");
    repository.lint(&["explain", "nothing/X"]).expect(2).says("there is no linter `nothing`");
    repository.lint(&["explain", "shellcheck"]).expect(2).says("LINTER/RULE");
    repository.lint(&["explain", "F401"]).expect(2).says("LINTER/RULE");
}

#[test]
fn linters_know_nothing_of_the_pipelines_secrets() {
    let repository = beside("#!/bin/sh\nenv > .git/env\n", "");
    let mut command = repository.project.command("lint-check");
    for name in [
        "CI_JOB_TOKEN",
        "CI_REGISTRY_PASSWORD",
        "CI_REPOSITORY_URL",
        "LANDFALL_ID_TOKEN",
        "LANDFALL_DATABASE_URL",
        "DATABASE_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "GIT_INDEX_FILE_OTHER_TOKEN",
        "GITLAB_PAT",
        "GH_PAT",
        "CI_JOB_JWT",
        "CI_JOB_JWT_V2",
    ] {
        command.env(name, "hunter2-hunter2");
    }
    // Known by their form, whatever their names are.
    let tokens = [
        format!("glpat-{}", "hunter2".repeat(3)),
        format!("ghp_{}", "hunter2".repeat(6)),
        format!("github_pat_{}", "hunter2".repeat(6)),
        format!("eyJ{0}.eyJ{0}.{0}", "hunter2".repeat(3)),
    ];
    for (number, token) in tokens.iter().enumerate() {
        command.env(format!("OTHER_{number}"), token);
    }
    let command = command.env("LANDFALL_REPORT", "r.json").env("GOFLAGS", "-mod=mod");
    assert_eq!(command.env("FORCE_COLOR", "1").output().unwrap().status.code(), Some(3));
    let env = repository.project.read(".git/env");
    let names: Vec<&str> = env.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(
        !env.contains("hunter2") && !names.iter().any(|it| it.starts_with("LANDFALL_")),
        "{env}"
    );
    assert!(names.contains(&"GOFLAGS") && !names.contains(&"FORCE_COLOR"), "{env}");
    assert!(env.contains("NO_COLOR=1") && env.contains("LC_ALL=C.UTF-8"), "{env}");
}

#[test]
fn a_secret_that_a_linter_tells_is_kept_nowhere() {
    let repository = beside("#!/bin/sh\necho 'a.txt:1:1: hunter2-hunter2 is no word'\n", "");
    let mut command = repository.project.command("lint-check");
    let command = command.env("SOME_TOKEN", "hunter2-hunter2").args(["--markdown", "m.md"]);
    let output = command.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter2"));
    for path in ["m.md", ".landfall/cache/lint-check/other.json"] {
        let text = repository.project.read(path);
        assert!(text.contains("MASKED") && !text.contains("hunter2"), "{path}: {text}");
    }
}

#[test]
fn settings_of_a_known_linter_that_nobody_reads_are_refused() {
    for setting in [
        "command = ['x']",
        "fix = ['x']",
        "format = 'exit'",
        "pattern = '(?P<path>.)'",
        "severity = 'minor'",
    ] {
        let repository = Repository::with_known();
        repository.configure(&format!("[defaults.lint-check.linters.ruff]\n{setting}"));
        let key = setting.split(' ').next().unwrap();
        let said = format!("`ruff` is known here, its `{key}` is not read");
        repository.lint(&["list"]).expect(2).says(&said).says("another name");
    }
}

#[test]
fn more_findings_than_can_be_read_are_told_as_such_whatever_the_form() {
    let repository = Repository::new();
    let script = "#!/bin/sh\necho '<checkstyle><file name=\"a.txt\">'\n\
                  yes '<error line=\"1\" message=\"m\"/>' | head -n 100001\n\
                  echo '</file></checkstyle>'\n";
    repository.tool("many", script);
    repository.configure(
        "[defaults.lint-check.linters.many]\ncommand = ['./tools/many', '{files}']\n\
         files = ['*.txt']\nformat = 'checkstyle'",
    );
    repository.write("a.txt", "x\n");
    repository.lint(&[]).expect(1).says("it told more than 100000 findings");
}

#[test]
fn what_is_told_of_a_file_that_is_not_there_is_no_clean_run() {
    let repository = Repository::new();
    repository.tool("sub", "#!/bin/sh\ncd pkg && grep -Hn bad *.md && exit 1\nexit 0\n");
    repository.configure("[defaults.lint-check.linters.sub]\ncommand = ['./tools/sub']\n");
    repository.write("pkg/x.md", "bad\n");
    for _first_then_known in 0..2 {
        let ran = repository.lint(&["--output", "json"]).expect(1);
        let ran = ran
            .says("it names a file that is not there: x.md")
            .says("as they are seen from the root");
        assert_eq!(ran.json()["report"]["unknown"], 1);
    }
    // What git ignores is counted.
    repository.tool("sub", "#!/bin/sh\ngrep -Hn bad pkg/x.md && exit 1\nexit 0\n");
    repository.write(".gitignore", "pkg/\n");
    let ran = repository.lint(&["--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["unknown"], 1);
}

#[test]
fn a_command_that_cannot_mean_what_it_says_is_refused_with_its_line() {
    for (command, format, said) in [
        ("['true', '{file}']", "", "`{file}` stands for nothing"),
        ("['true', 'a{files}']", "", "`a{files}` stands for nothing"),
        ("['']", "", "`command` is empty"),
        (
            "['true']",
            "format = 'checkstyle'\npattern = '(?P<path>.)'\n",
            "only read with the format",
        ),
    ] {
        let repository = Repository::new();
        let toml = format!("[defaults.lint-check.linters.own]\ncommand = {command}\n{format}");
        repository.configure(&toml);
        repository.write("a.txt", "");
        repository.lint(&[]).expect(2).says(said).says("landfall.toml:");
    }
}

#[test]
fn a_program_that_cannot_be_started_says_how_to_make_it_one() {
    let repository = Repository::new();
    repository.write("tools/own", "#!/bin/sh\n");
    repository.configure("[defaults.lint-check.linters.own]\ncommand = ['tools/own']\n");
    repository.write("a.txt", "");
    repository.lint(&[]).expect(4).says("chmod +x tools/own");
}

#[test]
fn linters_get_no_address_with_a_password() {
    let mut repository = Repository::new();
    repository.project = repository
        .project
        .with_env("STORE_ADDRESS", "redis://user:pass12word@host/0")
        .with_env("PLAIN_ADDRESS", "redis://host/0");
    let script =
        "#!/bin/sh\necho \"a.txt:1: ${STORE_ADDRESS:-none} ${PLAIN_ADDRESS:-none}\"\nexit 1\n";
    repository.tool("own", script);
    repository.configure("[defaults.lint-check.linters.own]\ncommand = ['tools/own', '{files}']\n");
    repository.write("a.txt", "");
    let ran = repository.lint(&["a.txt"]).expect(3);
    assert!(ran.stdout.contains("none redis://host/0"), "{}", ran.stdout);
}

#[test]
fn a_landfall_toml_that_leads_nowhere_is_an_error() {
    let repository = Repository::with_known();
    repository.write("a.txt", "");
    std::os::unix::fs::symlink("gone.toml", repository.project.path("landfall.toml")).unwrap();
    repository.lint(&[]).expect(2).says("mend the link");
}

#[test]
fn a_commit_in_the_place_of_a_path_gets_a_hint() {
    let repository = Repository::with_words();
    repository.write("a.txt", "");
    repository.commit();
    repository.lint(&["--new-from", "HEAD"]).expect(2).says("--new-from=HEAD");
}
