//! `diff`: what changed between two descriptions, and what of it breaks those who call the service.

mod base;
mod bodies;
mod change;
mod comparison;
mod ignored;
mod kinds;
mod lifecycle;
mod operations;
mod report;
mod rules;
mod schemas;
mod security;
#[cfg(test)]
mod tests;
mod view;
mod ways;
mod whole;

use std::path::PathBuf;

use findings::{Files, Tool};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use step_core::{Fail, output, write_atomically};

use crate::description::{self, Access, Description, read_usable, usable};
use crate::document::Sources;
use crate::input::{Input, reads_stdin_once};
use crate::problem::findings;
use crate::settings::Settings;

#[cfg(test)]
pub(crate) use change::Operation;
pub(crate) use change::{Change, Level};
pub(crate) use report::Compared;
pub(crate) use rules::Rules;

use comparison::Comparison;
use ignored::Ignored;
use report::{Changes, Kinds};

/// The options of `diff`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {
    /// The description as it is now: a file, - for standard input, a URL, or git:REVISION:PATH
    /// [landfall.toml: gen-openapi.file] [default: openapi.json]
    #[arg(value_name = "HEAD")]
    head: Option<Input>,

    /// What it is compared with: a file, a URL, or git:REVISION:PATH [landfall.toml:
    /// gen-openapi.diff.base] [default: the file as it was when the branch left its target]
    #[arg(long, value_name = "INPUT", env = "LANDFALL_DIFF_BASE")]
    base: Option<Input>,

    /// Changes that are accepted: a line for each, `KIND METHOD PATH` or `KIND POINTER`, and perhaps
    /// `until DATE` [landfall.toml: gen-openapi.diff.ignore_file] [default: .openapi-diff-ignore, if there
    /// is one]
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,

    /// What makes it fail (3): a change as bad as this, or worse
    #[arg(
        long,
        env = "LANDFALL_DIFF_FAIL_ON",
        value_enum,
        value_name = "LEVEL",
        default_value = "breaking"
    )]
    fail_on: FailOn,

    /// The least level of changes that the report shows as text; the rest is counted
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "dangerous")]
    level: Shown,

    /// Show safe changes as well; the same as --level safe
    #[arg(long)]
    include_safe: bool,

    /// Also write a report as Markdown, for a comment on a merge request
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,

    #[command(flatten)]
    files: Files,

    /// Print all kinds of changes with their levels, and compare nothing
    #[arg(long)]
    list: bool,
}

/// What makes the comparison fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FailOn {
    /// A change after which callers stop working
    #[default]
    Breaking,
    /// Also a change that may hurt
    Dangerous,
    /// Nothing
    Never,
}

/// What the report shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shown {
    /// All changes
    Safe,
    /// What may hurt, and what is breaking
    #[default]
    Dangerous,
    /// What is breaking
    Breaking,
}

impl FailOn {
    /// The least level that fails.
    fn level(self) -> Option<Level> {
        match self {
            FailOn::Breaking => Some(Level::Breaking),
            FailOn::Dangerous => Some(Level::Dangerous),
            FailOn::Never => None,
        }
    }
}

impl Options {
    fn shown(&self) -> Level {
        match self.level {
            _ if self.include_safe => Level::Safe,
            Shown::Safe => Level::Safe,
            Shown::Dangerous => Level::Dangerous,
            Shown::Breaking => Level::Breaking,
        }
    }
}

/// Compares two descriptions.
///
/// # Errors
/// Exit 2: the settings are wrong, one of the descriptions is unusable, or there is nothing to compare
/// with. Exit 4: an address or a branch cannot be fetched.
pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Compared> {
    let today = today();
    let rules = Rules::new(&settings.file.diff.changes, today)?;
    if options.list {
        return Ok(Compared::of_kinds(Kinds::new(&rules)));
    }
    let ignore_file = options.ignore_file.as_ref().or(settings.file.diff.ignore_file.as_ref());
    let ignored = Ignored::read(ignore_file.map(PathBuf::as_path), today)?;
    let head_input = options.head.clone().unwrap_or_else(|| Input::File(settings.description()));
    reads_stdin_once([&head_input].into_iter().chain(&options.base))?;
    let access = settings.access();
    let mut sources = Sources::default();
    let head = read_usable(&head_input, &access, &mut sources).await?;
    let base_input = base::input(options, settings, &head_input).await?;
    let base = match base_input.input() {
        Some(input) => read_base(input, &access, &mut sources).await?,
        None => {
            output::warn(format!(
                "{head_input} is compared with {base_input}: commit it, or name with --base what callers \
                 know"
            ));
            base::nothing_of(&head, base_input.to_string())
        }
    };
    let changes = compare(&base, &head, &rules);
    let (changes, accepted) = ignored.apply(changes);
    let mut changes = Changes::new(changes, accepted, (&base, &head), &sources, options);
    // What changed is told all the same.
    changes.not_written = write(&changes, options).err().map(|err| Fail::whole(&err));
    Ok(Compared::of_changes(changes))
}

/// The levels of landfall.toml, as they count today.
///
/// # Errors
/// Exit 2: it names a kind of change that is none.
pub(crate) fn rules(settings: &Settings<'_>) -> anyhow::Result<Rules> {
    Rules::new(&settings.file.diff.changes, today())
}

/// A day is coarse enough for the clock of any machine.
fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// What changed from one description to another: changes of the whole first, then by operations in the
/// order of the head, the worst first.
pub(crate) fn compare(base: &Description, head: &Description, rules: &Rules) -> Vec<Change> {
    let mut comparison = Comparison::new(base, head, rules.today);
    comparison.whole();
    comparison.paths();
    comparison.webhooks();
    comparison.work();
    comparison.finish(rules)
}

/// Reads what is compared with. What is wrong in it cannot be mended any more, and is no reason to compare
/// nothing.
async fn read_base(
    input: &Input,
    access: &Access,
    sources: &mut Sources,
) -> anyhow::Result<Description> {
    let mut problems = Vec::new();
    match description::read(input, access, sources, &mut problems).await? {
        Some(base) => {
            if !problems.is_empty() {
                let problems = findings(&problems, sources);
                output::warn(format!("{input} is compared as far as it goes:\n{problems}"));
            }
            Ok(base)
        }
        None => usable(None, &problems, sources),
    }
}

fn write(changes: &Changes, options: &Options) -> anyhow::Result<()> {
    let markdown = options.markdown.as_ref();
    let markdown =
        markdown.map_or(Ok(()), |path| write_atomically(path, changes.markdown().as_bytes()));
    let tool = Tool { name: "gen-openapi diff", version: env!("CARGO_PKG_VERSION") };
    let checked = [changes.head.clone()];
    let fail_on = changes.fail_on();
    let files = &options.files;
    let written = files.write(&changes.findings(), &checked, fail_on, "gen-openapi diff", tool);
    markdown.and(written)
}
