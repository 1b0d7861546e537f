//! Open WebUI as it was observed: it pages by 30, doubles the passages of a file that is added twice, takes the passages of
//! every file with the same text when one is removed, processes files in the background, and calls similarities distances.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::fakes::Fake;

/// The key that is let in.
pub const KEY: &str = "sk-00000000000000000000000000000000";
/// The user of that key.
pub const USER: &str = "513a8bb8-da8b-4e26-b4e3-921321210b61";
const PAGE: usize = 30;

pub struct FakeOpenWebui {
    pub fake: Fake,
    shared: Shared,
}

type Shared = Arc<Mutex<Inside>>;

#[derive(Default)]
pub struct Inside {
    collections: Vec<(String, String)>,
    pub files: Vec<StoredFile>,
    /// (collection id, file id): the join table, which holds a pair once.
    pub members: BTreeSet<(String, String)>,
    /// (collection id, file id, hash, text): the vector database, which holds what it is given.
    chunks: Vec<(String, String, String, String)>,
    pub notes: Vec<(String, Value)>,
    /// Method and path of every request.
    pub calls: Vec<String>,
    /// Refuse keys, as a server without ENABLE_API_KEYS does.
    pub keys_refused: bool,
    /// Answers the next `file/add` with 500 and does nothing.
    pub break_next_add: bool,
    made: u64,
}

#[derive(Clone)]
pub struct StoredFile {
    pub id: String,
    pub name: String,
    pub text: String,
    pub user: String,
    looks: u32,
}

impl FakeOpenWebui {
    /// A server with collections of these names.
    pub async fn start(collections: &[&str]) -> Self {
        let shared = Shared::default();
        for name in collections {
            let id = shared.lock().unwrap().id();
            shared.lock().unwrap().collections.push((id, (*name).to_owned()));
        }
        let guarded = Router::new()
            .route("/api/v1/auths/", get(session))
            .route("/api/v1/knowledge/", get(collections_page))
            .route("/api/v1/knowledge/create", post(create))
            .route("/api/v1/knowledge/{id}", get(collection))
            .route("/api/v1/knowledge/{id}/files", get(files_page))
            .route("/api/v1/knowledge/{id}/file/add", post(add))
            .route("/api/v1/knowledge/{id}/file/remove", post(remove))
            .route("/api/v1/files/", post(upload))
            .route("/api/v1/files/search", get(search_files))
            .route("/api/v1/files/{id}", delete(delete_file))
            .route("/api/v1/files/{id}", get(file))
            .route("/api/v1/files/{id}/process/status", get(status))
            .route("/api/v1/retrieval/query/collection", post(query))
            .route("/api/v1/notes/create", post(create_note))
            .route("/api/v1/notes/{id}/delete", delete(delete_note))
            .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard))
            .route("/api/version", get(async || Json(json!({"version": "0.12.4", "deployment_id": ""}))))
            .with_state(Arc::clone(&shared));
        Self { fake: Fake::start(guarded).await, shared }
    }

    pub fn url(&self) -> String {
        self.fake.url()
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.shared.lock().unwrap()
    }

    /// Names of a collection's files, sorted.
    pub fn files_in(&self, collection: &str) -> Vec<String> {
        let inside = self.inside();
        let id = inside.collection_called(collection);
        let mut names: Vec<String> = inside
            .files
            .iter()
            .filter(|file| inside.members.contains(&(id.clone(), file.id.clone())))
            .map(|file| file.name.clone())
            .collect();
        names.sort();
        names
    }

    /// Passages of a collection that hold a word.
    pub fn passages(&self, collection: &str, word: &str) -> usize {
        let inside = self.inside();
        let id = inside.collection_called(collection);
        inside.chunks.iter().filter(|(of, _, _, text)| *of == id && text.contains(word)).count()
    }

    /// Puts a file in, as somebody with a browser would.
    pub fn put_in(&self, collection: &str, name: &str, text: &str, user: &str) -> String {
        let mut inside = self.inside();
        let collection = inside.collection_called(collection);
        let id = inside.id();
        let file = StoredFile { id: id.clone(), name: name.into(), text: text.into(), user: user.into(), looks: 9 };
        inside.files.push(file);
        inside.add(&collection, &id);
        id
    }

    /// Writing requests so far.
    pub fn writes(&self) -> usize {
        let reads = ["GET ", "POST /api/v1/retrieval/"];
        self.inside().calls.iter().filter(|call| !reads.iter().any(|read| call.starts_with(read))).count()
    }
}

