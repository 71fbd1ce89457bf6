//! Runs a program and measures it.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};
use wait4::Wait4;

/// What one run of a program took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    pub(super) seconds: f64,
    /// The most memory that it held at a time, as the kernel counted it; [`least_memory`] at least.
    pub(super) megabytes: f64,
    /// The code that it ended with.
    pub(super) code: i32,
    /// How often it called AWS, where that was counted.
    pub(super) calls: Option<usize>,
}

/// Runs a program to its end; what it prints goes to `log`, as a job's goes to a file.
pub(super) fn sample(command: &mut Command, log: &Path) -> anyhow::Result<Sample> {
    sample_ending(command, log, &[0])
}

/// As [`sample`], of a program that has done its work when it ends with one of these codes.
pub(super) fn sample_ending(
    command: &mut Command,
    log: &Path,
    good: &[i32],
) -> anyhow::Result<Sample> {
    let name = command.get_program().to_string_lossy().into_owned();
    let file = File::create(log).with_context(|| log.display().to_string())?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let start = Instant::now();
    let child = command.spawn().with_context(|| format!("start {name}"))?;
    let used = child.wait4().with_context(|| format!("wait for {name}"))?;
    let seconds = start.elapsed().as_secs_f64();
    let Some(code) = used.status.code().filter(|code| good.contains(code)) else {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        let last: Vec<&str> = said.lines().rev().take(20).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        bail!("{name}: {}\n{}", used.status, last.join("\n"));
    };
    let bytes = u32::try_from(used.rusage.maxrss).context("more than 4 GB")?;
    Ok(Sample { seconds, megabytes: f64::from(bytes) / 1e6, code, calls: None })
}

/// The least that a sample can show, in megabytes: on Linux the peak of a process begins with what
/// the process that started it held, here this one.
pub(super) fn least_memory() -> anyhow::Result<f64> {
    let log = tempfile::NamedTempFile::new()?;
    Ok(sample(&mut Command::new("true"), log.path())?.megabytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> anyhow::Result<Sample> {
        let log = tempfile::NamedTempFile::new().unwrap();
        sample(Command::new("sh").args(["-c", script]), log.path())
    }

    #[test]
    fn the_time_is_that_of_the_clock_and_the_memory_the_peak() {
        let idle = shell("sleep 0.2").unwrap();
        assert!((0.2..2.0).contains(&idle.seconds), "{idle:?}");
        let large = shell("head -c 60000000 /dev/zero | tail -c 60000000 | wc -c; :").unwrap();
        assert!(idle.megabytes < 60.0 && large.megabytes > 60.0, "{idle:?} {large:?}");
    }

    #[test]
    fn a_program_may_end_as_it_has_to() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "exit 3"]);
        assert!(sample_ending(&mut command, log.path(), &[0, 3]).is_ok());
        assert!(sample_ending(&mut command, log.path(), &[0, 1]).is_err());
    }

    #[test]
    fn a_program_that_fails_is_shown_with_what_it_said() {
        let said = shell("echo no such table; exit 3").unwrap_err().to_string();
        assert!(said.contains("exit status: 3") && said.contains("no such table"), "{said}");
    }
}
