//! Biome: JavaScript, TypeScript, JSON and CSS.

use findings::Severity;
use landfall_toml::LinterFormat;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted};
use crate::generic::Format;

pub(super) const ADAPTER: Adapter = Adapter {
    name: "biome",
    about: "JavaScript, TypeScript, JSON and CSS: mistakes and layout",
    files: &[
        "*.js",
        "*.mjs",
        "*.cjs",
        "*.jsx",
        "*.ts",
        "*.mts",
        "*.cts",
        "*.tsx",
        "*.json",
        "*.jsonc",
        "*.css",
        "*.graphql",
        "*.vue",
        "*.svelte",
        "*.astro",
    ],
    wanted: Wanted::ByConfigWhereItRuns,
    configs: &["biome.json", "biome.jsonc", ".biome.json", ".biome.jsonc"],
    shared: &[],
    heeds: &[".editorconfig", "package.json"],
    programs: &["biome"],
    // Its JSON may change with every version, as it says itself; XML of Checkstyle does not.
    args: &[
        "check",
        "--reporter=checkstyle",
        "--max-diagnostics=none",
        "--files-ignore-unknown=true",
        "--no-errors-on-unmatched",
        "--colors=off",
        "--",
        "{files}",
    ],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&[
        "check",
        "--write",
        "--files-ignore-unknown=true",
        "--no-errors-on-unmatched",
        "--colors=off",
        "--",
        "{files}",
    ]),
    install: "npm install --save-dev @biomejs/biome",
    rules: Some("https://biomejs.dev/linter/"),
};

/// `checkstyle`: <https://biomejs.dev/reference/reporters/>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let format = Format::of(LinterFormat::Checkstyle, "biome", Severity::Major);
    let mut hits = format.read(output)?;
    // That what cannot be parsed cannot be formatted either is no news.
    hits.retain(|hit| hit.rule != "format" || !hit.message.contains("aborted"));
    for hit in &mut hits {
        match hit.rule.as_str() {
            "format" => {
                "not as Biome formats it".clone_into(&mut hit.message);
                hit.help = Some("lint-check --fix, or biome check --write".to_owned());
            }
            "parse" => hit.severity = Severity::Blocker,
            rule => hit.rule = rule.strip_prefix("lint/").unwrap_or(rule).to_owned(),
        }
    }
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of Biome 2.6.8.
    const FOUND: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<checkstyle version="4.3">
  <file name="web/bad.js">
    <error line="3" column="7" severity="error" message="Using == may be unsafe if you are relying on type coercion." source="lint/suspicious/noDoubleEquals" />
    <error line="0" column="0" severity="error" message="Formatter would have printed the following content:" source="format" />
  </file>
  <file name="web/syntax.js">
    <error line="0" column="0" severity="error" message="Code formatting aborted due to parsing errors." source="format" />
    <error line="1" column="7" severity="error" message="Expected an expression, or an assignment but instead found &apos;;&apos;." source="parse" />
  </file>
</checkstyle>
"#;

    #[test]
    fn its_output_is_read() {
        let equals = "Using == may be unsafe if you are relying on type coercion.";
        let syntax = "Expected an expression, or an assignment but instead found ';'.";
        let format = Hit::new("web/bad.js", "format", Severity::Major, "not as Biome formats it");
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new("web/bad.js", "suspicious/noDoubleEquals", Severity::Major, equals)
                    .at(3, Some(7)),
                Hit { help: Some("lint-check --fix, or biome check --write".into()), ..format },
                Hit::new("web/syntax.js", "parse", Severity::Blocker, syntax).at(1, Some(7)),
            ]
        );
        let none = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<checkstyle version=\"4.3\">\n</checkstyle>\n";
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "/tmp/repo/biome.json:1:2 deserialize ━━━\n\n  × Found an unknown key `foo`.\n";
        let output = printed(1, "", said);
        assert!(parse(&output).is_err());
        assert!(output.sentence().unwrap().contains("Found an unknown key `foo`."));
    }
}
