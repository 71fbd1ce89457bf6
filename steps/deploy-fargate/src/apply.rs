//! Registers revisions, updates services and rules, continues and stops deployments. Only writes, and
//! the waiting for the way back.

use aws_sdk_ecs::types::{DeploymentLifecycleHookAction, StopServiceDeploymentStopType};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use landfall_toml::OnPause;
use serde_json::{Map, Value, json};
use step_aws::{Call, Guarded};
use step_core::poll::Pace;
use step_core::{Exit, Fail, on_interrupt, output};
use tokio::time::Instant;

use crate::codedeploy::{self, Shift};
use crate::failure::Failure;
use crate::observe::{self, Current, Deployment, Observed, Paused, Schedule, Service, incomplete};
use crate::watch::{self, Ended, Watched};
use crate::{Change, Ctx, Planned, patiently};

/// What was begun for a unit, so that it can be followed and undone.
#[derive(Debug)]
pub(crate) enum Begun {
    Service(Box<Watched>),
    /// CodeDeploy deploys it.
    Shift(Box<Shift>),
    /// The rule starts this task definition from now on.
    Rule {
        task_definition: String,
    },
}

/// Executes a plan and returns what it began.
pub(crate) async fn begin(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &Planned,
) -> anyhow::Result<Begun> {
    let mut revision = planned.registered.clone();
    let mut count = None;
    let mut breaker = false;
    for change in &planned.changes {
        match change {
            Change::Revision { .. } | Change::Retry if revision.is_none() => {
                revision = Some(register(ctx, guarded, planned).await?);
            }
            Change::Revert { to, .. } => revision = Some(to.clone()),
            Change::Count { to, .. } => count = Some(*to),
            Change::CircuitBreaker => breaker = true,
            Change::Revision { .. } | Change::Retry | Change::Image { .. } | Change::Wait => {}
        }
    }
    match &planned.observed {
        Observed::Rule(schedule) => {
            let task_definition = revision.ok_or_else(|| incomplete("a plan", "revision"))?;
            put_target(ctx, guarded, schedule, &schedule.target_with(&task_definition)).await?;
            Ok(Begun::Rule { task_definition })
        }
        Observed::Service(Current { service, .. }) => {
            if let Some(revision) = &revision
                && service.is_of_code_deploy()
            {
                if count.is_some() {
                    update(ctx, guarded, service, None, count, None).await?;
                }
                let shift = codedeploy::begin(ctx, guarded, planned, service, revision).await?;
                return Ok(Begun::Shift(Box::new(shift)));
            }
            let is_there = revision.is_none() && count.is_none();
            // What is there is followed. The answer of an update holds the deployment that this very
            // call began; a later look may show another.
            let updated = match is_there {
                true => None,
                false => {
                    let breaker = breaker.then(|| with_breaker(service));
                    update(ctx, guarded, service, revision.as_deref(), count, breaker).await?
                }
            };
            let ours = updated.or_else(|| service.primary().cloned());
            let ours = ours.ok_or_else(|| incomplete("ecs:DescribeServices", "deployment"))?;
            let mut watched = Watched::new(
                ctx.prefix(&planned.unit),
                service.clone(),
                ours,
                planned.definition.clone(),
            );
            if !is_there {
                // What the update answered is the first look.
                watched.next_look = Instant::now() + Pace::SERVICE.early;
            }
            Ok(Begun::Service(Box::new(watched)))
        }
    }
}

/// Follows what was begun to its end, and answers at hooks as the settings say.
pub(crate) async fn follow(
    ctx: &Ctx,
    guarded: &Guarded,
    begun: &mut Begun,
) -> anyhow::Result<Ended> {
    let goes_on = ctx.settings.on_pause == OnPause::Continue;
    loop {
        let ended = match begun {
            Begun::Service(watched) => watch::until_ended(ctx, watched).await?,
            Begun::Shift(shift) => codedeploy::until_ended(ctx, shift).await?,
            Begun::Rule { .. } => return Ok(Ended::Deployed),
        };
        match (ended, &*begun) {
            (Ended::Paused(_), Begun::Shift(shift)) => {
                codedeploy::answer(ctx, guarded, shift, goes_on).await?;
            }
            (Ended::Paused(paused), _) => answer(ctx, guarded, &paused, goes_on).await?,
            (Ended::Deployed, begun) => return prove(ctx, begun).await,
            (ended, _) => return Ok(ended),
        }
    }
}

