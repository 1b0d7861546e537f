//! Markdown to HTML that is safe to put into a page: raw HTML is shown as text, links lead to http(s) only, images
//! are not loaded.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

/// Longest text that is rendered, in bytes; a runbook is a few screens.
const MAX_BYTES: usize = 64 * 1024;

/// What a line break inside a paragraph is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// A space, as in a document.
    Soft,
    /// A new line, as in a chat.
    Hard,
}

/// `source` as HTML.
pub fn html_of(source: &str, breaks: Breaks) -> String {
    let source = crate::domain::text::bounded(source, MAX_BYTES);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut open_links = Vec::new();
    let events = Parser::new_ext(&source, options).filter_map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        Event::Start(Tag::Link { link_type, dest_url, title: _, id }) => {
            let is_web = is_web(&dest_url);
            open_links.push(is_web);
            is_web.then_some(Event::Start(Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id }))
        }
        Event::End(TagEnd::Link) => open_links.pop().unwrap_or(false).then_some(Event::End(TagEnd::Link)),
        Event::SoftBreak if breaks == Breaks::Hard => Some(Event::HardBreak),
        // What stands in for an image is its description; the page loads nothing from elsewhere.
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        // Below the page's own headings.
        Event::Start(Tag::Heading { level, .. }) => {
            Some(Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() }))
        }
        Event::End(TagEnd::Heading(level)) => Some(Event::End(TagEnd::Heading(lower(level)))),
        other => Some(other),
    });
    let mut out = String::with_capacity(source.len() * 3 / 2);
    html::push_html(&mut out, events);
    out.replace("<a href=", "<a rel=\"noopener noreferrer\" href=")
        .replace("<table>", "<div class=\"scroll\"><table>")
        .replace("</table>", "</table></div>")
}

/// `source` as HTML without a paragraph around it, for one sentence inside other HTML.
pub fn inline_html_of(source: &str) -> String {
    let html = html_of(source, Breaks::Soft);
    let html = html.trim_end();
    let inner = html.strip_prefix("<p>").and_then(|html| html.strip_suffix("</p>"));
    inner.filter(|inner| !inner.contains("<p>")).unwrap_or(html).to_owned()
}

/// The words of `source` without its formatting, for places where nothing may be formatted.
pub fn text_of(source: &str) -> String {
    let mut out = String::new();
    for event in Parser::new(&crate::domain::text::bounded(source, MAX_BYTES)) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => out.push_str(&text),
            Event::SoftBreak | Event::HardBreak | Event::End(TagEnd::Paragraph | TagEnd::Item) => out.push(' '),
            _ => {}
        }
    }
    out.trim_end().to_owned()
}

fn is_web(address: &str) -> bool {
    let address = address.trim_start().to_ascii_lowercase();
    address.starts_with("https://") || address.starts_with("http://")
}

fn lower(level: pulldown_cmark::HeadingLevel) -> pulldown_cmark::HeadingLevel {
    use pulldown_cmark::HeadingLevel::{H3, H4, H5, H6};
    match level as usize {
        1 => H3,
        2 => H4,
        3 => H5,
        _ => H6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_runs_loads_or_leads_astray() {
        for (source, html) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("a <b onclick=x>b</b>", "<p>a &lt;b onclick=x&gt;b&lt;/b&gt;</p>\n"),
            ("[x](javascript:alert(1))", "<p>x</p>\n"),
            ("[x](data:text/html,1)", "<p>x</p>\n"),
            ("![alt](https://evil.example/p.png)", "<p>alt</p>\n"),
            (
                "[x](https://ok.example/?a=\"b)",
                "<p><a rel=\"noopener noreferrer\" href=\"https://ok.example/?a=%22b\">x</a></p>\n",
            ),
            ("# T", "<h3>T</h3>\n"),
        ] {
            assert_eq!(html_of(source, Breaks::Soft), html, "{source}");
        }
    }
}
