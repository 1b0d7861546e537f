//! Puts actions to people: what the findings speak for, what somebody asks for, and the way back of what did not help.
//! Only what the server's dry run accepted is put forward, bound to what it showed.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::field::Empty;

use super::circumstances::nodes;
use super::decide::decide;
use super::execute::Hands;
use super::look::GENERAL;
use super::proposals::{Altered, alter, expiry, places};
use super::tell::beside;
use super::{AUTHOR, Context, alone, clear, plan, traced, update};
use crate::adapters::actuator::{ActuatorError, Preview, Warning};
use crate::analysis::remedies::remedies;
use crate::domain::action::{Action, ActionName, Before, SilenceMatcher};
use crate::domain::audit::AuditDraft;
use crate::domain::chat::Place;
use crate::domain::event::{Decided, Event, EventId, Wish};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus};
use crate::domain::investigation::Investigation;
use crate::domain::policy::scope::Scope;
use crate::domain::policy::{Decision, Refusal};
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::proposal::{Choice, Proposal, ProposalDraft, ProposalId, ProposedBy, State, UNDO_REASON, Void, Why};
use crate::domain::report::Explanation;
use crate::domain::runbook::matching;
use crate::ports::{StoreError, Timer, Write};

/// What one round may take before another replica may take it over: a person waits for it, and two rounds at once do no harm,
/// since the same action is put forward once.
const HOLD: TimeDelta = TimeDelta::seconds(30);
/// How sure a suggestion of the model counts: below what the evidence itself speaks for.
const SUGGESTED: u8 = 40;

/// The timer that has remedies put forward after an investigation.
pub(super) fn timer(incident: &IncidentId, run: u32, explained: bool, due: DateTime<Utc>) -> Timer {
    let event = Event::Propose { incident: incident.clone(), run, explained };
    Timer { key: timer_key(incident, run, explained), due, event }
}

/// A name for each run, and two: what is done when the evidence is in must clear neither what the model's words nor what a
/// newer run has set meanwhile.
pub(super) fn timer_key(incident: &IncidentId, run: u32, explained: bool) -> String {
    format!("propose:{incident}:{run}{}", if explained { ":explained" } else { "" })
}

/// Puts forward what the findings of an investigation speak for.
///
/// # Errors
/// When the store does not take it; the timer stays.
pub async fn run(
    context: &Context,
    hands: &Hands,
    id: &IncidentId,
    run: u32,
    explained: bool,
) -> Result<(), StoreError> {
    alone(context, &format!("propose:{id}"), HOLD, |_| {
        let span = tracing::info_span!(
            "propose",
            incident = %id,
            run,
            explained,
            otel.status_code = Empty,
            error.type = Empty,
        );
        traced(context, id, span, propose(context, hands, id, run, explained))
    })
    .await
}

async fn propose(
    context: &Context,
    hands: &Hands,
    id: &IncidentId,
    run: u32,
    explained: bool,
) -> Result<(), StoreError> {
    let Some(incident) = context.store.incident(id).await?.map(|found| found.value) else { return Ok(()) };
    let record = context.store.investigation(id).await?.unwrap_or_default();
    let now = (context.clock)();
    if record.run == run && incident.status == IncidentStatus::Open {
        let onset = plan::Ranges::of(&incident, now).onset;
        let allowed = allowed(context, &record);
        let found = remedies(&incident.subject, &record.evidence, onset, &record.findings, &allowed);
        let found = found.into_iter().map(|remedy| (remedy.action, remedy.why, ProposedBy::Analysis));
        let own_cluster = context.sources.cluster_name.as_deref();
        let suggested = suggested(&incident, own_cluster, &record, &allowed);
        let found: Vec<(Action, Why, ProposedBy)> = found.chain(suggested).collect();
        tracing::debug!(incident = %id, run, remedies = found.len(), ?allowed, "remedies of {id}");
        for (action, why, by) in found {
            let known = context.store.proposals(id).await?;
            if known.iter().any(|proposal| speaks_for_itself(proposal, &action)) {
                continue;
            }
            match hands.actuator.preview(&action, now).await {
                Ok(preview) => {
                    if let Err(why) = put(context, id, &action, &preview, &why, &by).await? {
                        tracing::info!(incident = %id, "{action} is not proposed: {why:?}");
                    }
                }
                Err(error) => tracing::info!(incident = %id, "{action} is not proposed: {error}"),
            }
        }
    }
    clear(context, id, &timer_key(id, run, explained)).await
}

