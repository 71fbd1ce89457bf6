//! What the comparisons on the local AWS share: programs whose calls are counted.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use step_testkit::{AwsProxy, testbed_env};

use super::measure::{Sample, sample_ending};

/// A program that talks to the local AWS as an account.
pub(super) fn on_aws(program: &Path, account: &str) -> Command {
    let mut command = Command::new(program);
    command.envs(testbed_env()).env("AWS_ACCESS_KEY_ID", account).env_remove("LANDFALL_REGISTRY");
    // Nothing of the job or the developer who measures.
    for name in ["AWS_PROFILE", "AWS_SESSION_TOKEN", "LANDFALL_ENV", "CI"] {
        command.env_remove(name);
    }
    command
}

/// Runs it, and counts its calls to AWS.
pub(super) fn counted(mut command: Command, log: &Path, good: &[i32]) -> anyhow::Result<Sample> {
    let proxy = AwsProxy::start();
    command.env("AWS_ENDPOINT_URL", proxy.url());
    let sample = sample_ending(&mut command, log, good)?;
    Ok(Sample { calls: Some(proxy.calls().len()), ..sample })
}

/// The first line that a program says, without its first word: `aws-cli/1.46.3`.
pub(super) fn version(program: &Path) -> anyhow::Result<String> {
    let asked = Command::new(program).arg("--version").output();
    let asked = asked.with_context(|| format!("start {}", program.display()))?;
    ensure!(asked.status.success(), "{} --version: {}", program.display(), asked.status);
    let said = String::from_utf8_lossy(&asked.stdout);
    Ok(said.lines().next().unwrap_or_default().to_owned())
}
