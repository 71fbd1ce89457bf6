//! BuildKit's progress as lines: each step of the Dockerfile when it starts and when it ends.

use std::collections::{HashMap, VecDeque};

use bollard::moby::buildkit::v1::{StatusResponse, Vertex};
use step_core::output;

/// What has been told of a build so far. BuildKit sends every state several times.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    numbers: HashMap<String, usize>,
    ended: HashMap<String, bool>,
    /// What each step has printed since its last line break, by stream.
    pending: HashMap<(String, i64), Vec<u8>>,
    /// The last lines that the build printed, for the message of a failure.
    log: VecDeque<String>,
}

const LOG_LINES: usize = 20;
/// Longer lines are cut: data that was printed by mistake helps nobody.
const LONGEST_LINE: usize = 2000;

impl Progress {
    /// Tells what is new in a status.
    pub(crate) fn tell(&mut self, status: &StatusResponse) {
        for vertex in &status.vertexes {
            self.vertex(vertex);
        }
        for log in &status.logs {
            self.output(&log.vertex, log.stream, &log.msg);
        }
        for warning in &status.warnings {
            output::warn(String::from_utf8_lossy(&warning.short));
        }
    }

    /// Tells the lines that are whole. BuildKit sends output as it was written, in any pieces; half a
    /// line would not only look odd, a secret in it would not be recognised.
    fn output(&mut self, vertex: &str, stream: i64, bytes: &[u8]) {
        let pending = self.pending.entry((vertex.to_owned(), stream)).or_default();
        pending.extend_from_slice(bytes);
        let Some(end) = pending.iter().rposition(|byte| *byte == b'\n') else { return };
        let whole: Vec<u8> = pending.drain(..=end).collect();
        self.lines(vertex, &whole);
    }

    /// Tells what a step printed last without ending the line.
    fn flush(&mut self, vertex: &str) {
        let is_its = |(of, _): &(String, i64)| of == vertex;
        let streams: Vec<_> = self.pending.keys().filter(|key| is_its(key)).cloned().collect();
        for stream in streams {
            let rest = self.pending.remove(&stream).unwrap_or_default();
            self.lines(vertex, &rest);
        }
    }

    fn lines(&mut self, vertex: &str, bytes: &[u8]) {
        let number = self.numbers.get(vertex).copied().unwrap_or_default();
        for line in String::from_utf8_lossy(bytes).lines() {
            // A line that redraws itself counts as it ends.
            let line = line.trim_end_matches('\r');
            let line = line.rsplit('\r').next().unwrap_or(line);
            let line: String = line.chars().take(LONGEST_LINE).collect();
            output::say(format!("  #{number} {line}"));
            if self.log.len() == LOG_LINES {
                self.log.pop_front();
            }
            self.log.push_back(line);
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
        self.flush(&vertex.digest);
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
