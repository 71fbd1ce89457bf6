//! The programs that have to succeed after a deployment, on this machine: what they find decides
//! whether it stays.

use std::time::Duration;

use landfall_toml::OnFail;
use step_core::output;
use step_core::process::Process;

use crate::failure::Failure;
use crate::{Ctx, cancelled};

/// What speaks against a deployment that runs.
#[derive(Debug)]
pub(crate) struct Objection {
    pub(crate) failure: Failure,
    /// Whether it goes back for that.
    pub(crate) goes_back: bool,
}

/// Runs the programs of a deployment, until one fails or the job is cancelled.
pub(crate) async fn objection(ctx: &Ctx) -> Option<Objection> {
    tokio::select! {
        failure = run(ctx) => {
            failure.map(|failure| Objection { failure, goes_back: ctx.settings.on_fail == OnFail::Rollback })
        }
        () = cancelled(ctx) => {
            Some(Objection { failure: Failure::of("the job was cancelled"), goes_back: true })
        }
    }
}

/// Runs them in turn, until one fails: that one is not there, or does not end, is a failure like any.
pub(crate) async fn run(ctx: &Ctx) -> Option<Failure> {
    for command in &ctx.settings.after {
        let Some((program, arguments)) = command.split_first() else { continue };
        let shown = command.join(" ");
        let _section = output::section(&format!("After the deployment: {shown}"));
        let mut process = Process::new(program, arguments)
            .limit(ctx.deadline.remaining().max(LEAST))
            // smoke-test signs its verdict with it.
            .passing("LANDFALL_VERDICT_KEY")
            // These are about our own report.
            .withholding(["LANDFALL_REPORT", "LANDFALL_OUTPUT"]);
        if let Some(env) = &ctx.settings.env {
            process = process.variable("LANDFALL_ENV", env);
        }
        let ran = match output::alive(&shown, process.run()).await {
            Ok(ran) => ran,
            Err(err) => return Some(Failure::of(format!("{err:#}"))),
        };
        for text in [&ran.stdout, &ran.stderr] {
            String::from_utf8_lossy(text)
                .lines()
                .for_each(|line| output::say(format!("  | {line}")));
        }
        if !ran.status.success() {
            let said = String::from_utf8_lossy(&ran.stderr);
            let mut log: Vec<String> = said.lines().rev().take(LAST).map(str::to_owned).collect();
            log.reverse();
            let ended =
                ran.status.code().map_or_else(|| ran.status.to_string(), |code| code.to_string());
            return Some(Failure { log, ..Failure::of(format!("`{shown}` ended with {ended}")) });
        }
    }
    None
}

/// How long a program may run although the time of the deployment is up.
const LEAST: Duration = Duration::from_secs(60);

/// Lines of a program that failed.
const LAST: usize = 5;
