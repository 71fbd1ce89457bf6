//! Finds the linters that a repository needs, and runs them on what changed.

mod adapters;
mod baseline;
mod cache;
mod detect;
mod fix;
mod generic;
mod hook;
mod named;
mod report;
mod run;
mod scope;
mod settings;
mod tree;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use findings::{Failure, Findings, Severity, Tool};
use landfall_toml::{DEFAULT_FILE, nearest};
use step_core::{Common, Exit, Fail, output};

pub use report::Done;
pub use settings::Args;

use adapters::{Hit, Unit};
use baseline::Baseline;
use cache::{Cache, Times};
use detect::{Detected, Linter, detect};
use report::{Explained, Hooked, Linted, Listed, Skipped, Told, count};
use run::{Checked, Crash, Work};
use scope::{NewLines, Scope};
use settings::{Command, HookAction, Settings};
use tree::{Names, Tree, shown};

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. Findings, and linters that crashed, are in the report, not
/// an error of this function.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    settings::check(args)?;
    let tree = scope::tree(args).await?;
    let settings = settings_of(args, &tree)?;
    match &args.command {
        None => Ok(Done::Linted(Box::new(lint(args, &settings, &tree).await?))),
        Some(Command::List) => {
            Ok(Done::Listed(Listed::new(detect(&tree, &settings, &args.common)?, |linter| {
                run::find(&tree, &linter.programs, &args.search_path.0)
            })))
        }
        Some(Command::Explain { rule }) => Ok(Done::Explained(explain(rule, &settings)?)),
        Some(Command::Hook { action }) => {
            let is_dry_run = args.common.dry_run;
            let (path, is_changed) = match action {
                HookAction::Install => hook::install(&tree, is_dry_run).await?,
                HookAction::Uninstall => hook::uninstall(&tree, is_dry_run).await?,
            };
            Ok(Done::Hooked(Hooked { action: *action, path, is_changed, is_dry_run }))
        }
    }
}

/// What landfall.toml says: that of the current folder, or else that of the whole repository.
fn settings_of(args: &Args, tree: &Tree) -> anyhow::Result<Settings> {
    let mut common: Common = args.common.clone();
    let whole = tree.root.join(DEFAULT_FILE);
    if common.config.is_none() && !Path::new(DEFAULT_FILE).exists() && whole.exists() {
        common.config = Some(whole);
    }
    Settings::load(common)
}

