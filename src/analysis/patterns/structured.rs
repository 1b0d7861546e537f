//! Lines that are JSON or logfmt: the message, the error and the level among their fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::access;
use super::level::Level;
use super::record::Record;

/// Objects within objects that are searched: `{"log":{"level":…}}` and the like.
const MAX_DEPTH: u8 = 3;

/// What a field is for, by its name. Smaller wins where several are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Message(u8),
    Error(u8),
    Level,
    Status,
    Nested,
    Other,
}

fn field(name: &str) -> Field {
    // Longer names exist, none of them interesting.
    if name.len() > 16 {
        return Field::Other;
    }
    let mut lower = [0; 16];
    let lower = &mut lower[..name.len()];
    lower.copy_from_slice(name.as_bytes());
    lower.make_ascii_lowercase();
    match &*lower {
        b"msg" | b"message" | b"@m" | b"short_message" => Field::Message(0),
        b"@mt" | b"messagetemplate" | b"renderedmessage" | b"textpayload" => Field::Message(1),
        b"event" | b"body" => Field::Message(2),
        b"log" | b"text" | b"content" | b"reason" => Field::Message(3),
        b"error" | b"err" => Field::Error(0),
        b"exception" | b"@x" | b"cause" | b"error.message" => Field::Error(1),
        b"level" | b"severity" | b"lvl" | b"loglevel" | b"log_level" | b"levelname" | b"log.level" | b"@l"
        | b"severitytext" | b"severity_text" | b"priority" => Field::Level,
        b"status" | b"status_code" | b"statuscode" | b"response_code" | b"responsecode" | b"downstreamstatus" => {
            Field::Status
        }
        b"jsonpayload" | b"fields" | b"data" | b"record" | b"attributes" | b"properties" | b"extra" => Field::Nested,
        _ => Field::Other,
    }
}

/// What was found so far.
#[derive(Debug, Default)]
struct Found<'a> {
    message: Option<(u8, Cow<'a, str>)>,
    error: Option<(u8, Cow<'a, str>)>,
    level: Option<Level>,
    /// Of an HTTP answer.
    status: Option<u16>,
}

impl<'a> Found<'a> {
    fn text(&mut self, field: Field, text: Cow<'a, str>) {
        if text.trim().is_empty() {
            return;
        }
        match field {
            Field::Message(rank) if self.message.as_ref().is_none_or(|(other, _)| rank < *other) => {
                self.message = Some((rank, text));
            }
            Field::Error(rank) if self.error.as_ref().is_none_or(|(other, _)| rank < *other) => {
                self.error = Some((rank, text));
            }
            Field::Level => self.level = self.level.or_else(|| Level::parse(text.trim().as_bytes())),
            Field::Status => self.status(text.trim().parse().ok()),
            Field::Message(_) | Field::Error(_) | Field::Nested | Field::Other => {}
        }
    }

    fn status(&mut self, number: Option<u64>) {
        let status = number.and_then(|number| u16::try_from(number).ok()).filter(|status| (100..600).contains(status));
        self.status = self.status.or(status);
    }

    fn record(self) -> Option<Record<'a>> {
        let Self { message, error, level, status: _ } = self;
        let message = match (message, error) {
            (Some((_, message)), Some((_, error))) if !message.contains(error.as_ref()) => {
                Cow::Owned(format!("{message}: {error}"))
            }
            (Some((_, message)), _) => message,
            (None, Some((_, error))) => error,
            (None, None) => return None,
        };
        Some(Record { message, level })
    }
}

/// Reads a line that is one JSON object. A message that is again JSON or has a header is read in turn.
pub fn json(line: &str) -> Option<Record<'_>> {
    if !line.starts_with('{') {
        return None;
    }
    let mut found = Found::default();
    let mut deserializer = serde_json::Deserializer::from_str(line);
    Object { found: &mut found, depth: 0, under: Field::Other }.deserialize(&mut deserializer).ok()?;
    let status = found.status;
    let record = found.record().map(|Record { message, level }| unwrap(message, level));
    with_status(record, status, line)
}

