//! The command line, and what it means together with landfall.toml.

use std::fmt::Display;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, FromArgMatches};
use findings::Reports;
use landfall_toml::{Config, LintCheck, Needs};
use step_core::{Common, Fail};

/// Find the linters that a repository needs, and run them on what changed.
///
/// Looks at the files and the configuration that are there, runs the linters for them side by side, and
/// makes one report of what they found. In a merge request only files that it changes are checked;
/// elsewhere all of them. Results are kept: what has not changed is not looked at again.
#[derive(Debug, clap::Parser)]
#[command(name = "lint-check", version, after_long_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Check only files at or below these paths
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) scope: ScopeOptions,

    /// Run only these linters
    #[arg(long, value_name = "LINTER", value_delimiter = ',')]
    pub(crate) only: Vec<String>,

    /// Leave these linters out
    #[arg(long, value_name = "LINTER", value_delimiter = ',')]
    pub(crate) skip: Vec<String>,

    /// Tell only what is on lines that are new since a commit, or since the target of the merge request
    #[arg(long, value_name = "REF", num_args = 0..=1, require_equals = true,
          default_missing_value = "")]
    pub(crate) new_from: Option<String>,

    /// File of findings that are accepted [landfall.toml: lint-check.baseline] [default:
    /// .lint-baseline.json, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,

    /// Accept all that is found: write it to the baseline
    #[arg(long)]
    pub(crate) write_baseline: bool,

    /// Let the linters mend what they can
    #[arg(long)]
    pub(crate) fix: bool,

    /// Mend also files that have changes which are not committed
    #[arg(long, requires = "fix")]
    pub(crate) allow_dirty: bool,

    /// How many linters run at once [default: the number of processors]
    #[arg(long, short, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,

    /// Look at everything anew
    #[arg(long)]
    pub(crate) no_cache: bool,

    #[command(flatten)]
    pub(crate) reports: Reports,

    /// Also write what was found as Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) search_path: SearchPath,

    #[command(flatten)]
    pub(crate) common: Common,
}

/// What landfall.toml says.
#[derive(Debug)]
pub(crate) struct Settings {
    lint_check: LintCheck,
    config: Config,
    common: Common,
}

impl Settings {
    /// Reads landfall.toml.
    ///
    /// # Errors
    /// Exit 2: it is wrong, or knows no such environment.
    pub(crate) fn load(common: Common) -> anyhow::Result<Self> {
        let config = Config::load(&common)?;
        let lint_check = config.environment(&common, Needs::Nothing)?.lint_check;
        Ok(Self { lint_check, config, common })
    }

    /// Those of a file that is not there, for tests.
    #[cfg(test)]
    pub(crate) fn of(lint_check: LintCheck) -> Self {
        let args = <Args as clap::Parser>::parse_from(["lint-check"]);
        Self { lint_check, config: Config::default(), common: args.common }
    }

    /// An error about a setting, with where it stands.
    pub(crate) fn wrong(&self, keys: &[&str], message: impl Display) -> Fail {
        let place = self.config.place(&self.common, &[&["lint-check"], keys].concat());
        Fail::invalid(format!("{place}: {message}"))
    }
}

impl std::ops::Deref for Settings {
    type Target = LintCheck;

    fn deref(&self) -> &LintCheck {
        &self.lint_check
    }
}

/// Whether the command line makes sense.
///
/// # Errors
/// Exit 2: it does not.
pub(crate) fn check(args: &Args) -> Result<(), Fail> {
    if args.fix && args.common.dry_run {
        // They mend the files themselves, and do not say beforehand what they would write.
        return Err(Fail::invalid("what linters would mend is not known before they have")
            .help("leave out --fix to see what is found, or --dry-run to have it mended"));
    }
    Ok(())
}

/// Which files are checked. A flag counts for more than a variable; two flags are an error.
#[derive(Debug, Clone)]
pub(crate) struct ScopeOptions(ScopeArgs);

/// Which files are checked, as clap reads it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ScopeArgs {
    /// Check all files, also in a merge request
    #[arg(long, conflicts_with = "staged")]
    pub(crate) all: bool,

    /// Check the files that are staged for the next commit
    #[arg(long)]
    pub(crate) staged: bool,

    /// Check the files that differ from where this branch left another [default in a merge request: its
    /// target]
    #[arg(long, env = "LANDFALL_CHECK_AGAINST", value_name = "REF")]
    pub(crate) against: Option<String>,
}

impl std::ops::Deref for ScopeOptions {
    type Target = ScopeArgs;

    fn deref(&self) -> &ScopeArgs {
        &self.0
    }
}

impl clap::Args for ScopeOptions {
    fn augment_args(command: clap::Command) -> clap::Command {
        ScopeArgs::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        ScopeArgs::augment_args_for_update(command)
    }
}

impl FromArgMatches for ScopeOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut args = ScopeArgs::from_arg_matches(matches)?;
        if args.all || args.staged {
            // clap takes a variable for a flag where arguments exclude each other.
            if matches.value_source("against") == Some(ValueSource::CommandLine) {
                let message = "--against cannot be used together with --all or --staged\n";
                return Err(clap::Error::raw(ErrorKind::ArgumentConflict, message));
            }
            args.against = None;
        }
        Ok(Self(args))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What to do besides checking.
#[derive(Debug, Clone, clap::Subcommand)]
pub(crate) enum Command {
    /// Say which linters run here and why, and which do not
    List,
    /// Say what a rule is about: LINTER/RULE, as it stands in findings
    Explain {
        /// For example shellcheck/SC2086
        rule: String,
    },
    /// Check what is staged before each commit
    Hook {
        /// Whether the hook is to be there
        #[arg(value_enum)]
        action: HookAction,
    },
}

/// What becomes of the hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum HookAction {
    /// Write it; a hook of another kind is left alone
    Install,
    /// Remove it, if it is the one that was installed
    Uninstall,
}

const EXAMPLES: &str = "\
Examples:
  lint-check                       what changed in this merge request, or else everything
  lint-check --all                 everything
  lint-check --staged              what the next commit changes
  lint-check --fix src             mend what can be mended below src
  lint-check --new-from            only what is on new lines
  lint-check list                  which linters run here, and why
  lint-check explain ruff/F401     what a rule is about
  lint-check hook install          check before each commit";

/// Where programs are looked for: the variable `PATH`. It is no flag, for nobody would want one.
#[derive(Debug, Clone, Default)]
pub(crate) struct SearchPath(pub(crate) Vec<PathBuf>);

impl clap::Args for SearchPath {
    fn augment_args(command: clap::Command) -> clap::Command {
        let value = clap::builder::OsStringValueParser::new();
        let path = Arg::new("path").long("path").env("PATH").hide(true).hide_env_values(true);
        command.arg(path.value_parser(value))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SearchPath {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let path = matches.get_one::<std::ffi::OsString>("path");
        Ok(Self(path.map(|it| std::env::split_paths(it).collect()).unwrap_or_default()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
