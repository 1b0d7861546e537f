//! What a decision depends on besides the proposal, read anew for each.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::Context;
use crate::domain::alert::Labels;
use crate::domain::evidence::EvidenceData;
use crate::domain::incident::Incident;
use crate::domain::investigation::Investigation;
use crate::domain::policy::scope::Scope;
use crate::domain::policy::{MAX_EXPIRY, Recent};
use crate::domain::proposal::{Circumstances, ProposalId};
use crate::ports::StoreError;

/// Longest time a rate limit looks back, where the policy has none that looks further.
const LOOK_BACK: TimeDelta = TimeDelta::hours(24);

/// What was read.
pub struct Read {
    nodes: BTreeSet<String>,
    recent: Vec<(ProposalId, Recent)>,
    now: DateTime<Utc>,
}

impl Read {
    /// Reads what was done lately, and which nodes the incident's evidence shows its pods on.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn of(context: &Context, record: &Investigation) -> Result<Self, StoreError> {
        let now = (context.clock)();
        let longest = context.policy.rate_limits.iter().map(|limit| limit.within).max();
        // What was proposed a day ago may have been done a minute ago.
        let since = now - longest.unwrap_or(LOOK_BACK) - MAX_EXPIRY;
        let proposals = context.store.proposals_since(since).await?;
        let recent = proposals.iter().filter_map(|proposal| Some((proposal.id.clone(), proposal.recent()?)));
        Ok(Self { nodes: nodes(record), recent: recent.collect(), now })
    }

    /// The moment of reading.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Gives `judge` the circumstances of a decision on a proposal, which itself is not counted.
    pub fn of_decision<T>(
        &self,
        context: &Context,
        incident: &Incident,
        proposal: &ProposalId,
        judge: impl FnOnce(&Circumstances<'_>) -> T,
    ) -> T {
        let alerts: Vec<&Labels> = incident.alerts.iter().map(|alert| &alert.labels).collect();
        let scope = Scope {
            subject: &incident.subject,
            own_cluster: context.sources.cluster_name.as_deref(),
            nodes: &self.nodes,
            alerts: &alerts,
        };
        let recent: Vec<Recent> =
            self.recent.iter().filter(|(id, _)| id != proposal).map(|(_, recent)| recent.clone()).collect();
        judge(&Circumstances {
            policy: &context.policy,
            scope: &scope,
            severity: Some(incident.severity),
            recent: &recent,
            now: self.now,
        })
    }
}

/// Nodes that the evidence shows the subject's pods on.
pub(super) fn nodes(record: &Investigation) -> BTreeSet<String> {
    let mut nodes = BTreeSet::new();
    for evidence in &record.evidence {
        if let EvidenceData::Workload(workload) = &evidence.data {
            nodes.extend(workload.pods.iter().filter_map(|pod| pod.node.clone()));
        }
    }
    nodes
}
