//! The conversation with a model as a machine without IO: what happened goes in, what to do next comes out.
//!
//! A conversation first *looks* (tools, where the question needs them) and then *answers* (one turn without tools, in a
//! schema). What the answer cites is checked; it goes back once for correction. Every way ends: turns are counted, a
//! call that was made before is not made again, and a model that makes no sense is left with what is known.

mod answer;
mod messages;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;

use super::citations::Ground;
use super::frame;
use super::message::{Expect, ToolCall, ToolSpec, TurnReply, TurnRequest, Usage};
use super::pack::Piece;
use crate::domain::evidence::Evidence;
use crate::domain::finding::Finding;
use crate::domain::report::Report;

/// Calls of one turn; more are a model that lists everything it knows.
const MAX_CALLS: usize = 4;
/// How often a prompt is made smaller before it is given up.
const MAX_SHRINKS: u32 = 5;
/// What a prompt shrinks to when the server says that it is too long.
const SHRINK: f64 = 0.7;
/// Tokens of a turn that only calls tools.
const CALL_TOKENS: u32 = 400;

/// What is asked of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// Explain an incident; the answer is a report.
    Explain,
    /// Answer a person's question in words.
    Question,
    /// Answer in the asker's own schema, which is handed through.
    Shaped {
        /// JSON schema.
        schema: Value,
    },
}

/// The fixed texts of a conversation, in the installation's language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// Who the model is and how it works: the stable part, first in every prompt.
    pub system: String,
    /// What to do in this conversation; stands behind the pack.
    pub task: String,
    /// How a tool is called by a JSON document, for models without tool calling.
    pub guided: String,
    /// Asks for the answer.
    pub answer: String,
    /// Asks for the answer in plain words, for a model that makes nothing of a schema.
    pub plain: String,
    /// Says what of an answer the evidence does not hold; `{}` stands for the list.
    pub correct: String,
    /// Names pieces that had no room; `{}` stands for the list.
    pub left_out: String,
}

/// Bounds of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Turns of the model in all.
    pub turns: u32,
    /// Tokens that prompt and answer have together.
    pub window: u32,
    /// Tokens of the answer.
    pub answer: u32,
    /// Whether there is time for one answer only: nothing is looked up for it, and it does not go back for correction.
    pub hurry: bool,
}

/// Everything a conversation starts with.
#[derive(Debug, Clone)]
pub struct Brief {
    /// What is asked.
    pub task: Task,
    /// The fixed texts.
    pub script: Script,
    /// What is known, to be fitted.
    pub pieces: Vec<Piece>,
    /// The same evidence, for checking citations.
    pub evidence: Vec<Evidence>,
    /// The analysers' findings.
    pub findings: Vec<Finding>,
    /// What may be said without citing: alert, question, time.
    pub given: String,
    /// Tools that may be called; empty: none.
    pub tools: Vec<ToolSpec>,
    /// Whether it may suggest actions of the catalogue.
    pub may_propose: bool,
    /// Whether the model calls tools by a schema instead of its own form.
    pub guided: bool,
    /// Whether the model makes nothing of a schema: plain words are asked for at once.
    pub plain: bool,
    /// Bounds.
    pub limits: Limits,
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub struct ToolAnswer {
    /// What is said where nothing was brought, bounded and redacted: an error, or that something was done.
    pub text: String,
    /// What it brought, numbered: the model reads it in its place.
    pub evidence: Option<Evidence>,
}

impl ToolAnswer {
    /// What the model reads of it.
    pub fn told(&self) -> String {
        self.evidence.as_ref().map_or_else(|| self.text.clone(), |evidence| frame::evidence(evidence, 0, 0).whole())
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// Begin.
    Start,
    /// The model answered.
    Reply(TurnReply),
    /// The tools answered, in the order of the calls.
    Tools(Vec<ToolAnswer>),
    /// The prompt is too long for the model; with its window, where it said so.
    TooLong {
        /// Tokens.
        window: Option<u32>,
    },
    /// The server calls no tools.
    NoTools,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Ask the model.
    Ask(TurnRequest),
    /// Call these tools.
    Call(Vec<ToolCall>),
    /// The conversation is over.
    Done(Box<Outcome>),
}

/// What came of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// An explanation.
    Report(Box<Report>),
    /// An answer in words, with what it cites and what the evidence does not hold.
    Answer {
        /// Markdown.
        text: String,
        /// Numbers and names that were not found in what is cited.
        unverified: Vec<String>,
    },
    /// A document in the asker's schema.
    Shaped(String),
    /// The model said nothing that can be used, and why.
    Nothing(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Looking,
    Answering,
    Correcting,
}

/// Tools that were called in one turn, with their answers.
#[derive(Debug, Clone)]
struct Exchange {
    calls: Vec<ToolCall>,
    answers: Vec<Piece>,
}

/// A conversation.
#[derive(Debug, Clone)]
pub struct Conversation {
    brief: Brief,
    phase: Phase,
    exchanges: Vec<Exchange>,
    /// Calls under way; answered by [`Input::Tools`].
    pending: Vec<ToolCall>,
    /// Calls that were made, by name and arguments.
    made: HashSet<String>,
    /// The answer that is being corrected, and what was wrong with it.
    rejected: Option<(String, Vec<String>)>,
    /// The best outcome so far.
    best: Option<Outcome>,
    turns: u32,
    shrinks: u32,
    scale: f64,
    hurry: bool,
    /// Plain words are asked for: the model makes nothing of a schema.
    plain: bool,
    /// An answer could not be read.
    unread: bool,
    usage: Usage,
}

impl Conversation {
    /// A conversation about `brief`. An explanation begins with the answer: the evidence is there already.
    pub fn new(brief: Brief) -> Self {
        let hurry = brief.limits.hurry;
        let plain = brief.plain && !matches!(brief.task, Task::Shaped { .. });
        let phase =
            if brief.task == Task::Explain || brief.tools.is_empty() { Phase::Answering } else { Phase::Looking };
        Self {
            brief,
            phase,
            exchanges: Vec::new(),
            pending: Vec::new(),
            made: HashSet::new(),
            rejected: None,
            best: None,
            turns: 0,
            shrinks: 0,
            scale: 1.0,
            hurry,
            plain,
            unread: false,
            usage: Usage::default(),
        }
    }

