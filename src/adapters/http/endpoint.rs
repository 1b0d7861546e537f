//! One neighbour's address with its credentials, and the one way to send a request there.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

use super::body;
use super::client::{ClientSettings, build_client};
use super::error::HttpError;
use crate::telemetry::trace;

/// Limit that is named when the client has none of its own.
const UNLIMITED: Duration = Duration::from_secs(3600);

/// How we show who we are.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// User and password.
    Basic {
        /// User.
        user: String,
        /// Password.
        password: SecretString,
    },
    /// A token.
    Bearer(SecretString),
}

/// What is configured about one neighbour.
#[derive(Debug, Clone, Default)]
pub struct EndpointSettings {
    /// Base address; may have a path, and user and password, which are then used as [`Auth::Basic`].
    pub url: String,
    /// Credentials.
    pub auth: Auth,
    /// Headers sent with every request, such as a tenant.
    pub headers: Vec<(String, String)>,
    /// Time limits and trust.
    pub client: ClientSettings,
}

/// A neighbour that can be asked.
#[derive(Debug, Clone)]
pub struct Endpoint {
    client: reqwest::Client,
    base: Url,
    auth: Auth,
    headers: HeaderMap,
    total: Duration,
}

impl Endpoint {
    /// Checks the settings and builds the client; nothing is sent.
    pub fn new(settings: &EndpointSettings) -> Result<Self, HttpError> {
        let mut base =
            Url::parse(settings.url.trim()).map_err(|error| HttpError::Setup(format!("the URL: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(HttpError::Setup("the URL must begin with http:// or https:// and name a host".into()));
        }
        let auth = match (&settings.auth, base.username(), base.password()) {
            (Auth::None, user, password) if !user.is_empty() => {
                Auth::Basic { user: decoded(user), password: decoded(password.unwrap_or_default()).into() }
            }
            (auth, _, _) => auth.clone(),
        };
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Self {
            client: build_client(&settings.client)?,
            base,
            auth,
            headers: headers(&settings.headers)?,
            total: settings.client.total_timeout.unwrap_or(UNLIMITED),
        })
    }

    /// The base address, without credentials.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The time limit of a whole exchange.
    pub fn total_timeout(&self) -> Duration {
        self.total
    }

    /// `path` below the base address. It stays below: `..` and `?` in a name that a path is made of mean nothing.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        // An address with a host has segments.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.trim_start_matches('/').split('/'));
        }
        url
    }

    /// A request to `path` below the base address.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.prepared(self.client.get(self.url(path)))
    }

    /// A request to `path` at the root of the same host, whatever path the base address has.
    pub fn get_root(&self, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(path);
        self.prepared(self.client.get(url))
    }

    /// A request that posts to `path` below the base address; the body is still to be given.
    pub fn post(&self, path: &str) -> RequestBuilder {
        self.prepared(self.client.post(self.url(path)))
    }

    /// A request that deletes `path` below the base address.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.prepared(self.client.delete(self.url(path)))
    }

    /// A form sent to `path` below the base address.
    pub fn post_form<T: serde::Serialize + ?Sized>(&self, path: &str, form: &T) -> RequestBuilder {
        self.prepared(self.client.post(self.url(path)).form(form))
    }

    /// JSON sent to `path` below the base address.
    pub fn post_json<T: serde::Serialize + ?Sized>(&self, path: &str, body: &T) -> RequestBuilder {
        self.prepared(self.client.post(self.url(path)).json(body))
    }

    /// JSON put to `path` below the base address.
    pub fn put_json<T: serde::Serialize + ?Sized>(&self, path: &str, body: &T) -> RequestBuilder {
        self.prepared(self.client.put(self.url(path)).json(body))
    }

    /// Sends a request and returns whatever is answered, for neighbours whose errors say more than one line.
    pub async fn exchange(&self, request: RequestBuilder) -> Result<Response, HttpError> {
        let mut request = request.build().map_err(|error| HttpError::Setup(error.without_url().to_string()))?;
        let url = shown(request.url());
        let span = span(&request);
        span.in_scope(|| trace::tell(request.headers_mut()));
        let sent = self.client.execute(request).instrument(span.clone()).await;
        match &sent {
            Ok(response) => {
                span.record("http.response.status_code", response.status().as_u16());
                if response.status().is_client_error() || response.status().is_server_error() {
                    trace::failed(&span, response.status().as_str());
                }
            }
            Err(_) => trace::failed(&span, "transport"),
        }
        sent.map_err(|error| HttpError::from_reqwest(error, &url, self.total))
    }

    /// Sends a request and lets only a success through. The body is still to be read, see [`super::read_bounded`].
    pub async fn send(&self, request: RequestBuilder) -> Result<Response, HttpError> {
        let response = self.exchange(request).await?;
        let url = shown(response.url());
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let code = status.as_u16();
        if status.is_redirection() {
            let to = response.headers().get(reqwest::header::LOCATION).and_then(|to| to.to_str().ok());
            let to = to.and_then(|to| response.url().join(to).ok()).map_or_else(String::new, |to| shown(&to));
            return Err(HttpError::Redirected { url, to });
        }
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            return Err(HttpError::Unauthorized { url, code });
        }
        Err(HttpError::Status { url, code, excerpt: body::read_excerpt(response).await })
    }

    fn prepared(&self, request: RequestBuilder) -> RequestBuilder {
        let request = request.headers(self.headers.clone());
        match &self.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
            Auth::Bearer(token) => request.bearer_auth(token.expose_secret()),
        }
    }
}

