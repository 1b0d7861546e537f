//! How every outgoing connection is made: rustls on ring, time limits, few redirects and only on the same host.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::HttpError;

/// A redirect moves to another path or from http to https; more than this is a loop.
const MAX_REDIRECTS: usize = 3;
/// Idle connections kept per neighbour: the burst of one investigation.
const IDLE_CONNECTIONS: usize = 8;
/// Below the idle timeouts of usual proxies (60 s), so that we close first and no request meets a closed connection.
const IDLE_FOR: Duration = Duration::from_secs(45);

/// Time limits and trust of one neighbour's client.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// For name lookup, connection and TLS handshake.
    pub connect_timeout: Duration,
    /// For the whole exchange, body included. `None` for streams, which bring a limit of their own.
    pub total_timeout: Option<Duration>,
    /// Certificates (PEM) trusted besides those of the system.
    pub extra_ca: Option<Vec<u8>>,
    /// Speak HTTP/1.1 even where HTTP/2 is offered: WebSockets begin there.
    pub only_http1: bool,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            total_timeout: Some(Duration::from_secs(15)),
            extra_ca: None,
            only_http1: false,
        }
    }
}

/// A client with the settings. Proxies of the environment are not used: most neighbours are inside, and a proxy meant for
/// the outside would see their credentials.
pub fn build_client(settings: &ClientSettings) -> Result<reqwest::Client, HttpError> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("holmes-bot/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .pool_idle_timeout(IDLE_FOR)
        .redirect(reqwest::redirect::Policy::custom(same_host))
        .no_proxy()
        .gzip(true)
        .tls_backend_preconfigured(tls(settings)?);
    if settings.only_http1 {
        builder = builder.http1_only();
    }
    if let Some(total) = settings.total_timeout {
        builder = builder.timeout(total);
    }
    builder.build().map_err(|error| HttpError::Setup(error.without_url().to_string()))
}

/// TLS with ring as its provider, given here rather than installed for the whole process.
fn tls(settings: &ClientSettings) -> Result<rustls::ClientConfig, HttpError> {
    let mut roots = rustls::RootCertStore::empty();
    // An image without a certificate bundle is fine as long as the neighbours speak http or bring their own CA.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(pem) = settings.extra_ca.as_deref() {
        let certificates: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates =
            certificates.map_err(|error| HttpError::Setup(format!("the CA file is not PEM: {error}")))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(HttpError::Setup("the CA file holds no usable certificate".into()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols =
        if settings.only_http1 { vec![b"http/1.1".to_vec()] } else { vec![b"h2".to_vec(), b"http/1.1".to_vec()] };
    Ok(config)
}

/// Follows redirects on one host only and never from https to http: a login page elsewhere is no answer, and
/// credentials stay where they were meant to go. Only those that keep method and body: behind 301, 302 and 303 a POST would
/// become a GET that asks for nothing, and its answer be taken for ours.
fn same_host(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let Some(first) = attempt.previous().first() else { return attempt.stop() };
    let same = first.host_str() == attempt.url().host_str();
    let keeps = matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    let weaker = first.scheme() == "https" && attempt.url().scheme() != "https";
    if same && keeps && !weaker && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_ca_file_is_a_setup_error() {
        let settings = ClientSettings { extra_ca: Some(b"not a certificate".to_vec()), ..Default::default() };
        assert!(matches!(build_client(&settings), Err(HttpError::Setup(_))));
        assert!(build_client(&ClientSettings::default()).is_ok());
    }
}
