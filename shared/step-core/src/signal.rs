//! SIGINT and SIGTERM: a cancelled job leaves in order and says how to come back.

use std::sync::{Mutex, PoisonError};

use tokio::signal::unix::{SignalKind, signal};

/// Sets what an interrupted step tells the user: what goes on without it, and how to return.
/// The newest text counts; an empty one takes it back.
pub fn on_interrupt(advice: impl Into<String>) {
    *ADVICE.lock().unwrap_or_else(PoisonError::into_inner) = advice.into();
}

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
