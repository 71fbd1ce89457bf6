//! Services, their deployments and their task definitions.

use anyhow::Context;
use aws_sdk_ecs::types::{
    self, CreatedAt, DeploymentLifecycleHookStatus, ServiceDeploymentStatus, TaskDefinitionField,
};
use aws_smithy_types::DateTime;
use serde_json::Value;
use step_aws::Call;
use step_core::{Exit, Fail};

use super::{RawBody, incomplete};
use crate::Ctx;
use crate::definition::Definition;

/// The service and the task definition that it should run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Current {
    pub(crate) service: Service,
    pub(crate) definition: Definition,
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Service {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) cluster: String,
    pub(crate) task_definition: String,
    pub(crate) desired_count: i32,
    pub(crate) deployments: Vec<Deployment>,
    /// Id and text, newest first.
    pub(crate) events: Vec<(String, String)>,
    /// All of it, as ECS sent it.
    pub(crate) raw: Value,
}

impl Service {
    /// The deployment that gets the traffic. Its place in the list says nothing.
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.is_primary)
    }

    /// The task definition of the last deployment that was completed: what to go back to. A primary
    /// that is under way, or failed, is none.
    pub(crate) fn last_good(&self) -> &str {
        let completed = self.deployments.iter().filter(|one| one.rollout == Rollout::Completed);
        let newest = completed.max_by(|a, b| {
            let key =
                |one: &Deployment| (one.is_primary, one.created.secs(), one.created.subsec_nanos());
            key(a).cmp(&key(b))
        });
        newest.map_or(&self.task_definition, |deployment| &deployment.task_definition)
    }

    /// Whether a deployment is under way.
    pub(crate) fn is_deploying(&self) -> bool {
        self.primary().is_some_and(|primary| primary.rollout == Rollout::InProgress)
    }

    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub(crate) fn controller(&self) -> &str {
        self.text("/deploymentController/type").unwrap_or("ECS")
    }

    /// Whether CodeDeploy deploys it.
    pub(crate) fn is_of_code_deploy(&self) -> bool {
        self.controller() == "CODE_DEPLOY"
    }

    /// Whether it replaces task by task, and not all at once beside the old ones.
    pub(crate) fn is_rolling(&self) -> bool {
        self.text("/deploymentConfiguration/strategy").is_none_or(|strategy| strategy == "ROLLING")
    }

    /// Whether it updates task by task and nothing stops it when they fail.
    pub(crate) fn lacks_breaker(&self) -> bool {
        let is_on = self.raw.pointer("/deploymentConfiguration/deploymentCircuitBreaker/enable");
        self.controller() == "ECS" && self.is_rolling() && is_on != Some(&Value::Bool(true))
    }

    /// Target group, container and port of each load balancer.
    pub(crate) fn load_balancers(&self) -> Vec<(&str, &str, i32)> {
        let balancers = self.raw.get("loadBalancers").and_then(Value::as_array);
        let of = |one| {
            let text = |field| Value::get(one, field).and_then(Value::as_str);
            let port = one.get("containerPort")?.as_i64()?;
            Some((text("targetGroupArn")?, text("containerName")?, i32::try_from(port).ok()?))
        };
        balancers.into_iter().flatten().filter_map(of).collect()
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.raw.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }
}

/// A deployment of a service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) is_primary: bool,
    pub(crate) task_definition: String,
    pub(crate) desired: i32,
    pub(crate) running: i32,
    pub(crate) pending: i32,
    pub(crate) failed: i32,
    pub(crate) rollout: Rollout,
    pub(crate) created: DateTime,
}

/// How far a deployment is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rollout {
    /// Tasks start.
    InProgress,
    /// All run.
    Completed,
    /// ECS gave up.
    Failed,
}

/// What the newer API says of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceDeployment {
    pub(crate) status: Status,
    pub(crate) reason: Option<String>,
    /// Of a blue/green, linear or canary deployment: `PRE_SCALE_UP`, `BAKE_TIME`, ...
    pub(crate) stage: Option<String>,
    pub(crate) paused: Option<Paused>,
}

/// A hook at which a deployment waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Paused {
    pub(crate) deployment: String,
    pub(crate) hook: String,
    pub(crate) stage: String,
}

impl Paused {
    /// What somebody has to do now.
    pub(crate) fn advice(&self) -> String {
        format!(
            "waits at {}: `deploy-fargate continue` lets it go on, `deploy-fargate rollback` takes it back",
            self.stage
        )
    }
}

/// The states of a service deployment
/// (<https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It waits, or goes on.
    UnderWay,
    Successful,
    /// Somebody stopped it, or a newer one took its place.
    Stopped,
    /// It is being stopped or rolled back.
    GoingBack,
    RolledBack,
    RollbackFailed,
}

