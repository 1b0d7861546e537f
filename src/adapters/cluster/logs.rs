//! A container's log from the API server, with the oddities of that endpoint taken away.
//!
//! It answers 200 with an error text where the container runtime lost the file, 400 while a container waits to start,
//! 204 for a pod that no node has, and it cuts at `limitBytes` in the middle of a line.

use chrono::{DateTime, Utc};
use k8s_openapi::api::core::v1::Pod;
use kube::Resource;
use kube::api::LogParams;
use kube::core::Request;

use super::api::{Failure, asked};
use super::{Cluster, ClusterError};
use crate::domain::text;

/// Longest line kept, in bytes: a stack trace in one JSON line fits, a dumped request does not.
const MAX_LINE_BYTES: usize = 16 * 1024;
/// Texts that the kubelet sends with status 200 instead of a log.
const LOST: [&str; 3] =
    ["unable to retrieve container logs for ", "failed to try resolving symlinks in path ", "rpc error: code = "];

/// Which log, and how much of it.
#[derive(Debug, Clone)]
pub struct LogRequest {
    /// Namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; `None` where there is but one.
    pub container: Option<String>,
    /// The run before this one, of a container that was restarted.
    pub previous: bool,
    /// Lines from the end.
    pub tail_lines: u32,
    /// Not older than this.
    pub since: Option<DateTime<Utc>>,
    /// Bytes from the first of those lines on. The API cuts off the *end*, so be generous with regard to `tail_lines`.
    pub limit_bytes: u32,
}

/// A container's log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodLogs {
    /// Oldest first.
    pub lines: Vec<PodLogLine>,
    /// Whether `limit_bytes` cut the newest lines off.
    pub cut: bool,
    /// Why there is no log, where there is none: `container "web" … is waiting to start: ErrImagePull`.
    pub absent: Option<String>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLogLine {
    /// When the container wrote it.
    pub at: Option<DateTime<Utc>>,
    /// What it wrote, unredacted.
    pub text: String,
}

impl Cluster {
    /// Reads a log. That there is none is an answer, not an error; a pod that does not exist is one.
    pub async fn pod_logs(&self, request: &LogRequest) -> Result<PodLogs, ClusterError> {
        let LogRequest { namespace, pod, container, previous, tail_lines, since, limit_bytes } = request;
        let params = LogParams {
            container: container.clone(),
            previous: *previous,
            tail_lines: Some(i64::from(*tail_lines)),
            limit_bytes: Some(i64::from((*limit_bytes).max(1))),
            since_time: since.and_then(|since| k8s_openapi::jiff::Timestamp::from_second(since.timestamp()).ok()),
            timestamps: true,
            ..LogParams::default()
        };
        let mut asked = asked::<Pod>("get", Some(namespace), Some(pod));
        asked.resource = "pods/log".to_owned();
        let get = Request::new(Pod::url_path(&(), Some(namespace))).logs(pod, &params);
        match self.api.bytes(get, u64::from(*limit_bytes), &asked).await {
            Ok(bytes) => Ok(parse(&bytes, *limit_bytes)),
            Err(Failure::Api(error)) => match &*error {
                kube::Error::Api(status) if status.code == 400 => {
                    Ok(PodLogs { absent: Some(text::line(&status.message, 300)), ..PodLogs::default() })
                }
                error => Err(ClusterError::of(error, &asked)),
            },
            Err(Failure::Ours(error)) => Err(error),
        }
    }
}

fn parse(bytes: &[u8], limit_bytes: u32) -> PodLogs {
    let body = String::from_utf8_lossy(bytes);
    // "May return slightly more or slightly less than the limit."
    let cut = bytes.len() as u64 + 4 >= u64::from(limit_bytes) && !body.ends_with('\n');
    if LOST.iter().any(|text| body.starts_with(text)) {
        let absent = Some(format!("the node no longer has it ({})", text::line(&body, 200)));
        return PodLogs { absent, ..PodLogs::default() };
    }
    let mut lines: Vec<PodLogLine> = body.lines().filter(|line| !line.is_empty()).map(line).collect();
    if cut && lines.len() > 1 {
        lines.pop();
    }
    let absent = lines.is_empty().then(|| "it is empty".to_owned());
    PodLogs { lines, cut, absent }
}

fn line(line: &str) -> PodLogLine {
    let stamped = line.split_once(' ').or(Some((line, "")));
    let parsed = stamped.and_then(|(stamp, rest)| Some((DateTime::parse_from_rfc3339(stamp).ok()?, rest)));
    let (at, rest) = match parsed {
        Some((at, rest)) => (Some(at.with_timezone(&Utc)), rest),
        None => (None, line),
    };
    PodLogLine { at, text: text::bounded(rest, MAX_LINE_BYTES).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_times_and_the_cut_one_is_left_out() {
        let body = "2026-11-22T22:16:22.878964102Z tick n=38\n2026-11-22T22:16:24.900435229Z tick";
        let logs = parse(body.as_bytes(), 80);
        assert!(logs.cut);
        assert_eq!(logs.lines.len(), 1);
        assert_eq!(logs.lines[0].text, "tick n=38");
        assert_eq!(logs.lines[0].at.unwrap().timestamp_subsec_nanos(), 878_964_102);
        // The same text, whole: a last line without a line break.
        let logs = parse(body.as_bytes(), 10_000);
        assert!(!logs.cut);
        assert_eq!(logs.lines.len(), 2);
    }

    #[test]
    fn what_is_no_log_is_told_apart() {
        for (body, absent) in [
            ("", "it is empty"),
            (
                "unable to retrieve container logs for containerd://fe40bf71b045",
                "the node no longer has it (unable to retrieve container logs for containerd://fe40bf71b045)",
            ),
        ] {
            assert_eq!(parse(body.as_bytes(), 1000).absent.as_deref(), Some(absent));
        }
    }
}
