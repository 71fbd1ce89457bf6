//! The binary of `deploy-stack`; everything is in the library.

use std::process::ExitCode;

use deploy_stack::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::connect(&args).await?;
        run(&ctx).await
    })
}
