//! Targets by name. A name that Kubernetes would refuse cannot be made, so none can reach a path or a patch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ActionError;
use crate::domain::subject::SubjectKind;
use crate::domain::text;

/// A name that Kubernetes accepts: a DNS-1123 subdomain of at most 253 lower-case letters, digits, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ActionError;

    fn from_str(name: &str) -> Result<Self, ActionError> {
        let is_label = |label: &str| {
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            label.bytes().all(|b| inner(b) || b == b'-')
                && label.bytes().next().is_some_and(inner)
                && label.bytes().last().is_some_and(inner)
        };
        if name.len() <= 253 && name.split('.').all(is_label) {
            return Ok(Self(name.to_owned()));
        }
        let shown = text::line(name, 60);
        Err(ActionError::new("name", format!("`{shown}` is no name of Kubernetes: use a-z, 0-9, `-` and `.`")))
    }
}

impl TryFrom<String> for Name {
    type Error = ActionError;

    fn try_from(name: String) -> Result<Self, ActionError> {
        name.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Kinds that roll out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RolloutKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
}

impl RolloutKind {
    /// Kubernetes' spelling.
    pub fn as_str(self) -> &'static str {
        self.subject().as_str()
    }

    /// The resource's name in commands: `deployment`.
    pub fn command(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
        }
    }

    /// The kind as subjects have it.
    pub fn subject(self) -> SubjectKind {
        match self {
            Self::Deployment => SubjectKind::Deployment,
            Self::StatefulSet => SubjectKind::StatefulSet,
            Self::DaemonSet => SubjectKind::DaemonSet,
        }
    }

    /// The kind of a subject, where it is one that rolls out.
    pub fn of(kind: SubjectKind) -> Option<Self> {
        match kind {
            SubjectKind::Deployment => Some(Self::Deployment),
            SubjectKind::StatefulSet => Some(Self::StatefulSet),
            SubjectKind::DaemonSet => Some(Self::DaemonSet),
            _ => None,
        }
    }
}

/// A workload that rolls out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its kind.
    pub kind: RolloutKind,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

/// Any other object in a namespace, whose kind the action tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Namespaced {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl fmt::Display for Namespaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
