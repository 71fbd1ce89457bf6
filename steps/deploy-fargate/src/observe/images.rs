//! Images in ECR: which digest a tag has, whether a digest is there, and for which processors.

use aws_sdk_ecr::types::ImageIdentifier;
use serde_json::Value;
use step_aws::Call;
use step_core::{Fail, output};

use crate::Ctx;
use crate::definition::{ContainerOverrides, Definition, Overrides};
use crate::image::{EcrRepository, Reference, in_words_of_ecs, index};
use crate::settings::Unit;

/// An image in ECR.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    pub(crate) digest: String,
    pub(crate) manifest: Value,
}

/// The manifests that are understood; others would be turned into an old form, with another digest.
const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// The definition with all images pinned by digest that can be. Asks ECR only for those that are not.
///
/// # Errors
/// Exit 2: an image that was asked for has no digest and is not in ECR, or is not there.
pub(crate) async fn pin(
    ctx: &Ctx,
    unit: &Unit,
    container: Option<&str>,
    definition: Definition,
) -> anyhow::Result<Definition> {
    let asked_for = |name: &str| {
        let overridden = unit.overrides.containers.get(name).is_some_and(|set| set.image.is_some());
        overridden || unit.image.is_some() && container == Some(name)
    };
    let mut overrides = Overrides::default();
    for (name, image) in definition.images() {
        let reference = Reference::parse(image)?;
        let digest = match (&reference.digest, reference.ecr(ctx.settings.registry.as_deref())) {
            (Some(digest), _) => digest.clone(),
            (None, Some(repository)) => find(ctx, &repository, &reference).await?.digest,
            (None, None) if asked_for(name) => {
                return Err(Fail::invalid(format!("{image} is not pinned by digest"))
                    .help("a tag can mean another image tomorrow; push-ecr hands over HOST/NAME@sha256:...")
                    .into());
            }
            (None, None) => {
                output::warn(format!(
                    "container {name}: {image} is not pinned by digest, and only tags of ECR can be resolved"
                ));
                continue;
            }
        };
        let set =
            ContainerOverrides { image: Some(reference.pinned(&digest)), ..Default::default() };
        overrides.containers.insert(name.to_owned(), set);
    }
    Ok(definition.with(&overrides)?)
}

/// The image under a tag or digest.
///
/// # Errors
/// Exit 2: there is no such repository or image.
pub(crate) async fn find(
    ctx: &Ctx,
    repository: &EcrRepository,
    reference: &Reference,
) -> anyhow::Result<Found> {
    let tag = reference.tag.clone().filter(|_| reference.digest.is_none());
    let tag = tag.or_else(|| reference.digest.is_none().then(|| "latest".to_owned()));
    let id =
        ImageIdentifier::builder().set_image_digest(reference.digest.clone()).set_image_tag(tag);
    let call = ctx.ecr_in(repository.region.as_deref()).batch_get_image();
    let call = call.set_registry_id(repository.account.clone()).repository_name(&repository.name);
    let call = call
        .image_ids(id.build())
        .set_accepted_media_types(Some(MEDIA_TYPES.map(str::to_owned).into()));
    let answer = call.send().await;
    let missing = || {
        Fail::invalid(format!("{reference} is not in ECR"))
            .help("push it again with push-ecr; a lifecycle policy may have removed it")
    };
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_repository_not_found_exception())
    {
        return Err(missing().into());
    }
    let answer = answer.call("ecr:BatchGetImage")?;
    let image = answer.images().first().ok_or_else(missing)?;
    let digest = image.image_id().and_then(|id| id.image_digest()).ok_or_else(missing)?;
    let manifest = image.image_manifest().and_then(|text| serde_json::from_str(text).ok());
    Ok(Found { digest: digest.to_owned(), manifest: manifest.unwrap_or_default() })
}

/// The processors that an image is for, in the words of ECS. That of a single image stands in its
/// configuration, which is fetched.
pub(crate) async fn architectures(
    ctx: &Ctx,
    repository: &EcrRepository,
    found: &Found,
) -> anyhow::Result<Vec<String>> {
    if let Some(architectures) = index(&found.manifest) {
        return Ok(architectures);
    }
    let config = found.manifest.pointer("/config/digest").and_then(Value::as_str);
    let Some(config) = config else { anyhow::bail!("its manifest names no configuration") };
    let call = ctx.ecr_in(repository.region.as_deref()).get_download_url_for_layer();
    let call = call.set_registry_id(repository.account.clone()).repository_name(&repository.name);
    let answer = call.layer_digest(config).send().await.call("ecr:GetDownloadUrlForLayer")?;
    let url = answer.download_url().unwrap_or_default();
    let client = reqwest::Client::builder().timeout(FETCH_LIMIT).build()?;
    // The address is signed: it must not be told.
    let fetched = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let config = fetched.map_err(reqwest::Error::without_url)?.bytes().await;
    let config: Value = serde_json::from_slice(&config.map_err(reqwest::Error::without_url)?)?;
    let architecture = config.get("architecture").and_then(Value::as_str);
    Ok(architecture.map(in_words_of_ecs).into_iter().collect())
}

/// For a small file.
const FETCH_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);
