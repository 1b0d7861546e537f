//! Says something to one person where they are. In the console the page says it; what a chat does not take is lost, and the
//! thread shows what became of the matter all the same.

use std::time::Duration;

use super::Context;
use crate::domain::chat::{MessageId, Place};
use crate::domain::incident::IncidentId;
use crate::domain::policy::Person;

/// How long a chat may take.
pub const CALL: Duration = Duration::from_secs(5);
/// Sentences that are under way at once; more means that a chat hangs, and what is said then is lost.
const MAX_TELLING: usize = 1_000;

/// Tells a person in a channel, or in a thread of it. Nobody waits for it.
pub fn tell(context: &Context, person: &Person, place: &Place, thread: Option<&MessageId>, said: &str) {
    let Place::Channel(platform, channel) = place else { return };
    let Some(chat) = context.chat(*platform).cloned() else { return };
    if context.telling.len() >= MAX_TELLING {
        tracing::warn!(person = %person.id, "tell {} something in {place}: too much is being said", person.id);
        return;
    }
    let (to, channel, thread, said) = (person.id.clone(), channel.clone(), thread.cloned(), said.to_owned());
    let place = place.to_string();
    context.telling.spawn(async move {
        match tokio::time::timeout(CALL, chat.tell(&to, &channel, thread.as_ref(), &said)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(person = %to, "tell {to} something in {place}: {error}"),
            Err(_) => tracing::warn!(person = %to, "tell {to} something in {place}: no answer"),
        }
    });
}

/// Tells a person beside the message of an incident that they acted on: in its channel where that is the root, else in
/// the thread.
pub async fn beside(
    context: &Context,
    incident: &IncidentId,
    message: Option<&MessageId>,
    person: &Person,
    place: &Place,
    said: &str,
) {
    let Place::Channel(platform, _) = place else { return };
    let root = match context.store.projection(*platform, incident).await {
        Ok(shown) => shown.value.root().cloned(),
        Err(error) => {
            tracing::warn!(%incident, "read what {platform} shows: {error:#}");
            None
        }
    };
    let thread = root.filter(|root| Some(root) != message);
    tell(context, person, place, thread.as_ref(), said);
}
