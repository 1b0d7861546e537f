//! Why there are no lines.

use crate::adapters::http::HttpError;
use crate::domain::text;

/// Field names shown when none of them is known.
const MAX_SHOWN_FIELDS: usize = 20;

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogsError {
    /// No answer, or one that is not an answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The query is wrong; the server's own words.
    #[error("the server refused the query: {0}")]
    BadQuery(String),
    /// Something answers there, but not VictoriaLogs.
    #[error("{url} is not VictoriaLogs: {said}")]
    WrongPath {
        /// Where.
        url: String,
        /// What it said.
        said: String,
    },
    /// There are lines, but no field that names their pods.
    #[error("no log field names the pods; there are: {0}")]
    UnknownFields(String),
    /// The time was over before the first line came.
    #[error("no line came in time")]
    Late,
    /// There is nothing at all.
    #[error("the server holds no logs of the last 24 hours")]
    NoLogs,
}

impl LogsError {
    /// Tells a refused query from a wrong address: this server answers 400 to both.
    pub(super) fn sort(error: HttpError) -> Self {
        match error {
            HttpError::Status { url, code: 404 | 405, excerpt } => Self::WrongPath { url, said: excerpt },
            HttpError::Status { url, code: 400, excerpt } if excerpt.starts_with("unsupported path") => {
                Self::WrongPath { url, said: excerpt }
            }
            HttpError::Status { code: 400 | 422, excerpt, .. } => Self::BadQuery(excerpt),
            error => Self::Http(error),
        }
    }

    /// None of the `names` is one we know.
    pub(super) fn no_fields(names: impl Iterator<Item = String>) -> Self {
        let names: Vec<String> = names.filter(|name| !name.starts_with('_')).take(MAX_SHOWN_FIELDS).collect();
        if names.is_empty() { Self::NoLogs } else { Self::UnknownFields(text::line(&names.join(", "), 500)) }
    }
}
