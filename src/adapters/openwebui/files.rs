//! Files in collections: what ours are called, how one is given and taken away.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep};

use super::{OpenWebui, OpenWebuiError};
use crate::adapters::http::{HttpError, read_json};
use crate::domain::incident::hex;
use crate::domain::passage::Collection;

/// How long Open WebUI may take to read and embed a file; on a CPU a long runbook takes seconds.
const PROCESSING: Duration = Duration::from_secs(60);
/// Pause between two looks at it: doubled from the first to the last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// What marks a file as ours, between its key and its hash.
const MARK: &str = ".holmes-";
/// Digits of the content's hash in a name.
const HASH_DIGITS: usize = 12;

/// The name of a file that we gave: it says of which document it is, and by a hash of which text. So a second sync sees
/// what is there already whatever the version keeps in its metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The document: a runbook's, incident's or note's id.
    pub key: String,
    /// Start of the SHA-256 of its text, hex.
    pub hash: String,
}

impl FileName {
    /// The name of a document's file.
    pub fn of(key: &str, text: &str) -> Self {
        let hash = hex(&Sha256::digest(text))[..HASH_DIGITS].to_owned();
        Self { key: key.to_owned(), hash }
    }

    /// Reads a name; `None` for a file that is not ours.
    pub fn parse(name: &str) -> Option<Self> {
        let (key, hash) = name.strip_suffix(".md")?.rsplit_once(MARK)?;
        let is_hash = hash.len() == HASH_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_hash && !key.is_empty()).then(|| Self { key: decoded(key), hash: hash.to_owned() })
    }

    /// How the document is cited, as the embedded knowledge cites it.
    pub fn source(&self, collection: Collection) -> String {
        let kind = match collection {
            Collection::Runbooks => "runbook",
            Collection::Incidents => "incident",
            Collection::Notes => "note",
        };
        format!("{kind} {}", self.key)
    }
}

impl std::fmt::Display for FileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{MARK}{}.md", encoded(&self.key), self.hash)
    }
}

/// A key as it stands in a name, which knows no folders: `team/b` as `team__b`. What a key has of that itself is written
/// otherwise, so that no two keys share a name.
fn encoded(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    let mut before = None;
    let mut rest = key.chars().peekable();
    while let Some(c) = rest.next() {
        let beside = |other: Option<char>| matches!(other, Some('_' | '/'));
        match c {
            '/' => name.push_str("__"),
            '_' if beside(before) || beside(rest.peek().copied()) => name.push_str("%5F"),
            '%' => name.push_str("%25"),
            c => name.push(c),
        }
        before = Some(c);
    }
    name
}

fn decoded(name: &str) -> String {
    name.replace("__", "/").replace("%5F", "_").replace("%25", "%")
}

/// A file of a collection.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct File {
    pub id: String,
    pub filename: String,
    #[serde(default)]
    pub user_id: String,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    error: Option<String>,
}

#[derive(Serialize)]
struct FileId<'a> {
    file_id: &'a str,
}

#[derive(Deserialize)]
struct Anything {}

impl OpenWebui {
    /// All files of a collection.
    pub(super) async fn files_of(&self, collection: &str) -> Result<Vec<File>, HttpError> {
        self.pages(&format!("api/v1/knowledge/{collection}/files")).await
    }

