//! Lets linters mend what they can: one after the other, for two that write the same file would undo each
//! other's work; and all or nothing for each, as one that fails may leave files half written.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, output, write_atomically};

use crate::adapters::Unit;
use crate::run::{Work, arguments, folders, text_of};
use crate::scope;
use crate::tree::Tree;

/// Runs each linter that can mend; the files that are other than before.
///
/// # Errors
/// Exit 8: a file has changes that are not committed. A linter that fails is told, and what it changed
/// is put back.
pub(crate) async fn fix(
    tree: &Tree,
    works: &[Work<'_>],
    allow_dirty: bool,
) -> anyhow::Result<Vec<PathBuf>> {
    let able: Vec<&Work<'_>> = works.iter().filter(|work| work.linter.fix.is_some()).collect();
    let files: HashSet<&Path> = able.iter().flat_map(|work| work.files.iter().copied()).collect();
    if !allow_dirty {
        refuse_dirty(tree, &files).await?;
    }
    let mut mended = HashSet::new();
    for work in able {
        let _section = output::section(&format!("{} mends", work.linter.name));
        match mend(tree, work).await {
            Ok(changed) => mended.extend(changed),
            Err(err) => output::warn(format!("{}: nothing was mended: {err:#}", work.linter.name)),
        }
    }
    let mut mended: Vec<PathBuf> = mended.into_iter().collect();
    mended.sort();
    Ok(mended)
}

async fn refuse_dirty(tree: &Tree, files: &HashSet<&Path>) -> anyhow::Result<()> {
    if !tree.root.join(".git").exists() {
        let fail = Fail::new(
            Exit::Refused,
            "what is mended here could not be undone: this is no repository of git",
        );
        return Err(fail.help("add --allow-dirty to do it all the same").into());
    }
    let dirty = scope::dirty(&tree.root).await?;
    let dirty: Vec<String> = dirty
        .iter()
        .filter(|path| files.contains(path.as_path()))
        .map(|path| path.display().to_string())
        .collect();
    if dirty.is_empty() {
        return Ok(());
    }
    let message = format!("these files have changes that are not committed: {}", dirty.join(", "));
    Err(Fail::new(Exit::Refused, message).help("commit or stash them, or add --allow-dirty").into())
}

/// Lets one linter mend its files; those that are other than before.
async fn mend(tree: &Tree, work: &Work<'_>) -> anyhow::Result<Vec<PathBuf>> {
    let before = Snapshot::of(tree, work)?;
    let args = work.linter.fix.as_deref().unwrap_or_default();
    let files: &[&Path] = if work.linter.unit == Unit::Files { &work.files } else { &[] };
    let mut folders = folders(tree, work.linter);
    folders.retain(|folder| work.files.iter().any(|path| path.starts_with(folder)));
    for folder in folders {
        let process = Process::new(&work.program, arguments(args, files))
            .folder(tree.root.join(folder))
            .limit(work.linter.limit)
            .ending_group();
        let ran = process.run().await?;
        let output = text_of(&ran);
        if !work.linter.exits.contains(&output.exit) {
            before.restore()?;
            let said = output.sentence().unwrap_or_default();
            anyhow::bail!("it ended with {}: {said}", ran.status);
        }
    }
    before.changed(&work.files)
}

/// The contents of files as they were. They are put back when this is dropped before the linter has
/// ended, as when the run is cancelled.
struct Snapshot<'a> {
    tree: &'a Tree,
    contents: HashMap<PathBuf, Vec<u8>>,
    is_needed: bool,
}

impl<'a> Snapshot<'a> {
    fn of(tree: &'a Tree, work: &Work<'_>) -> anyhow::Result<Self> {
        let read = |path: &PathBuf| {
            let content = std::fs::read(tree.root.join(path));
            let content = content.with_context(|| format!("read {}", path.display()))?;
            Ok((path.clone(), content))
        };
        let contents = work.linter.files.iter().map(read).collect::<anyhow::Result<_>>()?;
        Ok(Self { tree, contents, is_needed: true })
    }

    fn restore(mut self) -> anyhow::Result<()> {
        self.is_needed = false;
        self.put_back()
    }

    fn put_back(&self) -> anyhow::Result<()> {
        self.altered()
            .try_for_each(|(path, content)| write_atomically(&self.tree.root.join(path), content))
    }

    /// The files that are other than before. A linter that mends a whole project does so also in files
    /// that nobody asked for: these are put back.
    fn changed(mut self, asked: &[&Path]) -> anyhow::Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        for (path, content) in self.altered() {
            if asked.contains(&path.as_path()) {
                changed.push(path.clone());
            } else {
                write_atomically(&self.tree.root.join(path), content)?;
            }
        }
        self.is_needed = false;
        Ok(changed)
    }

    fn altered(&self) -> impl Iterator<Item = (&PathBuf, &Vec<u8>)> {
        self.contents.iter().filter(|(path, content)| {
            std::fs::read(self.tree.root.join(path)).ok().as_ref() != Some(*content)
        })
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if self.is_needed {
            if let Err(err) = self.put_back() {
                output::warn(format!("what was half mended could not be put back: {err:#}"));
            }
        }
    }
}
