//! People who have things done while the storm goes on: each approved action is applied exactly once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use holmes_bot::domain::audit::AuditEntry;
use serde_json::{Value, json};

use crate::actuator::place::Place;
use crate::process::client;
use crate::remedy::bot::{POLICY, TOKENS};

/// Deployments that are restarted.
pub const CURES: usize = 4;
/// A replica that is killed or cut off answers nobody; then another is asked. What it held while it acted is free after two
/// minutes.
const PATIENCE: Duration = Duration::from_secs(180);

/// A cluster with Deployments that want a restart.
pub struct Cures {
    place: Place,
    files: tempfile::TempDir,
    client: reqwest::Client,
}

fn name(number: usize) -> String {
    format!("cure{number}")
}

impl Cures {
    pub async fn begin() -> Self {
        let place = Place::fake().await;
        let deployments = place.deployment("");
        for number in 0..CURES {
            let labels = json!({"app": name(number)});
            let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": "registry.example/app:1"}]},
            }});
            let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": name(number)}, "spec": spec});
            place.create(deployments.trim_end_matches('/'), &deployment).await;
        }
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("policy.yaml"), POLICY).unwrap();
        place.kubeconfig(files.path());
        Self { place, files, client: client() }
    }

    /// What a replica needs to act here.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.files.path().join(name).display().to_string();
        vec![
            ("HOLMES_POLICY_FILE", file("policy.yaml")),
            ("HOLMES_CONSOLE_TOKEN", TOKENS.to_owned()),
            ("HOLMES_ACTUATOR_KUBECONFIG", file("kubeconfig")),
        ]
    }

    /// The alert, the wish and the approval for each, by whichever replica answers.
    pub async fn have_done(&self, urls: Arc<Vec<String>>) {
        let each = (0..CURES).map(|number| self.one(number, &urls));
        futures::future::join_all(each).await;
    }

    async fn one(&self, number: usize, urls: &[String]) {
        let name = name(number);
        let alert = self.place.broken(&name);
        let url = |attempt: usize| &urls[(number + attempt) % urls.len()];
        let mut attempt = 0;
        while !self.accepted(self.client.post(format!("{}/webhook", url(attempt))).json(&alert)).await {
            attempt += 1;
        }
        let about = |list: &Value| {
            let incidents = list["incidents"].as_array()?;
            let one = incidents.iter().find(|incident| incident["subject"]["name"] == name.as_str())?;
            Some(one["id"].as_str()?.to_owned())
        };
        let incident = self.seen(urls, "/api/v1/incidents?limit=100", "the incident", about).await;
        let path = format!("/api/v1/incidents/{incident}");
        let proposal = |detail: &Value| Some(detail["proposals"].as_array()?.first()?.clone());
        // The same wish again is another proposal: it is said once to a replica that took it.
        let wish = format!("restart deployment/{name}");
        while !self.posted(url(attempt), "ann", &format!("/incidents/{incident}/do"), &[("action", &wish)]).await {
            attempt += 1;
        }
        let proposed = self.seen(urls, &path, "the proposal", proposal).await;
        let (id, digest) = (proposed["id"].as_str().unwrap(), proposed["digest"].as_str().unwrap());
        // An impatient person: the same approval to every replica at once, and again.
        let to = format!("/incidents/{incident}/proposals/{id}");
        let nonces = [format!("{number}-a"), format!("{number}-b"), format!("{number}-c")];
        let until = Instant::now() + PATIENCE;
        let mut accepted = 0;
        while accepted < urls.len() {
            assert!(Instant::now() < until, "nobody takes the approval of {name}");
            let clicks = urls.iter().zip(&nonces).map(|(url, nonce)| {
                let fields = [("choice", "approve"), ("digest", digest), ("nonce", nonce.as_str())];
                let to = to.clone();
                async move { self.posted(url, "bob", &to, &fields).await }
            });
            accepted += futures::future::join_all(clicks).await.into_iter().filter(|taken| *taken).count();
        }
        self.seen(urls, &path, "the end", |detail| match proposal(detail)?["state"].as_str()? {
            "applied" | "verified" => Some(()),
            "proposed" | "approved" | "executing" => None,
            _ => panic!("{detail:#}"),
        })
        .await;
    }

    async fn posted(&self, url: &str, who: &str, path: &str, fields: &[(&str, &str)]) -> bool {
        let request = self.client.post(format!("{url}{path}")).form(fields).header("sec-fetch-site", "same-origin");
        self.accepted(request.bearer_auth(format!("{who}s-token-0123456789"))).await
    }

    async fn accepted(&self, request: reqwest::RequestBuilder) -> bool {
        let taken = request.send().await.is_ok_and(|answer| answer.status().is_success());
        if !taken {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        taken
    }

    /// What some replica answers, once there is something in it.
    async fn seen<T>(&self, urls: &[String], path: &str, what: &str, seen: impl Fn(&Value) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        for attempt in 0.. {
            let request = self.client.get(format!("{}{path}", urls[attempt % urls.len()])).send();
            if let Ok(answer) = request.await
                && let Ok(value) = answer.json::<Value>().await
                && let Some(found) = seen(&value)
            {
                return found;
            }
            assert!(Instant::now() < until, "waited for {what}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        unreachable!()
    }

    /// That each was applied once: by the cluster's count of its changes, and by the audit.
    pub async fn applied_once(&self, audit: &[AuditEntry]) {
        for number in 0..CURES {
            let deployment = self.place.get(&self.place.deployment(&name(number))).await;
            assert_eq!(deployment["metadata"]["generation"], 2, "made, and restarted once: {deployment:#}");
        }
        for action in ["execution.begun", "execution.applied"] {
            let entries = audit.iter().filter(|entry| entry.draft.action == action);
            assert_eq!(entries.count(), CURES, "{action}");
        }
    }
}
