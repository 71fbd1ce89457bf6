//! Follows a deployment to its end. Only reads.

use std::collections::HashSet;
use std::time::Duration;

use step_core::poll::{Deadline, Pace, poll};
use step_core::{Exit, Fail, on_interrupt, output};
use tokio::time::{Instant, sleep_until};
use verdict::digest_of;

use crate::definition::Definition;
use crate::failure::{Class, Failure, classify};
use crate::observe::{self, Deployment, Paused, Rollout, Service, ServiceDeployment, Status};
use crate::{Ctx, cancelled};

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It runs.
    Deployed,
    /// What ran before runs again.
    RolledBack(Option<Failure>),
    /// It will not run.
    Failed(Option<Failure>),
    /// A newer deployment is primary.
    Superseded,
    /// The time is up; it goes on.
    TimedOut(Option<Failure>),
    /// It waits at a hook.
    Paused(Paused),
    /// The job was cancelled, and is to roll back then.
    Cancelled,
    /// Another service of the same run failed.
    Abandoned,
}

/// A deployment that is followed.
#[derive(Debug)]
pub(crate) struct Watched {
    /// What stands before each line, where there are several services.
    pub(crate) prefix: String,
    /// The service before the deployment.
    pub(crate) before: Service,
    pub(crate) ours: Deployment,
    /// The task definition to go back to.
    pub(crate) good: String,
    /// Whether it ever ran.
    pub(crate) is_proven: bool,
    pub(crate) definition: Definition,
    /// Not before then there is anything to see.
    pub(crate) next_look: Instant,
    found: Found,
    /// Hooks that have been told of.
    told_hooks: HashSet<Paused>,
    events: HashSet<String>,
}

/// Whether ECS has a service deployment for it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Found {
    /// Not yet; for so many looks more.
    Looking(u8),
    Arn(String),
    /// It has none, or does not tell us.
    None,
}

/// After so many looks a service that rolls is taken to have none.
const LOOKS: u8 = 4;

impl Watched {
    pub(crate) fn new(
        prefix: String,
        before: Service,
        ours: Deployment,
        definition: Definition,
    ) -> Self {
        let events = before.events.iter().map(|(id, _)| id.clone()).collect();
        let good = before.last_good().to_owned();
        let is_proven = before.deployments.iter().any(|one| one.rollout == Rollout::Completed);
        Self {
            is_proven: is_proven && good != ours.task_definition,
            prefix,
            before,
            ours,
            good,
            definition,
            next_look: Instant::now(),
            found: Found::Looking(LOOKS),
            told_hooks: HashSet::new(),
            events,
        }
    }

    /// The service deployment, if ECS has one.
    pub(crate) fn arn(&self) -> Option<&str> {
        match &self.found {
            Found::Arn(arn) => Some(arn),
            _ => None,
        }
    }

    /// Looks for the service deployment now, and returns what it says.
    pub(crate) async fn find(&mut self, ctx: &Ctx) -> anyhow::Result<Option<ServiceDeployment>> {
        let service = self.before.clone();
        self.rollout(ctx, &service).await
    }

    /// Reads the service, which may be gone.
    async fn service(&self, ctx: &Ctx) -> anyhow::Result<Option<Service>> {
        observe::service_if_any(ctx, &self.before.cluster, &self.before.name).await
    }

    /// Reads the service deployment, once it is there. Where that is not allowed, or not known, the
    /// service's own list has to do.
    async fn rollout(
        &mut self,
        ctx: &Ctx,
        service: &Service,
    ) -> anyhow::Result<Option<ServiceDeployment>> {
        match self.look(ctx, service).await {
            Err(err) if !Fail::of(&err).is_some_and(Fail::is_transient) => {
                output::warn(format!("{err:#}; going by the service's own list of deployments"));
                self.found = Found::None;
                Ok(None)
            }
            looked => looked,
        }
    }

    async fn look(
        &mut self,
        ctx: &Ctx,
        service: &Service,
    ) -> anyhow::Result<Option<ServiceDeployment>> {
        if let Found::Looking(left) = self.found {
            self.found = match observe::service_deployment_of(ctx, service, &self.ours).await? {
                Some(arn) => Found::Arn(arn),
                None if left == 0 => Found::None,
                // Other strategies than rolling show in the service deployment alone.
                None => Found::Looking(left - u8::from(service.is_rolling())),
            };
        }
        match self.arn() {
            Some(arn) => observe::service_deployment(ctx, arn).await,
            None => Ok(None),
        }
    }

