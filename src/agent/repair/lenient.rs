//! A reader of JSON as models write it: Python's quotes and words, commas too many, line breaks in strings, and an end
//! that may be missing.

use serde_json::{Map, Value};

/// Deeper than any document that is meant; keeps hostile nesting off the stack.
const MAX_DEPTH: usize = 64;

/// What was read at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The value; of a cut one the parts that are there.
    pub value: Value,
    /// Where it ends, in bytes.
    pub end: usize,
    /// Whether the text ended before the value did.
    pub cut: bool,
}

/// Reads the value that begins at byte `at`. `None` when there is none.
pub fn read(text: &str, at: usize) -> Option<Read> {
    read_or_skip(text, at).ok()
}

/// [`read`], or where to look for the next value: behind nesting that is too deep, for whoever begins inside of it meets
/// the same depth again.
pub fn read_or_skip(text: &str, at: usize) -> Result<Read, usize> {
    let mut reader = Reader { text, at, cut: false, too_deep: false };
    match reader.value(0) {
        Some(value) => Ok(Read { value, end: reader.at, cut: reader.cut }),
        None if reader.too_deep => Err(reader.at.max(at + 1)),
        None => Err(at + 1),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The end of the text was met inside of a value.
    cut: bool,
    /// It was left for its depth.
    too_deep: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip(&mut self, also: &[u8]) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || also.contains(&byte)) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            self.too_deep = true;
            return None;
        }
        self.skip(b"");
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth, b']'),
            b'(' if depth > 0 => self.array(depth, b')'),
            quote @ (b'"' | b'\'') => self.string(quote).map(Value::String),
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            byte if byte.is_ascii_alphabetic() => self.word(),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = Map::new();
        loop {
            self.skip(b",");
            let key = match self.peek() {
                None => return self.cut_at_end(Value::Object(map)),
                Some(b'}') => {
                    self.at += 1;
                    return Some(Value::Object(map));
                }
                Some(quote @ (b'"' | b'\'')) => self.string(quote)?,
                Some(_) => self.name()?,
            };
            if self.cut {
                return Some(Value::Object(map));
            }
            self.skip(b"");
            match self.peek() {
                Some(b':') => self.at += 1,
                None => return self.cut_at_end(Value::Object(map)),
                Some(_) => return None,
            }
            self.skip(b"");
            if self.peek().is_none() {
                return self.cut_at_end(Value::Object(map));
            }
            let value = self.value(depth + 1);
            if let Some(value) = value {
                map.insert(key, value);
            } else if !self.cut {
                return None;
            }
            if self.cut {
                return Some(Value::Object(map));
            }
            self.between(b'}')?;
        }
    }

    fn array(&mut self, depth: usize, close: u8) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip(b",");
            match self.peek() {
                None => return self.cut_at_end(Value::Array(items)),
                Some(byte) if byte == close => {
                    self.at += 1;
                    return Some(Value::Array(items));
                }
                Some(_) => {}
            }
            let value = self.value(depth + 1);
            if let Some(value) = value {
                items.push(value);
            } else if !self.cut {
                return None;
            }
            if self.cut {
                return Some(Value::Array(items));
            }
            self.between(close)?;
        }
    }

    /// Between two members stands a comma; without one there is no telling what was meant.
    fn between(&mut self, close: u8) -> Option<()> {
        self.skip(b"");
        self.peek().is_none_or(|byte| byte == b',' || byte == close).then_some(())
    }

    fn cut_at_end(&mut self, value: Value) -> Option<Value> {
        self.cut = true;
        Some(value)
    }

    fn string(&mut self, quote: u8) -> Option<String> {
        self.at += 1;
        let mut out = String::new();
        let mut from = self.at;
        while let Some(byte) = self.peek() {
            if byte == quote {
                out.push_str(&self.text[from..self.at]);
                self.at += 1;
                return Some(out);
            }
            if byte != b'\\' {
                self.at += 1;
                continue;
            }
            out.push_str(&self.text[from..self.at]);
            self.at += 1;
            self.escape(&mut out);
            from = self.at;
        }
        out.push_str(&self.text[from..]);
        self.cut = true;
        Some(out)
    }

    /// What stands behind a backslash; an escape that means nothing is what it looks like.
    fn escape(&mut self, out: &mut String) {
        let Some(c) = self.text[self.at..].chars().next() else { return };
        self.at += c.len_utf8();
        match c {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            // Cut in the middle of the escape: what it would have been is not known.
            'u' if self.ends_in_hex() => self.at = self.text.len(),
            'u' => out.push(self.unicode()),
            '"' | '\'' | '\\' | '/' => out.push(c),
            c => out.extend(['\\', c]),
        }
    }

    fn ends_in_hex(&self) -> bool {
        let rest = &self.text[self.at..];
        rest.len() < 4 && rest.bytes().all(|b| b.is_ascii_hexdigit())
    }

    fn unicode(&mut self) -> char {
        let Some(high) = self.hex4() else { return char::REPLACEMENT_CHARACTER };
        if let Some(c) = char::from_u32(high) {
            return c;
        }
        if (0xD800..0xDC00).contains(&high) && self.text[self.at..].starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            if let Some(low) = self.hex4().filter(|low| (0xDC00..0xE000).contains(low)) {
                let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.at = before;
        }
        char::REPLACEMENT_CHARACTER
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits =
            self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn number(&mut self) -> Option<Value> {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'_')) {
            self.at += 1;
        }
        if self.peek().is_none() {
            // 12 may be the start of 128.
            self.cut = true;
            return None;
        }
        let digits = self.text[from..self.at].replace('_', "");
        let digits = digits.strip_prefix('+').unwrap_or(&digits);
        serde_json::from_str(digits).ok().or_else(|| {
            let number: f64 = digits.parse().ok()?;
            serde_json::Number::from_f64(number).map(Value::Number)
        })
    }

    fn word(&mut self) -> Option<Value> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        if self.peek().is_none() {
            self.cut = true;
            return None;
        }
        match &self.text[from..self.at] {
            "true" | "True" => Some(Value::Bool(true)),
            "false" | "False" => Some(Value::Bool(false)),
            "null" | "None" | "undefined" => Some(Value::Null),
            _ => None,
        }
    }

    /// A key without quotes.
    fn name(&mut self) -> Option<String> {
        let from = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'$')) {
            self.at += 1;
        }
        self.cut |= self.peek().is_none();
        (self.at > from).then(|| self.text[from..self.at].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn as_models_write_it() {
        for (text, value) in [
            (r#"{"a": 1, "b": [true, null]} tail"#, json!({"a": 1, "b": [true, null]})),
            ("{'pod': 'web-0', 'all': True, 'x': None,}", json!({"pod": "web-0", "all": true, "x": null})),
            ("{pod: \"a\nb\", n: +1.5, m: .5, k: 1_000}", json!({"pod": "a\nb", "n": 1.5, "m": 0.5, "k": 1000})),
            (r#"["\u0041\ud83d\ude00\ud800x", "\d"]"#, json!(["A😀\u{fffd}x", "\\d"])),
            ("[(1, 2), ]", json!([[1, 2]])),
        ] {
            let read = read(text, 0).unwrap();
            assert_eq!((read.value, read.cut), (value, false), "{text}");
        }
    }

    #[test]
    fn a_cut_document_keeps_what_is_whole_and_the_start_of_its_last_text() {
        for (text, value) in [
            (r#"{"cause": "OOM", "next": ["look at"#, json!({"cause": "OOM", "next": ["look at"]})),
            (r#"{"a": 1, "b": 12"#, json!({"a": 1})),
            (r#"{"a": tru"#, json!({})),
            (r#"{"a": 1, "b"#, json!({"a": 1})),
            (r#"{"a": 1, "b":"#, json!({"a": 1})),
            (r#"{"a": {"b": 1,"#, json!({"a": {"b": 1}})),
        ] {
            let read = read(text, 0).unwrap();
            assert_eq!((read.value, read.cut), (value, true), "{text}");
        }
    }

    #[test]
    fn what_is_no_value_is_none() {
        let deep = "[".repeat(1000);
        for text in ["", "E1", "{\"a\" 1}", "{\"a\": 1 \"b\": 2}", "[E1]", "{a}", "<x>", deep.as_str()] {
            assert_eq!(read(text, 0), None, "{text}");
        }
    }
}
