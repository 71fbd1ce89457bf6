//! Files with names that are hard to handle.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::Repository;

#[test]
fn names_with_spaces_dashes_and_umlauts_are_names() {
    let repository = Repository::with_words();
    let names = ["-n.txt", "a b.txt", "-x/--help.txt", "$HOME.txt", "'q\".txt", "ä.txt", "*.txt"];
    for name in names {
        repository.write(name, "bad\n");
    }
    let ran = repository.lint(&[]).expect(3);
    for name in names {
        assert!(
            ran.stdout.contains(&format!("{name}\n  1:3: major: a bad word")),
            "{}",
            ran.stdout
        );
    }
    assert_eq!(repository.lint(&[]).expect(3).stdout.lines().count(), ran.stdout.lines().count());
    assert_eq!(repository.starts().len(), 1);
}

#[test]
fn names_that_look_like_something_else_in_a_line_are_looked_at_alone() {
    let repository = Repository::with_words();
    let script = "#!/bin/sh\necho \"$#\" >> .git/starts\n\
                  for f; do grep -q bad \"$f\" && printf '%s:1:1: found\\n' \"$f\"; done; exit 0\n";
    repository.tool("words", script);
    // What the first prints in its second line looks as if it was of `b.txt`.
    repository.write("a\nb.txt", "bad\n");
    repository.write("b.txt", "good\n");
    for _ in 0..2 {
        let ran = repository.lint(&["--output", "json"]).expect(3);
        let findings = ran.json()["report"]["findings"].clone();
        assert_eq!(findings.as_array().unwrap().len(), 1, "{findings}");
        assert_eq!(findings[0]["path"], "a\nb.txt");
    }
    assert_eq!(repository.starts(), ["1", "1"]);
}

#[test]
fn names_that_are_no_utf_8_are_not_mixed_up() {
    let repository = Repository::with_words();
    let path = |bytes: &[u8]| repository.project.path(".").join(OsStr::from_bytes(bytes));
    std::fs::write(path(b"a\xFE.txt"), "good\n").unwrap();
    std::fs::write(path(b"a\xFF.txt"), "good\nbad\n").unwrap();
    let ran = repository.lint(&[]).expect(3);
    assert!(
        ran.stdout.starts_with("a\\xFF.txt\n  2:3: major: a bad word [words]\n"),
        "{}",
        ran.stdout
    );
    // With its line.
    assert!(ran.stdout.contains("     2 | bad\n"), "{}", ran.stdout);
    assert_eq!(repository.starts().len(), 2);
    // The results are kept apart, also when the other one is the bad one.
    std::fs::write(path(b"a\xFE.txt"), "bad\n").unwrap();
    std::fs::write(path(b"a\xFF.txt"), "good\n").unwrap();
    let ran = repository.lint(&["--output", "json", "--new-from"]).expect(3);
    let findings = ran.json()["report"]["findings"].clone();
    assert_eq!(findings[0]["path"], "a\\xFE.txt", "{findings}");
    assert_eq!(findings.as_array().unwrap().len(), 1, "{findings}");
}

#[test]
fn links_that_lead_in_circles_are_not_followed() {
    let repository = Repository::with_words();
    repository.write("sub/a.txt", "bad\n");
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(to, repository.project.path(from)).unwrap();
    };
    link("..", "sub/up");
    link("self.txt", "self.txt");
    link("sub/a.txt", "link.txt");
    link("gone.txt", "broken.txt");
    repository.commit();
    repository.lint(&[]).expect(3);
    assert_eq!(repository.starts(), ["1: sub/a.txt"]);
}
