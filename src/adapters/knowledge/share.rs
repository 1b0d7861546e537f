//! Giving Open WebUI what is written here.

use super::base::Knowledge;
use crate::adapters::openwebui::sync::{Missing, SyncError, Synced};
use crate::adapters::openwebui::{OpenWebui, OpenWebuiError};
use crate::domain::passage::Collection;
use crate::ports::StoreError;

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
