//! Files that are not one transaction: statement by statement, with a journal, so that another run
//! goes on where this one stopped.
//!
//! A statement that may run in a transaction shares one with its mark in the journal, and in MySQL
//! with its neighbours of the same kind, for there nobody has asked for single ones. The others are
//! marked before and after; of one that was interrupted in between the database tells whether it
//! was done.

use step_core::{Fail, output};

use super::tables::Tables;
use super::{Limits, Step, Stopped};
use crate::files::Script;
use crate::plan::{Mark, Problem};
use crate::sql::{self, Statement};

/// What the journal needs of a connection.
pub(super) trait Session {
    /// An error of the database.
    type Error;

    /// Whether a statement that failed may have left something, which the next run removes.
    const FAILURES_LEAVE_TRACES: bool;

    /// Whether statements that may share a transaction do so with each other.
    const SHARES: bool;

    /// Where the journal is.
    fn tables(&self) -> &Tables;

    /// Runs SQL of the step's own.
    async fn execute(&mut self, sql: &str) -> Result<(), Self::Error>;

    /// What the journal says of a file.
    async fn find_mark(&mut self, id: &str) -> anyhow::Result<Option<Mark>>;

    /// Sets the time-outs of the session.
    async fn limit(&mut self, limits: Limits) -> Result<(), Self::Error>;

    /// Begins a transaction for a statement of a file.
    async fn begin(&mut self, limits: Limits) -> Result<(), Self::Error>;

    /// Runs a statement of a file.
    async fn run(&mut self, one: &Statement, limits: Limits) -> Result<(), Self::Error>;

    /// What tells later whether a statement that is about to begin was done; not empty.
    async fn state(&mut self, one: &Statement) -> anyhow::Result<String>;

    /// Whether a statement that was interrupted has been done. What it left half-done is removed.
    async fn was_done(&mut self, one: &Statement, state: &str) -> anyhow::Result<bool>;

    /// Makes sure that a statement that succeeded did what it says.
    async fn verify(&mut self, script: &Script, one: &Statement) -> anyhow::Result<()>;

    /// The SQL that brings the session back to how it began.
    fn reset(&self) -> String;

    /// An error of the step's own SQL.
    fn failed(what: &'static str, err: Self::Error) -> Fail;

    /// An error of a statement of a file; `state` is what became of the file.
    async fn explain(
        &mut self,
        err: Self::Error,
        script: &Script,
        one: &Statement,
        state: String,
    ) -> Stopped;
}

/// Runs a file and records it.
pub(super) async fn apply<S: Session>(
    session: &mut S,
    step: &Step<'_>,
    limits: Limits,
) -> anyhow::Result<()> {
    let script = step.script;
    let statements = sql::split(&script.sql, session.tables().dialect);
    let digests = sql::digests(&statements);
    let create = session.tables().create_journal();
    session.execute(&create).await.map_err(|err| S::failed("create the journal", err))?;
    session.limit(limits).await.map_err(|err| S::failed("set the time-outs", err))?;
    let mut left = session.find_mark(&script.id).await?;
    let done = left.as_ref().map_or(0, |mark| mark.done);
    if let Some(mark) = &left {
        if !mark.fits(&digests) {
            let (file, begun) = (script.path.clone(), mark.clone());
            return Err(Problem::BegunEdited { file, begun }.refusal().into());
        }
        output::say(format!(
            "  {}: an earlier run applied {done} of {} statements; going on",
            script.id,
            statements.len()
        ));
        for one in statements[..done].iter().filter(|one| one.is_setting()) {
            if let Err(err) = session.run(one, limits).await {
                return Err(stopped(session, err, script, &statements, done, one).await.into());
            }
        }
    }
    let mut at = done;
    while let Some(one) = statements.get(at) {
        let mark = |done: usize, state: String| Mark {
            id: script.id.clone(),
            done,
            digest: digests[done].clone(),
            state,
        };
        let rest = &statements[at..];
        let sharing = rest.iter().take_while(|one| one.shares_transaction()).count();
        let together = if S::SHARES { sharing.max(1) } else { 1 };
        let after = session.tables().mark(&mark(at + together, String::new()));
        let begun = left.take().map(|mark| mark.state).filter(|state| !state.is_empty());
        let ran = if sharing > 0 {
            share(session, &rest[..together], limits, &after).await
        } else {
            let is_done = match begun {
                Some(state) => session.was_done(one, &state).await?,
                None => false,
            };
            let before = if is_done {
                None
            } else {
                let state = session.state(one).await?;
                Some(session.tables().mark(&mark(at, state)))
            };
            let ran = alone(session, one, limits, before, &after).await;
            ran.map_err(|err| (err, one))
        };
        if let Err((err, failed)) = ran {
            let _already_lost = session.execute("ROLLBACK").await;
            if !S::FAILURES_LEAVE_TRACES && sharing == 0 {
                let not_begun = session.tables().mark(&mark(at, String::new()));
                let _already_lost = session.execute(&not_begun).await;
            }
            return Err(stopped(session, err, script, &statements, at, failed).await.into());
        }
        session.verify(script, one).await?;
        at += together;
    }
    let tables = session.tables();
    let (record, forget) = (tables.edit(&step.record), tables.forget_mark(&script.id));
    let ended = format!("BEGIN; {record}; {forget}; COMMIT; {}", session.reset());
    Ok(session.execute(&ended).await.map_err(|err| S::failed("record the migration", err))?)
}

/// Statements and their mark in one transaction. The error comes with the statement that failed.
async fn share<'a, S: Session>(
    session: &mut S,
    statements: &'a [Statement],
    limits: Limits,
    after: &str,
) -> Result<(), (S::Error, &'a Statement)> {
    let (Some(first), Some(last)) = (statements.first(), statements.last()) else { return Ok(()) };
    session.begin(limits).await.map_err(|err| (err, first))?;
    for one in statements {
        session.run(one, limits).await.map_err(|err| (err, one))?;
    }
    session.execute(&format!("{after}; COMMIT")).await.map_err(|err| (err, last))
}

/// A statement between two marks; without the first it has been done, and only the second is
/// missing.
async fn alone<S: Session>(
    session: &mut S,
    one: &Statement,
    limits: Limits,
    before: Option<String>,
    after: &str,
) -> Result<(), S::Error> {
    if let Some(before) = before {
        session.execute(&before).await?;
        session.run(one, limits).await?;
    }
    session.execute(after).await
}

/// The error of a file that stopped at a statement.
async fn stopped<S: Session>(
    session: &mut S,
    err: S::Error,
    script: &Script,
    statements: &[Statement],
    done: usize,
    one: &Statement,
) -> Stopped {
    let all = statements.len();
    let state = match done {
        0 => "none of its statements was applied".to_owned(),
        1 => format!("the first of its {all} statements was applied and stays"),
        _ => format!("the first {done} of its {all} statements were applied and stay"),
    };
    let Stopped { fail, is_there } = session.explain(err, script, one, state).await;
    let fail = fail.help(
        "mend the cause and run migrate-db again: it goes on after what was applied; the file may be \
         changed from there on",
    );
    Stopped { fail, is_there }
}
