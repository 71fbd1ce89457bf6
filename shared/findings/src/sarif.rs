//! SARIF 2.1.0, the format of OASIS for results of static analysis: editors and platforms read it.

use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use step_core::secret::redact;
use step_core::write_atomically;

use crate::{Failure, Finding, Findings, Place, Severity};

/// What made the findings.
#[derive(Debug, Clone, Copy)]
pub struct Tool<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
}

impl Findings {
    /// The report as a SARIF log of one run, with what failed in the check itself.
    pub fn sarif(&self, tool: Tool<'_>, failures: &[Failure]) -> String {
        let mut rules: Vec<&str> = self.iter().map(|it| it.rule.as_str()).collect();
        rules.sort_unstable();
        rules.dedup();
        let results: Vec<Value> = self.iter().map(|it| result(it, &rules)).collect();
        let rules: Vec<Value> = rules.iter().map(|rule| json!({ "id": rule })).collect();
        let log = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {
                    "driver": { "name": tool.name, "version": tool.version, "rules": rules },
                },
                "invocations": [invocation(failures)],
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        });
        format!("{log:#}\n")
    }

    /// Writes the report of [`sarif`](Self::sarif).
    ///
    /// # Errors
    /// Names the path.
    pub fn write_sarif(
        &self,
        path: &Path,
        tool: Tool<'_>,
        failures: &[Failure],
    ) -> anyhow::Result<()> {
        write_atomically(path, self.sarif(tool, failures).as_bytes())
    }
}

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json";

/// 3.20: whether the check did its work, and if not, why.
fn invocation(failures: &[Failure]) -> Value {
    let mut invocation = json!({ "executionSuccessful": failures.is_empty() });
    if !failures.is_empty() {
        let told = failures
            .iter()
            .map(|it| json!({ "level": "error", "message": { "text": redact(&it.message) } }));
        invocation["toolExecutionNotifications"] = told.collect();
    }
    invocation
}

fn result(finding: &Finding, rules: &[&str]) -> Value {
    let mut location = json!({ "physicalLocation": location(&finding.place) });
    if let Some(within) = &finding.within {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": within }]);
    }
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.severity),
        "message": { "text": finding.description() },
        "locations": [location],
        "partialFingerprints": { "landfall/v1": finding.fingerprint },
        "properties": { "severity": finding.severity },
    })
}

fn location(place: &Place) -> Value {
    let mut region = json!({ "startLine": place.line });
    for (key, value) in [
        ("startColumn", place.column),
        ("endLine", place.end_line),
        ("endColumn", place.end_column),
    ] {
        if let Some(value) = value {
            region[key] = value.into();
        }
    }
    json!({
        "artifactLocation": {
            "uri": utf8_percent_encode(&place.path, OUTSIDE_OF_PATHS).to_string(),
            "uriBaseId": "%SRCROOT%",
        },
        "region": region,
    })
}

/// SARIF knows three levels; the severity itself stands in the properties.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "note",
        Severity::Minor => "warning",
        Severity::Major | Severity::Critical | Severity::Blocker => "error",
    }
}

/// What has to be encoded in the path of a URI.
const OUTSIDE_OF_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::tests::drops;

    const CHECK: Tool<'_> = Tool { name: "check", version: "1.2.3" };

    fn log(findings: &Findings) -> Value {
        serde_json::from_str(&findings.sarif(CHECK, &[])).unwrap()
    }

    /// The names of an object's properties are all among those that the specification knows, and
    /// those that it requires are there.
    fn assert_shape(object: &Value, required: &[&str], optional: &[&str]) {
        let keys: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        for key in required {
            assert!(keys.contains(key), "no {key} in {object}");
        }
        for key in &keys {
            assert!(required.contains(key) || optional.contains(key), "{key} in {object}");
        }
    }

    #[test]
    fn the_log_has_the_shape_of_the_specification() {
        let mut list = drops("a b/ö.sql", "DROP x;\n");
        let place = Source::new("c.sql", "x").line(1);
        list.push(Finding::new("other", Severity::Info, "m", place));
        let log = log(&Findings::new(list));
        // 3.13
        assert_shape(&log, &["version", "runs"], &["$schema"]);
        assert_eq!(log["version"], "2.1.0");
        // 3.14, 3.18, 3.19
        let run = &log["runs"][0];
        assert_shape(run, &["tool", "results"], &["columnKind", "invocations"]);
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        assert_shape(&run["tool"], &["driver"], &[]);
        assert_shape(&run["tool"]["driver"], &["name"], &["version", "rules"]);
        // 3.49
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        rules.iter().for_each(|rule| assert_shape(rule, &["id"], &[]));
        assert_eq!(run["results"].as_array().unwrap().len(), 2);
        for result in run["results"].as_array().unwrap() {
            // 3.27: the message is required; the index points to the rule of this id.
            let optional =
                ["ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties"];
            assert_shape(result, &["message"], &optional);
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"]);
            assert!(
                ["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap())
            );
            assert_shape(&result["message"], &["text"], &[]);
            for location in result["locations"].as_array().unwrap() {
                // 3.28, 3.29
                assert_shape(location, &["physicalLocation"], &[]);
                let physical = &location["physicalLocation"];
                assert_shape(physical, &["artifactLocation"], &["region"]);
                assert_shape(&physical["artifactLocation"], &["uri"], &["uriBaseId"]);
                // 3.30
                let optional = ["startColumn", "endLine", "endColumn"];
                assert_shape(&physical["region"], &["startLine"], &optional);
            }
        }
        let physical = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "a%20b/%C3%B6.sql");
        assert_eq!(
            physical["region"],
            json!({ "startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 5 })
        );
    }

    #[test]
    fn a_log_of_nothing_says_that_the_tool_ran() {
        let log = log(&Findings::default());
        assert_eq!(log["runs"][0]["results"], json!([]));
        assert_eq!(log["runs"][0]["tool"]["driver"]["name"], "check");
        assert_eq!(log["runs"][0]["invocations"], json!([{ "executionSuccessful": true }]));
    }

    #[test]
    fn what_failed_in_the_check_itself_is_told() {
        let failure = Failure { name: "linter".to_owned(), message: "it crashed".to_owned() };
        let log = Findings::default().sarif(CHECK, &[failure]);
        let log: Value = serde_json::from_str(&log).unwrap();
        // 3.20, 3.58
        let invocation = &log["runs"][0]["invocations"][0];
        assert_shape(invocation, &["executionSuccessful"], &["toolExecutionNotifications"]);
        assert_eq!(invocation["executionSuccessful"], false);
        let told = &invocation["toolExecutionNotifications"][0];
        assert_shape(told, &["message"], &["level"]);
        assert_eq!(told["message"]["text"], "it crashed");
    }

    #[test]
    fn severities_become_levels() {
        let levels = Severity::ALL.map(level);
        assert_eq!(levels, ["note", "warning", "error", "error", "error"]);
    }
}
