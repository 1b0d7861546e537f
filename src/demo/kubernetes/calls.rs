//! Remembers what the server was asked for, so that a test can compare it with the rights that the bot is given.

use std::sync::{Arc, Mutex, PoisonError};

use axum::http::Method;

use super::resources::Target;
use crate::demo::http::Asked;

/// More calls than this are not remembered: no test asks for more.
const MAX_CALLS: usize = 10_000;

/// One request in the words of RBAC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Who asked, or was impersonated.
    pub user: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The API group; empty for the core.
    pub group: String,
    /// The resource, with its subresource behind a slash (`pods/log`).
    pub resource: String,
    /// The namespace; `None` for all or for none.
    pub namespace: Option<String>,
    /// The object, where one is named.
    pub name: Option<String>,
}

/// The calls so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// What was asked for, in order.
    pub fn all(&self) -> Vec<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn record(&self, user: &str, target: &Target, asked: &Asked) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.len() < MAX_CALLS {
            calls.push(Call {
                user: user.to_owned(),
                verb: verb(&asked.method, target, asked).to_owned(),
                group: target.group.clone(),
                resource: target.path(),
                namespace: target.namespace.clone(),
                name: target.name.clone(),
            });
        }
    }
}

/// The verb that RBAC checks for a request.
pub(super) fn verb(method: &Method, target: &Target, asked: &Asked) -> &'static str {
    match (method.as_str(), &target.name) {
        ("GET" | "HEAD", Some(_)) => "get",
        ("GET" | "HEAD", None) if asked.params.flag("watch") => "watch",
        ("GET" | "HEAD", None) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", None) => "deletecollection",
        _ => "delete",
    }
}
