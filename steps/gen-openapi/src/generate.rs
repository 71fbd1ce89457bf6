//! `generate`.

use std::fmt;

use serde::Serialize;
use step_core::{Fail, Report};

use crate::input::Input;
use crate::settings::Settings;

/// The options of `generate`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {}

/// The report.
#[derive(Debug, Serialize)]
pub struct Generated {}

pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Generated> {
    let _ = (options, settings);
    Err(Fail::invalid("not there yet").into())
}

impl Report for Generated {
    fn outcome(&self) -> &str {
        ""
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("")
    }
}

impl Options {
    /// Whether nothing of it was given.
    pub(crate) fn is_default(&self) -> bool {
        true
    }
}
