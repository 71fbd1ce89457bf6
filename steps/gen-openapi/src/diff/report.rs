//! The report of `diff`, as text, JSON, Markdown and findings.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::sync::Arc;

use findings::{Finding, Findings, Place, Severity};
use serde::{Serialize, Serializer};
use step_core::{Exit, Fail, Report};

use crate::description::Description;
use crate::document::Sources;

use super::change::{Change, Level, Operation, Spot};
use super::rules::Rules;
use super::{FailOn, Options, kinds};

/// How many operations are named where several share a change.
const NAMED: usize = 3;

/// How many changes a report for people shows. GitLab takes comments of a million characters.
const MAX_MARKDOWN: usize = 400;

/// The report.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Compared(What);

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum What {
    Kinds(Kinds),
    Changes(Box<Changes>),
}

/// All kinds of changes, as landfall.toml has them.
#[derive(Debug, Serialize)]
pub(super) struct Kinds {
    kinds: Vec<KindShown>,
}

#[derive(Debug, Serialize)]
struct KindShown {
    id: &'static str,
    /// Nothing when it is switched off.
    level: Option<Level>,
    /// The level where the service calls.
    in_webhooks: Option<Level>,
    description: String,
}

/// What changed.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    base: String,
    pub(super) head: String,
    breaking: usize,
    dangerous: usize,
    safe: usize,
    accepted: usize,
    changes: Vec<Shown>,
    #[serde(skip)]
    fail_on: FailOn,
    #[serde(skip)]
    least: Level,
    /// Why a file could not be written.
    #[serde(skip)]
    pub(super) not_written: Option<Fail>,
}

/// A change with its places.
#[derive(Debug, Serialize)]
struct Shown {
    id: &'static str,
    level: Level,
    #[serde(serialize_with = "as_list")]
    operations: Arc<[Operation]>,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    advice: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Standing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Standing>,
}

/// Where a change stands in one of the documents.
#[derive(Debug, Serialize)]
struct Standing {
    pointer: String,
    #[serde(flatten)]
    place: Place,
}

impl Standing {
    fn new(spot: Spot, sources: &Sources) -> Self {
        Self { place: sources.place(spot.at), pointer: spot.pointer }
    }

    fn depth(&self) -> usize {
        self.pointer.matches('/').count()
    }
}

impl Compared {
    pub(super) fn of_kinds(kinds: Kinds) -> Self {
        Self(What::Kinds(kinds))
    }

    pub(super) fn of_changes(changes: Changes) -> Self {
        Self(What::Changes(Box::new(changes)))
    }
}

impl Kinds {
    pub(super) fn new(rules: &Rules) -> Self {
        let shown = |kind: &'static kinds::Kind| KindShown {
            id: &kind.id,
            level: rules.level(&kind.id, kind.level),
            in_webhooks: rules.level(&kind.id, kind.reversed),
            description: kind.description(),
        };
        Self { kinds: kinds::all().iter().map(shown).collect() }
    }
}

impl Changes {
    pub(super) fn new(
        changes: Vec<Change>,
        accepted: usize,
        (base, head): (&Description, &Description),
        sources: &Sources,
        options: &Options,
    ) -> Self {
        let count = |level| changes.iter().filter(|it| it.level == level).count();
        let (breaking, dangerous, safe) =
            (count(Level::Breaking), count(Level::Dangerous), count(Level::Safe));
        let shown = |change: Change| Shown {
            id: change.id,
            level: change.level,
            operations: change.operations,
            message: change.message,
            advice: change.advice,
            base: change.base.map(|spot| Standing::new(spot, sources)),
            head: change.head.map(|spot| Standing::new(spot, sources)),
        };
        Self {
            base: base.name.clone(),
            head: head.name.clone(),
            breaking,
            dangerous,
            safe,
            accepted,
            changes: changes.into_iter().map(shown).collect(),
            fail_on: options.fail_on,
            least: options.shown(),
            not_written: None,
        }
    }

