//! An entry of a thread as a message for chats: its text, its picture, and what can be pressed on it now.

use chrono::{DateTime, Utc};

use super::{Renderer, escape};
use crate::domain::alert::Severity;
use crate::domain::evidence::{Evidence, EvidenceData, Source};
use crate::domain::incident::{Incident, IncidentStatus, Origin, Progress};
use crate::domain::investigation::Investigation;
use crate::domain::message::{ButtonStyle, Confirm, Control, Message, Picture, Tone};
use crate::domain::post::{Post, PostKind};
use crate::domain::press::Press;
use crate::domain::proposal::{Proposal, ProposalId, State};
use crate::domain::text;

/// Silences that are offered, in minutes.
const SILENCES: [u32; 4] = [30, 2 * 60, 8 * 60, 24 * 60];
/// Longest link, in bytes: Slack takes 3,000 characters, and half of one leads nowhere.
const MAX_LINK_BYTES: usize = 2_900;
/// Longest description of a picture, in bytes.
const MAX_ALT_BYTES: usize = 300;

/// What an entry's message depends on besides the entry.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// Its newest investigation.
    pub record: &'a Investigation,
    /// Its proposals.
    pub proposals: &'a [Proposal],
    /// The page of the incident in the console.
    pub page: &'a str,
    /// Now: what expired offers nothing.
    pub now: DateTime<Utc>,
}

impl Renderer {
    /// An entry of a thread as a message. It calls nobody.
    pub fn message(&self, post: &Post, about: &About<'_>) -> Message {
        let draft = &post.draft;
        let plain = |tone| Message {
            tone,
            text: draft.text.clone(),
            picture: None,
            controls: Vec::new(),
            mentions: Vec::new(),
        };
        match draft.kind {
            PostKind::Root => Message { controls: self.root_controls(about), ..plain(root_tone(about.incident)) },
            PostKind::Evidence => {
                let evidence = draft.evidence.first();
                let evidence = evidence.and_then(|id| about.record.evidence.iter().find(|known| known.id == *id));
                Message { picture: evidence.and_then(picture), ..plain(Tone::Plain) }
            }
            PostKind::Proposal => {
                let id = ProposalId::of_post(&draft.key);
                match about.proposals.iter().find(|proposal| Some(&proposal.id) == id.as_ref()) {
                    Some(proposal) => Message {
                        controls: self.proposal_controls(proposal, about.now),
                        ..plain(proposal_tone(&proposal.state))
                    },
                    None => plain(Tone::Plain),
                }
            }
            PostKind::Question => {
                let asks = self.say("said.asks", &[&draft.author]);
                Message { text: format!("{asks}\n{}", draft.text), ..plain(Tone::Plain) }
            }
            PostKind::Resolved => plain(Tone::Good),
            PostKind::Update => plain(Tone::Warning),
            PostKind::Status | PostKind::Report | PostKind::Runbook | PostKind::Related | PostKind::Answer => {
                plain(Tone::Plain)
            }
        }
    }

    /// A sentence of `words.txt` with `{1}`, `{2}` … filled in; what is filled in may be a stranger's.
    pub fn say(&self, key: &str, parts: &[&str]) -> String {
        let parts: Vec<String> = parts.iter().map(|part| escape::markdown(part)).collect();
        self.fill(key, &parts)
    }

