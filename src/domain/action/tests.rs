//! The catalogue: every command form, every refusal, every way back.

use proptest::prelude::*;

use super::*;

const CATALOGUE: [&str; 18] = [
    "restart deployment/checkout -n shop",
    "restart daemonset/agent -n infra",
    "undo statefulset/db -n shop --to-revision 3",
    "pause deployment/checkout -n shop",
    "resume deployment/checkout -n shop",
    "scale deployment/web -n shop --replicas 3",
    "set-resources deployment/x -n shop -c app --memory-limit 128Mi",
    "set-resources deployment/x -n shop -c app --cpu-request none",
    "set-hpa hpa/web -n shop --min 2 --max 12",
    "delete pod/web-7464b59bfd-6rjrg -n shop",
    "cordon node/n1.example.com",
    "uncordon node/n1",
    "drain node/n1",
    "suspend cronjob/report -n batch",
    "resume cronjob/report -n batch",
    "rerun job/report-29923129 -n batch",
    "silence alertname=KubePodCrashLooping \"pod=~checkout-.*\" --for 2h --comment \"rolling \\\"back\\\"\"",
    "expire-silence 0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4",
];

fn action(command: &str) -> Action {
    Action::parse(command, None).unwrap_or_else(|error| panic!("{command}: {error}"))
}

#[test]
fn what_is_written_is_read() {
    for command in CATALOGUE {
        let read = action(command);
        assert_eq!(read.to_string(), command);
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&json).unwrap(), read, "{json}");
    }
    let mut names: Vec<ActionName> = CATALOGUE.map(|command| action(command).name()).to_vec();
    names.dedup();
    names.sort();
    names.dedup();
    assert_eq!(names, ActionName::ALL, "every action has a command");
}

#[test]
fn other_spellings() {
    let namespace: Name = "shop".parse().unwrap();
    for (typed, meant) in [
        ("rollout restart deploy web", "restart deployment/web -n shop"),
        ("rollout_restart deployment/web --namespace=pay", "restart deployment/web -n pay"),
        ("rollback sts/db --to-revision=7", "undo statefulset/db -n shop --to-revision 7"),
        ("delete-pod po/web-0", "delete pod/web-0 -n shop"),
        ("drain n1 --delete-empty-dir", "drain node/n1 --delete-empty-dir"),
        ("Scale  deployment/web --replicas 0", "scale deployment/web -n shop --replicas 0"),
        ("silence alertname='A b' --for 60s --comment x", "silence \"alertname=A b\" --for 1m --comment x"),
    ] {
        let read = Action::parse(typed, Some(&namespace)).unwrap_or_else(|error| panic!("{typed}: {error}"));
        assert_eq!(read.to_string(), meant);
    }
}

#[test]
fn refusals_name_the_field() {
    let refusals: Vec<String> = [
        "",
        "exec pod/x -n shop",
        "restart",
        "restart checkout -n shop",
        "restart deployment/checkout",
        "restart deployment/checkout -n Shop",
        "restart deployment/../secrets -n shop",
        "restart pod/x -n shop",
        "restart deployment/a deployment/b -n shop",
        "restart deployment/x -n shop --force yes",
        "restart deployment/x -n shop -n pay",
        "pause statefulset/db -n shop",
        "scale daemonset/x -n shop --replicas 2",
        "scale deployment/x -n shop",
        "scale deployment/x -n shop --replicas many",
        "scale deployment/x -n shop --replicas -1",
        "scale deployment/x -n shop --replicas 100000",
        "undo deployment/x -n shop --to-revision 0",
        "set-resources deployment/x -n shop -c app",
        "set-resources deployment/x -n shop --memory-limit 128Mi",
        "set-resources deployment/x -n shop -c app --memory-limit 128m",
        "set-resources deployment/x -n shop -c app --cpu-limit 512Mi",
        "set-resources deployment/x -n shop -c app --cpu-limit 1 --cpu-request 1",
        "set-resources deployment/x -n shop -c app --memory-limit lots",
        "set-hpa hpa/x -n shop --min 5 --max 2",
        "set-hpa hpa/x -n shop --min 0 --max 2",
        "silence --for 2h --comment x",
        "silence pod=~.* --for 2h --comment x",
        "silence alertname=X pod=~( --for 2h --comment x",
        "silence alertname=X --for 30d --comment x",
        "silence alertname=X --for soon --comment x",
        "silence alertname=X --for 2h --comment ''",
        "expire-silence ../../status",
        "restart \"deployment/x",
    ]
    .map(|command| match Action::parse(command, None) {
        Ok(action) => panic!("{command} is read as {action}"),
        Err(error) => error.to_string(),
    })
    .to_vec();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    action: missing: begin with restart, undo, pause, resume, scale, set-resources, set-hpa, delete, cordon, uncordon, drain, suspend, rerun, silence, expire-silence
    action: `exec` is not one of restart, undo, pause, resume, scale, set-resources, set-hpa, delete, cordon, uncordon, drain, suspend, rerun, silence, expire-silence
    target: missing: give what to act on, like deployment/checkout
    target: `checkout` has no kind: write it like deployment/checkout
    namespace: missing: add -n NAMESPACE
    namespace: `Shop` is no name of Kubernetes: use a-z, 0-9, `-` and `.`
    target: `../secrets` is no name of Kubernetes: use a-z, 0-9, `-` and `.`
    target: is a pod, and this takes a deployment, statefulset or daemonset
    target: `deployment/b` is one word too many
    force: unknown option: only -n goes here
    namespace: is given twice
    target: a StatefulSet cannot be paused: only a Deployment can
    target: a DaemonSet has no number of replicas: it runs one pod on each node
    replicas: missing: give the number of pods with --replicas
    replicas: `many` is not a whole number from 0
    replicas: `-1` is not a whole number from 0
    replicas: 100000 is more than 1000
    to-revision: 0 is no revision: they count from 1
    resource: missing: give one of --cpu-request, --cpu-limit, --memory-request, --memory-limit
    container: missing: give the container with --container
    memory-limit: `128m` of memory is 0 bytes: is it Mi or Gi?
    cpu-limit: `512Mi` is more than 1000 cores: write cores like 2, or thousandths like 500m
    cpu-limit: one at a time: --cpu-request is given too
    memory-limit: `lots` is not a quantity like 128Mi, 1.5Gi or 500m
    max: 2 is less than min 5
    min: an autoscaler keeps at least 1 pod
    matchers: name at least one label exactly, e.g. alertname=KubePodCrashLooping
    matchers: name at least one label exactly, e.g. alertname=KubePodCrashLooping
    matchers: the value of `pod` is no regular expression
    for: 2592000 s is not between 1 minute and 7 days
    for: `soon` is not a duration like 30m or 2h
    comment: say why, in 1 to 500 bytes
    id: `../../status` is no silence: its id is a UUID
    command: a quotation mark is not closed
    "#);
}