impl Inside {
    fn id(&mut self) -> String {
        self.made += 1;
        format!("{:08x}-0000-4000-8000-000000000000", self.made)
    }

    fn collection_called(&self, name: &str) -> String {
        self.collections.iter().find(|(_, called)| called == name).expect("a collection of the name").0.clone()
    }

    fn add(&mut self, collection: &str, file: &str) {
        let file = self.files.iter().find(|known| known.id == file).expect("the file").clone();
        let hash = hash(&file.text);
        for text in file.text.split("\n#").filter(|text| !text.trim().is_empty()) {
            self.chunks.push((collection.into(), file.id.clone(), hash.clone(), text.trim().into()));
        }
        self.members.insert((collection.into(), file.id));
    }
}

fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn guard(State(shared): State<Shared>, headers: HeaderMap, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    shared.lock().unwrap().calls.push(format!("{} {path}", request.method()));
    let given = headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned());
    if shared.lock().unwrap().keys_refused {
        return detail(StatusCode::FORBIDDEN, "Use of API key is not enabled in the environment.");
    }
    match given.as_deref().map(|given| given.strip_prefix("Bearer ")) {
        None => detail(StatusCode::UNAUTHORIZED, "Not authenticated"),
        Some(Some(KEY)) => next.run(request).await,
        Some(_) => {
            detail(StatusCode::UNAUTHORIZED, "Your session has expired or the token is invalid. Please sign in again.")
        }
    }
}

fn detail(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({"detail": text}))).into_response()
}

fn not_found() -> Response {
    detail(StatusCode::NOT_FOUND, "We could not find what you're looking for :/")
}

#[derive(serde::Deserialize)]
struct PageQuery {
    #[serde(default)]
    page: Option<usize>,
}

fn page<T>(items: &[T], query: &PageQuery) -> Vec<T>
where
    T: Clone,
{
    items.iter().skip((query.page.unwrap_or(1).max(1) - 1) * PAGE).take(PAGE).cloned().collect()
}

async fn session() -> Response {
    Json(json!({"id": USER, "name": "Admin", "role": "admin", "email": "admin@example.test"})).into_response()
}

fn described(id: &str, name: &str) -> Value {
    json!({"id": id, "user_id": USER, "name": name, "description": "", "meta": null, "access_grants": [],
           "created_at": 1_795_383_666, "updated_at": 1_795_383_666})
}

async fn collections_page(State(shared): State<Shared>, Query(query): Query<PageQuery>) -> Response {
    let inside = shared.lock().unwrap();
    let item = |(id, name): &(String, String)| {
        let mut item = described(id, name);
        item["user"] = json!({"id": USER, "name": "Admin", "role": "admin", "email": "admin@example.test"});
        item["file_count"] = json!(inside.members.iter().filter(|(of, _)| of == id).count());
        item["write_access"] = json!(true);
        item
    };
    let all: Vec<Value> = inside.collections.iter().map(item).collect();
    Json(json!({"items": page(&all, &query), "total": all.len()})).into_response()
}

async fn collection(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let inside = shared.lock().unwrap();
    let Some((id, name)) = inside.collections.iter().find(|(known, _)| *known == id) else { return not_found() };
    let mut answer = described(id, name);
    answer["files"] = Value::Null;
    answer["write_access"] = json!(true);
    Json(answer).into_response()
}

async fn create(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let (Some(name), Some(_)) = (body["name"].as_str(), body["description"].as_str()) else {
        return detail(StatusCode::UNPROCESSABLE_ENTITY, "Field required");
    };
    let mut inside = shared.lock().unwrap();
    let id = inside.id();
    inside.collections.push((id.clone(), name.to_owned()));
    let mut answer = described(&id, name);
    answer["files"] = Value::Null;
    Json(answer).into_response()
}

