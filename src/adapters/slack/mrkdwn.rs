//! Our Markdown as Slack's mrkdwn: the same words, inert where strangers wrote them, cut only where nothing breaks.
//!
//! mrkdwn has no escapes but `&amp; &lt; &gt;`: a star or an underscore that might format becomes a letter that looks like it
//! (`∗`, `ˍ`), which happens only where a text really holds one outside of code. Without `<` there is no mention, no link and
//! no `<!channel>`; what looks like `@here` is parted by a word joiner, and sections are sent as `verbatim` besides.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::limits::{SECTION, units};
use crate::domain::text::{WORD_JOINER, begins_name};

/// Text that is never parted: longer runs are split at spaces. Escaped it is at most five times as long.
const ATOM: usize = 400;
/// A formatted run beyond this loses its format rather than being cut inside.
const STYLED: usize = 1500;
/// Code that is never parted, escaped.
const CODE: usize = 2000;
const CLOSE: &str = "\n```";
const OPEN: &str = "```\n";

/// A line of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Pieces of mrkdwn, none of which may be cut.
    Text(Vec<String>),
    /// A line inside a fence, not yet escaped.
    Code(String),
    /// Room between paragraphs.
    Blank,
}

/// The lines of a Markdown text.
pub fn lines(markdown: &str) -> Vec<Line> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer::default();
    for event in TextMergeStream::new(Parser::new_ext(markdown, options)) {
        writer.take(event);
    }
    writer.end_line();
    while writer.out.last() == Some(&Line::Blank) {
        writer.out.pop();
    }
    writer.out
}

/// Lines as texts of sections, each within Slack's limit.
pub fn sections(lines: &[Line]) -> Vec<String> {
    let mut packer = Packer::default();
    for line in lines {
        match line {
            Line::Text(atoms) => packer.text(atoms),
            Line::Code(code) => packer.code(code),
            Line::Blank => packer.blank(),
        }
    }
    packer.flush();
    packer.done
}

/// The beginning of a line, as much as fits.
pub fn start(line: &Line, max: usize) -> String {
    let (Line::Text(atoms), mut out) = (line, String::new()) else { return String::new() };
    for atom in atoms {
        if units(&out) + units(atom) + 1 > max {
            out.push('…');
            break;
        }
        out.push_str(atom);
    }
    out
}

/// `text` with the three characters escaped that Slack reads.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[derive(Default)]
struct Writer {
    out: Vec<Line>,
    line: Vec<String>,
    frames: Vec<Frame>,
    /// The next number of each list that is open; `None` for bullets.
    lists: Vec<Option<u64>>,
    quotes: usize,
    code: Option<String>,
    table: Option<Table>,
    /// What the next line begins with.
    marker: Option<String>,
}

/// A format that is open, with what stands in it.
struct Frame {
    format: Format,
    inside: Vec<String>,
}

enum Format {
    Mark(char),
    Link(Option<String>),
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<String>>,
}

impl Writer {
    fn take(&mut self, event: Event<'_>) {
        if let Some(table) = &mut self.table {
            table.take(&event);
            if matches!(event, Event::End(TagEnd::Table)) {
                let rows = self.table.take().unwrap_or_default().lines();
                self.out.extend(rows.into_iter().map(Line::Code));
            }
            return;
        }
        match event {
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.words(&text),
            Event::Code(code) => self.inline_code(&code),
            Event::SoftBreak | Event::HardBreak if self.frames.is_empty() => self.break_line(),
            Event::SoftBreak | Event::HardBreak => self.push(" ".into()),
            Event::Rule => {
                self.part();
                self.push("———".into());
                self.end_line();
            }
            Event::TaskListMarker(done) => self.push(if done { "☑ " } else { "☐ " }.into()),
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph if self.lists.is_empty() => self.part(),
            Tag::Heading { .. } => {
                self.part();
                self.frames.push(Frame { format: Format::Mark('*'), inside: Vec::new() });
            }
            Tag::BlockQuote(_) => {
                self.part();
                self.quotes += 1;
            }
            Tag::CodeBlock(_) => {
                self.end_line();
                self.apart_from_code();
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                self.end_line();
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_line();
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "• ".to_owned(),
                };
                self.marker = Some(marker);
            }
            Tag::Strong => self.frames.push(Frame { format: Format::Mark('*'), inside: Vec::new() }),
            Tag::Emphasis => self.frames.push(Frame { format: Format::Mark('_'), inside: Vec::new() }),
            Tag::Strikethrough => self.frames.push(Frame { format: Format::Mark('~'), inside: Vec::new() }),
            Tag::Link { dest_url, .. } => {
                self.frames.push(Frame { format: Format::Link(address(&dest_url)), inside: Vec::new() });
            }
            Tag::Table(_) => {
                self.end_line();
                self.apart_from_code();
                self.table = Some(Table::default());
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.end_line(),
            TagEnd::Item => {
                self.end_line();
                // One that began with code did not show it.
                self.marker = None;
            }
            TagEnd::Heading(_) => {
                self.close();
                self.end_line();
            }
            TagEnd::BlockQuote(_) => {
                self.end_line();
                self.quotes = self.quotes.saturating_sub(1);
            }
            TagEnd::CodeBlock => {
                let code = self.code.take().unwrap_or_default();
                self.out.extend(code.trim_end_matches('\n').split('\n').map(|line| Line::Code(line.to_owned())));
            }
            TagEnd::List(_) => {
                self.end_line();
                self.lists.pop();
            }
            TagEnd::Strong | TagEnd::Emphasis | TagEnd::Strikethrough | TagEnd::Link => self.close(),
            _ => {}
        }
    }

