//! How bad each kind of change is, by landfall.toml.

use std::collections::BTreeMap;

use jiff::civil::Date;
use landfall_toml::{ChangeLevel, nearest};
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
            if kinds::of_id(id).is_none() {
                let known = kinds::all().iter().map(|kind| kind.id.as_str());
                let near = nearest(id, known)
                    .map_or_else(String::new, |it| format!(" (did you mean {it}?)"));
                let message =
                    format!("gen-openapi.diff.changes: there is no kind of change `{id}`{near}");
                return Err(Fail::invalid(message)
                    .help("gen-openapi diff --list prints all kinds")
                    .into());
            }
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
