//! Runs linters: side by side, the slowest first, each in pieces that fit on a command line.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use landfall_toml::DEFAULT_FILE;
use serde::Serialize;
use step_core::process::{Process, Ran};
use step_core::secret::redact;
use step_core::{Exit, Fail, output};
use tokio::time::Instant;

use crate::adapters::{Hit, Output, Reader, Step, Unit};
use crate::cache::{self, Cache, Contents, Times, key};
use crate::detect::Linter;
use crate::tree::{Tree, is_odd, shown};

/// How many bytes of file names are given to one run. Linux takes 128 kB for each argument and a
/// quarter of the stack, 2 MB, for all; other systems take less.
const MAX_ARGUMENTS: usize = 100_000;

/// A linter is not split among the processors into pieces of fewer files than this.
const WORTH_STARTING: usize = 20;

/// How much a linter may print, in bytes. What is read of it takes several times as much memory.
const MAX_OUTPUT: usize = 32 * 1024 * 1024;

/// How much is read of what a linter says besides, where some tell their findings, in bytes.
const MAX_SAID: usize = 8 * 1024 * 1024;

/// How many findings are taken of one start, so that memory and reports have a bound.
const MAX_HITS: usize = 100_000;

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
    /// What it found are secrets: the lines that they stand on are not shown.
    #[serde(skip)]
    pub(crate) hides_lines: bool,
    /// Why there is no result, or only a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) crash: Option<Crash>,
}

impl Checked {
    /// A linter that could not be started.
    pub(crate) fn not_started(name: &str, files: usize, crash: Crash) -> Self {
        Self {
            name: name.to_owned(),
            files,
            cached: 0,
            seconds: 0.0,
            hits: Vec::new(),
            hides_lines: false,
            crash: Some(crash),
        }
    }
}

/// A linter that did not do its work.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Crash {
    /// The linter.
    pub(crate) name: String,
    pub(crate) message: String,
    #[serde(rename = "kind", serialize_with = "as_kind")]
    pub(crate) exit: Exit,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

impl Crash {
    /// Out of an error of it.
    pub(crate) fn of(name: &str, err: &anyhow::Error) -> Self {
        let fail = Fail::of(err);
        // That it printed too much is nobody's usage.
        let is_kept = |exit: &Exit| matches!(exit, Exit::TimedOut | Exit::Unreachable);
        let exit = fail.map(Fail::exit).filter(is_kept);
        Self {
            name: name.to_owned(),
            message: format!("{name}: {err:#}"),
            exit: exit.unwrap_or(Exit::Failed),
            help: fail.and_then(Fail::help_text).map(str::to_owned),
        }
    }

    /// It told of a file that is not there: what it found cannot be shown.
    pub(crate) fn of_lost(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            message: format!("{name}: it names a file that is not there: {}", redact(path)),
            exit: Exit::Failed,
            help: Some(
                "have it print paths as they are seen from the root, without colours".into(),
            ),
        }
    }

    /// In what way it did not do its work, in a word.
    pub(crate) fn kind(&self) -> &'static str {
        match self.exit {
            Exit::TimedOut => "timed_out",
            Exit::Unreachable => "not_installed",
            Exit::Invalid => "wrong_version",
            _ => CRASHED,
        }
    }
}

/// It ended otherwise than it should, or what it printed cannot be read.
pub(crate) const CRASHED: &str = "crashed";

fn as_kind<S: serde::Serializer>(exit: &Exit, serializer: S) -> Result<S::Ok, S::Error> {
    let crash = Crash { name: String::new(), message: String::new(), exit: *exit, help: None };
    serializer.serialize_str(crash.kind())
}

/// A linter, where it is installed, and what it has to look at.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) linter: &'a Linter,
    pub(crate) program: PathBuf,
    /// The files to look at, relative to the root.
    pub(crate) files: Vec<&'a Path>,
    /// What is known of it from before.
    pub(crate) cache: Cache,
}

/// One start of a linter.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// The folder to run in, relative to the root.
    pub(crate) folder: PathBuf,
    pub(crate) files: Vec<&'a Path>,
}

