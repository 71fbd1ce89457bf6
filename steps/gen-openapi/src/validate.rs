//! `validate`: what the specification does not allow, all at once.
//!
//! The fields of all objects are checked against the table in [`crate::spec`]; what the table cannot
//! say is in the modules below, by kind of object.

mod expression;
mod objects;
mod paths;
mod references;
mod report;
mod schemas;
mod security;
mod structure;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use findings::{Reports, Severity};
use regress::Regex;

use crate::description::{self, Description};
use crate::document::{At, Node, Sources};
use crate::input::{Input, reads_stdin_once};
use crate::problem::Problem;
use crate::references::References;
use crate::settings::Settings;
use crate::spec::{Kind, Version};
use crate::walk::{Pointer, walk};

use schemas::{Declared, declares};

pub(crate) use references::circles;
pub(crate) use report::{Checked, Listed, Outcome};

/// The options of `validate`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Descriptions: files, - for standard input, URLs, or git:REVISION:PATH [landfall.toml:
    /// gen-openapi.file] [default: openapi.json]
    #[arg(value_name = "INPUT")]
    inputs: Vec<Input>,

    #[command(flatten)]
    reports: Reports,
}

/// Checks descriptions and writes what was found.
///
/// # Errors
/// See [`description::read`]; or a report cannot be written. What is found is in the report.
pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Checked> {
    let access = settings.access();
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    reads_stdin_once(&options.inputs)?;
    for input in settings.inputs(&options.inputs) {
        let read = description::read(&input, &access, &mut sources, &mut problems).await?;
        problems.extend(read.iter().flat_map(validate));
    }
    let checked = Checked::new(problems, &sources, options.reports.fail_on);
    let checked = checked.advice("mend them: the specification does not allow them");
    Ok(checked.written(&options.reports, &sources, "gen-openapi validate"))
}

/// Everything that the specification of its version does not allow in a description.
pub(crate) fn validate(description: &Description) -> Vec<Problem> {
    let mut check = Check::new(description);
    check.object(Kind::OpenApi, &description.root, &Pointer::ROOT);
    check.targets_outside();
    check.anchors_exist();
    check.links_lead_to_operations();
    check.operation_ids_are_unique();
    check.schemas_end();
    check.found.problems
}

/// What was found, with a limit: a document that is wrong everywhere does not need unlimited memory.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) problems: Vec<Problem>,
    bytes: usize,
    is_full: bool,
}

/// How many problems of a document are told, and how many bytes their texts may have.
const MAX_PROBLEMS: usize = 100_000;
const MAX_BYTES: usize = 24 << 20;

impl Found {
    pub(crate) fn add(&mut self, problem: Problem) {
        if self.is_full {
            return;
        }
        self.bytes += problem.pointer.len() + problem.message.len();
        if self.problems.len() >= MAX_PROBLEMS || self.bytes > MAX_BYTES {
            self.is_full = true;
            let message = format!("there is more: the first {} are told", self.problems.len());
            let (at, pointer) = (problem.at, &Pointer::ROOT);
            self.problems.push(Problem::new("more", Severity::Info, at, pointer, message));
            return;
        }
        self.problems.push(problem);
    }
}

/// A check of one description.
struct Check<'a> {
    version: Version,
    root: &'a Node,
    references: References<'a>,
    found: Found,
    /// What became of references, by their text and what they have to lead to.
    followed: HashMap<(&'a str, Kind), references::End<'a>>,
    /// What references lead to where the specification tells no kind, as in extensions.
    outside: Vec<(&'a str, Kind, &'a Node)>,
    /// Those of them that were gone through; nothing before that begins.
    seen_outside: Option<HashSet<*const Node>>,
    /// Schemas with an `$id` that are open.
    resources: Vec<&'a Node>,
    anchors: HashSet<&'a str>,
    /// References to anchors, which may come later.
    to_anchors: Vec<(&'a str, At, String)>,
    operation_ids: HashMap<&'a str, usize>,
    to_operations: Vec<(&'a str, At, String)>,
    /// Whether a text is a regular expression.
    patterns: HashMap<&'a str, bool>,
}

impl<'a> Check<'a> {
    fn new(description: &'a Description) -> Self {
        Self {
            version: description.version,
            root: &description.root,
            references: description.references(),
            found: Found::default(),
            followed: HashMap::new(),
            outside: Vec::new(),
            seen_outside: None,
            resources: Vec::new(),
            anchors: HashSet::new(),
            to_anchors: Vec::new(),
            operation_ids: HashMap::new(),
            to_operations: Vec::new(),
            patterns: HashMap::new(),
        }
    }

    /// Tells a problem that has to be mended; `help` says how, or is empty.
    fn major(
        &mut self,
        rule: &'static str,
        at: At,
        pointer: &Pointer<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.tell(rule, Severity::Major, at, pointer, message, help);
    }

    fn tell(
        &mut self,
        rule: &'static str,
        severity: Severity,
        at: At,
        pointer: &Pointer<'_>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::new(rule, severity, at, pointer, message);
        let help = help.into();
        self.found.add(if help.is_empty() { problem } else { problem.help(help) });
    }

    /// Notes the identifier of an operation.
    fn operation_id(&mut self, operation: &'a Node) {
        if let Some(id) = operation.text("operationId") {
            *self.operation_ids.entry(id).or_default() += 1;
        }
    }

    fn operation_ids_are_unique(&mut self) {
        self.operation_ids.retain(|_, count| *count > 1);
        if self.operation_ids.is_empty() {
            return;
        }
        let mut first: HashMap<&str, String> = HashMap::new();
        let (found, ids) = (&mut self.found, &self.operation_ids);
        walk(self.root, Kind::OpenApi, self.version, &Pointer::ROOT, &mut |visit| {
            let id = visit.node.get("operationId").filter(|_| visit.kind == Kind::Operation);
            let Some((id, text)) = id.and_then(|id| Some((id, id.as_str()?))) else { return };
            if !ids.contains_key(text) {
                return;
            }
            let Some(earlier) = first.get(text) else {
                first.insert(text, visit.pointer.to_string());
                return;
            };
            let message = format!("operationId `{}` is that of {earlier} too", shown(text));
            let pointer = visit.pointer.key("operationId");
            let problem =
                Problem::new("operation-id-duplicate", Severity::Major, id.at, &pointer, message);
            found.add(problem.help("give each operation an identifier of its own"));
        });
    }

    /// Whether a text is a regular expression of ECMA 262, in its older or its Unicode form.
    fn is_pattern(&mut self, pattern: &'a str) -> bool {
        // Longer ones take long to read.
        if pattern.len() > 4096 {
            return true;
        }
        *self.patterns.entry(pattern).or_insert_with(|| {
            Regex::new(pattern).is_ok() || Regex::with_flags(pattern, "u").is_ok()
        })
    }
}

/// A text of the document in a message: its beginning, if it is long.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// Like `a, b or c`.
pub(crate) fn choice(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [words @ .., last] => format!("{} or {last}", words.join(", ")),
    }
}

#[cfg(test)]
mod tests;
