//! What linters said of files that have not changed since.
//!
//! A result depends on the program, its arguments, its configuration, and the file: all of these are
//! hashed, and what has the same hash is not looked at again. What a linter says of a whole project may
//! depend on any file, so it counts as long as no file of the repository has changed. How long each
//! linter took is kept beside, so that the slowest begins first.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsStr;
use std::hash::Hasher;
use std::io::Read;
use std::num::NonZero;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use step_core::write_atomically;

use crate::adapters::{Hit, Reader};
use crate::detect::Linter;
use crate::tree::{Tree, shown};

/// Where results are kept, relative to the root of the repository. The folder hides itself from git.
const FOLDER: &str = ".landfall/cache/lint-check";

/// The file of how long they took; the name of no linter begins with a dot.
const TIMES: &str = ".times.json";

/// The file of what was staged of files when they were mended.
const MENDED: &str = ".mended.json";

/// What says which versions are installed beside a project.
const LOCKS: [&str; 12] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "bun.lock",
    "composer.lock",
    "poetry.lock",
    "uv.lock",
    "pdm.lock",
    "Pipfile.lock",
    "requirements.txt",
    "requirements-dev.txt",
];

/// The results of a linter.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cache {
    /// Of program, arguments and configuration.
    identity: String,
    /// How long it took for each file, in seconds.
    #[serde(skip)]
    seconds: Option<f64>,
    /// What the program said when it was asked for its version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// By file, or by project: the hash of what was checked, and what was found.
    results: HashMap<String, Known>,
    #[serde(skip)]
    file: PathBuf,
    #[serde(skip)]
    is_changed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    hash: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hits: Vec<Hit>,
}

impl Cache {
    /// The results of a linter that still count. What cannot be read is as if it was not there.
    pub(crate) fn open(tree: &Tree, linter: &Linter, program: &Path) -> Self {
        let file = tree.root.join(FOLDER).join(format!("{}.json", linter.name));
        let identity = identity(tree, linter, program);
        let read = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let cache: Cache = read.unwrap_or_default();
        if cache.identity == identity {
            Self { file, ..cache }
        } else {
            Self { identity, file, ..Self::default() }
        }
    }

    /// With how long it took for each file, in seconds.
    pub(crate) fn taking(self, seconds: Option<f64>) -> Self {
        Self { seconds, ..self }
    }

    /// What was found in what has not changed.
    pub(crate) fn find(&self, unit: &str, hash: &str) -> Option<&[Hit]> {
        let known = self.results.get(unit)?;
        (known.hash == hash).then_some(known.hits.as_slice())
    }

    /// Keeps what was found.
    pub(crate) fn keep(&mut self, unit: String, hash: String, hits: Vec<Hit>) {
        self.is_changed = true;
        self.results.insert(unit, Known { hash, hits });
    }

    /// How long the linter will take for so many files, in seconds, if it ran before.
    pub(crate) fn expected(&self, files: usize) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let files = files as f64;
        Some(self.seconds? * files)
    }

    /// What the program said when it was asked for its version.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Notes what the program said when it was asked for its version.
    pub(crate) fn has_version(&mut self, version: &str) {
        if self.version.as_deref() != Some(version) {
            self.version = Some(version.to_owned());
            self.is_changed = true;
        }
    }

    /// Whether there is something new to write.
    pub(crate) fn is_changed(&self) -> bool {
        self.is_changed
    }

    /// Writes the results, without those of what is gone.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(mut self, units: &HashSet<Cow<'_, str>>) -> anyhow::Result<()> {
        self.results.retain(|unit, _| units.contains(unit.as_str()));
        let text = serde_json::to_vec(&self)?;
        write(&self.file, &text)
    }
}

/// How long each linter took for a file, in seconds.
pub(crate) type Times = BTreeMap<String, f64>;

/// Those of the last runs.
pub(crate) fn times(tree: &Tree) -> Times {
    read(tree, TIMES)
}

/// Keeps them, of the linters that ran.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn keep_times(tree: &Tree, new: Times) -> anyhow::Result<()> {
    let mut all = times(tree);
    all.extend(new);
    write(&tree.root.join(FOLDER).join(TIMES), &serde_json::to_vec(&all)?)
}

/// By file, as [`key`]: the name that git has for what was staged of it when linters mended it.
pub(crate) type Mended = BTreeMap<String, String>;

/// What was staged of files when they were mended.
pub(crate) fn mended(tree: &Tree) -> Mended {
    read(tree, MENDED)
}

