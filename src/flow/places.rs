//! Where alerts belong: their labels say it, and owner references correct the guess while there is time.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt as _;

use super::Context;
use crate::domain::alert::Alert;
use crate::domain::correlate::Placed;
use crate::domain::subject::Subject;

/// How long owner references may delay the first message of a thread.
const PATIENCE: Duration = Duration::from_millis(200);
/// Pods looked up for one batch; in a storm names have to do.
const MAX_LOOKUPS: usize = 64;
/// Look-ups under way at once.
const CONCURRENT_LOOKUPS: usize = 8;

/// Puts each alert with what it is about.
pub async fn place(context: &Context, alerts: Vec<Alert>) -> Vec<Placed> {
    let mut placed: Vec<(Alert, Subject)> = alerts
        .into_iter()
        .map(|alert| {
            let subject = Subject::of(&alert);
            (alert, subject)
        })
        .collect();
    if let Some(cluster) = &context.sources.cluster {
        let pods: BTreeSet<(String, String)> =
            placed.iter().filter_map(|(_, subject)| pod_to_look_up(subject)).collect();
        let lookups = futures::stream::iter(pods.into_iter().take(MAX_LOOKUPS)).map(|(namespace, pod)| async move {
            let owner = cluster.owner_of_pod(&namespace, &pod).await;
            (namespace, pod, owner)
        });
        let mut answers = lookups.buffer_unordered(CONCURRENT_LOOKUPS);
        let until = tokio::time::Instant::now() + PATIENCE;
        while let Ok(Some((namespace, pod, owner))) = tokio::time::timeout_at(until, answers.next()).await {
            let Ok(Some(owner)) = owner else { continue };
            for (_, subject) in &mut placed {
                if pod_to_look_up(subject).is_some_and(|asked| asked == (namespace.clone(), pod.clone())) {
                    subject.kind = owner.kind;
                    subject.name.clone_from(&owner.name);
                }
            }
        }
    }
    placed.into_iter().map(|(alert, subject)| Placed::new(alert, subject)).collect()
}

/// The pod whose owner decides what the alert is about.
fn pod_to_look_up(subject: &Subject) -> Option<(String, String)> {
    let decides = subject.kind.owns_pods() || subject.kind == crate::domain::subject::SubjectKind::Pod;
    let pod = subject.pods.first().filter(|_| decides)?;
    Some((subject.namespace.clone()?, pod.clone()))
}
