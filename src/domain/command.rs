//! `/holmes …`: what a person typed, as one closed type.

use serde::{Deserialize, Serialize};

use super::text;

/// Longest command, in bytes.
pub const MAX_COMMAND_BYTES: usize = 8 * 1024;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Answer a question.
    Ask {
        /// Its words.
        question: String,
    },
    /// Look at a workload that no alert spoke of.
    Investigate {
        /// `shop/checkout`, `deployment/checkout -n shop`, `node/worker-1`: read when it is handled.
        target: String,
    },
    /// List open incidents.
    Incidents,
    /// How the bot and its neighbours are.
    Status,
    /// Silence an incident's alerts, or alerts by matchers.
    Silence {
        /// The rest of the line: `i-3f9a1c07be 2h`, `alertname=X 2h`, or `2h` in an incident's thread.
        words: String,
    },
    /// Find a runbook.
    Runbook {
        /// What for.
        words: String,
    },
    /// Propose an action of the catalogue in its command form.
    Do {
        /// `restart deployment/checkout -n shop`; empty where the chat's form asks for it.
        action: String,
    },
    /// Say what can be said.
    Help {
        /// A word that is none of ours, if there was one.
        unknown: Option<String>,
    },
}

impl Command {
    /// Reads what stood after `/holmes`. Unknown words get help; plain questions without `ask` are not guessed at.
    pub fn parse(words: &str) -> Self {
        let plain = text::plain(words);
        let words = text::bounded(plain.trim(), MAX_COMMAND_BYTES).into_owned();
        let (verb, rest) = words.split_once(char::is_whitespace).unwrap_or((&words, ""));
        let rest = rest.trim().to_owned();
        match (verb.to_lowercase().as_str(), rest.is_empty()) {
            ("ask" | "спроси" | "вопрос", false) => Self::Ask { question: rest },
            ("investigate" | "look", false) => Self::Investigate { target: rest },
            ("incidents" | "list", _) => Self::Incidents,
            ("status", _) => Self::Status,
            ("silence" | "mute", false) => Self::Silence { words: rest },
            ("runbook" | "runbooks", false) => Self::Runbook { words: rest },
            ("do" | "propose", _) => Self::Do { action: rest },
            (verb, _) if asks_for_help(verb) => Self::Help { unknown: None },
            _ => Self::Help { unknown: Some(text::line(verb, 40)) },
        }
    }

    /// Whether somebody who calls the bot by its name wants to know what it can do: they say nothing else, or the word for it.
    pub fn is_call_for_help(words: &str) -> bool {
        asks_for_help(&words.trim().to_lowercase())
    }
}

fn asks_for_help(word: &str) -> bool {
    matches!(word, "" | "help" | "помощь")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_read() {
        let help = |unknown: Option<&str>| Command::Help { unknown: unknown.map(str::to_owned) };
        for (words, command) in [
            ("ask why is it slow?", Command::Ask { question: "why is it slow?".into() }),
            ("ASK\nwhy", Command::Ask { question: "why".into() }),
            ("investigate shop/checkout", Command::Investigate { target: "shop/checkout".into() }),
            ("incidents", Command::Incidents),
            ("silence 2h", Command::Silence { words: "2h".into() }),
            ("do", Command::Do { action: String::new() }),
            ("do restart deployment/x -n y", Command::Do { action: "restart deployment/x -n y".into() }),
            ("", help(None)),
            ("Помощь", help(None)),
            ("ask", help(Some("ask"))),
            ("drop tables", help(Some("drop"))),
        ] {
            assert_eq!(Command::parse(words), command, "{words}");
        }
    }
}
