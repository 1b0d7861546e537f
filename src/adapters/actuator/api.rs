//! The one place that sends requests of the actuator, each with a timeout and a bound on the answer.

use std::time::Duration;

use axum::http;
use futures::AsyncReadExt;
use serde_json::{Value, json};

use super::error::{Asked, Refusal};
use super::place::Place;
use super::{ActuatorError, FIELD_MANAGER};

/// Longest answer that is read: a node's 250 pods at 60 KB each.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;

/// Most objects of a list: a node runs 110 pods by default, a workload keeps 10 revisions.
const MOST: u32 = 500;

/// Sends requests.
#[derive(Clone)]
pub(super) struct Api {
    client: kube::Client,
    timeout: Duration,
}

/// Whether a write is tried or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    /// Asks the server what would be, with admission and validation.
    Dry,
    /// Does it.
    Real,
}

impl Run {
    fn query(self) -> String {
        let dry = if self == Self::Dry { "&dryRun=All" } else { "" };
        format!("fieldManager={FIELD_MANAGER}&fieldValidation=Strict{dry}")
    }

    fn list(self) -> Option<Value> {
        (self == Self::Dry).then(|| json!(["All"]))
    }
}

impl Api {
    pub fn new(client: kube::Client, timeout: Duration) -> Self {
        Self { client, timeout }
    }

    /// The object, or `None` where it does not exist. Reads are the actuator's own, also when it acts for somebody.
    pub async fn get(&self, place: &Place) -> Result<Option<Value>, ActuatorError> {
        let asked = asked("get", place, None, None);
        match self.send("GET", &place.path(), None, None, &asked).await {
            Ok(object) => Ok(Some(object)),
            Err(Refusal { error: ActuatorError::NotFound { .. }, .. }) => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// The objects of a collection that a selector names (`labelSelector=…` or `fieldSelector=…`, encoded).
    pub async fn list(&self, place: &Place, selector: &str) -> Result<Vec<Value>, ActuatorError> {
        let asked = asked("list", place, None, None);
        let path = format!("{}?limit={MOST}&{selector}", place.path());
        let mut list = self.send("GET", &path, None, None, &asked).await?;
        match list["items"].take() {
            Value::Array(items) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// Applies a strategic merge patch.
    pub async fn patch(&self, place: &Place, patch: &Value, run: Run, user: Option<&str>) -> Result<Value, Refusal> {
        let asked = asked("patch", place, None, user);
        let path = format!("{}?{}", place.path(), run.query());
        self.send("PATCH", &path, Some("application/strategic-merge-patch+json"), Some(patch), &asked).await
    }

    /// Creates an object.
    pub async fn create(
        &self,
        collection: &Place,
        object: &Value,
        run: Run,
        user: Option<&str>,
    ) -> Result<Value, Refusal> {
        let asked = asked("create", collection, None, user);
        let path = format!("{}?{}", collection.path(), run.query());
        self.send("POST", &path, Some("application/json"), Some(object), &asked).await
    }

    /// Deletes the object of this uid.
    pub async fn delete(&self, place: &Place, uid: &str, run: Run, user: Option<&str>) -> Result<Value, Refusal> {
        let asked = asked("delete", place, None, user);
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}});
        if let Some(dry) = run.list() {
            options["dryRun"] = dry;
        }
        self.send("DELETE", &place.path(), Some("application/json"), Some(&options), &asked).await
    }

    /// Evicts the pod of this uid.
    pub async fn evict(&self, place: &Place, uid: &str, run: Run, user: Option<&str>) -> Result<(), Refusal> {
        let asked = asked("create", place, Some("eviction"), user);
        let mut options = json!({"preconditions": {"uid": uid}});
        let mut query = "";
        if let Some(dry) = run.list() {
            options["dryRun"] = dry;
            // The server wants both to say the same.
            query = "?dryRun=All";
        }
        let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": place.name, "namespace": place.namespace}, "deleteOptions": options});
        let path = format!("{}/eviction{query}", place.path());
        self.send("POST", &path, Some("application/json"), Some(&eviction), &asked).await.map(|_| ())
    }

    /// Asks whether the actuator's account may do something; changes nothing.
    pub async fn may(&self, verb: &str, group: &str, resource: &str) -> Result<bool, ActuatorError> {
        let (plural, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let attributes = json!({"verb": verb, "group": group, "resource": plural, "subresource": subresource});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes}});
        let asked = Asked {
            verb: "create",
            group: "authorization.k8s.io",
            resource: "selfsubjectaccessreviews".into(),
            namespace: None,
            name: None,
            user: None,
        };
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let review = self.send("POST", path, Some("application/json"), Some(&review), &asked).await?;
        Ok(review["status"]["allowed"] == true)
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        kind: Option<&str>,
        body: Option<&Value>,
        asked: &Asked<'_>,
    ) -> Result<Value, Refusal> {
        let ours = |why: String| Refusal::from(ActuatorError::Other { why: format!("{asked}: {why}") });
        let mut request = http::Request::builder().method(method).uri(path).header("accept", "application/json");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        if let Some(user) = asked.user {
            request = request.header("impersonate-user", user);
        }
        let bytes = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request = request.body(bytes).map_err(|error| ours(error.to_string()))?;
        let read = async {
            let body = self.client.request_stream(request).await.map_err(|error| Refusal::of(error, asked))?;
            let mut bytes = Vec::new();
            let mut body = std::pin::pin!(body.take(MAX_ANSWER_BYTES + 1));
            let lost = |error: std::io::Error| ActuatorError::Unreachable { why: format!("{asked}: {error}") };
            body.read_to_end(&mut bytes).await.map_err(lost)?;
            Ok::<_, Refusal>(bytes)
        };
        let bytes = match tokio::time::timeout(self.timeout, read).await {
            Ok(answer) => answer?,
            Err(_) => return Err(ActuatorError::Timeout { what: asked.to_string(), after: self.timeout }.into()),
        };
        if bytes.len() as u64 > MAX_ANSWER_BYTES {
            return Err(ours(format!("the answer is larger than {} MiB", MAX_ANSWER_BYTES >> 20)));
        }
        serde_json::from_slice(&bytes).map_err(|error| ours(error.to_string()))
    }
}

fn asked<'a>(verb: &'static str, place: &'a Place, subresource: Option<&str>, user: Option<&'a str>) -> Asked<'a> {
    let resource = match subresource {
        Some(subresource) => format!("{}/{subresource}", place.plural),
        None => place.plural.to_owned(),
    };
    let name = Some(place.name.as_str()).filter(|name| !name.is_empty());
    Asked { verb, group: place.group, resource, namespace: place.namespace.as_deref(), name, user }
}
