//! YAML as a tree that remembers lines, so that the linter can point at a field rather than at a file.

pub(in crate::domain) mod fields;

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Deepest nesting that is read: a policy and a ConfigMap with runbooks need about ten levels, and each level of a tree
/// that remembers lines takes much of a thread's stack.
const MAX_DEPTH: usize = 32;

/// A node and the line it stands on, counted from 1.
#[derive(Debug, Clone)]
pub(in crate::domain) struct Node {
    pub(in crate::domain) line: usize,
    pub(in crate::domain) value: Value,
}

/// What a node holds. Scalars other than strings keep the text that people would recognise.
#[derive(Debug, Clone)]
pub(in crate::domain) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    /// In written order; keys that are not text are rendered as text.
    Map(Vec<(Node, Node)>),
}

/// A text that is not YAML: where and why.
#[derive(Debug, Clone)]
pub(in crate::domain) struct NotYaml {
    pub(in crate::domain) line: usize,
    pub(in crate::domain) problem: String,
}

/// Parses one document. An empty one is `Null`.
pub(in crate::domain) fn parse(text: &str) -> Result<Node, NotYaml> {
    Ok(parse_all(text)?.into_iter().next().unwrap_or(Node { line: 1, value: Value::Null }))
}

/// Parses a stream of documents.
pub(in crate::domain) fn parse_all(text: &str) -> Result<Vec<Node>, NotYaml> {
    let options = serde_saphyr::options! { budget: serde_saphyr::budget! { max_depth: MAX_DEPTH } };
    let documents: Vec<Node> = serde_saphyr::from_multiple_with_options(text, options).map_err(|error| NotYaml {
        line: error.location().map_or(1, |location| usize::try_from(location.line()).unwrap_or(1).max(1)),
        problem: first_line(&error.without_snippet().to_string()),
    })?;
    Ok(documents)
}

/// The message without its place, which is told in lines of the file, and without advice to programmers.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("unreadable");
    [" at line ", ", set DuplicateKeyPolicy"]
        .iter()
        .fold(line, |line, tail| line.find(tail).map_or(line, |at| &line[..at]))
        .to_owned()
}

impl Node {
    /// The text of a string.
    pub(in crate::domain) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a mapping.
    pub(in crate::domain) fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a key of a mapping.
    pub(in crate::domain) fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }

    /// What it is, for an error message.
    pub(in crate::domain) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The same tree, this many lines further down in its file.
    pub(in crate::domain) fn moved_down(mut self, lines: usize) -> Self {
        self.shift(lines);
        self
    }

    fn shift(&mut self, lines: usize) {
        self.line += lines;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.shift(lines)),
            Value::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.shift(lines);
                value.shift(lines);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let line = usize::try_from(spanned.referenced.line()).unwrap_or(1).max(1);
        Ok(Self { line, value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_know_their_lines() {
        let tree = parse("a: 1\nb:\n  - x\n  - y: {z: ~}\n5: true\n").expect("YAML");
        assert_eq!(tree.get("a").map(|node| (node.line, node.kind())), Some((1, "a number")));
        let Some(Value::List(items)) = tree.get("b").map(|node| &node.value) else { panic!("a list") };
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [3, 4]);
        let keys: Vec<usize> = tree.as_map().unwrap_or_default().iter().map(|(key, _)| key.line).collect();
        assert_eq!(keys, [1, 2, 5]);
    }

    #[test]
    fn a_fault_has_a_line() {
        let fault = parse("a: 1\nb: [1, 2\nc: 3\n").expect_err("not YAML");
        assert!(fault.line >= 2, "{fault:?}");
        assert!(!fault.problem.is_empty());
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        for text in ["- ".repeat(10_000), "[".repeat(10_000), "{a: ".repeat(10_000)] {
            assert!(parse(&text).is_err());
        }
        assert!(parse(&"- ".repeat(20)).is_ok());
    }
}
