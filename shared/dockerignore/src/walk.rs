//! The files of a context that are sent. Only reads.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use crate::Patterns;
use crate::pattern::{Verdict, is_at_or_below};

/// One file, directory or symbolic link to send.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Relative to the context, separated by `/`.
    pub path: String,
    /// Where it is on this machine: absolute.
    pub source: PathBuf,
    /// Its own metadata; that of a symbolic link is the link's, not the target's.
    pub metadata: Metadata,
}

/// A part of the context that could not be read.
#[derive(Debug, Error)]
#[error("read the build context at {}", path.display())]
pub struct WalkError {
    /// What was to be read.
    pub path: PathBuf,
    /// Why it was not.
    pub source: io::Error,
}

/// The ignore file that holds for a build: `<dockerfile>.dockerignore` beside the Dockerfile if it is
/// there, else `.dockerignore` at the root of the context, else none. The two are not merged, and a first
/// one that is empty still hides the second.
///
/// `dockerfile` is a path that this process can open (not one relative to the context). From BuildKit's
/// Dockerfile frontend.
#[must_use]
pub fn ignore_file_for(context: &Path, dockerfile: &Path) -> Option<PathBuf> {
    let mut beside = dockerfile.as_os_str().to_owned();
    beside.push(".dockerignore");
    [PathBuf::from(beside), context.join(".dockerignore")].into_iter().find(|file| file.is_file())
}

/// What of `context` is sent under `patterns`, in the order in which Docker sends it: directory by
/// directory, names in byte order, a directory before what is in it (so `a`, `a/b`, `a-b`; it is also the
/// order of [`Path`]).
///
/// A directory that is left out comes along when something in it does. Symbolic links are entries, never
/// followed (but `context` itself may be one). Sockets are left out. Named pipes and devices are entries.
/// What vanishes during the walk is left out too. From tonistiigi/fsutil.
///
/// `always`: paths relative to the context that are sent even if excluded, such as the Dockerfile and
/// `.dockerignore` for a builder that reads them from the context; a missing one, one outside the context,
/// and what is in an excluded directory named here are not.
///
/// # Errors
/// A directory or file that cannot be read (except an excluded directory without permission), or whose
/// name is to be sent and is not UTF-8.
pub fn walk(
    context: &Path,
    patterns: &Patterns,
    always: &[&Path],
) -> Result<Vec<Entry>, WalkError> {
    let root = fs::canonicalize(context).map_err(at(context))?;
    let always = always.iter().filter_map(|path| relative(path)).collect();
    let mut walk = Walk { patterns, always, sent: Vec::new() };
    walk.directory(&root, "", &Verdict::default())?;
    Ok(walk.sent)
}

struct Walk<'a> {
    patterns: &'a Patterns,
    always: Vec<String>,
    sent: Vec<Entry>,
}

impl Walk<'_> {
    /// `path` is that of `dir` within the context with a `/` at its end, or empty for the context itself.
    fn directory(&mut self, dir: &Path, path: &str, verdict: &Verdict) -> Result<(), WalkError> {
        let mut names = match fs::read_dir(dir).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries.into_iter().map(|entry| entry.file_name()).collect::<Vec<_>>(),
            Err(error) if !path.is_empty() && may_pass(&error, verdict) => return Ok(()),
            Err(error) => return Err(at(dir)(error)),
        };
        names.sort();
        for name in names {
            let source = dir.join(&name);
            let child = format!("{path}{}", name.to_string_lossy());
            self.child(source, child, name.to_str().is_some(), verdict)?;
        }
        Ok(())
    }

    fn child(
        &mut self,
        source: PathBuf,
        path: String,
        is_utf8: bool,
        parent: &Verdict,
    ) -> Result<(), WalkError> {
        let verdict = self.patterns.verdict(&path, parent);
        let metadata = match fs::symlink_metadata(&source) {
            Ok(metadata) => metadata,
            Err(error) if may_pass(&error, &verdict) => return Ok(()),
            Err(error) => return Err(at(&source)(error)),
        };
        let excluded = verdict.excluded && !self.always.contains(&path);
        if metadata.is_dir() {
            let leads_on = self.patterns.may_reinclude_below(&path)
                || self.always.iter().any(|file| is_at_or_below(file, &path));
            if excluded && !leads_on {
                return Ok(());
            }
        } else if excluded || metadata.file_type().is_socket() {
            return Ok(());
        }
        if !is_utf8 {
            let error = "its name is not UTF-8; rename it or exclude it in .dockerignore";
            return Err(at(&source)(io::Error::new(io::ErrorKind::InvalidData, error)));
        }

        let is_dir = metadata.is_dir();
        self.sent.push(Entry { path: path.clone(), source: source.clone(), metadata });
        let sent = self.sent.len();
        if is_dir {
            self.directory(&source, &format!("{path}/"), &verdict)?;
            if excluded && self.sent.len() == sent {
                self.sent.pop();
            }
        }
        Ok(())
    }
}

/// Docker passes over what vanished, and over what is excluded and may not be read.
fn may_pass(error: &io::Error, verdict: &Verdict) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => verdict.excluded,
        _ => false,
    }
}

