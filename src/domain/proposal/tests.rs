//! What each person is told, what the audit keeps, and the properties that make a click safe.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::domain::alert::{Labels, Severity};
use crate::domain::audit::{AuditEntry, first_broken};
use crate::domain::policy::scope::Scope;
use crate::domain::policy::{Person, Policy, Recent};
use crate::domain::redact::Redactor;
use crate::domain::subject::{Subject, SubjectKind};

const POLICY: &str = r#"
people:
  ann: [slack:U1, console:ann]
rules:
  - name: shop
    match: {actions: [scale], namespaces: [shop]}
    decision: approve
    approvers: [ann, slack:U2, slack:U3, slack-group:S1, console:carl]
    quorum: 2
    expires: 30m
    reason: two of us look at it
    examples: {applies: [scale deployment/web -n shop --replicas 3]}
  - name: freeze
    match: {when: [{start: 2026-12-20, end: 2027-01-10}]}
    decision: forbid
    reason: holidays
    examples: {applies: [scale deployment/web -n shop --replicas 3]}
rate_limits: [{most: 3, within: 1h, reason: enough}]
break_glass: {approvers: [slack:U3], reason: the commander decides}
"#;

fn policy() -> Policy {
    let (policy, problems) = Policy::read("policy.yaml", POLICY);
    policy.unwrap_or_else(|| panic!("{problems:?}"))
}

fn start() -> DateTime<Utc> {
    "2026-11-25T12:00:00Z".parse().unwrap()
}

fn person(id: &str) -> Person {
    let groups = if id == "slack:U5" { vec!["slack-group:S1".parse().unwrap()] } else { Vec::new() };
    Person { id: id.parse().unwrap(), groups, name: id.rsplit(':').next().unwrap().to_owned() }
}

fn snapshot(version: u64) -> Snapshot {
    Snapshot {
        uid: Some("4b1f".into()),
        resource_version: Some(version.to_string()),
        labels: Some(Labels::new()),
        managed: None,
    }
}

fn proposed_by(person: Option<Person>) -> Proposal {
    let draft = ProposalDraft {
        incident: IncidentId("i-1".into()),
        action: Action::parse("scale deployment/web -n shop --replicas 3", None).unwrap(),
        target: snapshot(7),
        before: Before::Replicas { replicas: 2 },
        diff: Diff::new("-  replicas: 2\n+  replicas: 3\n   password: hunter2hunter2", &Redactor::new()),
        notes: Vec::new(),
        why: Why::default(),
        proposed_by: person.map_or(ProposedBy::Analysis, |person| ProposedBy::Person { person }),
        places: BTreeSet::from(["slack:C1".to_owned(), "console".to_owned()]),
        expires: Some(TimeDelta::minutes(30)),
    };
    Proposal::new(draft, start()).unwrap().0
}

/// What stays the same around the proposal.
struct World {
    policy: Policy,
    subject: Subject,
    nodes: BTreeSet<String>,
    recent: Vec<Recent>,
}

impl World {
    fn new() -> Self {
        let subject = Subject::new(SubjectKind::Deployment, Some("shop".into()), "web".into());
        Self { policy: policy(), subject, nodes: BTreeSet::new(), recent: Vec::new() }
    }

