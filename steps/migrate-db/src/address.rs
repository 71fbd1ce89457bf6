//! Where the database is, out of a URL that holds a password and is therefore never shown.

mod mysql;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use percent_encoding::percent_decode_str;
use step_core::{Fail, Secret};

use crate::iam::Iam;
pub(crate) use mysql::MysqlAddress;

/// A database, by the scheme of its URL.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Postgres(Box<PostgresAddress>),
    /// Also MariaDB.
    Mysql(Box<MysqlAddress>),
    Sqlite(PathBuf),
}

/// How a PostgreSQL is reached.
#[derive(Clone)]
pub(crate) struct PostgresAddress {
    pub(crate) config: tokio_postgres::Config,
    /// None: the connection is not encrypted. Some: it is, and the server's certificate is verified.
    pub(crate) tls: Option<Tls>,
    /// Makes the password before each connecting.
    pub(crate) iam: Option<Iam>,
    shown: String,
}

impl PostgresAddress {
    /// The password of the moment, where it is an IAM token.
    pub(crate) async fn token(&self) -> anyhow::Result<Option<Secret>> {
        let Some(iam) = &self.iam else { return Ok(None) };
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        let user = self.config.get_user().unwrap_or_default();
        iam.password(self.hosts().next().unwrap_or_default(), port, user).await.map(Some)
    }

    /// The names of the servers.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.config.get_hosts().iter().filter_map(|host| match host {
            tokio_postgres::config::Host::Tcp(name) => Some(name.as_str()),
            tokio_postgres::config::Host::Unix(_) => None,
        })
    }
}

impl Address {
    /// Makes sure that the URL is one for an IAM token.
    ///
    /// # Errors
    /// Exit 2: says what is wrong with it.
    pub(crate) fn check_iam(&self) -> Result<(), Fail> {
        let wrong = |why: &str, help: &str| {
            Err(Fail::invalid(format!("an IAM token cannot be used: {why}")).help(help))
        };
        let (has_password, has_user, hosts, has_tls) = match self {
            Address::Postgres(it) => (
                it.config.get_password().is_some(),
                it.config.get_user().is_some(),
                it.hosts().count(),
                it.tls.is_some(),
            ),
            Address::Mysql(it) => (it.has_password, !it.user.is_empty(), 1, it.tls.is_some()),
            Address::Sqlite(_) => {
                let help = "set --database-iam=false for it";
                return wrong("the database is a SQLite file", help);
            }
        };
        let form = "write SCHEME://USER@HOST/DATABASE";
        if has_password {
            return wrong("the URL holds a password", form);
        }
        if !has_user {
            return wrong("the URL names no user", form);
        }
        if hosts != 1 {
            return wrong("the URL names several hosts", form);
        }
        if !has_tls {
            return wrong(
                "only TLS may carry it",
                "write sslmode=verify-full (MySQL: ssl-mode=VERIFY_IDENTITY) in the URL",
            );
        }
        Ok(())
    }

    /// The same, with a password that is made before each connecting.
    pub(crate) fn with_iam(self, iam: Iam) -> Self {
        match self {
            Address::Postgres(address) => {
                Address::Postgres(Box::new(PostgresAddress { iam: Some(iam), ..*address }))
            }
            Address::Mysql(address) => {
                let mut address = address;
                address.iam = Some(iam);
                Address::Mysql(address)
            }
            Address::Sqlite(path) => Address::Sqlite(path),
        }
    }
}

/// What the server's certificate is verified with.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    /// A file of certificates; none: those that the machine trusts.
    pub(crate) ca: Option<PathBuf>,
}

impl fmt::Debug for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Postgres(address) => f.write_str(&address.shown),
            Address::Mysql(address) => write!(f, "{address}"),
            Address::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

/// The URL of a database, as it was given. It is a secret, unless it evidently holds none: the path
/// of a SQLite file may be shown.
#[derive(Clone)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn new(text: &str) -> Self {
        let text = text.trim();
        let (base, query) = text.split_once('?').unwrap_or((text, ""));
        let is_known = ["postgres", "postgresql", "mysql", "mariadb"]
            .iter()
            .any(|scheme| base.strip_prefix(scheme).is_some_and(|rest| rest.starts_with("://")));
        let is_open = is_known
            && password(base).is_none()
            && !query.contains("password")
            && !query.contains('@');
        if !is_open && !text.starts_with("sqlite:") {
            let _masked = Secret::new(text);
        }
        Self(text.to_owned())
    }

    /// What stands before the first colon.
    pub(crate) fn scheme(&self) -> &str {
        self.0.split_once(':').map_or("", |(scheme, _)| scheme)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(step_core::secret::MASK)
    }
}

