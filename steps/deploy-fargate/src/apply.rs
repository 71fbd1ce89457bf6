//! Registers the revision, updates the service, and goes back when it failed. Only writes, and the
//! waiting for the way back.

use anyhow::Context;
use aws_smithy_types::body::SdkBody;
use step_aws::{Call, Guarded};
use step_core::output;

use crate::observe::{self, Current, Deployment, incomplete};
use crate::watch::{self, Ended};
use crate::{Change, Ctx};

/// Executes a plan and returns the deployment that it began.
pub(crate) async fn apply(
    ctx: &Ctx,
    _guarded: &Guarded,
    plan: &[Change],
    before: &Current,
) -> anyhow::Result<Deployment> {
    let mut revision = None;
    let mut count = None;
    for change in plan {
        match change {
            Change::Image { .. } | Change::Retry { .. } => {
                revision = Some(register(ctx, before).await?);
            }
            Change::Count { to, .. } => count = Some(*to),
            Change::Wait => {}
        }
    }
    if revision.is_none() && count.is_none() {
        let under_way = before.service.primary().cloned();
        return under_way.context("the service has no deployment");
    }
    update(ctx, revision.as_deref(), count).await
}

/// Takes the service back to what it was when a deployment failed that ECS itself will not, or
/// not soon, roll back.
pub(crate) async fn go_back_if_failed(
    ctx: &Ctx,
    _guarded: &Guarded,
    ended: Ended,
    ours: &Deployment,
    before: &Current,
) -> anyhow::Result<Ended> {
    let Ended::Failed(failure) = ended else { return Ok(ended) };
    if let Some(failure) = &failure {
        output::warn(failure);
    }
    let now = observe::service(ctx).await?;
    let is_old = now.task_definition == before.service.task_definition;
    if !is_old && now.task_definition != ours.task_definition {
        // Somebody deploys something newer: not ours to take away.
        return Ok(Ended::Superseded);
    }
    if !is_old || now.desired_count != before.service.desired_count {
        output::say(format!("  back to {}", before.service.task_definition));
        let count = before.service.desired_count;
        let count = Some(count).filter(|count| *count != now.desired_count);
        update(ctx, Some(&before.service.task_definition), count).await?;
    }
    if before.service.desired_count == 0 {
        return Ok(Ended::Failed(failure));
    }
    watch::until_back(ctx, before).await?;
    Ok(Ended::RolledBack(failure))
}

/// Registers a revision with the desired image and returns its ARN.
async fn register(ctx: &Ctx, before: &Current) -> anyhow::Result<String> {
    let definition = before.definition.with_image(&before.container, &ctx.desired.image);
    let body = serde_json::to_vec(&definition.to_request())?;
    // The typed request would lose every field that the SDK does not know.
    let call = ctx.ecs.register_task_definition().customize().mutate_request(move |request| {
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body.clone());
    });
    let answer = call.send().await.call("ecs:RegisterTaskDefinition")?;
    let arn = answer.task_definition().and_then(|definition| definition.task_definition_arn());
    let arn = arn.ok_or_else(|| incomplete("ecs:RegisterTaskDefinition", "task definition"))?;
    output::say(format!("  registered {arn}"));
    Ok(arn.to_owned())
}

/// Updates the service and returns its new primary deployment.
async fn update(
    ctx: &Ctx,
    revision: Option<&str>,
    count: Option<i32>,
) -> anyhow::Result<Deployment> {
    let (cluster, name) = (&ctx.desired.cluster, &ctx.desired.service);
    let call = ctx.ecs.update_service().cluster(cluster).service(name);
    let call = call.set_task_definition(revision.map(str::to_owned)).set_desired_count(count);
    let answer = call.send().await.call("ecs:UpdateService")?;
    // The answer holds the deployment that this very call began; a later look may show another.
    let deployments = answer.service().map(|service| service.deployments()).unwrap_or_default();
    let primary = deployments.iter().map(observe::deployment).find(|one| one.is_primary);
    Ok(primary.ok_or_else(|| incomplete("ecs:UpdateService", "deployment"))?)
}
