//! What only the logs say: errors that were not there before, a schema that does not fit, files used up.

use super::claim::Claim;
use super::format::clock;
use super::http;
use super::phrases;
use super::scene::{Record, Scene};
use super::text::complaint::{Trouble, complaint};
use super::text::root_line::root_line;
use crate::domain::finding::FindingKind::NewErrors;
use crate::domain::finding::{FindingKind, Role};

/// What the subject's records say that none of the `known` claims says already.
pub(super) fn find(scene: &Scene, known: &[Claim]) -> Vec<Claim> {
    let records: Vec<Record> = scene.records().into_iter().filter(|record| record.worse).collect();
    let mut claims: Vec<Claim> = Vec::new();
    for (trouble, phrase) in [(Trouble::Schema, phrases::SCHEMA), (Trouble::TooManyFiles, phrases::TOO_MANY_FILES)] {
        let told = records.iter().find(|record| {
            record.complains
                && !is_told(record, known)
                && complaint(record.text).is_some_and(|found| found.trouble == trouble)
        });
        claims.extend(told.map(|record| {
            let name = complaint(record.text).and_then(|found| found.name);
            claim(scene, NewErrors, phrase, 0.75, record).role(Role::Cause).maybe("name", name)
        }));
    }
    let told: Vec<Claim> = known.iter().chain(&claims).cloned().collect();
    // An access log's line is told as what it is: an answer with an error.
    let notable = |record: &&Record| {
        (record.complains || record.warns)
            && !record.last_word
            && !is_told(record, &told)
            && http::status(record.text).is_none()
    };
    let found: Vec<&Record> = records.iter().filter(notable).collect();
    let best = found.iter().min_by_key(|record| (!record.complains, !record.new, std::cmp::Reverse(record.count)));
    if let Some(record) = best {
        let confidence = match (record.complains, record.new) {
            (true, true) => 0.6,
            (true, false) => 0.5,
            (false, _) => 0.4,
        };
        claims.push(
            claim(scene, NewErrors, phrases::NEW_ERRORS, confidence, record)
                .role(Role::Symptom)
                .maybe("warns", (!record.complains).then_some("yes"))
                .maybe("more_often", (!record.new).then_some("yes"))
                .maybe("others", (found.len() > 1).then(|| (found.len() - 1).to_string())),
        );
    }
    claims
}

/// Whether one of the claims quotes the record, or names the place that it could not reach.
fn is_told(record: &Record, claims: &[Claim]) -> bool {
    // What stands below an SQL error belongs to it.
    let part =
        ["STATEMENT:", "HINT:", "DETAIL:", "CONTEXT:"].iter().any(|cue| record.text.trim_start().starts_with(cue));
    let line = root_line(record.text).unwrap_or_default();
    let quoted = |claim: &Claim| {
        let place = claim.facts.get("target").and_then(|target| target.split(':').next());
        claim.facts.get("line").is_some_and(|told| *told == line)
            || place.is_some_and(|host| claim.evidence.contains(&record.id) && line.to_lowercase().contains(host))
    };
    part || claims.iter().any(quoted)
}

fn claim(scene: &Scene, kind: FindingKind, phrase: &'static str, confidence: f64, record: &Record) -> Claim {
    Claim::new(kind, phrase, confidence, scene.subject.object(), record.id)
        .began(record.first)
        .maybe("line", root_line(record.text))
        .fact("count", record.count.to_string())
        .maybe("since", record.first.map(|at| clock(at, scene.onset)))
}
