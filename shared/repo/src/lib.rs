//! The repository's own tools, for those who work on landfall: what `make gen`, `make new-step`,
//! `make bench` and the summary of `make demo` call, and the checks of the tidy tests.

pub mod bench;
mod cli;
pub mod docs;
pub mod generate;
pub mod new_step;
pub mod summary;
mod table;
pub mod tidy;
pub mod workspace;

pub use cli::main;