    /// Turns that the model took.
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// Tokens of all turns, as far as the server said.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// All evidence, what tools brought included.
    pub fn evidence(&self) -> &[Evidence] {
        &self.brief.evidence
    }

    /// Whether the answer itself is being written: what comes is for the asker's eyes.
    pub fn is_answering(&self) -> bool {
        self.phase != Phase::Looking
    }

    /// Takes in what happened, and says what to do next.
    pub fn next(&mut self, input: Input) -> Step {
        match input {
            Input::Start => self.ask(),
            Input::Reply(reply) => self.reply(reply),
            Input::Tools(answers) => {
                let calls = std::mem::take(&mut self.pending);
                let answers = answers.into_iter().map(|answer| self.learn(answer)).collect();
                self.exchanges.push(Exchange { calls, answers });
                self.phase = match self.brief.task {
                    Task::Explain => Phase::Answering,
                    Task::Question | Task::Shaped { .. } => Phase::Looking,
                };
                self.ask()
            }
            Input::TooLong { window } => {
                self.shrinks += 1;
                match window {
                    Some(window) if window < self.brief.limits.window => self.brief.limits.window = window,
                    _ => self.scale *= SHRINK,
                }
                if self.shrinks > MAX_SHRINKS {
                    return self.end("the prompt does not fit into the model's context");
                }
                self.ask()
            }
            Input::NoTools => {
                self.brief.guided = true;
                self.ask()
            }
        }
    }

    /// Takes in what a tool brought, in the place of what was known under the same number.
    fn learn(&mut self, answer: ToolAnswer) -> Piece {
        let ToolAnswer { text, evidence } = answer;
        let Some(evidence) = evidence else { return Piece::words(text) };
        self.brief.pieces.retain(|piece| piece.name != evidence.id.to_string());
        self.brief.evidence.retain(|known| known.id != evidence.id);
        let piece = frame::evidence(&evidence, 0, 0);
        self.brief.evidence.push(evidence);
        piece
    }

    /// The time is nearly over: no more looking and no correction.
    pub fn hurry(&mut self) {
        self.hurry = true;
    }

    /// What is usable so far.
    pub fn best(&self) -> Option<Outcome> {
        self.best.clone()
    }

    fn left(&self) -> u32 {
        self.brief.limits.turns.saturating_sub(self.turns)
    }

    fn ask(&mut self) -> Step {
        if self.left() == 0 {
            return self.end("the model used all its turns");
        }
        // The last turn is for the answer, and the one before it for a correction that may be needed.
        if self.phase == Phase::Looking && (self.left() <= 1 || self.hurry) {
            self.phase = Phase::Answering;
        }
        let expect = match self.phase {
            Phase::Looking if self.brief.guided => {
                Expect::Json { name: "step", schema: answer::step_schema(&self.brief) }
            }
            Phase::Looking => Expect::Tools(self.brief.tools.clone()),
            Phase::Answering | Phase::Correcting if self.plain => Expect::Text,
            Phase::Answering | Phase::Correcting => answer::expected(&self.brief, self.may_look()),
        };
        let max_tokens = match self.phase {
            Phase::Looking => CALL_TOKENS,
            Phase::Answering | Phase::Correcting => self.brief.limits.answer,
        };
        let max_tokens = max_tokens.min(self.brief.limits.window / 3).max(64);
        Step::Ask(self.request(expect, max_tokens))
    }

    /// Whether a report may still ask for something to be looked up.
    fn may_look(&self) -> bool {
        self.brief.task == Task::Explain
            && self.phase == Phase::Answering
            && self.left() > 1
            && !self.hurry
            && !self.brief.tools.is_empty()
    }

