//! What a line says about something that could not be reached: how it failed, and where it was.

use super::words::has_any;
use super::{record, words};

pub use host::{Place, place};
pub use port::service_of_port;
use rules::RULES;

mod host;
mod port;
mod proxy;
mod rules;

/// How a connection failed, most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// Its certificate expired, is not trusted or is for another name.
    Certificate,
    /// A login or permission was refused.
    Auth,
    /// It has no room for another connection.
    TooMany,
    /// Nothing listens there.
    Refused,
    /// The name is unknown.
    NoSuchHost,
    /// The name server did not answer as it should.
    Dns,
    /// No way leads there.
    NoRoute,
    /// The handshake failed for another reason.
    Tls,
    /// It hung up.
    Reset,
    /// It did not answer in time.
    Timeout,
    /// It takes no more data: its memory is used up.
    Full,
    /// The client's own pool of connections is used up.
    PoolExhausted,
    /// A server on the way says that there is nobody behind it.
    Unavailable,
}

impl Failure {
    /// As a fact: the phrase chooses its words by it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Auth => "auth",
            Self::TooMany => "too_many_connections",
            Self::Refused => "refused",
            Self::NoSuchHost => "no_such_host",
            Self::Dns => "dns",
            Self::NoRoute => "no_route",
            Self::Tls => "tls",
            Self::Reset => "reset",
            Self::Timeout => "timeout",
            Self::Full => "full",
            Self::PoolExhausted => "pool_exhausted",
            Self::Unavailable => "unavailable",
        }
    }
}

/// How the line says a connection failed; `None` if it speaks of something else.
pub fn failure(text: &str) -> Option<Failure> {
    let lower = text.to_lowercase();
    let told = RULES.iter().find(|(failure, needles)| has_any(&lower, needles) && holds(*failure, &lower));
    told.map(|rule| rule.0).or_else(|| proxy::blamed(text).map(|(failure, _)| failure))
}

/// What a rule's words leave open.
fn holds(failure: Failure, lower: &str) -> bool {
    match failure {
        // `Connection to db:5432 refused` has a name in the middle.
        Failure::Refused => {
            has_any(lower, &["refused", "111", "broker may not be available", "отказ", "отклонен"])
                // A payment that was declined or a policy that refuses is an answer.
                && !lower.contains("refused: ")
                || lower.contains("connection refused")
        }
        Failure::Auth => {
            !lower.contains("role \"") || lower.contains("does not exist") || words::has_word(lower, "permission")
        }
        // `timeout of 30s configured` and the like are settings, not failures.
        Failure::Timeout => {
            !has_any(lower, &["timeout of 0", "set timeout", "configured timeout"]) && !host::is_of_caller(lower)
        }
        Failure::Reset => !host::is_of_caller(lower),
        _ => true,
    }
}

/// A failure and where it happened, from one whole log record.
pub fn failed_connection(record: &str) -> Option<(Failure, Option<Place>)> {
    // An access log is read by its fields: its words are those of whoever asked.
    if let Some(blamed) = proxy::blamed(record) {
        return Some(blamed);
    }
    let failure = failure(record)?;
    let found = place(record).or_else(|| place(&record::plain_record(record)));
    Some((failure, found))
}
