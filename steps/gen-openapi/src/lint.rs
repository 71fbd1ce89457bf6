//! `lint`: what is allowed but hurts those who use the description.
//!
//! One walk goes through the document, and all rules look at each object on the way.

mod document;
mod fits;
mod ignore;
mod operations;
mod paths;
mod rules;
mod schemas;
mod security;
mod texts;
mod unused;

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use findings::{Reports, Severity};
use step_core::{holds, write_atomically};

use crate::description::{self, Description};
use crate::document::{At, Node, Sources};
use crate::input::{Input, reads_stdin_once};
use crate::problem::Problem;
use crate::references::References;
use crate::settings::Settings;
use crate::spec::{Kind, Version};
use crate::validate::{Checked, Found, Outcome, shown, validate};
use crate::walk::{Pointer, Visit, walk};

use ignore::{Ignore, can_be_accepted};
use rules::{Levels, Rule};
use unused::Usage;

/// The options of `lint`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Descriptions: files, - for standard input, URLs, or git:REVISION:PATH [landfall.toml:
    /// gen-openapi.file] [default: openapi.json]
    #[arg(value_name = "INPUT")]
    inputs: Vec<Input>,

    /// Say also each thing that `validate` finds, instead of how many there are
    #[arg(long)]
    validate: bool,

    /// List all rules with their levels and reasons, and end
    #[arg(long)]
    list: bool,

    /// Findings that are accepted: a line for each, `RULE POINTER` or `RULE *` [landfall.toml:
    /// gen-openapi.lint.ignore_file] [default: .openapi-lint-ignore, if there is one]
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,

    /// Accept all that is found now: add it to the ignore file, and take out what is not found any more
    #[arg(long)]
    write_ignore: bool,

    #[command(flatten)]
    reports: Reports,
}

/// Checks descriptions and writes what was found.
///
/// # Errors
/// Exit 2: landfall.toml or the ignore file names a rule that there is not. See also
/// [`description::read`]. What is found is in the report.
pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Checked> {
    let levels = Levels::new(&settings.file.lint.rules)?;
    if options.list {
        return Ok(Checked::listing(levels.list(), options.reports.fail_on));
    }
    let named = options.ignore_file.clone().or_else(|| settings.file.lint.ignore_file.clone());
    let mut ignore = Ignore::read(named, options.write_ignore)?;
    let access = settings.access();
    let mut sources = Sources::default();
    let mut problems = Vec::new();
    let mut is_all_read = true;
    reads_stdin_once(&options.inputs)?;
    for input in settings.inputs(&options.inputs) {
        let mut unread = Vec::new();
        match description::read(&input, &access, &mut sources, &mut unread).await? {
            Some(description) if options.validate => {
                problems.extend(unread);
                problems.extend(validate(&description));
                problems.extend(lint(&description, &levels));
            }
            Some(description) => {
                problems.extend(invalid(unread, &description, &levels));
                problems.extend(lint(&description, &levels));
            }
            None => {
                is_all_read = false;
                problems.extend(unread);
            }
        }
    }
    let found = problems.len();
    problems.retain(|it| !ignore.accepts(it));
    // Of what cannot be read it is not known what is found in it, nor which entries it needs.
    let ignore_file = match options.write_ignore && is_all_read {
        true => Some(write_ignore(&ignore, &mut problems, settings.common.dry_run)?),
        false => None,
    };
    let accepted = found - problems.len();
    let checked = Checked::new(problems, &sources, options.reports.fail_on).accepted(accepted);
    let checked = checked.advice(
        "mend them; or accept them: gen-openapi lint --write-ignore, or the levels of their rules in \
         landfall.toml: gen-openapi.lint.rules",
    );
    let checked = match ignore_file {
        Some(what) => checked.ignore_file(ignore.path().to_owned(), what),
        None if is_all_read => checked.with(ignore.unused(levels.level(Rule::IgnoreUnused))),
        None => checked,
    };
    Ok(checked.written(&options.reports, &sources, "gen-openapi lint"))
}

/// Takes what is found into the ignore file, out of the problems.
fn write_ignore(
    ignore: &Ignore,
    problems: &mut Vec<Problem>,
    is_dry_run: bool,
) -> anyhow::Result<Outcome> {
    let text = ignore.text_with(problems);
    problems.retain(|it| !can_be_accepted(it));
    if holds(ignore.path(), text.as_bytes()) {
        return Ok(Outcome::Unchanged);
    }
    if is_dry_run {
        return Ok(Outcome::Planned);
    }
    write_atomically(ignore.path(), text.as_bytes())?;
    Ok(Outcome::Written)
}