/// The service with its task definition.
pub(crate) async fn current(ctx: &Ctx, cluster: &str, name: &str) -> anyhow::Result<Current> {
    let service = service(ctx, cluster, name).await?;
    let definition = definition(ctx, &service.task_definition).await?;
    Ok(Current { service, definition })
}

/// The service as it is now.
///
/// # Errors
/// Exit 2: there is no such cluster or service.
pub(crate) async fn service(ctx: &Ctx, cluster: &str, name: &str) -> anyhow::Result<Service> {
    let body = RawBody::default();
    let call = ctx.ecs.describe_services().cluster(cluster).services(name);
    let answer = call.customize().interceptor(body.clone()).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_cluster_not_found_exception())
    {
        return Err(Fail::invalid(format!("there is no cluster {cluster}"))
            .help("check `cluster`, `region` and `account` of the environment, or run deploy-stack")
            .into());
    }
    let answer = answer.call("ecs:DescribeServices")?;
    let found = answer.services().iter().position(|service| service.status() != Some("INACTIVE"));
    let (at, service) =
        found.and_then(|at| Some((at, answer.services().get(at)?))).ok_or_else(|| {
            Fail::invalid(format!("there is no service {name} in the cluster {cluster}"))
                .help("check `service` of the environment, or run deploy-stack")
        })?;
    let raw: Value = serde_json::from_slice(&body.take()).unwrap_or_default();
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    // Where CodeDeploy deploys, the service has sets of tasks in place of deployments.
    let sets = service.task_sets();
    let primary = sets.iter().find(|set| set.status() == Some("PRIMARY"));
    let deployments = match sets {
        [] => service.deployments().iter().map(parse_deployment).collect(),
        sets => sets.iter().map(parse_task_set).collect(),
    };
    Ok(Service {
        arn: text(service.service_arn()),
        name: text(service.service_name()),
        cluster: text(service.cluster_arn()),
        task_definition: text(
            primary.and_then(|set| set.task_definition()).or(service.task_definition()),
        ),
        desired_count: service.desired_count(),
        deployments,
        events: service.events().iter().map(|e| (text(e.id()), text(e.message()))).collect(),
        raw: raw.pointer(&format!("/services/{at}")).cloned().unwrap_or_default(),
    })
}

/// The service as it is now; nothing when it is not there, or no more.
pub(crate) async fn service_if_any(
    ctx: &Ctx,
    cluster: &str,
    name: &str,
) -> anyhow::Result<Option<Service>> {
    match service(ctx, cluster, name).await {
        Ok(service) => Ok(Some(service)),
        Err(err) if Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Invalid) => Ok(None),
        Err(err) => Err(err),
    }
}

pub(crate) fn parse_deployment(deployment: &types::Deployment) -> Deployment {
    let all_run = deployment.running_count() >= deployment.desired_count();
    let rollout = match deployment.rollout_state().map(types::DeploymentRolloutState::as_str) {
        Some("COMPLETED") => Rollout::Completed,
        Some("FAILED") => Rollout::Failed,
        // Only the ECS controller tells a state; elsewhere the counts have to do.
        None | Some("") if all_run => Rollout::Completed,
        _ => Rollout::InProgress,
    };
    Deployment {
        id: deployment.id().unwrap_or_default().to_owned(),
        is_primary: deployment.status() == Some("PRIMARY"),
        task_definition: deployment.task_definition().unwrap_or_default().to_owned(),
        desired: deployment.desired_count(),
        running: deployment.running_count(),
        pending: deployment.pending_count(),
        failed: deployment.failed_tasks(),
        rollout,
        created: deployment.created_at().copied().unwrap_or(DateTime::from_secs(0)),
    }
}

fn parse_task_set(set: &types::TaskSet) -> Deployment {
    let is_steady = set.stability_status() == Some(&types::StabilityStatus::SteadyState);
    Deployment {
        id: set.id().unwrap_or_default().to_owned(),
        is_primary: set.status() == Some("PRIMARY"),
        task_definition: set.task_definition().unwrap_or_default().to_owned(),
        desired: set.computed_desired_count(),
        running: set.running_count(),
        pending: set.pending_count(),
        failed: 0,
        rollout: if is_steady { Rollout::Completed } else { Rollout::InProgress },
        created: set.created_at().copied().unwrap_or(DateTime::from_secs(0)),
    }
}

/// A task definition, as ECS sent it: that of an ARN, or the newest of a family.
///
/// # Errors
/// Exit 2: there is none.
pub(crate) async fn definition(ctx: &Ctx, name: &str) -> anyhow::Result<Definition> {
    let body = RawBody::default();
    let call = ctx.ecs.describe_task_definition().task_definition(name);
    let call = call.include(TaskDefinitionField::Tags).customize().interceptor(body.clone());
    let answer = call.send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_client_exception())
    {
        return Err(Fail::invalid(format!("there is no task definition {name}"))
            .help("check its name, and the region and account of the environment")
            .into());
    }
    answer.call("ecs:DescribeTaskDefinition")?;
    Definition::from_answer(&body.take())
        .with_context(|| format!("read the task definition {name}"))
}

