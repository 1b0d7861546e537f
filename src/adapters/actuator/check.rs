//! What an operator asks: which actions are possible with the rights that the actuator has?

use futures::StreamExt;

use super::{Actuator, ActuatorError};
use super::{PERMISSIONS, Permission};
use crate::adapters::check::CheckLine;

/// Reviews asked at once.
const AT_ONCE: usize = 8;

impl Actuator {
    /// Asks for each of [`PERMISSIONS`] whether it is granted in all namespaces, and for Alertmanager whether it answers.
    pub async fn check(&self) -> Vec<CheckLine> {
        let first = self.api.may(PERMISSIONS[0].verb, PERMISSIONS[0].group, PERMISSIONS[0].resource).await;
        let mut lines = Vec::new();
        if let Err(error) = first {
            lines.push(CheckLine::bad("actuator", "no answer", error.to_string()));
        } else {
            lines.push(CheckLine::good("actuator", "answers"));
            let mut wanted = PERMISSIONS.to_vec();
            if !self.people.is_empty() {
                wanted.push(Permission {
                    group: "",
                    resource: "users",
                    verb: "impersonate",
                    purpose: "acting in people's names",
                });
            }
            let reviews = futures::stream::iter(wanted)
                .map(|permission| async move { verdict(permission, self.may(permission).await) })
                .buffered(AT_ONCE);
            lines.extend(reviews.collect::<Vec<_>>().await);
        }
        if let Some(silences) = &self.silences {
            lines.push(silences.check().await);
        }
        lines
    }

    async fn may(&self, permission: Permission) -> Result<bool, ActuatorError> {
        self.api.may(permission.verb, permission.group, permission.resource).await
    }
}

fn verdict(permission: Permission, allowed: Result<bool, ActuatorError>) -> CheckLine {
    let Permission { group, resource, verb, purpose } = permission;
    let dotted = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
    let what = format!("actuator: {verb} {dotted}");
    match allowed {
        Ok(true) => CheckLine::good(what, "allowed"),
        Ok(false) => {
            let mend = format!(
                "add apiGroups [\"{group}\"], resources [\"{resource}\"], verbs [\"{verb}\"] to the actuator's ClusterRole \
                 ({purpose}), or forbid these actions in the policy"
            );
            CheckLine::bad(what, "missing", mend)
        }
        Err(error) => CheckLine::bad(what, "not known", error.to_string()),
    }
}
