//! The one `main` of all steps.

use std::process::ExitCode;

use clap::{Command, FromArgMatches, Parser};
use tokio::time::Instant;

use crate::report::{Envelope, ErrorReport};
use crate::signal::{advice, interrupted};
use crate::{Common, Exit, Fail, Report, args::OutputForm, output, secret};

/// Runs a step: parses the command line, runs `step` until it ends or a signal comes, prints the
/// report, and returns the exit code of [`Exit`].
///
/// `A` must flatten [`Common`].
pub fn main<A, R>(step: impl AsyncFnOnce(A) -> anyhow::Result<R>) -> ExitCode
where
    A: Parser,
    R: Report,
{
    secret::register_environment(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    let command = without_empty_variables(with_exit_codes(A::command()));
    let parsed = command.clone().try_get_matches().and_then(|matches| {
        Ok((Common::from_arg_matches(&matches)?, A::from_arg_matches(&matches)?))
    });
    let (common, args) = match parsed {
        Ok(parsed) => parsed,
        Err(err) => {
            let _gone = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(Exit::Invalid.code()));
        }
    };
    output::init(&common);
    if let Some(document) = documentation(&common, command.clone()) {
        output::print_report(&document);
        return ExitCode::SUCCESS;
    }
    let frame = Frame { command: &command, common: &common, start: Instant::now() };
    let result = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = result.map_err(anyhow::Error::from).and_then(|runtime| {
        let ended = runtime.block_on(async {
            tokio::select! {
                signal = interrupted() => signal.map(Ended::Interrupted),
                result = step(args) => result.map(Ended::Finished),
            }
        });
        // Dropping it would wait for blocking calls that nobody can stop, such as a name look-up.
        runtime.shutdown_background();
        ended
    });
    frame.conclude(result)
}

enum Ended<R> {
    Finished(R),
    Interrupted(crate::signal::Interrupt),
}

/// What is known of a run beside its result.
struct Frame<'a> {
    command: &'a Command,
    common: &'a Common,
    start: Instant,
}

impl Frame<'_> {
    fn conclude<R: Report>(&self, result: anyhow::Result<Ended<R>>) -> ExitCode {
        let exit = match result {
            Ok(Ended::Interrupted(signal)) => {
                let error = ErrorReport {
                    message: format!("interrupted by {}", signal.name),
                    help: Some(advice()).filter(|advice| !advice.is_empty()),
                };
                output::print_error(&error);
                let frame = self.envelope::<R>("interrupted", signal.code, Some(error), None);
                self.publish(&frame);
                return ExitCode::from(signal.code);
            }
            Ok(Ended::Finished(report)) => self.finished(&report),
            Err(err) => {
                let (exit, error) = ErrorReport::of(&err);
                output::print_error(&error);
                self.publish(&self.envelope::<R>(exit.outcome(), exit.code(), Some(error), None));
                self.outcome_line(exit.outcome(), exit);
                exit
            }
        };
        ExitCode::from(exit.code())
    }

    fn finished<R: Report>(&self, report: &R) -> Exit {
        let error = report.verdict().err();
        let exit = error.as_ref().map_or(Exit::Done, Fail::exit);
        if self.common.output == OutputForm::Text {
            output::print_report(&format!("{report}\n"));
        }
        let error = error.map(|fail| ErrorReport::of(&fail.into()).1);
        if let Some(error) = &error {
            output::print_error(error);
        }
        self.publish(&self.envelope(report.outcome(), exit.code(), error, Some(report)));
        self.outcome_line(report.outcome(), exit);
        exit
    }

    /// Writes the machine-readable report to where it was asked for.
    fn publish<R: serde::Serialize>(&self, envelope: &Envelope<'_, R>) {
        if self.common.output == OutputForm::Json {
            match envelope.to_json() {
                Ok(json) => output::print_redacted(&json),
                Err(err) => output::warn(format!("no report: {err:#}")),
            }
        }
        if let Some(path) = &self.common.report {
            // What was done is done: a report that cannot be written does not turn it into a
            // failure, which would invite a second run.
            if let Err(err) = envelope.write(path) {
                output::warn(format!("{err:#}"));
            }
        }
    }

    fn envelope<'a, R: serde::Serialize>(
        &'a self,
        outcome: &'a str,
        exit_code: u8,
        error: Option<ErrorReport>,
        report: Option<&'a R>,
    ) -> Envelope<'a, R> {
        Envelope {
            step: self.command.get_name(),
            version: self.command.get_version().unwrap_or_default(),
            env: self.common.environment(),
            dry_run: self.common.dry_run,
            outcome,
            exit_code,
            seconds: (self.seconds() * 1000.0).round() / 1000.0,
            error,
            report,
        }
    }

    fn outcome_line(&self, outcome: &str, exit: Exit) {
        output::print_outcome(self.command.get_name(), outcome, exit, self.seconds());
    }

    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}

/// Every step's `--help` ends with the table of exit codes.
fn with_exit_codes(command: Command) -> Command {
    let table: String = Exit::TABLE
        .iter()
        .map(|(exit, meaning)| format!("\n  {}  {meaning}", exit.code()))
        .collect();
    let examples = command.get_after_long_help().map(|text| format!("{text}\n\n"));
    let examples = examples.unwrap_or_default();
    command.after_long_help(format!("{examples}Exit codes:{table}"))
}

/// GitLab passes a variable that nobody gave a value as an empty one: it counts as not set, for the command
/// and for those below it. [`main`] sees to that; a step needs it for a command line that it makes itself.
#[must_use]
pub fn without_empty_variables(command: Command) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "asks clap's own variables whether they are empty"
    )]
    let is_empty = |name: &std::ffi::OsStr| std::env::var_os(name).is_some_and(|v| v.is_empty());
    let command = command.mut_args(|arg| {
        let reset = arg.get_env().is_some_and(is_empty);
        if reset { arg.env(None) } else { arg }
    });
    command.mut_subcommands(without_empty_variables)
}

fn documentation(common: &Common, mut command: Command) -> Option<String> {
    let mut text = Vec::new();
    if let Some(shell) = common.completions {
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command, name, &mut text);
    } else if common.man {
        clap_mangen::Man::new(command).render(&mut text).ok()?;
    }
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}
