//! Several databases in one repository.

use std::fmt;

use landfall_toml::{MigrateDatabase, MigrateDb};
use serde::Serialize;
use step_core::{Fail, Report, output};

use crate::report::Migrated;

/// A database that a run works on.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// Its name, when landfall.toml has databases by name.
    pub(crate) name: Option<String>,
    /// What landfall.toml says of it, on top of what it says of all.
    pub(crate) file: MigrateDatabase,
}

/// The databases to work on, in the order of the file: the one that is `wanted`, else all.
///
/// # Errors
/// Exit 2: there is none of that name, or a source of the URL stands where it means none of them.
pub(crate) fn choose(file: &MigrateDb, wanted: Option<&str>) -> Result<Vec<Target>, Fail> {
    if file.databases.is_empty() {
        if let Some(name) = wanted {
            return Err(Fail::invalid(format!("landfall.toml has no database `{name}`"))
                .help(format!("add a table [defaults.migrate-db.databases.{name}]")));
        }
        return Ok(vec![Target { name: None, file: over_all(file, &MigrateDatabase::default()) }]);
    }
    let misplaced = [
        ("database_secret", file.database_secret.is_some()),
        ("database_parameter", file.database_parameter.is_some()),
    ];
    if let Some((key, _)) = misplaced.iter().find(|(_, is_there)| *is_there) {
        let message = format!("landfall.toml has databases by name, and a {key} for none of them");
        return Err(Fail::invalid(message).help(format!("move {key} into the table of a database")));
    }
    if let Some(name) = wanted
        && !file.databases.contains_key(name)
    {
        return Err(Fail::invalid(format!("landfall.toml has no database `{name}`"))
            .help(format!("it has: {}", names(file.databases.keys()))));
    }
    let folder = file.folder.clone().unwrap_or_else(|| "migrations".into());
    let chosen = file.databases.iter().filter(|(name, _)| wanted.is_none_or(|it| it == *name));
    let target = |(name, database): (&String, &MigrateDatabase)| {
        let own = Some(database.folder.clone().unwrap_or_else(|| folder.join(name)));
        let file = MigrateDatabase { folder: own, ..over_all(file, database) };
        Target { name: Some(name.clone()), file }
    };
    Ok(chosen.map(target).collect())
}

/// What a database sets, and for the rest what is set for all.
fn over_all(all: &MigrateDb, one: &MigrateDatabase) -> MigrateDatabase {
    MigrateDatabase {
        folder: one.folder.clone().or_else(|| all.folder.clone()),
        out_of_order: one.out_of_order.or(all.out_of_order),
        lock_timeout: one.lock_timeout.or(all.lock_timeout),
        statement_timeout: one.statement_timeout.or(all.statement_timeout),
        database_secret: one.database_secret.clone().or_else(|| all.database_secret.clone()),
        database_parameter: one
            .database_parameter
            .clone()
            .or_else(|| all.database_parameter.clone()),
        url_variable: one.url_variable.clone(),
        database_iam: one.database_iam.or(all.database_iam),
    }
}

/// Makes sure that what means one database is not said of several.
///
/// # Errors
/// Exit 2: `of_one`, a flag, variable or command, is there, and several databases are.
pub(crate) fn refuse_for_several(targets: &[Target], of_one: Option<&str>) -> Result<(), Fail> {
    let (Some(what), true) = (of_one, targets.len() > 1) else { return Ok(()) };
    let names = names(targets.iter().filter_map(|target| target.name.as_ref()));
    let message = format!("landfall.toml has several databases ({names}), and {what} means one");
    Err(Fail::invalid(message).help("choose it with --database NAME"))
}

fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Works on several databases, one after the other. What writes stops at the first that fails; what
/// only reads goes on, to show them all.
pub(crate) async fn each(
    targets: &[Target],
    is_write: bool,
    run: impl AsyncFn(&Target) -> anyhow::Result<Migrated>,
) -> Several {
    let mut several = Several { databases: Vec::new(), not_tried: Vec::new(), verdict: None };
    for target in targets {
        let name = target.name.clone().unwrap_or_default();
        if several.verdict.is_some() && is_write {
            several.not_tried.push(name);
            continue;
        }
        output::say(format!("database {name}"));
        let (result, verdict) = match run(target).await {
            Ok(report) => {
                let verdict = report.verdict().err();
                (Ended::Reported(Box::new(report)), verdict)
            }
            Err(err) => {
                let fail = Fail::whole(&err);
                (Ended::Failed(Failed::of(&fail)), Some(fail))
            }
        };
        several.verdict = several.verdict.or_else(|| Some(named(&name, &verdict?)));
        several.databases.push(One { name, ended: result });
    }
    several
}

fn named(name: &str, fail: &Fail) -> Fail {
    let named = Fail::new(fail.exit(), format!("{name}: {fail}"));
    match fail.help_text() {
        Some(help) => named.help(help),
        None => named,
    }
}

/// The report of a run on several databases.
#[derive(Debug, Serialize)]
pub struct Several {
    databases: Vec<One>,
    /// Those that come after one that failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_tried: Vec<String>,
    #[serde(skip)]
    verdict: Option<Fail>,
}

#[derive(Debug, Serialize)]
struct One {
    name: String,
    #[serde(flatten)]
    ended: Ended,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Ended {
    Reported(Box<Migrated>),
    Failed(Failed),
}

/// A database of which there is nothing to report but why.
#[derive(Debug, Serialize)]
struct Failed {
    outcome: &'static str,
    error: Why,
}

#[derive(Debug, Serialize)]
struct Why {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Failed {
    fn of(fail: &Fail) -> Self {
        let help = fail.help_text().map(str::to_owned);
        Self { outcome: fail.exit().outcome(), error: Why { message: fail.to_string(), help } }
    }
}

impl Ended {
    fn outcome(&self) -> &str {
        match self {
            Ended::Reported(report) => report.outcome(),
            Ended::Failed(failed) => failed.outcome,
        }
    }

    fn is_failure(&self) -> bool {
        match self {
            Ended::Reported(report) => report.verdict().is_err(),
            Ended::Failed(_) => true,
        }
    }
}

impl Report for Several {
    /// That of the first that failed; else of the first that was changed.
    fn outcome(&self) -> &str {
        let failed = self.databases.iter().find(|one| one.ended.is_failure());
        let all = || self.databases.iter();
        let changed = || all().find(|one| one.ended.outcome() != "unchanged");
        failed
            .or_else(changed)
            .or_else(|| all().next())
            .map_or("unchanged", |it| it.ended.outcome())
    }

    fn verdict(&self) -> Result<(), Fail> {
        self.verdict.clone().map_or(Ok(()), Err)
    }
}

impl fmt::Display for Several {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, one) in self.databases.iter().enumerate() {
            let line_break = if at == 0 { "" } else { "\n" };
            match &one.ended {
                Ended::Reported(report) => write!(f, "{line_break}{}: {report}", one.name)?,
                Ended::Failed(Failed { outcome, error }) => {
                    write!(f, "{line_break}{}: {outcome}\n  {}", one.name, error.message)?;
                }
            }
        }
        self.not_tried.iter().try_for_each(|name| write!(f, "\n{name}: not tried"))
    }
}

#[cfg(test)]
mod tests {
    use step_core::Exit;

    use super::*;
    use crate::report::Outcome;

    fn file(text: &str) -> MigrateDb {
        let common = step_core_common();
        let config = landfall_toml::Config::from_text("landfall.toml".as_ref(), text).unwrap();
        config.environment(&common, landfall_toml::Needs::Nothing).unwrap().migrate_db
    }

    fn step_core_common() -> step_core::Common {
        #[derive(clap::Parser)]
        struct Cli {
            #[command(flatten)]
            common: step_core::Common,
        }
        <Cli as clap::Parser>::parse_from(["x"]).common
    }

    const TWO: &str = "
        [defaults.migrate-db]
        folder = 'db'
        lock_timeout = '3s'
        [defaults.migrate-db.databases.orders]
        database_secret = 'orders/db'
        out_of_order = true
        [defaults.migrate-db.databases.archive]
        folder = 'old'
        lock_timeout = '9s'
        url_variable = 'ARCHIVE'
    ";

