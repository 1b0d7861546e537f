//! The evidence as one subject sees it: what is its own, what belongs to others, and when it was.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::cluster::{ChangeFact, EventFact, NamespaceState, NodeState, Rollout, ServiceState, WorkloadState};
use crate::domain::evidence::{AlertFact, Evidence, EvidenceData, EvidenceId, LogPatterns};
use crate::domain::series::SeriesData;
use crate::domain::subject::{ObjectRef, Subject, SubjectKind, owner_of_job, owner_of_pod};

pub(super) use lines::ContainerMemory;
pub(super) use past::{ended_at, has_ended};
pub(super) use records::{LAST_SECONDS, Record, Unit};

mod lines;
mod past;
mod records;

/// What happened so long before the onset still belongs to it: rules wait up to an hour before they fire.
const CURRENT: TimeDelta = TimeDelta::minutes(90);
/// What happened longer ago than this is another story.
const EARLIER: TimeDelta = TimeDelta::hours(6);

/// Evidence seen from one subject.
pub(super) struct Scene<'a> {
    /// Whose findings are looked for.
    pub subject: &'a Subject,
    /// When its trouble was noticed.
    pub onset: DateTime<Utc>,
    evidence: &'a [Evidence],
}

/// A piece of evidence of one kind.
pub(super) struct Seen<'a, T: ?Sized> {
    /// Its number.
    pub id: EvidenceId,
    /// What it is about.
    pub about: &'a ObjectRef,
    /// What was asked.
    pub query: &'a str,
    /// The facts.
    pub data: &'a T,
}

impl<T: ?Sized> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Seen<'_, T> {}

impl<'a> Scene<'a> {
    /// The evidence as `subject` sees it.
    pub fn new(subject: &'a Subject, evidence: &'a [Evidence], onset: DateTime<Utc>) -> Self {
        Self { subject, onset, evidence }
    }

