//! What is suggested for which trouble, and what is not.

use super::fixtures::*;
use crate::analysis::remedies::{REASONS, Remedy, remedies};
use crate::domain::action::{ActionName, Risk};
use crate::domain::cluster::*;
use crate::domain::evidence::EvidenceData;
use crate::domain::subject::SubjectKind;
use crate::domain::unit::Unit;

const MIB: f64 = 1024.0 * 1024.0;

fn all(world: &World, allowed: &[ActionName]) -> Vec<Remedy> {
    let found = remedies(&world.subject, &world.evidence, onset(), &world.findings(), allowed);
    for remedy in &found {
        assert!(REASONS.contains(&remedy.why.phrase.as_str()), "{remedy:?}");
        assert!(!remedy.why.evidence.is_empty(), "{remedy:?}");
        assert!(remedy.why.evidence.iter().all(|id| world.evidence.iter().any(|piece| piece.id == *id)), "{remedy:?}");
        assert!(remedy.action.clone().checked().is_ok() && remedy.action.risk() <= Risk::High, "{remedy:?}");
    }
    found
}

fn read(world: &World) -> String {
    let found = all(world, &ActionName::ALL);
    if found.is_empty() {
        return "nothing".to_owned();
    }
    found.iter().map(|remedy| format!("{} ({}%)", remedy.action, remedy.why.confidence)).collect::<Vec<_>>().join("; ")
}

fn killed() -> WorkloadState {
    broken(vec![pod(crashing("OOMKilled", 137, "")), pod(crashing("OOMKilled", 137, ""))])
}

fn memory(world: World, share: &[f64]) -> World {
    let values: Vec<f64> = share.iter().cycle().take(15).map(|value| value * MIB).collect();
    world.series("container_memory_working_set_bytes", Unit::Bytes, Some(64.0 * MIB), &values)
}

