//! Executes a plan. The only place that writes.

use anyhow::Context;
use serde::Serialize;
use step_core::{Exit, Fail, on_interrupt, output};
use tokio::time::Instant;

use crate::checksum::{self, Width};
use crate::database::{Database, Edit, Limits};
use crate::files::{Migration, id};
use crate::plan::{Change, Row};

/// A migration that was applied.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) seconds: f64,
}

/// How far a plan came.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) applied: Vec<Applied>,
    /// Why it did not come to its end.
    pub(crate) failure: Option<Fail>,
}

/// Executes the changes in their order, up to the first that fails.
pub(crate) async fn apply(
    database: &mut Database,
    files: &[Migration],
    width: Width,
    changes: &[Change],
    limits: Limits,
) -> anyhow::Result<Done> {
    on_interrupt("what was applied is recorded; run migrate-db again to go on");
    let find = |version: i64| files.iter().find(|file| file.version == version);
    let mut done = Done::default();
    let mut edits = Vec::new();
    for change in changes {
        match change {
            Change::CreateHistory { width } => database.create_history(*width).await?,
            Change::Apply { version, name, .. } => {
                let file = find(*version).context("the file of a planned change")?;
                let start = Instant::now();
                if let Err(err) = database.apply(file, &row(file, width), limits).await {
                    done.failure = Some(as_fail(&err, &done.applied));
                    return Ok(done);
                }
                let seconds = (start.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
                output::say(format!("  applied {} ({seconds:.1} s)", id(*version, name)));
                done.applied.push(Applied { version: *version, name: name.clone(), seconds });
            }
            Change::Record { version, .. } => {
                edits.push(Edit::Insert(row(find(*version).context("the file")?, width)));
            }
            Change::Restate { version, .. } => {
                edits.push(Edit::Update(row(find(*version).context("the file")?, width)));
            }
            Change::Forget { version, .. } => edits.push(Edit::Delete(*version)),
        }
    }
    if !edits.is_empty() {
        database.edit(edits).await?;
    }
    Ok(done)
}

/// The row of a migration that is applied now.
fn row(file: &Migration, width: Width) -> Row {
    Row {
        version: file.version,
        name: file.name.clone(),
        applied_on: jiff::Timestamp::now().to_string(),
        checksum: checksum::canonical(file, width),
    }
}

/// The error with what was applied before it.
fn as_fail(err: &anyhow::Error, applied: &[Applied]) -> Fail {
    let fail = Fail::of(err);
    let before = match applied {
        [] => "nothing was applied before it".to_owned(),
        [.., last] => {
            format!("{} applied before it, up to {}", applied.len(), id(last.version, &last.name))
        }
    };
    let message = format!("{err:#} ({before})");
    let help = fail.and_then(Fail::help_text).unwrap_or("mend the cause and run migrate-db again");
    Fail::new(fail.map_or(Exit::Failed, Fail::exit), message).help(help)
}
