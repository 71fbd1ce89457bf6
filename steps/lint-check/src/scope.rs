//! Which files there are, and which of them changed, as git knows it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, output};
use step_git::{Repository, Target};

use crate::adapters::TARGET;
use crate::cache::{self, Mended, key};
use crate::detect::Linter;
use crate::settings::Args;
use crate::tree::{Tree, walk, without_caches};

/// Which files are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them, and why.
    All(String),
    /// Those that differ from a commit, and those that are gone since.
    Changed { base: Target, paths: HashSet<PathBuf> },
    /// Those that are staged. What is checked is what lies on the disk: linters look for their
    /// configuration and for other files beside the file that they are given, so that a copy of what is
    /// staged in another place is checked otherwise, and moving aside what is not staged puts it at risk.
    /// Where the two differ, it is told.
    Staged { paths: HashSet<PathBuf>, differing: Vec<PathBuf> },
}

impl Scope {
    /// What changed; nothing when that makes no difference.
    pub(crate) fn changed(&self) -> Option<&HashSet<PathBuf>> {
        match self {
            Scope::All(_) => None,
            Scope::Changed { paths, .. } | Scope::Staged { paths, .. } => Some(paths),
        }
    }

    /// Whether a file is to be checked.
    pub(crate) fn has(&self, path: &Path) -> bool {
        self.changed().is_none_or(|paths| paths.contains(path))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::All(why) => write!(f, "all: {why}"),
            Scope::Changed { base: Target { name, commit }, .. } => {
                write!(f, "changed since {name} at {}", commit.get(..12).unwrap_or(commit))
            }
            Scope::Staged { .. } => f.write_str("staged"),
        }
    }
}

/// The files around the current folder.
///
/// # Errors
/// Exit 2: git refuses the repository.
pub(crate) async fn tree(args: &Args) -> anyhow::Result<Tree> {
    let current = std::env::current_dir()?.canonicalize()?;
    let Some(repository) = Repository::around(&current, "--against").await? else {
        let files = walk(&current)?;
        return Ok(Tree { root: current, files, repository: None });
    };
    let depth = Path::new(repository.prefix()).components().count();
    let root = current.ancestors().nth(depth).unwrap_or(&current).to_owned();
    let files = without_caches(&root, Git::new(&root, args).files().await?);
    Ok(Tree { root, files, repository: Some(repository) })
}

/// Which of the files are checked.
///
/// # Errors
/// Exit 2: what is compared with is not known.
pub(crate) async fn scope(args: &Args, tree: &Tree) -> anyhow::Result<Scope> {
    let options = &args.scope;
    let new_from = args.new_from.as_deref().filter(|it| !it.is_empty());
    let Some(repository) = &tree.repository else {
        if options.staged || options.against.is_some() || new_from.is_some() {
            return Err(Fail::invalid("this is no repository of git")
                .help("run in a clone")
                .into());
        }
        return Ok(Scope::All("no repository of git".to_owned()));
    };
    let git = Git::new(&tree.root, args);
    if options.all {
        return Ok(Scope::All("--all".to_owned()));
    }
    if options.staged {
        let paths: HashSet<PathBuf> = git.changed(&["--cached"]).await?.collect();
        let differing = git.changed(&[]).await?.filter(|path| paths.contains(path)).collect();
        return Ok(Scope::Staged { paths, differing });
    }
    let against = options.against.as_deref().or(new_from);
    let is_merge_request = args.common.gitlab.merge_request_iid.is_some();
    if against.is_none() && !is_merge_request && args.new_from.is_none() {
        return Ok(Scope::All("this is no merge request".to_owned()));
    }
    Ok(match git.base(against, repository, args).await? {
        Ok(base) => {
            let mut paths: HashSet<PathBuf> = git.changed(&[&base.commit]).await?.collect();
            paths.extend(git.untracked().await?);
            Scope::Changed { base, paths }
        }
        Err(why) => Scope::All(why),
    })
}

/// Tells linters that compare with the target branch its commit. They get no token to fetch it themselves,
/// and what they find depends on it.
pub(crate) async fn tell_target<'a>(
    args: &Args,
    tree: &Tree,
    linters: impl Iterator<Item = &'a mut Linter>,
) {
    let mut target = None;
    let is_asked = |linter: &&mut Linter| linter.args.iter().any(|arg| arg.contains(TARGET));
    for linter in linters.filter(is_asked) {
        if target.is_none() {
            target = Some(target_of(args, tree).await);
        }
        let commit = target.as_ref().and_then(Option::as_ref);
        linter.args.retain_mut(|arg| {
            if let (true, Some(commit)) = (arg.contains(TARGET), commit) {
                *arg = arg.replace(TARGET, commit);
            }
            !arg.contains(TARGET)
        });
    }
}

