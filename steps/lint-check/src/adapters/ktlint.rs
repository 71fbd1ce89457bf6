//! ktlint: the style of Kotlin.

use findings::Severity;
use landfall_toml::LinterFormat;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted};
use crate::generic::Format;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "ktlint",
    about: "Kotlin: style",
    files: &["*.kt", "*.kts"],
    // Its style is one among others.
    wanted: Wanted::ByConfig,
    configs: &[],
    shared: &[
        (".editorconfig", "ktlint"),
        ("build.gradle.kts", "ktlint"),
        ("build.gradle", "ktlint"),
        ("pom.xml", "ktlint"),
    ],
    heeds: &[],
    programs: &["ktlint"],
    args: &["--relative", "--reporter=checkstyle", "--log-level=none", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&["--format", "--relative", "--log-level=none", "--", "{files}"]),
    install: "https://pinterest.github.io/ktlint/latest/install/cli/",
    rules: Some("https://pinterest.github.io/ktlint/latest/rules/standard/"),
};

/// `checkstyle`: <https://pinterest.github.io/ktlint/latest/install/cli/#violation-reporting>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let format = Format::of(LinterFormat::Checkstyle, "syntax", Severity::Major);
    let mut hits = format.read(output)?;
    for hit in &mut hits {
        if hit.rule == "syntax" {
            hit.severity = Severity::Blocker;
        }
    }
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of ktlint 1.8.0.
    const FOUND: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<checkstyle version="8.0">
    <file name="k/Bad.kt">
        <error line="3" column="10" severity="error" message="Unexpected spacing after &quot;(&quot;" source="standard:paren-spacing" />
    </file>
    <file name="k/Broken.kt">
        <error line="2" column="10" severity="error" message="Not a valid Kotlin file (2:10 expecting &apos;)&apos;)" source="" />
    </file>
</checkstyle>
"#;

    #[test]
    fn its_output_is_read() {
        let spacing = "Unexpected spacing after \"(\"";
        let syntax = "Not a valid Kotlin file (2:10 expecting ')')";
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new("k/Bad.kt", "standard:paren-spacing", Severity::Major, spacing)
                    .at(3, Some(10)),
                Hit::new("k/Broken.kt", "syntax", Severity::Blocker, syntax).at(2, Some(10)),
            ]
        );
        let none = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<checkstyle version=\"8.0\">\n</checkstyle>\n";
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_option_is_no_result() {
        let said = "Usage: ktlint [<options>] [<arguments>]...\n\nError: no such option --nope\n";
        let output = printed(1, "", said);
        assert!(parse(&output).is_err());
        assert_eq!(output.sentence().unwrap(), "Error: no such option --nope");
        assert!(parse(&printed(1, &FOUND[..150], "")).is_err());
    }
}