fn listed(file: &StoredFile, collection: &str) -> Value {
    json!({"id": file.id, "user_id": file.user, "hash": hash(&file.text), "filename": file.name, "data": null,
           "meta": {"name": file.name, "content_type": "text/markdown", "size": file.text.len(),
                    "file_hash": hash(&file.text), "data": {}, "collection_name": collection},
           "created_at": 1_795_383_666, "updated_at": 1_795_383_668, "directory_id": null, "directory_path": "",
           "has_original": true,
           "user": {"id": file.user, "name": "Admin", "role": "admin", "email": "admin@example.test"}})
}

async fn files_page(State(shared): State<Shared>, Path(id): Path<String>, Query(query): Query<PageQuery>) -> Response {
    let inside = shared.lock().unwrap();
    if !inside.collections.iter().any(|(known, _)| *known == id) {
        return detail(StatusCode::BAD_REQUEST, "We could not find what you're looking for :/");
    }
    let inside_collection = |file: &&StoredFile| inside.members.contains(&(id.clone(), file.id.clone()));
    let all: Vec<Value> = inside.files.iter().filter(inside_collection).map(|file| listed(file, &id)).collect();
    Json(json!({"items": page(&all, &query), "directories": [], "breadcrumbs": [], "total": all.len()})).into_response()
}

async fn add(State(shared): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    let mut inside = shared.lock().unwrap();
    let file = body["file_id"].as_str().expect("file_id").to_owned();
    let Some(known) = inside.files.iter().find(|known| known.id == file) else {
        return detail(StatusCode::BAD_REQUEST, "We could not find what you're looking for :/");
    };
    if known.looks < 2 {
        return detail(StatusCode::BAD_REQUEST, "Extracted content is not available for this file.");
    }
    if std::mem::take(&mut inside.break_next_add) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response();
    }
    inside.add(&id, &file);
    with_files(&inside, &id)
}

fn with_files(inside: &Inside, id: &str) -> Response {
    let Some((_, name)) = inside.collections.iter().find(|(known, _)| known == id) else { return not_found() };
    let mut answer = described(id, name);
    let files: Vec<Value> = inside
        .files
        .iter()
        .filter(|file| inside.members.contains(&(id.to_owned(), file.id.clone())))
        .map(|file| {
            let whole = listed(file, id);
            ["id", "hash", "meta", "created_at", "updated_at"]
                .iter()
                .map(|key| ((*key).to_owned(), whole[*key].clone()))
                .collect()
        })
        .collect();
    answer["files"] = json!(files);
    answer["write_access"] = json!(false);
    Json(answer).into_response()
}

async fn remove(State(shared): State<Shared>, Path(id): Path<String>, Json(body): Json<Value>) -> Response {
    let mut inside = shared.lock().unwrap();
    let file = body["file_id"].as_str().expect("file_id").to_owned();
    if !inside.members.remove(&(id.clone(), file.clone())) {
        return detail(StatusCode::BAD_REQUEST, "We could not find what you're looking for :/");
    }
    let at = inside.files.iter().position(|known| known.id == file).expect("a member is a file");
    let gone = inside.files.remove(at);
    let hash = hash(&gone.text);
    inside.chunks.retain(|(of, by, with, _)| *of != id || (*by != file && *with != hash));
    with_files(&inside, &id)
}

async fn upload(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let content_type = headers.get(header::CONTENT_TYPE).expect("a content type").to_str().unwrap();
    let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("multipart with a boundary");
    let body = String::from_utf8(body.to_vec()).expect("UTF-8").replace("\r\n", "\n");
    let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
    let [_, part, end] = parts[..] else { panic!("not one part: {body}") };
    assert_eq!(end.trim(), "--", "the last boundary");
    let (head, text) = part.split_once("\n\n").expect("headers and text");
    assert!(head.contains("form-data; name=\"file\""), "{head}");
    let name = head.split_once("filename=\"").expect("a file name").1.split('"').next().unwrap().to_owned();
    let text = text.strip_suffix('\n').unwrap().to_owned();
    let mut inside = shared.lock().unwrap();
    let id = inside.id();
    let file = StoredFile { id: id.clone(), name: name.clone(), text: text.clone(), user: USER.into(), looks: 0 };
    inside.files.push(file);
    Json(json!({"id": id, "user_id": USER, "hash": null, "filename": name, "data": {"status": "pending"},
        "meta": {"name": name, "content_type": "text/markdown", "size": text.len(), "file_hash": hash(&text), "data": {}},
        "created_at": 1_795_383_666, "updated_at": 1_795_383_666, "status": true,
        "path": format!("uploads/{id}_{name}")}))
    .into_response()
}

