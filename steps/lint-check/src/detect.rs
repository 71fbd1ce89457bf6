//! Which linters a repository needs, which files each gets, and why.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::{Candidate, Glob, GlobSet, GlobSetBuilder};
use landfall_toml::{Config, DEFAULT_FILE, LintCheck, LinterSettings, MigrateDb, Needs, nearest};
use regex::bytes::{RegexSet, SetMatches};
use serde::Serialize;
use step_core::{Common, Exit, Fail};

use crate::adapters::{ADAPTERS, Adapter, Reader, Step, Unit, Wanted};
use crate::generic;
use crate::named::{Names, named};
use crate::run::{projects, services};
use crate::settings::Settings;
use crate::tree::{Tree, shown};

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
    /// The arguments with which it mends.
    pub(crate) fix: Option<Vec<String>>,
    /// The program that mends, if it is another than the one that checks.
    pub(crate) fixer: Option<String>,
    pub(crate) unit: Unit,
    /// What it finds in a file depends on others of its kind.
    pub(crate) reads_others: bool,
    /// What it finds are secrets: the lines that they stand on are not shown.
    pub(crate) hides_lines: bool,
    pub(crate) exits: Vec<i32>,
    pub(crate) reader: Reader,
    pub(crate) configs: Vec<String>,
    /// The files that its configuration names, which are as good as part of it.
    pub(crate) named: HashSet<PathBuf>,
    /// The files that what it heeds names.
    pub(crate) named_besides: HashSet<PathBuf>,
    /// Other files on which its findings depend; what it shares with others is mostly changed for those.
    pub(crate) heeds: Vec<String>,
    pub(crate) limit: Duration,
    pub(crate) after: Vec<String>,
    /// How its version has to begin.
    pub(crate) version: Option<String>,
    /// The configuration demands it: that it is missing is an error.
    pub(crate) is_demanded: bool,
    pub(crate) install: String,
    /// The patterns of its files.
    pub(crate) kinds: GlobSet,
    /// All files of its kind, relative to the root.
    pub(crate) files: Vec<PathBuf>,
    /// The folders that it runs in, each for the files below: the root, or those of its configuration. Of a
    /// linter that looks at projects these say it themselves.
    pub(crate) folders: Vec<PathBuf>,
}

impl Linter {
    /// Whether a file configures it: then all that it checks is to be checked anew.
    pub(crate) fn is_config(&self, path: &Path) -> bool {
        self.configs.iter().any(|config| !config.ends_with('/') && is_named(config, path))
            || self.named.contains(path)
    }

    /// Whether what it finds in any file depends on this one.
    pub(crate) fn depends_on(&self, path: &Path) -> bool {
        self.configs.iter().chain(&self.heeds).any(|config| is_named(config, path))
            || self.named.contains(path)
            || self.named_besides.contains(path)
    }

    /// Looks for the files that its configuration names.
    fn look_for_named(&mut self, tree: &Tree, known: &Known<'_>) {
        let (own, besides) = (known.of(&self.configs), known.of(&self.heeds));
        self.named = named(tree, &known.all, own.into_iter(), Names::All);
        self.named_besides = named(tree, &known.all, besides.into_iter(), Names::Data);
    }
}

/// All files of the repository, and by their names without folders: each linter asks for a dozen.
struct Known<'a> {
    all: HashSet<&'a Path>,
    by_name: HashMap<&'a OsStr, Vec<&'a Path>>,
}

impl<'a> Known<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut known = Self { all: HashSet::new(), by_name: HashMap::new() };
        for path in tree.files.iter().map(PathBuf::as_path) {
            known.all.insert(path);
            let name = path.file_name().unwrap_or_default();
            known.by_name.entry(name).or_default().push(path);
        }
        known
    }

    /// The files that a list of configurations means.
    fn of(&self, configs: &[String]) -> HashSet<&'a Path> {
        let mut found = HashSet::new();
        for config in configs {
            let is_meant = |path: &&&Path| is_named(config, path);
            if config.ends_with('/') {
                found.extend(self.all.iter().filter(is_meant));
            } else if let Some(paths) =
                Path::new(config).file_name().and_then(|name| self.by_name.get(name))
            {
                found.extend(paths.iter().filter(is_meant));
            }
        }
        found
    }
}

/// `NAME`, in any folder; `FOLDER/NAME`; or `FOLDER/` for all that is in it.
fn is_named(config: &str, path: &Path) -> bool {
    match config.strip_suffix('/') {
        Some(folder) => path.starts_with(folder),
        None => path.ends_with(config),
    }
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
    /// The files that are not checked.
    pub(crate) excluded: GlobSet,
}

