//! BuildKit's progress as lines: each step of the Dockerfile when it starts and when it ends.

use std::collections::{HashMap, VecDeque};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use step_core::output;

/// What has been told of a build so far. BuildKit sends every state several times.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    numbers: HashMap<String, usize>,
    ended: HashMap<String, bool>,
    /// The last lines that the build printed, for the message of a failure.
    log: VecDeque<String>,
}

const LOG_LINES: usize = 20;

impl Progress {
    /// Tells what is new in a status.
    pub(crate) fn tell(&mut self, status: &StatusResponse) {
        for vertex in &status.vertexes {
            self.vertex(vertex);
        }
        for log in &status.logs {
            let number = self.numbers.get(&log.vertex).copied().unwrap_or_default();
            for line in String::from_utf8_lossy(&log.msg).lines() {
                // A line that redraws itself counts as it ends.
                let line = line.rsplit('\r').next().unwrap_or(line);
                output::say(format!("  #{number} {line}"));
                if self.log.len() == LOG_LINES {
                    self.log.pop_front();
                }
                self.log.push_back(line.to_owned());
            }
        }
        for warning in &status.warnings {
            output::warn(String::from_utf8_lossy(&warning.short));
        }
    }

    /// The last lines of the log.
    pub(crate) fn log(&self) -> String {
        self.log.iter().map(|line| format!("\n  {line}")).collect()
    }

    fn vertex(&mut self, vertex: &Vertex) {
        let next = self.numbers.len() + 1;
        let is_new = !self.numbers.contains_key(&vertex.digest);
        if is_new && vertex.started.is_none() && !vertex.cached {
            return;
        }
        let number = *self.numbers.entry(vertex.digest.clone()).or_insert(next);
        if is_new {
            output::say(format!("  #{number} {}", vertex.name));
        }
        let is_over = vertex.completed.is_some() || vertex.cached;
        if !is_over || self.ended.insert(vertex.digest.clone(), true).is_some() {
            return;
        }
        let end = if vertex.cached {
            "CACHED".to_owned()
        } else if vertex.error.is_empty() {
            format!("DONE {:.1} s", seconds(vertex))
        } else {
            "FAILED".to_owned()
        };
        output::say(format!("  #{number} {end}"));
    }
}

fn seconds(vertex: &Vertex) -> f64 {
    let (Some(start), Some(end)) = (&vertex.started, &vertex.completed) else { return 0.0 };
    let whole = i32::try_from(end.seconds - start.seconds).unwrap_or_default();
    f64::from(whole) + f64::from(end.nanos - start.nanos) / 1e9
}
