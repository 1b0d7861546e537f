//! Pods that no node takes, or that are not even made.

use serde_json::json;

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording};

fn pending(rec: &mut Recording, name: &str, message: &str) -> Vec<String> {
    let pods = vec![Pod::healthy(0, -9000.0), Pod::pending(0, -6.0, message)];
    let names = rec.workload(
        &Workload::deployment(name, "registry.example/x:1", pods)
            .with(json!({"resources": {"requests": {"cpu": "6", "memory": "24576Mi"}}})),
    );
    rec.event(&format!("Pod {}", names[1]), true, "FailedScheduling", message, 8, (-6.0, NOW - 1.0));
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubePodNotReady",
        &[("namespace", &namespace), ("pod", &names[1])],
        "Pod has been in a non-ready state for longer than 15 minutes.",
    );
    names
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("no CPU", "solver", "unschedulable", "", "cpu", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
            );
        }),
        case("no memory", "solver", "unschedulable", "", "memory", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient memory. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
            );
        }),
        case("taints", "solver", "unschedulable", "", "dedicated", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: batch}. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            );
        }),
        case("node affinity", "solver", "unschedulable", "", "", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            );
        }),
        case("topology spread", "solver", "unschedulable", "", "", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unschedulable: }, 2 node(s) didn't match pod topology spread constraints. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
            );
        }),
        case("anti-affinity", "solver", "unschedulable", "", "", |rec| {
            pending(
                rec,
                "solver",
                "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
            );
        }),
        case("claim is not bound", "warehouse", "volume_unavailable|unschedulable", "", "data-warehouse-0", |rec| {
            let message = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";
            let mut workload =
                Workload::deployment("warehouse", "registry.example/x:1", vec![Pod::pending(0, -6.0, message)])
                    .kind("StatefulSet");
            workload.revisions[0].at = -6.0;
            workload.spec =
                json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-warehouse-0"}}]});
            let names = rec.workload(&workload);
            let meta = rec.meta("data-warehouse-0", -6.0);
            rec.object("persistentvolumeclaims", json!({"metadata": meta, "spec": {"storageClassName": "fast-ssd", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "50Gi"}}}, "status": {"phase": "Pending"}}));
            rec.event(
                "PersistentVolumeClaim data-warehouse-0",
                true,
                "ProvisioningFailed",
                "storageclass.storage.k8s.io \"fast-ssd\" not found",
                20,
                (-6.0, NOW - 1.0),
            );
            rec.event(&format!("Pod {}", names[0]), true, "FailedScheduling", message, 8, (-6.0, NOW - 1.0));
            let namespace = rec.namespace.clone();
            rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &names[0])], "");
        }),
        case("quota exceeded", "importer", "quota_exceeded", "", "compute", |rec| {
            let message = "pods \"importer-7f9c-x\" is forbidden: exceeded quota: compute, requested: limits.memory=2Gi, used: limits.memory=15Gi, limited: limits.memory=16Gi";
            let mut workload =
                Workload::deployment("importer", "registry.example/x:1", vec![Pod::healthy(0, -9000.0)]).wanting(3);
            workload.refused = Some(message.into());
            rec.workload(&workload);
            let meta = rec.meta("compute", -90_000.0);
            rec.object("resourcequotas", json!({"metadata": meta, "spec": {"hard": {"limits.memory": "16Gi"}}, "status": {"hard": {"limits.memory": "16Gi"}, "used": {"limits.memory": "15Gi"}}}));
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeDeploymentReplicasMismatch",
                &[("namespace", &namespace), ("deployment", "importer")],
                "Deployment has not matched the expected number of replicas.",
            );
        }),
        case("DaemonSet lacks a node", "node-agent", "unschedulable", "", "cpu", |rec| {
            let message = "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.";
            let pods = vec![
                Pod::healthy(0, -9000.0),
                Pod::healthy(0, -9000.0).on("worker-2"),
                Pod::pending(0, -10.0, message),
            ];
            let names =
                rec.workload(&Workload::deployment("node-agent", "registry.example/agent:1", pods).kind("DaemonSet"));
            rec.event(&format!("Pod {}", names[2]), true, "FailedScheduling", message, 8, (-10.0, NOW - 1.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeDaemonSetRolloutStuck",
                &[("namespace", &namespace), ("daemonset", "node-agent")],
                "DaemonSet has not finished or progressed for at least 15m.",
            );
        }),
        case("admission policy refuses", "scraper", "config_error", "", "PodSecurity", |rec| {
            let message = "pods \"scraper-7f9c-x\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"scraper\" must set securityContext.allowPrivilegeEscalation=false)";
            let mut workload = Workload::deployment("scraper", "registry.example/x:1", vec![])
                .wanting(1)
                .rolled_out(-6.0, json!({"image": "registry.example/x:2"}));
            workload.refused = Some(message.into());
            rec.workload(&workload);
            let namespace = rec.namespace.clone();
            rec.alert("KubeDeploymentReplicasMismatch", &[("namespace", &namespace), ("deployment", "scraper")], "");
        }),
    ]
}