/// A start that waits, or runs.
struct Job<'a> {
    /// The place of its work in the list.
    work: usize,
    start: Start<'a>,
    /// How long it will take, in seconds, if that is known.
    expected: Option<f64>,
}

/// Runs all linters.
pub(crate) async fn run(
    tree: &Tree,
    mut works: Vec<Work<'_>>,
    jobs_at_once: usize,
    use_cache: bool,
) -> Vec<Checked> {
    // Nothing is looked up by them, nor kept.
    let contents = if use_cache { contents(tree, &works) } else { Contents::default() };
    let is_whole = works.iter().any(|work| work.linter.unit != Unit::Files);
    let whole = is_whole.then(|| contents.all(&tree.files)).flatten();
    let caches: Vec<Cache> = works.iter_mut().map(|it| std::mem::take(&mut it.cache)).collect();
    let known = Known { contents: &contents, whole: whole.as_deref(), use_cache };
    let states =
        works.iter().zip(caches).map(|(work, cache)| State::begin(tree, work, cache, &known));
    let mut states: Vec<State<'_>> = states.collect();
    let mut waiting = jobs(tree, &works, &mut states, jobs_at_once);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < jobs_at_once {
            let Some(next) = next(&waiting, &works, &states, running.is_empty()) else { break };
            let job = waiting.remove(next);
            running.push(run_job(tree, &works[job.work], job));
        }
        let Some((job, seconds, result)) = running.next().await else { break };
        let state = &mut states[job.work];
        match halves(&works[job.work], &job, &result) {
            Some(halves) => {
                state.open += 1;
                state.seconds += seconds;
                waiting.extend(halves);
            }
            None => state.take(&job.start, seconds, result, &known),
        }
    }
    let times = times(&works, &states);
    let mut kept = Ok(());
    let mut checked = Vec::new();
    for (work, mut state) in works.iter().zip(states) {
        if use_cache {
            kept = kept.and(state.keep(tree, work));
        }
        checked.push(state.finish(work));
    }
    if use_cache && !times.is_empty() {
        kept = kept.and_then(|()| cache::keep_times(tree, times));
    }
    // Once: what is wrong with the folder is wrong for all of them.
    if let Err(err) = kept {
        output::warn(format!("results are not kept: {err:#}"));
    }
    checked
}

/// How long those took that ran and did their work.
fn times(works: &[Work<'_>], states: &[State<'_>]) -> Times {
    let ran = works.iter().zip(states).filter(|(_, it)| it.given > 0 && it.crash.is_none());
    ran.map(|(work, state)| {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let files = state.given as f64;
        (work.linter.name.clone(), state.seconds / files)
    })
    .collect()
}