    /// Tells what is new: the service's events once each, and the counts when they change.
    fn tell(
        &mut self,
        service: &Service,
        rollout: Option<&ServiceDeployment>,
        progress: &mut output::Progress,
    ) {
        for (id, message) in service.events.iter().rev() {
            if self.events.insert(id.clone()) {
                output::say(format!("  {}{message}", self.prefix));
            }
        }
        let seen = service.deployments.iter().find(|deployment| deployment.id == self.ours.id);
        let Some(Deployment { desired, running, pending, failed, .. }) = seen else { return };
        let mut state = format!("{running}/{desired} run, {pending} pending, {failed} failed");
        if let Some(stage) = rollout.and_then(|rollout| rollout.stage.as_deref()) {
            state.push_str(&format!(", {}", stage.to_ascii_lowercase().replace('_', " ")));
        }
        progress.state(state);
    }

    /// Tells of a pause once. `false` when it was told: ECS may show a hook for a while after it was
    /// answered.
    fn tell_pause(&mut self, paused: &Paused) -> bool {
        let is_new = self.told_hooks.insert(paused.clone());
        if is_new {
            output::say(format!("  {}{}", self.prefix, paused.advice()));
        }
        is_new
    }
}

/// Waits for the end of our deployment.
pub(crate) async fn until_ended(ctx: &Ctx, watched: &mut Watched) -> anyhow::Result<Ended> {
    let mut progress = output::progress(format!("{}tasks", watched.prefix));
    let answers_pauses = ctx.settings.on_pause != landfall_toml::OnPause::Wait;
    let mut last_failure = None;
    let first_look = watched.next_look.min(Instant::now() + ctx.deadline.remaining());
    let look = async || {
        if ctx.has_given_up() {
            return Ok(Some(Ended::Abandoned));
        }
        let Some(service) = watched.service(ctx).await? else {
            return Ok(Some(Ended::Failed(Some(Failure::of("the service was deleted meanwhile")))));
        };
        let rollout = watched.rollout(ctx, &service).await?;
        watched.tell(&service, rollout.as_ref(), &mut progress);
        match judge(&service, rollout.as_ref(), &watched.ours, &watched.good) {
            State::Ended(ended) => return Ok(Some(ended)),
            State::Settling => return Ok(None),
            State::Starting => {}
        }
        if let Some(paused) = rollout.and_then(|rollout| rollout.paused)
            && watched.tell_pause(&paused)
            && answers_pauses
        {
            return Ok(Some(Ended::Paused(paused)));
        }
        let (doomed, last) = look_at_stopped(ctx, &service, &watched.ours).await?;
        last_failure = last.or(last_failure.take());
        Ok(doomed.map(|failure| Ended::Failed(Some(failure))))
    };
    let ended = tokio::select! {
        ended = async {
            sleep_until(first_look).await;
            poll(&ctx.deadline, Pace::SERVICE, look).await
        } => ended?,
        () = cancelled(ctx) => Some(Ended::Cancelled),
    };
    drop(progress);
    Ok(match ended {
        Some(Ended::RolledBack(failure)) => Ended::RolledBack(why(ctx, watched, failure).await),
        Some(Ended::Failed(failure)) => Ended::Failed(why(ctx, watched, failure).await),
        Some(ended) => ended,
        None => {
            let failure = match last_failure {
                Some(failure) => why(ctx, watched, Some(failure)).await,
                None => unplaced(ctx, watched).await,
            };
            Ended::TimedOut(failure)
        }
    })
}

