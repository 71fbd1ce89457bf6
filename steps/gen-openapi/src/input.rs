//! What a description is read from: a file, standard input, an address, or a commit of git.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use step_core::process::Process;
use step_core::{Exit, Fail, innermost};
use tokio::io::AsyncReadExt;
use url::Url;

/// How large a document may be, in bytes. The largest public descriptions have 12 MB.
pub(crate) const MAX_SIZE: usize = 64 * 1024 * 1024;

/// How long an address may take to answer.
const FETCH_LIMIT: Duration = Duration::from_secs(30);

/// What a description is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Input {
    File(PathBuf),
    Stdin,
    Url(Url),
    /// A file as it is in a commit; the path is relative to the root of the repository.
    Git {
        /// A folder of the repository; empty: the current one.
        folder: PathBuf,
        revision: String,
        path: String,
    },
}

impl FromStr for Input {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Input::Stdin);
        }
        if let Some(rest) = text.strip_prefix("git:") {
            let (revision, path) = rest
                .split_once(':')
                .filter(|(revision, path)| !revision.is_empty() && !path.is_empty())
                .ok_or("write it as git:REVISION:PATH, as in git:origin/main:api/openapi.yaml")?;
            let path = path.strip_prefix("./").unwrap_or(path);
            let (folder, revision) = (PathBuf::new(), revision.to_owned());
            return Ok(Input::Git { folder, revision, path: path.to_owned() });
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return text.parse().map(Input::Url).map_err(|err| format!("not a URL: {err}"));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(format!("{scheme}:// is not read, only http:// and https:// are"));
        }
        if text.is_empty() {
            return Err("name a file, - for standard input, a URL, or git:REVISION:PATH".to_owned());
        }
        Ok(Input::File(text.into()))
    }
}

/// As it is written on the command line.
impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::File(path) => write!(f, "{}", path.display()),
            Input::Stdin => f.write_str("-"),
            Input::Url(url) => f.write_str(url.as_str()),
            Input::Git { revision, path, .. } => write!(f, "git:{revision}:{path}"),
        }
    }
}

impl Input {
    /// Reads all of it.
    ///
    /// # Errors
    /// Exit 2: there is no such file or commit, or it is larger than [`MAX_SIZE`]. Exit 4: the address
    /// does not answer, or not with 200, or git is not installed. Exit 5: it takes too long.
    pub(crate) async fn read(&self) -> anyhow::Result<Vec<u8>> {
        let bytes =
            match self {
                Input::File(path) => match read_file(path).await {
                    Ok(bytes) => bytes,
                    Err(err) => return Err(unreadable(path, &err).into()),
                },
                Input::Stdin => {
                    let mut bytes = Vec::new();
                    let mut stdin = tokio::io::stdin().take(MAX_SIZE as u64 + 1);
                    stdin.read_to_end(&mut bytes).await.context("read standard input")?;
                    bytes
                }
                Input::Url(url) => fetch(url).await?,
                Input::Git { folder, revision, path } => {
                    let object = format!("{revision}:{path}");
                    let args = ["cat-file", "blob", "--end-of-options", &object];
                    let git = Process::new("git", args).at_most(MAX_SIZE);
                    let git = if folder.as_os_str().is_empty() { git } else { git.folder(folder) };
                    git.bytes().await.map_err(|err| {
                        let fail = Fail::invalid(format!("git has no file {path} in {revision}"));
                        refused(err, fail.help(
                        "fetch the commit, and write the path from the root of the repository",
                    ))
                    })?
                }
            };
        if bytes.len() > MAX_SIZE {
            let limit = MAX_SIZE / 1024 / 1024;
            return Err(Fail::invalid(format!("{self} is larger than {limit} MB")).into());
        }
        Ok(bytes)
    }
}

fn unreadable(path: &Path, err: &std::io::Error) -> Fail {
    let help = match err.kind() {
        ErrorKind::NotFound => {
            "name a file that is there; without a name it is `file` of landfall.toml, or openapi.json"
        }
        ErrorKind::IsADirectory => "name a file in it",
        _ => "make sure that it is a file that you may read",
    };
    Fail::invalid(format!("{} cannot be read: {err}", path.display())).help(help)
}

async fn read_file(path: &PathBuf) -> std::io::Result<Vec<u8>> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn fetch(url: &Url) -> anyhow::Result<Vec<u8>> {
    let unreachable = |why: String| {
        Fail::new(Exit::Unreachable, format!("{} cannot be fetched: {why}", without_password(url)))
            .help("check the address, and that what serves it runs and can be reached from here")
    };
    let client = reqwest::Client::builder().timeout(FETCH_LIMIT).build().context("set up HTTP")?;
    let fail = |err: reqwest::Error| {
        if err.is_timeout() {
            let limit = humantime::format_duration(FETCH_LIMIT);
            let message = format!("{} took longer than {limit}", without_password(url));
            return Fail::new(Exit::TimedOut, message);
        }
        unreachable(innermost(&err))
    };
    let answer = client.get(url.clone()).send().await.map_err(fail)?;
    if !answer.status().is_success() {
        return Err(unreachable(format!("the server answered {}", answer.status())).into());
    }
    Ok(body(answer).await.map_err(fail)?)
}

/// The body of an answer. Of one that is larger than [`MAX_SIZE`] only more than that is read.
pub(crate) async fn body(mut answer: reqwest::Response) -> reqwest::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_SIZE {
            break;
        }
    }
    Ok(bytes)
}

/// The error that a program ran and failed, as `fail` says what that means. That it is not installed, or
/// takes too long, means the same everywhere.
pub(crate) fn refused(err: anyhow::Error, fail: Fail) -> anyhow::Error {
    match Fail::of(&err) {
        Some(it) if it.exit() != Exit::Failed => err,
        _ => err.context(fail),
    }
}

/// Standard input is there once.
///
/// # Errors
/// Exit 2: several of these inputs are standard input.
pub(crate) fn reads_stdin_once<'a>(
    inputs: impl IntoIterator<Item = &'a Input>,
) -> Result<(), Fail> {
    match inputs.into_iter().filter(|it| **it == Input::Stdin).count() {
        0 | 1 => Ok(()),
        _ => Err(Fail::invalid("standard input can be read only once")
            .help("write - once, and name files for the rest")),
    }
}

/// A URL for people.
pub(crate) fn without_password(url: &Url) -> Url {
    let mut url = url.clone();
    if url.password().is_some() {
        let _has_a_host = url.set_password(Some("MASKED"));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn inputs_are_told_apart_by_how_they_are_written() {
        let read = |text: &str| text.parse::<Input>();
        assert_eq!(read("-"), Ok(Input::Stdin));
        assert_eq!(read("api/openapi.yaml"), Ok(Input::File("api/openapi.yaml".into())));
        assert!(matches!(read("https://example.com/a.json"), Ok(Input::Url(_))));
        let (revision, path) = ("origin/main".to_owned(), "api/a.yaml".to_owned());
        let git = Input::Git { folder: "".into(), revision, path };
        assert_eq!(read("git:origin/main:./api/a.yaml"), Ok(git));
        assert!(read("git:main").unwrap_err().contains("git:REVISION:PATH"));
        assert!(read("").is_err());
        assert!(read("ftp://example.com/a.json").unwrap_err().contains("ftp:// is not read"));
    }
}
