//! What a change does to an object, as people read it: a unified diff without what the server writes, without the values
//! of environment variables, and redacted.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use similar::TextDiff;

use crate::domain::redact::Redactor;
use crate::domain::text;

/// Longest diff that is kept, in bytes: a message in a chat holds less.
const MAX_BYTES: usize = 12 * 1024;

/// Lines around a change.
const CONTEXT: usize = 3;

/// The difference between two states of an object; empty where nothing would change.
pub(super) fn between(before: &Value, after: &Value) -> String {
    let mut hidden = Hidden::default();
    let (before, after) = (shown(before, &mut hidden), shown(after, &mut hidden));
    let diff = TextDiff::from_lines(&before, &after).unified_diff().context_radius(CONTEXT).to_string();
    clean(&diff)
}

/// A patch or an object as YAML, to be read or to be committed.
pub(super) fn yaml(value: &Value) -> String {
    let mut value = value.clone();
    Hidden::default().apply(&mut value);
    clean(&text_of(&value))
}

fn clean(text: &str) -> String {
    text::bounded(&Redactor::new().redact(text), MAX_BYTES).into_owned()
}

/// The parts that somebody wanted: labels, annotations and spec.
fn shown(object: &Value, hidden: &mut Hidden) -> String {
    let mut annotations = object["metadata"]["annotations"].clone();
    if let Some(map) = annotations.as_object_mut() {
        map.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    let mut part = json!({"metadata": {"annotations": annotations, "labels": object["metadata"]["labels"]}, "spec": object["spec"]});
    hidden.apply(&mut part);
    text_of(&part)
}

fn text_of(value: &Value) -> String {
    serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string())
}

/// The values of variables by name, so that another value can be told from the same one without showing either.
#[derive(Default)]
struct Hidden(BTreeMap<String, Vec<String>>);

impl Hidden {
    fn apply(&mut self, value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(map) => {
                for (name, value) in map.iter_mut() {
                    match value {
                        Value::Array(variables) if name == "env" => {
                            variables.iter_mut().for_each(|variable| self.variable(variable));
                        }
                        value => self.apply(value),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn variable(&mut self, variable: &mut Value) {
        let Some(value) = variable["value"].as_str().map(str::to_owned) else { return };
        let name = variable["name"].as_str().unwrap_or_default().to_owned();
        let known = self.0.entry(name).or_default();
        let number = known.iter().position(|one| *one == value).unwrap_or_else(|| {
            known.push(value);
            known.len() - 1
        });
        variable["value"] = match number {
            0 => json!("(not shown)"),
            _ => json!("(not shown, another value)"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_see() {
        let object = |image: &str, secret: &str| {
            json!({"metadata": {"labels": {"app": "web"}, "resourceVersion": "1", "managedFields": []}, "status": {},
                "spec": {"containers": [{"name": "app", "image": image, "env": [
                    {"name": "LEVEL", "value": "info"}, {"name": "DSN", "value": secret}]}]}})
        };
        insta::assert_snapshot!(between(&object("web:1", "postgres://u:p@db"), &object("web:2", "postgres://u:q@db")), @r"
        @@ -5,9 +5,9 @@
         spec:
           containers:
           - name: app
        -    image: web:1
        +    image: web:2
             env:
             - name: LEVEL
               value: (not shown)
             - name: DSN
        -      value: (not shown)
        +      value: (not shown, another value)
        ");
        assert_eq!(between(&object("web:1", "a"), &object("web:1", "a")), "");
    }
}
