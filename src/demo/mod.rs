//! A small simulated cluster: a recorded world, played back through the real HTTP APIs of VictoriaMetrics, VictoriaLogs,
//! Kubernetes and Alertmanager, with its notifications sent to a webhook. Kubernetes and Alertmanager can be written to;
//! what is cured in Kubernetes ends its alerts and its curves.
//!
//! The demo shows the bot at work without a cluster; the tests use the same servers as fakes. They therefore refuse what
//! the real ones refuse, and are general: any world recorded in the same files can be played.
//!
//! Reading order: [`World`] (what was recorded), [`Timeline`] (when it happens), [`start`] (the servers), [`Player`]
//! (the notifications), [`Faults`] (when things go wrong).

mod alertmanager;
mod cures;
mod faults;
mod files;
mod http;
mod kubernetes;
mod logs;
mod logsql;
mod metrics;
mod play;
mod promql;
mod shift;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod time;
mod world;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

pub use faults::{Fault, Faults, Neighbour};
pub use kubernetes::{Access, Call, Calls, READER, Rule};
pub use play::{Delivery, Player, Progress, Receiver};
pub use time::Timeline;
pub use world::World;

/// How long the servers may take to finish their last answers.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Where the simulated neighbours listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbours {
    /// The base URL of VictoriaMetrics.
    pub metrics_url: String,
    /// The base URL of VictoriaLogs.
    pub logs_url: String,
    /// The base URL of the Kubernetes API (plain HTTP; any or no credentials will do).
    pub kubernetes_url: String,
    /// The base URL of Alertmanager.
    pub alertmanager_url: String,
}

/// A started world. Dropping it stops the servers.
pub struct Running {
    /// Where to find the servers.
    pub neighbours: Neighbours,
    /// The switches that make them fail.
    pub faults: Faults,
    /// What the Kubernetes API was asked for.
    pub calls: Calls,
    /// Who the Kubernetes API knows, and what they may do.
    pub access: Access,
    cluster: Arc<kubernetes::Server>,
    player: Player,
    servers: JoinSet<()>,
    stop: DropGuard,
}

/// Starts the four servers on free ports of the loopback interface. From this moment on the world's clock runs.
pub async fn start(world: World, timeline: Timeline) -> Result<Running> {
    let clock = time::Clock::start(world.span(), timeline);
    let world = world.shifted(clock.shift());
    let faults = Faults::default();
    let stop = CancellationToken::new();
    let mut servers = JoinSet::new();

    let cures = cures::Cures::default();
    let cluster = kubernetes::Server::new(
        world.objects,
        world.pod_logs,
        world.logs.clone(),
        clock.clone(),
        world.truth,
        cures.clone(),
    );
    let metrics = metrics::router(world.series, clock.clone(), cures.clone());
    let logs = logs::router(world.logs, clock.clone());
    let alerts = alertmanager::router(clock.clone());
    let neighbours = Neighbours {
        metrics_url: serve(&mut servers, metrics, &faults, Neighbour::Metrics, &stop).await?,
        logs_url: serve(&mut servers, logs, &faults, Neighbour::Logs, &stop).await?,
        kubernetes_url: serve(&mut servers, cluster.clone().router(), &faults, Neighbour::Kubernetes, &stop).await?,
        alertmanager_url: serve(&mut servers, alerts, &faults, Neighbour::Alertmanager, &stop).await?,
    };
    let (calls, access) = (cluster.calls.clone(), cluster.access.clone());
    let player = Player::new(world.notifications, clock, cures);
    Ok(Running { neighbours, faults, calls, access, cluster, player, servers, stop: stop.drop_guard() })
}

impl Running {
    /// The notifications, to be sent to the bot.
    pub fn player(&self) -> Player {
        self.player.clone()
    }

    /// Lets the continue tokens that the Kubernetes API gave out so far expire: going on with one is then 410.
    pub fn expire_continue_tokens(&self) {
        self.cluster.tokens.expire();
    }

    /// From now on the controllers of the Kubernetes API take no time: a pod is ready with the next request.
    pub fn hurry_controllers(&self) {
        self.cluster.hurry();
    }

    /// Stops the servers and waits until they have stopped.
    pub async fn stop(mut self) {
        self.stop.disarm().cancel();
        let all_stopped = async { while self.servers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WITHIN, all_stopped).await.is_err() {
            tracing::warn!("the simulated servers did not stop in time and are ended");
        }
    }
}

/// Starts one server and returns its base URL.
async fn serve(
    servers: &mut JoinSet<()>,
    router: Router,
    faults: &Faults,
    neighbour: Neighbour,
    stop: &CancellationToken,
) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .with_context(|| format!("bind a port for the simulated {neighbour:?}"))?;
    let address = listener.local_addr().context("read the bound address")?;
    let router = router
        .layer(middleware::from_fn_with_state((faults.clone(), neighbour), faults::apply))
        .layer(middleware::from_fn_with_state(stop.clone(), until_stopped));
    let stopped = stop.clone().cancelled_owned();
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stopped).await {
            tracing::error!(%error, ?neighbour, "a simulated server ended");
        }
    });
    Ok(format!("http://{address}"))
}

/// Ends requests that hang when the server stops.
async fn until_stopped(State(stop): State<CancellationToken>, request: Request, next: Next) -> Response {
    tokio::select! {
        response = next.run(request) => response,
        () = stop.cancelled() => http::reply(StatusCode::SERVICE_UNAVAILABLE, "text/plain; charset=utf-8", "stopping\n"),
    }
}
