//! Making strangers' text inert in Markdown: nothing in a label or a log line may format, link, mention or notify.

use std::fmt::Write as _;

use crate::domain::text;

/// Longest value put into a sentence, in bytes: more is not read, and a label can be 64 KiB.
const MAX_INLINE_BYTES: usize = 1000;
/// Stands between `@` and a name, so that no chat reads a mention; it has no width and no meaning.
const WORD_JOINER: char = '\u{2060}';

/// `raw` as literal text in one line of Markdown.
///
/// Besides Markdown's own characters: `@all` and `@here` get a word joiner, `<!channel>` and `<http://…|text>` (Slack)
/// lose their bracket, addresses do not become links.
pub fn markdown(raw: &str) -> String {
    let line = text::line(raw, MAX_INLINE_BYTES);
    let mut out = String::with_capacity(line.len() + 8);
    let mut before = None;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let special = match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '~' | '|' | '#' => true,
            // Inside a word an underscore is only an underscore.
            '_' => !(letter(before) && letter(next)),
            '&' => letter(next) || next == Some('#'),
            '!' => next == Some('['),
            // Image and list markers and rules at the start of a line.
            '-' | '+' | '=' => before.is_none() && next.is_none_or(|next| next == ' ' || next == c),
            '.' | ')' => is_marker(&out, next) || c == '.' && ends_with_www(&out),
            ':' => next == Some('/'),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        if c == '@' && !letter(before) && letter(next) {
            out.push(WORD_JOINER);
        }
        before = Some(c);
    }
    out
}

/// A model's Markdown: its paragraphs, lists, emphasis and code stay; links, images, mentions and raw HTML do not. Only
/// citations keep their brackets.
pub fn model(raw: &str) -> String {
    let raw = text::plain(raw);
    let mut out = String::with_capacity(raw.len() + 16);
    let mut in_fence = false;
    for line in raw.lines() {
        let is_fence = line.trim_start().starts_with("```");
        if is_fence || in_fence {
            in_fence ^= is_fence;
            out.push_str(line);
        } else {
            for (index, part) in line.split('`').enumerate() {
                if index > 0 {
                    out.push('`');
                }
                if index % 2 == 1 { out.push_str(part) } else { prose(part, &mut out) }
            }
        }
        out.push('\n');
    }
    if in_fence {
        out.push_str("```\n");
    }
    out.trim_end().to_owned()
}

fn prose(part: &str, out: &mut String) {
    let mut before = None;
    for (at, c) in part.char_indices() {
        let rest = &part[at + c.len_utf8()..];
        let next = rest.chars().next();
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let escaped = match c {
            '<' => true,
            '[' => !is_citation(rest),
            ':' => next == Some('/'),
            '.' => ends_with_www(out),
            '!' => next == Some('['),
            '&' => letter(next) || next == Some('#'),
            _ => false,
        };
        // What is escaped already stays as it is.
        if escaped && before != Some('\\') {
            out.push('\\');
        }
        out.push(c);
        if c == '@' && !letter(before) && letter(next) {
            out.push(WORD_JOINER);
        }
        before = Some(c);
    }
}

/// Whether `E3]` follows, or `E3, E4]`.
fn is_citation(rest: &str) -> bool {
    let inside = rest.split(']').next().unwrap_or_default();
    let id = |part: &str| {
        part.strip_prefix('E').is_some_and(|n| !n.is_empty() && n.len() <= 5 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let after = rest.get(inside.len()..).unwrap_or_default();
    // `[E1](…)` and `[E1]: …` would be links; `[E1][E2]` is two citations.
    let is_link =
        after.starts_with("](") || after.starts_with("]:") || (after.starts_with("][") && !after.starts_with("][E"));
    !after.is_empty() && !is_link && inside.split(',').all(|part| id(part.trim()))
}

/// Whether `1` and the dot after it would begin a list.
fn is_marker(out: &str, next: Option<char>) -> bool {
    !out.is_empty() && out.bytes().all(|b| b.is_ascii_digit()) && next.is_none_or(|next| next == ' ')
}

fn ends_with_www(out: &str) -> bool {
    out.len() >= 3 && out.is_char_boundary(out.len() - 3) && out[out.len() - 3..].eq_ignore_ascii_case("www")
}

/// `raw` as code in one line. Backticks in it become the letter that looks like one: not every chat knows the rule of
/// longer delimiters.
pub fn code(raw: &str) -> String {
    let line = text::line(raw, MAX_INLINE_BYTES);
    if line.is_empty() {
        return "–".to_owned();
    }
    format!("`{}`", line.replace('`', "ˋ"))
}

/// `raw` as a block of code, in a fence longer than any in it.
pub fn fence(raw: &str) -> String {
    let raw = text::plain(raw);
    let longest = raw.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut out = String::with_capacity(raw.len() + 2 * fence.len() + 2);
    // Writing to a String cannot fail.
    let _ = write!(out, "{fence}\n{}\n{fence}", raw.trim_end());
    out
}

/// `template` with every `` `{{ value }}` `` changed to `{{ value|code }}`.
///
/// Authors of templates write backticks around a value as they would around a word; escaped as prose in there, the
/// value would show its escapes, and one with a backtick would end the code.
pub(super) fn code_in_backticks(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(start) = rest.find("`{{") {
        let after = &rest[start + 3..];
        let Some(end) = after.find("}}").filter(|end| after[*end + 2..].starts_with('`')) else {
            out.push_str(&rest[..start + 3]);
            rest = after;
            continue;
        };
        out.push_str(&rest[..start]);
        let _ = write!(out, "{{{{ ({})|code }}}}", after[..end].trim());
        rest = &after[end + 3..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_formats_links_or_mentions_is_literal() {
        for (raw, escaped) in [
            ("plain words", "plain words"),
            ("snake_case_name _x_", "snake_case_name \\_x\\_"),
            ("**bold** `code`", "\\*\\*bold\\*\\* \\`code\\`"),
            ("<!channel> <@U123>", "\\<!channel\\> \\<@\u{2060}U123\\>"),
            ("@all me@home.org @ 5", "@\u{2060}all me@home.org @ 5"),
            ("[click](http://evil.example)", "\\[click\\](http\\://evil.example)"),
            ("![x](y)", "\\!\\[x\\](y)"),
            ("www.evil.example", "www\\.evil.example"),
            ("# title", "\\# title"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            ("12.5 MiB -1", "12.5 MiB -1"),
            ("&lt; a & b", "\\&lt; a & b"),
            ("two\nlines", "two lines"),
            ("\u{202E}evil", "evil"),
        ] {
            assert_eq!(markdown(raw), escaped, "{raw}");
        }
        assert!(markdown(&"x".repeat(64 * 1024)).len() <= MAX_INLINE_BYTES);
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("a`b"), "`aˋb`");
        assert_eq!(code(" "), "–");
        assert_eq!(fence("x\n````\ny"), "`````\nx\n````\ny\n`````");
        assert_eq!(fence("x"), "```\nx\n```");
    }

    #[test]
    fn backticks_around_a_value_make_it_code() {
        assert_eq!(code_in_backticks("a `{{ x }}` b `c` `{{ y }} z`"), "a {{ (x)|code }} b `c` `{{ y }} z`");
    }
}
