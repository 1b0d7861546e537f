//! Holds back from people what may be a call that a model writes into its text, until the text is whole.

use super::think::partial;
use crate::agent::repair;

/// Lets words through until a call may begin.
#[derive(Debug, Default)]
pub struct CallGate {
    tools: Vec<&'static str>,
    shown_any: bool,
    held: bool,
    pending: String,
}

impl CallGate {
    /// For a turn in which these tools are offered.
    pub fn new(tools: Vec<&'static str>) -> Self {
        Self { tools, ..Self::default() }
    }

    /// The next words; returns those that can be shown now.
    pub fn feed(&mut self, words: &str) -> String {
        self.pending.push_str(words);
        if self.held || (!self.shown_any && self.may_begin_a_call()) {
            return String::new();
        }
        let mark = repair::marks().filter_map(|mark| self.pending.find(mark)).min();
        self.held = mark.is_some();
        let upto = mark.unwrap_or_else(|| self.pending.len() - partial(&self.pending, repair::marks()));
        let shown: String = self.pending.drain(..upto).collect();
        self.shown_any |= !shown.trim().is_empty();
        shown
    }

    /// What was held back, for a text that held no call after all.
    pub fn rest(self) -> String {
        self.pending
    }

    /// Whether a text that begins like this may be a call as a whole: a document, a fence, a tool's name.
    fn may_begin_a_call(&self) -> bool {
        let start = self.pending.trim_start();
        start.is_empty()
            || start.starts_with(['{', '[', '`'])
            || self.tools.iter().any(|tool| {
                tool.starts_with(start) || start.strip_prefix(tool).is_some_and(|rest| rest.starts_with('('))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_pass_and_calls_wait() {
        for (pieces, shown, rest) in [
            (&["I will ", "look."][..], "I will look.", ""),
            (&["I will look. <to", "ol_call>{}", "</tool_call> x"], "I will look. ", "<tool_call>{}</tool_call> x"),
            (&["a <", " b"], "a < b", ""),
            (&["  {\"name\": ", "1}"], "", "  {\"name\": 1}"),
            (&["```json", "\n{}```"], "", "```json\n{}```"),
            (&["get", "_logs", "(pod=1)"], "", "get_logs(pod=1)"),
            (&["get", "ting it"], "getting it", ""),
        ] {
            let mut gate = CallGate::new(vec!["get_logs"]);
            let passed: String = pieces.iter().map(|piece| gate.feed(piece)).collect();
            assert_eq!((passed.as_str(), gate.rest().as_str()), (shown, rest), "{pieces:?}");
        }
    }
}
