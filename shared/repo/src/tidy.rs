//! The rules of the repository that no compiler checks. Each check takes texts and returns a list
//! of problems, each with its place and with what to do; the tidy tests give it the real files.

mod iam;
mod manifest;
mod readme;
mod source;
mod template;

pub use iam::{actions_called, actions_differ};
pub use manifest::{core_is_bare, manifest_inherits, steps_are_apart};
pub use readme::readme;
pub use source::{leftovers, main_is_short, plan_is_pure, top_level};
pub use template::{script_lines, script_parses};
