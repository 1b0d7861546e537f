//! The audit's one chain, to which every commit of every replica adds.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::anyhow;
use chrono::{DateTime, Utc};

use super::args::{Args, from_json};
use super::ask::PAGE;
use super::commit;
use super::link::Link;
use super::script::Script;
use crate::domain::audit::{AuditDraft, AuditEntry};
use crate::domain::event::EventId;
use crate::domain::incident::IncidentId;
use crate::ports::{StoreError, Write};

/// Times a commit is made anew because another one was faster with its entry in the audit; each time one of them
/// succeeded, and there are as many at once as there are tasks in all replicas.
const MAX_OVERTAKEN: usize = 200;

static AUDIT: Script = Script::new(include_str!("lua/audit.lua"));

/// The audit's last entry as it was seen last: what a commit guesses that its own entries follow.
#[derive(Default)]
pub(super) struct Head(Mutex<Option<AuditEntry>>);

impl Head {
    fn lock(&self) -> MutexGuard<'_, Option<AuditEntry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all of it, with what is to be remembered at the end of the audit, wherever that is by then.
    pub(super) async fn write(
        &self,
        link: &Link,
        writes: &[Write],
        drafts: &[&AuditDraft],
        handled: &[EventId],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut head = self.lock().clone();
        for _ in 0..MAX_OVERTAKEN {
            let mut entries: Vec<AuditEntry> = Vec::with_capacity(drafts.len());
            for draft in drafts {
                entries.push(AuditEntry::after(entries.last().or(head.as_ref()), (*draft).clone()));
            }
            let follows = head.as_ref().map_or("", |entry| entry.hash.as_str());
            let args = commit::arguments(writes, &entries, follows, handled, now)?;
            let mut answer = link.run(&commit::COMMIT, &args).await?;
            match answer.word() {
                b"ok" => {
                    if let Some(last) = entries.pop() {
                        *self.lock() = Some(last);
                    }
                    return Ok(());
                }
                b"conflict" => return Err(StoreError::Conflict(IncidentId(answer.text()?))),
                b"lease" => return Err(StoreError::LeaseLost(answer.text()?)),
                b"head" => {
                    let last = answer.bytes()?;
                    head = if last.is_empty() { None } else { Some(from_json(&last)?) };
                }
                _ => return Err(answer.unknown()),
            }
        }
        Err(StoreError::Unavailable(anyhow!("others were faster with the audit {MAX_OVERTAKEN} times")))
    }
}

/// The chain from `seq` on, by the page.
pub(super) async fn read(link: &Link, from: u64, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
    let mut from = from;
    let mut found = Vec::new();
    while found.len() < most {
        let page = PAGE.min(most - found.len());
        let mut answer = link.run(&AUDIT, &Args::default().number(from).number(page as u64)).await?;
        if answer.is_over() {
            break;
        }
        while !answer.is_over() {
            let entry: AuditEntry = answer.json()?;
            from = entry.seq + 1;
            found.push(entry);
        }
    }
    Ok(found)
}

/// Puts an entry at the end of the audit, if it follows what is there; `false` where it is already.
pub(super) async fn restore(link: &Link, entry: AuditEntry) -> Result<bool, StoreError> {
    let there = read(link, entry.seq, 1).await?.pop();
    if there.as_ref() == Some(&entry) {
        return Ok(false);
    }
    let (seq, follows) = (entry.seq, entry.previous.clone());
    let args = commit::arguments(&[], &[entry], &follows, &[], DateTime::UNIX_EPOCH)?;
    match link.run(&commit::COMMIT, &args).await?.word() {
        b"ok" => Ok(true),
        _ => Err(StoreError::Conflict(IncidentId(format!("audit:{seq}")))),
    }
}
