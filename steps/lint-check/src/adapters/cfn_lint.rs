//! cfn-lint: templates of CloudFormation.

use findings::Severity;
use serde_json::Value;

use super::{Adapter, Hit, Output, Unit, Unreadable, Wanted, text};
use crate::generic::{json, size_of};

pub(super) const ADAPTER: Adapter = Adapter {
    name: "cfn-lint",
    about: "CloudFormation: what AWS would refuse, and what is of no use",
    files: &["*.yml", "*.yaml", "*.json", "*.template"],
    wanted: Wanted::ByContent(&["AWSTemplateFormatVersion", "AWS::Serverless-2016-10-31"]),
    configs: &[".cfnlintrc", ".cfnlintrc.yaml", ".cfnlintrc.yml"],
    shared: &[],
    heeds: &[],
    programs: &["cfn-lint"],
    args: &["--format", "json", "--", "{files}"],
    bare: &[],
    unit: Unit::Files,
    // The sum of 2 for errors, 4 for warnings and 8 for what is good to know.
    reads_others: false,
    hides_lines: false,
    exits: &[0, 2, 4, 6, 8, 10, 12, 14],
    parse,
    fix: None,
    install: "pip install cfn-lint",
    rules: Some("https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md"),
};

/// `json`: <https://github.com/aws-cloudformation/cfn-lint#configuration>
fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let list = report.as_array().ok_or_else(|| Unreadable("its output is no list".to_owned()))?;
    Ok(list.iter().map(hit).collect())
}

fn hit(it: &Value) -> Hit {
    let rule = text(&it["Rule"]["Id"]);
    let severity = match (rule.as_str(), it["Level"].as_str()) {
        ("E0000", _) => Severity::Blocker,
        // The deployment would fail.
        (_, Some("Error")) => Severity::Critical,
        (_, Some("Warning")) => Severity::Minor,
        _ => Severity::Info,
    };
    let (start, end) = (&it["Location"]["Start"], &it["Location"]["End"]);
    Hit::new(text(&it["Filename"]), rule, severity, text(&it["Message"]))
        .at(size_of(&start["LineNumber"]).unwrap_or(0), size_of(&start["ColumnNumber"]))
        .to(size_of(&end["LineNumber"]).zip(size_of(&end["ColumnNumber"])))
}

#[cfg(test)]
mod tests {
    use super::super::printed;
    use super::*;

    /// Of cfn-lint 1.58.0.
    const FOUND: &str = r#"[
    {
        "Filename": "cfn/bad.yml", "Id": "f434d22e-016f-741d-2f45-0578e6335c7c", "Level": "Error",
        "Location": {
            "End": {"ColumnNumber": 16, "LineNumber": 6},
            "Path": ["Resources", "Bucket", "Properties", "BucketNam"],
            "Start": {"ColumnNumber": 7, "LineNumber": 6}
        },
        "Message": "Additional properties are not allowed", "ParentId": null,
        "Rule": {"Description": "", "Id": "E3002", "ShortDescription": "Resource properties are invalid", "Source": ""}
    },
    {
        "Filename": "cfn/bad.yml", "Id": "1eeb6452-7344-9aba-6b5d-29fc4d03e133", "Level": "Warning",
        "Location": {
            "End": {"ColumnNumber": 9, "LineNumber": 10},
            "Path": ["Parameters", "Unused"],
            "Start": {"ColumnNumber": 3, "LineNumber": 10}
        },
        "Message": "Parameter Unused not used.", "ParentId": null,
        "Rule": {"Description": "", "Id": "W2001", "ShortDescription": "Check if Parameters are Used", "Source": ""}
    },
    {
        "Filename": "cfn/broken.yml", "Id": "60d9648c-128b-0778-e897-2700d55011ba", "Level": "Error",
        "Location": {"End": {"ColumnNumber": 2, "LineNumber": 3}, "Path": null, "Start": {"ColumnNumber": 1, "LineNumber": 3}},
        "Message": "did not find expected node content", "ParentId": null,
        "Rule": {"Description": "", "Id": "E0000", "ShortDescription": "", "Source": ""}
    }
]"#;

    #[test]
    fn its_output_is_read() {
        let (extra, unused, broken) = (
            "Additional properties are not allowed",
            "Parameter Unused not used.",
            "did not find expected node content",
        );
        assert_eq!(
            parse(&printed(6, FOUND, "")).unwrap(),
            [
                Hit::new("cfn/bad.yml", "E3002", Severity::Critical, extra)
                    .at(6, Some(7))
                    .to(Some((6, 16))),
                Hit::new("cfn/bad.yml", "W2001", Severity::Minor, unused)
                    .at(10, Some(3))
                    .to(Some((10, 9))),
                Hit::new("cfn/broken.yml", "E0000", Severity::Blocker, broken)
                    .at(3, Some(1))
                    .to(Some((3, 2))),
            ]
        );
        assert_eq!(parse(&printed(0, "[]\n", "")).unwrap(), []);
    }

    #[test]
    fn a_wrong_configuration_is_no_result() {
        let output = printed(1, "Invalid configuration key 'foo' in .cfnlintrc at foo\n", "");
        assert!(!ADAPTER.exits.contains(&output.exit));
        assert!(output.sentence().unwrap().starts_with("Invalid configuration key"));
        assert!(parse(&printed(2, &FOUND[..200], "")).is_err());
    }
}
