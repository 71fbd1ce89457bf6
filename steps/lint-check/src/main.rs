//! The binary of `lint-check`; everything is in the library.

use std::process::ExitCode;

use lint_check::{Args, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| run(&args).await)
}
