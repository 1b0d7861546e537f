//! Incidents that share a cause, while several looks go on.

use super::Bench;
use crate::domain::finding::{Cause, FindingKind};
use crate::domain::incident::{Incident, IncidentId, Related, Relation};
use crate::domain::subject::SubjectKind;
use crate::flow::relate;
use crate::ports::{Versioned, Write};
use crate::render::samples;

async fn opened(bench: &Bench, name: &str, cause: &str) -> Incident {
    let mut incident = samples::incident();
    incident.id = IncidentId(format!("i-{name}"));
    incident.key = name.into();
    incident.related.clear();
    incident.subject.name = name.into();
    incident.cause = Some(Cause {
        kind: FindingKind::DependencyUnreachable,
        claim: String::new(),
        confidence: 0.9,
        about: samples::object(SubjectKind::Service, cause),
    });
    let write = Write::new(Versioned { version: 0, value: incident.clone() });
    bench.context.store.commit(vec![write], &[], samples::at(300)).await.unwrap();
    incident
}

async fn related(bench: &Bench, incident: &Incident) -> Vec<(String, Relation)> {
    let now = bench.context.store.incident(&incident.id).await.unwrap().unwrap().value;
    now.related.into_iter().map(|Related { id, relation, .. }| (id.0, relation)).collect()
}

#[tokio::test]
async fn another_cause_ends_a_relation_on_both_sides_and_no_others() {
    let bench = Bench::new().await;
    let catalog = opened(&bench, "catalog", "catalog").await;
    let frontend = opened(&bench, "frontend", "catalog").await;
    let search = opened(&bench, "search", "catalog").await;
    relate::tell(&bench.context, &frontend).await.unwrap();
    relate::tell(&bench.context, &search).await.unwrap();
    let effects = [("i-frontend".to_owned(), Relation::Causes), ("i-search".to_owned(), Relation::Causes)];
    assert_eq!(related(&bench, &catalog).await, effects);

    let mut again = bench.context.store.incident(&frontend.id).await.unwrap().unwrap().value;
    again.cause = Some(Cause { about: samples::object(SubjectKind::Service, "payments"), ..again.cause.unwrap() });
    relate::tell(&bench.context, &again).await.unwrap();
    assert_eq!(related(&bench, &frontend).await, []);
    assert_eq!(related(&bench, &catalog).await, effects[1..]);
}
