//! `POST /api/chat`, and the conversations about what was found before: `issue_chat` and `workload_health_chat`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};

use super::desk::{Desk, Happened, Looked};
use super::errors::Failure;
use super::fields::Invalid;
use super::steps::Steps;
use super::types::{Chat, Followup};
use super::{Shared, history, metadata, sections, stream, subject, tool_calls};
use crate::agent::message::Usage;
use crate::agent::prompt::{Question, Said};
use crate::domain::text;

/// Who asks.
const AUTHOR: &str = "api";
/// Longest part of an earlier result that counts as one thing said, in bytes; the prompt keeps so much of each.
const PART_BYTES: usize = 800;
/// Parts of an earlier result, and outputs of its tools, that are told.
const MAX_PARTS: usize = 5;
const MAX_OUTPUTS: usize = 3;
/// Evidence that stands in for an answer that the model did not give.
const MAX_INSTEAD: usize = 8;
/// Longest excerpt of it, in bytes.
const INSTEAD_BYTES: usize = 600;

/// Fields of the last event.
const SHOWN: &[&str] = &["analysis", "conversation_history", "follow_up_actions", "metadata"];

#[utoipa::path(post, path = "/api/chat", request_body = serde_json::Value, responses((status = 200, description = "an answer as HolmesGPT gives it; events with `stream`"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn chat(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (chat, permit) = match shared.read(request, Chat::read).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let talk = Talk { chat, before: Vec::new(), resource: Map::new(), follow_ups: FollowUps::Offered };
    if !talk.chat.stream {
        return answered(&shared, talk).await;
    }
    // An error before the first event is still a status.
    let facts = match shared.holmes.desk.facts().await {
        Ok(facts) => facts,
        Err(failure) => return failure.into_response(),
    };
    let (prior, ask) = (talk.chat.history.clone(), talk.chat.ask.clone());
    let metadata = move |step: &Happened| match step {
        Happened::Turn(usage) => {
            let told = history::continued(&prior, "", &ask, &[], None);
            Some(metadata::of(*usage, Some(&facts), &told, &[]))
        }
        _ => None,
    };
    let work = |steps| async move { shared.unless_stopping(talk.hold(&shared.holmes.desk, &steps)).await };
    stream::of(work, metadata, SHOWN, permit)
}

#[utoipa::path(post, path = "/api/issue_chat", request_body = serde_json::Value, responses((status = 200, description = "an answer about an earlier investigation"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn issue_chat(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    followup(&shared, request, Followup::issue).await
}

#[utoipa::path(post, path = "/api/workload_health_chat", request_body = serde_json::Value, responses((status = 200, description = "an answer about a workload"),
    (status = 422, description = "`{\"detail\": […]}`: what is wrong, by field")))]
pub(super) async fn workload_health_chat(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    followup(&shared, request, Followup::workload).await
}

async fn followup(shared: &Shared, request: Request, read: fn(&Value) -> Result<Followup, Invalid>) -> Response {
    let (Followup { chat, result, tools, resource }, _permit) = match shared.read(request, read).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let before = earlier(&shared.holmes.desk, &result, &tools);
    answered(shared, Talk { chat, before, resource, follow_ups: FollowUps::None }).await
}

async fn answered(shared: &Shared, talk: Talk) -> Response {
    match shared.unless_stopping(talk.hold(&shared.holmes.desk, &Steps::default())).await {
        Ok(body) => Json(body).into_response(),
        Err(failure) => failure.into_response(),
    }
}

/// An earlier result as things that were said: in parts, because the prompt keeps a bounded piece of each.
fn earlier(desk: &Desk, result: &str, tools: &[(String, String)]) -> Vec<Said> {
    let mut parts: Vec<String> = Vec::new();
    for line in desk.clean(result).lines() {
        match parts.last_mut() {
            Some(part) if part.len() + line.len() < PART_BYTES => {
                part.push('\n');
                part.push_str(line);
            }
            _ => parts.push(line.to_owned()),
        }
    }
    let results = parts.into_iter().filter(|part| !part.trim().is_empty()).take(MAX_PARTS);
    let results = results.map(|text| Said { author: "investigation".into(), text, by_us: false });
    let outputs = tools.iter().take(MAX_OUTPUTS).map(|(name, output)| Said {
        author: format!("tool {}", text::line(name, 60)),
        text: desk.clean(&text::bounded(output, PART_BYTES)),
        by_us: false,
    });
    results.chain(outputs).collect()
}

