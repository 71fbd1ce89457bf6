//! `smoke.toml`: what is asked of the service, and what it has to answer.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use landfall_toml::Span;
use regex::Regex;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use serde_json_path::JsonPath;
use step_core::{Fail, secret};
use toml::Spanned;

use crate::text::{Pairs, Text};

/// Reads the file of checks. What it sends to prove who it is will be masked in all output.
///
/// # Errors
/// Exit 2: the file is missing, has no checks, or a check is wrong; each with its place.
pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Check>> {
    let text = std::fs::read_to_string(path).map_err(|err| {
        Fail::invalid(format!("cannot read the checks {}: {err}", path.display()))
            .help("name the file with --file or `file` in [defaults.smoke-test] of landfall.toml")
    })?;
    let checks = from_text(path, &text)?;
    checks.iter().for_each(Check::mask_credentials);
    Ok(checks)
}

/// A request and what its answer has to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// Name in the report. Each check has its own.
    pub(crate) name: String,
    /// What to ask for, below the address of the service: `/health`.
    path: Option<String>,
    /// What to ask for, as a whole address, instead of `path`.
    url: Option<Text<Url>>,
    /// The method. Default: GET.
    #[serde(default)]
    pub(crate) method: Method,
    /// Headers of the request.
    #[serde(default)]
    pub(crate) headers: Pairs<HeaderName, Text<HeaderValue>>,
    /// Body of the request.
    pub(crate) body: Option<String>,
    /// The status of the answer, or an array of those that are right. Default: 200.
    #[serde(default)]
    pub(crate) status: Statuses,
    /// What stands somewhere in the body.
    pub(crate) body_contains: Option<String>,
    /// A regular expression that matches somewhere in the body.
    pub(crate) body_matches: Option<Text<Regex>>,
    /// JSON path (RFC 9535) to the value that stands there.
    #[serde(default)]
    pub(crate) json: Pairs<JsonPath, Expected>,
    /// Headers of the answer: the value, or `{ matches = "REGEX" }`.
    #[serde(default)]
    pub(crate) response_headers: Pairs<HeaderName, HeaderRule>,
    /// The longest time until the whole answer is there, for example "500ms".
    pub(crate) max_latency: Option<Span>,
    /// JSON path (RFC 9535) to what has to be the deployed revision.
    pub(crate) revision: Option<Text<JsonPath>>,
}

impl Check {
    /// Whether the address depends on where the service runs.
    pub(crate) fn needs_base(&self) -> bool {
        self.url.is_none()
    }

    /// The whole address; `path` goes below `base`, whatever slashes they have.
    ///
    /// # Errors
    /// Exit 2: this is no address.
    pub(crate) fn resolve(&self, base: Option<&Url>) -> anyhow::Result<Url> {
        if let Some(Text(url)) = &self.url {
            return Ok(url.clone());
        }
        let base = base.map_or("", Url::as_str).trim_end_matches('/');
        let path = self.path.as_deref().unwrap_or_default().trim_start_matches('/');
        let address = format!("{base}/{path}");
        Ok(Url::parse(&address).map_err(|err| {
            Fail::invalid(format!("{}: {address} is not an address: {err}", self.name))
        })?)
    }

    /// Has the values masked that prove to the service who asks.
    fn mask_credentials(&self) {
        for (name, Text(value)) in &self.headers.0 {
            let proves = name == AUTHORIZATION
                || name == COOKIE
                || secret::is_secret_name(&name.as_str().replace('-', "_"));
            if let (true, Ok(value)) = (proves, value.to_str()) {
                // `Bearer VALUE`: the service may show VALUE alone.
                value.split_whitespace().for_each(secret::register);
            }
        }
    }
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl From<Method> for reqwest::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
            Method::Options => Self::OPTIONS,
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        reqwest::Method::from(*self).fmt(f)
    }
}

