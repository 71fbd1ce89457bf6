//! The step as a user runs it, in a scratch folder.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod diff;