/// Proves that what was asked for runs.
async fn prove(ctx: &Ctx, begun: &Begun) -> anyhow::Result<Ended> {
    let (before, revision, definition) = match begun {
        Begun::Service(it) => (&it.before, &it.ours.task_definition, &it.definition),
        Begun::Shift(it) => (&it.before, &it.revision, &it.definition),
        Begun::Rule { .. } => return Ok(Ended::Deployed),
    };
    watch::prove(ctx, before, revision, definition).await
}

/// Takes back what was begun. The outcome says whether what ran before runs again.
pub(crate) async fn undo(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &Planned,
    begun: &mut Begun,
    failure: Option<Failure>,
) -> anyhow::Result<Ended> {
    match (begun, &planned.observed) {
        (Begun::Service(watched), _) => {
            let sets_count = planned.changes.iter().any(|it| matches!(it, Change::Count { .. }));
            go_back(ctx, guarded, watched, sets_count, failure).await
        }
        (Begun::Shift(shift), _) => codedeploy::go_back(ctx, guarded, shift, failure).await,
        (Begun::Rule { .. }, Observed::Rule(schedule)) => {
            put_target(ctx, guarded, schedule, &schedule.target).await?;
            Ok(Ended::RolledBack(failure))
        }
        (Begun::Rule { .. }, Observed::Service(_)) => Ok(Ended::Failed(failure)),
    }
}

/// Takes the service back to the last revision that ran, and its count where this run set it: else it is
/// that of auto scaling.
async fn go_back(
    ctx: &Ctx,
    guarded: &Guarded,
    watched: &mut Watched,
    sets_count: bool,
    failure: Option<Failure>,
) -> anyhow::Result<Ended> {
    let _section = output::section(&format!("Roll back {}", watched.before.name));
    if let Some(failure) = &failure {
        output::warn(format!("{}{failure}", watched.prefix));
    }
    let service = &watched.before;
    let now = patiently(ctx, async || {
        observe::service_if_any(ctx, &service.cluster, &service.name).await
    });
    // Deleted meanwhile: there is nothing to go back to.
    let Some(now) = now.await? else { return Ok(Ended::Failed(failure)) };
    let before = watched.before.desired_count;
    let count = (sets_count && before != now.desired_count).then_some(before);
    if watched.good == watched.ours.task_definition {
        // Nothing but this very revision ever was there.
        if count.is_some() {
            update(ctx, guarded, service, None, count, None).await?;
        }
        return Ok(Ended::Failed(failure));
    }
    let is_good = now.task_definition == watched.good;
    if !is_good && now.task_definition != watched.ours.task_definition {
        // Somebody deploys something newer: not ours to take away.
        return Ok(Ended::Superseded);
    }
    if !is_good || count.is_some() {
        output::say(format!("  {}back to {}", watched.prefix, watched.good));
        let is_stopped = count.is_none() && stop(ctx, guarded, watched).await?;
        if !is_stopped {
            let good = watched.good.clone();
            update(ctx, guarded, &watched.before, Some(&good), count, None).await?;
        }
    }
    if watched.before.desired_count == 0 || !watched.is_proven {
        return Ok(Ended::Failed(failure));
    }
    let is_back = watch::until_back(ctx, watched).await?;
    Ok(if is_back { Ended::RolledBack(failure) } else { Ended::TimedOut(failure) })
}

