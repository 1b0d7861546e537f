//! The bot in this process, on a simulated cluster, for tests that tell an operator's story.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use holmes_bot::adapters::actuator::ActuatorSource;
use holmes_bot::adapters::cluster;
use holmes_bot::app::App;
use holmes_bot::commands::demo::rules;
use holmes_bot::config::{ActuatorConfig, Config, KubernetesConfig};
use holmes_bot::demo::{self, READER, Receiver, Rule, Running, Timeline, World};
use holmes_bot::ports::Clock;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::process::client;
use crate::wait::until_is;

/// A running bot, wherever its neighbours are.
pub struct Served {
    /// `http://127.0.0.1:…`
    pub url: String,
    // Making one reads the machine's certificates, which takes a while.
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<anyhow::Result<()>>,
    _data: TempDir,
}

impl Served {
    /// Starts with this configuration, whose data is in `data`, by this clock.
    pub async fn start(config: Config, data: TempDir, clock: Clock) -> Self {
        let client = client();
        let app = App::start_at(config, clock).await.unwrap();
        let url = format!("http://{}", app.address);
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        Self { url, client, stop: Some(stop), running, _data: data }
    }

    /// Reads JSON.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    /// Stops it; a part that died fails the test.
    pub async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.running.await.unwrap().unwrap();
    }
}

/// A running bot with its cluster.
pub struct Bot {
    /// The simulated neighbours and their faults.
    pub cluster: Running,
    served: Served,
}

impl Deref for Bot {
    type Target = Served;

    fn deref(&self) -> &Served {
        &self.served
    }
}

impl Bot {
    /// Starts on the recorded shop, everything already happened; `settings` are added to the environment.
    pub async fn in_the_shop<N: AsRef<str>, V: AsRef<str>>(settings: &[(N, V)]) -> Self {
        Self::start(World::built_in().unwrap(), settings, true).await
    }

    /// Starts on a cluster; `with_neighbours` false leaves all of them unconfigured.
    pub async fn start<N: AsRef<str>, V: AsRef<str>>(world: World, settings: &[(N, V)], with_neighbours: bool) -> Self {
        drop(client());
        let simulated = demo::start(world, Timeline::at_once()).await.unwrap();
        simulated.access.grant(READER, rules(&cluster::PERMISSIONS));
        let data = tempfile::tempdir().unwrap();
        let mut variables: BTreeMap<String, String> = BTreeMap::from([
            ("HOLMES_LISTEN".into(), "127.0.0.1:0".into()),
            ("HOLMES_DATA_DIR".into(), data.path().display().to_string()),
        ]);
        if with_neighbours {
            variables.insert("METRICS_URL".into(), simulated.neighbours.metrics_url.clone());
            variables.insert("LOGS_URL".into(), simulated.neighbours.logs_url.clone());
        }
        variables.extend(settings.iter().map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())));
        let mut config = Config::from_variables(&variables).unwrap();
        if with_neighbours {
            config.kubernetes = Some(KubernetesConfig::Plain(simulated.neighbours.kubernetes_url.clone()));
            // Only who has a policy has hands: without one the stories are about looking.
            if config.policy_file.is_some() {
                simulated.hurry_controllers();
                simulated.access.token("actuator", "actuator");
                simulated.access.grant("actuator", vec![Rule::all()]);
                let url = simulated.neighbours.kubernetes_url.clone();
                config.actuator = Some(ActuatorConfig {
                    source: ActuatorSource::Url { url, token: "actuator".to_owned().into() },
                    people: BTreeMap::new(),
                    timeout: Duration::from_secs(10),
                });
                config.alertmanager_url = Some(simulated.neighbours.alertmanager_url.clone());
            }
        }
        Self { cluster: simulated, served: Served::start(config, data, Arc::new(Utc::now)).await }
    }

    /// Delivers all of the world's notifications, as Alertmanager would.
    pub async fn play(&self) {
        let receiver = Receiver { url: format!("{}/webhook", self.url), bearer_token: None };
        self.cluster.player().play(&self.client, &receiver, |_| ()).await;
    }

    /// Delivers one body.
    pub async fn deliver(&self, body: &Value) -> u16 {
        let request = self.client.post(format!("{}/webhook/alertmanager", self.url)).json(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// All incidents, once `done` says that they are as awaited.
    pub async fn incidents(&self, done: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let list = async || self.get("/api/v1/incidents?status=all&limit=1000").await;
        let incidents = |list: &Value| list["incidents"].as_array().unwrap().clone();
        incidents(&until_is("incidents as awaited", list, |list| done(&incidents(list))).await)
    }

    /// The incident about the thing of this name, whole, once it is investigated.
    pub async fn investigated(&self, name: &str) -> Value {
        let about = |incident: &&Value| incident["subject"]["name"] == name && incident["progress"] == "done";
        let incidents = self.incidents(|incidents| incidents.iter().any(|incident| about(&incident))).await;
        let id = incidents.iter().find(about).unwrap()["id"].as_str().unwrap().to_owned();
        self.get(&format!("/api/v1/incidents/{id}")).await
    }

    /// Stops it; a part that died fails the test.
    pub async fn stop(self) {
        self.served.stop().await;
    }
}

/// Whether all is investigated.
pub fn all_done(incidents: &[Value]) -> bool {
    incidents.iter().all(|incident| incident["progress"] == "done")
}
