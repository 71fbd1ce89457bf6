//! What became of each step, from the reports that they left.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use serde::Deserialize;

use crate::table::table;

/// The steps that were to run, in their order.
#[derive(Debug)]
pub struct Summary(Vec<(String, Option<Ran>)>);

/// What is of interest in the report of a step (`--report FILE`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Ran {
    /// One word for what happened.
    pub outcome: String,
    /// What the step ended with.
    pub exit_code: u8,
    /// How long it took.
    pub seconds: f64,
}

impl Summary {
    /// Reads `FOLDER/STEP.json` of each step. One that is missing means that the step did not run.
    ///
    /// # Errors
    /// A file is there and is no report.
    pub fn read(folder: &Path, steps: &[String]) -> anyhow::Result<Self> {
        let read = |step: &String| {
            let path = folder.join(format!("{step}.json"));
            let text = match std::fs::read_to_string(&path) {
                Err(err) if err.kind() == std::io::ErrorKind::NotFound => {
                    return Ok((step.clone(), None));
                }
                text => text.with_context(|| format!("read {}", path.display()))?,
            };
            let ran = serde_json::from_str(&text);
            let ran = ran.with_context(|| format!("{} is no report of a step", path.display()))?;
            Ok((step.clone(), Some(ran)))
        };
        steps.iter().map(read).collect::<anyhow::Result<_>>().map(Self)
    }

    /// The first exit code that is not 0; 1 when a step did not run; else 0.
    pub fn exit_code(&self) -> u8 {
        let codes = self.0.iter().filter_map(|(_, ran)| Some(ran.as_ref()?.exit_code));
        let did_not_run = u8::from(self.0.iter().any(|(_, ran)| ran.is_none()));
        codes.into_iter().find(|code| *code != 0).unwrap_or(did_not_run)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect();
        let mut rows: Vec<Vec<String>> = vec![cells(&["step", "outcome", "seconds"])];
        for (step, ran) in &self.0 {
            let Some(ran) = ran else {
                rows.push(cells(&[step, "not run"]));
                continue;
            };
            let mut row: Vec<String> = cells(&[step, &ran.outcome, &format!("{:.1}", ran.seconds)]);
            if ran.exit_code != 0 {
                row.push(format!("exit {}", ran.exit_code));
            }
            rows.push(row);
        }
        let total: f64 = self.0.iter().filter_map(|(_, ran)| Some(ran.as_ref()?.seconds)).sum();
        rows.push(cells(&["total", "", &format!("{total:.1}")]));
        f.write_str(&table(&rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(steps: &[(&str, Option<u8>)]) -> Summary {
        let ran = |code| Ran { outcome: "done".into(), exit_code: code, seconds: 1.0 };
        Summary(steps.iter().map(|(step, code)| ((*step).into(), code.map(ran))).collect())
    }

    #[test]
    fn the_first_failure_gives_the_exit_code_and_a_step_that_did_not_run_is_one() {
        assert_eq!(summary(&[("a", Some(0)), ("b", Some(0))]).exit_code(), 0);
        assert_eq!(summary(&[("a", Some(0)), ("b", Some(6)), ("c", Some(3))]).exit_code(), 6);
        assert_eq!(summary(&[("a", Some(6)), ("b", None)]).exit_code(), 6);
        assert_eq!(summary(&[("a", Some(0)), ("b", None)]).exit_code(), 1);
    }
}
