//! What a branch is compared with, as git knows it: the target of its merge request, and the commit at
//! which it left it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, FailContext, GitLab, output};

/// The repository around a folder.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    prefix: String,
    option: &'static str,
}

/// A branch to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// As the user knows it: `origin/main`.
    pub name: String,
    /// The commit that it is at.
    pub commit: String,
}

impl Repository {
    /// The repository that a folder lies in, if it lies in one; `option` is how users name what to
    /// compare with, for messages.
    ///
    /// # Errors
    /// git is not installed, or refuses the repository.
    pub async fn around(folder: &Path, option: &'static str) -> anyhow::Result<Option<Self>> {
        let real = folder.canonicalize().with_context(|| folder.display().to_string())?;
        // Looked for here, as what git says of its absence is in the user's language.
        if !real.ancestors().any(|folder| folder.join(".git").exists()) {
            return Ok(None);
        }
        let mut repository = Self { folder: real, prefix: String::new(), option };
        repository.prefix = repository
            .git(["rev-parse", "--show-prefix"])
            .output()
            .await
            .or_fail(|| Fail::invalid("git does not take this repository"))?;
        Ok(Some(repository))
    }

    /// The path of the folder in the repository: empty, or with a slash at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The branch that this one is for: `against` if it is given, else the target of the merge request,
    /// else the project's main branch. Nothing when git knows no such branch.
    ///
    /// # Errors
    /// Exit 2: what was named is not known; exit 4: it cannot be fetched.
    pub async fn target(
        &self,
        against: Option<&str>,
        gitlab: &GitLab,
    ) -> anyhow::Result<Option<Target>> {
        let remote = |branch: &String| format!("origin/{branch}");
        let named = against
            .map(str::to_owned)
            .or_else(|| gitlab.merge_request_target_branch.as_ref().map(remote));
        if let Some(name) = named {
            return self.named(&name, gitlab).await.map(Some);
        }
        if let Some(name) = gitlab.default_branch.as_ref().map(remote) {
            self.fetch_in_ci(&name, gitlab).await?;
            if let Some(commit) = self.commit(&name).await? {
                return Ok(Some(Target { name, commit }));
            }
        }
        for name in ["origin/HEAD", "origin/main", "origin/master", "main", "master"] {
            if let Some(commit) = self.commit(name).await? {
                return Ok(Some(Target { name: name.to_owned(), commit }));
            }
        }
        Ok(None)
    }

    /// A branch or commit of a name; in a job what lies at origin is fetched before.
    ///
    /// # Errors
    /// Exit 2: git knows no such commit; exit 4: it cannot be fetched.
    pub async fn named(&self, name: &str, gitlab: &GitLab) -> anyhow::Result<Target> {
        self.fetch_in_ci(name, gitlab).await?;
        let commit = self.commit(name).await?.ok_or_else(|| {
            Fail::invalid(format!("git knows no commit `{name}`"))
                .help(format!("fetch it, or name another with {}", self.option))
        })?;
        Ok(Target { name: name.to_owned(), commit })
    }

    /// The commit of a name, if git knows it.
    ///
    /// # Errors
    /// git cannot be asked.
    pub async fn commit(&self, name: &str) -> anyhow::Result<Option<String>> {
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
    ///
    /// # Errors
    /// Exit 2: they have no commit in common, as in a shallow clone.
    pub async fn merge_base(&self, target: &Target) -> anyhow::Result<String> {
        let merge_base = self.git(["merge-base", "HEAD", &target.commit]).output().await;
        if merge_base.is_ok() {
            return merge_base;
        }
        let is_shallow = self.is_shallow().await?;
        merge_base.or_fail(|| {
            let fail = Fail::invalid(format!("HEAD and {} have no commit in common", target.name));
            if is_shallow {
                fail.help(
                    "the clone is shallow: give the job `GIT_DEPTH: 0` in its variables, or run \
                     git fetch --unshallow",
                )
            } else {
                fail.help(format!("name a branch that this one comes from: {}", self.option))
            }
        })
    }

    /// Whether commits are left out of the clone.
    ///
    /// # Errors
    /// git cannot be asked.
    pub async fn is_shallow(&self) -> anyhow::Result<bool> {
        let asked = self.git(["rev-parse", "--is-shallow-repository"]).output().await?;
        Ok(asked == "true")
    }

    /// Whether a commit has a file; the path is relative to the root of the repository.
    ///
    /// # Errors
    /// git fails.
    pub async fn has(&self, commit: &str, path: &str) -> anyhow::Result<bool> {
        let args = ["--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", path];
        let entry = self.git(args).output().await?;
        Ok(entry.split_whitespace().nth(1) == Some("blob"))
    }

    /// git, run in the folder.
    pub fn git<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Process {
        Process::new("git", args).folder(&self.folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn git(folder: &Path, args: &[&str]) {
        let identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
        let args = [&identity[..], args].concat();
        Process::new("git", args).folder(folder).output().await.unwrap();
    }

    async fn scratch() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet", "--initial-branch", "main"]).await;
        std::fs::create_dir(folder.path().join("api")).unwrap();
        std::fs::write(folder.path().join("api/a.json"), "{}").unwrap();
        git(folder.path(), &["add", "."]).await;
        git(folder.path(), &["commit", "--quiet", "--message", "a"]).await;
        folder
    }

    #[tokio::test]
    async fn a_branch_is_compared_with_where_it_left_main() {
        let folder = scratch().await;
        git(folder.path(), &["checkout", "--quiet", "-b", "new"]).await;
        git(folder.path(), &["commit", "--quiet", "--allow-empty", "--message", "b"]).await;
        let inside = folder.path().join("api");
        let repository = Repository::around(&inside, "--base").await.unwrap().unwrap();
        assert_eq!(repository.prefix(), "api/");
        let target = repository.target(None, &GitLab::default()).await.unwrap().unwrap();
        assert_eq!(target.name, "main");
        let commit = repository.merge_base(&target).await.unwrap();
        assert_eq!(commit, target.commit);
        assert!(repository.has(&commit, "api/a.json").await.unwrap());
        for path in ["api/b.json", "a.json", "api", "api/*"] {
            assert!(!repository.has(&commit, path).await.unwrap(), "{path}");
        }
    }

    #[tokio::test]
    async fn an_unknown_branch_is_an_error_with_what_to_do() {
        let folder = scratch().await;
        let repository = Repository::around(folder.path(), "--base").await.unwrap().unwrap();
        let err = repository.target(Some("nobody"), &GitLab::default()).await.unwrap_err();
        let fail = Fail::of(&err).unwrap();
        assert_eq!(fail.exit(), Exit::Invalid);
        assert!(fail.help_text().unwrap().contains("--base"));
    }

    #[tokio::test]
    async fn a_folder_outside_of_repositories_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Repository::around(folder.path(), "--base").await.unwrap().is_none());
    }
}
