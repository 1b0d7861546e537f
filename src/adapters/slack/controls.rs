//! Controls as actions blocks: buttons, menus and links, each with what it means in its value.
//!
//! A block's id is `holmes:` and the incident's id, so that a press says whose it is, and a digest of the block, because
//! Slack remembers choices by block id and an edited message shall begin anew.

use reqwest::Url;
use sha2::{Digest as _, Sha256};
use slack_morphism::SlackActionId;
use slack_morphism::blocks::{
    SlackActionBlockElement, SlackActionsBlock, SlackBlock, SlackBlockButtonElement, SlackBlockButtonStyle,
    SlackBlockChoiceItem, SlackBlockConfirmItem, SlackBlockId, SlackBlockPlainText, SlackBlockPlainTextOnly,
    SlackBlockStaticSelectElement, SlackBlockText,
};

use super::limits::{
    CONFIRM_BUTTON, CONFIRM_TEXT, CONFIRM_TITLE, ELEMENTS, LABEL, OPTION_VALUE, OPTIONS, PLACEHOLDER, URL, VALUE, fit,
    units,
};
use crate::domain::incident::{IncidentId, hex};
use crate::domain::message::{ButtonStyle, Confirm, Control};

/// What a block id of ours begins with.
const OURS: &str = "holmes:";

/// Blocks for controls; a control that Slack would refuse (an address of 3,001 characters) is left out, rather than the
/// message with it.
pub fn blocks(controls: &[Control], incident: &str) -> Vec<SlackBlock> {
    let mut names = Vec::new();
    let elements: Vec<SlackActionBlockElement> =
        controls.iter().flat_map(|control| elements(control, &mut names)).collect();
    let chunks = elements.chunks(ELEMENTS).enumerate();
    chunks
        .map(|(at, elements)| {
            let written = serde_json::to_string(elements).unwrap_or_default();
            let digest = hex(&Sha256::digest(format!("{at} {written}"))[..4]);
            let id = SlackBlockId(format!("{OURS}{incident}:{digest}"));
            SlackActionsBlock { block_id: Some(id), elements: elements.to_vec() }.into()
        })
        .collect()
}

/// The incident that a block id of ours speaks of. Ids come back from Slack as they were sent, but other servers speak
/// this API, too: only the form of an id passes.
pub fn incident_of(block_id: &str) -> Option<IncidentId> {
    let id = block_id.strip_prefix(OURS)?.split(':').next()?;
    let digits = id.strip_prefix("i-")?;
    let proper = (4..=64).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    proper.then(|| IncidentId(id.to_owned()))
}

/// What a control's value says, in the name that people's presses are counted by: `approve p-… …` → `approve`.
fn name(written: &str, names: &mut Vec<String>) -> SlackActionId {
    let verb = written.split(' ').next().unwrap_or_default();
    let same = names.iter().filter(|name| *name == verb).count();
    names.push(verb.to_owned());
    // Unique within its message.
    SlackActionId(if same == 0 { verb.to_owned() } else { format!("{verb}.{}", same + 1) })
}

fn elements(control: &Control, names: &mut Vec<String>) -> Vec<SlackActionBlockElement> {
    match control {
        Control::Button { label, press, style, confirm } => {
            if units(press) > VALUE {
                return Vec::new();
            }
            let button = SlackBlockButtonElement::new(plain(label, LABEL))
                .with_action_id(name(press, names))
                .with_value(press.clone())
                .opt_style(look(*style))
                .opt_confirm(confirm.as_ref().map(|confirm| question(confirm, *style)));
            vec![button.into()]
        }
        Control::Menu { label, options } => menu(label, options, names),
        Control::Link { label, url } => {
            let Some(url) = Url::parse(url).ok().filter(|parsed| units(parsed.as_str()) <= URL) else {
                return Vec::new();
            };
            let button =
                SlackBlockButtonElement::new(plain(label, LABEL)).with_action_id(name("link", names)).with_url(url);
            vec![button.into()]
        }
    }
}

/// A menu, or buttons where a choice is too long for a menu's value.
fn menu(label: &str, options: &[(String, String)], names: &mut Vec<String>) -> Vec<SlackActionBlockElement> {
    let (short, long): (Vec<_>, Vec<_>) = options.iter().partition(|(_, press)| units(press) <= OPTION_VALUE);
    let mut elements = Vec::new();
    for chunk in short.chunks(OPTIONS) {
        let choice = |(label, press): &&(String, String)| SlackBlockChoiceItem::new(plain(label, LABEL), press.clone());
        let name = name(chunk.first().map_or("menu", |(_, press)| press), names);
        let menu = SlackBlockStaticSelectElement::new()
            .with_action_id(name)
            .with_placeholder(plain(label, PLACEHOLDER))
            .with_options(chunk.iter().map(choice).collect());
        elements.push(menu.into());
    }
    for (label, press) in long {
        let button =
            Control::Button { label: label.clone(), press: press.clone(), style: ButtonStyle::Default, confirm: None };
        elements.extend(self::elements(&button, names));
    }
    elements
}

