//! Searching everything that is written: here and in Open WebUI, both at once, merged fairly.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use super::base::Knowledge;
use super::passages::Wanted;
use crate::adapters::openwebui::{OpenWebui, OpenWebuiError};
use crate::domain::passage::{Passage, Search};

/// Most passages of one answer.
pub const MAX_FOUND: usize = 20;
/// How long Open WebUI may take; what is here takes milliseconds.
const DEADLINE: Duration = Duration::from_secs(4);
/// What a search brought.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Found {
    /// Best first.
    pub passages: Vec<Passage>,
    /// Sources that did not answer, a line each.
    pub missing: Vec<String>,
}

impl Knowledge {
    /// The best passages for a text, whoever keeps them. A source that is down is named and costs only its own.
    pub async fn search(&self, what: Search, query: &str, top_k: usize) -> Found {
        let top_k = top_k.clamp(1, MAX_FOUND);
        if query.trim().is_empty() {
            return Found::default();
        }
        let (here, Partly { passages: there, mut missing }) =
            tokio::join!(self.search_here(what, query, top_k), self.search_there(what, query, top_k));
        let here = here.unwrap_or_else(|error| {
            missing.insert(0, format!("embedded knowledge: {error:#}"));
            Vec::new()
        });
        Found { passages: merged(here, there, top_k), missing }
    }

    async fn search_here(&self, what: Search, query: &str, top_k: usize) -> anyhow::Result<Vec<Passage>> {
        self.indexed().await;
        let vector = match &self.meaning {
            Some(meaning) => meaning.of(query).await,
            None => None,
        };
        let (library, passages, query) = (Arc::clone(&self.library), Arc::clone(&self.passages), query.to_owned());
        tokio::task::spawn_blocking(move || {
            let collections = what.collections();
            // Among other collections a second ranking of runbooks alone would count them double.
            let hits = if what == Search::Runbooks { library.search(&query, top_k * 2)? } else { Vec::new() };
            let proposed: Vec<(String, f64)> =
                hits.into_iter().map(|hit| (format!("runbook {}", hit.id), hit.score)).collect();
            let wanted =
                Wanted { collections, text: &query, vector: vector.as_deref(), proposed: &proposed, limit: top_k };
            passages.search(&wanted)
        })
        .await?
    }

    async fn search_there(&self, what: Search, query: &str, top_k: usize) -> Partly {
        let Some(open_webui) = &self.open_webui else { return Partly::default() };
        if let Some(why) = self.remote_outage.lasts() {
            return Partly::missing(why);
        }
        let asked = tokio::time::timeout(DEADLINE, ask(open_webui, what, query, top_k)).await;
        let late = || Err(format!("Open WebUI did not answer within {} s", DEADLINE.as_secs()));
        match asked.unwrap_or_else(|_| late()) {
            Ok(partly) => {
                if self.remote_outage.ends() {
                    tracing::info!("Open WebUI answers again");
                }
                partly
            }
            Err(why) => {
                if self.remote_outage.begins(why.clone()) {
                    tracing::warn!("search Open WebUI: {why}");
                }
                Partly::missing(why)
            }
        }
    }
}

/// What was found, and what did not answer.
#[derive(Default)]
struct Partly {
    passages: Vec<Passage>,
    missing: Vec<String>,
}

impl Partly {
    fn missing(why: String) -> Self {
        Self { passages: Vec::new(), missing: vec![why] }
    }
}

/// All collections at once. `Err` when none answered, with the reason of the first.
async fn ask(open_webui: &OpenWebui, what: Search, query: &str, top_k: usize) -> Result<Partly, String> {
    let collections = what.collections();
    let asked = collections.iter().map(|collection| open_webui.search(*collection, query, top_k));
    let mut partly = Partly::default();
    let mut absent = Vec::new();
    let mut failed = 0;
    for answer in join_all(asked).await {
        match answer {
            Ok(found) => partly.passages.extend(found),
            // Whoever keeps no incidents there searches the rest; that is no outage.
            Err(error @ OpenWebuiError::NoCollection(_)) => absent.push(error.to_string()),
            Err(error) => {
                failed += 1;
                partly.missing.push(error.to_string());
            }
        }
    }
    partly.missing.dedup();
    if absent.len() == collections.len() {
        partly.missing.extend(absent.into_iter().take(1));
    }
    if failed == collections.len() {
        return Err(partly.missing.swap_remove(0));
    }
    // One server's similarities compare among its collections.
    partly.passages.sort_by(|a, b| b.score.total_cmp(&a.score));
    let best = partly.passages.first().map_or(1.0, |best| best.score).max(f64::MIN_POSITIVE);
    partly.passages.iter_mut().for_each(|passage| passage.score = (passage.score / best).clamp(0.0, 1.0));
    Ok(partly)
}

/// By turns, ours first: scores of different sources do not compare. What both have is taken once.
fn merged(here: Vec<Passage>, there: Vec<Passage>, top_k: usize) -> Vec<Passage> {
    let ours: HashSet<String> = here.iter().map(|passage| passage.source.clone()).collect();
    let mut there = there.into_iter().filter(|passage| !ours.contains(&passage.source));
    let mut here = here.into_iter();
    let mut texts: HashSet<String> = HashSet::new();
    let mut merged = Vec::new();
    let mut exhausted = 0;
    while merged.len() < top_k && exhausted < 2 {
        exhausted = 0;
        for mut side in [&mut here as &mut dyn Iterator<Item = Passage>, &mut there] {
            let fresh = Iterator::find(&mut side, |passage| texts.insert(squeezed(&passage.text)));
            match fresh {
                Some(passage) => merged.push(passage),
                None => exhausted += 1,
            }
        }
    }
    merged.truncate(top_k);
    merged
}

/// The letters of a text, for telling whether two are the same.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::passage::Collection;

    fn passage(source: &str, text: &str) -> Passage {
        Passage {
            collection: Collection::Notes,
            source: source.into(),
            title: String::new(),
            text: text.into(),
            score: 1.0,
            link: None,
            at: None,
        }
    }

    #[test]
    fn both_sides_take_turns_and_nothing_is_said_twice() {
        let here = vec![passage("a", "one"), passage("b", "two"), passage("c", "three")];
        let there = vec![passage("a", "one, longer"), passage("x", "TWO."), passage("y", "four")];
        let order = |k| -> Vec<String> {
            merged(here.clone(), there.clone(), k).into_iter().map(|passage| passage.source).collect()
        };
        // What was said by the other side a turn before is not said again.
        assert_eq!(order(9), ["a", "x", "c", "y"]);
        assert_eq!(order(1), ["a"]);
        assert!(merged(Vec::new(), Vec::new(), 3).is_empty());
    }
}
