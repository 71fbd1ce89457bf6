//! Child processes: each in a group of its own, with a time limit and without our secrets.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::secret::{is_secret_name, is_token, redact};
use crate::{Exit, Fail};

/// A program to run for its output.
#[derive(Debug, Clone)]
pub struct Process {
    program: OsString,
    args: Vec<OsString>,
    folder: Option<PathBuf>,
    passed: Vec<String>,
    only: Option<Vec<String>>,
    withheld: Vec<String>,
    withholds_masked: bool,
    set: Vec<(String, String)>,
    limit: Duration,
    most: usize,
    kept: usize,
    ends_group: bool,
}

/// How much of what a program says besides its output is kept, in bytes.
const KEPT: usize = 16 * 1024;

/// How long a service has to end by itself when it is asked to.
const GRACE: Duration = Duration::from_secs(5);

/// How long is waited for the rest of a program's output after it has ended and its group with it.
const LEFT: Duration = Duration::from_secs(1);

impl Process {
    /// A program, found in `PATH`, with its arguments. Variables whose names say that they hold
    /// a secret, or whose values are tokens by their form, are not passed on.
    pub fn new<I: Into<OsString>>(
        program: impl Into<OsString>,
        args: impl IntoIterator<Item = I>,
    ) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            folder: None,
            passed: Vec::new(),
            only: None,
            withheld: Vec::new(),
            withholds_masked: false,
            set: Vec::new(),
            limit: Duration::from_secs(300),
            most: usize::MAX,
            kept: KEPT,
            ends_group: false,
        }
    }

    /// The folder to run in; the current one otherwise.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// A variable that is passed on although its name or its value says that it is a secret, for the
    /// program cannot work without.
    pub fn passing(mut self, variable: impl Into<String>) -> Self {
        self.passed.push(variable.into());
        self
    }

    /// Passes on only these variables, whatever their names say; `LC_*` means all that begin so.
    pub fn passing_only<I: Into<String>>(mut self, names: impl IntoIterator<Item = I>) -> Self {
        self.only = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Does not pass on these variables, whatever their names say; `LC_*` means all that begin so.
    pub fn withholding<I: Into<String>>(mut self, names: impl IntoIterator<Item = I>) -> Self {
        self.withheld.extend(names.into_iter().map(Into::into));
        self
    }

    /// Does not pass on variables in whose values something would be masked, for example an address with
    /// a password.
    pub fn withholding_masked(mut self) -> Self {
        self.withholds_masked = true;
        self
    }

    /// Sets a variable for the program.
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set.push((name.into(), value.into()));
        self
    }

    /// The time limit; 5 minutes otherwise. When it passes, the whole group is ended.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The most that the program may print, in bytes; as much as it likes otherwise.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// How much of what the program says besides its output is kept, in bytes: the end of it, 16 kB
    /// otherwise.
    pub fn keeping(mut self, bytes: usize) -> Self {
        self.kept = bytes;
        self
    }

    /// Ends what the program has started and left running.
    pub fn ending_group(mut self) -> Self {
        self.ends_group = true;
        self
    }

    /// Runs the program and returns its stdout, without the trailing line break.
    ///
    /// # Errors
    /// As [`Process::bytes`]; or what it printed is not UTF-8.
    pub async fn output(&self) -> anyhow::Result<String> {
        let stdout = String::from_utf8(self.bytes().await?)
            .with_context(|| format!("{self} printed something that is not UTF-8"))?;
        Ok(stdout.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Runs the program and returns its stdout.
    ///
    /// # Errors
    /// As [`Process::run`]; or it failed (exit 1, with the last lines of its stderr).
    pub async fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        let ran = self.run().await?;
        if !ran.status.success() {
            return Err(self.failed(&ran).into());
        }
        Ok(ran.stdout)
    }

    /// Runs the program, and leaves it to the caller what its end means.
    ///
    /// # Errors
    /// The program is not there (exit 4), its folder is not there (exit 2), it ran too long (exit 5), or
    /// printed too much (exit 2).
    pub async fn run(&self) -> anyhow::Result<Ran> {
        let mut child = self.spawn()?;
        let mut group = Group::of(&child);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let said = Said::new(self.kept);
        let mut output = Vec::new();
        let run = async {
            let reading = async {
                tokio::join!(read_all(stdout, self.most, &mut output), said.listen(stderr)).0
            };
            tokio::pin!(reading);
            let mut read = None;
            let status = loop {
                tokio::select! {
                    status = child.wait() => break status,
                    result = &mut reading, if read.is_none() => read = Some(result),
                }
            };
            // Its pipes are open as long as what it started has them.
            if self.ends_group {
                group.end();
            }
            let read = match read {
                Some(read) => read,
                // What has left the group is not ended, nor waited for.
                None if self.ends_group => timeout(LEFT, reading).await.unwrap_or(Ok(())),
                None => reading.await,
            };
            (status, read)
        };
        let Ok((status, read)) = timeout(self.limit, run).await else {
            let message =
                format!("{self} ran longer than {}", humantime::format_duration(self.limit));
            return Err(Fail::new(Exit::TimedOut, said.after(message)).into());
        };
        let status = status.with_context(|| format!("wait for {self}"))?;
        group.has_ended();
        read.with_context(|| format!("read the output of {self}"))?;
        if output.len() > self.most {
            let most = match self.most / 1024 {
                kilobytes @ 0..1024 => format!("{kilobytes} kB"),
                kilobytes => format!("{} MB", kilobytes / 1024),
            };
            return Err(Fail::invalid(format!("{self} printed more than {most}"))
                .help("let it print less")
                .into());
        }
        Ok(Ran { status, stdout: output, stderr: said.kept() })
    }

    /// Starts the program, to go on while it runs. What it prints is kept for errors.
    ///
    /// # Errors
    /// The program is not there (exit 4), its folder is not there (exit 2), or it cannot be started
    /// (exit 1).
    pub fn start(&self) -> anyhow::Result<Service> {
        let mut child = self.spawn()?;
        let group = Group::of(&child);
        let said = Said::new(self.kept);
        let listening = [
            tokio::spawn(said.clone().listening(child.stdout.take())),
            tokio::spawn(said.clone().listening(child.stderr.take())),
        ];
        Ok(Service { process: self.clone(), child, group, said, listening })
    }

    fn spawn(&self) -> Result<Child, Fail> {
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
        for (name, value) in std::env::vars_os() {
            if !self.passes(&name, &value) {
                command.env_remove(name);
            }
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
        command.spawn().map_err(|err| self.not_started(&err))
    }

    fn passes(&self, name: &OsStr, value: &OsStr) -> bool {
        let name = name.to_string_lossy();
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == *pattern,
        };
        if self.withheld.iter().any(fits) {
            return false;
        }
        match &self.only {
            Some(only) => only.iter().any(fits),
            None => {
                let value = value.to_string_lossy();
                let is_secret = is_secret_name(&name)
                    || is_token(&value)
                    || self.withholds_masked && redact(&value) != value;
                !is_secret || self.passed.iter().any(|passed| *passed == name)
            }
        }
    }

    fn failed(&self, ran: &Ran) -> Fail {
        let said = String::from_utf8_lossy(&ran.stderr);
        let message = with_last_lines(format!("{self} failed ({})", ran.status), &said);
        Fail::new(Exit::Failed, message)
    }

    fn not_started(&self, err: &std::io::Error) -> Fail {
        let program = self.program.to_string_lossy();
        if let Some(folder) = self.folder.as_ref().filter(|folder| !folder.is_dir()) {
            Fail::invalid(format!("there is no folder {} to run {self} in", folder.display()))
                .help("write the path of the folder from the current one")
        } else if err.kind() != std::io::ErrorKind::NotFound {
            Fail::new(Exit::Failed, format!("start {self}: {err}"))
        } else if program.contains('/') {
            Fail::new(Exit::Unreachable, format!("there is no program {program}"))
                .help("build it first, or mend its path")
        } else {
            Fail::new(Exit::Unreachable, format!("{program} is not installed"))
                .help(format!("install {program} and make sure that it is in PATH"))
        }
    }
}

