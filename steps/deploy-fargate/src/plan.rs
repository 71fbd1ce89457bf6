//! What has to change, told from what is and what is desired alone. No I/O.

use std::fmt;

use serde::Serialize;
use step_core::Fail;

use crate::definition::Definition;
use crate::diff;
use crate::observe::{Observed, Rollout, Service};
use crate::settings::Unit;

/// A difference between what is and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// A container gets another image.
    Image {
        /// The container.
        container: String,
        /// Its image now.
        from: String,
        /// Its image to be.
        to: String,
    },
    /// A new revision of the task definition.
    Revision {
        /// The difference, unified, with secrets masked.
        diff: String,
    },
    /// The revision is right, but its deployment failed: it is deployed again.
    Retry,
    /// The revision is right and its deployment is under way: it is waited for.
    Wait,
    /// The service gets a revision that is registered already.
    Revert {
        /// What it has now.
        from: String,
        /// What it gets.
        to: String,
    },
    /// The number of tasks changes.
    Count {
        /// Now.
        from: i32,
        /// To be.
        to: i32,
    },
    /// ECS is to roll back by itself when tasks fail, should this step be gone.
    CircuitBreaker,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Image { container, from, to } => {
                write!(f, "container {container}: {from} -> {to}")
            }
            Change::Revision { diff } => {
                write!(f, "a new revision of the task definition:")?;
                diff.lines().try_for_each(|line| write!(f, "\n    {line}"))
            }
            Change::Retry => write!(f, "deploy the same again, it failed before"),
            Change::Wait => write!(f, "wait for the deployment that is under way"),
            Change::Revert { from, to } => write!(f, "task definition: {from} -> {to}"),
            Change::Count { from, to } => write!(f, "tasks: {from} -> {to}"),
            Change::CircuitBreaker => write!(f, "circuit breaker: off -> on, with rollback"),
        }
    }
}

/// The task definition as it should be, images not yet pinned, and the container that the deployment
/// is about, if it is about one.
///
/// # Errors
/// Exit 2: a container is missing, or none was named where there are several.
pub(crate) fn desired(
    unit: &Unit,
    base: &Definition,
    current: &Definition,
) -> Result<(Definition, Option<String>), Fail> {
    let mut overrides = unit.overrides.clone();
    let container = match &unit.image {
        None if unit.container.is_none() => base.container(None).ok(),
        None => Some(base.container(unit.container.as_deref())?),
        Some(image) => {
            let container = base.container(unit.container.as_deref())?;
            let own = &mut overrides.containers.entry(container.clone()).or_default().image;
            if let Some(other) = own.as_ref().filter(|other| *other != image) {
                let message =
                    format!("the container `{container}` is to get {image}, and {other} as well");
                return Err(Fail::invalid(message)
                    .help("leave one out: it is the container that the deployment is about"));
            }
            *own = Some(image.clone());
            Some(container)
        }
    };
    Ok((base.with(&overrides)?.or_tags_of(current), container))
}

/// Compares what is with what is desired.
pub(crate) fn plan(unit: &Unit, observed: &Observed, desired: &Definition) -> Vec<Change> {
    let current = observed.definition();
    let mut changes = Vec::new();
    if desired.differs_from(current) {
        changes.extend(images(current, desired));
        changes.push(Change::Revision { diff: diff::unified(current, desired) });
    }
    let Observed::Service(observed) = observed else { return changes };
    if changes.is_empty() {
        match observed.service.primary().map(|primary| primary.rollout) {
            Some(Rollout::Completed) => {}
            Some(Rollout::InProgress) => changes.push(Change::Wait),
            Some(Rollout::Failed) | None => changes.push(Change::Retry),
        }
    }
    changes.extend(count(unit, &observed.service));
    changes.extend(breaker(&observed.service, &changes));
    changes
}

/// What it takes to bring a service to a revision that is registered.
pub(crate) fn revert(service: &Service, to: &str) -> Vec<Change> {
    if service.task_definition == to {
        return Vec::new();
    }
    let mut changes =
        vec![Change::Revert { from: service.task_definition.clone(), to: to.to_owned() }];
    changes.extend(breaker(service, &changes));
    changes
}