/// The statuses that are right.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
pub(crate) struct Statuses(#[schemars(with = "OneOrSome")] pub(crate) Vec<StatusCode>);

impl Default for Statuses {
    fn default() -> Self {
        Self(vec![StatusCode::OK])
    }
}

impl Statuses {
    /// Whether a redirect is itself what the check looks for.
    pub(crate) fn want_a_redirect(&self) -> bool {
        self.0.iter().any(StatusCode::is_redirection)
    }
}

impl<'de> Deserialize<'de> for Statuses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let numbers = match OneOrSome::deserialize(deserializer)? {
            OneOrSome::One(number) => vec![number],
            OneOrSome::Some(numbers) => numbers,
        };
        let known = |number: u16| StatusCode::from_u16(number).ok().filter(|_| number < 600);
        let statuses: Option<Vec<StatusCode>> = numbers.into_iter().map(known).collect();
        let statuses = statuses.filter(|statuses| !statuses.is_empty());
        statuses.map(Self).ok_or_else(|| de::Error::custom("a status is a number from 100 to 599"))
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a status is a number from 100 to 599, or an array of some")]
enum OneOrSome {
    One(u16),
    Some(Vec<u16>),
}

/// A value that JSON can hold.
#[derive(Debug, Clone, JsonSchema)]
pub(crate) struct Expected(pub(crate) Value);

impl<'de> Deserialize<'de> for Expected {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match toml::Value::deserialize(deserializer)? {
            toml::Value::Datetime(time) => {
                let message = format!("JSON has no dates: write \"{time}\" in quotes");
                Err(de::Error::custom(message))
            }
            value => serde_json::to_value(value).map(Self).map_err(de::Error::custom),
        }
    }
}

/// What a header of the answer has to be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "write the header's value, or { matches = \"REGEX\" }")]
pub(crate) enum HeaderRule {
    Is(String),
    Matches(Pattern),
}

/// A regular expression in a table of its own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(crate) matches: Text<Regex>,
}

/// The file as a whole.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SmokeFile {
    /// The checks.
    #[serde(default)]
    #[schemars(with = "Vec<Check>")]
    check: Vec<Spanned<Check>>,
}

fn from_text(path: &Path, text: &str) -> anyhow::Result<Vec<Check>> {
    let file: SmokeFile = landfall_toml::parse(path, text)?;
    if file.check.is_empty() {
        return Err(Fail::invalid(format!("{} has no checks", path.display()))
            .help("add one:\n  [[check]]\n  name = \"health\"\n  path = \"/health\"")
            .into());
    }
    let mut names = HashSet::new();
    for check in &file.check {
        if let Some(wrong) = contradiction(check.get_ref(), &mut names) {
            let before = &text[..check.span().start];
            let line = before.matches('\n').count() + 1;
            return Err(Fail::invalid(format!("{}:{line}: {wrong}", path.display())).into());
        }
    }
    Ok(file.check.into_iter().map(Spanned::into_inner).collect())
}