/// The commit of the target branch; none where it is not known, which is for the linter to tell.
async fn target_of(args: &Args, tree: &Tree) -> Option<String> {
    let against = args.scope.against.as_deref();
    let target = tree.repository.as_ref()?.target(against, &args.common.gitlab).await;
    target.ok().flatten().map(|target| target.commit)
}

/// The lines that are new, by file; every line is in a file that is not there.
pub(crate) type NewLines = HashMap<PathBuf, Vec<RangeInclusive<usize>>>;

/// The lines to which `--new-from` limits what is told; nothing when every line counts.
///
/// # Errors
/// Exit 2: what is compared with is not known.
pub(crate) async fn new_lines(
    args: &Args,
    tree: &Tree,
    scope: &Scope,
) -> anyhow::Result<Option<NewLines>> {
    let (Some(new_from), Some(repository)) = (&args.new_from, &tree.repository) else {
        return Ok(None);
    };
    let git = Git::new(&tree.root, args);
    let named = Some(new_from.as_str()).filter(|it| !it.is_empty());
    if let (Scope::Staged { .. }, None) = (scope, named) {
        return git.lines(&["--cached"]).await.map(Some);
    }
    let base = match scope {
        Scope::Changed { base, .. } if named.is_none() || args.scope.against.is_none() => {
            base.clone()
        }
        _ => match git.base(named, repository, args).await? {
            Ok(base) => base,
            Err(why) => {
                output::warn(format!("every line counts as new: {why}"));
                return Ok(None);
            }
        },
    };
    git.lines(&[&base.commit]).await.map(Some)
}

/// Whether files have changes that are not committed; where what is staged is checked, that are not
/// staged.
///
/// # Errors
/// git fails.
pub(crate) async fn dirty(args: &Args, tree: &Tree) -> anyhow::Result<HashSet<PathBuf>> {
    let git = Git::new(&tree.root, args);
    if args.scope.staged {
        return Ok(git.changed(&[]).await?.collect());
    }
    let mut dirty: HashSet<PathBuf> = match git.changed(&["HEAD"]).await {
        Ok(changed) => changed.collect(),
        // Before the first commit all files are new.
        Err(err) if Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Failed) => {
            tree.files.iter().cloned().collect()
        }
        Err(err) => return Err(err),
    };
    dirty.extend(git.new_files().await?);
    Ok(dirty)
}

/// Notes what is staged of files that were mended. That it cannot be kept is told.
///
/// # Errors
/// git fails.
pub(crate) async fn note_mended(
    args: &Args,
    tree: &Tree,
    mended: &[PathBuf],
) -> anyhow::Result<()> {
    if mended.is_empty() || tree.repository.is_none() {
        return Ok(());
    }
    let mended: HashSet<&PathBuf> = mended.iter().collect();
    let staged = Git::new(&tree.root, args).staged().await?;
    let staged = staged.into_iter().filter(|(path, _)| mended.contains(path));
    let new = staged.map(|(path, content)| (key(&path).into_owned(), content)).collect();
    if let Err(err) = cache::keep_mended(tree, new) {
        output::warn(format!("it is not kept which files are to be staged: {err:#}"));
    }
    Ok(())
}

/// The files of which the next commit would have what linters have mended on the disk, in this run or an
/// earlier one. Who stages a part of a file on purpose has another content there.
///
/// # Errors
/// git fails.
pub(crate) async fn not_staged(
    args: &Args,
    tree: &Tree,
    scope: &Scope,
) -> anyhow::Result<Vec<PathBuf>> {
    let Scope::Staged { paths, .. } = scope else { return Ok(Vec::new()) };
    let mended: Mended = cache::mended(tree);
    if mended.is_empty() {
        return Ok(Vec::new());
    }
    let git = Git::new(&tree.root, args);
    let differing: HashSet<PathBuf> = git.changed(&[]).await?.collect();
    let is_as_before = |(path, content): &(PathBuf, String)| {
        paths.contains(path)
            && differing.contains(path)
            && mended.get(key(path).as_ref()) == Some(content)
    };
    let staged = git.staged().await?.into_iter().filter(is_as_before);
    Ok(staged.map(|(path, _)| path).collect())
}

