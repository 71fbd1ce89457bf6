//! Gets descriptions from where they are made: programs, services, addresses and files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::try_join_all;
use landfall_toml::{EnvValue, OpenapiSource};
use serde::Deserialize;
use serde::de::IgnoredAny;
use step_core::process::{Process, Service};
use step_core::{Exit, Fail, innermost, output};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use url::Url;

use crate::document::Sources;
use crate::input::{Input, MAX_SIZE, body, without_password};

/// How long a program may run, and a service may take, when nothing else is said.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// Between two looks at a service.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a service may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How many lines of noise are shown.
const SHOWN: usize = 3;

/// What a program gets from the step's environment, so that programs work at all.
const PASSED: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_*",
    "TERM",
    "TMPDIR",
    "RUSTUP_HOME",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
];

/// A description to obtain.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    pub(super) path_prefix: Option<String>,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Read(Input),
    /// A program that prints it, or writes the file.
    Run {
        program: Process,
        file: Option<PathBuf>,
    },
    /// A service to start until the address answers.
    Serve {
        program: Process,
        url: Url,
        limit: Duration,
    },
}

/// The text of a description.
#[derive(Debug)]
pub(super) struct Obtained {
    /// Its name in findings.
    pub(super) shown: String,
    /// Where it lies: what it refers to is relative to that.
    pub(super) input: Input,
    pub(super) bytes: Vec<u8>,
    /// It runs until all that the description refers to is read.
    pub(super) service: Option<Service>,
}

/// Obtains all at once. When one fails, the others are ended.
///
/// # Errors
/// Exit 2: a program fails, or prints something else; exit 4: a program is missing, or an address does
/// not answer; exit 5: one takes too long.
pub(super) async fn all(sources: &[Source]) -> anyhow::Result<Vec<Obtained>> {
    let obtain = async |source: &Source| {
        let name = &source.name;
        obtain(source).await.map_err(|err| match Fail::of(&err) {
            Some(fail) if fail.exit() == Exit::TimedOut && source.runs() => {
                Fail::new(Exit::TimedOut, format!("source {name}: {err:#}"))
                    .help(format!(
                        "see why it takes so long, or give it more: gen-openapi.sources.{name}.timeout in \
                         landfall.toml"
                    ))
                    .into()
            }
            Some(fail) if fail.exit() != Exit::Failed => err.context(format!("source {name}")),
            _ => Fail::invalid(format!("source {name}: {err:#}"))
                .help("run it by hand in the same folder; it gets only the variables that `env` names")
                .into(),
        })
    };
    try_join_all(sources.iter().map(obtain)).await
}

impl Source {
    /// One that the command line names; its name is that of the file.
    pub(super) fn of_input(input: &Input) -> Self {
        let path = match input {
            Input::File(path) => path.clone(),
            Input::Stdin => "stdin".into(),
            Input::Url(url) => url.path().into(),
            Input::Git { path, .. } => path.into(),
        };
        let name =
            path.file_stem().map_or_else(String::new, |it| it.to_string_lossy().into_owned());
        Self { name, path_prefix: None, way: Way::Read(input.clone()) }
    }

    /// Whether a program runs for it.
    fn runs(&self) -> bool {
        !matches!(self.way, Way::Read(_))
    }

    /// Whether a program prints it.
    pub(super) fn prints(&self) -> bool {
        matches!(self.way, Way::Run { file: None, .. })
    }

    /// One that landfall.toml names.
    ///
    /// # Errors
    /// Exit 2: it does not say where the description comes from, or says several things.
    pub(super) fn of_settings(name: &str, it: &OpenapiSource) -> Result<Self, Fail> {
        let wrong = |why: &str| {
            Fail::invalid(format!("landfall.toml: the source {name} {why}"))
                .help("give it exactly one of `command`, `serve` with `url`, `url`, and `file`")
        };
        let limit = it.timeout.map_or(DEFAULT_LIMIT, |span| span.0);
        let url = match &it.url {
            Some(url) => Some(url.parse::<Url>().map_err(|err| {
                Fail::invalid(format!("landfall.toml: the source {name}: `{url}` is no URL: {err}"))
            })?),
            None => None,
        };
        let way = match (&it.command, &it.serve, url, &it.file) {
            (Some(command), None, None, file) => {
                let program =
                    program(command, it).ok_or_else(|| wrong("has an empty `command`"))?;
                let program = program.limit(limit).at_most(MAX_SIZE).ending_group();
                Way::Run { program, file: file.as_ref().map(|file| in_folder(it, file)) }
            }
            (None, Some(serve), Some(url), None) => {
                let program = program(serve, it).ok_or_else(|| wrong("has an empty `serve`"))?;
                Way::Serve { program, url, limit }
            }
            (None, None, Some(url), None) => Way::Read(Input::Url(url)),
            (None, None, None, Some(file)) => Way::Read(Input::File(in_folder(it, file))),
            (None, Some(_), None, _) => return Err(wrong("has `serve` without the `url`")),
            (None, None, None, None) => return Err(wrong("says nothing of where it comes from")),
            _ => return Err(wrong("says several things of where it comes from")),
        };
        Ok(Self { name: name.to_owned(), path_prefix: it.path_prefix.clone(), way })
    }
}

