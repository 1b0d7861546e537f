//! What an incident is called.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::alert::Alert;

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An incident's name, e.g. `i-3f9a1c07be`. Made from what opened it, so that opening twice opens one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IncidentId(pub String);

impl IncidentId {
    /// The id of the incident that this alert opens under `key`.
    pub fn of(key: &str, alert: &Alert) -> Self {
        let mut hash = Sha256::new();
        for part in [key, &alert.fingerprint, &alert.starts_at.to_rfc3339()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(format!("i-{}", hex(&hash.finalize()[..5])))
    }
}

impl std::fmt::Display for IncidentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
