//! `lint-check` beside prek and pre-commit: ten linters that do nothing over 2,000 files, which shows what
//! running them costs; and four linters over a real tree, which shows whether they run side by side.
//!
//! All run the same commands on the same files, as hooks of the system, so that nobody downloads
//! anything; the linters are those of the testbed. The tree is what git tracks of this repository, and the
//! Python packages that the testbed has. Runs alternate between the programs, and each round begins with
//! another. What was found fails no run: 1 of the peers and 3 of `lint-check` are ends as good as 0.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use super::comparison::{Comparison, Goal, Measured, in_turns};
use super::measure::{least_memory, sample_ending};
use crate::workspace::Programs;

const FILES: usize = 2000;
const IDLE_LINTERS: usize = 10;
const ROUNDS_OF_NOTHING: usize = 11;
const ROUNDS: usize = 5;

/// The part of the best peer's time that running linters which do nothing may take.
const IDLE_BUDGET: f64 = 0.5;
/// The part of the best peer's time that a run may take in which nothing has changed.
const CACHED_BUDGET: f64 = 0.1;
/// The part of the slowest linter's time that all of them together may take.
const TOGETHER_BUDGET: f64 = 1.1;
/// In megabytes, of the program and of what it starts: linters that do nothing take nothing.
const IDLE_MEMORY: f64 = 30.0;
/// In megabytes; it is the linters that take it.
const REAL_MEMORY: f64 = 1000.0;

/// The linters of the real tree: name, what selects its files for the peers, and how it is called, which is
/// as `lint-check` calls it.
const LINTERS: [(&str, &str, &str); 4] = [
    ("ruff", "types_or: [python, pyi]", "ruff check --output-format=json --force-exclude --"),
    (
        "shellcheck",
        "types: [shell]",
        "shellcheck --format=json1 --external-sources --source-path=SCRIPTDIR --",
    ),
    (
        "yamllint",
        "types: [yaml]",
        "yamllint -d '{extends: relaxed, rules: {line-length: disable}}' --format parsable --",
    ),
    ("typos", "types: [text]", "typos --format json --force-exclude --threads 1 --"),
];

/// Measures all of them; needs what `up bench lint-check` made.
pub(super) fn compare(programs: &Programs, testbed: &Path) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("lint-check").context(
        "there is no release build of lint-check: run `cargo build --release -p lint-check`",
    )?;
    let bench = Bench::new(ours, testbed)?;
    let mut comparisons = idle(&bench)?;
    comparisons.extend(real(&bench)?);
    Ok(comparisons)
}

/// Linters that do nothing.
fn idle(bench: &Bench) -> anyhow::Result<Vec<Comparison>> {
    let folder = bench.scratch.path().join("idle");
    for number in 0..FILES {
        let path = folder.join(format!("f{:02}/{number:04}.txt", number % 40));
        write(&path, &format!("{number}\n").repeat(100))?;
    }
    let names: Vec<String> = (0..IDLE_LINTERS).map(|number| format!("idle{number}")).collect();
    let (mut toml, mut hooks) = (String::new(), HOOKS.to_owned());
    for name in &names {
        write!(
            toml,
            "[defaults.lint-check.linters.{name}]\ncommand = [\"true\", \"{{files}}\"]\n\
             files = [\"*.txt\"]\nformat = \"exit\"\n"
        )?;
        hooks += &hook(name, "types: [text]", "true");
    }
    write(&folder.join("landfall.toml"), &toml)?;
    write(&folder.join(".pre-commit-config.yaml"), &hooks)?;
    commit(&folder)?;
    let only = format!("--only={}", names.join(","));
    let [anew, kept, prek, pre_commit] = bench.measure(
        &folder,
        &format!("{IDLE_LINTERS} linters that do nothing"),
        ROUNDS_OF_NOTHING,
        [
            bench.ours("", &["--all", "--no-cache", &only]),
            bench.ours(", nothing changed", &["--all", &only]),
            bench.peer("prek", &["run", "--all-files"]),
            bench.peer("pre-commit", &["run", "--all-files"]),
        ],
    )?;
    let peers = vec![prek, pre_commit];
    let what = format!("{IDLE_LINTERS} idle linters, {FILES} files");
    let of = |goal, ours, peers: &[Measured]| -> anyhow::Result<Comparison> {
        let (what, peers) = (what.clone(), peers.to_vec());
        let least_memory = least_memory()?;
        Ok(Comparison { what, goal, memory: IDLE_MEMORY, least_memory, ours, peers })
    };
    Ok(vec![
        of(Goal::OfBestPeer(IDLE_BUDGET), anew, &peers)?,
        of(Goal::OfBestPeer(CACHED_BUDGET), kept, &peers)?,
    ])
}

