//! Reads what is: the files and what is recorded. Writes nothing.

use crate::database::Database;
use crate::files::{self, Files};
use crate::plan::Recorded;
use crate::settings::Settings;

/// The files of the folder.
pub(crate) fn files(settings: &Settings) -> anyhow::Result<Files> {
    files::read(&settings.folder, settings.allow_empty)
}

/// What is recorded in the database.
pub(crate) async fn recorded(database: &mut Database) -> anyhow::Result<Recorded> {
    database.recorded().await
}
