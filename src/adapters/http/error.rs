//! What can go wrong between us and a neighbour, in words that a person can act on.

use std::error::Error as _;
use std::time::Duration;

/// Why there is no answer. Addresses are shown without credentials and query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// No (whole) answer in time.
    #[error("{url} did not answer within {}", seconds(.after))]
    Timeout {
        /// Where.
        url: String,
        /// The limit that was reached.
        after: Duration,
    },
    /// No connection.
    #[error("{url} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// `connection refused`, `no such host` …
        why: String,
    },
    /// 401 or 403.
    #[error("{url} refused our credentials (HTTP {code}): check user, password or token")]
    Unauthorized {
        /// Where.
        url: String,
        /// 401 or 403.
        code: u16,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects to {to}: is a login or another address in front of it?")]
    Redirected {
        /// Where.
        url: String,
        /// Target, without query.
        to: String,
    },
    /// Any other status that is not success.
    #[error("{url} answered HTTP {code}{}", after_colon(.excerpt))]
    Status {
        /// Where.
        url: String,
        /// Status code.
        code: u16,
        /// The start of its body as one line of text.
        excerpt: String,
    },
    /// Success, but not in the neighbour's language.
    #[error("{url} did not answer as expected: {seen}")]
    NotJson {
        /// Where.
        url: String,
        /// What it looked like: `an HTML page "Login": is this the right URL?`.
        seen: String,
    },
    /// The answer is longer than we are ready to read.
    #[error("{url} answered with more than {}", size(.limit))]
    TooLarge {
        /// Where.
        url: String,
        /// Bytes.
        limit: usize,
    },
    /// The connection broke in mid-answer.
    #[error("{url} broke off in the middle of its answer: {why}")]
    Broken {
        /// Where.
        url: String,
        /// The cause.
        why: String,
    },
    /// Our own settings: an address or certificate that cannot be used.
    #[error("cannot be used as configured: {0}")]
    Setup(String),
}

impl HttpError {
    /// Sorts a client's error. `after` is the limit that applied.
    pub(in crate::adapters) fn from_reqwest(error: reqwest::Error, url: &str, after: Duration) -> Self {
        let url = url.to_owned();
        if error.is_timeout() && error.is_connect() {
            return Self::Unreachable { url, why: "no connection in time".into() };
        }
        if error.is_timeout() {
            return Self::Timeout { url, after };
        }
        let connecting = error.is_connect();
        let why = cause(error);
        if connecting { Self::Unreachable { url, why } } else { Self::Broken { url, why } }
    }

    /// An error while reading a body.
    pub(in crate::adapters) fn from_body(error: reqwest::Error, url: String) -> Self {
        let late = error.is_timeout();
        let why = if late { "the rest did not come in time".into() } else { cause(error) };
        Self::Broken { url, why }
    }

    /// What an operator does about it, whatever the neighbour is.
    pub fn mend(&self) -> &'static str {
        match self {
            Self::Unauthorized { .. } => "set the user and password, or the token",
            Self::NotJson { .. } | Self::Redirected { .. } => {
                "use the address inside of the cluster, not the page behind a login"
            }
            Self::Timeout { .. } => {
                "it takes connections but says nothing: is the port right, and is the server overloaded?"
            }
            Self::Unreachable { .. } => {
                "is the address right, does the Service exist, and does a NetworkPolicy let us through?"
            }
            Self::Status { .. } | Self::TooLarge { .. } | Self::Broken { .. } | Self::Setup(_) => {
                "look at the server's log"
            }
        }
    }

    /// Whether asking again later may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Unreachable { .. } | Self::Broken { .. } => true,
            Self::Status { code, .. } => *code >= 500 || *code == 429,
            Self::Unauthorized { .. }
            | Self::Redirected { .. }
            | Self::NotJson { .. }
            | Self::TooLarge { .. }
            | Self::Setup(_) => false,
        }
    }
}

/// The innermost cause in words; the outer layers only repeat that sending failed.
fn cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let lower = text.to_lowercase();
    if lower.contains("connection refused") {
        "connection refused".into()
    } else if lower.contains("lookup address") || lower.contains("dns") || error.source().is_some_and(is_lookup) {
        "no such host".into()
    } else if lower.contains("certificate") || lower.contains("unknownissuer") {
        format!("its certificate is not trusted ({text}): add its CA")
    } else if lower.contains("corrupt message") || lower.contains("invalid contenttype") {
        "it does not speak TLS: is it http rather than https?".into()
    } else {
        text
    }
}

fn is_lookup(error: &(dyn std::error::Error + 'static)) -> bool {
    error.to_string().contains("dns error") || error.source().is_some_and(is_lookup)
}

fn seconds(limit: &Duration) -> String {
    if limit.subsec_millis() == 0 { format!("{} s", limit.as_secs()) } else { format!("{} ms", limit.as_millis()) }
}

fn size(bytes: &usize) -> String {
    const MIB: usize = 1024 * 1024;
    if *bytes >= MIB { format!("{} MiB", bytes / MIB) } else { format!("{} KiB", bytes.div_ceil(1024)) }
}

fn after_colon(excerpt: &str) -> String {
    if excerpt.is_empty() { String::new() } else { format!(": {excerpt}") }
}
