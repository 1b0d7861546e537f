//! Three replicas on one Redis in a storm, while replicas and Redis are killed and wires are cut: every notification that
//! was acknowledged is in exactly one incident, each thread is told once, and the audit is whole.
//!
//! `STORM_NOTIFICATIONS=5000` makes it a longer storm.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use holmes_bot::adapters::store_redis::RedisStore;
use holmes_bot::domain::audit::first_broken;
use holmes_bot::domain::incident::{Incident, Origin, Progress};
use holmes_bot::ports::{Filter, Store};

use crate::process::{Process, client, firing};
use crate::redis_server::RedisServer;
use crate::tcp_proxy::TcpProxy;

/// Deployments that alerts are about: fewer than fold into one incident.
const DEPLOYMENTS: usize = 20;
/// Alertmanagers, each of which delivers everything.
const SENDERS: usize = 3;
/// Deliveries of one sender that are under way at once.
const IN_FLIGHT: usize = 4;
/// What a replica held that was killed is free after half a minute (an investigation's lease); then it is worked through.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);
/// The same for each notification: an unoptimised bot that shares its processor takes a while for incidents of hundreds.
const FOR_EACH: Duration = Duration::from_millis(100);

/// How the storm went for those who sent it.
#[derive(Default)]
struct Sent {
    next: AtomicUsize,
    refused: AtomicUsize,
    took: std::sync::Mutex<Vec<Duration>>,
}

