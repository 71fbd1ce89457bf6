//! What is wrong with an answer. No I/O.

use std::fmt;
use std::time::Duration;

use regex::Regex;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use step_core::secret::redact;

use crate::checks::{Check, Expected, HeaderRule};
use crate::text::Text;

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// Until the last byte, redirects included.
    pub(crate) latency: Duration,
}

/// Something in an answer that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What it is about: `status`, `body`, `$.json.path`, `header NAME`, `latency`, `revision`,
    /// or `answer` when there was none.
    topic: String,
    /// What was expected, in words.
    expected: String,
    /// What was there instead.
    actual: String,
}

impl Mismatch {
    /// There was no answer to look at.
    pub(crate) fn no_answer(reason: &str) -> Self {
        Self::new("answer", "an answer".to_owned(), reason.to_owned())
    }

    /// In a word or two, for a line of progress: without what differs in each answer.
    pub(crate) fn brief(&self) -> &str {
        if matches!(&*self.topic, "answer" | "status") { &self.actual } else { &self.topic }
    }

    /// Whether `actual` is the body.
    pub(crate) fn shows_the_body(&self) -> bool {
        self.topic == "body"
    }

    /// What was there instead.
    pub(crate) fn actual(&self) -> &str {
        &self.actual
    }

    fn new(topic: impl Into<String>, expected: String, actual: String) -> Self {
        Self { topic: topic.into(), expected, actual }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, got {}", self.expected, self.actual)
    }
}

/// Everything in an answer that is not as the check wants it; nothing, if it passes.
pub(crate) fn mismatches(check: &Check, answer: &Answer, revision: Option<&str>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    found.extend(status(check, answer));
    found.extend(check.response_headers.0.iter().filter_map(|(name, rule)| {
        let values = answer.headers.get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        header(name.as_str(), rule, &values.join(", "), !values.is_empty())
    }));
    found.extend(body(check, answer));
    found.extend(json(check, answer, revision));
    found.extend(latency(check, answer));
    found
}

/// The beginning of a text from outside: without secrets (before it is cut, for half a secret is
/// not known as one), and on one line, whatever control characters it has.
pub(crate) fn excerpt(text: &str) -> String {
    let clean = redact(text);
    let flat = clean.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = flat.clone().take(EXCERPT).collect();
    if flat.count() > EXCERPT {
        shown.push('…');
    }
    shown
}

/// Characters of a body that are shown.
const EXCERPT: usize = 200;

fn status(check: &Check, answer: &Answer) -> Option<Mismatch> {
    let right = &check.status.0;
    if right.contains(&answer.status) {
        return None;
    }
    let names: Vec<&str> = right.iter().map(StatusCode::as_str).collect();
    let expected = format!("status {}", names.join(" or "));
    Some(Mismatch::new("status", expected, answer.status.as_str().to_owned()))
}

fn header(name: &str, rule: &HeaderRule, actual: &str, is_there: bool) -> Option<Mismatch> {
    let (passes, expected) = match rule {
        HeaderRule::Is(value) => (actual == value, format!("to be {value:?}")),
        HeaderRule::Matches(pattern) => {
            let Text(regex) = &pattern.matches;
            (regex.is_match(actual), format!("to match /{regex}/"))
        }
    };
    if is_there && passes {
        return None;
    }
    let actual = if is_there { quoted(actual) } else { "none".to_owned() };
    Some(Mismatch::new(format!("header {name}"), format!("header {name} {expected}"), actual))
}

fn body(check: &Check, answer: &Answer) -> Vec<Mismatch> {
    let wrong = |expected| Mismatch::new("body", expected, quoted(&answer.body));
    let contains = check.body_contains.as_ref().filter(|part| !answer.body.contains(*part));
    let contains = contains.map(|part| wrong(format!("the body to contain {part:?}")));
    let is_match = |Text(regex): &&Text<Regex>| regex.is_match(&answer.body);
    let matches = check.body_matches.as_ref().filter(|regex| !is_match(regex));
    let matches = matches.map(|Text(regex)| wrong(format!("the body to match /{regex}/")));
    contains.into_iter().chain(matches).collect()
}

