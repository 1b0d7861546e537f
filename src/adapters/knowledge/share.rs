//! Giving Open WebUI what is written here.

use chrono::{TimeDelta, Utc};

use super::base::Knowledge;
use crate::adapters::openwebui::sync::{Missing, SyncError, Synced};
use crate::adapters::openwebui::{OpenWebui, OpenWebuiError};
use crate::domain::passage::Collection;
use crate::ports::{Lease, StoreError};

/// Longest sync: the first gives every runbook, a second each on a slow machine.
const SYNC_HOLD: TimeDelta = TimeDelta::minutes(30);

/// Why nothing was given.
#[derive(Debug, thiserror::Error)]
pub enum ShareError {
    /// There is no Open WebUI.
    #[error("Open WebUI is not configured: set OPENWEBUI_URL and OPENWEBUI_TOKEN")]
    NotConfigured,
    /// A sync runs already.
    #[error("a sync is running already")]
    Busy,
    /// Our own store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Knowledge {
    /// Makes Open WebUI's collections those of runbooks, past incidents and notes here. What fails is named in its
    /// collection's line.
    ///
    /// # Errors
    /// When there is no Open WebUI, another sync runs, or the store does not answer.
    pub async fn sync(&self, missing: Missing) -> Result<Vec<Synced>, ShareError> {
        let open_webui = self.open_webui.as_ref().ok_or(ShareError::NotConfigured)?;
        let _turn = self.syncing.try_lock().map_err(|_| ShareError::Busy)?;
        let lease = self.sync_alone().await?.ok_or(ShareError::Busy)?;
        let synced = self.sync_all(open_webui, missing).await;
        self.store.release(&lease).await?;
        synced
    }

    /// The right to give files to Open WebUI, among all replicas. One that dies in the middle keeps it for a while.
    pub(super) async fn sync_alone(&self) -> Result<Option<Lease>, StoreError> {
        self.store.lease("open-webui", SYNC_HOLD, Utc::now()).await
    }

    async fn sync_all(&self, open_webui: &OpenWebui, missing: Missing) -> Result<Vec<Synced>, ShareError> {
        let mut all = Vec::new();
        for collection in Collection::ALL {
            let items = self.items(collection);
            match open_webui.sync(collection, &items, missing, &self.ledger()).await {
                Ok(synced) => all.push(synced),
                // Notes have a place of their own there; a collection of them is a choice.
                Err(SyncError::OpenWebui(OpenWebuiError::NoCollection(_))) if collection == Collection::Notes => {}
                Err(SyncError::OpenWebui(error)) => all.push(broken(open_webui, collection, &error)),
                Err(SyncError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(all)
    }
}

fn broken(open_webui: &OpenWebui, collection: Collection, error: &OpenWebuiError) -> Synced {
    let name = open_webui.name_of(collection).to_owned();
    Synced { collection: name, failed: vec![error.to_string()], ..Synced::default() }
}
