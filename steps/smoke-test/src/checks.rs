//! `smoke.toml`: what is asked of the service, and what it has to answer.

mod entry;
mod status;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use landfall_toml::{EnvValue, Span};
use regex::Regex;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use serde_json_path::JsonPath;
use step_core::{Fail, secret};

use crate::template::{self, Captures, Template};
use crate::text::{FromText, NO_HTTP, Text};

pub(crate) use status::Statuses;

/// Reads the file of checks. What it sends to prove who it is will be masked in all output.
///
/// # Errors
/// Exit 2: the file is missing, has no checks, or a check is wrong, each with its place; or a
/// variable is not set.
pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<Check>> {
    let text = std::fs::read_to_string(path).map_err(|err| {
        Fail::invalid(format!("cannot read the checks {}: {err}", path.display()))
            .help("name the file with --file or `file` in [defaults.smoke-test] of landfall.toml")
    })?;
    let mut checks = entry::checks(path, &text)?;
    for check in &mut checks {
        check.fill()?;
        check.mask_credentials();
    }
    mark_credentials(&mut checks);
    Ok(checks)
}

/// Marks the captures that prove to the service, or to a Hurl file, who asks: a name need not say
/// so.
fn mark_credentials(checks: &mut [Check]) {
    let used: HashSet<String> = checks
        .iter()
        .flat_map(Check::credentials)
        .flat_map(Template::captures)
        .map(str::to_owned)
        .collect();
    for check in checks {
        if let Kind::Http(http) = &mut check.kind {
            for capture in &mut http.capture {
                capture.is_secret |= used.contains(&capture.name);
            }
        }
    }
}

/// Something that has to be so.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    /// Name in the report. Each check has its own.
    pub(crate) name: String,
    /// The longest time that one attempt may take.
    pub(crate) limit: Duration,
    /// How it is found out.
    pub(crate) kind: Kind,
}

/// How a check is made.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// A request, and its answer.
    Http(Box<Http>),
    /// A file of Hurl.
    Hurl(Hurl),
    /// A program that ends with 0.
    Command(Command),
}

/// A request, and what its answer has to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Http {
    /// A whole address, or else a path below the address of the service.
    pub(crate) place: Place,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: Option<Template>,
    pub(crate) status: Statuses,
    pub(crate) body_contains: Option<String>,
    pub(crate) body_matches: Option<Regex>,
    pub(crate) json: Vec<(JsonPath, Expected)>,
    pub(crate) response_headers: Vec<(HeaderName, HeaderRule)>,
    pub(crate) max_latency: Option<Duration>,
    /// Where the revision stands that has to be the deployed one.
    pub(crate) revision: Option<JsonPath>,
    /// Days for which the certificate has to be valid still.
    pub(crate) tls_days_left: Option<u32>,
    /// What later checks may use.
    pub(crate) capture: Vec<Capture>,
}

/// A value in an answer that later checks may use.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) name: String,
    pub(crate) path: JsonPath,
    /// Whether it is masked: its name says so, or it stands where a secret belongs.
    pub(crate) is_secret: bool,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Below the address of the service.
    Path(Template),
    /// A whole address.
    Url(Template),
}

impl Default for Place {
    fn default() -> Self {
        Self::Path(Template::default())
    }
}

/// A file of [Hurl](https://hurl.dev).
#[derive(Debug, Clone)]
pub(crate) struct Hurl {
    pub(crate) file: PathBuf,
    pub(crate) variables: Vec<(String, Template)>,
}

/// A program.
#[derive(Debug, Clone)]
pub(crate) struct Command {
    /// Its name and its arguments; there is at least the name.
    pub(crate) words: Vec<String>,
    pub(crate) env: Vec<(String, EnvValue)>,
}

impl Check {
    /// Whether the address depends on where the service runs.
    pub(crate) fn needs_base(&self) -> bool {
        matches!(&self.kind, Kind::Http(http) if matches!(http.place, Place::Path(_)))
    }

    /// Whether it compares the revision.
    pub(crate) fn needs_revision(&self) -> bool {
        matches!(&self.kind, Kind::Http(http) if http.revision.is_some())
    }

    /// Whether it is a program, which is told address and revision.
    pub(crate) fn is_told(&self) -> bool {
        !matches!(&self.kind, Kind::Http(_))
    }

