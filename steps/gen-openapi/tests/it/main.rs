//! The binary as people run it.

mod lint;
mod validate;
