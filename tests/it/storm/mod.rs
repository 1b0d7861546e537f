//! Three replicas on one Redis in a storm, while replicas and Redis are killed, replicas stand still and wires are cut: every
//! notification that was acknowledged is in exactly one incident, each incident has one thread in each chat, each approved
//! action was applied once, and the audit is whole.
//!
//! `STORM_NOTIFICATIONS=5000` makes it a longer storm; `HOLMES_BOT_BIN` takes another build of the bot.

mod chats;
mod cures;
mod senders;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holmes_bot::adapters::store_redis::RedisStore;
use holmes_bot::domain::audit::first_broken;
use holmes_bot::domain::incident::{Incident, Origin, Progress};
use holmes_bot::ports::{Filter, Store};

use self::chats::Chats;
use self::cures::{CURES, Cures};
use self::senders::{DEPLOYMENTS, SENDERS, Senders, fingerprint};
use crate::process::Process;
use crate::redis_server::RedisServer;
use crate::tcp_proxy::TcpProxy;

/// What a replica held that was killed is free after half a minute (an investigation's lease); then it is worked through.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
/// The same for each notification: an unoptimised bot that shares its processor takes a while for incidents of hundreds.
const FOR_EACH: Duration = Duration::from_millis(100);

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
        let untold = Chats::untold(store).await;
        if inbox.waiting == 0 && left == 0 && untold == 0 {
            assert_eq!(inbox.dead, 0, "no event was given up");
            return;
        }
        assert!(Instant::now() < until, "{inbox:?}, {left} incidents are not done, {untold} not told");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The storm's weather: replicas are killed and stand still, Redis is killed, wires are cut.
#[derive(Default)]
struct Weather {
    killed: usize,
    redis_killed: usize,
    stood_still: usize,
    cuts: usize,
}

impl Weather {
    async fn blow(&mut self, rounds: usize, replicas: &mut [Process], redis: &mut RedisServer, wires: &[TcpProxy]) {
        for round in 0..rounds {
            tokio::time::sleep(Duration::from_millis(150 + 50 * (round as u64 % 5))).await;
            for wire in wires.iter().skip(round % 2) {
                wire.cut();
                self.cuts += 1;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            replicas[round % 3].kill();
            self.killed += 1;
            if round % 2 == 1 {
                redis.kill();
                self.redis_killed += 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
                redis.restart().await;
            }
            replicas[round % 3].kill_and_restart().await;
            let still = &replicas[(round + 1) % 3];
            still.stand_still();
            self.stood_still += 1;
            tokio::time::sleep(Duration::from_millis(300)).await;
            still.go_on();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_is_told_twice() {
    let total: usize = std::env::var("STORM_NOTIFICATIONS").map_or(600, |total| total.parse().unwrap());
    // The storm lasts about as long as its weather.
    let pause = Duration::from_millis(10);
    let rounds = total.div_ceil(150).max(4);
    let mut redis = RedisServer::durable().await;
    let (chats, cures) = (Chats::begin().await, Arc::new(Cures::begin().await));
    let mut wires = Vec::new();
    let mut replicas = Vec::new();
    let data = tempfile::tempdir().unwrap();
    // That Redis goes away is what happens here: nothing to read in a run that goes well.
    let log = std::env::var("STORM_LOG").unwrap_or_else(|_| "off".into());
    for _ in 0..3 {
        let wire = TcpProxy::to(redis.port).await;
        let mut environment = vec![
            ("HOLMES_STORE_URL", RedisServer::url_at(wire.port)),
            ("HOLMES_INVESTIGATION_DEADLINE", "1s".into()),
            ("HOLMES_LOG", log.clone()),
        ];
        environment.extend(chats.environment());
        environment.extend(cures.environment());
        replicas.push(Process::serve(data.path(), &environment).await);
        wires.push(wire);
    }
    let urls = Arc::new(replicas.iter().map(|replica| replica.url.clone()).collect::<Vec<_>>());

    let began = Instant::now();
    let senders = Senders::begin(total, &urls, pause);
    let curing = tokio::spawn({
        let (cures, urls) = (Arc::clone(&cures), Arc::clone(&urls));
        async move { cures.have_done(urls).await }
    });
    let mut weather = Weather::default();
    weather.blow(rounds, &mut replicas, &mut redis, &wires).await;
    let deliveries = senders.end().await;
    let stormed = began.elapsed();
    curing.await.unwrap();
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
    let lost = (0..total).filter(|number| !places.contains_key(&fingerprint(*number))).count();
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
    let [in_slack, in_mattermost] = chats.tell_each_once(&incidents);
    let audit = store.audit(1, usize::MAX).await.unwrap();
    cures.applied_once(&audit).await;
    let opened = audit.iter().filter(|entry| entry.draft.action == "incident.opened").count();

    let acknowledged = deliveries.took.len();
    let p99 = deliveries.took[acknowledged * 99 / 100];
    let Weather { killed, redis_killed, stood_still, cuts } = weather;
    println!(
        "{total} notifications in {acknowledged} deliveries, {} incidents, {lost} lost, {twice} twice; {in_slack} messages \
         in Slack and {in_mattermost} in Mattermost, none twice; {CURES} approved actions, each applied once; killed \
         {killed} replicas and {redis_killed} Redis, {stood_still} stood still, cut {cuts} wires; {} deliveries were \
         refused and came again; {:.1} s, {:.0} acknowledged a second, p99 {} ms; {} entries of the audit, broken at \
         {:?}; settled after {:.1} s",
        incidents.len(),
        deliveries.refused,
        stormed.as_secs_f64(),
        acknowledged as f64 / stormed.as_secs_f64(),
        p99.as_millis(),
        audit.len(),
        first_broken(&audit),
        began.elapsed().as_secs_f64(),
    );
    assert_eq!((lost, twice), (0, 0));
    let things = DEPLOYMENTS + CURES;
    assert_eq!((incidents.len(), opened), (things, things), "one incident a Deployment, opened once");
    assert_eq!(first_broken(&audit), None);
    assert_eq!(acknowledged, SENDERS * total);
    for replica in &mut replicas {
        assert_eq!(replica.terminate(), Some(0), "asked to end, it drains and ends well");
    }
}
