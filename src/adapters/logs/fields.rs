//! What collectors call the namespace, the pod and the container of a line.

use std::collections::HashSet;

/// Field names of the collectors in use: namespace, pod, container.
const STYLES: [[&str; 3]; 9] = [
    // vlagent (victoria-logs-collector) and Vector.
    ["kubernetes.pod_namespace", "kubernetes.pod_name", "kubernetes.container_name"],
    // Fluent Bit and Fluentd, nested fields flattened.
    ["kubernetes.namespace_name", "kubernetes.pod_name", "kubernetes.container_name"],
    ["kubernetes_namespace_name", "kubernetes_pod_name", "kubernetes_container_name"],
    ["kubernetes_namespace", "kubernetes_pod_name", "kubernetes_container_name"],
    // Filebeat, Elastic Agent.
    ["kubernetes.namespace", "kubernetes.pod.name", "kubernetes.container.name"],
    // OpenTelemetry.
    ["k8s.namespace.name", "k8s.pod.name", "k8s.container.name"],
    ["k8s_namespace_name", "k8s_pod_name", "k8s_container_name"],
    // Promtail, Grafana Alloy.
    ["namespace", "pod", "container"],
    ["namespace", "pod_name", "container_name"],
];
/// Fields that hold the level.
const LEVELS: [&str; 9] =
    ["level", "severity", "log.level", "severity_text", "lvl", "levelname", "log_level", "loglevel", "Level"];
/// Fields that hold the message where `_msg` does not, and what a message leaves unsaid: why it failed.
pub(super) const MESSAGES: [&str; 5] = ["message", "msg", "log", "body", "text"];
pub(super) const DETAILS: [&str; 6] = ["error", "err", "exception", "error.message", "exception.message", "reason"];

/// What one collector calls the fields of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFields {
    /// The namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: Option<String>,
    /// The level; any of the usual ones when `None`.
    pub level: Option<String>,
    /// The text: `_msg`.
    pub message: String,
}

/// What all collectors of one server call them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSet {
    /// One per collector, at least one.
    pub styles: Vec<LogFields>,
    /// Level fields, most usual first.
    pub levels: Vec<String>,
}

impl LogFields {
    fn style(names: [&str; 3]) -> Self {
        let [namespace, pod, container] = names.map(str::to_owned);
        Self { namespace, pod, container: Some(container), level: None, message: "_msg".into() }
    }
}

impl FieldSet {
    /// Fields as configured.
    pub fn of(fields: LogFields) -> Self {
        let usual = || LEVELS.map(str::to_owned).to_vec();
        let levels = fields.level.clone().map_or_else(usual, |level| vec![level]);
        Self { styles: vec![fields], levels }
    }

    /// What `names` of a server's fields tell; `None` when no pod field is among them.
    pub fn detect<'a>(names: impl Iterator<Item = &'a str>) -> Option<Self> {
        let names: HashSet<&str> = names.collect();
        let has = |name: &str| names.contains(name);
        let mut styles: Vec<LogFields> = Vec::new();
        for names in STYLES.into_iter().filter(|[namespace, pod, _]| has(namespace) && has(pod)) {
            let mut style = LogFields::style(names);
            style.container = style.container.filter(|container| has(container));
            styles.push(style);
        }
        let levels = LEVELS.into_iter().filter(|level| has(level)).map(str::to_owned).collect();
        (!styles.is_empty()).then_some(Self { styles, levels })
    }

    /// One line for a person: `kubernetes.pod_namespace, kubernetes.pod_name, kubernetes.container_name`.
    pub fn describe(&self) -> String {
        let style = |fields: &LogFields| {
            let container = fields.container.as_deref().map_or_else(String::new, |name| format!(", {name}"));
            format!("{}, {}{container}", fields.namespace, fields.pod)
        };
        self.styles.iter().map(style).collect::<Vec<_>>().join(" or ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_are_told_by_their_fields() {
        for (names, found) in [
            (
                "_msg kubernetes.pod_namespace kubernetes.pod_name kubernetes.container_name level",
                Some("kubernetes.pod_namespace, kubernetes.pod_name, kubernetes.container_name"),
            ),
            (
                "namespace pod container k8s.namespace.name k8s.pod.name",
                Some("k8s.namespace.name, k8s.pod.name or namespace, pod, container"),
            ),
            ("_msg _time host app", None),
            ("", None),
        ] {
            let set = FieldSet::detect(names.split_whitespace());
            assert_eq!(set.map(|set| set.describe()).as_deref(), found, "{names}");
        }
    }
}