/// Runs the linters on what is to be checked.
async fn lint(args: &Args, settings: &Settings, tree: &Tree) -> anyhow::Result<Linted> {
    let baseline = baseline(args, settings, tree)?;
    let below = below(tree, &args.paths)?;
    let Detected { linters, excluded, .. } = detect(tree, settings, &args.common)?;
    let mut linters = chosen(linters, settings, args)?;
    let scope = scope::scope(args, tree).await?;
    let is_asked =
        |path: &Path| below.is_empty() || below.iter().any(|folder| path.starts_with(folder));
    let is_selected = |path: &&Path| is_asked(path) && scope.has(path) && !excluded.is_match(path);
    let selected: HashSet<&OsStr> =
        tree.files.iter().map(PathBuf::as_path).filter(is_selected).map(Path::as_os_str).collect();
    let is_to_run = |linter: &Linter| {
        !asked(linter, &scope, &selected).is_empty() || misses_one(linter, &scope)
    };
    scope::tell_target(args, tree, linters.iter_mut().filter(|it| is_to_run(it))).await;
    let mut planned = Planned { times: cache::times(tree), ..Planned::default() };
    let mut told: Asked<'_> = HashMap::new();
    for linter in &linters {
        let mut files = asked(linter, &scope, &selected);
        files.retain(|path| is_asked(path));
        told.insert(&linter.name, files.clone());
        if files.is_empty() && misses_one(linter, &scope) {
            files = linter.files.iter().map(PathBuf::as_path).collect();
        }
        planned.add(args, tree, linter, files).await;
    }
    output::say(format!("{} to check ({scope})", count(selected.len(), "file")));
    let Planned { works, skipped, not_started, .. } = planned;
    if args.common.gitlab.ci == Some(true) && works.is_empty() && !skipped.is_empty() {
        refuse_none(tree, &linters, args)?;
    }
    let fixed = if args.fix { fix::fix(tree, &works, args).await? } else { fix::Fixed::default() };
    let not_staged = scope::not_staged(args, tree, &scope).await?;
    let new_lines = scope::new_lines(args, tree, &scope).await?;
    let looked = works.iter().flat_map(|it| it.files.iter());
    let looked: HashSet<&OsStr> = looked.map(|path| path.as_os_str()).collect();
    let mut names: Vec<String> = looked.into_iter().map(|path| shown(Path::new(path))).collect();
    names.sort();
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let mut checked = run::run(tree, works, jobs, !args.no_cache).await;
    checked.extend(not_started);
    let known = Names::of(tree);
    let (mut elsewhere, mut outside) = (0, 0);
    for one in &mut checked {
        one.hits.retain(|hit| !excluded.is_match(&hit.path));
        outside += one.hits.extract_if(.., |hit| run::is_outside(&hit.path)).count();
        if is_by_file(&linters, &one.name) {
            continue;
        }
        let files = shown_of(&told, &one.name);
        let is_selected = |path: &Path| selected.contains(path.as_os_str());
        let is_beside = |hit: &Hit| known.file(&hit.path).is_some_and(is_selected);
        let others = one.hits.extract_if(.., |hit| !is_told(hit, &files) && !is_beside(hit));
        // What lies there besides the files of the repository, `--all` does not tell either.
        elsewhere += others.filter(|hit| known.file(&hit.path).is_some()).count();
    }
    let Told { findings, lines, whole } = Told::of(tree, &known, &checked);
    let is_written =
        args.write_baseline && write_baseline(args, &baseline, &findings, &checked, &told)?;
    let findings = if args.write_baseline { Findings::default() } else { findings };
    let (findings, accepted) = findings.partition(|it| !baseline.accepts(it));
    let new = new_lines.as_ref().map(|lines| New::of(lines, &whole));
    let (findings, old) = findings.partition(|it| new.as_ref().is_none_or(|new| new.has(it)));
    let mut linted = Linted {
        scope: scope.to_string(),
        selected: selected.len(),
        files: names.len(),
        linters: checked,
        skipped,
        fixed: fixed.files.iter().map(|path| shown(path)).collect(),
        not_fixed: fixed.failed,
        not_staged: not_staged.iter().map(|path| shown(path)).collect(),
        differing: match &scope {
            Scope::Staged { differing, .. } => differing.iter().map(|path| shown(path)).collect(),
            _ => Vec::new(),
        },
        accepted: accepted.len(),
        old: old.len(),
        elsewhere,
        outside,
        fail_on: args.reports.fail_on,
        is_planned: is_written && args.common.dry_run,
        findings,
        lines,
        is_verbose: args.common.verbose > 0,
        not_written: None,
    };
    // What was found is told all the same.
    linted.not_written = write_files(args, &linted, &names).err().map(|err| Fail::whole(&err));
    Ok(linted)
}

/// Writes the files that are asked for besides the report.
///
/// # Errors
/// Names one that cannot be written; the others are.
fn write_files(args: &Args, linted: &Linted, names: &[String]) -> anyhow::Result<()> {
    let failures: Vec<Failure> = linted
        .crashes()
        .map(|it| Failure { name: it.name.clone(), message: it.message.clone() })
        .collect();
    let tool = Tool { name: "lint-check", version: env!("CARGO_PKG_VERSION") };
    let reports = &args.reports;
    let written =
        reports.write_with_failures(&linted.findings, names, &failures, "lint-check", tool);
    let markdown = args
        .markdown
        .as_ref()
        .map_or(Ok(()), |path| step_core::write_atomically(path, linted.markdown().as_bytes()));
    written.and(markdown)
}