#[test]
fn an_unchecked_value_does_not_pass_either() {
    for json in [
        r#"{"action":"scale","workload":{"kind":"Deployment","namespace":"shop","name":"x/../y"},"replicas":1}"#,
        r#"{"action":"scale","workload":{"kind":"Pod","namespace":"shop","name":"x"},"replicas":1}"#,
        r#"{"action":"exec","command":"rm"}"#,
        r#"{"action":"cordon","node":"n1","also":"n2"}"#,
    ] {
        assert!(serde_json::from_str::<Action>(json).is_err(), "{json}");
    }
    let json = r#"{"action":"scale","workload":{"kind":"DaemonSet","namespace":"shop","name":"x"},"replicas":1}"#;
    assert_eq!(serde_json::from_str::<Action>(json).unwrap().checked().unwrap_err().field, "target");
}

#[test]
fn ways_back() {
    let rollout = |revision, paused| Before::Rollout { revision, paused };
    for (command, before, back) in [
        (CATALOGUE[0], rollout(Some(4), false), "Irreversible"),
        (CATALOGUE[2], rollout(Some(4), false), "undo statefulset/db -n shop --to-revision 4"),
        (CATALOGUE[2], rollout(Some(3), false), "AlreadySo"),
        (CATALOGUE[2], rollout(None, false), "Unknown"),
        (CATALOGUE[3], rollout(None, false), "resume deployment/checkout -n shop"),
        (CATALOGUE[4], rollout(None, true), "pause deployment/checkout -n shop"),
        (CATALOGUE[4], rollout(None, false), "AlreadySo"),
        (CATALOGUE[5], Before::Replicas { replicas: 2 }, "scale deployment/web -n shop --replicas 2"),
        (CATALOGUE[5], Before::Replicas { replicas: 3 }, "AlreadySo"),
        (CATALOGUE[5], Before::Unknown, "Unknown"),
        (
            CATALOGUE[6],
            Before::Resource { quantity: None },
            "set-resources deployment/x -n shop -c app --memory-limit none",
        ),
        (CATALOGUE[8], Before::Bounds { min: 2, max: 6 }, "set-hpa hpa/web -n shop --min 2 --max 6"),
        (CATALOGUE[12], Before::Node { unschedulable: false }, "uncordon node/n1"),
        (CATALOGUE[12], Before::Node { unschedulable: true }, "AlreadySo"),
        (CATALOGUE[13], Before::CronJob { suspended: false }, "resume cronjob/report -n batch"),
        (CATALOGUE[16], Before::Unknown, "Unknown"),
    ] {
        let said = match action(command).inverse(&before, None) {
            Inverse::By(action) => action.to_string(),
            Inverse::None(reason) => format!("{reason:?}"),
        };
        assert_eq!(said, back, "{command} {before:?}");
    }
    let made = action(CATALOGUE[16]).inverse(&Before::Unknown, Some("0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4"));
    assert_eq!(made, Inverse::By(action(CATALOGUE[17])));
}

#[test]
fn the_digest_tells_actions_apart() {
    let mut digests: Vec<String> = CATALOGUE.map(|command| action(command).digest()).to_vec();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), CATALOGUE.len());
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z0-9./=~\"'\\\\ -]{0,12}", "[ -~]{0,20}", any::<String>()]
}

proptest! {
    #[test]
    fn whatever_is_typed_is_read_back_or_refused(
        verb in proptest::sample::select(CATALOGUE.to_vec()),
        words in proptest::collection::vec(word(), 0..4),
        keep in 0usize..8,
    ) {
        let kept: Vec<&str> = verb.split(' ').take(keep).collect();
        let typed = format!("{} {}", kept.join(" "), words.join(" "));
        if let Ok(action) = Action::parse(&typed, None) {
            prop_assert_eq!(Action::parse(&action.to_string(), None), Ok(action));
        }
    }

    #[test]
    fn comments_and_matchers_survive_quoting(comment in "[ -~]{1,40}", value in "[ -~]{1,40}") {
        let silence = Action::CreateSilence {
            matchers: vec![SilenceMatcher {
                name: "alertname".into(),
                operator: MatchOperator::Equal,
                value,
            }],
            duration_seconds: 90,
            comment,
        };
        if let Ok(silence) = silence.checked() {
            prop_assert_eq!(Action::parse(&silence.to_string(), None), Ok(silence));
        }
    }
}
