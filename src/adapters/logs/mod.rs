//! Logs: VictoriaLogs, from 1.26 on.
//!
//! Collectors name the fields of namespace, pod and container differently, and one server may hold logs of several
//! collectors; [`fields`] finds out which, [`query`] asks for all of them, [`read`] takes the newest lines within bounds
//! and [`row`] makes lines of them.

mod check;
mod error;
pub mod fields;
pub mod query;
pub mod read;
mod row;
mod streams;

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::http::{Endpoint, EndpointSettings, HttpError, read_json};
use super::links::{self, Grafana};
use crate::domain::log_line::{LogBatch, LogLine};
use crate::domain::window::Window;

pub use error::LogsError;
pub use fields::{FieldSet, LogFields};
pub use query::{Filter, LogSelector, Pods};
pub use streams::LogStream;

/// Most bytes read for one batch: five thousand lines of 1.6 KiB. Beyond, the batch is cut.
pub const MAX_BATCH_BYTES: usize = 8 * 1024 * 1024;
/// Most bytes of the small answers: field names, hits.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;
/// How far back fields are looked for, first near, then far.
const LOOK_BACK: [TimeDelta; 2] = [TimeDelta::hours(1), TimeDelta::hours(24)];
/// Detected fields are trusted this long when a query finds nothing.
const TRUST_FIELDS: std::time::Duration = std::time::Duration::from_secs(300);

/// What is configured.
#[derive(Debug, Clone, Default)]
pub struct LogsSettings {
    /// Address, credentials, limits.
    pub endpoint: EndpointSettings,
    /// `AccountID` and `ProjectID` of the tenant, where it is not 0:0.
    pub tenant: Option<(u32, u32)>,
    /// The fields; detected when `None`.
    pub fields: Option<LogFields>,
    /// The address under which people reach the server's own page, where it differs.
    pub public_url: Option<Url>,
    /// Grafana, preferred for links.
    pub grafana: Option<Grafana>,
}

/// A VictoriaLogs server.
#[derive(Debug)]
pub struct Logs {
    endpoint: Endpoint,
    configured: Option<FieldSet>,
    detected: Mutex<Option<(Instant, FieldSet)>>,
    /// For links: the server's page asks for the tenant 0:0 unless its address names another.
    tenant: Option<(u32, u32)>,
    public_url: Option<Url>,
    grafana: Option<Grafana>,
}

/// `{"values":[{"value":"…","hits":1}]}`.
#[derive(Deserialize)]
struct Values {
    values: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    value: String,
    #[serde(default)]
    hits: u64,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<HitsOf>,
}

#[derive(Deserialize)]
struct HitsOf {
    timestamps: Vec<DateTime<Utc>>,
    values: Vec<u64>,
}

impl Logs {
    /// Builds the client; nothing is sent.
    pub fn new(settings: LogsSettings) -> Result<Self, HttpError> {
        let LogsSettings { mut endpoint, tenant, fields, public_url, grafana } = settings;
        if let Some((account, project)) = tenant {
            endpoint.headers.push(("AccountID".into(), account.to_string()));
            endpoint.headers.push(("ProjectID".into(), project.to_string()));
        }
        let configured = fields.map(FieldSet::of);
        let endpoint = Endpoint::new(&endpoint)?;
        Ok(Self { endpoint, configured, detected: Mutex::new(None), tenant, public_url, grafana })
    }

    /// The newest `limit` lines that `selector` finds in `window`.
    ///
    /// Nothing found may mean that a collector came or changed since fields were detected, so they are detected anew,
    /// and if there are others, asked for.
    pub async fn lines(&self, selector: &LogSelector, window: Window, limit: usize) -> Result<LogBatch, LogsError> {
        self.lines_until(selector, window, limit, None).await
    }

    /// [`Self::lines`] as far as they come before `until`; the batch is then cut.
    pub async fn lines_until(
        &self,
        selector: &LogSelector,
        window: Window,
        limit: usize,
        until: Option<tokio::time::Instant>,
    ) -> Result<LogBatch, LogsError> {
        let fields = self.fields(window.to).await?;
        let batch = self.lines_with(&fields, selector, window, limit, until).await?;
        if !batch.lines.is_empty() {
            return Ok(batch);
        }
        match self.fields_anew(window.to).await {
            Some(other) if other != fields => self.lines_with(&other, selector, window, limit, until).await,
            _ => Ok(batch),
        }
    }

    /// [`Self::lines`] that look like errors.
    pub async fn error_lines(
        &self,
        selector: &LogSelector,
        window: Window,
        limit: usize,
    ) -> Result<LogBatch, LogsError> {
        self.error_lines_until(selector, window, limit, None).await
    }

    /// [`Self::error_lines`] as far as they come before `until`.
    pub async fn error_lines_until(
        &self,
        selector: &LogSelector,
        window: Window,
        limit: usize,
        until: Option<tokio::time::Instant>,
    ) -> Result<LogBatch, LogsError> {
        let mut selector = selector.clone();
        selector.filters.push(Filter::Errors);
        self.lines_until(&selector, window, limit, until).await
    }

