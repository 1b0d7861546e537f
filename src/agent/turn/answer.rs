//! The schemas that answers are asked for in, and reading what came.
//!
//! Schemas are flat and without nulls: small models and the grammars of servers do best with those.

use serde_json::{Map, Value, json};

use super::{Brief, Outcome, Task};
use crate::agent::document::object_in;
use crate::agent::message::{Expect, ToolCall};
use crate::domain::report::{Claim, Report};
use crate::domain::text;

/// Claims of one kind that are kept.
const MAX_CLAIMS: usize = 6;
/// Longest claim, in bytes.
const MAX_CLAIM_BYTES: usize = 1_200;
/// Steps that are kept.
const MAX_STEPS: usize = 6;
/// Actions that are kept, and the longest of them in bytes.
const MAX_ACTIONS: usize = 2;
const MAX_ACTION_BYTES: usize = 300;
/// Longest answer, in bytes: more than its tokens allow.
const MAX_ANSWER_BYTES: usize = 32 * 1024;
/// Look-ups that a report may ask for.
const MAX_MISSING: usize = 2;
/// What a schema-guided step is called that ends the looking.
const ANSWER: &str = "answer";

/// The form of an answer.
pub(super) fn expected(brief: &Brief, may_look: bool) -> Expect {
    match &brief.task {
        Task::Explain => Expect::Json { name: "report", schema: report_schema(brief, may_look) },
        Task::Question => Expect::Json {
            name: "answer",
            schema: json!({
                "type": "object",
                "properties": {"answer": {"type": "string"}},
                "required": ["answer"],
                "additionalProperties": false,
            }),
        },
        Task::Shaped { schema } => Expect::Json { name: "answer", schema: schema.clone() },
    }
}

fn report_schema(brief: &Brief, may_look: bool) -> Value {
    let claim = json!({
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "evidence": {"type": "array", "items": {"type": "string"}, "maxItems": 6},
        },
        "required": ["text", "evidence"],
        "additionalProperties": false,
    });
    let claims = json!({"type": "array", "items": claim, "maxItems": 4});
    let mut properties = Map::new();
    let mut add = |name: &str, schema: &Value| properties.insert(name.to_owned(), schema.clone());
    if may_look {
        // First, so that a model that lacks something says so before it makes something up.
        let missing = json!({"type": "array", "maxItems": MAX_MISSING, "items": call_schema(brief, None)});
        add("missing", &missing);
    }
    add("established", &json!({"type": "boolean"}));
    add("cause", &claim);
    add("confirmed", &claims);
    add("suspected", &claims);
    add("impact", &claim);
    add("healthy", &claims);
    add("next_steps", &json!({"type": "array", "items": {"type": "string"}, "maxItems": MAX_STEPS}));
    if brief.may_propose {
        add("actions", &json!({"type": "array", "items": {"type": "string"}, "maxItems": MAX_ACTIONS}));
    }
    let required: Vec<String> = properties.keys().cloned().collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The form of a step by which a model calls a tool without tool calling.
pub(super) fn step_schema(brief: &Brief) -> Value {
    call_schema(brief, Some(ANSWER))
}

fn call_schema(brief: &Brief, besides: Option<&str>) -> Value {
    let names: Vec<&str> = brief.tools.iter().map(|tool| tool.name).chain(besides).collect();
    json!({
        "type": "object",
        "properties": {"tool": {"type": "string", "enum": names}, "arguments": {"type": "object"}},
        "required": ["tool", "arguments"],
        "additionalProperties": false,
    })
}

/// The call in a schema-guided step; none when the model wants to answer.
pub(super) fn step_of(text: &str) -> Vec<ToolCall> {
    object_in(text).and_then(|step| call_of(&Value::Object(step))).into_iter().collect()
}

fn call_of(step: &Value) -> Option<ToolCall> {
    let name = step.get("tool").or_else(|| step.get("name"))?.as_str()?.to_owned();
    let arguments = step.get("arguments").cloned().unwrap_or_else(|| json!({}));
    (name != ANSWER && arguments.is_object()).then_some(ToolCall { id: String::new(), name, arguments })
}

/// An answer as it was read.
pub(super) struct Read {
    pub outcome: Outcome,
    /// Look-ups that a report asks for.
    pub missing: Vec<ToolCall>,
}

