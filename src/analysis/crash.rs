//! Processes that end again and again: with which code, with which last words, and whether configuration is to blame.

use chrono::{DateTime, TimeDelta, Utc};

use super::claim::Claim;
use super::format::{clock, duration};
use super::metric_role::{MetricRole, metric_role};
use super::oom::was_killed;
use super::phrases;
use super::scene::{LAST_SECONDS, Record, Scene, Unit};
use super::serving;
use super::text::complaint::{Complaint, Trouble, complaint};
use super::text::exit_code;
use super::text::network;
use super::text::root_line::root_line;
use crate::domain::evidence::EvidenceId;
use crate::domain::finding::FindingKind::{ConfigError, CrashLoop};
use crate::domain::finding::Role;
use crate::domain::subject::SubjectKind;

/// What the subject's containers and logs say.
pub(super) fn find(scene: &Scene) -> Vec<Claim> {
    let mut crashes: Vec<Unit> = scene.containers().into_iter().filter(|unit| crashed(scene, unit)).collect();
    let mut claims = Vec::new();
    while let Some(first) = crashes.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) =
            crashes.into_iter().partition(|unit| unit.state.name == first.state.name);
        claims.extend(claim(scene, &same));
        crashes = others;
    }
    // What the out-of-memory killer ended is told as that.
    if claims.is_empty() && !scene.containers().iter().any(was_killed) {
        claims.extend(by_event(scene));
        claims.extend(by_metrics(scene));
    }
    claims
}

/// Whether the container's process ends by itself: it waits to be started again, or was just restarted.
///
/// Jobs end by nature; their failures have an analyser of their own, but for init containers and endless retries.
fn crashed(scene: &Scene, unit: &Unit) -> bool {
    let loops = unit.waits() == "CrashLoopBackOff";
    let is_job = matches!(scene.subject.kind, SubjectKind::Job | SubjectKind::CronJob);
    let ended = unit.ending().is_some_and(|ending| {
        let failed = ending.exit_code != 0 && ending.reason != "Completed";
        let again = unit.state.restarts > 0 || unit.state.terminated.is_some();
        failed && again && !is_job && ending.finished_at.is_some() && scene.weight(ending.finished_at) > 0.5
    });
    (loops || ended) && !was_killed(unit)
}

/// One claim for all crashes of one container.
fn claim(scene: &Scene, crashes: &[Unit]) -> Option<Claim> {
    let unit = crashes.first()?;
    let loops = crashes.iter().any(|unit| unit.waits() == "CrashLoopBackOff");
    let ends: Vec<DateTime<Utc>> = crashes.iter().filter_map(|unit| unit.ending()?.finished_at).collect();
    let ending = crashes.iter().find_map(|unit| unit.ending());
    let reason = reason(scene, &ends);
    let complaint = reason.as_ref().and_then(|(record, _)| complaint(record.text));
    let config = complaint.filter(|found| found.trouble.is_config());
    let (kind, phrase, confidence) = match (&config, &reason) {
        (Some(found), _) => (ConfigError, phrase_of(found.trouble), if loops { 0.88 } else { 0.8 }),
        (None, Some(_)) => (CrashLoop, phrases::CRASH_LOOP_REASON, if loops { 0.85 } else { 0.7 }),
        (None, None) => (CrashLoop, phrases::CRASH_LOOP, if loops { 0.75 } else { 0.6 }),
    };
    let code = ending.map(|ending| ending.exit_code);
    // A program that is not in the image, or is no program, has said nothing of its own.
    let (kind, phrase) = match code {
        Some(126 | 127) if kind == CrashLoop && !crashes.iter().any(|unit| unit.state.restarts > 100) => {
            (ConfigError, phrases::CONFIG_MISSING_PROGRAM)
        }
        _ => (kind, phrase),
    };
    let lived = ending.and_then(|ending| Some(ending.finished_at? - ending.started_at?));
    // A pod that never ran well fails since it was made; an older one since it began to.
    let made = crashes.iter().filter_map(|unit| unit.pod.created_at).filter(|at| scene.weight(Some(*at)) > 0.5).min();
    let failing = || crashes.iter().filter_map(|unit| scene.failing_since(unit)).min();
    let began = if loops { made.or_else(failing) } else { ends.iter().min().copied() };
    let mut claim = Claim::new(kind, phrase, confidence, scene.subject.object(), unit.id)
        .cite(crashes.iter().map(|unit| unit.id))
        .began(began)
        .fact("container", &unit.state.name)
        .fact("pods", crashes.len().to_string())
        .fact("restarts", crashes.iter().map(|unit| unit.state.restarts).sum::<i32>().to_string())
        .maybe("exit", code.map(|code| code.to_string()))
        .maybe("meaning", code.and_then(|code| exit_code::telling(code, reason.is_some())))
        .maybe("lived", lived.filter(|lived| *lived >= TimeDelta::zero()).map(duration))
        .maybe("last", ends.iter().max().map(|at| clock(*at, scene.onset)))
        .maybe("init", unit.state.init.then_some("yes"));
    if let Some((record, line)) = &reason {
        claim = claim.cite([record.id]).fact("line", line);
    }
    if let Some(found) = &config {
        claim = with_config(scene, claim, found, unit);
    }
    Some(serving::degraded(claim, unit.workload))
}

