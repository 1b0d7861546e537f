//! Deciding on proposals, with a page between the click and the decision that shows what would change.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Form, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use minijinja::context;
use minijinja::value::Serde;
use serde::Deserialize;

use super::pages::{Page, common, html};
use super::problem::Problem;
use super::visitor::Visitor;
use super::{Shared, protect};
use crate::domain::action::Action;
use crate::domain::chat::Place;
use crate::domain::event::{Decided, Event, Wish};
use crate::domain::incident::IncidentId;
use crate::domain::policy::Person;
use crate::domain::proposal::{Choice, Proposal, ProposalId, State as Standing};
use crate::domain::text;
use crate::render::IncidentView;
use crate::web::change_of;

/// How long a decision is waited for, so that the page that follows shows what came of it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest action that is read, in bytes.
const MAX_ACTION_BYTES: usize = 2_000;

/// What the link said.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    choice: String,
}

/// The page that asks whether they mean it.
pub(super) async fn confirm(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Extension<Visitor>,
    Path((id, proposal)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Page {
    let page = async {
        let (id, proposal) = (IncidentId(id), ProposalId(proposal));
        if visitor.person.is_none() {
            return Err(Problem::Nobody);
        }
        let incident = shared.console.store.incident(&id).await?.ok_or(Problem::NotFound)?.value;
        let proposal = find(&shared, &id, &proposal).await?;
        let text = shared.console.store.thread(&id).await?.into_iter();
        let key = proposal.id.post_key();
        let text = text.map(|post| post.draft).find(|draft| draft.key == key).map(|draft| draft.text);
        let choice = match asked.choice.as_str() {
            "reject" => "reject",
            "break_glass" => "break_glass",
            _ => "approve",
        };
        let now = (shared.console.clock)();
        let nonce = format!("{}-{}", proposal.id, now.timestamp_nanos_opt().unwrap_or_default());
        let values = context! {
            incident => Serde(IncidentView::of(&incident)), id => proposal.id.0, digest => proposal.digest, text, choice, nonce,
            can => proposal.state == Standing::Proposed, ..common(&shared, &visitor)
        };
        html(&shared, "confirm.html", values)
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// What the page sends.
#[derive(Debug, Deserialize)]
pub(super) struct Decision {
    choice: String,
    digest: String,
    nonce: String,
    #[serde(default)]
    reason: String,
}

/// Takes a decision, and waits a moment for what comes of it.
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Extension<Visitor>,
    Path((id, proposal)): Path<(String, String)>,
    headers: HeaderMap,
    Form(form): Form<Decision>,
) -> Page {
    let page = async {
        let person = deciding(&visitor, &headers)?;
        let (id, proposal) = (IncidentId(id), ProposalId(proposal));
        find(&shared, &id, &proposal).await?;
        let reason = text::line(&form.reason, 300);
        let choice = match form.choice.as_str() {
            "approve" => Choice::Approve,
            "break_glass" => Choice::BreakGlass { reason },
            "reject" => Choice::Reject { reason: Some(reason).filter(|reason| !reason.is_empty()) },
            _ => return Err(Problem::NotFound),
        };
        let event = Event::Decide(Decided {
            incident: id.clone(),
            proposal: proposal.clone(),
            digest: text::line(&form.digest, 200),
            choice,
            person: person.clone(),
            place: Place::Console,
            nonce: format!("console:{}:{}", person.id, text::line(&form.nonce, 100)),
        });
        let mut changes = shared.console.store.changes();
        let now = (shared.console.clock)();
        shared.console.store.enqueue(&event, now).await?;
        let answered = async {
            loop {
                let found = find(&shared, &id, &proposal).await?;
                if found.told.iter().any(|told| told.to == person.id && told.at >= now) {
                    return Ok::<(), Problem>(());
                }
                change_of(&mut changes, &id).await;
            }
        };
        // Later is fine, too: the page that follows is live.
        let _ = tokio::time::timeout(PATIENCE, answered).await;
        Ok(Redirect::to(&format!("/incidents/{id}#{proposal}")).into_response())
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// Asks for the way back of what was done.
pub(super) async fn undo(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Extension<Visitor>,
    Path((id, proposal)): Path<(String, String)>,
    headers: HeaderMap,
) -> Page {
    let page = async {
        let person = deciding(&visitor, &headers)?;
        let (id, proposal) = (IncidentId(id), ProposalId(proposal));
        let action = find(&shared, &id, &proposal).await?.way_back().ok_or(Problem::NotFound)?;
        wish(&shared, &id, action, person).await
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// What somebody wants done.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    action: String,
}

/// Puts an action forward that somebody typed.
pub(super) async fn propose(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<Wanted>,
) -> Page {
    let page = async {
        let person = deciding(&visitor, &headers)?;
        let id = IncidentId(id);
        let incident = shared.console.store.incident(&id).await?.ok_or(Problem::NotFound)?.value;
        let typed = text::bounded(&form.action, MAX_ACTION_BYTES);
        let action = match Action::parse_about(typed.trim(), &incident.subject) {
            Ok(action) => action,
            Err(error) => return Err(Problem::Senseless(error.to_string())),
        };
        wish(&shared, &id, action, person).await
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

async fn wish(shared: &Shared, id: &IncidentId, action: Action, person: &Person) -> Result<Response, Problem> {
    let now = (shared.console.clock)();
    let nonce = format!("console:{}:{}", person.id, now.timestamp_nanos_opt().unwrap_or_default());
    let event = Event::Wish(Wish {
        incident: id.clone(),
        action,
        approve: false,
        person: person.clone(),
        place: Place::Console,
        message: None,
        nonce,
    });
    shared.console.store.enqueue(&event, now).await?;
    Ok(Redirect::to(&format!("/incidents/{id}?asked=do#proposals")).into_response())
}

/// The person who sends a form of our own page.
fn deciding<'a>(visitor: &'a Visitor, headers: &HeaderMap) -> Result<&'a Person, Problem> {
    if !protect::is_same_origin(headers) {
        return Err(Problem::Foreign);
    }
    visitor.person.as_ref().ok_or(Problem::Nobody)
}

async fn find(shared: &Shared, id: &IncidentId, proposal: &ProposalId) -> Result<Proposal, Problem> {
    let all = shared.console.store.proposals(id).await?;
    all.into_iter().find(|known| known.id == *proposal).ok_or(Problem::NotFound)
}
