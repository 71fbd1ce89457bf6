//! `check`: real repositories, and what a merge request shows.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use step_testkit::{Project, Ran};

use crate::support::{WithMigration, run};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name text);\n";
const TEAMS: &str = "CREATE TABLE teams (id int);\n";

fn git(folder: &Path, args: &[&str]) {
    let mut git = Command::new("git");
    // Nothing of the machine's own settings.
    git.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.args([
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.test",
        "-c",
        "commit.gpgsign=false",
    ]);
    let output = git.args(["-c", "protocol.file.allow=always"]).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A project on the branch `feature`, which comes from `main`, where `users` is.
fn branch() -> Project {
    let project = Project::new().with("V1__users.sql", USERS).with_file("README.md", "orders");
    let folder = project.path("");
    git(&folder, &["init", "-q", "-b", "main"]);
    commit(&project);
    git(&folder, &["switch", "-q", "-c", "feature"]);
    project
}

fn commit(project: &Project) {
    git(&project.path(""), &["add", "-A"]);
    git(&project.path(""), &["commit", "-q", "--allow-empty", "-m", "work"]);
}

/// Commits files to main while the work is on `feature`.
fn main_moves_on(project: &Project, files: &[(&str, &str)]) {
    git(&project.path(""), &["switch", "-q", "main"]);
    for (file, sql) in files {
        project.write(&format!("migrations/{file}"), sql);
    }
    commit(project);
    git(&project.path(""), &["switch", "-q", "feature"]);
}

fn check(project: &Project, args: &[&str]) -> Ran {
    run(project, &[&["check"], args].concat())
}

/// `path:line severity rule` of each finding.
fn findings(ran: &Ran) -> Vec<String> {
    let json = ran.json();
    let findings = json["report"]["findings"].as_array().unwrap().iter().map(|it| {
        let text = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{}:{} {} {}", text("path"), it["line"], text("severity"), text("rule"))
    });
    findings.collect()
}

fn found(project: &Project, code: i32) -> Vec<String> {
    findings(&check(project, &["--output", "json"]).expect(code))
}

#[test]
fn a_branch_that_adds_a_harmless_file_passes_committed_or_not() {
    let project = branch().with("V2__teams.sql", TEAMS);
    for _ in 0..2 {
        let ran = check(&project, &[]).expect(0);
        assert_eq!(
            ran.stdout,
            "migrations: 1 of 2 files checked as postgres, compared with main: no findings\n"
        );
        commit(&project);
    }
}

#[test]
fn a_merged_file_that_is_changed_renamed_or_deleted_is_critical() {
    let edited = ["migrations/V1__users.sql:1 critical edited-after-merge"];
    let project = branch().with("V1__users.sql", "CREATE TABLE people (id int);\n");
    assert_eq!(found(&project, 3), edited);
    commit(&project);
    let ran = check(&project, &[]).expect(3).says("error: 1 finding is major or worse");
    assert_eq!(
        ran.stdout,
        "migrations/V1__users.sql:1: critical: a migration that is on main already is changed \
         [edited-after-merge]\n  help: databases that have it refuse the next run: put it back as it \
         was, and write what is to change into a new migration\n\
         migrations: 0 of 1 files checked as postgres, compared with main: 1 finding: 1 critical\n"
    );
    let project = branch().with("V2__teams.sql", TEAMS);
    std::fs::remove_file(project.path("migrations/V1__users.sql")).unwrap();
    assert_eq!(found(&project, 3), edited);
    let project = branch();
    let rename = ["mv", "migrations/V1__users.sql", "migrations/V1__people.sql"];
    git(&project.path(""), &rename);
    let ran = check(&project, &[]).expect(3);
    assert!(ran.stdout.contains("is renamed to migrations/V1__people.sql"), "{}", ran.stdout);
    assert_eq!(found(&project, 3), edited);
}

#[test]
fn an_edit_that_makes_a_merged_file_unusable_is_no_deletion() {
    let project = branch().with("V1__users.sql", "-- landfall: no-transactoin\nSELECT 1;\n");
    let ran = check(&project, &["--output", "json"]).expect(3);
    assert_eq!(
        findings(&ran),
        [
            "migrations/V1__users.sql:1 critical edited-after-merge",
            "migrations/V1__users.sql:1 blocker unusable-file",
        ]
    );
    let message = ran.json()["report"]["findings"][0]["message"].clone();
    assert_eq!(message, "a migration that is on main already is changed");
}

#[test]
fn line_endings_modes_and_folders_are_no_edit() {
    let project = branch().with("V1__users.sql", &USERS.replace('\n', "\r\n"));
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    commit(&project);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    let project = branch();
    let path = project.path("migrations/V1__users.sql");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(path, executable).unwrap();
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    let project = branch().with("old/V1__users.sql", USERS);
    std::fs::remove_file(project.path("migrations/V1__users.sql")).unwrap();
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    commit(&project);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    project.write("migrations/old/V1__users.sql", &format!("{USERS}SELECT 1;\n"));
    let edited = ["migrations/old/V1__users.sql:1 critical edited-after-merge"];
    assert_eq!(found(&project, 3), edited);
    // Still there, but no longer tracked; the content is what counts.
    let project = branch();
    git(&project.path(""), &["rm", "-q", "--cached", "migrations/V1__users.sql"]);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
}

#[test]
fn what_the_target_did_meanwhile_is_not_the_fault_of_the_branch() {
    let project = branch().with("V9__teams.sql", TEAMS);
    commit(&project);
    main_moves_on(&project, &[("V1__users.sql", "SELECT 1;"), ("V2__a.sql", "DROP TABLE a;")]);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
}

#[test]
fn a_version_that_was_taken_meanwhile_and_one_below_are_told_with_both_names() {
    let project = branch().with("V3__teams.sql", TEAMS).with("V2__late.sql", "SELECT 1;");
    commit(&project);
    main_moves_on(&project, &[("V3__roles.sql", "CREATE TABLE roles (id int);")]);
    let ran = check(&project, &["--output", "json"]).expect(3);
    assert_eq!(
        findings(&ran),
        [
            "migrations/V2__late.sql:1 major late-version",
            "migrations/V3__teams.sql:1 critical version-collision",
        ]
    );
    let json = ran.json();
    let message = |number: usize| json["report"]["findings"][number]["message"].clone();
    assert_eq!(
        message(0),
        "the version 2 comes below migrations/V3__roles.sql, which is on main already"
    );
    assert_eq!(
        message(1),
        "has the same version 3 as migrations/V3__roles.sql, which is on main already"
    );
    // Where files may come out of order, the late one is none.
    let late = check(&project, &["--output", "json", "--out-of-order"]).expect(3);
    assert_eq!(findings(&late), ["migrations/V3__teams.sql:1 critical version-collision"]);
}

#[test]
fn the_target_of_the_merge_request_is_fetched_as_the_clone_of_a_job_has_it_not() {
    let origin = branch().with("V2__teams.sql", TEAMS);
    commit(&origin);
    git(&origin.path(""), &["switch", "-q", "-c", "release", "main"]);
    origin.write("migrations/V2__roles.sql", "SELECT 1;");
    commit(&origin);
    // As the runner does: the merge request's commit alone, no branch of origin.
    let job = |depth: &[&str]| {
        let mut project = Project::new();
        project.set_env("GITLAB_CI", "true");
        let folder = project.path("");
        let url = format!("file://{}", origin.path("").display());
        git(&folder, &["init", "-q"]);
        git(&folder, &["remote", "add", "origin", &url]);
        let refs = "+refs/heads/feature:refs/pipelines/7";
        git(&folder, &[&["fetch", "-q"], depth, &["origin", refs]].concat());
        git(&folder, &["checkout", "-q", "--detach", "refs/pipelines/7"]);
        project
    };
    let project = job(&[]).with_env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "release");
    let ran = check(&project, &["--output", "json"]).expect(3);
    assert_eq!(ran.json()["report"]["compared"]["against"], "origin/release");
    assert_eq!(findings(&ran), ["migrations/V2__teams.sql:1 critical version-collision"]);

    // What an older job left is brought up to date.
    git(&origin.path(""), &["rm", "-q", "migrations/V2__roles.sql"]);
    commit(&origin);
    assert_eq!(found(&project, 0), [] as [&str; 0]);

    // A branch pipeline.
    let project = job(&[]).with_env("CI_DEFAULT_BRANCH", "main");
    let ran = check(&project, &["--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["compared"]["against"], "origin/main");

    let project = job(&[]).with_env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "gone");
    let ran = check(&project, &[]).expect(4).says("origin/gone cannot be fetched");
    ran.says("couldn't find remote ref refs/heads/gone");

    origin.write("migrations/V3__more.sql", "SELECT 1;");
    git(&origin.path(""), &["switch", "-q", "feature"]);
    commit(&origin);
    let project = job(&["--depth=1"]).with_env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main");
    let ran = check(&project, &[]).expect(2);
    ran.says("HEAD and origin/main have no commit in common").says("GIT_DEPTH: 0");
}

#[test]
fn no_token_of_the_remote_is_shown_when_it_cannot_be_reached() {
    let project = branch()
        .with_env("GITLAB_CI", "true")
        .with_env("CI_JOB_TOKEN", "glcbt-0123456789abcdef")
        .with_env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "release");
    let url = "http://gitlab-ci-token:glcbt-0123456789abcdef@127.0.0.1:9/orders.git";
    git(&project.path(""), &["remote", "add", "origin", url]);
    let ran = check(&project, &[]).expect(4).says("origin/release cannot be fetched");
    let ran = ran.says("127.0.0.1");
    assert!(!ran.stderr.contains("0123456789abcdef"), "{}", ran.stderr);
}

