//! What has to be done, told from the files and the history alone. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use step_core::{Exit, Fail};

use crate::checksum::{self, Width};
use crate::files::{Files, Migration, Script, id, repeatable_id};
use crate::sql::{self, Dialect};

/// A row of the history, as refinery writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) applied_on: String,
    pub(crate) checksum: String,
}

/// The history in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) width: Width,
    /// In the order of their versions.
    pub(crate) rows: Vec<Row>,
}

/// A row of the table of repeatable migrations, which refinery does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepeatableRow {
    pub(crate) name: String,
    pub(crate) applied_on: String,
    pub(crate) checksum: String,
}

/// What the database has recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    /// None: there is no such table.
    pub(crate) history: Option<History>,
    /// None: there is no such table.
    pub(crate) repeatables: Option<Vec<RepeatableRow>>,
    /// The files that an earlier run has begun and not ended, as the journal has them.
    pub(crate) begun: Vec<Mark>,
}

/// A row of the journal: how far a file came that is not one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    /// `V2__add_users`.
    pub(crate) id: String,
    /// How many of its statements have been done.
    pub(crate) done: usize,
    /// A digest of these.
    #[serde(skip)]
    pub(crate) digest: String,
    /// What was found before the next was begun, by which one can tell whether it was done; empty:
    /// it was not begun.
    #[serde(skip)]
    pub(crate) state: String,
}

impl Mark {
    /// Whether something of the file may be in the database.
    fn has_left_something(&self) -> bool {
        self.done > 0 || !self.state.is_empty()
    }

    /// `the first 2 statements of V2__add_users were applied`
    fn what(&self) -> String {
        let id = &self.id;
        match self.done {
            0 => format!("{id} was begun"),
            1 => format!("the first statement of {id} was applied"),
            done => format!("the first {done} statements of {id} were applied"),
        }
    }

    /// Whether a file still begins with what was run of it; `digests` are those of its statements.
    pub(crate) fn fits(&self, digests: &[String]) -> bool {
        digests.get(self.done) == Some(&self.digest)
    }
}

impl Recorded {
    fn rows(&self) -> &[Row] {
        self.history.as_ref().map(|history| history.rows.as_slice()).unwrap_or_default()
    }

    /// Whether a file is run as one transaction. One of which a part was applied already goes on with
    /// the journal, also when the file would now be one: what was applied must not be applied again.
    fn is_whole(&self, script: &Script, dialect: Dialect) -> bool {
        script.is_atomic(dialect) && self.begun(&script.id).is_none()
    }

    fn begun(&self, id: &str) -> Option<&Mark> {
        self.begun.iter().find(|begun| begun.id == id)
    }

    /// How many statements of a file an earlier run has done.
    fn done(&self, script: &Script) -> usize {
        self.begun(&script.id).map_or(0, |begun| begun.done)
    }

    fn repeatable(&self, name: &str) -> Option<&RepeatableRow> {
        self.repeatables.iter().flatten().find(|row| row.name == name)
    }
}

/// What the user wants.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// The last version to apply; none: all.
    pub(crate) target: Option<i64>,
    /// Whether a file below the newest applied version may still be applied.
    pub(crate) out_of_order: bool,
}

