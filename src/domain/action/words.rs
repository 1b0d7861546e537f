//! A command as words, with quotes: what a shell does, without anything a shell can do.

use super::ActionError;

/// Longest command that is read, in bytes: twenty matchers and a comment fit.
const MAX_COMMAND_BYTES: usize = 16 * 1024;

/// Splits at white space; single and double quotes keep what is between them, and `\` the next character.
pub(super) fn split(command: &str) -> Result<Vec<String>, ActionError> {
    if command.len() > MAX_COMMAND_BYTES {
        return Err(ActionError::new("command", format!("is longer than {MAX_COMMAND_BYTES} bytes")));
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut letters = command.chars();
    while let Some(c) = letters.next() {
        match (quote, c) {
            (Some(end), c) if c == end => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(letters.next()),
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err(ActionError::new("command", "a quotation mark is not closed"));
    }
    words.extend(word);
    Ok(words)
}

/// A word that [`split`] gives back as it is.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:,=!~@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}
