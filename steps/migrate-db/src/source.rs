//! Where the URL of a database comes from, and how it gets here.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use landfall_toml::MigrateDatabase;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use step_core::{Fail, Secret};

use crate::address::{self, Address, Url};
use crate::cloud::Cloud;

/// What flags and variables say of the URL.
#[derive(Debug, Clone, Default)]
pub(crate) struct Given {
    pub(crate) file: Option<PathBuf>,
    pub(crate) secret: Option<String>,
    pub(crate) parameter: Option<String>,
    /// LANDFALL_DATABASE_URL.
    pub(crate) url: Option<Url>,
    /// DATABASE_URL.
    pub(crate) plain_url: Option<Url>,
}

/// Where the URL is.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// It was in a variable that clap reads.
    Given(&'static str, Url),
    File(PathBuf),
    /// In AWS Secrets Manager.
    Secret(String),
    /// In the SSM Parameter Store.
    Parameter(String),
    /// In the variable that landfall.toml names.
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Given(name, _) => f.write_str(name),
            Source::File(path) => write!(f, "the file {}", path.display()),
            Source::Secret(name) => write!(f, "the secret {name}"),
            Source::Parameter(name) => write!(f, "the parameter {name}"),
            Source::Variable(name) => write!(f, "the variable {name}"),
        }
    }
}

impl Given {
    /// The one place where the URL is looked for: what was named for this run, then
    /// LANDFALL_DATABASE_URL, then what landfall.toml names, then DATABASE_URL. That one is the last,
    /// for it is often set for other programs, and must not lead a run elsewhere than landfall.toml.
    ///
    /// # Errors
    /// Exit 2: there is none, or two have the same right.
    pub(crate) fn choose(&self, project: &MigrateDatabase) -> Result<Source, Fail> {
        let named = one_of([
            ("--database-url-file", self.file.clone().map(Source::File)),
            ("--database-secret", self.secret.clone().map(Source::Secret)),
            ("--database-parameter", self.parameter.clone().map(Source::Parameter)),
        ])
        .map_err(|fail| {
            fail.help(
                "leave out one; they may also come from LANDFALL_DATABASE_URL_FILE, \
                 LANDFALL_DATABASE_SECRET and LANDFALL_DATABASE_PARAMETER",
            )
        })?;
        let url = |name, url: &Option<Url>| Some(Source::Given(name, url.clone()?));
        if let Some(source) = named.or_else(|| url("LANDFALL_DATABASE_URL", &self.url)) {
            return Ok(source);
        }
        let project = one_of([
            ("database_secret", project.database_secret.clone().map(Source::Secret)),
            ("database_parameter", project.database_parameter.clone().map(Source::Parameter)),
            ("url_variable", project.url_variable.clone().map(Source::Variable)),
        ])
        .map_err(|fail| fail.help("leave one of them in landfall.toml"))?;
        project.or_else(|| url("DATABASE_URL", &self.plain_url)).ok_or_else(|| {
            Fail::invalid("no database is named").help(
                "set LANDFALL_DATABASE_URL, or name a file, a secret or a parameter with \
                 --database-url-file, --database-secret or --database-parameter; a variable that is \
                 empty counts as none",
            )
        })
    }
}

/// The one that is there.
fn one_of(all: [(&str, Option<Source>); 3]) -> Result<Option<Source>, Fail> {
    let mut found = all.into_iter().filter_map(|(name, source)| Some((name, source?)));
    let first = found.next();
    if let (Some((first, _)), Some((second, _))) = (&first, found.next()) {
        let message = format!("{first} and {second} both say where the database's URL is");
        return Err(Fail::invalid(message));
    }
    Ok(first.map(|(_, source)| source))
}