/// Reads the URL from a file, without the line break at its end.
pub(crate) fn from_file(path: &Path) -> anyhow::Result<Url> {
    let text = std::fs::read_to_string(path)
        .map_err(|err| Fail::invalid(format!("read {}: {err}", path.display())))
        .context("--database-url-file")?;
    Ok(Url::new(&text))
}

/// Understands a URL. No message holds a part of it but scheme, host, port, user and database.
///
/// # Errors
/// Exit 2: the scheme is not known, or the URL is not one.
pub(crate) fn parse(url: &Url, ca: Option<&Path>) -> anyhow::Result<Address> {
    let url = url.0.as_str();
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    let known = "postgres://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or sqlite:PATH";
    match scheme {
        "postgres" | "postgresql" => postgres(url, ca).map(|it| Address::Postgres(Box::new(it))),
        "sqlite" => sqlite(url),
        "mysql" | "mariadb" => {
            mask_password(url);
            mysql::parse(url, ca.map(Path::to_owned)).map(|it| Address::Mysql(Box::new(it)))
        }
        // What stands before the first colon may be a password as well: it is shown only when it
        // has the shape of a scheme and `://` follows.
        _ if !scheme.is_empty()
            && url[scheme.len()..].starts_with("://")
            && scheme.bytes().all(|byte| byte.is_ascii_lowercase()) =>
        {
            Err(Fail::invalid(format!("there is no database of the scheme `{scheme}`"))
                .help(format!("write {known}"))
                .into())
        }
        _ if is_placeholder(url) => Err(Fail::invalid(
            "the database URL is the name of a variable, after a $, and not its value",
        )
        .help(
            "GitLab leaves it so where the variable is not there: a protected one is only on \
             protected branches, and one may be for another environment",
        )
        .into()),
        _ => Err(Fail::invalid("the database URL has no scheme")
            .help(format!("write {known}"))
            .into()),
    }
}

fn sqlite(url: &str) -> anyhow::Result<Address> {
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path == ":memory:" {
        return Err(Fail::invalid("a SQLite database is a file: sqlite:PATH").into());
    }
    if path.contains('?') {
        return Err(Fail::invalid("a SQLite URL takes no parameters: sqlite:PATH").into());
    }
    let path = percent_decode_str(path).decode_utf8().context("the path of the SQLite URL")?;
    Ok(Address::Sqlite(PathBuf::from(path.as_ref())))
}

