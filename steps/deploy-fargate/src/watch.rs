//! Follows a deployment to its end. Only reads.

use std::collections::HashSet;

use step_core::poll::{Pace, poll};
use step_core::{on_interrupt, output};

use crate::Ctx;
use crate::failure::{Class, Failure, classify};
use crate::observe::{self, Current, Deployment, Rollout, Service};

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It runs.
    Deployed,
    /// ECS went back to what ran before.
    RolledBack(Option<Failure>),
    /// It will not run.
    Failed(Option<Failure>),
    /// A newer deployment is primary.
    Superseded,
}

/// Waits for the end of our deployment.
///
/// # Errors
/// Exit 5: the deadline passed.
pub(crate) async fn until_ended(
    ctx: &Ctx,
    ours: &Deployment,
    before: &Current,
) -> anyhow::Result<Ended> {
    let _section = output::section(&format!("Deployment {}", ours.id));
    let interrupted = "the deployment goes on without this step; run it again to wait for its end";
    on_interrupt(interrupted);
    let mut told = Told::new(before);
    let ended = poll(&ctx.deadline, Pace::SERVICE, async || {
        let service = observe::service(ctx).await?;
        told.tell(&service, ours);
        match judge(&service, ours, &before.service.task_definition) {
            State::Ended(ended) => Ok(Some(ended)),
            State::Settling => Ok(None),
            State::Starting => {
                let failure = hopeless(ctx, ours).await?;
                Ok(failure.map(|failure| Ended::Failed(Some(failure))))
            }
        }
    });
    let ended = ended.await?;
    on_interrupt("");
    match ended {
        Some(Ended::RolledBack(failure)) => {
            Ok(Ended::RolledBack(explained(ctx, ours, failure).await?))
        }
        Some(Ended::Failed(failure)) => Ok(Ended::Failed(explained(ctx, ours, failure).await?)),
        Some(ended) => Ok(ended),
        None => {
            let what = format!("the deployment {} did not end", ours.id);
            let fail = ctx.deadline.exceeded(&what);
            Err(fail.help(format!("look at the service's events; {interrupted}")).into())
        }
    }
}

/// Waits until what ran before runs again.
///
/// # Errors
/// Exit 5: the deadline passed.
pub(crate) async fn until_back(ctx: &Ctx, before: &Current) -> anyhow::Result<()> {
    let _section = output::section("Roll back");
    on_interrupt("the service goes back without this step; its events in ECS tell how far it is");
    let mut told = Told::new(before);
    let back = poll(&ctx.deadline, Pace::SERVICE, async || {
        let service = observe::service(ctx).await?;
        let Some(primary) = service.primary().cloned() else { return Ok(None) };
        told.tell(&service, &primary);
        let is_old = primary.task_definition == before.service.task_definition;
        let runs = primary.rollout == Rollout::Completed && primary.running >= primary.desired;
        Ok((is_old && runs).then_some(()))
    });
    let back = back.await?;
    on_interrupt("");
    let late = || ctx.deadline.exceeded("the service was not back at its old revision");
    Ok(back.ok_or_else(|| late().help("look at the service's events in ECS"))?)
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

/// Our deployment is found by its id, the primary by its status: after a rollback the list holds
/// the failed deployment for long, and its order means nothing.
fn judge(service: &Service, ours: &Deployment, before: &str) -> State {
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
    if primary.task_definition != before || !has_failed && primary.created > ours.created {
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

/// The failure that no further task will escape, once there is one.
async fn hopeless(ctx: &Ctx, ours: &Deployment) -> anyhow::Result<Option<Failure>> {
    let tasks = observe::stopped_tasks(ctx, &ours.task_definition, ours.created).await?;
    let failures: Vec<(Class, Failure)> = tasks.iter().map(classify).collect();
    let reached = |wanted: Class| {
        let same: Vec<_> = failures.iter().filter(|(class, _)| *class == wanted).collect();
        let enough = wanted.limit().is_some_and(|limit| same.len() >= limit);
        same.first().filter(|_| enough).map(|(_, failure)| failure.clone())
    };
    Ok(reached(Class::Permanent).or_else(|| reached(Class::Crash)))
}

/// The failure that was seen, or else one that a stopped task tells of, with its log.
async fn explained(
    ctx: &Ctx,
    ours: &Deployment,
    seen: Option<Failure>,
) -> anyhow::Result<Option<Failure>> {
    let failure = match seen {
        Some(failure) => Some(failure),
        None => {
            let tasks = observe::stopped_tasks(ctx, &ours.task_definition, ours.created).await?;
            let mut failures =
                tasks.iter().map(classify).filter(|(class, _)| *class != Class::Passing);
            failures.next().map(|(_, failure)| failure)
        }
    };
    let Some(mut failure) = failure else { return Ok(None) };
    let definition = observe::definition(ctx, &ours.task_definition).await?;
    failure.log = observe::log_tail(ctx, &definition, &failure).await;
    Ok(Some(failure))
}

/// What the user has been told.
struct Told {
    events: HashSet<String>,
    progress: output::Progress,
}

impl Told {
    fn new(before: &Current) -> Self {
        let events = before.service.events.iter().map(|(id, _)| id.clone()).collect();
        Self { events, progress: output::progress("tasks") }
    }

    /// Tells what is new: the service's events once each, and the counts when they change.
    fn tell(&mut self, service: &Service, ours: &Deployment) {
        for (id, message) in service.events.iter().rev() {
            if self.events.insert(id.clone()) {
                output::say(format!("  {message}"));
            }
        }
        let seen = service.deployments.iter().find(|deployment| deployment.id == ours.id);
        if let Some(Deployment { desired, running, pending, failed, .. }) = seen {
            self.progress
                .state(format!("{running}/{desired} run, {pending} pending, {failed} failed"));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use aws_smithy_types::DateTime;

    use super::*;

    pub(crate) fn deployment(
        id: &str,
        is_primary: bool,
        definition: &str,
        rollout: Rollout,
    ) -> Deployment {
        Deployment {
            id: id.into(),
            is_primary,
            task_definition: definition.into(),
            desired: 1,
            running: i32::from(rollout == Rollout::Completed),
            pending: 0,
            failed: 0,
            rollout,
            created: DateTime::from_secs(100),
        }
    }

    fn judged(deployments: Vec<Deployment>) -> State {
        let ours = deployment("ecs-svc/2", true, "orders:8", Rollout::InProgress);
        let service = Service { deployments, ..Service::default() };
        judge(&service, &ours, "orders:7")
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
        ours.running = 0;
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
        assert_eq!(judged(vec![ours, newer]), State::Ended(Ended::Superseded));
    }
}
