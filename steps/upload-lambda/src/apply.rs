//! Writes code and configuration, and publishes. Each write is guarded by the revision that was read,
//! and is waited for.

use std::collections::HashMap;

use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{
    Architecture, Environment, EphemeralStorage, FunctionCode, PackageType, Runtime, SnapStart,
    SnapStartApplyOn, TracingConfig, TracingMode, VpcConfig,
};
use step_aws::{Call, Guarded};
use step_core::{Exit, Fail, output};

use crate::calls::{self, Attempt, Patience, Refusal, attempt, superseded};
use crate::configuration::Configuration;
use crate::observe::{self, Function, State};
use crate::plan::{self, Change, Code};
use crate::settings::Desired;
use crate::storage::Upload;
use crate::{Ctx, UPLOAD_LIMIT};

/// Creates the function, or brings it to code and configuration of the plan; then it is not published yet.
pub(crate) async fn apply(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    code: &Code,
    upload: &Upload,
    changes: &[Change],
    latest: Option<&Function>,
) -> anyhow::Result<Function> {
    let Some(latest) = latest else { return create(ctx, guarded, desired, code, upload).await };
    let mut latest = latest.clone();
    for change in changes {
        match change {
            Change::Configuration { .. } => {
                latest = write_configuration(ctx, desired, &latest).await?;
            }
            Change::Code { .. } | Change::Retry { .. } => {
                latest = write_code(ctx, desired, code, upload, &latest).await?;
            }
            _ => {}
        }
    }
    Ok(latest)
}

/// Publishes what was written, and waits until the version can be invoked: with SnapStart that takes
/// minutes. When nothing changed since the last version, Lambda answers with that one.
pub(crate) async fn publish(
    ctx: &Ctx,
    _guarded: &Guarded,
    desired: &Desired,
    latest: &Function,
) -> anyhow::Result<Function> {
    let name = &desired.function;
    let mut patience = Patience::new(ctx);
    let mut revision = latest.revision.clone();
    let version = loop {
        ctx.quota.turn().await;
        let call = ctx.lambda.publish_version().function_name(name).revision_id(&revision);
        let call = call.code_sha256(&latest.code_sha256).set_description(desired.revision.clone());
        let attempt = attempt(call.send().await, |sent| sent.call("lambda:PublishVersion"));
        let may_be_repeated = attempt.may_be_repeated();
        match attempt.result {
            Ok(answer) => break answer.version().unwrap_or_default().to_owned(),
            Err(err) if may_be_repeated => patience.pause(err).await?,
            Err(err) => return Err(err),
        }
        let now = observe::settled(ctx, name, None).await?;
        if !now.is_same(latest) {
            return Err(superseded(name).into());
        }
        revision = now.revision;
    };
    let version = observe::settled(ctx, name, Some(&version)).await?;
    output::say(format!("  {name}: version {}", version.version));
    match &version.state {
        State::Failed(why) => {
            let message = format!("version {} of {name} does not start: {why}", version.version);
            Err(Fail::new(Exit::Failed, message)
                .help("the alias was not moved; mend the cause and run the step again")
                .into())
        }
        _ => Ok(version),
    }
}

async fn write_configuration(
    ctx: &Ctx,
    desired: &Desired,
    latest: &Function,
) -> anyhow::Result<Function> {
    let (name, wanted) = (&desired.function, &desired.configuration);
    let (from, to) = (&latest.configuration, wanted.over(&latest.configuration));
    output::say(format!("  {name}: configuration"));
    let is_done = |now: &Function| {
        plan::has_configuration(now, wanted) && now.code_sha256 == latest.code_sha256
    };
    calls::write(ctx, name, latest, is_done, async |revision| {
        ctx.quota.turn().await;
        let mut call =
            ctx.lambda.update_function_configuration().function_name(name).revision_id(revision);
        if to.role != from.role {
            call = call.role(&to.role);
        }
        if to.runtime != from.runtime {
            call = call.set_runtime(to.runtime.as_deref().map(Runtime::from));
        }
        if to.handler != from.handler {
            call = call.set_handler(to.handler.clone());
        }
        if to.memory != from.memory {
            call = call.memory_size(to.memory);
        }
        if to.timeout != from.timeout {
            call = call.timeout(to.timeout);
        }
        if to.ephemeral_storage != from.ephemeral_storage {
            call = call.set_ephemeral_storage(ephemeral_storage(&to));
        }
        if to.tracing != from.tracing {
            call = call.tracing_config(tracing(&to));
        }
        if to.snap_start != from.snap_start {
            call = call.snap_start(snap_start(&to));
        }
        if to.layers != from.layers {
            call = call.set_layers(Some(to.layers.clone()));
        }
        if to.subnets != from.subnets || to.security_groups != from.security_groups {
            call = call.vpc_config(vpc(&to));
        }
        if to.environment != from.environment {
            call = call.environment(environment(&to));
        }
        let sent = call.send().await.map(drop);
        attempt(sent, |sent| sent.call("lambda:UpdateFunctionConfiguration"))
    })
    .await
}