/// The job to start next: the last of the list whose linter has nothing to wait for.
fn next(
    waiting: &[Job<'_>],
    works: &[Work<'_>],
    states: &[State<'_>],
    is_idle: bool,
) -> Option<usize> {
    let is_unfinished = |name: &String| {
        works.iter().zip(states).any(|(work, state)| work.linter.name == *name && state.open > 0)
    };
    let is_ready = |job: &Job<'_>| !works[job.work].linter.after.iter().any(is_unfinished);
    // Circles are refused before; should there be one all the same, it does not hold up anything.
    waiting.iter().rposition(is_ready).or_else(|| waiting.len().checked_sub(1).filter(|_| is_idle))
}

/// Of a linter that only tells whether something is wrong, the files are told apart by halving them.
fn halves<'a>(
    work: &Work<'_>,
    job: &Job<'a>,
    result: &Result<Vec<Hit>, Crash>,
) -> Option<[Job<'a>; 2]> {
    let is_exit = matches!(&work.linter.reader, Reader::Generic(format) if format.is_exit());
    let has_hits = result.as_ref().is_ok_and(|hits| !hits.is_empty());
    if !(is_exit && has_hits && work.linter.unit == Unit::Files && job.start.files.len() > 1) {
        return None;
    }
    let (one, other) = job.start.files.split_at(job.start.files.len() / 2);
    Some([one, other].map(|files| Job {
        work: job.work,
        start: Start { folder: job.start.folder.clone(), files: files.to_vec() },
        expected: None,
    }))
}

/// What the results of before depend on.
struct Known<'a> {
    contents: &'a Contents<'a>,
    /// The hash of all files, if a linter needs it.
    whole: Option<&'a str>,
    use_cache: bool,
}

fn contents<'a>(tree: &'a Tree, works: &[Work<'a>]) -> Contents<'a> {
    if works.iter().any(|work| work.linter.unit != Unit::Files) {
        return Contents::of(tree, tree.files.iter().map(PathBuf::as_path));
    }
    let asked = works.iter().flat_map(|work| work.files.iter().copied());
    let read = works.iter().filter(|work| work.linter.reads_others);
    let read = read.flat_map(|work| work.linter.files.iter().map(PathBuf::as_path));
    Contents::of(tree, asked.chain(read))
}

/// A linter while it runs.
struct State<'a> {
    cache: Cache,
    /// It looks at files, each for itself.
    is_by_file: bool,
    /// The hash of all files of its kind, where what it finds in one depends on the others.
    others: Option<String>,
    /// The files that are not known from before, of one that looks at files.
    files: Vec<&'a Path>,
    /// The starts that are needed, of one that looks at projects.
    projects: Vec<Start<'a>>,
    cached: usize,
    hits: Vec<Hit>,
    seconds: f64,
    /// How many files it was given.
    given: usize,
    /// How many starts have not ended.
    open: usize,
    crash: Option<Crash>,
}

impl<'a> State<'a> {
    fn begin(tree: &Tree, work: &Work<'a>, cache: Cache, known: &Known<'_>) -> Self {
        let mut state = Self {
            cache,
            is_by_file: work.linter.unit == Unit::Files,
            others: None,
            files: Vec::new(),
            projects: Vec::new(),
            cached: 0,
            hits: Vec::new(),
            seconds: 0.0,
            given: 0,
            open: 0,
            crash: None,
        };
        if state.is_by_file {
            if work.linter.reads_others {
                state.others = known.contents.all(&work.linter.files);
            }
            for path in &work.files {
                let hash = state.hash(path, known.contents);
                if !state.recall(&key(path), hash.as_deref(), 1, known.use_cache) {
                    state.files.push(path);
                }
            }
        } else {
            for start in projects_of(tree, work.linter, &work.files) {
                let files = start.files.len();
                if !state.recall(&key(&start.folder), known.whole, files, known.use_cache) {
                    state.projects.push(start);
                }
            }
        }
        state
    }

    /// What the result of a file depends on.
    fn hash(&self, path: &Path, contents: &Contents<'_>) -> Option<String> {
        let own = contents.get(path)?;
        Some(self.others.as_ref().map_or_else(|| own.to_owned(), |others| format!("{own}{others}")))
    }

    /// Takes over what was found before, if it still counts.
    fn recall(&mut self, unit: &str, hash: Option<&str>, files: usize, use_cache: bool) -> bool {
        let found = hash.filter(|_| use_cache).and_then(|hash| self.cache.find(unit, hash));
        let Some(hits) = found else { return false };
        self.hits.extend_from_slice(hits);
        self.cached += files;
        true
    }

    fn is_known(&self) -> bool {
        self.files.is_empty() && self.projects.is_empty()
    }

    fn take(
        &mut self,
        start: &Start<'_>,
        seconds: f64,
        result: Result<Vec<Hit>, Crash>,
        known: &Known<'_>,
    ) {
        self.open = self.open.saturating_sub(1);
        self.seconds += seconds;
        self.given += start.files.len();
        match result {
            Err(crash) => _ = self.crash.get_or_insert(crash),
            Ok(hits) => {
                self.hits.extend(hits.iter().cloned());
                if self.is_by_file {
                    self.keep_by_file(start, hits, known.contents);
                } else if let Some(hash) = known.whole {
                    self.cache.keep(key(&start.folder).into_owned(), hash.to_owned(), hits);
                }
            }
        }
    }

    fn keep_by_file(&mut self, start: &Start<'_>, hits: Vec<Hit>, contents: &Contents<'_>) {
        let mut by_file: HashMap<String, Vec<Hit>> = HashMap::new();
        for hit in hits {
            by_file.entry(hit.path.clone()).or_default().push(hit);
        }
        let asked = start.files.iter();
        let asked = asked.map(|path| (path, by_file.remove(&shown(path)).unwrap_or_default()));
        let asked: Vec<_> = asked.collect();
        // For what was found in another file than was asked for, no file's hash can vouch.
        if !by_file.is_empty() {
            return;
        }
        for (path, hits) in asked {
            if let Some(hash) = self.hash(path, contents) {
                self.cache.keep(key(path).into_owned(), hash, hits);
            }
        }
    }

    /// Writes what is new.
    ///
    /// # Errors
    /// The folder cannot be written.
    fn keep(&mut self, tree: &Tree, work: &Work<'_>) -> anyhow::Result<()> {
        let cache = std::mem::take(&mut self.cache);
        if !cache.is_changed() {
            return Ok(());
        }
        let all: Vec<&Path> = work.linter.files.iter().map(PathBuf::as_path).collect();
        let projects = projects_of(tree, work.linter, &all);
        let units = if self.is_by_file {
            all.iter().map(|path| key(path)).collect()
        } else {
            projects.iter().map(|it| key(&it.folder)).collect()
        };
        cache.write(&units)
    }

    fn finish(self, work: &Work<'_>) -> Checked {
        Checked {
            name: work.linter.name.clone(),
            files: work.files.len(),
            cached: self.cached,
            seconds: self.seconds,
            hits: self.hits,
            hides_lines: work.linter.hides_lines,
            crash: self.crash,
        }
    }
}

/// The starts that are needed for what is not known, the longest last.
fn jobs<'a>(
    tree: &Tree,
    works: &[Work<'a>],
    states: &mut [State<'a>],
    at_once: usize,
) -> Vec<Job<'a>> {
    let pieces = shares(states, at_once);
    let mut jobs = Vec::new();
    for (index, (state, pieces)) in states.iter_mut().zip(pieces).enumerate() {
        let mut starts = std::mem::take(&mut state.projects);
        if state.is_by_file {
            starts.extend(starts_of(tree, works[index].linter, &state.files, pieces));
        }
        state.open = starts.len();
        jobs.extend(starts.into_iter().map(|start| {
            let expected = state.cache.expected(start.files.len());
            Job { work: index, start, expected }
        }));
    }
    // What never ran may take the longest.
    let time = |job: &Job<'_>| (job.expected.unwrap_or(f64::INFINITY), job.start.files.len());
    jobs.sort_by(|a, b| {
        let ((a, a_files), (b, b_files)) = (time(a), time(b));
        a.total_cmp(&b).then(a_files.cmp(&b_files))
    });
    jobs
}

/// Into how many pieces each linter is split: its share of the processors. Where it is not known how
/// long one takes, all have the same share.
fn shares(states: &[State<'_>], at_once: usize) -> Vec<usize> {
    let waiting = || states.iter().filter(|state| !state.is_known());
    let count = waiting().count();
    let expected = |state: &State<'_>| state.cache.expected(state.files.len());
    let total: Option<f64> = waiting().map(expected).sum();
    let share = |state: &State<'_>| match (total, expected(state)) {
        (Some(total), Some(own)) if total > 0.0 => {
            let at_once = u32::try_from(at_once).map_or(f64::INFINITY, f64::from);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part")]
            let pieces = (at_once * own / total).round() as usize;
            pieces
        }
        _ => at_once / count.max(1),
    };
    states.iter().map(|state| share(state).clamp(1, at_once.max(1))).collect()
}

/// The starts of a linter for files: of one that looks at files so many pieces for each folder that it runs
/// in, and of one that looks at projects one for each.
pub(crate) fn starts_of<'a>(
    tree: &Tree,
    linter: &Linter,
    files: &[&'a Path],
    pieces: usize,
) -> Vec<Start<'a>> {
    let starts = projects_of(tree, linter, files);
    if linter.unit != Unit::Files {
        return starts;
    }
    let in_pieces = |start: Start<'a>| {
        let pieces = pieces_of(&start.files, pieces).into_iter();
        pieces.map(move |piece| Start { folder: start.folder.clone(), ..piece })
    };
    starts.into_iter().flat_map(in_pieces).collect()
}