    fn words(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
            return;
        }
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 && self.frames.is_empty() {
                self.break_line();
            }
            let begins = self.line.is_empty() && self.frames.is_empty();
            for atom in literal(line, begins) {
                self.push(atom);
            }
        }
    }

    /// Code between words, in one piece; what is too long for that is words.
    fn inline_code(&mut self, code: &str) {
        let code = code.replace('`', "ˋ").replace('\n', " ");
        if units(&code) > ATOM {
            self.words(&code);
        } else {
            self.push(format!("`{}`", escaped(&code)));
        }
    }

    fn push(&mut self, atom: String) {
        if let Some(frame) = self.frames.last_mut() {
            frame.inside.push(atom);
            return;
        }
        if self.line.is_empty() {
            let prefix = self.prefix();
            self.line.push(prefix + &atom);
        } else {
            self.line.push(atom);
        }
    }

    fn prefix(&mut self) -> String {
        let quote = if self.quotes > 0 { "> " } else { "" };
        let depth = self.lists.len().saturating_sub(1);
        // Slack drops spaces at the start of a line, but not these.
        let indent = "\u{2003}".repeat(depth.min(8));
        match self.marker.take() {
            Some(marker) => format!("{quote}{indent}{marker}"),
            None if self.lists.is_empty() => quote.to_owned(),
            None => format!("{quote}{indent}\u{2003}"),
        }
    }

    /// Ends the innermost format.
    fn close(&mut self) {
        let Some(Frame { format, inside }) = self.frames.pop() else { return };
        let whole = inside.concat();
        let words = whole.trim();
        let before = self.frames.last().map_or(&self.line, |frame| &frame.inside).last();
        let in_a_word = before.and_then(|atom| atom.chars().next_back()).is_some_and(char::is_alphanumeric);
        let cannot = words.is_empty() || units(words) > STYLED;
        match format {
            Format::Mark(_) | Format::Link(None) if cannot || (in_a_word && matches!(format, Format::Mark(_))) => {
                inside.into_iter().for_each(|atom| self.push(atom));
            }
            Format::Mark(mark) => {
                let spaces = (&whole[..whole.len() - whole.trim_start().len()], &whole[whole.trim_end().len()..]);
                self.push(format!("{}{mark}{words}{mark}{}", spaces.0, spaces.1));
            }
            Format::Link(Some(url)) if !cannot && units(&url) + units(words) <= 2 * STYLED - 100 => {
                self.push(format!("<{url}|{}>", words.replace('|', "¦").replace('\n', " ")));
            }
            Format::Link(_) => inside.into_iter().for_each(|atom| self.push(atom)),
        }
    }

    fn break_line(&mut self) {
        self.end_line();
    }

    fn end_line(&mut self) {
        while !self.frames.is_empty() {
            self.close();
        }
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.out.push(Line::Text(line));
        }
    }

    /// Two blocks of code, one right after the other, stay two.
    fn apart_from_code(&mut self) {
        if let Some(Line::Code(_)) = self.out.last() {
            self.out.push(Line::Blank);
        }
    }

    /// Makes room before a block.
    fn part(&mut self) {
        self.end_line();
        if self.out.last().is_some_and(|last| *last != Line::Blank) {
            self.out.push(Line::Blank);
        }
    }
}

