//! Makes the change set, executes it, and follows the stack until it is ready. Only writes, and
//! the looking that waiting needs.

use std::collections::HashSet;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{
    Capability, ChangeSetStatus, ChangeSetType, Parameter, StackEvent, StackStatus, Tag,
};
use step_aws::{Call, Guarded};
use step_core::poll::{Pace, poll};
use step_core::{Exit, Fail, on_interrupt, output};

use crate::plan::Plan;
use crate::{Ctx, Outcome, observe};

/// Executes a plan that has changes.
pub(crate) async fn apply(ctx: &Ctx, _guarded: &Guarded, plan: &Plan) -> anyhow::Result<Outcome> {
    let _section = output::section(&format!("Change set for {}", ctx.desired.stack));
    let change_set = create_change_set(ctx, plan).await?;
    if !wait_for_change_set(ctx, &change_set).await? {
        delete_change_set(ctx, &change_set).await?;
        return Ok(Outcome::Unchanged);
    }
    execute(ctx, plan, &change_set).await?;
    Ok(if plan.kind == ChangeSetType::Create { Outcome::Created } else { Outcome::Updated })
}

/// A change set and the stack that it belongs to, by ARN: names can be given away again.
struct ChangeSet {
    id: String,
    stack_id: String,
}

async fn create_change_set(ctx: &Ctx, plan: &Plan) -> anyhow::Result<ChangeSet> {
    let desired = &ctx.desired;
    let parameters = plan.parameters.iter().map(|(key, value)| {
        let parameter = Parameter::builder().parameter_key(key);
        match value {
            Some(value) => parameter.parameter_value(value),
            None => parameter.use_previous_value(true),
        }
        .build()
    });
    let tags = desired.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
    let capabilities = desired.capabilities.iter().map(|name| Capability::from(name.as_str()));
    let answer = ctx
        .cloudformation
        .create_change_set()
        .stack_name(&desired.stack)
        .change_set_name(format!("landfall-{:016x}", fastrand::u64(..)))
        .change_set_type(plan.kind.clone())
        .template_body(&desired.template_body)
        .set_parameters(Some(parameters.collect()))
        .set_tags(Some(tags.collect()))
        .set_capabilities(Some(capabilities.collect()))
        .send()
        .await;
    if let Err(err) = &answer
        && err.code() == Some("ValidationError")
    {
        let path = desired.template_path.display();
        let message = err.message().unwrap_or("CloudFormation does not accept it");
        return Err(Fail::invalid(format!("{path}: {message}"))
            .help("mend the template, or its parameters in landfall.toml")
            .into());
    }
    let answer = answer.call("cloudformation:CreateChangeSet")?;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(ChangeSet { id: text(answer.id()), stack_id: text(answer.stack_id()) })
}

/// Waits until the change set can be executed and shows it; false when it is empty.
async fn wait_for_change_set(ctx: &Ctx, change_set: &ChangeSet) -> anyhow::Result<bool> {
    let ready = poll(&ctx.deadline, Pace::SERVICE, async || {
        let call = ctx.cloudformation.describe_change_set().change_set_name(&change_set.id);
        let answer = call.stack_name(&change_set.stack_id).send().await;
        let answer = answer.call("cloudformation:DescribeChangeSet")?;
        match answer.status() {
            Some(ChangeSetStatus::CreateComplete) => {
                answer
                    .changes()
                    .iter()
                    .filter_map(|change| change.resource_change())
                    .for_each(show);
                Ok(Some(true))
            }
            Some(ChangeSetStatus::Failed) => {
                let reason = answer.status_reason().unwrap_or("no reason given");
                if is_empty_change_set(reason) {
                    return Ok(Some(false));
                }
                Err(Fail::new(Exit::Failed, format!("the change set failed: {reason}"))
                    .help("mend what the reason names; the stack is as before")
                    .into())
            }
            _ => Ok(None),
        }
    });
    let unfinished = || ctx.deadline.exceeded("the change set was not computed");
    Ok(ready.await?.ok_or_else(|| unfinished().help("raise --timeout"))?)
}

fn show(change: &aws_sdk_cloudformation::types::ResourceChange) {
    let action = change.action().map_or("?", |action| action.as_str());
    let id = change.logical_resource_id().unwrap_or("?");
    let kind = change.resource_type().unwrap_or("?");
    let replaced = change.replacement().is_some_and(|replacement| replacement.as_str() == "True");
    let replaced = if replaced { " (REPLACED)" } else { "" };
    output::say(format!("  {action} {id} ({kind}){replaced}"));
}

/// The two texts by which CloudFormation says that nothing changes; it has no code for it.
fn is_empty_change_set(reason: &str) -> bool {
    reason.contains("didn't contain changes") || reason.contains("No updates are to be performed")
}

async fn delete_change_set(ctx: &Ctx, change_set: &ChangeSet) -> anyhow::Result<()> {
    let call = ctx.cloudformation.delete_change_set().change_set_name(&change_set.id);
    call.stack_name(&change_set.stack_id).send().await.call("cloudformation:DeleteChangeSet")?;
    Ok(())
}

