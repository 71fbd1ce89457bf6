//! What this step says when it has ended.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use findings::{Finding, Findings, Place, Severity, Source};
use landfall_toml::DEFAULT_FILE;
use serde::Serialize;
use step_core::secret::redact;
use step_core::{Exit, Fail, Report};
use unicode_width::UnicodeWidthChar;

use crate::adapters::{Adapter, Hit};
use crate::detect::{Detected, Linter, Unwanted};
use crate::run::{CRASHED, Checked, Crash};
use crate::settings::HookAction;
use crate::tree::{Names, Tree};

/// The report of this step.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Done {
    /// Linters ran.
    Linted(Box<Linted>),
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
    /// How many files were to be checked.
    pub(crate) selected: usize,
    /// How many of them a linter looked at.
    pub(crate) files: usize,
    pub(crate) linters: Vec<Checked>,
    pub(crate) skipped: Vec<Skipped>,
    /// The files that were mended.
    pub(crate) fixed: Vec<String>,
    /// The linters that have mended nothing.
    pub(crate) not_fixed: Vec<Crash>,
    /// Files that were mended on the disk, and are staged as they were before.
    pub(crate) not_staged: Vec<String>,
    /// Files of which something else is staged than lies on the disk, which was checked.
    pub(crate) differing: Vec<String>,
    /// How many findings are in the baseline.
    pub(crate) accepted: usize,
    /// How many findings are not on new lines.
    pub(crate) old: usize,
    /// How many findings of whole projects are not told, for they are in files that were not to be
    /// checked.
    pub(crate) elsewhere: usize,
    /// How many findings are not told, for they are about no file of the repository.
    pub(crate) outside: usize,
    /// How many findings are not told, for they are in files that git ignores or that are not there.
    pub(crate) unknown: usize,
    pub(crate) fail_on: Severity,
    #[serde(skip)]
    pub(crate) is_dry_run: bool,
    /// Whether the baseline is another than before, when it was to be written.
    #[serde(skip)]
    pub(crate) is_baseline_new: Option<bool>,
    pub(crate) findings: Findings,
    /// The lines of the findings, for people.
    #[serde(skip)]
    pub(crate) lines: HashMap<(String, usize), String>,
    #[serde(skip)]
    pub(crate) is_verbose: bool,
    /// Why a file that was asked for could not be written.
    #[serde(skip)]
    pub(crate) not_written: Option<Fail>,
}

/// A linter that is not installed.
#[derive(Debug, Serialize)]
pub(crate) struct Skipped {
    name: String,
    files: usize,
    install: String,
}

impl Skipped {
    pub(crate) fn new(linter: &Linter, files: usize) -> Self {
        Self { name: linter.name.clone(), files, install: linter.install.clone() }
    }
}

/// What linters told, put together.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) findings: Findings,
    /// The lines that the findings are on, by path and number.
    pub(crate) lines: HashMap<(String, usize), String>,
    /// Rule and path of what is about a file as a whole.
    pub(crate) whole: HashSet<(String, String)>,
}

impl Told {
    /// Out of what was found; the rule gets the name of its linter in front.
    pub(crate) fn of(tree: &Tree, names: &Names<'_>, checked: &[Checked]) -> Self {
        let mut by_path: BTreeMap<&str, Vec<(&Checked, &Hit)>> = BTreeMap::new();
        for linter in checked {
            for hit in &linter.hits {
                by_path.entry(&hit.path).or_default().push((linter, hit));
            }
        }
        let mut told = Self::default();
        let mut all = Vec::new();
        for (path, hits) in by_path {
            let text = names.file(path).and_then(|file| std::fs::read(tree.root.join(file)).ok());
            let text = text.unwrap_or_default();
            all.extend(told.file(path, &String::from_utf8_lossy(&text), hits));
        }
        told.findings = Findings::new(all);
        told
    }

    /// The findings in a file.
    fn file(&mut self, path: &str, text: &str, mut hits: Vec<(&Checked, &Hit)>) -> Vec<Finding> {
        // A file that others include is told of with each of them.
        hits.sort_by(|(a_linter, a), (b_linter, b)| {
            let key = |it: &Hit| (it.line, it.column);
            (&a_linter.name, key(a), &a.rule, &a.message).cmp(&(
                &b_linter.name,
                key(b),
                &b.rule,
                &b.message,
            ))
        });
        hits.dedup_by(|(a_linter, a), (b_linter, b)| a_linter.name == b_linter.name && a == b);
        // What is about no file at all is told at the file that has the settings.
        let source = Source::new(if path.is_empty() { DEFAULT_FILE } else { path }, text);
        let lines: Vec<&str> = text.lines().collect();
        // What one hides no other shows.
        let hiding = hits.iter().filter(|(linter, _)| linter.hides_lines);
        let hidden: Vec<_> = hiding
            .map(|(_, hit)| hit.line..=hit.end.map_or(hit.line, |(end, _)| end.max(hit.line)))
            .collect();
        let name = redact(source.path()).into_owned();
        let mut findings = Vec::new();
        for (linter, hit) in hits {
            let (finding, is_whole) = finding(linter, hit, &source, text);
            let line = finding.place().line();
            if is_whole {
                self.whole.insert((finding.rule().to_owned(), name.clone()));
            }
            if let Some(text) = lines.get(line - 1)
                && !hidden.iter().any(|range| range.contains(&line))
            {
                let shown = self.lines.entry((name.clone(), line));
                shown.or_insert_with(|| (*text).to_owned());
            }
            findings.push(finding);
        }
        findings
    }
}

