//! What linters said of files that have not changed since.
//!
//! A result depends on the program, its arguments, its configuration, and the file: all of these are
//! hashed, and what has the same hash is not looked at again. How long each linter took is kept beside,
//! so that the slowest begins first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hasher;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};
use step_core::write_atomically;

use crate::adapters::{Hit, Unit};
use crate::detect::Linter;
use crate::tree::Tree;

/// Where results are kept, relative to the root of the repository. The folder hides itself from git.
const FOLDER: &str = ".landfall/cache/lint-check";

/// The results of a linter.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Cache {
    /// Of program, arguments and configuration.
    identity: String,
    /// How long it took for each file, in seconds.
    seconds: f64,
    /// By file, or by project: the hash of what was checked, and what was found.
    results: BTreeMap<String, Known>,
    #[serde(skip)]
    file: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Known {
    hash: String,
    hits: Vec<Hit>,
}

impl Cache {
    /// The results of a linter that still count. What cannot be read is as if it was not there.
    pub(crate) fn open(tree: &Tree, linter: &Linter, program: &Path) -> Self {
        let file = tree.root.join(FOLDER).join(format!("{}.json", linter.name));
        let identity = identity(tree, linter, program);
        let read = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let mut cache: Cache = read.unwrap_or_default();
        if cache.identity != identity {
            cache.results.clear();
            cache.identity = identity;
        }
        cache.file = file;
        cache
    }

    /// What was found in files that have not changed.
    pub(crate) fn find(&self, unit: &str, hash: &str) -> Option<&[Hit]> {
        let known = self.results.get(unit)?;
        (known.hash == hash).then_some(known.hits.as_slice())
    }

    /// Keeps what was found.
    pub(crate) fn keep(&mut self, unit: String, hash: String, hits: Vec<Hit>) {
        self.results.insert(unit, Known { hash, hits });
    }

    /// How long the linter will take for so many files, in seconds.
    pub(crate) fn expected(&self, files: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let files = files as f64;
        self.seconds * files
    }

    /// Notes how long it took.
    pub(crate) fn took(&mut self, seconds: f64, files: usize) {
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let files = files.max(1) as f64;
        self.seconds = seconds / files;
    }

    /// Writes the results, without those of files that are gone.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(crate) fn write(mut self, units: &HashMap<String, String>) -> anyhow::Result<()> {
        self.results.retain(|unit, _| units.contains_key(unit));
        let text = serde_json::to_vec(&self)?;
        if let Some(landfall) = self.file.ancestors().nth(3) {
            let ignore = landfall.join(".gitignore");
            if !ignore.exists() {
                write_atomically(&ignore, b"*\n")?;
            }
        }
        write_atomically(&self.file, &text)
    }
}

/// The hashes of what a linter checks, by the name of the unit: each file, or all of them together.
pub(crate) fn hashes(tree: &Tree, linter: &Linter, files: &[&Path]) -> HashMap<String, String> {
    if linter.unit == Unit::Files {
        let hash = |path: &&Path| (name(path), hash_of(tree, std::slice::from_ref(path)));
        return files.iter().map(hash).collect();
    }
    let all: Vec<&Path> = linter.files.iter().map(PathBuf::as_path).collect();
    HashMap::from([(String::new(), hash_of(tree, &all))])
}

/// A path as the name of its result.
pub(crate) fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn hash_of(tree: &Tree, files: &[&Path]) -> String {
    let mut hasher = SipHasher13::new();
    for path in files {
        part(&mut hasher, path.as_os_str().as_bytes());
        part(&mut hasher, &std::fs::read(tree.root.join(path)).unwrap_or_default());
    }
    hex(&hasher)
}

fn identity(tree: &Tree, linter: &Linter, program: &Path) -> String {
    let mut hasher = SipHasher13::new();
    part(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
    part(&mut hasher, program.as_os_str().as_bytes());
    // An update writes the file anew; asking for the version would start the program.
    if let Ok(metadata) = program.metadata() {
        for number in [metadata.len(), metadata.ino(), metadata.mtime().cast_unsigned()] {
            part(&mut hasher, &number.to_le_bytes());
        }
    }
    for arg in &linter.args {
        part(&mut hasher, arg.as_bytes());
    }
    let is_config = |path: &&PathBuf| {
        let name = path.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
        linter.configs.iter().any(|config| *config == name || Path::new(config) == path.as_path())
    };
    for config in tree.files.iter().filter(is_config) {
        part(&mut hasher, config.as_os_str().as_bytes());
        part(&mut hasher, &std::fs::read(tree.root.join(config)).unwrap_or_default());
    }
    hex(&hasher)
}

/// With its length, so that parts cannot run into each other.
fn part(hasher: &mut SipHasher13, bytes: &[u8]) {
    hasher.write(&bytes.len().to_le_bytes());
    hasher.write(bytes);
}

fn hex(hasher: &SipHasher13) -> String {
    format!("{:032x}", u128::from(hasher.finish128()))
}
