//! Secrets, and their removal from everything that is printed.
//!
//! GitLab's own masking is literal: it misses a secret in base64, in a URL, in JSON, or spread over
//! lines. Here each secret is also looked for in these forms, and known shapes of tokens are masked
//! even when nobody declared them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::{LazyLock, RwLock};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use regex_lite::{Captures, Regex};

/// What stands in place of a secret.
pub const MASK: &str = "[MASKED]";

/// Shorter values are not masked: `test` would turn every log into riddles. GitLab draws the same
/// line (masked variables have 8 characters or more).
const SHORTEST: usize = 8;

/// A value that is never printed: [`fmt::Debug`] and [`fmt::Display`] show a mask, and from its
/// construction on it is masked in all output of the process.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value and has it masked from now on.
    pub fn new(value: impl Into<String>) -> Self {
        let value = value.into();
        register(&value);
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(value: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(value))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Has a value masked in all output from now on, in its plain, base64, URL-encoded and JSON forms
/// and line by line. Values of fewer than eight characters are left alone.
pub fn register(value: &str) {
    let mut known = KNOWN.write().unwrap_or_else(std::sync::PoisonError::into_inner);
    for form in forms(value) {
        if !known.forms.contains(&form) {
            known.forms.push(form);
        }
    }
    known.matcher = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(&known.forms)
        .map_err(|err| tracing::warn!("secrets are not masked: {err}"))
        .ok();
}

/// What the name of a variable with a secret in it contains. `PASS` is also in `PASSPHRASE`, and in
/// `BYPASS`, whose values are not worth an exception.
const SECRET_WORDS: [&str; 8] =
    ["TOKEN", "PASS", "SECRET", "_KEY", "APIKEY", "CREDENTIAL", "AUTH", "COOKIE"];

/// How the name of a variable with a token in it ends: personal access tokens and JSON Web Tokens. Within a
/// name they are parts of other words, and `JWT_ISSUER` is none.
const SECRET_ENDS: [&str; 4] = ["PAT", "JWT", "JWT_V1", "JWT_V2"];

/// Whether a variable of this name holds a secret, as far as names can tell.
pub fn is_secret_name(name: &str) -> bool {
    // An author is no authorisation, the key of a setting of git is its name, and so is that of a
    // secret.
    let name = name.to_ascii_uppercase().replace("AUTHOR", "").replace("GIT_CONFIG_KEY_", "");
    if name == "LANDFALL_DATABASE_SECRET" {
        return false;
    }
    let is_end = |end: &str| {
        name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    let holds_a_secret = SECRET_WORDS.iter().any(|word| name.contains(word))
        || SECRET_ENDS.iter().any(|end| is_end(end));
    // A path to a secret is no secret, nor is an address.
    let names_a_place =
        ["_FILE", "_PATH", "_DIR", "_URI", "_URL", "_ARN", "_KEY_ID", "_SOCK", "PUBLIC_KEY"]
            .iter()
            .any(|end| name.ends_with(end));
    holds_a_secret && !names_a_place
}

/// Whether a value is a token, as its shape tells. What has one in it is another thing: settings of git and
/// addresses of registries, without which programs do not work.
pub fn is_token(value: &str) -> bool {
    let value = value.trim();
    SHAPES[..TOKENS].iter().any(|shape| shape.masked(value).is_some_and(|masked| masked == MASK))
}

/// Registers the values of all variables whose names say that they are secrets.
pub(crate) fn register_environment(variables: impl Iterator<Item = (String, String)>) {
    variables.filter(|(name, _)| is_secret_name(name)).for_each(|(_, value)| register(&value));
}

/// The text without secrets.
pub fn redact(text: &str) -> Cow<'_, str> {
    let known = KNOWN.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    let masked = match &known.matcher {
        Some(matcher) if matcher.is_match(text) => {
            let mut masked = String::with_capacity(text.len());
            matcher.replace_all_with(text, &mut masked, |_, _, masked| {
                masked.push_str(MASK);
                true
            });
            Cow::Owned(masked)
        }
        _ => Cow::Borrowed(text),
    };
    SHAPES.iter().fold(masked, |text, shape| match shape.masked(&text) {
        Some(masked) => Cow::Owned(masked),
        None => text,
    })
}

/// What stands for a password where the form of a URL is explained.
const PLACEHOLDER: &str = ":PASSWORD@";

#[derive(Default)]
struct Known {
    forms: Vec<String>,
    matcher: Option<AhoCorasick>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// How a secret tells itself. It lies in one line.
struct Shape {
    /// What a line holds in which there may be one. The patterns are slow, and most lines hold none.
    marks: [&'static str; 2],
    pattern: Regex,
    replacement: &'static str,
}

impl Shape {
    #[expect(clippy::expect_used, reason = "the patterns are constants, and a test builds them")]
    fn new(marks: [&'static str; 2], pattern: &str, replacement: &'static str) -> Self {
        Self { marks, pattern: Regex::new(pattern).expect("a valid pattern"), replacement }
    }

    /// The text without it; nothing if it is not in there.
    fn masked(&self, text: &str) -> Option<String> {
        let may_hold = |line: &str| self.marks.iter().all(|mark| line.contains(mark));
        if !may_hold(text) {
            return None;
        }
        let replacement = |found: &Captures<'_>| self.replacement_of(found);
        let mut masked = String::with_capacity(text.len());
        let mut is_in = false;
        for line in text.split_inclusive('\n') {
            if may_hold(line) && self.pattern.is_match(line) {
                masked.push_str(&self.pattern.replace_all(line, replacement));
                is_in = true;
            } else {
                masked.push_str(line);
            }
        }
        is_in.then_some(masked)
    }

    fn replacement_of(&self, found: &Captures<'_>) -> String {
        let before = found.get(1).map_or("", |before| before.as_str());
        // The whole of it: a password may end so.
        if found[0].strip_prefix(before) == Some(PLACEHOLDER) {
            return found[0].to_owned();
        }
        let mut masked = String::new();
        found.expand(self.replacement, &mut masked);
        masked
    }
}

/// Tokens that tell themselves by their shape, and passwords in URLs.
static SHAPES: LazyLock<[Shape; 7]> = LazyLock::new(|| {
    [
        // The first `TOKENS` of them are tokens.
        // GitLab: glpat-, glcbt-, gldt-, glrt-, ...
        Shape::new(["gl", "-"], r"\bgl[a-z]{2,6}-[0-9A-Za-z_.-]{20,}", MASK),
        // GitHub
        Shape::new(["gh", "_"], r"\bgh[pousr]_[0-9A-Za-z]{36,}", MASK),
        Shape::new(["github_pat_", "_"], r"\bgithub_pat_[0-9A-Za-z_]{36,}", MASK),
        // JSON Web Tokens: two base64url objects and a signature
        Shape::new(
            ["eyJ", ".eyJ"],
            r"\beyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]*",
            MASK,
        ),
        // scheme://user:password@host
        Shape::new(["://", "@"], r"(://[^/\s:@]*):[^/\s@]+@", "$1:[MASKED]@"),
        // ?token=..., &api_key=..., and the signature of a presigned address
        Shape::new(["?", "="], &format!(r"(?i)([?]{PARAMETER})[^&\s]+"), "$1[MASKED]"),
        Shape::new(["&", "="], &format!(r"(?i)([&]{PARAMETER})[^&\s]+"), "$1[MASKED]"),
    ]
});

/// How many of [`SHAPES`] are tokens by themselves.
const TOKENS: usize = 4;

/// The name of a parameter that holds a secret, as far as names can tell.
const PARAMETER: &str = "[a-z0-9_.-]*(?:token|secret|password|passwd|key|signature)=";

/// All forms in which a value may appear in output.
fn forms(value: &str) -> Vec<String> {
    let whole = value.trim();
    // Each line of a key or certificate is a secret of its own, for output comes line by line.
    let lines = whole.lines().map(str::trim);
    std::iter::once(whole)
        .chain(lines)
        .filter(|piece| piece.len() >= SHORTEST)
        .flat_map(|piece| {
            let mut forms = base64_forms(piece);
            forms.push(utf8_percent_encode(piece, NON_ALPHANUMERIC).to_string());
            forms.push(utf8_percent_encode(piece, RESERVED).to_string());
            forms.extend(json_form(piece));
            forms.push(piece.to_owned());
            forms
        })
        .filter(|form| form.len() >= SHORTEST)
        .collect()
}

/// All but what RFC 3986 calls unreserved, and most programs leave as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A value within a string of JSON, with its escapes.
fn json_form(piece: &str) -> Option<String> {
    let quoted = serde_json::to_string(piece).ok()?;
    Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// Base64 of a value depends on what stands before it: the three alignments, each without the
/// characters that also hold bits of its neighbours.
fn base64_forms(piece: &str) -> Vec<String> {
    (0..3)
        .flat_map(|offset| {
            let padded = [&b"\0\0"[..offset], piece.as_bytes()].concat();
            let skip = [0, 2, 3][offset];
            let whole_characters = padded.len() * 8 / 6;
            [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)]
                .map(|text| text[skip..whole_characters].to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_form() {
        let secret = Secret::new("s3cr3t/with+odd&characters?");
        let value = secret.expose();
        assert_eq!(format!("{secret} {secret:?}"), "[MASKED] [MASKED]");
        for text in [
            format!("the password is {value}."),
            base64::engine::general_purpose::STANDARD.encode(format!("AWS:{value}")),
            base64::engine::general_purpose::STANDARD.encode(format!("user:{value}")),
            URL_SAFE_NO_PAD.encode(format!("x{value}")),
            format!("https://host/?q={}", utf8_percent_encode(value, NON_ALPHANUMERIC)),
        ] {
            let shown = redact(&text);
            assert!(shown.contains(MASK), "{text} was shown as {shown}");
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
    }

    #[test]
    fn a_secret_is_masked_in_addresses_and_json_as_others_write_it() {
        let value = r#"~t1lde-and_dot.with/"quotes"\"#;
        register(value);
        for text in [
            r"https://host/?q=~t1lde-and_dot.with%2F%22quotes%22%5C".to_owned(),
            serde_json::json!({ "said": value }).to_string(),
            format!("{value:?}"),
        ] {
            let shown = redact(&text);
            assert!(shown.contains(MASK), "{text} was shown as {shown}");
            assert!(!shown.contains("t1lde") && !shown.contains("quotes"), "{shown}");
        }
    }

    #[test]
    fn among_many_lines_those_with_a_secret_are_masked_and_the_others_stay() {
        let token = format!("glpat-{}", "x".repeat(20));
        let plain = "global-scope gh_x eyJ ://a@b ?a=b&c=d\r\n\n".repeat(50);
        let text = format!("{plain}1 {token}\n{plain}2 {token}, {token}\n{plain}?x_token=1&key=2");
        let masked = format!(
            "{plain}1 [MASKED]\n{plain}2 [MASKED], [MASKED]\n{plain}?x_token=[MASKED]&key=[MASKED]"
        );
        assert_eq!(redact(&text), masked);
        assert!(matches!(redact(&plain), Cow::Borrowed(_)));
    }

    #[test]
    fn each_line_of_a_key_is_masked_by_itself() {
        register(
            "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\n-----END KEY-----",
        );
        assert_eq!(redact("line: 9w0BAQEFAASCBKcwggSj"), "line: [MASKED]");
    }

    #[test]
    fn short_values_are_left_alone() {
        register("test");
        assert_eq!(redact("the test passed"), "the test passed");
    }

    #[test]
    fn tokens_are_known_by_their_shape() {
        assert_eq!(redact("got glpat-aBcDeFgHiJkLmNoPqRsT!"), "got [MASKED]!");
        assert_eq!(redact("postgres://app:hunter2@db/x"), "postgres://app:[MASKED]@db/x");
        assert_eq!(redact("id eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln ok"), "id [MASKED] ok");
        assert_eq!(redact("https://example.com:8443/a"), "https://example.com:8443/a");
        // The form of a URL, in a manual page or a hint.
        let form = "postgres://USER:PASSWORD@HOST/DATABASE";
        assert_eq!(redact(form), form);
        assert_eq!(redact("postgres://a:real:PASSWORD@h/d"), "postgres://a:[MASKED]@h/d");
        assert_eq!(redact("GET /x?page=2&api_key=abc&y=1"), "GET /x?page=2&api_key=[MASKED]&y=1");
    }

    #[test]
    fn a_token_is_told_from_what_has_one_in_it() {
        for token in [
            "glpat-aBcDeFgHiJkLmNoPqRsT",
            "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln\n",
            &format!("ghp_{}", "a1".repeat(18)),
            &format!("github_pat_{}", "a1".repeat(18)),
        ] {
            assert!(is_token(token), "{token}");
            assert_eq!(redact(token).trim_end(), MASK, "{token}");
        }
        let settings = "https://oauth2:glpat-aBcDeFgHiJkLmNoPqRsT@h";
        for other in [settings, "http://me:hunter2@proxy:3128", "glpat", "https://h/?token=1"] {
            assert!(!is_token(other), "{other}");
        }
    }

    #[test]
    fn names_of_secrets_are_told_from_names_of_places() {
        for name in [
            "CI_JOB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "db_password",
            "MY_PASS",
            "NPM_AUTH",
            "SIGNING_KEY",
            "GITLAB_PAT",
            "PAT",
            "CI_JOB_JWT",
            "CI_JOB_JWT_V2",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "PATH",
            "CI_COMMIT_SHA",
            "SECRET_ARN",
            "AWS_ACCESS_KEY_ID",
            "CI_COMMIT_AUTHOR",
            "SSH_AUTH_SOCK",
            "LANDFALL_DATABASE_SECRET",
            "GIT_CONFIG_KEY_0",
            "JWT_ISSUER",
            "PATTERN",
            "SPAT",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
