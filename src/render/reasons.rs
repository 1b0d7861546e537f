//! Why a neighbour gave nothing, in the reader's language.
//!
//! Errors are worded where they arise, in English, for logs and for programs. A person reads them through the words
//! `reason.*`: the English text is the pattern, with `{1}`, `{2}` for what the error carries, and the same key in
//! another language is the sentence that is shown. What fits no pattern is shown as it is.

use std::collections::BTreeMap;

use super::embedded;
use super::keys;
use super::language::Language;
use super::words::Words;

/// Keys of whole sentences, and of the parts that stand in them.
const SENTENCES: &str = "reason.";
const PARTS: &str = "reason_part.";
/// Holes of one pattern.
const MOST_HOLES: usize = 9;

/// The built-in English patterns, by their keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Reasons {
    patterns: Vec<(String, String)>,
}

impl Reasons {
    /// The patterns; an operator's own English words do not change what errors say.
    pub(super) fn new() -> Self {
        let layers = embedded::layers("words.txt", Language::English, &[]);
        let words = layers.into_iter().filter_map(|(path, source)| keys::words(&path, source).ok());
        let all: BTreeMap<String, String> = words.flatten().collect();
        let mut patterns: Vec<(String, String)> =
            all.into_iter().filter(|(key, _)| key.starts_with(SENTENCES) || key.starts_with(PARTS)).collect();
        // What says more in words of its own fits first.
        patterns.sort_by_key(|(_, pattern)| std::cmp::Reverse(pattern.len()));
        Self { patterns }
    }

    /// `reason` in the language of `words`.
    pub(super) fn say(&self, reason: &str, words: &Words) -> String {
        self.translate(reason, SENTENCES, words).unwrap_or_else(|| reason.to_owned())
    }

    fn translate(&self, text: &str, keys: &str, words: &Words) -> Option<String> {
        self.patterns.iter().filter(|(key, _)| key.starts_with(keys)).find_map(|(key, pattern)| {
            let held = fit(pattern, text)?;
            let mut said = words.get(key).to_owned();
            for (index, value) in held.iter().enumerate() {
                let part = self.translate(value, PARTS, words);
                said = said.replace(&format!("{{{}}}", index + 1), part.as_deref().unwrap_or(value));
            }
            Some(said)
        })
    }
}

/// What stands at the holes of `pattern` in `text`; `None` where it does not fit.
fn fit<'a>(pattern: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut rest = text;
    let mut held = Vec::new();
    let mut pattern = pattern;
    for number in 1..=MOST_HOLES {
        let Some((before, after)) = pattern.split_once(&format!("{{{number}}}")) else { break };
        rest = rest.strip_prefix(before)?;
        let next = format!("{{{}}}", number + 1);
        let literal = after.split_once(&next).map_or(after, |(literal, _)| literal);
        let end = if literal.is_empty() { rest.len() } else { rest.find(literal)? };
        held.push(&rest[..end]);
        rest = &rest[end..];
        pattern = after;
    }
    (rest == pattern).then_some(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Renderer;

    fn said(render: &Renderer, reason: &str) -> String {
        Reasons::new().say(reason, &render.texts.words)
    }

    #[test]
    fn what_adapters_say_has_words_in_russian() {
        let russian = Renderer::new(Language::Russian, Vec::new()).unwrap();
        for reason in [
            "not configured: set LOGS_URL",
            "this is about cluster eu, and cluster us is looked at",
            "log lines: no answer within 6 s",
            "charts: no answer within 6 s",
            "owner references: no answer within 3 s",
            "http://vl:9428/select/logsql/query did not answer within 5 s",
            "http://vl:9428 cannot be reached: connection refused",
            "http://vl:9428 refused our credentials (HTTP 401): check user, password or token",
            "http://vl:9428 redirects to http://login: is a login or another address in front of it?",
            "http://vl:9428 answered HTTP 502: bad gateway",
            "http://vm:8428 did not answer as expected: an HTML page \"Login\": is this the right URL?",
            "http://vm:8428 answered with more than 8 MiB",
            "http://vm:8428 broke off in the middle of its answer: the rest did not come in time",
            "the server refused the query: unknown function",
            "the server holds no logs of the last 24 hours",
            "no line came in time",
            "no log field names the pods; there are: host",
            "the Kubernetes API does not accept our credentials (401): check the service account token or kubeconfig",
            "the Kubernetes API did not answer `list pods` within 5 s",
            "the Kubernetes API cannot be reached: Connection refused",
            "not allowed to list pods in shop: add apiGroups [\"\"], resources [\"pods\"], verbs [\"list\"] to the bot's ClusterRole",
            "Deployment shop/web does not exist",
        ] {
            let shown = said(&russian, reason);
            let cyrillic = shown.chars().filter(|c| ('а'..='я').contains(c)).count();
            assert!(cyrillic > 5, "{reason}: {shown}");
        }
        assert_eq!(said(&russian, "log lines: no answer within 6 s"), "строки журналов: нет ответа за 6 с");
        assert_eq!(
            said(&russian, "http://vl:9428 cannot be reached: connection refused"),
            "http://vl:9428 недоступен: в соединении отказано"
        );
        assert_eq!(said(&russian, "quite another thing"), "quite another thing");
    }

    #[test]
    fn english_is_said_as_it_is() {
        let english = Renderer::new(Language::English, Vec::new()).unwrap();
        for reason in ["not configured: set LOGS_URL", "state: no answer within 6 s", "http://x answered HTTP 500"] {
            assert_eq!(said(&english, reason), reason);
        }
    }
}
