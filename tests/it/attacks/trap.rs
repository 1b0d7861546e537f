//! A server that nobody has any reason to ask, and what asked it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;

use crate::fakes::Fake;

/// Remembers every request.
pub struct Trap {
    fake: Fake,
    hits: Arc<Mutex<Vec<String>>>,
}

impl Trap {
    pub async fn set() -> Self {
        let hits: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&hits);
        let router = Router::new().fallback(move |request: Request| async move {
            seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
            "gotcha"
        });
        Self { fake: Fake::start(router).await, hits }
    }

    pub fn url(&self) -> String {
        self.fake.url()
    }

    pub fn assert_untouched(&self) {
        let hits = self.hits.lock().unwrap();
        assert!(hits.is_empty(), "somebody went where a stranger pointed: {hits:?}");
    }
}
