//! The tools as `make` calls them, and the tidiness of this very repository.

#![allow(clippy::expect_used, reason = "a test that cannot be set up has failed")]

mod bench;
mod docs;
mod generate;
mod new_step;
mod summary;
mod tidy;

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use repo::workspace::Workspace;
use step_testkit::{program, repository};

/// What `repo` said, and its exit code.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    code: i32,
    stdout: String,
    stderr: String,
}

fn repo<I: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = I>) -> Said {
    let output = Command::new(program("repo")).current_dir(folder).args(args).output();
    let output = output.expect("repo starts");
    Said {
        code: output.status.code().expect("an exit code"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn workspace() -> Workspace {
    Workspace::load(&repository()).expect("the workspace")
}
