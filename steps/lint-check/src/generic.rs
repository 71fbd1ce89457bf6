//! Linters that are not known here: landfall.toml says how they run and what they print.

use std::collections::HashSet;
use std::path::PathBuf;

use findings::Severity;
use globset::GlobSet;
use landfall_toml::{LinterFormat, LinterSettings};
use quick_xml::Reader as Xml;
use quick_xml::events::{BytesStart, Event};
use regex::{Captures, Regex};
use serde_json::Value;
use step_core::Fail;

use crate::adapters::{Hit, Output, Reader, Unit, Unreadable, told};
use crate::detect::{Linter, limit, with};
use crate::settings::Settings;

/// As compilers write it: `path:line:column: message`, the column only where it is known.
const COMPILER: &str =
    r"^(?P<path>[^:\s][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? *(?P<message>.+)$";

/// What a linter prints, and what it leaves out.
#[derive(Debug, Clone)]
pub(crate) struct Format {
    kind: LinterFormat,
    /// For lines.
    pattern: Option<Regex>,
    /// The rule of what names none.
    rule: String,
    /// How bad it is what does not say that itself.
    severity: Severity,
}

/// A linter out of its settings.
///
/// # Errors
/// Exit 2: the command is empty, or the pattern is no regular expression.
pub(crate) fn linter(
    name: &str,
    own: &LinterSettings,
    all: &Settings,
    (kinds, files): (GlobSet, Vec<PathBuf>),
) -> Result<Linter, Fail> {
    let wrong = |key: &str, what: &str| {
        let message = format!("the linter `{name}`: `{key}`{what}");
        all.wrong(&["linters", name, key], message)
    };
    let command = own.command.as_deref().unwrap_or_default();
    let Some((program, args)) = command.split_first().filter(|(program, _)| !program.is_empty())
    else {
        return Err(wrong("command", " is empty"));
    };
    let is_gap = |arg: &&String| arg.contains("{file") && *arg != "{files}";
    if let Some(gap) = args.iter().find(is_gap) {
        return Err(wrong(
            "command",
            &format!(
                ": `{gap}` stands for nothing; files are given where `{{files}}` is an argument of its own"
            ),
        ));
    }
    if own.pattern.is_some() && own.format.is_some_and(|it| it != LinterFormat::Lines) {
        return Err(wrong("pattern", " is only read with the format `lines`"));
    }
    let pattern = own.pattern.as_deref().unwrap_or(COMPILER);
    let pattern = Regex::new(pattern).map_err(|err| wrong("pattern", &format!(": {err}")))?;
    if own.pattern.is_some() && !pattern.capture_names().any(|group| group == Some("path")) {
        return Err(wrong("pattern", " has no group `path`: write (?P<path>…)"));
    }
    let takes_files = args.iter().any(|arg| arg == "{files}");
    let fix =
        own.fix.as_ref().map(|fix| fix.split_first().ok_or_else(|| wrong("fix", " is empty")));
    let fix = fix.transpose()?;
    let format = Format {
        kind: own.format.unwrap_or(LinterFormat::Lines),
        pattern: Some(pattern),
        rule: name.to_owned(),
        severity: own.severity.and_then(Severity::of_level).unwrap_or(Severity::Major),
    };
    Ok(Linter {
        name: name.to_owned(),
        about: command.join(" "),
        why: "landfall.toml has its command".to_owned(),
        programs: vec![program.clone()],
        args: with(args.to_vec(), &own.args),
        fix: fix.map(|(_, args)| with(args.to_vec(), &own.args)),
        fixer: fix.map(|(program, _)| program.clone()),
        unit: if takes_files { Unit::Files } else { Unit::Repository },
        reads_others: false,
        hides_lines: false,
        // Whatever it ends with, its output is read; what cannot be read is told.
        exits: (0..=125).collect(),
        reader: Reader::Generic(Box::new(format)),
        configs: own.configs.clone(),
        heeds: Vec::new(),
        limit: limit(own, all),
        after: own.after.clone(),
        version: own.version.clone(),
        is_demanded: true,
        install: format!("install {program}"),
        named: HashSet::new(),
        named_besides: HashSet::new(),
        kinds,
        files,
        folders: vec![PathBuf::new()],
    })
}