/// All files that git does not track and would; without git, all. Not asynchronous, for it is asked on the
/// way out of a run that is cancelled, too.
///
/// # Errors
/// git fails, or the folder cannot be read.
pub(crate) fn untracked(tree: &Tree) -> anyhow::Result<HashSet<PathBuf>> {
    if tree.repository.is_none() {
        return Ok(walk(&tree.root)?.into_iter().collect());
    }
    let mut git = std::process::Command::new("git");
    let asked = git.args(NEW_FILES).current_dir(&tree.root).output().context("start git")?;
    anyhow::ensure!(asked.status.success(), "git ls-files failed ({})", asked.status);
    Ok(paths(&asked.stdout).collect())
}

/// Lists the files that are not tracked and not ignored.
const NEW_FILES: [&str; 4] = ["ls-files", "-z", "--others", "--exclude-standard"];

/// git, run in the root of the repository.
struct Git<'a> {
    root: &'a Path,
    /// Files that are not tracked count. In a job they do not: it has made them itself.
    has_new_files: bool,
}

/// A diff whatever the user has set, with renamed files as new ones.
const DIFF: [&str; 6] = [
    "diff",
    "--no-ext-diff",
    "--no-textconv",
    "--no-renames",
    "--no-relative",
    "--submodule=short",
];

impl<'a> Git<'a> {
    fn new(root: &'a Path, args: &Args) -> Self {
        Self { root, has_new_files: args.common.gitlab.ci != Some(true) }
    }

