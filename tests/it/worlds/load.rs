//! Too much to do, or too little to do it with.

use serde_json::json;

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording};
use super::startup::usual_line;

fn throttling(rec: &mut Recording, pod: &str, container: &str, share: impl Fn(f64) -> f64) {
    let namespace = rec.namespace.clone();
    let of = |name: &'static str| {
        vec![("__name__", name), ("namespace", namespace.as_str()), ("pod", pod), ("container", container)]
    };
    rec.series(&of("container_cpu_cfs_periods_total"), |minute| Some((minute + 100.0) * 600.0));
    let mut total = 0.0;
    let mut sums = std::collections::BTreeMap::new();
    for half in -140..=12 {
        total += 300.0 * share(f64::from(half) / 2.0);
        sums.insert(half, total);
    }
    rec.series(&of("container_cpu_cfs_throttled_periods_total"), |minute| {
        sums.get(&((minute * 2.0).round() as i32)).copied()
    });
}

fn autoscaler(rec: &mut Recording, name: &str, max: u32, conditions: serde_json::Value) {
    let meta = rec.meta(name, -90_000.0);
    rec.object("horizontalpodautoscalers", json!({
        "metadata": meta,
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}, "minReplicas": 1, "maxReplicas": max, "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}}]},
        "status": {"currentReplicas": max, "desiredReplicas": max, "conditions": conditions},
    }));
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("throttled since the CPU limit was lowered", "ranker", "cpu_throttled", "", "100m", |rec| {
            let limits = |cpu: &str| json!({"resources": {"limits": {"cpu": cpu}, "requests": {"cpu": "50m"}}});
            let workload = Workload::deployment("ranker", "registry.example/ranker:1", vec![Pod::healthy(1, -10.0)])
                .with(limits("2"))
                .rolled_out(-10.0, limits("100m"));
            let names = rec.workload(&workload);
            rec.chatter(&names[0], "ranker", (-60.0, NOW), 5.0, usual_line);
            throttling(rec, &names[0], "ranker", |minute| if minute > -10.0 { 0.8 } else { 0.01 });
            let namespace = rec.namespace.clone();
            rec.alert(
                "CPUThrottlingHigh",
                &[("namespace", &namespace), ("pod", &names[0]), ("container", "ranker"), ("severity", "info")],
                "Processes experience elevated CPU throttling.",
            );
        }),
        case("autoscaler at its maximum", "offers", "quota_exceeded|traffic_surge", "", "4", |rec| {
            let names = rec.workload(&Workload::deployment(
                "offers",
                "registry.example/offers:1",
                vec![Pod::healthy(0, -9000.0), Pod::healthy(0, -8.0), Pod::healthy(0, -8.0), Pod::healthy(0, -7.0)],
            ));
            for name in &names {
                rec.chatter(name, "offers", (-60.0, NOW), 5.0, usual_line);
            }
            autoscaler(
                rec,
                "offers",
                4,
                json!([{"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas", "message": "the desired replica count is more than the maximum replica count", "lastTransitionTime": Recording::at(-6.0)}, {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "message": "", "lastTransitionTime": Recording::at(-600.0)}, {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": "", "lastTransitionTime": Recording::at(-600.0)}]),
            );
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeHpaMaxedOut",
                &[("namespace", &namespace), ("horizontalpodautoscaler", "offers")],
                "HPA is running at max replicas",
            );
        }),
    ]
}
