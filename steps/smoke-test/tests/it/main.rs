//! The real binary against a real server on this machine.

mod configuration;
mod service;
mod verdict;
mod waiting;
