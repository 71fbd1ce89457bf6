//! The binary of `smoke-test`; everything is in the library.

use std::process::ExitCode;

use smoke_test::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::new(&args)?;
        run(&ctx).await
    })
}
