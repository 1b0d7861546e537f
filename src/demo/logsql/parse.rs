//! The parser of LogsQL filters; pipes are parsed in their own files.

use chrono::{DateTime, Utc};
use regex::Regex;

use super::Query;
use super::filter::{Filter, Test};
use super::lexer::{Lexer, is_word};
use super::pipes::Pipe;
use super::stream::StreamFilter;
use crate::demo::http::{parse_duration, parse_time};

/// What a filter word may go on over, and a field name (which ends at a colon).
const IN_WORD: [&str; 6] = ["-", ".", "/", "+", "$", ":"];
const IN_FIELD: [&str; 5] = ["-", ".", "/", "+", "$"];

/// Words that are not filters unless they are quoted.
const KEYWORDS: [&str; 3] = ["and", "or", "not"];

/// Parses a whole query.
pub(super) fn query(text: &str, now: DateTime<Utc>) -> Result<Query, String> {
    let mut lexer = Lexer::new(text)?;
    let parsed = (|| {
        let filter = or(&mut lexer, "_msg", now)?;
        let mut pipes = Vec::new();
        while lexer.take("|") {
            pipes.push(Pipe::parse(&mut lexer, now)?);
        }
        match lexer.peek() {
            None => Ok(Query { filter, pipes }),
            Some(token) => Err(format!("unexpected unparsed tail; want '|'; got {:?}", token.text)),
        }
    })();
    parsed.map_err(|error| format!("{error}; context: [{}]", lexer.context()))
}

/// Parses alternatives; `field` is the one that unnamed filters mean.
pub(super) fn or(lexer: &mut Lexer<'_>, field: &str, now: DateTime<Utc>) -> Result<Filter, String> {
    let mut any = vec![and(lexer, field, now)?];
    while lexer.take("or") {
        any.push(and(lexer, field, now)?);
    }
    Ok(if any.len() == 1 { any.remove(0) } else { Filter::Or(any) })
}

fn and(lexer: &mut Lexer<'_>, field: &str, now: DateTime<Utc>) -> Result<Filter, String> {
    let mut all = vec![unary(lexer, field, now)?];
    loop {
        let explicit = lexer.take("and");
        let ends = lexer.peek().is_none() || lexer.is(&["or", "|", ")"]);
        if ends && !explicit {
            return Ok(if all.len() == 1 { all.remove(0) } else { Filter::And(all) });
        }
        all.push(unary(lexer, field, now)?);
    }
}

fn unary(lexer: &mut Lexer<'_>, field: &str, now: DateTime<Utc>) -> Result<Filter, String> {
    if lexer.take("not") || lexer.take("!") || lexer.take("-") {
        return Ok(Filter::Not(Box::new(unary(lexer, field, now)?)));
    }
    if lexer.take("(") {
        if lexer.take(")") {
            return Err("missing filter inside parentheses".to_owned());
        }
        let inner = or(lexer, field, now)?;
        lexer.expect(")")?;
        return Ok(inner);
    }
    if lexer.take("{") {
        return StreamFilter::parse(lexer).map(Filter::Stream);
    }
    match named_field(lexer) {
        Some(name) => named(lexer, &name, now),
        None => test(lexer, field),
    }
}

/// Takes `name:` if that is what comes next.
fn named_field(lexer: &mut Lexer<'_>) -> Option<String> {
    let mark = lexer.mark();
    let name = compound_word(lexer, &IN_FIELD).filter(|_| lexer.take(":"));
    if name.is_none() {
        lexer.reset(mark);
    }
    name
}

fn named(lexer: &mut Lexer<'_>, name: &str, now: DateTime<Utc>) -> Result<Filter, String> {
    match name {
        "_time" => return time(lexer, now),
        "_stream" if lexer.take("{") => return StreamFilter::parse(lexer).map(Filter::Stream),
        _ => {}
    }
    if lexer.take("(") {
        let inner = or(lexer, name, now)?;
        lexer.expect(")")?;
        return Ok(inner);
    }
    if lexer.take("!") || lexer.take("-") {
        return Ok(Filter::Not(Box::new(named(lexer, name, now)?)));
    }
    test(lexer, name)
}

