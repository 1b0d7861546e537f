//! Where in a trace we are, in the forms in which it goes in and out: W3C's header, a log's ids, an exemplar.
//!
//! Spans are those of `tracing`, made with `info_span!` where the work is; without anybody to record them they cost
//! nothing. Attributes are named as in OpenTelemetry's semantic conventions where these have a name, and hold no payload.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::domain::trace::TraceParent;

/// W3C's header.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Makes a span that has not begun yet part of the trace of `parent`.
pub fn follow(span: &Span, parent: Option<&TraceParent>) {
    let Some(parent) = parent else { return };
    let context = SpanContext::new(
        TraceId::from(parent.trace()),
        SpanId::from(parent.span()),
        TraceFlags::new(parent.flags()),
        true,
        TraceState::NONE,
    );
    // Refused only where nobody records spans.
    let _ = span.set_parent(Context::new().with_remote_span_context(context));
}

/// The span that runs now.
pub fn current() -> Option<TraceParent> {
    of(&Context::current())
}

/// The trace's id, if the span that runs now is recorded.
pub fn recorded_id() -> Option<String> {
    let context = Context::current();
    let span = context.span();
    let span = span.span_context();
    (span.is_valid() && span.is_sampled()).then(|| span.trace_id().to_string())
}

/// The header that tells a neighbour which trace its work belongs to; none where nobody would see it.
pub fn tell(headers: &mut HeaderMap) {
    let recorded = current().filter(|span| span.flags() & TraceFlags::SAMPLED.to_u8() != 0);
    if let Some(value) = recorded.and_then(|span| HeaderValue::try_from(span.to_string()).ok()) {
        headers.insert(TRACEPARENT, value);
    }
}

/// Notes in a span that its work failed; `why` is a word or a line without payload.
pub fn failed(span: &Span, why: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", why);
}

fn of(context: &Context) -> Option<TraceParent> {
    let span = context.span();
    let span = span.span_context();
    let number = |bytes: [u8; 16]| u128::from_be_bytes(bytes);
    TraceParent::new(
        number(span.trace_id().to_bytes()),
        u64::from_be_bytes(span.span_id().to_bytes()),
        span.trace_flags().to_u8(),
    )
}