/// A write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub(crate) enum Change {
    /// The table of the history is made.
    CreateHistory {
        /// The width of its versions.
        width: Width,
    },
    /// A migration is run and recorded.
    Apply {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// Its file.
        file: PathBuf,
        /// Whether it and its row are one transaction.
        transaction: bool,
        /// How many of its statements an earlier run has done; this one goes on behind them.
        #[serde(skip_serializing_if = "is_zero")]
        done: usize,
    },
    /// The table of the repeatable migrations is made.
    CreateRepeatables,
    /// A repeatable migration that is new or was changed is run and recorded.
    Repeat {
        /// Its name.
        name: String,
        /// Its file.
        file: PathBuf,
        /// Whether it and its row are one transaction.
        transaction: bool,
        /// How many of its statements an earlier run has done; this one goes on behind them.
        #[serde(skip_serializing_if = "is_zero")]
        done: usize,
        /// When it was run before.
        #[serde(skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    },
    /// A migration is recorded without being run.
    Record {
        /// Its version.
        version: i64,
        /// Its name.
        name: String,
        /// Its file.
        file: PathBuf,
    },
    /// The row of an edited file gets the name and checksum of the file.
    Restate {
        /// Its version.
        version: i64,
        /// Recorded name and checksum.
        from: String,
        /// Name and checksum of the file.
        to: String,
    },
    /// The row of a file that is gone is removed.
    Forget {
        /// Its version.
        version: i64,
        /// Its recorded name.
        name: String,
    },
    /// The row of a repeatable migration whose file is gone is removed.
    ForgetRepeatable {
        /// Its recorded name.
        name: String,
    },
    /// The row in the journal of a file that was applied in part is removed.
    ForgetBegun {
        /// The row.
        #[serde(flatten)]
        mark: Mark,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Change {
    /// The file that it runs.
    pub(crate) fn runs(&self) -> Option<&Path> {
        match self {
            Change::Apply { file, .. } | Change::Repeat { file, .. } => Some(file),
            _ => None,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::CreateHistory { .. } => write!(f, "create the table {TABLE}"),
            Change::Apply { version, name, transaction, done, .. } => {
                write!(f, "apply {}{}", id(*version, name), how(*transaction, *done))
            }
            Change::CreateRepeatables => write!(f, "create the table {REPEATABLES}"),
            Change::Repeat { name, transaction, done, last, .. } => {
                let id = repeatable_id(name);
                let again = if last.is_some() { ", which was changed" } else { "" };
                write!(f, "apply {id}{again}{}", how(*transaction, *done))
            }
            Change::Record { version, name, .. } => {
                write!(f, "record {} as applied, without running it", id(*version, name))
            }
            Change::Restate { version, from, to } => {
                write!(f, "restate version {version}: {from} -> {to}")
            }
            Change::Forget { version, name } => {
                write!(f, "forget {}, whose file is gone", id(*version, name))
            }
            Change::ForgetRepeatable { name } => {
                write!(f, "forget {}, whose file is gone", repeatable_id(name))
            }
            Change::ForgetBegun { mark } => write!(f, "forget that {}", mark.what()),
        }
    }
}

fn how(transaction: bool, done: usize) -> String {
    match (transaction, done) {
        (true, _) => String::new(),
        (false, 0) => ", without a transaction".to_owned(),
        (false, done) => format!(", without a transaction, from its statement {} on", done + 1),
    }
}

/// refinery's table.
pub(crate) const TABLE: &str = "refinery_schema_history";

/// The table of the repeatable migrations.
pub(crate) const REPEATABLES: &str = "landfall_repeatable_migrations";

/// Something between the history and the files that nobody but the user can settle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    Edited {
        file: PathBuf,
        recorded: Row,
        now: String,
    },
    Deleted {
        recorded: Row,
    },
    OutOfOrder {
        file: PathBuf,
        version: i64,
        newest: Row,
    },
    /// Another migration of the same version was applied.
    Other {
        file: PathBuf,
        recorded: Row,
    },
    /// The same migration was applied under another name.
    Renamed {
        file: PathBuf,
        recorded: Row,
    },
    /// What an earlier run has done of a file is not what the file begins with.
    BegunEdited {
        file: PathBuf,
        begun: Mark,
    },
    /// An earlier run has done a part of a file that is gone.
    BegunDeleted {
        begun: Mark,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Other { file, recorded } => write!(
                f,
                "{} is not what was applied as version {}: that was {}, on {}",
                file.display(),
                recorded.version,
                id(recorded.version, &recorded.name),
                recorded.applied_on
            ),
            Problem::Renamed { file, recorded } => write!(
                f,
                "{} was renamed after it was applied as {} on {}",
                file.display(),
                id(recorded.version, &recorded.name),
                recorded.applied_on
            ),
            Problem::BegunEdited { file, begun } if begun.done == 1 => write!(
                f,
                "{}: an earlier run applied the first of its statements, and that was changed since",
                file.display()
            ),
            Problem::BegunEdited { file, begun } => write!(
                f,
                "{}: an earlier run applied the first {} of its statements, and these were changed \
                 since",
                file.display(),
                begun.done
            ),
            Problem::BegunDeleted { begun } => {
                write!(f, "{} by an earlier run, and its file is gone", begun.what())
            }
            Problem::Edited { file, recorded, now } => write!(
                f,
                "{} was changed after it was applied: {} was recorded on {} with the checksum {}, \
                 the file has {now}",
                file.display(),
                id(recorded.version, &recorded.name),
                recorded.applied_on,
                recorded.checksum
            ),
            Problem::Deleted { recorded } => write!(
                f,
                "{} was applied on {} (checksum {}), and its file is gone",
                id(recorded.version, &recorded.name),
                recorded.applied_on,
                recorded.checksum
            ),
            Problem::OutOfOrder { file, version, newest } => write!(
                f,
                "{} comes too late: version {version} is below {}, which was applied on {}",
                file.display(),
                id(newest.version, &newest.name),
                newest.applied_on
            ),
        }
    }
}

