//! Counters, gauges and histograms in Prometheus' text format, as `/metrics` answers them.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::TimeDelta;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::trace;
use crate::domain::evidence::Source;

/// Buckets for what takes milliseconds to half a minute.
const QUICK: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Buckets for a model's turn: a small answer on a graphics card, up to the longest that is waited for.
const TURN: [f64; 11] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0, 90.0, 300.0];
/// Buckets for what waits for people: half a minute to three days.
const HUMAN: [f64; 14] = [
    30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 14_400.0, 28_800.0, 86_400.0, 172_800.0,
    259_200.0,
];
/// Buckets for turns of one conversation; more than 40 cannot be configured.
const TURNS: [f64; 9] = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0];
/// Buckets for tokens of one conversation: a word to a long context, several times over.
const TOKENS: [f64; 10] = [100.0, 300.0, 1_000.0, 3_000.0, 6_000.0, 12_000.0, 25_000.0, 50_000.0, 100_000.0, 300_000.0];

/// The label of a counter that tells how something ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Ended {
    /// What, e.g. a source's name or an HTTP status.
    pub of: String,
    /// `ok`, `error`, `timeout`, `refused`.
    pub result: &'static str,
}

/// The label of what is told of each chat.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfChat {
    /// `slack`, `mattermost`.
    pub chat: &'static str,
}

/// The label of a decision.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfDecision {
    /// `approved`, `rejected`.
    pub decision: &'static str,
}

/// The label of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfTokens {
    /// `prompt`, `completion`.
    pub kind: &'static str,
}

/// What an exemplar leads to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfTrace {
    trace_id: String,
}

/// A distribution of seconds. An observation in a recorded trace leads to it, by an exemplar.
#[derive(Debug, Clone)]
pub struct Seconds(HistogramWithExemplars<OfTrace>);

impl Seconds {
    fn new(buckets: impl IntoIterator<Item = f64>) -> Self {
        Self(HistogramWithExemplars::new(buckets.into_iter()))
    }

    /// Counts what took so long.
    pub fn observe(&self, took: Duration) {
        let exemplar = trace::recorded_id().map(|trace_id| OfTrace { trace_id });
        self.0.observe(took.as_secs_f64(), exemplar, None);
    }

    /// The same of two moments, see [`seconds`].
    pub fn observe_between(&self, took: TimeDelta) {
        self.observe(took.to_std().unwrap_or_default());
    }
}

/// The seconds between two moments by the bot's clock; one that was set back meanwhile counts as no time.
pub fn seconds(took: TimeDelta) -> f64 {
    took.to_std().unwrap_or_default().as_secs_f64()
}

