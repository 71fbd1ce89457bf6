//! `check`: what is wrong with the migrations before any database sees them. Reads files and git.

mod git;
mod order;
mod rules;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use findings::{Finding, Findings, Reports, Severity, Source, Tool};
use landfall_toml::MigrateDbCheck;
use serde::Serialize;
use step_core::{Fail, GitLab, Report, output};

use crate::database;
use crate::files::{self, Files, Key, Migration, Problem, Script};
use crate::sql::Dialect;
use git::{Base, Repository};
use rules::{Rules, UNUSABLE_FILE, UNUSABLE_STATEMENT};

/// The options of `check`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Branch or commit to compare with [default: the target of the merge request, else origin's main
    /// branch, else main]
    #[arg(long, env = "LANDFALL_CHECK_AGAINST", value_name = "REF")]
    pub(crate) against: Option<String>,

    /// Check the statements of all files, not only of those that are new
    #[arg(long)]
    pub(crate) all: bool,

    /// Kind of the database [landfall.toml: migrate-db.engine] [default: that of the database's URL,
    /// if a variable holds one, else postgres]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) engine: Option<Engine>,

    #[command(flatten)]
    pub(crate) reports: Reports,
}

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// PostgreSQL
    Postgres,
    /// MySQL or MariaDB: names, order and transactions
    Mysql,
    /// SQLite: names, order and transactions
    Sqlite,
}

impl From<landfall_toml::Engine> for Engine {
    fn from(engine: landfall_toml::Engine) -> Self {
        match engine {
            landfall_toml::Engine::Postgres => Engine::Postgres,
            landfall_toml::Engine::Mysql => Engine::Mysql,
            landfall_toml::Engine::Sqlite => Engine::Sqlite,
        }
    }
}

impl From<Engine> for Dialect {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Postgres => Dialect::Postgres,
            Engine::Mysql => Dialect::Mysql,
            Engine::Sqlite => Dialect::Sqlite,
        }
    }
}

impl Engine {
    /// That of a URL with this scheme.
    pub(crate) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "postgres" | "postgresql" => Some(Engine::Postgres),
            "mysql" | "mariadb" => Some(Engine::Mysql),
            "sqlite" => Some(Engine::Sqlite),
            _ => None,
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Engine::Postgres => "postgres",
            Engine::Mysql => "mysql",
            Engine::Sqlite => "sqlite",
        })
    }
}

/// What a check is to do, out of flags, variables and landfall.toml.
#[derive(Debug)]
pub(crate) struct Settings {
    /// One for each database.
    pub(crate) folders: Vec<Folder>,
    pub(crate) allow_empty: bool,
    pub(crate) engine: Engine,
    pub(crate) file: MigrateDbCheck,
    pub(crate) gitlab: GitLab,
    pub(crate) options: Options,
}

/// The migrations of a database.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) out_of_order: bool,
}

/// Checks the migrations and writes what was found.
///
/// # Errors
/// Exit 2: the settings or the folder are wrong, or git cannot compare; exit 4: the branch cannot be
/// fetched. That something was found is in the report, not an error.
pub(crate) async fn run(settings: &Settings) -> anyhow::Result<Checked> {
    let mut found = Found::default();
    for folder in &settings.folders {
        look(folder, settings, &mut found).await?;
    }
    let findings = Findings::new(found.findings);
    let tool = Tool { name: "migrate-db check", version: env!("CARGO_PKG_VERSION") };
    let written = settings.options.reports.write(&findings, &found.paths, "migrate-db check", tool);
    Ok(Checked {
        engine: settings.engine,
        folders: settings.folders.iter().map(|folder| folder.path.clone()).collect(),
        files: found.paths.len(),
        checked: found.checked,
        compared: found.base.map(Compared::new),
        skipped: found.skipped,
        fail_on: settings.options.reports.fail_on,
        findings,
        not_written: written.err().map(|err| Fail::whole(&err)),
    })
}

/// What was found in the folders so far.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    /// All files that look like migrations.
    paths: Vec<String>,
    /// How many had their statements checked.
    checked: usize,
    base: Option<Base>,
    skipped: Option<String>,
}

