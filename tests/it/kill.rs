//! `kill -9` at many points: what was acknowledged is handled, once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::process::{PLAIN, Process, client, firing};

#[tokio::test(flavor = "multi_thread")]
async fn no_notification_is_lost_and_no_thread_is_opened_twice() {
    let data = tempfile::tempdir().unwrap();
    // Without neighbours every investigation is over at once, so kills hit intake, runs and reports alike.
    let mut bot = Process::serve(data.path(), PLAIN).await;
    let mut acknowledged = BTreeSet::new();
    let mut sent = 0;
    for round in 0..12u64 {
        let stop = Arc::new(AtomicBool::new(false));
        let sender = {
            let (url, stop) = (bot.url.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let client = client();
                let mut done = Vec::new();
                let mut number = sent;
                while !stop.load(Ordering::Relaxed) {
                    // Seven Deployments share each alert name: joins and openings mix.
                    let deployment = format!("app{}", number % 7);
                    let alert = format!("Alert{number}");
                    let answer = client.post(format!("{url}/webhook")).json(&firing(&alert, &deployment)).send().await;
                    if answer.is_ok_and(|answer| answer.status() == 200) {
                        done.push((alert, deployment));
                    }
                    number += 1;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                (done, number)
            })
        };
        // A different moment each time, from before the first commit to well into the investigations.
        tokio::time::sleep(Duration::from_millis(5 + round * round * 4)).await;
        bot.kill();
        stop.store(true, Ordering::Relaxed);
        let (done, next) = sender.await.unwrap();
        acknowledged.extend(done);
        sent = next;
        bot.kill_and_restart().await;
    }
    assert!(acknowledged.len() > 10, "the test must have delivered something: {}", acknowledged.len());

    let all = bot
        .until("/api/v1/incidents?status=all&limit=1000", |list| {
            let incidents = list["incidents"].as_array().unwrap();
            let known: BTreeSet<(String, String)> = incidents
                .iter()
                .flat_map(|incident| incident["alerts"].as_array().unwrap())
                .map(|alert| {
                    let label = |name: &str| alert["labels"][name].as_str().unwrap().to_owned();
                    (label("alertname"), label("deployment"))
                })
                .collect();
            let finished = incidents.iter().all(|incident| incident["progress"] == "done");
            acknowledged.is_subset(&known) && finished
        })
        .await;

    let incidents = all["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), 7, "one incident a Deployment");
    for incident in incidents {
        let detail = bot.get(&format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap())).await;
        let kinds: Vec<&str> =
            detail["thread"].as_array().unwrap().iter().filter_map(|post| post["kind"].as_str()).collect();
        for once in ["root", "status", "report"] {
            assert_eq!(kinds.iter().filter(|kind| **kind == once).count(), 1, "{once}: {kinds:?}");
        }
    }
    assert_eq!(bot.terminate(), Some(0), "asked to end, it drains and ends well");
}
