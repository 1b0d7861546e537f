//! What only Redis can do to the bot: die, forget, fill up, fail over; and what several replicas do to each other.

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::domain::event::Event;
use holmes_bot::domain::notification::Notification;
use holmes_bot::ports::{Store, StoreError};

use crate::redis_server::{RedisServer, connect};

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
    loop {
        match store.inbox().await {
            Ok(_) => return said,
            Err(error) => {
                let error = error.to_string();
                if said.last() != Some(&error) {
                    said.push(error);
                }
            }
        }
        assert!(said.len() < 20, "{said:?}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
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
    insta::assert_snapshot!(said, @"open the store redis://…@127.0.0.1:PORT (HOLMES_STORE_URL): the store is unavailable: Redis refuses the user or password in HOLMES_STORE_URL");
    redis.admin(&["ACL", "SETUSER", "holmes", "-zadd"]).await;
    let error = store.enqueue(&notification(1), now()).await.unwrap_err();
    assert!(error.to_string().contains("may not do what the bot needs"), "{error:#}");
}

#[tokio::test]
async fn a_replica_learns_what_another_changes_even_while_it_was_cut_off() {
    let mut redis = RedisServer::durable().await;
    let (one, two) = (redis.store().await, redis.store().await);
    let mut changes = two.changes();
    let write = |name: &str| crate::store_contract::opened(name);
    one.commit(vec![write("web")], &[], now()).await.unwrap();
    let web = changes.recv().await.unwrap();
    assert_eq!(web, write("web").incident.value.id);
    redis.kill();
    redis.restart().await;
    until_it_works(&*one).await;
    // The second may not listen again yet: it is told as soon as it does.
    one.commit(vec![write("pay")], &[], now()).await.unwrap();
    let told = tokio::time::timeout(std::time::Duration::from_secs(10), changes.recv()).await.unwrap().unwrap();
    assert_eq!(told, write("pay").incident.value.id);
}

#[tokio::test]
async fn a_newer_format_is_not_touched() {
    let redis = RedisServer::start().await;
    redis.admin(&["HSET", "{holmes}:meta", "format", "9"]).await;
    let error = connect(&redis.url()).await.err().unwrap().to_string().replace(&redis.port.to_string(), "PORT");
    insta::assert_snapshot!(error, @"the store redis://…@127.0.0.1:PORT was written by a newer release (format 9; this one reads 1)");
}
