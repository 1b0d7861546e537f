//! The account that changes the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Reader;
use crate::adapters::actuator::ActuatorSource;
use crate::domain::policy::Principal;

/// The account that changes the cluster. It is never the one that reads.
#[derive(Debug, Clone)]
pub struct ActuatorConfig {
    /// Where and as whom.
    pub source: ActuatorSource,
    /// Kubernetes users by person (`slack:U024BE7LH`), to act in their names; empty for the account's own.
    pub people: BTreeMap<String, String>,
    /// Longest time for one request.
    pub timeout: Duration,
}

impl Reader<'_> {
    pub(super) fn actuator(&mut self) -> Option<ActuatorConfig> {
        const FILES: [&str; 2] = ["HOLMES_ACTUATOR_KUBECONFIG", "HOLMES_ACTUATOR_TOKEN_FILE"];
        let people = self.people("HOLMES_ACTUATOR_IMPERSONATE");
        let timeout = self.duration("HOLMES_ACTUATOR_TIMEOUT", Duration::from_secs(10));
        let source = match FILES.map(|name| self.file(name)) {
            [Some(path), None] => ActuatorSource::Kubeconfig { path, context: None },
            [None, Some(token_file)] => {
                if self.get("KUBERNETES_SERVICE_HOST").is_none() {
                    self.wrong(FILES[1], format!("is for a bot that runs in the cluster: elsewhere set {}", FILES[0]));
                }
                ActuatorSource::InCluster { token_file }
            }
            [Some(_), Some(_)] => {
                self.wrong(FILES[1], format!("give either this or {}", FILES[0]));
                return None;
            }
            [None, None] => {
                if !people.is_empty() {
                    self.wrong("HOLMES_ACTUATOR_IMPERSONATE", format!("needs {} or {}", FILES[0], FILES[1]));
                }
                return None;
            }
        };
        Some(ActuatorConfig { source, people, timeout })
    }

    /// `slack:U024BE7LH=ann@example.com, sso:bob@example.com=bob`
    fn people(&mut self, name: &str) -> BTreeMap<String, String> {
        let Some(text) = self.get(name) else { return BTreeMap::new() };
        let mut people = BTreeMap::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let read = pair.rsplit_once('=').and_then(|(person, user)| {
                let person: Principal = person.trim().parse().ok()?;
                let user = user.trim();
                // It becomes a header.
                let is_plain = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_graphic());
                is_plain.then(|| (person.to_string(), user.to_owned()))
            });
            match read {
                Some((person, user)) if !people.contains_key(&person) => {
                    people.insert(person, user);
                }
                Some((person, _)) => self.wrong(name, format!("names {person} twice")),
                None => self.wrong(name, format!("`{pair}` is not like slack:U024BE7LH=ann@example.com")),
            }
        }
        people
    }
}

#[cfg(test)]
mod tests {
    use crate::config::tests::read;

    #[test]
    fn the_actuator_has_an_account_of_its_own() {
        let file = "Cargo.toml";
        assert!(read(&[("KUBECONFIG", file)]).unwrap().actuator.is_none(), "the account that reads is not taken");
        let people = "slack:U1=ann@example.com, sso:bob@example.com=bob";
        let config = read(&[("HOLMES_ACTUATOR_KUBECONFIG", file), ("HOLMES_ACTUATOR_IMPERSONATE", people)]).unwrap();
        let people: Vec<(String, String)> = config.actuator.unwrap().people.into_iter().collect();
        let pair = |person: &str, user: &str| (person.to_owned(), user.to_owned());
        assert_eq!(people, [pair("slack:U1", "ann@example.com"), pair("sso:bob@example.com", "bob")]);
        for (variables, told) in [
            (
                vec![("HOLMES_ACTUATOR_IMPERSONATE", "slack:U1=ann")],
                "HOLMES_ACTUATOR_IMPERSONATE: needs HOLMES_ACTUATOR_KUBECONFIG or HOLMES_ACTUATOR_TOKEN_FILE",
            ),
            (
                vec![("HOLMES_ACTUATOR_KUBECONFIG", file), ("HOLMES_ACTUATOR_IMPERSONATE", "U1")],
                "HOLMES_ACTUATOR_IMPERSONATE: `U1` is not like slack:U024BE7LH=ann@example.com",
            ),
            (
                vec![("HOLMES_ACTUATOR_KUBECONFIG", file), ("HOLMES_ACTUATOR_TOKEN_FILE", file)],
                "HOLMES_ACTUATOR_TOKEN_FILE: give either this or HOLMES_ACTUATOR_KUBECONFIG",
            ),
            (
                vec![("HOLMES_ACTUATOR_TOKEN_FILE", file)],
                "HOLMES_ACTUATOR_TOKEN_FILE: is for a bot that runs in the cluster: elsewhere set HOLMES_ACTUATOR_KUBECONFIG",
            ),
        ] {
            let problems = read(&variables).unwrap_err();
            assert!(problems.contains(told), "{problems}");
        }
    }
}
