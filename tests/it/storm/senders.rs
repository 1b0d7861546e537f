//! Alertmanagers in a storm: each delivers everything, and again what was refused.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::process::{client, firing};

/// Alertmanagers, each of which delivers everything.
pub const SENDERS: usize = 3;
/// Deliveries of one sender that are under way at once.
const IN_FLIGHT: usize = 4;
/// Deployments that alerts are about: fewer than fold into one incident, and few enough that chats, which take a message a
/// second, are told of them while a person waits for the test.
pub const DEPLOYMENTS: usize = 8;

/// The fingerprint of a notification's alert.
pub fn fingerprint(number: usize) -> String {
    format!("Alert{number}-app{}", number % DEPLOYMENTS)
}

/// How the storm went for one of them.
#[derive(Default)]
struct Sent {
    next: AtomicUsize,
    refused: AtomicUsize,
    took: Mutex<Vec<Duration>>,
}

/// All of them, at work.
pub struct Senders {
    sent: Vec<Arc<Sent>>,
    sending: JoinSet<()>,
}

/// How the storm went.
pub struct Deliveries {
    /// How long each acknowledged one took, shortest first.
    pub took: Vec<Duration>,
    /// Answers and connections that failed; each was tried again.
    pub refused: usize,
}

impl Senders {
    /// Begins to deliver notifications 0 to `total` to whichever replica answers, with a pause after each.
    pub fn begin(total: usize, urls: &Arc<Vec<String>>, pause: Duration) -> Self {
        let sent: Vec<Arc<Sent>> = (0..SENDERS).map(|_| Arc::default()).collect();
        let mut sending = JoinSet::new();
        for sent in &sent {
            for _ in 0..IN_FLIGHT {
                sending.spawn(send(total, Arc::clone(urls), Arc::clone(sent), pause));
            }
        }
        Self { sent, sending }
    }

    /// Waits until everything is acknowledged.
    pub async fn end(mut self) -> Deliveries {
        while let Some(sender) = self.sending.join_next().await {
            sender.unwrap();
        }
        let mut took: Vec<Duration> = self.sent.iter().flat_map(|sent| sent.took.lock().unwrap().clone()).collect();
        took.sort_unstable();
        let refused = self.sent.iter().map(|sent| sent.refused.load(Ordering::Relaxed)).sum();
        Deliveries { took, refused }
    }
}

async fn send(total: usize, urls: Arc<Vec<String>>, sent: Arc<Sent>, pause: Duration) {
    let client = client();
    loop {
        let number = sent.next.fetch_add(1, Ordering::Relaxed);
        if number >= total {
            return;
        }
        let body = firing(&format!("Alert{number}"), &format!("app{}", number % DEPLOYMENTS));
        let mut attempt = number;
        loop {
            let began = Instant::now();
            let url = &urls[attempt % urls.len()];
            let answer = client.post(format!("{url}/webhook")).json(&body).send().await;
            match answer.map(|answer| answer.status().as_u16()) {
                Ok(200) => {
                    sent.took.lock().unwrap().push(began.elapsed());
                    break;
                }
                // Alertmanager repeats these, and only these.
                Ok(503) | Err(_) => {
                    sent.refused.fetch_add(1, Ordering::Relaxed);
                }
                Ok(other) => panic!("the webhook answered {other}"),
            }
            attempt += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(pause).await;
    }
}
