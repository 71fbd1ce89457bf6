//! A service that was given the flag, as `gen-openapi` starts it.

use std::path::PathBuf;
use std::process::{Command, Output};

/// `examples/service.rs`, which cargo has built beside this test: TARGET/debug/deps/service-0123.
fn service(args: &[&str]) -> Output {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.ancestors().nth(2).expect("a target folder");
    let program: PathBuf = folder.join("examples/service");
    Command::new(program).args(args).env_clear().output().expect("the example starts")
}

#[test]
fn with_the_flag_the_description_is_printed_and_nothing_starts() {
    let output = service(&["--openapi"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let api: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON alone");
    assert_eq!(api["info"]["version"], "1.2.3");
    assert!(api["paths"]["/healthz"]["get"].is_object(), "{api}");
}

#[test]
fn without_the_flag_the_service_starts() {
    let output = service(&[]);
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no database"));
}
