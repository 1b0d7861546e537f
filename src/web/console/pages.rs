//! The pages, and the form that asks for another look.

use std::sync::Arc;

use axum::Extension;
use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{Html, IntoResponse, Redirect, Response};
use minijinja::value::{Serde, merge_maps};
use minijinja::{Value, context};
use serde::Deserialize;

use super::problem::Problem;
use super::visitor::Visitor;
use super::{Shared, protect, view};
use crate::domain::event::Event;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::domain::question::Question;
use crate::ports::Filter;
use crate::render::IncidentView;

/// Incidents listed: two screens of open ones and a screen of what is over. The API lists the rest.
const MAX_OPEN: usize = 100;
/// See [`MAX_OPEN`].
const MAX_RESOLVED: usize = 25;

/// Questions about no incident that are listed.
const MAX_ASKED: usize = 10;

pub(super) type Page = Result<Response, Response>;
type Session = Extension<Visitor>;

/// Open and lately resolved incidents.
pub(super) async fn index(State(shared): State<Arc<Shared>>, Extension(visitor): Session) -> Page {
    let page = async {
        let store = &shared.console.store;
        let open =
            store.list(Filter { status: Some(IncidentStatus::Open), origin: Origin::Alerts, limit: MAX_OPEN }).await?;
        let resolved = store
            .list(Filter { status: Some(IncidentStatus::Resolved), origin: Origin::Alerts, limit: MAX_RESOLVED })
            .await?;
        let asked = store.list(Filter { status: None, origin: Origin::Question, limit: MAX_ASKED }).await?;
        let open_total = store.count_open().await?.max(open.len());
        let inbox = store.inbox().await?;
        let rows = |incidents: &[Incident]| Serde(incidents.iter().map(IncidentView::of).collect::<Vec<_>>()).into();
        let (mut open_rows, resolved): (Vec<Incident>, Value) = (open, rows(&resolved));
        // The worst first, the newest first among equals.
        open_rows.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.opened_at.cmp(&a.opened_at)));
        let values = context! {
            open => rows(&open_rows), resolved, open_total, questions => rows(&asked),
            can_ask => shared.console.can_ask, dead => inbox.dead, events => "/events",
            ..common(&shared, &visitor)
        };
        html(&shared, "index.html", values)
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// What a page was asked to say besides.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    asked: Option<String>,
}

