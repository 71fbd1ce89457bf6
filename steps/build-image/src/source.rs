//! What the image is built from: the commit, told by GitLab or by git.

use std::collections::BTreeMap;
use std::path::Path;

use step_core::GitLab;
use step_core::process::Process;

/// The state of the source tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Source {
    /// Full commit hash.
    commit: Option<String>,
    /// The tree differs from the commit.
    is_dirty: bool,
    /// Time of the commit, RFC 3339.
    time: Option<String>,
    /// Tag or branch.
    version: Option<String>,
    /// Address of the project.
    url: Option<String>,
    /// Time of the commit in seconds since 1970.
    epoch: Option<String>,
}

impl Source {
    /// Asks GitLab's variables, then git. Without either the image has no revision: not an error,
    /// for a folder that is no checkout can be built, too.
    pub(crate) async fn of(folder: &Path, gitlab: &GitLab) -> Self {
        let git = async |args: &[&str]| {
            let output = Process::new("git", args.iter().copied()).folder(folder).output().await;
            output.ok().filter(|text| !text.is_empty())
        };
        // In a job the tree is a checkout of the commit; what earlier jobs left in it is meant.
        let (commit, is_dirty) = match &gitlab.commit_sha {
            Some(sha) => (Some(sha.clone()), false),
            None => {
                let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).await;
                (git(&["rev-parse", "HEAD"]).await, dirty.is_some())
            }
        };
        let version = gitlab.commit_tag.clone().or_else(|| gitlab.commit_ref_slug.clone());
        Self {
            commit,
            is_dirty,
            time: match &gitlab.commit_timestamp {
                Some(time) => Some(time.clone()),
                None => git(&["log", "-1", "--format=%cI"]).await,
            },
            version,
            url: gitlab.project_url.clone(),
            epoch: git(&["log", "-1", "--format=%ct"]).await,
        }
    }

    /// The commit, marked when the tree differs from it.
    pub(crate) fn revision(&self) -> Option<String> {
        let mark = if self.is_dirty { "-dirty" } else { "" };
        self.commit.as_ref().map(|commit| format!("{commit}{mark}"))
    }

    /// The tag that every image gets.
    pub(crate) fn tag(&self) -> String {
        self.revision().unwrap_or_else(|| "latest".to_owned())
    }

    /// The tag of an image that is built. A changed tree has no stable name, so that of its image
    /// stands in: else a registry with immutable tags would take the first such image only.
    pub(crate) fn tag_of(&self, id: &str) -> String {
        let digest = id.strip_prefix("sha256:").unwrap_or(id);
        if self.is_dirty { format!("{}-{:.12}", self.tag(), digest) } else { self.tag() }
    }

    /// Values for the ARGs that any Dockerfile may declare.
    ///
    /// `SOURCE_DATE_EPOCH` is the reproducible-builds standard; BuildKit 0.11 and later also dates
    /// the image itself with it.
    pub(crate) fn build_args(&self) -> BTreeMap<String, String> {
        present([("REVISION", self.revision()), ("SOURCE_DATE_EPOCH", self.epoch.clone())])
    }

    /// The labels of the Open Container Initiative ("Pre-Defined Annotation Keys" of its image
    /// specification). `created` is the time of the commit: the time of the job would make every
    /// image another one.
    pub(crate) fn labels(&self, title: &str) -> BTreeMap<String, String> {
        present([
            ("org.opencontainers.image.title", Some(title.to_owned())),
            ("org.opencontainers.image.revision", self.revision()),
            ("org.opencontainers.image.created", self.time.clone()),
            ("org.opencontainers.image.version", self.version.clone()),
            ("org.opencontainers.image.source", self.url.clone()),
        ])
    }
}

fn present<const N: usize>(pairs: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gitlab_is_believed_before_git() {
        let gitlab = GitLab {
            commit_sha: Some("c0ffee".into()),
            commit_timestamp: Some("2026-01-02T03:04:05Z".into()),
            commit_ref_slug: Some("main".into()),
            ..GitLab::default()
        };
        let source = Source::of(Path::new("."), &gitlab).await;
        assert_eq!(source.tag_of("sha256:123456789abcdef"), "c0ffee");
        assert_eq!(source.revision().as_deref(), Some("c0ffee"));
        let labels = source.labels("orders");
        assert_eq!(labels["org.opencontainers.image.revision"], "c0ffee");
        assert_eq!(labels["org.opencontainers.image.created"], "2026-01-02T03:04:05Z");
        assert_eq!(labels["org.opencontainers.image.version"], "main");
    }

    #[tokio::test]
    async fn a_folder_that_is_no_checkout_has_no_revision() {
        let folder = tempfile::tempdir().unwrap();
        let source = Source::of(folder.path(), &GitLab::default()).await;
        assert_eq!(source.revision(), None);
        assert_eq!(source.tag(), "latest");
        assert_eq!(source.labels("x").len(), 1);
    }

    #[test]
    fn a_changed_tree_is_named_by_its_image() {
        let source = Source { commit: Some("abc".into()), is_dirty: true, ..Source::default() };
        assert_eq!(source.tag_of("sha256:0123456789abcdef"), "abc-dirty-0123456789ab");
        assert_eq!(source.revision().as_deref(), Some("abc-dirty"));
    }
}
