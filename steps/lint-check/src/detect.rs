//! Which linters a repository needs, which files each gets, and why.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::{Glob, GlobSet, GlobSetBuilder};
use landfall_toml::{LintCheck, LinterSettings, nearest};
use serde::Serialize;
use step_core::Fail;

use crate::adapters::{ADAPTERS, Adapter, Reader, Unit, Wanted};
use crate::generic;
use crate::tree::Tree;

/// How long a linter may run when nothing else is said.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// A linter with the files that it checks.
#[derive(Debug, Clone)]
pub(crate) struct Linter {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Why it runs, as `lint-check list` tells it.
    pub(crate) why: String,
    /// The names under which it may be installed.
    pub(crate) programs: Vec<String>,
    pub(crate) args: Vec<String>,
    pub(crate) fix: Option<Vec<String>>,
    pub(crate) unit: Unit,
    pub(crate) exits: Vec<i32>,
    pub(crate) reader: Reader,
    pub(crate) configs: Vec<String>,
    pub(crate) limit: Duration,
    pub(crate) after: Vec<String>,
    /// How its version has to begin.
    pub(crate) version: Option<String>,
    /// The configuration demands it: that it is missing is an error.
    pub(crate) is_demanded: bool,
    pub(crate) install: String,
    /// All files of its kind, relative to the root.
    pub(crate) files: Vec<PathBuf>,
}

/// A linter that does not run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unwanted {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) why: String,
}

/// All linters, those that run and those that do not.
#[derive(Debug, Default)]
pub(crate) struct Detected {
    pub(crate) linters: Vec<Linter>,
    pub(crate) unwanted: Vec<Unwanted>,
}

/// Finds the linters that a repository needs.
///
/// # Errors
/// Exit 2: landfall.toml names a linter that is not known and does not say how it is run, or a pattern
/// is wrong.
pub(crate) fn detect(tree: &Tree, settings: &LintCheck) -> Result<Detected, Fail> {
    check_names(settings)?;
    let excluded = patterns(&settings.exclude)?;
    let files: Vec<&Path> = tree.files.iter().map(PathBuf::as_path).collect();
    let files: Vec<&Path> = files.into_iter().filter(|path| !excluded.is_match(path)).collect();
    let mut kinds = Kinds { tree, interpreters: HashMap::new() };
    let mut found = Detected::default();
    let none = LinterSettings::default();
    for adapter in ADAPTERS {
        let own = settings.linters.get(adapter.name).unwrap_or(&none);
        let unwanted = |why: String| Unwanted {
            name: adapter.name.to_owned(),
            about: adapter.about.to_owned(),
            why,
        };
        if own.enabled == Some(false) {
            found.unwanted.push(unwanted("landfall.toml says `enabled = false`".to_owned()));
            continue;
        }
        let wanted = own.files.clone().unwrap_or_else(|| owned(adapter.files));
        let mut matching = kinds.matching(&files, &wanted)?;
        if let Wanted::ByContent(marks) = adapter.wanted {
            if own.files.is_none() {
                matching.retain(|path| holds(&tree.head(path), marks));
            }
        }
        if let Unit::Project(marker) = adapter.unit
            && !matching.is_empty()
            && !matching.iter().any(|path| path.ends_with(marker))
        {
            found.unwanted.push(unwanted(format!("there is no {marker}")));
            continue;
        }
        let config = config_of(adapter, tree, &files);
        let is_bare = config.is_none();
        let why = match (matching.first(), adapter.wanted, config, own.enabled) {
            (None, ..) => {
                let why = format!("there are no files like {}", adapter.files.join(" "));
                found.unwanted.push(unwanted(why));
                continue;
            }
            (Some(_), _, _, Some(true)) => "landfall.toml says `enabled = true`".to_owned(),
            (Some(_), Wanted::ByConfig, None, _) => {
                let why = format!(
                    "there is none of its configuration: {}",
                    configs_of(adapter).join(" ")
                );
                found.unwanted.push(unwanted(why));
                continue;
            }
            (Some(_), _, Some(config), _) => format!("{} is there", config.display()),
            (Some(first), ..) => format!("{} is there", first.display()),
        };
        found.linters.push(known(adapter, own, settings, is_bare, why, matching));
    }
    for (name, own) in &settings.linters {
        let Some(command) = &own.command else { continue };
        if own.enabled == Some(false) || ADAPTERS.iter().any(|it| it.name == name) {
            continue;
        }
        let matching = match &own.files {
            Some(wanted) => kinds.matching(&files, wanted)?,
            None => files.iter().map(|path| path.to_path_buf()).collect(),
        };
        if matching.is_empty() {
            let why = "there are no files of its patterns".to_owned();
            let about = command.join(" ");
            found.unwanted.push(Unwanted { name: name.clone(), about, why });
            continue;
        }
        found.linters.push(generic::linter(name, own, settings, matching)?);
    }
    Ok(found)
}

fn known(
    adapter: &Adapter,
    own: &LinterSettings,
    all: &LintCheck,
    is_bare: bool,
    why: String,
    files: Vec<PathBuf>,
) -> Linter {
    let mut args = owned(adapter.args);
    if is_bare {
        args.splice(0..0, owned(adapter.bare));
    }
    // Behind them come the files.
    let place = args.iter().position(|arg| arg == "{files}").unwrap_or(args.len());
    args.splice(place..place, own.args.iter().cloned());
    Linter {
        name: adapter.name.to_owned(),
        about: adapter.about.to_owned(),
        why,
        programs: owned(adapter.programs),
        args,
        fix: adapter.fix.map(owned),
        unit: adapter.unit,
        exits: adapter.exits.to_vec(),
        reader: Reader::Known(adapter.parse),
        configs: configs_of(adapter)
            .into_iter()
            .chain(adapter.heeds.iter().copied())
            .map(str::to_owned)
            .chain(own.configs.clone())
            .collect(),
        limit: limit(own, all),
        after: own.after.clone(),
        version: own.version.clone(),
        is_demanded: own.enabled == Some(true),
        install: adapter.install.to_owned(),
        files,
    }
}

