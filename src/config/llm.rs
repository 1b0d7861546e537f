//! The language model's variables. The predecessor's names (`OPENAI_API_BASE`, `OPENAI_API_KEY`) are read too,
//! where ours are unset.

use std::time::Duration;

use super::{HttpNeighbour, Reader};

/// A language model and the bounds of its use.
#[derive(Debug, Clone)]
pub struct LlmConfig {
    /// Where, with or without `/v1`.
    pub http: HttpNeighbour,
    /// Which model; `None`: the server's first.
    pub model: Option<String>,
    /// Its window in tokens, for servers that do not say it.
    pub context_tokens: Option<u32>,
    /// Turns that run at once.
    pub concurrency: usize,
    /// How long one turn may take.
    pub turn_deadline: Duration,
    /// How long an automatic explanation may take in all, its waiting included.
    pub explain_deadline: Duration,
    /// How long an answer to a person may take in all, its waiting included.
    pub question_deadline: Duration,
    /// Turns of an explanation.
    pub explain_turns: u32,
    /// Turns of an answer.
    pub question_turns: u32,
    /// Longest explanation or answer, in tokens.
    pub answer_tokens: u32,
    /// By when an answer should be there: a slow model reads and writes less for it.
    pub answer_goal: Duration,
}

impl Reader<'_> {
    pub(super) fn llm(&mut self) -> Option<LlmConfig> {
        let url_name = self.first_set("LLM_BASE_URL", "OPENAI_API_BASE");
        let key_name = self.first_set("LLM_API_KEY", "OPENAI_API_KEY");
        let model = self.get("LLM_MODEL");
        let tokens = self.number("LLM_CONTEXT_TOKENS", 0, 1024..=10_000_000);
        let context_tokens = self.get("LLM_CONTEXT_TOKENS").and_then(|_| u32::try_from(tokens).ok());
        let concurrency = self.number("LLM_CONCURRENCY", 2, 1..=64);
        let turn_deadline = self.duration("LLM_TURN_DEADLINE", Duration::from_secs(90));
        let explain_deadline = self.duration("LLM_EXPLAIN_DEADLINE", Duration::from_secs(300));
        let question_deadline = self.duration("LLM_QUESTION_DEADLINE", Duration::from_secs(240));
        let answer_goal = self.duration("LLM_ANSWER_GOAL", Duration::from_secs(60));
        let mut small = |name, default, range| u32::try_from(self.number(name, default, range)).unwrap_or(1);
        let explain_turns = small("LLM_EXPLAIN_TURNS", 3, 1..=20);
        let question_turns = small("LLM_QUESTION_TURNS", 8, 2..=40);
        let answer_tokens = small("LLM_ANSWER_TOKENS", 1_000, 128..=32_000);
        // A key alone is no mistake: other tools read OPENAI_API_KEY too.
        let also = model.is_some().then_some("LLM_MODEL").filter(|_| self.get(url_name).is_none());
        let http = match self.get(url_name) {
            Some(_) => self.keyed([url_name, key_name, "LLM_CA_FILE"], None)?,
            None => {
                if let Some(also) = also {
                    self.wrong("LLM_BASE_URL", format!("must be set because {also} is"));
                }
                return None;
            }
        };
        Some(LlmConfig {
            http,
            model,
            context_tokens,
            concurrency,
            turn_deadline,
            explain_deadline,
            question_deadline,
            explain_turns,
            question_turns,
            answer_tokens,
            answer_goal,
        })
    }

    /// Ours if it is set, else the predecessor's if that is, else ours.
    fn first_set(&self, ours: &'static str, theirs: &'static str) -> &'static str {
        if self.get(ours).is_none() && self.get(theirs).is_some() { theirs } else { ours }
    }
}
