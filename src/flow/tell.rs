//! Says something to one person where they are.

use super::Context;
use crate::domain::chat::Place;
use crate::domain::incident::IncidentId;
use crate::domain::policy::Person;

/// Tells a person beside an incident's thread. In the console the page says it; what a chat does not take is lost, and
/// the thread shows what became of the matter all the same.
pub async fn tell(context: &Context, incident: &IncidentId, person: &Person, place: &Place, said: &str) {
    let Place::Channel(platform, channel) = place else { return };
    let Some(chat) = context.chat(*platform) else { return };
    let root = match context.store.projection(*platform, incident).await {
        Ok(shown) => shown.value.root().cloned(),
        Err(error) => {
            tracing::warn!(%incident, "read what {platform} shows: {error:#}");
            None
        }
    };
    if let Err(error) = chat.tell(&person.id, channel, root.as_ref(), said).await {
        tracing::warn!(%incident, person = %person.id, "tell {}: {error}", person.id);
    }
}