/// A condition on one field.
fn test(lexer: &mut Lexer<'_>, field: &str) -> Result<Filter, String> {
    let of = |test: Test| Ok(Filter::Field { field: field.to_owned(), test });
    let not = |filter: Filter| Filter::Not(Box::new(filter));
    if lexer.take("*") {
        // `*text*` is one filter; a star that stands alone means every line, or any value of the field.
        if lexer.peek().is_some_and(|token| !token.space_before && (token.quoted || token.text.starts_with(is_word))) {
            let text = word(lexer)?;
            let closed = starred(lexer);
            return if closed { of(Test::Substring(text)) } else { Err(format!("missing '*' after \"*{text}\"")) };
        }
        return if field == "_msg" { Ok(Filter::Any) } else { of(Test::Present) };
    }
    if lexer.is(&["=", "!="]) {
        let negated = lexer.next().is_some_and(|sign| sign.text == "!=");
        let text = word(lexer)?;
        let prefix = starred(lexer);
        let exact = of(Test::Exact { text, prefix })?;
        return Ok(if negated { not(exact) } else { exact });
    }
    if lexer.is(&["~", "=~", "!~"]) {
        let negated = lexer.next().is_some_and(|sign| sign.text == "!~");
        let pattern = word(lexer)?;
        let regex = Regex::new(&pattern).map_err(|error| format!("invalid regexp {pattern:?}: {error}"))?;
        let found = of(Test::Regex(regex))?;
        return Ok(if negated { not(found) } else { found });
    }
    if lexer.is(&[">", ">=", "<", "<="]) {
        let sign = lexer.next().map(|token| token.text).unwrap_or_default();
        return of(Test::Compare { sign, bound: word(lexer)? });
    }
    if lexer.peek_second().is_some_and(|token| !token.quoted && !token.space_before && token.text == "(")
        && !lexer.peek().is_some_and(|token| token.quoted)
    {
        return function(lexer).and_then(of);
    }
    if lexer.is(&KEYWORDS) {
        return Err(format!("unexpected token {:?}; want a filter", lexer.text()));
    }
    let phrase = word(lexer)?;
    let prefix = starred(lexer);
    of(Test::Phrase { phrase, prefix, ignore_case: false })
}

fn function(lexer: &mut Lexer<'_>) -> Result<Test, String> {
    let name = lexer.text().to_lowercase();
    match name.as_str() {
        "i" => {
            lexer.next();
            lexer.expect("(")?;
            let phrase = word(lexer)?;
            let prefix = starred(lexer);
            lexer.expect(")")?;
            Ok(Test::Phrase { phrase, prefix, ignore_case: true })
        }
        "exact" | "re" | "in" | "contains_any" | "contains_all" => {
            lexer.next();
            let mut values = value_list(lexer)?;
            match name.as_str() {
                "in" => Ok(Test::In(values)),
                "contains_any" | "contains_all" => Ok(Test::Contains { phrases: values, all: name == "contains_all" }),
                _ if values.len() != 1 => {
                    Err(format!("unexpected number of args for {name}(); got {}; want 1", values.len()))
                }
                "exact" => Ok(Test::Exact { text: values.remove(0), prefix: false }),
                _ => Regex::new(&values[0])
                    .map(Test::Regex)
                    .map_err(|error| format!("invalid regexp {:?}: {error}", values[0])),
            }
        }
        _ => Err(format!("unexpected token {:?}; want a filter", "(")),
    }
}

/// `(a, "b c", d)`
pub(super) fn value_list(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    lexer.expect("(")?;
    let mut values = Vec::new();
    while !lexer.take(")") {
        values.push(word(lexer)?);
        if !lexer.take(",") {
            lexer.expect(")")?;
            break;
        }
    }
    Ok(values)
}

