//! What this step says when it has ended.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use findings::{Finding, Findings, Severity, Source};
use serde::Serialize;
use step_core::{Exit, Fail, Report};

use crate::adapters::{Adapter, Hit};
use crate::detect::{Detected, Linter, Unwanted};
use crate::run::Checked;
use crate::settings::HookAction;
use crate::tree::Tree;

/// The report of this step.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Linters ran.
    Linted(Linted),
    /// Linters were listed.
    Listed(Listed),
    /// A rule was explained.
    Explained(Explained),
    /// The hook was installed or removed.
    Hooked(Hooked),
}

impl Report for Done {
    fn outcome(&self) -> &str {
        match self {
            Done::Linted(it) => it.outcome(),
            Done::Listed(_) => "listed",
            Done::Explained(_) => "explained",
            Done::Hooked(it) => it.outcome(),
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        match self {
            Done::Linted(it) => it.verdict(),
            Done::Listed(_) | Done::Explained(_) | Done::Hooked(_) => Ok(()),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Done::Linted(it) => it.fmt(f),
            Done::Listed(it) => it.fmt(f),
            Done::Explained(it) => it.fmt(f),
            Done::Hooked(it) => it.fmt(f),
        }
    }
}

/// What the linters found.
#[derive(Debug, Serialize)]
pub struct Linted {
    /// Which files were checked, and why these.
    pub(crate) scope: String,
    /// How many files a linter looked at.
    pub(crate) files: usize,
    pub(crate) linters: Vec<Checked>,
    pub(crate) skipped: Vec<Skipped>,
    /// The files that were mended.
    pub(crate) fixed: Vec<PathBuf>,
    /// How many findings are not told: they are in the baseline, or not on new lines.
    pub(crate) accepted: usize,
    pub(crate) fail_on: Severity,
    pub(crate) findings: Findings,
    /// The lines of the findings, for people.
    #[serde(skip)]
    pub(crate) lines: HashMap<(String, usize), String>,
}

/// A linter that is not installed.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    name: String,
    files: usize,
    install: String,
}

impl Skipped {
    pub(crate) fn new(linter: &Linter) -> Self {
        let Linter { name, files, install, .. } = linter;
        Self { name: name.clone(), files: files.len(), install: install.clone() }
    }
}

/// The findings out of what linters told; the rule gets the name of its linter in front.
pub(crate) fn findings(tree: &Tree, checked: &[Checked]) -> Findings {
    let mut by_path: BTreeMap<&str, Vec<(&str, &Hit)>> = BTreeMap::new();
    for linter in checked {
        for hit in &linter.hits {
            by_path.entry(&hit.path).or_default().push((&linter.name, hit));
        }
    }
    let mut all = Vec::new();
    for (path, hits) in by_path {
        let text = std::fs::read(tree.root.join(path)).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let source = Source::new(path, text.as_ref());
        for (linter, hit) in hits {
            let looked_up = hit.within.as_deref().and_then(|pointer| line_of(&text, pointer));
            let line = if hit.line == 0 { looked_up.unwrap_or(0) } else { hit.line };
            let place = match (line, hit.column) {
                (0, _) => source.line(1),
                (line, None) => source.line(line),
                (line, Some(column)) => source.position(line, column, hit.end),
            };
            let rule = if hit.rule == linter {
                hit.rule.clone()
            } else {
                format!("{linter}/{}", hit.rule)
            };
            let finding = Finding::new(rule, hit.severity, &hit.message, place);
            let finding = match &hit.within {
                Some(within) => finding.within(within),
                None => finding,
            };
            all.push(match &hit.help {
                Some(help) => finding.help(help),
                None => finding,
            });
        }
    }
    Findings::new(all)
}

/// The line of what a JSON Pointer leads to in YAML or JSON, as far as its keys begin lines of their own
/// and each stands further in than the one before.
fn line_of(text: &str, pointer: &str) -> Option<usize> {
    let mut lines = text.lines().enumerate();
    let (mut found, mut depth) = (None, None);
    for key in pointer.trim_start_matches('#').split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        // An entry of a list has no key; the line of the list is near enough.
        if key.parse::<usize>().is_ok() {
            continue;
        }
        let is_key = |line: &str| {
            let line = line.trim_start().trim_start_matches("- ").trim_start();
            let rest = line.strip_prefix(['"', '\'']).unwrap_or(line).strip_prefix(key.as_str());
            rest.is_some_and(|rest| {
                rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':')
            })
        };
        let indent = |line: &str| line.len() - line.trim_start().len();
        let next = lines.find(|(_, line)| is_key(line) && Some(indent(line)) > depth);
        let Some((number, line)) = next else { return found };
        (found, depth) = (Some(number + 1), Some(indent(line)));
    }
    found
}

