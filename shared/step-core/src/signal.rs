//! SIGINT and SIGTERM: a cancelled job leaves in order and says how to come back.

use std::sync::{LazyLock, Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output;

/// Sets what an interrupted step tells the user: what goes on without it, and how to return.
/// The newest text counts; an empty one takes it back.
pub fn on_interrupt(advice: impl Into<String>) {
    *ADVICE.lock().unwrap_or_else(PoisonError::into_inner) = advice.into();
}

/// Has the step go on when a signal comes, until this is dropped: for what must not be left half done.
/// Whoever holds it waits for [`Held::interrupted`] beside its work, and puts things in order. A second
/// signal ends the step at once.
pub fn hold_interrupt() -> Held {
    STATE.send_modify(|state| state.held += 1);
    Held(STATE.subscribe())
}

/// See [`hold_interrupt`].
#[derive(Debug)]
#[must_use = "a signal is held off until this is dropped"]
pub struct Held(watch::Receiver<State>);

impl Held {
    /// Waits until a signal comes.
    pub async fn interrupted(&self) {
        // The sender is static: it does not go away.
        let mut state = self.0.clone();
        let _came = state.wait_for(|state| state.came).await;
    }

    /// Lets the signal that came end the step. Does not return.
    pub async fn give_way(self) -> std::convert::Infallible {
        drop(self);
        std::future::pending().await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        STATE.send_modify(|state| state.held -= 1);
    }
}

/// Whether a signal came, and how many do not let it end the step yet.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    came: bool,
    held: usize,
}

static STATE: LazyLock<watch::Sender<State>> = LazyLock::new(watch::Sender::default);

pub(crate) fn advice() -> String {
    ADVICE.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

static ADVICE: Mutex<String> = Mutex::new(String::new());

/// A signal that ends the process.
pub(crate) struct Interrupt {
    pub(crate) name: &'static str,
    /// 128 plus the signal's number, as shells report it.
    pub(crate) code: u8,
}

/// Waits for the first signal, and then until nobody holds it off, or for the second.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) async fn interrupted() -> anyhow::Result<Interrupt> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let first = tokio::select! {
        _ = interrupt.recv() => Interrupt { name: "SIGINT", code: 130 },
        _ = terminate.recv() => Interrupt { name: "SIGTERM", code: 143 },
    };
    STATE.send_modify(|state| state.came = true);
    let mut state = STATE.subscribe();
    if state.borrow().held > 0 {
        output::warn(format!("{}: once more ends the step at once", first.name));
    }
    tokio::select! {
        _ = state.wait_for(|state| state.held == 0) => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(first)
}
