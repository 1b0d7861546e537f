//! Our Markdown as Mattermost reads it: nearly the same, but it also calls people, links channels and makes hashtags, and
//! a post ends at a number of characters.

use crate::domain::text::{WORD_JOINER, begins_name};

/// Most characters (Unicode scalar values) of one post.
pub const MAX_POST_CHARS: usize = 16_383;
/// What is kept free of it for closing a fence and for a line of mentions.
const RESERVE_CHARS: usize = 383;
/// Names that call everybody.
const EVERYBODY: [&str; 3] = ["all", "channel", "here"];

/// `markdown` that calls nobody, links no channel and makes no hashtag. Links and code stay as they are; only what calls
/// everybody is broken in code, too, in case a reader sees the code's end elsewhere than we do.
pub fn inert(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len() + 16);
    let mut fence: Option<String> = None;
    for (index, line) in markdown.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if let Some(marks) = fence_marks(line) {
            match &fence {
                None => fence = Some(marks),
                Some(open) if marks.len() >= open.len() && line.trim() == marks => fence = None,
                Some(_) => {}
            }
            inert_code(line, &mut out);
        } else if fence.is_some() {
            inert_code(line, &mut out);
        } else {
            inert_line(line, &mut out);
        }
    }
    out
}

/// The backticks that a line opens or closes a fence with. Further in than three spaces it is a line of code, and with
/// backticks behind the marks it is code within a line.
fn fence_marks(line: &str) -> Option<String> {
    let words = line.trim_start_matches(' ');
    let marks: String = words.chars().take_while(|c| *c == '`').collect();
    let opens = line.len() - words.len() <= 3 && marks.len() >= 3 && !words[marks.len()..].contains('`');
    opens.then_some(marks)
}

fn inert_code(line: &str, out: &mut String) {
    let mut before: Option<char> = None;
    for (at, c) in line.char_indices() {
        out.push(c);
        let name = &line[at + c.len_utf8()..];
        if c == '@' && begins_name(before, name.chars().next()) && calls_everybody(name) {
            out.push(WORD_JOINER);
        }
        before = Some(c);
    }
}

fn inert_line(line: &str, out: &mut String) {
    let mut in_code = false;
    let mut before: Option<char> = None;
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        // An address is no text, by itself as in a link.
        if !in_code && (rest.starts_with("http://") || rest.starts_with("https://")) {
            let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ')' | '>' | '<')).unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            before = rest[..end].chars().next_back();
            rest = &rest[end..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        out.push(c);
        let begins = begins_name(before, rest.chars().next());
        match c {
            '`' if in_code || before != Some('\\') => in_code = !in_code,
            '@' if begins && (!in_code || calls_everybody(rest)) => out.push(WORD_JOINER),
            '~' | '#' if begins && !in_code => out.push(WORD_JOINER),
            _ => {}
        }
        before = Some(c);
    }
}

fn calls_everybody(name: &str) -> bool {
    EVERYBODY.iter().any(|word| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// Plain text that shows as it is.
pub fn literal(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len() + 16);
    for c in plain.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '~' | '|' | '#') {
            out.push('\\');
        }
        out.push(c);
    }
    inert(&out)
}

/// `markdown` in pieces that each fit a post, broken between lines where that is possible; a fence that is broken is closed
/// and opened again. Nothing is lost.
pub fn pieces(markdown: &str) -> Vec<String> {
    split(markdown, MAX_POST_CHARS - RESERVE_CHARS)
}

fn split(markdown: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut length = 0;
    let mut is_blank = true;
    // The line that opened the fence, and its marks.
    let mut fence: Option<(String, String)> = None;
    let lines = markdown.split('\n').flat_map(|line| broken(line, most / 2));
    for (line, is_continued) in lines {
        let chars = line.chars().count() + 1;
        // A fence that is open, or that this line opens, may have to be closed before the next line.
        let opens = || fence_marks(line).filter(|_| !is_continued).map(|marks| marks.len() + 1);
        let closing = fence.as_ref().map(|(_, marks)| marks.len() + 1).or_else(opens).unwrap_or(0);
        if length + chars + closing > most && is_blank {
            piece.clear();
            length = 0;
        }
        if length + chars + closing > most && !is_blank {
            if let Some((_, marks)) = &fence {
                piece.push('\n');
                piece.push_str(marks);
            }
            pieces.push(std::mem::take(&mut piece));
            length = 0;
            is_blank = fence.is_none();
            if let Some((opening, _)) = &fence {
                piece.push_str(opening);
                length = opening.chars().count();
            }
        }
        if length > 0 && !is_continued {
            piece.push('\n');
        }
        piece.push_str(line);
        length += chars;
        is_blank &= line.trim().is_empty();
        if let Some(marks) = fence_marks(line).filter(|_| !is_continued) {
            match &fence {
                None => fence = Some((text_of_opening(line), marks)),
                Some((_, open)) if marks.len() >= open.len() && line.trim() == marks => fence = None,
                Some(_) => {}
            }
        }
    }
    if !is_blank || pieces.is_empty() {
        pieces.push(piece);
    }
    pieces
}