/// Files in pieces whose names fit on a command line. One with an odd name stands alone: then what is
/// told is told of it, however its name is printed.
fn pieces_of<'a>(files: &[&'a Path], pieces: usize) -> Vec<Start<'a>> {
    let (odd, plain): (Vec<&Path>, Vec<&Path>) = files.iter().partition(|path| is_odd(path));
    let pieces = pieces.min(plain.len() / WORTH_STARTING).max(1);
    let size = plain.len().div_ceil(pieces).max(1);
    let plain = plain.chunks(size).flat_map(fitting);
    let odd = odd.chunks(1);
    plain.chain(odd).map(|files| Start { folder: PathBuf::new(), files: files.to_vec() }).collect()
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

/// One start in each folder that a linter runs in, with the files to check that lie there: those of its
/// projects, or those of its configuration.
fn projects_of<'a>(tree: &Tree, linter: &Linter, files: &[&'a Path]) -> Vec<Start<'a>> {
    let folders = match linter.unit {
        Unit::Project(marker) => projects(tree, &linter.files, marker),
        Unit::Service(_) => services(tree),
        Unit::Files | Unit::Repository => linter.folders.clone(),
    };
    let mut starts: Vec<Start<'_>> =
        folders.into_iter().map(|folder| Start { folder, files: Vec::new() }).collect();
    for path in files {
        let around = starts.iter_mut().filter(|start| path.starts_with(&start.folder));
        // The innermost.
        if let Some(start) = around.max_by_key(|start| start.folder.components().count()) {
            start.files.push(path);
        }
    }
    starts.retain(|start| !start.files.is_empty());
    starts
}

