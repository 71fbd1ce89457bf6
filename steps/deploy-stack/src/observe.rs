//! Reads what is: the template as CloudFormation understands it, and the stack. Writes nothing.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{StackStatus, TemplateStage};
use step_aws::Call;
use step_core::output;
use step_core::poll::{Pace, poll};
use step_core::{Exit, Fail};

use crate::Ctx;

/// What a template declares.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    pub(crate) parameters: Vec<Declared>,
    pub(crate) capabilities: Vec<String>,
    /// Macros and transforms: what they make of the template only CloudFormation can tell.
    pub(crate) has_transforms: bool,
}

/// A parameter of a template.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared {
    pub(crate) key: String,
    pub(crate) has_default: bool,
    pub(crate) no_echo: bool,
    /// `AWS::SSM::Parameter::Value<...>`: its value can change while its text stays.
    pub(crate) is_resolved_late: bool,
}

/// A stack as it is.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) status: StackStatus,
    pub(crate) status_reason: Option<String>,
    pub(crate) template_body: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// Has CloudFormation read the template: this also finds what is wrong with it.
pub(crate) async fn template(ctx: &Ctx) -> anyhow::Result<Template> {
    let body = &ctx.desired.template_body;
    let summary = ctx.cloudformation.get_template_summary().template_body(body).send().await;
    if let Err(err) = &summary
        && err.code() == Some("ValidationError")
    {
        let path = ctx.desired.template_path.display();
        let message = err.message().unwrap_or("CloudFormation does not accept it");
        return Err(Fail::invalid(format!("{path}: {message}"))
            .help("mend the template; cfn-lint names the line")
            .into());
    }
    let summary = summary.call("cloudformation:GetTemplateSummary")?;
    let declared = summary.parameters().iter().map(|parameter| Declared {
        key: parameter.parameter_key().unwrap_or_default().to_owned(),
        has_default: parameter.default_value().is_some(),
        no_echo: parameter.no_echo().unwrap_or(false),
        is_resolved_late: parameter
            .parameter_type()
            .is_some_and(|kind| kind.starts_with("AWS::SSM::")),
    });
    Ok(Template {
        parameters: declared.collect(),
        capabilities: summary.capabilities().iter().map(|c| c.as_str().to_owned()).collect(),
        has_transforms: !summary.declared_transforms().is_empty(),
    })
}

/// The stack once nothing is under way in it; `None` when there is none, or only the shell that
/// a change set which was never executed leaves behind.
pub(crate) async fn settled_stack(ctx: &Ctx) -> anyhow::Result<Option<Stack>> {
    let mut progress = output::progress("waiting for the stack");
    let settled = poll(&ctx.deadline, Pace::SERVICE, async || {
        let found = stack(ctx).await?;
        let Some(busy) = found.as_ref().filter(|stack| is_in_progress(&stack.status)) else {
            return Ok(Some(found));
        };
        progress.state(format!("another operation is under way: {}", busy.status.as_str()));
        Ok(None)
    });
    let settled = settled.await?.ok_or_else(|| {
        ctx.deadline
            .exceeded(&format!("{} was not ready for a change", ctx.desired.stack))
            .help("look at what is under way in the stack, or raise --timeout")
    })?;
    Ok(settled.filter(|stack| stack.status != StackStatus::ReviewInProgress))
}

/// The stack as it is now.
pub(crate) async fn stack(ctx: &Ctx) -> anyhow::Result<Option<Stack>> {
    let name = &ctx.desired.stack;
    let answer = ctx.cloudformation.describe_stacks().stack_name(name).send().await;
    if answer.as_ref().is_err_and(is_missing_stack) {
        return Ok(None);
    }
    let answer = answer.call("cloudformation:DescribeStacks")?;
    let Some(stack) = answer.stacks().first() else { return Ok(None) };
    let status = stack.stack_status().cloned().ok_or_else(|| {
        Fail::new(Exit::Failed, format!("CloudFormation names no status of {name}"))
    })?;
    if status == StackStatus::DeleteComplete {
        return Ok(None);
    }
    let template_body =
        if is_in_progress(&status) { String::new() } else { template_body(ctx, name).await? };
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(Some(Stack {
        id: text(stack.stack_id()),
        status,
        status_reason: stack.stack_status_reason().filter(|why| !why.is_empty()).map(str::to_owned),
        template_body,
        parameters: stack
            .parameters()
            .iter()
            .map(|p| (text(p.parameter_key()), text(p.parameter_value())))
            .collect(),
        tags: stack.tags().iter().map(|t| (text(t.key()), text(t.value()))).collect(),
        outputs: stack
            .outputs()
            .iter()
            .map(|o| (text(o.output_key()), text(o.output_value())))
            .collect(),
    }))
}

async fn template_body(ctx: &Ctx, name: &str) -> anyhow::Result<String> {
    let call = ctx.cloudformation.get_template().stack_name(name);
    let answer = call.template_stage(TemplateStage::Original).send().await;
    let answer = answer.call("cloudformation:GetTemplate")?;
    Ok(answer.template_body().unwrap_or_default().to_owned())
}

/// Whether something is under way. `REVIEW_IN_PROGRESS` only means that a first change set waits.
pub(crate) fn is_in_progress(status: &StackStatus) -> bool {
    status.as_str().ends_with("_IN_PROGRESS") && *status != StackStatus::ReviewInProgress
}

/// CloudFormation has no error code of its own for a stack that does not exist.
fn is_missing_stack(err: &impl ProvideErrorMetadata) -> bool {
    err.code() == Some("ValidationError")
        && err.message().is_some_and(|message| message.contains("does not exist"))
}
