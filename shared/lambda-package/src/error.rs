//! Why there is no package.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::{ENTRIES_LIMIT, IGNORE_FILE, LinkFault, ProgramFault, UNZIPPED_LIMIT};

/// Why there is no package. The text says what is wrong and where, [`Error::advice`] what to do.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no such folder or file.
    #[error("{} is missing", path.display())]
    Missing {
        /// What was to be packed.
        path: PathBuf,
    },
    /// Neither a file, a folder nor a link.
    #[error("{} is no file, folder or link", path.display())]
    Special {
        /// The named pipe, socket or device.
        path: PathBuf,
    },
    /// The file to pack is an archive already.
    #[error("{} is an archive already, and would lie in the package as it is", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
    },
    /// Nothing could be read.
    #[error("read {}", path.display())]
    Read {
        /// What was to be read.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
    /// A file had another size than when it was looked for.
    #[error("{} changed while it was packed", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A zip cannot carry the name well.
    #[error("the name of {} is not UTF-8", path.display())]
    Name {
        /// The file or folder.
        path: PathBuf,
    },
    /// A line of the ignore file cannot be read.
    #[error("{}: {source}", path.display())]
    Ignore {
        /// The ignore file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: dockerignore::PatternError,
    },
    /// A link does not lead to anything in the package.
    #[error("the link {} to {target} {fault}", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// What it holds.
        target: String,
        /// Where it leads.
        fault: LinkFault,
    },
    /// There is no file to pack.
    #[error("there is no file to pack in {}{}", path.display(), if *ignored { ", for all are left out" } else { "" })]
    Empty {
        /// The folder.
        path: PathBuf,
        /// There are files, but the ignore file leaves them out.
        ignored: bool,
    },
    /// A custom runtime has nothing to start.
    #[error("there is no `bootstrap` in {}, which a custom runtime starts", path.display())]
    NoBootstrap {
        /// What was packed.
        path: PathBuf,
        /// A program in it that may be meant.
        found: Option<String>,
    },
    /// A custom runtime could not start `bootstrap`.
    #[error("{} {fault}", path.display())]
    Program {
        /// The file.
        path: PathBuf,
        /// Why it would not start.
        fault: ProgramFault,
    },
    /// More than Lambda takes.
    #[error(
        "{} is {unzipped} bytes unzipped, and Lambda takes less than {UNZIPPED_LIMIT}; the largest file is {largest} with {largest_size}",
        path.display()
    )]
    TooLarge {
        /// What was to be packed.
        path: PathBuf,
        /// In bytes.
        unzipped: u64,
        /// Its largest file.
        largest: String,
        /// In bytes.
        largest_size: u64,
    },
    /// More than a zip can count.
    #[error("{} holds {entries} files and folders, and a zip counts up to {ENTRIES_LIMIT}", path.display())]
    TooManyEntries {
        /// What was to be packed.
        path: PathBuf,
        /// How many there are.
        entries: usize,
    },
    /// The zip could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The zip, or the folder for it.
        path: PathBuf,
        /// Why it was not.
        source: io::Error,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn advice(&self) -> String {
        let leave_out = format!("or leave it out in {IGNORE_FILE}");
        match self {
            Self::Missing { .. } => "build the function before, or name the folder or file that was built".into(),
            Self::Special { .. } => format!("remove it, {leave_out}"),
            Self::Archive { .. } => "name the folder or the program that is to be packed".into(),
            Self::Read { .. } => format!("check that it may be read, {leave_out}"),
            Self::Changed { .. } => "let the build end before packing".into(),
            Self::Name { .. } => format!("rename it, {leave_out}"),
            Self::Ignore { .. } => "mend the line: it is read like one of .dockerignore".into(),
            Self::Link { fault, .. } => format!("{}, {leave_out}", fault.advice()),
            Self::Empty { ignored: true, .. } => format!("let {IGNORE_FILE} leave out less"),
            Self::Empty { ignored: false, .. } => "build the function before, or name the folder it is built to".into(),
            Self::NoBootstrap { found: Some(found), .. } => format!("rename {found} to bootstrap and put it at the top"),
            Self::NoBootstrap { found: None, .. } => {
                "put the program at the top under the name bootstrap, or name the runtime that starts what is there".into()
            }
            Self::Program { fault, .. } => fault.advice(),
            Self::TooLarge { .. } => {
                format!("leave out what the function does not need in {IGNORE_FILE}, strip programs, or make the function from a container image")
            }
            Self::TooManyEntries { .. } => {
                format!("bundle the code, or leave out what the function does not need in {IGNORE_FILE}")
            }
            Self::Write { .. } => "check that the folder exists, is writable and has space left".into(),
        }
    }

    /// Names the temporary file in errors of writing, which do not know it.
    pub(crate) fn at_scratch(self, path: &Path) -> Self {
        match self {
            Self::Write { source, .. } => Self::Write { path: path.to_owned(), source },
            other => other,
        }
    }
}