/// All files of a linter in a project.
fn all_of_project<'a>(tree: &Tree, linter: &'a Linter, folder: &Path) -> Vec<&'a Path> {
    let all: Vec<&Path> = linter.files.iter().map(PathBuf::as_path).collect();
    let mut projects = projects_of(tree, linter, &all).into_iter();
    projects.find(|start| start.folder == folder).map(|start| start.files).unwrap_or_default()
}

/// The root, and the folders that have settings of their own.
pub(crate) fn services(tree: &Tree) -> Vec<PathBuf> {
    let settings = tree.files.iter().filter(|path| path.ends_with(DEFAULT_FILE));
    let folders = settings.filter_map(|path| path.parent().map(Path::to_owned));
    let root = std::iter::once(PathBuf::new());
    root.chain(folders.filter(|folder| folder.parent().is_some())).collect()
}

/// The folders that hold the file which makes a project. A package of Cargo in the folder of a workspace is
/// a member of that, unless it is a workspace itself or is excluded there; all others stand for themselves,
/// as modules of Go do. <https://doc.rust-lang.org/cargo/reference/workspaces.html>
pub(crate) fn projects(tree: &Tree, files: &[PathBuf], marker: &str) -> Vec<PathBuf> {
    let is_marker = |path: &&PathBuf| path.file_name().is_some_and(|name| name == marker);
    let mut folders: Vec<PathBuf> = files
        .iter()
        .filter(is_marker)
        .filter_map(|path| path.parent().map(Path::to_owned))
        .collect();
    folders.sort_by_key(|folder| folder.components().count());
    if marker != "Cargo.toml" {
        return folders;
    }
    let mut outermost: Vec<PathBuf> = Vec::new();
    // Of each workspace: its folder, and the folders that it excludes.
    let mut workspaces: Vec<(PathBuf, Vec<PathBuf>)> = Vec::new();
    for folder in folders {
        let excluded = excluded_of_workspace(&tree.root.join(&folder).join(marker));
        let is_member = excluded.is_none()
            && workspaces.iter().any(|(outer, excluded)| {
                folder.starts_with(outer)
                    && !excluded.iter().any(|path| folder.starts_with(outer.join(path)))
            });
        workspaces.extend(excluded.map(|excluded| (folder.clone(), excluded)));
        if !is_member {
            outermost.push(folder);
        }
    }
    outermost
}

