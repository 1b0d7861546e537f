//! Disks and volumes.

use serde_json::json;

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording};

fn claim(rec: &mut Recording, name: &str) {
    let meta = rec.meta(name, -90_000.0);
    rec.object("persistentvolumeclaims", json!({"metadata": meta, "spec": {"storageClassName": "ssd", "volumeName": "pv-1", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "20Gi"}}}, "status": {"phase": "Bound", "capacity": {"storage": "20Gi"}}}));
}

fn database(rec: &mut Recording, pod: Pod) -> Vec<String> {
    let mut workload = Workload::deployment("metrics-db", "registry.example/db:1", vec![pod]).kind("StatefulSet");
    workload.spec = json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-metrics-db-0"}}]});
    claim(rec, "data-metrics-db-0");
    rec.workload(&workload)
}

fn usage(rec: &mut Recording, used: impl Fn(f64) -> f64) {
    let namespace = rec.namespace.clone();
    let of = |name: &'static str| {
        [
            ("__name__", name),
            ("namespace", namespace.as_str()),
            ("persistentvolumeclaim", "data-metrics-db-0"),
            ("node", "worker-1"),
        ]
    };
    let gib = 1_073_741_824.0;
    rec.series(&of("kubelet_volume_stats_capacity_bytes"), |_| Some(20.0 * gib));
    rec.series(&of("kubelet_volume_stats_used_bytes"), |minute| Some(used(minute) * gib));
    rec.series(&of("kubelet_volume_stats_available_bytes"), |minute| Some((20.0 - used(minute)) * gib));
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("a volume fills up", "data-metrics-db-0", "disk_full", "", "%", |rec| {
            let names = database(rec, Pod::healthy(0, -9000.0));
            rec.chatter(&names[0], "metrics-db", (-60.0, NOW), 10.0, |n| {
                format!("level=info msg=\"compacted block\" block={n}")
            });
            usage(rec, |minute| 18.6 + minute * 0.02);
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubePersistentVolumeFillingUp",
                &[
                    ("namespace", &namespace),
                    ("persistentvolumeclaim", "data-metrics-db-0"),
                    ("job", "kubelet"),
                    ("metrics_path", "/metrics"),
                ],
                "PersistentVolume is filling up.",
            );
        }),
        case("a full volume stops the database", "metrics-db", "disk_full", "", "space|100 %", |rec| {
            let names = database(rec, Pod::crashing(0, -9000.0, 5, 1, "Error"));
            rec.chatter(&names[0], "metrics-db", (-60.0, -5.0), 10.0, |n| {
                format!("level=info msg=\"compacted block\" block={n}")
            });
            rec.chatter(&names[0], "metrics-db", (-4.0, NOW), 30.0, |_| {
                "level=error msg=\"opening storage failed\" err=\"write /data/wal/00000042: no space left on device\""
                    .into()
            });
            usage(rec, |minute| if minute > -5.0 { 20.0 } else { 20.0 + minute * 0.01 });
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubePodCrashLooping",
                &[("namespace", &namespace), ("pod", &names[0]), ("container", "metrics-db")],
                "",
            );
        }),
        case("a volume is attached elsewhere", "wiki", "volume_unavailable", "", "", |rec| {
            let pods = vec![Pod::waiting(0, -7.0, "ContainerCreating", "")];
            let mut workload = Workload::deployment("wiki", "registry.example/wiki:1", pods);
            workload.spec = json!({"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "wiki-data"}}]});
            claim(rec, "wiki-data");
            let names = rec.workload(&workload);
            rec.event(&format!("Pod {}", names[0]), true, "FailedAttachVolume", "Multi-Attach error for volume \"pvc-1b2c\" Volume is already exclusively attached to one node and can't be attached to another", 1, (-6.9, -6.9));
            rec.event(&format!("Pod {}", names[0]), true, "FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: timed out waiting for the condition", 3, (-4.9, NOW - 1.0));
            let namespace = rec.namespace.clone();
            rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &names[0])], "");
        }),
    ]
}
