//! Finds the linters that a repository needs, and runs them on what changed.

mod adapters;
mod baseline;
mod cache;
mod detect;
mod fix;
mod generic;
mod hook;
mod report;
mod run;
mod scope;
mod settings;
mod tree;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::Context;
use findings::{Findings, Tool};
use landfall_toml::{Config, LintCheck, Needs, nearest};
use step_core::process::Process;
use step_core::{Exit, Fail, output};

pub use report::Done;
pub use settings::Args;

use baseline::Baseline;
use detect::{Detected, Linter, detect};
use report::{Explained, Hooked, Linted, Listed, Skipped};
use run::Work;
use settings::{Command, HookAction};
use tree::Tree;

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. Findings, and linters that crashed, are in the report, not
/// an error of this function.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    let config = Config::load(&args.common)?;
    let settings = config.environment(&args.common, Needs::Nothing)?.lint_check;
    let tree = scope::tree(args).await?;
    match &args.command {
        None => lint(args, &settings, &tree).await.map(Done::Linted),
        Some(Command::List) => Ok(Done::Listed(Listed::new(detect(&tree, &settings)?, |linter| {
            run::find(&tree, &linter.programs, &args.search_path.0)
        }))),
        Some(Command::Explain { rule }) => Ok(Done::Explained(explain(rule)?)),
        Some(Command::Hook { action }) => {
            let (path, is_changed) = match action {
                HookAction::Install => hook::install(&tree.root).await?,
                HookAction::Uninstall => hook::uninstall(&tree.root).await?,
            };
            Ok(Done::Hooked(Hooked { action: *action, path, is_changed }))
        }
    }
}

/// Runs the linters on what is to be checked.
async fn lint(args: &Args, settings: &LintCheck, tree: &Tree) -> anyhow::Result<Linted> {
    let baseline_file = args.baseline.as_deref().or(settings.baseline.as_deref());
    let baseline = Baseline::read(&tree.root, baseline_file, args.write_baseline)?;
    let Detected { linters, .. } = detect(tree, settings)?;
    let linters = chosen(linters, args)?;
    let selected = selected(tree, &args.paths)?;
    let mut skipped = Vec::new();
    let mut works = Vec::new();
    for linter in &linters {
        let files: Vec<&Path> = linter.files.iter().map(PathBuf::as_path).collect();
        let files: Vec<&Path> = files.into_iter().filter(|path| selected.contains(path)).collect();
        if files.is_empty() {
            continue;
        }
        match run::find(tree, &linter.programs, &args.search_path.0) {
            Some(program) => {
                check_version(linter, &program).await?;
                works.push(Work { linter, program, files });
            }
            None if linter.is_demanded => {
                let message =
                    format!("{} is not installed, and landfall.toml demands it", linter.name);
                return Err(Fail::new(Exit::Unreachable, message)
                    .help(linter.install.clone())
                    .into());
            }
            None => {
                output::warn(format!("{} is not installed: {}", linter.name, linter.install));
                skipped.push(Skipped::new(linter));
            }
        }
    }
    output::say(format!("{} files to check ({})", selected.len(), tree.scope));
    let jobs = args.jobs.map_or_else(processors, usize::from);
    let fixed = if args.fix { fix::fix(tree, &works, args.allow_dirty).await? } else { Vec::new() };
    let checked = run::run(tree, &works, jobs, !args.no_cache).await;
    let findings = report::findings(tree, &checked);
    let findings = if args.write_baseline {
        baseline.write(&findings)?;
        output::say(format!("{} accepted in {}", findings.summary(), baseline.file().display()));
        Findings::default()
    } else {
        findings
    };
    let is_new = |path: &Path, line| args.new_from.is_none() || tree.is_new(path, line);
    let (findings, accepted) = findings.partition(|it| {
        !baseline.accepts(it) && is_new(Path::new(it.place().path()), it.place().line())
    });
    let names: Vec<String> = {
        let mut names: Vec<String> = works
            .iter()
            .flat_map(|work| work.files.iter().map(|path| cache::name(path)))
            .collect::<HashSet<_>>()
            .into_iter()
            .collect();
        names.sort();
        names
    };
    let tool = Tool { name: "lint-check", version: env!("CARGO_PKG_VERSION") };
    args.reports.write(&findings, &names, "lint-check", tool)?;
    let linted = Linted {
        scope: tree.scope.to_string(),
        files: names.len(),
        linters: checked,
        skipped,
        fixed,
        accepted: accepted.len(),
        fail_on: args.reports.fail_on,
        findings,
        lines: HashMap::new(),
    };
    if let Some(path) = &args.markdown {
        step_core::write_atomically(path, linted.markdown().as_bytes())?;
    }
    Ok(linted.with_sources(tree))
}

/// The linters that the command line leaves.
fn chosen(linters: Vec<Linter>, args: &Args) -> Result<Vec<Linter>, Fail> {
    for name in args.only.iter().chain(&args.skip) {
        let known = || {
            let own = linters.iter().map(|it| it.name.as_str());
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

/// The files to check, below the paths that are named.
fn selected<'a>(tree: &'a Tree, paths: &[PathBuf]) -> anyhow::Result<HashSet<&'a Path>> {
    let current = std::env::current_dir()?;
    let mut below = Vec::new();
    for path in paths {
        let absolute = current.join(path).canonicalize();
        let absolute =
            absolute.with_context(|| Fail::invalid(format!("there is no {}", path.display())))?;
        let relative = absolute.strip_prefix(&tree.root).map(Path::to_owned);
        let outside =
            || Fail::invalid(format!("{} is not in {}", path.display(), tree.root.display()));
        below.push(relative.map_err(|_| outside())?);
    }
    let selected = tree.selected().into_iter();
    let is_below = |path: &&Path| below.is_empty() || below.iter().any(|it| path.starts_with(it));
    Ok(selected.filter(is_below).collect())
}

/// A linter has the version that landfall.toml pins.
async fn check_version(linter: &Linter, program: &Path) -> anyhow::Result<()> {
    let Some(wanted) = &linter.version else { return Ok(()) };
    let said = Process::new(program, ["--version"]).limit(run::SHORT).output().await?;
    let is_it = |word: &str| {
        let word = word.trim_start_matches('v');
        word.strip_prefix(wanted.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
    };
    if said.split(|it: char| it.is_whitespace() || it == ',').any(is_it) {
        return Ok(());
    }
    let first = said.lines().next().unwrap_or_default();
    let message = format!("{} {wanted} is wanted, and this is `{first}`", linter.name);
    Err(Fail::invalid(message)
        .help(format!("{}, or change `version` in landfall.toml", linter.install))
        .into())
}

/// Where a rule is explained.
fn explain(rule: &str) -> Result<Explained, Fail> {
    let (name, rule) = rule.split_once('/').ok_or_else(|| {
        Fail::invalid("a rule is written as LINTER/RULE").help("for example shellcheck/SC2086")
    })?;
    let adapter = adapters::ADAPTERS.iter().find(|it| it.name == name).ok_or_else(|| {
        Fail::invalid(format!("there is no linter `{name}`")).help("`lint-check list` names them")
    })?;
    Ok(Explained::new(adapter, rule))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
