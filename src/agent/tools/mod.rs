//! The tools that a model may call: all of them read. What a model writes is checked here before anything is asked.

mod arguments;
mod schema;

use serde_json::Value;

use chrono::TimeDelta;

use arguments::Arguments;
pub use schema::{Available, specs};

/// Lines that a log tool gives when nothing else is said.
const LOG_LINES: usize = 100;
/// Most lines of one log call: more than a model can read.
const MAX_LOG_LINES: usize = 1_000;
/// How far back a tool looks when nothing else is said.
const SINCE: TimeDelta = TimeDelta::hours(1);
/// Furthest back.
const MAX_SINCE: TimeDelta = TimeDelta::days(7);
/// Passages of one search.
const MAX_PASSAGES: usize = 10;

/// One checked call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tool {
    /// A PromQL query, evaluated now.
    QueryMetrics {
        /// PromQL.
        query: String,
    },
    /// A PromQL query over time.
    QueryMetricsRange {
        /// PromQL.
        query: String,
        /// How far back, in seconds.
        since: i64,
    },
    /// Log lines of a namespace or a pod.
    QueryLogs {
        /// Where.
        scope: LogScope,
        /// Text or LogsQL that the lines must have.
        filter: Option<String>,
    },
    /// Log lines that look like errors.
    QueryErrorLogs {
        /// Where.
        scope: LogScope,
    },
    /// Log lines with a text, anywhere or in a namespace.
    SearchLogs {
        /// The text.
        text: String,
        /// Where.
        scope: LogScope,
    },
    /// What writes logs, with the number of lines.
    ListLogStreams {
        /// `None`: everywhere.
        namespace: Option<String>,
        /// How far back, in seconds.
        since: i64,
    },
    /// Lines, errors and the most frequent patterns of a namespace.
    LogsStats {
        /// Where.
        scope: LogScope,
    },
    /// One object, or a list of them.
    KubernetesGet {
        /// `pod`, `deployment`, …
        kind: String,
        /// One object; `None` lists.
        name: Option<String>,
        /// `None` for what has none, and for everywhere.
        namespace: Option<String>,
    },
    /// Events of a namespace or about an object.
    KubernetesEvents {
        /// Where.
        namespace: String,
        /// About what.
        name: Option<String>,
    },
    /// A container's log from the Kubernetes API.
    KubernetesLogs {
        /// Where.
        namespace: String,
        /// Which pod.
        pod: String,
        /// Which container.
        container: Option<String>,
        /// Of the run before the last restart.
        previous: bool,
        /// How many lines, from the end.
        lines: usize,
    },
    /// Revisions of a workload: when each was rolled out and what changed.
    KubernetesRollouts {
        /// Where.
        namespace: String,
        /// Which workload.
        workload: String,
    },
    /// Runbooks about something.
    SearchRunbooks {
        /// About what.
        query: String,
        /// How many.
        top_k: usize,
    },
    /// Past incidents like something.
    SearchIncidentHistory {
        /// Like what.
        query: String,
        /// How many.
        top_k: usize,
    },
    /// Everything that is written down.
    SearchKnowledge {
        /// About what.
        query: String,
        /// How many.
        top_k: usize,
    },
    /// Writes a note for later: the one thing that is kept, and only in the bot's own knowledge.
    AddNote {
        /// What.
        content: String,
        /// Words to find it by.
        tags: Vec<String>,
    },
}

/// Which log lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogScope {
    /// `None`: everywhere.
    pub namespace: Option<String>,
    /// One pod, or all whose names begin so.
    pub pod: Option<String>,
    /// At most so many lines, the newest.
    pub limit: usize,
    /// How far back, in seconds.
    pub since: i64,
}

/// Names of all tools, in the order they are offered.
pub const NAMES: [&str; 15] = [
    "query_metrics",
    "query_metrics_range",
    "query_logs",
    "query_error_logs",
    "search_logs",
    "list_log_streams",
    "logs_stats",
    "kubernetes_get",
    "kubernetes_events",
    "kubernetes_logs",
    "kubernetes_rollouts",
    "search_runbooks",
    "search_incident_history",
    "search_knowledge",
    "add_note",
];

