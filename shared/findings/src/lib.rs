//! What a check found in files, and the forms in which people and programs read it.
//!
//! A check makes a [`Finding`] for each thing that it objects to, with its place in a [`Source`], and
//! puts them into [`Findings`]. These are shown as a compiler shows its errors ([`std::fmt::Display`]),
//! or written for
//!
//! - GitLab's merge request: Code Quality, a subset of Code Climate's format. What GitLab reads of it
//!   is told in <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>: an array
//!   of objects with `description`, `check_name`, `fingerprint`, `severity`, `location.path` and
//!   `location.lines.begin`, paths relative to the repository and without `./`. Of two findings with
//!   one fingerprint GitLab shows one, so fingerprints are unique; and it tells new findings from known
//!   ones by them, so they stay the same when lines move.
//! - GitLab's test report: JUnit, a test for each file that was checked.
//! - everything else: SARIF 2.1.0.
//!
//! Secrets are taken out when findings are put together, so that no form holds any.

mod codequality;
mod junit;
mod reports;
mod sarif;
mod source;

use std::collections::HashMap;
use std::fmt;
use std::hash::Hasher;

use landfall_toml::Level;
use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use step_core::secret::redact;
use step_core::{Exit, Fail};

pub use reports::{Files, Reports};
pub use sarif::Tool;
pub use source::{Place, Source};

/// How bad a finding is. The names and their order are GitLab's.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Worth a look.
    Minor,
    /// To be mended, or accepted on purpose.
    Major,
    /// Harm that is hard to undo.
    Critical,
    /// Nothing works with it.
    Blocker,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Severity; 5] =
        [Severity::Info, Severity::Minor, Severity::Major, Severity::Critical, Severity::Blocker];

    /// That of a level of landfall.toml; nothing for `off`.
    pub fn of_level(level: Level) -> Option<Self> {
        Some(match level {
            Level::Off => return None,
            Level::Info => Severity::Info,
            Level::Minor => Severity::Minor,
            Level::Major => Severity::Major,
            Level::Critical => Severity::Critical,
            Level::Blocker => Severity::Blocker,
        })
    }

    /// As GitLab writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Minor => "minor",
            Severity::Major => "major",
            Severity::Critical => "critical",
            Severity::Blocker => "blocker",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of a check that did not do its work, so that it is not known what it would have found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The name of the part.
    pub name: String,
    /// Why.
    pub message: String,
}

/// Something that a check objects to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    rule: String,
    severity: Severity,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(flatten)]
    place: Place,
    /// Where it is in what the file means, as `#/paths/~1orders`.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    /// Empty until the finding is among others.
    fingerprint: String,
}

impl Finding {
    /// A finding of a rule; `message` says in a sentence what is wrong.
    pub fn new(
        rule: impl Into<String>,
        severity: Severity,
        message: impl Into<String>,
        place: Place,
    ) -> Self {
        Self {
            rule: rule.into(),
            severity,
            message: message.into(),
            help: None,
            place,
            within: None,
            fingerprint: String::new(),
        }
    }

    /// What to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it is in what the file means, where lines say little: a JSON Pointer in a document. It
    /// tells findings on equal lines apart.
    pub fn within(mut self, within: impl Into<String>) -> Self {
        self.within = Some(within.into());
        // The line is not needed any more: of thousands of findings these are many megabytes.
        self.place.text = String::new();
        self
    }

    /// The name of the rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What tells it from others, from one run to the next.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// By place, and of one place by rule.
    fn order(&self) -> (&str, usize, Option<usize>, &str) {
        (&self.place.path, self.place.line, self.place.column, &self.rule)
    }

    /// What a finding of a rule is about in its file, wherever the line stands.
    fn identity(&self) -> &str {
        self.within.as_deref().unwrap_or_else(|| self.place.text.trim())
    }

    /// Message and help as one text, for forms that know no help.
    fn description(&self) -> String {
        match &self.help {
            Some(help) if self.message.ends_with(['.', '!', '?']) => {
                format!("{} {help}", self.message)
            }
            Some(help) if help.starts_with(char::is_uppercase) => {
                format!("{}. {help}", self.message)
            }
            Some(help) => format!("{}; {help}", self.message),
            None => self.message.clone(),
        }
    }
}

