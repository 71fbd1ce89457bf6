//! The verdict on an image in an environment: `smoke-test` writes it, and a deployment to the next
//! environment asks for it.
//!
//! ```json
//! {
//!   "format": 1,
//!   "digest": "sha256:0d1e...",
//!   "environment": "qa",
//!   "revision": "5604414e...",
//!   "time": "2026-03-31T09:26:05Z",
//!   "checks": [{ "name": "health", "outcome": "passed" }],
//!   "signature": "hmac-sha256:9f86..."
//! }
//! ```
//!
//! The file has no word of its own for "passed": a verdict is good when each of its checks is.
//!
//! # Signature
//!
//! HMAC-SHA256 ([RFC 2104](https://www.rfc-editor.org/rfc/rfc2104)), with the text of a variable as
//! the key. Both sides are jobs of one project and read the same protected variable, so that a pair
//! of keys would separate nobody; it would be two variables to look after, and a form of keys to
//! explain.
//!
//! What is signed is the file as compact JSON without `signature`, its fields in the order from
//! above, absent ones left out. An unknown field is an error, so that nothing in the file stands
//! beside the signature. By hand:
//!
//! ```sh
//! jq -cj 'del(.signature)' verdict.json | openssl dgst -sha256 -hmac "$LANDFALL_VERDICT_KEY"
//! ```

use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::Context;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use step_core::secret::Secret;
use step_core::{Exit, Fail, FailContext, write_atomically};

/// Where the verdict lies when nothing else is said.
pub const DEFAULT_FILE: &str = ".landfall/verdict.json";

/// What was found out about an image in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The form of this file.
    pub format: Format,
    /// Digest of the image that was deployed, `sha256:...`. Without it no image is admitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
    /// The environment in which it was tested. Without it no image is admitted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub environment: Option<String>,
    /// The revision that the image was built from, a commit hash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub revision: Option<String>,
    /// When the last check ended, RFC 3339, by the clock of the machine that tested. It is for
    /// people: no decision hangs on it, for clocks are wrong.
    pub time: String,
    /// The checks and what became of each.
    pub checks: Vec<Check>,
    /// `hmac-sha256:` and 64 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    signature: Option<String>,
}

/// A check that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed, or was never made to the end.
    Failed,
}

/// The number of the form in which a verdict is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Format;

impl From<Format> for u32 {
    fn from(_: Format) -> Self {
        1
    }
}

impl TryFrom<u32> for Format {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        match number {
            1 => Ok(Self),
            other => Err(format!("this version reads verdicts of format 1, not of format {other}")),
        }
    }
}

/// What signs a verdict, and proves that it was signed.
#[derive(Debug, Clone)]
pub struct Key(Secret);

impl Key {
    /// The key in a variable's text; white space around it does not count.
    ///
    /// # Errors
    /// Exit 2: it is too short to keep anybody out.
    pub fn new(secret: &Secret) -> Result<Self, Fail> {
        let text = secret.expose().trim();
        if text.len() < SHORTEST_KEY {
            let message = format!("the key of verdicts has fewer than {SHORTEST_KEY} characters");
            return Err(Fail::invalid(message).help(
                "make one with `openssl rand -hex 32`, and keep it in a protected, masked variable",
            ));
        }
        Ok(Self(Secret::new(text)))
    }

    fn mac(&self, bytes: &[u8]) -> anyhow::Result<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes());
        let mut mac = mac.context("use the key of verdicts")?;
        mac.update(bytes);
        Ok(mac)
    }
}

/// Characters of a key. 32 hexadecimal digits are 128 bits.
const SHORTEST_KEY: usize = 32;
/// What stands before the digits of a signature.
const ALGORITHM: &str = "hmac-sha256:";
/// Bytes of a file that are read. A verdict on a thousand checks has a tenth of it.
const LARGEST: u64 = 1 << 20;

impl Verdict {
    /// A verdict that is not signed yet.
    pub fn new(time: impl Into<String>, checks: Vec<Check>) -> Self {
        Self {
            format: Format,
            digest: None,
            environment: None,
            revision: None,
            time: time.into(),
            checks,
            signature: None,
        }
    }

