//! Generates, checks and publishes the OpenAPI description of a service.
//!
//! A description is read with all that it refers to into one document that points only into itself
//! ([`description`]), in which each value knows its place in its file. Everything else works on that.

mod description;
mod diff;
mod docs;
mod document;
mod generate;
mod input;
mod lint;
mod problem;
mod references;
mod settings;
mod spec;
mod validate;
mod walk;

use landfall_toml::{Config, Needs};

pub use settings::{Args, Done};

use settings::{Command, Settings};

/// Does what the command line says.
///
/// # Errors
/// See the exit codes of [`step_core::Exit`]. Findings and breaking changes are in the report, not an
/// error of this function.
pub async fn run(args: &Args) -> anyhow::Result<Done> {
    let config = Config::load(&args.common)?;
    let file = config.environment(&args.common, Needs::Nothing)?.gen_openapi;
    let settings = Settings { file, common: &args.common };
    Ok(match args.command()? {
        Command::Generate(options) => Done::Generated(generate::run(&options, &settings).await?),
        Command::Validate(options) => Done::Checked(validate::run(&options, &settings).await?),
        Command::Lint(options) => Done::Checked(lint::run(&options, &settings).await?),
        Command::Diff(options) => Done::Compared(diff::run(&options, &settings).await?),
        Command::Docs(options) => Done::Written(docs::run(&options, &settings).await?),
    })
}
