//! Deploys an image, pinned by its digest, to services on Fargate, and tells what really runs.
//!
//! "Green pipeline, old code" cannot happen here: a deployment that ECS rolled back is a failure
//! (exit 6), one that a newer pipeline replaced is told apart from it (exit 7), and a success is
//! proven by the digests of the tasks that run.

mod after;
mod apply;
mod codedeploy;
mod definition;
mod diff;
mod failure;
mod image;
mod observe;
mod plan;
mod preflight;
mod report;
mod run_task;
mod settings;
mod watch;

#[cfg(test)]
mod recorded;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use aws_config::{Region, SdkConfig};
use futures_util::future::{join_all, try_join_all};
use landfall_toml::{Busy, Config, Needs};
use step_aws::{Aws, Guarded};
use step_core::handover::{self, Deployment, Handover};
use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, hold_interrupt, on_interrupt, output};

pub use failure::Failure;
pub use plan::Change;
pub use preflight::{Check, Found};
pub use report::{Deployed, Done, Outcome, RanTask, UnitReport, Verified};
pub use settings::Args;

use after::Objection;
use apply::Begun;
use codedeploy::Shift;
use definition::Definition;
use observe::{Current, Observed, Service};
use run_task::Program;
use settings::{Base, Command, Settings, Target, Unit};
use watch::{Ended, Watched};

/// Everything that a run needs.
#[derive(Debug)]
pub struct Ctx {
    aws: Aws,
    ecs: aws_sdk_ecs::Client,
    code_deploy: aws_sdk_codedeploy::Client,
    events: aws_sdk_eventbridge::Client,
    balancers: aws_sdk_elasticloadbalancingv2::Client,
    iam: aws_sdk_iam::Client,
    settings: Settings,
    command: Option<Command>,
    deadline: Deadline,
    /// One of several services failed: the others need not go on.
    gave_up: AtomicBool,
}

impl Ctx {
    /// Resolves what is desired and connects to AWS.
    ///
    /// # Errors
    /// Exit 2: no image, cluster or service is named, or a file is not what it should be.
    pub async fn connect(args: &Args) -> anyhow::Result<Self> {
        let config = Config::load(&args.common)?;
        let environment = config.environment(&args.common, Needs::Environment)?;
        let settings = args.settings(&environment)?;
        let aws = Aws::connect(&args.aws, &environment, &args.common).await?;
        Ok(Self::new(aws, settings, args.command.clone()))
    }

    fn new(aws: Aws, settings: Settings, command: Option<Command>) -> Self {
        let config = aws.config();
        Self {
            ecs: aws_sdk_ecs::Client::new(config),
            code_deploy: aws_sdk_codedeploy::Client::new(config),
            events: aws_sdk_eventbridge::Client::new(config),
            balancers: aws_sdk_elasticloadbalancingv2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            deadline: Deadline::after(settings.timeout),
            aws,
            settings,
            command,
            gave_up: AtomicBool::new(false),
        }
    }

    /// The configuration for another region than the step's own, where one is named.
    fn config_in(&self, region: Option<&str>) -> SdkConfig {
        let own = self.aws.config();
        match region.map(|region| Region::new(region.to_owned())) {
            Some(region) => own.clone().into_builder().region(region).build(),
            None => own.clone(),
        }
    }

    /// The logs of a region; those of the step's own when none is named.
    fn logs_in(&self, region: Option<&str>) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config_in(region))
    }

    /// The registry of a region.
    fn ecr_in(&self, region: Option<&str>) -> aws_sdk_ecr::Client {
        aws_sdk_ecr::Client::new(&self.config_in(region))
    }

    /// What stands before the lines of a unit, where there are several.
    fn prefix(&self, unit: &Unit) -> String {
        if self.settings.units.len() > 1 { format!("{}: ", unit.name) } else { String::new() }
    }

    fn give_up(&self) {
        self.gave_up.store(true, Ordering::Relaxed);
    }

    fn has_given_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }
}

/// A unit with what is, what is desired, and the difference.
#[derive(Debug)]
pub(crate) struct Planned {
    unit: Unit,
    observed: Observed,
    definition: Definition,
    /// The container that the deployment is about.
    container: Option<String>,
    changes: Vec<Change>,
    /// ARN of the definition, when it is registered already.
    registered: Option<String>,
}

impl Planned {
    /// Where the definition comes from, for messages.
    fn origin(&self) -> String {
        match &self.unit.base {
            Base::File(path, _) => path.display().to_string(),
            Base::Current | Base::Family(_) => {
                format!("the task definition {}", self.observed.definition().title())
            }
        }
    }

