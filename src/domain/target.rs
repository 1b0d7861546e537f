//! What a person wants looked at, as they write it: `shop/checkout`, `deployment/checkout -n shop`, `node/worker-1`.

use super::action::Name;
use super::subject::{Subject, SubjectKind};

/// Reads it; `None` when it names nothing, or something that needs a namespace without one.
pub fn parse(written: &str) -> Option<Subject> {
    let mut namespace: Option<Name> = None;
    let mut words: Vec<&str> = Vec::new();
    let mut rest = written.split_whitespace();
    while let Some(word) = rest.next() {
        let given = match word {
            "-n" | "--namespace" => Some(rest.next()?),
            _ => word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n=")),
        };
        match given {
            Some(given) => namespace = Some(given.parse().ok()?),
            None => words.push(word),
        }
    }
    let joined;
    let parts: Vec<&str> = match words.as_slice() {
        [one] => one.split('/').collect(),
        // `deployment checkout`, as kubectl has it.
        [kind, name] if kind_of(kind).is_some() => {
            joined = [*kind, *name];
            joined.to_vec()
        }
        _ => return None,
    };
    let name = |written: &str| written.parse::<Name>().ok();
    let (kind, namespace, name) = match *parts.as_slice() {
        [only] => (SubjectKind::Workload, namespace, name(only)?),
        [first, second] => match (kind_of(first), &namespace) {
            (Some(kind), _) => (kind, namespace, name(second)?),
            (None, None) => (SubjectKind::Workload, Some(name(first)?), name(second)?),
            (None, Some(_)) => return None,
        },
        [first, second, third] => {
            let (space, kind) = kind_of(second).map_or((second, kind_of(first)), |kind| (first, Some(kind)));
            (kind?, Some(name(space)?), name(third)?)
        }
        _ => return None,
    };
    let name = name.as_str().to_owned();
    match kind {
        SubjectKind::Node => Some(Subject { node: Some(name.clone()), ..Subject::new(kind, None, name) }),
        SubjectKind::Namespace => Some(Subject::new(kind, Some(name.clone()), name)),
        _ => {
            let mut subject = Subject::new(kind, Some(namespace?.as_str().to_owned()), name.clone());
            match kind {
                SubjectKind::Pod => subject.pods.push(name),
                SubjectKind::Service => subject.service = Some(name),
                SubjectKind::PersistentVolumeClaim => subject.claim = Some(name),
                _ => {}
            }
            Some(subject)
        }
    }
}

/// Kubernetes' names of kinds, the short ones among them.
fn kind_of(word: &str) -> Option<SubjectKind> {
    Some(match word.to_ascii_lowercase().as_str() {
        "deployment" | "deployments" | "deploy" => SubjectKind::Deployment,
        "statefulset" | "statefulsets" | "sts" => SubjectKind::StatefulSet,
        "daemonset" | "daemonsets" | "ds" => SubjectKind::DaemonSet,
        "cronjob" | "cronjobs" | "cj" => SubjectKind::CronJob,
        "job" | "jobs" => SubjectKind::Job,
        "pod" | "pods" | "po" => SubjectKind::Pod,
        "service" | "services" | "svc" => SubjectKind::Service,
        "node" | "nodes" | "no" => SubjectKind::Node,
        "persistentvolumeclaim" | "persistentvolumeclaims" | "pvc" => SubjectKind::PersistentVolumeClaim,
        "namespace" | "namespaces" | "ns" => SubjectKind::Namespace,
        "workload" => SubjectKind::Workload,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_in_use() {
        for (written, expected) in [
            ("shop/checkout", "Workload shop/checkout"),
            ("deployment/checkout -n shop", "Deployment shop/checkout"),
            ("deploy checkout -n shop", "Deployment shop/checkout"),
            ("-n shop sts/db", "StatefulSet shop/db"),
            ("checkout --namespace=shop", "Workload shop/checkout"),
            ("shop/deployment/checkout", "Deployment shop/checkout"),
            ("deployment/shop/checkout", "Deployment shop/checkout"),
            ("node/worker-1", "Node worker-1"),
            ("node worker-1.example.com", "Node worker-1.example.com"),
            ("ns/shop", "Namespace shop"),
            ("pod/checkout-7464b59bfd-6rjrg -n shop", "Pod shop/checkout-7464b59bfd-6rjrg"),
        ] {
            let subject = parse(written).unwrap_or_else(|| panic!("{written}"));
            let name = match &subject.namespace {
                Some(namespace) if subject.kind != SubjectKind::Namespace => format!("{namespace}/{}", subject.name),
                _ => subject.name.clone(),
            };
            assert_eq!(format!("{} {name}", subject.kind.as_str()), expected, "{written}");
        }
        for written in
            ["", "checkout", "deployment/checkout", "a/b/c/d", "shop/", "-n", "shop/check out", "a/b -n shop", "Ж/б"]
        {
            assert!(parse(written).is_none(), "{written}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_read_or_not(written in ".{0,80}") {
            let _ = parse(&written);
        }
    }
}
