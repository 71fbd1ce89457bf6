//! Reads what is: the image on the engine, the repository and its tag. Writes nothing.

use aws_sdk_ecr::types::{ImageIdentifier, ImageTagMutability};
use bollard::errors::Error;
use serde_json::Value;
use step_aws::Call;
use step_core::handover::PushedImage;
use step_core::{Exit, Fail};
use step_docker::plain;

use crate::{Ctx, Desired};

/// An image on the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalImage {
    /// The digest of its configuration.
    pub(crate) id: String,
}

/// A repository, and what its tag points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    /// `HOST/NAME`.
    pub(crate) uri: String,
    pub(crate) has_immutable_tags: bool,
    pub(crate) tagged: Option<Tagged>,
}

/// The image under a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tagged {
    /// The digest of its manifest.
    pub(crate) digest: String,
    /// The digest of its configuration; an index of several platforms has none.
    pub(crate) config: Option<String>,
}

impl Remote {
    /// What the next step gets to know.
    pub(crate) fn handover(&self, desired: &Desired) -> anyhow::Result<PushedImage> {
        let tagged = self.tagged.as_ref().ok_or_else(|| {
            Fail::new(
                Exit::Failed,
                format!("{}:{} is not there after the push", self.uri, desired.tag),
            )
            .help("run the step again")
        })?;
        Ok(PushedImage {
            env: desired.env.clone(),
            image: format!("{}@{}", self.uri, tagged.digest),
            digest: tagged.digest.clone(),
            repository: self.uri.clone(),
            tag: desired.tag.clone(),
            revision: desired.revision.clone(),
        })
    }
}

/// The image on the engine.
///
/// # Errors
/// Exit 2: there is none of this name.
pub(crate) async fn local_image(ctx: &Ctx) -> anyhow::Result<LocalImage> {
    let reference = &ctx.desired.reference;
    match ctx.docker.inspect_image(reference).await {
        Ok(image) => Ok(LocalImage { id: image.id.unwrap_or_default() }),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            Err(Fail::invalid(format!("there is no image {reference} on the engine"))
                .help("run build-image on this engine before, or name another image")
                .into())
        }
        Err(err) => Err(Fail::new(Exit::Failed, format!("inspect {reference}: {}", plain(&err)))
            .help("look at the engine's log, then run the step again")
            .into()),
    }
}

/// The repository and what its tag points to; `None` when there is no repository.
pub(crate) async fn repository(ctx: &Ctx) -> anyhow::Result<Option<Remote>> {
    let name = &ctx.desired.repository;
    let answer = ctx.ecr.describe_repositories().repository_names(name).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_repository_not_found_exception())
    {
        return Ok(None);
    }
    let answer = answer.call("ecr:DescribeRepositories")?;
    let Some(repository) = answer.repositories().first() else { return Ok(None) };
    let uri = match &ctx.desired.registry {
        Some(registry) => format!("{registry}/{name}"),
        None => repository.repository_uri().unwrap_or_default().to_owned(),
    };
    let immutable = repository.image_tag_mutability() == Some(&ImageTagMutability::Immutable);
    Ok(Some(Remote { uri, has_immutable_tags: immutable, tagged: tagged(ctx).await? }))
}

/// The image under the tag.
async fn tagged(ctx: &Ctx) -> anyhow::Result<Option<Tagged>> {
    let answer = ctx
        .ecr
        .batch_get_image()
        .repository_name(&ctx.desired.repository)
        .image_ids(ImageIdentifier::builder().image_tag(&ctx.desired.tag).build())
        .set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).to_vec()))
        .send()
        .await
        .call("ecr:BatchGetImage")?;
    let image = answer.images().first();
    let digest = image.and_then(|image| image.image_id()?.image_digest());
    Ok(digest.map(|digest| Tagged {
        digest: digest.to_owned(),
        config: image.and_then(|image| config_digest(image.image_manifest()?)),
    }))
}

/// ECR converts a manifest to an older form unless told that the newer ones are understood.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

fn config_digest(manifest: &str) -> Option<String> {
    let manifest: Value = serde_json::from_str(manifest).ok()?;
    Some(manifest.get("config")?.get("digest")?.as_str()?.to_owned())
}
