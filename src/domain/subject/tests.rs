//! Subjects by the labels of the usual rules.

use super::*;
use crate::domain::alert::{AlertStatus, Labels};

fn alert(labels: &[(&str, &str)]) -> Alert {
    Alert {
        fingerprint: "f".into(),
        status: AlertStatus::Firing,
        labels: labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        annotations: Labels::new(),
        starts_at: chrono::DateTime::UNIX_EPOCH,
        ends_at: None,
        generator_url: String::new(),
    }
}

fn subject(labels: &[(&str, &str)]) -> String {
    let subject = Subject::of(&alert(labels));
    format!("{} {subject}", subject.kind.as_str())
}

#[test]
fn pods_by_the_shape_of_their_names() {
    for (pod, owner) in [
        ("checkout-7464b59bfd-6rjrg", "Deployment checkout"),
        ("payments-6844b544d-vvmv2", "Deployment payments"),
        ("my-front-end-768d598687-hstw9", "Deployment my-front-end"),
        ("trainer-0", "StatefulSet trainer"),
        ("kafka-broker-12", "StatefulSet kafka-broker"),
        ("gateway-fn5lc", "Workload gateway"),
        ("nightly-report-29923129-4dfx6", "CronJob nightly-report"),
        ("standalone", "Pod standalone"),
        ("debug-shell", "Pod debug-shell"),
    ] {
        let (kind, name) = owner_of_pod(pod);
        assert_eq!(format!("{} {name}", kind.as_str()), owner);
    }
}

#[test]
fn labels_of_the_usual_rules() {
    for (labels, expected) in [
        (&[("namespace", "shop"), ("deployment", "catalog")][..], "Deployment shop/catalog"),
        (&[("namespace", "batch"), ("job_name", "nightly-report-29923129")], "CronJob batch/nightly-report"),
        (
            &[("exported_namespace", "shop"), ("exported_service", "frontend"), ("ingress", "shop")],
            "Service shop/frontend",
        ),
        // The target labels of kube-state-metrics are not what the alert is about.
        (
            &[
                ("namespace", "shop"),
                ("deployment", "catalog"),
                ("job", "kube-state-metrics"),
                ("pod", "kube-state-metrics-7464b59bfd-6rjrg"),
            ],
            "Deployment shop/catalog",
        ),
        (&[("node", "n1"), ("job", "kube-state-metrics"), ("pod", "kube-state-metrics-7464b59bfd-6rjrg")], "Node n1"),
        (
            &[
                ("instance", "10.0.0.7:9100"),
                ("job", "node-exporter"),
                ("pod", "node-exporter-abcde"),
                ("namespace", "monitoring"),
            ],
            "Node 10.0.0.7",
        ),
        (
            &[("namespace", "db"), ("persistentvolumeclaim", "data-pg-0"), ("node", "n2")],
            "PersistentVolumeClaim db/data-pg-0",
        ),
        (&[("namespace", "shop"), ("pod", "web-7464b59bfd-6rjrg"), ("node", "n1")], "Deployment shop/web"),
        (&[("namespace", "shop"), ("alertname", "QuotaFull")], "Namespace shop"),
        (&[("namespace", "shop"), ("job", "cart"), ("alertname", "High5xx")], "Workload shop/cart"),
        (&[("namespace", "shop"), ("container", "cart")], "Workload shop/cart"),
        (&[("namespace", "shop"), ("job", "kubernetes-pods")], "Namespace shop"),
        (&[("namespace", "shop"), ("job", "kube-state-metrics"), ("resourcequota", "q")], "Namespace shop"),
        (&[("k8s_namespace_name", "shop"), ("k8s_deployment_name", "web")], "Deployment shop/web"),
        (&[("k8s.namespace.name", "shop"), ("k8s.deployment.name", "web")], "Deployment shop/web"),
        (&[("kube_namespace", "shop"), ("kube_stateful_set", "db")], "StatefulSet shop/db"),
        (&[("namespace", "shop"), ("podName", "web-7464b59bfd-6rjrg")], "Deployment shop/web"),
        (&[("namespace", "shop"), ("owner_kind", "DaemonSet"), ("owner_name", "agent")], "DaemonSet shop/agent"),
        (&[("namespace", "shop"), ("workload", "web"), ("workload_type", "deployment")], "Deployment shop/web"),
        (&[("job", "shop/web"), ("instance", "10.42.0.7:8080")], "Workload shop/web"),
        (&[("namespace", "shop"), ("job", "nodejs-api"), ("instance", "10.42.0.7:3000")], "Workload shop/nodejs-api"),
        (&[("job", "integrations/node_exporter"), ("instance", "n1:9100")], "Node n1"),
        (&[("job", "node"), ("instance", "[fd00::5]:9100")], "Node fd00::5"),
        (&[("job", "node"), ("instance", "fd00::5")], "Node fd00::5"),
        (&[("alertname", "Watchdog")], "Alert Watchdog"),
    ] {
        assert_eq!(subject(labels), expected, "{labels:?}");
    }
}

#[test]
fn a_workload_its_pods_and_its_service_meet() {
    let key = |labels| Subject::of(&alert(labels)).correlation_key("X");
    let deployment = key(&[("namespace", "shop"), ("deployment", "web")]);
    assert_eq!(key(&[("namespace", "shop"), ("pod", "web-7464b59bfd-6rjrg")]), deployment);
    assert_eq!(key(&[("namespace", "shop"), ("service", "web")]), deployment);
    assert_ne!(key(&[("namespace", "test"), ("service", "web")]), deployment);
    assert_ne!(key(&[("namespace", "shop"), ("service", "web"), ("cluster", "eu")]), deployment);
}

#[test]
fn what_has_pods_says_more_than_the_service_before_them() {
    let kind = |first: &[(&str, &str)], then: &[(&str, &str)]| {
        let mut subject = Subject::of(&alert(first));
        subject.join(&Subject::of(&alert(then)));
        subject.kind
    };
    let (service, pod) =
        (&[("namespace", "shop"), ("service", "gateway")], &[("namespace", "shop"), ("pod", "gateway-fn5lc")]);
    let daemon_set = &[("namespace", "shop"), ("daemonset", "gateway")];
    assert_eq!(kind(pod, service), SubjectKind::Workload);
    assert_eq!(kind(service, pod), SubjectKind::Workload);
    assert_eq!(kind(pod, daemon_set), SubjectKind::DaemonSet);
    assert_eq!(kind(daemon_set, service), SubjectKind::DaemonSet);
}
