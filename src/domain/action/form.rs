//! The fields of the form in which people put an action together that is hard to type, and what they mean together.

use super::parse::{VERBS, verb_of};
use super::{Action, ActionError};
use crate::domain::incident::IncidentId;
use crate::domain::subject::Subject;

/// What a person filled in, or began to type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionForm {
    /// For which incident: `i-3f9a1c07be`.
    pub incident: String,
    /// What: `scale`.
    pub verb: String,
    /// With what: `deployment/checkout`; matchers of a silence.
    pub target: String,
    /// The rest: `-n shop --replicas 3`.
    pub arguments: String,
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionField {
    /// [`ActionForm::incident`].
    Incident,
    /// [`ActionForm::verb`].
    Verb,
    /// [`ActionForm::target`].
    Target,
    /// [`ActionForm::arguments`].
    Arguments,
}

impl ActionField {
    /// Its name in what chats send.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Verb => "action",
            Self::Target => "target",
            Self::Arguments => "arguments",
        }
    }
}

/// What is wrong with a form, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongField {
    /// The field that a person should mend.
    pub field: ActionField,
    /// What is wrong and how to mend it.
    pub problem: String,
}

impl ActionForm {
    /// What a chat sent, field by field; what is missing is empty.
    pub fn of(value: impl Fn(ActionField) -> String) -> Self {
        Self {
            incident: value(ActionField::Incident),
            verb: value(ActionField::Verb),
            target: value(ActionField::Target),
            arguments: value(ActionField::Arguments),
        }
    }

    /// What the words of a command (`i-3f9a1c07be scale deployment/checkout`) fill in; `incident` is that of the thread.
    pub fn begun(words: &str, incident: Option<&IncidentId>) -> Self {
        let (named, rest) = named(words);
        let incident = named.as_ref().or(incident).map(|id| id.0.clone()).unwrap_or_default();
        let (first, after) = first_word(rest);
        let Some(verb) = verb_of(first) else {
            return Self { incident, arguments: rest.to_owned(), ..Self::default() };
        };
        let (target, arguments) = first_word(after);
        let (target, arguments) = if target.starts_with('-') { ("", after) } else { (target, arguments) };
        Self { incident, verb: verb.to_owned(), target: target.to_owned(), arguments: arguments.to_owned() }
    }

    /// The action in its command form, as it would be typed.
    pub fn command(&self) -> String {
        let parts = [&self.verb, &self.target, &self.arguments].map(|part| part.trim());
        parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
    }

    /// What it means for an incident about `subject`.
    ///
    /// # Errors
    /// [`WrongField`] names the field that is wrong.
    pub fn action(&self, subject: &Subject) -> Result<Action, WrongField> {
        Action::parse_about(&self.command(), subject)
            .map_err(|error| WrongField { field: field_of(&error), problem: error.to_string() })
    }
}

/// The verbs with the options of each, for a menu.
pub fn verbs() -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
    VERBS.into_iter()
}

/// The incident that a command names first, and what follows.
pub fn named(words: &str) -> (Option<IncidentId>, &str) {
    let (first, rest) = first_word(words);
    if is_incident(first) { (Some(IncidentId(first.to_owned())), rest) } else { (None, words.trim()) }
}

/// Whether it is the name of an incident.
pub fn is_incident(word: &str) -> bool {
    word.strip_prefix("i-").is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn first_word(words: &str) -> (&str, &str) {
    let words = words.trim();
    words.split_once(char::is_whitespace).map_or((words, ""), |(first, rest)| (first, rest.trim()))
}

fn field_of(error: &ActionError) -> ActionField {
    match error.field.as_str() {
        "action" => ActionField::Verb,
        "target" | "id" | "matchers" => ActionField::Target,
        _ => ActionField::Arguments,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::SubjectKind;

    #[test]
    fn what_was_typed_fills_the_form_in() {
        let form = |incident: &str, verb: &str, target: &str, arguments: &str| ActionForm {
            incident: incident.into(),
            verb: verb.into(),
            target: target.into(),
            arguments: arguments.into(),
        };
        let thread = IncidentId("i-2b".into());
        for (words, filled) in [
            ("", form("i-2b", "", "", "")),
            ("scale", form("i-2b", "scale", "", "")),
            ("i-1a scale deployment/web -n shop", form("i-1a", "scale", "deployment/web", "-n shop")),
            ("rollback  deployment/web", form("i-2b", "undo", "deployment/web", "")),
            ("set-hpa --min 2 hpa/web", form("i-2b", "set-hpa", "", "--min 2 hpa/web")),
            ("drop tables", form("i-2b", "", "", "drop tables")),
            ("i-1a", form("i-1a", "", "", "")),
        ] {
            assert_eq!(ActionForm::begun(words, Some(&thread)), filled, "{words}");
        }
        assert_eq!(ActionForm::begun("scale", None).incident, "");
    }

    fn sorted(words: &str) -> Vec<&str> {
        let mut words: Vec<&str> = words.split(' ').collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn what_is_wrong_is_said_where_it_stands() {
        let subject = Subject::new(SubjectKind::Deployment, Some("shop".into()), "web".into());
        let read = |verb: &str, target: &str, arguments: &str| {
            let form = ActionForm {
                incident: "i-1a".into(),
                verb: verb.into(),
                target: target.into(),
                arguments: arguments.into(),
            };
            form.action(&subject).map(|action| action.to_string()).map_err(|wrong| wrong.field)
        };
        for (verb, target, arguments, is) in [
            ("restart", "deployment/web", "", Ok("restart deployment/web -n shop".to_owned())),
            ("scale", " deployment/web ", "-n pay --replicas 3", Ok("scale deployment/web --replicas 3 -n pay".into())),
            ("", "", "", Err(ActionField::Verb)),
            ("drop", "x", "", Err(ActionField::Verb)),
            ("restart", "", "", Err(ActionField::Target)),
            ("restart", "web", "", Err(ActionField::Target)),
            ("restart", "pod/web", "", Err(ActionField::Target)),
            ("expire-silence", "no-uuid", "", Err(ActionField::Target)),
            ("silence", "nothing", "--for 2h --comment x", Err(ActionField::Target)),
            ("scale", "deployment/web", "", Err(ActionField::Arguments)),
            ("scale", "deployment/web", "--replicas many", Err(ActionField::Arguments)),
            ("restart", "deployment/web", "--now", Err(ActionField::Arguments)),
            ("restart", "deployment/web", "-n 'shop", Err(ActionField::Arguments)),
        ] {
            let read = read(verb, target, arguments);
            match (&read, &is) {
                // The order of options is the command form's own.
                (Ok(read), Ok(is)) => assert_eq!(sorted(read), sorted(is)),
                _ => assert_eq!(read, is, "{verb} {target} {arguments}"),
            }
        }
    }
}
