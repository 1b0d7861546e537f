//! What does not begin and end in one workload, and what is told in unusual ways.

use serde_json::json;

use super::case::{Case, Expected, case};
use super::cluster::{Pod, Run, Workload};
use super::recording::{NOW, Recording};
use super::startup::{crash, usual_line};

fn not_ready_alert(rec: &mut Recording, pod: &str) {
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubePodNotReady",
        &[("namespace", &namespace), ("pod", pod)],
        "Pod has been in a non-ready state for longer than 15 minutes.",
    );
}

/// Requests at an ingress controller, of which a part fails from four minutes before the onset.
fn ingress(rec: &mut Recording, service: &str) {
    let namespace = rec.namespace.clone();
    for (status, before, after) in [("200", 20.0, 4.0), ("502", 0.0, 16.0)] {
        let labels = [
            ("__name__", "nginx_ingress_controller_requests"),
            ("exported_namespace", namespace.as_str()),
            ("exported_service", service),
            ("ingress", service),
            ("status", status),
            ("namespace", "ingress-nginx"),
            ("pod", "ingress-nginx-controller-0"),
        ];
        rec.series(&labels, |minute| {
            Some(if minute < -4.0 {
                (minute + 100.0) * before * 60.0
            } else {
                96.0 * before * 60.0 + (minute + 4.0) * after * 60.0
            })
        });
    }
    rec.alert(
        "IngressHigh5xxRate",
        &[
            ("exported_namespace", &namespace),
            ("exported_service", service),
            ("ingress", service),
            ("severity", "critical"),
        ],
        "More than 5% of requests fail",
    );
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case(
            "mixed: an ingress, a service, and a name that is gone",
            "front",
            "dependency_unreachable",
            "redis",
            "redis",
            |rec| {
                let names = rec.workload(&Workload::deployment(
                    "front",
                    "registry.example/front:1",
                    vec![Pod::healthy(0, -9000.0)],
                ));
                rec.chatter(&names[0], "front", (-40.0, NOW), 5.0, usual_line);
                rec.chatter(&names[0], "front", (-4.0, NOW), 3.0, |n| format!("level=error msg=\"session lookup failed\" err=\"dial tcp: lookup redis.prod-7.svc.cluster.local on 10.96.0.10:53: no such host\" attempt={n}"));
                rec.service("front", 8080, &[&names[0]], &[]);
                ingress(rec, "front");
            },
        ),
        case("mixed: a probe runs a command that fails", "worker", "probe_failing", "", "/tmp/healthy", |rec| {
            let names = rec.workload(&Workload::deployment(
                "worker",
                "registry.example/worker:1",
                vec![Pod::restarted(0, -9000.0, 4, 137, "Error", 3.0)],
            ));
            rec.chatter(&names[0], "worker", (-40.0, NOW), 6.0, usual_line);
            let object = format!("Pod {}", names[0]);
            rec.event(
                &object,
                true,
                "Unhealthy",
                "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory",
                22,
                (-4.5, NOW - 0.5),
            );
            rec.event(
                &object,
                false,
                "Killing",
                "Container worker failed liveness probe, will be restarted",
                4,
                (-4.0, NOW - 1.0),
            );
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubePodCrashLooping",
                &[("namespace", &namespace), ("pod", &names[0]), ("container", "worker")],
                "Pod is crash looping.",
            );
        }),
        case(
            "mixed: CPU at its limit without a word on throttling",
            "encoder",
            "cpu_throttled",
            "",
            "100 %|CPU",
            |rec| {
                let names = rec.workload(
                    &Workload::deployment("encoder", "registry.example/encoder:1", vec![Pod::healthy(0, -9000.0)])
                        .with(json!({"resources": {"limits": {"cpu": "500m"}, "requests": {"cpu": "100m"}}})),
                );
                rec.chatter(&names[0], "encoder", (-40.0, NOW), 6.0, usual_line);
                let namespace = rec.namespace.clone();
                let of = |name: &'static str| {
                    vec![
                        ("__name__", name),
                        ("namespace", namespace.as_str()),
                        ("pod", names[0].as_str()),
                        ("container", "encoder"),
                        ("cpu", "total"),
                    ]
                };
                rec.series(&of("container_cpu_usage_seconds_total"), |minute| {
                    Some(if minute < -4.0 { (minute + 100.0) * 6.0 } else { 576.0 + (minute + 4.0) * 29.9 })
                });
                let mut limit = of("kube_pod_container_resource_limits");
                limit.push(("resource", "cpu"));
                rec.series(&limit, |_| Some(0.5));
                rec.alert(
                    "ContainerHighCpuUtilization",
                    &[("namespace", &namespace), ("pod", &names[0]), ("container", "encoder")],
                    "Container CPU utilization is above 80%",
                );
            },
        ),
        case("mixed: the service account is missing", "puller", "config_error", "", "robot", |rec| {
            let mut workload = Workload::deployment("puller", "registry.example/x:1", vec![])
                .wanting(1)
                .rolled_out(-6.0, json!({"image": "registry.example/x:2"}));
            workload.refused = Some("pods \"puller-7f9c-\" is forbidden: error looking up service account prod-7/robot: serviceaccount \"robot\" not found".into());
            rec.workload(&workload);
            let namespace = rec.namespace.clone();
            rec.alert("KubeDeploymentReplicasMismatch", &[("namespace", &namespace), ("deployment", "puller")], "");
        }),
        case("mixed: a Secret to mount is missing", "tls-edge", "config_error", "", "edge-tls", |rec| {
            let names = rec.workload(
                &Workload::deployment(
                    "tls-edge",
                    "registry.example/edge:2",
                    vec![Pod::waiting(1, -6.0, "ContainerCreating", "")],
                )
                .rolled_out(-6.0, json!({"image": "registry.example/edge:3"})),
            );
            rec.event(
                &format!("Pod {}", names[0]),
                true,
                "FailedMount",
                "MountVolume.SetUp failed for volume \"tls\" : secret \"edge-tls\" not found",
                11,
                (-6.0, NOW - 1.0),
            );
            not_ready_alert(rec, &names[0]);
        }),
        // Of the server only its refusal is known: the file `/app/db.php:12` is still taken for it.
        case("mixed: MySQL refuses the user at start", "blog", "auth_failed", "*", "", |rec| {
            let names = crash(
                rec,
                "blog",
                json!({}),
                1,
                "PHP Fatal error:  Uncaught PDOException: SQLSTATE[HY000] [1045] Access denied for user 'blog'@'10.42.1.9' (using password: YES) in /app/db.php:12\nStack trace:\n#0 /app/db.php(12): PDO->__construct()\n#1 {main}\n  thrown in /app/db.php on line 12",
            );
            not_ready_alert(rec, &names[1]);
        }),
        case("mixed: a Job that no node takes", "train", "unschedulable", "", "nvidia.com/gpu", |rec| {
            let container = json!({"name": "train", "image": "registry.example/train:1"});
            let message = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";
            let pods = rec.job(
                "train",
                None,
                &container,
                &Run { started: -8.0, active: true, pods: vec![Pod::pending(0, -8.0, message)], ..Run::default() },
            );
            rec.event(&format!("Pod {}", pods[0]), true, "FailedScheduling", message, 9, (-8.0, NOW - 1.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeJobNotCompleted",
                &[("namespace", &namespace), ("job_name", "train")],
                "Job is taking more than 12 hours to complete.",
            );
        }),
        case("mixed: a cordoned node leaves no room", "mesh", "unschedulable", "", "cordon", |rec| {
            rec.node("worker-1", &[], &[]);
            let message = "0/1 nodes are available: 1 node(s) were unschedulable. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
            let names = rec.workload(&Workload::deployment(
                "mesh",
                "registry.example/mesh:1",
                vec![Pod::pending(0, -6.0, message)],
            ));
            rec.event(&format!("Pod {}", names[0]), true, "FailedScheduling", message, 9, (-6.0, NOW - 1.0));
            not_ready_alert(rec, &names[0]);
        }),
        Case {
            name: "mixed: two services lost one database",
            record: |rec| {
                for name in ["orders", "stock"] {
                    let names = rec.workload(&Workload::deployment(
                        name,
                        "registry.example/x:1",
                        vec![Pod::unready(0, -9000.0)],
                    ));
                    rec.chatter(&names[0], name, (-40.0, -4.0), 5.0, usual_line);
                    rec.chatter(&names[0], name, (-4.0, NOW), 3.0, |_| r#"{"level":"error","msg":"ping failed","error":"dial tcp: connect to main-db:5432: connection refused"}"#.into());
                    rec.service(name, 8080, &[], &[&names[0]]);
                    not_ready_alert(rec, &names[0]);
                }
                let message = "0/3 nodes are available: 3 Insufficient memory. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";
                let names = rec.workload(
                    &Workload::deployment("main-db", "postgres:17", vec![Pod::pending(1, -5.0, message)])
                        .kind("StatefulSet")
                        .with(json!({"resources": {"requests": {"memory": "2048Mi"}}}))
                        .rolled_out(-5.0, json!({"resources": {"requests": {"memory": "65536Mi"}}})),
                );
                rec.event(&format!("Pod {}", names[0]), true, "FailedScheduling", message, 9, (-5.0, NOW - 1.0));
                rec.service("main-db", 5432, &[], &[]);
            },
            expected: vec![
                Expected { subject: "orders", kinds: "dependency_unreachable", about: "main-db", says: "main-db" },
                Expected { subject: "stock", kinds: "dependency_unreachable", about: "main-db", says: "main-db" },
            ],
        },
        case("mixed: OOM told by cAdvisor's counter", "tiles", "oom_killed", "", "MiB", |rec| {
            let names = rec.workload(
                &Workload::deployment(
                    "tiles",
                    "registry.example/tiles:1",
                    vec![Pod::restarted(0, -9000.0, 1, 137, "OOMKilled", -1.0)],
                )
                .kind("StatefulSet")
                .with(json!({"resources": {"limits": {"memory": "128Mi"}}})),
            );
            rec.chatter(&names[0], "tiles", (-40.0, NOW), 6.0, usual_line);
            rec.memory(&names[0], "tiles", |minute| Some(if minute < -1.0 { 80.0 + minute } else { 40.0 }));
            let namespace = rec.namespace.clone();
            rec.alert(
                "ContainerOOMEvents",
                &[
                    ("namespace", &namespace),
                    ("pod", &names[0]),
                    ("container", "tiles"),
                    ("id", "/kubepods/burstable/pod1"),
                    ("image", "registry.example/tiles:1"),
                    ("instance", "worker-1"),
                    ("job", "kubelet"),
                ],
                "",
            );
        }),
        case("mixed: an admission webhook does not answer", "notes", "dependency_unreachable", "", "policy", |rec| {
            let mut workload = Workload::deployment("notes", "registry.example/x:1", vec![])
                .wanting(2)
                .rolled_out(-6.0, json!({"image": "registry.example/x:2"}));
            workload.refused = Some("Internal error occurred: failed calling webhook \"validate.policy.example\": failed to call webhook: Post \"https://policy.policy-system.svc:443/validate?timeout=10s\": dial tcp 10.96.77.7:443: connect: connection refused".into());
            rec.workload(&workload);
            let namespace = rec.namespace.clone();
            rec.alert("KubeDeploymentReplicasMismatch", &[("namespace", &namespace), ("deployment", "notes")], "");
        }),
        case(
            "mixed: the Service selects nobody",
            "front",
            "dependency_unreachable|config_error",
            "pricer",
            "pricer",
            |rec| {
                let names = rec.workload(&Workload::deployment(
                    "front",
                    "registry.example/front:1",
                    vec![Pod::healthy(0, -9000.0)],
                ));
                rec.chatter(&names[0], "front", (-40.0, NOW), 5.0, usual_line);
                rec.chatter(&names[0], "front", (-4.0, NOW), 3.0, |n| format!("2026/10/05 03:18:01 [error] 31#31: *{n} connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.2.3, server: _, request: \"GET /p HTTP/1.1\", upstream: \"http://pricer:8080/p\", host: \"shop\""));
                rec.service("front", 8080, &[&names[0]], &[]);
                rec.workload(&Workload::deployment(
                    "pricer",
                    "registry.example/pricer:1",
                    vec![Pod::healthy(0, -9000.0)],
                ));
                rec.service("pricer", 8080, &[], &[]);
                ingress(rec, "front");
            },
        ),
        case(
            "mixed: a rollout without errors makes requests slow and fail",
            "quote",
            "bad_rollout|http_errors|new_errors",
            "",
            "4.0",
            |rec| {
                let names = rec.workload(
                    &Workload::deployment("quote", "registry.example/quote:3.9", vec![Pod::healthy(1, -5.0)])
                        .rolled_out(-5.0, json!({"image": "registry.example/quote:4.0"})),
                );
                rec.chatter(&names[0], "quote", (-40.0, NOW), 4.0, |n| {
                    format!(
                        r#"{{"level":"info","msg":"request","path":"/q","status":{}}}"#,
                        if n > 520 { 500 } else { 200 }
                    )
                });
                rec.service("quote", 8080, &[&names[0]], &[]);
                ingress(rec, "quote");
            },
        ),
    ]
}