fn json(check: &Check, answer: &Answer, revision: Option<&str>) -> Vec<Mismatch> {
    if check.json.0.is_empty() && check.revision.is_none() {
        return Vec::new();
    }
    let Ok(document) = serde_json::from_str::<Value>(&answer.body) else {
        return vec![Mismatch::new("body", "JSON".to_owned(), quoted(&answer.body))];
    };
    let values = check.json.0.iter().filter_map(|(path, Expected(expected))| {
        let found = path.query(&document).all();
        let topic = path.to_string();
        let wanted = format!("{topic} to be {}", shown(expected));
        (!is(&found, expected)).then(|| Mismatch::new(topic, wanted, listed(&found)))
    });
    let revision = check.revision.as_ref().zip(revision).and_then(|(Text(path), revision)| {
        let found = path.query(&document).all();
        let wanted = format!("{path} to be the revision {revision:?}");
        (!is_exactly(&found, revision)).then(|| Mismatch::new("revision", wanted, listed(&found)))
    });
    values.chain(revision).collect()
}

/// A path that selects one value is compared with it; one that selects several, with an array.
fn is(found: &[&Value], expected: &Value) -> bool {
    match (found, expected) {
        ([one], _) if equal(one, expected) => true,
        (_, Value::Array(all)) => {
            all.len() == found.len() && found.iter().zip(all).all(|(one, other)| equal(one, other))
        }
        _ => false,
    }
}

fn is_exactly(found: &[&Value], text: &str) -> bool {
    matches!(found, [Value::String(one)] if one == text)
}

/// Equality of JSON, in which 1 and 1.0 are the same number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let in_both = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| equal(a, b));
            a.len() == b.len() && a.iter().all(in_both)
        }
        _ => one == other,
    }
}

fn latency(check: &Check, answer: &Answer) -> Option<Mismatch> {
    let most = check.max_latency?.0;
    (answer.latency > most).then(|| {
        let expected = format!("an answer within {}", humantime::format_duration(most));
        Mismatch::new("latency", expected, format!("{} ms", answer.latency.as_millis()))
    })
}

