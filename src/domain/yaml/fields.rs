//! Fields of a YAML tree read with a word for their author: what was found, what is expected, and how to mend it.

use super::{Node, Value};
use crate::domain::lint::Problems;

/// A number.
pub(in crate::domain) fn number(node: &Node, field: &str, problems: &mut Problems) -> Option<f64> {
    if let Value::Number(value) = node.value {
        return Some(value);
    }
    problems.error(
        node.line,
        field,
        format!("{} where a number is expected", node.kind()),
        "write a number like `0.8`",
    );
    None
}

/// A text that is not blank.
pub(in crate::domain) fn text(node: &Node, field: &str, problems: &mut Problems) -> Option<String> {
    if let Some(text) = node.as_text().filter(|text| !text.trim().is_empty()) {
        return Some(text.trim().to_owned());
    }
    let mend = match node.value {
        Value::Bool(_) | Value::Number(_) => "put it in quotes",
        Value::Map(_) => "put it in single quotes: `{` and `: ` start a mapping",
        Value::Null | Value::Text(_) | Value::List(_) => "write a text",
    };
    problems.error(node.line, field, format!("{} where text is expected", found(node)), mend);
    None
}

fn found(node: &Node) -> &'static str {
    if node.as_text().is_some() { "nothing" } else { node.kind() }
}

/// The items of a list; a single item may stand without one.
pub(in crate::domain) fn list<T>(
    node: &Node,
    field: &str,
    problems: &mut Problems,
    item: fn(&Node, &str, &mut Problems) -> Option<T>,
) -> Vec<T> {
    match &node.value {
        Value::Null => Vec::new(),
        Value::List(items) => {
            items.iter().enumerate().filter_map(|(at, node)| item(node, &format!("{field}[{at}]"), problems)).collect()
        }
        Value::Text(_) => item(node, field, problems).into_iter().collect(),
        Value::Bool(_) | Value::Number(_) | Value::Map(_) => {
            let mend = "write one item a line, each after `- `";
            problems.error(node.line, field, format!("{} where a list is expected", node.kind()), mend);
            Vec::new()
        }
    }
}

/// The entries of a mapping.
pub(in crate::domain) fn mapping<'a>(
    node: &'a Node,
    field: &str,
    problems: &mut Problems,
) -> Option<&'a [(Node, Node)]> {
    let entries = node.as_map();
    if entries.is_none() {
        let mend = "write indented `key: value` lines below it";
        problems.error(node.line, field, format!("{} where a mapping is expected", node.kind()), mend);
    }
    entries
}

/// The value of a key that must be there, with its path.
pub(in crate::domain) fn required<'a>(
    node: &'a Node,
    key: &str,
    field: &str,
    problems: &mut Problems,
) -> Option<(String, &'a Node)> {
    let at = format!("{field}.{key}");
    let Some(value) = node.get(key) else {
        problems.error(node.line, &at, "missing", format!("add `{key}:`"));
        return None;
    };
    Some((at, value))
}

/// Warns of keys that are not known.
pub(in crate::domain) fn check_keys(entries: &[(Node, Node)], field: &str, known: &[&str], problems: &mut Problems) {
    for (key, _) in entries.iter().filter(|(key, _)| !key.as_text().is_some_and(|name| known.contains(&name))) {
        unknown(key, &format!("{field}."), known, problems);
    }
}

/// Warns of one key that is not known.
pub(in crate::domain) fn unknown(key: &Node, parent: &str, known: &[&str], problems: &mut Problems) {
    let name = key.as_text().unwrap_or("?");
    problems.warning(key.line, &format!("{parent}{name}"), "unknown key, ignored", suggestion(name, known));
}

/// What to write instead of a name that is not known.
pub(in crate::domain) fn suggestion(name: &str, known: &[&str]) -> String {
    nearest(name, known)
        .map_or_else(|| format!("use one of {}", known.join(", ")), |near| format!("did you mean `{near}`?"))
}

/// The known name that is a slip of the hand away from this one, if there is one.
pub(in crate::domain) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    known.iter().copied().filter(|near| distance(&name, near) <= 2).min_by_key(|near| distance(&name, near))
}

/// Edits between two short names. Long input cannot be near and is not compared.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
