//! The composition root: adapters → [`Context`] → router and workers; start, drain, stop.

mod chats;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware;
use chrono::{TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

pub use chats::{action_forms, mattermost_for_check, slack};

use crate::adapters::actuator::{Actuator, ActuatorConnection};
use crate::adapters::alertmanager::Silences;
use crate::adapters::cluster::{Cluster, Connection, ConnectionSource};
use crate::adapters::embeddings::Embeddings;
use crate::adapters::http::{Auth, ClientSettings, EndpointSettings};
use crate::adapters::knowledge::{Base, Knowledge, KnowledgeSettings, Library};
use crate::adapters::links::Grafana;
use crate::adapters::logs::{Logs, LogsSettings};
use crate::adapters::mattermost::Mattermost;
use crate::adapters::mattermost::socket::Socket;
use crate::adapters::metrics::{Metrics, MetricsSettings};
use crate::adapters::model::{Model, ModelSettings};
use crate::adapters::openwebui::{OpenWebui, OpenWebuiSettings};
use crate::adapters::store_embedded::EmbeddedStore;
use crate::adapters::store_redis::{RedisSettings, RedisStore};
use crate::config::{
    ActuatorConfig, Config, Credentials, EmbeddingsConfig, HttpNeighbour, KubernetesConfig, LlmConfig, LogsConfig,
    OpenWebuiConfig, StoreConfig,
};
use crate::domain::correlate::CorrelationRules;
use crate::domain::policy::Policy;
use crate::domain::redact::Redactor;
use crate::flow::deliver::pace::Rates;
use crate::flow::deliver::{Courier, Surface};
use crate::flow::execute::Hands;
use crate::flow::{Context, ModelUse, Sources, worker};
use crate::ports::{Clock, Store};
use crate::render::Renderer;
use crate::telemetry::Counters;
use crate::web::alertmanager::Webhook;
use crate::web::api::Api;
use crate::web::console::visitor::Doors;
use crate::web::console::{Console, RunbookText};
use crate::web::health::Health;
use crate::web::holmesgpt::{Desk, HolmesGpt};
use crate::web::knowledge::KnowledgeApi;
use crate::web::questions::Questions;
use crate::web::refusals::Refusals;
use crate::web::serve::serve;
use crate::web::{alertmanager, api, console, health, holmesgpt, host, knowledge as knowledge_api, questions};

/// How long a shutdown waits for what runs: less than Kubernetes' default grace period of 30 s.
const DRAIN: Duration = Duration::from_secs(20);
/// How long a start waits for Redis, which may be loading its data or failing over.
const STORE_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two tries.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How often old incidents are forgotten, at least; more often where little is kept.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// Shortest pause between two rounds of that.
const PRUNE_PAUSE: Duration = Duration::from_secs(10);

/// Longest small exchange with the model server; turns have a limit of their own.
const MODEL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest exchange with an embeddings server: a batch on a CPU.
const EMBEDDINGS_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest exchange with Open WebUI: adding a file embeds it. Searches have a shorter limit of their own.
const OPEN_WEBUI_TIMEOUT: Duration = Duration::from_secs(60);
/// A running bot.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    stopping: CancellationToken,
    tasks: JoinSet<(&'static str, anyhow::Result<()>)>,
}

impl App {
    /// Opens the store, makes the clients and starts to listen and to work. Neighbours may be down: they are asked when
    /// they are needed.
    ///
    /// # Errors
    /// When the store cannot be opened, a template or a client's configuration is wrong, or the address is taken.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_at(config, Arc::new(Utc::now)).await
    }

    /// The same by another clock.
    ///
    /// # Errors
    /// See [`App::start`].
    pub async fn start_at(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("listen on {}: is the port taken? (HOLMES_LISTEN)", config.listen))?;
        let address = listener.local_addr().context("read the listener's address")?;
        let counters = Arc::new(Counters::default());
        let store = store_in_time(&config).await?;
        let chats = chats::chats(&config, &*store, &clock).await?;
        let mut context = context(&config, Arc::clone(&store), Arc::clone(&clock), Arc::clone(&counters)).await?;
        context.chats = chats.uses;
        let context = Arc::new(context);
        let stopping = CancellationToken::new();

        let refusals = Arc::new(Refusals::new(Arc::clone(&store), Arc::clone(&clock)));
        let router = router(&config, &context, chats.mattermost.as_ref(), &refusals, &stopping)?;
        let mut tasks = JoinSet::new();
        let stop = stopping.clone();
        tasks.spawn(async move {
            serve(listener, router, stop).await;
            ("HTTP server", Ok(()))
        });
        let (inbox, stop) = (Arc::clone(&context), stopping.clone());
        tasks.spawn(async move {
            worker::inbox(inbox, stop).await;
            ("inbox worker", Ok(()))
        });
        let hands = actuator(&config).await?.map(|actuator| Arc::new(Hands::new(actuator)));
        let (timers, stop, concurrent) = (Arc::clone(&context), stopping.clone(), config.investigations);
        tasks.spawn(async move {
            worker::timers(timers, hands, concurrent, stop).await;
            ("timer worker", Ok(()))
        });
        if !context.chats.is_empty() {
            let stop = stopping.clone();
            tasks.spawn(async move {
                refusals.run(stop).await;
                ("refusals", Ok(()))
            });
        }
        for used in &context.chats {
            let courier = Courier::new(Surface::of(&context, used), Rates::default());
            let stop = stopping.clone();
            tasks.spawn(async move {
                courier.run(stop).await;
                ("chat outbox", Ok(()))
            });
        }
        let (knowledge, stop) = (Arc::clone(&context.knowledge), stopping.clone());
        tasks.spawn(async move {
            knowledge.keep_up(stop).await;
            ("knowledge", Ok(()))
        });
        if let Some(socket) = chats::slack_socket(&config, &context)? {
            let stop = stopping.clone();
            tasks.spawn(async move {
                socket.run(stop).await;
                ("Socket Mode", Ok(()))
            });
        }
        if let Some(chat) = chats.mattermost {
            let socket = Socket { chat, store: Arc::clone(&store), clock: Arc::clone(&clock) };
            let stop = stopping.clone();
            tasks.spawn(async move {
                socket.run(stop).await;
                ("Mattermost socket", Ok(()))
            });
        }
        let (stop, retention) = (stopping.clone(), config.retention);
        tasks.spawn(async move {
            prune(store, clock, retention, stop).await;
            ("retention", Ok(()))
        });
        Ok(Self { address, stopping, tasks })
    }

    /// Runs until `signal`, then drains. A task that ends by itself ends the bot: half a bot is worse than a restart.
    ///
    /// # Errors
    /// When a task died.
    pub async fn run_until(mut self, signal: impl Future<Output = ()>) -> anyhow::Result<()> {
        let died = tokio::select! {
            () = signal => None,
            ended = self.tasks.join_next() => Some(ended),
        };
        self.stopping.cancel();
        let drained = tokio::time::timeout(DRAIN, async { while self.tasks.join_next().await.is_some() {} }).await;
        match drained {
            Ok(()) => tracing::info!("stopped; everything that was begun is finished"),
            Err(_) => {
                tracing::warn!("stopped; what was not finished within {} s goes on after the restart", DRAIN.as_secs())
            }
        }
        match died {
            None => Ok(()),
            Some(Some(Ok((task, Ok(()))))) => Err(anyhow!("the {task} ended by itself")),
            Some(Some(Ok((task, Err(error))))) => Err(error.context(format!("the {task} ended"))),
            Some(Some(Err(error))) => Err(anyhow!(error).context("a task died")),
            Some(None) => Err(anyhow!("nothing runs")),
        }
    }
}

