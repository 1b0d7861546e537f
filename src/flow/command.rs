//! A person typed a command: it is done, and they are told.

use super::deliver::next::ROOT;
use super::press::{Consent, wish};
use super::tell::tell;
use super::{AUTHOR, Context, answer, intake, propose, questions, silence};
use crate::domain::action::form::{is_incident, named};
use crate::domain::action::{Action, seconds};
use crate::domain::audit::AuditDraft;
use crate::domain::chat::Spot;
use crate::domain::command::Command;
use crate::domain::event::{EventId, Typed, Wish};
use crate::domain::incident::{Incident, IncidentId, IncidentStatus, Origin};
use crate::domain::post::{PostDraft, PostKind};
use crate::domain::question::Question;
use crate::domain::target;
use crate::domain::text;
use crate::ports::{Filter, StoreError, Versioned, Write};
use crate::telemetry::Ended;

/// Open incidents that are listed.
const MAX_LISTED: usize = 15;
/// Open incidents among which the one that a silence is for is looked for.
const MAX_SEARCHED: usize = 200;
/// Runbooks that are named.
const MAX_RUNBOOKS: usize = 3;
/// Longest piece of a runbook, in bytes.
const MAX_EXCERPT_BYTES: usize = 400;
/// An incident's name in a hint.
const EXAMPLE: &str = "i-3f9a1c07be";

/// Handles a command.
///
/// # Errors
/// When the store does not take what it does; it is handled again then, and does it once.
pub async fn handle(context: &Context, event: EventId, typed: Typed) -> Result<(), StoreError> {
    let (of, said) = match &typed.command {
        Command::Ask { question } => ("ask", ask(context, event, &typed, question).await?),
        Command::Investigate { target } => ("investigate", investigate(context, event, &typed, target).await?),
        Command::Incidents => ("incidents", incidents(context).await?),
        Command::Status => ("status", status(context).await?),
        Command::Silence { words } => ("silence", silence(context, event, &typed, words).await?),
        Command::Runbook { words } => ("runbook", runbook(context, words)),
        Command::Do { action } => ("do", act(context, event, &typed, action).await?),
        Command::Help { unknown } => ("help", help(context, unknown.as_deref())),
    };
    context.counters.commands.get_or_create(&Ended { of: of.to_owned(), result: "ok" }).inc();
    tell(context, &typed.person, &typed.place, typed.thread.as_ref(), &said);
    Ok(())
}

fn spot(typed: &Typed) -> Spot {
    Spot { place: typed.place.clone(), thread: typed.thread.clone(), said: None, to_bot: true }
}

async fn ask(context: &Context, event: EventId, typed: &Typed, words: &str) -> Result<String, StoreError> {
    let now = (context.clock)();
    let question = Question::new(&typed.nonce, typed.incident.clone(), words, &typed.person.name, now);
    let Ok(question) = question else { return Ok(help(context, None)) };
    let question = question.asked_by(typed.person.id.clone()).asked_in(spot(typed));
    answer::note(context, event, question).await?;
    Ok(context.render.word("said.asked"))
}

/// Opens a thread for a look that no alert called for.
async fn investigate(context: &Context, event: EventId, typed: &Typed, words: &str) -> Result<String, StoreError> {
    let render = &context.render;
    let Some(subject) = target::parse(words) else {
        return Ok(render.fill("said.no_target", &[render.code(&text::line(words, 80))]));
    };
    let now = (context.clock)();
    let said = render.fill("said.looking", &[render.code(&subject.to_string())]);
    let Ok(question) = Question::new(&typed.nonce, None, words, &typed.person.name, now) else { return Ok(said) };
    // In an incident's own thread it would be lost among what that is about.
    let spot = Spot { thread: typed.thread.clone().filter(|_| typed.incident.is_none()), ..spot(typed) };
    let mut incident = Incident::for_look(&question.asked_in(spot), subject);
    incident.remember(event);
    let post = |key: &str, kind, author: &str, text| PostDraft {
        key: key.into(),
        kind,
        author: author.into(),
        text,
        evidence: Vec::new(),
        at: now,
    };
    let write = Write {
        posts: vec![post(ROOT, PostKind::Root, AUTHOR, render.root(&incident))],
        timers: vec![intake::investigation_timer(&incident.id, now, Some(typed.person.name.clone()))],
        audit: vec![AuditDraft {
            at: now,
            actor: typed.person.id.to_string(),
            action: "investigation.requested".into(),
            incident: Some(incident.id.clone()),
            detail: incident.title.clone(),
        }],
        ..Write::new(Versioned { version: 0, value: incident })
    };
    match context.commit(vec![write], &[]).await {
        // It is there already: the same command, handled again.
        Ok(()) | Err(StoreError::Conflict(_)) => Ok(said),
        Err(error) => Err(error),
    }
}

