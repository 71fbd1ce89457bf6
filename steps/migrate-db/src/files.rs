//! The folder of migrations: what is in it, or why it cannot be used.
//!
//! refinery skips a file whose name it does not like, without a word. Here whatever looks like a
//! migration is one, or an error.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use step_core::Fail;

use crate::sql::{self, Dialect};

/// A file of the folder, ready to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// `V2__add_users` or `R__views`: the name of the file, as refinery has it.
    pub(crate) id: String,
    pub(crate) path: PathBuf,
    pub(crate) sql: String,
    pub(crate) directives: Directives,
}

/// A script that is run once, in the order of the versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migration {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) script: Script,
}

/// A script that is run after all migrations, and again whenever it was changed: a view, a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Repeatable {
    pub(crate) name: String,
    pub(crate) script: Script,
}

/// What the folder holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Files {
    /// In the order of their versions.
    pub(crate) migrations: Vec<Migration>,
    /// In the order of their names.
    pub(crate) repeatables: Vec<Repeatable>,
}

/// What the head of a file says of how it is to be run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Directives {
    /// Each statement by itself, as `CREATE INDEX CONCURRENTLY` demands.
    pub(crate) no_transaction: bool,
    /// How long a statement may wait for a lock.
    #[serde(skip)]
    pub(crate) lock_timeout: Option<Duration>,
    /// How long a statement may run.
    #[serde(skip)]
    pub(crate) statement_timeout: Option<Duration>,
}

impl Script {
    /// Whether it and its record can be one transaction.
    pub(crate) fn is_atomic(&self, dialect: Dialect) -> bool {
        let shares =
            || sql::split(&self.sql, dialect).iter().all(sql::Statement::shares_transaction);
        // In MySQL what defines something ends the transaction, whatever the file says.
        !self.directives.no_transaction && (dialect != Dialect::Mysql || shares())
    }
}

impl Files {
    /// All files, in the order in which they are run.
    pub(crate) fn scripts(&self) -> impl Iterator<Item = &Script> {
        let migrations = self.migrations.iter().map(|it| &it.script);
        migrations.chain(self.repeatables.iter().map(|it| &it.script))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scripts().next().is_none()
    }
}

#[cfg(test)]
impl Migration {
    /// A migration for tests.
    pub(crate) fn example(version: i64, name: &str) -> Self {
        Self { version, name: name.to_owned(), script: Script::example(&id(version, name)) }
    }
}

#[cfg(test)]
impl Repeatable {
    /// A repeatable migration for tests.
    pub(crate) fn example(name: &str) -> Self {
        Self { name: name.to_owned(), script: Script::example(&repeatable_id(name)) }
    }
}

#[cfg(test)]
impl Script {
    fn example(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            path: format!("migrations/{id}.sql").into(),
            sql: "SELECT 1;".to_owned(),
            directives: Directives::default(),
        }
    }
}

/// `V2__add_users`.
pub(crate) fn id(version: i64, name: &str) -> String {
    format!("V{version}__{name}")
}

/// `R__views`.
pub(crate) fn repeatable_id(name: &str) -> String {
    format!("R__{name}")
}

/// Why a file of the folder cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    /// None: it is about the file as a whole.
    pub(crate) line: Option<usize>,
    pub(crate) text: String,
}

impl Problem {
    fn new(path: &Path, line: Option<usize>, text: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, text: text.into() }
    }
}

/// `path:line: text`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        self.line.map_or(Ok(()), |line| write!(f, "{line}:"))?;
        write!(f, " {}", self.text)
    }
}

/// Reads all migrations below a folder.
///
/// # Errors
/// Exit 2, with every file that is wrong: its name, a second file of the same version, its encoding,
/// its directives; or there is no migration and `allow_empty` is not set.
pub(crate) fn read(folder: &Path, allow_empty: bool) -> anyhow::Result<Files> {
    let (files, problems) = scan(folder)?;
    if !problems.is_empty() {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        return Err(Fail::invalid(lines.join("\n")).help("nothing was applied").into());
    }
    if files.is_empty() && !allow_empty {
        return Err(empty(folder).into());
    }
    Ok(files)
}

