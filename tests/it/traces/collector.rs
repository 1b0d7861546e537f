//! A collector of spans that reads strictly what it is sent, and misbehaves when asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;

use crate::fakes::Fake;
use crate::wait::until_is;

/// What the collector does with what it is sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    /// Takes it.
    Takes,
    /// Answers with this status, and with `Retry-After` where it is 429.
    Refuses(u16),
    /// Never answers.
    Hangs,
}

/// A span as it came.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub name: String,
    /// 32 hexadecimal digits.
    pub trace: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// Empty for a root.
    pub parent: String,
    /// Nanoseconds since 1970.
    pub begins: u64,
    pub ends: u64,
    pub attributes: BTreeMap<String, String>,
    /// 2: it failed.
    pub status: i32,
}

#[derive(Default)]
struct Inbox {
    spans: Vec<Span>,
    services: BTreeSet<String>,
    faults: Vec<String>,
    requests: usize,
    mood: Option<Mood>,
}

/// See the module. Ends when dropped, and panics then if anything was not as OTLP says.
pub struct Collector {
    fake: Fake,
    inbox: Arc<Mutex<Inbox>>,
}

impl Collector {
    pub async fn start(mood: Mood) -> Self {
        let inbox = Arc::new(Mutex::new(Inbox { mood: Some(mood), ..Inbox::default() }));
        let router = Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&inbox));
        Self { fake: Fake::start(router).await, inbox }
    }

    pub fn url(&self) -> String {
        self.fake.url()
    }

    pub fn becomes(&self, mood: Mood) {
        self.inbox.lock().unwrap().mood = Some(mood);
    }

    pub fn requests(&self) -> usize {
        self.inbox.lock().unwrap().requests
    }

    /// The names under which senders introduced themselves.
    pub fn services(&self) -> BTreeSet<String> {
        self.inbox.lock().unwrap().services.clone()
    }

    pub fn spans(&self) -> Vec<Span> {
        self.inbox.lock().unwrap().spans.clone()
    }

    /// Waits until the spans are as awaited.
    pub async fn until(&self, what: &str, seen: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        until_is(what, async || self.spans(), |spans| seen(spans)).await
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let faults = &self.inbox.lock().unwrap().faults;
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    }
}

async fn receive(State(inbox): State<Arc<Mutex<Inbox>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = {
        let mut inbox = inbox.lock().unwrap();
        inbox.requests += 1;
        inbox.mood
    };
    match mood {
        Some(Mood::Refuses(429)) => {
            return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")]).into_response();
        }
        Some(Mood::Refuses(status)) => return (StatusCode::from_u16(status).unwrap(), "no").into_response(),
        Some(Mood::Hangs) => std::future::pending().await,
        Some(Mood::Takes) | None => {}
    }
    let mut inbox = inbox.lock().unwrap();
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/x-protobuf") {
        inbox.faults.push(format!("the content type is {:?}", headers.get(header::CONTENT_TYPE)));
    }
    match ExportTraceServiceRequest::decode(body) {
        Ok(request) => inbox.take(request),
        Err(error) => inbox.faults.push(format!("the body is no request: {error}")),
    }
    // An empty response is an empty message.
    ([(header::CONTENT_TYPE, "application/x-protobuf")], Bytes::new()).into_response()
}

impl Inbox {
    fn take(&mut self, request: ExportTraceServiceRequest) {
        for batch in request.resource_spans {
            let resource = texts(batch.resource.unwrap_or_default().attributes, &mut self.faults);
            match resource.get("service.name") {
                Some(name) => drop(self.services.insert(name.clone())),
                // A probe without spans tells of nobody.
                None if batch.scope_spans.is_empty() => {}
                None => self.faults.push(format!("no service.name in {resource:?}")),
            }
            for span in batch.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                let read = Span {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    begins: span.start_time_unix_nano,
                    ends: span.end_time_unix_nano,
                    attributes: texts(span.attributes, &mut self.faults),
                    status: span.status.map_or(0, |status| status.code),
                    name: span.name,
                };
                self.faults.extend(faults(&read, span.kind));
                if self.spans.iter().any(|known| known.id == read.id) {
                    self.faults.push(format!("twice: {read:?}"));
                }
                self.spans.push(read);
            }
        }
    }
}

/// What the specification forbids in one span.
fn faults(span: &Span, kind: i32) -> Vec<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let hour = Duration::from_secs(3600).as_nanos() as u64;
    let is_id = |id: &str, digits: usize| id.len() == digits && id.bytes().any(|digit| digit != b'0');
    let rules = [
        ("trace id", is_id(&span.trace, 32)),
        ("span id", is_id(&span.id, 16)),
        ("parent", span.parent.is_empty() || (is_id(&span.parent, 16) && span.parent != span.id)),
        ("name", !span.name.is_empty()),
        ("kind", (1..=5).contains(&kind)),
        ("times", span.begins <= span.ends && span.begins > now - hour && span.ends <= now + hour),
        ("status", (0..=2).contains(&span.status)),
    ];
    rules.iter().filter(|(_, holds)| !holds).map(|(rule, _)| format!("{rule}: {span:?}")).collect()
}

/// Attributes as texts; a key that comes twice, or without a value, is a fault.
fn texts(attributes: Vec<KeyValue>, faults: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for KeyValue { key, value, .. } in attributes {
        let text = match value.and_then(|AnyValue { value }| value) {
            Some(Any::StringValue(text)) => text,
            Some(Any::IntValue(number)) => number.to_string(),
            Some(Any::BoolValue(value)) => value.to_string(),
            Some(Any::DoubleValue(number)) => number.to_string(),
            other => {
                faults.push(format!("{key}: {other:?}"));
                continue;
            }
        };
        if found.insert(key.clone(), text).is_some() {
            faults.push(format!("twice: {key}"));
        }
    }
    found
}
