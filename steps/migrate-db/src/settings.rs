//! The command line, and what it means together with landfall.toml.

use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, FromArgMatches};
use landfall_toml::{Config, MigrateDb};
use step_aws::AwsArgs;
use step_core::poll::Deadline;
use step_core::{Common, Fail};

use crate::address::{Address, Url};
use crate::check::{self, Engine};
use crate::cloud::Cloud;
use crate::database::Limits;
use crate::databases::{self, Target};
use crate::plan::Wanted;
use crate::source::Given;

/// Bring the schema of a database to what the migrations say.
///
/// Applies the files V1__what_it_does.sql of a folder in the order of their versions, each once and
/// each with its record in one transaction. Takes a lock, so that of several runs at once one
/// works and the others find nothing left to do. The history is refinery's.
///
/// The URL of the database is postgres://USER:PASSWORD@HOST:PORT/DATABASE, the same with mysql:// for
/// MySQL and MariaDB, or sqlite:PATH. It comes from the file, secret or parameter that is named for
/// the run; else from the variable LANDFALL_DATABASE_URL, else from what landfall.toml names, else
/// from DATABASE_URL. A server on another machine is reached by TLS and its certificate is verified,
/// unless the URL says sslmode=disable (MySQL: ssl-mode=DISABLED).
#[derive(Debug, clap::Parser)]
#[command(name = "migrate-db", version, after_long_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Folder of the migrations [landfall.toml: migrate-db.folder] [default: migrations]
    #[arg(long, env = "LANDFALL_MIGRATIONS", value_name = "FOLDER", global = true)]
    folder: Option<PathBuf>,

    /// The database, where landfall.toml has several [default: all, in the order of the file]
    #[arg(long, env = "LANDFALL_DATABASE", value_name = "NAME", global = true)]
    database: Option<String>,

    /// File that holds the database's URL
    #[arg(long, env = "LANDFALL_DATABASE_URL_FILE", value_name = "FILE", global = true)]
    database_url_file: Option<PathBuf>,

    /// Secret of AWS Secrets Manager that holds the URL, or the JSON that RDS writes
    /// [landfall.toml: migrate-db.database_secret]
    #[arg(long, env = "LANDFALL_DATABASE_SECRET", value_name = "NAME_OR_ARN", global = true)]
    database_secret: Option<String>,

    /// Parameter of the SSM Parameter Store that holds the same [landfall.toml:
    /// migrate-db.database_parameter]
    #[arg(long, env = "LANDFALL_DATABASE_PARAMETER", value_name = "NAME", global = true)]
    database_parameter: Option<String>,

    /// The URL has no password: it is an IAM token of RDS [landfall.toml: migrate-db.database_iam]
    #[arg(long, env = "LANDFALL_DATABASE_IAM", value_name = "BOOL", global = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = clap::builder::BoolishValueParser::new())]
    database_iam: Option<bool>,

    /// Certificates (PEM) that the server's is verified with [default: those of the machine and,
    /// for RDS, its own]
    #[arg(long, env = "LANDFALL_DATABASE_CA", value_name = "FILE", global = true)]
    database_ca: Option<PathBuf>,

    /// The last version to apply [default: all]
    #[arg(long, value_name = "VERSION", global = true)]
    target: Option<i64>,

    /// Also apply files below the newest applied version [landfall.toml: migrate-db.out_of_order]
    #[arg(long, global = true)]
    out_of_order: bool,

    /// A folder without migrations is no error
    #[arg(long, global = true)]
    allow_empty: bool,

    /// How long a statement may wait for a lock; then its migration is tried again, 5 times
    /// [landfall.toml: migrate-db.lock_timeout] [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = step_core::duration, global = true)]
    lock_timeout: Option<Duration>,

    /// How long a statement may run [landfall.toml: migrate-db.statement_timeout] [default: what
    /// the database allows]
    #[arg(long, value_name = "TIME", value_parser = step_core::duration, global = true)]
    statement_timeout: Option<Duration>,

    /// How long to wait for another run to end
    #[arg(long, value_name = "TIME", value_parser = step_core::duration, default_value = "10m", global = true)]
    wait_for_lock: Duration,

    /// How long to wait for a database that does not answer yet
    #[arg(long, env = "LANDFALL_WAIT_FOR_DB", value_name = "TIME", value_parser = step_core::duration, default_value = "0s", global = true)]
    wait_for_db: Duration,

    #[command(flatten)]
    url: UrlVariables,

    #[command(flatten)]
    aws: AwsArgs,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What to do; up when nothing is said.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Apply what is pending [the default]
    Up,
    /// Show each migration and its state
    Status {
        /// End with 3 when a migration is pending, with 8 when the history does not fit the files
        #[arg(long)]
        check: bool,
    },
    /// Show what up would do, on a connection that can only read
    Plan,
    /// Check the files before any database sees them: names, order and edits against the target
    /// branch, and statements that are dangerous in PostgreSQL. Needs no database
    Check(check::Options),
    /// Make the history say what the files say: edited files are recorded as they are, deleted ones
    /// are forgotten. Runs no migration
    Repair {
        /// Do it; without this it is only shown, and the exit code is 3 if there is something to do
        #[arg(long)]
        yes: bool,
    },
    /// Record all migrations up to a version as applied, without running them
    Baseline {
        /// The last version that the database already has
        version: i64,
    },
    /// Write an empty migration with the next version
    New {
        /// What it does, in a few words
        name: String,
    },
}

