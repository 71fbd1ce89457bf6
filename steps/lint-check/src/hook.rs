//! The hook of git that checks what is staged before each commit.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, write_atomically};

use crate::tree::Tree;

/// How the hook is known again.
const MARK: &str = "# lint-check hook";

/// Written by `lint-check hook install`.
const HOOK: &str = "#!/bin/sh
# lint-check hook: checks what is staged. Leave it out once with `git commit --no-verify`.
command -v lint-check >/dev/null || {
  echo 'lint-check is not in PATH: install it, or commit without it: git commit --no-verify' >&2
  exit 1
}
report=$(lint-check --staged --quiet)
code=$?
# What passes whole is told in one line, which nobody has to read.
if [ $code -ne 0 ] || [ \"$(printf '%s\\n' \"$report\" | wc -l)\" -gt 1 ]; then
  printf '%s\\n' \"$report\"
fi
exit $code
";

/// Where git looks for the hook of this repository.
///
/// # Errors
/// Exit 2: this is no repository. Exit 8: it looks in a place that is for others as well.
async fn place(tree: &Tree) -> anyhow::Result<PathBuf> {
    if tree.repository.is_none() {
        return Err(Fail::invalid("this is no repository of git").help("run in a clone").into());
    }
    let root = tree.root.as_path();
    let ask = async |what: [&str; 2]| {
        let asked = Process::new("git", ["rev-parse", what[0], what[1]]).folder(root);
        anyhow::Ok(root.join(asked.output().await?))
    };
    let path = ask(["--git-path", "hooks/pre-commit"]).await?;
    let shared = ask(["--path-format=absolute", "--git-common-dir"]).await?;
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = real(path.parent().unwrap_or(root));
    if folder.starts_with(real(root)) || folder.starts_with(real(&shared)) {
        return Ok(path);
    }
    let message =
        format!("git takes hooks from {} for other repositories as well", folder.display());
    Err(Fail::new(Exit::Refused, message)
        .help("git config --local core.hooksPath .git/hooks makes it take those of this one")
        .into())
}

/// What is there.
enum Found {
    Nothing,
    Own,
    /// Ours, with lines of somebody else.
    Changed,
    /// Something that somebody else has written, or made in another way.
    Other,
}

fn found(path: &Path) -> Found {
    match std::fs::read(path) {
        Err(err) if err.kind() == ErrorKind::NotFound && !path.is_symlink() => Found::Nothing,
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) if text == HOOK => Found::Own,
            Ok(text) if text.contains(MARK) => Found::Changed,
            _ => Found::Other,
        },
        Err(_) => Found::Other,
    }
}

/// Writes the hook, unless this is a dry run; whether there was something to do.
///
/// # Errors
/// Exit 8: there is a hook of another kind, or one that was changed by hand.
pub(crate) async fn install(tree: &Tree, is_dry_run: bool) -> anyhow::Result<(PathBuf, bool)> {
    let path = place(tree).await?;
    let is_executable = || path.metadata().is_ok_and(|it| it.permissions().mode() & 0o111 != 0);
    match found(&path) {
        Found::Own if is_executable() => return Ok((path, false)),
        Found::Changed => return Err(changed(&path).into()),
        Found::Other => return Err(other(&path).into()),
        Found::Own | Found::Nothing if is_dry_run => return Ok((path, true)),
        Found::Own | Found::Nothing => {}
    }
    write_atomically(&path, HOOK.as_bytes())?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("make {} executable", path.display()))?;
    Ok((path, true))
}

/// Removes the hook, unless this is a dry run; whether there was something to do.
///
/// # Errors
/// Exit 8: there is a hook of another kind, or one that was changed by hand.
pub(crate) async fn uninstall(tree: &Tree, is_dry_run: bool) -> anyhow::Result<(PathBuf, bool)> {
    let path = place(tree).await?;
    match found(&path) {
        Found::Nothing => Ok((path, false)),
        Found::Own if is_dry_run => Ok((path, true)),
        Found::Own => {
            std::fs::remove_file(&path).with_context(|| format!("remove {}", path.display()))?;
            Ok((path, true))
        }
        Found::Changed => Err(changed(&path).into()),
        Found::Other => Err(other(&path).into()),
    }
}

fn changed(path: &Path) -> Fail {
    let message = format!("{} is the hook of lint-check, changed by hand", path.display());
    Fail::new(Exit::Refused, message).help(format!(
        "keep what you need of it elsewhere and remove it: rm {}; or leave it as it is: it works",
        path.display()
    ))
}

fn other(path: &Path) -> Fail {
    Fail::new(Exit::Refused, format!("{} is a hook of another kind", path.display()))
        .help("let it call `lint-check --staged` itself")
}
