//! Silences as actions: what is shown, done and looked for.

use chrono::{DateTime, TimeDelta, Utc};

use super::execute::{Applied, applied};
use super::plan::digest;
use super::{Actuator, ActuatorError, Order, Preview};
use crate::adapters::alertmanager::{Silence, SilenceError};
use crate::domain::action::{Action, Before, SilenceMatcher};
use crate::domain::alert::Labels;
use crate::domain::proposal::{Diff, Done, Sight, Snapshot};
use crate::domain::redact::Redactor;

impl Actuator {
    pub(super) async fn preview_silence(&self, action: &Action, at: DateTime<Utc>) -> Result<Preview, ActuatorError> {
        let silences = self.silences()?;
        let preview = |target: Snapshot, before: Before, diff: String| {
            let inverse = action.inverse(&before, None);
            let diff = Diff::new(&diff, &Redactor::new());
            Preview { target, before, diff, patch: String::new(), inverse, warnings: Vec::new() }
        };
        match action {
            Action::CreateSilence { matchers, duration_seconds, comment } => {
                if let Some(silence) =
                    silences.all().await?.iter().find(|one| one.is_on() && covers_same(one, matchers))
                {
                    return Err(unmet(format!("silence {} has the same matchers", silence.id)));
                }
                let until = at + length(*duration_seconds);
                let lines = said(matchers, '+');
                let diff = format!("{lines}+until {}\n+{comment}\n", until.format("%Y-%m-%d %H:%M UTC"));
                Ok(preview(nothing(), Before::Unknown, diff))
            }
            Action::ExpireSilence { id } => {
                let silence = silences.get(id).await?;
                if !silence.is_on() {
                    return Err(unmet(format!("silence {id} has ended already")));
                }
                let left = (silence.ends_at - at).num_seconds().max(0);
                let before = Before::Silence {
                    matchers: silence.matchers.clone(),
                    remaining_seconds: u64::try_from(left).unwrap_or(0),
                    comment: silence.comment.clone(),
                };
                let diff = format!("{}-{}\n", said(&silence.matchers, '-'), silence.comment);
                Ok(preview(snapshot(&silence), before, diff))
            }
            other => Err(ActuatorError::Other { why: format!("`{other}` is not about silences") }),
        }
    }

    pub(super) async fn execute_silence(&self, order: &Order<'_>) -> Result<Applied, ActuatorError> {
        let silences = self.silences()?;
        match order.action {
            Action::CreateSilence { matchers, duration_seconds, comment } => {
                // Alertmanager knows no precondition: looking first is what keeps a repetition from making a second one.
                if let Some(silence) = self.made(order.key).await? {
                    return Ok(Applied { already: true, created: Some(silence.id), ..applied(Before::Unknown) });
                }
                let span = (order.at, order.at + length(*duration_seconds));
                let by = format!("{} via holmes-bot", order.person);
                let id = silences.create(matchers, span, &by, &marked(comment, order.key)).await?;
                // It is not read back: behind a balancer another replica may answer, which has not heard of it yet.
                Ok(Applied { created: Some(id), ..applied(Before::Unknown) })
            }
            Action::ExpireSilence { id } => {
                let silence = silences.get(id).await?;
                if !silence.is_on() {
                    return Ok(Applied { already: true, ..applied(order.before.clone()) });
                }
                if snapshot(&silence).resource_version != order.target.resource_version {
                    let what = format!("silence {id}");
                    return Err(ActuatorError::Moved { what, how: "it was changed".into() });
                }
                silences.expire(id).await?;
                Ok(applied(order.before.clone()))
            }
            other => Err(ActuatorError::Other { why: format!("`{other}` is not about silences") }),
        }
    }

    pub(super) async fn observe_silence(&self, key: &str, action: &Action) -> Result<Sight, ActuatorError> {
        let Action::ExpireSilence { id } = action else {
            let made = self.made(key).await?;
            return Ok(made.map_or(Sight::NotApplied, |made| Sight::Applied(Done { created: Some(made.id) })));
        };
        let ended = match self.silences()?.get(id).await {
            Ok(silence) => !silence.is_on(),
            // What ended long ago is forgotten.
            Err(SilenceError::NotFound { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        Ok(if ended { Sight::Applied(Done::default()) } else { Sight::NotApplied })
    }

    pub(super) async fn look_at_silence(&self, action: &Action) -> Result<Snapshot, ActuatorError> {
        match action {
            Action::ExpireSilence { id } => Ok(snapshot(&self.silences()?.get(id).await?)),
            _ => Ok(nothing()),
        }
    }

    /// The silence that a permission made.
    async fn made(&self, id: &str) -> Result<Option<Silence>, ActuatorError> {
        let mark = marked("", id);
        let all = self.silences()?.all().await?;
        Ok(all.into_iter().find(|silence| silence.comment.ends_with(mark.trim_start())))
    }
}

/// The comment with the proposal's id, by which the silence is recognised.
fn marked(comment: &str, id: &str) -> String {
    format!("{comment} (holmes-bot {id})")
}

/// A silence that is yet to be made.
fn nothing() -> Snapshot {
    Snapshot { labels: Some(Labels::new()), ..Snapshot::default() }
}

fn snapshot(silence: &Silence) -> Snapshot {
    let version = digest(&format!("{} {}", said(&silence.matchers, '+'), silence.ends_at));
    Snapshot { uid: Some(silence.id.clone()), resource_version: Some(version[..16].to_owned()), ..nothing() }
}

fn covers_same(silence: &Silence, matchers: &[SilenceMatcher]) -> bool {
    silence.matchers.len() == matchers.len() && matchers.iter().all(|matcher| silence.matchers.contains(matcher))
}

fn said(matchers: &[SilenceMatcher], sign: char) -> String {
    matchers.iter().map(|matcher| format!("{sign}{matcher}\n")).collect()
}

fn length(seconds: u64) -> TimeDelta {
    TimeDelta::seconds(i64::try_from(seconds).unwrap_or(i64::MAX / 1_000_000))
}

fn unmet(why: String) -> ActuatorError {
    ActuatorError::Unmet { what: "Alertmanager".into(), why }
}
