//! Text with gaps: `${NAME}` is the value of an environment variable, `{{name}}` what an earlier
//! check captured. `$${` stands for `${`. All else is text, so that JSON needs no care.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use step_core::{Fail, secret};

use crate::text::FromText;

/// What was captured in this round, by name.
pub(crate) type Captures = BTreeMap<String, String>;

/// A text with gaps.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
    Capture(String),
    /// What a variable held.
    Value(String),
}

impl Template {
    /// The names of the captures that it needs.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Capture(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Whether there is a variable in it.
    pub(crate) fn has_variables(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Variable(_) | Part::Value(_)))
    }

    /// Puts the values of its variables in. They are masked in all output from now on.
    ///
    /// # Errors
    /// Exit 2: one is not set, or is empty.
    pub(crate) fn fill(&mut self) -> Result<(), Fail> {
        for part in &mut self.parts {
            if let Part::Variable(name) = part {
                let value = variable(name)?;
                secret::register(&value);
                *part = Part::Value(value);
            }
        }
        Ok(())
    }

    /// The whole text.
    ///
    /// # Errors
    /// The name of a capture that is missing.
    pub(crate) fn text(&self, captures: &Captures) -> Result<String, String> {
        write(&self.parts, captures, str::to_owned)
    }

    /// The whole text, for a path: what stands in a gap can be no more than a value in it.
    ///
    /// # Errors
    /// The name of a capture that is missing.
    pub(crate) fn address(&self, captures: &Captures) -> Result<String, String> {
        address(&self.parts, captures)
    }

    /// The whole text, for a whole address: as [`Template::address`], but a variable at the very
    /// beginning may hold the beginning of the address, whatever slash that ends with.
    ///
    /// # Errors
    /// The name of a capture that is missing.
    pub(crate) fn whole_address(&self, captures: &Captures) -> Result<String, String> {
        match self.parts.split_first() {
            Some((Part::Value(start), rest)) if is_http(start) => {
                let rest = address(rest, captures)?;
                let start = if rest.starts_with('/') { start.trim_end_matches('/') } else { start };
                Ok(format!("{start}{rest}"))
            }
            _ => self.address(captures),
        }
    }

    /// Whether what it begins with is the beginning of an address.
    pub(crate) fn begins_with_http(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Text(start) | Part::Value(start)) if is_http(start))
    }

    /// Whether it begins with a variable that has no value yet.
    pub(crate) fn begins_with_a_variable(&self) -> bool {
        matches!(self.parts.first(), Some(Part::Variable(_)))
    }
}

fn address(parts: &[Part], captures: &Captures) -> Result<String, String> {
    write(parts, captures, |value| utf8_percent_encode(value, RESERVED).to_string())
}

fn write(
    parts: &[Part],
    captures: &Captures,
    value: impl Fn(&str) -> String,
) -> Result<String, String> {
    let piece = |part: &Part| match part {
        Part::Text(text) => Ok(text.clone()),
        Part::Value(text) => Ok(value(text)),
        Part::Variable(name) => Ok(format!("${{{name}}}")),
        Part::Capture(name) => {
            captures.get(name).map(|text| value(text)).ok_or_else(|| name.clone())
        }
    };
    parts.iter().map(piece).collect()
}

/// A scheme may be written in capitals, too.
fn is_http(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.starts_with("http://") || text.starts_with("https://")
}

/// As it was written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromText for Template {
    const KIND: &'static str = "a text with gaps";

    fn from_text(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['$', '{']) {
            plain.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix("$${") {
                plain.push_str("${");
                rest = after;
            } else if let Some((gap, after)) = gap(rest)? {
                parts.extend(text_of(&mut plain));
                parts.push(gap);
                rest = after;
            } else {
                plain.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
        plain.push_str(rest);
        parts.extend(text_of(&mut plain));
        Ok(Self { source: text.to_owned(), parts })
    }
}

/// All but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn text_of(plain: &mut String) -> Option<Part> {
    Some(std::mem::take(plain)).filter(|text| !text.is_empty()).map(Part::Text)
}

/// The gap with which the text begins, and what is after it.
fn gap(text: &str) -> Result<Option<(Part, &str)>, String> {
    if let Some(inside) = text.strip_prefix("${") {
        let named = inside.split_once('}').filter(|(name, _)| is_name(name));
        let (name, after) = named.ok_or(
            "`${` begins the name of a variable, as in ${SMOKE_TOKEN}; for the text itself write `$${`",
        )?;
        return Ok(Some((Part::Variable(name.to_owned()), after)));
    }
    let named = text.strip_prefix("{{").and_then(|inside| inside.split_once("}}"));
    let named = named.map(|(name, after)| (name.trim(), after)).filter(|(name, _)| is_name(name));
    Ok(named.map(|(name, after)| (Part::Capture(name.to_owned()), after)))
}

