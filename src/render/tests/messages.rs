//! What can be pressed on a thread's messages, and when.

use super::renderer;
use crate::domain::action::{Action, Before};
use crate::domain::incident::{Acknowledged, Incident, IncidentStatus, Progress};
use crate::domain::investigation::Investigation;
use crate::domain::message::{Control, Message, Tone};
use crate::domain::post::{Post, PostDraft, PostKind};
use crate::domain::press::{MAX_PRESS_BYTES, Press};
use crate::domain::proposal::{Diff, Proposal, ProposalDraft, ProposedBy, Snapshot, State, Why};
use crate::domain::redact::Redactor;
use crate::render::{About, Language, Renderer, samples};

fn post(key: &str, kind: PostKind) -> Post {
    let draft = PostDraft {
        key: key.into(),
        kind,
        author: "ann *the* SRE".into(),
        text: "text".into(),
        evidence: Vec::new(),
        at: samples::at(0),
    };
    Post { seq: 1, revision: 1, edited_at: samples::at(0), draft }
}

fn said(control: &Control) -> String {
    match control {
        Control::Button { label, press, confirm, .. } => {
            assert!(press.parse::<Press>().is_ok() && press.len() <= MAX_PRESS_BYTES, "{press}");
            format!("[{label}{}] {press}", if confirm.is_some() { " ?" } else { "" })
        }
        Control::Menu { label, options } => {
            let options: Vec<String> = options.iter().map(|(label, press)| format!("{label}: {press}")).collect();
            format!("[{label}] {}", options.join(", "))
        }
        Control::Link { label, url } => format!("({label}) {url}"),
    }
}

fn root(render: &Renderer, incident: &Incident, record: &Investigation) -> Message {
    let page = "https://holmes.example.com/incidents/i-1";
    let about = About { incident, record, proposals: &[], page, now: samples::at(0) };
    render.message(&post("root", PostKind::Root), &about)
}

