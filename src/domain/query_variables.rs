//! What a query template can ask of a Subject, and the values that a Subject gives.

use std::collections::BTreeMap;

use super::subject::{GENERATED, Subject, SubjectKind};

/// What a template can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variable {
    /// The namespace.
    Namespace,
    /// The workload's name.
    Workload,
    /// One pod: the first that an alert named.
    Pod,
    /// All pods of the workload, as a regular expression.
    Pods,
    /// The container.
    Container,
    /// The node.
    Node,
    /// The Service.
    Service,
    /// The Ingress.
    Ingress,
    /// The volume claim.
    Pvc,
    /// The Job.
    Job,
}

impl Variable {
    /// Every variable, in the order that errors list them.
    pub const ALL: [Self; 10] = [
        Self::Namespace,
        Self::Workload,
        Self::Pod,
        Self::Pods,
        Self::Container,
        Self::Node,
        Self::Service,
        Self::Ingress,
        Self::Pvc,
        Self::Job,
    ];

    /// The name as written in a template.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Workload => "workload",
            Self::Pod => "pod",
            Self::Pods => "pods",
            Self::Container => "container",
            Self::Node => "node",
            Self::Service => "service",
            Self::Ingress => "ingress",
            Self::Pvc => "pvc",
            Self::Job => "job",
        }
    }

    /// Reads a variable's name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.as_str() == name)
    }
}

/// Values of one Subject's variables. [`Variable::Pods`] holds a regular expression, all others plain text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<Variable, String>,
}

impl Variables {
    /// What `subject` gives by its names alone.
    pub fn of(subject: &Subject) -> Self {
        let mut variables = Self::default();
        let name = subject.name.as_str();
        let is = |kind| (subject.kind == kind).then_some(name);
        for (variable, value) in [
            (Variable::Namespace, subject.namespace.as_deref().or(is(SubjectKind::Namespace))),
            (Variable::Workload, subject.kind.owns_pods().then_some(name)),
            (Variable::Pod, is(SubjectKind::Pod).or(subject.pods.first().map(String::as_str))),
            (Variable::Container, subject.container.as_deref()),
            (Variable::Node, is(SubjectKind::Node).or(subject.node.as_deref())),
            (Variable::Service, is(SubjectKind::Service).or(subject.service.as_deref())),
            (Variable::Ingress, subject.ingress.as_deref()),
            (Variable::Pvc, is(SubjectKind::PersistentVolumeClaim).or(subject.claim.as_deref())),
            (Variable::Job, is(SubjectKind::Job).or(subject.job.as_deref())),
        ] {
            if let Some(value) = value {
                variables.set(variable, value);
            }
        }
        if let Some(pods) = pods_of(subject) {
            variables.set(Variable::Pods, pods);
        }
        variables
    }

    /// Sets a value; empty text is no value, because a query with a hole in it answers about something else.
    pub fn set(&mut self, variable: Variable, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.trim().is_empty() {
            self.values.insert(variable, value);
        }
        self
    }

    /// The value, if the Subject has one.
    pub fn get(&self, variable: Variable) -> Option<&str> {
        self.values.get(&variable).map(String::as_str)
    }
}

/// A regular expression (RE2) for the names of the Subject's pods: those that are, were and will be, because the
/// Baseline lies before the last rollout. Pods that alerts named and that do not fit their kind's shape are added.
fn pods_of(subject: &Subject) -> Option<String> {
    let name = escape_regex(&subject.name);
    // The random end of a pod's name and a `pod-template-hash`: without vowels, so that `-frontend` is neither.
    let (suffix, hash) = (format!("[{GENERATED}]{{5}}"), format!("[{GENERATED}]{{6,10}}"));
    let shape = match subject.kind {
        SubjectKind::Deployment => Some(format!("{name}-{hash}-{suffix}")),
        SubjectKind::StatefulSet => Some(format!("{name}-[0-9]+")),
        SubjectKind::DaemonSet => Some(format!("{name}-{suffix}")),
        SubjectKind::CronJob => Some(format!("{name}-[0-9]+(-[0-9]+)?-{suffix}")),
        SubjectKind::Job => Some(format!("{name}(-[0-9]+)?-{suffix}")),
        // A Service mostly bears the name of the workload behind it.
        SubjectKind::Workload | SubjectKind::Service => Some(format!("{name}-({hash}-)?{suffix}|{name}-[0-9]+")),
        SubjectKind::Pod => Some(name),
        SubjectKind::Node | SubjectKind::PersistentVolumeClaim | SubjectKind::Namespace | SubjectKind::Alert => None,
    };
    // A node's or a volume's pods are a short list; were it empty, there would be nothing to ask about.
    let fits = shape.as_deref().and_then(|shape| regex::Regex::new(&format!("^(?:{shape})$")).ok());
    let strays = subject.pods.iter().filter(|pod| !fits.as_ref().is_some_and(|fits| fits.is_match(pod)));
    let alternatives: Vec<String> = shape.into_iter().chain(strays.map(|pod| escape_regex(pod))).collect();
    (!alternatives.is_empty()).then(|| alternatives.join("|"))
}

