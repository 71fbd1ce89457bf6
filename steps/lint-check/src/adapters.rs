//! The programs that are known here: what each checks, how it is called, and how its output is read.

mod shellcheck;

use findings::Severity;
use serde::{Deserialize, Serialize};

use crate::generic::Format;

/// All of them, by name.
pub(crate) const ADAPTERS: &[Adapter] = &[shellcheck::ADAPTER];

/// A program that is known here. It is data, and one function that reads what it prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Adapter {
    /// Its name in reports and in landfall.toml.
    pub(crate) name: &'static str,
    /// What it checks, in a few words.
    pub(crate) about: &'static str,
    /// The files that it checks, as patterns of gitignore; `#!sh` for those that begin so.
    pub(crate) files: &'static [&'static str],
    /// When a repository that has such files wants it.
    pub(crate) wanted: Wanted,
    /// Its configuration: files in the folder of a checked file or above. Part of what a cached result
    /// depends on.
    pub(crate) configs: &'static [&'static str],
    /// The names under which it is installed, in the order in which they are tried.
    pub(crate) programs: &'static [&'static str],
    /// Its arguments. `{files}` stands for the files, and is the last of them.
    pub(crate) args: &'static [&'static str],
    /// What it looks at in one run.
    pub(crate) unit: Unit,
    /// The exit codes that say that it did its work, whether it found something or not.
    pub(crate) exits: &'static [i32],
    /// Reads what it printed.
    pub(crate) parse: Parse,
    /// The arguments with which it mends what it can.
    pub(crate) fix: Option<&'static [&'static str]>,
    /// How to get it.
    pub(crate) install: &'static str,
    /// Where its rules are explained; `{rule}` stands for the rule.
    pub(crate) rules: Option<&'static str>,
}

/// When a repository wants a program, besides that it has files for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Always.
    ByFiles,
    /// When one of its configuration files is there: without, it would object to everything.
    ByConfig,
    /// When a file of its own kind holds one of these texts, for files whose names say nothing.
    ByContent(&'static [&'static str]),
}

/// What a program looks at in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// The files that it is given, each for itself.
    Files,
    /// All that lies in the folder with this file: a package, a module.
    Project(&'static str),
    /// The whole repository.
    Repository,
}

/// How the output of a linter is read.
#[derive(Debug, Clone)]
pub(crate) enum Reader {
    /// By the function of its adapter.
    Known(Parse),
    /// As landfall.toml says.
    Generic(Box<Format>),
}

impl Reader {
    /// What it found.
    ///
    /// # Errors
    /// The output is not what the program prints when it did its work.
    pub(crate) fn read(&self, output: &Output) -> Result<Vec<Hit>, Unreadable> {
        match self {
            Reader::Known(parse) => parse(output),
            Reader::Generic(format) => format.read(output),
        }
    }
}

/// Reads the output of a program.
pub(crate) type Parse = fn(&Output) -> Result<Vec<Hit>, Unreadable>;

/// What a program printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The output is not what the program prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable(pub(crate) String);

/// Something that a program found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hit {
    /// As the program writes it: relative to where it ran, or absolute.
    pub(crate) path: String,
    /// From 1; 0 when the program does not say it.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: Option<usize>,
    /// Line and first column behind it.
    pub(crate) end: Option<(usize, usize)>,
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}