/// Keeps what is staged of files that were mended.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn keep_mended(tree: &Tree, new: Mended) -> anyhow::Result<()> {
    let mut all = mended(tree);
    all.extend(new);
    write(&tree.root.join(FOLDER).join(MENDED), &serde_json::to_vec(&all)?)
}

/// What a file of [`FOLDER`] holds; nothing when it cannot be read.
fn read<T: serde::de::DeserializeOwned + Default>(tree: &Tree, name: &str) -> T {
    let text = std::fs::read(tree.root.join(FOLDER).join(name));
    text.ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Writes a file of [`FOLDER`], and sees to it that git does not see the folder.
fn write(file: &Path, text: &[u8]) -> anyhow::Result<()> {
    if let Some(landfall) = file.ancestors().nth(3) {
        let ignore = landfall.join(".gitignore");
        if !ignore.exists() {
            write_atomically(&ignore, b"*\n")?;
        }
    }
    write_atomically(file, text)
}

/// A path as the name of its result: no two have the same, for a path does not begin with a slash.
pub(crate) fn key(path: &Path) -> Cow<'_, str> {
    match path.to_str() {
        Some(text) => text.into(),
        None => path.as_os_str().as_bytes().iter().map(|byte| format!("/{byte:02x}")).collect(),
    }
}

/// The hashes of files. Each is read once, whatever the number of linters.
#[derive(Debug, Default)]
pub(crate) struct Contents<'a>(HashMap<&'a OsStr, String>);

impl<'a> Contents<'a> {
    /// Reads the files, on all processors.
    pub(crate) fn of(tree: &Tree, files: impl IntoIterator<Item = &'a Path>) -> Self {
        let files: HashSet<&OsStr> = files.into_iter().map(Path::as_os_str).collect();
        let files: Vec<&OsStr> = files.into_iter().collect();
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let read = |files: &[&'a OsStr]| -> Vec<(&'a OsStr, String)> {
            let hash = |path: &&'a OsStr| Some((*path, hash_of(&tree.root.join(path))?));
            files.iter().filter_map(hash).collect()
        };
        let size = files.len().div_ceil(threads).max(64);
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                files.chunks(size).map(|part| scope.spawn(move || read(part))).collect();
            Self(threads.into_iter().filter_map(|it| it.join().ok()).flatten().collect())
        })
    }

    /// The hash of a file; none if it cannot be read.
    pub(crate) fn get(&self, path: &Path) -> Option<&str> {
        self.0.get(path.as_os_str()).map(String::as_str)
    }

    /// The hash of all of these files; none if one of them cannot be read.
    pub(crate) fn all(&self, files: &[PathBuf]) -> Option<String> {
        let mut hasher = SipHasher13::new();
        for path in files {
            part(&mut hasher, path.as_os_str().as_bytes());
            part(&mut hasher, self.get(path)?.as_bytes());
        }
        Some(hex(&hasher))
    }
}

/// In pieces, for a file may be larger than the memory.
fn hash_of(file: &Path) -> Option<String> {
    let mut hasher = SipHasher13::new();
    let mut file = std::fs::File::open(file).ok()?;
    let mut piece = [0; 32 * 1024];
    loop {
        match file.read(&mut piece).ok()? {
            0 => return Some(hex(&hasher)),
            length => hasher.write(&piece[..length]),
        }
    }
}

