//! One thing that the Kubernetes API must allow, as RBAC sees it.

/// A (verb, resource) pair that the code uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// API group; empty for core.
    pub group: &'static str,
    /// Plural, with its subresource: `pods/log`.
    pub resource: &'static str,
    /// `get`, `list`, `patch`, `create` or `delete`.
    pub verb: &'static str,
    /// What is missing or not possible without it.
    pub purpose: &'static str,
}

/// A permission as a row of a table.
pub(super) const fn permission(
    group: &'static str,
    resource: &'static str,
    verb: &'static str,
    purpose: &'static str,
) -> Permission {
    Permission { group, resource, verb, purpose }
}

impl Permission {
    /// Resource without its subresource, and the subresource.
    pub fn parts(&self) -> (&'static str, Option<&'static str>) {
        self.resource.split_once('/').map_or((self.resource, None), |(resource, sub)| (resource, Some(sub)))
    }
}
