//! Brings the schema of a database to what the migrations in the repository say.
//!
//! A migration that was applied is recorded in refinery's table, in the transaction that applied it:
//! whenever a run ends, by an error, a signal or a loss of power, the next one knows where to go on.

mod address;
mod apply;
mod check;
mod checksum;
mod cloud;
mod database;
mod databases;
mod files;
mod iam;
mod observe;
mod plan;
mod report;
mod scaffold;
mod settings;
mod source;
mod sql;
mod tls;

use std::collections::HashSet;
use std::path::Path;

use landfall_toml::{Config, Needs};
use step_core::poll::Deadline;
use step_core::{Exit, Fail, output};

pub use check::Checked;
pub use databases::Several;
pub use report::{Done, Migrated, Outcome};
pub use settings::Args;

use address::Address;
use cloud::Cloud;
use database::{Access, Database};
use databases::Target;
use files::{Files, Script};
use plan::{Change, Recorded};
use settings::{Command, Settings};
use sql::Dialect;

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. That a migration failed after others were applied is
/// in the report, not an error of this function.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    let config = Config::load(&args.common)?;
    let file = config.environment(&args.common, Needs::Nothing)?.migrate_db;
    let targets = args.targets(&file)?;
    if let Some(Command::Check(options)) = &args.command {
        let settings = args.check(options, &file, &targets);
        return check::run(&settings).await.map(Done::Checked);
    }
    let cloud = args.cloud(&config);
    if let [target] = targets.as_slice() {
        return Ok(Done::One(run_one(args, target, &cloud).await?));
    }
    let is_write = !args.common.dry_run && matches!(args.command, None | Some(Command::Up));
    let one = async |target: &Target| run_one(args, target, &cloud).await;
    Ok(Done::Several(databases::each(&targets, is_write, one).await))
}

/// Does it with one database.
async fn run_one(args: &Args, target: &Target, cloud: &Cloud<'_>) -> anyhow::Result<Migrated> {
    let settings = args.settings(target);
    let address = async || args.address(target, cloud).await;
    match args.command.clone().unwrap_or(Command::Up) {
        Command::Check(_) => anyhow::bail!("check is about all databases at once"),
        Command::New { name } => {
            let outcome = if settings.dry_run { Outcome::Planned } else { Outcome::Written };
            let file = scaffold::write(&settings, &name)?;
            Ok(Migrated::written(outcome, file))
        }
        Command::Status { check } => status(&settings, &address().await?, check).await,
        Command::Plan => plan_only(&settings, &address().await?).await,
        Command::Up if settings.dry_run => plan_only(&settings, &address().await?).await,
        Command::Up => up(&settings, &address().await?).await,
        Command::Repair { yes } => {
            let ask = !yes && !settings.dry_run;
            let plan = |files: &Files, recorded: &Recorded, dialect| {
                Ok(plan::repair(files, recorded, dialect))
            };
            let is_write = yes && !settings.dry_run;
            let report =
                rewrite(&settings, &address().await?, is_write, Outcome::Repaired, plan).await?;
            let changes = report.verdict_of_asking(ask);
            Ok(report.failing(changes))
        }
        Command::Baseline { version } => {
            let plan =
                |files: &Files, recorded: &Recorded, _| plan::baseline(files, recorded, version);
            let is_write = !settings.dry_run;
            rewrite(&settings, &address().await?, is_write, Outcome::Baselined, plan).await
        }
    }
}

