//! Label selectors: as a query, and applied here.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

/// Labels of an object or a plain selector.
pub(super) type Labels = BTreeMap<String, String>;

/// The selector as the API takes it: `app=web,tier in (a,b),!canary`. `None` for one that selects everything: a list of
/// the whole namespace is never what was meant.
pub(super) fn query(selector: &LabelSelector) -> Option<String> {
    let mut parts: Vec<String> = selector.match_labels.iter().flatten().map(|(k, v)| format!("{k}={v}")).collect();
    for rule in selector.match_expressions.iter().flatten() {
        let values = rule.values.as_deref().unwrap_or_default().join(",");
        parts.push(match rule.operator.as_str() {
            "In" => format!("{} in ({values})", rule.key),
            "NotIn" => format!("{} notin ({values})", rule.key),
            "Exists" => rule.key.clone(),
            "DoesNotExist" => format!("!{}", rule.key),
            _ => continue,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// A Service's selector as a query.
pub(super) fn equality(selector: &Labels) -> Option<String> {
    (!selector.is_empty()).then(|| selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(","))
}

/// Whether a Service with this selector takes pods with these labels. An empty selector takes none: the Service's
/// endpoints are then somebody else's business.
pub(super) fn takes(selector: Option<&Labels>, labels: Option<&Labels>) -> bool {
    match (selector, labels) {
        (Some(selector), Some(labels)) => {
            !selector.is_empty() && selector.iter().all(|(key, value)| labels.get(key) == Some(value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_as_the_api_takes_them() {
        for (selector, expected) in [
            (json!({"matchLabels": {"app": "web", "tier": "front"}}), Some("app=web,tier=front")),
            (
                json!({"matchExpressions": [
                    {"key": "app", "operator": "In", "values": ["a", "b"]},
                    {"key": "canary", "operator": "DoesNotExist"},
                ]}),
                Some("app in (a,b),!canary"),
            ),
            (json!({}), None),
        ] {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            assert_eq!(query(&selector).as_deref(), expected);
        }
    }
}
