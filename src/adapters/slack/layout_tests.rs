//! What a message becomes.

use serde_json::{Value, json};

use super::*;
use crate::domain::evidence::EvidenceId;
use crate::domain::message::{ButtonStyle, Control, Picture};

fn message(tone: Tone, text: &str) -> Message {
    Message { tone, text: text.into(), picture: None, controls: Vec::new(), mentions: Vec::new() }
}

fn laid_out(message: &Message, mentions: &[String], file: Option<&str>) -> Vec<Value> {
    let parts = parts(message, Extras { incident: "i-3f9a1c07be", mentions, file });
    parts.iter().map(|part| serde_json::to_value(part).unwrap()).collect()
}

fn press() -> Control {
    Control::Button {
        label: "Acknowledge".into(),
        press: "acknowledge".into(),
        style: ButtonStyle::Default,
        confirm: None,
    }
}

#[test]
fn a_root_message_has_its_headline_above_the_bar() {
    let mut root =
        message(Tone::Critical, "**KubePodCrashLooping** on `shop/checkout`\nfiring since 12:00\n\n_looking_");
    root.controls.push(press());
    let parts = laid_out(&root, &["<!subteam^S0614TZR7>".to_owned()], None);
    let text = |text: &str| json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}});
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0]["blocks"], json!([text("<!subteam^S0614TZR7> *KubePodCrashLooping* on `shop/checkout`")]));
    assert_eq!(parts[0]["text"], "<!subteam^S0614TZR7> *KubePodCrashLooping* on `shop/checkout`");
    assert_eq!(parts[0]["attachments"][0]["color"], "#e01e5a");
    assert_eq!(parts[0]["attachments"][0]["blocks"][0], text("firing since 12:00\n\n_looking_"));
    assert_eq!(parts[0]["attachments"][0]["blocks"][1]["elements"][0]["value"], "acknowledge");
}

#[test]
fn a_plain_message_has_no_bar_and_an_edit_clears_one() {
    let parts = laid_out(&message(Tone::Plain, "looking"), &[], None);
    assert_eq!(parts[0]["attachments"], json!([]), "given, so that an edit takes an old one away");
    assert_eq!(laid_out(&message(Tone::Plain, ""), &[], None)[0]["blocks"][0]["text"]["text"], "–");
}

#[test]
fn a_picture_stands_below_the_text() {
    let mut evidence = message(Tone::Plain, "Memory");
    evidence.picture = Some(Picture { evidence: EvidenceId(1), title: "Memory".into(), alt: "rises".into() });
    let blocks = laid_out(&evidence, &[], Some("F0123"))[0]["blocks"].clone();
    assert_eq!(blocks[1]["slack_file"], json!({"id": "F0123"}));
    assert_eq!(blocks[1]["alt_text"], "rises");
    assert_eq!(laid_out(&evidence, &[], None)[0]["blocks"].as_array().unwrap().len(), 1);
}

#[test]
fn long_text_goes_on_and_nothing_is_cut_off() {
    let line = format!("{}\n", "word ".repeat(199).trim_end());
    let mut long = message(Tone::Warning, &format!("head\n{}", line.repeat(40)));
    long.controls.push(press());
    let parts = laid_out(&long, &[], None);
    assert!(parts.len() > 2, "{}", parts.len());
    let mut words = 0;
    for part in &parts {
        let blocks = part["blocks"].as_array().unwrap();
        let texts: Vec<&str> = blocks.iter().map(|block| block["text"]["text"].as_str().unwrap()).collect();
        assert!(blocks.len() <= BLOCKS && texts.iter().map(|text| units(text)).sum::<usize>() <= MESSAGE);
        words += texts.iter().map(|text| text.matches("word").count()).sum::<usize>();
    }
    assert_eq!(words, 40 * 199);
    assert!(parts[0]["attachments"][0]["blocks"][0]["elements"].is_array(), "the first bears the controls");
    assert_eq!(parts[1]["attachments"], json!([]));
}

#[test]
fn a_headline_without_end_is_no_headline() {
    for tone in [Tone::Plain, Tone::Critical] {
        let parts = laid_out(&message(tone, &"word ".repeat(40_000)), &[], None);
        let words = |part: &Value| -> usize {
            let blocks = part["blocks"].as_array().unwrap();
            assert!((1..=BLOCKS).contains(&blocks.len()));
            blocks.iter().map(|block| block["text"]["text"].as_str().unwrap().matches("word").count()).sum()
        };
        assert_eq!(parts.iter().map(words).sum::<usize>(), 40_000);
    }
}

#[test]
fn fifty_blocks_are_one_message_and_fifty_one_are_two() {
    let sections = |count: usize| (0..count).map(|at| format!("section {at}"));
    assert_eq!(pages(sections(BLOCKS), BLOCKS).len(), 1);
    assert_eq!(pages(sections(BLOCKS + 1), BLOCKS).len(), 2);
    assert_eq!(pages(sections(BLOCKS), BLOCKS - 1).len(), 2, "what stands below the text counts");
    let long = |length: usize| [length, MESSAGE - length, 1].map(|length| "x".repeat(length)).into_iter();
    assert_eq!(pages(long(2000).take(2), BLOCKS).len(), 1);
    assert_eq!(pages(long(2000), BLOCKS).len(), 2);
}
