//! Brings a function to what is desired: the runbook of `deploy`.

use step_aws::Guarded;
use step_core::{Exit, Fail, output};

use crate::observe::{self, Function, Live, State};
use crate::pack;
use crate::plan::{self, Change, Code};
use crate::report::{Delivered, Outcome};
use crate::settings::{Desired, Source};
use crate::shift::{self, Ended};
use crate::storage::{self, Upload};
use crate::{Ctx, apply, check, versions};

/// Compares, writes configuration and code, publishes, checks, and moves the alias.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. That a check failed or the alias went back is in the report,
/// not an error of this function.
pub(crate) async fn deliver(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
) -> anyhow::Result<Delivered> {
    let name = &desired.function;
    let live = match &desired.alias {
        Some(alias) => observe::live(ctx, name, alias).await?,
        None => None,
    };
    let mut latest = None;
    if live.is_none() {
        latest = observe::function(ctx, name, None).await?;
    }
    let known = live.as_ref().map(|live| &live.version).or(latest.as_ref());
    let packed = Packed::of(desired, known).await?;
    let code = &packed.code;
    let mut report = Delivered::new(name, desired.alias.as_deref());
    report.version = live.as_ref().map(|live| live.alias.version.clone());
    report.code_sha256 = packed.code_sha256();
    if live.as_ref().is_some_and(|live| plan::is_served(desired, code, live)) {
        return Ok(report.ended(Outcome::Unchanged));
    }
    if live.is_some() {
        latest = observe::function(ctx, name, None).await?;
    }
    if !ctx.dry_run && latest.as_ref().is_some_and(|latest| latest.state == State::Settling) {
        output::say(format!("  {name}: waiting for a change that is under way"));
        latest = Some(observe::settled(ctx, name, None).await?);
    }
    let alias = live.as_ref().map(|live| &live.alias);
    report.changes = plan::plan(desired, code, alias, latest.as_ref())?;
    if report.changes.is_empty() {
        return Ok(report.ended(Outcome::Unchanged));
    }
    if latest.is_none() {
        plan::new_configuration(desired, code)?;
    }
    if ctx.dry_run {
        return Ok(report.ended(Outcome::Planned));
    }
    report.changes.iter().for_each(|change| output::say(format!("  {name}: {change}")));
    let upload = packed.upload(ctx, guarded, desired, &report.changes).await?;
    let latest =
        apply::apply(ctx, guarded, desired, code, &upload, &report.changes, latest.as_ref())
            .await?;
    let Some(alias) = &desired.alias else { return Ok(report.ended(Outcome::Deployed)) };
    let version = apply::publish(ctx, guarded, desired, &latest).await?;
    if let Some(fault) = check::invoke(ctx, &desired.check, name, &version).await? {
        let failure = format!("version {} of {name} is not good: {fault}", version.version);
        let help = "the alias was not moved; mend the cause and deploy again";
        return Ok(report.ended(Outcome::Ended(Exit::Negative)).because(failure, help));
    }
    match shift::shift(ctx, guarded, desired, alias, live.as_ref(), &version).await? {
        Ended::Moved => served(ctx, guarded, desired, code, &live, &version, report).await,
        Ended::WentBack(fault) => {
            let failure = format!("version {} of {name} is not good: {fault}", version.version);
            let help = "the alias is back at the version before; mend the cause and deploy again";
            Ok(report.ended(Outcome::Ended(Exit::RolledBack)).because(failure, help))
        }
    }
}

/// Looks again, to be sure, and deletes old versions.
async fn served(
    ctx: &Ctx,
    guarded: &Guarded,
    desired: &Desired,
    code: &Code,
    before: &Option<Live>,
    version: &Function,
    mut report: Delivered,
) -> anyhow::Result<Delivered> {
    let (name, alias) = (&desired.function, desired.alias.as_deref().unwrap_or_default());
    let after = observe::live(ctx, name, alias).await?;
    let after = after.filter(|after| {
        after.alias.version == version.version && plan::is_served(desired, code, after)
    });
    if after.is_none() {
        let message = format!("the alias {alias} of {name} changed again right after it was moved");
        return Err(Fail::new(Exit::Superseded, message)
            .help("another run deploys the same function; run this one again")
            .into());
    }
    let previous = before.as_ref().map(|before| before.alias.version.clone());
    report.previous = previous.filter(|previous| *previous != version.version);
    report.version = Some(version.version.clone());
    if let Some(keep) = desired.keep {
        // What was asked for is done: what cannot be deleted does not undo it.
        match versions::prune(ctx, guarded, name, keep).await {
            Ok(pruned) => report.changes.extend(pruned.changes),
            Err(err) => output::warn(format!("old versions of {name} stay: {err:#}")),
        }
    }
    Ok(report.ended(Outcome::Deployed))
}

/// The code as it would be uploaded.
struct Packed {
    code: Code,
    package: Option<lambda_package::Package>,
}

impl Packed {
    async fn of(desired: &Desired, known: Option<&Function>) -> anyhow::Result<Self> {
        match &desired.source {
            Source::Image(image) => Ok(Self { code: Code::Image(image.clone()), package: None }),
            Source::Path(path) => {
                let current =
                    known.map(|known| (&known.configuration, known.architecture.as_str()));
                let package = pack::pack(path, &desired.configuration, current, None).await?;
                let code =
                    Code::Zip { sha256: package.code_sha256().to_owned(), size: package.zipped() };
                Ok(Self { code, package: Some(package) })
            }
        }
    }

    fn code_sha256(&self) -> Option<String> {
        self.package.as_ref().map(|package| package.code_sha256().to_owned())
    }

    /// Where Lambda gets the code from; it is brought to S3 only if it is to be written.
    async fn upload(
        &self,
        ctx: &Ctx,
        guarded: &Guarded,
        desired: &Desired,
        changes: &[Change],
    ) -> anyhow::Result<Upload> {
        let is_written = changes.iter().any(|change| {
            matches!(change, Change::Create { .. } | Change::Code { .. } | Change::Retry { .. })
        });
        match (&self.package, &self.code) {
            (Some(package), _) if is_written => {
                storage::upload(ctx, guarded, &desired.function, package).await
            }
            (_, Code::Image(image)) => Ok(Upload::Image(image.clone())),
            _ => Ok(Upload::Direct(Vec::new())),
        }
    }
}
