//! The programs that have to succeed after a deployment, on this machine: what they find decides
//! whether it stays.

use std::time::Duration;

use landfall_toml::OnFail;
use step_core::output;
use step_core::process::Process;

use crate::Ctx;
use crate::failure::Failure;

/// Runs them in turn, until one fails. It is told what stands in the way of the deployment.
///
/// # Errors
/// A program is not there (exit 4), or ran longer than the time that is left (exit 5).
pub(crate) async fn run(ctx: &Ctx) -> anyhow::Result<Option<Failure>> {
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
        let ran = output::alive(&shown, process.run()).await?;
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
            return Ok(Some(Failure {
                log,
                ..Failure::of(format!("`{shown}` ended with {ended}"))
            }));
        }
    }
    Ok(None)
}

/// Whether the deployment goes back when one of them fails.
pub(crate) fn goes_back(ctx: &Ctx) -> bool {
    ctx.settings.on_fail == OnFail::Rollback
}

/// How long a program may run although the time of the deployment is up.
const LEAST: Duration = Duration::from_secs(60);

/// Lines of a program that failed.
const LAST: usize = 5;
