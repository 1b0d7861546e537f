//! The rules of Block Kit and of messages, as the reference states them.

use serde_json::Value;

/// Checks blocks; `max` of them.
pub fn blocks(blocks: &Value, max: usize) -> Result<(), String> {
    let Some(blocks) = blocks.as_array() else { return Err("blocks must be an array".into()) };
    if blocks.len() > max {
        return Err(format!("no more than {max} items allowed [json-pointer:/blocks]"));
    }
    let mut ids = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        self::block(block).map_err(|error| format!("{error} [json-pointer:/blocks/{at}]"))?;
        if let Some(id) = block.get("block_id") {
            if ids.contains(&id) {
                return Err(format!("block_id {id} is used twice"));
            }
            ids.push(id);
        }
    }
    Ok(())
}

fn block(block: &Value) -> Result<(), String> {
    within(block.get("block_id"), 0, 255, "block_id")?;
    match block["type"].as_str() {
        Some("section") => {
            text(&block["text"], 1, 3000, None)?;
            known(block, &["type", "block_id", "text", "fields", "accessory", "expand"])
        }
        Some("image") => {
            text_string(&block["alt_text"], 1, 2000, "alt_text")?;
            if !block["title"].is_null() {
                text(&block["title"], 1, 2000, Some("plain_text"))?;
            }
            if block["slack_file"]["id"].as_str().is_none() && block["image_url"].as_str().is_none() {
                return Err("an image needs image_url or slack_file".into());
            }
            known(block, &["type", "block_id", "slack_file", "image_url", "alt_text", "title"])
        }
        Some("actions") => actions(block),
        Some("divider") => known(block, &["type", "block_id"]),
        Some("context") => match block["elements"].as_array() {
            Some(elements) if (1..=10).contains(&elements.len()) => Ok(()),
            _ => Err("a context has 1 to 10 elements".into()),
        },
        other => Err(format!("unsupported type: {other:?}")),
    }
}

fn actions(block: &Value) -> Result<(), String> {
    let elements = block["elements"].as_array().ok_or("missing elements")?;
    if !(1..=25).contains(&elements.len()) {
        return Err(format!("{} elements: an actions block has 1 to 25", elements.len()));
    }
    let mut ids = Vec::new();
    for element in elements {
        let id = element.get("action_id");
        within(id, 1, 255, "action_id")?;
        if id.is_some_and(|id| ids.contains(&id)) {
            return Err("action_id is used twice".into());
        }
        ids.extend(id);
        match element["type"].as_str() {
            Some("button") => {
                text(&element["text"], 1, 75, Some("plain_text"))?;
                within(element.get("value"), 0, 2000, "value")?;
                within(element.get("url"), 1, 3000, "url")?;
                if !matches!(element["style"].as_str(), None | Some("primary" | "danger")) {
                    return Err("style is primary or danger".into());
                }
                known(
                    element,
                    &["type", "action_id", "text", "value", "url", "style", "confirm", "accessibility_label"],
                )?;
            }
            Some("static_select") => {
                text(&element["placeholder"], 1, 150, Some("plain_text"))?;
                options(element)?;
            }
            other => return Err(format!("unsupported element: {other:?}")),
        }
        if let Some(confirm) = element.get("confirm") {
            text(&confirm["title"], 1, 100, Some("plain_text"))?;
            text(&confirm["text"], 1, 300, None)?;
            text(&confirm["confirm"], 1, 30, Some("plain_text"))?;
            text(&confirm["deny"], 1, 30, Some("plain_text"))?;
            if !matches!(confirm["style"].as_str(), None | Some("primary" | "danger")) {
                return Err("a confirmation's style is primary or danger".into());
            }
        }
    }
    Ok(())
}

/// A modal: its own parts, its blocks, and a button to send it where it asks something.
pub fn modal(view: &Value) -> Result<(), String> {
    if view["type"] != "modal" {
        return Err("view.type must be modal".into());
    }
    text(&view["title"], 1, 24, Some("plain_text"))?;
    for button in ["submit", "close"] {
        if !view[button].is_null() {
            text(&view[button], 1, 24, Some("plain_text"))?;
        }
    }
    within(view.get("private_metadata"), 0, 3000, "private_metadata")?;
    within(view.get("callback_id"), 1, 255, "callback_id")?;
    known(view, &["type", "callback_id", "title", "submit", "close", "private_metadata", "blocks", "notify_on_close"])?;
    let list = view["blocks"].as_array().ok_or("missing blocks")?;
    let (inputs, others): (Vec<&Value>, Vec<&Value>) = list.iter().partition(|block| block["type"] == "input");
    if list.is_empty() || list.len() > 100 {
        return Err("a modal has 1 to 100 blocks".into());
    }
    if !inputs.is_empty() && view["submit"].is_null() {
        return Err("a modal with inputs needs a submit".into());
    }
    blocks(&others.into_iter().cloned().collect(), 100)?;
    let mut ids = Vec::new();
    for block in inputs {
        input(block)?;
        if ids.contains(&&block["block_id"]) {
            return Err(format!("block_id {} is used twice", block["block_id"]));
        }
        ids.push(&block["block_id"]);
    }
    Ok(())
}

