//! The hook of git that checks what is staged before each commit.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, write_atomically};

/// How the hook is known again.
const MARK: &str = "# lint-check hook";

/// Written by `lint-check hook install`.
const HOOK: &str = "#!/bin/sh
# lint-check hook: checks what is staged. Leave it out once with `git commit --no-verify`.
exec lint-check --staged --quiet
";

/// Where git looks for the hook.
///
/// # Errors
/// Exit 2: this is no repository.
async fn place(root: &Path) -> anyhow::Result<PathBuf> {
    let asked = Process::new("git", ["rev-parse", "--git-path", "hooks/pre-commit"]);
    let asked = asked.folder(root).output().await;
    let path = asked.context(Fail::invalid("this is no repository of git"))?;
    Ok(root.join(path))
}

/// Writes the hook; whether there was something to do.
///
/// # Errors
/// Exit 8: there is a hook of another kind.
pub(crate) async fn install(root: &Path) -> anyhow::Result<(PathBuf, bool)> {
    let path = place(root).await?;
    match std::fs::read_to_string(&path) {
        Ok(text) if text == HOOK => return Ok((path, false)),
        Ok(text) if !text.contains(MARK) => return Err(other(&path).into()),
        _ => {}
    }
    write_atomically(&path, HOOK.as_bytes())?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("make {} executable", path.display()))?;
    Ok((path, true))
}

/// Removes the hook; whether there was something to do.
///
/// # Errors
/// Exit 8: there is a hook of another kind.
pub(crate) async fn uninstall(root: &Path) -> anyhow::Result<(PathBuf, bool)> {
    let path = place(root).await?;
    match std::fs::read_to_string(&path) {
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok((path, false)),
        Ok(text) if text.contains(MARK) => {
            std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            Ok((path, true))
        }
        _ => Err(other(&path).into()),
    }
}

fn other(path: &Path) -> Fail {
    Fail::new(Exit::Refused, format!("{} is a hook of another kind", path.display()))
        .help("let it call `lint-check --staged` itself")
}