impl Problem {
    /// The refusal to go on with it.
    pub(crate) fn refusal(&self) -> Fail {
        Fail::new(Exit::Refused, self.to_string()).help(self.help())
    }

    fn help(&self) -> &'static str {
        match self {
            Problem::Edited { .. } => {
                "restore the file and write a new migration; if the database is right as it is, \
                 `migrate-db repair` records the file as it is now"
            }
            Problem::Deleted { .. } => {
                "restore the file; if it is to be forgotten, `migrate-db repair` removes its row"
            }
            Problem::OutOfOrder { .. } => {
                "give the file a version above the newest, or allow it: --out-of-order"
            }
            Problem::Other { .. } => {
                "give the file a version above the newest, and put back the one that was applied; only \
                 if the database has what the file says: `migrate-db repair` records it instead"
            }
            Problem::Renamed { .. } => {
                "give it its name back; or `migrate-db repair` records the new one"
            }
            Problem::BegunEdited { .. } => {
                "restore them, and the next run goes on behind them; or undo by hand what they did, \
                 and `migrate-db repair` forgets that they were run"
            }
            Problem::BegunDeleted { .. } => {
                "restore the file, under its name, and the next run goes on; or undo by hand what it \
                 did, and `migrate-db repair` forgets that it was begun"
            }
        }
    }
}

/// The state of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Applied,
    Pending,
    /// An earlier run has done a part of it.
    HalfApplied,
    AboveTarget,
    Edited,
    Deleted,
    OutOfOrder,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Applied => "applied",
            State::Pending => "pending",
            State::HalfApplied => "half applied",
            State::AboveTarget => "above target",
            State::Edited => "edited",
            State::Deleted => "deleted",
            State::OutOfOrder => "out of order",
        })
    }
}

impl State {
    /// Whether `up` applies it, or the rest of it.
    fn is_pending(self) -> bool {
        matches!(self, State::Pending | State::HalfApplied)
    }
}

/// A migration as files and history have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// None: it is repeatable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i64>,
    pub(crate) name: String,
    pub(crate) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) applied_on: Option<String>,
    /// How many of its statements have been done, where it is half applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) done: Option<usize>,
}

impl Entry {
    /// `V2__add_users` or `R__views`.
    pub(crate) fn id(&self) -> String {
        match self.version {
            Some(version) => id(version, &self.name),
            None => repeatable_id(&self.name),
        }
    }

    /// What is to be said of it beside its state.
    pub(crate) fn note(&self) -> String {
        match (&self.applied_on, self.done) {
            (_, Some(1)) => "1 statement was done".to_owned(),
            (_, Some(done)) => format!("{done} statements were done"),
            (Some(on), None) => to_the_second(on),
            (None, None) => String::new(),
        }
    }
}

/// A time as people read it.
fn to_the_second(time: &str) -> String {
    time.parse::<jiff::Timestamp>()
        .map_or_else(|_| time.to_owned(), |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// Files and history, laid side by side in the order of their versions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Comparison {
    pub(crate) entries: Vec<Entry>,
    pub(crate) problems: Vec<Problem>,
}

/// How many problems an error names: an old checkout misses all that came since.
const SHOWN: usize = 10;

impl Comparison {
    /// How many migrations wait to be applied.
    pub(crate) fn pending(&self) -> usize {
        self.entries.iter().filter(|entry| entry.state.is_pending()).count()
    }

    /// The refusal to go on with a history that does not fit the files.
    pub(crate) fn refusal(&self) -> Option<Fail> {
        let first = self.problems.first()?;
        let mut lines: Vec<String> =
            self.problems.iter().take(SHOWN).map(ToString::to_string).collect();
        if let Some(more) = self.problems.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("and {more} more, which `migrate-db status` shows"));
        }
        Some(Fail::new(Exit::Refused, lines.join("\n")).help(first.help()))
    }
}

