//! The programs that are known here: what each checks, how it is called, and how its output is read.

mod biome;
mod cfn_lint;
mod clippy;
mod diff;
mod eslint;
mod findings_of_steps;
mod gen_openapi;
mod gitlab_ci;
mod gitleaks;
mod gofmt;
mod golangci_lint;
mod hadolint;
mod ktlint;
mod markdownlint;
mod php_cs_fixer;
mod phpstan;
mod prettier;
mod ruff;
mod ruff_format;
mod rustfmt;
mod shellcheck;
mod sqlfluff;
mod squawk;
mod typos;
mod yamllint;

use findings::Severity;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::generic::Format;

/// All of them, by name.
pub(crate) const ADAPTERS: &[Adapter] = &[
    biome::ADAPTER,
    cfn_lint::ADAPTER,
    clippy::ADAPTER,
    eslint::ADAPTER,
    gen_openapi::ADAPTER,
    gitlab_ci::ADAPTER,
    gitleaks::ADAPTER,
    gofmt::ADAPTER,
    golangci_lint::ADAPTER,
    hadolint::ADAPTER,
    ktlint::ADAPTER,
    markdownlint::ADAPTER,
    php_cs_fixer::ADAPTER,
    phpstan::ADAPTER,
    prettier::ADAPTER,
    ruff::ADAPTER,
    ruff_format::ADAPTER,
    rustfmt::ADAPTER,
    shellcheck::ADAPTER,
    sqlfluff::ADAPTER,
    squawk::ADAPTER,
    typos::ADAPTER,
    yamllint::ADAPTER,
];

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
    /// Configuration files that it shares with others, each with the text that begins its part.
    pub(crate) shared: &'static [(&'static str, &'static str)],
    /// Other files on which its findings depend.
    pub(crate) heeds: &'static [&'static str],
    /// The names under which it is installed, in the order in which they are tried.
    pub(crate) programs: &'static [&'static str],
    /// Its arguments. `{files}` stands for the files, and is the last of them.
    pub(crate) args: &'static [&'static str],
    /// The arguments before these where it has no configuration.
    pub(crate) bare: &'static [&'static str],
    /// What it looks at in one run.
    pub(crate) unit: Unit,
    /// What it finds in a file depends on others of its kind.
    pub(crate) reads_others: bool,
    /// What it finds are secrets: the lines that they stand on are not shown.
    pub(crate) hides_lines: bool,
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
#[expect(clippy::enum_variant_names, reason = "they are read behind `wanted`")]
pub(crate) enum Wanted {
    /// Always.
    ByFiles,
    /// When one of its configuration files is there, for the files at or below its folder: without, it
    /// would object to everything. It finds the one that is nearest to each file.
    ByConfig,
    /// The same for one that finds its configuration from the folder that it runs in.
    ByConfigWhereItRuns,
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
    /// All that lies in a folder with a landfall.toml, and what lies in none: for steps of this project.
    Service(Step),
    /// The whole repository.
    Repository,
}

/// A step of this project that checks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It looks into the folders of migrations that landfall.toml names, compares them with the target
    /// branch, and tells paths as they are in the repository.
    MigrateDb,
    /// It takes files, all of the service's, and tells paths as they are seen from its folder.
    GenOpenapi,
}

/// Stands in arguments for the commit of the target branch. Where none is known, the argument is left out.
pub(crate) const TARGET: &str = "{target}";

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
    /// Where it is in what the file means, as a JSON Pointer with `#`. Where the line is not known, it is
    /// looked up by it.
    #[serde(default)]
    pub(crate) within: Option<String>,
}

impl Hit {
    /// Something in a file, nobody knows where.
    pub(crate) fn new(
        path: impl Into<String>,
        rule: impl Into<String>,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line: 0,
            column: None,
            end: None,
            rule: rule.into(),
            severity,
            message: message.into(),
            help: None,
            within: None,
        }
    }

    /// With its place.
    pub(crate) fn at(self, line: usize, column: Option<usize>) -> Self {
        Self { line, column, ..self }
    }

    /// With the line and the first column behind it.
    pub(crate) fn to(self, end: Option<(usize, usize)>) -> Self {
        Self { end, ..self }
    }
}

