//! rustfmt: the layout of Rust.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, place, told};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "rustfmt",
    about: "Rust: layout",
    files: &["*.rs", "Cargo.toml"],
    wanted: Wanted::ByFiles,
    configs: &["rustfmt.toml", ".rustfmt.toml"],
    shared: &[],
    heeds: &["rust-toolchain.toml", "rust-toolchain"],
    programs: &["cargo-fmt"],
    args: &["fmt", "--all", "--", "--check", "--color=never"],
    bare: &[],
    unit: Unit::Project("Cargo.toml"),
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    // The arguments of landfall.toml are rustfmt's, which stand behind.
    fix: Some(&["fmt", "--all", "--"]),
    install: "rustup component add rustfmt",
    rules: Some("https://rust-lang.github.io/rustfmt/"),
};

/// `Diff in PATH:LINE:` and the lines of the difference, three of them the same before it; and on stderr
/// what cannot be parsed, as the compiler tells it.
/// <https://github.com/rust-lang/rustfmt#checking-style-on-a-ci-server>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let mut hits = Vec::new();
    let mut lines = output.stdout.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((path, start)) = line.strip_prefix("Diff in ").and_then(header) else { continue };
        let mut same = 0;
        while lines.next_if(|line| line.starts_with(' ') || line.is_empty()).is_some() {
            same += 1;
        }
        hits.push(Hit {
            help: Some("lint-check --fix, or cargo fmt".to_owned()),
            ..Hit::new(path, "format", Severity::Major, "not as rustfmt formats it")
                .at(start + same, None)
        });
    }
    let mut message = "";
    for line in output.stderr.lines() {
        if let Some(error) = line.strip_prefix("error: ") {
            message = error;
        } else if let Some((path, line, column, _)) =
            line.trim_start().strip_prefix("--> ").and_then(place)
        {
            // What cargo says of Cargo.toml has the same form, and is no finding in a source.
            if path.ends_with(".rs") {
                hits.push(Hit::new(path, "syntax", Severity::Blocker, message).at(line, column));
            }
        }
    }
    told(hits, output)
}

/// Since 1.8 `PATH:LINE:`, before `PATH at line LINE:`.
fn header(text: &str) -> Option<(&str, usize)> {
    let text = text.strip_suffix(':')?;
    let (path, line) = text.rsplit_once(" at line ").or_else(|| text.rsplit_once(':'))?;
    Some((path, line.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of rustfmt 1.9.0 (Rust 1.95).
    const FOUND: &str = "\
Diff in /tmp/repo/rs/src/main.rs:6:
     return ();
 }
 
-mod  other;
+mod other;
 
Diff in /tmp/repo/rs/src/other.rs:1:
-pub fn f( x: &Vec<i32> ) -> i32 { let unused = 1; x[0] }
+pub fn f(x: &Vec<i32>) -> i32 {
+    let unused = 1;
+    x[0]
+}
 
";

    const BROKEN: &str = "\
error: this file contains an unclosed delimiter
 --> /tmp/repo/rs/src/other.rs:1:13
  |
1 | pub fn f( {
  |         - -^

Error writing files: failed to resolve mod `other`: cannot parse /tmp/repo/rs/src/other.rs
";

    #[test]
    fn its_output_is_read() {
        let hits = parse(&printed(1, FOUND, "")).unwrap();
        let places: Vec<(&str, usize)> =
            hits.iter().map(|hit| (hit.path.as_str(), hit.line)).collect();
        assert_eq!(places, [("/tmp/repo/rs/src/main.rs", 9), ("/tmp/repo/rs/src/other.rs", 1)]);
        let old = FOUND.replace("main.rs:6:", "main.rs at line 6:");
        assert_eq!(parse(&printed(1, &old, "")).unwrap(), hits);
        assert_eq!(parse(&printed(0, "", "")).unwrap(), []);
    }

    #[test]
    fn what_cannot_be_parsed_is_found() {
        let message = "this file contains an unclosed delimiter";
        let hit = Hit::new("/tmp/repo/rs/src/other.rs", "syntax", Severity::Blocker, message);
        assert_eq!(parse(&printed(1, "", BROKEN)).unwrap(), [hit.at(1, Some(13))]);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "`cargo metadata` exited with an error: error: unclosed table, expected `]`\n \
                    --> Cargo.toml:1:9\n  |\n1 | [package\n";
        assert!(parse(&printed(1, "", said)).is_err());
    }
}
