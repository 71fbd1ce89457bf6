//! `gen-openapi` beside redocly and spectral: lint, bundle and pages of descriptions of 2 MB (YAML) and
//! 8 MB (JSON); and alone what a pipeline does with 10 MB: merge, validate, diff.
//!
//! The descriptions are made up from a seed: see [`super::description`]. Each linter has the rules that
//! its makers recommend for OpenAPI, and lets pass what is not an error; each prints what it prints by
//! default, into a file. Runs alternate between the programs, and each round begins with another. That a
//! description or a page was written is looked at after each run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::comparison::{Comparison, Goal, in_turns};
use super::description::{changed, description, yaml};
use super::measure::{Sample, least_memory, sample};
use crate::workspace::Programs;

const ROUNDS: usize = 5;
/// spectral takes half a minute for each.
const ROUNDS_OF_LINT: usize = 3;

/// The part of the best peer's time that it may take.
const TIME_BUDGET: f64 = 0.1;
/// The part of the least memory of a peer that it may hold.
const MEMORY_BUDGET: f64 = 0.3;
/// In milliseconds, for merge, validate and diff together.
const PIPELINE_BUDGET: f64 = 1000.0;
/// In megabytes, for each of them.
const PIPELINE_MEMORY: f64 = 200.0;

/// Measures all of them; needs what `up bench gen-openapi` made.
pub(super) fn compare(programs: &Programs, testbed: &Path) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("gen-openapi").context(
        "there is no release build of gen-openapi: run `cargo build --release -p gen-openapi`",
    )?;
    let bin = testbed.join("peers-openapi/node_modules/.bin");
    let all = All {
        ours: Contender::new(ours)?,
        redocly: Contender::new(bin.join("redocly"))?,
        spectral: Contender::new(bin.join("spectral"))?,
    };
    let scratch = tempfile::tempdir_in(testbed).context("make a scratch folder in the testbed")?;
    let folder = scratch.path();
    // In a process of its own: what this one ever held would count as theirs, see `least_memory`.
    let mut write = Command::new(std::env::current_exe()?);
    let written = write.arg("bench-descriptions").arg(folder).status()?;
    if !written.success() {
        bail!("the descriptions were not written: {written}");
    }
    Ok(vec![
        lint(&all, folder, SMALL)?,
        lint(&all, folder, LARGE)?,
        bundle(&all, folder, SMALL, "bundled.yaml")?,
        bundle(&all, folder, LARGE, "bundled.json")?,
        page(&all, folder, SMALL)?,
        pipeline(&all.ours, folder)?,
    ])
}

/// Of 2 MB.
const SMALL: &str = "small.yaml";
/// Of 8 MB.
const LARGE: &str = "large.json";

/// Writes the descriptions that are measured with, and what the programs want beside them.
pub(super) fn write_descriptions(folder: &Path) -> anyhow::Result<()> {
    std::fs::write(folder.join(RULES), "extends: [\"spectral:oas\"]\n")?;
    // As JSON it is larger than as YAML.
    std::fs::write(folder.join(SMALL), yaml(&description(2_700_000, 0)))?;
    write_json(&folder.join(LARGE), &description(8_000_000, 0))?;
    let (first, second) = (description(5_000_000, 0), description(5_000_000, 100_000));
    write_json(&folder.join("first.json"), &changed(&first))?;
    write_json(&folder.join("second.json"), &second)?;
    write_json(&folder.join("base.json"), &together(first, second))?;
    Ok(())
}

/// The programs.
struct All {
    ours: Contender,
    redocly: Contender,
    spectral: Contender,
}

/// The ruleset of spectral.
const RULES: &str = "spectral.yaml";

fn lint(all: &All, folder: &Path, file: &str) -> anyhow::Result<Comparison> {
    let runs = [
        Run::new(&all.ours, &["lint", file, "--fail-on", "blocker"]),
        Run::new(&all.redocly, &["lint", file, "--extends=recommended"]),
        Run::new(&all.spectral, &["lint", file, "--ruleset", RULES]),
    ];
    beside(&format!("lint of {file}"), folder, &runs, ROUNDS_OF_LINT)
}

fn bundle(all: &All, folder: &Path, file: &str, to: &str) -> anyhow::Result<Comparison> {
    let runs = [
        // A bundle of redocly is not validated either.
        Run::new(&all.ours, &["--no-validate", "--from", file, "--to", to]).writes(to),
        Run::new(&all.redocly, &["bundle", file, "--output", to]).writes(to),
    ];
    beside(&format!("bundle of {file}"), folder, &runs, ROUNDS)
}

fn page(all: &All, folder: &Path, file: &str) -> anyhow::Result<Comparison> {
    let to = "page.html";
    let runs = [
        Run::new(&all.ours, &["docs", file, "--to", to]).writes(to),
        Run::new(&all.redocly, &["build-docs", file, "--output", to]).writes(to),
    ];
    beside(&format!("page of {file}"), folder, &runs, ROUNDS)
}