#[test]
fn the_token_of_the_job_reaches_the_credential_helper_of_git_and_no_other_secret_does() {
    let project = branch()
        .with_env("GITLAB_CI", "true")
        .with_env("CI_JOB_TOKEN", "glcbt-0123456789abcdef")
        .with_env("DATABASE_PASSWORD", "hunter2-hunter2")
        .with_env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "release");
    let folder = project.path("");
    git(&folder, &["config", "protocol.ext.allow", "always"]);
    // A remote that is a program, which writes down what it is given.
    let seen = folder.join("seen");
    let remote = format!("ext::sh -c env>{}", seen.display());
    git(&folder, &["remote", "add", "origin", &remote]);
    check(&project, &[]).expect(4);
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("CI_JOB_TOKEN=glcbt-0123456789abcdef"), "{seen}");
    assert!(!seen.contains("hunter2"), "{seen}");
}

#[test]
fn what_is_to_be_compared_with_is_named_or_found() {
    let project = branch().with("V2__teams.sql", TEAMS);
    commit(&project);
    git(&project.path(""), &["switch", "-q", "-c", "next"]);
    let project = project.with("V3__roles.sql", "SELECT 1;");
    let checked = |args: &[&str]| {
        let json = check(&project, &[args, &["--output", "json"]].concat()).expect(0).json();
        (json["report"]["compared"]["against"].clone(), json["report"]["checked"].clone())
    };
    assert_eq!(checked(&[]), (json!("main"), json!(2)));
    assert_eq!(checked(&["--against", "feature"]), (json!("feature"), json!(1)));
    assert_eq!(checked(&["--all"]), (json!("main"), json!(3)));
    let ran = check(&project, &["--against", "nowhere"]).expect(2);
    ran.says("git knows no commit `nowhere`").says("--against");
    check(&project, &["--against", "--all"]).expect(2);
    // origin/HEAD goes before a branch that is here.
    let clone = Project::new();
    let url = project.path("").display().to_string();
    git(&clone.path(""), &["clone", "-q", "--branch", "feature", &url, "."]);
    git(&clone.path(""), &["remote", "set-head", "origin", "main"]);
    let json = check(&clone, &["--output", "json"]).expect(0).json();
    assert_eq!(json["report"]["compared"]["against"], "origin/HEAD");
}

