//! `landfall.toml`: one file that says everything about a project's environments.
//!
//! ```toml
//! [service]
//! name = "orders"
//!
//! [defaults]                      # what all environments share
//! region = "eu-central-1"
//! cluster = "apps"
//!
//! [env.dev]                       # what differs
//! account = "111111111111"
//!
//! [env.dev.deploy-fargate]        # a table per step
//! desired_count = 1
//! ```
//!
//! A value comes from the first of: flag, `LANDFALL_*` variable, the environment's table,
//! `[defaults]`, GitLab's own variables. Flags and variables are the steps' business; this crate
//! answers what the file says. Paths are relative to the folder in which the step runs.
//!
//! A key that no step knows is an error, for a typing error in `account` must not switch off the
//! account guard.

mod model;
mod parse;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use step_core::{Common, Fail};

pub use model::{
    AccountId, BuildImage, Busy, ChangeLevel, CodeDeploy, Collisions, DeployFargate, DeployStack,
    Engine, EnvValue, Environment, FargateContainer, FargateService, GenOpenapi,
    LambdaArchitecture, LambdaCheck, LambdaConfiguration, LambdaFunction, LambdaLayer,
    LambdaTracing, Landfall, Level, LintCheck, LinterFormat, LinterSettings, MigrateDatabase,
    MigrateDb, MigrateDbCheck, OnFail, OnPause, OpenapiDiff, OpenapiLint, OpenapiSource, PushEcr,
    Service, SmokeTest, Span, UploadLambda,
};
pub use parse::{nearest, parse};

/// The file that is read when no other is named.
pub const DEFAULT_FILE: &str = "landfall.toml";

/// A project's configuration: the file, or nothing when the project has none.
#[derive(Debug, Default)]
pub struct Config {
    path: PathBuf,
    text: String,
    document: Landfall,
    tables: toml::Table,
}

impl Config {
    /// Reads the file that `--config` names, or `landfall.toml` if it exists.
    ///
    /// # Errors
    /// Exit 2: the named file is missing, or the content is wrong (each place is listed with line
    /// and column).
    pub fn load(common: &Common) -> anyhow::Result<Self> {
        let path = common.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(err) if common.config.is_none() && err.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(err) => {
                let help = match err.kind() {
                    std::io::ErrorKind::NotFound => "name an existing file with --config",
                    std::io::ErrorKind::InvalidData => "save it as UTF-8",
                    _ => "check who may read it",
                };
                let message = format!("cannot read {}: {err}", path.display());
                return Err(Fail::invalid(message).help(help).into());
            }
        };
        Self::from_text(path, &text)
    }

    /// Parses the content of a configuration file; `path` is for messages.
    ///
    /// # Errors
    /// Exit 2, each wrong place listed with line and column.
    pub fn from_text(path: &Path, text: &str) -> anyhow::Result<Self> {
        let document = parse(path, text)?;
        let tables = text.parse().map_err(|err| Fail::invalid(format!("{err}")))?;
        Ok(Self { path: path.to_owned(), text: text.to_owned(), document, tables })
    }

    /// Where a setting of the environment stands, as `file:line:column`, for messages: in its own table or
    /// in `[defaults]`. As far as its keys are found.
    pub fn place(&self, common: &Common, keys: &[&str]) -> String {
        let own = common.environment().map(|name| vec!["env", name]);
        let tables = std::iter::once(vec!["defaults"]).chain(own);
        let found = tables.filter_map(|table| {
            let place = parse::place(&self.text, &[&table[..], keys].concat())?;
            Some((place.depth.checked_sub(table.len()).filter(|depth| *depth > 0)?, place))
        });
        // The table that has most of the keys is the one that is meant; of two the environment's.
        let path = self.path.display();
        match found.max_by_key(|(depth, _)| *depth) {
            Some((_, place)) => format!("{path}:{}:{}", place.line, place.column),
            None => path.to_string(),
        }
    }

    /// What the file says of the service.
    pub fn service(&self) -> &Service {
        &self.document.service
    }

    /// What the file says of the environment that the user named (`--env`, `LANDFALL_ENV`, the
    /// GitLab job's environment), on top of `[defaults]`. Without a name: `[defaults]` alone.
    ///
    /// # Errors
    /// Exit 2: the file knows no such environment, or it knows some and none was named although
    /// the step `needs` one.
    pub fn environment(&self, common: &Common, needs: Needs) -> anyhow::Result<Environment> {
        let known = || {
            let names: Vec<&str> = self.document.env.keys().map(String::as_str).collect();
            names.join(", ")
        };
        let Some(name) = common.environment() else {
            if needs == Needs::Environment && !self.document.env.is_empty() {
                let message =
                    format!("no environment was named; {} has: {}", self.path.display(), known());
                return Err(Fail::invalid(message)
                    .help("choose one with --env NAME or LANDFALL_ENV")
                    .into());
            }
            return Ok(self.document.defaults.clone());
        };
        if !self.document.env.contains_key(name) && !self.document.env.is_empty() {
            let near = parse::nearest(name, self.document.env.keys().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
            let message = format!("{} has no environment `{name}`{near}", self.path.display());
            return Err(Fail::invalid(message).help(format!("it has: {}", known())).into());
        }
        let mut merged = table(&self.tables, &["defaults"]);
        merge(&mut merged, table(&self.tables, &["env", name]));
        Ok(Environment::deserialize(merged)?)
    }
}

