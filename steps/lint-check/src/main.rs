//! The binary of `lint-check`; everything is in the library.

use std::process::ExitCode;

use lint_check::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::connect(&args)?;
        run(&ctx).await
    })
}