/// A job whose image has none of the linters has checked nothing, which is not the same as that nothing was
/// found.
///
/// # Errors
/// Exit 4: none of them is installed.
fn refuse_none(tree: &Tree, linters: &[Linter], args: &Args) -> Result<(), Fail> {
    let is_installed = |it: &Linter| run::find(tree, &it.programs, &args.search_path.0).is_some();
    if linters.iter().any(is_installed) {
        return Ok(());
    }
    let names: Vec<&str> = linters.iter().map(|it| it.name.as_str()).collect();
    let message =
        format!("none of the linters for this repository is installed: {}", names.join(", "));
    Err(Fail::new(Exit::Unreachable, message).help(
        "run the job in an image that has them; `lint-check list` says how each is installed",
    ))
}

/// Of a whole project that is told which is in the files to check, and what keeps all of it from working.
/// The rest is what was there before, and of no use to who changes something else.
fn is_told(hit: &Hit, files: &HashSet<String>) -> bool {
    hit.path.is_empty() || hit.severity == Severity::Blocker || files.contains(&hit.path)
}

/// The files of which it is told what each linter finds.
type Asked<'a> = HashMap<&'a str, Vec<&'a Path>>;

fn shown_of(told: &Asked<'_>, linter: &str) -> HashSet<String> {
    told.get(linter).into_iter().flatten().map(|path| shown(path)).collect()
}

fn is_by_file(linters: &[Linter], name: &str) -> bool {
    linters.iter().any(|it| it.name == name && it.unit == Unit::Files)
}

/// The baseline: that of the command line is seen from the current folder, that of landfall.toml from the
/// root.
fn baseline(args: &Args, settings: &Settings, tree: &Tree) -> anyhow::Result<Baseline> {
    let named = args.baseline.as_deref().map(std::path::absolute).transpose()?;
    let named = named.as_deref().or(settings.baseline.as_deref());
    Baseline::read(&tree.root, named, args.write_baseline)
}

/// Accepts what was found; whether there was something to write. What a linter would have found that did
/// not do its work is not known: then nothing is written.
fn write_baseline(
    args: &Args,
    baseline: &Baseline,
    findings: &Findings,
    checked: &[Checked],
    told: &Asked<'_>,
) -> anyhow::Result<bool> {
    if checked.iter().any(|it| it.crash.is_some()) {
        output::warn("the baseline is not written, for not all linters did their work");
        return Ok(false);
    }
    // One that is not installed has looked at nothing.
    let ran = told.keys().filter(|name| checked.iter().any(|it| it.name == **name));
    let told: HashMap<&str, HashSet<String>> =
        ran.map(|name| (*name, shown_of(told, name))).collect();
    let is_checked = |rule: &str, path: &str| {
        let linter = rule.split('/').next().unwrap_or(rule);
        told.get(linter).is_some_and(|files| files.contains(path))
    };
    let text = baseline.with(findings, is_checked)?;
    let is_written = baseline.write(&text, args.common.dry_run)?;
    let would = if args.common.dry_run { "would be " } else { "" };
    let (found, file) = (findings.summary(), baseline.file().display());
    output::say(format!("{found} {would}accepted in {file}"));
    Ok(is_written)
}

/// The linters of a run.
#[derive(Default)]
struct Planned<'a> {
    /// How long they took.
    times: Times,
    works: Vec<Work<'a>>,
    skipped: Vec<Skipped>,
    not_started: Vec<Checked>,
}

