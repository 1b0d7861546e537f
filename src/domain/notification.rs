//! One webhook body: a group of alerts in Alertmanager's version 4 format.
//!
//! Read leniently: unknown fields are ignored and newer ones (`notification_reason`, `routeLabels`) are not needed.
//! What is refused is a body that is not version 4 at all, for example one made by a custom `payload:` template.
//! Source: <https://prometheus.io/docs/alerting/latest/configuration/#webhook_config> and Alertmanager's
//! `notify/webhook/webhook.go`.

use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::alert::{Alert, AlertStatus, Labels};
use super::text;
use super::trace::TraceParent;

/// Most alerts taken from one body. A group of this size is a storm; with `max_alerts: 0` Alertmanager sends it whole.
pub const MAX_ALERTS: usize = 50_000;
/// Most labels or annotations kept of one alert. Prometheus' own advice is to stay under 30.
const MAX_LABELS: usize = 64;

/// A delivered group of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Alertmanager's key of the group; changes when routing changes, so it identifies nothing here.
    pub group_key: String,
    /// The receiver's name in Alertmanager's configuration.
    pub receiver: String,
    /// Base address of the Alertmanager that sent it, for links.
    pub external_url: String,
    /// How many alerts `max_alerts` cut off.
    pub truncated_alerts: u64,
    /// The alerts, each with its own status.
    pub alerts: Vec<Alert>,
    /// When we received it, by our clock.
    pub received_at: DateTime<Utc>,
    /// The trace that its delivery belongs to, if whoever sent it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}

/// Why a body is refused; the text says which field and how to mend it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotificationError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// JSON, but not Alertmanager's.
    #[error(
        "`{field}` {problem}: this endpoint takes Alertmanager's webhook format version 4; remove a custom `payload:` \
         from webhook_config"
    )]
    NotVersion4 {
        /// JSON path of the offending field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// More than [`MAX_ALERTS`].
    #[error("`alerts` holds {0} alerts, more than {MAX_ALERTS}: set `max_alerts` in webhook_config")]
    TooManyAlerts(usize),
}

fn wrong(field: impl Into<String>, problem: impl Into<String>) -> NotificationError {
    NotificationError::NotVersion4 { field: field.into(), problem: problem.into() }
}

impl Notification {
    /// Reads a webhook body received at `now`.
    ///
    /// # Errors
    /// [`NotificationError`] names the field and the mend.
    pub fn parse(body: &[u8], now: DateTime<Utc>) -> Result<Self, NotificationError> {
        let mut root: Value =
            serde_json::from_slice(body).map_err(|error| NotificationError::NotJson(error.to_string()))?;
        let object = root.as_object_mut().ok_or_else(|| wrong("(root)", "is not an object"))?;
        match object.get("version") {
            Some(Value::String(version)) if version == "4" => {}
            Some(other) => {
                return Err(wrong("version", format!("is {}, not \"4\"", text::bounded(&other.to_string(), 40))));
            }
            None => return Err(wrong("version", "is missing")),
        }
        let alerts = match object.remove("alerts") {
            Some(Value::Array(alerts)) => alerts,
            Some(_) => return Err(wrong("alerts", "is not a list")),
            None => return Err(wrong("alerts", "is missing")),
        };
        if alerts.len() > MAX_ALERTS {
            return Err(NotificationError::TooManyAlerts(alerts.len()));
        }
        let alerts = alerts
            .into_iter()
            .enumerate()
            .map(|(index, alert)| parse_alert(index, alert, now))
            .collect::<Result<Vec<_>, _>>()?;
        let string = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(Self {
            group_key: text::line(string("groupKey"), text::MAX_VALUE_BYTES),
            receiver: text::line(string("receiver"), 256),
            external_url: web_address(string("externalURL")),
            truncated_alerts: object.get("truncatedAlerts").and_then(Value::as_u64).unwrap_or(0),
            alerts,
            received_at: now,
            trace: None,
        })
    }
}

fn parse_alert(index: usize, alert: Value, now: DateTime<Utc>) -> Result<Alert, NotificationError> {
    let field = |name: &str| format!("alerts[{index}].{name}");
    let Value::Object(mut alert) = alert else { return Err(wrong(format!("alerts[{index}]"), "is not an object")) };
    let labels = match alert.remove("labels") {
        Some(labels) => labels_of(labels).ok_or_else(|| wrong(field("labels"), "is not an object of strings"))?,
        None => return Err(wrong(field("labels"), "is missing")),
    };
    let annotations = match alert.remove("annotations") {
        None | Some(Value::Null) => Labels::new(),
        Some(value) => labels_of(value).ok_or_else(|| wrong(field("annotations"), "is not an object of strings"))?,
    };
    let status = match alert.get("status").and_then(Value::as_str) {
        Some("firing") => AlertStatus::Firing,
        Some("resolved") => AlertStatus::Resolved,
        Some(other) => {
            return Err(wrong(field("status"), format!("is `{}`, not firing or resolved", text::bounded(other, 40))));
        }
        None => return Err(wrong(field("status"), "is missing")),
    };
    let time = |name: &str| -> Result<Option<DateTime<Utc>>, NotificationError> {
        match alert.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => DateTime::parse_from_rfc3339(text)
                .map(|at| Some(at.with_timezone(&Utc)).filter(|at| at.year() > 1))
                .map_err(|_| wrong(field(name), format!("is `{}`, not an RFC 3339 time", text::bounded(text, 40)))),
            Some(_) => Err(wrong(field(name), "is not a string")),
        }
    };
    let starts_at = time("startsAt")?.unwrap_or(now);
    let ends_at = match status {
        AlertStatus::Firing => None,
        // A clock that was set back can end an alert before it began; it lasted no time, not a negative one.
        AlertStatus::Resolved => Some(time("endsAt")?.unwrap_or(now).max(starts_at)),
    };
    let fingerprint = match alert.get("fingerprint").and_then(Value::as_str) {
        Some(given) if !given.is_empty() => text::line(given, 64),
        _ => fingerprint_of(&labels),
    };
    let generator_url = web_address(alert.get("generatorURL").and_then(Value::as_str).unwrap_or_default());
    Ok(Alert { fingerprint, status, labels, annotations, starts_at, ends_at, generator_url })
}

