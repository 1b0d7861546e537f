//! Why there are no numbers.

use crate::adapters::http::HttpError;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricsError {
    /// No answer, or one that is not an answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The query itself is wrong or asks for too much; the server's own words.
    #[error("the server refused the query: {0}")]
    BadQuery(String),
    /// Something answers there, but not with this API.
    #[error("{url} has no Prometheus API: {said}")]
    WrongPath {
        /// Where.
        url: String,
        /// What it said.
        said: String,
    },
    /// The answer broke our reader; a bug.
    #[error("the answer could not be read: {0}")]
    Unread(String),
}

impl MetricsError {
    /// Tells a refused query from a wrong address: servers of this family answer 400 to both.
    pub(super) fn sort(error: HttpError) -> Self {
        match error {
            HttpError::Status { url, code: 404 | 405, excerpt } => Self::WrongPath { url, said: excerpt },
            HttpError::Status { url, code: 400, excerpt }
                if excerpt.starts_with("unsupported path") || excerpt.starts_with("unsupported URL format") =>
            {
                Self::WrongPath { url, said: excerpt }
            }
            HttpError::Status { code: 400 | 422, excerpt, .. } => Self::BadQuery(excerpt),
            error => Self::Http(error),
        }
    }
}