async fn write_code(
    ctx: &Ctx,
    desired: &Desired,
    code: &Code,
    upload: &Upload,
    latest: &Function,
) -> anyhow::Result<Function> {
    let (name, wanted) = (&desired.function, &desired.configuration);
    output::say(format!("  {name}: code {code}"));
    let is_done = |now: &Function| {
        plan::has_code(now, code, wanted) && now.configuration == latest.configuration
    };
    let work = calls::write(ctx, name, latest, is_done, async |revision| {
        ctx.quota.turn().await;
        let call = ctx.lambda.update_function_code().function_name(name).revision_id(revision);
        let mut call = call.publish(false);
        // The architecture is a part of the code for Lambda.
        if let Some(architecture) = &wanted.architecture {
            call = call.architectures(Architecture::from(architecture.as_str()));
        }
        let call = match upload {
            Upload::Direct(zip) => call.zip_file(Blob::new(zip.clone())),
            Upload::Stored { bucket, key } => call.s3_bucket(bucket).s3_key(key),
            Upload::Image(image) => call.image_uri(image),
        };
        let sent = call.customize().config_override(patient_config()).send().await.map(drop);
        attempt(sent, |sent| sent.call("lambda:UpdateFunctionCode"))
    });
    output::alive(&format!("upload {name}"), work).await
}

async fn create(
    ctx: &Ctx,
    _guarded: &Guarded,
    desired: &Desired,
    code: &Code,
    upload: &Upload,
) -> anyhow::Result<Function> {
    let name = &desired.function;
    let it = plan::new_configuration(desired, code)?;
    output::say(format!("  {name}: creating it"));
    let mut patience = Patience::new(ctx);
    loop {
        let attempt = send_create(ctx, desired, &it, upload).await;
        let may_be_repeated = attempt.may_be_repeated();
        let is_there = attempt.refusal == Some(Refusal::Conflict);
        match attempt.result {
            Ok(()) => break,
            // An answer that was lost, or another run: what is there tells.
            Err(_) if is_there => break,
            Err(err) if may_be_repeated => patience.pause(err).await?,
            Err(err) => return Err(err),
        }
    }
    let created = observe::settled(ctx, name, None).await?;
    if let State::Failed(why) = &created.state {
        return Err(Fail::new(Exit::Failed, format!("Lambda could not create {name}: {why}"))
            .help("mend the cause and run the step again")
            .into());
    }
    let is_ours = plan::has_code(&created, code, &desired.configuration)
        && plan::has_configuration(&created, &desired.configuration);
    if is_ours { Ok(created) } else { Err(superseded(name).into()) }
}

async fn send_create(
    ctx: &Ctx,
    desired: &Desired,
    it: &Configuration,
    upload: &Upload,
) -> Attempt<()> {
    ctx.quota.turn().await;
    let code = FunctionCode::builder();
    let (code, kind) = match upload {
        Upload::Direct(zip) => (code.zip_file(Blob::new(zip.clone())), PackageType::Zip),
        Upload::Stored { bucket, key } => (code.s3_bucket(bucket).s3_key(key), PackageType::Zip),
        Upload::Image(image) => (code.image_uri(image), PackageType::Image),
    };
    let is_zip = kind == PackageType::Zip;
    // A custom runtime is given no handler, but Lambda asks for one.
    let handler = it.handler.clone().unwrap_or_else(|| "bootstrap".to_owned());
    let mut call = ctx
        .lambda
        .create_function()
        .function_name(&desired.function)
        .code(code.build())
        .package_type(kind)
        .role(&it.role)
        .set_runtime(it.runtime.as_deref().map(Runtime::from))
        .set_handler(is_zip.then_some(handler))
        .memory_size(it.memory)
        .timeout(it.timeout)
        .set_ephemeral_storage(ephemeral_storage(it))
        .tracing_config(tracing(it))
        .snap_start(snap_start(it))
        .environment(environment(it))
        .set_layers(Some(it.layers.clone()).filter(|layers| !layers.is_empty()))
        .publish(false);
    if !it.subnets.is_empty() {
        call = call.vpc_config(vpc(it));
    }
    if let Some(architecture) = &desired.configuration.architecture {
        call = call.architectures(Architecture::from(architecture.as_str()));
    }
    let sent = call.customize().config_override(patient_config()).send().await.map(drop);
    attempt(sent, |sent| sent.call("lambda:CreateFunction"))
}

/// 50 MB take longer than an ordinary call.
fn patient_config() -> aws_sdk_lambda::config::Builder {
    let limits = TimeoutConfig::builder().operation_attempt_timeout(UPLOAD_LIMIT).build();
    aws_sdk_lambda::config::Builder::new().timeout_config(limits)
}

fn environment(it: &Configuration) -> Environment {
    let variables: HashMap<String, String> = it.environment.clone().into_iter().collect();
    Environment::builder().set_variables(Some(variables)).build()
}

fn vpc(it: &Configuration) -> VpcConfig {
    VpcConfig::builder()
        .set_subnet_ids(Some(it.subnets.iter().cloned().collect()))
        .set_security_group_ids(Some(it.security_groups.iter().cloned().collect()))
        .set_ipv6_allowed_for_dual_stack(it.dual_stack.then_some(true))
        .build()
}

fn tracing(it: &Configuration) -> TracingConfig {
    TracingConfig::builder().mode(TracingMode::from(it.tracing.as_str())).build()
}

fn snap_start(it: &Configuration) -> SnapStart {
    let on =
        if it.snap_start { SnapStartApplyOn::PublishedVersions } else { SnapStartApplyOn::None };
    SnapStart::builder().apply_on(on).build()
}

fn ephemeral_storage(it: &Configuration) -> Option<EphemeralStorage> {
    EphemeralStorage::builder().size(it.ephemeral_storage).build().ok()
}