/// The sentence for what is wrong with the configuration.
pub(super) fn phrase_of(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::MissingEnv => phrases::CONFIG_MISSING_ENV,
        Trouble::ExecFormat => phrases::CONFIG_EXEC_FORMAT,
        Trouble::MissingProgram => phrases::CONFIG_MISSING_PROGRAM,
        Trouble::PortInUse => phrases::CONFIG_PORT_IN_USE,
        Trouble::BadFlag => phrases::CONFIG_BAD_FLAG,
        Trouble::ReadOnly => phrases::CONFIG_READ_ONLY,
        Trouble::FilePermission => phrases::CONFIG_FILE_PERMISSION,
        Trouble::MissingSetting => phrases::CONFIG_MISSING_SETTING,
        Trouble::BadConfig => phrases::CONFIG_INVALID,
        Trouble::MissingFile => phrases::CONFIG_MISSING_FILE,
        Trouble::NoSpace | Trouble::HeapExhausted | Trouble::Schema | Trouble::TooManyFiles => {
            phrases::CRASH_LOOP_REASON
        }
    }
}

/// The name, and the rollout that took it away.
fn with_config(scene: &Scene, mut claim: Claim, found: &Complaint, unit: &Unit) -> Claim {
    let Some(name) = &found.name else { return claim };
    claim = claim.fact("name", name);
    let named = |text: &str| text.split(|c: char| c.is_whitespace() || ":=,\"'`".contains(c)).any(|word| word == name);
    let change = scene.rollouts().into_iter().take(2).find_map(|(id, rollout)| {
        rollout.changes.iter().find(|change| named(change)).map(|change| (id, rollout, change.clone()))
    });
    if let Some((id, rollout, change)) = change {
        claim.confidence = claim.confidence.max(0.95);
        return claim
            .cite([id])
            .fact("change", change)
            .fact("revision", rollout.revision.to_string())
            .maybe("at", rollout.at.map(|at| clock(at, scene.onset)));
    }
    if found.trouble == Trouble::MissingEnv
        && let Some(spec) = unit.spec
    {
        let present = spec.env.iter().any(|env| env == name);
        claim = claim.maybe("present", present.then_some("yes"));
        claim.confidence += if present { 0.0 } else { 0.04 };
    }
    claim
}

/// The record that best says why the process ended, with its root line.
fn reason<'a>(scene: &Scene<'a>, ends: &[DateTime<Utc>]) -> Option<(Record<'a>, String)> {
    let crashing_log =
        |record: &Record| record.last.is_some_and(|last| ends.iter().any(|end| (*end - last).abs() <= LAST_SECONDS));
    let score = |record: &Record| -> i32 {
        let found = complaint(record.text);
        let network = network::failure(record.text);
        4 * i32::from(record.last_word && record.complains)
            + 3 * i32::from(found.is_some())
            + 2 * i32::from(network.is_some())
            + 2 * i32::from(record.new)
            + 2 * i32::from(crashing_log(record))
            + 2 * i32::from(is_fatal(record.text))
            + i32::from(record.text.contains('\n'))
    };
    let records =
        scene.records().into_iter().filter(|record| record.complains && (record.worse || crashing_log(record)));
    let best =
        records.map(|record| (score(&record), record)).reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.and_then(|(_, record)| Some((record, root_line(record.text)?)))
}

fn is_fatal(text: &str) -> bool {
    [
        "Traceback",
        "panic",
        "FATAL",
        "fatal",
        "Exception in thread",
        "Unhandled",
        "Uncaught",
        "Caused by:",
        "[emerg]",
        "Segmentation fault",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// `Back-off restarting failed container` without the pods themselves.
fn by_event(scene: &Scene) -> Option<Claim> {
    let (id, event) = scene.events().into_iter().find(|(_, event)| {
        event.reason == "CrashLoopBackOff"
            || event.reason == "BackOff" && event.message.to_lowercase().contains("restarting failed container")
    })?;
    Some(with_logs(scene, id, 0.65).began(event.first))
}

/// Restarts by kube-state-metrics.
fn by_metrics(scene: &Scene) -> Option<Claim> {
    let (id, summary, loops) = scene.series().find_map(|seen| {
        let summary = seen.data.summary.as_ref()?;
        let loops = (seen.query.contains("CrashLoopBackOff") || summary.series.contains("CrashLoopBackOff"))
            && summary.peak > 0.0;
        let rose = metric_role(seen.query) == MetricRole::Restarts
            && summary.peak > summary.baseline.unwrap_or(0.0) + 0.5
            && !seen.query.contains("start_time");
        (loops || rose).then_some((seen.id, summary, loops))
    })?;
    let sure = loops || summary.baseline.is_some();
    let claim = with_logs(scene, id, if sure { 0.6 } else { 0.35 }).began(summary.stepped_at);
    Some(if claim.phrase == phrases::RESTARTS { claim.fact("series", &summary.series) } else { claim })
}

/// A crash that only events or metrics show, explained by the logs as far as they go.
fn with_logs(scene: &Scene, id: EvidenceId, confidence: f64) -> Claim {
    let about = scene.subject.object();
    let Some((record, line)) = reason(scene, &[]) else {
        return Claim::new(CrashLoop, phrases::RESTARTS, confidence, about, id).role(Role::Cause);
    };
    let found = complaint(record.text).filter(|found| found.trouble.is_config());
    match found {
        Some(found) => Claim::new(ConfigError, phrase_of(found.trouble), confidence + 0.1, about, id)
            .cite([record.id])
            .fact("line", line)
            .maybe("name", found.name),
        None => Claim::new(CrashLoop, phrases::CRASH_LOOP_LOGS, confidence + 0.05, about, id)
            .cite([record.id])
            .fact("line", line),
    }
}
