//! Modals: opened with a trigger that is good once and for three seconds, filled in, sent.

use std::time::{Duration, Instant};

use axum::response::Response;
use serde_json::{Map, Value, json};

use super::answers::{error, explained, good};
use super::workspace::Workspace;
use super::{FakeSlack, rules};

/// How long a trigger is good.
const GOOD_FOR: Duration = Duration::from_secs(3);

/// Something a person did that a modal may answer.
#[derive(Debug, Clone)]
pub struct Trigger {
    pub id: String,
    pub user: String,
    pub since: Instant,
    pub used: bool,
}

/// A modal that somebody sees.
#[derive(Debug, Clone)]
pub struct View {
    pub id: String,
    pub user: String,
    pub view: Value,
}

pub fn open(workspace: &mut Workspace, arguments: &Map<String, Value>) -> Response {
    let id = arguments.get("trigger_id").and_then(Value::as_str).unwrap_or_default();
    let Some(trigger) = workspace.triggers.iter_mut().find(|trigger| trigger.id == id) else {
        return error("invalid_trigger_id");
    };
    if trigger.used {
        return error("exchanged_trigger_id");
    }
    if trigger.since.elapsed() > GOOD_FOR {
        return error("expired_trigger_id");
    }
    let view = arguments.get("view").cloned().unwrap_or(Value::Null);
    if let Err(why) = rules::modal(&view) {
        return explained("invalid_arguments", &why);
    }
    trigger.used = true;
    let user = trigger.user.clone();
    let id = format!("V{:08}", workspace.views.len() + 1);
    workspace.views.push(View { id: id.clone(), user, view: view.clone() });
    let mut shown = view;
    shown["id"] = json!(id);
    good(json!({ "view": shown }))
}

impl View {
    /// What Slack sends when its person fills these fields in and sends it; others keep what they open with.
    pub fn submission(&self, fields: &[(&str, &str)]) -> Value {
        let mut values = Map::new();
        for block in self.view["blocks"].as_array().unwrap().iter().filter(|block| block["type"] == "input") {
            let name = block["block_id"].as_str().unwrap();
            let element = &block["element"];
            let typed = fields.iter().find(|(field, _)| *field == name).map(|(_, value)| *value);
            let filled = match element["type"].as_str().unwrap() {
                "plain_text_input" => {
                    let value = typed.or(element["initial_value"].as_str()).filter(|value| !value.is_empty());
                    assert!(
                        value.is_some() || block["optional"] == true,
                        "Slack's client does not send without {name}"
                    );
                    json!({ "type": "plain_text_input", "value": value })
                }
                _ => {
                    let options = element["options"].as_array().unwrap();
                    let chosen = match typed {
                        Some(typed) => options.iter().find(|option| option["value"] == typed).cloned(),
                        None => element.get("initial_option").cloned(),
                    };
                    assert!(chosen.is_some(), "nothing like that to choose in {name}: {typed:?} of {options:?}");
                    json!({ "type": "static_select", "selected_option": chosen })
                }
            };
            values.insert(name.to_owned(), json!({ element["action_id"].as_str().unwrap(): filled }));
        }
        for (field, _) in fields {
            assert!(values.contains_key(*field), "no field {field}");
        }
        let mut view = self.view.clone();
        view["id"] = json!(self.id);
        view["state"] = json!({ "values": values });
        json!({
            "type": "view_submission", "team": {"id": "T1", "domain": "ops"}, "api_app_id": "A1", "token": "x",
            "user": {"id": self.user, "username": self.user.to_lowercase(), "name": self.user.to_lowercase(), "team_id": "T1"},
            "trigger_id": "9.9.9", "view": view, "response_urls": [], "is_enterprise_install": false,
        })
    }

    /// What Slack does with an answer: whether the modal stays open, with what beside which field.
    pub fn errors(&self, answer: &Value) -> Vec<(String, String)> {
        if answer.is_null() {
            return Vec::new();
        }
        assert_eq!(answer["response_action"], "errors", "{answer}");
        let errors = answer["errors"].as_object().unwrap();
        assert!(!errors.is_empty());
        let blocks = self.view["blocks"].as_array().unwrap();
        for name in errors.keys() {
            assert!(
                blocks.iter().any(|block| block["type"] == "input" && block["block_id"] == name.as_str()),
                "an error beside no field: {name}"
            );
        }
        errors.iter().map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned())).collect()
    }
}

impl FakeSlack {
    /// A trigger of something that a person did now.
    pub fn trigger(&self, user: &str) -> String {
        let mut workspace = self.workspace();
        let id = format!("{}.47445629121.803a0bc8", workspace.triggers.len() + 1);
        let trigger = Trigger { id: id.clone(), user: user.to_owned(), since: Instant::now(), used: false };
        workspace.triggers.push(trigger);
        id
    }

    /// The modal that somebody sees.
    pub fn view(&self, user: &str) -> Option<View> {
        self.workspace().views.iter().rev().find(|view| view.user == user).cloned()
    }
}
