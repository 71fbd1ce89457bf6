//! Looking again and again until something is so: one deadline, jitter, patience with faults.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Exit, Fail, output};

/// The moment at which a step gives up, fixed once for all that it waits for.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// A deadline that is `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now() + limit, limit }
    }

    /// What is left; zero when it has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    /// The whole time that was allowed.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// The error of a step that gives up: `what` did not happen in time.
    pub fn exceeded(&self, what: &str) -> Fail {
        let limit = humantime::format_duration(self.limit);
        Fail::new(Exit::TimedOut, format!("{what} within {limit}"))
    }
}

/// How often to look: eagerly while an answer is near, then at ease.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Between two looks in the first half minute.
    pub early: Duration,
    /// Between two looks later on.
    pub late: Duration,
}

impl Pace {
    /// For what AWS does by itself: 2 s, then 5 s.
    pub const SERVICE: Pace = Pace { early: Duration::from_secs(2), late: Duration::from_secs(5) };

    fn pause(self, since_start: Duration, faults: u32) -> Duration {
        let base = if since_start < EARLY { self.early } else { self.late };
        // A tenth of jitter: many pipelines start at the same minute.
        let jittered = base.mul_f64(0.9 + 0.2 * fastrand::f64());
        jittered * 2_u32.pow(faults.min(4))
    }
}

const EARLY: Duration = Duration::from_secs(30);

/// Calls `look` until it returns a value; `None` means that the deadline passed first.
///
/// An error that is marked as transient (see [`Fail::transient`]) is told and waited out, with a
/// growing pause, for a throttled poll says nothing about what is polled. If the deadline passes
/// while the last look failed, that error is returned.
///
/// # Errors
/// The first error of `look` that will not pass by itself.
pub async fn poll<T>(
    deadline: &Deadline,
    pace: Pace,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<Option<T>> {
    let start = Instant::now();
    let mut faults = 0;
    loop {
        let fault = match look().await {
            Ok(Some(value)) => return Ok(Some(value)),
            Ok(None) => None,
            Err(err) if Fail::of(&err).is_some_and(Fail::is_transient) => Some(err),
            Err(err) => return Err(err),
        };
        faults = if fault.is_some() { faults + 1 } else { 0 };
        if deadline.has_passed() {
            return fault.map_or(Ok(None), Err);
        }
        if let Some(err) = fault {
            output::warn(format!("{err:#}; trying again"));
        }
        sleep(pace.pause(start.elapsed(), faults).min(deadline.remaining())).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Pace = Pace { early: Duration::from_secs(1), late: Duration::from_secs(1) };

    #[tokio::test(start_paused = true)]
    async fn polling_ends_at_the_deadline_and_not_later() {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(60));
        let never = poll(&deadline, FAST, async || Ok(None::<()>)).await.unwrap();
        assert!(never.is_none());
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_waited_out() {
        let mut looks = 0;
        let deadline = Deadline::after(Duration::from_secs(60));
        let found = poll(&deadline, FAST, async || {
            looks += 1;
            if looks < 4 {
                Err(Fail::new(Exit::Unreachable, "throttled").transient().into())
            } else {
                Ok(Some(looks))
            }
        });
        assert_eq!(found.await.unwrap(), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_that_lasts_is_named_when_time_is_up() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let result = poll(&deadline, FAST, async || -> anyhow::Result<Option<()>> {
            Err(Fail::new(Exit::Unreachable, "throttled").transient().into())
        });
        assert_eq!(result.await.unwrap_err().to_string(), "throttled");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lasting_error_ends_the_polling_at_once() {
        let start = Instant::now();
        let deadline = Deadline::after(Duration::from_secs(60));
        let result =
            poll(&deadline, FAST, async || -> anyhow::Result<Option<()>> { anyhow::bail!("gone") });
        assert!(result.await.is_err());
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