/// A family of histograms, whose members have the same buckets.
type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

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
    /// Whether the store answered; set when scraped, 1 or 0.
    pub store_up: Gauge,
    /// Events that wait in the inbox; set when scraped.
    pub inbox_waiting: Gauge,
    /// Seconds that the oldest event waits; set when scraped.
    pub inbox_oldest_seconds: Gauge<f64, AtomicU64>,
    /// Events given up; set when scraped.
    pub inbox_dead: Gauge,
    /// Incidents that a chat does not yet show as they are; set when scraped.
    pub outbox_waiting: Family<OfChat, Gauge>,
    /// Seconds that the oldest of them waits; set when scraped.
    pub outbox_oldest_seconds: Family<OfChat, Gauge<f64, AtomicU64>>,
    /// Proposals that wait for people; set when scraped.
    pub approvals_waiting: Gauge,
    /// Seconds that the oldest of them waits; set when scraped.
    pub approvals_oldest_seconds: Gauge<f64, AtomicU64>,
    /// Investigations by result.
    pub investigations: Family<Ended, Counter>,
    /// How long an investigation took.
    pub investigation_seconds: Seconds,
    /// From delivery to the first message of a thread.
    pub first_message_seconds: Seconds,
    /// From delivery to durable acknowledgement.
    pub acknowledge_seconds: Seconds,
    /// From an incident's opening until somebody takes care of it: the mean of it is the MTTA.
    pub time_to_acknowledge: Histogram,
    /// From the first alert until the last has ended: the mean of it is the MTTR.
    pub time_to_resolve: Histogram,
    /// From a proposal until people decided.
    pub approval_seconds: Histograms<OfDecision>,
    /// Turns of the model by who waited (`person`, `automatic`) and result.
    pub model_turns: Family<Ended, Counter>,
    /// How long a turn of the model took, its waiting for others included.
    pub model_turn_seconds: Seconds,
    /// Tokens that the model read and wrote.
    pub model_tokens: Family<OfTokens, Counter>,
    /// Turns of a conversation.
    pub conversation_turns: Histogram,
    /// Tokens of a conversation.
    pub conversation_tokens: Histograms<OfTokens>,
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
        let mut counters = Self {
            registry: Registry::with_prefix("holmes"),
            notifications: Family::default(),
            alerts: Counter::default(),
            incidents_opened: Counter::default(),
            incidents_resolved: Counter::default(),
            incidents_open: Gauge::default(),
            store_up: Gauge::default(),
            inbox_waiting: Gauge::default(),
            inbox_oldest_seconds: Gauge::default(),
            inbox_dead: Gauge::default(),
            outbox_waiting: Family::default(),
            outbox_oldest_seconds: Family::default(),
            approvals_waiting: Gauge::default(),
            approvals_oldest_seconds: Gauge::default(),
            investigations: Family::default(),
            investigation_seconds: Seconds::new(QUICK),
            first_message_seconds: Seconds::new(QUICK),
            acknowledge_seconds: Seconds::new(QUICK),
            time_to_acknowledge: Histogram::new(HUMAN),
            time_to_resolve: Histogram::new(HUMAN),
            approval_seconds: Family::new_with_constructor(|| Histogram::new(HUMAN)),
            model_turns: Family::default(),
            model_turn_seconds: Seconds::new(TURN),
            model_tokens: Family::default(),
            conversation_turns: Histogram::new(TURNS),
            conversation_tokens: Family::new_with_constructor(|| Histogram::new(TOKENS)),
            queries: Family::default(),
            presses: Family::default(),
            commands: Family::default(),
            messages: Family::default(),
            callbacks: Family::default(),
            resident_bytes: Gauge::default(),
        };
        counters.begin();
        counters.register_incidents();
        counters.register_queues();
        counters.register_work();
        counters.register_model();
        counters.register_chats();
        counters
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

    /// Counts what a model read and wrote.
    pub fn count_tokens(&self, kind: &'static str, tokens: u32) {
        self.model_tokens.get_or_create(&OfTokens { kind }).inc_by(u64::from(tokens));
    }

    /// Members whose names are known from the beginning stand at 0 until something happens: a rate over the first failure
    /// sees it, and whoever asks for a metric finds it.
    fn begin(&self) {
        let zero = |family: &Family<Ended, Counter>, of: &str, results: &[&'static str]| {
            for result in results {
                drop(family.get_or_create(&Ended { of: of.to_owned(), result }));
            }
        };
        zero(&self.notifications, "alertmanager", &["ok", "error", "refused"]);
        zero(&self.investigations, "alert", &["ok"]);
        for source in Source::ALL {
            zero(&self.queries, source.as_str(), &["ok", "error", "timeout"]);
        }
        for who in ["person", "automatic"] {
            zero(&self.model_turns, who, &["ok", "refused", "error", "timeout"]);
        }
        for kind in ["prompt", "completion"] {
            drop(self.model_tokens.get_or_create(&OfTokens { kind }));
            drop(self.conversation_tokens.get_or_create(&OfTokens { kind }));
        }
        for decision in ["approved", "rejected"] {
            drop(self.approval_seconds.get_or_create(&OfDecision { decision }));
        }
    }

    fn register_incidents(&mut self) {
        let registry = &mut self.registry;
        registry.register("notifications", "Webhook deliveries", self.notifications.clone());
        registry.register("alerts", "Alerts delivered", self.alerts.clone());
        registry.register("incidents_opened", "Incidents opened", self.incidents_opened.clone());
        registry.register("incidents_resolved", "Incidents resolved", self.incidents_resolved.clone());
        registry.register("incidents_open", "Incidents open now", self.incidents_open.clone());
        registry.register_with_unit(
            "time_to_acknowledge",
            "From an incident's opening until somebody takes care of it",
            Unit::Seconds,
            self.time_to_acknowledge.clone(),
        );
        registry.register_with_unit(
            "time_to_resolve",
            "From an incident's first alert until its last has ended",
            Unit::Seconds,
            self.time_to_resolve.clone(),
        );
    }

    fn register_queues(&mut self) {
        let registry = &mut self.registry;
        registry.register("store_up", "Whether the store answered this scrape", self.store_up.clone());
        registry.register("inbox_waiting", "Events that wait to be handled", self.inbox_waiting.clone());
        let age = |registry: &mut Registry, name: &str, help: &str, gauge: &Gauge<f64, AtomicU64>| {
            registry.register_with_unit(name, help, Unit::Seconds, gauge.clone());
        };
        age(registry, "inbox_oldest", "How long the oldest event waits", &self.inbox_oldest_seconds);
        registry.register("inbox_dead", "Events given up after too many attempts", self.inbox_dead.clone());
        registry.register(
            "outbox_waiting",
            "Incidents that a chat does not yet show as they are",
            self.outbox_waiting.clone(),
        );
        registry.register_with_unit(
            "outbox_oldest",
            "How long the oldest of them waits",
            Unit::Seconds,
            self.outbox_oldest_seconds.clone(),
        );
        registry.register("approvals_waiting", "Proposals that wait for people", self.approvals_waiting.clone());
        age(registry, "approvals_oldest", "How long the oldest proposal waits", &self.approvals_oldest_seconds);
        registry.register_with_unit(
            "approval",
            "From a proposal until people decided",
            Unit::Seconds,
            self.approval_seconds.clone(),
        );
    }

    fn register_work(&mut self) {
        let registry = &mut self.registry;
        registry.register("investigations", "Investigations", self.investigations.clone());
        for (name, help, histogram) in [
            ("investigation", "Duration of an investigation", &self.investigation_seconds),
            ("first_message", "From delivery to the first message", &self.first_message_seconds),
            ("acknowledge", "From delivery to durable acknowledgement", &self.acknowledge_seconds),
        ] {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.0.clone());
        }
        registry.register("queries", "Questions to neighbours", self.queries.clone());
        registry.register_with_unit("resident", "Memory in use", Unit::Bytes, self.resident_bytes.clone());
    }

    fn register_model(&mut self) {
        let registry = &mut self.registry;
        registry.register("model_turns", "Turns of the model", self.model_turns.clone());
        registry.register_with_unit(
            "model_turn",
            "Duration of a turn of the model, its waiting included",
            Unit::Seconds,
            self.model_turn_seconds.0.clone(),
        );
        registry.register("model_tokens", "Tokens that the model read and wrote", self.model_tokens.clone());
        registry.register("conversation_turns", "Turns of a conversation", self.conversation_turns.clone());
        registry.register("conversation_tokens", "Tokens of a conversation", self.conversation_tokens.clone());
    }

    fn register_chats(&mut self) {
        let registry = &mut self.registry;
        registry.register("presses", "Controls pressed", self.presses.clone());
        registry.register("commands", "Commands typed", self.commands.clone());
        registry.register("messages", "Messages to chats", self.messages.clone());
        registry.register("callbacks", "Commands, clicks and dialogs of chats", self.callbacks.clone());
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
        counters.approval_seconds.get_or_create(&OfDecision { decision: "approved" }).observe(90.0);
        counters.investigation_seconds.observe(Duration::from_millis(40));
        counters.first_message_seconds.observe_between(TimeDelta::seconds(-1));
        let text = counters.text();
        for line in [
            "holmes_alerts_total 3",
            r#"holmes_notifications_total{of="webhook",result="ok"} 1"#,
            r#"holmes_approval_seconds_bucket{le="120.0",decision="approved"} 1"#,
            r#"holmes_investigation_seconds_bucket{le="0.05"} 1"#,
            "holmes_first_message_seconds_sum 0.0",
            "holmes_inbox_oldest_seconds 0.0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
    }
}
