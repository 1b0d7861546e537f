//! The console's own files. Their addresses carry a hash of their content, so browsers keep them for good.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::Value;
use minijinja::value::Serde;
use sha2::{Digest, Sha256};

use super::Shared;
use crate::render::Renderer;

/// Name and content type of each file.
const FILES: [(&str, &str); 3] = [
    ("console.css", "text/css; charset=utf-8"),
    ("console.js", "text/javascript; charset=utf-8"),
    ("icon.svg", "image/svg+xml"),
];

/// The files with the hash of what they hold.
pub(super) struct Assets(Vec<Asset>);

struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: Arc<str>,
    hash: String,
}

impl Assets {
    /// The files as `render` has them.
    pub(super) fn of(render: &Renderer) -> Self {
        let assets = FILES.into_iter().map(|(name, content_type)| {
            let body: Arc<str> = render.asset(name).unwrap_or_default().into();
            let hash = Sha256::digest(body.as_bytes()).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            Asset { name, content_type, body, hash }
        });
        Self(assets.collect())
    }

    /// Addresses by the first part of the name: `css`, `js`, `icon`.
    pub(super) fn links(&self) -> Value {
        let link = |asset: &Asset| {
            let key = if asset.name == "icon.svg" { "icon" } else { asset.name.trim_start_matches("console.") };
            (key, format!("/assets/{}?v={}", asset.name, asset.hash))
        };
        Value::from(Serde(self.0.iter().map(link).collect::<BTreeMap<_, _>>()))
    }
}

/// One of the files.
pub(super) async fn asset(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Response {
    match shared.assets.0.iter().find(|asset| asset.name == name) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            (headers, asset.body.to_string()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
