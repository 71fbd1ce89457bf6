//! Moves an alias to a version, at once or bit by bit, and back when the version is bad or the step is
//! interrupted.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::types::AliasRoutingConfiguration;
use step_aws::{Call, Guarded};
use step_core::{Exit, Fail, hold_interrupt, output};
use tokio::time::{Instant, sleep_until};

use crate::calls::{Patience, Refusal, attempt};
use crate::canary::Stage;
use crate::check::{self, Fault, Since};
use crate::observe::{self, Alias, Function, Live};
use crate::settings::Desired;
use crate::{Ctx, note};

/// How a move ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All invocations get the version.
    Moved,
    /// The alias is back where it was, and why.
    WentBack(Fault),
}

/// Where an alias is to be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) version: String,
    /// A second version, and its share.
    pub(crate) second: Option<(String, f64)>,
    pub(crate) description: String,
}

/// Moves the alias; creates it when it is not there.
///
/// # Errors
/// Exit 7: another run moved the alias. Every other error comes after the alias was put back, or says that
/// it could not be.
pub(crate) async fn shift(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    name: &str,
    live: Option<&Live>,
    version: &Function,
) -> anyhow::Result<Ended> {
    let Some(before) = live.map(|live| &live.alias) else {
        return create(ctx, desired, name, version).await;
    };
    let held = hold_interrupt();
    let work = stages(ctx, guarded, desired, before, version);
    let ended = tokio::select! {
        ended = work => ended,
        () = held.interrupted() => {
            ctx.advise(&desired.key, format!(
                "the alias {name} of {} could not be put back: {}",
                desired.function, way_back(desired, before)
            ));
            put_back_or_say(ctx, guarded, desired, before, version, "interrupted").await?;
            ctx.advise(&desired.key, format!(
                "the alias {name} of {} is back at version {}; run the step again to go on",
                desired.function, before.version
            ));
            match held.give_way().await {}
        }
    };
    let (fault, lasting) = match ended {
        Ok(None) => return Ok(Ended::Moved),
        Ok(Some(fault)) => (fault, None),
        Err(err) if Fail::of(&err).is_some_and(|fail| fail.exit() == Exit::Superseded) => {
            return Err(err);
        }
        Err(err) => (format!("{err:#}"), Some(err)),
    };
    output::warn(format!("{}: {fault}", desired.function));
    put_back_or_say(ctx, guarded, desired, before, version, &fault).await?;
    match lasting {
        Some(err) => Err(err.context(format!("the alias {name} is at version {}", before.version))),
        None => Ok(Ended::WentBack(fault)),
    }
}

/// The parts of the move, until something is wrong.
async fn stages(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    before: &Alias,
    version: &Function,
) -> anyhow::Result<Option<Fault>> {
    let (function, new) = (&desired.function, &version.version);
    // Whatever comes in between, what is written down is the version to go back to.
    let description = note::with_previous(&before.description, &before.version);
    let _section = (!desired.canary.is_at_once())
        .then(|| output::section(&format!("{function}: alias {} to version {new}", before.name)));
    let mut alias = before.clone();
    for stage in desired.canary.stages() {
        let second = Some((new.clone(), stage.weight()));
        let place =
            Place { version: before.version.clone(), second, description: description.clone() };
        alias = point(ctx, guarded, function, &alias, &place).await?;
        output::say(format!("  {function}: {}% to version {new}", stage.percent));
        if let Some(fault) = hold(ctx, desired, &alias, version, *stage).await? {
            return Ok(Some(fault));
        }
    }
    let place = Place { version: new.clone(), second: None, description };
    let alias = point(ctx, guarded, function, &alias, &place).await?;
    output::say(format!("  {function}: alias {} at version {new}", alias.name));
    check::command(&desired.check, function, new).await
}

/// Waits as long as a part lasts, looks at the error rate meanwhile, and at everything at its end.
async fn hold(
    ctx: &Ctx,
    desired: &Desired,
    alias: &Alias,
    version: &Function,
    stage: Stage,
) -> anyhow::Result<Option<Fault>> {
    let (function, new) = (&desired.function, &version.version);
    let since = Since::now();
    let end = Instant::now() + stage.hold;
    let mut progress = output::progress(function.clone());
    progress.state(format!("{}% for {}", stage.percent, humantime::format_duration(stage.hold)));
    while Instant::now() < end {
        sleep_until(end.min(Instant::now() + ctx.look_each)).await;
        progress.state(format!(
            "{}% for {}",
            stage.percent,
            humantime::format_duration(stage.hold)
        ));
        if desired.check.error_rate().is_some() {
            let look = check::error_rate(ctx, &desired.check, function, &alias.name, new, since);
            if let Some(fault) = look.await? {
                return Ok(Some(fault));
            }
        }
    }
    if let Some(fault) = check::invoke(ctx, &desired.check, function, version).await? {
        return Ok(Some(fault));
    }
    check::command(&desired.check, function, new).await
}

/// Puts the alias back because of a fault.
///
/// # Errors
/// It could not be put back: says what is to be typed.
async fn put_back_or_say(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    before: &Alias,
    version: &Function,
    fault: &str,
) -> anyhow::Result<()> {
    let Err(err) = put_back(ctx, guarded, desired, before, version).await else { return Ok(()) };
    let exit = Fail::of(&err).map_or(Exit::Failed, Fail::exit);
    let message = format!("{fault}; and the alias {} could not be put back", before.name);
    Err(err.context(Fail::new(exit, message).help(way_back(desired, before))))
}

