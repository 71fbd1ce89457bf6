//! The binary of `gen-openapi`; everything is in the library.

use std::process::ExitCode;

use gen_openapi::{Args, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| run(&args).await)
}
