//! `.dockerignore`, read and applied as Docker's client does it.
//!
//! The client filters the build context; no builder honours the file inside an uploaded tar. So whoever
//! uploads a context, or hashes one, needs the client's answer and not that of `.gitignore`, whose rules
//! differ. Use it in three steps:
//!
//! ```no_run
//! # use std::path::Path;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let context = Path::new("app");
//! let text = match dockerignore::ignore_file_for(context, Path::new("app/Dockerfile")) {
//!     Some(file) => std::fs::read_to_string(file)?,
//!     None => String::new(),
//! };
//! let patterns = dockerignore::Patterns::parse(&text)?;
//! let always = [Path::new("Dockerfile"), Path::new(".dockerignore")];
//! for entry in dockerignore::walk(context, &patterns, &always)? {
//!     println!("{}", entry.path);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Where the rules come from
//!
//! - Reading lines: `ignorefile.ReadAll` of moby/patternmatcher.
//! - Matching: `MatchesUsingParentResults` of moby/patternmatcher, the one that a build calls. It is not
//!   quite `MatchesOrParentMatches`; [`Patterns::matching`] says where they part.
//! - Walking: the filter of tonistiigi/fsutil, with which BuildKit's client sends a context.
//!
//! Oddities of those are kept where they decide about a file, so that a context is the same whoever sends it.
//!
//! # Known differences
//!
//! - A malformed pattern is refused when it is read, with its line; Docker refuses some only once a path
//!   is matched against them. Past a `*` a few are read here that Docker refuses, such as `.*[-a]`, and so
//!   is a line over 64 KiB.
//! - After `\`, a letter or digit is read as the `regex` crate reads it, in Docker as Go's `regexp` does
//!   (`\d` is any Unicode digit here and an ASCII one there; `\Q` and octal escapes are refused here).
//!   `[[:alpha:]]` is no POSIX class here, `[--a]` no range. None of these is in Docker's documentation.
//! - Sockets are left out, as Docker's classic builder does; BuildKit's client sends an empty file for one.
//! - A name that is not UTF-8 is an error if it would be sent (neither protocol of Docker can carry it well).
//! - Unix only: on Windows Docker's client matches with `\` as the separator.

mod pattern;
mod walk;

pub use pattern::{PatternError, Patterns, Rule};
pub use walk::{Entry, WalkError, ignore_file_for, walk};
