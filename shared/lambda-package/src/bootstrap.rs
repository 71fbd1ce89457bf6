//! `bootstrap`, the program that a custom runtime starts: whether Linux at Lambda can.
//! From <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html>, elf(5) and execve(2).

use std::fmt::{self, Display};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::elf::{FileHeader, ProgramHeader};
use object::{Endianness, FileKind, ReadCache};

use crate::content::{self, Content, Index, Item};
use crate::{Architecture, Error, IGNORE_FILE, Options};

/// What Lambda starts, at the top of the package.
pub(crate) const NAME: &str = "bootstrap";

/// How an ELF file begins.
pub(crate) const ELF: &[u8] = b"\x7fELF";

/// Where Lambda unpacks the package.
const TASK: &str = "/var/task/";
/// Where Lambda unpacks layers, which are not known here.
const LAYERS: &str = "/opt/";

/// How much of a file tells what it is: as much as Linux looks at for a `#!` line.
const START: u64 = 256;

/// Why Linux at Lambda would not start a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramFault {
    /// It is a folder.
    Folder,
    /// It holds nothing.
    Empty,
    /// Neither ELF nor a script with a `#!` line.
    NotAProgram,
    /// A program for another system.
    OtherSystem(&'static str),
    /// An ELF file that is cut off or has wrong headers.
    Damaged(String),
    /// An ELF file that is no program.
    Library,
    /// An ELF program for a processor that Lambda does not have.
    OtherProcessor(String),
    /// An ELF program for the other of Lambda's processors.
    OtherArchitecture {
        /// What it is built for.
        found: Architecture,
        /// What the function runs on.
        asked: Architecture,
    },
    /// The loader that the ELF program names is not there.
    Loader(String),
    /// The `#!` line names nothing.
    NoInterpreter,
    /// The `#!` line ends with a carriage return.
    CarriageReturn(String),
    /// What the `#!` line names would lie in the package, and does not.
    Interpreter(String),
}

impl ProgramFault {
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Folder => "put the program there".into(),
            Self::Empty | Self::Damaged(_) => "build it again".into(),
            Self::NotAProgram => {
                "put the Linux program there, or begin the script with a line like #!/bin/sh".into()
            }
            Self::OtherSystem(_) | Self::OtherProcessor(_) => {
                "build for x86_64-unknown-linux-gnu or aarch64-unknown-linux-gnu".into()
            }
            Self::Library => "put the program there, not a library or an object file".into(),
            Self::OtherArchitecture { found, asked } => {
                format!("build for {asked}, or set the function's architecture to {found}")
            }
            Self::Loader(_) => {
                "link it statically, or against glibc as it is in Amazon Linux".into()
            }
            Self::NoInterpreter => "begin the script with a line like #!/bin/sh".into(),
            Self::CarriageReturn(_) => "save the script with line ends of Unix".into(),
            Self::Interpreter(_) => {
                format!(
                    "put it into the package, check that {IGNORE_FILE} keeps it, or name another in the first line"
                )
            }
        }
    }
}

impl Display for ProgramFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => write!(f, "is a folder, not a program"),
            Self::Empty => write!(f, "is empty"),
            Self::NotAProgram => {
                write!(f, "is neither a Linux program (ELF) nor a script that begins with #!")
            }
            Self::OtherSystem(system) => write!(f, "is a program for {system}"),
            Self::Damaged(reason) => write!(f, "is a damaged ELF file: {reason}"),
            Self::Library => {
                write!(f, "is an ELF file but no program: nothing in it can be started")
            }
            Self::OtherProcessor(found) => {
                write!(f, "is a program for {found}, and Lambda runs x86_64 and arm64, of 64 bits")
            }
            Self::OtherArchitecture { found, asked } => {
                write!(f, "is a program for {found}, and the function runs on {asked}")
            }
            Self::Loader(path) => {
                write!(f, "is started by the loader {path}, which Lambda does not have")
            }
            Self::NoInterpreter => write!(f, "has a #! line that names no program"),
            Self::CarriageReturn(name) => {
                write!(f, "has a #! line with a carriage return, so that Linux looks for {name:?}")
            }
            Self::Interpreter(path) => {
                write!(f, "has a #! line that names {path}, which is not in the package")
            }
        }
    }
}

