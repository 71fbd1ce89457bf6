//! The step as a user runs it, against a real PostgreSQL, PgBouncer, MariaDB and SQLite, with the URL
//! from the local AWS, and beside refinery.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod aws;
mod check;
mod concurrency;
mod connect;
mod crash;
mod databases;
mod iam;
mod mysql;
mod no_transaction;
mod refinery;
mod refinery_cli;
mod support;
mod tls;
mod up;
