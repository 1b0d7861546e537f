//! Refused callbacks in the audit: counted, bounded, and kept while the store is away.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use chrono::Utc;
use holmes_bot::domain::audit::first_broken;
use holmes_bot::ports::Store;
use holmes_bot::web::refusals::{Peer, Refusals};

use crate::failing_store::FailingStore;

#[tokio::test]
async fn however_many_come_from_wherever_they_are_a_few_entries() {
    let store = FailingStore::new();
    let refusals = Refusals::new(store.clone(), Arc::new(Utc::now));
    let from = |last: u8| Peer(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))));
    refusals.write_down().await.unwrap();
    assert!(store.audit(1, 100).await.unwrap().is_empty(), "nothing happened");
    for round in 0..100 {
        for last in 0..200 {
            let why = format!("forged {round}\nas user \"{}\"", "x".repeat(10_000));
            refusals.note("mattermost click", from(last), &why);
        }
    }
    // While the store is away nothing of it is lost, and more comes.
    store.be_down(true);
    refusals.write_down().await.unwrap_err();
    refusals.note("mattermost click", from(0), "once more");
    store.be_down(false);
    refusals.write_down().await.unwrap();
    refusals.write_down().await.unwrap();

    let audit = store.audit(1, 100).await.unwrap();
    assert_eq!((audit.len(), first_broken(&audit)), (9, None), "eight sources, and one entry for all others");
    let all = |name: &str| audit.iter().find(|entry| entry.draft.actor == name).unwrap().draft.clone();
    assert!(
        all("peer:192.0.2.0").detail.starts_with("mattermost click: 101 within a minute; the first: forged 0 as user")
    );
    assert!(all("peer:others").detail.starts_with("others: 19200 within a minute"), "{:?}", all("peer:others"));
    assert!(audit.iter().all(|entry| entry.draft.detail.len() < 400 && entry.draft.action == "callback.refused"));
}
