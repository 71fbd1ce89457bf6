//! Reads what is: the files and what is recorded. Writes nothing.

use crate::database::Database;
use crate::files::{self, Files};
use crate::plan::{self, Comparison, Recorded, Wanted};
use crate::settings::Settings;

/// The files of the folder.
pub(crate) fn files(settings: &Settings) -> anyhow::Result<Files> {
    files::read(&settings.folder, settings.allow_empty)
}

/// What is recorded in the database.
pub(crate) async fn recorded(database: &mut Database) -> anyhow::Result<Recorded> {
    database.recorded().await
}

/// Files and history side by side.
pub(crate) async fn comparison(
    database: &mut Database,
    files: &Files,
    wanted: &Wanted,
) -> anyhow::Result<Comparison> {
    let recorded = recorded(database).await?;
    Ok(plan::compare(files, &recorded, wanted))
}