impl Table {
    fn take(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => self.rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                if let Some(row) = self.rows.last_mut() {
                    row.push(String::new());
                }
            }
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                if let Some(cell) = self.rows.last_mut().and_then(|row| row.last_mut()) {
                    cell.push_str(text);
                }
            }
            _ => {}
        }
    }

    /// Columns side by side, as Slack has no tables that every client shows.
    fn lines(self) -> Vec<String> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let row = |cells: &Vec<String>| {
            let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        self.rows.iter().map(row).collect()
    }
}

#[derive(Default)]
struct Packer {
    done: Vec<String>,
    text: String,
    /// Of the text, counted as it grows.
    units: usize,
    in_code: bool,
}

impl Packer {
    fn text(&mut self, atoms: &[String]) {
        self.close();
        let whole: usize = atoms.iter().map(|atom| units(atom)).sum();
        if self.units + 1 + whole > SECTION {
            self.flush();
        }
        if !self.text.is_empty() {
            self.push("\n");
        }
        for atom in atoms {
            if self.units + units(atom) > SECTION {
                self.flush();
            }
            self.push(atom);
        }
    }

    fn code(&mut self, line: &str) {
        for piece in code_pieces(line) {
            let opening = if self.in_code { 1 } else { OPEN.len() + usize::from(!self.text.is_empty()) };
            if self.units + opening + units(&piece) + CLOSE.len() > SECTION {
                self.flush();
            }
            if self.in_code {
                self.push("\n");
            } else {
                if !self.text.is_empty() {
                    self.push("\n");
                }
                self.push(OPEN);
                self.in_code = true;
            }
            self.push(&piece);
        }
    }

    fn blank(&mut self) {
        self.close();
        if !self.text.is_empty() && self.units < SECTION {
            self.push("\n");
        }
    }

    fn close(&mut self) {
        if std::mem::take(&mut self.in_code) {
            self.push(CLOSE);
        }
    }

    fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
        self.units += units(piece);
    }

    fn flush(&mut self) {
        self.close();
        self.units = 0;
        let text = std::mem::take(&mut self.text);
        let text = text.trim_matches('\n');
        if !text.is_empty() {
            self.done.push(text.to_owned());
        }
    }
}

/// A line of code, escaped, in pieces that fit.
fn code_pieces(line: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut length = 0;
    let line = line.replace("```", "ˋˋˋ");
    for c in line.chars() {
        let written = match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            c => c.to_string(),
        };
        if length + units(&written) > CODE {
            pieces.push(std::mem::take(&mut piece));
            length = 0;
        }
        length += units(&written);
        piece.push_str(&written);
    }
    pieces.push(piece);
    pieces
}

/// Words that mean themselves, in pieces.
fn literal(text: &str, begins_line: bool) -> Vec<String> {
    let mut atoms = Vec::new();
    let mut atom = String::new();
    let mut length = 0;
    let mut before: Option<char> = None;
    let mut rest = text.chars().peekable();
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let formats = !(word(before) && word(next) || space(before) && space(next));
        match c {
            '&' => atom.push_str("&amp;"),
            '<' => atom.push_str("&lt;"),
            '>' => {
                if begins_line && atoms.is_empty() && atom.trim().is_empty() {
                    // At the start of a line it would quote.
                    atom.push(WORD_JOINER);
                }
                atom.push_str("&gt;");
            }
            '*' if formats => atom.push('∗'),
            '_' if formats => atom.push('ˍ'),
            '~' if formats => atom.push('∼'),
            '`' => atom.push('ˋ'),
            '@' if begins_name(before, next) => {
                atom.push('@');
                atom.push(WORD_JOINER);
            }
            c => atom.push(c),
        }
        length += 1;
        before = Some(c);
        if length >= ATOM || (length >= ATOM / 2 && c.is_whitespace()) {
            atoms.push(std::mem::take(&mut atom));
            length = 0;
        }
    }
    if !atom.is_empty() {
        atoms.push(atom);
    }
    atoms
}

/// An address of the web as it stands in a link.
fn address(url: &str) -> Option<String> {
    let lower = url.trim().to_ascii_lowercase();
    let is_web = lower.starts_with("https://") || lower.starts_with("http://");
    is_web.then(|| escaped(&url.trim().replace('|', "%7C").replace('<', "%3C").replace('>', "%3E").replace(' ', "%20")))
}

#[cfg(test)]
#[path = "mrkdwn_tests.rs"]
mod tests;
