//! Making strangers' text inert in Markdown: nothing in a label or a log line may format, link, mention or notify.

use std::fmt::Write as _;

use crate::domain::text;

/// Longest value put into a sentence, in bytes: more is not read, and a label can be 64 KiB.
const MAX_INLINE_BYTES: usize = 1000;

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
        if c == '@' && text::begins_name(before, next) {
            out.push(text::WORD_JOINER);
        }
        before = Some(c);
    }
    out
}

/// A model's Markdown: its paragraphs, lists, emphasis and code stay; links, images, mentions and raw HTML do not. Only
/// citations keep their brackets.
///
/// Readers do not agree on where code begins and ends, and what one takes for code, another may take for a link. So code
/// is written anew in marks that all read alike, and every other backtick is a letter.
pub fn model(raw: &str) -> String {
    let raw = text::plain(raw);
    let mut out = String::with_capacity(raw.len() + 16);
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        match fence_of(line) {
            Some(marks) => {
                let inside: Vec<&str> = lines.by_ref().take_while(|line| !closes(line, marks)).collect();
                out.push_str(&fence(&inside.join("\n")));
            }
            None => prose(line, &mut out),
        }
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// The marks with which a line opens a block of code.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let marks = &line[..line.len() - rest.len()];
    (marks.len() >= 3 && !rest.contains('`')).then_some(marks)
}

fn closes(line: &str, marks: &str) -> bool {
    let line = line.trim();
    line.len() >= marks.len()
        && line.starts_with(marks)
        && line.trim_matches(char::from(marks.as_bytes()[0])).is_empty()
}

fn prose(line: &str, out: &mut String) {
    let mut before = None;
    // Whether a backslash has taken the meaning of what follows; two of them are one that is shown.
    let mut is_escaped = false;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if c == '`' && !is_escaped {
            let run = rest.len() - rest.trim_start_matches('`').len();
            match code_span(&rest[run..], run) {
                Some((inside, after)) => {
                    out.push_str(&code(inside));
                    rest = after;
                }
                None => {
                    out.push_str(&"\\`".repeat(run));
                    rest = &rest[run..];
                }
            }
            before = Some('`');
            continue;
        }
        rest = &rest[c.len_utf8()..];
        let next = rest.chars().next();
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let special = match c {
            '<' => true,
            '[' => !is_citation(rest),
            ':' => next == Some('/'),
            '.' => ends_with_www(out),
            '!' => next == Some('['),
            '&' => letter(next) || next == Some('#'),
            _ => false,
        };
        if special && !is_escaped {
            out.push('\\');
        }
        out.push(c);
        if c == '@' && text::begins_name(before, next) {
            out.push(text::WORD_JOINER);
        }
        is_escaped = c == '\\' && !is_escaped;
        before = Some(c);
    }
}

/// The code up to the next run of exactly so many backticks in the same line, and what follows it.
fn code_span(rest: &str, run: usize) -> Option<(&str, &str)> {
    let mut from = 0;
    while let Some(at) = rest[from..].find('`') {
        let start = from + at;
        let length = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        if length == run {
            return Some((&rest[..start], &rest[start + length..]));
        }
        from = start + length;
    }
    None
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
    fn a_models_links_are_none_however_they_are_wrapped() {
        for (raw, told) in [
            ("see [x](http://evil)", "see \\[x](http\\://evil)"),
            ("\\[x](http://evil)", "\\[x](http\\://evil)"),
            // Two backslashes are one that is shown, and the bracket after them is a bracket.
            ("\\\\[x](http://evil)", "\\\\\\[x](http\\://evil)"),
            // A backtick alone opens nothing, nor does one that is escaped, nor two that one closes.
            ("a ` [x](http://evil)", "a \\` \\[x](http\\://evil)"),
            ("\\`[x](http://evil)\\`", "\\`\\[x](http\\://evil)\\`"),
            ("`` [x](http://evil) `", "\\`\\` \\[x](http\\://evil) \\`"),
            ("`` a`b `` <b>", "`aˋb` \\<b>"),
            ("`ls -l` @all", "`ls -l` @\u{2060}all"),
            ("[E1] and [E2, E3], [E4](http://evil)", "[E1] and [E2, E3], \\[E4](http\\://evil)"),
            ("```rust\nlet x;\n```\n<b>", "```\nlet x;\n```\n\\<b>"),
            // What only some readers take for a fence is none for any.
            ("> ```\n> [x](http://evil)", "> \\`\\`\\`\n> \\[x](http\\://evil)"),
            ("~~~\n```\n~~~\n[x](http://evil)", "````\n```\n````\n\\[x](http\\://evil)"),
            ("```\nnever closed", "```\nnever closed\n```"),
            (
                "```\n[x](http://evil)\n``` no end\n[y](http://evil)",
                "````\n[x](http://evil)\n``` no end\n[y](http://evil)\n````",
            ),
        ] {
            assert_eq!(model(raw), told, "{raw}");
        }
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
