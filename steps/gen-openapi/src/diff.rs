//! `diff`: what changed between two descriptions, and what of it breaks callers.

mod change;

use std::fmt;

use serde::Serialize;
use step_core::{Fail, Report};

use crate::description::Description;
use crate::settings::Settings;

pub(crate) use change::{Change, Level, Operation, Spot};

/// The options of `diff`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {}

/// The report.
#[derive(Debug, Serialize)]
pub struct Compared {}

pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Compared> {
    let _ = (options, settings);
    Err(Fail::invalid("not there yet").into())
}

/// How bad each kind of change is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {}

/// What changed from one description to another, in the order of the document.
pub(crate) fn compare(base: &Description, head: &Description, rules: &Rules) -> Vec<Change> {
    let _ = (base, head, rules);
    Vec::new()
}

impl Report for Compared {
    fn outcome(&self) -> &str {
        ""
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("")
    }
}
