//! Everything that is served, put together.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use super::chats;
use crate::adapters::mattermost::Mattermost;
use crate::config::Config;
use crate::flow::Context;
use crate::web::alertmanager::Webhook;
use crate::web::api::Api;
use crate::web::console::Console;
use crate::web::console::visitor::Doors;
use crate::web::health::Health;
use crate::web::holmesgpt::{Desk, HolmesGpt};
use crate::web::refusals::Refusals;
use crate::web::{alertmanager, api, console, health, holmesgpt, host};

/// All routes.
pub(super) fn router(
    config: &Config,
    context: &Arc<Context>,
    mattermost: Option<&Arc<Mattermost>>,
    refusals: &Arc<Refusals>,
    stopping: &CancellationToken,
) -> anyhow::Result<Router> {
    let store = || Arc::clone(&context.store);
    let counters = || Arc::clone(&context.counters);
    let clock = || Arc::clone(&context.clock);
    let header = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let own = Router::new()
        .merge(alertmanager::routes(Webhook {
            store: store(),
            clock: clock(),
            counters: counters(),
            token: config.webhook_token.clone(),
            max_bytes: config.webhook_max_bytes,
        }))
        .merge(api::routes(Api {
            store: store(),
            knowledge: Arc::clone(&context.knowledge),
            clock: clock(),
            token: config.api_token.clone(),
        }))
        .merge(holmesgpt::routes(HolmesGpt {
            desk: Desk::new(Arc::clone(context)),
            token: config.api_token.clone(),
            stopping: stopping.clone(),
        }))
        .merge(console(config, context, stopping));
    // Where a token is asked for, a page of a stranger has none; what chats send is signed.
    let tokenless = config.api_token.is_none();
    let own = if tokenless { own.layer(middleware::from_fn_with_state(public_host(config), host::check)) } else { own };
    let router = Router::new()
        .merge(own)
        .merge(health::routes(Health {
            store: store(),
            clock: clock(),
            chats: context.chats.iter().map(|used| used.chat.platform()).collect(),
            counters: counters(),
            troubles: Arc::clone(&context.troubles),
            stopping: stopping.clone(),
        }))
        .merge(chats::slack_web(config, context, refusals)?)
        .merge(chats::mattermost_routes(config, context, mattermost, refusals))
        .fallback(async || (StatusCode::NOT_FOUND, "not found\n"))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("referrer-policy", "no-referrer"))
        .layer(CatchPanicLayer::new());
    Ok(router)
}

/// The name in the address under which people reach the console.
fn public_host(config: &Config) -> host::PublicHost {
    let url = reqwest::Url::parse(&config.public_url).ok();
    url.and_then(|url| url.host_str().map(Arc::from)).unwrap_or_else(|| Arc::from("localhost"))
}

/// The pages, behind the API's token where there is one.
fn console(config: &Config, context: &Context, stopping: &CancellationToken) -> Router {
    let pages = console::routes(Console {
        store: Arc::clone(&context.store),
        render: Arc::clone(&context.render),
        clock: Arc::clone(&context.clock),
        runbooks: Arc::clone(&context.sources.runbooks),
        can_ask: context.model.is_some(),
        shutdown: stopping.clone(),
    });
    let doors = Doors {
        viewer: config.api_token.clone(),
        residents: config.residents.clone(),
        sso: config.sso.clone(),
        guest: config.console_guest.clone(),
    };
    console::guard(pages, doors, Arc::clone(&context.render), Arc::clone(&context.clock))
}
