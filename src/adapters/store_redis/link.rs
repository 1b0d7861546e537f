//! The connection to Redis: made when it is needed, shared by all, replaced when it breaks or leads to the wrong server.
//!
//! Nothing is repeated here: whoever called decides, since only they know whether it may happen twice. (A Cluster's
//! connection follows redirections by itself.)

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, SlotAddr};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind,
    TlsCertificates, TlsMode,
};

use super::address::{Address, Topology};
use super::args::{Answer, Args};
use super::fault::{needs_reconnect, unavailable};
use super::script::Script;
use crate::ports::StoreError;

/// Longest wait for a connection, its login included.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Longest wait for an answer. Scripts take milliseconds; a disk that syncs slowly takes a second.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// After a connection failed, how long others are told so without trying.
const PAUSE: Duration = Duration::from_millis(250);

enum Target {
    One(Client),
    Sentinel(tokio::sync::Mutex<SentinelClient>),
    Cluster { client: ClusterClient, seeds: Vec<Client> },
}

#[derive(Clone)]
enum Wire {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

#[derive(Default)]
struct Current {
    wire: Option<Wire>,
    /// Rises with every connection, so that a late complaint does not end a new one.
    number: u64,
    failed: Option<(Instant, String)>,
}

/// See the module.
pub(super) struct Link {
    target: Target,
    /// `{holmes}`: what every key begins with, in the braces that keep them in one slot of a Cluster.
    base: String,
    current: Mutex<Current>,
    /// Held while a connection is made: one try serves everybody.
    connecting: tokio::sync::Mutex<()>,
}

impl Link {
    /// Prepares; nothing is connected yet.
    pub(super) fn new(address: &Address, ca: Option<Vec<u8>>, prefix: &str) -> anyhow::Result<Self> {
        let target = target(address, ca).map_err(|error| anyhow!("{error}"))?;
        Ok(Self {
            target,
            base: format!("{{{prefix}}}"),
            current: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        })
    }

    /// The full name of a key.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.base)
    }

    /// Runs a script.
    pub(super) async fn run(&self, script: &Script, args: &Args) -> Result<Answer, StoreError> {
        let (name, code) = script.named();
        let command = |verb: &str, script: &str| {
            let mut command = redis::cmd(verb);
            command.arg(script).arg(1).arg(&self.base);
            for arg in &args.0 {
                command.arg(arg.as_slice());
            }
            command
        };
        let (mut wire, number) = self.wire().await?;
        let mut answer: RedisResult<Vec<Vec<u8>>> = ask(&mut wire, &command("EVALSHA", name)).await;
        // A server that was started anew has forgotten the script; nothing was done.
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)) {
            answer = ask(&mut wire, &command("EVAL", code)).await;
        }
        answer.map(Answer::new).map_err(|error| self.complain(number, &error))
    }

    /// Sends a command.
    pub(super) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let (mut wire, number) = self.wire().await?;
        ask(&mut wire, command).await.map_err(|error| self.complain(number, &error))
    }

    /// Waits until `copies` replicas have what was written, for so many milliseconds at most; how many have it.
    pub(super) async fn wait(&self, copies: usize, within_ms: u64) -> Result<usize, StoreError> {
        let mut command = redis::cmd("WAIT");
        command.arg(copies).arg(within_ms);
        let (mut wire, number) = self.wire().await?;
        let answer = match &mut wire {
            Wire::One(connection) => command.query_async(connection).await,
            // By itself it would go to every shard, and the fewest copies of any of them be the answer, whatever those hold.
            Wire::Cluster(connection) => {
                let ours = SingleNodeRoutingInfo::SpecificNode(Route::with_key(&self.base, SlotAddr::Master));
                let answer = connection.route_command(command, RoutingInfo::SingleNode(ours)).await;
                answer.and_then(|answer| Ok(redis::from_redis_value(answer)?))
            }
        };
        answer.map_err(|error| self.complain(number, &error))
    }

    /// A connection of its own that receives what is published on `channel`.
    pub(super) async fn subscribe(&self, channel: &str) -> Result<PubSub, StoreError> {
        let subscribed = tokio::time::timeout(CONNECT_WITHIN, async {
            let client = match &self.target {
                Target::One(client) => client.clone(),
                Target::Sentinel(client) => client.lock().await.async_get_client().await?,
                // What is published on one node is heard on all.
                Target::Cluster { seeds, .. } => return subscribe_any(seeds, channel).await,
            };
            subscribe(&client, channel).await
        });
        match subscribed.await {
            Ok(Ok(subscription)) => Ok(subscription),
            Ok(Err(error)) => Err(unavailable(&error)),
            Err(_) => Err(StoreError::Unavailable(anyhow!("Redis did not answer in time"))),
        }
    }

    /// Asks each server that the address names (the primary, for sentinels).
    pub(super) async fn ask_each(&self, command: &Cmd) -> Vec<(String, Result<String, StoreError>)> {
        let clients = match &self.target {
            Target::One(client) => vec![client.clone()],
            Target::Cluster { seeds, .. } => seeds.clone(),
            Target::Sentinel(client) => match client.lock().await.async_get_client().await {
                Ok(client) => vec![client],
                Err(error) => return vec![("sentinels".into(), Err(unavailable(&error)))],
            },
        };
        let mut answers = Vec::new();
        for client in clients {
            let name = client.get_connection_info().addr().to_string();
            let asked = tokio::time::timeout(CONNECT_WITHIN, async {
                let mut connection = client.get_multiplexed_async_connection_with_config(&config()).await?;
                command.query_async::<String>(&mut connection).await
            });
            let answer = match asked.await {
                Ok(answer) => answer.map_err(|error| unavailable(&error)),
                Err(_) => Err(StoreError::Unavailable(anyhow!("Redis did not answer in time"))),
            };
            answers.push((name, answer));
        }
        answers
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection, or why there is none; `None` where one has to be made.
    fn known(&self) -> Option<Result<(Wire, u64), StoreError>> {
        let current = self.current();
        if let Some(wire) = &current.wire {
            return Some(Ok((wire.clone(), current.number)));
        }
        let (at, why) = current.failed.as_ref()?;
        (at.elapsed() < PAUSE).then(|| Err(StoreError::Unavailable(anyhow!("{why}"))))
    }

    async fn wire(&self) -> Result<(Wire, u64), StoreError> {
        if let Some(known) = self.known() {
            return known;
        }
        let _alone = self.connecting.lock().await;
        if let Some(known) = self.known() {
            return known;
        }
        let made = match tokio::time::timeout(CONNECT_WITHIN, connect(&self.target)).await {
            Ok(made) => made.map_err(|error| unavailable(&error)),
            Err(_) => Err(StoreError::Unavailable(anyhow!("no connection to Redis in time"))),
        };
        let mut current = self.current();
        match made {
            Ok(wire) => {
                current.number += 1;
                current.failed = None;
                current.wire = Some(wire.clone());
                Ok((wire, current.number))
            }
            Err(StoreError::Unavailable(why)) => {
                current.failed = Some((Instant::now(), format!("{why:#}")));
                Err(StoreError::Unavailable(why))
            }
            Err(other) => Err(other),
        }
    }

    /// Puts a connection away that is of no use, and says what happened.
    fn complain(&self, number: u64, error: &RedisError) -> StoreError {
        if needs_reconnect(error) {
            let mut current = self.current();
            if current.number == number {
                current.wire = None;
            }
        }
        unavailable(error)
    }
}

