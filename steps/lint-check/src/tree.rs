//! The files of the repository.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_git::Repository;

/// How much of a file is read to tell what it is, in bytes.
const HEAD: u64 = 4096;

/// Folders that hold no files of the project's own, where git does not tell.
const FOREIGN: [&str; 7] =
    [".git", ".landfall", "node_modules", "target", "vendor", ".venv", "__pycache__"];

/// All files that may be checked, relative to the root.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<PathBuf>,
    /// None where there is no git.
    pub(crate) repository: Option<Repository>,
}

impl Tree {
    /// The beginning of a file; nothing when it cannot be read.
    pub(crate) fn head(&self, path: &Path) -> Vec<u8> {
        self.beginning(path, HEAD)
    }

    /// The first bytes of a file; nothing when it cannot be read.
    pub(crate) fn beginning(&self, path: &Path, bytes: u64) -> Vec<u8> {
        let mut beginning = Vec::new();
        if let Ok(file) = std::fs::File::open(self.root.join(path)) {
            let _unreadable_is_empty = file.take(bytes).read_to_end(&mut beginning);
        }
        beginning
    }
}

/// The files of the tree by the names that findings have.
pub(crate) struct Names<'a> {
    files: HashSet<&'a OsStr>,
    /// Those whose names are not what they are shown as.
    others: HashMap<String, &'a Path>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(tree: &'a Tree) -> Self {
        let others = tree.files.iter().filter(|path| path.to_str().is_none());
        Self {
            files: tree.files.iter().map(|path| path.as_os_str()).collect(),
            others: others.map(|path| (shown(path), path.as_path())).collect(),
        }
    }

    /// The file of a name; none where it is no file of the tree, whatever may lie there.
    pub(crate) fn file(&self, name: &str) -> Option<&'a Path> {
        let plain = self.files.get(OsStr::new(name)).map(|it| Path::new(*it));
        plain.or_else(|| self.others.get(name).copied())
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
    Ok(without_caches(root, files))
}

/// Files without those in folders that programs have marked as their caches, as cargo does with `target`:
/// <https://bford.info/cachedir/>
pub(crate) fn without_caches(root: &Path, mut files: Vec<PathBuf>) -> Vec<PathBuf> {
    let is_mark = |path: &&PathBuf| {
        path.ends_with("CACHEDIR.TAG")
            && std::fs::read(root.join(path)).is_ok_and(|text| text.starts_with(CACHE))
    };
    let marks = files.iter().filter(is_mark).filter_map(|path| path.parent());
    let caches: Vec<PathBuf> =
        marks.filter(|folder| folder.parent().is_some()).map(Path::to_owned).collect();
    files.retain(|path| !caches.iter().any(|folder| path.starts_with(folder)));
    files
}

/// How the mark of a cache begins.
const CACHE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// A path as findings name it: as it is, where it is UTF-8, and else with its other bytes as `\xFF`.
pub(crate) fn shown(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut shown = String::new();
    for part in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        shown.push_str(part.valid());
        for byte in part.invalid() {
            shown.push_str(&format!("\\x{byte:02X}"));
        }
    }
    shown
}

/// A name that some programs print in another form, or that can be taken for something else in a line of
/// output.
pub(crate) fn is_odd(path: &Path) -> bool {
    let is_plain = |text: &str| !text.contains(|it: char| it.is_control() || it == ':');
    !path.to_str().is_some_and(is_plain)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_that_are_no_utf_8_are_told_apart() {
        let path = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        assert_eq!(shown(path("ä b.sh".as_bytes())), "ä b.sh");
        assert_eq!(shown(path(b"a\xFF.sh")), "a\\xFF.sh");
        assert_eq!(shown(path(b"a\xFE.sh")), "a\\xFE.sh");
        for (name, odd) in [
            (&b"a b.sh"[..], false),
            (b"-x.sh", false),
            ("ä.sh".as_bytes(), false),
            (b"a\n.sh", true),
            (b"a:1.sh", true),
            (b"\xFF", true),
        ] {
            assert_eq!(is_odd(path(name)), odd, "{name:?}");
        }
    }

    #[test]
    fn a_folder_without_git_is_walked_without_links_and_foreign_folders() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for path in ["b/c.sh", "a.sh", "node_modules/x.sh", ".landfall/cache/y.json"] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), "").unwrap();
        }
        std::os::unix::fs::symlink("..", root.join("b/loop")).unwrap();
        std::os::unix::fs::symlink("a.sh", root.join("link.sh")).unwrap();
        assert_eq!(walk(root).unwrap(), [PathBuf::from("a.sh"), PathBuf::from("b/c.sh")]);
        assert!(walk(&root.join("gone")).is_err());
    }
}
