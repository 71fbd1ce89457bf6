//! `docs`.

use std::fmt;

use serde::Serialize;
use step_core::{Fail, Report};

use crate::input::Input;
use crate::settings::Settings;

/// The options of `docs`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {}

/// The report.
#[derive(Debug, Serialize)]
pub struct Written {}

pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Written> {
    let _ = (options, settings);
    Err(Fail::invalid("not there yet").into())
}

impl Report for Written {
    fn outcome(&self) -> &str {
        ""
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("")
    }
}