/// As compilers do: `path:line:column: severity: message [rule]`, and lines with where it is within the
/// document and the help.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, severity, message, help, place, within, .. } = self;
        write!(f, "{place}: {severity}: {message} [{rule}]")?;
        if let Some(within) = within {
            write!(f, "\n  at {within}")?;
        }
        match help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// All findings of a run, in the order of their places.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Sorts findings, takes secrets out of them and gives them their fingerprints.
    pub fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by(|a, b| a.order().cmp(&b.order()));
        let mut seen: HashMap<(String, String, String), u64> = HashMap::new();
        for it in &mut findings {
            let place = (it.rule.clone(), it.place.path.clone(), it.identity().to_owned());
            let occurrence = seen.entry(place).or_default();
            it.fingerprint = fingerprint(it, *occurrence);
            *occurrence += 1;
            it.rule = redact(&it.rule).into_owned();
            it.message = redact(&it.message).into_owned();
            it.help = it.help.take().map(|help| redact(&help).into_owned());
            it.place.path = redact(&it.place.path).into_owned();
            it.within = it.within.take().map(|within| redact(&within).into_owned());
        }
        Self(findings)
    }

    /// Each finding.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Finding> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are as bad as `severity` or worse.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.iter().filter(move |it| it.severity >= severity)
    }

    /// Whether they let a run pass that fails on what is as bad as `fail_on`.
    ///
    /// # Errors
    /// Exit 3: how many do not. What to do about it is the caller's to add.
    pub fn verdict(&self, fail_on: Severity) -> Result<(), Fail> {
        let count = self.at_least(fail_on).count();
        if count == 0 {
            return Ok(());
        }
        let noun = if count == 1 { "finding is" } else { "findings are" };
        let worse = if fail_on == Severity::Blocker { "" } else { " or worse" };
        Err(Fail::new(Exit::Negative, format!("{count} {noun} {fail_on}{worse}")))
    }

    /// Those that are kept, and the others.
    pub fn partition(self, keep: impl Fn(&Finding) -> bool) -> (Findings, Findings) {
        let (kept, others) = self.0.into_iter().partition(|it| keep(it));
        (Self(kept), Self(others))
    }

    /// `3 findings: 1 critical, 2 minor`, the worst first.
    pub fn summary(&self) -> String {
        if self.is_empty() {
            return "no findings".to_owned();
        }
        let counts: Vec<String> = Severity::ALL
            .into_iter()
            .rev()
            .map(|severity| (severity, self.iter().filter(|it| it.severity == severity).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{count} {severity}"))
            .collect();
        let noun = if self.len() == 1 { "finding" } else { "findings" };
        format!("{} {noun}: {}", self.len(), counts.join(", "))
    }
}

/// One finding after the other, each on a line of its own.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, finding) in self.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{finding}")?;
        }
        Ok(())
    }
}

