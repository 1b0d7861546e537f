//! A thread as a page that looks like Slack, for people to look at.

use base64::Engine as _;
use serde_json::Value;

use super::workspace::{Message, Workspace};

const STYLE: &str = "
body { font: 15px/1.46 Lato, 'Noto Sans', 'DejaVu Sans', sans-serif; color: #1d1c1d; background: #fff; margin: 0; padding: 16px; width: 760px; }
.message { display: flex; padding: 8px 0; } .face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #4a154b; color: #fff; font-weight: 700; text-align: center; line-height: 36px; margin-right: 10px; }
.person .face { background: #2eb67d; } .who { font-weight: 900; } .app { background: #e8e8e8; color: #616061; font-size: 10px; font-weight: 700; padding: 1px 3px; border-radius: 2px; margin: 0 4px; } .at { color: #616061; font-size: 12px; }
.body { min-width: 0; flex: 1; } .section { white-space: pre-wrap; overflow-wrap: anywhere; margin: 4px 0; }
.bar { border-left: 4px solid #ddd; border-radius: 4px; padding-left: 12px; margin: 4px 0; }
code { font: 12px/1.5 Menlo, 'DejaVu Sans Mono', monospace; color: #c01343; background: #f8f8f8; border: 1px solid #ddd; border-radius: 3px; padding: 1px 3px; }
pre { font: 12px/1.5 Menlo, 'DejaVu Sans Mono', monospace; background: #f8f8f8; border: 1px solid #ddd; border-radius: 4px; padding: 8px; margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.mention { color: #1264a3; background: #e8f5fa; border-radius: 3px; padding: 0 2px; } a { color: #1264a3; text-decoration: none; } blockquote { border-left: 4px solid #ddd; margin: 0; padding-left: 12px; }
.actions { margin: 8px 0; } .button { display: inline-block; border: 1px solid #bbbabb; border-radius: 4px; padding: 4px 12px; margin: 0 8px 8px 0; font-weight: 700; font-size: 13px; } .primary { background: #007a5a; color: #fff; border-color: #007a5a; } .danger { background: #e01e5a; color: #fff; border-color: #e01e5a; } .menu { font-weight: 400; }
img { max-width: 100%; border: 1px solid #ddd; border-radius: 8px; } .title { font-size: 13px; color: #616061; }
.replies { color: #616061; font-size: 13px; border-top: 1px solid #ddd; margin: 8px 0; padding-top: 4px; } .only { color: #616061; font-size: 12px; background: #fef9e7; }
";

/// The thread that begins with `root`.
pub fn of(workspace: &Workspace, channel: &str, root: &str) -> String {
    let belongs = |message: &&Message| {
        message.channel == channel
            && !message.deleted
            && (message.ts == root || message.thread.as_deref() == Some(root))
    };
    let messages: Vec<&Message> = workspace.messages.iter().filter(belongs).collect();
    let mut out = format!("<!DOCTYPE html><meta charset=\"utf-8\"><title>Thread</title><style>{STYLE}</style>\n");
    for (at, message) in messages.iter().enumerate() {
        if at == 1 {
            out += &format!("<div class=\"replies\">{} replies</div>\n", messages.len() - 1);
        }
        out += &one(workspace, message);
    }
    out
}

fn one(workspace: &Workspace, message: &Message) -> String {
    let is_bot = message.user == super::BOT;
    let name = if is_bot { "Holmes" } else { message.user.trim_start_matches("U0") };
    let app = if is_bot { "<span class=\"app\">APP</span>" } else { "" };
    let only = message
        .only_to
        .as_ref()
        .map_or(String::new(), |who| format!("<div class=\"only\">Only visible to {}</div>", escape(who)));
    let mut body = String::new();
    let blank = |list: &Value| list.as_array().is_none_or(Vec::is_empty);
    if blank(&message.blocks) && blank(&message.attachments) {
        body += &format!("<div class=\"section\">{}</div>", mrkdwn(&message.text));
    }
    body += &blocks(workspace, &message.blocks);
    for attachment in message.attachments.as_array().into_iter().flatten() {
        let colour = attachment["color"].as_str().unwrap_or("#ddd");
        body += &format!(
            "<div class=\"bar\" style=\"border-color:{colour}\">{}</div>",
            blocks(workspace, &attachment["blocks"])
        );
    }
    if let Some(file) = &message.file {
        body += &picture(workspace, file, "");
    }
    let face = name.chars().next().unwrap_or('?');
    let class = if is_bot { "message" } else { "message person" };
    format!(
        "<div class=\"{class}\"><div class=\"face\">{face}</div><div class=\"body\">{only}<span class=\"who\">{}</span>{app} <span class=\"at\">12:00</span>{body}</div></div>\n",
        escape(name)
    )
}

fn blocks(workspace: &Workspace, blocks: &Value) -> String {
    let mut out = String::new();
    for block in blocks.as_array().into_iter().flatten() {
        match block["type"].as_str() {
            Some("section") => {
                let text = block["text"]["text"].as_str().unwrap_or_default();
                out += &format!("<div class=\"section\">{}</div>", mrkdwn(text));
            }
            Some("image") => {
                let title = block["title"]["text"].as_str().unwrap_or_default();
                out += &picture(workspace, block["slack_file"]["id"].as_str().unwrap_or_default(), title);
            }
            Some("actions") => {
                let elements = block["elements"].as_array().into_iter().flatten().map(|element| {
                    let style = element["style"].as_str().unwrap_or_default();
                    match element["type"].as_str() {
                        Some("static_select") => {
                            let text = element["placeholder"]["text"].as_str().unwrap_or_default();
                            format!("<span class=\"button menu\">{} ⌄</span>", escape(text))
                        }
                        _ => {
                            let text = element["text"]["text"].as_str().unwrap_or_default();
                            format!("<span class=\"button {style}\">{}</span>", escape(text))
                        }
                    }
                });
                out += &format!("<div class=\"actions\">{}</div>", elements.collect::<String>());
            }
            _ => {}
        }
    }
    out
}

fn picture(workspace: &Workspace, file: &str, title: &str) -> String {
    let Some(bytes) = workspace.files.get(file).and_then(|file| file.bytes.as_ref()) else { return String::new() };
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("<div class=\"title\">{}</div><img src=\"data:image/png;base64,{data}\">", escape(title))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// mrkdwn, whose own escapes are HTML's.
fn mrkdwn(text: &str) -> String {
    let mut out = String::new();
    for (at, part) in text.split("```").enumerate() {
        if at % 2 == 1 {
            out += &format!("<pre>{}</pre>", part.trim_matches('\n'));
        } else {
            for (at, part) in part.trim_matches('\n').split('`').enumerate() {
                out += &if at % 2 == 1 { format!("<code>{part}</code>") } else { formatted(&linked(part)) };
            }
        }
    }
    out
}

/// `<url|text>`, `<@U1>`, `<!here>`.
fn linked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        out += before;
        let Some((inside, tail)) = after.split_once('>') else { break };
        let (target, label) = inside.split_once('|').unwrap_or((inside, inside));
        match target.chars().next() {
            Some('@' | '!' | '#') => {
                let name = label.trim_start_matches(['@', '!', '#']).trim_start_matches("subteam^");
                out += &format!("<span class=\"mention\">@{name}</span>");
            }
            _ => out += &format!("<a href=\"{target}\">{label}</a>"),
        }
        rest = tail;
    }
    out + rest
}

/// `*bold*`, `_italic_`, `~struck~`, quotes.
fn formatted(text: &str) -> String {
    let mut out = text.to_owned();
    for (mark, tag) in [('*', "b"), ('_', "i"), ('~', "s")] {
        let pattern = format!(r"(^|[\s(>]){0}([^{0}\n]+){0}", regex::escape(&mark.to_string()));
        let pattern = regex::Regex::new(&pattern).unwrap();
        out = pattern.replace_all(&out, format!("$1<{tag}>$2</{tag}>")).into_owned();
    }
    let quoted = |line: &str| match line.strip_prefix("> ") {
        Some(quote) => format!("<blockquote>{quote}</blockquote>"),
        None => line.to_owned(),
    };
    out.split('\n').map(quoted).collect::<Vec<_>>().join("\n")
}