/// What the model would put to people, as far as it is an action of the catalogue that the runbooks list. Its words are
/// the reason, and everything else is checked as for any other.
fn suggested(
    incident: &Incident,
    own_cluster: Option<&str>,
    record: &Investigation,
    allowed: &[ActionName],
) -> Vec<(Action, Why, ProposedBy)> {
    let Some(Explanation::Given { report, .. }) = &record.explanation else { return Vec::new() };
    let mut suggested: Vec<(Action, Why, ProposedBy)> = Vec::new();
    let alerts: Vec<_> = incident.alerts.iter().map(|alert| &alert.labels).collect();
    let nodes = nodes(record);
    let scope = Scope { subject: &incident.subject, own_cluster, nodes: &nodes, alerts: &alerts };
    for command in &report.actions {
        let action = match Action::parse_about(command, &incident.subject) {
            Ok(action) if allowed.contains(&action.name()) => action,
            Ok(action) => {
                tracing::info!(incident = %incident.id, "the model's `{action}` is refused: no runbook that fits lists it");
                continue;
            }
            Err(why) => {
                tracing::info!(incident = %incident.id, "the model's `{command}` is refused: {why}");
                continue;
            }
        };
        // Not even tried elsewhere: what a model chooses reaches the actuator once it is known to be the incident's.
        if let Err(refusal) = scope.check(&action) {
            tracing::info!(incident = %incident.id, "the model's `{action}` is refused: {refusal}");
            continue;
        }
        let claim = report.claims().next();
        let why = Why {
            words: claim.map(|claim| claim.text.clone()),
            evidence: claim.map(|claim| claim.evidence.clone()).unwrap_or_default(),
            confidence: SUGGESTED,
            ..Why::default()
        };
        suggested.push((action, why, ProposedBy::Model));
    }
    suggested
}

/// What the matched runbooks let the bot propose; where none fits by a rule, the general one besides.
pub(super) fn allowed(context: &Context, record: &Investigation) -> Vec<ActionName> {
    let library = &context.sources.runbooks;
    let mut allowed: Vec<ActionName> = Vec::new();
    let general = record.runbooks.iter().all(|found| found.score < matching::BY_RULE).then_some(GENERAL);
    for id in record.runbooks.iter().map(|found| found.id.as_str()).chain(general) {
        allowed.extend(library.get(id).iter().flat_map(|runbook| runbook.actions.iter().copied()));
    }
    allowed
}

/// Whether the same was put forward in this incident and still stands, or was answered: it is not put forward again by
/// itself. What expired, or what moved away from it, may be.
fn speaks_for_itself(proposal: &Proposal, action: &Action) -> bool {
    proposal.action == *action && !matches!(proposal.state, State::Expired { .. } | State::Superseded { .. })
}

/// Why an action was not put forward.
#[derive(Debug)]
enum NotPut {
    /// It lies outside of what the incident is about.
    OutOfScope(Refusal),
    /// The same waits already.
    Waits(Box<Proposal>),
    /// Its values make no sense.
    Senseless(String),
    /// The incident is not there.
    NoIncident,
}

/// Puts a previewed action forward; older ones about the same target that nobody decided on give way to it.
async fn put(
    context: &Context,
    id: &IncidentId,
    action: &Action,
    preview: &Preview,
    why: &Why,
    by: &ProposedBy,
) -> Result<Result<Proposal, NotPut>, StoreError> {
    let places = places(context, id).await?;
    let put = alter(context, id, None, |seen| {
        let now = seen.read.now();
        if let Some(refusal) = outside(seen.incident, action, preview) {
            return Some((Altered::default(), Err(NotPut::OutOfScope(refusal))));
        }
        let waiting = seen.proposals.iter().find(|other| other.action == *action && !other.state.is_settled());
        if let Some(waiting) = waiting {
            return Some((Altered::default(), Err(NotPut::Waits(Box::new(waiting.clone())))));
        }
        let draft = ProposalDraft {
            incident: id.clone(),
            action: action.clone(),
            target: preview.target.clone(),
            before: preview.before.clone(),
            diff: preview.diff.clone(),
            notes: notes(preview),
            why: why.clone(),
            proposed_by: by.clone(),
            places: places.clone(),
            expires: None,
        };
        let (mut proposal, made) = match Proposal::new(draft, now) {
            Ok(made) => made,
            Err(error) => return Some((Altered::default(), Err(NotPut::Senseless(error.to_string())))),
        };
        let id = proposal.id.clone();
        match seen.read.of_decision(context, seen.incident, &id, |circumstances| proposal.judge(circumstances)) {
            Decision::Forbidden(refusals) => {
                let outside = refusals.into_iter().find(Refusal::is_out_of_scope);
                if let Some(outside) = outside {
                    return Some((Altered::default(), Err(NotPut::OutOfScope(outside))));
                }
            }
            Decision::NeedsApproval(terms) => proposal.lasts(terms.expires()),
        }
        let mut altered = Altered { audit: vec![made], timers: vec![expiry(&proposal)], ..Altered::default() };
        for other in seen.proposals.into_iter().filter(|other| gives_way(other, &proposal)) {
            altered.and(other.supersede(Void::Replaced, now));
        }
        altered.proposals.push(proposal.clone());
        Some((altered, Ok(proposal)))
    })
    .await?;
    Ok(put.unwrap_or(Err(NotPut::NoIncident)))
}

