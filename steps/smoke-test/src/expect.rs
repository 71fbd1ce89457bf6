//! What is wrong with an answer. No I/O.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;
use step_core::secret::{self, redact};

use crate::checks::{Capture, Expected, HeaderRule, Http};
use crate::template::Captures;
use crate::text::Text;

/// What came back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Its text; what is not UTF-8 is replaced.
    pub(crate) body: String,
    /// The first byte of the body that is not UTF-8.
    pub(crate) not_utf8_at: Option<usize>,
    /// Until the last byte, redirects included.
    pub(crate) latency: Duration,
    /// When the certificate of the server ends, if it has one.
    pub(crate) tls_until: Option<Timestamp>,
}

/// What an answer is compared with besides the check itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// The revision that was deployed.
    pub(crate) revision: Option<&'a str>,
    /// The time by the clock of this machine.
    pub(crate) now: Timestamp,
}

/// Something in an answer that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What it is about: `status`, `body`, `$.json.path`, `header NAME`, `latency`, `revision`,
    /// `certificate`, `capture NAME`, `program`, or `answer` when there was none.
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

    /// A program did not end as it should.
    pub(crate) fn of_program(expected: &str, actual: String) -> Self {
        Self::new("program", expected.to_owned(), actual)
    }

    /// In a word or two, for a line of progress: without what differs in each answer.
    pub(crate) fn brief(&self) -> &str {
        if matches!(&*self.topic, "answer" | "status" | "program") {
            &self.actual
        } else {
            &self.topic
        }
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
pub(crate) fn mismatches(check: &Http, answer: &Answer, known: Known<'_>) -> Vec<Mismatch> {
    let mut found = Vec::new();
    found.extend(status(check, answer));
    found.extend(check.response_headers.iter().filter_map(|(name, rule)| {
        let values = answer.headers.get_all(name).iter();
        let values: Vec<_> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
        header(name.as_str(), rule, &values.join(", "), !values.is_empty())
    }));
    found.extend(text(check, answer));
    found.extend(json(check, answer, known.revision));
    found.extend(latency(check, answer));
    found.extend(certificate(check, answer, known.now));
    found
}

/// Takes from an answer what later checks use. What is a secret in it is masked from now on, even
/// if it cannot be captured.
///
/// # Errors
/// What could not be captured, for each capture.
pub(crate) fn captured(check: &Http, answer: &Answer) -> Result<Captures, Vec<Mismatch>> {
    let document = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
    // Before the first of them is shown: one capture may show the secret of another.
    for capture in check.capture.iter().filter(|capture| capture.is_secret) {
        capture.path.query(&document).all().into_iter().for_each(mask);
    }
    let mut captures = Captures::new();
    let mut wrong = Vec::new();
    for Capture { name, path, .. } in &check.capture {
        let found = path.query(&document).all();
        let value = match found[..] {
            [Value::String(text)] => Some(text.clone()),
            [value @ (Value::Number(_) | Value::Bool(_))] => Some(value.to_string()),
            _ => None,
        };
        if let Some(value) = value {
            captures.insert(name.clone(), value);
        } else {
            let expected = format!("{path} to be one value, for `{name}`");
            wrong.push(Mismatch::new(format!("capture {name}"), expected, listed(&found)));
        }
    }
    if wrong.is_empty() { Ok(captures) } else { Err(wrong) }
}

/// Has every text and number in a value masked.
fn mask(value: &Value) {
    match value {
        Value::String(text) => secret::register(text),
        Value::Number(number) => secret::register(&number.to_string()),
        Value::Array(all) => all.iter().for_each(mask),
        Value::Object(all) => all.values().for_each(mask),
        Value::Null | Value::Bool(_) => {}
    }
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

fn status(check: &Http, answer: &Answer) -> Option<Mismatch> {
    if check.status.allow(answer.status) {
        return None;
    }
    let expected = format!("status {}", check.status);
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

/// What the body has to be as text. A body that is no text is not looked into.
fn text(check: &Http, answer: &Answer) -> Vec<Mismatch> {
    let is_read =
        check.body_contains.is_some() || check.body_matches.is_some() || reads_json(check);
    if let Some(at) = answer.not_utf8_at.filter(|_| is_read) {
        let actual = format!("{}, whose byte {at} is none", quoted(&answer.body));
        return vec![Mismatch::new("body", "the body to be UTF-8".to_owned(), actual)];
    }
    let wrong = |expected| Mismatch::new("body", expected, quoted(&answer.body));
    let contains = check.body_contains.as_ref().filter(|part| !answer.body.contains(*part));
    let contains = contains.map(|part| wrong(format!("the body to contain {part:?}")));
    let matches = check.body_matches.as_ref().filter(|regex| !regex.is_match(&answer.body));
    let matches = matches.map(|regex: &Regex| wrong(format!("the body to match /{regex}/")));
    contains.into_iter().chain(matches).collect()
}

fn reads_json(check: &Http) -> bool {
    !check.json.is_empty() || check.revision.is_some() || !check.capture.is_empty()
}

fn json(check: &Http, answer: &Answer, revision: Option<&str>) -> Vec<Mismatch> {
    if !reads_json(check) || answer.not_utf8_at.is_some() {
        return Vec::new();
    }
    let Ok(document) = serde_json::from_str::<Value>(&answer.body) else {
        return vec![Mismatch::new("body", "JSON".to_owned(), quoted(&answer.body))];
    };
    let values = check.json.iter().filter_map(|(path, Expected(expected))| {
        let found = path.query(&document).all();
        let topic = path.to_string();
        let wanted = format!("{topic} to be {}", shown(expected));
        (!is(&found, expected)).then(|| Mismatch::new(topic, wanted, listed(&found)))
    });
    let revision = check.revision.as_ref().zip(revision).and_then(|(path, revision)| {
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

/// Equality of JSON, in which 1 and 1.0 are the same number. Two integers are compared to the last
/// digit, which those above 2^53 would lose as floating-point numbers.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
        }
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

/// Counts whole days, by the clock of this machine, as the check of the certificate itself does.
fn certificate(check: &Http, answer: &Answer, now: Timestamp) -> Option<Mismatch> {
    let least = check.tls_days_left?;
    let expected = format!("a certificate that is valid for {least} more days");
    let Some(until) = answer.tls_until else {
        return Some(Mismatch::new("certificate", expected, "an answer without TLS".to_owned()));
    };
    let left = until.duration_since(now).as_secs().div_euclid(DAY);
    (left < i64::from(least)).then(|| {
        let actual = format!("one that ends in {left} days, at {until}");
        Mismatch::new("certificate", expected, actual)
    })
}

/// Seconds.
const DAY: i64 = 24 * 60 * 60;

fn latency(check: &Http, answer: &Answer) -> Option<Mismatch> {
    let most = check.max_latency?;
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
    fn check(lines: &str) -> Http {
        Http::from_lines(lines)
    }

    fn said(lines: &str, answer: &Answer) -> Vec<String> {
        let known = Known { revision: Some("abc123"), now: at("2026-03-01T00:00:00Z") };
        mismatches(&check(lines), answer, known).iter().map(ToString::to_string).collect()
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn body(text: &str) -> Answer {
        Answer { body: text.to_owned(), ..Answer::default() }
    }

    #[test]
    fn what_is_as_expected_passes() {
        let mut answer = body(r#"{"ok":true,"n":1,"big":1.5,"tags":["a","b"],"at":{"z":null}}"#);
        answer.headers.insert("content-type", HeaderValue::from_static("application/json; x"));
        answer.latency = Duration::from_millis(500);
        answer.tls_until = Some(at("2026-03-15T00:00:00Z"));
        for lines in [
            "",
            "status = [200, 204]",
            "status = '2xx'",
            "tls_days_left = 14",
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
        answer.tls_until = Some(at("2026-03-15T23:59:59Z"));
        for (lines, expected) in [
            ("status = [201, 204]", "expected status 201 or 204, got 200"),
            ("status = '4xx'", "expected status 400-499, got 200"),
            (
                "tls_days_left = 15",
                "expected a certificate that is valid for 15 more days, got one that ends in 14 days, at 2026-03-15T23:59:59Z",
            ),
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
    fn integers_are_compared_to_the_last_digit() {
        let lines = "json = { '$.n' = 9007199254740993 }";
        assert!(said(lines, &body(r#"{"n":9007199254740993}"#)).is_empty());
        assert_eq!(
            said(lines, &body(r#"{"n":9007199254740992}"#)),
            ["expected $.n to be 9007199254740993, got 9007199254740992"]
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

    #[test]
    fn a_certificate_that_has_ended_or_is_not_there_is_told() {
        let mut answer = body("");
        assert_eq!(
            said("tls_days_left = 0", &answer),
            ["expected a certificate that is valid for 0 more days, got an answer without TLS"]
        );
        answer.tls_until = Some(at("2026-02-28T23:59:00Z"));
        assert!(said("tls_days_left = 0", &answer)[0].contains("ends in -1 days"));
        answer.tls_until = Some(at("2026-03-01T00:00:01Z"));
        assert!(said("tls_days_left = 0", &answer).is_empty());
    }

    #[test]
    fn a_body_that_is_no_text_is_told_where_it_is_read_and_nowhere_else() {
        let answer = Answer { not_utf8_at: Some(3), ..body("abc\u{fffd}") };
        for lines in ["body_contains = 'abc'", "json = { '$' = 1 }", "revision = '$.r'"] {
            assert_eq!(
                said(lines, &answer),
                ["expected the body to be UTF-8, got \"abc\u{fffd}\", whose byte 3 is none"],
                "{lines}"
            );
        }
        assert!(said("status = 200", &answer).is_empty());
    }

    #[test]
    fn one_plain_value_is_captured_and_a_secret_is_masked() {
        let lines = "capture = { id = '$.id', ok = '$.ok', login_token = '$.t' }";
        let answer = body(r#"{"id":7,"ok":true,"t":"only-for-this-session","list":[1,2]}"#);
        let captures = captured(&check(lines), &answer).unwrap();
        assert_eq!((&*captures["id"], &*captures["ok"]), ("7", "true"));
        assert_eq!(secret::redact("only-for-this-session"), "[MASKED]");
        // A secret that cannot be captured is one, too.
        let lines = "capture = { whole = '$', api_token = '$.all[*]' }";
        let answer = body(r#"{"all":["first-of-two-tokens",{"n":"second-of-two-tokens"}]}"#);
        let wrong = captured(&check(lines), &answer).unwrap_err();
        assert!(!format!("{wrong:?}").contains("of-two-tokens"), "{wrong:?}");
        let answer = body(r#"{"id":7,"list":[1,2]}"#);
        for (path, actual) in
            [("$.list", "[1,2]"), ("$.list[*]", "[1,2]"), ("$.no", "nothing there")]
        {
            let wrong = captured(&check(&format!("capture = {{ x = '{path}' }}")), &answer);
            let wrong = wrong.unwrap_err()[0].to_string();
            assert_eq!(wrong, format!("expected {path} to be one value, for `x`, got {actual}"));
        }
    }
}