impl Format {
    /// That of a linter which prints one of the forms that others read, too.
    pub(crate) fn of(kind: LinterFormat, rule: &str, severity: Severity) -> Self {
        Self { kind, pattern: None, rule: rule.to_owned(), severity }
    }

    /// Whether nothing but the exit code is read.
    pub(crate) fn is_exit(&self) -> bool {
        self.kind == LinterFormat::Exit
    }

    /// What the linter found.
    ///
    /// # Errors
    /// The output has another form; or nothing was found and the linter failed all the same.
    pub(crate) fn read(&self, output: &Output) -> Result<Vec<Hit>, Unreadable> {
        let hits = match self.kind {
            LinterFormat::Lines => self.lines(&output.stdout)?,
            LinterFormat::Checkstyle => self.checkstyle(&output.stdout)?,
            LinterFormat::Sarif => self.sarif(&output.stdout)?,
            LinterFormat::CodeQuality => self.code_quality(&output.stdout)?,
            LinterFormat::Exit => self.exit(output),
        };
        told(hits, output)
    }

    fn hit(&self, path: impl Into<String>, message: impl Into<String>) -> Hit {
        Hit {
            path: path.into(),
            line: 0,
            column: None,
            end: None,
            rule: self.rule.clone(),
            severity: self.severity,
            message: message.into(),
            help: None,
            within: None,
        }
    }

    fn lines(&self, text: &str) -> Result<Vec<Hit>, Unreadable> {
        let Some(pattern) = &self.pattern else { return Ok(Vec::new()) };
        let found = text.lines().filter_map(|line| pattern.captures(line));
        Ok(found.map(|found| self.line(&found)).collect())
    }

    fn line(&self, found: &Captures<'_>) -> Hit {
        let group = |name| found.name(name).map(|it| it.as_str());
        let number = |name| group(name).and_then(|it| it.parse().ok());
        Hit {
            line: number("line").unwrap_or(0),
            column: number("column"),
            rule: group("rule").unwrap_or(&self.rule).to_owned(),
            severity: group("severity").and_then(word).unwrap_or(self.severity),
            ..self.hit(
                group("path").unwrap_or_default(),
                group("message").unwrap_or("not as it should be").trim(),
            )
        }
    }

    /// <https://checkstyle.org/>: `checkstyle/file[@name]/error[@line, @column, @severity, @message,
    /// @source]`
    fn checkstyle(&self, text: &str) -> Result<Vec<Hit>, Unreadable> {
        let wrong =
            |what: String| Unreadable(format!("its output is no XML of Checkstyle: {what}"));
        let mut xml = Xml::from_str(text);
        let (mut hits, mut path, mut is_checkstyle) = (Vec::new(), String::new(), false);
        let mut depth = 0;
        loop {
            let event = xml.read_event().map_err(|err| wrong(err.to_string()))?;
            match &event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
            match event {
                Event::Start(tag) | Event::Empty(tag) => match tag.name().as_ref() {
                    b"checkstyle" => is_checkstyle = true,
                    b"file" => path = attribute(&tag, "name").unwrap_or_default(),
                    b"error" => {
                        let message = attribute(&tag, "message").unwrap_or_default();
                        let number = |name| attribute(&tag, name).and_then(|it| it.parse().ok());
                        let rule = attribute(&tag, "source").filter(|it| !it.is_empty());
                        let severity = attribute(&tag, "severity");
                        hits.push(Hit {
                            line: number("line").unwrap_or(0),
                            column: number("column").filter(|column| *column > 0),
                            rule: rule.unwrap_or_else(|| self.rule.clone()),
                            severity: severity.as_deref().and_then(word).unwrap_or(self.severity),
                            ..self.hit(path.clone(), message)
                        });
                    }
                    _ => {}
                },
                Event::Eof if depth > 0 => return Err(wrong("it is cut off".to_owned())),
                Event::Eof if is_checkstyle => return Ok(hits),
                Event::Eof => return Err(wrong("it has no element `checkstyle`".to_owned())),
                _ => {}
            }
        }
    }

