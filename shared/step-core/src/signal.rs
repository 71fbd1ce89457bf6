//! SIGINT and SIGTERM: a cancelled job leaves in order and says how to come back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// Sets what an interrupted step tells the user: what goes on without it, and how to return.
/// The newest text counts; an empty one takes it back.
pub fn on_interrupt(advice: impl Into<String>) {
    *ADVICE.lock().unwrap_or_else(PoisonError::into_inner) = advice.into();
}

/// From now on the first signal does not end the step: it is told by [`interrupt_requested`], and the
/// step goes on to its own end, for example back to where it began. A second signal ends it.
pub fn hold_interrupts() {
    HELD.store(true, Ordering::Relaxed);
}

/// Returns when a signal came while interrupts are held; never before.
pub async fn interrupt_requested() {
    let notified = REQUEST.notified();
    if !REQUESTED.load(Ordering::Relaxed) {
        notified.await;
    }
}

/// Whether the step wants to end by itself after a first signal. If so, it is told of this one.
pub(crate) fn is_held_and_told() -> bool {
    let is_held = HELD.load(Ordering::Relaxed);
    if is_held {
        REQUESTED.store(true, Ordering::Relaxed);
        REQUEST.notify_waiters();
    }
    is_held
}

static HELD: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);
static REQUEST: Notify = Notify::const_new();

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

/// Waits for the first signal.
///
/// # Errors
/// The handlers cannot be installed.
pub(crate) async fn interrupted() -> anyhow::Result<Interrupt> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => Interrupt { name: "SIGINT", code: 130 },
        _ = terminate.recv() => Interrupt { name: "SIGTERM", code: 143 },
    })
}
