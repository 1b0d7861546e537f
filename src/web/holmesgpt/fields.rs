//! Reads a body field by field and reports every problem in FastAPI's form: `loc`, `msg`, `type`, `input`.

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Longest text of an input that is shown again in an error, in characters.
const MAX_SHOWN_CHARS: usize = 300;
/// Most items of a list or fields of an object that are shown again.
const MAX_SHOWN_ITEMS: usize = 20;
/// Deepest input that is shown again.
const MAX_SHOWN_DEPTH: usize = 6;

/// Everything that is wrong with a body.
#[derive(Debug, PartialEq)]
pub(super) struct Invalid(Vec<Value>);

impl Invalid {
    /// One problem with the body as a whole.
    pub(super) fn body(kind: &str, message: &str, input: &Value) -> Self {
        Self(vec![problem(kind, &[json!("body")], message, input)])
    }

    /// A rule about the body as a whole is broken.
    pub(super) fn value(body: &Value, message: &str) -> Self {
        let mut problem = problem("value_error", &[json!("body")], &format!("Value error, {message}"), body);
        problem["ctx"] = json!({"error": {}});
        Self(vec![problem])
    }
}

impl IntoResponse for Invalid {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"detail": self.0}))).into_response()
    }
}

/// Whether the body is said to be JSON. One that is said to be nothing may be.
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|sub| sub == "json" || sub.ends_with("+json"))
}

/// The document in a body.
pub(super) fn parse(body: &[u8], is_json: bool) -> Result<Value, Invalid> {
    if body.is_empty() {
        return Err(Invalid::body("missing", "Field required", &Value::Null));
    }
    let value = if is_json {
        serde_json::from_slice(body).map_err(|error| {
            let before: usize =
                body.split(|byte| *byte == b'\n').take(error.line() - 1).map(|line| line.len() + 1).sum();
            let at = before + error.column().saturating_sub(1);
            let mut problem = problem("json_invalid", &[json!("body"), json!(at)], "JSON decode error", &json!({}));
            problem["ctx"] = json!({"error": error.to_string()});
            Invalid(vec![problem])
        })?
    } else {
        Value::String(String::from_utf8_lossy(body).into_owned())
    };
    if value.is_object() {
        return Ok(value);
    }
    let message = "Input should be a valid dictionary or object to extract fields from";
    Err(Invalid::body("model_attributes_type", message, &value))
}

/// Reads the fields of one object, and remembers what is wrong.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    loc: Vec<Value>,
    problems: Vec<Value>,
}

impl<'a> Fields<'a> {
    /// The fields of a body.
    pub(super) fn of(body: &'a Value) -> Result<Self, Invalid> {
        match body {
            Value::Object(object) => Ok(Self { object, loc: vec![json!("body")], problems: Vec::new() }),
            other => Err(Invalid::body("model_attributes_type", "Input should be a valid dictionary", other)),
        }
    }

    /// `value`, if nothing was wrong.
    pub(super) fn done<T>(self, value: T) -> Result<T, Invalid> {
        if self.problems.is_empty() { Ok(value) } else { Err(Invalid(self.problems)) }
    }

    fn wrong(&mut self, name: &str, kind: &str, message: &str, input: &Value) {
        let mut loc = self.loc.clone();
        loc.push(json!(name));
        self.problems.push(problem(kind, &loc, message, input));
    }

    /// Whether a field that must be there is.
    pub(super) fn is_there(&mut self, name: &str) -> bool {
        self.required(name).is_some()
    }

    /// A field's value breaks a rule.
    pub(super) fn refuse(&mut self, name: &str, message: &str) {
        let value = self.get(name).cloned().unwrap_or_default();
        self.wrong(name, "value_error", message, &value);
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    fn required(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.get(name);
        if value.is_none() {
            self.wrong(name, "missing", "Field required", &Value::Object(self.object.clone()));
        }
        value
    }

    fn read_text(&mut self, name: &str, value: &Value, max: usize) -> String {
        match value {
            Value::String(text) if text.len() <= max => text.clone(),
            Value::String(_) => {
                self.wrong(name, "string_too_long", &format!("String should have at most {max} bytes"), value);
                String::new()
            }
            other => {
                self.wrong(name, "string_type", "Input should be a valid string", other);
                String::new()
            }
        }
    }

    /// A text that must be there, of at most `max` bytes.
    pub(super) fn text(&mut self, name: &str, max: usize) -> String {
        self.required(name).map(|value| self.read_text(name, value, max)).unwrap_or_default()
    }

    /// A text that may be missing; null where `nullable`.
    pub(super) fn optional_text(&mut self, name: &str, max: usize, nullable: Nullable) -> Option<String> {
        match self.get(name)? {
            Value::Null if nullable == Nullable::Yes => None,
            value => Some(self.read_text(name, value, max)),
        }
    }

    /// Yes or no, in the spellings that Pydantic takes; no when missing.
    pub(super) fn flag(&mut self, name: &str, nullable: Nullable) -> bool {
        let value = match self.get(name) {
            None => return false,
            Some(Value::Null) if nullable == Nullable::Yes => return false,
            Some(value) => value,
        };
        let said = match value {
            Value::Bool(flag) => return *flag,
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.to_ascii_lowercase(),
            other => {
                self.wrong(name, "bool_type", "Input should be a valid boolean", other);
                return false;
            }
        };
        match said.as_str() {
            "1" | "1.0" | "true" | "t" | "yes" | "y" | "on" => true,
            "0" | "0.0" | "false" | "f" | "no" | "n" | "off" => false,
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                self.wrong(name, "bool_parsing", message, value);
                false
            }
        }
    }

