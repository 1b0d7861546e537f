//! Modals: a form as a view that a person's command opens, and the form that comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::api::{Api, Done};
use super::controls::plain;
use super::layout::section;
use super::limits::{FORM_LABEL, FORM_TITLE, LABEL, OPTION_VALUE, OPTIONS, SECTION, fit, units};
use super::mrkdwn;
use crate::domain::action::form::ActionForm;
use crate::domain::form::{FormField, FormInput, FormPage};
use crate::ports::ChatError;

/// The callback under which our modal comes back.
pub const ACTION: &str = "holmes_action";
/// The name of the one element of each block.
const ELEMENT: &str = "value";
/// How long opening may take: the trigger is good for three seconds, and whoever typed waits as long for an answer.
const OPENING: Duration = Duration::from_millis(2_000);

/// What a modal remembers, since what comes back does not say where it was asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    /// The channel that the command was typed in.
    pub channel: String,
    /// The thread, where a server has commands in threads.
    pub thread: Option<String>,
}

/// Opens a modal for whoever's trigger it is.
///
/// # Errors
/// When Slack does not: the trigger is older than three seconds or was used, or there is no answer in time.
pub async fn open(api: &Api, trigger: &str, page: &FormPage, remembered: &Remembered) -> Result<(), ChatError> {
    let request = json!({ "trigger_id": trigger, "view": view(page, remembered) });
    let opening = api.post("views.open", &request);
    let late = || ChatError::Unknown(format!("no answer within {} ms", OPENING.as_millis()));
    let Done {} = tokio::time::timeout(OPENING, opening).await.unwrap_or_else(|_| Err(late()))?;
    Ok(())
}

fn view(page: &FormPage, remembered: &Remembered) -> Value {
    let FormPage { title, note, submit, cancel, fields } = page;
    let note = note.as_deref().map(|note| {
        let text = mrkdwn::sections(&mrkdwn::lines(note)).into_iter().next().unwrap_or_default();
        json!(section(&fit(&text, SECTION)))
    });
    let blocks: Vec<Value> = note.into_iter().chain(fields.iter().map(block)).collect();
    json!({
        "type": "modal",
        "callback_id": ACTION,
        "title": plain(title, FORM_TITLE),
        "submit": plain(submit, FORM_TITLE),
        "close": plain(cancel, FORM_TITLE),
        "private_metadata": serde_json::to_string(remembered).unwrap_or_default(),
        "blocks": blocks,
    })
}

fn block(field: &FormField) -> Value {
    let FormField { name, label, hint, optional, input } = field;
    let element = match input {
        FormInput::Text { value } => {
            let mut element = json!({ "type": "plain_text_input", "action_id": ELEMENT });
            if !value.is_empty() {
                element["initial_value"] = json!(fit(value, SECTION));
            }
            element
        }
        FormInput::Menu { options, chosen } => {
            let option = |(label, value): &(String, String)| json!({ "text": plain(label, LABEL), "value": value });
            let fitting = options.iter().filter(|(_, value)| units(value) <= OPTION_VALUE).take(OPTIONS);
            let options: Vec<&(String, String)> = fitting.collect();
            let chosen = chosen.as_ref().and_then(|chosen| options.iter().find(|(_, value)| value == chosen));
            let mut element = json!({ "type": "static_select", "action_id": ELEMENT });
            if let Some(chosen) = chosen {
                element["initial_option"] = option(chosen);
            }
            element["options"] = options.into_iter().map(option).collect();
            element
        }
    };
    let mut block = json!({
        "type": "input", "block_id": name, "label": plain(label, FORM_LABEL), "optional": optional, "element": element,
    });
    if let Some(hint) = hint {
        block["hint"] = json!(plain(hint, FORM_LABEL));
    }
    block
}

/// A view that was sent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct View {
    /// Names this opening of it, once sent and never again.
    pub id: String,
    /// Whose it is.
    pub callback_id: String,
    private_metadata: String,
    state: State,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct State {
    values: BTreeMap<String, BTreeMap<String, Filled>>,
}

/// An element as it was filled in.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Filled {
    value: Option<String>,
    selected_option: Option<Choice>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    value: String,
}

impl View {
    /// Where it was asked for.
    pub fn remembered(&self) -> Remembered {
        serde_json::from_str(&self.private_metadata).unwrap_or_default()
    }

    /// What was filled in; what is missing is empty.
    pub fn form(&self) -> ActionForm {
        ActionForm::of(|field| {
            let filled = self.state.values.get(field.as_str()).and_then(|block| block.get(ELEMENT));
            let chosen = filled.and_then(|filled| filled.selected_option.as_ref().map(|choice| &choice.value));
            chosen.or(filled.and_then(|filled| filled.value.as_ref())).cloned().unwrap_or_default()
        })
    }
}

/// What shows a person beside a field that something is wrong with it, and keeps the modal open.
pub fn errors(field: &str, problem: &str) -> Value {
    let mut errors = Map::new();
    errors.insert(field.to_owned(), json!(fit(problem, FORM_LABEL)));
    json!({ "response_action": "errors", "errors": errors })
}
