//! Everything the bot reads, as RBAC sees it. Manifests, documentation and `check` are made from this table, and the
//! tests' API server refuses what is not in it.

use crate::adapters::permission::{Permission, permission as p};

/// What the bot reads. No Secrets, nothing that writes.
pub const PERMISSIONS: [Permission; 32] = [
    p("", "pods", "get", "which workload an alert's pod belongs to"),
    p("", "pods", "list", "the state of a workload's pods"),
    p("", "pods/log", "get", "logs, where no log store is configured or has them yet"),
    p("", "events", "list", "why pods do not start or are killed"),
    p("", "services", "get", "which workload stands behind a Service"),
    p("", "services", "list", "which Services a workload serves, and whose address a log line names"),
    p("", "nodes", "get", "the state of a node"),
    p("", "nodes", "list", "which node has the address that an alert names"),
    p("", "namespaces", "get", "whether a namespace is being deleted"),
    p("", "namespaces", "list", "which namespaces there are, for questions"),
    p("", "resourcequotas", "list", "whether a quota is full"),
    p("", "persistentvolumeclaims", "get", "the state of volume claims"),
    p("", "persistentvolumeclaims", "list", "volume claims of a namespace, for questions"),
    p("", "configmaps", "list", "which ConfigMaps changed around the onset (names and times, never contents)"),
    p("apps", "deployments", "get", "Deployments and their rollouts"),
    p("apps", "deployments", "list", "changes in the namespace; what stands behind a Service"),
    p("apps", "replicasets", "get", "which Deployment a pod belongs to"),
    p("apps", "replicasets", "list", "what a rollout changed"),
    p("apps", "statefulsets", "get", "StatefulSets"),
    p("apps", "statefulsets", "list", "changes in the namespace; what stands behind a Service"),
    p("apps", "daemonsets", "get", "DaemonSets"),
    p("apps", "daemonsets", "list", "changes in the namespace; what stands behind a Service"),
    p("apps", "controllerrevisions", "list", "what a rollout of a StatefulSet or DaemonSet changed"),
    p("batch", "jobs", "get", "Jobs"),
    p("batch", "jobs", "list", "the runs of a CronJob"),
    p("batch", "cronjobs", "get", "CronJobs"),
    p("batch", "cronjobs", "list", "changes in the namespace"),
    p("autoscaling", "horizontalpodautoscalers", "get", "what an autoscaler's alert is about"),
    p("autoscaling", "horizontalpodautoscalers", "list", "whether a workload's autoscaler is at its bound"),
    p("networking.k8s.io", "ingresses", "get", "which workload stands behind an Ingress"),
    p("networking.k8s.io", "ingresses", "list", "Ingresses of a namespace, for questions"),
    p("discovery.k8s.io", "endpointslices", "list", "whether a Service has endpoints"),
];
