//! The binary of `repo`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    repo::main()
}
