//! The two things that production has more than one of: where state lives ([`Store`]), and where people talk ([`Chat`]).

mod chat;
mod record;
mod store;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use chat::{Chat, ChatError, Destination, PictureFile, Sent};
pub use record::{IncidentRecord, Record, ShownRecord};
pub use store::{
    Backlog, CHANGES_KEPT, ChatBacklog, Claimed, Document, DocumentKind, Filter, InboxState, Lease, MAX_WAITING,
    MAX_WAITING_BYTES, Store, StoreError, Timer, Undelivered, Versioned, Write,
};

/// The time, as a value that tests can set.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
