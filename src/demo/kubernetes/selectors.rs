//! Label and field selectors.

use serde_json::Value;

use super::resources::Resource;
use super::status::Refusal;

/// A parsed label selector: all conditions must hold.
#[derive(Debug, Default)]
pub(super) struct LabelSelector(Vec<Condition>);

#[derive(Debug)]
struct Condition {
    label: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Exists,
    Missing,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl LabelSelector {
    /// Parses `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut tokens = tokens(text).into_iter().peekable();
        let mut conditions = Vec::new();
        while tokens.peek().is_some() {
            conditions.push(condition(&mut tokens)?);
            match tokens.next().as_deref() {
                None => break,
                Some(",") if tokens.peek().is_some() => {}
                Some(",") => return Err(bad("", "identifier after ','")),
                Some(other) => return Err(bad(other, "',' or 'end of string'")),
            }
        }
        Ok(Self(conditions))
    }

    /// The selector that an object carries; `None` where it has none, and so selects nothing.
    pub fn read(selector: &Value) -> Option<Self> {
        let selector = selector.as_object()?;
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        let equal = labels.into_iter().flatten().map(|(label, value)| Condition {
            label: label.clone(),
            test: Test::In(vec![value.as_str().unwrap_or_default().to_owned()]),
        });
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        let others = expressions.into_iter().flatten().map(|one| {
            let values = one["values"].as_array().into_iter().flatten();
            let values = values.filter_map(Value::as_str).map(str::to_owned).collect();
            let test = match one["operator"].as_str() {
                Some("Exists") => Test::Exists,
                Some("DoesNotExist") => Test::Missing,
                Some("NotIn") => Test::NotIn(values),
                _ => Test::In(values),
            };
            Condition { label: one["key"].as_str().unwrap_or_default().to_owned(), test }
        });
        Some(Self(equal.chain(others).collect()))
    }

    /// Whether an object has such labels.
    pub fn matches(&self, item: &Value) -> bool {
        self.0.iter().all(|Condition { label, test }| {
            let value = item["metadata"]["labels"][label.as_str()].as_str();
            match test {
                Test::Exists => value.is_some(),
                Test::Missing => value.is_none(),
                Test::In(wanted) => value.is_some_and(|value| wanted.iter().any(|one| one == value)),
                // An object without the label is not in the set either.
                Test::NotIn(unwanted) => value.is_none_or(|value| unwanted.iter().all(|one| one != value)),
                Test::Greater(bound) => {
                    value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value > *bound)
                }
                Test::Less(bound) => {
                    value.and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value < *bound)
                }
            }
        })
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<String>>;

fn condition(tokens: &mut Tokens) -> Result<Condition, Refusal> {
    let first = tokens.next().unwrap_or_default();
    if first == "!" {
        let label = identifier(tokens)?;
        return Ok(Condition { label, test: Test::Missing });
    }
    if !is_identifier(&first) {
        return Err(bad(&first, "!, identifier, or 'end of string'"));
    }
    let label = first;
    let sign = match tokens.peek().map(String::as_str) {
        None | Some(",") => return Ok(Condition { label, test: Test::Exists }),
        Some(_) => tokens.next().unwrap_or_default(),
    };
    let test = match sign.as_str() {
        "=" | "==" => Test::In(vec![value(tokens)?]),
        "!=" => Test::NotIn(vec![value(tokens)?]),
        "in" => Test::In(set(tokens)?),
        "notin" => Test::NotIn(set(tokens)?),
        ">" | "<" => {
            let text = value(tokens)?;
            let bound = text.parse().map_err(|_| {
                Refusal::BadRequest(format!("for 'Gt', 'Lt' operators, the value must be an integer: {text:?}"))
            })?;
            if sign == ">" { Test::Greater(bound) } else { Test::Less(bound) }
        }
        other => return Err(bad(other, "in, notin, =, ==, !=, gt, lt")),
    };
    Ok(Condition { label, test })
}

fn identifier(tokens: &mut Tokens) -> Result<String, Refusal> {
    let token = tokens.next().unwrap_or_default();
    if is_identifier(&token) { Ok(token) } else { Err(bad(&token, "identifier")) }
}

/// A value, which may be empty.
fn value(tokens: &mut Tokens) -> Result<String, Refusal> {
    match tokens.peek().map(String::as_str) {
        None | Some(",") => Ok(String::new()),
        Some(_) => identifier(tokens),
    }
}

fn set(tokens: &mut Tokens) -> Result<Vec<String>, Refusal> {
    let open = tokens.next().unwrap_or_default();
    if open != "(" {
        return Err(bad(&open, "'('"));
    }
    let mut values = Vec::new();
    loop {
        match tokens.next().unwrap_or_default().as_str() {
            ")" => return Ok(values),
            "," => {}
            token if is_identifier(token) => values.push(token.to_owned()),
            other => return Err(bad(other, "',', or identifier")),
        }
    }
}

fn is_identifier(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))
}

