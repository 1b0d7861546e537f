//! Probes that fail, and rollouts that do not get on.

use serde_json::{Value, json};

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::{NOW, Recording};
use super::startup::usual_line;

/// A rollout five minutes before the onset whose pod fails a probe.
fn unhealthy(rec: &mut Recording, name: &str, pod: Pod, change: Value, message: &str, killed: bool) -> Vec<String> {
    let probe = json!({"readinessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}, "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 60, "periodSeconds": 10}});
    let workload = Workload::deployment(name, "registry.example/x:1", vec![Pod::healthy(0, -9000.0), pod])
        .with(probe)
        .rolled_out(-5.0, change);
    let names = rec.workload(&workload);
    rec.chatter(&names[0], name, (-60.0, NOW), 5.0, usual_line);
    let object = format!("Pod {}", names[1]);
    rec.event(&object, true, "Unhealthy", message, 30, (-4.7, NOW - 0.2));
    if killed {
        let probe = message.split_whitespace().next().unwrap().to_lowercase();
        rec.event(
            &object,
            false,
            "Killing",
            &format!("Container {name} failed {probe} probe, will be restarted"),
            4,
            (-4.0, NOW - 1.0),
        );
    }
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubeDeploymentReplicasMismatch",
        &[("namespace", &namespace), ("deployment", name), ("job", "kube-state-metrics")],
        "Deployment has not matched the expected number of replicas.",
    );
    names
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("slow start is killed by its liveness probe", "planner", "probe_failing", "", "liveness", |rec| {
            let pod = Pod::crashing(1, -5.0, 4, 143, "Error");
            let names = unhealthy(
                rec,
                "planner",
                pod,
                json!({"livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 5}}),
                "Liveness probe failed: Get \"http://10.42.1.17:8080/healthz\": dial tcp 10.42.1.17:8080: connect: connection refused",
                true,
            );
            rec.chatter(&names[1], "planner", (-5.0, NOW), 20.0, |n| format!("INFO loading model, part {n} of 80"));
        }),
        case("readiness asks for a wrong path", "profile", "probe_failing|bad_rollout", "", "404", |rec| {
            let names = unhealthy(
                rec,
                "profile",
                Pod::unready(1, -5.0),
                json!({"readinessProbe": {"httpGet": {"path": "/heathz", "port": 8080}}}),
                "Readiness probe failed: HTTP probe failed with statuscode: 404",
                false,
            );
            rec.chatter(&names[1], "profile", (-4.9, NOW), 5.0, |n| {
                format!("{{\"level\":\"info\",\"msg\":\"GET /heathz 404\",\"n\":{n}}}")
            });
        }),
        case("readiness asks for a wrong port", "profile", "probe_failing|bad_rollout", "", "9090", |rec| {
            let names = unhealthy(
                rec,
                "profile",
                Pod::unready(1, -5.0),
                json!({"readinessProbe": {"httpGet": {"path": "/healthz", "port": 9090}}}),
                "Readiness probe failed: Get \"http://10.42.1.17:9090/healthz\": dial tcp 10.42.1.17:9090: connect: connection refused",
                false,
            );
            rec.chatter(&names[1], "profile", (-4.9, NOW), 5.0, usual_line);
        }),
        case("startup probe gives up", "warmup", "probe_failing", "", "startup", |rec| {
            let pod = Pod::crashing(1, -5.0, 3, 137, "Error");
            let names = unhealthy(
                rec,
                "warmup",
                pod,
                json!({"startupProbe": {"httpGet": {"path": "/started", "port": 8080}, "failureThreshold": 3}}),
                "Startup probe failed: HTTP probe failed with statuscode: 503",
                true,
            );
            rec.chatter(&names[1], "warmup", (-5.0, NOW), 15.0, |n| format!("warming cache {n}%"));
        }),
        case("deadlock: liveness times out, no rollout", "ledger", "probe_failing", "", "liveness", |rec| {
            let pods = vec![Pod::restarted(0, -9000.0, 2, 137, "Error", 2.0)];
            let names = rec.workload(
                &Workload::deployment("ledger", "registry.example/x:1", pods)
                    .with(json!({"livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}}})),
            );
            rec.chatter(&names[0], "ledger", (-60.0, -3.0), 5.0, usual_line);
            let object = format!("Pod {}", names[0]);
            rec.event(&object, true, "Unhealthy", "Liveness probe failed: Get \"http://10.42.1.17:8080/healthz\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)", 9, (-2.7, NOW - 1.0));
            rec.event(
                &object,
                false,
                "Killing",
                "Container ledger failed liveness probe, will be restarted",
                2,
                (-1.5, NOW - 1.0),
            );
            let namespace = rec.namespace.clone();
            rec.alert("PodFrequentlyRestarting", &[("namespace", &namespace), ("pod", &names[0])], "Pod restarts");
        }),
        case(
            "StatefulSet's rollout is stuck on a pod that crashes",
            "queue",
            "crash_loop|config_error|bad_rollout",
            "",
            "erlang.cookie|cookie",
            |rec| {
                let pods =
                    vec![Pod::healthy(0, -9000.0), Pod::healthy(0, -9000.0), Pod::crashing(1, -6.0, 6, 1, "Error")];
                let workload = Workload::deployment("queue", "registry.example/queue:3", pods)
                    .kind("StatefulSet")
                    .rolled_out(-6.0, json!({"image": "registry.example/queue:4"}));
                let names = rec.workload(&workload);
                for name in &names[..2] {
                    rec.chatter(name, "queue", (-60.0, NOW), 8.0, |n| {
                        format!("[info] accepting AMQP connection <0.{n}.0>")
                    });
                }
                rec.chatter(&names[2], "queue", (-5.9, NOW), 100.0, |_| {
                    "[error] Cookie file /var/lib/rabbitmq/.erlang.cookie must be accessible by owner only".into()
                });
                let namespace = rec.namespace.clone();
                rec.alert(
                    "KubeStatefulSetUpdateNotRolledOut",
                    &[("namespace", &namespace), ("statefulset", "queue")],
                    "StatefulSet update has not been rolled out.",
                );
            },
        ),
        case("a rollout is stuck and nobody says why", "gate", "bad_rollout|replicas_missing", "", "", |rec| {
            let mut workload = Workload::deployment(
                "gate",
                "registry.example/gate:1",
                vec![Pod::healthy(0, -9000.0), Pod::unready(1, -14.0)],
            )
            .rolled_out(-14.0, json!({"image": "registry.example/gate:2"}));
            workload.stuck = true;
            let names = rec.workload(&workload);
            rec.chatter(&names[0], "gate", (-60.0, NOW), 5.0, usual_line);
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeDeploymentRolloutStuck",
                &[("namespace", &namespace), ("deployment", "gate")],
                "Rollout of deployment is not progressing for longer than 15 minutes.",
            );
        }),
        case("a young Deployment lacks its database", "newcomer", "dependency_unreachable", "", "27017", |rec| {
            let mut workload =
                Workload::deployment("newcomer", "registry.example/newcomer:1", vec![Pod::unready(0, -8.0)]);
            workload.revisions[0].at = -8.0;
            let names = rec.workload(&workload);
            rec.chatter(&names[0], "newcomer", (-7.8, NOW), 5.0, |_| {
                "{\"level\":50,\"msg\":\"MongoServerSelectionError: connect ECONNREFUSED 10.96.0.44:27017\"}".into()
            });
            rec.event(
                &format!("Pod {}", names[0]),
                true,
                "Unhealthy",
                "Readiness probe failed: HTTP probe failed with statuscode: 503",
                60,
                (-7.5, NOW - 0.2),
            );
            let namespace = rec.namespace.clone();
            rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &names[0])], "");
        }),
        case(
            "a young Deployment is slow, its creation is no bad rollout",
            "newcomer",
            "probe_failing|replicas_missing",
            "",
            "",
            |rec| {
                let mut workload =
                    Workload::deployment("newcomer", "registry.example/newcomer:1", vec![Pod::unready(0, -8.0)]);
                workload.revisions[0].at = -8.0;
                let names = rec.workload(&workload);
                rec.chatter(&names[0], "newcomer", (-7.8, NOW), 30.0, |n| format!("replaying journal segment {n}"));
                rec.event(
                    &format!("Pod {}", names[0]),
                    true,
                    "Unhealthy",
                    "Readiness probe failed: HTTP probe failed with statuscode: 503",
                    60,
                    (-7.5, NOW - 0.2),
                );
                let namespace = rec.namespace.clone();
                rec.alert("KubePodNotReady", &[("namespace", &namespace), ("pod", &names[0])], "");
            },
        ),
    ]
}
