//! `generate`: obtains descriptions, makes one of them, and writes it.
//!
//! The same sources give the same bytes: nothing of the time, the machine or the folder goes into them.

mod convert;
mod merge;
mod obtain;

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use findings::Severity;
use landfall_toml::Collisions;
use serde::Serialize;
use step_core::process::Process;
use step_core::{Exit, Fail, Report, holds, output, write_atomically};

use crate::description::{self, Description};
use crate::document::{Entry, Form, Node, Object, Sources};
use crate::input::{Input, reads_stdin_once, refused};
use crate::problem::{self, SYNTAX, unusable};
use crate::settings::Settings;
use crate::spec::operations;
use merge::{Part, Rules};
use obtain::Source;

/// The options of `generate`.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Options {
    /// A description to read: a file, - for standard input, a URL, or git:REVISION:PATH; several are
    /// made one [landfall.toml: gen-openapi.sources]
    #[arg(long, value_name = "INPUT")]
    from: Vec<Input>,

    /// The file to write; its ending says whether it is JSON or YAML [landfall.toml: gen-openapi.file]
    /// [default: openapi.json]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,

    /// The title of the description [landfall.toml: gen-openapi.title] [default: that of the first
    /// source]
    #[arg(long, value_name = "TITLE", value_parser = NonEmptyStringValueParser::new())]
    title: Option<String>,

    /// The version of the description [landfall.toml: gen-openapi.version] [default: the tag of the
    /// pipeline without its v, else that of the first source]
    #[arg(long, value_name = "VERSION", value_parser = NonEmptyStringValueParser::new())]
    set_version: Option<String>,

    /// A URL at which the service is reached [landfall.toml: gen-openapi.servers] [default: those of the
    /// sources]
    #[arg(long, value_name = "URL")]
    server: Vec<String>,

    /// Write the commit into the description, as info.x-revision
    #[arg(long)]
    revision: bool,

    /// The version of OpenAPI to convert to [landfall.toml: gen-openapi.openapi] [default: as the
    /// sources are]
    #[arg(long, value_name = "VERSION", value_parser = ["3.0"])]
    openapi: Option<String>,

    /// Leave out what the version has no words for, when it is for people alone
    #[arg(long)]
    allow_loss: bool,

    /// What becomes of things of one name that are not the same: nothing is written, the source's name
    /// is put in front, or the later gets a number [landfall.toml: gen-openapi.collisions] [default:
    /// error]
    #[arg(long, value_enum, value_name = "HOW")]
    collisions: Option<OnCollision>,

    /// Folder or URL that references may lead to besides the repository, by how it begins
    /// [landfall.toml: gen-openapi.allow_references]
    #[arg(long, value_name = "PREFIX")]
    allow_reference: Vec<String>,

    /// Sort paths and components by their names
    #[arg(long)]
    sort: bool,

    /// Write it even when it is not what the specification allows
    #[arg(long)]
    no_validate: bool,

    /// Write nothing, and fail (3) when the file is not what would be written
    #[arg(long)]
    check: bool,
}

/// What becomes of things of one name that are not the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnCollision {
    /// Nothing is written
    Error,
    /// When one differs, all components of the later source get its name in front, but for those that
    /// are equal to earlier ones
    Prefix,
    /// The later one gets a number
    Rename,
}

impl From<OnCollision> for Collisions {
    fn from(it: OnCollision) -> Self {
        match it {
            OnCollision::Error => Collisions::Error,
            OnCollision::Prefix => Collisions::Prefix,
            OnCollision::Rename => Collisions::Rename,
        }
    }
}

/// The report.
#[derive(Debug, Serialize)]
pub struct Generated {
    #[serde(skip)]
    outcome: Outcome,
    file: PathBuf,
    bytes: usize,
    sources: Vec<String>,
    openapi: String,
    title: Option<String>,
    version: Option<String>,
    paths: usize,
    operations: usize,
    components: usize,
    /// With `--check`: the first line of the file that is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    differs_from_line: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Written,
    Unchanged,
    Planned,
    /// With `--check`: the file is another.
    Outdated,
}

