//! Who asks, and what RBAC lets them do.
//!
//! A client without a known token is the bot's own service account, [`READER`]. Nobody may do anything that was not
//! granted; a test or the demo grants, and adds identities by bearer token. Impersonation needs the `impersonate` verb, as
//! in a real cluster.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::header;

use super::calls::verb;
use super::resources::Target;
use super::status::Refusal;
use crate::demo::http::Asked;

/// Who the server takes a client without a known token for.
pub const READER: &str = "system:serviceaccount:holmes:holmes-bot";

/// One rule of RBAC; `*` stands for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// `get`, `patch` …
    pub verbs: Vec<String>,
    /// The API group; empty for the core.
    pub group: String,
    /// With its subresource: `pods/eviction`.
    pub resource: String,
    /// Only there; `None` for everywhere.
    pub namespace: Option<String>,
}

impl Rule {
    /// A rule for all namespaces.
    pub fn new(verbs: &[&str], group: &str, resource: &str) -> Self {
        Self {
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            group: group.to_owned(),
            resource: resource.to_owned(),
            namespace: None,
        }
    }

    /// Everything.
    pub fn all() -> Self {
        Self::new(&["*"], "*", "*")
    }

    fn allows(&self, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        let fits = |pattern: &str, value: &str| pattern == "*" || pattern == value;
        self.verbs.iter().any(|allowed| fits(allowed, verb))
            && fits(&self.group, group)
            && fits(&self.resource, resource)
            && self.namespace.as_deref().is_none_or(|only| namespace == Some(only))
    }
}

/// The switchboard of identities. Cheap to clone; a change takes effect with the next request.
#[derive(Debug, Clone, Default)]
pub struct Access(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    tokens: BTreeMap<String, String>,
    rules: BTreeMap<String, Vec<Rule>>,
    strict: bool,
}

impl Access {
    /// Whoever sends this bearer token is this user.
    pub fn token(&self, token: &str, user: &str) {
        self.lock().tokens.insert(token.to_owned(), user.to_owned());
    }

    /// What a user may do; replaces what was granted before.
    pub fn grant(&self, user: &str, rules: Vec<Rule>) {
        self.lock().rules.insert(user.to_owned(), rules);
    }

    /// From now on a request without a token is anonymous, and one with an unknown token is refused (401).
    pub fn require_tokens(&self) {
        self.lock().strict = true;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a user may do something.
    pub(super) fn allows(&self, user: &str, verb: &str, group: &str, resource: &str, namespace: Option<&str>) -> bool {
        let table = self.lock();
        table.rules.get(user).into_iter().flatten().any(|rule| rule.allows(verb, group, resource, namespace))
    }

    /// Who asks, impersonation included; refuses whom the server does not know.
    pub(super) fn user(&self, asked: &Asked) -> Result<String, Refusal> {
        let own = self.authenticated(asked)?;
        let Some(wanted) = text(asked, "impersonate-user") else {
            return Ok(own);
        };
        if self.allows(&own, "impersonate", "", "users", None) {
            return Ok(wanted);
        }
        let target = Target { resource: "users".into(), name: Some(wanted), ..Target::default() };
        Err(target.forbidden(&own, "impersonate"))
    }

    fn authenticated(&self, asked: &Asked) -> Result<String, Refusal> {
        let table = self.lock();
        let sent = text(asked, header::AUTHORIZATION.as_str());
        let token = sent.as_deref().and_then(|value| value.strip_prefix("Bearer "));
        match token.map(|token| table.tokens.get(token)) {
            Some(Some(user)) => Ok(user.clone()),
            Some(None) if table.strict => Err(Refusal::unauthorized()),
            None if table.strict => Ok("system:anonymous".to_owned()),
            Some(None) | None => Ok(READER.to_owned()),
        }
    }

    /// Refuses what the user may not do.
    pub(super) fn check(&self, user: &str, asked: &Asked, target: &Target) -> Result<(), Refusal> {
        let verb = verb(&asked.method, target, asked);
        if self.allows(user, verb, &target.group, &target.path(), target.namespace.as_deref()) {
            Ok(())
        } else {
            Err(target.forbidden(user, verb))
        }
    }
}

fn text(asked: &Asked, name: &str) -> Option<String> {
    asked.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