fn postgres(url: &str, ca: Option<&Path>) -> anyhow::Result<PostgresAddress> {
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    // A question mark in the password moves the rest of it behind it.
    mask_password(if base.contains('@') { base } else { url });
    // The host begins after the first: the rest of the password would be a part of it, and be shown.
    if base.matches('@').nth(1).is_some() {
        return Err(Fail::invalid("the database URL has more than one @")
            .help("write one that belongs to the user or the password as %40")
            .into());
    }
    let mut mode = None;
    let mut ca = ca.map(Path::to_owned);
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match key {
            "sslmode" => mode = Some(value.into_owned()),
            "sslrootcert" => ca = Some(PathBuf::from(value.as_ref())),
            "password" => {
                let _masked = Secret::new(value);
                kept.push(pair);
            }
            _ => kept.push(pair),
        }
    }
    let whole = match kept.as_slice() {
        [] => base.to_owned(),
        kept => format!("{base}?{}", kept.join("&")),
    };
    // The cause is kept back: it names what it does not know, and of a password with an unescaped
    // question mark that would be a part.
    let mut config: tokio_postgres::Config = whole.parse().map_err(|_| {
        if !kept.is_empty() && base.parse::<tokio_postgres::Config>().is_ok() {
            Fail::invalid(
                "the database URL has a parameter that is not known, or a value that it cannot have",
            )
            .help(
                "postgres:// takes sslmode, sslrootcert, connect_timeout, application_name, options, \
                 target_session_attrs and keepalives, among others",
            )
        } else {
            Fail::invalid("the database URL is not understood")
                .help("write postgres://USER:PASSWORD@HOST:PORT/DATABASE, odd characters as %XX")
        }
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(Fail::invalid("the database URL names no host")
            .help("write postgres://USER:PASSWORD@HOST:PORT/DATABASE")
            .into());
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name("landfall migrate-db");
    }
    let tls = tls(&config, mode.as_deref(), ca)?;
    Ok(PostgresAddress { shown: shown(&config), config, tls, iam: None })
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Encrypted and verified, unless the server is this machine or the URL says otherwise.
fn tls(
    config: &tokio_postgres::Config,
    mode: Option<&str>,
    ca: Option<PathBuf>,
) -> anyhow::Result<Option<Tls>> {
    let is_here = config.get_hosts().iter().all(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => is_this_machine(name),
        tokio_postgres::config::Host::Unix(_) => true,
    });
    match mode {
        Some("disable") => Ok(None),
        Some("require" | "verify-full") => Ok(Some(Tls { ca })),
        None if is_here && ca.is_none() => Ok(None),
        None => Ok(Some(Tls { ca })),
        Some("allow" | "prefer" | "verify-ca") => {
            Err(Fail::invalid("this sslmode lets anybody stand in for the server")
                .help("write sslmode=verify-full, or sslmode=disable where no TLS is wanted")
                .into())
        }
        Some(_) => Err(Fail::invalid("the sslmode is not known")
            .help("write verify-full or disable")
            .into()),
    }
}

