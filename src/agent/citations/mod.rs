//! Checks what a model says against what it cites: ids that do not exist, and numbers and names that the cited evidence
//! does not hold.

mod numbers;
mod words;

use std::collections::BTreeSet;

use crate::domain::evidence::{Evidence, EvidenceId};
use crate::domain::finding::Finding;
use crate::domain::report::Claim;

/// Unverified words that are named for one claim.
const MAX_NAMED: usize = 6;

/// What claims are checked against.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// All evidence that the model could see.
    pub evidence: &'a [Evidence],
    /// What the analysers made of it; a claim of theirs holds for the evidence that it cites.
    pub findings: &'a [Finding],
    /// What is known without evidence: the alert, the question, the time.
    pub given: &'a str,
}

impl Ground<'_> {
    /// Fills [`Claim::unverified`], and drops citations of evidence that does not exist.
    pub fn check(&self, claim: &mut Claim) {
        let mut cited: Vec<EvidenceId> = claim.evidence.clone();
        let inline = ids_in(&claim.text);
        cited.extend(inline.iter().copied());
        cited.sort_unstable();
        cited.dedup();
        let (known, unknown): (Vec<EvidenceId>, Vec<EvidenceId>) =
            cited.into_iter().partition(|id| self.evidence.iter().any(|evidence| evidence.id == *id));
        claim.unverified = unknown.iter().map(ToString::to_string).collect();
        claim.unverified.extend(self.missing_in(&claim.text, &known));
        claim.unverified.truncate(MAX_NAMED);
        claim.text = without_ids(&claim.text);
        claim.evidence = known;
    }

    /// Checks running text, sentence by sentence against what each cites; one without a citation against everything.
    /// Gives what is cited, and what was not found.
    pub fn check_text(&self, text: &str) -> (Vec<EvidenceId>, Vec<String>) {
        let mut cited = BTreeSet::new();
        let mut unverified = Vec::new();
        for sentence in sentences(text) {
            let ids = ids_in(sentence);
            let (known, unknown): (Vec<EvidenceId>, Vec<EvidenceId>) =
                ids.into_iter().partition(|id| self.evidence.iter().any(|evidence| evidence.id == *id));
            unverified.extend(unknown.iter().map(ToString::to_string));
            unverified.extend(self.missing_in(sentence, &known));
            cited.extend(known);
        }
        let mut seen = BTreeSet::new();
        unverified.retain(|word| seen.insert(word.clone()));
        unverified.truncate(MAX_NAMED);
        (cited.into_iter().collect(), unverified)
    }

    /// Numbers and names of `text` that are nowhere in the evidence `cited`; in none at all where nothing is cited.
    fn missing_in(&self, text: &str, cited: &[EvidenceId]) -> Vec<String> {
        let text = &without_ids(text);
        let mut wanted = words::identifiers(text);
        // `as E12 shows`: a citation in words is no name that the evidence must hold.
        wanted.retain(|word| word.parse::<EvidenceId>().is_err());
        let counted = numbers::in_claim(text);
        if wanted.is_empty() && counted.is_empty() {
            return Vec::new();
        }
        let hay = self.hay(cited);
        let mut missing: Vec<String> = wanted.into_iter().filter(|word| !words::is_in(word, &hay)).collect();
        let known = numbers::in_text(&hay);
        missing.extend(
            counted.into_iter().filter(|number| !numbers::is_among(number, &known, &hay)).map(|number| number.shown),
        );
        missing
    }

    /// Everything that the cited evidence says, in lower case.
    fn hay(&self, cited: &[EvidenceId]) -> String {
        let counts = |id: &EvidenceId| cited.is_empty() || cited.contains(id);
        let mut hay = self.given.to_owned();
        for evidence in self.evidence.iter().filter(|evidence| counts(&evidence.id)) {
            for part in [&evidence.title, &evidence.query, &evidence.excerpt, &evidence.about.to_string()] {
                hay.push('\n');
                hay.push_str(part);
            }
            hay.push_str(&format!("\n{} {}", evidence.about.kind.as_str(), evidence.data.kind()));
        }
        for finding in self.findings.iter().filter(|finding| finding.evidence.iter().any(counts)) {
            hay.push('\n');
            hay.push_str(&finding.claim);
            hay.push(' ');
            hay.push_str(finding.kind.as_str());
        }
        hay.to_lowercase().replace('\\', "")
    }
}

/// Evidence ids in a text: `[E1]`, `[E1, E2]`, `(E3)`, and bare `E4`.
pub fn ids_in(text: &str) -> Vec<EvidenceId> {
    id_places(text).into_iter().filter_map(|(from, to)| text[from..to].parse().ok()).collect()
}

/// Where ids stand in a text.
fn id_places(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut places = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begins = bytes[at] == b'E' && (at == 0 || !is_word(bytes[at - 1]));
        let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let end = at + 1 + digits;
        let goes_on = match bytes.get(end) {
            // The end of a sentence is not the middle of a name.
            Some(b'.' | b'/' | b'-') => bytes.get(end + 1).is_some_and(|byte| is_word(*byte)),
            byte => byte.is_some_and(|byte| is_word(*byte)),
        };
        if begins && (1..=5).contains(&digits) && !goes_on {
            places.push((at, end));
            at = end;
        } else {
            at += 1;
        }
    }
    places
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'.') || byte >= 0x80
}

/// The text without its citations in brackets.
fn without_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find(['[', '(']) {
        let close = if rest[open..].starts_with('[') { ']' } else { ')' };
        let Some(length) = rest[open..].find(close) else { break };
        let inside = &rest[open + 1..open + length];
        let only_ids = !inside.is_empty()
            && inside
                .split([',', ' ', ';'])
                .filter(|part| !part.is_empty())
                .all(|part| part.parse::<EvidenceId>().is_ok());
        if only_ids {
            out.push_str(rest[..open].trim_end_matches(' '));
        } else {
            out.push_str(&rest[..open + length + 1]);
        }
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    out.trim().to_owned()
}

/// Lines, and sentences in them. A citation behind the full stop belongs to the sentence before.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut from = 0;
        for (at, _) in line.match_indices(". ") {
            let after = line[at + 2..].trim_start();
            if !after.starts_with(['[', '(']) {
                found.push(&line[from..=at]);
                from = at + 2;
            }
        }
        found.push(&line[from..]);
    }
    found
}

#[cfg(test)]
mod tests;
