//! Taking notes: kept here first, then given to Open WebUI where there is one.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::base::{KeptNote, Knowledge, note_document, note_source};
use crate::adapters::openwebui::sync::{Item, SyncError};
use crate::adapters::openwebui::{OpenWebui, OpenWebuiError};
use crate::domain::note::Note;
use crate::domain::passage::Collection;
use crate::ports::{DocumentKind, StoreError};

/// How long Open WebUI may take with a note; later it is a gap.
const DEADLINE: Duration = Duration::from_secs(4);
/// Most notes.
pub const MAX_NOTES: usize = 10_000;

/// How long a note that Open WebUI did not take is not tried again.
pub(super) const NOT_TAKEN: Duration = Duration::from_secs(3600);
/// Notes that Open WebUI may refuse in one round: each costs up to a minute, in which the store is not looked at.
const MAX_NOT_TAKEN: usize = 3;

/// What became of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Noted {
    /// Its name: `n-81c0…`.
    pub id: String,
    /// Places that did not take it, a line each.
    pub missing: Vec<String>,
}

/// A note with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NamedNote {
    /// `n-81c0…`.
    pub id: String,
    /// The note.
    #[serde(flatten)]
    pub note: Note,
}

impl Knowledge {
    /// Takes a note. The same note again is the same note. When this returns it is durable here; Open WebUI's collection
    /// gets its file soon after.
    ///
    /// # Errors
    /// When the store does not take it, or there are as many notes as there may be.
    pub async fn add_note(&self, note: Note) -> Result<Noted, StoreError> {
        let note = self.without_secrets(note);
        let id = note.id();
        let remote = {
            let _turn = self.turn().await?;
            let (known, count) = {
                let memory = self.memory();
                (memory.notes.get(&id).cloned(), memory.notes.len())
            };
            if known.is_none() && count >= MAX_NOTES {
                return Err(StoreError::Full(count));
            }
            let kept = known.unwrap_or(KeptNote { note: note.clone(), remote: None, filed: false });
            self.keep(&id, &kept).await?;
            kept.remote
        };
        self.index(vec![note_document(&id, &note)], Vec::new()).await;
        let mut missing = Vec::new();
        if let (Some(open_webui), None) = (&self.open_webui, remote) {
            match tokio::time::timeout(DEADLINE, open_webui.add_note(&note)).await {
                Ok(Ok(remote)) => {
                    let new = remote.clone();
                    if !self.amend(&id, |kept| kept.remote = Some(new)).await? {
                        // Somebody deleted it meanwhile.
                        missing.extend(open_webui.delete_note(&remote).await.err().map(|error| error.to_string()));
                    }
                }
                Ok(Err(error)) => missing.push(format!("Open WebUI: {error}")),
                Err(_) => missing.push(format!("Open WebUI did not answer within {} s", DEADLINE.as_secs())),
            }
        }
        self.added.notify_one();
        Ok(Noted { id, missing })
    }

    /// All notes, newest first.
    pub fn notes(&self) -> Vec<NamedNote> {
        let memory = self.memory();
        let named = |(id, kept): (&String, &KeptNote)| NamedNote { id: id.clone(), note: kept.note.clone() };
        let mut notes: Vec<NamedNote> = memory.notes.iter().map(named).collect();
        notes.sort_by(|a, b| b.note.at.cmp(&a.note.at).then(a.id.cmp(&b.id)));
        notes
    }

