//! The examples of a rule, tried when the file is loaded: a rule that does not do what its author says is not loaded.

use chrono::{DateTime, Utc};

use super::Rule;
use super::evaluate::Applies;
use crate::domain::action::{Action, Name};
use crate::domain::alert::{Labels, Severity};
use crate::domain::lint::Problems;
use crate::domain::yaml::fields::{mapping, required, suggestion, text};
use crate::domain::yaml::{Node, Value};

const KEYS: [&str; 2] = ["applies", "not"];
const EXAMPLE_KEYS: [&str; 4] = ["action", "labels", "severity", "at"];

/// One example: an action, and what is known besides. What is not said does not matter.
struct Example {
    action: Action,
    labels: Option<Labels>,
    severity: Option<Severity>,
    at: Option<DateTime<Utc>>,
}

pub(super) fn check(rule: &Rule, node: &Node, field: &str, problems: &mut Problems) {
    let Some((field, examples)) = required(node, "examples", field, problems) else { return };
    let Some(entries) = mapping(examples, &field, problems) else { return };
    for (key, value) in entries {
        let name = key.as_text().unwrap_or("?");
        let field = format!("{field}.{name}");
        let wanted = match name {
            "applies" => true,
            "not" => false,
            _ => {
                problems.error(key.line, &field, "unknown key", suggestion(name, &KEYS));
                continue;
            }
        };
        let items = match &value.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(value),
        };
        for (at, node) in items.iter().enumerate() {
            let field = format!("{field}[{at}]");
            let Some(example) = example(node, &field, problems) else { continue };
            let applies = rule.applies(&example.action, example.labels.as_ref(), example.severity, example.at);
            let mend = "mend the rule's `match` or the example";
            match (wanted, applies != Applies::No) {
                (true, false) => problems.error(node.line, &field, "the rule does not apply to this", mend),
                (false, true) => problems.error(node.line, &field, "the rule applies to this", mend),
                _ => {}
            }
        }
    }
    if examples.get("applies").is_none() {
        let mend = "add `applies:` with a command like `restart deployment/checkout -n shop`";
        problems.error(examples.line, &field, "shows nothing that the rule applies to", mend);
    }
}

fn example(node: &Node, field: &str, problems: &mut Problems) -> Option<Example> {
    if node.as_text().is_some() {
        return Some(Example { action: action(node, field, problems)?, labels: None, severity: None, at: None });
    }
    let entries = mapping(node, field, problems)?;
    for (key, _) in entries {
        let name = key.as_text().unwrap_or("?");
        if !EXAMPLE_KEYS.contains(&name) {
            problems.error(key.line, &format!("{field}.{name}"), "unknown key", suggestion(name, &EXAMPLE_KEYS));
        }
    }
    let command = required(node, "action", field, problems).and_then(|(at, node)| action(node, &at, problems));
    let labels = node.get("labels").and_then(|node| {
        let field = format!("{field}.labels");
        let entries = mapping(node, &field, problems)?;
        let label = |(key, value): &(Node, Node)| {
            Some((key.as_text()?.to_owned(), text(value, &format!("{field}.{}", key.as_text()?), problems)?))
        };
        Some(entries.iter().filter_map(label).collect::<Labels>())
    });
    let severity = match node.get("severity") {
        Some(node) => super::read::severity(node, &format!("{field}.severity"), problems),
        None => None,
    };
    let at = match node.get("at") {
        Some(node) => super::read::moment(node, &format!("{field}.at"), problems),
        None => None,
    };
    Some(Example { action: command?, labels, severity, at })
}

fn action(node: &Node, field: &str, problems: &mut Problems) -> Option<Action> {
    let command = text(node, field, problems)?;
    let none: Option<&Name> = None;
    Action::parse(&command, none)
        .map_err(|error| {
            let mend = "write it like `restart deployment/checkout -n shop`";
            problems.error(node.line, field, format!("`{command}`: {error}"), mend);
        })
        .ok()
}
