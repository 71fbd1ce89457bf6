//! The step as a user runs it, against a real PostgreSQL, PgBouncer and SQLite, and beside refinery.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod check;
mod concurrency;
mod connect;
mod no_transaction;
mod refinery;
mod support;
mod up;
