//! The reports of this project's own steps, which are all of one form: `report.findings` of
//! `--output json`.

use findings::Severity;
use serde::Deserialize;

use super::{Hit, Output, Unreadable, list, text};
use crate::generic::{json, size_of};

/// What a step found.
pub(super) fn parse(output: &Output) -> Result<Vec<Hit>, Unreadable> {
    let report = json(&output.stdout)?;
    let findings = list(&report["report"], "findings")?;
    let hits = findings.iter().map(|it| Hit {
        help: it["help"].as_str().map(str::to_owned),
        within: it["within"].as_str().map(str::to_owned),
        ..Hit::new(
            text(&it["path"]),
            text(&it["rule"]),
            Severity::deserialize(&it["severity"]).unwrap_or(Severity::Major),
            text(&it["message"]),
        )
        .at(size_of(&it["line"]).unwrap_or(0), size_of(&it["column"]))
        .to(size_of(&it["end_line"]).zip(size_of(&it["end_column"])))
    });
    Ok(hits.collect())
}