/// Of rule, path, and the text of the line, not its number: a line that moves keeps its fingerprint.
/// What is told by where it is within the document needs no text. Equal ones are told apart by counting
/// them.
fn fingerprint(finding: &Finding, occurrence: u64) -> String {
    let mut hasher = SipHasher13::new();
    for part in [finding.rule.as_str(), &finding.place.path, finding.identity()] {
        hasher.write(part.as_bytes());
        // No byte of UTF-8: it keeps the parts apart.
        hasher.write(&[0xFF]);
    }
    hasher.write(&occurrence.to_le_bytes());
    format!("{:032x}", u128::from(hasher.finish128()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finding on each line that holds `DROP`.
    pub(crate) fn drops(path: &str, text: &str) -> Vec<Finding> {
        let source = Source::new(path, text);
        let places = text.match_indices("DROP").map(|(at, word)| source.span(at..at + word.len()));
        places.map(|place| Finding::new("no-drop", Severity::Major, "It is gone.", place)).collect()
    }

    fn fingerprints(text: &str) -> Vec<String> {
        let findings = Findings::new(drops("a.sql", text));
        findings.iter().map(|it| it.fingerprint().to_owned()).collect()
    }

    #[test]
    fn findings_are_shown_as_compilers_do_in_the_order_of_their_places() {
        let mut list = drops("b.sql", "DROP x\n");
        list.extend(drops("a.sql", "SELECT 1;\n  DROP x; DROP y\n"));
        list[1] = list[1].clone().help("Keep it.");
        assert_eq!(
            Findings::new(list).to_string(),
            "a.sql:2:3: major: It is gone. [no-drop]\n  help: Keep it.\n\
             a.sql:2:11: major: It is gone. [no-drop]\n\
             b.sql:1:1: major: It is gone. [no-drop]"
        );
    }

    #[test]
    fn a_line_that_moves_keeps_its_fingerprint() {
        let one = fingerprints("DROP x;\nDROP y;\n");
        assert_eq!(fingerprints("-- new\n\nDROP x;\n-- new\n  DROP y;\r\n"), one);
        assert_eq!(fingerprints("DROP y;\nDROP x;\n"), [one[1].clone(), one[0].clone()]);
        assert_ne!(fingerprints("DROP x2;\n"), one[..1]);
    }

    #[test]
    fn fingerprints_do_not_change_from_release_to_release() {
        // GitLab compares with the report of an older pipeline.
        assert_eq!(fingerprints("DROP x;\n"), ["b8d6a1b180ae4d8b4489c765496f2417"]);
    }

    #[test]
    fn what_is_told_by_its_way_in_the_document_keeps_its_fingerprint_when_the_line_changes() {
        let of = |text: &str, within: &str| {
            let place = Source::new("a.json", text).point(0);
            let finding = Finding::new("r", Severity::Major, "m", place).within(within);
            Findings::new(vec![finding]).0[0].clone()
        };
        let one = of("{}", "#/paths/~1a");
        assert_eq!(of("{ }", "#/paths/~1a").fingerprint, one.fingerprint);
        assert_ne!(of("{}", "#/paths/~1b").fingerprint, one.fingerprint);
        assert_eq!(one.to_string(), "a.json:1:1: major: m [r]\n  at #/paths/~1a");
    }

    #[test]
    fn equal_lines_have_different_fingerprints() {
        let mut all = fingerprints("DROP x; DROP x;\nDROP x; DROP x;\nDROP x;\n");
        assert_eq!(all.len(), 5);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 5, "{all:?}");
        let elsewhere = Findings::new(drops("b.sql", "DROP x;\n"));
        assert!(!all.contains(&elsewhere.0[0].fingerprint));
    }

    #[test]
    fn severities_have_an_order_and_are_counted() {
        let place = || Source::new("a", "x").line(1);
        let of = |severity| Finding::new("r", severity, "m", place());
        let findings = Findings::new(vec![
            of(Severity::Minor),
            of(Severity::Blocker),
            of(Severity::Minor),
            of(Severity::Info),
        ]);
        assert_eq!(findings.summary(), "4 findings: 1 blocker, 2 minor, 1 info");
        for (severity, count) in Severity::ALL.into_iter().zip([4, 3, 1, 1, 1]) {
            assert_eq!(findings.at_least(severity).count(), count, "{severity}");
        }
        let verdict = |fail_on| findings.verdict(fail_on).map_err(|fail| fail.to_string());
        assert_eq!(verdict(Severity::Minor), Err("3 findings are minor or worse".to_owned()));
        assert_eq!(verdict(Severity::Blocker), Err("1 finding is blocker".to_owned()));
        assert!(Findings::default().verdict(Severity::Info).is_ok());
        assert_eq!(Findings::default().summary(), "no findings");
        assert_eq!(Findings::new(vec![of(Severity::Major)]).summary(), "1 finding: 1 major");
    }

    #[test]
    fn no_form_holds_a_secret() {
        step_core::secret::register("hunter2-hunter2");
        let place = Source::new("a.sql", "x").line(1);
        let message = "`hunter2-hunter2` is a bad name";
        // Linters of the user's own may name their rules as they like.
        let rule = "r-hunter2-hunter2";
        let finding = Finding::new(rule, Severity::Major, message, place).help("hunter2-hunter2");
        let findings = Findings::new(vec![finding]);
        let tool = Tool { name: "t", version: "1" };
        for form in [
            findings.to_string(),
            serde_json::to_string(&findings).unwrap(),
            findings.codequality(),
            findings.junit("t", &[], &[], Severity::Major).unwrap(),
            findings.sarif(tool, &[]),
        ] {
            assert!(form.contains("MASKED") && !form.contains("hunter2"), "{form}");
        }
    }
}
