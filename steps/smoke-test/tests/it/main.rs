//! The real binary against a real server on this machine.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod configuration;
mod service;
mod verdict;
mod waiting;