    /// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>
    fn sarif(&self, text: &str) -> Result<Vec<Hit>, Unreadable> {
        let log = json(text)?;
        let runs = log["runs"].as_array();
        let runs =
            runs.ok_or_else(|| Unreadable("its output has no `runs` of SARIF".to_owned()))?;
        let results = runs.iter().filter_map(|run| run["results"].as_array()).flatten();
        // Neither what was accepted in the source nor what is no finding.
        let is_open = |result: &&Value| {
            let suppressions = result["suppressions"].as_array();
            suppressions.is_none_or(Vec::is_empty)
                && !matches!(
                    result["kind"].as_str(),
                    Some("pass" | "notApplicable" | "informational")
                )
        };
        let results = results.filter(is_open);
        Ok(results
            .map(|result| {
                let place = &result["locations"][0]["physicalLocation"];
                let region = &place["region"];
                let uri = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
                let end = region["endLine"].as_u64().or(region["startLine"].as_u64());
                Hit {
                    line: size_of(&region["startLine"]).unwrap_or(0),
                    column: size_of(&region["startColumn"]),
                    end: end.map(size).zip(size_of(&region["endColumn"])),
                    rule: result["ruleId"].as_str().unwrap_or(&self.rule).to_owned(),
                    severity: result["level"].as_str().and_then(word).unwrap_or(self.severity),
                    ..self.hit(path_of(uri), result["message"]["text"].as_str().unwrap_or_default())
                }
            })
            .collect())
    }

    /// <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>
    fn code_quality(&self, text: &str) -> Result<Vec<Hit>, Unreadable> {
        let report = json(text)?;
        let issues = report.as_array();
        let issues =
            issues.ok_or_else(|| Unreadable("its output is no array of issues".to_owned()))?;
        Ok(issues
            .iter()
            .map(|issue| {
                let place = &issue["location"];
                let line = size_of(&place["lines"]["begin"]);
                Hit {
                    line: line
                        .or_else(|| size_of(&place["positions"]["begin"]["line"]))
                        .unwrap_or(0),
                    column: size_of(&place["positions"]["begin"]["column"]),
                    rule: issue["check_name"].as_str().unwrap_or(&self.rule).to_owned(),
                    severity: issue["severity"].as_str().and_then(word).unwrap_or(self.severity),
                    ..self.hit(
                        place["path"].as_str().unwrap_or_default(),
                        issue["description"].as_str().unwrap_or_default(),
                    )
                }
            })
            .collect())
    }

    fn exit(&self, output: &Output) -> Vec<Hit> {
        if output.exit == 0 {
            return Vec::new();
        }
        let said = [&output.stdout, &output.stderr];
        let said = said.iter().flat_map(|it| it.lines()).rfind(|line| !line.trim().is_empty());
        let message = said.map_or_else(|| format!("it ended with {}", output.exit), str::to_owned);
        vec![self.hit("", message)]
    }
}

/// A word for how bad something is, as linters use them.
pub(crate) fn word(text: &str) -> Option<Severity> {
    match text.to_ascii_lowercase().as_str() {
        "info" | "note" | "style" | "hint" | "none" | "suggestion" | "convention" => {
            Some(Severity::Info)
        }
        "minor" | "warning" | "warn" | "refactor" => Some(Severity::Minor),
        "major" | "error" | "err" => Some(Severity::Major),
        "critical" | "fatal" => Some(Severity::Critical),
        "blocker" => Some(Severity::Blocker),
        _ => None,
    }
}

/// A document of JSON that a linter printed.
///
/// # Errors
/// It is none.
pub(crate) fn json(text: &str) -> Result<Value, Unreadable> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(Unreadable("it printed nothing".to_owned()));
    }
    serde_json::from_str(text).map_err(|err| Unreadable(format!("its output is no JSON: {err}")))
}

