//! What a step says while it works: to stderr, a line for each change of state.
//!
//! Three audiences, one call: a terminal gets a moving bar, GitLab's job log gets collapsible
//! sections, everything else gets plain lines and now and then a sign of life. stdout is left to
//! the report. Nothing leaves the process without passing [`redact`].

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use console::style;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::{Instant, sleep};

use crate::args::{Color, Common};
use crate::secret::redact;
use crate::{Exit, report::ErrorReport};

/// A line of progress, unless `--quiet`.
pub fn say(line: impl Display) {
    if !ui().quiet {
        emit(&line.to_string());
    }
}

/// Something that the user should know but that does not stop the step.
pub fn warn(line: impl Display) {
    emit(&format!("{} {line}", style("warning:").for_stderr().yellow().bold()));
}

/// A part of the work with a heading; in GitLab's job log it can be folded. Ends when dropped.
pub fn section(title: &str) -> Section {
    let ui = ui();
    if ui.quiet {
        return Section { name: None };
    }
    let heading = style(title).for_stderr().cyan().bold();
    if !ui.gitlab {
        emit(&format!("{heading}"));
        return Section { name: None };
    }
    let name: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    emit(&format!("\x1b[0Ksection_start:{}:{name}\r\x1b[0K{heading}", unix_seconds()));
    Section { name: Some(name) }
}

/// See [`section`].
#[must_use = "the section ends when this is dropped"]
pub struct Section {
    name: Option<String>,
}

impl Drop for Section {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            emit(&format!("\x1b[0Ksection_end:{}:{name}\r\x1b[0K", unix_seconds()));
        }
    }
}

/// Waiting or working that may take long: a bar or spinner on a terminal; elsewhere a line when
/// the state changes, and a sign of life each 15 s when it does not.
pub fn progress(what: impl Into<String>) -> Progress {
    let what = what.into();
    let bar = ui().terminal.then(|| {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(spinner_style());
        bar.set_message(redact(&what).into_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    });
    if let Some(bar) = &bar {
        *lock(&ACTIVE) = Some(bar.clone());
    }
    let now = Instant::now();
    Progress { bar, what, state: String::new(), since: now, last_line: now }
}

/// See [`progress`].
pub struct Progress {
    bar: Option<ProgressBar>,
    what: String,
    state: String,
    since: Instant,
    last_line: Instant,
}

impl Progress {
    /// Tells the present state. The same state again is only a sign of life.
    pub fn state(&mut self, state: impl Into<String>) {
        let state = state.into();
        let changed = state != self.state;
        if let Some(bar) = &self.bar {
            bar.set_message(redact(&format!("{}: {state}", self.what)).into_owned());
        }
        if changed {
            say(format!("  {}: {state}", self.what));
            self.last_line = Instant::now();
        } else if self.bar.is_none() && self.last_line.elapsed() >= HEARTBEAT {
            say(format!("  {}: still {state} ({} s)", self.what, self.since.elapsed().as_secs()));
            self.last_line = Instant::now();
        }
        self.state = state;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            *lock(&ACTIVE) = None;
            bar.finish_and_clear();
        }
    }
}

/// Awaits work that tells nothing of itself, with a sign of life each 15 s.
pub async fn alive<T>(what: &str, work: impl Future<Output = T>) -> T {
    let beat = |since: Duration| say(format!("  {what}: still running ({} s)", since.as_secs()));
    beating(work, beat).await
}

async fn beating<T>(work: impl Future<Output = T>, mut beat: impl FnMut(Duration)) -> T {
    let start = Instant::now();
    let mut work = pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = sleep(HEARTBEAT) => beat(start.elapsed()),
        }
    }
}

/// How this process speaks; set once, by [`crate::main`].
pub(crate) fn init(common: &Common) {
    let terminal = std::io::stderr().is_terminal();
    let gitlab = common.gitlab.ci.unwrap_or(false);
    match common.color {
        Color::Auto if gitlab => console::set_colors_enabled_stderr(true),
        Color::Auto => {}
        Color::Always => console::set_colors_enabled_stderr(true),
        Color::Never => console::set_colors_enabled_stderr(false),
    }
    let _already_set =
        UI.set(Ui { quiet: common.quiet, terminal: terminal && !common.quiet, gitlab });
    init_tracing(common.verbose);
}

