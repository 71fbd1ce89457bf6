//! The files of the repository that a configuration names: what it extends or imports, and what that does.
//!
//! Each linter has its own way to say that. What looks like the name of a file and is one is taken for it:
//! a file too many makes a kept result count no more, one too few makes it count for too long.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::run::relative;
use crate::tree::Tree;

/// How many files are followed, so that a configuration which leads into the sources ends somewhere.
const MOST: usize = 200;

/// How much of a file is read, in bytes.
const LONGEST: u64 = 256 * 1024;

/// The endings of files that hold data. These are named as they are; others by where they are, with `./`.
const DATA: [&str; 12] =
    ["toml", "json", "jsonc", "json5", "yaml", "yml", "cfg", "ini", "conf", "neon", "xml", "txt"];

/// What may be left out of the name of a script that is imported.
const ENDINGS: [&str; 14] = [
    "",
    ".js",
    ".mjs",
    ".cjs",
    ".ts",
    ".mts",
    ".cts",
    ".json",
    ".yaml",
    ".yml",
    "/index.js",
    "/index.mjs",
    "/index.cjs",
    "/index.ts",
];

/// What the text of a file is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Data and scripts, in a configuration of the linter's own.
    All,
    /// Data, in a file that is for others as well: the scripts that `package.json` names are the project.
    Data,
}

/// The files of the tree that some files name, over any number of others.
pub(crate) fn named<'a>(
    tree: &'a Tree,
    known: &HashSet<&'a Path>,
    configs: impl Iterator<Item = &'a Path>,
    names: Names,
) -> HashSet<PathBuf> {
    let mut next: Vec<PathBuf> = configs.map(Path::to_owned).collect();
    let mut found = HashSet::new();
    while let Some(path) = next.pop() {
        let text = tree.beginning(&path, LONGEST);
        let text = String::from_utf8_lossy(&text);
        let folder = path.parent().unwrap_or(Path::new(""));
        for name in words(&text).flat_map(|word| candidates(word, names)) {
            let file = relative(Path::new(&name), &tree.root, folder);
            if found.len() < MOST && known.contains(file.as_path()) && found.insert(file.clone()) {
                next.push(file);
            }
        }
    }
    found
}

/// The parts of a text that may be names of files.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_a_name = |it: char| it.is_alphanumeric() || "._-/@+".contains(it);
    text.split(move |it| !is_of_a_name(it)).filter(|word| word.contains('.'))
}

/// The names of files that a word may stand for.
fn candidates(word: &str, names: Names) -> Vec<String> {
    let ending = Path::new(word).extension().and_then(|it| it.to_str());
    if ending.is_some_and(|ending| DATA.contains(&ending)) {
        return vec![word.to_owned()];
    }
    if names == Names::Data || !(word.starts_with("./") || word.starts_with("../")) {
        return Vec::new();
    }
    ENDINGS.iter().map(|ending| format!("{word}{ending}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], names: Names) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let paths = files.iter().map(|(path, _)| PathBuf::from(path)).collect();
        let tree = Tree { root: folder.path().to_owned(), files: paths, repository: None };
        let known = tree.files.iter().map(PathBuf::as_path).collect();
        let found = named(&tree, &known, [Path::new(files[0].0)].into_iter(), names);
        let mut found: Vec<String> = found.iter().map(|it| it.display().to_string()).collect();
        found.sort();
        found
    }

    #[test]
    fn what_a_configuration_extends_is_found_over_others_and_in_circles() {
        let files = [
            (
                "sub/eslint.config.mjs",
                "import a from '../shared/a';\nfiles: ['server.js', 'x.toml']",
            ),
            ("shared/a.mjs", "import('./b/index.js'); require(\"../../outside.js\")"),
            ("shared/b/index.js", "import x from '../../sub/eslint.config.mjs'"),
            ("sub/server.js", ""),
            ("sub/x.toml", ""),
            ("x.toml", ""),
        ];
        let expected = ["shared/a.mjs", "shared/b/index.js", "sub/eslint.config.mjs", "sub/x.toml"];
        assert_eq!(found(&files, Names::All), expected);
    }

    #[test]
    fn scripts_that_a_shared_file_names_are_the_project() {
        let text = r#"{"main": "./index.js", "prettier": "./prettier.json"}"#;
        let files = [("package.json", text), ("index.js", ""), ("prettier.json", "")];
        assert_eq!(found(&files, Names::Data), ["prettier.json"]);
    }

    #[test]
    fn there_is_an_end_to_what_is_followed() {
        let paths: Vec<String> = (0..300).map(|number| format!("{number}.json")).collect();
        let text = paths.join(" ");
        let mut files = vec![("all.cfg", text.as_str())];
        files.extend(paths.iter().map(|path| (path.as_str(), "")));
        assert_eq!(found(&files, Names::All).len(), MOST);
    }
}
