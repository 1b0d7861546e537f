//! Keeps a collection's files as our documents are. Running it again changes nothing; running it after it was cut off
//! finishes it.
//!
//! What is there is read first, by name: a name holds the document's key and a hash of its text. A file is ours when its
//! name says so and either this token's user gave it or the ledger holds it. A changed document's old file goes after
//! the new one is in; a file whose document is gone goes only when the ledger holds it, so that an empty store, or
//! another bot's, never empties a collection.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::files::{File, FileName};
use super::{OpenWebui, OpenWebuiError};
use crate::domain::passage::Collection;
use crate::ports::{DocumentKind, Store, StoreError};

/// Failures of one sync that are named.
const MAX_FAILURES: usize = 10;

/// A document that shall be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Names it within its collection.
    pub key: String,
    /// Markdown.
    pub text: String,
}

/// Whether a collection that is missing is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is an error.
    Fail,
    /// It is made.
    Create,
}

/// What a sync did to one collection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Synced {
    /// The collection's name there.
    pub collection: String,
    /// Files given for the first time.
    pub added: usize,
    /// Files given because their document changed.
    pub replaced: usize,
    /// Files taken away because their document is gone.
    pub removed: usize,
    /// Files that were right already.
    pub unchanged: usize,
    /// What did not work, a line each.
    pub failed: Vec<String>,
}

impl Synced {
    fn failed(&mut self, what: &str, error: &impl std::fmt::Display) {
        if self.failed.len() < MAX_FAILURES {
            self.failed.push(format!("{what}: {error}"));
        }
    }
}

/// Which files we gave, kept in the store.
pub struct Ledger(pub Arc<dyn Store>);

impl Ledger {
    async fn ids(&self) -> Result<BTreeSet<String>, StoreError> {
        Ok(self.0.documents(DocumentKind::Upload, 0).await?.into_iter().map(|document| document.key).collect())
    }

    async fn note(&self, file: &File) -> Result<(), StoreError> {
        let body = file.filename.clone().into_bytes();
        self.0.write_documents(DocumentKind::Upload, vec![(file.id.clone(), Some(body))]).await
    }

    async fn strike(&self, file: &str) -> Result<(), StoreError> {
        self.0.write_documents(DocumentKind::Upload, vec![(file.to_owned(), None)]).await
    }
}

#[derive(Deserialize)]
struct Myself {
    id: String,
}

/// Why a sync ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// Open WebUI.
    #[error(transparent)]
    OpenWebui(#[from] OpenWebuiError),
    /// Our own store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::adapters::http::HttpError> for SyncError {
    fn from(error: crate::adapters::http::HttpError) -> Self {
        Self::OpenWebui(error.into())
    }
}

/// A collection as it is there.
struct Target {
    id: String,
    /// Our own user's id.
    myself: String,
    /// Our files by document.
    ours: BTreeMap<String, Vec<(FileName, File)>>,
}

impl OpenWebui {
    /// Makes a collection's files those of `items`. A file that Open WebUI does not take is named and costs no other.
    ///
    /// # Errors
    /// When the collection cannot be read at all, or the store does not answer.
    pub async fn sync(
        &self,
        collection: Collection,
        items: &[Item],
        missing: Missing,
        ledger: &Ledger,
    ) -> Result<Synced, SyncError> {
        let given = ledger.ids().await?;
        let mut target = self.target(collection, missing, &given).await?;
        let mut synced = Synced { collection: self.name_of(collection).to_owned(), ..Synced::default() };
        for item in items {
            let there = target.ours.remove(&item.key).unwrap_or_default();
            match self.make_right(&target, item, there, ledger).await {
                Ok(Done::Unchanged) => synced.unchanged += 1,
                Ok(Done::Added) => synced.added += 1,
                Ok(Done::Replaced) => synced.replaced += 1,
                Err(SyncError::OpenWebui(error)) => synced.failed(&item.key, &error),
                Err(error) => return Err(error),
            }
        }
        let gone = std::mem::take(&mut target.ours).into_values().flatten();
        for (_, file) in gone.filter(|(_, file)| given.contains(&file.id)) {
            match self.take_away(&target.id, &file, ledger).await {
                Ok(()) => synced.removed += 1,
                Err(SyncError::OpenWebui(error)) => synced.failed(&file.filename, &error),
                Err(error) => return Err(error),
            }
        }
        Ok(synced)
    }