impl Output {
    /// What the program says of why it did not do its work: from the first line that speaks of an error,
    /// without where in its own source that was.
    pub(crate) fn sentence(&self) -> Option<String> {
        let said = [&self.stderr, &self.stdout].into_iter().find(|it| !it.trim().is_empty())?;
        let said = without_colours(said);
        let is_python = said.contains("Traceback (most recent call last)");
        let is_frame = |line: &str| {
            line.trim_start().starts_with("at ")
                || (is_python && (line.starts_with(' ') || line.starts_with("Traceback")))
        };
        let lines = said.lines().map(str::trim_end);
        let lines: Vec<&str> =
            lines.filter(|line| !line.trim().is_empty() && !is_frame(line)).collect();
        let speaks = |line: &&str| {
            let line = line.to_lowercase();
            let words =
                ["error", "invalid", "cannot", "failed", "unable", "unknown", "couldn't", "×"];
            words.iter().any(|word| line.contains(word))
        };
        let start = lines.iter().position(speaks).unwrap_or(lines.len().saturating_sub(1));
        let told: Vec<&str> = lines.into_iter().skip(start).take(SENTENCE).collect();
        Some(told.join("\n").trim().chars().take(1000).collect())
    }
}

/// How many lines of what a program says are told.
const SENTENCE: usize = 8;

/// Without escape sequences of terminals.
fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(
            part.find(|it: char| it.is_ascii_alphabetic()).map_or("", |end| &part[end + 1..]),
        );
    }
    out
}

/// `PATH:LINE:COLUMN` at the beginning of a line, the column only where it is known; and what follows.
fn place(line: &str) -> Option<(&str, usize, Option<usize>, &str)> {
    line.match_indices(':').filter(|(index, _)| *index > 0).find_map(|(index, _)| {
        let (number, rest) = leading_number(&line[index + 1..])?;
        let column = rest.strip_prefix(':').and_then(leading_number);
        let (column, rest) = column.map_or((None, rest), |(column, rest)| (Some(column), rest));
        let is_end = rest.is_empty() || rest.starts_with([':', ' ']);
        is_end.then(|| (&line[..index], number, column, rest.trim_start_matches([':', ' '])))
    })
}

fn leading_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// What was found; a program that says by its exit code that there is something has to have told it.
///
/// # Errors
/// It has not.
pub(crate) fn told(hits: Vec<Hit>, output: &Output) -> Result<Vec<Hit>, Unreadable> {
    if hits.is_empty() && output.exit != 0 {
        return Err(Unreadable(format!("it ended with {} and told no finding", output.exit)));
    }
    Ok(hits)
}

/// A text in JSON; empty where there is none.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A list in JSON, by its name.
///
/// # Errors
/// There is none.
fn list<'a>(value: &'a Value, name: &str) -> Result<&'a [Value], Unreadable> {
    let found = value[name].as_array();
    Ok(found.ok_or_else(|| Unreadable(format!("its output has no `{name}`")))?.as_slice())
}

