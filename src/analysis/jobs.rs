//! Jobs that failed for good: how often in a row, with which exit code, with which error.

use super::claim::Claim;
use super::crash::phrase_of;
use super::format::clock;
use super::oom::was_killed;
use super::phrases;
use super::scene::{Record, Scene};
use super::text::complaint::{Complaint, Trouble, complaint};
use super::text::exit_code;
use super::text::network;
use super::text::root_line::root_line;
use super::text::words::after;
use crate::domain::cluster::JobRun;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{ConfigError, JobFailed};
use crate::domain::finding::Role;
use crate::domain::subject::SubjectKind;

/// What the subject's runs, pods and events say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut claims = Vec::new();
    for seen in scene.workloads() {
        let runs = &seen.data.jobs;
        let failed = in_a_row(runs);
        if let Some(newest) = failed.first()
            && scene.weight(newest.finished_at.or(newest.started_at)) > 0.0
        {
            claims.extend(failure(scene, seen.id, &failed, runs));
        }
        if seen.data.paused && scene.subject.kind == SubjectKind::CronJob {
            claims.push(
                Claim::new(JobFailed, phrases::JOB_SUSPENDED, 0.6, scene.subject.object(), seen.id)
                    .role(Role::Contributing),
            );
        }
    }
    if claims.is_empty() {
        claims.extend(by_event(scene));
    }
    if claims.is_empty() {
        claims.extend(missed(scene));
    }
    claims
}

/// A CronJob that should have started a run and did not.
fn missed(scene: &Scene) -> Option<Claim> {
    let (id, event) = scene.events().into_iter().find(|(_, event)| {
        event.object.starts_with("CronJob ")
            && matches!(
                event.reason.as_str(),
                "FailedNeedsStart"
                    | "TooManyMissedTimes"
                    | "MissSchedule"
                    | "UnparseableSchedule"
                    | "FailedCreate"
                    | "JobAlreadyActive"
                    | "InvalidSchedule"
                    | "UnknownTimeZone"
            )
    })?;
    Some(
        Claim::new(JobFailed, phrases::JOB_MISSED, 0.8, scene.subject.object(), id)
            .began(event.first)
            .fact("reason", &event.reason)
            .fact("line", &event.message),
    )
}

/// The newest runs that failed with none that succeeded after them; runs that still go on are passed over.
fn in_a_row(runs: &[JobRun]) -> Vec<&JobRun> {
    let ended = runs.iter().filter(|run| run.failure.is_some() || run.succeeded > 0);
    ended.take_while(|run| run.failure.is_some()).collect()
}

fn failure(scene: &Scene, id: EvidenceId, failed: &[&JobRun], runs: &[JobRun]) -> Vec<Claim> {
    let Some(newest) = failed.first() else { return Vec::new() };
    let condition = newest.failure.as_ref();
    let reason = condition.map_or("", |condition| condition.reason.as_str());
    let endings = scene.containers();
    let ending = endings.iter().filter_map(|unit| unit.ending()).find(|ending| ending.exit_code != 0);
    let oom = endings.iter().any(was_killed);
    let phrase = if reason == "DeadlineExceeded" { phrases::JOB_DEADLINE } else { phrases::JOB_FAILED };
    let began = failed.iter().filter_map(|run| run.started_at).min();
    // Finished Jobs are cleared away after a while; their events tell of more of them.
    let (told, gone) = failed_by_events(scene);
    let count = failed.len().max(gone);
    let said = error(scene).is_some();
    let claim = Claim::new(JobFailed, phrase, 0.85, scene.subject.object(), id)
        .cite(told.filter(|_| gone > failed.len()))
        .began(began)
        .fact("job", &newest.name)
        .fact("reason", reason)
        .fact("runs", count.to_string())
        .maybe("every", (count > 1 && runs.iter().all(|run| run.succeeded == 0)).then_some("yes"))
        .fact("attempts", newest.failed.to_string())
        .maybe("at", newest.finished_at.or(newest.started_at).map(|at| clock(at, scene.onset)))
        .maybe("exit", ending.map(|ending| ending.exit_code.to_string()))
        .maybe("meaning", ending.and_then(|ending| exit_code::telling(ending.exit_code, said)));
    with_error(scene, claim, id, oom)
}