impl<'a> Planned<'a> {
    /// Looks where a linter is installed. That one is missing does not keep the others from their work.
    async fn add(&mut self, args: &Args, tree: &Tree, linter: &'a Linter, files: Vec<&'a Path>) {
        if files.is_empty() {
            return;
        }
        let Some(program) = run::find(tree, &linter.programs, &args.search_path.0) else {
            self.is_missing(args, linter, files.len());
            return;
        };
        let cache =
            if args.no_cache { Cache::default() } else { Cache::open(tree, linter, &program) };
        let mut cache = cache.taking(self.times.get(&linter.name).copied());
        match check_version(tree, linter, &program, &mut cache).await {
            Ok(()) => self.works.push(Work { linter, program, files, cache }),
            Err(err) => {
                let crash = Crash { exit: exit_of(&err), ..Crash::of(&linter.name, &err) };
                self.not_started.push(Checked::not_started(&linter.name, files.len(), crash));
            }
        }
    }

    fn is_missing(&mut self, args: &Args, linter: &Linter, files: usize) {
        let name = &linter.name;
        let why = if args.only.contains(name) {
            "--only asks for it"
        } else if linter.is_demanded {
            "landfall.toml demands it"
        } else {
            // The report says it as well.
            if !args.common.quiet {
                output::warn(format!("{name} is not installed: {}", linter.install));
            }
            self.skipped.push(Skipped::new(linter, files));
            return;
        };
        let crash = Crash {
            name: name.clone(),
            message: format!("{name} is not installed, and {why}"),
            exit: Exit::Unreachable,
            help: Some(linter.install.clone()),
        };
        self.not_started.push(Checked::not_started(name, files, crash));
    }
}

fn exit_of(err: &anyhow::Error) -> Exit {
    Fail::of(err).map_or(Exit::Failed, Fail::exit)
}

/// The files of a linter that are to be checked: those that are selected, and all of them when its
/// configuration is other than before.
fn asked<'a>(linter: &'a Linter, scope: &Scope, selected: &HashSet<&OsStr>) -> Vec<&'a Path> {
    let is_configured =
        scope.changed().is_some_and(|paths| paths.iter().any(|path| linter.is_config(path)));
    let files = linter.files.iter().map(PathBuf::as_path);
    files.filter(|path| is_configured || selected.contains(path.as_os_str())).collect()
}

/// Whether a linter looks at whole projects, and a file of one is gone.
fn misses_one(linter: &Linter, scope: &Scope) -> bool {
    let is_gone = |path: &PathBuf| linter.kinds.is_match(path) && !linter.files.contains(path);
    linter.unit != Unit::Files && scope.changed().is_some_and(|paths| paths.iter().any(is_gone))
}

/// What is new, as findings name it.
struct New<'a> {
    lines: HashMap<String, &'a [std::ops::RangeInclusive<usize>]>,
    /// Rule and path of what is about a file as a whole.
    whole: &'a HashSet<(String, String)>,
}

impl<'a> New<'a> {
    fn of(lines: &'a NewLines, whole: &'a HashSet<(String, String)>) -> Self {
        let lines = lines.iter().map(|(path, lines)| (shown(path), lines.as_slice())).collect();
        Self { lines, whole }
    }

    /// Whether something of a finding is on a new line, or it is about a file that has one.
    fn has(&self, finding: &findings::Finding) -> bool {
        let place = finding.place();
        let Some(ranges) = self.lines.get(place.path()) else { return false };
        let first = place.line();
        let last = place.end().map_or(first, |(line, _)| line.max(first));
        let is_on = ranges.iter().any(|it| *it.start() <= last && first <= *it.end());
        let is_whole = || {
            // So is the place of what is about the whole file.
            (place.line(), place.column()) == (1, None)
                && self.whole.contains(&(finding.rule().to_owned(), place.path().to_owned()))
        };
        is_on || (!ranges.is_empty() && is_whole())
    }
}

