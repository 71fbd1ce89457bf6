//! Services that CodeDeploy deploys: a second set of tasks beside the first, between which it shifts the
//! traffic.
//!
//! A deployment is over when all traffic is shifted. CodeDeploy then keeps the old tasks for a while, for
//! the way back, and calls its deployment succeeded only after that: an hour by default of the console.
//! It has one deployment of a service at a time
//! (<https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-steps-ecs.html>).

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_codedeploy::types::{
    AppSpecContent, DeploymentInfo, DeploymentStatus, DeploymentWaitType, EcsTarget,
    LifecycleEventStatus, RevisionLocation, RevisionLocationType,
};
use landfall_toml::Busy;
use serde_json::{Value, json};
use step_aws::{Call, Guarded};
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, output};

use crate::definition::Definition;
use crate::failure::Failure;
use crate::observe::{self, Paused, Service, incomplete};
use crate::watch::{self, Ended};
use crate::{Ctx, Planned, cancelled, patiently};

/// The deployment group of a service, and the functions that its deployments call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    application: String,
    name: String,
    hooks: BTreeMap<String, String>,
}

/// A deployment of CodeDeploy that is followed.
#[derive(Debug)]
pub(crate) struct Shift {
    /// What stands before each line, where there are several services.
    pub(crate) prefix: String,
    pub(crate) id: String,
    /// The service before the deployment.
    pub(crate) before: Service,
    /// ARN of the task definition that gets the traffic.
    pub(crate) revision: String,
    pub(crate) definition: Definition,
    group: Group,
    /// What it waits for was told and answered.
    is_answered: bool,
}

impl Group {
    /// The group that landfall.toml names, or that the console of ECS would have made.
    pub(crate) fn of(planned: &crate::Unit, service: &Service) -> Self {
        let set = &planned.code_deploy;
        let cluster = service.cluster.rsplit('/').next().unwrap_or_default();
        let of_console = |kind: &str| format!("{kind}-{cluster}-{}", service.name);
        Self {
            application: set.application.clone().unwrap_or_else(|| of_console("AppECS")),
            name: set.deployment_group.clone().unwrap_or_else(|| of_console("DgpECS")),
            hooks: set.hooks.clone(),
        }
    }
}

/// What there is to know of a deployment.
#[derive(Debug)]
struct Look {
    status: DeploymentStatus,
    /// All traffic goes to the new tasks.
    is_shifted: bool,
    /// The event that is under way.
    event: Option<String>,
    /// Tasks and percent of the traffic of each set.
    sets: Vec<String>,
    reason: Option<String>,
    rollback: Option<String>,
}

impl Look {
    fn new(info: &DeploymentInfo, target: Option<&EcsTarget>) -> Self {
        let events = target.map(EcsTarget::lifecycle_events).unwrap_or_default();
        let is_last = |status: &LifecycleEventStatus| {
            matches!(status, LifecycleEventStatus::Succeeded | LifecycleEventStatus::Skipped)
        };
        let after = events.iter().find(|it| it.lifecycle_event_name() == Some("AfterAllowTraffic"));
        let is_through = after.and_then(|it| it.status()).is_some_and(is_last);
        let under_way =
            events.iter().find(|it| it.status() == Some(&LifecycleEventStatus::InProgress));
        let sets = target.map(EcsTarget::task_sets_info).unwrap_or_default().iter();
        let sets = sets.map(|set| {
            let label = set.task_set_label().map_or("tasks", |label| label.as_str());
            let (running, desired) = (set.running_count(), set.desired_count());
            format!("{label} {running}/{desired} with {}% of the traffic", set.traffic_weight())
        });
        let failed = events.iter().find(|it| it.status() == Some(&LifecycleEventStatus::Failed));
        let said = failed.and_then(|it| {
            let diagnostics = it.diagnostics()?.message().filter(|said| !said.is_empty())?;
            Some(format!("{}: {diagnostics}", it.lifecycle_event_name()?))
        });
        let error = info.error_information().and_then(|error| error.message());
        let status = info.status().cloned().unwrap_or(DeploymentStatus::InProgress);
        Self {
            is_shifted: status == DeploymentStatus::Succeeded
                || info.instance_termination_wait_time_started()
                || is_through,
            status,
            event: under_way.and_then(|it| it.lifecycle_event_name()).map(str::to_owned),
            sets: sets.collect(),
            reason: said.or_else(|| error.map(str::to_owned)),
            rollback: info
                .rollback_info()
                .and_then(|it| it.rollback_deployment_id())
                .map(str::to_owned),
        }
    }

