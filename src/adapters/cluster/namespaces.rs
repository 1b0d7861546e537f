//! Quotas of a namespace, and whether it is being deleted.

use k8s_openapi::api::core::v1::{Namespace, ResourceQuota};

use super::api::Query;
use super::{Cluster, ClusterError, Partial};
use crate::domain::cluster::{NamespaceState, QuotaUse};
use crate::domain::quantity;

/// Quotas looked at; a namespace has one or two.
const MAX_QUOTAS: usize = 100;
/// Resources of them kept, the fullest first.
const MAX_KEPT: usize = 20;

impl Cluster {
    /// The state of a namespace.
    pub async fn namespace(&self, name: &str) -> Result<Partial<NamespaceState>, ClusterError> {
        let mut answer = Partial::<NamespaceState>::default();
        let query = Query::of(name, MAX_QUOTAS);
        let (namespace, quotas) = futures::join!(
            self.api.get::<Namespace>(None, name),
            self.api.list::<ResourceQuota, _>(query.clone(), |quota| Some(uses(&quota))),
        );
        match namespace {
            Ok(Some(namespace)) => {
                let phase = namespace.status.and_then(|status| status.phase);
                answer.value.terminating = phase.as_deref() == Some("Terminating");
            }
            Ok(None) => return Err(ClusterError::NotFound { what: format!("Namespace {name}") }),
            Err(error) if error.is_total() => return Err(error),
            Err(error) => answer.lacks(error),
        }
        let mut quotas: Vec<QuotaUse> = answer.take(quotas).items.into_iter().flatten().collect();
        quotas.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then_with(|| a.resource.cmp(&b.resource)));
        quotas.truncate(MAX_KEPT);
        answer.value.quotas = quotas;
        Ok(answer)
    }
}

fn uses(quota: &ResourceQuota) -> Vec<QuotaUse> {
    let status = quota.status.clone().unwrap_or_default();
    let used = status.used.unwrap_or_default();
    let all = status.hard.into_iter().flatten().map(|(resource, hard)| {
        let used = used.get(&resource).map_or("0", |used| used.0.as_str()).to_owned();
        let ratio = match (quantity::number(&used), quantity::number(&hard.0)) {
            (Some(used), Some(hard)) if hard > 0.0 => used / hard,
            // Nothing is allowed: full from the start.
            (Some(_), Some(_)) => 1.0,
            _ => 0.0,
        };
        QuotaUse { quota: quota.metadata.name.clone().unwrap_or_default(), resource, used, hard: hard.0, ratio }
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn how_full_a_quota_is() {
        let quota = json!({
            "metadata": {"name": "compute"},
            "status": {"hard": {"limits.memory": "16Gi", "pods": "10"}, "used": {"limits.memory": "15Gi", "pods": "3"}},
        });
        let uses = uses(&serde_json::from_value(quota).unwrap());
        assert_eq!((uses[0].resource.as_str(), uses[0].ratio), ("limits.memory", 0.9375));
        assert_eq!((uses[1].resource.as_str(), uses[1].ratio), ("pods", 0.3));
    }
}