impl Tool {
    /// Reads a call. Numbers may come as text, durations in any usual spelling; what is not known is passed over.
    ///
    /// # Errors
    /// A sentence for the model that names the argument and the mend.
    pub fn parse(name: &str, arguments: &Value) -> Result<Self, String> {
        let arguments = Arguments::of(name, arguments)?;
        let namespace = || arguments.text(&["namespace", "ns"]);
        let scope = |namespace: Option<String>| {
            Ok::<_, String>(LogScope {
                namespace,
                pod: arguments.text(&["pod", "pod_name"])?,
                limit: arguments.number(&["limit", "lines", "tail"], LOG_LINES, MAX_LOG_LINES)?,
                since: since(&arguments)?,
            })
        };
        let needed_namespace = || arguments.needed(&["namespace", "ns"]);
        let top_k = |default| arguments.number(&["top_k", "k", "limit"], default, MAX_PASSAGES);
        match name {
            "query_metrics" => Ok(Self::QueryMetrics { query: arguments.needed(&["query", "promql", "expr"])? }),
            "query_metrics_range" => Ok(Self::QueryMetricsRange {
                query: arguments.needed(&["query", "promql", "expr"])?,
                since: since(&arguments)?,
            }),
            "query_logs" => Ok(Self::QueryLogs {
                scope: scope(Some(needed_namespace()?))?,
                filter: arguments.text(&["filter", "query", "text"])?,
            }),
            "query_error_logs" => Ok(Self::QueryErrorLogs { scope: scope(Some(needed_namespace()?))? }),
            "search_logs" => Ok(Self::SearchLogs {
                text: arguments.needed(&["text", "query", "filter"])?,
                scope: scope(namespace()?)?,
            }),
            "list_log_streams" => Ok(Self::ListLogStreams { namespace: namespace()?, since: since(&arguments)? }),
            "logs_stats" => Ok(Self::LogsStats { scope: scope(Some(needed_namespace()?))? }),
            "kubernetes_get" => {
                let kind = arguments.needed(&["kind", "resource", "type"])?;
                let (kind, slashed) = match kind.split_once('/') {
                    Some((kind, name)) => (kind.to_owned(), Some(name.to_owned())),
                    None => (kind, None),
                };
                Ok(Self::KubernetesGet {
                    kind: kind.to_ascii_lowercase(),
                    name: arguments.text(&["name"])?.or(slashed),
                    namespace: namespace()?,
                })
            }
            "kubernetes_events" => Ok(Self::KubernetesEvents {
                namespace: needed_namespace()?,
                name: arguments.text(&["name", "pod", "object"])?,
            }),
            "kubernetes_logs" => Ok(Self::KubernetesLogs {
                namespace: needed_namespace()?,
                pod: arguments.needed(&["pod", "pod_name", "name"])?,
                container: arguments.text(&["container"])?,
                previous: arguments.flag(&["previous"])?,
                lines: arguments.number(&["lines", "tail", "limit"], LOG_LINES, MAX_LOG_LINES)?,
            }),
            "kubernetes_rollouts" => Ok(Self::KubernetesRollouts {
                namespace: needed_namespace()?,
                workload: without_kind(&arguments.needed(&["workload", "name", "deployment"])?),
            }),
            "search_runbooks" => {
                Ok(Self::SearchRunbooks { query: arguments.needed(&["query", "text"])?, top_k: top_k(3)? })
            }
            "search_incident_history" => {
                Ok(Self::SearchIncidentHistory { query: arguments.needed(&["query", "text"])?, top_k: top_k(5)? })
            }
            "search_knowledge" => {
                Ok(Self::SearchKnowledge { query: arguments.needed(&["query", "text"])?, top_k: top_k(5)? })
            }
            "add_note" => Ok(Self::AddNote {
                content: arguments.needed(&["content", "text", "note"])?,
                tags: arguments.list(&["tags"])?,
            }),
            other => Err(format!("there is no tool `{}`; these exist: {}", shown(other), NAMES.join(", "))),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::QueryMetrics { .. } => "query_metrics",
            Self::QueryMetricsRange { .. } => "query_metrics_range",
            Self::QueryLogs { .. } => "query_logs",
            Self::QueryErrorLogs { .. } => "query_error_logs",
            Self::SearchLogs { .. } => "search_logs",
            Self::ListLogStreams { .. } => "list_log_streams",
            Self::LogsStats { .. } => "logs_stats",
            Self::KubernetesGet { .. } => "kubernetes_get",
            Self::KubernetesEvents { .. } => "kubernetes_events",
            Self::KubernetesLogs { .. } => "kubernetes_logs",
            Self::KubernetesRollouts { .. } => "kubernetes_rollouts",
            Self::SearchRunbooks { .. } => "search_runbooks",
            Self::SearchIncidentHistory { .. } => "search_incident_history",
            Self::SearchKnowledge { .. } => "search_knowledge",
            Self::AddNote { .. } => "add_note",
        }
    }

