//! The binary as people run it.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod docs;
mod generate;
mod lint;
mod validate;
