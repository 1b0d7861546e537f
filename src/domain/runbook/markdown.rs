//! The little Markdown that retrieval needs: headings, sections and a first heading. Rendering is the reader's affair.

/// The heading of a Russian edition, which stands at a document's end.
const RUSSIAN: &str = "\n## По-русски\n";

/// The text for readers of English: all of it, less a Russian edition at its end.
pub fn english(markdown: &str) -> &str {
    markdown.split_once(RUSSIAN).map_or(markdown, |(english, _)| english.trim_end())
}

/// The text for readers of Russian: the Russian edition where there is one, else all of it.
pub fn russian(markdown: &str) -> &str {
    markdown.split_once(RUSSIAN).map_or(markdown, |(_, russian)| russian.trim())
}

/// A heading and the text under it, up to the next heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading's text; empty for what stands before the first heading.
    pub heading: String,
    /// How deep: 1 for `#`, 0 before the first heading.
    pub level: usize,
    /// The text, trimmed, code blocks included.
    pub body: String,
}

/// Splits a document at its headings. Lines inside of code fences are never headings.
pub fn sections(markdown: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut current = Section { heading: String::new(), level: 0, body: String::new() };
    let mut fence: Option<&str> = None;
    let mut previous_blank = true;
    for line in markdown.lines() {
        let start = line.trim_start();
        if let Some(mark) = fence {
            if start.starts_with(mark) {
                fence = None;
            }
        } else if let Some(mark) = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark)) {
            fence = Some(mark);
        } else if let Some((level, heading)) = heading(line) {
            push(&mut sections, std::mem::replace(&mut current, Section { heading, level, body: String::new() }));
            previous_blank = true;
            continue;
        } else if let Some(level) = underline(line)
            && !previous_blank
            && let Some((before, heading)) = last_line(&current.body)
        {
            let heading = heading.trim().to_owned();
            current.body.truncate(before);
            push(&mut sections, std::mem::replace(&mut current, Section { heading, level, body: String::new() }));
            previous_blank = true;
            continue;
        }
        previous_blank = line.trim().is_empty();
        current.body.push_str(line);
        current.body.push('\n');
    }
    push(&mut sections, current);
    sections
}

/// The first heading's text.
pub fn first_heading(markdown: &str) -> Option<String> {
    sections(markdown).into_iter().map(|section| section.heading).find(|heading| !heading.is_empty())
}

fn push(sections: &mut Vec<Section>, mut section: Section) {
    section.body = section.body.trim().to_owned();
    if !section.heading.is_empty() || !section.body.is_empty() {
        sections.push(section);
    }
}

/// An ATX heading: one to six `#` and a space.
fn heading(line: &str) -> Option<(usize, String)> {
    let hashes = line.bytes().take_while(|byte| *byte == b'#').count();
    let text = line.get(hashes..)?;
    if !(1..=6).contains(&hashes) || !text.starts_with([' ', '\t']) {
        return None;
    }
    let text = text.trim().trim_end_matches('#').trim().replace(['*', '`'], "");
    (!text.is_empty()).then_some((hashes, text))
}

/// The underline of a setext heading.
fn underline(line: &str) -> Option<usize> {
    let line = line.trim_end();
    let all = |mark: u8| line.len() >= 3 && line.bytes().all(|byte| byte == mark);
    if all(b'=') {
        Some(1)
    } else if all(b'-') {
        Some(2)
    } else {
        None
    }
}

/// Where the last line of a text starts, and the line.
fn last_line(text: &str) -> Option<(usize, &str)> {
    let body = text.strip_suffix('\n')?;
    let start = body.rfind('\n').map_or(0, |at| at + 1);
    Some((start, &body[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_headings_outside_of_code() {
        let text = "before\n# One `x` #\na\n```sh\n# not a heading\n```\n## Two\n\nTitle\n=====\nb\n\n---\nc\n#hash\n";
        let got: Vec<(usize, String, String)> =
            sections(text).into_iter().map(|s| (s.level, s.heading, s.body)).collect();
        insta::assert_debug_snapshot!(got, @r##"
        [
            (
                0,
                "",
                "before",
            ),
            (
                1,
                "One x",
                "a\n```sh\n# not a heading\n```",
            ),
            (
                2,
                "Two",
                "",
            ),
            (
                1,
                "Title",
                "b\n\n---\nc\n#hash",
            ),
        ]
        "##);
    }

    #[test]
    fn a_reader_gets_one_edition() {
        let both = "# Disk\n\nFull.\n\n## По-русски\n\nМесто кончилось.\n";
        assert_eq!((english(both), russian(both)), ("# Disk\n\nFull.", "Место кончилось."));
        assert_eq!((english("# Disk"), russian("# Disk")), ("# Disk", "# Disk"));
    }

    #[test]
    fn the_first_heading_is_found() {
        assert_eq!(first_heading("text\n\n## Deep\n# Top"), Some("Deep".to_owned()));
        assert_eq!(first_heading("text"), None);
    }
}
