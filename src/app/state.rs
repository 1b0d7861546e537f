//! Where state is kept, and for how long.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

use crate::adapters::store_embedded::EmbeddedStore;
use crate::adapters::store_redis::{RedisSettings, RedisStore};
use crate::config::{Config, StoreConfig};
use crate::ports::{Clock, Store};

/// How long a start waits for Redis, which may be loading its data or failing over.
const STORE_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two tries.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How often old incidents are forgotten, at least; more often where little is kept.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);
/// Shortest pause between two rounds of that.
const PRUNE_PAUSE: Duration = Duration::from_secs(10);

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
pub(super) async fn store_in_time(config: &Config) -> anyhow::Result<Arc<dyn Store>> {
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

/// Forgets old incidents until `stop`.
pub(super) async fn prune(store: Arc<dyn Store>, clock: Clock, retention: Duration, stop: CancellationToken) {
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