    fn is_under_way(&self) -> bool {
        !matches!(
            self.status,
            DeploymentStatus::Succeeded | DeploymentStatus::Failed | DeploymentStatus::Stopped
        )
    }

    fn failure(&self) -> Option<Failure> {
        self.reason.as_deref().map(Failure::of)
    }
}

/// Reads a deployment.
///
/// # Errors
/// Exit 2: there is none of that id.
async fn look(ctx: &Ctx, id: &str, service: &Service) -> anyhow::Result<Look> {
    let info = info(ctx, id).await?;
    let cluster = service.cluster.rsplit('/').next().unwrap_or_default();
    let call = ctx.code_deploy.batch_get_deployment_targets().deployment_id(id);
    let call = call.target_ids(format!("{cluster}:{}", service.name));
    // Before the first event there is no target yet.
    let answer = call.send().await.call("codedeploy:BatchGetDeploymentTargets");
    let answer = answer.inspect_err(|err| tracing::debug!("no target: {err:#}")).ok();
    let targets = answer.as_ref().map(|answer| answer.deployment_targets()).unwrap_or_default();
    Ok(Look::new(&info, targets.first().and_then(|target| target.ecs_target())))
}

async fn info(ctx: &Ctx, id: &str) -> anyhow::Result<DeploymentInfo> {
    let answer = ctx.code_deploy.get_deployment().deployment_id(id).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| {
            err.is_deployment_does_not_exist_exception() || err.is_invalid_deployment_id_exception()
        })
    {
        return Err(Fail::invalid(format!("CodeDeploy knows no deployment {id}"))
            .help("check the id, and the region and account of the environment")
            .into());
    }
    let info = answer.call("codedeploy:GetDeployment")?.deployment_info;
    Ok(info.ok_or_else(|| incomplete("codedeploy:GetDeployment", "deployment"))?)
}

/// The deployment of a service that is not over: it may be over for us, when only the old tasks still run.
async fn active(ctx: &Ctx, group: &Group) -> anyhow::Result<Option<String>> {
    let statuses = [
        DeploymentStatus::Created,
        DeploymentStatus::Queued,
        DeploymentStatus::InProgress,
        DeploymentStatus::Baking,
        DeploymentStatus::Ready,
    ];
    let call = ctx.code_deploy.list_deployments().application_name(&group.application);
    let call = call.deployment_group_name(&group.name);
    let answer = call.set_include_only_statuses(Some(statuses.into())).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| {
            err.is_application_does_not_exist_exception()
                || err.is_deployment_group_does_not_exist_exception()
        })
    {
        return Err(no_group(group).into());
    }
    let answer = answer.call("codedeploy:ListDeployments")?;
    Ok(answer.deployments().first().cloned())
}

fn no_group(group: &Group) -> Fail {
    let Group { application, name, .. } = group;
    Fail::invalid(format!(
        "CodeDeploy has no deployment group {name} of the application {application}"
    ))
    .help("name them in landfall.toml: deploy-fargate.codedeploy.application and .deployment_group")
}