    /// As [`Renderer::say`], with parts that are Markdown already.
    pub fn fill(&self, key: &str, parts: &[String]) -> String {
        let words = self.word(key);
        let mut out = String::with_capacity(words.len());
        let mut rest = words.as_str();
        // Once over the sentence, so that a part that holds `{2}` is only text.
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let part = after.split_once('}').and_then(|(number, after)| {
                let part = number.parse::<usize>().ok()?.checked_sub(1).and_then(|index| parts.get(index))?;
                Some((part, after))
            });
            match part {
                Some((part, after)) => {
                    out.push_str(part);
                    rest = after;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// Text as it is, in a fence that it cannot leave.
    pub fn fence(&self, raw: &str) -> String {
        escape::fence(raw)
    }

    /// A name as code.
    pub fn code(&self, raw: &str) -> String {
        escape::code(raw)
    }

    fn root_controls(&self, about: &About<'_>) -> Vec<Control> {
        let Incident { origin, status, acknowledged, progress, .. } = about.incident;
        let open = *origin == Origin::Alerts && *status == IncidentStatus::Open;
        let mut controls = Vec::new();
        if open && acknowledged.is_none() {
            controls.push(Control::button(self.word("button.acknowledge"), &Press::Acknowledge, ButtonStyle::Primary));
        }
        if open {
            let option = |minutes: u32| {
                let (key, n) = if minutes.is_multiple_of(60) {
                    ("button.hours", minutes / 60)
                } else {
                    ("button.minutes", minutes)
                };
                (self.texts.words.count(key, n.into()), Press::Silence { minutes }.to_string())
            };
            let options = SILENCES.map(option).to_vec();
            controls.push(Control::Menu { label: self.word("button.silence"), options });
        }
        let looked_at = *origin == Origin::Alerts || !about.record.evidence.is_empty();
        if looked_at && matches!(progress, Progress::Done { .. }) {
            controls.push(Control::button(self.word("button.investigate"), &Press::Investigate, ButtonStyle::Default));
        }
        controls.extend(self.link("button.page", about.page));
        for (source, key) in [(Source::Metrics, "button.metrics"), (Source::Logs, "button.logs")] {
            let asked = about.record.evidence.iter().filter(|evidence| evidence.source == source);
            // The alerts' own link leads to their rule.
            let shown = asked.filter(|evidence| !matches!(evidence.data, EvidenceData::Alerts { .. }));
            let link = shown.filter_map(|evidence| evidence.link.as_deref()).find_map(|link| self.link(key, link));
            controls.extend(link);
        }
        controls
    }

    fn link(&self, key: &str, url: &str) -> Option<Control> {
        let proper = (url.starts_with("https://") || url.starts_with("http://"))
            && url.len() <= MAX_LINK_BYTES
            && url.chars().all(|c| !c.is_whitespace() && !c.is_control());
        proper.then(|| Control::Link { label: self.word(key), url: url.to_owned() })
    }

    fn proposal_controls(&self, proposal: &Proposal, now: DateTime<Utc>) -> Vec<Control> {
        let id = || proposal.id.clone();
        let diff = Control::button(self.word("button.diff"), &Press::ShowDiff { proposal: id() }, ButtonStyle::Default);
        match &proposal.state {
            State::Proposed if proposal.offered && now < proposal.expires_at => {
                let digest = || proposal.digest.clone();
                let mut approve_text = proposal.action.to_string();
                if !proposal.diff.as_str().is_empty() {
                    approve_text = format!("{approve_text}\n\n{}", proposal.diff.as_str());
                }
                let confirm = |title: &str, text: String, yes: &str| Confirm {
                    title: self.word(title),
                    text,
                    yes: self.word(yes),
                    no: self.word("button.cancel"),
                };
                let button = |label: &str, press: Press, style, confirm| Control::Button {
                    label: self.word(label),
                    press: press.to_string(),
                    style,
                    confirm: Some(confirm),
                };
                vec![
                    button(
                        "button.approve",
                        Press::Approve { proposal: id(), digest: digest() },
                        ButtonStyle::Primary,
                        confirm("button.approve_title", approve_text, "button.approve"),
                    ),
                    button(
                        "button.reject",
                        Press::Reject { proposal: id(), digest: digest() },
                        ButtonStyle::Danger,
                        confirm("button.reject_title", proposal.action.to_string(), "button.reject"),
                    ),
                    diff,
                ]
            }
            State::Applied { .. } | State::Verified { .. } | State::NotVerified { .. } => proposal
                .way_back()
                .map(|back| Control::Button {
                    label: self.word("button.undo"),
                    press: Press::Undo { proposal: id() }.to_string(),
                    style: ButtonStyle::Default,
                    confirm: Some(Confirm {
                        title: self.word("button.undo_title"),
                        text: back.to_string(),
                        yes: self.word("button.undo"),
                        no: self.word("button.cancel"),
                    }),
                })
                .into_iter()
                .collect(),
            State::Proposed
            | State::Approved { .. }
            | State::Executing { .. }
            | State::Undone { .. }
            | State::Failed { .. }
            | State::Rejected { .. }
            | State::Expired { .. }
            | State::Superseded { .. } => Vec::new(),
        }
    }
}

fn root_tone(incident: &Incident) -> Tone {
    match (incident.origin, incident.status, incident.severity) {
        (Origin::Question, _, _) => Tone::Plain,
        (Origin::Alerts, IncidentStatus::Resolved, _) => Tone::Good,
        (Origin::Alerts, IncidentStatus::Open, Severity::Critical) => Tone::Critical,
        (Origin::Alerts, IncidentStatus::Open, Severity::Warning) => Tone::Warning,
        (Origin::Alerts, IncidentStatus::Open, Severity::Info) => Tone::Plain,
    }
}

fn proposal_tone(state: &State) -> Tone {
    match state {
        State::Proposed | State::Approved { .. } | State::Executing { .. } | State::Applied { .. } => Tone::Warning,
        State::Verified { .. } => Tone::Good,
        State::NotVerified { .. } | State::Failed { .. } => Tone::Critical,
        State::Undone { .. } | State::Rejected { .. } | State::Expired { .. } | State::Superseded { .. } => Tone::Plain,
    }
}

fn picture(evidence: &Evidence) -> Option<Picture> {
    let EvidenceData::Series(series) = &evidence.data else { return None };
    (!series.lines.is_empty()).then(|| Picture {
        evidence: evidence.id,
        title: text::line(&evidence.title, 120),
        alt: text::line(&format!("{}. {}", evidence.title, evidence.excerpt), MAX_ALT_BYTES),
    })
}
