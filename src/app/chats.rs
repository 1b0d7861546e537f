//! The chats: their clients from the configuration, and what comes in from them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use chrono::Utc;

use super::neighbours::endpoint;
use crate::adapters::action_form::ActionForms;
use crate::adapters::hearing::Hearing;
use crate::adapters::mattermost::{Mattermost, MattermostSettings, Sealer, sealer};
use crate::adapters::slack::receive::{Acknowledge, Receiver};
use crate::adapters::slack::socket::{SocketMode, SocketSettings};
use crate::adapters::slack::{Slack, SlackSettings};
use crate::config::{Config, MattermostConfig, SlackConfig};
use crate::flow::Context;
use crate::flow::deliver::ChatUse;
use crate::ports::{Chat, Clock, Store};
use crate::render::Renderer;
use crate::web::mattermost as mattermost_web;
use crate::web::refusals::Refusals;
use crate::web::slack::{SlackWeb, routes as slack_routes};

/// How long a Socket Mode connection may be silent; Slack pings every few seconds.
const SLACK_SILENCE: Duration = Duration::from_secs(20);
/// Longest exchange with Mattermost: the upload of a chart.
const MATTERMOST_TIMEOUT: Duration = Duration::from_secs(15);

/// The configured chats.
#[derive(Default)]
pub(super) struct Chats {
    /// As incidents are brought into them.
    pub uses: Vec<ChatUse>,
    /// Mattermost's client, whose buttons lead back here.
    pub mattermost: Option<Arc<Mattermost>>,
}

/// The clients of the configured chats, with where incidents go in each.
///
/// # Errors
/// When a configuration is wrong, or the store does not answer.
pub(super) async fn chats(config: &Config, store: &dyn Store, clock: &Clock) -> anyhow::Result<Chats> {
    let mut chats = Chats { uses: Vec::new(), mattermost: mattermost(config, store, clock).await? };
    if let (Some(chat), Some(SlackConfig { routes, .. })) = (slack(config)?, &config.slack) {
        chats.uses.push(ChatUse { chat, routes: routes.clone() });
    }
    if let (Some(mattermost), Some(MattermostConfig { routes, .. })) = (&chats.mattermost, &config.mattermost) {
        let chat = Arc::clone(mattermost) as Arc<dyn Chat>;
        chats.uses.push(ChatUse { chat, routes: routes.clone() });
    }
    Ok(chats)
}

/// The client of Slack, if it is configured.
///
/// # Errors
/// When its configuration is wrong.
pub fn slack(config: &Config) -> anyhow::Result<Option<Arc<Slack>>> {
    let Some(slack) = &config.slack else { return Ok(None) };
    let settings = SlackSettings { api_url: slack.api_url.clone(), bot_token: slack.bot_token.clone() };
    let slack = Slack::new(&settings).context("configure the Slack client (SLACK_API_URL)")?;
    Ok(Some(Arc::new(slack)))
}

/// What comes in from Slack by Socket Mode.
pub(super) fn slack_socket(config: &Config, context: &Context) -> anyhow::Result<Option<SocketMode>> {
    let Some((slack, app_token)) = config.slack.as_ref().and_then(|slack| Some((slack, slack.app_token.clone()?)))
    else {
        return Ok(None);
    };
    let settings = SocketSettings {
        api_url: slack.api_url.clone(),
        app_token,
        receiver: receiver(slack, context)?,
        silence: SLACK_SILENCE,
    };
    SocketMode::new(settings).context("configure Socket Mode (SLACK_API_URL)").map(Some)
}

/// Takes what Slack delivers, over HTTP and by Socket Mode.
fn receiver(config: &SlackConfig, context: &Context) -> anyhow::Result<Arc<Receiver>> {
    let settings = SlackSettings { api_url: config.api_url.clone(), bot_token: config.bot_token.clone() };
    let render = Arc::clone(&context.render);
    // Its result follows.
    let acknowledge: Acknowledge = Arc::new(move |_| render.word("slack.heard"));
    let receiver = Receiver::new(&settings, hearing_of(context), acknowledge);
    Ok(Arc::new(receiver.context("configure the Slack client (SLACK_API_URL)")?))
}

/// What takes what people say in both chats.
pub fn hearing(store: Arc<dyn Store>, clock: Clock, render: Arc<Renderer>) -> Hearing {
    let forms = ActionForms {
        no_incident: render.word("form.no_incident"),
        page: Arc::new(move |begun, wrong, open| render.action_form(begun, wrong, open)),
    };
    Hearing { store, clock, forms }
}

/// The same of a bot that runs.
pub(super) fn hearing_of(context: &Context) -> Hearing {
    hearing(Arc::clone(&context.store), Arc::clone(&context.clock), Arc::clone(&context.render))
}

/// The client of Mattermost, if it is configured.
///
/// # Errors
/// When its configuration is wrong, or the store does not answer.
async fn mattermost(config: &Config, store: &dyn Store, clock: &Clock) -> anyhow::Result<Option<Arc<Mattermost>>> {
    let Some(settings) = &config.mattermost else { return Ok(None) };
    let sealer = sealer(settings.action_secret.as_ref(), store, clock()).await?;
    mattermost_with(settings, sealer, clock).map(Some)
}

/// The client of Mattermost for a look at the server: it draws no buttons, so it needs no store.
///
/// # Errors
/// When its configuration is wrong.
pub fn mattermost_for_check(config: &Config) -> anyhow::Result<Option<Arc<Mattermost>>> {
    let Some(settings) = &config.mattermost else { return Ok(None) };
    let clock: Clock = Arc::new(Utc::now);
    mattermost_with(settings, Sealer::new(&"unused".into()), &clock).map(Some)
}

fn mattermost_with(config: &MattermostConfig, sealer: Sealer, clock: &Clock) -> anyhow::Result<Arc<Mattermost>> {
    let settings = MattermostSettings {
        endpoint: endpoint(&config.http, MATTERMOST_TIMEOUT)?,
        callback_url: config.callback_url.clone(),
        sealer,
        clock: Arc::clone(clock),
    };
    Ok(Arc::new(Mattermost::new(settings).context("configure the Mattermost client (MATTERMOST_URL)")?))
}

/// What comes in from Slack over HTTP, where it can be verified.
///
/// # Errors
/// When its configuration is wrong.
pub(super) fn slack_web(config: &Config, context: &Context, refusals: &Arc<Refusals>) -> anyhow::Result<Router> {
    let slack = config.slack.as_ref().and_then(|slack| Some((slack, slack.signing_secret.clone()?)));
    let Some((slack, signing_secret)) = slack else { return Ok(Router::new()) };
    let receiver = receiver(slack, context)?;
    let (clock, refusals) = (Arc::clone(&context.clock), Arc::clone(refusals));
    Ok(slack_routes(SlackWeb { receiver, clock, signing_secret, refusals }))
}

/// What Mattermost sends: guarded by tokens and grants of its own.
pub(super) fn mattermost_routes(
    config: &Config,
    context: &Context,
    client: Option<&Arc<Mattermost>>,
    refusals: &Arc<Refusals>,
) -> Router {
    let Some(client) = client else { return Router::new() };
    mattermost_web::routes(mattermost_web::Mattermost {
        hearing: hearing_of(context),
        counters: Arc::clone(&context.counters),
        render: Arc::clone(&context.render),
        client: Arc::clone(client),
        refusals: Arc::clone(refusals),
        command_tokens: config.mattermost.iter().flat_map(|config| config.command_tokens.clone()).collect(),
    })
}
