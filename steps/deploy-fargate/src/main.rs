//! The binary of `deploy-fargate`; everything is in the library.

use std::process::ExitCode;

use deploy_fargate::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::connect(&args).await?;
        run(&ctx).await
    })
}
