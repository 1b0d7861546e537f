//! Containers that do not start, or end as soon as they have.

use serde_json::{Value, json};

use super::case::{Case, case};
use super::cluster::{Pod, Workload};
use super::recording::{Collector, NOW, Recording, SECRET};

/// Requests that were answered, with a password in a connection string.
pub fn usual_line(number: u64) -> String {
    match number % 7 {
        0 => format!(r#"{{"level":"info","msg":"pool ready","dsn":"postgres://app:{SECRET}@pg:5432/app"}}"#),
        _ => format!(
            r#"{{"level":"info","msg":"request served","path":"/orders/{}","ms":{}}}"#,
            number * 37 % 9000,
            number % 90 + 3
        ),
    }
}

/// A Deployment whose new revision, five minutes before the onset, ends with `code` after saying `words`. One old pod
/// goes on serving.
pub fn crash(rec: &mut Recording, name: &str, change: Value, code: i32, words: &str) -> Vec<String> {
    let pods = vec![Pod::healthy(0, -9000.0), Pod::crashing(1, -5.0, 5, code, "Error")];
    let env = json!([{"name": "DATABASE_URL", "value": "x"}, {"name": "LOG_LEVEL", "value": "info"}, {"name": "STRIPE_API_KEY", "value": "x"}]);
    let workload = Workload::deployment(name, "registry.example/app:2.3.0", pods)
        .with(json!({"env": env}))
        .rolled_out(-5.0, json!({"image": "registry.example/app:2.4.0"}))
        .with(change);
    let names = rec.workload(&workload);
    rec.chatter(&names[0], name, (-60.0, NOW), 5.0, usual_line);
    for attempt in 0..5 {
        let at = -4.9 + f64::from(attempt) * 1.8;
        rec.log(&names[1], name, at, words);
    }
    rec.previous_log(&names[1], 4.0, words);
    names
}

fn crash_alert(rec: &mut Recording, pod: &str, container: &str) {
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubePodCrashLooping",
        &[
            ("namespace", &namespace),
            ("pod", pod),
            ("container", container),
            ("reason", "CrashLoopBackOff"),
            ("job", "kube-state-metrics"),
        ],
        "Pod is crash looping.",
    );
}

fn crashes(rec: &mut Recording, name: &str, change: Value, code: i32, words: &str) {
    let names = crash(rec, name, change, code, words);
    crash_alert(rec, &names[1], name);
}

/// A pod that waits for `reason`.
fn waits(rec: &mut Recording, name: &str, reason: &str, message: &str, event: Option<(&str, &str)>) {
    let pods = vec![Pod::healthy(0, -9000.0), Pod::waiting(1, -5.0, reason, message)];
    let workload = Workload::deployment(name, "registry.example/app:2.3.0", pods)
        .rolled_out(-5.0, json!({"image": "registry.example/app:2.4.0"}));
    let names = rec.workload(&workload);
    rec.chatter(&names[0], name, (-60.0, NOW), 5.0, usual_line);
    if let Some((event_reason, text)) = event {
        rec.event(&format!("Pod {}", names[1]), true, event_reason, text, 24, (-4.8, NOW - 0.5));
    }
    let namespace = rec.namespace.clone();
    rec.alert(
        "KubeContainerWaiting",
        &[("namespace", &namespace), ("pod", &names[1]), ("container", name), ("reason", reason)],
        "Pod container waiting longer than 1 hour",
    );
}