/// The linters that the command line leaves.
fn chosen(linters: Vec<Linter>, settings: &Settings, args: &Args) -> Result<Vec<Linter>, Fail> {
    for name in args.only.iter().chain(&args.skip) {
        let known = || {
            let own = settings.linters.keys().map(String::as_str);
            own.chain(adapters::ADAPTERS.iter().map(|it| it.name))
        };
        if !known().any(|it| it == name) {
            let fail = Fail::invalid(format!("there is no linter `{name}`"));
            return Err(match nearest(name, known()) {
                Some(meant) => fail.help(format!("write `{meant}`")),
                None => fail.help("`lint-check list` names them"),
            });
        }
    }
    let is_chosen = |linter: &Linter| {
        (args.only.is_empty() || args.only.contains(&linter.name))
            && !args.skip.contains(&linter.name)
    };
    Ok(linters.into_iter().filter(is_chosen).collect())
}

/// The paths that are named, relative to the root.
fn below(tree: &Tree, paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let current = std::env::current_dir()?;
    let relative = |path: &PathBuf| {
        let absolute = current.join(path).canonicalize();
        let absolute = absolute.with_context(|| {
            Fail::invalid(format!("there is no {}", path.display()))
                .help("write the path as it is seen from the current folder")
        })?;
        let relative = absolute.strip_prefix(&tree.root).map(Path::to_owned);
        let (path, root) = (path.display(), tree.root.display());
        Ok(relative.map_err(|_| {
            Fail::invalid(format!("{path} is not in {root}"))
                .help("run lint-check in the repository that it lies in")
        })?)
    };
    paths.iter().map(relative).collect()
}

/// A linter has the version that landfall.toml pins.
///
/// # Errors
/// Exit 2: it has another.
async fn check_version(
    tree: &Tree,
    linter: &Linter,
    program: &Path,
    cache: &mut Cache,
) -> anyhow::Result<()> {
    let Some(wanted) = &linter.version else { return Ok(()) };
    let said = match cache.version() {
        Some(said) => said.to_owned(),
        None => run::version(tree, linter, program).await?,
    };
    cache.has_version(&said);
    if has_version(&said, wanted) {
        return Ok(());
    }
    let first = said.lines().next().unwrap_or_default();
    Err(Fail::invalid(format!("version {wanted} is wanted, and this is `{first}`"))
        .help(format!("{}, or change `version` in landfall.toml", linter.install))
        .into())
}

/// Whether a version that begins so is in what a program says of itself.
fn has_version(said: &str, wanted: &str) -> bool {
    let begins = |word: &str| {
        let rest = word.trim_start_matches('v').strip_prefix(wanted);
        rest.is_some_and(|rest| !rest.starts_with(|it: char| it.is_ascii_alphanumeric()))
    };
    said.split(|it: char| it.is_whitespace() || ",()".contains(it)).any(begins)
}

/// Where a rule is explained.
fn explain(text: &str, settings: &Settings) -> Result<Explained, Fail> {
    let (name, rule) = text.split_once('/').unwrap_or((text, text));
    let adapter = adapters::ADAPTERS.iter().find(|it| it.name == name);
    let command = settings.linters.get(name).and_then(|own| own.command.as_ref());
    match (adapter, command) {
        // Of one that names no rules, all findings are of the rule that has its name.
        (None, Some(command)) => Ok(Explained::of_command(name, command, rule)),
        _ if name == text => Err(Fail::invalid("a rule is written as LINTER/RULE")
            .help("write it as it stands in findings, for example ruff/F401")),
        (Some(adapter), _) => Ok(Explained::new(adapter, rule)),
        (None, None) => Err(Fail::invalid(format!("there is no linter `{name}`"))
            .help("`lint-check list` names them")),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_how_it_begins() {
        for (said, wanted, is_it) in [
            ("ruff 0.11.2", "0.11", true),
            ("ruff 0.11.2", "0.11.2", true),
            ("ruff 0.11.2", "0.1", false),
            ("ruff 0.11.2", "0.12", false),
            ("v9.2.0", "9", true),
            ("tool version:\nversion: 0.9.0\n", "0.9", true),
            ("tool (1.2-beta)", "1.2", true),
            ("", "1", false),
        ] {
            assert_eq!(has_version(said, wanted), is_it, "{said} {wanted}");
        }
    }
}
