//! What can go wrong, in words a person can act on.

use std::time::Duration;

/// Longest name of an object, in bytes.
const MAX_NAME: usize = 253;

/// Why the Kubernetes API gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// The token is wrong or expired (401).
    #[error("the Kubernetes API does not accept our credentials (401): check the service account token or kubeconfig")]
    Unauthorized,
    /// An RBAC rule is missing (403).
    #[error(
        "not allowed to {verb} {resource}{}: add apiGroups [\"{}\"], resources [\"{}\"], verbs [\"{verb}\"] to the bot's ClusterRole",
        within(namespace.as_deref()),
        group_of(resource),
        resource_of(resource)
    )]
    Forbidden {
        /// `get`, `list` …
        verb: String,
        /// With its group as in `kubectl auth can-i`: `replicasets.apps`, `pods/log`.
        resource: String,
        /// `None` for cluster-wide reads.
        namespace: Option<String>,
    },
    /// The object is not there (404).
    #[error("{what} does not exist")]
    NotFound {
        /// `Deployment shop/web`.
        what: String,
    },
    /// No whole answer in time.
    #[error("the Kubernetes API did not answer `{what}` within {} s", (.after.as_secs_f64() * 100.0).round() / 100.0)]
    Timeout {
        /// The request: `list pods`.
        what: String,
        /// How long we waited.
        after: Duration,
    },
    /// No connection.
    #[error("the Kubernetes API cannot be reached: {detail}")]
    Unreachable {
        /// The innermost cause, e.g. `Connection refused`.
        detail: String,
    },
    /// Anything else.
    #[error("Kubernetes API: {detail}")]
    Other {
        /// One line.
        detail: String,
    },
}

/// What was asked, so that an error can name it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub verb: &'static str,
    /// `replicasets.apps`, `pods/log`.
    pub resource: String,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl Asked {
    /// Whether namespace and name can be an object's. The API server decodes a path before it reads it, so that no escape
    /// keeps `../secrets` one segment: what cannot exist is not asked for.
    pub fn names_what_may_exist(&self) -> bool {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        let may_exist = |name: &String| {
            name.bytes().all(letter) && !name.bytes().all(|byte| byte == b'.') && name.len() <= MAX_NAME
        };
        self.namespace.iter().chain(&self.name).all(may_exist)
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        f.write_str(&within(self.namespace.as_deref()))
    }
}

impl ClusterError {
    /// Whether asking anything else is pointless: nobody answers, or not us.
    pub fn is_total(&self) -> bool {
        match self {
            Self::Unauthorized | Self::Timeout { .. } | Self::Unreachable { .. } => true,
            Self::Forbidden { .. } | Self::NotFound { .. } | Self::Other { .. } => false,
        }
    }

    pub(super) fn config(error: impl std::error::Error) -> Self {
        // The outer error says what was tried, the innermost why it failed.
        let (outer, inner) = (first_line(&error.to_string()), innermost(&error));
        let why = if outer.contains(&inner) { outer } else { format!("{outer}: {inner}") };
        Self::Other { detail: format!("cannot connect: {why}") }
    }

    pub(super) fn timeout(asked: &Asked, after: Duration) -> Self {
        Self::Timeout { what: asked.to_string(), after }
    }

    /// There is no such thing.
    pub(super) fn missing(asked: &Asked) -> Self {
        Self::NotFound { what: missing(asked) }
    }

    pub(super) fn other(asked: &Asked, detail: impl std::fmt::Display) -> Self {
        Self::Other { detail: format!("{asked}: {detail}") }
    }

    pub(super) fn of(error: &kube::Error, asked: &Asked) -> Self {
        match error {
            kube::Error::Api(status) => match status.code {
                401 => Self::Unauthorized,
                403 => Self::Forbidden {
                    verb: asked.verb.to_owned(),
                    resource: asked.resource.clone(),
                    namespace: asked.namespace.clone(),
                },
                // Another 404 comes from a proxy or for a resource that this API server does not have.
                404 if status.reason == "NotFound" => Self::missing(asked),
                code => Self::other(asked, format_args!("{code} {}", first_line(&status.message))),
            },
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                Self::Unreachable { detail: innermost(error) }
            }
            // A token file or exec plugin that gives nothing: no request was sent.
            kube::Error::Auth(error) => Self::Other { detail: format!("credentials: {error}") },
            _ => Self::other(asked, innermost(error)),
        }
    }
}

/// The innermost source: hyper's own words say no more than "client error (Connect)".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    first_line(&cause.to_string())
}

fn first_line(text: &str) -> String {
    crate::domain::text::line(text, 300)
}

fn missing(asked: &Asked) -> String {
    match (&asked.namespace, &asked.name) {
        (Some(namespace), Some(name)) => format!("{} {namespace}/{name}", asked.resource),
        (None, Some(name)) => format!("{} {name}", asked.resource),
        (Some(namespace), None) if !asked.names_what_may_exist() => format!("namespace {namespace}"),
        (_, None) => format!("the resource {}", asked.resource),
    }
}

fn within(namespace: Option<&str>) -> String {
    namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default()
}

fn group_of(resource: &str) -> &str {
    resource.split_once('.').map_or("", |(_, group)| group)
}

fn resource_of(resource: &str) -> &str {
    resource.split_once('.').map_or(resource, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_name_is_not_asked_for() {
        let may = |namespace: &str, name: &str| {
            let name = Some(name.to_owned());
            Asked { verb: "get", resource: "pods".into(), namespace: Some(namespace.into()), name }
                .names_what_may_exist()
        };
        assert!(may("shop", "web-0") && may("shop", "ip-10-0-0-1.eu-west-1.compute.internal"));
        for hostile in ["../secrets", "..", ".", "", "a/b", "x?watch=1", "%2e%2e%2fsecrets", "x#", "x y", "a\\b", "имя"]
        {
            assert!(!may("shop", hostile) && !may(hostile, "web-0"), "{hostile}");
        }
        assert!(!may("shop", &"x".repeat(254)));
    }

    #[test]
    fn a_refusal_names_the_rule_to_add() {
        let refused = |resource: &str| {
            ClusterError::Forbidden { verb: "list".into(), resource: resource.into(), namespace: Some("shop".into()) }
                .to_string()
        };
        insta::assert_snapshot!(refused("replicasets.apps"), @r#"not allowed to list replicasets.apps in namespace shop: add apiGroups ["apps"], resources ["replicasets"], verbs ["list"] to the bot's ClusterRole"#);
        insta::assert_snapshot!(refused("pods/log"), @r#"not allowed to list pods/log in namespace shop: add apiGroups [""], resources ["pods/log"], verbs ["list"] to the bot's ClusterRole"#);
    }
}
