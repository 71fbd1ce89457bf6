//! A round: every check once. Those that use what another captures come after it, all others at
//! the same time.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{AGE, DATE};
use step_core::output;

use crate::Ctx;
use crate::attempt::{Attempt, Limit, NoAnswer};
use crate::checks::{Check, Kind};
use crate::expect::{Answer, Known};
use crate::probe::Sender;
use crate::program::{self, Told};
use crate::template::Captures;

/// What makes one round after the other.
#[derive(Debug)]
pub(crate) struct Rounds<'a> {
    ctx: &'a Ctx,
    sender: Sender,
    /// For each check the stage of the round in which it is made.
    stages: Vec<usize>,
    clock_was_told: bool,
}

impl<'a> Rounds<'a> {
    /// # Errors
    /// Exit 4: no certificate authority is installed.
    pub(crate) fn new(ctx: &'a Ctx) -> anyhow::Result<Self> {
        Ok(Self { ctx, sender: Sender::new()?, stages: stages(&ctx.checks), clock_was_told: false })
    }

    /// Makes every check once; what came of them is in their order.
    ///
    /// # Errors
    /// Something that no further round would mend.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Vec<Attempt>> {
        let mut attempts: Vec<Attempt> = self.stages.iter().map(|_| Attempt::default()).collect();
        let mut captures = Captures::new();
        let last = self.stages.iter().max().copied().unwrap_or(0);
        for stage in 0..=last {
            let now: Vec<usize> =
                (0..attempts.len()).filter(|&at| self.stages[at] == stage).collect();
            let made = now.iter().map(|&at| self.make(&self.ctx.checks[at], &captures));
            let mut made = try_join_all(made).await?;
            let ahead = made.iter().find_map(|(_, ahead)| *ahead);
            self.tell_about_the_clock(ahead);
            for (attempt, _) in &mut made {
                captures.append(&mut attempt.captures);
            }
            for (at, (attempt, _)) in now.into_iter().zip(made) {
                attempts[at] = attempt;
            }
        }
        Ok(attempts)
    }

    /// Makes a check, and finds out by how many seconds this machine's clock is ahead.
    async fn make(
        &self,
        check: &Check,
        captures: &Captures,
    ) -> anyhow::Result<(Attempt, Option<i64>)> {
        let ctx = self.ctx;
        let left = ctx.deadline.remaining();
        let limit = Limit::new(check.limit, left);
        if let Some(missing) = check.uses().find(|name| !captures.contains_key(*name)) {
            let reason = format!("no request, as nothing was captured for `{missing}`");
            let cut_off = left.is_zero();
            let none = NoAnswer { reason, cut_off, ..NoAnswer::default() };
            return Ok((Attempt::of_nothing(&none), None));
        }
        let told = Told { base: ctx.base.as_ref(), revision: ctx.revision.as_deref() };
        match &check.kind {
            Kind::Command(command) => Ok((program::run(command, told, limit).await?, None)),
            Kind::Hurl(hurl) => Ok((program::run_hurl(hurl, told, captures, limit).await?, None)),
            Kind::Http(http) => {
                let answer = self.sender.send(http, ctx.base.as_ref(), captures, limit).await;
                let now = Timestamp::now();
                let known = Known { revision: ctx.revision.as_deref(), now };
                Ok(match answer {
                    Ok(answer) => (Attempt::of_answer(http, &answer, known), ahead(&answer, now)),
                    Err(none) => (Attempt::of_nothing(&none), None),
                })
            }
        }
    }

    /// Certificates are judged by this machine's clock, and the verdict bears its time.
    fn tell_about_the_clock(&mut self, ahead: Option<i64>) {
        let Some(ahead) = ahead.filter(|ahead| ahead.abs() > SKEW && !self.clock_was_told) else {
            return;
        };
        self.clock_was_told = true;
        let minutes = ahead.abs() / 60;
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        output::warn(format!(
            "the clock of this machine is {minutes} minutes {word} that of the service; \
             certificates are judged by it, and the verdict bears its time"
        ));
    }
}

/// Seconds by which two clocks may differ without a word.
const SKEW: i64 = 5 * 60;

/// The stage of each check: after all whose captures it uses, which stand before it in the file.
fn stages(checks: &[Check]) -> Vec<usize> {
    let mut made_in = BTreeMap::new();
    let mut stages = Vec::new();
    for check in checks {
        let after = check.uses().filter_map(|name| made_in.get(name)).max();
        let stage = after.map_or(0, |stage: &usize| stage + 1);
        made_in.extend(check.makes().map(|name| (name, stage)));
        stages.push(stage);
    }
    stages
}

/// Seconds by which this machine's clock is ahead of the one that made the answer. An answer from
/// a cache bears an old time.
fn ahead(answer: &Answer, now: Timestamp) -> Option<i64> {
    if answer.headers.contains_key(AGE) {
        return None;
    }
    let date = answer.headers.get(DATE)?.to_str().ok()?;
    let there = rfc2822::parse(date).ok()?.timestamp();
    Some(now.duration_since(there).as_secs())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::header::HeaderValue;

    use super::*;
    use crate::checks::Http;
    use crate::template::Template;
    use crate::text::FromText;

    #[test]
    fn a_check_comes_after_all_whose_captures_it_uses() {
        let check = |uses: &str, makes: &str| {
            let mut http = Http::from_lines(makes);
            http.body = Some(Template::from_text(uses).unwrap());
            let limit = Duration::from_secs(1);
            Check { name: String::new(), limit, kind: Kind::Http(Box::new(http)) }
        };
        let checks = [
            check("", "capture = { a = '$.a' }"),
            check("", ""),
            check("{{a}}", "capture = { b = '$.b' }"),
            check("{{a}} {{b}}", ""),
            check("{{a}}", ""),
        ];
        assert_eq!(stages(&checks), [0, 0, 1, 2, 1]);
    }

    #[test]
    fn the_clock_of_the_service_is_read_from_its_answers() {
        let now: Timestamp = "1994-11-06T09:49:37Z".parse().unwrap();
        let mut answer = Answer::default();
        assert_eq!(ahead(&answer, now), None);
        answer.headers.insert(DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(ahead(&answer, now), Some(3600));
        answer.headers.insert(AGE, HeaderValue::from_static("7"));
        assert_eq!(ahead(&answer, now), None);
    }
}