/// A file, with its name taken apart to be matched with many patterns.
type File<'a> = (&'a Path, Candidate<'a>);

/// Finds the linters that a repository needs.
///
/// # Errors
/// Exit 2: landfall.toml names a linter that is not known and does not say how it is run, or a pattern
/// is wrong.
pub(crate) fn detect(tree: &Tree, settings: &Settings, common: &Common) -> Result<Detected, Fail> {
    check_names(settings)?;
    check_order(settings)?;
    let no_pattern = |keys: &[&str], err: &globset::Error| {
        settings.wrong(keys, format_args!("no pattern: {err}"))
    };
    let excluded = patterns(&settings.exclude).map_err(|err| no_pattern(&["exclude"], &err))?;
    let all = tree.files.iter().map(|path| (path.as_path(), Candidate::new(path)));
    let candidates: Vec<File<'_>> =
        all.filter(|(_, candidate)| !excluded.is_match_candidate(candidate)).collect();
    let files: Vec<&Path> = candidates.iter().map(|(path, _)| *path).collect();
    let mut kinds = Kinds::of(tree)?;
    let mut found = Detected { excluded, ..Detected::default() };
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
        let found_files = kinds.matching(&candidates, &wanted);
        let (set, mut matching) =
            found_files.map_err(|err| no_pattern(&["linters", adapter.name, "files"], &err))?;
        if let Wanted::ByContent(marks) = adapter.wanted
            && own.files.is_none()
        {
            let is_there = !matching.is_empty();
            matching.retain(|path| kinds.holds(path, marks));
            if is_there && matching.is_empty() {
                found.unwanted.push(unwanted(format!("no file holds {}", marks.join(" or "))));
                continue;
            }
        }
        if let Unit::Project(marker) = adapter.unit {
            let folders = projects(tree, &matching, marker);
            if folders.is_empty() && !matching.is_empty() {
                found.unwanted.push(unwanted(format!("there is no {marker}")));
                continue;
            }
            matching.retain(|path| folders.iter().any(|folder| path.starts_with(folder)));
        }
        let mut left_out = Vec::new();
        if let Unit::Service(Step::MigrateDb) = adapter.unit {
            let folders = folders_of_migrations(tree, common);
            let is_in = |path: &PathBuf| folders.iter().any(|folder| path.starts_with(folder));
            left_out = matching.extract_if(.., |path| !is_in(path)).collect();
            if let (Some(first), true) = (left_out.first(), matching.is_empty()) {
                found.unwanted.push(unwanted(format!("{} is {NO_SERVICE}", shown(first))));
                continue;
            }
        }
        let configs = configs_in(adapter, tree, &files);
        let config = configs.iter().min_by_key(|path| path.components().count()).copied();
        let is_bare = !config.is_some_and(is_in_root);
        let is_by_config = matches!(adapter.wanted, Wanted::ByConfig | Wanted::ByConfigWhereItRuns);
        let mut folders = vec![PathBuf::new()];
        if let (true, Some(first), None) = (is_by_config, config, &own.files) {
            let configured = outermost(&configs);
            let is_there = !matching.is_empty();
            matching.retain(|path| configured.iter().any(|folder| path.starts_with(folder)));
            if is_there && matching.is_empty() {
                let why = format!("there are no files for it below the folder of {}", shown(first));
                found.unwanted.push(unwanted(why));
                continue;
            }
            if adapter.wanted == Wanted::ByConfigWhereItRuns {
                folders = configured;
            }
        }
        let why = match (matching.first(), adapter.wanted, config, own.enabled) {
            (None, ..) => {
                let why = format!("there are no files like {}", wanted.join(" "));
                found.unwanted.push(unwanted(why));
                continue;
            }
            (Some(_), _, _, Some(true)) => "landfall.toml says `enabled = true`".to_owned(),
            (Some(_), Wanted::ByConfig | Wanted::ByConfigWhereItRuns, None, _) => {
                let why = format!(
                    "there is none of its configuration: {}",
                    configs_of(adapter).join(" ")
                );
                found.unwanted.push(unwanted(why));
                continue;
            }
            (Some(_), _, Some(config), _) => format!("{} is there", config.display()),
            (Some(_), ..) if wanted == ["*"] => "it looks at every file".to_owned(),
            (Some(first), ..) => format!("{} is there", first.display()),
        };
        let why = match left_out.first() {
            None => why,
            Some(first) => format!("{why}; not checked: {} is {NO_SERVICE}", shown(first)),
        };
        let linter = known(adapter, own, settings, is_bare, why, (set, matching));
        found.linters.push(Linter { folders, ..linter });
    }
    for (name, own) in &settings.linters {
        let Some(command) = &own.command else { continue };
        if own.enabled == Some(false) || ADAPTERS.iter().any(|it| it.name == name) {
            continue;
        }
        let every = ["*".to_owned()];
        let wanted = own.files.as_deref().unwrap_or(&every);
        let found_files = kinds.matching(&candidates, wanted);
        let (set, matching) =
            found_files.map_err(|err| no_pattern(&["linters", name, "files"], &err))?;
        if matching.is_empty() {
            let why = "there are no files of its patterns".to_owned();
            let about = command.join(" ");
            found.unwanted.push(Unwanted { name: name.clone(), about, why });
            continue;
        }
        found.linters.push(generic::linter(name, own, settings, (set, matching))?);
    }
    let known = Known::new(tree);
    for linter in &mut found.linters {
        linter.look_for_named(tree, &known);
    }
    Ok(found)
}

