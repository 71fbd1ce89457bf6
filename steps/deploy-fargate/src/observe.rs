//! Reads what is: the service, its task definition, its stopped tasks, their logs. Writes nothing.

use std::sync::{Arc, Mutex};

use anyhow::Context;
use aws_sdk_ecs::types::{self, DesiredStatus, TaskDefinitionField};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::DateTime;
use aws_smithy_types::config_bag::ConfigBag;
use step_aws::Call;
use step_core::{Exit, Fail};

use crate::Ctx;
use crate::definition::Definition;
use crate::failure::Failure;

/// The service and the task definition that it should run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Current {
    pub(crate) service: Service,
    pub(crate) definition: Definition,
    /// The container that the deployment is about.
    pub(crate) container: String,
}

impl Current {
    /// The image of the container.
    pub(crate) fn image(&self) -> Option<&str> {
        self.definition.image(&self.container)
    }
}

/// A service.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Service {
    pub(crate) arn: String,
    pub(crate) cluster: String,
    pub(crate) task_definition: String,
    pub(crate) desired_count: i32,
    pub(crate) deployments: Vec<Deployment>,
    /// Id and text, newest first.
    pub(crate) events: Vec<(String, String)>,
}

impl Service {
    /// The deployment that gets the traffic. Its place in the list says nothing.
    pub(crate) fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.is_primary)
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

/// The service with its task definition.
pub(crate) async fn current(ctx: &Ctx) -> anyhow::Result<Current> {
    let service = service(ctx).await?;
    let definition = definition(ctx, &service.task_definition).await?;
    let container = definition.container(ctx.desired.container.as_deref())?;
    Ok(Current { service, definition, container })
}

/// The service as it is now.
///
/// # Errors
/// Exit 2: there is no such cluster or service.
pub(crate) async fn service(ctx: &Ctx) -> anyhow::Result<Service> {
    let (cluster, name) = (&ctx.desired.cluster, &ctx.desired.service);
    let answer = ctx.ecs.describe_services().cluster(cluster).services(name).send().await;
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_cluster_not_found_exception())
    {
        return Err(Fail::invalid(format!("there is no cluster {cluster}"))
            .help("check `cluster`, `region` and `account` of the environment, or run deploy-stack")
            .into());
    }
    let answer = answer.call("ecs:DescribeServices")?;
    let found = answer.services().iter().find(|service| service.status() != Some("INACTIVE"));
    let service = found.ok_or_else(|| {
        Fail::invalid(format!("there is no service {name} in the cluster {cluster}"))
            .help("check `service` of the environment, or run deploy-stack")
    })?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(Service {
        arn: text(service.service_arn()),
        cluster: text(service.cluster_arn()),
        task_definition: text(service.task_definition()),
        desired_count: service.desired_count(),
        deployments: service.deployments().iter().map(deployment).collect(),
        events: service.events().iter().map(|e| (text(e.id()), text(e.message()))).collect(),
    })
}

pub(crate) fn deployment(deployment: &types::Deployment) -> Deployment {
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

/// A task definition, as ECS sent it.
pub(crate) async fn definition(ctx: &Ctx, arn: &str) -> anyhow::Result<Definition> {
    let body = RawBody::default();
    let call = ctx.ecs.describe_task_definition().task_definition(arn);
    let call = call.include(TaskDefinitionField::Tags).customize().interceptor(body.clone());
    call.send().await.call("ecs:DescribeTaskDefinition")?;
    let body = body.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    Definition::from_answer(&body).with_context(|| format!("read the task definition {arn}"))
}

/// Tasks of the service that run `task_definition`, were made since `since`, and have stopped.
///
/// ECS shows them for an hour at least. `startedBy` would name the deployment, but it cannot be
/// combined with the service in one request, and the revision says the same: each deployment of
/// this step has its own.
pub(crate) async fn stopped_tasks(
    ctx: &Ctx,
    task_definition: &str,
    since: DateTime,
) -> anyhow::Result<Vec<types::Task>> {
    let cluster = &ctx.desired.cluster;
    let call = ctx.ecs.list_tasks().cluster(cluster).service_name(&ctx.desired.service);
    let listed = call.desired_status(DesiredStatus::Stopped).send().await.call("ecs:ListTasks")?;
    if listed.task_arns().is_empty() {
        return Ok(Vec::new());
    }
    // One page of 100 is what DescribeTasks takes, and more than a verdict needs.
    let call = ctx.ecs.describe_tasks().cluster(cluster);
    let call = call.set_tasks(Some(listed.task_arns().to_vec()));
    let described = call.send().await.call("ecs:DescribeTasks")?;
    let is_ours = |task: &&types::Task| {
        task.task_definition_arn() == Some(task_definition)
            && task.created_at().is_none_or(|created| *created >= since)
    };
    Ok(described.tasks().iter().filter(is_ours).cloned().collect())
}

/// The last lines of the container of a failure, if its log can be read: a log that is missing
/// must not hide why the task failed.
pub(crate) async fn log_tail(ctx: &Ctx, definition: &Definition, failure: &Failure) -> Vec<String> {
    let read = async || -> Option<Vec<String>> {
        let container = failure.container.as_deref()?;
        let (group, prefix) = definition.log_group(container)?;
        let stream = format!("{prefix}/{container}/{}", failure.task);
        let call = ctx.logs.get_log_events().log_group_name(group).log_stream_name(stream);
        let answer = call.start_from_head(false).limit(LOG_LINES).send().await;
        let answer = answer.call("logs:GetLogEvents");
        let answer = answer.inspect_err(|err| tracing::debug!("no log: {err:#}")).ok()?;
        Some(
            answer.events().iter().filter_map(|event| event.message()).map(str::to_owned).collect(),
        )
    };
    read().await.unwrap_or_default()
}

const LOG_LINES: i32 = 10;

/// Keeps the body of an answer as it came.
#[derive(Debug, Clone, Default)]
struct RawBody(Arc<Mutex<Vec<u8>>>);

impl Intercept for RawBody {
    fn name(&self) -> &'static str {
        "RawBody"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(bytes) = context.response().body().bytes() {
            let mut body = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *body = bytes.to_vec();
        }
        Ok(())
    }
}

/// The error of an answer that lacks what it must have.
pub(crate) fn incomplete(action: &str, what: &str) -> Fail {
    Fail::new(Exit::Failed, format!("{action}: the answer names no {what}"))
}
