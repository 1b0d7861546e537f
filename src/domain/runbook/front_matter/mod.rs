//! Reads a Markdown runbook: front matter, then prose.
//!
//! Each fault costs only what it touches: a wrong regular expression costs that pattern, front matter that is not YAML
//! costs the plan, and the prose is always there to be found.

use super::template::{Template, TemplateError};
use super::{ActionName, Limit, LogQuery, Matcher, MetricQuery, Pattern, Unit, markdown};
use crate::domain::lint::Problems;
use crate::domain::query_template::Language;
use crate::domain::yaml::fields::{check_keys, list, mapping, nearest, number, required, suggestion, text, unknown};
use crate::domain::yaml::{self, Node, Value};

/// The keys that make front matter ours. Without one of them it belongs to another tool (a site generator, a wiki).
const OUR_KEYS: [&str; 4] = ["match", "metrics", "logs", "actions"];
const KEYS: [&str; 5] = ["title", "match", "metrics", "logs", "actions"];
const MATCH_KEYS: [&str; 3] = ["alerts", "labels", "reasons"];
const METRIC_KEYS: [&str; 5] = ["title", "query", "unit", "limit", "threshold"];
const LOG_KEYS: [&str; 2] = ["title", "query"];

/// What a Markdown file says, before it has an id.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// From the front matter, else the first heading.
    pub title: Option<String>,
    /// The `match` section, less what is faulty.
    pub matcher: Matcher,
    /// The metric queries that are whole.
    pub metrics: Vec<MetricQuery>,
    /// The log queries that are whole.
    pub logs: Vec<LogQuery>,
    /// The actions that the catalogue knows.
    pub actions: Vec<ActionName>,
    /// The Markdown after the front matter.
    pub prose: String,
}

/// Reads a Markdown file's text.
pub fn read(text: &str, problems: &mut Problems) -> Contents {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let parts = split(&text);
    let mut contents = Contents { prose: parts.prose.trim().to_owned(), ..Contents::default() };
    match parts.matter {
        Matter::None => {}
        Matter::Unclosed => {
            problems.error(1, "front matter", "the front matter is not closed", "put a line `---` after its last field")
        }
        Matter::Toml(toml) => contents.title = toml_title(toml),
        // One line down: the opening `---` is line 1 of the file.
        Matter::Yaml(yaml) => match yaml::parse(yaml) {
            Ok(tree) => fields(&tree.moved_down(1), &mut contents, problems),
            Err(fault) => problems.error(
                fault.line + 1,
                "front matter",
                format!("not YAML: {}", fault.problem),
                "mend the line; put text with `:`, `#`, `{` or `\\` in single quotes, and indent with spaces",
            ),
        },
    }
    contents.title = contents.title.or_else(|| markdown::first_heading(&contents.prose));
    contents
}

struct Parts<'a> {
    matter: Matter<'a>,
    prose: &'a str,
}

enum Matter<'a> {
    None,
    Unclosed,
    Yaml(&'a str),
    Toml(&'a str),
}

fn split(text: &str) -> Parts<'_> {
    for (fence, toml) in [("---", false), ("+++", true)] {
        let Some(rest) =
            text.strip_prefix(fence).and_then(|rest| rest.trim_start_matches([' ', '\t']).strip_prefix('\n'))
        else {
            continue;
        };
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            let mark = line.trim_end();
            if mark == fence || (!toml && mark == "...") {
                let inner = &rest[..end];
                let matter = if toml { Matter::Toml(inner) } else { Matter::Yaml(inner) };
                return Parts { matter, prose: &rest[end + line.len()..] };
            }
            end += line.len();
        }
        // A rule across the page at the very top of plain Markdown is no front matter.
        let first = rest.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let looks_like_fields = first.split_once([':', '=']).is_some_and(|(key, _)| {
            !key.is_empty() && key.trim_end().chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
        });
        if looks_like_fields {
            return Parts { matter: Matter::Unclosed, prose: rest };
        }
    }
    Parts { matter: Matter::None, prose: text }
}

/// TOML front matter is only ever foreign, so its title is all we take.
fn toml_title(toml: &str) -> Option<String> {
    let (_, value) = toml.lines().filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "title")?;
    let title = value.trim().trim_matches(['"', '\'']);
    (!title.is_empty()).then(|| title.to_owned())
}

fn fields(tree: &Node, contents: &mut Contents, problems: &mut Problems) {
    let entries = match &tree.value {
        Value::Null => return,
        Value::Map(entries) => entries,
        _ => {
            let mend = "write `key: value` lines between the two `---`";
            return problems.error(
                tree.line,
                "front matter",
                format!("{} where fields are expected", tree.kind()),
                mend,
            );
        }
    };
    let ours = OUR_KEYS.iter().any(|key| tree.get(key).is_some());
    for (key, value) in entries {
        let name = key.as_text().unwrap_or_default();
        match name {
            "title" => contents.title = title(value, ours, problems),
            "match" => contents.matcher = matcher(value, problems),
            "metrics" => contents.metrics = list(value, "metrics", problems, metric),
            "logs" => contents.logs = list(value, "logs", problems, log),
            "actions" => contents.actions = list(value, "actions", problems, action),
            _ if ours || nearest(name, &OUR_KEYS).is_some() => unknown(key, "", &KEYS, problems),
            _ => {}
        }
    }
}

