//! Reads what is: the files and the history. Writes nothing.

use crate::database::Database;
use crate::files::{self, Migration};
use crate::plan::{self, Comparison, History, Wanted};
use crate::settings::Settings;

/// The files of the folder.
pub(crate) fn files(settings: &Settings) -> anyhow::Result<Vec<Migration>> {
    files::read(&settings.folder, settings.allow_empty)
}

/// The history in the database.
pub(crate) async fn history(database: &Database) -> anyhow::Result<Option<History>> {
    database.history().await
}

/// Files and history side by side.
pub(crate) async fn comparison(
    database: &Database,
    files: &[Migration],
    wanted: &Wanted,
) -> anyhow::Result<Comparison> {
    let history = history(database).await?;
    Ok(plan::compare(files, history.as_ref(), wanted))
}
