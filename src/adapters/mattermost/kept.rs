//! What is kept in the store between two starts, as text.

use crate::ports::{DocumentKind, Store, StoreError};

/// What is kept under a name, if anything is.
///
/// # Errors
/// When the store does not answer.
pub(super) async fn text(store: &dyn Store, name: &str) -> Result<Option<String>, StoreError> {
    let documents = store.documents(DocumentKind::Own, 0).await?;
    let body = documents.into_iter().find(|document| document.key == name).and_then(|document| document.body);
    Ok(body.and_then(|body| String::from_utf8(body).ok()))
}
