//! Everything that is said of actions has words in both languages, and strangers' text in it is harmless.

use std::collections::BTreeSet;

use crate::analysis::remedies::REASONS;
use crate::domain::action::{Action, ActionName};
use crate::domain::policy::Refusal;
use crate::domain::proposal::{Outcome, Progress, Void, Why};
use crate::render::{Language, Renderer};

fn outcomes() -> Vec<Outcome> {
    let progress = Progress { have: 1, need: 2 };
    let by = || vec!["Ann".to_owned(), "Боря".to_owned()];
    let decided = |state| Outcome::AlreadyDecided { by: by(), state };
    vec![
        Outcome::Counted { progress, still: by() },
        Outcome::Approved { progress: Progress { have: 2, need: 2 } },
        Outcome::Rejected,
        Outcome::Repeated { progress },
        decided("approved"),
        decided("executing"),
        decided("verified"),
        decided("rejected"),
        decided("failed"),
        Outcome::Expired { at: chrono::DateTime::UNIX_EPOCH },
        Outcome::Superseded { why: Void::Moved },
        Outcome::Superseded { why: Void::Resolved },
        Outcome::Superseded { why: Void::Altered },
        Outcome::Superseded { why: Void::RightsLost },
        Outcome::Superseded { why: Void::Replaced },
        Outcome::Superseded { why: Void::Forbidden { refusals: vec![Refusal::NoRule] } },
        Outcome::NotAllowed { may: by() },
        Outcome::OwnProposal { may: by() },
        Outcome::Indistinct { other: "Ann".into() },
        Outcome::Forbidden { refusals: refusals() },
        Outcome::Stale,
        Outcome::Foreign,
        Outcome::Begun { attempt: 1 },
        Outcome::Begun { attempt: 2 },
        Outcome::Applied,
        Outcome::Failed { why: "pods \"x\" is forbidden <!channel>".into() },
        Outcome::Verified,
        Outcome::NotVerified { why: "1 of 3 pods is ready".into() },
        Outcome::Undone,
        Outcome::Unchanged,
    ]
}

fn refusals() -> Vec<Refusal> {
    vec![
        Refusal::NoPolicy,
        Refusal::NoRule,
        Refusal::Rule { rule: "freeze".into(), reason: "holidays".into() },
        Refusal::Undecided { rule: "databases".into(), unknown: "labels".into() },
        Refusal::Undecided { rule: "databases".into(), unknown: "severity".into() },
        Refusal::Protected { namespace: "kube-system".into() },
        Refusal::RateLimit {
            most: 3,
            within_seconds: 3600,
            reason: "enough".into(),
            again_at: chrono::DateTime::UNIX_EPOCH,
        },
        Refusal::OutOfScope { target: "Deployment pay/web".into(), subject: "shop/web".into() },
        Refusal::BreakGlass { problem: "say why".into() },
    ]
}

const ACTIONS: [&str; 18] = [
    "restart deployment/web -n shop",
    "undo deployment/web -n shop --to-revision 3",
    "pause deployment/web -n shop",
    "resume deployment/web -n shop",
    "scale deployment/web -n shop --replicas 3",
    "scale deployment/web -n shop --replicas 0",
    "set-resources deployment/web -n shop -c app --memory-limit 128Mi",
    "set-resources deployment/web -n shop -c app --memory-limit none",
    "set-hpa hpa/web -n shop --min 2 --max 12",
    "delete pod/web-0 -n shop",
    "cordon node/n1",
    "uncordon node/n1",
    "drain node/n1 --delete-empty-dir",
    "suspend cronjob/report -n batch",
    "resume cronjob/report -n batch",
    "rerun job/report-1 -n batch",
    "silence alertname=X --for 2h --comment \"<!channel> @all\"",
    "expire-silence 0f7a2c1e-5d38-4b6f-9a21-77c0d1e2f3a4",
];

fn all(language: Language) -> String {
    let renderer = Renderer::new(language, Vec::new()).unwrap();
    let mut said: Vec<String> = Vec::new();
    for command in ACTIONS {
        let action = Action::parse(command, None).unwrap();
        said.push(format!("{} {}", renderer.action(&action), renderer.way_back(&action).unwrap()));
    }
    said.extend(outcomes().iter().map(|outcome| renderer.outcome(outcome)));
    said.join("\n")
}

#[test]
fn said_in_english() {
    insta::assert_snapshot!(all(Language::English), @"");
}

#[test]
fn said_in_russian() {
    insta::assert_snapshot!(all(Language::Russian), @"");
}

#[test]
fn every_key_has_words_and_every_word_a_key() {
    let mut expected: BTreeSet<&str> = ActionName::ALL.iter().map(|name| name.as_str()).collect();
    expected.extend(REASONS);
    let (outcomes, refusals) = (outcomes(), refusals());
    expected.extend(outcomes.iter().map(Outcome::phrase));
    expected.extend(refusals.iter().map(Refusal::phrase));
    for language in [Language::English, Language::Russian] {
        let renderer = Renderer::new(language, Vec::new()).unwrap();
        let keys: BTreeSet<&str> = renderer.action_keys().into_iter().collect();
        assert_eq!(keys, expected);
    }
    // The Russian file is whole by itself: what it lacks would be said in English.
    let sections = |text: &str| text.lines().filter(|line| line.starts_with('[')).count();
    let files = [include_str!("../../../templates/en/actions.txt"), include_str!("../../../templates/ru/actions.txt")];
    assert_eq!(files.map(sections), [expected.len(); 2]);
}

#[test]
fn the_words_of_a_model_are_escaped() {
    let renderer = Renderer::new(Language::English, Vec::new()).unwrap();
    let why = Why { words: Some("because <!channel> [x](http://evil)".into()), ..Why::default() };
    let said = renderer.why(&why).unwrap();
    assert!(!said.contains("<!channel>") && !said.contains("](http"), "{said}");
}
