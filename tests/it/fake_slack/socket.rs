//! Socket Mode: connections with hello, envelopes to any of them, acknowledgements, and the announced end.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

enum Order {
    Send(String),
    /// Closes the connection.
    End,
    /// Says nothing any more, not even pongs.
    Silent,
}

struct Line {
    number: usize,
    orders: mpsc::UnboundedSender<Order>,
}

/// The sockets of one app.
pub struct Sockets {
    address: String,
    lines: Mutex<Vec<Line>>,
    tickets: Mutex<Vec<String>>,
    opened: AtomicUsize,
    /// Envelope and what acknowledged it.
    acknowledged: Mutex<Vec<(String, Value)>>,
    sent: Mutex<Vec<(String, String)>>,
    next: AtomicUsize,
}

impl Sockets {
    pub(super) async fn start() -> (Arc<Self>, AbortHandle) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sockets = Arc::new(Self {
            address: format!("ws://{}/link/", listener.local_addr().unwrap()),
            lines: Mutex::default(),
            tickets: Mutex::default(),
            opened: AtomicUsize::new(0),
            acknowledged: Mutex::default(),
            sent: Mutex::default(),
            next: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&sockets);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&shared).serve(stream));
            }
        });
        (sockets, task.abort_handle())
    }

    /// An address that is good for one connection.
    pub(super) fn ticket(&self) -> String {
        let ticket = format!("t{}", self.next.fetch_add(1, Ordering::SeqCst));
        self.tickets.lock().unwrap().push(ticket.clone());
        format!("{}?ticket={ticket}", self.address)
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let shared = Arc::clone(&self);
        #[expect(clippy::result_large_err, reason = "the library asks for this form")]
        let check = move |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
            let query = request.uri().query().unwrap_or_default();
            let ticket = query.strip_prefix("ticket=").unwrap_or_default().to_owned();
            let mut tickets = shared.tickets.lock().unwrap();
            match tickets.iter().position(|known| *known == ticket) {
                Some(at) => {
                    tickets.remove(at);
                    Ok(response)
                }
                None => {
                    let mut refused = ErrorResponse::new(Some("no such ticket".into()));
                    *refused.status_mut() = axum::http::StatusCode::FORBIDDEN;
                    Err(refused)
                }
            }
        };
        let Ok(mut socket) = tokio_tungstenite::accept_hdr_async(stream, check).await else { return };
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        let (orders, mut taken) = mpsc::unbounded_channel();
        let hello = json!({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "A1"},
            "debug_info": {"host": "fake", "approximate_connection_time": 3600}});
        if socket.send(Message::text(hello.to_string())).await.is_err() {
            return;
        }
        self.lines.lock().unwrap().push(Line { number, orders });
        loop {
            tokio::select! {
                order = taken.recv() => match order {
                    Some(Order::Send(text)) => {
                        if socket.send(Message::text(text)).await.is_err() {
                            break;
                        }
                    }
                    Some(Order::Silent) => {
                        // Alive as a connection, dead as a neighbour.
                        std::future::pending::<()>().await;
                    }
                    Some(Order::End) | None => {
                        let _ = socket.close(None).await;
                        break;
                    }
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Text(text))) => {
                        let value: Value = serde_json::from_str(&text).expect("an acknowledgement is JSON");
                        let id = value["envelope_id"].as_str().expect("an acknowledgement names its envelope").to_owned();
                        self.acknowledged.lock().unwrap().push((id, value));
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
            }
        }
        self.lines.lock().unwrap().retain(|line| line.number != number);
    }

    /// Connections that are open now, by number in order of opening.
    pub fn open(&self) -> Vec<usize> {
        self.lines.lock().unwrap().iter().map(|line| line.number).collect()
    }

    /// Sends an envelope to one of the connections, as Slack does; answers its id.
    pub fn deliver(&self, kind: &str, payload: &Value) -> String {
        let id = format!("envelope-{}", self.next.fetch_add(1, Ordering::SeqCst));
        let accepts = kind != "events_api";
        let envelope =
            json!({"envelope_id": id, "type": kind, "accepts_response_payload": accepts, "payload": payload})
                .to_string();
        self.sent.lock().unwrap().push((id.clone(), envelope.clone()));
        self.send(&envelope);
        id
    }

    /// Sends an envelope that was sent before, once more.
    pub fn again(&self, id: &str) {
        let envelope = self.sent.lock().unwrap().iter().find(|(known, _)| known == id).unwrap().1.clone();
        self.send(&envelope);
    }

    fn send(&self, text: &str) {
        let lines = self.lines.lock().unwrap();
        let at = self.next.fetch_add(1, Ordering::SeqCst) % lines.len();
        let _ = lines[at].orders.send(Order::Send(text.to_owned()));
    }

    /// Announces the end of a connection.
    pub fn announce(&self, number: usize, reason: &str) {
        let text = json!({"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}}).to_string();
        self.order(number, Order::Send(text));
    }

    /// Ends a connection.
    pub fn end(&self, number: usize) {
        self.order(number, Order::End);
    }

    /// Makes a connection say nothing any more.
    pub fn silence(&self, number: usize) {
        self.order(number, Order::Silent);
    }

    fn order(&self, number: usize, order: Order) {
        let lines = self.lines.lock().unwrap();
        let line = lines.iter().find(|line| line.number == number).expect("the connection is open");
        let _ = line.orders.send(order);
    }

    /// How an envelope was acknowledged, once it was.
    pub async fn acknowledgement(&self, id: &str) -> Value {
        self.until("an acknowledgement", || {
            let acknowledged = self.acknowledged.lock().unwrap();
            acknowledged.iter().find(|(known, _)| known == id).map(|(_, value)| value.clone())
        })
        .await
    }

    /// How often an envelope was acknowledged.
    pub fn acknowledgements(&self, id: &str) -> usize {
        self.acknowledged.lock().unwrap().iter().filter(|(known, _)| known == id).count()
    }

    /// Waits for something about the connections.
    pub async fn until<T>(&self, what: &str, seen: impl Fn() -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(seen) = seen() {
                return seen;
            }
            assert!(Instant::now() < until, "{what} did not come; open: {:?}", self.open());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