/// Makes `bootstrap` executable, and checks it if the runtime is to start it.
///
/// # Errors
/// A custom runtime could not start it.
pub(crate) fn prepare(source: &Path, items: &mut [Item], options: &Options) -> Result<(), Error> {
    let at = match locate(items) {
        Ok(Some(at)) => at,
        Ok(None) if options.custom_runtime => return Err(absent(source, items)?),
        Err(fault) if options.custom_runtime => {
            return Err(Error::Program { path: source.join(NAME), fault });
        }
        _ => return Ok(()),
    };
    if options.custom_runtime {
        check(&items[at], &content::index(items), options.architecture)?;
    }
    if let Content::File { executable, .. } = &mut items[at].content {
        *executable = true;
    }
    Ok(())
}

/// The first bytes of a file.
pub(crate) fn start_of(path: &Path) -> Result<Vec<u8>, Error> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
    read.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(start)
}

/// Where among the items the file is that `bootstrap` names, be it by a link.
fn locate(items: &[Item]) -> Result<Option<usize>, ProgramFault> {
    let index = content::index(items);
    if !index.contains_key(NAME) {
        return Ok(None);
    }
    // Links were checked when they were collected.
    let found = content::follow(&index, NAME).ok().flatten();
    match found {
        Some(item) if matches!(item.content, Content::File { .. }) => {
            Ok(items.iter().position(|it| it.path == item.path))
        }
        _ => Err(ProgramFault::Folder),
    }
}

/// That there is none, with the one program that may be meant.
fn absent(source: &Path, items: &[Item]) -> Result<Error, Error> {
    let mut programs = Vec::new();
    for item in items {
        if let Content::File { source, executable: true, .. } = &item.content
            && start_of(source)?.starts_with(ELF)
        {
            programs.push(item.path.clone());
        }
    }
    let named = |path: &&String| Path::new(path.as_str()).ends_with(NAME);
    let found = match programs.as_slice() {
        [only] => Some(only.clone()),
        several => several.iter().find(named).cloned(),
    };
    Ok(Error::NoBootstrap { path: source.to_owned(), found })
}

fn check(item: &Item, items: &Index<'_>, asked: Option<Architecture>) -> Result<(), Error> {
    let Content::File { source, .. } = &item.content else { return Ok(()) };
    let start = start_of(source)?;
    let checked = if start.starts_with(ELF) {
        check_elf(source, items, asked)?
    } else if let Some(rest) = start.strip_prefix(b"#!") {
        check_script(rest, items)
    } else {
        Err(other(&start))
    };
    checked.map_err(|fault| Error::Program { path: source.clone(), fault })
}

