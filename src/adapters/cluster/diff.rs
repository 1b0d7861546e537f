//! What a revision changed, a line each: `image: web:1.8 → web:1.9`, `env DATABASE_URL removed`.
//!
//! Values are shown only where `harmless` allows it; for everything else the line says *that* it
//! changed. Names of Secrets and ConfigMaps are shown, contents never.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec, PodTemplateSpec, Volume};
use serde::Serialize;

use super::diff_container;
use super::harmless;
use crate::domain::text;

/// Lines kept of one revision: a rewrite of everything is told by its first twenty lines.
const MAX_LINES: usize = 20;
/// Labels that controllers add to tell revisions apart.
const OWN_LABELS: [&str; 3] = ["pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash"];
/// What `kubectl rollout restart` writes.
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// Names and how their things read, for comparing.
pub(super) type Named = BTreeMap<String, String>;

/// What differs from `old` to `new`.
pub(super) fn templates(old: &PodTemplateSpec, new: &PodTemplateSpec) -> Vec<String> {
    let mut lines = Vec::new();
    let none = PodSpec::default();
    let (before, after) = (old.spec.as_ref().unwrap_or(&none), new.spec.as_ref().unwrap_or(&none));

    containers(before, after, &mut lines);
    named("volume", &volumes(before), &volumes(after), &mut lines);
    plain("service account", before.service_account_name.as_deref(), after.service_account_name.as_deref(), &mut lines);
    named("node selector", &strings(before.node_selector.as_ref()), &strings(after.node_selector.as_ref()), &mut lines);
    plain("priority class", before.priority_class_name.as_deref(), after.priority_class_name.as_deref(), &mut lines);
    plain("runtime class", before.runtime_class_name.as_deref(), after.runtime_class_name.as_deref(), &mut lines);
    let pull = |pod: &PodSpec| {
        let names = pod.image_pull_secrets.iter().flatten().map(|secret| secret.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    plain("image pull secrets", Some(&pull(before)), Some(&pull(after)), &mut lines);
    let grace = |pod: &PodSpec| pod.termination_grace_period_seconds.map(|seconds| format!("{seconds} s"));
    plain("termination grace period", grace(before).as_deref(), grace(after).as_deref(), &mut lines);
    let host = |pod: &PodSpec| pod.host_network.unwrap_or(false).to_string();
    plain("host network", Some(&host(before)), Some(&host(after)), &mut lines);
    opaque("affinity", &before.affinity, &after.affinity, &mut lines);
    opaque("tolerations", &before.tolerations, &after.tolerations, &mut lines);
    opaque("topology spread", &before.topology_spread_constraints, &after.topology_spread_constraints, &mut lines);
    opaque("pod security context", &before.security_context, &after.security_context, &mut lines);
    opaque(
        "DNS settings",
        &(&before.dns_policy, &before.dns_config),
        &(&after.dns_policy, &after.dns_config),
        &mut lines,
    );

    metadata(old, new, &mut lines);
    if lines.len() > MAX_LINES {
        let more = lines.len() - MAX_LINES;
        lines.truncate(MAX_LINES);
        lines.push(format!("and {more} more changes"));
    }
    lines
}

fn containers(before: &PodSpec, after: &PodSpec, lines: &mut Vec<String>) {
    fn by_name<'a>(init: bool, list: impl Iterator<Item = &'a Container>) -> Vec<(String, &'a Container)> {
        let kind = if init { "init container" } else { "container" };
        list.map(|container| (format!("{kind} {}", container.name), container)).collect()
    }
    let all = |pod: &'_ PodSpec| -> Vec<(String, Container)> {
        let mut all = by_name(false, pod.containers.iter());
        all.extend(by_name(true, pod.init_containers.iter().flatten()));
        all.into_iter().map(|(name, container)| (name, container.clone())).collect()
    };
    let (old, new) = (all(before), all(after));
    // With one container there is nothing to tell apart.
    let alone = old.len() == 1 && new.len() == 1;
    for (title, container) in &new {
        match old.iter().find(|(name, _)| name == title) {
            Some((_, earlier)) => {
                let prefix = if alone { String::new() } else { format!("{title}: ") };
                let changes = diff_container::lines(earlier, container);
                lines.extend(changes.into_iter().map(|line| format!("{prefix}{line}")));
            }
            None => lines.push(format!("{title} added: image {}", container.image.as_deref().unwrap_or("?"))),
        }
    }
    let gone = old.iter().filter(|(title, _)| !new.iter().any(|(name, _)| name == title));
    lines.extend(gone.map(|(title, _)| format!("{title} removed")));
}

