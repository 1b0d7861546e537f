//! Which incidents hang together: the 502s of a frontend and the catalogue behind it that lost its database.

use chrono::TimeDelta;

use super::finding::FindingKind;
use super::incident::{Incident, Relation};
use super::subject::{ObjectRef, Subject, SubjectKind};

/// Incidents further apart than this did not make each other happen.
const APART: TimeDelta = TimeDelta::minutes(30);

/// How `mine` hangs together with `other`, seen from `mine`.
pub fn relation(mine: &Incident, other: &Incident) -> Option<Relation> {
    if mine.id == other.id || mine.subject.cluster != other.subject.cluster || !overlap(mine, other) {
        return None;
    }
    let my_cause = elsewhere(mine);
    let other_cause = elsewhere(other);
    if my_cause.is_some_and(|about| is_same(about, &other.subject)) {
        Some(Relation::CausedBy)
    } else if other_cause.is_some_and(|about| is_same(about, &mine.subject)) {
        Some(Relation::Causes)
    } else if lacks(mine, other) {
        Some(Relation::CausedBy)
    } else if lacks(other, mine) {
        Some(Relation::Causes)
    } else if my_cause.is_some() && my_cause.map(place) == other_cause.map(place) {
        Some(Relation::SameCause)
    } else {
        None
    }
}

/// Whether `mine` suffers from what `other` is about: its volume is full or away, its namespace's quota is used up.
fn lacks(mine: &Incident, other: &Incident) -> bool {
    let (Some(my_cause), Some(other_cause)) = (&mine.cause, &other.cause) else { return false };
    if mine.subject.namespace != other.subject.namespace || my_cause.kind != other_cause.kind {
        return false;
    }
    match (my_cause.kind, other.subject.kind) {
        (FindingKind::DiskFull | FindingKind::VolumeUnavailable, SubjectKind::PersistentVolumeClaim) => {
            mounts(&mine.subject, &other.subject.name)
        }
        (FindingKind::QuotaExceeded, SubjectKind::Namespace) => mine.subject.kind != SubjectKind::Namespace,
        _ => false,
    }
}

/// Whether the claim is the subject's: an alert named it, or it is called as those of a StatefulSet are,
/// `<template>-<name>-<ordinal>`.
fn mounts(subject: &Subject, claim: &str) -> bool {
    let of_set = || {
        let (rest, ordinal) = claim.rsplit_once('-')?;
        let is_ordinal = !ordinal.is_empty() && ordinal.bytes().all(|b| b.is_ascii_digit());
        (is_ordinal && rest.ends_with(&format!("-{}", subject.name))).then_some(())
    };
    subject.claim.as_deref() == Some(claim) || subject.kind == SubjectKind::StatefulSet && of_set().is_some()
}

/// What broke, when it is not the subject itself.
fn elsewhere(incident: &Incident) -> Option<&ObjectRef> {
    incident.cause.as_ref().map(|cause| &cause.about).filter(|about| !is_same(about, &incident.subject))
}

/// By place and name: a Service and the Deployment behind it are one thing to a reader.
fn is_same(object: &ObjectRef, subject: &Subject) -> bool {
    object.namespace == subject.namespace && object.name == subject.name
}

fn place(object: &ObjectRef) -> (Option<&str>, &str) {
    (object.namespace.as_deref(), &object.name)
}

fn overlap(mine: &Incident, other: &Incident) -> bool {
    let ended_before = |one: &Incident, two: &Incident| one.resolved_at.is_some_and(|at| at + APART < two.started_at);
    !ended_before(mine, other) && !ended_before(other, mine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{Alert, AlertStatus, Labels};
    use crate::domain::finding::Cause;

    fn incident(name: &str, cause: &str) -> Incident {
        let alert = Alert {
            fingerprint: name.into(),
            status: AlertStatus::Firing,
            labels: Labels::new(),
            annotations: Labels::new(),
            starts_at: chrono::DateTime::UNIX_EPOCH,
            ends_at: None,
            generator_url: String::new(),
        };
        let subject = Subject::new(SubjectKind::Deployment, Some("shop".into()), name.into());
        let mut incident = Incident::open(name.into(), subject, &alert, chrono::DateTime::UNIX_EPOCH);
        incident.cause = (!cause.is_empty()).then(|| Cause {
            kind: FindingKind::DependencyUnreachable,
            claim: String::new(),
            confidence: 0.9,
            about: ObjectRef { kind: SubjectKind::Service, namespace: Some("shop".into()), name: cause.into() },
        });
        incident
    }

    #[test]
    fn cause_effect_and_siblings() {
        let (frontend, catalog) = (incident("frontend", "catalog"), incident("catalog", "catalog"));
        let (search, quiet) = (incident("search", "catalog"), incident("quiet", ""));
        assert_eq!(relation(&frontend, &catalog), Some(Relation::CausedBy));
        assert_eq!(relation(&catalog, &frontend), Some(Relation::Causes));
        assert_eq!(relation(&frontend, &search), Some(Relation::SameCause));
        assert_eq!(relation(&frontend, &quiet), None);
        assert_eq!(relation(&quiet, &incident("silent", "")), None);
    }

    #[test]
    fn a_full_volume_and_what_mounts_it() {
        let (mut claim, mut database) = (incident("data-pg-0", "data-pg-0"), incident("pg", "pg"));
        claim.subject.kind = SubjectKind::PersistentVolumeClaim;
        database.subject.kind = SubjectKind::StatefulSet;
        assert_eq!(relation(&database, &claim), None);
        for incident in [&mut claim, &mut database] {
            incident.cause.as_mut().unwrap().kind = FindingKind::DiskFull;
        }
        assert_eq!(relation(&database, &claim), Some(Relation::CausedBy));
        assert_eq!(relation(&claim, &database), Some(Relation::Causes));
        database.subject.name = "g".into();
        assert_eq!(relation(&database, &claim), None);
    }

    #[test]
    fn what_was_over_long_before_is_not_related() {
        let (mut frontend, mut catalog) = (incident("frontend", "catalog"), incident("catalog", ""));
        catalog.resolved_at = Some(chrono::DateTime::UNIX_EPOCH);
        frontend.started_at = chrono::DateTime::UNIX_EPOCH + TimeDelta::hours(1);
        assert_eq!(relation(&frontend, &catalog), None);
    }
}
