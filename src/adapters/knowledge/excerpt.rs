//! The passage of a runbook to show for a search: one section, shortened where a reader would not mind.

use crate::domain::runbook::markdown::{self, Section};

/// Characters of an excerpt: what a person reads at a glance, and a model ten times over.
const MAX_CHARS: usize = 400;

/// The section at this place of a document, or what follows it when it is only a heading.
pub fn of(prose: &str, section: usize) -> String {
    let sections = markdown::sections(prose);
    let section = sections.iter().skip(section).find(|section| !section.body.is_empty());
    section.map(shortened).unwrap_or_default()
}

fn shortened(section: &Section) -> String {
    let body = section.body.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = if section.heading.is_empty() { body } else { format!("{}: {body}", section.heading) };
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    let head: String = text.chars().take(MAX_CHARS).collect();
    // A sentence's end in the second half is a better place to stop than the middle of a word.
    let stop = head.rfind(". ").map(|at| at + 1).filter(|at| *at > head.len() / 2);
    let stop = stop.or_else(|| head.rfind(' ')).unwrap_or(head.len());
    format!("{} …", head[..stop].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_shortened_at_a_sentence() {
        let prose = format!("# Title\n\n## Cause\n\n{}\n\n## Other\n\nx", "Memory is full. ".repeat(40));
        let got = of(&prose, 0);
        assert!(got.starts_with("Cause: Memory is full.") && got.ends_with("full. …"), "{got}");
        assert!(got.chars().count() <= MAX_CHARS + 2);
        assert_eq!(of(&prose, 2), "Other: x");
    }

    #[test]
    fn nothing_gives_nothing() {
        assert_eq!(of("# Only a title\n", 0), "");
        assert_eq!(of("text", 7), "");
    }
}
