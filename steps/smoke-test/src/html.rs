//! The report as one HTML file that loads nothing and runs nothing: to be opened from the job's
//! artefacts, sent along, or printed.
//!
//! Names of elements and attributes are constants; what comes from outside goes through [`text`].

use std::fmt::Write as _;
use std::path::Path;

use step_core::secret::redact;
use step_core::{Report, write_atomically};

use crate::report::{Checked, Tested};

/// Writes the report of a test that ended at `time` (RFC 3339).
///
/// # Errors
/// Names the path.
pub(crate) fn write(path: &Path, tested: &Tested, time: &str) -> anyhow::Result<()> {
    write_atomically(path, page(tested, time).as_bytes())
}

fn page(tested: &Tested, time: &str) -> String {
    let place = tested.env.as_ref().or(tested.url.as_ref());
    let title =
        place.map_or_else(|| "smoke test".to_owned(), |place| format!("smoke test of {place}"));
    let outcome = tested.outcome();
    let facts = [
        ("Address", tested.url.as_deref()),
        ("Environment", tested.env.as_deref()),
        ("Revision", tested.revision.as_deref()),
        ("Image", tested.digest.as_deref()),
        ("Time", Some(time)),
    ];
    let facts: String = facts.into_iter().filter_map(|(name, value)| Some((name, value?))).fold(
        String::new(),
        |mut rows, (name, value)| {
            let _into_memory = writeln!(rows, "<dt>{name}</dt><dd>{}</dd>", text(value));
            rows
        },
    );
    let rows: String = tested.checks.iter().map(row).collect();
    let rounds = format!(
        "{} rounds, {} of {} in a row passed",
        tested.rounds, tested.passes, tested.passes_needed
    );
    let unsteady =
        tested.unsteady().map(|unsteady| format!("<p class=\"failed\">{}</p>\n", text(&unsteady)));
    format!(
        "{HEAD}<title>{title}</title>\n</head>\n<body>\n\
         <h1>{title}: <span class=\"{class}\">{outcome}</span></h1>\n\
         <dl>\n{facts}<dt>Rounds</dt><dd>{rounds}</dd>\n</dl>\n{unsteady}\
         <table>\n<thead><tr><th>Check</th><th>Outcome</th><th>Answer</th><th>Attempts</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</body>\n</html>\n",
        title = text(&title),
        class = if outcome == "passed" { "passed" } else { "failed" },
        outcome = text(outcome),
        rounds = text(&rounds),
        unsteady = unsteady.unwrap_or_default(),
    )
}

fn row(check: &Checked) -> String {
    let (class, outcome) =
        if check.has_failed() { ("failed", "failed") } else { ("passed", "passed") };
    let complaint = if check.has_failed() {
        format!("<pre>{}</pre>", text(&check.complaint().join("\n")))
    } else {
        String::new()
    };
    format!(
        "<tr><td>{}<br><code>{}</code>{complaint}</td><td class=\"{class}\">{outcome}</td>\
         <td>{}</td><td>{}</td></tr>\n",
        text(&check.name),
        text(&check.target.to_string()),
        text(&check.last_answer().unwrap_or_else(|| "none".to_owned())),
        check.attempts,
    )
}

/// Text of others: without secrets, which are looked for before it is escaped, and with a mark for
/// characters that cannot be seen or turn the direction of what follows
/// (<https://trojansource.codes>).
fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in redact(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
            | '\u{61C}' => {
                escaped.push('\u{FFFD}');
            }
            c if c.is_control() && c != '\n' => escaped.push('\u{FFFD}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The policy lets nothing in but the style that stands here.
const HEAD: &str = "<!DOCTYPE html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .5rem; border-top: 1px solid #8886; }
pre { white-space: pre-wrap; margin: .5rem 0 0; padding: .5rem; background: #8882; }
.passed { color: light-dark(#17713a, #6fd394); }
.failed { color: light-dark(#b3261e, #ff8f86); font-weight: 600; }
</style>
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_say_is_nothing_but_text() {
        assert_eq!(
            text("<b a=\"x\" b='y'>&\u{202E}\x1b\n"),
            "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{FFFD}\u{FFFD}\n"
        );
        step_core::secret::register("secret&with<signs>");
        assert_eq!(text("it is secret&with<signs>!"), "it is [MASKED]!");
    }
}
