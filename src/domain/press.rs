//! What a control in a chat or in the console means when somebody presses it.
//!
//! A control carries the written form of its press (`approve p-3f9a1c07be 0f3c…`), so that a click still means something
//! after a restart, days later, and on another replica. Whether it may happen is decided when it is handled.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::proposal::ProposalId;
use super::text;

/// Longest written press, in bytes. Slack's `value` takes 2,000 characters.
pub const MAX_PRESS_BYTES: usize = 256;
/// Longest silence that a menu offers, in minutes: a week.
const MAX_SILENCE_MINUTES: u32 = 7 * 24 * 60;

/// A press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "press", rename_all = "snake_case")]
pub enum Press {
    /// Somebody takes care of it.
    Acknowledge,
    /// Alertmanager shall be quiet about the incident's alerts for a while.
    Silence {
        /// For how long.
        minutes: u32,
    },
    /// Look again.
    Investigate,
    /// Let the proposal happen.
    Approve {
        /// Which.
        proposal: ProposalId,
        /// What was shown: see `Proposal::seal`.
        digest: String,
    },
    /// Let it not happen.
    Reject {
        /// Which.
        proposal: ProposalId,
        /// What was shown.
        digest: String,
    },
    /// Show what it would change, to whoever asks.
    ShowDiff {
        /// Which.
        proposal: ProposalId,
    },
    /// Propose to take back what was executed.
    Undo {
        /// Which.
        proposal: ProposalId,
    },
}

impl Press {
    /// The control's name, the same for every press of its kind: `approve`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Silence { .. } => "silence",
            Self::Investigate => "investigate",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::ShowDiff { .. } => "diff",
            Self::Undo { .. } => "undo",
        }
    }
}

impl fmt::Display for Press {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Acknowledge | Self::Investigate => Ok(()),
            Self::Silence { minutes } => write!(f, " {minutes}"),
            Self::Approve { proposal, digest } | Self::Reject { proposal, digest } => write!(f, " {proposal} {digest}"),
            Self::ShowDiff { proposal } | Self::Undo { proposal } => write!(f, " {proposal}"),
        }
    }
}

impl FromStr for Press {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let unknown = || format!("`{}` is no press of ours", text::line(written, 80));
        if written.len() > MAX_PRESS_BYTES {
            return Err(unknown());
        }
        let words: Vec<&str> = written.split(' ').collect();
        let proposal = |id: &str| {
            let proper = id.len() > 2 && id.starts_with("p-") && id[2..].bytes().all(|byte| byte.is_ascii_hexdigit());
            proper.then(|| ProposalId(id.to_owned())).ok_or_else(unknown)
        };
        let digest = |digest: &str| {
            let proper = !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
            proper.then(|| digest.to_owned()).ok_or_else(unknown)
        };
        match *words.as_slice() {
            ["acknowledge"] => Ok(Self::Acknowledge),
            ["investigate"] => Ok(Self::Investigate),
            ["silence", minutes] => {
                let minutes = minutes.parse().map_err(|_| unknown())?;
                if (1..=MAX_SILENCE_MINUTES).contains(&minutes) {
                    Ok(Self::Silence { minutes })
                } else {
                    Err(unknown())
                }
            }
            ["approve", id, seal] => Ok(Self::Approve { proposal: proposal(id)?, digest: digest(seal)? }),
            ["reject", id, seal] => Ok(Self::Reject { proposal: proposal(id)?, digest: digest(seal)? }),
            ["diff", id] => Ok(Self::ShowDiff { proposal: proposal(id)? }),
            ["undo", id] => Ok(Self::Undo { proposal: proposal(id)? }),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_control_carries_is_read_back() {
        for written in [
            "acknowledge",
            "investigate",
            "silence 120",
            "approve p-3f9a1c07be 0f3c",
            "reject p-3f9a1c07be 0f3c",
            "diff p-3f9a1c07be",
            "undo p-3f9a1c07be",
        ] {
            assert_eq!(written.parse::<Press>().unwrap().to_string(), written);
        }
        for written in
            ["", "approve", "approve p-1", "approve q-3f 0f", "silence 0", "silence 99999999", "diff p-", "drop x"]
        {
            written.parse::<Press>().unwrap_err();
        }
    }
}
