//! What has not changed is not looked at again.

use crate::{Repository, WORDS, WORDS_TOML, last};

fn two_files() -> Repository {
    let repository = Repository::with_words();
    repository.write("a.txt", "good\nbad\n");
    repository.write("b.txt", "good\n");
    repository
}

#[test]
fn an_unchanged_tree_starts_no_linter() {
    let repository = two_files();
    let first = repository.lint(&[]).expect(3);
    assert_eq!(repository.starts(), ["2: a.txt b.txt"]);
    let second = repository.lint(&["--output", "json"]).expect(3);
    assert_eq!(repository.starts(), [""; 0]);
    let report = &second.json()["report"];
    assert_eq!(report["linters"][0]["cached"], 2);
    assert_eq!(report["findings"][0]["message"], "a bad word");
    let third = repository.lint(&[]).expect(3);
    assert!(last(&third).contains("words, all known from before"), "{}", third.stdout);
    let findings = |text: &str| text.lines().take(4).collect::<Vec<_>>().join("\n");
    assert_eq!(findings(&first.stdout), findings(&third.stdout));
    repository.lint(&["--no-cache"]).expect(3);
    assert_eq!(repository.starts().len(), 1);
}

#[test]
fn only_what_changed_is_looked_at_again() {
    let repository = two_files();
    repository.lint(&[]).expect(3);
    repository.starts();
    repository.write("a.txt", "good\n");
    repository.write("c.txt", "good\n");
    repository.lint(&[]).expect(0);
    assert_eq!(repository.starts(), ["2: a.txt c.txt"]);
    // The one that is gone is forgotten, and found anew when it comes back.
    std::fs::remove_file(repository.project.path("b.txt")).unwrap();
    repository.write("a.txt", "bad\n");
    repository.lint(&[]).expect(3);
    assert_eq!(repository.starts(), ["1: a.txt"]);
    repository.write("b.txt", "good\n");
    repository.lint(&[]).expect(3);
    assert_eq!(repository.starts(), ["1: b.txt"]);
}

#[test]
fn whatever_a_result_depends_on_makes_it_count_no_more() {
    type Change = fn(&mut Repository);
    let changes: [(&str, Change); 8] = [
        ("configuration that is new", |it| it.write("words.cfg", "strict")),
        ("configuration that changed", |it| it.write("words.cfg", "lax")),
        ("configuration in a folder", |it| it.write("sub/words.cfg", "lax")),
        ("arguments", |it| it.configure("args = ['-i']")),
        ("how bad it is", |it| it.configure("severity = 'blocker'")),
        ("how output is read", |it| it.configure("pattern = '(?P<path>[^:]+):(?P<line>\\d+)'")),
        ("an updated program", |it| it.tool("words", &WORDS.replace("a bad word", "a word"))),
        ("a variable of its name", |it| it.project.set_env("WORDS_OPTS", "x")),
    ];
    let mut repository = two_files();
    repository.lint(&[]).expect(3);
    for (what, change) in changes {
        repository.starts();
        change(&mut repository);
        repository.lint(&[]).expect(3);
        assert_eq!(repository.starts().len(), 1, "{what}");
        repository.lint(&[]).expect(3);
        assert_eq!(repository.starts().len(), 0, "{what}, again");
    }
}

#[test]
fn what_was_found_in_a_file_that_was_not_asked_for_is_found_again() {
    let repository = two_files();
    repository.tool("words", "#!/bin/sh\necho \"$*\" >> .git/starts\necho 'other.cfg:1:1: odd'\n");
    for _ in 0..2 {
        let ran = repository.lint(&[]).expect(3);
        assert_eq!(repository.starts(), ["a.txt b.txt"]);
        assert!(ran.stdout.starts_with("other.cfg\n  1:1: major: odd [words]\n"), "{}", ran.stdout);
    }
}

#[test]
fn what_is_said_of_the_whole_repository_depends_on_all_of_its_files() {
    let repository = Repository::new();
    repository.tool("all", "#!/bin/sh\necho $# >> .git/starts\n");
    repository.configure("[defaults.lint-check.linters.all]\ncommand = ['./tools/all']");
    repository.write("a.txt", "");
    for (change, starts) in [(false, 1), (false, 0), (true, 1), (false, 0)] {
        if change {
            repository.write("a.txt", "changed");
        }
        repository.lint(&[]).expect(0);
        assert_eq!(repository.starts().len(), starts);
    }
}

#[test]
fn a_run_that_failed_is_not_kept() {
    let repository = two_files();
    repository.tool("words", "#!/bin/sh\necho x >> .git/starts\nexit 4\n");
    repository.lint(&[]).expect(1);
    repository.lint(&[]).expect(1);
    assert_eq!(repository.starts().len(), 2);
}