/// There is nothing to apply or check.
pub(crate) fn empty(folder: &Path) -> Fail {
    Fail::invalid(format!("there is no migration in {}", folder.display()))
        .help("write one with `migrate-db new NAME`, or allow an empty folder: --allow-empty")
}

/// The migrations below a folder, and what cannot be used.
///
/// # Errors
/// Exit 2: there is no such folder.
pub(crate) fn scan(folder: &Path) -> anyhow::Result<(Files, Vec<Problem>)> {
    let mut paths = Vec::new();
    walk(folder, &mut paths)?;
    paths.sort();
    let mut problems = Vec::new();
    let mut migrations: BTreeMap<i64, Migration> = BTreeMap::new();
    let mut repeatables: BTreeMap<String, Repeatable> = BTreeMap::new();
    for path in paths {
        let twice = |other: &Script, what: &str| {
            let other = other.path.display();
            let text = format!("has the same {what} as {other}: give one of them another");
            Problem::new(&path, None, text)
        };
        match script(&path) {
            Ok(None) => {}
            Ok(Some((Key::Version(version, name), script))) => match migrations.entry(version) {
                Entry::Occupied(other) => {
                    problems.push(twice(&other.get().script, &format!("version {version}")));
                }
                Entry::Vacant(place) => _ = place.insert(Migration { version, name, script }),
            },
            Ok(Some((Key::Name(name), script))) => match repeatables.entry(name.clone()) {
                Entry::Occupied(other) => {
                    problems.push(twice(&other.get().script, &format!("name {name}")));
                }
                Entry::Vacant(place) => _ = place.insert(Repeatable { name, script }),
            },
            Err(problem) => problems.push(problem),
        }
    }
    let files = Files {
        migrations: migrations.into_values().collect(),
        repeatables: repeatables.into_values().collect(),
    };
    Ok((files, problems))
}

/// All files below a folder. Hidden ones are an editor's or git's. A folder that is named like a
/// migration is taken for a file, which cannot be read.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let shown = folder.display();
    let entries = std::fs::read_dir(folder).map_err(|err| match err.kind() {
        ErrorKind::NotFound => Fail::invalid(format!("there is no folder {shown}")).help(
            "begin with `migrate-db new NAME`, which makes it; or say where the migrations are: \
             --folder, or `folder` in landfall.toml",
        ),
        _ => Fail::invalid(format!("read the folder of migrations {shown}: {err}"))
            .help("say where the migrations are: --folder, or `folder` in landfall.toml"),
    })?;
    for entry in entries {
        let entry = entry.with_context(|| folder.display().to_string())?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        let looks_like_a_file = path.extension().is_some_and(|it| it.eq_ignore_ascii_case("sql"));
        if path.is_dir() && !looks_like_a_file {
            walk(&path, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

/// What tells a script from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key {
    /// `V2__add_users.sql`
    Version(i64, String),
    /// `R__views.sql`
    Name(String),
}

impl Key {
    fn id(&self) -> String {
        match self {
            Key::Version(version, name) => id(*version, name),
            Key::Name(name) => repeatable_id(name),
        }
    }
}

/// The script in a file; `None` when the file is something else, such as a README.
fn script(path: &Path) -> Result<Option<(Key, Script)>, Problem> {
    let whole = |why: String| Problem::new(path, None, why);
    let at = |(line, why): (usize, String)| Problem::new(path, Some(line), why);
    let Some(file_name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(whole("the name is not UTF-8".into()));
    };
    let Some(key) = parse_name(file_name).map_err(whole)? else {
        return Ok(None);
    };
    let bytes = std::fs::read(path).map_err(|err| match err.kind() {
        ErrorKind::IsADirectory => whole("is a folder; a migration is a file".into()),
        ErrorKind::NotFound => whole("is a link to a file that is not there".into()),
        _ => whole(err.to_string()),
    })?;
    let sql = text(bytes).map_err(at)?;
    let directives = directives(&sql).map_err(at)?;
    let script = Script { id: key.id(), path: path.to_owned(), sql, directives };
    Ok(Some((key, script)))
}

/// The key in a file's name; `None` when it does not look like a migration.
pub(crate) fn parse_name(file_name: &str) -> Result<Option<Key>, String> {
    let lower = file_name.to_ascii_lowercase();
    let digits_follow = |prefix: char| {
        lower
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    let is_sql = lower.ends_with(".sql");
    if !is_sql {
        if (digits_follow('v') || digits_follow('u') || lower.starts_with("r__"))
            && lower.contains("__")
        {
            return Err(
                "looks like a migration, but does not end in .sql; rename or move it".into()
            );
        }
        return Ok(None);
    }
    let Some(stem) = file_name.strip_suffix(".sql") else {
        return Err("the ending is written .sql, in lower case".into());
    };
    if digits_follow('u') {
        return Err("U (refinery's migration out of order) is not supported: name it V and pass \
                    --out-of-order"
            .into());
    }
    if let Some(name) = stem.strip_prefix("R__") {
        return Ok(Some(Key::Name(checked_name(name)?)));
    }
    if stem.starts_with('R') && !stem.contains("__") {
        return Err(
            "a repeatable migration has no version and two underscores: R__what_it_is.sql".into()
        );
    }
    let Some(rest) = stem.strip_prefix('V') else {
        return Err("every .sql file in the folder is a migration, and its name begins with a \
                    capital V, or R for a repeatable one: V1__what_it_does.sql, R__what_it_is.sql"
            .into());
    };
    let Some((version, name)) = rest.split_once("__") else {
        return Err("two underscores stand between the version and the name: \
                    V1__what_it_does.sql"
            .into());
    };
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`{version}` is not a version: write a whole number (V12__) or a time of 14 digits \
             (V20260131120000__)"
        ));
    }
    let version: i64 =
        version.parse().map_err(|_| format!("the version {version} is too large"))?;
    Ok(Some(Key::Version(version, checked_name(name)?)))
}

