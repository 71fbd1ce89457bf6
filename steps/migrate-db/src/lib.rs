//! Brings the schema of a database to what the migrations in the repository say.
//!
//! A migration that was applied is recorded in refinery's table, in the transaction that applied it:
//! whenever a run ends, by an error, a signal or a loss of power, the next one knows where to go on.

mod address;
mod apply;
mod check;
mod checksum;
mod database;
mod files;
mod observe;
mod plan;
mod report;
mod scaffold;
mod settings;
mod sql;

use step_core::poll::Deadline;
use step_core::{Exit, Fail, output};

pub use check::Checked;
pub use report::{Done, Migrated, Outcome};
pub use settings::Args;

use address::Address;
use database::{Access, Database};
use files::Migration;
use plan::{Change, History};
use settings::{Command, Settings};

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. That a migration failed after others were applied is
/// in the report, not an error of this function.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    let settings = args.settings()?;
    let migrated = match args.command.clone().unwrap_or(Command::Up) {
        Command::Check(options) => {
            return check::run(&args.check(options)?).await.map(Done::Checked);
        }
        Command::New { name } => scaffold::write(&settings, &name).map(Migrated::written),
        Command::Status { check } => status(&settings, &args.address()?, check).await,
        Command::Plan => plan_only(&settings, &args.address()?).await,
        Command::Up if settings.dry_run => plan_only(&settings, &args.address()?).await,
        Command::Up => up(&settings, &args.address()?).await,
        Command::Repair { yes } => {
            let ask = !yes && !settings.dry_run;
            let plan =
                |files: &[Migration], history: Option<&History>| Ok(plan::repair(files, history));
            let is_write = yes && !settings.dry_run;
            let report =
                rewrite(&settings, &args.address()?, is_write, Outcome::Repaired, plan).await?;
            let changes = report.verdict_of_asking(ask);
            Ok(report.failing(changes))
        }
        Command::Baseline { version } => {
            let plan = |files: &[Migration], history: Option<&History>| {
                plan::baseline(files, history, version)
            };
            let is_write = !settings.dry_run;
            rewrite(&settings, &args.address()?, is_write, Outcome::Baselined, plan).await
        }
    };
    migrated.map(Done::Migrated)
}

/// Applies what is pending.
async fn up(settings: &Settings, address: &Address) -> anyhow::Result<Migrated> {
    output::say(format!("{} to {address}", settings.folder.display()));
    let files = observe::files(settings)?;
    let mut database = Database::connect(address, Access::Write, &settings.wait_for_db).await?;
    let report = |outcome, changes| Migrated::new(outcome, Some(address.to_string()), changes);
    // Without a lock: nothing to do stays nothing to do, whatever another run applies.
    let history = observe::history(&database).await?;
    let changes = plan::up(&files, history.as_ref(), &settings.wanted)?;
    if changes.is_empty() {
        return Ok(report(Outcome::Unchanged, changes));
    }
    refuse(&database, &files, &changes)?;
    database.lock(&Deadline::after(settings.wait_for_lock)).await?;
    let history = observe::history(&database).await?;
    let changes = plan::up(&files, history.as_ref(), &settings.wanted)?;
    changes.iter().for_each(|change| output::say(format!("  {change}")));
    if changes.is_empty() {
        return Ok(report(Outcome::Unchanged, changes));
    }
    let width = plan::width(&files, history.as_ref());
    let done = apply::apply(&mut database, &files, width, &changes, settings.limits).await?;
    if let Some(fail) = done.failure {
        let planned = changes.iter().filter(|it| matches!(it, Change::Apply { .. })).count();
        let pending = planned - done.applied.len();
        let report = report(Outcome::Failed, changes).applied(done.applied, pending);
        return Ok(report.failing(Some(fail)));
    }
    let history = observe::history(&database).await?;
    if !plan::up(&files, history.as_ref(), &settings.wanted)?.is_empty() {
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
    let database = Database::connect(address, Access::Read, &settings.wait_for_db).await?;
    let history = observe::history(&database).await?;
    let changes = plan::up(&files, history.as_ref(), &settings.wanted)?;
    refuse(&database, &files, &changes)?;
    let outcome = if changes.is_empty() { Outcome::Unchanged } else { Outcome::Planned };
    Ok(Migrated::new(outcome, Some(address.to_string()), changes))
}

/// Shows each migration.
async fn status(settings: &Settings, address: &Address, check: bool) -> anyhow::Result<Migrated> {
    let files = observe::files(settings)?;
    let database = Database::connect(address, Access::Read, &settings.wait_for_db).await?;
    let comparison = observe::comparison(&database, &files, &settings.wanted).await?;
    Ok(Migrated::status(address.to_string(), comparison, check))
}

/// Changes the history and runs no migration.
async fn rewrite(
    settings: &Settings,
    address: &Address,
    is_write: bool,
    outcome: Outcome,
    plan: impl Fn(&[Migration], Option<&History>) -> Result<Vec<Change>, Fail>,
) -> anyhow::Result<Migrated> {
    let files = observe::files(settings)?;
    let access = if is_write { Access::Write } else { Access::Read };
    let mut database = Database::connect(address, access, &settings.wait_for_db).await?;
    if is_write {
        database.lock(&Deadline::after(settings.wait_for_lock)).await?;
    }
    let history = observe::history(&database).await?;
    let changes = plan(&files, history.as_ref())?;
    let outcome = match (changes.is_empty(), is_write) {
        (true, _) => Outcome::Unchanged,
        (false, false) => Outcome::Planned,
        (false, true) => {
            let width = plan::width(&files, history.as_ref());
            apply::apply(&mut database, &files, width, &changes, settings.limits).await?;
            outcome
        }
    };
    Ok(Migrated::new(outcome, Some(address.to_string()), changes))
}

/// Refuses what cannot work, before anything runs.
fn refuse(database: &Database, files: &[Migration], changes: &[Change]) -> anyhow::Result<()> {
    let is_planned = |file: &&Migration| {
        changes
            .iter()
            .any(|it| matches!(it, Change::Apply { version, .. } if *version == file.version))
    };
    let problems: Vec<String> =
        files.iter().filter(is_planned).filter_map(|file| database.check(file).err()).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(Fail::invalid(problems.join("\n")).help("nothing was applied").into())
}