const EXAMPLES: &str = "\
Examples:
  migrate-db --env dev                  apply what is pending
  migrate-db --env dev --dry-run        what would be applied; the same as `migrate-db plan`
  migrate-db status --check             fail when something is pending
  migrate-db --wait-for-db 30s          wait for a database that starts
  migrate-db -e dev --database-secret orders/db   a URL that AWS Secrets Manager keeps
  migrate-db check                      what is wrong with the files; needs no database
  migrate-db baseline 12                adopt a database that has the first 12 already
  migrate-db new \"add users\"            writes migrations/V13__add_users.sql";

/// The variables that hold the URL. They are no flags: what stands on a command line is seen by
/// everybody on the machine, and in the log of the job.
#[derive(Debug, Clone, Default)]
struct UrlVariables([Option<Url>; 2]);

const URL_VARIABLES: [(&str, &str); 2] =
    [("landfall-database-url", "LANDFALL_DATABASE_URL"), ("database-url", "DATABASE_URL")];

impl clap::Args for UrlVariables {
    fn augment_args(command: clap::Command) -> clap::Command {
        URL_VARIABLES.into_iter().fold(command, |command, (id, variable)| {
            let arg = Arg::new(id).long(id).env(variable).hide_env_values(true).hide(true);
            command.arg(arg.value_name("URL"))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for UrlVariables {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut found = [None, None];
        for (found, (id, _)) in found.iter_mut().zip(URL_VARIABLES) {
            *found = matches.get_one::<String>(id).map(|url| Url::new(url));
            if matches.value_source(id) == Some(ValueSource::CommandLine) {
                let why = "the database URL is not taken from the command line, where everybody on \
                           the machine sees it: set LANDFALL_DATABASE_URL, or name a file with \
                           --database-url-file\n";
                return Err(clap::Error::raw(ErrorKind::ArgumentConflict, why));
            }
        }
        Ok(Self(found))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What a run is to do, out of flags, variables and landfall.toml.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) folder: PathBuf,
    pub(crate) allow_empty: bool,
    pub(crate) wanted: Wanted,
    pub(crate) limits: Limits,
    pub(crate) wait_for_lock: Duration,
    pub(crate) wait_for_db: Deadline,
    pub(crate) dry_run: bool,
}

/// How often a migration is tried again that waited too long for a lock.
const RETRIES: u32 = 5;

const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

impl Args {
    /// The databases to work on.
    ///
    /// # Errors
    /// Exit 2: landfall.toml has none of that name, or several where one is meant.
    pub(crate) fn targets(&self, file: &MigrateDb) -> Result<Vec<Target>, Fail> {
        let targets = databases::choose(file, self.database.as_deref())?;
        databases::refuse_for_several(&targets, self.of_one_database())?;
        Ok(targets)
    }

    /// What of the command line and the variables cannot mean several databases.
    fn of_one_database(&self) -> Option<&'static str> {
        let command = match &self.command {
            Some(Command::New { .. }) => Some("new"),
            Some(Command::Baseline { .. }) => Some("baseline"),
            Some(Command::Repair { .. }) => Some("repair"),
            Some(Command::Up | Command::Status { .. } | Command::Plan | Command::Check(_))
            | None => None,
        };
        let given = [
            ("--folder", self.folder.is_some()),
            ("--target", self.target.is_some()),
            ("--database-url-file", self.database_url_file.is_some()),
            ("--database-secret", self.database_secret.is_some()),
            ("--database-parameter", self.database_parameter.is_some()),
            ("LANDFALL_DATABASE_URL", self.url.0[0].is_some()),
        ];
        command.or_else(|| given.into_iter().find(|(_, is_given)| *is_given).map(|(name, _)| name))
    }

    /// The way into AWS, should it be needed.
    pub(crate) fn cloud<'a>(&'a self, config: &'a Config) -> Cloud<'a> {
        Cloud::new(&self.aws, config, &self.common)
    }

    /// What the run is to do with a database.
    pub(crate) fn settings(&self, target: &Target) -> Settings {
        let file = target.file.clone();
        let span = |span: Option<landfall_toml::Span>| span.map(|span| span.0);
        Settings {
            folder: self.folder.clone().or(file.folder).unwrap_or_else(|| "migrations".into()),
            allow_empty: self.allow_empty,
            wanted: Wanted {
                target: self.target,
                out_of_order: self.out_of_order || file.out_of_order.unwrap_or(false),
            },
            limits: Limits {
                lock_timeout: self.lock_timeout.or(span(file.lock_timeout)).or(Some(LOCK_TIMEOUT)),
                statement_timeout: self.statement_timeout.or(span(file.statement_timeout)),
                retries: RETRIES,
            },
            wait_for_lock: self.wait_for_lock,
            wait_for_db: Deadline::after(self.wait_for_db),
            dry_run: self.common.dry_run,
        }
    }

    /// What `check` is to do, for all databases at once.
    pub(crate) fn check(
        &self,
        options: &check::Options,
        file: &MigrateDb,
        targets: &[Target],
    ) -> check::Settings {
        let of_url = || Engine::of_scheme(self.url.0.iter().flatten().next()?.scheme());
        let engine = options.engine.or(file.engine.map(Engine::from)).or_else(of_url);
        let folder = |target: &Target| {
            let settings = self.settings(target);
            check::Folder { path: settings.folder, out_of_order: settings.wanted.out_of_order }
        };
        check::Settings {
            folders: targets.iter().map(folder).collect(),
            allow_empty: self.allow_empty,
            engine: engine.unwrap_or(Engine::Postgres),
            file: file.check.clone(),
            gitlab: self.common.gitlab.clone(),
            options: options.clone(),
        }
    }

    /// Where the database is.
    ///
    /// # Errors
    /// Exit 2: no URL is given, or it is not understood. Exit 4 and 8: AWS does not give it.
    pub(crate) async fn address(
        &self,
        target: &Target,
        cloud: &Cloud<'_>,
    ) -> anyhow::Result<Address> {
        let [url, plain_url] = self.url.0.clone();
        let given = Given {
            file: self.database_url_file.clone(),
            secret: self.database_secret.clone(),
            parameter: self.database_parameter.clone(),
            url,
            plain_url,
        };
        let iam = self.database_iam.or(target.file.database_iam).unwrap_or(false);
        given.choose(&target.file)?.address(cloud, self.database_ca.as_deref(), iam).await
    }
}