fn checked_name(name: &str) -> Result<String, String> {
    if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_alphanumeric()) {
        return Err(format!(
            "`{name}` is not a name: letters, digits and underscores, for refinery ignores the rest"
        ));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(format!("the name is longer than {LONGEST_NAME} characters"));
    }
    Ok(name.to_owned())
}

/// What the column of the history holds.
const LONGEST_NAME: usize = 255;

/// The text of a file. A byte order mark is refused, not stripped: refinery would hash it and send
/// it to the database, so that the two would not agree on the checksum. The error is a line and what
/// is wrong.
fn text(bytes: Vec<u8>) -> Result<String, (usize, String)> {
    for (mark, what) in [
        (&b"\xEF\xBB\xBF"[..], "begins with a byte order mark; save it as UTF-8 without BOM"),
        (b"\xFF\xFE", "is UTF-16; save it as UTF-8"),
        (b"\xFE\xFF", "is UTF-16; save it as UTF-8"),
    ] {
        if bytes.starts_with(mark) {
            return Err((1, what.into()));
        }
    }
    let line_after = |valid: &[u8]| 1 + valid.iter().filter(|byte| **byte == b'\n').count();
    let text = String::from_utf8(bytes).map_err(|err| {
        let valid = &err.as_bytes()[..err.utf8_error().valid_up_to()];
        (line_after(valid), "is not UTF-8; save it as UTF-8".to_owned())
    })?;
    // SQLite would take it for the end of the file, and say nothing of the rest.
    match text.find('\0') {
        Some(at) => Err((line_after(&text.as_bytes()[..at]), "holds a NUL byte; remove it".into())),
        None => Ok(text),
    }
}

/// The directives in the comments at the head of a file. The error is a line and what is wrong.
fn directives(sql: &str) -> Result<Directives, (usize, String)> {
    let mut found = Directives::default();
    let mut in_head = true;
    for (line, number) in sql.lines().zip(1..) {
        let line = line.trim();
        in_head &= line.is_empty() || line.starts_with("--");
        let Some((is_heard, words)) = addressed(line) else { continue };
        if !is_heard {
            return Err((number, "a directive is written `-- landfall: DIRECTIVE`".into()));
        }
        if !in_head {
            return Err((
                number,
                "a directive stands at the head of the file, before any SQL".into(),
            ));
        }
        for word in words.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
            directive(&mut found, word).map_err(|why| (number, why))?;
        }
    }
    Ok(found)
}

