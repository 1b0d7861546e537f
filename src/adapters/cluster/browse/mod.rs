//! Objects of any readable kind, for questions: a list with what `kubectl get` would show, or one object in full.
//!
//! Secrets are not among the kinds. Of ConfigMaps only names are given, and of environment variables only names: values
//! are where people put passwords.

mod rows;

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::api::{Query, asked};
use super::error::Asked;
use super::{Cluster, ClusterError};

/// Objects of one list; a model reads no more, and a person narrows it.
const MAX_LISTED: usize = 200;
/// Pods whose names are given where one was not found.
const MAX_NAMES: usize = 500;

/// A kind that can be browsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// `Deployment`.
    pub name: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    short: &'static str,
    namespaced: bool,
    /// Whether a single object may be read, see [`super::PERMISSIONS`].
    gettable: bool,
    /// Whether only its metadata is asked for: what it holds is nobody's business, and may be megabytes.
    bare: bool,
}

const fn kind(
    name: &'static str,
    api: (&'static str, &'static str),
    plural: &'static str,
    short: &'static str,
) -> Kind {
    Kind { name, group: api.0, version: api.1, plural, short, namespaced: true, gettable: true, bare: false }
}

const CORE: (&str, &str) = ("", "v1");
const APPS: (&str, &str) = ("apps", "v1");
const BATCH: (&str, &str) = ("batch", "v1");

/// All of them.
pub const KINDS: [Kind; 16] = [
    kind("Pod", CORE, "pods", "po"),
    kind("Deployment", APPS, "deployments", "deploy"),
    kind("StatefulSet", APPS, "statefulsets", "sts"),
    kind("DaemonSet", APPS, "daemonsets", "ds"),
    kind("ReplicaSet", APPS, "replicasets", "rs"),
    kind("Job", BATCH, "jobs", ""),
    kind("CronJob", BATCH, "cronjobs", "cj"),
    kind("Service", CORE, "services", "svc"),
    kind("Ingress", ("networking.k8s.io", "v1"), "ingresses", "ing"),
    kind("PersistentVolumeClaim", CORE, "persistentvolumeclaims", "pvc"),
    kind("HorizontalPodAutoscaler", ("autoscaling", "v2"), "horizontalpodautoscalers", "hpa"),
    Kind { namespaced: false, ..kind("Node", CORE, "nodes", "no") },
    Kind { namespaced: false, ..kind("Namespace", CORE, "namespaces", "ns") },
    Kind { gettable: false, bare: true, ..kind("ConfigMap", CORE, "configmaps", "cm") },
    Kind { gettable: false, ..kind("ResourceQuota", CORE, "resourcequotas", "quota") },
    Kind { gettable: false, ..kind("EndpointSlice", ("discovery.k8s.io", "v1"), "endpointslices", "") },
];

/// The kind that a word means: `pod`, `pods`, `po`, `Deployment`, `deployments.apps`.
pub fn kind_named(word: &str) -> Option<&'static Kind> {
    let word = word.trim().to_ascii_lowercase();
    let word = word.split('.').next().unwrap_or_default();
    let means = |kind: &&Kind| {
        !word.is_empty() && (word == kind.name.to_ascii_lowercase() || word == kind.plural || word == kind.short)
    };
    KINDS.iter().find(means)
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Browsed {
    /// One line an object, or an object as YAML; unredacted.
    pub text: String,
    /// Objects shown.
    pub count: usize,
    /// Whether there are more.
    pub cut: bool,
}

impl Cluster {
    /// Objects of `kind`: all of `namespace`, or of everywhere.
    pub async fn browse(&self, kind: &Kind, namespace: Option<&str>) -> Result<Browsed, ClusterError> {
        let namespace = namespace.filter(|_| kind.namespaced);
        let query = Query { namespace: namespace.map(str::to_owned), most: MAX_LISTED, ..Query::default() };
        self.rows(kind, namespace, query).await
    }

