//! Checks that are programs: files of Hurl, and commands.

use std::time::Duration;

use landfall_toml::EnvValue;
use reqwest::Url;
use step_core::process::{Process, Ran};
use step_core::{Exit, Fail, FailContext, secret};
use tokio::time::Instant;

use crate::attempt::{Attempt, Limit, NoAnswer, last_lines};
use crate::checks::{Check, Command, Hurl, Kind};
use crate::expect::{Mismatch, excerpt};
use crate::template::Captures;

/// What a program is told of the service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    /// Where it runs.
    pub(crate) base: Option<&'a Url>,
    /// The revision that has to run.
    pub(crate) revision: Option<&'a str>,
}

impl Told<'_> {
    /// The address without a slash at its end, so that a path can follow.
    fn url(&self) -> Option<String> {
        self.base.map(|base| base.as_str().trim_end_matches('/').to_owned())
    }
}

/// Runs a command. It passes when it ends with 0.
///
/// # Errors
/// Exit 4: the program is not there.
pub(crate) async fn run(
    command: &Command,
    told: Told<'_>,
    limit: Limit,
) -> anyhow::Result<Attempt> {
    let (program, args) = command.words.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
    let mut process = process(program, args);
    for (name, value) in
        [("LANDFALL_URL", told.url()), ("LANDFALL_REVISION", told.revision.map(str::to_owned))]
    {
        if let Some(value) = value {
            process = process.variable(name, value);
        }
    }
    for (name, value) in &command.env {
        process = match value {
            EnvValue::Passed(true) => process.passing(name),
            EnvValue::Passed(false) => process.withholding([name]),
            EnvValue::Value(value) => process.variable(name, value),
        };
    }
    let start = Instant::now();
    match ran(process, limit).await? {
        Ok(ran) => Ok(of_end(&ran, start.elapsed(), None)),
        Err(attempt) => Ok(attempt),
    }
}

/// Runs a file of Hurl. Its variables go through the environment, where other users of the
/// machine do not see them, and as secrets of Hurl where they come from variables or their names
/// say so.
///
/// # Errors
/// Exit 2: Hurl does not understand the file.
pub(crate) async fn run_hurl(
    hurl: &Hurl,
    told: Told<'_>,
    captures: &Captures,
    limit: Limit,
) -> anyhow::Result<Attempt> {
    let file = hurl.file.display().to_string();
    let args = ["--no-output".to_owned(), "--no-color".to_owned(), file.clone()];
    // Variables of Hurl from outside would change what the file says.
    let mut process = process("hurl", &args).withholding(["HURL_*"]);
    let of_step = [("url", told.url()), ("revision", told.revision.map(str::to_owned))];
    for (name, value) in of_step {
        if let Some(value) = value {
            process = process.variable(format!("HURL_VARIABLE_{name}"), value);
        }
    }
    for (name, value) in &hurl.variables {
        let text = value.text(captures);
        let text = match text {
            Ok(text) => text,
            Err(missing) => {
                let reason = format!("there is no `{missing}`");
                return Ok(Attempt::of_nothing(&NoAnswer { reason, ..NoAnswer::default() }));
            }
        };
        let is_secret = value.has_variables() || secret::is_secret_name(name);
        let kind = if is_secret { "SECRET" } else { "VARIABLE" };
        process = process.variable(format!("HURL_{kind}_{name}"), text);
    }
    let start = Instant::now();
    let ran = match ran(process, limit).await? {
        Ok(ran) => ran,
        Err(attempt) => return Ok(attempt),
    };
    // 1 and 2: the options or the file are not understood. <https://hurl.dev/docs/manual.html#exit-codes>
    if let Some(1 | 2) = ran.status.code() {
        let said = last_lines(&ran.stderr).join("\n");
        return Err(Fail::invalid(format!("hurl does not understand {file}:\n{said}"))
            .help("mend the file; `hurl FILE` shows the same")
            .into());
    }
    let meaning = match ran.status.code() {
        Some(3) => Some("a request failed"),
        Some(4) => Some("an assertion failed"),
        _ => None,
    };
    Ok(of_end(&ran, start.elapsed(), meaning))
}

