//! A message as Slack shows it: blocks, a coloured bar, and further messages where one cannot hold it all.

use slack_morphism::blocks::{
    SlackBlock, SlackBlockMarkDownText, SlackFileIdOrUrl, SlackImageBlock, SlackImageUrlOrFile, SlackSectionBlock,
};
use slack_morphism::{SlackFileId, SlackMessageAttachment, SlackMessageContent};

use super::controls;
use super::limits::{BLOCKS, FALLBACK, MESSAGE, PICTURE_TEXT, units};
use super::mrkdwn::{self, Line};
use crate::domain::message::{Message, Tone};

/// Slack folds what stands beside a bar behind "Show more" when it is long: only short texts stand there.
const BESIDE_BAR: usize = 600;
/// And not many lines.
const LINES_BESIDE_BAR: usize = 6;

/// What a message is laid out with.
#[derive(Debug, Clone, Copy)]
pub struct Extras<'a> {
    /// Whose it is: `i-3f9a1c07be`.
    pub incident: &'a str,
    /// Whom it calls, as mrkdwn: `<!subteam^S0614TZR7>`.
    pub mentions: &'a [String],
    /// The picture, where it was uploaded.
    pub file: Option<&'a str>,
}

/// The messages that say it, at least one. The first bears picture and controls; the others are text that goes on.
pub fn parts(message: &Message, extras: Extras<'_>) -> Vec<SlackMessageContent> {
    let mut lines = mrkdwn::lines(&message.text);
    if !extras.mentions.is_empty() {
        let mut first = vec![extras.mentions.join(" ") + " "];
        match lines.first_mut() {
            Some(Line::Text(atoms)) => {
                first.append(atoms);
                *atoms = first;
            }
            _ => lines.insert(0, Line::Text(first)),
        }
    }
    let fallback = lines.first().map(|line| mrkdwn::start(line, FALLBACK)).filter(|text| !text.trim().is_empty());
    let actions = controls::blocks(&message.controls, extras.incident);
    let picture = extras.file.and_then(|file| picture(message, file));
    let colour = colour(message.tone);
    if let Some((head, rest)) = headline(&lines).filter(|_| colour.is_some() && picture.is_none()) {
        let beside = rest.iter().map(|text| section(text)).chain(actions).collect();
        return vec![content(head.iter().map(|text| section(text)).collect(), bar(colour, beside), fallback)];
    }

    // A tone colours the controls where the text is too long for it.
    let (inside, beside) = if colour.is_some() { (Vec::new(), actions) } else { (actions, Vec::new()) };
    let others = usize::from(picture.is_some()) + inside.len() + beside.len();
    let room = BLOCKS.saturating_sub(others).max(1);
    let mut pages = pages(mrkdwn::sections(&lines).into_iter(), room).into_iter();
    let mut blocks: Vec<SlackBlock> = pages.next().unwrap_or_default().iter().map(|text| section(text)).collect();
    blocks.extend(picture);
    blocks.extend(inside);
    if blocks.is_empty() && beside.is_empty() {
        // A message without anything would be refused.
        blocks.push(section("–"));
    }
    let mut parts = vec![content(blocks, bar(colour, beside), fallback.clone())];
    parts.extend(pages.map(|page| {
        let fallback = page.first().map(|text| super::limits::fit(text.lines().next().unwrap_or_default(), FALLBACK));
        content(page.iter().map(|text| section(text)).collect(), Vec::new(), fallback)
    }));
    parts
}

/// The first line, and the rest if that is short enough to stand beside a bar.
fn headline(lines: &[Line]) -> Option<(Vec<String>, Vec<String>)> {
    let ends = lines.iter().position(|line| matches!(line, Line::Text(_)))? + 1;
    let rest = mrkdwn::sections(&lines[ends..]);
    let rest_lines: usize = rest.iter().map(|section| section.lines().count()).sum();
    let rest_units: usize = rest.iter().map(|section| units(section)).sum();
    let head = mrkdwn::sections(&lines[..ends]);
    let is_short = head.len() == 1 && rest_units <= BESIDE_BAR && rest_lines <= LINES_BESIDE_BAR;
    is_short.then_some((head, rest))
}

/// Sections by message: as many as fit by count and by length. The first has `room`.
fn pages(sections: impl Iterator<Item = String>, room: usize) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut length = 0;
    for section in sections {
        let most = if pages.len() <= 1 { room } else { BLOCKS };
        match pages.last_mut() {
            Some(page) if page.len() < most && length + units(&section) <= MESSAGE => {
                length += units(&section);
                page.push(section);
            }
            _ => {
                length = units(&section);
                pages.push(vec![section]);
            }
        }
    }
    pages
}

fn content(
    blocks: Vec<SlackBlock>,
    attachments: Vec<SlackMessageAttachment>,
    fallback: Option<String>,
) -> SlackMessageContent {
    let fallback = fallback.unwrap_or_else(|| "–".to_owned());
    // Both lists are always given: what an edit does not speak of would stay as it was, or vanish.
    SlackMessageContent::new().with_text(fallback).with_blocks(blocks).with_attachments(attachments)
}

fn bar(colour: Option<&str>, blocks: Vec<SlackBlock>) -> Vec<SlackMessageAttachment> {
    let Some(colour) = colour.filter(|_| !blocks.is_empty()) else { return Vec::new() };
    vec![SlackMessageAttachment::new().with_color(colour.to_owned()).with_blocks(blocks)]
}

fn colour(tone: Tone) -> Option<&'static str> {
    match tone {
        Tone::Plain => None,
        Tone::Good => Some("#2eb67d"),
        Tone::Warning => Some("#ecb22e"),
        Tone::Critical => Some("#e01e5a"),
    }
}

/// A section whose text is read as mrkdwn and nothing else: no addresses or names become links by themselves.
pub fn section(text: &str) -> SlackBlock {
    let text = SlackBlockMarkDownText::new(text.to_owned()).with_verbatim(true);
    SlackSectionBlock::new().with_text(text.into()).into()
}

fn picture(message: &Message, file: &str) -> Option<SlackBlock> {
    let picture = message.picture.as_ref()?;
    let source =
        SlackImageUrlOrFile::SlackFile { slack_file: SlackFileIdOrUrl::Id { id: SlackFileId(file.to_owned()) } };
    let words = |text: &str| super::limits::fit(if text.trim().is_empty() { "chart" } else { text }, PICTURE_TEXT);
    let block = SlackImageBlock::new(source, words(&picture.alt));
    Some(block.with_title(controls::plain(&picture.title, PICTURE_TEXT)).into())
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