/// Obtains descriptions, makes one of them, and writes it.
///
/// # Errors
/// Exit 2: settings are wrong, a source is no usable description, or they cannot be made one; exit 4: a
/// source is unreachable; exit 5: one takes too long.
pub(crate) async fn run(options: &Options, settings: &Settings<'_>) -> anyhow::Result<Generated> {
    let target = Target::of(options, settings)?;
    let chosen = chosen(options, settings)?;
    let mut sources = Sources::default();
    let parts = read(&chosen, options, settings, &mut sources).await?;
    let parts = convert(parts, options, settings, &sources)?;
    let rules = Rules {
        collisions: collisions(options, settings),
        ignores_servers: servers(options, settings).is_some(),
    };
    let merged = merge::merge(parts, rules, &sources).map_err(|it| unusable(&it, &sources))?;
    let Some(mut description) = merged else { return Err(nothing().into()) };
    stamp(&mut description, options, settings).await?;
    if options.sort {
        sort(&mut description);
    }
    validate(&description, options, &sources)?;
    let names = chosen.into_iter().map(|it| it.name).collect();
    write(&description, target, names, options, settings)
}

/// Where the description is written to.
struct Target {
    file: PathBuf,
    form: Form,
}

impl Target {
    fn of(options: &Options, settings: &Settings<'_>) -> Result<Self, Fail> {
        let file = options.to.clone().unwrap_or_else(|| settings.description());
        if file == Path::new("-") {
            return Err(Fail::invalid("the description is not written to stdout")
                .help("stdout is the report: name a file"));
        }
        let form = Form::of_name(&file.to_string_lossy()).ok_or_else(|| {
            Fail::invalid(format!("{} is neither JSON nor YAML by its ending", file.display()))
                .help("name it .json, .yaml or .yml")
        })?;
        Ok(Self { file, form })
    }
}

/// The sources that are named.
fn chosen(options: &Options, settings: &Settings<'_>) -> Result<Vec<Source>, Fail> {
    if !options.from.is_empty() {
        reads_stdin_once(&options.from)?;
        return Ok(options.from.iter().map(Source::of_input).collect());
    }
    let sources = &settings.file.sources;
    if sources.is_empty() {
        return Err(nothing());
    }
    sources.iter().map(|(name, source)| Source::of_settings(name, source)).collect()
}

fn nothing() -> Fail {
    Fail::invalid("nothing says what the description is made of")
        .help("name its sources in landfall.toml, below gen-openapi.sources, or with --from")
}

/// Reads each source with all that it refers to.
async fn read(
    chosen: &[Source],
    options: &Options,
    settings: &Settings<'_>,
    sources: &mut Sources,
) -> anyhow::Result<Vec<Part>> {
    let mut access = settings.access();
    access.allowed.extend(options.allow_reference.iter().cloned());
    let mut parts = Vec::new();
    let mut problems = Vec::new();
    for (source, got) in chosen.iter().zip(obtain::all(chosen).await?) {
        let told = problems.len();
        let read = description::read_bytes(
            got.shown,
            &got.input,
            got.bytes,
            &access,
            sources,
            &mut problems,
        );
        let read = read.await?;
        let new = problems.iter_mut().skip(told).filter(|it| it.rule == SYNTAX);
        for problem in new.filter(|_| source.prints()) {
            problem.help.get_or_insert_with(|| "let the program print its logs to stderr".into());
        }
        if let Some(service) = got.service {
            service.stop().await;
        }
        let (name, path_prefix) = (source.name.clone(), source.path_prefix.clone());
        parts.extend(read.map(|description| Part { name, description, path_prefix }));
    }
    if problems.is_empty() { Ok(parts) } else { Err(unusable(&problems, sources).into()) }
}

/// Converts the sources to the version that is asked for.
fn convert(
    parts: Vec<Part>,
    options: &Options,
    settings: &Settings<'_>,
    sources: &Sources,
) -> Result<Vec<Part>, Fail> {
    let version = options.openapi.as_ref().or(settings.file.openapi.as_ref());
    match version.map(String::as_str) {
        None => return Ok(parts),
        Some("3.0") => {}
        Some(other) => {
            return Err(Fail::invalid(format!("nothing is converted to OpenAPI {other}"))
                .help("set `openapi` to \"3.0\", or leave it out"));
        }
    }
    let (mut converted, mut lost) = (Vec::new(), Vec::new());
    for part in parts {
        match convert::to_3_0(part.description, options.allow_loss) {
            Ok((description, left_out)) => {
                if !left_out.is_empty() {
                    output::warn(format!("left out:\n{}", problem::findings(&left_out, sources)));
                }
                converted.push(Part { description, ..part });
            }
            Err(problems) => lost.extend(problems),
        }
    }
    if lost.is_empty() { Ok(converted) } else { Err(unusable(&lost, sources)) }
}

