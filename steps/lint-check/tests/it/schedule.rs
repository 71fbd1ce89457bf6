//! Linters run side by side, as many as there are processors, and those that wait come later.

use std::time::{Duration, Instant};

use crate::Repository;

fn linters(scripts: &[(&str, &str, &str)]) -> Repository {
    let repository = Repository::new();
    repository.write("a.txt", "");
    for (name, script, more) in scripts {
        repository.tool(name, &format!("#!/bin/sh\n{script}\n"));
        repository.configure(&format!(
            "[defaults.lint-check.linters.{name}]\ncommand = ['./tools/{name}', '{{files}}']\n\
             files = ['*.txt']\n{more}"
        ));
    }
    repository
}

#[test]
fn two_that_sleep_take_as_long_as_one() {
    let repository = linters(&[("a", "sleep 2", ""), ("b", "sleep 2", "")]);
    let start = Instant::now();
    repository.lint(&["--jobs", "2"]).expect(0);
    let together = start.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_millis(3800)).contains(&together),
        "{together:?}"
    );
    let start = Instant::now();
    repository.lint(&["--jobs", "1", "--no-cache"]).expect(0);
    assert!(start.elapsed() >= Duration::from_secs(4));
}

#[test]
fn one_that_runs_after_others_begins_when_they_have_ended() {
    let repository = linters(&[
        ("a", "echo a >> .git/order", "after = ['b', 'c']"),
        ("b", "echo b >> .git/order", "after = ['c']"),
        ("c", "sleep 0.5; echo c >> .git/order", ""),
    ]);
    repository.lint(&["--jobs", "4"]).expect(0);
    assert_eq!(repository.project.read(".git/order"), "c\nb\na\n");
    // Those that do not run are not waited for.
    repository.lint(&["--only", "a", "--no-cache"]).expect(0);
}

#[test]
fn the_longest_of_last_time_begins_first() {
    let note = "echo $(basename $0) >> .git/order";
    let repository = linters(&[
        ("a", note, ""),
        ("b", &format!("{note}; sleep 0.5"), ""),
        ("c", &format!("{note}; sleep 0.2"), ""),
    ]);
    repository.lint(&["--jobs", "1"]).expect(0);
    repository.write(".git/order", "");
    repository.write("a.txt", "changed");
    repository.lint(&["--jobs", "1"]).expect(0);
    assert_eq!(repository.project.read(".git/order"), "b\nc\na\n");
}

#[test]
fn many_files_are_given_in_pieces_that_fit() {
    let repository = linters(&[("a", "echo $# >> .git/starts", "")]);
    let folder = "f".repeat(200);
    for number in 0..1500 {
        repository.write(&format!("{folder}/{number:050}.txt"), "");
    }
    repository.lint(&["--jobs", "1"]).expect(0);
    let starts: Vec<usize> = repository.starts().iter().map(|it| it.parse().unwrap()).collect();
    assert!(starts.len() > 3, "{starts:?}");
    assert_eq!(starts.iter().sum::<usize>(), 1501);
}

#[test]
fn one_that_only_says_whether_is_asked_until_the_file_is_known() {
    let script = "echo $# >> .git/starts; ! grep -qs bad \"$@\"";
    let repository = linters(&[("a", script, "format = 'exit'")]);
    for number in 0..10 {
        repository.write(&format!("{number}.txt"), if number == 7 { "bad" } else { "" });
    }
    let ran = repository.lint(&["--jobs", "1"]).expect(3);
    assert!(ran.stdout.starts_with("7.txt\n  1: major: it ended with 1 [a]\n"), "{}", ran.stdout);
    assert!(last_is_one(&ran.stdout), "{}", ran.stdout);
    assert!(repository.starts().len() < 10);
    repository.lint(&["--jobs", "1"]).expect(3);
    assert_eq!(repository.starts(), [""; 0]);
}

fn last_is_one(text: &str) -> bool {
    text.trim_end().ends_with("1 finding: 1 major")
}