/// A finding, and whether it is about the whole file.
fn finding(linter: &Checked, hit: &Hit, source: &Source<'_>, text: &str) -> (Finding, bool) {
    let looked_up = || line_of(text, hit.within.as_deref()?);
    let line = if hit.line == 0 { looked_up().unwrap_or(0) } else { hit.line };
    let place = match (line, hit.column) {
        (0, _) => source.line(1),
        (line, None) => source.line(line),
        (line, Some(column)) => source.position(line, column, hit.end),
    };
    let finding = Finding::new(rule(&linter.name, hit), hit.severity, &hit.message, place);
    let finding = match &hit.within {
        Some(within) => finding.within(within),
        None => finding,
    };
    let finding = match &hit.help {
        Some(help) => finding.help(help),
        None => finding,
    };
    (finding, line == 0)
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

/// The name of a rule: with its linter's, unless that is all there is.
fn rule(linter: &str, hit: &Hit) -> String {
    if hit.rule == linter { hit.rule.clone() } else { format!("{linter}/{}", hit.rule) }
}

impl Linted {
    /// What kept linters from their work.
    pub(crate) fn crashes(&self) -> impl Iterator<Item = &Crash> {
        self.not_fixed.iter().chain(self.linters.iter().filter_map(|it| it.crash.as_ref()))
    }

    fn outcome(&self) -> &str {
        if self.crashes().any(|it| it.kind() == CRASHED) {
            CRASHED
        } else if self.crashes().next().is_some() || self.not_written.is_some() {
            "failed"
        } else if let Some(is_new) = self.is_baseline_new {
            match (is_new, self.is_dry_run) {
                (true, true) => "planned",
                (true, false) => "written",
                (false, _) => "unchanged",
            }
        } else if self.verdict().is_err() {
            "failed"
        } else if self.files == 0 {
            "nothing"
        } else {
            "passed"
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        let crashes: Vec<&Crash> = self.crashes().collect();
        if let Some(first) = crashes.first() {
            let is_same = crashes.iter().all(|it| it.exit == first.exit);
            let exit = if is_same { first.exit } else { Exit::Failed };
            // All of what several say stands in the report.
            let most = if crashes.len() == 1 { usize::MAX } else { 1 };
            let said = |it: &&Crash| it.message.lines().take(most).collect::<Vec<_>>().join("\n");
            let messages: Vec<String> = crashes.iter().map(said).collect();
            let message = format!("linters did not do their work: {}", messages.join("; "));
            let fail = Fail::new(exit, message);
            return Err(match &first.help {
                Some(help) if crashes.len() == 1 => fail.help(help),
                _ => fail.help("run them by themselves; what the others found stands above"),
            });
        }
        if let Some(fail) = &self.not_written {
            return Err(fail.clone());
        }
        if !self.not_staged.is_empty() {
            let number = count(self.not_staged.len(), "file");
            let fail =
                Fail::new(Exit::Negative, format!("what was mended is not staged: {number}"));
            let names: Vec<String> = self.not_staged.iter().map(|it| quoted(it)).collect();
            return Err(fail.help(format!("stage it: git add {}", names.join(" "))));
        }
        self.findings.verdict(self.fail_on).map_err(|fail| {
            fail.help("mend them, with --fix what can be; or accept them with --write-baseline")
        })
    }

    /// For a comment in a merge request.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("## Linters: {}\n\n", self.findings.summary());
        let mut path = "";
        for it in self.findings.iter().take(MOST_IN_MARKDOWN) {
            if it.place().path() != path {
                // A heading has a blank line before it.
                let above = if path.is_empty() { "" } else { "\n" };
                path = it.place().path();
                text.push_str(&format!("{above}### {}\n\n", escaped(path)));
            }
            let (line, severity) = (it.place().line(), it.severity());
            let (message, rule) = (escaped(it.message()), escaped(it.rule()));
            text.push_str(&format!("- line {line}: **{severity}** {message} ({rule})\n"));
        }
        let more = self.findings.len().saturating_sub(MOST_IN_MARKDOWN);
        if more > 0 {
            text.push_str(&format!("\nand {more} more.\n"));
        }
        for it in self.crashes() {
            text.push_str(&format!("\n**Did not do its work:** {}\n", escaped(&it.message)));
        }
        text.push_str(&format!("\n{}\n", escaped(&self.tail())));
        redact(&text).into_owned()
    }

    /// What was done, in a line.
    fn tail(&self) -> String {
        let mut parts = vec![self.files_and_scope()];
        let names: Vec<&str> = self.linters.iter().map(|it| it.name.as_str()).collect();
        if !names.is_empty() {
            let is_known = |it: &Checked| it.files > 0 && it.cached == it.files;
            let known =
                if self.linters.iter().all(is_known) { ", all known from before" } else { "" };
            parts.push(format!("linters: {}{known}", names.join(", ")));
        }
        if !self.skipped.is_empty() {
            let names: Vec<&str> = self.skipped.iter().map(|it| it.name.as_str()).collect();
            parts.push(format!("not installed: {}", names.join(", ")));
        }
        let counts = [
            (self.accepted, "in the baseline"),
            (self.old, "not on new lines"),
            (self.elsewhere, "in files that were not to be checked (--all tells them)"),
            (self.outside, "outside of the repository"),
            (self.unknown, "in files that are not of the repository"),
        ];
        for (number, what) in counts.into_iter().filter(|(number, _)| *number > 0) {
            parts.push(format!("{} {what}", count(number, "finding")));
        }
        if !self.fixed.is_empty() {
            parts.push(format!("{} mended", count(self.fixed.len(), "file")));
        }
        parts.join("; ")
    }

    fn files_and_scope(&self) -> String {
        let Self { selected, files, scope, .. } = self;
        match (selected, files) {
            (0, _) => format!("nothing to check: no files ({scope})"),
            (_, 0) => {
                format!("nothing to check: no linter for {} ({scope})", count(*selected, "file"))
            }
            _ => format!("{} ({scope})", count(*files, "file")),
        }
    }
}

/// How many findings a comment holds; GitLab takes a million characters.
const MOST_IN_MARKDOWN: usize = 200;

/// A number of things: `1 file`, `2 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "._-/+@".contains(it);
    if name.chars().all(is_plain) && !name.starts_with('-') {
        name.to_owned()
    } else {
        format!("'{}'", one_line(name).replace('\'', "'\\''"))
    }
}

