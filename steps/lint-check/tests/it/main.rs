//! The step as a user runs it, in a scratch repository.

mod adapters;
