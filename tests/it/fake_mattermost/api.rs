//! The API's frame: who asks, what goes wrong, how it says no.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde_json::{Value, json};

use super::state::Fault;
use super::{Shared, people, person, posts, socket};

pub type Server = State<Arc<Shared>>;

/// A refusal as the server writes it.
#[derive(Debug)]
pub struct No(pub u16, pub &'static str, pub &'static str);

/// No right to it, or no such thing: the server does not tell which.
pub const FORBIDDEN: No = No(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.");

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let Self(status, id, message) = self;
        let body = json!({
            "id": id, "message": message, "detailed_error": "", "request_id": "pa1x6y8", "status_code": status,
        });
        (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
    }
}

pub type Answer = Result<(StatusCode, axum::Json<Value>), No>;

pub fn ok(body: Value) -> Answer {
    Ok((StatusCode::OK, axum::Json(body)))
}

pub fn created(body: Value) -> Answer {
    Ok((StatusCode::CREATED, axum::Json(body)))
}

/// Whoever's token the request bears.
pub struct Caller(pub String);

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = No;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, No> {
        caller(shared, &parts.headers).map(Self).ok_or(No(
            401,
            "api.context.session_expired.app_error",
            "Invalid or expired session, please login again.",
        ))
    }
}

pub fn caller(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    let token = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
    shared.state().tokens.get(token).cloned()
}

pub fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/users/me", get(people::me))
        .route("/users/{user}", get(people::user))
        .route("/users/username/{name}", get(people::by_name))
        .route("/users/me/teams", get(people::my_teams))
        .route("/users/me/teams/{team}/channels", get(people::my_channels))
        .route("/users/{user}/tokens", post(people::make_token))
        .route("/users/{user}/typing", post(people::typing))
        .route("/bots", post(people::make_bot))
        .route("/teams/{team}", get(people::team))
        .route("/teams/{team}/members", post(people::join_team))
        .route("/teams/{team}/members/{user}", get(people::team_member))
        .route("/teams/{team}/commands/autocomplete", get(people::autocomplete))
        .route("/teams/name/{team}/channels/name/{channel}", get(people::channel_by_name))
        .route("/channels/direct", post(people::direct))
        .route("/channels/{channel}", get(people::channel))
        .route("/channels/{channel}/members", post(people::join_channel))
        .route("/channels/{channel}/members/{user}", get(people::channel_member))
        .route("/channels/{channel}/posts", get(posts::of_channel))
        .route("/groups", get(people::groups))
        .route("/config", get(people::config))
        .route("/config/client", get(people::client_config))
        .route("/commands", get(people::commands).post(people::make_command))
        .route("/commands/{command}", put(people::change_command))
        .route("/commands/execute", post(person::execute))
        .route("/files", post(posts::upload))
        .route("/posts", post(posts::create))
        .route("/posts/ephemeral", post(posts::ephemeral))
        .route("/posts/{post}", get(posts::one).delete(posts::delete))
        .route("/posts/{post}/patch", put(posts::patch))
        .route("/posts/{post}/thread", get(posts::thread))
        .route("/posts/{post}/actions/{action}", post(person::act))
        .route("/actions/dialogs/open", post(person::open_dialog))
        .route("/actions/dialogs/submit", post(person::submit_dialog))
        .route("/websocket", get(socket::open))
        .layer(DefaultBodyLimit::max(100 << 20))
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), troubled));
    Router::new().nest("/api/v4", api).fallback(unknown).with_state(shared)
}

async fn unknown() -> Response {
    let body = json!({
        "id": "api.context.404.app_error", "message": "Sorry, we could not find the page.", "detailed_error": "",
        "status_code": 404,
    });
    // JSON that says it is none.
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], body.to_string()).into_response()
}

async fn troubled(State(shared): Server, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let fault = {
        let mut state = shared.state();
        state.calls.push(format!("{} {path}", request.method()));
        state.fault(&path)
    };
    match fault {
        None => next.run(request).await,
        Some(Fault::Refuse { status, .. }) => No(status, "api.fake.refused", "As the test wants it.").into_response(),
        Some(Fault::Lose { .. }) => {
            let _ = next.run(request).await;
            (StatusCode::BAD_GATEWAY, "<html><title>502 Bad Gateway</title></html>").into_response()
        }
        Some(Fault::Limit { seconds, .. }) => {
            let seconds = seconds.to_string();
            let headers = [
                ("retry-after", seconds.as_str()),
                ("x-ratelimit-limit", "101"),
                ("x-ratelimit-remaining", "0"),
                ("x-ratelimit-reset", seconds.as_str()),
            ];
            (StatusCode::TOO_MANY_REQUESTS, headers, "limit exceeded\n").into_response()
        }
    }
}
