//! Tasks, and what they print.

use aws_sdk_ecs::types::{DesiredStatus, Task};
use step_aws::Call;

use super::{Deployment, Service};
use crate::Ctx;
use crate::definition::{Definition, Log};
use crate::failure::Failure;

/// Stopped tasks of a deployment. ECS shows them for an hour at least.
///
/// A task of a service names its deployment in `startedBy`. That cannot be combined with the service
/// in one request, so that it is compared here; where it names something else, revision and time do:
/// a deployment of this step has a revision of its own.
pub(crate) async fn stopped_tasks(
    ctx: &Ctx,
    service: &Service,
    ours: &Deployment,
) -> anyhow::Result<Vec<Task>> {
    let tasks = tasks(ctx, service, DesiredStatus::Stopped).await?;
    let is_ours = |task: &Task| match task.started_by() {
        Some(by) if by.starts_with("ecs-svc/") => by == ours.id,
        _ => {
            task.task_definition_arn() == Some(&ours.task_definition)
                && task.created_at().is_none_or(|created| *created >= ours.created)
        }
    };
    Ok(tasks.into_iter().filter(is_ours).collect())
}

/// The tasks of a service that run, or are on the way to it. One that ended by itself may still be
/// listed among those that should run.
pub(crate) async fn running_tasks(ctx: &Ctx, service: &Service) -> anyhow::Result<Vec<Task>> {
    let mut tasks = tasks(ctx, service, DesiredStatus::Running).await?;
    tasks.retain(|task| task.last_status() != Some("STOPPED"));
    Ok(tasks)
}

async fn tasks(ctx: &Ctx, service: &Service, status: DesiredStatus) -> anyhow::Result<Vec<Task>> {
    let mut tasks = Vec::new();
    let call = ctx.ecs.list_tasks().cluster(&service.cluster).service_name(&service.name);
    let mut pages = call.desired_status(status).into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.call("ecs:ListTasks")?;
        // A page is what DescribeTasks takes at most: 100.
        if !page.task_arns().is_empty() {
            tasks.extend(describe(ctx, &service.cluster, page.task_arns().to_vec()).await?);
        }
    }
    Ok(tasks)
}

/// One task; nothing when ECS does not know it, which may also mean not yet.
pub(crate) async fn one_task(ctx: &Ctx, cluster: &str, arn: &str) -> anyhow::Result<Option<Task>> {
    Ok(describe(ctx, cluster, vec![arn.to_owned()]).await?.into_iter().next())
}

async fn describe(ctx: &Ctx, cluster: &str, arns: Vec<String>) -> anyhow::Result<Vec<Task>> {
    let call = ctx.ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns));
    let answer = call.send().await.call("ecs:DescribeTasks")?;
    Ok(answer.tasks().to_vec())
}

/// The last lines of the container of a failure, if its log can be read: a log that is missing
/// must not hide why the task failed.
pub(crate) async fn log_tail(ctx: &Ctx, definition: &Definition, failure: &Failure) -> Vec<String> {
    let read = async || -> Option<Vec<String>> {
        let container = failure.container.as_deref()?;
        let log = definition.log(container)?;
        let call = ctx.logs_in(log.region).get_log_events().log_group_name(log.group);
        let call = call.log_stream_name(stream(&log, container, &failure.task)?);
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

/// `PREFIX/CONTAINER/TASK`; without a prefix the name cannot be told.
fn stream(log: &Log<'_>, container: &str, task: &str) -> Option<String> {
    Some(format!("{}/{container}/{task}", log.prefix?))
}

/// Follows the log of a container from its beginning.
#[derive(Debug)]
pub(crate) struct LogReader {
    logs: aws_sdk_cloudwatchlogs::Client,
    group: String,
    stream: String,
    token: Option<String>,
}

impl LogReader {
    /// The log of a container of a task, if it goes where it can be read.
    pub(crate) fn new(
        ctx: &Ctx,
        definition: &Definition,
        container: &str,
        task: &str,
    ) -> Option<Self> {
        let log = definition.log(container)?;
        Some(Self {
            logs: ctx.logs_in(log.region),
            group: log.group.to_owned(),
            stream: stream(&log, container, task)?,
            token: None,
        })
    }

    /// The lines since the last time. A stream that is not there yet has none.
    pub(crate) async fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        // A page that brings nothing new answers with the token that it was asked with.
        for _ in 0..PAGES {
            let call = self.logs.get_log_events().log_group_name(&self.group);
            let call = call.log_stream_name(&self.stream).start_from_head(true);
            let answer = call.set_next_token(self.token.clone()).send().await;
            let answer = match answer.call("logs:GetLogEvents") {
                Ok(answer) => answer,
                Err(err) => {
                    tracing::debug!("no log: {err:#}");
                    break;
                }
            };
            lines.extend(
                answer.events().iter().filter_map(|event| event.message()).map(str::to_owned),
            );
            let next = answer.next_forward_token().map(str::to_owned);
            let is_end = next == self.token || answer.events().is_empty();
            self.token = next.or(self.token.take());
            if is_end {
                break;
            }
        }
        lines
    }
}

/// How many pages of a log are read at a time: 1 MB each at most.
const PAGES: usize = 20;

/// What the load balancer says of targets that are not healthy.
pub(crate) async fn unhealthy_targets(ctx: &Ctx, service: &Service) -> Vec<String> {
    let mut said = Vec::new();
    for (group, _, _) in service.load_balancers() {
        let call = ctx.balancers.describe_target_health().target_group_arn(group);
        let answer = call.send().await.call("elasticloadbalancing:DescribeTargetHealth");
        let Ok(answer) = answer.inspect_err(|err| tracing::debug!("no health: {err:#}")) else {
            continue;
        };
        let health =
            answer.target_health_descriptions().iter().filter_map(|one| one.target_health());
        let unhealthy = health
            .filter(|health| health.state().is_some_and(|state| state.as_str() == "unhealthy"));
        said.extend(unhealthy.filter_map(|health| health.description()).map(str::to_owned));
    }
    said.sort();
    said.dedup();
    said
}
