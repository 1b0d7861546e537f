//! What every store must keep, whatever it is made of. A new implementation is added to [`stores`] and nothing else.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::domain::action::{Action, Before};
use holmes_bot::domain::alert::{Alert, AlertStatus, Labels};
use holmes_bot::domain::audit::{AuditDraft, first_broken};
use holmes_bot::domain::chat::{MessageId, Place, Platform};
use holmes_bot::domain::event::{Event, EventId, PRESS_REMEMBERED, Pressed, REMEMBERED};
use holmes_bot::domain::incident::{Changed, Incident, IncidentId, IncidentStatus, Origin};
use holmes_bot::domain::investigation::Investigation;
use holmes_bot::domain::notification::Notification;
use holmes_bot::domain::policy::{Person, Principal, PrincipalKind};
use holmes_bot::domain::post::{PostDraft, PostKind};
use holmes_bot::domain::press::Press;
use holmes_bot::domain::projection::{Projection, Shown};
use holmes_bot::domain::proposal::{Diff, Proposal, ProposalDraft, ProposalId, ProposedBy, Snapshot, State, Why};
use holmes_bot::domain::question::Question;
use holmes_bot::domain::redact::Redactor;
use holmes_bot::domain::subject::Subject;
use holmes_bot::ports::{
    Backlog, Document, DocumentKind, Filter, Store, StoreError, Timer, Undelivered, Versioned, Write,
};

use crate::redis_server::RedisServer;

/// A store of each kind that can be had here, with what must live as long as it.
pub async fn stores() -> Vec<(Arc<dyn Store>, Box<dyn std::any::Any + Send>)> {
    let directory = tempfile::tempdir().unwrap();
    let embedded = EmbeddedStore::open(directory.path()).unwrap();
    let redis = RedisServer::start().await;
    vec![(Arc::new(embedded), Box::new(directory)), (redis.store().await, Box::new(redis))]
}

fn at(second: i64) -> DateTime<Utc> {
    "2026-11-22T22:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::seconds(second)
}

fn notification(name: &str) -> Event {
    let body = serde_json::json!({"version": "4", "groupKey": name, "alerts": []});
    Event::Notification(Notification::parse(body.to_string().as_bytes(), at(0)).unwrap())
}

fn alert(name: &str, deployment: &str) -> Alert {
    Alert {
        fingerprint: format!("{name}-{deployment}"),
        status: AlertStatus::Firing,
        labels: Labels::from([
            ("alertname".into(), name.into()),
            ("namespace".into(), "shop".into()),
            ("deployment".into(), deployment.into()),
        ]),
        annotations: Labels::new(),
        starts_at: at(0),
        ends_at: None,
        generator_url: String::new(),
    }
}

fn incident(deployment: &str, second: i64) -> Incident {
    let alert = alert("Crash", deployment);
    let subject = Subject::of(&alert);
    let mut incident = Incident::open(subject.correlation_key("Crash"), subject.clone(), &alert, at(second));
    incident.take(&alert, &subject, at(second), &mut Changed::default());
    incident
}

fn new(incident: Incident) -> Write {
    Write::new(Versioned { version: 0, value: incident })
}

/// A write that opens an incident about a Deployment.
pub fn opened(deployment: &str) -> Write {
    new(incident(deployment, 0))
}

/// A write that opens an incident whose thread has a dozen entries of a KiB.
pub fn told(number: usize) -> Write {
    let posts = (0..12).map(|entry| post(&format!("evidence:E{entry}"), &"a line of a log; ".repeat(60), 0)).collect();
    Write { posts, chats: vec![Platform::Slack], ..new(incident(&format!("app{number}"), 0)) }
}

/// Puts something of each kind into a store; doing it twice is refused.
pub async fn fill(store: &dyn Store) {
    let mut web = incident("web", 0);
    web.remember(EventId(41));
    let entry = |action: &str| AuditDraft {
        at: at(1),
        actor: "holmes".into(),
        action: action.into(),
        incident: Some(web.id.clone()),
        detail: String::new(),
    };
    let timer = Timer { key: "settle:web".into(), due: at(99), event: Event::Settle { incident: web.id.clone() } };
    let first = Write {
        posts: vec![post("root", "one", 0), post("status", "looking", 0)],
        investigation: Some(Investigation { run: 1, ..Investigation::default() }),
        proposals: vec![proposal(&web, 3, 5)],
        timers: vec![timer],
        audit: vec![entry("incident.opened"), entry("investigation.requested")],
        chats: vec![Platform::Slack],
        ..new(web.clone())
    };
    if store.commit(vec![first, new(incident("pay", 10))], &[], at(1)).await.is_err() {
        return;
    }
    let read = store.incident(&web.id).await.unwrap().unwrap();
    let edit = Write { posts: vec![post("status", "done", 7)], ..Write::new(read) };
    store.commit(vec![edit], &[], at(7)).await.unwrap();
    let shown = Versioned { version: 0, value: projection("C1", Some("17.1")) };
    store.save_projection(Platform::Slack, &web.id, &shown).await.unwrap();
    let documents = vec![("n".into(), Some(vec![0, 255, 10])), ("gone".into(), Some(vec![1]))];
    store.write_documents(DocumentKind::Note, documents).await.unwrap();
    store.write_documents(DocumentKind::Note, vec![("gone".into(), None)]).await.unwrap();
    store.write_documents(DocumentKind::Own, vec![("key".into(), Some(b"sealed".to_vec()))]).await.unwrap();
    store.write_documents(DocumentKind::Vector, vec![("n".into(), Some(vec![7; 300]))]).await.unwrap();
}