    /// What it is about, for the line that says what is being looked at.
    pub fn object(&self) -> String {
        let scope = |scope: &LogScope| match (&scope.namespace, &scope.pod) {
            (Some(namespace), Some(pod)) => format!("{namespace}/{pod}"),
            (Some(namespace), None) => namespace.clone(),
            (None, Some(pod)) => pod.clone(),
            (None, None) => String::new(),
        };
        let within = |namespace: &Option<String>, name: &str| match namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name.to_owned(),
        };
        match self {
            Self::QueryMetrics { query } | Self::QueryMetricsRange { query, .. } => query.clone(),
            Self::QueryLogs { scope: of, .. } | Self::QueryErrorLogs { scope: of } | Self::LogsStats { scope: of } => {
                scope(of)
            }
            Self::SearchLogs { text, .. } => text.clone(),
            Self::ListLogStreams { namespace, .. } => namespace.clone().unwrap_or_default(),
            Self::KubernetesGet { kind, name, namespace } => match name {
                Some(name) => format!("{kind} {}", within(namespace, name)),
                None => format!("{kind} {}", namespace.as_deref().unwrap_or_default()).trim_end().to_owned(),
            },
            Self::KubernetesEvents { namespace, name } => match name {
                Some(name) => format!("{namespace}/{name}"),
                None => namespace.clone(),
            },
            Self::KubernetesLogs { namespace, pod, .. } => format!("{namespace}/{pod}"),
            Self::KubernetesRollouts { namespace, workload } => format!("{namespace}/{workload}"),
            Self::SearchRunbooks { query, .. }
            | Self::SearchIncidentHistory { query, .. }
            | Self::SearchKnowledge { query, .. } => query.clone(),
            Self::AddNote { tags, .. } => tags.join(", "),
        }
    }
}

fn since(arguments: &Arguments<'_>) -> Result<i64, String> {
    arguments.seconds(&["start", "since", "range", "minutes"], SINCE, MAX_SINCE)
}

/// `deployment/web` and `web` are the same here.
fn without_kind(name: &str) -> String {
    name.rsplit('/').next().unwrap_or(name).to_owned()
}

/// A stranger's word in an error: short and on one line.
fn shown(text: &str) -> String {
    crate::domain::text::line(text, 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn calls_as_small_models_write_them() {
        for (name, arguments, expected) in [
            ("query_metrics", json!({"query": "up"}), Ok(Tool::QueryMetrics { query: "up".into() })),
            (
                "query_metrics_range",
                json!({"promql": "up", "start": "now-30m", "step": "15s"}),
                Ok(Tool::QueryMetricsRange { query: "up".into(), since: 1800 }),
            ),
            (
                "query_error_logs",
                json!({"namespace": "shop", "limit": "50", "start": "2h"}),
                Ok(Tool::QueryErrorLogs {
                    scope: LogScope { namespace: Some("shop".into()), pod: None, limit: 50, since: 7200 },
                }),
            ),
            (
                "kubernetes_get",
                json!({"kind": "Deployment/web", "namespace": "shop"}),
                Ok(Tool::KubernetesGet {
                    kind: "deployment".into(),
                    name: Some("web".into()),
                    namespace: Some("shop".into()),
                }),
            ),
            (
                "kubernetes_logs",
                json!({"namespace": "shop", "pod": "web-0", "previous": "true", "lines": 100_000}),
                Ok(Tool::KubernetesLogs {
                    namespace: "shop".into(),
                    pod: "web-0".into(),
                    container: None,
                    previous: true,
                    lines: 1000,
                }),
            ),
            (
                "add_note",
                json!({"content": "x", "tags": "db, slow"}),
                Ok(Tool::AddNote { content: "x".into(), tags: vec!["db".into(), "slow".into()] }),
            ),
        ] {
            assert_eq!(Tool::parse(name, &arguments), expected, "{name} {arguments}");
        }
    }

    #[test]
    fn refusals_name_the_argument_and_the_mend() {
        for (name, arguments, error) in [
            ("query_logs", json!({"pod": "x"}), "query_logs: `namespace` is missing"),
            ("query_logs", json!({"namespace": 3.5}), "query_logs: `namespace` must be text, not 3.5"),
            ("query_logs", json!([]), "query_logs: the arguments must be an object like {\"namespace\": …}"),
            (
                "query_logs",
                json!({"namespace": "a", "limit": "many"}),
                "query_logs: `limit` must be a whole number, not \"many\"",
            ),
            (
                "query_logs",
                json!({"namespace": "a", "start": "yesterday"}),
                "query_logs: `start` must be how far back, like 30m or 2h, not \"yesterday\"",
            ),
        ] {
            assert_eq!(Tool::parse(name, &arguments).unwrap_err(), error);
        }
        assert!(
            Tool::parse("kubectl_delete", &json!({})).unwrap_err().starts_with("there is no tool `kubectl_delete`;")
        );
    }

    #[test]
    fn every_name_is_offered_and_read() {
        let all = specs(Available { metrics: true, logs: true, kubernetes: true, notes: true });
        let names: Vec<&str> = all.iter().map(|spec| spec.name).collect();
        assert_eq!(names, NAMES);
        for spec in &all {
            let required = spec.parameters["required"].as_array().unwrap();
            let arguments: serde_json::Map<String, Value> =
                required.iter().map(|name| (name.as_str().unwrap().to_owned(), json!("x"))).collect();
            assert_eq!(Tool::parse(spec.name, &Value::Object(arguments)).unwrap().name(), spec.name);
        }
    }
}