fn identity(tree: &Tree, linter: &Linter, program: &Path) -> String {
    let mut hasher = SipHasher13::new();
    part(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
    program_parts(&mut hasher, tree, program);
    for arg in &linter.args {
        part(&mut hasher, arg.as_bytes());
    }
    // How its output is read; the functions of adapters change with the version of this program.
    if let Reader::Generic(format) = &linter.reader {
        part(&mut hasher, format!("{format:?}").as_bytes());
    }
    for config in tree.files.iter().filter(|path| linter.depends_on(path)) {
        file_parts(&mut hasher, tree, config);
    }
    for (name, value) in variables(linter) {
        part(&mut hasher, name.as_bytes());
        part(&mut hasher, value.as_bytes());
    }
    hex(&hasher)
}

/// What tells that a program was updated; asking for its version would start it.
fn program_parts(hasher: &mut SipHasher13, tree: &Tree, program: &Path) {
    part(hasher, program.as_os_str().as_bytes());
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    written(hasher, &real);
    if program.starts_with(&tree.root) {
        // npm gives all files one time, and the plugins of a linter are updated without it.
        let is_lock = |path: &&PathBuf| {
            path.file_name().is_some_and(|name| LOCKS.iter().any(|lock| name == *lock))
        };
        for lock in tree.files.iter().filter(is_lock) {
            file_parts(hasher, tree, lock);
        }
    }
    if real.file_name().is_some_and(|name| name == "rustup") {
        // It stands for the program of a toolchain: <https://rust-lang.github.io/rustup/concepts/proxies.html>
        for home in real
            .ancestors()
            .nth(3)
            .into_iter()
            .flat_map(|it| [it.join(".rustup"), it.join("rustup")])
        {
            part(hasher, &std::fs::read(home.join("settings.toml")).unwrap_or_default());
            let updates = std::fs::read_dir(home.join("update-hashes")).into_iter().flatten();
            let mut updates: Vec<PathBuf> = updates.flatten().map(|it| it.path()).collect();
            updates.sort();
            updates.iter().for_each(|update| written(hasher, update));
        }
        for name in ["rust-toolchain", "rust-toolchain.toml"] {
            file_parts(hasher, tree, Path::new(name));
        }
    }
}

/// Size and time of a file. Not its number, which is another in each container of an image.
fn written(hasher: &mut SipHasher13, file: &Path) {
    part(hasher, file.as_os_str().as_bytes());
    if let Ok(metadata) = file.metadata() {
        part(hasher, &metadata.len().to_le_bytes());
        part(hasher, &metadata.mtime().to_le_bytes());
        part(hasher, &metadata.mtime_nsec().to_le_bytes());
    }
}

fn file_parts(hasher: &mut SipHasher13, tree: &Tree, path: &Path) {
    part(hasher, path.as_os_str().as_bytes());
    part(hasher, hash_of(&tree.root.join(path)).unwrap_or_default().as_bytes());
}

/// The variables that configure a linter, as far as their names tell, by its name or its program's:
/// `SHELLCHECK_OPTS`.
fn variables(linter: &Linter) -> BTreeMap<String, String> {
    let begins: Vec<String> =
        std::iter::once(&linter.name).chain(&linter.programs).map(|name| begin(name)).collect();
    let is_its_own = |name: &str| {
        begins.iter().any(|begin| name.starts_with(begin))
            || matches!(name, "RUSTFLAGS" | "RUSTUP_TOOLCHAIN")
    };
    let all = std::env::vars_os();
    let all =
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, shown(Path::new(&value)))));
    all.filter(|(name, _)| is_its_own(name)).collect()
}

/// `tools/check-it`: `CHECK_IT_`.
fn begin(name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let plain = |it: char| if it.is_ascii_alphanumeric() { it.to_ascii_uppercase() } else { '_' };
    name.chars().map(plain).chain(['_']).collect()
}

/// With its length, so that parts cannot run into each other.
fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write(&bytes.len().to_le_bytes());
    hasher.write(bytes);
}

fn hex(hasher: &SipHasher13) -> String {
    format!("{:032x}", u128::from(hasher.finish128()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_paths_have_one_key() {
        let path = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        assert_eq!(key(path(b"a/b c")), "a/b c");
        let names = [&b"\xFF"[..], b"\xFE", b"\\xFF", b"/ff", b"\xEF\xBF\xBD"];
        let keys: HashSet<Cow<'_, str>> = names.into_iter().map(|it| key(path(it))).collect();
        // The one with a slash is no path of git's.
        assert_eq!(keys.len(), 4, "{keys:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_has_no_hash() {
        let folder = tempfile::tempdir().unwrap();
        let files = vec![PathBuf::from("a"), PathBuf::from("b")];
        std::fs::write(folder.path().join("a"), vec![7; 100_000]).unwrap();
        let tree = Tree { root: folder.path().to_owned(), files, repository: None };
        let contents = Contents::of(&tree, tree.files.iter().map(PathBuf::as_path));
        let one = contents.get(Path::new("a")).unwrap().to_owned();
        assert_eq!((contents.get(Path::new("b")), contents.all(&tree.files)), (None, None));
        std::fs::write(folder.path().join("a"), vec![7; 100_001]).unwrap();
        std::fs::write(folder.path().join("b"), "").unwrap();
        let contents = Contents::of(&tree, tree.files.iter().map(PathBuf::as_path));
        assert_ne!(contents.get(Path::new("a")).unwrap(), one);
        assert!(contents.all(&tree.files).is_some());
    }
}