    /// The names of the captures that it uses.
    pub(crate) fn uses(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::captures)
    }

    /// The names of the captures that it makes.
    pub(crate) fn makes(&self) -> impl Iterator<Item = &str> {
        let capture = match &self.kind {
            Kind::Http(http) => http.capture.as_slice(),
            _ => &[],
        };
        capture.iter().map(|capture| capture.name.as_str())
    }

    fn templates(&self) -> Box<dyn Iterator<Item = &Template> + '_> {
        match &self.kind {
            Kind::Http(http) => {
                let (Place::Path(place) | Place::Url(place)) = &http.place;
                let headers = http.headers.iter().map(|(_, value)| value);
                Box::new(std::iter::once(place).chain(headers).chain(&http.body))
            }
            Kind::Hurl(hurl) => Box::new(hurl.variables.iter().map(|(_, value)| value)),
            Kind::Command(_) => Box::new(std::iter::empty()),
        }
    }

    /// An answer that comes too late to be waited for cannot be told from none.
    fn waits_for_its_latency(&self) -> Result<(), String> {
        let Kind::Http(http) = &self.kind else { return Ok(()) };
        match http.max_latency {
            Some(most) if most >= self.limit => Err(format!(
                "check `{}` waits for no longer than {}: raise `timeout` above `max_latency`",
                self.name,
                humantime::format_duration(self.limit)
            )),
            _ => Ok(()),
        }
    }

    /// Puts the values of variables in.
    fn fill(&mut self) -> Result<(), Fail> {
        match &mut self.kind {
            Kind::Http(http) => {
                let (Place::Path(place) | Place::Url(place)) = &mut http.place;
                place.fill()?;
                if let Place::Url(url) = &http.place {
                    reachable(&self.name, url)?;
                }
                http.body.iter_mut().try_for_each(Template::fill)?;
                http.headers.iter_mut().try_for_each(|(_, value)| value.fill())?;
                http.headers.iter().try_for_each(|(name, value)| sendable(&self.name, name, value))
            }
            Kind::Hurl(hurl) => hurl.variables.iter_mut().try_for_each(|(_, value)| value.fill()),
            Kind::Command(command) => {
                let passed = command.env.iter().filter(|(_, it)| *it == EnvValue::Passed(true));
                passed.map(|(name, _)| name).try_for_each(|name| template::variable(name).map(drop))
            }
        }
    }

    /// What proves to the service, or to a Hurl file, who asks.
    fn credentials(&self) -> Box<dyn Iterator<Item = &Template> + '_> {
        match &self.kind {
            Kind::Http(http) => {
                let proving = http.headers.iter().filter(|(name, _)| proves_who_asks(name));
                Box::new(proving.map(|(_, value)| value))
            }
            Kind::Hurl(hurl) => {
                let secret = hurl.variables.iter().filter(|(name, _)| secret::is_secret_name(name));
                Box::new(secret.map(|(_, value)| value))
            }
            Kind::Command(_) => Box::new(std::iter::empty()),
        }
    }

    /// Has the values masked that prove who asks.
    fn mask_credentials(&self) {
        // Those with captures are masked when they are captured.
        for value in self.credentials().filter_map(|value| value.text(&Captures::new()).ok()) {
            // `Bearer VALUE`: the service may show VALUE alone.
            value.split_whitespace().for_each(secret::register);
        }
    }
}

impl Http {
    /// The whole address; a path goes below `base`, whatever slashes they have.
    ///
    /// # Errors
    /// A capture is missing, or this is no address.
    pub(crate) fn address(&self, base: Option<&Url>, captures: &Captures) -> Result<Url, String> {
        let missing = |name| format!("there is no `{name}`");
        let text = match &self.place {
            Place::Url(url) => url.whole_address(captures).map_err(missing)?,
            Place::Path(path) => below(base, &path.address(captures).map_err(missing)?),
        };
        Url::from_text(&text).map_err(|why| format!("{text} is not an address: {why}"))
    }

    /// Whether a header holds a secret that would go along with a redirect to another host. The
    /// client leaves out `Authorization` and `Cookie` then, and nothing more.
    pub(crate) fn has_secret_headers(&self) -> bool {
        let mut others =
            self.headers.iter().filter(|(name, _)| name != AUTHORIZATION && name != COOKIE);
        others.any(|(name, value)| proves_who_asks(name) || holds_a_secret(value))
    }

    /// Whether the body holds a secret.
    pub(crate) fn has_a_secret_body(&self) -> bool {
        self.body.as_ref().is_some_and(holds_a_secret)
    }

    /// The address as it is written, with its gaps.
    pub(crate) fn shown_address(&self, base: Option<&Url>) -> String {
        match &self.place {
            Place::Url(url) => url.to_string(),
            Place::Path(path) => below(base, &path.to_string()),
        }
    }
}

