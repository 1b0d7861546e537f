//! Silences as actions: what is shown, done and looked for.

use chrono::{DateTime, TimeDelta, Utc};

use super::execute::Applied;
use super::observe::Happening;
use super::plan::digest;
use super::{Actuator, ActuatorError, Order, Preview};
use crate::adapters::alertmanager::{Silence, SilenceError};
use crate::domain::action::{Action, Before, SilenceMatcher};

impl Actuator {
    pub(super) async fn preview_silence(&self, action: &Action, at: DateTime<Utc>) -> Result<Preview, ActuatorError> {
        let silences = self.silences()?;
        let preview = |uid: &str, version: &str, basis: String, before: Before, diff: String| Preview {
            target: "Alertmanager".to_owned(),
            uid: uid.to_owned(),
            resource_version: version.to_owned(),
            basis,
            change: digest(&action.to_string()),
            before,
            diff,
            patch: String::new(),
            managed_by: None,
            warnings: Vec::new(),
            at,
        };
        match action {
            Action::CreateSilence { matchers, duration_seconds, comment } => {
                if let Some(silence) = silences.all().await?.iter().find(|one| one.is_on() && covers_same(one, matchers)) {
                    return Err(unmet(format!("silence {} has the same matchers", silence.id)));
                }
                let until = at + length(*duration_seconds);
                let lines = said(matchers, '+');
                let diff = format!("{lines}+until {}\n+{comment}\n", until.format("%Y-%m-%d %H:%M UTC"));
                Ok(preview("", "", String::new(), Before::Unknown, diff))
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
                Ok(preview(&silence.id, &silence.updated_at, basis(&silence), before, diff))
            }
            other => Err(ActuatorError::Other { why: format!("`{other}` is not about silences") }),
        }
    }

    pub(super) async fn execute_silence(&self, order: &Order<'_>) -> Result<Applied, ActuatorError> {
        let silences = self.silences()?;
        match order.action {
            Action::CreateSilence { matchers, duration_seconds, comment } => {
                if order.shown.change != digest(&order.action.to_string()) {
                    return Err(ActuatorError::Moved {
                        what: "Alertmanager".into(),
                        how: "the silence would be another".into(),
                    });
                }
                // Alertmanager knows no precondition: looking first is what keeps a repetition from making a second one.
                if let Some(silence) = self.made(order.id).await? {
                    return Ok(Applied { already: true, ..applied(&silence, Some(&silence.id), Before::Unknown) });
                }
                let span = (order.at, order.at + length(*duration_seconds));
                let by = format!("{} via holmes-bot", order.person);
                let id = silences.create(matchers, span, &by, &marked(comment, order.id)).await?;
                let silence = silences.get(&id).await?;
                Ok(applied(&silence, Some(&id), Before::Unknown))
            }
            Action::ExpireSilence { id } => {
                let silence = silences.get(id).await?;
                if !silence.is_on() {
                    return Ok(Applied { already: true, ..applied(&silence, None, order.shown.before.clone()) });
                }
                if basis(&silence) != order.shown.basis {
                    let what = format!("silence {id}");
                    return Err(ActuatorError::Moved { what, how: "it was changed".into() });
                }
                silences.expire(id).await?;
                Ok(applied(&silence, None, order.shown.before.clone()))
            }
            other => Err(ActuatorError::Other { why: format!("`{other}` is not about silences") }),
        }
    }

    pub(super) async fn observe_silence(&self, order: &Order<'_>) -> Result<Happening, ActuatorError> {
        let happened = match order.action {
            Action::ExpireSilence { id } => match self.silences()?.get(id).await {
                Ok(silence) => !silence.is_on(),
                // What ended long ago is forgotten.
                Err(SilenceError::NotFound { .. }) => true,
                Err(error) => return Err(error.into()),
            },
            _ => self.made(order.id).await?.is_some(),
        };
        Ok(if happened { Happening::Happened } else { Happening::NotHappened })
    }

    /// The silence that an order made.
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

fn basis(silence: &Silence) -> String {
    digest(&format!("{} {} {}", silence.id, said(&silence.matchers, '+'), silence.ends_at))
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

fn applied(silence: &Silence, created: Option<&str>, before: Before) -> Applied {
    Applied {
        uid: silence.id.clone(),
        resource_version: silence.updated_at.clone(),
        created: created.map(str::to_owned),
        before,
        already: false,
        drain: None,
    }
}
