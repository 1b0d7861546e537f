//! Delivers the recorded notifications as Alertmanager does: in order, at their times, and again where it would try again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header;
use serde_json::Value;

use super::cures::{Cure, Cures};
use super::time::Clock;
use super::world::Notification;

/// Alertmanager waits a little after the first failure and then ever longer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// After this long a notification is given up, and the next one is due.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// A receiver that does not answer by then is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How soon it is noticed that something was cured.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where notifications are sent.
#[derive(Clone)]
pub struct Receiver {
    /// The webhook's address.
    pub url: String,
    /// Sent as `Authorization: Bearer …`.
    pub bearer_token: Option<String>,
}

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Accepted,
    /// The receiver refused it for good (4xx).
    Refused(u16),
    /// The receiver failed too long; the text is its last failure.
    GivenUp(String),
}

/// Reported after each notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Which one, from 1.
    pub index: usize,
    /// Of how many.
    pub total: usize,
    /// One line for people: status, alert, place, and how many alerts fire and are resolved.
    pub summary: String,
    /// What became of it.
    pub delivery: Delivery,
    /// How often it was sent.
    pub attempts: u32,
}

/// The notifications of a started world, ready to be sent.
#[derive(Clone)]
pub struct Player {
    pub(super) clock: Clock,
    notifications: Vec<Notification>,
    cures: Cures,
    /// The newest body of each group that was delivered, by its key.
    delivered: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Player {
    pub(super) fn new(notifications: Vec<Notification>, clock: Clock, cures: Cures) -> Self {
        Self { clock, notifications, cures, delivered: Arc::default() }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.notifications.len()
    }

    /// Sends all notifications, each at its time, and returns after the last. Dropping the future stops the play.
    ///
    /// The client comes from the caller, who knows which TLS provider the program uses.
    pub async fn play(&self, client: &reqwest::Client, receiver: &Receiver, mut report: impl FnMut(Progress)) {
        for (index, notification) in self.notifications.iter().enumerate() {
            sleep_until(&self.clock, self.clock.due(notification.received_at)).await;
            let Some(body) = without_cured(&notification.body, &self.cures.all()) else { continue };
            let (delivery, attempts) = deliver(client, receiver, &body).await;
            if delivery == Delivery::Accepted {
                self.remember(&body);
            }
            report(Progress { index: index + 1, total: self.total(), summary: summary(&body), delivery, attempts });
        }
    }

    /// Tells the receiver of what was cured, as long as it is polled: the alerts of a cured workload end.
    pub async fn follow(&self, client: &reqwest::Client, receiver: &Receiver, mut report: impl FnMut(Progress)) {
        loop {
            self.resolve_cured(client, receiver, &mut report).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Sends each group of which alerts have been cured since it was last sent.
    pub async fn resolve_cured(&self, client: &reqwest::Client, receiver: &Receiver, mut report: impl FnMut(Progress)) {
        let cures = self.cures.all();
        let due: Vec<Value> = self.known().values().filter_map(|body| resolved(body, &cures)).collect();
        for body in due {
            let (delivery, attempts) = deliver(client, receiver, &body).await;
            // What was refused would be refused each time; what did not arrive is sent again.
            if !matches!(delivery, Delivery::GivenUp(_)) {
                self.remember(&body);
            }
            report(Progress { index: self.total(), total: self.total(), summary: summary(&body), delivery, attempts });
        }
    }

    fn remember(&self, body: &Value) {
        let key = body["groupKey"].as_str().unwrap_or_default().to_owned();
        self.known().insert(key, body.clone());
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Value>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The cure that ends or has prevented an alert. A cure lasts: a workload that is made sick again is so in the Kubernetes
/// API, but its alerts and series stay those of a well one.
fn cure_of<'a>(alert: &Value, cures: &'a [Cure]) -> Option<&'a Cure> {
    let label = |name: &str| alert["labels"][name].as_str().map(str::to_owned);
    cures.iter().find(|cure| alert["status"] == "firing" && cure.is_about(label))
}

/// A recorded notification without the alerts that a cure has prevented; `None` when none is left.
fn without_cured(body: &Value, cures: &[Cure]) -> Option<Value> {
    let mut body = body.clone();
    let alerts = body["alerts"].as_array_mut()?;
    let before = alerts.len();
    alerts.retain(|alert| cure_of(alert, cures).is_none());
    if alerts.is_empty() && before > 0 {
        return None;
    }
    if !alerts.iter().any(|alert| alert["status"] == "firing") {
        body["status"] = "resolved".into();
    }
    Some(body)
}

/// The group once more, with the cured alerts ended; `None` when it has none.
fn resolved(body: &Value, cures: &[Cure]) -> Option<Value> {
    let mut body = body.clone();
    let mut ended = false;
    for alert in body["alerts"].as_array_mut()? {
        if let Some(cure) = cure_of(alert, cures) {
            alert["status"] = "resolved".into();
            alert["endsAt"] = super::kubernetes::written(cure.at).into();
            ended = true;
        }
    }
    let fires = body["alerts"].as_array()?.iter().any(|alert| alert["status"] == "firing");
    body["status"] = if fires { "firing" } else { "resolved" }.into();
    ended.then_some(body)
}

async fn sleep_until(clock: &Clock, due: DateTime<Utc>) {
    if let Ok(left) = (due - clock.now()).to_std() {
        tokio::time::sleep(left).await;
    }
}

async fn deliver(client: &reqwest::Client, receiver: &Receiver, notification: &Value) -> (Delivery, u32) {
    let body = body(notification);
    let began = tokio::time::Instant::now();
    let mut pause = FIRST_PAUSE;
    for attempt in 1.. {
        let failure = match send(client, receiver, body.clone()).await {
            Ok(status) if status < 300 => return (Delivery::Accepted, attempt),
            Ok(status) if status < 500 => return (Delivery::Refused(status), attempt),
            Ok(status) => format!("HTTP {status}"),
            Err(error) => chain(&error),
        };
        if began.elapsed() + pause > GIVE_UP_AFTER {
            return (Delivery::GivenUp(failure), attempt);
        }
        tracing::debug!(attempt, failure, "the notification was not accepted and is sent again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    (Delivery::GivenUp("never sent".to_owned()), 0)
}

async fn send(client: &reqwest::Client, receiver: &Receiver, body: String) -> Result<u16, reqwest::Error> {
    let request = client.post(&receiver.url).timeout(ANSWER_WITHIN).header(header::USER_AGENT, "Alertmanager/0.25.0");
    let request = request.header(header::CONTENT_TYPE, "application/json").body(body);
    let request = match &receiver.bearer_token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    Ok(request.send().await?.status().as_u16())
}

/// The JSON as Go's encoder writes it: escaped for HTML, and with a newline at the end.
fn body(notification: &Value) -> String {
    let escaped = notification.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    format!("{escaped}\n")
}

/// The error with its causes: the outermost text alone only says that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn summary(notification: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let labels = &notification["groupLabels"];
    let alerts = notification["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = labels["alertname"]
        .as_str()
        .or_else(|| alerts.first().and_then(|alert| alert["labels"]["alertname"].as_str()))
        .unwrap_or("alert");
    let place = labels["namespace"].as_str().map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let firing = alerts.iter().filter(|alert| alert["status"] == "firing").count();
    format!("{} {name}{place}: {firing} firing, {} resolved", text(&notification["status"]), alerts.len() - firing)
}

#[cfg(test)]
#[path = "play_tests.rs"]
mod tests;
