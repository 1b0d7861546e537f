//! An answer on the wire, as vLLM writes it.

use holmes_bot::agent::tokens::estimate_tokens;
use serde_json::{Value, json};

/// Writes an answer as vLLM does.
pub(super) struct Events {
    pub(super) model: Value,
    pub(super) prompt: u32,
}

impl Events {
    fn event(&self, delta: Value, finish: Option<&str>) -> Vec<u8> {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish, "token_ids": null});
        self.chunk(json!([choice]), None)
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> Vec<u8> {
        let mut chunk = json!({
            "id": "chatcmpl-b89c34722ed430be", "object": "chat.completion.chunk", "created": 1_795_385_828,
            "model": self.model, "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n").into_bytes()
    }

    /// One event for about every token.
    pub(super) fn words(&self, field: &str, text: &str) -> Vec<Vec<u8>> {
        tokens(text).map(|token| self.event(json!({field: token}), None)).collect()
    }

    fn usage(&self, texts: &[&str]) -> Value {
        let completion: u32 = texts.iter().map(|text| estimate_tokens(text)).sum();
        let total = self.prompt + completion;
        json!({"prompt_tokens": self.prompt, "completion_tokens": completion, "total_tokens": total})
    }

    pub(super) fn stream(
        &self,
        thinking: &str,
        text: &str,
        calls: &[(String, String)],
        finish: Option<&'static str>,
    ) -> Vec<Vec<u8>> {
        let mut pieces = vec![self.event(json!({"role": "assistant", "content": ""}), None)];
        pieces.extend(self.words("reasoning", thinking));
        pieces.extend(self.words("content", text));
        for (index, (name, arguments)) in calls.iter().enumerate() {
            let id = format!("chatcmpl-tool-{index:016x}");
            let head = json!({"id": id, "type": "function", "index": index, "function": {"name": name}});
            pieces.push(self.event(json!({"content": null, "tool_calls": [head]}), None));
            for token in tokens(arguments) {
                let part = json!({"index": index, "function": {"arguments": token}});
                pieces.push(self.event(json!({"content": null, "tool_calls": [part]}), None));
            }
        }
        let finish = finish.unwrap_or(if calls.is_empty() { "stop" } else { "tool_calls" });
        pieces.push(self.event(json!({}), Some(finish)));
        pieces.push(self.chunk(json!([]), Some(self.usage(&[thinking, text]))));
        pieces.push(b"data: [DONE]\n\n".to_vec());
        pieces
    }

    pub(super) fn document(
        &self,
        thinking: &str,
        text: &str,
        calls: &[(String, String)],
        finish: Option<&'static str>,
    ) -> Value {
        let some = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
        let mut message = json!({"role": "assistant", "content": some(text), "reasoning": some(thinking)});
        if !calls.is_empty() {
            let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
                let id = format!("chatcmpl-tool-{index:016x}");
                json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
            });
            message["tool_calls"] = calls.collect();
        }
        let finish = finish.unwrap_or(if calls.is_empty() { "stop" } else { "tool_calls" });
        json!({
            "id": "chatcmpl-887dc9ca3dfb0e3f", "object": "chat.completion", "created": 1_795_385_846,
            "model": self.model, "usage": self.usage(&[thinking, text]),
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish}],
        })
    }
}

/// Pieces of about a token: up to six characters, a space begins a new one.
fn tokens(text: &str) -> impl Iterator<Item = String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in text.chars() {
        match pieces.last_mut() {
            Some(last) if c != ' ' && last.chars().count() < 6 => last.push(c),
            _ => pieces.push(c.into()),
        }
    }
    pieces.into_iter()
}
