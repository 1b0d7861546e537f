//! A person decides.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outcome::who;
use super::{MAX_VOTES, Outcome, Progress, Proposal, ProposalId, ProposedBy, State, Step, Void, Vote};
use crate::domain::alert::Severity;
use crate::domain::policy::scope::Scope;
use crate::domain::policy::{Decision, Person, Policy, Recent, Request, Requirement, Terms};
use crate::domain::text;

/// A click, a command, or a request to the API, from somebody whom the platform vouches for.
#[derive(Debug, Clone, PartialEq)]
pub struct Click {
    /// Which proposal.
    pub proposal: ProposalId,
    /// The digest that the button carried.
    pub digest: String,
    /// Who.
    pub person: Person,
    /// Where, as [`Proposal::places`] has it.
    pub place: String,
    /// What they want.
    pub choice: Choice,
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "choice", rename_all = "snake_case")]
pub enum Choice {
    /// Let it happen.
    Approve,
    /// Let it happen although times or rates are against it.
    BreakGlass {
        /// Why.
        reason: String,
    },
    /// Let it not happen.
    Reject {
        /// Why, if they say.
        reason: Option<String>,
    },
}

/// What a decision depends on besides the proposal. Read anew for each decision, and again before the execution.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The policy in force.
    pub policy: &'a Policy,
    /// What the incident reaches.
    pub scope: &'a Scope<'a>,
    /// The incident's severity.
    pub severity: Option<Severity>,
    /// What was executed lately, this proposal itself left out.
    pub recent: &'a [Recent],
    /// Now.
    pub now: DateTime<Utc>,
}

impl Proposal {
    /// What scope and policy say of it now. Whether it is offered with buttons or with an explanation follows from it.
    pub fn judge(&self, circumstances: &Circumstances<'_>) -> Decision {
        let Circumstances { policy, scope, severity, recent, now } = *circumstances;
        let outside = scope.check(&self.action).err();
        let decision = policy.evaluate(&Request {
            action: &self.action,
            labels: self.target.labels.as_ref(),
            severity,
            recent,
            break_glass: self.break_glass.as_deref(),
            at: now,
        });
        match (outside, decision) {
            (None, decision) => decision,
            (Some(outside), Decision::Forbidden(mut refusals)) => {
                refusals.insert(0, outside);
                Decision::Forbidden(refusals)
            }
            (Some(outside), Decision::NeedsApproval(_)) => Decision::Forbidden(vec![outside]),
        }
    }

    /// A person decides. Whatever comes of it is audited, and each person is told what happened.
    pub fn decide(self, click: &Click, circumstances: &Circumstances<'_>) -> Step {
        let now = circumstances.now;
        if click.proposal != self.id || click.digest != self.digest {
            return self.told(Outcome::Stale, click, now);
        }
        if !self.places.contains(&click.place) {
            return self.told(Outcome::Foreign, click, now);
        }
        let is_rejection = matches!(click.choice, Choice::Reject { .. });
        let not_begun = matches!(self.state, State::Approved { .. });
        if let Some(outcome) = self.too_late().filter(|_| !(is_rejection && not_begun)) {
            return self.told(outcome, click, now);
        }
        if now >= self.expires_at {
            let outcome = Outcome::Expired { at: self.expires_at };
            return self.becomes(State::Expired { at: now }).told(outcome, click, now);
        }
        match &click.choice {
            Choice::Reject { reason } => self.reject(click, reason.as_deref(), circumstances),
            Choice::Approve => self.approve(click, circumstances),
            Choice::BreakGlass { reason } => self.break_glass(click, reason, circumstances),
        }
    }

    fn reject(self, click: &Click, reason: Option<&str>, circumstances: &Circumstances<'_>) -> Step {
        let people = &circumstances.policy.people;
        let own = self.proposer().is_some_and(|proposer| people.identities(&proposer.id).contains(&click.person.id));
        let (may, who) = match self.judge(circumstances) {
            Decision::NeedsApproval(terms) => (circumstances.policy.may(&click.person, &terms), who(&terms)),
            // What cannot be approved can still be withdrawn.
            Decision::Forbidden(_) => (false, Vec::new()),
        };
        if !own && !may {
            return self.told(Outcome::NotAllowed { may: who }, click, circumstances.now);
        }
        let (by, at) = (click.person.clone(), circumstances.now);
        let reason = reason.map(|reason| text::line(reason, 300)).filter(|reason| !reason.is_empty());
        self.becomes(State::Rejected { by, at, reason }).told(Outcome::Rejected, click, at)
    }

    fn break_glass(mut self, click: &Click, reason: &str, circumstances: &Circumstances<'_>) -> Step {
        let policy = circumstances.policy;
        let may = policy.break_glass.as_ref().map(|glass| glass.approvers.clone()).unwrap_or_default();
        if !may.include(&click.person, &policy.people) {
            return self.told(Outcome::NotAllowed { may: may.written }, click, circumstances.now);
        }
        let before = self.clone();
        self.break_glass = Some(text::line(reason, 300));
        let step = self.approve(click, circumstances);
        // A claim whose approval did not count leaves nothing behind.
        match step.outcome {
            Outcome::Counted { .. } | Outcome::Approved { .. } | Outcome::Repeated { .. } => step,
            _ => Step { proposal: before, ..step },
        }
    }