fn input(block: &Value) -> Result<(), String> {
    within(block.get("block_id"), 1, 255, "block_id")?;
    text(&block["label"], 1, 2000, Some("plain_text"))?;
    if !block["hint"].is_null() {
        text(&block["hint"], 1, 2000, Some("plain_text"))?;
    }
    known(block, &["type", "block_id", "label", "hint", "optional", "element", "dispatch_action"])?;
    let element = &block["element"];
    within(element.get("action_id"), 1, 255, "action_id")?;
    match element["type"].as_str() {
        Some("plain_text_input") => {
            within(element.get("initial_value"), 0, 3000, "initial_value")?;
            known(element, &["type", "action_id", "initial_value", "multiline", "placeholder", "max_length"])
        }
        Some("static_select") => {
            let options = options(element)?;
            if element.get("initial_option").is_some_and(|initial| !options.contains(initial)) {
                return Err("initial_option must be one of the options".into());
            }
            known(element, &["type", "action_id", "options", "initial_option", "placeholder"])
        }
        other => Err(format!("unsupported element: {other:?}")),
    }
}

fn options(menu: &Value) -> Result<&Vec<Value>, String> {
    let options = menu["options"].as_array().ok_or("missing options")?;
    if !(1..=100).contains(&options.len()) {
        return Err("a menu has 1 to 100 options".into());
    }
    for option in options {
        text(&option["text"], 1, 75, None)?;
        text_string(&option["value"], 1, 150, "value")?;
    }
    Ok(options)
}

/// A text object.
fn text(value: &Value, min: usize, max: usize, only: Option<&str>) -> Result<(), String> {
    let kind = value["type"].as_str().ok_or("missing text")?;
    if !["plain_text", "mrkdwn"].contains(&kind) || only.is_some_and(|only| only != kind) {
        return Err(format!("{kind} is not allowed here"));
    }
    match kind {
        "mrkdwn" => known(value, &["type", "text", "verbatim"])?,
        _ => known(value, &["type", "text", "emoji"])?,
    }
    text_string(&value["text"], min, max, "text")
}

fn text_string(value: &Value, min: usize, max: usize, name: &str) -> Result<(), String> {
    let text = value.as_str().ok_or_else(|| format!("missing {name}"))?;
    let length = text.encode_utf16().count();
    if length < min {
        return Err(format!("must be more than {} characters: {name}", min.saturating_sub(1)));
    }
    if length > max {
        return Err(format!("must be less than {} characters: {name}", max + 1));
    }
    Ok(())
}

fn within(value: Option<&Value>, min: usize, max: usize, name: &str) -> Result<(), String> {
    value.map_or(Ok(()), |value| text_string(value, min, max, name))
}

fn known(value: &Value, names: &[&str]) -> Result<(), String> {
    let unknown = value.as_object().and_then(|object| object.keys().find(|key| !names.contains(&key.as_str())));
    unknown.map_or(Ok(()), |name| Err(format!("invalid additional property: {name}")))
}

/// Every block of a message, those beside a bar too.
pub fn all_blocks<'a>(blocks: &'a Value, attachments: &'a Value) -> impl Iterator<Item = &'a Value> {
    let beside = attachments.as_array().into_iter().flatten().flat_map(|attachment| attachment["blocks"].as_array());
    blocks.as_array().into_iter().chain(beside).flatten()
}

#[test]
fn the_rules_hold_at_the_limit_and_refuse_one_past_it() {
    use serde_json::json;
    let section = |length: usize| json!([{"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(length)}}]);
    assert!(blocks(&section(3000), 50).is_ok());
    assert!(blocks(&section(3001), 50).is_err() && blocks(&section(0), 50).is_err());
    let many = |count: usize| Value::Array(vec![json!({"type": "divider"}); count]);
    assert!(blocks(&many(50), 50).is_ok() && blocks(&many(51), 50).is_err());
    let button = |label: usize, value: usize| {
        json!([{"type": "actions", "elements": [{"type": "button", "action_id": "a", "value": "v".repeat(value),
            "text": {"type": "plain_text", "text": "x".repeat(label)}}]}])
    };
    assert!(blocks(&button(75, 2000), 50).is_ok());
    assert!(blocks(&button(76, 1), 50).is_err() && blocks(&button(1, 2001), 50).is_err());
    assert!(blocks(&json!([{"type": "section", "text": {"type": "markdown", "text": "x"}}]), 50).is_err());
}
