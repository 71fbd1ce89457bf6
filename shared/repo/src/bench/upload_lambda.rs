//! `upload-lambda package` beside Info-ZIP's zip and Python's zipfile: about 200 MB of what functions are made
//! of, a third each of code as text, of programs, and of files that are compressed already.
//!
//! The files are those of the testbed's linters: Python packages and two large programs; what is compressed
//! is what Python compiles the packages to, by gzip. Runs alternate between the programs, and each round begins with
//! another. All deflate at level 6. How large the zips are is printed, and ours has to be near to zip's.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use step_testkit::fresh_account;

use super::aws::{counted, on_aws, version};
use super::comparison::{Comparison, Goal, in_turns};
use super::measure::{Sample, sample};
use crate::workspace::Programs;

const ROUNDS: usize = 5;

/// The part of the quickest peer's time that a package may take, on two processors.
const TIME_BUDGET: f64 = 0.4;
/// In megabytes.
const MEMORY_BUDGET: f64 = 150.0;
/// Ours as a part of what zip makes.
const SIZE_BUDGET: f64 = 1.03;

/// Measures packing; needs what `up bench upload-lambda` installed.
pub(super) fn compare(programs: &Programs, testbed: &Path) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("upload-lambda").context(
        "there is no release build of upload-lambda: run `cargo build --release -p upload-lambda`",
    )?;
    let scratch = tempfile::tempdir_in(testbed).context("make a scratch folder in the testbed")?;
    let folder = scratch.path().join("function");
    let megabytes = fill(&folder, &testbed.join("linters/venv"))?;
    let contenders = Contender::all(ours, scratch.path(), &folder)?;

    let what = format!("package {megabytes:.0} MB of mixed files");
    let names: Vec<String> = contenders.iter().map(|one| one.name.clone()).collect();
    for one in &contenders {
        // Once before, for files that are not in memory.
        one.run()?;
    }
    compare_sizes(&contenders)?;
    let measured = in_turns(&what, &names, ROUNDS, |at| contenders[at].run())?;
    let goal = Goal::OfBestPeer(TIME_BUDGET);
    let mut comparisons = vec![Comparison::of_first(&what, goal, MEMORY_BUDGET, measured)?];
    comparisons.extend(compare_deliveries(programs, testbed, scratch.path())?);
    Ok(comparisons)
}

/// Delivers a small program beside the AWS CLI and cargo-lambda: new code, and code that is there already. The
/// CLI does what its documentation shows, with its waiters; it and cargo-lambda upload whatever they are given.
fn compare_deliveries(
    programs: &Programs,
    testbed: &Path,
    scratch: &Path,
) -> anyhow::Result<Vec<Comparison>> {
    let ours = programs.find("upload-lambda").context("it was there a moment ago")?;
    let peer = |name: &str| testbed.join("peers-aws/bin").join(name);
    let (aws, cargo_lambda) = (peer("aws"), peer("cargo-lambda"));
    let folder = scratch.join("deliveries");
    fs::create_dir_all(folder.join("code"))?;
    for (name, text) in [
        ("landfall.toml", SETTINGS),
        ("deliver.sh", CLI),
        // Without a manifest cargo-lambda does not start.
        ("Cargo.toml", "[package]\nname = \"bench\"\n[lib]\npath = \"Cargo.toml\"\n"),
    ] {
        fs::write(folder.join(name), text)?;
    }
    // What stands behind the end of a program does not matter to it, and is other code to AWS.
    let program = fs::read("/bin/true").context("read a small program")?;
    let write = |text: &str| {
        let code = [program.as_slice(), text.as_bytes()].concat();
        fs::write(folder.join("code/bootstrap"), code).context("write the function's code")
    };
    let by_us = |account: &str| {
        let mut command = on_aws(&ours, account);
        command.args(["deploy", "--env", "dev"]);
        command
    };
    let by_cli = |account: &str| {
        let mut command = on_aws(Path::new("sh"), account);
        command.arg("deliver.sh").arg(&aws);
        command
    };
    let by_cargo_lambda = |account: &str| {
        let mut command = on_aws(&cargo_lambda, account);
        let args = "lambda deploy --binary-path code/bootstrap --alias live bench";
        command.args(args.split(' '));
        command
    };
    let run = |mut command: Command| {
        command.current_dir(&folder);
        counted(command, &folder.join("log"), &[0])
    };
    // Each has a function of its own: what one uploads is other code to the other.
    let accounts = [fresh_account(), fresh_account(), fresh_account()];
    let deliver = |at: usize| {
        let account = &accounts[at];
        run(match at {
            0 => by_us(account),
            1 => by_cli(account),
            _ => by_cargo_lambda(account),
        })
    };
    let names = [
        version(&ours)?,
        version(&aws)?.split_whitespace().next().unwrap_or_default().to_owned(),
        "cargo-lambda".to_owned(),
    ];
    // Ours makes all functions.
    write("first")?;
    for account in &accounts {
        run(by_us(account))?;
    }
    let turn = std::cell::Cell::new(0);
    let new = in_turns("deliver new code", &names, ROUNDS, |at| {
        turn.set(turn.get() + 1);
        write(&turn.get().to_string())?;
        deliver(at)
    })?;
    let same = in_turns("deliver the code that is there", &names, ROUNDS, deliver)?;
    let compared = |what: &str, measured| {
        Comparison::of_first(what, Goal::OfBestPeer(1.0), MEMORY_BUDGET, measured)
    };
    Ok(vec![compared("new code", new)?, compared("code that is there", same)?])
}

