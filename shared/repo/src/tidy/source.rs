//! Sources, and files of any kind.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Problems of a step's `main.rs`: it decides nothing.
pub fn main_is_short(place: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= MAIN_LINES {
        return Vec::new();
    }
    vec![format!("{place} has {lines} lines: move all but the call of step_core::main to lib.rs")]
}

const MAIN_LINES: usize = 15;

/// Problems of a step's `plan.rs`: it does no I/O.
pub fn plan_is_pure(place: &str, text: &str) -> Vec<String> {
    let is_impure =
        |line: &str| [".await", "std::fs", "tokio::"].into_iter().find(|mark| line.contains(mark));
    let lines = text.lines().zip(1..);
    lines
        .filter_map(|(line, number)| {
            let mark = is_impure(line)?;
            Some(format!(
                "{place}:{number}: `{mark}` in a plan: read in observe.rs and hand it over, so \
                 that a plan is tested with tables alone"
            ))
        })
        .collect()
}

/// Problems of any text file: unfinished work, and paths that exist on one machine only.
///
/// # Errors
/// None: the pattern is a constant.
pub fn leftovers(place: &str, text: &str) -> anyhow::Result<Vec<String>> {
    let home = Regex::new(r"(?:^|[^\w/.])(/(?:root|home/[a-z][\w-]*|Users/[A-Za-z][\w-]*)/)")?;
    let mut problems = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        for mark in UNFINISHED.iter().filter(|mark| line.contains(**mark)) {
            problems.push(format!("{place}:{number}: `{mark}`: finish it, or open an issue"));
        }
        if let Some(found) = home.captures(line) {
            let path = &found[1];
            problems.push(format!(
                "{place}:{number}: `{path}` is somebody's home: write a relative path, or $HOME"
            ));
        }
    }
    Ok(problems)
}

/// In pieces, for this file is checked as well.
const UNFINISHED: [&str; 3] =
    [concat!("todo", "!"), concat!("unimplemented", "!"), concat!("FIX", "ME")];

/// Problems of the top level: it holds what was planned for it, and dotfiles.
pub fn top_level(files: &[PathBuf]) -> Vec<String> {
    let entries: BTreeSet<&str> = files.iter().filter_map(|path| first(path)).collect();
    let is_planned = |entry: &&str| entry.starts_with('.') || TOP_LEVEL.contains(entry);
    let others = entries.into_iter().filter(|entry| !is_planned(entry));
    others
        .map(|entry| {
            format!(
                "{entry}: the top level is full: a step belongs into steps/, what steps share into \
                 shared/, an image into images/; if none fits, plan it in ARCHITECTURE.md and add \
                 it in shared/repo/src/tidy/source.rs"
            )
        })
        .collect()
}

const TOP_LEVEL: [&str; 16] = [
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "Makefile",
    "README.md",
    "ci-templates",
    "clippy.toml",
    "deny.toml",
    "examples",
    "images",
    "rustfmt.toml",
    "shared",
    "steps",
];

fn first(path: &Path) -> Option<&str> {
    path.components().next()?.as_os_str().to_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_decides_something_is_told_by_its_length() {
        assert_eq!(main_is_short("main.rs", &"x\n".repeat(15)), [] as [&str; 0]);
        let problems = main_is_short("main.rs", &"x\n".repeat(16));
        assert_eq!(
            problems,
            ["main.rs has 16 lines: move all but the call of step_core::main to lib.rs"]
        );
    }

    #[test]
    fn a_plan_that_reads_is_named_with_its_line() {
        assert_eq!(plan_is_pure("plan.rs", "fn plan() {}\n"), [] as [&str; 0]);
        for line in ["let x = y.await;", "std::fs::read(x)", "use tokio::fs;"] {
            let problems = plan_is_pure("plan.rs", &format!("\n{line}\n"));
            assert_eq!(problems.len(), 1, "{line}");
            assert!(problems[0].starts_with("plan.rs:2: "), "{problems:?}");
        }
    }

    #[test]
    fn unfinished_work_is_named_with_its_line() {
        for mark in UNFINISHED {
            let problems = leftovers("a.rs", &format!("fine\n  {mark}(\"later\")\n")).unwrap();
            assert_eq!(problems, [format!("a.rs:2: `{mark}`: finish it, or open an issue")]);
        }
    }

    #[test]
    fn a_path_of_one_machine_is_named() {
        for home in ["/root", "/home/jane", "/Users/Jane"] {
            let problems = leftovers("a.sh", &format!("cd {home}/work\n")).unwrap();
            assert_eq!(problems.len(), 1, "{home}");
            assert!(problems[0].contains(&format!("`{home}/` is somebody's home")), "{problems:?}");
        }
        for fine in ["cd $HOME/work", "/usr/share/root/x", "https://x.org/home/me/", "~/x"] {
            assert_eq!(leftovers("a.sh", fine).unwrap(), [] as [&str; 0]);
        }
    }

    #[test]
    fn a_stranger_at_the_top_level_is_named() {
        let files = ["Cargo.toml", ".gitignore", "steps/a/Cargo.toml", "utils/x.sh", "utils/y.sh"];
        let problems = top_level(&files.map(PathBuf::from));
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with("utils: the top level is full"), "{problems:?}");
    }
}