    #[test]
    fn all_databases_are_done_in_the_order_of_the_file_with_what_is_set_for_all() {
        let all = choose(&file(TWO), None).unwrap();
        let seen: Vec<_> = all
            .iter()
            .map(|it| {
                let folder = it.file.folder.as_deref().unwrap().to_str().unwrap();
                let lock = it.file.lock_timeout.unwrap().0.as_secs();
                (it.name.as_deref().unwrap(), folder, lock, it.file.out_of_order)
            })
            .collect();
        assert_eq!(seen, [("orders", "db/orders", 3, Some(true)), ("archive", "old", 9, None)]);
    }

    #[test]
    fn one_is_chosen_by_its_name() {
        let one = choose(&file(TWO), Some("archive")).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].file.url_variable.as_deref(), Some("ARCHIVE"));
        let fail = choose(&file(TWO), Some("archiv")).unwrap_err();
        assert_eq!(fail.help_text(), Some("it has: orders, archive"));
        let fail = choose(&file("[service]\n"), Some("orders")).unwrap_err();
        assert!(fail.help_text().unwrap().contains("[defaults.migrate-db.databases.orders]"));
    }

    #[test]
    fn without_tables_there_is_one_database_and_beside_them_no_source_of_all() {
        let one = choose(&file("[defaults.migrate-db]\ndatabase_secret = 's'\n"), None).unwrap();
        assert_eq!((one.len(), one[0].name.as_deref()), (1, None));
        assert_eq!(one[0].file.database_secret.as_deref(), Some("s"));
        let both = TWO.replace("folder = 'db'", "database_secret = 's'");
        let fail = choose(&file(&both), None).unwrap_err();
        assert!(fail.to_string().contains("a database_secret for none of them"), "{fail}");
    }

    #[test]
    fn what_means_one_database_is_refused_for_several() {
        let all = choose(&file(TWO), None).unwrap();
        let fail = refuse_for_several(&all, Some("--folder")).unwrap_err();
        assert!(fail.to_string().contains("(orders, archive), and --folder means one"), "{fail}");
        assert!(refuse_for_several(&all, None).is_ok());
        assert!(refuse_for_several(&all[..1], Some("--folder")).is_ok());
    }

    /// Runs over orders, archive and a third, of which the second fails.
    fn second_fails(is_write: bool) -> Several {
        let text = format!("{TWO}\n[defaults.migrate-db.databases.last]\n");
        let all = choose(&file(&text), None).unwrap();
        let run = async |target: &Target| match target.name.as_deref() {
            Some("archive") => {
                Err(Fail::new(Exit::Unreachable, "it is down").help("start it").into())
            }
            name => Ok(Migrated::new(Outcome::Migrated, name.map(str::to_owned), Vec::new())),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(each(&all, is_write, run))
    }

    #[test]
    fn what_writes_stops_at_the_first_failure_and_says_what_was_not_tried() {
        let several = second_fails(true);
        assert_eq!(several.outcome(), "unreachable");
        let fail = several.verdict().unwrap_err();
        assert_eq!((fail.exit(), fail.help_text()), (Exit::Unreachable, Some("start it")));
        assert_eq!(fail.to_string(), "archive: it is down");
        assert_eq!(
            several.to_string(),
            "orders: orders: migrated\narchive: unreachable\n  it is down\nlast: not tried"
        );
        let json = serde_json::to_value(&several).unwrap();
        assert_eq!(json["databases"][0]["outcome"], "migrated");
        assert_eq!(json["databases"][1]["error"]["message"], "it is down");
        assert_eq!(json["not_tried"], serde_json::json!(["last"]));
    }

    #[test]
    fn what_reads_shows_all_and_still_fails() {
        let several = second_fails(false);
        assert_eq!(several.verdict().unwrap_err().exit(), Exit::Unreachable);
        assert!(several.to_string().ends_with("\nlast: last: migrated"), "{several}");
    }
}
