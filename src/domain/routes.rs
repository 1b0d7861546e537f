//! Which channel an incident is shown in and whom its root message calls, as an operator writes it.
//!
//! `severity=critical:#oncall @oncall; namespace=pay*,team=shop:#payments` reads: critical incidents go to `#oncall` and call
//! `@oncall`; what is in a namespace that begins with `pay` and bears the label `team=shop` goes to `#payments`. The first
//! rule that fits and names a channel decides about the channel, the first that fits and names people about whom to call.

use super::incident::Incident;
use super::policy::glob;
use super::text;

/// Rules of one platform, at most.
const MAX_RULES: usize = 200;

/// Where incidents of one platform go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    channel: String,
    rules: Vec<Rule>,
}

/// Where one incident goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The channel as it is written in the configuration: `#incidents`, or an id.
    pub channel: String,
    /// Whom its root message calls: `@oncall`, or an id of the platform.
    pub mentions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    conditions: Vec<Condition>,
    channel: Option<String>,
    mentions: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Condition {
    name: String,
    pattern: String,
}

impl Routes {
    /// Everything goes to one channel.
    pub fn to(channel: &str) -> Self {
        Self { channel: channel.to_owned(), rules: Vec::new() }
    }

    /// The channel of what no rule fits, and the rules as they are written.
    ///
    /// # Errors
    /// A sentence that says which rule cannot be read, and why.
    pub fn parse(channel: &str, written: &str) -> Result<Self, String> {
        let rules: Vec<&str> = written.split(';').map(str::trim).filter(|rule| !rule.is_empty()).collect();
        if rules.len() > MAX_RULES {
            return Err(format!("{} rules are more than {MAX_RULES}", rules.len()));
        }
        let rules = rules.into_iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self { channel: channel.to_owned(), rules })
    }

    /// Where an incident goes.
    pub fn of(&self, incident: &Incident) -> Route {
        let fitting = || self.rules.iter().filter(|rule| rule.fits(incident));
        let channel = fitting().find_map(|rule| rule.channel.clone()).unwrap_or_else(|| self.channel.clone());
        let mentions = fitting().map(|rule| &rule.mentions).find(|mentions| !mentions.is_empty());
        Route { channel, mentions: mentions.cloned().unwrap_or_default() }
    }

    /// Every channel that something may go to, each once.
    pub fn channels(&self) -> Vec<&str> {
        let mut channels = vec![self.channel.as_str()];
        for channel in self.rules.iter().filter_map(|rule| rule.channel.as_deref()) {
            if !channels.contains(&channel) {
                channels.push(channel);
            }
        }
        channels
    }
}

impl Rule {
    fn fits(&self, incident: &Incident) -> bool {
        self.conditions.iter().all(|condition| condition.fits(incident))
    }
}

impl Condition {
    /// Severity and namespace are the incident's own; any label is one that one of its alerts bears.
    fn fits(&self, incident: &Incident) -> bool {
        let Self { name, pattern } = self;
        let own = match name.as_str() {
            "severity" => Some(incident.severity.as_str()),
            "namespace" => incident.subject.namespace.as_deref(),
            "cluster" => incident.subject.cluster.as_deref(),
            _ => None,
        };
        let labelled = || incident.alerts.iter().filter_map(|alert| alert.labels.get(name));
        own.is_some_and(|own| glob::fits(pattern, own)) || labelled().any(|value| glob::fits(pattern, value))
    }
}

