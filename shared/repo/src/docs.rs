//! Manual pages and completions, for images and packages. They are not in git: the steps know
//! them themselves (`--man`, `--completions SHELL`).

use std::path::Path;

use step_core::write_atomically;

use crate::workspace::{Programs, Workspace};

/// Writes `man/man1/STEP.1` and `completions/SHELL/...` for all steps into `folder`, under the
/// file names by which each shell finds them.
///
/// # Errors
/// A step is not built, or the folder cannot be written.
pub fn write(workspace: &Workspace, programs: &Programs, folder: &Path) -> anyhow::Result<()> {
    for step in workspace.steps() {
        let name = &step.name;
        let pages = [
            (format!("man/man1/{name}.1"), vec!["--man"]),
            (format!("completions/bash/{name}"), vec!["--completions", "bash"]),
            (format!("completions/zsh/_{name}"), vec!["--completions", "zsh"]),
            (format!("completions/fish/{name}.fish"), vec!["--completions", "fish"]),
        ];
        for (path, args) in pages {
            write_atomically(&folder.join(path), programs.output(name, &args)?.as_bytes())?;
        }
    }
    Ok(())
}
