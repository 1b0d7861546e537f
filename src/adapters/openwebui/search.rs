//! Searching a collection.

use serde::{Deserialize, Serialize};

use super::files::FileName;
use super::{OpenWebui, OpenWebuiError};
use crate::domain::passage::{Collection, Passage};
use crate::domain::text;

/// Bytes of a query that are sent: its embedding model reads no more.
const MAX_QUERY_BYTES: usize = 1_000;

#[derive(Serialize)]
struct Query<'a> {
    collection_names: [&'a str; 1],
    query: &'a str,
    k: usize,
}

/// Three lists of lists: one inner list for each query, and there is one query.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    distances: Vec<Vec<f64>>,
    #[serde(default)]
    documents: Vec<Vec<String>>,
    #[serde(default)]
    metadatas: Vec<Vec<Metadata>>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    source: Option<String>,
}

impl OpenWebui {
    /// The passages of a collection nearest to a text, best first. Their scores are similarities, which compare among
    /// the collections of one server.
    ///
    /// # Errors
    /// When Open WebUI does not answer, refuses us or has no such collection.
    pub async fn search(&self, collection: Collection, text: &str, k: usize) -> Result<Vec<Passage>, OpenWebuiError> {
        let id = self.id_of(collection).await?;
        let text = text::bounded(text.trim(), MAX_QUERY_BYTES);
        let query = Query { collection_names: [&id], query: &text, k };
        let path = "api/v1/retrieval/query/collection";
        // A query changes nothing, so it may be asked again.
        let answer: Answer = match self.post(path, &query).await {
            Err(error) if super::may_be_repeated(&error) => self.post(path, &query).await?,
            result => result?,
        };
        let passages = passages(answer, collection);
        if passages.is_empty() {
            // So it answers for an id that is gone, too; next time it is looked up by name again.
            self.forget().await;
        }
        Ok(passages)
    }
}

fn passages(answer: Answer, collection: Collection) -> Vec<Passage> {
    let Answer { distances, documents, metadatas } = answer;
    let near = distances.into_iter().next().unwrap_or_default();
    let texts = documents.into_iter().next().unwrap_or_default();
    let mut metadatas = metadatas.into_iter().next().unwrap_or_default();
    metadatas.resize_with(texts.len(), Metadata::default);
    let mut passages: Vec<Passage> = Vec::new();
    for (n, (text, Metadata { name, source })) in texts.into_iter().zip(metadatas).enumerate() {
        let file = name.or(source).unwrap_or_default();
        let ours = FileName::parse(&file);
        let passage = Passage {
            collection,
            source: ours.as_ref().map_or_else(|| format!("Open WebUI: {file}"), |ours| ours.source(collection)),
            title: title(&text).unwrap_or_else(|| file.clone()),
            text,
            // "Distances" are similarities here: 1 is the same, and the best come first.
            score: near.get(n).copied().unwrap_or_default(),
            link: None,
            at: None,
        };
        passages.push(passage.bounded());
    }
    passages
}

/// The first heading of a passage.
fn title(text: &str) -> Option<String> {
    let heading = text.lines().find_map(|line| line.trim().strip_prefix('#'))?;
    Some(heading.trim_start_matches('#').trim().to_owned()).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: serde_json::Value) -> Vec<Passage> {
        passages(serde_json::from_value(answer).unwrap(), Collection::Runbooks)
    }

    #[test]
    fn similarities_become_scores_and_files_become_sources() {
        let found = read(serde_json::json!({
            "distances": [[0.8, 0.4, 0.2]],
            "documents": [["## Diagnosis\n1. logs", "plain words", "# Killed"]],
            "metadatas": [[{"name": "disk.md"}, {"source": "s.md"}, {"name": "oom-killed.holmes-0123456789ab.md"}]],
        }));
        let seen: Vec<_> =
            found.iter().map(|passage| (passage.source.as_str(), passage.title.as_str(), passage.score)).collect();
        assert_eq!(
            seen,
            [
                ("Open WebUI: disk.md", "Diagnosis", 0.8),
                ("Open WebUI: s.md", "s.md", 0.4),
                ("runbook oom-killed", "Killed", 0.2),
            ]
        );
    }

    #[test]
    fn nothing_and_half_an_answer() {
        assert!(read(serde_json::json!({"distances": [[]], "documents": [[]], "metadatas": [[]]})).is_empty());
        assert!(read(serde_json::json!({})).is_empty());
        let found = read(serde_json::json!({"documents": [["text"]]}));
        assert_eq!((found[0].source.as_str(), found[0].score), ("Open WebUI:", 0.0));
    }
}
