//! Which statuses are right.

use std::fmt;
use std::ops::RangeInclusive;

use reqwest::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de};

/// The statuses that are right.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(crate) struct Statuses(#[schemars(with = "OneOrSome")] Vec<RangeInclusive<u16>>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![200..=200])
    }
}

impl Statuses {
    pub(crate) fn allow(&self, status: StatusCode) -> bool {
        self.0.iter().any(|range| range.contains(&status.as_u16()))
    }

    /// Whether a redirect is itself what the check looks for.
    pub(crate) fn want_a_redirect(&self) -> bool {
        self.0.iter().any(|range| *range.start() < 400 && *range.end() >= 300)
    }

    /// Whether no status is wrong.
    pub(crate) fn allow_all(&self) -> bool {
        (FIRST..=LAST).all(|status| self.0.iter().any(|range| range.contains(&status)))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.0.iter().enumerate() {
            let (start, end) = (range.start(), range.end());
            let or = if position == 0 { "" } else { " or " };
            if start == end {
                write!(f, "{or}{start}")?;
            } else {
                write!(f, "{or}{start}-{end}")?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let some = match OneOrSome::deserialize(deserializer)? {
            OneOrSome::One(one) => vec![one],
            OneOrSome::Some(some) => some,
        };
        let ranges: Option<Vec<_>> = some.iter().map(range).collect();
        let ranges = ranges.filter(|ranges| !ranges.is_empty());
        ranges.map(Self).ok_or_else(|| de::Error::custom(FORM))
    }
}

const FIRST: u16 = 100;
const LAST: u16 = 599;
const FORM: &str = "a status is a number from 100 to 599, a range \"200-299\", a class \"2xx\", or \
                    an array of some";

#[derive(Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a status is a number from 100 to 599, a range \"200-299\", a class \"2xx\", or an \
                 array of some"
)]
enum OneOrSome {
    One(One),
    Some(Vec<One>),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum One {
    Number(u16),
    Text(String),
}

fn range(one: &One) -> Option<RangeInclusive<u16>> {
    let range = match one {
        One::Number(number) => *number..=*number,
        One::Text(text) => match text.strip_suffix("xx") {
            Some(class) => {
                let class: u16 = class.parse().ok()?;
                class.checked_mul(100)?..=class.checked_mul(100)?.checked_add(99)?
            }
            None => {
                let (start, end) = text.split_once('-')?;
                start.trim().parse().ok()?..=end.trim().parse().ok()?
            }
        },
    };
    let is_right = FIRST <= *range.start() && range.start() <= range.end() && *range.end() <= LAST;
    is_right.then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(text: &str) -> Option<Statuses> {
        #[derive(Deserialize)]
        struct Table {
            status: Statuses,
        }
        toml::from_str(&format!("status = {text}")).ok().map(|table: Table| table.status)
    }

    #[test]
    fn numbers_ranges_and_classes_are_understood_up_to_their_ends() {
        for (text, right, wrong, shown) in [
            ("204", vec![204], vec![200, 205], "204"),
            ("[200, 201]", vec![200, 201], vec![199, 202], "200 or 201"),
            ("'200-204'", vec![200, 202, 204], vec![199, 205], "200-204"),
            ("'4xx'", vec![400, 499], vec![399, 500], "400-499"),
            (
                "['2xx', 304, '401 - 403']",
                vec![299, 304, 402],
                vec![303, 404],
                "200-299 or 304 or 401-403",
            ),
        ] {
            let statuses = statuses(text).unwrap();
            let allow = |status: u16| statuses.allow(StatusCode::from_u16(status).unwrap());
            assert!(right.into_iter().all(allow), "{text}");
            assert!(!wrong.into_iter().any(allow), "{text}");
            assert_eq!(statuses.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_status_is_a_mistake() {
        for text in [
            "99",
            "600",
            "-1",
            "[]",
            "'200'",
            "'299-200'",
            "'0xx'",
            "'6xx'",
            "'xx'",
            "'200-'",
            "'9999xx'",
            "true",
        ] {
            assert_eq!(statuses(text), None, "{text}");
        }
    }

    #[test]
    fn a_redirect_is_wanted_where_one_is_right() {
        for (text, wanted) in [
            ("200", false),
            ("302", true),
            ("'2xx'", false),
            ("['2xx', '3xx']", true),
            ("'200-399'", true),
            ("'400-499'", false),
        ] {
            assert_eq!(statuses(text).unwrap().want_a_redirect(), wanted, "{text}");
        }
        assert!(statuses("['1xx', '200-599']").unwrap().allow_all());
        assert!(!statuses("'200-599'").unwrap().allow_all());
    }
}
