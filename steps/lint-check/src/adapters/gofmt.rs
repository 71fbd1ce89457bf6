//! gofmt: the layout of Go.

use findings::Severity;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, diff, place, told};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "gofmt",
    about: "Go: layout",
    files: &["*.go"],
    wanted: Wanted::ByFiles,
    configs: &[],
    shared: &[],
    heeds: &[],
    programs: &["gofmt"],
    args: &["-d", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    // Whether there is a difference, older versions do not say by the exit code; 2 is a file that cannot
    // be parsed or read.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1, 2],
    parse,
    fix: Some(&["-w", "--", "{files}"]),
    install: "apt-get install golang-go, or https://go.dev/dl/",
    rules: Some("https://pkg.go.dev/cmd/gofmt"),
};

/// A unified diff; on stderr what cannot be parsed: <https://pkg.go.dev/cmd/gofmt>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let unformatted = diff::changes(&output.stdout).into_iter().map(|change| Hit {
        help: Some("lint-check --fix, or gofmt -w".to_owned()),
        ..Hit::new(change.path, "format", Severity::Major, "not as gofmt formats it")
            .at(change.line, None)
    });
    let broken: Vec<Hit> = output.stderr.lines().filter_map(broken).collect();
    if output.exit == 2 && broken.is_empty() {
        return Err(Unreadable("it did not check all files".to_owned()));
    }
    told(unformatted.chain(broken).collect(), output)
}

fn broken(line: &str) -> Option<Hit> {
    let (path, line, column, message) = place(line)?;
    Some(Hit::new(path, "syntax", Severity::Blocker, message).at(line, column))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of Go 1.19.
    const FOUND: &str = "\
diff go/bad.go.orig go/bad.go
--- go/bad.go.orig
+++ go/bad.go
@@ -1,5 +1,7 @@
 package main
+
 import \"fmt\"
+
 func main() {
-fmt.Println( \"x\" )
+\tfmt.Println(\"x\")
 }
";

    #[test]
    fn its_output_is_read() {
        let said = "go/broken.go:2:12: expected ')', found '{'\n";
        let format = Hit::new("go/bad.go", "format", Severity::Major, "not as gofmt formats it");
        let format = Hit { help: Some("lint-check --fix, or gofmt -w".into()), ..format };
        let syntax =
            Hit::new("go/broken.go", "syntax", Severity::Blocker, "expected ')', found '{'");
        let hits = [format.at(2, None), syntax.at(2, Some(12))];
        assert_eq!(parse(&printed(2, FOUND, said)).unwrap(), hits);
        assert_eq!(parse(&printed(0, FOUND, "")).unwrap(), hits[..1]);
        assert_eq!(parse(&printed(0, "", "")).unwrap(), []);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_no_result() {
        assert!(parse(&printed(2, FOUND, "stat go/nope.go: no such file or directory\n")).is_err());
    }
}
