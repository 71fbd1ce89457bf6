//! What goes into a package. Only reads.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dockerignore::{Patterns, WalkError};

use crate::bootstrap;
use crate::{ENTRIES_LIMIT, Error, IGNORE_FILE, Options, UNZIPPED_LIMIT};

/// A file, folder or link to pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// From the top of the package, separated by `/`.
    pub(crate) path: String,
    pub(crate) content: Content,
}

/// What an item holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Folder,
    File {
        /// Where it is on this machine.
        source: PathBuf,
        /// In bytes.
        size: u64,
        executable: bool,
    },
    Link {
        target: String,
    },
}

impl Item {
    /// In bytes; of a link, the length of its target.
    pub(crate) fn size(&self) -> u64 {
        match &self.content {
            Content::Folder => 0,
            Content::File { size, .. } => *size,
            Content::Link { target } => target.len() as u64,
        }
    }
}

/// Why a link is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkFault {
    /// To a path from the root, or above the top of the package.
    Outside,
    /// To what is not in the package.
    Broken,
    /// To itself, by way of others or not.
    Circle,
}

impl LinkFault {
    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Outside => "put a copy in its place, or a relative link to a file in the package",
            Self::Broken => "remove it, put its target into the package",
            Self::Circle => "remove it",
        }
    }
}

impl Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Outside => "leads out of the package",
            Self::Broken => "leads to nothing in the package",
            Self::Circle => "leads back to itself",
        })
    }
}

/// What of `source` is packed, in the order of the zip: folders before what is in them, names in byte order.
///
/// # Errors
/// It is missing, cannot be read, has no file, or holds something that a package cannot have.
pub(crate) fn collect(source: &Path, options: &Options) -> Result<Vec<Item>, Error> {
    let metadata = fs::metadata(source).map_err(|error| at(source)(error))?;
    if metadata.is_dir() {
        let items = folder(source, options)?;
        check_links(source, &items)?;
        Ok(items)
    } else if metadata.is_file() {
        Ok(vec![file(source, &metadata, options)?])
    } else {
        Err(Error::Special { path: source.to_owned() })
    }
}

/// # Errors
/// There is more than Lambda or a zip can take.
pub(crate) fn check_limits(source: &Path, items: &[Item]) -> Result<(), Error> {
    let unzipped = items.iter().map(Item::size).sum();
    if unzipped >= UNZIPPED_LIMIT {
        let largest = items.iter().max_by_key(|item| item.size());
        return Err(Error::TooLarge {
            path: source.to_owned(),
            unzipped,
            largest: largest.map(|item| item.path.clone()).unwrap_or_default(),
            largest_size: largest.map(Item::size).unwrap_or_default(),
        });
    }
    if items.len() > ENTRIES_LIMIT {
        return Err(Error::TooManyEntries { path: source.to_owned(), entries: items.len() });
    }
    Ok(())
}

/// The item to which `path` leads through links of the package; `path` is that of an item.
///
/// # Errors
/// It leads to nothing, or out of the package.
pub(crate) fn follow<'a>(items: &'a Index<'_>, path: &str) -> Result<Option<&'a Item>, LinkFault> {
    // What is still to be walked, the next at the end.
    let mut ahead: Vec<&str> = path.split('/').rev().collect();
    let mut walked: Vec<&str> = Vec::new();
    let mut found = None;
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        match name {
            "" | "." => continue,
            ".." => {
                walked.pop().ok_or(LinkFault::Outside)?;
                found = items.get(&*walked.join("/")).copied();
                continue;
            }
            name => walked.push(name),
        }
        let item = *items.get(&*walked.join("/")).ok_or(LinkFault::Broken)?;
        found = Some(item);
        match &item.content {
            Content::Folder => {}
            Content::File { .. } if ahead.is_empty() => {}
            Content::File { .. } => return Err(LinkFault::Broken),
            Content::Link { target } if target.starts_with('/') => return Err(LinkFault::Outside),
            Content::Link { target } => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(LinkFault::Circle);
                }
                walked.pop();
                found = None;
                ahead.extend(target.split('/').rev());
            }
        }
    }
    Ok(found)
}

/// As many as Linux follows. From path_resolution(7).
const MOST_LINKS: usize = 40;

/// Items by their path.
pub(crate) type Index<'a> = HashMap<&'a str, &'a Item>;

