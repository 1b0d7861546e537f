//! What a chat shall show of an incident: its thread as messages. Pure.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::next::{Class, ROOT, Wanted};
use crate::domain::chat::{Place, Spot};
use crate::domain::incident::{Incident, Origin, hex};
use crate::domain::investigation::Investigation;
use crate::domain::message::Message;
use crate::domain::post::{Post, PostKind};
use crate::domain::projection::{Projection, Shown};
use crate::render::{About, Renderer};

/// The key of a root's text where somebody else's message is the root.
const HEAD: &str = "head";

/// The messages of a thread in order, the root first; none while there is nothing to begin with.
pub fn wanted(render: &Renderer, thread: &[Post], about: &About<'_>, place: &Place) -> Vec<Wanted> {
    // A thread begins with what happened; one about a question with the question.
    let first = thread.iter().position(|post| post.draft.key == ROOT).or_else(|| {
        let asked = about.incident.origin == Origin::Question;
        thread.iter().position(|post| asked && post.draft.kind == PostKind::Question)
    });
    let Some(first) = first else { return Vec::new() };
    // The order of the thread is that of its numbers, but for the root, which may have been written later.
    let order = std::iter::once(first).chain((0..thread.len()).filter(|index| *index != first));
    let foreign = foreign_root(about.incident, place).is_some();
    let mut wanted: Vec<Wanted> = Vec::with_capacity(thread.len() + 1);
    for index in order {
        let Some(post) = thread.get(index) else { continue };
        let message = render.message(post, about);
        let class = class(post.draft.kind);
        let digest = digest(&message);
        let key = if index == first { ROOT } else { post.draft.key.as_str() };
        if index == first && foreign {
            // The root is a person's own message. What stood in ours is said below it, once as what it is.
            let key = if post.draft.key == ROOT { HEAD } else { post.draft.key.as_str() };
            wanted.push(Wanted { key: ROOT.to_owned(), class, message: message.clone(), digest: digest.clone() });
            wanted.push(Wanted { key: key.to_owned(), class, message, digest });
        } else {
            wanted.push(Wanted { key: key.to_owned(), class, message, digest });
        }
    }
    wanted
}

fn class(kind: PostKind) -> Class {
    match kind {
        PostKind::Root | PostKind::Proposal | PostKind::Resolved => Class::State,
        PostKind::Question | PostKind::Answer => Class::Talk,
        PostKind::Evidence | PostKind::Report | PostKind::Runbook | PostKind::Update | PostKind::Related => {
            Class::Entry
        }
        PostKind::Status => Class::Status,
    }
}

/// Tells a message from what was sent before. Whom a root calls is left out: only a new one calls anybody.
pub fn digest(message: &Message) -> String {
    let Message { tone, text, picture, controls, mentions: _ } = message;
    // What it is made of always has a JSON form.
    let json = serde_json::to_vec(&(tone, text, picture, controls)).unwrap_or_default();
    hex(&Sha256::digest(json)[..12])
}

/// A message's words alone, for a chat that refused the rest.
pub fn bare(message: &Message) -> Message {
    Message { picture: None, controls: Vec::new(), mentions: Vec::new(), ..message.clone() }
}

/// The message that an incident's thread hangs on although it is not ours.
fn foreign_root<'a>(incident: &'a Incident, place: &Place) -> Option<&'a Spot> {
    incident.spot.as_ref().filter(|spot| spot.place == *place && spot.root().is_some())
}

/// Marks what people said themselves as shown: the chat has it already. Says whether that was news.
pub fn adopt(
    projection: &mut Projection,
    incident: &Incident,
    record: &Investigation,
    place: &Place,
    now: DateTime<Utc>,
) -> bool {
    let mut said = Vec::new();
    if let Some(root) = foreign_root(incident, place).and_then(Spot::root) {
        said.push((ROOT.to_owned(), root.clone()));
    }
    for asked in &record.asked {
        let spot = asked.question.spot.as_ref().filter(|spot| spot.place == *place);
        if let Some(message) = spot.and_then(|spot| spot.said.clone()) {
            said.push((format!("question:{}", asked.question.id), message));
        }
    }
    let before = projection.shown.len();
    for (key, message) in said {
        projection.shown.entry(key).or_insert_with(|| Shown::untouched(Some(message), now));
    }
    projection.shown.len() != before
}
