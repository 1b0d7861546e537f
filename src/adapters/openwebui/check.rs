//! What `holmes-bot check` says about Open WebUI.

use serde::Deserialize;

use super::{OpenWebui, OpenWebuiError};
use crate::adapters::check::CheckLine;
use crate::adapters::http::HttpError;
use crate::domain::passage::Collection;

#[derive(Deserialize)]
struct Version {
    version: String,
}

impl OpenWebui {
    /// Reaches for it with our token and looks for the collections. One that does not answer gives one line.
    pub async fn check(&self) -> Vec<CheckLine> {
        self.forget().await;
        let known = match self.known().await {
            Ok(known) => known,
            Err(error) => return vec![CheckLine::bad("open webui", error.to_string(), mend(&error))],
        };
        let version: Result<Version, _> = self.get("api/version", &[]).await;
        let version = version.map_or_else(|_| "answers".into(), |version| format!("Open WebUI {}", version.version));
        let mut lines = vec![CheckLine::good("open webui", version)];
        for collection in Collection::ALL {
            let name = self.name_of(collection);
            let what = format!("collection {}", collection.as_str());
            lines.push(match known.get(&collection) {
                Some(listed) if listed.write_access == Some(false) => {
                    CheckLine::good(what, format!("`{name}`, read only: `knowledge sync` cannot write to it"))
                }
                Some(_) => CheckLine::good(what, format!("`{name}`")),
                None => CheckLine::bad(
                    what,
                    format!("there is no collection `{name}`, or it is not shared with the token's user"),
                    format!(
                        "make it (Workspace → Knowledge, or `holmes-bot knowledge sync --create`), share it, or set \
                         OPENWEBUI_COLLECTION_{}",
                        collection.as_str().to_uppercase()
                    ),
                ),
            });
        }
        lines
    }
}

fn mend(error: &OpenWebuiError) -> String {
    let OpenWebuiError::Http(error) = error else { return "look at Open WebUI's log".into() };
    match error {
        HttpError::Unauthorized { code: 403, .. } => {
            "API keys must be allowed on the server: ENABLE_API_KEYS=true, and for users who are no admins \
             USER_PERMISSIONS_FEATURES_API_KEYS=true"
        }
        HttpError::Unauthorized { .. } => {
            "set OPENWEBUI_TOKEN to an API key (Settings → Account → API keys; the server needs ENABLE_API_KEYS=true)"
        }
        HttpError::NotJson { .. } | HttpError::Redirected { .. } => {
            "OPENWEBUI_URL is Open WebUI's own address, without a login page in front of it"
        }
        HttpError::Unreachable { .. } => {
            "is OPENWEBUI_URL right, does the Service exist, and does a NetworkPolicy let us through?"
        }
        HttpError::Timeout { .. } => "it takes connections but says nothing: is it overloaded?",
        HttpError::Status { code: 404, .. } => "is this Open WebUI? OPENWEBUI_URL goes up to before /api",
        HttpError::Status { .. } | HttpError::Broken { .. } | HttpError::TooLarge { .. } | HttpError::Setup(_) => {
            "look at Open WebUI's log"
        }
    }
    .into()
}
