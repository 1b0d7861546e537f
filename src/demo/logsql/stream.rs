//! Stream selectors (`{namespace="shop"}`) and the labels of a stream.

use regex::Regex;

use super::lexer::Lexer;

/// A selector: any of some groups, of which all conditions must hold.
#[derive(Debug, Clone)]
pub(in crate::demo) struct StreamFilter {
    groups: Vec<Vec<Condition>>,
}

#[derive(Debug, Clone)]
struct Condition {
    label: String,
    test: LabelTest,
    negated: bool,
}

#[derive(Debug, Clone)]
enum LabelTest {
    In(Vec<String>),
    Regex(Regex),
}

impl StreamFilter {
    /// Whether a stream, in its written form, is meant.
    pub fn matches(&self, stream: &str) -> bool {
        let labels = stream_labels(stream);
        self.groups.iter().any(|group| group.iter().all(|condition| condition.holds(&labels)))
    }

    /// Parses behind the opening brace.
    pub fn parse(lexer: &mut Lexer<'_>) -> Result<Self, String> {
        let mut groups = vec![Vec::new()];
        if lexer.take("}") {
            return Ok(Self { groups });
        }
        loop {
            let (condition, written) = Condition::parse(lexer)?;
            if let Some(group) = groups.last_mut() {
                group.push(condition);
            }
            if lexer.take("}") {
                return Ok(Self { groups });
            }
            if lexer.take("or") {
                groups.push(Vec::new());
            } else if !lexer.take(",") && !lexer.take("and") {
                let found = lexer.text();
                return Err(format!(
                    "unexpected token {found:?} in _stream filter after {written:?}; want 'or', 'and', '}}' or ','"
                ));
            }
            if lexer.take("}") {
                return Ok(Self { groups });
            }
        }
    }
}

impl Condition {
    /// The condition, and how it is written in an error.
    fn parse(lexer: &mut Lexer<'_>) -> Result<(Self, String), String> {
        let label = compound(lexer)?;
        let negated_in = lexer.take("not_in");
        if negated_in || lexer.take("in") {
            let values = super::parse::value_list(lexer)?;
            let written = format!("{label} in ({})", values.join(","));
            return Ok((Self { label, test: LabelTest::In(values), negated: negated_in }, written));
        }
        let sign = lexer.next().map(|token| token.text).unwrap_or_default();
        if !matches!(sign.as_str(), "=" | "!=" | "=~" | "!~") {
            return Err(format!(
                "unexpected operation {sign:?} in _stream filter for {label:?} field; want '=', '!=', '=~', '!~', 'in' or 'not_in'"
            ));
        }
        let value = compound(lexer)?;
        let written = format!("{label}{sign}{value:?}");
        let test = if sign.ends_with('~') {
            let anchored = Regex::new(&format!("^(?:{value})$"));
            LabelTest::Regex(anchored.map_err(|error| format!("invalid regexp {value:?} in _stream filter: {error}"))?)
        } else {
            LabelTest::In(vec![value])
        };
        Ok((Self { label, test, negated: sign.starts_with('!') }, written))
    }

    fn holds(&self, labels: &[(String, String)]) -> bool {
        let value = labels.iter().find(|(name, _)| *name == self.label).map_or("", |(_, value)| value.as_str());
        let found = match &self.test {
            LabelTest::In(values) => values.iter().any(|wanted| wanted == value),
            LabelTest::Regex(regex) => regex.is_match(value),
        };
        found != self.negated
    }
}

/// A name or value: one quoted string, or words with dots and dashes between them.
fn compound(lexer: &mut Lexer<'_>) -> Result<String, String> {
    match super::parse::compound_word(lexer, &["-", ".", "/", ":", "$"]) {
        Some(word) => Ok(word),
        None => Err(format!("unexpected token {:?} in _stream filter", lexer.text())),
    }
}

/// The labels of a stream in its written form `{a="b",c="d"}`.
fn stream_labels(stream: &str) -> Vec<(String, String)> {
    let Ok(mut lexer) = Lexer::new(stream) else { return Vec::new() };
    let mut labels = Vec::new();
    lexer.take("{");
    while let Ok(name) = compound(&mut lexer) {
        let value = lexer.expect("=").ok().and_then(|()| lexer.next());
        let Some(value) = value else { break };
        labels.push((name, value.text));
        if !lexer.take(",") {
            break;
        }
    }
    labels
}