/// Escapes what has a meaning in RE2, as Go's `regexp.QuoteMeta` does. Stays readable: `-` needs no escape there.
pub fn escape_regex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(kind: SubjectKind, name: &str, named: &[&str]) -> Option<String> {
        let mut subject = Subject::new(kind, Some("shop".into()), name.into());
        subject.pods = named.iter().map(|pod| (*pod).into()).collect();
        Variables::of(&subject).get(Variable::Pods).map(str::to_owned)
    }

    #[test]
    fn pods_of_each_kind_are_found_and_the_neighbours_are_not() {
        for (kind, mine, theirs) in [
            (SubjectKind::Deployment, "web-7464b59bfd-6rjrg", "web-api-7464b59bfd-6rjrg"),
            (SubjectKind::Deployment, "web-6844b544d-vvmv2", "web-api-fn5lc"),
            (SubjectKind::Deployment, "web-6844b544d-vvmv2", "web-migrate-x7k2p"),
            (SubjectKind::Deployment, "web-6844b544d-vvmv2", "web-frontend-fn5lc"),
            (SubjectKind::Workload, "web-6844b544d-vvmv2", "web-frontend-fn5lc"),
            (SubjectKind::StatefulSet, "web-12", "web-12-x"),
            (SubjectKind::DaemonSet, "web-fn5lc", "web-api-fn5lc"),
            (SubjectKind::CronJob, "web-29923129-4dfx6", "web-api-29923129-4dfx6"),
            (SubjectKind::Job, "web-4dfx6", "web-api-4dfx6"),
            (SubjectKind::Workload, "web-7464b59bfd-6rjrg", "web-api-4dfx6"),
            (SubjectKind::Pod, "web", "web-1"),
        ] {
            let pattern = regex::Regex::new(&format!("^(?:{})$", pods(kind, "web", &[]).unwrap())).unwrap();
            assert!(pattern.is_match(mine), "{kind:?} {mine}");
            assert!(!pattern.is_match(theirs), "{kind:?} {theirs}");
        }
        assert_eq!(pods(SubjectKind::Node, "n1", &[]), None);
    }

    #[test]
    fn a_named_pod_of_another_shape_is_added() {
        let named = ["web-7464b59bfd-6rjrg", "a.very.long-name"];
        let both = pods(SubjectKind::Deployment, "web", &named).unwrap();
        assert_eq!(both, format!(r"web-[{GENERATED}]{{6,10}}-[{GENERATED}]{{5}}|a\.very\.long-name"));
        assert_eq!(pods(SubjectKind::Node, "n1", &["x-1"]).as_deref(), Some("x-1"));
    }

    #[test]
    fn what_the_subject_is_becomes_its_variable() {
        let node = Variables::of(&Subject::new(SubjectKind::Node, None, "n1".into()));
        assert_eq!((node.get(Variable::Node), node.get(Variable::Namespace)), (Some("n1"), None));
        let claim = Subject::new(SubjectKind::PersistentVolumeClaim, Some("db".into()), "data".into());
        assert_eq!(Variables::of(&claim).get(Variable::Pvc), Some("data"));
        assert_eq!(Variables::of(&claim).get(Variable::Workload), None);
    }
}
