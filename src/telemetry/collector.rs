//! Sends finished spans to an OpenTelemetry collector, by OTLP over HTTP.
//!
//! Spans wait in a bounded queue that a thread of its own empties by the batch. A collector that is away, slow or full
//! costs spans and a line in the log, and nothing else: whoever ends a span never waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use opentelemetry::KeyValue;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use secrecy::ExposeSecret as _;
use tokio::runtime::Handle;

use crate::adapters::check::CheckLine;
use crate::adapters::http::{ClientSettings, body, build_client};
use crate::config::TracesConfig;

/// Spans that wait to be sent: about a KiB each. An investigation has some fifty.
const MAX_WAITING: usize = 4_096;
/// Spans of one request.
const BATCH: usize = 512;
/// How long spans are collected before they are sent.
const EVERY: Duration = Duration::from_secs(2);
/// Longest exchange with the collector, and longest time that one batch is tried again after 429 and 503.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer of a collector that is read.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Records spans and sends them to the collector. What belongs to a trace that its beginner does not record is not
/// recorded here either.
///
/// # Errors
/// When the address, a header or the CA file cannot be used. Nothing is sent yet.
pub(super) fn recorder(config: &TracesConfig) -> anyhow::Result<SdkTracerProvider> {
    let processor = BatchSpanProcessor::builder(exporter(config)?).with_batch_config(
        BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(EVERY)
            .build(),
    );
    Ok(SdkTracerProvider::builder()
        .with_span_processor(processor.build())
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
        .with_resource(resource(config))
        .build())
}

/// Names spans and sends them nowhere, for a log that shall name them.
pub(super) fn namer() -> SdkTracerProvider {
    SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_resource(Resource::builder_empty().build())
        .build()
}

/// Sends the collector a request without spans.
pub(super) async fn check(config: &TracesConfig) -> CheckLine {
    let sent = match exporter(config) {
        Ok(exporter) => exporter.export(Vec::new()).await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match sent {
        Ok(()) => CheckLine::good("collector", format!("{} takes spans", config.endpoint)),
        Err(error) => CheckLine::bad(
            "collector",
            format!("{}: {error:#}", config.endpoint),
            "is it OTLP over HTTP (mostly port 4318, not 4317), and is the path right? OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is \
             taken as it is, OTEL_EXPORTER_OTLP_ENDPOINT with /v1/traces; keys go into OTEL_EXPORTER_OTLP_HEADERS",
        ),
    }
}

fn resource(config: &TracesConfig) -> Resource {
    let attributes = config.attributes.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
    // What the operator says goes over what we know ourselves.
    Resource::builder_empty()
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(attributes)
        .with_service_name(config.service.clone())
        .build()
}

fn exporter(config: &TracesConfig) -> anyhow::Result<SpanExporter> {
    let extra_ca = config.ca_file.as_ref().map(|file| {
        std::fs::read(file).with_context(|| format!("read {} (OTEL_EXPORTER_OTLP_CERTIFICATE)", file.display()))
    });
    let settings =
        ClientSettings { total_timeout: Some(PATIENCE), extra_ca: extra_ca.transpose()?, ..ClientSettings::default() };
    let client = Client {
        client: build_client(&settings).context("configure the traces' client (OTEL_EXPORTER_OTLP_ENDPOINT)")?,
        runtime: Handle::current(),
        url: config.endpoint.clone(),
        is_away: Arc::default(),
    };
    let headers: HashMap<String, String> =
        config.headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().to_owned())).collect();
    SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(&config.endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(PATIENCE)
        .with_headers(headers)
        .build()
        .context("configure the traces' exporter (OTEL_EXPORTER_OTLP_ENDPOINT)")
}

/// Our HTTP client for a thread that has no runtime.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
    url: String,
    /// Whether the last request failed: it is told once.
    is_away: Arc<AtomicBool>,
}

#[async_trait::async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        let answer = self.runtime.spawn(async move { exchange(&client, request).await }).await?;
        match &answer {
            Ok(answer) if answer.status().is_success() => self.answers(),
            Ok(answer) => self.is_away(&format!("it answered {}", answer.status())),
            Err(error) => self.is_away(&format!("{error:#}")),
        }
        Ok(answer?)
    }
}

impl Client {
    fn is_away(&self, why: &str) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::warn!("send spans to {}: {why}; what does not find room while it is away is dropped", self.url);
        }
    }

    fn answers(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("{} takes spans again", self.url);
        }
    }
}

async fn exchange(client: &reqwest::Client, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
    let request = reqwest::Request::try_from(request).context("make the request")?;
    let answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(answer.headers().clone());
    }
    let body = body::read_bounded(answer, MAX_ANSWER_BYTES).await?;
    response.body(body.into()).context("read the answer")
}