/// Lays files and history side by side.
pub(crate) fn compare(
    files: &Files,
    recorded: &Recorded,
    wanted: &Wanted,
    dialect: Dialect,
) -> Comparison {
    let rows = recorded.rows();
    let width = width(files, recorded);
    let by_row: BTreeMap<i64, &Row> = rows.iter().map(|row| (row.version, row)).collect();
    let by_file: BTreeMap<i64, &Migration> =
        files.migrations.iter().map(|it| (it.version, it)).collect();
    let newest = rows.iter().max_by_key(|row| row.version);
    let mut found = Comparison::default();
    let versions: BTreeSet<i64> = by_row.keys().chain(by_file.keys()).copied().collect();
    for version in versions {
        let (row, file) = (by_row.get(&version).copied(), by_file.get(&version).copied());
        let path = file.map(|file| file.script.path.clone());
        let state = match (row, file) {
            (Some(row), Some(file)) if is_same(row, file) => State::Applied,
            (Some(row), Some(file)) => {
                found.problems.push(edited(row, file, width));
                State::Edited
            }
            (Some(row), None) => {
                found.problems.push(Problem::Deleted { recorded: row.clone() });
                State::Deleted
            }
            _ if wanted.target.is_some_and(|target| version > target) => State::AboveTarget,
            (None, Some(file)) => match newest.filter(|newest| newest.version > version) {
                Some(newest) if !wanted.out_of_order => {
                    found.problems.push(Problem::OutOfOrder {
                        file: file.script.path.clone(),
                        version,
                        newest: newest.clone(),
                    });
                    State::OutOfOrder
                }
                _ => State::Pending,
            },
            (None, None) => continue,
        };
        let name = file.map(|file| &file.name).or(row.map(|row| &row.name));
        found.entries.push(Entry {
            version: Some(version),
            name: name.cloned().unwrap_or_default(),
            state,
            file: path,
            applied_on: row.map(|row| row.applied_on.clone()),
            done: None,
        });
    }
    found.entries.extend(repeatables(files, recorded, wanted));
    mark_begun(&mut found, files, recorded, dialect);
    found
}

/// How a file differs from what was applied as its version.
fn edited(row: &Row, file: &Migration, width: Width) -> Problem {
    let (path, recorded) = (file.script.path.clone(), row.clone());
    if row.name == file.name {
        let now = checksum::canonical(file, width);
        return Problem::Edited { file: path, recorded, now };
    }
    let under_its_name = Migration { name: row.name.clone(), ..file.clone() };
    if checksum::matches(&under_its_name, &row.checksum) {
        Problem::Renamed { file: path, recorded }
    } else {
        Problem::Other { file: path, recorded }
    }
}

/// Adds what the journal says: which files were applied in part.
fn mark_begun(found: &mut Comparison, files: &Files, recorded: &Recorded, dialect: Dialect) {
    for begun in recorded.begun.iter().filter(|begun| begun.has_left_something()) {
        let entry = found.entries.iter_mut().find(|entry| entry.id() == begun.id);
        let script = files.scripts().find(|script| script.id == begun.id);
        match (entry, script) {
            (Some(entry), Some(script)) if entry.state == State::Pending => {
                entry.state = State::HalfApplied;
                entry.done = Some(begun.done);
                let digests = sql::digests(&sql::split(&script.sql, dialect));
                if !begun.fits(&digests) {
                    let (file, begun) = (script.path.clone(), begun.clone());
                    found.problems.push(Problem::BegunEdited { file, begun });
                }
            }
            // It waits, or its history says that it is done.
            (_, Some(_)) => {}
            (Some(entry), None) if entry.version.is_some() => {}
            (_, None) => found.problems.push(Problem::BegunDeleted { begun: begun.clone() }),
        }
    }
}

/// The repeatable migrations come last, and describe the newest schema: with a target they wait. One
/// whose file is gone is no problem, as nothing depends on its order.
fn repeatables(files: &Files, recorded: &Recorded, wanted: &Wanted) -> impl Iterator<Item = Entry> {
    let of_files = files.repeatables.iter().map(|file| {
        let row = recorded.repeatable(&file.name);
        let state = match row {
            Some(row) if checksum::repeatable(file) == row.checksum => State::Applied,
            _ if wanted.target.is_some() => State::AboveTarget,
            _ => State::Pending,
        };
        Entry {
            version: None,
            name: file.name.clone(),
            state,
            file: Some(file.script.path.clone()),
            applied_on: row.map(|row| row.applied_on.clone()),
            done: None,
        }
    });
    let of_rows = deleted_repeatables(files, recorded).map(|row| Entry {
        version: None,
        name: row.name.clone(),
        state: State::Deleted,
        file: None,
        applied_on: Some(row.applied_on.clone()),
        done: None,
    });
    of_files.chain(of_rows).collect::<Vec<_>>().into_iter()
}

fn deleted_repeatables<'a>(
    files: &'a Files,
    recorded: &'a Recorded,
) -> impl Iterator<Item = &'a RepeatableRow> {
    let rows = recorded.repeatables.iter().flatten();
    rows.filter(|row| files.repeatables.iter().all(|file| file.name != row.name))
}