    fn approve(mut self, click: &Click, circumstances: &Circumstances<'_>) -> Step {
        let (policy, now) = (circumstances.policy, circumstances.now);
        let terms = match self.judge(circumstances) {
            Decision::NeedsApproval(terms) => terms,
            Decision::Forbidden(refusals) => return self.told(Outcome::Forbidden { refusals }, click, now),
        };
        if !policy.may(&click.person, &terms) {
            return self.told(Outcome::NotAllowed { may: who(&terms) }, click, now);
        }
        if self.is_own(&click.person, policy, &terms) {
            return self.told(Outcome::OwnProposal { may: who(&terms) }, click, now);
        }
        let same = self.votes.iter().find(|vote| !policy.people.are_different(&vote.person.id, &click.person.id));
        if let Some(vote) = same {
            let known = policy.people.identities(&vote.person.id).contains(&click.person.id);
            let (other, progress) = (vote.person.name.clone(), self.progress(policy, &terms));
            // An emergency that the same person claims later adds to what they said; their approval stays one.
            return match (known, progress.have >= progress.need) {
                (false, _) => self.told(Outcome::Indistinct { other }, click, now),
                (true, true) => self.enough(click, progress, now),
                (true, false) => self.told(Outcome::Repeated { progress }, click, now),
            };
        }
        if self.votes.len() < MAX_VOTES {
            self.votes.push(Vote { person: click.person.clone(), at: now, place: click.place.clone() });
        }
        let progress = self.progress(policy, &terms);
        if progress.have < progress.need {
            let still = self.still(policy, &terms);
            return self.told(Outcome::Counted { progress, still }, click, now);
        }
        self.enough(click, progress, now)
    }

    fn enough(self, click: &Click, progress: Progress, now: DateTime<Utc>) -> Step {
        self.becomes(State::Approved { at: now }).told(Outcome::Approved { progress }, click, now)
    }

    /// Ends it when its time is over. Nothing else happens by time alone.
    pub fn expire(self, now: DateTime<Utc>) -> Step {
        let waits = matches!(self.state, State::Proposed | State::Approved { .. });
        if !waits || now < self.expires_at {
            return Step { proposal: self, outcome: Outcome::Unchanged, audit: None };
        }
        let outcome = Outcome::Expired { at: self.expires_at };
        self.becomes(State::Expired { at: now }).noted(outcome, now)
    }

    /// Ends it because it is no longer what was shown, or no longer needed. What has begun goes on.
    pub fn supersede(self, why: Void, now: DateTime<Utc>) -> Step {
        if !matches!(self.state, State::Proposed | State::Approved { .. }) {
            return Step { proposal: self, outcome: Outcome::Unchanged, audit: None };
        }
        let state = State::Superseded { at: now, why: why.clone() };
        self.becomes(state).noted(Outcome::Superseded { why }, now)
    }

    /// How far the approvals have come, by the terms of this moment.
    pub fn progress(&self, policy: &Policy, terms: &Terms) -> Progress {
        let missing = terms
            .requirements()
            .iter()
            .map(|need| usize::from(need.quorum).saturating_sub(self.counted(policy, terms, need)))
            .max()
            // Terms without a requirement do not exist; if they did, they would not be met.
            .unwrap_or(1);
        let have = self.votes.iter().filter(|vote| self.counts(vote, policy, terms)).count();
        Progress { have, need: have + missing }
    }

    fn still(&self, policy: &Policy, terms: &Terms) -> Vec<String> {
        let unmet =
            terms.requirements().iter().filter(|need| self.counted(policy, terms, need) < usize::from(need.quorum));
        let mut still: Vec<String> = unmet.flat_map(|need| need.approvers.written.iter().cloned()).collect();
        still.sort_unstable();
        still.dedup();
        still
    }

    fn counted(&self, policy: &Policy, terms: &Terms, need: &Requirement) -> usize {
        let mut counted: Vec<&Vote> = Vec::new();
        for vote in self.votes.iter().filter(|vote| self.counts(vote, policy, terms)) {
            let new = counted.iter().all(|other| policy.people.are_different(&other.person.id, &vote.person.id));
            if new && need.approvers.include(&vote.person, &policy.people) {
                counted.push(vote);
            }
        }
        counted.len()
    }

    fn counts(&self, vote: &Vote, policy: &Policy, terms: &Terms) -> bool {
        policy.may(&vote.person, terms) && !self.is_own(&vote.person, policy, terms)
    }

    /// Whether they would approve their own proposal where the policy does not let them.
    fn is_own(&self, person: &Person, policy: &Policy, terms: &Terms) -> bool {
        let proposer = self.proposer().filter(|_| !terms.self_approval());
        proposer.is_some_and(|proposer| !policy.people.are_different(&proposer.id, &person.id))
    }

    fn proposer(&self) -> Option<&Person> {
        match &self.proposed_by {
            ProposedBy::Person { person } => Some(person),
            ProposedBy::Analysis | ProposedBy::Runbook { .. } | ProposedBy::Model | ProposedBy::Undo { .. } => None,
        }
    }

    pub(super) fn becomes(mut self, state: State) -> Self {
        self.state = state;
        self
    }
}
