//! A note: something worth knowing the next time, written down by a person or by the bot on a person's behalf.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::incident::hex;
use super::text;

/// Longest note, in bytes; what is longer is a document and belongs beside the runbooks.
pub const MAX_NOTE_BYTES: usize = 16 * 1024;
/// Most tags of a note.
pub const MAX_TAGS: usize = 20;

/// A note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Note {
    /// One line.
    pub title: String,
    /// Markdown.
    pub content: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Who wrote it.
    pub author: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Note {
    /// The note within bounds; without a title it is called by its first line. `Err` when there is nothing in it.
    pub fn new(
        title: &str,
        content: &str,
        tags: impl IntoIterator<Item = String>,
        author: &str,
        at: DateTime<Utc>,
    ) -> Result<Self, String> {
        let content = text::plain(content.trim()).trim().to_owned();
        if content.is_empty() {
            return Err("the note is empty: `content` says what is worth knowing".into());
        }
        if content.len() > MAX_NOTE_BYTES {
            return Err(format!("the note is longer than {} KiB", MAX_NOTE_BYTES / 1024));
        }
        let first = content.lines().next().unwrap_or_default().trim_start_matches(['#', ' ']);
        let title = [title, first].map(|title| text::line(title, 120)).into_iter().find(|title| !title.is_empty());
        let mut kept: Vec<String> = Vec::new();
        for tag in tags.into_iter().map(|tag| text::line(&tag, 40)).filter(|tag| !tag.is_empty()) {
            if kept.len() < MAX_TAGS && !kept.contains(&tag) {
                kept.push(tag);
            }
        }
        Ok(Self { title: title.unwrap_or_default(), content, tags: kept, author: text::line(author, 80), at })
    }

    /// Its name, made of what it says, so that the same note written twice is one.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [&self.title, &self.content] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        format!("n-{}", hex(&hash.finalize()[..5]))
    }

    /// The note as a document of its own.
    pub fn markdown(&self) -> String {
        let Self { title, content, tags, author, at } = self;
        let tags = if tags.is_empty() { String::new() } else { format!("\n\nTags: {}", tags.join(", ")) };
        format!("# {title}\n\n{content}{tags}\n\n{author}, {}\n", at.format("%Y-%m-%d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(title: &str, content: &str) -> Result<Note, String> {
        let tags = ["pg".to_owned(), " pg ".into(), String::new()];
        Note::new(title, content, tags, "alice", DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_note_is_named_by_what_it_says() {
        let first = note("", "# Vacuum first\n\nthen restart").unwrap();
        assert_eq!((first.title.as_str(), first.tags.clone()), ("Vacuum first", vec!["pg".to_owned()]));
        assert_eq!(first.id(), Note { author: "bob".into(), ..first.clone() }.id());
        assert_ne!(first.id(), note("other", "# Vacuum first\n\nthen restart").unwrap().id());
        insta::assert_snapshot!(first.markdown(), @r"
        # Vacuum first

        # Vacuum first

        then restart

        Tags: pg

        alice, 1970-01-01
        ");
    }

    #[test]
    fn empty_and_endless_notes_are_refused() {
        assert!(note("title", " \n ").is_err());
        assert!(note("title", &"x".repeat(MAX_NOTE_BYTES + 1)).is_err());
    }
}