impl Source {
    /// Fetches the URL and understands it. AWS is asked only when the URL or the password is there.
    ///
    /// # Errors
    /// Exit 2: it is not there or not understood. Exit 4 and 8: AWS does not give it, or the
    /// credentials are those of another account.
    pub(crate) async fn address(
        &self,
        cloud: &Cloud<'_>,
        ca: Option<&Path>,
        iam: bool,
    ) -> anyhow::Result<Address> {
        tracing::debug!("the URL of the database comes from {self}");
        let url = match self {
            Source::Given(_, url) => url.clone(),
            Source::File(path) => address::from_file(path)?,
            Source::Secret(name) => url_of(&cloud.secret(name).await?).context(self.to_string())?,
            Source::Parameter(name) => {
                url_of(&cloud.parameter(name).await?).context(self.to_string())?
            }
            Source::Variable(name) => variable(name)?,
        };
        let address = address::parse(&url, ca).context(self.to_string())?;
        if !iam {
            return Ok(address);
        }
        // What is wrong with the URL is said before AWS is asked.
        address.check_iam().context(self.to_string())?;
        Ok(address.with_iam(cloud.iam().await?))
    }
}

/// The URL in a variable whose name the project chose.
fn variable(name: &str) -> Result<Url, Fail> {
    #[expect(
        clippy::disallowed_methods,
        reason = "clap cannot know a variable whose name stands in landfall.toml"
    )]
    let value = std::env::var(name).unwrap_or_default();
    if value.trim().is_empty() {
        let message = format!("the variable {name}, which landfall.toml names, is not set");
        return Err(Fail::invalid(message).help(format!("set {name} to the URL of the database")));
    }
    Ok(Url::new(&value))
}