/// Whether a variable or a capture can have this name.
pub(crate) fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The value of a variable that the checks name.
///
/// # Errors
/// Exit 2: it is not set, or is empty.
pub(crate) fn variable(name: &str) -> Result<String, Fail> {
    #[expect(
        clippy::disallowed_methods,
        reason = "clap cannot know a variable whose name stands in smoke.toml"
    )]
    let value = std::env::var(name).unwrap_or_default();
    // A file's last line break comes along easily, and no header can hold it.
    let value = value.trim_end_matches(['\r', '\n']);
    if value.is_empty() {
        let message = format!("the variable {name}, which the checks use, is not set");
        return Err(Fail::invalid(message).help(format!(
            "set {name}; in GitLab under Settings > CI/CD > Variables, masked, and protected where \
             only protected branches are tested"
        )));
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Template {
        Template::from_text(text).unwrap()
    }

    fn captures() -> Captures {
        Captures::from([("id".to_owned(), "a b/7".to_owned())])
    }

    #[test]
    fn what_is_no_gap_stays_as_it_is() {
        for text in ["", "plain", r#"{"a":{"b":1}}"#, "{{", "{{ a b }}", "5$ {x}", "é$é{é", "}}"]
        {
            assert_eq!(template(text).text(&captures()).unwrap(), text);
            assert_eq!(template(text).captures().count(), 0, "{text}");
        }
        assert_eq!(template("a $${B} c").text(&captures()).unwrap(), "a ${B} c");
    }

    #[test]
    fn a_capture_is_put_in_and_encoded_in_an_address() {
        let template = template("/orders/{{id}}?copy={{ id }}");
        assert_eq!(template.captures().collect::<Vec<_>>(), ["id", "id"]);
        assert_eq!(template.text(&captures()).unwrap(), "/orders/a b/7?copy=a b/7");
        assert_eq!(template.address(&captures()).unwrap(), "/orders/a%20b%2F7?copy=a%20b%2F7");
        assert_eq!(template.text(&Captures::new()).unwrap_err(), "id");
    }

    #[test]
    fn what_begins_an_address_is_taken_as_it_is_and_all_else_is_a_value() {
        let parts = |all: &[Part]| Template { source: String::new(), parts: all.to_vec() };
        let value = |text: &str| Part::Value(text.to_owned());
        let (path, word) = (Part::Text("/orders".to_owned()), Part::Text("x".to_owned()));
        let address = |all: &[Part]| parts(all).whole_address(&captures()).unwrap();
        assert_eq!(address(&[value("https://a/b/"), path.clone()]), "https://a/b/orders");
        assert_eq!(address(&[value("https://a/b"), path.clone()]), "https://a/b/orders");
        assert_eq!(address(&[value("HTTP://a/"), word.clone()]), "HTTP://a/x");
        assert_eq!(address(&[value("ftp://a"), path]), "ftp%3A%2F%2Fa/orders");
        assert_eq!(address(&[word, value("http://a")]), "xhttp%3A%2F%2Fa");
        assert_eq!(address(&[value("http://a/"), value("/b")]), "http://a/%2Fb");
        assert!(!parts(&[Part::Capture("id".to_owned())]).begins_with_http());
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let mut template = template("Bearer ${NO_SUCH_VARIABLE_HERE}");
        assert!(template.has_variables());
        let fail = template.fill().unwrap_err();
        assert!(fail.to_string().contains("NO_SUCH_VARIABLE_HERE"), "{fail}");
        // Every process of a test has it.
        let mut path = super::tests::template("<${PATH}>");
        path.fill().unwrap();
        let text = path.text(&captures()).unwrap();
        assert!(text.starts_with("</") && text.ends_with('>'), "{text}");
        assert_eq!(path.to_string(), "<${PATH}>");
    }

    #[test]
    fn a_gap_without_a_name_is_a_mistake() {
        for text in ["${", "${}", "${A", "${1A}", "${A-B}", "x ${A:-b}"] {
            assert!(Template::from_text(text).unwrap_err().contains("$${"), "{text}");
        }
    }
}