/// All of them.
pub fn cases() -> Vec<Case> {
    vec![
        case("missing env, Python", "billing", "config_error", "", "STRIPE_API_KEY", |rec| {
            let words = "Traceback (most recent call last):\n  File \"/app/main.py\", line 12, in <module>\n    key = os.environ[\"STRIPE_API_KEY\"]\n  File \"<frozen os>\", line 685, in __getitem__\nKeyError: 'STRIPE_API_KEY'";
            crashes(rec, "billing", json!({"env": [{"name": "DATABASE_URL", "value": "x"}]}), 1, words);
        }),
        case("missing env, Node, Fluent Bit", "storefront", "config_error", "", "SESSION_SECRET", |rec| {
            rec.collector = Collector::FluentBit;
            let words = "/srv/app/config.js:14\n    throw new Error(`Missing required environment variable: ${name}`);\n    ^\n\nError: Missing required environment variable: SESSION_SECRET\n    at required (/srv/app/config.js:14:11)\n    at Object.<anonymous> (/srv/app/config.js:20:18)";
            crashes(rec, "storefront", json!({}), 1, words);
        }),
        case("missing env, Russian", "oplata", "config_error", "", "DB_DSN", |rec| {
            crashes(rec, "oplata", json!({}), 1, "2026-10-05 03:16:00 ОШИБКА: не задана переменная окружения DB_DSN");
        }),
        case("missing env, logs only in the API", "ledger", "config_error", "", "LEDGER_TOPIC", |rec| {
            rec.collector = Collector::None;
            crashes(
                rec,
                "ledger",
                json!({}),
                2,
                "time=2026-10-05T03:16:00Z level=ERROR msg=\"invalid configuration\" err=\"env LEDGER_TOPIC: required but not set\"",
            );
        }),
        case("Secret lacks a key", "accounts", "config_error", "", "password", |rec| {
            waits(
                rec,
                "accounts",
                "CreateContainerConfigError",
                "couldn't find key password in Secret prod-7/db-credentials",
                Some(("Failed", "Error: couldn't find key password in Secret prod-7/db-credentials")),
            );
        }),
        case("ConfigMap missing", "search", "config_error", "", "search-settings", |rec| {
            waits(
                rec,
                "search",
                "CreateContainerConfigError",
                "configmap \"search-settings\" not found",
                Some(("Failed", "Error: configmap \"search-settings\" not found")),
            );
        }),
        case("mounted ConfigMap missing", "search", "config_error", "", "search-settings", |rec| {
            waits(
                rec,
                "search",
                "ContainerCreating",
                "",
                Some((
                    "FailedMount",
                    "MountVolume.SetUp failed for volume \"config\" : configmap \"search-settings\" not found",
                )),
            );
        }),
        case("bad flag, Go", "relay", "config_error", "", "-enable-cache", |rec| {
            crashes(
                rec,
                "relay",
                json!({"args": ["-enable-cache"]}),
                2,
                "flag provided but not defined: -enable-cache\nUsage of /relay:\n  -listen string\n    \taddress to listen on (default \":8080\")",
            );
        }),
        case("nil pointer, Go", "relay", "crash_loop|bad_rollout", "", "nil pointer", |rec| {
            crashes(
                rec,
                "relay",
                json!({}),
                2,
                "panic: runtime error: invalid memory address or nil pointer dereference\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x6f1a2c]\n\ngoroutine 1 [running]:\nmain.(*Router).Load(0x0)\n\t/src/router.go:88 +0x1c\nmain.main()\n\t/src/main.go:41 +0x1a5",
            );
        }),
        case("config does not parse", "router", "config_error", "", "line 12", |rec| {
            crashes(
                rec,
                "router",
                json!({}),
                1,
                "level=error ts=2026-10-05T03:15:01Z caller=main.go:77 msg=\"error loading config\" file=/etc/router/config.yaml err=\"yaml: line 12: did not find expected key\"",
            );
        }),
        case("port in use", "exporter-host", "config_error", "", "9100", |rec| {
            crashes(
                rec,
                "exporter-host",
                json!({}),
                1,
                "ts=2026-10-05T03:15:01Z level=error err=\"listen tcp 0.0.0.0:9100: bind: address already in use\"",
            );
        }),
        case("permission denied", "indexer", "config_error", "", "/data/index.db", |rec| {
            crashes(
                rec,
                "indexer",
                json!({"securityContext": {"runAsUser": 1000}}),
                1,
                "Error: open /data/index.db: permission denied",
            );
        }),
        case(
            "migration fails, Django",
            "tenants",
            "crash_loop|bad_rollout|config_error|new_errors",
            "",
            "tenant_id",
            |rec| {
                crashes(
                    rec,
                    "tenants",
                    json!({}),
                    1,
                    "Traceback (most recent call last):\n  File \"/app/manage.py\", line 22, in <module>\n    main()\n  File \"/usr/lib/python3/site-packages/django/db/backends/utils.py\", line 89, in _execute\n    return self.cursor.execute(sql, params)\ndjango.db.utils.ProgrammingError: column users.tenant_id does not exist\nLINE 1: SELECT users.id, users.tenant_id FROM users",
                );
            },
        ),
        case(
            "migration fails, Flyway",
            "invoices",
            "crash_loop|bad_rollout|config_error|new_errors",
            "",
            "V42",
            |rec| {
                crashes(
                    rec,
                    "invoices",
                    json!({}),
                    1,
                    "2026-10-05 03:15:10.123 ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed\norg.springframework.beans.factory.BeanCreationException: Error creating bean with name 'flywayInitializer'\n\tat org.springframework.beans.factory.support.AbstractBeanFactory.getBean(AbstractBeanFactory.java:205)\nCaused by: org.flywaydb.core.api.FlywayException: Migration V42__add_tenant.sql failed\n\tat org.flywaydb.core.internal.command.DbMigrate.doMigrate(DbMigrate.java:388)",
                );
            },
        ),
        case("wrong architecture", "resizer", "config_error|image_pull", "", "format", |rec| {
            crashes(rec, "resizer", json!({}), 255, "exec /usr/local/bin/resizer: exec format error");
        }),
        case("program not in the image", "reports", "config_error", "", "gunicorn", |rec| {
            let mut pod = Pod::crashing(1, -5.0, 5, 128, "StartError");
            pod.container.as_mut().unwrap()["lastState"]["terminated"]["message"] = json!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"gunicorn\": executable file not found in $PATH: unknown"
            );
            let workload =
                Workload::deployment("reports", "registry.example/reports:5", vec![Pod::healthy(0, -9000.0), pod])
                    .rolled_out(-5.0, json!({"image": "registry.example/reports:6"}));
            let names = rec.workload(&workload);
            crash_alert(rec, &names[1], "reports");
        }),
        case("panic, Rust, configuration", "matcher", "config_error|crash_loop", "", "listen", |rec| {
            crashes(
                rec,
                "matcher",
                json!({}),
                101,
                "thread 'main' panicked at src/main.rs:12:48:\ncalled `Result::unwrap()` on an `Err` value: Error { kind: Config, message: \"missing field `listen` in /etc/matcher.toml\" }\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            );
        }),
        case("database refuses at start", "loyalty", "dependency_unreachable", "", "5432", |rec| {
            crashes(
                rec,
                "loyalty",
                json!({}),
                1,
                "{\"level\":\"fatal\",\"ts\":1791170100.1,\"msg\":\"cannot connect to database\",\"error\":\"failed to connect to `host=pg-main.db.svc user=loyalty database=loyalty`: dial error (dial tcp 10.96.8.8:5432: connect: connection refused)\"}",
            );
        }),
        case("segmentation fault", "codec", "crash_loop|bad_rollout", "", "139", |rec| {
            crashes(rec, "codec", json!({}), 139, "loading models\nstarting 4 workers");
        }),
        case("bean missing, Spring", "catalogue", "config_error", "", "", |rec| {
            crashes(
                rec,
                "catalogue",
                json!({}),
                1,
                "***************************\nAPPLICATION FAILED TO START\n***************************\n\nDescription:\n\nParameter 0 of constructor in com.acme.CatalogueService required a bean of type 'javax.sql.DataSource' that could not be found.\n\nAction:\n\nConsider defining a bean of type 'javax.sql.DataSource' in your configuration.",
            );
        }),
        case("ends with 0 again and again", "notifier", "crash_loop|config_error|bad_rollout", "", "", |rec| {
            let workload = Workload::deployment(
                "notifier",
                "registry.example/notifier:1",
                vec![Pod::crashing(0, -7.0, 6, 0, "Completed")],
            )
            .rolled_out(-7.0, json!({"args": ["--once"]}));
            let mut workload = workload;
            workload.pods[0].revision = 1;
            let names = rec.workload(&workload);
            rec.chatter(&names[0], "notifier", (-7.0, NOW), 40.0, |_| "nothing to send, exiting".into());
            crash_alert(rec, &names[0], "notifier");
        }),
        case("licence file missing, .NET", "pricing", "config_error", "", "license.xml", |rec| {
            crashes(
                rec,
                "pricing",
                json!({}),
                134,
                "Unhandled exception. System.IO.FileNotFoundException: Could not find file '/app/license.xml'.\nFile name: '/app/license.xml'\n   at Interop.ThrowExceptionForIoErrno(ErrorInfo errorInfo, String path, Boolean isDirectory)\n   at Pricing.Program.Main(String[] args) in /src/Program.cs:line 17",
            );
        }),
        case(
            "nginx cannot resolve its upstream",
            "edge-proxy",
            "dependency_unreachable|config_error",
            "",
            "api-v2",
            |rec| {
                crashes(
                    rec,
                    "edge-proxy",
                    json!({}),
                    1,
                    "2026/10/05 03:15:01 [emerg] 1#1: host not found in upstream \"api-v2.prod-7.svc.cluster.local\" in /etc/nginx/conf.d/default.conf:4\nnginx: [emerg] host not found in upstream \"api-v2.prod-7.svc.cluster.local\" in /etc/nginx/conf.d/default.conf:4",
                );
            },
        ),
        case("volume read-only", "uploads", "config_error", "", "/cache", |rec| {
            crashes(
                rec,
                "uploads",
                json!({"securityContext": {"readOnlyRootFilesystem": true}}),
                1,
                "OSError: [Errno 30] Read-only file system: '/cache/tmp'",
            );
        }),
    ]
}