/// Puts the alias back to the version it had, all of it. It is read first, for an interrupted write may
/// have been done.
async fn put_back(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    before: &Alias,
    version: &Function,
) -> anyhow::Result<()> {
    let function = &desired.function;
    let now = observe::alias(ctx, function, &before.name).await?;
    let now = now.ok_or_else(|| moved(function, &before.name, None))?;
    if now.version == before.version && now.weights.is_empty() {
        return Ok(());
    }
    let is_ours = |to: &String| *to == version.version;
    // A run that was killed leaves the share of a second version.
    let is_untouched = now.version == before.version && now.weights == before.weights;
    let may_be_ours = is_untouched
        || (now.version == before.version && now.weights.keys().all(is_ours))
        || (is_ours(&now.version) && now.weights.is_empty());
    if !may_be_ours {
        return Err(moved(function, &before.name, Some(&now)).into());
    }
    let description = before.description.clone();
    let place = Place { version: before.version.clone(), second: None, description };
    point(ctx, guarded, function, &now, &place).await?;
    output::say(format!("  {function}: alias {} back at version {}", before.name, before.version));
    Ok(())
}

/// Writes the alias, unless another has written it since it was read.
///
/// # Errors
/// Exit 7: another run moved it.
pub(crate) async fn point(
    ctx: &Ctx,
    _guarded: &Guarded,
    function: &str,
    alias: &Alias,
    place: &Place,
) -> anyhow::Result<Alias> {
    let weights: BTreeMap<String, f64> = place.second.clone().into_iter().collect();
    let mut patience = Patience::new(ctx);
    let mut revision = alias.revision.clone();
    loop {
        ctx.quota.turn().await;
        let shares: HashMap<String, f64> = weights.clone().into_iter().collect();
        let routing = AliasRoutingConfiguration::builder();
        let call = ctx
            .lambda
            .update_alias()
            .function_name(function)
            .name(&alias.name)
            .function_version(&place.version)
            .routing_config(routing.set_additional_version_weights(Some(shares)).build())
            .description(&place.description)
            .revision_id(&revision);
        let attempt = attempt(call.send().await, |sent| sent.call("lambda:UpdateAlias"));
        let may_be_repeated = attempt.may_be_repeated();
        match attempt.result {
            Ok(answer) => {
                return Ok(Alias {
                    name: alias.name.clone(),
                    version: place.version.clone(),
                    weights,
                    description: place.description.clone(),
                    revision: answer.revision_id().unwrap_or_default().to_owned(),
                });
            }
            Err(err) if may_be_repeated => patience.pause(err).await?,
            Err(err) => return Err(err),
        }
        let now = observe::alias(ctx, function, &alias.name).await?;
        let now = now.ok_or_else(|| moved(function, &alias.name, None))?;
        if now.version == place.version && now.weights == weights {
            return Ok(now);
        }
        if now.version != alias.version || now.weights != alias.weights {
            return Err(moved(function, &alias.name, Some(&now)).into());
        }
        revision = now.revision;
    }
}

async fn create(
    ctx: &Ctx,
    desired: &Desired,
    name: &str,
    version: &Function,
) -> anyhow::Result<Ended> {
    let (function, new) = (&desired.function, &version.version);
    let mut patience = Patience::new(ctx);
    loop {
        ctx.quota.turn().await;
        let call = ctx.lambda.create_alias().function_name(function).name(name);
        let sent = call.function_version(new).send().await;
        let attempt = attempt(sent, |sent| sent.call("lambda:CreateAlias"));
        let may_be_repeated = attempt.may_be_repeated();
        let is_there = attempt.refusal == Some(Refusal::Conflict);
        match attempt.result {
            Ok(_) => break,
            Err(err) if may_be_repeated => {
                let now = observe::alias(ctx, function, name).await?;
                match now.filter(|_| is_there || Fail::of(&err).is_some_and(Fail::is_transient)) {
                    Some(now) if now.version == *new => break,
                    Some(now) => return Err(moved(function, name, Some(&now)).into()),
                    None => patience.pause(err).await?,
                }
            }
            Err(err) => return Err(err),
        }
    }
    output::say(format!("  {function}: alias {name} at version {new}"));
    // There is no version to go back to: what the program finds is the end of this run.
    match check::command(&desired.check, function, new).await? {
        None => Ok(Ended::Moved),
        Some(fault) => {
            Err(Fail::new(Exit::Negative, format!("version {new} of {function}: {fault}"))
                .help("there is no version to go back to: mend the cause and run the step again")
                .into())
        }
    }
}

/// What is to be typed when the alias could not be put back.
fn way_back(desired: &Desired, before: &Alias) -> String {
    let (key, alias, version) = (&desired.key, &before.name, &before.version);
    format!("type: upload-lambda rollback {key} --alias {alias} --to {version}")
}

fn moved(function: &str, alias: &str, now: Option<&Alias>) -> Fail {
    let to =
        now.map_or_else(|| "deleted".to_owned(), |now| format!("moved to version {}", now.version));
    Fail::new(Exit::Superseded, format!("the alias {alias} of {function} was {to} by another run"))
        .help("look at the other run; if it was none of yours, run this one again")
}
