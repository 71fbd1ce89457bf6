//! typos: misspelt words.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text, told};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "typos",
    about: "spelling, in text and in names",
    files: &["*"],
    wanted: Wanted::ByFiles,
    configs: &["typos.toml", "_typos.toml", ".typos.toml"],
    shared: &[("pyproject.toml", "[tool.typos"), ("Cargo.toml", "metadata.typos")],
    heeds: &[],
    programs: &["typos"],
    args: &["--format", "json", "--force-exclude", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    reads_others: false,
    hides_lines: false,
    exits: &[0, 2],
    parse,
    fix: Some(&["--write-changes", "--force-exclude", "--", "{files}"]),
    install: "pip install typos",
    rules: Some("https://github.com/crate-ci/typos/blob/master/docs/reference.md"),
};

/// A JSON document in each line: <https://github.com/crate-ci/typos#integrations>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let mut hits = Vec::new();
    for line in output.stdout.lines().filter(|line| !line.trim().is_empty()) {
        let message = json(line)?;
        match message["type"].as_str() {
            Some("typo") => hits.push(hit(&message)),
            Some("error") => return Err(Unreadable(text(&message["context"]))),
            // Files that are no text.
            Some(_) => {}
            None => return Err(Unreadable("its output has no `type`".to_owned())),
        }
    }
    told(hits, output)
}

fn hit(it: &Value) -> Hit {
    let typo = text(&it["typo"]);
    let corrections: Vec<&str> =
        it["corrections"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let message = if corrections.is_empty() {
        format!("`{typo}` is misspelt")
    } else {
        format!("`{typo}` should be `{}`", corrections.join("` or `"))
    };
    let hit = Hit::new(text(&it["path"]), "typo", Severity::Minor, message);
    match (size_of(&it["line_num"]), it["byte_offset"].as_u64()) {
        (Some(line), Some(offset)) => {
            // In bytes, which are characters in most lines.
            let column = usize::try_from(offset).unwrap_or(usize::MAX).saturating_add(1);
            let end = column.saturating_add(typo.chars().count());
            hit.at(line, Some(column)).to(Some((line, end)))
        }
        // In the name of the file.
        _ => hit,
    }
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of typos 1.52.0.
    const FOUND: &str = r#"{"type":"typo","path":"md/recieve.txt","byte_offset":0,"typo":"recieve","corrections":["receive"]}
{"type":"typo","path":"md/recieve.txt","line_num":1,"byte_offset":8,"typo":"teh","corrections":["the"]}
{"type":"binary_file","path":"logo.png"}
"#;

    #[test]
    fn its_output_is_read() {
        let path = "md/recieve.txt";
        assert_eq!(
            parse(&printed(2, FOUND, "")).unwrap(),
            [
                Hit::new(path, "typo", Severity::Minor, "`recieve` should be `receive`"),
                Hit::new(path, "typo", Severity::Minor, "`teh` should be `the`")
                    .at(1, Some(9))
                    .to(Some((1, 12))),
            ]
        );
        assert_eq!(parse(&printed(0, "", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "TOML parse error at line 1, column 1\n  |\n1 | foo = 1\n  | ^^^\nunknown field `foo`\n";
        let output = printed(78, "", said);
        assert!(!ADAPTER.exits.contains(&output.exit));
        assert!(output.sentence().unwrap().ends_with("unknown field `foo`"));
        assert!(parse(&printed(2, &FOUND[..150], "")).is_err());
    }
}