/// Four linters over a real tree, together and each by itself.
fn real(bench: &Bench) -> anyhow::Result<Vec<Comparison>> {
    let folder = bench.scratch.path().join("real");
    let files = bench.copy_tree(&folder)?;
    let mut hooks = HOOKS.to_owned();
    for (name, files, entry) in LINTERS {
        hooks += &hook(name, files, entry);
    }
    write(&folder.join(".pre-commit-config.yaml"), &hooks)?;
    let settings = "[defaults.lint-check.linters.typos]\nargs = [\"--threads\", \"1\"]\n";
    write(&folder.join("landfall.toml"), settings)?;
    commit(&folder)?;
    let names = LINTERS.map(|(name, ..)| name);
    let only = format!("--only={}", names.join(","));
    let alone = names.map(|name| format!("--only={name}"));
    let mut contenders = vec![
        bench.ours("", &["--all", "--no-cache", &only]),
        bench.ours(", nothing changed", &["--all", &only]),
        bench.peer("prek", &["run", "--all-files"]),
        bench.peer("pre-commit", &["run", "--all-files"]),
    ];
    for (name, only) in names.iter().zip(&alone) {
        let args = ["--all", "--no-cache", "--jobs=1", only.as_str()];
        contenders.push(bench.ours(&format!(", {name} alone"), &args));
    }
    let contenders: [Contender; 8] =
        contenders.try_into().map_err(|_| anyhow::anyhow!("not eight contenders"))?;
    let what = format!("{} linters over {files} files", names.len());
    let [anew, kept, prek, pre_commit, alone @ ..] =
        bench.measure(&folder, &what, ROUNDS, contenders)?;
    let peers = vec![prek, pre_commit];
    let of = |goal, ours, peers: Vec<Measured>| -> anyhow::Result<Comparison> {
        let (what, least_memory) = (what.clone(), least_memory()?);
        Ok(Comparison { what, goal, memory: REAL_MEMORY, least_memory, ours, peers })
    };
    Ok(vec![
        of(Goal::OfSlowestPeer(TOGETHER_BUDGET), anew.clone(), alone.into())?,
        of(Goal::OfBestPeer(1.0), anew, peers.clone())?,
        of(Goal::OfBestPeer(CACHED_BUDGET), kept, peers)?,
    ])
}

/// A package that is larger than all others together.
const LEFT_OUT: &str = "sympy";

/// What prek and pre-commit read.
const HOOKS: &str = "repos:\n  - repo: local\n    hooks:\n";

fn hook(name: &str, files: &str, entry: &str) -> String {
    format!(
        "      - id: {name}\n        name: {name}\n        language: system\n        \
         entry: {entry:?}\n        {files}\n"
    )
}

/// The programs, and where they run.
struct Bench {
    ours: PathBuf,
    linters: PathBuf,
    scratch: tempfile::TempDir,
    path: OsString,
}

/// A program and its arguments.
struct Contender {
    name: String,
    program: PathBuf,
    args: Vec<String>,
}

impl Bench {
    fn new(ours: PathBuf, testbed: &Path) -> anyhow::Result<Self> {
        let linters = testbed.join("linters");
        let scratch =
            tempfile::tempdir_in(testbed).context("make a scratch folder in the testbed")?;
        let folders = [linters.join("venv/bin"), "/usr/local/bin".into(), "/usr/bin".into()];
        let path = std::env::join_paths(folders.into_iter().chain(["/bin".into()]))?;
        Ok(Self { ours, linters, scratch, path })
    }

