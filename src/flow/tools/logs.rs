//! Logs from VictoriaLogs.

use super::{Brought, Toolbox, about_namespace};
use crate::adapters::logs::{Filter, LogSelector, Logs, Pods};
use crate::agent::tools::LogScope;
use crate::analysis::log_evidence;
use crate::domain::evidence::{EvidenceData, Source};
use crate::domain::log_line::{LogBatch, LogLine};
use crate::domain::text;

/// Lines read for patterns.
const PATTERN_LINES: usize = 5_000;
/// Longest line shown, in bytes.
const MAX_LINE_BYTES: usize = 300;
/// Lines shown as they are; of more, patterns tell more.
const MAX_SHOWN: usize = 60;

impl Toolbox<'_> {
    pub(super) async fn log_lines(&self, scope: &LogScope, filter: Option<&str>) -> Brought {
        let Some(logs) = &self.context.sources.logs else { return absent() };
        let mut selector = selector(scope);
        selector.filters.extend(filter.map(|text| Filter::Text(text.to_owned())));
        let batch = match logs.lines(&selector, self.window(scope.since), scope.limit).await {
            Ok(batch) => batch,
            Err(error) => return Brought::Words(format!("error: {error}")),
        };
        if batch.lines.is_empty() {
            return self.no_lines(scope).await;
        }
        let shown = &batch.lines[batch.lines.len().saturating_sub(MAX_SHOWN)..];
        let mut lines: Vec<String> = shown.iter().map(line).collect();
        if batch.lines.len() > shown.len() || batch.cut {
            let left = batch.lines.len() - shown.len();
            let more = if batch.cut { "or more " } else { "" };
            lines.insert(0, format!("({left} {more}older lines left out: narrow by pod, filter or start)"));
        }
        self.logged(scope, logs, batch, |_| EvidenceData::Text { text: lines.join("\n") })
    }

    pub(super) async fn error_patterns(&self, scope: &LogScope) -> Brought {
        let Some(logs) = &self.context.sources.logs else { return absent() };
        let window = self.window(scope.since);
        match logs.error_lines(&selector(scope), window, PATTERN_LINES).await {
            Ok(batch) if batch.lines.is_empty() => self.no_lines(scope).await,
            Ok(batch) => self.logged(scope, logs, batch, |batch| {
                EvidenceData::Patterns(log_evidence::summarise((batch, window), None))
            }),
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    pub(super) async fn log_stats(&self, scope: &LogScope) -> Brought {
        let Some(logs) = &self.context.sources.logs else { return absent() };
        let window = self.window(scope.since);
        match logs.lines(&selector(scope), window, PATTERN_LINES).await {
            Ok(batch) if batch.lines.is_empty() => self.no_lines(scope).await,
            Ok(batch) => self.logged(scope, logs, batch, |batch| {
                EvidenceData::Patterns(log_evidence::summarise((batch, window), None))
            }),
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    pub(super) async fn log_streams(&self, namespace: Option<&str>, since: i64) -> Brought {
        let Some(logs) = &self.context.sources.logs else { return absent() };
        let window = self.window(since);
        let selector = LogSelector { namespace: namespace.map(str::to_owned), ..LogSelector::default() };
        match logs.streams(&selector, window).await {
            Ok(streams) if streams.is_empty() => Brought::Words("nothing writes logs there in this range".into()),
            Ok(streams) => {
                let rows: Vec<String> =
                    streams.iter().map(|stream| format!("{}: {} lines", stream.name, stream.lines)).collect();
                let data = EvidenceData::Text { text: rows.join("\n") };
                self.evidence(Source::Logs, about_namespace(namespace), "list log streams".into(), window, data)
            }
            Err(error) => Brought::Words(format!("error: {error}")),
        }
    }

    fn logged(
        &self,
        scope: &LogScope,
        logs: &Logs,
        batch: LogBatch,
        data: impl FnOnce(&LogBatch) -> EvidenceData,
    ) -> Brought {
        let window = self.window(scope.since);
        let data = data(&batch);
        let link = logs.link(&batch.query, &window);
        let about = about_namespace(scope.namespace.as_deref());
        match self.evidence(Source::Logs, about, batch.query, window, data) {
            Brought::Evidence(mut draft) => {
                draft.link = link;
                Brought::Evidence(draft)
            }
            words => words,
        }
    }

    /// Nothing was found: says what exists, so that the next call can be right.
    async fn no_lines(&self, scope: &LogScope) -> Brought {
        if let Some(problem) = self.missing(scope.namespace.as_deref(), scope.pod.as_deref()).await {
            return Brought::Words(format!("error: {problem}"));
        }
        Brought::Words("no log lines match in this range".into())
    }
}

fn selector(scope: &LogScope) -> LogSelector {
    let pods = scope.pod.as_ref().map_or(Pods::All, |pod| Pods::Matching(format!("{}.*", regex::escape(pod))));
    LogSelector { namespace: scope.namespace.clone(), pods, container: None, filters: Vec::new() }
}

fn line(line: &LogLine) -> String {
    let time = line.time.format("%H:%M:%S");
    format!("{time} {} {}", line.stream, text::line(&line.message, MAX_LINE_BYTES))
}

fn absent() -> Brought {
    Brought::Words("error: no log store is configured; kubernetes_logs reads the logs of pods".into())
}
