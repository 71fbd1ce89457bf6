//! A step beside its peers: the figures, the table and the verdict.

use std::io::Write;

use anyhow::Context;
use serde_json::{Value, json};

use super::measure::{Sample, least_memory};
use crate::table::table;

/// One thing that the step and its peers did, several times each.
#[derive(Debug)]
pub struct Comparison {
    pub(super) what: String,
    pub(super) goal: Goal,
    /// The most megabytes that the step may hold.
    pub(super) memory: f64,
    /// The least megabytes that could be measured.
    pub(super) least_memory: f64,
    pub(super) ours: Measured,
    pub(super) peers: Vec<Measured>,
}

/// How quick the step has to be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// As a part of the best peer's time.
    OfBestPeer(f64),
    /// As a part of the slowest peer's time: of what it does side by side.
    OfSlowestPeer(f64),
    Milliseconds(f64),
}

/// Runs programs in turns, so that what the machine does besides hits all alike; each round begins with
/// another one. `run` gets the index of a program.
pub(super) fn in_turns(
    what: &str,
    names: &[String],
    rounds: usize,
    run: impl Fn(usize) -> anyhow::Result<Sample>,
) -> anyhow::Result<Vec<Measured>> {
    writeln!(std::io::stderr(), "measuring: {what}, {rounds} rounds")?;
    let mut samples = vec![Vec::new(); names.len()];
    for round in 0..rounds {
        for turn in 0..names.len() {
            let at = (round + turn) % names.len();
            samples[at].push(run(at)?);
        }
    }
    let measured = names.iter().zip(samples);
    Ok(measured.map(|(name, samples)| Measured { name: name.clone(), samples }).collect())
}

/// A program and its runs.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) samples: Vec<Sample>,
}

impl Measured {
    /// In seconds.
    fn median(&self) -> f64 {
        let mut times: Vec<f64> = self.samples.iter().map(|one| one.seconds).collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// To AWS, where they were counted: the median.
    fn calls(&self) -> Option<usize> {
        let mut calls: Vec<usize> = self.samples.iter().filter_map(|one| one.calls).collect();
        calls.sort_unstable();
        calls.get(calls.len() / 2).copied()
    }

    /// In megabytes.
    pub(super) fn peak(&self) -> f64 {
        self.samples.iter().map(|one| one.megabytes).fold(0.0, f64::max)
    }
}

impl Comparison {
    /// Of the first with the others.
    ///
    /// # Errors
    /// There is none; or the least memory cannot be measured.
    pub(super) fn of_first(
        what: &str,
        goal: Goal,
        memory: f64,
        measured: Vec<Measured>,
    ) -> anyhow::Result<Self> {
        let mut measured = measured.into_iter();
        let ours = measured.next().context("nothing was measured")?;
        let (what, peers) = (what.to_owned(), measured.collect());
        Ok(Self { what, goal, memory, least_memory: least_memory()?, ours, peers })
    }

    /// Whether the step is as quick and as small as it has to be, and nobody calls AWS less.
    pub fn is_within(&self) -> bool {
        let quick = match self.goal {
            Goal::OfBestPeer(part) | Goal::OfSlowestPeer(part) => self.part(&self.ours) <= part,
            Goal::Milliseconds(most) => self.ours.median() * 1000.0 <= most,
        };
        let fewest = self.peers.iter().filter_map(Measured::calls).min();
        let few = self.ours.calls().is_none_or(|ours| fewest.is_none_or(|fewest| ours <= fewest));
        quick && few && self.ours.peak() <= self.memory
    }