/// The folders that a manifest excludes from its workspace; none where it makes no workspace.
fn excluded_of_workspace(manifest: &Path) -> Option<Vec<PathBuf>> {
    let text = std::fs::read_to_string(manifest).ok()?;
    // What is wrong with it, cargo says.
    let table: toml::Table = text.parse().ok()?;
    let excluded = table.get("workspace")?.get("exclude").and_then(toml::Value::as_array);
    let paths = excluded.into_iter().flatten().filter_map(toml::Value::as_str);
    Some(paths.map(PathBuf::from).collect())
}

async fn run_job<'a>(
    tree: &Tree,
    work: &Work<'_>,
    job: Job<'a>,
) -> (Job<'a>, f64, Result<Vec<Hit>, Crash>) {
    let started = Instant::now();
    let result = lint(tree, work, &job.start).await;
    (job, started.elapsed().as_secs_f64(), result)
}

async fn lint(tree: &Tree, work: &Work<'_>, start: &Start<'_>) -> Result<Vec<Hit>, Crash> {
    let linter = work.linter;
    let crash = |message: String| {
        let help = Some("run it by itself; what the others found stands above".to_owned());
        let name = linter.name.clone();
        Crash { message: format!("{name}: {message}"), name, exit: Exit::Failed, help }
    };
    let process = process(tree, linter, &work.program, &linter.args, start);
    let ran = process.run().await.map_err(|err| {
        let crash = Crash::of(&linter.name, &err);
        let longer = || format!("give it more time: lint-check.linters.{}.timeout", linter.name);
        match crash.exit {
            Exit::TimedOut => Crash { help: Some(longer()), ..crash },
            _ => crash,
        }
    })?;
    let status = ran.status;
    let output = text_of(ran);
    if !linter.exits.contains(&output.exit) {
        let said = said(&output);
        // What it says of files it says as they are seen from there.
        let folder = Some(shown(&start.folder)).filter(|it| !it.is_empty());
        let place = folder.map(|it| format!(" in {it}")).unwrap_or_default();
        return Err(crash(format!("it ended{place} with {status}{said}")));
    }
    let hits = linter
        .reader
        .read(&output)
        .map_err(|unreadable| crash(format!("{}{}", unreadable.0, said(&output))))?;
    if hits.len() > MAX_HITS {
        return Err(crash(format!("it told more than {MAX_HITS} findings")));
    }
    let alone = match start.files[..] {
        [path] if linter.unit == Unit::Files => Some(path),
        _ => None,
    };
    let is_of_root = linter.unit == Unit::Service(Step::MigrateDb) && tree.repository.is_some();
    let folder = if is_of_root { Path::new("") } else { &start.folder };
    Ok(hits.into_iter().map(|hit| located(hit, tree, folder, alone)).collect())
}

/// A start of a linter. It knows nothing of the pipeline's secrets, prints the same for everybody, in
/// UTF-8 and without colours, and no more than can be read.
pub(crate) fn process(
    tree: &Tree,
    linter: &Linter,
    program: &Path,
    args: &[String],
    start: &Start<'_>,
) -> Process {
    let files = match linter.unit {
        // All of the service's, whichever of them are asked for.
        Unit::Service(_) => all_of_project(tree, linter, &start.folder),
        Unit::Files | Unit::Project(_) | Unit::Repository => start.files.clone(),
    };
    let args = arguments(args, &start.folder, &files);
    tracing::debug!("{}", command_line(program, &args, &start.folder));
    Process::new(program, args)
        .folder(tree.root.join(&start.folder))
        .withholding(WITHHELD)
        .withholding_masked()
        .variable("LC_ALL", "C.UTF-8")
        .variable("NO_COLOR", "1")
        .limit(linter.limit)
        .at_most(MAX_OUTPUT)
        .keeping(MAX_SAID)
        .ending_group()
}

