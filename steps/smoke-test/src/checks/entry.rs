//! A check as it stands in the file, and what can be wrong with it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indexmap::IndexMap;
use landfall_toml::EnvValue;
use reqwest::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use step_core::Fail;
use toml::Spanned;

use super::*;
use crate::template::is_name;
use crate::text::Pairs;

/// The checks in a file; `path` is for messages.
///
/// # Errors
/// Exit 2: there are none, or one is wrong, with its place.
pub(super) fn checks(path: &Path, text: &str) -> anyhow::Result<Vec<Check>> {
    let file: SmokeFile = landfall_toml::parse(path, text)?;
    if file.check.is_empty() {
        return Err(Fail::invalid(format!("{} has no checks", path.display()))
            .help("add one:\n  [[check]]\n  name = \"health\"\n  path = \"/health\"")
            .into());
    }
    let mut seen = Seen::default();
    let mut checks = Vec::new();
    for entry in file.check {
        let line = text[..entry.span().start].matches('\n').count() + 1;
        let check = entry.into_inner().check(&mut seen);
        let check =
            check.map_err(|wrong| Fail::invalid(format!("{}:{line}: {wrong}", path.display())))?;
        checks.push(check);
    }
    Ok(checks)
}

/// The file as a whole.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SmokeFile {
    /// The checks.
    #[serde(default)]
    #[schemars(with = "Vec<Entry>")]
    check: Vec<Spanned<Entry>>,
}

/// A check: a request with what its answer has to be, a file of Hurl, or a command.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Name in the report. Each check has its own.
    name: String,
    /// The longest time that one attempt may take. Default: 10s, for Hurl and commands 60s.
    timeout: Option<Span>,
    /// What to ask for, below the address of the service: `/health`.
    path: Option<Text<Template>>,
    /// What to ask for, as a whole address, instead of `path`.
    url: Option<Text<Address>>,
    /// A file of Hurl, instead of `path`.
    hurl: Option<PathBuf>,
    /// A program and its arguments, instead of `path`. It passes when it ends with 0.
    command: Option<Vec<String>>,
    /// The method. Default: GET.
    method: Option<Method>,
    /// Headers of the request.
    headers: Option<Pairs<HeaderName, Text<HeaderText>>>,
    /// Body of the request.
    body: Option<Text<Template>>,
    /// The status of the answer: a number, a range "200-299", a class "2xx", or an array of those
    /// that are right. Default: 200.
    status: Option<Statuses>,
    /// What stands somewhere in the body.
    body_contains: Option<String>,
    /// A regular expression that matches somewhere in the body.
    body_matches: Option<Text<Regex>>,
    /// JSON path (RFC 9535) to the value that stands there.
    json: Option<Pairs<JsonPath, Expected>>,
    /// Headers of the answer: the value, or `{ matches = "REGEX" }`.
    response_headers: Option<Pairs<HeaderName, HeaderRule>>,
    /// The longest time until the whole answer is there, for example "500ms".
    max_latency: Option<Span>,
    /// JSON path (RFC 9535) to what has to be the deployed revision.
    revision: Option<Text<JsonPath>>,
    /// Days for which the certificate of the server has to be valid still.
    tls_days_left: Option<u32>,
    /// Names of what later checks use as `{{name}}`, with the JSON path (RFC 9535) to each.
    capture: Option<IndexMap<String, Text<JsonPath>>>,
    /// Variables of the Hurl file, besides `url` and `revision`.
    variables: Option<IndexMap<String, Text<Template>>>,
    /// Variables of the command; values of its own, or `true` for those of the step whose names
    /// say that they are secrets, and which it would not get.
    env: Option<IndexMap<String, EnvValue>>,
}

/// What the checks before have.
#[derive(Default)]
struct Seen {
    names: HashSet<String>,
    captures: HashSet<String>,
}

impl Entry {
    /// What it is, or what is wrong with it although each of its keys is right.
    fn check(self, seen: &mut Seen) -> Result<Check, String> {
        let name = self.name.clone();
        if name.trim().is_empty() {
            return Err("a check needs a name".to_owned());
        }
        if !seen.names.insert(name.clone()) {
            return Err(format!("there already is a check `{name}`; each has its own name"));
        }
        self.has_one_kind()?;
        self.has_no_foreign_keys()?;
        self.can_fail()?;
        let limit = self.timeout.map(|span| span.0);
        let (kind, usual_limit) = self.kind();
        let check = Check { name, limit: limit.unwrap_or(usual_limit), kind };
        check.waits_for_its_latency()?;
        if let Some(unknown) = check.uses().find(|used| !seen.captures.contains(*used)) {
            let name = &check.name;
            return Err(format!(
                "check `{name}` uses {{{{{unknown}}}}}, which no check before it captures"
            ));
        }
        for capture in check.makes() {
            if !is_name(capture) {
                return Err(format!(
                    "`{capture}` cannot be captured: a name has letters, digits and _"
                ));
            }
            if !seen.captures.insert(capture.to_owned()) {
                return Err(format!("`{capture}` is captured already; each has its own name"));
            }
        }
        Ok(check)
    }