/// A text that Markdown shows as it is, in one line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for it in text.chars() {
        match it {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            it if it.is_control() => out.push(' '),
            '*' | '_' | '`' | '[' | ']' | '\\' | '|' | '#' | '~' | '@' | '!' => {
                out.extend(['\\', it])
            }
            other => out.push(other),
        }
    }
    out
}

/// By file; each finding with its line and a mark below it.
impl fmt::Display for Linted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let findings: Vec<&Finding> = self.findings.iter().collect();
        for file in findings.chunk_by(|a, b| a.place().path() == b.place().path()) {
            self.write_file(f, file)?;
        }
        let differing = self.differing.iter().filter(|path| !self.not_staged.contains(path));
        for path in differing {
            let path = one_line(path);
            writeln!(
                f,
                "{path}: what is staged differs from what was checked, which is on the disk"
            )?;
        }
        for path in &self.not_staged {
            let path = one_line(path);
            writeln!(f, "{path}: mended on the disk; what is staged is as it was before")?;
        }
        for path in self.fixed.iter().filter(|path| !self.not_staged.contains(path)) {
            writeln!(f, "{}: mended", one_line(path))?;
        }
        for it in self.crashes() {
            writeln!(f, "did not do its work: {}", it.message)?;
        }
        match (self.files, self.findings.is_empty()) {
            // Nobody has looked for any.
            (0, true) => write!(f, "{}", self.tail()),
            (_, true) => write!(f, "{}; {}", self.tail(), self.findings.summary()),
            (_, false) => write!(f, "{}. {}", self.tail(), self.findings.summary()),
        }
    }
}

/// How many findings of a rule are shown in one file.
const MOST_OF_A_RULE: usize = 50;

impl Linted {
    fn write_file(&self, f: &mut fmt::Formatter<'_>, findings: &[&Finding]) -> fmt::Result {
        let Some(path) = findings.first().map(|it| it.place().path()) else { return Ok(()) };
        writeln!(f, "{}", one_line(path))?;
        let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
        for it in findings {
            let seen = by_rule.entry(it.rule()).or_default();
            *seen += 1;
            if *seen <= MOST_OF_A_RULE || self.is_verbose {
                self.write_finding(f, it)?;
            }
        }
        for (rule, number) in by_rule.into_iter().filter(|_| !self.is_verbose) {
            if let Some(more @ 1..) = number.checked_sub(MOST_OF_A_RULE) {
                writeln!(f, "  and {more} more of {rule}: -v shows them")?;
            }
        }
        Ok(())
    }