/// A program with nothing in its environment but what it needs.
fn program(command: &[String], source: &OpenapiSource) -> Option<Process> {
    let (program, args) = command.split_first()?;
    let passed = source.env.iter().filter(|(_, value)| **value == EnvValue::Passed(true));
    let passed = passed.map(|(name, _)| name.as_str());
    let mut process = Process::new(program, args).passing_only(PASSED.into_iter().chain(passed));
    for (name, value) in &source.env {
        if let EnvValue::Value(value) = value {
            process = process.variable(name, value);
        }
    }
    Some(match &source.folder {
        Some(folder) => process.folder(folder),
        None => process,
    })
}

fn in_folder(source: &OpenapiSource, file: &Path) -> PathBuf {
    source.folder.as_deref().unwrap_or(Path::new("")).join(file)
}

async fn obtain(source: &Source) -> anyhow::Result<Obtained> {
    match &source.way {
        Way::Read(input) => {
            let bytes = input.read().await?;
            Ok(Obtained { shown: input.to_string(), input: input.clone(), bytes, service: None })
        }
        Way::Run { program, file: None } => {
            let bytes = output::alive(&program.to_string(), program.bytes()).await?;
            if let Some(noise) = noise(&bytes) {
                return Err(noise.into());
            }
            // What it refers to is relative to the current folder.
            let (shown, input) = (source.name.clone(), Input::Stdin);
            Ok(Obtained { shown, input, bytes, service: None })
        }
        Way::Run { program, file: Some(file) } => {
            output::alive(&program.to_string(), program.bytes()).await?;
            let input = Input::File(file.clone());
            let bytes = input.read().await.with_context(|| format!("after {program} ran"))?;
            Ok(Obtained { shown: input.to_string(), input, bytes, service: None })
        }
        Way::Serve { program, url, limit } => {
            let (bytes, service) = serve(program, url, *limit).await?;
            let input = Input::Url(url.clone());
            Ok(Obtained { shown: source.name.clone(), input, bytes, service: Some(service) })
        }
    }
}

/// Starts a service and waits until it answers with a description.
async fn serve(
    program: &Process,
    url: &Url,
    limit: Duration,
) -> anyhow::Result<(Vec<u8>, Service)> {
    if answers(url).await {
        let message = format!("something answers at {} already", without_password(url));
        return Err(Fail::invalid(message)
            .help("stop it, or let the service use another port")
            .into());
    }
    // It lies on this machine: no proxy stands between.
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_LIMIT).build();
    let client = client.context("set up HTTP")?;
    let name = program.to_string();
    let mut service = program.start()?;
    let mut last = "it was not asked".to_owned();
    let ready = async {
        loop {
            match look(&client, url).await {
                Ok(bytes) => return bytes,
                Err(why) => last = why,
            }
            sleep(PAUSE).await;
        }
    };
    let ready = output::alive(&name, timeout(limit, ready));
    let bytes = tokio::select! {
        bytes = ready => bytes,
        ended = service.ended() => return Err(ended.into()),
    };
    match bytes {
        Ok(bytes) => Ok((bytes, service)),
        Err(_) => {
            let limit = humantime::format_duration(limit);
            let url = without_password(url);
            let message = format!("{url} did not answer with a description within {limit}: {last}");
            let message = service.after(message);
            service.stop().await;
            Err(Fail::new(Exit::TimedOut, message).into())
        }
    }
}

/// Whether somebody listens where the service is to listen.
async fn answers(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let address = (host, url.port_or_known_default().unwrap_or_default());
    matches!(timeout(Duration::from_secs(1), TcpStream::connect(address)).await, Ok(Ok(_)))
}

/// The description, if the service answers with one; else why not.
async fn look(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, String> {
    let answer = client.get(url.clone()).send().await.map_err(|err| innermost(&err))?;
    if !answer.status().is_success() {
        return Err(format!("the last answer is {}", answer.status()));
    }
    let bytes = body(answer).await.map_err(|err| innermost(&err))?;
    if bytes.len() > MAX_SIZE {
        return Err(format!("the answer is larger than {} MB", MAX_SIZE / 1024 / 1024));
    }
    match Sources::default().read(url.path(), bytes.clone()) {
        Ok(root) if root.get("openapi").is_some() || root.get("swagger").is_some() => Ok(bytes),
        Ok(_) => Err("the last answer has no `openapi`".to_owned()),
        Err((_, message)) => Err(format!("the last answer is no document: {message}")),
    }
}

/// What a program printed beside the description.
fn noise(bytes: &[u8]) -> Option<Fail> {
    let text = String::from_utf8_lossy(bytes);
    if text.trim().is_empty() {
        return Some(
            Fail::invalid("its program printed nothing")
                .help("let it print the description to stdout, or name the `file` that it writes"),
        );
    }
    let (before, after) = around(&text)?;
    let lines: Vec<&str> =
        before.lines().chain(after.lines()).filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return None;
    }
    let shown: String = lines.iter().take(SHOWN).map(|line| format!("\n  {}", cut(line))).collect();
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("\n  and {more} more"),
    };
    Some(
        Fail::invalid(format!(
            "its program prints more to stdout than the description:{shown}{more}"
        ))
        .help("let it print its logs to stderr"),
    )
}