/// How long a linter may run.
pub(crate) fn limit(own: &LinterSettings, all: &LintCheck) -> Duration {
    own.timeout.or(all.timeout).map_or(LIMIT, |span| span.0)
}

/// Each name is that of a known linter, or has a command.
fn check_names(settings: &LintCheck) -> Result<(), Fail> {
    let known = || ADAPTERS.iter().map(|it| it.name);
    for (name, own) in &settings.linters {
        if own.command.is_none() && !known().any(|it| it == name) {
            let fail = Fail::invalid(format!("landfall.toml: there is no linter `{name}`"));
            return Err(match nearest(name, known()) {
                Some(meant) => fail.help(format!("write `{meant}`, or give it a `command`")),
                None => {
                    fail.help("give it a `command`; `lint-check list` names those that are known")
                }
            });
        }
        for other in &own.after {
            if !known().any(|it| it == other) && !settings.linters.contains_key(other) {
                let message =
                    format!("landfall.toml: `{name}` runs after `{other}`, which is no linter");
                return Err(Fail::invalid(message));
            }
        }
    }
    Ok(())
}

/// Tells files by their names, and by their first line where that says what they are.
struct Kinds<'a> {
    tree: &'a Tree,
    interpreters: HashMap<PathBuf, Option<String>>,
}

impl Kinds<'_> {
    fn matching(&mut self, files: &[&Path], wanted: &[String]) -> Result<Vec<PathBuf>, Fail> {
        let (scripts, names): (Vec<&String>, Vec<&String>) =
            wanted.iter().partition(|pattern| pattern.starts_with("#!"));
        let names: Vec<String> = names.into_iter().cloned().collect();
        let names = patterns(&names)?;
        let is_script = |kinds: &mut Self, path: &Path| {
            let Some(interpreter) = kinds.interpreter(path) else { return false };
            scripts.iter().any(|script| script[2..] == interpreter)
        };
        let matching = files
            .iter()
            .filter(|path| names.is_match(path) || (!scripts.is_empty() && is_script(self, path)));
        Ok(matching.map(|path| path.to_path_buf()).collect())
    }

    /// Of a file whose name has no ending and that may be executed: what its first line names.
    fn interpreter(&mut self, path: &Path) -> Option<String> {
        if path.extension().is_some() {
            return None;
        }
        if let Some(known) = self.interpreters.get(path) {
            return known.clone();
        }
        let metadata = std::fs::symlink_metadata(self.tree.root.join(path)).ok();
        let is_executable =
            metadata.is_some_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
        let found = is_executable.then(|| interpreter(&self.tree.head(path))).flatten();
        self.interpreters.insert(path.to_owned(), found.clone());
        found
    }
}

/// `sh` for all shells of its kind, `python` for all its versions.
fn interpreter(head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line);
    let mut words = line.split_whitespace();
    let program = words.next()?.rsplit('/').next()?;
    let program =
        if program == "env" { words.find(|word| !word.starts_with('-'))? } else { program };
    let name =
        program.rsplit('/').next()?.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.');
    Some(match name {
        "sh" | "bash" | "dash" | "ksh" | "ash" => "sh".to_owned(),
        other => other.to_owned(),
    })
}

fn holds(head: &[u8], marks: &[&str]) -> bool {
    let head = String::from_utf8_lossy(head);
    marks.iter().any(|mark| head.contains(mark))
}

/// The first configuration file of a linter, the one nearest to the root.
fn config_of<'a>(adapter: &Adapter, tree: &Tree, files: &[&'a Path]) -> Option<&'a Path> {
    let is_config = |path: &&&Path| {
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else { return false };
        let has_part = |(shared, mark): &(&str, &str)| {
            *shared == name
                && std::fs::read(tree.root.join(path))
                    .is_ok_and(|text| String::from_utf8_lossy(&text).contains(mark))
        };
        adapter.configs.contains(&name) || adapter.shared.iter().any(has_part)
    };
    files.iter().filter(is_config).min_by_key(|path| path.components().count()).copied()
}

/// The names of the configuration files of a linter.
fn configs_of(adapter: &Adapter) -> Vec<&'static str> {
    adapter.configs.iter().copied().chain(adapter.shared.iter().map(|(name, _)| *name)).collect()
}

/// Patterns of gitignore: one without a slash fits at any depth.
///
/// # Errors
/// Exit 2: names the pattern that is none.
pub(crate) fn patterns(list: &[String]) -> Result<GlobSet, Fail> {
    let wrong = |err: globset::Error| Fail::invalid(format!("landfall.toml: no pattern: {err}"));
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        let pattern = pattern.strip_suffix('/').map_or(pattern.clone(), |it| format!("{it}/**"));
        let anchored = match pattern.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if pattern.trim_end_matches("/**").contains('/') => pattern,
            None => format!("**/{pattern}"),
        };
        set.add(Glob::new(&anchored).map_err(wrong)?);
    }
    set.build().map_err(wrong)
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}