fn gives_way(other: &Proposal, new: &Proposal) -> bool {
    other.state == State::Proposed
        && other.action.name() == new.action.name()
        && other.action.target().to_string() == new.action.target().to_string()
        && !matches!(other.proposed_by, ProposedBy::Person { .. })
}

/// A silence is told by its id; only its matchers say whether it covers the incident's alerts.
fn outside(incident: &Incident, action: &Action, preview: &Preview) -> Option<Refusal> {
    let (Action::ExpireSilence { id }, Before::Silence { matchers, .. }) = (action, &preview.before) else {
        return None;
    };
    let alerts: Vec<_> = incident.alerts.iter().map(|alert| &alert.labels).collect();
    let nodes = std::collections::BTreeSet::new();
    let scope = Scope { subject: &incident.subject, own_cluster: None, nodes: &nodes, alerts: &alerts };
    let refusal = || Refusal::OutOfScope { target: format!("silence {id}"), subject: incident.subject.to_string() };
    (!scope.covers(matchers)).then(refusal)
}

/// What should be known before deciding. That somebody else manages the object is told with the target.
fn notes(preview: &Preview) -> Vec<String> {
    let told = |warning: &&Warning| !matches!(warning, Warning::ManagedBy { .. });
    preview.warnings.iter().filter(told).map(ToString::to_string).collect()
}

/// Puts forward the way back of what did not help.
///
/// # Errors
/// When the store does not take it.
pub(super) async fn way_back(context: &Context, hands: &Hands, proposal: &Proposal) -> Result<(), StoreError> {
    let Some(action) = proposal.way_back() else { return Ok(()) };
    let id = &proposal.incident;
    match hands.actuator.preview(&action, (context.clock)()).await {
        Ok(preview) => {
            let by = ProposedBy::Undo { of: proposal.id.clone() };
            if let Err(why) = put(context, id, &action, &preview, &undo_why(proposal), &by).await? {
                tracing::info!(incident = %id, "the way back of {} is not proposed: {why:?}", proposal.id);
            }
        }
        Err(error) => tracing::info!(incident = %id, "the way back of {} is not proposed: {error}", proposal.id),
    }
    Ok(())
}

fn undo_why(proposal: &Proposal) -> Why {
    Why {
        phrase: UNDO_REASON.into(),
        facts: [("of".to_owned(), proposal.action.to_string())].into(),
        evidence: proposal.why.evidence.clone(),
        words: None,
        confidence: 100,
    }
}

/// The action that an undo of a proposal would be; `None` where there is no way back, or no such proposal.
///
/// # Errors
/// When the store does not answer.
pub async fn undo_of(
    context: &Context,
    incident: &IncidentId,
    proposal: &ProposalId,
) -> Result<Option<Action>, StoreError> {
    let found = context.store.proposal(proposal).await?;
    Ok(found.filter(|found| found.incident == *incident).and_then(|found| found.way_back()))
}

/// The silence of an incident's alerts: the labels that all of its firing alerts share say which.
pub fn silence_of(incident: &Incident, minutes: u32, by: &str) -> Option<Action> {
    let matchers =
        SilenceMatcher::covering(incident.alerts.iter().filter(|alert| alert.is_firing()).map(|a| &a.labels))?;
    let comment = format!("{} ({}), by {by}", crate::domain::text::line(&incident.title, 200), incident.id);
    Action::CreateSilence { matchers, duration_seconds: u64::from(minutes) * 60, comment }.checked().ok()
}

/// Notes what a person wants put forward: looking at the target takes a neighbour, which the inbox does not wait for.
///
/// # Errors
/// When the store does not take it.
pub async fn note(context: &Context, event: Option<EventId>, wish: Wish) -> Result<(), StoreError> {
    update(context, &wish.incident, |mut incident| {
        if let Some(event) = event {
            if incident.value.has_handled(event) {
                return None;
            }
            incident.value.remember(event);
        }
        let timer = Timer { key: wish_key(&wish), due: (context.clock)(), event: Event::Wish(wish.clone()) };
        Some(Write { timers: vec![timer], ..Write::new(incident) })
    })
    .await
}

fn wish_key(wish: &Wish) -> String {
    format!("wish:{}", wish.nonce)
}