    fn ours(&self, what: &str, args: &[&str]) -> Contender {
        Contender {
            name: format!("lint-check{what}"),
            program: self.ours.clone(),
            args: args.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    fn peer(&self, name: &str, args: &[&str]) -> Contender {
        Contender {
            name: name.to_owned(),
            program: self.linters.join("peers/bin").join(name),
            args: args.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    /// Runs all of them in alternation.
    fn measure<const N: usize>(
        &self,
        folder: &Path,
        what: &str,
        rounds: usize,
        contenders: [Contender; N],
    ) -> anyhow::Result<[Measured; N]> {
        let mut names = Vec::new();
        for one in &contenders {
            names.push(self.full_name(one)?);
            // Once before, for files that are not in memory and results that are not kept yet.
            self.run(folder, one)?;
        }
        let measured = in_turns(what, &names, rounds, |at| self.run(folder, &contenders[at]))?;
        measured.try_into().map_err(|_| anyhow::anyhow!("as many as there are contenders"))
    }

    fn run(&self, folder: &Path, one: &Contender) -> anyhow::Result<super::measure::Sample> {
        let mut command = self.command(&one.program);
        command.args(&one.args).current_dir(folder);
        let good = if one.program == self.ours { [0, 3] } else { [0, 1] };
        sample_ending(&mut command, &self.scratch.path().join("log"), &good)
            .with_context(|| one.name.clone())
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &self.path).env("HOME", self.scratch.path());
        // It keeps results itself, from the first round on.
        command.env("RUFF_NO_CACHE", "true");
        // One that takes all processors leaves none for others: then nothing runs side by side.
        command.env("RAYON_NUM_THREADS", "1");
        command
    }

    /// With its version, as it says it.
    fn full_name(&self, one: &Contender) -> anyhow::Result<String> {
        let asked = self.command(&one.program).arg("--version").output();
        let asked = asked.with_context(|| {
            format!("{} does not start: run `make bench STEP=lint-check`", one.program.display())
        })?;
        let said = String::from_utf8_lossy(&asked.stdout);
        let version = said.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let (name, what) = one.name.split_once(',').unwrap_or((&one.name, ""));
        let what = if what.is_empty() { String::new() } else { format!(",{what}") };
        Ok(format!("{name} {version}{what}"))
    }

    /// Where Python has them. The name of that folder is one that linters leave out.
    fn packages(&self) -> anyhow::Result<PathBuf> {
        Ok(first(&self.linters.join("venv/lib"))?.join("site-packages"))
    }

    /// What git tracks here, and the testbed's Python packages; how many files that is.
    fn copy_tree(&self, to: &Path) -> anyhow::Result<usize> {
        let list = Command::new("git").args(["ls-files", "-z"]).output().context("git ls-files")?;
        if !list.status.success() {
            bail!("git ls-files: {}", String::from_utf8_lossy(&list.stderr));
        }
        let list = String::from_utf8(list.stdout).context("names of files")?;
        let mut count = 0;
        for path in list.split('\0').filter(|path| !path.is_empty()) {
            // What this repository says to linters is for itself.
            let is_setting = ["landfall.toml", ".pre-commit-config.yaml"].contains(&path);
            if !is_setting && Path::new(path).symlink_metadata().is_ok_and(|it| it.is_file()) {
                copy(Path::new(path), &to.join(path))?;
                count += 1;
            }
        }
        let library = self.packages()?;
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(library.join(&folder))
                .with_context(|| format!("read {}", library.join(&folder).display()))?;
            for entry in entries {
                let entry = entry?;
                let path = folder.join(entry.file_name());
                if entry.file_type()?.is_dir() {
                    let is_left_out = path.ends_with(LEFT_OUT);
                    folders.extend((!is_left_out).then_some(path));
                } else if path.extension().is_some_and(|it| it == "py" || it == "yaml") {
                    copy(&entry.path(), &to.join("packages").join(&path))?;
                    count += 1;
                }
            }
        }
        if count < 1000 {
            bail!("only {count} files: the testbed has no packages");
        }
        Ok(count)
    }
}

/// The first folder in a folder.
fn first(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let first = entries.next().with_context(|| format!("{} is empty", folder.display()))?;
    Ok(first?.path())
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::create_dir_all(path.parent().context("a folder")?)?;
    std::fs::write(path, text).with_context(|| path.display().to_string())?;
    make_old(path)
}

/// git looks again and again into files that are as young as its index, which slows those that ask it
/// often.
fn make_old(path: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::options().append(true).open(path);
    let file = file.with_context(|| path.display().to_string())?;
    file.set_modified(std::time::UNIX_EPOCH + LONG_AGO).context("change the time of a file")
}

/// In 2001.
const LONG_AGO: Duration = Duration::from_secs(1_000_000_000);

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to.parent().context("a folder")?)?;
    std::fs::copy(from, to).with_context(|| from.display().to_string())?;
    make_old(to)
}

/// Puts all files into a commit of a new repository.
fn commit(folder: &Path) -> anyhow::Result<()> {
    let who = ["-c", "user.name=A", "-c", "user.email=a@example.com"];
    let steps: [&[&str]; 3] =
        [&["init", "--quiet"], &["add", "--all", "--force"], &["commit", "--quiet", "-m", "all"]];
    for args in steps {
        let output = Command::new("git").args(who).args(args).current_dir(folder).output()?;
        if !output.status.success() {
            bail!("git {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(())
}