/// Waits until what ran before runs again, and proves it. `false` when the time is up.
pub(crate) async fn until_back(ctx: &Ctx, watched: &mut Watched) -> anyhow::Result<bool> {
    on_interrupt("the service goes back without this step; its events in ECS tell how far it is");
    // A failure that was found late must not leave the way back without time.
    let deadline = Deadline::after(ctx.deadline.remaining().max(BACK));
    let mut progress = output::progress(format!("{}tasks", watched.prefix));
    let back = poll(&deadline, Pace::SERVICE, async || {
        let Some(service) = watched.service(ctx).await? else { return Ok(None) };
        let Some(primary) = service.primary().cloned() else { return Ok(None) };
        let ours = std::mem::replace(&mut watched.ours, primary.clone());
        watched.tell(&service, None, &mut progress);
        watched.ours = ours;
        let is_old = primary.task_definition == watched.good;
        let runs = primary.rollout == Rollout::Completed && primary.running >= primary.desired;
        if !is_old || !runs {
            return Ok(None);
        }
        let tasks = observe::running_tasks(ctx, &service).await?;
        let is_good =
            |task: &aws_sdk_ecs::types::Task| task.task_definition_arn() == Some(&watched.good);
        let proven = primary.desired == 0 || tasks.iter().any(is_good) && tasks.iter().all(is_good);
        Ok(proven.then_some(()))
    });
    let back = back.await?;
    on_interrupt("");
    Ok(back.is_some())
}

/// How long the way back may take at least.
const BACK: Duration = Duration::from_secs(180);

/// Waits until no deployment is under way.
///
/// # Errors
/// Exit 5: the deadline passed.
pub(crate) async fn until_idle(ctx: &Ctx, service: &Service) -> anyhow::Result<()> {
    output::say(format!("  {} is deploying {}: waiting", service.name, service.task_definition));
    let idle = poll(&ctx.deadline, Pace::SERVICE, async || {
        let now = observe::service(ctx, &service.cluster, &service.name).await?;
        Ok((!now.is_deploying()).then_some(()))
    });
    let late =
        || ctx.deadline.exceeded(&format!("{} did not end what it is deploying", service.name));
    Ok(idle.await?.ok_or_else(|| {
        late().help("look at that deployment, or replace it with --busy take-over")
    })?)
}

/// Proves that the tasks that run are what was asked for: those of the revision, with the digests of
/// its images, and no others; or tells that somebody deployed again, or deleted the service.
///
/// # Errors
/// Exit 1: others run.
pub(crate) async fn prove(
    ctx: &Ctx,
    before: &Service,
    revision: &str,
    definition: &Definition,
) -> anyhow::Result<Ended> {
    let deadline = Deadline::after(PROOF);
    let mut wrong = None;
    let look = async || {
        let Some(service) = observe::service_if_any(ctx, &before.cluster, &before.name).await?
        else {
            let failure = Failure::of("the service was deleted right after the deployment");
            return Ok(Some(Ended::Failed(Some(failure))));
        };
        if service.task_definition != revision {
            return Ok(Some(Ended::Superseded));
        }
        if service.desired_count == 0 {
            return Ok(Some(Ended::Deployed));
        }
        let mut tasks = observe::running_tasks(ctx, &service).await?;
        if service.is_of_code_deploy() {
            // It keeps the old ones for a way back; they get no traffic.
            tasks.retain(|task| task.task_definition_arn() == Some(revision));
        }
        wrong = unproven(&tasks, revision, definition);
        Ok(wrong.is_none().then_some(Ended::Deployed))
    };
    match poll(&deadline, Pace::SERVICE, look).await? {
        Some(ended) => Ok(ended),
        None => {
            let wrong = wrong.unwrap_or_default();
            Err(Fail::new(Exit::Failed, format!("ECS says that it is deployed, but {wrong}"))
                .help("look at the service's tasks in ECS; run the step again when they are what they should be")
                .into())
        }
    }
}

/// How long old tasks may be there after ECS says that a deployment is complete: longer than it takes
/// until a call that is not answered counts as failed.
const PROOF: Duration = Duration::from_secs(180);

/// What speaks against it that these tasks are the desired ones.
fn unproven(
    tasks: &[aws_sdk_ecs::types::Task],
    revision: &str,
    definition: &Definition,
) -> Option<String> {
    if tasks.is_empty() {
        return Some("no task runs".to_owned());
    }
    for task in tasks {
        let found = task.task_definition_arn().unwrap_or_default();
        if found != revision {
            return Some(format!("a task of {found} runs"));
        }
        for container in task.containers() {
            let name = container.name().unwrap_or_default();
            let Some(wanted) = definition.image(name).and_then(digest_of) else { continue };
            // For an image of several platforms the digest may be that of one of them.
            let asked = container.image().and_then(digest_of);
            let runs = container.image_digest().or(asked);
            if runs != Some(wanted) && asked != Some(wanted) {
                let runs = runs.or(container.image()).unwrap_or("another image");
                return Some(format!("container {name} runs {runs}, not {wanted}"));
            }
        }
    }
    None
}

