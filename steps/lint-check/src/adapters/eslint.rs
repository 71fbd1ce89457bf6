//! eslint: JavaScript and TypeScript.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, list, text};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "eslint",
    about: "JavaScript and TypeScript: mistakes and bad habits",
    files: &[
        "*.js", "*.mjs", "*.cjs", "*.jsx", "*.ts", "*.mts", "*.cts", "*.tsx", "*.vue", "*.svelte",
    ],
    wanted: Wanted::ByConfigWhereItRuns,
    configs: &[
        "eslint.config.js",
        "eslint.config.mjs",
        "eslint.config.cjs",
        "eslint.config.ts",
        "eslint.config.mts",
        "eslint.config.cts",
        // Up to version 9.
        ".eslintrc",
        ".eslintrc.js",
        ".eslintrc.cjs",
        ".eslintrc.json",
        ".eslintrc.yaml",
        ".eslintrc.yml",
    ],
    shared: &[("package.json", "\"eslintConfig\"")],
    heeds: &[".eslintignore", "tsconfig.json", "package-lock.json"],
    programs: &["eslint"],
    args: &["--format", "json", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1],
    parse,
    fix: Some(&["--fix", "--", "{files}"]),
    install: "npm install --save-dev eslint",
    rules: Some("https://eslint.org/docs/latest/rules/{rule}"),
};

/// `json`: <https://eslint.org/docs/latest/use/formatters/#json>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let files = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    let mut hits = Vec::new();
    for file in files {
        let messages = list(file, "messages")?;
        hits.extend(messages.iter().filter_map(|it| hit(&file["filePath"], it)));
    }
    Ok(hits)
}

fn hit(path: &Value, it: &Value) -> Option<Hit> {
    let message = text(&it["message"]);
    let (rule, severity) = match (it["ruleId"].as_str(), it["severity"].as_u64()) {
        _ if it["fatal"] == true => ("syntax", Severity::Blocker),
        // Of a file for which there is no configuration, or which it is told to leave alone.
        (None, Some(1)) if message.starts_with("File ignored") => return None,
        (rule, Some(2)) => (rule.unwrap_or("directive"), Severity::Major),
        (rule, _) => (rule.unwrap_or("directive"), Severity::Minor),
    };
    let hit = Hit::new(text(path), rule, severity, message)
        .at(size_of(&it["line"]).unwrap_or(0), size_of(&it["column"]))
        .to(size_of(&it["endLine"]).zip(size_of(&it["endColumn"])));
    Some(Hit { help: it["suggestions"][0]["desc"].as_str().map(str::to_owned), ..hit })
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of eslint 10.15.0.
    const FOUND: &str = r#"[{"filePath":"/tmp/repo/web/bad.js","messages":[{"ruleId":"no-var","severity":1,"message":"Unexpected var, use let or const instead.","line":1,"column":1,"messageId":"unexpectedVar","endLine":1,"endColumn":11,"fix":{"range":[0,10],"text":"let x = 1;"}},{"ruleId":"eqeqeq","severity":2,"message":"Expected '===' and instead saw '=='.","line":3,"column":7,"messageId":"unexpected","endLine":3,"endColumn":9,"suggestions":[{"messageId":"replaceOperator","desc":"Use '===' instead of '=='."}]}],"suppressedMessages":[],"errorCount":1},{"filePath":"/tmp/repo/web/syntax.js","messages":[{"ruleId":null,"fatal":true,"severity":2,"message":"Parsing error: The keyword 'let' is reserved","line":1,"column":1}],"suppressedMessages":[]},{"filePath":"/tmp/repo/web/x.ts","messages":[{"ruleId":null,"fatal":false,"severity":1,"message":"File ignored because no matching configuration was supplied.","nodeType":null}],"suppressedMessages":[]}]"#;

    #[test]
    fn its_output_is_read() {
        let bad = "/tmp/repo/web/bad.js";
        let (var, equal) =
            ("Unexpected var, use let or const instead.", "Expected '===' and instead saw '=='.");
        let syntax = "Parsing error: The keyword 'let' is reserved";
        assert_eq!(
            parse(&printed(1, FOUND, "")).unwrap(),
            [
                Hit::new(bad, "no-var", Severity::Minor, var).at(1, Some(1)).to(Some((1, 11))),
                Hit {
                    help: Some("Use '===' instead of '=='.".into()),
                    ..Hit::new(bad, "eqeqeq", Severity::Major, equal)
                        .at(3, Some(7))
                        .to(Some((3, 9)))
                },
                Hit::new("/tmp/repo/web/syntax.js", "syntax", Severity::Blocker, syntax)
                    .at(1, Some(1)),
            ]
        );
        let none = r#"[{"filePath":"/tmp/repo/web/good.js","messages":[]}]"#;
        assert_eq!(parse(&printed(0, none, "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        assert!(!ADAPTER.exits.contains(&2));
        assert!(parse(&printed(1, &FOUND[..300], "")).is_err());
    }
}
