//! Puts an answer together out of its chunks: words, calls, why it ended.

use serde_json::{Map, Value};

use super::error::ModelError;
use super::gate::CallGate;
use super::repetition::Repetition;
use super::think::{Seen, ThinkFilter};
use super::wire::{CallDelta, Chunk, Delta};
use crate::agent::message::{Expect, ToolCall, TurnReply, Usage};
use crate::agent::repair;

/// How servers say that an answer was cut by its longest length.
const CUT: &str = "length";
/// Longest answer with thoughts and arguments, in bytes. 16,000 tokens of Russian are about this.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// Most calls of one answer that are kept: more is a model that lost its way.
const MAX_CALLS: usize = 16;

/// An answer that is still coming.
pub struct Assembly<'a> {
    expect: &'a Expect,
    /// Messages before this answer: makes the ids of its calls different from earlier ones.
    position: usize,
    think: ThinkFilter,
    gate: Option<CallGate>,
    repetition: Repetition,
    text: String,
    calls: Vec<Partial>,
    thought: bool,
    retracted: bool,
    finish: Option<String>,
    usage: Option<Usage>,
    bytes: usize,
}

/// A call that is still coming.
#[derive(Debug, Default)]
struct Partial {
    index: Option<usize>,
    id: String,
    name: String,
    arguments: String,
    /// From servers that send them as an object.
    object: Option<Map<String, Value>>,
}

/// A whole answer, and what it showed about the model.
#[derive(Debug)]
pub struct Assembled {
    /// The answer.
    pub reply: TurnReply,
    /// It began with thinking that had no opening mark.
    pub thinks_first: bool,
}

/// Takes visible words as they come.
pub type OnText<'a> = &'a mut (dyn FnMut(&str) + Send);

impl<'a> Assembly<'a> {
    /// Of an answer in this form, behind `position` messages.
    pub fn new(expect: &'a Expect, position: usize, thinks_first: bool) -> Self {
        let gate = match expect {
            Expect::Tools(tools) if !tools.is_empty() => {
                Some(CallGate::new(tools.iter().map(|tool| tool.name).collect()))
            }
            _ => None,
        };
        Self {
            expect,
            position,
            think: ThinkFilter::new(thinks_first),
            gate,
            repetition: Repetition::default(),
            text: String::new(),
            calls: Vec::new(),
            thought: false,
            retracted: false,
            finish: None,
            usage: None,
            bytes: 0,
        }
    }

    /// Whether the server said that this is the end.
    pub fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Whether anything came yet.
    pub fn is_begun(&self) -> bool {
        self.bytes > 0 || !self.calls.is_empty()
    }

    /// Whether words for the asker came.
    pub fn has_words(&self) -> bool {
        !self.text.trim_start().is_empty()
    }

    /// Ends the answer here, as its longest length would have.
    pub fn cut(&mut self) {
        self.finish.get_or_insert_with(|| CUT.into());
    }

    /// The next chunk.
    pub fn take(&mut self, chunk: Chunk, on_text: OnText<'_>) -> Result<(), ModelError> {
        if let Some(usage) = chunk.usage {
            self.usage = Some(Usage { prompt: usage.prompt_tokens, completion: usage.completion_tokens });
        }
        let Some(choice) = chunk.choices.into_iter().next() else { return Ok(()) };
        if let Some(delta) = choice.delta.or(choice.message) {
            self.add(delta, on_text)?;
        }
        if let Some(reason) = choice.finish_reason {
            match reason.as_str() {
                "repetition" => return Err(ModelError::Endless { why: "it repeats itself" }),
                "error" | "abort" => return Err(ModelError::BrokeOff { why: format!("it says `{reason}`") }),
                _ => self.finish = Some(reason),
            }
        }
        Ok(())
    }

    fn add(&mut self, delta: Delta, on_text: OnText<'_>) -> Result<(), ModelError> {
        let thoughts = delta.thoughts();
        self.thought |= !thoughts.is_empty();
        self.count(thoughts)?;
        let words = delta.words();
        self.count(&words)?;
        let seen = self.think.feed(&words);
        self.show(seen, on_text);
        for call in delta.tool_calls {
            self.add_call(call)?;
        }
        Ok(())
    }

    /// Bounds the answer and notices when it goes in circles.
    fn count(&mut self, words: &str) -> Result<(), ModelError> {
        self.bytes += words.len();
        if self.bytes > MAX_ANSWER_BYTES {
            return Err(ModelError::Endless { why: "it is too long" });
        }
        if !words.is_empty() && self.repetition.feed(words) {
            return Err(ModelError::Endless { why: "it repeats itself" });
        }
        Ok(())
    }

