//! Crashes, configuration, images, scheduling, probes, jobs.

use super::fixtures::*;
use crate::domain::cluster::*;
use crate::domain::finding::Role;
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

fn crash(reason: &str, code: i32, message: &str) -> World {
    World::new().workload(broken(vec![pod(crashing(reason, code, message))]))
}

#[test]
fn oom_at_the_limit_with_growth_and_rollout() {
    let mut state = broken(vec![pod(crashing("OOMKilled", 137, "")), pod(crashing("OOMKilled", 137, ""))]);
    state.rollouts = rollouts(&["image: app:1 → app:2", "env CACHE_WARMUP changed"]);
    let mib = 1024.0 * 1024.0;
    let tooth = [5.0, 20.0, 35.0, 50.0, 62.0];
    let memory: Vec<f64> = tooth.iter().cycle().take(15).map(|value| value * mib).collect();
    let world = World::new()
        .workload(state)
        .series("container_memory_working_set_bytes", Unit::Bytes, Some(64.0 * mib), &memory)
        .logs(vec![crate::domain::evidence::LogPattern {
            level: Some("warn".into()),
            ..pattern(r#"{"level":"warn","msg":"cache over soft limit","entries":2000}"#)
        }]);
    assert_eq!(world.read(), "oom_killed bad_rollout~ memory_high- replicas_missing- new_errors-");
    let best = world.best();
    assert_eq!(best.phrase, "oom_at_limit");
    let fact = |name: &str| best.facts.get(name).cloned().unwrap_or_default();
    assert_eq!((fact("limit"), fact("lived"), fact("pods")), ("64 MiB".into(), "18 s".into(), "2".into()));
    assert!(fact("rate").ends_with("KiB/s") || fact("rate").ends_with("MiB/s"), "{}", fact("rate"));
    let rollout = world.findings().into_iter().find(|f| f.role == Role::Contributing).unwrap();
    assert_eq!(rollout.facts.get("changes").unwrap(), "image: app:1 → app:2; env CACHE_WARMUP changed");
}

#[test]
fn oom_without_a_limit_is_the_nodes() {
    let mut state = broken(vec![pod(crashing("OOMKilled", 137, ""))]);
    state.containers[0].memory_limit = None;
    assert_eq!(World::new().workload(state).best().phrase, "oom_on_node");
}

#[test]
fn an_oom_of_yesterday_is_not_the_cause() {
    let mut state = healthy();
    state.pods[0].containers[0].last_termination = Some(Termination {
        reason: "OOMKilled".into(),
        exit_code: 137,
        finished_at: Some(at(-86_400)),
        ..Termination::default()
    });
    assert_eq!(
        World::new().workload(state).log("dial tcp 10.0.0.12:5432: connect: connection refused").read(),
        "dependency_unreachable"
    );
}

#[test]
fn a_changed_limit_is_named() {
    let mut state = broken(vec![pod(crashing("OOMKilled", 137, ""))]);
    state.rollouts = rollouts(&["app memory limit: 256Mi → 64Mi"]);
    assert_eq!(
        World::new().workload(state).best().facts.get("limit_change").unwrap(),
        "app memory limit: 256Mi → 64Mi"
    );
}

#[test]
fn missing_environment_with_the_rollout_that_removed_it() {
    let mut state = broken(vec![pod(crashing("Error", 1, ""))]);
    state.rollouts = rollouts(&["env DATABASE_URL removed"]);
    (state.ready, state.desired) = (1, 1);
    let old = PodState { ready: true, revision: Some("6844b544d".into()), ..pod(running()) };
    state.pods.push(old);
    let trace = "Traceback (most recent call last):\n  File \"/app/main.py\", line 41, in <module>\n    db = connect(os.environ[\"DATABASE_URL\"])\nKeyError: 'DATABASE_URL'";
    let world = World::new().workload(state).log(trace);
    assert_eq!(world.read(), "config_error bad_rollout~");
    let best = world.best();
    assert_eq!(best.phrase, "config_missing_env");
    assert!(best.confidence >= 0.95);
    for (name, value) in [
        ("name", "DATABASE_URL"),
        ("revision", "2"),
        ("change", "env DATABASE_URL removed"),
        ("serving", "1"),
        ("old_serves", "yes"),
        ("line", "KeyError: 'DATABASE_URL'"),
    ] {
        assert_eq!(best.facts.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn last_words_of_a_crash_say_what_it_is() {
    for (message, code, expected) in [
        ("open /etc/app/config.yaml: no such file or directory", 1, "config_error config_missing_file"),
        ("Error: unknown flag: --listen", 2, "config_error config_bad_flag"),
        ("nginx: [emerg] unknown directive \"servr\" in /etc/nginx/nginx.conf:3", 1, "config_error config_invalid"),
        ("listen tcp :8080: bind: address already in use", 1, "config_error config_port_in_use"),
        ("exec /app: exec format error", 1, "config_error config_exec_format"),
        ("ModuleNotFoundError: No module named 'requests'", 1, "config_error config_missing_program"),
        ("panic: runtime error: invalid memory address or nil pointer dereference", 2, "crash_loop crash_loop_reason"),
        ("java.lang.OutOfMemoryError: Java heap space", 1, "oom_killed heap_exhausted"),
        ("write /data/x: no space left on device", 1, "disk_full disk_full_logs"),
        ("FATAL:  password authentication failed for user \"app\"", 1, "auth_failed auth_failed"),
        ("x509: certificate has expired or is not yet valid", 1, "certificate_invalid certificate"),
        ("dial tcp 10.0.0.12:5432: connect: connection refused", 1, "dependency_unreachable dependency"),
        ("", 1, "crash_loop crash_loop"),
        ("", 127, "config_error config_missing_program"),
        ("", 139, "crash_loop crash_loop"),
        ("", 42, "crash_loop crash_loop"),
        ("", 0, "crash_loop crash_loop"),
    ] {
        let best = crash(if code == 0 { "Completed" } else { "Error" }, code, message).best();
        assert_eq!(format!("{} {}", best.kind.as_str(), best.phrase), expected, "{message} {code}");
        assert_eq!(best.role, Role::Cause, "{message}");
    }
}

#[test]
fn a_crash_for_want_of_a_database_is_the_dependencys() {
    let world = crash("Error", 1, "").log(
        "psycopg2.OperationalError: connection to server at \"db\" (10.0.0.5), port 5432 failed: Connection refused",
    );
    assert_eq!(world.read(), "dependency_unreachable crash_loop- replicas_missing-");
}

#[test]
fn a_crash_right_after_a_rollout_without_a_word_is_the_rollouts() {
    let mut state = broken(vec![pod(crashing("Error", 139, ""))]);
    state.rollouts = rollouts(&["image: app:1 → app:2"]);
    assert_eq!(World::new().workload(state).read(), "bad_rollout crash_loop- replicas_missing-");
}

#[test]
fn liveness_kills_explain_the_restarts() {
    let world = crash("Error", 137, "").events(vec![
        event(
            "Pod web-7464b59bfd-6rjrg",
            "Unhealthy",
            "Liveness probe failed: Get \"http://10.1.0.3:8080/healthz\": context deadline exceeded",
            9,
        ),
        event("Pod web-7464b59bfd-6rjrg", "Killing", "Container app failed liveness probe, will be restarted", 3),
    ]);
    assert_eq!(world.read(), "probe_failing crash_loop- replicas_missing-");
    assert_eq!(world.best().phrase, "probe_restarts");
}

#[test]
fn containers_that_never_start() {
    for (reason, message, expected) in [
        ("CreateContainerConfigError", "configmap \"settings\" not found", "config_error config_missing_object"),
        (
            "CreateContainerConfigError",
            "couldn't find key password in Secret shop/db",
            "config_error config_missing_key",
        ),
        ("CreateContainerConfigError", "secret \"db\" not found", "config_error config_missing_object"),
        (
            "CreateContainerConfigError",
            "container has runAsNonRoot and image will run as root",
            "config_error config_cannot_start",
        ),
        (
            "RunContainerError",
            "failed to create containerd task: OCI runtime create failed: exec: \"gunicorn\": executable file not found in $PATH: unknown",
            "config_error config_missing_program",
        ),
        ("CreateContainerError", "failed to generate spec: no command specified", "config_error config_cannot_start"),
        (
            "ErrImagePull",
            "rpc error: code = NotFound desc = docker.io/library/web:9: not found",
            "image_pull image_pull",
        ),
        ("ImagePullBackOff", "Back-off pulling image \"web:9\"", "image_pull image_pull"),
        (
            "InvalidImageName",
            "Failed to apply default image tag \"Web:1\": invalid reference format",
            "image_pull image_pull",
        ),
    ] {
        let best = World::new().workload(broken(vec![pod(waiting(reason, message))])).best();
        assert_eq!(format!("{} {}", best.kind.as_str(), best.phrase), expected, "{message}");
        assert_eq!(best.role, Role::Cause);
    }
}

#[test]
fn image_pull_reasons() {
    for (message, failure) in [
        (
            "Back-off pulling image \"127.0.0.1:5999/edge/gateway:2.7.1\": ErrImagePull: failed to do request: Head \"http://127.0.0.1:5999/v2\": dial tcp 127.0.0.1:5999: connect: connection refused",
            "unreachable",
        ),
        (
            "pull access denied, repository does not exist or may require authorization: insufficient_scope",
            "unauthorized",
        ),
        ("429 Too Many Requests - toomanyrequests: You have reached your pull rate limit", "rate_limited"),
        ("no match for platform in manifest: not found", "platform"),
        ("x509: certificate signed by unknown authority", "tls"),
    ] {
        let best = World::new().workload(broken(vec![pod(waiting("ImagePullBackOff", message))])).best();
        assert_eq!(best.facts.get("failure").map(String::as_str), Some(failure), "{message}");
    }
}

#[test]
fn the_event_tells_what_the_back_off_does_not() {
    let world = World::new()
        .workload(broken(vec![pod(waiting("ImagePullBackOff", "Back-off pulling image \"registry.example/app:2\""))]))
        .event(
            "Pod web-7464b59bfd-6rjrg",
            "Failed",
            "Failed to pull image \"registry.example/app:2\": manifest unknown",
        );
    let best = world.best();
    assert_eq!(best.facts.get("failure").unwrap(), "not_found");
    assert_eq!(best.facts.get("image").unwrap(), "registry.example/app:2");
    assert_eq!(best.evidence.len(), 2);
}

#[test]
fn pods_that_no_node_takes() {
    for (message, expected) in [
        (
            "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
            "unschedulable resource nvidia.com/gpu",
        ),
        (
            "0/5 nodes are available: 3 Insufficient cpu, 2 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }.",
            "unschedulable resource cpu",
        ),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "unschedulable selector "),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: gpu}.",
            "unschedulable taint dedicated: gpu",
        ),
        ("0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "volume_unavailable volume "),
        ("0/2 nodes are available: 2 Too many pods.", "unschedulable max_pods pods"),
        ("something else entirely", "unschedulable  "),
    ] {
        let best = World::of(SubjectKind::StatefulSet, "shop/web").workload(broken(vec![unscheduled(message)])).best();
        let fact = |name: &str| best.facts.get(name).cloned().unwrap_or_default();
        assert_eq!(format!("{} {} {}", best.kind.as_str(), fact("obstacle"), fact("what")), expected, "{message}");
    }
}

#[test]
fn no_node_has_the_resource() {
    let node = NodeState {
        name: "n1".into(),
        ready: true,
        allocatable: vec!["cpu 4".into(), "memory 16Gi".into()],
        ..NodeState::default()
    };
    let best = World::new()
        .workload(broken(vec![unscheduled("0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")]))
        .node(node)
        .best();
    assert_eq!(best.facts.get("none_has").map(String::as_str), Some("yes"));
}

#[test]
fn scheduling_that_is_over_is_hardly_a_finding() {
    let world = World::new().workload(healthy()).event(
        "Pod web-7464b59bfd-6rjrg",
        "FailedScheduling",
        "0/1 nodes are available: 1 Insufficient cpu.",
    );
    assert!(world.findings().iter().all(|finding| finding.confidence < 0.4));
}

#[test]
fn readiness_that_fails_because_of_a_dependency() {
    let mut state = broken(vec![PodState {
        conditions: vec![condition("Ready", "False", "ContainersNotReady", "containers with unready status: [app]")],
        ..pod(ContainerState { ready: false, ..running() })
    }]);
    state.rollouts = rollouts(&["env DB_UP changed"]);
    state.services = vec![service("shop/web", "10.0.0.58", 0)];
    let world = World::new()
        .workload(state)
        .event("Pod web-7464b59bfd-6rjrg", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 404")
        .log("level=error component=web msg=\"query failed\" err=\"dial tcp 10.0.0.12:5432: connect: connection refused\" attempt=1");
    assert_eq!(world.read(), "dependency_unreachable bad_rollout~ probe_failing- replicas_missing-");
    let best = world.best();
    assert_eq!(best.facts.get("target").unwrap(), "10.0.0.12:5432");
    assert_eq!(best.facts.get("known_as").unwrap(), "PostgreSQL");
}

#[test]
fn jobs_that_fail_every_time() {
    let state = WorkloadState {
        jobs: vec![failed_run("nightly-3", 120), failed_run("nightly-2", 60), failed_run("nightly-1", 0)],
        pods: vec![PodState {
            phase: "Failed".into(),
            ..pod(ContainerState {
                name: "report".into(),
                terminated: Some(Termination {
                    reason: "Error".into(),
                    exit_code: 2,
                    finished_at: Some(at(140)),
                    ..Termination::default()
                }),
                ..ContainerState::default()
            })
        }],
        ..WorkloadState::default()
    };
    let world = World::of(SubjectKind::CronJob, "batch/nightly").workload(state).logs(vec![
        pattern("ERROR:  relation \"orders_2026\" does not exist at character 15"),
        pattern("STATEMENT:  SELECT * FROM orders_2026 WHERE day = current_date"),
    ]);
    assert!(world.read().starts_with("job_failed"), "{}", world.read());
    let best = world.best();
    for (name, value) in [
        ("runs", "3"),
        ("every", "yes"),
        ("exit", "2"),
        ("job", "nightly-3"),
        ("line", "relation \"orders_2026\" does not exist at character 15"),
    ] {
        assert_eq!(best.facts.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn jobs_by_their_reasons() {
    let run = |reason: &str| JobRun { failure: Some(condition("Failed", "True", reason, "")), ..failed_run("j", 0) };
    let job = |run: JobRun| {
        World::of(SubjectKind::Job, "batch/j").workload(WorkloadState { jobs: vec![run], ..WorkloadState::default() })
    };
    assert_eq!(job(run("DeadlineExceeded")).best().phrase, "job_deadline");
    assert_eq!(job(run("BackoffLimitExceeded")).best().phrase, "job_failed");
    let refused = job(run("BackoffLimitExceeded")).log("could not connect to server: Connection refused\n\tIs the server running on host \"db\" (10.0.0.5) and accepting\n\tTCP/IP connections on port 5432?");
    assert_eq!(refused.read(), "dependency_unreachable job_failed-");
    // A success after the failures ends the row.
    let good = JobRun { failure: None, succeeded: 1, failed: 0, ..failed_run("j2", 300) };
    let state = WorkloadState { jobs: vec![good, run("BackoffLimitExceeded")], ..WorkloadState::default() };
    assert_eq!(World::of(SubjectKind::CronJob, "batch/j").workload(state).read(), "");
}

#[test]
fn kills_whose_killer_is_not_named() {
    let state = broken(vec![pod(crashing("Error", 137, ""))]);
    let full: Vec<f64> = vec![63.0 * 1024.0 * 1024.0; 12];
    let world = World::new().workload(state).series(
        "container_memory_working_set_bytes",
        Unit::Bytes,
        Some(64.0 * 1024.0 * 1024.0),
        &full,
    );
    assert_eq!(world.best().kind.as_str(), "oom_killed");
    let start = waiting("RunContainerError", "container init was OOM-killed (memory limit too low?)");
    assert_eq!(World::new().workload(broken(vec![pod(start)])).best().kind.as_str(), "oom_killed");
}

#[test]
fn an_init_container_that_waits() {
    let mut waits = pod(ContainerState { name: "wait-for-db".into(), init: true, ready: false, ..running() });
    waits.phase = "Pending".into();
    waits.containers.push(waiting("PodInitializing", ""));
    assert_eq!(World::new().workload(broken(vec![waits])).best().phrase, "init_waits");
}

#[test]
fn an_old_pod_that_begins_to_crash_after_a_rollout_of_its_dependency() {
    // The pod's age does not hide that the ConfigMap changed a minute before.
    let mut old = pod(crashing("Error", 1, "boom failed"));
    old.created_at = Some(at(-900_000));
    let change = ChangeFact {
        at: at(-60),
        object: object(SubjectKind::Workload, "shop/settings"),
        kind: ChangeKind::Config,
        what: "ConfigMap settings changed".into(),
    };
    let world = World::new().workload(broken(vec![old])).changes(vec![change]);
    assert_eq!(world.read(), "crash_loop bad_rollout~ replicas_missing-");
}
