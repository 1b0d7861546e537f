//! `holmes-bot knowledge`: what is written, for people at a terminal: search, list, add-note, delete, sync.
//!
//! The embedded store belongs to one process. While the bot runs, these commands ask it over its API instead.

mod access;

use std::collections::BTreeMap;
use std::io::{Read as _, Write};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Serialize;

use self::access::Access;
use crate::adapters::knowledge::{Found, NamedNote, Noted};
use crate::adapters::openwebui::sync::{Missing, Synced};
use crate::config::Config;
use crate::domain::note::{MAX_NOTE_BYTES, Note};
use crate::domain::passage::{Passage, Search};
use crate::domain::past_incident::PastIncident;

/// Results of a search when `-k` does not say.
const DEFAULT_RESULTS: usize = 5;
/// Lines of a passage that are shown.
const SHOWN_LINES: usize = 6;

/// The arguments of `holmes-bot knowledge`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Search everything that is written, here and in Open WebUI.
    Search {
        /// The text; several arguments are one text.
        #[arg(required = true)]
        query: Vec<String>,
        /// runbooks, incidents, notes or all.
        #[arg(long, default_value = "all")]
        collection: Search,
        /// How many results.
        #[arg(short = 'k', long = "limit", default_value_t = DEFAULT_RESULTS)]
        limit: usize,
    },
    /// List notes and past incidents, newest first.
    List,
    /// Take a note.
    AddNote {
        /// Markdown; `-` reads it from standard input.
        content: String,
        /// One line; without it the first line of the content.
        #[arg(long, default_value = "")]
        title: String,
        /// A word to find it by; may be repeated.
        #[arg(long = "tag", value_name = "TAG")]
        tags: Vec<String>,
        /// Who writes it.
        #[arg(long, default_value = "command line")]
        author: String,
    },
    /// Delete a note, here and in Open WebUI.
    Delete {
        /// Its name, as `list` gives it.
        id: String,
    },
    /// Give Open WebUI the runbooks, the closed incidents and the notes. Can be run again at any time.
    Sync {
        /// Make the collections that are missing.
        #[arg(long)]
        create: bool,
    },
}

/// Notes and past incidents, newest first.
#[derive(Debug, Serialize)]
struct Listed {
    notes: Vec<NamedNote>,
    incidents: Vec<PastIncident>,
}

/// Runs the command; the exit code is 1 when something was not found or not done.
///
/// # Errors
/// When the configuration is wrong, or neither the store nor the running bot can be had.
pub async fn run(arguments: Arguments, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let config = Config::from_variables(variables)?;
    let Arguments { command, json } = arguments;
    let access = Access::open(&config).await?;
    let mut out = std::io::stdout().lock();
    let done = match command {
        Command::Search { query, collection, limit } => {
            let found = access.search(collection, &query.join(" "), limit).await?;
            print(&mut out, json, &found, show_found)?;
            !found.passages.is_empty()
        }
        Command::List => {
            let (notes, incidents) = access.list().await?;
            print(&mut out, json, &Listed { notes, incidents }, show_list)?;
            true
        }
        Command::AddNote { content, title, tags, author } => {
            let note = Note::new(&title, &read(content)?, tags, &author, chrono::Utc::now());
            let noted = access.add_note(note.map_err(anyhow::Error::msg)?).await?;
            print(&mut out, json, &noted, show_noted)?;
            noted.missing.is_empty()
        }
        Command::Delete { id } => {
            let noted = access.delete_note(&id).await?;
            let noted = noted.with_context(|| format!("there is no note `{id}`; `knowledge list` shows them"))?;
            print(&mut out, json, &noted, show_noted)?;
            noted.missing.is_empty()
        }
        Command::Sync { create } => {
            let synced = access.sync(if create { Missing::Create } else { Missing::Fail }).await?;
            print(&mut out, json, &synced, |out, synced| show_synced(out, synced))?;
            synced.iter().all(|synced| synced.failed.is_empty())
        }
    };
    out.flush()?;
    Ok(if done { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The content, from standard input where it is `-`; one byte more than may be is read, so that too much is noticed.
fn read(content: String) -> anyhow::Result<String> {
    if content != "-" {
        return Ok(content);
    }
    let mut text = String::new();
    let most = MAX_NOTE_BYTES as u64 + 1;
    std::io::stdin().lock().take(most).read_to_string(&mut text).context("read the note from standard input")?;
    Ok(text)
}

fn print<T: Serialize>(
    out: &mut impl Write,
    json: bool,
    value: &T,
    show: impl FnOnce(&mut dyn Write, &T) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    if json {
        serde_json::to_writer_pretty(&mut *out, value)?;
        writeln!(out)?;
    } else {
        show(out, value)?;
    }
    Ok(())
}

fn show_found(out: &mut dyn Write, Found { passages, missing }: &Found) -> std::io::Result<()> {
    for Passage { source, title, text, score, link, at, collection: _ } in passages {
        let at = at.map_or_else(String::new, |at| format!("  {}", at.format("%Y-%m-%d")));
        writeln!(out, "{score:.2}  {source}  {title}{at}")?;
        for line in text.lines().filter(|line| !line.trim().is_empty()).take(SHOWN_LINES) {
            writeln!(out, "      {line}")?;
        }
        if let Some(link) = link {
            writeln!(out, "      {link}")?;
        }
    }
    if passages.is_empty() {
        writeln!(out, "nothing found")?;
    }
    show_missing(out, missing)
}

fn show_missing(out: &mut dyn Write, missing: &[String]) -> std::io::Result<()> {
    missing.iter().try_for_each(|why| writeln!(out, "no answer: {why}"))
}

fn show_list(out: &mut dyn Write, Listed { notes, incidents }: &Listed) -> std::io::Result<()> {
    for NamedNote { id, note } in notes {
        writeln!(out, "{id}  {}  {}  {}", note.at.format("%Y-%m-%d"), note.author, note.title)?;
    }
    for past in incidents {
        let minutes = (past.resolved_at - past.started_at).num_minutes();
        writeln!(out, "{}  {}  {minutes} min  {}", past.id, past.started_at.format("%Y-%m-%d %H:%M"), past.title)?;
        if let Some(cause) = &past.cause {
            writeln!(out, "              {}", cause.claim)?;
        }
    }
    writeln!(out, "{} notes, {} past incidents", notes.len(), incidents.len())
}

fn show_noted(out: &mut dyn Write, Noted { id, missing }: &Noted) -> std::io::Result<()> {
    writeln!(out, "{id}")?;
    show_missing(out, missing)
}

fn show_synced(out: &mut dyn Write, all: &[Synced]) -> std::io::Result<()> {
    for Synced { collection, added, replaced, removed, unchanged, failed } in all {
        writeln!(
            out,
            "{collection}: {added} added, {replaced} replaced, {removed} removed, {unchanged} unchanged, {} failed",
            failed.len()
        )?;
        failed.iter().try_for_each(|why| writeln!(out, "  {why}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::passage::Collection;

    #[test]
    fn what_is_found_is_shown_with_its_source() {
        let passage = Passage {
            collection: Collection::Runbooks,
            source: "runbook oom-killed".into(),
            title: "Killed › Mend".into(),
            text: "Raise the limit.\n\nOr find the leak.".into(),
            score: 0.876,
            link: None,
            at: None,
        };
        let found = Found { passages: vec![passage], missing: vec!["Open WebUI: connection refused".into()] };
        let mut out = Vec::new();
        show_found(&mut out, &found).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        0.88  runbook oom-killed  Killed › Mend
              Raise the limit.
              Or find the leak.
        no answer: Open WebUI: connection refused
        ");
    }
}