fn listed(found: &[&Value]) -> String {
    match found {
        [] => "nothing there".to_owned(),
        [one] => shown(one),
        some => shown(&Value::Array(some.iter().copied().cloned().collect())),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => excerpt(&other.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", excerpt(text))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    /// Looks at an answer with status 200 through a check with these lines.
    fn check(lines: &str) -> Check {
        toml::from_str(&format!("name = \"x\"\npath = \"/\"\n{lines}")).unwrap()
    }

    fn said(lines: &str, answer: &Answer) -> Vec<String> {
        mismatches(&check(lines), answer, Some("abc123")).iter().map(ToString::to_string).collect()
    }

    fn body(text: &str) -> Answer {
        Answer { body: text.to_owned(), ..Answer::default() }
    }

    #[test]
    fn what_is_as_expected_passes() {
        let mut answer = body(r#"{"ok":true,"n":1,"big":1.5,"tags":["a","b"],"at":{"z":null}}"#);
        answer.headers.insert("content-type", HeaderValue::from_static("application/json; x"));
        answer.latency = Duration::from_millis(500);
        for lines in [
            "",
            "status = [200, 204]",
            "body_contains = '\"ok\":true'",
            "body_matches = 'n.:\\d'",
            "json = { '$.ok' = true, '$.n' = 1.0, '$.big' = 1.5 }",
            "json = { '$.tags' = ['a', 'b'], '$.tags[1]' = 'b', '$.tags[*]' = ['a', 'b'] }",
            "json = { '$.none[*]' = [] }",
            "response_headers = { Content-Type = { matches = '^application/json' } }",
            "response_headers = { content-type = 'application/json; x' }",
            "max_latency = '500ms'",
        ] {
            assert_eq!(said(lines, &answer), Vec::<String>::new(), "{lines}");
        }
    }

    #[test]
    fn what_differs_is_told_with_both_sides() {
        let mut answer = body(r#"{"status":"starting","n":1,"tags":["a","b"]}"#);
        answer.headers.insert("content-type", HeaderValue::from_static("text/html"));
        answer.latency = Duration::from_millis(812);
        for (lines, expected) in [
            ("status = [201, 204]", "expected status 201 or 204, got 200"),
            (
                "body_contains = 'ready'",
                r#"expected the body to contain "ready", got "{"status":"starting","n":1,"tags":["a","b"]}""#,
            ),
            (
                "body_matches = '^ok$'",
                r#"expected the body to match /^ok$/, got "{"status":"starting","n":1,"tags":["a","b"]}""#,
            ),
            ("json = { '$.status' = 'up' }", r#"expected $.status to be "up", got "starting""#),
            ("json = { '$.n' = '1' }", r#"expected $.n to be "1", got 1"#),
            ("json = { '$.gone' = 1 }", "expected $.gone to be 1, got nothing there"),
            ("json = { '$.tags[*]' = 'a' }", r#"expected $.tags[*] to be "a", got ["a","b"]"#),
            ("json = { '$.tags[*]' = ['a'] }", r#"expected $.tags[*] to be ["a"], got ["a","b"]"#),
            (
                "response_headers = { content-type = 'application/json' }",
                r#"expected header content-type to be "application/json", got "text/html""#,
            ),
            (
                "response_headers = { x-frame-options = { matches = '.*' } }",
                "expected header x-frame-options to match /.*/, got none",
            ),
            ("max_latency = '500ms'", "expected an answer within 500ms, got 812 ms"),
            (
                "revision = '$.revision'",
                r#"expected $.revision to be the revision "abc123", got nothing there"#,
            ),
        ] {
            assert_eq!(said(lines, &answer), [expected], "{lines}");
        }
    }

    #[test]
    fn the_revision_is_the_deployed_one_or_the_check_fails() {
        let lines = "revision = '$.revision'";
        assert!(said(lines, &body(r#"{"revision":"abc123"}"#)).is_empty());
        for wrong in [r#"{"revision":"abc"}"#, r#"{"revision":["abc123"]}"#, r#"{"revision":null}"#]
        {
            assert_eq!(said(lines, &body(wrong)).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn all_that_differs_is_told_at_once() {
        let mut answer = body("busy");
        answer.status = StatusCode::SERVICE_UNAVAILABLE;
        let lines = "body_contains = 'ok'\njson = { '$.a' = 1 }\nrevision = '$.r'";
        assert_eq!(
            said(lines, &answer),
            [
                "expected status 200, got 503",
                "expected the body to contain \"ok\", got \"busy\"",
                "expected JSON, got \"busy\"",
            ]
        );
    }

    #[test]
    fn a_header_that_comes_twice_is_one_list() {
        let mut answer = body("");
        for value in ["a", "b"] {
            answer.headers.append(HeaderName::from_static("vary"), HeaderValue::from_static(value));
        }
        assert!(said("response_headers = { Vary = 'a, b' }", &answer).is_empty());
    }

    #[test]
    fn an_excerpt_is_one_short_line_without_secrets() {
        assert_eq!(excerpt("  one\r\ntwo\x1b[31m "), "one  two [31m");
        assert_eq!(excerpt(&"é".repeat(300)), "é".repeat(200) + "…");
        // Cut in the middle of the secret: half of it would be shown, were it cut first.
        step_core::secret::register("a-secret-of-the-service");
        let text = "x".repeat(195) + "a-secret-of-the-service";
        assert!(!excerpt(&text).contains("a-s"), "{}", excerpt(&text));
    }
}