    /// Reads a verdict; what it is worth says [`Verdict::admits`].
    ///
    /// # Errors
    /// Exit 8: there is none, or it is not one.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let mut text = String::new();
        let read = std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
        match read {
            Ok(_) if text.len() as u64 <= LARGEST => {}
            Ok(_) => return Err(refused(format!("{shown} is too large for a verdict")).into()),
            Err(err) if err.kind() == ErrorKind::NotFound => {
                return Err(refused(format!("there is no verdict {shown}")).into());
            }
            Err(err) => return Err(err).or_fail(|| refused(format!("cannot read {shown}"))),
        }
        serde_json::from_str(&text).or_fail(|| refused(format!("{shown} is not a verdict")))
    }

    /// Writes the verdict, signed if there is a key.
    ///
    /// # Errors
    /// Names the path.
    pub fn write(mut self, path: &Path, key: Option<&Key>) -> anyhow::Result<()> {
        self.signature = key.map(|key| self.signed_by(key)).transpose()?;
        write_atomically(path, (serde_json::to_string_pretty(&self)? + "\n").as_bytes())
    }

    /// Whether the image with this digest was tested with success in `environment`. With a key
    /// the verdict has to be signed with it; without one, whoever can write the file is believed.
    ///
    /// # Errors
    /// Exit 8: why not. Nothing of a verdict with a wrong signature is told, for it says nothing.
    pub fn admits(&self, digest: &str, environment: &str, key: Option<&Key>) -> Result<(), Fail> {
        if let Some(key) = key {
            self.is_signed_by(key)?;
        }
        if self.digest.as_deref() != Some(digest) {
            let tested = self.digest.as_deref().unwrap_or("no image");
            return Err(refused(format!("the verdict is on {tested:?}, not on {digest}")));
        }
        if self.environment.as_deref() != Some(environment) {
            let tested = self.environment.as_deref().unwrap_or("no environment");
            return Err(refused(format!("the verdict is from {tested:?}, not from {environment}")));
        }
        if self.checks.is_empty() {
            return Err(refused("the verdict rests on no checks".to_owned()));
        }
        let failed: Vec<String> = self.failed().map(|check| format!("{:?}", check.name)).collect();
        if !failed.is_empty() {
            let message = format!("checks failed in {environment}: {}", failed.join(", "));
            return Err(Fail::new(Exit::Refused, message)
                .help("mend what failed, deploy it there, and let smoke-test pass"));
        }
        Ok(())
    }

    fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome != Outcome::Passed)
    }

    fn signed_by(&self, key: &Key) -> anyhow::Result<String> {
        let mac = key.mac(&self.canonical()?)?.finalize().into_bytes();
        Ok(format!("{ALGORITHM}{}", hex::encode(mac)))
    }

    /// Compares in constant time: how long it takes tells nothing of the right signature.
    fn is_signed_by(&self, key: &Key) -> Result<(), Fail> {
        let Some(signature) = &self.signature else {
            return Err(refused("the verdict is not signed".to_owned())
                .help("give smoke-test the same key, LANDFALL_VERDICT_KEY, and run it again"));
        };
        let signature = signature.strip_prefix(ALGORITHM).and_then(|hex| hex::decode(hex).ok());
        let mac = self.canonical().and_then(|bytes| key.mac(&bytes));
        let is_right = signature.zip(mac.ok()).is_some_and(|(signature, mac)| {
            // Not `==`: this one is constant in time.
            mac.verify_slice(&signature).is_ok()
        });
        if is_right {
            return Ok(());
        }
        Err(refused("the signature of the verdict is wrong".to_owned()).help(
            "it was changed after smoke-test, or was signed with another key: compare \
             LANDFALL_VERDICT_KEY of both jobs, and run smoke-test again",
        ))
    }

    /// What is signed: see the head of this file.
    fn canonical(&self) -> anyhow::Result<Vec<u8>> {
        let unsigned = Self { signature: None, ..self.clone() };
        Ok(serde_json::to_vec(&unsigned)?)
    }
}

/// The digest in a reference `HOST/NAME@sha256:...`.
pub fn digest_of(image: &str) -> Option<&str> {
    let (_, digest) = image.rsplit_once('@')?;
    is_digest(digest).then_some(digest)
}

