//! The one place that sends requests: typed reads with a timeout, a bound on what is read, and pages.

use std::time::Duration;

use tokio::time::Instant;

use axum::http;
use futures::AsyncReadExt;
use kube::api::{ListParams, PartialObjectMeta};
use kube::core::{ObjectList, Request};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Asked, ClusterError};

/// Objects in a page, as `kubectl` asks for. A pod is 5 to 12 KB with its managed fields: 3 to 6 MB a page.
const PAGE: u32 = 500;
/// Longest answer that is read: a page of 500 pods at 60 KB each.
const MAX_ANSWER_BYTES: u64 = 32 * 1024 * 1024;

/// What the typed reads can read: k8s-openapi's types, whose group and plural are known at compile time.
pub(super) trait Readable: kube::Resource<DynamicType = ()> + DeserializeOwned {}
impl<K: kube::Resource<DynamicType = ()> + DeserializeOwned> Readable for K {}

/// Which objects a list is about, and how many to read at most.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    /// `None` for all namespaces and for cluster-wide kinds.
    pub namespace: Option<String>,
    pub labels: Option<String>,
    pub fields: Option<String>,
    /// Reading stops after the page that reaches it.
    pub most: usize,
}

impl Query {
    /// Up to `most` objects of `namespace`.
    pub fn of(namespace: &str, most: usize) -> Self {
        Self { namespace: Some(namespace.to_owned()), most, ..Self::default() }
    }

    /// Only those with these labels.
    pub fn labels(mut self, selector: impl Into<String>) -> Self {
        self.labels = Some(selector.into());
        self
    }

    /// Only those with these fields.
    pub fn fields(mut self, selector: impl Into<String>) -> Self {
        self.fields = Some(selector.into());
        self
    }

    /// The same, and a field has this value, whatever letters it is made of.
    pub fn field(mut self, name: &str, value: &str) -> Self {
        let mut selector = self.fields.take().map(|selector| selector + ",").unwrap_or_default();
        selector.push_str(name);
        selector.push('=');
        for c in value.chars() {
            if matches!(c, '\\' | ',' | '=') {
                selector.push('\\');
            }
            selector.push(c);
        }
        self.fields(selector)
    }

    fn page(&self, limit: Option<u32>, next: Option<String>) -> ListParams {
        ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit,
            continue_token: next,
            ..ListParams::default()
        }
    }
}

/// What a list gave.
#[derive(Debug, Clone)]
pub(super) struct Listed<T> {
    /// What was kept.
    pub items: Vec<T>,
    /// How many were looked at.
    pub seen: usize,
    /// Whether there are more than were looked at.
    pub cut: bool,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), seen: 0, cut: false }
    }
}

/// Sends requests.
#[derive(Clone)]
pub(super) struct Api {
    client: kube::Client,
    timeout: Duration,
    /// No request goes on for longer.
    until: Option<Instant>,
}

impl Api {
    pub fn new(client: kube::Client, timeout: Duration) -> Self {
        Self { client, timeout, until: None }
    }

    /// The same with no request going on after `until`.
    pub fn until(&self, until: Instant) -> Self {
        Self { until: Some(until), ..self.clone() }
    }

    /// How long a request that starts now may take.
    fn patience(&self) -> Duration {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        left.map_or(self.timeout, |left| left.min(self.timeout))
    }

    /// The object, or `None` where it does not exist.
    pub async fn get<K: Readable>(&self, namespace: Option<&str>, name: &str) -> Result<Option<K>, ClusterError> {
        let request = Request::new(K::url_path(&(), namespace)).get(name, &Default::default());
        self.found(request, asked::<K>("get", namespace, Some(name))).await
    }

