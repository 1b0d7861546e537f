//! Alerts whose labels are unusual, clusters whose names are, and neighbours that make noise.

use serde_json::json;

use super::case::{Case, Expected, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording, SECRET};
use super::startup::{crash, usual_line};

const WORDS: &str = "panic: invalid configuration: LISTEN_ADDR must be set\n\ngoroutine 1 [running]:\nmain.main()";

fn crashing(rec: &mut Recording) -> Vec<String> {
    crash(rec, "vault-sync", json!({}), 2, WORDS)
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("labels: kubernetes_pod_name", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "PodRestarting",
                &[("kubernetes_namespace", &namespace), ("kubernetes_pod_name", &names[1]), ("app", "vault")],
                "",
            );
        }),
        case("labels: exported_pod under a scraper's own", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "ContainerRestartsHigh",
                &[
                    ("exported_namespace", &namespace),
                    ("exported_pod", &names[1]),
                    ("exported_container", "vault-sync"),
                    ("namespace", "monitoring"),
                    ("pod", "vmagent-0"),
                    ("container", "vmagent"),
                    ("job", "kube-state-metrics"),
                    ("instance", "10.42.0.9:8080"),
                    ("service", "kube-state-metrics"),
                ],
                "",
            );
        }),
        case("labels: k8s attributes of OpenTelemetry", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "k8s.container.restarts",
                &[
                    ("k8s_namespace_name", &namespace),
                    ("k8s_pod_name", &names[1]),
                    ("k8s_container_name", "vault-sync"),
                    ("k8s_node_name", "worker-1"),
                    ("k8s_cluster_name", "eu-1"),
                ],
                "",
            );
        }),
        case("labels: dotted k8s attributes", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "Container restarts",
                &[
                    ("k8s.namespace.name", &namespace),
                    ("k8s.pod.name", &names[1]),
                    ("k8s.deployment.name", "vault-sync"),
                ],
                "",
            );
        }),
        case("labels: Datadog's", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "[Kubernetes] Pod is CrashLoopBackOff",
                &[
                    ("kube_namespace", &namespace),
                    ("kube_deployment", "vault-sync"),
                    ("pod_name", &names[1]),
                    ("kube_container_name", "vault-sync"),
                    ("kube_cluster_name", "eu-1"),
                ],
                "",
            );
        }),
        case("labels: job and instance only", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            crashing(rec);
            rec.alert(
                "TargetDown",
                &[("job", "prod-7/vault-sync"), ("instance", "10.42.1.17:8080"), ("severity", "critical")],
                "Target is down",
            );
        }),
        case(
            "labels: an address and a job that says nothing",
            "vault-sync",
            "config_error",
            "",
            "LISTEN_ADDR",
            |rec| {
                let names = crashing(rec);
                let instance = format!("{}:8080", Recording::address_of(&names[1]));
                rec.alert(
                    "TargetDown",
                    &[("job", "kubernetes-pods"), ("instance", &instance), ("severity", "critical")],
                    "Target is down",
                );
            },
        ),
        case("labels: namespace and job", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "TargetDown",
                &[("job", "vault-sync"), ("namespace", &namespace), ("service", "vault-sync")],
                "100% of the vault-sync targets are down.",
            );
        }),
        case("labels: the pod's container only", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert("HighRestartRate", &[("namespace", &namespace), ("container", "vault-sync")], "");
        }),
        case("labels: owner_name and owner_kind", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeWorkloadUnhealthy",
                &[("namespace", &namespace), ("owner_kind", "Deployment"), ("owner_name", "vault-sync")],
                "",
            );
        }),
        case("labels: workload and workload_type", "vault-sync", "config_error", "", "LISTEN_ADDR", |rec| {
            crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert(
                "NamespaceWorkloadDown",
                &[("namespace", &namespace), ("workload", "vault-sync"), ("workload_type", "deployment")],
                "",
            );
        }),
        case("labels: an exporter's job that is no workload", "prod-7", "any", "*", "", |rec| {
            crashing(rec);
            let namespace = rec.namespace.clone();
            rec.alert("SomethingAboutTheNamespace", &[("namespace", &namespace), ("job", "billing-stats")], "");
        }),
        case("names: digits, dots and dashes", "s3-2-gw-v1-0", "config_error", "", "LISTEN_ADDR", |rec| {
            let names = crash(rec, "s3-2-gw-v1-0", json!({}), 2, WORDS);
            let namespace = rec.namespace.clone();
            rec.alert("KubePodCrashLooping", &[("namespace", &namespace), ("pod", &names[1])], "");
        }),
        Case {
            name: "two causes in one namespace, noise beside them",
            record: |rec| {
                let names = crashing(rec);
                let namespace = rec.namespace.clone();
                let pods = vec![Pod::crashing(1, -5.0, 5, 137, "OOMKilled")];
                let cache = rec.workload(
                    &Workload::deployment("tile-cache", "registry.example/t:1", pods)
                        .with(json!({"resources": {"limits": {"memory": "96Mi"}}}))
                        .rolled_out(-5.0, json!({"image": "registry.example/t:2"})),
                );
                rec.memory(&cache[0], "tile-cache", |minute| (minute > -5.0).then_some(94.0));
                // A neighbour that always complains, and one that was rolled out a minute ago and is well.
                let noisy = rec.workload(&Workload::deployment(
                    "noisy",
                    "registry.example/n:1",
                    vec![Pod::healthy(0, -9000.0)],
                ));
                rec.chatter(&noisy[0], "noisy", (-65.0, NOW), 2.0, |n| {
                    format!("ERROR cannot connect to 10.9.9.{}:6379: connection refused, password={SECRET}", n % 200)
                });
                let fresh = rec.workload(
                    &Workload::deployment("fresh", "registry.example/f:1", vec![Pod::healthy(1, -1.0)])
                        .rolled_out(-1.0, json!({"image": "registry.example/f:2"})),
                );
                rec.chatter(&fresh[0], "fresh", (-0.9, NOW), 4.0, usual_line);
                for pod in [&names[1], &cache[0]] {
                    rec.alert(
                        "KubePodCrashLooping",
                        &[("namespace", &namespace), ("pod", pod)],
                        "Pod is crash looping.",
                    );
                }
            },
            expected: vec![
                Expected { subject: "vault-sync", kinds: "config_error", about: "", says: "LISTEN_ADDR" },
                Expected { subject: "tile-cache", kinds: "oom_killed", about: "", says: "96 MiB" },
            ],
        },
    ]
}