/// Whether a step can do without an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The step acts on one environment.
    Environment,
    /// The step is the same for all environments, as building an image is.
    Nothing,
}

/// The JSON Schema of `landfall.toml`, for editors.
///
/// # Errors
/// None in practice: a schema is plain data.
pub fn schema() -> serde_json::Result<String> {
    let schema = schemars::schema_for!(Landfall);
    Ok(serde_json::to_string_pretty(&schema)? + "\n")
}

fn table(tables: &toml::Table, path: &[&str]) -> toml::Table {
    path.iter()
        .try_fold(tables, |table, key| table.get(*key)?.as_table())
        .cloned()
        .unwrap_or_default()
}

/// Lays `upper` over `lower`: tables are merged, everything else is replaced.
fn merge(lower: &mut toml::Table, upper: toml::Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(toml::Value::Table(lower)), toml::Value::Table(upper)) => merge(lower, upper),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        common: Common,
    }

    fn common(args: &[&str]) -> Common {
        Cli::parse_from([&["step"], args].concat()).common
    }

    fn config(text: &str) -> Config {
        Config::from_text(Path::new("landfall.toml"), text).unwrap()
    }

    fn error(text: &str) -> String {
        let err = Config::from_text(Path::new("landfall.toml"), text).unwrap_err();
        assert_eq!(Fail::of(&err).unwrap().exit(), step_core::Exit::Invalid);
        err.to_string()
    }

    const TWO: &str = r#"
        [defaults]
        region = "eu-central-1"
        cluster = "apps"
        [defaults.deploy-stack.parameters]
        Size = "small"
        Zone = "a"
        [env.dev]
        account = "111111111111"
        [env.prod]
        account = "333333333333"
        cluster = "apps-prod"
        [env.prod.deploy-stack.parameters]
        Size = "large"
    "#;

    #[test]
    fn the_place_of_a_setting_is_the_one_that_counts() {
        let text = "[defaults.lint-check]\nexclude = []\ntimeout = \"1m\"\n\
                    [env.dev.lint-check]\nexclude = [\"a\"]\n";
        let place = |args: &[&str], keys: &[&str]| {
            config(text).place(&common(args), &[&["lint-check"], keys].concat())
        };
        assert_eq!(place(&[], &["exclude"]), "landfall.toml:2:1");
        assert_eq!(place(&["--env=dev"], &["exclude"]), "landfall.toml:5:1");
        assert_eq!(place(&["--env=dev"], &["timeout"]), "landfall.toml:3:1");
        // As far as it is known.
        assert_eq!(place(&[], &["baseline"]), "landfall.toml:1:11");
        assert_eq!(config("").place(&common(&[]), &["exclude"]), "landfall.toml");
    }

    #[test]
    fn an_environment_lies_over_the_defaults_key_by_key() {
        let prod =
            config(TWO).environment(&common(&["--env", "prod"]), Needs::Environment).unwrap();
        assert_eq!(prod.cluster.as_deref(), Some("apps-prod"));
        assert_eq!(prod.region.as_deref(), Some("eu-central-1"));
        assert_eq!(prod.deploy_stack.parameters["Size"], "large");
        assert_eq!(prod.deploy_stack.parameters["Zone"], "a");
    }

    #[test]
    fn databases_keep_the_order_of_the_file_and_are_merged_by_name() {
        let text = "[defaults.migrate-db.databases.zoo]\nfolder = \"a\"\n\
                    [defaults.migrate-db.databases.app]\n\
                    [env.dev.migrate-db.databases.app]\nurl_variable = \"APP\"\n\
                    [env.dev.migrate-db.databases.late]\n";
        let dev = config(text).environment(&common(&["-e", "dev"]), Needs::Environment).unwrap();
        let databases = dev.migrate_db.databases;
        assert_eq!(databases.keys().collect::<Vec<_>>(), ["zoo", "app", "late"]);
        assert_eq!(databases["app"].url_variable.as_deref(), Some("APP"));
        assert!(error("[env.dev.migrate-db.databases.a]\nurl = \"x\"").contains("url_variable"));
    }

    #[test]
    fn the_job_environment_of_gitlab_is_the_last_resort() {
        let common = common(&["--ci-environment-name", "dev"]);
        let dev = config(TWO).environment(&common, Needs::Environment).unwrap();
        assert_eq!(dev.account.unwrap().as_str(), "111111111111");
    }

    #[test]
    fn an_unknown_environment_lists_the_known_ones() {
        let err = config(TWO).environment(&common(&["-e", "prd"]), Needs::Environment).unwrap_err();
        assert_eq!(err.to_string(), "landfall.toml has no environment `prd` (did you mean prod?)");
        assert_eq!(Fail::of(&err).unwrap().help_text(), Some("it has: dev, prod"));
    }

    #[test]
    fn a_step_that_needs_an_environment_asks_for_one() {
        let config = config(TWO);
        assert!(config.environment(&common(&[]), Needs::Environment).is_err());
        let shared = config.environment(&common(&[]), Needs::Nothing).unwrap();
        assert_eq!(shared.cluster.as_deref(), Some("apps"));
    }

    #[test]
    fn unknown_keys_are_all_listed_with_their_place_and_the_nearest_name() {
        let text = "[service]\nnme = \"x\"\n\n[env.dev]\nacount = \"1\"\n[env.dev.deploy-fargat]\n";
        assert_eq!(
            error(text),
            "landfall.toml:2:1: unknown key `nme` in [service]; did you mean `name`?\n\
             landfall.toml:5:1: unknown key `acount` in [env.dev]; did you mean `account`?\n\
             landfall.toml:6:10: unknown key `deploy-fargat` in [env.dev]; did you mean `deploy-fargate`?"
        );
    }

    #[test]
    fn a_wrong_value_is_shown_with_its_place() {
        assert_eq!(
            error("[env.dev]\naccount = \"12\"\n"),
            "landfall.toml:2:11: `12` is not an AWS account: it has 12 digits"
        );
        assert_eq!(
            error("[env.dev]\naccount = 111111111111\n"),
            "landfall.toml:2:11: invalid type: integer `111111111111`, expected an account: 12 digits in quotes"
        );
        assert!(error("[env.dev]\nregion = 5\n").starts_with("landfall.toml:2:10: invalid type"));
        assert!(error("[env.dev\n").starts_with("landfall.toml:1:9: "));
        assert_eq!(
            error("[defaults.gen-openapi]\nservers = \"https://a\"\n"),
            "landfall.toml:2:11: invalid type: string \"https://a\", expected a list, as [\"a\", \"b\"]"
        );
        assert_eq!(
            error("[defaults.gen-openapi]\nsources = [\"a.yaml\"]\n"),
            "landfall.toml:2:11: invalid type: list, expected a table"
        );
    }

    #[test]
    fn durations_are_written_as_people_write_them() {
        let text = "[defaults.deploy-fargate]\ntimeout = \"15m\"\n";
        let timeout = config(text).document.defaults.deploy_fargate.timeout.unwrap();
        assert_eq!(timeout.0.as_secs(), 900);
        let wrong = error("[defaults.deploy-fargate]\ntimeout = \"soon\"\n");
        assert!(wrong.starts_with("landfall.toml:2:11: "), "{wrong}");
    }

    #[test]
    fn a_project_without_a_file_has_an_empty_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("landfall.toml");
        let err = Config::load(&common(&["--config", missing.to_str().unwrap()])).unwrap_err();
        assert!(err.to_string().contains("landfall.toml"));
        let none = Config::default().environment(&common(&["-e", "dev"]), Needs::Environment);
        assert_eq!(none.unwrap(), Environment::default());
    }
}
