//! Runs linters: side by side, the slowest first, each in pieces that fit on a command line.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use findings::Severity;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde::Serialize;
use step_core::output;
use step_core::process::{Process, Ran};
use tokio::time::Instant;

use crate::adapters::{Hit, Output, Unit};
use crate::cache::{self, Cache};
use crate::detect::Linter;
use crate::tree::Tree;

/// How many bytes of file names are given to one run. Linux takes 128 kB for each argument and a
/// quarter of the stack, 2 MB, for all; other systems take less.
const MAX_ARGUMENTS: usize = 100_000;

/// A linter that is given fewer files than this is not split among the processors.
const WORTH_SPLITTING: usize = 40;

/// How much a linter may print, in bytes.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;

/// How much is read of what a linter says besides, where some tell their findings, in bytes.
const MAX_SAID: usize = 8 * 1024 * 1024;

/// What became of a linter.
#[derive(Debug, Serialize)]
pub(crate) struct Checked {
    pub(crate) name: String,
    /// How many files it was responsible for.
    pub(crate) files: usize,
    /// How many of them were known from before.
    pub(crate) cached: usize,
    pub(crate) seconds: f64,
    #[serde(skip)]
    pub(crate) hits: Vec<Hit>,
    /// Why there is no result, or only a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crash: Option<Crash>,
}

/// A linter that did not do its work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Crash {
    pub(crate) message: String,
}

/// A linter, where it is installed, and what it has to look at.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) linter: &'a Linter,
    pub(crate) program: PathBuf,
    /// The files to look at, relative to the root.
    pub(crate) files: Vec<&'a Path>,
}

/// One start of a linter.
struct Job<'a> {
    /// The place of its work in the list.
    work: usize,
    folder: PathBuf,
    files: Vec<&'a Path>,
    expected: f64,
}

/// Runs all linters.
pub(crate) async fn run(
    tree: &Tree,
    works: &[Work<'_>],
    jobs_at_once: usize,
    use_cache: bool,
) -> Vec<Checked> {
    let mut states: Vec<State<'_>> =
        works.iter().map(|work| State::begin(tree, work, use_cache)).collect();
    let mut waiting: Vec<Job<'_>> = Vec::new();
    for (index, (work, state)) in works.iter().zip(&states).enumerate() {
        waiting.extend(jobs(tree, index, work, state, jobs_at_once));
    }
    // The longest is taken from the end.
    waiting.sort_by(|a, b| a.expected.total_cmp(&b.expected));
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < jobs_at_once {
            let unfinished = |name: &String| {
                let is_named = |work: &&Work<'_>| work.linter.name == *name;
                works.iter().zip(&states).any(|(work, state)| is_named(&work) && state.open > 0)
            };
            let is_ready = |job: &Job<'_>| !works[job.work].linter.after.iter().any(unfinished);
            // Linters that wait for each other are not held back for ever.
            let next = waiting
                .iter()
                .rposition(is_ready)
                .or_else(|| (running.is_empty() && !waiting.is_empty()).then(|| waiting.len() - 1));
            let Some(next) = next else { break };
            let job = waiting.remove(next);
            running.push(start(tree, &works[job.work], job));
        }
        let Some((job, seconds, result)) = running.next().await else { break };
        states[job.work].take(&job, seconds, result);
    }
    works.iter().zip(states).map(|(work, state)| state.finish(work, use_cache)).collect()
}

/// A linter while it runs.
struct State<'a> {
    cache: Cache,
    hashes: HashMap<String, String>,
    /// What is not known from before.
    pending: Vec<&'a Path>,
    cached: usize,
    hits: Vec<Hit>,
    seconds: f64,
    started: usize,
    /// How many starts have not ended.
    open: usize,
    crash: Option<Crash>,
    /// The files whose results count.
    done: Vec<(String, Vec<Hit>)>,
}

impl<'a> State<'a> {
    fn begin(tree: &Tree, work: &Work<'a>, use_cache: bool) -> Self {
        let cache = Cache::open(tree, work.linter, &work.program);
        let hashes = cache::hashes(tree, work.linter, &work.files);
        let (mut pending, mut hits) = (Vec::new(), Vec::new());
        let known = |unit: &str| {
            let hash = hashes.get(unit).filter(|_| use_cache)?;
            cache.find(unit, hash).map(<[Hit]>::to_vec)
        };
        if work.linter.unit == Unit::Files {
            for path in &work.files {
                match known(&cache::name(path)) {
                    Some(found) => hits.extend(found),
                    None => pending.push(*path),
                }
            }
        } else if !work.files.is_empty() {
            match known("") {
                Some(found) => hits.extend(found),
                None => pending.clone_from(&work.files),
            }
        }
        let cached = work.files.len() - pending.len();
        Self {
            cache,
            hashes,
            pending,
            cached,
            hits,
            seconds: 0.0,
            started: 0,
            open: 0,
            crash: None,
            done: Vec::new(),
        }
    }

