//! Findings that are accepted: those that were there when somebody said so. They are known by their
//! fingerprints, in which no line number is.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use findings::{Finding, Findings};
use serde::{Deserialize, Serialize};
use step_core::{Fail, FailContext, holds, write_atomically};

/// The file that is read when no other is named.
const DEFAULT: &str = ".lint-baseline.json";

/// The file: a finding for each line, so that a merge of two branches is one of lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Accepted {
    path: String,
    rule: String,
    fingerprint: String,
}

/// The baseline, and where it is.
#[derive(Debug)]
pub(crate) struct Baseline {
    file: PathBuf,
    accepted: Vec<Accepted>,
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
        let may_be_missing = named.is_none() || is_written;
        let accepted: Vec<Accepted> = match std::fs::read_to_string(&file) {
            Err(err) if err.kind() == std::io::ErrorKind::NotFound && may_be_missing => Vec::new(),
            text => {
                let text = text.or_fail(|| {
                    Fail::invalid(format!("the baseline {} cannot be read", file.display()))
                        .help("write it with --write-baseline")
                })?;
                serde_json::from_str(&text).or_fail(|| {
                    Fail::invalid(format!("{} is no baseline", file.display()))
                        .help("mend it, or remove it and write it anew with --write-baseline")
                })?
            }
        };
        let fingerprints = accepted.iter().map(|it| it.fingerprint.clone()).collect();
        Ok(Self { file, accepted, fingerprints })
    }

    /// Whether a finding is accepted.
    pub(crate) fn accepts(&self, finding: &Finding) -> bool {
        self.fingerprints.contains(finding.fingerprint())
    }

    /// The text of a file that accepts all findings. What was accepted before stays where nobody has
    /// looked: `is_checked` tells, of a rule and a path, whether this run has.
    ///
    /// # Errors
    /// None in practice: it is plain data.
    pub(crate) fn with(
        &self,
        findings: &Findings,
        is_checked: impl Fn(&str, &str) -> bool,
    ) -> anyhow::Result<String> {
        let before = self.accepted.iter().filter(|it| !is_checked(&it.rule, &it.path)).cloned();
        let found = findings.iter().map(|it| Accepted {
            path: it.place().path().to_owned(),
            rule: it.rule().to_owned(),
            fingerprint: it.fingerprint().to_owned(),
        });
        let mut all: Vec<Accepted> = before.chain(found).collect();
        all.sort();
        all.dedup();
        let lines = all.iter().map(serde_json::to_string).collect::<Result<Vec<_>, _>>()?;
        Ok(if lines.is_empty() {
            "[]\n".to_owned()
        } else {
            format!("[\n{}\n]\n", lines.join(",\n"))
        })
    }

    /// Writes the file, unless it is so already or this is a dry run; whether there was something to do.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, text: &str, is_dry_run: bool) -> anyhow::Result<bool> {
        let is_other = !holds(&self.file, text.as_bytes());
        if is_other && !is_dry_run {
            write_atomically(&self.file, text.as_bytes())?;
        }
        Ok(is_other)
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }
}

#[cfg(test)]
mod tests {
    use findings::{Severity, Source};

    use super::*;

    fn findings(text: &str) -> Findings {
        let source = Source::new("a.sh", text);
        let lines = text.lines().zip(1..).filter(|(line, _)| line.contains("bad"));
        let finding = |line| Finding::new("l/R", Severity::Major, "m", source.line(line));
        Findings::new(lines.map(|(_, line)| finding(line)).collect())
    }

    fn baseline(root: &Path) -> Baseline {
        Baseline::read(root, None, false).unwrap()
    }

    fn write(root: &Path, found: &Findings, is_checked: impl Fn(&str, &str) -> bool) {
        let baseline = baseline(root);
        let text = baseline.with(found, is_checked).unwrap();
        baseline.write(&text, false).unwrap();
    }

    fn accepted(root: &Path, text: &str) -> Vec<bool> {
        let baseline = baseline(root);
        findings(text).iter().map(|it| baseline.accepts(it)).collect()
    }

    #[test]
    fn lines_that_move_stay_accepted_and_a_further_equal_one_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, &findings("bad 1\nbad 2\nbad 2\n"), |_, _| true);
        assert_eq!(accepted(root, "\nbad 2\nx\n  bad 1\nbad 2\n"), [true, true, true]);
        assert_eq!(accepted(root, "bad 2\nbad 2\nbad 2\nbad 3\n"), [true, true, false, false]);
    }

    #[test]
    fn what_was_not_looked_at_stays_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write(root, &findings("bad 1\nbad 2\n"), |_, _| true);
        write(root, &findings("bad 3\n"), |_, path| path != "a.sh");
        assert_eq!(accepted(root, "bad 1\nbad 2\nbad 3\n"), [true, true, true]);
        write(root, &findings("bad 3\n"), |rule, path| rule == "l/R" && path == "a.sh");
        assert_eq!(accepted(root, "bad 1\nbad 2\nbad 3\n"), [false, false, true]);
        write(root, &Findings::default(), |_, _| true);
        assert_eq!(std::fs::read_to_string(root.join(DEFAULT)).unwrap(), "[]\n");
    }
}
