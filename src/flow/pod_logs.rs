//! Logs from the Kubernetes API, where there is no VictoriaLogs or it has nothing: the last lines of a few pods, and of
//! their containers' runs before.

use tokio::time::Instant;

use crate::adapters::cluster::LogRequest;
use crate::analysis::log_evidence;
use crate::domain::cluster::PodState;
use crate::domain::evidence::LogPatterns;
use crate::domain::log_line::{LogBatch, LogLine};
use crate::domain::subject::Subject;

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
    let query = format!("get logs of the pods of {subject}, previous runs too");
    let batch = LogBatch { lines, cut: false, query: query.clone() };
    // There is no Baseline: a restarted container has kept nothing of the time before.
    Some((query, log_evidence::summarise((&batch, ranges.window), None)))
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
