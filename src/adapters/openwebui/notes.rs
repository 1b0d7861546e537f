//! Notes: Open WebUI has a place of their own for them, beside its collections.

use serde::Deserialize;
use serde_json::json;

use super::OpenWebui;
use crate::adapters::http::HttpError;
use crate::domain::note::Note;

#[derive(Deserialize)]
struct Made {
    id: String,
}

impl OpenWebui {
    /// Takes a note down; the answer is its id there.
    ///
    /// # Errors
    /// When Open WebUI does not answer or refuses. After a timeout it may have been taken nevertheless.
    pub async fn add_note(&self, note: &Note) -> Result<String, HttpError> {
        let body = json!({
            "title": note.title,
            "data": {"content": {"md": note.markdown()}},
            "meta": {"holmes_bot": note.id(), "tags": note.tags},
            "access_grants": [],
        });
        let made: Made = self.post("api/v1/notes/create", &body).await?;
        Ok(made.id)
    }

    /// Deletes a note that we took; one that is gone already is fine.
    ///
    /// # Errors
    /// When Open WebUI does not answer or refuses.
    pub async fn delete_note(&self, id: &str) -> Result<(), HttpError> {
        match self.endpoint.send(self.endpoint.delete(&format!("api/v1/notes/{id}/delete"))).await {
            Ok(_) | Err(HttpError::Status { code: 404, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
