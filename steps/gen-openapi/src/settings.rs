//! The command line, and what it means together with landfall.toml.

use std::fmt;
use std::path::PathBuf;

use landfall_toml::GenOpenapi;
use serde::Serialize;
use step_core::{Common, Fail, Report};

use crate::description::Access;
use crate::input::Input;
use crate::{diff, docs, generate, lint, validate};

/// Generate, check and publish the OpenAPI description of a service.
///
/// Without a command it obtains the description from the sources that landfall.toml names (a program
/// that prints it, a service that answers with it, files, URLs), makes one of them, and writes it.
///
/// Descriptions are JSON or YAML, of OpenAPI 3.0, 3.1 or 3.2. Nothing of them is lost but the comments
/// of YAML: what is not asked to change stays as it is, in its order.
#[derive(Debug, clap::Parser)]
#[command(name = "gen-openapi", version, after_long_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    generate: generate::Options,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What to do; generate when nothing is said.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Obtain the description, make one of several, and write it [the default]
    Generate(generate::Options),
    /// Say everything that the specification does not allow
    Validate(validate::Options),
    /// Say what is allowed but hurts those who use the description
    Lint(lint::Options),
    /// Say what changed, and what of it breaks those who call the service
    Diff(diff::Options),
    /// Write a page for people: one HTML file that loads nothing
    Docs(docs::Options),
}

const EXAMPLES: &str = "\
Examples:
  gen-openapi                                  write the description that landfall.toml describes
  gen-openapi --from api/openapi.yaml --to dist/openapi.json   bundle it with all that it refers to
  gen-openapi validate                         is it what the specification allows?
  gen-openapi lint --fail-on critical          what hurts those who use it
  gen-openapi diff                             what this branch changes, against its target
  gen-openapi diff --base https://api.example.com/openapi.json
  gen-openapi docs --to public/index.html      a page for people";

impl Args {
    /// What to do.
    ///
    /// # Errors
    /// Exit 2: options of `generate` stand before another command.
    pub(crate) fn command(&self) -> Result<Command, Fail> {
        match &self.command {
            None => Ok(Command::Generate(self.generate.clone())),
            Some(command) if self.generate.is_default() => Ok(command.clone()),
            Some(_) => Err(Fail::invalid("options of generate stand before another command")
                .help("write the options of a command behind its name")),
        }
    }
}

/// What landfall.toml and the options of every step say.
#[derive(Debug)]
pub(crate) struct Settings<'a> {
    pub(crate) file: GenOpenapi,
    pub(crate) common: &'a Common,
}

impl Settings<'_> {
    /// The file of the description.
    pub(crate) fn description(&self) -> PathBuf {
        self.file.file.clone().unwrap_or_else(|| "openapi.json".into())
    }

    /// Where references may lead.
    pub(crate) fn access(&self) -> Access {
        Access { allowed: self.file.allow_references.clone(), ..Access::default() }
    }

    /// The inputs that are named, or the file of the description.
    pub(crate) fn inputs(&self, named: &[Input]) -> Vec<Input> {
        if named.is_empty() { vec![Input::File(self.description())] } else { named.to_vec() }
    }
}

/// The report of this step.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Of generate.
    Generated(generate::Generated),
    /// Of validate and lint.
    Checked(validate::Checked),
    /// Of diff.
    Compared(diff::Compared),
    /// Of docs.
    Written(docs::Written),
}

impl Done {
    fn report(&self) -> (&dyn fmt::Display, &str, Result<(), Fail>) {
        match self {
            Done::Generated(it) => (it, it.outcome(), it.verdict()),
            Done::Checked(it) => (it, it.outcome(), it.verdict()),
            Done::Compared(it) => (it, it.outcome(), it.verdict()),
            Done::Written(it) => (it, it.outcome(), it.verdict()),
        }
    }
}

impl Report for Done {
    fn outcome(&self) -> &str {
        self.report().1
    }

    fn verdict(&self) -> Result<(), Fail> {
        self.report().2
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.report().0.fmt(f)
    }
}
