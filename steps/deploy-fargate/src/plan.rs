//! What has to change, told from the service and what is desired alone. No I/O.

use std::fmt;

use serde::Serialize;

use crate::observe::{Current, Rollout};

/// The service as it should be.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// `HOST/NAME@sha256:...`
    pub(crate) image: String,
    pub(crate) cluster: String,
    pub(crate) service: String,
    pub(crate) container: Option<String>,
    /// Not touched when none: under auto scaling the count is not ours.
    pub(crate) desired_count: Option<i32>,
    pub(crate) revision: Option<String>,
}

/// A difference between the service and what is desired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// The container gets another image, in a new revision of the task definition.
    Image {
        /// The container.
        container: String,
        /// Its image in the service.
        from: String,
        /// Its image to be.
        to: String,
    },
    /// The image is right, but its deployment failed: it is deployed again.
    Retry {
        /// The container.
        container: String,
    },
    /// The image is right and its deployment is under way: it is waited for.
    Wait,
    /// The number of tasks changes.
    Count {
        /// In the service.
        from: i32,
        /// To be.
        to: i32,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Image { container, from, to } => {
                write!(f, "container {container}: {from} -> {to}")
            }
            Change::Retry { container } => {
                write!(f, "container {container}: deploy the same image again, it failed before")
            }
            Change::Wait => write!(f, "wait for the deployment that is under way"),
            Change::Count { from, to } => write!(f, "tasks: {from} -> {to}"),
        }
    }
}

/// Compares the service with what is desired.
pub(crate) fn plan(desired: &Desired, current: &Current) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let container = current.container.clone();
    let rollout = current.service.primary().map(|primary| primary.rollout);
    match current.image() {
        Some(image) if image == desired.image => match rollout {
            Some(Rollout::Completed) => {}
            Some(Rollout::InProgress) => changes.push(Change::Wait),
            Some(Rollout::Failed) | None => changes.push(Change::Retry { container }),
        },
        from => changes.push(Change::Image {
            container,
            from: from.unwrap_or("(none)").to_owned(),
            to: desired.image.clone(),
        }),
    }
    if let Some(to) = desired.desired_count.filter(|to| *to != current.service.desired_count) {
        changes.push(Change::Count { from: current.service.desired_count, to });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::example;
    use crate::observe::Service;
    use crate::watch::tests::deployment;

    fn planned(image: &str, rollout: Rollout, count: Option<i32>) -> Vec<String> {
        let desired =
            Desired { image: "a@sha256:2".into(), desired_count: count, ..Desired::default() };
        let deployments = vec![deployment("ecs-svc/1", true, "orders:7", rollout)];
        let service = Service { desired_count: 1, deployments, ..Service::default() };
        let current = Current { service, definition: example(image), container: "app".into() };
        plan(&desired, &current).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_image_that_runs_needs_no_change() {
        assert!(planned("a@sha256:2", Rollout::Completed, Some(1)).is_empty());
        assert!(planned("a@sha256:2", Rollout::Completed, None).is_empty());
    }

    #[test]
    fn another_image_is_a_new_revision() {
        assert_eq!(
            planned("a@sha256:1", Rollout::Completed, None),
            ["container app: a@sha256:1 -> a@sha256:2"]
        );
    }

    #[test]
    fn a_deployment_under_way_is_waited_for_and_a_failed_one_repeated() {
        assert_eq!(
            planned("a@sha256:2", Rollout::InProgress, None),
            ["wait for the deployment that is under way"]
        );
        assert_eq!(
            planned("a@sha256:2", Rollout::Failed, None),
            ["container app: deploy the same image again, it failed before"]
        );
    }

    #[test]
    fn the_count_is_only_touched_when_it_is_set() {
        assert_eq!(planned("a@sha256:2", Rollout::Completed, Some(3)), ["tasks: 1 -> 3"]);
    }
}