fn known(
    adapter: &Adapter,
    own: &LinterSettings,
    all: &LintCheck,
    is_bare: bool,
    why: String,
    (kinds, files): (GlobSet, Vec<PathBuf>),
) -> Linter {
    let mut args = owned(adapter.args);
    if is_bare {
        args.splice(0..0, owned(adapter.bare));
    }
    Linter {
        name: adapter.name.to_owned(),
        about: adapter.about.to_owned(),
        why,
        programs: owned(adapter.programs),
        args: with(args, &own.args),
        fix: adapter.fix.map(|fix| with(owned(fix), &own.args)),
        fixer: None,
        unit: adapter.unit,
        reads_others: adapter.reads_others,
        hides_lines: adapter.hides_lines,
        exits: adapter.exits.to_vec(),
        reader: Reader::Known(adapter.parse),
        configs: owned(adapter.configs).into_iter().chain(own.configs.clone()).collect(),
        heeds: adapter
            .shared
            .iter()
            .map(|(name, _)| *name)
            .chain(adapter.heeds.iter().copied())
            .map(str::to_owned)
            .collect(),
        limit: limit(own, all),
        after: own.after.clone(),
        version: own.version.clone(),
        is_demanded: own.enabled == Some(true),
        install: adapter.install.to_owned(),
        named: HashSet::new(),
        named_besides: HashSet::new(),
        kinds,
        files,
        folders: vec![PathBuf::new()],
    }
}

/// Arguments and those of landfall.toml, which stand before the files and before what ends the options.
pub(crate) fn with(mut args: Vec<String>, own: &[String]) -> Vec<String> {
    let place = match args.iter().position(|arg| arg == "{files}") {
        Some(files) if files > 0 && args[files - 1] == "--" => files - 1,
        Some(files) => files,
        // Behind `--` stand the options of what the program starts.
        None => args.len(),
    };
    args.splice(place..place, own.iter().cloned());
    args
}

/// How long a linter may run.
pub(crate) fn limit(own: &LinterSettings, all: &LintCheck) -> Duration {
    own.timeout.or(all.timeout).map_or(LIMIT, |span| span.0)
}

/// Each name is that of a known linter, or has a command.
fn check_names(settings: &Settings) -> Result<(), Fail> {
    let known = || ADAPTERS.iter().map(|it| it.name);
    for (name, own) in &settings.linters {
        // It is the name of a file as well, and the beginning of the names of rules.
        let is_plain = |it: char| it.is_ascii_alphanumeric() || "-_.".contains(it);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(is_plain) {
            let fail = settings
                .wrong(&["linters", name], format_args!("`{name}` is no name for a linter"));
            return Err(fail.help("write letters, digits, `-`, `_` and `.`"));
        }
        if own.command.is_none() && !known().any(|it| it == name) {
            let fail =
                settings.wrong(&["linters", name], format_args!("there is no linter `{name}`"));
            return Err(match nearest(name, known()) {
                Some(meant) => fail.help(format!("write `{meant}`, or give it a `command`")),
                None => {
                    fail.help("give it a `command`; `lint-check list` names those that are known")
                }
            });
        }
        if known().any(|it| it == name)
            && let Some(key) = not_read(own)
        {
            let message = format!("`{name}` is known here, its `{key}` is not read");
            return Err(settings.wrong(&["linters", name, key], message).help(format!(
                "take `{key}` out; or give a linter of your own another name, with `command`, and leave \
                 this one out with `enabled = false`"
            )));
        }
        for other in &own.after {
            if !known().any(|it| it == other) && !settings.linters.contains_key(other) {
                let message = format!("`{name}` runs after `{other}`, which is no linter");
                let fail = settings.wrong(&["linters", name, "after"], message);
                return Err(fail.help("`lint-check list` names them"));
            }
        }
    }
    Ok(())
}

