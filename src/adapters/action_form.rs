//! The form of an action as both chats ask for it: which command needs one, and what what comes back means. It is read
//! against the store before it is taken, so that what is wrong is said in the form and not after it.

use std::sync::Arc;

use crate::domain::action::form::{ActionField, ActionForm, WrongField};
use crate::domain::command::Command;
use crate::domain::form::FormPage;
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::ports::{Filter, Store, StoreError};

/// Open incidents to choose from: what Slack's menus take.
const MAX_OPEN: usize = 100;

/// The words of a form: what was typed, what is wrong with it, and which incidents are open.
pub type Page = Arc<dyn Fn(&ActionForm, Option<&WrongField>, &[Incident]) -> FormPage + Send + Sync>;

/// Makes forms and reads them.
#[derive(Clone)]
pub struct ActionForms {
    /// The words.
    pub page: Page,
    /// What is said of an incident that is not there.
    pub no_incident: String,
}

impl ActionForms {
    /// The form that a command needs; `None` where it says everything, and where there is nothing to choose from: then it
    /// is answered in words. `incident` is that of the thread it was typed in.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn for_command(
        &self,
        store: &dyn Store,
        command: &Command,
        incident: Option<&IncidentId>,
    ) -> Result<Option<FormPage>, StoreError> {
        let Command::Do { action } = command else { return Ok(None) };
        let begun = ActionForm::begun(action, incident);
        let known = store.incident(&IncidentId(begun.incident.clone())).await?.map(|read| read.value);
        let wrong = match &known {
            Some(known) => match begun.action(&known.subject) {
                Ok(_) => return Ok(None),
                Err(wrong) => Some(wrong),
            },
            None => None,
        };
        let filter = Filter { status: Some(IncidentStatus::Open), origin: Origin::Alerts, limit: MAX_OPEN };
        let mut open = store.list(filter).await?;
        if let Some(known) = known.filter(|known| !open.iter().any(|one| one.id == known.id)) {
            open.truncate(MAX_OPEN - 1);
            open.insert(0, known);
        }
        if open.is_empty() {
            return Ok(None);
        }
        // Whoever typed nothing did nothing wrong.
        let wrong = wrong.filter(|_| !begun.command().is_empty());
        Ok(Some((self.page)(&begun, wrong.as_ref(), &open)))
    }

    /// The command that a form says, if it says one.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn read(
        &self,
        store: &dyn Store,
        form: &ActionForm,
    ) -> Result<Result<(Command, IncidentId), WrongField>, StoreError> {
        let id = IncidentId(form.incident.clone());
        let Some(incident) = store.incident(&id).await? else {
            return Ok(Err(WrongField { field: ActionField::Incident, problem: self.no_incident.clone() }));
        };
        // The command is read once more when it is handled, as if it had been typed.
        Ok(form.action(&incident.value.subject).map(|action| {
            let action = format!("{id} {action}");
            (Command::Do { action }, id)
        }))
    }
}
