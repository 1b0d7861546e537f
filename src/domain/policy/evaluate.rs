//! The policy asked about one action at one moment.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Approvers, Effect, Per, Person, Policy, RateLimit, Refusal, Rule, glob};
use crate::domain::action::{Action, ActionName, Target};
use crate::domain::alert::{Labels, Severity};

/// Shortest reason for breaking the glass, in characters: "prod is down" has twelve.
const MIN_BREAK_GLASS_REASON: usize = 10;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The action.
    pub action: &'a Action,
    /// Labels of its target, where they are known.
    pub labels: Option<&'a Labels>,
    /// Severity of the incident, where there is one.
    pub severity: Option<Severity>,
    /// What was executed lately, at least as far back as the longest rate limit.
    pub recent: &'a [Recent],
    /// The reason for breaking the glass, where somebody claims an emergency.
    pub break_glass: Option<&'a str>,
    /// Now.
    pub at: DateTime<Utc>,
}

/// An action that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// Which.
    pub action: ActionName,
    /// On what: [`Target`]'s text.
    pub target: String,
    /// In which namespace.
    pub namespace: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// People may let it happen, on these terms.
    NeedsApproval(Terms),
    /// Nobody may. Never empty.
    Forbidden(Vec<Refusal>),
}

/// Decisions in order, the strictest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strictness {
    /// At least so many people must approve.
    Approval(u8),
    /// Forbidden.
    Forbidden,
}

/// On which terms an action may happen. Only [`Policy::evaluate`] makes one, for one action at one moment, so that no
/// other code can invent a permission.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    action: String,
    requirements: Vec<Requirement>,
    self_approval: bool,
    expires: TimeDelta,
}

/// What one rule asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The rule's name.
    pub rule: String,
    /// Its reason.
    pub reason: String,
    /// Who may approve.
    pub approvers: Approvers,
    /// How many must.
    pub quorum: u8,
}

impl Terms {
    /// Whether these are the terms of this action.
    pub fn are_for(&self, action: &Action) -> bool {
        self.action == action.digest()
    }

    /// Each must be met; one person may count for several.
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether whoever proposed it may approve it.
    pub fn self_approval(&self) -> bool {
        self.self_approval
    }

    /// How long people may take from the proposal on.
    pub fn expires(&self) -> TimeDelta {
        self.expires
    }

    /// The fewest people who can meet all requirements.
    pub fn fewest(&self) -> u8 {
        self.requirements.iter().map(|requirement| requirement.quorum).max().unwrap_or(1)
    }

    /// Everybody who may approve, as the policy writes them, without repetition.
    pub fn who(&self) -> Vec<&str> {
        let mut who: Vec<&str> = self
            .requirements
            .iter()
            .flat_map(|requirement| requirement.approvers.written.iter().map(String::as_str))
            .collect();
        who.sort_unstable();
        who.dedup();
        who
    }
}

impl Decision {
    /// How strict it is.
    pub fn strictness(&self) -> Strictness {
        match self {
            Self::NeedsApproval(terms) => Strictness::Approval(terms.fewest()),
            Self::Forbidden(_) => Strictness::Forbidden,
        }
    }
}

/// Whether a rule applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    Yes,
    No,
    /// Not known, because this is not.
    Unknown(&'static str),
}

impl Policy {
    /// What the policy says of an action now.
    pub fn evaluate(&self, request: &Request<'_>) -> Decision {
        let mut refusals = Vec::new();
        let emergency = request.break_glass.is_some();
        if let Some(reason) = request.break_glass {
            refusals.extend(self.no_emergency(reason));
        }
        if let Some(namespace) = request.action.namespace()
            && self.protected_namespaces.iter().any(|pattern| glob::fits(pattern, namespace))
        {
            refusals.push(Refusal::Protected { namespace: namespace.to_owned() });
        }
        let mut requirements = Vec::new();
        let (mut may_self, mut expiry) = (true, super::MAX_EXPIRY);
        for rule in &self.rules {
            // In an emergency a freeze does not hold, and hours do not matter.
            let at = if emergency && rule.effect != Effect::Forbid { None } else { Some(request.at) };
            let applies = rule.applies(request.action, request.labels, request.severity, at);
            match (&rule.effect, applies) {
                (_, Applies::No) => {}
                (_, Applies::Unknown(unknown)) => {
                    refusals.push(Refusal::Undecided { rule: rule.name.clone(), unknown: unknown.to_owned() });
                }
                (Effect::Forbid, Applies::Yes) if emergency && !rule.matcher.when.is_empty() => {}
                (Effect::Forbid, Applies::Yes) => {
                    refusals.push(Refusal::Rule { rule: rule.name.clone(), reason: rule.reason.clone() });
                }
                (Effect::Approve { approvers, quorum, self_approval, expires }, Applies::Yes) => {
                    may_self &= self_approval;
                    expiry = expiry.min(*expires);
                    requirements.push(rule.requires(approvers, *quorum));
                }
            }
        }
        if requirements.is_empty() {
            refusals.push(if self.rules.is_empty() { Refusal::NoPolicy } else { Refusal::NoRule });
        }
        if !emergency {
            refusals.extend(self.rate_limits.iter().filter_map(|limit| limit.refuses(request)));
        }
        if !refusals.is_empty() {
            return Decision::Forbidden(refusals);
        }
        if let Some(glass) = self.break_glass.as_ref().filter(|_| emergency) {
            let rule = "break_glass".to_owned();
            let approvers = glass.approvers.clone();
            requirements.push(Requirement { rule, reason: glass.reason.clone(), approvers, quorum: glass.quorum });
        }
        Decision::NeedsApproval(Terms {
            action: request.action.digest(),
            requirements,
            self_approval: may_self,
            expires: expiry,
        })
    }

