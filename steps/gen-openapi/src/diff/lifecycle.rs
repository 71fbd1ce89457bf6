//! Deprecation, the day on which something ends, and how stable it is.

use jiff::civil::Date;

use crate::document::{Node, Value};

use super::comparison::Comparison;
use super::kinds::Role;
use super::schemas::Short;
use super::ways::Found;

/// How stable something is, the least first: `x-stability-level`.
const LEVELS: [&str; 4] = ["draft", "alpha", "beta", "stable"];

/// What is said of how long something stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Life<'a> {
    pub(super) deprecated: bool,
    sunset: Option<&'a Node>,
    stability: Option<&'a str>,
}

/// Whether something may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal<'a> {
    NotDeprecated,
    AfterSunset(Date),
    BeforeSunset(Date),
    /// It was deprecated, without a day or with something that is none.
    NoDate(Option<&'a str>),
}

/// The day on which something ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sunset {
    None,
    Invalid,
    On(Date),
}

/// Whose kinds of changes they are.
#[derive(Debug)]
pub(super) enum Names {
    Operation,
    Parameter,
    OfSchema(Role),
}

impl<'a> Life<'a> {
    /// What is said of an object.
    pub(super) fn of(node: &'a Node) -> Self {
        let mut life = Self::default();
        for entry in node.as_object().into_iter().flatten() {
            life.take(&entry.key, &entry.value);
        }
        life
    }

    /// Takes over what a key says, if it is one of these.
    pub(super) fn take(&mut self, key: &str, value: &'a Node) {
        match key {
            "deprecated" => self.deprecated |= value.as_bool() == Some(true),
            "x-sunset" => self.sunset = Some(value),
            "sunset" if self.sunset.is_none() && value.as_object().is_none() => {
                self.sunset = Some(value);
            }
            "x-stability-level" => self.stability = value.as_str(),
            _ => {}
        }
    }

    /// Whether it may change in any way: it is a draft or alpha.
    pub(super) fn is_unstable(&self) -> bool {
        matches!(self.stability, Some("draft" | "alpha"))
    }

    /// What it means that it was removed.
    pub(super) fn removal(&self, today: Date) -> Removal<'a> {
        if !self.deprecated {
            return Removal::NotDeprecated;
        }
        match self.sunset() {
            Sunset::On(date) if date < today => Removal::AfterSunset(date),
            Sunset::On(date) => Removal::BeforeSunset(date),
            Sunset::None | Sunset::Invalid => Removal::NoDate(self.sunset.and_then(Node::as_str)),
        }
    }

    fn sunset(&self) -> Sunset {
        match self.sunset.map(|it| &it.value) {
            None | Some(Value::Null) => Sunset::None,
            Some(Value::String(text)) => date(text).map_or(Sunset::Invalid, Sunset::On),
            Some(_) => Sunset::Invalid,
        }
    }

    fn rank(&self) -> Option<usize> {
        match self.stability {
            None => Some(LEVELS.len() - 1),
            Some(text) => LEVELS.iter().position(|level| *level == text),
        }
    }
}

/// `2030-01-31`, a time of RFC 3339 on that day, or a date of HTTP, as the header `Sunset` has it
/// (<https://www.rfc-editor.org/rfc/rfc8594>).
fn date(text: &str) -> Option<Date> {
    let day = match text.split_once(['T', 't', ' ']) {
        Some((day, _)) if day.len() == 10 => day,
        _ => text,
    };
    let http = || jiff::fmt::rfc2822::parse(text).ok().map(|time| time.date());
    day.parse().ok().filter(|_| day.len() == 10).or_else(http)
}

impl<'a> Comparison<'a> {
    /// Compares how long something stays as it is.
    pub(super) fn lives(
        &mut self,
        names: &Names,
        places: (Found<'a>, Found<'a>),
        (was, is): (Life<'a>, Life<'a>),
    ) {
        self.stabilities(names, places, (was, is));
        let text = |life: Life<'a>| life.sunset.map(|it| Short(it).to_string()).unwrap_or_default();
        let (old, new) = (text(was), text(is));
        let today = self.today;
        let mut changed = |name: Name| self.life_changed(names, name, places, &old, &new);
        match (was.deprecated, is.deprecated) {
            (true, false) => return changed(Name::Reactivated),
            (false, false) => return,
            _ => {}
        }
        let before = if was.deprecated { was.sunset() } else { Sunset::None };
        match (before, is.sunset()) {
            (Sunset::None, Sunset::None) if !was.deprecated => changed(Name::Missing),
            (Sunset::None, Sunset::None) | (Sunset::Invalid, Sunset::Invalid) => {}
            (_, Sunset::Invalid) => changed(Name::Invalid),
            (_, Sunset::None) => changed(Name::Deleted),
            (Sunset::On(was), Sunset::On(is)) if is < was => changed(Name::Earlier),
            (Sunset::On(was), Sunset::On(is)) if is > was => changed(Name::Later),
            (Sunset::On(_), Sunset::On(_)) => {}
            (_, Sunset::On(is)) if is <= today => changed(Name::Over),
            (_, Sunset::On(_)) => changed(Name::WithDate),
        }
    }

