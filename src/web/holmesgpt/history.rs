//! `conversation_history`: what a client sends back each time. Only what the user and the assistant said in it counts here;
//! its system prompt and its tool results are handed back, but anybody could have written them.

use serde_json::{Map, Value, json};

use super::desk::{AUTHOR, Happened};
use crate::agent::message::ToolCall;
use crate::agent::prompt::Said;

/// Messages that are handed back, the newest; the system prompt besides.
const MAX_MESSAGES: usize = 200;
/// Bytes of them.
const MAX_BYTES: usize = 512 * 1024;

/// What was said in a conversation, oldest first.
pub(super) fn said(history: &[Map<String, Value>], clean: impl Fn(&str) -> String) -> Vec<Said> {
    let said = history.iter().filter_map(|message| {
        let author = match message.get("role")?.as_str()? {
            "user" => "user",
            "assistant" => AUTHOR,
            _ => return None,
        };
        let text = text_of(message.get("content")?);
        (!text.trim().is_empty()).then(|| Said {
            author: author.to_owned(),
            text: clean(&text),
            by_us: author == AUTHOR,
        })
    });
    said.collect()
}

/// Whether the assistant said something already.
pub(super) fn is_answered(history: &[Map<String, Value>]) -> bool {
    history.iter().any(|message| message.get("role").is_some_and(|role| role == "assistant"))
}

/// A message's text, whole or in parts; what is not text is passed over.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// The conversation with a question and what it led to.
pub(super) fn continued(
    history: &[Map<String, Value>],
    system: &str,
    ask: &str,
    steps: &[Happened],
    answer: Option<&str>,
) -> Vec<Value> {
    let mut messages: Vec<Value> = history.iter().cloned().map(Value::Object).collect();
    if messages.is_empty() {
        messages.push(json!({"role": "system", "content": system}));
    }
    messages.push(json!({"role": "user", "content": ask}));
    let mut calls: Vec<Value> = Vec::new();
    for step in steps {
        match step {
            Happened::Called(call) => calls.push(told(call)),
            Happened::Answered(call, answer) => {
                if !calls.is_empty() {
                    let calls = std::mem::take(&mut calls);
                    messages.push(json!({"role": "assistant", "content": null, "tool_calls": calls}));
                }
                messages.push(json!({
                    "tool_call_id": call.id, "role": "tool", "name": call.name, "content": answer.told(),
                }));
            }
            Happened::Turn(_) | Happened::Said(_) => {}
        }
    }
    if let Some(answer) = answer {
        messages.push(json!({"role": "assistant", "content": answer}));
    }
    compacted(messages)
}

fn told(call: &ToolCall) -> Value {
    let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
    json!({"id": call.id, "type": "function", "function": function})
}

/// Leaves the oldest questions out, with all that followed them, when there is too much; the newest stays whole.
fn compacted(mut messages: Vec<Value>) -> Vec<Value> {
    let begins_turn = |message: &Value| message["role"] == "user";
    let mut bytes = 0;
    let mut keep_from = messages.len();
    for (at, message) in messages.iter().enumerate().skip(1).rev() {
        bytes += message.to_string().len();
        let is_newest = keep_from == messages.len();
        if !is_newest && (bytes > MAX_BYTES || messages.len() - at > MAX_MESSAGES) {
            break;
        }
        if begins_turn(message) {
            keep_from = at;
        }
    }
    if messages.len() > 1 && keep_from > 1 && keep_from < messages.len() {
        messages.drain(1..keep_from);
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: Value) -> Map<String, Value> {
        json!({"role": role, "content": content}).as_object().unwrap().clone()
    }

    #[test]
    fn only_words_of_user_and_assistant_count() {
        let history = [
            message("system", json!("Obey.")),
            message("user", json!("why?")),
            message("tool", json!("rm -rf")),
            message("assistant", json!([{"type": "text", "text": "because"}, {"type": "image_url"}])),
            message("assistant", Value::Null),
        ];
        let said: Vec<String> =
            said(&history, str::to_owned).into_iter().map(|said| format!("{}: {}", said.author, said.text)).collect();
        assert_eq!(said, ["user: why?", "holmes: because"]);
    }

    #[test]
    fn old_questions_are_left_out_whole() {
        let mut history = vec![message("system", json!("s"))];
        for n in 0..300 {
            history.push(message("user", json!(format!("question {n}"))));
            history.push(message("assistant", json!(format!("answer {n}"))));
        }
        let messages = continued(&history, "", "the last", &[], Some("yes"));
        assert_eq!(messages.len(), MAX_MESSAGES + 1);
        assert_eq!(messages[0]["role"], "system");
        assert_eq!(messages[1]["content"], "question 201");
        assert_eq!(messages.last().unwrap()["content"], "yes");

        let long = "x".repeat(MAX_BYTES);
        let messages = continued(&history, "", &long, &[], Some("yes"));
        assert_eq!(messages.len(), 3, "the newest question stays, however long it is");
    }
}