/// What is wrong with a check although each of its keys is right.
fn contradiction<'a>(check: &'a Check, names: &mut HashSet<&'a str>) -> Option<String> {
    let name = check.name.as_str();
    if name.trim().is_empty() {
        return Some("a check needs a name".to_owned());
    }
    if !names.insert(name) {
        return Some(format!("there already is a check `{name}`; each has its own name"));
    }
    match (&check.path, &check.url) {
        (None, None) => Some(format!("check `{name}` needs a `path` or a `url`")),
        (Some(_), Some(_)) => Some(format!("check `{name}` has both `path` and `url`; keep one")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use step_core::Exit;

    use super::*;

    fn checks(text: &str) -> anyhow::Result<Vec<Check>> {
        from_text(Path::new("smoke.toml"), text)
    }

    /// The error of a check with these lines; the first of them is line 4 of the file.
    fn error(lines: &str) -> String {
        let text = format!("[[check]]\nname = \"x\"\npath = \"/\"\n{lines}\n");
        let err = checks(&text).unwrap_err();
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Invalid);
        err.to_string()
    }

    #[test]
    fn a_short_check_has_the_defaults() {
        let check = checks("[[check]]\nname = \"x\"\npath = \"/\"\n").unwrap().remove(0);
        assert_eq!(check.method, Method::Get);
        assert_eq!(check.status, Statuses(vec![StatusCode::OK]));
        assert!(check.needs_base() && !check.status.want_a_redirect());
    }

    #[test]
    fn every_key_is_understood() {
        let text = r#"
            [[check]]
            name = "order"
            url = "https://orders.example.com/orders?dry=1"
            method = "POST"
            body = "{}"
            status = [200, 201]
            body_contains = "id"
            body_matches = "id.*\\d+"
            max_latency = "500ms"
            revision = "$.meta.revision"
            [check.headers]
            Content-Type = "application/json"
            [check.response_headers]
            cache-control = "no-store"
            content-type = { matches = "^application/json" }
            [check.json]
            "$.status" = "open"
            "$.items[*].sku" = ["a", "b"]
        "#;
        let check = checks(text).unwrap().remove(0);
        assert_eq!(check.method, Method::Post);
        assert_eq!(check.json.0.len(), 2);
        assert_eq!(check.response_headers.0.len(), 2);
        assert_eq!(check.resolve(None).unwrap().path(), "/orders");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (lines, expected) in [
            (
                "stauts = 200",
                "smoke.toml:4:1: unknown key `stauts` in [check]; did you mean `status`?",
            ),
            ("method = \"GETT\"", "smoke.toml:4:10: unknown variant `GETT`"),
            ("status = 2000", "smoke.toml:4:10: a status is a number from 100 to 599"),
            ("status = []", "smoke.toml:4:10: a status is a number from 100 to 599"),
            (
                "status = \"200\"",
                "smoke.toml:4:10: a status is a number from 100 to 599, or an array",
            ),
            (
                "body_matches = \"(\"",
                "smoke.toml:4:16: `(` is not a regular expression: unclosed group",
            ),
            (
                "revision = \"revision\"",
                "smoke.toml:4:12: `revision` is not a JSON path (RFC 9535): ",
            ),
            ("json = { \"$.[\" = 1 }", "smoke.toml:4:10: `$.[` is not a JSON path (RFC 9535): "),
            ("json = { \"$.at\" = 2026-01-01 }", "smoke.toml:4:19: JSON has no dates"),
            ("max_latency = \"fast\"", "smoke.toml:4:15: "),
            ("headers = { \"a b\" = \"c\" }", "smoke.toml:4:13: `a b` is not the name of a header"),
            ("response_headers = { a = 5 }", "smoke.toml:4:26: write the header's value, or "),
            ("url = \"http://x/\"", "smoke.toml:1: check `x` has both `path` and `url`; keep one"),
            (
                "[[check]]\nname = \"x\"\npath = \"/\"",
                "smoke.toml:4: there already is a check `x`; each has its own name",
            ),
            ("[[check]]\nname = \"y\"", "smoke.toml:4: check `y` needs a `path` or a `url`"),
            (
                "[[check]]\nname = \"y\"\nurl = \"ftp://x/\"",
                "smoke.toml:6:7: `ftp://x/` is not an http address: it begins with http:// or https://",
            ),
            ("[[check]]\nname = \" \"\npath = \"/\"", "smoke.toml:4: a check needs a name"),
            ("[[check]]\npath = \"/\"", "smoke.toml:4:1: missing field `name`"),
        ] {
            let message = error(lines);
            assert!(
                message.starts_with(expected),
                "{lines}\n  said:     {message}\n  expected: {expected}"
            );
        }
    }

    #[test]
    fn a_file_without_checks_is_no_test() {
        let err = checks("# nothing yet\n").unwrap_err();
        assert_eq!(err.to_string(), "smoke.toml has no checks");
        assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Invalid);
    }

    #[test]
    fn a_path_goes_below_the_base_address() {
        for (base, path, expected) in [
            ("https://x.example", "/health", "https://x.example/health"),
            ("https://x.example/", "health", "https://x.example/health"),
            ("https://x.example/api/", "/health?deep=1", "https://x.example/api/health?deep=1"),
            ("http://127.0.0.1:8080", "/", "http://127.0.0.1:8080/"),
        ] {
            let text = format!("[[check]]\nname = \"x\"\npath = \"{path}\"\n");
            let base = Url::parse(base).unwrap();
            let check = checks(&text).unwrap().remove(0);
            assert_eq!(check.resolve(Some(&base)).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn credentials_in_headers_are_masked_everywhere() {
        let text = "[[check]]\nname = \"x\"\npath = \"/\"\n[check.headers]\n\
                    authorization = \"Bearer letmein-please\"\nx-api-key = \"another-secret\"\n";
        checks(text).unwrap()[0].mask_credentials();
        assert_eq!(secret::redact("letmein-please another-secret"), "[MASKED] [MASKED]");
    }
}
