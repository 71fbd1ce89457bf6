//! Exit codes and the one error type that carries them.

use std::fmt;

use serde::Serialize;

/// The exit codes of every step. They are public API: a pipeline may branch on them.
///
/// Besides these a step ends with 130 on SIGINT and 143 on SIGTERM, as shells report them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An unexpected error.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Invalid = 2,
    /// A negative verdict: findings, failed checks, something pending.
    Negative = 3,
    /// Something that the step needs cannot be reached, or denies access.
    Unreachable = 4,
    /// The time limit passed.
    TimedOut = 5,
    /// The change was undone; the old version runs.
    RolledBack = 6,
    /// A newer run took over.
    Superseded = 7,
    /// A guard refused: wrong account, immutable tag, missing verdict.
    Refused = 8,
}

impl Exit {
    /// Every code, in order, with the words that `--help` shows.
    pub const TABLE: [(Exit, &'static str); 9] = [
        (Exit::Done, "done, or nothing to do"),
        (Exit::Failed, "unexpected error"),
        (Exit::Invalid, "usage or configuration"),
        (Exit::Negative, "negative verdict: failed checks, findings, pending changes"),
        (Exit::Unreachable, "a dependency is unreachable or denies access"),
        (Exit::TimedOut, "timed out"),
        (Exit::RolledBack, "rolled back: the change was undone, the old version runs"),
        (Exit::Superseded, "superseded by a newer run"),
        (Exit::Refused, "refused by a guard: wrong account, immutable tag, ..."),
    ];

    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The outcome that a report names when a step ends with this code in an error.
    pub fn outcome(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Failed => "failed",
            Exit::Invalid => "invalid",
            Exit::Negative => "negative",
            Exit::Unreachable => "unreachable",
            Exit::TimedOut => "timed_out",
            Exit::RolledBack => "rolled_back",
            Exit::Superseded => "superseded",
            Exit::Refused => "refused",
        }
    }
}

/// An error that knows its exit code and what the user should do next.
///
/// It may stand anywhere in the chain of an [`anyhow::Error`].
#[derive(Debug, Clone)]
pub struct Fail {
    exit: Exit,
    message: String,
    help: Option<String>,
    transient: bool,
}

impl Fail {
    /// An error that ends the step with `exit`; `message` says what is wrong.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), help: None, transient: false }
    }

    /// The command line or a configuration file is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exit::Invalid, message)
    }

    /// What the user should do next, in one sentence.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Marks an error that may pass by itself (a throttle, a lost connection):
    /// [`poll`](crate::poll::poll) goes on after it, until its deadline.
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do next, if this error knows.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Whether trying again may help.
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// The [`Fail`] in the chain of an error, the outermost first.
    pub fn of(err: &anyhow::Error) -> Option<&Fail> {
        err.downcast_ref::<Fail>()
            .or_else(|| err.chain().find_map(|cause| cause.downcast_ref::<Fail>()))
    }

    /// An error as it would be shown if the step ended with it: for a report that tells of several, or
    /// that is told all the same.
    pub fn whole(err: &anyhow::Error) -> Self {
        let fail = Self::of(err);
        Self {
            exit: fail.map_or(Exit::Failed, Self::exit),
            message: format!("{err:#}"),
            help: fail.and_then(Self::help_text).map(str::to_owned),
            transient: fail.is_some_and(Self::is_transient),
        }
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fail {}

/// Gives the error of a [`Result`] an exit code and a next step, and keeps its cause.
pub trait FailContext<T> {
    /// Replaces nothing: the cause stays in the chain below `fail`.
    ///
    /// # Errors
    /// The error of `self`, below the [`Fail`].
    fn or_fail(self, fail: impl FnOnce() -> Fail) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> FailContext<T> for Result<T, E> {
    fn or_fail(self, fail: impl FnOnce() -> Fail) -> anyhow::Result<T> {
        self.map_err(|err| err.into().context(fail()))
    }
}

/// The last cause of an error. Libraries wrap it in layers that say nothing ("dispatch failure",
/// "error sending request"); it is the one that talks.
pub fn innermost(err: &(dyn std::error::Error + 'static)) -> String {
    anyhow::Chain::new(err).last().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_fail_is_found_below_and_above_other_contexts() {
        let refused = || Fail::new(Exit::Refused, "wrong account").help("check --env");
        let below = Err::<(), _>(refused()).context("guard").unwrap_err();
        let above = Err::<(), _>(std::io::Error::other("cause")).or_fail(refused).unwrap_err();
        let between = above.context("outermost");
        for err in [&below, &between] {
            let fail = Fail::of(err).expect("the chain holds a Fail");
            assert_eq!(fail.exit(), Exit::Refused);
            assert_eq!(fail.help_text(), Some("check --env"));
        }
        assert_eq!(format!("{between:#}"), "outermost: wrong account: cause");
    }

    #[test]
    fn the_table_lists_every_code_in_order() {
        for (position, (exit, _)) in Exit::TABLE.iter().enumerate() {
            assert_eq!(usize::from(exit.code()), position);
        }
    }
}