    fn show(&mut self, seen: Seen, on_text: OnText<'_>) {
        if seen.retracted {
            self.retracted = true;
            self.text.clear();
            if let Some(gate) = &mut self.gate {
                gate.restart();
            }
        }
        if seen.text.is_empty() {
            return;
        }
        self.text.push_str(&seen.text);
        let shown = match &mut self.gate {
            Some(gate) => gate.feed(&seen.text),
            None => seen.text,
        };
        if !shown.is_empty() {
            on_text(&shown);
        }
    }

    fn add_call(&mut self, delta: CallDelta) -> Result<(), ModelError> {
        let id = delta.id.unwrap_or_default();
        let name = delta.function.name.unwrap_or_default();
        // By index; but some servers send no index, or 0 for every call, each with a new id.
        let known = self.calls.iter().rposition(|call| match delta.index {
            Some(_) => call.index == delta.index && (id.is_empty() || id == call.id || name.is_empty()),
            None => {
                if id.is_empty() {
                    name.is_empty()
                } else {
                    id == call.id
                }
            }
        });
        let at = match known {
            Some(at) => at,
            None if self.calls.len() >= MAX_CALLS => {
                return Err(ModelError::Endless { why: "it calls one tool after the other" });
            }
            None => {
                self.calls.push(Partial { index: delta.index, id, ..Partial::default() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[at];
        call.name.push_str(&name);
        self.bytes += name.len();
        match delta.function.arguments {
            Value::String(piece) => {
                call.arguments.push_str(&piece);
                self.count(&piece)?;
            }
            Value::Object(map) => call.object = Some(map),
            _ => {}
        }
        Ok(())
    }

    /// The end: reads calls that stand in the text, and says what kind of answer it is.
    pub fn finish(mut self, on_text: OnText<'_>) -> Result<Assembled, ModelError> {
        let rest = self.think.finish();
        self.show(rest, on_text);
        let thought = self.thought || self.think.thought();
        let cut = self.finish.as_deref() == Some(CUT);
        let mut reply = TurnReply { text: self.text, cut, usage: self.usage, ..TurnReply::default() };
        let mut written = Vec::new();
        let mut ids = Vec::new();
        for partial in self.calls {
            match read_call(&partial, cut) {
                Some(arguments) => {
                    written.push(repair::Written { name: partial.name, arguments });
                    ids.push(partial.id);
                }
                None => reply.clumsy = true,
            }
        }
        if let Some(gate) = self.gate {
            let reading = repair::calls(&reply.text);
            if reading.calls.is_empty() && !reading.broken {
                let rest = gate.rest();
                if !rest.is_empty() {
                    on_text(&rest);
                }
            } else {
                reply.clumsy = true;
                reply.text = reading.text;
                // What it wrote beside proper calls are the same ones again.
                if written.is_empty() {
                    written = reading.calls;
                    written.truncate(MAX_CALLS);
                }
            }
        }
        let position = self.position;
        reply.calls =
            written.into_iter().enumerate().map(|(at, call)| tool_call(call, ids.get(at), position, at)).collect();
        if !matches!(self.expect, Expect::Json { .. }) {
            reply.text = reply.text.trim().to_owned();
        }
        let says_nothing = reply.text.trim().is_empty() && reply.calls.is_empty() && !reply.clumsy;
        match (says_nothing, thought, cut) {
            (true, true, _) => Err(ModelError::OnlyThinking),
            (true, false, false) => Err(ModelError::Empty),
            _ => Ok(Assembled { reply, thinks_first: self.retracted }),
        }
    }
}

/// A call's arguments; `None` when it is broken. Nothing at all is a call without arguments, unless the answer was cut.
fn read_call(partial: &Partial, cut: bool) -> Option<Map<String, Value>> {
    if partial.name.is_empty() {
        return None;
    }
    if let Some(object) = &partial.object {
        return Some(object.clone());
    }
    if partial.arguments.trim().is_empty() {
        return (!cut).then(Map::new);
    }
    repair::object(&serde_json::from_str(&partial.arguments).ok()?)
}

/// With the server's id, or one that is new in the conversation. Nine letters and digits: some templates take no other.
fn tool_call(call: repair::Written, id: Option<&String>, position: usize, at: usize) -> ToolCall {
    let id = id.filter(|id| !id.is_empty()).cloned();
    let id = id.unwrap_or_else(|| format!("call{:03}{:02}", position % 1000, at % 100));
    ToolCall { id, name: call.name, arguments: Value::Object(call.arguments) }
}
