//! Label matchers of a silence, as Alertmanager has them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ActionError;
use crate::domain::alert::Labels;
use crate::domain::text;

/// The label that names an alert.
const ALERT_NAME: &str = "alertname";

/// How a label's value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MatchOperator {
    /// `=`
    #[serde(rename = "=")]
    Equal,
    /// `!=`
    #[serde(rename = "!=")]
    NotEqual,
    /// `=~`, anchored at both ends
    #[serde(rename = "=~")]
    Regex,
    /// `!~`, anchored at both ends
    #[serde(rename = "!~")]
    NotRegex,
}

impl MatchOperator {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// One matcher: `namespace=shop`, `pod=~"checkout-.*"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceMatcher {
    /// Label name.
    pub name: String,
    /// Comparison.
    pub operator: MatchOperator,
    /// Value or regular expression.
    pub value: String,
}

/// Labels that tell one alert from another of its kind without saying what it is about, or that change while it fires.
const NOT_MATCHED: [&str; 4] = ["severity", "prometheus", "pod_ip", "uid"];
/// Longest name and value of a label that a matcher is about, in bytes: a person reads them before approving.
const MAX_NAME_BYTES: usize = 200;
const MAX_VALUE_BYTES: usize = 500;
/// Longest alternation of alert names.
const MAX_NAMES: usize = 20;

impl SilenceMatcher {
    /// Matchers that cover all of these alerts and little else: the labels that they share, and their names. `None`
    /// without an alert, or where nothing but severity is shared.
    pub fn covering<'a>(alerts: impl IntoIterator<Item = &'a Labels>) -> Option<Vec<Self>> {
        let alerts: Vec<&Labels> = alerts.into_iter().collect();
        let first = alerts.first()?;
        // What no matcher can say is left out: the silence then covers more of the same, and not less than what fires.
        let shared = first.iter().filter(|(name, value)| {
            is_name(name)
                && is_value(value)
                && !NOT_MATCHED.contains(&name.as_str())
                && alerts.iter().all(|other| other.get(*name) == Some(*value))
        });
        let equal = |(name, value): (&String, &String)| Self {
            name: name.clone(),
            operator: MatchOperator::Equal,
            value: value.clone(),
        };
        let mut matchers: Vec<Self> = shared.map(equal).collect();
        if !matchers.iter().any(|matcher| matcher.name == ALERT_NAME) {
            let names: BTreeSet<&str> =
                alerts.iter().filter_map(|alert| alert.get(ALERT_NAME)).map(String::as_str).collect();
            if names.len() > MAX_NAMES {
                return None;
            }
            let value = names.into_iter().map(regex::escape).collect::<Vec<_>>().join("|");
            matchers.push(Self { name: ALERT_NAME.to_owned(), operator: MatchOperator::Regex, value });
        }
        matchers.iter().any(|matcher| matcher.operator == MatchOperator::Equal).then_some(matchers)
    }

    /// Whether an alert with these labels has what it asks for. A label that is not there is empty, and expressions are
    /// anchored, as Alertmanager has it.
    pub fn fits(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        let regex = || regex::Regex::new(&format!("^(?:{})$", self.value)).ok();
        match self.operator {
            MatchOperator::Equal => value == self.value,
            MatchOperator::NotEqual => value != self.value,
            MatchOperator::Regex => regex().is_some_and(|regex| regex.is_match(value)),
            MatchOperator::NotRegex => regex().is_some_and(|regex| !regex.is_match(value)),
        }
    }

    /// Reads one matcher; `None` when there is no operator in it. Quotes were taken off before.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let at = word.find(['=', '!'])?;
        let (name, rest) = word.split_at(at);
        let operators = [MatchOperator::Regex, MatchOperator::NotRegex, MatchOperator::NotEqual, MatchOperator::Equal];
        let operator = operators.into_iter().find(|operator| rest.starts_with(operator.as_str()))?;
        let value = &rest[operator.as_str().len()..];
        Some(Self { name: name.to_owned(), operator, value: value.to_owned() })
    }

    pub(super) fn check(&self) -> Result<(), ActionError> {
        if !is_name(&self.name) {
            let shown = text::line(&self.name, 60);
            return Err(ActionError::new("matchers", format!("`{shown}` is no label name")));
        }
        if !is_value(&self.value) {
            let problem = format!("the value of `{}` is not one line of at most 500 bytes", self.name);
            return Err(ActionError::new("matchers", problem));
        }
        // `alertname=~x` would read as a regular expression.
        if self.operator == MatchOperator::Equal && self.value.starts_with('~') {
            return Err(ActionError::new("matchers", format!("the value of `{}` begins with `~`", self.name)));
        }
        let is_regex = matches!(self.operator, MatchOperator::Regex | MatchOperator::NotRegex);
        if is_regex && regex::Regex::new(&format!("^(?:{})$", self.value)).is_err() {
            return Err(ActionError::new("matchers", format!("the value of `{}` is no regular expression", self.name)));
        }
        Ok(())
    }
}

/// Whether this can be a label's name: any text since Prometheus 3 (`k8s.pod.name`), but for what ends a name in a command.
fn is_name(name: &str) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, '=' | '!' | '~' | '"' | '\'' | '\\' | ',' | '{' | '}');
    !name.is_empty() && name.len() <= MAX_NAME_BYTES && text::plain(name) == name && !name.contains(ends)
}

fn is_value(value: &str) -> bool {
    value.len() <= MAX_VALUE_BYTES && text::plain(value) == value && !value.contains('\n')
}

impl fmt::Display for SilenceMatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.operator.as_str(), self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence(alerts: &[&[(&str, &str)]]) -> Option<String> {
        let labels = |alert: &&[(&str, &str)]| {
            alert.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Labels>()
        };
        let alerts: Vec<Labels> = alerts.iter().map(labels).collect();
        let matchers = SilenceMatcher::covering(&alerts)?;
        assert!(matchers.iter().all(|matcher| matcher.check().is_ok()), "{matchers:?}");
        assert!(alerts.iter().all(|labels| matchers.iter().all(|matcher| matcher.fits(labels))));
        Some(matchers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn any_label_is_matched_that_can_be_and_the_others_are_left_out() {
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        for (alert, said) in [
            (
                &[("alertname", "Down"), ("k8s.namespace.name", "shop")][..],
                Some("alertname=Down k8s.namespace.name=shop"),
            ),
            (&[("alertname", "Down"), ("query", &long), ("note", "two\nlines")], Some("alertname=Down")),
            (&[("alertname", "Down"), ("a=b", "c"), ("", "d")], Some("alertname=Down")),
            (&[("query", &long)], None),
        ] {
            assert_eq!(silence(&[alert]).as_deref(), said, "{alert:?}");
        }
    }
}
