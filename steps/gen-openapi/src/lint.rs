//! `lint`: what is allowed but hurts those who use the description.

use step_core::Fail;

use crate::settings::Settings;
use crate::validate::Checked;

/// The options of `lint`.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Options {}

pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Checked> {
    let _ = (options, settings);
    Err(Fail::invalid("not there yet").into())
}
