//! The binary of `push-ecr`; everything is in the library.

use std::process::ExitCode;

use push_ecr::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::connect(&args).await?;
        run(&ctx).await
    })
}
