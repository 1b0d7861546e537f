//! Silences in Alertmanager, API v2, from 0.25 on: the writes are the actuator's alone.
//!
//! The API has manners of its own: an unknown silence is 404 with an empty body when it is read and 500 when it is ended;
//! what is wrong with a silence comes as an object (422) or as a bare string (400); one that has ended stays readable.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::check::CheckLine;
use super::http::{Endpoint, EndpointSettings, HttpError, read_bounded, read_json};
use crate::domain::action::{MatchOperator, SilenceMatcher};
use crate::domain::text;

/// Longest answer that is read: 10,000 silences at 400 bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Why nothing was silenced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SilenceError {
    /// There is no such silence.
    #[error("Alertmanager has no silence {id}")]
    NotFound {
        /// Its id.
        id: String,
    },
    /// Alertmanager does not like it.
    #[error("Alertmanager refuses: {why}")]
    Refused {
        /// Its own sentence.
        why: String,
    },
    /// The exchange failed.
    #[error("Alertmanager: {0}")]
    Http(#[from] HttpError),
}

impl SilenceError {
    /// Whether it may have happened all the same.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Http(error) => error.is_transient(),
            Self::NotFound { .. } | Self::Refused { .. } => false,
        }
    }
}

/// A silence as Alertmanager has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Its UUID.
    pub id: String,
    /// `active`, `pending` or `expired`.
    pub state: String,
    /// What it covers.
    pub matchers: Vec<SilenceMatcher>,
    /// When it ends.
    pub ends_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// Whether it has not ended.
    pub fn is_on(&self) -> bool {
        self.state != "expired"
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    id: String,
    status: WireStatus,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    created_by: String,
    ends_at: DateTime<Utc>,
    #[serde(default)]
    matchers: Vec<WireMatcher>,
}

#[derive(Deserialize)]
struct WireStatus {
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMatcher {
    name: String,
    value: String,
    is_regex: bool,
    // Before 0.22 there was no such field, and no inequality.
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

impl From<Wire> for Silence {
    fn from(wire: Wire) -> Self {
        let matcher = |WireMatcher { name, value, is_regex, is_equal }| SilenceMatcher {
            name,
            operator: match (is_equal, is_regex) {
                (true, false) => MatchOperator::Equal,
                (true, true) => MatchOperator::Regex,
                (false, false) => MatchOperator::NotEqual,
                (false, true) => MatchOperator::NotRegex,
            },
            value,
        };
        Self {
            id: wire.id,
            state: wire.status.state,
            matchers: wire.matchers.into_iter().map(matcher).collect(),
            ends_at: wire.ends_at,
            created_by: wire.created_by,
            comment: wire.comment,
        }
    }
}

/// The silences of one Alertmanager.
#[derive(Debug, Clone)]
pub struct Silences {
    endpoint: Endpoint,
}

impl Silences {
    /// Checks the settings; nothing is sent.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn new(settings: &EndpointSettings) -> Result<Self, HttpError> {
        Ok(Self { endpoint: Endpoint::new(settings)? })
    }

    /// All silences that Alertmanager still knows, ended ones among them.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn all(&self) -> Result<Vec<Silence>, SilenceError> {
        let response = self.endpoint.send(self.endpoint.get("api/v2/silences")).await?;
        let wire: Vec<Wire> = read_json(response, MAX_ANSWER_BYTES).await?;
        Ok(wire.into_iter().map(Silence::from).collect())
    }

    /// One silence.
    ///
    /// # Errors
    /// [`SilenceError::NotFound`] when there is none of this id.
    pub async fn get(&self, id: &str) -> Result<Silence, SilenceError> {
        let sent = self.endpoint.send(self.endpoint.get(&format!("api/v2/silence/{id}"))).await;
        let response = sent.map_err(|error| told(error, id))?;
        let wire: Wire = read_json(response, MAX_ANSWER_BYTES).await?;
        Ok(wire.into())
    }