/// The URL in a secret or parameter: the text itself, or put together from the JSON of RDS. No
/// message holds a part of the text.
fn url_of(text: &str) -> Result<Url, Fail> {
    if !text.trim_start().starts_with('{') {
        return Ok(Url::new(text));
    }
    let _masked = Secret::new(text);
    let json: Value = serde_json::from_str(text).map_err(|err| {
        let place = format!("line {}, column {}", err.line(), err.column());
        Fail::invalid(format!("the JSON is not well-formed ({place})"))
            .help("write a URL, or the JSON that RDS writes")
    })?;
    let field = |name: &str| match json.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let password = field("password");
    if let Some(password) = &password {
        let _masked = Secret::new(password);
        // As it stands in the JSON.
        let _masked = Secret::new(Value::from(password.as_str()).to_string().trim_matches('"'));
    }
    let needed = ["engine", "host", "username", "dbname"];
    let missing: Vec<&str> = needed.into_iter().filter(|name| field(name).is_none()).collect();
    if !missing.is_empty() {
        let message = format!("the JSON has no `{}`", missing.join("`, `"));
        return Err(Fail::invalid(message).help(
            "add it. The secret that RDS itself manages holds user and password alone and cannot \
             be changed: make one of your own with engine, host, port, username, password and \
             dbname, or use --database-iam",
        ));
    }
    let get = |name: &str| field(name).unwrap_or_default();
    let scheme = match get("engine").as_str() {
        "postgres" | "aurora-postgresql" => "postgres",
        "mysql" | "mariadb" | "aurora" | "aurora-mysql" => "mysql",
        other => {
            return Err(Fail::invalid(format!("the engine `{other}` is not known"))
                .help("it may be postgres, mysql, mariadb, aurora-postgresql or aurora-mysql"));
        }
    };
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let password = password.map(|it| format!(":{}", encoded(&it))).unwrap_or_default();
    let port = field("port").map(|port| format!(":{port}")).unwrap_or_default();
    let (user, host, database) = (encoded(&get("username")), get("host"), encoded(&get("dbname")));
    Ok(Url::new(&format!("{scheme}://{user}{password}@{host}{port}/{database}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(words: &str) -> Given {
        let has = |word: &str| words.split(' ').any(|it| it == word).then(|| word.to_owned());
        Given {
            file: has("--file").map(PathBuf::from),
            secret: has("--secret"),
            parameter: has("--parameter"),
            url: has("LANDFALL").map(|_| Url::new("sqlite:landfall")),
            plain_url: has("PLAIN").map(|_| Url::new("sqlite:plain")),
        }
    }

    fn project(words: &str) -> MigrateDatabase {
        let has = |word: &str| words.split(' ').any(|it| it == word).then(|| word.to_owned());
        MigrateDatabase {
            database_secret: has("secret"),
            database_parameter: has("parameter"),
            url_variable: has("variable"),
            ..MigrateDatabase::default()
        }
    }

    #[test]
    fn what_is_given_for_the_run_wins_over_the_project_and_that_over_the_plain_variable() {
        for (words, of_project, wanted) in [
            ("--file LANDFALL PLAIN", "secret", "the file --file"),
            ("--secret LANDFALL PLAIN", "parameter", "the secret --secret"),
            ("--parameter LANDFALL", "variable", "the parameter --parameter"),
            ("LANDFALL PLAIN", "secret", "LANDFALL_DATABASE_URL"),
            ("PLAIN", "secret", "the secret secret"),
            ("PLAIN", "parameter", "the parameter parameter"),
            ("PLAIN", "variable", "the variable variable"),
            ("PLAIN", "", "DATABASE_URL"),
        ] {
            let source = given(words).choose(&project(of_project)).unwrap();
            assert_eq!(source.to_string(), wanted, "{words} / {of_project}");
        }
    }

    #[test]
    fn two_with_the_same_right_are_named_and_none_says_what_to_do() {
        for (words, of_project, wanted) in [
            ("--file --secret", "", "--database-url-file and --database-secret both say"),
            ("--secret --parameter LANDFALL", "", "--database-secret and --database-parameter"),
            ("PLAIN", "secret variable", "database_secret and url_variable both say"),
            ("", "", "no database is named"),
        ] {
            let fail = given(words).choose(&project(of_project)).unwrap_err();
            assert!(fail.to_string().contains(wanted), "{fail}");
            assert!(fail.help_text().is_some());
        }
    }

    fn shown(text: &str) -> Result<String, String> {
        let url = url_of(text).map_err(|fail| fail.to_string())?;
        let address = address::parse(&url, None).map_err(|err| format!("{err:#}"))?;
        Ok(address.to_string())
    }

    #[test]
    fn the_json_of_rds_becomes_a_url_whatever_stands_in_its_password() {
        for engine in ["postgres", "aurora-postgresql"] {
            let json = format!(
                r#"{{"engine": "{engine}", "host": "db.example.com", "port": 5433, "dbname": "or ders",
                "username": "a:p", "password": "s3cr\"t/@:%?#x", "dbInstanceIdentifier": "db"}}"#
            );
            assert_eq!(shown(&json).unwrap(), "postgres://a:p@db.example.com:5433/or ders");
            let Address::Postgres(address) = address::parse(&url_of(&json).unwrap(), None).unwrap()
            else {
                panic!("{engine}");
            };
            assert_eq!(address.config.get_password(), Some(&br#"s3cr"t/@:%?#x"#[..]));
        }
        assert_eq!(step_core::secret::redact(r#"got s3cr\"t/@:%?#x"#), "got [MASKED]");
        assert_eq!(step_core::secret::redact(r#"got s3cr"t/@:%?#x"#), "got [MASKED]");
        assert_eq!(shown("postgres://app@h/d\n").unwrap(), "postgres://app@h:5432/d");
    }

    #[test]
    fn a_json_that_lacks_something_says_what_and_shows_nothing() {
        for (json, why) in [
            (r#"{"username": "u", "password": "hunter2hunter2"}"#, "`engine`, `host`, `dbname`"),
            (
                r#"{"engine":"oracle","host":"h","username":"u","password":"hunter2hunter2","dbname":"d"}"#,
                "`oracle` is not known",
            ),
            (r#"{"password": hunter2hunter2}"#, "not well-formed (line 1, column 14)"),
        ] {
            let err = shown(json).unwrap_err();
            assert!(err.contains(why), "{err}");
            assert!(!err.contains("hunter2"), "{err}");
        }
    }
}
