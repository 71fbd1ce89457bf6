//! `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, with MySQL's own names for the parameters.

use std::fmt;
use std::path::PathBuf;

use mysql_async::OptsBuilder;
use percent_encoding::percent_decode_str;
use step_core::{Fail, Secret};
use url::Url;

use super::{Tls, is_this_machine};
use crate::iam::Iam;

/// How a MySQL or MariaDB is reached.
#[derive(Clone)]
pub(crate) struct MysqlAddress {
    /// Without TLS, which is added when the connection is made.
    pub(crate) options: OptsBuilder,
    pub(crate) host: String,
    port: u16,
    pub(crate) user: String,
    pub(crate) has_password: bool,
    pub(crate) database: String,
    /// None: the connection is not encrypted. Some: it is, and the server's certificate is verified.
    pub(crate) tls: Option<Tls>,
    /// Makes the password before each connecting.
    pub(crate) iam: Option<Iam>,
    shown: String,
}

impl MysqlAddress {
    /// The password of the moment, where it is an IAM token.
    pub(crate) async fn token(&self) -> anyhow::Result<Option<Secret>> {
        let Some(iam) = &self.iam else { return Ok(None) };
        iam.password(&self.host, self.port, &self.user).await.map(Some)
    }
}

impl fmt::Debug for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Display for MysqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

const DEFAULT_PORT: u16 = 3306;

/// Understands a URL, of which the password has been masked.
pub(super) fn parse(url: &str, ca: Option<PathBuf>) -> anyhow::Result<MysqlAddress> {
    // The cause is kept back: it may hold a part of the password.
    let not_understood = || {
        Fail::invalid("the database URL is not understood")
            .help("write mysql://USER:PASSWORD@HOST:PORT/DATABASE, odd characters as %XX")
    };
    let url = Url::parse(url).map_err(|_| not_understood())?;
    let decoded = |text: &str| {
        let text = percent_decode_str(text).decode_utf8().map_err(|_| not_understood())?;
        Ok::<_, Fail>(text.into_owned())
    };
    let host = decoded(url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost"))?;
    let host = host.trim_matches(['[', ']']).to_owned();
    let port = url.port().unwrap_or(DEFAULT_PORT);
    let user = decoded(url.username())?;
    let database = decoded(url.path().trim_start_matches('/'))?;
    if database.is_empty() || database.contains('/') {
        return Err(Fail::invalid("the database URL names no database")
            .help("write mysql://USER:PASSWORD@HOST:PORT/DATABASE")
            .into());
    }
    let password = url.password().map(decoded).transpose()?;
    let _masked = password.as_deref().map(Secret::new);
    let (mut mode, mut ca, mut socket) = (None, ca, None);
    for (key, value) in url.query_pairs() {
        match key.as_ref() {
            "ssl-mode" => mode = Some(value.to_ascii_uppercase()),
            "ssl-ca" => ca = Some(PathBuf::from(value.as_ref())),
            "socket" => socket = Some(value.into_owned()),
            _ => {
                return Err(Fail::invalid("the database URL has a parameter that is not known")
                    .help("mysql:// takes ssl-mode, ssl-ca and socket")
                    .into());
            }
        }
    }
    let is_here = socket.is_some() || is_this_machine(&host);
    let tls = tls(mode.as_deref(), is_here, ca)?;
    let at = socket.clone().unwrap_or_else(|| format!("{host}:{port}"));
    let shown = format!("mysql://{user}@{at}/{database}");
    let options = OptsBuilder::default()
        .ip_or_hostname(host.clone())
        .tcp_port(port)
        .user(Some(user.clone()))
        .pass(password.clone())
        .db_name(Some(database.clone()))
        .socket(socket)
        // Else a server on this machine is asked for its socket and the rest goes there.
        .prefer_socket(false)
        .stmt_cache_size(0);
    let has_password = password.is_some();
    Ok(MysqlAddress { options, host, port, user, has_password, database, tls, iam: None, shown })
}

/// As for PostgreSQL: encrypted and verified, unless the server is this machine or the URL says
/// otherwise.
fn tls(mode: Option<&str>, is_here: bool, ca: Option<PathBuf>) -> Result<Option<Tls>, Fail> {
    match mode {
        Some("DISABLED") => Ok(None),
        Some("REQUIRED" | "VERIFY_IDENTITY") => Ok(Some(Tls { ca })),
        None if is_here && ca.is_none() => Ok(None),
        None => Ok(Some(Tls { ca })),
        Some("PREFERRED" | "VERIFY_CA") => Err(Fail::invalid(
            "this ssl-mode lets anybody stand in for the server",
        )
        .help("write ssl-mode=VERIFY_IDENTITY, or ssl-mode=DISABLED where no TLS is wanted")),
        Some(_) => {
            Err(Fail::invalid("the ssl-mode is not known")
                .help("write VERIFY_IDENTITY or DISABLED"))
        }
    }
}
