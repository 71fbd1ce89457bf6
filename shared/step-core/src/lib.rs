//! What every step of landfall shares, and nothing that only some of them need.
//!
//! A step is a function from its arguments to a [`Report`]; [`main`] does the rest: it parses
//! the command line, starts the runtime, listens for signals, keeps secrets out of everything
//! that is printed, prints the report and chooses the [`Exit`] code.
//!
//! This crate knows no AWS, no Docker and no database.

mod args;
mod entry;
mod exit;
mod files;
pub mod handover;
pub mod output;
pub mod poll;
pub mod process;
mod report;
pub mod secret;
mod signal;

pub use args::{Common, GitLab, duration, key_value};
pub use entry::{main, without_empty_variables};
pub use exit::{Exit, Fail, FailContext, innermost};
pub use files::{holds, write_atomically, write_atomically_from};
pub use report::Report;
pub use secret::Secret;
pub use signal::{Held, hold_interrupt, on_interrupt};