/// Has ECS roll the deployment back, which works even where no rollback is configured. `false` where
/// that is not possible.
pub(crate) async fn stop(ctx: &Ctx, _guarded: &Guarded, watched: &Watched) -> anyhow::Result<bool> {
    let Some(arn) = watched.arn() else { return Ok(false) };
    let stopped = patiently(ctx, async || {
        let call = ctx.ecs.stop_service_deployment().service_deployment_arn(arn);
        let call = call.stop_type(StopServiceDeploymentStopType::Rollback);
        call.send().await.call("ecs:StopServiceDeployment")
    });
    match stopped.await {
        Ok(_) => Ok(true),
        Err(err) => {
            output::warn(format!("{err:#}; updating the service instead"));
            Ok(false)
        }
    }
}

/// Lets a deployment go on that waits at a hook, or takes it back.
pub(crate) async fn answer(
    ctx: &Ctx,
    _guarded: &Guarded,
    paused: &Paused,
    goes_on: bool,
) -> anyhow::Result<()> {
    let action = if goes_on {
        output::say(format!("  continues after {}", paused.stage));
        DeploymentLifecycleHookAction::Continue
    } else {
        output::say(format!("  goes back at {}", paused.stage));
        DeploymentLifecycleHookAction::Rollback
    };
    patiently(ctx, async || {
        let call = ctx.ecs.continue_service_deployment().service_deployment_arn(&paused.deployment);
        let call = call.hook_id(&paused.hook).action(action.clone());
        call.send().await.call("ecs:ContinueServiceDeployment").map(|_| ())
    })
    .await
}

/// Registers a revision with the desired definition and returns its ARN.
pub(crate) async fn register(
    ctx: &Ctx,
    _guarded: &Guarded,
    planned: &Planned,
) -> anyhow::Result<String> {
    let body = planned.definition.to_request();
    let arn = patiently(ctx, async || {
        let call = ctx.ecs.register_task_definition();
        let call = call.customize().mutate_request(with_body(&body)?);
        let answer = call.send().await;
        if let Err(err) = &answer
            && err.as_service_error().is_some_and(|err| {
                err.is_client_exception() || err.is_invalid_parameter_exception()
            })
        {
            let Err(said) = answer.call("ecs:RegisterTaskDefinition") else {
                anyhow::bail!("an error that is none")
            };
            return Err(said.context(
                Fail::invalid(format!("{}: the task definition is not valid", planned.unit.name))
                    .help(format!("mend {}, or what landfall.toml sets in it", planned.origin())),
            ));
        }
        let answer = answer.call("ecs:RegisterTaskDefinition")?;
        let arn = answer.task_definition().and_then(|definition| definition.task_definition_arn());
        let arn = arn.ok_or_else(|| incomplete("ecs:RegisterTaskDefinition", "task definition"))?;
        Ok(arn.to_owned())
    });
    let arn = arn.await?;
    output::say(format!("  {}registered {arn}", ctx.prefix(&planned.unit)));
    Ok(arn)
}

/// Updates the service and returns its primary deployment, where it has one. Once more is no harm: the
/// same task definition again begins no deployment.
async fn update(
    ctx: &Ctx,
    _guarded: &Guarded,
    service: &Service,
    revision: Option<&str>,
    count: Option<i32>,
    configuration: Option<Value>,
) -> anyhow::Result<Option<Deployment>> {
    let mut body = Map::new();
    body.insert("cluster".into(), service.cluster.as_str().into());
    body.insert("service".into(), service.name.as_str().into());
    if let Some(revision) = revision {
        body.insert("taskDefinition".into(), revision.into());
    }
    if let Some(count) = count {
        body.insert("desiredCount".into(), count.into());
    }
    if let Some(configuration) = configuration {
        body.insert("deploymentConfiguration".into(), configuration);
    }
    let body = Value::Object(body);
    patiently(ctx, async || {
        let call = ctx.ecs.update_service().service(&service.name);
        let call = call.customize().mutate_request(with_body(&body)?);
        let answer = call.send().await.call("ecs:UpdateService")?;
        let deployments = answer.service().map(|service| service.deployments()).unwrap_or_default();
        Ok(deployments.iter().map(observe::parse_deployment).find(|one| one.is_primary))
    })
    .await
}