/// What a look at the service says of our deployment.
#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Tasks start, or crash.
    Starting,
    /// Only time matters: ECS goes back by itself, or the number of tasks changes.
    Settling,
    /// It is over.
    Ended(Ended),
}

/// The service deployment tells the end, where there is one; that it is ours no more, the service.
fn judge(
    service: &Service,
    rollout: Option<&ServiceDeployment>,
    ours: &Deployment,
    good: &str,
) -> State {
    let by_list = judge_list(service, ours, good);
    let Some(rollout) = rollout else { return by_list };
    let reason = || rollout.reason.clone().map(Failure::of);
    match (rollout.status, by_list) {
        // Its tasks became fewer or more since.
        (Status::Successful, State::Settling) => State::Settling,
        (Status::Successful, _) => State::Ended(Ended::Deployed),
        (Status::RolledBack, _) => State::Ended(Ended::RolledBack(reason())),
        (Status::RollbackFailed, _) => State::Ended(Ended::Failed(reason())),
        (_, State::Ended(Ended::Superseded)) => State::Ended(Ended::Superseded),
        (Status::GoingBack, _) => State::Settling,
        (Status::Stopped, State::Starting) => State::Ended(Ended::Failed(reason())),
        (Status::Stopped, by_list) => by_list,
        // Stable is not completed: the old tasks are there, or it bakes.
        (Status::UnderWay, _) => State::Starting,
    }
}

/// Our deployment is found by its id, the primary by its status: after a rollback the list holds
/// the failed deployment for long, and its order means nothing.
fn judge_list(service: &Service, ours: &Deployment, good: &str) -> State {
    let seen = service.deployments.iter().find(|deployment| deployment.id == ours.id);
    let Some(primary) = service.primary() else { return State::Starting };
    if primary.id == ours.id {
        return match primary.rollout {
            Rollout::Completed if primary.running >= primary.desired => {
                State::Ended(Ended::Deployed)
            }
            Rollout::Completed => State::Settling,
            Rollout::InProgress => State::Starting,
            Rollout::Failed => State::Ended(Ended::Failed(None)),
        };
    }
    // The old revision as primary is a rollback; but while ours has not failed, it is somebody who
    // deployed the old revision anew.
    let has_failed = seen.is_none_or(|ours| ours.rollout == Rollout::Failed);
    if primary.task_definition != good || !has_failed && primary.created > ours.created {
        return State::Ended(Ended::Superseded);
    }
    match primary.rollout {
        Rollout::Completed if primary.running >= primary.desired => {
            // Back at a revision of which no task was wanted: nothing runs.
            let none_ran = primary.desired == 0;
            let ended = if none_ran { Ended::Failed(None) } else { Ended::RolledBack(None) };
            State::Ended(ended)
        }
        Rollout::Failed => State::Ended(Ended::Failed(None)),
        Rollout::Completed | Rollout::InProgress => State::Settling,
    }
}

/// Why tasks of our deployment stopped, in the order in which they did.
async fn stopped(
    ctx: &Ctx,
    service: &Service,
    ours: &Deployment,
) -> anyhow::Result<Vec<(Class, Failure)>> {
    let mut tasks = observe::stopped_tasks(ctx, service, ours).await?;
    tasks.sort_by_key(|task| task.stopped_at().map_or(i64::MAX, aws_smithy_types::DateTime::secs));
    Ok(tasks.iter().map(classify).collect())
}

/// The failure that ends a deployment, if there is one by now, and the last that was seen.
pub(crate) async fn look_at_stopped(
    ctx: &Ctx,
    service: &Service,
    ours: &Deployment,
) -> anyhow::Result<(Option<Failure>, Option<Failure>)> {
    let seen = stopped(ctx, service, ours).await?;
    let last = seen.last().map(|(_, failure)| failure.clone());
    // Who only waits does not take it back, so that it may still succeed.
    let only_waits = ctx.settings.wait_only.is_some();
    Ok((hopeless(seen, ctx.settings.crashes).filter(|_| !only_waits), last))
}

