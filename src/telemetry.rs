//! What the bot says about itself: its log, and counters in Prometheus' text format.

pub mod troubles;

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::config::LogFormat;

/// Starts logging to standard error. Called once, by `main`.
///
/// # Errors
/// When the filter is not in `tracing`'s syntax, or logging was started before.
pub fn start_log(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    use anyhow::Context as _;
    let filter = tracing_subscriber::EnvFilter::try_new(filter).context("HOLMES_LOG: read the filter")?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("start the log: {error}"))
}

/// The label of a counter that tells how something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Ended {
    /// What, e.g. a source's name or an HTTP status.
    pub of: String,
    /// `ok`, `error`, `timeout`, `refused`.
    pub result: &'static str,
}

/// Everything the bot counts. Held by whoever counts; there is no global registry.
#[derive(Debug)]
pub struct Counters {
    registry: Registry,
    /// Webhook deliveries by result.
    pub notifications: Family<Ended, Counter>,
    /// Alerts that were delivered.
    pub alerts: Counter,
    /// Incidents opened.
    pub incidents_opened: Counter,
    /// Incidents resolved.
    pub incidents_resolved: Counter,
    /// Incidents open now; set when scraped.
    pub incidents_open: Gauge,
    /// Events that wait in the inbox; set when scraped.
    pub inbox_waiting: Gauge,
    /// Events given up; set when scraped.
    pub inbox_dead: Gauge,
    /// Investigations by result.
    pub investigations: Family<Ended, Counter>,
    /// How long an investigation took.
    pub investigation_seconds: Histogram,
    /// From delivery to the first message of a thread.
    pub first_message_seconds: Histogram,
    /// From delivery to durable acknowledgement.
    pub acknowledge_seconds: Histogram,
    /// Questions to neighbours by source and result.
    pub queries: Family<Ended, Counter>,
    /// Presses of controls by name.
    pub presses: Family<Ended, Counter>,
    /// Commands by verb.
    pub commands: Family<Ended, Counter>,
    /// Messages to chats by platform and result.
    pub messages: Family<Ended, Counter>,
    /// What chats sent (commands, clicks, dialogs) by kind and result.
    pub callbacks: Family<Ended, Counter>,
    /// Bytes of memory in use by this process; set when scraped.
    pub resident_bytes: Gauge<u64, AtomicU64>,
}

impl Default for Counters {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("holmes");
        let buckets =
            || [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0].into_iter();
        let counters = Self {
            notifications: Family::default(),
            alerts: Counter::default(),
            incidents_opened: Counter::default(),
            incidents_resolved: Counter::default(),
            incidents_open: Gauge::default(),
            inbox_waiting: Gauge::default(),
            inbox_dead: Gauge::default(),
            investigations: Family::default(),
            investigation_seconds: Histogram::new(buckets()),
            first_message_seconds: Histogram::new(buckets()),
            acknowledge_seconds: Histogram::new(buckets()),
            queries: Family::default(),
            presses: Family::default(),
            commands: Family::default(),
            messages: Family::default(),
            callbacks: Family::default(),
            resident_bytes: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("notifications", "Webhook deliveries", counters.notifications.clone());
        registry.register("alerts", "Alerts delivered", counters.alerts.clone());
        registry.register("incidents_opened", "Incidents opened", counters.incidents_opened.clone());
        registry.register("incidents_resolved", "Incidents resolved", counters.incidents_resolved.clone());
        registry.register("incidents_open", "Incidents open now", counters.incidents_open.clone());
        registry.register("inbox_waiting", "Events that wait to be handled", counters.inbox_waiting.clone());
        registry.register("inbox_dead", "Events given up after too many attempts", counters.inbox_dead.clone());
        registry.register("investigations", "Investigations", counters.investigations.clone());
        let seconds = |registry: &mut Registry, name: &str, help: &str, histogram: &Histogram| {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        };
        seconds(&mut registry, "investigation", "Duration of an investigation", &counters.investigation_seconds);
        seconds(&mut registry, "first_message", "From delivery to the first message", &counters.first_message_seconds);
        seconds(
            &mut registry,
            "acknowledge",
            "From delivery to durable acknowledgement",
            &counters.acknowledge_seconds,
        );
        registry.register("queries", "Questions to neighbours", counters.queries.clone());
        registry.register("presses", "Controls pressed", counters.presses.clone());
        registry.register("commands", "Commands typed", counters.commands.clone());
        registry.register("messages", "Messages to chats", counters.messages.clone());
        registry.register("callbacks", "Commands, clicks and dialogs of chats", counters.callbacks.clone());
        registry.register_with_unit("resident", "Memory in use", Unit::Bytes, counters.resident_bytes.clone());
        Self { registry, ..counters }
    }
}

impl Counters {
    /// All counters in Prometheus' (OpenMetrics) text format.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_text() {
        let counters = Counters::default();
        counters.alerts.inc_by(3);
        counters.notifications.get_or_create(&Ended { of: "webhook".into(), result: "ok" }).inc();
        let text = counters.text();
        assert!(text.contains("holmes_alerts_total 3"), "{text}");
        assert!(text.contains(r#"holmes_notifications_total{of="webhook",result="ok"} 1"#), "{text}");
    }
}