fn bad(found: &str, expected: &str) -> Refusal {
    Refusal::BadRequest(format!("found '{found}', expected: {expected}"))
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let sign = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"].into_iter().find(|sign| rest.starts_with(sign));
        let length = match sign {
            Some(sign) => sign.len(),
            None => rest
                .find(|c: char| c.is_whitespace() || "=!(),<>".contains(c))
                .unwrap_or(rest.len())
                .max(first.len_utf8()),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

/// A parsed field selector: a path into the object, the value, and whether it must be equal.
#[derive(Debug, Default)]
pub(super) struct FieldSelector(Vec<(&'static [&'static str], String, bool)>);

impl FieldSelector {
    /// Parses `metadata.name=a,status.phase!=Running`; each resource supports only a few fields.
    pub fn parse(text: &str, resource: &Resource) -> Result<Self, Refusal> {
        let mut terms = Vec::new();
        for term in split_terms(text).into_iter().filter(|term| !term.is_empty()) {
            let (field, value, equal) = split_sign(term)
                .ok_or_else(|| Refusal::BadRequest(format!("invalid selector: '{term}'; can't understand '{term}'")))?;
            let path = path(resource, field)
                .ok_or_else(|| Refusal::BadRequest(format!("field label not supported: {field}")))?;
            terms.push((path, unescaped(value)?, equal));
        }
        Ok(Self(terms))
    }

    /// Whether an object is meant.
    pub fn matches(&self, item: &Value) -> bool {
        self.0.iter().all(|(path, wanted, equal)| {
            let found = path.iter().fold(item, |value, key| &value[*key]);
            let text = found
                .as_str()
                .map_or_else(|| if found.is_null() { String::new() } else { found.to_string() }, str::to_owned);
            (text == *wanted) == *equal
        })
    }
}

/// The terms of a field selector: a comma behind a backslash belongs to a value.
fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut from, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[from..]);
    terms
}

/// Field, value, and whether they must be equal: the first sign of a term divides it.
fn split_sign(term: &str) -> Option<(&str, &str, bool)> {
    let signs = [("!=", false), ("==", true), ("=", true)];
    term.char_indices().find_map(|(at, _)| {
        let (sign, equal) = signs.into_iter().find(|(sign, _)| term[at..].starts_with(sign))?;
        Some((&term[..at], &term[at + sign.len()..], equal))
    })
}

/// A value without its backslashes. Only a backslash, a comma and an equals sign are escaped, and the last two must be.
fn unescaped(value: &str) -> Result<String, Refusal> {
    let invalid =
        |sequence: String| Refusal::BadRequest(format!("invalid field selector: invalid escape sequence: {sequence}"));
    let mut plain = String::new();
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => match rest.next() {
                Some(next @ ('\\' | ',' | '=')) => plain.push(next),
                next => return Err(invalid(next.map_or_else(|| c.to_string(), |next| format!("{c}{next}")))),
            },
            ',' | '=' => {
                return Err(Refusal::BadRequest(format!("invalid field selector: unescaped character in value: {c}")));
            }
            _ => plain.push(c),
        }
    }
    Ok(plain)
}

/// Where a supported field lies.
fn path(resource: &Resource, field: &str) -> Option<&'static [&'static str]> {
    Some(match (resource.kind.as_str(), field) {
        (_, "metadata.name") => &["metadata", "name"],
        (_, "metadata.namespace") if resource.namespaced => &["metadata", "namespace"],
        ("Pod", "spec.nodeName") => &["spec", "nodeName"],
        ("Pod", "spec.restartPolicy") => &["spec", "restartPolicy"],
        ("Pod", "spec.schedulerName") => &["spec", "schedulerName"],
        ("Pod", "spec.serviceAccountName") => &["spec", "serviceAccountName"],
        ("Pod" | "Namespace", "status.phase") => &["status", "phase"],
        ("Pod", "status.podIP") => &["status", "podIP"],
        ("Service", "spec.clusterIP") => &["spec", "clusterIP"],
        ("Service", "spec.type") => &["spec", "type"],
        ("Node", "spec.unschedulable") => &["spec", "unschedulable"],
        ("Job", "status.successful") => &["status", "succeeded"],
        ("ReplicaSet", "status.replicas") => &["status", "replicas"],
        ("Secret", "type") | ("Event", "type") => &["type"],
        ("Event", "reason") => &["reason"],
        ("Event", "source") => &["source", "component"],
        ("Event", "reportingComponent") => &["reportingComponent"],
        ("Event", "involvedObject.kind") => &["involvedObject", "kind"],
        ("Event", "involvedObject.namespace") => &["involvedObject", "namespace"],
        ("Event", "involvedObject.name") => &["involvedObject", "name"],
        ("Event", "involvedObject.uid") => &["involvedObject", "uid"],
        ("Event", "involvedObject.apiVersion") => &["involvedObject", "apiVersion"],
        ("Event", "involvedObject.resourceVersion") => &["involvedObject", "resourceVersion"],
        ("Event", "involvedObject.fieldPath") => &["involvedObject", "fieldPath"],
        _ => return None,
    })
}
