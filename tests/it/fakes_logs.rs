//! A VictoriaLogs that holds a few rows. It does not evaluate queries; it refuses what the recorded servers refused and
//! orders, limits and formats as they did.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::fakes::Fake;

/// In which order the newest N rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As 1.26 did.
    OldestFirst,
    /// As 1.52 did.
    NewestFirst,
}

pub struct FakeLogs {
    fake: Fake,
    state: Arc<Inner>,
}

struct Inner {
    rows: Vec<Value>,
    order: Order,
    asked: Mutex<HashMap<String, usize>>,
    tenant: Mutex<Option<(String, String)>>,
    queries: Mutex<Vec<String>>,
}

type Arguments = Form<HashMap<String, String>>;

impl FakeLogs {
    pub async fn start(rows: Vec<Value>, order: Order) -> Self {
        let state = Arc::new(Inner {
            rows,
            order,
            asked: Mutex::default(),
            tenant: Mutex::default(),
            queries: Mutex::default(),
        });
        let router = Router::new()
            .route("/select/logsql/query", post(query))
            .route("/select/logsql/field_names", post(field_names))
            .route(
                "/metrics",
                get(|| async { "vm_app_version{version=\"victoria-logs-x-v1.52.0\", short_version=\"v1.52.0\"} 1\n" }),
            )
            .fallback(|uri: Uri| async move { refused(format!("unsupported path requested: {:?}", uri.path())) })
            .with_state(state.clone());
        Self { fake: Fake::start(router).await, state }
    }

    pub fn url(&self) -> String {
        self.fake.url()
    }

    /// How often a path was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.state.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    /// The tenant of the newest query.
    pub fn tenant(&self) -> Option<(String, String)> {
        self.state.tenant.lock().unwrap().clone()
    }

    /// The queries for lines, as they came.
    pub fn queries(&self) -> Vec<String> {
        self.state.queries.lock().unwrap().clone()
    }
}

async fn query(State(state): State<Arc<Inner>>, headers: HeaderMap, Form(arguments): Arguments) -> Response {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    *state.tenant.lock().unwrap() = text("AccountID").zip(text("ProjectID"));
    state.queries.lock().unwrap().extend(arguments.get("query").cloned());
    let range = match checked(&arguments) {
        Ok(range) => range,
        Err(refusal) => return refused(refusal),
    };
    let mut rows: Vec<&Value> = state.rows.iter().filter(|row| range.contains(&time(row))).collect();
    rows.sort_by_cached_key(|row| std::cmp::Reverse(time(row)));
    match arguments.get("limit").map(|limit| limit.parse::<usize>()) {
        Some(Err(_)) => return refused(format!("cannot parse integer \"limit\"={:?}", arguments["limit"])),
        Some(Ok(limit)) => rows.truncate(limit),
        None => {}
    }
    if state.order == Order::OldestFirst {
        rows.reverse();
    }
    let fields = arguments["query"].rsplit_once("| fields ").map(|(_, fields)| fields.split(", ").collect::<Vec<_>>());
    let body: String = rows.into_iter().map(|row| format!("{}\n", picked(row, fields.as_deref()))).collect();
    ([(header::CONTENT_TYPE, "application/stream+json")], body).into_response()
}

async fn field_names(State(state): State<Arc<Inner>>, uri: Uri, Form(arguments): Arguments) -> Response {
    *state.asked.lock().unwrap().entry(uri.path().to_owned()).or_default() += 1;
    let range = match checked(&arguments) {
        Ok(range) => range,
        Err(refusal) => return refused(refusal),
    };
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for row in state.rows.iter().filter(|row| range.contains(&time(row))) {
        for name in row.as_object().unwrap().keys() {
            *names.entry(name).or_default() += 1;
        }
    }
    let values: Vec<Value> = names.into_iter().map(|(name, hits)| json!({ "value": name, "hits": hits })).collect();
    axum::Json(json!({ "values": values })).into_response()
}

/// The time range, or what the server says about the arguments.
fn checked(arguments: &HashMap<String, String>) -> Result<std::ops::RangeInclusive<DateTime<Utc>>, String> {
    let query = arguments.get("query").filter(|query| !query.is_empty()).ok_or("`query` arg cannot be empty")?;
    balanced(query).map_err(|why| format!("cannot parse `query` arg [{query}]: {why}; context: [{query}]"))?;
    let at = |name: &str| {
        let text = arguments.get(name).map(String::as_str).unwrap_or_default();
        text.parse::<DateTime<Utc>>().map_err(|_| format!("cannot parse {name}={text}: cannot parse duration {text:?}"))
    };
    Ok(at("start")?..=at("end")?)
}

fn balanced(query: &str) -> Result<(), String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    for c in query.chars() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '\n' if quoted => return Err("line break in a string".into()),
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    if quoted || depth != 0 { Err("missing closing quote or parenthesis".into()) } else { Ok(()) }
}

fn picked(row: &Value, fields: Option<&[&str]>) -> Value {
    let Some(fields) = fields else { return row.clone() };
    fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), row.get(*field)?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn time(row: &Value) -> DateTime<Utc> {
    row["_time"].as_str().unwrap().parse().unwrap()
}

fn refused(text: String) -> Response {
    (StatusCode::BAD_REQUEST, format!("{text}\n")).into_response()
}
