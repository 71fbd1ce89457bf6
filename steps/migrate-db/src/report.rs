//! What a run says about itself.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use step_core::{Exit, Fail, Report};

use crate::apply::Applied;
use crate::check::Checked;
use crate::databases::Several;
use crate::plan::{Change, Comparison, Entry};

/// What became of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Migrations were applied.
    Migrated,
    /// There was nothing to do.
    Unchanged,
    /// What would be done; nothing was.
    Planned,
    /// A migration failed; those before it were applied.
    Failed,
    /// `status`.
    Shown,
    /// `repair` changed the history.
    Repaired,
    /// `baseline` recorded migrations.
    Baselined,
    /// `new` wrote a file.
    Written,
}

/// The report of this step.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// On one database.
    One(Migrated),
    /// On several, one after the other.
    Several(Several),
    /// `check`, on no database.
    Checked(Checked),
}

impl Report for Done {
    fn outcome(&self) -> &str {
        match self {
            Done::One(report) => report.outcome(),
            Done::Several(report) => report.outcome(),
            Done::Checked(report) => report.outcome(),
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        match self {
            Done::One(report) => report.verdict(),
            Done::Several(report) => report.verdict(),
            Done::Checked(report) => report.verdict(),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Done::One(report) => report.fmt(f),
            Done::Several(report) => report.fmt(f),
            Done::Checked(report) => report.fmt(f),
        }
    }
}

/// What became of one database.
#[derive(Debug, Serialize)]
pub struct Migrated {
    outcome: Outcome,
    /// The database, without the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<String>,
    /// What was or would be changed.
    changes: Vec<Change>,
    /// What was applied, also before a failure.
    applied: Vec<Applied>,
    /// How many migrations are pending after the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<usize>,
    /// All migrations, by `status`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    migrations: Vec<Entry>,
    /// What does not fit between history and files, by `status`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
    /// The file that `new` wrote, or would write.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip)]
    verdict: Option<Fail>,
}

impl Migrated {
    pub(crate) fn new(outcome: Outcome, database: Option<String>, changes: Vec<Change>) -> Self {
        Self {
            outcome,
            database,
            changes,
            applied: Vec::new(),
            pending: None,
            migrations: Vec::new(),
            problems: Vec::new(),
            file: None,
            verdict: None,
        }
    }

    pub(crate) fn applied(mut self, applied: Vec<Applied>, pending: usize) -> Self {
        self.applied = applied;
        self.pending = Some(pending);
        self
    }

    pub(crate) fn failing(mut self, fail: Option<Fail>) -> Self {
        self.verdict = fail;
        self
    }

    /// The verdict of a `repair` that was not told `--yes`: there is something to do.
    pub(crate) fn verdict_of_asking(&self, ask: bool) -> Option<Fail> {
        let fail = Fail::new(Exit::Negative, "the history does not say what the files say");
        (ask && !self.changes.is_empty())
            .then(|| fail.help("if the changes above are right: migrate-db repair --yes"))
    }

    /// The report of `new`.
    pub(crate) fn written(outcome: Outcome, file: PathBuf) -> Self {
        Self { file: Some(file), ..Self::new(outcome, None, Vec::new()) }
    }

    /// The report of `status`; with `check` it is a verdict.
    pub(crate) fn status(database: String, comparison: Comparison, check: bool) -> Self {
        let pending = comparison.pending();
        let verdict = comparison.refusal().or_else(|| {
            let verb = if pending == 1 { "migration is" } else { "migrations are" };
            let fail = Fail::new(Exit::Negative, format!("{pending} {verb} pending"));
            (pending > 0).then(|| fail.help("apply with migrate-db"))
        });
        Self {
            pending: Some(pending),
            problems: comparison.problems.iter().map(ToString::to_string).collect(),
            migrations: comparison.entries,
            verdict: verdict.filter(|_| check),
            ..Self::new(Outcome::Shown, Some(database), Vec::new())
        }
    }
}

impl Report for Migrated {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Migrated => "migrated",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
            Outcome::Failed => "failed",
            Outcome::Shown => "shown",
            Outcome::Repaired => "repaired",
            Outcome::Baselined => "baselined",
            Outcome::Written => "written",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        self.verdict.clone().map_or(Ok(()), Err)
    }
}

impl fmt::Display for Migrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            return write!(f, "{}", file.display());
        }
        write!(f, "{}: {}", self.database.as_deref().unwrap_or_default(), self.outcome())?;
        match self.outcome {
            Outcome::Migrated | Outcome::Failed => {
                self.applied.iter().try_for_each(|it| write!(f, "\n  applied {}", it.id))?
            }
            Outcome::Shown => {
                let width = self.migrations.iter().map(|it| it.id().chars().count()).max();
                let width = width.unwrap_or_default();
                for it in &self.migrations {
                    let (state, id, note) = (it.state.to_string(), it.id(), it.note());
                    let line = format!("\n  {state:<12} {id:<width$}  {note}");
                    f.write_str(line.trim_end_matches(' '))?;
                }
                self.problems.iter().try_for_each(|problem| write!(f, "\n  ! {problem}"))?;
            }
            _ => self.changes.iter().try_for_each(|change| write!(f, "\n  {change}"))?,
        }
        Ok(())
    }
}
