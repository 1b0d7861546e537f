//! slack-morphism's requests on our own HTTP client: one TLS stack, time limits, bounded answers, any server's address.

use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::{RequestBuilder, StatusCode, Url, header};
use serde::{Deserialize, Serialize};
use slack_morphism::errors::{
    SlackClientApiError, SlackClientError, SlackClientHttpError, SlackClientSystemError, SlackRateLimitError,
    map_serde_error,
};
use slack_morphism::multipart_form::FileMultipartData;
use slack_morphism::{
    ClientResult, SlackApiToken, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientId, SlackClientSecret,
};

use crate::adapters::http::{ClientSettings, HttpError, body::seen, build_client, read_bounded, shown};

/// Longest answer: a page of a long thread with all its blocks.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Longest exchange.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The way to one server that speaks Slack's API.
pub struct Connector {
    client: reqwest::Client,
    api_url: String,
}

/// An answer as it came.
struct Answered {
    status: StatusCode,
    /// Where from, as it may be shown.
    url: String,
    is_json: bool,
    bytes: Vec<u8>,
}

/// What every answer of the Web API holds.
#[derive(Debug, Deserialize)]
struct Envelope {
    /// Absent with some servers' successes.
    ok: Option<bool>,
    error: Option<String>,
    #[serde(default)]
    response_metadata: Option<ResponseMetadata>,
    /// Which scope is missing, where one is.
    needed: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ResponseMetadata {
    #[serde(default)]
    messages: Vec<String>,
}

impl Connector {
    /// A connector to `https://slack.com/api`, or to another server.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(api_url: &str) -> Result<Self, HttpError> {
        let settings = ClientSettings { total_timeout: Some(TIMEOUT), ..ClientSettings::default() };
        Ok(Self { client: build_client(&settings)?, api_url: api_url.trim_end_matches('/').to_owned() })
    }

    /// What the token may do, by the header that comes with every answer; `None` where the server does not say it.
    pub async fn scopes(&self, token: &SlackApiToken) -> ClientResult<Option<Vec<String>>> {
        let request = self.client.post(self.create_method_uri_path("auth.test")?);
        let response = self.exchange(authorized(request, Some(token))).await?;
        let scopes = response.headers().get("x-oauth-scopes").and_then(|scopes| scopes.to_str().ok());
        Ok(scopes.map(|scopes| scopes.split(',').map(|scope| scope.trim().to_owned()).collect()))
    }

    async fn exchange(&self, request: RequestBuilder) -> ClientResult<reqwest::Response> {
        let request = request.build().map_err(|error| failed(HttpError::Setup(error.without_url().to_string())))?;
        let url = shown(request.url());
        self.client.execute(request).await.map_err(|error| failed(HttpError::from_reqwest(error, &url, TIMEOUT)))
    }

    /// The body of an answer that is neither a failure without words nor a wish to wait.
    async fn body(&self, request: RequestBuilder) -> ClientResult<Answered> {
        let response = self.exchange(request).await?;
        let (status, url) = (response.status(), shown(response.url()));
        let header = |name: header::HeaderName| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let retry_after = header(header::RETRY_AFTER).and_then(|after| after.parse().ok()).map(Duration::from_secs);
        let is_json = header(header::CONTENT_TYPE).is_some_and(|kind| kind.contains("json"));
        let bytes = read_bounded(response, MAX_ANSWER_BYTES).await.map_err(failed)?;
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(SlackClientError::RateLimitError(SlackRateLimitError::new().opt_retry_after(retry_after)));
        }
        if !status.is_success() && !is_json {
            return Err(SlackClientError::HttpError(SlackClientHttpError::new(status)));
        }
        Ok(Answered { status, url, is_json, bytes })
    }

    /// What a method answers. Success is said in JSON: a login page in front of Slack says nothing about what was asked.
    async fn send<RS>(&self, request: RequestBuilder) -> ClientResult<RS>
    where
        RS: for<'de> Deserialize<'de>,
    {
        let Answered { status, url, is_json, bytes } = self.body(request).await?;
        if !is_json {
            return Err(failed(HttpError::NotJson { url, seen: seen(&bytes, "it is not said to be JSON") }));
        }
        let envelope: Envelope = serde_json::from_slice(&bytes).map_err(|error| map_serde_error(error, None))?;
        let Envelope { ok, error, response_metadata, needed } = envelope;
        if !status.is_success() && error.is_none() {
            return Err(SlackClientError::HttpError(SlackClientHttpError::new(status)));
        }
        if ok == Some(false) || (ok.is_none() && error.is_some()) {
            let mut details = response_metadata.map(|metadata| metadata.messages).unwrap_or_default();
            details.extend(needed.map(|scope| format!("needed: {scope}")));
            let refused = SlackClientApiError::new(error.unwrap_or_else(|| "unknown_error".to_owned()));
            return Err(SlackClientError::ApiError(refused.with_errors(details)));
        }
        serde_json::from_slice(&bytes).map_err(|error| map_serde_error(error, None))
    }
}

impl SlackClientHttpConnector for Connector {
    fn create_method_uri_path(&self, method: &str) -> ClientResult<Url> {
        Ok(format!("{}/{method}", self.api_url).parse()?)
    }

    fn http_get_uri<'a, RS>(
        &'a self,
        full_uri: Url,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        self.send(authorized(self.client.get(full_uri), context.token)).boxed()
    }

    fn http_get_with_client_secret<'a, RS>(
        &'a self,
        _full_uri: Url,
        _client_id: &'a SlackClientId,
        _client_secret: &'a SlackClientSecret,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        std::future::ready(Err(unused("installing by OAuth"))).boxed()
    }

    fn http_post_uri<'a, RQ, RS>(
        &'a self,
        full_uri: Url,
        request_body: &'a RQ,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RQ: Serialize + Send + Sync,
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        let body = serde_json::to_vec(request_body).map_err(|error| map_serde_error(error, None));
        async move {
            let request = self.client.post(full_uri).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
            self.send(authorized(request, context.token).body(body?)).await
        }
        .boxed()
    }

    fn http_post_uri_multipart_form<'a, 'p, RS, PT, TS>(
        &'a self,
        _full_uri: Url,
        _file: Option<FileMultipartData<'p>>,
        _params: &'p PT,
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
        PT: IntoIterator<Item = (&'p str, Option<TS>)> + Clone,
        TS: AsRef<str> + 'p + Send,
    {
        std::future::ready(Err(unused("multipart forms"))).boxed()
    }

    fn http_post_uri_binary<'a, 'p, RS>(
        &'a self,
        full_uri: Url,
        content_type: String,
        data: &'a [u8],
        _context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> Deserialize<'de> + Send + 'a,
    {
        // The address is the permission: files lie on another host, which need not see the token.
        let request = self.client.post(full_uri).header(header::CONTENT_TYPE, content_type).body(data.to_vec());
        async move {
            let Answered { status, .. } = self.body(request).await?;
            if !status.is_success() {
                return Err(SlackClientError::HttpError(SlackClientHttpError::new(status)));
            }
            // There success is said by the status, in plain text.
            serde_json::from_str("{}").map_err(|error| map_serde_error(error, None))
        }
        .boxed()
    }
}

fn authorized(request: RequestBuilder, token: Option<&SlackApiToken>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(&token.token_value.0),
        None => request,
    }
}

fn failed(error: HttpError) -> SlackClientError {
    SlackClientError::SystemError(SlackClientSystemError::new().with_cause(Box::new(error)))
}

fn unused(what: &str) -> SlackClientError {
    SlackClientError::SystemError(SlackClientSystemError::new().with_message(format!("{what} is not used here")))
}