/// A request's span, where it belongs to a trace: what is asked in the background would be a trace each.
fn span(request: &reqwest::Request) -> Span {
    if trace::current().is_none() {
        return Span::none();
    }
    let (method, url) = (request.method(), request.url());
    tracing::info_span!(
        "http",
        otel.name = format!("{method} {}", url.path()),
        otel.kind = "client",
        http.request.method = %method,
        server.address = url.host_str(),
        server.port = url.port_or_known_default(),
        url.path = url.path(),
        http.response.status_code = Empty,
        otel.status_code = Empty,
        error.type = Empty,
    )
}

/// An address as it may be shown: no user, password, query or fragment.
pub fn shown(url: &Url) -> String {
    let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
    let path = if url.path() == "/" { "" } else { url.path() };
    format!("{}://{}{port}{path}", url.scheme(), url.host_str().unwrap_or_default())
}

fn headers(pairs: &[(String, String)]) -> Result<HeaderMap, HttpError> {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        let header = HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::try_from(value.as_str()).ok());
        let (header, mut value) = header.ok_or_else(|| HttpError::Setup(format!("`{name}` is no usable header")))?;
        value.set_sensitive(true);
        map.insert(header, value);
    }
    Ok(map)
}

/// Undoes the percent encoding of user and password in an address.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, tail) {
            (Some(byte), [_, _, tail @ ..]) => {
                bytes.push(byte);
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::new(&EndpointSettings { url: url.into(), ..Default::default() }).unwrap()
    }

    #[test]
    fn paths_go_below_the_base() {
        for (base, whole) in [
            ("http://vm:8428", "http://vm:8428/api/v1/query"),
            ("http://vm:8428/", "http://vm:8428/api/v1/query"),
            ("http://vm:8481/select/0/prometheus/", "http://vm:8481/select/0/prometheus/api/v1/query"),
            ("http://u:p%40ss@vm/x?y=1#z", "http://vm/x/api/v1/query"),
        ] {
            assert_eq!(endpoint(base).url("/api/v1/query").as_str(), whole);
        }
    }

    #[test]
    fn paths_stay_below_the_base() {
        for (path, whole) in [
            ("api/v1/files/../../admin", "http://vm/x/api/v1/files/admin"),
            ("api/v1/files/%2e%2e/admin", "http://vm/x/api/v1/files/%252e%252e/admin"),
            ("api/v1/files/a?b#c", "http://vm/x/api/v1/files/a%3Fb%23c"),
            ("../..", "http://vm/x"),
            ("api/v1/files/", "http://vm/x/api/v1/files/"),
        ] {
            assert_eq!(endpoint("http://vm/x/").url(path).as_str(), whole, "{path}");
        }
    }

    #[test]
    fn credentials_in_the_address_are_used_and_not_shown() {
        let endpoint = endpoint("http://bot:p%40ss@vm:8428/x");
        let Auth::Basic { user, password } = &endpoint.auth else { panic!("no credentials") };
        assert_eq!((user.as_str(), password.expose_secret()), ("bot", "p@ss"));
        assert!(!format!("{endpoint:?}").contains("p@ss"));
        assert_eq!(shown(&Url::parse("http://bot:secret@vm:8428/x?token=1#y").unwrap()), "http://vm:8428/x");
    }

    #[test]
    fn addresses_that_cannot_be_asked_are_refused() {
        for url in ["", "vm:8428", "ftp://vm/", "http://"] {
            let settings = EndpointSettings { url: url.into(), ..Default::default() };
            assert!(matches!(Endpoint::new(&settings), Err(HttpError::Setup(_))), "{url}");
        }
    }
}
