//! The bot's own log, on standard error. Lines that belong to a trace name it, where the log is JSON.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::one_line::OneLine;
use super::trace;
use crate::config::LogFormat;

/// The layer that writes. Spans are the traces' matter: a line says what it is about by itself.
pub(super) fn layer<S>(filter: EnvFilter, format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = filter.and(filter_fn(|metadata| metadata.is_event()));
    // No colours: in a file they are escape characters, which a stranger may have written as well.
    let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| OneLine(std::io::stderr()));
    match format {
        LogFormat::Text => layer.with_filter(filter).boxed(),
        LogFormat::Json => {
            let json = Format::default().json().flatten_event(true).with_current_span(false).with_span_list(false);
            layer.json().event_format(WithTrace(json)).with_filter(filter).boxed()
        }
    }
}

/// `tracing`'s JSON, with `trace_id` and `span_id` at the end of an object that was written in a span.
struct WithTrace(Format<Json>);

impl<S, N> FormatEvent<S, N> for WithTrace
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(span) = trace::current() else { return self.0.format_event(context, writer, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let Some(open) = line.trim_end().strip_suffix('}') else { return writer.write_str(&line) };
        let (trace, span) = (span.trace(), span.span());
        writeln!(writer, r#"{open},"trace_id":"{trace:032x}","span_id":"{span:016x}"}}"#)
    }
}
