//! The step as a user runs it, in a scratch repository, with small scripts as linters.

mod adapters;
mod broken;
mod cached;
mod changed;
mod fixing;
mod hooks;
mod names;
mod reports;
mod schedule;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::OnceLock;

use step_testkit::{Project, Ran};

/// A repository without commits.
struct Repository {
    project: Project,
}

/// Tells each line with `bad` in it, and notes what it was given.
const WORDS: &str = r#"#!/bin/sh
echo "$#: $*" >> .git/starts
grep -n bad /dev/null "$@" | LC_ALL=C sed -E 's/^([^:]*):([0-9]+):.*/\1:\2:3: a bad word/'
exit 0
"#;

/// The linter of [`WORDS`] in landfall.toml.
const WORDS_TOML: &str = "\
[defaults.lint-check.linters.words]
command = ['./tools/words', '{files}']
files = ['*.txt']
configs = ['words.cfg']
";

impl Repository {
    fn with_known() -> Self {
        let project = Project::new()
            .with_env("GIT_CONFIG_NOSYSTEM", "1")
            .with_env("GIT_AUTHOR_NAME", "A")
            .with_env("GIT_AUTHOR_EMAIL", "a@example.com")
            .with_env("GIT_COMMITTER_NAME", "A")
            .with_env("GIT_COMMITTER_EMAIL", "a@example.com");
        let repository = Self { project };
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    /// With the linter of [`WORDS`] alone.
    fn with_words() -> Self {
        let repository = Self::new();
        repository.tool("words", WORDS);
        repository.configure(WORDS_TOML);
        repository
    }

    /// Without the linters that are known: whether they are installed is the machine's business.
    fn new() -> Self {
        let repository = Self::with_known();
        repository.configure(without_known());
        repository
    }

    fn write(&self, path: &str, text: &str) {
        self.project.write(path, text);
    }

    /// Writes an executable script.
    fn tool(&self, name: &str, script: &str) {
        let path = format!("tools/{name}");
        self.write(&path, script);
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.project.path(&path), mode).expect("an executable file");
    }

    /// Adds linters to landfall.toml.
    fn configure(&self, toml: &str) {
        let path = self.project.path("landfall.toml");
        let before = std::fs::read_to_string(path).unwrap_or_default();
        self.write("landfall.toml", &format!("{before}\n{toml}"));
    }

    #[track_caller]
    fn git(&self, args: &[&str]) -> String {
        let output = self.git_command(args).output().expect("git starts");
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn git_command(&self, args: &[&str]) -> Command {
        let mut git = Command::new("git");
        // The environment of the steps, so that no setting of the machine counts.
        let step = self.project.command("lint-check");
        let variables = step.get_envs().filter_map(|(name, value)| Some((name, value?)));
        git.env_clear().envs(variables).args(args).current_dir(self.project.path("."));
        git
    }

    /// Commits all that is there; the commit.
    fn commit(&self) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", "m"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs the step.
    fn lint(&self, args: &[&str]) -> Ran {
        self.project.run("lint-check", args)
    }

    /// What the linter of [`WORDS`] was given, a line for each start, since this was asked.
    fn starts(&self) -> Vec<String> {
        let path = self.project.path(".git/starts");
        let text = std::fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let _none = std::fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }
}

/// Settings that switch off all linters that are known.
fn without_known() -> &'static str {
    static SETTINGS: OnceLock<String> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let list = Project::new().run("lint-check", &["list", "--output", "json"]).expect(0).json();
        let names = list["report"]["others"].as_array().expect("a list").iter();
        names
            .map(|it| format!("[defaults.lint-check.linters.{}]\nenabled = false\n", it["name"]))
            .collect()
    })
}

/// The last line of a report.
fn last(ran: &Ran) -> &str {
    ran.stdout.lines().last().unwrap_or_default()
}