/// What a linter says when it is asked for its version.
///
/// # Errors
/// It fails, or takes longer than 20 s.
pub(crate) async fn version(
    tree: &Tree,
    linter: &Linter,
    program: &Path,
) -> anyhow::Result<String> {
    let start = Start { folder: PathBuf::new(), files: Vec::new() };
    let asked = process(tree, linter, program, &["--version".to_owned()], &start);
    asked.limit(SHORT).output().await
}

/// Besides what names say: settings of the steps and addresses with passwords in them; what a hook of git
/// sets, which is wrong in another folder; and what demands colours.
const WITHHELD: [&str; 12] = [
    "LANDFALL_*",
    "CI_REPOSITORY_URL",
    "DATABASE_URL",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "GIT_PREFIX",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "AWS_*",
    "LANGUAGE",
    "PY_COLORS",
];

/// The arguments of a start: `{files}` stands for the files, as they are seen from its folder.
fn arguments(args: &[String], folder: &Path, files: &[&Path]) -> Vec<OsString> {
    let mut all = Vec::new();
    for arg in args {
        if arg == "{files}" {
            all.extend(files.iter().map(|path| given(path, folder)));
        } else {
            all.push(arg.into());
        }
    }
    all
}

/// What is started, for people; of a great many files the first.
fn command_line(program: &Path, args: &[OsString], folder: &Path) -> String {
    const MOST: usize = 50;
    let mut line = program.display().to_string();
    for arg in args.iter().take(MOST) {
        line.push_str(&format!(" {}", arg.display()));
    }
    if let Some(more @ 1..) = args.len().checked_sub(MOST) {
        line.push_str(&format!(" and {more} more"));
    }
    if !folder.as_os_str().is_empty() {
        line.push_str(&format!(" (in {})", folder.display()));
    }
    line
}

/// A path as it is given to a program: one that begins with a dash would be an option.
fn given(path: &Path, folder: &Path) -> OsString {
    let path = path.strip_prefix(folder).unwrap_or(path);
    if path.as_os_str().as_encoded_bytes().starts_with(b"-") {
        Path::new(".").join(path).into()
    } else {
        path.into()
    }
}

/// What a program printed, as text.
pub(crate) fn text_of(ran: Ran) -> Output {
    let text = |bytes: Vec<u8>| {
        String::from_utf8(bytes)
            .unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())
    };
    Output {
        exit: ran.status.code().unwrap_or(-1),
        stdout: text(ran.stdout),
        stderr: text(ran.stderr),
    }
}

fn said(output: &Output) -> String {
    output.sentence().map(|said| format!(": {said}")).unwrap_or_default()
}

/// A hit with its path relative to the root of the repository, and without secrets. What was found when
/// one file `alone` was looked at is in that one where the path is missing, or is printed in another form.
fn located(mut hit: Hit, tree: &Tree, folder: &Path, alone: Option<&Path>) -> Hit {
    hit.rule = redact(&hit.rule).into_owned();
    hit.message = redact(&hit.message).into_owned();
    hit.help = hit.help.map(|help| redact(&help).into_owned());
    hit.path = match alone {
        Some(alone) if hit.path.is_empty() || is_odd(alone) => shown(alone),
        _ if hit.path.is_empty() => String::new(),
        _ => shown(&relative(Path::new(&hit.path), &tree.root, folder)),
    };
    hit
}

/// Whether a path, as hits have it, lies outside of the repository.
pub(crate) fn is_outside(path: &str) -> bool {
    let first = Path::new(path).components().next();
    matches!(first, Some(Component::RootDir | Component::ParentDir))
}

