//! The library: every runbook that is in force, with one answer each to "which fit this alert" and "what is written
//! about this".

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::Path;

use anyhow::Context;

use super::rank::Ranker;
use super::{directory, embedded, excerpt};
use crate::domain::redact::Redactor;
use crate::domain::runbook::matching::{self, BY_RULE};
use crate::domain::runbook::source::stem;
use crate::domain::runbook::{LintProblem, Origin, Query, Runbook, RunbookMatch};

/// Runbooks named for one alert. People read the first, the model a few.
const MAX_MATCHES: usize = 8;
/// Below this a likeness of texts is chance.
const LEAST_LIKENESS: f64 = 0.25;

/// Whether the embedded runbooks are part of a library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The embedded runbooks, of which a directory's files replace those of the same name.
    Embedded,
    /// Only what the directory holds.
    Nothing,
}

/// A piece of a runbook that answers a search.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Hit {
    /// The runbook's id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// How well it fits, from 0 to 1.
    pub score: f64,
    /// Its file, relative to its directory.
    pub path: String,
    /// The section that fits best, shortened.
    pub excerpt: String,
}

/// Runbooks, ready to be matched and searched.
pub struct Library {
    runbooks: Vec<Runbook>,
    ranker: Ranker,
}

impl Library {
    /// Loads the runbooks in force. What is wrong with a file is returned beside, and costs no other file.
    pub fn load(base: Base, directory: Option<&Path>) -> anyhow::Result<(Self, Vec<LintProblem>)> {
        let (shipped, mut problems) = match base {
            Base::Embedded => embedded::read(),
            Base::Nothing => (Vec::new(), Vec::new()),
        };
        let (own, found) = directory.map(directory::read).unwrap_or_default();
        problems.extend(found);
        let library = Self::of(overlaid(shipped, own))?;
        Ok((library, problems))
    }

    /// A library of these runbooks. Ids are made unique, and secrets go here, for all who read: threads, pages, models,
    /// clients, other systems.
    pub fn of(mut runbooks: Vec<Runbook>) -> anyhow::Result<Self> {
        give_ids(&mut runbooks);
        let redactor = Redactor::new();
        for runbook in &mut runbooks {
            if let Cow::Owned(clean) = redactor.redact(&runbook.prose) {
                runbook.prose = clean;
            }
        }
        let ranker = Ranker::build(&runbooks).context("index the runbooks")?;
        Ok(Self { runbooks, ranker })
    }

    /// Every runbook, the embedded ones first, each part by path.
    pub fn all(&self) -> &[Runbook] {
        &self.runbooks
    }

    /// The runbook with this id; a path without extension also finds it.
    pub fn get(&self, id: &str) -> Option<&Runbook> {
        let by_path = || self.runbooks.iter().find(|runbook| without_extension(&runbook.path) == id);
        self.runbooks.iter().find(|runbook| runbook.id == id).or_else(by_path)
    }

    /// The runbooks that fit an alert, best first: those that match by rule, then those whose text is like the alert's.
    pub fn matching(&self, query: &Query) -> anyhow::Result<Vec<RunbookMatch>> {
        let likeness: HashMap<usize, f64> = self
            .ranker
            .search(&query.text(), MAX_MATCHES * 2)?
            .into_iter()
            .map(|found| (found.number, found.score))
            .collect();
        let mut matches: Vec<(RunbookMatch, Origin)> = Vec::new();
        for (number, runbook) in self.runbooks.iter().enumerate() {
            let alike = likeness.get(&number).copied().unwrap_or_default();
            if let Some(mut by_rule) = matching::by_rule(runbook, query) {
                // Settles ties between rules that fit equally well, and nothing else.
                by_rule.score = (by_rule.score + alike / 1000.0).min(1.0);
                matches.push((by_rule, runbook.origin));
            } else if alike >= LEAST_LIKENESS && applies(runbook, query) {
                let why = "its text is like the alert's".to_owned();
                let (id, title) = (runbook.id.clone(), runbook.title.clone());
                matches.push((RunbookMatch { id, title, score: alike * BY_RULE * 0.99, why }, runbook.origin));
            }
        }
        let own_first = |origin: Origin| u8::from(origin == Origin::Embedded);
        matches.sort_by(|(a, a_from), (b, b_from)| {
            b.score.total_cmp(&a.score).then(own_first(*a_from).cmp(&own_first(*b_from))).then(a.id.cmp(&b.id))
        });
        matches.truncate(MAX_MATCHES);
        Ok(matches.into_iter().map(|(found, _)| found).collect())
    }

    /// The best `k` runbooks for any text, best first.
    pub fn search(&self, text: &str, k: usize) -> anyhow::Result<Vec<Hit>> {
        let found = self.ranker.search(text, k).context("search the runbooks")?;
        let hits = found.into_iter().filter_map(|found| {
            let runbook = self.runbooks.get(found.number)?;
            Some(Hit {
                id: runbook.id.clone(),
                title: runbook.title.clone(),
                score: (found.score * 1000.0).round() / 1000.0,
                path: runbook.path.clone(),
                excerpt: excerpt::of(&runbook.prose, found.section),
            })
        });
        Ok(hits.collect())
    }
}

/// Whether the labels that a runbook asks for are there. One that is for another cluster is not like this alert either.
fn applies(runbook: &Runbook, query: &Query) -> bool {
    let value = |name: &str| query.labels.get(name).map_or("", String::as_str);
    runbook.matcher.labels.iter().all(|(name, pattern)| pattern.fits(value(name)))
}

/// The operator's file takes the place of ours of the same name.
fn overlaid(shipped: Vec<Runbook>, own: Vec<Runbook>) -> Vec<Runbook> {
    let names: HashSet<String> = own.iter().map(|runbook| stem(&runbook.path).to_owned()).collect();
    let kept = shipped.into_iter().filter(|runbook| !names.contains(stem(&runbook.path)));
    kept.chain(own).collect()
}

/// Where a file's name is not unique, its path without extension is its id.
fn give_ids(runbooks: &mut [Runbook]) {
    let mut uses: HashMap<String, usize> = HashMap::new();
    for runbook in runbooks.iter() {
        *uses.entry(runbook.id.clone()).or_default() += 1;
    }
    for runbook in runbooks.iter_mut().filter(|runbook| uses.get(&runbook.id).is_some_and(|uses| *uses > 1)) {
        // A runbook that shares its file with others has an id of two parts: the file's, and its own.
        let own_part = runbook.id.strip_prefix(stem(&runbook.path)).unwrap_or_default().to_owned();
        runbook.id = format!("{}{own_part}", without_extension(&runbook.path));
    }
    // `a.md` beside `a.yaml`, or `a.md` beside `a.markdown`: the extension is all that tells them apart.
    let mut seen = HashSet::new();
    for runbook in runbooks.iter_mut() {
        if !seen.insert(runbook.id.clone()) {
            runbook.id = runbook.path.clone();
            seen.insert(runbook.id.clone());
        }
    }
}

fn without_extension(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(name, _)| name)
}

#[cfg(test)]
mod tests;
