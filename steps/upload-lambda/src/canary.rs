//! How an alias moves: which share of the invocations goes to the new version, and for how long.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The parts of a move before its end. Without any the alias moves at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Canary(Vec<Stage>);

/// A part of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stage {
    /// The share of the new version, 1 to 99.
    pub(crate) percent: u8,
    /// How long it stays so.
    pub(crate) hold: Duration,
}

impl Canary {
    pub(crate) fn stages(&self) -> &[Stage] {
        &self.0
    }

    pub(crate) fn is_at_once(&self) -> bool {
        self.0.is_empty()
    }
}

impl Stage {
    /// As Lambda wants it: 0 to 1.
    pub(crate) fn weight(&self) -> f64 {
        f64::from(self.percent) / 100.0
    }
}

impl FromStr for Canary {
    type Err = String;

    /// `10%@5m`: a tenth for 5 minutes, then all. `10%@5m,50%@10m`: two parts. `linear:10%@1m`: a tenth
    /// more each minute. `none`: at once.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::default());
        }
        if let Some(step) = text.strip_prefix("linear:") {
            let Stage { percent, hold } = step.parse()?;
            let stages = (1..).map_while(|n: u8| percent.checked_mul(n).filter(|sum| *sum < 100));
            return Ok(Self(stages.map(|percent| Stage { percent, hold }).collect()));
        }
        let stages: Vec<Stage> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        if let Some(pair) = stages.windows(2).find(|pair| pair[0].percent >= pair[1].percent) {
            return Err(format!("after {}% come more, not {}%", pair[0].percent, pair[1].percent));
        }
        Ok(Self(stages))
    }
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("`{text}` is no part of a canary: write for example 10%@5m");
        let (percent, hold) = text.trim().split_once("%@").ok_or_else(form)?;
        let percent = percent.parse().map_err(|_| form())?;
        if !(1..=99).contains(&percent) {
            return Err(format!("{percent}% is not between 1% and 99%"));
        }
        Ok(Self { percent, hold: step_core::duration(hold)? })
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_at_once() {
            return write!(f, "at once");
        }
        for Stage { percent, hold } in &self.0 {
            write!(f, "{percent}% for {}, ", humantime::format_duration(*hold))?;
        }
        write!(f, "100%")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_read_as_people_write_them() {
        let shown = |text: &str| text.parse::<Canary>().map(|canary| canary.to_string());
        assert_eq!(shown("10%@5m").unwrap(), "10% for 5m, 100%");
        assert_eq!(shown("10%@5m,50%@1h").unwrap(), "10% for 5m, 50% for 1h, 100%");
        assert_eq!(shown("linear:40%@30s").unwrap(), "40% for 30s, 80% for 30s, 100%");
        assert_eq!(shown("none").unwrap(), "at once");
        for (text, why) in [
            ("10", "write for example 10%@5m"),
            ("0%@5m", "not between 1% and 99%"),
            ("100%@5m", "not between 1% and 99%"),
            ("10%@soon", "write for example 90s"),
            ("50%@5m,10%@5m", "after 50% come more, not 10%"),
        ] {
            assert!(shown(text).unwrap_err().contains(why), "{text}");
        }
    }

    #[test]
    fn a_linear_move_ends_before_all_of_it() {
        let canary: Canary = "linear:25%@1m".parse().unwrap();
        let percents: Vec<u8> = canary.stages().iter().map(|stage| stage.percent).collect();
        assert_eq!(percents, [25, 50, 75]);
    }
}
