//! Files that are whole or not there.

use std::io::Write;
use std::path::Path;

use anyhow::Context;

use crate::{Exit, Fail, FailContext};

/// Writes a file through a temporary one beside it, so that no reader ever sees half of it and an
/// interrupted step leaves the old content. Creates the folders above it.
///
/// # Errors
/// Names the path.
pub fn write_atomically(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let write = || -> anyhow::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new()
            .prefix(".landfall-")
            .permissions(readable_by_all())
            .tempfile_in(folder)?;
        file.write_all(content)?;
        file.persist(path).context("put the file in its place")?;
        Ok(())
    };
    write().or_fail(|| {
        Fail::new(Exit::Failed, format!("write {}", path.display()))
            .help("check that the folder exists, is writable and has space left")
    })
}

/// Temporary files are made for the owner alone; what a step hands over is for later jobs, which
/// may run as another user.
fn readable_by_all() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}
