//! What a request is about, as an incident that is in no store: its labels say the subject, as those of an alert do.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::domain::alert::{Alert, AlertStatus, Labels};
use crate::domain::incident::{Changed, Incident};
use crate::domain::subject::Subject;
use crate::domain::text;

/// Labels that are taken from one request.
const MAX_LABELS: usize = 64;
/// Longest label, in bytes.
const MAX_LABEL_BYTES: usize = 512;
/// Longest annotation, in bytes.
const MAX_ANNOTATION_BYTES: usize = 4_000;
/// Longest title, in bytes.
const MAX_TITLE_BYTES: usize = 160;

/// The incident of an `InvestigateRequest`. Labels stand in the subject itself, in its `labels`, and in the context's,
/// alone or in an `alert`; the subject's own win.
pub(super) fn of_alert(
    title: &str,
    description: &str,
    subject: &Map<String, Value>,
    context: &Map<String, Value>,
    clean: impl Fn(&str) -> String,
    now: DateTime<Utc>,
) -> Incident {
    let alert = context.get("alert").and_then(Value::as_object);
    let places = [Some(context), alert, Some(subject)];
    let mut labels = Labels::new();
    let mut annotations = Labels::new();
    for place in places.into_iter().flatten() {
        take(&mut labels, place.get("labels"), MAX_LABEL_BYTES, &clean);
        take(&mut annotations, place.get("annotations"), MAX_ANNOTATION_BYTES, &clean);
    }
    labels.extend(named(subject, &clean));
    let title = text::line(&clean(title), MAX_TITLE_BYTES);
    if !labels.contains_key("alertname") {
        labels.insert("alertname".into(), title.clone());
    }
    let is_name = labels.get("alertname").is_some_and(|name| *name == title);
    let summary = if is_name { String::new() } else { title };
    for (name, words) in [("description", clean(description)), ("summary", summary)] {
        let words = text::bounded(text::plain(&words).trim(), MAX_ANNOTATION_BYTES).into_owned();
        if !words.is_empty() {
            annotations.entry(name.to_owned()).or_insert(words);
        }
    }
    let began = places.into_iter().flatten().find_map(|place| {
        let time = ["startsAt", "starts_at"].iter().find_map(|name| place.get(*name)?.as_str())?;
        Some(DateTime::parse_from_rfc3339(time).ok()?.with_timezone(&Utc))
    });
    let alert = alert_of(labels, annotations, began.unwrap_or(now).min(now));
    let about = Subject::of(&alert);
    let mut incident = Incident::open(about.correlation_key(alert.name()), about.clone(), &alert, now);
    incident.take(&alert, &about, now, &mut Changed::default());
    incident
}

/// The incident of a question about a resource: nothing fires.
pub(super) fn of_resource(
    ask: &str,
    resource: &Map<String, Value>,
    clean: impl Fn(&str) -> String,
    now: DateTime<Utc>,
) -> Incident {
    let alert = alert_of(named(resource, &clean), Labels::new(), now);
    let about = Subject::of(&alert);
    let mut incident = Incident::open(about.correlation_key(""), about, &alert, now);
    incident.title = text::line(&clean(ask), MAX_TITLE_BYTES);
    incident
}

fn alert_of(labels: Labels, annotations: Labels, starts_at: DateTime<Utc>) -> Alert {
    Alert {
        fingerprint: "request".into(),
        status: AlertStatus::Firing,
        labels,
        annotations,
        starts_at,
        ends_at: None,
        generator_url: String::new(),
    }
}

/// The labels that an object's own fields make: `{"kind": "Deployment", "name": "web", "namespace": "shop"}`, or
/// `{"namespace": "shop", "pod": "web-0"}`.
fn named(object: &Map<String, Value>, clean: impl Fn(&str) -> String) -> Labels {
    let mut labels = Labels::new();
    let whole = Value::Object(object.clone());
    take(&mut labels, Some(&whole), MAX_LABEL_BYTES, &clean);
    let kind = ["kind", "subject_type", "type"].iter().find_map(|name| labels.remove(*name)).unwrap_or_default();
    if let Some(name) = labels.remove("name") {
        let label = match kind.to_ascii_lowercase().as_str() {
            "pod" => "pod",
            "deployment" => "deployment",
            "statefulset" => "statefulset",
            "daemonset" => "daemonset",
            "job" => "job_name",
            "cronjob" => "cronjob",
            "node" => "node",
            "service" => "service",
            "ingress" => "ingress",
            "namespace" => "namespace",
            "persistentvolumeclaim" | "pvc" => "persistentvolumeclaim",
            _ => "workload",
        };
        labels.entry(label.to_owned()).or_insert(name);
    }
    labels
}

/// Adds the texts and numbers of an object; what is nested is passed over.
fn take(labels: &mut Labels, from: Option<&Value>, max: usize, clean: impl Fn(&str) -> String) {
    for (name, value) in from.and_then(Value::as_object).into_iter().flatten() {
        let value = match value {
            Value::String(text) => clean(text),
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        let value = text::bounded(text::plain(&value).trim(), max).into_owned();
        if !value.is_empty() && (labels.len() < MAX_LABELS || ["alertname", "namespace"].contains(&name.as_str())) {
            labels.insert(text::line(name, MAX_LABEL_BYTES), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn subject(subject: Value, context: Value) -> String {
        let now = "2026-11-22T22:00:00Z".parse().unwrap();
        let (subject, context) = (subject.as_object().unwrap(), context.as_object().unwrap());
        let incident = of_alert("KubePodCrashLooping", "It crashes", subject, context, str::to_owned, now);
        format!("{} {} {}", incident.subject.kind.as_str(), incident.subject, incident.title)
    }

    #[test]
    fn subjects_in_the_spellings_in_use() {
        for (given, context, expected) in [
            (json!({"namespace": "shop", "pod": "web-7464b59bfd-6rjrg"}), json!({}), "Deployment shop/web"),
            (json!({"namespace": "shop", "name": "web", "kind": "Deployment"}), json!({}), "Deployment shop/web"),
            (
                json!({"name": "web", "subject_type": "statefulset", "namespace": "shop"}),
                json!({}),
                "StatefulSet shop/web",
            ),
            (json!({"namespace": "shop"}), json!({"labels": {"deployment": "web"}}), "Deployment shop/web"),
            (
                json!({}),
                json!({"alert": {"labels": {"namespace": "shop", "deployment": "web"}}}),
                "Deployment shop/web",
            ),
            (json!({"name": "n1", "kind": "node"}), json!({}), "Node n1"),
            (json!({"namespace": "shop"}), json!({}), "Namespace shop"),
            (json!({}), json!({}), "Alert KubePodCrashLooping"),
        ] {
            let found = subject(given.clone(), context);
            assert!(found.starts_with(expected), "{given}: {found}");
        }
        let named = subject(json!({"namespace": "shop"}), json!({"labels": {"alertname": "Other"}}));
        assert_eq!(named, "Namespace shop Other on shop");
    }
}
