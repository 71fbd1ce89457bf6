//! The binary of `upload-lambda`; everything is in the library.

use std::process::ExitCode;

use upload_lambda::{Args, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| run(&args).await)
}