/// Whether this is a whole digest, `sha256:` and 64 lower-case hexadecimal digits.
pub fn is_digest(text: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let digits = text.strip_prefix("sha256:");
    digits.is_some_and(|digits| digits.len() == 64 && digits.bytes().all(is_hex))
}

fn refused(message: String) -> Fail {
    Fail::new(Exit::Refused, message)
        .help("run deploy-fargate and smoke-test in the environment before, with this image")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn key(letter: &str) -> Key {
        Key::new(&Secret::new(letter.repeat(40))).unwrap()
    }

    fn good() -> Verdict {
        let check = |name: &str| Check { name: name.to_owned(), outcome: Outcome::Passed };
        Verdict {
            digest: Some(DIGEST.to_owned()),
            environment: Some("qa".to_owned()),
            revision: Some("5604414".to_owned()),
            ..Verdict::new("2026-03-31T09:26:05Z", vec![check("health"), check("ü \"quoted\"")])
        }
    }

    /// The file that smoke-test would leave, changed by somebody, and read again.
    fn file(signed: Option<&Key>, change: impl Fn(String) -> String) -> anyhow::Result<Verdict> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("verdict.json");
        good().write(&path, signed).unwrap();
        std::fs::write(&path, change(std::fs::read_to_string(&path).unwrap())).unwrap();
        Verdict::read(&path)
    }

    #[track_caller]
    fn assert_refused(result: Result<(), Fail>, message: &str) {
        let fail = result.unwrap_err();
        assert_eq!(fail.exit(), Exit::Refused);
        assert!(fail.to_string().contains(message), "{fail} has no `{message}`");
        assert!(fail.help_text().is_some_and(|help| !help.is_empty()));
    }

    #[test]
    fn a_good_verdict_admits_its_image_with_and_without_a_key() {
        let signed = file(Some(&key("a")), |text| text).unwrap();
        signed.admits(DIGEST, "qa", Some(&key("a"))).unwrap();
        signed.admits(DIGEST, "qa", None).unwrap();
        let unsigned = file(None, |text| text).unwrap();
        unsigned.admits(DIGEST, "qa", None).unwrap();
    }

    #[test]
    fn a_verdict_without_a_signature_is_refused_where_there_is_a_key() {
        let verdict = file(None, |text| text).unwrap();
        assert_refused(verdict.admits(DIGEST, "qa", Some(&key("a"))), "not signed");
    }

    #[test]
    fn a_verdict_that_was_changed_is_refused() {
        let other = DIGEST.replace("0123", "3210");
        for (from, to) in [
            (DIGEST, other.as_str()),
            ("\"qa\"", "\"prod\""),
            ("5604414", "5604415"),
            ("09:26:05", "09:26:06"),
            ("health", "healthy"),
            ("passed", "failed"),
            ("  \"revision\": \"5604414\",\n", ""),
            ("hmac-sha256:", "hmac-sha256:00"),
            ("hmac-sha256:", "hmac-md5:"),
            ("hmac-sha256:", "hmac-sha256:x"),
        ] {
            let verdict = file(Some(&key("a")), |text| {
                assert!(text.contains(from), "{from}");
                text.replace(from, to)
            });
            let verdict = verdict.unwrap();
            for digest in [DIGEST, &other] {
                for environment in ["qa", "prod"] {
                    let admits = verdict.admits(digest, environment, Some(&key("a")));
                    assert_refused(admits, "signature of the verdict is wrong");
                }
            }
        }
    }

    #[test]
    fn every_changed_character_of_a_signature_is_seen() {
        let text = std::cell::RefCell::new(String::new());
        file(Some(&key("a")), |written| text.replace(written.clone()) + &written).unwrap();
        let text = text.into_inner();
        let digits = text.find(ALGORITHM).unwrap() + ALGORITHM.len();
        for at in digits..digits + 64 {
            let digit = if &text[at..=at] == "0" { "1" } else { "0" };
            let changed = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            let verdict: Verdict = serde_json::from_str(&changed).unwrap();
            assert_refused(verdict.admits(DIGEST, "qa", Some(&key("a"))), "is wrong");
        }
    }

    #[test]
    fn a_verdict_that_was_signed_with_another_key_is_refused() {
        let verdict = file(Some(&key("b")), |text| text).unwrap();
        assert_refused(verdict.admits(DIGEST, "qa", Some(&key("a"))), "signature");
    }

    #[test]
    fn a_verdict_on_something_else_is_refused() {
        let other = DIGEST.replace('0', "1");
        for key in [None, Some(&key("a"))] {
            let verdict = file(key, |text| text).unwrap();
            assert_refused(verdict.admits(&other, "qa", key), &format!("not on {other}"));
            assert_refused(verdict.admits(DIGEST, "prod", key), "from \"qa\", not from prod");
        }
        let nothing = Verdict { digest: None, ..good() };
        assert_refused(nothing.admits(DIGEST, "qa", None), "no image");
        let nowhere = Verdict { environment: None, ..good() };
        assert_refused(nowhere.admits(DIGEST, "qa", None), "no environment");
    }

    #[test]
    fn a_verdict_with_failed_checks_or_none_is_refused() {
        let mut failed = good();
        failed.checks[1].outcome = Outcome::Failed;
        assert_refused(failed.admits(DIGEST, "qa", None), r#"failed in qa: "ü \"quoted\"""#);
        let empty = Verdict { checks: Vec::new(), ..good() };
        assert_refused(empty.admits(DIGEST, "qa", None), "no checks");
    }

    #[test]
    fn a_file_that_is_no_verdict_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Verdict::read(&folder.path().join("none.json")).unwrap_err();
        assert!(missing.to_string().starts_with("there is no verdict "), "{missing}");
        assert!(Verdict::read(folder.path()).unwrap_err().to_string().starts_with("cannot read"));
        for (change, reason) in [
            (("\"format\": 1", "\"format\": 2"), "not of format 2"),
            (("\"format\": 1", "\"force\": true,\n\"format\": 1"), "unknown field `force`"),
            (("\"passed\"", "\"skipped\""), "unknown variant `skipped`"),
            (("\"format\": 1", "\"time\": \"\",\n\"format\": 1"), "duplicate field `time`"),
            (("\n}\n", ""), "EOF"),
        ] {
            let err = file(None, |text| text.replace(change.0, change.1)).unwrap_err();
            assert_eq!(Fail::of(&err).unwrap().exit(), Exit::Refused);
            assert!(format!("{err:#}").contains(reason), "{err:#} has no `{reason}`");
        }
        let large = file(None, |text| " ".repeat(2 << 20) + &text).unwrap_err();
        assert!(large.to_string().ends_with("too large for a verdict"), "{large}");
    }

    #[test]
    fn a_short_key_is_an_error_and_white_space_around_a_key_does_not_count() {
        let err = Key::new(&Secret::new("x".repeat(31) + "\n")).unwrap_err();
        assert_eq!(err.exit(), Exit::Invalid);
        assert!(err.help_text().unwrap().contains("openssl rand"));
        let spaced = Key::new(&Secret::new(format!("{}\n", "a".repeat(40)))).unwrap();
        let verdict = file(Some(&spaced), |text| text).unwrap();
        verdict.admits(DIGEST, "qa", Some(&key("a"))).unwrap();
    }

    #[test]
    fn openssl_computes_the_same_signature() {
        // The file as `jq -cj 'del(.signature)'` prints it.
        let compact = format!(
            r#"{{"format":1,"digest":"{DIGEST}","environment":"qa","revision":"5604414","time":"2026-03-31T09:26:05Z","checks":[{{"name":"health","outcome":"passed"}},{{"name":"ü \"quoted\"","outcome":"passed"}}]}}"#
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("compact.json");
        std::fs::write(&path, compact).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-hmac", &"a".repeat(40)]).arg(&path);
        let said = String::from_utf8(openssl.output().unwrap().stdout).unwrap();
        let expected = said.trim().rsplit_once(' ').unwrap().1;
        assert_eq!(expected.len(), 64, "{said}");
        let verdict = file(Some(&key("a")), |text| text).unwrap();
        assert_eq!(verdict.signature.unwrap(), format!("hmac-sha256:{expected}"));
    }

    #[test]
    fn a_digest_is_taken_from_a_pinned_reference_only() {
        assert_eq!(digest_of(&format!("host/name@{DIGEST}")), Some(DIGEST));
        for image in ["host/name:tag", "host/name@sha256:12", &DIGEST.to_uppercase()] {
            assert_eq!(digest_of(image), None, "{image}");
        }
    }
}
