//! Which pods and containers write logs, with how many lines each.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::query::{self, LogSelector};
use super::{Logs, LogsError, range};
use crate::adapters::http::read_bounded;
use crate::domain::window::Window;

/// Streams of one answer.
const MAX_STREAMS: usize = 200;
/// Most bytes of the answer: two hundred rows of names.
const MAX_BYTES: usize = 1024 * 1024;

/// What writes logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogStream {
    /// `namespace/pod/container`, without what the collector does not tell.
    pub name: String,
    /// Lines in the range.
    pub lines: u64,
}

impl Logs {
    /// What writes lines that `selector` finds in `window`, busiest first.
    pub async fn streams(&self, selector: &LogSelector, window: Window) -> Result<Vec<LogStream>, LogsError> {
        let fields = self.fields(window.to).await?;
        let mut streams = Vec::new();
        for style in &fields.styles {
            let mut by = vec![style.namespace.as_str(), style.pod.as_str()];
            by.extend(style.container.as_deref());
            let names: Vec<String> = by.iter().map(|name| query::field(name)).collect();
            let asked = format!(
                "{} | stats by ({}) count() as lines | sort by (lines) desc | limit {MAX_STREAMS}",
                query::select(selector, &fields),
                names.join(", ")
            );
            let request = self.endpoint.post_form("select/logsql/query", &range(asked, window));
            let response = self.endpoint.send(request).await.map_err(LogsError::sort)?;
            let bytes = read_bounded(response, MAX_BYTES).await?;
            let rows = serde_json::Deserializer::from_slice(&bytes).into_iter::<Row>();
            for Row(row) in rows.map_while(Result::ok) {
                let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
                let parts: Vec<&str> = by.iter().filter_map(|name| text(name)).collect();
                let lines = text("lines").and_then(|lines| lines.parse().ok()).unwrap_or(0);
                if !parts.is_empty() {
                    streams.push(LogStream { name: parts.join("/"), lines });
                }
            }
        }
        streams.sort_by(|a, b| b.lines.cmp(&a.lines).then(a.name.cmp(&b.name)));
        streams.dedup_by(|a, b| a.name == b.name);
        streams.truncate(MAX_STREAMS);
        Ok(streams)
    }
}

/// One line of the answer; all values are text.
#[derive(Deserialize)]
struct Row(Map<String, Value>);
