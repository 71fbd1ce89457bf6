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

fn not_reached(host: &str) -> Fail {
    Fail::new(Exit::Unreachable, format!("no Docker Engine answers at {host}")).help(HOW_TO_GET_ONE)
}

const HOW_TO_GET_ONE: &str =
    "start Docker, or set DOCKER_HOST; in GitLab CI mount the runner's /var/run/docker.sock";
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const WORK_LIMIT: Duration = Duration::from_secs(3600);