    fn take(&mut self, job: &Job<'_>, seconds: f64, result: Result<Vec<Hit>, Crash>) {
        self.open = self.open.saturating_sub(1);
        self.seconds += seconds;
        self.started += job.files.len();
        match result {
            Ok(hits) => {
                let mut by_file: HashMap<String, Vec<Hit>> = HashMap::new();
                for hit in hits {
                    by_file.entry(hit.path.clone()).or_default().push(hit);
                }
                for path in &job.files {
                    let name = cache::name(path);
                    let hits = by_file.remove(&name).unwrap_or_default();
                    self.done.push((name, hits));
                }
                self.hits.extend(by_file.into_values().flatten());
            }
            Err(crash) => _ = self.crash.get_or_insert(crash),
        }
    }

    fn finish(mut self, work: &Work<'_>, use_cache: bool) -> Checked {
        // A hit in another file than was asked for is nothing that a file's hash can vouch for.
        let is_whole = self.crash.is_none();
        if work.linter.unit == Unit::Files {
            for (name, hits) in std::mem::take(&mut self.done) {
                self.hits.extend(hits.iter().cloned());
                if let Some(hash) = self.hashes.get(&name) {
                    self.cache.keep(name, hash.clone(), hits);
                }
            }
        } else {
            self.hits.extend(self.done.drain(..).flat_map(|(_, hits)| hits));
            if let Some(hash) = self.hashes.get("").filter(|_| is_whole && !self.pending.is_empty())
            {
                self.cache.keep(String::new(), hash.clone(), self.hits.clone());
            }
        }
        if self.started > 0 {
            self.cache.took(self.seconds, self.started);
        }
        if use_cache && !self.pending.is_empty() {
            let all: HashMap<String, String> = match work.linter.unit {
                Unit::Files => {
                    let names = work.linter.files.iter().map(|path| cache::name(path));
                    names.map(|name| (name, String::new())).collect()
                }
                Unit::Project(_) | Unit::Service | Unit::Repository => self.hashes,
            };
            if let Err(err) = self.cache.write(&all) {
                output::warn(format!("results are not kept: {err:#}"));
            }
        }
        if work.linter.unit != Unit::Files {
            self.hits.retain(|hit| is_asked_for(hit, work));
        }
        Checked {
            name: work.linter.name.clone(),
            files: work.files.len(),
            cached: self.cached,
            seconds: self.seconds,
            hits: self.hits,
            crash: self.crash,
        }
    }
}

/// Of a project only that is told which is in the files to check, and what keeps all of it from working.
fn is_asked_for(hit: &Hit, work: &Work<'_>) -> bool {
    hit.path.is_empty()
        || hit.severity == Severity::Blocker
        || work.files.contains(&Path::new(&hit.path))
}

/// The starts that a linter needs for what is not known.
fn jobs<'a>(
    tree: &Tree,
    index: usize,
    work: &Work<'a>,
    state: &State<'a>,
    at_once: usize,
) -> Vec<Job<'a>> {
    if state.pending.is_empty() {
        return Vec::new();
    }
    let job = |folder: PathBuf, files: Vec<&'a Path>| {
        let expected = state.cache.expected(files.len());
        Job { work: index, folder, files, expected }
    };
    match work.linter.unit {
        Unit::Files => {
            let pieces = if state.pending.len() < WORTH_SPLITTING { 1 } else { at_once.max(1) };
            let size = state.pending.len().div_ceil(pieces);
            let chunks = state.pending.chunks(size).flat_map(|files| fitting(files));
            chunks.map(|files| job(PathBuf::new(), files.to_vec())).collect()
        }
        Unit::Project(_) | Unit::Service | Unit::Repository => {
            let folders = folders(tree, work.linter);
            let mut files: Vec<Vec<&Path>> = vec![Vec::new(); folders.len()];
            for path in &state.pending {
                let around = folders.iter().enumerate().filter(|(_, it)| path.starts_with(it));
                // A folder may lie in another.
                let nearest = around.max_by_key(|(_, folder)| folder.components().count());
                if let Some((nearest, _)) = nearest {
                    files[nearest].push(*path);
                }
            }
            let jobs = folders.into_iter().zip(files).filter(|(_, files)| !files.is_empty());
            jobs.map(|(folder, files)| job(folder, files)).collect()
        }
    }
}

/// The folders in which a linter runs, relative to the root.
pub(crate) fn folders(tree: &Tree, linter: &Linter) -> Vec<PathBuf> {
    match linter.unit {
        Unit::Project(marker) => projects(tree, linter, marker),
        Unit::Service => {
            let is_marker = |path: &&PathBuf| path.ends_with("landfall.toml");
            let services = tree.files.iter().filter(is_marker);
            let services = services.filter_map(|path| path.parent().map(Path::to_owned));
            let root = std::iter::once(PathBuf::new());
            root.chain(services.filter(|folder| folder.parent().is_some())).collect()
        }
        Unit::Files | Unit::Repository => vec![PathBuf::new()],
    }
}

