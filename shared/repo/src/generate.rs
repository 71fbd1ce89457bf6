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
    files.extend(bundle(workspace)?);
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

/// The template that includes all others, if there is one.
fn bundle(workspace: &Workspace) -> anyhow::Result<Option<File>> {
    let path = PathBuf::from("ci-templates/landfall.yml");
    if !workspace.root().join(&path).exists() {
        return Ok(None);
    }
    let steps = workspace.steps().map(|step| step.name.as_str());
    let content = with_includes(&workspace.read(&path)?, steps);
    Ok(Some(File { path, content }))
}

/// A template whose `include:`, at its end, holds base.yml and the template of each step.
fn with_includes<'a>(template: &str, steps: impl Iterator<Item = &'a str>) -> String {
    let is_step = |line: &&str| line.starts_with(INCLUDE) && !line.ends_with("/base.yml");
    let kept = template.lines().filter(|line| !is_step(line)).map(str::to_owned);
    let lines = kept.chain(steps.map(|step| format!("{INCLUDE}{step}.yml")));
    lines.map(|line| line + "\n").collect()
}

const INCLUDE: &str = "  - local: /ci-templates/";

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
    fn the_template_of_all_includes_each_step_once() {
        let template = "include:\n  - local: /ci-templates/base.yml\n    inputs: {}\n  - local: /ci-templates/old.yml\n";
        assert_eq!(
            with_includes(template, ["a", "b"].into_iter()),
            "include:\n  - local: /ci-templates/base.yml\n    inputs: {}\n  - local: /ci-templates/a.yml\n  - local: /ci-templates/b.yml\n"
        );
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