#[cfg(test)]
impl Http {
    /// A request for `/` with these lines.
    pub(crate) fn from_lines(lines: &str) -> Self {
        let text = format!("[[check]]\nname = \"x\"\npath = \"/\"\n{lines}");
        match entry::checks(Path::new("smoke.toml"), &text).unwrap().remove(0).kind {
            Kind::Http(http) => *http,
            other => panic!("{other:?}"),
        }
    }
}

fn below(base: Option<&Url>, path: &str) -> String {
    let base = base.map_or("", Url::as_str).trim_end_matches('/');
    format!("{base}/{}", path.trim_start_matches('/'))
}

/// Whether a header proves to the service who asks.
fn proves_who_asks(name: &HeaderName) -> bool {
    name == AUTHORIZATION
        || name == COOKIE
        || secret::is_secret_name(&name.as_str().replace('-', "_"))
}

fn holds_a_secret(text: &Template) -> bool {
    text.has_variables() || text.captures().any(secret::is_secret_name)
}

/// Whether this is an address, as far as that is known before the captures are.
fn reachable(check: &str, url: &Template) -> Result<(), Fail> {
    let why = if url.begins_with_http() {
        let address = url.whole_address(&Captures::new());
        address.ok().and_then(|address| Url::from_text(&address).err())
    } else {
        Some(NO_HTTP.to_owned())
    };
    why.map_or(Ok(()), |why| {
        let message = format!("check `{check}`: {url} is not an http address: {why}");
        Err(Fail::invalid(message).help(
            "a variable that begins an address holds its beginning, https://HOST; elsewhere in it \
             a variable is one value, without `/` and `:`",
        ))
    })
}