const SETTINGS: &str = "\
[service]
name = \"bench\"
[env.dev.upload-lambda]
functions.bench = { source = \"code/bootstrap\", alias = \"live\", create = true, configuration = { runtime = \"provided.al2023\", handler = \"bootstrap\", role = \"arn:aws:iam::111111111111:role/bench\" } }
";

/// As the developer guide of Lambda delivers with the AWS CLI.
const CLI: &str = r#"set -e
aws=$1
rm -f code.zip && (cd code && zip -qr ../code.zip .)
"$aws" lambda update-function-code --function-name bench --zip-file fileb://code.zip >/dev/null
"$aws" lambda wait function-updated-v2 --function-name bench
version=$("$aws" lambda publish-version --function-name bench --query Version --output text)
"$aws" lambda update-alias --function-name bench --name live --function-version "$version" >/dev/null
"#;

/// A program that makes a zip.
struct Contender {
    name: String,
    program: PathBuf,
    args: Vec<PathBuf>,
    folder: PathBuf,
    zip: PathBuf,
}

impl Contender {
    fn all(ours: PathBuf, scratch: &Path, folder: &Path) -> anyhow::Result<[Self; 3]> {
        let zip = |name: &str| scratch.join(format!("{name}.zip"));
        let of = |name: String, program: PathBuf, zip: &Path, args: &[&Path]| Self {
            name,
            program,
            args: args.iter().map(|it| (*it).to_owned()).collect(),
            folder: folder.to_owned(),
            zip: zip.to_owned(),
        };
        let (our_zip, zip_zip, python_zip) = (zip("ours"), zip("zip"), zip("python"));
        let path = Path::new;
        let our_name = version(&ours)?;
        Ok([
            of(
                our_name,
                ours,
                &our_zip,
                &[path("package"), path("--source"), path("."), path("--to"), &our_zip],
            ),
            of("zip -r".to_owned(), "zip".into(), &zip_zip, &[path("-qr"), &zip_zip, path(".")]),
            of(
                format!("zipfile of {}", version(path("python3"))?),
                "python3".into(),
                &python_zip,
                &[path("-m"), path("zipfile"), path("-c"), &python_zip, path(".")],
            ),
        ])
    }

    fn run(&self) -> anyhow::Result<Sample> {
        // zip would add to one that is there.
        if self.zip.exists() {
            fs::remove_file(&self.zip)?;
        }
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.folder);
        sample(&mut command, &self.zip.with_extension("log")).with_context(|| self.name.clone())
    }

    fn megabytes(&self) -> anyhow::Result<f64> {
        size(&self.zip)
    }
}

/// Prints how large the zips are.
fn compare_sizes(contenders: &[Contender; 3]) -> anyhow::Result<()> {
    let [ours, zip, _] = contenders;
    let zips = zip.megabytes()?;
    for one in contenders {
        let (size, name) = (one.megabytes()?, &one.name);
        writeln!(std::io::stderr(), "{name}: {size:.1} MB, {:.3} of zip's", size / zips)?;
    }
    let part = ours.megabytes()? / zips;
    ensure!(part <= SIZE_BUDGET, "the zip is {part:.3} of zip's, and may be {SIZE_BUDGET}");
    Ok(())
}

/// Fills the folder of a function; how many megabytes that are.
fn fill(folder: &Path, python: &Path) -> anyhow::Result<f64> {
    let library = only_entry(&python.join("lib"))?.join("site-packages");
    let mut folders = vec![PathBuf::new()];
    while let Some(at) = folders.pop() {
        let entries = fs::read_dir(library.join(&at));
        for entry in entries.with_context(|| format!("read {}", library.join(&at).display()))? {
            let entry = entry?;
            let path = at.join(entry.file_name());
            let kind = path.extension().and_then(|it| it.to_str()).unwrap_or_default();
            match kind {
                _ if entry.file_type()?.is_dir() => folders.push(path),
                "py" | "json" | "so" => copy(&entry.path(), &folder.join("python").join(path))?,
                "pyc" => copy(&entry.path(), &folder.join("compressed").join(path))?,
                _ => {}
            }
        }
    }
    for program in ["ruff", "typos"] {
        copy(&python.join("bin").join(program), &folder.join("bin").join(program))?;
    }
    let gzip = Command::new("gzip").arg("-r").arg(folder.join("compressed")).status();
    ensure!(gzip.context("start gzip")?.success(), "gzip failed");
    let megabytes = total(folder)?;
    if !(150.0..250.0).contains(&megabytes) {
        bail!("{megabytes:.0} MB instead of about 200: the testbed has other packages than it had");
    }
    Ok(megabytes)
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to.parent().context("a folder")?)?;
    fs::copy(from, to).with_context(|| from.display().to_string())?;
    Ok(())
}

/// The first entry of a folder that has one.
fn only_entry(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut entries = fs::read_dir(folder).with_context(|| {
        format!("{} is missing: run `make bench STEP=upload-lambda`", folder.display())
    })?;
    let first = entries.next().with_context(|| format!("{} is empty", folder.display()))?;
    Ok(first?.path())
}

fn total(folder: &Path) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        sum += if path.is_dir() { total(&path)? } else { size(&path)? };
    }
    Ok(sum)
}

/// In megabytes.
fn size(path: &Path) -> anyhow::Result<f64> {
    let bytes = fs::metadata(path).with_context(|| path.display().to_string())?.len();
    Ok(f64::from(u32::try_from(bytes).context("more than 4 GB")?) / 1e6)
}