    fn write_finding(&self, f: &mut fmt::Formatter<'_>, it: &Finding) -> fmt::Result {
        let place = it.place();
        let column = place.column().map(|column| format!(":{column}")).unwrap_or_default();
        let (line, severity, rule) = (place.line(), it.severity(), it.rule());
        let message = printable(it.message().trim_end()).replace('\n', "\n    ");
        writeln!(f, "  {line}{column}: {severity}: {message} [{rule}]")?;
        if let Some(help) = it.help_text() {
            writeln!(f, "    help: {}", printable(help).replace('\n', "\n    "))?;
        }
        match self.lines.get(&(place.path().to_owned(), line)) {
            Some(text) => write_excerpt(f, place, text),
            None => Ok(()),
        }
    }
}

/// A name without what a terminal would obey, and without breaks of lines.
fn one_line(name: &str) -> String {
    printable(&name.replace('\n', "\\n").replace('\t', "\\t"))
}

/// Without what a terminal would obey.
fn printable(text: &str) -> String {
    text.replace(|it: char| it.is_control() && it != '\n' && it != '\t', "\u{fffd}")
}

/// How much of a line is shown, in characters.
const WIDTH: usize = 120;

/// A line of a file with its number, and below it a mark.
fn write_excerpt(f: &mut fmt::Formatter<'_>, place: &Place, text: &str) -> fmt::Result {
    let column = place.column();
    let start = column.filter(|column| *column > WIDTH).map_or(0, |column| column - WIDTH / 2);
    let shown: String = text.chars().skip(start).take(WIDTH).collect();
    let shown = printable(shown.trim_end());
    writeln!(f, "  {:>6} | {shown}", place.line())?;
    let Some(before) = column.and_then(|column| column.checked_sub(start + 1)) else {
        return Ok(());
    };
    // Tabs stay tabs, so that the mark stands where it should.
    let blank: String = shown
        .chars()
        .take(before)
        .map(|it| if it == '\t' { "\t".to_owned() } else { " ".repeat(it.width().unwrap_or(1)) })
        .collect();
    let is_within =
        |(line, end): &(usize, usize)| *line == place.line() && *end > start + before + 1;
    let length = place.end().filter(is_within).map_or(1, |(_, end)| end - start - before - 1);
    let marked: usize =
        shown.chars().skip(before).take(length).map(|it| it.width().unwrap_or(1)).sum();
    writeln!(f, "         | {blank}{}", "^".repeat(marked.max(1)))
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
    linter: String,
    about: String,
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The page is about this rule, and not about all of them.
    #[serde(skip)]
    is_own_page: bool,
}

impl Explained {
    /// A rule of a linter that is known here.
    pub(crate) fn new(adapter: &Adapter, rule: &str) -> Self {
        let is_own_page = adapter.rules.is_some_and(|url| url.contains("{rule}"));
        let url = adapter.rules.map(|url| url.replace("{rule}", rule));
        let (linter, about) = (adapter.name.to_owned(), adapter.about.to_owned());
        Self { linter, about, rule: rule.to_owned(), url, is_own_page }
    }

    /// A rule of a linter of landfall.toml.
    pub(crate) fn of_command(linter: &str, command: &[String], rule: &str) -> Self {
        let about = format!("landfall.toml runs `{}`", command.join(" "));
        let (linter, rule) = (linter.to_owned(), rule.to_owned());
        Self { linter, about, rule, url: None, is_own_page: false }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, linter, about, url, is_own_page } = self;
        // Which rules there are, only the linter knows.
        match url {
            Some(url) if *is_own_page => write!(f, "{linter} ({about}) explains {rule}: {url}"),
            Some(url) => {
                write!(f, "look for {rule} in what {linter} ({about}) says of its rules: {url}")
            }
            None => write!(f, "{rule} is a rule of {linter} ({about})"),
        }
    }
}

/// What became of the hook.
#[derive(Debug, Serialize)]
pub struct Hooked {
    #[serde(skip)]
    pub(crate) action: HookAction,
    pub(crate) path: PathBuf,
    /// Whether it is other than before, or would be.
    #[serde(rename = "changed")]
    pub(crate) is_changed: bool,
    #[serde(skip)]
    pub(crate) is_dry_run: bool,
}

impl Hooked {
    fn outcome(&self) -> &str {
        match (self.is_changed, self.action) {
            (false, _) => "unchanged",
            (true, _) if self.is_dry_run => "planned",
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
