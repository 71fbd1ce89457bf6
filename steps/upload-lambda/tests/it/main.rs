//! The step as a user runs it, against the local AWS, where functions really run: what an invocation
//! answers tells which code is called.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod canary;
mod deploy;
mod faults;
mod input;
mod layers;
mod package;
mod storage;
mod support;
mod versions;