/// What a file is that is neither ELF nor a script.
fn other(start: &[u8]) -> ProgramFault {
    const MAC: [&[u8]; 3] = [b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe"];
    if start.is_empty() {
        ProgramFault::Empty
    } else if MAC.iter().any(|magic| start.starts_with(magic)) {
        ProgramFault::OtherSystem("macOS")
    } else if start.starts_with(b"MZ") {
        ProgramFault::OtherSystem("Windows")
    } else {
        ProgramFault::NotAProgram
    }
}

fn check_elf(
    path: &Path,
    items: &Index<'_>,
    asked: Option<Architecture>,
) -> Result<Result<(), ProgramFault>, Error> {
    let file = File::open(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let data = ReadCache::new(file);
    Ok(read_elf(&data).and_then(|program| judge(&program, items, asked)))
}

/// What the headers of an ELF program say.
struct Program {
    architecture: Architecture,
    /// A path; `None` of a static program.
    loader: Option<String>,
}

fn read_elf(data: &ReadCache<File>) -> Result<Program, ProgramFault> {
    let damaged = |error: object::read::Error| ProgramFault::Damaged(error.to_string());
    if FileKind::parse(data).map_err(damaged)? != FileKind::Elf64 {
        return Err(ProgramFault::OtherProcessor("a processor of 32 bits".into()));
    }
    let header = FileHeader64::<Endianness>::parse(data).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    let architecture = match header.e_machine(endian) {
        elf::EM_X86_64 => Architecture::X86_64,
        elf::EM_AARCH64 if endian == Endianness::Little => Architecture::Arm64,
        other => return Err(ProgramFault::OtherProcessor(processor(other.0))),
    };
    let is_program = [elf::ET_EXEC, elf::ET_DYN].contains(&header.e_type(endian));
    if !is_program || header.e_entry(endian) == 0 {
        return Err(ProgramFault::Library);
    }
    let mut loader = None;
    for segment in header.program_headers(endian, data).map_err(damaged)? {
        if let Some(path) = segment.interpreter(endian, data).map_err(damaged)? {
            loader = Some(String::from_utf8_lossy(path).into_owned());
        }
    }
    Ok(Program { architecture, loader })
}

/// A name for some of those that people build for.
fn processor(number: u16) -> String {
    match elf::Machine(number) {
        elf::EM_AARCH64 => "big-endian ARM".into(),
        elf::EM_RISCV => "RISC-V".into(),
        elf::EM_PPC64 => "POWER".into(),
        elf::EM_S390 => "IBM Z".into(),
        elf::EM_LOONGARCH => "LoongArch".into(),
        _ => format!("the processor with ELF's number {number}"),
    }
}

fn judge(
    program: &Program,
    items: &Index<'_>,
    asked: Option<Architecture>,
) -> Result<(), ProgramFault> {
    let found = program.architecture;
    if let Some(asked) = asked.filter(|asked| *asked != found) {
        return Err(ProgramFault::OtherArchitecture { found, asked });
    }
    match &program.loader {
        Some(loader) if !is_at_lambda(loader, found, items) => {
            Err(ProgramFault::Loader(loader.clone()))
        }
        _ => Ok(()),
    }
}

/// Amazon Linux has glibc's loader alone. A layer may bring another.
fn is_at_lambda(loader: &str, architecture: Architecture, items: &Index<'_>) -> bool {
    let glibc = match architecture {
        Architecture::X86_64 => "ld-linux-x86-64.so.2",
        Architecture::Arm64 => "ld-linux-aarch64.so.1",
    };
    let path = Path::new(loader);
    let of_system = ["/lib", "/lib64", "/usr/lib", "/usr/lib64"];
    let is_glibc =
        path.ends_with(glibc) && of_system.iter().any(|it| path.parent() == Some(Path::new(it)));
    is_glibc || loader.starts_with(LAYERS) || is_packed(loader, items)
}

fn is_packed(path: &str, items: &Index<'_>) -> bool {
    path.strip_prefix(TASK).is_some_and(|path| {
        let found = content::follow(items, path).ok().flatten();
        found.is_some_and(|item| matches!(item.content, Content::File { .. }))
    })
}

/// `line`: the start of the file without its `#!`.
fn check_script(line: &[u8], items: &Index<'_>) -> Result<(), ProgramFault> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let words = line.trim_matches([' ', '\t']);
    let name = words.split([' ', '\t']).next().unwrap_or_default();
    if words.ends_with('\r') {
        return Err(ProgramFault::CarriageReturn(name.to_owned()));
    }
    if name.is_empty() {
        return Err(ProgramFault::NoInterpreter);
    }
    if name.starts_with(TASK) && !is_packed(name, items) {
        return Err(ProgramFault::Interpreter(name.to_owned()));
    }
    Ok(())
}