#[test]
fn memory_limits() {
    let flat = [60.0, 62.0, 61.0, 60.0, 63.0];
    let tooth = [5.0, 20.0, 35.0, 50.0, 62.0];
    let rolled = |changes: &[&str]| WorkloadState { rollouts: rollouts(changes), ..killed() };
    let node = |size: &str| NodeState {
        name: "n1".into(),
        ready: true,
        allocatable: vec![format!("memory {size}")],
        ..NodeState::default()
    };
    let quota = |used: &str| {
        let quotas = vec![QuotaUse {
            resource: "limits.memory".into(),
            used: used.into(),
            hard: "1Gi".into(),
            ..QuotaUse::default()
        }];
        EvidenceData::Namespace(NamespaceState { quotas, terminating: false })
    };
    let shop = || object(SubjectKind::Namespace, "shop/shop");
    let answers = [
        ("flat", read(&memory(World::new().workload(killed()), &flat))),
        ("no chart", read(&World::new().workload(killed()))),
        ("a leak", read(&memory(World::new().workload(killed()), &tooth))),
        ("a leak since the rollout", read(&memory(World::new().workload(rolled(&["image: app:1 → app:2"])), &tooth))),
        ("flat since the rollout", read(&memory(World::new().workload(rolled(&["image: app:1 → app:2"])), &flat))),
        ("a small node", read(&memory(World::new().workload(killed()).node(node("100Mi")), &flat))),
        ("a tiny node", read(&memory(World::new().workload(killed()).node(node("70Mi")), &flat))),
        ("quota with room", read(&memory(World::new().workload(killed()), &flat).about(shop(), "", quota("512Mi")))),
        ("quota without", read(&memory(World::new().workload(killed()), &flat).about(shop(), "", quota("1000Mi")))),
    ];
    let lines: Vec<String> = answers.iter().map(|(case, answer)| format!("{case}: {answer}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    flat: set-resources deployment/web -n shop -c app --memory-limit 96Mi (73%)
    no chart: set-resources deployment/web -n shop -c app --memory-limit 96Mi (73%)
    a leak: set-resources deployment/web -n shop -c app --memory-limit 96Mi (58%)
    a leak since the rollout: undo deployment/web -n shop --to-revision 1 (89%)
    flat since the rollout: undo deployment/web -n shop --to-revision 1 (89%); set-resources deployment/web -n shop -c app --memory-limit 96Mi (51%)
    a small node: set-resources deployment/web -n shop -c app --memory-limit 80Mi (73%)
    a tiny node: nothing
    quota with room: set-resources deployment/web -n shop -c app --memory-limit 96Mi (73%)
    quota without: nothing
    "#);
}

#[test]
fn rollbacks() {
    let crash = |rollouts: Vec<Rollout>| {
        let state = broken(vec![pod(crashing("Error", 1, ""))]);
        World::new().workload(WorkloadState { rollouts, ..state }).log("panic: DATABASE_URL is required but not set")
    };
    let revision = |revision: i64, seconds: i64, change: &str| Rollout {
        revision,
        at: Some(at(seconds)),
        changes: vec![change.into()],
        ..Rollout::default()
    };
    let pull = broken(vec![pod(waiting("ImagePullBackOff", "Back-off pulling image \"registry.example/app:2\""))]);
    let pull = WorkloadState { rollouts: rollouts(&["image: app:1 → app:2"]), ..pull };
    let stuck = WorkloadState {
        conditions: vec![condition("Progressing", "False", "ProgressDeadlineExceeded", "")],
        rollouts: rollouts(&["image: app:1 → app:2"]),
        ..killed()
    };
    let managed = WorkloadState { managed_by: Some("Argo CD application shop".into()), ..pull.clone() };
    let answers = [
        ("configuration", read(&crash(rollouts(&["env DATABASE_URL removed"])))),
        (
            "the one before was no good either",
            read(&crash(vec![
                revision(9, -60, "env DATABASE_URL removed"),
                revision(8, -300, "env DATABASE_URL removed"),
                revision(7, -90_000, "image: app:1 → app:2"),
            ])),
        ),
        ("nothing before", read(&crash(vec![revision(1, -60, "")]))),
        ("long ago", read(&crash(vec![revision(2, -90_000, "image: app:1 → app:2"), revision(1, -900_000, "")]))),
        ("image", read(&World::new().workload(pull))),
        ("stuck", read(&World::new().workload(stuck))),
        (
            "dependency, and the rollout has nothing to do with it",
            read(
                &World::new()
                    .workload(WorkloadState {
                        rollouts: rollouts(&["replicas: 1 → 2"]),
                        ..broken(vec![pod(crashing("Error", 1, ""))])
                    })
                    .log("dial tcp 10.0.0.12:5432: connect: connection refused"),
            ),
        ),
    ];
    let lines: Vec<String> = answers.iter().map(|(case, answer)| format!("{case}: {answer}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    configuration: undo deployment/web -n shop --to-revision 1 (88%)
    the one before was no good either: undo deployment/web -n shop --to-revision 7 (88%)
    nothing before: nothing
    long ago: nothing
    image: undo deployment/web -n shop --to-revision 1 (83%)
    stuck: undo deployment/web -n shop --to-revision 1 (89%); set-resources deployment/web -n shop -c app --memory-limit 96Mi (51%)
    dependency, and the rollout has nothing to do with it: nothing
    "#);
    let why = &all(&World::new().workload(managed), &ActionName::ALL)[0].why;
    assert_eq!(why.facts.get("managed_by").map(String::as_str), Some("Argo CD application shop"));
}

#[test]
fn pods_nodes_jobs_and_load() {
    let crashed = broken(vec![pod(crashing("Error", 1, ""))]);
    let well = |name: &str| PodState { name: name.into(), ready: true, ..pod(running()) };
    let sick = PodState { ready: false, ..pod(crashing("Error", 1, "")) };
    let mut one = broken(vec![well("web-7464b59bfd-aaaaa"), well("web-7464b59bfd-bbbbb"), sick]);
    (one.desired, one.ready, one.available) = (3, 2, 2);
    let throttled = [0.1, 0.1, 0.1, 0.1, 0.1, 0.6, 0.7, 0.6, 0.7, 0.6, 0.7, 0.6];
    let scaler =
        AutoscalerState { name: "web".into(), min: 2, max: 6, current: 6, desired: 6, ..AutoscalerState::default() };
    let pressure = NodeState {
        name: "n1".into(),
        ready: true,
        conditions: vec![condition("DiskPressure", "True", "KubeletHasDiskPressure", "")],
        pods_total: 9,
        ..NodeState::default()
    };
    let cron = |runs: Vec<JobRun>| {
        World::of(SubjectKind::CronJob, "batch/report")
            .workload(WorkloadState { jobs: runs, ..WorkloadState::default() })
    };
    let worked = JobRun { name: "report-2".into(), succeeded: 1, started_at: Some(at(-90_000)), ..JobRun::default() };
    let refused = "dial tcp 10.0.0.12:5432: connect: connection refused";
    let answers = [
        ("crash loop without a change", read(&World::new().workload(crashed))),
        ("one pod of three", read(&World::new().workload(one))),
        ("throttled", read(&World::new().workload(healthy()).series(
            "sum(rate(container_cpu_cfs_throttled_periods_total[5m])) / sum(rate(container_cpu_cfs_periods_total[5m]))",
            Unit::Ratio,
            None,
            &throttled,
        ))),
        ("autoscaler at its bound", read(&World::new().workload(WorkloadState { autoscaler: Some(scaler), ..healthy() }))),
        ("a silent node", read(&World::of(SubjectKind::Node, "n1").node(not_ready_node("n1")))),
        ("a node under pressure", read(&World::of(SubjectKind::Node, "n1").node(pressure))),
        ("a job whose database was away", read(&cron(vec![failed_run("report-3", -60), worked.clone()]).log(refused))),
        ("a job that fails by itself", read(&cron(vec![failed_run("report-3", -60), worked]))),
        ("a job that always fails", read(&cron((0..4).map(|n| failed_run(&format!("report-{n}"), -60 - n * 3600)).collect()))),
        ("nothing wrong", read(&World::new().workload(healthy()))),
    ];
    let lines: Vec<String> = answers.iter().map(|(case, answer)| format!("{case}: {answer}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    crash loop without a change: restart deployment/web -n shop (26%)
    one pod of three: delete pod/web-7464b59bfd-6rjrg -n shop (52%); restart deployment/web -n shop (26%)
    throttled: set-resources deployment/web -n shop -c app --cpu-limit 1 (60%)
    autoscaler at its bound: set-hpa hpa/web -n shop --min 2 --max 9 (48%)
    a silent node: cordon node/n1 (62%)
    a node under pressure: cordon node/n1 (57%); drain node/n1 (40%)
    a job whose database was away: rerun job/report-3 -n batch (61%)
    a job that fails by itself: nothing
    a job that always fails: suspend cronjob/report -n batch (34%)
    nothing wrong: nothing
    "#);
}

#[test]
fn only_what_the_runbook_lists() {
    let world = World::new().workload(killed());
    assert_eq!(all(&world, &[]), []);
    let names: Vec<ActionName> = all(&world, &[ActionName::RolloutRestart]).iter().map(|r| r.action.name()).collect();
    assert!(!names.contains(&ActionName::SetResources));
}