async fn execute(ctx: &Ctx, plan: &Plan, change_set: &ChangeSet) -> anyhow::Result<()> {
    // Events have no number to start from: what is there now is old.
    let mut events = Events { seen: HashSet::new(), root_cause: None };
    let is_update = plan.kind == ChangeSetType::Update;
    if is_update {
        events.seen.extend(latest_events(ctx, change_set).await?.iter().filter_map(event_id));
    }
    let call = ctx.cloudformation.execute_change_set().change_set_name(&change_set.id);
    call.stack_name(&change_set.stack_id).send().await.call("cloudformation:ExecuteChangeSet")?;
    on_interrupt("the stack goes on without this step; run it again to wait for the result");
    let settled = poll(&ctx.deadline, Pace::SERVICE, async || {
        events.show_new(&latest_events(ctx, change_set).await?);
        let stack = observe::stack(ctx).await?;
        Ok(stack.filter(|stack| {
            let never_began = stack.status == StackStatus::ReviewInProgress;
            stack.id != change_set.stack_id
                || !observe::is_in_progress(&stack.status) && !never_began
        }))
    });
    let settled = settled.await?;
    on_interrupt("");
    let Some(stack) = settled else {
        return Err(ctx
            .deadline
            .exceeded(&format!("{} was not ready", ctx.desired.stack))
            .help("it goes on without this step; run it again to wait for the result")
            .into());
    };
    events.show_new(&latest_events(ctx, change_set).await?);
    match stack.status {
        StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete => {
            Ok(())
        }
        status => Err(events.failure(&ctx.desired.stack, &status).into()),
    }
}

async fn latest_events(ctx: &Ctx, change_set: &ChangeSet) -> anyhow::Result<Vec<StackEvent>> {
    // By id, for it is still valid when the stack has been deleted.
    let call = ctx.cloudformation.describe_stack_events().stack_name(&change_set.stack_id);
    let answer = call.send().await.call("cloudformation:DescribeStackEvents")?;
    Ok(answer.stack_events().to_vec())
}

fn event_id(event: &StackEvent) -> Option<String> {
    event.event_id().map(str::to_owned)
}

/// The events of one deployment, told once each.
struct Events {
    seen: HashSet<String>,
    /// The first resource that failed by itself.
    root_cause: Option<String>,
}

impl Events {
    fn show_new(&mut self, newest_first: &[StackEvent]) {
        for event in newest_first.iter().rev() {
            if !event_id(event).is_some_and(|id| self.seen.insert(id)) {
                continue;
            }
            let id = event.logical_resource_id().unwrap_or("?");
            let status = event.resource_status().map_or("?", |status| status.as_str());
            let reason = event.resource_status_reason().filter(|reason| !reason.is_empty());
            let shown = reason.map_or_else(String::new, |reason| format!(": {reason}"));
            // That something begins is only worth a line when it is the whole.
            let is_stack = event.physical_resource_id() == event.stack_id();
            if is_stack || !status.ends_with("_IN_PROGRESS") {
                output::say(format!("  {id} {status}{shown}"));
            }
            if status.ends_with("_FAILED") && !is_stack && !reason.is_some_and(is_cascade) {
                self.root_cause.get_or_insert_with(|| format!("{id} {status}{shown}"));
            }
        }
    }

    fn failure(&self, stack: &str, status: &StackStatus) -> Fail {
        let cause = self.root_cause.as_deref().unwrap_or("CloudFormation names no failed resource");
        let message = format!("{stack} is in {}: {cause}", status.as_str());
        if *status == StackStatus::UpdateRollbackComplete {
            Fail::new(Exit::RolledBack, message)
                .help("the stack is as before; mend the cause and run again")
        } else {
            Fail::new(Exit::Failed, message).help("mend the cause; running again says what to type")
        }
    }
}

/// What CloudFormation says of resources that it stopped because another one failed.
fn is_cascade(reason: &str) -> bool {
    reason.contains("cancelled")
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::ResourceStatus;

    use super::*;

    fn event(number: u32, id: &str, status: ResourceStatus, reason: &str) -> StackEvent {
        StackEvent::builder()
            .event_id(number.to_string())
            .stack_id("stack")
            .logical_resource_id(id)
            .resource_status(status)
            .resource_status_reason(reason)
            .build()
    }

    #[test]
    fn the_root_cause_is_the_first_failure_that_is_not_a_cascade() {
        let mut events = Events { seen: HashSet::from(["0".to_owned()]), root_cause: None };
        events.show_new(&[
            event(3, "Role", ResourceStatus::CreateFailed, "Resource creation cancelled"),
            event(2, "Bucket", ResourceStatus::CreateFailed, "the name is taken"),
            event(1, "Queue", ResourceStatus::CreateFailed, "Resource creation cancelled"),
            event(0, "Old", ResourceStatus::UpdateFailed, "of an earlier run"),
        ]);
        events.show_new(&[event(4, "Topic", ResourceStatus::CreateFailed, "later")]);
        let fail = events.failure("orders-dev", &StackStatus::UpdateRollbackComplete);
        assert_eq!(fail.exit(), Exit::RolledBack);
        assert_eq!(
            fail.to_string(),
            "orders-dev is in UPDATE_ROLLBACK_COMPLETE: Bucket CREATE_FAILED: the name is taken"
        );
    }

    #[test]
    fn both_texts_of_an_empty_change_set_are_known() {
        assert!(is_empty_change_set(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(is_empty_change_set("No updates are to be performed."));
        assert!(!is_empty_change_set("Template error: instance of Fn::GetAtt"));
    }
}
