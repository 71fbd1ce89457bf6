//! Files that are whole or not there.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;

use crate::{Exit, Fail, FailContext};

/// Writes a file through a temporary one beside it, so that no reader ever sees half of it and an
/// interrupted step leaves the old content. Creates the folders above it.
///
/// # Errors
/// Names the path. Exit 2: it is a folder or a device, which a file must not replace.
pub fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    write_atomically_from(path, content)
}

/// As [`write_atomically`], with a content that need not be in memory.
///
/// # Errors
/// As those of [`write_atomically`]; the content cannot be read.
pub fn write_atomically_from(path: &Path, mut content: impl Read) -> anyhow::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        let message = format!("{} is no file, and is not replaced by one", path.display());
        return Err(Fail::invalid(message).help("name a file to write").into());
    }
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut write = || -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".landfall-")
            .permissions(readable_by_all())
            .tempfile_in(folder)?;
        io::copy(&mut content, &mut file)?;
        file.persist(path).context("put the file in its place")?;
        Ok(())
    };
    write().or_fail(|| {
        Fail::new(Exit::Failed, format!("write {}", path.display()))
            .help("check that the folder exists, is writable and has space left")
    })
}

/// Whether a file holds this already. Folders and devices hold nothing, and are not read.
pub fn holds(path: &Path, content: &[u8]) -> bool {
    let length = u64::try_from(content.len()).ok();
    let found = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file);
    found.is_some_and(|found| Some(found.len()) == length)
        && std::fs::read(path).is_ok_and(|held| held == content)
}

/// Temporary files are made for the owner alone; what a step hands over is for later jobs, which
/// may run as another user.
fn readable_by_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_or_a_device_is_not_replaced_by_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let err = write_atomically(folder.path(), b"x").unwrap_err();
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Invalid);
        assert!(folder.path().is_dir());
        assert!(write_atomically(Path::new("/dev/null"), b"x").is_err());
        let file = folder.path().join("a/b.json");
        write_atomically(&file, b"x").unwrap();
        write_atomically(&file, b"y").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"y");
    }

    #[test]
    fn a_file_holds_what_was_written_and_a_device_holds_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        assert!(!holds(&file, b"x"));
        write_atomically(&file, b"x").unwrap();
        assert!(holds(&file, b"x"));
        assert!(!holds(&file, b"y") && !holds(&file, b"xy"));
        // It never ends.
        assert!(!holds(Path::new("/dev/zero"), b"\0"));
    }
}