/// Pieces of a list whose names fit on a command line.
fn fitting<'a, 'b>(files: &'b [&'a Path]) -> Vec<&'b [&'a Path]> {
    let (mut pieces, mut start, mut size) = (Vec::new(), 0, 0);
    for (index, path) in files.iter().enumerate() {
        let length = path.as_os_str().len() + 3;
        if size + length > MAX_ARGUMENTS && index > start {
            pieces.push(&files[start..index]);
            (start, size) = (index, 0);
        }
        size += length;
    }
    pieces.push(&files[start..]);
    pieces
}

/// The folders that hold the file which makes a project. A package of Cargo inside of another's folder is
/// a member of that, unless it says that it is a workspace itself; a module of Go stands for itself.
fn projects(tree: &Tree, linter: &Linter, marker: &str) -> Vec<PathBuf> {
    let is_marker = |path: &&PathBuf| path.file_name().is_some_and(|name| name == marker);
    let mut folders: Vec<PathBuf> = linter
        .files
        .iter()
        .filter(is_marker)
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    folders.sort_by_key(|folder| folder.components().count());
    let mut outermost: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let text = || std::fs::read_to_string(tree.root.join(&folder).join(marker));
        let is_member =
            || marker == "Cargo.toml" && !text().is_ok_and(|it| it.contains("[workspace"));
        if !(outermost.iter().any(|outer| folder.starts_with(outer)) && is_member()) {
            outermost.push(folder);
        }
    }
    outermost
}

async fn start<'a>(
    tree: &Tree,
    work: &Work<'_>,
    job: Job<'a>,
) -> (Job<'a>, f64, Result<Vec<Hit>, Crash>) {
    let started = Instant::now();
    let result = lint(tree, work, &job).await;
    (job, started.elapsed().as_secs_f64(), result)
}

async fn lint(tree: &Tree, work: &Work<'_>, job: &Job<'_>) -> Result<Vec<Hit>, Crash> {
    let linter = work.linter;
    let crash = |message: String| Crash { message: format!("{}: {message}", linter.name) };
    let args = arguments(&linter.args, &job.files);
    let process = Process::new(&work.program, args)
        .folder(tree.root.join(&job.folder))
        .limit(linter.limit)
        .at_most(MAX_OUTPUT)
        .keeping(MAX_SAID)
        .ending_group();
    let ran = process.run().await.map_err(|err| crash(format!("{err:#}")))?;
    let output = text_of(&ran);
    if !linter.exits.contains(&output.exit) {
        let said = said(&output);
        return Err(crash(format!("it ended with {}{said}", ran.status)));
    }
    let hits = linter
        .reader
        .read(&output)
        .map_err(|unreadable| crash(format!("{}{}", unreadable.0, said(&output))))?;
    // The steps of this project tell paths as they are in the repository, wherever they run.
    let is_of_root = linter.unit == Unit::Service && tree.root.join(".git").exists();
    let folder = if is_of_root { Path::new("") } else { &job.folder };
    Ok(hits.into_iter().map(|hit| located(hit, tree, folder)).collect())
}

/// The arguments of a start: `{files}` stands for the files.
pub(crate) fn arguments(args: &[String], files: &[&Path]) -> Vec<OsString> {
    let mut all = Vec::new();
    for arg in args {
        if arg == "{files}" {
            all.extend(files.iter().map(|path| given(path)));
        } else {
            all.push(arg.into());
        }
    }
    all
}

/// A path as it is given to a program: one that begins with a dash would be an option.
fn given(path: &Path) -> OsString {
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(path).into()
    } else {
        path.into()
    }
}

/// What a program printed, as text.
pub(crate) fn text_of(ran: &Ran) -> Output {
    Output {
        exit: ran.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&ran.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&ran.stderr).into_owned(),
    }
}

fn said(output: &Output) -> String {
    output.sentence().map(|said| format!(": {said}")).unwrap_or_default()
}

/// A hit with its path relative to the root of the repository.
fn located(mut hit: Hit, tree: &Tree, folder: &Path) -> Hit {
    let path = Path::new(&hit.path);
    let path = match path.strip_prefix(&tree.root) {
        Ok(relative) => relative.to_owned(),
        Err(_) if path.is_absolute() => path.to_owned(),
        Err(_) => folder.join(path),
    };
    let parts: PathBuf =
        path.components().filter(|it| *it != std::path::Component::CurDir).collect();
    hit.path = cache::name(&parts);
    hit
}

/// Where programs are installed: beside the project, then in PATH.
pub(crate) fn find(tree: &Tree, programs: &[String], path: &[PathBuf]) -> Option<PathBuf> {
    const BESIDE: [&str; 4] = ["node_modules/.bin", ".venv/bin", "venv/bin", "vendor/bin"];
    let beside = BESIDE.iter().map(|folder| tree.root.join(folder));
    let folders: Vec<PathBuf> = beside.chain(path.iter().cloned()).collect();
    let mut seen = HashSet::new();
    programs.iter().find_map(|program| {
        if program.contains('/') {
            let file = tree.root.join(program);
            return is_program(&file).then_some(file);
        }
        let candidates = folders.iter().map(|folder| folder.join(program));
        candidates.filter(|it| seen.insert(it.clone())).find(|it| is_program(it))
    })
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// A limit for what is asked of a program besides its work.
pub(crate) const SHORT: Duration = Duration::from_secs(20);
