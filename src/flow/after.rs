//! The chart of before and after: the curve that spoke for an action, asked again once it is known whether it helped.

use chrono::TimeDelta;

use super::amend::{Besides, amend};
use super::look::enter;
use super::{AUTHOR, Context};
use crate::adapters::metrics::QuerySpec;
use crate::domain::evidence::{Draft, Evidence, EvidenceData, Source};
use crate::domain::investigation::Investigation;
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::proposal::{Proposal, State};
use crate::domain::window::Window;
use crate::ports::StoreError;

/// What is shown before the action.
const BEFORE: TimeDelta = TimeDelta::minutes(30);
/// Points of a line.
const POINTS: u32 = 240;

/// Adds the chart to the incident's thread, where metrics spoke for the action. What does not answer in time is left out.
///
/// # Errors
/// When the store does not take it.
pub async fn show(context: &Context, proposal: &Proposal) -> Result<(), StoreError> {
    let Some(metrics) = &context.sources.metrics else { return Ok(()) };
    let record = context.store.investigation(&proposal.incident).await?.unwrap_or_default();
    let (Some((evidence, spec)), Some(ended)) = (curve(&record, proposal), ended(proposal)) else { return Ok(()) };
    let window = Window::new(proposal.created_at - BEFORE, ended);
    let baseline = Window::new(window.from - window.length(), window.from);
    let step = window.step(POINTS, TimeDelta::seconds(5));
    let asked = metrics.chart_data(&spec, window, baseline, step);
    let series = match tokio::time::timeout(context.deadline, asked).await {
        Ok(Ok(series)) if !series.lines.is_empty() => series,
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => {
            tracing::info!(incident = %proposal.incident, "chart before and after: {error}");
            return Ok(());
        }
        Err(_) => return Ok(()),
    };
    let draft = Draft {
        source: Source::Metrics,
        about: evidence.about.clone(),
        title: context.render.before_and_after(&proposal.action, &evidence.title),
        query: evidence.query.clone(),
        window,
        data: EvidenceData::Series(series),
        link: None,
    };
    let slot = format!("after:{}", proposal.id);
    amend(context, &proposal.incident, None, |_, record| {
        let entered = enter(context, record, &[(slot.clone(), draft.clone())]);
        let posts = entered.iter().map(|evidence| PostDraft {
            key: format!("evidence:{}", evidence.id),
            kind: PostKind::Evidence,
            author: AUTHOR.into(),
            text: context.render.evidence(evidence),
            evidence: vec![evidence.id],
            at: (context.clock)(),
        });
        Some(Besides { posts: posts.collect(), ..Besides::default() })
    })
    .await
    .map(drop)
}

/// When its verdict was reached.
fn ended(proposal: &Proposal) -> Option<chrono::DateTime<chrono::Utc>> {
    match &proposal.state {
        State::Verified { at, .. } | State::NotVerified { at, .. } => Some(*at),
        _ => None,
    }
}

/// The first curve that the proposal cites, else the first of the investigation.
fn curve<'a>(record: &'a Investigation, proposal: &Proposal) -> Option<(&'a Evidence, QuerySpec)> {
    let spec = |evidence: &'a Evidence| match &evidence.data {
        EvidenceData::Series(series) if !evidence.query.is_empty() => Some((
            evidence,
            QuerySpec {
                query: evidence.query.clone(),
                title: evidence.title.clone(),
                unit: series.unit.clone(),
                limit: None,
                threshold: series.limit.as_ref().map(|limit| limit.value),
            },
        )),
        _ => None,
    };
    let cited = proposal.why.evidence.iter().filter_map(|id| record.evidence.iter().find(|known| known.id == *id));
    cited.chain(&record.evidence).find_map(spec)
}
