//! Kubernetes' times as ours.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, Time};
use k8s_openapi::jiff::Timestamp;

/// A time that may be absent.
pub(super) fn at(time: Option<&Time>) -> Option<DateTime<Utc>> {
    time.and_then(|time| from(time.0))
}

/// A time with microseconds that may be absent.
pub(super) fn at_micro(time: Option<&MicroTime>) -> Option<DateTime<Utc>> {
    time.and_then(|time| from(time.0))
}

fn from(at: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.as_second(), u32::try_from(at.subsec_nanosecond()).unwrap_or(0))
}