    /// The least severity of findings that fails.
    pub(super) fn fail_on(&self) -> Severity {
        self.fail_on.level().map_or(Severity::Blocker, severity)
    }

    /// `2 breaking, 1 dangerous and 3 safe changes, 1 more accepted`
    fn summary(&self) -> String {
        let Self { breaking, dangerous, safe, accepted, .. } = self;
        let changes = match (breaking + dangerous + safe, safe) {
            (0, _) => "no changes".to_owned(),
            (_, 1) => format!("{breaking} breaking, {dangerous} dangerous and 1 safe change"),
            _ => format!("{breaking} breaking, {dangerous} dangerous and {safe} safe changes"),
        };
        match accepted {
            0 => changes,
            _ => format!("{changes}, {accepted} more accepted"),
        }
    }

    /// The changes that have a level, by operations, the worst operation first.
    fn groups(&self, least: Level) -> Vec<(Option<&Operation>, Vec<&Shown>)> {
        let mut groups: Vec<(Option<&Operation>, Vec<&Shown>)> = Vec::new();
        let mut known = HashMap::new();
        for change in self.changes.iter().filter(|it| it.level >= least) {
            let operation = change.operations.first();
            let index = *known.entry(operation).or_insert(groups.len());
            match groups.get_mut(index) {
                Some((_, list)) => list.push(change),
                None => groups.push((operation, vec![change])),
            }
        }
        for (_, list) in &mut groups {
            list.sort_by_key(|change| std::cmp::Reverse(change.level));
        }
        let worst = |list: &[&Shown]| list.iter().map(|it| it.level).max();
        groups.sort_by_key(|(_, list)| std::cmp::Reverse(worst(list)));
        groups
    }

    pub(super) fn findings(&self) -> Findings {
        Findings::new(self.changes.iter().filter_map(Shown::finding).collect())
    }

    /// For a comment on a merge request.
    pub(super) fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = self.write_markdown(&mut text);
        step_core::secret::redact(&text).into_owned()
    }

    fn write_markdown(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "## Changes of the API\n")?;
        writeln!(text, "{}, compared with {}.", self.summary(), code(&self.base))?;
        let mut left = MAX_MARKDOWN;
        for (level, title) in [
            (Level::Breaking, "Breaking: callers stop working"),
            (Level::Dangerous, "Dangerous: it depends on the caller"),
            (Level::Safe, "Safe"),
        ] {
            let count = self.changes.iter().filter(|it| it.level == level).count();
            if count == 0 {
                continue;
            }
            let folded = level == Level::Safe;
            if folded {
                writeln!(text, "\n<details><summary>{title} ({count})</summary>")?;
            } else {
                writeln!(text, "\n### {title}")?;
            }
            for (operation, list) in self.groups(level) {
                let list: Vec<_> = list.into_iter().filter(|it| it.level == level).collect();
                if list.is_empty() || left == 0 {
                    continue;
                }
                match operation {
                    Some(operation) => writeln!(text, "\n**{}**\n", code(&operation.to_string()))?,
                    None => writeln!(text, "\n**The whole**\n")?,
                }
                for change in list.iter().take(left) {
                    change.write_markdown(text)?;
                }
                left = left.saturating_sub(list.len());
            }
            if folded {
                writeln!(text, "\n</details>")?;
            }
        }
        let all = self.changes.len();
        if all > MAX_MARKDOWN {
            writeln!(text, "\nShown are {MAX_MARKDOWN} of {all} changes.")?;
        }
        Ok(())
    }
}

impl Shown {
    /// The operations that share it besides the first: `also POST /a and 3 more`.
    fn others(&self) -> Option<String> {
        let others = self.operations.get(1..).filter(|it| !it.is_empty())?;
        let names = others.iter().take(NAMED).map(ToString::to_string);
        let names = names.collect::<Vec<_>>().join(", ");
        let more = others.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        Some(format!("{names}{more}"))
    }