/// One incident with everything that is known about it.
pub(super) async fn incident(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Session,
    Path(id): Path<String>,
    Query(said): Query<Said>,
) -> Page {
    let page = async {
        let id = IncidentId(id);
        let store = &shared.console.store;
        let incident = match store.incident(&id).await? {
            Some(incident) => incident.value,
            // A question was put just now; its thread is there in a moment.
            None if said.asked.as_deref().is_some_and(|asked| asked.starts_with("q-")) => {
                let waiting = context! { id => id.0, ..common(&shared, &visitor) };
                return html(&shared, "waiting.html", waiting);
            }
            None => return Err(Problem::NotFound),
        };
        let investigation = store.investigation(&id).await?.unwrap_or_default();
        let thread = store.thread(&id).await?;
        let values = merge_maps([
            context! {
                events => format!("/incidents/{}/events", id.0), asked => said.asked, can_ask => shared.console.can_ask,
                is_question => incident.origin == Origin::Question,
            },
            view::incident(&incident, &investigation, &thread, &shared.console.runbooks),
            view::proposals(&store.proposals(&id).await?, &thread, &visitor, (shared.console.clock)()),
            common(&shared, &visitor),
        ]);
        html(&shared, "incident.html", values)
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// A runbook that fits an incident, as its author wrote it.
pub(super) async fn runbook(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Session,
    Path((id, runbook)): Path<(String, String)>,
) -> Page {
    let page = async {
        let incident = shared.console.store.incident(&IncidentId(id)).await?.ok_or(Problem::NotFound)?.value;
        let text = shared.console.runbooks.get(&runbook).ok_or(Problem::NotFound)?;
        let values = context! {
            incident => Serde(IncidentView::of(&incident)), id => runbook, title => &text.title, prose => &text.prose,
            ..common(&shared, &visitor)
        };
        html(&shared, "runbook.html", values)
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// Who asks, where nobody is known.
const NOBODY: &str = "console";

/// The name under which the audit knows a visitor.
fn name_of(visitor: &Visitor) -> String {
    visitor.person.as_ref().map_or_else(|| NOBODY.to_owned(), |person| person.id.to_string())
}

/// Asks for another look at an incident.
pub(super) async fn investigate(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Session,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Page {
    let page = async {
        if !protect::is_same_origin(&headers) {
            return Err(Problem::Foreign);
        }
        let id = IncidentId(id);
        let store = &shared.console.store;
        store.incident(&id).await?.ok_or(Problem::NotFound)?;
        let event = Event::Investigate { incident: id.clone(), requested_by: Some(name_of(&visitor)) };
        store.enqueue(&event, (shared.console.clock)()).await?;
        Ok(Redirect::to(&format!("/incidents/{}?asked=1", id.0)).into_response())
    };
    page.await.map_err(|problem: Problem| problem.page(&shared))
}

/// The words of an ask box.
#[derive(Debug, Deserialize)]
pub(super) struct AskForm {
    question: String,
}

/// Puts a question about an incident.
pub(super) async fn ask_about(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Session,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(form): Form<AskForm>,
) -> Page {
    ask(&shared, Some(IncidentId(id)), &visitor, &headers, &form)
        .await
        .map_err(|problem: Problem| problem.page(&shared))
}

/// Puts a question about the cluster, which opens a thread of its own.
pub(super) async fn ask_at_all(
    State(shared): State<Arc<Shared>>,
    Extension(visitor): Session,
    headers: HeaderMap,
    Form(form): Form<AskForm>,
) -> Page {
    ask(&shared, None, &visitor, &headers, &form).await.map_err(|problem: Problem| problem.page(&shared))
}

async fn ask(
    shared: &Shared,
    incident: Option<IncidentId>,
    visitor: &Visitor,
    headers: &HeaderMap,
    form: &AskForm,
) -> Result<Response, Problem> {
    if !protect::is_same_origin(headers) {
        return Err(Problem::Foreign);
    }
    let store = &shared.console.store;
    if let Some(id) = &incident {
        store.incident(id).await?.ok_or(Problem::NotFound)?;
    }
    let now = (shared.console.clock)();
    let nonce = format!("console\n{}\n{}", now.timestamp_nanos_opt().unwrap_or_default(), form.question);
    let back = incident.as_ref().map_or_else(|| "/".to_owned(), |id| format!("/incidents/{id}"));
    // An empty box that was sent says nothing: the page is shown again.
    let author = visitor.person.as_ref().map_or(NOBODY, |person| person.name.as_str());
    let Ok(mut question) = Question::new(&nonce, incident, &form.question, author, now) else {
        return Ok(Redirect::to(&back).into_response());
    };
    question.asker = visitor.person.as_ref().map(|person| person.id.clone());
    let place = format!("/incidents/{}?asked={}#{}", question.thread(), question.id, question.id);
    store.enqueue(&Event::Ask(question), now).await?;
    Ok(Redirect::to(&place).into_response())
}

/// What every page shows.
pub(super) fn common(shared: &Shared, visitor: &Visitor) -> Value {
    let me = visitor.person.as_ref().map(|person| person.name.as_str());
    context! {
        now => Serde((shared.console.clock)()), assets => shared.assets.links(), logged_in => visitor.can_log_out, me,
    }
}

pub(super) fn html(shared: &Shared, name: &str, values: Value) -> Result<Response, Problem> {
    shared.console.render.page(name, values).map(|page| Html(page).into_response()).map_err(|error| {
        tracing::error!(%error, page = name, "a page could not be rendered");
        Problem::Broken
    })
}
