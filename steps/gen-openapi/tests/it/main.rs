//! The step as a user runs it, in a scratch folder.

mod generate;
