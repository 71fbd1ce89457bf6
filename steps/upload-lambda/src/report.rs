//! The reports of this step.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use step_core::{Exit, Fail, Report};

use crate::layers::Layer;
use crate::plan::Change;

/// What a run reports.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Functions were looked at.
    Functions(Functions),
    /// Zips were written.
    Packed(Packed),
}

/// What became of each function.
#[derive(Debug, Serialize)]
pub struct Functions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Layer>,
    functions: Vec<Delivered>,
    #[serde(skip)]
    verdict: Option<Fail>,
}

/// What became of a function.
#[derive(Debug, Clone, Serialize)]
pub struct Delivered {
    /// Its name in AWS.
    pub(crate) function: String,
    pub(crate) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) alias: Option<String>,
    /// The version that the alias has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// The version that it had before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<String>,
    /// Hash of the zip, as Lambda has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code_sha256: Option<String>,
    pub(crate) changes: Vec<Change>,
    /// Why it is not as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

/// What became of a function, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It has what was desired.
    Deployed,
    /// It had it.
    Unchanged,
    /// `--dry-run`: the changes that would be made.
    Planned,
    /// `rollback`: the alias is where it was asked to be.
    Returned,
    /// `prune`: versions were deleted.
    Pruned,
    /// It is not as it was desired, for the reason that the exit code names: the new version was bad and the
    /// alias went back, its check failed before the alias moved, another run took over, ...
    Ended(Exit),
}

/// The zips that were written.
#[derive(Debug, Serialize)]
pub struct Packed {
    pub(crate) zips: Vec<Zip>,
    pub(crate) outcome: &'static str,
}

/// A zip.
#[derive(Debug, Serialize)]
pub(crate) struct Zip {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// Base64 of its SHA-256, as Lambda tells it.
    pub(crate) code_sha256: String,
    /// In bytes.
    pub(crate) zipped: u64,
    /// In bytes.
    pub(crate) unzipped: u64,
    pub(crate) entries: usize,
}

impl Functions {
    pub(crate) fn new(
        layers: Vec<Layer>,
        results: Vec<(String, anyhow::Result<Delivered>)>,
    ) -> Self {
        let several = results.len() > 1;
        let mut functions = Vec::new();
        let mut fails = Vec::new();
        for (name, result) in results {
            let report = result.unwrap_or_else(|err| Delivered::failed(&name, &err));
            if let Some(fail) = report.fail() {
                let fail = if several { prefixed(&name, &fail) } else { fail };
                fails.push(fail);
            }
            functions.push(report);
        }
        let verdict = match fails.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            [first, ..] => {
                let all: Vec<String> = fails.iter().map(ToString::to_string).collect();
                let message =
                    format!("{} of {} functions: {}", fails.len(), functions.len(), all.join("; "));
                let fail = Fail::new(first.exit(), message);
                Some(match first.help_text() {
                    Some(help) => fail.help(help),
                    None => fail,
                })
            }
        };
        Self { layers, functions, verdict }
    }

    pub(crate) fn has_succeeded(&self) -> bool {
        self.verdict.is_none()
    }

    pub(crate) fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

impl Delivered {
    pub(crate) fn new(function: &str, alias: Option<&str>) -> Self {
        Self {
            function: function.to_owned(),
            outcome: Outcome::Unchanged,
            alias: alias.map(str::to_owned),
            version: None,
            previous: None,
            code_sha256: None,
            changes: Vec::new(),
            failure: None,
            help: None,
        }
    }

    pub(crate) fn ended(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }

    pub(crate) fn because(self, failure: String, help: &str) -> Self {
        Self { failure: Some(failure), help: Some(help.to_owned()), ..self }
    }

    fn failed(function: &str, err: &anyhow::Error) -> Self {
        let fail = Fail::of(err);
        let outcome = Outcome::Ended(fail.map_or(Exit::Failed, Fail::exit));
        let help = fail.and_then(Fail::help_text).map(str::to_owned);
        let failure = Some(format!("{err:#}"));
        Self { outcome, failure, help, ..Self::new(function, None) }
    }

    /// The error that it amounts to, if it is one.
    fn fail(&self) -> Option<Fail> {
        let Outcome::Ended(exit) = self.outcome else { return None };
        let fail = Fail::new(exit, self.failure.clone().unwrap_or_default());
        Some(match &self.help {
            Some(help) => fail.help(help),
            None => fail,
        })
    }
}

fn prefixed(name: &str, fail: &Fail) -> Fail {
    let named = Fail::new(fail.exit(), format!("{name}: {fail}"));
    match fail.help_text() {
        Some(help) => named.help(help),
        None => named,
    }
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Outcome::Deployed => "deployed",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
            Outcome::Returned => "returned",
            Outcome::Pruned => "pruned",
            Outcome::Ended(exit) => exit.outcome(),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Report for Done {
    /// Of several functions: that of the first that failed, else of the first that changed.
    fn outcome(&self) -> &str {
        match self {
            Done::Packed(packed) => packed.outcome,
            Done::Functions(it) => {
                let failed = it.functions.iter().find(|one| one.fail().is_some());
                let changed = it.functions.iter().find(|one| one.outcome != Outcome::Unchanged);
                failed.or(changed).map_or("unchanged", |one| one.outcome.word())
            }
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        match self {
            Done::Functions(Functions { verdict: Some(fail), .. }) => Err(fail.clone()),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = match self {
            Done::Functions(it) => {
                let layers = it.layers.iter().map(ToString::to_string);
                layers.chain(it.functions.iter().map(ToString::to_string)).collect()
            }
            Done::Packed(packed) => packed.zips.iter().map(ToString::to_string).collect(),
        };
        f.write_str(&lines.join("\n"))
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = if self.changes.is_empty() { "unchanged" } else { "another" };
        write!(f, "layer {}: {outcome}\n  {}", self.layer, self.arn)
    }
}

impl fmt::Display for Delivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.function, self.outcome.word())?;
        if self.outcome == Outcome::Planned {
            return self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"));
        }
        if let (Some(alias), Some(version)) = (&self.alias, &self.version) {
            write!(f, "\n  alias {alias}: version {version}")?;
            self.previous.iter().try_for_each(|previous| write!(f, " (before: {previous})"))?;
        }
        self.code_sha256.iter().try_for_each(|hash| write!(f, "\n  {hash}"))
    }
}

impl fmt::Display for Zip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, file, code_sha256, zipped, unzipped, entries } = self;
        let file = file.display();
        write!(
            f,
            "{name}: {file}\n  {code_sha256}\n  {zipped} bytes, {unzipped} unzipped, {entries} entries"
        )
    }
}
