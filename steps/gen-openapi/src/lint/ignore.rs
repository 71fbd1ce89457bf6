//! The file of findings that are accepted.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use findings::{Finding, Severity, Source};
use step_core::{Fail, FailContext};

use super::rules::{self, Rule};
use crate::problem::Problem;

const DEFAULT: &str = ".openapi-lint-ignore";

/// The first line of a new file.
const HEAD: &str =
    "# Findings of gen-openapi lint that are accepted: RULE POINTER, or RULE * for all.\n";

/// The entries of the file.
#[derive(Debug)]
pub(crate) struct Ignore {
    path: PathBuf,
    text: String,
    /// By rule and pointer, or `*`: the line, and whether something was accepted by it.
    entries: HashMap<(&'static str, String), (usize, bool)>,
}

impl Ignore {
    /// Reads the file that is named, or the default if it is there. One that is to be written need not
    /// be there.
    ///
    /// # Errors
    /// Exit 2: it cannot be read, or a line of it is wrong.
    pub(crate) fn read(named: Option<PathBuf>, is_written: bool) -> anyhow::Result<Self> {
        let is_optional = named.is_none();
        let path = named.unwrap_or_else(|| DEFAULT.into());
        let nothing = |path| Self { path, text: String::new(), entries: HashMap::new() };
        let text = match std::fs::read_to_string(&path) {
            Err(err)
                if (is_optional || is_written) && err.kind() == std::io::ErrorKind::NotFound =>
            {
                return Ok(nothing(path));
            }
            read => read.or_fail(|| {
                Fail::invalid(format!("the ignore file {} cannot be read", path.display()))
                    .help("write it with gen-openapi lint --write-ignore")
            })?,
        };
        let entries = parse(&text, &path)?;
        Ok(Self { path, text, entries })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a finding is accepted. Which entries were needed is noted.
    pub(crate) fn accepts(&mut self, problem: &Problem) -> bool {
        if self.entries.is_empty() {
            return false;
        }
        let everywhere = (problem.rule, "*".to_owned());
        let here = (problem.rule, on_a_line(&problem.pointer).into_owned());
        let mut is_accepted = false;
        for key in [here, everywhere] {
            if let Some((_, is_used)) = self.entries.get_mut(&key) {
                *is_used = true;
                is_accepted = true;
            }
        }
        is_accepted
    }

    /// The file as it is, with its comments, without the entries that accepted nothing, and with more
    /// entries for these problems.
    pub(crate) fn text_with(&self, problems: &[Problem]) -> String {
        let unused: HashSet<usize> =
            self.entries.values().filter(|(_, is_used)| !is_used).map(|(line, _)| *line).collect();
        let mut text = String::new();
        if self.text.is_empty() {
            text.push_str(HEAD);
        }
        let kept = (1..).zip(self.text.lines()).filter(|(line, _)| !unused.contains(line));
        for (_, line) in kept {
            text.extend([line, "\n"]);
        }
        let accepted = problems.iter().filter(|it| can_be_accepted(it));
        let entries: BTreeSet<_> = accepted.map(|it| (it.rule, on_a_line(&it.pointer))).collect();
        for (rule, pointer) in entries {
            text.extend([rule, " ", &pointer, "\n"]);
        }
        text
    }

    /// The entries that accepted nothing, as findings.
    pub(crate) fn unused(&self, level: Option<Severity>) -> Vec<Finding> {
        let Some(level) = level else { return Vec::new() };
        let source = Source::new(&self.path, self.text.as_str());
        let unused = self.entries.iter().filter(|(_, (_, is_used))| !is_used);
        let finding = |((rule, pointer), (line, _)): (&(&str, String), &(usize, bool))| {
            let message = format!("nothing of {rule} is found at {pointer}");
            Finding::new(Rule::IgnoreUnused.id(), level, message, source.line(*line))
                .help(Rule::IgnoreUnused.facts().help)
        };
        unused.map(finding).collect()
    }
}

/// Whether an entry can name it: it has a place in a document, and its rule is one of `lint`.
pub(super) fn can_be_accepted(problem: &Problem) -> bool {
    !problem.pointer.is_empty() && rules::find(problem.rule).is_some()
}

type Entries = HashMap<(&'static str, String), (usize, bool)>;

fn parse(text: &str, path: &Path) -> Result<Entries, Fail> {
    let mut entries = HashMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: String| {
            Fail::invalid(format!("{}:{}: {why}", path.display(), index + 1))
                .help("write `RULE POINTER`, as in `todo #/info/description`, or `RULE *`")
        };
        let (name, pointer) = line
            .split_once(char::is_whitespace)
            .ok_or_else(|| wrong(format!("`{line}` has no place")))?;
        let rule =
            rules::named(name).map_err(|near| wrong(format!("there is no rule `{name}`{near}")))?;
        let pointer = pointer.trim();
        if pointer != "*" && pointer != "#" && !pointer.starts_with("#/") {
            return Err(wrong(format!("`{pointer}` is no place: it begins with `#/`, or is `*`")));
        }
        entries.insert((rule.id(), pointer.to_owned()), (index + 1, false));
    }
    Ok(entries)
}

/// A pointer as it stands in the file: keys may hold line breaks.
fn on_a_line(pointer: &str) -> Cow<'_, str> {
    let trimmed = pointer.trim_end();
    if trimmed.contains(['\n', '\r']) {
        trimmed.replace(['\n', '\r'], " ").into()
    } else {
        trimmed.into()
    }
}
