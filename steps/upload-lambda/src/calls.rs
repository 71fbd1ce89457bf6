//! How Lambda is called: within its quota, and again when a write met another one.

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, output};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::Ctx;
use crate::observe::{self, Function, State};

/// Spreads the calls of all functions of a run over time. An account has 15 calls of the control plane a
/// second, all together but GetFunction, which has 100 of its own; the rest is left to others.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
#[derive(Debug)]
pub(crate) struct Quota(Mutex<Instant>);

const SPACING: Duration = Duration::from_millis(100);

impl Quota {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Waits for its turn.
    pub(crate) async fn turn(&self) {
        let mut next = self.0.lock().await;
        sleep_until(*next).await;
        *next = Instant::now() + SPACING;
    }
}

/// How often it is looked whether Lambda has settled: mostly it takes about a second.
pub(crate) const PACE: Pace =
    Pace { early: Duration::from_millis(500), late: Duration::from_secs(3) };

/// Calls, and calls again while what is wrong passes by itself. For what is safe to repeat as it is.
pub(crate) async fn repeated<T>(
    ctx: &Ctx,
    mut call: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = ctx.deadline();
    let found = poll(&deadline, PACE, async || call().await.map(Some)).await?;
    found.ok_or_else(|| deadline.exceeded("Lambda did not answer").into())
}

/// All of a list. `page` asks for a page by its marker, and returns the marker of the next.
pub(crate) async fn listed<T>(
    ctx: &Ctx,
    mut page: impl AsyncFnMut(Option<String>) -> anyhow::Result<(Vec<T>, Option<String>)>,
) -> anyhow::Result<Vec<T>> {
    let mut all = Vec::new();
    let mut marker = None;
    loop {
        let (items, next) = repeated(ctx, async || {
            ctx.quota.turn().await;
            page(marker.clone()).await
        })
        .await?;
        all.extend(items);
        marker = next.filter(|next| !next.is_empty());
        if marker.is_none() {
            return Ok(all);
        }
    }
}

/// What came of a call that writes.
pub(crate) struct Attempt<T> {
    pub(crate) result: anyhow::Result<T>,
    pub(crate) refusal: Option<Refusal>,
}

/// Why Lambda refused a write, where that is not the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Another write is under way, or it is there already.
    Conflict,
    /// It is not any more what it was when it was read.
    Stale,
    /// It is not there.
    Missing,
    /// A role that was just made is not known everywhere yet.
    RoleNotReady,
}

/// Tells what came of a call; `understand` gives the error its meaning.
pub(crate) fn attempt<T, E: ProvideErrorMetadata>(
    sent: Result<T, SdkError<E, HttpResponse>>,
    understand: impl FnOnce(Result<T, SdkError<E, HttpResponse>>) -> anyhow::Result<T>,
) -> Attempt<T> {
    let refusal = sent.as_ref().err().and_then(|err| {
        let cannot_be_assumed =
            || err.message().is_some_and(|message| message.contains("cannot be assumed by Lambda"));
        match err.code()? {
            "ResourceConflictException" => Some(Refusal::Conflict),
            "PreconditionFailedException" => Some(Refusal::Stale),
            "ResourceNotFoundException" => Some(Refusal::Missing),
            "InvalidParameterValueException" if cannot_be_assumed() => Some(Refusal::RoleNotReady),
            _ => None,
        }
    });
    Attempt { result: understand(sent), refusal }
}

impl<T> Attempt<T> {
    /// Whether the same call may do better, once it is known what became of this one.
    pub(crate) fn may_be_repeated(&self) -> bool {
        let is_transient =
            || self.result.as_ref().err().and_then(Fail::of).is_some_and(Fail::is_transient);
        matches!(self.refusal, Some(Refusal::Conflict | Refusal::Stale | Refusal::RoleNotReady))
            || is_transient()
    }
}

/// The pauses between the attempts of one write, and its end.
pub(crate) struct Patience {
    deadline: Deadline,
    attempts: u32,
}

impl Patience {
    pub(crate) fn new(ctx: &Ctx) -> Self {
        Self { deadline: ctx.deadline(), attempts: 0 }
    }

    /// Pauses before the next attempt, or gives up with the error of the last one.
    pub(crate) async fn pause(&mut self, err: anyhow::Error) -> anyhow::Result<()> {
        if self.deadline.has_passed() {
            return Err(err);
        }
        output::warn(format!("{err:#}; trying again"));
        let pause = Duration::from_millis(500) * 2_u32.pow(self.attempts.min(4));
        self.attempts += 1;
        sleep(pause.min(self.deadline.remaining())).await;
        Ok(())
    }
}

/// A write on the unpublished function, guarded by its revision.
///
/// When it is refused, or its answer is lost, the function is read again: it may be as it should be
/// (the write was done), as it was (it is written again), or something else (another run).
///
/// # Errors
/// Exit 7: another run changed the function. Exit 1: Lambda took the write and then failed.
pub(crate) async fn write(
    ctx: &Ctx,
    name: &str,
    base: &Function,
    is_done: impl Fn(&Function) -> bool,
    mut call: impl AsyncFnMut(&str) -> Attempt<()>,
) -> anyhow::Result<Function> {
    let mut patience = Patience::new(ctx);
    let mut revision = base.revision.clone();
    loop {
        let attempt = call(&revision).await;
        let may_be_repeated = attempt.may_be_repeated();
        let Err(err) = attempt.result else { break };
        if !may_be_repeated {
            return Err(err);
        }
        patience.pause(err).await?;
        let now = observe::settled(ctx, name, None).await?;
        if is_done(&now) {
            break;
        }
        if !now.is_same(base) {
            return Err(superseded(name).into());
        }
        revision = now.revision;
    }
    let after = observe::settled(ctx, name, None).await?;
    if let State::Failed(why) = &after.state {
        return Err(Fail::new(Exit::Failed, format!("Lambda could not update {name}: {why}"))
            .help("mend the cause and run the step again; the alias was not moved")
            .into());
    }
    if !is_done(&after) {
        return Err(superseded(name).into());
    }
    Ok(after)
}

/// The error of a run whose function another one changed.
pub(crate) fn superseded(name: &str) -> Fail {
    Fail::new(Exit::Superseded, format!("{name} was changed by another run meanwhile"))
        .help("look at the other run; if it was none of yours, run this one again")
}
