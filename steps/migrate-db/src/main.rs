//! The binary of `migrate-db`; everything is in the library.

use std::process::ExitCode;

use migrate_db::{Args, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| run(&args).await)
}