pub(crate) fn index(items: &[Item]) -> Index<'_> {
    items.iter().map(|item| (item.path.as_str(), item)).collect()
}

fn folder(source: &Path, options: &Options) -> Result<Vec<Item>, Error> {
    let patterns = patterns(&source.join(IGNORE_FILE))?;
    let entries = dockerignore::walk(source, &patterns, &[]).map_err(unreadable)?;
    let is_left_out = |path: &str| {
        path == IGNORE_FILE
            || options.leave_out.iter().any(|left| Path::new(path).starts_with(left))
    };
    let mut items = Vec::new();
    for entry in entries.into_iter().filter(|entry| !is_left_out(&entry.path)) {
        let content = content(&entry.source, &entry.metadata)?;
        items.push(Item { path: entry.path, content });
    }
    if items.iter().all(|item| item.content == Content::Folder) {
        let all = dockerignore::walk(source, &Patterns::default(), &[]).map_err(unreadable)?;
        let has_files =
            all.iter().any(|entry| entry.path != IGNORE_FILE && !entry.metadata.is_dir());
        return Err(Error::Empty { path: source.to_owned(), ignored: has_files });
    }
    Ok(items)
}

fn patterns(path: &Path) -> Result<Patterns, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::Read { path: path.to_owned(), source: error }),
    };
    Patterns::parse(&text).map_err(|source| Error::Ignore { path: path.to_owned(), source })
}

fn content(source: &Path, metadata: &Metadata) -> Result<Content, Error> {
    if metadata.is_dir() {
        Ok(Content::Folder)
    } else if metadata.is_file() {
        let executable = metadata.permissions().mode() & OWNER_MAY_EXECUTE != 0;
        Ok(Content::File { source: source.to_owned(), size: metadata.len(), executable })
    } else if metadata.is_symlink() {
        let target = fs::read_link(source).map_err(at(source))?;
        let target = target.into_os_string().into_string();
        let target = target.map_err(|_| Error::Name { path: source.to_owned() })?;
        Ok(Content::Link { target })
    } else {
        Err(Error::Special { path: source.to_owned() })
    }
}

/// The bit that git keeps as well, and that no umask for others takes away.
const OWNER_MAY_EXECUTE: u32 = 0o100;

/// A single file.
fn file(source: &Path, metadata: &Metadata, options: &Options) -> Result<Item, Error> {
    let name = source.file_name().unwrap_or_default();
    let name = name.to_str().ok_or_else(|| Error::Name { path: source.to_owned() })?;
    let start = bootstrap::start_of(source)?;
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Err(Error::Archive { path: source.to_owned() });
    }
    let is_program = options.custom_runtime && start.starts_with(bootstrap::ELF);
    let path = if is_program { bootstrap::NAME } else { name }.to_owned();
    Ok(Item { path, content: content(source, metadata)? })
}

fn check_links(source: &Path, items: &[Item]) -> Result<(), Error> {
    let index = index(items);
    for item in items {
        if let Content::Link { target } = &item.content {
            follow(&index, &item.path).map_err(|fault| Error::Link {
                path: source.join(&item.path),
                target: target.clone(),
                fault,
            })?;
        }
    }
    Ok(())
}

fn unreadable(error: WalkError) -> Error {
    match error.source.kind() {
        io::ErrorKind::InvalidData => Error::Name { path: error.path },
        _ => Error::Read { path: error.path, source: error.source },
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => Error::Read { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size: u64) -> Item {
        let content = Content::File { source: PathBuf::new(), size, executable: false };
        Item { path: path.to_owned(), content }
    }

    #[test]
    fn lambda_takes_less_than_its_limit() {
        let of = |size| check_limits(Path::new("app"), &[file("a", 100), file("b", size)]);
        assert!(of(UNZIPPED_LIMIT - 101).is_ok());
        let error = of(UNZIPPED_LIMIT - 100).unwrap_err();
        assert_eq!(
            error.to_string(),
            "app is 262144000 bytes unzipped, and Lambda takes less than 262144000; the largest \
             file is b with 262143900"
        );
    }

    #[test]
    fn a_zip_counts_so_many_entries_and_no_more() {
        let of = |entries| check_limits(Path::new("app"), &vec![file("a", 0); entries]);
        assert!(of(65_534).is_ok());
        let error = of(65_535).unwrap_err();
        assert!(error.to_string().contains("app holds 65535 files and folders"), "{error}");
    }
}
