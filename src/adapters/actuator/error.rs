//! What can go wrong with a change, in words a person can act on.

use std::time::Duration;

use crate::adapters::alertmanager::SilenceError;
use crate::domain::text;

/// Why nothing was changed, or why that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActuatorError {
    /// The person who approved has no Kubernetes user.
    #[error("{person} has no Kubernetes user: add them to HOLMES_ACTUATOR_IMPERSONATE, or leave it unset")]
    NotMapped {
        /// The person, as the map names people.
        person: String,
    },
    /// Silences are asked for and there is no Alertmanager.
    #[error("no Alertmanager is configured: set ALERTMANAGER_URL")]
    NoAlertmanager,
    /// The token is wrong or expired (401).
    #[error("the Kubernetes API does not accept the actuator's credentials (401): check HOLMES_ACTUATOR_KUBECONFIG")]
    Unauthorized,
    /// An RBAC rule is missing (403).
    #[error(
        "{} may not {verb} {resource}{}: add apiGroups [\"{group}\"], resources [\"{resource}\"], verbs [\"{verb}\"] to {}",
        user.as_deref().unwrap_or("the actuator"),
        within(namespace.as_deref()),
        if user.is_some() { "a role of theirs" } else { "the actuator's ClusterRole" }
    )]
    Forbidden {
        /// `patch`, `create` …
        verb: String,
        /// API group; empty for core.
        group: String,
        /// `deployments`, `pods/eviction`.
        resource: String,
        /// `None` for cluster-wide objects.
        namespace: Option<String>,
        /// The impersonated user, if any.
        user: Option<String>,
    },
    /// The object is not there (404).
    #[error("{what} does not exist")]
    NotFound {
        /// `deployments.apps shop/web`.
        what: String,
    },
    /// The permission ended before it was used.
    #[error("the approval ended at {}: propose it anew", until.format("%H:%M:%S UTC"))]
    TooLate {
        /// When.
        until: chrono::DateTime<chrono::Utc>,
    },
    /// The object is another, or was changed since the proposal was shown: the approval is void.
    #[error("{what} has changed since this was proposed ({how}): propose it anew")]
    Moved {
        /// `Deployment shop/web`.
        what: String,
        /// What moved.
        how: String,
    },
    /// Something that must hold does not.
    #[error("{what}: {why}")]
    Unmet {
        /// `Deployment shop/web`.
        what: String,
        /// Why not, and what to do instead.
        why: String,
    },
    /// The server refuses the change itself (400, 409, 422): an admission webhook, a quota, a bad value.
    #[error("the Kubernetes API refuses to {what}: {why}")]
    Refused {
        /// `patch deployments.apps web in namespace shop`.
        what: String,
        /// The server's sentence.
        why: String,
    },
    /// No whole answer in time.
    #[error("the Kubernetes API did not answer `{what}` within {} s", .after.as_secs_f64())]
    Timeout {
        /// The request.
        what: String,
        /// How long we waited.
        after: Duration,
    },
    /// No connection.
    #[error("the Kubernetes API cannot be reached: {why}")]
    Unreachable {
        /// The innermost cause.
        why: String,
    },
    /// Alertmanager's part.
    #[error(transparent)]
    Silence(#[from] SilenceError),
    /// Anything else.
    #[error("Kubernetes API: {why}")]
    Other {
        /// One line.
        why: String,
    },
}

impl ActuatorError {
    /// Whether the change may have happened all the same: then the object must be observed before anything is repeated.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } | Self::Other { .. } => true,
            Self::Silence(error) => error.leaves_doubt(),
            Self::NotMapped { .. }
            | Self::NoAlertmanager
            | Self::TooLate { .. }
            | Self::Unauthorized
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Moved { .. }
            | Self::Unmet { .. }
            | Self::Refused { .. } => false,
        }
    }

    pub(super) fn config(error: impl std::error::Error) -> Self {
        let (outer, inner) = (text::line(&error.to_string(), 300), innermost(&error));
        let why = if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") };
        Self::Other { why: format!("cannot connect: {why}") }
    }
}

