//! What only Redis can do to the bot: die, forget, fill up, fail over; and what several replicas do to each other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::adapters::store_redis::{Address, RedisSettings, RedisStore};
use holmes_bot::commands::store::{export, import};
use holmes_bot::domain::event::Event;
use holmes_bot::domain::notification::Notification;
use holmes_bot::ports::{DocumentKind, Store, StoreError};

use crate::checkout::root;
use crate::process::free_port;
use crate::process::{Process, client, firing};
use crate::redis_server::{RedisServer, connect, connect_with};
use crate::store_contract;
use crate::wait::{until, until_is};

fn now() -> DateTime<Utc> {
    "2026-11-22T22:00:00Z".parse().unwrap()
}

fn notification(size: usize) -> Event {
    let body = serde_json::json!({"version": "4", "groupKey": "x".repeat(size), "alerts": []});
    Event::Notification(Notification::parse(body.to_string().as_bytes(), now()).unwrap())
}

/// What the store says until it works again, the last word being that it does.
async fn until_it_works(store: &dyn Store) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    until("the store to work", async || {
        let Err(error) = store.inbox().await else { return Some(()) };
        let error = error.to_string();
        if said.last() != Some(&error) {
            said.push(error);
        }
        assert!(said.len() < 20, "{said:?}");
        None
    })
    .await;
    said
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_killed_redis() {
    let mut redis = RedisServer::durable().await;
    let store = redis.store().await;
    store.enqueue(&notification(1), now()).await.unwrap();
    redis.kill();
    let error = store.enqueue(&notification(1), now()).await.unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(why) if why.to_string().contains("no connection")), "{error:#}");
    redis.restart().await;
    until_it_works(&*store).await;
    assert_eq!(store.claim(9, TimeDelta::seconds(30), now()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_full_redis_takes_nothing_and_says_so() {
    let redis = RedisServer::start().await;
    let store = redis.store().await;
    let id = store.enqueue(&notification(1), now()).await.unwrap();
    redis.admin(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
    let error = store.enqueue(&notification(100), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the store is unavailable: Redis is full: raise maxmemory, or keep incidents for a shorter time (HOLMES_RETENTION)");
    // What is there can still be read.
    assert_eq!(store.inbox().await.unwrap().waiting, 1);
    redis.admin(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert!(store.enqueue(&notification(100), now()).await.unwrap() > id);
}

#[tokio::test]
async fn a_replica_and_a_stranger_are_refused_in_plain_words() {
    let redis = RedisServer::start().await;
    let store = redis.store().await;
    redis.admin(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = store.enqueue(&notification(1), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the store is unavailable: this Redis is a replica now: the primary is looked for anew");
    redis.admin(&["REPLICAOF", "NO", "ONE"]).await;
    until_it_works(&*store).await;
    store.enqueue(&notification(1), now()).await.unwrap();

    let refused = connect(&redis.url().replace("s3cret", "wrong-one")).await.err().unwrap();
    let said = format!("{refused:#}").replace(&redis.port.to_string(), "PORT");
    insta::assert_snapshot!(said, @"open the store redis://…@127.0.0.1:PORT (HOLMES_STORE_URL): Redis refuses the user or password in HOLMES_STORE_URL");
    // A script that is stopped in its middle by a missing permission would be half done: that is found at the start.
    redis.admin(&["ACL", "SETUSER", "holmes", "-xadd"]).await;
    let refused = connect(&redis.url()).await.err().unwrap();
    let said = format!("{refused:#}").replace(&redis.port.to_string(), "PORT");
    insta::assert_snapshot!(said, @"open the store redis://…@127.0.0.1:PORT (HOLMES_STORE_URL): the Redis user may not do what the bot needs (docs/redis.md): xadd");
}

#[tokio::test]
async fn a_replica_learns_what_another_changes_even_while_it_was_cut_off() {
    let mut redis = RedisServer::durable().await;
    let (one, two) = (redis.store().await, redis.store().await);
    let mut changes = two.changes();
    let write = |name: &str| store_contract::opened(name);
    one.commit(vec![write("web")], &[], now()).await.unwrap();
    let web = changes.recv().await.unwrap();
    assert_eq!(web, write("web").incident.value.id);
    redis.kill();
    redis.restart().await;
    until_it_works(&*one).await;
    // The second may not listen again yet: it is told as soon as it does.
    one.commit(vec![write("pay")], &[], now()).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(10), changes.recv()).await.unwrap().unwrap();
    assert_eq!(told, write("pay").incident.value.id);
}

#[tokio::test]
async fn a_newer_format_is_not_touched() {
    let redis = RedisServer::start().await;
    redis.admin(&["HSET", "{holmes}:meta", "format", "9"]).await;
    let error = connect(&redis.url()).await.err().unwrap().to_string().replace(&redis.port.to_string(), "PORT");
    insta::assert_snapshot!(error, @"the store redis://…@127.0.0.1:PORT was written by a newer release (format 9; this one reads 1)");
}

#[tokio::test]
async fn an_older_format_is_raised_to_what_is_written_from_now_on() {
    let redis = RedisServer::start().await;
    redis.admin(&["HSET", "{holmes}:meta", "format", "0"]).await;
    connect(&redis.url()).await.unwrap();
    let format = redis.admin(&["HGET", "{holmes}:meta", "format"]).await;
    assert_eq!(format, redis::Value::BulkString(b"1".to_vec()));
}

#[tokio::test]
async fn a_timer_that_cannot_be_read_stops_no_other() {
    let redis = RedisServer::start().await;
    let store = redis.store().await;
    store_contract::fill(&*store).await;
    redis.admin(&["ZADD", "{holmes}:timers", "1", "of-a-newer-release"]).await;
    redis.admin(&["HSET", "{holmes}:timer_events", "of-a-newer-release", r#"{"foretell":{}}"#]).await;
    let due = store.due(9, now() + TimeDelta::hours(1)).await.unwrap();
    assert_eq!(due.iter().map(|timer| timer.key.as_str()).collect::<Vec<_>>(), ["settle:web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_without_its_redis_is_not_ready_and_comes_back() {
    let mut redis = RedisServer::durable().await;
    let data = tempfile::tempdir().unwrap();
    let url = redis.url();
    let mut bot = Process::serve(data.path(), &[("HOLMES_STORE_URL", url.as_str()), ("HOLMES_LOG", "off")]).await;
    let client = client();
    let deliver = async || {
        let answer = client.post(format!("{}/webhook", bot.url)).json(&firing("Crash", "web")).send().await.unwrap();
        answer.status().as_u16()
    };
    let ready = async || {
        let answer = client.get(format!("{}/readyz", bot.url)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(deliver().await, 200);
    redis.kill();
    assert_eq!(deliver().await, 503);
    let (status, said) = ready().await;
    assert!(status == 503 && said.contains("no connection to Redis"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    redis.restart().await;
    until_is("the bot to come back", ready, |(status, _)| *status == 200).await;
    assert_eq!(deliver().await, 200);
    bot.until("/api/v1/incidents?status=all", |list| list["incidents"][0]["progress"] == "done").await;
    assert_eq!(bot.terminate(), Some(0));
}

/// Everything that a store holds, as an export writes it; the first line, which has the time in it, left out.
async fn written(store: &dyn Store) -> Vec<String> {
    let mut out = Vec::new();
    export(store, now(), &mut out).await.unwrap();
    let mut lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
    lines.remove(0);
    lines
}

#[tokio::test]
async fn a_store_is_carried_to_redis_and_back() {
    let directory = tempfile::tempdir().unwrap();
    let embedded: Arc<dyn Store> = Arc::new(EmbeddedStore::open(directory.path()).unwrap());
    store_contract::fill(&*embedded).await;
    let before = written(&*embedded).await;
    assert_eq!(before.len(), 8, "2 incidents, a timer, 3 documents, 2 entries: {before:#?}");

    let redis = RedisServer::start().await;
    let there = redis.store().await;
    let mut out = Vec::new();
    let taken = export(&*embedded, now(), &mut out).await.unwrap();
    assert_eq!(import(&*there, out.as_slice()).await.unwrap(), taken);
    assert_eq!(written(&*there).await, before);
    // Again changes nothing.
    import(&*there, out.as_slice()).await.unwrap();
    assert_eq!(written(&*there).await, before);
    store_contract::check_filled(&*there).await;

    let elsewhere = tempfile::tempdir().unwrap();
    let back: Arc<dyn Store> = Arc::new(EmbeddedStore::open(elsewhere.path()).unwrap());
    let mut out = Vec::new();
    export(&*there, now(), &mut out).await.unwrap();
    import(&*back, out.as_slice()).await.unwrap();
    assert_eq!(written(&*back).await, before);
    store_contract::check_filled(&*back).await;

    // Another audit is not mixed with this one, and what waits is not left behind.
    let other = RedisServer::start().await.store().await;
    let error = import(&*other, &b"{\"oops\": 1}\n"[..]).await.unwrap_err();
    assert_eq!(error.to_string(), "this is no export of a store");
    let next = there.enqueue(&notification(1), now()).await.unwrap();
    assert!(next.0 > 41, "events are numbered on after those that incidents remember");
    let error = export(&*there, now(), &mut Vec::new()).await.unwrap_err().to_string();
    assert!(error.starts_with("1 events wait to be handled"), "{error}");
}

/// What a release wrote is read by those that follow. `HOLMES_WRITE_SAMPLE=1` writes the sample of a new format.
#[tokio::test]
async fn what_an_earlier_release_exported_is_read() {
    let sample = root().join("tests/captures/store-format-1.ndjson");
    if std::env::var_os("HOLMES_WRITE_SAMPLE").is_some() {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(directory.path()).unwrap();
        store_contract::fill(&store).await;
        let mut out = Vec::new();
        export(&store, now(), &mut out).await.unwrap();
        std::fs::write(&sample, out).unwrap();
    }
    let lines = std::fs::read(sample).unwrap();
    for (store, _alive) in store_contract::stores().await {
        let counts = import(&*store, lines.as_slice()).await.unwrap();
        assert_eq!((counts.incidents, counts.timers, counts.documents, counts.audit), (2, 1, 2, 2));
        store_contract::check_filled(&*store).await;
    }
}

#[tokio::test]
async fn tls_is_believed_only_with_its_authority() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (redis, ca) = RedisServer::over_tls().await;
    let connect = async |url: &str, ca: Option<Vec<u8>>| {
        let address = Address::parse(url).unwrap();
        RedisStore::connect(RedisSettings { address, ca, prefix: "holmes".into(), copies: 0 }).await
    };
    let url = format!("rediss://holmes:s3cret@127.0.0.1:{}", redis.port);
    let store = connect(&url, Some(ca.clone())).await.unwrap();
    store.enqueue(&notification(1), now()).await.unwrap();
    let stranger = connect(&url, None).await.err().unwrap();
    assert!(format!("{stranger:#}").contains("no connection to Redis"), "{stranger:#}");
    assert!(connect(&url.replace("rediss", "redis"), Some(ca)).await.is_err(), "not without TLS");
}

/// What an incident with a usual thread takes of Redis' memory, and how long a commit takes; `STORE_FIGURES=1000` for
/// figures that mean something.
#[tokio::test]
async fn an_incident_takes_little_memory() {
    let most: usize = std::env::var("STORE_FIGURES").map_or(100, |most| most.parse().unwrap());
    for durable in [false, true] {
        let redis = if durable { RedisServer::durable().await } else { RedisServer::start().await };
        let store = redis.store().await;
        let used = async || {
            let redis::Value::BulkString(info) = redis.admin(&["INFO", "memory"]).await else { panic!("no INFO") };
            let info = String::from_utf8(info).unwrap();
            let line = info.lines().find_map(|line| line.strip_prefix("used_memory_dataset:")).unwrap().to_owned();
            line.trim().parse::<usize>().unwrap()
        };
        let before = used().await;
        let began = Instant::now();
        for number in 0..most {
            store.commit(vec![store_contract::told(number)], &[], now()).await.unwrap();
        }
        let (took, bytes) = (began.elapsed(), (used().await - before) / most);
        let began = Instant::now();
        let event = notification(2000);
        for _ in 0..most {
            store.enqueue(&event, now()).await.unwrap();
        }
        println!(
            "appendfsync always: {durable}; an incident with 12 entries of 1 KiB in its thread takes {bytes} bytes; a commit \
             {:.2} ms, an event {:.2} ms, one after the other",
            took.as_secs_f64() * 1000.0 / most as f64,
            began.elapsed().as_secs_f64() * 1000.0 / most as f64,
        );
        assert!(bytes < 40_000, "{bytes} bytes an incident");
    }
}

#[tokio::test]
async fn a_cluster_keeps_everything_on_one_node() {
    let cluster = RedisServer::cluster(3).await;
    let hosts: Vec<String> = cluster.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let url = format!("redis+cluster://holmes:s3cret@{}", hosts.join(","));
    let (one, two) = (connect(&url).await.unwrap(), connect(&url).await.unwrap());
    let mut changes = two.changes();
    store_contract::fill(&one).await;
    store_contract::check_filled(&two).await;
    changes.recv().await.unwrap();
    let id = one.enqueue(&notification(1), now()).await.unwrap();
    assert_eq!(two.claim(9, TimeDelta::seconds(30), now()).await.unwrap()[0].id, id);
    two.write_documents(DocumentKind::Note, vec![("a".into(), Some(b"1".to_vec()))]).await.unwrap();
    assert!(one.check().await.iter().any(|line| line.ok && line.what.starts_with("version of")));
    let mut with_keys = 0;
    for node in &cluster {
        with_keys += usize::from(node.admin(&["DBSIZE"]).await != redis::Value::Int(0));
    }
    assert_eq!(with_keys, 1);
    // Who asks one node of a Cluster as if it were alone is told so.
    let mut refused = 0;
    for host in &hosts {
        let answer = connect(&format!("redis://holmes:s3cret@{host}")).await;
        refused += usize::from(answer.is_err_and(|error| format!("{error:#}").contains("use redis+cluster://")));
    }
    assert_eq!(refused, 2);
}

/// The shards of a Cluster that hold nothing of ours have no replica here, and need none.
#[tokio::test]
async fn copies_are_counted_where_our_keys_are() {
    let cluster = RedisServer::cluster(3).await;
    let redis::Value::Int(slot) = cluster[0].admin(&["CLUSTER", "KEYSLOT", "{holmes}"]).await else {
        panic!("no slot")
    };
    let ours = &cluster[usize::try_from(slot / (16384 / 3)).unwrap().min(2)];
    let redis::Value::BulkString(name) = ours.admin(&["CLUSTER", "MYID"]).await else { panic!("no name") };
    let name = String::from_utf8(name).unwrap();
    let bus = free_port().to_string();
    let flags = ["--appendonly", "no", "--cluster-enabled", "yes", "--cluster-port", &bus];
    let copy = RedisServer::start_with(&flags).await;
    ours.admin(&["CLUSTER", "MEET", "127.0.0.1", &copy.port.to_string(), &bus]).await;
    copy.says(&["CLUSTER", "NODES"], &name).await;
    copy.admin(&["CLUSTER", "REPLICATE", &name]).await;

    let hosts: Vec<String> = cluster.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let store = connect_with(&format!("redis+cluster://holmes:s3cret@{}", hosts.join(",")), 1).await.unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    // The replica may still be taking its first copy.
    while let Err(error) = store.enqueue(&notification(1), now()).await {
        assert!(Instant::now() < until, "{error}");
    }
    drop(copy);
}

#[tokio::test]
async fn sentinels_lead_to_the_new_primary_which_has_what_was_acknowledged() {
    let mut primary = RedisServer::start().await;
    let port = primary.port.to_string();
    let copy = RedisServer::start_with(&["--appendonly", "no", "--replicaof", "127.0.0.1", &port]).await;
    let sentinel = RedisServer::sentinel(primary.port).await;
    let url = format!("redis+sentinel://holmes:s3cret@127.0.0.1:{}/mymaster", sentinel.port);
    let store = connect_with(&url, 1).await.unwrap();
    // The replica may still be taking its first copy.
    let id = until("a replica", async || store.enqueue(&notification(1), now()).await.ok()).await;
    sentinel.knows_a_replica().await;
    primary.kill();
    until_it_works(&store).await;
    let claimed = store.claim(99, TimeDelta::seconds(30), now()).await.unwrap();
    assert!(claimed.iter().any(|claimed| claimed.id == id), "{claimed:?}");
    // There is no replica left.
    let error = store.enqueue(&notification(1), now()).await.unwrap_err();
    insta::assert_snapshot!(error, @"the store is unavailable: 0 of 1 replicas of Redis have what was written (HOLMES_REDIS_COPIES)");
    drop(copy);
}