#[test]
fn a_root_offers_what_makes_sense_now() {
    let render = renderer(Language::English);
    let record = samples::investigation(|data| render.excerpt(data));
    let open = samples::incident();
    let acknowledged =
        Incident { acknowledged: Some(Acknowledged { by: "ann".into(), at: samples::at(9) }), ..open.clone() };
    let looking = Incident { progress: Progress::Looking { since: samples::at(1) }, ..open.clone() };
    let over = Incident { status: IncidentStatus::Resolved, resolved_at: Some(samples::at(600)), ..open.clone() };
    let mut told = Vec::new();
    for (name, incident) in [("open", &open), ("acknowledged", &acknowledged), ("looking", &looking), ("over", &over)] {
        let message = root(&render, incident, &record);
        told.push(format!("{name}, {:?}", message.tone));
        told.extend(message.controls.iter().map(|control| format!("  {}", said(control))));
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    open, Critical
      [Acknowledge] acknowledge
      [Silence for …] 30 minutes: silence 30, 2 hours: silence 120, 8 hours: silence 480, 24 hours: silence 1440
      [Investigate again] investigate
      (Open incident) https://holmes.example.com/incidents/i-1
      (Open metrics) https://vmui.example.com/#/?g0.expr=up(x)
    acknowledged, Critical
      [Silence for …] 30 minutes: silence 30, 2 hours: silence 120, 8 hours: silence 480, 24 hours: silence 1440
      [Investigate again] investigate
      (Open incident) https://holmes.example.com/incidents/i-1
      (Open metrics) https://vmui.example.com/#/?g0.expr=up(x)
    looking, Critical
      [Acknowledge] acknowledge
      [Silence for …] 30 minutes: silence 30, 2 hours: silence 120, 8 hours: silence 480, 24 hours: silence 1440
      (Open incident) https://holmes.example.com/incidents/i-1
      (Open metrics) https://vmui.example.com/#/?g0.expr=up(x)
    over, Good
      [Investigate again] investigate
      (Open incident) https://holmes.example.com/incidents/i-1
      (Open metrics) https://vmui.example.com/#/?g0.expr=up(x)
    ");
}

#[test]
fn links_lead_where_browsers_go() {
    let render = renderer(Language::English);
    let incident = samples::incident();
    for page in ["javascript:alert(1)", "https://a b", "/incidents/i-1"] {
        let record = Investigation::default();
        let about = About { incident: &incident, record: &record, proposals: &[], page, now: samples::at(0) };
        let message = render.message(&post("root", PostKind::Root), &about);
        assert!(message.controls.iter().all(|control| !matches!(control, Control::Link { .. })), "{page}");
    }
}

#[test]
fn a_root_says_who_takes_care_of_it() {
    let mut incident = samples::incident();
    incident.acknowledged = Some(Acknowledged { by: "ann <!channel>".into(), at: samples::at(60) });
    let english = renderer(Language::English).root(&incident);
    assert!(english.contains("👀 Acknowledged by ann \\<!channel\\> at 22:49"), "{english}");
    assert!(renderer(Language::Russian).root(&incident).contains("👀 Взято в работу: ann"));
}

fn proposal() -> Proposal {
    let draft = ProposalDraft {
        incident: samples::incident().id,
        action: Action::parse("scale deployment/checkout -n shop --replicas 3", None).unwrap(),
        target: Snapshot::default(),
        before: Before::Replicas { replicas: 1 },
        diff: Diff::new("-  replicas: 1\n+  replicas: 3", &Redactor::new()),
        why: Why::default(),
        proposed_by: ProposedBy::Analysis,
        places: Default::default(),
        expires: None,
        notes: Default::default(),
    };
    Proposal::new(draft, samples::at(0)).unwrap().0
}

#[test]
fn a_proposal_offers_a_decision_while_there_is_one_to_make() {
    let render = renderer(Language::English);
    let (incident, record) = (samples::incident(), Investigation::default());
    let proposed = Proposal { offered: true, ..proposal() };
    let key = format!("proposal:{}", proposed.id);
    let message = |state: State, now| {
        let proposals = [Proposal { state, ..proposed.clone() }];
        let about = About { incident: &incident, record: &record, proposals: &proposals, page: "", now };
        render.message(&post(&key, PostKind::Proposal), &about)
    };
    let labels = |message: &Message| {
        let labels = message.controls.iter().map(|control| said(control).split(']').next().unwrap_or("").to_owned());
        labels.collect::<Vec<_>>().join("] ")
    };
    let at = samples::at(60);
    let (created, by) = (None, crate::domain::proposal::ProposalId("p-1".into()));
    for (state, tone, expected) in [
        (State::Proposed, Tone::Warning, "[Approve ?] [Reject ?] [Show diff"),
        (State::Approved { at }, Tone::Warning, ""),
        (State::Executing { attempt: 1, since: at }, Tone::Warning, ""),
        (State::Applied { at, created: created.clone() }, Tone::Warning, "[Undo ?"),
        (State::Verified { at, created: created.clone() }, Tone::Good, "[Undo ?"),
        (State::NotVerified { at, created, why: "x".into() }, Tone::Critical, "[Undo ?"),
        (State::Undone { at, by }, Tone::Plain, ""),
        (State::Failed { at, why: "x".into() }, Tone::Critical, ""),
        (State::Expired { at }, Tone::Plain, ""),
    ] {
        let name = state.as_str();
        let message = message(state, at);
        assert_eq!((message.tone, labels(&message).as_str()), (tone, expected), "{name}");
    }
    assert!(message(State::Proposed, proposed.expires_at).controls.is_empty(), "its time is over");
    let forbidden = [Proposal { offered: false, ..proposed.clone() }];
    let about = About { incident: &incident, record: &record, proposals: &forbidden, page: "", now: at };
    assert!(render.message(&post(&key, PostKind::Proposal), &about).controls.is_empty(), "nobody may");
    let Some(Control::Button { press, confirm: Some(confirm), .. }) =
        message(State::Proposed, at).controls.into_iter().next()
    else {
        panic!("no button that asks")
    };
    let approve = Press::Approve { proposal: proposed.id.clone(), digest: proposed.digest.clone() };
    assert_eq!(press.parse::<Press>().unwrap(), approve);
    insta::assert_snapshot!(confirm.text, @r"
    scale deployment/checkout -n shop --replicas 3

    -  replicas: 1
    +  replicas: 3
    ");
}

#[test]
fn words_are_filled_once_and_strangers_words_escaped() {
    let render = renderer(Language::English);
    let said = render.say("said.status_trouble", &["{2} *a*", "<!here>"]);
    assert_eq!(said, "⚠️ {2} \\*a\\*: \\<!here\\>");
    let (incident, record) = (samples::incident(), Investigation::default());
    let about = About { incident: &incident, record: &record, proposals: &[], page: "", now: samples::at(0) };
    let question = render.message(&post("question:q", PostKind::Question), &about);
    assert_eq!(question.text, "💬 **ann \\*the\\* SRE** asks:\ntext");
}
