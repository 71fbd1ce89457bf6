//! What changed since an earlier description.

use std::collections::HashMap;

use super::html::{Anchor, Html, class, id, to};

/// How bad a change is for those who call the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Callers stop working.
    Breaking,
    /// It may hurt: that depends on the caller.
    Dangerous,
    /// Nobody is hurt.
    Safe,
}

/// A change.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) level: Level,
    /// The operation that it is in, as `GET /orders`; none when it is in none, or in several.
    pub(crate) operation: Option<String>,
    pub(crate) message: String,
}

/// Writes the changes, the worst first. `operations` has the anchors of those that are on the page, by
/// method and path.
pub(super) fn changelog(
    html: &mut Html,
    anchor: &Anchor,
    entries: &[Entry],
    operations: &HashMap<String, Anchor>,
) {
    html.open("section", &[id(anchor), class("part")]);
    html.leaf("h2", &[], "Changes");
    if entries.is_empty() {
        html.leaf("p", &[], "Nothing changed for those who call the service.");
    }
    for (level, title, names) in [
        (Level::Breaking, "Breaking", "level breaking"),
        (Level::Dangerous, "May break callers", "level dangerous"),
        (Level::Safe, "Others", "level safe"),
    ] {
        let mut of_level = entries.iter().filter(|entry| entry.level == level).peekable();
        if of_level.peek().is_none() {
            continue;
        }
        html.leaf("h3", &[class(names)], title);
        html.open("ul", &[class("changes")]);
        for entry in of_level {
            html.open("li", &[]);
            if let Some(operation) = &entry.operation {
                match operations.get(operation) {
                    Some(anchor) => html.open("a", &[to(anchor)]),
                    None => html.open("span", &[]),
                }
                html.leaf("code", &[], operation);
                html.close();
                html.constant(": ");
            }
            html.text(&entry.message);
            html.close();
        }
        html.close();
    }
    html.close();
}

#[cfg(test)]
mod tests {
    use super::super::html::{Anchors, Html};
    use super::*;

    #[test]
    fn the_worst_changes_come_first_and_lead_to_their_operations() {
        let mut anchors = Anchors::default();
        let known = HashMap::from([("GET /a".to_owned(), anchors.claim("operation", "a"))]);
        let entry = |level, operation: Option<&str>, message: &str| Entry {
            level,
            operation: operation.map(str::to_owned),
            message: message.to_owned(),
        };
        let entries = [
            entry(Level::Safe, None, "more <b>"),
            entry(Level::Breaking, Some("GET /a"), "the field `x` is gone"),
            entry(Level::Breaking, Some("GET /b"), "removed"),
        ];
        let mut html = Html::default();
        changelog(&mut html, &anchors.claim("part", "changes"), &entries, &known);
        assert_eq!(
            html.finish().unwrap(),
            "<section id=\"part-changes\" class=\"part\"><h2>Changes</h2>\
             <h3 class=\"level breaking\">Breaking</h3><ul class=\"changes\">\
             <li><a href=\"#operation-a\"><code>GET /a</code></a>: the field `x` is gone</li>\
             <li><span><code>GET /b</code></span>: removed</li></ul>\
             <h3 class=\"level safe\">Others</h3><ul class=\"changes\"><li>more &lt;b&gt;</li></ul></section>"
        );
    }

    #[test]
    fn no_changes_are_told_as_such() {
        let mut html = Html::default();
        let anchor = Anchors::default().claim("part", "changes");
        changelog(&mut html, &anchor, &[], &HashMap::new());
        assert!(html.finish().unwrap().contains("Nothing changed"));
    }
}
