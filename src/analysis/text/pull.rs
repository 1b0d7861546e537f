//! Why an image could not be pulled, in the words of containerd, CRI-O, Docker and the registries behind them.

use super::words::{after, has_any, quoted};

/// Why a pull failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PullFailure {
    /// No such tag, repository or digest.
    NotFound,
    /// Refused for lack of credentials or rights.
    Unauthorized,
    /// No credentials where some are named: the pull secret is missing.
    SecretMissing,
    /// Too many pulls.
    RateLimited,
    /// The registry did not answer.
    Unreachable,
    /// The registry's certificate is not trusted, or it speaks plain HTTP.
    Tls,
    /// The registry answered with an error of its own.
    RegistryError,
    /// The image's name is not a name.
    InvalidName,
    /// No image for this machine's architecture.
    Platform,
    /// The node's disk is full.
    NoSpace,
    /// It may not be pulled, and is not there.
    NeverPull,
    /// The message does not tell.
    Unknown,
}

impl PullFailure {
    /// As a fact.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::SecretMissing => "secret_missing",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::RegistryError => "registry_error",
            Self::InvalidName => "invalid_name",
            Self::Platform => "platform",
            Self::NoSpace => "no_space",
            Self::NeverPull => "never_pull",
            Self::Unknown => "unknown",
        }
    }
}

/// Most telling first. `access denied, repository does not exist` may be either; registries say it for both.
const RULES: &[(PullFailure, &[&str])] = &[
    (PullFailure::NoSpace, &["no space left on device", "disk quota exceeded"]),
    (PullFailure::RateLimited, &["toomanyrequests", "too many requests", "rate limit", "pull qps exceeded", " 429"]),
    (
        PullFailure::InvalidName,
        &[
            "invalid reference format",
            "couldn't parse image",
            "invalidimagename",
            "must be lowercase",
            "failed to apply default image tag",
        ],
    ),
    (PullFailure::NeverPull, &["pull policy of never", "errimageneverpull"]),
    (
        PullFailure::Platform,
        &[
            "no match for platform",
            "no matching manifest",
            "no image found in manifest list",
            "no image found in image index",
            "image operating system",
            "choosing image instance",
        ],
    ),
    (PullFailure::Tls, &["x509", "certificate", "server gave http response to https client", "tls:", "ssl"]),
    (
        PullFailure::Unreachable,
        &[
            "connection refused",
            "no such host",
            "i/o timeout",
            "deadline exceeded",
            "no route to host",
            "network is unreachable",
            "connection reset",
            "server misbehaving",
            "tls handshake timeout",
            "client.timeout",
            "dial tcp",
            "temporary failure in name resolution",
            "proxyconnect",
            "unexpected eof",
            ": eof",
        ],
    ),
    (
        PullFailure::Unauthorized,
        &[
            "insufficient_scope",
            "unauthorized",
            "401",
            "403",
            "forbidden",
            "authentication required",
            "access denied",
            "access to the resource is denied",
            "access forbidden",
            "no basic auth credentials",
            "denied:",
            "authorization failed",
            "permission denied",
            "permission \"artifactregistry",
        ],
    ),
    (
        PullFailure::NotFound,
        &[
            "not found",
            "manifest unknown",
            "name unknown",
            "404",
            "repository does not exist",
            "unknown manifest",
            "does not exist",
            "not exist",
        ],
    ),
    (
        PullFailure::RegistryError,
        &[
            "500 internal",
            "502 bad",
            "503 service",
            "504 gateway",
            "unexpected status",
            "received unexpected http status",
        ],
    ),
];

/// Why a pull failed, by a kubelet's message or event.
pub fn pull_failure(message: &str) -> PullFailure {
    let lower = message.to_ascii_lowercase();
    // A handshake that times out is a network that is too slow or too closed, not a certificate.
    if lower.contains("handshake timeout") {
        return PullFailure::Unreachable;
    }
    RULES.iter().find(|(_, words)| has_any(&lower, words)).map_or(PullFailure::Unknown, |rule| rule.0)
}

/// The image that a kubelet's message names.
pub fn image_of(message: &str) -> Option<&str> {
    [
        "pulling image ",
        "pull image ",
        "container image ",
        "image reference ",
        "unpack image ",
        "resolve reference ",
        "apply default image tag ",
    ]
    .iter()
    .find_map(|cue| quoted(after(message, cue)?))
}

/// The registry of an image: the first part if it looks like a host, else Docker Hub.
pub fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_runtimes_and_registries() {
        for (message, failure) in [
            (
                r#"Failed to pull image "127.0.0.1:5999/edge/gateway:2.7.1": failed to do request: Head "http://127.0.0.1:5999/v2/edge/gateway/manifests/2.7.1": dial tcp 127.0.0.1:5999: connect: connection refused"#,
                PullFailure::Unreachable,
            ),
            (
                r#"rpc error: code = NotFound desc = failed to pull and unpack image "docker.io/library/web:9": failed to resolve reference "docker.io/library/web:9": docker.io/library/web:9: not found"#,
                PullFailure::NotFound,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
                PullFailure::Unauthorized,
            ),
            (
                "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://ghcr.io/token: 403 Forbidden",
                PullFailure::Unauthorized,
            ),
            (
                "unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
                PullFailure::RateLimited,
            ),
            ("reading manifest v9 in quay.io/a/b: manifest unknown", PullFailure::NotFound),
            ("dial tcp: lookup registry.corp on 10.96.0.10:53: no such host", PullFailure::Unreachable),
            ("x509: certificate signed by unknown authority", PullFailure::Tls),
            ("http: server gave HTTP response to HTTPS client", PullFailure::Tls),
            ("net/http: TLS handshake timeout", PullFailure::Unreachable),
            ("no match for platform in manifest: not found", PullFailure::Platform),
            ("no matching manifest for linux/arm64/v8 in the manifest list entries", PullFailure::Platform),
            (
                r#"Failed to apply default image tag "Web:1": couldn't parse image reference "Web:1": invalid reference format: repository name must be lowercase"#,
                PullFailure::InvalidName,
            ),
            (r#"Container image "web:1" is not present with pull policy of Never"#, PullFailure::NeverPull),
            ("failed to extract layer: write /x: no space left on device", PullFailure::NoSpace),
            ("unexpected status code 503 Service Unavailable", PullFailure::RegistryError),
            (r#"Back-off pulling image "web:1""#, PullFailure::Unknown),
        ] {
            assert_eq!(pull_failure(message), failure, "{message}");
        }
    }

    #[test]
    fn names() {
        assert_eq!(image_of(r#"Back-off pulling image "web:1""#), Some("web:1"));
        assert_eq!(registry_of("127.0.0.1:5999/edge/gateway:2"), "127.0.0.1:5999");
        assert_eq!(registry_of("library/web"), "docker.io");
    }
}
