//! The bot as its own process, started and stopped as an operator would, and killed as a node would.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::wait::{until, until_is};

/// A running `holmes-bot`.
pub struct Process {
    child: Child,
    /// `http://127.0.0.1:…`
    pub url: String,
    environment: BTreeMap<String, String>,
    /// Where its log goes, if not to the tests' own.
    log: Option<PathBuf>,
    client: reqwest::Client,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A client for loopback; the binary under test brings its own crypto provider, this process must too.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

/// Nothing beside what is always set.
pub const PLAIN: &[(&str, &str)] = &[];

/// Writes a kubeconfig for this API server with somebody's token; gives its path.
pub fn kubeconfig(directory: &Path, server: &str, token: &str) -> String {
    let file = directory.join("kubeconfig");
    let config = serde_json::json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": token}}],
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
    });
    std::fs::write(&file, config.to_string()).unwrap();
    file.display().to_string()
}

impl Process {
    /// Starts `holmes-bot serve` on its data directory and waits until it is ready.
    pub async fn serve<N: AsRef<str>, V: AsRef<str>>(data: &Path, environment: &[(N, V)]) -> Self {
        Self::started(data, environment, None).await
    }

    /// The same with its log in a file.
    pub async fn serve_logging<N: AsRef<str>, V: AsRef<str>>(data: &Path, environment: &[(N, V)], log: &Path) -> Self {
        Self::started(data, environment, Some(log.to_owned())).await
    }

    async fn started<N: AsRef<str>, V: AsRef<str>>(data: &Path, environment: &[(N, V)], log: Option<PathBuf>) -> Self {
        let port = free_port();
        let mut all = BTreeMap::from([
            ("HOLMES_LISTEN".to_owned(), format!("127.0.0.1:{port}")),
            ("HOLMES_DATA_DIR".to_owned(), data.display().to_string()),
            ("HOLMES_LOG".to_owned(), "warn".to_owned()),
        ]);
        all.extend(environment.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())));
        let child = spawn(&all, log.as_deref());
        let url = format!("http://127.0.0.1:{port}");
        let process = Self { child, url, environment: all, log, client: client() };
        process.ready().await;
        process
    }

    async fn ready(&self) {
        until("the bot to become ready", async || {
            let answer = self.client.get(format!("{}/readyz", self.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
    }

    /// `kill -9` and a new start on the same data.
    pub async fn kill_and_restart(&mut self) {
        self.kill();
        self.child = spawn(&self.environment, self.log.as_deref());
        self.ready().await;
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it in its tracks, as a node does that has no time for it.
    pub fn stand_still(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// The most memory that it ever had in use, in bytes: Linux' own figure.
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// Asks it to end, and answers its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    /// Reads JSON from the API.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Waits until `seen` says so about what `path` answers.
    pub async fn until(&self, path: &str, seen: impl Fn(&Value) -> bool) -> Value {
        until_is(path, async || self.get(path).await, seen).await
    }
}

fn spawn(environment: &BTreeMap<String, String>, log: Option<&Path>) -> Child {
    let append = |log| std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let ours = || env!("CARGO_BIN_EXE_holmes-bot").into();
    Command::new(std::env::var_os("HOLMES_BOT_BIN").unwrap_or_else(ours))
        .arg("serve")
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stderr(log.map_or_else(Stdio::inherit, |log| append(log).into()))
        .spawn()
        .unwrap()
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A version 4 body with one firing alert about a Deployment.
pub fn firing(alert: &str, deployment: &str) -> Value {
    body(&[(alert, deployment, "firing")])
}

/// A version 4 body; (alert, deployment, status) each.
pub fn body(alerts: &[(&str, &str, &str)]) -> Value {
    let alerts: Vec<Value> = alerts
        .iter()
        .map(|(alert, deployment, status)| {
            serde_json::json!({
                "status": status,
                "labels": {"alertname": alert, "namespace": format!("ns-{deployment}"), "deployment": deployment, "severity": "warning"},
                "annotations": {"summary": format!("{alert} on {deployment}")},
                "startsAt": "2026-11-22T22:00:00Z",
                "endsAt": if *status == "resolved" { "2026-11-22T22:10:00Z" } else { "0001-01-01T00:00:00Z" },
                "generatorURL": "http://vmalert.example/x",
                "fingerprint": format!("{alert}-{deployment}"),
            })
        })
        .collect();
    serde_json::json!({
        "version": "4", "groupKey": "{}:{}", "truncatedAlerts": 0, "status": "firing", "receiver": "holmes",
        "groupLabels": {}, "commonLabels": {}, "commonAnnotations": {}, "externalURL": "http://am.example", "alerts": alerts,
    })
}