fn is_same(row: &Row, file: &Migration) -> bool {
    row.name == file.name && checksum::matches(file, &row.checksum)
}

/// The width of the history, or of the one to be made: as refinery's default unless a version needs
/// more.
pub(crate) fn width(files: &Files, recorded: &Recorded) -> Width {
    let fits = files.migrations.iter().all(|file| i32::try_from(file.version).is_ok());
    let natural = if fits { Width::Bits32 } else { Width::Bits64 };
    recorded.history.as_ref().map_or(natural, |history| history.width)
}

/// The changes of `up`.
///
/// # Errors
/// Exit 8: the history does not fit the files. Exit 2: no file has the target's version, or a version
/// is too large for the history.
pub(crate) fn up(
    files: &Files,
    recorded: &Recorded,
    wanted: &Wanted,
    dialect: Dialect,
) -> Result<Vec<Change>, Fail> {
    check_target(files, wanted.target)?;
    let comparison = compare(files, recorded, wanted, dialect);
    if let Some(refusal) = comparison.refusal() {
        return Err(refusal);
    }
    check_width(files, recorded)?;
    let pending = comparison.entries.iter().filter(|entry| entry.state.is_pending());
    let (versions, names): (Vec<_>, Vec<_>) = pending.partition(|entry| entry.version.is_some());
    let versions: BTreeSet<_> = versions.iter().map(|entry| entry.version).collect();
    let names: BTreeSet<_> = names.iter().map(|entry| entry.name.as_str()).collect();
    let is_pending = |file: &&Migration| versions.contains(&Some(file.version));
    let apply = files.migrations.iter().filter(is_pending).map(|file| Change::Apply {
        version: file.version,
        name: file.name.clone(),
        file: file.script.path.clone(),
        transaction: recorded.is_whole(&file.script, dialect),
        done: recorded.done(&file.script),
    });
    let repeat = files.repeatables.iter().filter(|file| names.contains(file.name.as_str()));
    let repeat = repeat.map(|file| Change::Repeat {
        name: file.name.clone(),
        file: file.script.path.clone(),
        transaction: recorded.is_whole(&file.script, dialect),
        done: recorded.done(&file.script),
        last: recorded.repeatable(&file.name).map(|row| row.applied_on.clone()),
    });
    let create = create(files, recorded).into_iter();
    let table =
        (!names.is_empty() && recorded.repeatables.is_none()).then_some(Change::CreateRepeatables);
    Ok(create.chain(table).chain(apply).chain(repeat).collect())
}

/// The changes of `baseline`: everything up to a version counts as applied.
///
/// # Errors
/// Exit 8: there is a history. Exit 2: no file has the version.
pub(crate) fn baseline(
    files: &Files,
    recorded: &Recorded,
    version: i64,
) -> Result<Vec<Change>, Fail> {
    check_target(files, Some(version))?;
    let below = || files.migrations.iter().filter(|file| file.version <= version);
    let rows = recorded.rows();
    if let Some(newest) = rows.last() {
        let is_done = rows.len() == below().count()
            && below()
                .zip(rows)
                .all(|(file, row)| file.version == row.version && is_same(row, file));
        if is_done {
            return Ok(Vec::new());
        }
        let message = format!(
            "the database has a history already, up to {}",
            id(newest.version, &newest.name)
        );
        return Err(Fail::new(Exit::Refused, message)
            .help("baseline is for a database that no migration was recorded in; see status"));
    }
    check_width(files, recorded)?;
    let record = below().map(|file| Change::Record {
        version: file.version,
        name: file.name.clone(),
        file: file.script.path.clone(),
    });
    Ok(create(files, recorded).into_iter().chain(record).collect())
}

/// What to do beside when the first migration of a database found that what it makes is there already:
/// it may have been made before there was a history.
pub(crate) fn adoption(recorded: &Recorded, changes: &[Change], fail: Fail) -> Fail {
    let first = changes.iter().find_map(|change| match change {
        Change::Apply { version, .. } => Some(*version),
        _ => None,
    });
    let Some(first) = first.filter(|_| recorded.rows().is_empty()) else {
        return fail;
    };
    let help = fail.help_text().unwrap_or_default();
    let help = format!(
        "{help}; if the database was made before its history, `migrate-db baseline {first}` records \
         the files up to version {first} as applied"
    );
    fail.help(help)
}

