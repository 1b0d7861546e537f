//! What a store holds, piece by piece, as it is carried to another one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DocumentKind;
use crate::domain::audit::AuditEntry;
use crate::domain::chat::Platform;
use crate::domain::event::Event;
use crate::domain::incident::Incident;
use crate::domain::investigation::Investigation;
use crate::domain::post::Post;
use crate::domain::projection::Projection;
use crate::domain::proposal::Proposal;

/// A piece of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// An incident with all that belongs to it.
    Incident(Box<IncidentRecord>),
    /// A timer.
    Timer {
        /// Its key.
        key: String,
        /// When.
        due: DateTime<Utc>,
        /// What happens then.
        event: Event,
    },
    /// A document.
    Document {
        /// Its kind.
        kind: DocumentKind,
        /// Its key.
        key: String,
        /// What it holds.
        #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
        body: Vec<u8>,
    },
    /// An entry of the audit. They are carried in order, so that the chain stays the chain that it was.
    Audit(AuditEntry),
}

/// An incident with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentRecord {
    /// Its version.
    pub version: u64,
    /// The incident.
    pub incident: Incident,
    /// Its newest investigation.
    pub investigation: Option<Investigation>,
    /// Its thread in order.
    pub thread: Vec<Post>,
    /// Its proposals.
    pub proposals: Vec<Proposal>,
    /// What chats show of it.
    pub shown: Vec<ShownRecord>,
}

impl IncidentRecord {
    /// The newest event whose effects are in it: numbers of events must go on after it.
    pub fn last_event(&self) -> u64 {
        self.incident.handled.iter().map(|event| event.0).max().unwrap_or(0)
    }
}

/// What one chat shows of an incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownRecord {
    /// Which chat.
    pub platform: Platform,
    /// Its version.
    pub version: u64,
    /// What.
    pub projection: Projection,
}

fn to_base64<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
}
