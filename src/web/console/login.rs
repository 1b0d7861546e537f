//! Keeps everybody out who has no token and no proxy to vouch for them: browsers come in by a login page and a cookie,
//! programs by a bearer token.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Form, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use minijinja::context;
use serde::Deserialize;

use super::assets::Assets;
use super::visitor::{Doors, Visitor};
use super::{protect, session};
use crate::ports::Clock;
use crate::render::Renderer;

/// A wrong token costs this much time, so that guessing costs more than it does.
const PENALTY: Duration = Duration::from_millis(600);

struct Gate {
    doors: Doors,
    render: Arc<Renderer>,
    assets: Assets,
    clock: Clock,
}

/// `router` for those whom `doors` let in, who are known to its handlers as [`Visitor`]; with `/login` and `/logout`
/// beside it where there is anything to log in for.
pub fn guard(router: Router, doors: Doors, render: Arc<Renderer>, clock: Clock) -> Router {
    let has_login = doors.has_login();
    let gate = Arc::new(Gate { doors, assets: Assets::of(&render), render, clock });
    let guarded = router.layer(middleware::from_fn_with_state(Arc::clone(&gate), check));
    if !has_login {
        return guarded;
    }
    let door = Router::new()
        .route("/login", get(show).post(log_in))
        .route("/logout", axum::routing::post(log_out))
        .layer(middleware::map_response(protect::headers))
        .with_state(gate);
    guarded.merge(door)
}

async fn check(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let visitor = gate.doors.visitor(request.headers(), peer, (gate.clock)());
    if let Some(visitor) = visitor.or_else(|| request.uri().path().starts_with("/assets/").then(Visitor::default)) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    let is_page = request.method() == Method::GET
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
    if !is_page {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    let next = local(request.uri().path_and_query().map_or("/", |path| path.as_str()));
    if next == "/" {
        Redirect::to("/login").into_response()
    } else {
        Redirect::to(&format!("/login?next={}", encoded(next))).into_response()
    }
}

impl Gate {
    fn page(&self, status: StatusCode, next: &str, refused: bool) -> Response {
        let values = context! { next, refused, assets => self.assets.links() };
        let page = self.render.page("login.html", values).unwrap_or_default();
        (status, Html(page)).into_response()
    }
}

#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

async fn show(State(gate): State<Arc<Gate>>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    let next = local(&wanted.next);
    let visitor = gate.doors.visitor(&headers, None, (gate.clock)());
    // Whoever may only look comes here to become somebody.
    if visitor.is_some_and(|visitor| visitor.person.is_some() || !visitor.can_log_in) {
        return Redirect::to(next).into_response();
    }
    gate.page(StatusCode::OK, next, false)
}

#[derive(Deserialize)]
struct Login {
    token: String,
    #[serde(default)]
    next: String,
}

async fn log_in(State(gate): State<Arc<Gate>>, headers: HeaderMap, Form(login): Form<Login>) -> Response {
    let next = local(&login.next);
    if !protect::is_same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(token) = gate.doors.token(login.token.trim()) else {
        tokio::time::sleep(PENALTY).await;
        return gate.page(StatusCode::UNAUTHORIZED, next, true);
    };
    let value = session::value(token, (gate.clock)());
    ([(header::SET_COOKIE, cookie(&value, session::LASTS.num_seconds(), &headers))], Redirect::to(next)).into_response()
}

async fn log_out(headers: HeaderMap) -> Response {
    if !protect::is_same_origin(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    ([(header::SET_COOKIE, cookie("", 0, &headers))], Redirect::to("/login")).into_response()
}

fn cookie(value: &str, seconds: i64, headers: &HeaderMap) -> String {
    // Behind a TLS-terminating ingress the cookie never travels in the clear; a port-forward has no TLS to ask for.
    let is_https = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if is_https { "; Secure" } else { "" };
    format!("{}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", session::COOKIE)
}

/// `path` if it leads nowhere but to this server.
fn local(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.chars().any(|c| c.is_control() || c.is_whitespace());
    if is_local { path } else { "/" }
}

fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leads_nowhere_else() {
        for (path, leads_to) in [
            ("/incidents/i-1?x=1", "/incidents/i-1?x=1"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("", "/"),
        ] {
            assert_eq!(local(path), leads_to, "{path}");
        }
        assert_eq!(encoded("/a?b=c&d"), "/a%3Fb%3Dc%26d");
    }
}
