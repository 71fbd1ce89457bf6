//! What came of making a check once.

use std::time::Duration;

use step_core::secret::redact;

use crate::checks::Http;
use crate::expect::{Answer, Known, Mismatch, captured, excerpt, mismatches};
use crate::template::Captures;

/// What came of making a check once.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    /// What was not as expected; nothing, if it passed.
    pub(crate) mismatches: Vec<Mismatch>,
    /// Status of the answer.
    pub(crate) status: Option<u16>,
    /// How long it took.
    pub(crate) latency: Option<Duration>,
    /// The beginning of the body, when the check failed and nothing else shows it.
    pub(crate) body: Option<String>,
    /// The last lines that a program printed, when it failed.
    pub(crate) said: Vec<String>,
    /// Whether there was an answer, or an end of the program.
    pub(crate) answered: bool,
    /// Whether the service, or the program, was there at all.
    pub(crate) reached: bool,
    /// The time ran out for the step, not for the check: this says nothing about the service.
    pub(crate) cut_off: bool,
    /// The certificate of the server is not trusted.
    pub(crate) distrusted: bool,
    /// What later checks may use.
    pub(crate) captures: Captures,
}

/// Why there is no answer to look at.
#[derive(Debug, Default)]
pub(crate) struct NoAnswer {
    pub(crate) reason: String,
    /// The service did speak: it redirected for ever, or broke off.
    pub(crate) spoke: bool,
    /// See [`Attempt::cut_off`].
    pub(crate) cut_off: bool,
    /// See [`Attempt::distrusted`].
    pub(crate) distrusted: bool,
}

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// The time for it.
    pub(crate) time: Duration,
    /// It is what is left for the step, and less than the check allows.
    pub(crate) is_cut: bool,
}

impl Limit {
    pub(crate) fn new(of_check: Duration, left: Duration) -> Self {
        Self { time: of_check.min(left), is_cut: left < of_check }
    }
}

impl Attempt {
    pub(crate) fn passed(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// Looks at the answer to a request.
    pub(crate) fn of_answer(check: &Http, answer: &Answer, known: Known<'_>) -> Self {
        // First of all, for it masks the secrets in this answer, which a mismatch may show.
        let captured = captured(check, answer);
        let mut mismatches = mismatches(check, answer, known);
        let mut captures = Captures::new();
        if mismatches.is_empty() {
            match captured {
                Ok(all) => captures = all,
                Err(wrong) => mismatches = wrong,
            }
        }
        let is_shown = mismatches.is_empty() || mismatches.iter().any(Mismatch::shows_the_body);
        Self {
            body: Some(excerpt(&answer.body)).filter(|body| !is_shown && !body.is_empty()),
            mismatches,
            status: Some(answer.status.as_u16()),
            latency: Some(answer.latency),
            answered: true,
            reached: true,
            captures,
            ..Self::default()
        }
    }

    /// There was nothing to look at.
    pub(crate) fn of_nothing(none: &NoAnswer) -> Self {
        Self {
            mismatches: vec![Mismatch::no_answer(&none.reason)],
            reached: none.spoke,
            cut_off: none.cut_off,
            distrusted: none.distrusted,
            ..Self::default()
        }
    }

    /// A program ended; `wrong` says how, unless it ended well.
    pub(crate) fn of_program(wrong: Option<Mismatch>, printed: &[u8], latency: Duration) -> Self {
        let said = if wrong.is_some() { last_lines(printed) } else { Vec::new() };
        Self {
            mismatches: wrong.into_iter().collect(),
            latency: Some(latency),
            said,
            answered: true,
            reached: true,
            ..Self::default()
        }
    }
}

/// The last lines of what a program printed, without secrets, which are looked for before it is
/// cut into lines.
pub(crate) fn last_lines(printed: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(printed);
    let text = redact(&text);
    // What stands below something in a message has to stay there.
    let line = |line: &str| {
        let indent = line.chars().take_while(|c| *c == ' ').take(INDENT).count();
        " ".repeat(indent) + &excerpt(line)
    };
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].iter().copied().map(line).collect()
}

/// Spaces that are kept at the beginning of a line.
const INDENT: usize = 40;
/// Lines of a program that are shown.
const LINES: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_shown_without_control_characters() {
        let text: String = (1..=30).map(|number| format!("line {number}\x1b[0m\n\n")).collect();
        let shown = last_lines(text.as_bytes());
        assert_eq!(shown.len(), 10);
        assert_eq!((&*shown[0], &*shown[9]), ("line 21 [0m", "line 30 [0m"));
        assert_eq!(last_lines(b"\xff\xfe"), ["\u{fffd}\u{fffd}"]);
        assert_eq!(last_lines(b" \n\n  | GET\n  |  ^ here"), ["  | GET", "  |  ^ here"]);
    }

    #[test]
    fn an_attempt_is_cut_when_the_step_has_less_time_than_the_check() {
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(9));
        let cut = Limit::new(long, short);
        assert_eq!((cut.time, cut.is_cut), (short, true));
        let whole = Limit::new(short, long);
        assert_eq!((whole.time, whole.is_cut), (short, false));
    }
}
