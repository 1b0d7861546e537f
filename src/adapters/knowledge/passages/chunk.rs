//! Cuts a Markdown document into pieces by its headings, each small enough to be cited whole.

use crate::domain::passage::MAX_PASSAGE_BYTES;
use crate::domain::text;

/// Pieces of one document; what comes behind them is not searched. A book is not a runbook.
const MAX_PIECES: usize = 200;
/// Sections shorter than this join the one before: a heading with one line under it says little alone.
const MIN_BYTES: usize = 160;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Headings above it, outermost first, without the document's title: `Cause › Memory`.
    pub heading: String,
    /// What is written there.
    pub text: String,
}

/// The pieces of a document in order.
pub fn chunks(title: &str, markdown: &str) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    for Chunk { heading, text } in sections(title, markdown) {
        for text in split(&text) {
            match chunks.last_mut() {
                // Only what lies below the same heading, so that the heading keeps telling the truth.
                Some(last)
                    if (text.len() < MIN_BYTES && heading.starts_with(&last.heading)
                        || last.text.len() < MIN_BYTES && heading == last.heading)
                        && last.text.len() + text.len() + heading.len() + 8 <= MAX_PASSAGE_BYTES =>
                {
                    last.text.push_str("\n\n");
                    if heading != last.heading {
                        let below = heading[last.heading.len()..].trim_start_matches([' ', '›']);
                        last.text.push_str(below);
                        last.text.push_str(": ");
                    }
                    last.text.push_str(&text);
                }
                _ => chunks.push(Chunk { heading: heading.clone(), text }),
            }
            if chunks.len() == MAX_PIECES {
                return chunks;
            }
        }
    }
    chunks
}

/// The text below each heading, code fences respected: `# comment` in a script is no heading.
fn sections(title: &str, markdown: &str) -> Vec<Chunk> {
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut found: Vec<Chunk> = Vec::new();
    let mut text = String::new();
    let mut fence: Option<&str> = None;
    let mut begun = false;
    let mut flush = |path: &[(usize, String)], text: &mut String| {
        let body = std::mem::take(text);
        if !body.trim().is_empty() {
            let names = path.iter().map(|(_, name)| name.as_str()).filter(|name| *name != title);
            found.push(Chunk { heading: names.collect::<Vec<_>>().join(" › "), text: body.trim().to_owned() });
        }
    };
    for line in markdown.lines() {
        let start = line.trim_start();
        let marker = ["```", "~~~"].into_iter().find(|marker| start.starts_with(marker));
        match (fence, marker) {
            (None, Some(marker)) => fence = Some(marker),
            (Some(open), Some(marker)) if open == marker => fence = None,
            _ => {}
        }
        match heading(line).filter(|_| fence.is_none()) {
            Some((level, name)) => {
                flush(&path, &mut text);
                path.retain(|(above, _)| *above < level);
                // The heading that a document begins with is its title in other words.
                let is_title = level == 1 && !std::mem::replace(&mut begun, true);
                if !is_title {
                    path.push((level, text::line(name, 100)));
                }
            }
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    flush(&path, &mut text);
    found
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let name = line.get(level..)?.strip_prefix(' ')?.trim().trim_end_matches('#').trim();
    ((1..=6).contains(&level) && !name.is_empty()).then_some((level, name))
}

/// Cuts a long text at paragraphs, else at lines, else at words.
fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while rest.len() > MAX_PASSAGE_BYTES {
        let mut end = MAX_PASSAGE_BYTES;
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let head = &rest[..end];
        // A break in the second half, so that no piece is a scrap.
        let at = ["\n\n", "\n", " "].iter().find_map(|gap| head.rfind(gap).filter(|at| *at > end / 2)).unwrap_or(end);
        parts.push(rest[..at].trim().to_owned());
        rest = rest[at..].trim();
    }
    if !rest.is_empty() {
        parts.push(rest.to_owned());
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_make_pieces_and_short_ones_join() {
        let long = "Memory is full. ".repeat(12);
        let text = format!(
            "# Killed\n\n{long}\n\n## Cause\n\n{long}\n\n### Leak\n\nIt grows.\n\n```sh\n# not a heading\n```\n\n## Mend\n\n{long}"
        );
        let chunks = chunks("Killed", &text);
        let seen: Vec<_> =
            chunks.iter().map(|chunk| (chunk.heading.as_str(), chunk.text.lines().last().unwrap())).collect();
        assert_eq!(seen, [("", long.trim()), ("Cause", "```"), ("Mend", long.trim())]);
        assert!(chunks[1].text.contains("Leak: It grows.\n\n```sh\n# not a heading"), "{}", chunks[1].text);
    }

    #[test]
    fn long_sections_are_cut_between_words_and_letters_stay_whole() {
        let text = format!("# T\n\n{}", "память ".repeat(600));
        let chunks = chunks("T", &text);
        assert!(chunks.len() > 5);
        assert!(chunks.iter().all(|chunk| chunk.text.len() <= MAX_PASSAGE_BYTES && !chunk.text.ends_with('п')));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_cut_within_bounds(text in "(#{0,7} ?|`{3}|[а-яa-z ]{0,40}|\n|x{300}){0,60}") {
            for chunk in chunks("title", &text) {
                proptest::prop_assert!(chunk.text.len() <= MAX_PASSAGE_BYTES && !chunk.text.trim().is_empty());
            }
        }
    }
}