impl Linted {
    /// With the lines that the findings are on.
    pub(crate) fn with_sources(mut self, tree: &Tree) -> Self {
        let mut texts: HashMap<String, String> = HashMap::new();
        for it in self.findings.iter() {
            let (path, line) = (it.place().path().to_owned(), it.place().line());
            let text = texts.entry(path.clone()).or_insert_with(|| {
                let bytes = std::fs::read(tree.root.join(&path)).unwrap_or_default();
                String::from_utf8_lossy(&bytes).into_owned()
            });
            if let Some(text) = text.lines().nth(line.saturating_sub(1)) {
                self.lines.insert((path, line), text.to_owned());
            }
        }
        self
    }

    fn crashes(&self) -> impl Iterator<Item = &Checked> {
        self.linters.iter().filter(|it| it.crash.is_some())
    }

    fn outcome(&self) -> &str {
        if self.crashes().next().is_some() {
            "crashed"
        } else if !self.findings.is_empty() {
            "findings"
        } else if self.files == 0 {
            "nothing"
        } else {
            "clean"
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        let crashes: Vec<&str> = self
            .crashes()
            .filter_map(|it| it.crash.as_ref())
            .map(|it| it.message.as_str())
            .collect();
        if !crashes.is_empty() {
            let message = format!("linters did not do their work: {}", crashes.join("; "));
            return Err(Fail::new(Exit::Failed, message)
                .help("run the linter by itself; what the others found stands above"));
        }
        match self.findings.at_least(self.fail_on).count() {
            0 => Ok(()),
            1 => Err(Fail::new(Exit::Negative, "1 finding has to be mended")),
            count => Err(Fail::new(Exit::Negative, format!("{count} findings have to be mended"))),
        }
    }

    /// For a comment in a merge request.
    pub(crate) fn markdown(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("## Linters: {}\n\n", self.findings.summary());
        let mut path = "";
        for it in self.findings.iter() {
            if it.place().path() != path {
                path = it.place().path();
                let _into_memory = write!(text, "### `{path}`\n\n");
            }
            let line = it.place().line();
            let _into_memory = writeln!(
                text,
                "- line {line}: **{}** {} `{}`",
                it.severity(),
                escaped(it.message()),
                it.rule()
            );
        }
        for it in self.crashes().filter_map(|it| it.crash.as_ref()) {
            let _into_memory =
                writeln!(text, "\n**Did not do its work:** {}", escaped(&it.message));
        }
        let _into_memory = write!(text, "\n{}\n", self.tail());
        text
    }

    /// What was done, in a line.
    fn tail(&self) -> String {
        let mut parts = vec![format!("{} ({})", count(self.files, "file"), self.scope)];
        if self.files == 0 {
            parts.insert(0, "nothing to check".to_owned());
        }
        let names: Vec<&str> = self.linters.iter().map(|it| it.name.as_str()).collect();
        if !names.is_empty() {
            parts.push(format!("linters: {}", names.join(", ")));
        }
        if !self.skipped.is_empty() {
            let names: Vec<&str> = self.skipped.iter().map(|it| it.name.as_str()).collect();
            parts.push(format!("not installed: {}", names.join(", ")));
        }
        if self.accepted > 0 {
            parts.push(format!("{} accepted", count(self.accepted, "finding")));
        }
        if !self.fixed.is_empty() {
            parts.push(format!("{} mended", count(self.fixed.len(), "file")));
        }
        parts.join("; ")
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A text that Markdown shows as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '<' => out.push_str("&lt;"),
            '\n' | '\r' => out.push(' '),
            '*' | '_' | '`' | '[' | ']' | '\\' | '|' | '#' => out.extend(['\\', it]),
            other => out.push(other),
        }
    }
    out
}

/// By file; each finding with its line and a mark below it.
impl fmt::Display for Linted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = "";
        for it in self.findings.iter() {
            if it.place().path() != path {
                path = it.place().path();
                writeln!(f, "{path}")?;
            }
            writeln!(f, "  {it}")?;
            let key = (path.to_owned(), it.place().line());
            if let Some(line) = self.lines.get(&key) {
                excerpt(f, it.place().line(), it.place().column(), line)?;
            }
        }
        for it in self.crashes().filter_map(|it| it.crash.as_ref()) {
            writeln!(f, "did not do its work: {}", it.message)?;
        }
        write!(f, "{}: {}", self.tail(), self.findings.summary())
    }
}

