//! What an operator asks before trusting the bot: does it reach the API, and may it read what it needs?

use futures::StreamExt;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::apimachinery::pkg::version::Info;

use super::{Cluster, ClusterError};
use super::{PERMISSIONS, Permission};
use crate::adapters::check::CheckLine;

/// Reviews asked at once: a few rounds, without a burst that API priority and fairness would queue.
const AT_ONCE: usize = 8;

impl Cluster {
    /// Reaches for the API server's version, then asks for each of [`PERMISSIONS`] whether it is granted in all
    /// namespaces. A server that does not answer gives one line, not thirty.
    pub async fn check(&self) -> Vec<CheckLine> {
        let version = self.api.raw::<Info>("/version").await;
        let mut lines = vec![match &version {
            Ok(info) => CheckLine::good("Kubernetes API", info.git_version.clone()),
            Err(error) => CheckLine::bad("Kubernetes API", "no answer", error.to_string()),
        }];
        if version.is_ok() {
            lines.extend(
                futures::stream::iter(PERMISSIONS)
                    .map(|permission| async move { verdict(permission, self.allowed(permission).await) })
                    .buffered(AT_ONCE)
                    .collect::<Vec<_>>()
                    .await,
            );
        }
        lines
    }

    async fn allowed(&self, permission: Permission) -> Result<bool, ClusterError> {
        let (resource, subresource) = permission.parts();
        let attributes = ResourceAttributes {
            group: Some(permission.group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource: subresource.map(str::to_owned),
            verb: Some(permission.verb.to_owned()),
            ..ResourceAttributes::default()
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
            ..SelfSubjectAccessReview::default()
        };
        Ok(self.api.review(&review).await?.status.is_some_and(|status| status.allowed))
    }
}

fn verdict(permission: Permission, allowed: Result<bool, ClusterError>) -> CheckLine {
    let Permission { group, resource, verb, purpose } = permission;
    let what = if group.is_empty() { format!("{verb} {resource}") } else { format!("{verb} {resource}.{group}") };
    match allowed {
        Ok(true) => CheckLine::good(what, "allowed"),
        Ok(false) => {
            let mend = format!(
                "{what} missing: add apiGroups [\"{group}\"], resources [\"{resource}\"], verbs [\"{verb}\"] to the \
                 bot's ClusterRole ({purpose})"
            );
            CheckLine::bad(what, "missing", mend)
        }
        Err(error) => CheckLine::bad(what, "not known", error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_says_what_to_add_and_what_for() {
        let log = PERMISSIONS.into_iter().find(|permission| permission.resource == "pods/log").unwrap();
        insta::assert_snapshot!(verdict(log, Ok(false)).mend, @r#"get pods/log missing: add apiGroups [""], resources ["pods/log"], verbs ["get"] to the bot's ClusterRole (logs, where no log store is configured or has them yet)"#);
        assert!(verdict(log, Ok(true)).mend.is_empty());
    }
}