    /// As text, for people.
    pub fn table(&self) -> String {
        // What takes a thirtieth of a second is told in milliseconds.
        let (unit, scale, digits) = match self.goal {
            Goal::OfBestPeer(_) | Goal::OfSlowestPeer(_) => ("s", 1.0, 2),
            Goal::Milliseconds(_) => ("ms", 1000.0, 1),
        };
        let mut rows = vec![vec![
            self.what.clone(),
            String::new(),
            format!("median of {}, {unit}", self.ours.samples.len()),
            match self.goal {
                Goal::OfSlowestPeer(_) => "of the slowest's".to_owned(),
                Goal::OfBestPeer(_) | Goal::Milliseconds(_) => "of the best peer's".to_owned(),
            },
            "peak, MB".to_owned(),
        ]];
        let calls = |one: &Measured| one.calls().map(|calls| calls.to_string());
        rows[0].extend(calls(&self.ours).map(|_| "calls".to_owned()));
        for one in self.all() {
            let over = std::ptr::eq(one, &self.ours) && !self.is_within();
            rows.push(vec![
                one.name.clone(),
                if over { "OVER" } else { "" }.to_owned(),
                format!("{:.digits$}", one.median() * scale),
                if self.peers.is_empty() {
                    String::new()
                } else {
                    format!("{:.2}", self.part(one))
                },
                self.shown_peak(one),
            ]);
            rows.last_mut().into_iter().for_each(|row| row.extend(calls(one)));
        }
        let (most, part) = match self.goal {
            Goal::OfBestPeer(part) | Goal::OfSlowestPeer(part) => {
                (String::new(), format!("{part:.2}"))
            }
            Goal::Milliseconds(most) => (format!("{most:.digits$}"), String::new()),
        };
        let memory = format!("{:.1}", self.memory);
        rows.push(vec!["budget".to_owned(), String::new(), most, part, memory]);
        let fewest = self.ours.calls().map(|_| "the fewest".to_owned());
        rows.last_mut().into_iter().for_each(|row| row.extend(fewest.clone()));
        table(&rows)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let measured = self.all().map(|one| {
            json!({
                "name": one.name,
                "median_s": one.median(),
                (self.reference()): self.part(one),
                "peak_mb": one.peak(),
                "calls": one.calls(),
                "samples_s": one.samples.iter().map(|it| it.seconds).collect::<Vec<_>>(),
            })
        });
        let goal = match self.goal {
            Goal::OfBestPeer(part) | Goal::OfSlowestPeer(part) => {
                json!({ (self.reference()): part, "peak_mb": self.memory })
            }
            Goal::Milliseconds(most) => {
                json!({ "median_s": most / 1000.0, "peak_mb": self.memory })
            }
        };
        json!({
            "what": self.what,
            "least_measurable_mb": self.least_memory,
            "within": self.is_within(),
            "budget": goal,
            "measured": measured.collect::<Vec<_>>(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &Measured> {
        std::iter::once(&self.ours).chain(&self.peers)
    }

    fn shown_peak(&self, one: &Measured) -> String {
        let least = self.least_memory;
        if one.peak() > least { format!("{:.1}", one.peak()) } else { format!("<= {least:.1}") }
    }

    /// What the times are parts of.
    fn reference(&self) -> &'static str {
        match self.goal {
            Goal::OfSlowestPeer(_) => "of_slowest_peer",
            Goal::OfBestPeer(_) | Goal::Milliseconds(_) => "of_best_peer",
        }
    }

    /// Its time as a part of the best peer's, or of the slowest's.
    fn part(&self, one: &Measured) -> f64 {
        let times = self.peers.iter().map(Measured::median);
        one.median()
            / match self.goal {
                Goal::OfSlowestPeer(_) => times.fold(0.0, f64::max),
                Goal::OfBestPeer(_) | Goal::Milliseconds(_) => times.fold(f64::INFINITY, f64::min),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &str, megabytes: f64, seconds: [f64; 3]) -> Measured {
        let samples =
            seconds.map(|seconds| Sample { seconds, megabytes, code: 0, calls: None }).into();
        Measured { name: name.to_owned(), samples }
    }

    fn comparison(goal: Goal, ours: Measured) -> Comparison {
        let peers =
            vec![measured("slow", 40.0, [9.0, 8.0, 7.0]), measured("best", 12.0, [2.0, 1.0, 9.0])];
        Comparison {
            what: "1000 on SQLite".to_owned(),
            goal,
            memory: 30.0,
            least_memory: 9.5,
            ours,
            peers,
        }
    }

    #[test]
    fn the_median_is_compared_with_that_of_the_best_peer() {
        let within = comparison(Goal::OfBestPeer(0.5), measured("ours", 9.5, [1.0, 5.0, 0.1]));
        let lines = [
            "1000 on SQLite    median of 3, s  of the best peer's  peak, MB",
            "ours                        1.00                0.50    <= 9.5",
            "slow                        8.00                4.00      40.0",
            "best                        2.00                1.00      12.0",
            "budget                                          0.50      30.0",
        ];
        assert_eq!(within.table().lines().collect::<Vec<_>>(), lines);
        assert!(within.is_within());
    }

    #[test]
    fn what_is_too_slow_or_too_large_is_marked() {
        let ours = |megabytes, seconds| measured("ours", megabytes, [seconds; 3]);
        let slow = comparison(Goal::OfBestPeer(0.5), ours(9.0, 1.01));
        assert!(slow.table().contains("ours            OVER"), "{}", slow.table());
        let late = comparison(Goal::Milliseconds(30.0), ours(9.0, 0.0301));
        let lines = late.table();
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines[0], "1000 on SQLite        median of 3, ms  of the best peer's  peak, MB");
        assert_eq!(lines[1], "ours            OVER             30.1                0.02    <= 9.5");
        assert_eq!(lines[4], "budget                           30.0                          30.0");
        assert!(!comparison(Goal::Milliseconds(30.0), ours(30.1, 0.01)).is_within());
        assert!(comparison(Goal::Milliseconds(30.0), ours(30.0, 0.03)).is_within());
    }

    #[test]
    fn programs_take_turns_and_each_round_begins_with_another() {
        let order = std::cell::RefCell::new(String::new());
        let names = ["a".to_owned(), "b".to_owned()];
        let run = |at: usize| {
            order.borrow_mut().push_str(&names[at]);
            Ok(Sample { seconds: 1.0, megabytes: 1.0, code: 0, calls: None })
        };
        let measured = in_turns("a test", &names, 3, run).unwrap();
        assert_eq!(order.borrow().as_str(), "abbaab");
        assert_eq!(measured[1].name, "b");
        assert_eq!(measured[1].samples.len(), 3);
    }

    #[test]
    fn without_peers_only_the_limits_count() {
        let alone = Comparison {
            peers: Vec::new(),
            ..comparison(Goal::Milliseconds(30.0), measured("ours", 20.0, [0.02; 3]))
        };
        assert!(alone.is_within());
        let table = alone.table();
        let ours: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(ours, ["ours", "20.0", "20.0"]);
    }

    #[test]
    fn what_is_done_side_by_side_is_compared_with_the_slowest_of_it() {
        let goal = Goal::OfSlowestPeer(1.1);
        let ours = |seconds| measured("ours", 9.0, [seconds; 3]);
        let within = comparison(goal, ours(8.8));
        assert!(within.is_within() && !comparison(goal, ours(8.9)).is_within());
        assert!(within.table().contains("of the slowest's"), "{}", within.table());
        assert_eq!(within.json()["measured"][2]["of_slowest_peer"], 0.25);
    }

    #[test]
    fn a_program_gets_every_sample_and_the_verdict() {
        let json = comparison(Goal::OfBestPeer(0.5), measured("ours", 9.5, [1.0, 5.0, 0.1])).json();
        assert_eq!(json["within"], true);
        assert_eq!(json["budget"], json!({ "of_best_peer": 0.5, "peak_mb": 30.0 }));
        assert_eq!(json["measured"][0]["samples_s"], json!([1.0, 5.0, 0.1]));
        assert_eq!(json["measured"][2]["name"], "best");
    }
}