/// The error that the job's own log shows, and a claim of its own where that is a configuration error.
fn with_error(scene: &Scene, claim: Claim, id: EvidenceId, oom: bool) -> Vec<Claim> {
    let Some((record, line)) = error(scene).filter(|_| !oom) else { return vec![claim] };
    let found = complaint(record.text);
    let config = found.filter(|found| is_setup(found, record.text));
    let mut claim = claim.cite([record.id]).fact("line", &line);
    claim.confidence = 0.92;
    match config {
        Some(found) => {
            let cause = Claim::new(ConfigError, phrase_of(found.trouble), 0.85, scene.subject.object(), id)
                .cite([record.id])
                .began(claim.began)
                .fact("line", line)
                .maybe("name", found.name);
            vec![cause, claim]
        }
        None => vec![claim],
    }
}

/// Whether the way the job was set up is at fault, rather than what it was given to work on: a job that does not find
/// its input or cannot read it fails by itself.
fn is_setup(found: &Complaint, text: &str) -> bool {
    match found.trouble {
        Trouble::MissingEnv
        | Trouble::ExecFormat
        | Trouble::MissingProgram
        | Trouble::BadFlag
        | Trouble::MissingSetting
        | Trouble::PortInUse => true,
        Trouble::BadConfig => text.to_lowercase().contains("config"),
        Trouble::MissingFile => {
            let name = found.name.as_deref().unwrap_or_default();
            ["/etc/", "/run/secrets/", "/var/run/secrets/", "config"].iter().any(|part| name.contains(part))
        }
        _ => false,
    }
}

/// The log record that says why. A job that always failed has errors that are not new.
fn error<'a>(scene: &Scene<'a>) -> Option<(Record<'a>, String)> {
    let score = |record: &Record| {
        4 * i32::from(record.last_word)
            + 2 * i32::from(complaint(record.text).is_some())
            + 2 * i32::from(complaint(record.text).is_some_and(|found| found.trouble == Trouble::Schema))
            + 2 * i32::from(network::failure(record.text).is_some())
            + i32::from(record.worse)
            + i32::from(!record.warns)
            // The statement below an SQL error is not the error.
            - 3 * i32::from(record.text.trim_start().starts_with("STATEMENT"))
    };
    let records = scene.records();
    let complaining = records.iter().filter(|record| record.complains);
    let best = complaining
        .map(|record| (score(record), record))
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    // In words of its own: the last that a run said which no earlier run had said.
    let last = || records.iter().filter(|record| record.new).max_by_key(|record| record.last);
    let record = best.map(|(_, record)| record).or_else(last)?;
    Some((*record, root_line(record.text)?))
}

/// How many Jobs the events say failed, and by which evidence. None if they tell of one that succeeded.
fn failed_by_events(scene: &Scene) -> (Option<EvidenceId>, usize) {
    let events = scene.events();
    let completed = |word: &str| {
        let word = format!("condition: {word}");
        let told =
            events.iter().filter(move |(_, event)| event.reason == "SawCompletedJob" && event.message.contains(&word));
        told.filter_map(|(id, event)| Some((*id, after(&event.message, "completed job: ")?.split(',').next()?)))
            .collect::<Vec<_>>()
    };
    let mut failed = completed("Failed");
    failed.sort_by_key(|(_, job)| *job);
    failed.dedup_by_key(|(_, job)| *job);
    if completed("Complete").is_empty() { (failed.first().map(|(id, _)| *id), failed.len()) } else { (None, 0) }
}

fn by_event(scene: &Scene) -> Vec<Claim> {
    let told = scene.events().into_iter().find(|(_, event)| {
        matches!(
            event.reason.as_str(),
            "BackoffLimitExceeded" | "DeadlineExceeded" | "PodFailurePolicy" | "FailedJob" | "MaxFailedIndexesExceeded"
        ) || event.reason == "SawCompletedJob" && event.message.contains("condition: Failed")
    });
    let Some((id, event)) = told else { return Vec::new() };
    let job = after(&event.message, "completed job: ").and_then(|rest| rest.split(',').next());
    let job = job.or_else(|| event.object.split_once(' ').map(|(_, name)| name)).unwrap_or_default();
    let reason = if event.reason == "SawCompletedJob" { "" } else { event.reason.as_str() };
    let phrase = if reason == "DeadlineExceeded" { phrases::JOB_DEADLINE } else { phrases::JOB_FAILED };
    let claim = Claim::new(JobFailed, phrase, 0.75, scene.subject.object(), id)
        .began(event.first)
        .fact("job", job)
        .fact("reason", reason);
    with_error(scene, claim, id, false)
}
