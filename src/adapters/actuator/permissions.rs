//! Everything the actuator calls, as RBAC sees it. Its role, the documentation and `check` are made from this table, and
//! the tests' API server refuses what is not in it.

use crate::adapters::permission::{Permission, permission as p};

/// What the actuator calls. Acting in people's names needs `impersonate users` besides.
pub const PERMISSIONS: [Permission; 21] = [
    p("apps", "deployments", "get", "every action on a Deployment"),
    p("apps", "deployments", "patch", "restart, undo, pause, resume, scale, resources"),
    p("apps", "statefulsets", "get", "every action on a StatefulSet"),
    p("apps", "statefulsets", "patch", "restart, undo, scale, resources"),
    p("apps", "daemonsets", "get", "every action on a DaemonSet"),
    p("apps", "daemonsets", "patch", "restart, undo, resources"),
    p("apps", "replicasets", "list", "undo: the template of an earlier revision"),
    p("apps", "controllerrevisions", "list", "undo: the template of an earlier revision"),
    p("autoscaling", "horizontalpodautoscalers", "get", "autoscaler bounds"),
    p("autoscaling", "horizontalpodautoscalers", "list", "scale: whether an autoscaler would set it back"),
    p("autoscaling", "horizontalpodautoscalers", "patch", "autoscaler bounds"),
    p("", "pods", "get", "delete a pod"),
    p("", "pods", "list", "drain: the pods of the node"),
    p("", "pods", "delete", "delete a pod"),
    p("", "pods/eviction", "create", "drain"),
    p("", "nodes", "get", "cordon, uncordon, drain"),
    p("", "nodes", "patch", "cordon, uncordon, drain"),
    p("batch", "cronjobs", "get", "suspend and resume a CronJob"),
    p("batch", "cronjobs", "patch", "suspend and resume a CronJob"),
    p("batch", "jobs", "get", "run a Job again"),
    p("batch", "jobs", "create", "run a Job again"),
];