/// The failure that no further task will escape, once there is one: the first that is permanent, or
/// the last of as many crashes as are too many.
fn hopeless(failures: Vec<(Class, Failure)>, limit: usize) -> Option<Failure> {
    let permanent = failures.iter().find(|(class, _)| *class == Class::Permanent);
    if let Some((_, failure)) = permanent {
        return Some(failure.clone());
    }
    let mut crashes = failures.into_iter().filter(|(class, _)| *class == Class::Crash);
    crashes.nth(limit.saturating_sub(1)).map(|(_, failure)| failure)
}

async fn why(ctx: &Ctx, watched: &Watched, seen: Option<Failure>) -> Option<Failure> {
    let service = watched.service(ctx).await.ok().flatten();
    let tasks = service.as_ref().map(|service| (service, &watched.ours));
    explained(ctx, &watched.definition, tasks, seen).await
}

/// The failure that was seen, or else one that a stopped task tells of, with its log. What cannot be
/// read is missing: it must not hide that the deployment failed.
pub(crate) async fn explained(
    ctx: &Ctx,
    definition: &Definition,
    of: Option<(&Service, &Deployment)>,
    seen: Option<Failure>,
) -> Option<Failure> {
    let by_task = match (&seen, of) {
        (Some(failure), _) if !failure.task.is_empty() => None,
        (_, Some((service, ours))) => {
            let failures = stopped(ctx, service, ours).await.unwrap_or_default();
            failures
                .into_iter()
                .rfind(|(class, _)| *class != Class::Passing)
                .map(|(_, failure)| failure)
        }
        _ => None,
    };
    let mut failure = by_task.or(seen)?;
    failure.log = observe::log_tail(ctx, definition, &failure).await;
    if failure.is_unhealthy() {
        let containers = definition.images();
        let checks = containers.iter().filter_map(|(name, _)| {
            Some(format!("the health check of {name}: {}", definition.health_check(name)?))
        });
        failure.health = checks.collect();
        if let Some((service, _)) = of {
            failure.health.extend(observe::unhealthy_targets(ctx, service).await);
        }
        if failure.log.is_empty() && failure.container.is_none() {
            for (name, _) in containers {
                let of = Failure { container: Some(name.to_owned()), ..failure.clone() };
                failure.log.extend(observe::log_tail(ctx, definition, &of).await);
            }
        }
    }
    Some(failure)
}

