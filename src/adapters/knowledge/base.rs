//! [`Knowledge`]: the one thing that answers "what is written about this", whoever wrote it and wherever it is kept.
//!
//! Notes and past incidents live in the store; this keeps them in memory, indexed, and follows what other replicas add.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use anyhow::Context as _;
use moka::future::Cache;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OnceCell};
use tokio_util::sync::CancellationToken;

use super::Library;
use super::meaning::Meaning;
use super::notes::{MAX_NOTES, NOT_TAKEN};
use super::outage::Outage;
use super::passages::{Document, Passages};
use crate::adapters::embeddings::Embeddings;
use crate::adapters::openwebui::OpenWebui;
use crate::adapters::openwebui::sync::Ledger;
use crate::domain::note::Note;
use crate::domain::passage::Collection;
use crate::domain::past_incident::PastIncident;
use crate::domain::redact::Redactor;
use crate::ports::{DocumentKind, Store, StoreError};

/// How often the store is asked what other replicas added.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// What knowledge is made of.
pub struct KnowledgeSettings {
    /// Where notes and past incidents are kept.
    pub store: Arc<dyn Store>,
    /// Runbooks.
    pub library: Arc<Library>,
    /// Searching by meaning, where there is a server for it.
    pub embeddings: Option<Embeddings>,
    /// Collections that people keep elsewhere.
    pub open_webui: Option<OpenWebui>,
    /// Where people reach the console, for links to incidents.
    pub public_url: String,
}

/// See the module.
pub struct Knowledge {
    pub(super) store: Arc<dyn Store>,
    pub(super) library: Arc<Library>,
    pub(super) passages: Arc<Passages>,
    pub(super) meaning: Option<Meaning>,
    pub(super) open_webui: Option<OpenWebui>,
    pub(super) remote_outage: Outage,
    pub(super) redactor: Redactor,
    /// Held during a sync: two at once would add everything twice.
    pub(super) syncing: tokio::sync::Mutex<()>,
    /// Held while a note is read, changed and written, so that no change undoes another.
    pub(super) noting: tokio::sync::Mutex<()>,
    /// Notes that Open WebUI did not take, for as long as they are not tried again.
    pub(super) not_taken: Cache<String, ()>,
    public_url: String,
    memory: RwLock<Memory>,
    indexed: OnceCell<()>,
    /// Something was added that has no vector, or is not filed elsewhere yet.
    pub(super) added: Notify,
}

/// Notes and past incidents by id.
#[derive(Default)]
pub(super) struct Memory {
    pub notes: BTreeMap<String, KeptNote>,
    pub past: HashMap<String, Arc<PastIncident>>,
    notes_revision: u64,
    past_revision: u64,
}

/// A note as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptNote {
    #[serde(flatten)]
    pub note: Note,
    /// Its id among Open WebUI's notes.
    #[serde(default)]
    pub remote: Option<String>,
    /// Whether it is a file of Open WebUI's collection.
    #[serde(default)]
    pub filed: bool,
}

