//! Child processes: each in a group of its own, with a time limit and without our secrets.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::Command;
use tokio::time::timeout;

use crate::secret::is_secret_name;
use crate::{Exit, Fail};

/// A program to run for its output.
#[derive(Debug, Clone)]
pub struct Process {
    program: String,
    args: Vec<String>,
    folder: Option<PathBuf>,
    passed: Vec<String>,
    limit: Duration,
}

impl Process {
    /// A program, found in `PATH`, with its arguments. Variables whose names say that they hold
    /// a secret are not passed on.
    pub fn new<I: Into<String>>(
        program: impl Into<String>,
        args: impl IntoIterator<Item = I>,
    ) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            folder: None,
            passed: Vec::new(),
            limit: Duration::from_secs(300),
        }
    }

    /// The folder to run in; the current one otherwise.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// A variable that is passed on although its name says that it holds a secret, for the program
    /// cannot work without.
    pub fn passing(mut self, variable: impl Into<String>) -> Self {
        self.passed.push(variable.into());
        self
    }

    /// The time limit; 5 minutes otherwise. When it passes, the whole group is ended.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs the program and returns its stdout, without the trailing line break.
    ///
    /// # Errors
    /// The program is not installed (exit 4), ran too long (exit 5), or failed (exit 1, with the
    /// last lines of its stderr).
    pub async fn output(&self) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .process_group(0)
            .kill_on_drop(true)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if is_secret_name(&text) && !self.passed.iter().any(|passed| *passed == text) {
                command.env_remove(name);
            }
        }
        let child = command.spawn().map_err(|err| self.not_started(&err))?;
        let mut group = Group::of(&child);
        let Ok(output) = timeout(self.limit, child.wait_with_output()).await else {
            let limit = humantime::format_duration(self.limit);
            return Err(Fail::new(Exit::TimedOut, format!("{self} ran longer than {limit}")).into());
        };
        let output = output.with_context(|| format!("read the output of {self}"))?;
        group.has_ended();
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let said = last_lines(&stderr);
            let said = if said.is_empty() { said } else { format!(": {said}") };
            let message = format!("{self} failed ({}){said}", output.status);
            return Err(Fail::new(Exit::Failed, message).into());
        }
        let stdout = String::from_utf8(output.stdout)
            .with_context(|| format!("{self} printed something that is not UTF-8"))?;
        Ok(stdout.trim_end_matches(['\r', '\n']).to_owned())
    }

    fn not_started(&self, err: &std::io::Error) -> Fail {
        if err.kind() == std::io::ErrorKind::NotFound {
            Fail::new(Exit::Unreachable, format!("{} is not installed", self.program))
                .help(format!("install {} and make sure that it is in PATH", self.program))
        } else {
            Fail::new(Exit::Failed, format!("start {self}: {err}"))
        }
    }
}

/// The program and its subcommand; other arguments could hold what is nobody's business.
impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.program)?;
        match self.args.first() {
            Some(arg) if !arg.starts_with('-') => write!(f, " {arg}"),
            _ => Ok(()),
        }
    }
}

/// Ends all processes of the group when dropped, unless the child has ended by itself: a step
/// that is interrupted or out of time leaves no grandchildren behind.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &tokio::process::Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _already_gone = kill_process_group(group, Signal::KILL);
        }
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::new("sh", ["-c", script])
    }

    #[tokio::test]
    async fn output_comes_without_its_line_break() {
        assert_eq!(shell("echo one; echo two").output().await.unwrap(), "one\ntwo");
    }

    #[tokio::test]
    async fn a_missing_program_is_named_with_what_to_do() {
        let err = Process::new("no-such-program", ["x"]).output().await.unwrap_err();
        let fail = Fail::of(&err).unwrap();
        assert_eq!(fail.exit(), Exit::Unreachable);
        assert_eq!(fail.to_string(), "no-such-program is not installed");
        assert!(fail.help_text().unwrap().contains("PATH"));
    }

    #[tokio::test]
    async fn a_failure_shows_the_end_of_stderr() {
        let err = shell("echo because >&2; exit 3").output().await.unwrap_err();
        assert_eq!(err.to_string(), "sh failed (exit status: 3): because");
    }

    #[tokio::test]
    async fn a_failure_without_a_word_shows_its_status() {
        let err = shell("exit 3").output().await.unwrap_err();
        assert_eq!(err.to_string(), "sh failed (exit status: 3)");
    }

    #[tokio::test]
    async fn the_time_limit_ends_grandchildren_too() {
        let folder = tempfile::tempdir().unwrap();
        let script = "sleep 60 & echo $! > grandchild; wait";
        let run = shell(script).folder(folder.path()).limit(Duration::from_millis(300));
        let err = run.output().await.unwrap_err();
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::TimedOut);
        let pid = std::fs::read_to_string(folder.path().join("grandchild")).unwrap();
        let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        // The kernel needs a moment; a zombie (state Z) has ended, too.
        for _ in 0..50 {
            match std::fs::read_to_string(&stat) {
                Ok(text) if !text.contains(") Z ") => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                _ => return,
            }
        }
        panic!("the grandchild still runs");
    }
}