/// Deals with a deployment that is under way: CodeDeploy takes no second one. `true` when there was one, so
/// that what is has to be read again.
///
/// # Errors
/// Exit 8: there is one, and `busy` says to refuse then; exit 5: it did not end.
pub(crate) async fn make_way(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &Planned,
    service: &Service,
) -> anyhow::Result<bool> {
    let group = Group::of(&planned.unit, service);
    let Some(id) = active(ctx, &group).await? else { return Ok(false) };
    let seen = look(ctx, &id, service).await?;
    if seen.is_shifted {
        // It is over, but for the old tasks that wait for a way back.
        output::say(format!("  {}: the old tasks of {id} end now", service.name));
        go_on(ctx, guarded, &id, DeploymentWaitType::TerminationWait).await?;
    } else {
        match ctx.settings.busy {
            Busy::Refuse => {
                let message = format!("CodeDeploy is deploying {} ({id})", service.name);
                return Err(Fail::new(Exit::Refused, message)
                    .help("wait for its end, or use --busy wait or take-over")
                    .into());
            }
            Busy::Wait => output::say(format!("  {} is deploying ({id}): waiting", service.name)),
            Busy::TakeOver => {
                output::warn(format!("{} is deploying ({id}): it is stopped first", service.name));
                stop(ctx, guarded, &id).await?;
            }
        }
    }
    let over = poll(&ctx.deadline, Pace::SERVICE, async || {
        Ok(active(ctx, &group).await?.is_none().then_some(()))
    });
    let late = || ctx.deadline.exceeded(&format!("{id} did not end"));
    over.await?.ok_or_else(|| late().help("look at that deployment in CodeDeploy"))?;
    Ok(true)
}

/// Begins a deployment of a task definition.
///
/// # Errors
/// Exit 2: there is no such group, or CodeDeploy does not take what is asked for; exit 8: a deployment is
/// under way.
pub(crate) async fn begin(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &Planned,
    service: &Service,
    revision: &str,
) -> anyhow::Result<Shift> {
    let group = Group::of(&planned.unit, service);
    let id = create(ctx, guarded, &group, service, revision).await?;
    let prefix = ctx.prefix(&planned.unit);
    output::say(format!("  {prefix}CodeDeploy deploys it as {id}"));
    let (before, revision) = (service.clone(), revision.to_owned());
    let definition = planned.definition.clone();
    Ok(Shift { prefix, id, before, revision, definition, group, is_answered: false })
}

/// The deployment of that id, or the one that is under way, to be followed.
///
/// # Errors
/// Exit 2: there is none of that id.
pub(crate) async fn resume(
    ctx: &Ctx,
    unit: &crate::Unit,
    service: &Service,
    id: Option<&str>,
) -> anyhow::Result<Option<Shift>> {
    let group = Group::of(unit, service);
    let id = match id {
        Some(id) => id.to_owned(),
        None => match active(ctx, &group).await? {
            Some(id) => id,
            None => return Ok(None),
        },
    };
    let info = info(ctx, &id).await?;
    let newest = service.deployments.iter().max_by_key(|set| set.created.secs());
    let newest = newest.map(|set| set.task_definition.clone());
    let revision = revision_of(&info).or(newest);
    let revision = revision.unwrap_or_else(|| service.task_definition.clone());
    let definition = observe::definition(ctx, &revision).await?;
    let (prefix, before) = (ctx.prefix(unit), service.clone());
    Ok(Some(Shift { prefix, id, before, revision, definition, group, is_answered: false }))
}

/// The specification of a deployment
/// (<https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html>).
fn specification(
    service: &Service,
    revision: &str,
    hooks: &BTreeMap<String, String>,
) -> Result<Value, Fail> {
    let balancers = service.load_balancers();
    let (_, container, port) = balancers.first().ok_or_else(|| {
        Fail::invalid(format!(
            "{} has no load balancer between whose groups to shift",
            service.name
        ))
        .help("give the service a target group, or deploy it by ECS: deploymentController ECS")
    })?;
    let target = json!({
        "Type": "AWS::ECS::Service",
        "Properties": {
            "TaskDefinition": revision,
            "LoadBalancerInfo": { "ContainerName": container, "ContainerPort": port },
        },
    });
    let hooks: Vec<Value> =
        hooks.iter().map(|(event, function)| json!({ event: function })).collect();
    Ok(json!({ "version": 0.0, "Resources": [{ "TargetService": target }], "Hooks": hooks }))
}

