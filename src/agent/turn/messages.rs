//! Puts a prompt together: the stable part first, so that the server's prefix cache hits, and all of it within the
//! window.

use serde_json::json;

use super::{Conversation, Exchange, Phase};
use crate::agent::message::{Expect, Message, TurnRequest};
use crate::agent::pack::{Fitted, fit};
use crate::agent::tokens::{estimate_prompt, estimate_tokens};

/// Part of the window that stays free for what an estimate may miss, in hundredths.
const SPARE_PERCENT: u32 = 5;
/// Part of what is left that all tool answers may have together, in hundredths; the rest is for the evidence.
const TOOLS_PERCENT: u32 = 60;
/// Least tokens of a tool's answer.
const LEAST_ANSWER: u32 = 48;

impl Conversation {
    pub(super) fn request(&self, expect: Expect, max_tokens: u32) -> TurnRequest {
        let window = self.brief.limits.window;
        // What is not shortened: the texts, the tools or the schema, and what the server puts around them.
        let bare = TurnRequest { messages: self.messages(String::new(), self.answers_within(0)), expect, max_tokens };
        let taken = max_tokens + window * SPARE_PERCENT / 100 + estimate_prompt(&bare);
        let free = (f64::from(window.saturating_sub(taken)) * self.scale) as u32;
        let answers = self.answers_within(free * TOOLS_PERCENT / 100);
        let used: u32 = answers.iter().flatten().map(|answer| estimate_tokens(answer)).sum();
        let Fitted { mut text, left_out, .. } = fit(&self.brief.pieces, free.saturating_sub(used));
        if !left_out.is_empty() {
            text.push_str(&self.brief.script.left_out.replace("{}", &left_out.join(", ")));
            text.push('\n');
        }
        TurnRequest { messages: self.messages(text, answers), ..bare }
    }

    /// The conversation, the stable part first; `pack` stands before what is asked.
    fn messages(&self, pack: String, answers: Vec<Vec<String>>) -> Vec<Message> {
        let script = &self.brief.script;
        let system = if self.brief.guided && !self.brief.tools.is_empty() {
            format!("{}\n{}\n{}", script.system, script.guided, self.tool_list())
        } else {
            script.system.clone()
        };
        let first = pack + &script.task;
        let mut messages = vec![Message::System { text: system }, Message::User { text: first }];
        for (exchange, answers) in self.exchanges.iter().zip(answers) {
            self.tell(exchange, answers, &mut messages);
        }
        if let Some((rejected, _)) = &self.rejected {
            messages.push(Message::Assistant { text: rejected.clone(), calls: Vec::new() });
        }
        let closing = self.closing();
        if !closing.is_empty() {
            // Two messages of one role in a row are refused by some chat templates.
            match messages.last_mut() {
                Some(Message::User { text }) => {
                    text.push_str("\n\n");
                    text.push_str(&closing);
                }
                _ => messages.push(Message::User { text: closing }),
            }
        }
        messages
    }

    /// What stands last: what to do now.
    fn closing(&self) -> String {
        let script = &self.brief.script;
        match (self.phase, &self.rejected) {
            (Phase::Answering | Phase::Correcting, None) if self.plain => script.plain.clone(),
            (Phase::Looking, _) => String::new(),
            (Phase::Correcting, Some((_, problems))) => {
                let list: Vec<String> = problems.iter().map(|problem| format!("`{problem}`")).collect();
                script.correct.replace("{}", &list.join(", "))
            }
            (Phase::Answering | Phase::Correcting, _) => script.answer.clone(),
        }
    }

    fn tool_list(&self) -> String {
        let mut list = String::new();
        for tool in &self.brief.tools {
            let required = tool.parameters["required"].as_array();
            let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
            let arguments: Vec<String> = tool.parameters["properties"]
                .as_object()
                .into_iter()
                .flat_map(|properties| properties.keys())
                .map(|name| if is_required(name) { name.clone() } else { format!("{name}?") })
                .collect();
            list.push_str(&format!("{}({}): {}\n", tool.name, arguments.join(", "), tool.description));
        }
        list
    }

    /// Each tool's answer, shortened so that all of them have `room` tokens; the newest keep most.
    fn answers_within(&self, room: u32) -> Vec<Vec<String>> {
        let mut left = room;
        let mut kept: Vec<Vec<String>> = Vec::new();
        for exchange in self.exchanges.iter().rev() {
            let mut texts = Vec::new();
            for answer in exchange.answers.iter().rev() {
                let text = answer.within((left / 2).max(LEAST_ANSWER));
                left = left.saturating_sub(estimate_tokens(&text));
                texts.push(text);
            }
            texts.reverse();
            kept.push(texts);
        }
        kept.reverse();
        kept
    }

    fn tell(&self, exchange: &Exchange, answers: Vec<String>, messages: &mut Vec<Message>) {
        if self.brief.guided || self.brief.task == super::Task::Explain {
            let calls: Vec<String> = exchange
                .calls
                .iter()
                .map(|call| json!({"tool": call.name, "arguments": call.arguments}).to_string())
                .collect();
            messages.push(Message::Assistant { text: calls.join("\n"), calls: Vec::new() });
            messages.push(Message::User { text: answers.join("\n") });
            return;
        }
        messages.push(Message::Assistant { text: String::new(), calls: exchange.calls.clone() });
        for (call, text) in exchange.calls.iter().zip(answers) {
            messages.push(Message::Tool { call: call.id.clone(), name: call.name.clone(), text });
        }
    }
}