/// A path seen from the root, without `.` and, as far as that goes, without `..`.
pub(crate) fn relative(path: &Path, root: &Path, folder: &Path) -> PathBuf {
    let path = match path.strip_prefix(root) {
        Ok(relative) => relative.to_owned(),
        Err(_) => folder.join(path),
    };
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if parts.file_name().is_some() => _ = parts.pop(),
            other => parts.push(other),
        }
    }
    parts
}

/// Where programs are installed: beside the project, then in PATH.
pub(crate) fn find(tree: &Tree, programs: &[String], path: &[PathBuf]) -> Option<PathBuf> {
    const BESIDE: [&str; 4] = ["node_modules/.bin", ".venv/bin", "venv/bin", "vendor/bin"];
    let beside = BESIDE.iter().map(|folder| tree.root.join(folder));
    // It runs in another folder than this one.
    let installed = path.iter().filter_map(|folder| std::path::absolute(folder).ok());
    let folders: Vec<PathBuf> = beside.chain(installed).collect();
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

/// A program that is named by its path, is there, and cannot be started.
pub(crate) fn not_executable(tree: &Tree, programs: &[String]) -> Option<String> {
    let is_one = |it: &&String| {
        let file = tree.root.join(it);
        it.contains('/') && file.is_file() && !is_program(&file)
    };
    programs.iter().find(is_one).cloned()
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

/// A limit for what is asked of a program besides its work.
const SHORT: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize, length: usize) -> Vec<PathBuf> {
        let name = |number: usize| {
            let number = number.to_string();
            PathBuf::from("x".repeat(length.saturating_sub(number.len())) + &number)
        };
        (0..count).map(name).collect()
    }

    fn sizes(files: &[PathBuf], pieces: usize) -> Vec<usize> {
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        pieces_of(&files, pieces).iter().map(|start| start.files.len()).collect()
    }

    #[test]
    fn files_are_split_when_that_is_worth_it_and_when_they_do_not_fit() {
        assert_eq!(sizes(&names(0, 5), 4), [0; 0]);
        assert_eq!(sizes(&names(30, 5), 4), [30]);
        assert_eq!(sizes(&names(100, 5), 4), [25, 25, 25, 25]);
        assert_eq!(sizes(&names(50, 5), 4), [25, 25]);
        assert_eq!(sizes(&names(1000, 197), 1), [500, 500]);
        // One that is longer than all is given by itself.
        let long = PathBuf::from("x".repeat(200_000));
        assert_eq!(sizes(&["a".into(), long, "b".into()], 1), [1, 1, 1]);
        let odd = ["a", "b\nc", "d", "e:1"].map(PathBuf::from);
        assert_eq!(sizes(&odd, 1), [2, 1, 1]);
    }

    #[test]
    fn paths_of_hits_are_seen_from_the_root() {
        for (path, folder, seen) in [
            ("a.sh", "", "a.sh"),
            ("./a.sh", "", "a.sh"),
            ("a.sh", "sub", "sub/a.sh"),
            ("../a.sh", "sub", "a.sh"),
            ("x/../../a.sh", "sub/er", "sub/a.sh"),
            ("/srv/sub/a.sh", "sub", "sub/a.sh"),
            ("/srv/./sub/../a.sh", "", "a.sh"),
            ("/elsewhere/a.sh", "sub", "/elsewhere/a.sh"),
            ("../../a.sh", "sub", "../a.sh"),
        ] {
            let relative = relative(Path::new(path), Path::new("/srv"), Path::new(folder));
            assert_eq!(relative, Path::new(seen), "{path} in {folder}");
        }
    }

    #[test]
    fn files_are_given_as_they_are_seen_from_the_folder_and_never_as_options() {
        let files = ["sub/a.sh", "sub/-x.sh"].map(Path::new);
        let args = ["--a".to_owned(), "{files}".to_owned(), "z{files}".to_owned()];
        let plain = ["--a", "sub/a.sh", "sub/-x.sh", "z{files}"];
        assert_eq!(arguments(&args, Path::new(""), &files), plain);
        assert_eq!(
            arguments(&args, Path::new("sub"), &files),
            ["--a", "a.sh", "./-x.sh", "z{files}"]
        );
    }
}
