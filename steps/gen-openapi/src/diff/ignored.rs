//! Changes that are accepted, by a file with a line for each:
//!
//! ```text
//! # agreed with the web team
//! response-property-became-optional GET /orders/{id} until 2030-01-31
//! request-parameter-removed #/paths/~1orders/get
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use step_core::{Fail, FailContext, output};

use super::change::{Change, Operation};
use super::kinds;
use super::operations::without_names;

/// The file that is read when no other is named.
const DEFAULT_FILE: &str = ".openapi-diff-ignore";

/// Changes that are accepted.
#[derive(Debug, Default)]
pub(super) struct Ignored {
    path: PathBuf,
    lines: Vec<Line>,
}

/// A line of the file.
#[derive(Debug)]
struct Line {
    number: usize,
    id: String,
    place: Place,
    until: Option<Date>,
}

#[derive(Debug)]
enum Place {
    /// The way to it or to what it lies in, in either document.
    Pointer(String),
    /// Method, and path without the names of its parameters.
    Operation(String, String),
}

impl Ignored {
    /// Reads the file that is named, or the usual one if there is one.
    ///
    /// # Errors
    /// Exit 2: the file is missing, or a line is wrong.
    pub(super) fn read(path: Option<&Path>, today: Date) -> anyhow::Result<Self> {
        let named = path.is_some();
        let path = path.unwrap_or(Path::new(DEFAULT_FILE)).to_owned();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(err) if !named && err.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(err) => {
                let fail = || {
                    Fail::invalid(format!("{} cannot be read", path.display())).help(
                        "name an existing file, with --ignore-file or in landfall.toml: \
                         gen-openapi.diff.ignore_file",
                    )
                };
                return Err(err).or_fail(fail);
            }
        };
        let mut ignored = Self { path, lines: Vec::new() };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = Line::parse(number, line).map_err(|why| {
                Fail::invalid(format!("{}:{number}: {why}", ignored.path.display())).help(
                    "write for example `request-parameter-removed GET /orders until 2030-01-31`, or \
                     a pointer as #/paths/~1orders/get instead of the operation",
                )
            })?;
            if parsed.until.is_some_and(|until| until < today) {
                let (path, id) = (ignored.path.display(), &parsed.id);
                output::warn(format!(
                    "{path}:{number}: {id} is not accepted any more: its day is over"
                ));
                continue;
            }
            ignored.lines.push(parsed);
        }
        Ok(ignored)
    }

    /// Takes the accepted changes out, and counts them.
    pub(super) fn apply(&self, changes: Vec<Change>) -> (Vec<Change>, usize) {
        let mut used = vec![false; self.lines.len()];
        let before = changes.len();
        let left: Vec<Change> =
            changes.into_iter().filter_map(|change| self.without(change, &mut used)).collect();
        for (line, _) in self.lines.iter().zip(used).filter(|(_, used)| !used) {
            let (path, number, id) = (self.path.display(), line.number, &line.id);
            output::warn(format!(
                "{path}:{number}: there is no {id} there (any more): delete the line"
            ));
        }
        let count = before - left.len();
        (left, count)
    }

    /// A change for those operations for which it is not accepted.
    fn without(&self, mut change: Change, used: &mut [bool]) -> Option<Change> {
        for (line, used) in self.lines.iter().zip(used) {
            if line.id != change.id {
                continue;
            }
            match &line.place {
                Place::Pointer(pointer) => {
                    let spots = change.base.iter().chain(&change.head);
                    if spots.clone().any(|spot| lies_in(&spot.pointer, pointer)) {
                        *used = true;
                        return None;
                    }
                }
                Place::Operation(method, path) => {
                    let is_meant = |it: &Operation| {
                        it.method.eq_ignore_ascii_case(method) && without_names(&it.path) == *path
                    };
                    if change.operations.iter().any(is_meant) {
                        *used = true;
                        let left = change.operations.iter().filter(|it| !is_meant(it)).cloned();
                        let left: Arc<[Operation]> = left.collect();
                        if left.is_empty() {
                            return None;
                        }
                        change.operations = left;
                    }
                }
            }
        }
        Some(change)
    }
}

/// Whether a way leads to or into where another one leads to.
fn lies_in(way: &str, other: &str) -> bool {
    way.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Line {
    fn parse(number: usize, text: &str) -> Result<Self, String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        // What follows a # that stands alone is for people.
        if let Some(comment) = words.iter().position(|word| *word == "#") {
            words.truncate(comment);
        }
        let until = match words[..] {
            [.., "until", day] => {
                words.truncate(words.len() - 2);
                Some(day.parse::<Date>().map_err(|_| format!("`{day}` is no day as 2030-01-31"))?)
            }
            _ => None,
        };
        let Some((id, place)) = words.split_first() else {
            return Err("the kind of change is missing".to_owned());
        };
        kinds::named(id)?;
        let place = match place {
            [] => return Err("where it is accepted is missing".to_owned()),
            // Names may have spaces in them.
            [pointer, ..] if pointer.starts_with("#/") => Place::Pointer(place.join(" ")),
            [method @ .., path] if !method.is_empty() => {
                // `WEBHOOK POST` are two words.
                Place::Operation(method.join(" "), without_names(path))
            }
            [other, ..] => {
                return Err(format!("`{other}` is neither a pointer nor a method with its path"));
            }
        };
        Ok(Self { number, id: (*id).to_owned(), place, until })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_kind_and_where_it_is_accepted() {
        let line = Line::parse(1, "endpoint-added GET /a/{id} until 2030-01-31 # why").unwrap();
        assert!(
            matches!(&line.place, Place::Operation(method, path) if method == "GET" && path == "/a/{}")
        );
        assert_eq!(line.until, Some(jiff::civil::date(2030, 1, 31)));
        let line = Line::parse(1, "endpoint-added #/paths/~1a").unwrap();
        assert!(matches!(&line.place, Place::Pointer(pointer) if pointer == "#/paths/~1a"));
        let line =
            Line::parse(1, "endpoint-added #/paths/~1a b/get until 2030-01-31 # why").unwrap();
        assert!(matches!(&line.place, Place::Pointer(pointer) if pointer == "#/paths/~1a b/get"));
        assert_eq!(line.until, Some(jiff::civil::date(2030, 1, 31)));
        let wrong = |text: &str| Line::parse(1, text).unwrap_err();
        assert!(wrong("endpoint-addd GET /a").contains("did you mean endpoint-added?"));
        assert!(wrong("endpoint-added").contains("missing"));
        assert!(wrong("endpoint-added /a").contains("neither"));
        assert!(wrong("endpoint-added GET /a until soon").contains("2030-01-31"));
    }

    #[test]
    fn a_pointer_means_all_that_lies_in_it() {
        assert!(lies_in("#/paths/~1a/get", "#/paths/~1a"));
        assert!(lies_in("#/paths/~1a", "#/paths/~1a"));
        assert!(!lies_in("#/paths/~1ab", "#/paths/~1a"));
    }
}