/// The first letters of a line.
fn cut(line: &str) -> String {
    const LENGTH: usize = 120;
    let mut letters = line.trim_end().chars();
    let start: String = letters.by_ref().take(LENGTH).collect();
    if letters.next().is_some() { start + "..." } else { start }
}

/// What stands before and after the description in a text; nothing when none is found.
fn around(text: &str) -> Option<(&str, &str)> {
    #[derive(Deserialize)]
    struct Probe {
        openapi: Option<IgnoredAny>,
        swagger: Option<IgnoredAny>,
    }
    /// How many lines may be the first.
    const TRIED: usize = 1000;
    let mut start = 0;
    for line in text.split_inclusive('\n').take(TRIED) {
        let rest = &text[start..];
        if line.trim_start_matches(['\u{FEFF}', ' ', '\t']).starts_with('{') {
            let json = rest.trim_start_matches('\u{FEFF}');
            let mut documents = serde_json::Deserializer::from_str(json).into_iter::<Probe>();
            let is_description = |it: &Probe| it.openapi.is_some() || it.swagger.is_some();
            if documents.next().and_then(Result::ok).is_some_and(|it| is_description(&it)) {
                return Some((&text[..start], &json[documents.byte_offset()..]));
            }
        }
        if is_first_of_yaml(line) {
            return Some((&text[..start], ""));
        }
        start += line.len();
    }
    None
}

/// Whether a line is one that a description in YAML begins with.
fn is_first_of_yaml(line: &str) -> bool {
    const KEYS: [&str; 9] = [
        "openapi",
        "swagger",
        "info",
        "paths",
        "components",
        "servers",
        "tags",
        "security",
        "webhooks",
    ];
    let line = line.trim_start_matches('\u{FEFF}');
    if line.starts_with(['#', '%']) || line.trim_end() == "---" {
        return true;
    }
    let key = line.split(':').next().unwrap_or_default();
    line.contains(':') && KEYS.contains(&key.trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_told_from_the_description() {
        for (text, expected) in [
            ("{\"openapi\": \"3.0.0\"}\n", None),
            ("\n{\"info\": {}, \"openapi\": \"3.0.0\"}\n\n", None),
            ("{\n  \"openapi\": \"3.0.0\"\n}", None),
            ("openapi: 3.0.0\npaths: {}\n", None),
            ("# made by hand\nopenapi: 3.0.0\n", None),
            ("---\ninfo: {}\nopenapi: 3.0.0\n", None),
            ("{\"broken\": ", None),
            ("INFO start\n{\"openapi\": \"3.0.0\"}\n", Some("INFO start")),
            ("INFO start\nopenapi: 3.0.0\n", Some("INFO start")),
            ("{\"level\": \"info\"}\n{\"openapi\": \"3.0.0\"}\n", Some("{\"level\": \"info\"}")),
            ("{\"openapi\": \"3.0.0\"}\ndone in 3 s\n", Some("done in 3 s")),
            ("{\"openapi\": \"3.0.0\"} done\n", Some(" done")),
            ("", Some("printed nothing")),
            (" \n", Some("printed nothing")),
        ] {
            let found = noise(text.as_bytes()).map(|fail| fail.to_string());
            match expected {
                None => assert_eq!(found, None, "{text:?}"),
                Some(expected) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(expected), "{text:?}: {found}");
                }
            }
        }
        let long = format!("{}{{\"openapi\": \"3\"}}", "log\n".repeat(10));
        let shown = noise(long.as_bytes()).unwrap().to_string();
        assert!(shown.ends_with(":\n  log\n  log\n  log\n  and 7 more"), "{shown}");
    }

    #[test]
    fn a_source_comes_from_exactly_one_place() {
        let source = |toml: &str| {
            let source: OpenapiSource = serde_json::from_str(toml).unwrap();
            Source::of_settings("orders", &source)
        };
        for right in [
            r#"{"command": ["a"]}"#,
            r#"{"command": ["a"], "file": "b.json"}"#,
            r#"{"serve": ["a"], "url": "http://127.0.0.1:1/"}"#,
            r#"{"url": "http://127.0.0.1:1/"}"#,
            r#"{"file": "b.json"}"#,
        ] {
            assert!(source(right).is_ok(), "{right}");
        }
        for (wrong, why) in [
            ("{}", "says nothing"),
            (r#"{"serve": ["a"]}"#, "without the `url`"),
            (r#"{"command": []}"#, "an empty `command`"),
            (r#"{"command": ["a"], "url": "http://a/"}"#, "says several things"),
            (r#"{"file": "a", "url": "http://a/"}"#, "says several things"),
            (r#"{"url": "nowhere"}"#, "is no URL"),
        ] {
            let err = source(wrong).unwrap_err().to_string();
            assert!(err.contains(why), "{wrong}: {err}");
        }
    }
}
