//! Creates the repository and pushes. Only writes, and the look that proves the push.

use std::collections::HashSet;

use anyhow::Context;
use aws_sdk_ecr::types::ImageTagMutability;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bollard::auth::DockerCredentials;
use bollard::query_parameters::{PushImageOptionsBuilder, TagImageOptionsBuilder};
use futures_util::StreamExt;
use step_aws::{Call, Guarded};
use step_core::{Exit, Fail, Secret, output};
use step_docker::plain;

use crate::observe::{self, LocalImage, Remote};
use crate::{Change, Ctx};

/// Executes the plan and returns the repository as it is then.
pub(crate) async fn apply(
    ctx: &Ctx,
    _guarded: &Guarded,
    plan: &[Change],
    local: &LocalImage,
) -> anyhow::Result<Remote> {
    let _section = output::section(&format!("Push {}", ctx.desired.repository));
    for change in plan {
        match change {
            Change::CreateRepository { name, mutable_tags } => {
                create_repository(ctx, name, *mutable_tags).await?;
            }
            Change::Push { tag, .. } => push(ctx, tag).await?,
        }
    }
    let remote = observe::repository(ctx).await?.context("the repository vanished")?;
    let pushed = remote.tagged.as_ref().and_then(|tagged| tagged.config.as_deref());
    if pushed == Some(&local.id) {
        return Ok(remote);
    }
    Err(Fail::new(
        Exit::Superseded,
        format!(
            "{}:{} has the configuration {} after the push, not {}",
            remote.uri,
            ctx.desired.tag,
            pushed.unwrap_or("(none)"),
            local.id
        ),
    )
    .help("another pipeline pushed the same tag at the same time; run this one again")
    .into())
}

async fn create_repository(ctx: &Ctx, name: &str, mutable_tags: bool) -> anyhow::Result<()> {
    let mutability =
        if mutable_tags { ImageTagMutability::Mutable } else { ImageTagMutability::Immutable };
    let call = ctx.ecr.create_repository().repository_name(name).image_tag_mutability(mutability);
    let answer = call.send().await;
    // Somebody else was quicker: the repository is there, which is what counts.
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_repository_already_exists_exception())
    {
        return Ok(());
    }
    answer.call("ecr:CreateRepository")?;
    Ok(())
}

async fn push(ctx: &Ctx, tag: &str) -> anyhow::Result<()> {
    let repository = observe::repository(ctx).await?.context("the repository vanished")?.uri;
    let target = format!("{repository}:{tag}");
    let options = TagImageOptionsBuilder::new().repo(&repository).tag(tag).build();
    ctx.docker
        .tag_image(&ctx.desired.reference, Some(options))
        .await
        .map_err(|err| Fail::new(Exit::Failed, format!("tag {target}: {}", plain(&err))))?;
    let credentials = credentials(ctx, &repository).await?;
    let options = PushImageOptionsBuilder::new().tag(tag).build();
    let mut messages = ctx.docker.push_image(&repository, Some(options), Some(credentials));
    let mut progress = output::progress("push");
    // The engine repeats each state with every byte count; bollard leaves out the layer's name.
    let mut told = HashSet::new();
    while let Some(message) = messages.next().await {
        let message = message.map_err(|err| failure(&target, &plain(&err)))?;
        if let Some(error) = message.error_detail.and_then(|detail| detail.message) {
            return Err(failure(&target, &error).into());
        }
        if let Some(status) = message.status
            && !status.is_empty()
            && told.insert(status.clone())
        {
            progress.state(status);
        }
    }
    Ok(())
}

/// The user and password that ECR gives for half a day. They go to the engine in a header, and
/// nowhere else.
async fn credentials(ctx: &Ctx, repository: &str) -> anyhow::Result<DockerCredentials> {
    let answer = ctx.ecr.get_authorization_token().send().await;
    let answer = answer.call("ecr:GetAuthorizationToken")?;
    let token = answer.authorization_data().first().and_then(|data| data.authorization_token());
    let token = Secret::new(token.context("ECR gave no token")?);
    let decoded = STANDARD.decode(token.expose()).context("ECR's token is not base64")?;
    let decoded = String::from_utf8(decoded).context("ECR's token is not text")?;
    let (user, password) = decoded.split_once(':').context("ECR's token has no password")?;
    let host = repository.split('/').next().unwrap_or(repository);
    Ok(DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(Secret::new(password).expose().to_owned()),
        serveraddress: Some(host.to_owned()),
        ..DockerCredentials::default()
    })
}

fn failure(target: &str, message: &str) -> Fail {
    let text = format!("push {target}: {message}");
    // The two texts of ECR: "The repository is immutable ...", "The image tag is immutable ...".
    if message.contains("immutable") {
        Fail::new(Exit::Refused, text).help("choose another tag with --tag")
    } else if message.contains("denied") || message.contains("no basic auth credentials") {
        Fail::new(Exit::Unreachable, text).help(
            "allow ecr:InitiateLayerUpload, ecr:UploadLayerPart, ecr:CompleteLayerUpload, \
             ecr:BatchCheckLayerAvailability and ecr:PutImage to the role that runs this step",
        )
    } else if step_docker::is_network(message) {
        Fail::new(Exit::Unreachable, text)
            .help("check the network, and that the registry's name is right")
    } else {
        Fail::new(Exit::Failed, text).help("run the step again: what was sent is not sent twice")
    }
}