/// An opening line without more than a language behind its marks.
fn text_of_opening(line: &str) -> String {
    line.trim().chars().take(40).collect()
}

/// A line in parts of at most `most` characters, each with whether it goes on from the one before.
fn broken(line: &str, most: usize) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = line;
    loop {
        let end = rest.char_indices().nth(most).map_or(rest.len(), |(at, _)| at);
        let end = if end == rest.len() { end } else { rest[..end].rfind(' ').filter(|at| *at > 0).unwrap_or(end) };
        parts.push((&rest[..end], !parts.is_empty()));
        rest = &rest[end..];
        if rest.is_empty() {
            return parts;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nobody_is_called() {
        for (markdown, shown) in [
            ("@all look", "@\u{2060}all look"),
            ("mail ann@example.com", "mail ann@example.com"),
            ("`@here` and `@scope/pkg`", "`@\u{2060}here` and `@scope/pkg`"),
            ("in \\~town-square", "in \\~\u{2060}town-square"),
            ("#hashtag, # title", "#\u{2060}hashtag, # title"),
            ("[chart @all](https://g.example/#/x~y@z)", "[chart @\u{2060}all](https://g.example/#/x~y@z)"),
            ("https://g.example/~ann/#top ~ann", "https://g.example/~ann/#top ~\u{2060}ann"),
            ("```\n@all @Override\n```\n@Override", "```\n@\u{2060}all @Override\n```\n@\u{2060}Override"),
            ("[x](@all now)", "[x](@\u{2060}all now)"),
            ("](@all)", "](@\u{2060}all)"),
            ("```x``` @ann\n@ann", "```x``` @\u{2060}ann\n@\u{2060}ann"),
            ("    ```\n@ann", "    ```\n@\u{2060}ann"),
            ("\\`@all\\`", "\\`@\u{2060}all\\`"),
            ("@\u{2060}all", "@\u{2060}all"),
        ] {
            assert_eq!(inert(markdown), shown);
            assert_eq!(inert(shown), shown, "twice");
        }
    }

    #[test]
    fn plain_text_shows_as_it_is() {
        assert_eq!(literal("*a* @all `x` #1"), "\\*a\\* @\u{2060}all \\`x\\` \\#\u{2060}1");
    }

    #[test]
    fn long_text_goes_on() {
        assert_eq!(split("short", 100), ["short"]);
        assert_eq!(split("", 100), [""]);
        let fenced = format!("head\n```diff\n{}```\ntail", "+ a line of twenty ch\n".repeat(12));
        let parts = split(&fenced, 120);
        assert!(parts.len() > 2);
        for part in &parts {
            assert!(part.chars().count() <= 120, "{} characters", part.chars().count());
            assert_eq!(part.matches("```").count() % 2, 0, "{part}");
        }
        assert!(parts[1].starts_with("```diff\n+ a line"));
    }

    proptest! {
        #[test]
        fn nothing_is_lost(text in "([a-zа-я`@#~ \n]{0,12}|[a-z]{60,90}|```\n){0,30}") {
            let most = 100;
            let parts = split(&text, most);
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            let together: String = parts.concat();
            prop_assert_eq!(letters(&together), letters(&text));
            for part in &parts {
                prop_assert!(part.chars().count() <= most + 2, "{}", part.chars().count());
            }
        }
    }

    #[test]
    fn blank_lines_without_end_are_one_empty_post_and_links_without_end_are_text() {
        let began = std::time::Instant::now();
        assert_eq!(pieces(&"\n".repeat(256 * 1024)).len(), 1);
        assert!(pieces(&format!("```\n{}\n```", "\n".repeat(64 * 1024))).iter().all(|piece| piece.starts_with("```")));
        let links = "](".repeat(128 * 1024);
        assert_eq!(inert(&links), links);
        assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
    }
}