/// What the service says when it finds no place for a task.
async fn unplaced(ctx: &Ctx, watched: &Watched) -> Option<Failure> {
    let service = watched.service(ctx).await.ok().flatten()?;
    let known: HashSet<&String> = watched.before.events.iter().map(|(id, _)| id).collect();
    let mut new = service.events.iter().filter(|(id, _)| !known.contains(id));
    new.find(|(_, text)| text.contains("unable to")).map(|(_, text)| Failure::of(text))
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{Container, Task};

    use super::*;
    use crate::definition::example;
    use crate::observe::tests::deployment;

    fn listed(deployments: Vec<Deployment>) -> (Service, Deployment) {
        let ours = deployment("ecs-svc/2", true, "orders:8", Rollout::InProgress);
        (Service { deployments, ..Service::default() }, ours)
    }

    fn judged(deployments: Vec<Deployment>) -> State {
        let (service, ours) = listed(deployments);
        judge(&service, None, &ours, "orders:7")
    }

    fn judged_with(status: Status, deployments: Vec<Deployment>) -> State {
        let (service, ours) = listed(deployments);
        let rollout =
            ServiceDeployment { status, reason: Some("said".into()), stage: None, paused: None };
        judge(&service, Some(&rollout), &ours, "orders:7")
    }

    use Rollout::{Completed, Failed, InProgress};

    #[test]
    fn our_deployment_is_watched_by_its_id() {
        let old = || deployment("ecs-svc/1", false, "orders:7", Completed);
        let ours = |rollout| deployment("ecs-svc/2", true, "orders:8", rollout);
        assert_eq!(judged(vec![old(), ours(InProgress)]), State::Starting);
        assert_eq!(judged(vec![old(), ours(Completed)]), State::Ended(Ended::Deployed));
        assert_eq!(judged(vec![old(), ours(Failed)]), State::Ended(Ended::Failed(None)));
    }

    #[test]
    fn stable_is_not_completed() {
        let mut ours = deployment("ecs-svc/2", true, "orders:8", Completed);
        assert_eq!(judged_with(Status::UnderWay, vec![ours.clone()]), State::Starting);
        ours.running = 0;
        // More tasks are wanted than when it was completed.
        assert_eq!(judged_with(Status::Successful, vec![ours.clone()]), State::Settling);
        assert_eq!(judged(vec![ours]), State::Settling);
    }

    #[test]
    fn a_primary_with_the_old_revision_is_a_rollback_and_never_a_success() {
        let ours = || deployment("ecs-svc/2", false, "orders:8", Failed);
        let old = |rollout| deployment("ecs-svc/1", true, "orders:7", rollout);
        assert_eq!(judged(vec![ours(), old(InProgress)]), State::Settling);
        assert_eq!(judged(vec![ours(), old(Completed)]), State::Ended(Ended::RolledBack(None)));
        // ECS removes the failed deployment from the list in the end.
        assert_eq!(judged(vec![old(Completed)]), State::Ended(Ended::RolledBack(None)));
    }

    #[test]
    fn a_rollback_to_a_revision_that_never_ran_is_a_failure() {
        let ours = deployment("ecs-svc/2", false, "orders:8", Failed);
        let mut old = deployment("ecs-svc/1", true, "orders:7", Completed);
        (old.desired, old.running) = (0, 0);
        assert_eq!(judged(vec![ours, old]), State::Ended(Ended::Failed(None)));
    }

    #[test]
    fn a_newer_revision_as_primary_means_superseded() {
        let ours = deployment("ecs-svc/2", false, "orders:8", InProgress);
        let newer = deployment("ecs-svc/3", true, "orders:9", InProgress);
        let list = vec![ours, newer];
        assert_eq!(judged(list.clone()), State::Ended(Ended::Superseded));
        // ECS stops the one that is replaced.
        assert_eq!(judged_with(Status::Stopped, list), State::Ended(Ended::Superseded));
    }

    #[test]
    fn the_service_deployment_tells_the_end() {
        let ours = |rollout| vec![deployment("ecs-svc/2", true, "orders:8", rollout)];
        let said = || Some(Failure::of("said"));
        assert_eq!(
            judged_with(Status::Successful, ours(InProgress)),
            State::Ended(Ended::Deployed)
        );
        assert_eq!(
            judged_with(Status::RolledBack, ours(InProgress)),
            State::Ended(Ended::RolledBack(said()))
        );
        assert_eq!(
            judged_with(Status::RollbackFailed, ours(Failed)),
            State::Ended(Ended::Failed(said()))
        );
        assert_eq!(judged_with(Status::GoingBack, ours(Failed)), State::Settling);
        assert_eq!(
            judged_with(Status::Stopped, ours(InProgress)),
            State::Ended(Ended::Failed(said()))
        );
    }

    #[test]
    fn the_first_permanent_failure_is_one_too_many_and_so_is_the_second_crash() {
        let crash = || (Class::Crash, Failure::of("crash"));
        let passing = || (Class::Passing, Failure::of("spot"));
        assert_eq!(hopeless(vec![crash(), passing(), passing()], 2), None);
        assert_eq!(hopeless(vec![crash(), passing(), crash()], 2), Some(Failure::of("crash")));
        assert_eq!(hopeless(vec![crash(), crash()], 3), None);
        let permanent = (Class::Permanent, Failure::of("no image"));
        assert_eq!(hopeless(vec![passing(), permanent], 2), Some(Failure::of("no image")));
    }

    #[test]
    fn what_runs_is_proven_by_revision_and_digest() {
        let digest = |n: u8| format!("sha256:{}", n.to_string().repeat(64));
        let wanted = example(&format!("host/app@{}", digest(2)));
        let task = |revision: &str, n: u8| {
            let container =
                Container::builder().name("app").image(format!("host/app@{}", digest(n)));
            Task::builder()
                .task_definition_arn(revision)
                .containers(container.image_digest(digest(n)).build())
                .build()
        };
        assert_eq!(unproven(&[task("o:8", 2)], "o:8", &wanted), None);
        assert_eq!(unproven(&[], "o:8", &wanted).unwrap(), "no task runs");
        assert_eq!(
            unproven(&[task("o:8", 2), task("o:7", 1)], "o:8", &wanted).unwrap(),
            "a task of o:7 runs"
        );
        assert_eq!(
            unproven(&[task("o:8", 1)], "o:8", &wanted).unwrap(),
            format!("container app runs {}, not {}", digest(1), digest(2))
        );
    }
}