/// The service deployment that belongs to a deployment of the older API, if there is one yet.
///
/// Its target is a service revision with the number of the deployment in its name. Where that is not
/// so, the revision's task definition tells.
///
/// # Errors
/// Whatever the call fails with: the caller decides whether it can do without.
pub(crate) async fn service_deployment_of(
    ctx: &Ctx,
    service: &Service,
    ours: &Deployment,
) -> anyhow::Result<Option<String>> {
    // Not filtered by state, for it begins as PENDING and may be over soon; and by the clock of ECS,
    // not by ours, with room for what is written down late.
    let since = DateTime::from_secs(ours.created.secs() - 300);
    let call = ctx.ecs.list_service_deployments().cluster(&service.cluster).service(&service.name);
    let call = call.created_at(CreatedAt::builder().after(since).build()).max_results(20);
    let listed = call.send().await.call("ecs:ListServiceDeployments")?;
    let number = ours.id.rsplit('/').next().unwrap_or_default();
    let listed = listed.service_deployments();
    let is_same = |one: &&types::ServiceDeploymentBrief| {
        let revision = one.target_service_revision_arn().unwrap_or_default();
        revision.rsplit('/').next() == Some(number)
    };
    if let Some(found) = listed.iter().find(is_same) {
        return Ok(found.service_deployment_arn().map(str::to_owned));
    }
    // The clock of ECS wrote both times, this one perhaps a little earlier.
    let earliest = DateTime::from_secs(ours.created.secs() - 10);
    let is_new = |one: &&types::ServiceDeploymentBrief| {
        one.created_at().is_none_or(|created| *created >= earliest)
    };
    for one in listed.iter().filter(is_new).take(CANDIDATES) {
        let Some(revision) = one.target_service_revision_arn() else { continue };
        if task_definition_of(ctx, revision).await?.as_deref() == Some(&ours.task_definition) {
            return Ok(one.service_deployment_arn().map(str::to_owned));
        }
    }
    Ok(None)
}

/// How many of the newest service deployments are looked into.
const CANDIDATES: usize = 3;

/// What a service deployment says of itself.
pub(crate) async fn service_deployment(
    ctx: &Ctx,
    arn: &str,
) -> anyhow::Result<Option<ServiceDeployment>> {
    let call = ctx.ecs.describe_service_deployments().service_deployment_arns(arn);
    let answer = call.send().await.call("ecs:DescribeServiceDeployments")?;
    Ok(answer.service_deployments().first().map(|one| parse_service_deployment(arn, one)))
}

fn parse_service_deployment(arn: &str, one: &types::ServiceDeployment) -> ServiceDeployment {
    let status = match one.status() {
        Some(ServiceDeploymentStatus::Successful) => Status::Successful,
        Some(ServiceDeploymentStatus::Stopped) => Status::Stopped,
        Some(ServiceDeploymentStatus::RollbackSuccessful) => Status::RolledBack,
        Some(ServiceDeploymentStatus::RollbackFailed) => Status::RollbackFailed,
        Some(
            ServiceDeploymentStatus::StopRequested
            | ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress,
        ) => Status::GoingBack,
        _ => Status::UnderWay,
    };
    let stage = one.lifecycle_stage().map(|stage| stage.as_str().to_owned());
    let waits = |hook: &&types::DeploymentLifecycleHookDetail| {
        hook.status() == Some(&DeploymentLifecycleHookStatus::AwaitingAction)
    };
    let paused = one.lifecycle_hook_details().iter().find(waits).and_then(|hook| {
        let deployment = arn.to_owned();
        let stage = stage.clone().unwrap_or_else(|| "a hook".to_owned());
        Some(Paused { deployment, hook: hook.hook_id()?.to_owned(), stage })
    });
    let reason = one.status_reason().filter(|reason| !reason.is_empty()).map(str::to_owned);
    ServiceDeployment { status, reason, stage, paused }
}

