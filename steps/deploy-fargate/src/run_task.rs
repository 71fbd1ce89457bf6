//! Runs a program once, as a task with the service's network and roles, and follows its log.

use serde_json::{Map, Value, json};
use step_aws::{Call, Guarded};
use step_core::poll::{Pace, poll};
use step_core::{Exit, Fail, on_interrupt, output};

use crate::apply::with_body;
use crate::definition::Definition;
use crate::failure::classify;
use crate::observe::{self, LogReader, Service};
use crate::report::RanTask;
use crate::{Ctx, patiently};

/// A program to run in a container of a task definition.
#[derive(Debug)]
pub(crate) struct Program<'a> {
    pub(crate) service: &'a Service,
    pub(crate) definition: &'a Definition,
    /// ARN of that definition.
    pub(crate) revision: &'a str,
    pub(crate) container: &'a str,
    /// Follows the entry point of the image.
    pub(crate) command: &'a [String],
}

/// Runs it to its end.
///
/// # Errors
/// Exit 4: there is no capacity. Exit 5: it did not end in time.
pub(crate) async fn execute(
    ctx: &Ctx,
    guarded: &Guarded,
    program: &Program<'_>,
) -> anyhow::Result<RanTask> {
    let shown = program.command.join(" ");
    let _section = output::section(&format!("Run {shown}"));
    let task = start(ctx, guarded, program).await?;
    let id = task.rsplit('/').next().unwrap_or_default().to_owned();
    output::say(format!("  task {id}"));
    on_interrupt(format!(
        "the task {id} goes on without this step; stop it in ECS if it should not"
    ));
    let mut log = LogReader::new(ctx, program.definition, program.container, &id);
    let mut progress = output::progress("task");
    let cluster = &program.service.cluster;
    let ended = poll(&ctx.deadline, Pace::SERVICE, async || {
        let found = observe::one_task(ctx, cluster, &task).await?;
        if let Some(log) = &mut log {
            tell(log.lines().await);
        }
        let Some(found) = found else { return Ok(None) };
        let status = found.last_status().unwrap_or_default().to_owned();
        progress.state(status.to_ascii_lowercase());
        Ok((status == "STOPPED").then_some(found))
    });
    let ended = ended.await?;
    drop(progress);
    on_interrupt("");
    let ended = ended.ok_or_else(|| {
        ctx.deadline
            .exceeded(&format!("`{shown}` did not end"))
            .help(format!("the task {id} goes on; look at it in ECS, or stop it there"))
    })?;
    if let Some(log) = &mut log {
        tell(rest(log).await);
    }
    let own = ended.containers().iter().find(|one| one.name() == Some(program.container));
    let exit_code = own.and_then(|container| container.exit_code());
    let mut failure = (exit_code != Some(0)).then(|| classify(&ended).1);
    if let (Some(failure), Some(code)) = (&mut failure, exit_code) {
        failure.container = Some(program.container.to_owned());
        failure.exit_code = Some(code);
    }
    Ok(RanTask {
        task,
        task_definition: program.revision.to_owned(),
        command: program.command.to_vec(),
        exit_code,
        failure,
    })
}

fn tell(lines: Vec<String>) {
    lines.iter().for_each(|line| output::say(format!("  | {line}")));
}

/// What the program printed last comes a little later than its end.
async fn rest(log: &mut LogReader) -> Vec<String> {
    tokio::time::sleep(LATE).await;
    log.lines().await
}

const LATE: std::time::Duration = std::time::Duration::from_secs(1);

/// Starts the task and returns its ARN. Asked once more by the same token, ECS starts no second one.
async fn start(ctx: &Ctx, _guarded: &Guarded, program: &Program<'_>) -> anyhow::Result<String> {
    let body =
        request(program, &format!("landfall-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)));
    patiently(ctx, async || {
        let call = ctx.ecs.run_task().task_definition(program.revision);
        let call = call.customize().mutate_request(with_body(&body)?);
        let answer = call.send().await.call("ecs:RunTask")?;
        if let Some(failure) = answer.failures().first() {
            let why = failure.reason().or(failure.detail()).unwrap_or("no reason is named");
            return Err(Fail::new(Exit::Unreachable, format!("ECS starts no task: {why}"))
                .help("try again later, or let the service use other zones or capacity providers")
                .into());
        }
        let arn = answer.tasks().first().and_then(|task| task.task_arn());
        Ok(arn.ok_or_else(|| observe::incomplete("ecs:RunTask", "task"))?.to_owned())
    })
    .await
}

/// The body of the call: the service's own network, platform and capacity, as ECS sent them.
fn request(program: &Program<'_>, token: &str) -> Value {
    let mut body = Map::new();
    body.insert("cluster".into(), program.service.cluster.as_str().into());
    body.insert("taskDefinition".into(), program.revision.into());
    body.insert("count".into(), 1.into());
    body.insert("startedBy".into(), "deploy-fargate".into());
    body.insert("clientToken".into(), token.into());
    let own =
        |field: &str| program.service.raw.get(field).filter(|value| !is_nothing(value)).cloned();
    for field in ["networkConfiguration", "platformVersion", "enableExecuteCommand"] {
        if let Some(value) = own(field) {
            body.insert(field.into(), value);
        }
    }
    // ECS takes one of the two.
    let capacity = ["capacityProviderStrategy", "launchType"].into_iter();
    if let Some((field, value)) = capacity.filter_map(|field| Some((field, own(field)?))).next() {
        body.insert(field.into(), value);
    }
    let container = json!({ "name": program.container, "command": program.command });
    body.insert("overrides".into(), json!({ "containerOverrides": [container] }));
    Value::Object(body)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(is_set) => !is_set,
        Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::example;

    #[test]
    fn a_task_gets_the_network_and_the_capacity_of_the_service() {
        let network =
            json!({ "awsvpcConfiguration": { "subnets": ["subnet-1"], "ofTheFuture": 1 } });
        let service = Service {
            cluster: "apps".into(),
            raw: json!({ "networkConfiguration": network, "launchType": "FARGATE", "platformVersion": "",
                         "capacityProviderStrategy": [] }),
            ..Service::default()
        };
        let command = ["migrate".to_owned(), "up".to_owned()];
        let definition = example("a");
        let program = Program {
            service: &service,
            definition: &definition,
            revision: "orders:8",
            container: "app",
            command: &command,
        };
        assert_eq!(
            request(&program, "t"),
            json!({
                "cluster": "apps", "taskDefinition": "orders:8", "count": 1, "startedBy": "deploy-fargate",
                "clientToken": "t", "networkConfiguration": network, "launchType": "FARGATE",
                "overrides": { "containerOverrides": [{ "name": "app", "command": ["migrate", "up"] }] },
            })
        );
    }
}
