//! The target branch as git knows it: what was there when this branch began, and what is there now.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use step_core::GitLab;

use super::{Id, Local};
use crate::files::{self, Key};

/// The repository around a folder of migrations.
#[derive(Debug)]
pub(crate) struct Repository(step_git::Repository);

/// What the files are compared with.
#[derive(Debug)]
pub(crate) struct Base {
    /// As the user knows it: `origin/main`.
    pub(crate) name: String,
    /// The branch as it is now.
    pub(crate) tip: Tree,
    /// The branch as it was when this one began.
    pub(crate) merge_base: Tree,
}

/// The migrations of a commit, and which of them are other here.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) commit: String,
    /// Where each lies, relative to the folder.
    pub(crate) paths: BTreeMap<Id, String>,
    /// Those of which the file here has another content. Line endings make no difference.
    pub(crate) changed: HashSet<Id>,
    /// Where the repeatable migrations lie that are the same here, relative to the folder.
    pub(crate) repeatables: HashSet<String>,
}

impl Base {
    /// Whether this branch added a migration.
    pub(crate) fn is_new(&self, id: &Id) -> bool {
        !self.merge_base.paths.contains_key(id)
    }

    /// Whether this branch added or changed a repeatable migration, so that it would be run again.
    pub(crate) fn runs_again(&self, path: &str) -> bool {
        !self.merge_base.repeatables.contains(path)
    }
}

impl Repository {
    /// The repository that a folder lies in, if it lies in one.
    ///
    /// # Errors
    /// git is not installed, or refuses the repository.
    pub(crate) async fn around(folder: &Path) -> anyhow::Result<Option<Self>> {
        Ok(step_git::Repository::around(folder, "--against").await?.map(Self))
    }

    /// The path of the folder in the repository: empty, or with a slash at its end.
    pub(crate) fn prefix(&self) -> &str {
        self.0.prefix()
    }

    /// What the files are compared with; nothing when git knows no such branch.
    ///
    /// # Errors
    /// Exit 2: what was named is not known, or has no common commit with HEAD, as in a shallow clone;
    /// exit 4: it cannot be fetched.
    pub(crate) async fn base(
        &self,
        against: Option<&str>,
        gitlab: &GitLab,
        files: &[Local],
    ) -> anyhow::Result<Option<Base>> {
        let Some(target) = self.0.target(against, gitlab).await? else { return Ok(None) };
        let merge_base = self.0.merge_base(&target).await?;
        let merge_base = self.tree(merge_base, files).await?;
        let tip = self.tree(target.commit, files).await?;
        Ok(Some(Base { name: target.name, tip, merge_base }))
    }

    /// The migrations of a commit, beside the files that are here.
    async fn tree(&self, commit: String, files: &[Local]) -> anyhow::Result<Tree> {
        let all = self.paths(&commit).await?;
        let differing = self.differing(&commit).await?;
        let (mut paths, mut repeatables) = (BTreeMap::new(), HashSet::new());
        for path in all {
            match key(&path) {
                Some(Key::Version(version, name)) => _ = paths.insert((version, name), path),
                Some(Key::Name(_)) if !differing.contains_key(&path) => {
                    _ = repeatables.insert(path);
                }
                _ => {}
            }
        }
        let mut changed = HashSet::new();
        for file in files {
            let Some(path) = paths.get(&file.id) else { continue };
            let is_changed = if *path == file.path {
                match differing.get(path) {
                    None => false,
                    Some(Difference::Content) => true,
                    Some(Difference::Gone) => self.differs(&commit, path, &file.path).await?,
                }
            } else {
                self.differs(&commit, path, &file.path).await?
            };
            if is_changed {
                changed.insert(file.id.clone());
            }
        }
        Ok(Tree { commit, paths, changed, repeatables })
    }

    /// The paths of all files of the folder in a commit, relative to the folder.
    async fn paths(&self, commit: &str) -> anyhow::Result<Vec<String>> {
        let mut list = self.0.git(["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit]);
        if !self.prefix().is_empty() {
            list = self.0.git([
                "ls-tree",
                "-r",
                "-z",
                "--full-tree",
                "--name-only",
                commit,
                "--",
                self.prefix(),
            ]);
        }
        let list = list.output().await?;
        let paths = list.split('\0').filter_map(|path| path.strip_prefix(self.prefix()));
        Ok(paths.map(str::to_owned).collect())
    }

    /// The paths of a commit whose content is another here, by what git tracks.
    async fn differing(&self, commit: &str) -> anyhow::Result<BTreeMap<String, Difference>> {
        let list = self.0.git([&NUMSTAT[..], &["--no-relative", commit, "--", "."]].concat());
        let list = list.output().await?;
        let entries = list.split('\0').filter_map(|entry| {
            let mut parts = entry.splitn(3, '\t');
            let (added, deleted, path) = (parts.next()?, parts.next()?, parts.next()?);
            let difference = match (added, deleted) {
                // The mode alone; or a file of no lines was deleted, which is seen by its absence.
                ("0", "0") => return None,
                ("0", _) => Difference::Gone,
                _ => Difference::Content,
            };
            Some((path.strip_prefix(self.prefix())?.to_owned(), difference))
        });
        Ok(entries.collect())
    }

    /// Whether a file of a commit has another content than one that is here, tracked or not.
    async fn differs(&self, commit: &str, path: &str, here: &str) -> anyhow::Result<bool> {
        let there = format!("{commit}:{}{path}", self.prefix());
        let here = format!("./{here}");
        let list = self.0.git([&NUMSTAT[..], &[&there, "--", &here]].concat()).output().await?;
        Ok(!list.is_empty() && !list.starts_with("0\t0\t"))
    }
}

/// What git says of a file that differs.
enum Difference {
    Content,
    /// Lines were only taken away: also when git no longer tracks a file that is still there.
    Gone,
}

const NUMSTAT: [&str; 7] = [
    "diff",
    "--numstat",
    "-z",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-cr-at-eol",
];

/// What a path is by its name; hidden files and folders hold no migrations.
fn key(path: &str) -> Option<Key> {
    if path.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    let name = path.rsplit('/').next()?;
    files::parse_name(name).ok().flatten()
}
