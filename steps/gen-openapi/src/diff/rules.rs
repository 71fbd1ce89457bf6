//! How bad each kind of change is, by landfall.toml.

use std::collections::BTreeMap;

use jiff::civil::Date;
use landfall_toml::ChangeLevel;
use step_core::Fail;

use super::change::Level;
use super::kinds;

/// How bad each kind of change is.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    levels: BTreeMap<String, ChangeLevel>,
    /// The day of the comparison: what was to end before it may be gone.
    pub(super) today: Date,
}

impl Rules {
    /// # Errors
    /// Exit 2: landfall.toml names a kind that is none.
    pub(crate) fn new(levels: &BTreeMap<String, ChangeLevel>, today: Date) -> anyhow::Result<Self> {
        for id in levels.keys() {
            kinds::named(id).map_err(|err| {
                Fail::invalid(format!("gen-openapi.diff.changes: {err}"))
                    .help("gen-openapi diff --list prints all kinds")
            })?;
        }
        Ok(Self { levels: levels.clone(), today })
    }

    /// The level of a kind; nothing for one that is switched off.
    pub(super) fn level(&self, id: &str, default: Level) -> Option<Level> {
        match self.levels.get(id) {
            Some(level) => Level::of(*level),
            None => Some(default),
        }
    }
}
