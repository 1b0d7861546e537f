//! What people are shown of a target and of the change.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::alert::Labels;
use crate::domain::redact::Redactor;
use crate::domain::text;

/// Longest diff, in bytes: what does not fit is not read, and a change that large is none of the catalogue's.
pub const MAX_DIFF_BYTES: usize = 8 * 1024;

/// A target as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// Which object of that name; `None` for what is not in the cluster's API.
    pub uid: Option<String>,
    /// Which version of it.
    pub resource_version: Option<String>,
    /// Its labels, by which rules apply; `None` when they could not be read.
    pub labels: Option<Labels>,
    /// What manages it, and would change it back.
    pub managed: Option<Managed>,
}

impl Snapshot {
    /// Whether it is the same object at the same version.
    pub fn is_same(&self, other: &Self) -> bool {
        self.uid == other.uid && self.resource_version == other.resource_version
    }
}

/// Who manages a target from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// `Argo CD application shop`, `Flux kustomization apps/shop`.
    pub by: String,
    /// The change as text to commit there: the fields that would be changed, as YAML.
    pub patch: String,
}

/// What a dry run changed, as lines that begin with `-`, `+` or a space.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diff(String);

impl Diff {
    /// A diff without secrets, control characters and endlessness.
    pub fn new(diff: &str, redactor: &Redactor) -> Self {
        let redacted = redactor.redact(diff);
        Self(text::bounded(&text::plain(&redacted), MAX_DIFF_BYTES).into_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