async fn open(context: &Context, limit: usize) -> Result<Vec<Incident>, StoreError> {
    context.store.list(Filter { status: Some(IncidentStatus::Open), origin: Origin::Alerts, limit }).await
}

async fn incidents(context: &Context) -> Result<String, StoreError> {
    let render = &context.render;
    let (listed, all) = (open(context, MAX_LISTED).await?, context.store.count_open().await?);
    if listed.is_empty() {
        return Ok(render.word("said.no_open"));
    }
    let line = |incident: &Incident| {
        let mark = render.word(&format!("mark.{}", incident.severity.as_str()));
        let title = render.say("said.title", &[&incident.title]);
        let since = incident.started_at.format("%Y-%m-%d %H:%M UTC");
        let cause = incident.cause.as_ref().map(|cause| format!("\n  {}", cause.claim)).unwrap_or_default();
        format!("- {mark} {title} ({}, {since}){cause}", render.code(&incident.id.0))
    };
    let mut lines = vec![render.word("said.open")];
    lines.extend(listed.iter().map(line));
    if all > listed.len() {
        lines.push(format!("- {}", render.say("said.more", &[&(all - listed.len()).to_string()])));
    }
    Ok(lines.join("\n"))
}

async fn status(context: &Context) -> Result<String, StoreError> {
    let render = &context.render;
    let (inbox, open) = (context.store.inbox().await?, context.store.count_open().await?);
    let sources: Vec<String> = questions::configured(&context.sources)
        .iter()
        .map(|source| render.word(&format!("source.{}", source.as_str())))
        .collect();
    let mut lines = vec![
        render.word("said.status"),
        format!("- {}", render.say("said.status_open", &[&open.to_string()])),
        format!("- {}", render.say("said.status_inbox", &[&inbox.waiting.to_string(), &inbox.dead.to_string()])),
        format!(
            "- {}",
            match sources.as_slice() {
                [] => render.word("said.status_no_sources"),
                sources => render.say("said.status_sources", &[&sources.join(", ")]),
            }
        ),
        format!(
            "- {}",
            match &context.model {
                Some(_) => render.word("said.status_model"),
                None => render.word("said.status_no_model"),
            }
        ),
    ];
    let troubles = context.troubles.all();
    lines.extend(
        troubles.iter().map(|(about, what)| format!("- {}", render.say("said.status_trouble", &[about, what]))),
    );
    Ok(lines.join("\n"))
}