/// The changes of `repair`: the history is made to say what the files say. It runs no migration.
pub(crate) fn repair(files: &Files, recorded: &Recorded, dialect: Dialect) -> Vec<Change> {
    let width = width(files, recorded);
    let problems = compare(files, recorded, &Wanted::default(), dialect).problems;
    let changes = problems.into_iter().filter_map(|problem| match problem {
        Problem::Edited { recorded, .. }
        | Problem::Other { recorded, .. }
        | Problem::Renamed { recorded, .. } => {
            let mut files = files.migrations.iter();
            let file = files.find(|file| file.version == recorded.version)?;
            Some(Change::Restate {
                version: recorded.version,
                from: format!("{} {}", recorded.name, recorded.checksum),
                to: format!("{} {}", file.name, checksum::canonical(file, width)),
            })
        }
        Problem::Deleted { recorded } => {
            Some(Change::Forget { version: recorded.version, name: recorded.name })
        }
        Problem::BegunEdited { begun, .. } | Problem::BegunDeleted { begun } => {
            Some(Change::ForgetBegun { mark: begun })
        }
        Problem::OutOfOrder { .. } => None,
    });
    let forget = deleted_repeatables(files, recorded)
        .map(|row| Change::ForgetRepeatable { name: row.name.clone() });
    changes.chain(forget).collect()
}

fn create(files: &Files, recorded: &Recorded) -> Option<Change> {
    let width = width(files, recorded);
    recorded.history.is_none().then_some(Change::CreateHistory { width })
}

