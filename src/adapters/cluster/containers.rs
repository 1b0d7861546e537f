//! Containers and probes as their template describes them.

use k8s_openapi::api::core::v1::{Container, PodSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::domain::cluster::ContainerSpec;
use crate::domain::{quantity, text};

/// The template's containers, init containers first. Environment variables are names only.
pub(super) fn specs(pod: &PodSpec) -> Vec<ContainerSpec> {
    let init = pod.init_containers.iter().flatten().map(|container| spec(container, true));
    init.chain(pod.containers.iter().map(|container| spec(container, false))).collect()
}

fn spec(container: &Container, init: bool) -> ContainerSpec {
    let resources = container.resources.as_ref();
    let limit = |name: &str| Some(resources?.limits.as_ref()?.get(name)?.0.as_str());
    let request = |name: &str| Some(resources?.requests.as_ref()?.get(name)?.0.as_str());
    let probes = [
        ("startup", &container.startup_probe),
        ("readiness", &container.readiness_probe),
        ("liveness", &container.liveness_probe),
    ];
    ContainerSpec {
        name: container.name.clone(),
        image: container.image.clone().unwrap_or_default(),
        init,
        memory_limit: limit("memory").and_then(quantity::bytes),
        memory_request: request("memory").and_then(quantity::bytes),
        cpu_limit: limit("cpu").and_then(quantity::millicores),
        cpu_request: request("cpu").and_then(quantity::millicores),
        env: env_names(container),
        probes: probes
            .into_iter()
            .filter_map(|(kind, probe)| Some(format!("{kind}: {}", describe(probe.as_ref()?))))
            .collect(),
    }
}

/// Names of variables, then what is taken whole: `* from ConfigMap web-env`, without which "not set" would be a guess.
fn env_names(container: &Container) -> Vec<String> {
    let own = container.env.iter().flatten().map(|variable| variable.name.clone());
    own.chain(env_sources(container).into_iter().map(|(source, _)| format!("* from {source}"))).collect()
}

/// What `envFrom` names, e.g. `ConfigMap web-env`, and the prefix of its variables.
pub(super) fn env_sources(container: &Container) -> Vec<(String, String)> {
    let sources = container.env_from.iter().flatten();
    sources
        .filter_map(|from| {
            let map = from.config_map_ref.as_ref().map(|map| format!("ConfigMap {}", map.name));
            let source = map.or_else(|| from.secret_ref.as_ref().map(|secret| format!("Secret {}", secret.name)))?;
            Some((source, from.prefix.clone().unwrap_or_default()))
        })
        .collect()
}

/// `GET /healthz:8080 every 10 s, 3 failures, timeout 1 s`.
pub(super) fn describe(probe: &Probe) -> String {
    let what = if let Some(get) = &probe.http_get {
        format!("GET {}:{}", text::line(get.path.as_deref().unwrap_or("/"), 80), port(&get.port))
    } else if let Some(socket) = &probe.tcp_socket {
        format!("TCP :{}", port(&socket.port))
    } else if let Some(grpc) = &probe.grpc {
        format!("gRPC :{}", grpc.port)
    } else if let Some(exec) = &probe.exec {
        // The program alone: arguments may carry passwords (`redis-cli -a …`).
        format!("exec {}", exec.command.iter().flatten().next().map_or("", String::as_str))
    } else {
        "nothing".to_owned()
    };
    let period = probe.period_seconds.unwrap_or(10);
    let failures = probe.failure_threshold.unwrap_or(3);
    let timeout = probe.timeout_seconds.unwrap_or(1);
    let delay = probe.initial_delay_seconds.filter(|delay| *delay > 0);
    let delay = delay.map(|delay| format!(", first after {delay} s")).unwrap_or_default();
    let failures = if failures == 1 { "1 failure".to_owned() } else { format!("{failures} failures") };
    format!("{what} every {period} s, {failures}, timeout {timeout} s{delay}")
}

fn port(port: &IntOrString) -> String {
    match port {
        IntOrString::Int(number) => number.to_string(),
        IntOrString::String(name) => name.clone(),
    }
}