/// Reads an answer; `None` when there is nothing of the form that was asked for.
pub(super) fn read(task: &Task, raw: &str) -> Option<Read> {
    let only = |outcome| Some(Read { outcome, missing: Vec::new() });
    match task {
        Task::Shaped { .. } => {
            let object = object_in(raw)?;
            only(Outcome::Shaped(Value::Object(object).to_string()))
        }
        Task::Question => {
            let text = match object_in(raw) {
                Some(object) => ["answer", "text", "response", "content"]
                    .iter()
                    .find_map(|name| object.get(*name)?.as_str())
                    .map(str::to_owned)?,
                // A server that enforces no schema may get prose; it is an answer, unless it is a broken document.
                None if !is_document(raw) => raw.to_owned(),
                None => return None,
            };
            let text = text::bounded(text.trim(), MAX_ANSWER_BYTES).into_owned();
            if text.is_empty() { None } else { only(Outcome::Answer { text, unverified: Vec::new() }) }
        }
        Task::Explain => {
            let object = object_in(raw)?;
            let missing = object.get("missing").and_then(Value::as_array).into_iter().flatten();
            let missing = missing.filter_map(call_of).take(MAX_MISSING).collect();
            Some(Read { outcome: Outcome::Report(Box::new(report(&object))), missing })
        }
    }
}

/// Whether it was meant to be read by a program. A sentence may begin with a citation: `[E3] The pod …`.
fn is_document(raw: &str) -> bool {
    let raw = raw.trim_start();
    raw.starts_with(['{', '<']) || ["[{", "[\"", "[]"].into_iter().any(|opening| raw.starts_with(opening))
}

/// What of an outcome may be trusted where the model was cut off while it wrote: its last words say that they are not all,
/// and an action that may have lost its end is another action.
pub(super) fn cut_off(outcome: &mut Outcome) {
    let last = match outcome {
        Outcome::Answer { text, .. } => Some(text),
        Outcome::Report(report) => {
            report.actions.clear();
            match report.next_steps.is_empty() {
                true => report.claims_mut().map(|claim| &mut claim.text).last(),
                false => report.next_steps.last_mut(),
            }
        }
        Outcome::Shaped(_) | Outcome::Nothing(_) => None,
    };
    if let Some(last) = last
        && !last.ends_with(['.', '!', '?', '…'])
    {
        last.push_str(" …");
    }
}

/// Reads an answer in plain words: of a report, a suspicion, since nobody said what of it is established.
pub(super) fn read_plain(task: &Task, raw: &str) -> Option<Read> {
    if let Some(read) = read(task, raw) {
        return Some(read);
    }
    let words = text::line(raw, MAX_CLAIM_BYTES);
    if *task != Task::Explain || !words.chars().any(char::is_alphabetic) {
        return None;
    }
    let claim = Claim { text: words, evidence: Vec::new(), unverified: Vec::new() };
    let outcome = Outcome::Report(Box::new(Report { suspected: vec![claim], ..Report::default() }));
    Some(Read { outcome, missing: Vec::new() })
}

fn report(object: &Map<String, Value>) -> Report {
    let one = |name: &str| object.get(name).and_then(claim);
    let many = |name: &str| {
        let claims = object.get(name).and_then(Value::as_array).into_iter().flatten();
        claims.filter_map(claim).take(MAX_CLAIMS).collect::<Vec<Claim>>()
    };
    let lines = |name: &str, longest: usize, most: usize| {
        let texts = object.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let lines = texts.map(|text| text::line(text, longest)).filter(|line| !line.is_empty());
        lines.take(most).collect::<Vec<String>>()
    };
    let established = object.get("established").and_then(Value::as_bool).unwrap_or(true);
    let mut report = Report {
        cause: one("cause"),
        confirmed: many("confirmed"),
        suspected: many("suspected"),
        impact: one("impact"),
        healthy: many("healthy"),
        next_steps: lines("next_steps", MAX_CLAIM_BYTES, MAX_STEPS),
        actions: lines("actions", MAX_ACTION_BYTES, MAX_ACTIONS),
    };
    if !established && let Some(guess) = report.cause.take() {
        report.suspected.insert(0, guess);
    }
    report
}

/// A claim as an object, or as a bare sentence.
fn claim(value: &Value) -> Option<Claim> {
    let (text, cited) = match value {
        Value::String(text) => (text.as_str(), None),
        Value::Object(claim) => (claim.get("text")?.as_str()?, claim.get("evidence")),
        _ => return None,
    };
    let text = text::line(text, MAX_CLAIM_BYTES);
    let ids = cited.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let evidence = ids.flat_map(crate::agent::citations::ids_in).collect();
    (!text.is_empty()).then_some(Claim { text, evidence, unverified: Vec::new() })
}

/// Whether an outcome says nothing.
pub(super) fn is_empty(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Report(report) => report.is_empty(),
        Outcome::Answer { text, .. } => text.is_empty(),
        Outcome::Shaped(_) => false,
        Outcome::Nothing(_) => true,
    }
}