/// Looks into a folder.
async fn look(folder: &Folder, settings: &Settings, found: &mut Found) -> anyhow::Result<()> {
    let (options, folder, out_of_order) = (&settings.options, &folder.path, folder.out_of_order);
    let rules = Rules::new(&settings.file.rules, out_of_order)?;
    let (files, problems) = files::scan(folder)?;
    if files.is_empty() && problems.is_empty() && !settings.allow_empty {
        return Err(files::empty(folder).into());
    }
    let repository = Repository::around(folder).await?;
    let places = Places::new(folder, repository.as_ref());
    let local = local(folder, &files, &problems);
    let against = options.against.as_deref();
    let base = match &repository {
        Some(repository) => repository.base(against, &settings.gitlab, &local).await?,
        None => None,
    };
    let skipped = match (&repository, &base) {
        (_, Some(_)) => None,
        (Some(_), None) => Some("git knows no branch to compare with; name one with --against"),
        (None, None) => Some("this is no git repository"),
    };
    if let (Some(why), Some(against)) = (skipped, against) {
        return Err(Fail::invalid(format!("cannot compare with {against}: {why}"))
            .help("run in a clone, or leave out --against")
            .into());
    }
    if let Some(why) = skipped {
        output::warn(format!("order and edits are not checked, and all files count as new: {why}"));
    }
    found.paths.extend(files.scripts().map(|script| places.of(&script.path)));
    found.paths.extend(problems.iter().map(|problem| places.of(&problem.path)));
    found.findings.extend(problems.iter().filter_map(|it| unusable(it, &rules, &places)));
    if let Some(base) = &base {
        found.findings.extend(order::check(&local, base, &rules, &places));
    }
    let chosen = chosen(files, folder, base.as_ref().filter(|_| !options.all));
    found.checked += chosen.len();
    let engine = settings.engine;
    found.findings.extend(
        on_deep_stack(move || {
            chosen.iter().flat_map(|file| statements(file, engine, &rules, &places)).collect()
        })
        .await?,
    );
    found.base = found.base.take().or(base);
    found.skipped = found.skipped.take().or(skipped.map(str::to_owned));
    Ok(())
}

/// The files whose statements are checked: those that this branch brings, or all without a base.
fn chosen(files: Files, folder: &Path, base: Option<&Base>) -> Vec<Script> {
    let is_new = |file: &Migration| base.is_none_or(|base| base.is_new(&id(file)));
    let runs_again =
        |script: &Script| base.is_none_or(|base| base.runs_again(&inside(folder, &script.path)));
    let migrations = files.migrations.into_iter().filter(is_new).map(|file| file.script);
    let repeatables = files.repeatables.into_iter().map(|file| file.script).filter(runs_again);
    migrations.chain(repeatables).collect()
}

/// A path relative to the folder.
fn inside(folder: &Path, path: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

/// What tells a migration from all others, wherever it lies: version and name, as the history has it.
type Id = (i64, String);

fn id(file: &Migration) -> Id {
    (file.version, file.name.clone())
}

/// A file of the folder, as far as git is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Local {
    id: Id,
    /// Relative to the folder.
    path: String,
}

/// All files that are migrations by their names: one that cannot be used is not deleted.
fn local(folder: &Path, files: &Files, problems: &[Problem]) -> Vec<Local> {
    let usable = files
        .migrations
        .iter()
        .map(|it| Local { id: id(it), path: inside(folder, &it.script.path) });
    let others = problems.iter().filter_map(|it| {
        match files::parse_name(it.path.file_name()?.to_str()?).ok()?? {
            Key::Version(version, name) => {
                Some(Local { id: (version, name), path: inside(folder, &it.path) })
            }
            Key::Name(_) => None,
        }
    });
    usable.chain(others).collect()
}

/// Paths as they stand in findings: relative to the repository, if there is one.
struct Places {
    folder: PathBuf,
    /// What stands before the path of a file in the folder.
    prefix: String,
}

impl Places {
    fn new(folder: &Path, repository: Option<&Repository>) -> Self {
        let prefix = match repository {
            Some(repository) => repository.prefix().to_owned(),
            None => {
                let current = std::env::current_dir().unwrap_or_default();
                format!("{}/", folder.strip_prefix(current).unwrap_or(folder).display())
            }
        };
        Self { folder: folder.to_owned(), prefix }
    }