    fn write_markdown(&self, text: &mut String) -> fmt::Result {
        write!(text, "- {} ({})", one_line(&self.message), code(self.id))?;
        if !self.advice.is_empty() {
            write!(text, "<br>{}", self.advice)?;
        }
        if let Some(others) = self.others() {
            write!(text, "<br>also: {}", code(&others))?;
        }
        writeln!(text)
    }

    fn finding(&self) -> Option<Finding> {
        let place = self.head.as_ref()?;
        let message = match self.operations.first() {
            Some(operation) => format!("{operation}: {}", self.message),
            None => self.message.clone(),
        };
        // What is gone is told apart by where it was.
        let deeper = self.base.as_ref().filter(|base| base.depth() > place.depth());
        let within = &deeper.unwrap_or(place).pointer;
        let finding = Finding::new(self.id, severity(self.level), message, place.place.clone());
        let finding = finding.within(within);
        Some(if self.advice.is_empty() { finding } else { finding.help(self.advice) })
    }
}

fn severity(level: Level) -> Severity {
    match level {
        Level::Breaking => Severity::Critical,
        Level::Dangerous => Severity::Minor,
        Level::Safe => Severity::Info,
    }
}

fn as_list<S: Serializer>(operations: &Arc<[Operation]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(operations.iter())
}

/// A text as code in Markdown.
fn code(text: &str) -> String {
    format!("`{}`", without_controls(text).replace('`', "'"))
}

/// A text of a document in one line, so that it does not become something else in Markdown.
fn one_line(text: &str) -> String {
    without_controls(text).replace('<', "&lt;")
}

fn without_controls(text: &str) -> String {
    text.replace(|it: char| it.is_control(), " ")
}

impl Report for Compared {
    fn outcome(&self) -> &str {
        match &self.0 {
            What::Kinds(_) => "listed",
            What::Changes(_) if self.verdict().is_err() => "failed",
            What::Changes(changes) if changes.changes.is_empty() => "unchanged",
            What::Changes(_) => "passed",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        let What::Changes(changes) = &self.0 else { return Ok(()) };
        if let Some(fail) = &changes.not_written {
            return Err(fail.clone());
        }
        let Some(level) = changes.fail_on.level() else { return Ok(()) };
        let count = changes.changes.iter().filter(|it| it.level >= level).count();
        if count == 0 {
            return Ok(());
        }
        let noun = if count == 1 { "change is" } else { "changes are" };
        let worse = if level == Level::Breaking { "" } else { " or worse" };
        Err(Fail::new(Exit::Negative, format!("{count} {noun} {level}{worse}")).help(
            "keep what callers rely on; or accept it: a line in .openapi-diff-ignore, or the level of its \
             kind in landfall.toml: gen-openapi.diff.changes",
        ))
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            What::Kinds(kinds) => kinds.fmt(f),
            What::Changes(changes) => changes.fmt(f),
        }
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.kinds.iter().map(|it| it.id.len()).max().unwrap_or_default();
        for kind in &self.kinds {
            let level = kind.level.map_or("off", Level::as_str);
            writeln!(f, "{:width$}  {level:9}  {}", kind.id, kind.description)?;
        }
        write!(f, "{} kinds of changes; X is what was, Y what is", self.kinds.len())
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (operation, list) in self.groups(self.least) {
            match operation {
                Some(operation) => writeln!(f, "{operation}")?,
                None => writeln!(f, "The whole")?,
            }
            for change in list {
                writeln!(f, "  {}: {} [{}]", change.level, change.message, change.id)?;
                if let Some(head) = &change.head {
                    writeln!(f, "    {}", head.place)?;
                }
                if !change.advice.is_empty() {
                    writeln!(f, "    help: {}", change.advice)?;
                }
                if let Some(others) = change.others() {
                    writeln!(f, "    also: {others}")?;
                }
            }
        }
        write!(f, "{}: {}, compared with {}", self.head, self.summary(), self.base)?;
        let hidden = self.changes.iter().filter(|it| it.level < self.least).count();
        match hidden {
            0 => Ok(()),
            _ => write!(f, "; {hidden} not shown: --include-safe shows all"),
        }
    }
}
