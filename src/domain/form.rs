//! A form as a person fills it in, whatever the chat calls it: Slack's modal, Mattermost's dialog.

/// A form before it is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormPage {
    /// What it is for, at most 24 characters in every language: both chats cut more off.
    pub title: String,
    /// What was wrong with what was typed, if that is why it opens; Markdown.
    pub note: Option<String>,
    /// The label of the button that sends it.
    pub submit: String,
    /// The label of the one that does not.
    pub cancel: String,
    /// Its fields, in order.
    pub fields: Vec<FormField>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// Names it in what comes back.
    pub name: &'static str,
    /// What stands above it.
    pub label: String,
    /// What stands below it.
    pub hint: Option<String>,
    /// Whether it may stay empty.
    pub optional: bool,
    /// How it is filled in.
    pub input: FormInput,
}

/// How a field is filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormInput {
    /// One line.
    Text {
        /// What stands in it at first.
        value: String,
    },
    /// One of several.
    Menu {
        /// Label and value of each, at least one.
        options: Vec<(String, String)>,
        /// The value that is chosen at first.
        chosen: Option<String>,
    },
}
