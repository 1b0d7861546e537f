//! Where alerts belong: their labels say it, and the cluster corrects the guess while there is time.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;

use super::Context;
use crate::adapters::cluster::{Cluster, ClusterError};
use crate::domain::alert::Alert;
use crate::domain::correlate::Placed;
use crate::domain::subject::{ObjectRef, Subject, SubjectKind};

/// How long the cluster may delay the first message of a thread.
const PATIENCE: Duration = Duration::from_millis(200);
/// Look-ups for one batch; in a storm names have to do.
const MAX_LOOKUPS: usize = 64;
/// Look-ups under way at once.
const CONCURRENT_LOOKUPS: usize = 8;

/// Something that decides what an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// Who owns this pod of this namespace?
    Pod(String, String),
    /// What in this namespace has this name? And if nothing: whose is this address?
    Name(String, String, Option<IpAddr>),
    /// Which pod has this address?
    Address(IpAddr),
}

/// What the cluster answered.
enum Answer {
    /// It is about this.
    Found(ObjectRef),
    /// There is no such thing.
    Nothing,
}

/// Puts each alert of one delivery with what it is about.
pub async fn place(context: &Context, alerts: Vec<Alert>, received_at: DateTime<Utc>) -> Vec<Placed> {
    let mut placed: Vec<(Alert, Subject)> = alerts
        .into_iter()
        .map(|alert| {
            let subject = Subject::of(&alert);
            (alert, subject)
        })
        .collect();
    if let Some(cluster) = &context.sources.cluster {
        // What has the same name in this cluster is something else.
        let here = |subject: &Subject| context.sources.elsewhere(subject).is_none();
        let question = |subject: &Subject| question(subject).filter(|_| here(subject));
        let questions: BTreeSet<Question> = placed.iter().filter_map(|(_, subject)| question(subject)).collect();
        let lookups = futures::stream::iter(questions.into_iter().take(MAX_LOOKUPS)).map(|question| async move {
            let answer = ask(cluster, &question).await;
            (question, answer)
        });
        let mut answers = lookups.buffer_unordered(CONCURRENT_LOOKUPS);
        let until = tokio::time::Instant::now() + PATIENCE;
        while let Ok(Some((asked, answer))) = tokio::time::timeout_at(until, answers.next()).await {
            let Ok(answer) = answer else { continue };
            for (_, subject) in &mut placed {
                if question(subject).as_ref() == Some(&asked) {
                    correct(subject, &answer);
                }
            }
        }
    }
    placed.into_iter().map(|(alert, subject)| Placed::new(alert, subject, received_at)).collect()
}

/// What to ask about a subject, where the labels alone do not settle it.
fn question(subject: &Subject) -> Option<Question> {
    let address = || subject.address.as_ref()?.parse::<IpAddr>().ok();
    let decides = subject.kind.owns_pods() || subject.kind == SubjectKind::Pod;
    match (&subject.namespace, subject.pods.first().filter(|_| decides)) {
        (Some(namespace), Some(pod)) => Some(Question::Pod(namespace.clone(), pod.clone())),
        (Some(namespace), None) if subject.guessed => {
            Some(Question::Name(namespace.clone(), subject.name.clone(), address()))
        }
        _ => subject.telling_address().map(Question::Address),
    }
}

async fn ask(cluster: &Cluster, question: &Question) -> Result<Answer, ClusterError> {
    let found = match question {
        Question::Pod(namespace, pod) => cluster.owner_of_pod(namespace, pod).await?,
        Question::Name(namespace, name, address) => match (cluster.named(namespace, name).await?, address) {
            (None, Some(address)) => cluster.owner_of_address(*address).await?,
            (found, _) => found,
        },
        Question::Address(address) => cluster.owner_of_address(*address).await?,
    };
    Ok(found.map_or(Answer::Nothing, Answer::Found))
}

fn correct(subject: &mut Subject, answer: &Answer) {
    match answer {
        Answer::Found(object) => {
            subject.kind = object.kind;
            subject.name.clone_from(&object.name);
            subject.namespace.clone_from(&object.namespace);
            subject.guessed = false;
        }
        // The exporter's name, or that of something else outside of the cluster: all that is known is the namespace.
        Answer::Nothing if subject.guessed => {
            if let Some(namespace) = subject.namespace.clone() {
                subject.kind = SubjectKind::Namespace;
                subject.name = namespace;
                subject.guessed = false;
            }
        }
        Answer::Nothing => {}
    }
}