async fn ask<T: FromRedisValue>(wire: &mut Wire, command: &Cmd) -> RedisResult<T> {
    match wire {
        Wire::One(connection) => command.query_async(connection).await,
        Wire::Cluster(connection) => command.query_async(connection).await,
    }
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_WITHIN)).set_response_timeout(Some(ANSWER_WITHIN))
}

fn target(address: &Address, ca: Option<Vec<u8>>) -> RedisResult<Target> {
    let Address { topology, nodes, tls, .. } = address;
    let certificates = tls.then(|| TlsCertificates { client_tls: None, root_cert: ca });
    let client = |node: &redis::ConnectionInfo| match &certificates {
        Some(certificates) => Client::build_with_tls(node.clone(), certificates.clone()),
        None => Client::open(node.clone()),
    };
    let seeds = || nodes.iter().map(client).collect::<RedisResult<Vec<Client>>>();
    let first = || nodes.first().ok_or_else(|| RedisError::from((ErrorKind::InvalidClientConfig, "no address")));
    match topology {
        Topology::One => Ok(Target::One(client(first()?)?)),
        Topology::Cluster => {
            let mut builder = ClusterClientBuilder::new(nodes.clone())
                .connection_timeout(CONNECT_WITHIN)
                .response_timeout(ANSWER_WITHIN);
            if let Some(certificates) = &certificates {
                builder = builder.certs(certificates.clone());
            }
            Ok(Target::Cluster { client: builder.build()?, seeds: seeds()? })
        }
        Topology::Sentinel { service, login } => {
            let addresses = nodes.iter().map(|node| node.addr().clone());
            let mut builder = SentinelClientBuilder::new(addresses, service, SentinelServerType::Master)?;
            let settings = first()?.redis_settings();
            builder = builder.set_client_to_redis_db(settings.db());
            if let Some(user) = settings.username() {
                builder = builder.set_client_to_redis_username(user);
            }
            if let Some(password) = settings.password() {
                builder = builder.set_client_to_redis_password(password);
            }
            if let Some(certificates) = &certificates {
                builder = builder
                    .set_client_to_redis_tls_mode(TlsMode::Secure)
                    .set_client_to_redis_certificates(certificates.clone())
                    .set_client_to_sentinel_certificates(certificates.clone());
            }
            if let Some((user, password)) = login {
                builder = builder.set_client_to_sentinel_password(password);
                if !user.is_empty() {
                    builder = builder.set_client_to_sentinel_username(user);
                }
            }
            Ok(Target::Sentinel(tokio::sync::Mutex::new(builder.build()?)))
        }
    }
}

async fn connect(target: &Target) -> RedisResult<Wire> {
    match target {
        Target::One(client) => Ok(Wire::One(client.get_multiplexed_async_connection_with_config(&config()).await?)),
        Target::Sentinel(client) => {
            let mut client = client.lock().await;
            Ok(Wire::One(client.get_async_connection_with_config(&config()).await?))
        }
        Target::Cluster { client, .. } => Ok(Wire::Cluster(client.get_async_connection().await?)),
    }
}

async fn subscribe(client: &Client, channel: &str) -> RedisResult<PubSub> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    Ok(subscription)
}

async fn subscribe_any(seeds: &[Client], channel: &str) -> RedisResult<PubSub> {
    let mut last = RedisError::from((ErrorKind::InvalidClientConfig, "no address"));
    for seed in seeds {
        match subscribe(seed, channel).await {
            Ok(subscription) => return Ok(subscription),
            Err(error) => last = error,
        }
    }
    Err(last)
}