/// The task definition that a deployment brings. What others began may be told in YAML, or lie in S3: then
/// it is not known.
fn revision_of(info: &DeploymentInfo) -> Option<String> {
    let content = info.revision()?.app_spec_content()?.content()?;
    let specification: Value = serde_json::from_str(content).ok()?;
    let found = specification.pointer("/Resources/0/TargetService/Properties/TaskDefinition");
    found.and_then(Value::as_str).map(str::to_owned)
}

/// Creates a deployment. Once more is no harm: CodeDeploy takes one at a time, and one of this revision is
/// ours.
async fn create(
    ctx: &Ctx,
    _guarded: &Guarded,
    group: &Group,
    service: &Service,
    revision: &str,
) -> anyhow::Result<String> {
    let content = specification(service, revision, &group.hooks)?.to_string();
    let location = RevisionLocation::builder()
        .revision_type(RevisionLocationType::AppSpecContent)
        .app_spec_content(AppSpecContent::builder().content(content).build())
        .build();
    patiently(ctx, async || {
        let call = ctx.code_deploy.create_deployment().application_name(&group.application);
        let call = call.deployment_group_name(&group.name).revision(location.clone());
        let answer = call.send().await;
        let refused = answer.as_ref().err().and_then(|err| err.as_service_error());
        if refused.is_some_and(|err| {
            err.is_application_does_not_exist_exception()
                || err.is_deployment_group_does_not_exist_exception()
        }) {
            return Err(no_group(group).into());
        }
        if refused.is_some_and(|err| err.is_deployment_limit_exceeded_exception()) {
            return begun_already(ctx, group, service, revision).await;
        }
        let answer = answer.call("codedeploy:CreateDeployment")?;
        let id = answer.deployment_id;
        Ok(id.ok_or_else(|| incomplete("codedeploy:CreateDeployment", "deployment"))?)
    })
    .await
}

/// The deployment that is under way, if it is of this revision: then an answer was lost.
///
/// # Errors
/// Exit 8: it is of another.
async fn begun_already(
    ctx: &Ctx,
    group: &Group,
    service: &Service,
    revision: &str,
) -> anyhow::Result<String> {
    if let Some(id) = active(ctx, group).await?
        && revision_of(&info(ctx, &id).await?).as_deref() == Some(revision)
    {
        return Ok(id);
    }
    Err(Fail::new(Exit::Refused, format!("CodeDeploy is deploying {} already", service.name))
        .help("`deploy-fargate` again waits for its end or stops it, as --busy says")
        .into())
}

/// Waits until all traffic is shifted, or the deployment is not to be.
pub(crate) async fn until_ended(ctx: &Ctx, shift: &mut Shift) -> anyhow::Result<Ended> {
    let mut progress = output::progress(format!("{}tasks", shift.prefix));
    let answers_pauses = ctx.settings.on_pause != landfall_toml::OnPause::Wait;
    let mut last_failure = None;
    let followed = async || {
        if ctx.has_given_up() {
            return Ok(Some(Ended::Abandoned));
        }
        let seen = look(ctx, &shift.id, &shift.before).await?;
        let event = seen.event.iter().map(|event| format!("{event} is under way"));
        progress.state(event.chain(seen.sets.iter().cloned()).collect::<Vec<_>>().join(", "));
        if seen.is_shifted {
            return Ok(Some(Ended::Deployed));
        }
        if !seen.is_under_way() {
            return Ok(Some(Ended::Failed(seen.failure())));
        }
        if seen.status == DeploymentStatus::Ready && !shift.is_answered {
            let paused = Paused {
                deployment: shift.id.clone(),
                hook: String::new(),
                stage: "the shift of the traffic".to_owned(),
            };
            shift.is_answered = true;
            if answers_pauses {
                return Ok(Some(Ended::Paused(paused)));
            }
            output::say(format!("  {}{}", shift.prefix, paused.advice()));
        }
        let service = observe::service(ctx, &shift.before.cluster, &shift.before.name).await?;
        let Some(ours) = shift.tasks_of(&service) else { return Ok(None) };
        let (doomed, last) = watch::look_at_stopped(ctx, &service, ours).await?;
        last_failure = last.or(last_failure.take());
        Ok(doomed.map(|failure| Ended::Failed(Some(failure))))
    };
    let ended = tokio::select! {
        ended = poll(&ctx.deadline, Pace::SERVICE, followed) => ended?,
        () = cancelled(ctx) => Some(Ended::Cancelled),
    };
    drop(progress);
    Ok(match ended {
        Some(Ended::Failed(failure)) => Ended::Failed(explained(ctx, shift, failure).await),
        Some(ended) => ended,
        None => Ended::TimedOut(explained(ctx, shift, last_failure).await),
    })
}

