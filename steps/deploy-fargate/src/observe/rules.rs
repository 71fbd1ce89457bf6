//! Tasks on a schedule: EventBridge rules and their targets.

use serde_json::Value;
use step_aws::Call;
use step_core::Fail;

use super::{RawBody, services};
use crate::Ctx;
use crate::definition::Definition;
use crate::settings::Unit;

/// A rule whose target is a task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) rule: String,
    /// The target as EventBridge sent it.
    pub(crate) target: Value,
    pub(crate) definition: Definition,
}

impl Schedule {
    /// The task definition that the rule starts.
    pub(crate) fn task_definition(&self) -> &str {
        of(&self.target).unwrap_or_default()
    }

    /// The target with another task definition; everything else stays as it is.
    pub(crate) fn target_with(&self, task_definition: &str) -> Value {
        let mut target = self.target.clone();
        if let Some(field) = target.pointer_mut(FIELD) {
            *field = task_definition.into();
        }
        target
    }
}

const FIELD: &str = "/EcsParameters/TaskDefinitionArn";

/// The rule's target that starts a task.
///
/// # Errors
/// Exit 2: there is no such rule, or none of its targets, or several, are tasks.
pub(crate) async fn schedule(ctx: &Ctx, unit: &Unit, rule: &str) -> anyhow::Result<Schedule> {
    let body = RawBody::default();
    let call = ctx.events.list_targets_by_rule().rule(rule).customize().interceptor(body.clone());
    let answer = call.send().await;
    let missing = || {
        Fail::invalid(format!("there is no EventBridge rule {rule} that starts a task")).help(
            format!("check `services.{}.rule` in landfall.toml, or run deploy-stack", unit.name),
        )
    };
    if let Err(err) = &answer
        && err.as_service_error().is_some_and(|err| err.is_resource_not_found_exception())
    {
        return Err(missing().into());
    }
    answer.call("events:ListTargetsByRule")?;
    let answer: Value = serde_json::from_slice(&body.take())?;
    let targets = answer.get("Targets").and_then(Value::as_array);
    let tasks: Vec<&Value> =
        targets.into_iter().flatten().filter(|target| of(target).is_some()).collect();
    let target = match tasks.as_slice() {
        [] => return Err(missing().into()),
        [only] => (*only).clone(),
        several => {
            let message = format!("the rule {rule} starts {} tasks", several.len());
            return Err(Fail::invalid(message).help("give each task a rule of its own").into());
        }
    };
    let definition = services::definition(ctx, of(&target).unwrap_or_default()).await?;
    Ok(Schedule { rule: rule.to_owned(), target, definition })
}

fn of(target: &Value) -> Option<&str> {
    target.pointer(FIELD)?.as_str()
}
