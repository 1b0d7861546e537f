//! Who owns a workload's definition: a change by hand would be undone there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Field managers by which a controller gives itself away where it leaves no label.
const MANAGERS: [(&str, &str); 8] = [
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("fleetagent", "Fleet"),
    ("Terraform", "Terraform"),
    ("pulumi-kubernetes", "Pulumi"),
    ("helm", "Helm"),
];

/// `Argo CD application shop`, `Flux kustomization apps/shop`, `Helm release web`; the outermost manager wins, because
/// Argo CD and Flux render Helm charts too.
pub(in crate::adapters) fn by(meta: &ObjectMeta) -> Option<String> {
    let label = |name: &str| meta.labels.as_ref()?.get(name).map(String::as_str);
    let annotation = |name: &str| meta.annotations.as_ref()?.get(name).map(String::as_str);
    // `shop:apps/Deployment:shop/web`
    let tracked = annotation("argocd.argoproj.io/tracking-id").and_then(|id| id.split(':').next());
    if let Some(application) = tracked.or_else(|| label("argocd.argoproj.io/instance")) {
        return Some(format!("Argo CD application {application}"));
    }
    for (group, kind) in [("kustomize", "kustomization"), ("helm", "HelmRelease")] {
        let name = label(&format!("{group}.toolkit.fluxcd.io/name"));
        if let Some(name) = name {
            let namespace = label(&format!("{group}.toolkit.fluxcd.io/namespace")).unwrap_or("flux-system");
            return Some(format!("Flux {kind} {namespace}/{name}"));
        }
    }
    if let Some(owner) = meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true)) {
        return Some(format!("{} {}", owner.kind, owner.name));
    }
    let managers = || meta.managed_fields.iter().flatten().filter_map(|entry| entry.manager.as_deref());
    let known = MANAGERS.iter().find(|(manager, _)| managers().any(|name| name == *manager));
    if let Some((_, name)) = known.filter(|(_, name)| *name != "Helm") {
        return Some((*name).to_owned());
    }
    let helm = label("app.kubernetes.io/managed-by") == Some("Helm");
    let release = annotation("meta.helm.sh/release-name")
        .or_else(|| label("app.kubernetes.io/instance").filter(|_| helm))
        .or_else(|| label("release").filter(|_| helm || label("heritage").is_some()));
    match release {
        Some(release) => Some(format!("Helm release {release}")),
        None => (helm || known.is_some()).then(|| "Helm".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn managers_by_their_marks() {
        for (meta, expected) in [
            (
                json!({"annotations": {
                    "argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web",
                    "meta.helm.sh/release-name": "web",
                }}),
                Some("Argo CD application shop"),
            ),
            (
                json!({"labels": {
                    "kustomize.toolkit.fluxcd.io/name": "shop",
                    "kustomize.toolkit.fluxcd.io/namespace": "apps",
                }}),
                Some("Flux kustomization apps/shop"),
            ),
            (json!({"annotations": {"meta.helm.sh/release-name": "web"}}), Some("Helm release web")),
            (
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "web"}}),
                Some("Helm release web"),
            ),
            (json!({"managedFields": [{"manager": "kubectl"}, {"manager": "argocd-controller"}]}), Some("Argo CD")),
            (
                json!({"ownerReferences": [
                    {"apiVersion": "x/v1", "kind": "Postgres", "name": "main", "uid": "1", "controller": true},
                ]}),
                Some("Postgres main"),
            ),
            (json!({"labels": {"app.kubernetes.io/instance": "web"}}), None),
        ] {
            let meta: ObjectMeta = serde_json::from_value(meta).unwrap();
            assert_eq!(by(&meta).as_deref(), expected);
        }
    }
}