#[test]
fn without_git_or_a_branch_everything_is_new_and_the_report_says_what_was_not_checked() {
    let project = Project::new().with("V1__users.sql", "DROP TABLE users;\n");
    let ran = check(&project, &[]).expect(3).says("this is no git repository");
    assert!(
        ran.stdout.ends_with(
            "migrations: 1 of 1 files checked as postgres, order and edits not checked: this is no \
             git repository: 1 finding: 1 critical\n"
        ),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.starts_with("migrations/V1__users.sql:1:1: critical: "), "{}", ran.stdout);
    check(&project, &["--against", "main"]).expect(2).says("cannot compare with main");
    git(&project.path(""), &["init", "-q", "-b", "trunk"]);
    commit(&project);
    check(&project, &[]).expect(3).says("git knows no branch to compare with");
    check(&project, &["--against", "trunk"]).expect(0);
}

#[test]
fn paths_are_those_of_the_repository_wherever_the_step_runs() {
    let project = branch().with_file("services/orders/db/V1__a.sql", "DROP TABLE a;\n");
    for (folder, within) in
        [("services/orders/db", ""), ("db", "services/orders"), (".", "services/orders/db")]
    {
        let mut command = project.command("migrate-db");
        command.current_dir(project.path(within)).args(["check", "--folder", folder]);
        let output = command.args(["--codequality", "q.json"]).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.starts_with("services/orders/db/V1__a.sql:1:1: "), "{stdout}");
        let issues = project.json(Path::new(within).join("q.json").to_str().unwrap());
        assert_eq!(issues[0]["location"]["path"], "services/orders/db/V1__a.sql");
    }
}