#[derive(serde::Deserialize)]
struct FileQuery {
    filename: String,
}

async fn search_files(State(shared): State<Shared>, Query(query): Query<FileQuery>) -> Response {
    let inside = shared.lock().unwrap();
    let found: Vec<Value> =
        inside.files.iter().filter(|file| file.name == query.filename).map(|file| listed(file, "")).collect();
    if found.is_empty() {
        detail(StatusCode::NOT_FOUND, "No files found matching the pattern.")
    } else {
        Json(found).into_response()
    }
}

async fn status(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let mut inside = shared.lock().unwrap();
    let Some(file) = inside.files.iter_mut().find(|file| file.id == id) else { return not_found() };
    file.looks += 1;
    let status = match file.looks {
        1 => "processing",
        _ if file.text.contains("unreadable") => "failed",
        _ => "completed",
    };
    Json(json!({"status": status})).into_response()
}

async fn file(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let inside = shared.lock().unwrap();
    let Some(file) = inside.files.iter().find(|file| file.id == id) else { return not_found() };
    let error = file.text.contains("unreadable").then_some("The content provided is empty.");
    Json(json!({"id": id, "user_id": file.user, "filename": file.name, "data": {"status": "failed", "error": error}}))
        .into_response()
}

async fn delete_file(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let mut inside = shared.lock().unwrap();
    let before = inside.files.len();
    inside.files.retain(|file| file.id != id);
    if inside.files.len() == before {
        not_found()
    } else {
        Json(json!({"message": "File deleted successfully"})).into_response()
    }
}

async fn query(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    let (Some(names), Some(wanted)) = (body["collection_names"].as_array(), body["query"].as_str()) else {
        return (
            StatusCode::UNPROCESSABLE_ENTITY,
            Json(json!({"detail": [{"type": "list_type", "loc": ["body", "collection_names"],
                "msg": "Input should be a valid list", "input": body["collection_names"]}]})),
        )
            .into_response();
    };
    let inside = shared.lock().unwrap();
    let words: Vec<String> = wanted.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let mut found: Vec<(f64, Value, Value)> = Vec::new();
    for (collection, file, hash, text) in &inside.chunks {
        if !names.iter().any(|name| name == collection) || found.iter().any(|(_, seen, _)| seen == text) {
            continue;
        }
        let lower = text.to_lowercase();
        let said = words.iter().filter(|word| lower.contains(word.as_str())).count();
        let near = 0.5 + 0.5 * said as f64 / words.len().max(1) as f64;
        let name = inside.files.iter().find(|known| known.id == *file).map_or("", |file| &file.name);
        let metadata = json!({"file_id": file, "start_index": 0, "content_type": "text/markdown", "created_by": USER,
            "embedding_config": "{}", "hash": hash, "file_hash": hash, "size": text.len(), "source": name, "name": name});
        found.push((near, json!(text), metadata));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(body["k"].as_u64().unwrap_or(3) as usize);
    let mut lists = (Vec::new(), Vec::new(), Vec::new());
    for (near, text, metadata) in found {
        lists.0.push(near);
        lists.1.push(text);
        lists.2.push(metadata);
    }
    Json(json!({"distances": [lists.0], "documents": [lists.1], "metadatas": [lists.2]})).into_response()
}

async fn create_note(State(shared): State<Shared>, Json(body): Json<Value>) -> Response {
    assert!(body["title"].is_string() && body["data"]["content"]["md"].is_string(), "{body}");
    assert!(body["access_grants"].is_array() && body["meta"].is_object(), "{body}");
    let mut inside = shared.lock().unwrap();
    let id = inside.id();
    inside.notes.push((id.clone(), body.clone()));
    Json(json!({"id": id, "user_id": USER, "title": body["title"], "data": body["data"], "meta": body["meta"],
        "is_pinned": false, "access_grants": [], "created_at": 1_795_383_669_007_094_965_u64,
        "updated_at": 1_795_383_669_007_096_505_u64}))
    .into_response()
}

async fn delete_note(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let mut inside = shared.lock().unwrap();
    let before = inside.notes.len();
    inside.notes.retain(|(known, _)| *known != id);
    if inside.notes.len() == before { not_found() } else { Json(true).into_response() }
}