/// Where state is kept.
///
/// # Errors
/// When the file cannot be opened, or Redis does not answer.
pub async fn store(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    match redis(config).await? {
        Some(redis) => Ok(Arc::new(redis)),
        None => Ok(Arc::new(EmbeddedStore::open(&config.data_dir)?)),
    }
}

/// The store in Redis, if that is where state is kept.
///
/// # Errors
/// When Redis does not answer.
pub async fn redis(config: &Config) -> anyhow::Result<Option<RedisStore>> {
    let StoreConfig::Redis { address, ca_file, prefix, copies } = &config.store else { return Ok(None) };
    let ca = ca_file.as_ref().map(|file| std::fs::read(file).with_context(|| format!("read {}", file.display())));
    let settings =
        RedisSettings { address: address.clone(), ca: ca.transpose()?, prefix: prefix.clone(), copies: *copies };
    RedisStore::connect(settings).await.map(Some)
}

/// The store, with patience where it is a server.
async fn store_in_time(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
    let until = tokio::time::Instant::now() + STORE_WITHIN;
    loop {
        match store(config).await {
            Err(error) if matches!(config.store, StoreConfig::Redis { .. }) && tokio::time::Instant::now() < until => {
                tracing::warn!("{error:#}; trying again");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Everything that a use case may need.
///
/// # Errors
/// When a template or a client's configuration is wrong, or the store does not answer.
pub async fn context(
    config: &Config,
    store: Arc<dyn Store>,
    clock: Clock,
    counters: Arc<Counters>,
) -> anyhow::Result<Context> {
    let rules = CorrelationRules {
        reopen_within: TimeDelta::from_std(config.reopen_within).context("HOLMES_REOPEN_WITHIN")?,
        ..CorrelationRules::default()
    };
    let sources = sources(config).await?;
    let knowledge = Arc::new(knowledge(config, Arc::clone(&store), Arc::clone(&sources.runbooks)).await?);
    Ok(Context {
        store,
        clock,
        render: Arc::new(renderer(config)?),
        redactor: Redactor::new(),
        sources,
        knowledge,
        model: model(config)?,
        chats: Vec::new(),
        public_url: config.public_url.clone(),
        troubles: Arc::default(),
        policy: Arc::new(policy(config.policy_file.as_deref())?),
        can_act: config.actuator.is_some(),
        counters,
        rules,
        deadline: config.investigation_deadline,
    })
}

/// The clients for all configured neighbours.
///
/// # Errors
/// When a client's configuration is wrong (a CA file that is none, a kubeconfig that cannot be read).
pub async fn sources(config: &Config) -> anyhow::Result<Sources> {
    let (runbooks, problems) = Library::load(Base::Embedded, config.runbooks_dir.as_deref())?;
    for problem in problems {
        tracing::warn!("runbook {problem}");
    }
    let cluster = match &config.kubernetes {
        Some(kubernetes) => Some(cluster(kubernetes, config.investigation_deadline).await?),
        None => None,
    };
    Ok(Sources {
        metrics: config.metrics.as_ref().map(|metrics| self::metrics(metrics, config)).transpose()?,
        logs: config.logs.as_ref().map(|logs| self::logs(logs, config)).transpose()?,
        cluster,
        runbooks: Arc::new(runbooks),
    })
}

/// The language model, if one is configured.
///
/// # Errors
/// When its client's configuration is wrong.
pub fn model(config: &Config) -> anyhow::Result<Option<ModelUse>> {
    let Some(llm) = &config.llm else { return Ok(None) };
    let LlmConfig { http, model, context_tokens, concurrency, turn_deadline, answer_goal, .. } = llm;
    let client = Model::new(ModelSettings {
        endpoint: endpoint(http, MODEL_TIMEOUT)?,
        model: model.clone(),
        context_tokens: *context_tokens,
        concurrency: *concurrency,
        turn_timeout: *turn_deadline,
        goal: *answer_goal,
    });
    Ok(Some(ModelUse {
        client: client.context("configure the model client (LLM_BASE_URL)")?,
        explain_turns: llm.explain_turns,
        question_turns: llm.question_turns,
        answer_tokens: llm.answer_tokens,
        goal: llm.answer_goal,
        explain_deadline: llm.explain_deadline,
        question_deadline: llm.question_deadline,
    }))
}

/// What is written: runbooks, and what the store and Open WebUI hold.
///
/// # Errors
/// When a client's configuration is wrong, or the store does not answer.
pub async fn knowledge(config: &Config, store: Arc<dyn Store>, library: Arc<Library>) -> anyhow::Result<Knowledge> {
    Knowledge::load(KnowledgeSettings {
        store,
        library,
        embeddings: embeddings(config)?,
        open_webui: open_webui(config)?,
        public_url: config.public_url.clone(),
    })
    .await
}

/// The client of the embeddings server, if one is configured.
///
/// # Errors
/// When its configuration is wrong.
pub fn embeddings(config: &Config) -> anyhow::Result<Option<Embeddings>> {
    let Some(EmbeddingsConfig { http, model }) = &config.embeddings else { return Ok(None) };
    let made = Embeddings::new(endpoint(http, EMBEDDINGS_TIMEOUT)?, model.clone());
    made.context("configure the embeddings client (EMBEDDINGS_BASE_URL)").map(Some)
}

/// The client of Open WebUI, if it is configured.
///
/// # Errors
/// When its configuration is wrong.
pub fn open_webui(config: &Config) -> anyhow::Result<Option<OpenWebui>> {
    let Some(OpenWebuiConfig { http, collections }) = &config.open_webui else { return Ok(None) };
    let settings = OpenWebuiSettings { endpoint: endpoint(http, OPEN_WEBUI_TIMEOUT)?, names: collections.clone() };
    OpenWebui::new(settings).context("configure the Open WebUI client (OPENWEBUI_URL)").map(Some)
}

fn metrics(neighbour: &HttpNeighbour, config: &Config) -> anyhow::Result<Metrics> {
    let grafana = grafana(config, "prometheus");
    let settings =
        MetricsSettings { endpoint: endpoint(neighbour, config.investigation_deadline)?, public_url: None, grafana };
    Metrics::new(settings).context("configure the metrics client (METRICS_URL)")
}

fn logs(logs: &LogsConfig, config: &Config) -> anyhow::Result<Logs> {
    let LogsConfig { http, account_id, project_id, fields } = logs;
    let settings = LogsSettings {
        endpoint: endpoint(http, config.investigation_deadline)?,
        tenant: (account_id.is_some() || project_id.is_some())
            .then(|| (account_id.unwrap_or_default(), project_id.unwrap_or_default())),
        fields: fields.clone(),
        public_url: None,
        grafana: grafana(config, "victoriametrics-logs-datasource"),
    };
    Logs::new(settings).context("configure the logs client (LOGS_URL)")
}

fn grafana(config: &Config, plugin: &str) -> Option<Grafana> {
    let url = config.grafana_url.as_ref()?.parse().ok()?;
    Some(Grafana { url, datasource: None, plugin: plugin.to_owned() })
}

fn endpoint(neighbour: &HttpNeighbour, timeout: Duration) -> anyhow::Result<EndpointSettings> {
    let HttpNeighbour { url, credentials, ca_file } = neighbour;
    let auth = match credentials {
        Credentials::None => Auth::None,
        Credentials::Bearer(token) => Auth::Bearer(token.clone()),
        Credentials::Basic { username, password } => Auth::Basic { user: username.clone(), password: password.clone() },
    };
    let extra_ca = ca_file
        .as_ref()
        .map(|file| std::fs::read(file).with_context(|| format!("read {}", file.display())))
        .transpose()?;
    let client = ClientSettings { total_timeout: Some(timeout), extra_ca, ..ClientSettings::default() };
    Ok(EndpointSettings { url: url.clone(), auth, headers: Vec::new(), client })
}

/// What changes the cluster, where an account for it is configured.
///
/// # Errors
/// When its configuration is wrong.
pub async fn actuator(config: &Config) -> anyhow::Result<Option<Actuator>> {
    let Some(ActuatorConfig { source, people, timeout }) = &config.actuator else { return Ok(None) };
    let silences = config.alertmanager_url.as_ref().map(|url| {
        let client = ClientSettings { total_timeout: Some(*timeout), ..ClientSettings::default() };
        Silences::new(&EndpointSettings { url: url.clone(), client, ..EndpointSettings::default() })
    });
    let silences = silences.transpose().context("configure the Alertmanager client (ALERTMANAGER_URL)")?;
    let connection = ActuatorConnection { source: source.clone(), people: people.clone(), timeout: *timeout };
    let actuator = Actuator::connect(&connection, silences).await;
    actuator.context("configure the actuator (HOLMES_ACTUATOR_KUBECONFIG)").map(Some)
}

async fn cluster(kubernetes: &KubernetesConfig, timeout: Duration) -> anyhow::Result<Cluster> {
    let source = match kubernetes {
        KubernetesConfig::Kubeconfig(path) => ConnectionSource::Kubeconfig { path: path.clone(), context: None },
        KubernetesConfig::InCluster => ConnectionSource::InCluster,
        KubernetesConfig::Plain(url) => ConnectionSource::Url(url.clone()),
    };
    Cluster::connect(&Connection { source, timeout }).await.context("configure the Kubernetes client (KUBECONFIG)")
}

/// The policy in force: the operator's file, or the one under which nobody may approve anything.
///
/// # Errors
/// When the file cannot be read, or has errors: half of a policy may allow what the other half forbids.
pub fn policy(file: Option<&Path>) -> anyhow::Result<Policy> {
    let Some(file) = file else { return Ok(Policy::default()) };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("read the policy {name} (HOLMES_POLICY_FILE)"))?;
    let (policy, problems) = Policy::read(&name, &text);
    for problem in &problems {
        tracing::warn!("policy {problem}");
    }
    policy.with_context(|| {
        let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
        format!("the policy has errors (HOLMES_POLICY_FILE):\n  {}", all.join("\n  "))
    })
}

/// The renderer with the operator's templates over ours.
fn renderer(config: &Config) -> anyhow::Result<Renderer> {
    let overrides = match &config.templates_dir {
        Some(directory) => crate::adapters::files::read_all(directory).context("read HOLMES_TEMPLATES_DIR")?,
        None => Vec::new(),
    };
    Renderer::new(config.language, overrides).context("load templates")
}

fn router(
    config: &Config,
    context: &Arc<Context>,
    mattermost: Option<&Arc<Mattermost>>,
    refusals: &Arc<Refusals>,
    stopping: &CancellationToken,
) -> anyhow::Result<Router> {
    let store = || Arc::clone(&context.store);
    let counters = || Arc::clone(&context.counters);
    let clock = || Arc::clone(&context.clock);
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let own = Router::new()
        .merge(alertmanager::routes(Webhook {
            store: store(),
            clock: clock(),
            counters: counters(),
            token: config.webhook_token.clone(),
            max_bytes: config.webhook_max_bytes,
        }))
        .merge(api::routes(Api { store: store(), clock: clock(), token: config.api_token.clone() }))
        .merge(questions::routes(Questions { store: store(), clock: clock(), token: config.api_token.clone() }))
        .merge(holmesgpt::routes(HolmesGpt {
            desk: Desk::new(Arc::clone(context)),
            token: config.api_token.clone(),
            stopping: stopping.clone(),
        }))
        .merge(knowledge_api::routes(KnowledgeApi {
            knowledge: Arc::clone(&context.knowledge),
            clock: clock(),
            token: config.api_token.clone(),
        }))
        .merge(console(config, context, stopping));
    // Where a token is asked for, a page of a stranger has none; what chats send is signed.
    let tokenless = config.api_token.is_none();
    let own = if tokenless { own.layer(middleware::from_fn_with_state(public_host(config), host::check)) } else { own };
    let router = Router::new()
        .merge(own)
        .merge(health::routes(Health {
            store: store(),
            clock: clock(),
            chats: context.chats.iter().map(|used| used.chat.platform()).collect(),
            counters: counters(),
            troubles: Arc::clone(&context.troubles),
            stopping: stopping.clone(),
        }))
        .merge(chats::slack_web(config, context, refusals)?)
        .merge(chats::mattermost_routes(config, context, mattermost, refusals))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(CatchPanicLayer::new());
    Ok(router)
}

/// The name in the address under which people reach the console.
fn public_host(config: &Config) -> host::PublicHost {
    let url = reqwest::Url::parse(&config.public_url).ok();
    url.and_then(|url| url.host_str().map(Arc::from)).unwrap_or_else(|| Arc::from("localhost"))
}

/// The pages, behind the API's token where there is one.
fn console(config: &Config, context: &Context, stopping: &CancellationToken) -> Router {
    let library = Arc::clone(&context.sources.runbooks);
    let runbook = move |id: &str| {
        let runbook = library.get(id)?;
        Some(RunbookText { title: runbook.title.clone(), prose: runbook.prose.clone() })
    };
    let pages = console::routes(Console {
        store: Arc::clone(&context.store),
        render: Arc::clone(&context.render),
        clock: Arc::clone(&context.clock),
        runbooks: Arc::new(runbook),
        can_ask: context.model.is_some(),
        shutdown: stopping.clone(),
    });
    let doors = Doors {
        viewer: config.api_token.clone(),
        residents: config.residents.clone(),
        sso: config.sso.clone(),
        guest: config.console_guest.clone(),
    };
    console::guard(pages, doors, Arc::clone(&context.render), Arc::clone(&context.clock))
}

async fn prune(store: Arc<dyn Store>, clock: Clock, retention: Duration, stop: CancellationToken) {
    let pause = (retention / 10).clamp(PRUNE_PAUSE, PRUNE_EVERY);
    let retention = TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX);
    loop {
        let before = clock().checked_sub_signed(retention).unwrap_or_default();
        match store.prune(before).await {
            Ok(0) => {}
            Ok(incidents) => tracing::info!(incidents, "forgot {incidents} old incidents"),
            Err(error) => tracing::error!("forget old incidents: {error:#}"),
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
