//! Collections by name. Open WebUI calls them knowledge bases and wants ids; people know their names.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{OpenWebui, OpenWebuiError};
use crate::adapters::http::HttpError;
use crate::domain::passage::Collection;

/// How long ids are believed. A collection that is made anew has another id.
const FRESH: Duration = Duration::from_secs(300);
/// Pages of a list that are read: at 30 a page, more files than a collection can hold in good health.
const MAX_PAGES: usize = 1_000;

/// What the collections are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionNames {
    /// Runbooks.
    pub runbooks: String,
    /// Past incidents.
    pub incidents: String,
    /// Notes.
    pub notes: String,
}

impl Default for CollectionNames {
    fn default() -> Self {
        Self { runbooks: "runbooks".into(), incidents: "incidents".into(), notes: "notes".into() }
    }
}

impl CollectionNames {
    /// What a collection is called.
    pub fn of(&self, collection: Collection) -> &str {
        match collection {
            Collection::Runbooks => &self.runbooks,
            Collection::Incidents => &self.incidents,
            Collection::Notes => &self.notes,
        }
    }
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub total: usize,
}

/// A collection of the list.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub id: String,
    pub name: String,
    #[serde(default)]
    pub write_access: Option<bool>,
}

/// Ids by collection.
pub(super) type Known = HashMap<Collection, Listed>;

#[derive(Serialize)]
struct NewCollection<'a> {
    name: &'a str,
    description: &'a str,
}

impl OpenWebui {
    /// The id of a collection.
    pub(super) async fn id_of(&self, collection: Collection) -> Result<String, OpenWebuiError> {
        let known = self.known().await?;
        let listed =
            known.get(&collection).ok_or_else(|| OpenWebuiError::NoCollection(self.name_of(collection).into()));
        Ok(listed?.id.clone())
    }

    /// The collections that are there, from memory while that is fresh. One that is missing is looked for every time, so
    /// that it is seen as soon as somebody makes it.
    pub(super) async fn known(&self) -> Result<Known, OpenWebuiError> {
        let mut held = self.known.lock().await;
        if let Some((at, known)) = held.as_ref()
            && at.elapsed() < FRESH
            && known.len() == Collection::ALL.len()
        {
            return Ok(known.clone());
        }
        let known = self.by_name().await?;
        *held = Some((Instant::now(), known.clone()));
        Ok(known)
    }

    /// Forgets ids: an answer showed that one is not right any more.
    pub(super) async fn forget(&self) {
        *self.known.lock().await = None;
    }

    /// Makes a collection.
    pub(super) async fn create(&self, collection: Collection) -> Result<String, OpenWebuiError> {
        let description = match collection {
            Collection::Runbooks => "Runbooks of holmes-bot",
            Collection::Incidents => "Incidents that holmes-bot saw, and what helped",
            Collection::Notes => "Notes taken with holmes-bot",
        };
        let new = NewCollection { name: self.name_of(collection), description };
        let made: Listed = self.post("api/v1/knowledge/create", &new).await?;
        self.forget().await;
        Ok(made.id)
    }

    async fn by_name(&self) -> Result<Known, HttpError> {
        let all: Vec<Listed> = self.pages("api/v1/knowledge/").await?;
        let mut known = Known::new();
        for collection in Collection::ALL {
            let name = self.name_of(collection);
            let exact = all.iter().find(|listed| listed.name == name);
            let alike = || all.iter().find(|listed| listed.name.to_lowercase() == name.to_lowercase());
            if let Some(listed) = exact.or_else(alike) {
                known.insert(collection, listed.clone());
            }
        }
        Ok(known)
    }

    /// All items of a paged list.
    pub(super) async fn pages<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, HttpError> {
        let mut all: Vec<T> = Vec::new();
        for page in 1..=MAX_PAGES {
            let page: Page<T> = self.get(path, &[("page", &page.to_string())]).await?;
            let empty = page.items.is_empty();
            all.extend(page.items);
            if empty || all.len() >= page.total {
                break;
            }
        }
        Ok(all)
    }
}
