//! What the repository consists of, from `cargo metadata`: no list is kept by hand.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use cargo_metadata::MetadataCommand;

/// The packages of the repository.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    members: Vec<Member>,
}

/// A package of the repository.
#[derive(Debug)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the root.
    pub folder: PathBuf,
    /// The names of what it depends on directly.
    pub dependencies: Vec<String>,
}

impl Workspace {
    /// Asks cargo what is in the workspace that `folder` lies in.
    ///
    /// # Errors
    /// There is no workspace, or one of its manifests is wrong.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let metadata = MetadataCommand::new()
            .current_dir(folder)
            .no_deps()
            .exec()
            .with_context(|| format!("read the workspace in {}", folder.display()))?;
        let root = metadata.workspace_root.into_std_path_buf();
        let mut members = Vec::new();
        for package in metadata.packages {
            let folder = package.manifest_path.as_std_path().parent();
            let folder = folder.and_then(|folder| folder.strip_prefix(&root).ok());
            members.push(Member {
                name: package.name.to_string(),
                folder: folder.context("a package lies outside of the workspace")?.to_owned(),
                dependencies: package.dependencies.into_iter().map(|one| one.name).collect(),
            });
        }
        members.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(Self { root, members })
    }

    /// The folder of the workspace.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All packages but the examples: those stand alone, as in a repository of their own.
    pub fn own_members(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| !member.folder.starts_with("examples"))
    }

    /// The packages below `steps/`, by name.
    pub fn steps(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.folder.starts_with("steps"))
    }

    /// A file of the repository.
    ///
    /// # Errors
    /// Names the path.
    pub fn read(&self, path: &Path) -> anyhow::Result<String> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
    }

    /// All files that are in git or would be with `git add --all`, relative to the root.
    ///
    /// # Errors
    /// This is no checkout.
    pub fn files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let answer = git.current_dir(&self.root).output().context("start git")?;
        if !answer.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&answer.stderr).trim());
        }
        let listed = String::from_utf8(answer.stdout).context("git ls-files")?;
        let paths = listed.split('\0').filter(|path| !path.is_empty()).map(PathBuf::from);
        // A file that was deleted and not committed yet is still listed.
        Ok(paths.filter(|path| self.root.join(path).is_file()).collect())
    }
}

/// A folder with the built binaries of the steps.
#[derive(Debug)]
pub struct Programs(PathBuf);

impl Programs {
    /// The folder that was named, or the one where this program (or this test) lies.
    ///
    /// # Errors
    /// The path of this program is not known.
    pub fn open(folder: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            return Ok(Self(folder.canonicalize().with_context(|| folder.display().to_string())?));
        }
        let this = std::env::current_exe().context("the path of this program")?;
        let folder = this.parent().context("the folder of this program")?;
        // TARGET/debug/repo or TARGET/debug/deps/test-0123
        let profile = folder.ends_with("deps").then(|| folder.parent()).flatten();
        Ok(Self(profile.unwrap_or(folder).to_owned()))
    }

    /// The folder of the release profile, beside that of this program.
    ///
    /// # Errors
    /// The path of this program is not known.
    pub fn release() -> anyhow::Result<Self> {
        let Self(folder) = Self::open(None)?;
        let target = folder.parent().context("the target folder")?;
        Ok(Self(target.join("release")))
    }

    /// The path of a step's binary, if it is built.
    pub fn find(&self, step: &str) -> Option<PathBuf> {
        Some(self.0.join(step)).filter(|path| path.is_file())
    }

    /// A step, ready to be run for what it says of itself: with no variable of this environment,
    /// for clap shows their values, and with lines of 100 columns.
    ///
    /// # Errors
    /// It is not built.
    pub fn command(&self, step: &str) -> anyhow::Result<Command> {
        let path = self.find(step).with_context(|| {
            format!("{step} is not in {}: run `cargo build --workspace --bins`", self.0.display())
        })?;
        let mut command = Command::new(path);
        // clap asks the terminal first (there is none, as nothing is connected to one), then this.
        command.env_clear().env("COLUMNS", "100").stdin(Stdio::null());
        Ok(command)
    }

    /// What a step prints to stdout.
    ///
    /// # Errors
    /// It is not built, or it fails.
    pub fn output(&self, step: &str, args: &[&str]) -> anyhow::Result<String> {
        let shown = || format!("{step} {}", args.join(" "));
        let output = self.command(step)?.args(args).output().with_context(shown)?;
        if !output.status.success() {
            bail!("{}: {}", shown(), String::from_utf8_lossy(&output.stderr).trim());
        }
        String::from_utf8(output.stdout).with_context(shown)
    }
}