/// A request in words, so that an error can name it.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub verb: &'static str,
    pub group: &'a str,
    /// `deployments`, `pods/eviction`.
    pub resource: String,
    pub namespace: Option<&'a str>,
    pub name: Option<&'a str>,
    pub user: Option<&'a str>,
}

impl std::fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(name) = self.name {
            write!(f, " {name}")?;
        }
        f.write_str(&within(self.namespace))
    }
}

/// Why a request failed, with the server's own answer where that is what it was.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: Option<Box<kube::core::Status>>,
    pub error: ActuatorError,
}

impl From<ActuatorError> for Refusal {
    fn from(error: ActuatorError) -> Self {
        Self { status: None, error }
    }
}

impl From<Refusal> for ActuatorError {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

impl Refusal {
    pub fn of(error: kube::Error, asked: &Asked) -> Self {
        match error {
            kube::Error::Api(status) => Self { error: told(&status, asked), status: Some(status) },
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                ActuatorError::Unreachable { why: innermost(&error) }.into()
            }
            kube::Error::Auth(error) => ActuatorError::Other { why: format!("credentials: {error}") }.into(),
            other => ActuatorError::Other { why: innermost(&other) }.into(),
        }
    }

    /// Whether the server answered with this code.
    pub fn is(&self, code: u16) -> bool {
        self.status.as_ref().is_some_and(|status| status.code == code)
    }
}

/// A refusal in words.
fn told(status: &kube::core::Status, asked: &Asked) -> ActuatorError {
    match status.code {
        401 => ActuatorError::Unauthorized,
        // The rule for impersonation is another one than that of the request.
        403 if status.message.contains("cannot impersonate resource") => ActuatorError::Forbidden {
            verb: "impersonate".into(),
            group: String::new(),
            resource: "users".into(),
            namespace: None,
            user: None,
        },
        403 if is_rbac(status) => ActuatorError::Forbidden {
            verb: asked.verb.to_owned(),
            group: asked.group.to_owned(),
            resource: asked.resource.clone(),
            namespace: asked.namespace.map(str::to_owned),
            user: asked.user.map(str::to_owned),
        },
        404 if status.reason == "NotFound" => ActuatorError::NotFound {
            what: match (asked.namespace, asked.name) {
                (Some(namespace), Some(name)) => format!("{} {namespace}/{name}", asked.resource),
                (None, Some(name)) => format!("{} {name}", asked.resource),
                (_, None) => format!("the resource {}", asked.resource),
            },
        },
        400 | 403 | 405 | 409 | 413 | 415 | 422 | 429 => {
            ActuatorError::Refused { what: asked.to_string(), why: text::line(&status.message, 500) }
        }
        code => ActuatorError::Other { why: format!("{asked}: {code} {}", text::line(&status.message, 300)) },
    }
}

/// Whether a 403 comes from RBAC; admission (a quota, a webhook) answers 403 too, with a reason of its own.
fn is_rbac(status: &kube::core::Status) -> bool {
    status.message.contains("cannot ") && status.message.contains("User \"")
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    text::line(&cause.to_string(), 300)
}

fn within(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_rule_to_add() {
        let refused = |user: Option<&str>, resource: &str, group: &str| {
            ActuatorError::Forbidden {
                verb: "patch".into(),
                group: group.into(),
                resource: resource.into(),
                namespace: Some("shop".into()),
                user: user.map(str::to_owned),
            }
            .to_string()
        };
        insta::assert_snapshot!(refused(None, "deployments", "apps"), @r#"the actuator may not patch deployments in namespace shop: add apiGroups ["apps"], resources ["deployments"], verbs ["patch"] to the actuator's ClusterRole"#);
        insta::assert_snapshot!(refused(Some("alice"), "pods/eviction", ""), @r#"alice may not patch pods/eviction in namespace shop: add apiGroups [""], resources ["pods/eviction"], verbs ["patch"] to a role of theirs"#);
    }
}
