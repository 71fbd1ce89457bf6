//! The step as a user runs it, in a scratch folder.

#![allow(clippy::unwrap_used, reason = "clippy knows helpers of tests only below cfg(test)")]

mod corpus;
mod diff;
mod docs;
mod generate;
mod lint;
mod validate;

use step_testkit::{Project, Ran};

fn run(project: &Project, args: &[&str]) -> Ran {
    project.run("gen-openapi", args)
}