    /// A number that is not used, but must be one.
    pub(super) fn check_number(&mut self, name: &str) {
        match self.get(name) {
            None | Some(Value::Number(_) | Value::Bool(_)) => {}
            Some(Value::String(text)) if text.trim().parse::<f64>().is_ok() => {}
            Some(value @ Value::String(_)) => {
                let message = "Input should be a valid number, unable to parse string as a number";
                self.wrong(name, "float_parsing", message, value);
            }
            Some(value) => self.wrong(name, "float_type", "Input should be a valid number", value),
        }
    }

    fn read_object(&mut self, name: &str, value: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.wrong(name, "dict_type", "Input should be a valid dictionary", value);
        }
        object
    }

    /// An object that must be there.
    pub(super) fn object(&mut self, name: &str) -> Map<String, Value> {
        let value = self.required(name);
        value.and_then(|value| self.read_object(name, value)).cloned().unwrap_or_default()
    }

    /// An object that may be missing or null.
    pub(super) fn optional_object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.get(name)? {
            Value::Null => None,
            value => self.read_object(name, value),
        }
    }

    /// An object of texts that may be missing or null, of at most `max` fields, each of at most `bytes`.
    pub(super) fn texts(&mut self, name: &str, max: usize, bytes: usize) -> Vec<(String, String)> {
        let object = self.optional_object(name).into_iter().flatten();
        if object.clone().count() > max {
            self.refuse(name, &format!("Value error, there are more than {max} fields"));
            return Vec::new();
        }
        let mut texts = Vec::new();
        for (key, value) in object {
            match value {
                Value::String(text) if text.len() <= bytes && key.len() <= bytes => {
                    texts.push((key.clone(), text.clone()));
                }
                Value::String(_) => self.refuse(name, &format!("Value error, a text has more than {bytes} bytes")),
                other => {
                    let loc = [&self.loc[..], &[json!(name), json!(key)]].concat();
                    self.problems.push(problem("string_type", &loc, "Input should be a valid string", other));
                }
            }
        }
        texts
    }

    /// A list of texts that may be missing or null.
    pub(super) fn text_list(&mut self, name: &str, max: usize, bytes: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for (at, item) in self.list(name, max).iter().enumerate() {
            match item {
                Value::String(text) if text.len() <= bytes => texts.push(text.clone()),
                Value::String(_) => self.refuse(name, &format!("Value error, a text has more than {bytes} bytes")),
                other => {
                    let loc = [&self.loc[..], &[json!(name), json!(at)]].concat();
                    self.problems.push(problem("string_type", &loc, "Input should be a valid string", other));
                }
            }
        }
        texts
    }

    /// Reads an object that must be there by its own fields.
    pub(super) fn nested<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        let value = self.required(name)?;
        self.within(json!(name), value, "model_attributes_type", read)
    }

    /// A list that may be missing or null, of at most `max` items.
    pub(super) fn list(&mut self, name: &str, max: usize) -> &'a [Value] {
        match self.get(name) {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) if items.len() <= max => items,
            Some(Value::Array(items)) => {
                let count = items.len();
                let message = format!("List should have at most {max} items after validation, not {count}");
                self.wrong(name, "too_long", &message, &json!([]));
                &[]
            }
            Some(other) => {
                self.wrong(name, "list_type", "Input should be a valid list", other);
                &[]
            }
        }
    }

    /// A list of plain objects.
    pub(super) fn objects(&mut self, name: &str, max: usize) -> Vec<Map<String, Value>> {
        let mut objects = Vec::new();
        for (at, item) in self.list(name, max).iter().enumerate() {
            match item {
                Value::Object(object) => objects.push(object.clone()),
                other => {
                    let loc = [&self.loc[..], &[json!(name), json!(at)]].concat();
                    self.problems.push(problem("dict_type", &loc, "Input should be a valid dictionary", other));
                }
            }
        }
        objects
    }

    /// A list of objects, each read by its own fields.
    pub(super) fn each<T>(&mut self, name: &str, max: usize, read: impl Fn(&mut Fields<'_>) -> T) -> Vec<T> {
        let items = self.list(name, max);
        let depth = self.loc.len();
        self.loc.push(json!(name));
        let read = items
            .iter()
            .enumerate()
            .filter_map(|(at, item)| self.within(json!(at), item, "model_attributes_type", &read))
            .collect();
        self.loc.truncate(depth);
        read
    }

    fn within<T>(
        &mut self,
        place: Value,
        value: &Value,
        kind: &str,
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let mut loc = self.loc.clone();
        loc.push(place);
        let Value::Object(object) = value else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            self.problems.push(problem(kind, &loc, message, value));
            return None;
        };
        let mut fields = Fields { object, loc, problems: Vec::new() };
        let read = read(&mut fields);
        self.problems.append(&mut fields.problems);
        Some(read)
    }
}

/// Whether a field may be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nullable {
    Yes,
    No,
}

fn problem(kind: &str, loc: &[Value], message: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": loc, "msg": message, "input": shown(input, 0)})
}

/// An input as it is shown again, bounded: a body of megabytes is not sent back.
fn shown(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if text.chars().nth(MAX_SHOWN_CHARS).is_some() => {
            json!(text.chars().take(MAX_SHOWN_CHARS).chain(['…']).collect::<String>())
        }
        Value::Array(_) | Value::Object(_) if depth == MAX_SHOWN_DEPTH => json!("…"),
        Value::Array(items) => items.iter().take(MAX_SHOWN_ITEMS).map(|item| shown(item, depth + 1)).collect(),
        Value::Object(object) => {
            let fields = object.iter().take(MAX_SHOWN_ITEMS);
            Value::Object(fields.map(|(name, value)| (name.clone(), shown(value, depth + 1))).collect())
        }
        other => other.clone(),
    }
}
