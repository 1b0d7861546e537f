//! Several replicas bring the same incidents into the same chat.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::super::Courier;
use super::super::pace::Rates;
use super::harness::Harness;
use crate::domain::post::PostKind;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_root_each_however_many_work_on_it() {
    let harness = Harness::new();
    let posts = [
        ("root", PostKind::Root, "it burns"),
        ("evidence:E1", PostKind::Evidence, "memory"),
        ("report", PostKind::Report, "because"),
    ];
    for n in 0..12 {
        harness.write(&harness.incident(n, &format!("channel-{}", n % 4)), &posts, None).await;
    }
    let mut couriers: Vec<Courier> = (0..3).map(|_| Courier::new(harness.surface.clone(), Rates::default())).collect();
    for _ in 0..500 {
        for courier in &mut couriers {
            courier.refresh().await.unwrap();
        }
        // All of them send at once.
        couriers.iter_mut().for_each(Courier::start);
        let flown = futures::future::join_all(couriers.iter_mut().map(async |courier| courier.landed().await)).await;
        if flown.iter().all(|flown| !flown) {
            if harness.waiting().await == 0 {
                break;
            }
            harness.pass(TimeDelta::milliseconds(500));
        }
    }
    assert_eq!(harness.waiting().await, 0);
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for seen in harness.chat.seen() {
        *counted.entry(seen.key).or_default() += 1;
    }
    assert_eq!(counted.len(), 36);
    assert!(counted.values().all(|count| *count == 1), "{counted:?}");
}