/// A setting that is only for linters that are not known here.
fn not_read(own: &LinterSettings) -> Option<&'static str> {
    let given = [
        ("command", own.command.is_some()),
        ("fix", own.fix.is_some()),
        ("format", own.format.is_some()),
        ("pattern", own.pattern.is_some()),
        ("severity", own.severity.is_some()),
    ];
    given.into_iter().find(|(_, is_given)| *is_given).map(|(key, _)| key)
}

/// No linter waits for itself, not even over others.
fn check_order(settings: &Settings) -> Result<(), Fail> {
    for start in settings.linters.keys() {
        let mut way = Vec::new();
        let mut next = vec![(start, 0)];
        while let Some((name, depth)) = next.pop() {
            way.truncate(depth);
            way.push(name.as_str());
            for other in settings.linters.get(name).into_iter().flat_map(|it| &it.after) {
                if other == start {
                    let circle = format!("{} after {start}", way.join(" after "));
                    let message = format!("linters wait for each other: {circle}");
                    let fail = settings.wrong(&["linters", start, "after"], message);
                    return Err(fail.help("take one of them out of `after`"));
                }
                if !way.contains(&other.as_str()) {
                    next.push((other, depth + 1));
                }
            }
        }
    }
    Ok(())
}

/// Tells files by their names, and by their first line or their content where that says what they are.
struct Kinds<'a> {
    tree: &'a Tree,
    interpreters: HashMap<PathBuf, Option<String>>,
    /// The marks of all linters, and which of them each file holds.
    marks: Vec<&'static str>,
    search: RegexSet,
    held: HashMap<PathBuf, SetMatches>,
}

impl<'a> Kinds<'a> {
    fn of(tree: &'a Tree) -> Result<Self, Fail> {
        let marks = ADAPTERS.iter().flat_map(|it| match it.wanted {
            Wanted::ByContent(marks) => marks,
            Wanted::ByFiles | Wanted::ByConfig | Wanted::ByConfigWhereItRuns => &[],
        });
        let marks: Vec<&'static str> = marks.copied().collect();
        let search = RegexSet::new(marks.iter().map(|mark| regex::escape(mark)));
        let search = search.map_err(|err| Fail::new(Exit::Failed, format!("marks: {err}")))?;
        Ok(Self { tree, interpreters: HashMap::new(), marks, search, held: HashMap::new() })
    }

    /// Whether a file holds one of the marks. Each file is read once, whatever the number of linters.
    fn holds(&mut self, path: &Path, marks: &[&str]) -> bool {
        let read = || self.search.matches(&self.tree.beginning(path, SEARCHED));
        let held = match self.held.get(path) {
            Some(held) => held,
            None => self.held.entry(path.to_owned()).or_insert(read()),
        };
        held.iter().any(|at| marks.contains(&self.marks[at]))
    }