/// Whether something has to be written.
pub(crate) fn writes(changes: &[Change]) -> bool {
    changes.iter().any(|change| *change != Change::Wait)
}

fn images(current: &Definition, desired: &Definition) -> Vec<Change> {
    let change = |(container, to): (&str, &str)| {
        let from = current.image(container).unwrap_or("(none)");
        let changed = from != to;
        changed.then(|| Change::Image {
            container: container.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        })
    };
    desired.images().into_iter().filter_map(change).collect()
}

fn count(unit: &Unit, service: &Service) -> Option<Change> {
    let to = unit.desired_count.filter(|to| *to != service.desired_count)?;
    Some(Change::Count { from: service.desired_count, to })
}

/// The circuit breaker goes along with a deployment: by itself it is no reason for a write.
fn breaker(service: &Service, changes: &[Change]) -> Option<Change> {
    let is_deployed = changes.iter().any(|change| {
        matches!(change, Change::Revision { .. } | Change::Retry | Change::Revert { .. })
    });
    (is_deployed && service.lacks_breaker()).then_some(Change::CircuitBreaker)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::example;
    use crate::observe::{Current, tests::deployment};

    fn planned(image: &str, rollout: Rollout, count: Option<i32>, breaker: bool) -> Vec<Change> {
        let unit =
            Unit { image: Some("a@sha256:2".into()), desired_count: count, ..Unit::default() };
        let breaker = json!({ "enable": breaker, "rollback": breaker });
        let service = Service {
            desired_count: 1,
            deployments: vec![deployment("ecs-svc/1", true, "orders:7", rollout)],
            raw: json!({ "deploymentConfiguration": { "deploymentCircuitBreaker": breaker } }),
            ..Service::default()
        };
        let definition = example(image);
        let (desired, container) = desired(&unit, &definition, &definition).unwrap();
        assert_eq!(container.as_deref(), Some("app"));
        plan(&unit, &Observed::Service(Current { service, definition }), &desired)
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        changes.iter().map(|change| change.to_string().lines().next().unwrap().to_owned()).collect()
    }

    #[test]
    fn what_runs_already_needs_no_change() {
        assert!(planned("a@sha256:2", Rollout::Completed, Some(1), true).is_empty());
        assert!(planned("a@sha256:2", Rollout::Completed, None, true).is_empty());
        // Not even where there is no circuit breaker.
        assert!(planned("a@sha256:2", Rollout::Completed, None, false).is_empty());
    }

    #[test]
    fn another_image_is_a_new_revision() {
        let changes = planned("a@sha256:1", Rollout::Completed, None, true);
        assert_eq!(
            shown(&changes),
            ["container app: a@sha256:1 -> a@sha256:2", "a new revision of the task definition:"]
        );
        let diff = changes[1].to_string();
        assert!(diff.contains("-      \"image\": \"a@sha256:1\""), "{diff}");
        assert!(diff.contains("+      \"image\": \"a@sha256:2\""), "{diff}");
    }

    #[test]
    fn a_deployment_under_way_is_waited_for_and_a_failed_one_repeated() {
        let waiting = planned("a@sha256:2", Rollout::InProgress, None, true);
        assert_eq!(shown(&waiting), ["wait for the deployment that is under way"]);
        assert!(!writes(&waiting));
        let again = planned("a@sha256:2", Rollout::Failed, None, true);
        assert_eq!(shown(&again), ["deploy the same again, it failed before"]);
        assert!(writes(&again));
    }

    #[test]
    fn the_count_is_only_touched_when_it_is_set() {
        let changes = planned("a@sha256:2", Rollout::Completed, Some(3), true);
        assert_eq!(shown(&changes), ["tasks: 1 -> 3"]);
    }

    #[test]
    fn a_service_without_circuit_breaker_gets_one_with_the_deployment() {
        let changes = planned("a@sha256:1", Rollout::Completed, None, false);
        assert_eq!(changes.last(), Some(&Change::CircuitBreaker));
    }

    #[test]
    fn going_back_to_what_runs_is_nothing_to_do() {
        let service = Service { task_definition: "orders:7".into(), ..Service::default() };
        assert!(revert(&service, "orders:7").is_empty());
        assert_eq!(
            shown(&revert(&service, "orders:6"))[0],
            "task definition: orders:7 -> orders:6"
        );
    }
}
