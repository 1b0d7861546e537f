//! Nodes in trouble and what runs on them.

use super::case::{Case, Expected, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording};
use super::startup::usual_line;

const LOST: [(&str, &str, &str, &str); 4] = [
    ("Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
    ("MemoryPressure", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
    ("DiskPressure", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
    ("PIDPressure", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
];

fn two_pods(rec: &mut Recording, name: &str, second: Pod) -> Vec<String> {
    let names =
        rec.workload(&Workload::deployment(name, "registry.example/x:1", vec![Pod::healthy(0, -9000.0), second]));
    rec.chatter(&names[0], name, (-60.0, NOW), 5.0, usual_line);
    names
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "a node is lost",
            record: |rec| {
                rec.node("worker-1", &[], &[]);
                rec.node(
                    "worker-2",
                    &LOST,
                    &[
                        ("node.kubernetes.io/unreachable", "NoSchedule"),
                        ("node.kubernetes.io/unreachable", "NoExecute"),
                    ],
                );
                let names = two_pods(rec, "gallery", Pod::unready(0, -9000.0).on("worker-2"));
                rec.event(
                    "Node worker-2",
                    false,
                    "NodeNotReady",
                    "Node worker-2 status is now: NodeNotReady",
                    1,
                    (-4.0, -4.0),
                );
                rec.event(&format!("Pod {}", names[1]), true, "NodeNotReady", "Node is not ready", 1, (-4.0, -4.0));
                rec.alert(
                    "KubeNodeNotReady",
                    &[
                        ("node", "worker-2"),
                        ("condition", "Ready"),
                        ("status", "true"),
                        ("job", "kube-state-metrics"),
                        ("namespace", "monitoring"),
                        ("pod", "kube-state-metrics-7464b59bfd-6rjrg"),
                    ],
                    "Node is not ready.",
                );
                let namespace = rec.namespace.clone();
                rec.alert(
                    "KubeDeploymentReplicasMismatch",
                    &[("namespace", &namespace), ("deployment", "gallery")],
                    "",
                );
            },
            expected: vec![
                Expected { subject: "worker-2", kinds: "node_not_ready", about: "worker-2", says: "worker-2" },
                Expected { subject: "gallery", kinds: "node_not_ready", about: "worker-2", says: "worker-2" },
            ],
        },
        case("memory pressure evicts", "thumbs", "node_pressure", "worker-2", "memory", |rec| {
            rec.node("worker-1", &[], &[]);
            rec.node(
                "worker-2",
                &[(
                    "MemoryPressure",
                    "True",
                    "KubeletHasInsufficientMemory",
                    "kubelet has insufficient memory available",
                )],
                &[("node.kubernetes.io/memory-pressure", "NoSchedule")],
            );
            let mut pod = Pod::unready(0, -9000.0).on("worker-2");
            pod.phase = "Failed";
            pod.container = None;
            pod.reason = Some(("Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi. Container thumbs was using 3Gi, request is 64Mi, has larger consumption of memory.".into()));
            let names = two_pods(rec, "thumbs", pod);
            rec.event(
                &format!("Pod {}", names[1]),
                true,
                "Evicted",
                "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi.",
                1,
                (-3.0, -3.0),
            );
            let namespace = rec.namespace.clone();
            rec.alert("KubeDeploymentReplicasMismatch", &[("namespace", &namespace), ("deployment", "thumbs")], "");
        }),
        case(
            "disk pressure, alert on the node by address",
            "worker-2",
            "node_pressure|disk_full",
            "worker-2",
            "",
            |rec| {
                rec.node("worker-1", &[], &[]);
                rec.node(
                    "worker-2",
                    &[("DiskPressure", "True", "KubeletHasDiskPressure", "kubelet has disk pressure")],
                    &[("node.kubernetes.io/disk-pressure", "NoSchedule")],
                );
                rec.event("Node worker-2", true, "FreeDiskSpaceFailed", "Failed to garbage collect required amount of images. Attempted to free 3221225472 bytes, but only found 0 bytes eligible to free.", 9, (-5.0, NOW - 1.0));
                rec.alert(
                    "KubernetesNodeDiskPressure",
                    &[("node", "worker-2"), ("condition", "DiskPressure")],
                    "Node has DiskPressure condition",
                );
            },
        ),
        case("too much scratch space is used", "transcoder", "disk_full", "", "", |rec| {
            let mut pod = Pod::unready(0, -30.0);
            pod.phase = "Failed";
            pod.container = None;
            pod.reason = Some((
                "Evicted",
                "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.".into(),
            ));
            let names = two_pods(rec, "transcoder", pod);
            rec.event(
                &format!("Pod {}", names[1]),
                true,
                "Evicted",
                "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
                1,
                (-3.0, -3.0),
            );
            let namespace = rec.namespace.clone();
            rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &names[1])], "");
        }),
        case(
            "no sandbox: the network plugin is broken",
            "chat",
            "node_not_ready|dependency_unreachable",
            "",
            "",
            |rec| {
                rec.node("worker-1", &[], &[]);
                let pods = vec![Pod::waiting(0, -6.0, "ContainerCreating", "")];
                let names = rec.workload(&Workload::deployment("chat", "registry.example/x:1", pods));
                rec.event(&format!("Pod {}", names[0]), true, "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox \"3f\": plugin type=\"calico\" failed (add): error getting ClusterInformation: connection is unauthorized: Unauthorized", 22, (-5.8, NOW - 0.5));
                let namespace = rec.namespace.clone();
                rec.alert(
                    "KubeContainerWaiting",
                    &[("namespace", &namespace), ("pod", &names[0]), ("reason", "ContainerCreating")],
                    "",
                );
            },
        ),
    ]
}
