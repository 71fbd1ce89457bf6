//! A scratch project, and steps that run in it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use regex::Regex;
use tempfile::TempDir;

use crate::AwsProxy;

/// A folder of its own with an environment of its own: nothing of the machine's AWS, GitLab or
/// landfall settings reaches the steps that run in it.
#[derive(Debug)]
pub struct Project {
    folder: TempDir,
    env: BTreeMap<String, String>,
}

impl Project {
    /// An empty folder. The steps know no AWS account.
    pub fn new() -> Self {
        let mut env = BTreeMap::new();
        for name in ["PATH", "DOCKER_HOST"] {
            if let Some((_, value)) = std::env::vars().find(|(key, _)| key == name) {
                env.insert(name.to_owned(), value);
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        env.insert("HOME".into(), folder.path().display().to_string());
        env.insert("AWS_EC2_METADATA_DISABLED".into(), "true".into());
        Self { folder, env }
    }

    /// Gives the steps the local AWS, with the credentials of `account`.
    pub fn with_aws(mut self, account: &str) -> Self {
        self.env.extend(testbed_env());
        self.env.insert("AWS_ACCESS_KEY_ID".into(), account.to_owned());
        self
    }

    /// Gives the steps the linters of the testbed, before those of the machine.
    pub fn with_linters(mut self) -> Self {
        let folders = ["linters/venv", "linters/node/node_modules/.bin"];
        let mut folders: Vec<PathBuf> = folders.map(|folder| testbed().join(folder)).into();
        for folder in &folders {
            assert!(folder.exists(), "no {}: run `make up-linters`", folder.display());
        }
        folders[0].push("bin");
        let path = self.env.get("PATH").cloned().unwrap_or_default();
        folders.extend(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).expect("folders without a colon");
        self.env.insert("PATH".into(), path.to_str().expect("UTF-8").to_owned());
        self
    }

    /// Sets a variable for the steps.
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.set_env(name, value);
        self
    }

    /// Sets a variable for the steps that run from now on.
    pub fn set_env(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Writes a file.
    pub fn with_file(self, path: &str, content: &str) -> Self {
        self.write(path, content);
        self
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, content).expect("a file");
    }

    /// A path in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The content of a file.
    pub fn read(&self, path: &str) -> String {
        let path = self.path(path);
        std::fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
    }

    /// The content of a JSON file.
    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.read(path)).expect("JSON")
    }

    /// A program of the workspace, ready to be started in the folder.
    pub fn command(&self, program_name: &str) -> Command {
        let mut command = Command::new(program(program_name));
        command.current_dir(self.folder.path()).env_clear().envs(&self.env).stdin(Stdio::null());
        command
    }

    /// Runs a step to its end.
    pub fn run(&self, step: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(step).args(args))
    }

    /// Runs a step to its end with a proxy between it and the local AWS.
    pub fn run_through(&self, proxy: &AwsProxy, step: &str, args: &[&str]) -> Ran {
        Ran::of(self.command(step).args(args).env("AWS_ENDPOINT_URL", proxy.url()))
    }

    /// Starts a step, to interrupt it in the middle.
    pub fn start(&self, step: &str, args: &[&str]) -> Running {
        let mut command = self.command(step);
        let command = command.args(args).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the step starts");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        Running { child, stderr, said: String::new() }
    }
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

/// A step that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Running {
    /// Waits until the step says a text on stderr.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        while !self.said.contains(text) {
            let read = self.stderr.read_line(&mut self.said).expect("UTF-8");
            assert_ne!(read, 0, "it ended before it said `{text}`:\n{}", self.said);
        }
    }

    /// Sends a signal, `INT` or `TERM`, and waits for the end.
    pub fn signal(self, name: &str) -> Ran {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status();
        assert!(sent.expect("kill").success());
        self.wait()
    }

    /// Waits for the end.
    pub fn wait(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.said).expect("UTF-8");
        let code = self.child.wait().expect("an end").code();
        Ran { code, stdout: String::new(), stderr: self.said }
    }
}

/// What a step left behind.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The report.
    pub stdout: String,
    /// Everything else.
    pub stderr: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let output = command.output().expect("the step starts");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Asserts the exit code, and shows all that was said when it is another.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stderr holds a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no `{text}` in:\n{}", self.stderr);
        self
    }

    /// The report, when the step ran with `--output json`.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|err| panic!("{err}: {}", self.stdout))
    }

    /// stderr without what differs from run to run: seconds.
    pub fn stderr_without_times(&self) -> String {
        let seconds = Regex::new(r"\d+\.\d s").expect("a pattern");
        seconds.replace_all(&self.stderr, "N s").into_owned()
    }
}

/// A program of the workspace, as it was last built. `make test` builds all of them before.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    // TARGET/debug/deps/test-0123 or TARGET/debug/test
    let path = test.ancestors().skip(1).take(2).map(|folder| folder.join(name));
    path.into_iter()
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is not built: run `cargo build --workspace --bins`"))
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("shared/step-testkit has a root").to_owned()
}

/// The folder of the testbed.
fn testbed() -> PathBuf {
    let elsewhere = std::env::vars().find(|(key, _)| key == "LANDFALL_TESTBED");
    elsewhere.map_or_else(|| repository().join(".testbed"), |(_, path)| path.into())
}

/// The variables by which the parts of the testbed are reached.
pub fn testbed_env() -> BTreeMap<String, String> {
    let file = testbed().join("env");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|err| {
        panic!("the testbed does not run ({}: {err}): run `make up-pipeline`", file.display())
    });
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
