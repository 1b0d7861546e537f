//! A [`Message`] as posts of Mattermost: Markdown, an attachment for colour and controls, and further posts for what is
//! longer than one.

use serde_json::{Value, json};

use super::text;
use crate::domain::message::{ButtonStyle, Confirm, Control, Message, Tone};
use crate::domain::text as plain;

/// Longest body that stands in the attachment, beside the colour: Mattermost folds longer ones behind "Show more".
const MAX_ASIDE_CHARS: usize = 1_500;
/// The same in lines.
const MAX_ASIDE_LINES: usize = 14;
/// Longest label of a button, in bytes.
const MAX_LABEL_BYTES: usize = 80;

/// One post.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// Its Markdown.
    pub message: String,
    /// Its attachments; empty for all but the first part.
    pub attachments: Vec<Value>,
}

/// The posts that a message becomes; the first bears its controls. `grant` gives what a control with these presses carries
/// as its integration.
pub(super) fn parts(
    message: &Message,
    is_root: bool,
    grant: &mut dyn FnMut(&[String], Option<&Confirm>) -> Value,
) -> Vec<Part> {
    let said = text::inert(message.text.trim());
    let (head, aside) = aside(&said, message.tone);
    let mut pieces = text::pieces(head).into_iter();
    let mut first = pieces.next().unwrap_or_default();
    if is_root && let Some(calls) = calls(&message.mentions) {
        first = format!("{first}\n{calls}");
    }
    let (actions, links) = controls(&message.controls, grant);
    let mut attachments = Vec::new();
    if !actions.is_empty() || aside.is_some() {
        let text = [aside.unwrap_or_default(), &links].map(str::trim).join("\n\n");
        let mut attachment = json!({ "fallback": fallback(&said), "text": text.trim() });
        if let Some(color) = color(message.tone) {
            attachment["color"] = color.into();
        }
        if !actions.is_empty() {
            attachment["actions"] = actions.into();
        }
        attachments.push(attachment);
    } else if !links.is_empty() {
        first = format!("{first}\n\n{links}");
    }
    let mut parts = vec![Part { message: first, attachments }];
    parts.extend(pieces.map(|message| Part { message, attachments: Vec::new() }));
    parts
}

/// The line that stands in the post, and what stands beside the colour. Notifications and the search read the post, so the
/// first line is always there; everything is, where there is no colour or much to read.
fn aside(said: &str, tone: Tone) -> (&str, Option<&str>) {
    let Some((head, body)) = said.split_once('\n').filter(|_| tone != Tone::Plain) else { return (said, None) };
    let body = body.trim();
    let is_short = body.chars().count() <= MAX_ASIDE_CHARS && body.lines().count() <= MAX_ASIDE_LINES;
    if head.starts_with("```") || body.is_empty() || !is_short { (said, None) } else { (head, Some(body)) }
}

/// A line that calls the people that the routes name.
fn calls(mentions: &[String]) -> Option<String> {
    let names = mentions.iter().map(|mention| mention.trim().trim_start_matches('@')).filter(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    });
    let calls: Vec<String> = names.map(|name| format!("@{name}")).collect();
    (!calls.is_empty()).then(|| calls.join(" "))
}

fn controls(controls: &[Control], grant: &mut dyn FnMut(&[String], Option<&Confirm>) -> Value) -> (Vec<Value>, String) {
    let mut actions = Vec::new();
    let mut links = Vec::new();
    for (index, control) in controls.iter().enumerate() {
        match control {
            Control::Button { label, press, style, confirm } => actions.push(json!({
                "id": id(index, press),
                "name": name(label, press),
                "type": "button",
                "style": match style {
                    ButtonStyle::Default => "default",
                    ButtonStyle::Primary => "primary",
                    ButtonStyle::Danger => "danger",
                },
                "integration": grant(std::slice::from_ref(press), confirm.as_ref()),
            })),
            Control::Menu { label, options } => {
                let presses: Vec<String> = options.iter().map(|(_, press)| press.clone()).collect();
                let Some(first) = presses.first() else { continue };
                actions.push(json!({
                    "id": id(index, first),
                    "name": name(label, first),
                    "type": "select",
                    "options": options
                        .iter()
                        .map(|(label, press)| json!({ "text": name(label, press), "value": press }))
                        .collect::<Vec<_>>(),
                    "integration": grant(&presses, None),
                }));
            }
            Control::Link { label, url } => {
                let url = url.replace(' ', "%20").replace('(', "%28").replace(')', "%29");
                links.push(format!("[{}]({url})", text::literal(label)));
            }
        }
    }
    (actions, links.join(" · "))
}