/// What a program printed, for tests.
#[cfg(test)]
fn printed(exit: i32, stdout: &str, stderr: &str) -> Output {
    Output { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_each_is_there_once() {
        let names: Vec<&str> = ADAPTERS.iter().map(|it| it.name).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn files_are_given_to_those_that_check_files() {
        for it in ADAPTERS {
            let takes_files = it.args.iter().filter(|arg| **arg == "{files}").count();
            let is_given = matches!(it.unit, Unit::Files | Unit::Service(Step::GenOpenapi));
            let expected = usize::from(is_given);
            assert_eq!(takes_files, expected, "{}", it.name);
            assert!(takes_files == 0 || it.args.last() == Some(&"{files}"), "{}", it.name);
            let mends_files = it.fix.map(|fix| fix.iter().filter(|arg| **arg == "{files}").count());
            assert!(mends_files.is_none_or(|count| count == expected), "{}", it.name);
        }
    }

    #[test]
    fn each_says_how_it_is_got_and_what_it_does() {
        for it in ADAPTERS {
            assert!(!it.install.is_empty() && !it.about.is_empty(), "{}", it.name);
            assert!(!it.files.is_empty() && !it.programs.is_empty(), "{}", it.name);
            assert!(it.exits.contains(&0), "{}", it.name);
            assert!(it.rules.is_none_or(|url| url.starts_with("https://")), "{}", it.name);
            let has_config = !it.configs.is_empty() || !it.shared.is_empty();
            let is_by_config = matches!(it.wanted, Wanted::ByConfig | Wanted::ByConfigWhereItRuns);
            assert!(!is_by_config || has_config, "{}", it.name);
            if let Unit::Project(marker) = it.unit {
                assert!(it.files.contains(&marker), "{}", it.name);
            }
        }
    }

    /// A file that it shares with others configures it only where it has its part.
    #[test]
    fn a_configuration_is_its_own_or_shared_and_not_both() {
        for it in ADAPTERS {
            let is_own = |(name, _): &(&str, &str)| it.configs.contains(name);
            assert!(!it.shared.iter().any(is_own), "{}", it.name);
        }
    }

    #[test]
    fn none_takes_silence_or_half_an_output_for_a_result() {
        for it in ADAPTERS {
            let exit = it.exits.iter().copied().find(|exit| *exit != 0).unwrap_or(2);
            for half in ["", "{\"a\": [", "<?xml version=\"1.0\"?><check"] {
                // A list of names, which any text is.
                if it.name == "prettier" && !half.is_empty() {
                    continue;
                }
                let read = (it.parse)(&printed(exit, half, "error: no configuration"));
                assert!(read.is_err(), "{} took `{half}`: {read:?}", it.name);
            }
        }
    }

    /// A row of the table in the README.
    fn row(it: &Adapter) -> String {
        let when = match it.wanted {
            Wanted::ByFiles => "there are files for it".to_owned(),
            Wanted::ByConfig | Wanted::ByConfigWhereItRuns => {
                "its configuration is there".to_owned()
            }
            Wanted::ByContent(marks) => format!("a file holds `{}`", marks[0].trim()),
        };
        let mends = if it.fix.is_some() { "yes" } else { "" };
        format!("| `{}` | {} | {when} | {mends} | {} |\n", it.name, it.about, it.install)
    }

    #[test]
    fn each_stands_in_the_readme() {
        let readme = include_str!("../README.md");
        let table: String = ADAPTERS.iter().map(row).collect();
        assert!(readme.contains(&table), "the table has to be:\n{table}");
    }

    #[test]
    fn the_sentence_of_a_program_is_that_which_speaks_of_an_error() {
        let said = |stderr| printed(2, "{}", stderr).sentence().unwrap();
        // eslint 10.15.0
        let oops = "\nOops! Something went wrong! :(\n\nESLint: 10.15.0\n\nTypeError: Key \"rules\": Key \
                    \"nope\": Could not find \"nope\" in plugin \"@\".\n    at throwRuleNotFoundError \
                    (/node_modules/eslint/lib/config/config.js:119:16)\n";
        let sentence =
            "TypeError: Key \"rules\": Key \"nope\": Could not find \"nope\" in plugin \"@\".";
        assert_eq!(said(oops), sentence);
        // sqlfluff 4.5.0
        let traceback = "Traceback (most recent call last):\n  File \"sqlfluff\", line 8, in <module>\n    \
                         raise KeyError(\"Unknown dialect\")\nKeyError: 'Unknown dialect'\n";
        assert_eq!(said(traceback), "KeyError: 'Unknown dialect'");
        // ruff 0.17.6
        let causes = "ruff failed\n  Cause: Failed to parse ruff.toml\n\nunknown field `foo`\n";
        assert_eq!(
            said(causes),
            "ruff failed\n  Cause: Failed to parse ruff.toml\nunknown field `foo`"
        );
        assert_eq!(said("\u{1b}[31mall is \u{1b}[1mlost\u{1b}[0m\n"), "all is lost");
    }

    #[test]
    fn a_place_is_read_from_the_beginning_of_a_line() {
        assert_eq!(place("a b.go:2:12: no"), Some(("a b.go", 2, Some(12), "no")));
        assert_eq!(place("a.md:5 MD012 no"), Some(("a.md", 5, None, "MD012 no")));
        assert_eq!(place("a:b.md:5: no"), Some(("a:b.md", 5, None, "no")));
        assert_eq!(place("note: 5 things"), None);
    }
}
