//! What tools were called and what they brought, as HolmesGPT tells it.

use serde_json::{Value, json};

use super::desk::Happened;
use crate::agent::message::ToolCall;
use crate::agent::tools::Tool;
use crate::agent::turn::ToolAnswer;
use crate::domain::evidence::{Evidence, EvidenceData};
use crate::domain::text;

/// Form of a tool's result.
const SCHEMA_VERSION: &str = "robusta:v1.0.0";
/// Longest description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 300;

/// Every call that was answered, as a `ToolCallResult`.
pub(super) fn results(steps: &[Happened]) -> Vec<Value> {
    let answered = steps.iter().filter_map(|step| match step {
        Happened::Answered(call, answer) => Some(json!({
            "tool_call_id": call.id,
            "tool_name": call.name,
            "description": description(call, answer),
            "result": result(call, answer),
            "size": null,
        })),
        _ => None,
    });
    answered.collect()
}

/// The data of a `tool_calling_result` event.
pub(super) fn event(call: &ToolCall, answer: &ToolAnswer) -> Value {
    json!({
        "tool_call_id": call.id,
        "role": "tool",
        "description": description(call, answer),
        "name": call.name,
        "tool_name": call.name,
        "result": result(call, answer),
    })
}

/// What an investigation asked before the model spoke, as the call that a model would have made for it. Its id is the
/// evidence's number, so that a citation leads to it. The alerts themselves came with the request: nobody was asked.
pub(super) fn of_evidence(evidence: &Evidence) -> Option<(ToolCall, ToolAnswer)> {
    let name = match &evidence.data {
        EvidenceData::Alerts { .. } => return None,
        EvidenceData::Series(_) => "query_metrics_range",
        EvidenceData::Patterns(_) | EvidenceData::Text { .. } => "query_logs",
        EvidenceData::Workload(_) | EvidenceData::Node(_) | EvidenceData::Service(_) | EvidenceData::Namespace(_) => {
            "kubernetes_get"
        }
        EvidenceData::Events { .. } => "kubernetes_events",
        EvidenceData::Changes { .. } => "kubernetes_rollouts",
        EvidenceData::History(_) => "search_incident_history",
        EvidenceData::Passages { .. } => "search_knowledge",
    };
    let arguments = json!({"query": evidence.query});
    let call = ToolCall { id: evidence.id.to_string(), name: name.to_owned(), arguments };
    Some((call, ToolAnswer { text: String::new(), evidence: Some(evidence.clone()) }))
}

fn description(call: &ToolCall, answer: &ToolAnswer) -> String {
    let title = answer.evidence.as_ref().map(|evidence| evidence.title.clone());
    let words = title.or_else(|| {
        let tool = Tool::parse(&call.name, &call.arguments).ok()?;
        Some(format!("{} {}", tool.name(), tool.object()))
    });
    text::line(words.as_deref().unwrap_or(&call.name), MAX_DESCRIPTION_BYTES)
}

/// A `StructuredToolResult`.
fn result(call: &ToolCall, answer: &ToolAnswer) -> Value {
    let evidence = answer.evidence.as_ref();
    let error = answer.text.strip_prefix("error: ").filter(|_| evidence.is_none());
    let status = match (evidence, error) {
        (Some(_), _) => "success",
        (None, Some(_)) => "error",
        // It brings nothing because there is nothing to bring.
        (None, None) if call.name == "add_note" => "success",
        (None, None) => "no_data",
    };
    let data = match (evidence, error) {
        (Some(evidence), _) => evidence.excerpt.as_str(),
        (None, Some(_)) => "",
        (None, None) => answer.text.as_str(),
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "status": status,
        "error": error,
        "return_code": null,
        "data": data,
        "url": evidence.and_then(|evidence| evidence.link.as_deref()),
        "invocation": evidence.map(|evidence| evidence.query.as_str()),
        "params": call.arguments,
        "icon_url": null,
    })
}