impl Shift {
    /// The set of tasks that this deployment started, once it is there.
    fn tasks_of<'a>(&self, service: &'a Service) -> Option<&'a observe::Deployment> {
        let is_new = |set: &&observe::Deployment| {
            set.task_definition == self.revision
                && !self.before.deployments.iter().any(|before| before.id == set.id)
        };
        service.deployments.iter().find(is_new)
    }
}

async fn explained(ctx: &Ctx, shift: &Shift, seen: Option<Failure>) -> Option<Failure> {
    let service = observe::service(ctx, &shift.before.cluster, &shift.before.name).await.ok();
    let tasks = service.as_ref().and_then(|service| Some((service, shift.tasks_of(service)?)));
    watch::explained(ctx, &shift.definition, tasks, seen).await
}

/// Answers a deployment that waits for somebody.
pub(crate) async fn answer(
    ctx: &Ctx,
    guarded: &Guarded,
    shift: &Shift,
    goes_on: bool,
) -> anyhow::Result<()> {
    if goes_on {
        output::say(format!("  {}the traffic is shifted", shift.prefix));
        go_on(ctx, guarded, &shift.id, DeploymentWaitType::ReadyWait).await
    } else {
        output::say(format!("  {}it goes back before the traffic is shifted", shift.prefix));
        stop(ctx, guarded, &shift.id).await.map(drop)
    }
}

/// Whether a deployment waits for somebody to shift the traffic.
pub(crate) async fn is_waiting(ctx: &Ctx, shift: &Shift) -> anyhow::Result<bool> {
    Ok(look(ctx, &shift.id, &shift.before).await?.status == DeploymentStatus::Ready)
}

async fn go_on(
    ctx: &Ctx,
    _guarded: &Guarded,
    id: &str,
    wait: DeploymentWaitType,
) -> anyhow::Result<()> {
    patiently(ctx, async || {
        let call = ctx.code_deploy.continue_deployment().deployment_id(id);
        let answer = call.deployment_wait_type(wait.clone()).send().await;
        match &answer {
            // Its wait ended meanwhile.
            Err(err)
                if err.as_service_error().is_some_and(|err| {
                    err.is_deployment_already_completed_exception()
                        || err.is_deployment_is_not_in_ready_state_exception()
                }) =>
            {
                Ok(())
            }
            _ => answer.call("codedeploy:ContinueDeployment").map(drop),
        }
    })
    .await
}

/// Stops a deployment and has its traffic go back. `false` when it was over already.
async fn stop(ctx: &Ctx, _guarded: &Guarded, id: &str) -> anyhow::Result<bool> {
    patiently(ctx, async || {
        let call = ctx.code_deploy.stop_deployment().deployment_id(id);
        let answer = call.auto_rollback_enabled(true).send().await;
        match &answer {
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(|err| err.is_deployment_already_completed_exception()) =>
            {
                Ok(false)
            }
            _ => answer.call("codedeploy:StopDeployment").map(|_| true),
        }
    })
    .await
}

