//! `holmes-bot audit`: who did what, from Redis, or from the running bot or, when it is down, its file; and whether the chain holds.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use crate::app;
use crate::config::{Config, StoreConfig};
use crate::domain::audit::{AuditEntry, Chain};
use crate::ports::Store;

/// Entries asked for at once.
const PAGE: usize = 500;
/// How long the bot may take to answer a page.
const ANSWER: Duration = Duration::from_secs(10);

/// The arguments of `holmes-bot audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the newest entries.
    Show {
        /// Only those of this incident.
        #[arg(long)]
        incident: Option<String>,
        /// Only those whose action begins so: proposal, execution.begun.
        #[arg(long)]
        action: Option<String>,
        /// At most so many, newest last.
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: usize,
    },
    /// Check that no entry was changed, removed or put in. Fails and says where when one was.
    Verify {
        /// An export to check, instead of the bot's own entries.
        #[arg(long)]
        file: Option<PathBuf>,
        /// A head noted earlier, as this command prints it: it must still be in the chain.
        #[arg(long, value_name = "SEQ:HASH", value_parser = anchor)]
        anchor: Option<(u64, String)>,
    },
    /// Write all entries as lines of JSON.
    Export {
        /// From this entry on.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

fn anchor(text: &str) -> Result<(u64, String), String> {
    let wrong = || format!("`{text}` is not like 120:9f3c…");
    let (seq, hash) = text.split_once(':').ok_or_else(wrong)?;
    Ok((seq.parse().map_err(|_| wrong())?, hash.to_owned()))
}

/// Runs the command, writing its answer to `out`.
///
/// # Errors
/// When neither the bot nor its file can be read.
pub async fn run(
    args: &AuditArgs,
    variables: &BTreeMap<String, String>,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Show { incident, action, limit } => {
            let mut newest = VecDeque::new();
            Source::open(variables)
                .await?
                .each(1, |entry| {
                    let about = incident
                        .as_ref()
                        .is_none_or(|id| entry.draft.incident.as_ref().is_some_and(|own| own.0 == *id));
                    if about && action.as_ref().is_none_or(|action| entry.draft.action.starts_with(action.as_str())) {
                        newest.push_back(entry);
                        if newest.len() > *limit {
                            newest.pop_front();
                        }
                    }
                    Ok(())
                })
                .await?;
            for entry in newest {
                writeln!(out, "{}", line(&entry))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Verify { file, anchor } => {
            let mut chain = Chain::default();
            let mut anchored = anchor.is_none();
            let mut look = |entry: AuditEntry| {
                anchored |= anchor.as_ref().is_some_and(|(seq, hash)| entry.seq == *seq && entry.hash == *hash);
                chain.add(entry);
                Ok(())
            };
            match file {
                Some(file) => from_file(file, look)?,
                None => Source::open(variables).await?.each(1, &mut look).await?,
            }
            verdict(&chain, anchored, out)
        }
        Command::Export { from } => {
            let write = |entry: AuditEntry| Ok(writeln!(out, "{}", serde_json::to_string(&entry)?)?);
            Source::open(variables).await?.each(*from, write).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn line(entry: &AuditEntry) -> String {
    let draft = &entry.draft;
    let incident = draft.incident.as_ref().map_or("-", |incident| incident.0.as_str());
    let at = draft.at.format("%Y-%m-%d %H:%M:%S");
    format!("{:>6} {at} {:<22} {:<24} {incident:<12} {}", entry.seq, draft.actor, draft.action, draft.detail)
}

fn verdict(chain: &Chain, anchored: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if let Some(seq) = chain.broken_at() {
        writeln!(out, "BROKEN at entry {seq}: it was changed, or one before it was removed or put in")?;
        return Ok(ExitCode::FAILURE);
    }
    let Some(head) = chain.head() else {
        writeln!(out, "there are no entries")?;
        return Ok(if anchored { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    if !anchored {
        writeln!(out, "BROKEN: the entry noted earlier is not in the chain: it was written anew or cut off")?;
        return Ok(ExitCode::FAILURE);
    }
    // Whoever can rewrite the whole file can make a whole chain: only a head kept elsewhere tells.
    writeln!(out, "ok: {} entries, head {}:{}", chain.count(), head.seq, head.hash)?;
    Ok(ExitCode::SUCCESS)
}

fn from_file(file: &PathBuf, mut each: impl FnMut(AuditEntry) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let lines = std::fs::File::open(file).with_context(|| format!("open {}", file.display()))?;
    for (index, line) in std::io::BufReader::new(lines).lines().enumerate() {
        let place = || format!("{}:{}", file.display(), index + 1);
        let line = line.with_context(place)?;
        if !line.trim().is_empty() {
            each(serde_json::from_str(&line).with_context(|| format!("{} is no entry of the audit", place()))?)?;
        }
    }
    Ok(())
}

/// Where entries come from.
enum Source {
    /// The running bot, which holds its file.
    Bot { client: reqwest::Client, url: String, token: Option<String> },
    /// Redis, or the file of a bot that is down.
    Store(Arc<dyn Store>),
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<AuditEntry>,
}

impl Source {
    async fn open(variables: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let config = Config::from_variables(variables)?;
        if matches!(config.store, StoreConfig::Redis { .. }) {
            return app::store(&config).await.map(Self::Store);
        }
        let mut address = config.listen;
        if address.ip().is_unspecified() {
            address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
        }
        let client = reqwest::Client::builder().timeout(ANSWER).no_proxy().build().context("make an HTTP client")?;
        let token = config.api_token.as_ref().map(|token| token.expose_secret().to_owned());
        let bot = Self::Bot { client, url: format!("http://{address}/api/v1/audit"), token };
        match bot.page(1, 1).await {
            Ok(_) => Ok(bot),
            Err(error) if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) => {
                let directory = &config.data_dir;
                if !directory.join("holmes.redb").is_file() {
                    bail!(
                        "no bot answers on {address} (HOLMES_LISTEN), and there is no store in {}",
                        directory.display()
                    );
                }
                app::store(&config).await.map(Self::Store)
            }
            Err(error) => Err(error),
        }
    }

    async fn page(&self, from: u64, most: usize) -> anyhow::Result<Vec<AuditEntry>> {
        match self {
            Self::Store(store) => Ok(store.audit(from, most).await?),
            Self::Bot { client, url, token } => {
                let mut request = client.get(url).query(&[("from", from), ("limit", most as u64)]);
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                let answer = request.send().await?;
                if answer.status() == reqwest::StatusCode::UNAUTHORIZED {
                    bail!("the bot refuses HOLMES_API_TOKEN");
                }
                Ok(answer
                    .error_for_status()
                    .context("ask the bot")?
                    .json::<Page>()
                    .await
                    .context("read its answer")?
                    .entries)
            }
        }
    }

    async fn each(&self, from: u64, mut each: impl FnMut(AuditEntry) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let mut from = from.max(1);
        loop {
            let page = self.page(from, PAGE).await?;
            let Some(last) = page.last().map(|entry| entry.seq) else { return Ok(()) };
            // Guards against a store that would answer the same page for ever.
            anyhow::ensure!(last >= from, "entries are out of order at {last}");
            for entry in page {
                each(entry)?;
            }
            from = last + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::AuditDraft;

    fn chain(count: u64) -> Vec<AuditEntry> {
        let mut chain: Vec<AuditEntry> = Vec::new();
        for number in 0..count {
            let draft = AuditDraft {
                at: chrono::DateTime::UNIX_EPOCH,
                actor: "slack:U1".into(),
                action: "proposal.approved".into(),
                incident: None,
                detail: number.to_string(),
            };
            chain.push(AuditEntry::after(chain.last(), draft));
        }
        chain
    }

    async fn verify(entries: &[AuditEntry], anchor: Option<(u64, String)>) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lines: Vec<String> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        std::fs::write(file.path(), lines.join("\n")).unwrap();
        let args = AuditArgs { command: Command::Verify { file: Some(file.path().into()), anchor } };
        let mut out = Vec::new();
        run(&args, &BTreeMap::new(), &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    #[tokio::test]
    async fn an_export_is_checked_without_the_bot() {
        let mut entries = chain(4);
        let anchor = (2, entries[1].hash.clone());
        assert!(verify(&entries, Some(anchor.clone())).await.starts_with("ok: 4 entries, head 4:"));
        entries[2].draft.actor = "slack:U2".into();
        assert!(verify(&entries, None).await.starts_with("BROKEN at entry 3"));
        entries.remove(2);
        assert!(verify(&entries, None).await.starts_with("BROKEN at entry 4"));
        // A chain written anew is whole; the head that was noted earlier is not in it.
        let mut anew = chain(4);
        anew[0].draft.detail = "forged".into();
        let forged = anew.into_iter().fold(Vec::<AuditEntry>::new(), |mut all, entry| {
            all.push(AuditEntry::after(all.last(), entry.draft));
            all
        });
        assert!(verify(&forged, None).await.starts_with("ok: 4 entries"));
        assert!(verify(&forged, Some(anchor)).await.starts_with("BROKEN: the entry noted earlier"));
        assert!(verify(&chain(3)[1..], None).await.starts_with("ok: 2 entries"), "after pruning");
    }
}
