//! Findings that are accepted: those that were there when somebody said so. They are known by their
//! fingerprints, in which no line number is.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use findings::{Finding, Findings};
use serde::{Deserialize, Serialize};
use step_core::{Fail, FailContext, write_atomically};

/// The file that is read when no other is named.
const DEFAULT: &str = ".lint-baseline.json";

/// The file: a finding for each line, so that a merge of two branches is one of lines.
#[derive(Debug, Serialize, Deserialize)]
struct Accepted {
    fingerprint: String,
    rule: String,
    path: String,
}

/// The baseline, and where it is.
#[derive(Debug)]
pub(crate) struct Baseline {
    file: PathBuf,
    fingerprints: HashSet<String>,
}

impl Baseline {
    /// Reads the file that is named, or the usual one if it is there.
    ///
    /// # Errors
    /// Exit 2: the file that is named is not there and is not to be written, or it is no baseline.
    pub(crate) fn read(
        root: &Path,
        named: Option<&Path>,
        is_written: bool,
    ) -> anyhow::Result<Self> {
        let file = named.map_or_else(|| root.join(DEFAULT), |it| root.join(it));
        let text = match std::fs::read_to_string(&file) {
            Err(err)
                if err.kind() == std::io::ErrorKind::NotFound
                    && (named.is_none() || is_written) =>
            {
                return Ok(Self { file, fingerprints: HashSet::new() });
            }
            text => text.or_fail(|| {
                Fail::invalid(format!("the baseline {} cannot be read", file.display()))
                    .help("write it with --write-baseline")
            })?,
        };
        let accepted: Vec<Accepted> = serde_json::from_str(&text).or_fail(|| {
            Fail::invalid(format!("{} is no baseline", file.display()))
                .help("write it anew with --write-baseline")
        })?;
        Ok(Self { file, fingerprints: accepted.into_iter().map(|it| it.fingerprint).collect() })
    }

    /// Whether a finding is accepted.
    pub(crate) fn accepts(&self, finding: &Finding) -> bool {
        self.fingerprints.contains(finding.fingerprint())
    }

    /// Writes all findings as accepted.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, findings: &Findings) -> anyhow::Result<()> {
        let lines = findings.iter().map(|it| {
            serde_json::to_string(&Accepted {
                fingerprint: it.fingerprint().to_owned(),
                rule: it.rule().to_owned(),
                path: it.place().path().to_owned(),
            })
        });
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        let text = if lines.is_empty() {
            "[]\n".to_owned()
        } else {
            format!("[\n{}\n]\n", lines.join(",\n"))
        };
        write_atomically(&self.file, text.as_bytes())
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}