    /// A file of this name that `user` gave before and that may be in no collection: an earlier sync was cut off.
    pub(super) async fn file_called(&self, name: &FileName, user: &str) -> Result<Option<File>, HttpError> {
        let name = name.to_string();
        let found: Result<Vec<File>, HttpError> =
            self.get("api/v1/files/search", &[("filename", name.as_str()), ("content", "false")]).await;
        match found {
            Ok(files) => Ok(files.into_iter().find(|file| file.filename == name && file.user_id == user)),
            Err(HttpError::Status { code: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a file, which is then in no collection yet.
    pub(super) async fn upload(&self, name: &FileName, text: &str) -> Result<File, HttpError> {
        let (content_type, body) = multipart(&name.to_string(), text);
        let request =
            self.endpoint.post("api/v1/files/").header(reqwest::header::CONTENT_TYPE, content_type).body(body);
        read_json(self.endpoint.send(request).await?, super::MAX_ANSWER_BYTES).await
    }

    /// Waits until a file is read and embedded, for a bounded time.
    pub(super) async fn processed(&self, file: &File) -> Result<(), OpenWebuiError> {
        let not = |why: String| OpenWebuiError::NotProcessed { name: file.filename.clone(), why };
        let until = Instant::now() + PROCESSING;
        let mut pause = PAUSES.0;
        loop {
            let status: Status = self.get(&format!("api/v1/files/{}/process/status", file.id), &[]).await?;
            match status.status.as_str() {
                "completed" => return Ok(()),
                "failed" => {
                    let details: Result<Details, _> = self.get(&format!("api/v1/files/{}", file.id), &[]).await;
                    let error = details.ok().and_then(|details| details.data?.error);
                    return Err(not(error.unwrap_or_else(|| "it failed".into())));
                }
                _ if Instant::now() >= until => {
                    return Err(not(format!("not done within {} s", PROCESSING.as_secs())));
                }
                _ => {
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }

    /// Puts a processed file into a collection. Never call it for one that is there: its passages would be doubled.
    pub(super) async fn add(&self, collection: &str, file: &str) -> Result<(), HttpError> {
        let path = format!("api/v1/knowledge/{collection}/file/add");
        let Anything {} = self.post(&path, &FileId { file_id: file }).await?;
        Ok(())
    }

    /// Deletes a file that is in no collection.
    pub(super) async fn discard(&self, file: &str) -> Result<(), HttpError> {
        self.endpoint.send(self.endpoint.delete(&format!("api/v1/files/{file}"))).await.map(|_| ())
    }

    /// Takes a file out of a collection, and deletes it.
    pub(super) async fn remove(&self, collection: &str, file: &str) -> Result<(), HttpError> {
        let path = format!("api/v1/knowledge/{collection}/file/remove");
        let Anything {} = self.post(&path, &FileId { file_id: file }).await?;
        Ok(())
    }
}

/// A form with one file, by hand: it is a few lines, and the boundary can be one that the text does not hold.
fn multipart(name: &str, text: &str) -> (String, String) {
    let mut boundary = format!("holmes-{}", &hex(&Sha256::digest(text))[..24]);
    while text.contains(&boundary) {
        boundary.push('x');
    }
    let quoted = name.replace(['"', '\r', '\n'], "_");
    let body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{quoted}\"\r\nContent-Type: \
         text/markdown\r\n\r\n{text}\r\n--{boundary}--\r\n"
    );
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_and_what_a_file_is() {
        let name = FileName::of("db/oom-killed", "text");
        assert_eq!(name.to_string(), "db__oom-killed.holmes-982d9e3eb996.md");
        assert_eq!(FileName::parse(&name.to_string()), Some(name.clone()));
        assert!(!FileName::of("../../etc/passwd", "text").to_string().contains('/'));
        assert_ne!(FileName::of("db/oom-killed", "other"), name);
        let mut names = std::collections::BTreeSet::new();
        for key in ["a_b", "a__b", "a/b", "a_/b", "a/_b", "a___b", "a//b", "a%5Fb", "a%5F%5Fb", "a%25b", "_a", "a_"] {
            let name = FileName::of(key, "text");
            assert_eq!(FileName::parse(&name.to_string()), Some(name.clone()), "{key}");
            assert!(names.insert(name.to_string()), "{key}");
        }
        assert_eq!(name.source(Collection::Runbooks), "runbook db/oom-killed");
        for other in ["disk.md", "disk.holmes-12.md", ".holmes-982d9e3eb996.md", "a.holmes-982d9e3eb996.txt", ""] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_form_holds_the_text_as_it_is() {
        let (content_type, body) = multipart("a\".md", "# Тест\n");
        let boundary = content_type.split_once("boundary=").unwrap().1;
        let [_, part, end] = body.split(&format!("--{boundary}")).collect::<Vec<_>>()[..] else { panic!("{body}") };
        assert_eq!(end, "--\r\n");
        let (head, text) = part.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("filename=\"a_.md\""), "{head}");
        assert_eq!(text, "# Тест\n\r\n");
    }
}