/// `path` without `.`, separated by `/`; `None` if it cannot be that of an entry.
fn relative(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WalkError {
    move |source| WalkError { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use tempfile::TempDir;

    use super::*;

    /// A context with these files; a name ending in `/` is an empty directory.
    fn context(files: &[&str]) -> TempDir {
        let dir = TempDir::new().unwrap();
        for file in files {
            let path = dir.path().join(file);
            if file.ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, file).unwrap();
            }
        }
        dir
    }

    fn sent_with(dir: &TempDir, ignore: &str, always: &[&str]) -> Vec<String> {
        let always: Vec<&Path> = always.iter().map(Path::new).collect();
        let entries = walk(dir.path(), &Patterns::parse(ignore).unwrap(), &always).unwrap();
        entries.into_iter().map(|entry| entry.path).collect()
    }

    fn sent(dir: &TempDir, ignore: &str) -> Vec<String> {
        sent_with(dir, ignore, &[])
    }

    #[test]
    fn everything_is_sent_in_the_order_of_paths_when_nothing_is_excluded() {
        let dir = context(&["b", "a/c", "a/B", "a-b", "a.b", ".dockerignore", "empty/"]);
        let paths = sent(&dir, "");
        assert_eq!(paths, [".dockerignore", "a", "a/B", "a/c", "a-b", "a.b", "b", "empty"]);
        assert!(paths.is_sorted_by_key(Path::new));
    }

    #[test]
    fn an_excluded_directory_comes_along_before_what_is_re_included_in_it() {
        let dir = context(&["a/b/keep", "a/b/x", "a/c/x", "z"]);
        assert_eq!(sent(&dir, "*\n!a/b/keep"), ["a", "a/b", "a/b/keep"]);
        assert_eq!(sent(&dir, "*\n!**/keep"), ["a", "a/b", "a/b/keep"]);
        assert_eq!(sent(&dir, "*\n!**/gone"), [""; 0]);
        assert_eq!(sent(&dir, "a/b\nz"), ["a", "a/c", "a/c/x"]);
    }

    #[test]
    fn a_directory_where_nothing_can_be_re_included_is_not_read() {
        let patterns = Patterns::parse("*\n!a/b/keep\n!c/*").unwrap();
        for dir in ["a", "a/b", "c"] {
            assert!(patterns.may_reinclude_below(dir), "{dir}");
        }
        for dir in ["b", "a/c", "ab", "a/b/x", "c/d"] {
            assert!(!patterns.may_reinclude_below(dir), "{dir}");
        }
        assert!(!Patterns::parse("*").unwrap().may_reinclude_below("a"));
        assert!(Patterns::parse("*\n!*.md").unwrap().may_reinclude_below("a/b"));
        // Docker's shortcut loses this file, which a match would re-include.
        let dir = context(&["a/b/c"]);
        assert!(!Patterns::parse("a\n!a/*/**").unwrap().is_excluded("a/b/c"));
        assert_eq!(sent(&dir, "a\n!a/*/**"), [""; 0]);
    }

    #[test]
    fn what_always_travels_does_so_with_its_parents_alone() {
        let dir = context(&["Dockerfile", ".dockerignore", "ci/Dockerfile", "ci/x", "x"]);
        assert_eq!(
            sent_with(&dir, "**", &["./ci/Dockerfile", ".dockerignore", "gone/file", "../x", "/x"]),
            [".dockerignore", "ci", "ci/Dockerfile"]
        );
        assert_eq!(sent_with(&dir, "*", &["ci"]), ["ci"]);
        assert_eq!(sent_with(&dir, "x\nci", &["x"]), [".dockerignore", "Dockerfile", "x"]);
    }

    #[test]
    fn links_are_sent_as_links_and_sockets_not_at_all() {
        let dir = context(&["real/file"]);
        symlink("real", dir.path().join("link")).unwrap();
        symlink("gone", dir.path().join("broken")).unwrap();
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let entries = walk(dir.path(), &Patterns::default(), &[]).unwrap();
        let kinds: Vec<_> = entries.iter().map(|e| (&*e.path, e.metadata.is_symlink())).collect();
        assert_eq!(
            kinds,
            [("broken", true), ("link", true), ("real", false), ("real/file", false)]
        );
        assert_eq!(fs::read(&entries[3].source).unwrap(), b"real/file");
        assert!(entries.iter().all(|entry| entry.source.is_absolute()));
    }

    #[test]
    fn a_context_that_is_a_link_is_walked() {
        let dir = context(&["real/file"]);
        symlink("real", dir.path().join("link")).unwrap();
        let entries = walk(&dir.path().join("link"), &Patterns::default(), &[]).unwrap();
        assert_eq!(entries[0].source, dir.path().canonicalize().unwrap().join("real/file"));
    }

    #[test]
    fn a_context_that_is_missing_or_a_file_is_an_error_with_its_path() {
        let dir = context(&["file"]);
        for name in ["missing", "file"] {
            let error = walk(&dir.path().join(name), &Patterns::default(), &[]).unwrap_err();
            assert!(error.path.ends_with(name), "{error}");
            assert!(error.to_string().ends_with(name), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_not_utf8_is_an_error_unless_excluded() {
        let dir = context(&["ok"]);
        let name = std::ffi::OsStr::from_bytes(b"bad\xff");
        if fs::write(dir.path().join(name), "").is_err() {
            return; // a file system that has no such names
        }
        let error = walk(dir.path(), &Patterns::default(), &[]).unwrap_err();
        assert!(error.path.ends_with(name), "{error}");
        assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
        assert_eq!(sent(&dir, "bad?"), ["ok"]);
    }

    #[test]
    fn the_ignore_file_of_the_dockerfile_beats_that_of_the_context() {
        let dir = context(&["ci/app.Dockerfile"]);
        let dockerfile = dir.path().join("ci/app.Dockerfile");
        let found = || ignore_file_for(dir.path(), &dockerfile);
        assert_eq!(found(), None);
        let root = dir.path().join(".dockerignore");
        fs::write(&root, "").unwrap();
        assert_eq!(found(), Some(root));
        let beside = dir.path().join("ci/app.Dockerfile.dockerignore");
        fs::write(&beside, "").unwrap();
        assert_eq!(found(), Some(beside));
    }
}