/// A word or a quoted string.
pub(super) fn word(lexer: &mut Lexer<'_>) -> Result<String, String> {
    match compound_word(lexer, &IN_WORD) {
        Some(word) => Ok(word),
        None if lexer.peek().is_none() => Err("missing filter; probably the query ends too early".to_owned()),
        None => Err(format!("unexpected token {:?}; want a word or a quoted string", lexer.text())),
    }
}

/// Takes a quoted string, or words with these signs between them as long as no space intervenes.
pub(super) fn compound_word(lexer: &mut Lexer<'_>, glue: &[&str]) -> Option<String> {
    let first = lexer.peek()?;
    if first.quoted {
        return lexer.next().map(|token| token.text);
    }
    let is_part = |text: &str| text.starts_with(is_word) || glue.contains(&text);
    if !is_part(&first.text) || first.text == ":" {
        return None;
    }
    let mut word = lexer.next()?.text;
    while let Some(token) = lexer.peek().filter(|token| !token.quoted && !token.space_before && is_part(&token.text)) {
        word.push_str(&token.text);
        lexer.next();
    }
    Some(word)
}

/// Takes the star of a prefix, which stands right behind the word.
fn starred(lexer: &mut Lexer<'_>) -> bool {
    let star = lexer.peek().is_some_and(|token| !token.quoted && !token.space_before && token.text == "*");
    if star {
        lexer.next();
    }
    star
}

/// `_time:5m`, `_time:[from, to)`, `_time:>moment`, `_time:2026-11-22T22`; each with `offset 1h`.
fn time(lexer: &mut Lexer<'_>, now: DateTime<Utc>) -> Result<Filter, String> {
    let moment = |text: &str| {
        parse_time(text.trim().trim_matches('"'), now)
            .map_err(|error| format!("cannot parse {text:?} in _time filter: {error}"))
    };
    let (mut from, mut to) = if lexer.is(&["[", "("]) {
        let open = lexer.next().is_some_and(|token| token.text == "(");
        let (inside, closing) = lexer.raw_until(&["]", ")"]).ok_or("missing closing bracket in _time filter")?;
        let (first, last) = inside.split_once(',').ok_or("missing ',' in _time filter")?;
        (moment(first)? + i64::from(open), moment(last)? - i64::from(closing == ")"))
    } else if lexer.is(&[">", ">=", "<", "<="]) {
        let sign = lexer.next().map(|token| token.text).unwrap_or_default();
        let at = moment(&word(lexer)?)?;
        match sign.as_str() {
            ">" => (at + 1, i64::MAX),
            ">=" => (at, i64::MAX),
            "<" => (i64::MIN, at - 1),
            _ => (i64::MIN, at),
        }
    } else {
        let text = word(lexer)?;
        match parse_duration(&text) {
            Some(length)
                if !text.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with(|c: char| c.is_alphabetic()) =>
            {
                let now = now.timestamp_nanos_opt().unwrap_or_default();
                (now - length.abs(), now)
            }
            _ => (moment(&text)?, moment(&text)? + unit_of(&text) - 1),
        }
    };
    if lexer.take("offset") {
        let text = word(lexer)?;
        let offset = parse_duration(&text).ok_or_else(|| format!("cannot parse offset {text:?} in _time filter"))?;
        from = from.saturating_sub(offset);
        to = to.saturating_sub(offset);
    }
    Ok(Filter::Time { from, to })
}

/// How long the moment is that a shortened date names.
fn unit_of(text: &str) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    match text.trim_end_matches('Z').len() {
        ..=10 => 86_400 * SECOND,
        11..=13 => 3600 * SECOND,
        14..=16 => 60 * SECOND,
        17..=19 => SECOND,
        _ => 1,
    }
}