    fn of(&self, path: &Path) -> String {
        self.inside(&path.strip_prefix(&self.folder).unwrap_or(path).display().to_string())
    }

    /// Of a path relative to the folder.
    fn inside(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}

/// A file that `up` would refuse.
fn unusable(problem: &Problem, rules: &Rules, places: &Places) -> Option<Finding> {
    let severity = rules.level(UNUSABLE_FILE)?;
    // Its text, if it has one, makes the fingerprint.
    let text = std::fs::read_to_string(&problem.path).unwrap_or_default();
    let place = Source::new(places.of(&problem.path), &text).line(problem.line.unwrap_or(1));
    Some(Finding::new(UNUSABLE_FILE, severity, &problem.text, place))
}

/// What is wrong with the statements of a file.
fn statements(file: &Script, engine: Engine, rules: &Rules, places: &Places) -> Vec<Finding> {
    let source = Source::new(places.of(&file.path), &file.sql);
    let mut found = Vec::new();
    if let Some(severity) = rules.level(UNUSABLE_STATEMENT) {
        let problems = database::problems(engine.into(), file).into_iter();
        found.extend(
            problems.map(|(line, why)| {
                Finding::new(UNUSABLE_STATEMENT, severity, why, source.line(line))
            }),
        );
    }
    if engine == Engine::Postgres {
        found.extend(rules.lint(&source, &file.sql, file.directives.no_transaction));
    }
    found
}

/// Runs something that takes long and recurses, as squawk does into an expression, on a thread of its
/// own: signals are heeded meanwhile, and ten thousand parentheses do not end the process.
async fn on_deep_stack(
    work: impl FnOnce() -> Vec<Finding> + Send + 'static,
) -> anyhow::Result<Vec<Finding>> {
    let (sender, done) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .stack_size(STACK)
        // Nobody waits for it any more when the step was interrupted.
        .spawn(move || _ = sender.send(work()))
        .context("start a thread")?;
    done.await.context("the check of the statements broke off")
}

/// Address space; what is not used costs no memory.
const STACK: usize = 512 << 20;

/// The report of `check`.
#[derive(Debug, Serialize)]
pub struct Checked {
    engine: Engine,
    /// One for each database.
    folders: Vec<PathBuf>,
    /// How many files look like migrations.
    files: usize,
    /// How many of them had their statements checked.
    checked: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Compared>,
    /// Why nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
    fail_on: Severity,
    findings: Findings,
    /// Why a file could not be written.
    #[serde(skip)]
    not_written: Option<Fail>,
}

/// What the files were compared with.
#[derive(Debug, Serialize)]
struct Compared {
    against: String,
    commit: String,
    merge_base: String,
}

impl Compared {
    fn new(base: Base) -> Self {
        Self { against: base.name, commit: base.tip.commit, merge_base: base.merge_base.commit }
    }
}

impl Report for Checked {
    fn outcome(&self) -> &str {
        if self.verdict().is_ok() { "passed" } else { "failed" }
    }

    fn verdict(&self) -> Result<(), Fail> {
        if let Some(fail) = &self.not_written {
            return Err(fail.clone());
        }
        let mut failing = self.findings.at_least(self.fail_on);
        let help = if failing.any(|it| rules::can_be_ignored(it.rule())) {
            "mend them, or say in the file that it is meant so: `-- squawk-ignore RULE`; rules are \
             switched in landfall.toml: migrate-db.check.rules"
        } else {
            "mend them"
        };
        self.findings.verdict(self.fail_on).map_err(|fail| fail.help(help))
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.findings.is_empty() {
            writeln!(f, "{}", self.findings)?;
        }
        let Self { folders, files, checked, engine, .. } = self;
        let folders: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
        write!(f, "{}: {checked} of {files} files checked as {engine}", folders.join(", "))?;
        match (&self.compared, &self.skipped) {
            (Some(compared), _) => write!(f, ", compared with {}", compared.against)?,
            (None, Some(why)) => write!(f, ", order and edits not checked: {why}")?,
            (None, None) => {}
        }
        write!(f, ": {}", self.findings.summary())
    }
}
