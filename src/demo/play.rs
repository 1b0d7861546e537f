//! Delivers the recorded notifications as Alertmanager does: in order, at their times, and again where it would try again.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header;
use serde_json::Value;

use super::time::Clock;
use super::world::Notification;

/// Alertmanager waits a little after the first failure and then ever longer.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// After this long a notification is given up, and the next one is due.
const GIVE_UP_AFTER: Duration = Duration::from_secs(120);

/// A receiver that does not answer by then is tried again.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

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
    clock: Clock,
    notifications: Vec<Notification>,
}

impl Player {
    pub(super) fn new(notifications: Vec<Notification>, clock: Clock) -> Self {
        Self { clock, notifications }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.notifications.len()
    }

    /// The bodies as they are sent, with their times moved; for tests that feed them in by other ways.
    pub fn bodies(&self) -> Vec<String> {
        self.notifications.iter().map(|notification| body(&notification.body)).collect()
    }

    /// Sends all notifications, each at its time, and returns after the last. Dropping the future stops the play.
    ///
    /// The client comes from the caller, who knows which TLS provider the program uses.
    pub async fn play(&self, client: &reqwest::Client, receiver: &Receiver, mut report: impl FnMut(Progress)) {
        for (index, notification) in self.notifications.iter().enumerate() {
            sleep_until(&self.clock, self.clock.due(notification.received_at)).await;
            let (delivery, attempts) = deliver(client, receiver, &notification.body).await;
            report(Progress {
                index: index + 1,
                total: self.total(),
                summary: summary(&notification.body),
                delivery,
                attempts,
            });
        }
    }
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