/// A line or column, which are counted from 1.
pub(crate) fn size_of(value: &Value) -> Option<usize> {
    value.as_u64().map(size).filter(|it| *it > 0)
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The path of a URI that is relative, or of `file://`.
fn path_of(uri: &str) -> String {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|it| it.key.as_ref() == name.as_bytes())?;
    found
        .normalized_value(quick_xml::XmlVersion::Implicit1_0)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: LinterFormat, exit: i32, stdout: &str) -> Result<Vec<String>, String> {
        let pattern = Some(Regex::new(COMPILER).unwrap());
        let format = Format { kind, pattern, rule: "l".into(), severity: Severity::Major };
        let output = Output { exit, stdout: stdout.to_owned(), stderr: String::new() };
        let shown = |it: Hit| {
            let column = it.column.map_or_else(|| "-".to_owned(), |column| column.to_string());
            let Hit { path, line, rule, severity, message, .. } = it;
            format!("{path} {line} {column} {rule} {severity} {message}")
        };
        let read = format.read(&output).map_err(|err| err.0)?;
        Ok(read.into_iter().map(shown).collect())
    }

    #[test]
    fn lines_are_read_as_compilers_write_them() {
        let text = "Checking 3 files\na b.sh:3:5: wrong\nC.c:7: other: part\n\nx:y:1: z\n";
        assert_eq!(
            read(LinterFormat::Lines, 1, text).unwrap(),
            ["a b.sh 3 5 l major wrong", "C.c 7 - l major other: part"]
        );
        assert_eq!(read(LinterFormat::Lines, 0, "all good\n").unwrap(), [""; 0]);
        let told = read(LinterFormat::Lines, 2, "Traceback\n").unwrap_err();
        assert_eq!(told, "it ended with 2 and told no finding");
    }

    #[test]
    fn xml_of_checkstyle_is_read_and_told_when_it_is_none() {
        let whole = r#"<?xml version="1.0"?>
<checkstyle version="4.3"><file name="a&amp;b.sh">
<error line="3" column="5" severity="warning" message="&lt;x&gt; &#39;y&#39;" source="S.1"/>
<error line="4" column="0" message="m"></error></file><file name="c"/></checkstyle>"#;
        assert_eq!(
            read(LinterFormat::Checkstyle, 1, whole).unwrap(),
            ["a&b.sh 3 5 S.1 minor <x> 'y'", "a&b.sh 4 - l major m"]
        );
        assert_eq!(read(LinterFormat::Checkstyle, 0, "<checkstyle/>").unwrap(), [""; 0]);
        for end in 1..whole.len() {
            assert!(read(LinterFormat::Checkstyle, 1, &whole[..end]).is_err(), "{end}");
        }
        for text in ["", "<html/>", "no <checkstyle", "<checkstyle></file>"] {
            let told = read(LinterFormat::Checkstyle, 0, text).unwrap_err();
            assert!(told.starts_with("its output is no XML of Checkstyle: "), "{told}");
        }
    }

    #[test]
    fn sarif_is_read_without_what_is_suppressed() {
        let text = r#"{"runs": [{"results": [
            {"ruleId": "R1", "level": "error", "message": {"text": "m"}, "locations": [
              {"physicalLocation": {"artifactLocation": {"uri": "file:///r/a%20b.tf"},
               "region": {"startLine": 3, "startColumn": 5, "endColumn": 9}}}]},
            {"ruleId": "R2", "message": {"text": "n"}},
            {"ruleId": "R3", "kind": "pass", "message": {"text": "n"}},
            {"ruleId": "R4", "suppressions": [{"kind": "inSource"}], "message": {"text": "n"}}
        ]}, {}]}"#;
        let hits = ["/r/a b.tf 3 5 R1 major m", " 0 - R2 major n"];
        assert_eq!(read(LinterFormat::Sarif, 0, text).unwrap(), hits);
        assert_eq!(read(LinterFormat::Sarif, 0, &format!("\u{feff}{text}")).unwrap(), hits);
        for wrong in ["", " ", "{}", "[]", "null", "{\"runs\": {}}", &text[..200], "{} {}"] {
            assert!(read(LinterFormat::Sarif, 0, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn code_quality_is_read() {
        let text = r#"[
            {"description": "m", "check_name": "C", "severity": "critical",
             "location": {"path": "a.rb", "lines": {"begin": 3}}},
            {"description": "n", "location":
             {"path": "b.rb", "positions": {"begin": {"line": 4, "column": 2}}}},
            {"location": 7}
        ]"#;
        assert_eq!(
            read(LinterFormat::CodeQuality, 1, text).unwrap(),
            ["a.rb 3 - C critical m", "b.rb 4 2 l major n", " 0 - l major "]
        );
        for wrong in ["", "{}", "[{]", "[{\"description\": \"m\""] {
            assert!(read(LinterFormat::CodeQuality, 1, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn of_one_that_only_ends_the_last_line_is_told() {
        assert_eq!(read(LinterFormat::Exit, 0, "whatever\n").unwrap(), [""; 0]);
        assert_eq!(read(LinterFormat::Exit, 3, "one\ntwo\n\n").unwrap(), [" 0 - l major two"]);
        assert_eq!(read(LinterFormat::Exit, 3, "").unwrap(), [" 0 - l major it ended with 3"]);
    }
}
