//! The composition root: adapters → [`Context`] → router and workers; start, drain, stop.

mod chats;
mod neighbours;
mod state;
mod web;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chrono::{TimeDelta, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::state::{prune, store_in_time};
use self::web::router;
use crate::adapters::mattermost::socket::Socket;
use crate::config::Config;
use crate::domain::correlate::CorrelationRules;
use crate::domain::policy::Policy;
use crate::domain::redact::Redactor;
use crate::flow::deliver::pace::Rates;
use crate::flow::deliver::{Courier, Surface};
use crate::flow::execute::Hands;
use crate::flow::{Context, worker};
use crate::ports::{Clock, Store};
use crate::render::Renderer;
use crate::telemetry::Counters;
use crate::web::refusals::Refusals;
use crate::web::serve::serve;

pub use chats::{hearing, mattermost_for_check, slack};
pub use neighbours::{actuator, embeddings, knowledge, model, open_webui, runbooks, sources};
pub use state::{redis, store};

/// How long a shutdown waits for what runs: less than Kubernetes' default grace period of 30 s.
const DRAIN: Duration = Duration::from_secs(20);

/// A running bot.
pub struct App {
    /// Where it listens.
    pub address: SocketAddr,
    stopping: CancellationToken,
    telling: TaskTracker,
    tasks: JoinSet<&'static str>,
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
        let (stopping, telling) = (context.stopping.clone(), context.telling.clone());
        let context = Arc::new(context);

        let refusals = Arc::new(Refusals::new(Arc::clone(&store), Arc::clone(&clock)));
        let router = router(&config, &context, chats.mattermost.as_ref(), &refusals, &stopping)?;
        let mut tasks = JoinSet::new();
        let stop = stopping.clone();
        tasks.spawn(async move {
            serve(listener, router, stop).await;
            "HTTP server"
        });
        let (inbox, stop) = (Arc::clone(&context), stopping.clone());
        tasks.spawn(async move {
            worker::inbox(inbox, stop).await;
            "inbox worker"
        });
        let hands = actuator(&config).await?.map(|actuator| Arc::new(Hands::new(actuator)));
        let (timers, stop, concurrent) = (Arc::clone(&context), stopping.clone(), config.investigations);
        tasks.spawn(async move {
            worker::timers(timers, hands, concurrent, stop).await;
            "timer worker"
        });
        if !context.chats.is_empty() {
            let stop = stopping.clone();
            tasks.spawn(async move {
                refusals.run(stop).await;
                "refusals"
            });
        }
        for used in &context.chats {
            let courier = Courier::new(Surface::of(&context, used), Rates::default());
            let stop = stopping.clone();
            tasks.spawn(async move {
                courier.run(stop).await;
                "chat outbox"
            });
        }
        let (knowledge, stop) = (Arc::clone(&context.knowledge), stopping.clone());
        tasks.spawn(async move {
            knowledge.keep_up(stop).await;
            "knowledge"
        });
        if let Some(socket) = chats::slack_socket(&config, &context)? {
            let stop = stopping.clone();
            tasks.spawn(async move {
                socket.run(stop).await;
                "Socket Mode"
            });
        }
        if let Some(chat) = chats.mattermost {
            let socket = Socket { chat, hearing: chats::hearing_of(&context) };
            let stop = stopping.clone();
            tasks.spawn(async move {
                socket.run(stop).await;
                "Mattermost socket"
            });
        }
        let (stop, retention) = (stopping.clone(), config.retention);
        tasks.spawn(async move {
            prune(store, clock, retention, stop).await;
            "retention"
        });
        Ok(Self { address, stopping, telling, tasks })
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
        let drained = tokio::time::timeout(DRAIN, async {
            while self.tasks.join_next().await.is_some() {}
            self.telling.close();
            self.telling.wait().await;
        })
        .await;
        match drained {
            Ok(()) => tracing::info!("stopped; everything that was begun is finished"),
            Err(_) => {
                tracing::warn!("stopped; what was not finished within {} s goes on after the restart", DRAIN.as_secs())
            }
        }
        match died {
            None => Ok(()),
            Some(Some(Ok(task))) => Err(anyhow!("the {task} ended by itself")),
            Some(Some(Err(error))) => Err(anyhow!(error).context("a task died")),
            Some(None) => Err(anyhow!("nothing runs")),
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
        stopping: CancellationToken::new(),
        telling: TaskTracker::new(),
        policy: Arc::new(policy(config.policy_file.as_deref())?),
        can_act: config.actuator.is_some(),
        counters,
        rules,
        deadline: config.investigation_deadline,
    })
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
///
/// # Errors
/// When a template cannot be read, or is none.
pub fn renderer(config: &Config) -> anyhow::Result<Renderer> {
    let overrides = match &config.templates_dir {
        Some(directory) => crate::adapters::files::read_all(directory).context("read HOLMES_TEMPLATES_DIR")?,
        None => Vec::new(),
    };
    Renderer::new(config.language, overrides).context("load templates")
}