/// Checks that what [`fill`] put in is found and goes on.
pub async fn check_filled(store: &dyn Store) {
    let web = incident("web", 0);
    let read = store.incident(&web.id).await.unwrap().unwrap();
    assert_eq!(read.version, 2);
    let thread = store.thread(&web.id).await.unwrap();
    assert_eq!(thread.iter().map(|post| (post.seq, post.revision)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
    assert_eq!((thread[1].draft.at, thread[1].edited_at), (at(0), at(7)));
    let found = store.keys_by_fingerprint(&["Crash-web".into()]).await.unwrap();
    assert_eq!(found, [("Crash-web".to_owned(), web.key.clone())]);
    let (place, root) = (Place::Channel(Platform::Slack, "C1".into()), MessageId("17.1".into()));
    assert_eq!(store.incident_of(&place, &root).await.unwrap(), Some(web.id.clone()));
    assert_eq!(store.outbox(Platform::Slack, 9).await.unwrap().len(), 1);
    assert_eq!(store.due(9, at(99)).await.unwrap().len(), 1);
    assert_eq!(store.proposals(&web.id).await.unwrap().len(), 1);
    let chain = store.audit(1, 99).await.unwrap();
    assert_eq!((chain.len(), first_broken(&chain)), (2, None));
}

fn post(key: &str, text: &str, second: i64) -> PostDraft {
    PostDraft {
        key: key.into(),
        kind: PostKind::Status,
        author: "holmes".into(),
        text: text.into(),
        evidence: Vec::new(),
        at: at(second),
    }
}

const HOLD: TimeDelta = TimeDelta::seconds(30);

#[tokio::test]
async fn events_come_in_order_are_held_and_vanish_when_handled() {
    for (store, _alive) in stores().await {
        for name in ["a", "b", "c"] {
            store.enqueue(&notification(name), at(0)).await.unwrap();
        }
        let first = store.claim(2, HOLD, at(1)).await.unwrap();
        assert_eq!(
            first.iter().map(|claimed| claimed.event.clone()).collect::<Vec<_>>(),
            [notification("a"), notification("b")]
        );
        let rest = store.claim(9, HOLD, at(1)).await.unwrap();
        assert_eq!(rest.len(), 1, "what is held is not claimed again");
        store.commit(Vec::new(), &[first[0].id, rest[0].id], at(1)).await.unwrap();
        assert!(store.claim(9, HOLD, at(2)).await.unwrap().is_empty());
        let again = store.claim(9, HOLD, at(40)).await.unwrap();
        assert_eq!((again.len(), again[0].id, again[0].attempt), (1, first[1].id, 2), "a claim ends");
        assert_eq!(store.inbox().await.unwrap().waiting, 1);
    }
}

#[tokio::test]
async fn an_event_is_given_back_or_buried() {
    for (store, _alive) in stores().await {
        let id = store.enqueue(&notification("a"), at(0)).await.unwrap();
        store.claim(1, HOLD, at(0)).await.unwrap();
        store.retry(id, at(5)).await.unwrap();
        assert!(store.claim(1, HOLD, at(4)).await.unwrap().is_empty());
        assert_eq!(store.claim(1, HOLD, at(5)).await.unwrap().len(), 1);
        store.bury(id, "no use", at(6)).await.unwrap();
        let inbox = store.inbox().await.unwrap();
        assert_eq!((inbox.waiting, inbox.dead), (0, 1));
        assert!(store.claim(1, HOLD, at(100)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_write_at_an_old_version_is_refused_whole() {
    for (store, _alive) in stores().await {
        let id = store.enqueue(&notification("a"), at(0)).await.unwrap();
        let incident = incident("web", 0);
        store.commit(vec![new(incident.clone())], &[], at(0)).await.unwrap();
        let stale = Write { posts: vec![post("root", "never", 1)], ..new(incident.clone()) };
        let other = new(self::incident("other", 0));
        let refused = store.commit(vec![other, stale], &[id], at(1)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(of)) if of == incident.id));
        assert!(store.thread(&incident.id).await.unwrap().is_empty());
        assert_eq!(store.inbox().await.unwrap().waiting, 1, "an event is handled only with its effects");
        let read = store.incident(&incident.id).await.unwrap().unwrap();
        assert_eq!((read.version, read.value.clone()), (1, incident));
        store.commit(vec![Write::new(read)], &[], at(2)).await.unwrap();
    }
}

#[tokio::test]
async fn a_post_with_a_known_key_is_an_edit() {
    for (store, _alive) in stores().await {
        let incident = incident("web", 0);
        let posts = vec![post("root", "one", 0), post("status", "looking", 0)];
        store.commit(vec![Write { posts, ..new(incident.clone()) }], &[], at(0)).await.unwrap();
        let read = store.incident(&incident.id).await.unwrap().unwrap();
        let posts = vec![post("status", "done", 5), post("report", "it was the disk", 5), post("root", "one", 5)];
        store.commit(vec![Write { posts, ..Write::new(read) }], &[], at(5)).await.unwrap();
        let thread = store.thread(&incident.id).await.unwrap();
        let seen: Vec<_> = thread.iter().map(|post| (post.seq, post.draft.text.as_str(), post.revision)).collect();
        assert_eq!(seen, [(1, "one", 1), (2, "done", 2), (3, "it was the disk", 1)]);
        assert_eq!((thread[1].draft.at, thread[1].edited_at), (at(0), at(5)));
    }
}

#[tokio::test]
async fn incidents_are_found_by_key_by_fingerprint_and_by_state() {
    for (store, _alive) in stores().await {
        let (web, mut pay) = (incident("web", 0), incident("pay", 10));
        pay.status = IncidentStatus::Resolved;
        pay.resolved_at = Some(at(20));
        store.commit(vec![new(web.clone()), new(pay.clone())], &[], at(10)).await.unwrap();
        let found = store.incidents_by_key(&[pay.key.clone(), "nothing".into()]).await.unwrap();
        assert_eq!(found.iter().map(|found| &found.value.id).collect::<Vec<_>>(), [&pay.id]);
        let keys = store.keys_by_fingerprint(&["Crash-web".into(), "x".into()]).await.unwrap();
        assert_eq!(keys, [("Crash-web".to_owned(), web.key.clone())]);
        let list = |status, limit| {
            let store = Arc::clone(&store);
            async move {
                let list = store.list(Filter { status, origin: Origin::Alerts, limit }).await.unwrap();
                list.into_iter().map(|incident| incident.id).collect::<Vec<IncidentId>>()
            }
        };
        assert_eq!(list(None, 9).await, [pay.id.clone(), web.id.clone()]);
        assert_eq!(list(None, 1).await, [pay.id.clone()]);
        assert_eq!(list(Some(IncidentStatus::Open), 9).await, std::slice::from_ref(&web.id));
        assert_eq!(list(Some(IncidentStatus::Resolved), 9).await, [pay.id.clone()]);
        assert_eq!(store.count_open().await.unwrap(), 1);
        assert_eq!(store.opened_since(at(5)).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn timers_are_due_until_they_are_cleared_or_moved() {
    for (store, _alive) in stores().await {
        let incident = incident("web", 0);
        let timer = |due| Timer {
            key: "investigate:web".into(),
            due: at(due),
            event: Event::Settle { incident: IncidentId("i-1".into()) },
        };
        store.commit(vec![Write { timers: vec![timer(10)], ..new(incident.clone()) }], &[], at(0)).await.unwrap();
        assert!(store.due(9, at(9)).await.unwrap().is_empty());
        assert_eq!(store.due(9, at(10)).await.unwrap(), [timer(10)]);
        let read = store.incident(&incident.id).await.unwrap().unwrap();
        store.commit(vec![Write { timers: vec![timer(20)], ..Write::new(read) }], &[], at(10)).await.unwrap();
        assert!(store.due(9, at(19)).await.unwrap().is_empty(), "the same key replaces");
        assert_eq!(store.due(9, at(20)).await.unwrap(), [timer(20)]);
        let read = store.incident(&incident.id).await.unwrap().unwrap();
        let cleared = vec!["investigate:web".to_owned()];
        store.commit(vec![Write { cleared, ..Write::new(read) }], &[], at(21)).await.unwrap();
        assert!(store.due(9, at(99)).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_lost_lease_cannot_write() {
    for (store, _alive) in stores().await {
        let incident = incident("web", 0);
        let name = incident.id.0.as_str();
        let slow = store.lease(name, HOLD, at(0)).await.unwrap().unwrap();
        assert!(store.lease(name, HOLD, at(1)).await.unwrap().is_none(), "only one holds it");
        let quick = store.lease(name, HOLD, at(31)).await.unwrap().unwrap();
        assert!(quick.token > slow.token);
        let late = Write { lease: Some(slow.clone()), ..new(incident.clone()) };
        assert!(matches!(store.commit(vec![late], &[], at(32)).await, Err(StoreError::LeaseLost(_))));
        store.release(&slow).await.unwrap();
        let good = Write { lease: Some(quick.clone()), ..new(incident.clone()) };
        store.commit(vec![good], &[], at(33)).await.unwrap();
        store.release(&quick).await.unwrap();
        assert!(store.lease(name, HOLD, at(34)).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn the_audit_is_one_chain() {
    for (store, _alive) in stores().await {
        for n in 0..3 {
            let incident = incident(&format!("app{n}"), n);
            let entry = AuditDraft {
                at: at(n),
                actor: "holmes".into(),
                action: "incident.opened".into(),
                incident: Some(incident.id.clone()),
                detail: incident.title.clone(),
            };
            store.commit(vec![Write { audit: vec![entry], ..new(incident) }], &[], at(n)).await.unwrap();
        }
        let chain = store.audit(1, 99).await.unwrap();
        assert_eq!((chain.len(), first_broken(&chain)), (3, None));
        assert_eq!(store.audit(3, 99).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn changes_are_told_and_old_incidents_are_forgotten() {
    for (store, _alive) in stores().await {
        let mut changes = store.changes();
        let mut incident = incident("web", 0);
        let investigation = Some(Investigation { run: 1, ..Investigation::default() });
        let write = Write { posts: vec![post("root", "one", 0)], investigation, ..new(incident.clone()) };
        store.commit(vec![write], &[], at(0)).await.unwrap();
        assert_eq!(changes.recv().await.unwrap(), incident.id);
        assert_eq!(store.investigation(&incident.id).await.unwrap().unwrap().run, 1);
        assert_eq!(store.prune(at(1000)).await.unwrap(), 0, "open incidents stay");
        incident.status = IncidentStatus::Resolved;
        incident.resolved_at = Some(at(50));
        let write = Write::new(Versioned { version: 1, value: incident.clone() });
        store.commit(vec![write], &[], at(60)).await.unwrap();
        assert_eq!(store.prune(at(50)).await.unwrap(), 0);
        assert_eq!(store.prune(at(51)).await.unwrap(), 1);
        assert!(store.incident(&incident.id).await.unwrap().is_none());
        assert!(store.thread(&incident.id).await.unwrap().is_empty());
        assert!(store.keys_by_fingerprint(&["Crash-web".into()]).await.unwrap().is_empty());
        assert_eq!(store.list(Filter { status: None, origin: Origin::Alerts, limit: 9 }).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn documents_are_kept_by_key_and_told_by_revision() {
    let bodies = |documents: Vec<Document>| -> Vec<(String, Option<String>)> {
        let text = |body: Vec<u8>| String::from_utf8(body).unwrap();
        documents.into_iter().map(|document| (document.key, document.body.map(text))).collect()
    };
    let given = |key: &str, body: Option<&str>| (key.to_owned(), body.map(|body| body.as_bytes().to_vec()));
    let seen = |key: &str, body: Option<&str>| (key.to_owned(), body.map(str::to_owned));
    for (store, _alive) in stores().await {
        let kind = DocumentKind::Note;
        assert!(store.documents(kind, 0).await.unwrap().is_empty());
        store.write_documents(kind, vec![given("a", Some("1")), given("b", Some(""))]).await.unwrap();
        store.write_documents(DocumentKind::Upload, vec![given("a", Some("other"))]).await.unwrap();
        let first = store.documents(kind, 0).await.unwrap();
        let last = first.iter().map(|document| document.revision).max().unwrap();
        assert_eq!(bodies(first), [seen("a", Some("1")), seen("b", Some(""))], "each kind apart");

        store.write_documents(kind, vec![given("a", Some("1")), given("nobody", None)]).await.unwrap();
        assert!(store.documents(kind, last).await.unwrap().is_empty(), "nothing changed");
        store
            .write_documents(kind, vec![given("a", Some("2")), given("b", None), given("c", Some("3"))])
            .await
            .unwrap();
        assert_eq!(
            bodies(store.documents(kind, last).await.unwrap()),
            [seen("a", Some("2")), seen("b", None), seen("c", Some("3"))]
        );
        assert_eq!(bodies(store.documents(kind, 0).await.unwrap()), [seen("a", Some("2")), seen("c", Some("3"))]);
        store.write_documents(kind, vec![given("b", Some("again"))]).await.unwrap();
        assert_eq!(store.documents(kind, 0).await.unwrap().len(), 3);
    }
}

#[tokio::test]
async fn many_writers_lose_nothing() {
    for (store, _alive) in stores().await {
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.enqueue(&notification(&n.to_string()), at(0)).await.unwrap() })
            })
            .collect();
        let mut ids = std::collections::BTreeSet::new();
        for task in tasks {
            ids.insert(task.await.unwrap());
        }
        assert_eq!(ids.len(), 200);
        assert_eq!(store.claim(999, HOLD, at(0)).await.unwrap().len(), 200);
    }
}

fn pressed() -> Event {
    Event::Pressed(Pressed {
        press: Press::Acknowledge,
        incident: IncidentId("i-1a".into()),
        person: Person::new(Principal::new(PrincipalKind::Mattermost, "u1").unwrap(), "ann"),
        place: "mattermost:c1".parse().unwrap(),
        message: None,
        nonce: "n1".into(),
    })
}

#[tokio::test]
async fn what_belongs_to_no_incident_is_audited_in_the_same_chain() {
    let draft = |detail: &str| AuditDraft {
        at: at(1),
        actor: "peer:192.0.2.1".into(),
        action: "callback.refused".into(),
        incident: None,
        detail: detail.into(),
    };
    for (store, _alive) in stores().await {
        store.remember(vec![draft("one"), draft("two")]).await.unwrap();
        store.commit(vec![Write { audit: vec![draft("three")], ..opened("web") }], &[], at(2)).await.unwrap();
        store.remember(Vec::new()).await.unwrap();
        store.remember(vec![draft("four")]).await.unwrap();
        let audit = store.audit(1, 10).await.unwrap();
        assert_eq!(first_broken(&audit), None);
        let details: Vec<&str> = audit.iter().map(|entry| entry.draft.detail.as_str()).collect();
        assert_eq!(details, ["one", "two", "three", "four"]);
    }
}

#[tokio::test]
async fn what_is_delivered_twice_is_stored_once() {
    let ask = |nonce: &str| Event::Ask(Question::new(nonce, None, "why?", "ann", at(0)).unwrap());
    for (store, _alive) in stores().await {
        let first = store.enqueue(&ask("a"), at(0)).await.unwrap();
        assert_eq!(store.enqueue(&ask("a"), at(5)).await.unwrap(), first);
        assert_ne!(store.enqueue(&ask("b"), at(5)).await.unwrap(), first);
        store.claim(9, HOLD, at(5)).await.unwrap();
        store.commit(Vec::new(), &[first], at(5)).await.unwrap();
        assert_eq!(store.enqueue(&ask("a"), at(10)).await.unwrap(), first, "handled, and still the same event");
        assert_eq!(store.inbox().await.unwrap().waiting, 1);
        let later = at(1) + REMEMBERED;
        let again = store.enqueue(&ask("a"), later).await.unwrap();
        assert!(again > first, "after a while it is another one");
        assert_eq!(store.enqueue(&ask("a"), later).await.unwrap(), again);
        // A press is the same for as long as a control can be pressed, whatever else was remembered meanwhile.
        let press = pressed();
        assert!(!store.is_known(&press, later).await.unwrap());
        let once = store.enqueue(&press, later).await.unwrap();
        let much_later = later + PRESS_REMEMBERED - TimeDelta::seconds(1);
        assert!(store.is_known(&press, much_later).await.unwrap());
        assert!(
            !store.is_known(&ask("a"), much_later).await.unwrap()
                && !store.is_known(&notification("x"), later).await.unwrap()
        );
        store.enqueue(&ask("c"), much_later).await.unwrap();
        assert_eq!(store.enqueue(&press, much_later).await.unwrap(), once);
        assert!(!store.is_known(&press, later + PRESS_REMEMBERED).await.unwrap());
        // What has no key is stored each time.
        assert_ne!(
            store.enqueue(&notification("x"), later).await.unwrap(),
            store.enqueue(&notification("x"), later).await.unwrap()
        );
    }
}

fn proposal(incident: &Incident, replicas: u32, second: i64) -> Proposal {
    let draft = ProposalDraft {
        incident: incident.id.clone(),
        action: Action::parse(&format!("scale deployment/web -n shop --replicas {replicas}"), None).unwrap(),
        target: Snapshot { uid: Some("4b1f".into()), resource_version: Some("7".into()), labels: None, managed: None },
        before: Before::Replicas { replicas: 2 },
        diff: Diff::new("+  replicas: 3", &Redactor::new()),
        why: Why::default(),
        proposed_by: ProposedBy::Analysis,
        places: std::collections::BTreeSet::new(),
        expires: None,
        notes: Vec::new(),
    };
    Proposal::new(draft, at(second)).unwrap().0
}

#[tokio::test]
async fn proposals_are_found_by_incident_by_name_and_by_time() {
    for (store, _alive) in stores().await {
        let (web, pay) = (incident("web", 0), incident("pay", 0));
        let (first, second, other) = (proposal(&web, 3, 10), proposal(&web, 4, 20), proposal(&pay, 5, 15));
        let writes = vec![
            Write { proposals: vec![second.clone(), first.clone()], ..new(web.clone()) },
            Write { proposals: vec![other.clone()], ..new(pay.clone()) },
        ];
        store.commit(writes, &[], at(20)).await.unwrap();
        assert_eq!(store.proposals(&web.id).await.unwrap(), [first.clone(), second.clone()], "oldest first");
        assert_eq!(store.proposal(&other.id).await.unwrap(), Some(other.clone()));
        assert_eq!(store.proposal(&ProposalId("p-none".into())).await.unwrap(), None);
        assert_eq!(store.proposals_since(at(15)).await.unwrap(), [other.clone(), second.clone()]);

        let decided = Proposal { state: State::Approved { at: at(30) }, ..first.clone() };
        let stale = Write { proposals: vec![decided.clone()], ..new(web.clone()) };
        assert!(matches!(store.commit(vec![stale], &[], at(30)).await, Err(StoreError::Conflict(_))));
        assert_eq!(store.proposal(&first.id).await.unwrap(), Some(first), "only at the incident's version");
        let read = store.incident(&web.id).await.unwrap().unwrap();
        let write = Write { proposals: vec![decided.clone()], ..Write::new(read) };
        store.commit(vec![write], &[], at(30)).await.unwrap();
        assert_eq!(store.proposals(&web.id).await.unwrap(), [decided, second]);
    }
}

fn projection(channel: &str, root: Option<&str>) -> Projection {
    let shown = Shown {
        id: root.map(|id| MessageId(id.into())),
        rest: Vec::new(),
        digest: "d".into(),
        at: at(0),
        attempts: 0,
        refused: None,
    };
    Projection { channel: channel.into(), shown: [("root".to_owned(), shown)].into(), closed: None }
}

#[tokio::test]
async fn what_a_chat_does_not_show_yet_waits_in_order() {
    let (slack, mattermost) = (Platform::Slack, Platform::Mattermost);
    for (store, _alive) in stores().await {
        let (web, pay) = (incident("web", 0), incident("pay", 0));
        let out = |incident: &Incident, chats: &[Platform]| Write { chats: chats.to_vec(), ..new(incident.clone()) };
        store.commit(vec![out(&web, &[slack, mattermost]), out(&pay, &[slack])], &[], at(0)).await.unwrap();
        let undelivered = |incident: &Incident, version| Undelivered { incident: incident.id.clone(), version };
        assert_eq!(store.outbox(slack, 9).await.unwrap(), [undelivered(&web, 1), undelivered(&pay, 1)]);
        assert_eq!(store.outbox(slack, 1).await.unwrap(), [undelivered(&web, 1)]);
        assert_eq!(store.outbox(mattermost, 9).await.unwrap(), [undelivered(&web, 1)]);

        // It changes while its first state is on the way: it keeps its place, and is not delivered yet.
        let again = Write { chats: vec![slack], ..Write::new(Versioned { version: 1, value: web.clone() }) };
        store.commit(vec![again], &[], at(1)).await.unwrap();
        store.delivered(slack, &undelivered(&web, 1)).await.unwrap();
        assert_eq!(store.outbox(slack, 9).await.unwrap(), [undelivered(&web, 2), undelivered(&pay, 1)]);
        store.delivered(slack, &undelivered(&web, 2)).await.unwrap();
        assert_eq!(store.outbox(slack, 9).await.unwrap(), [undelivered(&pay, 1)]);
        assert_eq!(store.outbox(mattermost, 9).await.unwrap(), [undelivered(&web, 1)], "each chat apart");
        let once_more = Write { chats: vec![slack], ..Write::new(Versioned { version: 2, value: web.clone() }) };
        store.commit(vec![once_more], &[], at(2)).await.unwrap();
        assert_eq!(store.outbox(slack, 9).await.unwrap(), [undelivered(&pay, 1), undelivered(&web, 3)], "at the end");
    }
}

#[tokio::test]
async fn what_waits_is_known_with_its_age() {
    let (slack, mattermost) = (Platform::Slack, Platform::Mattermost);
    for (store, _alive) in stores().await {
        let chats = |backlog: Backlog| {
            let of = |platform| backlog.chats.iter().find(|chat| chat.platform == platform).cloned();
            [slack, mattermost].map(|platform| of(platform).map_or((0, None), |chat| (chat.waiting, chat.since)))
        };
        let backlog = store.backlog().await.unwrap();
        assert_eq!((backlog.event_since, chats(backlog)), (None, [(0, None), (0, None)]));

        // An event waits from its arrival until it is handled, whoever holds it meanwhile and however often it failed.
        let since = async || store.backlog().await.unwrap().event_since;
        let first = store.enqueue(&notification("a"), at(3)).await.unwrap();
        let second = store.enqueue(&notification("b"), at(5)).await.unwrap();
        assert_eq!(since().await, Some(at(3)));
        store.claim(1, HOLD, at(6)).await.unwrap();
        store.retry(first, at(100)).await.unwrap();
        assert_eq!(since().await, Some(at(3)));
        store.commit(Vec::new(), &[first], at(101)).await.unwrap();
        assert_eq!(since().await, Some(at(5)));
        store.bury(second, "no use", at(102)).await.unwrap();
        assert_eq!(since().await, None);

        // An incident waits from the first change that a chat does not show, each chat apart.
        let web = incident("web", 0);
        let write = |version, chats: &[Platform]| Write {
            chats: chats.to_vec(),
            ..Write::new(Versioned { version, value: web.clone() })
        };
        store.commit(vec![write(0, &[slack, mattermost])], &[], at(10)).await.unwrap();
        store.commit(vec![write(1, &[slack])], &[], at(20)).await.unwrap();
        let now = async || chats(store.backlog().await.unwrap());
        assert_eq!(now().await, [(1, Some(at(10))), (1, Some(at(10)))]);
        let delivered = |version| Undelivered { incident: web.id.clone(), version };
        store.delivered(slack, &delivered(1)).await.unwrap();
        assert_eq!(now().await[0], (1, Some(at(10))), "it changed meanwhile");
        store.delivered(slack, &delivered(2)).await.unwrap();
        assert_eq!(now().await, [(0, None), (1, Some(at(10)))]);
        store.commit(vec![write(2, &[slack])], &[], at(30)).await.unwrap();
        assert_eq!(now().await, [(1, Some(at(30))), (1, Some(at(10)))]);

        // What is forgotten waits no more.
        let mut over = web.clone();
        (over.status, over.resolved_at) = (IncidentStatus::Resolved, Some(at(31)));
        store.commit(vec![Write::new(Versioned { version: 3, value: over })], &[], at(31)).await.unwrap();
        assert_eq!(store.prune(at(40)).await.unwrap(), 1);
        assert_eq!(now().await, [(0, None), (0, None)]);
    }
}

#[tokio::test]
async fn what_a_chat_shows_is_kept_at_its_version_and_found_by_its_root() {
    let slack = Platform::Slack;
    for (store, _alive) in stores().await {
        let web = incident("web", 0);
        store.commit(vec![new(web.clone())], &[], at(0)).await.unwrap();
        let nothing = store.projection(slack, &web.id).await.unwrap();
        assert_eq!(nothing, Versioned { version: 0, value: Projection::default() });
        let place = Place::Channel(slack, "C1".into());
        let root = MessageId("17.1".into());
        let sending = Versioned { version: 0, value: projection("C1", None) };
        assert_eq!(store.save_projection(slack, &web.id, &sending).await.unwrap(), 1);
        assert_eq!(store.incident_of(&place, &root).await.unwrap(), None, "not sent yet");
        assert!(matches!(
            store.save_projection(slack, &web.id, &sending).await,
            Err(StoreError::Conflict(of)) if of == web.id
        ));
        let sent = Versioned { version: 1, value: projection("C1", Some("17.1")) };
        assert_eq!(store.save_projection(slack, &web.id, &sent).await.unwrap(), 2);
        assert_eq!(
            store.projection(slack, &web.id).await.unwrap(),
            Versioned { version: 2, value: sent.value.clone() }
        );
        assert_eq!(store.projection(Platform::Mattermost, &web.id).await.unwrap().version, 0);
        assert_eq!(store.incident_of(&place, &root).await.unwrap(), Some(web.id.clone()));
        assert_eq!(store.incident_of(&Place::Channel(slack, "C2".into()), &root).await.unwrap(), None);
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_forgotten_incident() {
    let slack = Platform::Slack;
    for (store, _alive) in stores().await {
        let mut web = incident("web", 0);
        web.status = IncidentStatus::Resolved;
        web.resolved_at = Some(at(10));
        let made = proposal(&web, 3, 5);
        let write = Write { proposals: vec![made.clone()], chats: vec![slack], ..new(web.clone()) };
        let newer = Incident { id: IncidentId("i-newer".into()), ..incident("web", 20) };
        store.commit(vec![write], &[], at(10)).await.unwrap();
        store.commit(vec![new(newer.clone())], &[], at(20)).await.unwrap();
        let shown = Versioned { version: 0, value: projection("C1", Some("17.1")) };
        store.save_projection(slack, &web.id, &shown).await.unwrap();
        assert_eq!(store.prune(at(30)).await.unwrap(), 1);
        assert!(store.outbox(slack, 9).await.unwrap().is_empty());
        assert_eq!(store.projection(slack, &web.id).await.unwrap().version, 0);
        let (place, root) = (Place::Channel(slack, "C1".into()), MessageId("17.1".into()));
        assert_eq!(store.incident_of(&place, &root).await.unwrap(), None);
        assert!(store.proposals(&web.id).await.unwrap().is_empty());
        assert_eq!(store.proposal(&made.id).await.unwrap(), None);
        assert!(store.proposals_since(at(0)).await.unwrap().is_empty());
        // What a newer incident of the same key took over stays its own.
        let found = store.incidents_by_key(std::slice::from_ref(&newer.key)).await.unwrap();
        assert_eq!(found.iter().map(|found| &found.value.id).collect::<Vec<_>>(), [&newer.id]);
        assert_eq!(store.keys_by_fingerprint(&["Crash-web".into()]).await.unwrap().len(), 1);
        assert_eq!(store.count_open().await.unwrap(), 1);
    }
}

/// Resolved by the time that all of these tests forget it.
fn over(incident: Incident) -> Incident {
    Incident { status: IncidentStatus::Resolved, resolved_at: Some(at(10)), ..incident }
}

#[tokio::test]
async fn a_forgotten_incident_takes_its_own_alerts_along_and_no_others() {
    let key_of = async |store: &dyn Store, fingerprint: &str| {
        store.keys_by_fingerprint(&[fingerprint.to_owned()]).await.unwrap().pop().map(|(_, key)| key)
    };
    for (store, _alive) in stores().await {
        // An alert that a newer incident of another key holds by now.
        let web = over(incident("web", 0));
        let fold = Incident { id: IncidentId("i-fold".into()), key: "fold:shop".into(), ..incident("web", 20) };
        store.commit(vec![new(web.clone())], &[], at(10)).await.unwrap();
        store.commit(vec![new(fold.clone())], &[], at(20)).await.unwrap();
        assert_eq!(store.prune(at(30)).await.unwrap(), 1);
        assert_eq!(key_of(&*store, "Crash-web").await, Some(fold.key), "it is the fold's");

        // An alert that the key's newest incident does not have, beside one that it has.
        let mut pay = over(incident("pay", 0));
        let mut gone = alert("Crash", "pay");
        gone.fingerprint = "Crash-pay-of-a-pod-that-is-gone".into();
        let subject = pay.subject.clone();
        pay.take(&gone, &subject, at(5), &mut Changed::default());
        let pay = over(pay);
        let newer = Incident { id: IncidentId("i-newer".into()), ..incident("pay", 20) };
        store.commit(vec![new(pay.clone())], &[], at(10)).await.unwrap();
        store.commit(vec![new(newer.clone())], &[], at(20)).await.unwrap();
        assert_eq!(key_of(&*store, &gone.fingerprint).await, Some(pay.key.clone()));
        assert_eq!(store.prune(at(30)).await.unwrap(), 1);
        assert_eq!(key_of(&*store, &gone.fingerprint).await, None);
        assert_eq!(key_of(&*store, "Crash-pay").await, Some(newer.key));
    }
}

#[tokio::test]
async fn the_timers_of_a_forgotten_incident_end_with_it() {
    for (store, _alive) in stores().await {
        let timer = |of: &Incident| Timer {
            key: format!("settle:{}", of.id),
            due: at(20),
            event: Event::Settle { incident: of.id.clone() },
        };
        let (web, pay) = (over(incident("web", 0)), incident("pay", 0));
        let writes = [&web, &pay].map(|of| Write { timers: vec![timer(of)], ..new(of.clone()) });
        store.commit(writes.into(), &[], at(10)).await.unwrap();
        assert_eq!(store.due(9, at(99)).await.unwrap().len(), 2);
        assert_eq!(store.prune(at(30)).await.unwrap(), 1);
        assert_eq!(store.due(9, at(99)).await.unwrap(), [timer(&pay)]);
    }
}

#[tokio::test]
async fn many_entries_of_the_audit_at_once_are_one_chain() {
    for (store, _alive) in stores().await {
        let tasks: Vec<_> = (0..60)
            .map(|n| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let incident = incident(&format!("app{n}"), n);
                    let entry = |action: &str| AuditDraft {
                        at: at(n),
                        actor: "holmes".into(),
                        action: action.into(),
                        incident: Some(incident.id.clone()),
                        detail: "one of many".into(),
                    };
                    let audit = vec![entry("incident.opened"), entry("investigation.requested")];
                    store.commit(vec![Write { audit, ..new(incident.clone()) }], &[], at(n)).await.unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let chain = store.audit(1, 999).await.unwrap();
        assert_eq!((chain.len(), first_broken(&chain)), (120, None));
        assert!(
            chain.chunks(2).all(|pair| pair[0].draft.incident == pair[1].draft.incident),
            "a commit's stay together"
        );
        assert_eq!(store.audit(119, 1).await.unwrap(), chain[118..119]);
        assert!(store.audit(121, 9).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let incident = incident("web", 0);
    {
        let store = EmbeddedStore::open(directory.path()).unwrap();
        store.enqueue(&notification("a"), at(0)).await.unwrap();
        store.claim(1, HOLD, at(0)).await.unwrap();
        store.lease("x", HOLD, at(0)).await.unwrap().unwrap();
        store.commit(vec![new(incident.clone())], &[], at(0)).await.unwrap();
    }
    // The writing thread ends with its last job; only then the file is free.
    let store = crate::wait::until("the file", async || EmbeddedStore::open(directory.path()).ok()).await;
    assert_eq!(store.incident(&incident.id).await.unwrap().unwrap().value, incident);
    assert_eq!(store.claim(1, HOLD, at(1)).await.unwrap().len(), 1, "whoever held it is gone");
    assert!(store.lease("x", HOLD, at(1)).await.unwrap().is_some());
}
