//! The target branch as git knows it: what was there when this branch began, and what is there now.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, FailContext, GitLab, output};

use super::{Id, Local};
use crate::files::{self, Key};

/// The repository around a folder.
#[derive(Debug)]
pub(crate) struct Repository {
    folder: PathBuf,
    prefix: String,
}

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
        let real = folder.canonicalize().with_context(|| folder.display().to_string())?;
        // Looked for here, as what git says of its absence is in the user's language.
        if !real.ancestors().any(|folder| folder.join(".git").exists()) {
            return Ok(None);
        }
        let mut repository = Self { folder: real, prefix: String::new() };
        repository.prefix = repository
            .git(["rev-parse", "--show-prefix"])
            .output()
            .await
            .or_fail(|| Fail::invalid("git does not take this repository"))?;
        Ok(Some(repository))
    }

    /// The path of the folder in the repository: empty, or with a slash at its end.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
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
        let Some((name, tip)) = self.target(against, gitlab).await? else { return Ok(None) };
        let merge_base = self.merge_base(&name, &tip).await?;
        let merge_base = self.tree(merge_base, files).await?;
        let tip = self.tree(tip, files).await?;
        Ok(Some(Base { name, tip, merge_base }))
    }

    /// The name and the commit of the branch that this one is for.
    async fn target(
        &self,
        against: Option<&str>,
        gitlab: &GitLab,
    ) -> anyhow::Result<Option<(String, String)>> {
        let remote = |branch: &String| format!("origin/{branch}");
        let named = against
            .map(str::to_owned)
            .or_else(|| gitlab.merge_request_target_branch.as_ref().map(remote));
        if let Some(name) = named {
            self.fetch_in_ci(&name, gitlab).await?;
            let commit = self.commit(&name).await?.ok_or_else(|| {
                Fail::invalid(format!("git knows no commit `{name}`"))
                    .help("fetch it, or name another with --against")
            })?;
            return Ok(Some((name, commit)));
        }
        if let Some(name) = gitlab.default_branch.as_ref().map(remote) {
            self.fetch_in_ci(&name, gitlab).await?;
            if let Some(commit) = self.commit(&name).await? {
                return Ok(Some((name, commit)));
            }
        }
        for name in ["origin/HEAD", "origin/main", "origin/master", "main", "master"] {
            if let Some(commit) = self.commit(name).await? {
                return Ok(Some((name.to_owned(), commit)));
            }
        }
        Ok(None)
    }

    /// The commit of a name, if git knows it.
    async fn commit(&self, name: &str) -> anyhow::Result<Option<String>> {
        let revision = format!("{name}^{{commit}}");
        let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &revision];
        // It fails without a word when there is no such commit, and says what else is wrong.
        match self.git(args).output().await {
            Ok(commit) => Ok(Some(commit)),
            Err(err) if Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Failed) => Ok(None),
            Err(err) => Err(err),
        }
    }

    /// GitLab clones what the pipeline is for and nothing else; a branch that is there anyhow is one
    /// that an older job left. So in a job a branch of origin is always fetched.
    async fn fetch_in_ci(&self, name: &str, gitlab: &GitLab) -> anyhow::Result<()> {
        let Some(branch) = name.strip_prefix("origin/") else { return Ok(()) };
        if gitlab.ci != Some(true) || branch == "HEAD" {
            return Ok(());
        }
        output::say(format!("fetching {name}"));
        let refs = format!("+refs/heads/{branch}:refs/remotes/origin/{branch}");
        // Where the runner keeps the token out of the remote's URL, git's credential helper reads it
        // from this variable.
        let fetch = self.git(["fetch", "--no-tags", "--quiet", "origin", &refs]);
        match fetch.passing("CI_JOB_TOKEN").output().await {
            Ok(_) => Ok(()),
            Err(err) if self.commit(name).await?.is_some() => {
                output::warn(format!("{name} may be out of date: {err:#}"));
                Ok(())
            }
            Err(err) => Err(err).or_fail(|| {
                Fail::new(Exit::Unreachable, format!("{name} cannot be fetched"))
                    .help("check that the branch exists and that the job may read the repository")
            }),
        }
    }

    /// The commit at which this branch left the other.
    async fn merge_base(&self, name: &str, tip: &str) -> anyhow::Result<String> {
        let merge_base = self.git(["merge-base", "HEAD", tip]).output().await;
        if merge_base.is_ok() {
            return merge_base;
        }
        let is_shallow = self.git(["rev-parse", "--is-shallow-repository"]).output().await?;
        merge_base.or_fail(|| {
            let fail = Fail::invalid(format!("HEAD and {name} have no commit in common"));
            if is_shallow == "true" {
                fail.help(
                    "the clone is shallow: give the job `GIT_DEPTH: 0` in its variables, or run \
                     git fetch --unshallow",
                )
            } else {
                fail.help("name a branch that this one comes from: --against REF")
            }
        })
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
        let mut list = self.git(["ls-tree", "-r", "-z", "--full-tree", "--name-only", commit]);
        if !self.prefix.is_empty() {
            list = self.git([
                "ls-tree",
                "-r",
                "-z",
                "--full-tree",
                "--name-only",
                commit,
                "--",
                &self.prefix,
            ]);
        }
        let list = list.output().await?;
        let paths = list.split('\0').filter_map(|path| path.strip_prefix(&self.prefix));
        Ok(paths.map(str::to_owned).collect())
    }

    /// The paths of a commit whose content is another here, by what git tracks.
    async fn differing(&self, commit: &str) -> anyhow::Result<BTreeMap<String, Difference>> {
        let list = self.git([&NUMSTAT[..], &["--no-relative", commit, "--", "."]].concat());
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
            Some((path.strip_prefix(&self.prefix)?.to_owned(), difference))
        });
        Ok(entries.collect())
    }

    /// Whether a file of a commit has another content than one that is here, tracked or not.
    async fn differs(&self, commit: &str, path: &str, here: &str) -> anyhow::Result<bool> {
        let there = format!("{commit}:{}{path}", self.prefix);
        let here = format!("./{here}");
        let list = self.git([&NUMSTAT[..], &[&there, "--", &here]].concat()).output().await?;
        Ok(!list.is_empty() && !list.starts_with("0\t0\t"))
    }

    fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        Process::new("git", args).folder(&self.folder)
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
