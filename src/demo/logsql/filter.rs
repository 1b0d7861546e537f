//! Filters: which lines a query means.

use regex::Regex;

use super::lexer::is_word;
use super::pipes::compare;
use super::stream::StreamFilter;
use crate::demo::world::LogLine;

/// A condition on a line.
#[derive(Debug, Clone)]
pub(in crate::demo) enum Filter {
    /// `*`
    Any,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// `{label="value"}`
    Stream(StreamFilter),
    /// `_time:…`, in nanoseconds, both ends included.
    Time {
        from: i64,
        to: i64,
    },
    /// `field:…`
    Field {
        field: String,
        test: Test,
    },
}

/// A condition on the value of a field.
#[derive(Debug, Clone)]
pub(in crate::demo) enum Test {
    /// `field:*`
    Present,
    /// A word or phrase between word boundaries; the empty phrase means an absent field.
    Phrase { phrase: String, prefix: bool, ignore_case: bool },
    /// `*text*`: anywhere, also inside words.
    Substring(String),
    /// `="text"`, or with a star behind it what the value starts with.
    Exact { text: String, prefix: bool },
    /// `~"regex"`
    Regex(Regex),
    /// `in(a, b)`
    In(Vec<String>),
    /// `contains_any(a, b)` or `contains_all(a, b)`
    Contains { phrases: Vec<String>, all: bool },
    /// `>5`, `<=10`
    Compare { sign: String, bound: String },
}

/// What a filter looks at: a recorded line or a row between pipes.
pub(in crate::demo) trait Fields {
    /// The value of a field, empty when absent.
    fn get(&self, name: &str) -> &str;
    /// The moment of the line.
    fn nanos(&self) -> i64;
}

impl Fields for LogLine {
    fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn nanos(&self) -> i64 {
        self.nanos
    }
}

impl Fields for super::Row {
    fn get(&self, name: &str) -> &str {
        super::field(self, name)
    }

    fn nanos(&self) -> i64 {
        let time = chrono::DateTime::parse_from_rfc3339(self.get("_time")).ok();
        time.and_then(|time| time.timestamp_nanos_opt()).unwrap_or_default()
    }
}

impl Filter {
    /// Whether a line is meant.
    pub fn matches(&self, line: &impl Fields) -> bool {
        match self {
            Filter::Any => true,
            Filter::And(all) => all.iter().all(|filter| filter.matches(line)),
            Filter::Or(any) => any.iter().any(|filter| filter.matches(line)),
            Filter::Not(inner) => !inner.matches(line),
            Filter::Stream(stream) => stream.matches(line.get("_stream")),
            Filter::Time { from, to } => (*from..=*to).contains(&line.nanos()),
            Filter::Field { field, test } => test.matches(line.get(field)),
        }
    }
}

impl Test {
    fn matches(&self, value: &str) -> bool {
        match self {
            Test::Present => !value.is_empty(),
            Test::Phrase { phrase, prefix, ignore_case: false } => has_phrase(value, phrase, *prefix),
            Test::Phrase { phrase, prefix, ignore_case: true } => {
                has_phrase(&value.to_lowercase(), &phrase.to_lowercase(), *prefix)
            }
            Test::Substring(text) => value.contains(text.as_str()),
            Test::Exact { text, prefix: false } => value == text,
            Test::Exact { text, prefix: true } => value.starts_with(text.as_str()),
            Test::Regex(regex) => regex.is_match(value),
            Test::In(values) => values.iter().any(|wanted| wanted == value),
            Test::Contains { phrases, all: true } => phrases.iter().all(|phrase| has_phrase(value, phrase, false)),
            Test::Contains { phrases, all: false } => phrases.iter().any(|phrase| has_phrase(value, phrase, false)),
            Test::Compare { sign, bound } => !value.is_empty() && in_order(value, sign, bound),
        }
    }
}

/// Whether the phrase stands in the value between word boundaries (a prefix needs only the first).
fn has_phrase(value: &str, phrase: &str, prefix: bool) -> bool {
    if phrase.is_empty() {
        return if prefix { !value.is_empty() } else { value.is_empty() };
    }
    let starts_word = phrase.starts_with(is_word);
    let ends_word = !prefix && phrase.ends_with(is_word);
    value.match_indices(phrase).any(|(at, found)| {
        let open = starts_word && value[..at].ends_with(is_word);
        let goes_on = ends_word && value[at + found.len()..].starts_with(is_word);
        !open && !goes_on
    })
}

fn in_order(value: &str, sign: &str, bound: &str) -> bool {
    let order = compare(value, bound);
    match sign {
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        "<" => order.is_lt(),
        _ => order.is_le(),
    }
}