/// Puts forward what a person wants, or tells them why not.
///
/// # Errors
/// When the store does not take it; the timer stays.
pub async fn fulfil(context: &Context, hands: Option<&Hands>, wish: Wish) -> Result<(), StoreError> {
    alone(context, &wish_key(&wish), HOLD, |_| {
        let span = tracing::info_span!(
            "wish",
            incident = %wish.incident,
            action = wish.action.name().as_str(),
            otel.status_code = Empty,
            error.type = Empty,
        );
        traced(context, &wish.incident, span, grant(context, hands, &wish))
    })
    .await
}

async fn grant(context: &Context, hands: Option<&Hands>, wish: &Wish) -> Result<(), StoreError> {
    let said = match answer(context, hands, wish).await? {
        Answer::Put(said) => {
            clear(context, &wish.incident, &wish_key(wish)).await?;
            said
        }
        Answer::Refused(why) => {
            refuse(context, wish, &why).await?;
            Some(why)
        }
    };
    if let Some(said) = said {
        beside(context, &wish.incident, wish.message.as_ref(), &wish.person, &wish.place, &said).await;
    }
    Ok(())
}

/// What came of a wish.
enum Answer {
    /// It stands in the thread; what the person is told besides, where it was their approval, too.
    Put(Option<String>),
    /// It was not put forward, and why.
    Refused(String),
}

async fn answer(context: &Context, hands: Option<&Hands>, wish: &Wish) -> Result<Answer, StoreError> {
    let render = &context.render;
    let Some(hands) = hands else { return Ok(Answer::Refused(render.word("propose.no_actuator"))) };
    let preview = match hands.actuator.preview(&wish.action, (context.clock)()).await {
        Ok(preview) => preview,
        Err(error) => return Ok(Answer::Refused(not_offered(context, &error))),
    };
    let by = ProposedBy::Person { person: wish.person.clone() };
    let proposal = match put(context, &wish.incident, &wish.action, &preview, &Why::default(), &by).await? {
        Ok(proposal) => proposal,
        Err(NotPut::Waits(waiting)) => *waiting,
        Err(NotPut::OutOfScope(refusal)) => return Ok(Answer::Refused(render.refusal(&refusal))),
        Err(NotPut::Senseless(why)) => return Ok(Answer::Refused(render.plain_sentence(&why))),
        Err(NotPut::NoIncident) => return Ok(Answer::Put(None)),
    };
    if !wish.approve {
        return Ok(Answer::Put(None));
    }
    let decided = Decided {
        incident: wish.incident.clone(),
        proposal: proposal.id,
        digest: proposal.digest,
        choice: Choice::Approve,
        person: wish.person.clone(),
        place: wish.place.clone(),
        nonce: format!("{}:approve", wish.nonce),
    };
    decide(context, None, &decided).await.map(Answer::Put)
}

/// Keeps that a wish was refused. A chat tells the person alone; who asked in the console reads it in the thread.
async fn refuse(context: &Context, wish: &Wish, why: &str) -> Result<(), StoreError> {
    let key = wish_key(wish);
    let command = wish.action.to_string();
    let at = (context.clock)();
    update(context, &wish.incident, |incident| {
        let render = &context.render;
        let said = || {
            let name = render.plain_sentence(&wish.person.name);
            render.fill("said.wish_refused", &[name, render.code(&command), why.to_owned()])
        };
        let post = (wish.place == Place::Console).then(|| PostDraft {
            key: key.clone(),
            kind: PostKind::Update,
            author: AUTHOR.into(),
            text: said(),
            evidence: Vec::new(),
            at,
        });
        let audit = AuditDraft {
            at,
            actor: wish.person.id.to_string(),
            action: "proposal.wish_refused".into(),
            incident: Some(wish.incident.clone()),
            detail: format!("{command}: {why}"),
        };
        let write = Write::new(incident);
        Some(Write { cleared: vec![key.clone()], posts: post.into_iter().collect(), audit: vec![audit], ..write })
    })
    .await
}

fn not_offered(context: &Context, error: &ActuatorError) -> String {
    let why = context.redactor.redact(&error.to_string()).into_owned();
    context.render.plain_sentence(&why)
}

/// Ends what waits for people once the incident is over.
///
/// # Errors
/// When the store does not take it.
pub async fn over(context: &Context, id: &IncidentId) -> Result<(), StoreError> {
    alter(context, id, None, |seen| {
        if seen.incident.status != IncidentStatus::Resolved {
            return None;
        }
        let mut altered = Altered::default();
        for proposal in seen.proposals.into_iter().filter(|proposal| proposal.state == State::Proposed) {
            altered.and(proposal.supersede(Void::Resolved, seen.read.now()));
        }
        (!altered.proposals.is_empty()).then_some((altered, ()))
    })
    .await
    .map(drop)
}