/// The task definition of the last deployment but `current` that ended with success, as far as the
/// history of ECS goes back (90 days). Nothing where there is no history.
pub(crate) async fn last_successful(
    ctx: &Ctx,
    service: &Service,
    current: &str,
) -> anyhow::Result<Option<String>> {
    let call = ctx.ecs.list_service_deployments().cluster(&service.cluster).service(&service.name);
    let call = call.status(ServiceDeploymentStatus::Successful).max_results(100);
    let mut deployments = Vec::new();
    let mut token = None;
    // Nothing says that the newest come first.
    loop {
        let answer = call.clone().set_next_token(token).send().await;
        let listed = answer.call("ecs:ListServiceDeployments")?;
        deployments.extend_from_slice(listed.service_deployments());
        token = listed.next_token.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    deployments.sort_by_key(|one| std::cmp::Reverse(one.created_at().map_or(0, DateTime::secs)));
    for one in &deployments {
        let Some(revision) = one.target_service_revision_arn() else { continue };
        let found = task_definition_of(ctx, revision).await?;
        if found.as_deref().is_some_and(|found| found != current) {
            return Ok(found);
        }
    }
    Ok(None)
}

async fn task_definition_of(ctx: &Ctx, revision: &str) -> anyhow::Result<Option<String>> {
    let call = ctx.ecs.describe_service_revisions().service_revision_arns(revision);
    let answer = call.send().await.call("ecs:DescribeServiceRevisions")?;
    let found = answer.service_revisions().first();
    Ok(found.and_then(|revision| revision.task_definition()).map(str::to_owned))
}

/// The newest revision of a family before another one: the best guess without a history.
pub(crate) async fn newest_revision_before(
    ctx: &Ctx,
    current: &str,
) -> anyhow::Result<Option<String>> {
    let (stem, number) =
        split_revision(current).ok_or_else(|| incomplete("ecs:DescribeServices", "revision"))?;
    let family = stem.rsplit('/').next().unwrap_or(stem);
    let mut pages = ctx.ecs.list_task_definitions().family_prefix(family).into_paginator().send();
    let mut newest: Option<(u64, String)> = None;
    while let Some(page) = pages.next().await {
        let page = page.call("ecs:ListTaskDefinitions")?;
        for arn in page.task_definition_arns() {
            // The prefix also finds families whose names only begin so.
            let found = split_revision(arn).filter(|(of, nth)| *of == stem && *nth < number);
            if let Some((_, nth)) = found
                && newest.as_ref().is_none_or(|(best, _)| nth > *best)
            {
                newest = Some((nth, arn.clone()));
            }
        }
    }
    Ok(newest.map(|(_, arn)| arn))
}

fn split_revision(arn: &str) -> Option<(&str, u64)> {
    let (stem, number) = arn.rsplit_once(':')?;
    Some((stem, number.parse().ok()?))
}

/// The error of a service that deploys in a way that this step does not know.
pub(crate) fn refuse_controller(service: &Service) -> Result<(), Fail> {
    match service.controller() {
        "ECS" | "CODE_DEPLOY" => Ok(()),
        other => Err(Fail::new(
            Exit::Refused,
            format!("{} is deployed by an own controller ({other})", service.name),
        )
        .help("this step deploys services whose deploymentController is ECS or CODE_DEPLOY")),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn deployment(
        id: &str,
        is_primary: bool,
        definition: &str,
        rollout: Rollout,
    ) -> Deployment {
        Deployment {
            id: id.into(),
            is_primary,
            task_definition: definition.into(),
            desired: 1,
            running: i32::from(rollout == Rollout::Completed),
            pending: 0,
            failed: 0,
            rollout,
            created: DateTime::from_secs(100),
        }
    }

    #[test]
    fn what_to_go_back_to_is_what_was_completed_and_not_what_is_under_way() {
        let service = |deployments| Service {
            task_definition: "o:9".into(),
            deployments,
            ..Service::default()
        };
        let old = deployment("1", false, "o:7", Rollout::Completed);
        let next = deployment("2", true, "o:9", Rollout::InProgress);
        assert_eq!(service(vec![next.clone(), old.clone()]).last_good(), "o:7");
        assert_eq!(service(vec![next]).last_good(), "o:9");
        let new = deployment("3", true, "o:8", Rollout::Completed);
        assert_eq!(service(vec![old, new]).last_good(), "o:8");
    }

    #[test]
    fn a_controller_that_is_not_driven_is_refused_with_the_way_out() {
        let service = |kind: &str| Service {
            name: "orders".into(),
            raw: serde_json::json!({ "deploymentController": { "type": kind } }),
            ..Service::default()
        };
        assert!(refuse_controller(&service("ECS")).is_ok());
        assert!(refuse_controller(&service("CODE_DEPLOY")).is_ok());
        let err = refuse_controller(&service("EXTERNAL")).unwrap_err();
        assert_eq!(err.exit(), Exit::Refused);
        assert!(err.help_text().unwrap().contains("CODE_DEPLOY"));
    }

    #[test]
    fn a_service_that_rolls_without_circuit_breaker_is_told() {
        let lacks = |raw| Service { raw, ..Service::default() }.lacks_breaker();
        assert!(lacks(serde_json::json!({})));
        assert!(!lacks(
            serde_json::json!({ "deploymentConfiguration": { "strategy": "BLUE_GREEN" } })
        ));
        let on = serde_json::json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": { "enable": true } } });
        assert!(!lacks(on));
    }
}