/// The service's deployment configuration with a circuit breaker. Sent whole: what is not sent is
/// reset.
fn with_breaker(service: &Service) -> Value {
    let mut configuration = service.raw.get("deploymentConfiguration").cloned().unwrap_or_default();
    let breaker = json!({ "enable": true, "rollback": true });
    match &mut configuration {
        Value::Object(fields) => {
            let own = fields.entry("deploymentCircuitBreaker").or_insert_with(|| breaker.clone());
            match own {
                Value::Object(own) => {
                    own.insert("enable".into(), true.into());
                    own.insert("rollback".into(), true.into());
                }
                other => *other = breaker,
            }
            configuration
        }
        _ => json!({ "deploymentCircuitBreaker": breaker }),
    }
}

/// Has a rule start another task definition.
async fn put_target(
    ctx: &Ctx,
    _guarded: &Guarded,
    schedule: &Schedule,
    target: &Value,
) -> anyhow::Result<()> {
    let body = json!({ "Rule": schedule.rule, "Targets": [target] });
    patiently(ctx, async || {
        let call = ctx.events.put_targets().rule(&schedule.rule).set_targets(Some(Vec::new()));
        let call = call.customize().mutate_request(with_body(&body)?);
        let answer = call.send().await.call("events:PutTargets")?;
        match answer.failed_entries().first() {
            None => Ok(()),
            Some(failed) => {
                let why = failed.error_message().unwrap_or("no reason is named");
                let message =
                    format!("the rule {} keeps its task definition: {why}", schedule.rule);
                Err(Fail::new(Exit::Failed, message).help("look at the rule in EventBridge").into())
            }
        }
    })
    .await?;
    output::say(format!(
        "  rule {} starts {}",
        schedule.rule,
        target
            .pointer("/EcsParameters/TaskDefinitionArn")
            .and_then(Value::as_str)
            .unwrap_or_default()
    ));
    Ok(())
}

/// What replaces the body of a call: the typed request would lose every field that the SDK does not
/// know.
pub(crate) fn with_body(
    body: &Value,
) -> anyhow::Result<impl Fn(&mut HttpRequest) + Send + Sync + 'static> {
    let body = serde_json::to_vec(body)?;
    Ok(move |request: &mut HttpRequest| {
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body.clone());
    })
}

/// Sets what is told when the step is interrupted while it follows a deployment.
pub(crate) fn advise(ctx: &Ctx, begun: &Begun) {
    let id = match begun {
        Begun::Service(watched) => &watched.ours.id,
        Begun::Shift(shift) => &shift.id,
        Begun::Rule { .. } => return,
    };
    let env = ctx.settings.env.as_ref().map_or_else(String::new, |env| format!(" --env {env}"));
    let advice = if ctx.settings.units.len() == 1 {
        format!(
            "the deployment goes on without this step; `deploy-fargate{env} --wait-only {id}` waits for its end"
        )
    } else {
        format!(
            "the deployments go on without this step; `deploy-fargate{env}` waits for their end"
        )
    };
    on_interrupt(advice);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_circuit_breaker_is_added_and_all_else_is_sent_as_it_was() {
        let raw = json!({ "deploymentConfiguration": {
            "maximumPercent": 150, "alarms": { "enable": false }, "ofTheFuture": 1,
            "deploymentCircuitBreaker": { "enable": false, "rollback": false, "resetOnHealthyTask": true } } });
        let service = Service { raw, ..Service::default() };
        assert_eq!(
            with_breaker(&service),
            json!({
                "maximumPercent": 150, "alarms": { "enable": false }, "ofTheFuture": 1,
                "deploymentCircuitBreaker": { "enable": true, "rollback": true, "resetOnHealthyTask": true } })
        );
        assert_eq!(
            with_breaker(&Service::default()),
            json!({ "deploymentCircuitBreaker": { "enable": true, "rollback": true } })
        );
    }
}
