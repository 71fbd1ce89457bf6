//! Where the database is, out of a URL that holds a password and is therefore never shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use percent_encoding::percent_decode_str;
use step_core::{Fail, Secret};

/// A database, by the scheme of its URL.
#[derive(Debug, Clone)]
pub(crate) enum Address {
    Postgres(Box<PostgresAddress>),
    Sqlite(PathBuf),
}

/// How a PostgreSQL is reached.
#[derive(Clone)]
pub(crate) struct PostgresAddress {
    pub(crate) config: tokio_postgres::Config,
    /// None: the connection is not encrypted. Some: it is, and the server's certificate is verified.
    pub(crate) tls: Option<Tls>,
    shown: String,
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
        let is_postgres = base.starts_with("postgres://") || base.starts_with("postgresql://");
        let is_open = is_postgres && password(base).is_none() && !query.contains("password");
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
    let known = "postgres://USER@HOST/DATABASE or sqlite:PATH";
    match scheme {
        "postgres" | "postgresql" => postgres(url, ca).map(|it| Address::Postgres(Box::new(it))),
        "sqlite" => sqlite(url),
        "mysql" | "mariadb" => Err(Fail::invalid(format!("{scheme} is not supported yet"))
            .help(format!("write {known}"))
            .into()),
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
    if let Some(password) = password(base) {
        // As the server would echo it, beside the form in the URL.
        let _masked = Secret::new(password);
        let _masked = Secret::new(percent_decode_str(password).decode_utf8_lossy());
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
    let base = match kept.as_slice() {
        [] => base.to_owned(),
        kept => format!("{base}?{}", kept.join("&")),
    };
    // The cause is kept back: it names what it does not know, and of a password with an unescaped
    // question mark that would be a part.
    let mut config: tokio_postgres::Config = base.parse().map_err(|_| {
        Fail::invalid("the database URL is not understood")
            .help("write postgres://USER:PASSWORD@HOST:PORT/DATABASE, odd characters as %XX")
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    if config.get_application_name().is_none() {
        config.application_name("landfall migrate-db");
    }
    let tls = tls(&config, mode.as_deref(), ca)?;
    Ok(PostgresAddress { shown: shown(&config), config, tls })
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Encrypted and verified, unless the server is this machine or the URL says otherwise.
fn tls(
    config: &tokio_postgres::Config,
    mode: Option<&str>,
    ca: Option<PathBuf>,
) -> anyhow::Result<Option<Tls>> {
    let is_here = config.get_hosts().iter().all(|host| match host {
        tokio_postgres::config::Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
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
    }

    #[test]
    fn a_url_that_is_wrong_is_refused_without_being_shown() {
        for (url, why) in [
            ("oracle://u:hunter2@h/d", "no database of the scheme `oracle`"),
            ("mysql://u:hunter2@h/d", "mysql is not supported yet"),
            ("u:hunter2@h/d", "has no scheme"),
            ("hunter2", "has no scheme"),
            ("hunter2:x", "has no scheme"),
            ("", "has no scheme"),
            ("postgres://u:hunter2@h:port/d", "is not understood"),
            ("postgres://u:hunter2@h/d?hunter2=1", "is not understood"),
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
                Address::Postgres(_) => panic!("{url}"),
            }
        }
    }
}
