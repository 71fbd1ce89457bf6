//! Files that are written by a program, and the check that they are fresh: the check is the same
//! code without the write.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::workspace::{Programs, Workspace};

/// A file, or a part of one, that is generated.
#[derive(Debug)]
pub struct File {
    /// Relative to the root.
    pub path: PathBuf,
    /// What it should hold.
    pub content: String,
}

/// The generated files whose content on the disk is another.
///
/// # Errors
/// A step is not built, or its README lacks the place for the usage.
pub fn stale(workspace: &Workspace, programs: &Programs) -> anyhow::Result<Vec<File>> {
    let mut files = vec![schema()?];
    for step in workspace.steps() {
        files.push(usage(workspace, programs, &step.name, &step.folder)?);
    }
    let on_disk = |path: &Path| std::fs::read_to_string(workspace.root().join(path)).ok();
    files.retain(|file| on_disk(&file.path).as_ref() != Some(&file.content));
    Ok(files)
}

/// Writes the files.
///
/// # Errors
/// Names the path.
pub fn write(workspace: &Workspace, files: &[File]) -> anyhow::Result<()> {
    files.iter().try_for_each(|file| {
        step_core::write_atomically(&workspace.root().join(&file.path), file.content.as_bytes())
    })
}

/// A README with the text of `--help` between its anchors.
///
/// # Errors
/// An anchor is missing.
pub fn with_usage(readme: &str, help: &str) -> anyhow::Result<String> {
    let missing = || format!("write the lines {BEGIN} and {END} below `## Usage`");
    let (before, rest) = readme.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    let lines: Vec<&str> = help.trim().lines().map(str::trim_end).collect();
    Ok(format!("{before}{BEGIN}\n```text\n{}\n```\n{END}{after}", lines.join("\n")))
}

/// Where the usage begins in a README.
pub const BEGIN: &str = "<!-- usage:begin -->";
/// Where the usage ends in a README.
pub const END: &str = "<!-- usage:end -->";

fn schema() -> anyhow::Result<File> {
    let path = PathBuf::from("shared/landfall-toml/landfall.schema.json");
    Ok(File { path, content: landfall_toml::schema()? })
}

fn usage(
    workspace: &Workspace,
    programs: &Programs,
    step: &str,
    folder: &Path,
) -> anyhow::Result<File> {
    let path = folder.join("README.md");
    let readme = workspace.read(&path)?;
    let content = with_usage(&readme, &programs.output(step, &["--help"])?);
    Ok(File { content: content.with_context(|| path.display().to_string())?, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_anchors_is_replaced() {
        let readme = format!("# x\n{BEGIN}\nold\n{END}\nafter\n");
        let fresh = with_usage(&readme, "Do it.  \n\nUsage: x\n").unwrap();
        assert_eq!(
            fresh,
            format!("# x\n{BEGIN}\n```text\nDo it.\n\nUsage: x\n```\n{END}\nafter\n")
        );
        assert_eq!(with_usage(&fresh, "Do it.\n\nUsage: x").unwrap(), fresh);
    }

    #[test]
    fn a_readme_without_anchors_is_told_what_to_write() {
        let err = with_usage("# x\n", "help").unwrap_err();
        assert_eq!(
            err.to_string(),
            "write the lines <!-- usage:begin --> and <!-- usage:end --> below `## Usage`"
        );
    }
}