    fn with<T>(&self, now: DateTime<Utc>, act: impl FnOnce(&Circumstances<'_>) -> T) -> T {
        let scope = Scope { subject: &self.subject, own_cluster: None, nodes: &self.nodes, alerts: &[] };
        act(&Circumstances {
            policy: &self.policy,
            scope: &scope,
            severity: Some(Severity::Critical),
            recent: &self.recent,
            now,
        })
    }

    fn click(&self, proposal: Proposal, who: &str, choice: Choice, minutes: i64) -> Step {
        let click = Click {
            proposal: proposal.id.clone(),
            digest: proposal.digest.clone(),
            person: person(who),
            place: "slack:C1".into(),
            choice,
        };
        self.with(start() + TimeDelta::minutes(minutes), |circumstances| proposal.decide(&click, circumstances))
    }
}

fn said(outcome: &Outcome) -> String {
    let facts: Vec<String> = outcome.facts().iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{} {}", outcome.phrase(), facts.join(" ")).trim().to_owned()
}

fn reject() -> Choice {
    Choice::Reject { reason: Some("not\nnow".into()) }
}

#[test]
fn what_each_person_is_told() {
    let world = World::new();
    let mut told = Vec::new();
    let mut tell = |proposal: Proposal, clicks: &[(&str, Choice, i64)]| {
        let mut proposal = proposal;
        for (who, choice, minutes) in clicks {
            let step = world.click(proposal, who, choice.clone(), *minutes);
            told.push(format!("{who} {minutes} min: {} [{}]", said(&step.outcome), step.proposal.state.as_str()));
            assert!(step.audit.is_some());
            proposal = step.proposal;
        }
        told.push(String::new());
    };
    let approve = || Choice::Approve;
    // First, again, as another self, not allowed, second, too late.
    tell(
        proposed_by(None),
        &[
            ("slack:U1", approve(), 1),
            ("slack:U1", approve(), 1),
            ("console:ann", approve(), 2),
            ("slack:U9", approve(), 2),
            ("console:carl", approve(), 3),
            ("slack:U5", approve(), 3),
            ("slack:U2", approve(), 4),
        ],
    );
    // One's own.
    tell(
        proposed_by(Some(person("slack:U2"))),
        &[
            ("slack:U2", approve(), 1),
            ("console:carl", approve(), 1),
            ("slack:U1", approve(), 2),
            ("slack:U2", reject(), 3),
        ],
    );
    // Perhaps the same person, on two platforms.
    tell(
        proposed_by(None),
        &[("slack:U3", approve(), 1), ("console:carl", approve(), 2), ("console:ann", approve(), 3)],
    );
    // Rejected, by somebody who may; also after the approval, as long as it has not begun.
    tell(
        proposed_by(None),
        &[
            ("slack:U9", reject(), 1),
            ("slack:U1", approve(), 1),
            ("slack:U2", approve(), 2),
            ("slack:U3", reject(), 3),
            ("slack:U1", approve(), 4),
        ],
    );
    // Too late.
    tell(proposed_by(None), &[("slack:U1", approve(), 29), ("slack:U2", approve(), 30), ("slack:U2", approve(), 31)]);
    insta::assert_snapshot!(told.join("\n"), @r#"
    slack:U1 1 min: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U1 1 min: outcome.repeated have=1 need=2 [proposed]
    console:ann 2 min: outcome.repeated have=1 need=2 [proposed]
    slack:U9 2 min: outcome.not_allowed may=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    console:carl 3 min: outcome.approved have=2 need=2 [approved]
    slack:U5 3 min: outcome.already_decided by=U1, carl state=approved [approved]
    slack:U2 4 min: outcome.already_decided by=U1, carl state=approved [approved]

    slack:U2 1 min: outcome.own_proposal may=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    console:carl 1 min: outcome.own_proposal may=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U1 2 min: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U2 3 min: outcome.rejected [rejected]

    slack:U3 1 min: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    console:carl 2 min: outcome.indistinct other=U3 [proposed]
    console:ann 3 min: outcome.approved have=2 need=2 [approved]

    slack:U9 1 min: outcome.not_allowed may=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U1 1 min: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U2 2 min: outcome.approved have=2 need=2 [approved]
    slack:U3 3 min: outcome.rejected [rejected]
    slack:U1 4 min: outcome.already_decided by=U3 state=rejected [rejected]

    slack:U1 29 min: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 [proposed]
    slack:U2 30 min: outcome.expired at=2026-11-25 12:30 UTC [expired]
    slack:U2 31 min: outcome.expired at=2026-11-25 12:30 UTC [expired]
    "#);
}

#[test]
fn forged_altered_and_foreign_clicks_do_nothing_and_are_audited() {
    let world = World::new();
    let proposal = proposed_by(None);
    let good = Click {
        proposal: proposal.id.clone(),
        digest: proposal.digest.clone(),
        person: person("slack:U1"),
        place: "slack:C1".into(),
        choice: Choice::Approve,
    };
    for (click, expected) in [
        (Click { proposal: ProposalId("p-0".into()), ..good.clone() }, Outcome::Stale),
        (Click { digest: "00".into(), ..good.clone() }, Outcome::Stale),
        (Click { place: "slack:C2".into(), ..good.clone() }, Outcome::Foreign),
    ] {
        let step = world.with(start(), |circumstances| proposal.clone().decide(&click, circumstances));
        assert_eq!(step.outcome, expected);
        assert_eq!(step.proposal, proposal);
        let audit = step.audit.unwrap();
        assert_eq!((audit.action.as_str(), audit.actor.as_str()), ("proposal.click_refused", "slack:U1"));
    }
}

#[test]
fn an_emergency_needs_one_of_its_own_and_a_reason() {
    let world = World::new();
    let holiday = "2026-12-24T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    let mut proposal = proposed_by(None);
    (proposal.created_at, proposal.expires_at) = (holiday, holiday + TimeDelta::minutes(30));
    let mut told = Vec::new();
    let glass = |reason: &str| Choice::BreakGlass { reason: reason.into() };
    for (who, choice) in [
        ("slack:U3", Choice::Approve),
        ("slack:U2", glass("the shop is down for everybody")),
        ("slack:U3", glass("now")),
        ("slack:U3", glass("the shop is down for everybody")),
        ("slack:U2", Choice::Approve),
    ] {
        let click = Click {
            proposal: proposal.id.clone(),
            digest: proposal.digest.clone(),
            person: person(who),
            place: "console".into(),
            choice,
        };
        let step = world.with(holiday, |circumstances| proposal.decide(&click, circumstances));
        told.push(format!("{who}: {} {:?}", said(&step.outcome), step.proposal.break_glass));
        proposal = step.proposal;
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    slack:U3: outcome.forbidden None
    slack:U2: outcome.not_allowed may=slack:U3 None
    slack:U3: outcome.forbidden None
    slack:U3: outcome.counted have=1 need=2 still=ann, console:carl, slack-group:S1, slack:U2, slack:U3 Some("the shop is down for everybody")
    slack:U2: outcome.approved have=2 need=2 Some("the shop is down for everybody")
    "#);
}

#[test]
fn the_whole_way_and_its_audit() {
    let world = World::new();
    let (now, groups) = (start() + TimeDelta::minutes(5), Groups::new());
    let draft = proposed_by(None);
    let mut drafts = vec![draft.made(start())];
    let mut step = world.click(draft, "slack:U1", Choice::Approve, 1);
    drafts.extend(step.audit.take());
    step = world.click(step.proposal, "slack:U2", Choice::Approve, 2);
    drafts.extend(step.audit.take());
    let begun = world.with(now, |circumstances| step.proposal.begin(circumstances, &snapshot(7), &groups));
    let approved = begun.approved.unwrap();
    assert_eq!(
        approved.to_string(),
        format!("{} (scale deployment/web -n shop --replicas 3), attempt 1", approved.key())
    );
    assert_eq!(approved.approvers(), ["slack:U1", "slack:U2"]);
    drafts.extend(begun.step.audit);
    step = begun.step.proposal.finish(Ok(Done::default()), now);
    drafts.extend(step.audit.take());
    step = step.proposal.verify(Verdict::Bad { why: "1 of 3 pods is ready".into() }, now);
    drafts.extend(step.audit.take());
    assert_eq!(step.proposal.way_back().unwrap().to_string(), "scale deployment/web -n shop --replicas 2");
    step = step.proposal.undone(ProposalId("p-2".into()), now);
    drafts.extend(step.audit.take());
    assert!(step.proposal.state.is_settled());
    let mut chain: Vec<AuditEntry> = Vec::new();
    for draft in drafts {
        chain.push(AuditEntry::after(chain.last(), draft));
    }
    assert_eq!(first_broken(&chain), None);
    let lines: Vec<String> = chain
        .iter()
        .map(|entry| format!("{} {} {}", entry.draft.actor, entry.draft.action, entry.draft.detail))
        .collect();
    let digest = &proposed_by(None).digest;
    let all = lines.join("\n").replace(digest.as_str(), "DIGEST");
    assert!(!all.contains("hunter2"), "{all}");
    insta::assert_snapshot!(all, @r#"
    holmes proposal.made {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST","diff":"-  replicas: 2\n+  replicas: 3\n   password: [redacted:password]"}
    slack:U1 proposal.vote {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST","place":"slack:C1","name":"U1","choice":"approve"}
    slack:U2 proposal.approved {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST","place":"slack:C1","name":"U2","choice":"approve"}
    holmes execution.begun {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST","why":"attempt 1","approvers":["slack:U1","slack:U2"]}
    holmes execution.applied {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST"}
    holmes verification.failed {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST","why":"1 of 3 pods is ready"}
    holmes proposal.undone {"proposal":"p-3b727d7fbf","command":"scale deployment/web -n shop --replicas 3","target":"Deployment shop/web","uid":"4b1f","resource_version":"7","digest":"DIGEST"}
    "#);
}

#[test]
fn what_changed_between_approval_and_execution_voids_it() {
    let approved = || {
        let world = World::new();
        let proposal = proposed_by(None);
        let proposal = world.click(proposal, "slack:U1", Choice::Approve, 1).proposal;
        let proposal = world.click(proposal, "slack:U5", Choice::Approve, 1).proposal;
        assert_eq!(proposal.state.as_str(), "approved");
        (world, proposal)
    };
    let in_group = Groups::from([("slack:U5".parse().unwrap(), vec!["slack-group:S1".parse().unwrap()])]);
    let begin = |world: &World, proposal: Proposal, seen: &Snapshot, groups: &Groups, minutes| {
        let now = start() + TimeDelta::minutes(minutes);
        let begun = world.with(now, |circumstances| proposal.begin(circumstances, seen, groups));
        assert_eq!(begun.approved.is_some(), matches!(begun.step.outcome, Outcome::Begun { .. }));
        said(&begun.step.outcome)
    };
    let (world, proposal) = approved();
    let mut told = vec![
        begin(&world, proposal.clone(), &snapshot(7), &in_group, 2),
        begin(&world, proposal.clone(), &snapshot(8), &in_group, 2),
        begin(&world, proposal.clone(), &Snapshot { uid: Some("other".into()), ..snapshot(7) }, &in_group, 2),
        begin(&world, proposal.clone(), &snapshot(7), &Groups::new(), 2),
        begin(&world, proposal.clone(), &snapshot(7), &in_group, 30),
        begin(&world, proposed_by(None), &snapshot(7), &in_group, 2),
    ];
    let mut altered = proposal.clone();
    altered.action = Action::parse("scale deployment/web -n shop --replicas 0", None).unwrap();
    told.push(begin(&world, altered, &snapshot(7), &in_group, 2));
    let (mut world, proposal) = approved();
    world.policy.rules.retain(|rule| rule.name != "shop");
    told.push(begin(&world, proposal.clone(), &snapshot(7), &in_group, 2));
    let (mut world, _) = approved();
    world.subject.namespace = Some("pay".into());
    told.push(begin(&world, proposal, &snapshot(7), &in_group, 2));
    insta::assert_snapshot!(told.join("\n"), @r#"
    outcome.begun attempt=1
    outcome.superseded void=moved
    outcome.superseded void=moved
    outcome.superseded void=rights_lost
    outcome.expired at=2026-11-25 12:30 UTC
    outcome.unchanged
    outcome.superseded void=altered
    outcome.superseded void=forbidden
    outcome.superseded void=forbidden
    "#);
}

/// What can happen, in any order.
#[derive(Debug, Clone)]
enum Happens {
    Click {
        who: usize,
        choice: usize,
        digest: bool,
        place: bool,
    },
    Minutes(i64),
    ObjectMoves,
    GroupLost,
    RuleGone,
    StoreAltered,
    /// A replica reads the proposal; what it read may be old when it acts.
    Reads {
        replica: usize,
    },
    /// A replica begins or resumes by what it read, stores it if nobody was faster, and then holds the permission.
    Begins {
        replica: usize,
    },
    /// It sends the patch, if it holds the permission; it may be late.
    Sends {
        replica: usize,
    },
    /// It stores how the execution ended.
    Finishes {
        replica: usize,
    },
    Crashes {
        replica: usize,
    },
    Expires,
}

fn happens() -> impl Strategy<Value = Happens> {
    let replica = 0usize..2;
    prop_oneof![
        8 => (0usize..7, 0usize..12, prop::bool::weighted(0.9), prop::bool::weighted(0.9))
            .prop_map(|(who, choice, digest, place)| Happens::Click { who, choice, digest, place }),
        2 => (0i64..12).prop_map(Happens::Minutes),
        1 => Just(Happens::ObjectMoves),
        1 => Just(Happens::GroupLost),
        1 => Just(Happens::RuleGone),
        1 => Just(Happens::StoreAltered),
        6 => replica.clone().prop_map(|replica| Happens::Reads { replica }),
        6 => replica.clone().prop_map(|replica| Happens::Begins { replica }),
        6 => replica.clone().prop_map(|replica| Happens::Sends { replica }),
        3 => replica.clone().prop_map(|replica| Happens::Finishes { replica }),
        2 => replica.prop_map(|replica| Happens::Crashes { replica }),
        1 => Just(Happens::Expires),
    ]
}

const PEOPLE: [&str; 7] = ["slack:U1", "slack:U2", "slack:U3", "slack:U5", "slack:U9", "console:ann", "console:carl"];

#[derive(Default)]
struct Replica {
    read: Option<(u64, Proposal)>,
    approved: Option<Approved>,
    sent: Option<Result<Done, ExecutionFailed>>,
}

/// One object, one store, two replicas.
struct Model {
    world: World,
    now: DateTime<Utc>,
    stored: (u64, Proposal),
    original: Proposal,
    resource_version: u64,
    groups: Groups,
    replicas: [Replica; 2],
    /// Keys that the object bears.
    effects: Vec<String>,
    /// Who clicked approve in time, in place, on what was shown, and when.
    approvals: BTreeMap<String, DateTime<Utc>>,
    rejected: bool,
    begun: bool,
}

impl Model {
    fn new() -> Self {
        let proposal = proposed_by(Some(person("slack:U2")));
        Self {
            world: World::new(),
            now: start(),
            stored: (1, proposal.clone()),
            original: proposal,
            resource_version: 7,
            groups: Groups::from([("slack:U5".parse().unwrap(), vec!["slack-group:S1".parse().unwrap()])]),
            replicas: [Replica::default(), Replica::default()],
            effects: Vec::new(),
            approvals: BTreeMap::new(),
            rejected: false,
            begun: false,
        }
    }

    fn store(&mut self, version: u64, proposal: Proposal) -> bool {
        let first = self.stored.0 == version;
        if first {
            self.stored = (version + 1, proposal);
        }
        first
    }

    /// Counts people as the policy above means it, without any of the code under test. U2 proposed, so theirs counts
    /// never; `console:carl` could be U2, so his does not either; both of Ann's identities are one.
    fn oracle(&self) -> bool {
        let in_time = |at: &DateTime<Utc>| *at < self.original.expires_at;
        let still_in_group = !self.groups.is_empty();
        let mut who = BTreeSet::new();
        for (id, _) in self.approvals.iter().filter(|(_, at)| in_time(at)) {
            match id.as_str() {
                "slack:U1" | "console:ann" => who.insert("ann"),
                "slack:U3" => who.insert("U3"),
                "slack:U5" if still_in_group => who.insert("U5"),
                _ => false,
            };
        }
        who.len() >= 2 && self.now < self.original.expires_at && self.world.policy.rules.len() == 2 && !self.rejected
    }

    fn happens(&mut self, what: &Happens) {
        match what {
            Happens::Minutes(minutes) => self.now += TimeDelta::minutes(*minutes),
            Happens::ObjectMoves => self.resource_version += 1,
            Happens::GroupLost => self.groups.clear(),
            Happens::RuleGone => self.world.policy.rules.retain(|rule| rule.name != "shop"),
            Happens::StoreAltered => {
                self.stored.1.action = Action::parse("scale deployment/web -n shop --replicas 0", None).unwrap();
            }
            Happens::Expires => {
                let (version, proposal) = self.stored.clone();
                let step = proposal.expire(self.now);
                self.store(version, step.proposal);
            }
            Happens::Click { who, choice, digest, place } => self.click(*who, *choice, *digest, *place),
            Happens::Reads { replica } => self.replicas[*replica].read = Some(self.stored.clone()),
            Happens::Begins { replica } => self.begins(*replica),
            Happens::Sends { replica } => self.sends(*replica),
            Happens::Finishes { replica } => {
                let Some(result) = self.replicas[*replica].sent.take() else { return };
                let (version, proposal) = self.stored.clone();
                let step = proposal.finish(result, self.now);
                self.store(version, step.proposal);
            }
            Happens::Crashes { replica } => self.replicas[*replica] = Replica::default(),
        }
    }

    fn click(&mut self, who: usize, choice: usize, digest: bool, place: bool) {
        let (version, proposal) = self.stored.clone();
        let choice = if choice == 0 { Choice::Reject { reason: None } } else { Choice::Approve };
        let click = Click {
            proposal: proposal.id.clone(),
            digest: if digest { proposal.digest.clone() } else { "forged".into() },
            person: person(PEOPLE[who]),
            place: if place { "console".into() } else { "elsewhere".into() },
            choice: choice.clone(),
        };
        let before = proposal.state.as_str();
        let step = self.world.with(self.now, |circumstances| proposal.clone().decide(&click, circumstances));
        assert!(step.audit.is_some(), "every click is audited");
        let counted = matches!(step.outcome, Outcome::Counted { .. } | Outcome::Approved { .. });
        if counted {
            assert!(digest && place && choice == Choice::Approve && before == "proposed", "{:?}", step.outcome);
            self.approvals.insert(PEOPLE[who].to_owned(), self.now);
        }
        self.rejected |= matches!(step.outcome, Outcome::Rejected);
        if !counted && !matches!(step.outcome, Outcome::Rejected | Outcome::Expired { .. }) {
            assert_eq!(step.proposal, proposal, "a refused click changes nothing: {:?}", step.outcome);
        }
        self.store(version, step.proposal);
    }

    fn begins(&mut self, replica: usize) {
        let Some((version, proposal)) = self.replicas[replica].read.take() else { return };
        let seen = snapshot(self.resource_version);
        let key = proposal.id.0.clone();
        let sight = match self.effects.contains(&key) {
            true => Sight::Applied(Done::default()),
            false => Sight::NotApplied,
        };
        let executing = matches!(proposal.state, State::Executing { .. });
        let groups = self.groups.clone();
        let begun = self.world.with(self.now, |circumstances| match executing {
            true => proposal.resume(sight, circumstances, &seen, &groups),
            false => proposal.begin(circumstances, &seen, &groups),
        });
        let ended = executing && begun.approved.is_none();
        let stored = self.store(version, begun.step.proposal);
        if stored && ended {
            // Whoever is overtaken has lost its lease, and looks at the clock before it sends.
            for other in &mut self.replicas {
                other.approved = None;
            }
        }
        if stored && let Some(approved) = begun.approved {
            assert!(self.oracle(), "begun without a live, sufficient approval: {:?} at {}", self.approvals, self.now);
            assert_eq!(approved.action(), &self.original.action, "an altered proposal never begins");
            self.begun = true;
            self.replicas[replica].approved = Some(approved);
        }
    }

    /// As the actuator does it: not after its time, and with uid and resourceVersion as preconditions.
    fn sends(&mut self, replica: usize) {
        let Some(approved) = self.replicas[replica].approved.take() else { return };
        let same = approved.target().is_same(&snapshot(self.resource_version));
        let result = if self.now < approved.not_after() && same {
            self.effects.push(approved.key().to_owned());
            self.resource_version += 1;
            Ok(Done::default())
        } else {
            Err(ExecutionFailed::Moved)
        };
        // The answer of one who was overtaken: what it saw is true of its own request only.
        let overtaken = result.is_err() && !self.effects.is_empty();
        self.replicas[replica].sent = (!overtaken).then_some(result);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn at_most_one_effect_and_none_without_permission(
        before in proptest::collection::vec(happens(), 0..12),
        after in proptest::collection::vec(happens(), 0..30),
        eager: bool,
    ) {
        let mut model = Model::new();
        for what in &before {
            model.happens(what);
        }
        // Half of the runs get two good clicks in the middle, so that most reach an execution.
        if eager {
            for who in [0, 2] {
                model.happens(&Happens::Click { who, choice: 1, digest: true, place: true });
            }
        }
        for what in &after {
            model.happens(what);
            prop_assert!(model.effects.len() <= 1);
            prop_assert!(model.effects.is_empty() || model.begun);
        }
        // However it went, somebody who comes back finds out, and it ends.
        for _ in 0..8 {
            model.happens(&Happens::Minutes(10));
            for replica in [0, 1] {
                model.happens(&Happens::Crashes { replica });
                model.happens(&Happens::Reads { replica });
                model.happens(&Happens::Begins { replica });
            }
            model.happens(&Happens::Expires);
        }
        prop_assert!(model.effects.len() <= 1);
        let state = model.stored.1.state.as_str();
        prop_assert!(model.stored.1.state.is_settled() || state == "applied", "left in {state}");
        if !model.effects.is_empty() {
            prop_assert_eq!(state, "applied", "an effect is never forgotten");
        }
    }
}

#[test]
fn the_model_reaches_an_effect() {
    let mut model = Model::new();
    for who in [0, 2] {
        model.happens(&Happens::Click { who, choice: 1, digest: true, place: true });
    }
    for what in [
        Happens::Reads { replica: 0 },
        Happens::Begins { replica: 0 },
        // The other replica believes the first dead, sees nothing done, and begins anew; then both send.
        Happens::Reads { replica: 1 },
        Happens::Begins { replica: 1 },
        Happens::Sends { replica: 0 },
        Happens::Sends { replica: 1 },
        Happens::Finishes { replica: 0 },
    ] {
        model.happens(&what);
    }
    assert_eq!((model.effects.len(), model.stored.1.state.as_str()), (1, "applied"));
}

#[test]
fn what_was_done_counts_in_the_namespace_that_it_is_in() {
    let namespace = |command: &str| {
        let mut proposal = proposed_by(None);
        proposal.action = Action::parse(command, None).unwrap();
        assert_eq!(proposal.recent(), None, "nothing was done yet");
        proposal.state = State::Applied { at: start(), created: None };
        proposal.recent().unwrap().namespace
    };
    assert_eq!(namespace("restart deployment/web -n shop").as_deref(), Some("shop"));
    assert_eq!(namespace("silence alertname=X namespace=shop --for 2h --comment x").as_deref(), Some("shop"));
    assert_eq!(namespace("silence alertname=X namespace=~shop --for 2h --comment x"), None);
}
