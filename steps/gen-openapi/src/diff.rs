//! `diff`.

use std::fmt;

use serde::Serialize;
use step_core::{Fail, Report};

use crate::input::Input;
use crate::settings::Settings;

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