fn rule(written: &str) -> Result<Rule, String> {
    let unreadable = |why: &str| format!("the rule `{}` {why}", text::line(written, 80));
    let (conditions, target) =
        written.rsplit_once(':').ok_or_else(|| unreadable("is not like severity=critical:#channel @group"))?;
    let conditions = conditions.split(',').map(|condition| {
        let (name, pattern) =
            condition.split_once('=').ok_or_else(|| unreadable("has a condition that is not like name=value"))?;
        let (name, pattern) = (name.trim(), pattern.trim());
        let proper = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !proper || pattern.is_empty() {
            return Err(unreadable("has a condition that is not like name=value"));
        }
        Ok(Condition { name: name.to_owned(), pattern: pattern.to_owned() })
    });
    let conditions = conditions.collect::<Result<_, _>>()?;
    let mut rule = Rule { conditions, channel: None, mentions: Vec::new() };
    for word in target.split_whitespace() {
        if word.starts_with('@') && word.len() > 1 {
            rule.mentions.push(word.to_owned());
        } else if rule.channel.is_some() {
            return Err(unreadable("names two channels"));
        } else if is_channel(word) {
            rule.channel = Some(word.to_owned());
        } else {
            return Err(unreadable("names a channel that is neither #name nor an id"));
        }
    }
    if rule.channel.is_none() && rule.mentions.is_empty() {
        return Err(unreadable("names neither a channel nor anybody to call"));
    }
    Ok(rule)
}

/// Whether a word can be a channel: a name with or without what platforms write before it, `team/channel`, or an id.
pub fn is_channel(word: &str) -> bool {
    let name = word.trim_start_matches(['#', '~']);
    let proper = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    !name.is_empty() && name.len() <= 160 && name.chars().all(proper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{Alert, AlertStatus, Severity};
    use crate::domain::subject::{Subject, SubjectKind};

    fn about(severity: Severity, namespace: &str, labels: &[(&str, &str)]) -> Incident {
        let alert = Alert {
            fingerprint: "f".into(),
            status: AlertStatus::Firing,
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: Default::default(),
            starts_at: Default::default(),
            ends_at: None,
            generator_url: String::new(),
        };
        let subject = Subject::new(SubjectKind::Service, Some(namespace.to_owned()), "checkout".into());
        let mut incident = Incident::open("key".into(), subject, &alert, Default::default());
        incident.severity = severity;
        incident.alerts = vec![alert];
        incident
    }

    #[test]
    fn the_first_rule_that_says_it_decides() {
        let routes = Routes::parse(
            "#incidents",
            "severity=critical:@oncall; namespace=pay*,team=shop:#payments @pay-team;\nteam=edge:C024BE91L ;",
        )
        .unwrap();
        for (incident, channel, mentions) in [
            (about(Severity::Warning, "shop", &[]), "#incidents", ""),
            (about(Severity::Critical, "shop", &[]), "#incidents", "@oncall"),
            (about(Severity::Warning, "payments", &[]), "#incidents", ""),
            (about(Severity::Warning, "payments", &[("team", "shop")]), "#payments", "@pay-team"),
            (about(Severity::Critical, "payments", &[("team", "shop")]), "#payments", "@oncall"),
            (about(Severity::Warning, "x", &[("team", "edge")]), "C024BE91L", ""),
        ] {
            let route = routes.of(&incident);
            assert_eq!((route.channel.as_str(), route.mentions.join(" ").as_str()), (channel, mentions));
        }
        assert_eq!(routes.channels(), ["#incidents", "#payments", "C024BE91L"]);
        assert_eq!(Routes::parse("#x", " ; ").unwrap(), Routes::to("#x"));
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (written, problem) in [
            ("critical:#x", "the rule `critical:#x` has a condition that is not like name=value"),
            ("severity=critical", "the rule `severity=critical` is not like severity=critical:#channel @group"),
            ("a=b:", "the rule `a=b:` names neither a channel nor anybody to call"),
            ("a=b:#x #y", "the rule `a=b:#x #y` names two channels"),
            ("a=b:<x>", "the rule `a=b:<x>` names a channel that is neither #name nor an id"),
            ("a=:#x", "the rule `a=:#x` has a condition that is not like name=value"),
        ] {
            assert_eq!(Routes::parse("#d", written).unwrap_err(), problem);
        }
    }
}
