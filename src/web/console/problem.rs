//! What a person sees when a page cannot be shown.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::context;

use super::Shared;
use crate::ports::StoreError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Problem {
    /// No such incident, evidence or runbook.
    NotFound,
    /// The form did not come from our own page.
    Foreign,
    /// The inbox is full, the store is down, or too many pages are open: try again.
    Busy,
    /// Nobody knows who this is, so they may not decide.
    Nobody,
    /// What was typed makes no sense, and why.
    Senseless(String),
    /// A template failed.
    Broken,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "the console could not read or write the store");
        Self::Busy
    }
}

impl Problem {
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::Foreign => (StatusCode::FORBIDDEN, "foreign"),
            Self::Nobody => (StatusCode::FORBIDDEN, "nobody"),
            Self::Senseless(_) => (StatusCode::UNPROCESSABLE_ENTITY, "senseless"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::Broken => (StatusCode::INTERNAL_SERVER_ERROR, "broken"),
        }
    }

    /// The same as a page.
    pub(super) fn page(&self, shared: &Shared) -> Response {
        let (status, key) = self.parts();
        let said = if let Self::Senseless(said) = self { Some(said) } else { None };
        let values = context! { problem => key, said, assets => shared.assets.links() };
        let page = shared.console.render.page("problem.html", values).unwrap_or_else(|_| key.to_owned());
        let mut response = (status, Html(page)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
        }
        response
    }
}

/// For answers that nobody reads as a page.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.parts().0.into_response()
    }
}
