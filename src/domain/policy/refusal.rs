//! Why something may not be done now.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One reason against an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The policy names no approvers at all: the default.
    NoPolicy,
    /// No rule speaks of it.
    NoRule,
    /// A rule forbids it.
    Rule {
        /// Its name.
        rule: String,
        /// Its reason.
        reason: String,
    },
    /// Whether a rule applies cannot be told, because something about the target or the incident is not known.
    Undecided {
        /// Its name.
        rule: String,
        /// What is not known: `labels`, `severity`.
        unknown: String,
    },
    /// The namespace is protected.
    Protected {
        /// Which.
        namespace: String,
    },
    /// It was done often enough.
    RateLimit {
        /// How often it may be.
        most: usize,
        /// In how many seconds.
        within_seconds: i64,
        /// Why.
        reason: String,
        /// When it may be done again.
        again_at: DateTime<Utc>,
    },
    /// It reaches beyond what the incident is about.
    OutOfScope {
        /// The target.
        target: String,
        /// The incident's subject.
        subject: String,
    },
    /// The incident is about another cluster than the one in which actions are done.
    OtherCluster {
        /// Which.
        cluster: String,
        /// The one in which they are.
        own: String,
    },
    /// An emergency was claimed without a reason, or where the policy has none.
    BreakGlass {
        /// What is missing.
        problem: String,
    },
}

impl Refusal {
    /// The key of its sentence in `actions.txt`.
    pub fn phrase(&self) -> &'static str {
        match self {
            Self::NoPolicy => "refusal.no_policy",
            Self::NoRule => "refusal.no_rule",
            Self::Rule { .. } => "refusal.rule",
            Self::Undecided { .. } => "refusal.undecided",
            Self::Protected { .. } => "refusal.protected",
            Self::RateLimit { .. } => "refusal.rate_limit",
            Self::OutOfScope { .. } => "refusal.out_of_scope",
            Self::OtherCluster { .. } => "refusal.other_cluster",
            Self::BreakGlass { .. } => "refusal.break_glass",
        }
    }

    /// Whether the action lies outside of the incident, whoever asks for it and whatever the policy says.
    pub fn is_out_of_scope(&self) -> bool {
        matches!(self, Self::OutOfScope { .. } | Self::OtherCluster { .. })
    }

    /// What its sentence is filled with.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        match self.clone() {
            Self::NoPolicy | Self::NoRule => Vec::new(),
            Self::Rule { rule, reason } => vec![("rule", rule), ("reason", reason)],
            Self::Undecided { rule, unknown } => vec![("rule", rule), ("unknown", unknown)],
            Self::Protected { namespace } => vec![("namespace", namespace)],
            Self::RateLimit { most, within_seconds, reason, again_at } => vec![
                ("most", most.to_string()),
                ("within", (within_seconds / 60).to_string()),
                ("reason", reason),
                ("again", again_at.format("%Y-%m-%d %H:%M UTC").to_string()),
            ],
            Self::OutOfScope { target, subject } => vec![("target", target), ("subject", subject)],
            Self::OtherCluster { cluster, own } => vec![("cluster", cluster), ("own", own)],
            Self::BreakGlass { problem } => vec![("problem", problem)],
        }
    }
}

impl fmt::Display for Refusal {
    /// For the command line and the audit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPolicy => f.write_str("no approvers are named: write a policy (HOLMES_POLICY_FILE)"),
            Self::NoRule => f.write_str("no rule of the policy allows it"),
            Self::Rule { rule, reason } => write!(f, "rule `{rule}`: {reason}"),
            Self::Undecided { rule, unknown } => {
                write!(f, "rule `{rule}` may forbid it: {unknown} not known")
            }
            Self::Protected { namespace } => write!(f, "namespace {namespace} is protected"),
            Self::RateLimit { most, within_seconds, reason, again_at } => write!(
                f,
                "{most} in {} min is the most: {reason}; again at {}",
                within_seconds / 60,
                again_at.format("%Y-%m-%d %H:%M UTC")
            ),
            Self::OutOfScope { target, subject } => write!(f, "{target} is not what the incident is about ({subject})"),
            Self::OtherCluster { cluster, own } => {
                write!(f, "the incident is about cluster {cluster}, actions are done in cluster {own}")
            }
            Self::BreakGlass { problem } => write!(f, "break-glass: {problem}"),
        }
    }
}
