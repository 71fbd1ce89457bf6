//! Measures what users feel: how large a step is, how quickly it starts, how long the demo takes; and
//! a step beside its peers.

mod aws;
mod comparison;
mod deploy_fargate;
mod description;
mod gen_openapi;
mod lint_check;
mod measure;
mod migrate_db;
mod upload_lambda;

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::table::table;
use crate::workspace::{Programs, Workspace};

pub use comparison::Comparison;

/// The exit code when something is larger or slower than its budget.
pub const OVER_BUDGET: u8 = 3;

/// A megabyte is 1 000 000 bytes.
const SIZE_BUDGET: f64 = 12.0;
const START_BUDGET: f64 = 10.0;
const DEMO_BUDGET: f64 = 60.0;
const STARTS: usize = 20;

/// Prints size and start time of each step; true when all are within their budgets.
///
/// # Errors
/// A step is not built, or does not start.
pub fn programs(
    workspace: &Workspace,
    programs: &Programs,
    out: &mut impl Write,
) -> anyhow::Result<bool> {
    let names: Vec<&str> = workspace.steps().map(|step| step.name.as_str()).collect();
    let missing: Vec<&str> =
        names.iter().copied().filter(|name| programs.find(name).is_none()).collect();
    if !missing.is_empty() {
        bail!("there is no release build of {}: run `make build`", missing.join(", "));
    }
    let mut sizes = Vec::new();
    let mut starts = Vec::new();
    for name in names {
        sizes.push((name, megabytes(programs, name)?));
        starts.push((name, start_time(programs, name)?));
    }
    let (text, small) = compared("size, MB", &sizes, SIZE_BUDGET);
    writeln!(out, "{text}")?;
    let (text, quick) =
        compared(&format!("--version, ms, median of {STARTS}"), &starts, START_BUDGET);
    writeln!(out, "{text}")?;
    Ok(small && quick)
}

/// Prints how long a second `make demo` takes, if the testbed runs; true when it is within its
/// budget or not measured.
///
/// # Errors
/// The demo fails.
pub fn demo(workspace: &Workspace, testbed: &Path, out: &mut impl Write) -> anyhow::Result<bool> {
    if !answers(testbed) {
        writeln!(out, "the warm demo was not measured: run `make up` before")?;
        return Ok(true);
    }
    run_demo(workspace)?;
    let start = Instant::now();
    run_demo(workspace)?;
    let (text, quick) =
        compared("warm, s", &[("make demo", start.elapsed().as_secs_f64())], DEMO_BUDGET);
    writeln!(out, "{text}")?;
    Ok(quick)
}

/// Compares a step with other programs that do the same.
///
/// # Errors
/// There is no comparison of this step, something that it needs is missing, or a program fails.
pub fn beside_peers(
    step: &str,
    programs: &Programs,
    testbed: &Path,
) -> anyhow::Result<Vec<Comparison>> {
    match PEERS.iter().find(|(name, _)| *name == step) {
        Some((_, compare)) => compare(programs, testbed),
        None => {
            let names: Vec<&str> = PEERS.iter().map(|(name, _)| *name).collect();
            bail!("{step} is not compared with others; those that are: {}", names.join(", "))
        }
    }
}

/// Writes the descriptions that `gen-openapi` is measured with.
///
/// # Errors
/// The folder cannot be written to.
pub fn descriptions(folder: &Path) -> anyhow::Result<()> {
    gen_openapi::write_descriptions(folder)
}

/// Measures a step of the release profile and its peers, with what the testbed has.
type Compare = fn(&Programs, &Path) -> anyhow::Result<Vec<Comparison>>;

/// The steps that have a comparison.
const PEERS: [(&str, Compare); 5] = [
    ("deploy-fargate", deploy_fargate::compare),
    ("gen-openapi", gen_openapi::compare),
    ("lint-check", lint_check::compare),
    ("migrate-db", migrate_db::compare),
    ("upload-lambda", upload_lambda::compare),
];

/// A table of what was measured, and whether all of it is within the budget.
fn compared(what: &str, measured: &[(&str, f64)], budget: f64) -> (String, bool) {
    let mut rows = vec![vec![what.to_owned(), String::new(), String::new(), "budget".to_owned()]];
    for (name, value) in measured {
        let verdict = if *value > budget { "OVER" } else { "" };
        let (value, budget) = (format!("{value:.1}"), format!("{budget:.0}"));
        rows.push(vec![(*name).to_owned(), verdict.to_owned(), value, budget]);
    }
    (table(&rows), measured.iter().all(|(_, value)| *value <= budget))
}

fn megabytes(programs: &Programs, step: &str) -> anyhow::Result<f64> {
    let path = programs.find(step).context("it was there a moment ago")?;
    let bytes = u32::try_from(path.metadata()?.len()).context("more than 4 GB")?;
    Ok(f64::from(bytes) / 1e6)
}

fn start_time(programs: &Programs, step: &str) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let mut command = programs.command(step)?;
        command.arg("--version").stdout(Stdio::null());
        let start = Instant::now();
        let status = command.status().with_context(|| format!("start {step}"))?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        if !status.success() {
            bail!("{step} --version: {status}");
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Whether the local AWS of the testbed answers at the address that its `env` names.
fn answers(testbed: &Path) -> bool {
    let connect = || -> Option<TcpStream> {
        let env = std::fs::read_to_string(testbed.join("env")).ok()?;
        let url = env.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL="))?;
        let host = url.trim_start_matches("http://").trim_end_matches('/');
        let address = host.to_socket_addrs().ok()?.next()?;
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()
    };
    connect().is_some()
}

fn run_demo(workspace: &Workspace) -> anyhow::Result<()> {
    let mut make = Command::new("make");
    let output = make.arg("demo").current_dir(workspace.root()).output().context("start make")?;
    if output.status.success() {
        return Ok(());
    }
    bail!(
        "make demo failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_its_budget_is_marked() {
        let (text, within) = compared("size, MB", &[("a", 9.96), ("bb", 12.1)], 12.0);
        assert_eq!(
            text,
            "size, MB              budget\na               10.0      12\nbb        OVER  12.1      12\n"
        );
        assert!(!within);
        assert!(compared("size, MB", &[("a", 12.0)], 12.0).1);
    }

    #[test]
    fn a_testbed_that_does_not_answer_is_told_from_one_that_does() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!answers(folder.path()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("AWS_ENDPOINT_URL=http://{}\n", listener.local_addr().unwrap());
        std::fs::write(folder.path().join("env"), url).unwrap();
        assert!(answers(folder.path()));
    }
}