    /// How many lines `selector` finds in each `step` of `window`; steps without lines may be absent.
    pub async fn hits(
        &self,
        selector: &LogSelector,
        window: Window,
        step: TimeDelta,
    ) -> Result<Vec<(DateTime<Utc>, u64)>, LogsError> {
        let query = query::select(selector, &self.fields(window.to).await?);
        let mut form = range(query, window);
        form.push(("step", format!("{}s", step.num_seconds().max(1))));
        let answer: Hits = self.ask("select/logsql/hits", &form).await?;
        let mut hits: Vec<_> =
            answer.hits.into_iter().flat_map(|of| of.timestamps.into_iter().zip(of.values)).collect();
        hits.sort_unstable();
        Ok(hits)
    }

    /// A page where a person can look further; `None` when the address means nothing outside of the cluster.
    pub fn link(&self, query: &str, window: &Window) -> Option<String> {
        match &self.grafana {
            Some(grafana) => Some(grafana.explore(query, window)),
            None => {
                let base = links::reachable(self.public_url.as_ref(), self.endpoint.base())?;
                Some(links::vmui_logs(base, query, window, self.tenant))
            }
        }
    }

    /// The fields that this server's collectors write, configured or as detected around `at`.
    pub async fn fields(&self, at: DateTime<Utc>) -> Result<FieldSet, LogsError> {
        if let Some(fields) = &self.configured {
            return Ok(fields.clone());
        }
        // Held while asking: the queries of one investigation start together, and one detection serves them all.
        let mut detected = self.detected.lock().await;
        if let Some((_, fields)) = &*detected {
            return Ok(fields.clone());
        }
        let fields = self.detect(at).await?;
        *detected = Some((Instant::now(), fields.clone()));
        Ok(fields)
    }

    async fn fields_anew(&self, at: DateTime<Utc>) -> Option<FieldSet> {
        let mut detected = self.detected.lock().await;
        let (since, _) = detected.as_ref()?;
        if since.elapsed() < TRUST_FIELDS {
            return detected.as_ref().map(|(_, fields)| fields.clone());
        }
        let fields = self.detect(at).await.ok()?;
        *detected = Some((Instant::now(), fields.clone()));
        Some(fields)
    }

    async fn detect(&self, at: DateTime<Utc>) -> Result<FieldSet, LogsError> {
        let mut names = Vec::new();
        for back in LOOK_BACK {
            names = self.field_names(Window::new(at - back, at)).await?;
            if let Some(fields) = FieldSet::detect(names.iter().map(|(name, _)| name.as_str())) {
                return Ok(fields);
            }
        }
        Err(LogsError::no_fields(names.into_iter().map(|(name, _)| name)))
    }

    /// Names of fields and about how many lines have them.
    async fn field_names(&self, window: Window) -> Result<Vec<(String, u64)>, LogsError> {
        let answer: Values = self.ask("select/logsql/field_names", &range("*".into(), window)).await?;
        Ok(answer.values.into_iter().map(|value| (value.value, value.hits)).collect())
    }

    async fn lines_with(
        &self,
        fields: &FieldSet,
        selector: &LogSelector,
        window: Window,
        limit: usize,
        until: Option<tokio::time::Instant>,
    ) -> Result<LogBatch, LogsError> {
        let query = query::select(selector, fields);
        let asked = format!("{query} | fields {}", query::field_list(fields));
        let mut read = self.newest(&asked, fields, window, limit, until).await?;
        let in_time = until.is_none_or(|until| tokio::time::Instant::now() < until);
        if read.cut && in_time && oldest_first(&read.lines) {
            // Up to 1.26 the oldest of the newest come first, so the bound cut the wrong end: ask for as many as fit.
            let fitting = (read.lines.len() * 3 / 4).max(1);
            // What came first is better than nothing, should the time not suffice for more.
            if let Ok(better) = self.newest(&asked, fields, window, fitting, until).await {
                read = better;
            }
            read.cut = true;
        }
        let cut = read.cut || read.rows >= limit;
        let mut lines = read.lines;
        if !oldest_first(&lines) {
            lines.reverse();
        }
        lines.sort_by_key(|line| line.time);
        Ok(LogBatch { lines, cut, query })
    }

    async fn newest(
        &self,
        query: &str,
        fields: &FieldSet,
        window: Window,
        limit: usize,
        until: Option<tokio::time::Instant>,
    ) -> Result<read::Read, LogsError> {
        let mut form = range(query.to_owned(), window);
        form.push(("limit", limit.max(1).to_string()));
        form.push(("timeout", format!("{}s", self.endpoint.total_timeout().as_secs().max(1))));
        let response = self.endpoint.send(self.endpoint.post_form("select/logsql/query", &form)).await;
        read::read(response.map_err(LogsError::sort)?, fields, MAX_BATCH_BYTES, until).await
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        form: &[(&'static str, String)],
    ) -> Result<T, LogsError> {
        let response = self.endpoint.send(self.endpoint.post_form(path, form)).await.map_err(LogsError::sort)?;
        Ok(read_json(response, MAX_ANSWER_BYTES).await?)
    }
}

fn range(query: String, window: Window) -> Vec<(&'static str, String)> {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    vec![("query", query), ("start", time(window.from)), ("end", time(window.to))]
}

fn oldest_first(lines: &[LogLine]) -> bool {
    lines.first().zip(lines.last()).is_none_or(|(first, last)| first.time <= last.time)
}
