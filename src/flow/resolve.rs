//! When all is over: what changed meanwhile, so that the next reader knows what helped.

use super::{AUTHOR, Context, history, propose, update};
use crate::domain::cluster::ChangeFact;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::subject::SubjectKind;
use crate::domain::window::Window;
use crate::ports::{StoreError, Write};

/// Changes named in the last message of a thread.
const MAX_CHANGES: usize = 5;

/// Edits the last message of a resolved incident: how long it took and what changed.
///
/// # Errors
/// When the store does not take it; the timer stays and it is tried again.
pub async fn tell_what_changed(context: &Context, id: &IncidentId) -> Result<(), StoreError> {
    let Some(incident) = context.store.incident(id).await? else { return Ok(()) };
    let seen = incident.value;
    let changes = changes(context, &seen).await;
    propose::over(context, id).await?;
    history::remember(context, &seen, &changes).await?;
    update(context, id, |incident| {
        if incident.value.reopened != seen.reopened {
            // It began and perhaps ended again meanwhile: that end stands under the same key, and is due.
            return None;
        }
        let mut write = Write { cleared: vec![format!("settle:{id}")], ..Write::new(incident) };
        let incident = &write.incident.value;
        if incident.status == IncidentStatus::Resolved {
            write.posts.push(PostDraft {
                key: format!("resolved:{}", incident.reopened),
                kind: PostKind::Resolved,
                author: AUTHOR.into(),
                text: context.render.resolved(incident, &changes),
                evidence: Vec::new(),
                at: (context.clock)(),
            });
        }
        Some(write)
    })
    .await
}

/// What changed in the subject's namespace while the incident lasted, the subject's own changes first.
async fn changes(context: &Context, incident: &Incident) -> Vec<ChangeFact> {
    let (Some(cluster), Some(namespace)) = (&context.sources.cluster, &incident.subject.namespace) else {
        return Vec::new();
    };
    if context.sources.elsewhere(&incident.subject).is_some() {
        return Vec::new();
    }
    let Some(resolved_at) = incident.resolved_at else { return Vec::new() };
    let window = Window::new(incident.started_at, resolved_at);
    let asked = tokio::time::timeout(context.deadline, cluster.changes(namespace, window)).await;
    let mut changes = match asked {
        Ok(Ok(changes)) => changes.value,
        Ok(Err(error)) => {
            tracing::info!(incident = %incident.id, "ask what changed: {error}");
            return Vec::new();
        }
        Err(_) => return Vec::new(),
    };
    let own = |change: &ChangeFact| change.object.name == incident.subject.name;
    if incident.subject.kind != SubjectKind::Namespace && changes.iter().any(own) {
        changes.retain(own);
    }
    changes.truncate(MAX_CHANGES);
    changes
}
