//! What the bot says about itself: its log, its traces, its counters, and what needs a person now.

mod collector;
pub mod counters;
mod log;
mod one_line;
pub mod trace;
pub mod troubles;

use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::filter::{EnvFilter, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::adapters::check::CheckLine;
use crate::config::{Config, LogFormat, TracesConfig};

pub use counters::{Counters, Ended};

/// How long an end waits for the collector to take the last spans: with `app`'s own wait less than Kubernetes' default
/// grace period of 30 s.
const FLUSH: Duration = Duration::from_secs(5);
/// Our own spans; those of libraries tell nothing of an incident.
const OURS: &str = "holmes_bot";

/// What was started, to be ended with the process.
#[must_use = "what waits to be sent is lost without `end`"]
pub struct Telemetry {
    recorder: Option<SdkTracerProvider>,
}

/// Starts log and traces. Called once, by a command that serves.
///
/// # Errors
/// When the filter is not in `tracing`'s syntax, the collector's address or CA file cannot be used, or the log was started
/// before. A collector that does not answer is no error.
pub fn start(config: &Config) -> anyhow::Result<Telemetry> {
    let filter = EnvFilter::try_new(&config.log_filter).context("HOLMES_LOG: read the filter")?;
    let recorder = config.traces.as_ref().map(collector::recorder).transpose()?;
    let is_named = config.log_format == LogFormat::Json;
    let spans = recorder.clone().or_else(|| is_named.then(collector::namer)).map(|provider| {
        let ours = Targets::new().with_target(OURS, LevelFilter::INFO);
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(OURS))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(ours.and(filter_fn(|metadata| metadata.is_span())))
    });
    let subscriber = tracing_subscriber::registry().with(spans).with(log::layer(filter, config.log_format));
    subscriber.try_init().context("start the log")?;
    Ok(Telemetry { recorder })
}

/// What can be said of the collector of traces.
pub async fn check(config: &TracesConfig) -> CheckLine {
    collector::check(config).await
}

impl Telemetry {
    /// Sends what waits, as far as the collector takes it in time.
    pub async fn end(self) {
        let Some(recorder) = self.recorder else { return };
        // It waits for a thread that sends by this runtime.
        let ended = tokio::task::spawn_blocking(move || recorder.shutdown_with_timeout(FLUSH)).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the last spans were not taken within {} s", FLUSH.as_secs());
        }
    }
}
