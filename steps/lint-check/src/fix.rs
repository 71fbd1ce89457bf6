//! Lets linters mend what they can: one after the other, for two that write the same file would undo each
//! other's work; and all or nothing for each, as one that fails may leave files half written.

use std::collections::{HashMap, HashSet};
use std::fs::Permissions;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::{Exit, Fail, output, write_atomically};

use crate::adapters::{Output, Reader, Unit, Unreadable};
use crate::detect::Linter;
use crate::run::{Crash, Work, find, process, starts_of, text_of};
use crate::scope;
use crate::settings::Args;
use crate::tree::{Tree, shown};

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    /// The files that are other than before.
    pub(crate) files: Vec<PathBuf>,
    /// The linters that have mended nothing.
    pub(crate) failed: Vec<Crash>,
}

/// Runs each linter that can mend. One that fails is told, and what it changed is put back.
///
/// # Errors
/// Exit 8: a file has changes that are not committed.
pub(crate) async fn fix(tree: &Tree, works: &[Work<'_>], args: &Args) -> anyhow::Result<Fixed> {
    let able = in_order(works.iter().filter(|work| work.linter.fix.is_some()).collect());
    if !args.allow_dirty && !able.is_empty() {
        let files = able.iter().flat_map(|work| work.files.iter().copied()).collect();
        refuse_dirty(tree, args, &files).await?;
    }
    let mut fixed = Fixed::default();
    let mut mended = HashSet::new();
    for work in able {
        let name = &work.linter.name;
        let _section = output::section(&format!("{name} mends"));
        match mend(tree, work, args).await {
            Ok(changed) => mended.extend(changed),
            Err(err) => {
                let message = format!("{name} has mended nothing: {err:#}");
                fixed.failed.push(Crash { message, ..Crash::of(name, &err) });
            }
        }
    }
    fixed.files = mended.into_iter().collect();
    fixed.files.sort();
    scope::note_mended(args, tree, &fixed.files).await?;
    Ok(fixed)
}

/// Those that run after others come behind them.
fn in_order<'a, 'b>(mut works: Vec<&'b Work<'a>>) -> Vec<&'b Work<'a>> {
    let mut ordered = Vec::new();
    while !works.is_empty() {
        let waits = |work: &&Work<'_>| {
            work.linter.after.iter().any(|name| works.iter().any(|it| it.linter.name == *name))
        };
        let next = works.iter().position(|work| !waits(work)).unwrap_or(0);
        ordered.push(works.remove(next));
    }
    ordered
}

async fn refuse_dirty(tree: &Tree, args: &Args, files: &HashSet<&Path>) -> anyhow::Result<()> {
    if tree.repository.is_none() {
        let fail = Fail::new(
            Exit::Refused,
            "what is mended here could not be undone: this is no repository of git",
        );
        return Err(fail.help("add --allow-dirty to do it all the same").into());
    }
    let dirty = scope::dirty(args, tree).await?;
    let untracked = scope::untracked(tree)?;
    // Nobody mends them, and a linter that builds may just have made one.
    let is_lock = |path: &Path| path.extension().is_some_and(|it| it == "lock");
    let is_in_the_way = |path: &&PathBuf| files.contains(path.as_path()) && !is_lock(path);
    let (new, changed): (Vec<&PathBuf>, Vec<&PathBuf>) =
        dirty.iter().filter(is_in_the_way).partition(|path| untracked.contains(*path));
    let named = |paths: Vec<&PathBuf>| {
        let mut names: Vec<String> = paths.into_iter().map(|path| shown(path)).collect();
        names.sort();
        names.join(", ")
    };
    let (message, help) = match (changed.is_empty(), new.is_empty(), args.scope.staged) {
        (true, true, _) => return Ok(()),
        (true, false, _) => (
            format!(
                "git does not know these files, whose mending could not be undone: {}",
                named(new)
            ),
            "add or move them, or add --allow-dirty",
        ),
        (false, _, true) => (
            format!("these files have changes that are not staged: {}", named(changed)),
            "stage or stash them, or add --allow-dirty",
        ),
        (false, _, false) => (
            format!("these files have changes that are not committed: {}", named(changed)),
            "commit or stash them, or add --allow-dirty",
        ),
    };
    Err(Fail::new(Exit::Refused, message).help(help).into())
}

/// Lets one linter mend its files; those that are other than before. Where it fails, there are none.
async fn mend(tree: &Tree, work: &Work<'_>, args: &Args) -> anyhow::Result<Vec<PathBuf>> {
    let program = match &work.linter.fixer {
        Some(fixer) => {
            find(tree, std::slice::from_ref(fixer), &args.search_path.0).ok_or_else(|| {
                Fail::new(Exit::Unreachable, format!("{fixer} is not installed"))
                    .help(format!("install {fixer}, or change `fix` in landfall.toml"))
            })?
        }
        None => work.program.clone(),
    };
    // Dropped on the way out, whether by an error or because the run is cancelled, it puts all back.
    let before = Snapshot::of(tree, work)?;
    run(tree, work, &program).await?;
    before.changed(work)
}

