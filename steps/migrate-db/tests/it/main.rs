//! The step as a user runs it, against a real PostgreSQL, PgBouncer and SQLite, with the URL
//! from the local AWS, and beside refinery.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod aws;
mod concurrency;
mod connect;
mod databases;
mod iam;
mod no_transaction;
mod refinery;
mod support;
mod tls;
mod up;
