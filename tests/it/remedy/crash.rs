//! `kill -9` around an execution: what was approved happens once, or is told not to have happened; never twice.

use std::time::Duration;

use serde_json::Value;

use holmes_bot::demo::{Fault, Neighbour};

use super::bot::{Bot, POLICY, TOKENS};
use crate::actuator::place::Place;
use crate::process::{Process, client};
use crate::wait::until;

/// One approval, a kill so many milliseconds after it, and what is there in the end.
async fn killed_after(wait: Duration) {
    let place = Place::fake().await;
    place.workloads().await;
    let data = tempfile::tempdir().unwrap();
    let policy = data.path().join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    let (policy, kubeconfig) = (policy.display().to_string(), place.kubeconfig(data.path()));
    let store = data.path().join("store");
    let environment = [
        ("HOLMES_POLICY_FILE", policy.as_str()),
        ("HOLMES_CONSOLE_TOKEN", TOKENS),
        ("HOLMES_ACTUATOR_KUBECONFIG", kubeconfig.as_str()),
    ];
    let mut bot = Process::serve(&store, &environment).await;
    let http = client();
    http.post(format!("{}/webhook", bot.url)).json(&place.broken("web")).send().await.unwrap();
    let list = bot.until("/api/v1/incidents", |list| list["incidents"].as_array().unwrap().len() == 1).await;
    let incident = list["incidents"][0]["id"].as_str().unwrap().to_owned();
    let form = |bot: &Process, who: &str, path: String, fields: Vec<(&'static str, String)>| {
        let request = http.post(format!("{}{path}", bot.url)).form(&fields);
        request.header("sec-fetch-site", "same-origin").bearer_auth(format!("{who}s-token-0123456789")).send()
    };
    form(&bot, "ann", format!("/incidents/{incident}/do"), vec![("action", "restart deployment/web".into())])
        .await
        .unwrap();
    let path = format!("/api/v1/incidents/{incident}");
    let detail = bot.until(&path, |detail| detail["proposals"].as_array().unwrap().len() == 1).await;
    let (id, digest) = (text(&detail["proposals"][0]["id"]), text(&detail["proposals"][0]["digest"]));
    let before = place.get(&place.deployment("web")).await["metadata"]["generation"].as_i64().unwrap();
    let click = form(
        &bot,
        "bob",
        format!("/incidents/{incident}/proposals/{id}"),
        vec![("choice", "approve".into()), ("digest", digest), ("nonce", "1".into())],
    );
    let click = tokio::time::timeout(wait, click).await;
    // Whoever clicks may lose their connection, too: only what was answered is promised.
    let promised = click.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()));
    bot.kill_and_restart().await;
    // What the click left behind is handled before anything is judged.
    until("an empty inbox", async || (waiting(&http, &bot).await == 0).then_some(())).await;
    let ended = ["applied", "verified", "proposed"];
    let detail = bot
        .until(&path, |detail| {
            let state = text(&detail["proposals"][0]["state"]);
            assert_ne!(state, "failed", "{detail:#}");
            ended.contains(&state.as_str())
        })
        .await;
    let generation = place.get(&place.deployment("web")).await["metadata"]["generation"].as_i64().unwrap();
    let done = text(&detail["proposals"][0]["state"]) != "proposed";
    assert!(done || !promised, "an approval that was answered is lost: {detail:#}");
    assert_eq!(generation - before, i64::from(done), "once, or not at all: {detail:#}");
    let audit = bot.get("/api/v1/audit?limit=1000").await;
    let applied = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "execution.applied");
    assert_eq!(applied.count(), usize::from(done));
    bot.terminate();
}

/// How many events wait to be handled.
async fn waiting(http: &reqwest::Client, bot: &Process) -> u64 {
    let metrics = http.get(format!("{}/metrics", bot.url)).send().await.unwrap().text().await.unwrap();
    metrics.lines().find_map(|line| line.strip_prefix("holmes_inbox_waiting ")).unwrap().parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_happens_once_whenever_the_bot_is_killed() {
    for milliseconds in [1, 8, 20, 35, 50, 80, 140] {
        killed_after(Duration::from_millis(milliseconds)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_or_breaks_off_costs_time_and_nothing_else() {
    let bot = Bot::start().await;
    let namespace = bot.place.namespace.clone();
    let incident = bot.alert(&[("namespace", &namespace), ("deployment", "web")], true).await;
    let faults = &bot.place.running().faults;
    for (fault, action) in [
        (Fault::Status(503), "restart deployment/web".to_owned()),
        (Fault::Truncate, format!("scale deployment/web -n {namespace} --replicas 3")),
    ] {
        let proposal = bot.wish("ann", &incident, &action).await;
        let before = bot.place.get(&bot.place.deployment("web")).await["metadata"]["generation"].as_i64().unwrap();
        faults.set(Neighbour::Kubernetes, fault.clone());
        assert_eq!(bot.decide("bob", &incident, &proposal, "approve").await, "Approved.");
        let id = proposal["id"].clone();
        let waits = bot
            .proposal(&incident, "the reason why it waits", |one| one["id"] == id && one["detail"].is_string())
            .await;
        assert_eq!(waits["state"], "approved", "{fault:?}: {waits:#}");
        faults.clear(Neighbour::Kubernetes);
        bot.becomes(&incident, &proposal, "applied").await;
        let after = bot.place.get(&bot.place.deployment("web")).await["metadata"]["generation"].as_i64().unwrap();
        assert_eq!(after - before, 1, "{fault:?}");
        let begun = bot.audit(&proposal).await.into_iter().filter(|action| action == "execution.begun").count();
        assert_eq!(begun, 1, "{fault:?}");
    }
    bot.stop().await;
}
