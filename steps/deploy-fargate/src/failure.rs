//! Why tasks stopped, and whether more of them will. Pure.

use std::fmt;

use aws_sdk_ecs::types::{Task, TaskStopCode};
use serde::Serialize;

/// A task of the deployment that stopped when it should have run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Id of the task.
    pub task: String,
    /// The container that ended it, if one started.
    pub container: Option<String>,
    /// How it ended; none when it never started.
    pub exit_code: Option<i32>,
    /// What ECS says.
    pub reason: String,
    /// The last lines that the container printed.
    pub log: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.container, self.exit_code) {
            (Some(container), Some(code)) => {
                write!(f, "container {container} exited with {code} ({})", self.reason)?;
            }
            (Some(container), None) => write!(f, "container {container}: {}", self.reason)?,
            (None, _) => write!(f, "{}", self.reason)?,
        }
        if !self.log.is_empty() {
            write!(f, "\n  the last lines of its log:")?;
        }
        self.log.iter().try_for_each(|line| write!(f, "\n  | {line}"))
    }
}

/// How many tasks have to stop in a way until the deployment has no future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// The next task cannot fare better: no such image, no access to a secret.
    Permanent,
    /// The program ended. Once may be bad luck, twice is not.
    Crash,
    /// Capacity, a Spot interruption, scaling in: says nothing about the image.
    Passing,
}

impl Class {
    /// After how many stopped tasks to give up.
    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Class::Permanent => Some(1),
            Class::Crash => Some(2),
            Class::Passing => None,
        }
    }
}

/// Tells why a task stopped.
pub(crate) fn classify(task: &Task) -> (Class, Failure) {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let stopped = text(task.stopped_reason());
    let ended = task
        .containers()
        .iter()
        .find(|container| container.exit_code().is_some_and(|code| code != 0));
    let refused = task.containers().iter().find(|container| text(container.reason()).is_some());
    let container = ended.or(refused);
    let reason = container.and_then(|container| text(container.reason())).or(stopped.clone());
    let failure = Failure {
        task: task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned(),
        container: container.and_then(|container| text(container.name())),
        exit_code: ended.and_then(|container| container.exit_code()),
        reason: reason.unwrap_or_else(|| "ECS names no reason".to_owned()),
        log: Vec::new(),
    };
    let said = format!("{} {}", failure.reason, stopped.unwrap_or_default());
    let class = if PERMANENT.iter().any(|mark| said.contains(mark)) {
        Class::Permanent
    } else if ended.is_some() || said.contains("OutOfMemory") {
        Class::Crash
    } else if task.stop_code() == Some(&TaskStopCode::EssentialContainerExited) {
        // Exit code 0 of a container that should have stayed.
        Class::Crash
    } else {
        Class::Passing
    };
    (class, failure)
}

/// What ECS says when no retry can help ("Stopped tasks error messages" of its developer guide).
/// A registry that is only out of reach is not among them.
const PERMANENT: [&str; 8] = [
    "manifest unknown",
    "manifest for",
    "repository does not exist",
    "image Manifest does not contain descriptor matching platform",
    "AccessDeniedException",
    "ResourceNotFoundException",
    "exec format error",
    "executable file not found",
];

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::Container;

    use super::*;

    fn task(stopped: &str, code: Option<i32>, reason: &str) -> Task {
        Task::builder()
            .task_arn("arn:aws:ecs:r:1:task/apps/0123")
            .stopped_reason(stopped)
            .containers(Container::builder().name("app").set_exit_code(code).reason(reason).build())
            .build()
    }

    #[test]
    fn stopped_tasks_are_told_apart() {
        let crash = "Essential container in task exited";
        let missing = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: manifest unknown";
        for (stopped, code, reason, class, shown) in [
            (
                crash,
                Some(1),
                "",
                Class::Crash,
                "container app exited with 1 (Essential container in task exited)",
            ),
            (
                crash,
                Some(137),
                "OutOfMemoryError: Container killed due to memory usage",
                Class::Crash,
                "container app exited with 137 (OutOfMemoryError: Container killed due to memory usage)",
            ),
            (missing, None, "", Class::Permanent, missing),
            (
                "Task failed to start",
                None,
                "CannotStartContainerError: exec format error",
                Class::Permanent,
                "container app: CannotStartContainerError: exec format error",
            ),
            (
                "CannotPullContainerError: dial tcp: i/o timeout",
                None,
                "",
                Class::Passing,
                "CannotPullContainerError: dial tcp: i/o timeout",
            ),
            (
                "Your Spot Task was interrupted.",
                None,
                "",
                Class::Passing,
                "Your Spot Task was interrupted.",
            ),
        ] {
            let (found, failure) = classify(&task(stopped, code, reason));
            assert_eq!((found, failure.to_string().as_str()), (class, shown));
        }
    }

    #[test]
    fn a_service_that_ends_with_0_crashes_too() {
        let task =
            Task::builder().stop_code(TaskStopCode::EssentialContainerExited).stopped_reason("x");
        assert_eq!(classify(&task.build()).0, Class::Crash);
    }
}
