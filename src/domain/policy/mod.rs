//! Who may let an action happen, and when: a file that people write, and a pure function over it.
//!
//! Nothing happens without a person, so a rule either forbids or asks for approval. Every rule that applies must be
//! content: the strictest wins, and a new rule can only make things stricter. What no rule speaks of is forbidden, and
//! so is what cannot be decided because something about it is not known. Each rule carries the reason that people are
//! told, and examples that are tried when the file is loaded.

pub mod evaluate;
pub mod glob;
pub mod people;
pub mod refusal;
pub mod schedule;
pub mod scope;

mod examples;
mod read;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

pub use evaluate::{Decision, Recent, Request, Requirement, Strictness, Terms};
pub use people::{Approvers, People, Person, Principal, PrincipalKind};
pub use refusal::Refusal;
pub use schedule::TimeWindow;

use super::action::{ActionName, Risk};
use super::alert::Severity;
use super::incident::hex;
use super::lint::{LintProblem, Severity as Grade};

/// Namespaces in which nothing is done unless the policy lists its own.
pub const PROTECTED_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// How long people may take to decide, where no rule says it.
pub const DEFAULT_EXPIRY: TimeDelta = TimeDelta::minutes(30);
/// Longest time to decide: what was shown a day ago is not what is there now.
pub const MAX_EXPIRY: TimeDelta = TimeDelta::hours(24);
/// Largest policy file, in bytes.
pub const MAX_FILE_BYTES: usize = 1 << 20;

/// A policy in force.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Which identities are one person.
    pub people: People,
    /// Namespaces (with `*`) in which everything is forbidden.
    pub protected_namespaces: Vec<String>,
    /// The rules, in written order, which does not matter.
    pub rules: Vec<Rule>,
    /// How often.
    pub rate_limits: Vec<RateLimit>,
    /// What may be done in an emergency.
    pub break_glass: Option<BreakGlass>,
    /// SHA-256 of the file, by which `policy check` names it; empty for the default.
    pub digest: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// What it applies to.
    pub matcher: RuleMatch,
    /// What it says.
    pub effect: Effect,
    /// Why, as people are told.
    pub reason: String,
}

/// What a rule says of what it applies to.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// No.
    Forbid,
    /// Yes, when so many of these say so.
    Approve {
        /// Who may.
        approvers: Approvers,
        /// How many must.
        quorum: u8,
        /// Whether whoever proposed it counts.
        self_approval: bool,
        /// How long they may take.
        expires: TimeDelta,
    },
}

/// What a rule applies to. An empty list means any; everything given must hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RuleMatch {
    /// Entries of the catalogue.
    pub actions: Vec<ActionName>,
    /// Namespaces, with `*`. Nodes and silences without a namespace are in none.
    pub namespaces: Vec<String>,
    /// Nodes, with `*`. Everything else is on none.
    pub nodes: Vec<String>,
    /// Labels of the target, with `*` in values.
    pub labels: BTreeMap<String, String>,
    /// Risks.
    pub risks: Vec<Risk>,
    /// Severities of the incident.
    pub severities: Vec<Severity>,
    /// When.
    pub when: Vec<TimeWindow>,
}

/// How often something may be done.
#[derive(Debug, Clone, PartialEq)]
pub struct RateLimit {
    /// Which actions are counted together; empty means all.
    pub actions: Vec<ActionName>,
    /// What is counted.
    pub per: Per,
    /// How many.
    pub most: usize,
    /// In how long.
    pub within: TimeDelta,
    /// Why.
    pub reason: String,
}

/// What a rate limit counts by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// One workload, node, pod …
    Target,
    /// One namespace.
    Namespace,
    /// Everything.
    Cluster,
}

/// An emergency: these people, with a reason, may act outside of times and rates; never against a plain `forbid`, and
/// never in a protected namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakGlass {
    /// Of these, one more must approve.
    pub approvers: Approvers,
    /// How many of them.
    pub quorum: u8,
    /// Why it exists.
    pub reason: String,
}

impl Default for Policy {
    /// Without a file: everything is explained and nothing can be approved, by anybody, until approvers are named.
    fn default() -> Self {
        Self {
            people: People::default(),
            protected_namespaces: PROTECTED_NAMESPACES.map(str::to_owned).to_vec(),
            rules: Vec::new(),
            rate_limits: vec![RateLimit::default()],
            break_glass: None,
            digest: String::new(),
        }
    }
}

impl Default for RateLimit {
    /// Three restarts of one workload an hour: what three did not mend, a fourth does not.
    fn default() -> Self {
        Self {
            actions: vec![ActionName::RolloutRestart, ActionName::DeletePod],
            per: Per::Target,
            most: 3,
            within: TimeDelta::hours(1),
            reason: "what three restarts did not mend, a fourth does not".to_owned(),
        }
    }
}

impl Policy {
    /// Reads a policy file, whose name is for messages. All problems are found at once; with an error among them there
    /// is no policy, because half of one may allow what the other half forbids. Warnings come with the policy.
    pub fn read(file: &str, text: &str) -> (Option<Self>, Vec<LintProblem>) {
        let (policy, problems) = read::policy(file, text);
        let faulty = problems.iter().any(|problem| problem.severity == Grade::Error);
        let digest = hex(&Sha256::digest(text));
        (policy.filter(|_| !faulty).map(|policy| Self { digest, ..policy }), problems)
    }
}

#[cfg(test)]
mod tests;