fn collisions(options: &Options, settings: &Settings<'_>) -> Collisions {
    let chosen = options.collisions.map(Collisions::from).or(settings.file.collisions);
    chosen.unwrap_or(Collisions::Error)
}

/// The URLs that are named, instead of those of the sources.
fn servers<'a>(options: &'a Options, settings: &'a Settings<'_>) -> Option<&'a [String]> {
    let named = Some(options.server.as_slice()).filter(|it| !it.is_empty());
    named.or(settings.file.servers.as_deref())
}

/// Writes into the description what is known only here.
async fn stamp(
    description: &mut Description,
    options: &Options,
    settings: &Settings<'_>,
) -> anyhow::Result<()> {
    let gitlab = &settings.common.gitlab;
    let revision = match (options.revision, &gitlab.commit_sha) {
        (false, _) => None,
        (true, Some(commit)) => Some(commit.clone()),
        (true, None) => {
            let head = Process::new("git", ["rev-parse", "--verify", "HEAD"]).output().await;
            let unknown = Fail::invalid("no commit is known");
            let unknown = unknown.help("run in a clone, or leave out --revision");
            Some(head.map_err(|err| refused(err, unknown))?)
        }
    };
    let title = options.title.as_ref().or(settings.file.title.as_ref());
    let tag = gitlab.commit_tag.as_deref().map(version_of_tag);
    let version = options.set_version.as_deref().or(settings.file.version.as_deref()).or(tag);
    let Some(root) = description.root.as_object_mut() else { return Ok(()) };
    if let Some(info) = root.get_mut("info").and_then(Node::as_object_mut) {
        set_text(info, "title", title.map(String::as_str));
        set_text(info, "version", version);
        set_text(info, "x-revision", revision.as_deref());
    }
    if let Some(urls) = servers(options, settings) {
        set_servers(root, urls);
    }
    Ok(())
}

/// `v1.2.3` is the version 1.2.3.
fn version_of_tag(tag: &str) -> &str {
    let number = tag.strip_prefix('v').filter(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    number.unwrap_or(tag)
}

fn set_text(object: &mut Object, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(key, Node::string(text));
    }
}

/// Sets the servers. One that was there keeps what is said of it.
fn set_servers(root: &mut Object, urls: &[String]) {
    let known = root.get("servers").and_then(Node::as_array).unwrap_or_default();
    let server = |url: &String| {
        let known = known.iter().find(|it| it.text("url") == Some(url));
        known.cloned().unwrap_or_else(|| Node::object([("url", Node::string(url.as_str()))]))
    };
    let servers = Node::array(urls.iter().map(server));
    if root.contains("servers") {
        root.insert("servers", servers);
        return;
    }
    // Where people expect it: behind `info`.
    let mut entries: Vec<_> = root.iter().cloned().collect();
    let place = entries.iter().position(|it| it.key == "info").map_or(entries.len(), |it| it + 1);
    let (key, at) = ("servers".into(), servers.at);
    entries.insert(place, Entry { key, at, value: servers });
    *root = entries.into_iter().collect();
}

/// Sorts paths, and each section of the components, by name.
fn sort(description: &mut Description) {
    fn sorted(node: &mut Node) {
        if let Some(object) = node.as_object_mut() {
            let mut entries: Vec<_> = object.iter().cloned().collect();
            entries.sort_by(|a, b| a.key.cmp(&b.key));
            *object = entries.into_iter().collect();
        }
    }
    let Some(root) = description.root.as_object_mut() else { return };
    root.get_mut("paths").into_iter().for_each(sorted);
    let components = root.get_mut("components").and_then(Node::as_object_mut);
    let sections = components.into_iter().flat_map(Object::iter_mut);
    let sections = sections.filter(|section| !section.key.starts_with("x-"));
    sections.for_each(|section| sorted(&mut section.value));
}

