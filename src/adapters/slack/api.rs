//! Calling methods of the Web API with a token.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use slack_morphism::{ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackClientSession};

use super::connector::Connector;
use super::error::chat_error;
use crate::adapters::http::HttpError;
use crate::ports::ChatError;

/// Pages of one listing, at most: 20,000 channels that the bot is in, 4,000 messages.
const MAX_PAGES: usize = 20;

/// A server with a token for it.
pub struct Api {
    client: SlackClient<Connector>,
    token: SlackApiToken,
}

/// An answer of which no more is needed than that it was done.
#[derive(Debug, Deserialize)]
pub struct Done {}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    response_metadata: Option<Next>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Next {
    #[serde(default)]
    next_cursor: String,
}

impl Api {
    /// Checks the address and builds the client; nothing is sent.
    ///
    /// # Errors
    /// When the client cannot be made.
    pub fn new(api_url: &str, token: &SecretString) -> Result<Self, HttpError> {
        let token = SlackApiToken::new(SlackApiTokenValue(token.expose_secret().to_owned()));
        Ok(Self { client: SlackClient::new(Connector::new(api_url)?), token })
    }

    /// slack-morphism's methods.
    pub fn session(&self) -> SlackClientSession<'_, Connector> {
        self.client.open_session(&self.token)
    }

    /// What the token may do, where the server says it.
    pub async fn scopes(&self) -> Result<Option<Vec<String>>, ChatError> {
        sorted(self.client.http_api.connector.scopes(&self.token).await)
    }

    /// A method that takes JSON, with an answer of our own making where slack-morphism expects more than every server gives.
    pub async fn post<Q, A>(&self, method: &str, request: &Q) -> Result<A, ChatError>
    where
        Q: serde::Serialize + Send + Sync,
        A: DeserializeOwned + Send,
    {
        sorted(self.session().http_session_api.http_post(method, request, None).await)
    }

    /// A method that takes parameters.
    pub async fn get<A: DeserializeOwned + Send>(
        &self,
        method: &str,
        parameters: &[(&str, String)],
    ) -> Result<A, ChatError> {
        let parameters: Vec<(&str, Option<&String>)> =
            parameters.iter().map(|(name, value)| (*name, Some(value))).collect();
        sorted(self.session().http_session_api.http_get(method, &parameters, None).await)
    }

    /// All items of a listing, in `field` of each page, until `enough` says so of what was found so far.
    pub async fn list<T>(
        &self,
        method: &str,
        parameters: &[(&str, String)],
        field: &str,
        enough: impl Fn(&[T]) -> bool + Send,
    ) -> Result<Vec<T>, ChatError>
    where
        T: DeserializeOwned + Send,
    {
        let mut items: Vec<T> = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let parameters: Vec<(&str, Option<String>)> = parameters
                .iter()
                .map(|(name, value)| (*name, Some(value.clone())))
                .chain([("cursor", cursor.take())])
                .collect();
            let mut page: Page = sorted(self.session().http_session_api.http_get(method, &parameters, None).await)?;
            let found = page.rest.remove(field).unwrap_or_else(|| Value::Array(Vec::new()));
            let found: Vec<T> = serde_json::from_value(found)
                .map_err(|error| ChatError::Unknown(format!("its answer to {method} cannot be read: {error}")))?;
            items.extend(found);
            cursor = page.response_metadata.map(|next| next.next_cursor).filter(|cursor| !cursor.is_empty());
            if cursor.is_none() || enough(&items) {
                break;
            }
        }
        Ok(items)
    }
}

/// A result with the error as whoever calls wants it.
pub fn sorted<T>(result: ClientResult<T>) -> Result<T, ChatError> {
    result.map_err(|error| chat_error(&error))
}
