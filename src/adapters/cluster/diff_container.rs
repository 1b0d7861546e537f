//! What a revision changed in one container.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, EnvVar};

use super::containers::{describe, env_sources};
use super::diff::{self, Named};
use super::harmless;

/// What differs from `old` to `new`, without the container's name.
pub(super) fn lines(old: &Container, new: &Container) -> Vec<String> {
    let mut lines = Vec::new();
    diff::plain("image", old.image.as_deref(), new.image.as_deref(), &mut lines);
    environment(old, new, &mut lines);
    resources(old, new, &mut lines);
    let probes = |container: &Container| {
        let Container { startup_probe, readiness_probe, liveness_probe, .. } = container;
        [startup_probe, readiness_probe, liveness_probe].map(|probe| probe.as_ref().map(describe))
    };
    for ((kind, old), new) in ["startup", "readiness", "liveness"].into_iter().zip(probes(old)).zip(probes(new)) {
        diff::plain(&format!("{kind} probe"), old.as_deref(), new.as_deref(), &mut lines);
    }
    arguments("command", old.command.as_deref(), new.command.as_deref(), &mut lines);
    arguments("args", old.args.as_deref(), new.args.as_deref(), &mut lines);
    let ports = |container: &Container| {
        let ports = container.ports.iter().flatten();
        ports.map(|port| port.container_port.to_string()).collect::<Vec<_>>().join(", ")
    };
    diff::plain("ports", Some(&ports(old)), Some(&ports(new)), &mut lines);
    let mounts = |container: &Container| -> Named {
        let mounts = container.volume_mounts.iter().flatten();
        mounts.map(|mount| (mount.mount_path.clone(), mount.name.clone())).collect()
    };
    diff::named("mount", &mounts(old), &mounts(new), &mut lines);
    diff::opaque("security context", &old.security_context, &new.security_context, &mut lines);
    diff::opaque("lifecycle hooks", &old.lifecycle, &new.lifecycle, &mut lines);
    diff::plain("image pull policy", old.image_pull_policy.as_deref(), new.image_pull_policy.as_deref(), &mut lines);
    lines
}

fn environment(old: &Container, new: &Container, lines: &mut Vec<String>) {
    let find = |container: &Container, name: &str| container.env.iter().flatten().find(|e| e.name == name).cloned();
    // In order of the name: the order in the template says nothing.
    let new_names: BTreeSet<&String> = new.env.iter().flatten().map(|variable| &variable.name).collect();
    for name in &new_names {
        let (before, after) = (find(old, name), find(new, name));
        if before == after {
            continue;
        }
        let before_shown = before.as_ref().map(shown);
        let after = after.as_ref().and_then(shown);
        lines.push(match (before_shown, after) {
            (None, Some(after)) => format!("env {name} added: {after}"),
            (None, None) => format!("env {name} added"),
            (Some(Some(before)), Some(after)) if before != after => format!("env {name}: {before} → {after}"),
            _ => format!("env {name} changed"),
        });
    }
    let old_names: BTreeSet<&String> = old.env.iter().flatten().map(|variable| &variable.name).collect();
    lines.extend(old_names.difference(&new_names).map(|name| format!("env {name} removed")));

    let sources = |container: &Container| env_sources(container).into_iter().collect::<BTreeSet<_>>();
    let (old, new) = (sources(old), sources(new));
    lines.extend(new.difference(&old).map(|(source, _)| format!("envFrom {source} added")));
    lines.extend(old.difference(&new).map(|(source, _)| format!("envFrom {source} removed")));
}

/// A variable's value if harmless, or where it comes from.
fn shown(variable: &EnvVar) -> Option<String> {
    let Some(from) = &variable.value_from else {
        return harmless::shown(&variable.name, variable.value.as_deref().unwrap_or("")).map(str::to_owned);
    };
    if let Some(secret) = &from.secret_key_ref {
        return Some(format!("Secret {}/{}", secret.name, secret.key));
    }
    if let Some(map) = &from.config_map_key_ref {
        return Some(format!("ConfigMap {}/{}", map.name, map.key));
    }
    from.field_ref.as_ref().map(|field| format!("field {}", field.field_path))
}

fn resources(old: &Container, new: &Container, lines: &mut Vec<String>) {
    let all = |container: &Container, limits: bool| -> Named {
        let resources = container.resources.clone().unwrap_or_default();
        let map = if limits { resources.limits } else { resources.requests };
        map.into_iter().flatten().map(|(name, quantity)| (name, quantity.0)).collect()
    };
    for (word, limits) in [("limit", true), ("request", false)] {
        let (old, new) = (all(old, limits), all(new, limits));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let (before, after) = (old.get(name).map(String::as_str), new.get(name).map(String::as_str));
            diff::plain(&format!("{name} {word}"), before, after, lines);
        }
    }
}

/// Command lines: the one token that differs is shown if it is harmless, as is a flag that came or went.
fn arguments(what: &str, old: Option<&[String]>, new: Option<&[String]>, lines: &mut Vec<String>) {
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    if old == new {
        return;
    }
    let same = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let tail = old[same..].iter().rev().zip(new[same..].iter().rev()).take_while(|(a, b)| a == b).count();
    let (gone, come) = (&old[same..old.len() - tail], &new[same..new.len() - tail]);
    let flag = same.checked_sub(1).map(|index| old[index].as_str());
    let line = match (gone, come) {
        ([before], [after]) => token(flag, before).zip(token(flag, after)).map(|(a, b)| format!("{a} → {b}")),
        ([], [after]) => token(None, after).map(|token| format!("{token} added")),
        ([before], []) => token(None, before).map(|token| format!("{token} removed")),
        _ => None,
    };
    lines.push(line.map_or_else(|| format!("{what} changed"), |line| format!("{what}: {line}")));
}

/// `--workers=4`, `--verbose`, or a value after its flag, if harmless.
fn token(flag: Option<&str>, token: &str) -> Option<String> {
    if let Some(name) = token.strip_prefix("--") {
        let (name, value) = name.split_once('=').unwrap_or((name, "true"));
        let is_name = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_lowercase() || b"-_.".contains(&b));
        return (is_name && harmless::shown(name, value).is_some()).then(|| token.to_owned());
    }
    let flag = flag.filter(|flag| flag.starts_with("--") && !flag.contains('='))?;
    harmless::shown(flag, token).map(|value| format!("{flag} {value}"))
}