/// Letters and digits only: Mattermost finds no action of another name.
fn id(index: usize, press: &str) -> String {
    let verb: String = press.chars().take_while(char::is_ascii_alphanumeric).collect();
    format!("{verb}{index}")
}

/// An action without a name is refused.
fn name(label: &str, press: &str) -> String {
    let label = plain::line(label, MAX_LABEL_BYTES);
    if label.is_empty() { plain::line(press, MAX_LABEL_BYTES) } else { label }
}

/// What a notification shows.
fn fallback(said: &str) -> String {
    plain::line(said.lines().next().unwrap_or_default(), 200)
}

/// The colours of Mattermost's own themes.
fn color(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some("#3DB887"),
        Tone::Warning => Some("#FFBC1F"),
        Tone::Critical => Some("#D24B4E"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::press::Press;

    fn written(message: &Message) -> Vec<Part> {
        parts(message, true, &mut |presses, _| json!({ "presses": presses }))
    }

    fn message(tone: Tone, text: &str, controls: Vec<Control>) -> Message {
        Message { tone, text: text.into(), picture: None, controls, mentions: vec!["@oncall".into(), "x y".into()] }
    }

    #[test]
    fn a_root_with_colour_and_controls() {
        let controls = vec![
            Control::button("Acknowledge".into(), &Press::Acknowledge, ButtonStyle::Primary),
            Control::Menu {
                label: "Silence".into(),
                options: vec![("1 hour".into(), "silence 60".into()), ("1 day".into(), "silence 1440".into())],
            },
            Control::Link { label: "Console".into(), url: "https://holmes.example/incidents/i-1".into() },
        ];
        let parts = written(&message(Tone::Critical, "**Crash loop** of web\ncritical · since 10:00", controls));
        insta::assert_snapshot!(parts[0].message, @r"
        **Crash loop** of web
        @oncall
        ");
        insta::assert_json_snapshot!(parts[0].attachments, @r##"
        [
          {
            "fallback": "**Crash loop** of web",
            "text": "critical · since 10:00\n\n[Console](https://holmes.example/incidents/i-1)",
            "color": "#D24B4E",
            "actions": [
              {
                "id": "acknowledge0",
                "name": "Acknowledge",
                "type": "button",
                "style": "primary",
                "integration": {
                  "presses": [
                    "acknowledge"
                  ]
                }
              },
              {
                "id": "silence1",
                "name": "Silence",
                "type": "select",
                "options": [
                  {
                    "text": "1 hour",
                    "value": "silence 60"
                  },
                  {
                    "text": "1 day",
                    "value": "silence 1440"
                  }
                ],
                "integration": {
                  "presses": [
                    "silence 60",
                    "silence 1440"
                  ]
                }
              }
            ]
          }
        ]
        "##);
    }

    #[test]
    fn what_is_long_stands_in_posts_and_goes_on() {
        let long = format!("**Report**\n{}", "a finding of some length [E1]\n".repeat(1_200));
        let parts = written(&message(Tone::Warning, &long, Vec::new()));
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.message.chars().count() <= text::MAX_POST_CHARS));
        assert!(parts.iter().all(|part| part.attachments.is_empty()), "no colour beside nothing");
        let plain = written(&message(Tone::Plain, "a\nb", Vec::new()));
        assert_eq!(plain[0].message, "a\nb\n@oncall");
    }
}
