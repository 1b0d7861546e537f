//! Dialogs: a confirmation and a form as Mattermost shows them, and the form that comes back.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Anything, ApiError};
use super::seal::{FormGrant, Grant};
use super::{Mattermost, text};
use crate::domain::action::form::ActionForm;
use crate::domain::form::{FormField, FormInput, FormPage};
use crate::domain::message::Confirm;
use crate::domain::text as plain;

/// The callback under which a confirmation comes back.
const CONFIRMATION: &str = "holmes";
/// The callback under which a form comes back.
pub const FORM: &str = "holmes_form";
/// Longest title of a dialog, name of a field and label of a button, in characters.
const MAX_LABEL: usize = 24;
/// Longest words below a field, in characters.
const MAX_HINT: usize = 150;
/// Longest line that a person may fill in, in characters: 150 is what is taken where nothing is said, 3,000 the most of a
/// larger field. Commands are no longer than this.
const MAX_LINE: usize = 500;

impl Mattermost {
    /// Asks a person to confirm a press; the answer comes to `/mattermost/dialogs`.
    ///
    /// # Errors
    /// When the server did not open it: the trigger is too old, or the server cannot be reached.
    pub async fn confirm(&self, trigger: &str, grant: &Grant, confirm: &Confirm) -> Result<(), ApiError> {
        let Confirm { title, text, yes, no: _ } = confirm;
        let dialog = json!({
            "callback_id": CONFIRMATION,
            "title": cut(title, MAX_LABEL),
            "introduction_text": introduction(text),
            "submit_label": cut(yes, MAX_LABEL),
            "elements": [],
            "state": self.sealer.seal(grant),
        });
        self.open_dialog(trigger, dialog).await
    }

    /// Shows a form to whoever's trigger it is; what they fill in comes to `/mattermost/dialogs`.
    ///
    /// # Errors
    /// As [`Self::confirm`].
    pub async fn ask(&self, trigger: &str, grant: &FormGrant, page: &FormPage) -> Result<(), ApiError> {
        let FormPage { title, note, submit, cancel: _, fields } = page;
        let dialog = json!({
            "callback_id": FORM,
            "title": cut(title, MAX_LABEL),
            "introduction_text": note.as_deref().map(text::inert).unwrap_or_default(),
            "submit_label": cut(submit, MAX_LABEL),
            "elements": fields.iter().map(element).collect::<Vec<_>>(),
            "state": self.sealer.seal_form(grant),
        });
        self.open_dialog(trigger, dialog).await
    }

    async fn open_dialog(&self, trigger: &str, mut dialog: Value) -> Result<(), ApiError> {
        dialog["notify_on_cancel"] = json!(false);
        let url = format!("{}/mattermost/dialogs", self.callback_url);
        let body = json!({ "trigger_id": trigger, "url": url, "dialog": dialog });
        let request = self.api.endpoint.post_json("api/v4/actions/dialogs/open", &body);
        self.api.call_now::<Anything>(request).await.map(|_| ())
    }
}

/// The text of a confirmation: words as they are, and the lines of a diff as code.
fn introduction(words: &str) -> String {
    let is_diff = |line: &str| line.starts_with(['+', '-']) || line.starts_with("@@") || line.starts_with("  ");
    let lines: Vec<&str> = words.lines().collect();
    let from = lines.iter().position(|line| is_diff(line)).unwrap_or(lines.len());
    let prose: Vec<String> = lines[..from].iter().map(|line| text::literal(&plain::plain(line))).collect();
    let mut shown = prose.join("\n");
    if from < lines.len() {
        let code = lines[from..].join("\n").replace("```", "ˋˋˋ");
        shown = format!("{}\n\n```diff\n{code}\n```", shown.trim_end());
    }
    shown
}

fn element(field: &FormField) -> Value {
    let FormField { name, label, hint, optional, input } = field;
    let mut element = json!({ "name": name, "display_name": cut(label, MAX_LABEL), "optional": optional });
    if let Some(hint) = hint {
        element["help_text"] = json!(cut(hint, MAX_HINT));
    }
    match input {
        FormInput::Text { value } => {
            element["type"] = json!("textarea");
            element["max_length"] = json!(MAX_LINE);
            element["default"] = json!(cut(value, MAX_LINE));
        }
        FormInput::Menu { options, chosen } => {
            element["type"] = json!("select");
            element["options"] =
                options.iter().map(|(label, value)| json!({ "text": label, "value": value })).collect();
            element["default"] = json!(chosen.as_deref().unwrap_or_default());
        }
    }
    element
}

fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// What a person filled in, by the names of the fields.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Submission(BTreeMap<String, Value>);

impl Submission {
    /// As the form of an action; what is missing is empty.
    pub fn form(&self) -> ActionForm {
        ActionForm::of(|field| {
            let written = self.0.get(field.as_str()).and_then(Value::as_str).unwrap_or_default();
            // A larger field takes line breaks, which are no more than spaces.
            written.split_whitespace().collect::<Vec<_>>().join(" ")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_shows_its_diff_as_code() {
        insta::assert_snapshot!(
            introduction("Scale shop/web *now* for @all.\n\n-replicas: 2\n+replicas: 3").replace('\u{2060}', "(joiner)"),
            @r"
        Scale shop/web \*now\* for @(joiner)all.

        ```diff
        -replicas: 2
        +replicas: 3
        ```
        "
        );
        assert_eq!(introduction("Only words."), "Only words.");
    }
}
