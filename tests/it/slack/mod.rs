//! Slack, against a fake that is as strict as its documentation, and against a real workspace when one is named.

mod chat;
mod check;
mod failing;
mod form;
mod http;
mod recorded;
mod socket;
mod storm;
mod wired;

use std::sync::Arc;

use chrono::Utc;
use holmes_bot::adapters::slack::receive::Receiver;
use holmes_bot::adapters::slack::{Slack, SlackSettings};
use holmes_bot::adapters::store_embedded::EmbeddedStore;
use holmes_bot::app::hearing;
use holmes_bot::domain::chat::MessageId;
use holmes_bot::domain::incident::IncidentId;
use holmes_bot::domain::message::{ButtonStyle, Control, Message, Tone};
use holmes_bot::ports::{Destination, Store};
use holmes_bot::render::{Language, Renderer};

use crate::bot::Bot;
use crate::fake_slack::{BOT_TOKEN, FakeSlack, INCIDENTS};

/// A bot on the recorded shop that speaks to this Slack by Socket Mode and takes deliveries over HTTP, too.
pub async fn bot_in<V: AsRef<str>>(fake: &FakeSlack, settings: &[(&'static str, V)]) -> Bot {
    let mut all = fake.environment();
    all.extend(settings.iter().map(|(name, value)| (*name, value.as_ref().to_owned())));
    let bot = Bot::in_the_shop(&all).await;
    let sockets = fake.sockets();
    sockets.until("the bot's connections", || (sockets.open().len() == 2).then_some(())).await;
    bot
}

fn settings(fake: &FakeSlack) -> SlackSettings {
    SlackSettings { api_url: fake.api_url.clone(), bot_token: BOT_TOKEN.to_owned().into() }
}

fn slack(fake: &FakeSlack) -> Slack {
    Slack::new(&settings(fake)).unwrap()
}

/// Takes deliveries as the bot does; what it says is English.
fn receiver(fake: &FakeSlack, store: &Arc<dyn Store>) -> Arc<Receiver> {
    let render = Arc::new(Renderer::new(Language::English, Vec::new()).unwrap());
    let hearing = hearing(Arc::clone(store), Arc::new(Utc::now), render);
    let receiver = Receiver::new(&settings(fake), hearing, Arc::new(|_| "on it".to_owned()));
    Arc::new(receiver.unwrap())
}

fn to(post: &str, thread: Option<&MessageId>) -> Destination {
    let incident = IncidentId("i-3f9a1c07be".into());
    Destination { channel: INCIDENTS.into(), thread: thread.cloned(), incident, post: post.into() }
}

fn message(tone: Tone, text: &str) -> Message {
    Message { tone, text: text.into(), picture: None, controls: Vec::new(), mentions: Vec::new() }
}

fn button(press: &str) -> Control {
    Control::Button { label: "Acknowledge".into(), press: press.into(), style: ButtonStyle::Default, confirm: None }
}

/// A store of its own; the directory lives as long as it is kept.
fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(directory.path()).unwrap());
    (directory, store)
}