fn question(confirm: &Confirm, style: ButtonStyle) -> SlackBlockConfirmItem {
    let text = SlackBlockText::Plain(SlackBlockPlainText::new(words(&confirm.text, CONFIRM_TEXT)));
    let (yes, no) = (plain(&confirm.yes, CONFIRM_BUTTON), plain(&confirm.no, CONFIRM_BUTTON));
    let item = SlackBlockConfirmItem::new(plain(&confirm.title, CONFIRM_TITLE), text, yes, no);
    item.opt_style(match style {
        ButtonStyle::Default => None,
        ButtonStyle::Primary => Some("primary".to_owned()),
        ButtonStyle::Danger => Some("danger".to_owned()),
    })
}

fn look(style: ButtonStyle) -> Option<SlackBlockButtonStyle> {
    match style {
        ButtonStyle::Default => None,
        ButtonStyle::Primary => Some(SlackBlockButtonStyle::Primary),
        ButtonStyle::Danger => Some(SlackBlockButtonStyle::Danger),
    }
}

/// Plain text as Slack takes it: nothing in it formats, and it is never empty.
pub fn plain(text: &str, max: usize) -> SlackBlockPlainTextOnly {
    SlackBlockPlainText::new(words(text, max)).with_emoji(false).into()
}

fn words(text: &str, max: usize) -> String {
    let text = text.trim();
    fit(if text.is_empty() { "–" } else { text }, max)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn as_json(controls: &[Control]) -> Vec<Value> {
        blocks(controls, "i-3f9a1c07be").iter().map(|block| serde_json::to_value(block).unwrap()).collect()
    }

    fn button(label: &str, press: &str) -> Control {
        Control::Button { label: label.into(), press: press.into(), style: ButtonStyle::Default, confirm: None }
    }

    #[test]
    fn controls_are_elements() {
        let confirm =
            Confirm { title: "Restart?".into(), text: "x".repeat(301), yes: "Approve".into(), no: "No".into() };
        let approve = Control::Button {
            label: "Approve".into(),
            press: "approve p-1a 0f".into(),
            style: ButtonStyle::Primary,
            confirm: Some(confirm),
        };
        let menu = Control::Menu {
            label: "Silence".into(),
            options: vec![("1 h".into(), "silence 60".into()), ("2 h".into(), "silence 120".into())],
        };
        let link = Control::Link { label: "Grafana".into(), url: "https://g.example/?a=1".into() };
        let blocks = as_json(&[approve, menu, link, button("Again", "silence 5")]);
        assert_eq!(blocks.len(), 1);
        let elements = &blocks[0]["elements"];
        assert_eq!(
            elements[0],
            json!({"type": "button", "action_id": "approve", "value": "approve p-1a 0f", "style": "primary",
                "text": {"type": "plain_text", "text": "Approve", "emoji": false},
                "confirm": {"title": {"type": "plain_text", "text": "Restart?", "emoji": false},
                    "text": {"type": "plain_text", "text": format!("{}…", "x".repeat(299))},
                    "confirm": {"type": "plain_text", "text": "Approve", "emoji": false},
                    "deny": {"type": "plain_text", "text": "No", "emoji": false}, "style": "primary"}})
        );
        assert_eq!(elements[1]["options"][1]["value"], "silence 120");
        assert_eq!(elements[2]["url"], "https://g.example/?a=1");
        assert_eq!(elements[3]["action_id"], "silence.2", "names are unique");
        assert_eq!(incident_of(blocks[0]["block_id"].as_str().unwrap()), Some(IncidentId("i-3f9a1c07be".into())));
    }

    #[test]
    fn limits_are_kept_at_the_limit_and_one_past_it() {
        let many = |count: usize| (0..count).map(|at| button("x", &format!("silence {at}"))).collect::<Vec<_>>();
        assert_eq!(as_json(&many(ELEMENTS)).len(), 1);
        assert_eq!(as_json(&many(ELEMENTS + 1)).len(), 2);
        let label =
            |length: usize| as_json(&[button(&"x".repeat(length), "p")])[0]["elements"][0]["text"]["text"].clone();
        assert_eq!(label(LABEL), "x".repeat(LABEL));
        assert_eq!(label(LABEL + 1), format!("{}…", "x".repeat(LABEL - 1)));
        let value = |length: usize| as_json(&[button("x", &"p".repeat(length))]).len();
        assert_eq!((value(VALUE), value(VALUE + 1)), (1, 0));
        let link = |length: usize| {
            let url = format!("https://g.example/{}", "x".repeat(length - "https://g.example/".len()));
            as_json(&[Control::Link { label: "x".into(), url }]).len()
        };
        assert_eq!((link(URL), link(URL + 1)), (1, 0));
        let option = |length: usize| {
            let menu = Control::Menu { label: "x".into(), options: vec![("x".into(), "p".repeat(length))] };
            as_json(&[menu])[0]["elements"][0]["type"].clone()
        };
        assert_eq!((option(OPTION_VALUE), option(OPTION_VALUE + 1)), (json!("static_select"), json!("button")));
    }

    #[test]
    fn only_what_is_an_incident_passes() {
        for (id, known) in [
            ("holmes:i-3f9a1c07be", true),
            ("holmes:i-3f9a1c07be:0a1b2c3d", true),
            ("holmes:", false),
            ("holmes:i-", false),
            ("holmes:i-3f9a1c07bz", false),
            ("holmes:p-3f9a1c07be", false),
            ("i-3f9a1c07be", false),
            ("command_block", false),
        ] {
            assert_eq!(incident_of(id).is_some(), known, "{id}");
        }
    }
}
