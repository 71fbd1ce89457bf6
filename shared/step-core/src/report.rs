//! What a step says about itself when it has ended.

use std::fmt::Display;
use std::path::Path;

use serde::Serialize;

use crate::{Exit, Fail, write_atomically};

/// The result of a step: [`Display`] for people, [`Serialize`] for machines.
pub trait Report: Serialize + Display {
    /// One word for what happened: `deployed`, `unchanged`, `pushed`, ...
    fn outcome(&self) -> &str;

    /// The error that this result amounts to, if it is a negative one. The report is printed
    /// all the same: a failed smoke test shows its checks.
    ///
    /// # Errors
    /// Why the step does not end with 0.
    fn verdict(&self) -> Result<(), Fail> {
        Ok(())
    }
}

/// The machine-readable report: the same frame for each step, whether it succeeded or not.
#[derive(Serialize)]
pub(crate) struct Envelope<'a, R: Serialize> {
    pub(crate) step: &'a str,
    pub(crate) version: &'a str,
    pub(crate) env: Option<&'a str>,
    pub(crate) dry_run: bool,
    pub(crate) outcome: &'a str,
    pub(crate) exit_code: u8,
    pub(crate) seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<&'a R>,
}

#[derive(Serialize)]
pub(crate) struct ErrorReport {
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<String>,
}

impl ErrorReport {
    pub(crate) fn of(err: &anyhow::Error) -> (Exit, Self) {
        let fail = Fail::of(err);
        let exit = fail.map_or(Exit::Failed, Fail::exit);
        let help = fail.and_then(Fail::help_text).map(str::to_owned);
        (exit, Self { message: format!("{err:#}"), help })
    }
}

impl<R: Serialize> Envelope<'_, R> {
    /// The report as JSON, without secrets.
    pub(crate) fn to_json(&self) -> anyhow::Result<String> {
        let mut json = serde_json::to_value(self)?;
        redact_strings(&mut json);
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_atomically(path, self.to_json()?.as_bytes())
    }
}

/// Redacts inside the strings, before they are escaped: a secret with a quote in it would not be
/// found in the JSON text.
fn redact_strings(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::String(text) => {
            if let std::borrow::Cow::Owned(clean) = crate::secret::redact(text) {
                *text = clean;
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(redact_strings),
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(redact_strings);
            let is_secret =
                |key: &String| matches!(crate::secret::redact(key), std::borrow::Cow::Owned(_));
            if fields.keys().any(is_secret) {
                let clean = |(key, value): (String, serde_json::Value)| {
                    (crate::secret::redact(&key).into_owned(), value)
                };
                *fields = std::mem::take(fields).into_iter().map(clean).collect();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_stays_json_and_has_no_secrets_in_keys_and_values() {
        crate::secret::register("hunter2\"hunter2");
        let report = serde_json::json!({
            "url": "http://a.test/b?key=abc\"", "after": 1, "hunter2\"hunter2": "hunter2\"hunter2"
        });
        let envelope = Envelope {
            step: "s",
            version: "1",
            env: None,
            dry_run: false,
            outcome: "done",
            exit_code: 0,
            seconds: 0.0,
            error: None,
            report: Some(&report),
        };
        let json = envelope.to_json().unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            read["report"],
            serde_json::json!({
                "url": "http://a.test/b?key=[MASKED]", "after": 1, "[MASKED]": "[MASKED]"
            })
        );
    }
}
