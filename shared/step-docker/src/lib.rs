//! What the steps that talk to a Docker Engine share: the connection, and its errors.

use std::time::Duration;

use bollard::{Docker, errors::Error};
use step_core::{Exit, Fail, FailContext, innermost};
use tokio::time::timeout;

/// The options of every step that talks to a Docker Engine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Docker")]
pub struct DockerArgs {
    /// Address of the engine: unix:///PATH, tcp://HOST:PORT or https://HOST:PORT
    #[arg(
        long,
        env = "DOCKER_HOST",
        value_name = "URL",
        default_value = "unix:///var/run/docker.sock"
    )]
    pub docker_host: String,
}

/// Connects to the engine, makes sure that it answers, and agrees on a version of the API.
///
/// # Errors
/// Exit 4: the engine does not answer. Exit 2: the address is not one.
pub async fn connect(args: &DockerArgs) -> anyhow::Result<Docker> {
    let host = &args.docker_host;
    let docker = Docker::connect_with_host(host).or_fail(|| not_reached(host))?;
    let answer = timeout(ANSWER_LIMIT, docker.ping()).await;
    answer
        .or_fail(|| not_reached(host))?
        .map_err(|err| {
            Fail::new(Exit::Unreachable, format!("{}: {}", not_reached(host), plain(&err)))
        })
        .map_err(|fail| fail.help(HOW_TO_GET_ONE))?;
    // The limit counts until the engine begins to answer, which for a build or a push is late.
    docker.with_timeout(WORK_LIMIT).negotiate_version().await.or_fail(|| not_reached(host))
}

/// An error of the engine in its own words.
pub fn plain(err: &Error) -> String {
    match err {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        other => innermost(other),
    }
}

/// Whether the engine says in an error that it could not reach a registry.
pub fn is_network(message: &str) -> bool {
    ["dial tcp", "no such host", "i/o timeout", "connection refused", "TLS handshake timeout"]
        .iter()
        .any(|mark| message.contains(mark))
}

/// Checks the name of an image without its tag, as the distribution specification has it.
///
/// # Errors
/// Exit 2: it is not one.
pub fn check_name(name: &str) -> Result<(), Fail> {
    let is_part = |part: &str| {
        let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_inner = |c: char| is_edge(c) || "._-".contains(c);
        part.starts_with(is_edge) && part.ends_with(is_edge) && part.chars().all(is_inner)
    };
    // The first part may be a host with a port.
    let (host, rest) = name.split_once('/').unwrap_or(("", name));
    let is_host = host.contains(['.', ':']) || host == "localhost";
    let path = if is_host { rest } else { name };
    if path.split('/').all(is_part) {
        return Ok(());
    }
    Err(Fail::invalid(format!("`{name}` is not a name for an image"))
        .help("use lower-case letters and digits, between them . _ - and /"))
}

/// Checks a tag, as the distribution specification has it.
///
/// # Errors
/// Exit 2: it is not one.
pub fn check_tag(tag: &str) -> Result<(), Fail> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_tag = tag.starts_with(is_word) && tag.chars().all(|c| is_word(c) || ".-".contains(c));
    if is_tag && tag.len() <= 128 {
        return Ok(());
    }
    Err(Fail::invalid(format!("`{tag}` is not a tag"))
        .help("use letters, digits, _ . and -, not beginning with . or -, at most 128"))
}

fn not_reached(host: &str) -> Fail {
    Fail::new(Exit::Unreachable, format!("no Docker Engine answers at {host}")).help(HOW_TO_GET_ONE)
}

const HOW_TO_GET_ONE: &str =
    "start Docker, or set DOCKER_HOST; in GitLab CI mount the runner's /var/run/docker.sock";
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const WORK_LIMIT: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tags_are_those_of_the_distribution_specification() {
        for name in ["orders", "team/orders-api", "localhost:5000/a", "host.example.com/a_b/c.d"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "Orders", "a b", "a/", "-a", "host.example.com/A"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for tag in ["latest", "v1.2_3-x", "_"] {
            assert!(check_tag(tag).is_ok(), "{tag}");
        }
        for tag in ["", "a b", "-x", ".x", "a/b"] {
            assert!(check_tag(tag).is_err(), "{tag}");
        }
    }
}
