//! Packages as their readers see them.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod program;
mod readers;
mod refused;
mod same_bytes;
mod tree;