/// The program and its subcommand; other arguments could hold what is nobody's business.
impl std::fmt::Display for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.program.display())?;
        match self.args.first() {
            Some(arg) if !arg.as_encoded_bytes().starts_with(b"-") => {
                write!(f, " {}", arg.display())
            }
            _ => Ok(()),
        }
    }
}

/// How a program ended, and what it printed.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// All of its output.
    pub stdout: Vec<u8>,
    /// The end of what it said besides.
    pub stderr: Vec<u8>,
}

/// A program that runs on while the step does something else. It is ended, with all that it started,
/// when this is dropped.
#[derive(Debug)]
pub struct Service {
    process: Process,
    child: Child,
    group: Group,
    said: Said,
    listening: [JoinHandle<()>; 2],
}

impl Service {
    /// Waits for the program to end by itself, and says how it did.
    pub async fn ended(&mut self) -> Fail {
        let status = self.child.wait().await;
        // What it started may have its pipes for longer.
        for listening in &mut self.listening {
            let _not_in_time = timeout(Duration::from_millis(200), listening).await;
        }
        match status {
            Ok(status) => {
                let message = format!("{} ended ({status})", self.process);
                Fail::new(Exit::Failed, self.said.after(message))
            }
            Err(err) => Fail::new(Exit::Failed, format!("wait for {}: {err}", self.process)),
        }
    }

