//! A bot that may act on a simulated cluster, and the people who decide.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use holmes_bot::adapters::actuator::ActuatorSource;
use holmes_bot::config::{ActuatorConfig, Config};
use holmes_bot::ports::Clock;
use serde_json::{Value, json};

use crate::actuator::place::Place;
use crate::bot::Served;
use crate::wait::until_is;

/// Two people who may approve, each what somebody else asked for, and nobody else.
pub const POLICY: &str = "
rules:
  - name: two of the team
    match: {}
    decision: approve
    approvers: [console:ann, console:bob]
    self_approval: false
    expires: 12h
    reason: four eyes
    examples: {applies: [cordon node/n1]}
rate_limits:
  - most: 100
    within: 1h
    per: cluster
    reason: tests are busy
";

/// The tokens by which the console knows people.
pub const TOKENS: &str = "ann=anns-token-0123456789, bob=bobs-token-0123456789, eve=eves-token-0123456789";

/// How much faster the bot's clock runs.
const FAST: u32 = 120;

/// A bot with hands.
pub struct Bot {
    /// Its cluster.
    pub place: Place,
    served: Served,
    /// When each alert began to fire.
    since: Mutex<BTreeMap<u64, DateTime<Utc>>>,
}

impl Deref for Bot {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

/// What the environment of a bot on this cluster is.
pub fn variables(data: &std::path::Path) -> BTreeMap<String, String> {
    let policy = data.join("policy.yaml");
    std::fs::write(&policy, POLICY).unwrap();
    BTreeMap::from([
        ("HOLMES_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("HOLMES_DATA_DIR".to_owned(), data.display().to_string()),
        ("HOLMES_POLICY_FILE".to_owned(), policy.display().to_string()),
        ("HOLMES_CONSOLE_TOKEN".to_owned(), TOKENS.to_owned()),
    ])
}

impl Bot {
    /// Starts on a cluster with one workload of each kind.
    pub async fn start() -> Self {
        let place = Place::fake().await;
        // Pods need somewhere to run.
        place.node("work").await;
        place.workloads().await;
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::from_variables(&variables(data.path())).unwrap();
        let neighbours = &place.running().neighbours;
        let source =
            ActuatorSource::Url { url: neighbours.kubernetes_url.clone(), token: "actuator".to_owned().into() };
        config.actuator = Some(ActuatorConfig { source, people: BTreeMap::new(), timeout: Duration::from_secs(10) });
        config.alertmanager_url = Some(neighbours.alertmanager_url.clone());
        let (base, began) = (Utc::now(), Instant::now());
        let clock: Clock = Arc::new(move || base + TimeDelta::from_std(began.elapsed() * FAST).unwrap());
        Self { place, served: Served::start(config, data, clock).await, since: Mutex::default() }
    }

    /// An alert about something begins or ends; gives the incident's id.
    pub async fn alert(&self, labels: &[(&str, &str)], firing: bool) -> String {
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([("alertname", "Broken"), ("severity", "critical")]);
        all.extend(labels.iter().copied());
        let status = if firing { "firing" } else { "resolved" };
        let now = Utc::now();
        // The fast clock is ahead: an end in the past of it is an end.
        let ends = if firing { "0001-01-01T00:00:00Z".to_owned() } else { now.to_rfc3339() };
        let starts = {
            let mut since = self.since.lock().unwrap();
            // What ends has the start that it fired with.
            let known = since.entry(fingerprint(&all)).or_insert(now);
            if firing {
                *known = now;
            }
            *known
        };
        let body = json!({
            "version": "4", "groupKey": "{}", "status": status, "receiver": "holmes", "groupLabels": {},
            "commonLabels": all, "commonAnnotations": {}, "externalURL": "http://am", "alerts": [{
                "status": status, "labels": all, "annotations": {}, "startsAt": starts.to_rfc3339(), "endsAt": ends,
                "generatorURL": "", "fingerprint": format!("{:x}", fingerprint(&all)),
            }],
        });
        let answer = self.client.post(format!("{}/webhook", self.url)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let list = self
            .until(&format!("an incident about {labels:?}"), "/api/v1/incidents?status=all&limit=100", |list| {
                let wanted = if firing { "open" } else { "resolved" };
                find(list, &all).is_some_and(|incident| incident["status"] == wanted)
            })
            .await;
        find(&list, &all).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Reads it again and again until it is as awaited.
    pub async fn until(&self, what: &str, path: &str, done: impl Fn(&Value) -> bool) -> Value {
        until_is(what, async || self.get(path).await, done).await
    }

    /// Somebody's form of the console; gives status and page.
    pub async fn form(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let request = self.client.post(format!("{}{path}", self.url)).form(fields);
        let request = request.header("sec-fetch-site", "same-origin").bearer_auth(format!("{who}s-token-0123456789"));
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The same form sent by a page of another site.
    pub async fn foreign_form(&self, who: &str, path: &str, fields: &[(&str, &str)]) -> u16 {
        let request = self.client.post(format!("{}{path}", self.url)).form(fields);
        let request = request.header("sec-fetch-site", "cross-site").bearer_auth(format!("{who}s-token-0123456789"));
        request.send().await.unwrap().status().as_u16()
    }

    /// Somebody asks for an action; gives the proposal.
    pub async fn wish(&self, who: &str, incident: &str, action: &str) -> Value {
        let (status, page) = self.form(who, &format!("/incidents/{incident}/do"), &[("action", action)]).await;
        assert_eq!(status, 200, "{action}: {page}");
        self.proposal(incident, &format!("a proposal to {action}"), |one| {
            one["state"] == "proposed" && one["action"].as_str().unwrap().starts_with(action)
        })
        .await
    }

    /// The proposal of an incident that is as awaited.
    pub async fn proposal(&self, incident: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/incidents/{incident}");
        let detail = self.until(what, &path, |detail| detail["proposals"].as_array().unwrap().iter().any(&is)).await;
        detail["proposals"].as_array().unwrap().iter().find(|one| is(one)).unwrap().clone()
    }

    /// Somebody decides as the confirming page would send it; gives what they are told.
    pub async fn decide(&self, who: &str, incident: &str, proposal: &Value, choice: &str) -> String {
        self.decide_with(who, incident, proposal, choice, proposal["digest"].as_str().unwrap()).await
    }

    /// The same with another digest than what was shown.
    pub async fn decide_with(&self, who: &str, incident: &str, proposal: &Value, choice: &str, digest: &str) -> String {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let nonce = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_string();
        let id = proposal["id"].as_str().unwrap();
        let fields = [("choice", choice), ("digest", digest), ("nonce", nonce.as_str())];
        let (status, page) = self.form(who, &format!("/incidents/{incident}/proposals/{id}"), &fields).await;
        assert_eq!(status, 200, "{page}");
        // What the person was told stands beside the proposal.
        let card = page.split(&format!("id=\"{id}\"")).nth(1).unwrap().split("class=\"card").next().unwrap();
        let told = card.split("role=\"status\">").nth(1).map(|rest| rest.split("</p>").next().unwrap().to_owned());
        told.unwrap_or_default()
    }

    /// Waits until a proposal is in a state.
    pub async fn becomes(&self, incident: &str, proposal: &Value, state: &str) -> Value {
        let id = proposal["id"].clone();
        self.proposal(incident, &format!("{} to be {state}", proposal["action"]), |one| {
            one["id"] == id && one["state"] == state
        })
        .await
    }

    /// The actions of the audit that speak of a proposal, oldest first; the chain is whole.
    pub async fn audit(&self, proposal: &Value) -> Vec<String> {
        let entries = self.get("/api/v1/audit?limit=1000").await;
        let entries = entries["entries"].as_array().unwrap().clone();
        let id = format!("\"proposal\":{}", proposal["id"]);
        let about = |entry: &&Value| entry["detail"].as_str().unwrap().contains(&id);
        entries.iter().filter(about).map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
    }

    /// Stops it; a part that died fails the test.
    pub async fn stop(self) {
        self.served.stop().await;
    }
}

fn find<'a>(list: &'a Value, labels: &BTreeMap<&str, &str>) -> Option<&'a Value> {
    list["incidents"].as_array()?.iter().find(|incident| {
        incident["alerts"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|alert| labels.iter().all(|(name, value)| alert["labels"][*name] == **value))
    })
}

/// A fingerprint that differs where labels do.
fn fingerprint(labels: &BTreeMap<&str, &str>) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    labels.hash(&mut hasher);
    hasher.finish()
}
