//! The store's file: open, or for a moment closed after a failed write.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use anyhow::Context as _;
use redb::Database;

use super::tables;

/// Pages the store may keep in memory. The default of a gibibyte would be the largest part of the process.
const CACHE_BYTES: usize = 12 * 1024 * 1024;

/// A database that can be closed and opened while others hold on to this.
pub(super) struct File {
    path: PathBuf,
    database: RwLock<Option<Arc<Database>>>,
}

impl File {
    /// Opens or creates the file in `directory`.
    pub(super) fn create(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("create the data directory {} (HOLMES_DATA_DIR)", directory.display()))?;
        let file = Self { path: directory.join("holmes.redb"), database: RwLock::new(None) };
        file.open()?;
        Ok(file)
    }

    /// Opens it, repairing what a failed write left, and prepares its tables.
    pub(super) fn open(&self) -> anyhow::Result<()> {
        let path = self.path.display();
        let database = Database::builder().set_cache_size(CACHE_BYTES).create(&self.path).with_context(|| {
            format!("open the store {path}: is another holmes-bot running on it, or the disk full?")
        })?;
        tables::prepare(&database).with_context(|| format!("prepare the store {path}"))?;
        *self.database.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::new(database));
        Ok(())
    }

    /// Closes it as soon as nobody reads any more.
    pub(super) fn close(&self) {
        *self.database.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }

    /// The database, unless it is closed.
    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
