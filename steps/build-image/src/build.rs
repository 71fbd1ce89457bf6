//! The build itself, and the names of its result.

use std::collections::HashMap;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::BuildInfoAux;
use bollard::query_parameters::{BuildImageOptionsBuilder, BuilderVersion, TagImageOptionsBuilder};
use futures_util::StreamExt;
use step_core::{Exit, Fail, output};
use step_docker::plain;

use crate::context::Files;
use crate::progress::Progress;
use crate::{Built, Outcome, Request};

/// Makes sure that the engine has BuildKit: Docker 18.09 (API 1.39) and later do, Podman does not.
///
/// # Errors
/// Exit 4: it has not.
pub(crate) async fn require_buildkit(docker: &Docker) -> anyhow::Result<()> {
    let version = docker.version().await.map_err(|err| {
        Fail::new(Exit::Unreachable, format!("the engine tells no version: {}", plain(&err)))
    })?;
    let api = version.api_version.unwrap_or_default();
    let components = version.components.unwrap_or_default();
    let podman = components.iter().find(|component| component.name.contains("Podman"));
    if podman.is_none() && is_at_least(&api, (1, 39)) {
        return Ok(());
    }
    let engine = podman.map_or("the Docker Engine", |_| "Podman");
    Err(Fail::new(Exit::Unreachable, format!("{engine} (API {api}) has no BuildKit"))
        .help("use Docker Engine 18.09 or later: start it, or point DOCKER_HOST to it")
        .into())
}

/// Sends the context, builds, and returns the image's id.
///
/// # Errors
/// Exit 1: the build failed; the message ends with the last lines of its log.
pub(crate) async fn build(
    docker: &Docker,
    request: &Request,
    files: Files,
) -> anyhow::Result<String> {
    let _section = output::section(&format!("Build {}", request.name));
    let as_map = |map: &std::collections::BTreeMap<String, String>| -> HashMap<String, String> {
        map.clone().into_iter().collect()
    };
    let options = BuildImageOptionsBuilder::new()
        .dockerfile(&request.context.dockerfile_name()?)
        .buildargs(&as_map(&request.build_args))
        .labels(&as_map(&request.labels))
        .target(request.target.as_deref().unwrap_or_default())
        .platform(request.platform.as_deref().unwrap_or_default())
        .nocache(request.no_cache)
        .version(BuilderVersion::BuilderBuildKit)
        .session(&format!("landfall-{:032x}", fastrand::u128(..)))
        .build();
    let body = bollard::body_try_stream(files.stream());
    let mut messages = docker.build_image(options, None, Some(body));
    let mut progress = Progress::default();
    let mut id = None;
    while let Some(message) = messages.next().await {
        match message.map_err(|err| failure(&err, &progress))?.aux {
            Some(BuildInfoAux::BuildKit(status)) => progress.tell(&status),
            Some(BuildInfoAux::Default(image)) => id = image.id,
            None => {}
        }
    }
    Ok(id.ok_or_else(|| {
        Fail::new(Exit::Failed, "the engine ended the build without an image")
            .help("look at the engine's log")
    })?)
}

/// Names the image: `NAME:COMMIT` and the other tags. Tells whether it had that name before.
pub(crate) async fn tag(docker: &Docker, request: &Request, id: &str) -> anyhow::Result<Built> {
    let tag = request.source.tag_of(id);
    let reference = format!("{}:{tag}", request.name);
    let before = docker.inspect_image(&reference).await.ok().and_then(|image| image.id);
    let outcome = if before.as_deref() == Some(id) { Outcome::Unchanged } else { Outcome::Built };
    let mut tags = vec![tag];
    tags.extend(request.extra_tags.iter().cloned());
    for tag in &tags {
        let options = TagImageOptionsBuilder::new().repo(&request.name).tag(tag).build();
        docker.tag_image(id, Some(options)).await.map_err(|err| {
            Fail::new(Exit::Failed, format!("tag {}:{tag}: {}", request.name, plain(&err)))
        })?;
    }
    let size_bytes = docker.inspect_image(id).await.ok().and_then(|image| image.size);
    Ok(Built {
        tags,
        id: Some(id.to_owned()),
        size_bytes,
        ..Built::new(outcome, reference, &request.source)
    })
}

fn failure(err: &Error, progress: &Progress) -> Fail {
    let message = plain(err);
    let said_by_engine =
        matches!(err, Error::DockerStreamError { .. } | Error::DockerResponseServerError { .. });
    if !said_by_engine {
        return Fail::new(Exit::Failed, format!("the build broke off: {message}"))
            .help("a file changed while it was sent, or the engine went away: run the step again");
    }
    let text = format!("the build failed: {message}{}", progress.log());
    if step_docker::is_network(&message) {
        return Fail::new(Exit::Unreachable, text)
            .help("check the network, and the image after FROM");
    }
    let fail = Fail::new(Exit::Failed, text);
    if message.contains("failed to resolve source metadata")
        || message.contains("pull access denied")
    {
        fail.help("check the image after FROM, and the credentials for its registry")
    } else if message.contains("failed to compute cache key")
        || message.contains("failed to calculate checksum")
    {
        fail.help("what COPY names is not in the context: is it built, and not in .dockerignore?")
    } else {
        fail.help("mend the step of the Dockerfile that the message names")
    }
}

/// Compares versions such as `1.41`.
fn is_at_least(version: &str, wanted: (u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_at_least("1.41", (1, 39)));
        assert!(is_at_least("2.0", (1, 39)));
        assert!(!is_at_least("1.9", (1, 39)));
        assert!(!is_at_least("", (1, 39)));
    }
}
