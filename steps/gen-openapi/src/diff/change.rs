//! What changed.

use std::fmt;
use std::sync::Arc;

use landfall_toml::ChangeLevel;
use serde::{Serialize, Serializer};

use crate::document::{At, Text};

/// How bad a change is for those who call the service, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Nobody is hurt.
    Safe,
    /// It may hurt: that depends on the caller.
    Dangerous,
    /// Callers stop working.
    Breaking,
}

impl Level {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Level::Safe => "safe",
            Level::Dangerous => "dangerous",
            Level::Breaking => "breaking",
        }
    }

    /// The level that landfall.toml names; nothing for `off`.
    pub(super) fn of(level: ChangeLevel) -> Option<Self> {
        match level {
            ChangeLevel::Off => None,
            ChangeLevel::Safe => Some(Level::Safe),
            ChangeLevel::Dangerous => Some(Level::Dangerous),
            ChangeLevel::Breaking => Some(Level::Breaking),
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An operation that a change concerns.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Operation {
    /// `GET`; `WEBHOOK` and the method for those of webhooks.
    #[serde(serialize_with = "as_str")]
    pub(crate) method: Text,
    /// The path as the head has it, or the name of the webhook.
    #[serde(serialize_with = "as_str")]
    pub(crate) path: Text,
}

fn as_str<S: Serializer>(text: &Text, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

/// `GET /orders/{id}`
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Where a change stands in one of the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    /// The way to it, as the fragment of a URL.
    pub(crate) pointer: String,
    pub(crate) at: At,
}

/// A change between two descriptions.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The kind, in kebab case.
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    /// Those that it concerns, in the order of the document; none for a change of the whole. What
    /// several operations share changes once.
    pub(crate) operations: Arc<[Operation]>,
    /// What changed.
    pub(crate) message: String,
    /// What callers suffer, and what to do; empty for safe ones.
    pub(crate) advice: &'static str,
    /// Where it was; of what is new, what it was put into.
    pub(crate) base: Option<Spot>,
    /// Where it is; of what is gone, what it was taken out of.
    pub(crate) head: Option<Spot>,
}
