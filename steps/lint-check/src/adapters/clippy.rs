//! clippy: Rust, and what the compiler says of it.

use std::collections::HashSet;

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text, told};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "clippy",
    about: "Rust: mistakes and bad habits",
    files: &["*.rs", "Cargo.toml", "Cargo.lock"],
    wanted: Wanted::ByFiles,
    configs: &["clippy.toml", ".clippy.toml"],
    shared: &[],
    heeds: &["rust-toolchain.toml", "rust-toolchain", ".cargo/config.toml"],
    programs: &["cargo-clippy"],
    args: &["clippy", "--workspace", "--all-targets", "--quiet", "--message-format=json"],
    bare: &[],
    unit: Unit::Project("Cargo.toml"),
    // 101 is what cargo ends with when something does not compile, and when it cannot begin.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 101],
    parse,
    // Whether files have changes that are not committed, lint-check has looked at.
    fix: Some(&[
        "clippy",
        "--fix",
        "--workspace",
        "--all-targets",
        "--allow-dirty",
        "--allow-staged",
        "--quiet",
    ]),
    install: "rustup component add clippy",
    rules: Some("https://rust-lang.github.io/rust-clippy/stable/index.html#{rule}"),
};

/// A JSON document in each line; those with `reason` = `compiler-message` hold a diagnostic of the
/// compiler's. <https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>,
/// <https://doc.rust-lang.org/rustc/json.html>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let (mut hits, mut seen, mut is_whole) = (Vec::new(), HashSet::new(), false);
    for line in output.stdout.lines().filter(|line| line.starts_with('{')) {
        let message = json(line)?;
        match message["reason"].as_str() {
            Some("compiler-message") => {}
            Some("build-finished") => {
                is_whole = true;
                continue;
            }
            _ => continue,
        }
        // A file that is in two targets, as a test and as a binary, is compiled twice.
        let found = hit(&message["message"]);
        hits.extend(
            found.filter(|hit| {
                seen.insert((hit.path.clone(), hit.line, hit.column, hit.rule.clone()))
            }),
        );
    }
    if !is_whole {
        return Err(Unreadable("cargo did not finish".to_owned()));
    }
    told(hits, output)
}

fn hit(it: &Value) -> Option<Hit> {
    let code = it["code"]["code"].as_str();
    let is_lint = code.is_some_and(|code| !code.starts_with('E'));
    let severity = match it["level"].as_str() {
        Some("error") if is_lint => Severity::Critical,
        Some("error" | "error: internal compiler error") => Severity::Blocker,
        Some("warning") => Severity::Major,
        _ => return None,
    };
    let rule = code.map_or("compile", |code| code.strip_prefix("clippy::").unwrap_or(code));
    let message = text(&it["message"]);
    let span = it["spans"]
        .as_array()
        .and_then(|spans| spans.iter().find(|span| span["is_primary"] == true));
    let Some(span) = span.map(outside_of_macros) else {
        // Sums, such as `3 warnings emitted`, have no place; what the linker says has none either.
        let is_sum = message.contains(" emitted") || message.starts_with("aborting due to");
        return (!is_sum).then(|| Hit::new("Cargo.toml", rule, severity, message));
    };
    let helps = it["children"].as_array().into_iter().flatten();
    let help = helps
        .filter(|child| child["level"] == "help")
        .filter_map(|child| child["message"].as_str())
        .find(|help| !help.starts_with("for further information"));
    Some(Hit {
        help: help.map(str::to_owned),
        ..Hit::new(text(&span["file_name"]), rule, severity, message)
            .at(size_of(&span["line_start"]).unwrap_or(0), size_of(&span["column_start"]))
            .to(size_of(&span["line_end"]).zip(size_of(&span["column_end"])))
    })
}

/// Where the project's own code calls a macro of others.
fn outside_of_macros(mut span: &Value) -> &Value {
    let is_foreign =
        |span: &Value| span["file_name"].as_str().is_some_and(|name| name.starts_with(['/', '<']));
    while is_foreign(span) && span["expansion"]["span"].is_object() {
        span = &span["expansion"]["span"];
    }
    span
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of clippy 0.1.95, without the targets and the texts for people.
    const WARNING: &str = r#"{"reason":"compiler-message","package_id":"path+file:///tmp/repo/rs#0.1.0","manifest_path":"/tmp/repo/rs/Cargo.toml","message":{"$message_type":"diagnostic","children":[{"children":[],"code":null,"level":"help","message":"for further information visit https://rust-lang.github.io/rust-clippy/rust-1.95.0/index.html#len_zero","rendered":null,"spans":[]},{"children":[],"code":null,"level":"note","message":"`#[warn(clippy::len_zero)]` on by default","rendered":null,"spans":[]},{"children":[],"code":null,"level":"help","message":"using `is_empty` is clearer and more explicit","rendered":null,"spans":[]}],"level":"warning","message":"length comparison to zero","spans":[{"byte_end":55,"byte_start":43,"column_end":20,"column_start":8,"expansion":null,"file_name":"src/main.rs","is_primary":true,"label":null,"line_end":3,"line_start":3}],"code":{"code":"clippy::len_zero","explanation":null}}}"#;
    const BROKEN: &str = r#"{"reason":"compiler-message","package_id":"path+file:///tmp/repo/rs#0.1.0","manifest_path":"/tmp/repo/rs/Cargo.toml","message":{"$message_type":"diagnostic","children":[],"level":"error","message":"this file contains an unclosed delimiter","spans":[{"byte_end":9,"byte_start":8,"column_end":10,"column_start":9,"expansion":null,"file_name":"src/other.rs","is_primary":false,"label":"unclosed delimiter","line_end":1,"line_start":1},{"byte_end":12,"byte_start":12,"column_end":13,"column_start":13,"expansion":null,"file_name":"src/other.rs","is_primary":true,"label":null,"line_end":1,"line_start":1}],"code":null}}"#;

    #[test]
    fn its_output_is_read_and_the_same_is_told_once() {
        let output =
            format!("{WARNING}\n{WARNING}\n{}\n", r#"{"reason":"build-finished","success":true}"#);
        let hit = Hit::new("src/main.rs", "len_zero", Severity::Major, "length comparison to zero");
        let hit = Hit {
            help: Some("using `is_empty` is clearer and more explicit".into()),
            ..hit.at(3, Some(8)).to(Some((3, 20)))
        };
        assert_eq!(parse(&printed(0, &output, "")).unwrap(), [hit]);
        let none = r#"{"reason":"build-finished","success":true}"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn what_does_not_compile_is_found() {
        let output = format!("{BROKEN}\n{}\n", r#"{"reason":"build-finished","success":false}"#);
        let message = "this file contains an unclosed delimiter";
        let hit = Hit::new("src/other.rs", "compile", Severity::Blocker, message);
        let hit = hit.at(1, Some(13)).to(Some((1, 13)));
        assert_eq!(parse(&printed(101, &output, "")).unwrap(), [hit]);
    }

    #[test]
    fn a_cargo_that_could_not_begin_is_no_result() {
        let said = "error: unclosed table, expected `]`\n --> Cargo.toml:1:9\n";
        assert_eq!(parse(&printed(101, "", said)).unwrap_err().0, "cargo did not finish");
        assert!(parse(&printed(0, &WARNING[..300], "")).is_err());
    }
}