/// Two descriptions of 5 MB become one, which is checked and compared with what it was.
fn pipeline(ours: &Contender, folder: &Path) -> anyhow::Result<Comparison> {
    std::fs::write(
        folder.join("landfall.toml"),
        "[defaults.gen-openapi.sources.first]\nfile = \"first.json\"\n\
         [defaults.gen-openapi.sources.second]\nfile = \"second.json\"\n",
    )?;
    let runs = [
        Run::new(ours, &["--to", "merged.json"]).writes("merged.json"),
        Run::new(ours, &["validate", "merged.json"]),
        Run::new(ours, &["diff", "merged.json", "--base", "base.json", "--markdown", "diff.md"])
            .writes("diff.md"),
    ];
    let run = |_| {
        let samples =
            runs.iter().map(|run| run.sample(folder)).collect::<anyhow::Result<Vec<_>>>()?;
        let seconds = samples.iter().map(|one| one.seconds).sum();
        let megabytes = samples.iter().map(|one| one.megabytes).fold(0.0, f64::max);
        Ok(Sample { seconds, megabytes, code: 0, calls: None })
    };
    let what = "merge, validate and diff of 10 MB".to_owned();
    let mut measured = in_turns(&what, std::slice::from_ref(&ours.name), ROUNDS, run)?;
    std::fs::remove_file(folder.join("landfall.toml"))?;
    Ok(Comparison {
        what,
        goal: Goal::Milliseconds(PIPELINE_BUDGET),
        memory: PIPELINE_MEMORY,
        least_memory: least_memory()?,
        ours: measured.pop().context("no run")?,
        peers: Vec::new(),
    })
}

/// Runs them in turns; the first is ours.
fn beside(
    what: &str,
    folder: &Path,
    runs: &[Run<'_>],
    rounds: usize,
) -> anyhow::Result<Comparison> {
    let names: Vec<String> = runs.iter().map(|run| run.contender.name.clone()).collect();
    let measured = in_turns(what, &names, rounds, |at| runs[at].sample(folder))?;
    let mut measured = measured.into_iter();
    let ours = measured.next().context("no contender")?;
    let peers: Vec<_> = measured.collect();
    let least = peers.iter().map(super::comparison::Measured::peak).fold(f64::INFINITY, f64::min);
    Ok(Comparison {
        what: what.to_owned(),
        goal: Goal::OfBestPeer(TIME_BUDGET),
        memory: least * MEMORY_BUDGET,
        least_memory: least_memory()?,
        ours,
        peers,
    })
}

/// The paths, schemas and tags of both.
fn together(mut first: Value, mut second: Value) -> Value {
    for pointer in ["/paths", "/components/schemas"] {
        let more = second.pointer_mut(pointer).map(Value::take);
        let all = first.pointer_mut(pointer).and_then(Value::as_object_mut);
        if let (Some(all), Some(Value::Object(more))) = (all, more) {
            all.extend(more);
        }
    }
    let more = second["tags"].take();
    if let (Some(all), Value::Array(more)) = (first["tags"].as_array_mut(), more) {
        all.extend(more);
    }
    first
}

fn write_json(path: &Path, value: &Value) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(value)?;
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// A program that works on descriptions.
struct Contender {
    /// With its version, as it says it.
    name: String,
    program: PathBuf,
}

impl Contender {
    fn new(program: PathBuf) -> anyhow::Result<Self> {
        let asked = Command::new(&program).arg("--version").output();
        let asked = asked.with_context(|| {
            format!("{} does not start: run `make bench STEP=gen-openapi`", program.display())
        })?;
        let said = String::from_utf8_lossy(&asked.stdout);
        let version = said.split_whitespace().last().unwrap_or_default();
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        Ok(Self { name: format!("{name} {version}"), program })
    }
}

/// A command line of one of them.
struct Run<'a> {
    contender: &'a Contender,
    args: Vec<&'a str>,
    writes: Option<&'a str>,
}

impl<'a> Run<'a> {
    fn new(contender: &'a Contender, args: &[&'a str]) -> Self {
        Self { contender, args: args.to_vec(), writes: None }
    }

    fn writes(mut self, file: &'a str) -> Self {
        self.writes = Some(file);
        self
    }

    fn sample(&self, folder: &Path) -> anyhow::Result<Sample> {
        let output = self.writes.map(|file| folder.join(file));
        if let Some(output) = output.as_deref().filter(|it| it.exists()) {
            std::fs::remove_file(output)?;
        }
        let mut command = Command::new(&self.contender.program);
        // Nothing is asked of, or told to, anybody else.
        command.args(&self.args).current_dir(folder).env("HOME", folder);
        command.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
        let taken = sample(&mut command, &folder.join("log"));
        let taken =
            taken.with_context(|| format!("{} {}", self.contender.name, self.args.join(" ")))?;
        let is_written = |path: &PathBuf| path.metadata().is_ok_and(|it| it.len() > 0);
        if !output.as_ref().is_none_or(is_written) {
            bail!("{} did not write {}", self.contender.name, self.writes.unwrap_or_default());
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_descriptions_become_one_with_all_paths_and_schemas() {
        let (first, second) = (description(20_000, 0), description(20_000, 500));
        let count = |value: &Value, pointer: &str| {
            value.pointer(pointer).and_then(Value::as_object).map_or(0, serde_json::Map::len)
        };
        let all = together(first.clone(), second.clone());
        let of = |pointer| (count(&first, pointer), count(&second, pointer), count(&all, pointer));
        let (a, b, both) = of("/paths");
        assert!(a > 0 && b > 0 && both == a + b, "{a} {b} {both}");
        // `Problem` is one.
        let (a, b, both) = of("/components/schemas");
        assert!(both == a + b - 1, "{a} {b} {both}");
    }
}
