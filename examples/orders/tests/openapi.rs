//! What `gen-openapi` starts.

use std::process::Command;

#[test]
fn the_description_is_printed_without_a_database() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_orders"));
    let output = program.arg("--openapi").env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let api: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let paths: Vec<&String> = api["paths"].as_object().unwrap().keys().collect();
    assert_eq!(paths, ["/healthz", "/orders"]);
    let committed: serde_json::Value =
        serde_json::from_str(include_str!("../openapi.json")).unwrap();
    assert_eq!(committed, api, "openapi.json is old: run `make gen-openapi`, and commit it");
}
