//! Incidents that share a cause name each other, in both threads.

use super::{AUTHOR, Context, update};
use crate::domain::incident::{Incident, IncidentId, Origin, Related, Relation};
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::relate::relation;
use crate::ports::{Filter, StoreError, Versioned, Write};

/// Recent incidents that are compared: more than a storm opens.
const COMPARED: usize = 100;

/// Relates an incident, as it will be when its cause is stored, with the others.
///
/// # Errors
/// When the store does not take it.
pub async fn tell(context: &Context, mine: &Incident) -> Result<(), StoreError> {
    let id = &mine.id;
    let others = context.store.list(Filter { status: None, origin: Origin::Alerts, limit: COMPARED }).await?;
    let known = |list: &[Related], id: &IncidentId| list.iter().any(|related| related.id == *id);
    let mut related = Vec::new();
    for other in others {
        if let Some(relation) = relation(mine, &other) {
            related.push(Related { id: other.id.clone(), title: other.title.clone(), relation });
            let back = Related { id: mine.id.clone(), title: mine.title.clone(), relation: reverse(relation) };
            update(context, &other.id, |other| with_related(context, other, |list| put(list, back.clone()))).await?;
        } else if known(&mine.related, &other.id) && known(&other.related, id) {
            // Another look found another cause.
            let forget = |list: &mut Vec<Related>| list.retain(|related| related.id != *id);
            update(context, &other.id, |other| with_related(context, other, forget)).await?;
        }
    }
    update(context, id, |mine_now| {
        with_related(context, mine_now, |list| {
            // What others wrote since it was read stays.
            list.retain(|one| known(&related, &one.id) || !known(&mine.related, &one.id));
            related.iter().for_each(|one| put(list, one.clone()));
        })
    })
    .await
}

fn reverse(relation: Relation) -> Relation {
    match relation {
        Relation::CausedBy => Relation::Causes,
        Relation::Causes => Relation::CausedBy,
        Relation::SameCause => Relation::SameCause,
    }
}

fn put(list: &mut Vec<Related>, related: Related) {
    match list.iter_mut().find(|known| known.id == related.id) {
        Some(known) => *known = related,
        None => list.push(related),
    }
}

/// A write of the incident with its changed list and the post that tells it; `None` when nothing changed.
fn with_related(
    context: &Context,
    mut incident: Versioned<Incident>,
    change: impl FnOnce(&mut Vec<Related>),
) -> Option<Write> {
    let before = incident.value.related.clone();
    change(&mut incident.value.related);
    if incident.value.related == before {
        return None;
    }
    let post = PostDraft {
        key: "related".into(),
        kind: PostKind::Related,
        author: AUTHOR.into(),
        text: context.render.related(&incident.value),
        evidence: Vec::new(),
        at: (context.clock)(),
    };
    Some(Write { posts: vec![post], ..Write::new(incident) })
}