    fn reply(&mut self, reply: TurnReply) -> Step {
        self.turns += 1;
        if let Some(Usage { prompt, completion }) = reply.usage {
            self.usage.prompt += prompt;
            self.usage.completion += completion;
        }
        match self.phase {
            Phase::Looking => self.looked(reply),
            Phase::Answering | Phase::Correcting => self.answered(&reply),
        }
    }

    fn looked(&mut self, reply: TurnReply) -> Step {
        if reply.clumsy {
            self.brief.guided = true;
        }
        let calls = if reply.calls.is_empty() { answer::step_of(&reply.text) } else { reply.calls };
        let calls = self.new_calls(calls);
        if calls.is_empty() {
            self.phase = Phase::Answering;
            return self.ask();
        }
        self.pending.clone_from(&calls);
        Step::Call(calls)
    }

    /// Calls that were not made before, at most [`MAX_CALLS`].
    fn new_calls(&mut self, calls: Vec<ToolCall>) -> Vec<ToolCall> {
        let mut fresh: Vec<ToolCall> = Vec::new();
        for call in calls {
            if fresh.len() < MAX_CALLS && self.made.insert(signature(&call)) {
                fresh.push(call);
            }
        }
        // Ids must be unique within the conversation, whatever the model made of them.
        let mut ids: BTreeSet<String> =
            self.exchanges.iter().flat_map(|e| e.calls.iter().map(|c| c.id.clone())).collect();
        for (at, call) in fresh.iter_mut().enumerate() {
            if call.id.is_empty() || !ids.insert(call.id.clone()) {
                call.id = format!("call-{}-{}", self.turns, at + 1);
                ids.insert(call.id.clone());
            }
        }
        fresh
    }

    fn answered(&mut self, reply: &TurnReply) -> Step {
        let may_look = self.may_look();
        let read = if self.plain {
            answer::read_plain(&self.brief.task, &reply.text)
        } else {
            answer::read(&self.brief.task, &reply.text)
        };
        let Some(mut answer) = read else {
            // Once more, in plain words where words are an answer; a corrected answer that is garbage leaves the one before.
            let again = self.best.is_none() && self.left() > 0 && !self.plain && !self.unread;
            self.unread = true;
            self.plain |= !matches!(self.brief.task, Task::Shaped { .. });
            return if again { self.ask() } else { self.end("the model's answer could not be read") };
        };
        if reply.cut {
            answer::cut_off(&mut answer.outcome);
        }
        if may_look {
            let calls = self.new_calls(answer.missing);
            if !calls.is_empty() {
                if let Outcome::Report(report) = &answer.outcome
                    && !report.is_empty()
                {
                    self.best = Some(self.checked(answer.outcome).0);
                }
                self.pending.clone_from(&calls);
                return Step::Call(calls);
            }
        }
        let (outcome, problems) = self.checked(answer.outcome);
        let usable = !answer::is_empty(&outcome);
        let better = self.rejected.as_ref().is_none_or(|(_, before)| problems.len() <= before.len());
        if usable && (better || self.best.is_none()) {
            self.best = Some(outcome);
        }
        if usable && problems.is_empty() || self.phase == Phase::Correcting || self.left() == 0 || self.hurry {
            return self.end("the model had nothing to say");
        }
        self.rejected = usable.then(|| (reply.text.clone(), problems));
        self.phase = Phase::Correcting;
        self.ask()
    }

    /// What of a text is not in the evidence that it cites: for texts inside of a document in the asker's own schema.
    pub fn unverified_in(&self, text: &str) -> Vec<String> {
        self.ground().check_text(text).1
    }

    /// Who the model was told to be.
    pub fn system(&self) -> &str {
        &self.brief.script.system
    }

    fn ground(&self) -> Ground<'_> {
        Ground { evidence: &self.brief.evidence, findings: &self.brief.findings, given: &self.brief.given }
    }

    /// The outcome with its citations checked, and everything that was not found.
    fn checked(&self, outcome: Outcome) -> (Outcome, Vec<String>) {
        let ground = self.ground();
        match outcome {
            Outcome::Report(mut report) => {
                report.claims_mut().for_each(|claim| ground.check(claim));
                let problems = report.claims().flat_map(|claim| claim.unverified.iter().cloned()).collect();
                (Outcome::Report(report), problems)
            }
            Outcome::Answer { text, .. } => {
                let (_, unverified) = ground.check_text(&text);
                (Outcome::Answer { text, unverified: unverified.clone() }, unverified)
            }
            other => (other, Vec::new()),
        }
    }

    fn end(&mut self, why: &str) -> Step {
        let outcome = self.best.take().unwrap_or_else(|| Outcome::Nothing(why.to_owned()));
        Step::Done(Box::new(outcome))
    }
}

/// The same for the same call, whatever the order of its arguments.
fn signature(call: &ToolCall) -> String {
    let arguments: BTreeMap<&String, &Value> = call.arguments.as_object().into_iter().flatten().collect();
    format!("{} {arguments:?}", call.name)
}

#[cfg(test)]
mod tests;