impl Knowledge {
    /// Reads what is remembered. The index over it is built by the first search or by [`Self::keep_up`].
    ///
    /// # Errors
    /// When the store does not answer or an index cannot be made.
    pub async fn load(settings: KnowledgeSettings) -> anyhow::Result<Self> {
        let KnowledgeSettings { store, library, embeddings, open_webui, public_url } = settings;
        let passages = Arc::new(Passages::new()?);
        let knowledge = Self {
            meaning: embeddings.map(|server| Meaning::new(server, Arc::clone(&store), Arc::clone(&passages))),
            store,
            library,
            passages,
            open_webui,
            remote_outage: Outage::default(),
            redactor: Redactor::new(),
            syncing: tokio::sync::Mutex::new(()),
            noting: tokio::sync::Mutex::new(()),
            not_taken: Cache::builder().time_to_live(NOT_TAKEN).max_capacity(MAX_NOTES as u64).build(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            memory: RwLock::default(),
            indexed: OnceCell::new(),
            added: Notify::new(),
        };
        knowledge.read().await.context("read notes and past incidents")?;
        Ok(knowledge)
    }

    /// Keeps the index, the vectors and Open WebUI up to date until `stop`.
    pub async fn keep_up(&self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = self.catch_up() => {}
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = self.added.notified() => {}
                () = tokio::time::sleep(REFRESH_EVERY) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// One round of it: reads what is new in the store, makes vectors that are missing, and files notes in Open WebUI.
    /// What fails is logged, and done in a later round.
    pub async fn catch_up(&self) {
        self.indexed().await;
        if let Err(error) = self.refresh().await {
            tracing::warn!("look for new notes and past incidents: {error:#}");
        }
        if let Some(meaning) = &self.meaning {
            meaning.embed_missing().await;
        }
        self.file_notes().await;
    }

    /// How many documents a collection holds here.
    pub async fn count(&self, collection: Collection) -> usize {
        self.indexed().await;
        self.passages.count(collection)
    }

    /// Builds the index, or waits for whoever does. What fails is told once and leaves the index empty.
    pub(super) async fn indexed(&self) {
        self.indexed
            .get_or_init(|| async {
                let mut documents: Vec<Document> = self
                    .library
                    .all()
                    .iter()
                    .map(|runbook| Document {
                        collection: Collection::Runbooks,
                        source: format!("runbook {}", runbook.id),
                        title: runbook.title.clone(),
                        text: runbook.prose.clone(),
                        link: None,
                        at: None,
                    })
                    .collect();
                {
                    let memory = self.memory();
                    documents.extend(memory.notes.iter().map(|(id, kept)| note_document(id, &kept.note)));
                    documents.extend(memory.past.values().map(|past| self.past_document(past)));
                }
                self.index(documents, Vec::new()).await;
            })
            .await;
    }

    /// Takes documents into the index, and others out of it.
    pub(super) async fn index(&self, documents: Vec<Document>, gone: Vec<String>) {
        if documents.is_empty() && gone.is_empty() {
            return;
        }
        let passages = Arc::clone(&self.passages);
        let updated = tokio::task::spawn_blocking(move || passages.update(documents, &gone)).await;
        if let Err(error) = updated.map_err(anyhow::Error::from).flatten() {
            tracing::error!("index knowledge: {error:#}");
        }
    }

    /// Reads what changed in the store, and indexes it.
    pub(super) async fn refresh(&self) -> Result<(), StoreError> {
        let Changed { documents, gone } = self.read().await?;
        self.index(documents, gone).await;
        Ok(())
    }

    async fn read(&self) -> Result<Changed, StoreError> {
        let (notes_after, past_after) = {
            let memory = self.memory();
            (memory.notes_revision, memory.past_revision)
        };
        let notes = self.store.documents(DocumentKind::Note, notes_after).await?;
        let past = self.store.documents(DocumentKind::PastIncident, past_after).await?;
        let mut changed = Changed::default();
        let mut memory = self.memory_mut();
        for document in notes {
            memory.notes_revision = memory.notes_revision.max(document.revision);
            match document.body.map(|body| serde_json::from_slice::<KeptNote>(&body)) {
                // Our own writes come back here.
                Some(Ok(kept)) if memory.notes.get(&document.key) == Some(&kept) => {}
                Some(Ok(kept)) => {
                    changed.documents.push(note_document(&document.key, &kept.note));
                    memory.notes.insert(document.key, kept);
                }
                Some(Err(error)) => tracing::error!("read note {}: {error}", document.key),
                None => {
                    changed.gone.push(note_source(&document.key));
                    memory.notes.remove(&document.key);
                }
            }
        }
        for document in past {
            memory.past_revision = memory.past_revision.max(document.revision);
            match document.body.map(|body| serde_json::from_slice::<PastIncident>(&body)) {
                Some(Ok(past)) if memory.past.get(&document.key).is_some_and(|known| **known == past) => {}
                Some(Ok(past)) => {
                    changed.documents.push(self.past_document(&past));
                    memory.past.insert(document.key, Arc::new(past));
                }
                Some(Err(error)) => tracing::error!("read past incident {}: {error}", document.key),
                None => {
                    changed.gone.push(past_source(&document.key));
                    memory.past.remove(&document.key);
                }
            }
        }
        Ok(changed)
    }

    pub(super) fn past_document(&self, past: &PastIncident) -> Document {
        Document {
            collection: Collection::Incidents,
            source: past_source(&past.id.0),
            title: past.title.clone(),
            text: past.markdown(),
            link: Some(format!("{}/incidents/{}", self.public_url, past.id)),
            at: Some(past.started_at),
        }
    }

    pub(super) fn ledger(&self) -> Ledger {
        Ledger(Arc::clone(&self.store))
    }

    pub(super) fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn memory_mut(&self) -> RwLockWriteGuard<'_, Memory> {
        self.memory.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is new in the store, for the index.
#[derive(Default)]
struct Changed {
    documents: Vec<Document>,
    gone: Vec<String>,
}

pub(super) fn note_document(id: &str, note: &Note) -> Document {
    Document {
        collection: Collection::Notes,
        source: note_source(id),
        title: note.title.clone(),
        text: note.markdown(),
        link: None,
        at: Some(note.at),
    }
}

pub(super) fn note_source(id: &str) -> String {
    format!("note {id}")
}

pub(super) fn past_source(id: &str) -> String {
    format!("incident {id}")
}