/// Refuses what the specification does not allow.
fn validate(description: &Description, options: &Options, sources: &Sources) -> Result<(), Fail> {
    if options.no_validate {
        return Ok(());
    }
    let problems = crate::validate::validate(description);
    // As bad as what `gen-openapi validate` fails for.
    if problems.iter().all(|it| it.severity < Severity::Major) {
        return Ok(());
    }
    Err(unusable(&problems, sources).help("mend it, or write it all the same with --no-validate"))
}

/// Writes the description, unless it stands in the file already.
fn write(
    description: &Description,
    target: Target,
    sources: Vec<String>,
    options: &Options,
    settings: &Settings<'_>,
) -> anyhow::Result<Generated> {
    let text = target.form.write(&description.root);
    let outcome = match holds(&target.file, text.as_bytes()) {
        true => Outcome::Unchanged,
        false if options.check => Outcome::Outdated,
        false if settings.common.dry_run => Outcome::Planned,
        false => {
            write_atomically(&target.file, text.as_bytes())?;
            Outcome::Written
        }
    };
    let is_outdated = outcome == Outcome::Outdated;
    let differs_from_line = is_outdated.then(|| first_difference(&target.file, &text)).flatten();
    let Counts { paths, operations, components } = Counts::of(&description.root);
    let info = description.root.get("info");
    let text_of = |key: &str| info.and_then(|it| it.text(key)).map(str::to_owned);
    Ok(Generated {
        outcome,
        file: target.file,
        bytes: text.len(),
        sources,
        openapi: description.root.text("openapi").unwrap_or_default().to_owned(),
        title: text_of("title"),
        version: text_of("version"),
        paths,
        operations,
        components,
        differs_from_line,
    })
}

/// The first line of a file that is another than in the text; nothing when there is no such file.
fn first_difference(file: &Path, text: &str) -> Option<usize> {
    let held = file.is_file().then(|| std::fs::read_to_string(file).ok()).flatten()?;
    let same = held.lines().zip(text.lines()).take_while(|(held, new)| held == new);
    Some(same.count() + 1)
}

/// How much a description holds.
struct Counts {
    paths: usize,
    operations: usize,
    components: usize,
}

impl Counts {
    fn of(root: &Node) -> Self {
        let entries = |key: &str| root.get(key).and_then(Node::as_object).into_iter().flatten();
        let paths = entries("paths").filter(|it| it.key.starts_with('/'));
        let operations = paths.clone().map(|it| operations(&it.value).count()).sum();
        let sections = entries("components").filter(|it| !it.key.starts_with("x-"));
        let components = sections.filter_map(|it| it.value.as_object()).map(Object::len).sum();
        Self { paths: paths.count(), operations, components }
    }
}

impl Report for Generated {
    fn outcome(&self) -> &str {
        match self.outcome {
            Outcome::Written => "written",
            Outcome::Unchanged => "unchanged",
            Outcome::Planned => "planned",
            Outcome::Outdated => "outdated",
        }
    }

    fn verdict(&self) -> Result<(), Fail> {
        if self.outcome != Outcome::Outdated {
            return Ok(());
        }
        let from = self.differs_from_line.map(|line| format!(", from line {line} on"));
        let from = from.unwrap_or_default();
        let message = format!("{} is not what would be written{from}", self.file.display());
        Err(Fail::new(Exit::Negative, message)
            .help("run gen-openapi without --check, and commit it"))
    }
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, openapi, paths, operations, components, .. } = self;
        write!(f, "{} {}", self.outcome(), file.display())?;
        write!(f, ": OpenAPI {openapi}")?;
        for text in [&self.title, &self.version].into_iter().flatten() {
            write!(f, ", {text}")?;
        }
        write!(f, "\n  from {}", self.sources.join(", "))?;
        write!(f, "\n  {}", count(*paths, "path"))?;
        write!(f, ", {}", count(*operations, "operation"))?;
        write!(f, ", {}", count(*components, "component"))?;
        write!(f, ", {bytes} bytes")
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

impl Options {
    /// Whether nothing of it was given.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
