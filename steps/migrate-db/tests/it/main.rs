//! The step as a user runs it, against a real PostgreSQL, PgBouncer, MariaDB and SQLite, and beside refinery.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod concurrency;
mod connect;
mod crash;
mod mysql;
mod no_transaction;
mod refinery;
mod support;
mod up;