    /// Whether a person may approve on these terms at all, for at least one of their requirements.
    pub fn may(&self, person: &Person, terms: &Terms) -> bool {
        terms.requirements.iter().any(|requirement| requirement.approvers.include(person, &self.people))
    }

    fn no_emergency(&self, reason: &str) -> Option<Refusal> {
        let problem = if self.break_glass.is_none() {
            "the policy has no `break_glass`"
        } else if reason.trim().chars().count() < MIN_BREAK_GLASS_REASON {
            "say why, in a sentence"
        } else {
            return None;
        };
        Some(Refusal::BreakGlass { problem: problem.to_owned() })
    }
}

impl Rule {
    fn requires(&self, approvers: &Approvers, quorum: u8) -> Requirement {
        Requirement { rule: self.name.clone(), reason: self.reason.clone(), approvers: approvers.clone(), quorum }
    }

    /// Whether it applies; without a time, at any.
    pub(super) fn applies(
        &self,
        action: &Action,
        labels: Option<&Labels>,
        severity: Option<Severity>,
        at: Option<DateTime<Utc>>,
    ) -> Applies {
        let rule = &self.matcher;
        let any = |patterns: &[String], name: Option<&str>| {
            patterns.is_empty() || name.is_some_and(|name| patterns.iter().any(|pattern| glob::fits(pattern, name)))
        };
        let node = match action.target() {
            Target::Node(node) => Some(node.as_str()),
            _ => None,
        };
        let plain = (rule.actions.is_empty() || rule.actions.contains(&action.name()))
            && any(&rule.namespaces, action.namespace())
            && any(&rule.nodes, node)
            && (rule.risks.is_empty() || rule.risks.contains(&action.risk()))
            && at.is_none_or(|at| rule.when.is_empty() || rule.when.iter().any(|window| window.contains(at)));
        if !plain {
            return Applies::No;
        }
        let severity_fits = severity.map(|severity| rule.severities.contains(&severity));
        if !rule.severities.is_empty() && severity_fits == Some(false) {
            return Applies::No;
        }
        let label_fits = |(name, pattern): (&String, &String)| {
            labels.map(|labels| labels.get(name).is_some_and(|value| glob::fits(pattern, value)))
        };
        let fits: Vec<Option<bool>> = rule.labels.iter().map(label_fits).collect();
        if fits.contains(&Some(false)) {
            return Applies::No;
        }
        if fits.contains(&None) {
            return Applies::Unknown("labels");
        }
        if !rule.severities.is_empty() && severity.is_none() {
            return Applies::Unknown("severity");
        }
        Applies::Yes
    }
}

impl RateLimit {
    fn refuses(&self, request: &Request<'_>) -> Option<Refusal> {
        let counted = |name: ActionName| self.actions.is_empty() || self.actions.contains(&name);
        if !counted(request.action.name()) {
            return None;
        }
        let target = request.action.target().to_string();
        let same = |recent: &&Recent| match self.per {
            Per::Target => recent.target == target,
            Per::Namespace => recent.namespace.as_deref() == request.action.namespace(),
            Per::Cluster => true,
        };
        let since = request.at - self.within;
        let mut times: Vec<DateTime<Utc>> = request
            .recent
            .iter()
            .filter(|recent| counted(recent.action) && recent.at > since)
            .filter(same)
            .map(|recent| recent.at)
            .collect();
        times.sort_unstable();
        // The oldest that must have left the window before there is room again.
        let blocking = times.len().checked_sub(self.most).and_then(|at| times.get(at))?;
        Some(Refusal::RateLimit {
            most: self.most,
            within_seconds: self.within.num_seconds(),
            reason: self.reason.clone(),
            again_at: *blocking + self.within,
        })
    }
}
