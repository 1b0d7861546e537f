//! Logs from the Kubernetes API, where there is no VictoriaLogs or it has nothing: the last lines of a few pods, and of
//! their containers' runs before.

use tokio::time::Instant;

use crate::adapters::cluster::LogRequest;
use crate::analysis::log_evidence;
use crate::domain::cluster::PodState;
use crate::domain::evidence::LogPatterns;
use crate::domain::log_line::{LogBatch, LogLine};
use crate::domain::subject::Subject;
use crate::domain::window::Window;

use super::Context;
use super::plan::Ranges;

/// Pods whose logs are read: enough to see whether they fail alike.
const MAX_PODS: usize = 3;
/// Lines of one container; a crash is at the end.
const TAIL_LINES: u32 = 500;
/// Bytes of one container's log.
const MAX_BYTES: u32 = 512 * 1024;

/// Patterns of the pods' logs with the words that say what was read; `None` when nothing could be read.
///
/// No request goes on after `until`; what was read by then is summed up.
pub async fn patterns(
    context: &Context,
    subject: &Subject,
    ranges: &Ranges,
    until: Instant,
) -> Option<(String, LogPatterns)> {
    let cluster = context.sources.cluster.as_ref()?.until(until);
    let namespace = subject.namespace.as_deref()?;
    let state = cluster.workload(&subject.object(), subject).await.ok()?.value;
    let mut lines = Vec::new();
    for pod in state.pods.iter().take(MAX_PODS) {
        for (container, previous) in runs(pod) {
            let request = LogRequest {
                namespace: namespace.to_owned(),
                pod: pod.name.clone(),
                container: Some(container),
                previous,
                tail_lines: TAIL_LINES,
                since: None,
                limit_bytes: MAX_BYTES,
            };
            if let Ok(logs) = cluster.pod_logs(&request).await {
                let stream = format!("{}/{}", pod.name, request.container.unwrap_or_default());
                lines.extend(logs.lines.into_iter().map(|line| LogLine {
                    time: line.at.unwrap_or(ranges.window.to),
                    stream: stream.clone(),
                    message: line.text,
                    level: None,
                }));
            }
        }
    }
    if lines.is_empty() {
        return None;
    }
    lines.sort_by_key(|line| line.time);
    let query = format!("get logs of the pods of {subject}, previous runs too");
    let batch = LogBatch { lines, cut: false, query: query.clone() };
    Some((query, summarise(&batch, ranges.window)))
}

/// A container that runs on has lines from before the Window, which say what is usual; one that was restarted has kept
/// nothing of that time.
fn summarise(batch: &LogBatch, window: Window) -> LogPatterns {
    let from = batch.lines.first().map_or(window.from, |line| line.time.min(window.from));
    log_evidence::summarise_split(batch, Window::new(from, window.to), window.from)
}

/// The containers of a pod worth reading, the run before first where there was one.
fn runs(pod: &PodState) -> Vec<(String, bool)> {
    let mut runs = Vec::new();
    for container in &pod.containers {
        if container.last_termination.is_some() {
            runs.push((container.name.clone(), true));
        }
        let started = container.running_since.is_some() || container.terminated.is_some();
        if started {
            runs.push((container.name.clone(), false));
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::domain::evidence::Novelty;

    #[test]
    fn lines_from_before_the_window_say_what_is_usual() {
        let from: DateTime<Utc> = "2026-11-22T22:28:30Z".parse().unwrap();
        let line = |minute: i64, message: &str| LogLine {
            time: from + TimeDelta::minutes(minute),
            stream: "web-1/app".into(),
            message: message.into(),
            level: None,
        };
        let window = Window::new(from, from + TimeDelta::minutes(21));
        let read = |lines: Vec<LogLine>| {
            let patterns = summarise(&LogBatch { lines, cut: false, query: String::new() }, window);
            let novelty = patterns.patterns.iter().map(|pattern| (pattern.template.clone(), pattern.novelty));
            (patterns.baseline_lines, novelty.collect::<Vec<_>>())
        };
        let refused = line(19, "ERROR dial tcp 10.0.0.12:5432: connect: connection refused");
        let mut runs_on: Vec<LogLine> = (-40..20).map(|minute| line(minute, "INFO order served")).collect();
        runs_on.insert(59, refused.clone());
        let (before, novelty) = read(runs_on);
        assert_eq!(before, 40);
        assert!(matches!(novelty[0], (_, Novelty::New)), "{novelty:?}");
        assert!(matches!(novelty[1], (_, Novelty::Usual)), "{novelty:?}");
        // Nothing is known of the time before a restart.
        assert_eq!(read(vec![refused]).0, 0);
    }
}
