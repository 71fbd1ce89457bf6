//! What is wrong with a description, before it becomes a finding with its place in a file.

use std::fmt;

use findings::{Finding, Findings, Severity};
use step_core::Fail;

use crate::document::{At, Sources};

/// Something that a check objects to, at a place of a document.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) rule: &'static str,
    pub(crate) severity: Severity,
    pub(crate) at: At,
    /// The way to it in the document, as the fragment of a URL; empty for what has none.
    pub(crate) pointer: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    /// A problem at a node of a document.
    pub(crate) fn new(
        rule: &'static str,
        severity: Severity,
        at: At,
        pointer: &dyn fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        let pointer = pointer.to_string();
        Self { rule, severity, at, pointer, message: message.into(), help: None }
    }

    /// A text that is no document.
    pub(crate) fn syntax(at: At, message: String) -> Self {
        let pointer = String::new();
        Self { rule: SYNTAX, severity: Severity::Blocker, at, pointer, message, help: None }
    }

    /// What to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The rule that a text is JSON or YAML.
pub(crate) const SYNTAX: &str = "syntax";

/// The error that a description cannot be used, with all that is wrong.
pub(crate) fn unusable(problems: &[Problem], sources: &Sources) -> Fail {
    Fail::invalid(findings(problems, sources).to_string())
}

/// The problems with their places in the files.
pub(crate) fn findings(problems: &[Problem], sources: &Sources) -> Findings {
    let finding = |it: &Problem| {
        let place = sources.place(it.at);
        let finding = Finding::new(it.rule, it.severity, &it.message, place);
        let finding = if it.pointer.is_empty() { finding } else { finding.within(&it.pointer) };
        match &it.help {
            Some(help) => finding.help(help),
            None => finding,
        }
    };
    Findings::new(problems.iter().map(finding).collect())
}
