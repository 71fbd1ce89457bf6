//! ruff format: the layout of Python.

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, ruff};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "ruff-format",
    about: "Python: layout",
    files: ruff::FILES,
    // Who formats with another program, or with none, has no configuration of ruff.
    wanted: Wanted::ByConfig,
    configs: ruff::CONFIGS,
    shared: ruff::SHARED,
    heeds: &[],
    programs: &["ruff"],
    args: &[
        "format",
        "--check",
        "--no-cache",
        "--output-format=json",
        "--force-exclude",
        "--",
        "{files}",
    ],
    bare: &[],
    unit: Unit::Files,
    // With 2 it ends for a file that it cannot parse, which it tells, and for a wrong configuration.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 1, 2],
    parse,
    fix: Some(&["format", "--no-cache", "--quiet", "--force-exclude", "--", "{files}"]),
    install: "pip install ruff",
    rules: Some("https://docs.astral.sh/ruff/formatter/"),
};

fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let mut hits = ruff::parse(output)?;
    for hit in &mut hits {
        if hit.rule == "unformatted" {
            "not as ruff formats it".clone_into(&mut hit.message);
            hit.help = Some("lint-check --fix, or ruff format".to_owned());
        }
    }
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use findings::Severity;

    use super::super::printed;
    use super::*;

    /// Of ruff 0.17.6.
    const FOUND: &str = r#"[
  {
    "cell": null, "code": "unformatted", "end_location": {"column": 11, "row": 5},
    "filename": "/tmp/repo/py/bad.py",
    "fix": {
      "applicability": "safe",
      "edits": [{"content": "f(x", "end_location": {"column": 11, "row": 5}, "location": {"column": 5, "row": 5}}],
      "message": null
    },
    "location": {"column": 5, "row": 5}, "message": "File would be reformatted",
    "name": "unformatted", "noqa_row": null, "severity": "error", "url": null
  }
]"#;

    #[test]
    fn its_output_is_read() {
        let hits = parse(&printed(1, FOUND, "1 file would be reformatted\n")).unwrap();
        let [hit] = hits.as_slice() else { panic!("{hits:?}") };
        assert_eq!(
            (hit.rule.as_str(), hit.line, hit.severity),
            ("unformatted", 5, Severity::Major)
        );
        assert_eq!(parse(&printed(0, "[]", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let said = "ruff failed\n  Cause: Failed to parse ruff.toml\n";
        assert_eq!(parse(&printed(2, "", said)).unwrap_err().0, "it printed nothing");
    }
}