    fn stabilities(
        &mut self,
        names: &Names,
        places: (Found<'a>, Found<'a>),
        (was, is): (Life<'a>, Life<'a>),
    ) {
        if was.stability == is.stability || matches!(names, Names::Parameter) {
            return;
        }
        let text = |life: Life<'a>| life.stability.unwrap_or("stable").to_owned();
        let (old, new) = (text(was), text(is));
        let name = match (was.rank(), is.rank()) {
            (_, None) if matches!(names, Names::Operation) => Name::InvalidLevel,
            (Some(was), Some(is)) if is < was => Name::LessStable,
            (Some(was), Some(is)) if is > was => Name::MoreStable,
            _ => return,
        };
        self.life_changed(names, name, places, &old, &new);
    }

    fn life_changed(
        &mut self,
        names: &Names,
        name: Name,
        places: (Found<'a>, Found<'a>),
        old: &str,
        new: &str,
    ) {
        let both = (Some(places.0), Some(places.1));
        match names {
            Names::Operation => self.other_changed(name.of_operation(), both, old, new),
            Names::Parameter => self.other_changed(name.of_parameter(), both, old, new),
            Names::OfSchema(role) => self.schema_changed(*role, name.of_schema(), places, old, new),
        }
    }
}

/// What can happen to how long something stays as it is.
#[derive(Debug, Clone, Copy)]
enum Name {
    WithDate,
    Missing,
    Invalid,
    Over,
    Earlier,
    Later,
    Deleted,
    Reactivated,
    LessStable,
    MoreStable,
    InvalidLevel,
}

impl Name {
    fn of_operation(self) -> &'static str {
        match self {
            Name::WithDate => "endpoint-deprecated-with-sunset",
            Name::Missing => "api-deprecated-sunset-missing",
            Name::Invalid => "api-deprecated-sunset-parse",
            Name::Over => "api-sunset-date-too-small",
            Name::Earlier => "api-sunset-date-changed-too-small",
            Name::Later => "api-sunset-date-postponed",
            Name::Deleted => "sunset-deleted",
            Name::Reactivated => "endpoint-reactivated",
            Name::LessStable => "api-stability-decreased",
            Name::MoreStable => "api-stability-increased",
            Name::InvalidLevel => "api-invalid-stability-level",
        }
    }

    fn of_parameter(self) -> &'static str {
        match self {
            Name::WithDate => "request-parameter-deprecated",
            Name::Missing => "request-parameter-deprecated-sunset-missing",
            Name::Invalid => "request-parameter-sunset-parse",
            Name::Over => "request-parameter-sunset-date-too-small",
            Name::Earlier => "request-parameter-sunset-date-changed-too-small",
            Name::Later => "request-parameter-sunset-date-postponed",
            Name::Deleted => "request-parameter-sunset-deleted",
            // A parameter has no stability of its own.
            _ => "request-parameter-reactivated",
        }
    }

    fn of_schema(self) -> &'static str {
        match self {
            Name::WithDate => "deprecated-with-sunset",
            Name::Missing => "deprecated-sunset-missing",
            Name::Invalid => "deprecated-sunset-invalid",
            Name::Over => "sunset-date-too-small",
            Name::Earlier => "sunset-date-changed-too-small",
            Name::Later => "sunset-date-postponed",
            Name::Deleted => "sunset-deleted",
            Name::Reactivated => "reactivated",
            Name::LessStable | Name::InvalidLevel => "stability-decreased",
            Name::MoreStable => "stability-increased",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_read_as_people_and_servers_write_them() {
        let day = jiff::civil::date(2030, 1, 31);
        for text in ["2030-01-31", "2030-01-31T10:00:00Z", "Thu, 31 Jan 2030 23:59:59 GMT"] {
            assert_eq!(date(text), Some(day), "{text}");
        }
        for text in ["", "soon", "2030-02-31", "20300131", "31.01.2030", "2030"] {
            assert_eq!(date(text), None, "{text}");
        }
    }
}