    async fn rows(&self, kind: &Kind, namespace: Option<&str>, query: Query) -> Result<Browsed, ClusterError> {
        let with_namespace = namespace.is_none() && kind.namespaced;
        let row = |object: Value| Some(rows::row(kind.name, &object, with_namespace));
        let (path, asked) = (path(kind, namespace), words(kind, "list", namespace, None));
        let listed = match kind.bare {
            true => self.api.list_values_meta(&path, query, asked, row).await?,
            false => self.api.list_values(&path, query, asked, row).await?,
        };
        let count = listed.items.len().min(MAX_LISTED);
        let cut = listed.cut || listed.items.len() > MAX_LISTED;
        let text = listed.items.into_iter().take(MAX_LISTED).collect::<Vec<String>>().join("\n");
        Ok(Browsed { text, count, cut })
    }

    /// One object in full; `None` where it does not exist, or where only names of its kind may be read.
    pub async fn browse_one(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Browsed>, ClusterError> {
        let namespace = namespace.filter(|_| kind.namespaced);
        if !kind.gettable {
            let query = Query { namespace: namespace.map(str::to_owned), most: MAX_LISTED, ..Query::default() };
            let named = self.rows(kind, namespace, query.field("metadata.name", name)).await?;
            return Ok((named.count > 0).then_some(named));
        }
        let asked = words(kind, "get", namespace, Some(name));
        let found = self.api.get_value(&path(kind, namespace), name, asked).await?;
        Ok(found.map(|object| Browsed { text: rows::whole(object), count: 1, cut: false }))
    }

    /// Names of the objects of a kind in a namespace, for saying what exists where something does not.
    pub async fn names(&self, kind: &Kind, namespace: Option<&str>) -> Result<Vec<String>, ClusterError> {
        let namespace = namespace.filter(|_| kind.namespaced);
        let query = Query { namespace: namespace.map(str::to_owned), most: MAX_NAMES, ..Query::default() };
        let name = |object: Value| object["metadata"]["name"].as_str().map(str::to_owned);
        let listed = self
            .api
            .list_values_meta(&path(kind, namespace), query, words(kind, "list", namespace, None), name)
            .await?;
        Ok(listed.items)
    }

    /// Whether a pod exists now.
    pub async fn has_pod(&self, namespace: &str, pod: &str) -> Result<bool, ClusterError> {
        Ok(self.api.get_meta::<Pod>(Some(namespace), pod).await?.is_some())
    }
}

fn path(kind: &Kind, namespace: Option<&str>) -> String {
    let Kind { group, version, plural, .. } = kind;
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    match namespace {
        Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{plural}"),
    }
}

fn words(kind: &Kind, verb: &'static str, namespace: Option<&str>, name: Option<&str>) -> Asked {
    let mut words = asked::<Pod>(verb, namespace, name);
    words.resource =
        if kind.group.is_empty() { kind.plural.to_owned() } else { format!("{}.{}", kind.plural, kind.group) };
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_any_of_their_names_and_never_secrets() {
        for (word, name) in
            [("po", "Pod"), ("Pods", "Pod"), ("deployments.apps", "Deployment"), ("HPA", "HorizontalPodAutoscaler")]
        {
            assert_eq!(kind_named(word).map(|kind| kind.name), Some(name), "{word}");
        }
        for word in ["secret", "secrets", "", "x"] {
            assert_eq!(kind_named(word), None, "{word}");
        }
    }

    #[test]
    fn every_kind_may_be_read_by_the_permissions() {
        for kind in KINDS {
            let may = |verb| {
                super::super::PERMISSIONS
                    .iter()
                    .any(|known| known.group == kind.group && known.resource == kind.plural && known.verb == verb)
            };
            assert!(may("list"), "list {}", kind.plural);
            assert!(!kind.gettable || may("get"), "get {}", kind.plural);
        }
    }
}