/// Whether an answer proposes what to ask next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FollowUps {
    Offered,
    None,
}

struct Talk {
    chat: Chat,
    /// What was found before.
    before: Vec<Said>,
    /// What it is about, where that is said.
    resource: Map<String, Value>,
    follow_ups: FollowUps,
}

impl Talk {
    /// Holds the conversation, to the body of the response.
    async fn hold(self, desk: &Desk, steps: &Steps) -> Result<Value, Failure> {
        let Self { chat, before, resource, follow_ups } = self;
        let facts = desk.facts().await.ok();
        let ask = desk.clean(&chat.ask);
        let mut said = before;
        said.extend(history::said(&chat.history, |text| desk.clean(text)));
        let system = chat.additional_system_prompt.as_deref().map(|text| desk.clean(text));
        let looked = if resource.is_empty() {
            None
        } else {
            let incident = subject::of_resource(&ask, &resource, |text| desk.clean(text), desk.now());
            Some(desk.look(incident, steps).await?)
        };
        let question = Question {
            text: &ask,
            author: AUTHOR,
            said: &said,
            system: system.as_deref().filter(|text| !text.trim().is_empty()),
            schema: chat.schema.clone(),
        };
        let mut notes: Vec<String> = metadata::other_model(chat.model.as_deref(), facts.as_ref()).into_iter().collect();
        if chat.has_images {
            notes.push("`images` are not looked at".into());
        }
        let answer = desk.chat(looked.as_ref(), &question, steps).await;
        let steps = steps.all();
        let (analysis, usage, system) = match answer {
            Ok(answer) => {
                // A document in the asker's schema must stay one.
                let analysis = match chat.schema {
                    Some(_) => answer.text,
                    None => sections::marked(desk.render(), &answer.text, &answer.unverified),
                };
                (analysis, answer.conversation.usage(), answer.conversation.system().to_owned())
            }
            Err(failure) => {
                let analysis = instead(desk, looked.as_ref(), &steps, &failure).ok_or(failure.clone())?;
                notes.push(format!("the model did not answer: {}", failure.detail));
                (analysis, Usage::default(), String::new())
            }
        };
        let messages = history::continued(&chat.history, &system, &ask, &steps, Some(&analysis));
        let follow_up_actions = match follow_ups {
            FollowUps::Offered if !history::is_answered(&chat.history) => actions(desk),
            _ => Vec::new(),
        };
        Ok(json!({
            "analysis": analysis,
            "metadata": metadata::of(usage, facts.as_ref(), &messages, &notes),
            "conversation_history": messages,
            "tool_calls": tool_calls::results(&steps),
            "follow_up_actions": follow_up_actions,
            "pending_approvals": null,
        }))
    }
}

/// What can be said although the model gave no answer: what was found, or what its tools brought before it failed.
fn instead(desk: &Desk, looked: Option<&Looked>, steps: &[Happened], failure: &Failure) -> Option<String> {
    if let Some(looked) = looked.filter(|looked| !looked.record.evidence.is_empty()) {
        return Some(desk.report(looked, failure));
    }
    let brought = steps.iter().filter_map(|step| match step {
        Happened::Answered(_, answer) => Some(&answer.evidence),
        _ => None,
    });
    let lines: Vec<String> = brought
        .flatten()
        .take(MAX_INSTEAD)
        .map(|evidence| {
            let excerpt = text::bounded(&evidence.excerpt, INSTEAD_BYTES);
            format!("**{}** [{}]\n```\n{excerpt}\n```", evidence.title, evidence.id)
        })
        .collect();
    let failed = desk.render().word("answer.failed");
    (!lines.is_empty()).then(|| format!("**{failed}:** {}\n\n{}", failure.detail, lines.join("\n\n")))
}

/// What may be asked next, with the ids that clients have buttons for. There are no pictures in this API, so none for
/// graphs.
fn actions(desk: &Desk) -> Vec<Value> {
    let word = |id: &str, what: &str| desk.render().word(&format!("follow_up.{id}.{what}"));
    let action = |id: &str| {
        json!({
            "id": id,
            "action_label": word(id, "label"),
            "pre_action_notification_text": word(id, "notice"),
            "prompt": word(id, "prompt"),
        })
    };
    ["logs", "articles"].map(action).into()
}