    fn has_one_kind(&self) -> Result<(), String> {
        let kinds = [
            ("path", self.path.is_some()),
            ("url", self.url.is_some()),
            ("hurl", self.hurl.is_some()),
            ("command", self.command.is_some()),
        ];
        let given: Vec<&str> =
            kinds.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| *key).collect();
        let name = &self.name;
        match given[..] {
            [_] => Ok(()),
            [] => {
                Err(format!("check `{name}` needs a `path`, a `url`, a `hurl` file or a `command`"))
            }
            [one, other, ..] => {
                Err(format!("check `{name}` has both `{one}` and `{other}`; keep one"))
            }
        }
    }

    /// A key that is not heeded is a mistake, as an unknown one is.
    fn has_no_foreign_keys(&self) -> Result<(), String> {
        let of_http = [
            ("method", self.method.is_some()),
            ("headers", self.headers.is_some()),
            ("body", self.body.is_some()),
            ("status", self.status.is_some()),
            ("body_contains", self.body_contains.is_some()),
            ("body_matches", self.body_matches.is_some()),
            ("json", self.json.is_some()),
            ("response_headers", self.response_headers.is_some()),
            ("max_latency", self.max_latency.is_some()),
            ("revision", self.revision.is_some()),
            ("tls_days_left", self.tls_days_left.is_some()),
            ("capture", self.capture.is_some()),
        ];
        let of_hurl = [("variables", self.variables.is_some())];
        let of_command = [("env", self.env.is_some())];
        let (kind, foreign): (&str, [&[(&str, bool)]; 2]) = if self.hurl.is_some() {
            ("hurl", [&of_http, &of_command])
        } else if self.command.is_some() {
            ("command", [&of_http, &of_hurl])
        } else {
            ("a request", [&of_hurl, &of_command])
        };
        let given = foreign.into_iter().flatten().find(|(_, is_given)| *is_given);
        given.map_or(Ok(()), |(key, _)| {
            Err(format!("`{key}` of check `{}` does not go with {kind}", self.name))
        })
    }

    /// An expectation that is always met tells nothing.
    fn can_fail(&self) -> Result<(), String> {
        let always = [
            ("body_contains", self.body_contains.as_ref().is_some_and(String::is_empty)),
            (
                "body_matches",
                self.body_matches.as_ref().is_some_and(|Text(regex)| regex.as_str().is_empty()),
            ),
            ("json", self.json.as_ref().is_some_and(|json| json.0.is_empty())),
            (
                "response_headers",
                self.response_headers.as_ref().is_some_and(|all| all.0.is_empty()),
            ),
            ("command", self.command.as_ref().is_some_and(|words| words.concat().is_empty())),
        ];
        let name = &self.name;
        if let Some((key, _)) = always.iter().find(|(_, is_empty)| *is_empty) {
            return Err(format!("`{key}` of check `{name}` is empty, and expects nothing"));
        }
        let other_expectations = self.body_contains.is_some()
            || self.body_matches.is_some()
            || self.json.is_some()
            || self.response_headers.is_some()
            || self.max_latency.is_some()
            || self.revision.is_some()
            || self.tls_days_left.is_some();
        if self.status.as_ref().is_some_and(Statuses::allow_all) && !other_expectations {
            return Err(format!("check `{name}` expects nothing: every status is right"));
        }
        let is_plain =
            self.url.as_ref().is_some_and(|Text(url)| url.0.to_string().starts_with("http:"));
        if self.tls_days_left.is_some() && is_plain {
            return Err(format!("check `{name}` wants a certificate, and its `url` is http"));
        }
        Ok(())
    }

    /// What it is, and how long one attempt may take when nothing else is said.
    fn kind(self) -> (Kind, Duration) {
        let program_limit = Duration::from_secs(60);
        if let Some(file) = self.hurl {
            let variables = self.variables.unwrap_or_default().into_iter();
            let variables = variables.map(|(name, Text(value))| (name, value)).collect();
            return (Kind::Hurl(Hurl { file, variables }), program_limit);
        }
        if let Some(words) = self.command {
            let env = self.env.unwrap_or_default().into_iter().collect();
            return (Kind::Command(Command { words, env }), program_limit);
        }
        let place = match (self.url, self.path) {
            (Some(Text(Address(url))), _) => Place::Url(url),
            (None, path) => Place::Path(path.map(|Text(path)| path).unwrap_or_default()),
        };
        let headers = self.headers.unwrap_or_default().0.into_iter();
        let capture = self.capture.unwrap_or_default().into_iter();
        let http = Http {
            place,
            method: self.method.unwrap_or_default(),
            headers: headers.map(|(name, Text(HeaderText(value)))| (name, value)).collect(),
            body: self.body.map(|Text(body)| body),
            status: self.status.unwrap_or_default(),
            body_contains: self.body_contains,
            body_matches: self.body_matches.map(|Text(regex)| regex),
            json: self.json.unwrap_or_default().0,
            response_headers: self.response_headers.unwrap_or_default().0,
            max_latency: self.max_latency.map(|span| span.0),
            revision: self.revision.map(|Text(path)| path),
            tls_days_left: self.tls_days_left,
            capture: capture
                .map(|(name, Text(path))| {
                    let is_secret = secret::is_secret_name(&name);
                    Capture { name, path, is_secret }
                })
                .collect(),
        };
        (Kind::Http(Box::new(http)), Duration::from_secs(10))
    }
}

/// A whole address, with gaps.
#[derive(Debug, Clone)]
struct Address(Template);

impl FromText for Address {
    const KIND: &'static str = "an http address";

    fn from_text(text: &str) -> Result<Self, String> {
        let template = Template::from_text(text)?;
        if !template.has_variables() && template.captures().next().is_none() {
            return Url::from_text(text).map(|_| Self(template));
        }
        // The value of a variable is looked at when it is known. What a service answers must not say
        // who is asked.
        if template.begins_with_http() || template.begins_with_a_variable() {
            Ok(Self(template))
        } else {
            Err(NO_HTTP.to_owned())
        }
    }
}

/// The value of a header, with gaps.
#[derive(Debug, Clone)]
struct HeaderText(Template);

impl FromText for HeaderText {
    const KIND: &'static str = "the value of a header";

    fn from_text(text: &str) -> Result<Self, String> {
        HeaderValue::from_str(text).map_err(|err| err.to_string())?;
        Template::from_text(text).map(Self)
    }
}