/// What a comment says to landfall, and whether it is written as a directive is. One that is almost
/// written so would be ignored without a word.
fn addressed(line: &str) -> Option<(bool, &str)> {
    let marks = ["--", "#", "/*"];
    let (mark, comment) =
        marks.into_iter().find_map(|mark| Some((mark, line.strip_prefix(mark)?)))?;
    let comment = comment.trim_start();
    let name = comment.get(..NAME.len()).filter(|name| name.eq_ignore_ascii_case(NAME))?;
    let rest = comment[NAME.len()..].trim_start();
    let words = rest.strip_prefix(':')?;
    Some((mark == "--" && name == NAME && rest.len() + NAME.len() == comment.len(), words))
}

/// Whom a directive addresses.
const NAME: &str = "landfall";

fn directive(found: &mut Directives, word: &str) -> Result<(), String> {
    let (key, value) = word.split_once('=').map_or((word, None), |(key, value)| (key, Some(value)));
    let time = || {
        let value = value.ok_or_else(|| format!("{key} needs a time: {key}=5s"))?;
        let time = step_core::duration(value).map_err(|err| format!("{key}: {err}"))?;
        Ok::<_, String>(Some(time))
    };
    match key {
        "no-transaction" if value.is_none() => found.no_transaction = true,
        "lock-timeout" => found.lock_timeout = time()?,
        "statement-timeout" => found.statement_timeout = time()?,
        _ => {
            return Err(format!(
                "unknown directive `{word}`; there are no-transaction, lock-timeout=TIME and \
                 statement-timeout=TIME"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(file: &str) -> Result<Option<Key>, String> {
        parse_name(file)
    }

    #[test]
    fn numbers_and_times_are_versions_and_repeatables_have_none() {
        for (file, version, of) in [
            ("V1__init.sql", 1, "init"),
            ("V007__a_b.sql", 7, "a_b"),
            ("V20260131120000__x.sql", 20_260_131_120_000, "x"),
            ("V2__add__users.sql", 2, "add__users"),
        ] {
            assert_eq!(name(file), Ok(Some(Key::Version(version, of.into()))));
        }
        assert_eq!(name("R__views.sql"), Ok(Some(Key::Name("views".into()))));
    }

    #[test]
    fn what_looks_like_a_migration_and_would_be_ignored_is_an_error_with_its_reason() {
        for (file, why) in [
            ("V2__add-users.sql", "`add-users` is not a name"),
            ("v3__x.sql", "begins with a capital V"),
            ("V4_x.sql", "two underscores"),
            ("V1.1__x.sql", "`1.1` is not a version"),
            ("V__x.sql", "`` is not a version"),
            ("V5__x.SQL", "in lower case"),
            ("V99999999999999999999__x.sql", "too large"),
            ("V6__.sql", "`` is not a name"),
            ("V6__x.sql.orig", "does not end in .sql"),
            ("U6__x.sql", "--out-of-order"),
            ("R__my-view.sql", "`my-view` is not a name"),
            ("R_view.sql", "R__what_it_is.sql"),
            ("r__view.sql", "begins with a capital V, or R"),
            ("R__view.sql.bak", "does not end in .sql"),
            ("seed.sql", "begins with a capital V"),
            ("|1__x.sql", "begins with a capital V"),
        ] {
            let err = name(file).unwrap_err();
            assert!(err.contains(why), "{file}: {err}");
        }
        for file in ["README.md", "notes.txt", "views"] {
            assert_eq!(name(file), Ok(None), "{file}");
        }
    }

    #[test]
    fn names_that_are_taken_are_names_that_refinery_takes() {
        for file in ["V1__init", "V007__a_b", "V20260131120000__x", "V2__add__users", "V3__größe"]
        {
            let Some(Key::Version(version, parsed)) = name(&format!("{file}.sql")).unwrap() else {
                panic!("{file}");
            };
            let theirs = refinery_core::Migration::unapplied(file, "").unwrap();
            assert_eq!((theirs.version(), theirs.name()), (version, parsed.as_str()), "{file}");
        }
    }

    #[test]
    fn directives_stand_in_the_head() {
        let sql = "-- Adds an index.\n-- landfall: no-transaction lock-timeout=3s\n\n\
                   --landfall: statement-timeout=10m\nSELECT 1;\n";
        let found = directives(sql).unwrap();
        assert!(found.no_transaction);
        assert_eq!(found.lock_timeout, Some(Duration::from_secs(3)));
        assert_eq!(found.statement_timeout, Some(Duration::from_secs(600)));
        for (sql, line, why) in [
            ("\n-- landfall: notransaction\n", 2, "unknown directive `notransaction`"),
            ("-- landfall: lock-timeout", 1, "lock-timeout needs a time"),
            ("-- landfall: lock-timeout=soon", 1, "write for example 90s"),
            ("SELECT 1;\n-- landfall: no-transaction\n", 2, "before any SQL"),
            ("-- landfall: no-transaction=yes", 1, "unknown directive"),
            ("-- Landfall: no-transaction\n", 1, "is written `-- landfall: DIRECTIVE`"),
            ("-- landfall : no-transaction\n", 1, "is written `-- landfall: DIRECTIVE`"),
            ("# landfall: no-transaction\n", 1, "is written `-- landfall: DIRECTIVE`"),
            ("/* landfall: no-transaction */\n", 1, "is written `-- landfall: DIRECTIVE`"),
        ] {
            let (at, err) = directives(sql).unwrap_err();
            assert_eq!(at, line, "{sql}");
            assert!(err.contains(why), "{err}");
        }
        for sql in ["-- landfall is the name of this.\n", "-- landfällt: nicht\n", "-- Landung\n"]
        {
            assert_eq!(directives(sql), Ok(Directives::default()), "{sql}");
        }
    }

    #[test]
    fn files_of_another_encoding_are_refused_with_what_to_do() {
        let of = |bytes: &[u8]| text(bytes.to_vec()).unwrap_err();
        assert!(of(b"\xEF\xBB\xBFSELECT 1").1.contains("without BOM"));
        assert!(of(b"\xFF\xFES\0").1.contains("UTF-16"));
        let wrong = (2, "is not UTF-8; save it as UTF-8".to_owned());
        assert_eq!(of(b"SELECT 1;\n-- Gr\xF6\xDFe\n"), wrong);
        let cut = (2, "holds a NUL byte; remove it".to_owned());
        assert_eq!(of(b"SELECT 1;\n\0SELECT 2;\n"), cut);
    }

    #[test]
    fn two_files_of_one_version_are_both_named_and_all_problems_come_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["V1__a.sql", "V01__b.sql", "V2_c.sql", "README.md", ".V3__hidden.sql.swp"] {
            std::fs::write(folder.path().join(file), "SELECT 1;").unwrap();
        }
        let err = read(folder.path(), false).unwrap_err().to_string();
        let lines: Vec<&str> = err.lines().collect();
        assert_eq!(lines.len(), 2, "{err}");
        assert!(lines[0].contains("V1__a.sql: has the same version 1 as "), "{err}");
        assert!(lines[0].contains("V01__b.sql: give one of them another"), "{err}");
        assert!(lines[1].contains("V2_c.sql: two underscores"), "{err}");
    }

    #[test]
    fn a_folder_that_is_named_like_a_migration_is_an_error_and_others_are_searched() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("2026/V2__b.sql")).unwrap();
        std::fs::write(folder.path().join("2026/V1__a.sql"), "SELECT 1;").unwrap();
        let (files, problems) = scan(folder.path()).unwrap();
        assert_eq!(files.migrations.len(), 1);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].text, "is a folder; a migration is a file");
    }

    #[test]
    fn an_empty_folder_is_an_error_unless_it_is_allowed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path(), false).unwrap_err().to_string().contains("no migration in"));
        assert_eq!(read(folder.path(), true).unwrap(), Files::default());
        let err = read(&folder.path().join("none"), true).unwrap_err();
        assert!(err.to_string().starts_with("there is no folder "), "{err}");
    }
}
