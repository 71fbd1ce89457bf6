//! What has to be written, told from the two images alone. No I/O.

use std::fmt;

use serde::Serialize;
use step_core::{Exit, Fail};

use crate::observe::{LocalImage, Remote};

/// The image as the repository should have it.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// Environment of landfall.toml.
    pub(crate) env: Option<String>,
    /// `NAME:TAG` on the engine.
    pub(crate) reference: String,
    pub(crate) repository: String,
    /// Replaces the host that ECR names.
    pub(crate) registry: Option<String>,
    pub(crate) tag: String,
    pub(crate) mutable_tags: bool,
    pub(crate) revision: Option<String>,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// The repository is missing.
    CreateRepository {
        /// Its name.
        name: String,
        /// Whether its tags may move.
        mutable_tags: bool,
    },
    /// The repository does not have the image under the tag.
    Push {
        /// The tag.
        tag: String,
        /// The manifest that the tag points to now.
        replaces: Option<String>,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::CreateRepository { name, mutable_tags: true } => {
                write!(f, "create the repository {name}, whose tags may move")
            }
            Change::CreateRepository { name, .. } => {
                write!(f, "create the repository {name} with immutable tags")
            }
            Change::Push { tag, replaces: None } => write!(f, "push the tag {tag}"),
            Change::Push { tag, replaces: Some(digest) } => {
                write!(f, "push the tag {tag}, which now points to {digest}")
            }
        }
    }
}

/// Compares the image on the engine with the one in the repository.
///
/// # Errors
/// Exit 8: the tag cannot move and means another image.
pub(crate) fn plan(
    desired: &Desired,
    local: &LocalImage,
    remote: Option<&Remote>,
) -> anyhow::Result<Vec<Change>> {
    let push = |replaces| Change::Push { tag: desired.tag.clone(), replaces };
    let Some(remote) = remote else {
        let (name, mutable_tags) = (desired.repository.clone(), desired.mutable_tags);
        return Ok(vec![Change::CreateRepository { name, mutable_tags }, push(None)]);
    };
    match &remote.tagged {
        None => Ok(vec![push(None)]),
        Some(tagged) if tagged.config.as_ref() == Some(&local.id) => Ok(Vec::new()),
        Some(tagged) if remote.has_immutable_tags => Err(Fail::new(
            Exit::Refused,
            format!(
                "{}:{} is immutable and means another image: it has the configuration {}, this image is {}",
                remote.uri,
                desired.tag,
                tagged.config.as_deref().unwrap_or(&tagged.digest),
                local.id
            ),
        )
        .help("commit the change to get a new tag, or choose one with --tag")
        .into()),
        Some(tagged) => Ok(vec![push(Some(tagged.digest.clone()))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Tagged;

    fn local() -> LocalImage {
        LocalImage { id: "sha256:new".into() }
    }

    fn remote(config: Option<&str>, has_immutable_tags: bool) -> Remote {
        Remote {
            uri: "host/orders".into(),
            has_immutable_tags,
            tagged: config.map(|config| Tagged {
                digest: "sha256:manifest".into(),
                config: Some(config.into()),
            }),
        }
    }

    fn planned(remote: Option<Remote>) -> anyhow::Result<Vec<String>> {
        let desired =
            Desired { repository: "orders".into(), tag: "abc".into(), ..Desired::default() };
        let plan = plan(&desired, &local(), remote.as_ref())?;
        Ok(plan.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn an_image_that_is_there_is_not_pushed() {
        assert!(planned(Some(remote(Some("sha256:new"), true))).unwrap().is_empty());
    }

    #[test]
    fn a_missing_repository_is_created_with_immutable_tags() {
        assert_eq!(
            planned(None).unwrap(),
            ["create the repository orders with immutable tags", "push the tag abc"]
        );
    }

    #[test]
    fn a_tag_that_may_move_moves_and_its_old_target_is_named() {
        assert_eq!(
            planned(Some(remote(Some("sha256:old"), false))).unwrap(),
            ["push the tag abc, which now points to sha256:manifest"]
        );
        assert_eq!(planned(Some(remote(None, true))).unwrap(), ["push the tag abc"]);
    }

    #[test]
    fn an_immutable_tag_that_means_another_image_is_refused_naming_both() {
        let err = planned(Some(remote(Some("sha256:old"), true))).unwrap_err();
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Refused);
        assert!(err.to_string().contains("sha256:old") && err.to_string().contains("sha256:new"));
    }
}