    /// All evidence, whoever it is about.
    pub fn evidence(&self) -> &'a [Evidence] {
        self.evidence
    }

    /// Whether `about` is the subject itself: the same thing, its pods, or the Service of its name.
    pub fn is_own(&self, about: &ObjectRef) -> bool {
        let subject = self.subject;
        let namespace =
            about.namespace == subject.namespace || about.namespace.is_none() || subject.namespace.is_none();
        match (subject.kind, about.kind) {
            (SubjectKind::Alert, _) => about.name == subject.name,
            (SubjectKind::Node, SubjectKind::Node) => about.name == subject.name,
            (SubjectKind::Node, _) | (_, SubjectKind::Node | SubjectKind::Alert) => {
                about.kind == SubjectKind::Alert && about.name == subject.name
            }
            (SubjectKind::Namespace, _) => {
                about.namespace == subject.namespace || Some(&about.name) == subject.namespace.as_ref()
            }
            (_, SubjectKind::Namespace) => false,
            (SubjectKind::PersistentVolumeClaim, SubjectKind::PersistentVolumeClaim) => {
                namespace && about.name == subject.name
            }
            (SubjectKind::PersistentVolumeClaim, _) => {
                namespace && (self.mounts(about) || subject.pods.contains(&about.name))
            }
            (_, SubjectKind::PersistentVolumeClaim) => namespace && subject.claim.as_ref() == Some(&about.name),
            (_, SubjectKind::Pod) => {
                let owner = owner_of_pod(&about.name).1;
                namespace && (about.name == subject.name || owner == subject.name || subject.pods.contains(&about.name))
            }
            (_, SubjectKind::Job) => {
                namespace && (about.name == subject.name || owner_of_job(&about.name).1 == subject.name)
            }
            (SubjectKind::Pod, _) => {
                namespace && (about.name == subject.name || owner_of_pod(&subject.name).1 == about.name)
            }
            (SubjectKind::Service, _) => namespace && (about.name == subject.name || self.stands_behind(about)),
            _ => {
                namespace
                    && (about.name == subject.name
                        || subject.service.as_ref() == Some(&about.name) && about.kind == SubjectKind::Service)
            }
        }
    }

    /// Whether `about` is in the subject's namespace, or is that namespace.
    pub fn is_near(&self, about: &ObjectRef) -> bool {
        about.namespace == self.subject.namespace
            || about.kind == SubjectKind::Namespace && Some(&about.name) == self.subject.namespace.as_ref()
    }

    /// Whether the subject, a Service, is served by `about`.
    fn stands_behind(&self, about: &ObjectRef) -> bool {
        self.evidence.iter().any(|evidence| match &evidence.data {
            EvidenceData::Service(service) => {
                service.name == self.subject.name
                    && Some(&service.namespace) == self.subject.namespace.as_ref()
                    && service.backend.as_ref() == Some(about)
            }
            _ => false,
        })
    }

    /// Whether `about` is a workload that mounts the subject, a claim.
    fn mounts(&self, about: &ObjectRef) -> bool {
        self.evidence.iter().any(|evidence| match &evidence.data {
            EvidenceData::Workload(workload) if evidence.about == *about => {
                workload.claims.iter().any(|claim| claim.name == self.subject.name)
            }
            _ => false,
        })
    }

    fn all<T: ?Sized + 'a>(
        &self,
        pick: impl Fn(&'a EvidenceData) -> Option<&'a T>,
    ) -> impl Iterator<Item = Seen<'a, T>> {
        self.evidence.iter().filter_map(move |evidence| {
            let data = pick(&evidence.data)?;
            Some(Seen { id: evidence.id, about: &evidence.about, query: &evidence.query, data })
        })
    }

    fn own<T: ?Sized + 'a>(
        &self,
        pick: impl Fn(&'a EvidenceData) -> Option<&'a T>,
    ) -> impl Iterator<Item = Seen<'a, T>> {
        self.all(pick).filter(|seen| self.is_own(seen.about))
    }

    /// The subject's workloads.
    pub fn workloads(&self) -> impl Iterator<Item = Seen<'a, WorkloadState>> {
        self.own(workload)
    }

    /// Everybody's workloads.
    pub fn all_workloads(&self) -> impl Iterator<Item = Seen<'a, WorkloadState>> {
        self.all(workload)
    }

    /// The subject's charts.
    pub fn series(&self) -> impl Iterator<Item = Seen<'a, SeriesData>> {
        self.own(|data| match data {
            EvidenceData::Series(series) => Some(series),
            _ => None,
        })
    }

    /// The subject's log patterns.
    pub fn patterns(&self) -> impl Iterator<Item = Seen<'a, LogPatterns>> {
        self.own(|data| match data {
            EvidenceData::Patterns(patterns) => Some(patterns),
            _ => None,
        })
    }

    /// All nodes looked at.
    pub fn nodes(&self) -> impl Iterator<Item = Seen<'a, NodeState>> {
        self.all(|data| match data {
            EvidenceData::Node(node) => Some(&**node),
            _ => None,
        })
    }

    /// All changes around the onset.
    pub fn changes(&self) -> impl Iterator<Item = Seen<'a, [ChangeFact]>> {
        self.all(|data| match data {
            EvidenceData::Changes { changes } => Some(changes.as_slice()),
            _ => None,
        })
    }

    /// Limits of namespaces.
    pub fn namespaces(&self) -> impl Iterator<Item = Seen<'a, NamespaceState>> {
        self.all(|data| match data {
            EvidenceData::Namespace(namespace) => Some(namespace),
            _ => None,
        })
    }

    /// The alerts.
    pub fn alerts(&self) -> impl Iterator<Item = Seen<'a, [AlertFact]>> {
        self.all(|data| match data {
            EvidenceData::Alerts { alerts } => Some(alerts.as_slice()),
            _ => None,
        })
    }

    /// Every Service that evidence tells of, on its own or beside its workload.
    pub fn services(&self) -> Vec<Seen<'a, ServiceState>> {
        let alone = self.all(|data| match data {
            EvidenceData::Service(service) => Some(service),
            _ => None,
        });
        let beside = self.all_workloads().flat_map(|seen| {
            let with = move |service| Seen { id: seen.id, about: seen.about, query: seen.query, data: service };
            seen.data.services.iter().map(with)
        });
        alone.chain(beside).collect()
    }

    /// Events about the subject and what it owns, whichever evidence holds them.
    pub fn events(&self) -> Vec<(EvidenceId, &'a EventFact)> {
        let all = self.all(|data| match data {
            EvidenceData::Events { events } => Some(events.as_slice()),
            _ => None,
        });
        all.flat_map(|seen| {
            let own = self.is_own(seen.about);
            let same = self.is_near(seen.about);
            let events = seen.data.iter().filter(move |event| own || (same && self.concerns(event)));
            events.map(move |event| (seen.id, event))
        })
        .filter(|(_, event)| self.weight(event.last.or(event.first)) > 0.5)
        .collect()
    }

    /// Whether an event in somebody else's list is about the subject.
    fn concerns(&self, event: &EventFact) -> bool {
        let Some((kind, name)) = event.object.split_once(' ') else { return false };
        let subject = &self.subject.name;
        match kind {
            "Pod" => owner_of_pod(name).1 == *subject || self.subject.pods.iter().any(|pod| pod == name),
            "Job" => owner_of_job(name).1 == *subject,
            "ReplicaSet" => name.rsplit_once('-').is_some_and(|(owner, _)| owner == subject),
            _ => name == subject,
        }
    }

    /// Revisions of the subject with the evidence they come from, newest first.
    pub fn rollouts(&self) -> Vec<(EvidenceId, &'a Rollout)> {
        self.workloads().flat_map(|seen| seen.data.rollouts.iter().map(move |rollout| (seen.id, rollout))).collect()
    }

    /// How much a fact of that time still says about the onset: 1 for now and unknown, less for earlier, 0 for long ago.
    pub fn weight(&self, at: Option<DateTime<Utc>>) -> f64 {
        match at {
            None => 1.0,
            Some(at) if at >= self.onset - CURRENT => 1.0,
            Some(at) if at >= self.onset - EARLIER => 0.5,
            Some(_) => 0.0,
        }
    }

    /// Nodes that the subject's troubled pods run on.
    pub fn nodes_of_pods(&self) -> Vec<&'a str> {
        let pods = self.workloads().flat_map(|seen| seen.data.pods.iter());
        let troubled = pods.filter(|pod| !pod.ready && self.weight(ended_at(pod)) > 0.5);
        troubled.filter_map(|pod| pod.node.as_deref()).collect()
    }
}

fn workload(data: &EvidenceData) -> Option<&WorkloadState> {
    match data {
        EvidenceData::Workload(workload) => Some(workload),
        _ => None,
    }
}