    /// Its metadata alone: for owners and labels that is a tenth of the bytes.
    pub async fn get_meta<K: Readable>(
        &self,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<PartialObjectMeta<K>>, ClusterError> {
        let request = Request::new(K::url_path(&(), namespace)).get_metadata(name, &Default::default());
        self.found(request, asked::<K>("get", namespace, Some(name))).await
    }

    /// The objects of `query` for which `keep` gives something. Each page is reduced before the next is asked for, so a
    /// namespace of 2,000 pods is never held whole.
    pub async fn list<K: Readable + Clone, T>(
        &self,
        query: Query,
        keep: impl Fn(K) -> Option<T>,
    ) -> Result<Listed<T>, ClusterError> {
        let path = K::url_path(&(), query.namespace.as_deref());
        self.pages(asked::<K>("list", query.namespace.as_deref(), None), query, keep, |page| {
            Request::new(path.clone()).list(page)
        })
        .await
    }

    /// The same with metadata alone.
    pub async fn list_meta<K: Readable + Clone, T>(
        &self,
        query: Query,
        keep: impl Fn(PartialObjectMeta<K>) -> Option<T>,
    ) -> Result<Listed<T>, ClusterError> {
        let path = K::url_path(&(), query.namespace.as_deref());
        self.pages(asked::<K>("list", query.namespace.as_deref(), None), query, keep, |page| {
            Request::new(path.clone()).list_metadata(page)
        })
        .await
    }

    /// The object below `path` as it is, or `None` where it does not exist.
    pub async fn get_value(&self, path: &str, name: &str, asked: Asked) -> Result<Option<Value>, ClusterError> {
        self.found(Request::new(path).get(name, &Default::default()), asked).await
    }

    /// The objects below `path` as they are, each reduced by `keep`.
    pub async fn list_values<T>(
        &self,
        path: &str,
        query: Query,
        asked: Asked,
        keep: impl Fn(Value) -> Option<T>,
    ) -> Result<Listed<T>, ClusterError> {
        self.pages(asked, query, keep, |page| Request::new(path).list(page)).await
    }

    /// The same with metadata alone.
    pub async fn list_values_meta<T>(
        &self,
        path: &str,
        query: Query,
        asked: Asked,
        keep: impl Fn(Value) -> Option<T>,
    ) -> Result<Listed<T>, ClusterError> {
        self.pages(asked, query, keep, |page| Request::new(path).list_metadata(page)).await
    }

    async fn pages<K: DeserializeOwned + Clone, T>(
        &self,
        asked: Asked,
        query: Query,
        keep: impl Fn(K) -> Option<T>,
        request: impl Fn(&ListParams) -> Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Listed<T>, ClusterError> {
        let mut listed = Listed::default();
        // A small wish needs no page of 500.
        let limit = u32::try_from(query.most).unwrap_or(PAGE).clamp(1, PAGE);
        let mut params = query.page(Some(limit), None);
        loop {
            let answer: Result<ObjectList<K>, Failure> = self.ask(request(&params), &asked).await;
            let page = match answer {
                Ok(page) => page,
                // The list's snapshot is gone from etcd. As client-go does, begin again with one whole answer; its size
                // is bounded by `MAX_ANSWER_BYTES`.
                Err(Failure::Api(error)) if is_expired(&error) && params.continue_token.is_some() => {
                    listed = Listed::default();
                    params = query.page(None, None);
                    continue;
                }
                Err(failure) => return Err(failure.classify(&asked)),
            };
            listed.seen += page.items.len();
            listed.items.extend(page.items.into_iter().filter_map(&keep));
            let next = page.metadata.continue_.filter(|token| !token.is_empty());
            if next.is_none() || listed.seen >= query.most {
                listed.cut = next.is_some();
                return Ok(listed);
            }
            params = query.page(Some(limit), next);
        }
    }

    async fn found<T: DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        asked: Asked,
    ) -> Result<Option<T>, ClusterError> {
        match self.ask(request, &asked).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) => match failure.classify(&asked) {
                ClusterError::NotFound { .. } => Ok(None),
                error => Err(error),
            },
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        asked: &Asked,
    ) -> Result<T, Failure> {
        let bytes = self.bytes(request, MAX_ANSWER_BYTES, asked).await?;
        if bytes.len() as u64 > MAX_ANSWER_BYTES {
            let detail = format!("the answer is larger than {} MiB", MAX_ANSWER_BYTES >> 20);
            return Err(ClusterError::other(asked, detail).into());
        }
        // Not through kube's own `request`: on a mismatch that logs the whole body.
        serde_json::from_slice(&bytes).map_err(|error| ClusterError::other(asked, error).into())
    }

    /// The answer's body, at most one byte more than `most`, so that the caller can tell that there is more.
    pub async fn bytes(
        &self,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
        most: u64,
        asked: &Asked,
    ) -> Result<Vec<u8>, Failure> {
        if !asked.names_what_may_exist() {
            return Err(ClusterError::missing(asked).into());
        }
        let request = request.map_err(|error| Failure::Ours(ClusterError::other(asked, error)))?;
        let read = async {
            let body = self.client.request_stream(request).await.map_err(|error| Failure::Api(Box::new(error)))?;
            let mut bytes = Vec::new();
            let mut body = std::pin::pin!(body.take(most + 1));
            body.read_to_end(&mut bytes)
                .await
                .map_err(|error| ClusterError::Unreachable { detail: format!("{asked}: {error}") })?;
            Ok(bytes)
        };
        let patience = self.patience();
        match tokio::time::timeout(patience, read).await {
            Ok(answer) => answer,
            Err(_) => Err(ClusterError::timeout(asked, patience).into()),
        }
    }

    /// Posts `body` and reads the answer. Reviews are the only thing that is ever posted: they ask, and change nothing.
    pub async fn review<K: Readable + serde::Serialize>(&self, body: &K) -> Result<K, ClusterError> {
        let asked = asked::<K>("create", None, None);
        let body = serde_json::to_vec(body).map_err(|error| ClusterError::other(&asked, error))?;
        let request = Request::new(K::url_path(&(), None)).create(&Default::default(), body);
        self.ask(request, &asked).await.map_err(|failure| failure.classify(&asked))
    }

    /// A path that is not about objects, such as `/version`.
    pub async fn raw<T: DeserializeOwned>(&self, path: &'static str) -> Result<T, ClusterError> {
        let asked = Asked { verb: "get", resource: path.to_owned(), namespace: None, name: None };
        let request = http::Request::get(path).body(Vec::new()).map_err(kube::core::request::Error::BuildRequest);
        self.ask(request, &asked).await.map_err(|failure| failure.classify(&asked))
    }
}

/// A request that failed, before it is put into words.
pub(super) enum Failure {
    Api(Box<kube::Error>),
    Ours(ClusterError),
}

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        Self::Ours(error)
    }
}

impl Failure {
    pub fn classify(self, asked: &Asked) -> ClusterError {
        match self {
            Self::Api(error) => ClusterError::of(&error, asked),
            Self::Ours(error) => error,
        }
    }
}

fn is_expired(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 410)
}

/// The words for a read of `K`.
pub(super) fn asked<K: kube::Resource<DynamicType = ()>>(
    verb: &'static str,
    namespace: Option<&str>,
    name: Option<&str>,
) -> Asked {
    let (plural, group) = (K::plural(&()), K::group(&()));
    let resource = if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") };
    Asked { verb, resource, namespace: namespace.map(str::to_owned), name: name.map(str::to_owned) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_has_the_value_that_it_is_given() {
        let query = Query::of("shop", 1).field("metadata.name", "x,metadata.name!=y\\").field("type", "Warning");
        assert_eq!(query.fields.as_deref(), Some(r"metadata.name=x\,metadata.name!\=y\\,type=Warning"));
    }
}