    /// Deletes a note here and, where we gave it to Open WebUI, there; `None` when there is no such note.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn delete_note(&self, id: &str) -> Result<Option<Noted>, StoreError> {
        let kept = {
            let _turn = self.turn().await?;
            let Some(kept) = self.memory().notes.get(id).cloned() else { return Ok(None) };
            self.store.write_documents(DocumentKind::Note, vec![(id.to_owned(), None)]).await?;
            self.memory_mut().notes.remove(id);
            kept
        };
        self.index(Vec::new(), vec![note_source(id)]).await;
        let mut missing = Vec::new();
        if let Some(open_webui) = &self.open_webui {
            let there = async {
                if let Some(remote) = &kept.remote {
                    open_webui.delete_note(remote).await?;
                }
                if kept.filed {
                    open_webui.withdraw(Collection::Notes, id, &self.ledger()).await?;
                }
                Ok::<(), SyncError>(())
            };
            match tokio::time::timeout(DEADLINE, there).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => missing.push(format!("Open WebUI: {error}")),
                Err(_) => missing.push(format!("Open WebUI did not answer within {} s", DEADLINE.as_secs())),
            }
        }
        Ok(Some(Noted { id: id.to_owned(), missing }))
    }

    /// Gives Open WebUI's collection the notes that it does not have yet. What fails is tried again.
    pub(super) async fn file_notes(&self) {
        let Some(open_webui) = &self.open_webui else { return };
        let unfiled: Vec<(String, Note)> = {
            let memory = self.memory();
            let unfiled = memory.notes.iter().filter(|(id, kept)| !kept.filed && !self.not_taken.contains_key(*id));
            unfiled.map(|(id, kept)| (id.clone(), kept.note.clone())).collect()
        };
        // A sync that runs files them, too.
        let Ok(_turn) = self.syncing.try_lock() else { return };
        if unfiled.is_empty() {
            return;
        }
        // Whatever is in the way now is not when this is tried again.
        let Ok(Some(lease)) = self.sync_alone().await else { return };
        self.file(open_webui, unfiled).await;
        if let Err(error) = self.store.release(&lease).await {
            tracing::debug!("end filing notes: {error:#}");
        }
    }

    async fn file(&self, open_webui: &OpenWebui, unfiled: Vec<(String, Note)>) {
        let ledger = self.ledger();
        let mut filing = match open_webui.filing(Collection::Notes, &ledger).await {
            Ok(filing) => filing,
            // Not everybody keeps notes as a collection.
            Err(SyncError::OpenWebui(OpenWebuiError::NoCollection(_))) => return,
            Err(error) => return tracing::debug!("file notes in Open WebUI: {error:#}"),
        };
        let mut not_taken = 0;
        for (id, note) in unfiled {
            let item = Item { key: id.clone(), text: note.markdown() };
            let filed = async {
                filing.put(&item).await?;
                if !self.amend(&id, |kept| kept.filed = true).await? {
                    // Somebody deleted it meanwhile.
                    open_webui.withdraw(Collection::Notes, &id, &ledger).await?;
                }
                Ok::<(), SyncError>(())
            };
            match filed.await {
                Ok(()) => {}
                Err(SyncError::OpenWebui(error)) if error.is_about_the_file() => {
                    let hours = NOT_TAKEN.as_secs() / 3600;
                    tracing::warn!("Open WebUI does not take note {id}; it is tried again in {hours} h: {error:#}");
                    self.not_taken.insert(id, ()).await;
                    not_taken += 1;
                    if not_taken == MAX_NOT_TAKEN {
                        return;
                    }
                }
                Err(error) => return tracing::debug!("file note {id} in Open WebUI: {error:#}"),
            }
        }
    }

    /// The turn to change notes, with what other replicas changed in view: whoever writes a note writes all of it.
    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, StoreError> {
        let turn = self.noting.lock().await;
        self.refresh().await?;
        Ok(turn)
    }

    /// Changes what is kept beside a note; `false` when the note is gone.
    async fn amend(&self, id: &str, change: impl FnOnce(&mut KeptNote)) -> Result<bool, StoreError> {
        let _turn = self.turn().await?;
        let Some(mut kept) = self.memory().notes.get(id).cloned() else { return Ok(false) };
        change(&mut kept);
        self.keep(id, &kept).await.map(|()| true)
    }

    /// Writes a note; the caller has the turn.
    async fn keep(&self, id: &str, kept: &KeptNote) -> Result<(), StoreError> {
        let body = serde_json::to_vec(kept).map_err(anyhow::Error::from)?;
        self.store.write_documents(DocumentKind::Note, vec![(id.to_owned(), Some(body))]).await?;
        self.memory_mut().notes.insert(id.to_owned(), kept.clone());
        Ok(())
    }

    /// Notes reach the model and other systems.
    fn without_secrets(&self, note: Note) -> Note {
        let clean = |text: &str| self.redactor.redact(text).into_owned();
        Note {
            title: clean(&note.title),
            content: clean(&note.content),
            tags: note.tags.iter().map(|tag| clean(tag)).collect(),
            author: note.author,
            at: note.at,
        }
    }
}

/// What Open WebUI's collections shall hold.
impl Knowledge {
    pub(super) fn items(&self, collection: Collection) -> Vec<Item> {
        match collection {
            Collection::Runbooks => {
                let item = |runbook: &crate::domain::runbook::Runbook| {
                    let prose = runbook.prose.trim();
                    let titled = prose.starts_with("# ");
                    let text = if titled { format!("{prose}\n") } else { format!("# {}\n\n{prose}\n", runbook.title) };
                    Item { key: runbook.id.clone(), text }
                };
                self.library.all().iter().map(item).collect()
            }
            Collection::Incidents => {
                let mut past: Vec<_> = self.memory().past.values().map(Arc::clone).collect();
                past.sort_by(|a, b| a.id.cmp(&b.id));
                past.iter().map(|past| Item { key: past.id.0.clone(), text: past.markdown() }).collect()
            }
            Collection::Notes => {
                let memory = self.memory();
                memory.notes.iter().map(|(id, kept)| Item { key: id.clone(), text: kept.note.markdown() }).collect()
            }
        }
    }
}