#[test]
fn everything_wrong_with_files_is_found_at_once_with_its_place() {
    let project = branch()
        .with("V2_b.sql", "SELECT 1;")
        .with("V01__c.sql", "SELECT 1;")
        .with("V4__d.sql", "\n-- landfall: lock-timeot=3s\nSELECT 1;")
        .with("V5__e.sql", "SELECT 1;\nBEGIN;\nSELECT 2;\n\nCOMMIT;\n")
        .with("V6__f.sql", "\nCREATE INDEX CONCURRENTLY i ON users (name);\n");
    std::fs::write(project.path("migrations/V7__g.sql"), b"SELECT 1;\n-- Gr\xF6\xDFe\n").unwrap();
    assert_eq!(
        found(&project, 3),
        [
            "migrations/V1__users.sql:1 blocker unusable-file",
            "migrations/V2_b.sql:1 blocker unusable-file",
            "migrations/V4__d.sql:2 blocker unusable-file",
            "migrations/V5__e.sql:2 blocker unusable-statement",
            "migrations/V5__e.sql:5 blocker unusable-statement",
            "migrations/V6__f.sql:2 blocker unusable-statement",
            "migrations/V7__g.sql:2 blocker unusable-file",
        ]
    );
    let ran = check(&Project::new().with_file("migrations/README.md", "none"), &[]).expect(2);
    ran.says("there is no migration in migrations");
    check(&Project::new(), &[]).expect(2).says("there is no folder migrations");
}

#[test]
fn what_was_merged_is_not_checked_again_unless_all_is() {
    let old = "DROP TABLE a;\n";
    let project = branch();
    main_moves_on(&project, &[("V2__old.sql", old)]);
    git(&project.path(""), &["merge", "-q", "main"]);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    let all = check(&project, &["--all", "--output", "json"]).expect(3);
    assert_eq!(findings(&all), ["migrations/V2__old.sql:1 critical ban-drop-table"]);
}

#[test]
fn what_fails_the_check_is_chosen() {
    let project = branch().with("V2__a.sql", "DROP VIEW v;\n");
    check(&project, &[]).expect(0);
    check(&project, &["--fail-on", "minor"]).expect(3).says("1 finding is minor or worse");
    let project = project.with("V3__b.sql", "DROP TABLE users;\n");
    check(&project, &["--fail-on", "critical"]).expect(3);
    check(&project, &["--fail-on", "blocker"]).expect(0);
    check(&project, &["--fail-on", "worst"]).expect(2);
    check(&project.with_env("LANDFALL_CHECK_FAIL_ON", "blocker"), &[]).expect(0);
}

#[test]
fn rules_are_switched_in_landfall_toml_and_by_comments() {
    let project = branch().with("V2__a.sql", "DROP TABLE users;\n");
    check(&project, &[]).expect(3);
    let rules = |rules: &str| format!("[defaults.migrate-db.check.rules]\n{rules}\n");
    project.write("landfall.toml", &rules("ban-drop-table = \"off\""));
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    project.write("landfall.toml", &rules("ban-drop-table = \"minor\""));
    assert_eq!(found(&project, 0), ["migrations/V2__a.sql:1 minor ban-drop-table"]);
    project.write("landfall.toml", &rules("ban-drop-tabel = \"off\""));
    check(&project, &[]).expect(2).says("no rule `ban-drop-tabel`; did you mean `ban-drop-table`?");
    project.write("landfall.toml", &rules("ban-drop-table = \"of\""));
    check(&project, &[]).expect(2).says("landfall.toml:2:18: unknown variant `of`");
    project.write("landfall.toml", "");
    let project = project.with("V2__a.sql", "-- squawk-ignore ban-drop-table\nDROP TABLE users;\n");
    assert_eq!(found(&project, 0), [] as [&str; 0]);
}

