//! A thread as a page that looks like Mattermost's, for people who want to see what they would see.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{Event, Options, Parser, html};
use serde_json::Value;

use super::FakeMattermost;

const STYLE: &str = "body{font:15px/1.5 'Open Sans',sans-serif;color:#3f4350;background:#fff;max-width:860px;margin:24px auto}\
.post{display:flex;gap:12px;padding:8px 0}.avatar{width:32px;height:32px;border-radius:50%;background:#1c58d9;color:#fff;\
display:flex;align-items:center;justify-content:center;font-weight:600;flex:none}.reply{margin-left:44px}\
.who{font-weight:600}.bot{font-size:10px;background:#e8e9ed;border-radius:4px;padding:1px 5px;margin-left:6px}\
.body{min-width:0;flex:1}.body p{margin:4px 0}.body pre{background:#f4f4f6;padding:8px 12px;border-radius:4px;overflow:auto}\
.body code{background:#f4f4f6;border-radius:3px;padding:0 3px;font-size:13px}.attachment{border:1px solid #ddd;border-left:4px \
solid var(--c,#ddd);border-radius:4px;padding:8px 12px;margin:6px 0}.button,select{border:1px solid #1c58d9;color:#1c58d9;\
background:#fff;border-radius:4px;padding:5px 14px;margin:6px 6px 0 0;font:600 13px 'Open Sans',sans-serif;display:inline-block}\
.primary{background:#1c58d9;color:#fff}.danger{border-color:#d24b4e;color:#d24b4e}.urgent{background:#d24b4e;color:#fff;\
font-size:10px;font-weight:700;border-radius:4px;padding:1px 6px;margin-left:6px}img{max-width:100%;border:1px solid #ddd;\
border-radius:4px;margin-top:6px}h1{font-size:18px;border-bottom:1px solid #ddd;padding-bottom:8px}";

impl FakeMattermost {
    /// A thread as a page.
    pub fn html(&self, root: &str) -> String {
        let mut page = format!(
            "<!doctype html><meta charset=\"utf-8\"><title>alerts</title><style>{STYLE}</style><h1>~alerts</h1>"
        );
        for post in self.posts().iter().filter(|post| post["id"] == root || post["root_id"] == root) {
            self.post_html(post, &mut page);
        }
        page
    }

    fn post_html(&self, post: &Value, out: &mut String) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let state = self.shared.state();
        let author = state.users.iter().find(|user| post["user_id"] == *user.id).unwrap();
        let (name, is_bot) = (author.username.clone(), author.is_bot);
        let reply = if post["root_id"] == "" { "" } else { " reply" };
        let initial = name.chars().next().unwrap_or('?').to_uppercase();
        let bot = if is_bot { "<span class=\"bot\">BOT</span>" } else { "" };
        let priority = &post["metadata"]["priority"]["priority"];
        let urgent = if priority == "urgent" { "<span class=\"urgent\">URGENT</span>" } else { "" };
        write!(
            out,
            "<div class=\"post{reply}\"><div class=\"avatar\">{initial}</div><div class=\"body\"><span \
             class=\"who\">{name}</span>{bot}{urgent}{}",
            markdown(&text(&post["message"]))
        )
        .unwrap();
        for attachment in post["props"]["attachments"].as_array().into_iter().flatten() {
            let color = text(&attachment["color"]);
            let style = if color.is_empty() { String::new() } else { format!(" style=\"--c:{color}\"") };
            write!(out, "<div class=\"attachment\"{style}>{}", markdown(&text(&attachment["text"]))).unwrap();
            for action in attachment["actions"].as_array().into_iter().flatten() {
                let (label, style) = (plain(&text(&action["name"])), text(&action["style"]));
                if action["type"] == "select" {
                    write!(out, "<select><option>{label}</option></select>").unwrap();
                } else {
                    write!(out, "<span class=\"button {style}\">{label}</span>").unwrap();
                }
            }
            out.push_str("</div>");
        }
        for id in post["file_ids"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let file = &state.files[id];
            write!(
                out,
                "<img alt=\"{}\" src=\"data:image/png;base64,{}\">",
                plain(&file.name),
                STANDARD.encode(&file.bytes)
            )
            .unwrap();
        }
        out.push_str("</div></div>");
    }
}

fn markdown(text: &str) -> String {
    // A line break is one, as Mattermost shows it; HTML is text.
    let events =
        Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES).map(|event| match event {
            Event::SoftBreak => Event::HardBreak,
            Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
            other => other,
        });
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