/// Names and values, cleaned and bounded; `None` if a value is not a string.
fn labels_of(value: Value) -> Option<Labels> {
    let Value::Object(object) = value else { return None };
    let mut labels = Labels::new();
    for (name, value) in object {
        let Value::String(value) = value else { return None };
        // `alertname` and the labels that name the subject come first whatever their number.
        if labels.len() < MAX_LABELS || name == "alertname" || name == "namespace" || name == "severity" {
            let value = text::plain(&value);
            labels.insert(text::line(&name, 256), text::bounded(&value, text::MAX_VALUE_BYTES).into_owned());
        }
    }
    Some(labels)
}

/// Only addresses that are safe to put behind a link are kept.
fn web_address(text: &str) -> String {
    let is_web = text.starts_with("http://") || text.starts_with("https://");
    if is_web && text.len() <= text::MAX_VALUE_BYTES && !text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        text.to_owned()
    } else {
        String::new()
    }
}

/// Stands in where a sender gives no fingerprint: the first 16 hex digits of a SHA-256 over the sorted labels.
fn fingerprint_of(labels: &Labels) -> String {
    let mut hash = Sha256::new();
    for (name, value) in labels {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
        hash.update((value.len() as u64).to_le_bytes());
        hash.update(value);
    }
    super::incident::hex(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn now() -> DateTime<Utc> {
        "2026-11-22T22:00:00Z".parse().unwrap()
    }

    fn body(alert: Value) -> Vec<u8> {
        json!({"version": "4", "alerts": [alert]}).to_string().into_bytes()
    }

    #[test]
    fn reads_what_alertmanager_sends() {
        let notification =
            Notification::parse(include_bytes!("../../tests/captures/am-webhook-mixed.json"), now()).unwrap();
        assert!(notification.alerts.iter().any(Alert::is_firing));
        let resolved = notification.alerts.iter().find(|alert| !alert.is_firing()).unwrap();
        assert!(resolved.ends_at.unwrap() > resolved.starts_at);
        assert!(notification.alerts.iter().filter(|alert| alert.is_firing()).all(|alert| alert.ends_at.is_none()));
    }

    #[test]
    fn refusals_name_the_field_and_the_mend() {
        for (body, part) in [
            (&b"{"[..], "not JSON"),
            (b"[]", "`(root)` is not an object"),
            (br#"{"text":"hello"}"#, "`version` is missing"),
            (br#"{"version":"3","alerts":[]}"#, "`version` is \"3\", not \"4\""),
            (br#"{"version":"4"}"#, "`alerts` is missing"),
            (br#"{"version":"4","alerts":[{"status":"firing"}]}"#, "`alerts[0].labels` is missing"),
            (br#"{"version":"4","alerts":[{"status":"on","labels":{}}]}"#, "`alerts[0].status` is `on`"),
            (br#"{"version":"4","alerts":[{"status":"firing","labels":{"a":1}}]}"#, "`alerts[0].labels`"),
            (
                br#"{"version":"4","alerts":[{"status":"firing","labels":{},"startsAt":"yesterday"}]}"#,
                "`alerts[0].startsAt` is `yesterday`",
            ),
        ] {
            let error = Notification::parse(body, now()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn an_end_before_the_start_is_no_negative_time() {
        let alert = json!({"status": "resolved", "labels": {"alertname": "A"},
            "startsAt": "2026-11-22T22:00:00Z", "endsAt": "2026-11-22T21:00:00Z"});
        let alert = &Notification::parse(&body(alert), now()).unwrap().alerts[0];
        assert_eq!(alert.ends_at, Some(alert.starts_at));
    }

    #[test]
    fn huge_labels_are_bounded_and_a_missing_fingerprint_is_made() {
        let alert = json!({"status": "firing", "labels": {"alertname": "A", "big": "x".repeat(64 * 1024)}});
        let alert = Notification::parse(&body(alert), now()).unwrap().alerts.remove(0);
        assert!(alert.labels["big"].len() <= text::MAX_VALUE_BYTES);
        assert_eq!(alert.fingerprint.len(), 16);
        assert_eq!(alert.starts_at, now());
    }

    #[test]
    fn a_link_that_is_no_web_address_is_dropped() {
        let alert = json!({"status": "firing", "labels": {}, "generatorURL": "javascript:alert(1)"});
        assert_eq!(Notification::parse(&body(alert), now()).unwrap().alerts[0].generator_url, "");
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Notification::parse(&bytes, now());
        }
    }
}