/// Delivers notifications until each was acknowledged, to whichever replica answers.
async fn send(total: usize, urls: Arc<Vec<String>>, sent: Arc<Sent>, pace: Duration) {
    let client = client();
    loop {
        let number = sent.next.fetch_add(1, Ordering::Relaxed);
        if number >= total {
            return;
        }
        let body = firing(&format!("Alert{number}"), &format!("app{}", number % DEPLOYMENTS));
        let mut attempt = number;
        loop {
            let began = Instant::now();
            let url = &urls[attempt % urls.len()];
            let answer = client.post(format!("{url}/webhook")).json(&body).send().await;
            match answer.map(|answer| answer.status().as_u16()) {
                Ok(200) => {
                    sent.took.lock().unwrap().push(began.elapsed());
                    break;
                }
                // Alertmanager repeats these, and only these.
                Ok(503) | Err(_) => {
                    sent.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(other) => panic!("the webhook answered {other}"),
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(pace).await;
    }
}

async fn all_incidents(store: &RedisStore) -> Vec<Incident> {
    store.list(Filter { status: None, origin: Origin::Alerts, limit: 1000 }).await.unwrap()
}

/// Waits until nothing is left to do.
async fn settle(store: &RedisStore, total: u32) {
    let until = Instant::now() + SETTLED_WITHIN + FOR_EACH * total;
    loop {
        let inbox = store.inbox().await.unwrap();
        let incidents = all_incidents(store).await;
        let left = incidents.iter().filter(|incident| !matches!(incident.progress, Progress::Done { .. })).count();
        if inbox.waiting == 0 && left == 0 {
            assert_eq!(inbox.dead, 0, "no event was given up");
            return;
        }
        assert!(Instant::now() < until, "{inbox:?} and {left} incidents are not done");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_told_twice() {
    let total: usize = std::env::var("STORM_NOTIFICATIONS").map_or(600, |total| total.parse().unwrap());
    // The storm lasts about as long as the chaos in it.
    let pace = Duration::from_millis(10);
    let rounds = total.div_ceil(150).max(4);
    let mut redis = RedisServer::durable().await;
    let mut wires = Vec::new();
    let mut replicas = Vec::new();
    let data = tempfile::tempdir().unwrap();
    // That Redis goes away is what happens here: nothing to read in a run that goes well.
    let log = std::env::var("STORM_NOTIFICATIONS_LOG").unwrap_or_else(|_| "off".into());
    for _ in 0..3 {
        let wire = TcpProxy::to(redis.port).await;
        let url = RedisServer::url_at(wire.port);
        let environment =
            [("HOLMES_STORE_URL", url.as_str()), ("HOLMES_INVESTIGATION_DEADLINE", "1s"), ("HOLMES_LOG", log.as_str())];
        replicas.push(Process::serve(data.path(), &environment).await);
        wires.push(wire);
    }
    let urls = Arc::new(replicas.iter().map(|replica| replica.url.clone()).collect::<Vec<_>>());

    let began = Instant::now();
    let senders: Vec<Arc<Sent>> = (0..SENDERS).map(|_| Arc::default()).collect();
    let mut sending = tokio::task::JoinSet::new();
    for sent in &senders {
        for _ in 0..IN_FLIGHT {
            sending.spawn(send(total, Arc::clone(&urls), Arc::clone(sent), pace));
        }
    }
    let (mut killed, mut redis_killed, mut cuts) = (0, 0, 0);
    for round in 0..rounds {
        tokio::time::sleep(Duration::from_millis(150 + 50 * (round as u64 % 5))).await;
        for wire in wires.iter().skip(round % 2) {
            wire.cut();
            cuts += 1;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        replicas[round % 3].kill();
        killed += 1;
        if round % 2 == 1 {
            redis.kill();
            redis_killed += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
            redis.restart().await;
        }
        replicas[round % 3].kill_and_restart().await;
    }
    while let Some(sender) = sending.join_next().await {
        sender.unwrap();
    }
    let stormed = began.elapsed();
    let store = redis.store().await;
    settle(&store, u32::try_from(total).unwrap()).await;

    let incidents = all_incidents(&store).await;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for incident in &incidents {
        let whole = incident.alerts.iter().map(|alert| alert.fingerprint.clone());
        for fingerprint in whole.chain(incident.counted.keys().cloned()) {
            *places.entry(fingerprint).or_default() += 1;
        }
    }
    let all: BTreeSet<String> = (0..total).map(|number| format!("Alert{number}-app{}", number % DEPLOYMENTS)).collect();
    let lost = all.iter().filter(|name| !places.contains_key(*name)).count();
    let twice = places.values().filter(|count| **count > 1).count();
    for incident in &incidents {
        let thread = store.thread(&incident.id).await.unwrap();
        for once in ["root", "status", "report"] {
            let told = thread.iter().filter(|post| post.draft.key == once).count();
            assert_eq!(told, 1, "{once} of {}", incident.title);
        }
        let keys: BTreeSet<&str> = thread.iter().map(|post| post.draft.key.as_str()).collect();
        assert_eq!(keys.len(), thread.len(), "no entry twice");
    }
    let audit = store.audit(1, usize::MAX).await.unwrap();
    let opened = audit.iter().filter(|entry| entry.draft.action == "incident.opened").count();

    let mut took: Vec<Duration> = senders.iter().flat_map(|sent| sent.took.lock().unwrap().clone()).collect();
    took.sort_unstable();
    let deliveries = took.len();
    let p99 = took[deliveries * 99 / 100];
    let refused: usize = senders.iter().map(|sent| sent.refused.load(Ordering::Relaxed)).sum();
    println!(
        "{total} notifications in {deliveries} deliveries, {} incidents, {lost} lost, {twice} twice; killed {killed} \
         replicas and {redis_killed} Redis, cut {cuts} wires; {refused} deliveries were refused and came again; {:.1} s, \
         {:.0} acknowledged a second, p99 {} ms; {} entries of the audit, broken at {:?}; settled after {:.1} s",
        incidents.len(),
        stormed.as_secs_f64(),
        deliveries as f64 / stormed.as_secs_f64(),
        p99.as_millis(),
        audit.len(),
        first_broken(&audit),
        began.elapsed().as_secs_f64(),
    );
    assert_eq!((lost, twice), (0, 0));
    assert_eq!((incidents.len(), opened), (DEPLOYMENTS, DEPLOYMENTS), "one incident a Deployment, opened once");
    assert_eq!(first_broken(&audit), None);
    assert_eq!(deliveries, SENDERS * total);
    for replica in &mut replicas {
        assert_eq!(replica.terminate(), Some(0), "asked to end, it drains and ends well");
    }
}
