//! Reads what Lambda has, and waits until it has settled. Only reads.
//!
//! The answers hold the function's environment and an address that gives its code to everybody who has
//! it: they are never logged.

use std::collections::BTreeMap;

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{LastUpdateStatus, PackageType, State as LambdaState};
use step_aws::Call;
use step_core::poll::poll;
use step_core::{Exit, Fail};

use crate::Ctx;
use crate::calls::{self, Refusal, attempt};
use crate::configuration::Configuration;

/// A function as it is: not published, or a version of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    /// `$LATEST`, or a number.
    pub(crate) version: String,
    pub(crate) revision: String,
    /// Base64 of the zip's SHA-256; of an image, what Lambda makes of it.
    pub(crate) code_sha256: String,
    /// The image by digest, if it is one.
    pub(crate) image: Option<String>,
    pub(crate) architecture: String,
    pub(crate) configuration: Configuration,
    /// Why the environment cannot be read, when it cannot.
    pub(crate) unreadable: Option<String>,
    pub(crate) state: State,
}

/// Whether it can be written and invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It can.
    Ready,
    /// Lambda is at work on it.
    Settling,
    /// The last write failed, and why.
    Failed(String),
}

/// An alias: what callers of the function get.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alias {
    pub(crate) name: String,
    /// The version that gets what the others do not.
    pub(crate) version: String,
    /// Other versions and their shares, 0 to 1.
    pub(crate) weights: BTreeMap<String, f64>,
    pub(crate) description: String,
    pub(crate) revision: String,
}

/// What is called today.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Live {
    pub(crate) alias: Alias,
    /// The version that it points to.
    pub(crate) version: Function,
}

impl Function {
    /// Whether code and configuration are those of another look.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.code_sha256 == other.code_sha256
            && self.image == other.image
            && self.architecture == other.architecture
            && self.configuration == other.configuration
    }
}

/// The alias and the version that it points to; nothing when one of function and alias is not there.
pub(crate) async fn live(ctx: &Ctx, function: &str, alias: &str) -> anyhow::Result<Option<Live>> {
    // The alias may move between the two looks.
    for _ in 0..3 {
        let Some(alias) = self::alias(ctx, function, alias).await? else { return Ok(None) };
        let Some(version) = self::function(ctx, function, Some(&alias.name)).await? else {
            return Ok(None);
        };
        if version.version == alias.version {
            return Ok(Some(Live { alias, version }));
        }
    }
    Err(Fail::new(Exit::Superseded, format!("the alias {alias} of {function} is on the move"))
        .help("another run moves it: wait for its end, and run this one again")
        .into())
}

/// A function, or a version of it by number or alias.
pub(crate) async fn function(
    ctx: &Ctx,
    name: &str,
    qualifier: Option<&str>,
) -> anyhow::Result<Option<Function>> {
    calls::repeated(ctx, async || look(ctx, name, qualifier).await).await
}

/// A function once Lambda is not at work on it any more. It may have failed.
///
/// # Errors
/// Exit 5: Lambda did not settle in time. Exit 2: it is not there.
pub(crate) async fn settled(
    ctx: &Ctx,
    name: &str,
    qualifier: Option<&str>,
) -> anyhow::Result<Function> {
    let deadline = ctx.deadline();
    let settled = poll(&deadline, calls::PACE, async || {
        let found = look(ctx, name, qualifier).await?;
        let found = found.ok_or_else(|| missing(name, qualifier))?;
        Ok(Some(found).filter(|found| found.state != State::Settling))
    });
    settled.await?.ok_or_else(|| {
        deadline
            .exceeded(&format!("Lambda did not settle {name}"))
            .help("it goes on by itself; run the step again to wait for it, or give it a longer --timeout")
            .into()
    })
}

/// An alias, if it is there.
pub(crate) async fn alias(ctx: &Ctx, function: &str, name: &str) -> anyhow::Result<Option<Alias>> {
    calls::repeated(ctx, async || {
        ctx.quota.turn().await;
        let sent = ctx.lambda.get_alias().function_name(function).name(name).send().await;
        let attempt = attempt(sent, |sent| sent.call("lambda:GetAlias"));
        if attempt.refusal == Some(Refusal::Missing) {
            return Ok(None);
        }
        let it = attempt.result?;
        let weights = it.routing_config().and_then(|routing| routing.additional_version_weights());
        Ok(Some(Alias {
            name: name.to_owned(),
            version: it.function_version().unwrap_or_default().to_owned(),
            weights: weights
                .into_iter()
                .flatten()
                .map(|(to, share)| (to.clone(), *share))
                .collect(),
            description: it.description().unwrap_or_default().to_owned(),
            revision: it.revision_id().unwrap_or_default().to_owned(),
        }))
    })
    .await
}

pub(crate) fn missing(name: &str, qualifier: Option<&str>) -> Fail {
    let what =
        qualifier.map_or_else(String::new, |qualifier| format!(" with a version {qualifier}"));
    Fail::invalid(format!("there is no function {name}{what}"))
        .help("mend its name, or have it created: `create = true`, or --create")
}

async fn look(ctx: &Ctx, name: &str, qualifier: Option<&str>) -> anyhow::Result<Option<Function>> {
    let call = ctx.lambda.get_function().function_name(name);
    let sent = call.set_qualifier(qualifier.map(str::to_owned)).send().await;
    let attempt = attempt(sent, |sent| sent.call("lambda:GetFunction"));
    if attempt.refusal == Some(Refusal::Missing) {
        return Ok(None);
    }
    Ok(Some(understood(&attempt.result?)))
}

fn understood(answer: &GetFunctionOutput) -> Function {
    let empty = aws_sdk_lambda::types::FunctionConfiguration::builder().build();
    let it = answer.configuration().unwrap_or(&empty);
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let image = || {
        let code = answer.code()?;
        code.resolved_image_uri().or(code.image_uri()).map(str::to_owned)
    };
    let is_image = it.package_type() == Some(&PackageType::Image);
    let why = |code: Option<&str>, reason: Option<&str>| {
        let code = code.filter(|code| !code.is_empty()).unwrap_or("no reason code");
        let reason = reason.filter(|reason| !reason.is_empty());
        reason.map_or_else(|| code.to_owned(), |reason| format!("{code}: {reason}"))
    };
    let state = if it.state() == Some(&LambdaState::Pending)
        || it.last_update_status() == Some(&LastUpdateStatus::InProgress)
    {
        State::Settling
    } else if it.state() == Some(&LambdaState::Failed) {
        let code = it.state_reason_code().map(|code| code.as_str());
        State::Failed(why(code, it.state_reason()))
    } else if it.last_update_status() == Some(&LastUpdateStatus::Failed) {
        let code = it.last_update_status_reason_code().map(|code| code.as_str());
        State::Failed(why(code, it.last_update_status_reason()))
    } else {
        State::Ready
    };
    let unreadable = it.environment().and_then(|environment| environment.error());
    Function {
        version: text(it.version()),
        revision: text(it.revision_id()),
        code_sha256: text(it.code_sha256()),
        image: is_image.then(image).flatten(),
        architecture: it
            .architectures()
            .first()
            .map_or("x86_64", |architecture| architecture.as_str())
            .to_owned(),
        configuration: Configuration::of(it),
        unreadable: unreadable.map(|error| why(error.error_code(), error.message())),
        state,
    }
}