#[test]
fn kept_results_that_cannot_be_read_are_made_anew() {
    let repository = two_files();
    repository.lint(&[]).expect(3);
    let kept = ".landfall/cache/lint-check/words.json";
    for text in ["", "{", "[]", "{\"identity\": 1}", "\u{0}"] {
        repository.write(kept, text);
        repository.starts();
        repository.lint(&[]).expect(3);
        assert_eq!(repository.starts().len(), 1, "{text}");
    }
    // git does not see it.
    assert_eq!(repository.git(&["status", "--porcelain", ".landfall"]), "");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_warning() {
    let repository = two_files();
    repository.write(".landfall", "a file in its place");
    let ran = repository.lint(&[]).expect(3).says("results are not kept");
    assert!(ran.stdout.contains("a bad word"));
}

#[test]
fn a_linter_that_is_pinned_is_asked_for_its_version_once() {
    let repository = Repository::new();
    let script =
        "#!/bin/sh\necho \"$*\" >> .git/starts\ncase $1 in --version) echo words 1.2.3; esac\n";
    repository.tool("words", script);
    repository.configure(&format!("{WORDS_TOML}version = '1.2'\n"));
    repository.write("a.txt", "");
    repository.lint(&[]).expect(0);
    assert_eq!(repository.starts(), ["--version", "a.txt"]);
    repository.lint(&[]).expect(0);
    assert_eq!(repository.starts(), [""; 0]);
}

#[test]
fn one_that_is_asked_for_its_version_gets_no_secrets() {
    let mut repository = Repository::new();
    repository.project.set_env("DATABASE_URL", "postgres://a:swordfish@b/c");
    repository.tool("words", "#!/bin/sh\necho \"words 1.2.3${DATABASE_URL:+ and a secret}\"\n");
    repository.configure(&format!("{WORDS_TOML}version = '1.3'\n"));
    repository.write("a.txt", "");
    repository.lint(&[]).expect(2).says("version 1.3 is wanted, and this is `words 1.2.3`");
}

#[test]
fn variables_that_say_who_runs_it_make_no_difference() {
    let mut repository = two_files();
    repository.project.write("landfall.toml", "");
    repository.configure(crate::without_known());
    repository.configure(&WORDS_TOML.replace("linters.words", "linters.gitlab-words"));
    for (user, starts) in [("1", 1), ("2", 0)] {
        repository.project.set_env("GITLAB_USER_ID", user);
        repository.lint(&[]).expect(3);
        assert_eq!(repository.starts().len(), starts, "{user}");
    }
}

#[test]
fn files_that_a_configuration_names_are_part_of_it() {
    let repository = two_files();
    repository.write("words.cfg", "extend = \"base.toml\"\nuse './more/list'\n");
    repository.write("base.toml", "a = 1\n");
    repository.write("more/list.mjs", "import x from '../deep.mjs';\n");
    repository.write("deep.mjs", "// back to where it began: './more/list.mjs'\n");
    repository.lint(&[]).expect(3);
    let base = repository.commit();
    for (path, starts) in
        [("base.toml", 1), ("more/list.mjs", 1), ("deep.mjs", 1), ("more/other.mjs", 0)]
    {
        repository.starts();
        repository.write(path, "import x from '../deep.mjs'; // changed\n");
        repository.lint(&[]).expect(3);
        assert_eq!(repository.starts().len(), starts, "{path}");
    }
    // As when the configuration itself is changed, all of its files are checked.
    let ran = repository.lint(&["--against", &base]).expect(3);
    assert!(ran.stdout.contains("a.txt\n"), "{}", ran.stdout);
}

#[test]
fn that_results_are_not_kept_is_said_once() {
    let repository = two_files();
    repository.configure(&WORDS_TOML.replace("linters.words", "linters.others"));
    repository.write(".landfall", "a file in its place");
    let ran = repository.lint(&[]).expect(3).says("results are not kept");
    assert_eq!(ran.stderr.matches("warning:").count(), 1, "{}", ran.stderr);
}

#[test]
fn what_a_program_has_marked_as_its_cache_is_not_checked() {
    let repository = two_files();
    repository.write("out/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    repository.write("out/debug/made.txt", "bad\n");
    repository.write("other/CACHEDIR.TAG", "not that\n");
    repository.write("other/c.txt", "good\n");
    repository.lint(&["--quiet"]).expect(3);
    assert_eq!(repository.starts(), ["3: a.txt b.txt other/c.txt"]);
    std::fs::rename(repository.project.path(".git"), repository.project.path("git")).unwrap();
    repository.tool("words", "#!/bin/sh\nfor f; do echo \"$f:1:1: m\"; done\n");
    let ran = repository.lint(&[]).expect(3);
    assert!(!ran.stdout.contains("made.txt"), "{}", ran.stdout);
}
