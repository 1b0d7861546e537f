//! Small tools to look into a line: words, quoted names, what follows a cue.

/// Whether `text` contains any of `words`. Both in lower case.
pub fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| if ERRNOS.contains(word) { starts_word(text, word) } else { text.contains(word) })
}

/// Codes that also end longer names, as in `FileNotFoundError` and `namepipe`.
const ERRNOS: &[&str] = &[
    "eacces",
    "eaddrinuse",
    "econnrefused",
    "econnreset",
    "ehostunreach",
    "emfile",
    "enetunreach",
    "enfile",
    "enoent",
    "enomem",
    "enospc",
    "enotfound",
    "eperm",
    "epipe",
    "erofs",
    "eservfail",
    "esockettimedout",
    "etimedout",
];

/// Whether `word` stands at the start of a word of `text`.
fn starts_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric()))
}

/// Whether `word` stands in `text` with no letter, digit or `_` beside it.
pub fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_name) && !after.is_some_and(is_name)
    })
}

/// What follows the first `cue` in `text`, compared without regard to ASCII case.
pub fn after<'a>(text: &'a str, cue: &str) -> Option<&'a str> {
    find(text, cue).map(|at| &text[at + cue.len()..])
}

/// Where `cue` stands in `text`, without regard to ASCII case. `cue` is ASCII.
pub fn find(text: &str, cue: &str) -> Option<usize> {
    let (text, cue) = (text.as_bytes(), cue.as_bytes());
    if cue.is_empty() || text.len() < cue.len() {
        return None;
    }
    // An ASCII cue begins and ends on character boundaries.
    (0..=text.len() - cue.len()).find(|at| text[*at..*at + cue.len()].eq_ignore_ascii_case(cue))
}

/// The first text between quotes of any kind.
pub fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['"', '\'', '`', '“', '«'])?;
    let open = text[start..].chars().next()?;
    let close = match open {
        '“' => '”',
        '«' => '»',
        same => same,
    };
    let rest = &text[start + open.len_utf8()..];
    rest.find(close).map(|end| &rest[..end]).filter(|name| !name.is_empty() && !name.contains('\n'))
}

/// The first word of `text`, without quotes and punctuation around it.
pub fn first_word(text: &str) -> &str {
    let word = text.trim_start_matches(|c: char| c.is_whitespace() || "\"'`:=([{<\\".contains(c));
    let end = word.find(|c: char| c.is_whitespace() || "\"'`,;)]}>\\".contains(c)).unwrap_or(word.len());
    word[..end].trim_end_matches(['.', ':'])
}

/// The names in `text` that are spelled like environment variables: `DATABASE_URL`, `PGHOST`.
pub fn env_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_name(c)).filter(|word| {
        word.len() >= 3
            && word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// The number at the start of `text`.
pub fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// Letters of a name in most languages.
pub fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_into_lines() {
        assert!(has_word("code=timeout;", "timeout") && !has_word("timeouts", "timeout"));
        assert!(has_any("error: ENOTFOUND db".to_lowercase().as_str(), &["enotfound"]));
        assert!(!has_any("filenotfounderror: x", &["enotfound"]) && !has_any("openfile: ok", &["enfile"]));
        assert_eq!(after("Could not Resolve host: db", "resolve HOST: "), Some("db"));
        assert_eq!(find("ж€ abc", "abc"), Some("ж€ ".len()));
        assert_eq!(quoted("relation \"orders\" does"), Some("orders"));
        assert_eq!(quoted("it's"), None);
        assert_eq!(first_word(": 'x.yml', y"), "x.yml");
        assert_eq!(env_names("KeyError: 'DATABASE_URL' in A B2").collect::<Vec<_>>(), ["DATABASE_URL"]);
        assert_eq!(leading_number("12 node(s)"), Some(12));
        assert_eq!(leading_number("x"), None);
    }
}