    fn run<'b>(&self, args: impl IntoIterator<Item = &'b str>) -> Process {
        // Reading does not wait for the lock of somebody who writes.
        Process::new("git", args).folder(self.root).variable("GIT_OPTIONAL_LOCKS", "0")
    }

    /// All files that are tracked, or new and not ignored; without those that are gone, and without
    /// symbolic links and submodules.
    async fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut list = vec!["ls-files", "-z", "--cached", "--deduplicate"];
        if self.has_new_files {
            list.extend(["--others", "--exclude-standard"]);
        }
        let list = self.run(list).bytes().await?;
        let is_file = |path: &PathBuf| {
            std::fs::symlink_metadata(self.root.join(path)).is_ok_and(|it| it.is_file())
        };
        let mut files: Vec<PathBuf> = paths(&list).filter(is_file).collect();
        // Quicker than part by part.
        files.sort_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
        Ok(files)
    }

    async fn untracked(&self) -> anyhow::Result<Vec<PathBuf>> {
        if self.has_new_files { self.new_files().await } else { Ok(Vec::new()) }
    }

    async fn new_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        Ok(paths(&self.run(NEW_FILES).bytes().await?).collect())
    }

    /// What is staged: each file, and the name that git has for its content.
    /// <https://git-scm.com/docs/git-ls-files#_output>
    async fn staged(&self) -> anyhow::Result<Vec<(PathBuf, String)>> {
        let list = self.run(["ls-files", "-z", "--stage"]).bytes().await?;
        let entry = |entry: &[u8]| {
            let tab = entry.iter().position(|byte| *byte == b'\t')?;
            let content = str::from_utf8(&entry[..tab]).ok()?.split(' ').nth(1)?.to_owned();
            Some((PathBuf::from(OsStr::from_bytes(&entry[tab + 1..])), content))
        };
        Ok(list.split(|byte| *byte == 0).filter_map(entry).collect())
    }

    /// The files that differ, also those that are gone.
    async fn changed(&self, what: &[&str]) -> anyhow::Result<impl Iterator<Item = PathBuf>> {
        let args = [&DIFF, &["-z", "--name-only"][..], what, &["--"]].concat();
        let list = self.run(args).bytes().await?;
        Ok(paths(&list).collect::<Vec<_>>().into_iter())
    }

    /// The new lines of the files that differ. Where git does not tell lines, all of them are new.
    async fn lines(&self, what: &[&str]) -> anyhow::Result<NewLines> {
        let every = || vec![1..=usize::MAX];
        let mut lines: NewLines = self.changed(what).await?.map(|path| (path, every())).collect();
        let form = ["-U0", "--inter-hunk-context=0", "--no-color"];
        let prefixes = ["--src-prefix=a/", "--dst-prefix=b/"];
        let args = [&DIFF[..], &form, &prefixes, what, &["--"]].concat();
        lines.extend(added(&self.run(args).bytes().await?));
        lines.extend(self.untracked().await?.into_iter().map(|path| (path, every())));
        Ok(lines)
    }

    /// What the files are compared with, or why there is nothing to compare them with.
    ///
    /// # Errors
    /// Exit 2 or 4: what was named is not there.
    async fn base(
        &self,
        named: Option<&str>,
        repository: &Repository,
        args: &Args,
    ) -> anyhow::Result<Result<Target, String>> {
        let gitlab = &args.common.gitlab;
        if let Some(named) = named {
            let target = repository.named(named, gitlab).await?;
            let commit = self.merge_base(repository, &target).await?;
            return Ok(Ok(Target { commit, ..target }));
        }
        if let Some(base) = self.base_of_merge_request(repository, args).await {
            return Ok(Ok(base));
        }
        let target = match repository.target(None, gitlab).await {
            Ok(Some(target)) => target,
            Ok(None) => return Ok(Err("git knows no branch to compare with".to_owned())),
            Err(err) => {
                output::warn(format!("all files are checked: {err:#}"));
                return Ok(Err("the target of the merge request is not known".to_owned()));
            }
        };
        Ok(match self.merge_base(repository, &target).await {
            Ok(commit) => Ok(Target { commit, ..target }),
            Err(err) => {
                output::warn(format!("all files are checked: {err:#}"));
                Err(format!("where this left {} is not known", target.name))
            }
        })
    }

    /// The commit at which this branch left another; a shallow clone gets what it lacks.
    async fn merge_base(&self, repository: &Repository, target: &Target) -> anyhow::Result<String> {
        let commit = repository.merge_base(target).await;
        if commit.is_err() && is_shallow(repository).await && self.deepen(&target.name).await {
            return repository.merge_base(target).await;
        }
        commit
    }

    /// The commit that GitLab names: that of the target which is merged in, or else the one at which the
    /// branch left it. A shallow clone gets it alone, which is less than all that lies between.
    async fn base_of_merge_request(&self, repository: &Repository, args: &Args) -> Option<Target> {
        let gitlab = &args.common.gitlab;
        gitlab.merge_request_iid.as_ref()?;
        let branch = gitlab.merge_request_target_branch.as_ref();
        let name = branch.map_or_else(|| "the target".to_owned(), |it| format!("origin/{it}"));
        let named = [&gitlab.merge_request_target_commit, &gitlab.merge_request_diff_base];
        for commit in named.into_iter().flatten() {
            if has(repository, commit).await
                || (is_shallow(repository).await
                    && self.fetch_one(commit).await
                    && has(repository, commit).await)
            {
                return Some(Target { name, commit: commit.clone() });
            }
        }
        None
    }

    async fn fetch_one(&self, commit: &str) -> bool {
        output::say(format!("the clone is shallow: fetching {commit}"));
        self.fetch(&["--no-tags", "--depth=1", "origin", commit]).await
    }

    /// Fetches what a shallow clone left out; whether that worked.
    async fn deepen(&self, name: &str) -> bool {
        output::say(format!("the clone is shallow: fetching more, to find where this left {name}"));
        self.fetch(&["--unshallow", "origin"]).await
    }

    /// Whether that worked; if not, why is told.
    async fn fetch(&self, args: &[&str]) -> bool {
        let fetch = self.run([&["fetch", "--quiet"], args].concat());
        let fetch = fetch.passing("CI_JOB_TOKEN").variable("GIT_TERMINAL_PROMPT", "0");
        let fetched = fetch.output().await;
        if let Err(err) = &fetched {
            output::warn(format!("{err:#}"));
        }
        fetched.is_ok()
    }
}

async fn has(repository: &Repository, commit: &str) -> bool {
    repository.commit(commit).await.is_ok_and(|found| found.is_some())
}

async fn is_shallow(repository: &Repository) -> bool {
    repository.is_shallow().await.is_ok_and(|it| it)
}

/// The paths of a list of git's that was made with `-z`. A name may be any bytes but NUL.
fn paths(list: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    names.map(|name| PathBuf::from(OsStr::from_bytes(name)))
}

