//! Why tasks stopped, and whether more of them will. Pure.

use std::fmt;

use aws_sdk_ecs::types::{Container, Task, TaskStopCode};
use serde::Serialize;

/// A task of the deployment that stopped when it should have run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// Id of the task.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// The container that ended it, if one started.
    pub container: Option<String>,
    /// How it ended; none when it never started.
    pub exit_code: Option<i32>,
    /// What ECS says of the container, else of the task.
    pub reason: String,
    /// What ECS says of the task, if it says more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What its health check is, and what the load balancer says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<String>,
    /// The last lines that the container printed.
    pub log: Vec<String>,
}

impl Failure {
    /// A failure that no task tells of.
    pub(crate) fn of(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// Whether a health check ended it.
    pub(crate) fn is_unhealthy(&self) -> bool {
        is_unhealthy(&self.reason) || self.stopped.as_deref().is_some_and(is_unhealthy)
    }
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
        self.stopped.iter().try_for_each(|stopped| write!(f, "\n  the task stopped: {stopped}"))?;
        self.health.iter().try_for_each(|line| write!(f, "\n  {line}"))?;
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
    /// The program ended, or is not healthy. Once may be bad luck, twice is not.
    Crash,
    /// Capacity, a Spot interruption, scaling in: says nothing about the image.
    Passing,
}

/// Tells why a task stopped.
pub(crate) fn classify(task: &Task) -> (Class, Failure) {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let stopped = text(task.stopped_reason());
    // One that ECS ended because of another has the code of the signal: 128 + SIGTERM, or SIGKILL.
    let was_ended = |container: &&Container| {
        matches!(container.exit_code(), Some(137 | 143)) && text(container.reason()).is_none()
    };
    let failed = |container: &&Container| container.exit_code().is_some_and(|code| code != 0);
    let ended = task.containers().iter().filter(failed).min_by_key(was_ended);
    let refused = task.containers().iter().find(|container| text(container.reason()).is_some());
    let container = ended.or(refused);
    let of_container = container.and_then(|container| text(container.reason()));
    let reason = of_container.clone().or_else(|| stopped.clone());
    let failure = Failure {
        task: task.task_arn().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned(),
        container: container.and_then(|container| text(container.name())),
        exit_code: ended.and_then(|container| container.exit_code()),
        reason: reason.unwrap_or_else(|| "ECS names no reason".to_owned()),
        stopped: stopped.clone().filter(|_| of_container.is_some()),
        health: Vec::new(),
        log: Vec::new(),
    };
    let said = format!("{} {}", failure.reason, stopped.unwrap_or_default());
    let by_itself = match task.stop_code() {
        Some(TaskStopCode::EssentialContainerExited) => true,
        Some(TaskStopCode::TaskFailedToStart) | None => ended.is_some(),
        // Somebody, or the service, ended it; the exit code is that of the signal.
        Some(_) => false,
    };
    let class = if is_out_of_reach(&said) {
        Class::Passing
    } else if PERMANENT.iter().any(|mark| said.contains(mark)) {
        Class::Permanent
    } else if by_itself || said.contains("OutOfMemory") || is_unhealthy(&said) {
        Class::Crash
    } else {
        Class::Passing
    };
    (class, failure)
}

/// A network that is not there yet, or a service that does not answer: the next task may fare better.
fn is_out_of_reach(said: &str) -> bool {
    [
        "i/o timeout",
        "context deadline exceeded",
        "connection refused",
        "TooManyRequests",
        "toomanyrequests",
    ]
    .iter()
    .any(|mark| said.contains(mark))
}

fn is_unhealthy(said: &str) -> bool {
    said.contains("health check")
}

/// What ECS says when no retry can help ("Stopped tasks error messages" of its developer guide:
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>).
const PERMANENT: [&str; 14] = [
    "manifest unknown",
    "manifest for",
    ": not found",
    "repository does not exist",
    "pull access denied",
    "image Manifest does not contain descriptor matching platform",
    "AccessDeniedException",
    "is not authorized to perform",
    "ResourceNotFoundException",
    "log group does not exist",
    "invalid ssm parameters",
    "exec format error",
    "executable file not found",
    "no such file or directory",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn task(stopped: &str, code: Option<i32>, reason: &str) -> Task {
        Task::builder()
            .task_arn("arn:aws:ecs:r:1:task/apps/0123")
            .stopped_reason(stopped)
            .containers(Container::builder().name("app").set_exit_code(code).reason(reason).build())
            .build()
    }

    #[test]
    fn the_container_that_ended_by_itself_is_told_not_one_that_was_ended_for_it() {
        let container = |name: &str, code, reason: &str| {
            Container::builder().name(name).exit_code(code).reason(reason).build()
        };
        let told = |containers: [Container; 2]| {
            let task = Task::builder().set_containers(Some(containers.into())).build();
            classify(&task).1.container.unwrap()
        };
        assert_eq!(told([container("proxy", 143, ""), container("app", 1, "")]), "app");
        assert_eq!(told([container("proxy", 1, ""), container("app", 137, "")]), "proxy");
        let killed = container("app", 137, "OutOfMemoryError: Container killed");
        assert_eq!(told([killed, container("proxy", 143, "")]), "app");
        assert_eq!(told([container("proxy", 137, ""), container("app", 143, "")]), "proxy");
    }

    #[test]
    fn stopped_tasks_are_told_apart() {
        use Class::{Crash, Passing, Permanent};
        let crash = "Essential container in task exited";
        let missing = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref: manifest unknown";
        let denied = "ResourceInitializationError: unable to pull secrets or registry auth: AccessDeniedException: User is not authorized";
        let network = "ResourceInitializationError: unable to pull secrets or registry auth: RequestError: dial tcp: i/o timeout";
        for (stopped, code, reason, class, shown) in [
            (
                crash,
                Some(1),
                "",
                Crash,
                "container app exited with 1 (Essential container in task exited)",
            ),
            (
                crash,
                Some(137),
                "OutOfMemoryError: Container killed due to memory usage",
                Crash,
                "container app exited with 137 (OutOfMemoryError: Container killed due to memory usage)\n  the task stopped: Essential container in task exited",
            ),
            (missing, None, "", Permanent, missing),
            (denied, None, "", Permanent, denied),
            (network, None, "", Passing, network),
            (
                "Task failed to start",
                None,
                "CannotStartContainerError: exec format error",
                Permanent,
                "container app: CannotStartContainerError: exec format error\n  the task stopped: Task failed to start",
            ),
            (
                "CannotPullContainerError: dial tcp: i/o timeout",
                None,
                "",
                Passing,
                "CannotPullContainerError: dial tcp: i/o timeout",
            ),
            (
                "Your Spot Task was interrupted.",
                None,
                "",
                Passing,
                "Your Spot Task was interrupted.",
            ),
            (
                "Timeout waiting for network interface provisioning to complete.",
                None,
                "",
                Passing,
                "Timeout waiting for network interface provisioning to complete.",
            ),
            (
                "Capacity is unavailable at this time. Please try again later",
                None,
                "",
                Passing,
                "Capacity is unavailable at this time. Please try again later",
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

    #[test]
    fn a_task_that_the_service_ended_did_not_crash_unless_it_was_unhealthy() {
        let ended = |reason: &str| {
            let mut task = task(reason, Some(143), "");
            task.stop_code = Some(TaskStopCode::ServiceSchedulerInitiated);
            classify(&task)
        };
        assert_eq!(ended("Scaling activity initiated by (deployment ecs-svc/1)").0, Class::Passing);
        let (class, failure) = ended("Task failed ELB health checks in (target-group arn:x)");
        assert_eq!(class, Class::Crash);
        assert!(failure.is_unhealthy());
        assert_eq!(ended("Task failed container health checks").0, Class::Crash);
    }
}