fn metadata(old: &PodTemplateSpec, new: &PodTemplateSpec, lines: &mut Vec<String>) {
    let labels = |template: &PodTemplateSpec| {
        let labels = template.metadata.as_ref().and_then(|meta| meta.labels.clone()).unwrap_or_default();
        labels.into_iter().filter(|(name, _)| !OWN_LABELS.contains(&name.as_str())).collect::<Named>()
    };
    named("label", &labels(old), &labels(new), lines);
    let annotations = |template: &PodTemplateSpec| {
        template.metadata.as_ref().and_then(|meta| meta.annotations.clone()).unwrap_or_default()
    };
    let (old, new) = (annotations(old), annotations(new));
    if new.get(RESTARTED) != old.get(RESTARTED) && new.contains_key(RESTARTED) {
        lines.push("restarted (kubectl rollout restart)".to_owned());
    }
    let names = old.keys().chain(new.keys()).collect::<std::collections::BTreeSet<_>>();
    for name in names.into_iter().filter(|name| *name != RESTARTED && old.get(*name) != new.get(*name)) {
        // `checksum/config` is how charts restart pods for a changed ConfigMap or Secret.
        lines.push(format!("annotation {name} {}", verb(old.contains_key(name), new.contains_key(name))));
    }
}

fn volumes(pod: &PodSpec) -> Named {
    pod.volumes.iter().flatten().map(|volume| (volume.name.clone(), describe(volume))).collect()
}

fn describe(volume: &Volume) -> String {
    if let Some(map) = &volume.config_map {
        return format!("ConfigMap {}", map.name);
    }
    if let Some(secret) = &volume.secret {
        return format!("Secret {}", secret.secret_name.as_deref().unwrap_or("?"));
    }
    if let Some(claim) = &volume.persistent_volume_claim {
        return format!("claim {}", claim.claim_name);
    }
    if let Some(path) = &volume.host_path {
        return format!("host path {}", path.path);
    }
    if let Some(empty) = &volume.empty_dir {
        let limit = empty.size_limit.as_ref().map(|limit| format!(" {}", limit.0)).unwrap_or_default();
        return format!("emptyDir{limit}");
    }
    if let Some(projected) = &volume.projected {
        let sources = projected.sources.iter().flatten().filter_map(|source| {
            let map = source.config_map.as_ref().map(|map| format!("ConfigMap {}", map.name));
            map.or_else(|| source.secret.as_ref().map(|secret| format!("Secret {}", secret.name)))
        });
        return format!("projected {}", sources.collect::<Vec<_>>().join(", "));
    }
    volume.csi.as_ref().map_or_else(|| "another kind".to_owned(), |csi| format!("CSI {}", csi.driver))
}

fn strings(map: Option<&Named>) -> Named {
    map.cloned().unwrap_or_default()
}

/// Things with a name whose value may be shown if it is harmless or one of our own descriptions.
pub(super) fn named(what: &str, old: &Named, new: &Named, lines: &mut Vec<String>) {
    let shown = |name: &str, value: &str| match what {
        // Written by `describe`: kinds and names of objects.
        "volume" | "mount" => Some(text::line(value, 120)),
        _ => harmless::shown(name, value).map(str::to_owned),
    };
    for (name, value) in new {
        match old.get(name) {
            Some(earlier) if earlier == value => {}
            Some(earlier) => lines.push(match (shown(name, earlier), shown(name, value)) {
                (Some(earlier), Some(value)) => format!("{what} {name}: {earlier} → {value}"),
                _ => format!("{what} {name} changed"),
            }),
            None => lines.push(match shown(name, value) {
                Some(value) => format!("{what} {name} added: {value}"),
                None => format!("{what} {name} added"),
            }),
        }
    }
    lines.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("{what} {name} removed")));
}

/// One setting whose values are names or numbers.
pub(super) fn plain(what: &str, old: Option<&str>, new: Option<&str>, lines: &mut Vec<String>) {
    let (old, new) = (old.filter(|text| !text.is_empty()), new.filter(|text| !text.is_empty()));
    if old != new {
        let show = |value: Option<&str>| text::line(value.unwrap_or("none"), 160);
        lines.push(format!("{what}: {} → {}", show(old), show(new)));
    }
}

/// A structure of which we only say that it changed.
pub(super) fn opaque<T: Serialize>(what: &str, old: &T, new: &T, lines: &mut Vec<String>) {
    if serde_json::to_value(old).ok() != serde_json::to_value(new).ok() {
        lines.push(format!("{what} changed"));
    }
}

