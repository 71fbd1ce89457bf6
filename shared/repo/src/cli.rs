//! The command line of `repo`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bench::Comparison;
use crate::workspace::{Programs, Workspace};
use crate::{bench, docs, generate, new_step, summary};

/// The repository's own tools.
#[derive(Debug, Parser)]
#[command(name = "repo", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// The root of the repository
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    root: PathBuf,

    /// Folder of the built steps [default: where this program lies]
    #[arg(long, value_name = "DIR", global = true)]
    programs: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what became of each step, from the reports that they left
    ///
    /// Ends with the first exit code of a step that is not 0, with 1 when a step did not run.
    Summary {
        /// Folder of the reports, one STEP.json each
        folder: PathBuf,
        /// The steps, in the order in which they run
        #[arg(required = true)]
        steps: Vec<String>,
    },
    /// Write what is generated: usage in the READMEs, the JSON Schema of landfall.toml
    Gen {
        /// Write nothing: list what is stale and end with 1 if something is
        #[arg(long)]
        check: bool,
    },
    /// Write manual pages and completions of all steps
    Docs {
        /// Where to: DIR/man/man1 and DIR/completions/{bash,zsh,fish}
        folder: PathBuf,
    },
    /// Write a new step that runs
    NewStep {
        /// Its name, lower-case words with hyphens: a verb and what it acts on
        name: String,
        /// What it does, as a sentence without its full stop
        #[arg(long, value_name = "TEXT")]
        describe: Option<String>,
    },
    /// Measure size and start of the release binaries, and the warm demo; or a step beside its peers
    ///
    /// Ends with 3 when a budget is exceeded.
    Bench {
        /// Leave out the demo
        #[arg(long)]
        no_demo: bool,
        /// Compare this step with other programs that do the same, and measure nothing else
        #[arg(long, value_name = "NAME")]
        step: Option<String>,
        /// Print the comparison as JSON
        #[arg(long, requires = "step")]
        json: bool,
        /// Folder of the testbed [default: .testbed]
        #[arg(long, env = "LANDFALL_TESTBED", value_name = "DIR")]
        testbed: Option<PathBuf>,
    },
    /// Write the descriptions that `bench --step gen-openapi` measures with
    #[command(hide = true)]
    BenchDescriptions {
        /// Where to
        folder: PathBuf,
    },
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut out = std::io::stdout().lock();
    match cli.run(&mut out) {
        Ok(code) => ExitCode::from(code),
        Err(err) => {
            let _gone = writeln!(std::io::stderr(), "error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    fn run(self, out: &mut impl Write) -> anyhow::Result<u8> {
        match self.command {
            Command::Summary { folder, steps } => {
                let summary = summary::Summary::read(&folder, &steps)?;
                write!(out, "{summary}")?;
                Ok(summary.exit_code())
            }
            Command::Gen { check } => {
                let workspace = Workspace::load(&self.root)?;
                let stale = generate::stale(&workspace, &Programs::open(self.programs)?)?;
                for file in &stale {
                    let state = if check { "stale" } else { "written" };
                    writeln!(out, "{state}: {}", file.path.display())?;
                }
                if check {
                    return Ok(u8::from(!stale.is_empty()));
                }
                generate::write(&workspace, &stale)?;
                Ok(0)
            }
            Command::Docs { folder } => {
                let workspace = Workspace::load(&self.root)?;
                docs::write(&workspace, &Programs::open(self.programs)?, &folder)?;
                Ok(0)
            }
            Command::NewStep { name, describe } => {
                let step = new_step::NewStep::plan(&self.root, &name, describe.as_deref())?;
                step.write()?;
                write!(out, "{step}")?;
                Ok(0)
            }
            Command::BenchDescriptions { folder } => {
                bench::descriptions(&folder)?;
                Ok(0)
            }
            Command::Bench { no_demo, step, json, testbed } => {
                let workspace = Workspace::load(&self.root)?;
                let release = self
                    .programs
                    .map_or_else(Programs::release, |folder| Programs::open(Some(folder)))?;
                let testbed = testbed.unwrap_or_else(|| workspace.root().join(".testbed"));
                if let Some(step) = step {
                    let comparisons = bench::beside_peers(&step, &release, &testbed)?;
                    if json {
                        let all: Vec<_> = comparisons.iter().map(Comparison::json).collect();
                        serde_json::to_writer_pretty(&mut *out, &all)?;
                        writeln!(out)?;
                    } else {
                        let all: Vec<_> = comparisons.iter().map(Comparison::table).collect();
                        write!(out, "{}", all.join("\n"))?;
                    }
                    let within = comparisons.iter().all(Comparison::is_within);
                    return Ok(if within { 0 } else { bench::OVER_BUDGET });
                }
                let mut within = bench::programs(&workspace, &release, out)?;
                if !no_demo {
                    within &= bench::demo(&workspace, &testbed, out)?;
                }
                Ok(if within { 0 } else { bench::OVER_BUDGET })
            }
        }
    }
}
