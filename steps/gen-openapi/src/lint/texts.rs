//! What people read: descriptions, summaries and titles.

use super::{Linter, Rule};
use crate::document::{Entry, Object};
use crate::spec::Kind;
use crate::walk::{Pointer, Visit};

/// What authors leave where something is to be done. In two parts, or this file would be one of them.
const UNFINISHED: [&str; 2] = ["TODO", concat!("FIX", "ME")];

impl<'a> Linter<'a, '_> {
    pub(super) fn texts(&mut self, visit: &Visit<'a, '_>, object: &'a Object) {
        // Their keys are no fields.
        if matches!(
            visit.kind,
            Kind::Paths | Kind::Callback | Kind::Responses | Kind::SecurityRequirement
        ) {
            return;
        }
        for entry in object {
            if matches!(entry.key.as_str(), "description" | "summary" | "title")
                && let Some(text) = entry.value.as_str()
            {
                self.text(entry, text, &visit.pointer.key(&entry.key));
            }
        }
        if object.get("deprecated").and_then(crate::document::Node::as_bool) == Some(true) {
            self.deprecated(visit, object);
        }
    }

    fn text(&mut self, entry: &Entry, text: &str, pointer: &Pointer<'_>) {
        let at = entry.value.at;
        if text.trim().is_empty() {
            self.tell(Rule::DescriptionEmpty, at, pointer, format!("`{}` is empty", entry.key));
        }
        if let Some(script) = script(text) {
            let message = format!("`{}` holds `{script}`", entry.key);
            self.tell(Rule::MarkdownScript, at, pointer, message);
        }
        if let Some(word) = UNFINISHED.into_iter().find(|word| has_word(text, word)) {
            self.tell(Rule::Todo, at, pointer, format!("`{}` says {word}", entry.key));
        }
    }

    fn deprecated(&mut self, visit: &Visit<'a, '_>, object: &Object) {
        let is_explained = object.keys().any(|key| {
            key == "description" || key.starts_with("x-sunset") || key.starts_with("x-deprecat")
        });
        if !is_explained
            && matches!(visit.kind, Kind::Operation | Kind::Parameter | Kind::Schema | Kind::Header)
        {
            let message = "it is deprecated, and nothing says what to use instead";
            self.tell(Rule::Deprecated, visit.node.at, visit.pointer, message);
        }
    }
}

/// What a page might run.
fn script(text: &str) -> Option<&'static str> {
    let has = |tag: &str| {
        text.match_indices('<').any(|(at, _)| {
            text.get(at..at + tag.len()).is_some_and(|it| it.eq_ignore_ascii_case(tag))
        })
    };
    if text.contains('<') && has("<script") {
        Some("<script")
    } else if has_call(text) {
        Some("eval(")
    } else {
        None
    }
}

/// `eval(`, but not `retrieval(`.
fn has_call(text: &str) -> bool {
    text.match_indices("eval(").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|it| it.is_alphanumeric() || it == '_')
    })
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        ![before, after].into_iter().flatten().any(|it| it.is_alphanumeric() || it == '_')
    })
}
