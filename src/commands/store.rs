//! `holmes-bot store`: takes everything out of a store, as lines of JSON, and puts it into another one.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

use crate::app;
use crate::config::{Config, StoreConfig};
use crate::domain::chat::Platform;
use crate::domain::incident::{IncidentId, Origin};
use crate::ports::{DocumentKind, Filter, IncidentRecord, Record, ShownRecord, Store, StoreError, Timer, Versioned};

/// How lines are written; a newer one than this is not read.
const FORMAT: u32 = 1;
/// Entries of the audit asked for at once.
const PAGE: usize = 500;
/// More timers than there can be.
const MOST_TIMERS: usize = 1_000_000;

/// The arguments of `holmes-bot store`.
#[derive(Debug, Args)]
pub struct StoreArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write what the configured store holds to standard output. Stop the bot first.
    Export,
    /// Put an export into the configured store. What is there already stays as it is.
    Import {
        /// The export; `-`: standard input.
        file: PathBuf,
    },
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    holmes_store: u32,
    exported_at: DateTime<Utc>,
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be opened or does not answer, or a line is no record.
pub async fn run(args: &StoreArgs, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let config = Config::from_variables(variables)?;
    let store = app::store(&config).await?;
    let place = match &config.store {
        StoreConfig::Embedded => config.data_dir.display().to_string(),
        StoreConfig::Redis { address, .. } => address.to_string(),
    };
    match &args.command {
        Command::Export => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let counts = export(&*store, Utc::now(), &mut out).await?;
            out.flush().context("write the export")?;
            eprintln!("exported from {place}: {counts}");
        }
        Command::Import { file } => {
            let lines: Box<dyn BufRead> = if file.as_os_str() == "-" {
                Box::new(std::io::stdin().lock())
            } else {
                let opened = std::fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
                Box::new(std::io::BufReader::new(opened))
            };
            let counts = import(&*store, lines).await?;
            eprintln!("imported into {place}: {counts}");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// How much was carried.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Incidents.
    pub incidents: usize,
    /// Timers.
    pub timers: usize,
    /// Documents of all kinds.
    pub documents: usize,
    /// Entries of the audit.
    pub audit: usize,
    /// Records that were there already.
    pub there: usize,
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { incidents, timers, documents, audit, there } = self;
        write!(f, "{incidents} incidents, {timers} timers, {documents} documents, {audit} entries of the audit")?;
        if *there > 0 {
            write!(f, "; {there} were there already")?;
        }
        Ok(())
    }
}

impl Counts {
    fn join(&mut self, other: &Self) {
        self.incidents += other.incidents;
        self.timers += other.timers;
        self.documents += other.documents;
        self.audit += other.audit;
    }

    fn add(&mut self, record: &Record) {
        match record {
            Record::Incident(_) => self.incidents += 1,
            Record::Timer { .. } => self.timers += 1,
            Record::Document { .. } => self.documents += 1,
            Record::Audit(_) => self.audit += 1,
        }
    }
}

/// Writes all that `store` holds, a record a line.
///
/// # Errors
/// When the store does not answer, `out` cannot be written, or events wait that no export would carry.
pub async fn export(store: &dyn Store, now: DateTime<Utc>, out: &mut impl Write) -> anyhow::Result<Counts> {
    let inbox = store.inbox().await?;
    if inbox.waiting > 0 {
        bail!("{} events wait to be handled: let the bot run until there are none, then stop it", inbox.waiting);
    }
    let mut counts = Counts::default();
    line(out, &Header { holmes_store: FORMAT, exported_at: now })?;
    let mut write = |record: Record| {
        counts.add(&record);
        line(out, &record)
    };
    for origin in [Origin::Alerts, Origin::Question] {
        let mut incidents = store.list(Filter { status: None, origin, limit: usize::MAX }).await?;
        // Oldest first: of several incidents of one key, the newest is to be found by it.
        incidents.reverse();
        for incident in incidents {
            if let Some(record) = incident_record(store, &incident.id).await? {
                write(Record::Incident(Box::new(record)))?;
            }
        }
    }
    for Timer { key, due, event } in store.due(MOST_TIMERS, DateTime::<Utc>::MAX_UTC).await? {
        write(Record::Timer { key, due, event })?;
    }
    for kind in DocumentKind::ALL {
        for document in store.documents(kind, 0).await? {
            if let Some(body) = document.body {
                write(Record::Document { kind, key: document.key, body })?;
            }
        }
    }
    let mut from = 1;
    loop {
        let page = store.audit(from, PAGE).await?;
        let Some(last) = page.last().map(|entry| entry.seq) else { break };
        for entry in page {
            write(Record::Audit(entry))?;
        }
        from = last + 1;
    }
    Ok(counts)
}

fn line(out: &mut impl Write, value: &impl Serialize) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(value).context("write a record")?;
    line.push(b'\n');
    out.write_all(&line).context("write the export")
}

async fn incident_record(store: &dyn Store, id: &IncidentId) -> Result<Option<IncidentRecord>, StoreError> {
    let Some(Versioned { version, value: incident }) = store.incident(id).await? else { return Ok(None) };
    let mut shown = Vec::new();
    for platform in Platform::ALL {
        let Versioned { version, value: projection } = store.projection(platform, id).await?;
        if version > 0 {
            shown.push(ShownRecord { platform, version, projection });
        }
    }
    Ok(Some(IncidentRecord {
        version,
        incident,
        investigation: store.investigation(id).await?,
        thread: store.thread(id).await?,
        proposals: store.proposals(id).await?,
        shown,
    }))
}

/// Puts an export into `store`. Doing it again changes nothing, so an import that was interrupted is repeated.
///
/// # Errors
/// When a line is no record, the store does not take one, or its audit is another one.
pub async fn import(store: &dyn Store, lines: impl BufRead) -> anyhow::Result<Counts> {
    let mut counts = Counts::default();
    for (index, text) in lines.lines().enumerate() {
        let number = index + 1;
        let text = text.with_context(|| format!("read line {number}"))?;
        if index == 0 {
            let header: Header = serde_json::from_str(&text).context("this is no export of a store")?;
            if header.holmes_store > FORMAT {
                bail!("a newer release wrote this export (format {})", header.holmes_store);
            }
            continue;
        }
        let record: Record = serde_json::from_str(&text).with_context(|| format!("line {number} is no record"))?;
        let mut one = Counts::default();
        one.add(&record);
        match store.restore(record).await {
            Ok(true) => counts.join(&one),
            Ok(false) => counts.there += 1,
            Err(StoreError::Conflict(what)) => {
                bail!("line {number}: {what} does not follow the audit that is in the store: import into an empty one")
            }
            Err(error) => return Err(error).with_context(|| format!("take line {number}")),
        }
    }
    Ok(counts)
}