    /// Looks what a collection holds, to give it documents one by one.
    ///
    /// # Errors
    /// When there is no such collection, Open WebUI does not show it, or the store does not answer.
    pub async fn filing<'a>(&'a self, collection: Collection, ledger: &'a Ledger) -> Result<Filing<'a>, SyncError> {
        let target = self.target(collection, Missing::Fail, &ledger.ids().await?).await?;
        Ok(Filing { open_webui: self, ledger, target })
    }

    /// Takes one document's files away, if we gave them.
    ///
    /// # Errors
    /// As [`Self::filing`], or when Open WebUI does not take a file away.
    pub async fn withdraw(&self, collection: Collection, key: &str, ledger: &Ledger) -> Result<(), SyncError> {
        let mut target = self.target(collection, Missing::Fail, &ledger.ids().await?).await?;
        for (_, file) in target.ours.remove(key).unwrap_or_default() {
            self.take_away(&target.id, &file, ledger).await?;
        }
        Ok(())
    }

    async fn target(
        &self,
        collection: Collection,
        missing: Missing,
        given: &BTreeSet<String>,
    ) -> Result<Target, SyncError> {
        let id = match self.id_of(collection).await {
            Err(OpenWebuiError::NoCollection(_)) if missing == Missing::Create => self.create(collection).await?,
            id => id?,
        };
        let Myself { id: myself } = self.get("api/v1/auths/", &[]).await?;
        let mut ours: BTreeMap<String, Vec<(FileName, File)>> = BTreeMap::new();
        for file in self.files_of(&id).await? {
            let Some(name) = FileName::parse(&file.filename) else { continue };
            if file.user_id == myself || given.contains(&file.id) {
                ours.entry(name.key.clone()).or_default().push((name, file));
            }
        }
        Ok(Target { id, myself, ours })
    }

    async fn make_right(
        &self,
        target: &Target,
        item: &Item,
        there: Vec<(FileName, File)>,
        ledger: &Ledger,
    ) -> Result<Done, SyncError> {
        let name = FileName::of(&item.key, &item.text);
        let (right, stale): (Vec<_>, Vec<_>) = there.into_iter().partition(|(there, _)| *there == name);
        let done = match (right.len(), stale.is_empty()) {
            (1, _) => Done::Unchanged,
            (0, true) => Done::Added,
            // More than one of the same text: taking one away takes the passages of all.
            _ => Done::Replaced,
        };
        if right.len() != 1 {
            for (_, file) in &right {
                self.take_away(&target.id, file, ledger).await?;
            }
            self.give(target, &name, &item.text, ledger).await?;
        }
        for (_, file) in &stale {
            self.take_away(&target.id, file, ledger).await?;
        }
        Ok(done)
    }

    async fn give(&self, target: &Target, name: &FileName, text: &str, ledger: &Ledger) -> Result<(), SyncError> {
        let file = match self.file_called(name, &target.myself).await? {
            Some(file) => file,
            None => self.upload(name, text).await?,
        };
        // Before it is added: what is cut off from here on is found again by its name.
        ledger.note(&file).await?;
        if let Err(error) = self.processed(&file).await {
            if matches!(error, OpenWebuiError::NotProcessed { .. }) {
                // It would be found by its name and fail again.
                self.discard(&file.id).await?;
                ledger.strike(&file.id).await?;
            }
            return Err(error.into());
        }
        self.add(&target.id, &file.id).await?;
        Ok(())
    }

    async fn take_away(&self, collection: &str, file: &File, ledger: &Ledger) -> Result<(), SyncError> {
        self.remove(collection, &file.id).await?;
        ledger.strike(&file.id).await?;
        Ok(())
    }
}

/// A collection that is given documents one by one. What it held is read once, so each is given no more than once.
pub struct Filing<'a> {
    open_webui: &'a OpenWebui,
    ledger: &'a Ledger,
    target: Target,
}

impl Filing<'_> {
    /// Makes one document's file right, and leaves the others.
    ///
    /// # Errors
    /// When Open WebUI refuses the file, or the store does not answer.
    pub async fn put(&mut self, item: &Item) -> Result<(), SyncError> {
        let there = self.target.ours.remove(&item.key).unwrap_or_default();
        self.open_webui.make_right(&self.target, item, there, self.ledger).await.map(|_| ())
    }
}

enum Done {
    Unchanged,
    Added,
    Replaced,
}
