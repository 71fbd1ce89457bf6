//! Against the local AWS, whose tasks are real containers.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod deploy;
mod failing;
mod faults;
mod gate;
mod plan;
mod rollback;
mod run_task;
mod several;
mod support;
