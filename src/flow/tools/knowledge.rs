//! What is written: runbooks, past incidents, notes.

use super::{Brought, Toolbox, about_namespace};
use crate::agent::tools::Tool;
use crate::domain::evidence::{EvidenceData, Source};
use crate::domain::note::Note;
use crate::domain::passage::Search;

impl Toolbox<'_> {
    pub(super) async fn search(&self, tool: &Tool) -> Brought {
        let (what, query, top_k) = match tool {
            Tool::SearchRunbooks { query, top_k } => (Search::Runbooks, query, *top_k),
            Tool::SearchIncidentHistory { query, top_k } => (Search::Incidents, query, *top_k),
            Tool::SearchKnowledge { query, top_k } => (Search::All, query, *top_k),
            other => return Brought::Words(format!("error: {} searches nothing", other.name())),
        };
        let found = self.context.knowledge.search(what, query, top_k).await;
        let missing: String = found.missing.iter().map(|line| format!("\nnot searched: {line}")).collect();
        if found.passages.is_empty() {
            return Brought::Words(format!("nothing is written about that{missing}"));
        }
        let data = EvidenceData::Passages { passages: found.passages };
        let query = format!("search {}: {query}", what.as_str());
        self.evidence(Source::Knowledge, about_namespace(None), query, self.window(0), data)
    }

    pub(super) async fn note(&self, content: &str, tags: &[String]) -> Brought {
        let clean = self.context.redactor.redact(content);
        let note = match Note::new("", &clean, tags.iter().cloned(), &self.author, (self.context.clock)()) {
            Ok(note) => note,
            Err(problem) => return Brought::Words(format!("error: {problem}")),
        };
        match self.context.knowledge.add_note(note).await {
            Ok(_) => Brought::Words("the note is kept".into()),
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }
}
