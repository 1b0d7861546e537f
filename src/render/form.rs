//! The form in which an action is put together.

use super::Renderer;
use crate::domain::action::form::{ActionField, ActionForm, WrongField, verbs};
use crate::domain::form::{FormField, FormInput, FormPage};
use crate::domain::incident::Incident;
use crate::domain::text;

/// Longest label of a choice, in bytes: both chats show about this much.
const MAX_LABEL_BYTES: usize = 75;

impl Renderer {
    /// The form as it opens: what was typed is filled in, with what was wrong with it; an incident is one of `open`.
    pub fn action_form(&self, begun: &ActionForm, wrong: Option<&WrongField>, open: &[Incident]) -> FormPage {
        let incidents = open.iter().map(|incident| {
            let label = format!("{} ({})", text::line(&incident.title, MAX_LABEL_BYTES - 16), incident.id);
            (text::line(&label, MAX_LABEL_BYTES), incident.id.0.clone())
        });
        let actions = verbs().map(|(verb, options)| {
            let options: Vec<String> = options.iter().map(|option| format!(" --{option}")).collect();
            (text::line(&format!("{verb}{}", options.concat()), MAX_LABEL_BYTES), verb.to_owned())
        });
        let menu = |field: ActionField, label: &str, options: Vec<(String, String)>, chosen: &str| FormField {
            name: field.as_str(),
            label: self.word(label),
            hint: None,
            optional: false,
            input: FormInput::Menu {
                chosen: options.iter().any(|(_, value)| value == chosen).then(|| chosen.to_owned()),
                options,
            },
        };
        let line = |field: ActionField, label: &str, hint: &str, optional: bool, value: &str| FormField {
            name: field.as_str(),
            label: self.word(label),
            hint: Some(self.word(hint)),
            optional,
            input: FormInput::Text { value: value.to_owned() },
        };
        FormPage {
            title: self.word("form.title"),
            note: wrong.map(|wrong| self.say("said.wrong_action", &[&wrong.problem])),
            submit: self.word("form.submit"),
            cancel: self.word("button.cancel"),
            fields: vec![
                menu(ActionField::Incident, "form.incident", incidents.collect(), &begun.incident),
                menu(ActionField::Verb, "form.action", actions.collect(), &begun.verb),
                line(ActionField::Target, "form.target", "form.target_hint", false, &begun.target),
                line(ActionField::Arguments, "form.arguments", "form.arguments_hint", true, &begun.arguments),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Language;

    /// Slack refuses a form whose title or buttons are longer than 24 characters; Mattermost asks for as much of its dialogs, and
    /// for hints of at most 150, but opens longer ones with a warning in its log, which counts bytes.
    #[test]
    fn it_fits_both_chats_in_every_language() {
        for language in [Language::English, Language::Russian] {
            let page = Renderer::new(language, Vec::new()).unwrap().action_form(&ActionForm::default(), None, &[]);
            let short = |text: &str| (1..=24).contains(&text.chars().count());
            assert!(short(&page.title) && short(&page.submit) && short(&page.cancel), "{page:?}");
            for field in page.fields {
                assert!(short(&field.label), "{field:?}");
                assert!(field.hint.is_none_or(|hint| (1..=150).contains(&hint.chars().count())));
            }
        }
    }
}