/// Makes sure that the files of Hurl are there, and a Hurl that takes secrets from the environment.
///
/// # Errors
/// Exit 2: there is no such file, or Hurl is too old. Exit 4: there is no Hurl.
pub(crate) async fn prepare_hurl(checks: &[Check]) -> anyhow::Result<()> {
    let mut files = checks.iter().filter_map(|check| match &check.kind {
        Kind::Hurl(hurl) => Some((&check.name, &hurl.file)),
        _ => None,
    });
    if let Some((name, file)) = files.clone().find(|(_, file)| !file.is_file()) {
        let message = format!("check `{name}`: there is no file {}", file.display());
        return Err(Fail::invalid(message).help("write its path from the current folder").into());
    }
    let Some((name, _)) = files.next() else {
        return Ok(());
    };
    let said = Process::new("hurl", ["--version"]).limit(Duration::from_secs(10)).output().await;
    let said = said.or_fail(|| {
        Fail::new(Exit::Unreachable, format!("check `{name}` needs hurl, which cannot be run")).help(
            "install Hurl 7.1 or newer: https://hurl.dev/docs/installation.html; in an image for \
             pipelines, add its package to landfall's image",
        )
    })?;
    // `hurl 8.0.1 (x86_64-pc-linux-gnu) libcurl/8.5.0 ...`
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    if is_old(version) {
        let message = format!("hurl {version} takes no secrets from the environment");
        return Err(Fail::invalid(message)
            .help("install Hurl 7.1 or newer: https://hurl.dev/docs/installation.html")
            .into());
    }
    Ok(())
}

/// The first that reads `HURL_SECRET_name` is 7.1.0.
fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0_u32));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (7, 1)
}

fn process(program: &str, args: &[String]) -> Process {
    Process::new(program, args.iter().cloned()).at_most(MOST).ending_group()
}

/// Bytes that a program may print.
const MOST: usize = 8 << 20;

/// How the program ended, or why that is not known.
async fn ran(process: Process, limit: Limit) -> anyhow::Result<Result<Ran, Attempt>> {
    let err = match process.limit(limit.time).run().await {
        Ok(ran) => return Ok(Ok(ran)),
        Err(err) => err,
    };
    // It ran too long, or printed too much.
    match Fail::of(&err).map(Fail::exit) {
        Some(Exit::TimedOut | Exit::Invalid) => {
            let is_cut = limit.is_cut && Fail::of(&err).map(Fail::exit) == Some(Exit::TimedOut);
            let none = NoAnswer {
                // With the last lines that it said, which are not ours.
                reason: excerpt(&format!("{err:#}")),
                spoke: true,
                cut_off: is_cut,
                ..NoAnswer::default()
            };
            Ok(Err(Attempt::of_nothing(&none)))
        }
        _ => Err(err),
    }
}

fn of_end(ran: &Ran, took: Duration, meaning: Option<&str>) -> Attempt {
    let wrong = (!ran.status.success()).then(|| {
        let actual = match meaning {
            Some(meaning) => format!("{} ({meaning})", ran.status),
            None => ran.status.to_string(),
        };
        Mismatch::of_program("exit status 0", actual)
    });
    Attempt::of_program(wrong, &[&ran.stdout[..], b"\n", &ran.stderr].concat(), took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hurl_without_secrets_in_the_environment_is_too_old() {
        for version in ["", "x", "4.3.0", "7.0.1"] {
            assert!(is_old(version), "{version}");
        }
        for version in ["7.1.0", "7.2.0-SNAPSHOT", "8.0.1", "10.0.0"] {
            assert!(!is_old(version), "{version}");
        }
    }
}
