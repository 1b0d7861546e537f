//! How the tools are offered. Kept short: every word here is read by the model before each question.

use serde_json::{Value, json};

use crate::agent::message::ToolSpec;

/// Which neighbours there are; tools of the others are not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Available {
    /// VictoriaMetrics or Prometheus.
    pub metrics: bool,
    /// VictoriaLogs.
    pub logs: bool,
    /// The Kubernetes API.
    pub kubernetes: bool,
    /// Whether notes may be written.
    pub notes: bool,
}

/// The tools that can answer.
pub fn specs(available: Available) -> Vec<ToolSpec> {
    let Available { metrics, logs, kubernetes, notes } = available;
    let tools = [
        (metrics, "query_metrics", "PromQL value now", &[("query", Kind::Text, true)][..]),
        (
            metrics,
            "query_metrics_range",
            "PromQL over time, with a summary; start: how far back, e.g. 1h",
            &[("query", Kind::Text, true), ("start", Kind::Text, false)],
        ),
        (
            logs,
            "query_logs",
            "Newest log lines of a namespace or pod",
            &[
                ("namespace", Kind::Text, true),
                ("pod", Kind::Text, false),
                ("filter", Kind::Text, false),
                ("limit", Kind::Number, false),
                ("start", Kind::Text, false),
            ],
        ),
        (
            logs,
            "query_error_logs",
            "Error lines grouped into patterns",
            &[
                ("namespace", Kind::Text, true),
                ("pod", Kind::Text, false),
                ("limit", Kind::Number, false),
                ("start", Kind::Text, false),
            ],
        ),
        (
            logs,
            "search_logs",
            "Log lines with a text",
            &[
                ("text", Kind::Text, true),
                ("namespace", Kind::Text, false),
                ("limit", Kind::Number, false),
                ("start", Kind::Text, false),
            ],
        ),
        (
            logs,
            "list_log_streams",
            "What writes logs, with counts",
            &[("namespace", Kind::Text, false), ("start", Kind::Text, false)],
        ),
        (
            logs,
            "logs_stats",
            "Lines, errors and top patterns",
            &[("namespace", Kind::Text, true), ("pod", Kind::Text, false), ("start", Kind::Text, false)],
        ),
        (
            kubernetes,
            "kubernetes_get",
            "An object, or a list without a name; never Secrets",
            &[("kind", Kind::Text, true), ("namespace", Kind::Text, false), ("name", Kind::Text, false)],
        ),
        (
            kubernetes,
            "kubernetes_events",
            "Events of a namespace or object",
            &[("namespace", Kind::Text, true), ("name", Kind::Text, false)],
        ),
        (
            kubernetes,
            "kubernetes_logs",
            "A pod's own log; previous: before the restart",
            &[
                ("namespace", Kind::Text, true),
                ("pod", Kind::Text, true),
                ("container", Kind::Text, false),
                ("previous", Kind::Flag, false),
                ("lines", Kind::Number, false),
            ],
        ),
        (
            kubernetes,
            "kubernetes_rollouts",
            "Revisions of a workload and what changed",
            &[("namespace", Kind::Text, true), ("workload", Kind::Text, true)],
        ),
        (
            true,
            "search_runbooks",
            "Runbooks about a problem",
            &[("query", Kind::Text, true), ("top_k", Kind::Number, false)],
        ),
        (
            true,
            "search_incident_history",
            "Past incidents and what fixed them",
            &[("query", Kind::Text, true), ("top_k", Kind::Number, false)],
        ),
        (
            true,
            "search_knowledge",
            "Runbooks, incidents and notes",
            &[("query", Kind::Text, true), ("top_k", Kind::Number, false)],
        ),
        (
            notes,
            "add_note",
            "Keep a note, only when asked to",
            &[("content", Kind::Text, true), ("tags", Kind::Text, false)],
        ),
    ];
    tools
        .into_iter()
        .filter(|(there, ..)| *there)
        .map(|(_, name, description, fields)| ToolSpec { name, description, parameters: parameters(fields) })
        .collect()
}

/// The kind of an argument.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// A boolean.
    Flag,
}

/// A JSON schema of `(name, kind, required)`.
fn parameters(fields: &[(&str, Kind, bool)]) -> Value {
    let property = |kind: Kind| match kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Number => json!({"type": "integer"}),
        Kind::Flag => json!({"type": "boolean"}),
    };
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|(name, kind, _)| ((*name).to_owned(), property(*kind))).collect();
    let required: Vec<&str> = fields.iter().filter(|(_, _, required)| *required).map(|(name, ..)| *name).collect();
    json!({"type": "object", "properties": properties, "required": required})
}