    fn image(&self) -> Option<&str> {
        self.container.as_deref().and_then(|container| self.definition.image(container))
    }
}

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. That a deployment was rolled back, failed, timed out or
/// was superseded is in the report, not an error of this function.
pub async fn run(ctx: &Ctx) -> anyhow::Result<Done> {
    let result = match &ctx.command {
        None if ctx.settings.wait_only.is_some() => {
            wait_only(ctx).await.and_then(|report| hand_over(ctx, report)).map(Done::Deployed)
        }
        None => deploy(ctx).await.map(Done::Deployed),
        Some(Command::Verify { .. }) => verify(ctx).await.map(Done::Verified),
        Some(Command::RunTask { program, .. }) => run_once(ctx, program).await.map(Done::Ran),
        Some(Command::Rollback { to }) => roll_back(ctx, to.as_deref()).await.map(Done::Deployed),
        Some(Command::Continue) => go_on(ctx).await.map(Done::Deployed),
    };
    // What became of the deployment counts; that a file cannot be written must not hide it.
    if let Err(err) = report::write_files(&ctx.settings, &result) {
        output::warn(format!("{err:#}"));
    }
    result
}

/// Brings the image into the services, and tells the next step.
async fn deploy(ctx: &Ctx) -> anyhow::Result<Deployed> {
    let report = bring(ctx, handover::prepare).await?;
    let mut report = hand_over(ctx, report)?;
    if report.outcome == Outcome::Unchanged && !ctx.settings.dry_run {
        // Nothing was deployed that could go back.
        report.after = after::run(ctx).await;
    }
    Ok(report)
}

