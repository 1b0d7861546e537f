//! Cuts a query into tokens. Whether there was a space before a token matters: `a:b` and `a: b` are read alike, but a
//! word goes on over `-`, `.`, `/` only without spaces.

/// A token and where it lies in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::demo) struct Token {
    pub text: String,
    /// Whether it was written in quotes: then it is never a keyword.
    pub quoted: bool,
    pub space_before: bool,
    /// Byte offset of its end.
    pub end: usize,
    /// Byte offset of its beginning.
    pub start: usize,
}

/// The tokens of a query with a cursor.
pub(in crate::demo) struct Lexer<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    position: usize,
}

/// Operators of more than one character, longest first.
const OPERATORS: [&str; 6] = ["!=", "!~", "=~", ">=", "<=", ":="];

impl<'a> Lexer<'a> {
    /// Cuts the text; the only possible mistake at this level is a quote that is never closed.
    pub fn new(source: &'a str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut at = 0;
        let mut space_before = false;
        while let Some(first) = source[at..].chars().next() {
            if first.is_whitespace() {
                at += first.len_utf8();
                space_before = true;
                continue;
            }
            let start = at;
            let (text, quoted, length) = next_token(&source[at..], first)?;
            at += length;
            // `:=` is two tokens: the colon after a field, and the equals sign of an exact filter.
            if text == ":=" {
                tokens.push(Token { text: ":".to_owned(), quoted: false, space_before, start, end: start + 1 });
                tokens.push(Token {
                    text: "=".to_owned(),
                    quoted: false,
                    space_before: false,
                    start: start + 1,
                    end: at,
                });
            } else {
                tokens.push(Token { text, quoted, space_before, start, end: at });
            }
            space_before = false;
        }
        Ok(Self { source, tokens, position: 0 })
    }

    /// The token at the cursor.
    pub fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    /// The token after the one at the cursor.
    pub fn peek_second(&self) -> Option<&Token> {
        self.tokens.get(self.position + 1)
    }

    /// Takes the token at the cursor.
    pub fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token
    }

    /// Whether the next token is one of these unquoted words or signs (case does not matter).
    pub fn is(&self, words: &[&str]) -> bool {
        self.peek().is_some_and(|token| !token.quoted && words.iter().any(|word| token.text.eq_ignore_ascii_case(word)))
    }

    /// Where the cursor is, to come back to when an attempt fails.
    pub fn mark(&self) -> usize {
        self.position
    }

    /// Goes back to a mark.
    pub fn reset(&mut self, mark: usize) {
        self.position = mark;
    }

    /// Takes the next token if it is this one.
    pub fn take(&mut self, word: &str) -> bool {
        let found = self.is(&[word]);
        if found {
            self.position += 1;
        }
        found
    }

    /// Takes this token or fails.
    pub fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) { Ok(()) } else { Err(format!("unexpected token {:?}; want {word:?}", self.text())) }
    }

    /// The text of the next token, empty at the end.
    pub fn text(&self) -> &str {
        self.peek().map_or("", |token| token.text.as_str())
    }

    /// Takes `(*)`, if that is what comes next.
    pub fn take_star_call(&mut self) -> bool {
        let texts: Vec<&str> =
            self.tokens.iter().skip(self.position).take(3).map(|token| token.text.as_str()).collect();
        let found = texts == ["(", "*", ")"];
        if found {
            self.position += 3;
        }
        found
    }

    /// What was read so far, the next token included: the context of an error.
    pub fn context(&self) -> &'a str {
        let end = self.peek().map_or(self.source.len(), |token| token.end);
        self.source[..end].trim_end()
    }

    /// The text between the cursor and the token that closes a bracket, and moves behind it.
    pub fn raw_until(&mut self, closing: &[&str]) -> Option<(String, String)> {
        let start = self.peek()?.start;
        while let Some(token) = self.next() {
            if !token.quoted && closing.contains(&token.text.as_str()) {
                return Some((self.source[start..token.start].to_owned(), token.text));
            }
        }
        None
    }
}

/// The next token, whether it was quoted, and how many bytes it took.
fn next_token(rest: &str, first: char) -> Result<(String, bool, usize), String> {
    if matches!(first, '"' | '\'' | '`') {
        return quoted(rest, first).map(|(text, length)| (text, true, length));
    }
    if let Some(operator) = OPERATORS.into_iter().find(|operator| rest.starts_with(operator)) {
        return Ok((operator.to_owned(), false, operator.len()));
    }
    if !is_word(first) {
        return Ok((first.to_string(), false, first.len_utf8()));
    }
    let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
    Ok((rest[..length].to_owned(), false, length))
}

/// What a word token is made of. (Compound words are glued together by the parser.)
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A quoted string with Go's escapes; between backquotes nothing is escaped.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((index, c)) = chars.next() {
        if c == quote {
            return Ok((text, index + 1));
        }
        if c != '\\' || quote == '`' {
            text.push(c);
            continue;
        }
        match chars.next() {
            Some((_, 'n')) => text.push('\n'),
            Some((_, 't')) => text.push('\t'),
            Some((_, 'r')) => text.push('\r'),
            Some((_, code @ ('x' | 'u' | 'U'))) => {
                let digits = match code {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let hex: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
                let decoded = u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32);
                text.push(decoded.ok_or_else(|| format!("invalid escape \\{code}{hex} in {rest}"))?);
            }
            Some((_, other)) if other == '\\' || other == quote => text.push(other),
            // Regular expressions have escapes of their own: a string must write them as `\\[`.
            Some((_, other)) => return Err(format!("invalid escape \\{other} in {rest}")),
            None => break,
        }
    }
    Err(format!("missing closing quote in {rest}"))
}