    fn matching(
        &mut self,
        files: &[File<'_>],
        wanted: &[String],
    ) -> Result<(GlobSet, Vec<PathBuf>), globset::Error> {
        let (scripts, names): (Vec<&String>, Vec<&String>) =
            wanted.iter().partition(|pattern| pattern.starts_with("#!"));
        let names: Vec<String> = names.into_iter().cloned().collect();
        let names = patterns(&names)?;
        let is_script = |kinds: &mut Self, path: &Path| {
            let Some(interpreter) = kinds.interpreter(path) else { return false };
            scripts.iter().any(|script| script[2..] == interpreter)
        };
        let is_wanted = |(path, candidate): &&File<'_>| {
            names.is_match_candidate(candidate) || (!scripts.is_empty() && is_script(self, path))
        };
        let matching = files.iter().filter(is_wanted).map(|(path, _)| path.to_path_buf()).collect();
        Ok((names, matching))
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

/// How much of a file is searched for what tells its kind, in bytes: where keys are sorted, `openapi` stands
/// behind all `components`.
const SEARCHED: u64 = 4 * 1024 * 1024;

const NO_SERVICE: &str = "in no folder of migrations of a folder with a landfall.toml";

/// The folders in which migrate-db looks for migrations, of all services, relative to the root.
fn folders_of_migrations(tree: &Tree, common: &Common) -> Vec<PathBuf> {
    let services = services(tree);
    services.iter().flat_map(|service| of_service(tree, service, common)).collect()
}

/// Those of a service. What is wrong with its landfall.toml, migrate-db says.
fn of_service(tree: &Tree, service: &Path, common: &Common) -> Vec<PathBuf> {
    let file = tree.root.join(service).join(DEFAULT_FILE);
    // A linter gets no variable that names an environment.
    let common = Common { env: None, ..common.clone() };
    let read = || {
        let text = std::fs::read_to_string(&file).ok()?;
        let config = Config::from_text(&file, &text).ok()?;
        Some(config.environment(&common, Needs::Nothing).ok()?.migrate_db)
    };
    let MigrateDb { folder, databases, .. } = read().unwrap_or_default();
    let folder = folder.unwrap_or_else(|| "migrations".into());
    if databases.is_empty() {
        return vec![service.join(folder)];
    }
    let own =
        databases.into_iter().map(|(name, it)| it.folder.unwrap_or_else(|| folder.join(name)));
    own.map(|folder| service.join(folder)).collect()
}

fn is_in_root(path: &Path) -> bool {
    path.components().count() == 1
}

/// The configuration files of a linter.
fn configs_in<'a>(adapter: &Adapter, tree: &Tree, files: &[&'a Path]) -> Vec<&'a Path> {
    let is_config = |path: &&&Path| {
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else { return false };
        let has_part = |(shared, mark): &(&str, &str)| {
            *shared == name
                && std::fs::read(tree.root.join(path))
                    .is_ok_and(|text| String::from_utf8_lossy(&text).contains(mark))
        };
        adapter.configs.contains(&name) || adapter.shared.iter().any(has_part)
    };
    files.iter().filter(is_config).copied().collect()
}

/// The folders of files that lie in no other of these folders. A configuration below another one is for the
/// linter to find, or not, as where it is run by hand.
fn outermost(files: &[&Path]) -> Vec<PathBuf> {
    let mut folders: Vec<&Path> = files.iter().filter_map(|path| path.parent()).collect();
    folders.sort();
    // One that lies in another comes behind it, with nothing but others of these between.
    folders.dedup_by(|inner, outer| inner.starts_with(*outer));
    folders.into_iter().map(Path::to_owned).collect()
}

/// The names of the configuration files of a linter.
fn configs_of(adapter: &Adapter) -> Vec<&'static str> {
    adapter.configs.iter().copied().chain(adapter.shared.iter().map(|(name, _)| *name)).collect()
}

