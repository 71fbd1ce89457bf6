//! Where documents lie, and where the references in them lead.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;
use url::Url;

use crate::input::{Input, without_password};

/// Where a document lies. References in it are relative to that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Location {
    /// A file, by its absolute path without `..`.
    File(PathBuf),
    /// An address, without a fragment.
    Url(Url),
    /// A file of a commit, by its path from the root of the repository around `folder`.
    Git { folder: PathBuf, revision: String, path: String },
}

impl Location {
    /// Where an input lies; a description from standard input lies in `folder`.
    pub(super) fn of(input: &Input, folder: &Path) -> Self {
        match input {
            Input::File(path) => {
                let path = folder.join(path);
                Location::File(path.canonicalize().unwrap_or_else(|_| without_dots(&path)))
            }
            Input::Stdin => Location::File(folder.join("-")),
            Input::Url(url) => Location::Url(without_fragment(url.clone())),
            Input::Git { folder, revision, path } => {
                let (folder, revision) = (folder.clone(), revision.clone());
                Location::Git { folder, revision, path: path.clone() }
            }
        }
    }

    /// What to read it from.
    pub(super) fn input(&self) -> Input {
        match self {
            Location::File(path) => Input::File(path.clone()),
            Location::Url(url) => Input::Url(url.clone()),
            Location::Git { folder, revision, path } => {
                let (folder, revision) = (folder.clone(), revision.clone());
                Input::Git { folder, revision, path: path.clone() }
            }
        }
    }

    /// Where a reference without its fragment leads.
    ///
    /// # Errors
    /// It leads nowhere that can be read; the text says why.
    pub(super) fn join(&self, reference: &str) -> Result<Self, String> {
        match (self, scheme(reference)) {
            (_, Some("http" | "https")) => match reference.parse() {
                Ok(url) => Ok(Location::Url(without_fragment(url))),
                Err(err) => Err(format!("`{reference}` is not a URL: {err}")),
            },
            (Location::File(_), Some("file")) => {
                let path = reference.parse::<Url>().ok().and_then(|url| url.to_file_path().ok());
                let path = path.ok_or_else(|| format!("`{reference}` names no file"))?;
                Ok(Location::File(without_dots(&path)))
            }
            (_, Some(scheme)) => Err(format!("nothing is read by `{scheme}:`")),
            (Location::Url(base), None) => match base.join(reference) {
                Ok(url) => Ok(Location::Url(without_fragment(url))),
                Err(err) => Err(format!("`{reference}` is not a URL: {err}")),
            },
            (Location::File(base), None) => {
                let folder = base.parent().unwrap_or(Path::new("/"));
                Ok(Location::File(without_dots(&folder.join(decode(reference)?))))
            }
            (Location::Git { folder, revision, path }, None) => {
                // A root of its own, so that one that leads out of it is known.
                let beside = Path::new(path).parent().unwrap_or(Path::new(""));
                let path = beside.join(decode(reference)?);
                let path = inside(&path).ok_or_else(|| {
                    format!("`{reference}` leads out of the repository of the commit")
                })?;
                let (folder, revision) = (folder.clone(), revision.clone());
                Ok(Location::Git { folder, revision, path })
            }
        }
    }

    /// The name in findings: a path is relative to `folder`.
    pub(super) fn name(&self, folder: &Path) -> String {
        match self {
            Location::File(path) => relative(path, folder).display().to_string(),
            Location::Url(url) => without_password(url).to_string(),
            Location::Git { .. } => self.input().to_string(),
        }
    }

    /// The name of the file without its ending.
    pub(super) fn stem(&self) -> String {
        let path = match self {
            Location::File(path) => path.clone(),
            Location::Url(url) => url.path().into(),
            Location::Git { path, .. } => path.into(),
        };
        path.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// The scheme of a reference that has one (RFC 3986, 3.1).
fn scheme(reference: &str) -> Option<&str> {
    let (scheme, _) = reference.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'+' | b'-' | b'.'));
    is_scheme.then_some(scheme)
}

fn decode(reference: &str) -> Result<String, String> {
    let text = percent_decode_str(reference).decode_utf8();
    text.map(Into::into).map_err(|_| format!("`{reference}` is not UTF-8"))
}

fn without_fragment(mut url: Url) -> Url {
    url.set_fragment(None);
    url
}

/// An absolute path without `.` and `..`, as it is written: links are not followed.
pub(super) fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

/// A relative path without `.` and `..`, unless it leads out of where it begins.
fn inside(path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// A path as seen from a folder; both are absolute.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_relative_to_the_document_that_holds_them() {
        let file = |path: &str| Location::File(path.into());
        let url = |text: &str| Location::Url(text.parse().unwrap());
        let git = |path: &str| Location::Git {
            folder: "".into(),
            revision: "main".into(),
            path: path.into(),
        };
        for (base, reference, expected) in [
            (file("/r/api/a.yaml"), "b.yaml", Ok(file("/r/api/b.yaml"))),
            (file("/r/api/a.yaml"), "../x%20y/./b.yaml", Ok(file("/r/x y/b.yaml"))),
            (file("/r/a.yaml"), "/etc/passwd", Ok(file("/etc/passwd"))),
            (file("/r/a.yaml"), "file:///etc/passwd", Ok(file("/etc/passwd"))),
            (file("/r/a.yaml"), "https://h/b?c", Ok(url("https://h/b?c"))),
            (url("https://h/x/a.json"), "../b.json", Ok(url("https://h/b.json"))),
            (url("https://h/x/a.json"), "//i/b.json", Ok(url("https://i/b.json"))),
            (git("api/a.yaml"), "b/c.yaml", Ok(git("api/b/c.yaml"))),
            (git("api/a.yaml"), "../c.yaml", Ok(git("c.yaml"))),
            (git("api/a.yaml"), "../../c.yaml", Err("leads out of the repository")),
            (git("api/a.yaml"), "/c.yaml", Err("leads out of the repository")),
            (url("https://h/a"), "file:///etc/passwd", Err("nothing is read by `file:`")),
            (file("/r/a"), "urn:example:a", Err("nothing is read by `urn:`")),
            (file("/r/a"), "ftp://h/a", Err("nothing is read by `ftp:`")),
        ] {
            match (base.join(reference), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{reference}"),
                (Err(found), Err(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{reference}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn names_are_relative_to_the_current_folder() {
        let name = |path: &str| Location::File(path.into()).name(Path::new("/r/api"));
        assert_eq!(name("/r/api/x/a.yaml"), "x/a.yaml");
        assert_eq!(name("/r/shared/a.yaml"), "../shared/a.yaml");
        let url = Location::Url("https://u:secret@h/a".parse().unwrap());
        assert_eq!(url.name(Path::new("/")), "https://u:MASKED@h/a");
    }
}
