//! Silences: how they are checked, kept and ended.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::{coded, plain};
use crate::demo::http::Refusal;

/// One silence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Silence {
    id: Option<String>,
    matchers: Value,
    starts: DateTime<Utc>,
    ends: DateTime<Utc>,
    updated: DateTime<Utc>,
    created_by: String,
    comment: String,
}

/// All silences, by id.
#[derive(Debug, Default)]
pub(super) struct Silences(BTreeMap<String, Silence>);

/// A time with milliseconds, as Alertmanager writes it.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Silence {
    /// Reads what was posted.
    pub fn read(body: &Value, now: DateTime<Utc>) -> Result<Self, Refusal> {
        for field in ["comment", "createdBy", "endsAt", "matchers", "startsAt"] {
            if body[field].is_null() {
                return Err(coded(422, 602, &format!("{field} in body is required")));
            }
        }
        let matchers = body["matchers"].as_array().cloned().unwrap_or_default();
        if matchers.is_empty() {
            return Err(coded(422, 612, "matchers in body should have at least 1 items"));
        }
        let time = |field: &str| {
            let text = body[field].as_str().unwrap_or_default();
            DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()).map_err(|_| {
                coded(400, 400, &format!("parsing silence body from \"\" failed, because parsing time {text:?}"))
            })
        };
        let (starts, ends) = (time("startsAt")?, time("endsAt")?);
        if starts >= ends {
            return Err(plain(400, "Failed to create silence: start time must be before end time"));
        }
        if ends < now {
            return Err(plain(400, "Failed to create silence: end time can't be in the past"));
        }
        let empty = matchers.iter().all(|matcher| {
            let equal = matcher["isEqual"].as_bool().unwrap_or(true);
            let matches_empty = match matcher["isRegex"].as_bool().unwrap_or(false) {
                true => matches!(matcher["value"].as_str(), Some("" | ".*")),
                false => matcher["value"] == "",
            };
            matches_empty == equal
        });
        if empty {
            return Err(plain(400, "silence invalid: at least one matcher must not match the empty string"));
        }
        let written = matchers.iter().map(|matcher| {
            json!({"isEqual": matcher["isEqual"].as_bool().unwrap_or(true), "isRegex": matcher["isRegex"],
                "name": matcher["name"], "value": matcher["value"]})
        });
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            id: body["id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned),
            matchers: written.collect(),
            // One that should have begun begins now.
            starts: starts.max(now),
            ends,
            updated: now,
            created_by: text("createdBy"),
            comment: text("comment"),
        })
    }

    fn state(&self, now: DateTime<Utc>) -> &'static str {
        match now {
            now if now >= self.ends => "expired",
            now if now < self.starts => "pending",
            _ => "active",
        }
    }

    fn shown(&self, id: &str, now: DateTime<Utc>) -> Value {
        json!({
            "id": id, "status": {"state": self.state(now)}, "updatedAt": written(self.updated), "comment": self.comment,
            "createdBy": self.created_by, "endsAt": written(self.ends), "matchers": self.matchers,
            "startsAt": written(self.starts),
        })
    }
}

impl Silences {
    /// Keeps a silence, and returns its id. One that changes what an active one matches replaces it.
    pub fn set(&mut self, mut silence: Silence, now: DateTime<Utc>) -> Result<String, Refusal> {
        if let Some(id) = silence.id.take() {
            let known = self.0.get_mut(&id).ok_or_else(|| plain(404, "silence not found"))?;
            if known.matchers == silence.matchers && known.state(now) != "expired" {
                *known = silence;
                return Ok(id);
            }
            if known.state(now) != "expired" {
                known.ends = now;
            }
        }
        let id = format!("00000000-0000-4000-a000-{:012x}", self.0.len() + 1);
        self.0.insert(id.clone(), silence);
        Ok(id)
    }

    /// One silence; a missing one is 404 with an empty body.
    pub fn get(&self, id: &str, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let missing =
            || Refusal { status: StatusCode::NOT_FOUND, content_type: "application/json", body: String::new() };
        self.0.get(id).map(|silence| silence.shown(id, now)).ok_or_else(missing)
    }

    /// Ends one; whatever is wrong with that is a 500.
    pub fn expire(&mut self, id: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        let silence = self.0.get_mut(id).ok_or_else(|| plain(500, "silence not found"))?;
        match silence.state(now) {
            "expired" => return Err(plain(500, &format!("silence {id} already expired"))),
            "pending" => silence.starts = now,
            _ => {}
        }
        silence.ends = now;
        silence.updated = now;
        Ok(())
    }

    /// All of them.
    pub fn list(&self, now: DateTime<Utc>) -> Value {
        self.0.iter().map(|(id, silence)| silence.shown(id, now)).collect()
    }
}
