//! The files of the repository, and which of them are to be checked.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// How much of a file is read to tell what it is, in bytes.
const HEAD: usize = 4096;

/// Folders that hold no files of the project's own, where git does not tell.
const FOREIGN: [&str; 6] = [".git", "node_modules", "target", "vendor", ".venv", "__pycache__"];

/// All files that may be checked, relative to the root.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) scope: Scope,
}

/// Which files are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them, and why.
    All(String),
    /// Those that differ from a commit, with the lines that are new in each.
    Changed { base: String, commit: String, lines: HashMap<PathBuf, Vec<RangeInclusive<usize>>> },
    /// Those that are staged.
    Staged(HashMap<PathBuf, Vec<RangeInclusive<usize>>>),
}

impl Tree {
    /// The files to check.
    pub(crate) fn selected(&self) -> Vec<&Path> {
        let files = self.files.iter().map(PathBuf::as_path);
        match &self.scope {
            Scope::All(_) => files.collect(),
            Scope::Changed { lines, .. } | Scope::Staged(lines) => {
                files.filter(|path| lines.contains_key(*path)).collect()
            }
        }
    }

    /// Whether a line is new; every line is where all files are checked.
    pub(crate) fn is_new(&self, path: &Path, line: usize) -> bool {
        match &self.scope {
            Scope::All(_) => true,
            Scope::Changed { lines, .. } | Scope::Staged(lines) => lines
                .get(path)
                .is_some_and(|ranges| ranges.iter().any(|range| range.contains(&line))),
        }
    }

    /// The beginning of a file; nothing when it cannot be read.
    pub(crate) fn head(&self, path: &Path) -> Vec<u8> {
        let mut head = Vec::new();
        if let Ok(file) = std::fs::File::open(self.root.join(path)) {
            let _unreadable_is_empty = file.take(HEAD as u64).read_to_end(&mut head);
        }
        head
    }
}

/// All files below a folder that is no repository. Symbolic links are not followed.
///
/// # Errors
/// The folder cannot be read; folders in it that cannot are left out.
pub(crate) fn walk(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    std::fs::read_dir(root).with_context(|| format!("read {}", root.display()))?;
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            let path = folder.join(entry.file_name());
            if kind.is_dir() && !FOREIGN.iter().any(|name| entry.file_name() == *name) {
                folders.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The paths of a list of git's that was made with `-z`. A name may be any bytes but NUL.
pub(crate) fn paths(list: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// The lines that are new, by file, of a diff without context (`git diff -U0`).
/// The format: <https://git-scm.com/docs/diff-format#generate_patch_text_with_p>
pub(crate) fn added_lines(diff: &[u8]) -> Vec<RangeInclusive<usize>> {
    let lines = diff.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"@@ "));
    lines
        .filter_map(|hunk| {
            let hunk = str::from_utf8(hunk.get(..hunk.len().min(80))?).ok()?;
            let added = hunk.split(' ').nth(1)?.strip_prefix('+')?;
            let (start, count) = added.split_once(',').unwrap_or((added, "1"));
            let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
            (count > 0).then(|| start..=start + count - 1)
        })
        .collect()
}