/// Prints the final report to stdout. A reader that has gone away is not an error.
pub(crate) fn print_report(text: &str) {
    print_redacted(&redact(text));
}

/// Prints a report that holds no secrets any more. JSON is cleaned before it is escaped: what masks a
/// part of its text may also take away quotes.
pub(crate) fn print_redacted(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _gone = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Prints an error to stderr: what, why, and what to do.
pub(crate) fn print_error(report: &ErrorReport) {
    emit(&format!("{} {}", style("error:").for_stderr().red().bold(), report.message));
    if let Some(help) = &report.help {
        emit(&format!("  {} {help}", style("help:").for_stderr().cyan().bold()));
    }
}

/// The one line that ends the progress of a step.
pub(crate) fn print_outcome(step: &str, outcome: &str, exit: Exit, seconds: f64) {
    let outcome = match exit {
        Exit::Done => style(outcome).for_stderr().green(),
        _ => style(outcome).for_stderr().red(),
    };
    say(format!("{step}: {outcome} ({seconds:.1} s)"));
}

struct Ui {
    quiet: bool,
    terminal: bool,
    gitlab: bool,
}

static UI: OnceLock<Ui> = OnceLock::new();
/// The bar on the terminal, which has to step aside for each line.
static ACTIVE: Mutex<Option<ProgressBar>> = Mutex::new(None);

const HEARTBEAT: Duration = Duration::from_secs(15);

/// Before [`init`] (and in unit tests) the process speaks plainly.
fn ui() -> &'static Ui {
    UI.get_or_init(|| Ui { quiet: false, terminal: false, gitlab: false })
}

fn emit(line: &str) {
    let write = || {
        // A closed stderr must not stop a deployment.
        let _gone = writeln!(std::io::stderr().lock(), "{}", redact(line));
    };
    match &*lock(&ACTIVE) {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spinner_style() -> ProgressStyle {
    ProgressStyle::with_template("  {spinner} {wide_msg} {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[expect(
    clippy::disallowed_methods,
    reason = "GitLab's section markers carry the runner's clock; nothing is decided by it"
)]
fn unix_seconds() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn init_tracing(verbose: u8) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let (own, foreign) = match verbose {
        0 => return,
        1 => (LevelFilter::DEBUG, LevelFilter::WARN),
        2 => (LevelFilter::TRACE, LevelFilter::DEBUG),
        _ => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    let targets = Targets::new()
        .with_default(foreign)
        // hyper's and h2's frames help nobody who debugs a delivery.
        .with_target("hyper_util", LevelFilter::WARN)
        .with_target("h2", LevelFilter::WARN)
        .with_targets(
            [
                "step_",
                "build_",
                "push_",
                "deploy_",
                "smoke_",
                "migrate_",
                "upload_",
                "lint_",
                "landfall_",
            ]
            .map(|name| (name, own)),
        );
    let layer = tracing_subscriber::fmt::layer()
        .without_time()
        .with_ansi(false)
        .with_writer(|| RedactingWriter(Vec::new()));
    let _already_set = tracing_subscriber::registry().with(targets).with(layer).try_init();
}

/// Collects one event and prints it redacted: a secret must not slip through between two writes.
struct RedactingWriter(Vec<u8>);

impl Write for RedactingWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for RedactingWriter {
    fn drop(&mut self) {
        emit(String::from_utf8_lossy(&self.0).trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_that_takes_long_gives_signs_of_life_until_it_ends() {
        let mut beats = Vec::new();
        let work = async {
            sleep(Duration::from_secs(40)).await;
            "done"
        };
        assert_eq!(beating(work, |since| beats.push(since.as_secs())).await, "done");
        assert_eq!(beats, [15, 30]);
    }
}