#[test]
fn a_repeatable_migration_is_checked_when_it_is_new_or_changed() {
    let project = branch();
    main_moves_on(&project, &[("R__v.sql", "DROP TABLE u;\n")]);
    git(&project.path(""), &["merge", "-q", "main"]);
    assert_eq!(found(&project, 0), [] as [&str; 0]);
    assert_eq!(check(&project, &["--all"]).code, Some(3));
    let project = project.with("R__v.sql", "DROP TABLE v;\n").with("R__w.sql", "DROP TABLE w;\n");
    assert_eq!(
        found(&project, 3),
        [
            "migrations/R__v.sql:1 critical ban-drop-table",
            "migrations/R__w.sql:1 critical ban-drop-table"
        ]
    );
}

#[test]
fn the_migrations_of_all_databases_are_checked_in_one_run() {
    let project = Project::new()
        .with_file(
            "landfall.toml",
            "[defaults.migrate-db.databases.a]\n[defaults.migrate-db.databases.b]\nfolder = 'b'\n",
        )
        .with_file("migrations/a/V1__a.sql", "DROP TABLE a;\n")
        .with_file("b/V1__b.sql", "DROP TABLE b;\n");
    assert_eq!(
        found(&project, 3),
        [
            "b/V1__b.sql:1 critical ban-drop-table",
            "migrations/a/V1__a.sql:1 critical ban-drop-table"
        ]
    );
    let ran = check(&project, &["--database", "b", "--output", "json"]).expect(3);
    assert_eq!(ran.json()["report"]["folders"], json!(["b"]));
}

#[test]
fn the_kind_of_the_database_decides_what_is_checked() {
    let project = branch().with("V2__a.sql", "DROP TABLE users;\nCOMMIT;\n");
    let both = [
        "migrations/V2__a.sql:1 critical ban-drop-table",
        "migrations/V2__a.sql:2 blocker unusable-statement",
    ];
    assert_eq!(found(&project, 3), both);
    let as_engine = |engine: &str| {
        let ran = check(&project, &["--engine", engine, "--output", "json"]);
        assert_eq!(ran.json()["report"]["engine"], engine);
        findings(&ran)
    };
    assert_eq!(as_engine("sqlite"), both[1..]);
    assert_eq!(as_engine("mysql"), both[1..]);
    // By the URL, whose database is not asked, and by the file, which goes before it.
    let project = project.with_env("DATABASE_URL", "sqlite:nowhere/app.db");
    assert_eq!(found(&project, 3), both[1..]);
    project.write("landfall.toml", "[defaults.migrate-db]\nengine = \"postgres\"\n");
    assert_eq!(found(&project, 3), both);
}

#[test]
fn a_file_that_cannot_be_written_loses_no_findings() {
    let project = branch().with("V2__a.sql", "DROP TABLE users;\n").with_file("out/a.txt", "");
    let ran = check(&project, &["--codequality", "out", "--junit", "j.xml"]).expect(2);
    let ran = ran.says("out is no file");
    assert!(ran.stdout.contains("V2__a.sql:1:1: "), "{}", ran.stdout);
    assert!(project.read("j.xml").contains("V2__a.sql"));
}

