//! `--fix`: in order, all or nothing, and never what is not saved.

use std::os::unix::fs::PermissionsExt;

use crate::{Repository, last};

const MENDS: &str = "#!/bin/sh\nfor f; do sed -i s/bad/good/ \"$f\"; done\n";

fn mending(script: &str) -> Repository {
    let repository = Repository::with_words();
    repository.tool("mend", script);
    repository.configure("fix = ['./tools/mend', '{files}']");
    repository.write("a.txt", "bad\n");
    repository.write("b.txt", "bad\n");
    repository.commit();
    repository
}

#[test]
fn what_can_be_mended_is_and_the_rest_is_told() {
    let repository = mending(MENDS);
    let ran = repository.lint(&["--fix"]).expect(0);
    assert!(last(&ran).contains("2 files mended"), "{}", ran.stdout);
    assert_eq!(repository.project.read("a.txt"), "good\n");
    let ran = repository.lint(&["--fix", "--allow-dirty", "--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["fixed"], serde_json::json!([]));
}

#[test]
fn a_file_with_changes_that_are_not_committed_is_left_alone() {
    let repository = mending(MENDS);
    repository.write("b.txt", "bad, and more\n");
    repository.lint(&["--fix"]).expect(8).says("not committed: b.txt");
    assert_eq!(repository.project.read("a.txt"), "bad\n");
    // Another file may be mended.
    repository.lint(&["--fix", "a.txt"]).expect(0);
    assert_eq!(repository.project.read("b.txt"), "bad, and more\n");
    // What is staged is saved.
    repository.git(&["add", "b.txt"]);
    repository.lint(&["--fix", "--staged", "b.txt"]).expect(3);
    assert_eq!(repository.project.read("b.txt"), "good, and more\n");
    repository.lint(&["--fix", "--staged", "b.txt"]).expect(8).says("not staged: b.txt");
    repository.lint(&["--fix", "--allow-dirty"]).expect(0);
    repository.write("new.txt", "bad\n");
    repository.lint(&["--fix", "new.txt"]).expect(8);
}

#[test]
fn one_that_fails_has_mended_nothing() {
    let repository = mending("#!/bin/sh\necho half > a.txt; rm b.txt; echo no >&2; exit 126\n");
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(repository.project.path("a.txt"), mode).unwrap();
    repository.commit();
    let ran = repository.lint(&["--fix"]).expect(1);
    assert!(ran.stdout.contains("words has mended nothing: it ended with exit status: 126: no"));
    assert_eq!(repository.project.read("a.txt"), "bad\n");
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_run_that_is_cancelled_puts_back_what_is_half_mended() {
    let repository =
        mending("#!/bin/sh\necho half > a.txt; echo mended >> .git/mended; exec sleep 60\n");
    let mut running = repository.project.start("lint-check", &["--fix"]);
    running.wait_for("words mends");
    while !repository.project.path(".git/mended").exists() {
        std::thread::yield_now();
    }
    running.signal("INT").expect(130);
    assert_eq!(repository.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_nobody_asked_for_is_put_back() {
    let script = "#!/bin/sh\nfor f in *.txt; do echo good > $f; done\n";
    let repository = Repository::new();
    repository.tool("all", script);
    repository.configure(
        "[defaults.lint-check.linters.all]\ncommand = ['true']\nfiles = ['*.txt']\n\
         fix = ['./tools/all']",
    );
    for path in ["a.txt", "b.txt", "other.md"] {
        repository.write(path, "bad\n");
    }
    repository.commit();
    let ran = repository.lint(&["--fix", "a.txt", "--output", "json"]).expect(0);
    assert_eq!(ran.json()["report"]["fixed"], serde_json::json!(["a.txt"]));
    assert_eq!(repository.git(&["status", "--porcelain"]), "M a.txt");
    // Of another kind: told.
    repository.tool("all", "#!/bin/sh\necho longer > other.md\n");
    repository.commit();
    let ran = repository.lint(&["--fix", "b.txt"]).expect(0);
    assert!(ran.says("all has changed other.md").stdout.contains("1 file mended"));
}

#[test]
fn what_one_changes_besides_the_files_that_it_is_given_is_told_also_when_it_fails() {
    let repository = mending("#!/bin/sh\necho longer > b.txt\necho longer > other.md\n");
    repository.write("other.md", "x\n");
    repository.commit();
    let ran = repository.lint(&["--fix", "a.txt"]).expect(3);
    ran.says("words has changed b.txt, which it was not to mend")
        .says("words has changed other.md");
    repository.tool("mend", "#!/bin/sh\necho half > a.txt; echo longer still > b.txt; exit 126\n");
    repository.commit();
    let ran = repository.lint(&["--fix", "a.txt"]).expect(1);
    ran.says("words has changed b.txt, which it was not to mend");
    assert_eq!(repository.project.read("a.txt"), "bad\n");
}

#[test]
fn one_mends_after_those_that_it_waits_for() {
    let repository = mending("#!/bin/sh\necho words >> .git/order\n");
    repository.tool("x", "#!/bin/sh\ncase $1 in --mend) echo x >> .git/order; esac\n");
    repository.configure("after = ['x']");
    repository.configure(
        "[defaults.lint-check.linters.x]\ncommand = ['./tools/x', '{files}']\nfiles = ['*.txt']\n\
         fix = ['./tools/x', '--mend', '{files}']",
    );
    repository.commit();
    repository.lint(&["--fix"]).expect(3);
    assert_eq!(repository.project.read(".git/order"), "x\nwords\n");
}

#[test]
fn a_dry_run_mends_nothing() {
    let repository = mending(MENDS);
    let ran = repository.lint(&["--fix", "--dry-run"]).expect(2);
    ran.says("what linters would mend is not known").says("leave out --fix");
    assert_eq!(repository.project.read("a.txt"), "bad\n");
}

#[test]
fn one_that_prints_without_end_has_mended_nothing() {
    let repository = mending("#!/bin/sh\necho good > a.txt; exec yes\n");
    let ran = repository.lint(&["--fix"]).expect(1);
    assert!(ran.stdout.contains("words has mended nothing: "), "{}", ran.stdout);
    assert!(ran.stdout.contains("printed more than 32 MB"), "{}", ran.stdout);
    assert_eq!(repository.project.read("a.txt"), "bad\n");
}

#[test]
fn what_is_mended_and_not_staged_is_refused_until_it_is() {
    let repository = mending(MENDS);
    repository.write("a b.txt", "bad\n");
    repository.write("c.txt", "bad\n");
    repository.git(&["add", "--all"]);
    let ran = repository.lint(&["--staged", "--fix"]).expect(3);
    let said = "a b.txt: mended on the disk; what is staged is as it was before\n";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    ran.says("what was mended is not staged: 2 files").says("git add 'a b.txt' c.txt");
    // What the hook runs: the next commit would have the files as they were.
    let ran = repository.lint(&["--staged", "--output", "json"]).expect(3);
    assert_eq!(ran.json()["outcome"], "failed");
    assert_eq!(ran.json()["report"]["not_staged"], serde_json::json!(["a b.txt", "c.txt"]));
    repository.git(&["add", "a b.txt"]);
    repository.lint(&["--staged"]).expect(3).says("git add c.txt");
    // Who stages something else than lies there, but not what linters have mended, knows what that is.
    repository.write("part.txt", "good\n");
    repository.git(&["add", "c.txt", "part.txt"]);
    repository.write("part.txt", "good\nand more\n");
    repository.lint(&["--staged"]).expect(0);
}

#[test]
fn a_fixer_that_fails_without_a_word_has_mended_nothing() {
    for (script, code) in [
        ("echo half > a.txt; exit 1", 1),
        ("echo half > a.txt; echo new > new.txt; echo out of memory >&2; exit 9", 1),
        ("echo half > a.txt; kill -9 $$", 1),
        ("exec sleep 60", 5),
    ] {
        let repository = mending(&format!("#!/bin/sh\n{script}\n"));
        repository.configure("timeout = '2s'");
        repository.write("note.md", "not committed\n");
        repository.write("a.txt", "good\n");
        repository.git(&["add", "*.txt", "landfall.toml"]);
        repository.git(&["commit", "--quiet", "--message", "m"]);
        let ran = repository.lint(&["--fix", "--output", "json", "a.txt"]).expect(code);
        let report = &ran.json()["report"];
        assert_eq!(report["fixed"], serde_json::json!([]), "{script}");
        let told = report["not_fixed"][0]["message"].as_str().unwrap().to_owned();
        assert!(told.starts_with("words has mended nothing: "), "{told}");
        // A file that is new may be somebody else's.
        let is_new = script.contains("new.txt");
        let note = if is_new { "?? new.txt\n?? note.md" } else { "?? note.md" };
        assert_eq!(repository.git(&["status", "--porcelain"]), note, "{script}");
        assert_eq!(ran.stderr.contains("new.txt is new since words ran"), is_new, "{script}");
    }
}

#[test]
fn a_fixer_that_is_not_installed_ends_with_4() {
    let repository = mending(MENDS);
    std::fs::remove_file(repository.project.path("tools/mend")).unwrap();
    repository.commit();
    let ran = repository.lint(&["--fix"]).expect(4).says("./tools/mend is not installed");
    assert!(ran.stdout.contains("a bad word"), "{}", ran.stdout);
}

#[test]
fn the_files_that_were_mended_are_named() {
    let repository = mending(MENDS);
    let ran = repository.lint(&["--fix"]).expect(0);
    assert!(ran.stdout.starts_with("a.txt: mended\nb.txt: mended\n"), "{}", ran.stdout);
}
