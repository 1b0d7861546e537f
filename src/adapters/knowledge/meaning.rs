//! Searching by meaning: vectors of an embeddings server, made once for each text and kept in the store.
//!
//! While the server is down everything is found by words alone. That is said when it begins and when it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::outage::Outage;
use super::passages::{Fingerprint, Passages};
use crate::adapters::embeddings::{Embedded, Embeddings, EmbeddingsError, MAX_BATCH, Role};
use crate::ports::{DocumentKind, Store, StoreError};

/// How long a search waits for the vector of its query.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Vectors and who makes them.
pub struct Meaning {
    server: Embeddings,
    store: Arc<dyn Store>,
    passages: Arc<Passages>,
    outage: Outage,
    /// The model whose vectors were read from the store.
    read: Mutex<Option<String>>,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Server(#[from] EmbeddingsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no answer within {} ms", PATIENCE.as_millis())]
    Late,
}

impl Meaning {
    /// Nothing is asked yet.
    pub fn new(server: Embeddings, store: Arc<dyn Store>, passages: Arc<Passages>) -> Self {
        Self { server, store, passages, outage: Outage::default(), read: Mutex::new(None) }
    }

    /// The vector of a query, unless the server is down or late.
    pub async fn of(&self, query: &str) -> Option<Vec<f32>> {
        // Without vectors to compare with there is nothing to ask for.
        let read = self.read().clone()?;
        if self.outage.lasts().is_some() {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.server.embed(Role::Query, &[query])).await;
        match asked.map_err(|_| Failed::Late).and_then(|answer| Ok(answer?)) {
            Ok(Embedded { model, vectors }) => {
                self.works();
                // Those that it compares with are made anew soon.
                vectors.into_iter().next().flatten().filter(|_| model == read)
            }
            Err(error) => {
                self.fails(&error);
                None
            }
        }
    }

    /// Makes the vectors that are missing, a batch at a time.
    pub async fn embed_missing(&self) {
        if self.outage.lasts().is_some() {
            return;
        }
        match self.try_embed_missing().await {
            Ok(0) => {}
            Ok(made) => {
                self.works();
                tracing::info!(made, "made {made} vectors of knowledge");
            }
            Err(error) => self.fails(&error),
        }
    }

    async fn try_embed_missing(&self) -> Result<usize, Failed> {
        let mut made = 0;
        self.read_stored(self.server.model_name().await?).await?;
        loop {
            let missing = self.passages.without_vector(MAX_BATCH);
            if missing.is_empty() {
                return Ok(made);
            }
            let texts: Vec<&str> = missing.iter().map(|(_, text)| text.as_str()).collect();
            let Embedded { model, vectors } = self.server.embed(Role::Passage, &texts).await?;
            let of: Vec<Fingerprint> = missing.iter().map(|(of, _)| *of).collect();
            let rows = of.iter().zip(&vectors).map(|(of, vector)| (key(&model, *of), Some(bytes(vector.as_deref()))));
            self.store.write_documents(DocumentKind::Vector, rows.collect()).await?;
            made += vectors.len();
            // Of another model than a moment ago: all others are made anew.
            self.read_stored(model).await?;
            self.passages.learn(of.into_iter().zip(vectors));
        }
    }

    /// Reads the vectors of this model in the place of any other's, and deletes those of others and of texts that are gone.
    /// Those that were read before are known.
    async fn read_stored(&self, model: String) -> Result<(), Failed> {
        if self.read().as_ref() == Some(&model) {
            return Ok(());
        }
        let mut stored = Vec::new();
        let mut stale = Vec::new();
        for row in self.store.documents(DocumentKind::Vector, 0).await? {
            match (fingerprint(&model, &row.key), row.body.as_deref()) {
                (Some(of), Some(body)) => stored.push((of, vector(body))),
                _ => stale.push((row.key, None)),
            }
        }
        let known = self.passages.fingerprints();
        stale.extend(stored.iter().filter(|(of, _)| !known.contains(of)).map(|(of, _)| (key(&model, *of), None)));
        stored.retain(|(of, _)| known.contains(of));
        self.passages.learn_anew(stored);
        if !stale.is_empty() {
            self.store.write_documents(DocumentKind::Vector, stale).await?;
        }
        if let Some(other) = self.read().replace(model.clone()) {
            tracing::info!("the embeddings server has another model: {model}, and not {other} any more");
        }
        Ok(())
    }

    fn read(&self) -> MutexGuard<'_, Option<String>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn works(&self) {
        if self.outage.ends() {
            tracing::info!("the embeddings server answers again");
        }
    }

    fn fails(&self, error: &Failed) {
        if self.outage.begins(error.to_string()) {
            tracing::warn!("knowledge is searched by words alone until the embeddings server answers: {error:#}");
        }
    }
}

fn key(model: &str, of: Fingerprint) -> String {
    format!("{model}/{:032x}", of.0)
}

fn fingerprint(model: &str, key: &str) -> Option<Fingerprint> {
    let hash = key.strip_prefix(model)?.strip_prefix('/')?;
    u128::from_str_radix(hash, 16).ok().map(Fingerprint)
}

/// A vector as it is stored; nothing for a text that cannot have one.
fn bytes(vector: Option<&[f32]>) -> Vec<u8> {
    vector.unwrap_or_default().iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn vector(bytes: &[u8]) -> Option<Vec<f32>> {
    let (numbers, _) = bytes.as_chunks::<4>();
    (!numbers.is_empty()).then(|| numbers.iter().map(|x| f32::from_le_bytes(*x)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_stored_as_they_are() {
        let of = Fingerprint::of(&["a"]);
        assert_eq!(fingerprint("org/model", &key("org/model", of)), Some(of));
        assert_eq!(fingerprint("org/model", &key("org/model-2", of)), None);
        for stored in [None, Some(vec![0.25, -1.0])] {
            assert_eq!(vector(&bytes(stored.as_deref())), stored);
        }
    }
}