/// `[<incident> | <matchers>] <duration>`.
async fn silence(context: &Context, event: EventId, typed: &Typed, words: &str) -> Result<String, StoreError> {
    let render = &context.render;
    let wrong = || render.word("said.wrong_silence");
    let mut words: Vec<&str> = words.split_whitespace().collect();
    let Some(seconds) = words.pop().and_then(seconds) else { return Ok(wrong()) };
    let (named, matchers) = match words.as_slice() {
        [] => (typed.incident.clone(), &[][..]),
        [one] if is_incident(one) => (Some(IncidentId((*one).to_owned())), &[][..]),
        matchers => (typed.incident.clone(), matchers),
    };
    if matchers.is_empty() {
        let incident = match found(context, named).await? {
            Ok(incident) => incident,
            Err(said) => return Ok(said),
        };
        // Alertmanager is told in minutes; half of one is none.
        let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
        let Some(action) = propose::silence_of(&incident, minutes, &typed.person.name) else {
            return Ok(render.word("said.no_silence"));
        };
        return wish(context, event, &wanted(typed, &incident, action, Consent::Given)).await;
    }
    let by = text::line(&typed.person.name, 80).replace(['\'', '\\'], "");
    let command = format!("silence {} --for {seconds}s --comment 'by holmes-bot for {by}'", matchers.join(" "));
    let action = match Action::parse(&command, None).and_then(Action::checked) {
        Ok(action) => action,
        Err(error) => return Ok(render.say("said.wrong_action", &[&error.to_string()])),
    };
    let Action::CreateSilence { matchers, .. } = &action else { return Ok(wrong()) };
    // It is put to people in the thread of what it is for.
    let named = match named {
        Some(named) => Some(named),
        None => {
            let open = open(context, MAX_SEARCHED).await?;
            open.iter().find(|incident| silence::covers(matchers, incident)).map(|incident| incident.id.clone())
        }
    };
    match found(context, named).await? {
        Ok(incident) => wish(context, event, &wanted(typed, &incident, action, Consent::Given)).await,
        Err(said) => Ok(said),
    }
}

fn runbook(context: &Context, words: &str) -> String {
    let render = &context.render;
    let found = context.sources.runbooks.search(words, MAX_RUNBOOKS).unwrap_or_else(|error| {
        tracing::error!("search runbooks: {error:#}");
        Vec::new()
    });
    if found.is_empty() {
        return render.fill("said.no_runbook", &[render.code(&text::line(words, 80))]);
    }
    let mut lines = vec![render.word("said.runbooks")];
    for hit in found {
        let excerpt = text::bounded(hit.excerpt.trim(), MAX_EXCERPT_BYTES).into_owned();
        lines.push(format!("- {} ({})", render.say("said.title", &[&hit.title]), render.code(&hit.id)));
        lines.push(render.fence(&excerpt));
    }
    lines.join("\n")
}

/// `[<incident>] restart deployment/checkout -n shop`.
async fn act(context: &Context, event: EventId, typed: &Typed, words: &str) -> Result<String, StoreError> {
    let (named, words) = named(words);
    let incident = match found(context, named.or(typed.incident.clone())).await? {
        Ok(incident) => incident,
        Err(said) => return Ok(said),
    };
    match Action::parse_about(words, &incident.subject) {
        Ok(action) => wish(context, event, &wanted(typed, &incident, action, Consent::Asked)).await,
        Err(problem) => Ok(context.render.say("said.wrong_action", &[&problem.to_string()])),
    }
}

fn wanted(typed: &Typed, incident: &Incident, action: Action, consent: Consent) -> Wish {
    let Typed { person, place, thread, nonce, .. } = typed;
    Wish {
        incident: incident.id.clone(),
        action,
        approve: consent == Consent::Given,
        person: person.clone(),
        place: place.clone(),
        message: thread.clone(),
        nonce: nonce.clone(),
    }
}

/// The incident that a command is about, or what to say where there is none.
async fn found(context: &Context, named: Option<IncidentId>) -> Result<Result<Incident, String>, StoreError> {
    let render = &context.render;
    let Some(id) = named else { return Ok(Err(render.say("said.which_incident", &[EXAMPLE]))) };
    let read = context.store.incident(&id).await?;
    Ok(read.map(|read| read.value).ok_or_else(|| render.fill("said.no_incident", &[render.code(&id.0)])))
}

fn help(context: &Context, unknown: Option<&str>) -> String {
    let render = &context.render;
    let mut lines = Vec::new();
    if let Some(unknown) = unknown {
        lines.push(render.fill("said.unknown_command", &[render.code(unknown)]));
    }
    lines.push(render.word("said.help"));
    for verb in ["ask", "investigate", "incidents", "status", "silence", "runbook", "do"] {
        lines.push(format!("- {}", render.word(&format!("said.help_{verb}"))));
    }
    lines.join("\n")
}
