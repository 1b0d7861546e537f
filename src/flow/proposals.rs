//! The one way to change a proposal: read the incident, then the proposal; change both; write both with the post that
//! shows it; again if somebody else was faster.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::circumstances::Read;
use super::{AUTHOR, Context, MAX_CONFLICTS};
use crate::domain::audit::AuditDraft;
use crate::domain::chat::Place;
use crate::domain::event::Event;
use crate::domain::incident::{Incident, IncidentId};
use crate::domain::policy::Decision;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::proposal::{Proposal, ProposalId, Step};
use crate::ports::{Lease, StoreError, Timer, Write};

/// What a change of proposals brings.
#[derive(Debug, Clone, Default)]
pub struct Altered {
    /// Those that changed or are new.
    pub proposals: Vec<Proposal>,
    /// Timers to set.
    pub timers: Vec<Timer>,
    /// Timers to clear, by key.
    pub cleared: Vec<String>,
    /// What to remember.
    pub audit: Vec<AuditDraft>,
}

impl Altered {
    /// What a step of one proposal brings.
    pub fn by(step: Step) -> Self {
        let mut altered = Self::default();
        altered.and(step);
        altered
    }

    /// Besides, what a step of another brings. One that is settled needs no end any more.
    pub fn and(&mut self, step: Step) {
        let Step { proposal, audit, .. } = step;
        if proposal.state.is_settled() {
            self.cleared.push(expiry_key(&proposal.id));
        }
        self.audit.extend(audit);
        self.proposals.push(proposal);
    }
}

/// What `change` sees.
pub struct Seen<'a> {
    /// The incident, to be changed with its proposals.
    pub incident: &'a mut Incident,
    /// All of its proposals, oldest first.
    pub proposals: Vec<Proposal>,
    /// What decisions depend on.
    pub read: &'a Read,
}

impl Seen<'_> {
    /// One of its proposals.
    pub fn take(&mut self, id: &ProposalId) -> Option<Proposal> {
        let at = self.proposals.iter().position(|proposal| proposal.id == *id)?;
        Some(self.proposals.swap_remove(at))
    }
}

/// Lets `change` change an incident's proposals, and writes them; `None` from it leaves all as it is. What it gives back
/// is given when it is written, and dropped when somebody else was faster: `change` is then called again.
///
/// # Errors
/// When the store does not take it, the lease is lost, or others were faster too often.
pub async fn alter<T>(
    context: &Context,
    id: &IncidentId,
    lease: Option<&Lease>,
    mut change: impl FnMut(Seen<'_>) -> Option<(Altered, T)>,
) -> Result<Option<T>, StoreError> {
    for _ in 0..MAX_CONFLICTS {
        // The incident first: a proposal that changes raises the incident's version, so an old pair is refused.
        let Some(mut incident) = context.store.incident(id).await? else { return Ok(None) };
        let proposals = context.store.proposals(id).await?;
        let record = context.store.investigation(id).await?.unwrap_or_default();
        let read = Read::of(context, &record).await?;
        let seen = Seen { incident: &mut incident.value, proposals, read: &read };
        let Some((altered, given)) = change(seen) else { return Ok(None) };
        let Altered { mut proposals, timers, cleared, audit } = altered;
        let posts = proposals.iter_mut().map(|proposal| show(context, &incident.value, proposal, &read)).collect();
        let write = Write { proposals, timers, cleared, audit, posts, lease: lease.cloned(), ..Write::new(incident) };
        match context.commit(vec![write], &[]).await {
            Ok(()) => return Ok(Some(given)),
            Err(StoreError::Conflict(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Conflict(id.clone()))
}

/// Notes in a proposal whether anybody may approve it now, and gives the entry that shows it.
fn show(context: &Context, incident: &Incident, proposal: &mut Proposal, read: &Read) -> PostDraft {
    let id = proposal.id.clone();
    let decision = read.of_decision(context, incident, &id, |circumstances| proposal.judge(circumstances));
    proposal.offered = matches!(decision, Decision::NeedsApproval(_));
    PostDraft {
        key: id.post_key(),
        kind: PostKind::Proposal,
        author: AUTHOR.into(),
        text: context.render.proposal(proposal, &decision, &context.policy),
        evidence: proposal.why.evidence.clone(),
        at: read.now(),
    }
}

/// Where an incident's proposals may be decided now: the console, and the channels in which chats show the incident.
///
/// # Errors
/// When the store does not answer.
pub async fn places(context: &Context, incident: &IncidentId) -> Result<BTreeSet<String>, StoreError> {
    let mut places = BTreeSet::from([Place::Console.to_string()]);
    for platform in context.platforms() {
        let shown = context.store.projection(platform, incident).await?.value;
        if !shown.channel.is_empty() {
            places.insert(Place::Channel(platform, shown.channel).to_string());
        }
    }
    Ok(places)
}

/// The timer that ends a proposal nobody decides on.
pub fn expiry(proposal: &Proposal) -> Timer {
    let event = Event::Expire { incident: proposal.incident.clone(), proposal: proposal.id.clone() };
    Timer { key: expiry_key(&proposal.id), due: proposal.expires_at, event }
}

fn expiry_key(proposal: &ProposalId) -> String {
    format!("expire:{proposal}")
}

/// The timer that has an approved proposal done, or goes on with it.
pub fn execution(proposal: &Proposal, due: DateTime<Utc>) -> Timer {
    let event = Event::Execute { incident: proposal.incident.clone(), proposal: proposal.id.clone() };
    Timer { key: execution_key(&proposal.id), due, event }
}

/// The key of [`execution`].
pub fn execution_key(proposal: &ProposalId) -> String {
    format!("execute:{proposal}")
}

/// Ends a proposal whose time is over.
///
/// # Errors
/// When the store does not take it; the timer stays.
pub async fn expire(context: &Context, id: &IncidentId, proposal: &ProposalId) -> Result<(), StoreError> {
    alter(context, id, None, |mut seen| {
        let step = seen.take(proposal)?.expire(seen.read.now());
        let mut altered = Altered::by(step);
        altered.cleared = vec![expiry_key(proposal)];
        Some((altered, ()))
    })
    .await
    .map(drop)
}