    /// Makes one, from `from` to `until`; its id.
    pub(super) async fn create(
        &self,
        matchers: &[SilenceMatcher],
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        created_by: &str,
        comment: &str,
    ) -> Result<String, SilenceError> {
        let wire = |matcher: &SilenceMatcher| {
            let is_regex = matches!(matcher.operator, MatchOperator::Regex | MatchOperator::NotRegex);
            let is_equal = matches!(matcher.operator, MatchOperator::Equal | MatchOperator::Regex);
            json!({"name": matcher.name, "value": matcher.value, "isRegex": is_regex, "isEqual": is_equal})
        };
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let body = json!({
            "matchers": matchers.iter().map(wire).collect::<Vec<Value>>(), "startsAt": time(from), "endsAt": time(until),
            "createdBy": created_by, "comment": comment,
        });
        let sent = self.endpoint.send(self.endpoint.post_json("api/v2/silences", &body)).await;
        let response = sent.map_err(|error| told(error, ""))?;
        let made: Value = read_json(response, MAX_ANSWER_BYTES).await?;
        match made["silenceID"].as_str() {
            Some(id) => Ok(id.to_owned()),
            None => Err(SilenceError::Refused { why: "it answered without an id".into() }),
        }
    }

    /// Ends one.
    pub(super) async fn expire(&self, id: &str) -> Result<(), SilenceError> {
        let sent = self.endpoint.send(self.endpoint.delete(&format!("api/v2/silence/{id}"))).await;
        match sent {
            Ok(response) => {
                read_bounded(response, MAX_ANSWER_BYTES).await?;
                Ok(())
            }
            // Ended by somebody else, or by its time: that is what was wanted.
            Err(HttpError::Status { excerpt, .. }) if excerpt.contains("already expired") => Ok(()),
            Err(error) => Err(told(error, id)),
        }
    }

    /// What `holmes-bot check` says about it.
    pub async fn check(&self) -> CheckLine {
        let asked = async {
            let response = self.endpoint.send(self.endpoint.get("api/v2/status")).await?;
            read_json::<Value>(response, MAX_ANSWER_BYTES).await
        };
        match asked.await {
            Ok(status) => {
                let version = status["versionInfo"]["version"].as_str().unwrap_or("of an unknown version");
                CheckLine::good("alertmanager", format!("Alertmanager {version}"))
            }
            Err(error) => {
                let mend =
                    "check ALERTMANAGER_URL: it is the base address, with the --web.route-prefix if there is one";
                CheckLine::bad("alertmanager", error.to_string(), mend)
            }
        }
    }
}

/// An error in Alertmanager's own manners.
fn told(error: HttpError, id: &str) -> SilenceError {
    match error {
        HttpError::Status { code: 404, .. } => SilenceError::NotFound { id: id.to_owned() },
        HttpError::Status { code: 500, excerpt, .. } if excerpt.contains("silence not found") => {
            SilenceError::NotFound { id: id.to_owned() }
        }
        HttpError::Status { code: 400..=499, excerpt, .. } => SilenceError::Refused { why: sentence(&excerpt) },
        other => SilenceError::Http(other),
    }
}

/// The sentence in `{"code":612,"message":"…"}` or `"…"`.
fn sentence(excerpt: &str) -> String {
    let said = match serde_json::from_str::<Value>(excerpt) {
        Ok(Value::String(text)) => text,
        Ok(object) => object["message"].as_str().unwrap_or(excerpt).to_owned(),
        Err(_) => excerpt.to_owned(),
    };
    text::line(&said, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_as_alertmanager_words_them() {
        let status = |code, excerpt: &str| HttpError::Status { url: "http://am".into(), code, excerpt: excerpt.into() };
        for (error, expected) in [
            (status(404, ""), "Alertmanager has no silence x"),
            (status(500, "\"silence not found\""), "Alertmanager has no silence x"),
            (
                status(422, r#"{"code":612,"message":"matchers in body should have at least 1 items"}"#),
                "Alertmanager refuses: matchers in body should have at least 1 items",
            ),
            (
                status(400, "\"Failed to create silence: end time can't be in the past\""),
                "Alertmanager refuses: Failed to create silence: end time can't be in the past",
            ),
            (status(503, "busy"), "Alertmanager: http://am answered HTTP 503: busy"),
        ] {
            assert_eq!(told(error, "x").to_string(), expected);
        }
    }
}
