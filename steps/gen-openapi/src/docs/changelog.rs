//! What changed since an earlier description.

use std::collections::HashMap;

use super::html::{Anchor, Html, class, set, to};
use crate::diff::{Change, Level};

/// More operations than this are counted.
const MANY_OPERATIONS: usize = 3;

/// Writes the changes, the worst first. `operations` has the anchors of those that are on the page, by
/// method and path.
pub(super) fn changelog(html: &mut Html, changes: &[Change], operations: &HashMap<String, Anchor>) {
    html.open("section", &[set("id", "section-changes"), class("part")]);
    html.leaf("h2", &[], "Changes");
    if changes.is_empty() {
        html.leaf("p", &[], "Nothing changed for those who call the service.");
    }
    for (level, title, names) in [
        (Level::Breaking, "Breaking", "level breaking"),
        (Level::Dangerous, "May break callers", "level dangerous"),
        (Level::Safe, "Others", "level safe"),
    ] {
        let mut of_level = changes.iter().filter(|change| change.level == level).peekable();
        if of_level.peek().is_none() {
            continue;
        }
        html.leaf("h3", &[class(names)], title);
        html.open("ul", &[class("changes")]);
        for change in of_level {
            html.open("li", &[]);
            concerned(html, change, operations);
            html.text(&change.message);
            html.close();
        }
        html.close();
    }
    html.close();
}

/// The operations that a change concerns.
fn concerned(html: &mut Html, change: &Change, operations: &HashMap<String, Anchor>) {
    for operation in change.operations.iter().take(MANY_OPERATIONS) {
        let name = operation.to_string();
        match operations.get(&name) {
            Some(anchor) => html.open("a", &[to(anchor)]),
            // It is gone.
            None => html.open("span", &[]),
        }
        html.leaf("code", &[], &name);
        html.close();
        html.constant(" ");
    }
    match change.operations.len() {
        0 => {}
        few if few <= MANY_OPERATIONS => html.constant("— "),
        many => html.text(&format!("and {} more — ", many - MANY_OPERATIONS)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::html::{Anchors, Html};
    use super::*;
    use crate::diff::Operation;

    fn operation(path: &str) -> Operation {
        Operation { method: "GET".into(), path: path.into() }
    }

    #[test]
    fn the_worst_changes_come_first_and_lead_to_their_operations() {
        let mut anchors = Anchors::default();
        let known = HashMap::from([("GET /a".to_owned(), anchors.claim("operation", "a"))]);
        let change = |level, operations: &[&str], message: &str| Change {
            id: "x",
            level,
            operations: operations.iter().map(|path| operation(path)).collect(),
            message: message.to_owned(),
            advice: "",
            base: None,
            head: None,
        };
        let changes = [
            change(Level::Safe, &[], "more <b>"),
            change(Level::Breaking, &["/a"], "the field `x` is gone"),
            change(Level::Breaking, &["/b", "/c", "/d", "/e", "/f"], "removed"),
        ];
        let mut html = Html::default();
        changelog(&mut html, &changes, &known);
        assert_eq!(
            html.finish().unwrap(),
            "<section id=\"section-changes\" class=\"part\"><h2>Changes</h2>\
             <h3 class=\"level breaking\">Breaking</h3><ul class=\"changes\">\
             <li><a href=\"#operation-a\"><code>GET /a</code></a> — the field `x` is gone</li>\
             <li><span><code>GET /b</code></span> <span><code>GET /c</code></span> \
             <span><code>GET /d</code></span> and 2 more — removed</li></ul>\
             <h3 class=\"level safe\">Others</h3><ul class=\"changes\"><li>more &lt;b&gt;</li></ul></section>"
        );
    }

    #[test]
    fn no_changes_are_told_as_such() {
        let mut html = Html::default();
        changelog(&mut html, &[], &HashMap::new());
        assert!(html.finish().unwrap().contains("Nothing changed"));
    }
}