#[test]
fn the_reports_hold_what_was_found() {
    let project = branch()
        .with("V2__teams.sql", TEAMS)
        .with("V3__a.sql", "SELECT 1;\nALTER TABLE users\n  DROP COLUMN name;\nDROP VIEW v;\n");
    let reports = ["--codequality", "out/q.json", "--junit", "out/j.xml", "--sarif", "out/s.sarif"];
    let ran = check(&project, &[&reports[..], &["--output", "json"]].concat()).expect(3);
    let report = &ran.json()["report"];
    assert_eq!(ran.json()["outcome"], "failed");
    let column = &report["findings"][0];
    let position = |key: &str| column[key].as_u64().unwrap();
    assert_eq!((position("line"), position("column")), (3, 3));
    assert_eq!((position("end_line"), position("end_column")), (3, 19));

    let issues = project.json("out/q.json");
    let issues = issues.as_array().unwrap();
    assert_eq!(issues.len(), 2);
    for (issue, finding) in issues.iter().zip(report["findings"].as_array().unwrap()) {
        let mut keys: Vec<&String> = issue.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["check_name", "description", "fingerprint", "location", "severity"]);
        let description = issue["description"].as_str().unwrap();
        assert!(description.starts_with(finding["message"].as_str().unwrap()), "{description}");
        assert!(description.contains("squawk-ignore"), "{description}");
        assert_eq!(issue["check_name"], finding["rule"]);
        assert_eq!(issue["severity"], finding["severity"]);
        assert_eq!(issue["fingerprint"], finding["fingerprint"]);
        assert_eq!(issue["fingerprint"].as_str().unwrap().len(), 32);
        assert_eq!(
            issue["location"],
            json!({ "path": finding["path"], "lines": { "begin": finding["line"] } })
        );
    }
    assert_eq!(issues[0]["severity"], "critical");
    assert_eq!(issues[0]["location"]["path"], "migrations/V3__a.sql");

    let junit = project.read("out/j.xml");
    assert!(junit.contains("tests=\"3\" skipped=\"0\" failures=\"1\""), "{junit}");
    assert!(junit.contains("<system-out>migrations/V3__a.sql:4:1: minor: "), "{junit}");
    let sarif = project.json("out/s.sarif");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 2);

    // Lines that move keep their fingerprints; a run that finds nothing leaves no old report.
    let fingerprints = |issues: &Value| -> Vec<Value> {
        issues.as_array().unwrap().iter().map(|it| it["fingerprint"].clone()).collect()
    };
    let before = fingerprints(&project.json("out/q.json"));
    let moved = "-- Why.\n\nALTER TABLE users\n  DROP COLUMN name;\n\n\nDROP VIEW v;\n";
    let project = project.with("V3__a.sql", moved);
    check(&project, &reports).expect(3);
    assert_eq!(fingerprints(&project.json("out/q.json")), before);
    let project = project.with("V3__a.sql", "SELECT 1;\n");
    check(&project, &reports).expect(0);
    assert_eq!(project.json("out/q.json"), json!([]));
}

#[test]
fn an_expression_of_ten_thousand_parentheses_does_not_end_the_process() {
    let depth = 10_000;
    let sql = format!("SELECT {}1{};\nDROP TABLE a;\n", "(".repeat(depth), ")".repeat(depth));
    let project = Project::new().with("V1__deep.sql", &sql);
    assert_eq!(found(&project, 3), ["migrations/V1__deep.sql:2 critical ban-drop-table"]);
}

#[test]
fn ten_thousand_files_are_checked_in_seconds() {
    let project = branch();
    for number in 2..=10_000 {
        let sql =
            format!("CREATE TABLE t{number} (id int);\nALTER TABLE users ADD c{number} int;\n");
        project.write(&format!("migrations/V{number}__t.sql"), &sql);
    }
    let project = project.with("V10001__last.sql", "DROP TABLE t2;\n");
    let timed = |code: i32| {
        let start = Instant::now();
        let ran = check(&project, &["--output", "json"]).expect(code);
        (findings(&ran), ran.json()["report"]["checked"].clone(), start.elapsed())
    };
    let (found, checked, all_new) = timed(3);
    assert_eq!(found, ["migrations/V10001__last.sql:1 critical ban-drop-table"]);
    assert_eq!(checked, 10_000);
    git(&project.path(""), &["switch", "-q", "main"]);
    commit(&project);
    let (found, checked, none_new) = timed(0);
    assert_eq!((found.len(), checked), (0, json!(0)));
    // Unoptimised, on a machine that does other things: 6 s and 0.3 s on two quiet cores.
    assert!(all_new < Duration::from_secs(60), "{all_new:?}");
    assert!(none_new < Duration::from_secs(10), "{none_new:?}");
}