/// Whether a header can be sent, as far as that is known before the captures are.
fn sendable(check: &str, name: &HeaderName, value: &Template) -> Result<(), Fail> {
    let text = value.text(&Captures::new());
    if text.is_ok_and(|text| HeaderValue::from_str(&text).is_err()) {
        let message =
            format!("check `{check}`: what stands in {value} cannot be sent in the header {name}");
        return Err(Fail::invalid(message)
            .help("it holds a line break or another control character; set the variable without"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use step_core::Exit;

    use super::*;

    fn checks(text: &str) -> anyhow::Result<Vec<Check>> {
        entry::checks(Path::new("smoke.toml"), text)
    }

    fn http(text: &str) -> Http {
        match checks(text).unwrap().remove(0).kind {
            Kind::Http(http) => *http,
            other => panic!("{other:?}"),
        }
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
        assert!(check.needs_base() && !check.needs_revision());
        assert_eq!(check.limit, Duration::from_secs(10));
        let http = http("[[check]]\nname = \"x\"\npath = \"/\"\n");
        assert_eq!(http.method, Method::Get);
        assert_eq!(http.status.to_string(), "200");
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
            tls_days_left = 14
            timeout = "3s"
            capture = { order = "$.id" }
            [check.headers]
            Content-Type = "application/json"
            [check.response_headers]
            cache-control = "no-store"
            content-type = { matches = "^application/json" }
            [check.json]
            "$.status" = "open"
            "$.items[*].sku" = ["a", "b"]
        "#;
        let check = http(text);
        assert_eq!(check.method, Method::Post);
        assert_eq!(check.json.len(), 2);
        assert_eq!(check.response_headers.len(), 2);
        assert_eq!(check.tls_days_left, Some(14));
        assert_eq!(check.address(None, &Captures::new()).unwrap().path(), "/orders");
        let check = checks(text).unwrap().remove(0);
        assert_eq!(check.limit, Duration::from_secs(3));
        assert_eq!(check.makes().collect::<Vec<_>>(), ["order"]);
    }

    #[test]
    fn hurl_files_and_commands_are_checks_too() {
        let text = r#"
            [[check]]
            name = "login"
            path = "/login"
            capture = { token = "$.token" }
            [[check]]
            name = "journey"
            hurl = "smoke/journey.hurl"
            variables = { token = "{{token}}", sku = "A-1" }
            [[check]]
            name = "queue"
            command = ["./queue-is-empty", "orders"]
            env = { QUEUE_TOKEN = true, MODE = "quick" }
        "#;
        let checks = checks(text).unwrap();
        assert_eq!(checks[1].uses().collect::<Vec<_>>(), ["token"]);
        assert_eq!(checks[2].limit, Duration::from_secs(60));
        let Kind::Command(command) = &checks[2].kind else { panic!("{checks:?}") };
        assert_eq!(command.words.len(), 2);
        assert_eq!(command.env[0], ("QUEUE_TOKEN".to_owned(), EnvValue::Passed(true)));
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
            ("status = \"200\"", "smoke.toml:4:10: a status is a number from 100 to 599, a range"),
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
            (
                "[[check]]\nname = \"y\"",
                "smoke.toml:4: check `y` needs a `path`, a `url`, a `hurl` file or",
            ),
            (
                "command = ['true']",
                "smoke.toml:1: check `x` has both `path` and `command`; keep one",
            ),
            ("variables = {}", "smoke.toml:1: `variables` of check `x` does not go with a request"),
            (
                "[[check]]\nname = \"y\"\ncommand = ['true']\nstatus = 200",
                "smoke.toml:4: `status` of check `y` does not go with command",
            ),
            (
                "[[check]]\nname = \"y\"\ncommand = []",
                "smoke.toml:4: `command` of check `y` is empty",
            ),
            (
                "body_contains = ''",
                "smoke.toml:1: `body_contains` of check `x` is empty, and expects",
            ),
            (
                "body_matches = ''",
                "smoke.toml:1: `body_matches` of check `x` is empty, and expects nothing",
            ),
            (
                "max_latency = '30s'",
                "smoke.toml:1: check `x` waits for no longer than 10s: raise `timeout` above `max_latency`",
            ),
            (
                "max_latency = '2s'\ntimeout = '2s'",
                "smoke.toml:1: check `x` waits for no longer than 2s: raise `timeout`",
            ),
            ("json = {}", "smoke.toml:1: `json` of check `x` is empty, and expects nothing"),
            (
                "status = '100-599'",
                "smoke.toml:1: check `x` expects nothing: every status is right",
            ),
            ("body = 'a ${B'", "smoke.toml:4:8: `a ${B` is not a text with gaps: `${` begins"),
            ("headers = { a = \"b\\n\" }", "smoke.toml:4:17: `b\n` is not the value of a header"),
            (
                "body = '{{order}}'\ncapture = { order = '$.id' }",
                "smoke.toml:1: check `x` uses {{order}}, which no check before it captures",
            ),
            ("capture = { 'a-b' = '$.id' }", "smoke.toml:1: `a-b` cannot be captured"),
            (
                "[[check]]\nname = \"y\"\nurl = \"http://x/\"\ntls_days_left = 3",
                "smoke.toml:4: check `y` wants a certificate, and its `url` is http",
            ),
            (
                "[[check]]\nname = \"y\"\nurl = \"ftp://x/\"",
                "smoke.toml:6:7: `ftp://x/` is not an http address: it begins with http:// or https://",
            ),
            (
                "[[check]]\nname = \"y\"\nurl = \"ftp://${HOST}/\"",
                "smoke.toml:6:7: `ftp://${HOST}/` is not an http address: it begins with http:// or",
            ),
            (
                "capture = { a = '$.a' }\n[[check]]\nname = \"y\"\nurl = \"{{a}}/b\"",
                "smoke.toml:7:7: `{{a}}/b` is not an http address: it begins with http:// or https://",
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
            let address = http(&text).address(Some(&base), &Captures::new()).unwrap();
            assert_eq!(address.as_str(), expected);
        }
    }

    #[test]
    fn a_capture_is_a_secret_by_its_name_or_by_where_it_is_used() {
        let text = r#"
            [[check]]
            name = "login"
            path = "/login"
            capture = { my_token = "$.t", ticket = "$.a", pin = "$.p", id = "$.id" }
            [[check]]
            name = "read"
            path = "/orders/{{id}}"
            headers = { Authorization = "Bearer {{ticket}}" }
            [[check]]
            name = "journey"
            hurl = "journey.hurl"
            variables = { password = "{{pin}}", id = "{{id}}" }
        "#;
        let mut checks = checks(text).unwrap();
        mark_credentials(&mut checks);
        let Kind::Http(http) = &checks[0].kind else { panic!("{checks:?}") };
        assert_eq!(
            http.capture.iter().map(|capture| capture.is_secret).collect::<Vec<_>>(),
            [true, true, true, false]
        );
    }

    #[test]
    fn credentials_in_headers_are_masked_everywhere() {
        let text = "[[check]]\nname = \"x\"\npath = \"/\"\n[check.headers]\n\
                    authorization = \"Bearer letmein-please\"\nx-api-key = \"another-secret\"\n";
        checks(text).unwrap()[0].mask_credentials();
        assert_eq!(secret::redact("letmein-please another-secret"), "[MASKED] [MASKED]");
    }
}