    /// A message, and the last lines that the program said.
    pub fn after(&self, message: String) -> String {
        self.said.after(message)
    }

    /// Asks the whole group to end, and ends what has not after 5 s.
    pub async fn stop(mut self) {
        self.group.signal(Signal::TERM);
        let start = Instant::now();
        let mut is_reaped = false;
        while start.elapsed() < GRACE {
            is_reaped = is_reaped || matches!(self.child.try_wait(), Ok(Some(_)));
            if is_reaped && !self.group.is_there() {
                self.group.has_ended();
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.group.end();
        let _gone = self.child.wait().await;
    }
}

/// Ends all processes of the group when dropped, unless the child has ended by itself: a step
/// that is interrupted or out of time leaves no grandchildren behind.
#[derive(Debug)]
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn has_ended(&mut self) {
        self.0 = None;
    }

    fn end(&mut self) {
        self.signal(Signal::KILL);
        self.has_ended();
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            let _already_gone = kill_process_group(group, signal);
        }
    }

    fn is_there(&self) -> bool {
        self.0.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// The end of what a program said.
#[derive(Debug, Clone)]
struct Said {
    kept: Arc<Mutex<VecDeque<u8>>>,
    most: usize,
}

impl Said {
    fn new(most: usize) -> Self {
        Self { kept: Arc::default(), most }
    }

    async fn listen(&self, stream: Option<impl AsyncRead + Unpin>) {
        let Some(mut stream) = stream else { return };
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.extend(&chunk[..length]);
            let excess = kept.len().saturating_sub(self.most);
            kept.drain(..excess);
        }
    }

    async fn listening(self, stream: Option<impl AsyncRead + Unpin>) {
        self.listen(stream).await;
    }

    fn kept(&self) -> Vec<u8> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// A message, and the last lines of it.
    fn after(&self, message: String) -> String {
        with_last_lines(message, &String::from_utf8_lossy(&self.kept()))
    }
}

fn with_last_lines(message: String, said: &str) -> String {
    let said = last_lines(said);
    if said.is_empty() { message } else { format!("{message}: {said}") }
}

/// All of a stream, and one byte more than `most` when it has more. What was read stays there when this
/// is given up.
async fn read_all(
    stream: Option<impl AsyncRead + Unpin>,
    most: usize,
    bytes: &mut Vec<u8>,
) -> std::io::Result<()> {
    if let Some(stream) = stream {
        let most = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        stream.take(most).read_to_end(bytes).await?;
    }
    Ok(())
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
    async fn a_missing_path_or_folder_is_not_told_as_a_program_to_install() {
        let err = Process::new("./no-such-program", ["x"]).output().await.unwrap_err();
        let fail = Fail::of(&err).unwrap();
        assert_eq!(fail.exit(), Exit::Unreachable);
        assert_eq!(fail.to_string(), "there is no program ./no-such-program");
        let err = shell("true").folder("/no/such/folder").output().await.unwrap_err();
        let fail = Fail::of(&err).unwrap();
        assert_eq!(fail.exit(), Exit::Invalid);
        assert_eq!(fail.to_string(), "there is no folder /no/such/folder to run sh in");
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
        assert_ends(&folder.path().join("grandchild")).await;
    }

    #[tokio::test]
    async fn as_much_is_kept_of_what_a_program_says_as_is_asked_for() {
        let ran = shell("printf '%0100000d' 7 >&2").keeping(50_000).run().await.unwrap();
        assert_eq!((ran.stderr.len(), ran.stderr.last()), (50_000, Some(&b'7')));
    }

    #[tokio::test]
    async fn what_a_program_leaves_running_is_ended_when_that_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let run = shell("sleep 60 & echo $! > grandchild; echo done").folder(folder.path());
        assert_eq!(run.ending_group().output().await.unwrap(), "done");
        assert_ends(&folder.path().join("grandchild")).await;
    }

