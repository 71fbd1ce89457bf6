//! Packages as their readers see them.

mod program;
mod readers;
mod refused;
mod same_bytes;
mod tree;