fn title(node: &Node, ours: bool, problems: &mut Problems) -> Option<String> {
    if ours { text(node, "title", problems) } else { node.as_text().map(str::to_owned) }
}

fn matcher(node: &Node, problems: &mut Problems) -> Matcher {
    let mut matcher = Matcher::default();
    let Some(entries) = mapping(node, "match", problems) else {
        return matcher;
    };
    for (key, value) in entries {
        match key.as_text().unwrap_or_default() {
            "alerts" => matcher.alerts = list(value, "match.alerts", problems, pattern),
            "reasons" => matcher.reasons = list(value, "match.reasons", problems, pattern),
            "labels" => matcher.labels = labels(value, problems),
            _ => unknown(key, "match.", &MATCH_KEYS, problems),
        }
    }
    matcher
}

fn labels(node: &Node, problems: &mut Problems) -> Vec<(String, Pattern)> {
    let Some(entries) = mapping(node, "match.labels", problems) else {
        return Vec::new();
    };
    entries
        .iter()
        .filter_map(|(key, value)| {
            let name = key.as_text()?;
            Some((name.to_owned(), pattern(value, &format!("match.labels.{name}"), problems)?))
        })
        .collect()
}

fn pattern(node: &Node, field: &str, problems: &mut Problems) -> Option<Pattern> {
    let written = text(node, field, problems)?;
    Pattern::whole(&written)
        .map_err(|error| {
            let mend = "look-around and back-references are not supported; write `\\` in single quotes";
            problems.error(node.line, field, format!("`{written}` is not a regular expression: {error}"), mend);
        })
        .ok()
}

fn metric(node: &Node, field: &str, problems: &mut Problems) -> Option<MetricQuery> {
    let entries = mapping(node, field, problems)?;
    check_keys(entries, field, &METRIC_KEYS, problems);
    let title = required(node, "title", field, problems).and_then(|(at, node)| text(node, &at, problems));
    let query =
        required(node, "query", field, problems).and_then(|(at, node)| template(node, Language::PromQl, &at, problems));
    let unit = node.get("unit").map_or(Some(Unit::Count), |unit| self::unit(unit, &format!("{field}.unit"), problems));
    let limit = node.get("limit").and_then(|limit| self::limit(limit, &format!("{field}.limit"), problems));
    let threshold = node.get("threshold").and_then(|node| number(node, &format!("{field}.threshold"), problems));
    Some(MetricQuery { title: title?, query: query?, unit: unit.unwrap_or(Unit::Count), limit, threshold })
}

fn log(node: &Node, field: &str, problems: &mut Problems) -> Option<LogQuery> {
    let entries = mapping(node, field, problems)?;
    check_keys(entries, field, &LOG_KEYS, problems);
    let title = required(node, "title", field, problems).and_then(|(at, node)| text(node, &at, problems));
    let query =
        required(node, "query", field, problems).and_then(|(at, node)| template(node, Language::LogsQl, &at, problems));
    Some(LogQuery { title: title?, query: query? })
}

fn action(node: &Node, field: &str, problems: &mut Problems) -> Option<ActionName> {
    let name = text(node, field, problems)?;
    let action = ActionName::parse(&name);
    if action.is_none() {
        let names = ActionName::ALL.map(ActionName::as_str);
        problems.error(node.line, field, format!("unknown action `{name}`"), suggestion(&name, &names));
    }
    action
}

fn unit(node: &Node, field: &str, problems: &mut Problems) -> Option<Unit> {
    let name = text(node, field, problems)?;
    let unit = Unit::from(name.as_str());
    if let Unit::Other(name) = &unit {
        problems.error(node.line, field, format!("unknown unit `{name}`"), suggestion(name, &Unit::NAMES));
        return None;
    }
    Some(unit)
}

fn limit(node: &Node, field: &str, problems: &mut Problems) -> Option<Limit> {
    if let Value::Number(value) = node.value {
        return Some(Limit::Value(value));
    }
    template(node, Language::PromQl, field, problems).map(Limit::Query)
}

fn template(node: &Node, language: Language, field: &str, problems: &mut Problems) -> Option<Template> {
    let written = text(node, field, problems)?;
    Template::parse(&written, language)
        .map_err(|TemplateError { line, problem, mend }| {
            problems.error(node.line + line, field, problem, mend);
        })
        .ok()
}

#[cfg(test)]
mod tests;
