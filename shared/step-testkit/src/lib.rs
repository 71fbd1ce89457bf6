//! For tests only: the real parts that `make up` starts, a scratch project in which a step runs
//! as a user would run it, and what it said.
//!
//! A part that does not run is a failure of the test, never a reason to skip it.

#![allow(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod aws;
mod project;

pub use aws::{AwsProxy, Fault, Rewrite, aws_call, aws_rest, fresh_account};
pub use project::{Project, Ran, Running, program, repository, testbed_env};
