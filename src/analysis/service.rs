//! Services with nobody behind them while pods are there: a selector that does not fit.

use super::claim::Claim;
use super::phrases;
use super::scene::Scene;
use crate::domain::finding::FindingKind::ConfigError;
use crate::domain::subject::SubjectKind;

/// What the subject's Services say.
pub(super) fn find(scene: &Scene) -> Option<Claim> {
    let empty = scene.services().into_iter().find(|seen| {
        let service = seen.data;
        let own = scene.is_own(seen.about)
            && (service.name == scene.subject.name || scene.subject.service.as_ref() == Some(&service.name));
        own && service.endpoints_ready == 0
            && service.endpoints_not_ready == 0
            && !service.cluster_ip.is_empty()
            && service.backend.is_none()
    })?;
    // A workload of the same name with ready pods is whom the Service was meant for.
    let workload = scene.workloads().find(|seen| seen.data.ready > 0 && seen.about.kind.owns_pods());
    let certain = workload.is_some();
    if !certain && scene.subject.kind != SubjectKind::Service {
        return None;
    }
    let claim = Claim::new(
        ConfigError,
        phrases::CONFIG_NO_PODS_SELECTED,
        if certain { 0.8 } else { 0.6 },
        scene.subject.object(),
        empty.id,
    )
    .fact("service", format!("{}/{}", empty.data.namespace, empty.data.name));
    Some(match workload {
        Some(seen) => {
            claim.cite([seen.id]).fact("workload", seen.about.to_string()).fact("ready", seen.data.ready.to_string())
        }
        None => claim,
    })
}