/// Takes a deployment back, and waits until what ran before has the traffic again.
pub(crate) async fn go_back(
    ctx: &Ctx,
    guarded: &Guarded,
    shift: &Shift,
    failure: Option<Failure>,
) -> anyhow::Result<Ended> {
    let _section = output::section(&format!("Roll back {}", shift.before.name));
    if let Some(failure) = &failure {
        output::warn(format!("{}{failure}", shift.prefix));
    }
    let mut id = shift.id.clone();
    let is_stopped = stop(ctx, guarded, &id).await?;
    let was_shifted = look(ctx, &id, &shift.before).await?.status == DeploymentStatus::Succeeded;
    if !is_stopped && was_shifted {
        let before = &shift.before.task_definition;
        output::say(format!("  {}back to {before}", shift.prefix));
        id = create(ctx, guarded, &shift.group, &shift.before, before).await?;
    }
    // A failure that was found late must not leave the way back without time.
    let deadline = Deadline::after(ctx.deadline.remaining().max(BACK));
    let back = poll(&deadline, Pace::SERVICE, async || {
        let seen = look(ctx, &id, &shift.before).await?;
        if seen.is_under_way() {
            // A deployment back is as good as over when the traffic is.
            return Ok((id != shift.id && seen.is_shifted).then_some(()));
        }
        match seen.rollback {
            Some(next) if next != id => {
                id = next;
                Ok(None)
            }
            _ => Ok(Some(())),
        }
    });
    if back.await?.is_none() {
        return Ok(Ended::TimedOut(failure));
    }
    let now = observe::service(ctx, &shift.before.cluster, &shift.before.name).await?;
    let is_back = now.task_definition == shift.before.task_definition;
    let ran = shift.before.desired_count > 0 && shift.before.task_definition != shift.revision;
    Ok(if is_back && ran { Ended::RolledBack(failure) } else { Ended::Failed(failure) })
}

/// How long the way back may take at least: CodeDeploy shifts the traffic at once.
const BACK: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_names_revision_container_and_hooks() {
        let raw = json!({ "loadBalancers": [{ "targetGroupArn": "tg/blue", "containerName": "app", "containerPort": 80 }] });
        let service = Service { name: "orders".into(), raw, ..Service::default() };
        let hooks =
            BTreeMap::from([("AfterAllowTestTraffic".to_owned(), "check-orders".to_owned())]);
        let specification = specification(&service, "orders:8", &hooks).unwrap();
        let properties = &specification["Resources"][0]["TargetService"]["Properties"];
        assert_eq!(
            properties["LoadBalancerInfo"],
            json!({ "ContainerName": "app", "ContainerPort": 80 })
        );
        assert_eq!(specification["Hooks"], json!([{ "AfterAllowTestTraffic": "check-orders" }]));
        let info = |content: &str| {
            let content = AppSpecContent::builder().content(content).build();
            let revision = RevisionLocation::builder().app_spec_content(content).build();
            DeploymentInfo::builder().revision(revision).build()
        };
        assert_eq!(revision_of(&info(&specification.to_string())).unwrap(), "orders:8");
        assert_eq!(revision_of(&info("version: 0.0")), None);
        let bare = Service { name: "orders".into(), ..Service::default() };
        let err = super::specification(&bare, "orders:8", &hooks).unwrap_err();
        assert!(err.to_string().contains("has no load balancer"), "{err}");
    }

    #[test]
    fn the_group_is_that_of_the_console_unless_another_is_named() {
        let service = Service {
            name: "orders".into(),
            cluster: "arn:x:cluster/apps".into(),
            ..Service::default()
        };
        let mut unit = crate::Unit::default();
        let group = Group::of(&unit, &service);
        assert_eq!(
            (group.application.as_str(), group.name.as_str()),
            ("AppECS-apps-orders", "DgpECS-apps-orders")
        );
        unit.code_deploy.application = Some("shop".into());
        let group = Group::of(&unit, &service);
        assert_eq!(
            (group.application.as_str(), group.name.as_str()),
            ("shop", "DgpECS-apps-orders")
        );
    }
}
