//! `holmes-bot demo`: the same bot, with a recorded cluster for neighbours.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::serve::terminated;
use crate::adapters::actuator::{self, ActuatorSource};
use crate::adapters::cluster::{self, Permission};
use crate::app::App;
use crate::config::{ActuatorConfig, Config, KubernetesConfig, StoreConfig};
use crate::demo::{self, Delivery, Progress, READER, Receiver, Rule, Timeline, World};
use crate::domain::policy::{Person, Principal, PrincipalKind};
use crate::telemetry;

/// The account that changes the simulated cluster; its token opens nothing else.
const ACTUATOR_USER: &str = "system:serviceaccount:holmes:holmes-bot-actuator";
const ACTUATOR_TOKEN: &str = "demo-actuator";
const ACTUATOR_TIMEOUT: Duration = Duration::from_secs(10);
/// Who may approve in the demo: whoever looks at its console.
const APPROVER: &str = "demo";
const POLICY: &str = include_str!("demo-policy.yaml");

/// Options of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Play the world recorded in this directory instead of the built-in one.
    #[arg(long, value_name = "DIR")]
    world: Option<PathBuf>,
    /// Play this many times faster than it happened.
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    speed: f64,
    /// Deliver everything now.
    #[arg(long, conflicts_with = "speed")]
    at_once: bool,
    /// Keep the incidents in this directory; otherwise they are forgotten at the end.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When the world cannot be read or the bot cannot start.
pub async fn run(arguments: Arguments, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let world = match &arguments.world {
        Some(directory) => World::load(directory).with_context(|| format!("read the world {}", directory.display()))?,
        None => World::built_in()?,
    };
    let timeline = if arguments.at_once { Timeline::at_once() } else { Timeline::at_speed(arguments.speed)? };
    let simulated = demo::start(world, timeline).await?;

    let forgotten = tempfile::tempdir().context("make a directory for the demo's incidents")?;
    let data = arguments.data.clone().unwrap_or_else(|| forgotten.path().to_owned());
    simulated.access.grant(READER, rules(&cluster::PERMISSIONS));
    simulated.access.token(ACTUATOR_TOKEN, ACTUATOR_USER);
    simulated.access.grant(ACTUATOR_USER, rules(&actuator::PERMISSIONS));
    let policy = forgotten.path().join("demo-policy.yaml");
    std::fs::write(&policy, POLICY).context("write the demo's policy")?;
    let config = config(variables, &simulated.neighbours, data, policy)?;
    let telemetry = telemetry::start(&config)?;
    let bearer_token = config.webhook_token.as_ref().map(|token| token.expose_secret().to_owned());
    let has_model = config.llm.is_some();
    let app = App::start(config).await?;
    let address = format!("http://{}", app.address);
    let player = simulated.player();
    greet(&address, player.total(), has_model);

    let receiver = Receiver { url: format!("{address}/webhook/alertmanager"), bearer_token };
    let client = reqwest::Client::builder().build().context("make an HTTP client")?;
    let play = async {
        let all = async {
            player.play(&client, &receiver, |progress| println!("{}", line(&progress))).await;
            println!("\nAll notifications are delivered. The bot keeps running; Ctrl-C ends it.");
        };
        // Whatever is cured by an action ends its alerts, also after the recorded ones.
        tokio::join!(all, player.follow(&client, &receiver, |progress| println!("{}", line(&progress))));
    };
    let stop = terminated()?;
    let ended = app
        .run_until(async {
            tokio::select! {
                () = stop => {}
                () = play => {}
            }
        })
        .await;
    simulated.stop().await;
    telemetry.end().await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// The rights of a table: an account of the simulated cluster may do what one of a real cluster may, and no more.
pub fn rules(permissions: &[Permission]) -> Vec<Rule> {
    permissions.iter().map(|right| Rule::new(&[right.verb], right.group, right.resource)).collect()
}

/// Whose variables count: the bot's own, and those of neighbours that are not simulated.
const REAL: [&str; 5] = ["HOLMES_", "LLM_", "EMBEDDINGS_", "OPENWEBUI_", "OTEL_"];

/// The bot's own settings from the environment; what is simulated is the simulated one, whatever the environment says.
fn config(
    variables: &BTreeMap<String, String>,
    neighbours: &demo::Neighbours,
    data: PathBuf,
    policy: PathBuf,
) -> anyhow::Result<Config> {
    let mut own: BTreeMap<String, String> = variables
        .iter()
        .filter(|(name, _)| REAL.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    own.insert("METRICS_URL".into(), neighbours.metrics_url.clone());
    own.insert("LOGS_URL".into(), neighbours.logs_url.clone());
    own.entry("HOLMES_LOG".into()).or_insert_with(|| "warn".into());
    let mut config = Config::from_variables(&own)?;
    config.kubernetes = Some(KubernetesConfig::Plain(neighbours.kubernetes_url.clone()));
    config.actuator = Some(ActuatorConfig {
        source: ActuatorSource::Url {
            url: neighbours.kubernetes_url.clone(),
            token: SecretString::from(ACTUATOR_TOKEN.to_owned()),
        },
        people: BTreeMap::new(),
        timeout: ACTUATOR_TIMEOUT,
    });
    config.alertmanager_url = Some(neighbours.alertmanager_url.clone());
    config.data_dir = data;
    if config.policy_file.is_none() {
        // On a simulated cluster whoever looks may decide.
        let approver = Principal::new(PrincipalKind::Console, APPROVER).map_err(anyhow::Error::msg)?;
        config.console_guest = Some(Person::new(approver, APPROVER));
        config.policy_file = Some(policy);
    }
    config.store = StoreConfig::Embedded;
    Ok(config)
}

fn greet(address: &str, notifications: usize, has_model: bool) {
    println!("holmes-bot is listening on {address}, with a recorded cluster for neighbours.\n");
    println!("  Watch the incidents:   {address}/");
    println!("  As JSON:               curl -s {address}/api/v1/incidents");
    println!("  One, with evidence:    curl -s {address}/api/v1/incidents/ID");
    println!("  Look again:            curl -s -X POST {address}/api/v1/incidents/ID/investigate");
    if has_model {
        println!("  Ask something:         HOLMES_PUBLIC_URL={address} holmes-bot ask \"why is checkout down?\"\n");
    } else {
        println!("  With a model:          set LLM_BASE_URL, and incidents are explained and questions answered\n");
    }
    println!("{notifications} notifications of Alertmanager follow, each when it is due:\n");
}

fn line(progress: &Progress) -> String {
    let Progress { index, total, summary, delivery, .. } = progress;
    let outcome = match delivery {
        Delivery::Accepted => String::new(),
        Delivery::Refused(status) => format!("  refused with {status}"),
        Delivery::GivenUp(reason) => format!("  not delivered: {reason}"),
    };
    format!("[{index:>3}/{total}] {summary}{outcome}")
}