/// `added`, `removed` or `changed`.
pub(super) fn verb(before: bool, after: bool) -> &'static str {
    match (before, after) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn diff(old: Value, new: Value) -> String {
        let template = |spec: Value| serde_json::from_value::<PodTemplateSpec>(json!({ "spec": spec })).unwrap();
        templates(&template(old), &template(new)).join("\n")
    }

    fn one(container: Value) -> Value {
        json!({ "containers": [container] })
    }

    #[test]
    fn images_variables_and_resources() {
        let old = one(json!({
            "name": "web", "image": "web:1.8",
            "env": [
                {"name": "CACHE_WARMUP", "value": "off"},
                {"name": "DATABASE_URL", "value": "postgres://app:hunter2@db/shop"},
                {"name": "API_TOKEN", "value": "abc"},
                {"name": "MODE", "value": "dGhpcyBpcyBh"},
                {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
            ],
            "envFrom": [{"configMapRef": {"name": "web-env"}}],
            "resources": {"limits": {"memory": "48Mi"}, "requests": {"cpu": "10m"}},
        }));
        let new = one(json!({
            "name": "web", "image": "web:1.9",
            "env": [
                {"name": "CACHE_WARMUP", "value": "eager"},
                {"name": "API_TOKEN", "value": "def"},
                {"name": "MODE", "value": "fast"},
                {"name": "DB", "valueFrom": {"secretKeyRef": {"name": "db-v2", "key": "password"}}},
                {"name": "VERSION", "value": "1.9.0"},
            ],
            "envFrom": [{"secretRef": {"name": "web-env"}}],
            "resources": {"limits": {"memory": "64Mi", "nvidia.com/gpu": "1"}},
        }));
        insta::assert_snapshot!(diff(old, new), @r"
        image: web:1.8 → web:1.9
        env API_TOKEN changed
        env CACHE_WARMUP: off → eager
        env DB: Secret db/password → Secret db-v2/password
        env MODE changed
        env VERSION added: 1.9.0
        env DATABASE_URL removed
        envFrom Secret web-env added
        envFrom ConfigMap web-env removed
        memory limit: 48Mi → 64Mi
        nvidia.com/gpu limit: none → 1
        cpu request: 10m → none
        ");
    }

    #[test]
    fn commands_show_what_is_harmless_in_them() {
        let with = |args: &[&str]| one(json!({"name": "web", "args": args}));
        for (old, new, expected) in [
            (&["--workers=4"][..], &["--workers=8"][..], "args: --workers=4 → --workers=8"),
            (&["--workers", "4"], &["--workers", "8"], "args: --workers 4 → --workers 8"),
            (&["serve"], &["serve", "--verbose"], "args: --verbose added"),
            (&["serve", "--cache"], &["serve"], "args: --cache removed"),
            (&["--password=x"], &["--password=y"], "args changed"),
            (&["--db", "postgres://a:b@c"], &["--db", "postgres://a:d@c"], "args changed"),
            (&["-c", "echo a"], &["-c", "echo b; x"], "args changed"),
        ] {
            assert_eq!(diff(with(old), with(new)), expected);
        }
    }

    #[test]
    fn probes_volumes_and_places() {
        let old = json!({
            "containers": [
                {"name": "web", "image": "web:1", "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}},
                {"name": "proxy", "image": "proxy:1"},
            ],
            "volumes": [{"name": "config", "configMap": {"name": "web-1"}}],
            "serviceAccountName": "web",
        });
        let new = json!({
            "containers": [{
                "name": "web", "image": "web:1",
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 2, "failureThreshold": 1},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
            "initContainers": [{"name": "migrate", "image": "web:1"}],
            "volumes": [
                {"name": "config", "configMap": {"name": "web-2"}},
                {"name": "data", "persistentVolumeClaim": {"claimName": "web-data"}},
            ],
            "nodeSelector": {"disk": "ssd"},
        });
        insta::assert_snapshot!(diff(old, new), @r"
        container web: readiness probe: GET /healthz:8080 every 10 s, 3 failures, timeout 1 s → GET /ready:http every 2 s, 1 failure, timeout 1 s
        container web: mount /data added: data
        init container migrate added: image web:1
        container proxy removed
        volume config: ConfigMap web-1 → ConfigMap web-2
        volume data added: claim web-data
        service account: web → none
        node selector disk added: ssd
        ");
    }

    #[test]
    fn labels_and_restarts() {
        let template = |meta: Value| serde_json::from_value::<PodTemplateSpec>(json!({ "metadata": meta })).unwrap();
        let old = template(json!({"labels": {"version": "1.8.2", "pod-template-hash": "a"}}));
        let new = template(json!({
            "labels": {"version": "1.9.0", "pod-template-hash": "b"},
            "annotations": {RESTARTED: "2026-11-22T10:00:00Z", "checksum/config": "0f3a"},
        }));
        insta::assert_snapshot!(templates(&old, &new).join("\n"), @r"
        label version: 1.8.2 → 1.9.0
        restarted (kubectl rollout restart)
        annotation checksum/config added
        ");
    }
}