/// Runs a linter that mends.
///
/// # Errors
/// It did not do its work.
async fn run(tree: &Tree, work: &Work<'_>, program: &Path) -> anyhow::Result<()> {
    let linter = work.linter;
    let args = linter.fix.as_deref().unwrap_or_default();
    for start in starts_of(tree, linter, &work.files, 1) {
        let ran = process(tree, linter, program, args, &start).run().await?;
        let status = ran.status;
        let output = text_of(ran);
        let said = output.sentence().map(|said| format!(": {said}")).unwrap_or_default();
        if !linter.exits.contains(&output.exit) {
            anyhow::bail!("it ended with {status}{said}");
        }
        told(linter, &output).map_err(|untold| anyhow::anyhow!("{}{said}", untold.0))?;
    }
    Ok(())
}

/// A linter that ends with another code than 0 has told something, as when it checks: what is left.
///
/// # Errors
/// It has not.
fn told(linter: &Linter, output: &Output) -> Result<(), Unreadable> {
    if output.exit == 0 {
        return Ok(());
    }
    match &linter.reader {
        Reader::Generic(_) => linter.reader.read(output).map(|_| ()),
        // When it mends, it does not print what it prints otherwise.
        Reader::Known(_) if output.sentence().is_none() => {
            Err(Unreadable(format!("it ended with {} and told nothing", output.exit)))
        }
        Reader::Known(_) => Ok(()),
    }
}

/// The files of a linter as they were. They are put back when this is dropped before the linter has
/// ended, as when the run is cancelled.
struct Snapshot<'a> {
    tree: &'a Tree,
    linter: &'a str,
    files: HashMap<PathBuf, (Vec<u8>, Permissions)>,
    /// Size and time of all others.
    others: HashMap<&'a Path, (u64, i64, i64)>,
    untracked: HashSet<PathBuf>,
    is_needed: bool,
}

impl<'a> Snapshot<'a> {
    fn of(tree: &'a Tree, work: &Work<'a>) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            let file = tree.root.join(path);
            let content = std::fs::read(&file).with_context(|| format!("read {}", shown(path)))?;
            let permissions = file.metadata().with_context(|| shown(path))?.permissions();
            Ok((path.to_owned(), (content, permissions)))
        };
        // One that is given files has no business with others, which may be all of the repository.
        let files: HashMap<_, _> = match work.linter.unit {
            Unit::Files => work.files.iter().copied().map(read).collect::<anyhow::Result<_>>()?,
            Unit::Project(_) | Unit::Service(_) | Unit::Repository => {
                let all = work.linter.files.iter().map(PathBuf::as_path);
                all.map(read).collect::<anyhow::Result<_>>()?
            }
        };
        let others = tree.files.iter().filter(|path| !files.contains_key(*path));
        let others =
            others.filter_map(|path| Some((path.as_path(), written(&tree.root.join(path))?)));
        let others = others.collect();
        let untracked = scope::untracked(tree)?;
        Ok(Self { tree, linter: &work.linter.name, files, others, untracked, is_needed: true })
    }

    /// The files that are other than before. A linter that mends a whole project does so also in files
    /// that nobody asked for: these are put back.
    fn changed(mut self, work: &Work<'_>) -> anyhow::Result<Vec<PathBuf>> {
        let asked: HashSet<&Path> = work.files.iter().copied().collect();
        let mut changed = Vec::new();
        for path in self.altered() {
            if asked.contains(path.as_path()) {
                changed.push(path.clone());
            } else {
                self.put_back(path)?;
            }
        }
        changed.extend(self.told_others());
        self.is_needed = false;
        Ok(changed)
    }

    /// Tells of files that the linter should have left alone, and that cannot be put back.
    fn told_others(&self) -> Vec<PathBuf> {
        let is_altered = |(path, before): &(&&Path, &(u64, i64, i64))| {
            written(&self.tree.root.join(path)).as_ref() != Some(before)
        };
        let altered = self.others.iter().filter(is_altered);
        let altered: Vec<PathBuf> = altered.map(|(path, _)| path.to_path_buf()).collect();
        for path in &altered {
            let (linter, path) = (self.linter, shown(path));
            output::warn(format!("{linter} has changed {path}, which it was not to mend"));
        }
        altered
    }

    fn altered(&self) -> Vec<&PathBuf> {
        let is_altered = |(path, (content, _)): &(&PathBuf, &(Vec<u8>, Permissions))| {
            std::fs::read(self.tree.root.join(path)).ok().as_ref() != Some(content)
        };
        self.files.iter().filter(is_altered).map(|(path, _)| path).collect()
    }

    fn put_back(&self, path: &Path) -> anyhow::Result<()> {
        let Some((content, permissions)) = self.files.get(path) else { return Ok(()) };
        let file = self.tree.root.join(path);
        write_atomically(&file, content)?;
        std::fs::set_permissions(&file, permissions.clone()).with_context(|| shown(path))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        if self.is_needed {
            for path in self.altered() {
                if let Err(err) = self.put_back(path) {
                    output::warn(format!("what was half mended could not be put back: {err:#}"));
                }
            }
            self.told_others();
            // Somebody may have made a file in the meantime: what is new is told, and left to them.
            for path in scope::untracked(self.tree).unwrap_or_default().difference(&self.untracked)
            {
                output::warn(format!("{} is new since {} ran", shown(path), self.linter));
            }
        }
    }
}

fn written(file: &Path) -> Option<(u64, i64, i64)> {
    let metadata = file.symlink_metadata().ok()?;
    Some((metadata.len(), metadata.mtime(), metadata.mtime_nsec()))
}
