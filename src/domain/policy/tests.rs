//! The policy: its file, its answers, and that a rule more never allows more.

use proptest::prelude::*;

use super::*;
use crate::domain::action::Action;
use crate::domain::alert::Labels;
use chrono::{DateTime, Utc};

const EXAMPLE: &str = include_str!("../../../docs/policy.example.yaml");

fn example() -> Policy {
    let (policy, problems) = Policy::read("policy.yaml", EXAMPLE);
    assert_eq!(problems, []);
    policy.unwrap()
}

fn action(command: &str) -> Action {
    Action::parse(command, None).unwrap_or_else(|error| panic!("{command}: {error}"))
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

struct Case {
    labels: Option<Labels>,
    recent: Vec<Recent>,
    break_glass: Option<&'static str>,
    at: DateTime<Utc>,
}

fn ask(policy: &Policy, command: &str, edit: impl FnOnce(&mut Case)) -> Decision {
    let action = action(command);
    let at = at("2026-11-25T12:00:00Z");
    let mut case = Case { labels: Some(Labels::new()), recent: Vec::new(), break_glass: None, at };
    edit(&mut case);
    policy.evaluate(&Request {
        action: &action,
        labels: case.labels.as_ref(),
        severity: Some(Severity::Warning),
        recent: &case.recent,
        break_glass: case.break_glass,
        at: case.at,
    })
}

fn said(decision: &Decision) -> String {
    match decision {
        Decision::NeedsApproval(terms) => {
            let each =
                |need: &Requirement| format!("{}: {} of {}", need.rule, need.quorum, need.approvers.written.join(" "));
            terms.requirements().iter().map(each).collect::<Vec<_>>().join("; ")
        }
        Decision::Forbidden(refusals) => {
            let each: Vec<String> = refusals.iter().map(ToString::to_string).collect();
            format!("forbidden: {}", each.join("; "))
        }
    }
}

#[test]
fn answers_of_the_example() {
    let policy = example();
    let database = Labels::from([("app.kubernetes.io/component".into(), "database".into())]);
    let restarted = |minutes: i64| Recent {
        action: ActionName::RolloutRestart,
        target: "Deployment shop/checkout".into(),
        namespace: Some("shop".into()),
        at: at("2026-11-25T12:00:00Z") - TimeDelta::minutes(minutes),
    };
    let thrice = [restarted(50), restarted(30), restarted(5), restarted(90)];
    let restart = "restart deployment/checkout -n shop";
    let scale = "scale deployment/web -n shop --replicas 3";
    let holidays = at("2026-12-31T12:00:00Z");
    let emergency = Some("checkout is down for everybody");
    let answers = [
        ask(&policy, restart, |_| {}),
        ask(&policy, "restart deployment/ledger -n payments", |_| {}),
        ask(&policy, "restart deployment/x -n staging", |_| {}),
        ask(&policy, "restart deployment/coredns -n kube-system", |_| {}),
        ask(&policy, "restart statefulset/db -n shop", |request| request.labels = Some(database.clone())),
        ask(&policy, "restart statefulset/db -n shop", |request| request.labels = None),
        ask(&policy, restart, |request| request.recent = thrice.to_vec()),
        ask(&policy, restart, |request| request.recent = thrice[1..].to_vec()),
        ask(&policy, scale, |request| request.at = holidays),
        ask(&policy, scale, |request| {
            request.at = holidays;
            request.break_glass = emergency;
        }),
        ask(&policy, scale, |request| request.break_glass = Some("now")),
        ask(&policy, "restart statefulset/db -n shop", |request| {
            request.labels = Some(database.clone());
            request.break_glass = emergency;
        }),
        ask(&policy, "restart deployment/coredns -n kube-system", |request| request.break_glass = emergency),
        ask(&policy, restart, |request| {
            request.recent = thrice.to_vec();
            request.break_glass = emergency;
        }),
        ask(&policy, "drain node/n1", |_| {}),
        ask(&policy, "silence alertname=X namespace=kube-system --for 2h --comment x", |_| {}),
        ask(&Policy::default(), restart, |_| {}),
    ];
    insta::assert_snapshot!(answers.iter().map(said).collect::<Vec<_>>().join("\n"), @r#"
    everyday: 1 of on-call
    everyday: 1 of on-call; payments needs its owners: 2 of payments-owners
    forbidden: no rule of the policy allows it
    forbidden: namespace kube-system is protected; no rule of the policy allows it
    forbidden: rule `databases are not restarted by hand`: the operator fails them over; see the database runbook
    forbidden: rule `databases are not restarted by hand` may forbid it: labels not known
    forbidden: 3 in 60 min is the most: what three restarts did not mend, a fourth does not; again at 2026-11-25 12:10 UTC
    everyday: 1 of on-call
    forbidden: rule `freeze at the end of the year`: no changes over the holidays
    everyday: 1 of on-call; break_glass: 1 of ann chen
    forbidden: break-glass: say why, in a sentence
    forbidden: rule `databases are not restarted by hand`: the operator fails them over; see the database runbook
    forbidden: namespace kube-system is protected; no rule of the policy allows it
    everyday: 1 of on-call; break_glass: 1 of ann chen
    nodes: 1 of ann boris
    forbidden: namespace kube-system is protected
    forbidden: no approvers are named: write a policy (HOLMES_POLICY_FILE)
    "#);
}

#[test]
fn decisions_are_ordered() {
    let policy = example();
    let one = ask(&policy, "restart deployment/checkout -n shop", |_| {}).strictness();
    let two = ask(&policy, "restart deployment/ledger -n payments", |_| {}).strictness();
    let never = ask(&policy, "restart deployment/x -n staging", |_| {}).strictness();
    assert!(one < two && two < never, "{one:?} {two:?} {never:?}");
}

#[test]
fn every_problem_at_once_with_its_line() {
    let text = r#"version: 2
people:
  ann: [slack:U1, slack-group:S1]
  boris: slack:U1
groups:
  ops: [ann, borris]
protected_namespaces: [shop]
rules:
  - name: one
    match:
      action: [rollout_restart]
      namespaces: [Shop]
      risk: [huge]
      labels: {}
      when: {days: [mon-fry, noday], from: "25:00", offset: "Europe/Paris"}
    decision: approve
    approvers: [ops]
    quorum: 3
    self_approval: maybe
    expires: 3d
  - name: two
    match: {actions: [scale]}
    decision: forbid
    quorum: 2
    reason: not here
    examples:
      applies: [restart deployment/x -n shop, scale deployment/x]
      not: [scale deployment/x -n shop --replicas 2]
  - name: two
    decision: allow
    reason: x
    examples: {}
rate_limits:
  - {most: 0, within: soon, reason: x}
break_glass: {approvers: []}
"#;
    let (policy, problems) = Policy::read("policy.yaml", text);
    assert_eq!(policy, None);
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    policy.yaml:1: version: not a version that this release reads (write `version: 1`)
    policy.yaml:3: people.ann: `slack-group:S1` is a group, not a person (list groups under `groups`)
    policy.yaml:4: people.boris: `slack:U1` is ann already (an identity belongs to one person)
    policy.yaml:6: groups.ops: `borris` is no name of `people` or `groups` (use one of ann)
    policy.yaml:7: protected_namespaces: warning: kube-system is not protected (add it unless the bot really may act there)
    policy.yaml:9: rules[0].reason: missing (add `reason:`)
    policy.yaml:11: rules[0].match.action: unknown key (did you mean `actions`?)
    policy.yaml:12: rules[0].match.namespaces[0]: `Shop` can fit no name (use a-z, 0-9, `-`, `.` and `*`)
    policy.yaml:13: rules[0].match.risk[0]: unknown `huge` (did you mean `high`?)
    policy.yaml:14: rules[0].match.labels: is empty (list something, or remove the line for any)
    policy.yaml:15: rules[0].match.when.days[0]: `mon-fry` is no day (write mon, tue, wed, thu, fri, sat, sun, or mon-fri)
    policy.yaml:15: rules[0].match.when.days[1]: `noday` is no day (write mon, tue, wed, thu, fri, sat, sun, or mon-fri)
    policy.yaml:15: rules[0].match.when.from: `25:00` is no time of day (write it like "09:00")
    policy.yaml:15: rules[0].match.when.offset: `Europe/Paris` is no offset (write UTC or an offset like "+03:00"; time zones with summer time are not supported)
    policy.yaml:18: rules[0].quorum: 3 must approve, and fewer are named (name more approvers or lower it)
    policy.yaml:19: rules[0].self_approval: text where true or false is expected (write true or false)
    policy.yaml:20: rules[0].expires: longer than 24h (what was shown a day ago is not what is there now)
    policy.yaml:24: rules[1].quorum: means nothing where it is forbidden (remove it, or write `decision: approve`)
    policy.yaml:27: rules[1].examples.applies[0]: the rule does not apply to this (mend the rule's `match` or the example)
    policy.yaml:27: rules[1].examples.applies[1]: `scale deployment/x`: namespace: missing: add -n NAMESPACE (write it like `restart deployment/checkout -n shop`)
    policy.yaml:28: rules[1].examples.not[0]: the rule applies to this (mend the rule's `match` or the example)
    policy.yaml:30: rules[2].decision: `allow` is not approve or forbid (write one of the two)
    policy.yaml:34: rate_limits[0].most: 0 is no number of times (write a number from 1 to 1000)
    policy.yaml:34: rate_limits[0].within: `soon` is no duration from 1m to 30d (write it like 30m, 2h or 1d)
    policy.yaml:35: break_glass.approvers: names nobody (list people or groups, or remove `break_glass`)
    policy.yaml:35: break_glass.reason: missing (add `reason:`)
    "#);
}

#[test]
fn what_is_no_policy() {
    for text in ["", "[]", "rules: [", "rules: 3", "people: 7", "rules: [1]", "\u{0}"] {
        let (policy, problems) = Policy::read("policy.yaml", text);
        assert!(policy.is_none() || !problems.is_empty(), "{text:?}");
    }
}

#[test]
fn who_is_whom() {
    let people = example().people;
    let id = |text: &str| text.parse::<Principal>().unwrap();
    for (a, b, different) in [
        ("slack:U024BE7LH", "slack:U0G9QF9C6", true),
        ("slack:U024BE7LH", "sso:ANN@example.com", false),
        ("slack:U024BE7LH", "slack:U777", true),
        // Boris has no console session by name: it could be anybody, even Ann.
        ("slack:U024BE7LH", "console:somebody", false),
        ("slack:U777", "mattermost:abc", false),
        ("console:a", "console:b", true),
        ("console:a", "console:a", false),
    ] {
        assert_eq!(people.are_different(&id(a), &id(b)), different, "{a} {b}");
        assert_eq!(people.are_different(&id(b), &id(a)), different, "{b} {a}");
    }
    for wrong in ["U1", "slack:", "slack:a b", "teams:U1", "sso:\u{202e}x"] {
        assert!(wrong.parse::<Principal>().is_err(), "{wrong}");
    }
}

#[test]
fn groups_are_what_the_platform_says_and_only_groups() {
    let policy = example();
    let Decision::NeedsApproval(terms) = ask(&policy, "restart deployment/checkout -n shop", |_| {}) else { panic!() };
    let person = |id: &str, groups: &[&str]| Person {
        id: id.parse().unwrap(),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
        name: "x".into(),
    };
    assert!(policy.may(&person("slack:U024BE7LH", &[]), &terms));
    assert!(policy.may(&person("slack:U5", &["slack-group:S0614TZR7"]), &terms));
    assert!(policy.may(&person("sso:ann@example.com", &[]), &terms), "another identity of the same person");
    assert!(!policy.may(&person("slack:U5", &["slack-group:S9"]), &terms));
    assert!(!policy.may(&person("slack:U5", &["slack:U024BE7LH"]), &terms), "a person is no group");
    assert!(!policy.may(&person("console:U024BE7LH", &[]), &terms));
}

fn rule() -> impl Strategy<Value = Rule> {
    let namespaces = proptest::sample::select(vec![vec![], vec!["shop".to_owned()], vec!["team-*".to_owned()]]);
    let actions = proptest::sample::subsequence(ActionName::ALL.to_vec(), 0..4);
    let labels = proptest::sample::select(vec![None, Some(("tier".to_owned(), "web".to_owned()))]);
    let approve = (1u8..4, any::<bool>(), 1i64..90).prop_map(|(quorum, self_approval, minutes)| Effect::Approve {
        approvers: Approvers { written: vec!["slack:U1".into()], principals: ["slack:U1".parse().unwrap()].into() },
        quorum,
        self_approval,
        expires: TimeDelta::minutes(minutes),
    });
    let effect = prop_oneof![1 => Just(Effect::Forbid), 4 => approve];
    (namespaces, actions, labels, effect, "[a-z]{8}").prop_map(|(namespaces, actions, labels, effect, name)| Rule {
        name,
        matcher: RuleMatch { namespaces, actions, labels: labels.into_iter().collect(), ..RuleMatch::default() },
        effect,
        reason: "because".into(),
    })
}

proptest! {
    /// Once anything is allowed, one rule more never makes it easier.
    #[test]
    fn a_rule_more_is_never_less_strict(rules in proptest::collection::vec(rule(), 1..6), more in rule(), known: bool) {
        let action = action("restart deployment/x -n shop");
        let labels = Labels::from([("tier".into(), "web".into())]);
        let request = Request {
            action: &action,
            labels: known.then_some(&labels),
            severity: None,
            recent: &[],
            break_glass: None,
            at: at("2026-11-25T12:00:00Z"),
        };
        let mut policy = Policy { rules, ..Policy::default() };
        let before = policy.evaluate(&request);
        policy.rules.push(more);
        let after = policy.evaluate(&request);
        let nothing_spoke = matches!(&before, Decision::Forbidden(why) if *why == [Refusal::NoRule]);
        prop_assert!(nothing_spoke || after.strictness() >= before.strictness(), "{before:?} {after:?}");
        if let (Decision::NeedsApproval(before), Decision::NeedsApproval(after)) = (&before, &after) {
            prop_assert!(after.expires() <= before.expires() && (before.self_approval() || !after.self_approval()));
        }
        policy.rules.reverse();
        prop_assert_eq!(policy.evaluate(&request).strictness(), after.strictness(), "the order does not matter");
    }

    #[test]
    fn no_file_makes_the_reader_panic(text in "[a-z:\\[\\]{}, \n\"-]{0,200}") {
        let _ = Policy::read("policy.yaml", &format!("rules:\n{text}"));
        let _ = Policy::read("policy.yaml", &text);
    }
}

#[test]
fn silences_count_in_the_namespace_that_they_name() {
    let text = "version: 1\nrate_limits:\n  - {actions: [create_silence], per: namespace, most: 1, within: 7d, reason: enough}\n";
    let (policy, problems) = Policy::read("policy.yaml", text);
    let policy = policy.unwrap_or_else(|| panic!("{problems:?}"));
    let silence = "silence alertname=X namespace=shop --for 2h --comment x";
    let done = |namespace: &str| Recent {
        action: ActionName::CreateSilence,
        target: "Alertmanager".into(),
        namespace: Some(namespace.to_owned()),
        at: at("2026-11-24T12:00:00Z"),
    };
    let refused = |namespace| said(&ask(&policy, silence, |request| request.recent = vec![done(namespace)]));
    assert!(refused("shop").contains("enough; again at 2026-12-01 12:00 UTC"), "{}", refused("shop"));
    assert!(!refused("pay").contains("enough"), "{}", refused("pay"));
}