/// How much of a line is shown, in characters.
const WIDTH: usize = 120;

fn excerpt(
    f: &mut fmt::Formatter<'_>,
    number: usize,
    column: Option<usize>,
    line: &str,
) -> fmt::Result {
    let start = column.filter(|column| *column > WIDTH).map_or(0, |column| column - WIDTH / 2);
    let shown: String = line.chars().skip(start).take(WIDTH).collect();
    let shown = shown.trim_end();
    writeln!(
        f,
        "  {number:>6} | {}",
        shown.replace(|it: char| it.is_control() && it != '\t', "\u{fffd}")
    )?;
    if let Some(column) = column.filter(|column| *column > start) {
        // Tabs stay tabs, so that the mark stands where it should.
        let before = shown.chars().take(column - start - 1);
        let blank: String = before.map(|it| if it == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "         | {blank}^")?;
    }
    Ok(())
}

/// Which linters run here.
#[derive(Debug, Serialize)]
pub struct Listed {
    linters: Vec<Running>,
    others: Vec<Unwanted>,
}

#[derive(Debug, Serialize)]
struct Running {
    name: String,
    about: String,
    why: String,
    files: usize,
    /// Where it is installed, if it is.
    program: Option<PathBuf>,
    install: String,
}

impl Listed {
    pub(crate) fn new(detected: Detected, find: impl Fn(&Linter) -> Option<PathBuf>) -> Self {
        let running = |linter: &Linter| Running {
            name: linter.name.clone(),
            about: linter.about.clone(),
            why: linter.why.clone(),
            files: linter.files.len(),
            program: find(linter),
            install: linter.install.clone(),
        };
        Self { linters: detected.linters.iter().map(running).collect(), others: detected.unwanted }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for it in &self.linters {
            writeln!(f, "{:<14} {} ({}): {}", it.name, it.about, count(it.files, "file"), it.why)?;
            match &it.program {
                Some(program) => writeln!(f, "{:<14} {}", "", program.display())?,
                None => writeln!(f, "{:<14} not installed: {}", "", it.install)?,
            }
        }
        for it in &self.others {
            writeln!(f, "{:<14} does not run: {}", it.name, it.why)?;
        }
        write!(f, "{} here", count(self.linters.len(), "linter"))
    }
}

/// What a rule is about.
#[derive(Debug, Serialize)]
pub struct Explained {
    linter: &'static str,
    about: &'static str,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

impl Explained {
    pub(crate) fn new(adapter: &Adapter, rule: &str) -> Self {
        let url = adapter.rules.map(|url| url.replace("{rule}", rule));
        Self { linter: adapter.name, about: adapter.about, rule: rule.to_owned(), url }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is a rule of {} ({})", self.rule, self.linter, self.about)?;
        match &self.url {
            Some(url) => write!(f, ": {url}"),
            None => Ok(()),
        }
    }
}

/// What became of the hook.
#[derive(Debug, Serialize)]
pub struct Hooked {
    #[serde(skip)]
    pub(crate) action: HookAction,
    pub(crate) path: PathBuf,
    #[serde(rename = "changed")]
    pub(crate) is_changed: bool,
}

impl Hooked {
    fn outcome(&self) -> &str {
        match (self.is_changed, self.action) {
            (false, _) => "unchanged",
            (true, HookAction::Install) => "installed",
            (true, HookAction::Uninstall) => "removed",
        }
    }
}

impl fmt::Display for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.outcome(), Path::new(&self.path).display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_leads_to_its_line() {
        let text = "stages: [test]\nother:\n  retry: 1\nbuild:\n  script:\n    - make\n  retry:\n    max: 9\n";
        assert_eq!(line_of(text, "#/build/retry/max"), Some(8));
        assert_eq!(line_of(text, "#/build/script/0"), Some(5));
        assert_eq!(line_of(text, "#/stages"), Some(1));
        // As far as it is found.
        assert_eq!(line_of(text, "#/build/nothing"), Some(4));
        assert_eq!(line_of("{\n \"build\": {\n  \"retry\": 9\n }\n}", "#/build/retry"), Some(3));
        assert_eq!(line_of(text, "#"), None);
    }
}
