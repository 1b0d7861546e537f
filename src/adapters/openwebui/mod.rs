//! Open WebUI: knowledge collections of people who already keep them there.
//!
//! [`OpenWebui`] names collections and searches them, takes notes, and is given files by [`sync`], which can be run
//! again at any time. Routes and bodies are those of Open WebUI 0.12; its "distances" are similarities.

mod check;
mod collections;
mod files;
mod notes;
mod search;
pub mod sync;

use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

pub use self::collections::CollectionNames;
use self::collections::Known;
use super::http::{Endpoint, EndpointSettings, HttpError, read_json};
use crate::domain::passage::Collection;

/// Longest answer that is read: a page of 30 files, or a search's passages.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Why Open WebUI did not do it.
#[derive(Debug, thiserror::Error)]
pub enum OpenWebuiError {
    /// No answer, or a refusal.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It has no collection of the name.
    #[error("Open WebUI has no collection `{0}`, or does not show it to us")]
    NoCollection(String),
    /// It took a file and could not read it, or not in time.
    #[error("Open WebUI did not process {name}: {why}")]
    NotProcessed {
        /// The file.
        name: String,
        /// What it said, or how long we waited.
        why: String,
    },
}

impl OpenWebuiError {
    /// Whether one file was not taken, which says nothing of others.
    pub fn is_about_the_file(&self) -> bool {
        match self {
            Self::NotProcessed { .. } => true,
            Self::Http(HttpError::Status { code, .. }) => matches!(code, 400 | 413 | 415 | 422),
            Self::Http(_) | Self::NoCollection(_) => false,
        }
    }
}

/// What is configured.
#[derive(Debug, Clone)]
pub struct OpenWebuiSettings {
    /// Base address and token.
    pub endpoint: EndpointSettings,
    /// What the collections are called there.
    pub names: CollectionNames,
}

/// The client.
pub struct OpenWebui {
    endpoint: Endpoint,
    names: CollectionNames,
    /// Ids by name, for a while.
    known: Mutex<Option<(Instant, Known)>>,
}

impl OpenWebui {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the address or the CA file cannot be used.
    pub fn new(settings: OpenWebuiSettings) -> Result<Self, HttpError> {
        let OpenWebuiSettings { mut endpoint, names } = settings;
        // People copy the address with the path of its API.
        let url = endpoint.url.trim().trim_end_matches('/');
        endpoint.url = url.strip_suffix("/api/v1").or(url.strip_suffix("/api")).unwrap_or(url).to_owned();
        Ok(Self { endpoint: Endpoint::new(&endpoint)?, names, known: Mutex::new(None) })
    }

    /// What a collection is called there.
    pub fn name_of(&self, collection: Collection) -> &str {
        self.names.of(collection)
    }

    /// Reads; tried once more when that may help, because reading twice does no harm.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, HttpError> {
        let once = || async {
            let answer = self.endpoint.send(self.endpoint.get(path).query(query)).await?;
            read_json(answer, MAX_ANSWER_BYTES).await
        };
        match once().await {
            Err(error) if may_be_repeated(&error) => once().await,
            result => result,
        }
    }

    /// Writes, once: whether it happened is seen by reading, not by writing again.
    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, HttpError> {
        let answer = self.endpoint.send(self.endpoint.post(path).json(body)).await?;
        read_json(answer, MAX_ANSWER_BYTES).await
    }
}

/// Whether a read is worth a second try at once. One that was slow would be slow again.
fn may_be_repeated(error: &HttpError) -> bool {
    match error {
        HttpError::Broken { .. } => true,
        HttpError::Status { code, .. } => matches!(code, 502..=504),
        HttpError::Timeout { .. }
        | HttpError::Unreachable { .. }
        | HttpError::Unauthorized { .. }
        | HttpError::Redirected { .. }
        | HttpError::NotJson { .. }
        | HttpError::TooLarge { .. }
        | HttpError::Setup(_) => false,
    }
}