/// `$NAME` or `${NAME}`.
fn is_placeholder(url: &str) -> bool {
    let name = url.strip_prefix('$').unwrap_or_default();
    let name = name.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(name);
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Masks the password of a URL, also as the server would echo it.
fn mask_password(url: &str) {
    if let Some(password) = password(url) {
        let _masked = Secret::new(password);
        let _masked = Secret::new(percent_decode_str(password).decode_utf8_lossy());
    }
}

/// Whether a host is this machine, to which nobody can get in between.
fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// The password in `scheme://user:password@host/database`.
fn password(base: &str) -> Option<&str> {
    let (_, rest) = base.split_once("://")?;
    let (user, _) = rest.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    Some(password).filter(|password| !password.is_empty())
}

fn shown(config: &tokio_postgres::Config) -> String {
    let hosts = config.get_hosts().iter().enumerate().map(|(at, host)| {
        let ports = config.get_ports();
        let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
        match host {
            tokio_postgres::config::Host::Tcp(name) => format!("{name}:{port}"),
            tokio_postgres::config::Host::Unix(path) => path.display().to_string(),
        }
    });
    let hosts: Vec<String> = hosts.collect();
    let user = config.get_user().map(|user| format!("{user}@")).unwrap_or_default();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgres://{user}{}/{database}", hosts.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> Result<Address, String> {
        parse(&Url::new(url), None).map_err(|err| format!("{err:#} {:?}", Fail::of(&err)))
    }

    #[test]
    fn a_password_is_in_no_form_of_an_address() {
        let address = of("postgres://app:s3cr%2Ft@db.example.com:5433/orders").unwrap();
        assert_eq!(address.to_string(), "postgres://app@db.example.com:5433/orders");
        assert!(!format!("{address:?}").contains("s3cr"));
        let address = of("mysql://app:s3cr%2Ft@db.example.com/orders").unwrap();
        assert_eq!(address.to_string(), "mysql://app@db.example.com:3306/orders");
        assert!(!format!("{address:?}").contains("s3cr"));
    }

    #[test]
    fn a_url_that_is_wrong_is_refused_without_being_shown() {
        for (url, why) in [
            ("oracle://u:hunter2@h/d", "no database of the scheme `oracle`"),
            ("mysql://u:hunter2@h", "names no database"),
            ("mysql://u:hunter2@h:port/d", "is not understood"),
            ("mysql://u:hunter2@h/d?hunter2=1", "a parameter that is not known"),
            ("mysql://u:hunter2@h/d?ssl-mode=preferred", "lets anybody stand in"),
            ("mariadb://u:hunter2@h/d?ssl-mode=hunter2", "ssl-mode is not known"),
            ("u:hunter2@h/d", "has no scheme"),
            ("hunter2", "has no scheme"),
            ("hunter2:x", "has no scheme"),
            ("", "has no scheme"),
            ("$hunter2", "is the name of a variable"),
            ("${hunter2}", "is the name of a variable"),
            ("$hunter2:x", "has no scheme"),
            ("postgres://u:hunter2@h:port/d", "is not understood"),
            ("postgres://u:hunter2@h/d?hunter2=1", "a parameter that is not known"),
            ("postgres://u:hunter2@h/d?connect_timeout=hunter2", "a value that it cannot have"),
            ("postgres://u:p@hunter2@h/d", "more than one @"),
            ("postgres://u:hunter2@/d", "names no host"),
            ("postgres://u:hunter2@h/d?sslmode=prefer", "lets anybody stand in"),
            ("postgres://u:hunter2@h/d?sslmode=hunter2", "sslmode is not known"),
            ("sqlite:", "is a file"),
            ("sqlite::memory:", "is a file"),
        ] {
            let err = of(url).unwrap_err();
            assert!(err.contains(why), "{url}: {err}");
            assert!(!err.contains("hunter2"), "{url}: {err}");
        }
    }

    #[test]
    fn a_server_elsewhere_is_verified_unless_the_url_says_otherwise() {
        let tls = |url: &str| match of(url).unwrap() {
            Address::Postgres(address) => address.tls.map(|tls| tls.ca),
            Address::Mysql(address) => address.tls.map(|tls| tls.ca),
            Address::Sqlite(_) => panic!("{url}"),
        };
        assert_eq!(tls("postgres://u@127.0.0.1/d"), None);
        assert_eq!(tls("postgres://u@localhost/d"), None);
        assert_eq!(tls("postgres://u@db.example.com/d"), Some(None));
        assert_eq!(tls("postgres://u@db.example.com/d?sslmode=disable"), None);
        assert_eq!(
            tls("postgres://u@localhost/d?sslmode=verify-full&sslrootcert=ca.pem"),
            Some(Some("ca.pem".into()))
        );
        assert_eq!(tls("mysql://u@localhost/d"), None);
        assert_eq!(tls("mysql://u@db.example.com/d"), Some(None));
        assert_eq!(tls("mysql://u@db.example.com/d?ssl-mode=disabled"), None);
        assert_eq!(
            tls("mysql://u@localhost/d?ssl-mode=VERIFY_IDENTITY&ssl-ca=ca.pem"),
            Some(Some("ca.pem".into()))
        );
    }

    #[test]
    fn an_iam_token_needs_tls_a_user_and_no_password() {
        for (url, why) in [
            ("postgres://app@db.example.com/d", None),
            ("postgres://app@localhost/d?sslmode=verify-full", None),
            ("postgres://app@localhost/d", Some("only TLS may carry it")),
            ("postgres://app@h/d?sslmode=disable", Some("only TLS may carry it")),
            ("postgres://app:hunter2@h/d", Some("holds a password")),
            ("postgres://h/d", Some("names no user")),
            ("postgres://app@a,b/d", Some("several hosts")),
            ("mysql://app@db.example.com/d", None),
            ("mysql://app@localhost/d", Some("only TLS may carry it")),
            ("mysql://app:hunter2@h/d", Some("holds a password")),
            ("mysql://h/d", Some("names no user")),
            ("sqlite:app.db", Some("a SQLite file")),
        ] {
            let checked = of(url).unwrap().check_iam().map_err(|fail| fail.to_string());
            let said = checked.err();
            assert_eq!(said.is_some(), why.is_some(), "{url}: {said:?}");
            assert!(said.unwrap_or_default().contains(why.unwrap_or_default()), "{url}");
        }
    }

    #[test]
    fn a_sqlite_path_is_taken_in_both_spellings() {
        for (url, path) in [
            ("sqlite:app.db", "app.db"),
            ("sqlite://app.db", "app.db"),
            ("sqlite:///var/app.db", "/var/app.db"),
            ("sqlite:/var/a%20b.db", "/var/a b.db"),
        ] {
            match of(url).unwrap() {
                Address::Sqlite(found) => assert_eq!(found, Path::new(path), "{url}"),
                _ => panic!("{url}"),
            }
        }
    }
}
