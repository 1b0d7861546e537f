//! Whether it helped: what is watched after an execution, and for how long.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Outcome, Proposal, State, Step, Verdict};
use crate::domain::text;

/// How long alerts may take to end after the cluster is well again: a rule's `for`, an evaluation, a group interval.
const ALERTS_TAKE: TimeDelta = TimeDelta::minutes(10);

/// One look at what success looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It holds.
    Holds,
    /// Not yet.
    NotYet {
        /// What is seen instead: `2 of 3 pods are ready`.
        what: String,
    },
    /// It never will.
    Never {
        /// Why.
        why: String,
    },
}

/// How far the watching is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// Since when it holds without a break.
    pub good_since: Option<DateTime<Utc>>,
    /// What is waited for, in a few words.
    pub waiting_for: String,
}

impl Proposal {
    /// Takes in one look. `firing` are the incident's alerts that still fire. What has held long enough is verified; what
    /// has not come in time is not; everything else goes on being watched.
    pub fn watched(mut self, seen: Seen, firing: usize, now: DateTime<Utc>) -> Step {
        let State::Applied { at, .. } = self.state else {
            return Step { proposal: self, outcome: Outcome::Unchanged, audit: None };
        };
        let success = self.action.success();
        let seconds = |seconds: u64| TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000));
        let until = at + seconds(success.within_seconds);
        // With a verdict nothing is waited for any more.
        let over = |mut proposal: Self, verdict: Verdict| {
            proposal.watch.waiting_for.clear();
            proposal.verify(verdict, now)
        };
        let bad = |proposal: Self, why: String| over(proposal, Verdict::Bad { why });
        match seen {
            Seen::Never { why } => return bad(self, why),
            Seen::NotYet { what } if now >= until => return bad(self, what),
            Seen::NotYet { what } => {
                self.watch = Watch { good_since: None, waiting_for: text::line(&what, 200) };
            }
            Seen::Holds => {
                let since = *self.watch.good_since.get_or_insert(now);
                let held = now - since >= seconds(success.holds_seconds);
                let quiet = !success.mends || firing == 0;
                if held && quiet {
                    return over(self, Verdict::Good);
                }
                if held && now >= until + ALERTS_TAKE {
                    return bad(self, format!("the change is in effect, and {firing} alert(s) still fire"));
                }
                self.watch.waiting_for = match held {
                    true => format!("{firing} alert(s) still fire"),
                    false => "in effect; seeing whether it stays so".to_owned(),
                };
            }
        }
        Step { proposal: self, outcome: Outcome::Unchanged, audit: None }
    }
}