/// Patterns of gitignore: one without a slash fits at any depth.
///
/// # Errors
/// Names the pattern that is none.
fn patterns(list: &[String]) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        let pattern = pattern.strip_suffix('/').map_or(pattern.clone(), |it| format!("{it}/**"));
        let anchored = match pattern.strip_prefix('/') {
            Some(rest) => rest.to_owned(),
            None if pattern.trim_end_matches("/**").contains('/') => pattern,
            None => format!("**/{pattern}"),
        };
        set.add(Glob::new(&anchored)?);
    }
    set.build()
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_gitignore() {
        for (pattern, path, fits) in [
            ("*.sh", "a.sh", true),
            ("*.sh", "deep/er/a.sh", true),
            ("*.sh", "a.shx", false),
            ("/a.sh", "a.sh", true),
            ("/a.sh", "b/a.sh", false),
            ("b/*.sh", "b/a.sh", true),
            ("b/*.sh", "c/b/a.sh", false),
            ("made/", "made/x/y.c", true),
            ("made/", "deep/made/y.c", true),
            ("made/", "remade/y.c", false),
            ("api/made/", "api/made/y.c", true),
            ("api/made/", "x/api/made/y.c", false),
            ("Dockerfile*", "x/Dockerfile.dev", true),
            ("*", "any/thing", true),
            ("*.{yml,yaml}", "x/a.yaml", true),
        ] {
            let set = patterns(&[pattern.to_owned()]).unwrap();
            assert_eq!(set.is_match(path), fits, "{pattern} {path}");
        }
        assert!(patterns(&["[".to_owned()]).is_err());
    }

    #[test]
    fn arguments_of_landfall_toml_are_options() {
        for (args, seen) in [
            (&["-a", "--", "{files}"][..], &["-a", "own", "--", "{files}"][..]),
            (&["-a", "{files}"], &["-a", "own", "{files}"]),
            (&["{files}"], &["own", "{files}"]),
            (&["run", "-a"], &["run", "-a", "own"]),
            (&["run", "--"], &["run", "--", "own"]),
            (&[], &["own"]),
        ] {
            assert_eq!(with(owned(args), &["own".to_owned()]), owned(seen));
        }
    }

    #[test]
    fn the_first_line_of_a_script_names_its_interpreter() {
        for (head, name) in [
            ("#!/bin/sh\n", Some("sh")),
            ("#!/bin/bash -eu\n", Some("sh")),
            ("#!/usr/bin/env bash\r\n", Some("sh")),
            ("#!/usr/bin/env -S python3.11 -u\n", Some("python")),
            ("#! /usr/bin/python3\n", Some("python")),
            ("#!/usr/bin/env node", Some("node")),
            ("#!\n", None),
            ("#!/usr/bin/env\n", None),
            ("echo\n", None),
            ("", None),
        ] {
            assert_eq!(interpreter(head.as_bytes()).as_deref(), name, "{head}");
        }
    }

    #[test]
    fn of_configurations_those_count_that_lie_below_no_other() {
        let folders = |files: &[&str]| -> Vec<String> {
            let files: Vec<&Path> = files.iter().map(Path::new).collect();
            outermost(&files).iter().map(|it| it.display().to_string()).collect()
        };
        assert_eq!(
            folders(&["svc/a/x", "svc/a/b/x", "svc/ab/x", "svc/a-b/x"]),
            ["svc/a", "svc/a-b", "svc/ab"]
        );
        assert_eq!(folders(&["svc/a/x", "x", "y"]), [""]);
    }

    #[test]
    fn a_configuration_is_a_name_a_path_or_a_folder() {
        for (config, path, is_it) in [
            ("ruff.toml", "ruff.toml", true),
            ("ruff.toml", "sub/ruff.toml", true),
            ("ruff.toml", "sub/other-ruff.toml", false),
            (".cargo/config.toml", ".cargo/config.toml", true),
            (".cargo/config.toml", "config.toml", false),
            ("styles/", "styles/a/b.yml", true),
            ("styles/", "sub/styles/b.yml", false),
        ] {
            assert_eq!(is_named(config, Path::new(path)), is_it, "{config} {path}");
        }
    }

    fn after(pairs: &[(&str, &[&str])]) -> Result<(), Fail> {
        let linters = pairs.iter().map(|(name, after)| {
            let after = after.iter().map(|it| (*it).to_owned()).collect();
            ((*name).to_owned(), LinterSettings { after, ..LinterSettings::default() })
        });
        let lint_check = LintCheck { linters: linters.collect(), ..LintCheck::default() };
        check_order(&Settings::of(lint_check))
    }

    #[test]
    fn linters_that_wait_for_each_other_are_refused() {
        after(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &["z"])]).unwrap();
        // A linter that hangs on a circle of others is none of it.
        for circle in [
            &[("a", &["a"] as &[&str])][..],
            &[("a", &["b"]), ("b", &["a"])],
            &[("x", &["a"]), ("a", &["d", "b"]), ("b", &["c"]), ("c", &["a"])],
        ] {
            let told = after(circle).unwrap_err().to_string();
            assert!(told.contains("a after"), "{told}");
        }
        let told = after(&[("a", &["d", "b"]), ("b", &["c"]), ("c", &["a"])]).unwrap_err();
        assert!(told.to_string().ends_with(": a after b after c after a"), "{told}");
    }

    #[test]
    fn files_are_found_by_name_and_by_first_line() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
            PathBuf::from(name)
        };
        let files = vec![
            write("a.sh", "", 0o644),
            write("run", "#!/bin/sh\n", 0o755),
            write("text", "#!/bin/sh\n", 0o644),
            write("x.py", "#!/bin/sh\n", 0o755),
        ];
        let tree = Tree { root: folder.path().to_owned(), files, repository: None };
        let known: Vec<File<'_>> =
            tree.files.iter().map(|path| (path.as_path(), Candidate::new(path))).collect();
        let mut kinds = Kinds::of(&tree).unwrap();
        let wanted = ["*.sh".to_owned(), "#!sh".to_owned()];
        let (_, found) = kinds.matching(&known, &wanted).unwrap();
        assert_eq!(found, [PathBuf::from("a.sh"), PathBuf::from("run")]);
    }
}