/// What the specification does not allow, as one finding; `unread` is what was wrong with the description
/// when it was read.
fn invalid(unread: Vec<Problem>, description: &Description, levels: &Levels) -> Option<Problem> {
    let severity = levels.level(Rule::Invalid)?;
    let problems = unread.into_iter().chain(validate(description));
    let problems: Vec<Problem> = problems.filter(|it| it.severity > Severity::Info).collect();
    let first = problems.first()?;
    let things = match problems.len() {
        1 => "one thing".to_owned(),
        count => format!("{count} things"),
    };
    let (why, place) = (&first.message, &first.pointer);
    let message =
        format!("the specification does not allow {things} in it; first: {why} at {place}");
    let at = description.root.at;
    let problem = Problem::new(Rule::Invalid.id(), severity, at, &Pointer::ROOT, message);
    Some(problem.help(Rule::Invalid.facts().help))
}

/// What hurts in a description.
pub(crate) fn lint(description: &Description, levels: &Levels) -> Vec<Problem> {
    let mut linter = Linter::new(description, levels);
    let (root, version) = (&description.root, description.version);
    walk(root, Kind::OpenApi, version, &Pointer::ROOT, &mut |visit| linter.visit(visit));
    linter.unused_components();
    linter.endless_schemas();
    linter.found.problems
}

/// The state of one walk.
struct Linter<'a, 'l> {
    levels: &'l Levels,
    version: Version,
    root: &'a Node,
    references: References<'a>,
    found: Found,
    usage: Usage<'a>,
    tags: HashSet<&'a str>,
    /// Tags that were told.
    told_tags: HashSet<&'a str>,
    /// Whether a server is reached without TLS.
    is_insecure: bool,
}

impl<'a, 'l> Linter<'a, 'l> {
    fn new(description: &'a Description, levels: &'l Levels) -> Self {
        let root = &description.root;
        let list = |key| root.get(key).and_then(Node::as_array).unwrap_or_default();
        let urls = list("servers").iter().filter_map(|server| server.text("url"));
        Self {
            levels,
            version: description.version,
            root,
            references: description.references(),
            found: Found::default(),
            usage: Usage::new(root),
            tags: list("tags").iter().filter_map(|tag| tag.text("name")).collect(),
            told_tags: HashSet::new(),
            is_insecure: urls.into_iter().any(document::is_insecure),
        }
    }

    fn visit(&mut self, visit: Visit<'a, '_>) {
        self.usage.note(&visit);
        let is_schema = visit.kind == Kind::Schema;
        let stands_alone =
            is_schema && self.version > Version::V3_0 || visit.kind == Kind::PathItem;
        if visit.reference.is_some() && !stands_alone {
            return self.siblings(&visit);
        }
        let Some(object) = visit.node.as_object() else { return };
        self.texts(&visit, object);
        let (node, pointer) = (visit.node, visit.pointer);
        match visit.kind {
            Kind::OpenApi => self.open_api(object, pointer),
            Kind::Info => self.info(node, object, pointer),
            Kind::Server => self.server(node, pointer),
            Kind::Tag => self.tag(node, pointer),
            Kind::Paths => self.paths(object, pointer),
            Kind::Operation => self.operation(node, object, pointer),
            Kind::Parameter => self.parameter(node, object, pointer),
            Kind::Header => self.examples_of(node, true, pointer),
            Kind::RequestBody | Kind::Response => self.content(visit.kind, object, pointer),
            Kind::Schema => self.schema(node, object, pointer),
            Kind::SecurityScheme => self.security_scheme(node, pointer),
            Kind::OAuthFlows => self.oauth_flows(object, pointer),
            _ => {}
        }
    }

    /// Whether anything is told of a rule.
    fn is_on(&self, rule: Rule) -> bool {
        self.levels.level(rule).is_some()
    }

    /// Tells a finding of a rule, unless it is off.
    fn tell(&mut self, rule: Rule, at: At, pointer: &dyn fmt::Display, message: impl Into<String>) {
        if let Some(severity) = self.levels.level(rule) {
            let problem = Problem::new(rule.id(), severity, at, pointer, message);
            self.found.add(problem.help(rule.facts().help));
        }
    }

    /// In 3.0, and beside references to other things than schemas, what stands beside `$ref` is lost.
    fn siblings(&mut self, visit: &Visit<'a, '_>) {
        if !self.is_on(Rule::ReferenceSiblings) {
            return;
        }
        for entry in visit.node.as_object().into_iter().flatten() {
            let has_meaning = self.version > Version::V3_0
                && matches!(entry.key.as_str(), "summary" | "description");
            if entry.key != "$ref" && !has_meaning {
                let message = format!("`{}` beside `$ref` is lost", shown(&entry.key));
                let pointer = visit.pointer.key(&entry.key);
                self.tell(Rule::ReferenceSiblings, entry.at, &pointer, message);
            }
        }
    }
}

#[cfg(test)]
mod tests;
