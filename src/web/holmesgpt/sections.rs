//! The sections of an investigation: what is asked for, and what stands in them with and without a model.

use minijinja::context;
use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use super::desk::{Answer, Looked};
use crate::domain::evidence::EvidenceData;
use crate::domain::finding::{Finding, Role};
use crate::render::{Renderer, text_of};

/// What HolmesGPT writes unless asked otherwise, each with the key of our words on what belongs there.
const USUAL: [(&str, &str); 7] = [
    (ALERT, "section.alert"),
    (FINDINGS, "section.findings"),
    (CAUSES, "section.causes"),
    (STEPS, "section.steps"),
    (LOGS, "section.logs"),
    ("App or Infra?", "section.app_or_infra"),
    (LINKS, "section.links"),
];
const ALERT: &str = "Alert Explanation";
const FINDINGS: &str = "Key Findings";
const CAUSES: &str = "Conclusions and Possible Root causes";
const STEPS: &str = "Next Steps";
const LOGS: &str = "Related logs";
const LINKS: &str = "External links";

/// Title and what belongs there.
pub(super) type Section = (String, String);

/// The usual sections.
pub(super) fn usual(render: &Renderer) -> Vec<Section> {
    USUAL.iter().map(|(title, key)| ((*title).to_owned(), render.word(key))).collect()
}

/// Asks the model for the sections of an alert.
pub(super) fn question(render: &Renderer, title: &str, description: &str, sections: &[Section]) -> String {
    render.prompt("sections.txt", context! { title, description, sections => Serde(sections) })
}

/// The form of the answer: flat and without nulls, as small models and servers' grammars do best with.
pub(super) fn schema(sections: &[Section]) -> Value {
    let titles: Vec<&str> = sections.iter().map(|(title, _)| title.as_str()).collect();
    let properties: Map<String, Value> =
        titles.iter().map(|title| ((*title).to_owned(), json!({"type": "string"}))).collect();
    json!({"type": "object", "properties": properties, "required": titles, "additionalProperties": false})
}

/// The sections of a model's answer, each with what of it is in no evidence; `None` when it holds nothing. What to do and
/// where to read on are no statements of fact, and are not checked.
pub(super) fn of_answer(render: &Renderer, answer: &Answer, sections: &[Section]) -> Option<Map<String, Value>> {
    let said: Value = serde_json::from_str(&answer.text).ok()?;
    let filled = sections.iter().map(|(title, _)| {
        let text = said.get(title).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        let text = text.map(|text| {
            let unverified = match title.as_str() {
                STEPS | LINKS => Vec::new(),
                _ => answer.conversation.unverified_in(text),
            };
            marked(render, text, &unverified)
        });
        (title.clone(), text.map_or(Value::Null, Value::String))
    });
    let filled: Map<String, Value> = filled.collect();
    filled.values().any(Value::is_string).then_some(filled)
}

/// A text, with what of it was not found in the evidence.
pub(super) fn marked(render: &Renderer, text: &str, unverified: &[String]) -> String {
    if unverified.is_empty() {
        return text.to_owned();
    }
    let words: Vec<String> = unverified.iter().map(|word| format!("`{}`", word.replace('`', "'"))).collect();
    format!("{text}\n\n⚠️ {}: {}", render.word("answer.unverified"), words.join(", "))
}

/// The sections as one text.
pub(super) fn joined(sections: &Map<String, Value>) -> String {
    let mut whole = String::new();
    for (title, text) in sections {
        if let Some(text) = text.as_str() {
            whole.push_str(&format!("\n# {title}\n{text}\n"));
        }
    }
    whole
}

/// What the analysers can say in each section.
pub(super) fn of_findings(looked: &Looked, sections: &[Section]) -> Map<String, Value> {
    let Looked { incident, record } = looked;
    let list = |findings: &mut dyn Iterator<Item = &Finding>| -> Option<String> {
        let lines: Vec<String> = findings.map(line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    };
    let summary = incident.alerts.first().and_then(|alert| alert.summary()).unwrap_or_default();
    let fill = |title: &str| match title {
        ALERT => Some(format!("{}\n{summary}", incident.title).trim().to_owned()),
        FINDINGS => list(&mut record.findings.iter()),
        CAUSES => list(&mut record.findings.iter().filter(|finding| finding.role == Role::Cause)),
        STEPS => {
            let checks = record.findings.iter().filter_map(|finding| finding.check.as_deref());
            let mut lines: Vec<String> = checks.map(|check| format!("- {check}")).collect();
            lines.dedup();
            (!lines.is_empty()).then(|| lines.join("\n"))
        }
        LOGS => {
            let logs = record.evidence.iter().filter(|evidence| matches!(evidence.data, EvidenceData::Patterns(_)));
            let blocks: Vec<String> = logs
                .map(|evidence| format!("{} [{}]\n```\n{}\n```", evidence.title, evidence.id, evidence.excerpt))
                .collect();
            (!blocks.is_empty()).then(|| blocks.join("\n"))
        }
        LINKS => {
            let linked = record.evidence.iter().filter_map(|evidence| Some((evidence, evidence.link.as_deref()?)));
            let lines: Vec<String> = linked.map(|(evidence, link)| format!("- {}: {link}", evidence.title)).collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        }
        _ => None,
    };
    sections.iter().map(|(title, _)| (title.clone(), fill(title).map_or(Value::Null, Value::String))).collect()
}

/// One finding with what it rests on.
pub(super) fn line(finding: &Finding) -> String {
    let ids: String = finding.evidence.iter().map(|id| format!(" [{id}]")).collect();
    format!("- {}{ids}", text_of(&finding.claim))
}