/// Answers of an access log are told apart by the class of a status that complains: one 503 among many 200 is written
/// in the same words. A line without a message is its own.
fn with_status<'a>(record: Option<Record<'a>>, status: Option<u16>, line: &'a str) -> Option<Record<'a>> {
    let Some(status) = status.filter(|status| *status >= 400) else { return record };
    let (message, level) = match record {
        Some(Record { message, level }) => (message, level),
        None => (Cow::Borrowed(line), None),
    };
    let message = Cow::Owned(format!("{message} {}", access::class(status)));
    Some(Record { message, level: level.max(Some(Level::of_status(status))) })
}

/// A message in JSON may itself have a header, as container runtimes wrap what a program wrote.
fn unwrap(message: Cow<'_, str>, level: Option<Level>) -> Record<'_> {
    let inner = match &message {
        Cow::Borrowed(text) => super::record::read_line(text),
        Cow::Owned(text) => {
            let Record { message, level } = super::record::read_line(text);
            Record { message: Cow::Owned(message.into_owned()), level }
        }
    };
    Record { level: level.or(inner.level), message: inner.message }
}

/// Deserialises an object, keeping only what is of interest. `under` is the field that holds the object.
struct Object<'f, 'a> {
    found: &'f mut Found<'a>,
    depth: u8,
    under: Field,
}

impl<'a> DeserializeSeed<'a> for Object<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Object<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a field of a log line")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<(), E> {
        self.found.text(self.under, Cow::Borrowed(text));
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        if self.under != Field::Other {
            self.found.text(self.under, Cow::Owned(text.to_owned()));
        }
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<(), E> {
        match self.under {
            Field::Level => self.found.level = self.found.level.or_else(|| Level::number(value)),
            Field::Status => self.found.status(Some(value)),
            _ => {}
        }
        Ok(())
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: de::Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: de::SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut fields: A) -> Result<(), A::Error> {
        let Self { found, depth, under } = self;
        while let Some(name) = fields.next_key_seed(Name)? {
            let own = field(&name);
            // Within `error: {…}` the message is the error's.
            let own = match (under, own) {
                (Field::Error(_), Field::Message(_)) => Field::Error(2),
                (_, own) => own,
            };
            if own == Field::Other || depth >= MAX_DEPTH {
                fields.next_value::<IgnoredAny>()?;
            } else {
                fields.next_value_seed(Object { found, depth: depth + 1, under: own })?;
            }
        }
        Ok(())
    }
}

/// Deserialises a key without allocating, if it has no escapes.
struct Name;

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name {
    type Value = Cow<'a, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a name")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// Reads a logfmt line: `level=error component=x msg="query failed" err="dial tcp: refused"`. Only one that has a
/// message or an error in a field of that name is taken for logfmt; `key=value` within a sentence is not.
pub fn logfmt(line: &str) -> Option<Record<'_>> {
    // It must start with a key.
    let key =
        line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'@')).count();
    if key == 0 || line.as_bytes().get(key) != Some(&b'=') {
        return None;
    }
    let mut found = Found::default();
    let mut rest = line;
    while !rest.is_empty() {
        rest = rest.trim_start();
        let Some(end) = memchr::memchr2(b'=', b' ', rest.as_bytes()) else {
            break;
        };
        let name = &rest[..end];
        if rest.as_bytes()[end] == b' ' {
            rest = &rest[end..];
            continue;
        }
        let (value, next) = value(&rest[end + 1..]);
        match field(name) {
            Field::Other | Field::Nested => {}
            interesting => found.text(interesting, value),
        }
        rest = next;
    }
    let status = found.status;
    with_status(found.record(), status, line)
}

/// A value and what follows it.
fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = memchr::memchr(b' ', text.as_bytes()).unwrap_or(text.len());
        return (Cow::Borrowed(&text[..end]), &text[end..]);
    };
    let mut from = 0;
    let mut escaped = false;
    while let Some(at) = memchr::memchr2(b'"', b'\\', &quoted.as_bytes()[from..]) {
        let at = from + at;
        if quoted.as_bytes()[at] == b'"' {
            let inner = &quoted[..at];
            let inner = if escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) };
            return (inner, &quoted[at + 1..]);
        }
        escaped = true;
        from = at + 2;
        if from > quoted.len() {
            break;
        }
    }
    (Cow::Borrowed(quoted), "")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('n' | 't' | 'r') => out.push(' '),
                Some(other) => out.push(other),
                None => {}
            },
            other => out.push(other),
        }
    }
    out
}
