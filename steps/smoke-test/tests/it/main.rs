//! The real binary against a real server on this machine.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod captures;
mod configuration;
mod expectations;
mod gate;
mod programs;
mod service;
mod tls;
mod verdict;
mod waiting;