    #[tokio::test]
    async fn what_has_left_the_group_is_not_waited_for() {
        let run = shell("echo done; setsid sleep 5 &").limit(Duration::from_secs(4));
        assert_eq!(run.ending_group().output().await.unwrap(), "done");
    }

    #[tokio::test]
    async fn what_is_withheld_is_not_passed_on() {
        let run = shell("env").withholding(["CARGO_PKG_*"]).passing("CARGO_PKG_NAME");
        let said = run.output().await.unwrap();
        assert!(said.contains("PATH=") && !said.contains("CARGO_PKG_"), "{said}");
    }

    #[test]
    fn a_token_is_not_passed_on_whatever_its_name_is() {
        let token = OsStr::new("glpat-aBcDeFgHiJkLmNoPqRsT");
        let passes = |process: &Process, name: &str, value| process.passes(OsStr::new(name), value);
        assert!(!passes(&shell(""), "RENOVATE", token));
        assert!(passes(&shell(""), "RENOVATE", OsStr::new("main")));
        assert!(passes(&shell("").passing("RENOVATE"), "RENOVATE", token));
        assert!(passes(&shell("").passing_only(["RENOVATE"]), "RENOVATE", token));
        assert!(!passes(&shell(""), "GITLAB_PAT", OsStr::new("main")));
    }

    #[tokio::test]
    async fn only_the_named_variables_are_passed_on() {
        let run = shell("env | cut -d= -f1 | sort").passing_only(["PATH", "CARGO_PKG_*"]);
        let names = run.variable("OWN_TOKEN", "x").output().await.unwrap();
        let other = |it: &&str| {
            !(it.starts_with("CARGO_PKG_")
                || ["PATH", "OWN_TOKEN", "PWD", "SHLVL", "_", "OLDPWD"].contains(it))
        };
        assert_eq!(names.lines().find(other), None, "{names}");
        assert!(names.contains("CARGO_PKG_NAME") && names.contains("OWN_TOKEN"), "{names}");
    }

    #[tokio::test]
    async fn a_program_that_prints_without_end_is_ended() {
        let err = shell("yes").at_most(1024 * 1024).output().await.unwrap_err();
        assert_eq!(err.to_string(), "sh printed more than 1 MB");
        let err = shell("yes").at_most(64 * 1024).output().await.unwrap_err();
        assert_eq!(err.to_string(), "sh printed more than 64 kB");
        assert_eq!(Fail::of(&err).and_then(Fail::help_text), Some("let it print less"));
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Invalid);
    }

    #[tokio::test]
    async fn a_service_ends_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let script = "(trap '' TERM; echo ready; sleep 60; sleep 60) & echo $! > grandchild; wait";
        let service = shell(script).folder(folder.path()).start().unwrap();
        let grandchild = folder.path().join("grandchild");
        while std::fs::read_to_string(&grandchild).unwrap_or_default().is_empty()
            || service.after(String::new()).is_empty()
        {
            sleep(Duration::from_millis(10)).await;
        }
        let start = Instant::now();
        service.stop().await;
        assert!(start.elapsed() >= GRACE, "it was not asked first");
        assert_ends(&grandchild).await;
    }

    #[tokio::test]
    async fn a_service_that_obeys_ends_at_once() {
        let service = shell("exec sleep 60").start().unwrap();
        let start = Instant::now();
        service.stop().await;
        assert!(start.elapsed() < GRACE);
    }

    #[tokio::test]
    async fn a_service_that_ends_by_itself_says_why() {
        let mut service = shell("echo starting; echo no port >&2; exit 4").start().unwrap();
        let said = service.ended().await.to_string();
        assert!(said.starts_with("sh ended (exit status: 4): "), "{said}");
        assert!(said.contains("starting") && said.contains("no port"), "{said}");
    }

    /// Waits until the process whose number is in a file has ended.
    async fn assert_ends(file: &std::path::Path) {
        let pid = std::fs::read_to_string(file).unwrap();
        let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        // The kernel needs a moment; a zombie (state Z) has ended, too.
        for _ in 0..50 {
            match std::fs::read_to_string(&stat) {
                Ok(text) if !text.contains(") Z ") => sleep(Duration::from_millis(20)).await,
                _ => return,
            }
        }
        panic!("the grandchild still runs");
    }
}