/// Brings the image into the services. `prepare` comes before the first write.
async fn bring(
    ctx: &Ctx,
    prepare: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Deployed> {
    let guarded = ctx.aws.guard().await?;
    let mut planned = plan_all(ctx).await?;
    if !ctx.settings.dry_run && make_way(ctx, &guarded, &planned).await? {
        planned = plan_all(ctx).await?;
    }
    if planned.iter().all(|one| one.changes.is_empty()) {
        let units = planned.iter().map(|one| unit(one, Outcome::Unchanged)).collect();
        return Ok(Deployed::new(units, false));
    }
    let admitted = admit(ctx, &planned);
    if ctx.settings.dry_run {
        if let Err(err) = admitted {
            output::warn(format!("it would be refused: {err:#}"));
        }
        let outcome = |one: &Planned| {
            if one.changes.is_empty() { Outcome::Unchanged } else { Outcome::Planned }
        };
        let units = planned.iter().map(|one| unit(one, outcome(one))).collect();
        return Ok(Deployed::new(units, ctx.settings.check));
    }
    admitted?;
    tell_changes(ctx, &planned);
    if planned.iter().any(|one| plan::writes(&one.changes)) {
        preflight::require(ctx, &planned).await?;
        prepare()?;
        run_before(ctx, &guarded, &mut planned).await?;
    }
    carry_out(ctx, &guarded, &planned).await
}

/// The gate: an image that has to have passed its checks elsewhere is not deployed without.
///
/// # Errors
/// Exit 8: there is no verdict that admits it.
fn admit(ctx: &Ctx, planned: &[Planned]) -> anyhow::Result<()> {
    let Some(environment) = &ctx.settings.require_verdict else { return Ok(()) };
    let verdict = verdict::Verdict::read(&ctx.settings.verdict)?;
    for one in planned.iter().filter(|one| plan::writes(&one.changes)) {
        let container = one.definition.container(one.container.as_deref())?;
        let image = one.definition.image(&container).unwrap_or_default();
        let digest = verdict::digest_of(image).unwrap_or_default();
        verdict.admits(digest, environment, ctx.settings.verdict_key.as_ref())?;
    }
    output::say(format!("  passed in {environment}, as {} says", ctx.settings.verdict.display()));
    Ok(())
}

/// Looks at all that a deployment needs.
async fn verify(ctx: &Ctx) -> anyhow::Result<Verified> {
    ctx.aws.guard().await?;
    let planned = plan_all(ctx).await?;
    for one in &planned {
        if let Observed::Service(Current { service, .. }) = &one.observed
            && service.is_deploying()
        {
            output::warn(format!("{} is deploying {}", service.name, service.task_definition));
        }
    }
    Ok(Verified { checks: preflight::checks(ctx, &planned).await })
}

/// Runs a program once.
async fn run_once(ctx: &Ctx, program: &[String]) -> anyhow::Result<RanTask> {
    let guarded = ctx.aws.guard().await?;
    let unit = services(ctx)?.into_iter().next().context("a service that is named")?;
    if ctx.settings.dry_run {
        return Err(Fail::invalid("run-task cannot tell what the program would do")
            .help("leave --dry-run out, or let the program itself show what it would do")
            .into());
    }
    let mut one = plan_one(ctx, unit).await?;
    preflight::require(ctx, std::slice::from_ref(&one)).await?;
    run_in(ctx, &guarded, &mut one, program).await
}

/// Goes back to the revision that ran before.
async fn roll_back(ctx: &Ctx, to: Option<&str>) -> anyhow::Result<Deployed> {
    let guarded = ctx.aws.guard().await?;
    let mut planned = Vec::new();
    let mut shifts = Vec::new();
    for unit in services(ctx)? {
        let observed = observe::observed(ctx, unit).await?;
        let Observed::Service(Current { service, .. }) = &observed else { continue };
        observe::refuse_controller(service)?;
        if service.is_of_code_deploy()
            && to.is_none()
            && let Some(shift) = codedeploy::resume(ctx, unit, service, None).await?
        {
            shifts.push((watching(unit, &observed), shift));
            continue;
        }
        let target = match to {
            Some(to) => to.to_owned(),
            None => previous(ctx, service).await?,
        };
        let definition = observe::definition(ctx, &target).await?;
        if !definition.is_active() {
            return Err(Fail::invalid(format!(
                "{target} is deregistered, no task can be started with it"
            ))
            .help("choose another with --to")
            .into());
        }
        let target = definition.arn().unwrap_or(&target).to_owned();
        let changes = plan::revert(service, &target);
        let container = definition.container(unit.container.as_deref()).ok();
        let unit = unit.clone();
        planned.push(Planned { unit, observed, definition, container, changes, registered: None });
    }
    let outcome = |one: &Planned| match (one.changes.is_empty(), ctx.settings.dry_run) {
        (true, _) => Some(Outcome::Unchanged),
        (false, true) => Some(Outcome::Planned),
        (false, false) => None,
    };
    let outcomes: Option<Vec<Outcome>> = planned.iter().map(outcome).collect();
    if let Some(outcomes) = outcomes.filter(|_| shifts.is_empty() || ctx.settings.dry_run) {
        let shifts = shifts.iter().map(|(one, _)| unit(one, Outcome::Planned));
        let units = planned.iter().zip(outcomes).map(|(one, outcome)| unit(one, outcome));
        return Ok(Deployed::new(shifts.chain(units).collect(), ctx.settings.check));
    }
    tell_changes(ctx, &planned);
    handover::prepare()?;
    let mut units = Vec::new();
    for (one, shift) in shifts {
        units.push(stop_shift(ctx, &guarded, &one, shift).await?);
    }
    for one in &planned {
        stop_under_way(ctx, &guarded, one).await?;
    }
    let report = carry_out(ctx, &guarded, &planned).await?;
    units.extend(report.services);
    hand_over(ctx, Deployed { after: report.after, ..Deployed::new(units, false) })
}

/// Stops a deployment of CodeDeploy that is under way, which is all that there is to go back from.
async fn stop_shift(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &Planned,
    shift: Shift,
) -> anyhow::Result<UnitReport> {
    let ended = codedeploy::go_back(ctx, guarded, &shift, None).await?;
    let ended = match ended {
        // That is what was asked for.
        Ended::RolledBack(None) => Ended::Deployed,
        ended => ended,
    };
    let begun = Begun::Shift(Box::new(shift));
    let mut report = ended_unit(ctx, planned, None, ended).await;
    report.deployment = deployment_id(&begun);
    Ok(report)
}

/// A deployment that waits for somebody.
enum Waiting {
    Service(Box<Watched>, observe::Paused),
    Shift(Box<Shift>),
}

/// Continues what pauses at a hook, and waits for its end.
async fn go_on(ctx: &Ctx) -> anyhow::Result<Deployed> {
    let guarded = ctx.aws.guard().await?;
    let mut waiting = Vec::new();
    for unit_of in services(ctx)? {
        let observed = observe::observed(ctx, unit_of).await?;
        let Observed::Service(Current { service, definition }) = &observed else { continue };
        if service.is_of_code_deploy() {
            if let Some(shift) = codedeploy::resume(ctx, unit_of, service, None).await?
                && codedeploy::is_waiting(ctx, &shift).await?
            {
                waiting.push((watching(unit_of, &observed), Waiting::Shift(Box::new(shift))));
            }
            continue;
        }
        let mut watched = under_way(ctx, unit_of, service, definition)?;
        if let Some(paused) = watched.find(ctx).await?.and_then(|rollout| rollout.paused) {
            let waits = Waiting::Service(Box::new(watched), paused);
            waiting.push((watching(unit_of, &observed), waits));
        }
    }
    if waiting.is_empty() {
        return Err(Fail::invalid("no deployment waits at a hook")
            .help("look at the service in ECS; `deploy-fargate --wait-only ID` waits for a deployment")
            .into());
    }
    if ctx.settings.dry_run {
        let units = waiting.iter().map(|(planned, _)| unit(planned, Outcome::Planned)).collect();
        return Ok(Deployed::new(units, ctx.settings.check));
    }
    let _held = ctx.settings.rollback_on_cancel.then(hold_interrupt);
    let (planned, waiting): (Vec<Planned>, Vec<Waiting>) = waiting.into_iter().unzip();
    let courses = join_all(waiting.into_iter().map(async |waits| {
        let (answered, begun) = match waits {
            Waiting::Service(watched, paused) => {
                (apply::answer(ctx, &guarded, &paused, true).await, Begun::Service(watched))
            }
            Waiting::Shift(shift) => {
                (codedeploy::answer(ctx, &guarded, &shift, true).await, Begun::Shift(shift))
            }
        };
        match answered {
            Ok(()) => follow(ctx, &guarded, begun).await,
            Err(err) => Course::refused(ctx, err),
        }
    }));
    let units = conclude(ctx, &guarded, &planned, courses.await, None).await?;
    Ok(Deployed::new(units, false))
}

/// Waits for the end of a deployment that another run began, and writes nothing.
async fn wait_only(ctx: &Ctx) -> anyhow::Result<Deployed> {
    let guarded = ctx.aws.guard().await?;
    let wanted = ctx.settings.wait_only.as_deref().unwrap_or_default();
    let mut known = Vec::new();
    for unit_of in services(ctx)? {
        let observed = observe::observed(ctx, unit_of).await?;
        let Observed::Service(Current { service, .. }) = &observed else { continue };
        let mut begun = if service.is_of_code_deploy() {
            let shift = codedeploy::resume(ctx, unit_of, service, Some(wanted)).await?;
            Begun::Shift(Box::new(shift.context("a deployment that is named")?))
        } else if let Some(ours) = service.deployments.iter().find(|one| one.id == wanted) {
            let definition = observe::definition(ctx, &ours.task_definition).await?;
            let (prefix, before) = (ctx.prefix(unit_of), service.clone());
            Begun::Service(Box::new(Watched::new(prefix, before, ours.clone(), definition)))
        } else {
            known.extend(service.deployments.iter().map(|one| one.id.clone()));
            continue;
        };
        let planned = watching(unit_of, &observed);
        apply::advise(ctx, &begun);
        let ended = apply::follow(ctx, &guarded, &mut begun).await?;
        on_interrupt("");
        let unit = ended_unit(ctx, &planned, Some(&begun), ended).await;
        return Ok(Deployed::new(vec![unit], false));
    }
    Err(Fail::invalid(format!("there is no deployment {wanted} (any more)"))
        .help(format!("there are: {}", known.join(", ")))
        .into())
}

/// Reads what is and compares it with what is desired.
async fn plan_all(ctx: &Ctx) -> anyhow::Result<Vec<Planned>> {
    try_join_all(ctx.settings.units.iter().map(|unit| plan_one(ctx, unit))).await
}

async fn plan_one(ctx: &Ctx, unit: &Unit) -> anyhow::Result<Planned> {
    let image = unit.image.as_deref().unwrap_or("the task definition");
    let place = match &unit.target {
        Target::Service(name) => format!("{}/{name}", unit.cluster),
        Target::Rule(name) => format!("the rule {name}"),
    };
    output::say(format!("{image} to {place}"));
    let observed = observe::observed(ctx, unit).await?;
    if let Observed::Service(Current { service, .. }) = &observed {
        observe::refuse_controller(service)?;
    }
    let base = observe::base(ctx, unit, &observed).await?;
    let (desired, container) = plan::desired(unit, &base, observed.definition())?;
    let definition = observe::pin(ctx, unit, container.as_deref(), desired).await?;
    let changes = plan::plan(unit, &observed, &definition);
    Ok(Planned { unit: unit.clone(), observed, definition, container, changes, registered: None })
}

/// Deals with what services are deploying already. `true` when it was waited for, so that what is
/// has to be read again.
async fn make_way(ctx: &Ctx, guarded: &Guarded, planned: &[Planned]) -> anyhow::Result<bool> {
    let mut has_waited = false;
    for one in planned.iter().filter(|one| plan::writes(&one.changes)) {
        let Observed::Service(Current { service, .. }) = &one.observed else { continue };
        if service.is_of_code_deploy() {
            has_waited |= codedeploy::make_way(ctx, guarded, one, service).await?;
            continue;
        }
        if !service.is_deploying() {
            continue;
        }
        match ctx.settings.busy {
            Busy::TakeOver => output::warn(format!(
                "{} is deploying {}: it is replaced",
                service.name, service.task_definition
            )),
            Busy::Wait => {
                watch::until_idle(ctx, service).await?;
                has_waited = true;
            }
            Busy::Refuse => {
                let message = format!("{} is deploying {}", service.name, service.task_definition);
                return Err(Fail::new(Exit::Refused, message)
                    .help("wait for its end, or use --busy wait or take-over")
                    .into());
            }
        }
    }
    Ok(has_waited)
}

fn tell_changes(ctx: &Ctx, planned: &[Planned]) {
    for one in planned {
        let prefix = ctx.prefix(&one.unit);
        one.changes.iter().for_each(|change| output::say(format!("  {prefix}{change}")));
    }
}

/// Runs the programs that have to succeed before anything changes.
async fn run_before(ctx: &Ctx, guarded: &Guarded, planned: &mut [Planned]) -> anyhow::Result<()> {
    if ctx.settings.before.is_empty() {
        return Ok(());
    }
    let one = first_service(planned)?;
    for program in &ctx.settings.before {
        let ran = run_in(ctx, guarded, one, program).await?;
        step_core::Report::verdict(&ran)?;
    }
    Ok(())
}

/// Runs a program in the desired definition, which is registered for it unless it is what runs.
async fn run_in(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &mut Planned,
    command: &[String],
) -> anyhow::Result<RanTask> {
    let changes = planned.changes.iter().any(|change| matches!(change, Change::Revision { .. }));
    if changes && planned.registered.is_none() {
        planned.registered = Some(apply::register(ctx, guarded, planned).await?);
    }
    let Observed::Service(Current { service, .. }) = &planned.observed else {
        anyhow::bail!("a rule has no network to run a task in")
    };
    let container = match &planned.container {
        Some(container) => container.clone(),
        None => planned.definition.container(planned.unit.container.as_deref())?,
    };
    let program = Program {
        service,
        definition: &planned.definition,
        revision: planned.registered.as_deref().unwrap_or(&service.task_definition),
        container: &container,
        command,
    };
    run_task::execute(ctx, guarded, &program).await
}

/// How the deployment of a unit went.
enum Course {
    /// Nothing was begun: there was nothing to do, or another unit is in the way.
    Idle,
    /// It could not be begun.
    Refused(anyhow::Error),
    /// It was begun, and followed to its end where that was possible.
    Begun(Begun, anyhow::Result<Ended>),
}

impl Course {
    fn refused(ctx: &Ctx, err: anyhow::Error) -> Self {
        ctx.give_up();
        Course::Refused(err)
    }

    /// What it means for the other units; nothing when all is well.
    fn obstacle(&self) -> Option<Outcome> {
        match self {
            Course::Idle | Course::Begun(_, Ok(Ended::Deployed)) => None,
            Course::Begun(_, Ok(Ended::Superseded)) => Some(Outcome::Superseded),
            Course::Begun(_, Ok(Ended::TimedOut(_))) => Some(Outcome::TimedOut),
            Course::Refused(_) | Course::Begun(..) => Some(Outcome::RolledBack),
        }
    }
}

/// Executes the plans: services side by side, then rules. All are deployed, or all go back.
async fn carry_out(ctx: &Ctx, guarded: &Guarded, planned: &[Planned]) -> anyhow::Result<Deployed> {
    // To its very end: a cancelled job goes back first.
    let _held = ctx.settings.rollback_on_cancel.then(hold_interrupt);
    let has_after = !ctx.settings.after.is_empty();
    let before = if has_after { Deployment::receive()? } else { None };
    let section = output::section("Deploy");
    let is_rule = |one: &Planned| matches!(one.observed, Observed::Rule(_));
    let mut courses: Vec<Course> =
        join_all(planned.iter().map(|one| course(ctx, guarded, one, !is_rule(one)))).await;
    let obstacle = courses.iter().find_map(Course::obstacle);
    for (one, course_of) in planned.iter().zip(&mut courses).filter(|(one, _)| is_rule(one)) {
        let is_its_turn = obstacle.is_none() && !ctx.has_given_up();
        *course_of = course(ctx, guarded, one, is_its_turn).await;
    }
    drop(section);
    let objection = run_after(ctx, planned, &courses).await?;
    let (reason, kept) = match objection {
        Some(Objection { failure, goes_back: true }) => {
            ctx.give_up();
            (Some(failure), None)
        }
        kept => (None, kept.map(|kept| kept.failure)),
    };
    let units = conclude(ctx, guarded, planned, courses, reason.as_ref()).await?;
    // That it went back counts more.
    if reason.is_some()
        && let Err(err) = handed_over_again(before)
    {
        output::warn(format!("the next step finds what went back: {err:#}"));
    }
    Ok(Deployed { after: kept, ..Deployed::new(units, false) })
}

/// Runs what has to succeed after a deployment, once all runs.
async fn run_after(
    ctx: &Ctx,
    planned: &[Planned],
    courses: &[Course],
) -> anyhow::Result<Option<Objection>> {
    if ctx.settings.after.is_empty() || courses.iter().any(|course| course.obstacle().is_some()) {
        return Ok(None);
    }
    let mut units = Vec::new();
    for (one, course) in planned.iter().zip(courses) {
        units.push(match course {
            Course::Begun(begun, _) => ended_unit(ctx, one, Some(begun), Ended::Deployed).await,
            _ => unit(one, Outcome::Unchanged),
        });
    }
    hand_over(ctx, Deployed::new(units, false))?;
    Ok(after::objection(ctx).await)
}

/// The next step must not find what went back.
fn handed_over_again(before: Option<Deployment>) -> anyhow::Result<()> {
    match before {
        Some(before) => before.hand_over().map(drop),
        None => Deployment::take_back(),
    }
}

/// Waits until the job is cancelled, when it is to go back then.
pub(crate) async fn cancelled(ctx: &Ctx) {
    if ctx.settings.rollback_on_cancel {
        hold_interrupt().interrupted().await;
    } else {
        std::future::pending().await
    }
}

/// Deploys one unit.
async fn course(ctx: &Ctx, guarded: &Guarded, planned: &Planned, is_its_turn: bool) -> Course {
    if planned.changes.is_empty() || !is_its_turn {
        return Course::Idle;
    }
    match apply::begin(ctx, guarded, planned).await {
        Ok(begun) => follow(ctx, guarded, begun).await,
        Err(err) => Course::refused(ctx, err),
    }
}

/// Follows what was begun. The others need not go on when it fails.
async fn follow(ctx: &Ctx, guarded: &Guarded, mut begun: Begun) -> Course {
    apply::advise(ctx, &begun);
    let ended = apply::follow(ctx, guarded, &mut begun).await;
    if !matches!(ended, Ok(Ended::Deployed | Ended::TimedOut(_) | Ended::Superseded)) {
        ctx.give_up();
    }
    Course::Begun(begun, ended)
}

/// Takes back what has to go back, side by side, and reports what became of each unit.
///
/// # Errors
/// Why a unit that is alone could not be deployed or followed; of several the report tells.
async fn conclude(
    ctx: &Ctx,
    guarded: &Guarded,
    planned: &[Planned],
    courses: Vec<Course>,
    reason: Option<&Failure>,
) -> anyhow::Result<Vec<UnitReport>> {
    on_interrupt("");
    let is_alone = planned.len() == 1;
    let obstacle = courses.iter().filter_map(Course::obstacle).max();
    let each = planned.iter().zip(courses).map(async |(one, course)| {
        let (mut begun, ended) = match course {
            Course::Idle if one.changes.is_empty() => return Ok(unit(one, Outcome::Unchanged)),
            Course::Idle => return Ok(unit(one, obstacle.unwrap_or(Outcome::RolledBack))),
            Course::Refused(err) if is_alone => return Err(err),
            Course::Refused(err) => return Ok(broken(one, None, &err)),
            Course::Begun(_, Err(err)) if is_alone => return Err(err),
            Course::Begun(begun, ended) => (begun, ended),
        };
        let ended = match cause(ended, ctx.has_given_up(), reason) {
            Undo::Yes(failure) => apply::undo(ctx, guarded, one, &mut begun, failure).await,
            Undo::No(ended) => Ok(ended),
        };
        match ended {
            Ok(ended) => Ok(ended_unit(ctx, one, Some(&begun), ended).await),
            Err(err) if is_alone => Err(err),
            Err(err) => Ok(broken(one, Some(&begun), &err)),
        }
    });
    join_all(each).await.into_iter().collect()
}

/// Whether a unit has to go back.
enum Undo {
    Yes(Option<Failure>),
    No(Ended),
}

fn cause(ended: anyhow::Result<Ended>, another_failed: bool, reason: Option<&Failure>) -> Undo {
    match ended {
        Ok(Ended::Failed(failure)) => Undo::Yes(failure),
        Ok(Ended::Cancelled) => Undo::Yes(Some(Failure::of("the job was cancelled"))),
        Ok(Ended::Abandoned) => Undo::Yes(None),
        Ok(Ended::Deployed) if another_failed => Undo::Yes(reason.cloned()),
        Ok(ended) => Undo::No(ended),
        Err(err) => Undo::Yes(Some(Failure::of(format!("{err:#}")))),
    }
}

/// The revision to go back to: while a deployment is under way what it replaces, else the last one
/// that was deployed with success.
async fn previous(ctx: &Ctx, service: &Service) -> anyhow::Result<String> {
    let current = &service.task_definition;
    if service.last_good() != current {
        return Ok(service.last_good().to_owned());
    }
    let none = || {
        Fail::invalid(format!("{} has no revision to go back to", service.name))
            .help("name one with --to FAMILY:REVISION, or deploy the image that you want")
    };
    if let Some(found) = observe::last_successful(ctx, service, current).await? {
        return Ok(found);
    }
    let found = observe::newest_revision_before(ctx, current).await?.ok_or_else(none)?;
    output::warn(format!(
        "ECS has no history of deployments: going back to the revision before, {found}"
    ));
    Ok(found)
}

/// A deployment that is under way is stopped in order: ECS takes the traffic back first.
async fn stop_under_way(ctx: &Ctx, guarded: &Guarded, planned: &Planned) -> anyhow::Result<()> {
    let Observed::Service(Current { service, definition }) = &planned.observed else {
        return Ok(());
    };
    if service.is_deploying() && !service.is_rolling() {
        let mut watched = under_way(ctx, &planned.unit, service, definition)?;
        watched.find(ctx).await?;
        if apply::stop(ctx, guarded, &watched).await? {
            watch::until_idle(ctx, service).await?;
        }
    }
    Ok(())
}

/// The deployment of a service that is under way, or its last one.
fn under_way(
    ctx: &Ctx,
    unit: &Unit,
    service: &Service,
    definition: &Definition,
) -> anyhow::Result<Watched> {
    let newest =
        service.deployments.iter().filter(|one| one.rollout == observe::Rollout::InProgress);
    let newest = newest.max_by_key(|one| one.created.secs()).or_else(|| service.primary());
    let ours = newest.cloned().context("the service has no deployment")?;
    Ok(Watched::new(ctx.prefix(unit), service.clone(), ours, definition.clone()))
}

/// What is watched without a plan.
fn watching(unit: &Unit, observed: &Observed) -> Planned {
    let definition = observed.definition().clone();
    let container = definition.container(unit.container.as_deref()).ok();
    let (unit, observed) = (unit.clone(), observed.clone());
    Planned { unit, observed, definition, container, changes: Vec::new(), registered: None }
}

/// The units that are services; a rule has no deployments.
fn services(ctx: &Ctx) -> anyhow::Result<Vec<&Unit>> {
    let is_service = |unit: &&Unit| matches!(unit.target, Target::Service(_));
    let services: Vec<&Unit> = ctx.settings.units.iter().filter(is_service).collect();
    if services.is_empty() {
        return Err(Fail::invalid("no service is named")
            .help("rules have no deployments; name a service")
            .into());
    }
    Ok(services)
}

fn first_service(planned: &mut [Planned]) -> anyhow::Result<&mut Planned> {
    let found = planned.iter_mut().find(|one| matches!(one.observed, Observed::Service(_)));
    found.ok_or_else(|| {
        Fail::invalid("a task needs the network of a service, and none is named")
            .help("set `service` of the environment in landfall.toml")
            .into()
    })
}

/// The report of a unit for which nothing was done.
fn unit(planned: &Planned, outcome: Outcome) -> UnitReport {
    let (service, task_definition) = match &planned.observed {
        Observed::Service(Current { service, .. }) => {
            (service.arn.clone(), service.task_definition.clone())
        }
        Observed::Rule(schedule) => (schedule.rule.clone(), schedule.task_definition().to_owned()),
    };
    let current = planned.observed.definition();
    let container = planned.container.as_deref();
    UnitReport {
        name: planned.unit.name.clone(),
        outcome,
        cluster: planned.unit.cluster.clone(),
        service,
        is_rule: matches!(planned.observed, Observed::Rule(_)),
        task_definition,
        image: container.and_then(|container| current.image(container)).map(str::to_owned),
        deployment: None,
        changes: planned.changes.clone(),
        failure: None,
        error: None,
    }
}

/// The report of a unit that could not be followed to its end.
fn broken(planned: &Planned, begun: Option<&Begun>, err: &anyhow::Error) -> UnitReport {
    let fail = Fail::of(err);
    let message = format!("{err:#}");
    let exit = fail.map_or(Exit::Failed, Fail::exit);
    let help = fail.and_then(Fail::help_text).unwrap_or("run the step again").to_owned();
    UnitReport {
        deployment: begun.and_then(deployment_id),
        failure: Some(Failure::of(&message)),
        error: Some(Fail::new(exit, message).help(help)),
        ..unit(planned, Outcome::Failed)
    }
}

/// The report of a unit that ended, with what runs now.
async fn ended_unit(
    ctx: &Ctx,
    planned: &Planned,
    begun: Option<&Begun>,
    ended: Ended,
) -> UnitReport {
    let (outcome, failure) = match ended {
        Ended::Deployed => (Outcome::Deployed, None),
        Ended::RolledBack(failure) => (Outcome::RolledBack, failure),
        Ended::Failed(failure) => (Outcome::Failed, failure),
        Ended::TimedOut(failure) => (Outcome::TimedOut, failure),
        Ended::Superseded => (Outcome::Superseded, None),
        Ended::Cancelled | Ended::Abandoned | Ended::Paused(_) => (Outcome::Failed, None),
    };
    let mut report =
        UnitReport { failure, deployment: begun.and_then(deployment_id), ..unit(planned, outcome) };
    match begun {
        Some(Begun::Service(watched)) if outcome == Outcome::Deployed => {
            report.task_definition = watched.ours.task_definition.clone();
            let image =
                planned.container.as_deref().and_then(|name| watched.definition.image(name));
            report.image = image.map(str::to_owned);
        }
        Some(Begun::Shift(shift)) if outcome == Outcome::Deployed => {
            report.task_definition = shift.revision.clone();
            let image = planned.container.as_deref().and_then(|name| shift.definition.image(name));
            report.image = image.map(str::to_owned);
        }
        Some(Begun::Rule { task_definition }) if outcome == Outcome::Deployed => {
            report.task_definition = task_definition.clone();
            report.image = planned.image().map(str::to_owned);
        }
        // What runs now is what counts; if it cannot be read, what ran before is the best guess.
        _ => {
            if let Ok(now) = observe::observed(ctx, &planned.unit).await {
                let now = Planned { observed: now, ..watching(&planned.unit, &planned.observed) };
                let now = unit(&now, outcome);
                report.task_definition = now.task_definition;
                report.image = now.image;
            }
        }
    }
    report
}

fn deployment_id(begun: &Begun) -> Option<String> {
    match begun {
        Begun::Service(watched) => Some(watched.ours.id.clone()),
        Begun::Shift(shift) => Some(shift.id.clone()),
        Begun::Rule { .. } => None,
    }
}

/// Tells the next step what runs, if it is what was asked for.
fn hand_over(ctx: &Ctx, report: Deployed) -> anyhow::Result<Deployed> {
    let is_good = matches!(report.outcome, Outcome::Deployed | Outcome::Unchanged);
    let first = report.services.iter().find(|unit| !unit.is_rule);
    if let (false, true, Some(unit)) = (ctx.settings.dry_run, is_good, first) {
        Deployment {
            env: ctx.settings.env.clone(),
            service: unit.service.clone(),
            task_definition: unit.task_definition.clone(),
            image: unit.image.clone().unwrap_or_default(),
            revision: ctx.settings.revision.clone(),
        }
        .hand_over()?;
    }
    Ok(report)
}

/// Repeats a call that failed in passing: what is begun is not to be left because the network is gone
/// for a minute.
///
/// # Errors
/// The first error that will not pass by itself, or the last one when it lasts too long.
pub(crate) async fn patiently<T>(
    ctx: &Ctx,
    mut call: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Deadline::after(ctx.deadline.remaining().clamp(PATIENCE.0, PATIENCE.1));
    let done = poll(&deadline, Pace::SERVICE, async || call().await.map(Some)).await?;
    done.context("a call that neither ended nor failed")
}

/// The least and the most that a call is repeated for.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(150));
