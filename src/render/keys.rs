//! Files made of keys: `words.txt` (`key = text`) and `findings.txt` (`[key]` with `name: text` lines).

use std::collections::BTreeMap;

use super::RenderError;

/// Where a text stands, for errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    /// The text.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

fn wrong(file: &str, line: usize, problem: impl Into<String>) -> RenderError {
    RenderError { file: file.to_owned(), line, problem: problem.into() }
}

/// Lines that say something, with their numbers from 1.
fn lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.trim_end()))
        .filter(|(_, line)| !line.trim_start().is_empty() && !line.starts_with('#'))
}

/// Reads `key = text` lines.
pub(super) fn words(file: &str, source: &str) -> Result<BTreeMap<String, String>, RenderError> {
    let mut found = BTreeMap::new();
    for (number, line) in lines(source) {
        let (key, text) = line.split_once('=').ok_or_else(|| wrong(file, number, "is not `key = text`"))?;
        if found.insert(key.trim().to_owned(), text.trim().to_owned()).is_some() {
            return Err(wrong(file, number, format!("`{}` is there twice", key.trim())));
        }
    }
    Ok(found)
}

/// Reads `[key]` sections of `name: text` lines; an indented line continues the one before.
pub(super) fn sections(
    file: &str,
    source: &str,
    names: &[&str],
) -> Result<BTreeMap<String, BTreeMap<String, Placed>>, RenderError> {
    let mut found: BTreeMap<String, BTreeMap<String, Placed>> = BTreeMap::new();
    let mut section: Option<String> = None;
    let mut last: Option<String> = None;
    for (number, line) in lines(source) {
        if let Some(key) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            if found.insert(key.trim().to_owned(), BTreeMap::new()).is_some() {
                return Err(wrong(file, number, format!("`[{}]` is there twice", key.trim())));
            }
            (section, last) = (Some(key.trim().to_owned()), None);
            continue;
        }
        let texts = section.as_ref().and_then(|key| found.get_mut(key));
        let texts = texts.ok_or_else(|| wrong(file, number, "stands before the first `[key]`"))?;
        if line.starts_with([' ', '\t']) {
            let text = last.as_ref().and_then(|name| texts.get_mut(name));
            let text = text.ok_or_else(|| wrong(file, number, "continues nothing"))?;
            text.text.push(' ');
            text.text.push_str(line.trim());
            continue;
        }
        let (name, text) = line
            .split_once(':')
            .filter(|(name, _)| names.contains(&name.trim()))
            .ok_or_else(|| wrong(file, number, format!("does not begin with one of `{}:`", names.join(":`, `"))))?;
        texts.insert(name.trim().to_owned(), Placed { text: text.trim().to_owned(), line: number });
        last = Some(name.trim().to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_line() {
        assert_eq!(
            words("en/words.txt", "# a\n\nnothing").unwrap_err().to_string(),
            "en/words.txt:3: is not `key = text`"
        );
        let error = sections("f", "[a]\nclaim: x\nclam: y", &["claim", "check"]).unwrap_err();
        assert_eq!(error.to_string(), "f:3: does not begin with one of `claim:`, `check:`");
    }

    #[test]
    fn an_indented_line_continues() {
        let found = sections("f", "[a]\nclaim: one\n  two\n", &["claim"]).unwrap();
        assert_eq!(found["a"]["claim"], Placed { text: "one two".into(), line: 2 });
    }
}
