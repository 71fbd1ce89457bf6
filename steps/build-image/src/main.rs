//! The binary of `build-image`; everything is in the library.

use std::process::ExitCode;

use build_image::{Args, Ctx, run};

fn main() -> ExitCode {
    step_core::main(async |args: Args| {
        let ctx = Ctx::connect(&args).await?;
        run(&ctx).await
    })
}
