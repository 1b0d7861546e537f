//! Joins the lines of many streams into records, each stream for itself.

use std::collections::HashMap;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};

use super::continuation::Open;

/// Text of one record; what comes behind is left out. The tokens of a record end far before.
const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Streams with a record under way. A container has two streams; 4,096 records of usually below 4 KiB are 16 MiB.
const MAX_STREAMS: usize = 4096;

/// Lines of one record are written at once. What comes later is another record, however it looks.
const MAX_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// A record that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined<S> {
    /// The stream it came from.
    pub stream: S,
    /// Time of its first line, if known.
    pub time: Option<DateTime<Utc>>,
    /// Its lines, with line feeds between them.
    pub text: String,
}

struct Pending {
    open: Open,
    first: usize,
    time: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
    text: String,
    order: u64,
}

/// Holds the record under way of each stream.
pub struct Joiner<S> {
    streams: HashMap<S, Pending>,
    order: u64,
}

impl<S: Clone + Eq + Hash> Default for Joiner<S> {
    fn default() -> Self {
        Self { streams: HashMap::new(), order: 0 }
    }
}

impl<S: Clone + Eq + Hash> Joiner<S> {
    /// Takes the next line of a stream. Returns the record that it completes, if any: the one before it in its stream, or
    /// the oldest one where there are too many streams.
    pub fn push(&mut self, stream: &S, time: Option<DateTime<Utc>>, line: &str) -> Option<Joined<S>> {
        self.order += 1;
        let order = self.order;
        let line = line.trim_end_matches(['\r', '\n']);
        if let Some(pending) = self.streams.get_mut(stream) {
            let paused = time.zip(pending.last).is_some_and(|(now, last)| now - last > MAX_PAUSE);
            let first = &pending.text.as_bytes()[..pending.first];
            if !paused && pending.open.goes_on(first, line.as_bytes()) {
                if pending.text.len() + line.len() < MAX_RECORD_BYTES {
                    pending.text.push('\n');
                    pending.text.push_str(line);
                }
                pending.last = time.or(pending.last);
                pending.order = order;
                return None;
            }
        }
        let next = Pending {
            open: Open::start(line.as_bytes()),
            first: line.len(),
            time,
            last: time,
            text: line.to_owned(),
            order,
        };
        if let Some(done) = self.streams.insert(stream.clone(), next) {
            return Some(complete(stream.clone(), done));
        }
        if self.streams.len() > MAX_STREAMS {
            let oldest = self.streams.iter().min_by_key(|(_, pending)| pending.order)?.0.clone();
            let pending = self.streams.remove(&oldest)?;
            return Some(complete(oldest, pending));
        }
        None
    }

    /// The records under way, in the order of their last lines.
    pub fn finish(self) -> Vec<Joined<S>> {
        let mut rest: Vec<(S, Pending)> = self.streams.into_iter().collect();
        rest.sort_by_key(|(_, pending)| pending.order);
        rest.into_iter().map(|(stream, pending)| complete(stream, pending)).collect()
    }
}

fn complete<S>(stream: S, pending: Pending) -> Joined<S> {
    Joined { stream, time: pending.time, text: pending.text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(log: &str) -> Vec<String> {
        let mut joiner = Joiner::default();
        let mut done: Vec<Joined<()>> = log.lines().filter_map(|line| joiner.push(&(), None, line)).collect();
        done.extend(joiner.finish());
        done.into_iter().map(|record| record.text).collect()
    }

    #[test]
    fn keeps_traces_together() {
        let records = [
            "2026-01-02 03:04:05 ERROR boom\njava.lang.IllegalStateException: x\n\tat a.B.c(B.java:1)\nCaused by: java.io.IOException\n\t... 2 more",
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\n    g()\nValueError: x",
            "panic: boom\n\ngoroutine 1 [running]:\nmain.f(0xc0)\n\t/a/b.go:1 +0x1\ncreated by main.g\n\t/a/c.go:2",
            "thread 'main' panicked at a.rs:1:2:\nit broke\nstack backtrace:\n   0: std::panicking",
            "Error: x\n    at f (/a.js:1:2)\n    at g (/b.js:1:2)",
            "Unhandled exception. System.Exception: x\n   at A.B() in /a.cs:line 1",
            "a.rb:1:in 'f': x (RuntimeError)\n\tfrom a.rb:2:in 'g'",
            "{\n  \"level\": \"info\",\n  \"list\": [\n    1\n  ]\n}",
            "2026-01-02 03:04:06 INFO config\n  key: value\n  other: value",
            "plain",
            "another",
        ];
        assert_eq!(joined(&records.join("\n")), records);
    }

    #[test]
    fn joins_nothing_on_weak_evidence() {
        for log in ["one\n two", "a\nError handling done: ok", "x\nat last it works", "} \nfoo", "one\n\ntwo"] {
            assert_eq!(joined(log).len(), log.lines().count(), "{log}");
        }
    }

    #[test]
    fn keeps_streams_apart_and_minds_pauses() {
        let mut joiner = Joiner::default();
        let time = |seconds| DateTime::from_timestamp(seconds, 0);
        assert_eq!(joiner.push(&"a", time(0), "Error: x"), None);
        assert_eq!(joiner.push(&"b", time(0), "other"), None);
        assert_eq!(joiner.push(&"a", time(1), "    at f (/a.js:1:2)"), None);
        let done = joiner.push(&"a", time(60), "    at late (/a.js:1:2)");
        assert_eq!(done.map(|record| record.text), Some("Error: x\n    at f (/a.js:1:2)".to_owned()));
        assert_eq!(joiner.finish().len(), 2);
    }
}
