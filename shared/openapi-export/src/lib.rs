//! For a service whose API is described with [utoipa](https://docs.rs/utoipa) 6: with `--openapi` its
//! program prints the description and ends, before it reads its settings or connects to anything.
//! `gen-openapi` takes it from there. A service adds a dependency, with the version of the steps,
//!
//! ```toml
//! openapi-export = { git = "https://gitlab.example.com/platform/landfall", tag = "0.1.0" }
//! ```
//!
//! a first line in its `main`,
//!
//! ```
//! # #[derive(utoipa::OpenApi)]
//! # struct Api;
//! # use utoipa::OpenApi;
//! fn main() {
//!     openapi_export::print_if_asked(Api::openapi);
//!     // The service starts.
//! }
//! ```
//!
//! and to its `landfall.toml`
//!
//! ```toml
//! [defaults.gen-openapi.sources.orders]
//! command = ["dist/orders", "--openapi"]
//! ```

use std::ffi::OsString;
use std::io::Write;

use utoipa::openapi::OpenApi;

/// The argument that asks for the description.
pub const FLAG: &str = "--openapi";

/// Prints the description as JSON on stdout and ends the program, with 0, when it was started with
/// [`FLAG`]; else does nothing. When stdout takes no more, it says so on stderr and ends with 1.
///
/// Call it first: before the command line is parsed, for a required argument would be missing, and before
/// anything is printed, for stdout is to be the description and nothing else.
pub fn print_if_asked(api: impl FnOnce() -> OpenApi) {
    if !is_asked(std::env::args_os()) {
        return;
    }
    let code = match print(&api(), &mut std::io::stdout().lock()) {
        Ok(()) => 0,
        Err(err) => {
            let _gone = writeln!(std::io::stderr(), "error: cannot print the description: {err}");
            1
        }
    };
    #[expect(clippy::exit, reason = "nothing has started yet, whatever `main` returns")]
    std::process::exit(code);
}

/// Whether a command line has the flag. What stands behind `--` is no flag.
fn is_asked(args: impl IntoIterator<Item = OsString>) -> bool {
    args.into_iter().skip(1).take_while(|arg| arg != "--").any(|arg| arg == FLAG)
}

fn print(api: &OpenApi, out: &mut impl Write) -> std::io::Result<()> {
    let json = api.to_pretty_json()?;
    writeln!(out, "{json}")?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_flag_asks() {
        let asked = |line: &str| is_asked(line.split(' ').map(OsString::from));
        assert!(asked("orders --openapi") && asked("orders --listen 0.0.0.0:80 --openapi"));
        for line in
            ["orders", "--openapi", "orders --openapi=x", "orders openapi", "orders -- --openapi"]
        {
            assert!(!asked(line), "{line}");
        }
    }

    #[test]
    fn a_stdout_that_takes_no_more_is_an_error() {
        assert!(print(&OpenApi::default(), &mut [0; 10].as_mut_slice()).is_err());
    }
}