/// The new lines of each file of a diff without context (`git diff -U0`).
/// The format: <https://git-scm.com/docs/diff-format#generate_patch_text_with_p>
fn added(diff: &[u8]) -> NewLines {
    let mut files = NewLines::new();
    let mut current = None;
    let mut is_head = false;
    // What stands in the files begins with a sign in each line.
    for line in diff.split(|byte| *byte == b'\n') {
        if line.starts_with(b"diff --git ") {
            (current, is_head) = (None, true);
        } else if let Some(name) = line.strip_prefix(b"+++ ").filter(|_| is_head) {
            current = new_path(name);
            files.extend(current.clone().map(|path| (path, Vec::new())));
        } else if let Some(hunk) = line.strip_prefix(b"@@ ") {
            is_head = false;
            let lines = current.as_ref().and_then(|path| files.get_mut(path));
            if let (Some(lines), Some(range)) = (lines, added_range(hunk)) {
                lines.push(range);
            }
        }
    }
    files
}

/// `-1,2 +3,4 @@`: lines 3 to 6.
fn added_range(hunk: &[u8]) -> Option<RangeInclusive<usize>> {
    let added = hunk.split(|byte| *byte == b' ').nth(1)?;
    let added = str::from_utf8(added).ok()?.strip_prefix('+')?;
    let (start, count) = added.split_once(',').unwrap_or((added, "1"));
    let (start, count): (usize, usize) = (start.parse().ok()?, count.parse().ok()?);
    (count > 0).then(|| start..=start.saturating_add(count - 1))
}

/// The path behind `+++`; none of a file that is gone.
fn new_path(name: &[u8]) -> Option<PathBuf> {
    let name = match name.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")) {
        Some(quoted) => unquoted(quoted),
        // A name with a space has a tab behind it.
        None => name.strip_suffix(b"\t").unwrap_or(name).to_vec(),
    };
    Some(PathBuf::from(OsStr::from_bytes(name.strip_prefix(b"b/")?)))
}

/// As in C: <https://git-scm.com/docs/git-config#Documentation/git-config.txt-corequotePath>
fn unquoted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        out.push(match escaped {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            digit @ b'0'..=b'3' => {
                let octal = |byte: Option<u8>| byte.unwrap_or(b'0').wrapping_sub(b'0') & 7;
                let second = octal(rest.next());
                (digit - b'0') << 6 | second << 3 | octal(rest.next())
            }
            other => other,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(bytes: &[u8]) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(bytes))
    }

    #[test]
    fn the_new_lines_of_a_diff_are_found() {
        let diff = b"diff --git a/a b.sh b/a b.sh
index 1..2 100644
--- a/a b.sh\t
+++ b/a b.sh\t
@@ -1,0 +2,3 @@ context
+++ b/other.sh
+@@ -1 +9 @@
+diff --git a/x b/x
@@ -9 +13 @@
-old
+new
@@ -20,2 +24,0 @@
-gone
-gone
diff --git a/gone.sh b/gone.sh
--- a/gone.sh
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/x.bin b/x.bin
Binary files a/x.bin and b/x.bin differ
diff --git \"a/\\303\\244\\n\\\"\\377\" \"b/\\303\\244\\n\\\"\\377\"
--- /dev/null
+++ \"b/\\303\\244\\n\\\"\\377\"
@@ -0,0 +1 @@
+x
diff --git a/less.sh b/less.sh
--- a/less.sh
+++ b/less.sh
@@ -3 +2,0 @@
-gone
";
        let found = added(diff);
        assert_eq!(found[&path(b"a b.sh")], [2..=4, 13..=13]);
        assert_eq!(found[&path(b"\xC3\xA4\n\"\xFF")], [1..=1]);
        assert_eq!(found[&path(b"less.sh")], []);
        assert_eq!(found.len(), 3, "{found:?}");
    }

    #[test]
    fn a_diff_that_is_cut_off_says_what_it_can() {
        let whole = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n+x\n";
        for end in 0..whole.len() {
            assert!(added(&whole[..end]).len() <= 1);
        }
        assert_eq!(added_range(b"-1 +18446744073709551615,9 @@"), Some(usize::MAX..=usize::MAX));
        for wrong in [&b""[..], b"-1", b"-1 +", b"-1 +x,2 @@", b"-1 1,2"] {
            assert_eq!(added_range(wrong), None);
        }
    }

    #[test]
    fn paths_of_git_may_be_any_bytes() {
        let list: Vec<PathBuf> = paths(b"a\nb\0\xFF\0-c\0").collect();
        assert_eq!(list, [path(b"a\nb"), path(b"\xFF"), path(b"-c")]);
        assert_eq!(paths(b"").count(), 0);
    }
}
