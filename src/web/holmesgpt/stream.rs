//! Server-sent events as HolmesGPT writes them: whole steps, not tokens. Whoever hangs up ends the work, because the work
//! runs inside of the stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::desk::Happened;
use super::errors::Failure;
use super::steps::Steps;
use super::tool_calls;

/// Proxies close what is silent for a minute or less.
const HEARTBEAT: Duration = Duration::from_secs(15);

type Work = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;

struct State<M> {
    work: Option<Work>,
    steps: UnboundedReceiver<Happened>,
    last: Option<Result<Value, Failure>>,
    metadata: M,
    _permit: OwnedSemaphorePermit,
}

/// Streams the steps of `work`, then the fields `shown` of what it comes to. `metadata` is asked for after each turn.
pub(super) fn of<W, M>(
    work: impl FnOnce(Steps) -> W,
    metadata: M,
    shown: &'static [&'static str],
    permit: OwnedSemaphorePermit,
) -> Response
where
    W: Future<Output = Result<Value, Failure>> + Send + 'static,
    M: Fn(&Happened) -> Option<Value> + Send + 'static,
{
    let (sender, steps) = unbounded_channel();
    let work: Work = Box::pin(work(Steps::told_to(sender)));
    let state = State { work: Some(work), steps, last: None, metadata, _permit: permit };
    let events = stream::unfold(state, move |mut state| async move {
        loop {
            if let Some(work) = &mut state.work {
                let done = tokio::select! {
                    biased;
                    Some(step) = state.steps.recv() => Err(step),
                    last = work => Ok(last),
                };
                match done {
                    Ok(last) => (state.work, state.last) = (None, Some(last)),
                    Err(step) => {
                        if let Some(event) = event(&step, &state.metadata) {
                            return Some((event, state));
                        }
                    }
                }
            } else if let Ok(step) = state.steps.try_recv() {
                if let Some(event) = event(&step, &state.metadata) {
                    return Some((event, state));
                }
            } else {
                let event = match state.last.take()? {
                    Ok(body) => ("ai_answer_end", only(body, shown)),
                    Err(failure) => ("error", failure.event()),
                };
                return Some((event, state));
            }
        }
    });
    let events = events.map(|(name, data)| Ok::<_, Infallible>(Event::default().event(name).data(data.to_string())));
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // nginx would keep small pieces back.
    response.headers_mut().insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

fn event(step: &Happened, metadata: &impl Fn(&Happened) -> Option<Value>) -> Option<(&'static str, Value)> {
    match step {
        Happened::Turn(_) => Some(("token_count", json!({"metadata": metadata(step)?}))),
        Happened::Said(words) => Some(("ai_message", json!({"content": words, "reasoning": null, "metadata": {}}))),
        Happened::Called(call) => Some(("start_tool_calling", json!({"tool_name": call.name, "id": call.id}))),
        Happened::Answered(call, answer) => Some(("tool_calling_result", tool_calls::event(call, answer))),
    }
}

fn only(mut body: Value, shown: &[&str]) -> Value {
    let fields = shown.iter().map(|name| ((*name).to_owned(), body[*name].take()));
    Value::Object(fields.collect())
}