/// Applies what is pending.
async fn up(settings: &Settings, address: &Address) -> anyhow::Result<Migrated> {
    output::say(format!("{} to {address}", settings.folder.display()));
    let files = observe::files(settings)?;
    let mut database = Database::connect(address, Access::Write, &settings.wait_for_db).await?;
    let report = |outcome, changes| Migrated::new(outcome, Some(address.to_string()), changes);
    // Without a lock: nothing to do stays nothing to do, whatever another run applies.
    let recorded = observe::recorded(&mut database).await?;
    let changes = plan::up(&files, &recorded, &settings.wanted, database.dialect())?;
    if changes.is_empty() {
        return Ok(report(Outcome::Unchanged, changes));
    }
    refuse(database.dialect(), &files, &changes)?;
    database.lock(&Deadline::after(settings.wait_for_lock)).await?;
    let recorded = observe::recorded(&mut database).await?;
    let changes = plan::up(&files, &recorded, &settings.wanted, database.dialect())?;
    changes.iter().for_each(|change| output::say(format!("  {change}")));
    if changes.is_empty() {
        return Ok(report(Outcome::Unchanged, changes));
    }
    let width = plan::width(&files, &recorded);
    let done = apply::apply(&mut database, &files, width, &changes, settings.limits).await?;
    if let Some(fail) = done.failure {
        let is_older = done.is_there && done.applied.is_empty();
        let fail = if is_older { plan::adoption(&recorded, &changes, fail) } else { fail };
        let planned = changes.iter().filter(|it| it.runs().is_some()).count();
        let pending = planned - done.applied.len();
        let report = report(Outcome::Failed, changes).applied(done.applied, pending);
        return Ok(report.failing(Some(fail)));
    }
    let recorded = observe::recorded(&mut database).await?;
    if !plan::up(&files, &recorded, &settings.wanted, database.dialect())?.is_empty() {
        return Err(Fail::new(Exit::Superseded, "the history changed while it was written")
            .help("something else writes into the history; see migrate-db status")
            .into());
    }
    Ok(report(Outcome::Migrated, changes).applied(done.applied, 0))
}

/// Shows what `up` would do, on a connection that can only read.
async fn plan_only(settings: &Settings, address: &Address) -> anyhow::Result<Migrated> {
    output::say(format!("{} to {address}", settings.folder.display()));
    let files = observe::files(settings)?;
    let mut database = Database::connect(address, Access::Read, &settings.wait_for_db).await?;
    let recorded = observe::recorded(&mut database).await?;
    let changes = plan::up(&files, &recorded, &settings.wanted, database.dialect())?;
    refuse(database.dialect(), &files, &changes)?;
    let outcome = if changes.is_empty() { Outcome::Unchanged } else { Outcome::Planned };
    Ok(Migrated::new(outcome, Some(address.to_string()), changes))
}

/// Shows each migration.
async fn status(settings: &Settings, address: &Address, check: bool) -> anyhow::Result<Migrated> {
    let files = observe::files(settings)?;
    let mut database = Database::connect(address, Access::Read, &settings.wait_for_db).await?;
    let recorded = observe::recorded(&mut database).await?;
    let comparison = plan::compare(&files, &recorded, &settings.wanted, database.dialect());
    Ok(Migrated::status(address.to_string(), comparison, check))
}

/// Changes the history and runs no migration.
async fn rewrite(
    settings: &Settings,
    address: &Address,
    is_write: bool,
    outcome: Outcome,
    plan: impl Fn(&Files, &Recorded, Dialect) -> Result<Vec<Change>, Fail>,
) -> anyhow::Result<Migrated> {
    let files = observe::files(settings)?;
    let access = if is_write { Access::Write } else { Access::Read };
    let mut database = Database::connect(address, access, &settings.wait_for_db).await?;
    if is_write {
        database.lock(&Deadline::after(settings.wait_for_lock)).await?;
    }
    let recorded = observe::recorded(&mut database).await?;
    let changes = plan(&files, &recorded, database.dialect())?;
    let outcome = match (changes.is_empty(), is_write) {
        (true, _) => Outcome::Unchanged,
        (false, false) => Outcome::Planned,
        (false, true) => {
            let width = plan::width(&files, &recorded);
            apply::apply(&mut database, &files, width, &changes, settings.limits).await?;
            outcome
        }
    };
    Ok(Migrated::new(outcome, Some(address.to_string()), changes))
}

/// Refuses what cannot work, before anything runs.
fn refuse(dialect: Dialect, files: &Files, changes: &[Change]) -> anyhow::Result<()> {
    let planned: HashSet<&Path> = changes.iter().filter_map(Change::runs).collect();
    let is_planned = |script: &&Script| planned.contains(script.path.as_path());
    let scripts = || files.scripts().filter(is_planned);
    // A repeatable one may be filled later: it is run again then.
    let versioned = files.migrations.iter().map(|file| &file.script).filter(is_planned);
    for script in versioned.filter(|script| sql::split(&script.sql, dialect).is_empty()) {
        let file = script.path.display();
        output::warn(format!("{file} holds no statement, and cannot be filled once it is applied"));
    }
    let problems = scripts().flat_map(|script| {
        let problems = database::problems(dialect, script).into_iter();
        problems.map(|(line, why)| format!("{}:{line}: {why}", script.path.display()))
    });
    let problems: Vec<String> = problems.collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fail::invalid(problems.join("\n")).help("nothing was applied").into())
}
