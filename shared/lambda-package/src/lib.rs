//! The zip of a Lambda function, made from a folder or a file, and checked before anything is uploaded.
//!
//! ```no_run
//! # use std::path::Path;
//! use lambda_package::{Architecture, Options, package};
//!
//! # fn main() -> Result<(), lambda_package::Error> {
//! let options = Options {
//!     architecture: Some(Architecture::Arm64),
//!     custom_runtime: true,
//!     ..Options::default()
//! };
//! let package = package(Path::new("target/lambda/orders"), &options)?;
//! println!("{} {} bytes", package.code_sha256(), package.zipped());
//! # Ok(())
//! # }
//! ```
//!
//! # The same bytes from the same content
//!
//! Lambda tells by a hash whether code has changed, so the zip depends on names, contents, links and whether the owner
//! may execute a file, and on nothing else of the machine: entries are in the order of their names, times are
//! 1980-01-01 00:00:00, modes are 0755 or 0644, and files are cut into blocks of a fixed size however many
//! threads deflate them. What deflates is pure Rust, does the same on every processor, and is pinned to the digit in
//! `Cargo.toml`: another version may find other matches, and then every function looks changed once.
//!
//! # Memory
//!
//! The zip is written to a temporary file as it is made. Held in memory it would take as much as it is
//! large, up to 250 MB, and an upload through S3 reads a file anyway. At a time a few blocks for each thread are in
//! memory, whatever the size of the files.

mod archive;
mod bootstrap;
mod content;
mod deflate;
mod error;
mod in_order;

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

pub use bootstrap::ProgramFault;
pub use content::LinkFault;
pub use error::Error;

/// What is left out of a folder: the rules of `.dockerignore`, in a file of this name at its top.
pub const IGNORE_FILE: &str = ".lambdaignore";

/// Lambda takes less than this many bytes, unzipped and together with the layers.
/// From <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, where it is "250 MB"; the
/// service's error names the bytes.
pub const UNZIPPED_LIMIT: u64 = 262_144_000;

/// Up to this many bytes a zip can be sent in the request itself. The documentation says "50 MB", and the
/// service counts the request, in which the zip is base64: this many fit in any reading.
pub const DIRECT_LIMIT: u64 = 50_000_000;

/// How many entries a zip without ZIP64 can count. From APPNOTE.TXT 4.4.1.4 and 4.4.22: 65535 stands for "see
/// elsewhere". <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>
pub const ENTRIES_LIMIT: usize = 65_534;

/// More threads than this only wait for the disk.
const MOST_THREADS: usize = 16;

/// What the function is, and where the work is done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// What the function runs on; `None`: whatever Lambda has.
    pub architecture: Option<Architecture>,
    /// The runtime is one of `provided.*`, which starts the program `bootstrap`: it has to be there and to run.
    pub custom_runtime: bool,
    /// Paths in the folder that are left out with all below, besides what `.lambdaignore` says: hand-over
    /// files, or the zip itself.
    pub leave_out: &'a [&'a Path],
    /// The folder of the temporary file; `None`: the system's.
    pub scratch: Option<&'a Path>,
    /// How many threads deflate; `None`: as many as there are processors.
    pub threads: Option<NonZeroUsize>,
}

/// What a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    #[serde(rename = "x86_64")]
    X86_64,
    /// Graviton: aarch64.
    #[serde(rename = "arm64")]
    Arm64,
}

impl Display for Architecture {
    /// As Lambda spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

/// One file, folder or link in the zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// From the top of the package, separated by `/`, without one at its end.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Permissions, without the bits of the kind: 0o755 or 0o644, and 0o777 for a link.
    pub mode: u32,
    /// In bytes; of a link, the length of its target.
    pub size: u64,
    /// In bytes, in the zip.
    pub compressed: u64,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
}

/// A zip that Lambda takes. Its file is removed with it.
#[derive(Debug)]
pub struct Package {
    file: NamedTempFile,
    sha256: [u8; 32],
    code_sha256: String,
    zipped: u64,
    unzipped: u64,
    entries: Vec<Entry>,
}

/// Makes the zip of `source`, a folder or a file.
///
/// A folder is packed with what is in it, not with its own name, and without what its [`IGNORE_FILE`] leaves out. A
/// file is packed alone; under the name `bootstrap` if the runtime is a custom one and it is an ELF program, else
/// under its own.
///
/// # Errors
/// The source is missing or empty, is more than Lambda takes, or holds what a function cannot have: each with
/// its path, and with [`Error::advice`].
pub fn package(source: &Path, options: &Options) -> Result<Package, Error> {
    let mut items = content::collect(source, options)?;
    bootstrap::prepare(source, &mut items, options)?;
    content::check_limits(source, &items)?;

    let file = temporary_file(options.scratch)?;
    let entries = archive::write(&items, threads(options), file.as_file())
        .map_err(|error| error.at_scratch(file.path()))?;
    let hashed = hash(file.path());
    let (sha256, zipped) =
        hashed.map_err(|error| Error::Write { path: file.path().into(), source: error })?;
    Ok(Package {
        code_sha256: BASE64_STANDARD.encode(sha256),
        unzipped: entries.iter().map(|entry| entry.size).sum(),
        file,
        sha256,
        zipped,
        entries,
    })
}

impl Package {
    /// The SHA-256 of the zip as Lambda gives it in `CodeSha256`: base64.
    #[must_use]
    pub fn code_sha256(&self) -> &str {
        &self.code_sha256
    }

    /// The SHA-256 of the zip.
    #[must_use]
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }

    /// The size of the zip, in bytes.
    #[must_use]
    pub fn zipped(&self) -> u64 {
        self.zipped
    }

    /// The size of what is in the zip, in bytes; less than [`UNZIPPED_LIMIT`].
    #[must_use]
    pub fn unzipped(&self) -> u64 {
        self.unzipped
    }

    /// What is in the zip, in its order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the zip can be sent in the request itself; else it goes through S3.
    #[must_use]
    pub fn fits_direct_upload(&self) -> bool {
        self.zipped <= DIRECT_LIMIT
    }

    /// The zip's file, which lasts as long as this does.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The zip, from its beginning.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn reader(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// The zip in memory, for a direct upload.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn bytes(&self) -> io::Result<Vec<u8>> {
        std::fs::read(self.file.path())
    }
}

fn temporary_file(folder: Option<&Path>) -> Result<NamedTempFile, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("lambda-").suffix(".zip");
    let made = match folder {
        Some(folder) => builder.tempfile_in(folder),
        None => builder.tempfile(),
    };
    let folder = || folder.map_or_else(std::env::temp_dir, Path::to_owned);
    made.map_err(|source| Error::Write { path: folder(), source })
}

fn threads(options: &Options) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    options.threads.map_or_else(processors, NonZeroUsize::get).min(MOST_THREADS)
}

/// SHA-256 and length of a file. It is read once more, as headers are completed after what follows them; what was
/// just written is still in memory.
fn hash(path: &Path) -> io::Result<([u8; 32], u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut length = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher.finalize().into(), length));
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
}
