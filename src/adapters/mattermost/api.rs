//! The REST API v4: how it is called, what it answers, and how it says no.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::adapters::http::{Endpoint, HttpError, excerpt, read_bounded, read_json};
use crate::domain::text;

/// Longest answer that is read: a page of 200 posts with their attachments.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Longest error that is read.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// How long to wait when the server does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(1);
/// Longest wait that the server is believed in.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Why the API did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// No answer, or none that can be read.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Too many requests.
    #[error("Mattermost asks to wait {} ms", .after.num_milliseconds())]
    Limited {
        /// How long to wait.
        after: TimeDelta,
    },
    /// It said no, with its reason.
    #[error("Mattermost answered HTTP {status}: {message} ({id})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Names the reason: `api.context.permissions.app_error`.
        id: String,
        /// In words.
        message: String,
    },
}

impl ApiError {
    /// Whether it is this status.
    pub fn is(&self, code: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == code)
    }
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    id: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detailed_error: String,
}

/// The way to the API, at the pace that it allows.
pub(super) struct Api {
    pub endpoint: Endpoint,
    /// Until when nothing is sent, because the server said that the next request is one too many.
    quiet_until: Mutex<Option<Instant>>,
}

impl Api {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, quiet_until: Mutex::new(None) }
    }

    /// Sends a request unless it is known to be one too many, and reads its answer.
    pub async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        if let Some(left) = self.quiet_for() {
            return Err(ApiError::Limited { after: delta(left) });
        }
        self.call_now(request).await
    }

    /// Sends a request that cannot wait: a person does.
    pub async fn call_now<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = self.endpoint.exchange(request).await?;
        self.heed(response.headers());
        if response.status().is_success() {
            return Ok(read_json(response, MAX_ANSWER_BYTES).await?);
        }
        Err(self.refusal(response).await)
    }

    async fn refusal(&self, response: Response) -> ApiError {
        let status = response.status().as_u16();
        if status == 429 {
            let after = wait(response.headers()).unwrap_or(DEFAULT_WAIT);
            self.be_quiet(after);
            return ApiError::Limited { after: delta(after) };
        }
        let bytes = read_bounded(response, MAX_ERROR_BYTES).await.unwrap_or_default();
        match serde_json::from_slice::<ErrorBody>(&bytes) {
            Ok(ErrorBody { id, message, detailed_error }) => {
                let detail = if detailed_error.is_empty() { String::new() } else { format!(" {detailed_error}") };
                ApiError::Refused { status, id, message: text::line(&format!("{message}{detail}"), 300) }
            }
            Err(_) => ApiError::Refused { status, id: "no reason given".into(), message: excerpt(&bytes) },
        }
    }

    /// With nothing left, the next request would be refused; some servers count refused ones, too.
    fn heed(&self, headers: &HeaderMap) {
        if number(headers, "x-ratelimit-remaining") == Some(0)
            && let Some(reset) = number(headers, "x-ratelimit-reset")
        {
            self.be_quiet(Duration::from_secs(reset).min(MAX_WAIT));
        }
    }

    fn be_quiet(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut quiet = self.quiet_until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *quiet = Some(quiet.map_or(until, |before| before.max(until)));
    }

    fn quiet_for(&self) -> Option<Duration> {
        let quiet = *self.quiet_until.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        quiet?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}

fn delta(time: Duration) -> TimeDelta {
    TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)
}

/// How long a 429 asks to wait.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = number(headers, "retry-after").or_else(|| number(headers, "x-ratelimit-reset"))?;
    Some(Duration::from_secs(seconds).clamp(DEFAULT_WAIT, MAX_WAIT))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub id: String,
    pub username: String,
    #[serde(default)]
    pub is_bot: bool,
    #[serde(default)]
    pub roles: String,
    #[serde(default)]
    pub delete_at: i64,
}

/// A team.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Team {
    pub id: String,
    #[serde(default)]
    pub name: String,
}

/// Membership of a team or a channel.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Member {
    #[serde(default)]
    pub user_id: String,
    #[serde(default)]
    pub delete_at: i64,
}

/// A channel.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Channel {
    pub id: String,
    #[serde(default)]
    pub team_id: String,
    #[serde(default)]
    pub name: String,
    /// `O` open, `P` private, `D` direct, `G` group.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub delete_at: i64,
    #[serde(default)]
    pub last_post_at: i64,
}

/// A post.
#[derive(Debug, Clone, Deserialize)]
pub struct Post {
    pub id: String,
    #[serde(default)]
    pub create_at: i64,
    #[serde(default)]
    pub delete_at: i64,
    pub user_id: String,
    pub channel_id: String,
    #[serde(default)]
    pub root_id: String,
    #[serde(default)]
    pub message: String,
    /// Empty for what people write, `system_…` for what the server does.
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub props: Option<serde_json::Map<String, serde_json::Value>>,
}

impl Post {
    /// A text among its props.
    pub fn prop(&self, name: &str) -> Option<&str> {
        self.props.as_ref()?.get(name)?.as_str()
    }

    /// Whether a prop says yes; servers write it as text or as a truth value.
    pub fn is_marked(&self, name: &str) -> bool {
        let value = self.props.as_ref().and_then(|props| props.get(name));
        value.is_some_and(|value| value.as_str() == Some("true") || value.as_bool() == Some(true))
    }
}

/// Posts, newest first.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Posts {
    #[serde(default)]
    pub order: Vec<String>,
    #[serde(default)]
    pub posts: HashMap<String, Post>,
}

/// Anything that is only known to be JSON.
pub(super) type Anything = serde_json::Value;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_and_bounded() {
        let headers = |pairs: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.insert(*name, value.parse().unwrap());
            }
            map
        };
        for (pairs, seconds) in [
            (&[("retry-after", "1"), ("x-ratelimit-reset", "11")][..], Some(1)),
            (&[("x-ratelimit-reset", "11")], Some(11)),
            (&[("retry-after", "0")], Some(1)),
            (&[("retry-after", "86400")], Some(60)),
            (&[("retry-after", "soon")], None),
        ] {
            assert_eq!(wait(&headers(pairs)).map(|wait| wait.as_secs()), seconds, "{pairs:?}");
        }
    }
}