fn check_target(files: &Files, target: Option<i64>) -> Result<(), Fail> {
    match target {
        Some(target) if !files.migrations.iter().any(|file| file.version == target) => {
            let known = files.migrations.iter().map(|file| file.version.to_string());
            let known: Vec<String> = known.rev().take(5).collect();
            Err(Fail::invalid(format!("no file has the version {target}"))
                .help(format!("the newest versions are {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}

fn check_width(files: &Files, recorded: &Recorded) -> Result<(), Fail> {
    let large = files.migrations.iter().find(|file| i32::try_from(file.version).is_err());
    match (large, recorded.history.as_ref().map(|history| history.width)) {
        (Some(file), Some(Width::Bits32)) => Err(Fail::invalid(format!(
            "{}: the version does not fit into the history, whose versions have 32 bits",
            file.script.path.display()
        ))
        .help(format!(
            "if only refinery with `int8-versions` or landfall reads it, make the column `version` \
             of {TABLE} a bigint"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Repeatable;

    fn files(versions: &[i64]) -> Files {
        let migrations = versions.iter().map(|version| Migration::example(*version, "x"));
        Files { migrations: migrations.collect(), repeatables: Vec::new() }
    }

    fn applied(versions: &[i64], width: Width) -> Recorded {
        let rows = files(versions).migrations.into_iter().map(|file| Row {
            version: file.version,
            name: file.name.clone(),
            applied_on: "2026-01-31T12:00:00Z".into(),
            checksum: checksum::canonical(&file, width),
        });
        let history = Some(History { width, rows: rows.collect() });
        Recorded { history, ..Recorded::default() }
    }

    fn mark(id: &str) -> Mark {
        let digest = sql::digests(&[])[0].clone();
        Mark { id: id.into(), done: 0, digest, state: String::new() }
    }

    fn repair(files: &Files, recorded: &Recorded) -> Vec<Change> {
        super::repair(files, recorded, Dialect::Postgres)
    }

    fn rows(recorded: &mut Recorded) -> &mut Vec<Row> {
        &mut recorded.history.as_mut().unwrap().rows
    }

    fn up(files: &Files, recorded: &Recorded, wanted: &Wanted) -> Result<Vec<Change>, Fail> {
        super::up(files, recorded, wanted, Dialect::Postgres)
    }

    fn shown(changes: &[Change]) -> Vec<String> {
        changes.iter().map(ToString::to_string).collect()
    }

    fn planned(have: &[i64], done: Option<&[i64]>, wanted: Wanted) -> Result<Vec<String>, String> {
        let recorded = done.map(|done| applied(done, Width::Bits32)).unwrap_or_default();
        let changes = up(&files(have), &recorded, &wanted).map_err(|err| err.to_string())?;
        Ok(shown(&changes))
    }

    #[test]
    fn what_is_not_recorded_is_applied_in_order_and_nothing_twice() {
        let all = Wanted::default();
        assert_eq!(
            planned(&[1, 2], None, all).unwrap(),
            ["create the table refinery_schema_history", "apply V1__x", "apply V2__x"]
        );
        assert_eq!(planned(&[1, 2, 10], Some(&[1]), all).unwrap(), ["apply V2__x", "apply V10__x"]);
        assert_eq!(planned(&[1, 2], Some(&[1, 2]), all).unwrap(), [] as [&str; 0]);
    }

    #[test]
    fn a_target_is_the_last_that_is_applied_and_has_to_exist() {
        let to = |target| Wanted { target: Some(target), ..Wanted::default() };
        assert_eq!(planned(&[1, 2, 3], Some(&[1]), to(2)).unwrap(), ["apply V2__x"]);
        assert_eq!(planned(&[1, 2, 3], Some(&[]), to(9)).unwrap_err(), "no file has the version 9");
    }

    #[test]
    fn a_late_file_is_refused_unless_it_is_allowed() {
        let err = planned(&[1, 2, 3], Some(&[1, 3]), Wanted::default()).unwrap_err();
        assert_eq!(
            err,
            "migrations/V2__x.sql comes too late: version 2 is below V3__x, which was applied on \
             2026-01-31T12:00:00Z"
        );
        let allowed = Wanted { out_of_order: true, ..Wanted::default() };
        assert_eq!(planned(&[1, 2, 3], Some(&[1, 3]), allowed).unwrap(), ["apply V2__x"]);
    }

    #[test]
    fn edited_and_deleted_files_are_told_with_what_was_recorded() {
        let mut history = applied(&[1, 2, 3], Width::Bits32);
        rows(&mut history)[1].checksum = "77".into();
        let err = up(&files(&[1, 2]), &history, &Wanted::default()).unwrap_err();
        assert_eq!(err.exit(), Exit::Refused);
        let lines: Vec<String> = err.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("migrations/V2__x.sql was changed after it was applied: V2__x was recorded on 2026-01-31T12:00:00Z with the checksum 77, the file has "));
        assert!(
            lines[1].starts_with("V3__x was applied on ") && lines[1].ends_with("its file is gone")
        );
    }

    #[test]
    fn of_many_problems_an_error_names_the_first() {
        let versions: Vec<i64> = (1..=30).collect();
        let recorded = applied(&versions, Width::Bits32);
        let err = up(&files(&[1]), &recorded, &Wanted::default()).unwrap_err().to_string();
        assert_eq!(err.lines().count(), 11);
        assert!(err.ends_with("\nand 19 more, which `migrate-db status` shows"), "{err}");
        let all = compare(&files(&[1]), &recorded, &Wanted::default(), Dialect::Postgres);
        assert_eq!(all.problems.len(), 29);
    }

    #[test]
    fn a_renamed_file_and_another_one_of_the_version_are_told_apart() {
        let mut history = applied(&[1], Width::Bits32);
        rows(&mut history)[0].name = "y".into();
        let why = |history: &Recorded| {
            up(&files(&[1]), history, &Wanted::default()).unwrap_err().to_string()
        };
        assert_eq!(
            why(&history),
            "migrations/V1__x.sql is not what was applied as version 1: that was V1__y, on \
             2026-01-31T12:00:00Z"
        );
        let named_y = Migration { name: "y".into(), ..Migration::example(1, "x") };
        rows(&mut history)[0].checksum = checksum::canonical(&named_y, Width::Bits32);
        assert_eq!(
            why(&history),
            "migrations/V1__x.sql was renamed after it was applied as V1__y on 2026-01-31T12:00:00Z"
        );
    }

    #[test]
    fn a_history_of_either_width_is_taken_and_a_new_one_is_as_wide_as_it_must_be() {
        for width in [Width::Bits32, Width::Bits64] {
            let history = applied(&[1, 2], width);
            assert_eq!(up(&files(&[1, 2]), &history, &Wanted::default()).unwrap(), []);
        }
        let wide = files(&[1, 20_260_131_120_000]);
        assert_eq!(width(&wide, &Recorded::default()), Width::Bits64);
        let err = up(&wide, &applied(&[1], Width::Bits32), &Wanted::default()).unwrap_err();
        assert!(err.to_string().contains("does not fit into the history"), "{err}");
    }

    #[test]
    fn repair_makes_the_history_say_what_the_files_say_and_then_nothing_is_left() {
        let mut history = applied(&[1, 2, 3], Width::Bits32);
        rows(&mut history)[1].checksum = "77".into();
        let changes = repair(&files(&[1, 2]), &history);
        let shown = shown(&changes);
        assert!(shown[0].starts_with("restate version 2: x 77 -> x "), "{shown:?}");
        assert_eq!(shown[1], "forget V3__x, whose file is gone");
        assert_eq!(repair(&files(&[1]), &applied(&[1], Width::Bits64)), []);
    }

    #[test]
    fn a_file_that_was_begun_without_a_transaction_is_ended_so() {
        let begun = Recorded { begun: vec![mark("V2__x")], ..applied(&[1], Width::Bits32) };
        let changes = up(&files(&[1, 2, 3]), &begun, &Wanted::default()).unwrap();
        assert_eq!(shown(&changes), ["apply V2__x, without a transaction", "apply V3__x"]);
    }

    #[test]
    fn what_was_applied_in_part_is_told_and_neither_changed_nor_gone() {
        let digests = sql::digests(&sql::split("SELECT 1;", Dialect::Postgres));
        let mark = |id: &str, done: usize| Mark { done, digest: digests[done].clone(), ..mark(id) };
        let all = Wanted::default();
        let recorded = |mark| Recorded { begun: vec![mark], ..applied(&[1], Width::Bits32) };
        let half = recorded(mark("V2__x", 1));
        let found = compare(&files(&[1, 2]), &half, &all, Dialect::Postgres);
        assert_eq!(found.pending(), 1);
        assert_eq!(found.entries[1].state, State::HalfApplied);
        assert_eq!(found.entries[1].note(), "1 statement was done");
        assert_eq!(
            shown(&up(&files(&[1, 2]), &half, &all).unwrap()),
            ["apply V2__x, without a transaction, from its statement 2 on"]
        );
        let mut edited = files(&[1, 2]);
        edited.migrations[1].script.sql = "SELECT 2;".into();
        for (files, why) in [
            (
                edited,
                "migrations/V2__x.sql: an earlier run applied the first of its statements, and that was",
            ),
            (
                files(&[1]),
                "the first statement of V2__x was applied by an earlier run, and its file",
            ),
        ] {
            let refused = up(&files, &half, &all).unwrap_err();
            assert_eq!(refused.exit(), Exit::Refused);
            assert!(refused.to_string().starts_with(why), "{refused}");
            let changes = repair(&files, &half);
            assert_eq!(shown(&changes), ["forget that the first statement of V2__x was applied"]);
        }
        // Of a file that failed in its first statement nothing is left.
        assert_eq!(up(&files(&[1]), &recorded(mark("V2__x", 0)), &all).unwrap(), []);
    }

    #[test]
    fn a_repeatable_comes_last_and_again_when_it_was_changed() {
        let mut files = files(&[1, 2]);
        files.repeatables = vec![Repeatable::example("views")];
        let mut recorded = Recorded::default();
        let all = Wanted::default();
        assert_eq!(
            shown(&up(&files, &recorded, &all).unwrap())[1..],
            [
                "create the table landfall_repeatable_migrations",
                "apply V1__x",
                "apply V2__x",
                "apply R__views"
            ]
        );
        recorded.history = applied(&[1, 2], Width::Bits32).history;
        recorded.repeatables = Some(vec![RepeatableRow {
            name: "views".into(),
            applied_on: "2026-01-31T12:00:00Z".into(),
            checksum: checksum::repeatable(&files.repeatables[0]),
        }]);
        assert_eq!(up(&files, &recorded, &all).unwrap(), []);
        files.repeatables[0].script.sql = "SELECT 2;".into();
        let changes = up(&files, &recorded, &all).unwrap();
        assert_eq!(shown(&changes), ["apply R__views, which was changed"]);
        let to_the_last = Wanted { target: Some(2), ..all };
        assert_eq!(up(&files, &recorded, &to_the_last).unwrap(), []);
        files.repeatables.clear();
        assert_eq!(up(&files, &recorded, &all).unwrap(), []);
        let forget = repair(&files, &recorded);
        assert_eq!(shown(&forget), ["forget R__views, whose file is gone"]);
    }

    #[test]
    fn a_baseline_records_up_to_its_version_once() {
        let shown = |recorded: &Recorded| {
            baseline(&files(&[1, 2, 3]), recorded, 2).map(|changes| shown(&changes))
        };
        assert_eq!(shown(&Recorded::default()).unwrap().len(), 3);
        assert_eq!(shown(&applied(&[], Width::Bits32)).unwrap().len(), 2);
        assert_eq!(shown(&applied(&[1, 2], Width::Bits32)).unwrap(), [] as [&str; 0]);
        assert_eq!(shown(&applied(&[1], Width::Bits32)).unwrap_err().exit(), Exit::Refused);
    }
}
