//! Memory that is used up.

use serde_json::json;

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::NOW;
use super::startup::usual_line;

fn limits(memory: &str) -> serde_json::Value {
    json!({"resources": {"limits": {"memory": memory}, "requests": {"memory": memory}}})
}

/// Memory in a sawtooth that meets `limit` every `minutes`.
fn sawtooth(limit: f64, minutes: f64) -> impl Fn(f64) -> Option<f64> {
    move |minute| Some(limit * (0.3 + 0.69 * (minute + 1000.0).rem_euclid(minutes) / minutes))
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("OOM after a rollout lowered the limit", "cart", "oom_killed", "", "128 MiB", |rec| {
            let pods = vec![Pod::healthy(0, -9000.0), Pod::crashing(1, -6.0, 6, 137, "OOMKilled")];
            let workload = Workload::deployment("cart", "registry.example/cart:8", pods)
                .with(limits("512Mi"))
                .rolled_out(-6.0, limits("128Mi"));
            let names = rec.workload(&workload);
            rec.chatter(&names[0], "cart", (-60.0, NOW), 5.0, usual_line);
            rec.chatter(&names[1], "cart", (-6.0, NOW), 5.0, usual_line);
            rec.memory(&names[0], "cart", |_| Some(210.0));
            rec.memory(&names[1], "cart", |minute| (minute > -6.0).then_some(125.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubePodCrashLooping",
                &[("namespace", &namespace), ("pod", &names[1]), ("container", "cart")],
                "Pod is crash looping.",
            );
        }),
        case(
            "OOM by a slow leak, no rollout, a neighbour rolled out",
            "sessions",
            "oom_killed",
            "",
            "256 MiB",
            |rec| {
                let pods = vec![
                    Pod::restarted(0, -9000.0, 3, 137, "OOMKilled", -1.0),
                    Pod::restarted(0, -9000.0, 2, 137, "OOMKilled", -20.0),
                ];
                let names = rec.workload(
                    &Workload::deployment("sessions", "registry.example/sessions:1", pods).with(limits("256Mi")),
                );
                for name in &names {
                    rec.chatter(name, "sessions", (-60.0, NOW), 5.0, usual_line);
                    rec.memory(name, "sessions", sawtooth(256.0, 35.0));
                }
                let other = Workload::deployment("banners", "registry.example/banners:1", vec![Pod::healthy(1, -3.0)])
                    .rolled_out(-3.0, json!({"image": "registry.example/banners:2"}));
                rec.workload(&other);
                let namespace = rec.namespace.clone();
                rec.alert(
                    "KubernetesContainerOomKiller",
                    &[("namespace", &namespace), ("pod", &names[0]), ("container", "sessions")],
                    "Container has been OOMKilled 1 times in the last 10 minutes.",
                );
            },
        ),
        case("Java heap without a kernel kill", "scoring", "oom_killed", "", "heap", |rec| {
            let pods = vec![Pod::restarted(0, -9000.0, 2, 3, "Error", -1.0)];
            let names = rec
                .workload(&Workload::deployment("scoring", "registry.example/scoring:1", pods).with(limits("2048Mi")));
            rec.chatter(&names[0], "scoring", (-60.0, NOW), 4.0, |n| {
                format!("2026-10-05 03:0{}:00.000  INFO 1 --- [exec-{}] c.a.Scoring : scored {n}", n % 9, n % 8)
            });
            rec.log(&names[0], "scoring", -1.0, "2026-10-05 03:19:00.000 ERROR 1 --- [exec-3] o.a.c.c.C.[dispatcherServlet] : Servlet.service() threw exception\njava.lang.OutOfMemoryError: Java heap space\n\tat java.base/java.util.Arrays.copyOf(Arrays.java:3537)\n\tat com.acme.Scoring.load(Scoring.java:77)");
            rec.log(&names[0], "scoring", -0.9, "Terminating due to java.lang.OutOfMemoryError: Java heap space");
            let namespace = rec.namespace.clone();
            rec.alert(
                "PodFrequentlyRestarting",
                &[("namespace", &namespace), ("pod", &names[0])],
                "Pod restarts often",
            );
        }),
        case("Node heap", "render", "oom_killed", "", "heap", |rec| {
            let pods = vec![Pod::crashing(0, -9000.0, 9, 134, "Error")];
            let names = rec.workload(&Workload::deployment("render", "registry.example/render:1", pods));
            rec.chatter(&names[0], "render", (-60.0, NOW), 6.0, usual_line);
            rec.log(&names[0], "render", NOW - 2.0, "<--- Last few GCs --->\n[1:0x5f] 61234 ms: Mark-sweep 2043.1 (2083.5) -> 2042.8 (2083.7) MB\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory");
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubePodCrashLooping",
                &[("namespace", &namespace), ("pod", &names[0]), ("container", "render")],
                "",
            );
        }),
        case("memory near its limit, growing", "mailer", "memory_high", "", "GiB|MiB", |rec| {
            let names = rec.workload(
                &Workload::deployment("mailer", "registry.example/mailer:1", vec![Pod::healthy(0, -9000.0)])
                    .with(limits("1024Mi")),
            );
            rec.chatter(&names[0], "mailer", (-60.0, NOW), 6.0, usual_line);
            rec.memory(&names[0], "mailer", |minute| Some(960.0 + minute * 5.0));
            let namespace = rec.namespace.clone();
            rec.alert(
                "ContainerMemoryNearLimit",
                &[("namespace", &namespace), ("pod", &names[0]), ("container", "mailer")],
                "Container memory usage is above 90% of its limit",
            );
        }),
        case("OOM of a CronJob's pod", "rollup", "oom_killed", "", "64 MiB", |rec| {
            let container = json!({"name": "rollup", "image": "registry.example/rollup:3", "resources": {"limits": {"memory": "64Mi"}}});
            rec.cron_job("rollup", &container, false, -8.0);
            let run = super::cluster::Run {
                started: -8.0,
                failed: 3,
                failure: Some(("BackoffLimitExceeded", "Job has reached the specified backoff limit")),
                pods: vec![Pod::ended(-8.0, 137, "OOMKilled"), Pod::ended(-6.0, 137, "OOMKilled")],
                ..Default::default()
            };
            rec.job("rollup-29910670", Some("rollup"), &container, &run);
            let namespace = rec.namespace.clone();
            rec.alert(
                "KubeJobFailed",
                &[
                    ("namespace", &namespace),
                    ("job_name", "rollup-29910670"),
                    ("condition", "true"),
                    ("reason", "BackoffLimitExceeded"),
                ],
                "Job failed to complete.",
            );
        }),
    ]
}
