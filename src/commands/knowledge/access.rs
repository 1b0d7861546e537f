//! Getting at knowledge: in the store, or through the bot that holds it.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::adapters::http::{Endpoint, HttpError, read_json};
use crate::adapters::knowledge::{Base, Found, Knowledge, Library, NamedNote, Noted};
use crate::adapters::openwebui::sync::{Missing, Synced};
use crate::app;
use crate::commands::bot;
use crate::config::{Config, StoreConfig};
use crate::domain::note::Note;
use crate::domain::passage::Search;
use crate::domain::past_incident::PastIncident;

/// Longest answer: all past incidents.
const MAX_ANSWER_BYTES: usize = 256 << 20;

/// Where knowledge is reached.
pub enum Access {
    /// In the store: Redis, or a file that nobody else has open.
    Store(Box<Knowledge>),
    /// At the bot that has it open.
    Bot(Box<Endpoint>),
}

#[derive(Deserialize)]
struct Notes {
    notes: Vec<NamedNote>,
}

#[derive(Deserialize)]
struct Incidents {
    incidents: Vec<PastIncident>,
}

#[derive(Deserialize)]
struct Collections {
    collections: Vec<Synced>,
}

impl Access {
    /// Opens the store; where a running bot has it, or there is none yet, asks the bot.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        let bot = bot::endpoint(config)?;
        let answers = || async {
            let notes: Result<Notes, HttpError> = get(&bot, "api/v1/knowledge/notes", &[]).await;
            notes.map(|_| ())
        };
        // Whoever has no store here wants the bot's, if one answers; and no empty store left behind.
        let is_shared = matches!(config.store, StoreConfig::Redis { .. });
        if !is_shared && !config.data_dir.join("holmes.redb").exists() && answers().await.is_ok() {
            return Ok(Self::Bot(Box::new(bot)));
        }
        match app::store(config).await {
            Ok(store) => {
                let (library, problems) = Library::load(Base::Embedded, config.runbooks_dir.as_deref())?;
                for problem in problems {
                    eprintln!("runbook {problem}");
                }
                let knowledge = app::knowledge(config, store, Arc::new(library)).await?;
                Ok(Self::Store(Box::new(knowledge)))
            }
            Err(unreachable) if is_shared => Err(unreachable),
            Err(locked) => match answers().await {
                Ok(()) => Ok(Self::Bot(Box::new(bot))),
                Err(error) => Err(anyhow!(
                    "{locked:#}\nThe store belongs to the bot while it runs, so the bot was asked, too: {error} \
                     (HOLMES_PUBLIC_URL, HOLMES_API_TOKEN)"
                )),
            },
        }
    }

    pub async fn search(&self, what: Search, query: &str, limit: usize) -> anyhow::Result<Found> {
        match self {
            Self::Store(knowledge) => Ok(knowledge.search(what, query, limit).await),
            Self::Bot(bot) => {
                let k = limit.to_string();
                let query = [("q", query), ("collection", what.as_str()), ("k", &k)];
                get(bot, "api/v1/knowledge/search", &query).await.context("ask the bot")
            }
        }
    }

    pub async fn list(&self) -> anyhow::Result<(Vec<NamedNote>, Vec<PastIncident>)> {
        match self {
            Self::Store(knowledge) => Ok((knowledge.notes(), knowledge.past_incidents())),
            Self::Bot(bot) => {
                let notes: Notes = get(bot, "api/v1/knowledge/notes", &[]).await.context("ask the bot")?;
                let past: Incidents = get(bot, "api/v1/knowledge/incidents", &[]).await.context("ask the bot")?;
                Ok((notes.notes, past.incidents))
            }
        }
    }

    pub async fn add_note(&self, note: Note) -> anyhow::Result<Noted> {
        match self {
            Self::Store(knowledge) => Ok(knowledge.add_note(note).await?),
            Self::Bot(bot) => {
                let Note { title, content, tags, author, at: _ } = note;
                let body = json!({"title": title, "content": content, "tags": tags, "author": author});
                let answer = bot.send(bot.post("api/v1/knowledge/notes").json(&body)).await.context("ask the bot")?;
                Ok(read_json(answer, MAX_ANSWER_BYTES).await?)
            }
        }
    }

    /// `None` when there is no such note.
    pub async fn delete_note(&self, id: &str) -> anyhow::Result<Option<Noted>> {
        match self {
            Self::Store(knowledge) => Ok(knowledge.delete_note(id).await?),
            Self::Bot(bot) => match bot.send(bot.delete(&format!("api/v1/knowledge/notes/{id}"))).await {
                Ok(answer) => Ok(Some(read_json(answer, MAX_ANSWER_BYTES).await?)),
                Err(HttpError::Status { code: 404, .. }) => Ok(None),
                Err(error) => Err(error).context("ask the bot"),
            },
        }
    }

    pub async fn sync(&self, missing: Missing) -> anyhow::Result<Vec<Synced>> {
        match self {
            Self::Store(knowledge) => Ok(knowledge.sync(missing).await?),
            Self::Bot(bot) => {
                let create = (missing == Missing::Create).to_string();
                let request = bot.post("api/v1/knowledge/sync").query(&[("create", &create)]);
                let answer = bot.send(request).await.context("ask the bot")?;
                Ok(read_json::<Collections>(answer, MAX_ANSWER_BYTES).await?.collections)
            }
        }
    }
}

async fn get<T: DeserializeOwned>(bot: &Endpoint, path: &str, query: &[(&str, &str)]) -> Result<T, HttpError> {
    read_json(bot.send(bot.get(path).query(query)).await?, MAX_ANSWER_BYTES).await
}
