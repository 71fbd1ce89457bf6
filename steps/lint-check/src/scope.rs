//! Which files there are, and which of them changed, as git knows it.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use step_core::process::Process;
use step_core::{Exit, Fail, output};
use step_git::Repository;

use crate::settings::Args;
use crate::tree::{Scope, Tree, added_lines, paths, walk};

/// The files around the current folder.
///
/// # Errors
/// Exit 2: what is compared with is not known; or git refuses the repository.
pub(crate) async fn tree(args: &Args) -> anyhow::Result<Tree> {
    let current = std::env::current_dir()?.canonicalize()?;
    let Some(repository) = Repository::around(&current, "--against").await? else {
        if args.scope.staged || args.scope.against.is_some() {
            return Err(Fail::invalid("this is no repository of git")
                .help("run in a clone")
                .into());
        }
        let files = walk(&current)?;
        return Ok(Tree { root: current, files, scope: Scope::All("no repository of git".into()) });
    };
    let root = root(&current, &repository);
    let git = Git { root: &root };
    let files = git.files().await?;
    let scope = scope(args, &repository, &git).await?;
    Ok(Tree { root: root.clone(), files, scope })
}

/// The folder that the paths of git are relative to.
fn root(current: &Path, repository: &Repository) -> PathBuf {
    let depth = Path::new(repository.prefix()).components().count();
    current.ancestors().nth(depth).unwrap_or(current).to_owned()
}

async fn scope(args: &Args, repository: &Repository, git: &Git<'_>) -> anyhow::Result<Scope> {
    let options = &args.scope;
    let gitlab = &args.common.gitlab;
    if options.all {
        return Ok(Scope::All("--all".to_owned()));
    }
    if options.staged {
        return git.changed(&["--cached"]).await.map(Scope::Staged);
    }
    let new_from = args.new_from.as_deref().filter(|it| !it.is_empty());
    let against = options.against.as_deref().or(new_from);
    let is_merge_request = gitlab.merge_request_iid.is_some();
    if against.is_none() && !is_merge_request && args.new_from.is_none() {
        return Ok(Scope::All("this is no merge request".to_owned()));
    }
    let target = match repository.target(against, gitlab).await? {
        Some(target) => target,
        None => return Ok(Scope::All("git knows no branch to compare with".to_owned())),
    };
    let commit = match repository.merge_base(&target).await {
        Ok(commit) => commit,
        // What was asked for by name has to be there.
        Err(err) if against.is_some() => return Err(err),
        Err(err) => {
            let deepened = git.deepen(&target.name).await;
            match repository.merge_base(&target).await {
                Ok(commit) if deepened => commit,
                _ => {
                    output::warn(format!("all files are checked: {err:#}"));
                    return Ok(Scope::All(format!("where this left {} is not known", target.name)));
                }
            }
        }
    };
    let lines = git.changed(&[&commit]).await?;
    Ok(Scope::Changed { base: target.name, commit, lines })
}

/// git, run in the root of the repository.
struct Git<'a> {
    root: &'a Path,
}

impl Git<'_> {
    fn run<'b>(&self, args: impl IntoIterator<Item = &'b str>) -> Process {
        Process::new("git", args).folder(self.root)
    }

    /// All files that are tracked, or new and not ignored; without those that are gone, and without
    /// symbolic links and submodules.
    async fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let list =
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let list = self.run(list).bytes().await?;
        let is_file = |path: &PathBuf| {
            std::fs::symlink_metadata(self.root.join(path)).is_ok_and(|it| it.is_file())
        };
        let mut files: Vec<PathBuf> = paths(&list).filter(is_file).collect();
        files.sort();
        Ok(files)
    }

    /// The files that differ, and the lines of each that are new; of what is not tracked, all lines.
    async fn changed(
        &self,
        what: &[&str],
    ) -> anyhow::Result<HashMap<PathBuf, Vec<RangeInclusive<usize>>>> {
        let names =
            [&["diff", "-z", "--name-only", "--diff-filter=d", "--no-renames"], what].concat();
        let names = self.run(names).bytes().await?;
        let mut lines = HashMap::new();
        for path in paths(&names) {
            lines.insert(path, Vec::new());
        }
        let diff = [
            &[
                "diff",
                "-U0",
                "--no-color",
                "--no-ext-diff",
                "--no-renames",
                "--diff-filter=d",
                "--src-prefix=a/",
                "--dst-prefix=b/",
            ],
            what,
        ]
        .concat();
        let diff = self.run(diff).bytes().await?;
        for (path, ranges) in by_file(&diff) {
            lines.insert(path, ranges);
        }
        if !what.contains(&"--cached") {
            let new =
                self.run(["ls-files", "-z", "--others", "--exclude-standard"]).bytes().await?;
            lines.extend(paths(&new).map(|path| (path, vec![1..=usize::MAX])));
        }
        Ok(lines)
    }

    /// Fetches what a shallow clone left out; whether that worked.
    async fn deepen(&self, name: &str) -> bool {
        output::say(format!("the clone is shallow: fetching more, to find where this left {name}"));
        let fetch = self.run(["fetch", "--quiet", "--unshallow", "origin"]);
        fetch.passing("CI_JOB_TOKEN").output().await.is_ok()
    }
}

/// The new lines of each file of a diff whose paths git did not have to quote. Those of others are not
/// known; then every line counts as new.
fn by_file(diff: &[u8]) -> Vec<(PathBuf, Vec<RangeInclusive<usize>>)> {
    let mut files = Vec::new();
    let mut rest = diff;
    while let Some(start) = find(rest, b"\n+++ ").map(|at| at + 5) {
        let line_end = find(&rest[start..], b"\n").map_or(rest.len(), |at| start + at);
        let end = find(&rest[line_end..], b"\ndiff --git ").map_or(rest.len(), |at| line_end + at);
        if let Some(name) = rest[start..line_end].strip_prefix(b"b/") {
            // A name with a space has a tab behind it.
            let name = name.strip_suffix(b"\t").unwrap_or(name);
            files.extend(paths(name).map(|path| (path, added_lines(&rest[line_end..end]))));
        }
        rest = &rest[end..];
    }
    files
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// The commit that is checked without a merge request, in words.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All(why) => write!(f, "all: {why}"),
            Scope::Changed { base, commit, .. } => {
                write!(f, "changed since {base} at {}", commit.get(..12).unwrap_or(commit))
            }
            Scope::Staged(_) => f.write_str("staged"),
        }
    }
}

/// Whether files have changes that are not committed.
///
/// # Errors
/// git fails.
pub(crate) async fn dirty(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let git = Git { root };
    let changed = git.run(["diff", "-z", "--name-only", "HEAD"]).bytes().await;
    let changed = match changed {
        Ok(changed) => changed,
        // Before the first commit all files are new.
        Err(err) if Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Failed) => Vec::new(),
        Err(err) => return Err(err),
    };
    let new = git.run(["ls-files", "-z", "--others", "--exclude-standard"]).bytes().await?;
    Ok(paths(&changed).chain(paths(&new)).collect())
}
